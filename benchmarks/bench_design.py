"""Designs against other samplers and factorizations: same basis or pool, one thread, laws compared before the seconds.

Run with ``python -m pytest benchmarks -k bench_design --benchmark-only``. ``python -m benchmarks.bench_design`` prints
tables of how good the fits are, without seconds, in about ten minutes.
"""

import json
import sys
from bisect import bisect_left
from functools import cache, partial
from statistics import median
from typing import NamedTuple

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from numpy.polynomial.legendre import leggauss
from scipy import linalg
from sklearn.datasets import load_diabetes, load_digits

from benchmarks.fresh_process import run_fresh
from benchmarks.side_by_side import side_by_side, time_call
from statlearn.design import (
    ChristoffelSampler,
    ConditionedSampler,
    DPPLeastSquares,
    PolynomialBasis,
    PoolDPPSampler,
    ProjectionDPP,
    RepeatedDPP,
    VolumeRescaledSampler,
    WeightedLeastSquaresApproximator,
    leverage_scores,
    projection_dpp_logpdf,
    sample_projection_dpp,
)

REPETITIONS = 1000
POOL_REPETITIONS = 400
SIZES = ("m", "2m", "3m", "4m")
MULTIPLES = range(2, 33)
Z = 4.5  # standard errors by which the mean of a correct sampler may be off


# --- draws from a pool -----------------------------------------------------------------------------------------------

POOLS = {  # rows and dimension: smallest ratio wanted, rounds
    (2_000, 50): (20, 5),
    (20_000, 50): (None, 5),
    (100_000, 50): (1000, 3),
    (1_000_000, 50): (None, 1),
    (5_000, 200): (None, 3),
    (20_000, 300): (None, 3),
}


@cache
def orthonormal_pool(n_rows, m):
    return np.linalg.qr(np.random.default_rng(0).standard_normal((n_rows, m)))[0]


def dppy_draw(Q, mode):
    """A function that draws with DPPy, which was given the eigenvectors."""
    finite = pytest.importorskip("dppy.finite_dpps")
    process = finite.FiniteDPP("correlation", projection=True, K_eig_dec=(np.ones(Q.shape[1]), Q))
    rng = np.random.RandomState(0)
    return lambda: process.sample_exact(mode=mode, random_state=rng)


def our_draw(Q):
    sampler, rng = PoolDPPSampler("dpp").fit(Q), np.random.default_rng(0)
    return lambda: sampler.sample(random_state=rng).indices


def assert_law(draws, Q):
    """The sum of a function of the rows has the mean and the variance of the process."""
    values = np.linspace(-1.0, 1.0, len(Q))
    sums = values[np.array(draws)].sum(axis=1)
    weighted = values[:, None] * Q
    mean = np.einsum("ij,ij->", weighted, Q)
    variance = np.einsum("ij,ij->", weighted, weighted) - np.sum((Q.T @ weighted) ** 2)
    assert abs(sums.mean() - mean) < Z * np.sqrt(variance / sums.size)
    assert abs(sums.var() - variance) < Z * variance * np.sqrt(2.0 / sums.size)


@pytest.mark.parametrize("mode", ["GS_bis", "GS"])
@pytest.mark.parametrize(("n_rows", "m"), POOLS)
def test_pool_draw_against_dppy(n_rows, m, mode, benchmark, report):
    """One draw, the basis given to both."""
    if (n_rows, mode) == (1_000_000, "GS"):
        pytest.skip("takes minutes")
    Q = orthonormal_pool(n_rows, m)
    peer, ours = dppy_draw(Q, mode), our_draw(Q)
    assert_law([ours() for _ in range(100)], Q)
    if n_rows * m <= 100_000:
        assert_law([peer() for _ in range(100)], Q)
    assert np.isfinite(projection_dpp_logpdf(Q, [ours(), peer()])).all()
    target, rounds = POOLS[n_rows, m]
    task = f"pool of {n_rows} rows, m = {m}, one draw"
    comparison = side_by_side(task, ours, peer, peer_name=f"DPPy {mode}", rounds=rounds)
    benchmark.pedantic(ours, rounds=rounds)
    wanted, met = (f"{target}x", comparison.ratio >= target) if target else (None, None)
    report(task, comparison.ours_seconds, comparison, wanted=wanted, met=met, distribution="dppy")


