"""How pairs are spread over tasks: in other processes the results are the same, and tasks take little with them."""

import pickle

import joblib
import numpy as np
import pytest

from statlearn.gromov import GromovWassersteinDistance, _pairwise
from statlearn.gromov._collections import NetworkCollection, check_networks
from statlearn.gromov._pairwise import METHODS, product_values

from .oracles import asymmetric, objective, random_weights, symmetric

FEATURE_METHODS = [name for name, method in METHODS.items() if method.features]


@pytest.mark.parametrize("method", ["upper", "lower", "spectral"])
def test_processes_give_the_same_result(rng, method):
    X = [((symmetric, asymmetric)[n % 2](rng, n), random_weights(rng, n)) for n in range(2, 8)]
    model = GromovWassersteinDistance(method, "precomputed", n_random=1, random_state=0)
    serial, new = model.fit_transform(X), model.transform(X[::-1])
    with joblib.parallel_config(backend="loky", n_jobs=2):
        np.testing.assert_array_equal(model.fit_transform(X), serial)
        np.testing.assert_array_equal(model.transform(X[::-1]), new)


@pytest.fixture
def sent(monkeypatch):
    """The tasks that are run."""
    tasks_sent, parallel = [], _pairwise.run_parallel

    def counted(function, tasks, n_jobs):
        tasks_sent.extend(tasks)
        return parallel(function, tasks, n_jobs)

    monkeypatch.setattr(_pairwise, "run_parallel", counted)
    return tasks_sent


def test_tasks_with_networks_are_few_and_take_nothing_that_was_computed(rng, sent):
    networks = check_networks([rng.normal(size=(4, 2)) for _ in range(150)], "sqeuclidean")
    collection = NetworkCollection(networks)
    size = len(pickle.dumps(collection))
    for _ in range(2):
        _pairwise.pairwise_values(METHODS["tlb"], collection, None)
    sizes = [len(pickle.dumps(task)) for task in sent]
    assert len(sizes) == 2 * 50
    assert sizes[:50] == sizes[50:]
    assert max(sizes) < 1.1 * size
    assert np.mean(sizes) < 0.6 * size


@pytest.mark.parametrize("method", FEATURE_METHODS)
def test_tasks_with_features_take_no_networks(rng, sent, method):
    collection = NetworkCollection(check_networks([rng.normal(size=(2, 2)) for _ in range(150)], "euclidean"))
    _pairwise.pairwise_values(METHODS[method], collection, None)
    assert len(sent) == 2
    assert not any(b"Network" in pickle.dumps(task) for task in sent)


def test_product_values_are_those_of_product_couplings(rng):
    X = [(make(rng, n), random_weights(rng, n)) for make, n in ((symmetric, 4), (asymmetric, 3), (symmetric, 1))]
    collection = NetworkCollection(check_networks(X, "precomputed"))
    expected = [[objective(C1, C2, np.outer(p, q)) for C2, q in X] for C1, p in X]
    np.testing.assert_allclose(product_values(collection, collection), expected, rtol=1e-12)
