"""Samplers of continuous designs: their laws, the theory they must obey, published tables, conditioning, bad input."""

import numpy as np
import pytest
from scipy.stats import kstest, norm
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from statlearn._support.random_streams import spawn_generators
from statlearn.design import (
    ChristoffelSampler,
    ConditionedSampler,
    FourierBasis,
    OrthonormalBasis,
    PolynomialBasis,
    ProjectionDPP,
    RepeatedDPP,
    VolumeRescaledSampler,
    induced_cdf,
)
from statlearn.design._design import INDEPENDENT, Design
from statlearn.design._samplers import check_basis
from statlearn.design._sizes import resolve_n_samples

from .problems import Problem, bump, four_dims, plane_hyperbolic_cross, plane_total_degree, runge, weighted_fit

LEVEL = 1e-4  # of tests that a right sampler passes
LEGENDRE = PolynomialBasis(n_dims=1, degree=4).resolved()
PLANE = PolynomialBasis(["legendre", "hermite"], degree=2).resolved()


def iid(basis):
    return ChristoffelSampler(basis, mixing=1.0)


def classical_volume(basis):
    return VolumeRescaledSampler(basis, reference="mu")


OPTIMAL = [ChristoffelSampler, VolumeRescaledSampler, RepeatedDPP]  # every point has the optimal density
ALL = [iid, classical_volume, *OPTIMAL]


def many(sampler, n_samples, n_draws, seed=0):
    rng = np.random.default_rng(seed)
    if isinstance(sampler, ChristoffelSampler):  # whose points may as well be drawn together, which is fast
        n = resolve_n_samples(n_samples, sampler.basis.n_output_features_)
        whole = sampler.sample(n * n_draws, rng)
        return [whole.take(slice(start, start + n)) for start in range(0, n * n_draws, n)]
    return [sampler.sample(n_samples, rng) for _ in range(n_draws)]


