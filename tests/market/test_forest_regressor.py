"""The regression market of a forest's leaves: the forest at equal budgets, densities, quadrature, what it refuses."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor

from statlearn.market import MarketForestRegressor

from .problems import one_pass

FORESTS = [
    RandomForestRegressor(20, random_state=0),
    RandomForestRegressor(20, min_samples_leaf=5, max_features=0.4, random_state=0),
    RandomForestRegressor(20, criterion="absolute_error", max_depth=5, random_state=0),
    ExtraTreesRegressor(20, random_state=0),
    BaggingRegressor(DecisionTreeRegressor(), 20, max_features=0.6, random_state=0),
]
every_forest = pytest.mark.parametrize("forest", FORESTS, ids=lambda forest: type(forest).__name__)
every_kind = pytest.mark.parametrize("kind", ["leaf", "tree", "node"])


@pytest.fixture
def rows():
    return make_friedman1(400, random_state=0)


def weak_forest(**parameters):
    return RandomForestRegressor(**{"n_estimators": 30, "min_samples_leaf": 5, "random_state": 0, **parameters})


@every_forest
@pytest.mark.parametrize("kind", ["leaf", "tree"])
def test_equal_budgets_are_the_forest(rows, forest, kind):
    X, y = rows
    market = MarketForestRegressor(forest, participants=kind, n_epochs=0, random_state=0).fit(X, y)
    np.testing.assert_allclose(market.predict(X), market.estimator_.predict(X), rtol=1e-12)
    assert market.certificate_.holds


def test_one_pass_by_hand():
    """Gaussian leaves of scikit-learn's own trees, row by row, on rows that each tree did not see."""
    X, y = make_friedman1(150, random_state=0)
    market = MarketForestRegressor(
        RandomForestRegressor(5, max_depth=4, random_state=0), learning_rate=0.3, variance_floor=0.7, **one_pass()
    ).fit(X, y)
    budgets, losses = {}, []
    for i in range(150):
        bets = []
        for t, tree in enumerate(market.estimator_.estimators_):
            if i in market.estimator_.estimators_samples_[t]:
                continue
            leaf = tree.apply(X[i : i + 1].astype(np.float32))[0]
            density = norm.pdf(y[i], tree.tree_.value[leaf, 0, 0], np.sqrt(tree.tree_.impurity[leaf] + 0.7))
            bets.append(((t, leaf), budgets.setdefault((t, leaf), 1.0), density))
        if not bets:
            continue
        price = sum(b * h for _, b, h in bets) / sum(b for _, b, _ in bets)
        losses.append(-np.log(price))
        for owner, b, h in bets:
            budgets[owner] = b * (1 + 0.3 * (h / price - 1))
    for (t, leaf), budget in budgets.items():
        leaves = np.flatnonzero(market.estimator_.estimators_[t].tree_.children_left < 0)
        found = market.budgets_[market.tree_offsets_[t] + np.searchsorted(leaves, leaf)]
        assert found == pytest.approx(budget, rel=1e-8)
    assert market.loss_curve_[0] == pytest.approx(np.mean(losses), rel=1e-10)


@every_kind
@pytest.mark.parametrize("reward", ["delta", "gaussian"])
def test_budgets_are_kept(rows, kind, reward):
    X, y = rows
    settings = {"reward": reward, "early_stopping": False, "n_epochs": 3, "random_state": 0}
    market = MarketForestRegressor(weak_forest(), participants=kind, **settings).fit(X, y)
    assert market.budgets_.sum() == pytest.approx(market._ledger.initial.sum(), rel=1e-10)
    assert market.certificate_.holds
    assert (market.bandwidth_ is None) == (reward == "delta")
    assert np.ptp(market.budgets_ / market._ledger.initial) > 0.01


def test_a_narrow_kernel_is_the_value(rows):
    X, y = rows
    narrow = MarketForestRegressor(weak_forest(), reward="gaussian", bandwidth=1e-9, **one_pass()).fit(X, y)
    delta = MarketForestRegressor(weak_forest(), **one_pass()).fit(X, y)
    np.testing.assert_allclose(narrow.budgets_, delta.budgets_, rtol=1e-6)


