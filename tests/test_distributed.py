"""Work that is spread over the processes of a Dask cluster gives the results of a single process, to the last bit.

One case for each kind of work that the library spreads: grid search, null laws, bootstraps, several starts, folds of a
path, pairs, members, points. Each is written as a user would write it. Under the cluster's backend it is called without
``n_jobs``, which is what sends it there.
"""

import os

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from statlearn._support.parallel import run_parallel
from statlearn.datasets import make_massart_halfspace, make_motor_claims, make_rare_ordinal, make_sbm
from statlearn.debias import DebiasedRegressor, LinearCalibrationCorrector, debiased_ate, debiased_group_means
from statlearn.dependence import DistanceCovariancePenalty, distance_covariance_test
from statlearn.design import PolynomialBasis, WeightedLeastSquaresApproximator, sample_projection_dpp
from statlearn.exceptions import EvaluationError
from statlearn.fairness import DistanceCovarianceFairRegressor, calibrate_fairness_weight
from statlearn.frechet import ChainMetric, LokiClassifier
from statlearn.graph import GraphKernelKMeans, NodeKernel, NodeKernelClassifier, SpectralGraph
from statlearn.gromov import (
    GromovBarycenter,
    GromovNeighbors,
    GromovWassersteinDistance,
    gromov_wasserstein_bounds,
    validate_against_pot,
)
from statlearn.halfspace import TestableHalfspaceClassifier, gaussianity_test, psgd_sphere
from statlearn.linear import LargeStepLogisticClassifier, generative_discriminative_curve
from statlearn.market import MarketForestClassifier, PredictionMarketClassifier
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV

distributed = pytest.importorskip("distributed", reason="needs the extra 'distributed'")
import dask  # noqa: E402

SEED = 3  # every case is run with it, here and there
PLANE = PolynomialBasis("legendre", n_dims=2, degree=3)


class Cluster:
    """Two worker processes, and how many tasks they have done."""

    def __init__(self, client):
        self._client = client

    def n_tasks(self):
        """Tasks that each worker has run so far."""
        return np.array(list(self._client.run(_executed).values()))

    def run(self, case, *arguments):
        """What a case returns if its work goes to the workers, and how many tasks that made."""
        before = self.n_tasks().sum()
        with joblib.parallel_config(backend="dask"):
            result = case(*arguments)
        return result, self.n_tasks().sum() - before


def _executed(dask_worker):
    return dask_worker.state.executed_count


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("workers"))
    options = {"n_workers": 2, "threads_per_worker": 1, "local_directory": folder}
    options |= {"dashboard_address": ":0", "scheduler_kwargs": {"dashboard": False}}  # no dashboard, and any free port
    with (
        dask.config.set({"temporary-directory": folder}),
        distributed.LocalCluster(**options) as workers,
        distributed.Client(workers) as client,
    ):
        client.wait_for_workers(2)
        yield Cluster(client)


def assert_same(here, there):
    """Both have the same numbers in every bit, the same words and the same structure."""
    assert type(here) is type(there)
    if isinstance(here, dict):
        assert list(here) == list(there)
        for name in here:
            assert_same(here[name], there[name])
    elif isinstance(here, (tuple, list)):
        assert len(here) == len(there)
        for one, other in zip(here, there, strict=True):
            assert_same(one, other)
    elif isinstance(here, (np.ndarray, float)):
        np.testing.assert_array_equal(there, here)
    else:
        assert there == here


def process_id(_):
    return os.getpid()


def attributes(model, *names):
    return {name: getattr(model, name) for name in names}


def scores_of(search):
    """All scores and choices of a grid search; its times are its own."""
    results = {name: values for name, values in search.cv_results_.items() if "score" in name and "time" not in name}
    return results, search.best_params_


# ------------------------------------------------------------------------------------------------- grid search


def grid_search_over_penalties(n_jobs):
    X, y = make_rare_ordinal(400, 5, intercepts=(0.0, 2.0), random_state=SEED)
    model = make_pipeline(StandardScaler(), PrestoClassifier())
    grid = {"prestoclassifier__alpha": [0.01, 0.03, 0.1], "prestoclassifier__base_penalty": [0.0, 1.0]}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=3, error_score="raise", n_jobs=n_jobs).fit(X, y)
    return scores_of(search), attributes(search.best_estimator_[-1], "coef_", "intercept_", "certificate_")


def grid_search_over_kernels_of_one_graph(n_jobs):
    """The graph, and the spectra it has found so far, travel inside the estimator."""
    graph, blocks = make_sbm([20, 25, 20], (0.4, 0.08), random_state=SEED)
    grid = {"kernel": ["heat", "comm"], "t": [0.5, 2.0], "log": [False, True]}
    model = NodeKernelClassifier(SpectralGraph(graph))
    search = GridSearchCV(model, grid, cv=3, error_score="raise", n_jobs=n_jobs)
    return scores_of(search.fit(np.arange(blocks.size)[:, None], blocks))


