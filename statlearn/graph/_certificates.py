"""Certificates of the graph family."""

import numpy as np
from scipy import linalg, sparse

from ..certificate import Certificate, Check

__all__ = ["definiteness", "kernel_certificate", "smallest_eigenvalue"]

ROUNDING = 1e-10  # of an eigenvalue or a triangle, relative to the largest entry times n
LARGEST_LOG_ERROR = 1e-8
LARGEST_COLUMN_ERROR = 1e-4
DENSE_EIGENVALUES = 1500  # nodes up to which LAPACK is asked for the smallest eigenvalue, Lanczos beyond
MOST_TRIANGLES = 400  # nodes up to which all triangles are tried

GRAPH_ASSUMPTIONS = (
    "the edges and weights are those of the graph in question",
    "weights are affinities: a larger weight means closer",
)


def smallest_eigenvalue(K):
    """Smallest eigenvalue of a symmetric matrix."""
    if len(K) <= DENSE_EIGENVALUES:
        return float(linalg.eigh(K, eigvals_only=True, subset_by_index=[0, 0], check_finite=False)[0])
    start = np.random.default_rng(0).normal(size=len(K))
    return float(sparse.linalg.eigsh(K, k=1, which="SA", v0=start, tol=1e-6, return_eigenvectors=False)[0])


def definiteness(K, proved):
    """Check that a kernel is positive semi-definite: by theorem, or by its smallest eigenvalue."""
    name = "positive semi-definite"
    if proved:
        return Check(name, None, None, True, "proof", "a positive function of the eigenvalues of a symmetric matrix")
    lowest, bound = smallest_eigenvalue(K), -ROUNDING * float(np.abs(np.diag(K)).sum())
    detail = "smallest eigenvalue" if lowest >= bound else "smallest eigenvalue; clip it or use distances"
    return Check(name, lowest, bound, lowest >= bound, "numerical", detail)


def metric_check(D, proximity):
    """Check that a distance, or its square root, satisfies the triangle inequality."""
    measure = proximity.measure
    if measure.log_metric if proximity.log else measure.metric:
        return Check(
            "metric", None, None, True, "proof", "the transition inequality" if proximity.log else "by theorem"
        )
    if measure.psd and not proximity.log:
        return Check("square root is a metric", None, None, True, "proof", "squared Euclidean distances")
    if len(D) > MOST_TRIANGLES:
        return Check("metric", None, None, None, "numerical", f"not tried: more than {MOST_TRIANGLES} nodes")
    excess, bound = _worst_triangle(D), ROUNDING * float(np.abs(D).max())
    return Check("metric", excess, bound, bool(excess <= bound), "numerical", "D_ij - D_ik - D_kj, at most")


def _worst_triangle(D):
    return max(float((D - (D[:, k, None] + D[None, k, :])).max()) for k in range(len(D)))


def _accuracy(made, scale=1.0):
    if made.error is None:
        return Check("route", None, None, None, "reported", made.route)
    error, bound = (made.error / scale if scale > 0.0 else np.inf), LARGEST_LOG_ERROR
    return Check("error of an entry", error, bound, error <= bound, "numerical", f"estimate; {made.route}")


def kernel_certificate(proximity, made, K):
    """What is known of a kernel matrix."""
    return Certificate(
        claim=f"K is {proximity.label} of this graph, computed as said, and a positive semi-definite kernel.",
        checks=[_accuracy(made), definiteness(K, proximity.measure.psd and not proximity.log)],
        assumptions=GRAPH_ASSUMPTIONS,
    )


def distance_certificate(proximity, made, D):
    """What is known of a distance matrix; its error is relative to the largest distance."""
    return Certificate(
        claim=f"D is the distance of {proximity.label} of this graph, computed as said, and a metric or its square.",
        checks=[_accuracy(made, float(np.abs(D).max())), metric_check(D, proximity)],
        assumptions=GRAPH_ASSUMPTIONS,
    )


