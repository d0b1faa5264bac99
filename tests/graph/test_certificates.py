"""Certificates of the family: what they prove holds, what they test is checked by brute force, and lies are found."""

import json

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from statlearn.datasets import make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    NodeKernel,
    NodeKernelClassifier,
    SpectralGraph,
    _label_scores,
    list_node_kernels,
)
from statlearn.graph import _certificates as module
from statlearn.graph._certificates import definiteness, kernel_certificate, metric_check, ward_certificate
from statlearn.graph._engine import resolve

from . import reference
from .reference import karate, weighted_random

LISTED = {row["name"]: row for row in list_node_kernels()}
PROXIMITIES = [(name, log) for name, row in LISTED.items() for log in (False, True) if row["has_log"] or not log]
every_proximity = pytest.mark.parametrize(("name", "log"), PROXIMITIES)
GRAPHS = {
    "karate": karate(),
    "grid": reference.grid(4, 4),
    "barbell": reference.barbell(5, 3),
    "random": weighted_random(np.random.default_rng(3), 14),
}
every_graph = pytest.mark.parametrize("A", [pytest.param(A, id=name) for name, A in GRAPHS.items()])


def excess_of_triangles(D):
    """The largest of ``D_ij - D_ik - D_kj``, by three loops."""
    n = len(D)
    return max(D[i, j] - D[i, k] - D[k, j] for i in range(n) for j in range(n) for k in range(n))


@every_graph
@every_proximity
def test_definiteness_is_what_the_eigenvalues_say(name, log, A):
    """Proofs hold numerically; what was tested has the smallest eigenvalue of NumPy and the verdict that follows."""
    model = NodeKernel(name, log=log).fit(A)
    check, values = model.certificate_["positive semi-definite"], np.linalg.eigvalsh(model.kernel_)
    scale = np.abs(model.kernel_).max() * len(A)
    if LISTED[name]["psd"] and not log:
        assert (check.kind, check.holds) == ("proof", True)
        assert values[0] >= -1e-13 * scale
    else:
        assert check.kind == "numerical"
        assert check.statistic == pytest.approx(values[0], abs=1e-13 * scale)
        assert check.holds == (values[0] >= check.bound)
        if abs(values[0]) > 1e-6 * scale:
            assert check.holds == (values[0] > 0)
    assert bool(model.certificate_) == (check.holds is True)


def test_both_verdicts_occur():
    verdicts = {NodeKernel(*each[:1], log=each[1]).fit(karate()).certificate_.holds for each in PROXIMITIES}
    assert verdicts == {True, False}


@every_graph
@every_proximity
def test_metrics_are_what_the_triangles_say(name, log, A):
    """Theorems hold on every triangle; what was tried has the worst triangle of three plain loops."""
    model = NodeKernel(name, log=log, output="distance").fit(A)
    checks = {check.name: check for check in model.certificate_.checks}
    D = model.distance_
    if "square root is a metric" in checks:
        assert LISTED[name]["psd"] and not log
        assert checks["square root is a metric"].kind == "proof"
        assert excess_of_triangles(np.sqrt(np.maximum(D, 0.0))) <= 1e-7 * np.sqrt(D.max())
        return
    check = checks["metric"]
    excess = excess_of_triangles(D)
    if check.kind == "proof":
        assert LISTED[name]["log_metric" if log else "metric"] and check.holds
        assert excess <= 1e-12 * D.max()
    else:
        assert check.statistic == pytest.approx(excess, abs=1e-14 * np.abs(D).max())
        assert check.holds == (excess <= 1e-10 * np.abs(D).max())


def test_some_logarithms_are_no_metrics():
    for name in ("comm", "heat", "nheat"):
        model = NodeKernel(name, 1.0, scale="raw", log=True, output="distance").fit(reference.path(8))
        assert not model.certificate_["metric"].holds and not model.certificate_


def test_negative_distances_are_no_metric():
    """Of the sigmoid kernel; two nodes and the way there and back are a triangle too."""
    D = np.array([[0.0, -1.0], [-1.0, 0.0]])
    check = metric_check(D, resolve(SpectralGraph(reference.path(2)), "scct", 1.0, False, "raw"))
    assert not check.holds and check.statistic == 2.0


def test_many_nodes_are_not_tried_and_that_is_said(monkeypatch):
    monkeypatch.setattr(module, "MOST_TRIANGLES", 33)
    certificate = NodeKernel("rsp", output="distance").fit(karate()).certificate_
    assert certificate["metric"].holds is None and certificate.holds is None and not certificate
    assert "not tried" in certificate["metric"].detail


