"""The study of Ivashkin and Chebotarev (2016) once more: what of it can be reproduced, and what cannot.

Comparisons are paired, measure against measure on the same graphs. "Measured" values come from 13 to 128 graphs of
other seeds than any test's: a mean, and in parentheses the standard error of the mean over a test's graphs. Thresholds
are those of the published replication where it holds by about four such errors, and otherwise lie that far from the
measured mean, so that they do not lean on a seed. What could not be reproduced is asserted the other way.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from statlearn.datasets import make_lfr, make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    NodeKernelClassifier,
    SpectralGraph,
    copeland_score,
    node_distance,
    node_kernel,
    reject_curve,
    sweep_cluster,
)

pytestmark = pytest.mark.slow

PAPER = (
    "log_comm", "comm", "scct", "heat", "katz", "log_heat", "sct", "log_forest", "fe", "forest", "rsp", "log_katz",
    "sp_ct",
)  # fmt: skip
PAIRS = ("comm", "katz", "heat", "forest")
LOGS = tuple(f"log_{name}" for name in PAIRS)
GRID = np.arange(1, 16) / 16
CLUSTERERS = {"Ward": {"method": "ward"}, "Lloyd": {"refine": False}, "single moves": {"refine": True}}
TWO_BLOCKS, CLEAR_BLOCKS = ((50, 50), (0.3, 0.15)), ((50, 50), (0.3, 0.1))
FOUR_BLOCKS, UNEQUAL_BLOCKS = ((25, 25, 25, 25), (0.3, 0.1)), ((10, 90), (0.3, 0.1))
REPELLING = ((50, 50), (0.1, 0.3))
SIX_BLOCKS = (
    (65, 35, 25, 13, 8, 4),
    (
        (0.30, 0.20, 0.10, 0.15, 0.07, 0.25),
        (0.20, 0.24, 0.08, 0.13, 0.05, 0.17),
        (0.10, 0.08, 0.16, 0.09, 0.04, 0.12),
        (0.15, 0.13, 0.09, 0.20, 0.02, 0.14),
        (0.07, 0.05, 0.04, 0.02, 0.12, 0.04),
        (0.25, 0.17, 0.12, 0.14, 0.04, 0.40),
    ),
)
UNEQUAL_MEASURES = ("log_comm", "comm", "log_katz", "katz", "log_heat", "heat", "scct", "sct")
REAL_GRAPHS = ("karate", "football", "polbooks", "dolphins", "news_2cl1", "news_2cl2", "news_2cl3", "fly")
REAL_MEASURES = (*PAPER, "log_nheat", "nheat")
REAL_GRID = GRID[::2]
POLISH_GRAPHS = ("football", "polbooks", "dolphins")
FLY_FILES = ("drosophila/left_adjacency.edges.csv.gz", "drosophila/left_cell_labels.csv")
GUIDE_STUDIES = {  # table: (setting, graphs, measures) of its groups of columns
    "graph-study-equal": [(TWO_BLOCKS, 16, PAPER), (FOUR_BLOCKS, 12, PAPER)],
    "graph-study-unequal": [(UNEQUAL_BLOCKS, 12, UNEQUAL_MEASURES), (SIX_BLOCKS, 8, UNEQUAL_MEASURES)],
}
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "user_guide" / "graph.rst"


@cache
def draw(setting, n_graphs, seed):
    """Connected graphs of a stochastic block model, with their blocks."""
    graphs, stream = [], iter(np.random.SeedSequence(seed).generate_state(20 * n_graphs))
    while len(graphs) < n_graphs:
        A, y = make_sbm(*setting, random_state=int(next(stream) % 2**31))
        graph = SpectralGraph(A)
        if graph.n_components == 1:
            graphs.append((graph, y))
    return graphs


def indices(setting, n_graphs, seed, clusterer, measures=PAPER):
    """Adjusted Rand indices: a dict from measure to an array of shape (n_graphs, n_parameters)."""
    return remembered_indices(setting, n_graphs, seed, clusterer, measures)


@cache
def remembered_indices(setting, n_graphs, seed, clusterer, measures):
    rows = []
    for graph, y in draw(setting, n_graphs, seed):
        table = sweep_cluster(
            graph,
            measures,
            GRID,
            scale="unit",
            n_clusters=len(setting[0]),
            y=y,
            random_state=0,
            **CLUSTERERS[clusterer],
        )
        rows.append(np.reshape(table["ari"], (len(measures), len(GRID))))
    return dict(zip(measures, np.stack(rows, axis=1), strict=True))


def at_best(found):
    """Per measure, the indices of all graphs at the parameter with the largest mean, the authors' "optimal" one."""
    return {name: rows[:, rows.mean(axis=0).argmax()] for name, rows in found.items()}