@pytest.mark.parametrize("algorithm", ["rejection", "chain"])
@pytest.mark.parametrize(("n_rows", "m"), [(500, 50), (2_000, 50), (20_000, 50), (500, 200)])
def test_algorithms(n_rows, m, algorithm, benchmark, report):
    """A hundred draws at once, and what the check and the leverage scores of Q cost in it."""
    Q = orthonormal_pool(n_rows, m)
    draws = partial(sample_projection_dpp, Q, 100, algorithm, 1, 0)
    assert_law(draws(), Q)
    seconds = median(time_call(draws) for _ in range(3))
    benchmark.pedantic(draws, rounds=1)
    once = median(time_call(lambda: sample_projection_dpp(Q, 0)) for _ in range(3))
    task = f"pool of {n_rows} rows, m = {m}, a hundred draws by {algorithm}"
    report(task, seconds, note=f"of which {once:.2g} s before the first")


@pytest.mark.parametrize(("n_rows", "m"), [(2_000, 50), (100_000, 50), (20_000, 300)])
def test_one_draw_with_preprocessing_against_dppy(n_rows, m, versus):
    """From the rows, of which neither has a factorization, to one draw."""
    X = np.random.default_rng(0).standard_normal((n_rows, m))

    def ours():
        return PoolDPPSampler("dpp").fit(X).sample().indices

    def peer():
        return dppy_draw(np.linalg.qr(X)[0], "GS_bis")()

    assert len(set(ours())) == len(set(peer())) == m
    task = f"pool of {n_rows} rows, m = {m}, factorization and one draw"
    versus(task, ours, peer, peer_name="numpy QR and DPPy GS_bis", distribution="dppy", rounds=3)


# --- leverage scores -------------------------------------------------------------------------------------------------


def row_norms(Q):
    return np.einsum("ij,ij->i", Q, Q)


def by_cholesky(X):
    """What is quick and loses twice as many digits: one Gram matrix."""
    return row_norms(linalg.solve_triangular(linalg.cholesky(X.T @ X, lower=True), X.T, lower=True).T)


SCORES = {
    "numpy QR": lambda X: row_norms(np.linalg.qr(X)[0]),
    "scipy QR": lambda X: row_norms(linalg.qr(X, mode="economic", check_finite=False)[0]),
    "scipy Cholesky of the Gram matrix": by_cholesky,
}


@pytest.mark.parametrize("peer", SCORES)
@pytest.mark.parametrize("n_rows", [100_000, 1_000_000])
def test_leverage_scores(n_rows, peer, versus):
    X = np.random.default_rng(0).standard_normal((n_rows, 50))
    np.testing.assert_allclose(leverage_scores(X), SCORES[peer](X), rtol=1e-10)
    task = f"leverage scores of {n_rows} x 50"
    versus(task, lambda: leverage_scores(X), lambda: SCORES[peer](X), peer_name=peer, rounds=3)


@pytest.mark.parametrize("exponent", [3, 6, 9])
def test_accuracy_of_leverage_scores(exponent, benchmark, report):
    """Columns near dependence, whose scores are known."""
    rng = np.random.default_rng(0)
    left, right = np.linalg.qr(rng.standard_normal((100_000, 50)))[0], np.linalg.qr(rng.standard_normal((50, 50)))[0]
    X = left * np.logspace(0, -exponent, 50) @ right
    truth = row_norms(left)

    def error(scores):
        return f"{np.max(np.abs(scores / truth - 1.0)):.1g}"

    others = []
    for name, compute in SCORES.items():
        try:
            others.append(f"{name} {error(compute(X))}")
        except linalg.LinAlgError:
            others.append(f"{name} fails")
    scores = benchmark.pedantic(leverage_scores, [X], rounds=1)
    seconds = time_call(lambda: leverage_scores(X))
    task = f"leverage scores of 100000 x 50 with condition number 1e{exponent}"
    report(task, seconds, note=f"largest relative error: ours {error(scores)}, {', '.join(others)}")


# --- draws from a continuous measure ---------------------------------------------------------------------------------

CONTINUOUS = {  # task: basis, and seconds wanted
    "Legendre, m = 1000": (PolynomialBasis("legendre", 1, 999), 0.05),
    "Hermite, m = 1000": (PolynomialBasis("hermite", 1, 999), 0.05),
    "Laguerre, m = 1000": (PolynomialBasis("laguerre", 1, 999), 0.1),
    "Legendre, 2 dimensions, total degree 43, m = 990": (PolynomialBasis("legendre", 2, 43), 1.0),
    "Hermite, 2 dimensions, total degree 43, m = 990": (PolynomialBasis("hermite", 2, 43), 1.0),
    "Legendre, 20 dimensions, total degree 2, m = 231": (PolynomialBasis("legendre", 20, 2), 0.1),
    "Legendre, 50 dimensions, total degree 2, m = 1326": (PolynomialBasis("legendre", 50, 2), 6.7),
}


