"""What markets bring on real data, and where a simpler remedy brings more: tables of ``benchmarks/bench_market.py``.

Log losses have a floor of 1e-6 on probabilities; all figures are means over three splits. A forest has 50 trees.
"""

import numpy as np
import pytest

pytest.importorskip("pandas")
bench = pytest.importorskip("benchmarks.bench_market", reason="needs what the benchmarks compare with")

pytestmark = pytest.mark.slow


# --- forests of classification trees ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forests(shared_data):
    """Errors in % and log losses of every kind of market, one entry per data set."""
    absent = [name for name in bench.SETS if not bench.file_of(name).is_file()]
    if absent:
        pytest.skip(f"data sets are absent: {absent}")
    found = [bench.forest_figures(name) for name in bench.SETS]
    return {heading: bench.Figures(*np.transpose([of_set[heading] for of_set in found])) for heading in bench.FORESTS}


def test_leaf_budgets_lower_the_log_loss_of_forests(forests):
    ratios = forests["market"].loss / forests["forest"].loss
    assert (ratios < 1.0).all()
    assert ratios.min() < 0.75
    assert np.median(ratios) < 0.95


def test_a_temperature_alone_does_as_well_or_better(forests):
    """The negative result: most of the gain is sharpening, which one number can do."""
    ratios = forests["market"].loss / forests["temperature"].loss
    assert (ratios > 1.0).sum() >= 6
    assert ratios.max() > 1.5
    assert ratios.min() > 0.98


def test_budgets_help_a_temperature_on_some_sets_and_harm_it_on_others(forests):
    both = forests["market, temperature"].loss
    assert (both < forests["market"].loss).all()
    ratios = both / forests["temperature"].loss
    assert (ratios < 0.97).sum() >= 3
    assert (ratios > 1.1).sum() >= 2
    ratios = forests["nodes, temperature"].loss / forests["temperature"].loss
    assert (ratios < 0.98).sum() >= 6


def test_the_error_rate_is_a_wash(forests):
    differences = forests["market"].error - forests["forest"].error
    assert (differences < -0.1).sum() >= 2 and (differences > 0.1).sum() >= 2
    assert abs(differences.mean()) < 0.2
    np.testing.assert_array_equal(forests["temperature"].error, forests["forest"].error)


def test_nodes_have_a_lower_log_loss_than_leaves(forests):
    ratios = forests["nodes"].loss / forests["market"].loss
    assert (ratios < 1.001).all()
    assert (ratios < 0.99).sum() >= 5
    differences = forests["nodes"].error - forests["market"].error
    assert 0.0 < differences.mean() < 0.3  # and no fewer errors


def test_budgets_of_whole_trees_bring_next_to_nothing(forests):
    ratios = forests["trees"].loss / forests["forest"].loss
    assert (ratios > 0.94).all()
    assert np.count_nonzero(ratios == 1.0) >= 6


def test_twenty_passes_overfit(forests):
    differences = forests["20 passes"].error - forests["market"].error
    assert differences.mean() > 0.3
    assert (differences > 0.0).sum() >= 5
    assert (forests["20 passes"].loss > 1.02 * forests["market"].loss).sum() >= 4


# --- probabilities that are known ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distances():
    """Distances to the true probabilities, one entry per Bayes error."""
    found = [bench.gaussian_errors(bayes_error) for bayes_error in bench.BAYES_ERRORS]
    return {heading: np.array([told[heading] for told in found]) for heading in found[0]}


def test_fixed_passes_help_easy_problems_and_harm_hard_ones(distances):
    easy = np.array(bench.BAYES_ERRORS) < 0.2
    assert (distances["5 passes"][easy] < 0.95 * distances["forest"][easy]).all()
    hard = np.array(bench.BAYES_ERRORS) > 0.2
    assert (distances["5 passes"][hard] > 1.05 * distances["forest"][hard]).all()


def test_early_stopping_avoids_most_of_the_harm(distances):
    ratios = distances["market"] / distances["forest"]
    assert (ratios < 1.08).all()
    assert (ratios < 0.97).sum() >= 3


def test_a_temperature_is_nearer_to_the_truth(distances):
    assert (distances["temperature"] < distances["market"]).all()


# --- lists of classifiers --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=bench.TEAM_SETS)
def teams(request, shared_data):
    """Figures of four classifiers together, and the largest budgets of those that are too sure."""
    if not bench.file_of(request.param).is_file():
        pytest.skip(f"the data set {request.param} is absent")
    return bench.team_figures(request.param)


def test_classifiers_that_are_too_sure_lose_their_budgets(teams):
    told, largest_budgets = teams
    assert largest_budgets["market, em"] < 1e-6
    assert largest_budgets["market"] < 0.02  # after as little as one pass
    for market in largest_budgets:
        assert told[market].loss < 0.75 * told["soft voting"].loss
        assert told[market].error < told["soft voting"].error - 5.0


def test_a_temperature_does_not_save_soft_voting(teams):
    told, _ = teams
    assert told["soft voting with a temperature"].loss > 0.98 * told["soft voting"].loss


def test_stacking_is_better_unless_members_are_calibrated_first(teams):
    """A market cannot sharpen its best member; stacking does."""
    told, _ = teams
    stacking, market = told["stacking"].loss, told["market, em"].loss
    assert 1.01 * stacking < market < 1.3 * stacking
    assert told["market of members with temperatures"].loss < min(market, 1.07 * stacking)


def test_a_market_hardly_beats_its_best_member(teams):
    told, _ = teams
    assert told["market, em"].loss == pytest.approx(told["forest"].loss, rel=0.03)


# --- regression ------------------------------------------------------------------------------------------------------


def test_budgets_mend_a_weak_forest_and_no_good_one():
    errors = bench.regression_errors("friedman1")
    assert errors["market over weak"] < 0.9 * errors["weak"]
    assert errors["market over weak"] > errors["default"]  # which needs no market
    for kind in ("default", "tuned"):
        assert 0.95 < errors[f"market over {kind}"] / errors[kind] < 1.0


def test_budgets_harm_where_outcomes_are_noisy():
    errors = bench.regression_errors("diabetes")
    for kind in ("weak", "default", "tuned"):
        assert 1.0 < errors[f"market over {kind}"] / errors[kind] < 1.1


def test_regressors_are_selected_rather_than_combined():
    """All goes to the best member, unless two are about as good: then a market is as good as stacking."""
    told = bench.regressor_team_errors("friedman1")
    assert told["market, em"] < min(0.9 * told["voting"], told["forest"])
    assert told["market, em"] > 1.03 * told["stacking"]
    told = bench.regressor_team_errors("diabetes")
    assert told["market, em"] < min(0.95 * told["voting"], 1.02 * told["stacking"])
