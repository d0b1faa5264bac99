"""Transport on the line: values, couplings, averages of quantile functions."""

import numpy as np
import pytest

from statlearn._kernels.transport import block_quantiles, monotone_coupling, pairwise_wasserstein, wasserstein

from ..gromov.oracles import coupling_error, random_weights, transport_on_line, uniform

RTOL = 1e-12  # sums of tens of terms in two orders, relative to the largest cost

SIZES = [(1, 1), (1, 6), (6, 1), (4, 4), (5, 7), (6, 12), (30, 17)]
every_size = pytest.mark.parametrize(("n", "m"), SIZES)
every_power = pytest.mark.parametrize("power", [1, 2])


def measure(rng, n, ties=False):
    """Ascending points, some of them equal if asked for, and weights."""
    points = rng.integers(-2, 3, size=n).astype(float) if ties else rng.normal(size=n)
    return np.sort(points), random_weights(rng, n)


def test_hand_example():
    """Half of the mass at 0 stays, half moves by 1, and all mass at 3 moves by 2."""
    arguments = (np.array([0.0, 3.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0]), np.array([0.25, 0.75]))
    assert wasserstein(*arguments, 1) == 0.25 * 1 + 0.5 * 2
    assert wasserstein(*arguments, 2) == 0.25 * 1 + 0.5 * 4


@every_power
@every_size
@pytest.mark.parametrize("ties", [False, True])
def test_wasserstein_is_the_distance_of_quantile_functions(rng, n, m, ties, power):
    (x, p), (y, q) = measure(rng, n, ties), measure(rng, m, ties)
    expected = transport_on_line(x, p, y, q, power)
    assert wasserstein(x, p, y, q, power) == pytest.approx(expected, rel=RTOL, abs=RTOL)
    assert wasserstein.py_func(x, p, y, q, power) == pytest.approx(expected, rel=RTOL, abs=RTOL)


@every_power
def test_wasserstein_knows_equal_measures(rng, power):
    """Splitting points in two, or listing equal points in another order, changes nothing."""
    x, p = measure(rng, 9)
    assert wasserstein(x, p, x, p, power) == 0
    halves = np.repeat(x, 2), np.repeat(p / 2, 2)
    assert wasserstein(x, p, *halves, power) == pytest.approx(0, abs=1e-14)


@every_power
def test_pairwise_wasserstein_of_ragged_collections(rng, power):
    first, second = ([measure(rng, n) for n in sizes] for sizes in ([1, 4, 7], [3, 1, 5, 2]))
    table = pairwise_wasserstein(*ragged(first), *ragged(second), power)
    expected = [[transport_on_line(*one, *other, power) for other in second] for one in first]
    np.testing.assert_allclose(table, expected, rtol=RTOL, atol=RTOL)


def ragged(measures):
    """Concatenated points, weights and where each measure starts."""
    starts = np.concatenate([[0], np.cumsum([len(x) for x, _ in measures])])
    return np.concatenate([x for x, _ in measures]), np.concatenate([p for _, p in measures]), starts


@every_size
def test_monotone_coupling(rng, n, m):
    """It has the marginals, few entries, no crossing, and the cost of an optimal plan."""
    (x, p), (y, q) = measure(rng, n), measure(rng, m)
    sources, targets, masses = monotone_coupling(p, q)
    T = np.zeros((n, m))
    np.add.at(T, (sources, targets), masses)
    assert coupling_error(T, p, q) <= 1e-14
    assert len(masses) <= n + m - 1
    assert (np.diff(sources) >= 0).all() and (np.diff(targets) >= 0).all()
    expected = transport_on_line(x, p, y, q)
    assert masses @ (x[sources] - y[targets]) ** 2 == pytest.approx(expected, rel=RTOL, abs=RTOL)


def test_monotone_coupling_of_equal_weights_is_a_matching():
    sources, targets, masses = monotone_coupling(uniform(7), uniform(7))
    np.testing.assert_array_equal(sources, range(7))
    np.testing.assert_array_equal(targets, range(7))
    np.testing.assert_array_equal(masses, uniform(7))


# --------------------------------------------------------------------------------------------------- block quantiles
def quantile_averages(x, p, n_blocks):
    """Averages of the quantile function over equal blocks, from the overlap of every block with every step."""
    ends = np.cumsum(p)
    starts = ends - p
    blocks = np.arange(n_blocks + 1) / n_blocks
    overlap = np.minimum(blocks[1:, None], ends) - np.maximum(blocks[:-1, None], starts)
    return n_blocks * np.maximum(overlap, 0) @ x


@pytest.mark.parametrize("n_blocks", [1, 2, 5, 12, 40])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_block_quantiles(rng, n, n_blocks):
    measures = [measure(rng, n) for _ in range(5)]
    values, weights = (np.array(part) for part in zip(*measures, strict=True))
    table = block_quantiles(values, weights, n_blocks)
    expected = [quantile_averages(x, p, n_blocks) for x, p in measures]
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(table.mean(axis=1), np.sum(values * weights, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_blocks", [1, 3, 8, 60])
def test_block_quantiles_shrink_the_distance(rng, n_blocks):
    for _ in range(50):
        (x, p), (y, q) = measure(rng, rng.integers(1, 9)), measure(rng, rng.integers(1, 9))
        first, second = (
            block_quantiles(values[None], weights[None], n_blocks)[0] for values, weights in [(x, p), (y, q)]
        )
        assert np.mean((first - second) ** 2) <= transport_on_line(x, p, y, q) + RTOL


def test_block_quantiles_are_exact_for_a_common_multiple(rng):
    x, y = np.sort(rng.normal(size=4)), np.sort(rng.normal(size=6))
    first, second = (block_quantiles(v[None], uniform(v.size)[None], 24)[0] for v in (x, y))
    expected = transport_on_line(x, uniform(4), y, uniform(6))
    assert np.mean((first - second) ** 2) == pytest.approx(expected, rel=RTOL)
