"""A classifier whose predictions are Fréchet means over a metric label space."""

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import sklearn
from sklearn.base import ClassifierMixin, MetaEstimatorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from .._support._sklearn import HasMethods, StrOptions, _fit_context, _num_samples
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.delegation import check_delegated_rows, ordered_labels, refuse_unrouted
from .._support.parallel import run_parallel
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.validation import check_sample_weight, refuse_masked, require_target
from .._typing import ArrayLike, CrossValidation, Estimator, FloatArray, LabelArray, MatrixLike
from ._certificates import fit_certificate
from ._decision import LARGEST_TABLE, POWER, TEMPERATURE, TIE_BREAKS, frechet_scores, tempered
from ._decision_rule import DecisionRule
from ._inner_classifier import calibrated, check_calibration, class_weights, classes_known_before, fit_classifier
from ._label_metric import LabelMetric
from ._locus import locus
from ._metrics import DiscreteMetric
from ._selection import next_class_order
from ._temperature import TEMPERATURES, choose_temperature, classification_folds, score_fold

__all__ = ["LokiClassifier"]


class LokiClassifier(ClassifierMixin, MetaEstimatorMixin, CallbackSupportMixin, StatlearnEstimator):
    r"""Classifier that predicts the label nearest, in the mean, to what another classifier thinks likely.

    A classifier knows the labels it was trained on, :math:`\lambda_1, \dots, \lambda_K`. They belong to a larger space
    of N labels with distances between them: a taxonomy, a scale, a map. In place of the most probable label,

    .. math:: \hat y(x) = \arg\min_v \sum_{i=1}^K P(\lambda_i \mid x)\, d(\lambda_i, v)^2

    is predicted, over all N labels v. So errors are near misses, and labels never seen in training can be predicted.
    The classifier is trained as usual, or was trained by somebody else.

    Parameters
    ----------
    estimator : estimator or None, default=None
        The classifier; None means `sklearn.linear_model.LogisticRegression`. One that is fitted already, in a
        `sklearn.frozen.FrozenEstimator`, stays as it is; ``y`` may then have labels that it does not know.
    metric : "discrete" or LabelMetric, default="discrete"
        The label space. "discrete" takes the labels of ``y``, any two of them at distance 1: the most probable label is
        predicted.
    label_space : array-like of labels, "observed" or None, default=None
        Labels that may be predicted; None for all, "observed" for those that the classifier knows.
    power : float, default=2
        Power of the distances: 2 for the Fréchet mean, 1 for the median.
    temperature : float or "auto", default=1.0
        Probabilities are taken to the power 1 / temperature. Towards 0 the most probable label is predicted, for large
        values a constant one. "auto" takes the best of 17 values from 0.1 to 10 on rows left out by ``cv``.
    calibration : {"sigmoid", "isotonic", "temperature"} or None, default=None
        Calibrates the probabilities, by `sklearn.calibration.CalibratedClassifierCV` with the same ``cv``.
    cv : int, splitter or iterable, default=5
        Folds of ``temperature="auto"`` and of ``calibration``. With `LeaveClassesOut` the temperature is chosen for
        labels that training has not seen; all other folds judge it on labels that it has.
    response_method : {"predict_proba", "decision_function"}, default="predict_proba"
        What the classifier gives. Softmax turns decision values into probabilities; those of two classes are taken for
        log odds.
    tie_break : {"first", "observed"}, default="first"
        Which of several minimizers is predicted: the first in the order of the metric, or the observed one with the
        largest probability, if any is observed.
    backend : str, default="auto"
        How minimizers are found; see `frechet_predict`.
    n_jobs : int or None, default=None
        Number of folds fitted at a time.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        All labels of the metric, sorted.
    observed_classes_ : ndarray of shape (n_observed,)
        Labels that the classifier knows.
    observed_indices_ : ndarray of int of shape (n_observed,)
        Their positions in ``metric_.labels_``.
    metric_ : LabelMetric
        The label space.
    estimator_ : estimator
        The fitted classifier; a `sklearn.dummy.DummyClassifier` if ``y`` has a single label.
    temperature_ : float
        The temperature.
    cv_scores_ : ndarray of shape (17,) or None
        Mean distance to the power of left-out rows at the temperatures ``numpy.logspace(-1, 1, 17)``; smaller is
        better. None if the temperature was given.
    certificate_ : Certificate
        Which share of the labels can ever be predicted, what the best constant label scores, with
        ``temperature="auto"`` whether left-out rows favor this rule, and a report on the certificate of the classifier,
        if it has one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where ``X`` has any.

    Raises
    ------
    TypeError
        If the estimator is no classifier, or takes no sample weights where there are some.
    ValueError
        If ``y`` has labels that the metric lacks, or parameters contradict each other.

    See Also
    --------
    frechet_predict : The decision for given probabilities.
    loki_report : How it compares with other rules.
    LeaveClassesOut : Folds that hide whole classes.

    Notes
    -----
    If the probabilities are right and of all labels, this is Bayes' rule for the squared distance: no other rule has a
    smaller mean squared distance. With labels not seen in training it is a heuristic.

    Which labels can be predicted at all follows from the metric and the observed labels: see `locus`. Where all classes
    are leaves of a taxonomy at the same depth, no unseen label ever is.

    Sample weights go to the fit of the classifier and weigh the rows in scores of temperatures. Other metadata, and
    ``groups`` for the splitter, need metadata routing.

    References
    ----------
    Roberts, Li, Adila, Cromp, Huang, Zhao, Sala (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS
    2023, arXiv:2307.12226.

    Examples
    --------
    The progression of diabetes on a scale of 20 levels, six of which are seen in training:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from statlearn.frechet import ChainMetric, LokiClassifier, mean_squared_distance
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y = np.digitize(y, np.linspace(25, 346, 21)[1:-1])
    >>> seen, scale = np.isin(y, [0, 3, 7, 11, 15, 18]), ChainMetric(range(20))
    >>> classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    >>> loki = LokiClassifier(classifier, metric=scale).fit(X[seen], y[seen])
    >>> loki.certificate_["labels that can be predicted"].statistic
    19
    >>> argmax = loki.observed_classes_[loki.predict_observed_proba(X).argmax(axis=1)]
    >>> for predicted in (argmax, loki.predict(X)):
    ...     print(f"{mean_squared_distance(y[~seen], predicted[~seen], scale):.0f}")
    16
    13
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "metric": [StrOptions({"discrete"}), LabelMetric],
        "label_space": [StrOptions({"observed"}), "array-like", None],
        "power": POWER,
        "temperature": [*TEMPERATURE, StrOptions({"auto"})],
        "calibration": [StrOptions({"sigmoid", "isotonic", "temperature"}), None],
        "cv": ["cv_object"],
        "response_method": [StrOptions({"predict_proba", "decision_function"})],
        "tie_break": TIE_BREAKS,
        "backend": [str],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        metric: Literal["discrete"] | LabelMetric = "discrete",
        label_space: Literal["observed"] | ArrayLike | None = None,
        power: float = 2,
        temperature: Literal["auto"] | float = 1.0,
        calibration: Literal["sigmoid", "isotonic", "temperature"] | None = None,
        cv: CrossValidation = 5,
        response_method: Literal["predict_proba", "decision_function"] = "predict_proba",
        tie_break: Literal["first", "observed"] = "first",
        backend: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.metric = metric
        self.label_space = label_space
        self.power = power
        self.temperature = temperature
        self.calibration = calibration
        self.cv = cv
        self.response_method = response_method
        self.tie_break = tie_break
        self.backend = backend
        self.n_jobs = n_jobs

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Fit the classifier, and choose the temperature if it is "auto".

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, passed on to the classifier as they are.
        y : array-like of shape (n_samples,)
            Labels. The classifier gets ordered categories with their order, but for ``calibration``, which sorts them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        **params : dict
            Passed on to the classifier and the splitter, as they request, with metadata routing.

        Returns
        -------
        self : LokiClassifier
            The fitted classifier.
        """
        require_target(y)
        refuse_masked(y, "y")
        given, y = y, column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        targets = ordered_labels(given, y) if self.calibration is None else y  # calibration sorts labels
        X = check_delegated_rows(self, X, reset=True)
        check_consistent_length(X, y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        known = classes_known_before(self._base())
        if self.calibration is not None:
            check_calibration(self.calibration, self.cv, self.temperature, self.response_method, y, known)
        fit_params, split_params = self._route(sample_weight, params, is_known=known is not None)
        self.metric_ = self._label_space(y, known)
        positions = self.metric_.index_of(y)
        self.classes_ = np.sort(self.metric_.labels_)
        folds = classification_folds(self.cv, X, y, split_params) if self.temperature == "auto" else []
        with fit_progress(
            self, X, y, max_subtasks=len(folds) + 1, sequential=False, sample_weight=sample_weight
        ) as progress:
            held_out = self._choose_temperature((X, targets, positions, weights), folds, fit_params, progress)
            with progress.subtask("all rows"):
                self.estimator_ = fit_classifier(self._inner(), X, targets, fit_params, self._method())
        self.observed_classes_ = np.asarray(self.estimator_.classes_)
        self.observed_indices_ = self.metric_.index_of(self.observed_classes_, "estimator.classes_")
        self._fitted_rule = rule = self._rule()
        constant = rule.best_constant(positions, weights, self.observed_indices_)
        self.certificate_ = fit_certificate(rule, self.observed_indices_, constant, self.estimator_, held_out)
        return self

    def predict(self, X: MatrixLike) -> LabelArray:
        """Labels with the least mean distance to the power.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Labels of the metric, seen in training or not.
        """
        P = self.predict_observed_proba(X)
        return self.metric_.labels_[self._decide(P, temperature=self.temperature_)]

    def predict_top_k(self, X: MatrixLike, k: int) -> LabelArray:
        """The k labels with the least mean distances to the power.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        k : int
            Number of labels.

        Returns
        -------
        labels : ndarray of shape (n_samples, k)
            The best first.
        """
        P = self.predict_observed_proba(X)
        return self.metric_.labels_[self._decide(P, temperature=self.temperature_, top_k=k)]

    def predict_observed_proba(self, X: MatrixLike) -> FloatArray:
        """Probabilities that the classifier gives to the labels it knows, whatever the temperature.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_observed)
            Columns in the order of ``observed_classes_``.
        """
        check_is_fitted(self)
        return class_weights(self.estimator_, check_delegated_rows(self, X, reset=False), self._method())

    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Probabilities that the classifier gives to all labels, zero for those it does not know.

        They do not depend on the temperature. The label of the largest probability is in general not the one that
        `predict` returns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_labels)
            Columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If the table would have more than 2^27 entries.
        """
        check_is_fitted(self)
        shape = _num_samples(X), self.classes_.size
        if shape[0] * shape[1] > LARGEST_TABLE:
            raise ValueError(
                f"a table of {shape[0]} x {shape[1]} probabilities is too large. Pass fewer rows at a time, or call "
                "predict_observed_proba, which leaves out the labels of probability zero."
            )
        probabilities = np.zeros(shape)
        probabilities[:, np.searchsorted(self.classes_, self.observed_classes_)] = self.predict_observed_proba(X)
        return probabilities

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Minus the mean distance to the power of each label, weighted by probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_labels) or (n_samples,)
            Columns in the order of ``classes_``; minus infinity for labels that ``label_space`` leaves out. The
            difference of the second and the first if there are two labels.

        Raises
        ------
        ValueError
            If the table would have more than 2^27 entries.
        """
        P = self.predict_observed_proba(X)
        order = self.metric_.index_of(self.classes_)
        rule = self._fitted_rule
        scores = -frechet_scores(
            P, self.metric_, self.observed_indices_, order, power=rule.power, temperature=self.temperature_
        )
        scores[:, ~np.isin(order, rule.allowed(self.observed_indices_))] = -np.inf
        return scores[:, 1] - scores[:, 0] if order.size == 2 else scores

    def frechet_variance(self, X: MatrixLike) -> FloatArray:
        """Mean distance to the power of the predicted label, weighted by probabilities: how unsure a prediction is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        variances : ndarray of shape (n_samples,)
            In units of the distance to the power; 0 where one label has all the probability and may be predicted.
        """
        P = tempered(self.predict_observed_proba(X), self.temperature_)
        _, scores = self._decide(P, return_scores=True)
        return scores / P.sum(axis=1)

    def locus(self, *, strict: bool = False) -> LabelArray:
        """Labels that can be predicted, whatever the probabilities.

        Parameters
        ----------
        strict : bool, default=False
            Whether labels are left out that can only tie with others.

        Returns
        -------
        labels : ndarray
            The labels, in the order of the metric.

        See Also
        --------
        locus : The same for a metric and positions of labels.
        """
        check_is_fitted(self)
        rule, observed = self._fitted_rule, self.observed_indices_
        found = locus(self.metric_, observed, label_space=rule.allowed(observed), strict=strict, power=rule.power)
        return self.metric_.labels_[found]

    def next_classes(self, n: int) -> LabelArray:
        """Labels to collect training rows of next, so that more labels can be predicted.

        Their order is about the Fréchet mean over all labels: ``power`` and ``label_space`` play no part.

        Parameters
        ----------
        n : int
            Number of labels.

        Returns
        -------
        labels : ndarray
            The most useful first; fewer than ``n`` if these are enough for all labels to be predicted.

        See Also
        --------
        next_class_order : The same for a metric and positions of labels, with weights and costs.
        """
        check_is_fitted(self)
        return self.metric_.labels_[next_class_order(self.metric_, self.observed_indices_, n_select=n)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of metadata to the classifier, and to the splitter if it chooses the temperature.

        Returns
        -------
        router : MetadataRouter
            What ``fit`` passes on.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        router.add(estimator=self._inner(), method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        if self.temperature == "auto":
            router.add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        return router

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self._base())
        for name in ("sparse", "pairwise", "allow_nan", "string", "categorical"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        return tags

    def _base(self):
        return LogisticRegression() if self.estimator is None else self.estimator

    def _inner(self):
        """The classifier with its calibration, not fitted."""
        return calibrated(self._base(), self.calibration, self.cv, self.n_jobs)

    def _method(self):
        return self.response_method if self.calibration is None else "predict_proba"

    def _route(self, sample_weight, params, *, is_known):
        """Keyword arguments of the fit of the classifier and of the splitter."""
        if sklearn.get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return routed.estimator.fit, routed.splitter.split if self.temperature == "auto" else {}
        refuse_unrouted(self, params, "the classifier or the splitter")
        if sample_weight is None or is_known:
            return {}, {}
        if not has_fit_parameter(self._base(), "sample_weight"):
            raise TypeError(
                f"estimator, a {type(self._base()).__name__}, does not take sample_weight. Enable metadata routing by "
                "sklearn.set_config(enable_metadata_routing=True), and say by set_fit_request(sample_weight=True or "
                "False) which classifier, or which step of a pipeline, gets weights."
            )
        return {"sample_weight": sample_weight}, {}

    def _label_space(self, y, known):
        if isinstance(self.metric, LabelMetric):
            return self.metric
        return DiscreteMetric(np.unique(y) if known is None else np.union1d(y, known))

    def _choose_temperature(self, data, folds, fit_params, progress):
        """Set the temperature; returns what the held-out rows said, None if they were not asked."""
        if not folds:
            self.temperature_, self.cv_scores_ = float(self.temperature), None
            return None
        rule, inner, method = self._rule(), self._inner(), self._method()
        tasks = [
            (rule, inner, data, fold, fit_params, method, progress.subtask(f"fold {index}"))
            for index, fold in enumerate(folds)
        ]
        place, means = choose_temperature(run_parallel(score_fold, tasks, self.n_jobs, prefer=None))
        self.temperature_, self.cv_scores_ = float(TEMPERATURES[place]), means.loki
        return place, means

    def _rule(self):
        space = self.label_space
        if space is not None and not isinstance(space, str):
            space = np.sort(self.metric_.index_of(space, "label_space"))
        return DecisionRule(self.metric_, space, self.power, self.tie_break, self.backend)

    def _decide(self, P, **options):
        return self._fitted_rule.predict(P, self.observed_indices_, **options)
