"""The path: warm starts against single fits, the largest useful weight, its table, its certificate, progress."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from statlearn.dependence import distance_covariance
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairRegressor,
    FairnessPath,
    fairness_path,
)

from .problems import Objective, encoded, fit, fitted, gerrymandered, make_data, make_model
from .test_glm import Recorder


@pytest.mark.parametrize("kind", ["squared_error", "poisson", "binary", "multinomial"])
@pytest.mark.parametrize("normalize", [None, "dcor"])
def test_each_fit_is_as_good_as_one_by_itself(rng, kind, normalize):
    data = make_data(rng, kind, n_samples=800)
    estimator = make_model(kind, 1.0, normalize=normalize)
    weights = np.array([0.0, 0.05, 0.3, 1.0])
    path = fairness_path(*data, estimator=estimator, fairness_weights=weights)
    for position, weight in enumerate(weights):
        single = fitted(kind, weight, data, normalize=normalize)
        objective = single.loss_ + weight * single.penalty_excess_
        assert path.losses[position] + weight * path.penalty_excesses[position] == pytest.approx(objective, abs=1e-5)
        assert path.coefs[position].shape == single.coef_.shape
        assert path.intercepts[position].shape == np.shape(single.intercept_)
    np.testing.assert_allclose(path.coefs[0], fitted(kind, 0.0, data).coef_, rtol=1e-6)


def test_the_columns_are_those_of_the_predictions(rng):
    data = make_data(rng)
    path = fairness_path(*data, fairness_weights=[0.0, 1.0])
    for position in range(2):
        predictions = data.X @ path.coefs[position] + path.intercepts[position]
        assert path.losses[position] == pytest.approx(0.5 * np.mean((data.y - predictions) ** 2))
        assert path.deviations[position] == pytest.approx(predictions.std())
        assert path.penalty_excesses[position] == pytest.approx(
            distance_covariance(predictions, np.hstack(encoded(data.S)))
        )
    single = fitted("squared_error", 0.0, data)
    assert path.distance_correlations[0] == pytest.approx(single.distance_correlation_)
    assert path.unfairness_ratios[0] == pytest.approx(single.unfairness_ratio_)


def test_weights_are_sorted(rng):
    path = fairness_path(*make_data(rng), fairness_weights=[1, 0, 0.5, 1])
    np.testing.assert_array_equal(path.fairness_weights, [0.0, 0.5, 1.0])
    assert path.largest_weight is None


def test_objectives_rise_and_penalties_fall(rng):
    path = fairness_path(*make_data(rng, n_samples=1000), n_fairness_weights=8)
    assert np.all(np.diff(path.losses) >= -1e-7)
    assert np.all(np.diff(path.penalty_excesses) <= 1e-7)
    assert np.all(np.diff(path.losses + path.fairness_weights * path.penalty_excesses) > 0.0)


class TestLargestWeight:
    def test_of_one_feature_is_known(self, rng):
        data = make_data(rng, n_features=1)
        known = abs(np.cov(data.X[:, 0], data.y, ddof=0)[0, 1]) / distance_covariance(
            data.X[:, 0], np.hstack(encoded(data.S))
        )
        path = fairness_path(*data, n_fairness_weights=5, eps=0.01)
        # A thousandth of the penalty is left just below: that counts as nothing.
        assert 0.97 * known <= path.largest_weight <= 1.02 * known
        np.testing.assert_allclose(path.fairness_weights, path.largest_weight * np.geomspace(0.01, 1.0, 5), rtol=1e-12)
        assert path.deviations[-1] < 0.01 * path.deviations[0]

    @pytest.mark.parametrize("kind", ["poisson", "binary"])
    def test_nothing_is_left_to_remove_there(self, rng, kind):
        data = make_data(rng, kind, n_samples=1000)
        path = fairness_path(*data, estimator=make_model(kind, 1.0), n_fairness_weights=4)
        plain = fitted(kind, 0.0, data)
        assert path.penalty_excesses[-1] <= 2e-3 * plain.penalty_excess_
        assert path.penalty_excesses[-2] > 2e-3 * plain.penalty_excess_

    def test_of_a_correlation(self, rng):
        data = make_data(rng, n_samples=1000)
        path = fairness_path(*data, estimator=make_model("squared_error", 1.0, normalize="dcor"), n_fairness_weights=6)
        assert path.distance_correlations[-1] < 0.05 * path.distance_correlations[0]
        assert path.deviations[-1] > 0.2 * path.deviations[0]

    def test_of_one_feature_whose_correlation_cannot_fall(self, rng):
        data = make_data(rng, n_features=1)
        path = fairness_path(*data, estimator=make_model("squared_error", 1.0, normalize="dcor"), n_fairness_weights=3)
        assert np.isfinite(path.largest_weight)
        np.testing.assert_allclose(path.distance_correlations, path.distance_correlations[0])

    def test_one_weight_is_the_largest(self, rng):
        path = fairness_path(*make_data(rng), n_fairness_weights=1)
        np.testing.assert_array_equal(path.fairness_weights, [path.largest_weight])

    def test_there_is_none_without_dependence(self):
        X = np.tile(np.arange(10.0), 2)[:, None]
        group = np.repeat([0, 1], 10)
        with pytest.raises(ValueError, match="fairness_weights must be given: predictions without penalty show no"):
            fairness_path(X, X[:, 0] + np.tile([0.1, -0.1], 10), group)


class TestResult:
    def test_table(self, rng):
        pytest.importorskip("pandas")
        path = fairness_path(*make_data(rng), fairness_weights=[0, 1])
        frame = path.to_frame()
        assert frame.columns.tolist() == [
            "fairness_weight",
            "loss",
            "penalty_excess",
            "distance_correlation",
            "unfairness_ratio",
            "deviation",
        ]
        np.testing.assert_array_equal(frame["loss"], path.losses)
        assert isinstance(path, FairnessPath)

    def test_certificate(self, rng):
        data = make_data(rng, n_features=1)
        path = fairness_path(*data, fairness_weights=[0.0, 0.5, 1.0, 1e6])
        assert path.certificate
        assert path.certificate["fits that finished"].statistic == 4
        assert path.certificate["fits paid for by shrinking"].statistic == 3  # all but the first

    def test_fits_that_did_not_finish(self, rng):
        data = make_data(rng, "poisson")
        with pytest.warns(ConvergenceWarning, match=r"fairness_path: \d of 2 fits did not finish"):
            path = fairness_path(*data, estimator=make_model("poisson", 1.0, max_iter=2), fairness_weights=[0, 1])
        assert not path.certificate


class TestEstimator:
    def test_its_parameters_count(self, rng):
        data = gerrymandered(0, 1000)
        blind, seeing = (
            fairness_path(*data, estimator=DistanceCovarianceFairRegressor(measure=measure), fairness_weights=[0, 20])
            for measure in ("sum", "jdcov")
        )
        assert blind.unfairness_ratios[1] > 0.8 * blind.unfairness_ratios[0]
        assert seeing.unfairness_ratios[1] < 0.3 * seeing.unfairness_ratios[0]

    def test_it_is_left_alone(self, rng):
        data = make_data(rng, "binary")
        estimator = DistanceCovarianceFairClassifier(7.0)
        fairness_path(*data, estimator=estimator, fairness_weights=[0, 1])
        assert not [name for name in vars(estimator) if name.endswith("_")]
        assert estimator.fairness_weight == 7.0

    def test_sensitive_columns(self, rng):
        data = make_data(rng)
        table = np.column_stack([data.X, data.S])  # of floats: the second attribute is a quantity here
        inside = fairness_path(
            table,
            data.y,
            estimator=DistanceCovarianceFairRegressor(sensitive_columns=[3, 4]),
            fairness_weights=[0, 1],
        )
        outside = fairness_path(data.X, data.y, data.S.astype(float), fairness_weights=[0, 1])
        np.testing.assert_allclose(inside.coefs, outside.coefs, atol=1e-6)

    def test_weights_of_rows(self, rng):
        data = make_data(rng, "poisson")
        weights = rng.uniform(0.5, 2.0, size=300)
        estimator = make_model("poisson", 1.0, penalize_on="count")
        path = fairness_path(*data, estimator=estimator, fairness_weights=[0.5], sample_weight=weights)
        single = fit(make_model("poisson", 0.5, penalize_on="count"), *data, sample_weight=weights)
        np.testing.assert_allclose(path.coefs[0], single.coef_, atol=1e-4)

    def test_callbacks_see_one_step_per_weight(self, rng):
        recorder = Recorder()
        estimator = DistanceCovarianceFairRegressor().set_callbacks(recorder)
        fairness_path(*make_data(rng), estimator=estimator, fairness_weights=[0, 1, 2])
        assert recorder.steps == 3

    def test_callbacks_can_stop_it(self, rng):
        estimator = DistanceCovarianceFairRegressor().set_callbacks(Recorder(stop_at=2))
        path = fairness_path(*make_data(rng), estimator=estimator, fairness_weights=[0, 1, 2])
        np.testing.assert_array_equal(path.fairness_weights, [0.0, 1.0])
        assert len(path.losses) == 2


def test_the_path_is_not_far_from_the_best(rng):
    """Warm starts do not lock a path into bad local solutions."""
    data = make_data(rng, "binary", n_samples=600, n_features=4)
    objective = Objective("binary", data)
    weights = np.array([0.0, 1.0, 3.0, 6.0])
    path = fairness_path(*data, estimator=make_model("binary", 1.0), fairness_weights=weights)
    for coef, intercept, weight in zip(path.coefs, path.intercepts, weights, strict=True):
        theta = np.append(coef, intercept)
        found = objective.value(theta, weight)
        for _ in range(30):
            assert objective.value(theta + 0.02 * rng.normal(size=5), weight) > found - 1e-6
