"""Checks of what cost objects are made of: every error names the argument, what was found and the cure."""

import math
from numbers import Real

import numpy as np
from scipy import sparse

from .._support.networkx_graphs import is_networkx
from .._support.validation import check_vector

__all__ = [
    "check_factor",
    "check_magnitude",
    "check_nodes",
    "check_weights",
    "frozen_sparse",
    "real_array",
    "real_sparse",
    "require_square",
]

SMALLEST, LARGEST = 1e-150, 1e150  # of costs, whose squares are then numbers
SHAPES = {1: "a vector", 2: "a two-dimensional array"}


def real_array(values, name, ndim=2, cure=""):
    """A read-only float64 array in C order, shared with the caller only where nobody can write to it."""
    if is_networkx(values):
        graph = name if name.isidentifier() else "graph"
        raise TypeError(
            f"{name} must be an array. Got a networkx graph: pass graph_cost({graph}), or cost='hop' to an estimator."
        )
    if sparse.issparse(values):
        raise TypeError(f"{name} must be a dense array. Got a sparse one: pass {name}.toarray().")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: pass {name}.filled(...) with the costs to use instead.")
    array = _numbers(values, name)
    if array.ndim != ndim:
        raise ValueError(f"{name} must be {SHAPES[ndim]}. Got an array of shape {array.shape} instead.{cure}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty. Got an array of shape {array.shape}.")
    _require_finite(array, name)
    return _out_of_reach(array)


def _numbers(values, name):
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array whose rows have equal lengths: {error}") from error
    if array.dtype.kind == "c":
        raise TypeError(f"{name} must hold real numbers. Got complex ones: pass its real part or its absolute value.")
    if array.ndim == 0:
        raise TypeError(
            f"{name} must be an array, a sparse matrix or a cost object. Got an object of type {type(values).__name__}."
        )
    if array.dtype.kind not in "buifO":
        raise TypeError(f"{name} must hold real numbers. Got entries of type {array.dtype}.")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must hold real numbers. Got entries that are none: {error}") from error


def _require_finite(array, name):
    if math.isfinite(max(array.max(), -array.min())):
        return
    position = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
    raise ValueError(
        f"{name} must be finite. Got {array[position]} at position {position}: drop or impute missing values, and "
        "replace infinite costs, such as distances between components of a graph, by a number."
    )


def _out_of_reach(array):
    """The array, read-only: a copy unless neither it nor the array it is a view of can be written to."""
    base = array.base
    if array.flags.writeable or not array.flags.c_contiguous or (isinstance(base, np.ndarray) and base.flags.writeable):
        array = np.array(array, order="C")
    array.setflags(write=False)
    return array


def real_sparse(values, name):
    """A CSR copy of float64 with sorted indices and without duplicates, read-only."""
    if values.dtype.kind == "c":
        raise TypeError(f"{name} must hold real numbers. Got complex ones: pass its real part or its absolute value.")
    if values.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers. Got entries of type {values.dtype}.")
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name} must be a two-dimensional sparse array with entries. Got shape {values.shape}.")
    matrix = frozen_sparse(sparse.csr_array(values, dtype=np.float64, copy=True))
    if matrix.nnz:
        _require_finite(matrix.data, f"{name}.data")
    return matrix


def frozen_sparse(matrix):
    """The CSR matrix with sorted indices and without duplicates, whose parts can no longer be written to."""
    matrix.sum_duplicates()
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.setflags(write=False)
    return matrix


def require_square(matrix, name):
    """The matrix, if it has as many rows as columns."""
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"{name} must be square, one row and one column per node. Got shape {matrix.shape}. If its rows are "
            f"points, pass SquaredEuclideanCost({name}) or a matrix of distances."
        )
    return matrix


def check_magnitude(bound, name):
    """Refuse costs whose squares leave the range of floating-point numbers."""
    if bound > LARGEST:
        raise ValueError(
            f"{name} gives costs up to {bound:.3g}, whose squares overflow beyond {LARGEST:g}: divide it by a scale."
        )
    if 0.0 < bound < SMALLEST:
        raise ValueError(
            f"{name} gives costs of at most {bound:.3g}, whose squares vanish below {SMALLEST:g}: multiply it by a "
            "scale."
        )


def check_weights(p, n_nodes):
    """Non-negative node weights, not all zero, as a new float64 array."""
    weights = check_vector(p, "p", size=n_nodes)
    if not weights.any():
        raise ValueError("p must have a positive entry. Got zeros only.")
    return weights


def check_nodes(nodes, n_nodes):
    """Indices of nodes from indices or from a mask."""
    nodes = np.asarray(nodes)
    if nodes.dtype == bool and nodes.shape == (n_nodes,):
        nodes = np.flatnonzero(nodes)
    if nodes.dtype.kind not in "ui" or nodes.ndim != 1 or nodes.size == 0:
        raise ValueError(
            f"nodes must be a non-empty vector of indices or a mask of {n_nodes} booleans. Got an array of type "
            f"{nodes.dtype} and shape {nodes.shape}."
        )
    if nodes.min() < 0 or nodes.max() >= n_nodes:
        raise ValueError(f"nodes must be from 0 to {n_nodes - 1}. Got {nodes.min()} to {nodes.max()}.")
    return nodes


def check_factor(factor):
    """A positive number; a negative one would turn distances into similarities."""
    if not isinstance(factor, Real) or not 0.0 < factor < math.inf:
        raise ValueError(f"factor must be a positive finite number. Got {factor!r} instead.")
    return float(factor)
