"""Label spaces that are trees: structure against networkx, ways to make one, what is refused."""

import itertools
import pickle

import numpy as np
import pytest

from statlearn.frechet._newick import read_newick
from statlearn.frechet._tree import RootedTree
from statlearn.frechet._tree_kernels import distances_by_ancestors, distances_by_sweeps
from statlearn.frechet._tree_metric import TreeMetric

from .tree_instances import SHAPES, all_distances, networkx, random_lengths, random_parents, tree_graph

RTOL = 1e-12  # sums of up to 60 lengths in another order
N_RANDOM = 12  # trees per shape

every_shape = pytest.mark.parametrize("shape", SHAPES)


# The structure


def random_trees(rng, shape):
    """Trees of a shape with their lengths; the first has one node."""
    for number in range(N_RANDOM):
        n = 1 if number == 0 else int(rng.integers(2, 60))
        parent = random_parents(rng, n, shape)
        lengths = random_lengths(rng, n, ("unit", "small", "zeros", "real")[number % 4])
        yield parent, lengths, RootedTree(parent, lengths)


@every_shape
def test_distances_and_depths_are_those_of_networkx(shape, rng):
    for parent, lengths, tree in random_trees(rng, shape):
        expected = all_distances(parent, lengths)
        nodes = np.arange(len(parent))
        np.testing.assert_allclose(tree.distances(nodes, nodes), expected, rtol=RTOL)
        np.testing.assert_allclose(tree.depth, expected[tree.root], rtol=RTOL)
        np.testing.assert_array_equal(tree.hops, all_distances(parent)[tree.root])
        first, second = rng.integers(nodes.size, size=(2, 30))
        np.testing.assert_allclose(tree.paired_distances(first, second), expected[first, second], rtol=RTOL)


@every_shape
def test_lowest_common_ancestors_are_those_of_networkx(shape, rng):
    for parent, lengths, tree in random_trees(rng, shape):
        pairs = list(itertools.combinations_with_replacement(range(len(parent)), 2))
        graph = tree_graph(parent, lengths)
        expected = dict(networkx.tree_all_pairs_lowest_common_ancestor(graph, tree.root, pairs))
        found = tree.lowest_common_ancestors(*np.transpose(pairs))
        assert dict(zip(pairs, found.tolist(), strict=True)) == expected


@every_shape
def test_both_ways_to_distances_agree_in_every_bit(shape, rng):
    for parent, _, tree in random_trees(rng, shape):
        sources, targets = (tree.positions[rng.integers(len(parent), size=20)] for _ in range(2))
        by_ancestors = distances_by_ancestors(sources, targets, tree.parents, tree.heads, tree.depths)
        by_sweeps = distances_by_sweeps(sources, targets, tree.parents, tree.depths)
        np.testing.assert_array_equal(by_sweeps, by_ancestors)
        np.testing.assert_array_equal(by_sweeps.T, distances_by_sweeps(targets, sources, tree.parents, tree.depths))


@every_shape
def test_order_has_parents_first_and_subtrees_and_heavy_paths_as_ranges(shape, rng):
    for parent, _, tree in random_trees(rng, shape):
        graph = tree_graph(parent)
        np.testing.assert_array_equal(tree.order[tree.positions], np.arange(len(parent)))
        assert (tree.parents < np.arange(len(parent))).all()
        for node in range(len(parent)):
            below = networkx.descendants(graph, node) | {node}
            start = tree.positions[node]
            assert set(tree.order[start : start + len(below)]) == below
            children = list(graph.successors(node))
            if children:
                largest = max(len(networkx.descendants(graph, child)) for child in children)
                heavy = tree.order[start + 1]
                assert len(networkx.descendants(graph, heavy)) == largest
                assert tree.heads[start + 1] == tree.heads[start]
                assert all(tree.heads[p] == p for p in tree.positions[children] if p != start + 1)


