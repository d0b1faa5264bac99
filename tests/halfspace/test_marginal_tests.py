"""The tests of the marginal: level, power, blind spots, tolerance, invariances, small samples and bad input."""

import numpy as np
import pandas as pd
import pytest

from statlearn.halfspace._marginal_tests import NullSource, band_test, gaussianity_test, marginal_test

from . import marginals

N, D, WIDTH = 10_000, 10, 0.2
REPEATS = 20
AXIS = np.eye(D)[0]

SEEN_BY_MOMENTS = {
    "t10": marginals.student(10),
    "t30": marginals.student(30),
    "uniform cube": marginals.uniform_cube,
    "clusters": marginals.two_clusters(0.64),
    "hidden sign": marginals.hidden_sign,
}
SEEN_BY_BATTERY = {
    "t3": marginals.student(3),
    "t5": marginals.student(5),
    "hypercube": marginals.hypercube,
    "Laplace": marginals.laplace,
    "sphere": marginals.sphere,
    "scale mixture": marginals.scale_mixture,
    "gross band": marginals.gross_band,
}


def rejections(draw, rng, test, repeats=REPEATS):
    return sum(test(draw(rng, N, D)).passed is False for _ in range(repeats))


def whole(X):
    return marginal_test(X, AXIS, WIDTH)


def bands(X):
    return band_test(X, AXIS, WIDTH)


@pytest.mark.parametrize("draw", [marginals.gaussian, marginals.affine_gaussian])
def test_gaussian_samples_pass(draw, rng):
    """At level 5 % more than 4 of 20 rejections have probability 0.003."""
    assert rejections(draw, rng, whole) <= 4
    assert rejections(draw, rng, gaussianity_test) <= 4


@pytest.mark.parametrize("name", SEEN_BY_MOMENTS)
def test_moments_of_the_whole_sample_see(name, rng):
    assert rejections(SEEN_BY_MOMENTS[name], rng, gaussianity_test) == REPEATS


@pytest.mark.parametrize("name", SEEN_BY_BATTERY)
def test_the_battery_sees(name, rng):
    assert rejections(SEEN_BY_BATTERY[name], rng, whole) == REPEATS


def test_only_bands_see_a_thin_concentration(rng):
    assert rejections(marginals.pure_band, rng, bands) == REPEATS
    assert rejections(marginals.pure_band, rng, whole) == REPEATS
    assert rejections(marginals.pure_band, rng, gaussianity_test) < REPEATS / 2


def test_a_blind_spot(rng):
    """Two close clusters have nearly the kurtosis of a Gaussian: what the docs say is not seen is not seen."""
    assert rejections(marginals.two_clusters(0.2), rng, whole) < REPEATS / 2


def test_the_table_sees_the_same(rng):
    source = NullSource(method="table")
    for draw in {**SEEN_BY_MOMENTS, **SEEN_BY_BATTERY, "pure band": marginals.pure_band}.values():
        assert marginal_test(draw(rng, N, D), AXIS, WIDTH, source=source).passed is False


def test_the_level_is_exact_with_fresh_draws(rng):
    """Data and null draws are new in each of 300 tests; 19 draws make the level exactly 5 %."""
    n_tests, source = 300, NullSource(n_null=19, random_state=rng)
    p_values = [
        marginal_test(rng.normal(size=(120, 2)), rng.normal(size=2), 2.0, source=source).p_value for _ in range(n_tests)
    ]
    count = np.sum(np.array(p_values) <= 0.05)
    assert abs(count / n_tests - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / n_tests)


@pytest.mark.slow
def test_the_level_of_the_default(rng):
    """200 samples, 199 fresh draws for each: rejections within delta + 3 sd, and fewer with a tolerance."""
    source, p_values, tolerant_p_values = NullSource(random_state=rng), [], []
    for _ in range(200):
        X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3))
        result = marginal_test(X, rng.normal(size=3), 1.5, tolerance=0.01, source=source)
        p_values.append(result.p_value)
        tolerant_p_values.append(result.tolerant_p_value)
    exact, tolerant = (np.mean(np.array(values) <= 0.05) for values in (p_values, tolerant_p_values))
    assert tolerant <= exact <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert 0.35 < np.mean(p_values) < 0.65  # uniform, up to 4 sd


