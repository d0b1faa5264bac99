r"""Which labels can minimize the Fréchet functional: decided by linear programs, bounded from below by draws.

Let :math:`c_{iv} = d(\lambda_i, v)^a`. Label v minimizes :math:`F(v) = \sum_i p_i c_{iv}` for some weights p if and
only if

.. math:: t(v) = \max_{p \in \Delta} \min_{u \ne v} \sum_i p_i g_{iu}, \qquad
   g_{iu} = \frac{c_{iu} - c_{iv}}{\max_j |c_{ju} - c_{jv}|},

is not negative, and as the only minimizer if and only if it is positive (Roberts et al., 2023, up to the positive
denominators, which change no sign; they let near and far rivals count alike in floating point).

| symbol | name | shape |
|---|---|---|
| costs c of predicting a label when an observed one is true | ``terms`` | (n_observed, n_labels) |
| scaled gaps g to the rivals of one label | ``gaps`` | (n_observed, n_rivals) |
| weights p | ``weights`` | (n_observed,) |
"""

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from ._searches import ENTRIES_AT_ONCE, TIE, Candidates, direct_scores

__all__ = [
    "ROUNDING",
    "can_minimize",
    "draw_weights",
    "first_outside",
    "minimizers",
    "pair_weights",
    "program_locus",
    "sampled_locus",
    "strictly_dominated",
]

RESOLUTION = 1e-8  # of t(v), which is at most 1; HiGHS solves to a hundredth of it
SOLVER_OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
ROUNDING = 1e-12  # costs whose relative difference is below are equal
CUTS = 32  # rivals added to a program at a time
CLEAR = 1e-6  # relative distance of the least F to the second that leaves no doubt
MOST_PIVOTS = 32


def program_locus(terms, strict, P):
    """Labels that minimize F for some weights, by one linear program for each label that no guess settles.

    Parameters
    ----------
    terms : ndarray of shape (n_observed, n_labels)
        Costs.
    strict : bool
        Whether the label must be the only minimizer.
    P : csr_array of shape (n_guesses, n_observed)
        Guesses of weights, which save programs.

    Returns
    -------
    inside : ndarray of bool of shape (n_labels,)
        The labels.
    """
    inside = minimizers(terms, strict, P)
    for label in np.flatnonzero(~inside & ~strictly_dominated(terms, np.flatnonzero(inside))):
        inside[label] = can_minimize(terms, label, strict)
    return inside


def first_outside(terms, strict, P):
    """A label that minimizes F for no weights; None if there is none. Parameters as for `program_locus`."""
    undecided = np.flatnonzero(~minimizers(terms, strict, P))
    return next((int(label) for label in undecided if not can_minimize(terms, label, strict)), None)


