r"""On which share of the rows two halfspaces at an angle may disagree, without a normal law.

With m = <w, x> the margin to the first, and z = <v, x> for the unit v orthogonal to w towards the second, a row is on
different sides of the two if z, taken with the sign opposite to that of m, exceeds t = |m| cot(angle).
"""

import numpy as np

from ._angle_bounds import RIGHT_ANGLE
from ._noise_tests import largest_error, thresholds

__all__ = ["universal_disagreement"]


def universal_disagreement(tables, w, angle, *, level=0.95):
    """Upper confidence bound of the probability of different sides, whatever the distribution of the rows.

    An indicator 1{z > t} is at most ((t z + 1) / (t^2 + 1))^2, as in the proof of Cantelli's inequality. The mean of
    this over rows is a quadratic function of the unknown v, and is bounded by the largest eigenvalue of its quadratic
    part, twice the norm of its linear part, and its constant. So the rows of the sample on which w and any halfspace
    within the angle disagree are at most that share of all. A Clopper-Pearson limit turns the share into a probability.

    For standard normal rows the result is about 4 times the true ``angle / 180``: for research.

    Parameters
    ----------
    tables : iterable of ndarray of shape (n_block, n_features)
        The rows, in coordinates of about unit covariance, in blocks.
    w : ndarray of shape (n_features,)
        Unit vector that does not depend on the rows.
    angle : float
        Bound of the angle in degrees. At 90 or more nothing is known, and the result is 1.
    level : float, default=0.95
        Confidence level.

    Returns
    -------
    probability : float
        The bound.
    """
    if angle >= RIGHT_ANGLE:
        return 1.0
    quadratic, linear, constant, n_rows = np.zeros((w.size, w.size)), np.zeros(w.size), 0.0, 0
    for X in tables:
        margins = X @ w
        borders = thresholds(margins, angle)
        constants = 1.0 / (1.0 + borders**2)
        factors = -np.sign(margins) * borders * constants
        scaled = factors[:, None] * (X - np.outer(margins, w))
        quadratic += scaled.T @ scaled
        linear += constants @ scaled
        constant += constants @ constants
        n_rows += margins.size
    share = (np.linalg.eigvalsh(quadratic)[-1] + 2.0 * np.linalg.norm(linear) + constant) / n_rows
    return largest_error(int(min(share, 1.0) * n_rows), n_rows, level)
