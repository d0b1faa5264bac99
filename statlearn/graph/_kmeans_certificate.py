"""Certificates of kernel k-means."""

import numpy as np

from ..certificate import Certificate, Check

__all__ = ["euclidean_check", "kmeans_certificate"]

AGREEMENT = 1e-9  # restarts agree when their objectives differ by no more than this share
LARGEST_BLUR = 1e-3  # share of the objective that rounding may hide
LARGEST_FACTORED = 500  # points; beyond, a Cholesky factorization would cost more than the search

NAME = "squared distances are non-negative"


def euclidean_check(gram, known):
    """Examine whether the kernel is positive semi-definite, up to constants added to rows and columns.

    Parameters
    ----------
    gram : DenseGram or FeatureGram
        The kernel.
    known : bool
        Whether the kind of kernel proves it.

    Returns
    -------
    check : Check
        Never fails: the objective makes sense for an indefinite kernel too, but the reader should know.

    Examples
    --------
    >>> from statlearn.graph._grams import DenseGram
    >>> from statlearn.graph._kmeans_certificate import euclidean_check
    >>> euclidean_check(DenseGram([[0.0, 1.0], [1.0, 0.0]]), False).holds is None
    True
    """
    if known:
        return Check(NAME, None, None, True, "proof", "the kernel is positive semi-definite, perhaps after centering")
    if gram.n > LARGEST_FACTORED:
        detail = f"not examined: more than {LARGEST_FACTORED} points"
        return Check(NAME, None, None, None, "reported", detail)
    if gram.is_euclidean():
        return Check(NAME, None, None, True, "numerical", "the centered kernel is positive semi-definite")
    return Check(NAME, None, None, None, "reported", "no: the kernel is indefinite even when centered")


def kmeans_certificate(solution, refine, *further):
    """State what a search for the best partition has found, and what it has not.

    Parameters
    ----------
    solution : KMeansSolution
        The outcome of the search.
    refine : bool
        Whether single moves followed Lloyd's iterations.
    *further : Check
        Checks to add, such as `euclidean_check`.

    Returns
    -------
    certificate : Certificate
        A local optimum is never called the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_certificate import kmeans_certificate
    >>> from statlearn.graph._kmeans_solver import solve_kernel_kmeans
    >>> solution = solve_kernel_kmeans(FeatureGram(np.array([[0.0], [1.0], [10.0]])), 2, random_state=0)
    >>> bool(kmeans_certificate(solution, True))
    True
    """
    inertias, best = solution.restart_inertias, solution.best_restart
    n_restarts = len(inertias)
    n_agreeing = int(np.sum(inertias - solution.inertia <= AGREEMENT * abs(solution.inertia) + solution.tolerance))
    if refine:
        settled = solution.best_move <= solution.tolerance
        if solution.tolerance > LARGEST_BLUR * abs(solution.inertia) > 0.0:
            settled = None  # distances that cancel in huge kernel entries: moves below the tolerance are not seen
        moves = Check(
            "best single move",
            solution.best_move,
            solution.tolerance,
            settled,
            "numerical",
            "largest decrease of the objective by moving one point",
        )
        claim = f"Moving any single point to another cluster lowers the objective {solution.inertia:.6g} by at most"
        claim += f" {max(solution.best_move, solution.tolerance):.2g}; the partition"
    else:
        detail = "largest decrease of the objective by moving one point; refine=True takes such moves"
        moves = Check("best single move", solution.best_move, None, None, "reported", detail)
        claim = f"Lloyd's iterations no longer lower the objective {solution.inertia:.6g}; the partition"
    return Certificate(
        claim=f"{claim} is the best of {n_restarts} local searches, which need not be the best there is.",
        checks=[
            moves,
            Check(
                "starts that converged",
                int(solution.restart_converged.sum()),
                n_restarts,
                bool(solution.restart_converged[best]),
                "numerical",
                "it holds if the returned one did",
            ),
            Check(
                "starts that agree",
                n_agreeing / n_restarts,
                None,
                None,
                "reported",
                f"share within {AGREEMENT:g} of the lowest objective; a low one asks for a larger n_init",
            ),
            *further,
        ],
        assumptions=(
            "the number of clusters is right",
            "small squared distances to a common center are what makes a cluster",
        ),
    )