def minimizers(terms, strict, P):
    """Labels that minimize F for a row of P, beyond doubt.

    Parameters
    ----------
    terms : ndarray of shape (n_observed, n_labels)
        Costs.
    strict : bool
        Whether the label must be the only minimizer, by far more than rounding.
    P : csr_array of shape (n_guesses, n_observed)
        Weights.

    Returns
    -------
    inside : ndarray of bool of shape (n_labels,)
        The labels.
    """
    inside = np.zeros(terms.shape[1], dtype=bool)
    if inside.size == 1:
        return ~inside
    step = max(1, ENTRIES_AT_ONCE // inside.size)
    for start in range(0, P.shape[0], step):
        scores = P[start : start + step] @ terms
        least, second = np.partition(scores, 1, axis=1)[:, :2].T
        clear = second - least > CLEAR * second
        inside[scores.argmin(axis=1)[clear]] = True
        if not strict:
            for row in np.flatnonzero(~clear):
                tied = np.flatnonzero(scores[row] <= least[row] * (1.0 + ROUNDING))
                _mark_tied(terms[:, tied], tied, P[[start + row]].toarray()[0], inside)
    return inside


def _mark_tied(terms, tied, weights, inside):
    """Mark labels whose F is equal, up to rounding, if it is no larger relative to the gaps between them either."""
    for place in np.flatnonzero(~inside[tied]):
        inside[tied[place]] = (weights @ _scaled_gaps(terms, place)).min(initial=0.0) >= -RESOLUTION


def pair_weights(among, apart):
    """Weights of two observed labels for each label that is between them, on a shortest path.

    With weights inversely proportional to its distances the label minimizes F for power 2 if distances satisfy the
    triangle inequality, as F then is at least what it would be on a line.

    Parameters
    ----------
    among : ndarray of shape (n_observed, n_observed)
        Distances between observed labels.
    apart : ndarray of shape (n_observed, n_labels)
        Distances from observed labels.

    Returns
    -------
    P : csr_array of shape (n_between, n_observed)
        Weights; one row for each label that is between two observed ones at positive distances.
    """
    n_observed, n_labels = apart.shape
    least, first, second = np.full(n_labels, np.inf), np.zeros(n_labels, np.intp), np.zeros(n_labels, np.intp)
    for k in range(n_observed - 1):
        detour = (apart[k] + apart[k + 1 :]) - among[k, k + 1 :, None] * (1.0 + ROUNDING)
        best = detour.argmin(axis=0)
        shorter = detour[best, np.arange(n_labels)] < least
        least[shorter], first[shorter], second[shorter] = detour.min(axis=0)[shorter], k, k + 1 + best[shorter]
    labels = np.arange(n_labels)
    between = np.flatnonzero((least <= 0.0) & (apart[first, labels] > 0.0) & (apart[second, labels] > 0.0))
    ends = np.stack([first[between], second[between]], axis=1)
    to_ends = apart[ends, between[:, None]]
    weights = to_ends[:, ::-1] / to_ends.sum(axis=1, keepdims=True)
    return sparse.csr_array(
        (weights.ravel(), ends.ravel(), 2 * np.arange(between.size + 1)), (between.size, n_observed)
    )


def strictly_dominated(terms, pivots):
    """Labels that cost more than some pivot whichever observed label is true.

    Parameters
    ----------
    terms : ndarray of shape (n_observed, n_labels)
        Costs.
    pivots : ndarray of int
        Columns of labels to compare with; as many are taken as a few passes over the costs allow.

    Returns
    -------
    outside : ndarray of bool of shape (n_labels,)
        Labels that minimize F for no weights.
    """
    outside = np.zeros(terms.shape[1], dtype=bool)
    reachable = terms * (1.0 - ROUNDING)
    for pivot in pivots[:MOST_PIVOTS]:
        outside |= (terms[:, pivot, None] < reachable).all(axis=0)
    return outside


def can_minimize(terms, label, strict):
    """Tell whether a label minimizes F for some weights.

    The program starts with few rivals and takes in those that its solution overlooks. Both answers are checked without
    the solver: "yes" by F of all labels at its weights, "no" by a mixture of rivals, the dual solution, that costs less
    than the label whatever observed label is true.

    Parameters
    ----------
    terms : ndarray of shape (n_observed, n_labels)
        Costs.
    label : int
        Column of the label.
    strict : bool
        Whether it must be the only minimizer.

    Returns
    -------
    inside : bool
        The answer, for t(v) to within 1e-8.
    """
    gaps = _scaled_gaps(terms, label)
    threshold = RESOLUTION if strict else -RESOLUTION
    values = gaps.mean(axis=0)
    rivals = np.zeros(values.size, dtype=bool)
    while values.min(initial=np.inf) <= threshold:
        overlooked = np.flatnonzero((values <= threshold) & ~rivals)
        if overlooked.size == 0:
            return False  # the solver's own tolerance: no weights were found
        rivals[overlooked[np.argsort(values[overlooked], kind="stable")[:CUTS]]] = True
        weights, bound = _best_weights(gaps[:, rivals])
        if bound <= threshold:
            return False
        values = weights @ gaps
    return True


def _scaled_gaps(terms, label):
    """The gaps g, with those within rounding set to 0."""
    own = terms[:, label, None]
    others = np.delete(terms, label, axis=1)
    gaps = others - own
    gaps[np.abs(gaps) <= ROUNDING * (others + own)] = 0.0
    largest = np.abs(gaps).max(axis=0)
    return gaps / np.where(largest > 0.0, largest, 1.0)


def _best_weights(gaps):
    """Weights that maximize the least mean gap, and an upper bound of that maximum from the dual solution."""
    n_observed, n_rivals = gaps.shape
    result = linprog(
        np.append(np.zeros(n_observed), -1.0),
        A_ub=np.hstack([-gaps.T, np.ones((n_rivals, 1))]),
        b_ub=np.zeros(n_rivals),
        A_eq=np.append(np.ones(n_observed), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0.0, None)] * n_observed + [(-1.0, 1.0)],
        method="highs",
        options=SOLVER_OPTIONS,
    )
    if result.status != 0:
        raise RuntimeError(f"the linear program of the locus was not solved: {result.message}")
    weights = np.maximum(result.x[:-1], 0.0)
    mixture = np.maximum(-result.ineqlin.marginals, 0.0)
    total = mixture.sum()
    bound = (gaps @ mixture).max() / total if total > 0.0 else 1.0
    return weights / weights.sum(), bound


