"""Pictures of label spaces."""

import matplotlib.pyplot as plt
import networkx
import numpy as np
import pytest

from statlearn.frechet import (
    ChainMetric,
    EmbeddingMetric,
    GraphMetric,
    GridMetric,
    LocusDisplay,
    SimplexRegionDisplay,
    TreeMetric,
    frechet_predict,
    locus,
)
from statlearn.frechet._displays import _small_triangles

TREE = TreeMetric([-1, 0, 0, 1, 1, 2], lengths=[0.0, 1.0, 2.0, 1.0, 3.0, 0.5])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "metric",
    [
        TREE,
        TreeMetric([-1, 0, 0, 1, 1, 2], label_nodes="leaves"),
        ChainMetric(range(6)),
        GridMetric((3, 3)),
        GridMetric((2, 2, 2)),
        EmbeddingMetric(np.random.default_rng(0).normal(size=(7, 2))),
        GraphMetric(networkx.cycle_graph(7)),
    ],
    ids=repr,
)
def test_every_label_is_drawn_as_what_it_is(metric):
    observed = [0, 2]
    display = LocusDisplay.from_metric(metric, observed)
    reachable = np.setdiff1d(locus(metric, observed), observed)
    assert set(np.flatnonzero(display.kinds == "observed")) == set(observed)
    assert set(np.flatnonzero(display.kinds == "can be predicted")) == set(reachable)
    drawn = sum(len(points.get_offsets()) for points in display.points_.values())
    assert drawn == metric.n_labels_ == len(display.label_points)
    assert np.isfinite(display.points).all()
    assert [text.get_text() for text in display.ax_.texts] == [str(label) for label in metric.labels_]


def test_a_tree_hangs_from_its_root_at_its_lengths():
    display = LocusDisplay.from_metric(TREE, [3])
    across, height = display.points[display.label_points].T
    np.testing.assert_allclose(height, [0.0, -1.0, -2.0, -2.0, -4.0, -2.5])
    np.testing.assert_allclose(across[[3, 4, 5]], [0.0, 1.0, 2.0])
    np.testing.assert_allclose(across[[1, 2]], [0.5, 2.0])
    ends = display.points[display.edges]
    lengths = sorted(ends[:, 0, 1] - ends[:, 1, 1])
    np.testing.assert_allclose(lengths, [0.5, 1.0, 1.0, 2.0, 3.0])


def test_scaling_keeps_distances_that_fit_into_a_plane():
    points = np.random.default_rng(0).normal(size=(6, 2))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    embedded = np.column_stack([points, np.zeros(6)])
    drawn = LocusDisplay.from_metric(EmbeddingMetric(embedded), [0, 1]).points
    np.testing.assert_allclose(np.linalg.norm(drawn[:, None] - drawn[None], axis=2), distances, atol=1e-12)


def test_pictures_are_drawn_again_elsewhere():
    display = LocusDisplay.from_metric(TREE, [3])
    ax = plt.subplots()[1]
    assert display.plot(ax=ax).ax_ is ax
    regions = SimplexRegionDisplay.from_metric(TREE, [3, 4, 5])
    assert regions.plot(ax=ax, linewidths=2.0).ax_ is ax
    assert regions.regions_.get_linewidths().tolist() == [2.0]


def test_small_triangles_fill_the_simplex():
    P = _small_triangles(7)
    assert P.shape == (49, 3, 3)
    np.testing.assert_allclose(P.sum(axis=2), 1.0)
    assert P.min() >= 0.0
    areas = np.abs(np.linalg.det(P))
    np.testing.assert_allclose(areas, 1.0 / 49)
    assert len(np.unique(P.mean(axis=1).round(12), axis=0)) == 49


def test_regions_are_predictions():
    display = SimplexRegionDisplay.from_metric(TREE, [3, 4, 5], power=1, temperature=2.0, resolution=9)
    P = _small_triangles(9).mean(axis=1)
    np.testing.assert_array_equal(display.labels, frechet_predict(P, TREE, [3, 4, 5], power=1, temperature=2.0))
    texts = {text.get_text() for text in display.ax_.texts}
    assert {str(label) for label in np.unique(display.labels)} | {"all for 3", "all for 4", "all for 5"} == texts
    assert display.figure_ is display.ax_.figure


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="observed must be three labels, the corners of the simplex. Got 2"):
        SimplexRegionDisplay.from_metric(TREE, [3, 4])
    with pytest.raises(ValueError, match="at most 1000 labels to be drawn"):
        LocusDisplay.from_metric(GraphMetric(networkx.path_graph(1001)), [0])
    with pytest.raises(ValueError, match="observed must be positions between 0 and 5"):
        LocusDisplay.from_metric(TREE, [6])
