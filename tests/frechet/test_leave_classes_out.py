"""Folds that hide whole classes."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from statlearn.frechet import LeaveClassesOut


def labels(rng, n_classes=12):
    """Classes of very different sizes, in random order."""
    return rng.permutation(np.repeat(np.arange(n_classes), rng.integers(1, 40, size=n_classes)))


@pytest.mark.parametrize("random_state", [None, 0, 7])
@pytest.mark.parametrize("n_splits", [2, 3, 12])
def test_every_class_is_hidden_once_and_whole(rng, n_splits, random_state):
    y = labels(rng)
    folds = list(LeaveClassesOut(n_splits, random_state=random_state).split(y[:, None], y))
    assert len(folds) == n_splits
    for train, test in folds:
        assert train.size > 0
        assert test.size > 0
        assert not set(y[train]) & set(y[test])
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(y.size))
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(y.size))


def test_largest_class_first_fills_the_emptiest_fold():
    y = np.repeat(["a", "b", "c", "d", "e"], [8, 7, 6, 5, 4])
    hidden = [sorted(set(y[test])) for _, test in LeaveClassesOut(2).split(y, y)]
    assert hidden == [["a", "d", "e"], ["b", "c"]]  # 8 + 5 + 4 and 7 + 6, dealt in turn


@pytest.mark.parametrize("seed", range(20))
def test_folds_are_balanced(seed):
    # A fold is ahead of the smallest by at most the last class it was given.
    y = labels(np.random.default_rng(seed))
    sizes = [test.size for _, test in LeaveClassesOut(3).split(y, y)]
    assert max(sizes) - min(sizes) <= np.bincount(y).max()


def test_random_state_changes_the_folds_and_fixes_them(rng):
    y = labels(rng)

    def hidden(random_state):
        return [test.tolist() for _, test in LeaveClassesOut(4, random_state=random_state).split(y, y)]

    assert hidden(0) == hidden(0)
    assert len({str(hidden(seed)) for seed in range(5)}) == 5


def test_it_serves_scikit_learn(rng):
    y = labels(rng, 6)
    X = rng.normal(size=(y.size, 2))
    splitter = LeaveClassesOut(3)
    assert splitter.get_n_splits() == splitter.get_n_splits(X, y) == 3
    assert repr(splitter) == "LeaveClassesOut(n_splits=3, random_state=None)"
    # No classifier gets a hidden label right.
    np.testing.assert_array_equal(cross_val_score(LogisticRegression(), X, y, cv=splitter), np.zeros(3))
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=splitter)
    assert clone(search).fit(X, y).best_score_ == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_splits": 1}, ValueError, "n_splits must be at least 2"),
        ({"n_splits": 2.0}, TypeError, "n_splits must be an integer. Got 2.0"),
        ({"n_splits": True}, TypeError, "n_splits must be an integer. Got True"),
    ],
)
def test_numbers_of_folds_that_make_no_sense(arguments, error, message):
    with pytest.raises(error, match=message):
        LeaveClassesOut(**arguments)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 0, 1, 1], "n_splits=3 folds need as many classes to hide. y has 2"),
        ([0.5, 1.5, 2.5, 3.25], "Unknown label type: continuous"),
        (None, "y should be a 1d array"),
    ],
)
def test_labels_that_cannot_be_hidden(y, message):
    with pytest.raises(ValueError, match=message):
        list(LeaveClassesOut(3).split(np.zeros((4, 1)), y))
