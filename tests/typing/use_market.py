"""`statlearn.market` as a type checker sees it; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB

from statlearn.market import (
    AggressiveBetting,
    KernelMarketClassifier,
    LogisticMarketClassifier,
    MarketForestClassifier,
    MarketForestRegressor,
    MarketHistoryDisplay,
    PredictionMarketClassifier,
    PredictionMarketRegressor,
    market_price,
)


def accepted() -> None:
    X, y = np.ones((20, 2)), np.arange(20) % 2
    market = PredictionMarketClassifier(
        [("bayes", GaussianNB()), ("logistic", LogisticMarketClassifier())],
        betting=AggressiveBetting(epsilon=0.1),
        cv="prefit",
        early_stopping="auto",
        domains={"bayes": "all"},
    )
    assert_type(market.fit(X, y), PredictionMarketClassifier)
    assert_type(market.partial_fit(X, y, classes=[0, 1]), PredictionMarketClassifier)
    assert_type(market.predict(X), NDArray[Any])
    assert_type(market.predict_proba(X), NDArray[np.float64])
    assert_type(market.get_feature_names_out(), NDArray[np.object_])
    assert_type(MarketHistoryDisplay.from_estimator(market, kind="budgets"), MarketHistoryDisplay)

    forest = MarketForestClassifier(RandomForestClassifier(), calibrate="temperature").fit(X, y)
    assert_type(forest.explain(X), NDArray[np.float64])
    assert_type(KernelMarketClassifier(gamma="scale").fit(X, y).predict_log_proba(X), NDArray[np.float64])

    regressor = MarketForestRegressor(random_state=0).fit(X, y)
    assert_type(regressor.predict(X), NDArray[np.float64])
    mean, std = regressor.predict(X, return_std=True)
    assert_type(std, NDArray[np.float64])

    assert_type(market_price([[0.2, 0.8], [0.6, 0.4]], [1.0, 1.0]), NDArray[np.float64])
    price, _ = market_price([[0.2, 0.8], [0.6, 0.4]], [1.0, 1.0], betting="linear", return_volume=True)
    assert_type(price, NDArray[np.float64])


def mistakes() -> None:
    X, y = np.ones((20, 2)), np.arange(20) % 2
    PredictionMarketClassifier([GaussianNB(), "tree"])  # type: ignore[list-item]
    PredictionMarketClassifier([("tree", "DecisionTreeClassifier")])  # type: ignore[list-item]
    PredictionMarketRegressor([("bayes", GaussianNB())], update="daily")  # type: ignore[arg-type]
    MarketForestRegressor(calibrate="temperature")  # type: ignore[arg-type]
    MarketForestRegressor(n_epochs=2.5)  # type: ignore[arg-type]
    mean, std = MarketForestRegressor().fit(X, y).predict(X, return_std="yes")  # type: ignore[call-overload]
    market_price([[0.2, 0.8]], [1.0], solver="newton")  # type: ignore[call-overload]