def grid_search_over_estimators_that_spread_their_own_work(n_jobs):
    """A task of the search makes tasks itself: with one thread per worker it must make way for them."""
    X, y = load_iris(return_X_y=True)
    market = PredictionMarketClassifier(
        [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))],
        n_jobs=n_jobs,
        random_state=SEED,
    )
    grid = {"learning_rate": [0.05, 0.5]}
    search = GridSearchCV(market, grid, scoring="neg_log_loss", cv=2, error_score="raise", n_jobs=n_jobs).fit(X, y)
    return scores_of(search), attributes(search.best_estimator_, "budgets_", "loss_curve_")


def calibration_of_a_fairness_weight(n_jobs):
    motor = make_motor_claims(400, random_state=SEED)
    calibration = calibrate_fairness_weight(
        DistanceCovarianceFairRegressor(loss="poisson", normalize="dcor"),
        motor.data / motor.data.std(axis=0),
        motor.target / motor.exposure,
        motor.sensitive,
        fairness_weights=[0.0, 0.1, 1.0],
        sample_weight=motor.exposure,
        criterion="dcor",
        target=0.05,
        cv=2,
        n_jobs=n_jobs,
    )
    return calibration.results, calibration.best_fairness_weight, calibration.certificate


# ------------------------------------------------------------------------------------------------- null laws


def permutations_of_a_dependence_test(n_jobs):
    rng = np.random.default_rng(SEED)
    S = rng.integers(3, size=(200, 2))
    f = 0.2 * S[:, 0] + rng.normal(size=200)
    result = distance_covariance_test(f, S, n_permutations=180, random_state=SEED, n_jobs=n_jobs)
    return result.p_value, result.null_distribution, result.certificate


def simulated_null_of_a_gaussianity_test(n_jobs):
    """With a generator for ``random_state``: draws of an int are remembered, and would not be made again."""
    X = np.random.default_rng(SEED).standard_t(5, size=(300, 4))
    result = gaussianity_test(X, n_null=99, random_state=np.random.default_rng(SEED), n_jobs=n_jobs)
    return result.p_value, result.tolerant_p_value, [repr(statistic) for statistic in result.statistics]


# ------------------------------------------------------------------------------------------------- bootstraps


def bootstrap_of_an_effect(n_jobs):
    rng = np.random.default_rng(SEED)
    y = rng.normal(size=300)
    corrector = LinearCalibrationCorrector().fit(0.6 * y + 0.5 * rng.normal(size=300), y)
    treatment = rng.integers(2, size=400)
    y_pred = 0.6 * (treatment + rng.normal(size=400)) + 0.5 * rng.normal(size=400)
    options = {"se": "bootstrap", "n_boot": 240, "random_state": SEED, "n_jobs": n_jobs}
    effect = debiased_ate(corrector, y_pred, treatment, **options)
    means = debiased_group_means(corrector, y_pred, treatment, **options)
    return effect.estimate, effect.se, effect.ci, effect.se_trial, effect.se_calibration, np.asarray(means.se)


# ------------------------------------------------------------------------------------------------- several starts


def starts_of_a_kernel_k_means(n_jobs):
    graph, _ = make_sbm([20, 20, 20], (0.3, 0.1), random_state=SEED)
    model = GraphKernelKMeans(3, kernel="heat", n_init=20, random_state=SEED, n_jobs=n_jobs).fit(graph)
    return attributes(model, "labels_", "inertia_", "n_iter_", "certificate_")


def starts_of_a_halfspace_search(n_jobs):
    X, y = make_massart_halfspace(2000, 5, random_state=SEED)
    descent = psgd_sphere(X, y, max_iter=60, random_state=SEED, n_jobs=n_jobs)
    return descent.coef, descent.candidates, descent.error


def starts_of_a_certified_halfspace(n_jobs):
    X, y = make_massart_halfspace(2000, 5, random_state=SEED)
    model = TestableHalfspaceClassifier(max_iter=60, on_reject="ignore", random_state=SEED, n_jobs=n_jobs).fit(X, y)
    return attributes(model, "coef_", "certificate_")


def starts_of_a_large_alignment(n_jobs):
    """Above 10,000 entries of the plan, below which starts are not worth sending."""
    rng = np.random.default_rng(SEED)
    C1, C2 = (np.linalg.norm(x[:, None] - x, axis=2) for x in rng.normal(size=(2, 105, 2)))
    result = gromov_wasserstein_bounds(C1, C2, n_random=2, random_state=SEED, n_jobs=n_jobs)
    return result.bounds, result.plan, result.start_name, result.n_iter, result.certificate


