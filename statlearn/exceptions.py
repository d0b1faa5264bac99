"""Warnings and errors shared by the families of statlearn.

A solver that stops early warns with `sklearn.exceptions.ConvergenceWarning`, as scikit-learn's own estimators do.
"""

from typing import Any  # this module imports nothing of ours, nor NumPy

__all__ = [
    "AdjacencyWarning",
    "ClassOrderWarning",
    "ConstantAttributeWarning",
    "CrossingWarning",
    "DifferentialErrorWarning",
    "EvaluationError",
    "ExtrapolationWarning",
    "InSampleWarning",
    "NegativePenaltyWarning",
    "NotCertifiedError",
    "NotCertifiedWarning",
    "NotSeparableError",
    "PairwiseWarning",
    "RankDeficientWarning",
    "RareClassWarning",
    "ScaleWarning",
    "SeenRowsWarning",
    "SelfLoopWarning",
    "SensitiveFeaturesWarning",
    "ShrinkageWarning",
    "SleepingParticipantWarning",
    "StepSizeWarning",
    "SupportWarning",
    "TiedPredictionsWarning",
    "TopKWarning",
    "VersionWarning",
    "WeakCalibrationWarning",
]


class AdjacencyWarning(UserWarning):
    """A matrix that is read as the weights of edges looks like one of distances.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import AdjacencyWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", AdjacencyWarning)
    """


class CrossingWarning(UserWarning):
    """Cumulative probabilities of some rows are not monotone in the class.

    Cut predictors with different slopes cross somewhere; on the rows where they do, a difference of cumulative
    probabilities is negative. The message says how many rows are concerned.

    Examples
    --------
    Turn the warning into an error while a model is being chosen:

    >>> import warnings
    >>> from statlearn.exceptions import CrossingWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", CrossingWarning)
    """


class ClassOrderWarning(UserWarning):
    """The order of the classes was guessed from their labels, or is not what scikit-learn's tools assume.

    String labels carry no order; they are sorted alphabetically unless ``classes=`` says otherwise. Or the order is
    known, but it is not that of sorted labels, which scikit-learn's own scorers and ensembles assume.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import ClassOrderWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ClassOrderWarning)
    """


class NegativePenaltyWarning(UserWarning):
    """An unbiased dependence penalty is negative by chance, and a fit is rewarded for that noise.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import NegativePenaltyWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", NegativePenaltyWarning)
    """


class PairwiseWarning(UserWarning):
    """A sum over all pairs of many rows is about to be evaluated, for there is no faster exact way.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import PairwiseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", PairwiseWarning)
    """


class RareClassWarning(UserWarning):
    """A class has too few rows for what was asked, such as a class absent from a training fold.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import RareClassWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", RareClassWarning)
    """


class VersionWarning(UserWarning):
    """An estimator was saved by another version of statlearn than the one that loads it.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import VersionWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", VersionWarning)
    """


class SelfLoopWarning(UserWarning):
    """A graph has self-loops.

    They count in the adjacency and in the degrees, and cancel in the Laplacian. Clear the diagonal if they mean
    nothing.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import SelfLoopWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", SelfLoopWarning)
    """


class ScaleWarning(UserWarning):
    """Two matrices that are compared differ in scale by a factor of a thousand or more.

    The comparison then sees little but the scale. Divide both by their own largest or mean entry if only the shape
    matters.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import ScaleWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ScaleWarning)
    """


class StepSizeWarning(UserWarning):
    """A step goes beyond the radius up to which its bound holds.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import StepSizeWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", StepSizeWarning)
    """


class TopKWarning(UserWarning):
    """More of the largest entries were asked for than there are, so all of them are used.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import TopKWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", TopKWarning)
    """


class ConstantAttributeWarning(UserWarning):
    """A variable whose dependence is measured is constant, so that the measure is 0 whatever the other variable.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import ConstantAttributeWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ConstantAttributeWarning)
    """


class SensitiveFeaturesWarning(UserWarning):
    """A fair model was fitted without sensitive features, or with rows whose index differs from that of the data.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import SensitiveFeaturesWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SensitiveFeaturesWarning)
    """


class ShrinkageWarning(UserWarning):
    """A fairness penalty was paid by shrinking predictions rather than by making them less dependent.

    Distance covariance is not scale free. The warning says how far the variance of the predictions fell, and how far
    their distance correlation with the sensitive features.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import ShrinkageWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", ShrinkageWarning)
    """


class SleepingParticipantWarning(UserWarning):
    """A participant of a prediction market was awake in no training row, so that nothing is known of its worth.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import SleepingParticipantWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SleepingParticipantWarning)
    """


class SeenRowsWarning(UserWarning):
    """Budgets of a market are trained on rows that its participants were fitted to, where their bets are always right.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import SeenRowsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SeenRowsWarning)
    """


