"""Where solvers break: free slopes that cross, wide tables, vanishing penalties, extreme units."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from statlearn.datasets import make_rare_ordinal
from statlearn.ordinal import (
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    presto_alpha_max,
    presto_path,
)
from statlearn.ordinal._design import standardization

from .helpers import DOMAINS, crossed, fit, parallel, probabilities
from .reference import ConvexProgram, crossing_rows


def wide(n_samples=60, n_features=150, n_classes=4, seed=0):
    """More features than rows, classes from the first few."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    score = X[:, :3].sum(axis=1) + rng.logistic(size=n_samples)
    return X, np.argsort(np.argsort(score)) * n_classes // n_samples


class TestAlphaMax:
    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_is_exact_where_free_slopes_cross(self, crossing):
        X, y, weights = crossed()
        options = {"penalty_factor": [0.0, 0.0, 1.0, 1.0], "crossing": crossing}
        largest = presto_alpha_max(X, y, sample_weight=weights, **options)
        free = fit(X, y, weights, alpha=np.inf, penalty_factor=[0.0, 0.0, 1.0, 1.0], crossing="observed")
        assert crossing_rows(X, free.intercept_, free.coef_) >= 5
        above = fit(X, y, weights, alpha=1.001 * largest, **options)
        below = fit(X, y, weights, alpha=0.99 * largest, **options)
        np.testing.assert_array_equal(above.coef_diff_[:, 2:], 0.0)
        assert np.any(below.coef_diff_[:, 2:] != 0.0)
        path = presto_path(X, y, n_alphas=3, sample_weight=weights, **options)
        assert path.alphas[0] == pytest.approx(largest, rel=1e-4)  # the path solves to its own tolerance

    @pytest.mark.parametrize(
        "call",
        [
            lambda X, y: presto_alpha_max(X, y, base_penalty=0.0),
            lambda X, y: presto_path(X, y, base_penalty=0.0),
            lambda X, y: PrestoClassifierCV(base_penalty=0.0, cv=3).fit(X, y),
        ],
        ids=["presto_alpha_max", "presto_path", "PrestoClassifierCV"],
    )
    def test_does_not_exist_where_free_slopes_separate(self, call):
        X, y = wide()
        with pytest.raises(ValueError, match="alpha_max does not exist: the data are separable.*base_penalty"):
            call(X, y)


class TestAlphaMaxOfPaths:
    def test_the_first_point_has_nothing_but_what_is_free(self):
        """It is the very solution that alpha_max was read off."""
        X, y = make_rare_ordinal(800, 4, random_state=1)
        path = presto_path(X, y, base_penalty=0.0, n_alphas=3)
        assert path.df[0] == 3 + 4
        np.testing.assert_array_equal(np.ptp(path.coefs[0], axis=0), 0.0)


class TestNoPenalty:
    """The free problem may be separable where the constrained one has a minimizer."""

    def test_constraints_can_make_the_maximum_finite(self):
        X, y = make_rare_ordinal(800, 4, random_state=0)
        with pytest.warns(ConvergenceWarning, match="separable"):
            PrestoClassifier(0.0, crossing="observed").fit(X, y)
        odds = ProportionalOddsClassifier().fit(X, y).log_likelihood_
        penalized = PrestoClassifier(1e-5).fit(X, y)
        for crossing in ("train", "box"):
            model = PrestoClassifier(0.0, crossing=crossing).fit(X, y)
            assert model.certificate_, model.certificate_
            assert model.log_likelihood_ > odds
            value = ConvexProgram(X, y, crossing=crossing).solve(0.0)[0]
            assert model.objective_ == pytest.approx(value, rel=1e-6)
        path = presto_path(X, y, alphas=[1e-2, 1e-4, 0.0])
        model = PrestoClassifier(0.0).fit(X, y)
        assert path.log_likelihood[-1] == pytest.approx(model.log_likelihood_, rel=1e-8)
        assert penalized.relaxed_fit(X, y).estimator.log_likelihood_ >= penalized.log_likelihood_

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_separated_classes_are_separated(self, crossing):
        X = np.random.default_rng(0).normal(size=(300, 3))
        y = np.digitize(X[:, 0], [-0.5, 0.5, 1.6])
        with pytest.warns(ConvergenceWarning, match="separable"):
            model = PrestoClassifier(0.0, crossing=crossing).fit(X, y)
        assert np.mean(probabilities(model, X).argmax(axis=1) == y) == 1.0
        assert not model.certificate_


