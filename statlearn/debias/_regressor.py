"""A regressor whose predictions stand for outcomes."""

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import sklearn
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import check_cv
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted, column_or_1d, has_fit_parameter

from .._support._sklearn import HasMethods, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.delegation import check_delegated_rows, folds_of, refuse_unrouted
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.validation import check_array, check_sample_weight, require_target
from .._typing import ArrayLike, CrossValidation, Estimator, FloatArray, MatrixLike
from ._corrector import Corrector
from ._linear_correction import LinearCalibrationCorrector
from ._out_of_fold import fit_to_all, out_of_fold, predictions_of
from ._partitions import check_partition
from ._regressor_certificate import regressor_certificate

__all__ = ["DebiasedRegressor"]

FREEZE = (  # what else might be done about folds that are no partition
    ", such as GroupKFold; or fit the regressor to some rows, wrap it in sklearn.frozen.FrozenEstimator, and calibrate "
    "on others"
)


class DebiasedRegressor(CallbackSupportMixin, MetaEstimatorMixin, RegressorMixin, StatlearnEstimator):
    r"""Regressor whose predictions are corrected so that they can stand for outcomes in comparisons of groups.

    A regressor of small squared error shrinks: among units with the same outcome its mean prediction is nearer to the
    overall mean. Here each row is predicted by a clone that was fitted without it; these predictions and the truth
    teach a corrector :math:`g`; then the regressor :math:`\hat f` is fitted to all rows. Predictions are

    .. math:: \tilde Y = g\big(\hat f(X)\big), \qquad E[\tilde Y \mid Y] \approx Y.

    They are unbiased given the truth, and worse than `predict_raw` as predictions of single units.

    Parameters
    ----------
    estimator : regressor or None, default=None
        The regressor; None is `sklearn.linear_model.RidgeCV`. A fitted one in `sklearn.frozen.FrozenEstimator` is not
        fitted again: the rows given to ``fit``, which must be others than those it was fitted to, teach the corrector.
    corrector : corrector or None, default=None
        `LinearCalibrationCorrector`, `TweedieCorrector` or `SieveCorrector`. None is the first: it needs few rows, no
        density of predictions (those of trees have none) and no normal noise, and its certificate tests whether a line
        is enough.
    cv : int, splitter, iterable, "prefit" or None, default=None
        Folds, which must hold out each row once. None stands for 5 blocks of consecutive rows: shuffle
        (``KFold(5, shuffle=True)``) where rows have an order. "prefit" takes the estimator as it is, as if it were
        frozen, but does not outlive `sklearn.base.clone` and so no search.
    n_jobs : int or None, default=None
        Number of folds at a time.

    Attributes
    ----------
    estimator_ : regressor
        The regressor fitted to all rows.
    corrector_ : Corrector
        The fitted corrector, which `debiased_ate` and `debiased_group_means` take together with raw predictions.
    oof_prediction_ : ndarray of shape (n_samples,)
        Out-of-fold predictions, not corrected, in the order of the rows; those of a frozen regressor.
    certificate_ : Certificate
        That of the corrector, with the slopes in the folds, what is assumed about the models of the folds, and a report
        on the certificate of the regressor, if it has one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where ``X`` has any.

    Raises
    ------
    TypeError
        If the estimator is a classifier, or there are sample weights, and the regressor takes none.
    ValueError
        If there are several outcomes per row, folds that are no partition of the rows, predictions that are no numbers
        or, as the corrector says, do not rise with the truth.

    Warns
    -----
    WeakCalibrationWarning
        If predictions hardly rise with the truth, or rows are few for a curve.
    InSampleWarning
        If predictions are almost exact, as where copies of a row are in several folds. Smaller leaks are not seen: give
        ``groups`` to a splitter such as GroupKFold where rows of one unit belong together.
    TiedPredictionsWarning
        If the corrector needs a density and predictions take few values.
    SupportWarning
        By ``predict``, if more predictions lie outside the out-of-fold ones than chance explains.

    See Also
    --------
    LinearCalibrationCorrector : Corrects predictions that were made elsewhere.
    conditional_bias_scorer : What a search over regressors and correctors should maximize.
    slope_scorer : The same for a linear bias.

    Notes
    -----
    Compare corrected predictions with `conditional_bias_scorer` and `slope_scorer`. R² must fall: a calibrated model
    with R² has :math:`2 - 1 / R^2` after a linear correction.

    Do not correct where groups are made by what the model sees, such as a column of ``X``: raw predictions then compare
    them without bias, and corrected ones overstate their difference.

    Models of the folds see fewer rows than the one that is used. Where a penalty then makes them shrink more,
    corrections come out too large: by 14, 4 and 2 % with 2, 5 and 10 folds, for `sklearn.linear_model.RidgeCV` on 150
    rows of 30 columns.

    A sample weight goes to the regressor and to the corrector. With metadata routing, ``fit`` passes on what the
    regressor and the splitter request, such as ``groups``; the corrector always gets the weights.

    References
    ----------
    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341.

    Examples
    --------
    A map from measurements to progression of diabetes shrinks progression by half:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from statlearn.debias import DebiasedRegressor, debiased_ate, slope_on_truth
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = DebiasedRegressor().fit(X[::2], y[::2])
    >>> print(f"{slope_on_truth(y[1::2], model.predict_raw(X[1::2])):.1f}")
    0.5
    >>> print(f"{slope_on_truth(y[1::2], model.predict(X[1::2])):.1f}")
    1.0

    Other rows are a trial, whose treatment goes with progression and which the model sees through it alone. Its effect,
    with an error that counts both samples, comes from raw predictions and the corrector:

    >>> rng = np.random.default_rng(0)
    >>> treatment = rng.random(221) < 1 / (1 + np.exp(-(y[1::2] - 140) / 50))
    >>> result = debiased_ate(model.corrector_, model.predict_raw(X[1::2]), treatment)
    >>> low, high = result.ci
    >>> true = y[1::2][treatment].mean() - y[1::2][~treatment].mean()
    >>> bool(result.naive < 0.7 * true), bool(low < true < high)
    (True, True)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "corrector": [Corrector, None],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        corrector: Corrector | None = None,
        *,
        cv: Literal["prefit"] | CrossValidation | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.corrector = corrector
        self.cv = cv
        self.n_jobs = n_jobs

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Predict left-out rows, learn the correction, and fit the regressor to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, passed on to the regressor as they are.
        y : array-like of shape (n_samples,)
            True outcomes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for the regressor and the corrector.
        **params : dict
            Passed on to the regressor and the splitter, as they request, with metadata routing.

        Returns
        -------
        self : DebiasedRegressor
            The fitted regressor.
        """
        self._refuse_classifier()
        X = check_delegated_rows(self, X, reset=True)
        y = check_outcomes(y)
        check_consistent_length(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        fit_params, split_params = self._route(sample_weight, params)
        folds = self._folds(X, y, split_params)
        n_tasks = len(folds) + 1
        with fit_progress(self, X, y, max_subtasks=n_tasks, sequential=False, sample_weight=sample_weight) as progress:
            self._fit_estimator(X, y, folds, fit_params, progress)
        corrector = LinearCalibrationCorrector() if self.corrector is None else clone(self.corrector)
        self.corrector_ = corrector.fit(self.oof_prediction_, y, sample_weight)
        held_out = [test for _, test in folds]
        self.certificate_ = regressor_certificate(
            corrector.certificate_, self.oof_prediction_, y, sample_weight, held_out, self.estimator_
        )
        return self

    def predict(self, X: MatrixLike) -> FloatArray:
        """Predict outcomes, corrected: for means and contrasts of groups.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        corrected : ndarray of shape (n_samples,)
            Predictions whose mean, among units with the same truth, is that truth.
        """
        raw = self.predict_raw(X)
        return self.corrector_.predict(raw)

    def predict_raw(self, X: MatrixLike) -> FloatArray:
        """Predict outcomes by the regressor alone: for single units.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        predictions : ndarray of shape (n_samples,)
            Predictions, not corrected.
        """
        check_is_fitted(self)
        return predictions_of(self.estimator_, check_delegated_rows(self, X, reset=False))

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R² of corrected predictions, which is lower than that of raw ones, and may be negative.

        Not what a search should maximize: `conditional_bias_scorer` and `slope_scorer` are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            True outcomes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The coefficient of determination.
        """
        return super().score(X, y, sample_weight)

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of metadata to the regressor and the splitter; to nobody if the regressor is frozen.

        Returns
        -------
        router : MetadataRouter
            What ``fit`` passes on.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        if self._is_frozen():
            return router
        router.add(estimator=self._base(), method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        return router.add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._base())
        for name in ("sparse", "pairwise", "allow_nan", "string", "categorical"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        return tags

    def _is_frozen(self):
        return isinstance(self.estimator, FrozenEstimator) or isinstance(self.cv, str)

    def _base(self):
        if self.estimator is not None:
            return self.estimator
        default = RidgeCV()
        if sklearn.get_config()["enable_metadata_routing"]:
            default.set_fit_request(sample_weight=True)
        return default

    def _refuse_classifier(self):
        """Refuse labels in place of means, which for boolean outcomes would pass for numbers."""
        if is_classifier(self._base()):
            raise TypeError(
                f"estimator must be a regressor. Got the classifier {self.estimator!r}, which predicts labels, not "
                "means. Use a regressor, also for outcomes that are 0 or 1."
            )

    def _route(self, sample_weight, params):
        """Keyword arguments of the fit of the regressor and of the splitter."""
        if sklearn.get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return ({}, {}) if self._is_frozen() else (routed.estimator.fit, routed.splitter.split)
        refuse_unrouted(self, params, "the regressor or the splitter")
        if sample_weight is None or self._is_frozen():
            return {}, {}
        if not has_fit_parameter(self._base(), "sample_weight"):
            raise TypeError(
                f"estimator, a {type(self._base()).__name__}, does not take sample_weight. Enable metadata routing by "
                "sklearn.set_config(enable_metadata_routing=True), and say by set_fit_request(sample_weight=True or "
                "False) which regressor, or which step of a pipeline, gets weights."
            )
        return {"sample_weight": sample_weight}, {}

    def _folds(self, X, y, split_params):
        """Folds that hold out each row once; none for a frozen regressor."""
        if not self._is_frozen():
            folds = folds_of(check_cv(self.cv), X, y, **split_params)
            check_partition(folds, len(y), self.cv, FREEZE)
            return folds
        if isinstance(self.estimator, FrozenEstimator) and not (self.cv is None or isinstance(self.cv, str)):
            raise ValueError(
                f"cv={self.cv!r} and a FrozenEstimator contradict each other: it is not fitted again, and predicts all "
                "rows. Leave cv=None, or pass the regressor that is in it."
            )
        return []

    def _fit_estimator(self, X, y, folds, fit_params, progress):
        """Set the fitted regressor and predictions out of sample."""
        base = self._base()
        if self._is_frozen():
            check_is_fitted(
                base,
                msg="estimator is not fitted yet, and is to be taken as it is. Fit it to other rows than these; in "
                "sklearn.frozen.FrozenEstimator it stays fitted when it is cloned.",
            )
            with progress.subtask("predictions"):
                self.estimator_, self.oof_prediction_ = base, predictions_of(base, X)
            return
        self.oof_prediction_ = out_of_fold(base, X, y, folds, fit_params, self.n_jobs, progress)
        self.estimator_ = fit_to_all(base, X, y, fit_params, progress.subtask("all rows"))


def check_outcomes(y):
    """True outcomes as a vector of finite float64."""
    require_target(y)
    array = check_array(y, input_name="y", dtype=np.float64, ensure_2d=False, ensure_min_samples=0)
    if array.ndim > 1 and array.shape[1] > 1:
        raise ValueError(
            f"y must have one outcome per row. Got an array of shape {array.shape}. For several outputs, wrap "
            "DebiasedRegressor in sklearn.multioutput.MultiOutputRegressor."
        )
    return column_or_1d(array, warn=True)
