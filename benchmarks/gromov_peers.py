"""Peers of the Gromov-Wasserstein family: what other packages and plain NumPy find for one pair.

Each peer returns a coupling. Its value is the objective of that coupling, after its marginals are made exact, so that
all values are objectives of couplings of the same two networks and can be compared.

=============  =============  ==========================================================
symbol         name           meaning, shape
=============  =============  ==========================================================
``C, D``       ``C1, C2``     costs within the two objects, (n, n)
``p, q``       ``p, q``       weights of the nodes, (n,)
``T``          ``plan``       coupling, (n, n)
=============  =============  ==========================================================
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from scipy.optimize import quadratic_assignment
from scipy.spatial.distance import cdist

__all__ = [
    "CLOUD_PEERS",
    "GRAPH_PEERS",
    "SQUARED_CLOUD_PEERS",
    "Peer",
    "Problem",
    "make_feasible",
    "objective",
    "plain_sorted",
    "pot_values",
    "read_mutag",
]

N_PARTS = 50  # of the quantized solvers, a quarter of the points
EPSILON = 0.002  # of costs divided by their maximum: the largest that leaves values near those of the other solvers
N_SAMPLES = 100  # columns that the sampled solver draws per step, its default
MAX_ITER = 100  # of the outer loops of the entropic solvers, which stop at a tolerance before or run for seconds


@dataclass(frozen=True)
class Problem:
    """Two objects of equally many nodes with uniform weights.

    Parameters
    ----------
    C1, C2 : ndarray of shape (n, n)
        Costs.
    X1, X2 : ndarray
        What the costs come from: adjacency matrices, or points.
    """

    C1: np.ndarray
    C2: np.ndarray
    X1: np.ndarray
    X2: np.ndarray

    @property
    def p(self):
        """Uniform weights."""
        return np.full(len(self.C1), 1.0 / len(self.C1))

    @cached_property
    def scaled(self):
        """Both costs over the larger maximum."""
        scale = max(np.abs(self.C1).max(), np.abs(self.C2).max())
        return self.C1 / scale, self.C2 / scale


class Peer(NamedTuple):
    """A solver of another package.

    Parameters
    ----------
    module : str
        What is imported.
    distribution : str
        Its name on the index.
    solve : callable
        From a `Problem` to a coupling.
    slow : bool
        Whether a pair takes so long that only some are tried.
    """

    module: str
    distribution: str
    solve: Callable
    slow: bool = False


# --- solvers ---------------------------------------------------------------------------------------------------------


def _conditional_gradient(problem):
    from ot.gromov import gromov_wasserstein

    return gromov_wasserstein(problem.C1, problem.C2, problem.p, problem.p)


def _cajal(problem):
    from cajal.run_gw import gw

    return gw(problem.C1, problem.p, problem.C2, problem.p)[0]


def _faq(problem):
    found = quadratic_assignment(problem.C1, problem.C2, method="faq", options={"maximize": True})
    return np.eye(len(problem.p))[found.col_ind] / len(problem.p)


def _entropic(problem):
    from ot.gromov import entropic_gromov_wasserstein

    return entropic_gromov_wasserstein(*problem.scaled, epsilon=EPSILON, max_iter=MAX_ITER, tol=1e-6)


def _proximal(problem):
    from ot.gromov import entropic_gromov_wasserstein

    options = {"solver": "PPA", "warmstart": True, "max_iter": MAX_ITER, "tol": 1e-6}
    return entropic_gromov_wasserstein(*problem.scaled, epsilon=0.01, **options)


def _sampled(problem):
    from ot.gromov import sampled_gromov_wasserstein

    options = {"nb_samples_grad": N_SAMPLES, "epsilon": 0.1, "max_iter": MAX_ITER, "random_state": 0}
    return sampled_gromov_wasserstein(*problem.scaled, problem.p, problem.p, _squared_difference, **options)


def _squared_difference(a, b):
    return (a - b) ** 2


def _quantized_graphs(problem):
    from ot.gromov import quantized_fused_gromov_wasserstein

    return quantized_fused_gromov_wasserstein(
        problem.X1, problem.X2, N_PARTS, N_PARTS, C1_aux=problem.C1, C2_aux=problem.C2
    )[2]


def _quantized_points(problem):
    from ot.gromov import quantized_fused_gromov_wasserstein_samples

    return quantized_fused_gromov_wasserstein_samples(problem.X1, problem.X2, N_PARTS, N_PARTS)[2]


def _low_rank(problem):
    """At full rank, its default."""
    from ot.gromov import lowrank_gromov_wasserstein_samples

    Q, R, g = lowrank_gromov_wasserstein_samples(problem.X1, problem.X2, warn=False)
    return (Q / g) @ R.T


def _ott(problem):
    """Compiled once per shape; its entropic solver, single-threaded."""
    return np.asarray(_ott_solver()(*problem.scaled))


@cache
def _ott_solver():
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax
    from ott.geometry.geometry import Geometry
    from ott.problems.quadratic.quadratic_problem import QuadraticProblem
    from ott.solvers.linear.sinkhorn import Sinkhorn
    from ott.solvers.quadratic.gromov_wasserstein import GromovWasserstein

    jax.config.update("jax_enable_x64", True)
    solver = GromovWasserstein(linear_solver=Sinkhorn(), epsilon=EPSILON / 4.0, max_iterations=MAX_ITER)

    @jax.jit
    def solve(C1, C2):
        return solver(QuadraticProblem(Geometry(cost_matrix=C1), Geometry(cost_matrix=C2))).matrix

    return solve


DENSE_PEERS = {
    "POT gromov_wasserstein": Peer("ot", "POT", _conditional_gradient),
    "CAJAL gw": Peer("cajal", "cajal", _cajal),
    "scipy quadratic_assignment": Peer("scipy", "scipy", _faq),
    "POT entropic, projected gradient": Peer("ot", "POT", _entropic, slow=True),
    "POT entropic, proximal point": Peer("ot", "POT", _proximal, slow=True),
    "POT sampled": Peer("ot", "POT", _sampled, slow=True),
    "ott-jax GromovWasserstein": Peer("ott", "ott-jax", _ott, slow=True),
}
GRAPH_PEERS = DENSE_PEERS | {"POT quantized": Peer("ot", "POT", _quantized_graphs)}
CLOUD_PEERS = DENSE_PEERS | {"POT quantized": Peer("ot", "POT", _quantized_points)}
SQUARED_CLOUD_PEERS = DENSE_PEERS | {"POT low rank": Peer("ot", "POT", _low_rank, slow=True)}


# --- values ----------------------------------------------------------------------------------------------------------


def objective(C1, C2, plan):
    """Sum of ``(C1_ij - C2_kl)^2 T_ik T_jl``, for symmetric costs.

    Parameters
    ----------
    C1 : ndarray of shape (n, n)
    C2 : ndarray of shape (m, m)
    plan : ndarray of shape (n, m)
        Coupling.

    Returns
    -------
    value : float

    Examples
    --------
    >>> objective(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros((1, 1)), np.full((2, 1), 0.5))
    0.5
    """
    p, q = plan.sum(axis=1), plan.sum(axis=0)
    return float(p @ C1**2 @ p + q @ C2**2 @ q - 2.0 * np.sum((C1 @ plan @ C2) * plan))


def make_feasible(plan, p, q):
    """A coupling near a plan whose marginals are only nearly right.

    Rows, then columns that hold too much mass are scaled down; what is missing is spread as a product.

    Parameters
    ----------
    plan : ndarray of shape (n, m)
        Non-negative up to rounding.
    p : ndarray of shape (n,)
    q : ndarray of shape (m,)

    Returns
    -------
    coupling : ndarray of shape (n, m)

    References
    ----------
    J. Altschuler, J. Weed and P. Rigollet (2017). "Near-linear time approximation algorithms for optimal transport via
    Sinkhorn iteration". NeurIPS, algorithm 2.

    Examples
    --------
    >>> make_feasible(np.array([[0.4, 0.2], [0.0, 0.4]]), np.full(2, 0.5), np.full(2, 0.5)).sum(axis=0)
    array([0.5, 0.5])
    """
    coupling = np.maximum(plan, 0.0)
    coupling = coupling * np.minimum(1.0, p / np.maximum(coupling.sum(axis=1), np.finfo(float).tiny))[:, None]
    coupling = coupling * np.minimum(1.0, q / np.maximum(coupling.sum(axis=0), np.finfo(float).tiny))
    rows, columns = np.maximum(p - coupling.sum(axis=1), 0.0), np.maximum(q - coupling.sum(axis=0), 0.0)
    missing = rows.sum()
    return coupling + np.outer(rows, columns) / missing if missing > 0.0 else coupling


def plain_sorted(X, Y):
    """The sorted bound of squared Euclidean costs by their definition: both n x n matrices are formed.

    Parameters
    ----------
    X, Y : ndarray of shape (n, d1) and (n, d2)
        Points.

    Returns
    -------
    bound : float

    Examples
    --------
    >>> plain_sorted(np.array([[0.0], [1.0]]), np.array([[0.0], [3.0]]))
    16.0
    """
    rows = [np.sort(cdist(points, points, "sqeuclidean").mean(axis=1)) for points in (X, Y)]
    means = [values.mean() for values in rows]
    deviations = [values - mean for values, mean in zip(rows, means, strict=True)]
    return float((means[0] - means[1]) ** 2 + 2.0 * np.mean((deviations[0] - deviations[1]) ** 2))


# --- collections -----------------------------------------------------------------------------------------------------


def pot_values(costs):
    """POT's value of every pair, from its default start.

    Parameters
    ----------
    costs : list of ndarray of shape (n, n)

    Returns
    -------
    values : ndarray of shape (n_samples, n_samples)
        Symmetric, zero diagonal.

    Examples
    --------
    >>> pot_values([np.zeros((1, 1)), np.ones((2, 2))])
    array([[0., 1.],
           [1., 0.]])
    """
    from ot.gromov import gromov_wasserstein2

    values = np.zeros((len(costs), len(costs)))
    for i, C1 in enumerate(costs):
        for k in range(i):
            values[i, k] = values[k, i] = max(gromov_wasserstein2(C1, costs[k]), 0.0)
    return values


def read_mutag():
    """The 188 molecules of MUTAG, which grakel ships: adjacency matrices, and classes.

    Returns
    -------
    graphs : list of ndarray of shape (n, n)
    y : ndarray of shape (188,)
        1 for mutagenic, -1 for not.
    """
    folder = files("grakel") / "tests" / "data" / "MUTAG"
    edges, owner, y = (
        np.loadtxt((folder / f"MUTAG_{name}.txt").read_text().splitlines(), dtype=int, delimiter=",", ndmin=1)
        for name in ("A", "graph_indicator", "graph_labels")
    )
    first = np.searchsorted(owner, np.unique(owner))
    graphs = [np.zeros((size, size)) for size in np.diff([*first, len(owner)])]
    for i, k in edges - 1:
        graph = owner[i] - 1
        graphs[graph][i - first[graph], k - first[graph]] = 1.0
    return graphs, y
