"""Bounds that assume nothing of the law of the rows: true for every halfspace on every sample, and weak."""

import math

import numpy as np
import pytest

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier, massart_angle_bound
from statlearn.halfspace._surrogates import RAMP
from statlearn.halfspace._universal import (
    band_moments,
    largest_fourth_moment,
    universal_angle_bound,
    universal_disagreement,
)

LAWS = ["normal", "student", "exponential", "two points"]


def rows_of(law, rng, n, d):
    """Rows of a law, whitened by their own second moments."""
    X = {
        "normal": rng.normal(size=(n, d)),
        "student": rng.standard_t(3, size=(n, d)),
        "exponential": rng.exponential(size=(n, d)) - 1.0,
        "two points": rng.choice([-1.0, 1.0], size=(n, d)) + 0.1 * rng.normal(size=(n, d)),
    }[law]
    return np.linalg.solve(np.linalg.cholesky(X.T @ X / n), X.T).T


def fourth_moments(rows, weights):
    first, second = np.triu_indices(rows.shape[1])
    products = rows[:, first] * rows[:, second] * np.where(first == second, 1.0, math.sqrt(2.0))
    return (weights[:, None] * products).T @ products / weights.sum()


@pytest.mark.parametrize("law", LAWS)
def test_no_direction_has_a_larger_fourth_moment(rng, law):
    rows, weights = rows_of(law, rng, 500, 4), rng.random(500)
    bound = largest_fourth_moment(fourth_moments(rows, weights), 4)
    v = rng.normal(size=(4, 5000))
    v = np.hstack([v / np.linalg.norm(v, axis=0), np.eye(4)])
    assert (weights @ (rows @ v) ** 4 / weights.sum()).max() <= bound


def test_fourth_moment_of_normal_rows_is_three():
    """With the exact M of normal rows, E z_i z_j z_k z_l by Isserlis, nothing is given away."""
    d = 5
    eye = np.eye(d)
    tensor = (
        np.einsum("ij,kl->ijkl", eye, eye) + np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye)
    )
    first, second = np.triu_indices(d)
    scale = np.where(first == second, 1.0, math.sqrt(2.0))
    M = tensor[first[:, None], second[:, None], first, second] * np.outer(scale, scale)
    assert largest_fourth_moment(M, d) == pytest.approx(3.0)
    assert largest_fourth_moment(np.array([[7.0]]), 1) == pytest.approx(7.0)


@pytest.mark.parametrize("law", LAWS)
def test_moments_bound_the_mean_size_in_every_direction(rng, law):
    rows, w = rows_of(law, rng, 3000, 4), np.eye(4)[0]
    moments = band_moments(lambda: iter([rows[:1000], rows[1000:]]), w, RAMP, 3.0)
    slopes = RAMP.slope(rows[:, 0], 3.0)
    assert moments.n_rows == 3000 and moments.margins.size == np.count_nonzero(slopes)
    v = rng.normal(size=(3, 5000))
    sizes = slopes @ np.abs(rows[:, 1:] @ (v / np.linalg.norm(v, axis=0))) / slopes.sum()
    assert 0.0 < moments.least_size <= sizes.min()


