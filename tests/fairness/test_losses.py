"""The losses: against scikit-learn's deviances, finite differences, their own minima, and the limits of their links."""

import re

import numpy as np
import pytest
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import log_loss, mean_gamma_deviance, mean_poisson_deviance, mean_squared_error
from sklearn.metrics import mean_tweedie_deviance as tweedie_deviance

from statlearn.fairness._losses import (
    LIMIT,
    HalfBinomialLoss,
    HalfGammaLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
    HalfTweedieLoss,
    regression_loss,
)

N = 40
STEP = 1e-5
RTOL = 1e-7  # of central differences with that step

REGRESSION = [HalfSquaredError(), HalfPoissonLoss(), HalfGammaLoss(), HalfTweedieLoss(1.3), HalfTweedieLoss(1.9)]
ALL = [*REGRESSION, HalfBinomialLoss(), HalfMultinomialLoss(4)]


def name(loss):
    return f"{type(loss).__name__}{getattr(loss, 'power', '')}"


every = pytest.mark.parametrize("loss", ALL, ids=name)
every_with_link = pytest.mark.parametrize("loss", ALL[1:], ids=name)


def targets(loss, rng):
    if isinstance(loss, HalfMultinomialLoss):
        return np.concatenate([np.arange(4), rng.integers(0, 4, N - 4)])
    if isinstance(loss, HalfBinomialLoss):
        return np.concatenate([[0.0, 1.0], rng.integers(0, 2, N - 2)])
    if isinstance(loss, HalfGammaLoss):
        return rng.gamma(2.0, size=N)
    if isinstance(loss, HalfSquaredError):
        return rng.normal(size=N)
    return rng.poisson(1.0, size=N) * rng.gamma(2.0, size=N)  # with zeros


def predictors(loss, rng):
    return rng.normal(size=(N, 4) if isinstance(loss, HalfMultinomialLoss) else N)


def difference(function, u, entry):
    """Central difference along one column of u, or all of it."""
    step = np.zeros_like(u)
    step[..., entry] = STEP
    return (function(u + step) - function(u - step)) / (2.0 * STEP)


def entries(u):
    return [slice(None)] if u.ndim == 1 else list(range(u.shape[1]))


@pytest.mark.parametrize(
    ("loss", "deviance"),
    [
        (HalfSquaredError(), mean_squared_error),
        (HalfPoissonLoss(), mean_poisson_deviance),
        (HalfGammaLoss(), mean_gamma_deviance),
        (HalfTweedieLoss(1.3), lambda y, mean: tweedie_deviance(y, mean, power=1.3)),
        (HalfTweedieLoss(1.9), lambda y, mean: tweedie_deviance(y, mean, power=1.9)),
        (HalfBinomialLoss(), lambda y, mean: 2.0 * log_loss(y, mean)),
        (HalfMultinomialLoss(4), lambda y, mean: 2.0 * log_loss(y, mean)),
    ],
    ids=lambda thing: name(thing) if hasattr(thing, "limit") else "",
)
def test_half_deviances(loss, deviance, rng):
    y, u = targets(loss, rng), predictors(loss, rng)
    half = np.mean(loss.value(y, u) - loss.saturated(y))
    assert half == pytest.approx(0.5 * deviance(y, loss.mean(u)), rel=1e-12)


@every
def test_derivatives(loss, rng):
    y, u = targets(loss, rng), predictors(loss, rng)
    for entry in entries(u):
        slope = difference(lambda u: loss.value(y, u), u, entry)
        np.testing.assert_allclose(loss.derivative(y, u)[..., entry], slope, rtol=RTOL, atol=RTOL)
        curvature = difference(lambda u: loss.derivative(y, u), u, entry)[..., entry]
        np.testing.assert_allclose(loss.hessian(y, u)[..., entry], curvature, rtol=RTOL, atol=RTOL)
        rise = difference(loss.mean, u, entry)[..., entry]
        np.testing.assert_allclose(loss.mean_derivative(u)[..., entry], rise, rtol=RTOL, atol=RTOL)


@every
def test_one_pass_agrees_with_the_parts(loss, rng):
    y, u = targets(loss, rng), 20.0 * predictors(loss, rng)
    value, derivative, mean = loss.evaluate(y, u)
    np.testing.assert_array_equal(value, loss.value(y, u))
    np.testing.assert_array_equal(derivative, loss.derivative(y, u))
    np.testing.assert_array_equal(mean, loss.mean(u))


@every
def test_pull_back_is_the_chain_rule(loss, rng):
    u = predictors(loss, rng)
    weights, direction = rng.normal(size=u.shape), rng.normal(size=u.shape)
    rise = (loss.mean(u + STEP * direction) - loss.mean(u - STEP * direction)) / (2.0 * STEP)
    pulled = loss.pull_back(u, loss.mean(u), weights)
    assert np.sum(pulled * direction) == pytest.approx(np.sum(weights * rise), rel=1e-6, abs=1e-6)