def at_90th_percentile(found):
    """Per measure, the indices at the parameter whose mean is the 90th percentile over parameters."""
    rank = int(0.9 * (len(GRID) - 1))
    return {name: rows[:, np.argsort(rows.mean(axis=0))[rank]] for name, rows in found.items()}


def gains(found):
    """Per measure, the mean over graphs and parameters of its logarithm less that of its plain form."""
    return {name: found[f"log_{name}"].mean() - found[name].mean() for name in PAIRS}


def means(found):
    return {name: rows.mean() for name, rows in found.items()}


class TestTwoBlocks:
    """G(100, (2) 0.3, 0.15), 16 graphs."""

    N = 16

    @pytest.fixture
    def study(self, seed):
        return {name: indices(TWO_BLOCKS, self.N, seed, name) for name in CLUSTERERS}

    def test_ward_puts_log_communicability_first(self, study):
        """Measured: ahead of Comm by .234 (se of 16 graphs .038), and of the second, SCCT, by .150 (.037)."""
        best = means(at_best(study["Ward"]))
        assert max(best, key=best.get) == "log_comm"
        assert best["log_comm"] - best["comm"] >= 0.08

    def test_ward_does_not_put_every_logarithm_first(self, study):
        """Measured: log Katz less Katz .013 (.046). The paper's title is about pairs; this one is a tie."""
        best = means(at_best(study["Ward"]))
        assert abs(best["log_katz"] - best["katz"]) < 0.2
        assert best["log_katz"] < best["log_comm"] - 0.05  # measured -.279

    def test_lloyd_puts_every_logarithm_first(self, study):
        """Measured: .610 (.025), .389 (.026), .312 (.021), .363 (.030) on average over the parameter."""
        gain = gains(study["Lloyd"])
        assert gain["katz"] > 0.15
        assert gain["forest"] > 0.2
        assert gain["heat"] > 0.2
        assert gain["comm"] > 0.3

    def test_single_moves_remove_the_gain_over_katz_and_communicability(self, study):
        """Measured at the best parameter: .421 (.039) with Lloyd's iterations, -.023 (.018) after single moves."""
        lloyd, polished = (means(at_best(study[name])) for name in ("Lloyd", "single moves"))
        assert lloyd["log_katz"] - lloyd["katz"] > 0.2
        assert polished["log_katz"] - polished["katz"] < 0.06
        assert polished["log_comm"] - polished["comm"] < 0.06
        assert polished["katz"] - lloyd["katz"] > 0.3

    def test_single_moves_do_not_remove_the_gain_over_heat_and_forest(self, study):
        """Measured: .630 (.079) and .620 (.085)."""
        best = means(at_best(study["single moves"]))
        assert best["log_heat"] - best["heat"] > 0.25
        assert best["log_forest"] - best["forest"] > 0.25

    def test_a_plain_kernel_needs_the_right_parameter(self, study):
        """Measured: .502 (.021) on average over the parameter, although the best parameters tie."""
        assert gains(study["single moves"])["comm"] > 0.3

    def test_the_best_partition_of_heat_and_forest_sets_a_node_apart(self, seed):
        """Often: measured on .70 (.11) and .78 (.10) of 128 graphs."""
        for kernel, x in (("heat", 0.44), ("forest", 0.38)):
            sizes = [
                GraphKernelKMeans(2, kernel=kernel, t=x, scale="unit", random_state=0).fit(graph).cluster_sizes_.min()
                for graph, _ in draw(TWO_BLOCKS, self.N, seed)
            ]
            assert np.mean(np.array(sizes) <= 2) > 0.25

    def test_the_lead_of_log_communicability_is_a_matter_of_ward(self, study):
        """Its lead over the best other one: measured .150 (.037), but -.022 (.02) and -.014 (.02) with k-means.

        The plain measures are left out of the comparison, or the lead after single moves would be smaller still.
        """
        others = ("scct", "log_heat", "sct", "log_forest", "fe", "rsp", "log_katz")
        best = {name: means(at_best(found)) for name, found in study.items()}
        lead = {name: found["log_comm"] - max(found[other] for other in others) for name, found in best.items()}
        assert lead["Ward"] > 0.0
        assert lead["Lloyd"] < 0.06
        assert lead["single moves"] < 0.06

    def test_copeland_under_ward(self, study):
        """Measured on 30 graphs, at most 360: 336 and 181 for the first two, 310 and 212 at the 90th percentile."""
        for choose in (at_best, at_90th_percentile):
            scores = copeland_score({name: row.round(12) for name, row in choose(study["Ward"]).items()})
            assert sum(scores.values()) == 0
            assert max(scores, key=scores.get) == "log_comm"
            assert min(scores, key=scores.get) in ("forest", "heat")


