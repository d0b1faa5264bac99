"""Barycenters of networks: optimality of the update, known means, bounds, comparison with POT, and bad input."""

import pickle

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from statlearn._support.random_streams import spawn_generators
from statlearn.gromov import GromovBarycenter, _barycenter, graph_cost, gromov_wasserstein_bounds
from statlearn.gromov._barycenter_search import BarycenterProblem, random_cloud, sampled_cost
from statlearn.gromov._collections import check_networks

from .oracles import asymmetric, hop, objective, random_weights, symmetric

RTOL = 1e-9  # the same sums in another order


def random_networks(rng, n_networks, make=symmetric, largest=9):
    """Costs of different sizes and weights, and the collection read from them."""
    pairs = [(make(rng, int(n)), random_weights(rng, int(n))) for n in rng.integers(2, largest, n_networks)]
    return pairs, check_networks(pairs, "precomputed")


def random_problem(rng, make=symmetric, n_nodes=5):
    pairs, networks = random_networks(rng, 3, make)
    return pairs, BarycenterProblem(networks, random_weights(rng, 3), n_nodes, 200, 1e-6)


def families(rng, sizes):
    """Connected random graphs of three kinds, each with the given sizes."""
    seeds = iter(rng.integers(0, 2**31, 3 * len(sizes)).tolist())
    return {
        "small world": [nx.connected_watts_strogatz_graph(n, 4, 0.3, seed=next(seeds)) for n in sizes],
        "scale free": [nx.barabasi_albert_graph(n, 2, seed=next(seeds)) for n in sizes],
        "trees": [nx.random_labeled_tree(n, seed=next(seeds)) for n in sizes],
    }


# The search


@pytest.mark.parametrize("make", [symmetric, asymmetric])
def test_the_mean_cost_is_the_best_one_for_its_plans(rng, make):
    pairs, problem = random_problem(rng, make)
    plans = problem.search(random_cloud(5, rng)).plans
    cost = problem.mean_cost(plans)

    def loss(C):
        values = [objective(C, D, plan) for (D, _), plan in zip(pairs, plans, strict=True)]
        return float(problem.shares @ values)

    direction = make(rng, 5)
    for step in (1e-3, -1e-3):
        # The loss is quadratic in the cost with the curvature of p p', so that this is an equality.
        assert_allclose(loss(cost + step * direction) - loss(cost), step**2 * np.mean(direction**2), rtol=1e-5)


@pytest.mark.parametrize("make", [symmetric, asymmetric])
@pytest.mark.parametrize("n_nodes", [1, 2, 6])
def test_the_loss_never_increases_and_is_that_of_the_plans(rng, make, n_nodes):
    pairs, problem = random_problem(rng, make, n_nodes)
    for start in (random_cloud(n_nodes, rng), sampled_cost(problem.networks[0], n_nodes, rng)):
        found = problem.search(start)
        assert np.all(np.diff(found.history) <= problem.rounding)
        assert found.converged
        assert found.excess <= problem.worthwhile(found.loss)
        for (C, p), plan, value in zip(pairs, found.plans, found.values, strict=True):
            assert_allclose(plan.sum(axis=0), p)
            assert_allclose(plan.sum(axis=1), 1.0 / n_nodes)
            assert_allclose(objective(found.cost, C, plan), value, rtol=RTOL, atol=problem.rounding)
        assert_allclose(problem.shares @ found.values, found.loss, rtol=RTOL)


def test_starts(rng):
    cost = symmetric(rng, 6)
    network = check_networks([cost], "precomputed")[0]
    assert_array_equal(sampled_cost(network, 6, rng), cost)
    assert np.isin(sampled_cost(network, 4, rng), cost).all()
    assert np.isin(sampled_cost(network, 9, rng), cost).all()
    cloud = random_cloud(7, rng)
    assert cloud.max() == 1.0
    assert_array_equal(cloud, cloud.T)
    assert_array_equal(random_cloud(1, rng), [[0.0]])


# Known means


@pytest.mark.parametrize("n_copies", [1, 3])
def test_the_mean_of_copies_is_one_of_them(rng, n_copies):
    for graph in (nx.path_graph(7), nx.cycle_graph(6), nx.petersen_graph(), nx.barbell_graph(4, 1)):
        C = hop(graph)
        n = len(C)
        copies = [C[np.ix_(order, order)] for order in (rng.permutation(n) for _ in range(n_copies))]
        model = GromovBarycenter(n, cost="precomputed", n_init=1, random_state=0).fit(copies)
        assert_allclose(model.loss_, 0.0, atol=1e-12)
        matched = model.plans_[0].argmax(axis=1)
        assert_allclose(model.cost_, copies[0][np.ix_(matched, matched)], atol=1e-12)
        assert_array_equal(np.sort(matched), np.arange(n))


def test_a_copy_with_every_node_doubled(rng):
    C = hop(nx.lollipop_graph(4, 3))
    model = GromovBarycenter(14, cost="precomputed", random_state=0).fit([C])
    assert_allclose(model.loss_, 0.0, atol=1e-12)
    assert_allclose(model.score_samples([C]), 0.0, atol=1e-12)


