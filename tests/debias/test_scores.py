"""Score estimators: scipy's kernel density, sums term by term, known laws, and what all of them promise."""

import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gaussian_kde, norm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.utils import estimator_checks, get_tags

from statlearn.debias._density_kernels import evaluate
from statlearn.debias._mixture_density import Mixture, _expectations
from statlearn.debias._scores import (
    FunctionScore,
    GaussianMixtureScore,
    KDEScore,
    ScoreEstimator,
    SplineScore,
    as_score,
)
from statlearn.debias._spline_density import basis_values, fit_log_spline, spline_knots

hypothesis = pytest.importorskip("hypothesis")
strategies = hypothesis.strategies

METHODS = ("score_function", "score_derivative", "log_density")


def straight(u):
    """Score of the standard Gaussian."""
    return -u


def name_of(parameter):
    """A name that is the same in every process, which that of a function is not."""
    return type(parameter).__name__ if isinstance(parameter, FunctionScore) else repr(parameter)


SCORES = [
    KDEScore(),
    KDEScore("silverman", variance_preserving=False),
    KDEScore("isj"),
    KDEScore("cv"),
    KDEScore(0.5, algorithm="exact"),
    SplineScore(),
    GaussianMixtureScore(),
    GaussianMixtureScore(2),
    FunctionScore(straight),
]
every_score = pytest.mark.parametrize("score", SCORES, ids=name_of)


@pytest.fixture
def sample(rng):
    return np.where(rng.random(400) < 0.3, 2.0 + 1.2 * rng.normal(size=400), -1.0 + 0.5 * rng.normal(size=400))


def finite_differences(density, points, step=1e-5):
    return (density(points + step) - density(points - step)) / (2.0 * step)


# --- what all scores promise ------------------------------------------------------------------------------------------


@every_score
def test_the_score_is_the_derivative_of_the_log_density(score, sample):
    fitted = clone(score).fit(sample)
    points = np.linspace(sample.min() - 1.0, sample.max() + 1.0, 101) + 1e-3
    for density, derivative, tolerance in (
        ("log_density", "score_function", 1e-5),
        ("score_function", "score_derivative", 1e-4),
    ):
        expected = finite_differences(getattr(fitted, density), points)
        found = getattr(fitted, derivative)(points)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=tolerance * (1.0 + np.abs(expected).max()))


@every_score
def test_the_density_has_the_integral_one(score, sample):
    fitted = clone(score).fit(sample)
    low, high = fitted.support_ if isinstance(score, SplineScore) else (sample.min() - 12.0, sample.max() + 12.0)
    integral = quad(lambda u: np.exp(fitted.log_density(u)), low, high, limit=400)[0]
    assert integral == pytest.approx(1.0, abs=1e-3 if isinstance(score, SplineScore) else 1e-5)


@every_score
@pytest.mark.parametrize("method", METHODS)
def test_finite_anywhere_and_of_the_shape_that_was_given(score, sample, method):
    fitted = clone(score).fit(sample)
    values = getattr(fitted, method)(np.array([[-1e6, -50.0, 0.0], [0.1, 50.0, 1e6]]))
    assert values.shape == (2, 3)
    assert np.isfinite(values).all()
    number = getattr(fitted, method)(0.1)
    assert number.shape == ()
    assert float(number) == pytest.approx(values[1, 0], rel=1e-12)


@every_score
def test_order_of_the_sample_does_not_matter(score, sample, rng):
    points = np.linspace(-4.0, 6.0, 21)
    expected = clone(score).fit(sample).score_function(points)
    found = clone(score).fit(rng.permutation(sample)).score_function(points)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@every_score
def test_two_halves_of_a_value_are_the_value(score, sample):
    points = np.linspace(-4.0, 6.0, 21)
    expected = clone(score).fit(sample).score_function(points)
    found = clone(score).fit(np.tile(sample, 2), np.full(2 * sample.size, 0.5)).score_function(points)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@every_score