@every_shape
def test_diameter_of_a_set_of_labels(shape, rng):
    for parent, lengths, _ in random_trees(rng, shape):
        nodes = rng.permutation(len(parent))[: rng.integers(1, len(parent) + 1)]
        metric = TreeMetric(parent, lengths=lengths, label_nodes=nodes)
        expected = all_distances(parent, lengths)[np.ix_(nodes, nodes)]
        np.testing.assert_allclose(metric.diameter(), expected.max(), rtol=RTOL)
        np.testing.assert_allclose(metric.distances(np.arange(nodes.size), np.arange(nodes.size)), expected, rtol=RTOL)


def test_distances_near_each_other_far_from_the_root_lose_no_digits():
    tree = RootedTree([-1, 0, 1, 1], [0, 2.0**52, 1.0, 2.0])  # twice this depth is no number with a last digit of one
    assert tree.distances([2], [3])[0, 0] == 3.0


def test_a_path_of_a_million_nodes():
    n = 10**6
    metric = TreeMetric(np.arange(-1, n - 1))
    assert metric.diameter() == n - 1
    np.testing.assert_array_equal(metric.paired_distances([0, 5], [n - 1, 10]), [n - 1, 5])


@pytest.mark.parametrize(
    ("parent", "error", "message"),
    [
        ([], ValueError, "parent must be a vector with one entry per node"),
        ([[-1, 0]], ValueError, r"Got an array of shape \(1, 2\)"),
        ([-1.0, 0.0], TypeError, "parent must be a vector of integers"),
        ([-1, 2], ValueError, "between 0 and 1, the last node. Got 2 for node 1"),
        ([-1, -2], ValueError, "Got -2 for node 1"),
        ([1, 0], ValueError, "Got none, so there is a cycle"),
        ([-1, -1, 0], ValueError, r"one root.*Got 2: \[0, 1\]. Use virtual_root=True"),
        ([-1] * 9, ValueError, r"Got 9: \[0, 1, 2, 3, 4\]\.\.\."),
        ([-1, 2, 1, 1], ValueError, "cycles. Got one: 1 -> 2 -> 1"),
        ([-1, 1], ValueError, "cycles. Got one: 1 -> 1"),
        ([-1, *range(2, 9), 1], ValueError, r"1 -> 2 -> 3 -> 4 -> 5 -> \.\.\. -> 1"),
    ],
)
def test_parents_that_are_no_tree(parent, error, message):
    with pytest.raises(error, match=message):
        TreeMetric(parent)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        (["a", "b", "c"], TypeError, "lengths must be real numbers"),
        ([1, 2], ValueError, r"one entry for each of 3 nodes.*shape \(2,\)"),
        ([0, 1, -1], ValueError, "finite and not negative. Got -1.0 for node 2"),
        ([0, np.nan, 1], ValueError, "Got nan for node 1"),
        ([0, 1, np.inf], ValueError, "Got inf for node 2"),
        ([0, 1e200, 1], ValueError, "less than 1e\\+150.*Got 1e\\+200: use another unit"),
    ],
)
def test_lengths_that_are_none(lengths, error, message):
    with pytest.raises(error, match=message):
        TreeMetric([-1, 0, 1], lengths=lengths)


def test_the_length_of_the_root_is_not_read():
    assert TreeMetric([-1, 0], lengths=[np.nan, 2.0]).diameter() == 2.0


# Labels


def test_labels_are_the_numbers_of_nodes_unless_given():
    np.testing.assert_array_equal(TreeMetric([-1, 0, 0]).labels_, [0, 1, 2])
    np.testing.assert_array_equal(TreeMetric([-1, 0, 0], label_nodes="leaves").labels_, [1, 2])
    metric = TreeMetric([-1, 0, 0, 1], ["x", "y"], label_nodes=[3, 0])
    np.testing.assert_array_equal(metric.labels_, ["x", "y"])
    np.testing.assert_array_equal(metric.nodes_, [3, 0])
    np.testing.assert_array_equal(metric.depths_, [2, 0])
    np.testing.assert_array_equal(metric.parents_, [-1, 0, 0, 1])
    assert repr(metric) == "TreeMetric(2 labels)"


