"""What the package offers to the public, found through ``__all__`` (no list could forget a name), and how to fit it."""

import importlib
import inspect
import pkgutil
from functools import cache

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

import statlearn
from statlearn.graph import SpectralGraph

# Constructor arguments that make an estimator fit for small data; everything else runs with its defaults.
N_NODES = 40


def make_graph():
    """A connected graph with two communities, and the community of each node."""
    generator = np.random.default_rng(0)
    y = np.arange(N_NODES) % 2
    edges = np.triu(generator.random((N_NODES, N_NODES)) < np.where(np.equal.outer(y, y), 0.6, 0.1), k=1)
    return (edges | edges.T).astype(np.float64), y


CHECK_ARGUMENTS = {
    "KernelKMeans": {"n_clusters": 3, "kernel": "rbf", "random_state": 0},
    "GraphKernelKMeans": {"random_state": 0},
    "NodeKernel": {"kernel": "heat"},
    "NodeKernelClassifier": {"graph": SpectralGraph(make_graph()[0])},
    "PrestoClassifierCV": {"alphas": 10},
}

# Estimators whose X is a graph. scikit-learn's checks know tables, and kernel matrices where `pairwise` is set: they
# then run on non-negative symmetric matrices, which are graphs. The estimators themselves must not set `pairwise`, or
# a cross-validation would delete nodes.
GRAPH_INPUT = {"GraphKernelKMeans", "GraphKernelWard", "NodeKernel"}
NODE_INPUT = {"NodeKernelClassifier"}


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
    """Every public estimator class, in the order of their names."""
    classes = {
        thing for thing in public_objects().values() if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
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


def make_checked(estimator_class):
    """The instance that scikit-learn's checks run on."""
    if estimator_class.__name__ in GRAPH_INPUT:
        return make_estimator(fed_with_graphs(estimator_class))
    return make_estimator(estimator_class)


def make_data(estimator, dtype=np.float64):
    """A small problem of the kind the estimator is for."""
    if type(estimator).__name__ in GRAPH_INPUT:
        return make_graph()
    if type(estimator).__name__ in NODE_INPUT:
        return np.arange(N_NODES).reshape(-1, 1), make_graph()[1]
    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 3)).astype(dtype)
    signal = X @ [1.0, -1.0, 0.5] + 0.5 * generator.normal(size=90)
    if get_tags(estimator).estimator_type == "classifier":
        return X, np.digitize(signal, [-0.5, 1.0])
    return X, signal


@cache
def fitted(estimator_class):
    """A fitted instance and its data; nobody may change them."""
    estimator = make_estimator(estimator_class)
    X, y = make_data(estimator)
    return estimator.fit(X, y), X, y
