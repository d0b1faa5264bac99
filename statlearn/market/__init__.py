"""Artificial prediction markets: classifiers and leaves of forests that trade, and earn trust, for one probability."""

from ._betting import AggressiveBetting, BettingFunction, ConstantBetting, LinearBetting
from ._classifier import PredictionMarketClassifier
from ._displays import MarketHistoryDisplay
from ._forest_classifier import MarketForestClassifier
from ._forest_regressor import MarketForestRegressor
from ._functions import market_price, settle
from ._kernel_market import KernelMarketClassifier
from ._logistic import LogisticMarketClassifier
from ._pools import linear_opinion_pool, lmsr_cost, lmsr_price, logarithmic_opinion_pool
from ._regressor import PredictionMarketRegressor

__all__ = [
    "AggressiveBetting",
    "BettingFunction",
    "ConstantBetting",
    "KernelMarketClassifier",
    "LinearBetting",
    "LogisticMarketClassifier",
    "MarketForestClassifier",
    "MarketForestRegressor",
    "MarketHistoryDisplay",
    "PredictionMarketClassifier",
    "PredictionMarketRegressor",
    "linear_opinion_pool",
    "lmsr_cost",
    "lmsr_price",
    "logarithmic_opinion_pool",
    "market_price",
    "settle",
]
