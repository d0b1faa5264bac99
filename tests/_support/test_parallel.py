"""run_parallel: order, errors, and scikit-learn's configuration in the workers."""

import os

import joblib
import pytest
import sklearn

from statlearn._support.parallel import run_parallel


def read_configuration(name):
    return sklearn.get_config()[name]


def square(value):
    return value * value


def process_id():
    return os.getpid()


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_results_keep_their_order(n_jobs):
    assert run_parallel(square, ((i,) for i in range(20)), n_jobs=n_jobs) == [i * i for i in range(20)]
    assert run_parallel(square, [], n_jobs=n_jobs) == []


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_configuration_travels(prefer):
    name = "enable_metadata_routing"
    with sklearn.config_context(**{name: True}):
        assert run_parallel(read_configuration, [(name,)] * 4, n_jobs=2, prefer=prefer) == [True] * 4
    assert run_parallel(read_configuration, [(name,)] * 4, n_jobs=2, prefer=prefer) == [False] * 4


def test_backend_of_the_user_wins():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert run_parallel(square, [(2,), (3,)]) == [4, 9]


def test_errors_arrive():
    with pytest.raises(TypeError):
        run_parallel(square, [(1,), (None,)], n_jobs=2)


def test_a_cluster_engine_takes_the_work():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert run_parallel(square, [(i,) for i in range(6)]) == [i * i for i in range(6)]
        processes = set(run_parallel(process_id, [()] * 6))
    assert os.getpid() not in processes
