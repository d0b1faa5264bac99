"""The estimator base: documentation link and version stamp."""

import copy
import pickle
import warnings

import pytest
from sklearn.base import clone

from statlearn import __version__
from statlearn._support.base import StatlearnEstimator, unchanged_on_error
from statlearn.exceptions import VersionWarning


class Dummy(StatlearnEstimator):
    """An estimator that learns one number."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y=None):
        self.center_ = sum(X) / len(X) + self.shift
        return self


class Careful(Dummy):
    """The same, but learns a second number that needs two rows."""

    @unchanged_on_error
    def fit(self, X, y=None):
        super().fit(X)
        self.second_ = X[1]
        return self


def other_version(estimator, version):
    """The pickle of an estimator as another version of the library would have written it."""
    stamped = pickle.dumps(estimator, protocol=0)
    return stamped.replace(f"V{__version__}\n".encode(), f"V{version}\n".encode())


def test_round_trip_is_silent_and_leaves_no_stamp():
    model = Dummy(2.0).fit([1.0, 3.0])
    assert model.__getstate__()["_statlearn_version"] == __version__
    for twin in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert vars(twin) == {"shift": 2.0, "center_": 4.0} == vars(model)
    assert not hasattr(clone(model), "center_")


def test_other_version_warns():
    data = other_version(Dummy().fit([1.0]), "0.0.7")
    with pytest.warns(VersionWarning, match=rf"Dummy was saved by statlearn 0\.0\.7 and is loaded by {__version__}"):
        model = pickle.loads(data)
    assert vars(model) == {"shift": 0.0, "center_": 1.0}


def test_missing_stamp_warns():
    with pytest.warns(VersionWarning, match="an unknown version"):
        Dummy().__setstate__({"shift": 1.0})


def test_state_that_is_loaded_is_not_changed():
    state = Dummy().__getstate__()
    before = dict(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dummy().__setstate__(state)
    assert state == before


def test_documentation_link():
    class Published(Dummy):
        __module__ = "statlearn.family._private_file"

    assert Published()._get_doc_link().endswith("/api/generated/statlearn.family.Published.html")
    assert Dummy()._get_doc_link() == ""  # a class of somebody else's module has no page in our documentation


def test_a_fit_that_fails_changes_nothing():
    model = Careful()
    with pytest.raises(IndexError):
        model.fit([7.0])
    assert vars(model) == {"shift": 0.0}
    before = dict(vars(model.fit([1.0, 3.0])))
    with pytest.raises(IndexError):
        model.fit([7.0])
    assert vars(model) == before == {"shift": 0.0, "center_": 2.0, "second_": 3.0}
