"""The chain rule of projection DPPs by rejection: its law, its blocks, its accuracy."""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from statlearn.design._dpp_kernels import accept_in_order, extend_basis
from statlearn.design._projection_dpp import growing_blocks, large_blocks, sample_chain

from .enumeration import dpp_law, orthonormal, p_value

REJECTED, ACCEPTED = 1e-9, 1e-4  # p-values below which a wrong law must come, and above which a right one


def blocks_of(size):
    return lambda n_points, m: size


def proposals(Q):
    """Proposals of rows of Q, each in proportion to its squared norm."""
    norms = np.linalg.norm(Q, axis=1)

    def propose(n, rng):
        rows = rng.choice(len(Q), size=n, p=norms**2 / np.sum(norms**2))
        return rows, Q[rows] / norms[rows, None]

    return propose


def legendre(m):
    """Proposals for the polynomials of degree below m on [-1, 1]."""
    scale = np.sqrt(2.0 * np.arange(m) + 1.0)

    def propose(n, rng):
        # By rejection from the arcsine law: p^2 sqrt(1 - x^2) <= 4 / pi for every degree, by Bernstein.
        trial = np.cos(np.pi * rng.random(4 * n + 20))
        phi = np.polynomial.legendre.legvander(trial, m - 1) * scale
        k = np.einsum("ij,ij->i", phi, phi)
        accepted = np.flatnonzero(rng.random(trial.size) < k / m * np.pi * np.sqrt(1.0 - trial**2) / 4.0)[:n]
        assert accepted.size == n
        return trial[accepted], phi[accepted] / np.sqrt(k[accepted, None])

    return propose


@pytest.mark.parametrize("block_size", [blocks_of(1), blocks_of(3), large_blocks, growing_blocks])
@pytest.mark.parametrize(("n_rows", "m"), [(6, 2), (8, 3), (9, 6)])
def test_draws_follow_the_determinants(rng, n_rows, m, block_size):
    Q = orthonormal(rng, n_rows, m)
    propose = proposals(Q)
    draws = np.sort([sample_chain(propose, m, rng, block_size)[0] for _ in range(3000)], axis=1)
    assert p_value(draws, *dpp_law(Q)) > ACCEPTED


def test_a_wrong_sampler_is_found_out(rng):
    """Rows drawn independently and taken when they are distinct, which has the same proposals and the same support."""
    Q = orthonormal(rng, 8, 3)
    chances = np.sum(Q**2, axis=1) / 3
    draws = [rng.choice(8, size=3, replace=False, p=chances) for _ in range(3000)]
    assert p_value(np.sort(draws, axis=1), *dpp_law(Q)) < REJECTED


def test_the_order_of_the_points_is_exchangeable(rng):
    Q = orthonormal(rng, 6, 3)
    propose = proposals(Q)
    draws = np.array([sample_chain(propose, 3, rng)[0] for _ in range(3000)])
    for place in range(3):
        assert p_value(draws[:, [place]], np.arange(6)[:, None], np.sum(Q**2, axis=1) / 3) > ACCEPTED


def test_points_come_with_their_unit_rows(rng):
    Q = orthonormal(rng, 50, 8)
    points, rows = sample_chain(proposals(Q), 8, rng)
    np.testing.assert_array_equal(rows, Q[points] / np.linalg.norm(Q[points], axis=1, keepdims=True))
    assert len(set(points)) == 8


def test_one_dimension_takes_the_first_proposal(rng):
    points, rows = sample_chain(lambda n, rng: (rng.random((n, 2)), np.ones((n, 1))), 1, rng)
    assert points.shape == (1, 2)
    np.testing.assert_array_equal(rows, [[1.0]])


@pytest.mark.parametrize(
    ("m", "block_size", "n_draws"),
    [(15, blocks_of(1), 200), (30, growing_blocks, 400), (150, growing_blocks, 300), (150, large_blocks, 300)],
)
def test_points_of_the_legendre_process_repel_each_other(rng, m, block_size, n_draws):
    """The sum of the points has variance m^2 / (4 m^2 - 1), about 1/4 for every m; independent ones have m / 2."""
    propose, variance = legendre(m), m**2 / (4.0 * m**2 - 1.0)
    sums = np.array([sample_chain(propose, m, rng, block_size)[0].sum() for _ in range(n_draws)])
    assert abs(sums.mean()) < norm.isf(ACCEPTED / 2) * np.sqrt(variance / n_draws)
    low, high = chi2.interval(1.0 - ACCEPTED, n_draws - 1)
    assert low < sums.var() * n_draws / variance < high
    independent = np.array([propose(m, rng)[0].sum() for _ in range(n_draws)])
    assert independent.var() > m / 4


