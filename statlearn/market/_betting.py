"""Betting functions: what a participant stakes on each class, given what it believes and what contracts cost.

A betting function is an object with three methods: `~BettingFunction.bets`, `~BettingFunction.price`, the solver of its
price equation, and `~BettingFunction.settle`. A new one needs the first only.
"""

from numbers import Real

import numpy as np
from scipy.optimize import brentq

from .._support._sklearn import Interval, validate_params
from .._typing import FloatArray
from ._checks import NORM_TOLERANCE
from ._kernels import AGGRESSIVE, CONSTANT, LINEAR, SHORT_OF_ONE
from ._rounds import Rounds

__all__ = ["BETTING_NAMES", "AggressiveBetting", "BettingFunction", "ConstantBetting", "LinearBetting", "as_betting"]

N_HALVINGS = 60  # of [0, 1]: below the last digit of a price
N_MANN_STEPS = 10_000
PRECISION = 1e-12  # of the sum of the prices


class BettingFunction:
    r"""Base class of betting functions.

    A participant with beliefs :math:`h^k`, :math:`k = 1, \dots, K`, stakes the share :math:`\phi^k(h, c) \ge 0` of its
    budget on class k when contracts, which pay 1 if their class is true, cost :math:`c_1, \dots, c_K`. The shares must
    not sum to more than 1. At the price of a market, with budgets :math:`\beta_m` and
    :math:`F_k(c) = \sum_m \beta_m \phi_m^k`, all contracts are paid for whatever the outcome:

    .. math:: F_k(c) = n\, c_k, \quad \sum_k c_k = 1,

    where n is the volume. There is exactly one price if :math:`\phi^k` depends on c through :math:`c_k` only, and
    :math:`F_k(c_k) / c_k` decreases.

    To write a new one, inherit and give it a method `bets`; `price` is then found by bisection. A class whose bets
    depend on the prices of other classes sets ``separable = False``, and the price is sought by averaged fixed-point
    steps, ten thousand of them, of which no rate of convergence is known.

    See Also
    --------
    ConstantBetting, LinearBetting, AggressiveBetting : The betting functions of the paper, compiled.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    Participants that bet the square of their beliefs, and less the more contracts cost:

    >>> import numpy as np
    >>> from statlearn.market import BettingFunction, market_price
    >>> class SquaredBetting(BettingFunction):
    ...     def bets(self, beliefs, price):
    ...         return beliefs**2 * (1 - price)
    >>> market_price(np.array([[0.5, 0.5], [0.8, 0.2]]), [1.0, 1.0], betting=SquaredBetting()).round(3)
    array([0.637, 0.363])
    """

    separable = True
    code = None  # of the kernels, if they know the function

    def __init_subclass__(cls, **options):
        """Methods without documentation take that of the base class."""
        super().__init_subclass__(**options)
        for name in ("bets", "price", "settle"):
            method = vars(cls).get(name)
            if method is not None and not method.__doc__:
                method.__doc__ = getattr(BettingFunction, name).__doc__

    def bets(self, beliefs: FloatArray, price: FloatArray) -> FloatArray:
        """Shares of the budgets that are staked on each class.

        Parameters
        ----------
        beliefs : ndarray of shape (n_participants, n_classes)
            Class distributions, one per participant.
        price : ndarray of shape (n_classes,)
            Prices of the contracts, in [0, 1]. They need not sum to 1 while the solver looks for the price.

        Returns
        -------
        shares : ndarray of shape (n_participants, n_classes)
            Not negative, with sums of at most 1.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method bets(beliefs, price).")

    def price(self, beliefs: FloatArray, budgets: FloatArray) -> tuple[FloatArray, float]:
        """Equilibrium price of one round.

        Parameters
        ----------
        beliefs : ndarray of shape (n_participants, n_classes)
            Class distributions of the participants that are awake.
        budgets : ndarray of shape (n_participants,)
            Their budgets.

        Returns
        -------
        price : ndarray of shape (n_classes,)
            Sums to 1; NaN if nobody has anything to bet.
        volume : float
            Everything that is staked; 0 if nobody trades, NaN if there is no equilibrium, in which case the price is
            what the best offers are in proportion to.
        """
        solve = bisection_price if self.separable else mann_price
        return solve(self, beliefs, budgets)

    def settle(
        self, beliefs: FloatArray, budgets: FloatArray, price: FloatArray, code: int, learning_rate: float = 1.0
    ) -> FloatArray:
        """Budgets after the true class is known (equation 1).

        Parameters
        ----------
        beliefs : ndarray of shape (n_participants, n_classes)
            Class distributions of the participants that are awake.
        budgets : ndarray of shape (n_participants,)
            Their budgets.
        price : ndarray of shape (n_classes,)
            Price of the round.
        code : int
            Position of the true class. Its price must not be 0.
        learning_rate : float, default=1.0
            Factor in (0, 1] on every bet.

        Returns
        -------
        budgets : ndarray of shape (n_participants,)
            The new budgets. Their sum is the old one, if ``price`` is the equilibrium.
        """
        shares = self.bets(beliefs, price)
        return budgets * (1.0 + learning_rate * (shares[:, code] / price[code] - shares.sum(axis=1)))

    def __repr__(self):
        parameters = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({parameters})"


class _CompiledBetting(BettingFunction):
    """A betting function of the kernels."""

    epsilon = 1.0

    def price(self, beliefs: FloatArray, budgets: FloatArray) -> tuple[FloatArray, float]:
        round_of_all = Rounds.of_classifiers(beliefs[None], np.ones((1, len(beliefs)), dtype=bool))
        prices, volumes = round_of_all.price(budgets, self)
        return prices[0], float(volumes[0])


class ConstantBetting(_CompiledBetting):
    r"""Stake the whole budget, in the proportions of one's beliefs: :math:`\phi^k = h^k`.

    The price is the mean of the beliefs, weighted by budgets (a linear opinion pool), and settling with learning rate
    1 is Bayes' rule over participants. These are the traders of Kelly, with logarithmic utility.

    See Also
    --------
    LinearBetting, AggressiveBetting : Bets that depend on the price.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.market import ConstantBetting
    >>> price, volume = ConstantBetting().price(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([1.0, 3.0]))
    >>> price, volume
    (array([0.8, 0.2]), 4.0)
    """

    code = CONSTANT

    def bets(self, beliefs: FloatArray, price: FloatArray) -> FloatArray:
        return np.array(beliefs, dtype=np.float64)


class LinearBetting(_CompiledBetting):
    r"""Stake less on what is dear: :math:`\phi^k = (1 - c_k) h^k`.

    Prices are pulled towards equal ones: two classes of which everybody believes p have the price
    :math:`\sqrt p / (\sqrt p + \sqrt{1 - p})`. The most expensive class is that of `ConstantBetting`.

    See Also
    --------
    ConstantBetting, AggressiveBetting : Other bets.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.market import LinearBetting
    >>> price, volume = LinearBetting().price(np.array([[0.8, 0.2]]), np.array([1.0]))
    >>> price.round(4), round(volume, 4)
    (array([0.6667, 0.3333]), 0.4)
    """

    code = LINEAR

    def bets(self, beliefs: FloatArray, price: FloatArray) -> FloatArray:
        return (1.0 - price) * beliefs


class AggressiveBetting(_CompiledBetting):
    r"""Stake only on what seems too cheap: :math:`\phi^k = h^k \min(1, \max(0, (h^k - c_k) / \epsilon))`.

    Participants that all agree do not trade, and nothing is learned from the round.

    Parameters
    ----------
    epsilon : float, default=0.01
        How far below one's belief the price must be for a full stake.

    See Also
    --------
    ConstantBetting, LinearBetting : Other bets.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.market import AggressiveBetting
    >>> price, volume = AggressiveBetting().price(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([1.0, 3.0]))
    >>> price.round(3), round(volume, 4)
    (array([0.844, 0.156]), 3.2)
    """

    code = AGGRESSIVE

    @validate_params({"epsilon": [Interval(Real, 0, None, closed="neither")]}, prefer_skip_nested_validation=True)
    def __init__(self, epsilon: float = 0.01) -> None:
        self.epsilon = epsilon

    def bets(self, beliefs: FloatArray, price: FloatArray) -> FloatArray:
        return beliefs * np.clip((beliefs - price) / self.epsilon, 0.0, 1.0)


BETTING_NAMES = {"constant": ConstantBetting, "linear": LinearBetting, "aggressive": AggressiveBetting}


def as_betting(betting, epsilon=0.01):
    """A betting function by its name, or itself."""
    if not isinstance(betting, str):
        return betting
    return AggressiveBetting(epsilon) if betting == "aggressive" else BETTING_NAMES[betting]()


def _nothing_to_bet(beliefs, budgets):
    """The price and volume of a round in which nobody has anything to bet, else None."""
    return None if np.any(budgets @ beliefs > 0.0) else (np.full(beliefs.shape[1], np.nan), 0.0)


def checked_bets(betting, beliefs, price):
    """The bets of a function that may be new, which must be shares of budgets."""
    shares = np.asarray(betting.bets(beliefs, price))
    if shares.shape != beliefs.shape:
        raise ValueError(f"bets of {betting!r} must have the shape {beliefs.shape} of the beliefs. Got {shares.shape}.")
    if not (shares >= 0.0).all():
        raise ValueError(f"bets of {betting!r} must not be negative or NaN. Got {np.min(shares):g}.")
    return shares


def refuse_debts(betting, beliefs, price):
    """Refuse bets that sum to more than the budget at the price of the market."""
    largest = checked_bets(betting, beliefs, price).sum(axis=1).max(initial=0.0)
    if largest > 1.0 + NORM_TOLERANCE:
        raise ValueError(f"bets of {betting!r} must not sum to more than 1. They sum to {largest:g}.")


def bisection_price(betting, beliefs, budgets):
    """Price and volume by bisection for the prices of all classes at a volume, and Brent's method for the volume."""
    if (nothing := _nothing_to_bet(beliefs, budgets)) is not None:
        return nothing

    def stakes(price):
        return budgets @ checked_bets(betting, beliefs, price)

    def prices_at(volume):
        return _last_true(lambda price: stakes(price) > volume * price, beliefs.shape[1])

    best = prices_at(0.0)
    if best.sum() < 1.0 - SHORT_OF_ONE:
        return best / best.sum(), np.nan
    if best.sum() <= 1.0 + PRECISION:
        return best / best.sum(), 0.0
    total = float(np.sum(budgets))  # the largest volume, and that of constant bets: the bracket is a bit larger
    high = 1.001 * total
    while prices_at(high).sum() > 1.0:  # bets that sum to more than 1
        high *= 2.0
    volume = brentq(lambda n: prices_at(n).sum() - 1.0, 0.0, high, xtol=1e-15 * total, rtol=1e-15)
    price = prices_at(volume) / prices_at(volume).sum()
    refuse_debts(betting, beliefs, price)
    return price, volume


def _last_true(holds, n_classes):
    """Largest prices in [0, 1] up to which a condition on the price of each class holds."""
    low, high = np.zeros(n_classes), np.ones(n_classes)
    for _ in range(N_HALVINGS):
        middle = 0.5 * (low + high)
        met = holds(middle)
        low, high = np.where(met, middle, low), np.where(met, high, middle)
    return low


def mann_price(betting, beliefs, budgets, n_steps=N_MANN_STEPS):
    """Price and volume by the averaged fixed-point steps of the paper, from equal prices. No rate of convergence
    is known."""
    if (nothing := _nothing_to_bet(beliefs, budgets)) is not None:
        return nothing
    price = np.full(beliefs.shape[1], 1.0 / beliefs.shape[1])
    for step in range(1, n_steps + 1):
        stakes = budgets @ checked_bets(betting, beliefs, price)
        if not stakes.sum() > 0.0:
            return price, 0.0
        price = price + (stakes / stakes.sum() - price) / (step + 1)
    refuse_debts(betting, beliefs, price)
    return price, float(np.sum(budgets @ betting.bets(beliefs, price)))
