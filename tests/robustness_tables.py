"""Small good data for every estimator, and what may be said of bad data: the tables of `test_robustness`."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.utils import get_tags

from statlearn.debias import GaussianMixtureScore, KDEScore, SplineScore

from .discovery import (
    CHECK_ARGUMENTS,
    COLLECTION_INPUT,
    GRAPH_INPUT,
    NODE_INPUT,
    PREDICTION_INPUT,
    make_estimator,
    public_estimators,
)

SCORES = {score.__name__: score for score in (GaussianMixtureScore, KDEScore, SplineScore)}
ESTIMATORS = {estimator.__name__: estimator for estimator in public_estimators()}

N_ROWS, N_COLUMNS = 30, 3
N_NODES = 16
N_GRAPHS, N_NODES_OF_EACH = 8, 6
N_PREDICTIONS = 60

# Arguments beside those of `CHECK_ARGUMENTS` that make a fit cheap enough for hundreds of them.
CHEAP_ARGUMENTS = {
    "DistanceCovarianceFairClassifier": {"tol": 1e-6},
    "DistanceCovarianceFairMLPClassifier": {"tol": 1e-6},
    "DistanceCovarianceFairMLPRegressor": {"tol": 1e-6},
    "DistanceCovarianceFairRegressor": {"tol": 1e-6},
    "GromovBarycenter": {"n_nodes": 3, "tol": 1e-4},
    "GromovNeighbors": {"n_neighbors": 2},
    "GromovNeighborsClassifier": {"n_neighbors": 2},
    "GromovNeighborsRegressor": {"n_neighbors": 2},
    # In single precision the many steps of SGDClassifier, a participant of scikit-learn's, lead elsewhere.
    "PredictionMarketClassifier": {
        "estimators": [("bayes", GaussianNB()), ("linear", LogisticRegression())],
        "refit_participants": False,
    },
    "PrestoClassifierCV": {"alphas": 4, "cv": 2},
}

# Names of the arguments, or their plain meaning, one of which every error must have.
WORDS = {
    "X": r"\bX\b|\b(features?|columns?|rows?|samples?|n_samples|tables?)\b",
    "y": r"\by\b|\b(targets?|class|classes|labels?|responses?|outcomes|truth)\b",
    "X or y": r"\b[Xy]\b|\b(features?|columns?|rows?|samples?|n_samples|tables?|target|class|classes)\b",
    "sample_weight": r"\b(sample_weight|weights?)\b",
    "sensitive_features": r"\bsensitive",
    "u": r"\bu\b|\b(samples?|n_samples|features?|df)\b",
}
WORDS_OF_KIND = {
    "table": "",
    "graph": r"|\b(graph|adjacency|nodes?|edges?)\b",
    "nodes": r"|\bnodes?\b",
    "predictions": r"|\bpredictions?\b",
    "collection": r"|\b(graphs?|matrix|adjacency)\b",
}

# What X and the weights come to in an estimator that corrects predictions of another one.
WORDS_OF_ESTIMATOR = {"DebiasedRegressor": r"|\bpredictions\b"}

# Log-probabilities, which are -inf where the probability is zero in floating point; their methods say so.
LOG_PROBABILITIES = {
    ("PrestoClassifier", "decision_function"),
    ("PrestoClassifierCV", "decision_function"),
    ("ProportionalOddsClassifier", "decision_function"),
}

# Bad input that an estimator takes on purpose: {(estimator, mutation): why}.
TAKEN_ON_PURPOSE = {
    ("DPPLeastSquares", "infinite_y"): "labels of rows that are not picked are not looked at",
    ("DPPLeastSquares", "missing_y"): "NaN stands for no label, of which no row that is picked may have one",
    ("DPPLeastSquares", "string_in_y"): "labels of rows that are not picked are not looked at",
    ("MarketForestClassifier", "missing_value"): "trees take missing values",
    ("MarketForestRegressor", "missing_value"): "trees take missing values",
    ("ProtectedEncoder", "strings"): "it encodes categories",
}

# Sentences of scikit-learn's and NumPy's own readers of tables, which every scikit-learn estimator says as well. They
# name what was found, but no argument.
BORROWED = {
    "could not be promoted",  # a frame with days and numbers, which an estimator within is given
    "could not convert string to float",
    "inconsistent numbers of samples",
}


@dataclass(frozen=True)
class Problem:
    """Good data of the kind an estimator is for, and how to build the estimator."""

    name: str
    kind: str
    X: np.ndarray
    y: np.ndarray

    def make(self):
        """An unfitted estimator."""
        return make_estimator(ESTIMATORS[self.name]).set_params(**self._arguments())

    def _arguments(self):
        arguments = dict(CHEAP_ARGUMENTS.get(self.name, {}))
        if self.kind == "nodes":
            arguments["graph"] = type(CHECK_ARGUMENTS[self.name]["graph"])(make_graph()[0])
        return arguments


def make_graph():
    """A connected graph with two communities, and the community of each node."""
    generator = np.random.default_rng(1)
    y = np.arange(N_NODES) % 2
    edges = np.triu(generator.random((N_NODES, N_NODES)) < np.where(np.equal.outer(y, y), 0.7, 0.2), k=1)
    return (edges | edges.T).astype(np.float64), y


def make_collection():
    """Stars and cycles with one more edge, and which of the two each graph was."""
    y = np.arange(N_GRAPHS) % 2
    star, cycle = np.zeros((N_NODES_OF_EACH, N_NODES_OF_EACH)), np.roll(np.eye(N_NODES_OF_EACH), 1, axis=1)
    star[0, 1:] = 1.0
    graphs = []
    for number, kind in enumerate(y):
        graph = (star, cycle)[kind].copy()
        graph[1, 3 + number // 3] = 1.0
        graphs.append(np.maximum(graph, graph.T))
    return np.stack(graphs), y


def make_table(name):
    """A table whose numbers are exact in single precision, and a target that depends on it; classes overlap."""
    generator = np.random.default_rng(2)
    n_rows, n_columns = (N_PREDICTIONS, 1) if name in PREDICTION_INPUT else (N_ROWS, N_COLUMNS)
    X = generator.normal(size=(n_rows, n_columns)).astype(np.float32).astype(np.float64)
    tags = get_tags(make_estimator(ESTIMATORS[name]))
    noise = (1.5 if tags.estimator_type == "classifier" else 0.5) * generator.normal(size=n_rows)
    signal = X @ np.array([1.0, -1.0, 0.5])[:n_columns] + noise
    if tags.estimator_type == "classifier":
        order = np.argsort(np.argsort(signal))
        return X, order * (3 if tags.classifier_tags.multi_class else 2) // n_rows
    return X, signal


@cache
def problem(name):
    """The problem of an estimator; nobody may change its arrays."""
    if name in GRAPH_INPUT:
        data = Problem(name, "graph", *make_graph())
    elif name in NODE_INPUT:
        data = Problem(name, "nodes", np.arange(N_NODES).reshape(-1, 1), make_graph()[1])
    elif name in COLLECTION_INPUT:
        n_graphs = 4 if name == "GromovBarycenter" else N_GRAPHS  # which has no neighbors to find, and is slow
        data = Problem(name, "collection", *(part[:n_graphs] for part in make_collection()))
    else:
        data = Problem(name, "predictions" if name in PREDICTION_INPUT else "table", *make_table(name))
    data.X.setflags(write=False)
    data.y.setflags(write=False)
    return data


# What is known to be wrong, {(estimator, mutation): what happens}. A case that is mended fails until its line is
# deleted.
DEFECTS = {}