def test_whether_every_node_is_a_label():
    assert TreeMetric([-1, 0, 0]).is_tree
    assert TreeMetric([-1, 0, 0], label_nodes=[2, 0, 1]).is_tree
    assert not TreeMetric([-1, 0, 0], label_nodes="leaves").is_tree
    assert not TreeMetric([-1, -1], virtual_root=True).is_tree


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_nodes": "inner"}, "label_nodes must be 'all', 'leaves' or numbers of nodes. Got 'inner'"),
        ({"label_nodes": []}, "not empty"),
        ({"label_nodes": [0.0]}, "type float64"),
        ({"label_nodes": [True, False, True]}, "type bool"),
        ({"label_nodes": [3]}, "between 0 and 2. Got 3 to 3"),
        ({"label_nodes": [-1]}, "between 0 and 2. Got -1 to -1"),
        ({"label_nodes": [1, 1]}, "different nodes"),
        ({"labels": ["a", "b"]}, "labels must name the 3 nodes that are labels.*Got 2 labels"),
        ({"labels": ["a", "b", "c"], "label_nodes": "leaves"}, "name the 2 nodes"),
        ({"labels": ["a", "b", "b"]}, "More than once there"),
    ],
)
def test_labels_that_match_no_nodes(arguments, message):
    with pytest.raises(ValueError, match=message):
        TreeMetric([-1, 0, 0], **arguments)


def test_a_virtual_root_joins_the_trees_of_a_forest():
    metric = TreeMetric([-1, 0, -1], ["a", "b", "c"], lengths=[5.0, 1.0, 2.0], virtual_root=True)
    np.testing.assert_array_equal(metric.parents_, [3, 0, 3, -1])
    np.testing.assert_array_equal(metric.distances([1], [0, 1, 2]), [[1.0, 0.0, 8.0]])
    assert TreeMetric([-1, -1], virtual_root=True).diameter() == 2.0
    one_tree = TreeMetric([-1, 0], lengths=[3.0, 1.0], virtual_root=True)
    np.testing.assert_array_equal(one_tree.parents_, [-1, 0])


def test_from_parents_is_the_constructor():
    arguments = {"lengths": [0, 2, 3], "label_nodes": "leaves", "virtual_root": False}
    one, other = (
        TreeMetric([-1, 0, 0], ["a", "b"], **arguments),
        TreeMetric.from_parents([-1, 0, 0], ["a", "b"], **arguments),
    )
    np.testing.assert_array_equal(other.labels_, one.labels_)
    np.testing.assert_array_equal(other.distances([0], [1]), one.distances([0], [1]))


def test_arrays_are_read_only_and_input_is_copied():
    parent, nodes = np.array([-1, 0, 0]), np.array([1, 2])
    metric = TreeMetric(parent, label_nodes=nodes)
    parent[:], nodes[:] = 0, 0
    np.testing.assert_array_equal(metric.parents_, [-1, 0, 0])
    np.testing.assert_array_equal(metric.nodes_, [1, 2])
    for array in (metric.labels_, metric.nodes_, metric.parents_):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_saved_and_loaded(rng):
    skops = pytest.importorskip("skops.io")
    metric = TreeMetric(random_parents(rng, 30, "recursive"), lengths=rng.random(30), label_nodes="leaves")
    stored = skops.dumps(metric)
    labels = np.arange(metric.n_labels_)
    trusted = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("statlearn.frechet.") for name in trusted)
    for copy in (pickle.loads(pickle.dumps(metric)), skops.loads(stored, trusted=trusted)):
        np.testing.assert_array_equal(copy.labels_, metric.labels_)
        np.testing.assert_array_equal(copy.distances(labels, labels), metric.distances(labels, labels))