def test_one_node_is_the_weighted_mean_of_all_costs(rng):
    pairs, _ = random_networks(rng, 4)
    weights = rng.random(4)
    means = [p @ C @ p for C, p in pairs]
    model = GromovBarycenter(1, cost="precomputed", random_state=0).fit(pairs, sample_weight=weights)
    assert_allclose(model.cost_, [[np.average(means, weights=weights)]])


def test_the_mean_of_two_scalings_lies_between_them(rng):
    X = rng.normal(size=(8, 2))
    model = GromovBarycenter(8, cost="euclidean", random_state=0).fit([X, 3.0 * X], sample_weight=[3.0, 1.0])
    C = cdist(X, X)
    # The shape shared by both is optimal: the loss is 3/16 of |C - 3C|^2, the weighted variance of the scales.
    assert_allclose(model.loss_, 3.0 / 16.0 * 4.0 * np.mean(C**2), rtol=RTOL)
    assert_allclose(model.loss_lower_, model.loss_, rtol=RTOL)
    matched = model.plans_[0].argmax(axis=1)
    assert_allclose(model.cost_, 1.5 * C[np.ix_(matched, matched)], atol=1e-9)


# Bounds and quality


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # any plan gives an upper bound
@pytest.mark.parametrize("trial", range(5))
def test_no_matrix_is_below_the_lower_bound(rng, trial):
    make = asymmetric if trial in (1, 4) else symmetric
    pairs, _ = random_networks(rng, 2 + trial, make)
    model = GromovBarycenter(4, cost="precomputed", n_init=2, random_state=0).fit(pairs)
    rivals = [model.cost_, *(C for C, _ in pairs), *(make(rng, n) for n in (1, 3, 6))]
    for cost in rivals:
        loss = np.mean([gromov_wasserstein_bounds(cost, C, q=p).upper for C, p in pairs])
        assert model.loss_lower_ <= loss * (1.0 + RTOL)


@pytest.mark.parametrize("sizes", [[9] * 5, [8, 9, 10]], ids=["equal sizes", "unequal sizes"])
def test_losses_beside_those_of_pot_from_the_same_start(rng, sizes):
    gromov = pytest.importorskip("ot.gromov")
    ratios = []
    for graphs in families(rng, sizes).values():
        costs = [graph_cost(graph, "hop") for graph in graphs]
        model = GromovBarycenter(9, random_state=0).fit(graphs)
        start = random_cloud(9, spawn_generators(0, 1)[0])
        warm, cold = (
            np.mean([gromov_wasserstein_bounds(rival, C).upper for C in costs])
            for rival in (
                gromov.gromov_barycenters(9, costs, max_iter=model.max_iter, init_C=start, warmstartT=how)
                for how in (True, False)
            )
        )
        assert model.start_losses_[0] <= warm * (1.0 + RTOL)  # the search goes on from there
        ratios.append(model.loss_ / cold)  # POT's default, which no start goes on from
    assert np.mean(ratios) < 0.95


def test_barycenters_tell_families_apart(rng):
    train = families(rng, [9, 10, 11, 12])
    models = {name: GromovBarycenter(10, n_init=3, random_state=0).fit(graphs) for name, graphs in train.items()}
    test = families(rng, [9, 10, 11, 12] * 2)
    hits = [
        max(models, key=lambda name: models[name].score_samples([graph])[0]) == truth
        for truth, graphs in test.items()
        for graph in graphs
    ]
    assert np.mean(hits) > 0.7  # 0.33 by chance


# The attributes


def test_attributes(rng):
    graphs = families(rng, [6, 8, 9])["small world"]
    model = GromovBarycenter(7, n_init=4, random_state=0).fit(graphs)
    assert model.cost_.shape == (7, 7)
    assert_array_equal(model.cost_, model.cost_.T)
    assert [plan.shape for plan in model.plans_] == [(7, 6), (7, 8), (7, 9)]
    assert_allclose(np.mean(model.values_), model.loss_)
    assert len(model.loss_curve_) == model.n_iter_ + 1
    assert model.loss_curve_[-1] == model.loss_ == model.start_losses_.min()
    assert model.start_losses_.shape == (5,)
    assert model.certificate_
    assert model.certificate_["lower bound of the loss"].statistic == model.loss_lower_
    # A search from scratch may miss the plans that the fit followed from one matrix to the next.
    assert model.loss_ * (1.0 - RTOL) <= -model.score(graphs) <= 1.2 * model.loss_
    assert model.score(graphs) == np.mean(model.score_samples(graphs))


def test_the_certificate_notices_a_lower_bound_above_the_loss(rng, monkeypatch):
    graphs = families(rng, [6, 7])["trees"]
    monkeypatch.setattr(_barycenter, "variance_bound", lambda problem, n_jobs: 1e3)
    model = GromovBarycenter(6, n_init=1, random_state=0).fit(graphs)
    assert model.loss_lower_ == 1e3
    assert model.certificate_["lower bound of the loss"].holds is False
    assert not model.certificate_


