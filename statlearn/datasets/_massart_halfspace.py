"""Labels of a linear rule under noise that fools convex losses."""

from numbers import Integral, Real
from typing import Literal, TypeAlias, overload

import numpy as np
from sklearn.utils import Bunch, check_random_state

from statlearn._support._sklearn import Interval, StrOptions, validate_params

from .._typing import FloatArray, IntArray, LegacyRandomState

__all__ = ["make_massart_halfspace"]

TAIL_OF_NORMAL = 1.6448536269514722  # |x| is larger in 10 % of the rows
TAIL_OF_LAPLACE = 1.6281735335037355  # the same for the Laplace distribution of variance 1, log(10) / sqrt(2)
TOP_FIFTH_OF_NORMAL = 0.8416212335729143  # x is larger in 20 % of the rows
NEAR_BOUNDARY = 0.3  # "massart-far" spares the rows with smaller |x1|
DEFAULT_ETA = 0.4


def _sides_differ(x1, x2):
    return (x1 > 0) != (x2 > 0)


def _tail(x1, x2, threshold):
    return (np.abs(x2) > threshold) & _sides_differ(x1, x2)


# Rows whose labels may be flipped, as a function of the first two columns.
Recipe: TypeAlias = Literal[
    "clean", "rcn", "massart-quadrant", "massart-far", "adv-tail", "adv-tail-laplace", "adv-far"
]

NOISY_ROWS = {
    "clean": lambda x1, x2: np.zeros(x1.shape, dtype=bool),
    "rcn": lambda x1, x2: np.ones(x1.shape, dtype=bool),
    "massart-quadrant": _sides_differ,
    "massart-far": lambda x1, x2: _sides_differ(x1, x2) & (np.abs(x1) > NEAR_BOUNDARY),
    "adv-tail": lambda x1, x2: _tail(x1, x2, TAIL_OF_NORMAL),
    "adv-tail-laplace": lambda x1, x2: _tail(x1, x2, TAIL_OF_LAPLACE),
    "adv-far": lambda x1, x2: (x2 > 0) & (x1 > TOP_FIFTH_OF_NORMAL),
}
RECIPES_WITH_ETA = ("rcn", "massart-quadrant", "massart-far")
RECIPES_WITH_LAPLACE = ("adv-tail-laplace",)


@overload
def make_massart_halfspace(
    n_samples: int = 20000,
    n_features: int = 20,
    *,
    recipe: Recipe = "massart-far",
    eta: float | None = None,
    return_X_y: Literal[True] = True,
    random_state: LegacyRandomState = None,
) -> tuple[FloatArray, IntArray]: ...


