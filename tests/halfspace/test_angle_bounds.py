"""Angle bounds: they are what the worst noise attains, they rise with what should widen them, and messages."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from statlearn.halfspace._angle_bounds import (
    _slope_at_angle,
    agnostic_angle_bound,
    excess_error_bound,
    is_oriented,
    massart_angle_bound,
)
from statlearn.halfspace._surrogates import RAMP, SIGMOID, SURROGATES

QUADRATURE = 1e-7  # relative error of nested adaptive quadrature
SIGMAS = 4.0  # standard errors that a simulated mean may be off


def least_gradient(angle, width, eta, surrogate):
    """Smallest E[l'_s(m) y z] over Massart noise, by integrating |z| over the pieces that the worst noise makes."""
    cotangent = 1.0 / math.tan(math.radians(angle))

    def size_between(low, high):
        return 2.0 * quad(lambda z: z * norm.pdf(z), low, high)[0]

    def given_margin(m):
        border = m * cotangent
        beyond = size_between(border, max(border, 40.0))
        within = 0.5 * size_between(0.0, min(border, 40.0))  # the half where the sign of m is that of z
        worst = (1.0 - 2.0 * eta) * (beyond + within) - within  # flipped where it helps to hide, and not where it hurts
        return surrogate.slope(m, width) * norm.pdf(m) * worst

    ends = np.minimum(np.array([0.0, *surrogate.breaks]) * width, 12.0)
    return 2.0 * sum(quad(given_margin, low, high, limit=200)[0] for low, high in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda s: s.name)
@pytest.mark.parametrize(
    ("angle", "width", "eta"), [(5.0, 0.1, 0.4), (30.0, 0.5, 0.2), (1.0, 0.1, 0.0), (80.0, 2.0, 0.3)]
)
def test_worst_noise_attains_the_bound(surrogate, angle, width, eta):
    gradient = least_gradient(angle, width, eta, surrogate)
    if gradient > 0.0:
        assert massart_angle_bound(gradient, width, eta, surrogate=surrogate.name) == pytest.approx(
            angle, rel=QUADRATURE
        )
    else:
        assert massart_angle_bound(0.0, width, eta, surrogate=surrogate.name) > angle


@pytest.mark.parametrize("angle", [3.0, 20.0, 70.0])
def test_no_noise_beats_the_bound(rng, angle):
    """Simulated gradients under noise that varies in space are never smaller than the bound allows."""
    n, width, eta = 400_000, 0.4, 0.3
    m, z = rng.normal(size=(2, n))
    truth = np.sign(m * math.cos(math.radians(angle)) + z * math.sin(math.radians(angle)))
    for _ in range(5):
        flip = eta * (np.sin(rng.normal(scale=3.0, size=2) @ [m, z] + rng.uniform(0.0, 7.0)) > rng.uniform(-1.0, 1.0))
        terms = RAMP.slope(m, width) * truth * (1.0 - 2.0 * flip) * z
        gradient = terms.mean() + SIGMAS * terms.std() / math.sqrt(n)
        assert massart_angle_bound(max(gradient, 0.0), width, eta) >= angle


@pytest.mark.parametrize(("angle", "offset", "width"), [(5.0, 0.1, 0.1), (1.0, 0.02, 0.05), (40.0, 0.3, 0.5)])
def test_offset(rng, angle, offset, width):
    """A true hyperplane beside the origin, with the worst noise for it: valid with the offset, and not without."""
    n, eta = 2_000_000, 0.2
    m, z = rng.normal(size=(2, n))
    m *= width  # as only the band counts: importance sampling
    weight = width * np.exp(0.5 * (m / width) ** 2 - 0.5 * m * m)
    radians = math.radians(angle)
    truth = np.sign(m * math.cos(radians) + z * math.sin(radians) - offset)
    noise = np.where(truth * z > 0.0, eta, 0.0)
    terms = weight * RAMP.slope(m, width) * truth * (1.0 - 2.0 * noise) * z
    error = SIGMAS * terms.std() / math.sqrt(n)
    gradient = max(terms.mean() + error, 0.0)
    assert massart_angle_bound(gradient, width, eta, offset=offset) >= angle
    assert massart_angle_bound(gradient, width, eta, offset=2.0 * offset) >= angle
    if terms.mean() > 0.0:
        assert massart_angle_bound(terms.mean() - error, width, eta, offset=offset) <= angle * math.exp(offset**2) + 0.1


@pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda s: s.name)
def test_shape_of_the_slope(surrogate):
    """What the bound relies on: it rises with the angle, and is least at one of the ends of a range of offsets."""
    for width in np.geomspace(0.01, 4.0, 6):
        for offset in (0.001, 0.01, 0.05, 0.3):
            rise = [_slope_at_angle(sine, width, surrogate, offset) for sine in np.geomspace(1e-4, 1.0, 40)]
            assert np.diff(rise).min() >= -1e-12 * max(rise)
            for sine in (1e-3, 0.01, 0.1, 1.0):
                along = [_slope_at_angle(sine, width, surrogate, b) for b in np.linspace(0.0, offset, 9)]
                assert min(along) >= min(along[0], along[-1]) * (1.0 - 1e-12)


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_massart_bound_is_monotone(surrogate):
    largest = {"ramp": 4.0, "sigmoid": 1.0}[surrogate]  # wider ones reach beyond all margins

    def bound(gradient=0.01, width=0.2, eta=0.3, offset=0.0):
        return massart_angle_bound(gradient, width, eta, offset=offset, surrogate=surrogate)

    for angles in (
        [bound(gradient=gradient) for gradient in np.linspace(0.0, 0.5, 40)],
        [bound(width=width) for width in np.geomspace(0.01, largest, 40)],
        [bound(eta=eta) for eta in np.linspace(0.0, 0.499, 40)],
        [bound(offset=offset) for offset in np.linspace(0.0, 1.0, 40)],
    ):
        assert np.all(np.diff(angles) >= -1e-9)
        assert 0.0 < angles[0] < angles[-1] <= 90.0


