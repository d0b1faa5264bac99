"""What every fair estimator shares: reading its data, fitted attributes, predictions from a linear predictor."""

from copy import deepcopy
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import HasMethods, Interval, StrOptions, _num_samples, _safe_indexing
from .._support.base import StatlearnEstimator
from .._support.progress import CallbackSupportMixin
from .._support.user_warnings import warn_user
from .._support.validation import check_array, check_sample_weight, check_two_classes, check_X_y, validate_data
from .._typing import FloatArray, LabelArray, MatrixLike
from ..dependence import DistanceCovariancePenalty
from ..exceptions import NegativePenaltyWarning, SensitiveFeaturesWarning, ShrinkageWarning
from ._cells import N_BINS, intersection_cells
from ._certificates import LARGEST_REWARD, Shrinkage, fit_certificate, reward_for_noise
from ._criteria import encode, fit_penalty, levels_of
from ._losses import HalfBinomialLoss, HalfMultinomialLoss, regression_loss
from ._objective import FairRisk, Protection
from ._sensitive import as_table, is_frame, read_sensitive, split_sensitive

__all__ = ["FAIRNESS_CONSTRAINTS", "FairClassifier", "FairModel", "FairProblem", "FairRegressor"]

FAIRNESS_CONSTRAINTS = {
    "fairness_weight": [Interval(Real, 0, None, closed="left")],
    "measure": [StrOptions({"ccdcov", "jdcov", "dcov", "sum"}), DistanceCovariancePenalty],
    "normalize": [StrOptions({"dcor"}), None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "sensitive_columns": ["array-like", str, Integral, None],
    "encoder": [HasMethods(["fit_transform", "split"]), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="neither")],
}


class FairProblem(NamedTuple):
    """The data of a fit: features that predict, the risk of a linear predictor, and the fitted encoder if any."""

    X: object
    risk: FairRisk
    encoder: object


