"""The synthetic designs of Faletto & Bien (ICML 2023): cumulative logits whose slopes differ between the cuts."""

from numbers import Integral, Real
from typing import Literal, overload

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

from statlearn._support._sklearn import Interval, StrOptions, validate_params

from .._typing import ArrayLike, FloatArray, IntArray, LegacyRandomState

__all__ = ["make_rare_ordinal"]

MAX_DRAWS = 1000  # the paper's designs need between one and a few dozen
SPARSE_DENSITY = 0.5  # the first of the paper's two sparse designs


@overload
def make_rare_ordinal(
    n_samples: int = 2500,
    n_features: int = 10,
    *,
    design: Literal["sparse", "dense"] = "sparse",
    density: float | None = None,
    intercepts: ArrayLike = (0.0, 3.5, 5.5),
    scale: float = 0.5,
    return_X_y: Literal[True] = True,
    random_state: LegacyRandomState = None,
) -> tuple[FloatArray, IntArray]: ...


@overload
def make_rare_ordinal(
    n_samples: int = 2500,
    n_features: int = 10,
    *,
    design: Literal["sparse", "dense"] = "sparse",
    density: float | None = None,
    intercepts: ArrayLike = (0.0, 3.5, 5.5),
    scale: float = 0.5,
    return_X_y: Literal[False],
    random_state: LegacyRandomState = None,
) -> Bunch: ...


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "design": [StrOptions({"sparse", "dense"})],
        "density": [Interval(Real, 0, 1, closed="both"), None],
        "intercepts": ["array-like"],
        "scale": [Interval(Real, 0, None, closed="left")],
        "return_X_y": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_rare_ordinal(
    n_samples: int = 2500,
    n_features: int = 10,
    *,
    design: Literal["sparse", "dense"] = "sparse",
    density: float | None = None,
    intercepts: ArrayLike = (0.0, 3.5, 5.5),
    scale: float = 0.5,
    return_X_y: bool = True,
    random_state: LegacyRandomState = None,
) -> Bunch | tuple[FloatArray, IntArray]:
    r"""Draw an ordered outcome whose last class is rare, from cumulative logits that are not parallel.

    The rows of ``X`` are uniform on :math:`(-1, 1)^p` and, with ``K = len(intercepts) + 1`` classes,

    .. math:: P(y \le k \mid x) = \sigma(a_k + x^\top \beta_k), \qquad \beta_k = \psi_1 + \dots + \psi_k,
              \qquad k = 1, \dots, K - 1.

    The three designs of [1]_ are ``density=1/2`` and ``density=1/3`` with ``design="sparse"``, and ``design="dense"``;
    its three choices of intercepts are ``(0, 3, 5)``, ``(0, 3.5, 5.5)`` and ``(0, 4, 6)``, which make the last class
    about 1 %, 0.7 % and 0.4 % of the rows.

    Parameters
    ----------
    n_samples : int, default=2500
        Number of rows, at least the number of classes.
    n_features : int, default=10
        Number of columns.
    design : {"sparse", "dense"}, default="sparse"
        How the coefficients are drawn.

        - ``"sparse"``: each entry of :math:`\psi_1` is ``scale`` with probability ``density`` and 0 otherwise; each
          entry of the later :math:`\psi_k` is likewise ``scale`` or 0, with a random sign.
        - ``"dense"``: all entries are uniform on ``(-scale, scale)``.
    density : float in [0, 1] or None, default=None
        Probability that a coefficient of the sparse design is not 0; ``None`` means 1/2. The dense design has no
        density, so that any other value than ``None`` is an error there.
    intercepts : array-like of shape (n_classes - 1,), default=(0.0, 3.5, 5.5)
        The :math:`a_k`, strictly increasing.
    scale : float, default=0.5
        Size of the coefficients. With 0 the outcome does not depend on ``X``.
    return_X_y : bool, default=True
        Whether to return ``(X, y)`` or a Bunch that also holds the truth.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same data in every call.

    Returns
    -------
    data : tuple (X, y) or :class:`~sklearn.utils.Bunch`
        ``X`` is an ndarray of shape (n_samples, n_features), ``y`` an ndarray of shape (n_samples,) of integers
        ``0, ..., n_classes - 1``, each of which occurs; ``n_classes - 1`` is the rare class. The Bunch has attributes

        - ``data``, ``target``: ``X`` and ``y``;
        - ``coef``: ndarray of shape (n_classes - 1, n_features), the true slopes in the sign of the estimators
          (``log P(y > k) / P(y <= k) = x @ coef[k] + intercept[k]``), so :math:`-\beta_k`;
        - ``intercept``: ndarray of shape (n_classes - 1,), so :math:`-a_k`;
        - ``probabilities``: ndarray of shape (n_samples, n_classes), the true class probabilities of the rows;
        - ``rare_probability``: ndarray of shape (n_samples,), their last column.

    Raises
    ------
    ValueError
        If an argument is out of range, if 1000 draws of rows and coefficients all gave some class a negative
        probability at some row, or if 1000 draws of ``y`` all missed a class.

    See Also
    --------
    load_marriage : Real ordered outcome with a rare last class.

    Notes
    -----
    As in [1]_, rows and coefficients are drawn again together until every class probability is non-negative at every
    row, and then ``y`` alone is drawn again until every class occurs. The coefficients are thus not independent once
    the intercepts are close enough for crossings to be likely.

    References
    ----------
    .. [1] G. Faletto and J. Bien (2023). "Predicting Rare Events by Shrinking Towards Proportional Odds". ICML,
       PMLR 202:9547-9602.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> study = make_rare_ordinal(random_state=0, return_X_y=False)
    >>> study.data.shape, study.coef.shape, study.intercept
    ((2500, 10), (3, 10), array([-0. , -3.5, -5.5]))
    >>> bool((study.probabilities >= 0).all())
    True
    >>> X, y = make_rare_ordinal(design="dense", intercepts=(0, 4, 6), random_state=0)
    >>> sorted(set(y.tolist()))
    [0, 1, 2, 3]
    """
    cuts = _check_intercepts(intercepts, n_samples)
    density = _check_density(density, design)
    rng = check_random_state(random_state)
    X, slopes = _draw_model(rng, n_samples, n_features, cuts, scale, density)
    probabilities = _class_probabilities(cuts + X @ slopes.T)
    y = _draw_classes(rng, probabilities)
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        coef=-slopes,
        intercept=-cuts,
        probabilities=probabilities,
        rare_probability=probabilities[:, -1].copy(),
    )


