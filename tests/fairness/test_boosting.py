"""The boosting objective: derivatives, both libraries against their own objectives, and what the penalty does there."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import expit

from statlearn.datasets import make_motor_claims
from statlearn.dependence import DistanceCovariancePenalty
from statlearn.fairness import ProtectedEncoder, make_boosting_objective

N_ROUNDS = 40
SINGLE = 2e-6  # boosting libraries keep predictions in single precision


@pytest.fixture(scope="module")
def motor():
    return make_motor_claims(1200, gerrymandering=1.0, random_state=3)


def penalty_of(S, measure="ccdcov", sample_weight=None):
    encoder = ProtectedEncoder()
    return DistanceCovariancePenalty(measure).fit(encoder.split(encoder.fit_transform(S)), sample_weight)


LOSSES = {
    "squared_error": (lambda y, u: 0.5 * (y - u) ** 2, lambda u: u),
    "poisson": (lambda y, u: np.exp(u) - y * u, np.exp),
    "logistic": (lambda y, u: np.logaddexp(0.0, u) - y * u, expit),
}


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_gradient_and_hessian_are_derivatives(rng, loss, measure):
    n = 40
    S = np.column_stack([rng.integers(2, size=n), rng.integers(3, size=n)])
    weights = rng.integers(1, 4, size=n).astype(float)
    y, u = rng.integers(2, size=n).astype(float), rng.normal(size=n)
    value, mean = LOSSES[loss]
    penalty = penalty_of(S, measure, weights)

    def objective_value(u, fairness_weight=3.0):
        return weights @ value(y, u) + weights.sum() * fairness_weight * penalty.excess(mean(u))

    objective = make_boosting_objective(S, fairness_weight=3.0, loss=loss, measure=measure, sample_weight=weights)
    gradient, hessian = objective(y, u)
    step = 1e-6
    for i, direction in enumerate(np.eye(n)):
        slope = (objective_value(u + step * direction) - objective_value(u - step * direction)) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-7)
    plain = make_boosting_objective(S, fairness_weight=0.0, loss=loss, sample_weight=weights)
    curvature = (plain(y, u + step)[0] - plain(y, u - step)[0]) / (2 * step)
    np.testing.assert_allclose(hessian, curvature, rtol=1e-6)


def test_weights_are_repetitions(rng):
    n = 30
    S, y, u = rng.integers(2, size=(n, 2)), rng.poisson(1.0, size=n), rng.normal(size=n)
    weights = rng.integers(0, 4, size=n)
    weighted = make_boosting_objective(S, loss="poisson", sample_weight=weights)(y, u)
    rows = np.repeat(np.arange(n), weights)
    repeated = make_boosting_objective(S[rows], loss="poisson")(y[rows], u[rows])
    for ours, theirs in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(ours, np.bincount(rows, theirs, minlength=n), rtol=1e-10, atol=1e-12)


def test_a_constant_start_has_the_gradient_of_the_loss(motor):
    objective = make_boosting_objective(motor.sensitive, loss="poisson", fairness_weight=100.0)
    gradient, hessian = objective(motor.target, np.zeros(1200))
    np.testing.assert_allclose(gradient, 1.0 - motor.target, atol=1e-12)
    np.testing.assert_array_equal(hessian, 1.0)


def test_predictions_out_of_range_do_not_overflow(motor):
    objective = make_boosting_objective(motor.sensitive, loss="poisson")
    u = np.log(motor.rate)
    u[0], u[1] = 1e4, -1e4
    gradient, hessian = objective(motor.target, u)
    assert np.isfinite(gradient).all() and np.isfinite(hessian).all() and (hessian > 0).all()
    assert gradient[0] == gradient[1] == 0.0


def test_single_precision_from_the_library(motor):
    objective = make_boosting_objective(motor.sensitive, loss="poisson", fairness_weight=2.0)
    u = np.log(motor.rate).astype(np.float32)
    single = objective(motor.target.astype(np.float32), u)
    double = objective(motor.target.astype(np.float64), u.astype(np.float64))
    np.testing.assert_array_equal(single, double)
    assert single[0].dtype == np.float64


def test_measure_and_encoder_objects(motor):
    u = np.log(motor.rate)
    by_name = make_boosting_objective(motor.sensitive, loss="poisson", measure="jdcov")
    by_object = make_boosting_objective(motor.sensitive, loss="poisson", measure=DistanceCovariancePenalty("jdcov"))
    np.testing.assert_array_equal(by_name(motor.target, u), by_object(motor.target, u))
    given, encoder = DistanceCovariancePenalty("ccdcov", normalize="dcor"), ProtectedEncoder(scaling="dvar")
    normalized = make_boosting_objective(motor.sensitive, loss="poisson", measure=given, encoder=encoder)
    assert not hasattr(given, "n_samples_") and not hasattr(encoder, "blocks_")
    gradient = normalized(motor.target, u)[0]
    assert (gradient != by_name(motor.target, u)[0]).any()
    excess = gradient - (motor.rate - motor.target)
    assert np.abs(excess).max() > 0.01
    assert abs(excess.sum()) < 1e-10 * np.abs(excess).sum()  # the measure does not change with the scale of the rates


def test_pickle_and_copy(motor):
    objective = make_boosting_objective(motor.sensitive, loss="poisson", fairness_weight=2.0)
    expected = objective(motor.target, np.log(motor.rate))
    for twin in (pickle.loads(pickle.dumps(objective)), copy.deepcopy(objective)):
        np.testing.assert_array_equal(twin(motor.target, np.log(motor.rate)), expected)


class TestLightGBM:
    options = {"n_estimators": N_ROUNDS, "verbose": -1, "n_jobs": 1, "num_leaves": 8}

    @pytest.fixture
    def lightgbm(self):
        return pytest.importorskip("lightgbm")

    def test_squared_error_is_its_own(self, lightgbm, motor):
        ours = make_boosting_objective(motor.sensitive, fairness_weight=0.0)
        y = np.log(motor.rate)
        model = lightgbm.LGBMRegressor(objective=ours, **self.options).fit(motor.data, y)
        own = lightgbm.LGBMRegressor(boost_from_average=False, **self.options).fit(motor.data, y)
        np.testing.assert_allclose(model.predict(motor.data), own.predict(motor.data), atol=SINGLE)

    def test_poisson_with_exposures_is_its_own(self, lightgbm, motor):
        y, w = motor.target / motor.exposure, motor.exposure
        ours = make_boosting_objective(motor.sensitive, loss="poisson", fairness_weight=0.0, sample_weight=w)
        model = lightgbm.LGBMRegressor(objective=ours, **self.options).fit(motor.data, y, sample_weight=w)
        own = lightgbm.LGBMRegressor(
            objective="poisson", boost_from_average=False, poisson_max_delta_step=1e-12, **self.options
        ).fit(motor.data, y, sample_weight=w)
        np.testing.assert_allclose(np.exp(model.predict(motor.data)), own.predict(motor.data), rtol=SINGLE)

    def test_logistic_is_its_own(self, lightgbm, motor):
        y = motor.target > 0
        ours = make_boosting_objective(motor.sensitive, loss="logistic", fairness_weight=0.0)
        model = lightgbm.LGBMClassifier(objective=ours, **self.options).fit(motor.data, y)
        own = lightgbm.LGBMClassifier(boost_from_average=False, **self.options).fit(motor.data, y)
        raw = [classifier.predict(motor.data, raw_score=True) for classifier in (model, own)]
        np.testing.assert_allclose(*raw, atol=SINGLE)

    def test_weights_of_the_booster_must_agree(self, lightgbm, motor):
        ours = make_boosting_objective(motor.sensitive)
        model = lightgbm.LGBMRegressor(objective=ours, **self.options)
        with pytest.raises(ValueError, match="sample_weight given to the booster differs from that of the objective"):
            model.fit(motor.data, motor.target, sample_weight=motor.exposure)

    def test_rows_may_be_subsampled(self, lightgbm, motor):
        ours = make_boosting_objective(motor.sensitive, loss="poisson")
        model = lightgbm.LGBMRegressor(
            objective=ours, subsample=0.5, subsample_freq=1, random_state=0, **self.options
        ).fit(motor.data, motor.target)
        assert np.isfinite(model.predict(motor.data)).all()

    def test_distance_correlation_falls_with_the_normalized_weight(self, lightgbm, motor):
        penalty = penalty_of(motor.sensitive)
        measure = DistanceCovariancePenalty("ccdcov", normalize="dcor")
        found = []
        for fairness_weight in (0.0, 0.1, 0.3):
            ours = make_boosting_objective(
                motor.sensitive, loss="poisson", fairness_weight=fairness_weight, measure=measure
            )
            model = lightgbm.LGBMRegressor(objective=ours, **self.options).fit(motor.data, motor.target)
            found.append(penalty.distance_correlation(np.exp(model.predict(motor.data))))
        assert found[1] < 0.7 * found[0] and found[2] < 0.7 * found[1]

    def test_gerrymandering_is_seen_by_ccdcov_and_not_by_sum(self, lightgbm, rng):
        n = 2000
        S = rng.integers(2, size=(n, 2))
        X = np.column_stack([2.0 * (S[:, 0] != S[:, 1]) - 1.0, np.zeros(n)]) + rng.normal(size=(n, 2))
        y = X.sum(axis=1) + rng.normal(size=n)

        def gap(fairness_weight, measure):
            ours = make_boosting_objective(S, fairness_weight=fairness_weight, measure=measure)
            model = lightgbm.LGBMRegressor(objective=ours, **{**self.options, "n_estimators": 150})
            f = model.fit(X, y).predict(X)
            means = np.bincount(S @ [2, 1], f) / np.bincount(S @ [2, 1])
            return np.ptp(means)

        unpenalized = gap(0.0, "ccdcov")
        assert unpenalized == pytest.approx(2.0, abs=0.3)
        assert gap(100.0, "sum") > 0.9 * unpenalized
        assert gap(100.0, "ccdcov") < 0.25 * unpenalized


class TestXGBoost:
    options = {"n_estimators": N_ROUNDS, "n_jobs": 1, "max_depth": 3, "learning_rate": 0.1}

    @pytest.fixture
    def xgboost(self):
        return pytest.importorskip("xgboost")

    def test_squared_error_is_its_own(self, xgboost, motor):
        ours = make_boosting_objective(motor.sensitive, fairness_weight=0.0)
        y = np.log(motor.rate)
        model = xgboost.XGBRegressor(objective=ours, base_score=0.0, **self.options).fit(motor.data, y)
        own = xgboost.XGBRegressor(base_score=0.0, **self.options).fit(motor.data, y)
        np.testing.assert_allclose(model.predict(motor.data), own.predict(motor.data), atol=SINGLE)

    def test_poisson_with_exposures_is_its_own(self, xgboost, motor):
        y, w = motor.target / motor.exposure, motor.exposure
        ours = make_boosting_objective(motor.sensitive, loss="poisson", fairness_weight=0.0, sample_weight=w)
        model = xgboost.XGBRegressor(objective=ours, base_score=0.0, **self.options)
        model.fit(motor.data, y, sample_weight=w)
        own = xgboost.XGBRegressor(objective="count:poisson", base_score=1.0, max_delta_step=0, **self.options)
        own.fit(motor.data, y, sample_weight=w)
        np.testing.assert_allclose(np.exp(model.predict(motor.data)), own.predict(motor.data), rtol=1e-5)

    def test_logistic_is_its_own(self, xgboost, motor):
        y = (motor.target > 0).astype(int)
        ours = make_boosting_objective(motor.sensitive, loss="logistic", fairness_weight=0.0)
        model = xgboost.XGBClassifier(objective=ours, **self.options).fit(motor.data, y)
        own = xgboost.XGBClassifier(base_score=0.5, **self.options).fit(motor.data, y)
        probabilities = [classifier.predict_proba(motor.data) for classifier in (model, own)]
        np.testing.assert_allclose(*probabilities, atol=SINGLE)

    def test_weights_of_the_booster_must_agree(self, xgboost, motor):
        ours = make_boosting_objective(motor.sensitive)
        model = xgboost.XGBRegressor(objective=ours, **self.options)
        with pytest.raises(ValueError, match="sample_weight given to the booster differs from that of the objective"):
            model.fit(motor.data, motor.target, sample_weight=motor.exposure)

    def test_distance_correlation_falls_with_the_normalized_weight(self, xgboost, motor):
        penalty = penalty_of(motor.sensitive)
        measure = DistanceCovariancePenalty("ccdcov", normalize="dcor")
        found = []
        for fairness_weight in (0.0, 0.1, 0.3):
            ours = make_boosting_objective(
                motor.sensitive, loss="poisson", fairness_weight=fairness_weight, measure=measure
            )
            model = xgboost.XGBRegressor(objective=ours, base_score=0.0, **self.options)
            found.append(penalty.distance_correlation(np.exp(model.fit(motor.data, motor.target).predict(motor.data))))
        assert found[1] < 0.7 * found[0] and found[2] < 0.7 * found[1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"fairness_weight": -1.0}, "'fairness_weight' parameter of make_boosting_objective"),
        ({"loss": "gamma"}, "'loss' parameter of make_boosting_objective"),
        ({"measure": "mmd"}, "'measure' parameter of make_boosting_objective"),
        ({"encoder": "unit"}, "'encoder' parameter of make_boosting_objective"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have 8 entries. Got 3"),
        ({"sample_weight": -np.ones(8)}, "sample_weight must be finite and non-negative"),
        ({"sample_weight": np.full(8, 0.25)}, "unbiased distance covariance needs .*sample_weight"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_boosting_objective(np.arange(8) % 2, **arguments)


def test_bad_sensitive_features():
    with pytest.raises(ValueError, match="unbiased distance covariance needs at least 4 samples, got n_samples = 3"):
        make_boosting_objective([0, 1, 0])
    with pytest.raises(ValueError, match="NaN"):
        make_boosting_objective([0.0, 1.0, np.nan, 0.3, 0.4])


def test_other_rows_and_bad_targets_are_refused():
    objective = make_boosting_objective(np.arange(8) % 2, loss="logistic")
    with pytest.raises(ValueError, match=r"y_pred must have shape \(8,\).*make a new objective"):
        objective(np.ones(8), np.zeros(7))
    with pytest.raises(ValueError, match=r"y_true must have shape \(8,\)"):
        objective(np.ones((8, 2)), np.zeros(8))
    with pytest.raises(TypeError, match="y_true must be numbers. Got dates"):
        objective(np.datetime64("2024-01-01") + np.arange(8), np.zeros(8))
    with pytest.raises(ValueError, match="out of the valid range"):
        objective(np.full(8, 2.0), np.zeros(8))
