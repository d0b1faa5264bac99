"""The words in which public functions say what they take and return.

The docstrings say more: shapes, units, ranges. What is written here is what a type checker can see of it. The types of
optional packages are seen by type checkers alone, so that nothing loads early.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame
else:
    Axes = DataFrame = Any

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


FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.integer[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]
NameArray: TypeAlias = NDArray[np.object_]
LabelArray: TypeAlias = NDArray[Any]  # labels have the type that the user gave them

# A float, or an array if the argument has one dimension more. No type tells which, and a union of the two would have to
# be taken apart at every use.
FloatOrArray: TypeAlias = Any

MatrixLike: TypeAlias = ArrayLike | SparseMatrix
GraphLike: TypeAlias = MatrixLike | NetworkXGraph
GraphCollection: TypeAlias = ArrayLike | Sequence[GraphLike]

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
