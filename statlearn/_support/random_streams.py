"""Independent random streams, one per task, that do not depend on who runs the task."""

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["spawn_generators"]

ENTROPY_WORDS = 4  # 128 bits, the size of a SeedSequence pool


def spawn_generators(random_state, n):
    """Make one independent generator per task.

    Give task ``i`` the generator ``i`` before the tasks are dispatched: the numbers a task sees then do not depend on
    the number of workers, nor on the order in which tasks run. Generator ``i`` does not depend on ``n`` either.

    Parameters
    ----------
    random_state : None, int, RandomState or Generator
        None draws from NumPy's global state, as in scikit-learn, so that `numpy.random.seed` is honored. An int gives
        the same streams at every call. A RandomState or Generator is advanced, so that a second call differs.
    n : int
        Number of generators.

    Returns
    -------
    generators : list of numpy.random.Generator
        ``n`` generators with independent streams.

    Raises
    ------
    ValueError
        If ``random_state`` cannot seed a generator.

    Examples
    --------
    >>> from statlearn._support.random_streams import spawn_generators
    >>> first, second = spawn_generators(0, 2)
    >>> bool(first.random() == second.random())
    False
    """
    if isinstance(random_state, np.random.Generator):
        return random_state.spawn(n)
    return [np.random.default_rng(child) for child in _seed_sequence(random_state).spawn(n)]


def _seed_sequence(random_state):
    try:
        legacy = check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            f"random_state must be None, an int, a RandomState or a Generator. Got {random_state!r}."
        ) from error
    if isinstance(random_state, (int, np.integer)):
        return np.random.SeedSequence(int(random_state))
    return np.random.SeedSequence(legacy.randint(0, 2**32, size=ENTROPY_WORDS, dtype=np.uint32).tolist())
