"""Pictures of label spaces: what can be predicted, and for which probabilities."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .._support._sklearn import check_matplotlib_support
from .._typing import ArrayLike, Axes, FloatArray, IntArray, LabelArray
from ._decision import check_positions, frechet_predict
from ._label_metric import LabelMetric
from ._locus import locus
from ._tree_metric import TreeMetric

__all__ = ["LocusDisplay", "SimplexRegionDisplay"]

MAX_NAMED = 60  # labels up to which names are written
MAX_SCALED = 1000  # labels that are placed by the eigenvectors of all their distances
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
KINDS = {
    "observed": {"marker": "s", "color": "C0", "s": 50},
    "can be predicted": {"marker": "o", "color": "C1", "s": 35},
    "never predicted": {"marker": "o", "facecolors": "none", "edgecolors": "0.6", "s": 25},
}


class LocusDisplay:
    """A picture of the labels that can be predicted when some are observed. Make it with `from_metric`.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Places of nodes or labels.
    edges : ndarray of int of shape (n_edges, 2)
        Points that are joined by a line.
    label_points : ndarray of int of shape (n_labels,)
        Point of each label.
    kinds : ndarray of str of shape (n_labels,)
        "observed", "can be predicted" or "never predicted", for each label.
    names : sequence of str
        What is written at the labels; empty for nothing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    points_ : dict of str to matplotlib PathCollection
        The points of each kind of label that there is.

    See Also
    --------
    locus : The labels alone.

    Examples
    --------
    >>> from statlearn.frechet import LocusDisplay, TreeMetric
    >>> tree = TreeMetric([-1, 0, 0, 1, 1, 2, 2])
    >>> display = LocusDisplay.from_metric(tree, observed=[3, 4])
    >>> display.kinds.tolist().count("never predicted")
    4
    """

    def __init__(
        self, *, points: FloatArray, edges: IntArray, label_points: IntArray, kinds: LabelArray, names: Sequence[str]
    ) -> None:
        self.points = points
        self.edges = edges
        self.label_points = label_points
        self.kinds = kinds
        self.names = names

    @classmethod
    def from_metric(
        cls, metric: LabelMetric, observed: ArrayLike, *, strict: bool = False, ax: Axes | None = None
    ) -> Self:
        """Draw a label space.

        A tree hangs from its root. Labels with one or two coordinates are where these are; others are placed by
        classical scaling, which keeps distances as well as a plane can.

        Parameters
        ----------
        metric : LabelMetric
            The label space, of at most 1000 labels unless it is a tree or has coordinates.
        observed : array-like of int of shape (n_observed,)
            Positions of the observed labels.
        strict : bool, default=False
            Whether ties count as predictions; see `locus`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : LocusDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are too many labels, or positions are not those of labels.
        """
        check_matplotlib_support(f"{cls.__name__}.from_metric")
        observed = check_positions(observed, metric, "observed")
        kinds = np.full(metric.n_labels_, "never predicted", dtype=object)
        kinds[locus(metric, observed, strict=strict)] = "can be predicted"
        kinds[observed] = "observed"
        points, edges, label_points = _layout(metric)
        names = [str(label) for label in metric.labels_] if metric.n_labels_ <= MAX_NAMED else []
        return cls(points=points, edges=edges, label_points=label_points, kinds=kinds, names=names).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        self : LocusDisplay
            The picture.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.collections import LineCollection

        ax = plt.subplots()[1] if ax is None else ax
        ax.add_collection(LineCollection(self.points[self.edges], colors="0.8", zorder=1.0))
        self.points_ = {}
        for kind, style in KINDS.items():
            chosen = self.points[self.label_points[self.kinds == kind]]
            if len(chosen):
                self.points_[kind] = ax.scatter(*chosen.T, label=f"{kind} ({len(chosen)})", zorder=2.0, **style)
        for name, place in zip(self.names, self.points[self.label_points], strict=False):
            ax.annotate(name, place, xytext=(4, 4), textcoords="offset points", fontsize="small")
        ax.set_axis_off()
        ax.autoscale_view()
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(KINDS), fontsize="small", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _layout(metric):
    """Places of points, the lines between them, and the point of each label."""
    if isinstance(metric, TreeMetric):
        return _tree_layout(metric)
    labels, none = np.arange(metric.n_labels_), np.empty((0, 2), dtype=int)
    coordinates = metric.coordinates(labels) if hasattr(metric, "coordinates") else None
    if coordinates is None or coordinates.shape[1] > 2:
        return _scaled(metric), none, labels
    return np.column_stack([coordinates, np.zeros(len(labels))])[:, :2], none, labels


def _tree_layout(metric):
    """Leaves side by side in depth-first order, inner nodes above the middle of their first and last child."""
    tree = metric._tree
    first, last = np.full(tree.n_nodes, np.inf), np.full(tree.n_nodes, -np.inf)
    leaves = np.flatnonzero(np.isin(tree.order, tree.leaves))
    first[leaves] = last[leaves] = np.arange(leaves.size)
    for position in range(tree.n_nodes - 1, 0, -1):
        middle, parent = 0.5 * (first[position] + last[position]), tree.parents[position]
        first[parent], last[parent] = min(first[parent], middle), max(last[parent], middle)
    points = np.column_stack([0.5 * (first + last), -tree.depths])
    edges = np.column_stack([tree.parents[1:], np.arange(1, tree.n_nodes)])
    return points, edges, tree.positions[metric.nodes_]


def _scaled(metric):
    """Classical scaling to two dimensions."""
    n = metric.n_labels_
    if n > MAX_SCALED:
        raise ValueError(
            f"metric must have at most {MAX_SCALED} labels to be drawn, unless it is a tree or has one or two "
            f"coordinates. Got {n}."
        )
    labels = np.arange(n)
    centered = metric.distances(labels, labels) ** 2
    centered = -0.5 * (centered - centered.mean(axis=0) - centered.mean(axis=1)[:, None] + centered.mean())
    values, vectors = np.linalg.eigh(0.5 * (centered + centered.T))
    points = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    return np.column_stack([points, np.zeros((n, 2 - points.shape[1]))])


class SimplexRegionDisplay:
    """A picture of what is predicted for all probabilities of three observed labels. Make it with `from_metric`.

    Parameters
    ----------
    corners : ndarray of shape (n_triangles, 3, 2)
        Corners of small triangles that fill the simplex.
    labels : ndarray of shape (n_triangles,)
        The label that is predicted at the center of each.
    names : sequence of str of length 3
        Names of the observed labels, the corners of the simplex.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    regions_ : matplotlib PolyCollection
        The triangles.

    See Also
    --------
    LocusDisplay : All labels that can be predicted, of any number of observed ones.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, SimplexRegionDisplay
    >>> display = SimplexRegionDisplay.from_metric(ChainMetric(range(5)), observed=[0, 2, 4])
    >>> sorted(set(display.labels.tolist()))
    [0, 1, 2, 3, 4]
    """

    def __init__(self, *, corners: FloatArray, labels: IntArray, names: Sequence[str]) -> None:
        self.corners = corners
        self.labels = labels
        self.names = names

    @classmethod
    def from_metric(
        cls,
        metric: LabelMetric,
        observed: ArrayLike,
        *,
        power: float = 2,
        temperature: float = 1.0,
        resolution: int = 80,
        ax: Axes | None = None,
        **region_options: Any,
    ) -> Self:
        """Draw the regions of the simplex.

        Parameters
        ----------
        metric : LabelMetric
            The label space.
        observed : array-like of int of shape (3,)
            Positions of the observed labels.
        power : float, default=2
            Power of the distances; see `frechet_predict`.
        temperature : float, default=1.0
            Temperature of the probabilities; see `frechet_predict`.
        resolution : int, default=80
            Number of small triangles along a side.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **region_options : dict
            Passed to `matplotlib.collections.PolyCollection`.

        Returns
        -------
        display : SimplexRegionDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not three observed labels.
        """
        check_matplotlib_support(f"{cls.__name__}.from_metric")
        observed = check_positions(observed, metric, "observed")
        if observed.size != 3:
            raise ValueError(f"observed must be three labels, the corners of the simplex. Got {observed.size}.")
        P = _small_triangles(resolution)
        labels = metric.labels_[frechet_predict(P.mean(axis=1), metric, observed, power=power, temperature=temperature)]
        names = [str(label) for label in metric.labels_[observed]]
        return cls(corners=P @ CORNERS, labels=labels, names=names).plot(ax=ax, **region_options)

    def plot(self, ax: Axes | None = None, **region_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **region_options : dict
            Passed to `matplotlib.collections.PolyCollection`.

        Returns
        -------
        self : SimplexRegionDisplay
            The picture.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.collections import PolyCollection

        ax = plt.subplots()[1] if ax is None else ax
        distinct, codes = np.unique(self.labels, return_inverse=True)
        colors = 0.45 + 0.55 * plt.get_cmap("tab20")(np.arange(distinct.size) % 20)[:, :3]  # light, for text on them
        options = {"facecolors": colors[codes], "edgecolors": colors[codes], "linewidths": 0.5}
        self.regions_ = ax.add_collection(PolyCollection(self.corners, **{**options, **region_options}))
        centers = self.corners.mean(axis=1)
        for code, label in enumerate(distinct):
            ax.text(*centers[codes == code].mean(axis=0), str(label), ha="center", va="center")
        for name, corner, shift in zip(self.names, CORNERS, ((-8, -10), (8, -10), (0, 8)), strict=True):
            ax.annotate(
                f"all for {name}", corner, xytext=shift, textcoords="offset points", ha="center", fontsize="small"
            )
        ax.set_aspect("equal")
        ax.set_axis_off()
        ax.autoscale_view()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _small_triangles(resolution):
    """Probabilities at the corners of small triangles that fill the simplex, of shape (resolution^2, 3, 3)."""
    i, j = np.meshgrid(np.arange(resolution), np.arange(resolution), indexing="ij")
    upright, hanging = i + j < resolution, i + j < resolution - 1
    steps = [
        (i[inside], j[inside], shifts)
        for inside, shifts in ((upright, ((0, 0), (1, 0), (0, 1))), (hanging, ((1, 0), (0, 1), (1, 1))))
    ]
    first = np.concatenate([np.stack([a + da for da, _ in shifts], axis=1) for a, _, shifts in steps])
    second = np.concatenate([np.stack([b + db for _, db in shifts], axis=1) for _, b, shifts in steps])
    return np.stack([first, second, resolution - first - second], axis=2) / resolution