def test_depth_of_common_ancestors():
    metric = TreeMetric([-1, 0, 0, 1, 1, 3])
    np.testing.assert_array_equal(metric.common_depths([5, 5, 5, 3, 0], [4, 2, 3, 3, 5]), [1, 0, 2, 2, 0])


# Ultrametric


def is_ultrametric(distances):
    """The definition, over all triples."""
    return (distances[:, None, :] <= np.maximum(distances[:, :, None], distances[None, :, :]) * (1 + 1e-12)).all()


@every_shape
@pytest.mark.parametrize("label_nodes", ["all", "leaves"])
def test_ultrametric_is_what_the_definition_says(shape, label_nodes, rng):
    for parent, lengths, _ in random_trees(rng, shape):
        metric = TreeMetric(parent, lengths=lengths, label_nodes=label_nodes)
        labels = np.arange(metric.n_labels_)
        assert metric.is_ultrametric() == is_ultrametric(metric.distances(labels, labels))


def test_leaves_at_one_depth_are_ultrametric_wherever_the_root_is(rng):
    graph = networkx.balanced_tree(3, 3)
    leaves = [node for node, degree in graph.degree if degree == 1]
    for root in rng.permutation(graph.number_of_nodes())[:10]:
        assert TreeMetric.from_networkx(graph, int(root), label_nodes=leaves).is_ultrametric()
        assert not TreeMetric.from_networkx(graph, int(root), label_nodes=[0, *leaves]).is_ultrametric()
    lopsided = TreeMetric.from_newick("((a:1,b:1.5):1,c:2);", label_nodes="leaves")
    assert not lopsided.is_ultrametric()


def test_rounding_of_depths_does_not_matter_to_ultrametric():
    assert TreeMetric.from_newick("((a:0.1,b:0.1):0.2,(c:0.2,d:0.2):0.1);").is_ultrametric()


# From networkx


@every_shape
def test_networkx_trees_with_any_root(shape, rng):
    for parent, lengths, _ in random_trees(rng, shape):
        directed = tree_graph(parent, lengths)
        names = list(directed.nodes)
        expected = all_distances(parent, lengths)
        for graph, root in (
            (directed, None),
            (directed, int(np.argmin(parent))),
            (directed.to_undirected(), None),
            (directed.to_undirected(), int(rng.integers(len(parent)))),
        ):
            metric = TreeMetric.from_networkx(graph, root)
            np.testing.assert_array_equal(metric.labels_, names)
            np.testing.assert_allclose(
                metric.distances(np.arange(len(names)), np.arange(len(names))), expected, rtol=RTOL
            )


def test_networkx_weights_are_lengths():
    graph = networkx.Graph()
    graph.add_edge("a", "b", weight=2.0, cost=5.0)
    graph.add_edge("b", "c", weight=0.0)
    graph.add_edge("c", "d")
    ends = ["a"], ["b", "c", "d"]

    def distances(**arguments):
        metric = TreeMetric.from_networkx(graph, **arguments)
        return metric.distances(*(metric.index_of(end) for end in ends)).tolist()

    assert distances() == [[2.0, 2.0, 3.0]]
    assert distances(root="c") == [[2.0, 2.0, 3.0]]
    assert distances(weight="cost") == [[5.0, 6.0, 7.0]]
    assert distances(weight=None) == [[1.0, 2.0, 3.0]]


def test_networkx_labels_by_name():
    graph = networkx.Graph([("root", "a"), ("root", "b"), ("a", "c")])
    np.testing.assert_array_equal(TreeMetric.from_networkx(graph, label_nodes="leaves").labels_, ["b", "c"])
    np.testing.assert_array_equal(TreeMetric.from_networkx(graph, label_nodes=["c", "root"]).labels_, ["c", "root"])
    np.testing.assert_array_equal(
        TreeMetric.from_networkx(graph, label_nodes=np.array(["c", "root"])).labels_, ["c", "root"]
    )


