"""The sieve corrector against the textbook formula of two-stage least squares, its linear case and its simulations."""

import numpy as np
import pytest
from numpy.linalg import inv
from scipy.interpolate import BSpline
from sklearn.preprocessing import SplineTransformer

from statlearn.debias._calibration_sample import CalibrationSample
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._sieve import ALPHAS, Moments, SieveCorrector, choose_alpha
from statlearn.debias._spline_basis import SplineBasis, quantile_knots

from .samples import contrast, gamma, laplace, pairs, treat_by, uneven


def clamped_splines(values, n_knots, degree):
    """B-splines with knots at order statistics, by scipy's design matrix."""
    ranks = np.ceil(np.linspace(0, 1, n_knots) * values.size - 1e-6).astype(int)
    knots = np.sort(values)[np.maximum(ranks, 1) - 1]
    all_knots = np.r_[[knots[0]] * degree, knots, [knots[-1]] * degree]
    return lambda points: BSpline.design_matrix(points, all_knots, degree).toarray()


def test_formula(rng):
    x, y = pairs(rng, 400, "gamma")
    model = SieveCorrector(alpha=1e-3).fit(x, y)
    B, Z = clamped_splines(x, 6, 3)(x), clamped_splines(y, 8, 3)(y)
    M = inv(Z.T @ Z) @ Z.T @ B
    H = (Z.T @ B).T @ M
    ridge = 1e-3 * np.trace(H) / len(H) * np.eye(len(H))
    c = inv(H + ridge) @ M.T @ Z.T @ (y - x)
    np.testing.assert_allclose(model.coef_, c, rtol=1e-8)
    np.testing.assert_allclose(model.predict(x), x + B @ c, rtol=1e-8, atol=1e-8)
    assert (model.alpha_, model.knots_.size) == (1e-3, 6)


