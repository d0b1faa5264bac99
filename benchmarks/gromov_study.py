"""Markdown table of how good bounds and solvers are, against the best of nine starts of POT and the best known value.

``python -m benchmarks.gromov_study`` takes some minutes. All 120 pairs of two graphs of each of eight families; hop
distances are drawn ten times, adjacencies, on which POT is slow, once.
"""

from functools import partial
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from statlearn.datasets import make_graph_families
from statlearn.gromov import graph_cost, validate_against_pot

__all__ = ["SETTINGS", "hop_to_diameter", "study_table"]


def hop_to_diameter(graph):
    """Hop distances over the largest of them.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n)

    Returns
    -------
    C : ndarray of shape (n, n)
    """
    C = graph_cost(graph, "hop")
    return C / C.max()


SETTINGS = {  # heading: nodes, cost, number of draws
    "hop, n=20": (20, "hop", 10),
    "hop over diameter, n=50": (50, hop_to_diameter, 10),
    "adjacency, n=50": (50, "adjacency", 1),
}
COLUMNS = ("of POT's best", "of the best known", "rank agreement", "seconds")


def _validate(n_nodes, cost, seed):
    graphs, _ = make_graph_families(n_nodes, random_state=seed)
    return validate_against_pot(list(combinations(graphs, 2)), cost=cost, random_state=seed)


def _figures(result, method):
    """Mean ratios to POT's best of nine starts and to the best known value, Spearman's rho, and seconds."""
    values, best = result.table[method], result.table["pot_best"]
    best = np.sqrt(best) if method == "mean_sorted" else best
    summary = result.summary[method]
    return np.mean(values / best), summary["mean_ratio"], spearmanr(values, best).statistic, summary["seconds"]


def study_table(settings=SETTINGS):
    """The table as text.

    Parameters
    ----------
    settings : dict
        From headings to numbers of nodes, costs and numbers of draws.

    Returns
    -------
    table : str
        Per setting means over the draws; seconds are those of one draw.
    """
    return "\n\n".join(_block(heading, *setting) for heading, setting in settings.items())


def _block(heading, n_nodes, cost, n_draws):
    """Rows of one setting, and how our upper end compares with POT's default."""
    results = list(map(partial(_validate, n_nodes, cost), range(n_draws)))
    lines = [_row(heading, COLUMNS), _row("---", ["--:"] * len(COLUMNS))]
    for method in results[0].summary:
        figures = np.mean([_figures(result, method) for result in results], axis=0)
        lines.append(_row(f"`{method}`", [f"{figure:.3g}" for figure in figures]))
    below, equal, above = np.mean([list(result.shares.values()) for result in results], axis=0)
    note = "Our upper end is below, equal to and above what POT reaches by default"
    return "\n".join([*lines, "", f"{note} on {below:.1%}, {equal:.1%} and {above:.1%} of the pairs."])


def _row(name, cells):
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print(study_table())
