"""Result objects of a fitted PRESTO model: which features deviate where, and the relaxed refit."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from .._support.data_frames import data_frame
from .._support.validation import check_sample_weight, validate_data
from .._typing import DataFrame
from ..certificate import Certificate, format_table
from ._cut_classifier import warn_unless_converged
from ._inference import coordinate_covariance
from ._penalty import Penalty
from ._solver import DomainSolver

__all__ = ["DeviatingTransitions", "RelaxedFit", "relaxed_fit"]

INPUT_ATTRIBUTES = ("n_features_in_", "feature_names_in_")
DOMAIN_CLAIMS = {
    "observed": "",
    "train": " and whose cuts cross at no training row",
    "box": " and whose cuts cross nowhere in the bounding box of the training data",
}


def _cut_names(classes):
    return [f"{low}|{high}" for low, high in zip(classes[:-1], classes[1:], strict=True)]


@dataclass(frozen=True)
class DeviatingTransitions:
    """Where the slopes of neighboring cuts differ.

    Attributes
    ----------
    features : tuple of str
        One entry per non-zero difference.
    cuts : tuple of str
        The cut at which it appears, as ``"class_k|class_{k+1}"``.
    differences : tuple of float
        Change of the cut logit's slope against the previous cut, per original unit, in exceedance sign.
    parallel : tuple of str
        Features with the same slope at every cut.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import PrestoClassifier
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> transitions = PrestoClassifier(alpha=0.01).fit(X, y).deviating_transitions()
    >>> len(transitions) == len(transitions.features)
    True
    """

    features: tuple[str, ...]
    cuts: tuple[str, ...]
    differences: tuple[float, ...]
    parallel: tuple[str, ...]

    @classmethod
    def _from_differences(cls, coef_diff, names, classes):
        """Collect the non-zero entries after the first row of ``coef_diff``, feature by feature."""
        feature, cut = np.nonzero(coef_diff[1:].T)
        cuts = _cut_names(classes)
        deviating = set(feature.tolist())
        return cls(
            features=tuple(names[index] for index in feature),
            cuts=tuple(cuts[index + 1] for index in cut),
            differences=tuple(coef_diff[cut + 1, feature].tolist()),
            parallel=tuple(name for index, name in enumerate(names) if index not in deviating),
        )

    def __len__(self) -> int:
        return len(self.features)

    def to_frame(self) -> DataFrame:
        """Table of the differences.

        Returns
        -------
        frame : pandas.DataFrame
            Columns feature, cut and difference.
        """
        columns = {"feature": self.features, "cut": self.cuts, "difference": self.differences}
        return data_frame(columns, "DeviatingTransitions.to_frame")

    def __str__(self):
        rows = [
            (feature, cut, f"{difference:+.4g}")
            for feature, cut, difference in zip(self.features, self.cuts, self.differences, strict=True)
        ]
        table = format_table(("feature", "cut", "difference"), rows, right=(2,)) if rows else "No feature deviates."
        return f"{table}\nParallel throughout: {', '.join(self.parallel) or 'none'}"

    __repr__ = __str__


@dataclass(frozen=True)
class RelaxedFit:
    """Unpenalized refit of a selected support: **post-selection, not valid inference**.

    Attributes
    ----------
    estimator : PrestoClassifier
        The refit, for predictions.
    features : tuple of str
        One entry per selected coordinate.
    cuts : tuple of str
        The cut at which its difference appears; the first cut holds the shared slopes.
    differences : tuple of float
        Refitted coefficient differences, per original unit, in exceedance sign.
    standard_errors : tuple of float
        Wald standard errors that ignore the selection and the crossing constraints; infinite when the selected columns
        are collinear or the data separable.
    certificate : Certificate
        That of the refit, with the selection among its assumptions.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import PrestoClassifier
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> model = PrestoClassifier(alpha=0.01).fit(X, y)
    >>> relaxed = model.relaxed_fit(X, y)
    >>> relaxed.estimator.log_likelihood_ > model.log_likelihood_
    True
    """

    estimator: Any
    features: tuple[str, ...]
    cuts: tuple[str, ...]
    differences: tuple[float, ...]
    standard_errors: tuple[float, ...]
    certificate: Certificate

    def to_frame(self) -> DataFrame:
        """Table of the refitted coordinates.

        Returns
        -------
        frame : pandas.DataFrame
            Columns feature, cut, difference and standard_error.
        """
        columns = {
            "feature": self.features,
            "cut": self.cuts,
            "difference": self.differences,
            "standard_error": self.standard_errors,
        }
        return data_frame(columns, "RelaxedFit.to_frame")

    def __str__(self):
        rows = [
            (feature, cut, f"{difference:+.4g}", f"{error:.3g}")
            for feature, cut, difference, error in zip(
                self.features, self.cuts, self.differences, self.standard_errors, strict=True
            )
        ]
        headers = ("feature", "cut", "difference", "standard error")
        table = format_table(headers, rows, right=(2, 3)) if rows else "Nothing was selected: intercepts only."
        return f"Post-selection, not valid inference\n{table}"

    __repr__ = __str__


def relaxed_fit(model, X, y, sample_weight):
    """Refit the non-zero differences of the fitted ``model`` without penalty; see `PrestoClassifier.relaxed_fit`."""
    refit = model._unfitted()
    problem = _fitted_problem(model, X, y, sample_weight)
    support = model.coef_diff_ != 0.0
    lasso = np.where(np.column_stack([np.ones(len(support), dtype=bool), support]), 0.0, np.inf)
    penalty = Penalty(lasso, np.zeros_like(lasso))
    solver = DomainSolver(problem.loss, problem.standard, model.crossing, tol=model.tol, max_iter=model.max_iter)
    solution = solver.solve(penalty)
    warn_unless_converged(solution, "relaxed_fit", model.tol, cure="Relax a fit with a larger alpha")
    refit._store(problem, solver, solution, penalty, model.classes_)
    vars(refit).update({name: vars(model)[name] for name in INPUT_ATTRIBUTES if name in vars(model)})
    refit.certificate_ = _relaxed_certificate(refit, model.crossing)
    block, feature = np.nonzero(support)
    names, cuts = model._feature_names(), _cut_names(model.classes_)
    return RelaxedFit(
        estimator=refit,
        features=tuple(names[index] for index in feature),
        cuts=tuple(cuts[index] for index in block),
        differences=tuple(refit.coef_diff_[block, feature].tolist()),
        standard_errors=tuple(_slope_errors(problem, solution, penalty.free).tolist()),
        certificate=refit.certificate_,
    )


def _fitted_problem(model, X, y, sample_weight):
    """The problem of ``model`` on its training data; data with other features or classes are refused."""
    X = validate_data(model, X, accept_sparse="csr", dtype=np.float64, reset=False)
    check_consistent_length(X, y)
    present = check_sample_weight(sample_weight, X) > 0.0
    fitted, found = set(model.classes_.tolist()), set(column_or_1d(y)[present].tolist())
    if fitted != found:
        new, missing = sorted(found - fitted, key=str), sorted(fitted - found, key=str)
        raise ValueError(
            f"relaxed_fit needs the training data of fit, with classes {model.classes_.tolist()}. y has other labels "
            f"{new}, and no rows of {missing}."
        )
    reader = model._unfitted().set_params(classes=model.classes_)
    return reader._problem(X, y, sample_weight)[0]


def _relaxed_certificate(refit, crossing):
    """The claim of the refit is about the selected support and the likelihood alone."""
    found = refit.certificate_
    return replace(
        found,
        claim=(
            f"Among all coefficients that are zero outside the selected support{DOMAIN_CLAIMS[crossing]}, none has a "
            f"mean negative log-likelihood smaller than the fitted {refit.objective_:.6g} by more than "
            f"{refit.dual_gap_:.2g}."
        ),
        assumptions=("the selected coordinates were fixed in advance (they were not)", *found.assumptions),
    )


def _slope_errors(problem, solution, free):
    block, column = np.nonzero(free)
    slopes = column > 0
    covariance = None if solution.separated else coordinate_covariance(problem, solution.point, free)
    if covariance is None:
        return np.full(np.count_nonzero(slopes), np.inf)
    return np.sqrt(np.diag(covariance)[slopes]) / problem.standard.scale[column[slopes] - 1]
