"""Learning curves of a generative and a discriminative classifier, and the number of rows at which they cross."""

import heapq
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_consistent_length, column_or_1d, indexable
from sklearn.utils.multiclass import check_classification_targets

from .._support._sklearn import HasMethods, Interval, RealNotInt, _safe_indexing, validate_params
from .._support.data_frames import data_frame
from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from .._support.validation import check_two_classes, check_vector
from .._typing import ArrayLike, DataFrame, Estimator, FloatArray, MatrixLike, RandomState
from ..certificate import Certificate, Check
from ._curve_crossings import bootstrap_interval, compare_curves
from ._diagonal_lda import DiagonalLDA

__all__ = ["CurveResult", "generative_discriminative_curve"]

MODELS = ("generative", "discriminative")
LEVEL_OF_TESTS = 0.05
LEVEL_OF_INTERVALS = 0.95
N_FLIPS = 1999  # random signs of all repeats, where there are not fewer choices of them
N_BOOTSTRAP = 9999  # so that the tails of few repeats, 0.2 per cent of the samples, have a dozen or more
SMALLEST_PER_CLASS = 2  # rows of each class in the smallest training set, unless sizes are given


@dataclass(frozen=True, eq=False)
class CurveResult:
    """Learning curves of two classifiers, as returned by `generative_discriminative_curve`.

    Attributes
    ----------
    table : dict of str to ndarray of shape (n_sizes,)
        The curves: ``train_size``; the mean test errors ``generative_error`` and ``discriminative_error`` with their
        standard errors over repeats, ``generative_standard_error`` and ``discriminative_standard_error``; the mean of
        the paired ``difference``, generative less discriminative, with its ``difference_standard_error``; and the
        two-sided ``p_value`` of the signs of the repeats, not corrected for the number of sizes.
    generative_errors : ndarray of shape (n_repeats, n_sizes)
        Shares of wrong test rows.
    discriminative_errors : ndarray of shape (n_repeats, n_sizes)
        The same for the discriminative classifier, on the same rows.
    crossing_ : float or None
        The number of training rows at which the curves cross; None if the data do not show a crossing.
    crossing_ci_ : tuple of (float, float) or None
        Its 95 % bootstrap interval over repeats, by expanded percentiles. A lower end of 0 means below the smallest
        size, an upper end of infinity above the largest.
    crossings_ : ndarray of shape (n_crossings,)
        Every change of sign of the mean difference, the ones by chance included. Curves that only touch, with equal
        numbers of wrong rows over all repeats, do not cross.
    dominant : {"generative", "discriminative"} or None
        Without a crossing: the classifier that is significantly better over some range of sizes, if the other one is so
        over none. None if there is a crossing, or nothing was decided.
    asymptotes_ : dict of str to float
        For "generative" and "discriminative": the mean test error with the largest training set. It is no
        extrapolation: the certificate reports how much each error still fell over the last doubling of the rows.
    certificate : Certificate
        What was tested, and what was assumed.

    See Also
    --------
    GenerativeDiscriminativeDisplay : The picture.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from statlearn.linear import generative_discriminative_curve
    >>> result = generative_discriminative_curve(*load_iris(return_X_y=True), n_repeats=5, random_state=0)
    >>> result.table["train_size"]
    array([ 6, 12, 24, 48, 75])
    """

    table: dict[str, np.ndarray]
    generative_errors: FloatArray
    discriminative_errors: FloatArray
    crossing_: float | None
    crossing_ci_: tuple[float, float] | None
    crossings_: FloatArray
    dominant: Literal["generative", "discriminative"] | None
    asymptotes_: dict[str, float]
    certificate: Certificate

    def __repr__(self):
        sizes = self.table["train_size"]
        return (
            f"CurveResult({sizes.size} sizes from {sizes[0]} to {sizes[-1]}, crossing_={self.crossing_!r}, "
            f"crossing_ci_={self.crossing_ci_!r}, dominant={self.dominant!r})"
        )

    def to_frame(self) -> DataFrame:
        """Return the curves as a pandas table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per training size, with the columns of ``table``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.table, "CurveResult.to_frame")


@validate_params(
    {
        "X": "no_validation",
        "y": ["array-like"],
        "generative": [HasMethods(["fit", "predict"]), None],
        "discriminative": [HasMethods(["fit", "predict"]), None],
        "train_sizes": ["array-like", None],
        "test_size": [Interval(RealNotInt, 0, 1, closed="neither"), Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def generative_discriminative_curve(
    X: MatrixLike,
    y: ArrayLike,
    generative: Estimator | None = None,
    discriminative: Estimator | None = None,
    *,
    train_sizes: ArrayLike | None = None,
    test_size: float = 0.5,
    n_repeats: int = 20,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> CurveResult:
    r"""Compare a generative and a discriminative classifier over the number of training rows.

    Naive Bayes needs a number of rows of the order of the logarithm of the number of features to come close to its own
    best error, logistic regression a number proportional to that of the features, but the best error of naive Bayes may
    be the larger one. So the better classifier may change with the number of rows. Each repeat puts the rows in a new
    random order. Both classifiers are fitted to the same first m rows, for each m, and judged on the same last rows.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Class labels, of at least two classes.
    generative : classifier, default=None
        The classifier that is expected to do better on few rows. It is cloned, not fitted. None takes `DiagonalLDA`.
    discriminative : classifier, default=None
        The other one. None takes `sklearn.linear_model.LogisticRegression` with its penalty, ``C=1``, and
        ``max_iter=1000``. The penalty depends on the units of the features: put a scaler before it in a pipeline if
        they are not on one scale. Any two classifiers can be compared, also ones that scikit-learn does not know to be
        classifiers, if they have ``classes_`` once they are fitted.
    train_sizes : array-like of int of shape (n_sizes,), default=None
        Numbers of training rows, at least one per class. None takes twice the number of classes, doubled as long as
        there are rows, and all rows that are not for testing.
    test_size : float or int, default=0.5
        Share of the rows, or their number, for testing.
    n_repeats : int, default=20
        Number of random orders. With fewer than 6 the errors are measured, but no conclusion is possible at the level
        0.05.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the orders, and of the bootstrap. Give classifiers with randomness of their own an int.
    n_jobs : int, default=None
        Number of workers over which the repeats are spread; None means 1 unless a `joblib.parallel_config` context says
        otherwise, -1 all processors. It does not change the result.

    Returns
    -------
    result : CurveResult
        The curves, where they cross, and a certificate.

    Raises
    ------
    ValueError
        If there is one class, a class with a single row, a size that the rows do not allow, or a classifier that does
        not predict one label per row; a column of labels is taken as they are. What classifiers raise carries a note
        with the training size.
    TypeError
        If a model is no classifier.

    See Also
    --------
    GenerativeDiscriminativeDisplay : The picture.
    DiagonalLDA : The default generative classifier.

    Notes
    -----
    Each order is stratified. Its first rows are one of each class, so that all training sets have all classes. From the
    size on at which the share of the rarest class comes to a row, every start of the order has the classes in their
    shares, to within a row. All training sets of a repeat are nested.

    The curves are taken as linear in :math:`\log_2 m` between sizes. The sizes fall into runs, in each of which one
    classifier has the smaller mean error. A crossing is the *last* change, and it counts only if the mean difference
    over the last run is significant, and that over some earlier run of the other classifier is as well, at the level
    0.05. With few rows, signs change by chance. Runs are tested by the t-statistic over repeats of the mean difference,
    which is compared with the largest one of any run when the differences of whole repeats have other signs: all
    choices of signs up to 11 repeats, 1999 random ones and the given signs with more. So the choice of the runs by the
    data is allowed for, and normal errors are not assumed. The smallest p-value that n repeats, up to 11, can give is
    :math:`2^{1-n}`: 1/16 from 5, so that fewer than 6 cannot conclude at the level 0.05, and 1/32 from 6.

    The interval of the crossing has the expanded percentiles of [3]_, which make up for what bootstrap samples of few
    repeats vary too little. Repeats draw from the same rows, so that their spread is that of the choice of rows among
    those given, not that of another sample. The interval is too short by the more the closer the training size is to
    the number of rows.

    References
    ----------
    .. [1] A. Y. Ng and M. I. Jordan (2001). "On Discriminative vs. Generative Classifiers: A Comparison of Logistic
       Regression and Naive Bayes". Advances in Neural Information Processing Systems 14.
    .. [2] C. Zheng et al. (2023). "Revisiting Discriminative vs. Generative Classifiers: Theory and Implications".
       arXiv:2302.02334.
    .. [3] T. C. Hesterberg (2015). "What Teachers Should Know About the Bootstrap: Resampling in the Undergraduate
       Statistics Curriculum". The American Statistician 69, 371-386. Expanded percentile intervals.

    Examples
    --------
    Correlated features, for which naive Bayes has the wrong weights:

    >>> import numpy as np
    >>> from statlearn.linear import generative_discriminative_curve
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(8000) % 2
    >>> common, own = rng.normal(size=(8000, 1)), rng.normal(size=(8000, 30))
    >>> X = np.sqrt(0.05) * common + np.sqrt(0.95) * own + np.where(y, 1, -1)[:, None] * np.linspace(0, 0.5, 30)
    >>> result = generative_discriminative_curve(X, y, train_sizes=[32, 64, 1024, 2048], random_state=0)
    >>> bool(64 < result.crossing_ < 1024), result.dominant
    (True, None)
    """
    X, y, codes = _check_rows(X, y)
    n_test = _resolved_test_size(test_size, codes)
    sizes = _resolved_sizes(train_sizes, codes, codes.size - n_test)
    models = (
        DiagonalLDA() if generative is None else generative,
        LogisticRegression(max_iter=1000) if discriminative is None else discriminative,
    )
    for name, model in zip(MODELS, models, strict=True):
        _check_classifier(name, model)
    *streams, inference = spawn_generators(random_state, n_repeats + 1)
    orders = [stratified_order(codes, stream) for stream in streams]
    tasks = ((models, X, y, order, sizes, n_test) for order in orders)
    n_wrong = np.array(run_parallel(_errors_of_repeat, tasks, n_jobs=n_jobs, prefer=None)).swapaxes(0, 1)
    return _result(sizes, n_wrong, n_test, shared_rows([order[: sizes[-1]] for order in orders]), inference)


def stratified_order(codes, generator):
    """A random order of the rows, every start of which has the classes in their shares.

    Row j of the n_k rows of a class, counted from 0, may not come before place j n / n_k, rounded down, and is due
    before place (j + 1) n / n_k. Such dates can be kept (R. Tijdeman (1980), "The chairman assignment problem",
    Discrete Mathematics 32, 323-330), and so they are if, at each place, the row that is due first comes, of those that
    may; ties are in random order. Then each start is within a row of every share. But the first row of each class comes
    before all others: that only advances rows due by place n / min(n_k), so that by then no row is late.
    """
    shuffled = generator.permutation(codes.size)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    totals = np.bincount(codes)
    ranks = np.arange(codes.size) - np.repeat(np.cumsum(totals) - totals, totals)
    totals = np.repeat(totals, totals)
    due = np.where(ranks == 0, 0, -(-(ranks + 1) * codes.size // totals))
    by_date = np.lexsort((generator.random(codes.size), due))
    return by_class[by_date[_scheduled((ranks * codes.size // totals)[by_date])]]


def _scheduled(earliest):
    """Numbers of jobs, which are numbered by urgency, in the order in which the most urgent one that may come does."""
    arrivals, waiting, places = np.argsort(earliest, kind="stable"), [], []
    starts = np.searchsorted(earliest[arrivals], np.arange(earliest.size + 1)).tolist()
    arrivals = arrivals.tolist()
    for start, stop in zip(starts[:-1], starts[1:], strict=True):
        for job in arrivals[start:stop]:
            heapq.heappush(waiting, job)
        places.append(heapq.heappop(waiting))
    return places


def shared_rows(training_sets):
    """Mean share of rows that two of some training sets of one size have in common."""
    n_sets, size = len(training_sets), training_sets[0].size
    _, counts = np.unique(np.concatenate(training_sets), return_counts=True)
    return float((counts * (counts - 1.0)).sum() / (n_sets * (n_sets - 1.0) * size))


def _check_rows(X, y):
    """Rows that can be indexed, labels, and positions of the labels among the classes."""
    X, y = indexable(X, column_or_1d(y))
    check_consistent_length(X, y)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    check_two_classes(classes, None)
    if counts.min() < 2:
        raise ValueError(
            f"y must have at least 2 rows of each class, to learn from and to test. Got one of class "
            f"{classes.tolist()[counts.argmin()]!r}: drop it or merge it with another."
        )
    return X, y, codes


def _resolved_test_size(test_size, codes):
    """Number of test rows."""
    n_rows, n_classes = codes.size, codes.max() + 1
    n_test = int(test_size) if isinstance(test_size, Integral) else int(np.ceil(test_size * n_rows))
    if n_rows - n_test < n_classes:
        raise ValueError(
            f"test_size must leave a training row for each of {n_classes} classes. Got {test_size!r}, {n_test} of "
            f"{n_rows} rows: lower it."
        )
    return n_test


def _resolved_sizes(train_sizes, codes, n_pool):
    """Increasing numbers of training rows."""
    n_classes = int(codes.max()) + 1
    if train_sizes is None:
        smallest = min(SMALLEST_PER_CLASS * n_classes, n_pool)
        n_doublings = int(np.log2(n_pool / smallest))
        return np.unique([*(smallest << np.arange(n_doublings + 1)), n_pool])
    given = check_vector(train_sizes, "train_sizes")
    sizes = np.unique(given).astype(np.int64)
    if not np.array_equal(sizes, np.unique(given)):
        raise ValueError(f"train_sizes must be whole numbers of rows. Got {train_sizes!r}.")
    if sizes[0] < n_classes or sizes[-1] > n_pool:
        raise ValueError(
            f"train_sizes must be between {n_classes}, the number of classes, and {n_pool}, the rows that are not for "
            f"testing. Got sizes from {sizes[0]} to {sizes[-1]}."
        )
    return sizes


def _check_classifier(name, model):
    """Refuse a model that is declared to be something else than a classifier."""
    if not hasattr(model, "__sklearn_tags__"):
        return  # whether it has classes is known once it is fitted
    kinds = {"a regressor": is_regressor, "a clusterer": is_clusterer, "an outlier detector": is_outlier_detector}
    found = [kind for kind, is_kind in kinds.items() if is_kind(model)]
    if found:
        raise TypeError(f"{name} must be a classifier. Got {type(model).__name__}, {found[0]}.")


def _errors_of_repeat(models, X, y, order, sizes, n_test):
    """Numbers of wrong test rows, of shape (n_models, n_sizes)."""
    test = order[order.size - n_test :]
    X_test, y_test = _safe_indexing(X, test), y[test]
    n_wrong = np.empty((len(models), sizes.size), dtype=np.int64)
    for column, size in enumerate(sizes):
        X_train, y_train = _safe_indexing(X, order[:size]), y[order[:size]]
        for row, model in enumerate(models):
            try:
                predicted = _predictions(MODELS[row], clone(model).fit(X_train, y_train), X_test, n_test)
            except Exception as error:
                error.add_note(f"It came from the {MODELS[row]} classifier, fitted to {size} rows.")
                raise
            n_wrong[row, column] = np.count_nonzero(predicted != y_test)
    return n_wrong


def _predictions(name, model, X, n_rows):
    """Predicted labels, a vector."""
    if not (hasattr(model, "classes_") or (hasattr(model, "__sklearn_tags__") and is_classifier(model))):
        raise TypeError(f"{name} must be a classifier. Got {type(model).__name__}, which has no classes_ when fitted.")
    predicted = np.asarray(model.predict(X))
    if predicted.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(
            f"{name} must predict one label per row. The predict of {type(model).__name__} returned an array of shape "
            f"{predicted.shape} for {n_rows} rows."
        )
    return predicted.reshape(n_rows)


def _result(sizes, n_wrong, n_test, overlap, generator):
    """The result of numbers of wrong test rows, of shape (n_models, n_repeats, n_sizes), whose ties are exact."""
    differences, errors = (n_wrong[0] - n_wrong[1]).astype(np.float64), n_wrong / n_test
    table = _table(sizes, (*n_wrong, differences), n_test)
    comparison = compare_curves(sizes, differences, LEVEL_OF_TESTS, N_FLIPS, generator)
    crossing = interval = share = None
    if comparison.crosses:
        crossing = float(comparison.crossings[-1])
        interval, share = bootstrap_interval(
            sizes, differences, -comparison.better, LEVEL_OF_INTERVALS, N_BOOTSTRAP, generator
        )
    better = {-1: MODELS[0], 1: MODELS[1], 0: None}[comparison.better]
    means = [table[f"{model}_error"] for model in MODELS]
    return CurveResult(
        table=table | {"p_value": comparison.p_values},
        generative_errors=errors[0],
        discriminative_errors=errors[1],
        crossing_=crossing,
        crossing_ci_=interval,
        crossings_=comparison.crossings,
        dominant=better if crossing is None else None,
        asymptotes_={model: float(curve[-1]) for model, curve in zip(MODELS, means, strict=True)},
        certificate=_certificate(sizes, means, comparison, better, crossing, share, overlap, differences.shape[0]),
    )


def _table(sizes, counts, n_test):
    """Means and standard errors of numbers of rows, as shares; only means are divided, so that ties are exact."""
    table = {"train_size": sizes}
    for name, values in zip((*MODELS, "difference"), counts, strict=True):
        table[name if name == "difference" else f"{name}_error"] = values.mean(axis=0) / n_test
        table[f"{name}_standard_error"] = values.std(axis=0, ddof=1) / (np.sqrt(values.shape[0]) * n_test)
    return table


def _certificate(sizes, means, comparison, better, crossing, share, overlap, n_repeats):
    checks = _evidence(comparison, better, crossing, n_repeats)
    if share is not None:
        detail = "share of bootstrap samples of repeats that cross between the smallest and the largest size"
        checks.append(Check("crossing within the sizes", share, None, None, "reported", detail))
    checks.append(
        Check(
            "sign changes", comparison.crossings.size, None, None, "reported", "of the mean difference, by chance too"
        )
    )
    for model, curve in zip(MODELS, means, strict=True):
        half = np.interp(np.log2(sizes[-1] / 2), np.log2(sizes), curve)
        detail = f"fall of the {model} error over the last doubling of the rows" + (
            "" if sizes[0] <= sizes[-1] / 2 else ", which the sizes do not span"
        )
        checks.append(Check(f"{model} error still falls", half - curve[-1], None, None, "reported", detail))
    detail = "mean share of rows common to the largest training sets of two repeats; near 1, repeats differ little"
    checks.append(Check("overlap of training sets", overlap, None, None, "reported", detail))
    return Certificate(
        claim=_claim(sizes, better, crossing),
        checks=checks,
        assumptions=[
            "rows are independent, and those to come are like them",
            "repeats are taken as independent, although they draw from the same rows",
            "without a better classifier, the differences of a repeat are as likely as those with opposite signs",
        ],
    )


def _evidence(comparison, better, crossing, n_repeats):
    """Checks of what the claim says."""
    if better is None:
        smallest = min(comparison.p_better, comparison.p_other)
        detail = "smallest p-value of a run of sizes; no conclusion follows"
        if 2.0 ** (1 - n_repeats) > LEVEL_OF_TESTS:
            detail += f", as none can from {n_repeats} repeats: give n_repeats=6 or more"
        return [Check("difference", smallest, LEVEL_OF_TESTS, None, "test", detail)]
    other = MODELS[1 - MODELS.index(better)]
    if crossing is None:
        p_value = comparison.p_other
        detail = f"p-value of the runs of sizes at which {other} has the smaller error, 1 if there are none"
        return [
            _significance(f"{better} better at some sizes", comparison.p_better),
            Check(f"{other} not better", p_value, LEVEL_OF_TESTS, p_value > LEVEL_OF_TESTS, "test", detail),
        ]
    return [
        _significance(f"{better} better before", comparison.p_better),
        _significance(f"{other} better after", comparison.p_other),
    ]


def _significance(name, p_value):
    detail = "p-value of the mean difference over a run of sizes, by the signs of the repeats"
    return Check(name, p_value, LEVEL_OF_TESTS, p_value <= LEVEL_OF_TESTS, "test", detail)


def _claim(sizes, better, crossing):
    span = f"from {sizes[0]} to {sizes[-1]} training rows"
    if better is None:
        return f"Neither a crossing of the mean test errors nor a better classifier was found {span}."
    if crossing is None:
        return f"The {better} classifier is the better one over some sizes and not found worse at others, {span}."
    other = MODELS[1 - MODELS.index(better)]
    return (
        f"The mean test errors cross at about {crossing:.3g} training rows: the {other} classifier has the smaller one "
        f"above, up to {sizes[-1]} rows, and the {better} one over some sizes below."
    )