@pytest.mark.parametrize(
    ("edges", "kind", "arguments", "message"),
    [
        ([(0, 1), (1, 2), (2, 0)], "Graph", {}, "must be a tree.*Got 3 nodes, 3 edges"),
        ([(0, 1), (2, 3)], "Graph", {}, "Got 4 nodes, 2 edges and paths from 0 to 1 other nodes. Use GraphMetric"),
        ([(0, 1), (0, 1)], "MultiGraph", {}, "Got 2 nodes, 2 edges"),
        ([(0, 0), (0, 1)], "Graph", {}, "Got 2 nodes, 2 edges"),
        ([(0, 1), (2, 3), (3, 4), (4, 2)], "Graph", {}, "Got 5 nodes, 4 edges and paths from 0 to 1 other"),
        ([(0, 2), (1, 2)], "DiGraph", {}, "several into 2. Use GraphMetric of graph.to_undirected"),
        ([(0, 1), (2, 3)], "DiGraph", {}, r"one node without a parent, the root. Got \[0, 2\]"),
        ([(0, 1), (1, 0)], "DiGraph", {}, r"Got \[\]"),
        ([(0, 1), (2, 3), (3, 2)], "DiGraph", {}, "Got 4 nodes, 3 edges and paths from 0 to 1 other nodes"),
        ([(0, 1)], "DiGraph", {"root": 1}, r"root=1. Got \[0\]"),
        ([(0, 1)], "Graph", {"root": 7}, "root must be a node of the graph. Got 7"),
        ([(0, 1)], "Graph", {"label_nodes": [2]}, r"label_nodes must be names of nodes. Got \[2\]"),
        ([(0, 1)], "Graph", {"label_nodes": "inner"}, "'all', 'leaves' or names of nodes. Got 'inner'"),
        ([], "Graph", {}, "at least one node"),
    ],
)
def test_graphs_that_are_no_trees(edges, kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        TreeMetric.from_networkx(getattr(networkx, kind)(edges), **arguments)


def test_graphs_of_the_wrong_type():
    with pytest.raises(TypeError, match="graph must be a networkx graph. Got list"):
        TreeMetric.from_networkx([(0, 1)])
    with pytest.raises(TypeError, match="all strings or all real numbers"):
        TreeMetric.from_networkx(networkx.Graph([((0, 0), (0, 1))]))
    with pytest.raises(ValueError, match="finite and not negative. Got -1.0"):
        TreeMetric.from_networkx(networkx.Graph([("a", "b", {"weight": -1.0})]))


# From paths


def relations(metric):
    """The tree as pairs of names."""
    names = {int(node): str(label) for node, label in zip(metric.nodes_, metric.labels_, strict=True)}
    return {(names.get(int(above)), names.get(node)) for node, above in enumerate(metric.parents_) if above >= 0}


EDGES = {("life", "dog"), ("dog", "poodle"), ("dog", "beagle"), ("life", "cat")}


@pytest.mark.parametrize("missing", [None, float("nan"), "", np.nan])
def test_ragged_paths_with_a_common_root(missing):
    paths = [("life", "dog", "poodle"), ("life", "cat", missing), ["life", "dog", "beagle"], ("life", "dog")]
    metric = TreeMetric.from_paths(paths)
    assert relations(metric) == EDGES
    np.testing.assert_array_equal(metric.labels_, ["life", "dog", "poodle", "cat", "beagle"])
    np.testing.assert_array_equal(metric.depths_, [0, 1, 2, 1, 2])


def test_paths_without_a_common_root_get_one():
    paths = [("dog", "poodle"), ("cat",), ("dog", "beagle")]
    assert relations(TreeMetric.from_paths(paths, root="life")) == EDGES
    assert TreeMetric.from_paths(paths).labels_[0] == "root"
    nameless = TreeMetric.from_paths(paths, root=None)
    np.testing.assert_array_equal(nameless.labels_, ["dog", "poodle", "cat", "beagle"])
    assert not nameless.is_tree
    assert nameless.distances(nameless.index_of(["poodle"]), nameless.index_of(["cat"])) == [[3.0]]
    numbers = TreeMetric.from_paths([(1, 11), (2, 21)], root=0)
    np.testing.assert_array_equal(numbers.labels_, [0, 1, 11, 2, 21])


def test_missing_levels_are_skipped():
    assert relations(TreeMetric.from_paths([("life", None, "cat"), ("life", "dog", "poodle")])) == {
        ("life", "cat"),
        ("life", "dog"),
        ("dog", "poodle"),
    }


def test_paths_whose_classes_are_the_leaves():
    metric = TreeMetric.from_paths([("dog", "poodle"), ("dog", "beagle"), ("cat",)], label_nodes="leaves")
    np.testing.assert_array_equal(metric.labels_, ["poodle", "beagle", "cat"])
    metric = TreeMetric.from_paths([("dog", "poodle"), ("dog", "beagle"), ("cat",)], label_nodes=["cat", "dog"])
    np.testing.assert_array_equal(metric.labels_, ["cat", "dog"])
    assert metric.diameter() == 2.0


@pytest.mark.parametrize("library", ["pandas", "polars", "numpy"])
def test_tables_of_levels(library):
    module = pytest.importorskip(library)
    rows = [["life", "dog", "poodle"], ["life", "cat", None], ["life", "dog", "beagle"]]
    make = {
        "pandas": lambda: module.DataFrame(rows, columns=["a", "b", "c"]),
        "polars": lambda: module.DataFrame(rows, schema=["a", "b", "c"], orient="row"),
        "numpy": lambda: module.array(rows, dtype=object),
    }
    assert relations(TreeMetric.from_paths(make[library]())) == EDGES


def test_pandas_missing_values_of_every_kind():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"group": [1, 1, 2], "item": pandas.array([11, 12, pandas.NA], dtype="Int64")})
    np.testing.assert_array_equal(TreeMetric.from_paths(table, root=0).labels_, [0, 1, 11, 12, 2])


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        ([], ValueError, "at least one path"),
        ([("a", "b"), ()], ValueError, "every path must have a name. Got none in row 1"),
        ([("a",), (None, "")], ValueError, "Got none in row 1: drop it"),
        ("abc", TypeError, "paths must be a list of paths. Got 'abc'"),
        (["ab", "ac"], TypeError, "every path must be a sequence of names. Got 'ab' in row 0"),
        ([1, 2], TypeError, "Got 1 in row 0"),
        ([("a", "x"), ("b", "x")], ValueError, "Got 'x' below 'a' and, in row 1, below 'b': make names unique"),
        ([("a", "b"), ("a", "c", "b")], ValueError, "Got 'b' below 'a' and, in row 1, below 'c'"),
        ([("a", "b", "a")], ValueError, "Got 'a' as the root and, in row 0, below 'b'"),
        ([("root", "x"), ("y",)], ValueError, "Got 'root' as the root and, in row 0, below 'root'.*root="),
        ([(1, 11), (2, 21)], TypeError, "all strings or all real numbers"),
    ],
)
def test_paths_that_make_no_tree(paths, error, message):
    with pytest.raises(error, match=message):
        TreeMetric.from_paths(paths)


