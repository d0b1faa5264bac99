"""The words in which public functions say what they take and return.

The docstrings say more: shapes, units, ranges. What is written here is what a type checker can see of it. At run time
most words are names alone: nothing loads early, and ``help`` shows ``ArrayLike`` rather than what NumPy understands by
it, ten lines long.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame

__all__ = [
    "ArrayLike",
    "Axes",
    "Basis",
    "BoolArray",
    "ClassWeight",
    "CrossValidation",
    "DataFrame",
    "DependenceMeasure",
    "DistanceMethod",
    "Estimator",
    "FloatArray",
    "FloatOrArray",
    "GraphCollection",
    "GraphCost",
    "GraphLike",
    "IntArray",
    "LabelArray",
    "LegacyRandomState",
    "MatrixLike",
    "NameArray",
    "NetworkXGraph",
    "RandomState",
    "SparseMatrix",
    "Splitter",
]


class SparseMatrix(Protocol):
    """A sparse matrix or array of SciPy, whose own types need a package of stubs."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def nnz(self) -> int: ...

    def tocsr(self) -> Any: ...


class NetworkXGraph(Protocol):
    """A graph of networkx, whose own types need a package of stubs."""

    def is_directed(self) -> bool: ...

    def is_multigraph(self) -> bool: ...

    def number_of_nodes(self) -> int: ...


class Estimator(Protocol):
    """An estimator as scikit-learn knows it; scikit-learn has no types."""

    def fit(self, *args: Any, **kwargs: Any) -> Any: ...

    def get_params(self, deep: bool = True) -> Any: ...


class Splitter(Protocol):
    """A cross-validation splitter, such as ``KFold``."""

    def split(self, *args: Any, **kwargs: Any) -> Any: ...

    def get_n_splits(self, *args: Any, **kwargs: Any) -> Any: ...


class Basis(Protocol):
    """A basis of functions, whose columns may be settled by data: `OrthonormalBasis` and the transformers of bases."""

    def resolved(self) -> Any: ...


if TYPE_CHECKING:
    FloatArray: TypeAlias = NDArray[np.float64]
    IntArray: TypeAlias = NDArray[np.integer[Any]]
    BoolArray: TypeAlias = NDArray[np.bool_]
    NameArray: TypeAlias = NDArray[np.object_]
    LabelArray: TypeAlias = NDArray[Any]  # labels have the type that the user gave them
    MatrixLike: TypeAlias = ArrayLike | SparseMatrix
    GraphLike: TypeAlias = MatrixLike | NetworkXGraph
    GraphCollection: TypeAlias = ArrayLike | Sequence[GraphLike]
else:

    class ArrayLike:
        """Whatever NumPy makes an array of."""

    class MatrixLike:
        """An array-like, or a sparse matrix."""

    class GraphLike:
        """A matrix, or a graph of networkx."""

    class GraphCollection:
        """A sequence of graphs, or what NumPy makes an array of."""

    class FloatArray:
        """An array of float64."""

    class IntArray:
        """An array of integers."""

    class BoolArray:
        """An array of booleans."""

    class NameArray:
        """An array of strings, as objects."""

    class LabelArray:
        """An array of labels, which have the type that the user gave them."""

    class Axes:
        """Axes of Matplotlib."""

    class DataFrame:
        """A table of pandas."""


# A float, or an array if the argument has one dimension more. No type tells which, and a union of the two would have to
# be taken apart at every use.
FloatOrArray: TypeAlias = Any

RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None
LegacyRandomState: TypeAlias = (
    int | np.random.RandomState | None
)  # where scikit-learn checks it, which knows no Generator
CrossValidation: TypeAlias = int | Splitter | Iterable[tuple[ArrayLike, ArrayLike]]
ClassWeight: TypeAlias = dict[Any, Any] | Literal["balanced"] | None

DependenceMeasure: TypeAlias = Literal["ccdcov", "jdcov", "sum", "dcov"]
DistanceMethod: TypeAlias = Literal["auto", "levels", "column", "mixed", "pairwise", "sliced"]
GraphCost: TypeAlias = (
    Literal["hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"] | Callable[..., Any]
)