@pytest.mark.parametrize("task", CONTINUOUS)
def test_continuous_draw(task, within):
    """Points, features and weights."""
    basis, wanted = CONTINUOUS[task]
    sampler, rng = ProjectionDPP(basis), np.random.default_rng(0)
    design = within(f"{task}, one draw", lambda: sampler.sample(random_state=rng), wanted, rounds=3)
    assert design.gram_lambda_min > 0.0
    np.testing.assert_allclose(np.sum(design.features**2), design.features.shape[1])


@pytest.mark.parametrize(("n_dims", "degree", "rounds"), [(2, 6, 5), (2, 9, 5), (2, 19, 3), (3, 3, 5)])
def test_continuous_draw_against_dppy(n_dims, degree, rounds, versus):
    """Points alone, for the index sets that DPPy has: all degrees up to one."""
    ensembles = pytest.importorskip("dppy.multivariate_jacobi_ope")
    basis = PolynomialBasis(n_dims=n_dims, degree=degree, index_set="tensor").resolved()
    m = basis.n_output_features_
    process = ensembles.MultivariateJacobiOPE(m, np.zeros((n_dims, 2)))
    assert {tuple(index) for index in process.ordering} == {tuple(index) for index in basis.multi_indices}
    sampler, rng, peer_rng = ProjectionDPP(basis), np.random.default_rng(0), np.random.RandomState(0)

    def ours():
        return sampler.sample(random_state=rng).points

    def peer():
        return process.sample(random_state=peer_rng)

    if m <= 100:
        sums = np.array([[np.sum(draw()[:, 0] ** 2) for draw in (ours, peer)] for _ in range(100)])
        error = np.sqrt(np.sum(sums.var(axis=0)) / len(sums))
        assert abs(sums[:, 0].mean() - sums[:, 1].mean()) < Z * error
    task = f"Legendre, {n_dims} dimensions, degrees up to {degree} each, m = {m}, one draw"
    versus(task, ours, peer, peer_name="DPPy MultivariateJacobiOPE", distribution="dppy", rounds=rounds)


@pytest.mark.parametrize("m", [100, 1000])
def test_hermite_draw_against_dppy(m, versus):
    """Points alone, by the same tridiagonal matrix; the sum of their squares is m^2 on average."""
    ensembles = pytest.importorskip("dppy.beta_ensembles")
    basis, rng = PolynomialBasis("hermite", 1, m - 1).resolved(), np.random.default_rng(0)
    ensemble, peer_rng = ensembles.HermiteEnsemble(beta=2), np.random.RandomState(0)

    def ours():
        return basis.sample_dpp(rng).ravel()

    def peer():
        return ensemble.sample_banded_model(loc=0.0, scale=1.0, size_N=m, random_state=peer_rng)

    for draw in (ours, peer):
        assert abs(np.mean([np.sum(draw() ** 2) for _ in range(20)]) / m**2 - 1.0) < Z * np.sqrt(2.0 / 20) / m
    versus(f"Hermite, m = {m}, one draw", ours, peer, peer_name="DPPy HermiteEnsemble", distribution="dppy")


# --- first call ------------------------------------------------------------------------------------------------------


def first_fit():
    """Processor seconds of the first and of the second fit of a surrogate and of a pool."""
    X = np.random.default_rng(0).standard_normal((2000, 5))
    surrogate = WeightedLeastSquaresApproximator(PolynomialBasis(n_dims=2, degree=5), random_state=0)

    def fit():
        surrogate.fit_function(peak)
        DPPLeastSquares(random_state=0).fit(X, X[:, 0])

    return {"first_s": time_call(fit), "second_s": time_call(fit)}


def test_first_fit(benchmark, report, tmp_path):
    """Compilation with an empty cache, then a new process that finds it full."""
    cache_folder = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = benchmark.pedantic(lambda: run_fresh(first_fit, **cache_folder), rounds=1)
    warm = run_fresh(first_fit, **cache_folder)
    for state, figures, wanted in (("empty", cold, 5.0), ("full", warm, 0.3)):
        report(
            f"first fits of a surrogate and of a pool in a new process, {state} cache",
            figures["first_s"],
            wanted=f"{wanted:g} s",
            met=figures["first_s"] <= wanted,
            note=f"second fits {1e3 * figures['second_s']:.2g} ms",
        )
    assert cold["first_s"] > warm["first_s"]