def feature_certificate(proximity, features):
    """What is known of low-rank features: never that they are good enough."""
    checks = [Check("route", None, None, None, "reported", features.route)]
    if features.error is not None:
        target, missing = proximity.label, f"at most {features.error:.2g} of its spectral norm is left out"
        detail = "of the spectral norm; of modified_ppr and corrected_ct before the scaling by degrees"
        checks.append(Check("left out", features.error, None, None, "reported", detail))
        assumed = "Lanczos' iteration missed no eigenvalue: one that is repeated can escape it"
    else:
        target = f"{proximity.label}, centered and without its negative part" if proximity.log else proximity.label
        missing = f"the columns of the landmarks are right to {features.column_error:.2g}"
        bound, detail = LARGEST_COLUMN_ERROR, "relative to the root mean square between landmarks"
        holds = features.column_error <= bound
        checks += [
            Check("error of a landmark's column", features.column_error, bound, holds, "numerical", detail),
            Check("pairs without a landmark", None, None, None, "numerical", "not bounded: compare random states"),
            Check("floored entries", features.n_floored, None, None, "reported", "they take half of the tail bound"),
            Check("negative share dropped", abs(features.dropped_share), None, None, "reported", "between landmarks"),
        ]
        assumed = "the landmarks represent the other nodes"
    return Certificate(
        claim=f"Inner products of the features approximate {target} of this graph: {missing}.",
        checks=checks,
        assumptions=(*GRAPH_ASSUMPTIONS, assumed, "what is left out does not matter for the task"),
    )


def classifier_certificate(proximity, method, made, negative_share, reached):
    """What is known of the scores of a node classifier."""
    checks = [_solved(made)] if made.residual is not None else []
    if negative_share is not None:
        checks.append(
            Check("negative share of the spectrum", negative_share, None, None, "reported", "of the centered kernel")
        )
    n_lost = int(np.count_nonzero(~reached))
    checks.append(Check("nodes without a path to a label", n_lost, 0, n_lost == 0, "proof", f"of {len(reached)} nodes"))
    return Certificate(
        claim=f"The scores are those of method={method!r} with {proximity.label}, and a label reaches every node.",
        checks=checks,
        assumptions=(
            *GRAPH_ASSUMPTIONS,
            "nodes that are close under the kernel tend to have the same class",
            "labeled nodes are a fair sample of the nodes to be classified",
        ),
    )


def _solved(made):
    bound = LARGEST_LOG_ERROR
    return Check("linear system", made.residual, bound, made.residual <= bound, "numerical", "relative residual")


def kmeans_certificate(proximity, parts, refine):
    """What kernel k-means on a graph found: a local optimum, and how many starts led to it."""
    move, bound = max(part.best_move for part in parts), max(part.tolerance for part in parts)
    agreement, n_init = min(part.agreement for part in parts), parts[0].n_init
    n_converged, n_starts = sum(part.n_converged for part in parts), sum(part.n_init for part in parts)
    return Certificate(
        claim=f"Moving any single node to another cluster does not lower the k-means objective of {proximity.label}.",
        checks=[
            _single_moves(move, bound, refine),
            Check("starts that agree", agreement, None, None, "reported", f"share of {n_init} at the smallest J"),
            Check("starts that converged", n_converged, n_starts, None, "reported", f"route: {parts[0].route}"),
            max((part.geometry for part in parts), key=lambda check: check.holds is None),
        ],
        assumptions=(
            *GRAPH_ASSUMPTIONS,
            "the number of clusters is right",
            "nodes of one cluster are close under this kernel",
            "no partition further away than a single move is better",
        ),
    )


def _single_moves(move, bound, refine):
    if refine:
        return Check("best single move", move, bound, move <= bound, "numerical", "decrease of J, up to rounding")
    return Check("best single move", move, bound, None, "reported", "decrease of J; refine=True takes such moves")


def ward_certificate(proximity, merges, inertia, recomputed):
    """What Ward's method found: a greedy hierarchy, which is no optimum."""
    lowest = float(min(part[:, 2].min(initial=np.inf) for part in merges))
    scale = sum(float(np.abs(part[:, 2]).sum()) for part in merges)
    bound = LARGEST_LOG_ERROR * scale
    error = abs(inertia - recomputed)
    return Certificate(
        claim=f"Each merge was the one that raises the k-means objective of {proximity.label} least.",
        checks=[
            Check("objective recomputed", error, bound, error <= bound, "numerical", "sum of merges against distances"),
            Check("smallest merge", lowest, None, None, "reported", "negative only for an indefinite kernel"),
        ],
        assumptions=(
            *GRAPH_ASSUMPTIONS,
            "the number of clusters is right",
            "a greedy hierarchy is good enough: its partitions are not optimal, not even locally",
        ),
    )