class TestWide:
    @pytest.mark.parametrize("crossing", DOMAINS)
    @pytest.mark.parametrize("alpha", [0.05, 0.005])
    def test_minimum_equals_the_oracle(self, alpha, crossing):
        X, y = wide(40, 60)
        model = PrestoClassifier(alpha, crossing=crossing).fit(X, y)
        assert model.certificate_, model.certificate_
        value = ConvexProgram(X, y, crossing=crossing).solve(alpha)[0]
        assert model.objective_ == pytest.approx(value, rel=1e-6)
        assert model.n_crossing_train_ == 0 or crossing == "observed"

    @pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("crossing", ["train", "box"])
    def test_hundreds_of_constraints_are_kept_and_certified(self, crossing, l1_ratio):
        X, y = wide(150, 200)
        free = PrestoClassifier(2e-3, crossing="observed", l1_ratio=l1_ratio).fit(X, y)
        model = PrestoClassifier(2e-3, crossing=crossing, l1_ratio=l1_ratio).fit(X, y)
        assert model.certificate_, model.certificate_
        assert model.objective_ >= free.objective_ - 1e-6

    def test_some_do_cross_when_they_may(self):
        X, y = wide(150, 200)
        assert PrestoClassifier(2e-3, crossing="observed").fit(X, y).n_crossing_train_ >= 20

    @pytest.mark.parametrize("crossing", ["train", "box"])
    def test_hardly_any_penalty(self, crossing):
        X, y = wide(40, 80)
        model = PrestoClassifier(1e-6, crossing=crossing).fit(X, y)
        assert model.certificate_, model.certificate_


class TestUnits:
    @pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("scale", [1e-280, 1e-160, 1e160, 1e280])
    def test_columns_of_any_size_are_standardized(self, scale, as_table):
        X, y, weights = parallel()
        model = fit(as_table(scale * X), y, weights)
        expected = fit(X, y, weights)
        assert model.objective_ == pytest.approx(expected.objective_, rel=1e-10)
        np.testing.assert_allclose(model.coef_ * scale, expected.coef_, rtol=1e-6, atol=1e-9)

    def test_columns_that_cannot_be_scaled_are_refused(self):
        X, y, _ = parallel()
        X[:, 2] = np.where(X[:, 2] > 0.0, 1e-305, 0.0)
        with pytest.raises(ValueError, match="X: column 2 ranges over 1e-305, .* cannot scale"):
            PrestoClassifier().fit(X, y)

    def test_ranges_that_overflow_are_refused(self):
        """scikit-learn's own check of finiteness sums such columns first, and warns."""
        with pytest.raises(ValueError, match="X: column 0 ranges over inf"):
            standardization(np.array([[-1.5e308], [1.5e308]]), np.array([0.5, 0.5]), scale=True)

    def test_single_precision_is_not_asked_for_more_than_it_has(self):
        """Without standardization the solver meets the units themselves."""
        X, y, weights = parallel()
        model = PrestoClassifier(0.01 * 1e9, standardize=False).fit(1e9 * X, y, weights)
        expected = PrestoClassifier(0.01, standardize=False).fit(X, y, weights)
        assert model.objective_ == pytest.approx(expected.objective_, abs=1e-6)

    def test_a_tolerance_above_every_gradient_is_not_taken_for_convergence(self):
        """The optimality conditions hold to ``tol`` from the start; the duality gap tells that nothing was solved."""
        X, y, weights = parallel()
        expected = PrestoClassifier(0.01, standardize=False).fit(X, y, weights)
        with pytest.warns(ConvergenceWarning, match="duality gap"):
            model = PrestoClassifier(1e-11, standardize=False).fit(1e-9 * X, y, weights)
        assert model.dual_gap_ >= model.objective_ - expected.objective_ - 1e-9
        assert not model.certificate_


def test_cuts_that_rounding_makes_equal_leave_the_class_between_them_none(rng):
    """Far from the training rows, scores are -inf for that class, neither NaN nor infinite for another one."""
    X = rng.normal(size=(90, 2))
    y = np.argsort(np.argsort(X.sum(axis=1) + rng.logistic(size=90))) * 3 // 90
    model = ProportionalOddsClassifier().fit(X, y)
    far = np.array([[1e30, 1e30], [-1e30, -1e30]])
    for scores in (model.decision_function(far), model.predict_log_proba(far)):
        np.testing.assert_array_equal(scores[:, 1], -np.inf)
        assert np.isfinite(scores[:, [0, 2]]).all()
    np.testing.assert_array_equal(model.predict(far), [2, 0])
