"""The test of independence: its null distribution, p-values, level, power, and what it does not test."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from statlearn.certificate import Certificate
from statlearn.dependence import (
    DistanceCovariancePenalty,
    SlicedDistance,
    distance_correlation,
    distance_covariance_test,
)

from .oracles import PROBLEMS, Oracle, joint_dcov2, nominal, plain_value, tied

STATISTICS = ("ccdcov", "jdcov", "sum")
every_statistic = pytest.mark.parametrize("statistic", STATISTICS)


def gerrymandered(rng, n, noise=1.0):
    """Two fair coins, and a prediction that depends on whether they differ."""
    S = rng.integers(0, 2, size=(n, 2)).astype(float)
    return (S[:, 0] != S[:, 1]) + noise * rng.normal(size=n), S


# ---------------------------------------------------------------------------------------------------------- its numbers
@every_statistic
def test_pvalue_counts_the_null_distribution(rng, statistic):
    for n_permutations in (19, 99, 120):  # more than one task
        f, S = gerrymandered(rng, 40)
        result = distance_covariance_test(f, S, statistic=statistic, n_permutations=n_permutations, random_state=1)
        assert result.null_distribution.shape == (n_permutations,)
        larger = np.count_nonzero(result.null_distribution >= result.statistic)
        assert result.p_value == (1 + larger) / (n_permutations + 1)
        assert result.statistic == pytest.approx(DistanceCovariancePenalty(statistic).fit(S).excess(f), rel=1e-12)


def test_statistic_is_the_excess(rng):
    """The part of the joint measure that is free of f would be in every permutation."""
    f, blocks = rng.normal(size=25), PROBLEMS["mixed"](rng, 25)
    found = distance_covariance_test(f, blocks, statistic="jdcov", n_permutations=9, random_state=0)
    assert found.statistic == pytest.approx(Oracle("jdcov", blocks).excess(f), rel=1e-10)


@every_statistic
@pytest.mark.parametrize("ties", [True, False])
def test_null_distribution_is_that_of_all_permutations(rng, statistic, ties, seed):
    """Every draw is the value at some order of f against intact rows; all 120 orders are drawn equally often."""
    f = np.array([0.0, 1, 1, 3, 7]) if ties else np.array([0.0, 1.1, 2.9, 3.4, 7])
    blocks = [np.array([0.0, 1, 1, 0, 1]), np.array([0.3, 0.1, 0.9, 0.2, 0.4])]
    n_permutations = 6000
    result = distance_covariance_test(f, blocks, statistic=statistic, n_permutations=n_permutations, random_state=seed)
    constant = Oracle(statistic, blocks).constant
    every = [plain_value(statistic, f[list(order)], blocks) - constant for order in permutations(range(5))]
    values, counts = np.unique(np.round(every, 9), return_counts=True)
    drawn = np.round(result.null_distribution, 9)
    nearest = np.abs(drawn[:, None] - values).argmin(axis=1)
    np.testing.assert_allclose(drawn, values[nearest], rtol=0, atol=2e-9)
    observed, expected = np.bincount(nearest, minlength=values.size), n_permutations * counts / 120
    distance = ((observed - expected) ** 2 / expected).sum()
    assert chi2.sf(distance, values.size - 1) > 1e-6
    exact = np.mean(np.array(every) >= result.statistic - 1e-12)
    assert abs(result.p_value - exact) <= 5 * np.sqrt(exact * (1 - exact) / n_permutations) + 1 / n_permutations


def test_ties_of_the_statistic_count_as_larger():
    """A prediction of two values: many orders give the value itself, in sums that round otherwise."""
    s = np.tile([0.1, 0.7, 0.3, 0.9], 5)
    f = np.repeat([0.1, 0.3], 10)
    result = distance_covariance_test(f, [s], n_permutations=999, random_state=0)
    null = result.null_distribution
    equal = np.isclose(null, result.statistic, rtol=1e-9, atol=1e-15)
    assert equal.any()
    assert result.p_value == (1 + np.count_nonzero((null > result.statistic) | equal)) / 1000


@pytest.mark.parametrize("statistic", ["ccdcov", "dcov"])
def test_chi_square_formula(rng, statistic):
    n = 60
    S = rng.normal(size=(n, 2))
    f = S[:, 0] + 1.5 * rng.normal(size=n)
    given = S if statistic == "ccdcov" else [S]
    result = distance_covariance_test(f, given, statistic=statistic, method="chi2")
    expected = chi2.sf(n * distance_correlation(f, S) + 1, 1)
    assert 0 < expected < 1
    assert result.p_value == pytest.approx(expected, rel=1e-9)
    assert result.null_distribution is None
    assert result.statistic == pytest.approx(DistanceCovariancePenalty(statistic).fit(given).value(f), rel=1e-12)


def test_chi_square_of_a_negative_statistic(rng):
    """Far below 0 the p-value is 1, not an error."""
    f, S = np.array([0.0, 1, 1, 0, 0, 1, 1, 0]), np.array([0.0, 0, 1, 1, 0, 0, 1, 1])
    assert distance_correlation(f, S) < 0
    result = distance_covariance_test(f, [S], method="chi2")
    assert result.statistic < 0 and result.p_value == chi2.sf(max(0.0, 8 * distance_correlation(f, S) + 1), 1)


# ----------------------------------------------------------------------------------------------------------- its errors
def accepted_number(n_tests, rate, confidence=1e-6):
    """Between which numbers of rejections a rate is plausible."""
    return binom.ppf(confidence / 2, n_tests, rate), binom.isf(confidence / 2, n_tests, rate)


@pytest.mark.slow
@every_statistic
def test_level(rng, statistic):
    """p <= 0.1 in a tenth of independent samples: 99 permutations make the level exact."""
    n_tests, rejected = 500, 0
    for replicate in range(n_tests):
        S = [rng.integers(0, 2, 30).astype(float), nominal(rng, 30, 3)]
        result = distance_covariance_test(
            rng.normal(size=30), S, statistic=statistic, n_permutations=99, random_state=replicate
        )
        rejected += result.p_value <= 0.1
    low, high = accepted_number(n_tests, 0.1)
    assert low <= rejected <= high


@pytest.mark.slow
def test_level_of_chi_square(rng):
    """Conservative: rejects no more than its level."""
    n_tests = 500
    rejected = sum(
        distance_covariance_test(rng.normal(size=50), rng.random((50, 2)), method="chi2").p_value <= 0.05
        for _ in range(n_tests)
    )
    assert rejected <= accepted_number(n_tests, 0.05)[1]


def test_power_against_intersections(rng):
    """Concatenation and the joint measure see the exclusive or, the sum of the marginals does not."""
    n_tests, found = 20, dict.fromkeys(STATISTICS, 0)
    for replicate in range(n_tests):
        f, S = gerrymandered(rng, 100, noise=0.5)
        for statistic in STATISTICS:
            result = distance_covariance_test(f, S, statistic=statistic, n_permutations=99, random_state=replicate)
            found[statistic] += result.p_value <= 0.05
    assert found["ccdcov"] == found["jdcov"] == n_tests
    assert found["sum"] <= accepted_number(n_tests, 0.05)[1]


def test_power_of_chi_square(rng):
    s = rng.normal(size=300)
    assert distance_covariance_test(s**2 + 0.1 * rng.normal(size=300), [s], method="chi2").p_value < 1e-3


@pytest.mark.parametrize("statistic", ["ccdcov", "jdcov"])
def test_dependent_attributes_are_no_evidence_against_a_fair_prediction(rng, statistic):
    """Permuting every variable by itself would test mutual independence, and reject each of these predictions."""
    n, n_tests, rejected, rejected_mutual = 40, 30, 0, 0
    for replicate in range(n_tests):
        first = rng.integers(0, 2, n).astype(float)
        S = np.column_stack([first, np.where(rng.random(n) < 0.9, first, 1 - first)])
        f = rng.normal(size=n)
        result = distance_covariance_test(f, S, statistic=statistic, n_permutations=99, random_state=replicate)
        rejected += result.p_value <= 0.05
        observed = joint_dcov2([f, *S.T])
        null = [joint_dcov2([rng.permutation(column) for column in (f, *S.T)]) for _ in range(19)]
        rejected_mutual += observed > max(null)
    assert rejected <= accepted_number(n_tests, 0.05)[1]
    assert rejected_mutual >= 0.9 * n_tests


def test_rounding_is_no_evidence(rng):
    """Where every permutation gives 0 the p-value is 1: for a constant, and for one row off it (U-centering)."""
    n = 20
    for replicate in range(20):
        S, outlier = rng.normal(size=(n, 2)), np.zeros(n)
        outlier[replicate] = rng.normal()
        for f in (np.full(n, rng.normal()), outlier):
            for statistic in (*STATISTICS, DistanceCovariancePenalty(normalize="dcor")):
                result = distance_covariance_test(f, S, statistic=statistic, n_permutations=19, random_state=replicate)
                assert result.p_value == 1.0, statistic
            assert distance_covariance_test(f, S, method="chi2").p_value == chi2.sf(1, 1)


# ---------------------------------------------------------------------------------------------- seeds, threads, options
@every_statistic
def test_same_seed_same_result_whatever_the_threads(rng, statistic):
    f, S = gerrymandered(rng, 60)
    options = {"statistic": statistic, "n_permutations": 130}
    results = [distance_covariance_test(f, S, random_state=3, n_jobs=n_jobs, **options) for n_jobs in (None, 1, 2)]
    for result in results[1:]:
        assert result.p_value == results[0].p_value
        np.testing.assert_array_equal(result.null_distribution, results[0].null_distribution)
    other = distance_covariance_test(f, S, random_state=4, **options)
    assert not np.array_equal(other.null_distribution, results[0].null_distribution)


def test_more_permutations_continue_the_same_stream(rng):
    f, S = gerrymandered(rng, 30)
    few = distance_covariance_test(f, S, n_permutations=100, random_state=0).null_distribution
    many = distance_covariance_test(f, S, n_permutations=150, random_state=0).null_distribution
    np.testing.assert_array_equal(many[:100], few)


def test_global_seed_and_generators(rng):
    f, S = gerrymandered(rng, 30)

    def null(random_state):
        return distance_covariance_test(f, S, n_permutations=20, random_state=random_state).null_distribution

    np.testing.assert_array_equal(null(np.random.default_rng(5)), null(np.random.default_rng(5)))
    np.testing.assert_array_equal(null(np.random.RandomState(5)), null(np.random.RandomState(5)))


@pytest.mark.parametrize(
    "penalty",
    [
        DistanceCovariancePenalty("jdcov", c=0.3),
        DistanceCovariancePenalty("ccdcov", unbiased=False),
        DistanceCovariancePenalty("ccdcov", normalize="dcor"),
        DistanceCovariancePenalty("ccdcov", method="pairwise"),
        DistanceCovariancePenalty("ccdcov", method=SlicedDistance(20)),
    ],
    ids=repr,
)
def test_penalties_as_statistics(rng, penalty):
    """With all of their parameters, and without a trace in the penalty."""
    f, S = gerrymandered(rng, 50, noise=0.3)
    result = distance_covariance_test(f, S, statistic=penalty, n_permutations=99, random_state=0)
    assert not hasattr(penalty, "n_samples_")
    twin = DistanceCovariancePenalty(
        penalty.measure,
        c=penalty.c,
        unbiased=penalty.unbiased,
        normalize=penalty.normalize,
        method=penalty.method,
    ).fit(S)
    assert result.statistic == pytest.approx(twin.excess(f), rel=1e-12)
    assert result.p_value == 0.01


def test_engines_give_the_same_pvalue(rng):
    n = 80
    S, f = [rng.integers(0, 2, n).astype(float), rng.random(n)], tied(rng, n)
    results = [
        distance_covariance_test(
            f, S, statistic=DistanceCovariancePenalty(method=method), n_permutations=60, random_state=0
        )
        for method in ("levels", "mixed", "pairwise")
    ]
    for result in results:
        np.testing.assert_allclose(result.null_distribution, results[0].null_distribution, rtol=0, atol=1e-12)


def test_certificate_says_no_more_than_the_test(rng):
    f, S = gerrymandered(rng, 200, noise=0.2)
    rejected = distance_covariance_test(f, S, n_permutations=99, random_state=0)
    assert isinstance(rejected.certificate, Certificate)
    assert rejected.certificate.holds is False
    check = rejected.certificate["independence"]
    assert check.statistic == rejected.p_value == 0.01
    assert check.kind == "test"
    accepted = distance_covariance_test(np.arange(40) % 2.0, np.repeat([[0.0], [1]], 20, axis=0), random_state=0)
    assert accepted.certificate.holds is True
    assert "independent" not in accepted.certificate.claim and "no " in accepted.certificate.claim.lower()


# ------------------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "hsic"}, "'statistic' parameter"),
        ({"statistic": DistanceCovariancePenalty}, "'statistic' parameter"),
        ({"method": "t"}, "'method' parameter"),
        ({"n_permutations": 0}, "'n_permutations' parameter"),
        ({"n_permutations": 9.5}, "'n_permutations' parameter"),
        ({"random_state": "seed"}, "'random_state' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
        ({"statistic": "jdcov", "method": "chi2"}, "method='chi2' is for .* use method='permutation'"),
        ({"statistic": "sum", "method": "chi2"}, "method='chi2' is for .* use method='permutation'"),
        (
            {"statistic": DistanceCovariancePenalty(unbiased=False), "method": "chi2"},
            "method='chi2' is for .* use method='permutation'",
        ),
        ({"statistic": "dcov"}, "measure='dcov' takes one block"),
    ],
    ids=str,
)
def test_options_that_are_refused(rng, options, message):
    f, S = gerrymandered(rng, 20)
    with pytest.raises(ValueError, match=message):
        distance_covariance_test(f, S, **options)


def test_data_that_are_refused(rng):
    f, S = gerrymandered(rng, 20)
    with pytest.raises(ValueError, match="f must have .*20.*Got"):
        distance_covariance_test(f[:9], S)
    with pytest.raises(ValueError, match="f must have one column.*Got 2"):
        distance_covariance_test(np.column_stack([f, f]), S)
    with pytest.raises(ValueError, match="NaN"):
        distance_covariance_test(np.where(f > 0, np.nan, f), S)
    with pytest.raises(ValueError, match="needs at least 4 samples, got n_samples = 3"):
        distance_covariance_test(f[:3], S[:3] + np.arange(3)[:, None])
