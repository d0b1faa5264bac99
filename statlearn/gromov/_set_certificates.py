"""Certificates of the estimators over collections of graphs."""

import numpy as np
from scipy import linalg

from ..certificate import Certificate, Check

__all__ = [
    "distance_certificate",
    "kernel_certificate",
    "neighbors_certificate",
    "search_certificate",
    "signature_certificate",
]

ROUNDING = 1e-9  # relative excess of a sum of squares over what bounds it
INDEFINITE = 1e-10  # smallest eigenvalue of a kernel relative to the sum of its diagonal

DEFINITE = {  # whether the distances are squares in a Hilbert space: kind and detail of the check
    True: ("proof", ", never negative (Schoenberg)"),
    False: ("numerical", ", of the fitted graphs alone"),
}

NEAREST = (
    "Neighbors are the nearest by upper bounds of the Gromov-Wasserstein value, as if all pairs were solved: a graph "
    "is skipped only if its lower bound is too large."
)
COST_ASSUMPTION = "the cost between nodes and their weights express what matters about a graph"


def signature_certificate(signatures, networks):
    """The guarantee of the signatures, and what they keep of the fitted networks."""
    squares = np.einsum("ij,ij->i", signatures, signatures)
    moments = np.array([network.second_moment for network in networks])
    excess = float(np.max(squares / np.where(moments > 0.0, moments, 1.0)))
    return Certificate(
        claim="The squared Euclidean distance of two signatures is at most the Gromov-Wasserstein value of the graphs, "
        "for any sizes, weights and costs.",
        checks=[
            Check(
                "norm against second moment",
                excess,
                1.0 + ROUNDING,
                excess <= 1.0 + ROUNDING,
                "proof",
                "the claim for each fitted graph and a node of cost 0",
            ),
            _kept_share(squares, moments, np.array([network.mean**2 for network in networks])),
        ],
        assumptions=(COST_ASSUMPTION, "graphs that share their signature need not be told apart"),
    )


def _kept_share(squares, moments, squared_means):
    total, kept = np.sum(moments - squared_means), np.sum(squares - squared_means)
    share = float(np.clip(kept / total, 0.0, 1.0)) if total > ROUNDING * moments.sum() else 1.0
    detail = "of the costs of the fitted graphs; raise n_quantiles or n_eigenvalues for more"
    return Check("variance kept", share, None, None, "reported", detail)


def distance_certificate(method, bounds_below, n_networks, margin=None):
    """What the entries of a distance matrix are; ``margin`` is None as long as no distance was computed."""
    return Certificate(
        claim=f"Distances are {_side(bounds_below)} bounds of the Gromov-Wasserstein value, method {method!r}.",
        checks=[*_bound(bounds_below, margin), _count(n_networks)],
        assumptions=_assumptions(bounds_below),
    )


def kernel_certificate(method, bounds_below, kernel, proved, margin):
    """What the entries of a kernel matrix are, and whether it is one."""
    return Certificate(
        claim=f"The kernel exp(-gamma D) of {_side(bounds_below)} bounds D of the Gromov-Wasserstein value, method "
        f"{method!r}, is positive semi-definite.",
        checks=[*_bound(bounds_below, margin), _definite(kernel, proved), _count(len(kernel))],
        assumptions=_assumptions(bounds_below),
    )


def _side(bounds_below):
    return "lower" if bounds_below else "upper"


def _bound(bounds_below, margin):
    """A bound against one from the other side."""
    if margin is None:
        return []
    other = "product coupling" if bounds_below else "lower bounds"
    detail = f"theorem; least gap to {other} between fitted graphs"
    return [Check(f"{_side(bounds_below)} bound", margin, 0.0, margin >= 0.0, "proof", detail)]


def _count(n_networks):
    return Check("graphs", n_networks, None, None, "reported", "fitted")


def _definite(kernel, proved):
    """Whether a kernel is positive semi-definite: its smallest eigenvalue, and a theorem if there is one."""
    lowest = float(linalg.eigh(kernel, eigvals_only=True, subset_by_index=[0, 0])[0])
    bound = -INDEFINITE * float(np.trace(kernel))
    kind, detail = DEFINITE[proved]
    return Check("positive semi-definite", lowest, bound, lowest >= bound, kind, f"smallest eigenvalue{detail}")


def _assumptions(bounds_below):
    if bounds_below:
        return (COST_ASSUMPTION, "graphs that the bound does not tell apart need not be told apart")
    return (COST_ASSUMPTION, "no coupling that the search missed is much better")


def neighbors_certificate(n_networks, n_neighbors):
    """What nearest neighbors rest on; it is their search that has something to check."""
    return Certificate(
        claim=NEAREST,
        checks=[_count(n_networks), Check("neighbors", n_neighbors, None, None, "reported", "per graph")],
        assumptions=(
            COST_ASSUMPTION,
            "graphs that are close have similar targets",
            "the upper bounds order the neighbors as the exact values do; method search says where that is proved",
        ),
    )


def search_certificate(n_solved, n_pairs, proved, margin):
    """What one search for nearest neighbors did and proved."""
    total = int(np.sum(n_solved))
    return Certificate(
        claim=NEAREST,
        checks=[
            Check("pruning", margin, 0.0, margin >= 0.0, "proof", "least gap of the bounds of a solved pair"),
            Check("solved pairs", total, n_pairs, None, "reported", "the bound is the number of all pairs"),
            Check("nearest by the exact value", float(np.mean(proved)), 1.0, None, "reported", "share of graphs"),
        ],
        assumptions=(
            COST_ASSUMPTION,
            "upper bounds order the neighbors as the exact values do, where the share above is below one",
        ),
    )
