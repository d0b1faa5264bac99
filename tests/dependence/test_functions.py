"""The functions of arrays: shapes, versions, weights, types of numbers, many rows; published values and peers."""

import numpy as np
import pytest

from statlearn.dependence import (
    DistanceCovariancePenalty,
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)
from statlearn.exceptions import ConstantAttributeWarning

from ..compiled_peers import load_peer
from .oracles import (
    PROBLEMS,
    Oracle,
    concatenated,
    dcor2,
    dcov2,
    dvar2,
    exact_dcov2,
    joint_dcov2,
    joint_dcov2_by_orders,
    joint_dcov2_without_minus,
    nominal,
    repeated,
    tied,
    weights,
    xor,
)

RTOL = 1e-10  # a few thousand terms, of values that are not much smaller than their terms

every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])

VARIABLES = {
    "vector": lambda rng, n: rng.normal(size=n),
    "tied": tied,
    "one column": lambda rng, n: rng.normal(size=(n, 1)),
    "plane": lambda rng, n: rng.normal(size=(n, 2)),
    "nominal": lambda rng, n: nominal(rng, n, 3),
    "label and column": lambda rng, n: np.column_stack([nominal(rng, n, 3), rng.random(n)]),
}


# ----------------------------------------------------------------------------------------------------- published values
X = np.arange(1.0, 21)
Y = (X - 7.3) ** 2 / 10
Z = X % 3


def test_values_of_energy_for_r():
    """Section 6 A: dcovU and dcov2d of the package energy for R."""
    assert distance_covariance(X, Y) == pytest.approx(8.923398692810, abs=1e-12)
    assert distance_covariance(X, Y, unbiased=False) == pytest.approx(9.72902, abs=1e-10)
    assert concatenated_distance_covariance(X, Y, Z) == pytest.approx(8.465859989383, abs=1e-12)
    assert distance_covariance(X, np.column_stack([Y, Z])) == pytest.approx(8.465859989383, abs=1e-12)


@pytest.mark.parametrize("method", ["auto", "levels", "mixed", "pairwise"])
def test_values_of_jdcov_for_r(method):
    """Section 6 A: the package of Chakraborty and Zhang."""
    assert joint_distance_covariance(X, Y, Z, method=method) == pytest.approx(7.317846696140, abs=1e-11)
    assert joint_distance_covariance(X, Y, Z, c=2.0, method=method) == pytest.approx(15.734625505910, abs=1e-11)
    assert joint_distance_covariance(X, Y, Z, unbiased=False, method=method) == pytest.approx(10.449790, abs=5e-7)


@pytest.mark.parametrize("copies", [1, 7])
@pytest.mark.parametrize("method", ["levels", "pairwise"])
def test_exclusive_or(copies, method):
    """Section 6 B: no marginal dependence, and an interaction that must not be rewarded."""
    f, first, second = xor(copies)
    options = {"unbiased": False, "method": method}
    assert distance_covariance(f, first, **options) == pytest.approx(0, abs=1e-15)
    assert distance_covariance(first, first, **options) == pytest.approx(0.25, rel=1e-14)
    assert concatenated_distance_covariance(f, first, second, **options) == pytest.approx((2 - 2**0.5) / 8, rel=1e-13)
    both = concatenated_distance_covariance(first, first, second, **options)
    assert both == pytest.approx(2**0.5 / 8, rel=1e-13)
    joint = joint_distance_covariance(f, first, second, **options)
    assert joint == pytest.approx(0.125, rel=1e-13)
    assert joint == pytest.approx(-joint_dcov2_without_minus([f, first, second]), rel=1e-13)
    penalty = DistanceCovariancePenalty("jdcov", **options).fit([first, second])
    assert penalty.excess(f) == pytest.approx(0.125, rel=1e-13)
    assert penalty.excess(first) == pytest.approx(0.25, rel=1e-13)
    assert DistanceCovariancePenalty("sum", **options).fit([first, second]).value(f) == pytest.approx(0, abs=1e-15)


# -------------------------------------------------------------------------------------------------------- distance_cov.
@every_version
@pytest.mark.parametrize("of_y", VARIABLES)
@pytest.mark.parametrize("of_x", VARIABLES)
def test_distance_covariance_of_any_shapes(rng, of_x, of_y, unbiased):
    n = 30
    x, y, w = VARIABLES[of_x](rng, n), VARIABLES[of_y](rng, n), weights(rng, n, "integer")
    scale = np.sqrt(dvar2(x, False) * dvar2(y, False))
    for method in ("auto", "pairwise"):
        found = distance_covariance(x, y, unbiased=unbiased, method=method)
        assert isinstance(found, float)
        assert abs(found - dcov2(x, y, unbiased)) <= RTOL * scale
        weighted = distance_covariance(x, y, unbiased=unbiased, sample_weight=w, method=method)
        assert abs(weighted - dcov2(repeated(w, x), repeated(w, y), unbiased)) <= RTOL * scale
    assert abs(distance_covariance(y, x, unbiased=unbiased) - dcov2(x, y, unbiased)) <= RTOL * scale


