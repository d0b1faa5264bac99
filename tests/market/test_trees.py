"""Flat trees: the leaves and probabilities of scikit-learn, for any depth, dtype and missing values."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from statlearn.market._trees import flatten, leaf_numbers, pooled_leaves


def flat_forest(forest):
    return flatten([tree.tree_ for tree in forest.estimators_])


def leaves(flat, X):
    result = np.empty((len(X), flat.roots.size), dtype=np.int32)
    X = np.ascontiguousarray(X, dtype=np.float32)
    leaf_numbers(X, flat.nodes, flat.roots, flat.leaves, np.isnan(X).any(), result)
    return result


def distributions(forest, flat):
    """Class distribution of each leaf."""
    parts = np.split(flat.sources, flat.offsets[1:-1])
    return np.concatenate([tree.tree_.value[part, 0] for tree, part in zip(forest.estimators_, parts, strict=True)])


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    "forest",
    [
        RandomForestClassifier(20, random_state=0),
        RandomForestClassifier(5, max_leaf_nodes=9, random_state=0),
        RandomForestClassifier(3, max_depth=1, random_state=0),
        ExtraTreesClassifier(10, random_state=0),
    ],
    ids=["deep", "best first", "stumps", "extra"],
)
def test_leaves_are_those_of_scikit_learn(forest, missing, rng):
    X, y = make_classification(700, 8, n_informative=5, n_classes=3, random_state=0)
    X[rng.random(X.shape) < missing] = np.nan
    forest.fit(X[:500], y[:500])
    flat = flat_forest(forest)
    np.testing.assert_array_equal(flat.sources[leaves(flat, X)], forest.apply(X))
    assert flat.offsets[-1] == sum(tree.get_n_leaves() for tree in forest.estimators_)


def test_thresholds_between_float32_numbers(rng):
    """Rows that lie on thresholds, as float32 sees them, take the side that scikit-learn takes."""
    values = np.float32(rng.normal(size=400))
    X = np.column_stack([values, np.nextafter(values, np.float32(np.inf))]).astype(np.float32)
    forest = RandomForestClassifier(10, random_state=0).fit(X, rng.integers(2, size=400))
    flat = flat_forest(forest)
    probes = np.concatenate([tree.tree_.threshold for tree in forest.estimators_])[:, None].repeat(2, axis=1)
    for shift in (-1, 0, 1):
        probe = np.float32(probes)
        probe = probe if shift == 0 else np.nextafter(probe, np.float32(shift * np.inf))
        np.testing.assert_array_equal(flat.sources[leaves(flat, probe)], forest.apply(probe))


def test_equal_budgets_are_the_forest(rng):
    X, y = make_classification(600, 8, n_informative=6, n_classes=4, random_state=1)
    forest = RandomForestClassifier(15, min_samples_leaf=3, random_state=0).fit(X[:300], y[:300])
    flat = flat_forest(forest)
    table = distributions(forest, flat)
    rows, classes = np.nonzero(table)
    starts = np.searchsorted(rows, np.arange(len(table) + 1))
    budgets, prices = np.ones(len(table)), np.zeros((600, 4))
    walk = flat.nodes, flat.roots, flat.leaves, False
    pooled_leaves(np.float32(X), *walk, budgets, starts, classes, table[rows, classes], prices)
    np.testing.assert_allclose(prices, forest.predict_proba(X), atol=1e-14)
    budgets = rng.gamma(1.0, size=len(table))
    expected = np.einsum("nt,ntk->nk", budgets[leaves(flat, X)], table[leaves(flat, X)])
    prices[:] = 0.0
    stakes = (budgets[:, None] * table)[rows, classes]
    pooled_leaves(np.float32(X), *walk, budgets, starts, classes, stakes, prices)
    np.testing.assert_allclose(prices, expected / budgets[leaves(flat, X)].sum(axis=1)[:, None], atol=1e-14)
