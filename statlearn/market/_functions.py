"""Prices and settlements of given bets, without an estimator."""

from numbers import Real
from typing import Any, Literal, overload

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_params
from .._typing import ArrayLike, FloatArray, FloatOrArray
from ._betting import BETTING_NAMES, BettingFunction, as_betting, bisection_price, mann_price
from ._checks import NORM_TOLERANCE, check_awake, check_beliefs, check_budgets
from ._rounds import Rounds

__all__ = ["market_price", "settle"]

BETTING = [StrOptions(set(BETTING_NAMES)), BettingFunction]
SOLVERS = {"bisection": bisection_price, "mann": mann_price}


@overload
def market_price(
    bets: ArrayLike,
    budgets: ArrayLike,
    awake: ArrayLike | None = None,
    betting: Literal["constant", "linear", "aggressive"] | BettingFunction = "constant",
    epsilon: float = 0.01,
    solver: Literal["auto", "bisection", "mann"] = "auto",
    return_volume: Literal[False] = False,
) -> FloatArray: ...


@overload
def market_price(
    bets: ArrayLike,
    budgets: ArrayLike,
    awake: ArrayLike | None = None,
    betting: Literal["constant", "linear", "aggressive"] | BettingFunction = "constant",
    epsilon: float = 0.01,
    solver: Literal["auto", "bisection", "mann"] = "auto",
    *,
    return_volume: Literal[True],
) -> tuple[FloatArray, FloatOrArray]: ...


