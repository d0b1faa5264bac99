"""The upper bound: descents from several starts, of which the promising ones are followed to the end."""

from copy import copy
from functools import partial
from typing import NamedTuple

from .._support.parallel import run_parallel
from ._conditional_gradient import Descent
from ._linear_transport import AssignmentProblem, TransportProblem, transport_problem
from ._objective import Objective

__all__ = ["Found", "search"]

EXPLORATION = 3  # steps of each start before the best are chosen
FOLLOWED = {AssignmentProblem: 1, TransportProblem: 3}  # starts, in large problems; exchanges make up for few
SMALL = 10_000  # entries of a plan: up to here every start is followed, and a pool of threads costs more than it saves


class Found(NamedTuple):
    """The best descent, the name of its start, and the number of linear problems that were solved from all starts."""

    descent: Descent
    start_name: str
    n_iter: int


def search(network1, network2, starts, bounds, *, target, max_iter, tol, thorough=False, n_jobs=None):
    """Explore from every start and follow the best to convergence, or all of them in small and ``thorough`` searches.

    The first start is explored on its own: it leaves the potentials from which the linear problems of the others
    begin, and nothing else is tried if it reaches ``target``, a value known to be the least.
    """
    objective = Objective(network1, network2)
    close = target + objective.rounding
    small = objective.size <= SMALL
    parallel = partial(run_parallel, n_jobs=1 if small else n_jobs)

    def explore(start, problem):
        coupling = start.make(network1, network2, bounds)
        return Descent(objective, problem, coupling).explore(min(max_iter, EXPLORATION))

    def follow(descent):
        return descent.run(max_iter, tol).kick(target, max_iter, tol)

    # Workers of other processes return changed copies, so what counts is what a task returns.
    problem = transport_problem(network1, network2)
    descents = [explore(starts[0], problem)]
    if descents[0].value > close:
        descents += parallel(explore, [(start, copy_of(problem)) for start in starts[1:]])
    n_followed = len(descents) if small or thorough else FOLLOWED[type(problem)]
    ranking = sorted(range(len(descents)), key=lambda i: descents[i].value)[:n_followed]
    followed = parallel(follow, [(descents[i],) for i in ranking])
    best = min(range(len(followed)), key=lambda i: followed[i].value)
    n_iter = sum(descents[i].n_iter for i in set(range(len(descents))) - set(ranking))
    n_iter += sum(descent.n_iter for descent in followed)
    return Found(followed[best], starts[ranking[best]].name, n_iter)


def copy_of(problem):
    """A linear problem with potentials of its own."""
    duplicate = copy(problem)
    if problem.potentials is not None:
        duplicate.potentials = problem.potentials.copy()
    return duplicate