def test_equal_weights_and_zero_weights(score, sample):
    points = np.linspace(-4.0, 6.0, 21)
    expected = clone(score).fit(sample).score_function(points)
    padded = np.concatenate([sample, [1e3, -1e3]])
    weights = np.concatenate([np.ones(sample.size), [0.0, 0.0]])
    np.testing.assert_allclose(clone(score).fit(padded, weights).score_function(points), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("score", [s for s in SCORES if not isinstance(s, FunctionScore)], ids=name_of)
@hypothesis.given(
    scale=strategies.floats(1e-3, 1e3) | strategies.floats(-1e3, -1e-3), shift=strategies.floats(-10.0, 10.0)
)
@hypothesis.settings(max_examples=10)
def test_scores_follow_changes_of_unit(score, scale, shift):
    """If v = a u + b, the score of v is that of u over a."""
    generator = np.random.default_rng(5)
    sample = np.concatenate([generator.normal(size=150), 4.0 + generator.normal(size=81)])
    if isinstance(score, KDEScore):
        score = clone(score).set_params(bandwidth=0.4)
        moved = clone(score).set_params(bandwidth=0.4 * abs(scale))
    else:
        moved = clone(score)
    shift = shift * abs(scale)
    points = np.linspace(-3.0, 6.0, 13)
    expected = clone(score).fit(sample).score_function(points)
    found = moved.fit(scale * sample + shift).score_function(scale * points + shift) * scale
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)


@every_score
def test_clones_pickles_and_columns(score, sample):
    fitted = clone(score).fit(sample)
    again = clone(score).fit(sample[:, None])
    points = np.linspace(-2.0, 2.0, 5)
    np.testing.assert_array_equal(again.score_function(points), fitted.score_function(points))
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.score_function(points), fitted.score_function(points))


@every_score
def test_inputs_that_may_not_be_written_to(score, sample):
    sample.flags.writeable = False
    points = np.linspace(-2.0, 2.0, 5)
    points.flags.writeable = False
    assert np.isfinite(clone(score).fit(sample).score_function(points)).all()


# --- bad input --------------------------------------------------------------------------------------------------------


@every_score
@pytest.mark.parametrize(
    ("u", "sample_weight", "message"),
    [
        ([1.0, np.nan, 2.0], None, "u contains NaN"),
        ([1.0, np.inf, 2.0], None, "u contains infinity"),
        ([2.0, 2.0, 2.0], None, "at least two different values. All of its 3 values are 2.0"),
        ([0.0, 1e-170], None, "u spans 1e-170, whose square is out of range: choose another unit"),
        ([0.0, 1e170], None, "u spans 1e\\+170, whose square is out of range: choose another unit"),
        ([1.0, 2.0, 2.0], [0.0, 1.0, 1.0], "at least two different values. All of its 2 values are 2.0"),
        ([[1.0, 2.0], [3.0, 4.0]], None, "u must be a vector or a single column. Got 2 columns"),
        ([1.0, 2.0, 3.0], [1.0, -1.0, 3.0], "Negative values in data passed to `sample_weight`"),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "zero"),
        ([1.0, 2.0, 3.0], [1.0, 1.0], "inconsistent numbers of samples|sample_weight.shape"),
        (["a", "b"], None, "could not convert|dtype"),
        ([], None, "minimum of 1 is required"),
    ],
)
def test_bad_samples(score, u, sample_weight, message):
    estimator = clone(score)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=message):
        estimator.fit(u, sample_weight)
    assert vars(estimator) == before


@every_score
def test_dates_have_no_score(score, sample):
    days = np.datetime64("2024-01-01") + np.arange(40)
    with pytest.raises(TypeError, match="u must be numbers. Got dates"):
        clone(score).fit(days)
    fitted = clone(score).fit(sample)
    for method in METHODS:
        with pytest.raises(TypeError, match="u must be numbers. Got dates"):
            getattr(fitted, method)(days)


@every_score
def test_bad_points(score, sample):
    with pytest.raises(NotFittedError):
        clone(score).score_function([0.0])
    fitted = clone(score).fit(sample)
    for method in METHODS:
        with pytest.raises(ValueError, match="u must be finite"):
            getattr(fitted, method)([0.0, np.nan])


@every_score
def test_documented_methods_and_tags(score):
    for method in METHODS:
        assert getattr(type(score), method).__doc__ == getattr(ScoreEstimator, method).__doc__
    tags = get_tags(score).input_tags
    assert tags.one_d_array
    assert not tags.two_d_array


