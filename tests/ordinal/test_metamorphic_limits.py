"""Special cases with a known answer, edge cases, and the guarantees of the crossing domains."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from statlearn.exceptions import CrossingWarning
from statlearn.ordinal import (
    PrestoClassifier,
    ProportionalOddsClassifier,
    presto_alpha_max,
)

from .helpers import DOMAINS, crossed, fit, parallel
from .reference import objective, parallel_data, smallest_training_gap

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

few = hypothesis.settings(max_examples=12)
seeds = st.integers(0, 10_000)


class TestLimits:
    def test_infinite_alpha_is_intercepts_only(self):
        X, y, weights = parallel()
        model = fit(X, y, weights, alpha=np.inf)
        share = np.bincount(y, weights=weights) / weights.sum()
        np.testing.assert_array_equal(model.coef_, 0.0)
        np.testing.assert_allclose(model.predict_proba(X), np.tile(share, (len(X), 1)), rtol=1e-8)
        assert model.df_ == 3

    def test_infinite_alpha_without_base_penalty_is_proportional_odds(self):
        X, y, weights = parallel()
        model = fit(X, y, weights, alpha=np.inf, base_penalty=0.0)
        other = ProportionalOddsClassifier(tol=1e-10).fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=1e-7)
        np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=0, atol=1e-7)
        above = fit(
            X,
            y,
            weights,
            alpha=1.01 * presto_alpha_max(X, y, base_penalty=0.0, sample_weight=weights),
            base_penalty=0.0,
        )
        np.testing.assert_allclose(above.coef_, other.coef_, rtol=0, atol=1e-7)

    @pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05])
    def test_two_classes_equal_scikit_learn(self, alpha):
        X, y, weights = parallel(2, n_samples=150, n_classes=2)
        Z = X - np.average(X, axis=0, weights=weights)
        Z /= np.sqrt(np.average(Z**2, axis=0, weights=weights))
        other = LogisticRegression(
            l1_ratio=1.0, solver="saga", C=1 / (alpha * weights.sum()), tol=1e-12, max_iter=100_000, random_state=0
        ).fit(Z, y, sample_weight=weights)
        for crossing in DOMAINS:
            model = fit(Z, y, weights, alpha=alpha, crossing=crossing)
            np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=1e-6)
            np.testing.assert_allclose(model.intercept_, other.intercept_, rtol=0, atol=1e-6)
            np.testing.assert_allclose(model.decision_function(Z), other.decision_function(Z), rtol=0, atol=1e-5)
            np.testing.assert_allclose(model.predict_proba(Z), other.predict_proba(Z), rtol=0, atol=1e-6)

    def test_two_classes_ridge_equals_scikit_learn(self):
        X, y, _ = parallel(3, n_samples=150, n_classes=2)
        Z = (X - X.mean(axis=0)) / X.std(axis=0)
        other = LogisticRegression(C=1 / (0.05 * len(y)), solver="newton-cholesky", tol=1e-12).fit(Z, y)
        model = fit(X, y, alpha=0.05, l1_ratio=0.0)
        np.testing.assert_allclose(model.coef_ * X.std(axis=0), other.coef_, rtol=0, atol=1e-6)

    def test_unpenalized_two_classes_equal_proportional_odds(self):
        X, y, weights = parallel(4, n_classes=2)
        model = fit(X, y, weights, alpha=0.0)
        other = ProportionalOddsClassifier().fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_more_features_than_rows(self, crossing):
        rng = np.random.default_rng(0)
        X, y, _ = parallel_data(rng, 60, 4, 4)
        X = np.hstack([X, rng.normal(size=(60, 90))])
        model = fit(X, y, alpha=0.03, crossing=crossing, tol=1e-6)
        assert model.dual_gap_ < 1e-4
        assert 0 < np.count_nonzero(model.coef_diff_) < 60

    def test_separable_data_converge_with_a_penalty(self):
        X = np.arange(40.0)[:, None]
        y = np.repeat([0, 1, 2, 3], 10)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = fit(X, y, alpha=1e-3)
        assert (model.predict(X) == y).mean() > 0.9
        assert np.isfinite(model.coef_).all()

    def test_separable_data_without_penalty_warn(self):
        X = np.arange(40.0)[:, None]
        y = np.repeat([0, 1, 2, 3], 10)
        with pytest.warns(ConvergenceWarning, match=r"separable.*alpha"):
            model = PrestoClassifier(0.0).fit(X, y)
        assert np.isfinite(model.coef_).all() and np.isfinite(model.predict_proba(X)).all()
        assert not model.certificate_

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_extremely_rare_class(self, crossing):
        X, y, _ = parallel(5, n_samples=200)
        y = np.minimum(y, 2)
        y[7] = 3
        model = fit(X, y, crossing=crossing)
        assert 0.0 < model.predict_proba(X)[:, 3].mean() < 0.03

    def test_far_predictors_stay_finite(self):
        X, y, weights = parallel()
        model = fit(X, y, weights, alpha=0.001)
        far = np.vstack([X.mean(axis=0) + 1e6 * direction for direction in np.vstack([np.eye(4), -np.eye(4)])])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CrossingWarning)
            assert np.abs(model.cut_logits(far)).max() > 700
            probabilities = model.predict_proba(far)
            logs = model.predict_log_proba(far)
        assert np.isfinite(probabilities).all() and np.isfinite(logs).all()
        np.testing.assert_allclose(np.exp(logs), probabilities, atol=1e-12)


class TestDomains:
    @few
    @given(seed=seeds, alpha=st.sampled_from([0.002, 0.01, 0.04]))
    def test_train_domain_has_no_better_feasible_neighbor(self, seed, alpha):
        X, y, weights = crossed(seed)
        model = fit(X, y, weights, alpha=alpha)
        assert smallest_training_gap(X, model.intercept_, model.coef_) >= -1e-9
        best = objective(X, y, model.intercept_, model.coef_, alpha=alpha, weights=weights)
        rng, feasible = np.random.default_rng(seed), 0
        for size in np.repeat([1e-1, 1e-2, 1e-3, 1e-4], 25):
            intercept = model.intercept_ + size * rng.normal(size=3)
            coef = model.coef_ + size * rng.normal(size=(3, 4))
            if smallest_training_gap(X, intercept, coef) < 0:
                continue
            feasible += 1
            assert objective(X, y, intercept, coef, alpha=alpha, weights=weights) >= best - 1e-9
        shrunk = 0.99 * model.coef_, 0.99 * model.intercept_  # always feasible: the constraints form a cone
        assert objective(X, y, shrunk[1], shrunk[0], alpha=alpha, weights=weights) >= best - 1e-9

    @few
    @given(seed=seeds, alpha=st.sampled_from([0.002, 0.01]))
    def test_box_domain_never_crosses_in_the_box(self, seed, alpha):
        X, y, weights = crossed(seed)
        model = fit(X, y, weights, alpha=alpha, crossing="box")
        rng = np.random.default_rng(seed)
        points = rng.uniform(X.min(axis=0), X.max(axis=0), size=(100_000, 4))
        corners = np.where(rng.random((1000, 4)) < 0.5, X.min(axis=0), X.max(axis=0))
        for rows in (points, corners):
            assert smallest_training_gap(rows, model.intercept_, model.coef_) >= -1e-9
        with warnings.catch_warnings():
            warnings.simplefilter("error", CrossingWarning)
            model.predict_proba(points[:1000])

    def test_domains_are_nested(self):
        X, y, weights = crossed()
        observed, train, box = (fit(X, y, weights, crossing=crossing).objective_ for crossing in DOMAINS)
        assert observed < train - 1e-3 and train < box - 1e-3

    def test_domains_agree_when_nothing_crosses(self):
        X, y, weights = parallel()
        observed, train, box = (fit(X, y, weights, alpha=0.05, crossing=crossing) for crossing in DOMAINS)
        assert observed.n_crossing_train_ == 0
        np.testing.assert_array_equal(train.coef_, observed.coef_)
        np.testing.assert_allclose(box.coef_, observed.coef_, atol=1e-6)


class TestStarts:
    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_warm_start_reaches_the_same_fit_from_other_data(self, crossing):
        """Coefficients of other rows may give an observed class no probability at all: then the start is dropped."""
        X, y, weights = crossed()
        other, other_y, _ = crossed(1)
        model = PrestoClassifier(1e-4, crossing="observed", warm_start=True, tol=1e-9).fit(5.0 * other, other_y)
        warm = model.set_params(alpha=0.01, crossing=crossing).fit(X, y, sample_weight=weights)
        cold = fit(X, y, weights, crossing=crossing)
        assert warm.objective_ == pytest.approx(cold.objective_, abs=1e-8)

    def test_warm_start_at_the_solution_takes_no_more_steps(self):
        X, y, weights = parallel()
        model = PrestoClassifier(0.01, warm_start=True).fit(X, y, sample_weight=weights)
        assert model.n_iter_ > 1
        assert model.fit(X, y, sample_weight=weights).n_iter_ == 1

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_a_callback_can_stop_the_fit(self, crossing):
        class StopAtOnce:
            def setup(self, estimator, context): ...

            def teardown(self, estimator, context): ...

            def on_fit_task_begin(self, estimator, context): ...

            def on_fit_task_end(self, estimator, context):
                return True

        X, y, weights = crossed()
        model = PrestoClassifier(1e-4, crossing=crossing).set_callbacks(StopAtOnce())
        with pytest.warns(ConvergenceWarning, match="stopped after 1 Newton steps"):
            model.fit(X, y, sample_weight=weights)
        assert model.n_iter_ == 1 and not model.certificate_
