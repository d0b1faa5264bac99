"""Self-whitening and the moments of whitened rows, against plain loops, published numbers and invariances."""

import numpy as np
import pytest
from scipy.stats import chi2, norm
from sklearn.datasets import load_iris

from statlearn.halfspace._moments import (
    mardia_kurtosis,
    mardia_skewness,
    moment_catalog,
    moment_statistics,
    self_whiten,
)

RTOL = 1e-8  # two orders of summation, and whitening by two bases of the same space


def skewed_rows(rng, n=400, d=4):
    return rng.gamma(3.0, size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def test_published_values_for_iris_setosa():
    """Mardia's statistics of R's MVN package for the first fifty rows of iris."""
    Z = self_whiten(load_iris().data[:50]).Z
    n, d = Z.shape
    skewness, kurtosis = mardia_skewness(Z), mardia_kurtosis(Z)
    assert skewness == pytest.approx(3.079721, abs=1e-6)
    assert kurtosis == pytest.approx(26.53766, abs=1e-5)
    assert chi2.sf(n * skewness / 6, d * (d + 1) * (d + 2) / 6) == pytest.approx(0.177186, abs=1e-6)
    assert 2 * norm.sf(abs(kurtosis - d * (d + 2)) / np.sqrt(8 * d * (d + 2) / n)) == pytest.approx(0.195323, abs=1e-6)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_moments_are_those_of_plain_sums(rng, d):
    Z = self_whiten(skewed_rows(rng, d=d)).Z
    n = len(Z)
    products = Z @ Z.T
    assert mardia_skewness(Z) == pytest.approx(np.mean(products**3), rel=RTOL)
    assert mardia_kurtosis(Z) == pytest.approx(np.mean(np.diag(products) ** 2), rel=RTOL)
    radial, kurtosis, covariance, largest, smallest, root = moment_statistics(Z)
    vector = sum(z * (z @ z) for z in Z) / n
    matrix = sum(np.outer(z, z) * (z @ z) for z in Z) / n
    assert radial == pytest.approx(np.linalg.norm(vector), rel=RTOL)
    assert kurtosis == pytest.approx(mardia_kurtosis(Z) - d * (d + 2), rel=RTOL)
    assert covariance == pytest.approx(np.linalg.norm(matrix - (d + 2) * np.eye(d), 2), rel=RTOL)
    assert root == pytest.approx(np.sqrt(mardia_skewness(Z)), rel=RTOL)
    assert largest >= -smallest


def test_the_tensor_is_summed_over_blocks_of_rows(rng):
    Z = self_whiten(skewed_rows(rng, n=9000, d=3)).Z
    tensor = np.einsum("ni,nj,nk->ijk", Z, Z, Z) / len(Z)
    assert mardia_skewness(Z) == pytest.approx(np.sum(tensor**2), rel=RTOL)


def test_extreme_kurtosis_of_planted_directions(rng):
    """In two dimensions the search is compared with a fine grid of angles."""
    for column in (rng.laplace(size=3000), rng.choice([-1.0, 1.0], size=3000) + 0.3 * rng.normal(size=3000)):
        X = np.column_stack([column, rng.normal(size=3000)]) @ rng.normal(size=(2, 2))
        Z = self_whiten(X).Z
        angles = np.linspace(0, np.pi, 2000)
        kurtosis = np.mean((Z @ np.array([np.cos(angles), np.sin(angles)])) ** 4, axis=0) - 3
        largest, smallest = moment_statistics(Z)[3:5]
        planted = np.argmax(np.abs(kurtosis))
        # The extreme that was planted is found; the other one is a local search's best and never beyond the grid's.
        assert (largest if kurtosis[planted] > 0 else -smallest) == pytest.approx(kurtosis[planted], abs=1e-4)
        assert kurtosis.min() - 1e-4 <= -smallest <= largest <= kurtosis.max() + 1e-4


def test_affine_maps_and_the_order_of_rows_do_not_matter(rng):
    X = skewed_rows(rng)
    statistics = moment_statistics(self_whiten(X).Z)
    A, b = rng.normal(size=(4, 4)), 10 * rng.normal(size=4)
    for same in (X @ A + b, X * [1e-150, 1e150, 1.0, 1e6], X[rng.permutation(len(X))], X[:, ::-1]):
        np.testing.assert_allclose(moment_statistics(self_whiten(same).Z), statistics, rtol=RTOL)


def test_self_whitening(rng):
    X = skewed_rows(rng)
    sample = self_whiten(X)
    np.testing.assert_allclose(sample.Z, (X - sample.mean) @ sample.transform, atol=1e-10)
    np.testing.assert_allclose(sample.Z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(sample.Z.T @ sample.Z / len(X), np.eye(4), atol=1e-10)
    w = rng.normal(size=4)
    margins = (X - X.mean(axis=0)) @ w
    np.testing.assert_allclose(sample.Z @ sample.normal(X, w), margins / margins.std(), atol=1e-9)
    np.testing.assert_allclose(sample.origin, -sample.mean @ sample.transform)


def test_directions_without_variance_are_dropped(rng):
    X = skewed_rows(rng)
    padded = np.column_stack([X, X[:, 0], np.full(len(X), 0.1), X[:, 1] - 2 * X[:, 2]])
    sample = self_whiten(padded)
    assert sample.Z.shape == (len(X), 4)
    np.testing.assert_allclose(moment_statistics(sample.Z), moment_statistics(self_whiten(X).Z), rtol=1e-6)
    assert self_whiten(np.ones((5, 2))).Z.shape == (5, 0)
    assert sample.normal(padded, np.eye(7)[5]) is None


def test_single_precision_is_read_as_it_is(rng):
    X = skewed_rows(rng).astype(np.float32)
    sample = self_whiten(X)
    assert sample.Z.dtype == np.float64
    np.testing.assert_allclose(
        moment_statistics(sample.Z), moment_statistics(self_whiten(X.astype(np.float64)).Z), rtol=RTOL
    )


def test_the_catalog_fits_the_statistics(rng):
    for d in (1, 3, 60, 61):
        names = [statistic.name for statistic in moment_catalog(d)]
        assert len(moment_statistics(self_whiten(rng.normal(size=(300, d))).Z)) == len(names) == len(set(names))
        assert ("Mardia skewness (root)" in names) == (d <= 60)