@every_score
@pytest.mark.parametrize(
    "check",
    [
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_param_validation",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_checks_of_scikit_learn_that_feed_no_table(score, check):
    getattr(estimator_checks, check)(type(score).__name__, clone(score))


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (KDEScore("botev"), "bandwidth"),
        (KDEScore(0.0), "bandwidth"),
        (KDEScore(grid_size=8), "grid_size"),
        (KDEScore(grid_size=2**20), "grid_size"),
        (KDEScore(algorithm="tree"), "algorithm"),
        (KDEScore(variance_preserving=3), "variance_preserving"),
        (SplineScore(1), "df"),
        (SplineScore(n_bins=2), "n_bins"),
        (GaussianMixtureScore(0), "n_components"),
        (FunctionScore("kde"), "function"),
        (FunctionScore(straight, derivative=1.0), "derivative"),
    ],
    ids=name_of,
)
def test_bad_parameters(score, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        score.fit([0.0, 1.0, 2.0])


def test_a_new_score_needs_its_methods():
    class Empty(ScoreEstimator):
        _parameter_constraints: dict = {}

    with pytest.raises(NotImplementedError, match=r"Empty has no method _learn\(values, weights\)"):
        Empty().fit([0.0, 1.0])
    for method in METHODS:
        with pytest.raises(NotImplementedError, match=rf"Empty has no method {method}\(u\)"):
            getattr(Empty(), method)([0.0])


# --- kernel density estimates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["binned", "exact"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_finite_differences_of_scipy(rng, algorithm, weighted):
    sample, weights = rng.normal(size=800), rng.random(800) + 1.0 if weighted else None
    points = rng.normal(size=400)
    peer = gaussian_kde(sample, weights=weights)
    score = KDEScore(variance_preserving=False, algorithm=algorithm).fit(sample, weights)
    expected = finite_differences(peer.logpdf, points)
    np.testing.assert_allclose(score.score_function(points), expected, rtol=0.0, atol=1e-4)
    np.testing.assert_allclose(score.log_density(points), peer.logpdf(points), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("variance_preserving", [False, True])
def test_the_grid_agrees_with_the_sums(rng, variance_preserving):
    sample, points = rng.normal(size=20_000), rng.normal(size=20_000)
    binned = KDEScore(variance_preserving=variance_preserving).fit(sample)
    exact = KDEScore(variance_preserving=variance_preserving, algorithm="exact").fit(sample)
    points = points[:2000]
    for method, tolerance in (("log_density", 1e-6), ("score_function", 2e-5), ("score_derivative", 5e-4)):
        np.testing.assert_allclose(
            getattr(binned, method)(points), getattr(exact, method)(points), rtol=0.0, atol=tolerance
        )


def test_the_tails_are_sums_that_do_not_underflow(rng):
    sample = rng.normal(size=500)
    points = np.array([-1e4, -60.0, -8.0, 8.0, 60.0, 1e4])
    exact = KDEScore(0.2, variance_preserving=False, algorithm="exact").fit(sample)
    binned = KDEScore(0.2, variance_preserving=False).fit(sample)
    nearest = np.where(points < 0.0, sample.min(), sample.max())
    far = [0, 1, 4, 5]
    np.testing.assert_allclose(exact.score_function(points)[far], ((nearest - points) / 0.04)[far], rtol=1e-3)
    np.testing.assert_allclose(binned.score_function(points), exact.score_function(points), rtol=1e-5)
    np.testing.assert_allclose(binned.log_density(points), exact.log_density(points), rtol=1e-5)
    np.testing.assert_allclose(exact.score_derivative(points)[[0, 5]], -1.0 / 0.04, rtol=1e-12)


def test_sums_over_few_values_by_hand():
    centers, masses = np.array([-1.0, 0.0, 0.5, 40.0]), np.array([0.1, 0.4, 0.3, 0.2])
    points = np.array([-30.0, -1.0, 0.2, 19.0, 20.2, 39.0, 41.0])
    found = [np.empty(points.size) for _ in range(3)]
    for order in range(3):
        evaluate(points, order, 0.0, 1.0, np.empty((0, 3)), centers, masses, 0.7, found[order])
    logs = np.log(masses) + norm.logpdf(points[:, None], centers, 0.7)
    shares = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
    scores = (centers - points[:, None]) / 0.49
    mean = np.sum(shares * scores, axis=1)
    np.testing.assert_allclose(found[0], np.logaddexp.reduce(logs, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found[1], mean, rtol=1e-12)
    variance = np.sum(shares * (scores - mean[:, None]) ** 2, axis=1)
    np.testing.assert_allclose(found[2], variance - 1.0 / 0.49, rtol=1e-9, atol=1e-12)


def test_outliers_do_not_spoil_the_grid(rng):
    sample = np.concatenate([rng.normal(size=500), [1e3]])
    points = np.concatenate([np.linspace(-3.0, 3.0, 50), [300.0, 999.0, 1e3]])
    for bandwidth in (0.3, 1e-3):  # a grid of more points, and none that is fine enough
        binned = KDEScore(bandwidth, variance_preserving=False).fit(sample)
        exact = KDEScore(bandwidth, variance_preserving=False, algorithm="exact").fit(sample)
        np.testing.assert_allclose(binned.score_function(points), exact.score_function(points), rtol=1e-4, atol=1e-3)
        assert binned.grid_.size == {0.3: 2**15, 1e-3: 0}[bandwidth]


def test_the_variance_is_preserved(rng):
    sample = rng.gamma(2.0, size=300)
    for preserving, expected in ((True, sample.var(ddof=1)), (False, sample.var() + 0.6**2)):
        score = KDEScore(0.6, variance_preserving=preserving).fit(sample)
        points = np.linspace(-10.0, 40.0, 20_001)
        density = np.exp(score.log_density(points))
        mean = np.trapezoid(points * density, points)
        variance = np.trapezoid((points - mean) ** 2 * density, points)
        assert mean == pytest.approx(sample.mean(), abs=1e-5)
        assert variance == pytest.approx(expected, rel=5e-3)


def test_preserving_the_variance_is_exact_for_gaussians():
    """The failing case F1: the plain estimate attenuates the score by v / (v + h^2)."""
    sample = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    points = np.linspace(-1.5, 1.5, 31)
    slopes = {}
    for preserving in (True, False):
        score = KDEScore(0.5, variance_preserving=preserving).fit(sample)
        slopes[preserving] = np.polyfit(points, score.score_function(points), 1)[0]
    assert slopes[True] == pytest.approx(-1.0, abs=2e-3)
    assert slopes[False] == pytest.approx(-1.0 / 1.25, abs=2e-3)


def test_no_variance_can_be_preserved_by_wide_kernels(rng):
    with pytest.raises(
        ValueError, match=r"bandwidth=2 is not below the standard deviation .* variance_preserving=False"
    ):
        KDEScore(2.0).fit(rng.normal(size=100))
    KDEScore(2.0, variance_preserving=False).fit(rng.normal(size=100))


def test_kernels_that_are_points(rng):
    with pytest.raises(ValueError, match="bandwidth=1e-12 is too small for values that span"):
        KDEScore(1e-12).fit(rng.normal(size=100))


def test_the_table_of_a_grid_is_the_density_on_it(sample):
    score = KDEScore().fit(sample)
    known = np.isfinite(score.log_density_)
    known &= np.roll(known, 1) & np.roll(known, -1)  # cells at the edge of what is known are sums
    np.testing.assert_allclose(score.log_density(score.grid_[known]), score.log_density_[known], rtol=1e-6)
    assert score.masses_.sum() == pytest.approx(1.0, rel=1e-12)
    assert np.all(np.diff(score.centers_) > 0.0)


def test_stein_identities_of_the_density(sample):
    """Under the density itself the score has mean 0, and the mean of u s(u) is -1."""
    for score in SCORES[:5]:
        fitted = clone(score).fit(sample)
        points = np.linspace(-15.0, 20.0, 40_001)
        density, scores = np.exp(fitted.log_density(points)), fitted.score_function(points)
        assert np.trapezoid(scores * density, points) == pytest.approx(0.0, abs=1e-6)
        assert np.trapezoid(points * scores * density, points) == pytest.approx(-1.0, abs=1e-6)


# --- splines ----------------------------------------------------------------------------------------------------------


def test_the_basis_is_that_of_natural_cubic_splines():
    knots = np.array([0.0, 0.2, 0.5, 0.6, 1.0])
    z = np.linspace(-0.5, 1.5, 401)
    values = basis_values(z, knots)
    assert values.shape == (401, 4)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(401), values])) == 5
    outside = (z < 0.0) | (z > 1.0)
    np.testing.assert_array_equal(basis_values(z, knots, 2)[outside], 0.0)
    for order in (0, 1):
        rise = basis_values(z + 1e-6, knots, order) - basis_values(z - 1e-6, knots, order)
        np.testing.assert_allclose(rise / 2e-6, basis_values(z, knots, order + 1), atol=1e-4)
    third = np.diff(basis_values(np.array([0.21, 0.3, 0.39]), knots, 2), 2, axis=0)
    np.testing.assert_allclose(third, 0.0, atol=1e-12)  # second derivatives are linear between knots