# --- how good the fits are: functions --------------------------------------------------------------------------------


class Problem(NamedTuple):
    """A function, a space, and the best approximation in it."""

    basis: PolynomialBasis
    function: object
    coef: np.ndarray
    best: float

    @classmethod
    def of(cls, basis, function, nodes, masses):
        """From the nodes of a quadrature of the measure."""
        features, values = basis.resolved().features(nodes), function(nodes)
        coef = features.T @ (masses * values)
        return cls(basis, function, coef, float(masses @ (values - features @ coef) ** 2))

    def ratio(self, coef):
        """Squared error over that of the best approximation."""
        return 1.0 + np.sum((coef - self.coef) ** 2) / self.best


def gauss(rule, n_nodes, n_dims=1):
    """Nodes and masses of a product of Gauss quadratures of a probability measure."""
    nodes, masses = rule(n_nodes)
    grid = np.stack(np.meshgrid(*[nodes] * n_dims, indexing="ij"), axis=-1).reshape(-1, n_dims)
    product = np.stack(np.meshgrid(*[masses / masses.sum()] * n_dims, indexing="ij"), axis=-1)
    return grid, product.reshape(-1, n_dims).prod(axis=1)


def runge(x):
    return 1.0 / (1.0 + 5.0 * x[:, 0] ** 2)


def bump(x):
    return np.exp(-((x[:, 0] - 1.0) ** 2) / 4.0)


def peak(x):
    return 1.0 / (1.0 + 2.0 * np.sum(x**2, axis=1))


def ridge(x):
    return 1.0 / (1.0 - 0.2 * np.sum(x, axis=1))


@cache
def problems():
    """Problems by name."""
    line, plane = gauss(leggauss, 200), gauss(leggauss, 80, 2)
    space = gauss(leggauss, 16, 4)
    return {
        "Legendre": Problem.of(PolynomialBasis("legendre", 1, 10), runge, *line),
        "Hermite": Problem.of(PolynomialBasis("hermite", 1, 10), bump, *gauss(hermegauss, 150)),
        "d = 2, total degree 8": Problem.of(PolynomialBasis("legendre", 2, 8), peak, *plane),
        "d = 2, hyperbolic cross": Problem.of(
            PolynomialBasis("legendre", 2, 15, index_set="hyperbolic_cross"), peak, *plane
        ),
        "d = 4, total degree 4": Problem.of(PolynomialBasis("legendre", 4, 4), ridge, *space),
    }


DESIGNS = {
    "iid": partial(ChristoffelSampler, mixing=1.0),
    "christoffel": ChristoffelSampler,
    "volume, from mu": partial(VolumeRescaledSampler, reference="mu"),
    "volume": VolumeRescaledSampler,
    "repeated_dpp": RepeatedDPP,
}


def weighted_fit(design, values):
    roots = np.sqrt(design.weights / len(design))
    return np.linalg.lstsq(design.features, roots * values, rcond=None)[0]


def fit_without_weights(design, values):
    features = design.reweighted(np.ones(len(design))).features
    return np.linalg.lstsq(features, values / np.sqrt(len(design)), rcond=None)[0]


def mean_of_interpolants(design, values):
    """One fit per determinantal draw, and their mean."""
    blocks = [design.block == number for number in range(design.block.max() + 1)]
    return np.mean([weighted_fit(design.take(rows), values[rows]) for rows in blocks], axis=0)


class Outcomes(NamedTuple):
    """Figures of many designs: error ratios, smallest eigenvalues, distances of the Gram matrix from the identity."""

    ratios: np.ndarray
    lambda_min: np.ndarray
    gram_error: np.ndarray

    def __str__(self):
        middle, high = np.quantile(self.ratios, [0.5, 0.95])
        return f"{middle:.3g} ({high:.3g})"


@cache
def outcomes(name, make, size, fit=weighted_fit, repetitions=REPETITIONS):
    """Fits of a problem with many designs."""
    problem, rng, found = problems()[name], np.random.default_rng(0), []
    sampler = make(problem.basis)
    for _ in range(repetitions):
        design = sampler.sample(size, rng)
        coef = fit(design, problem.function(design.points))
        found.append((problem.ratio(coef), design.gram_lambda_min, design.gram_error))
    return Outcomes(*np.array(found).T)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", ["Legendre", "Hermite"])
