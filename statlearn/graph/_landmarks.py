r"""Features of plain and log kernels of large sparse graphs from the columns of some landmark nodes.

With H the (log) columns of `statlearn.graph._landmark_columns`, C is H less its column means over the landmarks, W the
landmark rows of C less their row means, and :math:`W = V \Lambda V'`. The features :math:`x_i = \Lambda^{-1/2} V' C_i`
are those of landmark scaling [1]_ for the distances :math:`H_{ii} + H_{ll} - 2 H_{il}`: the unknown :math:`H_{ii}` is
the same in all of row i, and :math:`V' 1 = 0`. For the same reason factors that are constant in a row or a column of
the kernel need not be known. Negative eigenvalues are dropped. With all nodes as landmarks F F' is the positive part of
the centered kernel. Features of plain kernels are those of Nystroem, without centering.

References
----------
.. [1] V. de Silva and J. Tenenbaum. Sparse multidimensional scaling using landmark points. 2004.
"""

import numpy as np
from scipy import linalg

from .._support.random_streams import spawn_generators
from ._features import Features, unscaled
from ._landmark_columns import SERIES, kernel_columns

__all__ = ["landmark_features"]


def landmark_features(graph, measure, t, n_landmarks, n_components, log=False, random_state=None, *, n_jobs=None):
    """Features of a kernel with positive entries, or of its logarithm, from its columns at landmark nodes.

    Parameters
    ----------
    graph : SpectralGraph
        The graph; connected if ``log``.
    measure : SpectralMeasure
        One of `statlearn.graph._catalog.MEASURES` with a logarithm.
    t : float
        Raw parameter.
    n_landmarks : int
        Number m of landmarks, from 2 to n. They are drawn without replacement, with probability proportional to the
        degree: the column of a node with many neighbors averages over more of the graph and reaches it in fewer steps,
        and clusters get landmarks in proportion to their volume.
    n_components : int
        Number r of features, at least 1. There are fewer where fewer eigenvalues are positive beyond rounding.
    log : bool, default=False
        Whether the logarithm is taken.
    random_state : None, int, RandomState or Generator, default=None
        Of the landmarks.
    n_jobs : int or None, default=None
        Number of threads; None means 1 unless a `joblib.parallel_config` context says otherwise. The features do not
        depend on it.

    Returns
    -------
    features : Features
        With ``column_error``, ``n_floored`` and ``dropped_share``.

    Raises
    ------
    ValueError
        If the measure has no positive series, the graph is not connected, there are more landmarks than nodes, the
        series needs too many terms, or all logarithms agree within their error.

    Examples
    --------
    >>> from statlearn.graph import SpectralGraph
    >>> from statlearn.graph._catalog import MEASURES
    >>> from statlearn.graph._landmarks import landmark_features
    >>> graph = SpectralGraph([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> made = landmark_features(graph, MEASURES["heat"], 1.0, 3, 2, log=True)
    >>> made.matrix.shape, made.n_floored
    ((3, 2), 0)
    """
    _check(graph, measure, n_landmarks, log)
    landmarks = choose_landmarks(graph, n_landmarks, random_state)
    columns = kernel_columns(graph, measure, t, landmarks, n_jobs=n_jobs)
    extend = _log_features if log else _plain_features
    return extend(graph, measure, columns, landmarks, n_components)


def _check(graph, measure, n_landmarks, log):
    if measure.name not in SERIES:
        raise ValueError(
            f"method='landmark' cannot make features of {measure.name}, which has no series of positive terms. Use one "
            f"of {sorted(SERIES)}, or method='lanczos' for commute_time and corrected_ct."
        )
    if log and graph.n_components > 1:
        raise ValueError(
            f"graph has {graph.n_components} components; the logarithm of {measure.name} needs a connected graph: use "
            "disconnected='largest'."
        )
    if not 2 <= n_landmarks <= graph.n_nodes:
        raise ValueError(
            f"n_landmarks must be between 2 and the number of nodes, {graph.n_nodes}. Got {n_landmarks} instead."
        )


def choose_landmarks(graph, n_landmarks, random_state):
    """Nodes drawn without replacement in proportion to their degree, in ascending order."""
    (generator,) = spawn_generators(random_state, 1)
    with np.errstate(divide="ignore"):
        arrivals = generator.standard_exponential(graph.n_nodes) / graph.degrees  # isolated nodes come last
    return np.sort(np.argsort(arrivals, kind="stable")[:n_landmarks])


def _log_features(graph, measure, columns, landmarks, n_components):
    """Landmark scaling of the logarithms, from which the constants of rows and columns cancel."""
    H, smallest = columns.rest, columns.rest.min(axis=0)
    H -= smallest
    H /= columns.base + smallest
    largest = float(H.max())
    np.log1p(H, out=H)
    means = H[landmarks].mean(axis=0)
    block = H[landmarks] - means
    block -= block.mean(axis=1, keepdims=True)
    error = columns.error + columns.rounding * min(1.0, largest)
    map_, dropped_share = _extension(block, error, n_components)
    if map_.shape[1] == 0:
        raise ValueError(
            f"the logarithms of {measure.name} agree within their error, {error:.2g}, up to what cancels from "
            "distances. Lower t."
        )
    F = H @ map_ - means @ map_
    return _features(F, 0.0, columns, error / _root_mean_square(block), dropped_share)


def _plain_features(graph, measure, columns, landmarks, n_components):
    """Nystroem's extension of the kernel between landmarks."""
    K, w = columns.rest, columns.walk.w
    K += columns.base
    K *= SERIES[measure.name].dress(w, w[landmarks])
    block = K[landmarks]
    error = (columns.error + columns.rounding) * float(block.max())
    map_, dropped_share = _extension(block, error, n_components)
    F, log_scale = unscaled(K @ map_, columns.weights.log_total)
    return _features(F, log_scale, columns, error / _root_mean_square(block), dropped_share)


def _extension(block, error, n_components):
    """``V Lambda^(-1/2)`` of the leading eigenvalues above the error, and the share of the negative ones below it."""
    values, vectors = linalg.eigh((block + block.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = len(values) * error  # bound on the norm of a matrix of such errors
    kept = slice(0, min(n_components, np.count_nonzero(values > noise)))
    dropped = np.abs(values[values < -noise]).sum()
    return vectors[:, kept] / np.sqrt(values[kept]), float(dropped / (np.abs(values).sum() or 1.0))


def _root_mean_square(block):
    return float(np.sqrt(np.mean(block**2)))


def _features(F, log_scale, columns, error, dropped_share):
    return Features(
        F,
        log_scale,
        columns.n_terms,
        "columns of landmarks by a positive series",
        column_error=error,
        n_floored=columns.n_floored,
        dropped_share=dropped_share,
    )
