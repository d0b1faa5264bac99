"""The Gromov-Wasserstein family against its peers: same pairs, one thread, all values objectives of couplings.

Run with ``python -m pytest benchmarks -k bench_gromov --benchmark-only``.
"""

import itertools
from functools import cache, partial

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.fresh_process import run_fresh
from benchmarks.gromov_fresh import first_call, large_sort
from benchmarks.gromov_peers import (
    CLOUD_PEERS,
    GRAPH_PEERS,
    SQUARED_CLOUD_PEERS,
    Problem,
    make_feasible,
    objective,
    plain_sorted,
    pot_values,
    read_mutag,
)
from benchmarks.side_by_side import Comparison, time_call
from statlearn.datasets import make_graph_families
from statlearn.gromov import (
    GromovNeighbors,
    GromovSignature,
    GromovWassersteinDistance,
    SquaredEuclideanCost,
    graph_cost,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)

N_NODES = 200
KINDS = ("sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral")
INTERVAL = "interval"  # told by its upper end
POT = "POT gromov_wasserstein"
SAME = 1e-6  # relative difference of two values of the same optimum
FOLDS = StratifiedKFold(10, shuffle=True, random_state=0)
PENALTIES = {"svc__C": [1.0, 10.0, 100.0]}


def timed(function):
    """What a function returns, and its processor seconds."""
    kept = []
    seconds = time_call(lambda: kept.append(function()))
    return kept[0], seconds


@pytest.fixture
def line(report):
    """Function that reports seconds of ours and a peer, one entry per pair or round; a missed target is said."""

    def keep(task, peer_name, ours, theirs, *, target=None, **fields):
        comparison = Comparison(task, peer_name, tuple(ours), tuple(theirs))
        verdict = {} if target is None else {"wanted": f"{target:g}x", "met": comparison.ratio >= target}
        report(task, comparison.ours_seconds, comparison, **fields, **verdict)

    return keep


# --- large clouds ----------------------------------------------------------------------------------------------------


def clouds(n_points, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_points, 3)), rng.normal(size=(n_points, 2))


def sorted_bound(X, Y):
    return sorted_gromov_wasserstein(SquaredEuclideanCost(X), SquaredEuclideanCost(Y))


def test_sorted_bound_of_a_hundred_thousand_points(within):
    X, Y = clouds(100_000)
    within("two clouds of 100000 points, sorted bound", lambda: sorted_bound(X, Y), 0.1)


def test_sorted_bound_of_a_million_points(benchmark, report):
    figures = benchmark.pedantic(lambda: run_fresh(large_sort), rounds=1)
    added = figures["peak_gib"] - figures["peak_before_gib"]
    report(
        "two clouds of 1000000 points, sorted bound",
        figures["seconds"],
        wanted="1.5 s",
        met=figures["seconds"] <= 1.5,
        note=f"peak memory {figures['peak_gib']:.2f} GiB, of which {added:.2f} by the bound",
    )


def test_sorted_bound_against_dense_matrices(versus):
    X, Y = clouds(4000)
    np.testing.assert_allclose(sorted_bound(X, Y), plain_sorted(X, Y), rtol=1e-10)
    versus(
        "two clouds of 4000 points, sorted bound",
        lambda: sorted_bound(X, Y),
        lambda: plain_sorted(X, Y),
        peer_name="the same from dense matrices",
        rounds=3,
    )


def test_bounds_of_a_thousand_points_against_pot(benchmark, line):
    """The largest size at which POT takes no minutes; it is called once."""
    X, Y = clouds(1000)
    problem = Problem(cdist(X, X, "sqeuclidean"), cdist(Y, Y, "sqeuclidean"), X, Y)
    plan, pot_seconds = timed(lambda: CLOUD_PEERS[POT].solve(problem))
    value = objective(problem.C1, problem.C2, plan)
    ours = {
        "lower bound sorted": lambda: sorted_bound(X, Y),
        "lower bound spectral": lambda: gromov_wasserstein_lower_bound(problem.C1, problem.C2, kind="spectral"),
        "lower bound tlb": lambda: gromov_wasserstein_lower_bound(problem.C1, problem.C2, kind="tlb"),
        INTERVAL: lambda: gromov_wasserstein_bounds(problem.C1, problem.C2).upper,
    }
    benchmark.pedantic(ours["lower bound sorted"], rounds=3)
    for name, function in ours.items():
        function()
        found, seconds = timed(function)
        assert name == INTERVAL or found <= value * (1.0 + SAME)
        note = f"{found / value:.3f} of POT's value; peer called once"
        line(f"two clouds of 1000 points, {name}", POT, [seconds], [pot_seconds], note=note, distribution="POT")


