"""Opinion pools and the market maker of the logarithmic scoring rule."""

import numpy as np
import pytest
from scipy.stats import gmean

from statlearn.market import linear_opinion_pool, lmsr_cost, lmsr_price, logarithmic_opinion_pool


def test_pools_are_weighted_means(rng):
    beliefs, weights = rng.dirichlet(np.ones(3), size=(6, 4)), rng.gamma(1.0, size=4)
    np.testing.assert_allclose(linear_opinion_pool(beliefs, weights), np.average(beliefs, axis=1, weights=weights))
    geometric = gmean(beliefs, axis=1, weights=np.broadcast_to(weights[None, :, None], beliefs.shape))
    expected = geometric / geometric.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logarithmic_opinion_pool(beliefs, weights), expected, rtol=1e-12)
    np.testing.assert_allclose(linear_opinion_pool(beliefs[0]), beliefs[0].mean(axis=0))
    assert logarithmic_opinion_pool(beliefs[0]).shape == (3,)


def test_geometric_means_and_excluded_classes():
    np.testing.assert_array_equal(logarithmic_opinion_pool([[0.5, 0.5], [1.0, 0.0]], [1, 1]), [1.0, 0.0])
    np.testing.assert_array_equal(logarithmic_opinion_pool([[0.5, 0.5], [1.0, 0.0]], [1, 0]), [0.5, 0.5])
    with pytest.raises(ValueError, match="exclude all classes between them in row 0"):
        logarithmic_opinion_pool([[0.0, 1.0], [1.0, 0.0]])


def test_the_market_maker_prices_by_the_slope_of_its_cost(rng):
    quantities, b, step = rng.normal(size=4), 1.7, 1e-6
    rises = [lmsr_cost(quantities + step * unit, b) - lmsr_cost(quantities - step * unit, b) for unit in np.eye(4)]
    slopes = np.array(rises) / (2 * step)
    np.testing.assert_allclose(lmsr_price(quantities, b), slopes, rtol=1e-8)
    assert lmsr_price(quantities, b).sum() == pytest.approx(1.0)
    assert lmsr_price(np.zeros((2, 3))).shape == (2, 3)


def test_the_market_maker_loses_at_most_its_bound(rng):
    """Contracts of the true class sold, less what traders paid, is at most b log K, and comes near it."""
    b, worst = 2.0, -np.inf
    for _ in range(200):
        final = rng.normal(scale=10 ** rng.uniform(-1, 2), size=3)
        paid = lmsr_cost(final, b) - lmsr_cost(np.zeros(3), b)
        worst = max(worst, final.max() - paid)
    assert worst <= b * np.log(3) + 1e-12
    assert worst > 0.99 * b * np.log(3)


def test_large_quantities_do_not_overflow():
    np.testing.assert_array_equal(lmsr_price([1e6, 0.0]), [1.0, 0.0])
    assert lmsr_cost([1e6, 0.0]) == 1e6


@pytest.mark.parametrize(
    ("quantities", "liquidity", "message"),
    [([0.0, np.nan], 1.0, "quantities"), ([0.0, 1.0], 0.0, "'liquidity' parameter"), ([[[1.0]]], 1.0, "dimensions")],
)
def test_bad_input(quantities, liquidity, message):
    for function in (lmsr_price, lmsr_cost):
        with pytest.raises(ValueError, match=message):
            function(quantities, liquidity)
    with pytest.raises(ValueError, match="weights must have 2 entries"):
        linear_opinion_pool([[0.5, 0.5], [1.0, 0.0]], [1.0])
