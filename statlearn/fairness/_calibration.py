"""The choice of a fairness weight by held-out loss and held-out dependence."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from .._support._sklearn import HasMethods, Interval, StrOptions, validate_params
from .._support.data_frames import data_frame
from .._support.parallel import run_parallel
from .._support.validation import check_sample_weight, check_vector
from .._typing import ArrayLike, BoolArray, CrossValidation, DataFrame, Estimator, FloatArray, MatrixLike
from ..certificate import Certificate, Check, format_table
from ..exceptions import NegativePenaltyWarning, ShrinkageWarning
from ._displays import FairnessPathDisplay
from ._held_out import FAIRNESS_WEIGHT, OWN_CRITERION, FairPart, Folds, take_rows

__all__ = ["FairnessCalibration", "calibrate_fairness_weight"]

SHRINKAGE = "shrinkage"  # a check of the certificates of fair estimators
CRITERIA = ("jsd", "uf", "dcor", "wasserstein")


@dataclass(frozen=True, eq=False)
class FairnessCalibration:
    """Held-out loss and dependence of one estimator along a grid of fairness weights.

    Attributes
    ----------
    fairness_weights : ndarray of shape (n_weights,)
        The grid, increasing.
    results : dict of str to ndarray of shape (n_weights, n_folds)
        What was measured on the held-out rows of each fold: ``"loss"``, ``"sd"`` (standard deviation of the
        predictions), ``"dcor"``, ``"uf"``, ``"wasserstein"``, and ``"jsd"`` or ``"criterion"`` (a function) if the
        weight was chosen by it.
    criterion : str
        The key of ``results`` that the weight was chosen by.
    pareto : ndarray of shape (n_weights,), bool
        Whether no other weight of the grid has a smaller mean loss without a larger mean criterion, or the other way
        round.
    best_fairness_weight : float
        The weight that was chosen.
    certificate : Certificate
        What the choice met, and what it rests on.

    See Also
    --------
    calibrate_fairness_weight : Makes it.

    Examples
    --------
    >>> from statlearn.datasets import make_motor_claims
    >>> from statlearn.fairness import DistanceCovarianceFairRegressor, calibrate_fairness_weight
    >>> motor = make_motor_claims(600, random_state=0)
    >>> calibration = calibrate_fairness_weight(
    ...     DistanceCovarianceFairRegressor(loss="poisson", normalize="dcor"),
    ...     motor.data / motor.data.std(axis=0),
    ...     motor.target / motor.exposure,
    ...     motor.sensitive,
    ...     fairness_weights=[0, 0.01],
    ...     sample_weight=motor.exposure,
    ...     criterion="dcor",
    ...     cv=2,
    ... )
    >>> dependence = calibration.mean("dcor")
    >>> bool(dependence[1] < dependence[0])
    True
    """

    fairness_weights: FloatArray
    results: dict[str, FloatArray] = field(repr=False)
    criterion: str
    pareto: BoolArray = field(repr=False)
    best_fairness_weight: float
    certificate: Certificate = field(repr=False)

    def mean(self, name: str) -> FloatArray:
        """Mean over the folds.

        Parameters
        ----------
        name : str
            A key of ``results``.

        Returns
        -------
        means : ndarray of shape (n_weights,)
            One per weight.
        """
        return self.results[name].mean(axis=1)

    def sd(self, name: str) -> FloatArray:
        """Standard deviation over the folds.

        Parameters
        ----------
        name : str
            A key of ``results``.

        Returns
        -------
        deviations : ndarray of shape (n_weights,)
            One per weight, with divisor ``n_folds - 1``; NaN if there is one fold only.
        """
        values = self.results[name]
        return values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.full(len(values), np.nan)

    def to_frame(self) -> DataFrame:
        """Return the table of means and standard deviations.

        Returns
        -------
        frame : pandas.DataFrame
            One row per weight; columns ``fairness_weight``, for each key of ``results`` the mean under its name and
            the standard deviation under its name with ``_sd``, and ``pareto``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        columns = {FAIRNESS_WEIGHT: self.fairness_weights}
        for name in self.results:
            columns |= {name: self.mean(name), f"{name}_sd": self.sd(name)}
        return data_frame(columns | {"pareto": self.pareto}, "FairnessCalibration.to_frame")

    def plot(self, **options: Any) -> FairnessPathDisplay:
        """Draw the price of fairness with matplotlib.

        Parameters
        ----------
        **options : dict
            Passed to `FairnessPathDisplay.from_calibration`.

        Returns
        -------
        display : FairnessPathDisplay
            The picture.
        """
        return FairnessPathDisplay.from_calibration(self, **options)

    def __str__(self):
        names = list(self.results)
        means = np.column_stack([self.mean(name) for name in names])
        rows = [
            (
                f"{weight:.6g}{' (best)' if weight == self.best_fairness_weight else ''}",
                *(f"{value:.4g}" for value in row),
                "yes" if efficient else "no",
            )
            for weight, row, efficient in zip(self.fairness_weights, means, self.pareto, strict=True)
        ]
        return format_table([FAIRNESS_WEIGHT, *names, "pareto"], rows, right=range(1, len(names) + 1))


