"""Collections of graphs with classes, for the tests of the estimators."""

import networkx as nx
import numpy as np


def mutag(shared_data):
    """Adjacency matrices of the 188 molecules of MUTAG, and their classes."""
    data = np.load(shared_data / "mutag" / "mutag.npz")
    owner = data["graph_indicator"] - data["graph_indicator"].min()
    sizes = np.bincount(owner)
    first = np.cumsum(sizes) - sizes
    graphs = [np.zeros((size, size)) for size in sizes]
    for source, target in data["edges"]:
        graph = owner[source]
        graphs[graph][source - first[graph], target - first[graph]] = 1.0
    return graphs, data["graph_labels"]


def atlas_problem(n_nodes=6):
    """Connected graphs of one size with 5 to 9 edges from the atlas, and whether they have a triangle."""
    graphs = [
        graph
        for graph in nx.graph_atlas_g()
        if len(graph) == n_nodes and 5 <= graph.size() <= 9 and nx.is_connected(graph)
    ]
    return graphs, np.array([sum(nx.triangles(graph).values()) > 0 for graph in graphs])


def four_families(seed, n_nodes=24, n_graphs=10):
    """Connected random graphs of four kinds, in turn, and their kinds (section 6.D of the specification)."""
    rng = np.random.default_rng(seed)
    blocks, P = [n_nodes // 2] * 2, [[0.4, 0.05], [0.05, 0.4]]
    makers = [
        lambda state: nx.gnp_random_graph(n_nodes, 0.2, seed=state),
        lambda state: nx.barabasi_albert_graph(n_nodes, 2, seed=state),
        lambda state: nx.watts_strogatz_graph(n_nodes, 4, 0.1, seed=state),
        lambda state: nx.stochastic_block_model(blocks, P, seed=state),
    ]
    graphs, kinds = [], []
    for kind, make in enumerate(makers):
        while kinds.count(kind) < n_graphs:
            graph = make(int(rng.integers(2**31)))
            if nx.is_connected(graph):
                graphs.append(graph)
                kinds.append(kind)
    return graphs, np.array(kinds)
