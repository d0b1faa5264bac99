"""Scores beyond the bulk of a sample, where an estimate knows nothing: continued by lines, held, or left alone."""

from typing import NamedTuple

import numpy as np

from ._weighted_quantiles import weighted_quantiles

__all__ = ["BULK", "N_WINDOW", "TAILS", "WINDOW", "ScoreTails", "bulk_windows", "fit_tails"]

TAILS = ("linear", "clip", "none")
BULK = (0.005, 0.995)  # quantiles of the sample between which its score is used as it is
WINDOW = 0.1  # of the sample, at either end, from which the slope of a line is taken
N_WINDOW = 64


class ScoreTails(NamedTuple):
    """A fitted score with other values beyond two points.

    Attributes
    ----------
    score : ScoreEstimator
        Fitted.
    ends : ndarray of shape (2,)
        Points beyond which it is replaced.
    values : ndarray of shape (2,)
        Its values there.
    slopes : ndarray of shape (2,)
        Slopes of the lines beyond them, not positive.
    """

    score: object
    ends: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    def score_function(self, u):
        """The score, of the shape of u."""
        inside, beyond, side = self._split(u)
        scores = self.score.score_function(inside)
        return np.where(beyond == 0.0, scores, self.values[side] + self.slopes[side] * beyond)

    def score_derivative(self, u):
        """Its derivative, of the shape of u."""
        inside, beyond, side = self._split(u)
        return np.where(beyond == 0.0, self.score.score_derivative(inside), self.slopes[side])

    def log_density(self, u):
        """The logarithm of the density that has this score and equals the estimate inside, of the shape of u."""
        inside, beyond, side = self._split(u)
        logs = self.score.log_density(inside)
        return logs + beyond * (self.values[side] + 0.5 * self.slopes[side] * beyond)

    def outside(self, u):
        """Whether points are beyond the ends, of the shape of u."""
        u = np.asarray(u, dtype=np.float64)
        return (u < self.ends[0]) | (u > self.ends[1])

    def _split(self, u):
        """Points moved to the ends, what was cut off with its sign, and the side it was on."""
        u = np.asarray(u, dtype=np.float64)
        inside = np.clip(u, *self.ends)
        return inside, u - inside, (u > self.ends[1]).astype(np.int64)


def fit_tails(score, u, sample_weight=None, tails="linear"):
    """Decide how a fitted score goes on beyond the bulk of a sample, from its quantile 0.5 % to that of 99.5 %.

    Parameters
    ----------
    score : ScoreEstimator
        Fitted.
    u : ndarray of shape (n_samples,)
        The sample it was fitted to.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Weights; None for ones.
    tails : {"linear", "clip", "none"}, default="linear"
        "linear" continues by the line through the value at the end with the least-squares slope of the score over the
        outer tenth of the bulk, but not with a rising one: a density falls at least exponentially. "clip" holds
        the value at the end. "none" leaves the estimate alone.

    Returns
    -------
    tails : ScoreTails
        Has the methods of a score, and ``outside``.

    Raises
    ------
    ValueError
        If there are no such tails.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import KDEScore
    >>> from statlearn.debias._tails import fit_tails
    >>> sample = np.random.default_rng(0).normal(size=5000)
    >>> score = KDEScore().fit(sample)
    >>> float(score.score_function(10.0)) < -50.0  # the tail of the last kernel
    True
    >>> float(fit_tails(score, sample).score_function(10.0)) > -12.0
    True
    """
    if tails not in TAILS:
        raise ValueError(f"tails must be one of {TAILS}. Got {tails!r}.")
    if tails == "none":
        return ScoreTails(score, np.array([-np.inf, np.inf]), np.zeros(2), np.zeros(2))
    windows = bulk_windows(u, sample_weight)
    ends = np.array([windows[0][0], windows[1][1]])
    values = score.score_function(ends)
    if tails == "clip":
        return ScoreTails(score, ends, values, np.zeros(2))
    slopes = [_local_slope(score, *window) for window in windows]
    return ScoreTails(score, ends, values, np.minimum(slopes, 0.0))


def bulk_windows(u, sample_weight=None):
    """Outer tenths of the bulk of a sample, from small to large: those of the negated sample are the negated ones.

    Parameters
    ----------
    u : ndarray of shape (n_samples,)
        The sample.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Weights; None for ones.

    Returns
    -------
    windows : ndarray of shape (2, 2)
        Start and end of either.
    """
    levels = [BULK[0], BULK[0] + WINDOW]
    left, right = (weighted_quantiles(values, levels, sample_weight) for values in (u, -u))
    return np.array([left, -right[::-1]])


def _local_slope(score, left, right):
    """Least-squares slope of a score between two points; its derivative where they fall together."""
    if left == right:
        return float(score.score_derivative(left))
    points = np.linspace(left, right, N_WINDOW)
    deviations = points - 0.5 * (left + right)
    return float(deviations @ score.score_function(points) / (deviations @ deviations))
