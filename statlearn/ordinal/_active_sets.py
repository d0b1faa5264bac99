r"""The primal-dual active set method for quadratic models.

It guesses which coordinates are zero and which slacks press, solves the linear system of that guess, and reads the next
guess off the solution. A neighboring problem's solution is a good first guess, and a handful of systems then gives the
exact minimizer. The guesses may cycle, or their systems be singular; then there is no answer here.

References
----------
M. Hintermüller, K. Ito and K. Kunisch. The primal-dual active set strategy as a semismooth Newton method. SIAM Journal
on Optimization 13(3), 2003. J. J. Júdice and F. M. Pires. A block principal pivoting algorithm for large-scale strictly
monotone linear complementarity problems. Computers and Operations Research 21(5), 1994.
"""

import numpy as np

from ._quadratic_model import solve_positive_definite

__all__ = ["exchange_active_sets"]

MAX_ROUNDS = 100
MAX_GUESSES = 30
PATIENCE = 3  # guesses that are wrong in no fewer places than the best one, before exchanges go one by one
MAX_REFINEMENTS = 5
COMPLIANCE = 1e-6  # over the inverse curvature of the model


def exchange_active_sets(model, tol, slacks, multipliers):
    """The minimizer of the model and the multipliers of the slacks there; ``None`` when no guess was right.

    Slacks that press give way by ``compliance`` per unit of change of their multipliers. So small, one or two rounds
    bring them to zero, and yet it tells the multipliers of dependent slacks apart.
    """
    compliance = COMPLIANCE / slacks.unit(model) if multipliers.size else 0.0
    start, faces = model.start, _Faces(model, slacks)
    for _ in range(MAX_ROUNDS):
        found = _active_sets(faces, start, multipliers, compliance, tol)
        if found is None:
            return None
        start, pressure = found
        given_way = compliance * np.abs(pressure - multipliers)[pressure > 0.0]
        multipliers = pressure
        if given_way.max(initial=0.0) <= -0.5 * slacks.lowest:
            return (start, multipliers) if slacks.at(start).min(initial=0.0) >= slacks.lowest else None
    return None


def _active_sets(faces, start, multipliers, compliance, tol):
    """The primal-dual active set method; ``None`` when no guess was right or a system was singular.

    All that is wrong with a guess is exchanged at once, as long as less and less is wrong; when it is not, one by one,
    the last first, until it is again: the rule of block principal pivoting.
    """
    model, slacks = faces.model, faces.slacks
    free = (model.lasso + model.ridge == 0.0) & ~slacks.bent
    signs, pressing = np.sign(start), multipliers > 0.0
    fewest, patience = np.inf, PATIENCE
    for _ in range(MAX_GUESSES):
        support = np.flatnonzero(free | (signs != 0.0))
        solved = faces.solve(support, signs, pressing, multipliers, compliance)
        if solved is None:
            return None
        theta, pressure = solved
        slope, extra = model.slope(theta) - pressure @ slacks.rows, slacks.extra_lasso(pressure)
        outside = np.abs(slope) > model.lasso + extra + tol
        wrong_signs = np.where(signs == 0.0, outside & ~free, (signs * theta < 0.0) & (model.lasso + extra > 0.0))
        crossed = slacks.at(theta) < compliance * multipliers + slacks.lowest
        wrong_slacks = np.where(pressing, pressure < 0.0, crossed)
        n_wrong = np.count_nonzero(wrong_signs) + np.count_nonzero(wrong_slacks)
        if n_wrong == 0:
            return (theta, pressure) if model.violation(theta, slope, extra) <= tol else None
        fewest, patience = (n_wrong, PATIENCE) if n_wrong < fewest else (fewest, patience - 1)
        if patience < 0:
            if multipliers.size == 0:
                return None  # without slacks descent is as quick
            _keep_last(wrong_signs, wrong_slacks)
        signs = np.where(wrong_signs, np.where(signs == 0.0, -np.sign(slope), 0.0), signs)
        pressing = pressing ^ wrong_slacks
    return None


def _keep_last(first, second):
    """Leave True only the last True entry of the two arrays in a row."""
    if second.any():
        first[:] = False
        second[: np.flatnonzero(second)[-1]] = False
    else:
        first[: np.flatnonzero(first)[-1]] = False


class _Faces:
    """Minimizers of a model with the signs of a support and the pressing slacks held.

    The last face is kept: the next round of multipliers begins with it, and all it needs is in the responses.
    """

    def __init__(self, model, slacks):
        self.model, self.slacks = model, slacks
        self.held = self.known = None

    def solve(self, support, signs, pressing, multipliers, compliance):
        """Minimizer and multipliers; ``None`` if a system is singular."""
        if support.size == 0:
            return None if pressing.any() else (np.zeros(self.model.start.size), np.zeros(pressing.size))
        held = support.tobytes(), signs[support].tobytes(), pressing.tobytes()
        if held != self.held:
            self.held, self.known = held, self._responses(support, signs[support], pressing)
        if self.known is None:
            return None
        reached, responses, normals = self.known
        pressure = np.zeros(pressing.size)
        if normals.size:
            system = normals @ responses
            system.flat[:: len(system) + 1] += compliance
            excess = self.slacks.floor - normals @ reached + compliance * multipliers[pressing]
            held_back = _refined_solution(system, excess, -self.slacks.lowest)
            if held_back is None:
                return None
            pressure[pressing] = held_back
            reached = reached + responses @ held_back
        theta = np.zeros(self.model.start.size)
        theta[support] = reached
        return theta, pressure

    def _responses(self, support, signs, pressing):
        """The minimizer without slacks, its response to unit multipliers, and the normals of the pressing slacks."""
        model = self.model
        system = model.hessian[np.ix_(support, support)]
        system.flat[:: support.size + 1] += model.ridge[support]
        start = model.start[support]
        pull = model.lasso[support] * signs + model.gradient[support] + model.ridge[support] * start
        away = model.start.copy()
        away[support] = 0.0  # start coordinates that the face sets to zero
        if away.any():
            pull -= model.hessian[support] @ away
        normals = self.slacks.normals(signs, pressing, support)
        solution = solve_positive_definite(system, np.vstack([-pull, normals]).T)
        return None if solution is None else (start + solution[:, 0], solution[:, 1:], normals)


def _refined_solution(system, right_side, tol):
    """Solution of a positive definite system to ``tol``, refined where jitter was needed; ``None`` if that fails."""
    solution, residual = np.zeros(right_side.size), right_side
    for _ in range(MAX_REFINEMENTS):
        correction = solve_positive_definite(system, residual)
        if correction is None:
            return None
        solution = solution + correction
        residual = right_side - system @ solution
        if np.abs(residual).max() <= 0.5 * tol:
            return solution
    return None
