r"""Features of plain kernels of large sparse graphs from the eigenvectors that weigh most, without any n x n matrix.

A kernel :math:`K = f(X)` of X = A, S or -L is approximated by :math:`F F' = Q f(\Theta) Q'` with Ritz vectors Q, whose
residuals are :math:`R = X Q - Q \Theta`. Split Q into any leading part :math:`Q_1` and the rest. Moving X by at most
:math:`\|R_1\|` makes :math:`Q_1` invariant, so

.. math:: \|K - F F'\| \le \mathrm{Lip}(f) \, \|R_1\| + \max_{\theta \notin \Theta_1} f(\theta),

where the maximum runs over the rest of the Ritz values and the eigenvalues that belong to none. The largest of those
is taken to be at most the next Ritz value plus the norm of its residual, as in all Lanczos methods. The smallest
such bound over all splits is the error that is reported, and that stops the iteration: eigenvectors in the dense bulk
of the spectrum, where f is nearly constant, need not converge, as exact ones would leave as much out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from .._support.random_streams import spawn_generators
from ._features import Features, unscaled
from ._spectral_graph import SMALL

__all__ = ["lanczos_features"]

SLACK = 1.1  # of the error over that of exact eigenvectors
SMALLEST_ERROR = 1e-12  # relative to the largest eigenvalue of the kernel
EXTRA_VECTORS = 24  # of a cycle, beyond twice the number of wanted ones
MAX_PRODUCTS = 5000
BREAKDOWN = 1e-13  # of the norm of a product that is left after orthogonalization
LIPSCHITZ = 2.0  # the slope at the ends of the spectrum is known at the Ritz values only
DIFFERENCE = 1e-6  # of the width of the spectrum


@dataclass(frozen=True)
class Operator:
    """A symmetric matrix whose largest eigenvalues are wanted, and how eigenvalues of the graph follow from its own."""

    product: Callable
    sign: float
    principal_value: float
    principal_vectors: np.ndarray


def lanczos_features(graph, measure, t, n_components, random_state=None):
    """Features of a plain spectral kernel from the eigenvectors that weigh most.

    Parameters
    ----------
    graph : SpectralGraph
        The graph.
    measure : SpectralMeasure
        Positive semi-definite, of `statlearn.graph._catalog.MEASURES`.
    t : float or None
        Raw parameter.
    n_components : int
        Number r of features, at least 1. There are fewer where the rank of the kernel is smaller.
    random_state : None, int, RandomState or Generator, default=None
        Of the start vector.

    Returns
    -------
    features : Features
        ``error`` bounds what is left out, provided that no larger eigenvalue was missed: a vector that is orthogonal to
        the random start, as with exact copies of an eigenvalue of A, can escape. Copies that stem from the components
        of the graph are known beforehand for L and S.

    Raises
    ------
    ValueError
        If the kernel is not a positive semi-definite function of one matrix, needs a connected graph, or the
        eigenvalues are too close together for the method.

    Notes
    -----
    Thick-restart Lanczos with full orthogonalization. Memory is of the order of ``(2 r + 24) n`` numbers. Up to 500
    nodes all eigenvectors are computed.

    References
    ----------
    K. Wu and H. Simon. Thick-restart Lanczos method for large symmetric eigenvalue problems. SIAM Journal on Matrix
    Analysis and Applications 22, 2000.

    Examples
    --------
    >>> from statlearn.graph import SpectralGraph
    >>> from statlearn.graph._catalog import MEASURES
    >>> from statlearn.graph._lanczos import lanczos_features
    >>> graph = SpectralGraph([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> made = lanczos_features(graph, MEASURES["heat"], 1.0, 2)
    >>> made.matrix.shape, round(made.error, 6)
    ((3, 2), 0.049787)
    """
    _check(graph, measure)
    if graph.n_nodes <= SMALL:
        ratios, vectors, error, n_terms = _all_pairs(graph, measure, t, n_components)
    else:
        ratios, vectors, error, n_terms = _leading_pairs(graph, measure, t, n_components, random_state)
    F = measure.frame.features(graph, vectors * np.sqrt(ratios))
    F, log_scale = unscaled(F, measure.spectrum.log_scale(graph, t))
    return Features(F, log_scale, n_terms, "leading eigenvectors", error=error)


def _check(graph, measure):
    spectrum, frame = getattr(measure, "spectrum", None), getattr(measure, "frame", None)
    if spectrum is None or not measure.psd or frame.features is None:
        raise ValueError(
            f"method='lanczos' cannot make features of {measure.name}, which is no positive semi-definite function of "
            "one symmetric matrix. Use katz, communicability, forest, heat, normalized_heat, modified_ppr, "
            "commute_time or corrected_ct, or method='landmark' for ppr, heat_ppr and double_factorial."
        )
    if measure.connected and graph.n_components > 1:
        raise ValueError(
            f"{measure.name} needs a connected graph. Got {graph.n_components} components: use disconnected='largest'."
        )


def _all_pairs(graph, measure, t, r):
    """The largest ratios with their vectors, the first one left out, and no products: of a small graph."""
    part = graph.decomposition(measure.spectrum.matrix)
    ratios = np.maximum(measure.spectrum.ratios(graph, part.values, t), 0.0)
    order = np.argsort(-ratios, kind="stable")
    kept = order[:r][ratios[order[:r]] > SMALLEST_ERROR * ratios.max()]
    left = float(ratios[order[len(kept)]]) if len(kept) < len(order) else 0.0
    return ratios[kept], part.vectors[:, kept], left / float(ratios.max()), 0


def _leading_pairs(graph, measure, t, r, random_state):
    """The same from Ritz vectors."""
    spectrum, operator = measure.spectrum, OPERATORS[measure.spectrum.matrix](graph, r)
    judge = Judge(graph, spectrum, t, operator)
    locked = operator.principal_vectors
    principal = float(spectrum.ratios(graph, np.array([operator.principal_value]), t)[0])
    n_principal = len(locked) if principal > 0.0 else 0
    if n_principal > r:
        return np.full(r, principal), locked[:r].T, 1.0, 0
    (generator,) = spawn_generators(random_state, 1)
    start = generator.standard_normal(graph.n_nodes)
    wanted = r - n_principal
    values, vectors, error, n_products = thick_restart(operator.product, locked, start, wanted, judge)
    scores = judge.scores(values)
    kept = np.flatnonzero(scores > SMALLEST_ERROR * max(principal, scores.max(initial=0.0)))
    ratios = np.r_[np.full(n_principal, principal), scores[kept]]
    return ratios, np.vstack([locked[:n_principal], vectors[kept]]).T, error / float(ratios.max()), n_products


@dataclass(frozen=True)
class Judge:
    """What the kernel makes of Ritz values and their residuals."""

    graph: object
    spectrum: object
    t: float
    operator: Operator

    def scores(self, thetas):
        """Eigenvalues of the kernel relative to the principal one."""
        values = np.r_[self.operator.principal_value, self.operator.sign * thetas]
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.spectrum.ratios(self.graph, values, self.t)[1:]

    def error(self, thetas, residuals, wanted):
        """The smallest bound over all splits of the pairs, which are sorted by score, and whether it will do."""
        scores = self.scores(thetas)
        limit = self.operator.sign * self.operator.principal_value
        moved = np.maximum(self.scores(np.minimum(thetas + residuals, limit)), self.scores(thetas - residuals))
        moved = np.where(moved >= scores, moved, np.inf)
        leading = moved[: wanted + 1]  # those behind are smaller, however far from convergence
        rest = np.r_[np.maximum.accumulate(leading[::-1])[::-1], 0.0]
        turned = LIPSCHITZ * self._slope(thetas) * np.sqrt(np.cumsum(np.r_[0.0, residuals[:wanted] ** 2]))
        bounds = turned + rest[: len(turned)]
        best = float(scores[wanted]) if wanted < len(scores) else 0.0
        error = float(np.nanmin(bounds))
        return error, error <= max(SLACK * best, SMALLEST_ERROR * max(1.0, scores[0]))

    def _slope(self, thetas):
        """Steepest slope of the scores, which are convex functions and so steepest at one end of the spectrum."""
        low, high = thetas.min(), thetas.max()
        step = DIFFERENCE * max(high - low, np.abs(thetas).max())
        ends = self.scores(np.array([low, low + step, high - step, high]))
        return float(np.abs(np.diff(ends)[[0, 2]]).max() / step)


# --- the three matrices, with what is known of their principal eigenvectors -------------------------------------------


def _adjacency_operator(graph, r):
    return Operator(graph.adjacency.__matmul__, 1.0, graph.perron.high, _unit_rows(graph.perron.vector[None, :]))


def _laplacian_operator(graph, r):
    A, degrees = graph.adjacency, graph.degrees  # self-loops cancel
    return Operator(lambda x: A @ x - degrees * x, -1.0, 0.0, _component_vectors(graph, np.ones(graph.n_nodes), r))


def _normalized_operator(graph, r):
    A, inverse = graph.adjacency, 1.0 / graph.root_degrees()
    weights = np.sqrt(graph.degrees)  # 0 for isolated nodes, whose eigenvalue is 0
    return Operator(lambda x: inverse * (A @ (inverse * x)), 1.0, 1.0, _component_vectors(graph, weights, r))


OPERATORS = {"A": _adjacency_operator, "L": _laplacian_operator, "S": _normalized_operator}


def _component_vectors(graph, weights, r):
    """One vector per component, supported there; of the ``r + 1`` largest components."""
    mass = np.bincount(graph.component_labels, weights=weights**2)
    largest = np.argsort(-graph.component_sizes() * (mass > 0.0), kind="stable")[: min(r + 1, np.count_nonzero(mass))]
    return _unit_rows((graph.component_labels == largest[:, None]) * weights)


def _unit_rows(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# --- the iteration ----------------------------------------------------------------------------------------------------


def thick_restart(product, locked, start, wanted, judge):
    """Ritz pairs of the largest scores, orthogonal to known eigenvectors.

    Parameters
    ----------
    product : callable
        Symmetric matrix times vector.
    locked : ndarray of shape (c, n)
        Orthonormal eigenvectors that are known.
    start : ndarray of shape (n,)
        Start vector.
    wanted : int
        Number of pairs.
    judge : Judge
        Says what a Ritz value is worth, and when the error will do.

    Returns
    -------
    values : ndarray of shape (k,)
        The Ritz values, largest score first; ``k`` is ``wanted`` unless the space is exhausted.
    vectors : ndarray of shape (k, n)
        Their vectors as rows.
    error : float
        From ``judge``.
    n_products : int
        Number of products.

    Raises
    ------
    ValueError
        If nothing is known of the error after 5000 products.
    """
    c, n = locked.shape
    size = min(2 * wanted + EXTRA_VECTORS, n - c)
    basis = np.empty((c + size + 1, n))
    basis[:c] = locked
    basis[c] = _orthogonal(start, basis[:c])
    T, kept, n_products = np.zeros((size, size)), 0, 0
    while True:
        beta = _extend(product, basis, c, T, kept)
        n_products += size - kept
        thetas, U = linalg.eigh(T)
        order = np.argsort(-judge.scores(thetas), kind="stable")
        thetas, U = thetas[order], U[:, order]
        error, done = judge.error(thetas, beta * np.abs(U[-1]), wanted)
        if done or beta == 0.0 or n_products >= MAX_PRODUCTS:
            break
        kept = min(wanted + (size - wanted) // 3, size - 1)
        basis[c : c + kept] = U[:, :kept].T @ basis[c : c + size]
        basis[c + kept] = basis[c + size]
        T[:] = 0.0
        T.flat[: kept * size : size + 1] = thetas[:kept]
        T[kept, :kept] = T[:kept, kept] = beta * U[-1, :kept]
    if not np.isfinite(error):
        raise ValueError(
            f"the eigenvalues are too close together for method='lanczos': no error bound after {n_products} products "
            "with the matrix of the graph. Use another kernel, or method='landmark'."
        )
    return thetas[:wanted], U[:, :wanted].T @ basis[c : c + size], error, n_products


def _extend(product, basis, c, T, kept):
    """Fill basis and projected matrix from row ``kept`` on; returns the norm of what is left after the last."""
    size = len(T)
    beta = 0.0
    for i in range(kept, size):
        w = product(basis[c + i])
        scale = np.linalg.norm(w)
        coupled = slice(0, kept) if i == kept else slice(i - 1, i)
        w -= T[i, coupled] @ basis[c : c + size][coupled]
        T[i, i] = basis[c + i] @ w
        w -= T[i, i] * basis[c + i]
        w -= (basis[: c + i + 1] @ w) @ basis[: c + i + 1]
        beta = np.linalg.norm(w)
        if beta > BREAKDOWN * max(scale, np.abs(T).max()):
            basis[c + i + 1] = w / beta
        elif i + 1 < size:  # an invariant subspace: go on from anywhere else
            beta = 0.0
            basis[c + i + 1] = _orthogonal(np.cos(np.arange(w.size) * (i + 1.0)), basis[: c + i + 1])
        else:
            return 0.0
        if i + 1 < size:
            T[i, i + 1] = T[i + 1, i] = beta
    return beta


def _orthogonal(vector, basis):
    """The unit vector along what is orthogonal to the basis, by two passes."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
        vector /= np.linalg.norm(vector)
    return vector
