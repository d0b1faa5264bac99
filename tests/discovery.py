"""What the package offers to the public, found through ``__all__`` (no list could forget a name), and how to fit it."""

import importlib
import inspect
import pkgutil
from functools import cache, wraps

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

import statlearn
from statlearn.debias import LinearCalibrationCorrector
from statlearn.debias._score_estimator import ScoreEstimator
from statlearn.design import PolynomialBasis
from statlearn.graph import SpectralGraph

# Constructor arguments that make an estimator fit for small data; everything else runs with its defaults.
N_NODES = 40
N_GRAPHS, N_NODES_OF_EACH = 24, 7


def make_graph():
    """A connected graph with two communities, and the community of each node."""
    generator = np.random.default_rng(0)
    y = np.arange(N_NODES) % 2
    edges = np.triu(generator.random((N_NODES, N_NODES)) < np.where(np.equal.outer(y, y), 0.6, 0.1), k=1)
    return (edges | edges.T).astype(np.float64), y


def make_collection():
    """Connected graphs, each a star or a cycle with two random edges more, and which of the two it was."""
    generator = np.random.default_rng(0)
    y = np.arange(N_GRAPHS) % 2
    star, cycle = np.zeros((N_NODES_OF_EACH, N_NODES_OF_EACH)), np.roll(np.eye(N_NODES_OF_EACH), 1, axis=1)
    star[0, 1:] = 1.0
    graphs = []
    for kind in y:
        graph = (star, cycle)[kind].copy()
        graph[tuple(generator.choice(N_NODES_OF_EACH, size=2, replace=False))] = 1.0
        graph[tuple(generator.choice(N_NODES_OF_EACH, size=2, replace=False))] = 1.0
        graphs.append(np.maximum(graph, graph.T))
    return np.stack(graphs), y


FAIR = {"sensitive_columns": [0], "drop_sensitive": False, "fairness_weight": 0.1, "normalize": "dcor", "tol": 1e-12}
FAIR_NETWORK = {"hidden_layer_sizes": (3,), "fairness_weight": 0.0, "alpha": 0.1, "tol": 1e-12, "random_state": 0}
PARTICIPANTS = [("bayes", GaussianNB()), ("linear", SGDClassifier(loss="log_loss", random_state=0))]
REGRESSORS = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))]
CHECK_ARGUMENTS = {
    "DPPLeastSquares": {"random_state": 0},
    "DistanceCovarianceFairClassifier": FAIR,
    "DistanceCovarianceFairMLPClassifier": FAIR_NETWORK,
    "DistanceCovarianceFairMLPRegressor": FAIR_NETWORK,
    "DistanceCovarianceFairRegressor": FAIR,
    "GromovBarycenter": {"n_nodes": 4, "n_init": 1, "random_state": 0},
    "GromovWassersteinDistance": {"method": "spectral"},
    "KernelKMeans": {"n_clusters": 3, "kernel": "rbf", "random_state": 0},
    "GraphKernelKMeans": {"random_state": 0},
    "MarketForestClassifier": {"estimator": RandomForestClassifier(10, random_state=0), "random_state": 0},
    "MarketForestRegressor": {"estimator": RandomForestRegressor(10, random_state=0), "random_state": 0},
    "NodeKernel": {"kernel": "heat"},
    "NodeKernelClassifier": {"graph": SpectralGraph(make_graph()[0])},
    "PredictionMarketRegressor": {"estimators": REGRESSORS, "random_state": 0},
    "PredictionMarketClassifier": {"estimators": PARTICIPANTS, "refit_participants": True, "random_state": 0},
    "PoolDPPSampler": {"random_state": 0},
    "PrestoClassifierCV": {"alphas": 10},
    "TestableHalfspaceClassifier": {"n_null": 19, "on_reject": "ignore", "random_state": 0},
    "WeightedLeastSquaresApproximator": {"basis": PolynomialBasis(degree=1), "weights": "uniform"},
}

# Estimators whose X is a graph. scikit-learn's checks know tables, and kernel matrices where `pairwise` is set: they
# then run on non-negative symmetric matrices, which are graphs. The estimators themselves must not set `pairwise`, or
# a cross-validation would delete nodes.
GRAPH_INPUT = {"GraphKernelKMeans", "GraphKernelWard", "NodeKernel"}
NODE_INPUT = {"NodeKernelClassifier"}

# Estimators whose X is a list of graphs. A list is no table either, but each row of a table is a cloud of points on a
# line, which is a graph by its distances: scikit-learn's checks run on those.
COLLECTION_INPUT = {
    "GromovBarycenter",
    "GromovNeighbors",
    "GromovNeighborsClassifier",
    "GromovNeighborsRegressor",
    "GromovSignature",
    "GromovWassersteinDistance",
}

# Estimators whose X is a vector of predictions, in one column.
PREDICTION_INPUT = {"LinearCalibrationCorrector", "SieveCorrector", "TweedieCorrector"}


