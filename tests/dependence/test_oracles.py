"""The oracles themselves: two ways of writing each definition, weights as copies, and published numbers."""

import numpy as np
import pytest

from ..compiled_peers import load_peer
from .oracles import (
    MEASURES,
    PROBLEMS,
    Oracle,
    dcor2,
    dcov2,
    dvar2,
    exact_dcov2,
    finite_differences,
    joint_dcov2,
    joint_dcov2_by_orders,
    joint_dcov2_without_minus,
    plain_value,
    prediction,
    repeated,
    smallest_gap,
    u_centered,
    v_centered,
    weights,
    xor,
)

RTOL = 1e-12  # sums of a few thousand terms

every_measure = pytest.mark.parametrize("measure", MEASURES)
every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])
every_problem = pytest.mark.parametrize("name", PROBLEMS)


@every_version
def test_centering_removes_rows(rng, unbiased):
    x = rng.normal(size=12)
    centered = (u_centered if unbiased else v_centered)(np.abs(np.subtract.outer(x, x)))
    np.testing.assert_allclose(centered.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(centered.sum(axis=1), 0, atol=1e-12)


@every_version
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0, 2.0])
def test_product_and_expansion(rng, unbiased, c):
    """The product of ``U + c`` holds all orders; centering is what makes the terms of order 1 vanish."""
    blocks = [rng.normal(size=10), *PROBLEMS["mixed"](rng, 10)]
    expected = joint_dcov2_by_orders(blocks, c, unbiased)
    assert joint_dcov2(blocks, c, unbiased) == pytest.approx(expected, rel=1e-11, abs=1e-13)


@every_version
@every_measure
@every_problem
def test_weighted_formulas_of_unit_weights_are_the_definition(rng, name, measure, unbiased):
    blocks, f = PROBLEMS[name](rng, 11), prediction(rng, 11, ties=True)
    oracle = Oracle(measure, blocks, c=0.7, unbiased=unbiased)
    expected = plain_value(measure, f, blocks, 0.7, unbiased)
    assert abs(oracle.value(f) - expected) <= RTOL * oracle.value_scale(f)


@every_version
@every_measure
@every_problem
def test_integer_weights_are_copies(rng, name, measure, unbiased):
    blocks, f, w = PROBLEMS[name](rng, 9), prediction(rng, 9, ties=False), weights(rng, 9, "integer")
    copies = [repeated(w, block) for block in blocks]
    oracle = Oracle(measure, blocks, c=0.7, unbiased=unbiased, weight=w)
    expected = plain_value(measure, repeated(w, f), copies, 0.7, unbiased)
    assert abs(oracle.value(f) - expected) <= RTOL * oracle.value_scale(f)
    of_copies = Oracle(measure, copies, c=0.7, unbiased=unbiased)
    expected = np.zeros(9)
    np.add.at(expected, np.repeat(np.arange(9), w.astype(int)), of_copies.gradient(repeated(w, f)))
    np.testing.assert_allclose(oracle.gradient(f), expected, atol=RTOL * oracle.gradient_scale(f), rtol=0)


@every_version
@every_measure
@pytest.mark.parametrize("kind", [None, "fractional"])
@pytest.mark.parametrize("normalize", [None, "dcor"])
def test_gradients_are_derivatives(rng, measure, unbiased, kind, normalize):
    blocks, f = PROBLEMS["mixed"](rng, 8), prediction(rng, 8, ties=False)
    oracle = Oracle(measure, blocks, unbiased=unbiased, weight=weights(rng, 8, kind), normalize=normalize)
    step = smallest_gap(f) * (1e-3 if normalize else 0.25)  # piecewise linear unless normalized
    found = finite_differences(oracle.value, f, step)
    tolerance = (1e-6 if normalize else 1e-10) * oracle.gradient_scale(f)
    np.testing.assert_allclose(found, oracle.gradient(f), rtol=0, atol=tolerance)


@every_version
@every_measure
def test_values_are_homogeneous(rng, measure, unbiased):
    blocks, f = PROBLEMS["mixed"](rng, 10), prediction(rng, 10, ties=True)
    oracle = Oracle(measure, blocks, unbiased=unbiased, weight=weights(rng, 10, "fractional"))
    assert abs(f @ oracle.gradient(f) - oracle.excess(f)) <= RTOL * oracle.value_scale(f)


def test_exclusive_or_in_closed_form():
    """Marginal distance covariances are 0, the concatenation sees (2 - sqrt 2)/8, the joint one 1/8, with its sign."""
    f, first, second = xor()
    assert dcov2(f, first, unbiased=False) == pytest.approx(0, abs=1e-15)
    assert plain_value("ccdcov", f, [first, second], unbiased=False) == pytest.approx((2 - np.sqrt(2)) / 8, rel=1e-14)
    assert joint_dcov2([f, first, second], 1.0, unbiased=False) == pytest.approx(0.125, rel=1e-14)
    assert joint_dcov2_without_minus([f, first, second]) == pytest.approx(-0.125, rel=1e-14)


def test_exact_arithmetic_is_the_definition(rng):
    x, y = rng.integers(-5, 5, 40), 2 ** rng.integers(0, 20, 40)
    y = y + x
    assert exact_dcov2(x, y) == pytest.approx(dcov2(x, y), rel=1e-11)


@pytest.mark.slow  # dcor compiles
def test_against_dcor(rng):
    dcor = load_peer("dcor")
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 3)) ** 2
    assert dcov2(x, y) == pytest.approx(dcor.u_distance_covariance_sqr(x, y), rel=1e-11)
    assert dcov2(x, y, unbiased=False) == pytest.approx(dcor.distance_covariance_sqr(x, y), rel=1e-11)
    assert dcor2(x, y) == pytest.approx(dcor.u_distance_correlation_sqr(x, y), rel=1e-11)
    assert dcor2(x, y, unbiased=False) == pytest.approx(dcor.distance_correlation_sqr(x, y), rel=1e-11)


def test_against_statsmodels(rng):
    statistics = pytest.importorskip("statsmodels.stats.dist_dependence_measures").distance_statistics
    x = rng.normal(size=25)
    y = x**2 + rng.normal(size=25)
    found = statistics(x, y)  # of the roots
    assert np.sqrt(dcov2(x, y, unbiased=False)) == pytest.approx(found.distance_covariance, rel=1e-11)
    assert np.sqrt(dcor2(x, y, unbiased=False)) == pytest.approx(found.distance_correlation, rel=1e-11)
    assert np.sqrt(dvar2(x, unbiased=False)) == pytest.approx(found.dvar_x, rel=1e-11)
