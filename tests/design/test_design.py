"""Designs: weights, features that never overflow, the Gram matrix, parts and unions."""

import pickle

import numpy as np
import pytest

from statlearn.design import Design, Hermite, OrthonormalBasis, PolynomialBasis
from statlearn.design._design import INDEPENDENT

BASIS = PolynomialBasis(["legendre", "hermite"], degree=3).resolved()
M = BASIS.n_output_features_


def design_of(rng, n=40, mixing=0.0, counts=None):
    points = np.column_stack([rng.uniform(-1, 1, n), rng.normal(size=n)])
    return Design.of(BASIS, points, np.arange(n) // M, mixing, counts)


class Ramp(OrthonormalBasis):
    """One function that is 0 on half of the interval."""

    n_dims = n_output_features_ = 1

    def scaled_features(self, X):
        return np.sqrt(6.0) * np.maximum(np.asarray(X), 0.0), np.zeros(len(X))

    def sample_measure(self, n, rng):
        return rng.uniform(-1.0, 1.0, size=(n, 1))

    def sample_induced(self, n, rng):
        return rng.uniform(size=(n, 1)) ** (1.0 / 3.0)


@pytest.mark.parametrize("mixing", [0.0, 0.3, 1.0])
def test_weights_are_the_measure_over_the_density(rng, mixing):
    design = design_of(rng, mixing=mixing)
    phi = BASIS.features(design.points)
    density = (1.0 - mixing) * np.sum(phi**2, axis=1) / M + mixing
    np.testing.assert_allclose(design.weights, 1.0 / density, rtol=1e-13)
    np.testing.assert_allclose(design.features, phi * np.sqrt(design.weights / 40)[:, None], rtol=1e-12, atol=1e-15)
    eigenvalues = np.linalg.eigvalsh(np.einsum("n,ni,nj->ij", design.weights, phi, phi) / 40)
    assert design.gram_lambda_min == pytest.approx(eigenvalues[0], rel=1e-9)
    assert design.condition_number == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-9)
    assert design.gram_error == pytest.approx(np.abs(eigenvalues - 1.0).max(), rel=1e-9)
    assert mixing == 0.0 or design.weights.max() <= 1.0 / mixing + 1e-12


def test_counts_are_repeated_points(rng):
    counts = np.array([1, 3, 2] * 13 + [5])
    design = design_of(np.random.default_rng(1), counts=counts)
    single = design_of(np.random.default_rng(1))
    repeated = Design.of(BASIS, np.repeat(single.points, counts, axis=0), np.repeat(single.block, counts))
    np.testing.assert_allclose(design.singular_values, repeated.singular_values, rtol=1e-12)
    np.testing.assert_allclose(design.weights, counts / counts.mean() * single.weights, rtol=1e-12)


def test_features_are_finite_where_weights_underflow():
    basis = PolynomialBasis(Hermite(), n_dims=1, degree=999).resolved()
    design = Design.of(basis, np.array([[0.0], [60.0], [-70.0], [200.0]]), np.full(4, INDEPENDENT))
    assert np.isfinite(design.features).all()
    np.testing.assert_allclose(np.sum(design.features**2, axis=1), 1000.0 / 4.0, rtol=1e-12)  # of w k / n with w k = m
    assert np.isfinite(design.log_weights).all()
    assert design.weights[-1] == 0.0


def test_parts_and_unions(rng):
    design = design_of(rng)
    first, second = design.take(np.arange(10)), design.take(np.arange(40) >= 10)
    assert (len(first), len(second)) == (10, 30)
    np.testing.assert_allclose(first.features, Design.of(BASIS, first.points, first.block).features, rtol=1e-12)
    joined = Design.join(first, second)
    np.testing.assert_allclose(joined.features, design.features, rtol=1e-12)
    np.testing.assert_array_equal(joined.points, design.points)
    np.testing.assert_array_equal(joined.log_weights, design.log_weights)
    np.testing.assert_array_equal(joined.block[:10], 0)
    np.testing.assert_array_equal(joined.block[10:], second.block + 1)


def test_independent_points_stay_so_in_unions(rng):
    points = rng.uniform(-1, 1, size=(4, 2))
    free = Design.of(BASIS, points, np.full(4, INDEPENDENT))
    blocks = Design.of(BASIS, points, np.array([0, 0, 1, 1]))
    assert Design.join(free, blocks).block.tolist() == [-1] * 4 + [0, 0, 1, 1]
    assert Design.join(blocks, free).block.tolist() == [0, 0, 1, 1] + [-1] * 4
    assert Design.join(blocks, blocks).block.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_other_weights(rng):
    design = design_of(rng)
    weights = rng.gamma(1.0, size=40) * (np.arange(40) > 3)
    other = design.reweighted(weights)
    phi = BASIS.features(design.points)
    np.testing.assert_allclose(other.weights, weights / weights.mean(), rtol=1e-12)
    np.testing.assert_allclose(other.features, phi * np.sqrt(weights / weights.sum())[:, None], rtol=1e-12, atol=1e-15)


def test_fewer_points_than_functions_determine_nothing(rng):
    design = design_of(rng, n=M - 1)
    assert design.gram_lambda_min == 0.0
    assert design.condition_number == np.inf
    assert design.gram_error >= 1.0


def test_points_without_a_chance_are_refused():
    points = np.array([[0.5], [-0.5], [0.9]])
    with pytest.raises(ValueError, match=r"not finite at 1 of 3 points \(rows 1\).*all 0, which has no chance"):
        Design.of(Ramp(), points, np.zeros(3, dtype=int))
    mixed = Design.of(Ramp(), points, np.zeros(3, dtype=int), mixing=0.5)
    np.testing.assert_allclose(mixed.weights, 1.0 / (0.5 * 6.0 * np.maximum(points[:, 0], 0.0) ** 2 + 0.5), rtol=1e-13)


def test_overflow_is_refused():
    basis = PolynomialBasis(Hermite(), n_dims=1, degree=999).resolved()
    with pytest.raises(ValueError, match="overflow there"):
        Design.of(basis, np.array([[0.0], [70.0]]), np.full(2, INDEPENDENT), mixing=1.0)
    design = Design.of(basis, np.array([[0.0], [70.0]]), np.full(2, INDEPENDENT))
    with pytest.raises(ValueError, match="overflow there"):
        design.reweighted(np.ones(2))


def test_pickle(rng):
    design = design_of(rng)
    twin = pickle.loads(pickle.dumps(design))
    np.testing.assert_array_equal(twin.features, design.features)
    assert twin.gram_lambda_min == design.gram_lambda_min