def public_modules():
    """Every importable module of the package whose dotted name has no private part, by name."""
    modules = {"statlearn": statlearn}
    for info in pkgutil.walk_packages(statlearn.__path__, "statlearn."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            modules[info.name] = importlib.import_module(info.name)
    return modules


def public_objects():
    """Every public class and function, by dotted public name."""
    return {
        f"{module_name}.{name}": getattr(module, name)
        for module_name, module in public_modules().items()
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
    }


def public_estimators():
    """Every public estimator class, in the order of their names.

    Scores of densities are none: they are fitted to a sample of numbers, not to a table.
    """
    classes = {
        thing
        for thing in public_objects().values()
        if inspect.isclass(thing) and issubclass(thing, BaseEstimator) and not issubclass(thing, ScoreEstimator)
    }
    return sorted(classes, key=lambda estimator: estimator.__name__)


def make_estimator(estimator_class):
    """An instance that fits small data quickly."""
    return estimator_class(**CHECK_ARGUMENTS.get(estimator_class.__name__, {}))


class _Pairwise:
    """Tags under which scikit-learn's checks feed graphs."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = tags.input_tags.pairwise = True
        return tags


@cache
def fed_with_graphs(estimator_class):
    """The estimator class under the tags of `_Pairwise`, by its own name and importable for pickles."""
    name = estimator_class.__name__
    module = inspect.getmodule(fed_with_graphs)
    twin = type(name, (_Pairwise, estimator_class), {"__module__": module.__name__, "__qualname__": name})
    setattr(module, name, twin)
    return twin


class _Table:
    """Tags under which scikit-learn's checks feed tables."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def _on_rows(estimator_class, key):
    """A method that takes a table through scikit-learn's own door and its rows as clouds of points on the line."""
    method = getattr(estimator_class, key)
    if "transform" in key:
        method = method.__wrapped__  # the coat of `set_output`, which the twin gets as well

    @wraps(method)
    def wrapped(self, X, *args, **kwargs):
        table = validate_data(self, X, reset=key.startswith("fit"), dtype=None, ensure_all_finite=False)
        return method(self, [row[:, None] for row in table], *args, **kwargs)

    return wrapped


@cache
def fed_with_rows(estimator_class):
    """The estimator class under the tags of `_Table`, on rows as clouds; importable for pickles."""
    name = estimator_class.__name__
    module = inspect.getmodule(fed_with_rows)
    methods = ["fit", "fit_transform", "transform", "predict", "predict_proba", "score_samples"]
    own = {key: _on_rows(estimator_class, key) for key in methods if hasattr(estimator_class, key)}
    twin = type(name, (_Table, estimator_class), {**own, "__module__": module.__name__, "__qualname__": name})
    setattr(module, name, twin)
    return twin


class SameRows:
    """Folds that predict the rows a model was fitted to, with which even noise is predicted somewhat."""

    def __repr__(self):  # in names of tests, which must be the same in each process
        return "SameRows()"

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1

    def split(self, X, y=None, groups=None):
        yield np.arange(len(y)), np.arange(len(y))


def make_checked(estimator_class):
    """The instance that scikit-learn's checks run on."""
    if estimator_class.__name__ == "DebiasedRegressor":  # the checks fit noise, with which it refuses to predict
        parts = {"estimator": Ridge(), "corrector": LinearCalibrationCorrector(min_slope=0.0)}
        return make_estimator(estimator_class).set_params(**parts, cv=SameRows())
    if estimator_class.__name__ in GRAPH_INPUT:
        return make_estimator(fed_with_graphs(estimator_class))
    if estimator_class.__name__ in COLLECTION_INPUT:
        twin = make_estimator(fed_with_rows(estimator_class)).set_params(cost="euclidean")
        return twin.set_params(n_neighbors=1) if hasattr(twin, "n_neighbors") else twin  # solves few pairs
    return make_estimator(estimator_class)


def make_data(estimator, dtype=np.float64):
    """A small problem of the kind the estimator is for."""
    if type(estimator).__name__ in GRAPH_INPUT:
        return make_graph()
    if type(estimator).__name__ in COLLECTION_INPUT:
        return make_collection()
    if type(estimator).__name__ in NODE_INPUT:
        return np.arange(N_NODES).reshape(-1, 1), make_graph()[1]
    generator = np.random.default_rng(0)
    if type(estimator).__name__ in PREDICTION_INPUT:
        X = generator.normal(size=(400, 1)).astype(dtype)
        return X, X[:, 0] + generator.normal(size=400)
    X = generator.normal(size=(90, 3)).astype(dtype)
    signal = X @ [1.0, -1.0, 0.5] + 0.5 * generator.normal(size=90)
    if get_tags(estimator).estimator_type == "classifier":
        multi_class = get_tags(estimator).classifier_tags.multi_class
        return X, np.digitize(signal, [-0.5, 1.0] if multi_class else [0.0])
    return X, signal


@cache
def fitted(estimator_class):
    """A fitted instance and its data; nobody may change them."""
    estimator = make_estimator(estimator_class)
    X, y = make_data(estimator)
    return estimator.fit(X, y), X, y