@every_version
@pytest.mark.parametrize("of_y", VARIABLES)
@pytest.mark.parametrize("of_x", ["vector", "tied", "one column"])
def test_gradients(rng, of_x, of_y, unbiased):
    n = 25
    x, y, w = VARIABLES[of_x](rng, n), VARIABLES[of_y](rng, n), weights(rng, n, "fractional")
    value, gradient = distance_covariance(x, y, unbiased=unbiased, sample_weight=w, return_grad=True)
    oracle = Oracle("dcov", [y], unbiased=unbiased, weight=w)
    x = x.ravel()
    assert gradient.shape == (n,)
    assert abs(value - oracle.value(x)) <= RTOL * oracle.value_scale(x)
    np.testing.assert_allclose(gradient, oracle.gradient(x), rtol=0, atol=RTOL * oracle.gradient_scale(x))


def test_root(rng):
    x, y = rng.normal(size=20), rng.normal(size=(20, 2))
    found = distance_covariance(x, y, squared=False, unbiased=False)
    assert found == pytest.approx(np.sqrt(dcov2(x, y, False)), rel=1e-11)
    found = distance_correlation(x, y, squared=False, unbiased=False)
    assert found == pytest.approx(np.sqrt(dcor2(x, y, False)), rel=1e-11)


def test_root_of_rounding_below_zero_is_zero():
    f, first, _ = xor(5)
    assert 0 <= distance_covariance(0.1 * f, 0.3 * first, squared=False, unbiased=False) < 1e-7


@every_version
@pytest.mark.parametrize("of_y", VARIABLES)
@pytest.mark.parametrize("of_x", VARIABLES)
def test_distance_correlation_of_any_shapes(rng, of_x, of_y, unbiased):
    n = 30
    x, y, w = VARIABLES[of_x](rng, n), VARIABLES[of_y](rng, n), weights(rng, n, "integer")
    found = distance_correlation(x, y, unbiased=unbiased)
    assert isinstance(found, float)
    assert found == pytest.approx(dcor2(x, y, unbiased), rel=1e-9, abs=1e-11)
    weighted = distance_correlation(x, y, unbiased=unbiased, sample_weight=w)
    assert weighted == pytest.approx(dcor2(repeated(w, x), repeated(w, y), unbiased), rel=1e-9, abs=1e-11)


@every_version
@pytest.mark.parametrize("constant", ["x", "y"])
def test_correlation_with_a_constant_is_zero(rng, constant, unbiased):
    x, y = rng.normal(size=12), rng.normal(size=(12, 2))
    if constant == "x":
        x = np.full(12, 0.1)
    else:
        y = np.full((12, 2), [0.1, 1e6 / 3])
    with pytest.warns(ConstantAttributeWarning, match=f"^{constant} "):
        assert distance_correlation(x, y, unbiased=unbiased) == 0.0


def test_one_outlier_has_no_unbiased_variance(rng):
    """One row off a constant: U-centering removes all of its distances, and what is left is rounding, not 0 / 0."""
    x, S = np.zeros(40), rng.normal(size=40)
    x[7] = 0.1
    assert dvar2(x) == pytest.approx(0, abs=1e-17)
    with pytest.warns(ConstantAttributeWarning, match="^x "):
        assert distance_correlation(x, S) == 0.0
    assert DistanceCovariancePenalty("dcov").fit([S]).distance_correlation(x) == 0.0
    value, gradient = DistanceCovariancePenalty("dcov", normalize="dcor").fit([S]).value_and_grad(x)
    assert value == 0.0 and np.all(np.isfinite(gradient))
    assert distance_correlation(x, S, unbiased=False) == pytest.approx(dcor2(x, S, False), rel=1e-9)


@every_version
def test_little_variance_beside_an_outlier_is_no_rounding(rng, unbiased):
    """Of the sum of squares a millionth remains in the U-version, and counts."""
    s = rng.normal(size=40)
    x = 1e-3 * (s + rng.normal(size=40))
    x[7] = 1.0
    expected = dcor2(x, s, unbiased)
    assert expected > 0.1 or not unbiased
    assert distance_correlation(x, s, unbiased=unbiased) == pytest.approx(expected, rel=1e-7)
    assert distance_correlation(s, x[:, None], unbiased=unbiased) == pytest.approx(expected, rel=1e-7)
    for normalize in (None, "dcor"):
        penalty = DistanceCovariancePenalty("dcov", unbiased=unbiased, normalize=normalize).fit([s])
        assert penalty.distance_correlation(x) == pytest.approx(expected, rel=1e-7)


