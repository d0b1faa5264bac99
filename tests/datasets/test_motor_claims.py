"""The motor portfolio: the law that it documents, the proxies, the interaction without marginal effect, and shapes."""

import sys

import numpy as np
import pytest
from scipy import stats

from statlearn.datasets import make_motor_claims

LARGE = 100_000
SIGMAS = 5.0  # a correct mean leaves this band once in two million draws

SHARES = {"north": 0.3, "east": 0.3, "south": 0.2, "west": 0.2}
SIGNS = {"north": 1.0, "east": -1.0, "south": 1.0, "west": -1.0}
LOG_DENSITIES = {"north": 6.5, "east": 5.5, "south": 5.0, "west": 4.0}


def draw(seed, **arguments):
    """The Bunch, its predictors by name, sex signs, regions and ages."""
    motor = make_motor_claims(LARGE, random_state=seed, **arguments)
    columns = dict(zip(motor.feature_names, motor.data.T, strict=True))
    sign = np.where(motor.sensitive[:, 0] == "male", 1.0, -1.0)
    return motor, columns, sign, motor.sensitive[:, 1].astype(str), motor.sensitive[:, 2].astype(float)


def assert_mean(values, expected):
    """The sample mean is the expected one as far as its standard error tells."""
    error = values.std() / np.sqrt(values.size)
    assert abs(values.mean() - expected) <= SIGMAS * error


def assert_standard_normal(values):
    assert stats.kstest(values, "norm").pvalue > 1e-6


def test_attributes_follow_their_law(seed):
    _, _, sign, region, age = draw(seed)
    assert_mean(sign, 0.0)
    for name, share in SHARES.items():
        assert_mean((region == name).astype(float), share)
    assert stats.kstest((age - 18.0) / 62.0, stats.beta(2, 3).cdf).pvalue > 1e-6
    assert abs(np.corrcoef(sign, age)[0, 1]) < SIGMAS / np.sqrt(LARGE)


@pytest.mark.parametrize("gerrymandering", [0.0, 0.7])
def test_predictors_follow_their_law(seed, gerrymandering):
    _, columns, sign, region, age = draw(seed, gerrymandering=gerrymandering)
    region_sign = np.array([SIGNS[name] for name in region])
    log_density = np.array([LOG_DENSITIES[name] for name in region])
    assert_standard_normal((np.log(columns["vehicle_power"] / 75.0) - 0.15 * sign) / 0.25)
    assert_standard_normal(np.log(columns["density"]) - log_density)
    mileage = np.log(columns["annual_mileage"] / 12000.0) / 0.35
    assert_standard_normal(mileage - gerrymandering * sign * region_sign)
    assert stats.kstest(columns["vehicle_age"], stats.gamma(2, scale=3.5).cdf).pvalue > 1e-6
    value = np.log(columns["vehicle_value"] / (300.0 * columns["vehicle_power"])) + 0.12 * columns["vehicle_age"]
    assert_standard_normal(value / 0.2)
    share = columns["driver_experience"] / (age - 18.0)
    assert stats.kstest(share, stats.uniform(0.6, 0.4).cdf).pvalue > 1e-6
    bonus = (columns["bonus_malus"] - 50.0 - 60.0 * np.exp(-columns["driver_experience"] / 8.0)) / 8.0
    assert stats.kstest(bonus, "expon").pvalue > 1e-6


def test_the_interaction_has_no_marginal_effect(seed):
    _, columns, sign, region, age = draw(seed, gerrymandering=1.0)
    mileage = np.log(columns["annual_mileage"])
    assert stats.ks_2samp(mileage[sign > 0], mileage[sign < 0]).pvalue > 1e-6
    for name in SHARES:
        assert stats.ks_2samp(mileage[region == name], mileage[region != name]).pvalue > 1e-6
    assert abs(np.corrcoef(mileage, sign * age)[0, 1]) < SIGMAS / np.sqrt(LARGE)
    for name, region_sign in SIGNS.items():
        gap = mileage[(sign > 0) & (region == name)].mean() - mileage[(sign < 0) & (region == name)].mean()
        assert gap == pytest.approx(2 * 0.35 * region_sign, abs=0.05)


