"""
Why is a hexagon not two triangles?
===================================

To look at their nodes one by one, it is: both graphs have six nodes, every node has two neighbors, and every row of the
adjacency has two ones and four zeros. A certificate of `~statlearn.gromov.gromov_wasserstein_bounds` says that they
differ, and which bound proves it. Another part shows what happens if only one start is tried.
"""

import itertools

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from ot.gromov import gromov_wasserstein2

from statlearn.gromov import graph_cost, gromov_wasserstein_bounds, gromov_wasserstein_lower_bound

hexagon = nx.cycle_graph(6)
triangles = nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
C1, C2 = graph_cost(hexagon, "adjacency"), graph_cost(triangles, "adjacency")

# %%
# The interval
# ------------

result = gromov_wasserstein_bounds(C1, C2)
print(result.certificate)

# %%
# Which bound tells them apart
# ----------------------------
# The first five compare what single nodes see, and all nodes see the same. The last compares the spectra: after their
# mean is removed, one adjacency has the eigenvalues of a ring, the other has those of two rings of three.

KINDS = ("sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral")
bounds = {kind: gromov_wasserstein_lower_bound(C1, C2, kind=kind) for kind in KINDS}
for kind, bound in bounds.items():
    print(f"{kind:<14} {bound:.4f}")
spectra = [np.linalg.eigvalsh(C - C.mean())[::-1] for C in (C1, C2)]
for name, spectrum in zip(("hexagon", "two triangles"), spectra, strict=True):
    print(f"{name:<14}", *(f"{value:5.1f}" for value in spectrum.round(6) + 0.0))

# %%
# What can be found
# -----------------
# No permutation of the nodes is better than the plan above; there are 720. That does not make it the optimum, for a
# soft matching might be better still. POT's default start is the product of the node weights, where all matchings look
# alike; its first step goes anywhere.

permutations = np.array(list(itertools.permutations(range(6))))
values = np.mean((C1 - C2[permutations[:, :, None], permutations[:, None, :]]) ** 2, axis=(1, 2))
pot = gromov_wasserstein2(C1, C2)
print(f"six starts {result.upper:.4f}, best permutation {values.min():.4f}, POT {pot:.4f}")
itself = gromov_wasserstein_bounds(C1, C1)
print(f"the hexagon and itself: six starts {itself.upper:.4f}, POT {gromov_wasserstein2(C1, C1):.4f}")

# %%
# The picture
# -----------
# A node of the hexagon has the color of the node it is matched with. Edges that the plan preserves are drawn in black.

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
matching = result.plan.argmax(axis=1)
kept = [(i, j) for i, j in hexagon.edges if triangles.has_edge(matching[i], matching[j])]


def draw(panel, graph, positions, colors, preserved, title):
    nx.draw_networkx_edges(graph, positions, ax=panel, edge_color="0.75", width=2, style="--")
    nx.draw_networkx_edges(graph, positions, ax=panel, edgelist=preserved, width=2.5)
    nx.draw_networkx_nodes(graph, positions, ax=panel, node_color=colors, node_size=380, edgecolors="black")
    panel.set(title=title)
    panel.set_aspect("equal", adjustable="datalim")
    panel.margins(0.15)
    panel.set_axis_off()


mosaic = [["hexagon", "triangles", "plan"], ["spectra", "bounds", "bounds"]]
figure, panels = plt.subplot_mosaic(mosaic, figsize=(11.5, 7), layout="constrained")
ring = nx.circular_layout(hexagon)
pair = {node: (3.2 * (node // 3), 0) + np.array(nx.circular_layout(range(3))[node % 3]) for node in triangles}
draw(panels["hexagon"], hexagon, ring, COLORS, kept, "hexagon")
by_node = [COLORS[list(matching).index(node)] for node in triangles]
preserved = [(matching[i], matching[j]) for i, j in kept]
draw(panels["triangles"], triangles, pair, by_node, preserved, "two triangles")

panels["plan"].imshow(6 * result.plan, cmap="Blues", vmin=0, vmax=1)
panels["plan"].set(title="plan, times six", xlabel="node of the triangles", ylabel="node of the hexagon")

for name, spectrum, color, marker in zip(
    ("hexagon", "two triangles"), spectra, ("#0072b2", "#d55e00"), "os", strict=True
):
    panels["spectra"].plot(range(1, 7), spectrum, marker, color=color, ls="-", lw=1, label=name)
panels["spectra"].axhline(0, color="0.6", lw=0.8)
panels["spectra"].set(title="spectra of the centered adjacencies", xlabel="rank", ylabel="eigenvalue")
panels["spectra"].legend(frameon=False)

panels["bounds"].bar(KINDS, bounds.values(), color="#0072b2", width=0.6)
for height, color, label in (
    (result.upper, "#009e73", "upper end, six starts"),
    (pot, "black", "POT, default start"),
):
    panels["bounds"].axhline(height, color=color, lw=2, ls="--", label=label)
panels["bounds"].set(title="lower bounds and upper ends", ylabel="Gromov-Wasserstein value", ylim=(0, 0.5))
panels["bounds"].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.85))
plt.show()

# %%
# The plan cuts the ring in two and closes the halves: four edges stay, two are lost and two are new. Each costs
# :math:`2 / 36`, since an edge is two entries of thirty-six, which makes :math:`8 / 36 = 0.2222`.
#
# The spectra prove half of that. Sorted by sign and size, the eigenvalues of the two centered adjacencies differ by 1
# in four places, so that no soft matching costs less than :math:`4 / 36 = 0.1111`. All other bounds are 0: this is
# what regular graphs do to them. And 0 would be no proof of equality either; for some pairs of regular graphs even the
# spectra agree, see :ref:`the user guide <gromov_where_not>`.