@pytest.mark.parametrize("eta", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("law", LAWS)
def test_angle_bound_holds_for_the_worst_noise(rng, law, eta):
    """The gradient of the worst labels, in the mean over flips, leaves the true angle open."""
    rows, w = rows_of(law, rng, 4000, 3), np.eye(3)[0]
    width = 3.0  # which the two points are within
    moments = band_moments(lambda: iter([rows]), w, RAMP, width)
    for angle in (2.0, 10.0, 40.0, 80.0):
        turn = rng.normal(size=2)
        v = np.r_[0.0, turn / np.linalg.norm(turn)]
        truth = np.sign(rows @ (math.cos(math.radians(angle)) * w + math.sin(math.radians(angle)) * v))
        z = rows @ v
        kept = np.where(truth * z > 0.0, 1.0 - 2.0 * eta, 1.0) * truth  # mean labels that pull least towards v
        gradient = np.mean((RAMP.slope(rows[:, 0], width) * kept)[:, None] * (rows - np.outer(rows[:, 0], w)), axis=0)
        assert universal_angle_bound(np.linalg.norm(gradient), moments, eta) >= angle


def test_angle_bound_is_weak_and_monotone(rng):
    rows, w = rng.normal(size=(100_000, 4)), np.eye(4)[0]
    moments = band_moments(lambda: iter([rows]), w, RAMP, 0.1)
    for eta in (0.1, 0.4):
        assert universal_angle_bound(0.0, moments, eta) > 1.5 * massart_angle_bound(0.0, 0.1, eta)
    angles = [universal_angle_bound(g, moments, 0.1) for g in (0.0, 0.05, 0.1, 1.0)]
    assert angles == sorted(angles) and angles[-1] == 90.0
    assert universal_angle_bound(0.0, moments, 0.1, offset=0.01) > angles[0]
    assert universal_angle_bound(0.0, moments, 0.2) > angles[0]


@pytest.mark.parametrize("law", LAWS)
def test_disagreement_holds_for_all_rows(rng, law):
    """On any sample, no halfspace within the angle and the offset disagrees on more rows than the bound says."""
    n, d, angle = 2000, 4, 20.0
    X = rows_of(law, rng, n, d)
    w = np.eye(d)[0]
    plain = universal_disagreement([X[:700], X[700:]], w, angle)
    moved = universal_disagreement([X], w, angle, offset=0.1, distance=0.05)
    for _ in range(200):
        v = np.r_[0.0, rng.normal(size=d - 1)]
        t = np.radians(angle * rng.random())
        other = np.cos(t) * w + np.sin(t) * v / np.linalg.norm(v)
        assert np.mean((X @ w) * (X @ other) < 0.0) <= plain
        assert np.mean((X @ w + 0.05) * (X @ other - 0.1) < 0.0) <= moved


def test_disagreement_is_weak(rng):
    X = rng.normal(size=(100_000, 5))
    ratio = universal_disagreement([X], np.eye(5)[0], 3.0) / (3.0 / 180.0)
    assert 3.5 < ratio < 5.0
    assert universal_disagreement([X], np.eye(5)[0], 90.0) == 1.0
    assert universal_disagreement([X], np.eye(5)[0], 0.0) < 1e-4


def universal(**params):
    return TestableHalfspaceClassifier(target="universal", on_reject="ignore", random_state=0, **params)


@pytest.mark.parametrize("law", ["normal", "exponential"])
def test_rows_of_any_law_are_certified_if_there_are_many_and_noise_is_small(rng, law):
    X = rows_of(law, rng, 100_000, 5)
    y = (X @ [1.0, 1.0, 0.0, 0.0, 0.0] > 0.0) ^ (rng.random(100_000) < 0.1)
    model = universal(eta=0.1, center=False).fit(X, y)
    assert model.accepted_
    assert np.isnan(model.p_value_) and model.certificate_["band moments"].holds
    differing = np.mean((X[:, 0] + X[:, 1] > 0.0) != model.predict(X))
    assert differing < model.excess_error_bound_ < {"normal": 0.2, "exponential": 0.6}[law]
    assert not any("Gaussian" in text for text in model.certificate_.assumptions)


def test_coins_are_not_certified(rng):
    X = rng.normal(size=(20_000, 3))
    assert not universal(eta=0.4).fit(X, rng.integers(2, size=20_000)).accepted_


@pytest.mark.parametrize("case", ["weights", "many columns", "one column"])
def test_what_cannot_be_bounded_is_said(rng, case):
    d = {"many columns": 61, "one column": 1}.get(case, 3)
    X, y = make_massart_halfspace(4000, d + 1, recipe="clean", random_state=0)
    X = X[:, :d]
    weights = rng.random(4000) if case == "weights" else None
    check = universal(eta=0.1).fit(X, y, sample_weight=weights).certificate_["band moments"]
    if case == "one column":
        assert check.holds and "one direction only" in check.detail
    else:
        assert check.holds is None
        assert {"weights": "equal weight", "many columns": "at most 60"}[case] in check.detail


def test_messages(rng):
    X, y = make_massart_halfspace(2000, 2, recipe="clean", random_state=0)
    with pytest.raises(ValueError, match="target='universal' has bounds for noise='massart' only"):
        universal(noise="agnostic").fit(X, y)
    with pytest.raises(ValueError, match="opt must be None if target='universal'"):
        universal(eta=0.0).fit(X, y).excess_error_bound(0.1)