def test_straight_lines_are_linear_calibration_correction(rng):
    x, y = pairs(rng, 300, "skewmix")
    weights = rng.random(300)
    sieve = SieveCorrector(n_knots=2, n_instruments=2, degree=1, alpha=0).fit(x, y, weights)
    line = LinearCalibrationCorrector().fit(x, y, weights)
    np.testing.assert_allclose(sieve.predict(x), line.predict(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(sieve.jacobian(x), 1.0 / line.slope_, rtol=1e-9)
    assert sieve.slope_ == line.slope_


def test_without_a_ridge_and_with_as_many_instruments_all_moments_vanish(rng):
    x, y = pairs(rng, 400)
    model = SieveCorrector(n_knots=3, n_instruments=3, degree=2, alpha=0).fit(x, y)
    errors = model.predict(x) - y
    instruments = SplineBasis(quantile_knots(y, np.ones(400), np.linspace(0, 1, 3)), 2).evaluate(y)
    np.testing.assert_allclose(instruments.T @ errors / 400, 0.0, atol=1e-9)


def test_a_large_ridge_corrects_nothing(rng):
    x, y = pairs(rng, 300)
    np.testing.assert_allclose(SieveCorrector(alpha=1e12).fit(x, y).predict(x), x, atol=1e-8)


def test_the_ridge_is_the_best_in_held_out_folds(rng):
    x, y = pairs(rng, 300)
    B, Z = (SplineBasis(quantile_knots(v, np.ones(300), np.linspace(0, 1, 4)), 2).evaluate(v) for v in (x, y))
    folds = np.arange(300) % 3
    sample = CalibrationSample(x, y, np.ones(300))
    parts = [Moments.of(B[folds == k], Z[folds == k], sample.take(folds == k)) for k in range(3)]
    root = inv(np.linalg.cholesky(Z.T @ Z))
    losses = []
    for alpha in ALPHAS:
        loss = 0.0
        for k in range(3):
            B_train, Z_train, e_train = B[folds != k], Z[folds != k], (y - x)[folds != k]
            M = np.linalg.lstsq(Z_train, B_train, rcond=None)[0]
            H = M.T @ Z_train.T @ B_train
            ridge = alpha * np.trace(H) / len(H) * np.eye(len(H))
            c = np.linalg.solve(H + ridge, M.T @ Z_train.T @ e_train)
            held_out = folds == k
            loss += np.sum((root @ (Z[held_out].T @ ((y - x)[held_out] - B[held_out] @ c))) ** 2)
        losses.append(loss)
    assert choose_alpha(parts, parts[0] + parts[1] + parts[2]) == ALPHAS[np.argmin(losses)]
    assert np.ptp(losses) > 0.0


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_splines_span_those_of_sklearn_with_linear_tails(rng, degree):
    x, knots = np.sort(rng.normal(size=50)), np.array([-1.0, -0.2, 0.3, 1.1])
    assert x[0] < knots[0]
    assert x[-1] > knots[-1]
    basis = SplineBasis(knots, degree)
    values = basis.evaluate(x)
    oracle = SplineTransformer(degree=degree, knots=knots[:, None], extrapolation="linear").fit_transform(x[:, None])
    assert values.shape == oracle.shape == (50, basis.n_functions)
    np.testing.assert_allclose(values @ np.linalg.lstsq(values, oracle, rcond=None)[0], oracle, atol=1e-10)
    np.testing.assert_allclose(values.sum(axis=1), 1.0)
    step = 1e-6
    differences = (basis.evaluate(x + step) - basis.evaluate(x - step)) / (2 * step)
    np.testing.assert_allclose(basis.derivative(x), differences, rtol=1e-6, atol=1e-6)
    differences = (basis.derivative(x + step) - basis.derivative(x - step)) / (2 * step)
    np.testing.assert_allclose(basis.derivative(x, 2), differences, rtol=1e-5, atol=1e-5)


def test_knots_are_distinct_data_values():
    values = np.r_[np.zeros(90), np.arange(1.0, 11.0)]
    np.testing.assert_array_equal(quantile_knots(values, np.ones(100), np.linspace(0, 1, 6)), [0.0, 10.0])
    np.testing.assert_array_equal(quantile_knots(values, np.ones(100), (0.05, 0.5, 0.8)), [0.0, 10.0])
    weights = np.r_[np.full(90, 1e-3), np.ones(10)]
    np.testing.assert_array_equal(quantile_knots(values, weights, (0.25, 0.75)), [3.0, 8.0])


def test_discrete_predictions_and_outcomes(rng):
    y = rng.integers(1, 6, size=500).astype(float)
    x = np.round(0.5 * y + 0.5 * rng.normal(size=500), 1)
    model = SieveCorrector().fit(x, y)
    slope = np.polyfit(y, model.predict(x), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.05)


DESIGNS = {
    "gamma": ("gamma", None),
    "mix3": ("mix3", None),
    "skewmix": ("skewmix", None),
    "uneven": ("normal", uneven),
    "laplace": ("normal", laplace),
}


def simulate(seed, design, n_pairs=4000, n_trial=20_000):
    """Ratio of corrected to true contrast, and mean error among the lowest and highest tenth of outcomes."""
    rng = np.random.default_rng(seed)
    law, noise = DESIGNS[design]
    options = {} if noise is None else {"noise": noise}
    model = SieveCorrector().fit(*pairs(rng, n_pairs, law, **options))
    raw, truth = pairs(rng, n_trial, law, **options)
    corrected, treated = model.predict(raw), treat_by(rng, truth)
    low, high = np.quantile(truth, [0.1, 0.9])
    errors = corrected - truth
    return (
        contrast(corrected, treated) / contrast(truth, treated),
        errors[truth < low].mean(),
        errors[truth > high].mean(),
    )


@pytest.mark.parametrize("design", DESIGNS)
def test_sieve_is_unbiased_whatever_predictions_and_noise(design):
    results = np.array([simulate(seed, design) for seed in range(20)])
    ratio, low, high = results.mean(axis=0)
    assert abs(ratio - 1.0) <= 0.02
    assert abs(low) <= 0.05
    assert abs(high) <= (0.17 if design == "mix3" else 0.05)


def test_sieve_beats_the_line_at_both_ends():
    rng = np.random.default_rng(0)
    x, y = pairs(rng, 4000, "gamma")
    raw = gamma(rng, 20_000)
    truth = raw + 0.8 * rng.normal(size=raw.size)
    lowest = truth < np.quantile(truth, 0.1)
    errors = [
        (model.fit(x, y).predict(raw) - truth)[lowest].mean()
        for model in (LinearCalibrationCorrector(), SieveCorrector())
    ]
    assert errors[0] > 0.5
    assert abs(errors[1]) < 0.15


def test_the_correction_need_not_rise(rng):
    x, y = pairs(rng, 4000, "mix3")
    model = SieveCorrector(alpha=1e-4).fit(x, y)
    assert not model.monotone_
    assert model.jacobian(np.linspace(*model.support_, 500)).min() < 0.0