def test_tolerance_forgives_small_departures_and_no_large_ones(rng):
    """Student's law with 100 degrees of freedom has an excess kurtosis of 0.06 along every axis, a fifth of 0.1 * 3."""
    mild, strong = marginals.student(100)(rng, N, D), marginals.student(10)(rng, N, D)
    forgiven = gaussianity_test(mild, tolerance=0.1)
    assert forgiven.passed is True
    assert forgiven.p_value <= 0.05 < forgiven.tolerant_p_value
    assert forgiven.passed != gaussianity_test(mild).passed
    assert gaussianity_test(strong, tolerance=0.1).passed is False
    assert band_test(marginals.gross_band(rng, N, D), AXIS, WIDTH, tolerance=0.1).passed is False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "rejected"),
    [
        (marginals.gaussian, False),
        (marginals.student(30), False),
        (marginals.two_clusters(0.4), False),
        (marginals.student(15), True),
        (marginals.two_clusters(0.64), True),
    ],
)
def test_what_a_tolerance_of_a_tenth_means_for_many_rows(draw, rejected, rng):
    """With 200,000 rows the null laws are narrow: what counts is the departure itself, in units of the tolerance."""
    source = NullSource(n_null=19, n_jobs=2)
    result = marginal_test(draw(rng, 200_000, D), AXIS, WIDTH, tolerance=0.1, source=source)
    assert (result.passed is False) == rejected
    if draw is not marginals.gaussian:
        assert result.p_value <= 0.05  # without tolerance every one of these departures is found


def test_tolerance_never_rejects_more(rng):
    for _ in range(5):
        X = marginals.student(20)(rng, 1000, 3)
        p_values = [gaussianity_test(X, tolerance=tolerance).tolerant_p_value for tolerance in (0.0, 0.01, 0.1, 1.0)]
        assert p_values == sorted(p_values)
        assert p_values[0] == gaussianity_test(X).p_value


def numbers(result):
    return [
        [entry.value, entry.threshold, entry.p_value, entry.standardized, entry.tolerant_standardized]
        for entry in result.statistics
    ]


def test_invariances(rng):
    X, w = rng.laplace(size=(2000, 4)), rng.normal(size=4)
    result = marginal_test(X, w, 0.5, tolerance=0.1)
    A, b = rng.normal(size=(4, 4)), 100 * rng.normal(size=4)
    rotation = np.linalg.qr(A)[0]
    order = rng.permutation(len(X))
    same = [
        (X @ rotation, rotation.T @ w),
        (X @ A + b, np.linalg.solve(A, w)),
        (X[order], w),
        (X, -3 * w),
        (np.column_stack([X, X[:, 0], np.ones(len(X))]), [*w, 0, 0]),
        (pd.DataFrame(X), list(w)),
        (np.asfortranarray(X), w),
    ]
    for rows, normal in same:
        other = marginal_test(rows, normal, 0.5, tolerance=0.1)
        np.testing.assert_allclose(numbers(other), numbers(result), rtol=1e-7)
        assert (other.p_value, other.tolerant_p_value, other.passed) == (
            result.p_value,
            result.tolerant_p_value,
            result.passed,
        )


def test_the_mean_is_tested_where_it_is_known(rng):
    X = rng.normal(size=(2000, 3))
    assert gaussianity_test(X, center=False).passed is True
    assert gaussianity_test(X + [0.2, 0, 0]).passed is True
    result = gaussianity_test(X + [0.2, 0, 0], center=False)
    assert (result.passed, result.decided_by) == (False, "mean")
    for source in (NullSource(), NullSource(method="table")):
        assert marginal_test(X + [2.0, 0, 0], [1, 0, 0], 0.3, center=False, source=source).passed is False


def test_small_samples_are_not_passed(rng):
    few = gaussianity_test(rng.normal(size=(40, 2)))
    assert few.passed is None
    assert few.underpowered == ("the sample holds 40 rows, fewer than 50",)
    wide = gaussianity_test(rng.normal(size=(90, 20)))
    assert wide.passed is None
    assert wide.underpowered == ("the sample holds 90 rows, fewer than 100",)
    empty_band = band_test(rng.normal(size=(1000, 10)), AXIS, 0.2)
    assert empty_band.passed is None
    assert "|margin| <= width/6 holds" in empty_band.underpowered[0]
    # A departure that shows in spite of it is one.
    assert gaussianity_test(np.exp(3 * rng.normal(size=(40, 1)))).passed is False


def test_a_simplex_is_not_tested(rng):
    result = gaussianity_test(rng.normal(size=(5, 8)))
    assert result.passed is None
    assert np.isnan(result.p_value)
    assert result.rank == 4
    assert "simplex" in str(result)


