"""The tester-learner of halfspaces as an estimator."""

import functools
from numbers import Integral, Real
from pathlib import Path
from typing import Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, copy_during_fit, fit_progress
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, check_two_classes, validate_data
from .._typing import ArrayLike, FloatArray, LabelArray, MatrixLike, RandomState
from ..exceptions import NotCertifiedError, NotCertifiedWarning
from ._certificate import HalfspaceCertificate, halfspace_certificate
from ._combination import critical_rank
from ._examination import Bounded, Examiner, LinearRule
from ._marginal_tests import NullSource
from ._sharpest_width import sharpest_width
from ._sphere_descent import DescentSettings, descend, width_ladder
from ._sphere_gradient import LabeledRows
from ._surrogates import SURROGATES
from ._tabulated_nulls import SMALLEST_P_VALUE
from ._universal import UniversalExaminer
from ._whitening import Whitening

__all__ = ["TestableHalfspaceClassifier"]

BATCH, LARGE_BATCH, LARGE = 256, 1024, 100_000  # rows per step, and the number of rows from which there are more
WIDEST = 10.0  # standard deviations: beyond it there is no boundary to be near to
LEARNED_WIDTH = 0.1  # of the last surrogate of the descent, or that of the examination if it is smaller
SMALLEST_WEIGHT = 1e-50
N_SHIFTS = 3  # of the hyperplane, each with a descent around it
EXAMINERS = {"gaussian": Examiner, "universal": UniversalExaminer}


