"""PRESTO with its penalty chosen by cross-validation along one path."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import sklearn
from sklearn.metrics import get_scorer
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from .._support._sklearn import Interval, StrOptions, _fit_context, _safe_indexing
from .._support.base import unchanged_on_error
from .._support.parallel import run_parallel
from .._support.progress import fit_progress
from .._typing import ArrayLike, CrossValidation, LegacyRandomState, MatrixLike
from ._cut_classifier import warn_unless_converged
from ._folds import make_folds, rows_of
from ._labels import warn_if_unsorted
from ._path import resolve_alphas, trace_path
from ._penalty import presto_penalty
from ._presto import PENALTY_CONSTRAINTS, PrestoClassifier, PrestoModel, coefficients
from ._probabilities import REPAIRS, class_log_probabilities, class_probabilities, rearrange_cumulative
from ._problem import ordinal_problem
from ._solver import DomainSolver

__all__ = ["PrestoClassifierCV"]


def negative_brier(logits, codes, weights):
    """Minus the weighted mean over rows of the squared errors summed over classes."""
    errors = class_probabilities(logits) - np.eye(logits.shape[1] + 1)[codes]
    return -float(np.average((errors**2).sum(axis=1), weights=weights))


def mean_log_likelihood(logits, codes, weights):
    """Weighted mean log-probability of the observed classes."""
    return float(np.average(class_log_probabilities(logits)[np.arange(len(codes)), codes], weights=weights))


class ScoredClassifier(PrestoClassifier):
    """What a scorer sees: crossing rows are repaired as for the built-in scores, without a warning per penalty."""

    def _repaired_logits(self, X):
        return REPAIRS[self.repair](self.cut_logits(X))


SCORES = {"brier": negative_brier, "neg_log_loss": mean_log_likelihood}


class PrestoClassifierCV(PrestoModel):
    """`PrestoClassifier` with ``alpha`` chosen by cross-validation.

    Every fold and the whole sample get one warm-started path over the same penalties. A fold whose training part lacks
    a class is an error, never a smaller model.

    Parameters
    ----------
    alphas : int or array-like of shape (n_alphas,), default=50
        Penalties to compare, or the length of a geometric grid that starts at `presto_alpha_max`.
    eps : float, default=1e-2
        Smallest over largest penalty of that grid.
    cv : int, splitter, iterable or None, default=5
        Number of stratified folds (None means 5), a scikit-learn splitter, or an iterable of (train, test) pairs of row
        positions or boolean masks. A number is lowered, with a `RareClassWarning`, to the size of the rarest class with
        more than one row; the row of a class with a single one stays in every training part. Rows of weight zero are
        in no fold, and a splitter does not see them.
    scoring : str or callable, default="brier"
        ``"brier"`` (squared error summed over classes, negated), ``"neg_log_loss"``, or any scikit-learn scorer. When
        the classes are not in sorted order a scorer sees their positions 0, 1, ... instead of the labels.
        Probabilities of rows at which cuts cross are repaired by sorting before they are scored.
    selection : {"min", "1se"}, default="min"
        The penalty with the best mean score, ties going to the larger one; or the largest penalty within one standard
        error of it, which costs accuracy in the paper's designs.
    n_jobs : int, default=None
        Number of folds fitted at once, in threads; None means 1 unless in a `joblib.parallel_config` context.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows before the folds are made when ``cv`` is a number; None keeps their order.
    base_penalty : float, default=1.0
        Weight of the penalty on the first cut's own slopes; see `PrestoClassifier`.
    l1_ratio : float, default=1.0
        Share of the lasso in the penalty; 0 needs an array of ``alphas``.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative weight of each feature's penalty.
    crossing : {"train", "observed", "box"}, default="train"
        Where the cuts must keep their order; see `PrestoClassifier`.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest; see `PrestoClassifier`.

    Attributes
    ----------
    alpha_ : float
        The chosen penalty.
    alphas_ : ndarray of shape (n_alphas,)
        The penalties compared, in decreasing order.
    alpha_1se_ : float
        The largest penalty whose mean score is within one standard error of the best.
    best_index_ : int
        Position of ``alpha_`` in ``alphas_``.
    cv_scores_ : ndarray of shape (n_folds, n_alphas)
        Scores of the test parts; greater is better.
    coefs_path_ : ndarray of shape (n_alphas, n_classes - 1, n_features)
        Coefficients of the fits to all rows.
    intercepts_path_ : ndarray of shape (n_alphas, n_classes - 1)
        Their intercepts.
    classes_ : ndarray of shape (n_classes,)
        The classes from lowest to highest.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Slopes of the cut logits at ``alpha_``, fitted to all rows; see `PrestoClassifier` for the sign.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercepts of the cut logits.
    coef_diff_ : ndarray of shape (n_classes - 1, n_features)
        Differences between the slopes of neighboring cuts.
    n_iter_ : int
        Newton steps of the chosen fit, at least 1.
    dual_gap_ : float
        Upper bound on ``objective_`` minus the smallest possible value.
    objective_ : float
        Penalized mean negative log-likelihood of the chosen fit.
    log_likelihood_ : float
        Its weighted total log-likelihood.
    df_ : int
        Its non-zero differences plus the number of intercepts.
    n_crossing_train_ : int
        Training rows at which some cuts cross.
    mean_, scale_ : ndarray of shape (n_features,)
        Weighted means and population standard deviations.
    certificate_ : Certificate
        That of the chosen fit. It does not cover the choice.
    n_features_in_ : int
        Number of features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.

    See Also
    --------
    PrestoClassifier : One penalty. Search ``base_penalty`` too with `sklearn.model_selection.GridSearchCV`.

    Notes
    -----
    The remaining settings of `PrestoClassifier` (``standardize``, ``repair``, ``tol``, ``max_iter``) have their
    defaults. There is no ``class_weight``: it would distort the probabilities that the scores judge.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import PrestoClassifierCV
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> model = PrestoClassifierCV(alphas=20, random_state=0).fit(X, y)
    >>> model.cv_scores_.shape
    (5, 20)
    >>> bool(model.alpha_ <= model.alpha_1se_)
    True
    """

    _parameter_constraints: dict = {
        "alphas": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "eps": [Interval(Real, 0, 1, closed="right")],
        "cv": ["cv_object"],
        "scoring": [str, callable],
        "selection": [StrOptions({"min", "1se"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        **PENALTY_CONSTRAINTS,
    }

    def __init__(
        self,
        alphas: int | ArrayLike = 50,
        *,
        eps: float = 1e-2,
        cv: CrossValidation | None = 5,
        scoring: str | Callable[..., Any] = "brier",
        selection: Literal["min", "1se"] = "min",
        n_jobs: int | None = None,
        random_state: LegacyRandomState = None,
        base_penalty: float = 1.0,
        l1_ratio: float = 1.0,
        penalty_factor: ArrayLike | None = None,
        crossing: Literal["train", "observed", "box"] = "train",
        classes: ArrayLike | None = None,
    ) -> None:
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.base_penalty = base_penalty
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.crossing = crossing
        self.classes = classes

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Choose the penalty and fit all rows with it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, used in the fits and in the scores.
        **params : dict
            Metadata for the splitter or scorer, such as ``groups``; needs metadata routing.

        Returns
        -------
        self : PrestoClassifierCV
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, when ``cv`` yields no split or one that is not made of rows, and when the
            training part of a fold lacks a class or its test part has no rows of positive weight.

        Warns
        -----
        ClassOrderWarning
            When the classes do not sort in their order, so that scikit-learn's own tools would mistake them.
        RareClassWarning
            When a class has fewer rows than there are folds.
        ConvergenceWarning
            When the chosen fit did not converge.
        """
        routed_split, routed_score = self._route(sample_weight, params)
        table, codes, weights, classes = self._check_training_data(X, y, sample_weight)
        warn_if_unsorted(classes)
        X, y = indexable(X, y)  # splitters and scorers see rows of what the user gave
        problem, penalty = self._standardized(table, codes, weights)
        folds = make_folds(
            self.cv, X, y, codes, weights, classes, random_state=self.random_state, metadata=routed_split
        )
        solver = self._solver(problem)
        alphas = resolve_alphas(self.alphas, self.eps, solver, penalty, self.l1_ratio)
        score = self._score_function(X, y, table, codes, weights, classes, routed_score)
        with fit_progress(self, X, y, max_subtasks=len(folds) + 1, sequential=False) as progress:
            tasks = [progress.subtask(f"fold {index}", len(alphas)) for index in range(len(folds))]
            whole = progress.subtask("all rows", len(alphas))
            scores = run_parallel(
                self._fold_scores,
                [
                    (table, codes, weights, train, test, alphas, score, task)
                    for (train, test), task in zip(folds, tasks, strict=True)
                ],
                n_jobs=self.n_jobs,
            )
            self._select(alphas, np.array(scores))
            self._fit_whole_path(problem, solver, penalty, classes, whole)
        return self

    def _solver(self, problem):
        return DomainSolver(problem.loss, problem.standard, self.crossing, tol=self.tol, max_iter=self.max_iter)

    def _standardized(self, table, codes, weights):
        problem = ordinal_problem(table, codes, weights, standardize=self.standardize)
        return problem, self._penalty_weights(problem)

    def _fold_scores(self, table, codes, weights, train, test, alphas, score, progress):
        """Scores of the test part along the path of the training part."""
        problem, penalty = self._standardized(table[train], codes[train], weights[train])
        solver = self._solver(problem)
        scores = []
        with progress:
            for solution in trace_path(solver, penalty, self.l1_ratio, alphas):
                coef, intercept, _ = problem.linear_predictor(solution.theta)
                scores.append(score(coef, intercept, test))
                progress.step()
        return scores

    def _select(self, alphas, scores):
        finite = np.isfinite(scores).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"scoring={self.scoring!r} gave scores that are not finite in folds "
                f"{np.flatnonzero(~finite).tolist()}: no penalty can be chosen. Use fewer folds or another rule."
            )
        means = scores.mean(axis=0)
        best = int(np.argmax(means))
        error = scores[:, best].std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
        within = int(np.argmax(means >= means[best] - error))
        self.alphas_, self.cv_scores_ = alphas, scores
        self.alpha_1se_ = float(alphas[within])
        self.best_index_ = best if self.selection == "min" else within
        self.alpha_ = float(alphas[self.best_index_])

    def _fit_whole_path(self, problem, solver, weights, classes, progress):
        coefs, intercepts, chosen = [], [], None
        with progress:
            for index, solution in enumerate(trace_path(solver, weights, self.l1_ratio, self.alphas_)):
                fitted = coefficients(problem, solution.theta, classes)
                coefs.append(fitted["coef_"])
                intercepts.append(fitted["intercept_"])
                chosen = solution if index == self.best_index_ else chosen
                progress.step(fitted.copy)
        warn_unless_converged(chosen, type(self).__name__, self.tol)
        self.coefs_path_, self.intercepts_path_ = np.array(coefs), np.array(intercepts)
        self._store(problem, solver, chosen, presto_penalty(self.alpha_, self.l1_ratio, weights), classes)

    def _score_function(self, X, y, table, codes, weights, classes, routed):
        if self.scoring in SCORES:
            rule = SCORES[self.scoring]

            def score(coef, intercept, test):
                exceedance = -rearrange_cumulative(-(table[test] @ coef.T + intercept))
                return rule(exceedance, codes[test], weights[test])

            return score
        scorer = get_scorer(self.scoring)
        if "sample_weight" in routed:
            routed = {**routed, "sample_weight": weights}
        in_order = np.array_equal(np.sort(classes), classes)  # else the scorer would take the columns for sorted labels
        labels, targets = (classes, y) if in_order else (np.arange(classes.size), codes)

        def score(coef, intercept, test):
            model = ScoredClassifier(**self._unfitted().get_params())
            vars(model).update(classes_=labels, coef_=coef, intercept_=intercept, n_features_in_=coef.shape[1])
            if hasattr(self, "feature_names_in_"):
                model.feature_names_in_ = self.feature_names_in_
            metadata = rows_of(routed, test, len(codes))
            return scorer(model, _safe_indexing(X, test), _safe_indexing(targets, test), **metadata)

        return score

    def _unfitted(self):
        return PrestoClassifier(
            alpha=getattr(self, "alpha_", 0.0),
            base_penalty=self.base_penalty,
            l1_ratio=self.l1_ratio,
            penalty_factor=self.penalty_factor,
            crossing=self.crossing,
            classes=self.classes,
        )

    def _route(self, sample_weight, params):
        """Metadata for the splitter and for the scorer."""
        if sklearn.get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return routed.splitter.split, {} if self.scoring in SCORES else routed.scorer.score
        if params:
            raise ValueError(
                f"fit got {sorted(params)}, which only metadata routing can deliver: call "
                "sklearn.set_config(enable_metadata_routing=True) first."
            )
        return {}, {} if sample_weight is None else {"sample_weight": sample_weight}

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata ``fit`` hands to the splitter and to the scorer.

        Returns
        -------
        routing : MetadataRouter
            ``sample_weight`` of the fits and the built-in scores is this estimator's own request.
        """
        splitter = self.cv if hasattr(self.cv, "split") else StratifiedKFold()
        router = MetadataRouter(owner=self).add_self_request(self)
        router.add(splitter=splitter, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        if self.scoring not in SCORES:
            scorer = get_scorer(self.scoring)
            router.add(scorer=scorer, method_mapping=MethodMapping().add(caller="fit", callee="score"))
        return router
