"""How far along a direction the Taylor series of a cross-entropy loss converges."""

import numpy as np

from .._support.validation import check_array
from .._typing import ArrayLike

__all__ = ["safe_step_radius"]


def safe_step_radius(logits: ArrayLike, directional_logits: ArrayLike) -> float:
    r"""Radius of convergence of the cross-entropy loss along a direction.

    Along a direction v the loss is a function of one number, ``t -> loss(theta + t v)``. Its Taylor series about
    ``t = 0`` converges up to the nearest complex zero of the normalizing sum of the softmax. For two classes with gap
    :math:`\delta_i` between the logits of row i, and derivative :math:`\Delta_i` of that gap along v, it is

    .. math:: \rho = \min_i \frac{\sqrt{\delta_i^2 + \pi^2}}{|\Delta_i|},

    exact for a linear model, whose logits are linear in t. For more classes,

    .. math:: \rho \geq \min_i \frac{\pi}{\max_k a_{ik} - \min_k a_{ik}},

    where :math:`a_{ik}` is the derivative of logit k.

    Parameters
    ----------
    logits : array-like of shape (n_samples,) or (n_samples, n_classes)
        One column for two classes: the gap between the two logits, which is ``decision_function``. Or the logits of all
        classes.
    directional_logits : array-like of the same shape
        Derivatives of ``logits`` along the direction. For a linear model with features X and direction v, ``X @ v``.

    Returns
    -------
    radius : float
        The radius, in multiples of the direction: the step to its end is ``radius * v``. It is exact for two classes
        and a lower bound for more; inf if the direction changes no prediction.

    Raises
    ------
    TypeError
        If an argument is a single number.
    ValueError
        If an array is empty, has entries that are not finite, or the shapes differ.

    Notes
    -----
    A step within the radius need not decrease the loss: the radius is where the series converges, and no more. With two
    rows at 1 with opposite labels, the loss at ``theta = 0.1`` is 0.694 and the radius along the gradient 3.14, but a
    step of that length against the gradient leads to a loss of 1.57. On data that are not separable, steps of that
    length go back and forth for ever. Use a line search there.

    References
    ----------
    .. [1] P. Sao (2026). "Ghosts of Softmax: Complex Singularities That Limit Safe Step Sizes in Cross-Entropy."
       arXiv:2603.13552.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.linear import safe_step_radius
    >>> X, coef, direction = np.array([[1.0, 0.0], [2.0, 1.0]]), np.zeros(2), np.array([1.0, 0.0])
    >>> radius = safe_step_radius(X @ coef, X @ direction)
    >>> bool(np.isclose(radius, np.pi / 2))
    True
    """
    logits = _checked(logits, "logits")
    slopes = _checked(directional_logits, "directional_logits")
    if logits.shape != slopes.shape:
        raise ValueError(
            f"logits and directional_logits must have one shape. Got {logits.shape} and {slopes.shape}: give the "
            "derivative of every logit."
        )
    reach, slope = _half_gaps(logits, slopes)
    with np.errstate(divide="ignore", over="ignore"):
        return float(np.min(reach / slope))


def _half_gaps(logits, slopes):
    """Half of the distance of the zero next to each row, and of the derivative of the gap: no difference overflows."""
    if logits.ndim == 1 or logits.shape[1] == 1:
        return 0.5 * np.hypot(logits.ravel(), np.pi), 0.5 * np.abs(slopes.ravel())
    slope = 0.5 * slopes.max(axis=1) - 0.5 * slopes.min(axis=1)
    if logits.shape[1] > 2:
        return np.full(slope.shape, 0.5 * np.pi), slope
    return np.hypot(0.5 * logits[:, 1] - 0.5 * logits[:, 0], 0.5 * np.pi), slope


def _checked(values, name):
    """Array of one or two dimensions, of finite float64."""
    array = check_array(values, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two dimensions. Got an array of shape {array.shape} instead.")
    return array