@pytest.mark.parametrize("size", [0.01, 1.0])
def test_a_kernel_that_was_tampered_with_is_found(size, rng):
    """The check looks at the matrix, not at the name of the measure, unless there is a theorem."""
    graph = SpectralGraph(karate())
    proximity = resolve(graph, "double_factorial", 0.1, False, "raw")
    made = proximity.kernel(graph)
    assert kernel_certificate(proximity, made, made.matrix)["positive semi-definite"].holds
    direction = rng.normal(size=34)
    direction /= np.linalg.norm(direction)
    lowest = np.linalg.eigvalsh(made.matrix)[0]
    bent = made.matrix - (np.linalg.norm(made.matrix, 2) + lowest) * (1 + size) * np.outer(direction, direction)
    certificate = kernel_certificate(proximity, made, bent)
    assert not certificate["positive semi-definite"].holds and not certificate
    assert certificate["positive semi-definite"].statistic == pytest.approx(np.linalg.eigvalsh(bent)[0], rel=1e-9)


def test_definiteness_of_large_kernels_by_lanczos(rng, monkeypatch):
    monkeypatch.setattr(module, "DENSE_EIGENVALUES", 10)
    F = rng.normal(size=(60, 60))
    K = F @ F.T
    assert definiteness(K, False).holds
    values = np.linalg.eigvalsh(K)
    shifted = definiteness(K - 2 * values[0] * np.eye(60), False)
    assert not shifted.holds and shifted.statistic == pytest.approx(-values[0], rel=1e-4)


@pytest.mark.parametrize("log", [True, False])
def test_the_error_of_a_logarithm_is_stated(log):
    certificate = NodeKernel("comm", 20.0, log=log, scale="raw", center=True).fit(karate()).certificate_
    check = next(check for check in certificate.checks if check.name in ("error of an entry", "route"))
    assert check.name == ("error of an entry" if log else "route")
    assert (0.0 < check.statistic < 1e-8 and check.holds) if log else check.kind == "reported"


# ---------------------------------------------------------------------------------------------------------- clusterings
def largest_decrease(K, labels):
    """Of the objective by moving one node, every move tried; clusters do not become empty."""

    def objective(labels):
        members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        return np.trace(K) - sum(K[np.ix_(nodes, nodes)].sum() / len(nodes) for nodes in members)

    decreases, before = [], objective(labels)
    for node, target in np.ndindex(len(labels), labels.max() + 1):
        if target != labels[node] and np.sum(labels == labels[node]) > 1:
            moved = labels.copy()
            moved[node] = target
            decreases.append(before - objective(moved))
    return max(decreases)


@pytest.mark.parametrize(("name", "log"), [("comm", False), ("comm", True), ("scct", False), ("katz", False)])
@pytest.mark.parametrize("refine", [True, False])
def test_single_moves_of_k_means_are_all_tried(name, log, refine):
    graph, _ = make_sbm([20, 20], [[0.3, 0.2], [0.2, 0.3]], random_state=1)
    model = GraphKernelKMeans(3, kernel=name, log=log, n_init=2, refine=refine, random_state=0).fit(graph)
    K = NodeKernel(name, log=log, center=True).fit_transform(graph)
    check = model.certificate_["best single move"]
    expected = largest_decrease(K, model.labels_)
    assert max(check.statistic, 0.0) == pytest.approx(max(expected, 0.0), abs=1e-9)
    assert check.holds is (True if refine else None)
    if refine:
        assert expected <= 1e-9


def test_a_search_that_was_cut_short_does_not_hold():
    graph, _ = make_sbm([60, 60], [[0.3, 0.2], [0.2, 0.3]], random_state=0)
    options = {"kernel": "katz", "n_init": 1, "random_state": 0}
    whole = GraphKernelKMeans(6, **options).fit(graph).certificate_
    with pytest.warns(ConvergenceWarning, match=r"did not converge in max_iter=1 iterations: increase max_iter"):
        cut = GraphKernelKMeans(6, **options, max_iter=1).fit(graph).certificate_
    assert whole["best single move"].holds and whole
    assert cut["best single move"].holds is False and not cut
    assert cut["best single move"].statistic > cut["best single move"].bound


