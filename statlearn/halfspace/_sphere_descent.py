r"""Minimizing the risk of a surrogate over unit vectors: stochastic descent down a ladder of widths, and a polish.

The risk of a wide surrogate is nearly that of a line and has few minima; the risk of a narrow one is nearly the 0-1
error and has many. So the descent walks down a ladder of widths, each minimum being the start of the next stage:

1. *starts*: the mean of y z, and localized means: those over the rows near the boundary of the start before, which far
   rows with wrong labels tilt less. All are functions of the data, so that a rotation of the rows rotates them.
2. *stage*: projected stochastic gradient descent w <- unit(w - step * gradient) on a random part of the rows, of
   which only those within three widths of the boundary are visited; then the mean of the second half of the iterates;
   then a polish.
3. *polish*: descent with all of these rows, steps of Barzilai and Borwein, shortened until the risk falls. It ends when
   the gradient is a thousandth of its own standard error.
4. starts whose stages ended at the same place go on as one; the last minima are polished with all rows.
5. *choice*: by the 0-1 errors, over all rows, of the starts, the means and minima of all stages, and their negatives;
   among those that tie within chance, the one of least gradient.

Every quantity is odd or even in the labels, exactly, so that relabeling y to -y flips the result and nothing else.
"""

import functools
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, NamedTuple

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.parallel import run_parallel
from .._support.progress import NoProgress
from .._support.random_streams import spawn_generators
from .._support.validation import check_array, check_sample_weight, check_X_y
from .._typing import ArrayLike, FloatArray, MatrixLike, RandomState
from ._sphere_gradient import LabeledRows, disagreement
from ._surrogates import SURROGATES, Surrogate
from ._whitening import Whitening

__all__ = ["DescentSettings", "DescentStage", "SphereDescent", "descend", "psgd_sphere"]

LADDER = (1.0, 0.5, 0.25)  # widths before the wanted one, in units of the scale of the rows
STAGE_ROWS = 2**16  # of the random part that stages see
COPIED_SHARE = 0.25  # of the table that may be copied for them to be read in their order
NEAR = 3.0  # widths from the boundary up to which rows are visited
REFRESH = 250  # steps after which a stage asks again which rows are near
DECAY = 200.0  # steps after which the step of a stage has shrunk by the square root of 2
MET = 1e-4  # 1 - cosine of starts that count as one: less than a degree apart
POLISH_STEPS = 100
POLISH_STEP = 0.3  # first step, in widths
STEP_RANGE = 100.0  # factor within which a polish may change it
SHORTEST = 1e-8  # of the first step; shorter ones are lost in the rounding of the risk
TIE = 2.0  # standard errors of the difference of two errors that count as none
SUFFICIENT = 1e-4  # share of the decrease that a linear risk would show
ACCURACY = 1e-3  # of the gradient after a polish, in its standard errors
NOT_REPORTED = NoProgress()


class DescentSettings(NamedTuple):
    """What the descent does, beside the data and the widths.

    Attributes
    ----------
    surrogate : Surrogate
        The loss.
    n_init : int
        Number of starts.
    max_iter : int
        Stochastic steps of a stage.
    batch_size : int
        Rows per step.
    learning_rate : float
        First step of a stage, in widths.
    """

    surrogate: Surrogate
    n_init: int = 3
    max_iter: int = 300
    batch_size: int = 256
    learning_rate: float = 0.5


class DescentStage(NamedTuple):
    """One stage of one start.

    Attributes
    ----------
    start : int
        Number of the start.
    width : float
        Width of the surrogate.
    loss : float
        Risk of the surrogate at the end, over the rows that the stage saw.
    gradient_norm : float
        Norm of its gradient there.
    n_iter : int
        Stochastic steps.
    n_polish : int
        Steps of the polish.
    """

    start: int
    width: float
    loss: float
    gradient_norm: float
    n_iter: int
    n_polish: int


