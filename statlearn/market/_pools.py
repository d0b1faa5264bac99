"""Opinion pools, and the market maker of the logarithmic scoring rule."""

from numbers import Real

import numpy as np
from scipy.special import logsumexp, softmax

from .._support._sklearn import Interval, validate_params
from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray, FloatOrArray
from ._checks import check_beliefs, check_budgets

__all__ = ["linear_opinion_pool", "lmsr_cost", "lmsr_price", "logarithmic_opinion_pool"]


def linear_opinion_pool(probabilities: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Weighted mean of class distributions: the price of a market of constant bets.

    Parameters
    ----------
    probabilities : array-like of shape (n_participants, n_classes) or (n_samples, n_participants, n_classes)
        Class distributions.
    weights : array-like of shape (n_participants,), default=None
        Non-negative weights, such as budgets; equal ones by default.

    Returns
    -------
    pooled : ndarray of shape (n_classes,) or (n_samples, n_classes)
        Distributions.

    Raises
    ------
    ValueError
        If probabilities are negative, missing or do not sum to 1, or weights are negative or all zero.

    See Also
    --------
    logarithmic_opinion_pool : Weighted geometric mean.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    >>> from statlearn.market import linear_opinion_pool
    >>> linear_opinion_pool([[0.5, 0.5], [0.9, 0.1]], [1, 3])
    array([0.8, 0.2])
    """
    beliefs, weights = _read(probabilities, weights)
    return _shape_of(probabilities, np.einsum("nmk,m->nk", beliefs, weights))


def logarithmic_opinion_pool(probabilities: ArrayLike, weights: ArrayLike | None = None) -> FloatArray:
    """Weighted geometric mean of class distributions, normalized.

    Parameters
    ----------
    probabilities : array-like of shape (n_participants, n_classes) or (n_samples, n_participants, n_classes)
        Class distributions.
    weights : array-like of shape (n_participants,), default=None
        Non-negative weights; equal ones by default. They are divided by their sum.

    Returns
    -------
    pooled : ndarray of shape (n_classes,) or (n_samples, n_classes)
        Distributions. A class that a participant with positive weight excludes has probability 0.

    Raises
    ------
    ValueError
        If probabilities are negative, missing or do not sum to 1, weights are negative or all zero, or participants
        exclude all classes between them.

    See Also
    --------
    linear_opinion_pool : Weighted mean.

    Examples
    --------
    >>> from statlearn.market import logarithmic_opinion_pool
    >>> logarithmic_opinion_pool([[0.5, 0.5], [0.9, 0.1]]).round(2)
    array([0.75, 0.25])
    """
    beliefs, weights = _read(probabilities, weights)
    present = weights > 0.0
    with np.errstate(divide="ignore"):
        logs = np.einsum("nmk,m->nk", np.log(beliefs[:, present]), weights[present])
    excluded = ~np.isfinite(logs).any(axis=1)
    if excluded.any():
        raise ValueError(
            f"the participants exclude all classes between them in row {np.flatnonzero(excluded)[0]}: their geometric "
            "mean is 0. Move probabilities away from 0."
        )
    return _shape_of(probabilities, softmax(logs, axis=1))


def _read(probabilities, weights):
    beliefs = check_beliefs(probabilities, "probabilities")
    n_participants = beliefs.shape[1]
    weights = np.ones(n_participants) if weights is None else check_budgets(weights, n_participants, "weights")
    return beliefs, weights / weights.sum()


def _shape_of(given, pooled):
    return pooled[0] if np.ndim(given) == 2 else pooled


LMSR_PARAMETERS = {"quantities": ["array-like"], "liquidity": [Interval(Real, 0, None, closed="neither")]}


@validate_params(LMSR_PARAMETERS, prefer_skip_nested_validation=True)
def lmsr_price(quantities: ArrayLike, liquidity: float = 1.0) -> FloatArray:
    r"""Prices of the market maker of the logarithmic scoring rule: :math:`\exp(q_k / b) / \sum_j \exp(q_j / b)`.

    Parameters
    ----------
    quantities : array-like of shape (n_classes,) or (n_markets, n_classes)
        Contracts q of each class that were sold.
    liquidity : float, default=1.0
        The parameter b: how many contracts move the price noticeably.

    Returns
    -------
    price : ndarray of shape (n_classes,) or (n_markets, n_classes)
        The gradient of `lmsr_cost`; sums to 1.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    lmsr_cost : What trades cost.

    References
    ----------
    Chen, Wortman Vaughan (2010). "A new understanding of prediction markets via no-regret learning". arXiv:1003.0034.

    Examples
    --------
    >>> from statlearn.market import lmsr_price
    >>> lmsr_price([1.0, 0.0], liquidity=2.0).round(4)
    array([0.6225, 0.3775])
    """
    return softmax(_quantities(quantities) / liquidity, axis=-1)


@validate_params(LMSR_PARAMETERS, prefer_skip_nested_validation=True)
def lmsr_cost(quantities: ArrayLike, liquidity: float = 1.0) -> FloatOrArray:
    r"""Cost function of the market maker of the logarithmic scoring rule: :math:`b \log \sum_k \exp(q_k / b)`.

    A trade that moves the quantities from q to r costs ``lmsr_cost(r) - lmsr_cost(q)``. The market maker loses at most
    :math:`b \log K` among K classes.

    Parameters
    ----------
    quantities : array-like of shape (n_classes,) or (n_markets, n_classes)
        Contracts q of each class that were sold.
    liquidity : float, default=1.0
        The parameter b.

    Returns
    -------
    cost : float or ndarray of shape (n_markets,)
        In units of a contract's payment.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    lmsr_price : Prices of the next contract.

    References
    ----------
    Chen, Wortman Vaughan (2010). "A new understanding of prediction markets via no-regret learning". arXiv:1003.0034.

    Examples
    --------
    >>> from statlearn.market import lmsr_cost
    >>> round(float(lmsr_cost([1.0, 0.0]) - lmsr_cost([0.0, 0.0])), 4)
    0.6201
    """
    return liquidity * logsumexp(_quantities(quantities) / liquidity, axis=-1)


def _quantities(quantities):
    array = check_array(quantities, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="quantities")
    if array.ndim not in (1, 2):
        raise ValueError(f"quantities must have one or two dimensions. Got shape {array.shape}.")
    return array
