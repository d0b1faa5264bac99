"""Logarithms of kernels and their distances against high-precision arithmetic, in every entry."""

import numpy as np
import pytest

from statlearn.graph import SpectralGraph
from statlearn.graph._engine import resolve

from .reference import ORACLE_GRAPHS, oracle_cases

LOG_ERROR = 1e-12  # absolute, on logarithms down to -290
DISTANCE_ERROR = 1e-12  # relative to the largest distance, which is 1e-85 at the largest t
CASES = oracle_cases()
LOG_CASES = [key for key, case in CASES.items() if case.H is not None]
MEASURES = sorted({measure for measure, _, _ in CASES})


def solved(key):
    """A graph without memory of other cases, the proximity and the correct values of a case."""
    measure, graph_name, _ = key
    graph = SpectralGraph(ORACLE_GRAPHS[graph_name]())
    name, log = measure.removeprefix("log_"), measure.startswith("log_")
    return graph, resolve(graph, name, CASES[key].t, log, "raw"), CASES[key]


def label(key):
    return "-".join(map(str, key))


def test_the_oracle_covers_what_is_asked():
    assert len(CASES) > 200
    logs = {"katz", "communicability", "forest", "heat", "normalized_heat", "ppr", "modified_ppr", "heat_ppr"}
    assert {f"log_{name}" for name in logs} <= set(MEASURES)
    assert {"log_double_factorial", "log_absorption", "log_sigmoid_cct", "rsp", "fe"} <= set(MEASURES)


@pytest.mark.parametrize("key", LOG_CASES, ids=label)
def test_logarithm(key):
    graph, proximity, case = solved(key)
    made = proximity.kernel(graph)
    error = np.abs(made.matrix - case.H).max()
    assert error <= LOG_ERROR
    assert error <= made.error  # the estimate that picks the route is honest


@pytest.mark.parametrize("key", list(CASES), ids=label)
def test_distance(key):
    graph, proximity, case = solved(key)
    made = proximity.distance(graph)
    error = np.abs(made.matrix - case.D).max()
    assert error <= DISTANCE_ERROR * np.abs(case.D).max()
    if made.error is not None:
        assert error <= made.error


ACCURATE = [key for key in LOG_CASES if "accurate" in solved(key)[1].measure.routes]


@pytest.mark.parametrize("key", ACCURATE, ids=label)
def test_routes_without_subtractions(key):
    graph, proximity, case = solved(key)
    made = proximity.kernel(graph, method="accurate")
    assert np.abs(made.matrix - case.H).max() <= made.error


@pytest.mark.parametrize("key", LOG_CASES, ids=label)
def test_eigenvectors_refuse_or_are_right(key):
    graph, proximity, case = solved(key)
    if "eigh" not in proximity.measure.routes:
        pytest.skip("no route through eigenvectors")
    try:
        made = proximity.kernel(graph, method="eigh")
    except ValueError as error:
        assert "below the rounding of the eigenvectors" in str(error)
        return
    assert np.abs(made.matrix - case.H).max() <= max(made.error, LOG_ERROR)


def test_what_others_get_wrong():
    """The smallest distance of the karate club under log communicability: exp(20 A) agrees in all its digits there."""
    graph, proximity, case = solved(("log_communicability", "karate", 20.0))
    found = proximity.distance(graph).matrix[0, 33]
    assert found == pytest.approx(2.8061770721e-15, rel=1e-9)
    assert found == pytest.approx(case.D[0, 33], rel=1e-11)