@dataclass(frozen=True, eq=False, repr=False)
class SphereDescent:
    """What `psgd_sphere` found.

    Attributes
    ----------
    coef : ndarray of shape (n_features,)
        The chosen unit vector.
    error : float
        Its weighted 0-1 error; a row on the boundary counts as half an error.
    gradient_norm : float
        Norm of the gradient of the risk of the last width at ``coef``, over all rows.
    width : float
        The last width.
    candidates : ndarray of shape (n_candidates, n_features)
        Unit vectors among which ``coef`` was chosen, each turned so that its error is at most one half.
    errors : ndarray of shape (n_candidates,)
        Their errors.
    stages : tuple of DescentStage
        What happened, in order. Polishes with all rows, if stages saw a part of them, come last, without stochastic
        steps.

    Examples
    --------
    >>> from statlearn.datasets import make_massart_halfspace
    >>> from statlearn.halfspace import psgd_sphere
    >>> X, y = make_massart_halfspace(2000, 5, recipe="clean", random_state=0)
    >>> descent = psgd_sphere(X, y, width=[1.0, 0.5, 0.25], random_state=0)
    >>> for stage in descent.stages:
    ...     if stage.start == 0:
    ...         print(f"width {stage.width:.2f}, {stage.n_iter} steps")
    width 1.00, 300 steps
    width 0.50, 300 steps
    width 0.25, 300 steps
    """

    coef: FloatArray
    error: float
    gradient_norm: float
    width: float
    candidates: FloatArray
    errors: FloatArray
    stages: tuple[DescentStage, ...]

    def __repr__(self):
        return (
            f"SphereDescent(error={self.error:.4g}, gradient_norm={self.gradient_norm:.3g}, width={self.width:.3g}, "
            f"n_candidates={len(self.candidates)}, n_iter={self.n_iter})"
        )

    @property
    def n_iter(self) -> int:
        """Number of stochastic steps of all stages.

        Returns
        -------
        n_iter : int
            The number.
        """
        return sum(stage.n_iter for stage in self.stages)


class _Risk(NamedTuple):
    """The risk of one width, of which only rows near the boundary of a reference point are visited."""

    sample: LabeledRows
    surrogate: Surrogate
    width: float
    scale: float

    @property
    def total_weight(self):
        return self.sample.weights[self.sample.rows].sum()

    def near(self, w):
        """Rows so near to the boundary of w that small changes of w may bring them into the band, and the loss of the
        others."""
        reach = max(NEAR * self.width, self.surrogate.reach(self.width))
        margins = self.sample.margins(w, self.sample.rows)
        is_near = np.abs(margins) < reach
        is_lost = ~is_near & (margins * self.sample.signs[self.sample.rows] < 0.0)
        return self.sample.rows[is_near], self.sample.weights[self.sample.rows[is_lost]].sum() / self.total_weight

    def slope(self, w, rows, total_weight):
        """Risk and gradient at w, with sums over some rows only, divided by ``total_weight``."""
        return self.sample.slope(w, self.surrogate, self.width, rows, total_weight)

    @property
    def n_counted(self):
        """Number of rows for standard errors; weights may be numbers of repetitions."""
        return max(self.total_weight, float(self.sample.rows.size))

    @property
    def angle(self):
        """The width as an angle: how far w turns until a typical row has crossed the band."""
        return self.width / self.scale


def _unit(v):
    """v at length 1, or None if it has no direction."""
    length = np.linalg.norm(v)
    return v / length if length > 0.0 else None


def _random_part(sample, batch_size, generator):
    """The rows that stages see, in random order: a copy of few of many, else an order of all of them."""
    if sample.rows.size <= batch_size:
        return sample
    rows = generator.permutation(sample.rows)[:STAGE_ROWS]
    return sample.copied(rows) if rows.size <= COPIED_SHARE * sample.X.shape[0] else sample._replace(rows=rows)


def find_starts(sample, n_init, scale, generator):
    """Start vectors: the mean of y z, then each the mean over the rows near the boundary of the one before."""
    rows, signs = sample.rows, sample.signs[sample.rows]
    start = _unit(sample.weighted_mean(signs, rows))
    if start is None:  # as many labels +1 as -1 at every place, or at its mirror image
        start = _unit(sample.weighted_mean(signs * generator.standard_normal(rows.size), rows))
    if start is None:
        raise ValueError("X has no direction to search in: all rows are at the origin. Check the table.")
    starts = [start]
    for k in range(1, n_init):
        is_near = np.abs(sample.margins(starts[-1], rows)) < scale * 0.5**k
        start = _unit(sample.weighted_mean(signs * is_near, rows))
        if start is None:
            break
        starts.append(start)
    return starts