def test_candidates_are_accepted_as_if_one_after_the_other(rng):
    rows, uniforms = rng.normal(size=(40, 6)), rng.random(40)
    rows *= (rng.random(40) / np.linalg.norm(rows, axis=1))[:, None]
    taken, basis = [], np.zeros((0, 6))
    for i, row in enumerate(rows):
        residual = row - basis.T @ (basis @ row)
        if uniforms[i] < residual @ residual:
            taken.append(i)
            basis = np.vstack([basis, residual / np.linalg.norm(residual)])
    assert len(taken) > 2
    accepted, coefficients = accept_in_order(rows @ rows.T, uniforms, 6)
    np.testing.assert_array_equal(accepted, taken)
    np.testing.assert_allclose(coefficients @ rows[taken], basis, atol=1e-12)
    np.testing.assert_array_equal(accept_in_order(rows @ rows.T, uniforms, 2)[0], taken[:2])


def test_residuals_that_are_rounding_noise_are_rejected():
    row = np.array([[0.6, 0.8]])
    gram = np.vstack([row, row]) @ np.vstack([row, row]).T
    assert list(accept_in_order(gram, np.zeros(2), 2)[0]) == [0]
    assert not accept_in_order(1e-13 * np.eye(2), np.zeros(2), 2)[0].size


def test_directions_are_orthogonal_to_the_last_digit(rng):
    """Candidates that are nearly explained: a residual of norm 1e-5 has lost five digits of its orthogonality."""
    orthogonal = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    basis, others = orthogonal[:50], orthogonal[50:54]
    candidates = rng.normal(size=(4, 50)) @ basis / np.sqrt(50.0) + 1e-5 * others
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    extended = np.vstack([basis, np.zeros((10, 60))])
    assert list(extend_basis(candidates, np.zeros(4), extended, 50)) == [0, 1, 2, 3]
    np.testing.assert_allclose(extended[:54] @ extended[:54].T, np.eye(54), rtol=0, atol=2e-15)


@pytest.mark.parametrize(("distance", "error"), [(1e-3, 2e-15), (1e-5, 1e-11)])
def test_directions_of_candidates_that_are_close(rng, distance, error):
    """A residual of norm 1e-5 is accepted once in 1e10 proposals; what is lost then is no more than that chance."""
    row, other = np.linalg.qr(rng.normal(size=(20, 20)))[0][:2]
    close = row + distance * other
    basis = np.empty((20, 20))
    assert list(extend_basis(np.vstack([row, close / np.linalg.norm(close)]), np.zeros(2), basis, 0)) == [0, 1]
    np.testing.assert_allclose(basis[:2] @ basis[:2].T, np.eye(2), rtol=0, atol=error)
    assert np.linalg.norm(other - basis[:2].T @ (basis[:2] @ other)) < 1e-9


@pytest.mark.parametrize("n_points", [0, 5])
def test_blocks_are_accepted_as_by_definition(rng, n_points):
    """Candidates and the basis that they make, against one projection after the other."""
    unit = rng.normal(size=(60, 12))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    basis = np.empty((12, 12))
    basis[:n_points] = np.linalg.qr(rng.normal(size=(12, n_points)))[0].T
    spanned, taken, uniforms = basis[:n_points], [], rng.random(60)
    for i in range(60):
        residual = unit[i] - spanned.T @ (spanned @ unit[i])
        if len(spanned) < 12 and uniforms[i] < residual @ residual:
            spanned, taken = np.vstack([spanned, residual / np.linalg.norm(residual)]), [*taken, i]
    rejecting = np.append(uniforms[: taken[-3]], np.ones(60 - taken[-3]))  # so that some directions are missing
    np.testing.assert_array_equal(extend_basis(unit, rejecting, basis, n_points), taken[:-3])
    n_known = n_points + len(taken) - 3
    np.testing.assert_allclose(basis[:n_known].T @ basis[:n_known], spanned[:n_known].T @ spanned[:n_known], atol=1e-13)
    np.testing.assert_array_equal(extend_basis(unit, uniforms, basis, n_points), taken)


def test_functions_that_are_dependent_are_named_as_the_cause(rng):
    def propose(n, rng):
        return np.arange(n), np.tile([0.6, 0.8], (n, 1))

    with pytest.raises(RuntimeError, match="gave 1 of the m=2 points.*not orthonormal.*linearly dependent"):
        sample_chain(propose, 2, rng)