def test_limits():
    assert massart_angle_bound(0.0, 0.5, 0.0) == 0.0
    assert massart_angle_bound(10.0, 0.5, 0.1) == 90.0
    assert massart_angle_bound(0.0, 1e-4, 0.4) == pytest.approx(math.degrees(0.268e-4), rel=0.01)  # floor of the Notes
    assert excess_error_bound(18.0) == 0.1
    assert excess_error_bound(18.0, offsets=(0.1,)) == pytest.approx(0.1 + norm.cdf(0.1) - 0.5)
    assert excess_error_bound(90.0, offsets=(10.0, 0.1)) == 1.0


def test_tighter_than_losing_all_of_the_strip():
    """The simpler bound that writes off all rows with |z| < width / (2 tan(angle)) leaves more than twice the angle."""

    def simple(angle, width, eta):
        border = width / (2.0 * math.tan(math.radians(angle)))
        kept = (1.0 - 2.0 * eta) * 2.0 * norm.pdf(border)
        return RAMP.mean_slope(width) * (kept - 2.0 * (norm.pdf(0.0) - norm.pdf(border)))

    for angle, width, eta in ((6.27, 0.1, 0.4), (3.43, 0.1, 0.2)):
        assert massart_angle_bound(simple(angle, width, eta), width, eta) < 0.5 * angle


@pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda s: s.name)
def test_agnostic_bound(rng, surrogate):
    """The worst adversary of the simulation is never underrated, and hardly overrated."""
    n, width, opt, angle = 1_000_000, 1.0, 0.02, 25.0
    m, z = rng.normal(size=(2, n))
    truth = np.sign(m * math.cos(math.radians(angle)) + z * math.sin(math.radians(angle)))
    terms = surrogate.slope(m, width) * truth * z
    most = np.argsort(terms)[-int(opt * n) :]
    terms[most] *= -1.0
    error = SIGMAS * terms.std() / math.sqrt(n)
    assert agnostic_angle_bound(terms.mean() + error, width, opt, surrogate=surrogate.name) >= angle
    assert agnostic_angle_bound(terms.mean() - error, width, opt, surrogate=surrogate.name) <= 1.1 * angle


def test_agnostic_bound_without_adversary_is_that_without_noise():
    assert agnostic_angle_bound(0.1, 0.5, 0.0) == massart_angle_bound(0.1, 0.5, 0.0)
    angles = [agnostic_angle_bound(0.02, 1.0, opt) for opt in (0.0, 0.01, 0.02, 0.05, 0.1, 1.0)]
    assert np.all(np.diff(angles) > 0.0) or angles[-1] == 90.0
    assert angles == sorted(angles)
    assert angles[-1] == 90.0


def test_is_oriented():
    assert is_oriented(0.42, 0.03, eta=0.4)
    assert not is_oriented(0.59, 0.03, eta=0.4)  # as large as if it were reversed
    assert is_oriented(0.2, 0.17, opt=0.1)
    assert not is_oriented(0.8, 0.17, opt=0.1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((-0.1, 0.1, 0.2), "gradient_bound"),
        ((math.nan, 0.1, 0.2), "gradient_bound"),
        ((0.1, 0.0, 0.2), "width"),
        ((0.1, 0.1, 0.5), "eta"),
        ((0.1, 0.1, -0.1), "eta"),
    ],
)
def test_messages(arguments, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of massart_angle_bound must be"):
        massart_angle_bound(*arguments)


@pytest.mark.parametrize("keyword", [{"surrogate": "hinge"}, {"offset": -1.0}])
def test_messages_of_keywords(keyword):
    with pytest.raises(ValueError, match=f"The '{next(iter(keyword))}' parameter of massart_angle_bound must be"):
        massart_angle_bound(0.1, 0.1, 0.2, **keyword)
