"""The family-wise p-value: exact level, no ties, tolerance and thresholds."""

import numpy as np
import pytest
from scipy.stats import norm

from statlearn.halfspace._combination import DrawnNull, MomentNull, critical_rank
from statlearn.halfspace._moments import Statistic

CATALOG = (
    Statistic("one-sided", 1.0),
    Statistic("two-sided", 2.0, two_sided=True),
    Statistic("skewed", 3.0, power=1 / 3),
)


def draws_of(rng, n):
    """Dependent statistics with laws far from normal."""
    common = rng.normal(size=n)
    return np.column_stack(
        [rng.exponential(size=n) + common, rng.standard_t(3, size=n) + common, rng.exponential(size=n)]
    )


def plain_judgement(draws, observed):
    """The same by loops: every row is standardized by the others."""
    rows = np.vstack([draws, observed])
    rows[:, 2] = np.cbrt(rows[:, 2])
    scores = np.empty_like(rows)
    for i in range(len(rows)):
        others = np.delete(rows, i, axis=0)
        scores[i] = (rows[i] - others.mean(axis=0)) / others.std(axis=0, ddof=1)
    scores[:, 1] = np.abs(scores[:, 1])
    largest = scores.max(axis=1)
    return scores[-1], (scores >= scores[-1]).mean(axis=0), (largest >= largest[-1]).mean()


def test_judgement_is_that_of_a_plain_loop(rng):
    draws = draws_of(rng, 40)
    for observed in draws_of(rng, 5):
        judgement = DrawnNull(draws).judge(observed, CATALOG, 0.05)
        standardized, p_values, p_value = plain_judgement(draws, observed)
        np.testing.assert_allclose(judgement.standardized, standardized, rtol=1e-10)
        np.testing.assert_allclose(judgement.p_values, p_values)
        assert judgement.p_value == pytest.approx(p_value)


def test_the_level_is_exact_whatever_the_law_of_the_statistics(rng):
    n_tests, n_null = 4000, 19
    p_values = [
        DrawnNull(draws_of(rng, n_null)).judge(draws_of(rng, 1)[0], CATALOG, 0.05).p_value for _ in range(n_tests)
    ]
    for level in (0.05, 0.1, 0.5):
        rate = np.mean(np.array(p_values) <= level + 1e-9)
        assert abs(rate - level) < 4 * np.sqrt(level * (1 - level) / n_tests)


def test_no_ties_where_ranks_of_ranks_tie(rng):
    """Ten statistics, 199 draws: the most extreme data have the smallest p-value there is.

    The smallest of ten rank p-values is 1 / 200 for the data, and as small for every draw that is the largest in one of
    the statistics: its rank is never below a few percent.
    """
    catalog = [Statistic(str(j), 1.0) for j in range(10)]
    draws = rng.normal(size=(199, 10))
    observed = np.where(np.arange(10) == 3, 8.0, 0.0)
    assert DrawnNull(draws).judge(observed, catalog, 0.05).p_value == 1 / 200
    rows = np.vstack([draws, observed])
    smallest_p_values = np.array([[(rows[:, j] >= row[j]).mean() for j in range(10)] for row in rows]).min(axis=1)
    assert (smallest_p_values <= smallest_p_values[-1]).mean() > 0.03


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_a_statistic_is_beyond_exactly_past_its_threshold(rng, column, tolerance):
    draws = draws_of(rng, 199)
    middle = np.median(draws, axis=0)

    def judge(value):
        observed = middle.copy()
        observed[column] = value
        return DrawnNull(draws).judge(observed, CATALOG, 0.05, tolerance)

    inside, outside = middle[column], middle[column] + 1e3
    for _ in range(60):
        between = 0.5 * (inside + outside)
        if judge(between).beyond[column]:
            outside = between
        else:
            inside = between
    assert judge(inside).thresholds[column] == pytest.approx(inside, rel=1e-6)
    assert judge(outside).p_value <= 0.05 < judge(inside).p_value


def test_tolerance_takes_a_multiple_of_the_scale_off(rng):
    draws = draws_of(rng, 199)
    null, middle = DrawnNull(draws), draws.mean(axis=0)
    observed = middle + [1.0, -2.0, 3.0]
    shifted = null.judge(observed, CATALOG, 0.05, 0.5)
    np.testing.assert_allclose(
        shifted.standardized, null.judge(middle + [0.5, -1.0, 1.5], CATALOG, 0.05).standardized, rtol=1e-10
    )
    assert shifted.p_value >= null.judge(observed, CATALOG, 0.05).p_value
    assert null.judge(middle + [-9.0, 0.5, -9.0], CATALOG, 0.05, 0.5).standardized[1] == pytest.approx(0, abs=1e-9)


def test_missing_statistics(rng):
    draws = draws_of(rng, 99)
    draws[::7, 0] = np.nan
    judgement = DrawnNull(draws).judge(np.array([np.nan, 50.0, 0.5]), CATALOG, 0.05)
    assert judgement.standardized[0] == -np.inf
    assert not judgement.beyond[0]
    assert judgement.p_value == 0.01


def test_a_statistic_that_never_varies(rng):
    draws = np.column_stack([np.ones(99), rng.normal(size=99), np.ones(99)])
    at_null = DrawnNull(draws).judge(np.array([1.0, 0.0, 1.0]), CATALOG, 0.05)
    assert at_null.p_value > 0.5
    assert DrawnNull(draws).judge(np.array([1.1, 0.0, 1.0]), CATALOG, 0.05).p_value == 0.01


def test_a_law_given_by_moments():
    catalog = [Statistic("a", 1.0), Statistic("b", 1.0, two_sided=True)]

    def survival(value):
        return 1 - norm.cdf(value) * (1 - 2 * norm.sf(value))

    null = MomentNull(np.array([1.0, 2.0]), np.array([0.5, 2.0]), survival, lambda level: 2.0)
    judgement = null.judge(np.array([1.5, -4.0]), catalog, 0.05)
    np.testing.assert_allclose(judgement.standardized, [1.0, 3.0])
    np.testing.assert_allclose(judgement.p_values, [norm.sf(1), 2 * norm.sf(3)])
    np.testing.assert_allclose(judgement.thresholds, [2.0, -2.0])
    assert judgement.beyond.tolist() == [False, True]
    assert judgement.p_value == pytest.approx(survival(3.0))


@pytest.mark.parametrize(("n_null", "level", "rank"), [(199, 0.05, 10), (19, 0.05, 1), (18, 0.05, 0), (99, 0.01, 1)])
def test_critical_rank(n_null, level, rank):
    assert critical_rank(n_null, level) == rank
