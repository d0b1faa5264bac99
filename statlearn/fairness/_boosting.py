"""A fair objective for gradient boosting libraries, as gradient and hessian of raw predictions."""

from collections.abc import Callable
from copy import deepcopy
from numbers import Real
from typing import Literal

import numpy as np

from .._support._sklearn import HasMethods, Interval, StrOptions, _num_samples, _safe_indexing, validate_params
from .._support.validation import check_vector, refuse_dates
from .._typing import ArrayLike, DependenceMeasure, FloatArray
from ..dependence import DistanceCovariancePenalty
from ._criteria import encode, fit_penalty
from ._encoder import ProtectedEncoder
from ._losses import HalfBinomialLoss, HalfPoissonLoss, HalfSquaredError
from ._sensitive import read_sensitive

__all__ = ["make_boosting_objective"]

LOSSES = {"logistic": HalfBinomialLoss, "poisson": HalfPoissonLoss, "squared_error": HalfSquaredError}
WEIGHT_RTOL = 1e-5  # boosting libraries store weights in single precision


@validate_params(
    {
        "sensitive_features": "no_validation",
        "fairness_weight": [Interval(Real, 0, None, closed="left")],
        "loss": [StrOptions(set(LOSSES))],
        "measure": [StrOptions({"ccdcov", "jdcov", "dcov", "sum"}), DistanceCovariancePenalty],
        "encoder": [HasMethods(["fit_transform", "split"]), None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def make_boosting_objective(
    sensitive_features: ArrayLike,
    *,
    fairness_weight: float = 1.0,
    loss: Literal["squared_error", "poisson", "logistic"] = "squared_error",
    measure: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
    encoder: ProtectedEncoder | None = None,
    sample_weight: ArrayLike | None = None,
) -> Callable[..., tuple[FloatArray, FloatArray]]:
    r"""Make a fair objective for the scikit-learn interfaces of XGBoost and LightGBM.

    With :math:`u` the raw predictions of the booster, :math:`f` the mean responses, :math:`S` the sensitive features,
    :math:`w` the sample weights and :math:`W` their sum, the objective is

    .. math:: \sum_i w_i\, \ell(y_i, u_i) + W \lambda\, P(f, S),

    that is :math:`W` times the objective of `DistanceCovarianceFairRegressor` and `DistanceCovarianceFairClassifier`
    with ``fairness_weight`` :math:`\lambda`: boosting libraries sum their losses. Neither library is imported.

    Parameters
    ----------
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Raw protected attributes of the training rows, in their order. Needed to fit, never to predict.
    fairness_weight : float, default=1.0
        Weight :math:`\lambda` of the penalty, on the scale of the mean loss. 0 is the plain loss.
    loss : {"squared_error", "poisson", "logistic"}, default="squared_error"
        Loss and link. Raw predictions are means, logarithms of means, or log odds of label 1.
    measure : {"ccdcov", "jdcov", "dcov", "sum"} or DistanceCovariancePenalty, default="ccdcov"
        The dependence measure that is penalized.
    encoder : ProtectedEncoder or None, default=None
        Turns the attributes into numbers; None means ``ProtectedEncoder()``. It is cloned and fitted.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the training rows; a weight stands for that many copies of its row, in the penalty as well, and rows
        of weight 0 count as absent.

    Returns
    -------
    objective : callable
        ``objective(y_true, y_pred)`` takes targets and raw predictions of shape (n_samples,) and returns the gradient
        and the hessian of that shape. It can be pickled, copied and given to the estimators of both libraries as
        their parameter ``objective``. It belongs to the training rows: other numbers of rows are refused, so make a
        new one per fold of a cross-validation.

    Raises
    ------
    ValueError
        If a parameter is out of range, the attributes hold missing values, there are fewer than 4 rows, or the numbers
        of rows differ.

    See Also
    --------
    DistanceCovarianceFairRegressor : Linear models with the same penalty.
    DistanceCovarianceFairMLPRegressor : Neural networks with the same penalty.

    Notes
    -----
    - The hessian is that of the loss alone. The penalty is piecewise linear in the mean responses (for measures that
      are not normalized), so that it has no curvature to report where it is smooth; at its kinks predictions
      oscillate about ties if ``fairness_weight`` times the learning rate is large, and the loss suffers. Lower the
      learning rate then.
    - The penalty ties all rows together: leaves are no longer independent, and a split is judged by the gradient at
      the current predictions. Row subsampling of either library keeps that gradient exact: the objective is called
      with all training rows, and the sampling happens after it.
    - Give weights here. With weights in the booster's ``fit`` too, the objective checks that they are the same.
      The library's class weights (``scale_pos_weight``, ``is_unbalance``, ``class_weight``) do not reach it.
    - LightGBM and ``XGBRegressor`` do not know the link of a custom objective: they predict ``u``. Apply the
      exponential for ``"poisson"`` and `scipy.special.expit` for ``"logistic"``. ``XGBClassifier`` applies the logistic
      link itself. ``XGBRegressor`` starts from the mean of the targets as ``u`` unless ``base_score`` is given;
      ``base_score=0.0`` is a better start for ``"poisson"``.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.datasets import make_motor_claims
    >>> from statlearn.fairness import make_boosting_objective
    >>> motor = make_motor_claims(500, random_state=0)
    >>> objective = make_boosting_objective(motor.sensitive, fairness_weight=5.0, loss="poisson")
    >>> gradient, hessian = objective(motor.target, np.log(motor.rate))
    >>> gradient.shape, bool((hessian > 0).all())
    ((500,), True)

    With LightGBM or XGBoost installed::

        LGBMRegressor(objective=objective).fit(X, y)
        XGBRegressor(objective=objective, base_score=0.0).fit(X, y)

    Both predict logarithms of means here.
    """
    n_samples = _num_samples(sensitive_features)
    weights = np.ones(n_samples)
    if sample_weight is not None:
        weights = check_vector(sample_weight, "sample_weight", size=n_samples)
    present = np.flatnonzero(weights)
    sensitive = _safe_indexing(read_sensitive(sensitive_features, n_samples), present)
    _, blocks = encode(sensitive, encoder)
    penalty = DistanceCovariancePenalty(measure) if isinstance(measure, str) else deepcopy(measure)
    fit_penalty(penalty, sensitive, blocks, weights[present])
    return _BoostingObjective(LOSSES[loss](), penalty, float(fairness_weight), weights)


class _BoostingObjective:
    """The objective of `make_boosting_objective`.

    Parameters
    ----------
    loss : Loss
        Loss of a raw prediction.
    penalty : DistanceCovariancePenalty
        Fitted to the training rows with positive weight.
    fairness_weight : float
        Weight of the penalty.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    """

    def __init__(self, loss, penalty, fairness_weight, weights):
        self._loss = loss
        self._penalty = penalty
        self._fairness_weight = fairness_weight
        self._weights = weights
        self._present = np.flatnonzero(weights)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Gradient and hessian of the objective with respect to the raw predictions."""
        y, u = self._read(y_true, "y_true"), self._read(y_pred, "y_pred")
        self._check_booster_weights(sample_weight)
        self._loss.check_target(y, self._weights)
        _, gradient, mean = self._loss.evaluate(y, u)
        gradient = self._weights * gradient
        if self._fairness_weight > 0.0:
            total = self._fairness_weight * self._weights.sum()
            slope = np.zeros_like(mean)
            _, slope[self._present] = self._penalty.value_and_grad(mean[self._present])
            gradient += total * self._loss.pull_back(u, mean, slope)
        return gradient, self._weights * self._loss.hessian(y, u)

    def _read(self, values, name):
        refuse_dates(values, name)
        values = np.asarray(values, dtype=np.float64)
        if values.shape != self._weights.shape:
            raise ValueError(
                f"{name} must have shape {self._weights.shape}, one entry per row of the sensitive features that the "
                f"objective was made with. Got shape {values.shape}: make a new objective for other training rows."
            )
        return values

    def _check_booster_weights(self, sample_weight):
        if sample_weight is None or np.size(sample_weight) == 0:
            return
        if not np.allclose(sample_weight, self._weights, rtol=WEIGHT_RTOL, atol=0.0):
            raise ValueError(
                "sample_weight given to the booster differs from that of the objective. Give the same weights to "
                "make_boosting_objective, or none to the booster's fit."
            )