def test_agreement_is_the_share_of_starts_at_the_best_objective():
    graph, _ = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    clear = GraphKernelKMeans(2, kernel="comm", log=True, n_init=12, random_state=0).fit(graph)
    assert clear.certificate_["starts that agree"].statistic == 1.0
    vague = GraphKernelKMeans(8, kernel="comm", log=True, n_init=12, random_state=0).fit(graph)
    share = vague.certificate_["starts that agree"].statistic
    assert 1 / 12 <= share < 1.0 and share * 12 == pytest.approx(round(share * 12))
    assert "optimum" not in vague.certificate_.claim


def test_geometry_of_clusterings():
    """Features prove squared distances; an indefinite kernel is reported and does not fail."""
    name = "squared distances are non-negative"
    plain = GraphKernelKMeans(2, kernel="heat", random_state=0).fit(karate()).certificate_[name]
    log = GraphKernelKMeans(2, kernel="comm", log=True, t=5.0, random_state=0).fit(karate())
    K = NodeKernel("comm", 5.0, log=True, center=True).fit_transform(karate())
    assert (plain.kind, plain.holds) == ("proof", True)
    assert np.linalg.eigvalsh(K)[0] < -1e-3
    assert log.certificate_[name].holds is None and log.certificate_


def test_ward_merges_add_up_and_their_smallest_is_shown():
    for name, log in [("heat", False), ("comm", True), ("scct", False)]:
        model = GraphKernelWard(3, kernel=name, log=log).fit(karate())
        assert model.certificate_["objective recomputed"].holds and model.certificate_
        assert not ward_certificate(
            resolve(SpectralGraph(karate()), name, None, log, "spectral"),
            [model.merges_],
            model.inertia_,
            1.01 * model.inertia_,
        )
        assert model.certificate_["smallest merge"].statistic == model.merges_[0, 2]
    assert model.certificate_["smallest merge"].statistic < 0.0  # the sigmoid kernel is indefinite


# ---------------------------------------------------------------------------------------------------------- classifiers
def test_classifiers_certify_their_linear_system():
    model = NodeKernelClassifier(karate(), kernel="heat").fit([[0], [33]], [0, 1])
    check = model.certificate_["linear system"]
    assert check.holds and 0.0 <= check.statistic < 1e-12 and model.certificate_
    assert "negative share of the spectrum" not in {check.name for check in model.certificate_.checks}  # by theorem


def test_a_linear_system_that_was_not_solved_is_owned_up_to(monkeypatch):
    monkeypatch.setattr(_label_scores, "CG_TOLERANCE", 1e-2)
    monkeypatch.setattr(_label_scores, "MOST_FACTORIZED", 0)
    model = NodeKernelClassifier(karate(), kernel="ppr", t=0.999, method="lgc").fit([[0], [33]], [0, 1])
    assert model.certificate_["linear system"].holds is False and not model.certificate_


def test_features_state_what_they_leave_out():
    graph, _ = make_sbm([40, 40], [[0.3, 0.1], [0.1, 0.3]], random_state=0)
    model = NodeKernel("heat", method="lanczos", n_components=6, random_state=0).fit(graph)
    check = model.certificate_["left out"]
    K = NodeKernel("heat").fit_transform(graph)
    F = model.features_
    assert np.linalg.norm(K - F @ F.T, 2) <= check.statistic * np.linalg.norm(K, 2) * (1 + 1e-9)


# ------------------------------------------------------------------------------------------------------------ all alike
def certificates():
    nodes = [[0], [33], [5], [30]]
    yield NodeKernel("comm", log=True).fit(karate()).certificate_
    yield NodeKernel("rsp", output="distance").fit(karate()).certificate_
    yield GraphKernelKMeans(2, random_state=0).fit(karate()).certificate_
    yield GraphKernelWard(2).fit(karate()).certificate_
    for method in ("ridge", "similarity", "svc"):
        yield NodeKernelClassifier(karate(), method=method).fit(nodes, [0, 1, 0, 1]).certificate_
    yield NodeKernelClassifier(karate(), kernel="ppr", method="lgc").fit(nodes, [0, 1, 0, 1]).certificate_


def test_certificates_print_serialize_and_name_their_measure():
    names = ["log communicability", "rsp", "sigmoid_cct", "sigmoid_cct", *["sigmoid_cct"] * 3, "ppr"]
    for certificate, name in zip(certificates(), names, strict=True):
        assert name in certificate.claim
        assert any("affinities" in text for text in certificate.assumptions)
        assert json.loads(json.dumps(certificate.to_dict())) == certificate.to_dict()
        assert "Assumed, not verified" in str(certificate)
