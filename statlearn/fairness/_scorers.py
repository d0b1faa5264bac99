"""Fairness as a score in cross-validation and grid searches."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from sklearn.utils.metadata_routing import UNUSED

from .._support._sklearn import StrOptions, _num_samples, validate_params
from .._support.base import StatlearnEstimator
from ._criteria import CRITERIA, check_options, disparity
from ._responses import RESPONSE_METHODS, responses
from ._sensitive import read_sensitive, split_sensitive

__all__ = ["make_fairness_scorer"]

NOTHING_GIVEN = (
    "the fairness scorer has no sensitive features. Either make it with sensitive_columns, the columns of X that hold "
    "them; or call sklearn.set_config(enable_metadata_routing=True), set_score_request(sensitive_features=True) on the "
    "scorer, and pass sensitive_features to fit of the search or as params of cross_validate."
)


class FairnessScorer(StatlearnEstimator):
    """What `make_fairness_scorer` makes: a callable ``scorer(estimator, X, y)`` that takes part in metadata routing.

    It has parameters and no ``fit``, so that `sklearn.base.clone` copies it with its requests.
    """

    # ``set_score_request`` is made from the arguments of `score`, of which the estimator is no metadata.
    __metadata_request__score = {"estimator": UNUSED}

    def __init__(self, metric="dcor", sensitive_columns=None, response_method="auto", metric_params=None):
        self.metric = metric
        self.sensitive_columns = sensitive_columns
        self.response_method = response_method
        self.metric_params = metric_params

    def __call__(self, estimator, X, y=None, sample_weight=None, sensitive_features=None):
        return self.score(estimator, X, y, sample_weight, sensitive_features)

    def score(self, estimator, X, y=None, sample_weight=None, sensitive_features=None):
        """The metric of the predictions of an estimator, negated.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : table of shape (n_samples, n_features)
            What it predicts from.
        y : None
            Not needed.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights as repetitions.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
            Raw attributes, unless the scorer has ``sensitive_columns``.

        Returns
        -------
        score : float
            The larger the fairer.
        """
        sensitive = self._sensitive(X, sensitive_features)
        values = responses(estimator, X, self.response_method)
        return -disparity(self.metric, values, sensitive, sample_weight, **(self.metric_params or {}))

    def _sensitive(self, X, sensitive_features):
        if self.sensitive_columns is None and sensitive_features is None:
            raise ValueError(NOTHING_GIVEN)
        if self.sensitive_columns is None:
            return read_sensitive(sensitive_features, _num_samples(X), X)
        if sensitive_features is not None:
            raise ValueError(
                "the fairness scorer has sensitive_columns and was given sensitive_features as well. Give one of them; "
                "set_score_request(sensitive_features=False) keeps the second from the scorer."
            )
        return split_sensitive(X, self.sensitive_columns)[0]

    def _accept_sample_weight(self):
        """Read by scikit-learn where metadata routing is off."""
        return True


@validate_params(
    {
        "metric": [StrOptions(set(CRITERIA)), callable],
        "sensitive_columns": "no_validation",
        "response_method": [StrOptions(set(RESPONSE_METHODS))],
    },
    prefer_skip_nested_validation=True,
)
def make_fairness_scorer(
    metric: Literal["dcor", "ccdcov", "jdcov", "jsd", "uf", "wasserstein"] | Callable[..., Any] = "dcor",
    *,
    sensitive_columns: str | int | Sequence[str | int] | None = None,
    response_method: Literal["auto", "predict", "predict_proba", "decision_function"] = "auto",
    **metric_params: Any,
) -> Callable[..., float]:
    """Make a scorer out of a measure of dependence on sensitive features.

    The score is the measure negated: the larger, the fairer. A model that predicts a constant is perfectly fair, so
    look at a loss beside it (multi-metric scoring with a ``refit`` function) rather than maximize this score alone.

    Parameters
    ----------
    metric : {"dcor", "ccdcov", "jdcov", "jsd", "uf", "wasserstein"} or callable, default="dcor"
        The measure of the predictions in the rows that are scored:

        - "dcor": squared distance correlation with the attributes, free of scale;
        - "ccdcov": squared distance covariance with the concatenated attributes;
        - "jdcov": joint distance covariance, above its part that does not depend on the predictions;
        - "jsd": `jensen_shannon_divergence`; "uf": `unfairness_ratio`; "wasserstein": `wasserstein_disparity`, all
          between the intersections of the attributes, continuous ones cut at the quartiles unless ``bins`` says
          otherwise;
        - a function ``metric(y_pred, sensitive_features, **metric_params)`` that returns a number, the smaller the
          fairer, and takes ``sample_weight`` if weights are passed.

        The first three are unbiased estimates and can be slightly negative, so that the score can be above 0.
    sensitive_columns : str, int or sequence of them, default=None
        Names or positions of the columns of X that hold the raw attributes. This needs no metadata routing. None takes
        ``sensitive_features``.
    response_method : {"auto", "predict", "predict_proba", "decision_function"}, default="auto"
        Which predictions are compared. "auto" takes those of a regressor, and of a classifier the probability of the
        second class. With more than two classes, the class with the largest measure counts.
    **metric_params : dict
        Arguments of the measure, such as ``bins`` and ``bandwidth``; for the first three those of
        `statlearn.dependence.DistanceCovariancePenalty`. All but functions take ``encoder``, a `ProtectedEncoder` that
        says which attributes are categorical.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None, sensitive_features=None)``, with ``set_score_request``.

    Raises
    ------
    TypeError
        If the measure has no argument of a name in ``metric_params``.
    ValueError
        If an argument is invalid. The scorer raises it too, if it gets no sensitive features.

    See Also
    --------
    calibrate_fairness_weight : A search over fairness weights that shows loss and fairness together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from statlearn.fairness import make_fairness_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.integers(2, size=300), rng.normal(size=300)])
    >>> y = X @ [1.0, 1.0] + rng.normal(size=300)
    >>> scoring = {"uf": make_fairness_scorer("uf", sensitive_columns=[0]), "r2": "r2"}
    >>> scores = cross_validate(LinearRegression(), X, y, scoring=scoring)
    >>> bool((scores["test_uf"] < 0).all())
    True
    """
    if isinstance(metric, str):
        check_options(metric, metric_params)
    return FairnessScorer(metric, sensitive_columns, response_method, metric_params or None)