@validate_params(
    {
        "estimator": [HasMethods(["fit", "predict", "get_params", "set_params"])],
        "X": "no_validation",
        "y": ["array-like"],
        "sensitive_features": "no_validation",
        "fairness_weights": ["array-like"],
        "cv": ["cv_object"],
        "criterion": [StrOptions(set(CRITERIA)), callable],
        "target": [Real, None],
        "max_loss_increase": [Interval(Real, 0, None, closed="left"), None],
        "sample_weight": ["array-like", None],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def calibrate_fairness_weight(
    estimator: Estimator,
    X: MatrixLike,
    y: ArrayLike,
    sensitive_features: ArrayLike | None = None,
    *,
    fairness_weights: ArrayLike,
    cv: CrossValidation | tuple[ArrayLike, ArrayLike] = 5,
    criterion: Literal["jsd", "uf", "dcor", "wasserstein"] | Callable[..., Any] = "dcor",
    target: float | None = None,
    max_loss_increase: float | None = None,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> FairnessCalibration:
    """Choose the fairness weight of an estimator by its held-out loss and its held-out dependence.

    A clone of the estimator is fitted with every weight on the training rows of every fold; loss and dependence are
    measured on the other rows. The weight chosen is

    - with a ``target``, the smallest one whose mean criterion meets it;
    - without, or if none does: with ``max_loss_increase``, the largest one whose mean loss stays within it;
    - else, without a target, the knee of the curve of mean loss against mean criterion: both are scaled to [0, 1] over
      the weights that no other weight beats in both, and the sum is smallest at the knee;
    - else, with a target that no weight meets, the one with the smallest mean criterion. The certificate fails then.

    Parameters
    ----------
    estimator : fair estimator or Pipeline
        A regressor or classifier with a parameter ``fairness_weight``, or a `sklearn.pipeline.Pipeline` with one such
        step. With metadata routing enabled, any estimator that routes ``sensitive_features`` to one; the request of
        the fair estimator is set here.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        The data.
    y : array-like of shape (n_samples,)
        The targets.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
        Raw protected attributes. They go to the fits unless the estimator takes ``sensitive_columns`` out of its own
        data, and to the criteria. None reads them from ``X`` by the ``sensitive_columns`` of the estimator.
    fairness_weights : array-like of shape (n_weights,)
        The weights to try; include 0 to see the price. They are sorted.
    cv : int, splitter, iterable of splits or pair of index arrays, default=5
        The folds. A number means that many folds, by class for classifiers, as in scikit-learn without shuffling; the
        pair ``(train, test)`` is one split.
    criterion : {"jsd", "uf", "dcor", "wasserstein"} or callable, default="dcor"
        What the weight is chosen by; smaller is fairer.

        - ``"dcor"``: squared distance correlation of predictions and encoded attributes, which is free of scale.
        - ``"jsd"``: `jensen_shannon_divergence` with its defaults. Its bandwidth is a fixed number that suits
          probabilities: shrinking all predictions lowers it too, and predictions in large units are refused.
        - ``"uf"``: `unfairness_ratio`, which is free of scale.
        - ``"wasserstein"``: `wasserstein_disparity`, in units of the predictions.
        - a function of predictions and raw sensitive features of the held-out rows, which returns a number and takes
          ``sample_weight`` if weights are given.

        All but ``"dcor"`` and functions compare intersections of the attributes, continuous ones cut at the quartiles
        of all rows.
    target : float or None, default=None
        The criterion that is good enough.
    max_loss_increase : float or None, default=None
        The largest increase of the mean loss that is acceptable, relative to that of the smallest weight: 0.01 is one
        percent.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in fits, losses and criteria; rows of weight 0 count as absent. In a pipeline without
        metadata routing the weights reach the fair step only.
    n_jobs : int or None, default=None
        Number of parallel fits; None means 1 unless in a `joblib.parallel_config` context, -1 all processors.

    Returns
    -------
    calibration : FairnessCalibration
        The table, the chosen weight and the certificate.

    Raises
    ------
    TypeError
        If the sensitive features cannot be passed to the fair part of the estimator.
    ValueError
        If a parameter is out of range, there is not exactly one fairness weight in the estimator, or numbers of rows
        differ.

    See Also
    --------
    fairness_path : Training loss and dependence along one path.
    fairness_report : Everything about one set of predictions.

    Notes
    -----
    The loss is half the mean squared error, half the mean Poisson, gamma or Tweedie deviance by the ``loss`` of the
    fair estimator, or the mean log loss of a classifier. The criteria look at predicted means, with weights as
    repetitions; at expected counts, unweighted, if ``penalize_on="count"``; at the probability of the second of two
    classes; and take the largest value over the probabilities of several classes.

    Which attributes are categorical is decided once, on all rows, and holds in every fold.

    The criterion of the chosen weight is an optimistic estimate, since the weight was chosen on the same rows. Fits
    that were paid for by shrinking do not warn; the certificate counts them.

    Examples
    --------
    >>> from statlearn.datasets import make_motor_claims
    >>> from statlearn.fairness import DistanceCovarianceFairRegressor, calibrate_fairness_weight
    >>> motor = make_motor_claims(1000, random_state=0)
    >>> calibration = calibrate_fairness_weight(
    ...     DistanceCovarianceFairRegressor(loss="poisson", normalize="dcor"),
    ...     motor.data / motor.data.std(axis=0),
    ...     motor.target / motor.exposure,
    ...     motor.sensitive,
    ...     fairness_weights=[0, 0.1, 0.3, 1],
    ...     sample_weight=motor.exposure,
    ...     criterion="dcor",
    ...     target=0.02,
    ...     cv=2,
    ... )
    >>> calibration.best_fairness_weight
    0.3
    """
    grid = np.unique(check_vector(fairness_weights, "fairness_weights"))
    X, y = indexable(X, y)
    fair = FairPart(estimator, with_weights=sample_weight is not None)
    sensitive = fair.read_sensitive(sensitive_features, X)
    splits = list(_as_splitter(cv, y, is_classifier(estimator)).split(X, y))
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, y, ensure_non_negative=True)
        present = sample_weight > 0.0
        splits = [[_renumbered(part, present) for part in split] for split in splits]
        X, y, sensitive, sample_weight = (
            take_rows(values, np.flatnonzero(present)) for values in (X, y, sensitive, sample_weight)
        )
    folds = Folds(fair, X, y, sensitive, sample_weight, criterion)
    pairs = [(train, folds.held_out(test)) for train, test in splits]
    tasks = [(folds, weight, *pair) for weight in grid for pair in pairs]
    with warnings.catch_warnings():
        for category in (NegativePenaltyWarning, ShrinkageWarning):
            warnings.simplefilter("ignore", category)  # the certificate counts these fits
        outcomes = run_parallel(_measure, tasks, n_jobs=n_jobs)
    name = criterion if isinstance(criterion, str) else OWN_CRITERION
    return _summarize(grid, outcomes, name, target, max_loss_increase)


def _as_splitter(cv, y, stratified):
    """A splitter of scikit-learn; a pair of index arrays is one split."""
    is_pair = isinstance(cv, tuple) and len(cv) == 2 and all(len(part) and np.ndim(part[0]) == 0 for part in cv)
    return check_cv([cv] if is_pair else cv, y, classifier=stratified)


def _renumbered(rows, present):
    """Positions, or a mask, of rows as positions among the rows that are present."""
    rows = np.arange(len(present))[np.asarray(rows)]
    return (np.cumsum(present) - 1)[rows[present[rows]]]


class _Outcome(NamedTuple):
    """What one fit gave: its measurements, whether its own certificate holds, and whether shrinking paid for it."""

    results: dict
    certified: bool
    shrunk: bool


def _measure(folds, fairness_weight, train, held_out):
    """Fit on some rows, measure on others."""
    parts = [take_rows(values, train) for values in (folds.X, folds.y, folds.sensitive, folds.sample_weight)]
    model = folds.fair.fit(fairness_weight, *parts)
    certificate = getattr(folds.fair.of(model), "certificate_", None)
    checks = {check.name: check.holds for check in certificate.checks} if certificate is not None else {}
    return _Outcome(
        folds.measure(model, held_out), certificate is None or bool(certificate), checks.get(SHRINKAGE) is False
    )


def _summarize(grid, outcomes, criterion, target, max_loss_increase):
    """The result from the outcomes of all fits, in the order weight by weight and fold by fold."""
    results = {
        name: np.array([outcome.results[name] for outcome in outcomes]).reshape(len(grid), -1)
        for name in outcomes[0].results
    }
    loss, dependence = results["loss"].mean(axis=1), results[criterion].mean(axis=1)
    pareto = _pareto(loss, dependence)
    increase = loss / loss[0] - 1.0 if loss[0] > 0.0 else loss - loss[0]
    best = _choose(dependence, increase, target, max_loss_increase, pareto, loss)
    bounded = target is not None or max_loss_increase is not None
    chosen = outcomes[best * len(outcomes) // len(grid) : (best + 1) * len(outcomes) // len(grid)]
    n_doubtful = sum(not outcome.certified for outcome in chosen)
    checks = [
        _bound_check("criterion", dependence[best], target, f"mean held-out {criterion} at the chosen weight"),
        _bound_check(
            "loss increase", increase[best], max_loss_increase, "mean held-out loss against that of the smallest weight"
        ),
        Check(
            "pareto",
            int(pareto.sum()),
            None,
            bool(pareto[best]) if not bounded else None,
            "reported",
            f"weights not beaten in both figures; the chosen one is {'' if pareto[best] else 'not '}among them",
        ),
        Check(
            "fits not certified",
            n_doubtful,
            0,
            n_doubtful == 0,
            "numerical",
            f"of {len(chosen)} at the chosen weight, by their own certificates; "
            f"{sum(outcome.shrunk for outcome in chosen)} were paid for by shrinking",
        ),
    ]
    certificate = Certificate(
        f"On held-out rows, fairness_weight={grid[best]:.6g} "
        + (
            "meets the bounds that were asked for."
            if bounded
            else f"is the knee of the curve of mean loss against mean {criterion}."
        ),
        checks,
        [
            "the rows are exchangeable and represent those to be predicted",
            "the weight was chosen by the figures that are shown here, which are therefore optimistic",
        ],
    )
    return FairnessCalibration(grid, results, criterion, pareto, float(grid[best]), certificate)


def _bound_check(name, value, bound, detail):
    holds = None if bound is None else bool(value <= bound)
    return Check(name, float(value), bound, holds, "reported", detail)


def _pareto(loss, dependence):
    """Which points no other point beats in one coordinate without losing in the other."""
    no_worse = (loss[:, None] <= loss) & (dependence[:, None] <= dependence)
    better = (loss[:, None] < loss) | (dependence[:, None] < dependence)
    return ~(no_worse & better).any(axis=0)


def _choose(dependence, increase, target, max_loss_increase, pareto, loss):
    """Position of the weight that the rules of `calibrate_fairness_weight` choose."""
    met = [] if target is None else np.flatnonzero(dependence <= target)
    if len(met):
        return int(met[0])
    if max_loss_increase is not None:
        return int(np.flatnonzero(increase <= max_loss_increase)[-1])
    if target is not None:
        return int(np.argmin(dependence))
    front = np.flatnonzero(pareto)
    return int(front[np.argmin(_scaled(loss[front]) + _scaled(dependence[front]))])


def _scaled(values):
    """Values moved and scaled to [0, 1]; zeros if they are all the same."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