class TestOtherBlocks:
    N = 12

    def test_four_blocks(self, seed):
        """Measured: log Comm .504 and SCCT .452 with Ward, .600 and .638 with Lloyd; the published values are near."""
        ward, lloyd = (means(at_best(indices(FOUR_BLOCKS, self.N, seed, name))) for name in ("Ward", "Lloyd"))
        assert ward["log_comm"] == pytest.approx(0.58, abs=0.2)
        assert lloyd["log_comm"] == pytest.approx(0.64, abs=0.2)
        assert ward["log_comm"] > ward["comm"]  # measured .131 (.036)
        assert lloyd["log_comm"] - lloyd["comm"] > 0.1  # measured .259 (.033)
        assert lloyd["scct"] - lloyd["comm"] > 0.1

    def test_clear_blocks_are_found_by_all_logarithms(self, seed):
        """Measured: .966 to .980 (.006) for logarithms, .651 (.04) for Katz with Lloyd.

        The forest kernel was reported at .20; here it is anything from .2 to .7 (.1), and always behind its logarithm.
        """
        lloyd = means(at_best(indices(CLEAR_BLOCKS, self.N, seed, "Lloyd", (*PAIRS, *LOGS))))
        assert min(lloyd[name] for name in LOGS) > 0.93
        assert lloyd["katz"] < 0.85
        assert lloyd["log_forest"] - lloyd["forest"] > 0.05

    def test_logarithms_lose_where_blocks_differ_in_size_and_degree(self, seed):
        """Measured with Ward: Comm ahead of its logarithm by .217 (.054), Katz by .187 (.057)."""
        ward = means(at_best(indices(UNEQUAL_BLOCKS, self.N, seed, "Ward", UNEQUAL_MEASURES)))
        assert ward["comm"] > ward["log_comm"]
        assert ward["katz"] > ward["log_katz"] - 0.04

    def test_six_blocks_of_different_degree_are_not_found(self, seed):
        """Measured: at most .26 for each measure of the paper, and Comm ahead of its logarithm by .108 (.02)."""
        lloyd = means(at_best(indices(SIX_BLOCKS, 8, seed, "Lloyd", UNEQUAL_MEASURES)))
        assert lloyd["comm"] > lloyd["log_comm"]
        assert max(lloyd.values()) < 0.4

    def test_only_the_corrected_commute_time_finds_groups_that_repel(self, seed):
        """Measured: .934 (.02) for SCCT, .001 and less for all others."""
        best = means(at_best(indices(REPELLING, 8, seed, "single moves")))
        assert best.pop("scct") >= 0.6
        assert max(best.values()) < 0.1

    def test_reject_curves(self, seed):
        """Area under the reject curve at the best parameter. Measured: .988 and .859 for communicability."""
        areas = {name: np.zeros(len(GRID)) for name in ("comm", "log_comm", "scct", "rsp")}
        for graph, y in draw(CLEAR_BLOCKS, self.N, seed):
            for name in areas:
                areas[name] += [area_of(graph, y, name, x) / self.N for x in GRID]
        assert areas["log_comm"].max() - areas["comm"].max() > 0.05
        assert areas["log_comm"].max() > areas["scct"].max()

    def test_a_good_reject_curve_is_no_clustering(self, seed):
        """Groups that repel: measured areas .625 for randomized shortest paths and .66 for SCCT; only SCCT clusters."""
        areas = {
            name: np.mean([area_of(graph, y, name, x) for graph, y in draw(REPELLING, 8, seed)])
            for name, x in (("rsp", 0.1), ("scct", 0.8), ("log_comm", 0.8))
        }
        assert areas["rsp"] > 0.58
        assert areas["scct"] > 0.6
        assert areas["log_comm"] < 0.52
        assert means(at_best(indices(REPELLING, 8, seed, "single moves")))["rsp"] < 0.1


