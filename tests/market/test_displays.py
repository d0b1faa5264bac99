"""Pictures show what the estimators hold."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError

from statlearn.market import MarketForestClassifier, MarketForestRegressor, MarketHistoryDisplay

from .problems import market_of_tables, one_pass, row_numbers

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def market(rng):
    beliefs = rng.dirichlet(np.ones(3), size=(60, 4))
    return market_of_tables(beliefs, random_state=0).fit(row_numbers(60), rng.integers(3, size=60))


def test_budgets(market):
    display = MarketHistoryDisplay.from_estimator(market, linewidth=3)
    found = {line.get_label(): line for line in display.lines_}
    assert set(found) == {"p0", "p1", "p2", "p3"}
    for m, name in enumerate(market.participants_):
        np.testing.assert_array_equal(found[name].get_xdata(), market.history_["rounds"])
        np.testing.assert_allclose(found[name].get_ydata(), market.history_["budgets"][:, m], rtol=1e-9)
    assert display.lines_[0].get_ydata()[-1] == max(line.get_ydata()[-1] for line in display.lines_)
    assert display.lines_[0].get_linewidth() == 3


def test_losses(market):
    display = MarketHistoryDisplay.from_estimator(market, kind="loss")
    held_out, training = display.lines_
    np.testing.assert_array_equal(held_out.get_ydata(), market.validation_loss_)
    np.testing.assert_array_equal(training.get_ydata(), market.loss_curve_)
    assert held_out.get_xdata()[0] == 0


def test_calibration_beside_the_forest():
    X, y = make_classification(600, 6, random_state=0)
    market = MarketForestClassifier(random_state=0).fit(X[:300], y[:300])
    display = MarketHistoryDisplay.from_estimator(market, X[300:], y[300:], kind="calibration")
    assert [line.get_label() for line in display.lines_] == ["market", "forest"]
    assert display.lines_[0].get_ydata().mean() == pytest.approx(market.score(X[300:], y[300:]))
    top = market.estimator_.predict_proba(X[300:]).max(axis=1)
    assert display.lines_[1].get_xdata().mean() == pytest.approx(top.mean())


def test_trees_of_a_forest_and_given_axes():
    X, y = load_iris(return_X_y=True)
    market = MarketForestRegressor(random_state=0).fit(X, y)
    ax = plt.subplots()[1]
    display = MarketHistoryDisplay.from_estimator(market, ax=ax)
    assert display.ax_ is ax
    assert len(display.lines_) == 100
    assert len(ax.get_legend().get_texts()) == 10


def test_streams_have_a_history(rng):
    beliefs = rng.dirichlet(np.ones(3), size=(60, 4))
    market = market_of_tables(beliefs, **one_pass())
    for rows in np.array_split(np.arange(60), 6):
        market.partial_fit(row_numbers(60)[rows], rng.integers(3, size=10), classes=[0, 1, 2])
    display = MarketHistoryDisplay.from_estimator(market)
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), np.arange(0, 61, 10))


def test_bad_arguments(market):
    with pytest.raises(ValueError, match="kind must be one of"):
        MarketHistoryDisplay.from_estimator(market, kind="price")
    with pytest.raises(ValueError, match="needs rows X and labels y"):
        MarketHistoryDisplay.from_estimator(market, kind="calibration")
    with pytest.raises(NotFittedError):
        MarketHistoryDisplay.from_estimator(MarketForestClassifier())
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="needs a classifier"):
        MarketHistoryDisplay.from_estimator(MarketForestRegressor(random_state=0).fit(X, y), X, y, kind="calibration")
