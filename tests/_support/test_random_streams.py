"""spawn_generators: reproducible, independent of n and of the workers."""

import numpy as np
import pytest

from statlearn._support.parallel import run_parallel
from statlearn._support.random_streams import spawn_generators


def draws(generators, size=3):
    return [generator.random(size).tolist() for generator in generators]


def test_an_int_gives_the_same_streams_again(seed):
    assert draws(spawn_generators(seed, 3)) == draws(spawn_generators(np.int64(seed), 3))
    assert draws(spawn_generators(seed, 3)) != draws(spawn_generators(seed + 1, 3))


def test_a_stream_does_not_depend_on_the_number_of_streams(seed):
    assert draws(spawn_generators(seed, 5))[:2] == draws(spawn_generators(seed, 2))
    assert spawn_generators(seed, 0) == []


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_is_advanced(make, seed):
    first, second = make(seed), make(seed)
    assert draws(spawn_generators(first, 2)) == draws(spawn_generators(second, 2))
    assert draws(spawn_generators(first, 2)) != draws(spawn_generators(make(seed), 2))


def test_none_follows_the_global_state(seed):
    state = np.random.get_state()  # noqa: NPY002 - the global state is what is tested
    try:
        np.random.seed(seed)  # noqa: NPY002
        first = draws(spawn_generators(None, 2))
        np.random.seed(seed)  # noqa: NPY002
        assert draws(spawn_generators(None, 2)) == first != draws(spawn_generators(None, 2))
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("random_state", ["0", 1.5])
def test_bad_random_state(random_state):
    with pytest.raises(ValueError, match="random_state must be None, an int, a RandomState or a Generator"):
        spawn_generators(random_state, 2)


def test_streams_are_not_correlated(seed):
    table = np.array(draws(spawn_generators(seed, 20), size=2000))
    correlations = np.corrcoef(table)[np.triu_indices(20, 1)]
    assert abs(correlations).max() < 0.12  # 190 correlations of 2000 pairs: more than 5 standard errors of 0.022


def test_workers_do_not_matter(seed):
    def first_draws(generator):
        return generator.random(3).tolist()

    tasks = [[(generator,) for generator in spawn_generators(seed, 6)] for _ in range(2)]
    assert run_parallel(first_draws, tasks[0], n_jobs=1) == run_parallel(first_draws, tasks[1], n_jobs=2)
