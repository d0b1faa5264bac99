"""The solver: coordinates, descent on smooth and kinked functions, gradients, and minima found by brute force."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import approx_fprime, minimize, rosen, rosen_der

from statlearn.dependence import DistanceCovariancePenalty
from statlearn.fairness import _objective
from statlearn.fairness._cells import intersection_cells
from statlearn.fairness._losses import (
    HalfBinomialLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
)
from statlearn.fairness._objective import FairRisk, Protection
from statlearn.fairness._solver import LARGEST_WHITENED, LinearDesign, LinearSolver, descend

from .problems import Data, Objective, encoded, fitted, make_data

KINDS = {
    "squared_error": HalfSquaredError(),
    "poisson": HalfPoissonLoss(),
    "binary": HalfBinomialLoss(),
    "multinomial": HalfMultinomialLoss(3),
}


def make_risk(kind, data, *, weights=None, penalize_on="mean", **penalty):
    y = data.y.astype(float) if kind != "multinomial" else data.y
    loss_weights = np.ones(len(y)) if weights is None else weights
    penalty_weights = None if penalize_on == "count" else weights
    fitted_penalty = DistanceCovariancePenalty(**penalty).fit(encoded(data.S), sample_weight=penalty_weights)
    rows = np.ones(len(y)) if penalty_weights is None else penalty_weights
    protection = Protection(fitted_penalty, intersection_cells(data.S), rows)
    return FairRisk(KINDS[kind], y, loss_weights, protection, penalize_on)


class TestDesign:
    """Coordinates and back."""

    @pytest.mark.parametrize("n_outputs", [None, 3])
    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("n_features", [4, LARGEST_WHITENED + 1])
    def test_predictor_is_that_of_the_coefficients(self, rng, make, n_features, n_outputs):
        X = rng.normal(size=(30, n_features)) + 3.0
        design = LinearDesign(make(X), rng.uniform(0.5, 2.0, size=30), 0.3, 0.1, n_outputs)
        theta = rng.normal(size=design.n_parameters)
        coef, intercept = design.coefficients(theta)
        u = X @ coef + intercept
        expected = design.predictor(theta)
        if n_outputs:
            expected = expected - expected.mean(axis=1, keepdims=True)  # of classes only differences matter
        np.testing.assert_allclose(u, expected, atol=1e-10)

    @pytest.mark.parametrize("n_outputs", [None, 3])
    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    @pytest.mark.parametrize("n_features", [4, LARGEST_WHITENED + 1])
    def test_gradient(self, rng, make, n_features, n_outputs):
        X = rng.normal(size=(20, n_features)) + 3.0
        design = LinearDesign(make(X), np.ones(20), 0.3, 0.1, n_outputs)
        target = rng.normal(size=(20,) if n_outputs is None else (20, n_outputs))
        theta = rng.normal(size=design.n_parameters)

        def value(theta):
            u, ridge, _ = design.evaluate(theta, 0.1)
            return 0.5 * np.sum((u - target) ** 2) + ridge

        u, _, ridge_gradient = design.evaluate(theta, 0.1)
        gradient = design.gradient(u - target, ridge_gradient)
        direction = rng.normal(size=theta.size)
        slope = (value(theta + 1e-5 * direction) - value(theta - 1e-5 * direction)) / 2e-5
        assert gradient @ direction == pytest.approx(slope, rel=1e-6)

    @pytest.mark.parametrize("alpha", [0.0, 0.7])
    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    def test_whitening(self, rng, make, alpha):
        X = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) * [1.0, 1e3, 1e-3, 1.0] + [0.0, 1e3, 0.0, 5.0]
        weights, curvature = rng.uniform(0.5, 2.0, size=50), 0.2
        design = LinearDesign(make(X), weights, curvature, alpha)
        columns = np.column_stack([design.predictor(row) for row in np.eye(design.n_parameters)])
        slopes = np.column_stack([design.coefficients(row)[0] for row in np.eye(design.n_parameters)])
        hessian = curvature * (columns * (weights / weights.sum())[:, None]).T @ columns + alpha * slopes.T @ slopes
        np.testing.assert_allclose(hessian, np.eye(5), atol=1e-8)

    def test_dense_and_sparse_agree(self, rng):
        X = rng.poisson(0.3, size=(40, 6)).astype(float)
        dense, thin = (LinearDesign(table, np.ones(40), 1.0, 0.0) for table in (X, sparse.csr_array(X)))
        np.testing.assert_allclose(np.abs(dense._map), np.abs(thin._map), atol=1e-10)  # eigenvectors up to sign

    def test_directions_without_variation_are_left_out(self, rng):
        levels = np.eye(3)[rng.integers(0, 3, 40)]
        X = np.column_stack([levels, np.full(40, 7.3), rng.normal(size=40)])
        design = LinearDesign(X, np.ones(40), 1.0, 0.0)
        assert design.n_parameters == 1 + 3  # two of three levels, one number, the intercept
        for row in np.eye(4)[1:]:
            coef = design.coefficients(row)[0]
            assert coef[3] == 0.0
            assert coef[:3].sum() == pytest.approx(0.0, abs=1e-12)  # least norm

    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    def test_nothing_but_constants(self, make):
        design = LinearDesign(make(np.full((10, 2), 0.1)), np.ones(10), 1.0, 0.0)
        assert design.n_parameters == 1
        np.testing.assert_array_equal(design.coefficients(np.ones(1))[0], np.zeros(2))

    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
    def test_constant_columns_of_a_wide_table(self, rng, make):
        X = np.column_stack([rng.normal(size=(30, LARGEST_WHITENED)), np.full(30, 1.7)])
        design = LinearDesign(make(X), np.ones(30), 1.0, 0.1)
        coef, _ = design.coefficients(rng.normal(size=design.n_parameters))
        assert coef[-1] == 0.0
        assert np.all(coef[:-1] != 0.0)

    @pytest.mark.parametrize("n_outputs", [None, 3])
    def test_shift_adds_standardized_slopes(self, rng, n_outputs):
        X = rng.normal(size=(30, 4)) * [1.0, 10.0, 0.1, 0.0]
        design = LinearDesign(X, np.ones(30), 0.3, 0.0, n_outputs)
        step = rng.normal(size=design.n_slopes)
        step.reshape(-1, 4)[:, 3] = 0.0  # the constant column has no slope
        theta = rng.normal(size=design.n_parameters)
        moved = design.standardized(theta + design.shift(step)) - design.standardized(theta)
        np.testing.assert_allclose(moved, step, atol=1e-12)

    def test_a_large_offset_costs_no_digits(self, rng):
        X, noise = rng.normal(size=(100, 2)), rng.normal(size=100)
        near, far = (
            LinearSolver(
                table, FairRisk(HalfSquaredError(), X[:, 0] + noise, np.ones(100)), alpha=0.0, tol=1e-7, max_iter=9
            )
            for table in (X, X + 1e6)
        )
        slopes = [solver.design.coefficients(solver.unpenalized().theta)[0] for solver in (near, far)]
        np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-8)


def kinked(theta):
    """The sum of distances to 1, with a smooth part."""
    return np.sum(np.abs(theta - 1.0)) + 0.1 * np.sum(theta**2), np.sign(theta - 1.0) + 0.2 * theta


class TestDescent:
    def test_smooth(self):
        descent = descend(
            lambda x: (rosen(x), rosen_der(x)), np.zeros(4), scale=1.0, tol=1e-7, max_iter=500, smooth=True
        )
        assert descent.converged
        assert descent.slope <= descent.slope_bound == 1e-9
        np.testing.assert_allclose(descent.theta, 1.0, atol=1e-8)

    def test_a_minimum_at_a_kink(self):
        descent = descend(kinked, np.array([-3.0, 0.2, 5.0]), scale=1.0, tol=1e-9, max_iter=500)
        assert descent.converged
        assert descent.value == pytest.approx(0.3, abs=1e-7)
        assert descent.slope > 0.1  # no gradient vanishes there

    def test_the_limit_of_iterations(self):
        descent = descend(lambda x: (rosen(x), rosen_der(x)), np.zeros(4), scale=1.0, tol=1e-7, max_iter=3)
        assert descent.n_iter == 3
        assert not descent.converged

    def test_the_first_point_may_be_the_last(self):
        descent = descend(lambda x: (x @ x, 2.0 * x), np.zeros(2), scale=1.0, tol=1e-7, max_iter=3)
        assert descent.converged
        assert descent.n_iter == 0

    def test_it_can_be_stopped(self):
        points = []

        def on_step(theta):
            points.append(theta.copy())
            return len(points) == 2

        descent = descend(
            lambda x: (rosen(x), rosen_der(x)), np.zeros(4), scale=1.0, tol=1e-7, max_iter=99, on_step=on_step
        )
        assert descent.stopped
        assert not descent.converged
        assert descent.n_iter == 2
        np.testing.assert_array_equal(descent.theta, points[-1])

    def test_nothing_depends_on_units(self):
        def run(unit):
            def function(x):
                return unit**2 * rosen(x / unit), unit * rosen_der(x / unit)

            return descend(function, np.zeros(4), scale=unit**2, unit=unit, tol=1e-7, max_iter=500)

        large, small = run(2.0**30), run(2.0**-30)
        assert large.n_iter == small.n_iter
        np.testing.assert_array_equal(large.theta / 2.0**30, small.theta * 2.0**30)
        assert large.converged


class TestRisk:
    """The value and the derivative of the risk."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("penalize_on", ["mean", "linear"])
    @pytest.mark.parametrize(
        "penalty",
        [
            {"measure": "ccdcov"},
            {"measure": "jdcov"},
            {"measure": "sum", "unbiased": False},
            {"measure": "ccdcov", "normalize": "dcor"},
            {"measure": "jdcov", "normalize": "dcor"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("weighted", [False, True])
    def test_derivative(self, rng, monkeypatch, kind, penalize_on, penalty, weighted):
        monkeypatch.setattr(_objective, "GRID", 2.0**-52)  # finite differences see the grid that ties are read on
        data = make_data(rng, kind, n_samples=25)
        weights = rng.uniform(0.5, 2.0, size=25) if weighted else None
        risk = make_risk(kind, data, weights=weights, penalize_on=penalize_on, **penalty)
        u = rng.normal(size=(25, 3) if kind == "multinomial" else 25)
        value, derivative = risk.value_and_derivative(u, 0.7)
        measures = risk.measure(u)
        assert value == pytest.approx(measures.loss + 0.7 * measures.excess, rel=1e-12)
        numeric = approx_fprime(u.ravel(), lambda flat: risk.value_and_derivative(flat.reshape(u.shape), 0.7)[0], 1e-7)
        np.testing.assert_allclose(derivative.ravel(), numeric, atol=2e-6)

    def test_derivative_of_counts(self, rng, monkeypatch):
        monkeypatch.setattr(_objective, "GRID", 2.0**-52)
        data = make_data(rng, "poisson", n_samples=25)
        risk = make_risk("poisson", data, weights=rng.uniform(0.5, 2.0, size=25), penalize_on="count")
        u = rng.normal(size=25)
        derivative = risk.value_and_derivative(u, 0.7)[1]
        numeric = approx_fprime(u, lambda u: risk.value_and_derivative(u, 0.7)[0], 1e-7)
        np.testing.assert_allclose(derivative, numeric, atol=2e-6)

    @pytest.mark.parametrize("unbiased", [True, False])
    @pytest.mark.parametrize("kind", KINDS)
    def test_weights_are_repetitions(self, rng, kind, unbiased):
        data = make_data(rng, kind, n_samples=60)
        copies = rng.integers(1, 4, size=60)
        repeated = Data(*(np.repeat(part, copies, axis=0) for part in data))
        u = rng.normal(size=(60, 3) if kind == "multinomial" else 60)
        first = make_risk(kind, data, weights=copies.astype(float), unbiased=unbiased)
        second = make_risk(kind, repeated, unbiased=unbiased)
        np.testing.assert_allclose(first.measure(u)[:-1], second.measure(np.repeat(u, copies, axis=0))[:-1], rtol=1e-9)
        assert first.scale == pytest.approx(second.scale)
        slopes = second.value_and_derivative(np.repeat(u, copies, axis=0), 1.0)[1]
        summed = np.add.reduceat(slopes, np.cumsum(copies) - copies, axis=0)
        np.testing.assert_allclose(first.value_and_derivative(u, 1.0)[1], summed, atol=1e-12)

    def test_nothing_is_penalized_at_weight_zero(self, rng):
        data = make_data(rng, n_samples=25)
        risk = make_risk("squared_error", data)
        u = rng.normal(size=25)
        value, derivative = risk.value_and_derivative(u, 0.0)
        assert value == pytest.approx(np.mean((u - data.y) ** 2) / 2.0)
        np.testing.assert_allclose(derivative, (u - data.y) / 25)

    def test_ties_that_rounding_broke_are_ties(self, rng):
        data = make_data(rng, n_samples=60)
        risk = make_risk("squared_error", data)
        tied = np.round(rng.normal(size=60), 1)
        assert np.unique(tied).size < 50
        expected = risk.value_and_derivative(tied, 5.0)[1]
        broken = risk.value_and_derivative(tied + 1e-14 * rng.normal(size=60), 5.0)[1]
        np.testing.assert_allclose(broken, expected, atol=1e-12)
        parted = risk.value_and_derivative(tied + 1e-6 * rng.normal(size=60), 5.0)[1]
        assert np.abs(parted - expected).max() > 1e-4

    def test_constant_targets_have_a_scale(self):
        for y in (np.zeros(5), np.full(5, 3.0), np.full(5, 1e9)):
            risk = FairRisk(HalfSquaredError(), y, np.ones(5))
            assert risk.scale == risk.curvature == 1.0
        noise = FairRisk(HalfSquaredError(), 1e9 + np.array([0.0, 1e-7]), np.ones(2))
        assert noise.scale == pytest.approx(0.1**2, rel=1e-6)  # rounding of targets of this size


BRUTE = [
    ("squared_error", {"measure": "ccdcov"}),
    ("squared_error", {"measure": "jdcov"}),
    ("squared_error", {"measure": "ccdcov", "normalize": "dcor"}),
    ("poisson", {"measure": "ccdcov"}),
    ("binary", {"measure": "ccdcov"}),
    ("binary", {"measure": "jdcov", "unbiased": False}),
]


class TestBruteForce:
    """No other start gets below the fit by more than 1e-6 when the penalty is no more than what the features gain."""

    @pytest.mark.parametrize("n_features", [1, 2])
    @pytest.mark.parametrize("share", [0.1, 0.4])
    @pytest.mark.parametrize(("kind", "penalty"), BRUTE, ids=str)
    def test_small_problems(self, rng, kind, penalty, share, n_features):
        data = make_data(rng, kind, n_samples=150, n_features=n_features)
        objective = Objective(kind, data, **penalty)
        measure = DistanceCovariancePenalty(**penalty)
        plain = fitted(kind, 0.0, data, measure=measure)
        start = np.append(np.ravel(plain.coef_), plain.intercept_)
        constant = np.zeros(n_features + 1)
        constant[-1] = make_risk(kind, data).constant
        gain = objective.value(constant, 0.0) - objective.value(start, 0.0)
        weight = share * gain / plain.penalty_excess_
        found = objective.of(fitted(kind, weight, data, measure=measure), weight)
        starts = [start, 0.5 * (start + constant)]
        starts += [start * rng.uniform(0.2, 1.2, size=start.size) + 0.1 * rng.normal(size=start.size) for _ in range(4)]
        options = {"xatol": 1e-8, "fatol": 1e-12, "maxfev": 800}
        rivals = [
            minimize(objective.value, point, args=(weight,), method="Nelder-Mead", options=options).fun
            for point in starts
        ]
        assert found <= min(rivals) + 1e-6
        if "normalize" not in penalty:  # of one slope only its sign matters then, and of two their ratio
            assert found < objective.value(start, weight) - 1e-6

    @pytest.mark.parametrize("kind", ["squared_error", "poisson", "binary"])
    def test_no_step_from_a_larger_fit_is_better(self, rng, kind):
        data = make_data(rng, kind, n_samples=1500, n_features=6)
        objective = Objective(kind, data)
        plain = fitted(kind, 0.0, data)
        weight = 0.05 / plain.penalty_excess_
        model = fitted(kind, weight, data)
        theta = np.append(np.ravel(model.coef_), model.intercept_)
        found = objective.of(model, weight)
        for size in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1):
            for _ in range(20):
                step = size * rng.normal(size=theta.size)
                assert objective.value(theta + step, weight) > found - 1e-7