def test_the_regression_matches_the_moments_of_its_basis(rng):
    """The likelihood equations of a Poisson regression: fitted and observed means of each function agree."""
    shares = rng.dirichlet(np.ones(60))
    z = (np.arange(60) + 0.5) / 60
    basis = basis_values(z, spline_knots(shares, 5))
    constant, coefficients, converged = fit_log_spline(shares, basis)
    assert converged
    masses = np.exp(constant + basis @ coefficients)
    assert masses.sum() == pytest.approx(1.0, abs=1e-10)
    np.testing.assert_allclose(masses @ basis, shares @ basis, rtol=1e-9)


def test_the_regression_is_that_of_statsmodels(sample):
    api = pytest.importorskip("statsmodels.api")
    score = SplineScore(df=4, n_bins=80).fit(sample)
    low, high = score.support_
    counts = np.histogram(sample, 80, (low, high))[0]
    middles = (np.arange(80) + 0.5) / 80
    basis = basis_values(middles, (score.knots_ - low) / (high - low))
    peer = api.GLM(counts, api.add_constant(basis), family=api.families.Poisson()).fit(tol=1e-13, maxiter=200)
    np.testing.assert_allclose(score.coefficients_, peer.params[1:], rtol=1e-6)


def test_splines_see_gaussians(rng):
    sample = 3.0 + 2.0 * rng.normal(size=50_000)
    points = np.linspace(0.0, 6.0, 7)
    found = SplineScore(df=4).fit(sample).score_function(points)
    np.testing.assert_allclose(found, (3.0 - points) / 4.0, atol=0.06)