class TestableHalfspaceClassifier(ClassifierMixin, CallbackSupportMixin, StatlearnEstimator):
    r"""Linear classifier for labels with much noise, with a certificate of what can be believed about it.

    Learns on one part of the rows a halfspace with small 0-1 error, by descent on a bounded surrogate [1]_, and tests
    on the other part what the theory of such learners rests on [2]_: that rows are Gaussian, as a whole and near the
    boundary, that errors are as few as the assumed bound of the noise allows, and that the gradient is small. A small
    gradient bounds the angle to the halfspace behind the labels, and with it the excess error.

    ``fit`` always ends in a usable model, which is in the error if ``on_reject="raise"``. Whether to believe it is said
    by ``certificate_``.

    Parameters
    ----------
    noise : {"massart", "agnostic"}, default="massart"
        What is assumed of wrong labels: ``"massart"``, that each is flipped with a probability of at most ``eta``,
        which may depend on the row; ``"agnostic"``, nothing.
    target : {"gaussian", "universal"}, default="gaussian"
        What is taken for granted of rows: ``"gaussian"``, that they are, which is tested; ``"universal"``, nothing. The
        bounds then rest on moments of the very rows, for Massart noise only and up to 60 columns. They are valid for
        any rows and weak, often too weak to exclude anything: for research.
    eta : float, default=0.4
        Bound of the flip probabilities, at least 0 and below 0.5: the largest that any kind of row may have, not the
        average. A smaller one gives smaller bounds, which are wrong if it is too small, and tests seldom see that. Not
        used if ``noise="agnostic"``.
    delta : float, default=0.05
        Level of each test; bounds have confidence ``1 - delta``.
    surrogate : {"ramp", "sigmoid"}, default="ramp"
        The surrogate of the 0-1 loss.
    width : float or "auto", default="auto"
        Width of the surrogate whose gradient is bounded, in standard deviations of a margin; at most 10. Rows are
        tested in bands of a third of it, and all of it. ``"auto"`` takes the one that promises the sharpest bound,
        judged by the rows of learning. The learner's own surrogate narrows down to 0.1, or to this width if it is
        smaller.
    n_init : int, default=3
        Number of starts of the descent.
    max_iter : int, default=300
        Stochastic steps per stage and start.
    learning_rate : float, default=0.5
        First step of a stage, as a multiple of its width.
    test_size : float, default=0.5
        Share of the rows of each class that the tests get.
    test_samples : int, default=20000
        Most rows on which the marginal is tested, at random; errors and gradients are taken from all.
    n_null : int, default=199
        Number of Gaussian samples that make up a null law, where the table of the library has none: it ends at 100
        columns, begins at 500 rows of the tests, and has no bands wider than 2. Simulations of many rows or columns
        take seconds to minutes; ``cache_dir`` keeps them, a smaller ``test_samples`` shortens them.
    tolerance : float, default=0.1
        Share of the Gaussian's own moments by which rows may depart from them. With a tolerance of 0 every large real
        table is rejected.
    center : bool, default=True
        Whether the hyperplane goes through the mean, or else through the origin.
    fit_intercept : bool, default=False
        Whether the hyperplane may be elsewhere. It is shifted to where errors are fewest, learned again around the
        new place, and so on. A heuristic, which no bound covers.
    on_reject : {"warn", "raise", "ignore"}, default="warn"
        What to do if the certificate does not hold. `NotCertifiedError` carries the fitted estimator.
    cache_dir : str or pathlib.Path, default=None
        Folder in which null laws are kept from one process to the next.
    random_state : int, RandomState instance, Generator or None, default=None
        Splits rows and draws batches; pass an int for the same result in every call.
    n_jobs : int, default=None
        Number of threads for starts and null laws. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The two labels; the second is predicted where the decision function is positive.
    coef_ : ndarray of shape (1, n_features)
        Normal of the hyperplane.
    intercept_ : ndarray of shape (1,)
        Intercept.
    width_ : float
        Width of the surrogate whose gradient is bounded.
    n_iter_ : int
        Steps of all stages, stochastic and of the polishes.
    train_error_, test_error_ : float
        Share of wrong labels among the rows that were learned from, and among those of the tests.
    accepted_ : bool
        Whether the certificate holds.
    p_value_ : float
        P-value of all tests of Gaussian rows together, with the tolerance. NaN without such tests.
    gradient_norm_, gradient_ucb_ : float
        Norm of the gradient on the rows of the tests, and its upper confidence bound.
    angle_bound_ : float
        Upper confidence bound of the angle to the halfspace behind the labels, in degrees; 90 if nothing is excluded,
        or a test failed.
    excess_error_bound_ : float
        Upper confidence bound of the error above that of the best halfspace; 1 if nothing is excluded or a test failed.
    certificate_ : HalfspaceCertificate
        Tests, bounds and assumptions.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if ``X`` had any.

    Warns
    -----
    NotCertifiedWarning
        If the certificate does not hold and ``on_reject="warn"``.

    See Also
    --------
    psgd_sphere : The learner alone.
    gaussianity_test, band_test : The tests of rows alone.

    References
    ----------
    .. [1] I. Diakonikolas, V. Kontonis, C. Tzamos and N. Zarifis (2020). "Learning Halfspaces with Massart Noise Under
       Structured Distributions". COLT, PMLR 125:1486-1513.
    .. [2] A. Gollakota, A. Klivans, K. Stavropoulos and A. Vasilyan (2024). "An Efficient Tester-Learner for
       Halfspaces". ICLR.

    Examples
    --------
    Four in ten labels are wrong where two columns disagree, but not near the boundary:

    >>> from statlearn.datasets import make_massart_halfspace
    >>> from statlearn.halfspace import TestableHalfspaceClassifier
    >>> X, y = make_massart_halfspace(20000, 5, recipe="massart-far", random_state=0)
    >>> model = TestableHalfspaceClassifier(eta=0.4, random_state=0).fit(X, y)
    >>> model.accepted_, bool(model.excess_error_bound_ < 0.15)
    (True, True)

    The same columns, cubed, are not Gaussian. The model is as usable, but nothing vouches for it:

    >>> model.set_params(on_reject="ignore").fit(X**3, y).certificate_["Gaussian"].holds
    False
    """

    __test__ = False  # its name begins as those of test classes do

    _parameter_constraints = {
        "noise": [StrOptions({"massart", "agnostic"})],
        "target": [StrOptions(set(EXAMINERS))],
        "eta": [Interval(Real, 0, 0.5, closed="left")],
        "delta": [Interval(Real, 0, 0.5, closed="neither")],
        "surrogate": [StrOptions(set(SURROGATES))],
        "width": [StrOptions({"auto"}), Interval(Real, 0, WIDEST, closed="right")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "test_samples": [Interval(Integral, 2, None, closed="left")],
        "n_null": [Interval(Integral, 1, None, closed="left")],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "center": ["boolean"],
        "fit_intercept": ["boolean"],
        "on_reject": [StrOptions({"warn", "raise", "ignore"})],
        "cache_dir": [str, Path, None],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        noise: Literal["massart", "agnostic"] = "massart",
        target: Literal["gaussian", "universal"] = "gaussian",
        *,
        eta: float = 0.4,
        delta: float = 0.05,
        surrogate: Literal["ramp", "sigmoid"] = "ramp",
        width: Literal["auto"] | float = "auto",
        n_init: int = 3,
        max_iter: int = 300,
        learning_rate: float = 0.5,
        test_size: float = 0.5,
        test_samples: int = 20000,
        n_null: int = 199,
        tolerance: float = 0.1,
        center: bool = True,
        fit_intercept: bool = False,
        on_reject: Literal["warn", "raise", "ignore"] = "warn",
        cache_dir: str | Path | None = None,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.noise = noise
        self.target = target
        self.eta = eta
        self.delta = delta
        self.surrogate = surrogate
        self.width = width
        self.n_init = n_init
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.test_size = test_size
        self.test_samples = test_samples
        self.n_null = n_null
        self.tolerance = tolerance
        self.center = center
        self.fit_intercept = fit_intercept
        self.on_reject = on_reject
        self.cache_dir = cache_dir
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn a halfspace on one part of the rows and test it on the other.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows. Sparse ones are not made dense, but for blocks of them; a matrix of shape
            (n_features, n_features) is.
        y : array-like of shape (n_samples,)
            Two labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. With unequal ones the tests of the rows are not decided.

        Returns
        -------
        self : TestableHalfspaceClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument is out of range, there are not two labels, no column varies, or ``target="universal"`` comes
            with ``noise="agnostic"``.
        NotCertifiedError
            If the certificate does not hold and ``on_reject="raise"``.
        """
        self._check_parameters()
        split, learn, draw = spawn_generators(self.random_state, 3)
        X, signs, weights = self._check_rows(X, y, sample_weight)
        train, test = split_rows(signs, weights, self.test_size, split)
        whitening = Whitening.of_rows(X, weights, train, center=self.center or self.fit_intercept)
        if whitening.rank == 0:
            raise ValueError(f"X must vary. Got {X.shape[1]} constant columns in the rows to learn from.")
        sample = LabeledRows(X, signs, weights, whitening, train)
        widths = width_ladder(min(LEARNED_WIDTH, np.inf if self.width == "auto" else self.width), sample.scale())
        batch_size = BATCH if train.size < LARGE else LARGE_BATCH
        settings = DescentSettings(
            SURROGATES[self.surrogate], self.n_init, self.max_iter, batch_size, self.learning_rate
        )
        n_descents = 1 + N_SHIFTS * self.fit_intercept
        n_steps = n_descents * (len(widths) + 1) + 1
        with fit_progress(self, X, y, max_subtasks=n_steps, sample_weight=sample_weight) as progress:
            search = functools.partial(
                descend, widths=widths, settings=settings, generator=learn, n_jobs=self.n_jobs, progress=progress
            )
            if self.fit_intercept:
                sample, descent, shift = shifted_descent(sample, search)
            else:
                descent, shift = search(sample), 0.0
            coef, intercept = sample.whitening.fold(descent.coef)
            self.coef_ = coef[None].astype(np.float64)
            self.intercept_ = np.array([intercept + shift], dtype=np.float64)
            margins = sample.margins(descent.coef, train) + shift
            self.train_error_ = error_rate(margins, signs[train], weights[train])
            self.n_iter_ = max(1, sum(stage.n_iter + stage.n_polish for stage in descent.stages))
            self.width_ = self._resolved_width(sample, descent, test.size)
            self._store(self._examination(X, signs, weights, test, draw))
            progress.step()
        self._react()
        return self

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Signed distances to the hyperplane, in standard deviations of a margin among the rows of learning.

        With fewer than 20 of them per column they are larger, for the covariance is then shrunk.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        margins : ndarray of shape (n_samples,)
            Positive for the second class.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=[np.float64, np.float32])
        return np.asarray(X @ self.coef_[0]) + self.intercept_[0]

    def predict(self, X: MatrixLike) -> LabelArray:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            ``classes_[1]`` where the decision function is positive, else ``classes_[0]``.
        """
        positive = self.decision_function(X) > 0.0
        return self.classes_[positive.astype(int)]

    def certify(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> HalfspaceCertificate:
        """Test the fitted model on fresh rows, which had no part in its fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        certificate : HalfspaceCertificate
            The certificate. The model and its own certificate stay as they are.

        Raises
        ------
        ValueError
            If a label was not in the fit, or the rows are not as those of the fit.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=[np.float64, np.float32], order="C")
        signs = self._signs(np.asarray(y), X.shape[0])
        weights = checked_weights(sample_weight, X)
        draw = spawn_generators(self.random_state, 3)[2]
        return self._certificate(self._examination(X, signs, weights, np.flatnonzero(weights), draw))

    def excess_error_bound(self, opt: float | None = None) -> float:
        """Bound of the error above that of the best halfspace, for wrong labels of any kind.

        Parameters
        ----------
        opt : float, default=None
            Share of labels that the best halfspace gets wrong. None for `excess_error_bound_`, the bound under the
            assumption that was fitted.

        Returns
        -------
        bound : float
            Upper confidence bound of the excess error; 1 if nothing is excluded.

        Raises
        ------
        ValueError
            If ``opt`` is not between 0 and 1, or given where ``target="universal"``.
        """
        check_is_fitted(self)
        if opt is None:
            return self.excess_error_bound_
        if not isinstance(opt, Real) or not 0.0 <= opt <= 1.0:
            raise ValueError(f"opt must be None or a share between 0 and 1. Got {opt!r}.")
        if self.target == "universal":
            raise ValueError(f"opt must be None if target='universal', which has bounds for flips only. Got {opt!r}.")
        return self._examiner(self.width_).bounds(Bounded(*self._bounded), opt)[-1]

    def _check_rows(self, X, y, sample_weight):
        """Rows, signs and weights; sets ``classes_``."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        check_two_classes(self.classes_, None)
        if self.classes_.size > 2:
            kind = type_of_target(y)
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}: y has "
                f"{self.classes_.size} classes and needs 2 classes. Use OneVsOneClassifier for more."
            )
        return X, self._signs(y, X.shape[0]), checked_weights(sample_weight, X)

    def _signs(self, y, n_rows):
        """Labels as +1 and -1."""
        if y.shape != (n_rows,):
            raise ValueError(f"y must have one label per row of X, {n_rows} in all. Got shape {y.shape}.")
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise ValueError(
                f"y must have the labels {self.classes_.tolist()} of the fit. Got {y[unknown].tolist()[0]!r}."
            )
        return np.where(y == self.classes_[1], 1.0, -1.0)

    def _check_parameters(self):
        if self.target == "universal" and self.noise != "massart":
            raise ValueError(
                f"target='universal' has bounds for noise='massart' only. Got noise={self.noise!r}: take "
                "target='gaussian'."
            )
        if self.target == "gaussian" and self.delta <= SMALLEST_P_VALUE and critical_rank(self.n_null, self.delta) < 1:
            raise ValueError(
                f"n_null={self.n_null} draws never give a p-value as small as delta={self.delta:g}. Use at least "
                f"{int(np.ceil(1.0 / self.delta - 1e-9)) - 1} draws, or a larger delta."
            )

    def _resolved_width(self, sample, descent, n_tests):
        if self.width != "auto":
            return float(self.width)
        opt = descent.error if self.noise == "agnostic" else None

        def angle_bound(gradient, width):
            return self._examiner(width).angle_bound(gradient, opt=opt)

        return sharpest_width(
            sample,
            descent.coef,
            SURROGATES[self.surrogate],
            angle_bound,
            n_tests=max(n_tests, 1),
            n_marginal=min(n_tests, self.test_samples),
        )[0]

    def _examination(self, X, signs, weights, rows, generator):
        """What tests find on rows that had no part in the fit."""
        rule = LinearRule(self.coef_[0], self.intercept_[0], self.center)
        return self._examiner(self.width_).examine(rule, X, signs, weights, rows, generator)

    def _examiner(self, width):
        return EXAMINERS[self.target](
            SURROGATES[self.surrogate],
            width,
            self.eta if self.noise == "massart" else None,
            self.delta,
            self.tolerance,
            self.test_samples,
            NullSource("auto", self.n_null, cache_dir=self.cache_dir, n_jobs=self.n_jobs),
        )

    def _certificate(self, examination):
        return halfspace_certificate(
            examination,
            noise=self.noise,
            target=self.target,
            eta=self.eta,
            level=self.delta,
            covers_intercept=not self.fit_intercept,
        )

    def _store(self, examination):
        """Set the certificate and its numbers."""
        self.certificate_ = certificate = self._certificate(examination)
        self.accepted_, self._bounded = bool(certificate), tuple(examination.bounded)
        self.test_error_ = certificate.error
        self.p_value_ = certificate.p_value
        self.gradient_norm_, self.gradient_ucb_ = certificate.gradient_norm, certificate.gradient_ucb
        self.angle_bound_, self.excess_error_bound_ = certificate.angle_bound, certificate.excess_error_bound

    def _react(self):
        """Warn or raise if the certificate does not hold."""
        if self.accepted_ or self.on_reject == "ignore":
            return
        failed = [check.name for check in self.certificate_.checks if check.holds is False]
        undecided = [check.name for check in self.certificate_.checks if check.holds is None and check.kind == "test"]
        reasons = [
            f"{what}: {', '.join(names)}" for what, names in (("failed", failed), ("not decided", undecided)) if names
        ]
        message = (
            f"The halfspace is fitted but not certified ({'; '.join(reasons)}). See certificate_ for the reasons; "
            "on_reject='ignore' silences this."
        )
        if self.on_reject == "raise":
            raise NotCertifiedError(message, copy_during_fit(self), self.certificate_)
        warn_user(message, NotCertifiedWarning)


def checked_weights(sample_weight, X):
    """Weights, brought closer to 1 if their squares are not finite or vanish."""
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    largest = weights.max()
    return weights if SMALLEST_WEIGHT < largest < 1.0 / SMALLEST_WEIGHT or largest == 0.0 else weights / largest


def split_rows(signs, weights, test_size, generator):
    """Rows to learn from and rows to test on: the same share of each class, at least one of each to learn from."""
    rows = generator.permutation(np.flatnonzero(weights > 0.0))  # before labels are looked at
    train, test = [], []
    for sign in (-1.0, 1.0):
        of_class = rows[signs[rows] == sign]
        if of_class.size == 0:
            raise ValueError("sample_weight must be positive in 2 classes. Got weights of 0 for all rows of a class.")
        n_test = min(int(test_size * of_class.size), of_class.size - 1)
        test.append(of_class[:n_test])
        train.append(of_class[n_test:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))


def shifted_descent(sample, search):
    """Descents around hyperplanes that are shifted to the least error, one after the other; the best of them.

    Rows of one class that lie far on one side tilt a hyperplane that must go through the mean. Around the shifted one
    they do not.

    Returns
    -------
    sample, descent, shift
        The rows with the hyperplane at their origin, what was found around it, and the last shift.
    """
    found = []
    for k in range(1 + N_SHIFTS):
        descent = search(sample)
        signs, weights = sample.signs[sample.rows], sample.weights[sample.rows]
        margins = sample.margins(descent.coef, sample.rows)
        shift = best_shift(margins, signs, weights)
        found.append((error_rate(margins + shift, signs, weights), k, sample, descent, shift))
        sample = sample._replace(whitening=sample.whitening.shifted(descent.coef, shift))
    return min(found)[2:]  # k tells errors that tie apart


def error_rate(margins, signs, weights):
    """Weighted share of rows that `predict` gets wrong."""
    return float(weights @ ((margins > 0.0) != (signs > 0.0)) / weights.sum())


def best_shift(margins, signs, weights):
    """The number that, added to all margins, makes the fewest errors."""
    order = np.argsort(margins, kind="stable")
    margins, gains = margins[order], (weights * signs)[order]
    totals = np.concatenate([[0.0], np.cumsum(gains)])  # what is lost by calling the first k rows negative
    ends = np.concatenate([[True], np.diff(margins) > 0.0, [True]])  # ties are on one side
    k = int(np.flatnonzero(ends)[np.argmin(totals[ends])])
    if k == 0:
        return 1.0 - margins[0]
    if k == margins.size:
        return -1.0 - margins[-1]
    return -0.5 * (margins[k - 1] + margins[k])