@every_kind
def test_the_price_is_a_density(rows, kind):
    X, y = rows
    market = MarketForestRegressor(weak_forest(n_estimators=8), participants=kind, random_state=0).fit(X, y)
    grid = np.linspace(-20, 50, 4001)
    density = np.exp(market.log_density(np.tile(X[:1], (grid.size, 1)), grid))
    step = grid[1] - grid[0]
    assert density.sum() * step == pytest.approx(1.0, abs=1e-6)
    mean, std = market.predict(X[:1], return_std=True)
    assert (grid * density).sum() * step == pytest.approx(mean[0], abs=1e-5)
    assert ((grid - mean[0]) ** 2 * density).sum() * step == pytest.approx(std[0] ** 2, rel=1e-5)
    levels = np.array([0.1, 0.5, 0.9])
    quantiles = market.predict_quantiles(X[:1], levels)[0]
    cumulative = np.interp(quantiles, grid, np.cumsum(density) * step)
    np.testing.assert_allclose(cumulative, levels, atol=5e-3)
    np.testing.assert_allclose(market.explain(X).sum(axis=1), 1.0, rtol=1e-12)
    assert market.explain(X).shape == (400, 8)


def test_blocks_of_rows_change_nothing(rows, monkeypatch):
    X, y = rows
    market = MarketForestRegressor(weak_forest(), random_state=0).fit(X, y)
    whole = market.predict_quantiles(X), market.log_density(X, y), market.explain(X)
    monkeypatch.setattr("statlearn.market._forest_regressor.ROWS_AT_ONCE", 17)
    for expected, found in zip(
        whole, (market.predict_quantiles(X), market.log_density(X, y), market.explain(X)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_variances_match_the_errors_of_single_leaves(rows):
    X, y = rows
    market = MarketForestRegressor(weak_forest(), n_epochs=0).fit(X, y)
    errors, variances = [], []
    for tree, seen in zip(market.estimator_.estimators_, market.estimator_.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(400), seen)
        leaf = tree.apply(X[unseen].astype(np.float32))
        errors.append((y[unseen] - tree.tree_.value[leaf, 0, 0]) ** 2)
        variances.append(tree.tree_.impurity[leaf])
    expected = np.concatenate(errors).mean() - np.concatenate(variances).mean()
    assert market.variance_floor_ == pytest.approx(expected, rel=1e-9)


def test_calibrated_variances(rows):
    """Means stay, densities fit better."""
    X, y = make_friedman1(1200, random_state=1)
    settings = {"random_state": 0}
    plain = MarketForestRegressor(weak_forest(), **settings).fit(X[:800], y[:800])
    calibrated = MarketForestRegressor(weak_forest(), calibrate="variance", **settings).fit(X[:800], y[:800])
    np.testing.assert_array_equal(plain.predict(X), calibrated.predict(X))
    assert calibrated.price_floor_ < calibrated.variance_floor_ == plain.price_floor_
    scores = [market.log_density(X[800:], y[800:]).mean() for market in (plain, calibrated)]
    assert scores[1] > scores[0] + 0.1
    mean, std = calibrated.predict(X[:1], return_std=True)
    half = 0.5 * np.ptp(calibrated.predict_quantiles(X[:1], [0.16, 0.84])[0])
    assert half == pytest.approx(std[0], rel=0.3)
    with pytest.raises(ValueError, match="calibrate='variance' needs prices"):
        MarketForestRegressor(weak_forest(), calibrate="variance", early_stopping=False).fit(X, y)


def test_squared_error_over_a_weak_forest_falls():
    """By more than a tenth over a weak forest; over a better one by less."""
    X, y = make_friedman1(2000, random_state=3)
    gains = {}
    for name, forest in {
        "weak": RandomForestRegressor(50, max_features=1 / 3, min_samples_leaf=5, random_state=0),
        "default": RandomForestRegressor(50, random_state=0),
    }.items():
        market = MarketForestRegressor(forest, n_epochs=10, random_state=0).fit(X[:1000], y[:1000])
        errors = [np.mean((model.predict(X[1000:]) - y[1000:]) ** 2) for model in (market, market.estimator_)]
        gains[name] = 1 - errors[0] / errors[1]
    assert gains["weak"] > 0.1
    assert 0.0 < gains["default"] < gains["weak"]


def test_chunks_of_a_stream_are_one_pass_bit_for_bit(rows):
    X, y = rows
    market = MarketForestRegressor(weak_forest(), reward="gaussian", **one_pass()).fit(X[:100], y[:100])
    whole, parts = (MarketForestRegressor(weak_forest(), reward="gaussian", **one_pass()) for _ in range(2))
    whole.fit(X[:100], y[:100]).partial_fit(X[100:], y[100:])
    parts.partial_fit(X[:100], y[:100])
    np.testing.assert_array_equal(parts.budgets_, market.budgets_)
    for part in np.array_split(np.arange(100, 400), 7):
        parts.partial_fit(X[part], y[part])
    np.testing.assert_array_equal(parts.budgets_, whole.budgets_)


def test_the_unit_of_y_is_irrelevant(rows):
    X, y = rows
    first = MarketForestRegressor(weak_forest(), reward="gaussian", random_state=0).fit(X, y)
    second = MarketForestRegressor(weak_forest(), reward="gaussian", random_state=0).fit(X, 1024.0 * y)
    np.testing.assert_allclose(second.predict(X), 1024.0 * first.predict(X), rtol=1e-10)
    assert second.variance_floor_ == pytest.approx(1024.0**2 * first.variance_floor_, rel=1e-10)
    assert second.bandwidth_ == pytest.approx(1024.0 * first.bandwidth_, rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 3.0, -1e6])
def test_a_constant_is_predicted(rows, value):
    X, _ = rows
    market = MarketForestRegressor(weak_forest(), reward="gaussian", random_state=0).fit(X, np.full(400, value))
    mean, std = market.predict(X[:5], return_std=True)
    np.testing.assert_allclose(mean, value, rtol=1e-12)
    assert (std > 0).all()
    assert np.isfinite(market.predict_quantiles(X[:5])).all()
    assert market.certificate_.holds


def test_bad_input(rows):
    X, y = rows
    with pytest.raises(ValueError, match="NaN|finite"):
        MarketForestRegressor(weak_forest()).fit(X, np.where(np.arange(400) == 3, np.nan, y))
    with pytest.raises(ValueError, match="one value per row|1d array"):
        MarketForestRegressor(weak_forest()).fit(X, np.column_stack([y, y]))
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations"):
        MarketForestRegressor(weak_forest()).fit(X, np.datetime64("2024-01-01") + np.arange(400))
    with pytest.raises(TypeError, match="each of which predicts y. Got GradientBoostingRegressor"):
        MarketForestRegressor(GradientBoostingRegressor()).fit(X, y)
    with pytest.raises(TypeError, match="HistGradientBoosting"):
        MarketForestRegressor(HistGradientBoostingRegressor()).fit(X, y)
    with pytest.raises(ValueError, match="bandwidth=0.5 is the width of reward='gaussian'"):
        MarketForestRegressor(weak_forest(), bandwidth=0.5).fit(X, y)
    with pytest.raises(ValueError, match="update='implicit' needs reward='delta'"):
        MarketForestRegressor(weak_forest(), reward="gaussian", update="implicit").fit(X, y)
    with pytest.raises(ValueError, match="quantiles must be between 0 and 1"):
        MarketForestRegressor(weak_forest()).fit(X, y).predict_quantiles(X, [0.5, 1.0])
    with pytest.raises(ValueError, match="holdout"):
        MarketForestRegressor(ExtraTreesRegressor(5), training_rows="oob").fit(X, y)


def test_grid_search():
    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(
        MarketForestRegressor(weak_forest(), random_state=0),
        {"learning_rate": [0.05, 0.3], "estimator__max_depth": [3, None], "reward": ["delta", "gaussian"]},
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.35
    assert search.best_estimator_.certificate_.holds