def _run_stage(risk, settings, w):
    """Stochastic steps from w, and the mean of the second half of their iterates; w itself if no row is near."""
    batch_size, total_weight = settings.batch_size, risk.total_weight
    first_step = settings.learning_rate * risk.angle
    total = np.zeros(w.size)
    for t in range(settings.max_iter):
        if t % REFRESH == 0:
            (near, _), position = risk.near(w), 0
            if near.size == 0:
                return w, t
        batch = near[position : position + batch_size]
        position = position + batch_size if position + 2 * batch_size <= near.size else 0
        gradient = risk.slope(w, batch, total_weight * batch.size / near.size).gradient
        w = _unit(w - first_step / np.sqrt(1.0 + t / DECAY) * gradient)
        if t >= settings.max_iter // 2:
            total += w
    mean = _unit(total)
    return (w if mean is None else mean), settings.max_iter


def _polish(risk, w, n_steps=POLISH_STEPS):
    """A stationary point of the risk near w, the risk and gradient there, and the number of steps."""
    total_weight = risk.total_weight
    n_counted = risk.n_counted
    first_step = step = POLISH_STEP * risk.angle
    reference, n_done = None, 0
    while True:
        if reference is None or np.linalg.norm(w - reference) > 0.5 * risk.angle:
            reference, (near, loss_of_others) = w, risk.near(w)
            here = risk.slope(w, near, total_weight)
        standard_error = here.noise * risk.scale * np.sqrt(w.size / n_counted)
        if n_done == n_steps or np.linalg.norm(here.gradient) <= ACCURACY * standard_error:
            break
        there = _step_down(risk, w, here, near, total_weight, step, SHORTEST * first_step)
        if there is None:
            break
        moved, turned = there[0] - w, there[1].gradient - here.gradient
        curvature = moved @ turned
        step = (moved @ moved) / curvature if curvature > 0.0 else 2.0 * step
        step = min(max(step, first_step / STEP_RANGE), first_step * STEP_RANGE)
        w, here = there
        n_done += 1
    return w, here._replace(loss=float(here.loss + loss_of_others)), n_done


def _step_down(risk, w, here, near, total_weight, step, shortest):
    """A point down the gradient with sufficient decrease of the risk, and the slope there; None if no step is short
    enough."""
    decrease = SUFFICIENT * (here.gradient @ here.gradient)
    while step >= shortest:
        point = _unit(w - step * here.gradient)
        slope = risk.slope(point, near, total_weight)
        if slope.loss <= here.loss - step * decrease:
            return point, slope
        step *= 0.5
    return None


def _descend_stage(risk, settings, number, w):
    """One stage of one start: its candidates, of which the last goes on, and its record."""
    n_iter, mean = 0, None
    if settings.max_iter > 0 and risk.sample.rows.size > settings.batch_size:  # with fewer rows nothing is stochastic
        w, n_iter = _run_stage(risk, settings, w)
        mean = w
    w, slope, n_polish = _polish(risk, w)
    record = DescentStage(number, risk.width, slope.loss, float(np.linalg.norm(slope.gradient)), n_iter, n_polish)
    return ([] if mean is None else [mean]) + [w], record


def _without_met(walkers):
    """The first of all walkers (number, w) that have met."""
    apart = []
    for number, w in walkers:
        if all(w @ other < 1.0 - MET for _, other in apart):
            apart.append((number, w))
    return apart


def descend(sample, widths, settings, generator, *, n_jobs=None, progress=NOT_REPORTED):
    """Minimize the 0-1 error over unit vectors by way of surrogates.

    Parameters
    ----------
    sample : LabeledRows
        The rows.
    widths : sequence of float
        Widths of the stages, decreasing; see `width_ladder`.
    settings : DescentSettings
        What to do.
    generator : numpy.random.Generator
        Draws the rows that stages see; not used if there are no more than ``settings.batch_size``.
    n_jobs : int or None, default=None
        Number of threads for the starts; the result does not depend on it.
    progress : FitProgress or NoProgress, default=NoProgress()
        Told of each finished width, and of the last polish: ``len(widths) + 1`` steps.

    Returns
    -------
    descent : SphereDescent
        In the coordinates of the whitened rows.

    Raises
    ------
    ValueError
        If all rows are at the origin.
    """
    part = _random_part(sample, settings.batch_size, generator)
    scale = sample.scale()
    starts = find_starts(part, settings.n_init, scale, generator)
    candidates, stages, walkers = list(starts), [], list(enumerate(starts))
    for width in widths:
        risk = _Risk(part, settings.surrogate, width, scale)
        task = functools.partial(_descend_stage, risk, settings)
        results = run_parallel(task, walkers, n_jobs=n_jobs)
        candidates += [w for found, _ in results for w in found]
        stages += [record for _, record in results]
        walkers = _without_met([(record.start, found[-1]) for found, record in results])
        progress.step()
    risk = _Risk(sample, settings.surrogate, widths[-1], scale)
    if part.rows.size < sample.rows.size:
        still = settings._replace(max_iter=0)
        results = run_parallel(functools.partial(_descend_stage, risk, still), walkers, n_jobs=n_jobs)
        candidates += [found[-1] for found, _ in results]
        stages += [record for _, record in results]
    progress.step()
    return _choose(risk, np.array(candidates), tuple(stages))