# --- one pair at a time ----------------------------------------------------------------------------------------------


def graph_problems(kind):
    graphs, _ = make_graph_families(N_NODES, 1, random_state=0)
    costs = [graph_cost(graph, kind) for graph in graphs]
    matrices = [graph.toarray() for graph in graphs]
    pairs = itertools.combinations(range(len(graphs)), 2)
    return [Problem(costs[i], costs[k], matrices[i], matrices[k]) for i, k in pairs]


def cloud_problems(metric):
    pairs = [clouds(N_NODES, seed) for seed in range(8)]
    return [Problem(cdist(X, X, metric), cdist(Y, Y, metric), X, Y) for X, Y in pairs]


SETTINGS = {  # name: pairs, peers, and of how many pairs one goes to the peers that take seconds
    "graphs, hop": (partial(graph_problems, "hop"), GRAPH_PEERS, 7),
    "graphs, adjacency": (partial(graph_problems, "adjacency"), GRAPH_PEERS, 7),
    "clouds, euclidean": (partial(cloud_problems, "euclidean"), CLOUD_PEERS, 4),
    "clouds, sqeuclidean": (partial(cloud_problems, "sqeuclidean"), SQUARED_CLOUD_PEERS, 4),
}


@cache
def problems_of(setting):
    """The pairs of a setting."""
    return SETTINGS[setting][0]()


def interval(problem):
    return gromov_wasserstein_bounds(problem.C1, problem.C2)


def peer_value(problem, plan):
    return objective(problem.C1, problem.C2, make_feasible(plan, problem.p, problem.p))


@pytest.mark.parametrize(
    ("setting", "peer_name"), [(setting, name) for setting, (_, peers, _) in SETTINGS.items() for name in peers]
)
@pytest.mark.filterwarnings("ignore")  # jaxopt is not maintained, entropic solvers stop early: that is for the figures
def test_interval_against(setting, peer_name, benchmark, line):
    """Whose coupling is better, and what it takes: every pair once, after a first call of both that may compile."""
    _, peers, step = SETTINGS[setting]
    peer = peers[peer_name]
    pytest.importorskip(peer.module)
    problems = problems_of(setting)[:: step if peer.slow else 1]
    interval(problems[0]), peer.solve(problems[0])
    solved = [(timed(partial(interval, problem)), timed(partial(peer.solve, problem))) for problem in problems]
    benchmark.pedantic(interval, problems[:1], rounds=1)
    upper = np.array([result.upper for (result, _), _ in solved])
    values = np.array([peer_value(problem, plan) for problem, (_, (plan, _)) in zip(problems, solved, strict=True)])
    assert all(result.lower <= value * (1.0 + SAME) for ((result, _), _), value in zip(solved, values, strict=True))
    better, worse = int(np.sum(upper < values * (1.0 - SAME))), int(np.sum(upper > values * (1.0 + SAME)))
    line(
        f"n={N_NODES}, {len(values)} pairs of {setting}, per pair",
        peer_name,
        [seconds for (_, seconds), _ in solved],
        [seconds for _, (_, seconds) in solved],
        distribution=peer.distribution,
        target=1 if peer_name == POT else None,
        note=f"peer's value over ours {np.median(values / upper):.3f}; "
        f"ours lower {better}, equal {len(values) - better - worse}, higher {worse}",
    )