def test_errors_of_designs(name, design, benchmark, report):
    """Points, values and fit at n = 2m, and how far the error is from the best one."""
    problem = problems()[name]
    sampler, rng = DESIGNS[design](problem.basis), np.random.default_rng(0)

    def once():
        drawn = sampler.sample("2m", rng)
        return weighted_fit(drawn, problem.function(drawn.points))

    benchmark.pedantic(once, rounds=5)
    seconds = time_call(once, 20)
    found = outcomes(name, DESIGNS[design], "2m", repetitions=300)
    middle, high = np.quantile(found.ratios, [0.5, 0.95])
    note = (
        f"squared error over the best: median {middle:.3g}, 95 % quantile {high:.3g}; median smallest eigenvalue "
        f"{np.median(found.lambda_min):.2g}"
    )
    report(f"{name}, m = 11, {design} at n = 2m", seconds, note=note)


# --- how good the fits are: pools ------------------------------------------------------------------------------------


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


def load_randhie():
    """Visits to doctors in the RAND health insurance experiment, and what may explain them."""
    datasets = pytest.importorskip("statsmodels.datasets")
    table = datasets.randhie.load_pandas()
    return table.exog.to_numpy(dtype=float), table.endog.to_numpy(dtype=float)


@cache
def real_pool(name):
    """Rows with a constant, and labels."""
    if name == "randhie":
        X, y = load_randhie()
    else:
        X, y = {"diabetes": load_diabetes, "digits": load_digits}[name](return_X_y=True)
    rows = with_constant(X)
    constant = np.ptp(rows, axis=0) == 0.0
    constant[0] = False
    rows = rows[:, ~constant]
    return rows[:, linalg.qr(rows, mode="r", pivoting=True)[1][: np.linalg.matrix_rank(rows)]], y.astype(float)


POOL_DESIGNS = ("iid", "christoffel", "volume", "repeated_dpp")


