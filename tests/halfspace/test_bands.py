"""What is counted in a band, against a plain computation in another basis, and what does not matter."""

import numpy as np
import pytest
from scipy.stats import norm

from statlearn.halfspace._bands import band_catalog, band_half_widths, band_mass, band_statistics
from statlearn.halfspace._moments import self_whiten

RTOL = 1e-8  # two bases of the same space


def statistics_of(X, w, width, centered=True):
    sample = self_whiten(X)
    normal = sample.normal(X, w)
    return band_statistics(sample.Z, normal, 0.0 if centered else sample.origin @ normal, width)


def plain_statistics(X, w, width, center):
    """The same in the user's coordinates, with a basis of the complement by a QR decomposition."""
    margins = (X - center) @ w / np.std(X @ w)
    centered = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    root = vectors * np.sqrt(values) @ vectors.T
    Z = centered @ np.linalg.inv(root)
    normal = root @ w / np.linalg.norm(root @ w)
    complement = np.linalg.qr(np.column_stack([normal, np.eye(len(w))]))[0][:, 1 : len(w)]
    statistics, counts = [], []
    for half_width in (width / 6, width / 2):
        rows = Z[np.abs(margins) <= half_width] @ complement
        counts.append(len(rows))
        statistics.append(len(rows) / len(X) - (norm.cdf(half_width) - norm.cdf(-half_width)))
        covariance = np.cov(rows.T, bias=True).reshape(rows.shape[1], -1)
        distances = rows - rows.mean(axis=0)
        squares = np.sum(distances @ np.linalg.inv(covariance) * distances, axis=1)
        d = rows.shape[1]
        statistics += [
            np.linalg.norm(rows.mean(axis=0)),
            np.linalg.norm(covariance - np.eye(d), 2),
            np.mean(squares**2) - d * (d + 2),
        ]
    return statistics, tuple(counts)


@pytest.mark.parametrize("d", [2, 5])
def test_statistics_are_those_of_a_plain_computation(rng, d):
    X = rng.laplace(size=(2000, d)) @ rng.normal(size=(d, d)) + 0.2 * rng.normal(size=d)
    w = rng.normal(size=d)
    for centered in (True, False):
        statistics, counts = statistics_of(X, w, 0.8, centered)
        expected, expected_counts = plain_statistics(X, w, 0.8, X.mean(axis=0) if centered else 0.0)
        np.testing.assert_allclose(statistics, expected, rtol=1e-7)
        assert counts == expected_counts


def test_affine_maps_length_and_sign_of_the_normal_do_not_matter(rng):
    X, w = rng.laplace(size=(2000, 4)), rng.normal(size=4)
    statistics, counts = statistics_of(X, w, 0.5)
    A, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    order = rng.permutation(len(X))
    for rows, normal in [(X @ A + b, np.linalg.solve(A, w)), (X, -w), (X, 1e-9 * w), (X[order], w)]:
        same, same_counts = statistics_of(rows, normal, 0.5)
        np.testing.assert_allclose(same, statistics, rtol=RTOL)
        assert same_counts == counts


def test_catalog_has_moments_only_where_a_gaussian_fills_the_band():
    def kinds(n, d, width):
        return [statistic.name.split(" in ")[0].split(" of ")[0] for statistic in band_catalog(n, d, width)]

    all_of_a_band = ["mass", "mean", "covariance", "Mardia kurtosis"]
    assert kinds(10000, 10, 0.2) == 2 * all_of_a_band
    assert kinds(1000, 10, 0.3) == ["mass", *all_of_a_band]  # 40 and 119 rows expected, 50 needed
    assert kinds(100, 10, 0.2) == ["mass", "mass"]
    assert kinds(10000, 1, 0.2) == ["mass", "mass"]
    assert [statistic.scale for statistic in band_catalog(10000, 3, 0.6)][4:] == [band_mass(0.3), 1.0, 1.0, 8.0]


def test_an_empty_band_has_no_moments(rng):
    X = rng.choice([-1.0, 1.0], size=(2000, 3))
    statistics, counts = statistics_of(X, np.eye(3)[0], 0.5)
    assert counts == (0, 0)
    assert np.isnan(statistics[[1, 2, 3, 5, 6, 7]]).all()
    np.testing.assert_allclose(statistics[[0, 4]], [-band_mass(0.5 / 6), -band_mass(0.25)])


def test_a_band_of_equal_rows_has_no_kurtosis(rng):
    X = np.vstack([rng.normal(size=(500, 3)) + [5, 0, 0], rng.normal(size=(500, 3)) - [5, 0, 0], np.zeros((200, 3))])
    statistics, counts = statistics_of(X, np.eye(3)[0], 0.3)
    assert counts[0] >= 200
    assert statistics[2] > 0.9
    assert np.isnan(statistics[3])


def test_half_widths():
    assert band_half_widths(0.6) == pytest.approx((0.1, 0.3))