# From Newick


@pytest.mark.parametrize(
    ("text", "parent", "names", "lengths"),
    [
        ("a;", [-1], ["a"], [None]),
        ("(,)x;", [-1, 0, 0], ["x", None, None], [None] * 3),
        ("(a,(b,c)d)e;", [-1, 0, 0, 2, 2], ["e", "a", "d", "b", "c"], [None] * 5),
        ("(a:1,b:2.5e-1):7;", [-1, 0, 0], [None, "a", "b"], [7.0, 1.0, 0.25]),
        ("('it''s (x):1',b_c)[a 'comment'];", [-1, 0, 0], [None, "it's (x):1", "b_c"], [None] * 3),
        (" ( a : 1 ,\n\tb : 2 ) ; ", [-1, 0, 0], [None, "a", "b"], [None, 1.0, 2.0]),
    ],
)
def test_newick_is_read(text, parent, names, lengths):
    assert read_newick(text) == (parent, names, lengths)


def write_newick(parent, names, lengths, node):
    children = [child for child in range(len(parent)) if parent[child] == node]
    inside = ",".join(write_newick(parent, names, lengths, child) for child in children)
    length = "" if lengths is None or parent[node] < 0 else f":{float(lengths[node])!r}"
    return f"({inside})'{names[node]}'{length}" if children else f"'{names[node]}'{length}"