@pytest.mark.parametrize("setting", SETTINGS)
def test_lower_bounds(setting, benchmark, report):
    """What each costs, and how much of the upper end it is, in the median."""
    problems = problems_of(setting)
    interval(problems[0])
    results, seconds = zip(*(timed(partial(interval, problem)) for problem in problems), strict=True)
    upper = np.array([result.upper for result in results])
    benchmark.pedantic(interval, problems[:1], rounds=1)

    def share(values):
        return np.median(np.array(values) / upper)

    notes = []
    for kind in KINDS:
        bounds = [partial(gromov_wasserstein_lower_bound, p.C1, p.C2, kind=kind) for p in problems]
        values, spent = zip(*map(timed, bounds), strict=True)
        notes.append(f"{kind} {share(values):.3f} in {1e3 * np.median(spent):.2g} ms")
    report(
        f"n={N_NODES}, {len(problems)} pairs of {setting}, lower end of the interval, per pair",
        float(np.median(seconds)),
        note=f"{share([result.lower for result in results]):.3f} of the upper end; {', '.join(notes)}",
    )


# --- collections -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mutag():
    pytest.importorskip("grakel")
    return read_mutag()


@pytest.fixture(scope="module")
def pot_matrix(mutag):
    """POT's value of every pair, and the seconds it took: called once."""
    return timed(lambda: pot_values([graph_cost(graph, "hop") for graph in mutag[0]]))


def neighbor_accuracy(distances, y):
    return cross_val_score(KNeighborsClassifier(5, metric="precomputed"), distances, y, cv=FOLDS).mean()


def kernel_accuracy(kernel, y):
    return cross_val_score(SVC(C=10.0, kernel="precomputed"), kernel, y, cv=FOLDS).mean()


def accuracies(distances, y):
    """Five nearest neighbors, and a support vector machine on an exponential kernel."""
    kernel = np.exp(-distances / np.median(distances[distances > 0.0]))
    return f"accuracy {neighbor_accuracy(distances, y):.3f} (5-NN), {kernel_accuracy(kernel, y):.3f} (SVM)"


def signature_distances(graphs, kind):
    signatures = GromovSignature(kind=kind).fit_transform(graphs)
    return cdist(signatures, signatures, "sqeuclidean")


@pytest.mark.parametrize("kind", ["hoeffding", "slb", "both"])
def test_signatures_of_mutag_against_pot(mutag, pot_matrix, kind, benchmark, line):
    graphs, y = mutag
    values, pot_seconds = pot_matrix
    ours = partial(signature_distances, graphs, kind)
    bounds = ours()
    assert (bounds <= values * (1.0 + SAME) + 1e-9).all()
    seconds = [time_call(ours) for _ in range(3)]
    benchmark.pedantic(ours, rounds=3)
    note = f"ours {accuracies(bounds, y)}; POT {accuracies(values, y)}; peer called once"
    task = f"MUTAG, all pairs by signatures ({kind})"
    line(task, POT, seconds, [pot_seconds] * 3, note=note, target=100, distribution="POT")


@pytest.mark.parametrize("method", ["sorted", "slb", "spectral", "tlb", "upper"])
def test_distances_of_mutag_against_pot(mutag, pot_matrix, method, benchmark, line):
    graphs, y = mutag
    values, pot_seconds = pot_matrix
    ours = partial(GromovWassersteinDistance(method).fit_transform, graphs)
    ours()
    distances, seconds = timed(ours)
    benchmark.pedantic(ours, rounds=1)
    note = f"ours {accuracies(distances, y)}; POT {accuracies(values, y)}; peer called once"
    if method == "upper":
        above = np.triu(distances > values * (1.0 + SAME) + 1e-9, k=1).sum()
        below = np.triu(distances < values * (1.0 - SAME) - 1e-9, k=1).sum()
        note = f"ours lower on {below} pairs, higher on {above} of {len(y) * (len(y) - 1) // 2}; {note}"
    else:
        assert (distances <= values * (1.0 + SAME) + 1e-9).all()
    task = f"MUTAG, all pairs, method {method}"
    line(task, POT, [seconds], [pot_seconds], note=note, distribution="POT")


