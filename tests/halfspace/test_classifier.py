"""The tester-learner as an estimator: what it learns, what it certifies, what it says when it does not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.stats import ortho_group
from sklearn.callback import ProgressBar
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.datasets import make_massart_halfspace
from statlearn.exceptions import NotCertifiedError, NotCertifiedWarning
from statlearn.halfspace._classifier import TestableHalfspaceClassifier, best_shift, split_rows

N, D = 20000, 5
QUICK = {"test_samples": 2000, "n_null": 99, "random_state": 0}


def true_excess(model, n_features):
    """Excess error under Gaussian rows: the angle to the first axis over 180 degrees."""
    normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
    return np.arccos(np.clip(normal[0], -1.0, 1.0)) / np.pi


@pytest.fixture(scope="module")
def noisy():
    return make_massart_halfspace(N, D, recipe="massart-far", random_state=0)


@pytest.fixture(scope="module")
def model(noisy):
    return TestableHalfspaceClassifier(**QUICK).fit(*noisy)


def quiet(**params):
    return TestableHalfspaceClassifier(**{**QUICK, "on_reject": "ignore", **params})


def test_a_certified_fit_has_a_bound_that_holds(model):
    assert model.accepted_
    assert model.certificate_.holds
    assert true_excess(model, D) <= model.angle_bound_ / 180.0 < model.excess_error_bound_ < 0.15
    assert model.gradient_norm_ < model.gradient_ucb_
    assert f"{model.excess_error_bound_:.3g}" in model.certificate_.claim


def test_wrong_labels_far_from_the_boundary_do_less_harm_than_to_a_convex_loss(noisy, model):
    convex = LogisticRegression(fit_intercept=False).fit(*noisy)
    assert true_excess(model, D) < 0.2 * true_excess(convex, D)


@pytest.mark.parametrize("noise", ["massart", "agnostic"])
def test_coin_flips_are_never_certified(rng, noise):
    X, y = rng.normal(size=(N, D)), rng.integers(2, size=N)
    assert not quiet(noise=noise).fit(X, y).accepted_


def test_errors_beyond_the_noise_bound_are_found(noisy):
    found = quiet(eta=0.1).fit(*noisy)
    assert found.certificate_["noise bound"].holds is False
    assert not found.accepted_


def test_rows_that_are_not_gaussian_are_found(rng):
    X = rng.laplace(size=(N, D))
    found = quiet(tolerance=0.0).fit(X, X[:, 0] > 0.0)
    assert found.certificate_["Gaussian"].holds is False
    assert found.p_value_ <= 0.05


def test_real_rows_are_refused_with_names_of_the_tests():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(NotCertifiedWarning, match="fitted but not certified .*Gaussian"):
        model = TestableHalfspaceClassifier(**QUICK).fit(X, y)
    assert model.score(X, y) > 0.9


def test_an_error_carries_the_fitted_estimator(rng):
    X = rng.laplace(size=(2000, 2))
    model = TestableHalfspaceClassifier(**QUICK, tolerance=0.0, on_reject="raise")
    with pytest.raises(NotCertifiedError, match="not certified") as caught:
        model.fit(X, X[:, 0] > 0.0)
    assert not hasattr(model, "coef_")  # a fit that fails leaves the estimator as it was
    assert caught.value.estimator.score(X, X[:, 0] > 0.0) > 0.9
    assert caught.value.certificate is caught.value.estimator.certificate_


def test_that_estimator_has_nothing_of_the_fit_left(rng):
    """A callback keeps its place in an estimator until the fit has ended."""
    X = rng.laplace(size=(2000, 2))
    y = X[:, 0] > 0.0
    model = TestableHalfspaceClassifier(**QUICK, tolerance=0.0, on_reject="raise").set_callbacks(ProgressBar())
    with pytest.raises(NotCertifiedError) as caught:
        model.fit(X, y)
    plain = TestableHalfspaceClassifier(**QUICK, tolerance=0.0, on_reject="ignore").fit(X, y)
    assert set(vars(caught.value.estimator)) == set(vars(plain)) | {"_skl_callbacks"}
    assert caught.value.estimator.set_params(on_reject="ignore").fit(X, y).score(X, y) > 0.9


def test_fresh_rows_are_examined_without_a_new_fit(model):
    before = dict(vars(model))
    fresh = make_massart_halfspace(N, D, recipe="massart-far", random_state=1)
    certificate = model.certify(*fresh)
    assert certificate.holds
    assert true_excess(model, D) < certificate.excess_error_bound < 0.25
    assert vars(model) == before
    X, y = fresh
    assert model.certify(X**3, y)["Gaussian"].holds is False
    assert model.certify(X, -y)["error"].holds is False
    with pytest.raises(ValueError, match="y must have the labels"):
        model.certify(X, y + 7)


def test_labels_that_are_exchanged_turn_the_normal(noisy, model):
    X, y = noisy
    turned = TestableHalfspaceClassifier(**QUICK).fit(X, -y)
    assert_array_equal(turned.coef_, -model.coef_)
    assert_array_equal(turned.predict(X), -model.predict(X))


def test_rotated_and_scaled_rows_have_the_same_predictions_and_certificate(noisy, model):
    X, y = noisy
    moved = X @ ortho_group.rvs(D, random_state=0) * 1e3 + 7.0
    twin = TestableHalfspaceClassifier(**QUICK).fit(moved, y)
    assert np.mean(twin.predict(moved) != model.predict(X)) < 1e-3
    for check, other in zip(model.certificate_.checks, twin.certificate_.checks, strict=True):
        assert_allclose(check.statistic, other.statistic, rtol=1e-3, atol=1e-4, err_msg=check.name)


def test_a_sparse_table_is_that_table(noisy):
    X, y = noisy
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    dense, sparse = quiet().fit(X, y), quiet().fit(csr_array(X), y)
    assert_allclose(sparse.coef_, dense.coef_, rtol=1e-6, atol=1e-9)
    assert_allclose(sparse.decision_function(csr_array(X[:9])), dense.decision_function(X[:9]), rtol=1e-6, atol=1e-9)


def test_unequal_weights_leave_the_marginal_undecided(noisy, rng):
    X, y = noisy
    weighted = quiet().fit(X, y, sample_weight=rng.random(N))
    assert weighted.certificate_["Gaussian"].holds is None
    assert not weighted.accepted_
    assert np.isnan(weighted.p_value_)
    constant = quiet().fit(X, y, sample_weight=np.full(N, 3.0))
    assert constant.accepted_


def test_rows_of_weight_zero_are_left_out(noisy):
    X, y = noisy
    weights = np.ones(N)
    weights[:1000] = 0.0
    bad = X.copy()
    bad[:1000] *= 1e6
    assert_allclose(quiet().fit(bad, y, weights).coef_, quiet().fit(X, y, weights).coef_, rtol=1e-12)


def test_an_intercept_moves_the_boundary_and_no_bound_covers_it(rng):
    X = rng.normal(size=(4000, 3))
    y = X[:, 0] > 1.0
    through_mean, shifted = quiet().fit(X, y), quiet(fit_intercept=True).fit(X, y)
    assert shifted.score(X, y) > 0.9 > 0.7 > through_mean.score(X, y)
    assert not shifted.accepted_
    assert not shifted.certificate_.covers_intercept
    assert any("intercept" in text for text in shifted.certificate_.assumptions)


@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.8])
def test_an_intercept_is_learned_under_noise(rng, threshold):
    """Flips of class and column, away from a boundary that is not at the mean, of 4 in 10 labels."""
    X = rng.normal(size=(20_000, 5))
    clean = X[:, 0] > threshold
    flipped = (np.abs(X[:, 0] - threshold) > 0.3) & (clean != (X[:, 1] > 0.0)) & (rng.random(20_000) < 0.4)
    model = quiet(fit_intercept=True, test_size=0.2).fit(X, clean ^ flipped)
    convex = LogisticRegression().fit(X, clean ^ flipped)
    assert np.mean(model.predict(X) != clean) < 0.2 * np.mean(convex.predict(X) != clean)


def test_a_plane_through_the_origin_stays_there(rng):
    X = rng.normal(size=(4000, 3)) + [0.0, 0.5, 0.0]
    model = quiet(center=False).fit(X, X[:, 0] > 0.0)
    assert model.intercept_[0] == 0.0
    assert model.certificate_["mean"].holds is False  # rows are not centered where the plane is


def test_bounds_without_an_assumption_about_noise_grow_with_the_share_of_wrong_labels(model):
    bounds = [model.excess_error_bound(opt) for opt in (0.0, 0.001, 0.01)]
    assert bounds == sorted(bounds)
    assert bounds[0] < 0.1
    assert model.excess_error_bound(0.5) == 0.0  # an error that is smaller than that exceeds it by nothing
    assert model.excess_error_bound() == model.excess_error_bound_
    with pytest.raises(ValueError, match="opt must be"):
        model.excess_error_bound(2.0)


def test_more_than_two_classes_are_refused(rng):
    with pytest.raises(ValueError, match="OneVsOneClassifier"):
        quiet().fit(rng.normal(size=(30, 2)), np.arange(30) % 3)


def test_small_tables_are_not_decided(rng):
    X = rng.normal(size=(40, 3))
    model = quiet().fit(X, X[:, 0] > 0.0)
    assert model.certificate_.holds is None
    assert model.angle_bound_ == 90.0
    assert model.excess_error_bound_ == 1.0


def test_pipelines_and_searches():
    X, y = load_breast_cancer(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quiet(n_null=19)), {"testablehalfspaceclassifier__width": [0.2, 1.0]}, cv=3
    )
    assert search.fit(X, y).best_score_ > 0.9


def test_splits_are_stratified(rng):
    signs = np.where(rng.random(1000) < 0.1, 1.0, -1.0)
    train, test = split_rows(signs, np.ones(1000), 0.3, rng)
    assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(1000))
    assert np.count_nonzero(signs[test] > 0.0) == int(0.3 * np.count_nonzero(signs > 0.0))
    train, _ = split_rows(np.array([-1.0, -1.0, 1.0]), np.ones(3), 0.9, rng)
    assert 2 in train


def test_the_best_shift_makes_the_fewest_errors(rng):
    margins = np.round(rng.normal(size=60), 1)  # with ties
    signs, weights = rng.choice([-1.0, 1.0], size=60), rng.random(60)

    def errors(shift):
        return weights @ ((margins + shift > 0.0) != (signs > 0.0))

    tried = -np.concatenate([margins - 0.05, margins + 0.05])
    assert errors(best_shift(margins, signs, weights)) == pytest.approx(min(map(errors, tried)))