def starts_of_a_barycenter(n_jobs):
    graphs = clouds(4)
    options = {"cost": "precomputed", "n_init": 3, "random_state": SEED, "n_jobs": n_jobs}
    model = GromovBarycenter(6, **options).fit(graphs)
    return attributes(model, "cost_", "loss_", "start_losses_", "certificate_"), model.score_samples(graphs)


# ------------------------------------------------------------------------------------------------- folds and repeats


def folds_of_a_path(n_jobs):
    X, y = make_rare_ordinal(400, 5, intercepts=(0.0, 2.0), random_state=SEED)
    model = PrestoClassifierCV(alphas=8, cv=3, random_state=SEED, n_jobs=n_jobs).fit(X, y)
    return attributes(model, "alphas_", "cv_scores_", "alpha_", "coefs_path_", "coef_", "certificate_")


def folds_of_a_temperature(n_jobs):
    X, y = load_diabetes(return_X_y=True)
    levels = np.digitize(y, [90, 130, 170, 220])
    model = LokiClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()),
        metric=ChainMetric(range(5)),
        temperature="auto",
        n_jobs=n_jobs,
    ).fit(X, levels)
    return attributes(model, "temperature_", "cv_scores_"), model.predict(X)


def folds_of_a_debiased_regressor(n_jobs):
    X, y = load_diabetes(return_X_y=True)
    return attributes(DebiasedRegressor(Ridge(), n_jobs=n_jobs).fit(X, y), "oof_prediction_")


def repeats_of_learning_curves(n_jobs):
    rng = np.random.default_rng(SEED)
    y = np.arange(600) % 2
    X = rng.normal(size=(600, 10)) + np.where(y, 0.3, -0.3)[:, None]
    result = generative_discriminative_curve(
        X, y, train_sizes=[8, 32, 128], test_size=300, n_repeats=8, random_state=SEED, n_jobs=n_jobs
    )
    return result.table, result.crossings_, result.certificate


# ------------------------------------------------------------------------------------------------- members and classes


def participants_of_a_market(n_jobs):
    X, y = load_iris(return_X_y=True)
    participants = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    model = PredictionMarketClassifier(participants, random_state=SEED, n_jobs=n_jobs).fit(X, y)
    return attributes(model, "budgets_", "loss_curve_", "certificate_"), model.predict_proba(X)


def rows_of_a_market_of_trees(n_jobs):
    X, y = load_digits(return_X_y=True)
    model = MarketForestClassifier(random_state=SEED, n_jobs=n_jobs).fit(X[:600], y[:600])
    return attributes(model, "budgets_"), model.predict_proba(X[600:])


def one_class_against_the_rest(n_jobs):
    X, y = load_digits(return_X_y=True)
    model = LargeStepLogisticClassifier("perceptron", stop="separated", n_jobs=n_jobs).fit(X[:300] / 16, y[:300])
    verdicts = [(check.name, check.holds) for check in model.certificate_.checks]
    return attributes(model, "coef_", "intercept_", "n_iter_", "status_"), verdicts


# ------------------------------------------------------------------------------------------------- pairs


def clouds(n_clouds):
    """Distances within clouds of a few points."""
    rng = np.random.default_rng(SEED)
    points = [rng.normal(size=(6 + i % 3, 2)) for i in range(n_clouds)]
    return [np.linalg.norm(x[:, None] - x, axis=2) for x in points]


def distances_between_all_networks(n_jobs):
    options = {"n_random": 1, "random_state": SEED, "n_jobs": n_jobs}
    return GromovWassersteinDistance("upper", "precomputed", **options).fit_transform(clouds(8))


def nearest_networks(n_jobs):
    networks = clouds(10)
    model = GromovNeighbors(2, cost="precomputed", n_random=1, random_state=SEED, n_jobs=n_jobs).fit(networks[:7])
    found = model.search(networks[7:])
    return found.distances, found.indices, found.n_solved, found.proved, found.certificate


def networks_that_two_libraries_compare(n_jobs):
    graphs = clouds(6)
    pairs = list(zip(graphs[:3], graphs[3:], strict=True))
    table = validate_against_pot(pairs, cost="precomputed", n_init=2, random_state=SEED, n_jobs=n_jobs).table
    return {name: values for name, values in table.items() if "seconds" not in name}


def all_pairs_of_rows(n_jobs):
    rng = np.random.default_rng(SEED)
    S, f = rng.normal(size=(700, 3)), rng.normal(size=700)
    penalty = DistanceCovariancePenalty("ccdcov", method="pairwise", n_jobs=n_jobs).fit([S])
    return penalty.value_and_grad(f)


# ------------------------------------------------------------------------------------------------- points and columns