class RankDeficientWarning(UserWarning):
    """Columns of a matrix are linearly dependent, so that its rows span a space of fewer dimensions than columns.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import RankDeficientWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", RankDeficientWarning)
    """


class EvaluationError(ValueError):
    """A function that was to be approximated has no value at some points.

    Parameters
    ----------
    message : str
        What happened.
    points : ndarray of shape (n, n_dims)
        All points of the design.
    values : ndarray of shape (n,) or (n, n_outputs)
        The values, not finite where the evaluation failed.

    Examples
    --------
    Nothing that was evaluated is lost:

    >>> import numpy as np
    >>> from statlearn.design import PolynomialBasis, WeightedLeastSquaresApproximator
    >>> from statlearn.exceptions import EvaluationError
    >>> def model(x):
    ...     return np.where(x[:, 0] > 0.9, np.nan, np.exp(x[:, 0]))
    >>> basis = PolynomialBasis(degree=4, n_dims=1)
    >>> surrogate = WeightedLeastSquaresApproximator(basis, n_samples="4m", random_state=0)
    >>> try:
    ...     surrogate = surrogate.fit_function(model)
    ... except EvaluationError as error:
    ...     ok = np.isfinite(error.values)
    ...     design = surrogate.ask()
    ...     surrogate = surrogate.tell(error.values[ok], points=error.points[ok])
    >>> bool(ok.all()), bool(surrogate.loo_error_ < 0.01)
    (False, True)
    """

    def __init__(self, message: str, points: Any, values: Any) -> None:
        super().__init__(message, points, values)
        self.points = points
        self.values = values

    def __str__(self):
        return self.args[0]


class ExtrapolationWarning(UserWarning):
    """A basis is evaluated outside the support of the measure for which it is orthonormal.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import ExtrapolationWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ExtrapolationWarning)
    """


class InSampleWarning(UserWarning):
    """Predictions look as if the model had been fitted to the rows on which they are judged.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import InSampleWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InSampleWarning)
    """


class WeakCalibrationWarning(UserWarning):
    """A calibration sample is too small, or predictions too weak, for a correction to be known well.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import WeakCalibrationWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", WeakCalibrationWarning)
    """


class SupportWarning(UserWarning):
    """Predictions to be corrected lie outside those of the calibration sample, where a correction is extrapolated.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import SupportWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SupportWarning)
    """


class TiedPredictionsWarning(UserWarning):
    """Predictions take few distinct values, so that their density, and its score, are not defined.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import TiedPredictionsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", TiedPredictionsWarning)
    """


class DifferentialErrorWarning(UserWarning):
    """Errors of predictions depend on the groups that are compared, so that a correction may do harm.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import DifferentialErrorWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", DifferentialErrorWarning)
    """


class NotSeparableError(ValueError):
    """No rule is known that separates the classes, and this was to be an error.

    Parameters
    ----------
    message : str
        Which classes, and what is known of their margin.
    certificate : Certificate
        What was proved.

    Examples
    --------
    >>> from statlearn.exceptions import NotSeparableError
    >>> from statlearn.linear import LargeStepLogisticClassifier
    >>> try:
    ...     LargeStepLogisticClassifier(fallback="raise").fit([[0.0], [1.0], [2.0]], [0, 1, 0])
    ... except NotSeparableError as error:
    ...     print(error.certificate.claim[:47])
    No linear rule separates the classes, not even
    """

    def __init__(self, message: str, certificate: Any) -> None:
        super().__init__(message, certificate)
        self.certificate = certificate

    def __str__(self):
        return self.args[0]


class NotCertifiedWarning(UserWarning):
    """A model was fitted, but its certificate does not hold.

    Examples
    --------
    >>> import warnings
    >>> from statlearn.exceptions import NotCertifiedWarning
    >>> warnings.simplefilter("ignore", NotCertifiedWarning)
    """


class NotCertifiedError(ValueError):
    """A model was fitted, but its certificate does not hold, and this was to be an error.

    Parameters
    ----------
    message : str
        Which checks failed or were not decided.
    estimator : estimator
        The fitted estimator, usable all the same.
    certificate : Certificate
        Its certificate.

    Examples
    --------
    >>> from statlearn.certificate import Certificate, Check
    >>> from statlearn.exceptions import NotCertifiedError
    >>> certificate = Certificate("Rows are Gaussian.", [Check("Gaussian", 0.001, 0.05, False, "test")])
    >>> try:
    ...     raise NotCertifiedError("not certified (failed: Gaussian)", None, certificate)
    ... except NotCertifiedError as error:
    ...     error.certificate.holds
    False
    """

    def __init__(self, message: str, estimator: Any, certificate: Any) -> None:
        super().__init__(message, estimator, certificate)
        self.estimator = estimator
        self.certificate = certificate

    def __str__(self):
        return self.args[0]