def test_splines_are_straight_beyond_the_sample(sample):
    score = SplineScore().fit(sample)
    low, high = score.support_
    np.testing.assert_allclose(score.score_function([low - 5.0, low - 1.0]), score.score_function(low), rtol=1e-9)
    np.testing.assert_array_equal(score.score_derivative([low - 1.0, high + 1.0]), [0.0, 0.0])
    ahead = score.log_density(high) + 3.0 * score.score_function(high)
    assert score.log_density(high + 3.0) == pytest.approx(ahead, rel=1e-9)


def test_ties_leave_no_room_for_knots():
    with pytest.raises(ValueError, match=r"df=7 knots of the spline do not fit 3 occupied bins of 200.*smaller df"):
        SplineScore().fit(np.repeat([0.0, 1.0, 2.0], 50))


def test_a_regression_without_a_solution_warns(monkeypatch, sample):
    monkeypatch.setattr("statlearn.debias._spline_density.MAX_STEPS", 1)
    with pytest.warns(ConvergenceWarning, match=r"SplineScore\(df=7\) did not converge"):
        SplineScore().fit(sample)


# --- mixtures ---------------------------------------------------------------------------------------------------------


def test_one_component_is_the_gaussian_with_the_moments(sample, rng):
    weights = rng.random(sample.size)
    score = GaussianMixtureScore().fit(sample, weights)
    mean = np.average(sample, weights=weights)
    variance = np.average((sample - mean) ** 2, weights=weights)
    points = np.linspace(-30.0, 30.0, 7)
    np.testing.assert_allclose(score.score_function(points), (mean - points) / variance, rtol=1e-12)
    np.testing.assert_allclose(score.score_derivative(points), -1.0 / variance, rtol=1e-12)
    np.testing.assert_allclose(score.log_density(points), norm.logpdf(points, mean, np.sqrt(variance)), rtol=1e-12)