def _choose(risk, candidates, stages):
    """The candidate or negative of least gradient among those whose 0-1 error is the least, or as good as that.

    As good as: larger by no more than two standard errors of the difference between two errors, which stems from the
    rows where the two differ. A difference of a few rows would else prefer points that are not stationary.
    """
    sample, rows = risk.sample, risk.sample.rows
    weights, total_weight = sample.weights[rows], risk.total_weight
    sides = sample.sides(candidates.T, rows)
    errors = disagreement(sides, sample.signs[rows].astype(np.int8), weights)
    turn = np.where(errors > 0.5, -1, 1).astype(np.int8)
    errors = np.where(turn < 0, 1.0 - errors, errors)
    best = np.argmin(errors)
    differing = disagreement(sides * turn, sides[:, best] * turn[best], weights)
    good = np.flatnonzero(errors - errors[best] <= TIE * np.sqrt(differing / risk.n_counted))
    candidates = turn[:, None] * candidates
    norms = [np.linalg.norm(risk.slope(w, rows, total_weight).gradient) for w in candidates[good]]
    winner = good[np.argmin(norms)]
    return SphereDescent(
        candidates[winner], float(errors[winner]), float(min(norms)), risk.width, candidates, errors, stages
    )


def width_ladder(width, scale):
    """The widths of the stages that lead to ``width``, for rows of root mean square ``scale`` per coordinate."""
    return (*(step * scale for step in LADDER if step * scale > width), width)


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "y": ["array-like"],
        "width": [Interval(Real, 0, None, closed="neither"), "array-like"],
        "surrogate": [StrOptions(set(SURROGATES))],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 2, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "sample_weight": ["array-like", None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def psgd_sphere(
    X: MatrixLike,
    y: ArrayLike,
    *,
    width: float | ArrayLike = 0.1,
    surrogate: Literal["ramp", "sigmoid"] = "ramp",
    n_init: int = 3,
    max_iter: int = 300,
    batch_size: int = 256,
    learning_rate: float = 0.5,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> SphereDescent:
    r"""Learn a halfspace through the origin from labels with much noise, by projected gradient descent on the sphere.

    Minimizes the risk of a bounded surrogate over unit vectors,

    .. math:: L_s(w) = \frac{\sum_i v_i\, \ell_s(-y_i \langle w, x_i\rangle)}{\sum_i v_i}, \qquad
              \nabla L_s(w) = -\frac{\sum_i v_i\, \ell_s'(\langle w, x_i\rangle)\, y_i
              (x_i - \langle w, x_i\rangle w)}{\sum_i v_i},

    for a falling ladder of widths s, and returns the best unit vector by 0-1 error among the points where it stopped.
    Rows far from the boundary have no weight in the gradient, so that wrong labels there do no harm [1]_, [2]_.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, used as they are: the boundary goes through the origin. The method is meant for columns of mean 0 and
        unit covariance.
    y : array-like of shape (n_samples,)
        Labels 1 and -1.
    width : float or array-like, default=0.1
        Width s of the surrogate, in the units of ``X``. A narrow one sees fewer rows and is tilted less by wrong labels
        beyond the band. The descent goes from 1, 1/2 and 1/4 of the scale of the rows (root mean square of an entry)
        to a single number; a decreasing sequence is used as given.
    surrogate : {"ramp", "sigmoid"}, default="ramp"
        The loss: `ramp_loss`, or ``1 / (1 + exp(-t / s))``, which is four times as wide for the same s and visits rows
        at all distances.
    n_init : int, default=3
        Number of starts: the mean of ``y * x``, then each the same mean over the rows nearer to the boundary of the
        start before. Starts that meet go on as one.
    max_iter : int, default=300
        Stochastic gradient steps per width and start.
    batch_size : int, default=256
        Rows per step. With no more rows than this, all steps use all rows and nothing is random.
    learning_rate : float, default=0.5
        First step of each width, as a multiple of the width; step ``t`` is shorter by ``sqrt(1 + t / 200)``.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows; those of weight 0 are left out.
    n_jobs : int or None, default=None
        Number of threads for the starts. The result does not depend on it.
    random_state : int, RandomState instance, Generator or None, default=None
        Draws which rows the steps see; pass an int for the same result in every call.

    Returns
    -------
    descent : SphereDescent
        A record with fields

        - ``coef``: ndarray of shape (n_features,), the unit vector w; predict the sign of ``X @ coef``;
        - ``error``: float, its weighted share of wrong labels, a row on the boundary counting as half an error;
        - ``gradient_norm``: float, norm of the gradient of the risk of the last width, over all rows;
        - ``width``: float, the last width;
        - ``candidates`` and ``errors``: ndarrays of shapes (n_candidates, n_features) and (n_candidates,), the points
          of all widths and starts;
        - ``stages``: tuple, one record per width and start;
        - ``n_iter``: int, the number of stochastic steps.

    Raises
    ------
    ValueError
        If an argument is out of range, a label is not 1 or -1, only one label has rows of positive weight, or all
        rows are at the origin.

    See Also
    --------
    ramp_loss : The surrogate.

    Notes
    -----
    [1]_ shows for Massart noise and well-behaved rows that some iterate is nearly stationary, and that such a point or
    its negative is close to the best halfspace. Four things here are ours: each width ends in deterministic steps of
    Barzilai and Borwein with sufficient decrease, which bring the gradient below its own noise; the points compared
    are one mean of iterates and one polished point per width instead of all iterates; of those whose errors differ
    from the least by no more than two standard errors of the difference, the one of least gradient is chosen; and
    further starts are localized means rather than random vectors, from which a descent in many dimensions soon goes
    the way of the first start. The result flips sign exactly if all labels do, and turns with the rows.

    The descent sees a random part of at most 65536 rows; the last polish and the comparison of errors see all.
    ``X`` is not copied if it is a C-contiguous array of float64 or float32, or a CSR matrix.

    References
    ----------
    .. [1] I. Diakonikolas, V. Kontonis, C. Tzamos and N. Zarifis (2020). "Learning Halfspaces with Massart Noise Under
       Structured Distributions". COLT, PMLR 125:1486-1513.
    .. [2] A. Gollakota, A. Klivans, K. Stavropoulos and A. Vasilyan (2024). "An Efficient Tester-Learner for
       Halfspaces". ICLR.

    Examples
    --------
    Four in ten labels are wrong where two columns differ in sign, unless the first is near 0. The best direction is
    the first axis; that of logistic regression is 27 degrees away:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from statlearn.datasets import make_massart_halfspace
    >>> from statlearn.halfspace import psgd_sphere
    >>> X, y = make_massart_halfspace(5000, 10, recipe="massart-far", random_state=0)
    >>> convex = LogisticRegression(fit_intercept=False).fit(X, y).coef_[0]
    >>> print(f"{np.degrees(np.arccos(convex[0] / np.linalg.norm(convex))):.0f}")
    27
    >>> descent = psgd_sphere(X, y, random_state=0)
    >>> bool(np.degrees(np.arccos(descent.coef[0])) < 2)
    True
    """
    sample = _checked_sample(X, y, sample_weight)
    widths = _checked_widths(width, sample.scale())
    settings = DescentSettings(SURROGATES[surrogate], n_init, max_iter, batch_size, learning_rate)
    return descend(sample, widths, settings, spawn_generators(random_state, 1)[0], n_jobs=n_jobs)


def _checked_sample(X, y, sample_weight):
    X, y = check_X_y(X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    rows = np.flatnonzero(weights)
    labels = set(np.unique(y[rows]).tolist())
    if labels != {-1, 1}:
        found = f"{sorted(labels, key=str)[:5]} in rows of positive weight"
        raise ValueError(
            f"y must hold the labels 1 and -1, both of them. Got {found}: map one class to -1 and the other to 1."
        )
    return LabeledRows(X, y.astype(np.float64), weights, Whitening.identity(X.shape[1]), rows)


def _checked_widths(width, scale):
    if isinstance(width, Real):
        return width_ladder(float(width), scale)
    widths = check_array(width, ensure_2d=False, ensure_min_samples=0, dtype=np.float64, input_name="width")
    if widths.ndim != 1 or widths.size == 0 or (widths <= 0.0).any() or (np.diff(widths) >= 0.0).any():
        raise ValueError(f"width must be a positive number or a decreasing sequence of such. Got {widths.tolist()}.")
    return tuple(widths.tolist())