# ------------------------------------------------------------------------------------------------------------ the joint
@every_version
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", PROBLEMS)
def test_joint_distance_covariance(rng, name, c, unbiased):
    n = 20
    blocks, w = [rng.normal(size=(n, 2)), *PROBLEMS[name](rng, n)], weights(rng, n, "integer")
    for given in (blocks, [rng.normal(size=n), *blocks]):
        expected = joint_dcov2(given, c, unbiased)
        scale = joint_scale(given, c)
        found = joint_distance_covariance(*given, c=c, unbiased=unbiased)
        assert isinstance(found, float)
        assert abs(found - expected) <= RTOL * scale
        assert abs(joint_dcov2_by_orders(given, c, unbiased) - expected) <= RTOL * scale
        expected = joint_dcov2([repeated(w, block) for block in given], c, unbiased)
        assert (
            abs(joint_distance_covariance(*given, c=c, unbiased=unbiased, sample_weight=w) - expected) <= RTOL * scale
        )


@every_version
@pytest.mark.parametrize("name", ["three attributes", "mixed", "space and cells"])
def test_standardized_joint_distance_covariance(rng, name, unbiased):
    n = 25
    blocks, w = [rng.normal(size=n), *PROBLEMS[name](rng, n)], weights(rng, n, "integer")
    expected = joint_dcov2(blocks, 0.8, unbiased, standardize=True)
    options = {"c": 0.8, "unbiased": unbiased, "standardize": True}
    assert joint_distance_covariance(*blocks, **options) == pytest.approx(expected, rel=1e-9, abs=1e-11)
    stretched = [block * scale for block, scale in zip(blocks, [30.0, 1e-3, 7.0, 1e4], strict=False)]
    assert joint_distance_covariance(*stretched, **options) == pytest.approx(expected, rel=1e-9, abs=1e-11)
    expected = joint_dcov2([repeated(w, block) for block in blocks], 0.8, unbiased, standardize=True)
    found = joint_distance_covariance(*blocks, **options, sample_weight=w)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-11)


@every_version
def test_constant_enters_as_its_power(rng, unbiased):
    """``JdCov(t X; t c) = t^p JdCov(X; c)``, which fails if anything but ``c^p`` is subtracted."""
    blocks = [rng.normal(size=15), rng.normal(size=(15, 2)), rng.random(15)]
    expected = joint_distance_covariance(*blocks, c=0.6, unbiased=unbiased)
    found = joint_distance_covariance(*(2.5 * block for block in blocks), c=1.5, unbiased=unbiased)
    assert found == pytest.approx(2.5**3 * expected, rel=1e-10)


def test_order_of_variables_does_not_matter(rng):
    blocks = [rng.normal(size=40), *PROBLEMS["mixed"](rng, 40)]
    values = [
        joint_distance_covariance(*(blocks[m] for m in order)) for order in ([0, 1, 2, 3], [3, 2, 0, 1], [1, 3, 2, 0])
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-11)


def test_two_variables_are_distance_covariance(rng):
    x, y = rng.normal(size=30), rng.normal(size=(30, 2))
    assert joint_distance_covariance(x, y, c=3.0) == pytest.approx(dcov2(x, y), rel=1e-11)


@every_version
def test_concatenated_distance_covariance(rng, unbiased):
    blocks, f, w = PROBLEMS["mixed"](rng, 30), rng.normal(size=30), weights(rng, 30, "integer")
    table = concatenated(blocks)
    found = concatenated_distance_covariance(f, *blocks, unbiased=unbiased)
    assert found == pytest.approx(dcov2(f, table, unbiased), rel=1e-10)
    found = concatenated_distance_covariance(f, *blocks, unbiased=unbiased, sample_weight=w, method="pairwise")
    assert found == pytest.approx(dcov2(repeated(w, f), repeated(w, table), unbiased), rel=1e-10)
    plane = rng.normal(size=(30, 2))
    found = concatenated_distance_covariance(plane, *blocks, unbiased=unbiased)
    assert found == pytest.approx(dcov2(plane, table, unbiased), rel=1e-10)


def joint_scale(blocks, c):
    """The mean size of a product of the joint distance covariance."""
    return float(np.prod([c + np.sqrt(dvar2(block, False)) for block in blocks])) * len(blocks[0])


# ----------------------------------------------------------------------------------------------------- types of numbers
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16, np.float32])
def test_numbers_of_any_type_are_numbers(rng, dtype):
    x, y = rng.integers(0, 60_000, size=500).astype(dtype), rng.integers(0, 60_000, size=(500, 2)).astype(dtype)
    for method in ("auto", "pairwise", "levels"):
        found, gradient = distance_covariance(x, y, method=method, return_grad=True)
        expected, slopes = distance_covariance(x.astype(float), y.astype(float), method=method, return_grad=True)
        assert found == expected
        assert gradient.dtype == np.float64
        np.testing.assert_array_equal(gradient, slopes)
    joint = joint_distance_covariance(x, y, y[:, 0])
    assert joint == joint_distance_covariance(x.astype(float), y.astype(float), y[:, 0].astype(float))