@pytest.mark.parametrize("kernel_name", ["ShortestPath", "WeisfeilerLehman"])
def test_signatures_of_mutag_against_kernels_of_grakel(mutag, kernel_name, benchmark, line):
    """Kernels on the same graphs without labels of nodes; each side brings its matrix, then an SVM decides."""
    grakel = pytest.importorskip("grakel")
    graphs, y = mutag
    peers = {
        "ShortestPath": grakel.ShortestPath(normalize=True, with_labels=False),
        "WeisfeilerLehman": grakel.WeisfeilerLehman(n_iter=5, normalize=True),
    }
    labeled = [grakel.Graph(graph, dict.fromkeys(range(len(graph)), 0)) for graph in graphs]

    def ours():
        distances = signature_distances(graphs, "hoeffding")
        return np.exp(-distances / np.median(distances[distances > 0.0]))

    ours()
    K, peer_seconds = timed(lambda: peers[kernel_name].fit_transform(labeled))
    seconds = [time_call(ours) for _ in range(3)]
    benchmark.pedantic(ours, rounds=3)
    line(
        "MUTAG, kernel matrix from signatures",
        f"grakel {kernel_name}",
        seconds,
        [peer_seconds] * 3,
        distribution="grakel",
        note=f"accuracy {kernel_accuracy(ours(), y):.3f}, peer {kernel_accuracy(K, y):.3f} (SVM); peer called once",
    )


def test_grid_search_on_signatures(mutag, benchmark, report):
    """A pipeline of graphs, signatures and a support vector machine, its penalty chosen inside every fold."""
    graphs, y = mutag
    X = np.empty(len(graphs), dtype=object)
    X[:] = graphs
    model = make_pipeline(GromovSignature(kind="both"), StandardScaler(), SVC())
    search = GridSearchCV(model, PENALTIES, cv=5)
    scores, seconds = timed(lambda: cross_val_score(search, X, y, cv=FOLDS))
    benchmark.pedantic(lambda: search.fit(X, y), rounds=1)
    report("MUTAG, nested grid search on signatures", seconds, note=f"accuracy {scores.mean():.3f}")


# --- nearest neighbors -----------------------------------------------------------------------------------------------


def halves_of_families():
    """Six graphs of each family to choose from, and six of each that ask."""
    graphs, _ = make_graph_families(20, 12, random_state=0)
    return graphs[:48], graphs[48:]


@pytest.mark.parametrize("which", ["MUTAG", "families"])
def test_pruned_neighbors_against_all_pairs(which, benchmark, line, request):
    """The peer is our own solver on every pair of a query and a fitted graph; the answers are the same."""
    if which == "MUTAG":
        graphs, _ = request.getfixturevalue("mutag")
        fitted, queries = graphs[1::2], graphs[::4]
    else:
        fitted, queries = halves_of_families()
    model, distance = GromovNeighbors(5).fit(fitted), GromovWassersteinDistance().fit(fitted)
    model.search(queries[:1])  # compile
    found, seconds = timed(partial(model.search, queries))
    expected, peer_seconds = timed(partial(distance.transform, queries))
    benchmark.pedantic(model.search, (queries[:3],), rounds=1)
    np.testing.assert_allclose(found.distances, np.sort(expected, axis=1)[:, :5], rtol=1e-9, atol=1e-12)
    note = f"{found.share_avoided:.1%} of the solves avoided; both called once"
    task = f"{which}, five nearest of {len(fitted)} graphs for {len(queries)} others"
    line(task, "all pairs of ours", [seconds], [peer_seconds], note=note)


# --- first call ------------------------------------------------------------------------------------------------------


def test_first_call(benchmark, report, tmp_path):
    """Compilation with an empty cache, then a new process that finds it full."""
    cache_folder = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = benchmark.pedantic(lambda: run_fresh(first_call, **cache_folder), rounds=1)
    warm = run_fresh(first_call, **cache_folder)
    for state, figures, wanted in (("empty", cold, 5.0), ("full", warm, 0.3)):
        report(
            f"first interval around the value of two small clouds in a new process, {state} cache",
            figures["first_s"],
            wanted=f"{wanted:g} s",
            met=figures["first_s"] <= wanted,
            note=f"second call {1e3 * figures['second_s']:.2g} ms; import before it {figures['import_s']:.2g} s",
        )
    assert cold["first_s"] > warm["first_s"]
