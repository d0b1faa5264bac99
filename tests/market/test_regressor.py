"""The market of a list of regressors: averages, mixtures, densities, streams, domains, scikit-learn's manners."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.callback import ProgressBar
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import RandomForestRegressor, StackingRegressor, VotingRegressor
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from statlearn.exceptions import SleepingParticipantWarning
from statlearn.market._regressor import PredictionMarketRegressor

N, M = 80, 4
UPDATES = ["online", "implicit", "batch", "likelihood", "em"]
every_update = pytest.mark.parametrize("update", UPDATES)
every_reward = pytest.mark.parametrize("reward", ["delta", "gaussian"])


class TableRegressor(RegressorMixin, BaseEstimator):
    """A fitted regressor that reads its predictions off a table: X is one column of row numbers."""

    def __init__(self, table):
        self.table = table

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return np.asarray(self.table)[np.asarray(X)[:, 0].astype(int)]


def market_of_tables(means, **parameters):
    """A market of fitted participants with predictions of shape (n_samples, n_participants); its X is a column of row
    numbers."""
    participants = [(f"p{m}", TableRegressor(means[:, m])) for m in range(means.shape[1])]
    return PredictionMarketRegressor(participants, cv="prefit", **parameters)


def row_numbers(n):
    return np.arange(n, dtype=float)[:, None]


def one_pass(**parameters):
    return {"n_epochs": 1, "shuffle": False, "early_stopping": False, **parameters}


@pytest.fixture
def y(rng):
    return 3.0 + 2.0 * rng.normal(size=N)


@pytest.fixture
def means(rng, y):
    """Predictions with errors of different sizes."""
    return y[:, None] + rng.normal(size=(N, M)) * np.array([0.8, 1.0, 1.5, 3.0])


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def participants():
    return [
        ("ridge", Ridge(alpha=0.1)),
        ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
        ("neighbors", KNeighborsRegressor(10)),
    ]


def densities(market, means, y):
    """Density of each participant at the values."""
    return norm.pdf(y[:, None], means, np.sqrt(market.variances_))


# --- what prices and budgets are --------------------------------------------------------------------------------------


def test_without_passes_it_is_voting(diabetes):
    X, y = diabetes
    market = PredictionMarketRegressor(participants(), n_epochs=0).fit(X, y)
    np.testing.assert_allclose(market.predict(X), VotingRegressor(participants()).fit(X, y).predict(X), rtol=1e-14)
    weighted = PredictionMarketRegressor(participants(), n_epochs=0, initial_budgets=[1, 2, 3]).fit(X, y)
    voting = VotingRegressor(participants(), weights=[1, 2, 3]).fit(X, y)
    np.testing.assert_allclose(weighted.predict(X), voting.predict(X), rtol=1e-14)


def test_budgets_come_from_bets_on_left_out_rows(diabetes):
    """One pass by hand over cross-validated predictions; then fits to all rows."""
    X, y = diabetes
    market = PredictionMarketRegressor(participants(), cv=3, learning_rate=0.5, **one_pass()).fit(X, y)
    means = np.column_stack([cross_val_predict(known, X, y, cv=KFold(3)) for _, known in participants()])
    variances = np.mean((y[:, None] - means) ** 2, axis=0) + 1e-6 * y.var()
    np.testing.assert_allclose(market.variances_, variances, rtol=1e-12)
    budgets = np.full(3, 1 / 3)
    for h in norm.pdf(y[:, None], means, np.sqrt(variances)):
        budgets = budgets * (1.0 + 0.5 * (h / (h @ budgets) - 1.0))
    np.testing.assert_allclose(market.budgets_, budgets, rtol=1e-10)
    for name, known in participants():
        np.testing.assert_array_equal(market.named_estimators_[name].predict(X), known.fit(X, y).predict(X))
    prefit = PredictionMarketRegressor(list(market.named_estimators_.items()), cv="prefit").fit(X, y)
    assert any("folds" in assumption for assumption in market.certificate_.assumptions)
    assert not any("folds" in assumption for assumption in prefit.certificate_.assumptions)
    assert prefit.variances_[1] < 0.9 * market.variances_[1]


@every_reward
def test_prices_are_mixtures(means, y, reward):
    market = market_of_tables(means, reward=reward, random_state=0).fit(row_numbers(N), y)
    X, own, sd = row_numbers(N), market.budgets_, np.sqrt(market.variances_)
    mean, std = market.predict(X, return_std=True)
    np.testing.assert_allclose(mean, means @ own, rtol=1e-12)
    np.testing.assert_array_equal(mean, market.predict(X))
    np.testing.assert_allclose(std**2, (means**2 + sd**2) @ own - mean**2, rtol=1e-9)
    np.testing.assert_allclose(np.exp(market.log_density(X, y)), densities(market, means, y) @ own, rtol=1e-11)
    quantiles = market.predict_quantiles(X, (0.1, 0.5, 0.8))
    for column, level in enumerate((0.1, 0.5, 0.8)):
        z = (quantiles[:, [column]] - means) / sd
        np.testing.assert_allclose(norm.cdf(z) @ own, level, atol=1e-12)
    np.testing.assert_array_equal(market.predict_quantiles(X)[:, 1], quantiles[:, 1])
    assert market.budgets_.sum() == pytest.approx(1.0, rel=1e-12)
    assert market.certificate_.holds


def test_bayes_rule_at_the_full_rate(means, y):
    market = market_of_tables(means, learning_rate=1.0, **one_pass()).fit(row_numbers(N), y)
    logs = np.log(densities(market, means, y)).sum(axis=0)
    posterior = np.exp(logs - logs.max())
    np.testing.assert_allclose(market.budgets_, posterior / posterior.sum(), rtol=1e-8, atol=1e-11)
    evidence = logs.max() + np.log(posterior.mean())
    assert market.loss_curve_[0] * N == pytest.approx(-evidence, rel=1e-10)


@every_reward
def test_the_limit_is_the_mixture_of_greatest_likelihood(means, y, reward):
    """Of the values, or of all points around them, weighted by their shares of the reward."""
    cp = pytest.importorskip("cvxpy")
    em = market_of_tables(means, update="em", reward=reward, n_epochs=50).fit(row_numbers(N), y)
    nodes, shares = np.polynomial.hermite.hermgauss(5)
    points = y[:, None] + (np.sqrt(2.0) * em.bandwidth_ * nodes if reward == "gaussian" else np.zeros(1))
    shares = shares / shares.sum() if reward == "gaussian" else np.ones(1)
    own = norm.pdf(points[:, :, None], means[:, None], np.sqrt(em.variances_)).reshape(-1, M)
    w = np.tile(shares, N) / N
    b = cp.Variable(M, nonneg=True)
    best = cp.Problem(cp.Maximize(w @ cp.log(own @ b)), [cp.sum(b) == 1]).solve(solver=cp.CLARABEL)
    assert w @ np.log(own @ em.budgets_) == pytest.approx(best, abs=1e-7)
    np.testing.assert_allclose(em.budgets_, b.value, atol=1e-3)
    assert em.loss_curve_[1] == pytest.approx(-best, abs=1e-7)
    assert em.certificate_["missing log likelihood"].holds
    batch = market_of_tables(
        means, update="batch", reward=reward, learning_rate=1.0, n_epochs=3000, early_stopping=False
    )
    assert w @ np.log(own @ batch.fit(row_numbers(N), y).budgets_) == pytest.approx(best, abs=1e-6)


@every_update
def test_losses_are_those_of_the_price(means, y, update):
    market = market_of_tables(means, update=update, random_state=0, early_stopping=False).fit(row_numbers(N), y)
    before = -np.log(densities(market, means, y).mean(axis=1)).mean()
    after = -market.log_density(row_numbers(N), y).mean()
    assert after < before
    if update == "em":
        np.testing.assert_allclose(market.loss_curve_, [before, after], rtol=1e-12)
    if update in ("batch", "likelihood"):
        assert market.loss_curve_[0] == pytest.approx(before, rel=1e-12)
        assert np.diff(market.loss_curve_).max() <= 1e-11  # what the smallest budgets cost


def test_a_narrow_kernel_is_the_value(means, y):
    delta = market_of_tables(means, random_state=0).fit(row_numbers(N), y)
    narrow = market_of_tables(means, reward="gaussian", bandwidth=1e-6, random_state=0).fit(row_numbers(N), y)
    np.testing.assert_allclose(narrow.budgets_, delta.budgets_, rtol=1e-8)
    wide = market_of_tables(means, reward="gaussian", bandwidth=3.0, random_state=0).fit(row_numbers(N), y)
    assert wide.budgets_[3] > 2 * delta.budgets_[3]  # who is unsure gains
    assert (delta.bandwidth_, narrow.bandwidth_, wide.bandwidth_) == (None, 1e-6, 3.0)


def test_a_perfect_participant_takes_all(means, y):
    means[:, 2] = y
    market = market_of_tables(means, learning_rate=0.5, n_epochs=5, early_stopping=False).fit(row_numbers(N), y)
    assert market.variances_[2] == pytest.approx(1e-6 * y.var(), rel=1e-9)
    assert market.budgets_[2] > 1 - 1e-9
    np.testing.assert_allclose(market.predict(row_numbers(N)), y, rtol=1e-8)


@pytest.mark.parametrize("constant", [0.0, -7.3])
@every_reward
def test_a_constant_is_predicted(diabetes, constant, reward):
    X, _ = diabetes
    market = PredictionMarketRegressor(participants(), reward=reward).fit(X, np.full(len(X), constant))
    mean, std = market.predict(X, return_std=True)
    np.testing.assert_allclose(mean, constant, rtol=1e-12, atol=1e-12)
    unit = abs(constant) or 1.0
    np.testing.assert_allclose(std, 1e-3 * unit, rtol=1e-6)
    assert market.prior_std_ == pytest.approx(1e-3 * unit, rel=1e-12)
    assert market.bandwidth_ == (None if reward == "delta" else pytest.approx(0.1 * unit))
    np.testing.assert_allclose(market.budgets_, 1 / 3, rtol=1e-3)
    assert np.isfinite(market.predict_quantiles(X)).all()


def test_outliers_do_not_underflow(means, y):
    """A value a million standard deviations away is settled like any other."""
    market = market_of_tables(means, **one_pass()).fit(row_numbers(N), y)
    settled = market.partial_fit(row_numbers(1), [1e6])
    assert settled.n_unsettled_ == 0
    assert settled.budgets_[3] > 0.1
    assert np.isfinite(settled.log_density(row_numbers(1), [1e6])).all()


@every_update
def test_a_budget_of_zero_stays_zero(means, y, update):
    """Even if its owner is the only one that is right, by far."""
    means[:, 1] = y
    market = market_of_tables(100.0 + means, initial_budgets=[1, 0, 1, 1], update=update, random_state=0)
    market.fit(row_numbers(N), 100.0 + y)
    assert market.budgets_[1] == 0.0
    assert market.n_unsettled_ == 0
    without = market_of_tables(100.0 + means[:, [0, 2, 3]], initial_budgets=[1, 1, 1], update=update, random_state=0)
    without.fit(row_numbers(N), 100.0 + y)
    np.testing.assert_allclose(market.budgets_[[0, 2, 3]], without.budgets_, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(market.loss_curve_, without.loss_curve_, rtol=1e-12)


# --- invariances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "reward"),
    [*((update, "delta") for update in UPDATES), *((update, "gaussian") for update in UPDATES if update != "implicit")],
)
def test_invariances(means, y, rng, update, reward):
    settings = {"update": update, "reward": reward, "random_state": 0}
    X, start = row_numbers(N), np.array([1.0, 2.0, 3.0, 4.0])
    market = market_of_tables(means, initial_budgets=start, **settings).fit(X, y)
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if update == "em" else {"rtol": 1e-9, "atol": 1e-12}
    order = rng.permutation(M)
    permuted = market_of_tables(means[:, order], initial_budgets=start[order], **settings).fit(X, y)
    np.testing.assert_allclose(permuted.budgets_, market.budgets_[order], **tolerance)
    unit = 1e9
    moved = market_of_tables(unit * (means - 7.0), initial_budgets=start, **settings).fit(X, unit * (y - 7.0))
    np.testing.assert_allclose(moved.budgets_, market.budgets_, **tolerance)
    np.testing.assert_allclose(moved.predict(X), unit * (market.predict(X) - 7.0), rtol=1e-6)
    np.testing.assert_allclose(moved.loss_curve_, market.loss_curve_ + np.log(unit), rtol=1e-9)
    richer = market_of_tables(means, initial_budgets=5.0 * start, **settings).fit(X, y)
    np.testing.assert_allclose(richer.budgets_, 5.0 * market.budgets_, **tolerance)
    halves = np.r_[start[:3], 2.0, 2.0]
    split = market_of_tables(means[:, [0, 1, 2, 3, 3]], initial_budgets=halves, **settings).fit(X, y)
    np.testing.assert_allclose(split.budgets_[:3], market.budgets_[:3], **tolerance)
    assert split.budgets_[3:].sum() == pytest.approx(market.budgets_[3], rel=1e-6, abs=1e-7)
    np.testing.assert_allclose(split.predict(X), market.predict(X), rtol=1e-6)


@pytest.mark.parametrize("update", ["batch", "em", "likelihood"])
def test_weights_are_repetitions(means, y, rng, update):
    weights = rng.integers(0, 3, size=N)
    settings = {"update": update, "early_stopping": False, "reward": "gaussian"}
    weighted = market_of_tables(means, **settings).fit(row_numbers(N), y, sample_weight=weights)
    rows = np.repeat(np.arange(N), weights)
    repeated = market_of_tables(means, **settings).fit(row_numbers(N)[rows], y[rows])
    for name in ("variances_", "bandwidth_", "prior_mean_", "prior_std_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)
    np.testing.assert_allclose(weighted.budgets_, repeated.budgets_, rtol=1e-7, atol=1e-9)


def test_rows_without_weight_do_not_matter(means, y):
    weights, settings = np.r_[np.zeros(10), np.ones(N - 10)], {"update": "batch", "early_stopping": False}
    spoiled = np.r_[np.full(10, 1e9), y[10:]]
    market = market_of_tables(means, **settings).fit(row_numbers(N), spoiled, sample_weight=weights)
    fewer = market_of_tables(means, **settings).fit(row_numbers(N)[10:], y[10:])
    for name in ("budgets_", "variances_", "prior_mean_", "prior_std_", "loss_curve_"):
        np.testing.assert_allclose(getattr(market, name), getattr(fewer, name), rtol=1e-12)


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("update", "reward"), [("online", "delta"), ("online", "gaussian"), ("implicit", "delta")])
def test_a_stream_goes_on_where_fit_ended(means, y, update, reward):
    settings = {"update": update, "reward": reward, "learning_rate": 0.3}
    X = row_numbers(N)
    market = market_of_tables(means, **settings, **one_pass()).fit(X[:40], y[:40])
    variances = market.variances_.copy()
    for begin in range(40, N, 7):
        market.partial_fit(X[begin : begin + 7], y[begin : begin + 7])
    np.testing.assert_array_equal(market.variances_, variances)
    once = market_of_tables(means, **settings, **one_pass()).fit(X[:40], y[:40]).partial_fit(X[40:], y[40:])
    np.testing.assert_array_equal(market.budgets_, once.budgets_)
    first = market_of_tables(means, **settings, **one_pass()).partial_fit(X[:40], y[:40]).partial_fit(X[40:], y[40:])
    np.testing.assert_array_equal(first.budgets_, once.budgets_)
    assert market.budgets_.sum() == pytest.approx(1.0, rel=1e-12)
    assert market.history_["rounds"][-1] == N
    assert market.certificate_.holds
    if (update, reward) == ("online", "delta"):
        budgets = np.full(M, 1 / M)
        for h in densities(market, means, y):
            budgets = budgets * (1.0 + 0.3 * (h / (h @ budgets) - 1.0))
        np.testing.assert_allclose(market.budgets_, budgets, rtol=1e-10)


def test_streams_are_checked(means, y, monkeypatch):
    market = market_of_tables(means, update="batch").fit(row_numbers(N), y)
    with pytest.raises(ValueError, match="update='batch' does not.*update='online'"):
        market.partial_fit(row_numbers(N), y)
    market = market_of_tables(means).fit(row_numbers(N), y)
    before = market.budgets_.copy()
    with pytest.raises(ValueError, match="y must be finite"):
        market.partial_fit(row_numbers(2), [1.0, np.nan])
    np.testing.assert_array_equal(market.budgets_, before)
    monkeypatch.setattr("statlearn.market._market.stream_certificate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        market.partial_fit(row_numbers(N), y)
    monkeypatch.undo()
    np.testing.assert_array_equal(market.partial_fit(row_numbers(1), y[:1], [0.0]).budgets_, before)
    with pytest.raises(ValueError, match="2 features"):
        market.partial_fit(np.zeros((2, 2)), [1.0, 2.0])


# --- domains ----------------------------------------------------------------------------------------------------------


def test_specialists_bet_in_their_domain_only(diabetes):
    X, y = diabetes
    inside = X[:, 2] < 0.02
    market = PredictionMarketRegressor(participants(), domains={"tree": lambda X: X[:, 2] < 0.02}, random_state=0)
    market.fit(X, y)
    expected = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X[inside], y[inside]).predict(X[inside])
    predicted = market.transform(X)
    np.testing.assert_array_equal(predicted[inside, 1], expected)
    assert (predicted[~inside, 1] == market.prior_mean_).all()
    assert (market.explain(X)[~inside, 1] == 0.0).all()
    own = market.budgets_[[0, 2]]
    np.testing.assert_allclose(market.predict(X)[~inside], predicted[~inside][:, [0, 2]] @ own / own.sum(), rtol=1e-12)
    left_out = cross_val_predict(DecisionTreeRegressor(max_depth=3, random_state=0), X, y, cv=5)
    assert market.variances_[1] != pytest.approx(np.mean((y - left_out) ** 2), rel=1e-3)
    assert market.budgets_.sum() == pytest.approx(1.0, rel=1e-12)


def test_a_domain_may_be_a_column(diabetes):
    X, y = diabetes
    frame = pd.DataFrame(X, columns=list("abcdefghij")).assign(lean=X[:, 2] < 0.02)
    by_name = PredictionMarketRegressor(participants(), domains={"tree": "lean"}, random_state=0).fit(frame, y)
    by_mask = PredictionMarketRegressor(participants(), domains={"tree": lambda X: X["lean"]}, random_state=0)
    np.testing.assert_array_equal(by_name.budgets_, by_mask.fit(frame, y).budgets_)
    np.testing.assert_array_equal(by_name.predict(frame), by_mask.predict(frame))
    assert list(by_name.feature_names_in_) == [*"abcdefghij", "lean"]


def test_the_prior_where_everybody_sleeps(means, y):
    domains = {f"p{m}": lambda X: X[:, 0] >= 10 for m in range(M)}
    market = market_of_tables(means, domains=domains, **one_pass()).fit(row_numbers(N), y)
    X = row_numbers(12)
    mean, std = market.predict(X, return_std=True)
    prior = norm(y.mean(), np.sqrt(y.var() * (1.0 + 1e-6)))
    np.testing.assert_allclose(mean[:10], prior.mean(), rtol=1e-12)
    np.testing.assert_allclose(std[:10], prior.std(), rtol=1e-12)
    np.testing.assert_allclose(market.predict_quantiles(X)[:10], np.tile(prior.ppf([0.05, 0.5, 0.95]), (10, 1)))
    np.testing.assert_allclose(market.log_density(X, y[:12])[:10], prior.logpdf(y[:10]))
    np.testing.assert_array_equal(market.transform(X)[:10], np.full((10, M), market.prior_mean_))
    assert market.n_no_trade_ == 10
    shares = market.explain(X)
    assert (shares[:10] == 0).all()
    np.testing.assert_allclose(shares[10:].sum(axis=1), 1.0)


def test_who_is_never_awake_is_as_unsure_as_the_prior(means, y):
    market = market_of_tables(means, domains={"p1": lambda X: X[:, 0] > N}, random_state=0)
    with pytest.warns(SleepingParticipantWarning, match=r"\['p1'\]"):
        market.fit(row_numbers(N), y)
    assert market.variances_[1] == pytest.approx(y.var() * (1.0 + 1e-6), rel=1e-12)
    assert market.budgets_[1] == 0.25


# --- explanations and outputs -----------------------------------------------------------------------------------------


def test_explanations_are_shares_of_the_density_at_the_mean(means, y):
    market = market_of_tables(means, random_state=0).fit(row_numbers(N), y)
    h = market.budgets_ * densities(market, means, market.predict(row_numbers(N)))
    np.testing.assert_allclose(market.explain(row_numbers(N)), h / h.sum(axis=1, keepdims=True), rtol=1e-10)


def test_output_frames(diabetes):
    X, y = diabetes
    market = PredictionMarketRegressor(participants(), random_state=0).set_output(transform="pandas")
    frame = market.fit_transform(X, y)
    assert list(frame.columns) == ["ridge", "tree", "neighbors"]
    np.testing.assert_array_equal(frame["ridge"], Ridge(alpha=0.1).fit(X, y).predict(X))


def test_history_and_regret(means, y):
    market = market_of_tables(means, n_epochs=30, early_stopping=False, random_state=0).fit(row_numbers(N), y)
    history = market.history_
    assert history["budgets"].shape == (history["rounds"].size, M)
    np.testing.assert_allclose(history["budgets"].sum(axis=1), 1.0, rtol=1e-9)
    check = market.certificate_["regret of the first pass"]
    assert check.kind == "proof"
    assert check.holds
    regrets = np.log(densities(market, means, y)).sum(axis=0) + N * market.loss_curve_[0]
    assert check.statistic == pytest.approx(regrets.max(), rel=1e-9)
    assert check.bound == pytest.approx(np.log(M) / 0.1)
    spread = market_of_tables(means, reward="gaussian").fit(row_numbers(N), y).certificate_
    assert "regret of the first pass" not in [part.name for part in spread.checks]


def test_early_stopping_chooses_the_number_of_passes(means, y):
    market = market_of_tables(means, random_state=0).fit(row_numbers(N), y)
    assert market.n_iter_ == np.argmin(market.validation_loss_)
    assert market.loss_curve_.shape == (market.n_iter_,)
    assert market_of_tables(means[:40]).fit(row_numbers(40), y[:40]).validation_loss_ is None


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([1.0, np.nan, 2.0, 3.0]), r"y must be finite. Got nan in row 1. Leave those rows out"),
        (np.array([1.0, 0.0, -np.inf, 3.0]), r"y must be finite. Got -inf in row 2"),
        (np.array(["a", "b", "a", "b"]), r"y must be real numbers.*Classes are for classifiers"),
        (np.array(["a", "b", "a", "b"], dtype=object), r"y must be real numbers.*Classes are for classifiers"),
        (np.array([1j, 2.0, 3.0, 4.0]), r"y must be real numbers|Complex data not supported"),
        (np.ones((4, 2)), r"y must have one value per row. Got an array of shape \(4, 2\).*MultiOutputRegressor"),
        (np.ones(3), r"X and y must have the same length. Got 4 and 3"),
        (np.array([1e300, -1e300, 0.0, 1.0]), r"rescale y"),
        (np.array([1e-200, 2e-200, 0.0, 1e-200]), r"rescale y"),
    ],
    ids=lambda part: "" if isinstance(part, str) else str(np.ravel(part)[:2]),
)
def test_values_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        market_of_tables(np.ones((4, 1))).fit(row_numbers(4), values)


@pytest.mark.parametrize("values", [pd.date_range("2024-01-01", periods=4), np.array([1, 2, "NaT", 4], dtype="m8[D]")])
def test_dates_are_no_values(values):
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations, of type (datetime|timedelta)64"):
        market_of_tables(np.ones((4, 1))).fit(row_numbers(4), values)


def test_columns_are_flattened_with_a_warning(means, y):
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = market_of_tables(means, **one_pass()).fit(row_numbers(N), y[:, None])
    flat = market_of_tables(means, **one_pass()).fit(row_numbers(N), y)
    np.testing.assert_array_equal(column.budgets_, flat.budgets_)
    both = MultiOutputRegressor(market_of_tables(means)).fit(row_numbers(N), np.column_stack([y, y]))
    assert both.predict(row_numbers(3)).shape == (3, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_predictions_are_checked(means, y, value):
    means[5, 1] = value
    with pytest.raises(ValueError, match=f"what participant 'p1' predicts must be finite. Got {value} in row 5"):
        market_of_tables(means).fit(row_numbers(N), y)


def test_participants_are_checked(diabetes, means, y):
    X, target = diabetes
    with pytest.raises(ValueError, match="LogisticRegression should be a regressor"):
        PredictionMarketRegressor([("classes", LogisticRegression())]).fit(X, target)
    with pytest.raises(ValueError, match="Invalid 'estimators' attribute"):
        PredictionMarketRegressor([]).fit(X, target)
    with pytest.raises(NotFittedError, match="'ridge' is not fitted"):
        PredictionMarketRegressor(participants(), cv="prefit").fit(X, target)
    two = LinearRegression().fit(X, np.column_stack([target, target]))
    with pytest.raises(ValueError, match=r"participant 'two' must predict one value per row.*\(442, 2\)"):
        PredictionMarketRegressor([("two", two)], cv="prefit").fit(X, target)
    with pytest.raises(TypeError, match="'neighbors'.*does not take sample_weight"):
        PredictionMarketRegressor(participants()).fit(X, target, sample_weight=np.ones(len(X)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learning_rate": 1.5}, "learning_rate"),
        ({"bandwidth": 0.0, "reward": "gaussian"}, "bandwidth"),
        ({"variance_floor": 0.0}, "variance_floor"),
        ({"reward": "box"}, "reward"),
        ({"bandwidth": 1.0}, r"bandwidth=1.0 is the width of reward='gaussian'"),
        ({"update": "implicit", "reward": "gaussian"}, "update='implicit' needs reward='delta'"),
        ({"update": "em", "domains": {"p0": lambda X: X[:, 0] > 3}}, "always awake.*'likelihood'"),
        ({"update": "em", "early_stopping": True}, "early_stopping=True"),
        ({"initial_budgets": [1, -1, 1, 1]}, "initial_budgets"),
        ({"domains": {"p9": lambda X: X[:, 0] > 3}}, r"domains names \['p9'\]"),
    ],
    ids=lambda value: list(value)[0] if isinstance(value, dict) else "",
)
def test_parameters_are_checked(means, y, parameters, message):
    market = market_of_tables(means, **parameters)
    with pytest.raises(ValueError, match=message):
        market.fit(row_numbers(N), y)
    assert not [name for name in vars(market) if name.endswith("_")]


@pytest.mark.parametrize("levels", [[0.5, 1.0], [0.0], [-0.1], [], [np.nan]], ids=str)
def test_quantile_levels_are_checked(means, y, levels):
    market = market_of_tables(means, n_epochs=0).fit(row_numbers(N), y)
    with pytest.raises((ValueError, TypeError), match="quantiles"):
        market.predict_quantiles(row_numbers(2), levels)


def test_weights_are_checked(means, y):
    with pytest.raises(ValueError, match="[Nn]egative"):
        market_of_tables(means).fit(row_numbers(N), y, -np.ones(N))
    with pytest.raises(ValueError, match="zero"):
        market_of_tables(means).fit(row_numbers(N), y, np.zeros(N))


# --- in scikit-learn --------------------------------------------------------------------------------------------------


def test_grid_searches_and_pipelines(diabetes):
    X, y = diabetes
    market = PredictionMarketRegressor(participants(), random_state=0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), market),
        {
            "predictionmarketregressor__learning_rate": [0.05, 0.5],
            "predictionmarketregressor__tree__max_depth": [2, 4],
            "predictionmarketregressor__reward": ["delta", "gaussian"],
        },
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.4
    best = search.best_estimator_[-1]
    assert best.certificate_.holds
    assert best.named_estimators_["tree"].max_depth == search.best_params_["predictionmarketregressor__tree__max_depth"]


def test_other_targets(diabetes):
    X, y = diabetes
    market = PredictionMarketRegressor(participants(), random_state=0)
    logs = TransformedTargetRegressor(market, func=np.log, inverse_func=np.exp)
    assert logs.fit(X, y).score(X, y) > 0.3
    series = pd.Series(y.astype(int), index=np.arange(len(y))[::-1])
    budgets = clone(market).fit(X, series).budgets_
    np.testing.assert_array_equal(budgets, market.fit(X, y).budgets_)


def test_dropped_participants(diabetes):
    market = PredictionMarketRegressor(participants(), random_state=0).set_params(tree="drop").fit(*diabetes)
    assert market.participants_ == ["ridge", "neighbors"]
    assert market.variances_.shape == (2,)


def test_weights_reach_the_participants(diabetes, rng):
    X, y = diabetes
    weights = rng.random(len(y))
    market = PredictionMarketRegressor([("ridge", Ridge())], random_state=0).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(market.estimators_[0].coef_, Ridge().fit(X, y, weights).coef_)
    with sklearn.config_context(enable_metadata_routing=True):
        known = [("ridge", Ridge().set_fit_request(sample_weight=True)), ("neighbors", KNeighborsRegressor())]
        routed = PredictionMarketRegressor(known, random_state=0).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(routed.estimators_[0].coef_, market.estimators_[0].coef_)


def test_workers_progress_and_pickles(diabetes, capsys):
    X, y = diabetes
    one = PredictionMarketRegressor(participants(), random_state=0).fit(X, y)
    market = PredictionMarketRegressor(participants(), n_jobs=2, random_state=0)
    two = market.set_callbacks(ProgressBar()).fit(X, y)
    np.testing.assert_array_equal(one.budgets_, two.budgets_)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict(X), one.predict(X))


def mean_squared_error_of(model, X_test, y_test):
    return np.mean((model.predict(X_test) - y_test) ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["diabetes", "friedman1"])
def test_learned_budgets_beat_equal_ones(problem, diabetes):
    """Among four regressors of very different worth, over five splits: a smaller error and a better density than with
    equal budgets, at most 5% behind the best participant, which nobody has to know, and intervals that cover. Where
    errors cancel, stacking is better."""
    X, y = diabetes if problem == "diabetes" else make_friedman1(1000, noise=1.0, random_state=0)
    known = [
        ("ridge", Ridge(alpha=0.1)),
        ("neighbors", make_pipeline(StandardScaler(), KNeighborsRegressor(10))),
        ("forest", RandomForestRegressor(100, random_state=0)),
        ("tree", DecisionTreeRegressor(random_state=0)),
    ]
    errors, losses, covered = [], [], []
    for seed in range(5):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
        market = PredictionMarketRegressor(known, random_state=seed).fit(X_train, y_train)
        equal = PredictionMarketRegressor(known, n_epochs=0).fit(X_train, y_train)
        stacking = StackingRegressor(known).fit(X_train, y_train)
        models = [market, equal, stacking, *market.estimators_]
        errors.append([mean_squared_error_of(model, X_test, y_test) for model in models])
        losses.append([-model.log_density(X_test, y_test).mean() for model in (market, equal)])
        low, high = market.predict_quantiles(X_test, [0.05, 0.95]).T
        covered.append(np.mean((low <= y_test) & (y_test <= high)))
    market, equal, stacking, *alone = np.mean(errors, axis=0)
    assert market < 0.95 * equal
    assert market < 1.05 * min(alone)
    assert np.subtract(*np.mean(losses, axis=0)) < -0.04
    assert 0.87 <= np.mean(covered) <= 0.94
    assert problem == "diabetes" or stacking < market