def test_truth_values_are_zero_and_one(rng):
    x, y = rng.normal(size=20), rng.integers(0, 2, size=20)
    assert distance_covariance(x, y.astype(bool)) == distance_covariance(x, y)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_integers_beyond_two_to_the_sixteen_rows(dtype):
    """Sums over 70,000 rows exceed 32 bits, and their products 64: integers must become floats first."""
    n = 70_000
    x = (np.arange(n) % 30_011).astype(dtype)
    y = (np.arange(n) % 29_989).astype(dtype)
    for method in ("column", "auto"):
        found = distance_correlation(x, y, method=method)
        assert found == pytest.approx(distance_correlation(x / 1e4, y / 1e4, method=method), rel=1e-9)
        assert distance_correlation(x, x, method=method) == pytest.approx(1.0, rel=1e-10)


# ------------------------------------------------------------------------------------------------------------ many rows
@pytest.mark.parametrize("dependent", [True, False])
@pytest.mark.parametrize("method", ["column", "levels"])
def test_rounding_at_a_hundred_thousand_rows(rng, method, dependent):
    """Against exact arithmetic, on integers about a million as well.

    Independent columns leave a millionth of the scale, so that rounding of 1e-14 of the scale is 1e-8 of the value.
    """
    n = 100_000
    first, second = rng.integers(0, 2**16, 40), rng.integers(0, 2**16, 40)
    labels = rng.integers(0, 40, n)
    others = (labels + rng.integers(0, 20, n)) % 40 if dependent else rng.integers(0, 40, n)
    x, y = first[labels], second[others]
    expected, scale = exact_dcov2(x, y), x.std() * y.std()
    value, gradient = distance_covariance(x, y, method=method, return_grad=True)
    assert abs(value - expected) <= 1e-14 * scale
    assert abs((x - x.mean()) @ gradient - expected) <= 1e-14 * scale
    assert abs(gradient.sum()) <= 1e-14 * y.std()
    shifted = distance_covariance(x + 10**6, y - 10**6, method=method)
    assert abs(shifted - expected) <= 1e-14 * scale
    correlation = expected / np.sqrt(exact_dcov2(x, x) * exact_dcov2(y, y))
    assert abs(distance_correlation(x, y, method=method) - correlation) <= 1e-13
    normalized = DistanceCovariancePenalty("dcov", normalize="dcor", method=method).fit([y - 10**6])
    assert abs(normalized.value(x + 10**6) - correlation) <= 1e-12  # of columns that are no integers any more


@pytest.mark.slow  # dcor compiles
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_column_engine_against_dcor_at_a_hundred_thousand_rows(rng, offset):
    """An offset that the data take without rounding changes nothing."""
    dcor = load_peer("dcor")
    n = 100_000
    s = np.round(rng.normal(size=n) * 2**20) / 2**20
    f = np.round((s**2 + rng.normal(size=n)) * 2**20) / 2**20
    expected = dcor.u_distance_covariance_sqr(f, s, method="mergesort")
    assert distance_covariance(f + offset, s + offset, method="column") == pytest.approx(expected, rel=1e-9)
    biased = dcor.distance_covariance_sqr(f, s, method="mergesort")
    assert distance_covariance(f + offset, s - offset, unbiased=False) == pytest.approx(biased, rel=1e-9)


@pytest.mark.slow  # dcor compiles
def test_against_dcor(rng):
    dcor = load_peer("dcor")
    x, y = rng.normal(size=300), rng.normal(size=(300, 3))
    y[:, 0] += x**2
    assert distance_covariance(x, y) == pytest.approx(dcor.u_distance_covariance_sqr(x, y), rel=1e-10)
    assert distance_correlation(x, y) == pytest.approx(dcor.u_distance_correlation_sqr(x, y), rel=1e-10)
    found = distance_correlation(x, y, squared=False, unbiased=False)
    assert found == pytest.approx(dcor.distance_correlation(x, y), rel=1e-10)


def test_against_statsmodels(rng):
    statistics = pytest.importorskip("statsmodels.stats.dist_dependence_measures").distance_statistics
    x = rng.normal(size=100)
    y = np.abs(x) + rng.normal(size=100)
    found = statistics(x, y)
    assert distance_covariance(x, y, squared=False, unbiased=False) == pytest.approx(
        found.distance_covariance, rel=1e-10
    )
    correlation = distance_correlation(x, y, squared=False, unbiased=False)
    assert correlation == pytest.approx(found.distance_correlation, rel=1e-10)
