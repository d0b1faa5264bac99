"""
Does a distance that tells pairs apart also find the clusters?
==============================================================

A distance between nodes can be judged before any clustering: accept the pairs that are closer than a threshold, and
count how many pairs of the same class and how many of different classes are accepted. That is the reject curve
(`~statlearn.graph.reject_curve`); its area is the probability that a pair of the same class is the closer one. Here it
is compared with what kernel k-means makes of the same distance, on graphs whose groups attract and on graphs whose
groups repel each other.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.datasets import make_sbm
from statlearn.graph import SpectralGraph, node_distance, reject_curve, sweep_cluster

# %%
# The data
# --------
# Two groups of 50 nodes. Edges have probability 0.3 inside and 0.1 between the groups, or the other way around.

N_GRAPHS = 10
GRAPHS = {"groups attract": (0.3, 0.1), "groups repel": (0.1, 0.3)}
MEASURES = {  # name: label, parameter on the unit scale, color
    "scct": ("sigmoid corrected commute time", 0.8, "#009e73"),
    "log_comm": ("log communicability", 0.8, "#d55e00"),
    "comm": ("communicability", 0.25, "#56b4e9"),
    "rsp": ("randomized shortest paths", 0.1, "#0072b2"),
}


def draw_graphs(probabilities, n_graphs=N_GRAPHS):
    for seed in range(n_graphs):
        A, y = make_sbm([50, 50], probabilities, random_state=seed)
        yield SpectralGraph(A), y


# %%
# The study
# ---------
# The mean reject curve on a common grid, its area, and the adjusted Rand index (ARI) of the clusters: 1 is perfect, 0
# is chance.

SHARES = np.linspace(0, 1, 201)


def judge(graph, y, name, x):
    log, kernel = name.startswith("log_"), name.removeprefix("log_")
    curve = reject_curve(node_distance(graph, kernel, x, log=log, scale="unit"), y)
    ari = sweep_cluster(graph, [name], [x], scale="unit", y=y, random_state=0)["ari"][0]
    return np.interp(SHARES, curve.different_accepted, curve.same_accepted), curve.area, ari


results = {}
for title, probabilities in GRAPHS.items():
    graphs = list(draw_graphs(probabilities))
    for name, (label, x, _) in MEASURES.items():
        curves, areas, aris = zip(*(judge(graph, y, name, x) for graph, y in graphs), strict=True)
        results[title, name] = np.mean(curves, axis=0), np.mean(areas), np.mean(aris)
        print(f"{title}, {label:>30}: area {np.mean(areas):.2f}, ARI {np.mean(aris):.2f}")

# %%
# The picture
# -----------

STYLES = dict(zip(MEASURES, ("-", "--", "-.", ":"), strict=True))
figure, panels = plt.subplots(1, 2, figsize=(11, 6.4), sharey=True, layout="constrained")
for panel, title in zip(panels, GRAPHS, strict=True):
    panel.plot([0, 1], [0, 1], color="0.6", lw=0.8)
    for name, (label, _, color) in MEASURES.items():
        curve, area, ari = results[title, name]
        text = f"{label}: area {area:.2f}, ARI {ari:.2f}"
        panel.plot(SHARES, curve, STYLES[name], color=color, lw=2, label=text)
    panel.set(title=title, xlabel="share of pairs of different groups accepted", xlim=(0, 1), ylim=(0, 1))
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12))
panels[0].set_ylabel("share of pairs of the same group accepted")
plt.show()

# %%
# Where groups attract, the areas differ widely, yet k-means finds the groups on all four distances: it averages over
# many pairs, so that a weak preference for the same group is enough. Where they repel, three of the four fail, although
# randomized shortest paths have nearly the area of the corrected commute time. Their closest pairs, the edges, mostly
# join different groups, and the area is earned among the pairs further away. A reject curve says how a distance orders
# pairs, not whether its clusters are the groups.
#
# The corrected commute time starts from walks of length two: nodes are close if they share neighbors, whether or not an
# edge joins them. So it finds groups of both kinds, the reason why it is the default of the library.