def _check_intercepts(intercepts, n_samples):
    cuts = np.asarray(intercepts, dtype=np.float64)
    if cuts.ndim != 1 or cuts.size == 0:
        raise ValueError(
            f"intercepts must be a sequence of numbers, one per cut between classes; got shape {cuts.shape}."
        )
    if not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise ValueError(
            f"intercepts must be finite and strictly increasing, so that every class can occur; got {cuts.tolist()}."
        )
    if n_samples < cuts.size + 1:
        raise ValueError(
            f"n_samples={n_samples} is less than the {cuts.size + 1} classes that {cuts.size} intercepts make, each of "
            "which must occur; raise n_samples or pass fewer intercepts."
        )
    return cuts


def _check_density(density, design):
    """Density of the sparse design; ``None`` for the dense one."""
    if design == "sparse":
        return SPARSE_DENSITY if density is None else density
    if density is not None:
        raise ValueError(f'density={density} has no meaning for design="dense"; leave it None or use design="sparse".')
    return None


def _draw_model(rng, n_samples, n_features, cuts, scale, density):
    """Rows and slopes (paper sign, one row per cut), drawn again until no two cuts cross at any row."""
    for _ in range(MAX_DRAWS):
        X = rng.uniform(-1.0, 1.0, size=(n_samples, n_features))
        slopes = np.cumsum(_draw_differences(rng, (cuts.size, n_features), scale, density), axis=0)
        if (np.diff(cuts + X @ slopes.T, axis=1) >= 0.0).all():
            return X, slopes
    raise ValueError(
        f"{MAX_DRAWS} draws of rows and coefficients all made a class probability negative: the intercepts "
        f"{cuts.tolist()} are too close for scale={scale} and n_features={n_features}. Move the intercepts apart or "
        "lower scale, density or n_features."
    )


def _draw_differences(rng, shape, scale, density):
    """The matrix of psi: its first row is the slope of the first cut, the later rows are changes between cuts."""
    if density is None:
        return rng.uniform(-scale, scale, size=shape)
    psi = scale * (rng.random_sample(shape) < density)
    psi[1:] *= rng.choice([-1.0, 1.0], size=psi[1:].shape)
    return psi


def _class_probabilities(predictors):
    """``P(y = k)`` from non-decreasing cumulative logits, without subtracting nearly equal numbers."""
    n_samples, n_cuts = predictors.shape
    probabilities = np.empty((n_samples, n_cuts + 1))
    probabilities[:, 0] = expit(predictors[:, 0])
    probabilities[:, -1] = expit(-predictors[:, -1])
    gaps = np.diff(predictors, axis=1)
    probabilities[:, 1:-1] = expit(predictors[:, 1:]) * expit(-predictors[:, :-1]) * -np.expm1(-gaps)
    return probabilities


def _draw_classes(rng, probabilities):
    """One class per row, drawn again until every class occurs."""
    n_samples, n_classes = probabilities.shape
    cumulative = np.cumsum(probabilities[:, :-1], axis=1)
    for _ in range(MAX_DRAWS):
        y = (rng.random_sample((n_samples, 1)) >= cumulative).sum(axis=1)
        present = np.bincount(y, minlength=n_classes) > 0
        if present.all():
            return y
    missing = np.flatnonzero(~present).tolist()
    raise ValueError(
        f"{MAX_DRAWS} draws of y all missed a class (the last one: {missing}) with n_samples={n_samples}; raise "
        "n_samples, or choose intercepts that make the class more frequent."
    )