@every_shape
def test_newick_there_and_back(shape, rng):
    for parent, lengths, _ in random_trees(rng, shape):
        names = [f"node {node}" for node in range(len(parent))]
        text = write_newick(parent, [name.replace("'", "''") for name in names], lengths, int(np.argmin(parent))) + ";"
        metric = TreeMetric.from_newick(text)
        place = metric.index_of(names)
        np.testing.assert_allclose(metric.distances(place, place), all_distances(parent, lengths), rtol=RTOL)


def test_newick_inner_nodes_without_a_name_are_no_labels():
    metric = TreeMetric.from_newick("((a,b),(c,d)e);")
    np.testing.assert_array_equal(metric.labels_, ["a", "b", "e", "c", "d"])
    assert not metric.is_tree
    np.testing.assert_array_equal(TreeMetric.from_newick("((a,b)0.9,c)1;", label_nodes="leaves").labels_, list("abc"))
    np.testing.assert_array_equal(TreeMetric.from_newick("((a,b)x,c)y;", label_nodes=["x", "a"]).labels_, ["x", "a"])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (1, TypeError, "text must be a string in the Newick format. Got int"),
        ("", ValueError, "must end with ';'"),
        ("(a,b)", ValueError, "must end with ';'"),
        (";", ValueError, "Got ';' at character 0: a node was expected"),
        ("(a,b;", ValueError, r"Got ';' at character 4: '\)' is missing before it"),
        ("(a,b));", ValueError, r"Got '\);' at character 5: '\(' is missing before it"),
        ("a,b;", ValueError, r"at character 1: '\(' is missing"),
        ("(a b);", ValueError, "at character 3: ':', ',', '\\)' or ';' was expected"),
        ("(a:x);", ValueError, "at character 3: a number was expected"),
        ("(a:);", ValueError, "at character 3: a number was expected"),
        ("(a:1:2);", ValueError, "at character 4: ',', '\\)' or ';' was expected"),
        ("(a(b));", ValueError, "at character 2"),
        ("(a)(b);", ValueError, "at character 3: a name, ':'"),
        ("(a,b);c;", ValueError, "at character 6: the end of the text was expected"),
        ("('a,b);", ValueError, "at character 1: a quote or bracket is not closed"),
        ("(a,b)[x;", ValueError, "at character 5: a quote or bracket is not closed"),
        ("(a,b]);", ValueError, "at character 4: a quote or bracket is not closed"),
        ("(a,);", ValueError, "every leaf must have a name. Got 1 without"),
        ("(a:1,b);", ValueError, "lengths for all edges or for none. Got none for 'b'"),
        ("((a:1,b:1),c:2);", ValueError, "Got none for 'a node without a name'"),
        ("(a:-1,b:1);", ValueError, "finite and not negative. Got -1.0"),
        ("(a:nan,b:1);", ValueError, "finite and not negative. Got nan"),
        ("(a,a);", ValueError, "More than once there"),
    ],
)
def test_newick_that_is_none(text, error, message):
    with pytest.raises(error, match=message):
        TreeMetric.from_newick(text)