def test_mixtures_are_those_of_scikit_learn(rng):
    sample = np.concatenate([rng.normal(size=900), 5.0 + 0.5 * rng.normal(size=400)])
    score = GaussianMixtureScore(2).fit(sample)
    peer = GaussianMixture(2, tol=1e-9, max_iter=1000, reg_covar=0.0, random_state=0).fit(sample[:, None])
    order = np.argsort(peer.means_.ravel())
    np.testing.assert_allclose(score.means_, peer.means_.ravel()[order], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(score.variances_, peer.covariances_.ravel()[order], rtol=1e-3)
    np.testing.assert_allclose(score.weights_, peer.weights_[order], rtol=1e-3)
    points = np.linspace(-3.0, 7.0, 11)
    np.testing.assert_allclose(score.log_density(points), peer.score_samples(points[:, None]), atol=1e-2)


def test_weights_of_mixtures_are_repetitions(sample, rng):
    weights = rng.integers(1, 4, size=sample.size)
    found = GaussianMixtureScore(2).fit(sample, weights)
    expected = GaussianMixtureScore(2).fit(np.repeat(sample, weights))
    np.testing.assert_allclose(found.means_, expected.means_, rtol=1e-6)


def test_expectations_term_by_term(sample):
    weights = np.full(sample.size, 1.0 / sample.size)
    mixture = Mixture(np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.2, 1.5]))
    sums, likelihood = _expectations(sample, weights, *mixture)
    logs = mixture.log_terms(sample)
    total = np.logaddexp.reduce(logs, axis=1)
    parts = np.exp(logs - total[:, None]) * weights[:, None]
    deviations = sample[:, None] - mixture.means
    assert likelihood == pytest.approx(total.mean(), rel=1e-12)
    for power in range(3):
        np.testing.assert_allclose(sums[:, power], np.sum(parts * deviations**power, axis=0), rtol=1e-10, atol=1e-13)


def test_a_likelihood_that_still_rises_warns(monkeypatch, sample):
    monkeypatch.setattr("statlearn.debias._mixture_density.MAX_STEPS", 2)
    with pytest.warns(ConvergenceWarning, match=r"n_components=3\) still rises"):
        GaussianMixtureScore(3).fit(sample)


def test_a_component_on_one_value_keeps_some_variance():
    sample = np.concatenate([np.zeros(100), np.linspace(5.0, 9.0, 100)])
    score = GaussianMixtureScore(2).fit(sample)
    assert score.variances_.min() > 0.0
    assert np.isfinite(score.score_function(np.linspace(-1.0, 10.0, 50))).all()


# --- known scores -----------------------------------------------------------------------------------------------------


def test_a_known_score_is_used_as_it_is(rng):
    sample = rng.logistic(size=200)
    score = FunctionScore(lambda u: -np.tanh(u / 2.0), derivative=lambda u: -0.5 / np.cosh(u / 2.0) ** 2).fit(sample)
    points = np.linspace(-5.0, 5.0, 11)
    np.testing.assert_array_equal(score.score_function(points), -np.tanh(points / 2.0))
    np.testing.assert_array_equal(score.score_derivative(points), -0.5 / np.cosh(points / 2.0) ** 2)
    plain = FunctionScore(lambda u: -np.tanh(u / 2.0)).fit(sample)
    np.testing.assert_allclose(plain.score_derivative(points), score.score_derivative(points), atol=1e-8)


def test_the_density_of_a_known_score(rng):
    score = FunctionScore(straight).fit(rng.normal(size=500))
    points = np.linspace(-5.0, 5.0, 11)
    np.testing.assert_allclose(score.log_density(points), norm.logpdf(points), atol=1e-6)
    assert score.log_density(12.0) == pytest.approx(norm.logpdf(12.0), rel=1e-6)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda u: 0.0, r"function must return an array of shape \(2049,\)\. Got \(\)"),
        (lambda u: np.full(u.shape, np.nan), "function must return finite numbers. It did not at"),
    ],
)
def test_functions_that_are_no_scores(sample, function, message):
    with pytest.raises(ValueError, match=message):
        FunctionScore(function).fit(sample)


# --- short names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"), [("kde", KDEScore), ("spline", SplineScore), ("gmm", GaussianMixtureScore)]
)
def test_short_names(name, expected):
    assert type(as_score(name)) is expected


def test_functions_and_objects_become_scores():
    assert as_score(straight).function is straight
    own = KDEScore("cv")
    assert as_score(own) is own


def test_what_is_no_score():
    with pytest.raises(ValueError, match=r"score must be one of \['gmm', 'kde', 'spline'\].*Got 'parzen'"):
        as_score("parzen")
    with pytest.raises(TypeError, match="an object with fit and score_function such as KDEScore"):
        as_score(3)
