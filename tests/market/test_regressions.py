"""Behavior that went wrong once."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

from statlearn.certificate import Certificate, Check
from statlearn.market import (
    BettingFunction,
    KernelMarketClassifier,
    LogisticMarketClassifier,
    MarketForestClassifier,
    MarketForestRegressor,
    MarketHistoryDisplay,
    PredictionMarketClassifier,
    PredictionMarketRegressor,
    linear_opinion_pool,
    market_price,
    settle,
)
from statlearn.ordinal import PrestoClassifier

from .problems import market_of_tables, one_pass, row_numbers


@pytest.fixture
def stream(rng):
    """Beliefs of two participants, of which the first is right, and the classes of 200 rows."""
    first, second = rng.uniform(0.05, 0.95, size=(2, 200))
    codes = (rng.random(200) < first).astype(int)
    return np.stack([np.column_stack([1 - p, p]) for p in (first, second)], axis=1), codes


@pytest.fixture
def table(rng):
    """Rows of six features, their classes, and a number for each."""
    X = rng.normal(size=(240, 6))
    y = X[:, 0] + 0.5 * rng.normal(size=240)
    return X, (y > 0).astype(int), y


def forest_classifier(**parameters):
    return RandomForestClassifier(5, random_state=0, **parameters)


# --- forests that are fitted already ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [5, 7])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_fitted_forest_refuses_rows_with_another_number_of_features(table, n_features, method):
    X, y, _ = table
    market = MarketForestClassifier(forest_classifier().fit(X, y), prefit=True, random_state=0)
    with pytest.raises(ValueError, match="features"):
        getattr(market, method)(np.column_stack([X, X])[:, :n_features], y)


def test_a_fitted_forest_of_numbers_refuses_rows_with_another_number_of_features(table):
    X, _, y = table
    market = MarketForestRegressor(RandomForestRegressor(5, random_state=0).fit(X, y), prefit=True, random_state=0)
    with pytest.raises(ValueError, match="features"):
        market.fit(np.column_stack([X, X]), y)


def test_a_fitted_forest_refuses_columns_in_another_order(table):
    pandas = pytest.importorskip("pandas")
    X, y, _ = table
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    market = MarketForestClassifier(forest_classifier().fit(frame, y), prefit=True, random_state=0)
    with pytest.raises(ValueError, match="feature names"):
        market.fit(frame[list("fedcba")], y)


def test_the_certificate_of_a_fitted_forest_assumes_that_it_had_not_seen_the_rows(table):
    X, y, _ = table
    market = MarketForestClassifier(forest_classifier().fit(X[:120], y[:120]), prefit=True, random_state=0)
    assumptions = " ".join(market.fit(X[120:], y[120:]).certificate_.assumptions)
    assert "had not seen" in assumptions


def test_a_stream_refuses_a_calibration_that_it_cannot_do(table):
    X, y, _ = table
    forest = forest_classifier().fit(X[:120], y[:120])
    with pytest.raises(ValueError, match="calibrate"):
        MarketForestClassifier(forest, prefit=True, calibrate="temperature").partial_fit(X[120:], y[120:])


# --- calibration ------------------------------------------------------------------------------------------------------


def test_a_temperature_is_refused_when_too_few_held_out_rows_are_left_for_early_stopping(table):
    X, y, _ = table
    forest = ExtraTreesClassifier(10, random_state=0)
    with pytest.raises(ValueError, match="calibrate"):
        MarketForestClassifier(forest, calibrate="temperature", random_state=0).fit(X, y)


def test_a_variance_is_refused_when_too_few_held_out_rows_are_left_for_early_stopping(table):
    X, _, y = table
    forest = ExtraTreesRegressor(10, random_state=0)
    with pytest.raises(ValueError, match="calibrate"):
        MarketForestRegressor(forest, calibrate="variance", random_state=0).fit(X, y)


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_tax_on_the_budgets_of_greatest_likelihood_does_not_pass_for_the_greatest(stream):
    beliefs, codes = stream
    with pytest.raises(ValueError, match="tax"):
        market_of_tables(beliefs, update="em", tax=0.5).fit(row_numbers(200), codes)


def test_the_likelihood_of_budgets_that_may_not_move_is_not_compared_with_that_of_all_budgets(stream):
    beliefs, codes = stream
    market = market_of_tables(beliefs, update="em", initial_budgets=[0.0, 1.0]).fit(row_numbers(200), codes)
    best = market_of_tables(beliefs, update="em").fit(row_numbers(200), codes)
    check = market.certificate_["missing log likelihood"]
    missing = market.loss_curve_[-1] - best.loss_curve_[-1]
    assert check.statistic >= missing - 1e-9 or "all budgets" not in check.detail


def test_the_bound_on_the_regret_holds_for_participants_that_come_back_from_the_smallest_budget():
    tiny = 1e-13
    ruin = [[tiny, 1 - tiny], [tiny, 1 - tiny], [1 - tiny, tiny]]
    up, down = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], [[0.6, 0.4], [0.6, 0.4], [0.8, 0.2]]
    beliefs = np.array([ruin, *[up, down] * 100])
    X, codes = row_numbers(len(beliefs)), np.zeros(len(beliefs), dtype=int)
    domains = {"p2": lambda X: (X[:, 0] == 0) | (X[:, 0] % 2 == 0)}
    codes[-1] = 1  # fit needs two classes
    market = market_of_tables(beliefs, learning_rate=1.0, domains=domains, **one_pass()).fit(X, codes)
    check = market.certificate_["regret of the first pass"]
    assert check.holds, f"{check.statistic} > {check.bound}"


# --- rows that say nothing --------------------------------------------------------------------------------------------


def test_rows_without_weight_are_not_held_out(stream):
    beliefs, codes = stream
    weights = np.repeat([1.0, 0.0], [150, 50])
    market = market_of_tables(beliefs, shuffle=False).fit(row_numbers(200), codes, sample_weight=weights)
    without = market_of_tables(beliefs, shuffle=False).fit(row_numbers(150), codes[:150])
    assert market.n_iter_ > 0
    assert_allclose(market.budgets_, without.budgets_, rtol=1e-9)


def test_held_out_rows_in_which_nobody_bets_do_not_stop_training_before_it_begins(stream):
    beliefs, codes = stream
    domains = dict.fromkeys(("p0", "p1"), lambda X: X[:, 0] < 150)
    market = market_of_tables(beliefs, shuffle=False, domains=domains).fit(row_numbers(200), codes)
    assert market.n_iter_ > 0


# --- numbers of all sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["online", "implicit", "batch", "em", "likelihood"])
def test_beliefs_below_the_smallest_normal_number_do_not_spoil_the_budgets(stream, update):
    beliefs, codes = stream
    beliefs[7] = np.array([[1.0, 1e-310], [1.0, 2e-310]])
    codes[7] = 1
    market = market_of_tables(beliefs, update=update, random_state=0).fit(row_numbers(200), codes)
    assert np.isfinite(market.budgets_).all()
    assert market.budgets_.sum() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("function", [market_price, linear_opinion_pool])
def test_budgets_with_an_infinite_sum_are_refused(function):
    with pytest.raises(ValueError, match="budgets|weights"), np.errstate(all="ignore"):
        function([[0.5, 0.5], [0.9, 0.1]], [1e308, 1e308])


def test_initial_budgets_with_an_infinite_sum_are_refused(stream):
    beliefs, codes = stream
    market = market_of_tables(beliefs, initial_budgets=[1e308, 1e308])
    with pytest.raises(ValueError, match="initial_budgets"), np.errstate(all="ignore"):
        market.fit(row_numbers(200), codes)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-6])
def test_aggressive_prices_keep_their_digits_if_epsilon_is_small(rng, epsilon):
    beliefs, options = np.array([[0.6, 0.4], [0.7, 0.3], [0.6, 0.4]]), {"betting": "aggressive", "epsilon": epsilon}
    for budgets in 10.0 ** rng.uniform([-9, -9, -1], [-7, -7, 0], size=(30, 3)):
        expected = market_price(beliefs, budgets, solver="bisection", **options)
        assert_allclose(market_price(beliefs, budgets, **options), expected, rtol=0, atol=1e-9)


# --- folds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [list, lambda rows: np.isin(np.arange(240), rows)])
def test_folds_may_be_lists_or_masks(table, form):
    X, y, _ = table
    halves = np.arange(120), np.arange(120, 240)
    markets = [
        PredictionMarketClassifier([("bayes", GaussianNB())], cv=cv).fit(X, y)
        for cv in ([halves], [tuple(form(half) for half in halves)])
    ]
    assert_allclose(markets[1].loss_curve_, markets[0].loss_curve_)


def test_no_folds_at_all_are_refused_by_name(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="cv"):
        PredictionMarketClassifier([("bayes", GaussianNB())], cv=iter([])).fit(X, y)


# --- arguments that were ignored --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefit", [False, True])
def test_a_market_of_a_forest_refuses_other_classes_than_its_own(table, prefit):
    X, y, _ = table
    market = MarketForestClassifier(forest_classifier().fit(X[:120], y[:120]), prefit=prefit, random_state=0)
    if not prefit:
        market.fit(X[:120], y[:120])
    with pytest.raises(ValueError, match="classes"):
        market.partial_fit(X[120:], y[120:], classes=[7, 8, 9])


@pytest.mark.parametrize(
    "market",
    [
        MarketForestRegressor(RandomForestRegressor(5, random_state=0), update="batch"),
        PredictionMarketRegressor([("line", LinearRegression())], update="batch"),
    ],
)
def test_a_stream_of_numbers_refuses_updates_without_an_order_in_its_first_call(table, market):
    X, _, y = table
    with pytest.raises(ValueError, match="partial_fit"):
        market.partial_fit(X, y)


def test_a_stream_of_a_forest_refuses_updates_without_an_order_in_its_first_call(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="partial_fit"):
        MarketForestClassifier(forest_classifier(), update="batch").partial_fit(X, y, classes=[0, 1])


def test_a_tax_that_is_set_between_chunks_is_collected_or_refused(stream):
    beliefs, codes = stream
    X = row_numbers(200)
    untaxed, taxed = (market_of_tables(beliefs).partial_fit(X[:100], codes[:100], classes=[0, 1]) for _ in range(2))
    untaxed.partial_fit(X[100:], codes[100:])
    try:
        taxed.set_params(tax=0.5).partial_fit(X[100:], codes[100:])
    except ValueError as error:
        assert "tax" in str(error)  # noqa: PT017
    else:
        assert not np.allclose(taxed.budgets_, untaxed.budgets_)


def test_a_reward_that_is_set_between_chunks_is_paid_or_refused(table):
    X, _, y = table
    market = MarketForestRegressor(RandomForestRegressor(5, random_state=0), random_state=0).fit(X[:120], y[:120])
    try:
        market.set_params(reward="gaussian").partial_fit(X[120:], y[120:])
    except ValueError as error:
        assert "reward" in str(error)  # noqa: PT017
    else:
        assert market.bandwidth_ is not None


@pytest.mark.parametrize(
    ("market", "later"),
    [
        (PredictionMarketClassifier([("bayes", GaussianNB())]), {"betting": "linear"}),
        (KernelMarketClassifier(), {"kernel": "laplacian"}),
    ],
)
def test_predictions_are_those_of_the_parameters_of_the_fit(table, market, later):
    X, y, _ = table
    before = market.fit(X, y).predict_proba(X)
    assert_allclose(market.set_params(**later).predict_proba(X), before)


def test_a_chunk_without_weight_changes_nothing(table):
    X, y, _ = table
    market = LogisticMarketClassifier(update="online", random_state=0).fit(X, y)
    before = market.budgets_
    assert_allclose(market.partial_fit(X[:3], y[:3], sample_weight=np.zeros(3)).budgets_, before)


# --- errors that name what is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [[5.0, 5.0], [0.9, 0.9]])
def test_a_price_that_does_not_sum_to_one_is_refused(price):
    with pytest.raises(ValueError, match="price"):
        settle([[0.5, 0.5], [0.9, 0.1]], [1.0, 1.0], price, 0)


class OverBetting(BettingFunction):
    """Stakes three budgets."""

    def bets(self, beliefs, price):
        return 3.0 * beliefs * (1.0 - price)


class NegativeBetting(BettingFunction):
    """Sells what is dear, which the rules do not allow."""

    def bets(self, beliefs, price):
        return beliefs - price


@pytest.mark.parametrize("betting", [OverBetting(), NegativeBetting()])
def test_bets_that_break_the_rules_are_refused(betting):
    with pytest.raises(ValueError, match="bets"):
        market_price([[0.5, 0.5], [0.9, 0.1]], [1.0, 1.0], betting=betting)


def test_a_stream_of_one_class_is_refused(table):
    X, _, _ = table
    market = PredictionMarketClassifier([("bayes", GaussianNB())], refit_participants=True)
    with pytest.raises(ValueError, match="class"):
        market.partial_fit(X[:5], np.zeros(5, dtype=int), classes=[0])


class UnweightedBayes(GaussianNB):
    """Learns from streams without weights."""

    def partial_fit(self, X, y, classes=None):
        return super().partial_fit(X, y, classes)


def test_a_participant_that_cannot_learn_from_weighted_chunks_is_named(table):
    X, y, _ = table
    market = PredictionMarketClassifier([("bayes", UnweightedBayes())], refit_participants=True)
    with pytest.raises(TypeError, match="participant 'bayes'"):
        market.partial_fit(X, y, classes=[0, 1], sample_weight=np.ones(len(y)))


def test_pictures_of_markets_without_a_history_are_refused(table):
    pytest.importorskip("matplotlib")
    X, y, _ = table
    with pytest.raises(TypeError, match="KernelMarketClassifier"):
        MarketHistoryDisplay.from_estimator(KernelMarketClassifier().fit(X, y))


# --- frames and pictures ----------------------------------------------------------------------------------------------


def test_the_forest_of_a_market_knows_the_names_of_the_features(table):
    pandas = pytest.importorskip("pandas")
    X, y, _ = table
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    market = MarketForestClassifier(forest_classifier(), random_state=0).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert market.estimator_.predict(frame).shape == y.shape


def test_the_history_ends_with_the_budgets_of_the_market(stream):
    beliefs, codes = stream
    passes = {"n_epochs": 47, "early_stopping": False}  # more points than are kept
    market = market_of_tables(beliefs, tax=0.05, random_state=0, **passes).fit(row_numbers(200), codes)
    assert_allclose(market.history_["budgets"][-1], market.budgets_)


# --- what participants say of themselves, and what they are told ------------------------------------------------------


class VouchedClassifier(GaussianNB):
    """A classifier whose certificate does not hold."""

    def fit(self, X, y):
        self.certificate_ = Certificate("It is fitted.", [Check("gap", 1.0, 0.0, False, "proof")])
        return super().fit(X, y)


class VouchedRegressor(LinearRegression):
    """A regressor whose certificate holds."""

    def fit(self, X, y):
        self.certificate_ = Certificate("It is fitted.", [Check("gap", 0.0, 0.0, True, "proof")])
        return super().fit(X, y)


NAME = "certificates of the participants"


def test_certificates_of_classifiers_are_reported(table):
    """A participant whose certificate fails left no trace in that of the market."""
    X, y, _ = table
    members = [("o", VouchedClassifier()), ("holds", LogisticMarketClassifier()), ("plain", GaussianNB())]
    market = PredictionMarketClassifier(members, update="em", random_state=0).fit(X, y)
    detail = "1 of 2 does not hold: 'o' (failed: gap); 1 more has none"
    assert market.certificate_[NAME] == Check(NAME, 1, 0, None, "reported", detail)
    assert market.certificate_.holds  # it has no vote
    market.set_params(update="online").partial_fit(X[:50], y[:50])
    assert market.certificate_[NAME].detail == detail
    plain = PredictionMarketClassifier(members[2:], update="em", random_state=0).fit(X, y)
    assert NAME not in [check.name for check in plain.certificate_.checks]


def test_certificates_of_regressors_are_reported(table):
    X, _, y = table
    market = PredictionMarketRegressor([("line", VouchedRegressor())], random_state=0).fit(X, y)
    assert market.certificate_[NAME] == Check(NAME, 0, 0, None, "reported", "1 of 1 holds")
    assert market.partial_fit(X[:50], y[:50]).certificate_[NAME].detail == "1 of 1 holds"


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ClassOrderWarning")
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_participants_see_the_order_of_categories(rng, kind):
    """A market turned ordered categories into objects, of which no participant knows the order."""
    frames = pytest.importorskip(kind)
    X, names = rng.normal(size=(300, 3)), np.array(["low", "medium", "high"])
    codes = np.digitize(X[:, 0] + rng.logistic(size=300), [-0.8, 0.8])
    if kind == "pandas":
        categories = frames.Categorical.from_codes(codes, names, ordered=True)
        y = frames.Series(categories, index=rng.permutation(300))
    else:
        y = frames.Series(names[codes].tolist(), dtype=frames.Enum(names.tolist()))
    members = [("ordered", PrestoClassifier(0.02)), ("bayes", GaussianNB())]
    by_name, by_code = (
        PredictionMarketClassifier(members, update="em", random_state=0).fit(X, labels) for labels in (y, codes)
    )
    assert_array_equal(by_name.estimators_[0].classes_, names)
    assert_array_equal(by_name.classes_, np.sort(names))
    assert_allclose(by_name.budgets_, by_code.budgets_, rtol=1e-6)
    order = np.searchsorted(by_name.classes_, names)
    assert_allclose(by_name.predict_proba(X)[:, order], by_code.predict_proba(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ClassOrderWarning")
def test_a_specialist_learns_the_categories_of_its_domain_alone(rng):
    """Categories without a row of the domain would be refused by who takes their order seriously."""
    pandas = pytest.importorskip("pandas")
    X, names = rng.normal(size=(300, 3)), ["low", "medium", "high"]
    codes = np.digitize(X[:, 0], [-0.5, 0.5])
    y = pandas.Series(pandas.Categorical.from_codes(codes, names, ordered=True))
    members = [("upper", PrestoClassifier(0.02)), ("bayes", GaussianNB())]
    domains = {"upper": lambda X: X[:, 0] > -0.5}
    market = PredictionMarketClassifier(members, domains=domains, random_state=0).fit(X, y)
    assert market.estimators_[0].classes_.tolist() == ["medium", "high"]