@every
def test_constant_is_the_best_constant(loss, rng):
    y, weights = targets(loss, rng), rng.uniform(0.5, 2.0, size=N)
    constant = loss.constant(y, weights)
    slope = weights @ loss.derivative(y, np.full((N, *np.shape(constant)), constant))
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


@every
def test_saturated_is_the_smallest_loss(loss, rng):
    y = targets(loss, rng)
    u = predictors(loss, rng)
    assert np.all(loss.value(y, u) >= loss.saturated(y))
    if loss in REGRESSION:
        positive = y > 0.0 if loss.log_link else np.ones(N, dtype=bool)
        perfect = np.log(y[positive]) if loss.log_link else y
        np.testing.assert_allclose(loss.value(y[positive], perfect), loss.saturated(y[positive]), rtol=1e-12)


@every_with_link
def test_beyond_the_limits_of_the_link_the_loss_is_flat(loss, rng):
    y, u = targets(loss, rng), predictors(loss, rng)
    u[0] = LIMIT + 10.0 if u.ndim == 1 else [LIMIT + 10.0, 0.0, -LIMIT - 1e3, 1.0]
    u[1] = -LIMIT - 1e5
    inside = np.clip(u, -LIMIT, LIMIT)
    np.testing.assert_array_equal(loss.value(y, u), loss.value(y, inside))
    np.testing.assert_array_equal(loss.mean(u), loss.mean(inside))
    assert np.isfinite(loss.value(y, u)).all()
    outside = np.abs(u) > LIMIT
    assert outside.sum() >= 2
    for slopes in (loss.derivative(y, u), loss.pull_back(u, loss.mean(u), np.ones_like(u))):
        assert np.all(slopes[outside] == 0.0)
    untouched = ~outside
    np.testing.assert_array_equal(loss.derivative(y, u)[untouched], loss.derivative(y, inside)[untouched])


def test_squared_error_has_no_limits():
    loss = HalfSquaredError()
    u = np.array([1e9, -1e9])
    np.testing.assert_array_equal(loss.mean(u), u)
    np.testing.assert_array_equal(loss.derivative(np.zeros(2), u), u)


class TestTargets:
    @pytest.mark.parametrize(
        ("loss", "peer", "bad"),
        [
            (HalfPoissonLoss(), PoissonRegressor(), -1.0),
            (HalfGammaLoss(), GammaRegressor(), 0.0),
            (HalfGammaLoss(), GammaRegressor(), -1.0),
            (HalfTweedieLoss(1.5), TweedieRegressor(power=1.5), -0.5),
        ],
        ids=lambda thing: name(thing) if hasattr(thing, "limit") else "",
    )
    def test_messages_are_those_of_sklearn(self, loss, peer, bad):
        y = np.array([1.0, bad, 2.0])
        with pytest.raises(ValueError, match="out of the valid range") as theirs:
            peer.fit(np.arange(3.0)[:, None], y)
        with pytest.raises(ValueError, match=re.escape(str(theirs.value))):
            loss.check_target(y, np.ones(3))

    @pytest.mark.parametrize("loss", [HalfPoissonLoss(), HalfTweedieLoss(1.5)], ids=name)
    def test_zeros_are_allowed_but_not_alone(self, loss):
        loss.check_target(np.array([0.0, 1.0]), np.ones(2))
        with pytest.raises(ValueError, match="Got 0: only zeros have no finite log mean"):
            loss.check_target(np.zeros(3), np.ones(3))

    def test_units_beyond_the_link(self):
        HalfGammaLoss().check_target(np.array([1e12]), np.ones(1))
        with pytest.raises(
            ValueError, match=r"between exp\(-30\) and exp\(30\).*Got 1e\+14: measure y in another unit"
        ):
            HalfGammaLoss().check_target(np.array([1e14]), np.ones(1))

    def test_labels(self):
        HalfBinomialLoss().check_target(np.array([0.0, 1.0]), np.ones(2))
        with pytest.raises(ValueError, match="'HalfBinomialLoss'"):
            HalfBinomialLoss().check_target(np.array([0.0, 2.0]), np.ones(2))
        with pytest.raises(ValueError, match="'HalfMultinomialLoss'"):
            HalfMultinomialLoss(3).check_target(np.array([0, 3]), np.ones(2))


def test_names():
    assert [type(regression_loss(kind, 1.4)).__name__ for kind in ("squared_error", "poisson", "gamma", "tweedie")] == [
        "HalfSquaredError",
        "HalfPoissonLoss",
        "HalfGammaLoss",
        "HalfTweedieLoss",
    ]
    assert regression_loss("tweedie", 1.4).power == 1.4
