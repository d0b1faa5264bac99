"""The radius against the complex zeros it stands for, and the series that converge within it."""

import numpy as np
import pytest

from statlearn.linear._safe_radius import safe_step_radius


def test_no_gap_gives_pi_over_the_slope():
    assert safe_step_radius([0.0], [4.0]) == pytest.approx(np.pi / 4, rel=1e-15)


@pytest.mark.parametrize("gap, slope", [(0.0, 1.0), (2.0, -3.0), (-7.5, 0.2)])
def test_binary_radius_is_the_modulus_of_the_nearest_zero(gap, slope):
    # 1 + exp(gap + slope t) = 0 where gap + slope t = i pi (2 k + 1)
    zeros = (1j * np.pi * (2 * np.arange(-3, 3) + 1) - gap) / slope
    assert np.abs(1.0 + np.exp(gap + slope * zeros)).max() < 1e-12
    assert safe_step_radius([gap], [slope]) == pytest.approx(np.abs(zeros).min(), rel=1e-14)


def test_binary_radius_from_the_logits_of_both_classes():
    rng = np.random.default_rng(0)
    logits, slopes = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    gaps = safe_step_radius(logits[:, 1] - logits[:, 0], slopes[:, 1] - slopes[:, 0])
    assert safe_step_radius(logits, slopes) == pytest.approx(gaps, rel=1e-15)
    assert safe_step_radius(logits[:, :1], slopes[:, :1]) == safe_step_radius(logits[:, 0], slopes[:, 0])


@pytest.mark.parametrize("n_classes, seed", [(n_classes, seed) for n_classes in (3, 5) for seed in range(4)])
def test_multiclass_bound_is_below_the_nearest_zero(n_classes, seed):
    rng = np.random.default_rng(seed)
    logits, slopes = rng.normal(size=n_classes), rng.normal(size=n_classes)
    nearest = min(_zeros(logits, slopes), default=np.inf)
    assert np.isfinite(nearest)
    assert safe_step_radius(logits[None], slopes[None]) <= nearest * (1.0 + 1e-9)


def _zeros(logits, slopes):
    """Moduli of zeros of sum_k exp(logit_k + slope_k t) near the origin, by Newton's method from a grid."""
    for start in np.ravel(np.linspace(-12, 12, 25)[:, None] + 1j * np.linspace(0, 12, 13)):
        t = start
        for _ in range(60):
            terms = np.exp(logits + slopes * t)
            t = t - terms.sum() / (slopes @ terms)
            if not np.isfinite(t) or abs(t) > 60.0:
                break
        else:
            terms = np.exp(logits + slopes * t)
            if abs(terms.sum()) < 1e-10 * np.abs(terms).sum():
                yield abs(t)


def test_several_rows_take_the_least():
    rng = np.random.default_rng(1)
    logits, slopes = rng.normal(size=(20, 4)), rng.normal(size=(20, 4))
    single = [safe_step_radius(a[None], b[None]) for a, b in zip(logits, slopes, strict=True)]
    assert safe_step_radius(logits, slopes) == min(single)


def test_direction_that_changes_nothing():
    assert safe_step_radius([1.0, 2.0], [0.0, 0.0]) == np.inf
    assert safe_step_radius(np.zeros((2, 3)), np.ones((2, 3))) == np.inf


def _partial_sum(t, n_terms):
    """Taylor polynomial of log(1 + exp(t)) about 0, its coefficients by Cauchy's formula on the circle of radius 3."""
    n_points = 4096
    circle = np.exp(2j * np.pi * np.arange(n_points) / n_points)
    coefficients = np.fft.fft(np.log1p(np.exp(3.0 * circle))).real[:n_terms] / n_points / 3.0 ** np.arange(n_terms)
    return np.polynomial.polynomial.polyval(t, coefficients)


def test_the_series_converges_within_the_radius_and_diverges_beyond():
    radius = safe_step_radius([0.0], [1.0])
    errors = [[abs(_partial_sum(t, n) - np.logaddexp(0, t)) for n in (41, 81, 161)] for t in (3.0, 3.3)]
    assert 3.0 < radius < 3.3
    assert errors[0][0] > errors[0][1] > errors[0][2]
    assert errors[1][0] < errors[1][1] < errors[1][2]


def test_a_step_of_the_radius_can_increase_the_loss():
    rows, labels = np.array([1.0, 1.0]), np.array([1.0, -1.0])

    def loss(theta):
        return np.logaddexp(0.0, -labels * rows * theta).mean()

    radius = safe_step_radius(rows * 0.1, rows)
    assert radius == pytest.approx(3.1432, abs=5e-5)
    assert [loss(0.1), loss(0.1 - radius), loss(0.1 - 0.9 * radius)] == pytest.approx(
        [0.6944, 1.5682, 1.4277], abs=5e-5
    )


def test_scaling_of_the_direction():
    rng = np.random.default_rng(2)
    logits, slopes = rng.normal(size=12), rng.normal(size=12)
    assert safe_step_radius(logits, 8.0 * slopes) == safe_step_radius(logits, slopes) / 8.0


def test_huge_and_tiny_numbers():
    assert safe_step_radius([1e300], [1e-300]) == np.inf
    assert safe_step_radius([1e200], [1e200]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "logits, slopes, match",
    [
        ([0.0, 1.0], [1.0], "must have one shape"),
        ([[0.0, 1.0]], [1.0, 2.0], "must have one shape"),
        ([np.nan], [1.0], "logits contains NaN"),
        ([1.0], [np.inf], "directional_logits contains infinity"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), "one or two dimensions"),
    ],
)
def test_bad_input(logits, slopes, match):
    with pytest.raises(ValueError, match=match):
        safe_step_radius(logits, slopes)


def test_a_scalar():
    with pytest.raises(TypeError, match="at least 1 dimension"):
        safe_step_radius(3.0, 1.0)
