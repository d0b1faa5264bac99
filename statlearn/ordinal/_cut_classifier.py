"""What every classifier made of cut logits shares: reading its training data and predicting."""

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support.base import StatlearnEstimator
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, check_two_classes, validate_data
from .._typing import FloatArray, LabelArray, MatrixLike
from ..exceptions import CrossingWarning
from ._labels import declared_order, encode_labels, refuse_missing, refuse_objects
from ._probabilities import REPAIRS, class_log_probabilities, class_probabilities, crossing_rows

__all__ = ["CutLogitClassifier", "warn_unless_converged"]

SMALLEST_SHARE = 1e-12  # of the total weight that a class needs


def warn_unless_converged(solution, owner, tol, *, cure="Use alpha>0 (and base_penalty>0)"):
    """Warn that a fit has no minimizer, and of its ``cure``, or that the solver ran out of steps."""
    if solution.separated:
        warn_user(
            f"{owner}: the data are separable (perfectly or in part) along unpenalized slopes: the likelihood has no "
            f"maximizer and the slopes would grow forever. {cure}.",
            ConvergenceWarning,
        )
    elif not solution.converged:
        warn_user(
            f"{owner} stopped after {solution.n_iter} Newton steps with a violation of the optimality conditions of "
            f"{solution.violation:.2e} and a duality gap of {solution.gap:.2e}; one of them exceeds tol={tol}. "
            "Increase max_iter or alpha, or scale the features.",
            ConvergenceWarning,
        )


def _check_shares(codes, weights, classes):
    """Refuse weights so unequal that the intercepts of some class coincide in floating point."""
    totals = np.bincount(codes, weights)
    smallest = int(np.argmin(totals))
    if totals[smallest] < SMALLEST_SHARE * totals.sum():
        raise ValueError(
            f"sample_weight and class_weight leave class {classes.tolist()[smallest]!r} a share of "
            f"{totals[smallest] / totals.sum():.2g} of the total weight, which is too little to tell its intercepts "
            f"apart. Give it at least {SMALLEST_SHARE:g}, or merge it with its neighbor."
        )


class CutLogitClassifier(ClassifierMixin, StatlearnEstimator):
    """Ordinal classifier with one linear predictor per cut between adjacent classes.

    Subclasses have the parameters ``classes`` and ``class_weight`` or set them as class attributes, and leave
    ``classes_``, ``coef_`` of shape (n_classes - 1, n_features) and ``intercept_`` of shape (n_classes - 1,) after
    ``fit``, in exceedance sign: ``log P(y > classes_[k]) / P(y <= classes_[k]) = x'coef_[k] + intercept_[k]``.
    """

    repair = "sort"
    class_weight = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_training_data(self, X, y, sample_weight):
        """Validated table, class positions, weights and ordered classes."""
        refuse_missing(y)
        order = declared_order(y) if self.classes is None else self.classes
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        X = sparse.csr_array(X) if sparse.issparse(X) else X
        refuse_objects(y)
        check_classification_targets(y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        classes, codes = encode_labels(y, classes=order, weights=weights, owner=type(self).__name__)
        check_two_classes(classes, sample_weight)
        if self.class_weight is not None:
            labels = classes[codes]
            if isinstance(self.class_weight, dict) and not set(self.class_weight) <= set(classes.tolist()):
                unknown = sorted(set(self.class_weight) - set(classes.tolist()), key=str)
                raise ValueError(f"class_weight names {unknown}, which are not among the classes {classes.tolist()}.")
            factors = compute_class_weight(self.class_weight, classes=classes, y=labels, sample_weight=weights)
            if not np.all(np.isfinite(factors) & (factors > 0.0)):
                raise ValueError(
                    f"class_weight must give every class a positive, finite factor. Got {factors.tolist()} for "
                    f"{classes.tolist()}: to leave a class out, remove its rows."
                )
            weights = weights * factors[codes]
        _check_shares(codes, weights, classes)
        return X, codes, weights, classes

    def cut_logits(self, X: MatrixLike) -> FloatArray:
        """Logits of exceeding each cut, as fitted: crossing rows are not repaired.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes - 1)
            ``log P(y > classes_[k]) / P(y <= classes_[k])``, natural logarithms.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_

    def _repaired_logits(self, X):
        logits = self.cut_logits(X)
        n_crossing = int(np.count_nonzero(crossing_rows(logits)))
        if n_crossing:
            done = "left as they are" if self.repair == "none" else f"repaired (repair={self.repair!r})"
            warn_user(
                f"The cuts cross at {n_crossing} of {len(logits)} rows: a class probability would be negative there. "
                f"They were {done}. A larger alpha makes crossings rarer; crossing='box' rules them out within the "
                "range of the training rows.",
                CrossingWarning,
            )
        return REPAIRS[self.repair](logits)

    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; rows sum to one. Without repair a crossing row can hold negative
            entries.

        Warns
        -----
        CrossingWarning
            Once, with the number of rows at which the cuts cross.
        """
        return class_probabilities(self._repaired_logits(X))

    def predict_log_proba(self, X: MatrixLike) -> FloatArray:
        """Logarithms of the class probabilities, accurate far in the tails.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            ``-inf`` for a class between cuts whose logits are equal, after a repair or because the row is so far away
            that rounding makes them so.

        Raises
        ------
        ValueError
            When cuts cross and ``repair="none"``: negative probabilities have no logarithm.
        """
        return self._log_probabilities(X)

    def _log_probabilities(self, X):
        logits = self._repaired_logits(X)
        if self.repair == "none" and crossing_rows(logits).any():
            raise ValueError(
                "Log-probabilities are undefined at rows whose cuts cross, where some probability is negative. Set "
                "repair='sort'; crossing='box' excludes crossings within the range of the training rows only."
            )
        return class_log_probabilities(logits)

    def cumulative_proba(self, X: MatrixLike) -> FloatArray:
        """Probabilities of not exceeding each cut.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        cumulative : ndarray of shape (n_samples, n_classes - 1)
            ``P(y <= classes_[k])``.
        """
        logits = self._repaired_logits(X)
        return 0.5 * (1.0 - np.tanh(0.5 * logits))

    def predict(self, X: MatrixLike) -> LabelArray:
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The mode of `predict_proba`.
        """
        probabilities = class_probabilities(self._repaired_logits(X))
        return self.classes_[np.argmax(probabilities, axis=1)]

    def predict_median(self, X: MatrixLike) -> LabelArray:
        """Median class of each row: the prediction with the least expected distance in class steps.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The first class whose cumulative probability reaches one half.
        """
        logits = self._repaired_logits(X)
        return self.classes_[np.count_nonzero(logits > 0.0, axis=1)]

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Scores whose largest entry is at the predicted class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of the higher one, else the log-probabilities: ``-inf`` for a class between
            cuts whose logits are equal, after a repair or because the row is so far away that rounding makes them so.

        Raises
        ------
        ValueError
            With three classes or more, when cuts cross and ``repair="none"``: negative probabilities have no logarithm.
        """
        if len(getattr(self, "classes_", ())) == 2:
            return self.cut_logits(X).ravel()
        return self._log_probabilities(X)