def test_rates_and_counts_follow_their_law(seed):
    motor, columns, *_ = draw(seed, gerrymandering=0.5)
    beginner = np.exp(-columns["driver_experience"] / 4.0)
    log_rate = (
        -2.5
        + (0.8 + 1.5 * beginner) * np.log(columns["vehicle_power"] / 75.0)
        + 0.2 * np.log(columns["density"] / 200.0)
        + 0.8 * np.log(columns["annual_mileage"] / 12000.0)
        + 0.015 * (columns["bonus_malus"] - 50.0)
        - 0.02 * columns["vehicle_age"]
        + 0.5 * beginner
    )
    np.testing.assert_allclose(motor.rate, np.exp(log_rate), rtol=1e-12)
    mean = motor.exposure * motor.rate
    assert_mean(motor.target - mean, 0.0)
    assert_mean((motor.target - mean) ** 2 / mean, 1.0)
    assert_mean((motor.target == 0) - np.exp(-mean), 0.0)
    assert_mean((motor.exposure == 1.0).astype(float), 0.7)
    partial = motor.exposure[motor.exposure < 1.0]
    assert stats.kstest(partial, stats.uniform(1 / 12, 11 / 12).cdf).pvalue > 1e-6


@pytest.mark.parametrize("gerrymandering, mean_rate", [(0.0, 0.114), (1.0, 0.119)])
def test_frequency_is_that_of_a_motor_portfolio(seed, gerrymandering, mean_rate):
    motor = draw(seed, gerrymandering=gerrymandering)[0]
    assert motor.rate.mean() == pytest.approx(mean_rate, abs=0.002)
    assert 0.1 < motor.target.sum() / motor.exposure.sum() < 0.15


def test_gerrymandering_changes_mileage_and_claims_alone(seed):
    plain, mixed = draw(seed)[0], draw(seed, gerrymandering=1.0)[0]
    same = [name != "annual_mileage" for name in plain.feature_names]
    np.testing.assert_array_equal(plain.data[:, same], mixed.data[:, same])
    np.testing.assert_array_equal(plain.sensitive, mixed.sensitive)
    np.testing.assert_array_equal(plain.exposure, mixed.exposure)
    assert (plain.data != mixed.data).any() and (plain.target != mixed.target).any()


def test_random_state_decides_everything(seed):
    first, second = (make_motor_claims(200, random_state=seed) for _ in range(2))
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.target, second.target)
    assert (make_motor_claims(200, random_state=seed + 1).data != first.data).any()


def test_arrays():
    motor = make_motor_claims(50, random_state=1)
    assert motor.data.shape == (50, 7) and motor.data.dtype == np.float64 and len(motor.feature_names) == 7
    assert motor.target.shape == (50,) and motor.target.dtype == np.int64
    assert motor.exposure.shape == motor.rate.shape == (50,)
    assert motor.sensitive.shape == (50, 3) and motor.sensitive.dtype == object
    assert motor.frame is None
    X, y = make_motor_claims(50, random_state=1, return_X_y=True)
    np.testing.assert_array_equal(X, motor.data)
    np.testing.assert_array_equal(y, motor.target)


def test_frames():
    pandas = pytest.importorskip("pandas")
    motor, plain = (make_motor_claims(50, random_state=1, as_frame=as_frame) for as_frame in (True, False))
    assert isinstance(motor.data, pandas.DataFrame) and isinstance(motor.target, pandas.Series)
    assert list(motor.data.columns) == plain.feature_names
    assert list(motor.sensitive.columns) == plain.sensitive_names == ["sex", "region", "age"]
    assert motor.sensitive["age"].dtype == np.float64
    assert list(motor.frame.columns) == [*plain.feature_names, *plain.sensitive_names, "exposure", "claims"]
    np.testing.assert_array_equal(motor.data.to_numpy(), plain.data)
    np.testing.assert_array_equal(motor.sensitive.to_numpy(dtype=object), plain.sensitive)
    np.testing.assert_array_equal(motor.frame["claims"], plain.target)
    np.testing.assert_array_equal(motor.rate, plain.rate)


def test_one_policy_is_enough():
    assert make_motor_claims(1, random_state=0).data.shape == (1, 7)


def test_pandas_absent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"as_frame=True needs pandas.*statlearn\[dataframe\]"):
        make_motor_claims(10, as_frame=True)
    assert make_motor_claims(10).frame is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_samples": 0}, "'n_samples' parameter of make_motor_claims"),
        ({"gerrymandering": -0.1}, "'gerrymandering' parameter of make_motor_claims"),
        ({"return_X_y": "yes"}, "'return_X_y' parameter of make_motor_claims"),
        ({"as_frame": None}, "'as_frame' parameter of make_motor_claims"),
        ({"random_state": "x"}, "'random_state' parameter of make_motor_claims"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_motor_claims(**arguments)
