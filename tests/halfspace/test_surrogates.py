"""The surrogates: the properties the method asks of them, their derivative, and the mean of their slope."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from statlearn.halfspace._surrogates import RAMP, SIGMOID, SURROGATES, ramp_loss, ramp_loss_grad

WIDTHS = [0.01, 0.3, 1.0, 7.0]
both = pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda surrogate: surrogate.name)


def grid(width):
    return np.linspace(-0.8 * width, 0.8 * width, 100001)


class TestRamp:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_pieces(self, width):
        """Half and line in the inner band, 0 and 1 outside the outer band."""
        inner = np.linspace(-width / 6, width / 6, 11)
        np.testing.assert_allclose(ramp_loss(inner, width), 0.5 + inner / width, rtol=0, atol=1e-15)
        np.testing.assert_allclose(ramp_loss_grad(inner, width), 1 / width, rtol=1e-14)
        outer = width * np.array([-1e9, -0.5, 0.5, 1e9])
        np.testing.assert_allclose(ramp_loss(outer, width), [0, 0, 1, 1], rtol=0, atol=1e-15)
        np.testing.assert_allclose(ramp_loss_grad(outer, width), 0, atol=1e-15 / width)

    @pytest.mark.parametrize("width", WIDTHS)
    def test_constants_of_the_slope(self, width):
        """0 <= l' <= (4/3) / s, |l''| <= 12 / s^2, unit integral; both constants are attained."""
        t = grid(width)
        slope = ramp_loss_grad(t, width)
        second = np.diff(slope) / np.diff(t)
        assert slope.min() == 0.0
        np.testing.assert_allclose(slope.max() * width, 4 / 3, rtol=1e-6)
        np.testing.assert_allclose(np.abs(second).max() * width**2, 12, rtol=1e-3)
        np.testing.assert_allclose(np.trapezoid(slope, t), 1.0, rtol=1e-8)

    def test_between_the_bands(self):
        """By hand at u = 1/2: t = s/3, l = 2/3 + (1/2 + 1/4 - 1/8) / 3, l' = (1/2)(5/2) / s."""
        assert ramp_loss(0.5, 1.5) == pytest.approx(2 / 3 + 0.625 / 3, rel=1e-15)
        assert ramp_loss_grad(-0.5, 1.5) == pytest.approx(1.25 / 1.5, rel=1e-15)

    def test_any_shape(self):
        assert np.ndim(ramp_loss(0.0, 1)) == 0 and ramp_loss(0, 1) == 0.5
        assert ramp_loss([[0.0], [9.0]], 1.0).tolist() == [[0.5], [1.0]]
        assert ramp_loss_grad(np.zeros((2, 0, 3), dtype=np.float32), 1.0).shape == (2, 0, 3)

    @pytest.mark.parametrize("function", [ramp_loss, ramp_loss_grad])
    def test_bad_input(self, function):
        with pytest.raises(ValueError, match="The 'width' parameter of .* must be a float in the range \\(0"):
            function([0.0], 0.0)
        with pytest.raises(ValueError, match="t must not hold NaN. Got 2 of them"):
            function([np.nan, 0.0, np.nan], 1.0)
        with pytest.raises(ValueError, match="t must hold real numbers. Got an array of dtype <U1"):
            function(["a"], 1.0)


def test_sigmoid_is_the_logistic_function():
    t = np.array([-1e4, -3.0, 0.0, 0.2, 1e4])
    np.testing.assert_allclose(SIGMOID.loss(t, 0.5), expit(2 * t))
    np.testing.assert_allclose(SIGMOID.slope(t, 0.5), 2 * expit(2 * t) * expit(-2 * t))
    assert SIGMOID.slope(SIGMOID.reach(0.5), 0.5) * 0.5 < 1e-17


@both
@pytest.mark.parametrize("width", WIDTHS)
def test_slope_is_the_derivative_of_an_odd_loss(surrogate, width):
    t = grid(width)
    step = 1e-6 * width
    numerical = (surrogate.loss(t + step, width) - surrogate.loss(t - step, width)) / (2 * step)
    np.testing.assert_allclose(surrogate.slope(t, width), numerical, rtol=0, atol=2e-5 / width)
    np.testing.assert_allclose(surrogate.loss(t, width) + surrogate.loss(-t, width), 1.0, rtol=1e-14)
    np.testing.assert_array_equal(surrogate.slope(t, width), surrogate.slope(-t, width))


@both
@pytest.mark.parametrize("width", [1e-3, 0.1, 1.0, 10.0])
def test_mean_slope(surrogate, width):
    """Against adaptive quadrature between the points where the ramp changes its formula."""

    def integrand(t):
        return surrogate.slope(t, width) * norm.pdf(t)

    ends = np.minimum(width * np.array([0, 1 / 6, 1 / 2, 2, 8, 40]), 39)
    pieces = zip(ends[:-1], ends[1:], strict=True)
    expected = 2 * sum(quad(integrand, low, high, epsabs=0, epsrel=1e-12)[0] for low, high in pieces if low < high)
    assert surrogate.mean_slope(width) == pytest.approx(expected, rel=1e-10)


@both
def test_mean_slope_in_the_limits(surrogate):
    """A narrow surrogate sees the density at 0, a wide one has its slope at 0."""
    assert surrogate.mean_slope(1e-5) == pytest.approx(norm.pdf(0), rel=1e-9)
    assert surrogate.mean_slope(500.0) == pytest.approx(surrogate.slope(0.0, 500.0), rel=1e-5)


def test_names():
    assert {name: surrogate.name for name, surrogate in SURROGATES.items()} == {"ramp": "ramp", "sigmoid": "sigmoid"}