@cache
def pool_ratios(name, design, size, repetitions=POOL_REPETITIONS):
    """Mean squared errors over the pool of fits to few labels, over that of the fit to all."""
    X, y = real_pool(name)
    best = np.mean((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2)
    sampler, rng, found = PoolDPPSampler(design).fit(X), np.random.default_rng(0), []
    for _ in range(repetitions):
        rows, weights, _ = sampler.sample(size, rng)
        roots = np.sqrt(weights)
        coef = np.linalg.lstsq(roots[:, None] * X[rows], roots * y[rows], rcond=None)[0]
        found.append(np.mean((y - X @ coef) ** 2) / best)
    return np.array(found)


@pytest.mark.parametrize("design", POOL_DESIGNS)
@pytest.mark.parametrize("name", ["diabetes", "randhie", "digits"])
def test_errors_on_pools(name, design, benchmark, report):
    """Rows and fit at n = 2m, and how far the error is from that with all labels."""
    X, y = real_pool(name)
    sampler, rng = PoolDPPSampler(design).fit(X), np.random.default_rng(0)
    benchmark.pedantic(sampler.sample, ["2m", rng], rounds=5)
    seconds = time_call(lambda: sampler.sample("2m", rng), 20)
    found = pool_ratios(name, design, "2m", repetitions=200)
    note = f"squared error over that with all labels: median {np.median(found):.3g}, mean {found.mean():.3g}"
    report(f"{name}, {len(X)} rows, m = {X.shape[1]}, {design} at n = 2m, one draw", seconds, note=note)


# --- tables ----------------------------------------------------------------------------------------------------------


def markdown(rows):
    """A table of dictionaries with the same keys, the first of which is on the left."""
    cells = [[f"{x:.3g}" if isinstance(x, float) else str(x) for x in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] + ["--:"] * (len(rows[0]) - 1), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def error_rows(name):
    """Median and 95 % quantile of the error ratio, by design and size."""
    for design, make in DESIGNS.items():
        yield {f"{name}: error": design, **{size: str(outcomes(name, make, size)) for size in SIZES}}
    for heading, fit in {"averaged dpp": mean_of_interpolants, "weights dropped": fit_without_weights}.items():
        yield {f"{name}: error": heading, **{size: str(outcomes(name, RepeatedDPP, size, fit)) for size in SIZES}}


def stability_rows():
    """Median smallest eigenvalue and share of designs with |G - I| <= 0.9, Legendre with m = 11."""
    for design, make in DESIGNS.items():
        row = {"smallest eigenvalue; share within .9": design}
        for size in SIZES:
            found = outcomes("Legendre", make, size)
            row[size] = f"{np.median(found.lambda_min):.2g}; {np.mean(found.gram_error <= 0.9):.3f}"
        yield row


def sizes_for_stability():
    """Smallest n / m with a smallest eigenvalue of at least one half in nine of ten designs."""
    makes = {design: DESIGNS[design] for design in ("repeated_dpp", "volume", "christoffel")}
    for m in (5, 10, 20, 40, 80):
        basis, row = PolynomialBasis("legendre", 1, m - 1), {"m": str(m)}
        for design, make in makes.items():
            stable = partial(is_mostly_stable, make(basis), m)
            row[design] = str(MULTIPLES[bisect_left(MULTIPLES, True, key=stable)])
        yield row


def is_mostly_stable(sampler, m, multiple, repetitions=200):
    rng = np.random.default_rng(0)
    drawn = (sampler.sample(multiple * m, rng) for _ in range(repetitions))
    return bool(np.mean([design.gram_lambda_min >= 0.5 for design in drawn]) >= 0.9)


def dimension_rows():
    """Median error ratio in two and four dimensions."""
    for name in list(problems())[2:]:
        for size in ("2m", "3m"):
            row = {"median error": f"{name}, m = {problems()[name].coef.size}, n = {size}"}
            for design, make in DESIGNS.items():
                row[design] = float(np.median(outcomes(name, make, size, repetitions=200).ratios))
            yield row


def boosting_rows():
    """Median error ratio of single designs, and of the best of thirty by the smallest eigenvalue."""

    def best_of_thirty(basis):
        return ConditionedSampler(RepeatedDPP(basis), delta=1.0 - 1e-12, n_candidates=30)

    name = "d = 2, total degree 8"
    for n_samples in (45, 55, 68, 90):
        row = {"d = 2, total degree 8, m = 45": f"n = {n_samples}"}
        for heading, make in {"first": RepeatedDPP, "best of 30": best_of_thirty}.items():
            row[heading] = float(np.median(outcomes(name, make, n_samples, repetitions=100).ratios))
        yield row


def noise_rows():
    """Mean and median squared error of fits to labels of variance 1 that are noise."""
    basis = PolynomialBasis("legendre", 1, 10)
    for design, make in DESIGNS.items():
        row, sampler, rng = {"noise alone: mean; median": design}, make(basis), np.random.default_rng(0)
        for size in SIZES[1:]:
            drawn = (sampler.sample(size, rng) for _ in range(REPETITIONS))
            errors = [np.sum(weighted_fit(one, rng.standard_normal(len(one))) ** 2) for one in drawn]
            row[size] = f"{np.mean(errors):.3g}; {np.median(errors):.2g}"
        yield row


def bias_rows():
    """Largest deviation of the mean coefficients from the best ones, in standard errors, Legendre at n = 2m."""
    problem = problems()["Legendre"]
    for design in ("volume", "repeated_dpp"):
        sampler, rng = DESIGNS[design](problem.basis), np.random.default_rng(0)
        drawn = (sampler.sample("2m", rng) for _ in range(4 * REPETITIONS))
        coefs = np.array([weighted_fit(one, problem.function(one.points)) for one in drawn])
        errors = coefs.mean(axis=0) - problem.coef
        standard = coefs.std(axis=0, ddof=1) / np.sqrt(len(coefs))
        yield {
            "bias": design,
            "largest, in standard errors": float(np.max(np.abs(errors / standard))),
            "norm, over the best error": float(np.linalg.norm(errors) / np.sqrt(problem.best)),
        }


def pool_rows(name):
    """Median and mean error ratio on a pool."""
    for design in POOL_DESIGNS:
        row = {f"{name}: median; mean": design}
        for size in SIZES:
            found = pool_ratios(name, design, size)
            row[size] = f"{np.median(found):.3g}; {found.mean():.3g}"
        yield row


def quality_tables():
    """All tables, as Markdown."""
    for rows in (error_rows("Legendre"), error_rows("Hermite"), stability_rows(), sizes_for_stability()):
        yield markdown(list(rows))
    for rows in (dimension_rows(), boosting_rows(), noise_rows(), bias_rows()):
        yield markdown(list(rows))
    for name in ("diabetes", "randhie", "digits"):
        yield markdown(list(pool_rows(name)))


MEASURES = {measure.__name__: measure for measure in (first_fit,)}

if __name__ == "__main__":
    for measure in sys.argv[1:]:
        print(json.dumps(MEASURES[measure]()))
    if not sys.argv[1:]:
        for table in quality_tables():
            print(table, end="\n\n", flush=True)