@validate_params(
    {
        "bets": "no_validation",
        "budgets": ["array-like"],
        "awake": ["array-like", None],
        "betting": BETTING,
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "solver": [StrOptions({"auto", *SOLVERS})],
        "return_volume": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def market_price(
    bets: ArrayLike,
    budgets: ArrayLike,
    awake: ArrayLike | None = None,
    betting: Literal["constant", "linear", "aggressive"] | BettingFunction = "constant",
    epsilon: float = 0.01,
    solver: Literal["auto", "bisection", "mann"] = "auto",
    return_volume: bool = False,
) -> FloatArray | tuple[FloatArray, FloatOrArray]:
    r"""Equilibrium price of a prediction market: the probability of each class that the participants agree on.

    With beliefs :math:`h_m`, budgets :math:`\beta_m` and stakes
    :math:`F_k(c) = \sum_m \beta_m \phi^k(h_m, c)` of the participants that are awake, the price solves
    :math:`F_k(c) = n c_k`, :math:`\sum_k c_k = 1`. All contracts are then paid for, whatever the outcome.

    Parameters
    ----------
    bets : array-like of shape (n_participants, n_classes) or (n_samples, n_participants, n_classes)
        What each participant believes: class distributions. All zeros stand for a participant that knows none of the
        classes.
    budgets : array-like of shape (n_participants,)
        Non-negative budgets.
    awake : array-like of shape (n_participants,) or (n_samples, n_participants), bool, default=None
        Who takes part; None means everybody.
    betting : {"constant", "linear", "aggressive"} or BettingFunction, default="constant"
        What is staked, given beliefs and price: see `ConstantBetting`, `LinearBetting`, `AggressiveBetting`.
    epsilon : float, default=0.01
        The parameter of "aggressive".
    solver : {"auto", "bisection", "mann"}, default="auto"
        "auto" solves the functions above to rounding, and takes "bisection" for others that bet on each class by its
        own price. "mann" takes the averaged fixed-point steps of the paper, for reference: it is slow, and no rate of
        convergence is known.
    return_volume : bool, default=False
        Whether the volume n is returned, the sum of all stakes.

    Returns
    -------
    price : ndarray of shape (n_classes,) or (n_samples, n_classes)
        Sums to 1. NaN where nobody who is awake has anything to bet.
    volume : float or ndarray of shape (n_samples,)
        Only with ``return_volume``. 0 where nobody trades, and NaN where there is no equilibrium because beliefs do
        not sum to 1; the price is then in proportion to the best offers.

    Raises
    ------
    ValueError
        If beliefs are negative, missing or do not sum to 1, budgets are negative or all zero, or shapes differ.

    See Also
    --------
    settle : Budgets after the outcome.
    linear_opinion_pool : The price of constant bets.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    >>> from statlearn.market import market_price
    >>> bets = [[0.5, 0.5], [0.9, 0.1]]
    >>> market_price(bets, [1, 3])
    array([0.8, 0.2])
    >>> market_price(bets, [1, 3], betting="linear").round(4)
    array([0.6667, 0.3333])
    """
    beliefs = check_beliefs(bets)
    n_rounds, n_participants, _ = beliefs.shape
    budgets = check_budgets(budgets, n_participants)
    awake = check_awake(awake, n_rounds, n_participants)
    function = as_betting(betting, epsilon)
    if solver == "auto":
        prices, volumes = Rounds.of_classifiers(beliefs, awake).price(budgets, function)
    else:
        prices, volumes = np.empty((n_rounds, beliefs.shape[2])), np.empty(n_rounds)
        for i in range(n_rounds):
            prices[i], volumes[i] = SOLVERS[solver](function, beliefs[i, awake[i]], budgets[awake[i]])
    if np.ndim(bets) == 2:
        prices, volumes = prices[0], float(volumes[0])
    return (prices, volumes) if return_volume else prices


@validate_params(
    {
        "bets": "no_validation",
        "budgets": ["array-like"],
        "price": ["array-like"],
        "y": "no_validation",
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "awake": ["array-like", None],
        "betting": BETTING,
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def settle(
    bets: ArrayLike,
    budgets: ArrayLike,
    price: ArrayLike,
    y: int | np.integer[Any],
    learning_rate: float = 1.0,
    awake: ArrayLike | None = None,
    betting: Literal["constant", "linear", "aggressive"] | BettingFunction = "constant",
    epsilon: float = 0.01,
) -> FloatArray:
    r"""Budgets after the true class is known.

    Participant m, if awake, has :math:`\beta_m + \eta \beta_m (\phi_m^y / c_y - \sum_k \phi_m^k)`. At the equilibrium
    price the sum of all budgets does not change.

    Parameters
    ----------
    bets : array-like of shape (n_participants, n_classes)
        Class distributions that the participants believe in.
    budgets : array-like of shape (n_participants,)
        Budgets before.
    price : array-like of shape (n_classes,)
        Price of the round, from `market_price`.
    y : int
        Position of the true class, from 0.
    learning_rate : float, default=1.0
        Factor :math:`\eta` in (0, 1] on every bet. With constant bets, 1 is Bayes' rule.
    awake : array-like of shape (n_participants,), bool, default=None
        Who took part. The others keep their budgets.
    betting : {"constant", "linear", "aggressive"} or BettingFunction, default="constant"
        See `market_price`.
    epsilon : float, default=0.01
        The parameter of "aggressive".

    Returns
    -------
    budgets : ndarray of shape (n_participants,)
        Budgets after.

    Raises
    ------
    ValueError
        If an argument is invalid, prices do not sum to 1, or the price of the true class is 0, so that no contract
        could be bought.

    See Also
    --------
    market_price : The price.

    Examples
    --------
    >>> from statlearn.market import market_price, settle
    >>> bets, budgets = [[0.5, 0.5], [0.9, 0.1]], [0.5, 0.5]
    >>> settle(bets, budgets, market_price(bets, budgets), y=0).round(4)
    array([0.3571, 0.6429])
    """
    beliefs = check_beliefs(bets)
    if len(beliefs) != 1:
        raise ValueError(
            f"bets must be those of one round, of shape (n_participants, n_classes). Got {np.shape(bets)}."
        )
    beliefs = beliefs[0]
    n_participants, n_classes = beliefs.shape
    budgets = check_budgets(budgets, n_participants)
    price = check_budgets(price, n_classes, "price")
    if abs(price.sum() - 1.0) > NORM_TOLERANCE:
        raise ValueError(f"price must sum to 1, as that of market_price does. Its sum is {price.sum():g}.")
    if not isinstance(y, (int, np.integer)) or isinstance(y, bool) or not 0 <= y < n_classes:
        raise ValueError(f"y must be the position of the true class, an integer from 0 to {n_classes - 1}. Got {y!r}.")
    if price[y] == 0.0:
        raise ValueError(f"the price of class {y} is 0: nobody holds a contract of it, so that it cannot be settled.")
    awake = check_awake(awake, 1, n_participants)[0]
    function = as_betting(betting, epsilon)
    budgets[awake] = function.settle(beliefs[awake], budgets[awake], price, int(y), learning_rate)
    return budgets