class FairModel(CallbackSupportMixin, StatlearnEstimator):
    """Estimator that penalizes the dependence of its predictions on protected attributes.

    A subclass mixes in `FairRegressor` or `FairClassifier`, has the parameters of `FAIRNESS_CONSTRAINTS` (or class
    attributes of these names), and a method ``_predictor(X)`` that gives the linear predictor of validated features.
    """

    drop_sensitive = True
    penalize_on = "mean"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _problem(self, X, y, sensitive_features, sample_weight):
        """The validated data as a `FairProblem`."""
        features, y, sensitive = self._read(X, y, sensitive_features)
        weights = None
        if sample_weight is not None:
            weights = check_sample_weight(sample_weight, features, dtype=np.float64, ensure_non_negative=True)
            if not weights.all():
                present = np.flatnonzero(weights)
                features, y, weights = features[present], y[present], weights[present]
                sensitive = None if sensitive is None else _safe_indexing(sensitive, present)
            if sensitive is not None:
                self._refuse_little_weight(weights)
        loss, y, loss_weights = self._target(y, weights)
        penalty_weights = None if self.penalize_on == "count" else weights
        encoder, protection = self._protect(sensitive, penalty_weights, features.shape[0])
        return FairProblem(features, FairRisk(loss, y, loss_weights, protection, self.penalize_on), encoder)

    def _refuse_little_weight(self, weights):
        """Weights count copies of rows, of which the unbiased penalty needs more than three."""
        total = weights.size if self.penalize_on == "count" else float(weights.sum())
        if total <= 3.0 and self._penalty().unbiased:
            raise ValueError(
                f"sample_weight must let the rows count as more than 3, a weight meaning that many copies of its row. "
                f"Got {weights.size} row(s) of positive weight that count as {total:.6g}: raise the weights, or use "
                "measure=DistanceCovariancePenalty(..., unbiased=False)."
            )

    def _read(self, X, y, sensitive_features):
        """Features that predict, targets, and raw sensitive features or None."""
        if sensitive_features is not None and self.sensitive_columns is not None:
            raise ValueError(
                "sensitive_features was given to fit although sensitive_columns names columns of X: give one of them."
            )
        numeric = {"y_numeric": isinstance(self, RegressorMixin)}
        if self._drops_columns():
            raw, y = validate_data(self, _as_tabular(self, X), y, skip_check_array=True)
            sensitive, positions = split_sensitive(raw, self.sensitive_columns)
            self.kept_columns_ = np.setdiff1d(np.arange(raw.shape[1]), positions)
            checks = {"accept_sparse": "csr", "dtype": np.float64, "order": "C", **numeric}
            features, y = check_X_y(self._select(raw), y, estimator=self, **checks)
        else:
            features, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64, order="C", **numeric)
            self.kept_columns_ = np.arange(features.shape[1])
            sensitive = None
            if self.sensitive_columns is not None:
                sensitive, _ = split_sensitive(_as_tabular(self, X), self.sensitive_columns)
        if sensitive_features is not None:
            sensitive = read_sensitive(sensitive_features, _num_samples(features), X)
        return _as_csr_array(features), y, sensitive

    def _drops_columns(self):
        return self.sensitive_columns is not None and self.drop_sensitive

    def _select(self, raw):
        """The columns that predict; refuses if there are none."""
        if self.kept_columns_.size == 0:
            raise ValueError(
                f"X has {raw.shape[1]} feature(s), and sensitive_columns={self.sensitive_columns!r} drops all of them: "
                "nothing is left to predict from."
            )
        if hasattr(raw, "iloc"):
            return raw.iloc[:, self.kept_columns_]
        columns = self.kept_columns_.tolist() if is_frame(raw) else self.kept_columns_
        return (raw.tocsc() if sparse.issparse(raw) else raw)[:, columns]

    def _features(self, X):
        """Validated features of rows to predict."""
        check_is_fitted(self)
        if self._drops_columns():
            raw = self._table_of_fit(_as_tabular(self, X))
            X = check_array(self._select(raw), accept_sparse="csr", dtype=np.float64, estimator=self, input_name="X")
        else:
            X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return _as_csr_array(X)

    def _table_of_fit(self, table):
        """A table to predict, which has all columns of ``fit``; if it lacks dropped ones, the error says the cure."""
        try:
            return validate_data(self, table, reset=False, skip_check_array=True)
        except ValueError as error:
            if not self._lacks_dropped_columns(table):
                raise
            raise ValueError(
                f"{str(error).rstrip()}\nValues of sensitive_columns={self.sensitive_columns!r} are ignored here: give "
                "any. To predict without these columns, fit without them in X, and with sensitive_features instead."
            ) from error

    def _lacks_dropped_columns(self, table):
        """Whether columns that do not predict are all that a table lacks."""
        if is_frame(table) and hasattr(self, "feature_names_in_"):
            missing = set(self.feature_names_in_) - set(table.columns)
            return bool(missing) and missing.isdisjoint(self.feature_names_in_[self.kept_columns_])
        return table.shape[1] == self.kept_columns_.size < self.n_features_in_

    def _protect(self, sensitive, weights, n_samples):
        """The fitted encoder and the `Protection`, or None twice."""
        penalty = self._penalty()
        if sensitive is None:
            if self.fairness_weight > 0.0:
                warn_user(
                    "sensitive_features not given; fitted without a fairness penalty. Pass them to fit, name "
                    "sensitive_columns, or set fairness_weight=0.",
                    SensitiveFeaturesWarning,
                )
            return None, None
        encoder, blocks = encode(sensitive, self.encoder)
        fit_penalty(penalty, sensitive, blocks, weights)
        weights = np.ones(n_samples) if weights is None else weights
        cells = intersection_cells(sensitive, bins=N_BINS, sample_weight=weights, is_nominal=levels_of(encoder))
        return encoder, Protection(penalty, cells, weights)

    def _penalty(self):
        """A new penalty, not fitted."""
        if isinstance(self.measure, str):
            return DistanceCovariancePenalty(self.measure, normalize=self.normalize)
        if self.normalize is not None:
            raise ValueError(
                f"normalize={self.normalize!r} must be None when measure is a DistanceCovariancePenalty: set it there."
            )
        return deepcopy(self.measure)

    def _store_fairness(self, problem, solution, u, unpenalized_u):
        """Set the attributes that all fair estimators have, leave the certificate and warn."""
        risk, descent = problem.risk, solution.descent
        unpenalized = risk.measure(unpenalized_u)
        fitted = unpenalized if u is unpenalized_u else risk.measure(u)
        penalty = None if risk.protection is None else risk.protection.penalty
        is_penalized = penalty is not None and self.fairness_weight > 0.0
        shrinkage = Shrinkage(fitted, unpenalized, penalty.normalize is not None) if is_penalized else None
        self.n_iter_ = max(1, descent.n_iter)
        self.converged_ = bool(descent.converged or solution.is_constant) and fitted.has_minimum
        self.loss_, self.penalty_value_, self.penalty_excess_ = fitted.loss, fitted.value, fitted.excess
        self.distance_correlation_ = fitted.distance_correlation
        self.unfairness_ratio_ = fitted.unfairness_ratio
        self.encoder_ = problem.encoder
        reward = reward_for_noise(fitted, risk.scale, self.fairness_weight)
        self.certificate_ = fit_certificate(
            solution,
            fitted,
            unpenalized,
            shrinkage,
            tol=self.tol,
            can_be_negative=None if penalty is None else penalty.unbiased,
            penalize_on=self.penalize_on,
            reward=reward,
        )
        self._warn(solution, fitted)
        if is_penalized and reward > LARGEST_REWARD:
            self._warn_of_reward(reward)
        if shrinkage is not None and shrinkage.found:
            self._warn_of_shrinkage(shrinkage)

    def _warn(self, solution, fitted):
        name = type(self).__name__
        if not fitted.has_minimum:
            warn_user(
                f"{name}: the risk has no minimum; the classes are told apart without error, and the linear predictor "
                f"of {fitted.n_clipped} training rows left the range of the link. Set alpha > 0.",
                ConvergenceWarning,
            )
        elif not (self.converged_ or solution.descent.stopped):
            warn_user(
                f"{name} stopped after {solution.descent.n_iter} iterations, the last of which lowered the risk by "
                f"{solution.descent.decrease:.2e} of its scale, more than tol={self.tol}. Increase max_iter or tol.",
                ConvergenceWarning,
            )

    def _warn_of_reward(self, reward):
        warn_user(
            f"{type(self).__name__}: the unbiased penalty is negative by chance and rewards predictions for growing, "
            f"by {reward:.2g} of half the mean deviance. Use measure=DistanceCovariancePenalty(..., unbiased=False) or "
            "a smaller fairness_weight.",
            NegativePenaltyWarning,
        )

    def _warn_of_shrinkage(self, shrinkage):
        ratio = shrinkage.correlation_ratio
        fell = "to nothing" if shrinkage.variance_ratio == 0.0 else f"to {shrinkage.variance_ratio:.3g} of what it was"
        dependence = "" if ratio is None else f", their squared distance correlation with the attributes to {ratio:.3g}"
        warn_user(
            f"{type(self).__name__}: the penalty was paid by shrinking predictions rather than by making them less "
            f"dependent. Compared with the fit without penalty, their variance fell {fell}{dependence}. Use "
            "normalize='dcor', which is free of scale, or a smaller fairness_weight.",
            ShrinkageWarning,
        )