def area_of(graph, y, name, x):
    D = node_distance(graph, name.removeprefix("log_"), x, log=name.startswith("log_"), scale="unit")
    return reject_curve(D, y).area


class TestRealGraphs:
    """As many clusters as classes; the parameter is the best of the grid, chosen with the labels."""

    @pytest.fixture(autouse=True)
    def _folder(self, shared_data):
        self.folder = shared_data

    def best(self, name):
        return best_on_real_graph(self.folder, name, REAL_MEASURES)

    def test_karate(self):
        """The authors: 1 for log Katz, log communicability and SCCT."""
        best = self.best("karate")
        assert best["log_katz"] == best["log_comm"] == best["scct"] == 1.0

    def test_dolphins(self):
        """The authors: .935 for nearly all measures."""
        best = self.best("dolphins")
        for name in (*LOGS, "scct", "sct", "rsp", "fe", "sp_ct", "heat", "forest"):
            assert best[name] == pytest.approx(0.935, abs=0.02)
        assert best["comm"] < 0.8
        assert best["katz"] < 0.8

    def test_political_books(self):
        """The authors: .704 to .71 for log heat, heat, SCCT and log communicability, .51 for communicability."""
        best = self.best("polbooks")
        for name in ("log_heat", "heat", "scct", "log_comm"):
            assert best[name] == pytest.approx(0.705, abs=0.03)
        assert best["comm"] < 0.51

    def test_news(self):
        """The authors: .921, .912, .783 and .01 for log communicability, log Katz, communicability and Katz."""
        best = self.best("news_2cl1")
        assert best["log_comm"] == pytest.approx(0.921, abs=0.03)
        assert best["log_katz"] == pytest.approx(0.912, abs=0.03)
        assert best["katz"] < 0.1
        assert best["comm"] < 0.1  # not reproduced

    def test_football_is_clustered_better_than_its_conferences(self):
        """The authors report .97, which no measure reaches here: the conferences are a worse partition under J."""
        assert 0.88 < max(self.best("football").values()) < 0.93
        graph, y = read_graph(self.folder, "football")
        model = GraphKernelKMeans(12, kernel="forest", log=True, t=1.0, scale="raw", random_state=0).fit(graph)
        truth = objective(node_kernel(graph, "forest", 1.0, log=True, scale="raw"), y)
        assert model.inertia_ == pytest.approx(160.249, abs=1e-3)
        assert truth == pytest.approx(171.834, abs=1e-3)
        assert adjusted_rand_score(y, model.labels_) == pytest.approx(0.897, abs=1e-3)

    def test_a_better_optimum_of_a_plain_kernel_can_be_a_worse_partition(self):
        """Single moves never raise the objective. They raise the index on one graph and lower it on another."""
        lloyd, polished = polish(self.folder, "polbooks", "katz")
        assert polished < lloyd - 0.1
        lloyd, polished = polish(self.folder, "football", "katz")
        assert polished > lloyd + 0.05

    def test_cell_types_of_a_fly_are_roles_and_no_communities(self):
        best = self.best("fly")
        assert max(best[name] for name in (*LOGS, "log_nheat", "scct", "sct", "rsp", "fe", "sp_ct")) < 0.1
        assert 0.2 < best["katz"] < 0.4
        assert 0.2 < best["comm"] < 0.4
        assert best["nheat"] > 0.35

    def test_sigmoid_commute_time_on_news(self):
        """Yen et al. report .95, .83 and .91 with a = 22; the order is reproduced, the level is not."""
        found = []
        for name in ("news_2cl1", "news_2cl2", "news_2cl3"):
            graph, y = read_graph(self.folder, name)
            model = GraphKernelKMeans(2, kernel="sct", t=22.0, scale="raw", random_state=0).fit(graph)
            found.append(adjusted_rand_score(y, model.labels_))
        np.testing.assert_allclose(found, [0.893, 0.687, 0.855], atol=0.02)


def objective(K, y):
    """The k-means objective of a partition, from its definition."""
    within = sum(K[np.ix_(y == label, y == label)].sum() / np.sum(y == label) for label in np.unique(y))
    return np.trace(K) - within


