"""What the package offers to the public, found through ``__all__`` (no list could forget a name), and how to fit it."""

import importlib
import inspect
import pkgutil
from functools import cache

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

import statlearn

# Constructor arguments that make an estimator fit for small data; everything else runs with its defaults.
CHECK_ARGUMENTS = {"PrestoClassifierCV": {"alphas": 10}}


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


def make_data(estimator, dtype=np.float64):
    """A small problem of the kind the estimator is for."""
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
