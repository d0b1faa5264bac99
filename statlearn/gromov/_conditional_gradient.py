"""Conditional gradient on the Gromov-Wasserstein objective, with a swap search where its optima are permutations.

A step goes to the coupling ``S`` that maximizes ``<G(T), S>``, with ``G`` of `_objective`, as far as an exact line
search says. ``G(T)`` is updated along with ``T``, so that an iteration costs one product (two for asymmetric costs) and
one linear transport problem (Vayer et al., 2019, algorithms 1 and 2).
"""

import numpy as np

from ._linear_transport import AssignmentProblem, Coupling
from ._objective import ROUNDING
from ._swaps import kicked_swaps, kicks, swap_search

__all__ = ["Descent"]

GAP_PER_TOL = 1e3  # so that the default tolerance leaves gaps of at most 1e-6 of the scale of the objective


class Atom:
    """One of the couplings that the current one is a mixture of.

    Parameters
    ----------
    coupling : Coupling or ndarray
        The coupling; an array if it is not a vertex.
    image : ndarray
        ``G(coupling)``.
    """

    def __init__(self, coupling, image):
        self.coupling = coupling
        self.image = image
        self.inner = coupling.inner(image)
        self.weight = 1.0


class Descent:
    """One run of pairwise conditional gradient that can be stopped and continued.

    The current coupling is a mixture of atoms. A step moves mass from the worst atom to the best vertex. At a vertex
    that is the classical step; inside, where classical steps zigzag between a few vertices, it converges fast
    (Lacoste-Julien and Jaggi, 2015).

    Parameters
    ----------
    objective : Objective
        The objective.
    problem : AssignmentProblem or TransportProblem
        The solver of the linear problems.
    coupling : Coupling or ProductCoupling
        The start.

    Attributes
    ----------
    inner : float
        ``<G(T), T>`` at the current coupling; the objective is the constant minus this.
    n_iter : int
        Number of linear problems solved.
    converged : bool
        Whether steps no longer decrease the objective by more than the tolerance.
    """

    def __init__(self, objective, problem, coupling):
        self.objective = objective
        self.problem = problem
        self._start_at(coupling, objective.image(coupling))
        self.n_iter = 0
        self.converged = False

    def _start_at(self, coupling, image):
        """Make a coupling the only atom."""
        self._restart(Atom(coupling, image))

    def _restart(self, atom):
        """Go to an atom with all the mass."""
        self.atoms = [atom]
        self.image = atom.image
        self.inner = atom.inner

    @property
    def value(self):
        """The objective at the current coupling."""
        return self.objective.constant - self.inner

    @property
    def gap(self):
        """``<grad f(T), T - S>`` for the best vertex ``S``: zero at a stationary coupling."""
        return 2.0 * max(self.problem.solve(-self.image).inner(self.image) - self.inner, 0.0)

    def plan(self):
        """The current coupling as an array."""
        return sum(atom.weight * atom.coupling.dense() for atom in self.atoms)

    def explore(self, n_steps):
        """Take steps towards good vertices, which need not be the best: far from the end they serve as well."""
        for _ in range(n_steps):
            if not self._step(0.0, np.inf, exact=False):
                break
        return self

    def run(self, max_iter, tol):
        """Descend until convergence or until ``max_iter`` steps have been taken in all."""
        exact = False
        gap = max(GAP_PER_TOL * tol, ROUNDING) * self.objective.constant
        while not self.converged and self.n_iter < max_iter:
            least = max(tol * self.value, self.objective.rounding)
            if not self._step(least, gap, exact):
                self.converged = exact and not self._swap(least)
                exact = True
        self.converged = self.converged or self.gap <= gap
        return self

    def _step(self, least, gap, exact):
        """Move mass from the worst atom to the best vertex as long as the objective decreases.

        Returns whether it did: not if the decrease would be at most ``least`` and the gap is at most ``gap`` already.
        """
        self.n_iter += 1
        target = self.problem.solve(-self.image, exact)
        inner = target.inner(self.image)
        best = Atom(target, self.objective.image(target))
        inners = [atom.coupling.inner(self.image) for atom in self.atoms]
        worst = self.atoms[int(np.argmin(inners))]
        slope = inner - min(inners)
        # With D = target - worst, f(T + t D) = f(T) - 2 t slope - t^2 curvature: a flat direction may still descend.
        curvature = best.inner + worst.inner - 2.0 * worst.coupling.inner(best.image)
        step = worst.weight
        if curvature < 0.0:
            step = min(step, max(slope, 0.0) / -curvature)
        decrease = 2.0 * step * slope + step * step * curvature
        stationary = 2.0 * (inner - self.inner) <= gap
        if decrease <= 0.0 or (decrease <= least and stationary):
            return False
        self._shift(worst, best, step, decrease)
        return True

    def _shift(self, worst, best, step, decrease):
        """Move mass ``step`` from one atom to a new one."""
        if step == worst.weight == 1.0:
            self._restart(best)
            return
        best.weight = step
        worst.weight -= step
        change = best.image - worst.image
        change *= step
        change += self.image
        self.image = change
        self.inner += decrease
        if worst.weight <= 0.0:
            self.atoms.remove(worst)
        for atom in self.atoms:
            if atom.coupling == best.coupling:
                atom.weight += step
                return
        self.atoms.append(best)

    def _swap(self, least):
        """Exchange the targets of two nodes while that gains more than ``least``; returns whether it ever did."""
        vertex = self.atoms[0].coupling
        if len(self.atoms) > 1 or not vertex.is_permutation:
            return False
        permutation, image = vertex.columns.copy(), self.image.copy()
        if swap_search(self.objective.C1, self.objective.C2, permutation, image, least) == 0.0:
            return False
        self._start_at(Coupling.from_permutation(permutation), image)
        return True

    def kick(self, target, max_iter, tol):
        """Try to leave a local optimum among permutations: disturb it, descend by swaps, keep what is better.

        Starts from the permutation nearest to the coupling, and may take ``max_iter`` more steps from what it finds.
        Does nothing before convergence, where couplings are no permutations, or where ``target`` is reached.
        """
        least = max(tol * self.value, self.objective.rounding)
        if not self.converged or self.value <= target + least or not isinstance(self.problem, AssignmentProblem):
            return self
        objective = self.objective
        rounded = AssignmentProblem(self.problem.order1, self.problem.order2).solve(-self.plan())
        permutation, image = rounded.columns.copy(), objective.image(rounded)
        kicked_swaps(objective.C1, objective.C2, permutation, image, *kicks(permutation.size), least)
        vertex = Coupling.from_permutation(permutation)
        if vertex.inner(image) <= self.inner + least:
            return self
        self._start_at(vertex, image)
        self.converged = False
        return self.run(self.n_iter + max_iter, tol)