@cache
def read_graph(folder, name):
    """A graph of the shared folder without its self-loops, and the classes of its nodes."""
    pd = pytest.importorskip("pandas")
    edges_file, labels_file = (
        FLY_FILES if name == "fly" else (f"graphs/{name}.edges.csv.gz", f"graphs/{name}.labels.csv")
    )
    edges = pd.read_csv(folder / edges_file)
    y = pd.read_csv(folder / labels_file, dtype={"label": str}, keep_default_na=False)["label"].to_numpy()
    A = np.zeros((len(y), len(y)))
    A[edges.source, edges.target] = edges.weight if "weight" in edges and name != "fly" else 1.0
    np.fill_diagonal(A, 0.0)
    return SpectralGraph(np.maximum(A, A.T)), y


@cache
def best_on_real_graph(folder, name, measures, n_init=50, refine=True, seed=0):
    """Largest index over the parameters; with 10 starts plain kernels do not always reach their best partition."""
    graph, y = read_graph(folder, name)
    options = {"scale": "unit", "n_clusters": len(set(y)), "n_init": n_init, "refine": refine, "random_state": seed}
    table = sweep_cluster(graph, measures, REAL_GRID, y=y, **options)
    return dict(zip(measures, np.reshape(table["ari"], (len(measures), -1)).max(axis=1), strict=True))


def polish(folder, name, measure):
    """Means over six sets of ten starts, with Lloyd's iterations and with single moves."""
    return [
        np.mean([best_on_real_graph(folder, name, (measure,), 10, refine, seed)[measure] for seed in range(6)])
        for refine in (False, True)
    ]


def test_two_labels_classify_the_karate_club():
    """33 of 34 members by local and global consistency, from the labels of the two leaders."""
    nx = pytest.importorskip("networkx")
    club = nx.karate_club_graph()
    y = np.array([club.nodes[node]["club"] for node in club])
    model = NodeKernelClassifier(SpectralGraph(club, weight=None), kernel="ppr", t=0.8, scale="raw", method="lgc")
    model.fit([[0], [33]], y[[0, 33]])
    assert np.sum(model.predict(np.arange(34).reshape(-1, 1)) == y) == 33


@pytest.mark.parametrize(("mu", "share"), [(0.1, 0.16), (0.3, 0.46), (0.5, 0.72)])
def test_generated_benchmark_graphs_mix_more_than_they_say(mu, share, seed):
    pytest.importorskip("networkx")
    A, y = make_lfr(
        1000, tau1=2.5, tau2=1.5, mu=mu, average_degree=20, max_degree=50, max_community=100, random_state=seed
    )
    i, j = A.nonzero()
    assert np.mean(y[i] != y[j]) == pytest.approx(share, abs=0.03)


class TestGuide:
    """The tables of the user guide are those of this study at seed 0."""

    ROUNDING = 0.03  # two digits in print, and ties that another linear algebra library may break another way

    @pytest.mark.parametrize("table", list(GUIDE_STUDIES))
    def test_block_models(self, table):
        rows = guide_table(table)
        found = [
            means(at_best(indices(setting, n_graphs, 0, clusterer, measures)))
            for setting, n_graphs, measures in GUIDE_STUDIES[table]
            for clusterer in CLUSTERERS
        ]
        assert set(rows) <= set(found[0])
        for name, printed in rows.items():
            np.testing.assert_allclose(printed, [column[name] for column in found], atol=self.ROUNDING, err_msg=name)

    def test_real_graphs(self, shared_data):
        found = [best_on_real_graph(shared_data, name, REAL_MEASURES) for name in REAL_GRAPHS]
        rows = guide_table("graph-study-real")
        assert set(rows) == set(REAL_MEASURES)
        for name, printed in rows.items():
            np.testing.assert_allclose(printed, [column[name] for column in found], atol=self.ROUNDING, err_msg=name)

    def test_polish(self, shared_data):
        rows = guide_table("graph-study-polish")
        assert rows
        for name, printed in rows.items():
            found = np.concatenate([polish(shared_data, graph, name) for graph in POLISH_GRAPHS])
            np.testing.assert_allclose(printed, found, atol=self.ROUNDING, err_msg=name)


def guide_table(name):
    """Rows of numbers of a table of the user guide, by the name in their first column."""
    if not GUIDE.is_file():
        pytest.skip("the user guide is not part of this installation")
    lines = GUIDE.read_text(encoding="utf-8").split(f":name: {name}\n", 1)[1].lstrip("\n").splitlines()
    body = lines[next(i for i, line in enumerate(lines) if not line.strip()) + 1 :]
    body = body[: next(i for i, line in enumerate(body) if not line.startswith(" "))]
    rows = csv.reader(line.strip() for line in body)
    return {row[0].strip("`"): np.array(row[1:], dtype=float) for row in rows}