def test_one_feature(rng):
    result = marginal_test(rng.normal(size=(500, 1)), [2.0], 1.0)
    assert result.passed is True
    assert len(result.statistics) == 8
    assert marginal_test(rng.exponential(size=(500, 1)), [2.0], 1.0).passed is False


def test_an_empty_band_is_a_departure(rng):
    for source in (NullSource(), NullSource(method="table")):
        result = marginal_test(marginals.hypercube(rng, 2000, 4), [1, 0, 0, 0], 0.5, source=source)
        assert result.passed is False
        missing = [entry for entry in result.statistics if entry.holds is None]
        assert len(missing) == 6
        assert all(np.isnan(entry.value) and np.isnan(entry.p_value) for entry in missing)


def test_certificate(rng):
    certificate = gaussianity_test(rng.normal(size=(600, 3)), tolerance=0.1).certificate
    assert certificate.holds is True
    assert certificate["Gaussian"].bound == 0.05
    assert certificate["Gaussian, exactly"].holds is None
    assert "tolerance of 0.1" in certificate.claim
    result = marginal_test(rng.exponential(size=(600, 3)), [1, 0, 0], 1.0)
    assert result.certificate.holds is False
    assert result.certificate[result.decided_by].holds is False
    assert str(result) == str(result.certificate)
    assert [check.name for check in result.certificate.checks[1:]] == [entry.name for entry in result.statistics]
    undecided = band_test(rng.normal(size=(300, 10)), AXIS, 0.3)
    assert undecided.certificate.holds is None
    assert undecided.certificate["enough rows (2)"].holds is None


def test_a_rejected_sample_names_what_is_beyond(rng):
    """The family rejects exactly where one of its statistics is beyond its threshold."""
    outcomes = set()
    for scale in np.linspace(0.0, 1.0, 15):
        X = rng.normal(size=(500, 3)) * np.exp(0.4 * scale * rng.normal(size=(500, 1)))
        result = marginal_test(X, [1, 0, 0], 1.0, tolerance=0.05)
        beyond = [entry.name for entry in result.statistics if entry.holds is False]
        assert bool(beyond) == (result.tolerant_p_value <= 0.05)
        assert result.decided_by in beyond or not beyond
        outcomes.add(bool(beyond))
    assert outcomes == {True, False}


def test_sources_of_the_null_law(rng):
    X = rng.normal(size=(1500, 3))
    assert "199 Gaussian samples" in gaussianity_test(X).null_law
    assert "table" in gaussianity_test(X, method="auto").null_law
    assert "Gaussian samples" in gaussianity_test(X[:400], method="auto").null_law
    with pytest.raises(ValueError, match="method='table' knows no samples of 400 rows in 3 dimensions"):
        gaussianity_test(X[:400], method="table")
    assert gaussianity_test(X, random_state=None).passed in (True, False)


def test_bad_input(rng):
    X = rng.normal(size=(100, 3))
    with pytest.raises(
        ValueError, match="n_null=18 draws never give a p-value as small as level=0.05. Use at least 19"
    ):
        gaussianity_test(X, n_null=18)
    with pytest.raises(ValueError, match="Use at least 999 draws"):
        gaussianity_test(X, level=0.001)
    with pytest.raises(ValueError, match="X must vary in at least one direction"):
        gaussianity_test(np.ones((100, 3)))
    with pytest.raises(ValueError, match=r"w must have shape \(3,\)"):
        band_test(X, [1, 0], 0.5)
    with pytest.raises(ValueError, match="w must be a direction in which the rows of X vary"):
        band_test(X, [0, 0, 0], 0.5)
    with pytest.raises(ValueError, match="w must be a direction in which the rows of X vary"):
        band_test(np.column_stack([X, np.full(100, 0.3)]), [0, 0, 0, 1], 0.5)
    with pytest.raises(ValueError, match="Input w contains NaN"):
        band_test(X, [0, np.nan, 0], 0.5)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        gaussianity_test(np.where(np.arange(3) == 1, np.inf, X))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        gaussianity_test(X[:1])
    for name, value in [("width", 0.0), ("tolerance", -0.1), ("level", 0.95), ("method", "exact"), ("center", 1)]:
        with pytest.raises(ValueError, match=f"The {name!r} parameter of band_test must be"):
            band_test(X, [1, 0, 0], **{"width": 0.5, name: value})