class FairRegressor(RegressorMixin):
    """Targets and predictions of a fair regressor with the parameters ``loss``, ``power`` and ``penalize_on``."""

    power = 1.5

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma", "tweedie")
        return tags

    def _target(self, y, weights):
        """Loss, targets and the weights of the rows in the loss: ones for None."""
        weights = np.ones(len(y)) if weights is None else weights
        loss = regression_loss(self.loss, self.power)
        if self.penalize_on == "count" and not loss.log_link:
            raise ValueError(
                f"penalize_on='count' needs a loss with log link, such as 'poisson'. Got loss={self.loss!r}."
            )
        y = y.astype(np.float64, copy=False)
        loss.check_target(y, weights)
        self._has_log_link = loss.log_link
        return loss, y, weights

    def predict(self, X: MatrixLike) -> FloatArray:
        """Predicted means.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, with the columns of ``fit``. Sensitive columns that were dropped are ignored.

        Returns
        -------
        means : ndarray of shape (n_samples,)
            The predicted mean of each row: rates, if ``fit`` had exposures as weights.
        """
        u = self._predictor(self._features(X))
        return regression_loss("poisson" if self._has_log_link else "squared_error", None).mean(u)


class FairClassifier(ClassifierMixin):
    """Targets and predictions of a fair classifier with the parameter ``class_weight``."""

    class_weight = None

    def _target(self, y, weights):
        """Loss, class codes and the weights of the rows in the loss: ones for None."""
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        check_two_classes(self.classes_, weights)
        n_classes = len(self.classes_)
        weights = np.ones(len(y)) if weights is None else weights
        if self.class_weight is not None:
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y, sample_weight=weights)
            if not np.all(np.isfinite(factors) & (factors > 0.0)):
                raise ValueError(f"class_weight must be positive for every class. Got {factors.tolist()}.")
            weights = weights * factors[codes]
        if n_classes == 2:
            return HalfBinomialLoss(), codes.astype(np.float64), weights
        return HalfMultinomialLoss(n_classes), codes, weights

    def _class_loss(self):
        return HalfBinomialLoss() if len(self.classes_) == 2 else HalfMultinomialLoss(len(self.classes_))

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Linear predictors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, with the columns of ``fit``.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log odds of the second of two classes; of several classes the one with the largest score is predicted.
        """
        return self._predictor(self._features(X))

    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, with the columns of ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        u = self.decision_function(X)
        mean = self._class_loss().mean(u)
        return np.column_stack([1.0 - mean, mean]) if mean.ndim == 1 else mean

    def predict_log_proba(self, X: MatrixLike) -> FloatArray:
        """Logarithms of the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, with the columns of ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite, since linear predictors are clipped.
        """
        u = self.decision_function(X)
        loss = self._class_loss()
        codes = np.arange(len(self.classes_))
        columns = [-loss.value(np.full(len(u), code), u) for code in codes]
        return np.column_stack(columns)

    def predict(self, X: MatrixLike) -> LabelArray:
        """Most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, with the columns of ``fit``.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            One of ``classes_`` per row.
        """
        scores = self.decision_function(X)
        return self.classes_[(scores > 0.0).astype(int) if scores.ndim == 1 else np.argmax(scores, axis=1)]


def _as_tabular(estimator, X):
    """A frame or sparse matrix as it is, anything else as an array of two dimensions that may hold strings."""
    if is_frame(X):
        if 0 in X.shape:
            raise ValueError(
                f"Found a table with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) (shape={tuple(X.shape)}) while "
                "a minimum of 1 is required."
            )
        return X
    checked = check_array(
        X, accept_sparse=True, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X"
    )
    return checked if sparse.issparse(checked) or hasattr(X, "dtype") else as_table(X, "X")


def _as_csr_array(X):
    return sparse.csr_array(X) if sparse.issparse(X) else X