def draw_weights(n_draws, n_observed, rng):
    """Weights of observed labels of many kinds: few or many positive ones, equal in every second row or uniform.

    Equal ones reach ties, few ones the neighborhood of pairs; uniform weights of many labels are all alike.

    Parameters
    ----------
    n_draws : int
        Number of rows.
    n_observed : int
        Number of observed labels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    P : csr_array of shape (n_draws, n_observed)
        The weights; rows sum to 1.
    """
    sizes = np.floor(np.exp(rng.random(n_draws) * np.log(n_observed + 1.0))).astype(np.intp)
    sizes = np.clip(sizes, 1, n_observed)
    columns = [rng.choice(n_observed, size, replace=False) for size in sizes]
    weights = [np.full(size, 1.0 / size) if row % 2 else rng.dirichlet(np.ones(size)) for row, size in enumerate(sizes)]
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    return sparse.csr_array((np.concatenate(weights), np.concatenate(columns), pointers), (n_draws, n_observed))


def sampled_locus(metric, observed, allowed, power, strict, P):
    """Labels that minimize F for a row of P, by the fastest search of the metric that serves.

    Fast searches leave out labels that always tie with one before them, so they cannot tell an only minimizer.

    Parameters
    ----------
    metric : LabelMetric
        The label space.
    observed : ndarray of int of shape (n_observed,)
        Observed labels.
    allowed : ndarray of int of shape (n_allowed,)
        Labels that may be predicted, ascending.
    power : float
        Power of the distances.
    strict : bool
        Whether the label must be the only minimizer.
    P : csr_array of shape (n_draws, n_observed)
        Weights.

    Returns
    -------
    labels : ndarray of int
        Positions of the labels, ascending.
    """
    name = "rows" if strict else metric.search_names(power)[0]
    search = metric.searches[name](metric, observed, allowed, power)
    found = np.zeros(metric.n_labels_, dtype=bool)
    step = max(1, ENTRIES_AT_ONCE // max(observed.size, allowed.size))
    for start in range(0, P.shape[0], step):
        weights = P[start : start + step]
        pairs = search.candidates(weights)
        scores = direct_scores(weights, metric, observed, pairs, power)
        found[_tied_labels(pairs, scores, strict)] = True
    return np.flatnonzero(found)


def _tied_labels(pairs: Candidates, scores, strict):
    """Labels of the pairs within the tie tolerance of the least score of their row; if strict, untied ones."""
    starts = np.flatnonzero(np.diff(pairs.rows, prepend=-1))
    counts = np.diff(np.append(starts, scores.size))
    tied = scores <= np.repeat(np.minimum.reduceat(scores, starts) * (1.0 + TIE), counts)
    if strict:
        tied &= np.repeat(np.add.reduceat(tied.astype(np.intp), starts) == 1, counts)
    return pairs.labels[tied]