def test_sample_weight_repeats_graphs(rng):
    graphs = families(rng, [6, 6, 6])["trees"]
    weighted = GromovBarycenter(6, n_init=6, random_state=0).fit(graphs, sample_weight=[2, 0, 1])
    alone = GromovBarycenter(6, n_init=6, random_state=0).fit(graphs, sample_weight=[0, 5, 0])
    assert_allclose(weighted.loss_, (2 * weighted.values_[0] + weighted.values_[2]) / 3)
    assert_allclose(alone.loss_, 0.0, atol=1e-12)


def test_node_names_do_not_matter_to_the_loss(rng):
    costs = [hop(graph) for graph in families(rng, [8, 8, 8])["trees"]]
    renamed = [C[np.ix_(order, order)] for C, order in ((C, rng.permutation(8)) for C in costs)]
    first, second = (GromovBarycenter(8, cost="precomputed", random_state=0).fit(given) for given in (costs, renamed))
    assert_allclose(first.loss_lower_, second.loss_lower_)
    assert first.loss_ == pytest.approx(second.loss_, rel=0.25)  # local searches that break ties in other ways


@pytest.mark.parametrize("factor", [2.0**-10, 2.0**10])  # powers of two round alike, so that ties break alike
def test_the_loss_scales_with_the_square_of_the_costs(rng, factor):
    costs = [symmetric(rng, 4 + i) for i in range(3)]
    model = GromovBarycenter(5, cost="precomputed", n_init=2, random_state=0)
    plain, scaled = (clone(model).fit([unit * C for C in costs]) for unit in (1.0, factor))
    assert_allclose(scaled.loss_lower_, factor**2 * plain.loss_lower_)
    assert_allclose(scaled.start_losses_[1], factor**2 * plain.start_losses_[1])  # the start that is a graph


def test_the_number_of_workers_changes_nothing(rng):
    graphs = families(rng, [6, 7, 8])["scale free"]
    serial, again, parallel = (
        GromovBarycenter(6, n_init=4, n_jobs=n_jobs, random_state=3).fit(graphs) for n_jobs in (None, None, 2)
    )
    for other in (again, parallel):
        assert_array_equal(other.cost_, serial.cost_)
        assert_array_equal(other.start_losses_, serial.start_losses_)
        assert_array_equal(other.score_samples(graphs), serial.score_samples(graphs))


def test_clone_pickle_and_random_state(rng):
    graphs = families(rng, [6, 7])["trees"]
    model = GromovBarycenter(5, n_init=2, random_state=np.random.RandomState(0)).fit(graphs)
    assert clone(model).get_params().keys() == model.get_params().keys()
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.cost_, model.cost_)
    assert_array_equal(twin.score_samples(graphs), model.score_samples(graphs))
    assert GromovBarycenter(5, random_state=np.random.default_rng(0)).fit(graphs).loss_ > 0.0


def test_progress_is_reported_once_per_start(capsys):
    model = GromovBarycenter(4, n_init=3, random_state=0)
    silent = clone(model).fit([nx.path_graph(4), nx.star_graph(4)])
    model.set_callbacks(ProgressBar())
    model.fit([nx.path_graph(4), nx.star_graph(4)])
    assert "GromovBarycenter" in capsys.readouterr().out
    assert_array_equal(model.cost_, silent.cost_)


# Bad input


@pytest.mark.parametrize(
    ("parameters", "X", "weights", "message"),
    [
        ({}, [], None, "at least one graph"),
        ({}, [nx.path_graph(3), nx.empty_graph(3)], None, r"X\[1\]"),
        ({"cost": "precomputed"}, [np.ones((2, 3))], None, r"X\[0\]"),
        ({"cost": "precomputed"}, [np.full((2, 2), np.nan)], None, r"X\[0\]"),
        ({}, [nx.path_graph(3)], [1.0, 2.0], "sample_weight must have 1 entries"),
        ({}, [nx.path_graph(3)], [-1.0], "sample_weight must be finite and non-negative"),
        ({}, [nx.path_graph(3)] * 2, [0.0, 0.0], "sample_weight must have a positive sum"),
        ({"n_nodes": 0}, [nx.path_graph(3)], None, "'n_nodes' parameter"),
        ({"cost": "distance"}, [nx.path_graph(3)], None, "'cost' parameter"),
        ({"n_init": 0}, [nx.path_graph(3)], None, "'n_init' parameter"),
        ({"tol": -1.0}, [nx.path_graph(3)], None, "'tol' parameter"),
    ],
)
def test_bad_input_is_refused(parameters, X, weights, message):
    model = GromovBarycenter(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, sample_weight=weights)
    assert vars(model) == vars(GromovBarycenter(**parameters))


def test_scores_need_a_fit():
    with pytest.raises(NotFittedError):
        GromovBarycenter().score_samples([nx.path_graph(3)])


def test_a_search_cut_short_warns(rng):
    graphs = families(rng, [9] * 5)["scale free"]
    with pytest.warns(ConvergenceWarning, match="max_iter=1 "):
        model = GromovBarycenter(9, n_init=1, max_iter=1, random_state=0).fit(graphs)
    assert not model.certificate_
    assert model.n_iter_ == 1