@overload
def make_massart_halfspace(
    n_samples: int = 20000,
    n_features: int = 20,
    *,
    recipe: Recipe = "massart-far",
    eta: float | None = None,
    return_X_y: Literal[False],
    random_state: LegacyRandomState = None,
) -> Bunch: ...


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 2, None, closed="left")],
        "recipe": [StrOptions(set(NOISY_ROWS))],
        "eta": [Interval(Real, 0, 0.5, closed="left"), None],
        "return_X_y": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_massart_halfspace(
    n_samples: int = 20000,
    n_features: int = 20,
    *,
    recipe: Recipe = "massart-far",
    eta: float | None = None,
    return_X_y: bool = True,
    random_state: LegacyRandomState = None,
) -> Bunch | tuple[FloatArray, IntArray]:
    r"""Draw rows whose labels are a linear rule under noise that depends on the row.

    The true rule is the sign of the first column, ``y = 1`` where ``x1 > 0`` and -1 elsewhere. The columns are
    independent with mean 0 and variance 1: standard normal, but Laplace for ``"adv-tail-laplace"``. Then some labels
    are flipped.

    Parameters
    ----------
    n_samples : int, default=20000
        Number of rows.
    n_features : int, default=20
        Number of columns, at least 2.
    recipe : str, default="massart-far"
        Which labels are flipped. With a probability ``eta`` less than one half, independently (Massart noise):

        - ``"rcn"``: all labels, called random classification noise;
        - ``"massart-quadrant"``: those where ``x1`` and ``x2`` have different signs;
        - ``"massart-far"``: of these, those with ``abs(x1) > 0.3``.

        With certainty (adversarial noise):

        - ``"adv-tail"``: where ``x2`` is among its 10 % largest in size, the label is the sign of ``x2``;
        - ``"adv-tail-laplace"``: the same for Laplace columns;
        - ``"adv-far"``: where ``x1`` is among its top 20 % and ``x2 > 0``, the label is -1.

        And ``"clean"``: none.
    eta : float in [0, 0.5) or None, default=None
        Probability of a flip of the first three recipes; None means 0.4. The other recipes have no such probability,
        so that any other value than None is an error there.
    return_X_y : bool, default=True
        Whether to return ``(X, y)`` or a Bunch that also holds the truth.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same data in every call.

    Returns
    -------
    data : tuple (X, y) or :class:`~sklearn.utils.Bunch`
        ``X`` is an ndarray of shape (n_samples, n_features), ``y`` an ndarray of shape (n_samples,) of integers -1
        and 1. The Bunch has attributes

        - ``data``, ``target``: ``X`` and ``y``;
        - ``coef``: ndarray of shape (n_features,), the unit vector of the true rule;
        - ``clean_target``: ndarray of shape (n_samples,), labels before the noise;
        - ``flip_probability``: ndarray of shape (n_samples,), the probability of a flip given the row.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``eta`` is given for a recipe without one.

    Notes
    -----
    The minimizer of a convex loss is tilted along ``x2`` by all recipes but ``"clean"`` and ``"rcn"``, and more rows
    do not help, since the tilt is there in the limit. The true rule is wrong on 40 % of the rows of ``"rcn"``, 20 % of
    ``"massart-quadrant"``, 15 % of ``"massart-far"``, all with ``eta=0.4``, 10 % of ``"adv-far"``, and 5 % of the two
    tails.

    References
    ----------
    .. [1] I. Diakonikolas, V. Kontonis, C. Tzamos and N. Zarifis (2020). "Learning Halfspaces with Massart Noise Under
       Structured Distributions". COLT, PMLR 125:1486-1513.
    .. [2] I. Diakonikolas, V. Kontonis, C. Tzamos and N. Zarifis (2020). "Non-Convex SGD Learns Halfspaces with
       Adversarial Label Noise". NeurIPS.

    Examples
    --------
    >>> from statlearn.datasets import make_massart_halfspace
    >>> study = make_massart_halfspace(2000, 5, recipe="massart-quadrant", random_state=0, return_X_y=False)
    >>> study.data.shape, study.coef
    ((2000, 5), array([1., 0., 0., 0., 0.]))
    >>> sorted(set(study.target.tolist())), sorted(set(study.flip_probability.tolist()))
    ([-1, 1], [0.0, 0.4])
    >>> X, y = make_massart_halfspace(2000, 5, recipe="clean", random_state=0)
    >>> bool(((X[:, 0] > 0) == (y == 1)).all())
    True
    """
    flip_chance = _flip_chance(recipe, eta)
    rng = check_random_state(random_state)
    shape = (n_samples, n_features)
    X = rng.laplace(scale=np.sqrt(0.5), size=shape) if recipe in RECIPES_WITH_LAPLACE else rng.standard_normal(shape)
    clean = np.where(X[:, 0] > 0, 1, -1)
    flip_probability = flip_chance * NOISY_ROWS[recipe](X[:, 0], X[:, 1])
    y = np.where(rng.random_sample(n_samples) < flip_probability, -clean, clean)
    if return_X_y:
        return X, y
    coef = np.zeros(n_features)
    coef[0] = 1.0
    return Bunch(data=X, target=y, coef=coef, clean_target=clean, flip_probability=flip_probability)


def _flip_chance(recipe, eta):
    """Probability of a flip in the noisy rows."""
    if recipe in RECIPES_WITH_ETA:
        return DEFAULT_ETA if eta is None else eta
    if eta is not None:
        raise ValueError(
            f'eta={eta} has no meaning for recipe="{recipe}"; leave it None or use one of the recipes '
            f"{', '.join(RECIPES_WITH_ETA)}."
        )
    return 1.0
