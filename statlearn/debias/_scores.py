"""Score estimators by short names: the derivative of the logarithm of the density of a sample of numbers."""

from ._function_score import FunctionScore
from ._kde_score import KDEScore
from ._mixture_score import GaussianMixtureScore
from ._score_estimator import ScoreEstimator
from ._spline_score import SplineScore

__all__ = [
    "SCORE_NAMES",
    "FunctionScore",
    "GaussianMixtureScore",
    "KDEScore",
    "ScoreEstimator",
    "SplineScore",
    "as_score",
]

SCORE_NAMES = {"kde": KDEScore, "spline": SplineScore, "gmm": GaussianMixtureScore}


def as_score(score):
    """A score estimator from its short name, a function, or itself.

    Parameters
    ----------
    score : {"kde", "spline", "gmm"}, callable or score estimator
        What a user gave. Estimators are returned as they are, not cloned.

    Returns
    -------
    estimator : ScoreEstimator
        Not fitted, unless it was.

    Raises
    ------
    ValueError
        If there is no score of the name.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> from statlearn.debias._scores import as_score
    >>> as_score("spline")
    SplineScore()
    """
    if isinstance(score, str):
        if score not in SCORE_NAMES:
            raise ValueError(f"score must be one of {sorted(SCORE_NAMES)}, a function or an object. Got {score!r}.")
        return SCORE_NAMES[score]()
    if hasattr(score, "score_function") and hasattr(score, "fit"):
        return score
    if callable(score):
        return FunctionScore(score)
    raise TypeError(
        f"score must be one of {sorted(SCORE_NAMES)}, a function, or an object with fit and score_function such as "
        f"KDEScore(). Got {score!r}."
    )
