"""A certificate must not hold when its proof fails, and must hold where the fit is optimal."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ordinal_log_likelihood

from .helpers import crossed, fit, parallel


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("noise", [1e-5, 1e-7, 1e-8])
def test_nearly_collinear_free_columns_are_proved_or_not_claimed(noise, rng):
    """The same model in well-conditioned coordinates is the truth that a claimed gap must bound."""
    X, y, weights = parallel()
    extra = rng.normal(size=len(X))
    truth = PrestoClassifier(0.0, crossing="observed", tol=1e-10).fit(np.column_stack([X, extra]), y, weights)
    model = PrestoClassifier(0.0, crossing="observed").fit(np.column_stack([X, X[:, 0] + noise * extra]), y, weights)
    assert model.objective_ - truth.objective_ <= model.dual_gap_ + 1e-7
    assert bool(model.certificate_) == (model.dual_gap_ <= 1e-6 * max(1.0, model.objective_))


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.003, 0.0), (0.003, 0.5), (0.0, 1.0), (0.003, 1.0)])
def test_box_fits_are_certified_for_every_penalty(alpha, l1_ratio):
    X, y, weights = crossed()
    free = fit(X, y, weights, alpha=alpha, l1_ratio=l1_ratio, crossing="observed")
    model = fit(X, y, weights, alpha=alpha, l1_ratio=l1_ratio, crossing="box", tol=1e-7)
    assert model.objective_ > free.objective_ + 1e-4
    assert model.certificate_, model.certificate_


@pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, np.inf])
def test_class_weights_must_keep_every_class(factor):
    X, y, _ = parallel()
    with pytest.raises(ValueError, match="class_weight must give every class a positive, finite factor"):
        PrestoClassifier(class_weight={0: 1.0, 1: factor, 2: 1.0, 3: 1.0}).fit(X, y)


def test_isotonic_repair_far_in_the_tails():
    X, y, weights = parallel()
    model = fit(X, y, weights, repair="isotonic")
    model.coef_ = np.zeros_like(model.coef_)
    for intercept in ([50.0, 100.0, -3.0], [-800.0, -790.0, -900.0], [800.0, 900.0, 1000.0]):
        model.intercept_ = np.array(intercept)
        with pytest.warns(UserWarning, match="cross at 1 of 1 rows"):
            probabilities = model.predict_proba(X[:1])
        assert np.all(probabilities >= 0.0)
        assert probabilities.sum() == pytest.approx(1.0)


def test_log_likelihood_is_minus_infinity_where_the_observed_class_has_no_probability():
    assert ordinal_log_likelihood([1], [[50.0, 60.0]], classes=[0, 1, 2]) == -np.inf
    assert ordinal_log_likelihood([1], [[-800.0, -790.0]], classes=[0, 1, 2]) == -np.inf
    assert ordinal_log_likelihood([1], [[-790.0, -800.0]], classes=[0, 1, 2]) == pytest.approx(-790.0, abs=1e-3)


@pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")
def test_scorers_see_the_order_of_the_classes():
    X, y, _ = parallel(9, n_samples=240)
    names = np.array(["lowest", "low", "high", "highest"])
    scorer = get_scorer("neg_log_loss")
    coded = PrestoClassifierCV(alphas=6, cv=3, scoring=scorer).fit(X, y)
    named = PrestoClassifierCV(alphas=6, cv=3, scoring=scorer, classes=names).fit(X, names[y])
    np.testing.assert_array_equal(coded.cv_scores_, named.cv_scores_)


def test_scores_that_are_not_finite_choose_nothing():
    X, y, _ = parallel()
    with pytest.raises(ValueError, match="not finite in folds"):
        PrestoClassifierCV(alphas=3, cv=3, scoring=lambda model, X, y: np.nan).fit(X, y)


@pytest.mark.parametrize("crossing", ["observed", "train", "box"])
def test_separation_is_reported_in_every_domain(crossing):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 40)), np.arange(20) % 4
    with pytest.warns(ConvergenceWarning, match="separable"):
        model = PrestoClassifier(0.0, crossing=crossing).fit(X, y)
    assert not model.certificate_


def test_a_class_of_small_weight_keeps_its_optimum_in_the_box():
    X, y, _ = parallel()
    weights = np.where(y == 1, 1e-4, 1.0)
    box, train = (PrestoClassifier(0.01, crossing=crossing).fit(X, y, weights) for crossing in ("box", "train"))
    assert box.certificate_, box.certificate_
    assert box.objective_ >= train.objective_ - 1e-6


@pytest.mark.parametrize("crossing", ["train", "box"])
@pytest.mark.parametrize("weight", [1e-6, 1e-9, 1e-11])
def test_a_class_of_negligible_weight_keeps_its_place(crossing, weight):
    """The intercept-only fit, where the solver starts, has hardly any slack left there."""
    X, y, _ = parallel()
    model = PrestoClassifier(0.01, crossing=crossing).fit(X, y, np.where(y == 1, weight, 1.0))
    assert model.certificate_, model.certificate_


def test_a_class_of_hardly_any_weight_is_refused():
    X, y, _ = parallel()
    with pytest.raises(ValueError, match="leave class 1 a share of .* of the total weight.*merge it"):
        PrestoClassifier(0.01).fit(X, y, np.where(y == 1, 1e-14, 1.0))
