"""scikit-learn's pairwise kernels: what each one accepts, and what is known about it."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.utils import gen_batches

__all__ = ["KERNELS", "KernelTraits", "check_kernel_parameters", "kernel_blocks", "kernel_traits", "self_kernel"]

BLOCK_ENTRIES = 2**24  # of the kernel between new and training rows at a time
DIAGONAL_ROWS = 64  # the diagonal of a kernel is read off small square blocks


@dataclass(frozen=True)
class KernelTraits:
    """What is known about a kernel.

    Attributes
    ----------
    parameters : frozenset of str
        Names of its parameters; empty for a callable, which takes any.
    sparse : bool
        Whether rows may be sparse.
    nonnegative : bool
        Whether rows must not be negative.
    euclidean : bool
        Whether squared distances come from a Euclidean space whatever the data and parameters: the kernel is positive
        semi-definite, perhaps up to constants added to rows and columns.
    """

    parameters: frozenset = frozenset()
    sparse: bool = False
    nonnegative: bool = False
    euclidean: bool = False


UNKNOWN = KernelTraits()
GAMMA = frozenset({"gamma"})
POLYNOMIAL = KernelTraits(frozenset({"gamma", "degree", "coef0"}), sparse=True)

KERNELS = {
    "additive_chi2": KernelTraits(nonnegative=True, euclidean=True),
    "chi2": KernelTraits(GAMMA, nonnegative=True, euclidean=True),
    "cosine": KernelTraits(sparse=True, euclidean=True),
    "laplacian": KernelTraits(GAMMA, sparse=True, euclidean=True),
    "linear": KernelTraits(sparse=True, euclidean=True),
    "poly": POLYNOMIAL,
    "polynomial": POLYNOMIAL,
    "precomputed": UNKNOWN,
    "rbf": KernelTraits(GAMMA, sparse=True, euclidean=True),
    "sigmoid": KernelTraits(frozenset({"gamma", "coef0"}), sparse=True),
}


def kernel_traits(kernel):
    """Return what is known about a kernel.

    Parameters
    ----------
    kernel : str or callable
        Name or function.

    Returns
    -------
    traits : KernelTraits
        Nothing is known about a function.

    Examples
    --------
    >>> from statlearn.graph._pairwise_kernels import kernel_traits
    >>> kernel_traits("rbf").euclidean
    True
    """
    return KERNELS.get(kernel, UNKNOWN) if isinstance(kernel, str) else UNKNOWN


def check_kernel_parameters(kernel, gamma, kernel_params):
    """Collect the keyword arguments of a kernel, and refuse those it does not have.

    Parameters
    ----------
    kernel : str or callable
        Name or function.
    gamma : float or None
        Its ``gamma``; None leaves the kernel's default.
    kernel_params : dict or None
        Further keyword arguments.

    Returns
    -------
    parameters : dict
        All keyword arguments.

    Raises
    ------
    ValueError
        For an argument the kernel does not have, or ``gamma`` given twice.

    Examples
    --------
    >>> from statlearn.graph._pairwise_kernels import check_kernel_parameters
    >>> check_kernel_parameters("poly", 0.5, {"degree": 2})
    {'degree': 2, 'gamma': 0.5}
    """
    parameters = dict(kernel_params or {})
    if gamma is not None:
        if "gamma" in parameters:
            raise ValueError("gamma is given twice: as gamma and in kernel_params. Remove one of them.")
        parameters["gamma"] = gamma
    if callable(kernel):
        if gamma is not None:
            raise ValueError("gamma has no meaning for a callable kernel: pass its arguments in kernel_params.")
        return parameters
    allowed = kernel_traits(kernel).parameters
    unknown = sorted(map(str, set(parameters) - allowed))
    if unknown:
        has = f"has only {', '.join(sorted(allowed))}" if allowed else "has no parameters"
        raise ValueError(
            f"kernel={kernel!r} {has}. Got {', '.join(unknown)}: leave gamma=None and remove what does not belong "
            "from kernel_params, or choose another kernel."
        )
    return parameters


def kernel_blocks(X, Y, kernel, parameters):
    """Yield the kernel between some rows and all others, block by block.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows that are cut into blocks.
    Y : {ndarray, sparse matrix} of shape (n_others, n_features)
        The others.
    kernel : str or callable
        As in `sklearn.metrics.pairwise.pairwise_kernels`; ``"precomputed"`` yields blocks of ``X``.
    parameters : dict
        Keyword arguments of the kernel.

    Yields
    ------
    rows : slice
        Position of the block.
    block : ndarray of shape (n_block, n_others)
        The kernel.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._pairwise_kernels import kernel_blocks
    >>> for rows, block in kernel_blocks(np.eye(2), np.ones((1, 2)), "linear", {}):
    ...     print(rows, block.tolist())
    slice(0, 2, None) [[1.0], [1.0]]
    """
    n_others = X.shape[1] if kernel == "precomputed" else Y.shape[0]
    for rows in gen_batches(X.shape[0], max(1, BLOCK_ENTRIES // n_others)):
        yield rows, X[rows] if kernel == "precomputed" else pairwise_kernels(X[rows], Y, metric=kernel, **parameters)


def self_kernel(X, kernel, parameters):
    """Return the kernel of each row with itself.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows.
    kernel : str or callable
        As in `sklearn.metrics.pairwise.pairwise_kernels`, but not ``"precomputed"``.
    parameters : dict
        Keyword arguments of the kernel.

    Returns
    -------
    values : ndarray of shape (n_rows,)
        ``k(x, x)``.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._pairwise_kernels import self_kernel
    >>> self_kernel(np.array([[1.0, 2.0], [3.0, 0.0]]), "linear", {})
    array([5., 9.])
    """
    size = 1 if callable(kernel) else DIAGONAL_ROWS
    blocks = (X[rows] for rows in gen_batches(X.shape[0], size))
    return np.concatenate([pairwise_kernels(block, metric=kernel, **parameters).diagonal() for block in blocks])