def largest_z(samples, mean):
    """How many standard errors the mean of rows of samples is off, over coordinates, and the level for that many."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    z = np.abs(samples.mean(axis=0) - mean) / np.maximum(error, 1e-12)
    return z.max(), norm.isf(LEVEL / 2 / z.size)


def inverse_gram(design):
    return np.linalg.inv(design.features.T @ design.features)


# Laws


@pytest.mark.parametrize("degree", [0, 1, 10, 99])
def test_points_of_a_draw_repel_each_other(degree):
    """The sum of the points of a Legendre draw has variance m^2 / (4 m^2 - 1), of independent ones about m / 2."""
    m, n_draws = degree + 1, 1500
    basis = PolynomialBasis(n_dims=1, degree=degree).resolved()
    design = RepeatedDPP(basis).sample(f"{n_draws}m", random_state=0)
    sums = design.points.reshape(n_draws, m).sum(axis=1)
    np.testing.assert_array_equal(design.block, np.repeat(np.arange(n_draws), m))
    variance = m**2 / (4.0 * m**2 - 1.0)
    assert abs(sums.mean()) < norm.isf(LEVEL / 2) * np.sqrt(variance / n_draws)
    assert sums.var() / variance == pytest.approx(1.0, abs=norm.isf(LEVEL / 2) * np.sqrt(2.0 / n_draws))


def test_independent_points_do_not_repel_each_other():
    basis = PolynomialBasis(n_dims=1, degree=10).resolved()
    sums = ChristoffelSampler(basis).sample("1500m", random_state=0).points.reshape(1500, 11).sum(axis=1)
    assert sums.var() > 4.0


def test_points_in_the_plane_repel_each_other_as_the_kernel_says():
    """The variance of sum g(x_i) is half the integral of (g(x) - g(y))^2 K(x, y)^2."""
    basis = PolynomialBasis(n_dims=2, degree=3).resolved()
    nodes, weights = np.polynomial.legendre.leggauss(12)
    points = np.array([(x, y) for x in nodes for y in nodes])
    weights = np.multiply.outer(weights, weights).ravel() / 4.0
    g, features = points[:, 0] + points[:, 0] * points[:, 1], basis.features(points)
    squares = (features @ features.T) ** 2 * np.multiply.outer(weights, weights)
    variance = 0.5 * np.sum(squares * np.subtract.outer(g, g) ** 2)
    mean = np.sum(weights * g * np.sum(features**2, axis=1))
    draws = RepeatedDPP(basis).sample("600m", random_state=1).points.reshape(600, 10, 2)
    sums = np.sum(draws[..., 0] + draws[..., 0] * draws[..., 1], axis=1)
    assert abs(sums.mean() - mean) < norm.isf(LEVEL / 2) * np.sqrt(variance / 600)
    assert sums.var() / variance == pytest.approx(1.0, abs=norm.isf(LEVEL / 2) * np.sqrt(2.0 / 600))


def optimal_cdf(x):
    return np.mean([induced_cdf(x, k) for k in range(5)], axis=0)


@pytest.mark.parametrize("sampler", [*OPTIMAL, ProjectionDPP])
@pytest.mark.parametrize("place", [0, -1])
def test_every_point_has_the_optimal_density(sampler, place):
    n_samples = "m" if sampler is ProjectionDPP else "1.6m"
    points = np.array([design.points[place, 0] for design in many(sampler(LEGENDRE), n_samples, 300)])
    assert kstest(points, optimal_cdf).pvalue > LEVEL
    assert kstest(points, lambda x: (x + 1.0) / 2.0).pvalue < 0.1


@pytest.mark.parametrize(("reference", "mixing"), [("mu", 0.0), ("christoffel", 0.4)])
def test_points_of_volume_sampling_have_the_mixed_density(reference, mixing):
    share = {"mu": 1.0, "christoffel": mixing}[reference] * 0.5  # of the measure, as half of the points are the DPP's
    sampler = VolumeRescaledSampler(LEGENDRE, reference=reference, mixing=mixing)
    points = np.array([design.points[0, 0] for design in many(sampler, "2m", 400)])
    assert kstest(points, lambda x: (1.0 - share) * optimal_cdf(x) + share * (x + 1.0) / 2.0).pvalue > LEVEL


@pytest.mark.parametrize("mixing", [0.0, 0.3, 1.0])
def test_independent_points_have_the_mixed_density(mixing):
    points = ChristoffelSampler(LEGENDRE, mixing=mixing).sample(2000, random_state=0).points[:, 0]
    assert kstest(points, lambda x: (1.0 - mixing) * optimal_cdf(x) + mixing * (x + 1.0) / 2.0).pvalue > LEVEL


@pytest.mark.parametrize(
    ("sampler", "basis"),
    [(iid, LEGENDRE), (ChristoffelSampler, PLANE), (VolumeRescaledSampler, LEGENDRE), (RepeatedDPP, PLANE)],
)
def test_the_gram_matrix_is_the_identity_on_average(sampler, basis):
    m = basis.n_output_features_
    grams = np.array([design.features.T @ design.features for design in many(sampler(basis), "1.5m", 400)])
    z, allowed = largest_z(grams[:, *np.triu_indices(m)], np.eye(m)[np.triu_indices(m)])
    assert z < allowed


@pytest.mark.parametrize(
    "sampler",
    [classical_volume, VolumeRescaledSampler, lambda basis: VolumeRescaledSampler(basis, mixing=0.5)],
    ids=["mu", "christoffel", "mixed"],
)
def test_volume_sampling_inverts_the_gram_matrix_exactly(sampler):
    """E G^-1 = n / (n - m + 1) I for a measure without atoms, whatever the reference."""
    basis = PolynomialBasis(n_dims=2, degree=1).resolved()
    m, n = basis.n_output_features_, 3 * basis.n_output_features_
    inverses = np.array([inverse_gram(design) for design in many(sampler(basis), n, 500)])
    upper = np.triu_indices(m)
    z, allowed = largest_z(inverses[:, *upper], (n / (n - m + 1) * np.eye(m))[upper])
    assert z < allowed


def test_repeated_volume_sampling_is_independent_draws_of_volume_sampling():
    """Every block inverts its Gram matrix as a draw of its size does, and blocks do not depend on each other."""
    basis = PolynomialBasis(n_dims=2, degree=1).resolved()
    sampler, m = VolumeRescaledSampler(basis, repeated=True), 3
    traces = []
    for design in many(sampler, 13, 500):
        np.testing.assert_array_equal(design.block, [0] * 7 + [1] * 6)
        np.testing.assert_allclose(design.weights, m / np.sum(basis.features(design.points) ** 2, axis=1))
        traces.append([np.trace(inverse_gram(design.take(design.block == block))) for block in range(2)])
    z, allowed = largest_z(np.array(traces), [m * n / (n - m + 1) for n in (7, 6)])
    assert z < allowed
    assert abs(np.corrcoef(np.argsort(np.argsort(traces, axis=0), axis=0).T)[0, 1]) < norm.isf(LEVEL / 2) / np.sqrt(500)
    one = sampler.sample(11, random_state=0)
    np.testing.assert_array_equal(one.points, VolumeRescaledSampler(basis).sample(11, random_state=0).points)


def test_the_inverse_gram_matrix_of_other_designs_is_larger():
    inverses = np.array([inverse_gram(design) for design in many(RepeatedDPP(LEGENDRE), "3m", 500)])
    z, allowed = largest_z(np.trace(inverses, axis1=1, axis2=2)[:, None], 5 * 15 / 11)
    assert z > allowed


def steep():
    return Problem(LEGENDRE, lambda x: np.exp(2.0 * x[:, 0]), 40)


@pytest.mark.parametrize(
    ("sampler", "n_samples"), [(ProjectionDPP, "m"), (VolumeRescaledSampler, "2m"), (classical_volume, "2m")]
)
def test_determinantal_fits_are_unbiased(sampler, n_samples):
    problem = steep()
    coefs = np.array([problem.fit(design) for design in many(sampler(problem.basis), n_samples, 600)])
    z, allowed = largest_z(coefs, problem.coef)
    assert z < allowed


def mean_ratio_over_the_last_point(problem, design):
    """The ratio of the error of interpolation to the least one, on average over the last point given the others.

    With v the unit vector across the functions at the other points and c_0 the interpolant of them without a part along
    v, the last point has density (v phi)^2, and the error to average is that of c_0 plus a multiple of v.
    """
    features, values = design.features[:-1], problem.function(design.points)[:-1]
    start = np.linalg.lstsq(features, np.sqrt(design.weights[:-1] / len(design)) * values)[0]
    across = np.linalg.svd(features)[2][-1]
    missed = start - problem.coef + (across @ problem.coef) * across
    return 2.0 + 2.0 * missed @ missed / problem.least


def test_interpolation_at_a_draw_has_m_plus_1_times_the_least_error():
    """The mean of the ratio itself has too heavy a tail to tell m + 1 from m."""
    problem = steep()
    designs = many(ProjectionDPP(problem.basis), "m", 3000)
    ratios = np.array([mean_ratio_over_the_last_point(problem, design) for design in designs])
    z, allowed = largest_z(ratios[:, None], 1.0 + problem.m)
    assert z < allowed
    assert ratios.std() / np.sqrt(3000) < 0.15
    plain = problem.ratio(np.array([problem.fit(design) for design in designs]))
    assert largest_z((plain - ratios)[:, None], 0.0)[0] < allowed


def test_averaged_interpolants_have_the_error_of_their_number():
    """1 + m / r for the mean over r draws, far above that of one weighted fit to all of them."""
    problem = steep()

    def averaged(design):
        parts = [design.take(design.block == block) for block in range(2)]
        return np.mean([problem.fit(part) for part in parts], axis=0)

    designs = many(RepeatedDPP(problem.basis), "2m", 1500)
    ratios = problem.ratio(np.array([averaged(design) for design in designs]))
    z, allowed = largest_z(ratios[:, None], 1.0 + problem.m / 2)
    assert z < allowed
    joint = problem.ratio(np.array([problem.fit(design) for design in designs]))
    assert joint.mean() < 0.5 * ratios.mean()


def test_without_weights_many_draws_converge_to_the_wrong_function():
    problem = steep()
    design = RepeatedDPP(problem.basis).sample("2000m", random_state=0)
    values = problem.function(design.points)
    assert problem.ratio(weighted_fit(design, values)) < 1.001
    plain = weighted_fit(design.reweighted(np.ones(len(design))), values)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    features = problem.basis.features(nodes[:, None])
    roots = np.sqrt(weights * np.sum(features**2, axis=1))  # the projection in L2 of the density, not of the measure
    wrong = np.linalg.lstsq(roots[:, None] * features, roots * problem.function(nodes[:, None]))[0]
    assert problem.ratio(wrong) > 1.02
    assert problem.ratio(plain) == pytest.approx(problem.ratio(wrong), abs=0.01)


# Published numbers: quantiles of the squared error over the least one


def assert_quantile(ratios, q, stated, n_stated=2000):
    """A quantile agrees with a rounded one that was itself found in an experiment."""
    tolerance = norm.isf(LEVEL / 2) * np.sqrt(q * (1.0 - q) * (1.0 / len(ratios) + 1.0 / n_stated))
    half = 0.5 * float(f"1e{np.floor(np.log10(stated)) - 2:.0f}") if stated < 100 else 0.05 * stated
    assert np.mean(ratios < stated - half) < q + tolerance
    assert np.mean(ratios < stated + half) > q - tolerance


@pytest.mark.parametrize("sampler", [ProjectionDPP, VolumeRescaledSampler, RepeatedDPP])
def test_errors_of_interpolation_are_the_published_ones(sampler):
    problem = runge()
    ratios = problem.ratio(np.array([problem.fit(design) for design in many(sampler(problem.basis), "m", 1000)]))
    assert_quantile(ratios, 0.5, 5.0)
    assert_quantile(ratios, 0.95, 26)


MEDIANS = {  # at n = 2m, 3m, 4m
    "E1": {
        iid: (40, 6.8, 3.2),
        ChristoffelSampler: (4.1, 1.77, 1.39),
        classical_volume: (1.84, 1.45, 1.32),
        VolumeRescaledSampler: (1.96, 1.44, 1.30),
        RepeatedDPP: (1.54, 1.26, 1.17),
    },
    "E2": {
        iid: (4329, 2991, 2335),
        ChristoffelSampler: (4.8, 1.77, 1.38),
        classical_volume: (4.2, 3.9, 3.7),
        VolumeRescaledSampler: (2.0, 1.45, 1.29),
        RepeatedDPP: (1.51, 1.24, 1.16),
    },
}
TAILS = {  # 95 % quantiles
    "E1": {
        iid: (1.7e5, 1100, 121),
        ChristoffelSampler: (144, 8.9, 3.2),
        classical_volume: (5.6, 3.3, 2.4),
        VolumeRescaledSampler: (6.4, 3.5, 2.2),
        RepeatedDPP: (3.1, 1.9, 1.5),
    },
    "E2": {
        ChristoffelSampler: (98, 12, 3.8),
        classical_volume: (23, 20, 18),
        VolumeRescaledSampler: (8, 3.4, 2.2),
        RepeatedDPP: (3.2, 1.85, 1.46),
    },
}
PROBLEMS = {"E1": runge, "E2": bump}


def assert_table(name, sampler, sizes, n_draws):
    problem = PROBLEMS[name]()
    for place, size in enumerate(("2m", "3m", "4m")):
        if size in sizes:
            coefs = [problem.fit(design) for design in many(sampler(problem.basis), size, n_draws)]
            ratios = problem.ratio(np.array(coefs))
            assert_quantile(ratios, 0.5, MEDIANS[name][sampler][place])
            if sampler in TAILS[name]:
                assert_quantile(ratios, 0.95, TAILS[name][sampler][place])


@pytest.mark.parametrize("sampler", [iid, classical_volume, RepeatedDPP])
@pytest.mark.parametrize("name", PROBLEMS)
def test_errors_in_one_dimension_are_the_published_ones(name, sampler):
    assert_table(name, sampler, ("2m", "3m"), 300)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ALL)
@pytest.mark.parametrize("name", PROBLEMS)
def test_errors_in_one_dimension_are_the_published_ones_in_full(name, sampler):
    assert_table(name, sampler, ("2m", "3m", "4m"), 1000 if sampler is VolumeRescaledSampler else 2000)


@pytest.mark.slow
def test_means_of_stable_designs_are_the_published_ones():
    problem, stated = runge(), {"m": 10.2, "2m": 1.77, "3m": 1.34, "4m": 1.22}
    for size, mean in stated.items():
        ratios = problem.ratio(
            np.array([problem.fit(design) for design in many(RepeatedDPP(problem.basis), size, 2000)])
        )
        assert abs(ratios.mean() - mean) < norm.isf(LEVEL / 2) * ratios.std() * np.sqrt(2.0 / 2000) + 0.005


@pytest.mark.slow
def test_repeated_draws_are_biased():
    problem = runge()
    coefs = np.array([problem.fit(design) for design in many(RepeatedDPP(problem.basis), "2m", 20000)])
    z, allowed = largest_z(coefs, problem.coef)
    assert z > allowed
    # The bias is harmless: a small part of the error.
    assert problem.ratio(coefs.mean(axis=0)) - 1.0 < 0.05 * (problem.ratio(coefs).mean() - 1.0)


@pytest.mark.parametrize(
    ("sampler", "smallest", "chance"),
    [
        (iid, 0.001, 0.003),
        pytest.param(ChristoffelSampler, 0.05, 0.075, marks=pytest.mark.slow),
        pytest.param(VolumeRescaledSampler, 0.22, 0.30, marks=pytest.mark.slow),
        (RepeatedDPP, 0.35, 0.94),
    ],
)
def test_stability_at_twice_the_dimension_is_the_published_one(sampler, smallest, chance):
    designs = many(sampler(runge().basis), "2m", 600)
    assert_quantile(np.array([design.gram_lambda_min for design in designs]), 0.5, 10 * smallest / 10)
    near = np.mean([design.gram_error <= 0.9 for design in designs])
    error = np.sqrt(chance * (1.0 - chance) * (1.0 / 600 + 1.0 / 2000))
    assert abs(near - chance) < norm.isf(LEVEL / 2) * error + 0.005


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "stated"),
    [
        (RepeatedDPP, {5: 4, 10: 5, 20: 6, 40: 8}),
        (VolumeRescaledSampler, {5: 9, 10: 14, 20: 18}),
        (ChristoffelSampler, {5: 10, 10: 15, 20: 19}),
    ],
)
def test_points_per_function_for_stability_are_the_published_ones(sampler, stated):
    """The smallest n / m for which the smallest eigenvalue is at least 1/2 in nine of ten draws, give or take one."""
    for m, multiple in stated.items():
        basis = PolynomialBasis(n_dims=1, degree=m - 1).resolved()
        chances = [
            np.mean([design.gram_lambda_min >= 0.5 for design in many(sampler(basis), k * m, 300)])
            for k in (multiple - 2, multiple + 1)
        ]
        error = norm.isf(LEVEL / 2) * np.sqrt(0.9 * 0.1 / 300)
        assert chances[0] < 0.9 + error
        assert chances[1] > 0.9 - error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "medians"),
    [
        (plane_total_degree, [(41, 8.1), (3.2, 1.8), (2.3, 1.63), (1.75, 1.34)]),
        (plane_hyperbolic_cross, [(11, 3.7), (2.7, 1.7), (2.2, 1.55), (1.9, 1.4)]),
        (four_dims, [(2.3, 1.8), (2.1, 1.46), (1.78, 1.42), (1.77, 1.33)]),
    ],
)
def test_errors_in_more_dimensions_are_the_published_ones(make, medians):
    problem = make()
    for sampler, stated in zip((iid, *OPTIMAL), medians, strict=True):
        for size, median in zip(("2m", "3m"), stated, strict=True):
            coefs = [problem.fit(design) for design in many(sampler(problem.basis), size, 100)]
            assert_quantile(problem.ratio(np.array(coefs)), 0.5, median, n_stated=100)


NOISE = {RepeatedDPP: (0.65, 0.39, 0.28), VolumeRescaledSampler: (0.94, 0.47, 0.33)}


def noise_error(design):
    """Expected squared norm of a fit to noise of variance 1."""
    return np.sum((np.linalg.pinv(design.features) * np.sqrt(design.weights / len(design))) ** 2)


@pytest.mark.parametrize("sampler", [RepeatedDPP, pytest.param(VolumeRescaledSampler, marks=pytest.mark.slow)])
def test_errors_of_pure_noise_are_the_published_ones(sampler):
    for multiple, stated in zip((2, 3, 4), NOISE[sampler], strict=True):
        errors = np.array([noise_error(design) for design in many(sampler(runge().basis), f"{multiple}m", 600)])
        assert abs(errors.mean() - stated) < norm.isf(LEVEL / 2) * errors.std() * np.sqrt(1 / 600 + 1 / 2000) + 0.005
        assert errors.min() > 0.5 / multiple  # no design beats even weights


# Conditioning


def base_draws(sampler, n_samples, seed):
    (rng,) = spawn_generators(seed, 1)
    while True:
        yield sampler.sample(n_samples, rng)


CRITERIA = {"lambda_min": lambda design: 1.0 - design.gram_lambda_min, "spectral": lambda design: design.gram_error}


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("seed", range(5))
def test_the_first_draw_that_meets_the_bound_is_taken(criterion, seed):
    base = classical_volume(LEGENDRE)
    design = ConditionedSampler(base, delta=0.75, criterion=criterion).sample("3m", seed)
    first = next(d for d in base_draws(base, "3m", seed) if CRITERIA[criterion](d) <= 0.75)
    np.testing.assert_array_equal(design.points, first.points)
    np.testing.assert_array_equal(design.weights, first.weights)
    assert design.conditioned is True
    draws = base_draws(base, "3m", seed)
    distances = [CRITERIA[criterion](next(draws)) for _ in range(design.n_drawn)]
    assert np.flatnonzero(np.array(distances) <= 0.75).tolist() == [design.n_drawn - 1]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_best_of_some_candidates_is_taken(criterion):
    base = RepeatedDPP(LEGENDRE)
    design = ConditionedSampler(base, n_candidates=20, criterion=criterion).sample("2m", 3)
    draws = base_draws(base, "2m", 3)
    best = min((next(draws) for _ in range(20)), key=CRITERIA[criterion])
    np.testing.assert_array_equal(design.points, best.points)


def test_candidates_help_where_there_are_few_points():
    problem = runge()
    boosted = ConditionedSampler(RepeatedDPP(problem.basis), delta=0.999, n_candidates=30)
    plain = np.median([problem.ratio(problem.fit(design)) for design in many(RepeatedDPP(problem.basis), "m", 200)])
    best = np.median([problem.ratio(problem.fit(design)) for design in many(boosted, "m", 50)])
    assert best < 0.75 * plain


def test_a_bound_that_is_never_met_gives_the_best_design_and_a_warning():
    base = iid(LEGENDRE)
    sampler = ConditionedSampler(base, delta=0.01, max_draws=12, n_candidates=5)
    with pytest.warns(ConvergenceWarning, match=r"none of 12 designs of 10 points .* delta=0.01 .*'lambda_min'.*best"):
        design = sampler.sample("2m", 0)
    draws = base_draws(base, "2m", 0)
    best = min((next(draws) for _ in range(12)), key=CRITERIA["lambda_min"])
    np.testing.assert_array_equal(design.points, best.points)
    assert (design.conditioned, design.n_drawn) == (False, 12)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize(("basis", "n_samples"), [(LEGENDRE, "3m"), (PLANE, "2.5m"), (LEGENDRE, "2m")])
def test_points_are_left_out_as_by_brute_force(criterion, basis, n_samples):
    distance, delta = CRITERIA[criterion], 0.9
    sampler = ConditionedSampler(RepeatedDPP(basis), delta=delta, criterion=criterion)
    design = sampler.sample(n_samples, 5)
    m = basis.n_output_features_
    while len(design) > m + 1:
        every = np.arange(len(design))
        smaller = min((design.take(every != point) for point in every), key=distance)
        if distance(smaller) > delta:
            break
        design = smaller
    sampler.subsample_to = m + 1
    thinned = sampler.sample(n_samples, 5)
    np.testing.assert_array_equal(thinned.points, design.points)
    assert thinned.conditioned is True
    assert distance(thinned) <= delta
    assert len(thinned) < len(sampler.base.sample(n_samples, 5))


def test_one_function_and_equal_eigenvalues_can_be_thinned():
    constant = PolynomialBasis(n_dims=1, degree=0).resolved()
    assert len(ConditionedSampler(RepeatedDPP(constant), subsample_to=1).sample(6, 0)) == 1
    fourier = FourierBasis(n_dims=1, degree=1).resolved()
    sampler = ConditionedSampler(RepeatedDPP(fourier), subsample_to="m", delta=0.99)
    assert 3 <= len(sampler.sample("4m", 0)) < 12


def test_thinning_stops_at_the_number_asked_for():
    sampler = ConditionedSampler(RepeatedDPP(LEGENDRE), delta=0.99, subsample_to="2m")
    assert len(sampler.sample("3m", 0)) == 10
    assert len(sampler.sample("2m", 0)) == 10
    with pytest.raises(ValueError, match="n_samples=3 is smaller than the dimension of the approximation space m=5"):
        ConditionedSampler(RepeatedDPP(LEGENDRE), subsample_to=3).sample("3m", 0)


# Bases and sizes


class Halves(OrthonormalBasis):
    """Indicators of the two halves of the unit interval."""

    n_dims, n_output_features_ = 1, 2

    def scaled_features(self, X):
        right = np.asarray(X) >= 0.5
        return np.sqrt(2.0) * np.hstack([~right, right]), np.zeros(len(right))

    def sample_measure(self, n, rng):
        return rng.uniform(size=(n, 1))

    sample_induced = sample_measure


class Dependent(Halves):
    """The same function twice, which is no basis."""

    def scaled_features(self, X):
        return np.ones((len(X), 2)), np.zeros(len(X))


def test_a_basis_of_the_user():
    design = RepeatedDPP(Halves()).sample("50m", random_state=0)
    assert (np.sort(design.points.reshape(50, 2) >= 0.5, axis=1) == [False, True]).all()
    np.testing.assert_allclose(design.features.T @ design.features, np.eye(2), atol=1e-14)
    for sampler in ALL:
        assert len(sampler(Halves()).sample("3m", random_state=0)) == 6
        assert len(sampler(Halves()).sample("m", random_state=0)) == 2


def test_functions_that_are_no_basis_are_found_out():
    with pytest.raises(RuntimeError, match="orthonormal"):
        ProjectionDPP(Dependent()).sample(random_state=0)


class Unnormalized(Halves):
    def scaled_features(self, X):
        rows, log_scale = super().scaled_features(X)
        return rows, log_scale + 0.01


class WronglyDrawn(Halves):
    def sample_induced(self, n, rng):
        return rng.uniform(size=(n, 1)) ** 1.1


class Correlated(Halves):
    def scaled_features(self, X):
        rows, log_scale = super().scaled_features(X)
        return rows @ [[1.0, 0.05], [0.0, 1.0]], log_scale


@pytest.mark.parametrize(
    "basis",
    [
        Halves(),
        LEGENDRE,
        PLANE,
        PolynomialBasis("hermite", n_dims=1, degree=100),
        PolynomialBasis(["laguerre", "chebyshev", "jacobi"], degree=3),
        FourierBasis(n_dims=2, degree=2),
        PolynomialBasis(n_dims=1, degree=0),
    ],
)
def test_bases_pass_their_check(basis):
    check_basis(basis.resolved())


@pytest.mark.parametrize("basis", [Dependent, Unnormalized, WronglyDrawn, Correlated])
def test_errors_of_a_basis_are_found(basis):
    with pytest.raises(ValueError, match="sample_induced does not draw from"):
        check_basis(basis())


@pytest.mark.parametrize("basis", [FourierBasis(n_dims=1, degree=10), FourierBasis(n_dims=2, degree=2)])
def test_fourier_designs_are_even(basis):
    design = RepeatedDPP(basis).sample("2m", random_state=0)
    np.testing.assert_allclose(design.weights, 1.0, rtol=1e-12)
    assert ((design.points >= 0.0) & (design.points < 1.0)).all()
    assert design.gram_lambda_min > 0.01


@pytest.mark.parametrize("sampler", OPTIMAL)
def test_a_thousand_functions_on_the_whole_line(sampler):
    basis = PolynomialBasis("hermite", n_dims=1, degree=999).resolved()
    design = sampler(basis).sample("1.5m", random_state=0)
    assert np.isfinite(design.points).all()
    assert np.isfinite(design.features).all()
    assert np.isfinite(design.log_weights).all()
    assert design.weights.min() < 1e-300
    assert sampler is ChristoffelSampler or design.gram_lambda_min > 1e-6


def test_a_thousand_functions_without_weights_overflow():
    basis = PolynomialBasis("hermite", n_dims=1, degree=999).resolved()
    with pytest.raises(ValueError, match="overflow"):
        classical_volume(basis).sample("m", random_state=0)


@pytest.mark.parametrize(
    "basis", [PolynomialBasis(n_dims=1, degree=0), PolynomialBasis(["hermite", "laguerre"], degree=0)]
)
@pytest.mark.parametrize("sampler", [*ALL, ProjectionDPP])
def test_one_constant_function(sampler, basis):
    design = sampler(basis).sample("m", random_state=0)
    assert design.points.shape == (1, basis.resolved().n_dims)
    np.testing.assert_allclose(design.weights, 1.0, rtol=1e-12)
    assert design.gram_lambda_min == pytest.approx(1.0)


@pytest.mark.parametrize("sampler", ALL)
def test_the_same_seed_gives_the_same_design(sampler):
    def points(seed):
        return sampler(PLANE).sample("2.5m", random_state=seed).points

    np.testing.assert_array_equal(points(3), points(3))
    np.testing.assert_array_equal(points(np.random.default_rng(3)), points(np.random.default_rng(3)))
    np.testing.assert_array_equal(points(np.random.RandomState(3)), points(np.random.RandomState(3)))
    generator = np.random.default_rng(3)
    assert not (points(generator) == points(generator)).any()
    assert not (points(None) == points(None)).any()


def test_a_rest_is_drawn_independently():
    design = RepeatedDPP(LEGENDRE).sample(13, random_state=0)
    assert design.block.tolist() == [0] * 5 + [1] * 5 + [INDEPENDENT] * 3
    larger = RepeatedDPP(LEGENDRE).sample(15, random_state=0)
    np.testing.assert_array_equal(larger.points[:10], design.points[:10])
    assert not np.isin(larger.points[10:], design.points[10:]).any()


def test_default_sizes():
    assert len(ProjectionDPP(LEGENDRE).sample(random_state=0)) == 5
    for sampler in ALL:
        assert len(sampler(LEGENDRE).sample(random_state=0)) == 10


@pytest.mark.parametrize("sampler", [*ALL, ProjectionDPP])
@pytest.mark.parametrize(
    ("n_samples", "message"),
    [
        (4, "n_samples=4 is smaller than the dimension of the approximation space m=5"),
        ("0.8m", "smaller than the dimension"),
        (0.5, "there is no pool"),
        ("many", "no multiple of the dimension"),
        ([7], "must be an int"),
    ],
)
def test_bad_sizes(sampler, n_samples, message):
    with pytest.raises(ValueError, match=message):
        sampler(LEGENDRE).sample(n_samples)


def test_one_draw_has_one_size():
    with pytest.raises(ValueError, match="exactly m=5 points. Got n_samples=10: use RepeatedDPP"):
        ProjectionDPP(LEGENDRE).sample("2m")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ChristoffelSampler("legendre"), "'basis' parameter"),
        (lambda: ChristoffelSampler(LEGENDRE, mixing=1.5), "'mixing' parameter"),
        (lambda: VolumeRescaledSampler(LEGENDRE, reference="lebesgue"), "'reference' parameter"),
        (lambda: VolumeRescaledSampler(LEGENDRE, reference="mu", mixing=0.5), "mixing=0.5 is the share"),
        (lambda: VolumeRescaledSampler(LEGENDRE, repeated=2), "'repeated' parameter"),
        (lambda: ConditionedSampler(LEGENDRE), "'base' parameter"),
        (lambda: ConditionedSampler(RepeatedDPP(LEGENDRE), delta=1.0), "'delta' parameter"),
        (lambda: ConditionedSampler(RepeatedDPP(LEGENDRE), n_candidates=0), "'n_candidates' parameter"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_basis_must_know_its_dimensions():
    with pytest.raises(NotFittedError, match="Give n_dims, or call fit"):
        RepeatedDPP(PolynomialBasis(degree=2)).sample()


def test_designs_of_a_joined_law_are_those_of_the_samplers(rng):
    """Weights of joined designs keep the identity on average, though their points have different densities."""
    grams = []
    for _ in range(300):
        design = Design.join(RepeatedDPP(LEGENDRE).sample("m", rng), iid(LEGENDRE).sample("m", rng))
        grams.append((design.features.T @ design.features)[np.triu_indices(5)])
    z, allowed = largest_z(np.array(grams), np.eye(5)[np.triu_indices(5)])
    assert z < allowed