def expensive(x):
    return float(np.exp(-np.sum(x**2)))


def points_of_a_design(n_jobs):
    model = WeightedLeastSquaresApproximator(PLANE, random_state=SEED)
    model.fit_function(expensive, vectorized=False, n_jobs=n_jobs)
    return attributes(model, "coef_", "loo_error_", "certificate_")


def draws_from_a_pool(n_jobs):
    Q, _ = np.linalg.qr(np.random.default_rng(SEED).normal(size=(600, 5)))
    return [
        sample_projection_dpp(Q, 20, algorithm, n_jobs=n_jobs, random_state=SEED)
        for algorithm in ("chain", "rejection")
    ]


def columns_of_landmarks(n_jobs):
    graph, _ = make_sbm([60, 60], (0.3, 0.05), random_state=SEED)
    options = {"log": True, "method": "landmark", "n_landmarks": 70, "n_components": 3, "random_state": SEED}
    return NodeKernel("heat", 2.0, **options, n_jobs=n_jobs).fit_transform(graph)


CASES = [
    grid_search_over_penalties,
    grid_search_over_kernels_of_one_graph,
    grid_search_over_estimators_that_spread_their_own_work,
    calibration_of_a_fairness_weight,
    permutations_of_a_dependence_test,
    all_pairs_of_rows,
    simulated_null_of_a_gaussianity_test,
    bootstrap_of_an_effect,
    starts_of_a_kernel_k_means,
    starts_of_a_halfspace_search,
    starts_of_a_certified_halfspace,
    starts_of_a_large_alignment,
    starts_of_a_barycenter,
    folds_of_a_path,
    folds_of_a_temperature,
    folds_of_a_debiased_regressor,
    repeats_of_learning_curves,
    participants_of_a_market,
    rows_of_a_market_of_trees,
    one_class_against_the_rest,
    distances_between_all_networks,
    nearest_networks,
    networks_that_two_libraries_compare,
    points_of_a_design,
    draws_from_a_pool,
    columns_of_landmarks,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_cluster_gives_the_results_of_one_process(cluster, case):
    here = case(1)
    there, n_tasks = cluster.run(case, None)
    assert n_tasks > 0, "nothing was sent to the workers"
    assert_same(here, there)


def test_work_goes_to_both_processes_and_to_no_other(cluster):
    found, n_tasks = cluster.run(run_parallel, process_id, [(i,) for i in range(40)])
    assert len(set(found)) == 2 and os.getpid() not in found
    assert n_tasks > 1
    assert (cluster.n_tasks() > 0).all()


def test_one_job_stays_here(cluster):
    found, n_tasks = cluster.run(run_parallel, process_id, [(i,) for i in range(4)], 1)
    assert set(found) == {os.getpid()} and n_tasks == 0


def test_results_of_workers_can_be_fitted_and_changed_again(cluster):
    """What comes back from other processes may be read-only memory: the model must not stay so."""
    X, y = load_iris(return_X_y=True)
    participants = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    model = PredictionMarketClassifier(participants, random_state=SEED)
    there, _ = cluster.run(model.fit, X, y)
    here = clone(model).set_params(n_jobs=1).fit(X, y)
    np.testing.assert_array_equal(there.partial_fit(X, y).budgets_, here.partial_fit(X, y).budgets_)
    again, _ = cluster.run(there.fit, X, y)
    np.testing.assert_array_equal(again.budgets_, clone(here).fit(X, y).budgets_)


def at_odd_address(values):
    """A copy that begins one byte after a multiple of eight, as arrays do that have come in a message of Dask."""
    memory = np.zeros(values.nbytes + 16, dtype=np.uint8)
    start = -memory.ctypes.data % 8 + 1
    copy = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    assert not copy.flags.aligned
    return copy


def test_rows_at_odd_addresses_have_the_same_certificate():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300] == 8
    model = LargeStepLogisticClassifier("perceptron", stop="separated")
    here, there = (clone(model).fit(rows, y) for rows in (X, at_odd_address(X)))
    np.testing.assert_array_equal(there.coef_, here.coef_)
    assert_same(here.certificate_, there.certificate_)


def fails_far_out(x):
    if x[0] > 0.5:
        raise ArithmeticError("too far out")
    return x[0]


def test_errors_of_workers_arrive_with_what_they_hold(cluster):
    def fit(n_jobs):
        model = WeightedLeastSquaresApproximator(PLANE, random_state=SEED)
        with pytest.raises(EvaluationError) as caught:
            model.fit_function(fails_far_out, vectorized=False, n_jobs=n_jobs)
        return caught.value.points, caught.value.values, str(caught.value)

    here = fit(1)
    there, _ = cluster.run(fit, None)
    assert_same(here, there)
    assert "too far out" in there[2]
