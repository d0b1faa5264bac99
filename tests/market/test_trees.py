"""Flat trees: the leaves of scikit-learn, for any forest, depth, dtype and missing values."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, ExtraTreeRegressor

from statlearn.market import _trees
from statlearn.market._trees import forest_trees, leaf_numbers, out_of_bag, sum_over_trees, trees_of

FORESTS = {
    "deep": RandomForestClassifier(20, random_state=0),
    "best first": RandomForestClassifier(5, max_leaf_nodes=9, random_state=0),
    "stumps": RandomForestRegressor(3, max_depth=1, random_state=0),
    "roots": RandomForestClassifier(3, max_depth=1, min_samples_leaf=200, random_state=0),
    "pruned": RandomForestClassifier(5, ccp_alpha=0.01, random_state=0),
    "extra": ExtraTreesClassifier(10, random_state=0),
    "extra regression": ExtraTreesRegressor(3, max_depth=5, random_state=0),
    "bagging": BaggingClassifier(DecisionTreeClassifier(), 5, max_features=0.5, random_state=0),
    "bagging one feature": BaggingRegressor(ExtraTreeRegressor(), 4, max_features=1, random_state=0),
    "bagging repeated features": BaggingRegressor(n_estimators=3, bootstrap_features=True, random_state=0),
}
BOOSTED = {
    "boosting": GradientBoostingClassifier(n_estimators=4, random_state=0),
    "boosted regression": GradientBoostingRegressor(n_estimators=4, random_state=0),
}


def problem(rng, missing=0.0):
    X, y = make_classification(700, 8, n_informative=5, n_classes=3, random_state=int(rng.integers(1000)))
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def sources(flat):
    """Number of each leaf as a node of its tree."""
    return flat.leaf_nodes - np.repeat(flat.node_offsets[:-1], np.diff(flat.leaf_offsets))


def applied(forest, X):
    """Leaves of scikit-learn, with the features of a Bagging* picked by hand."""
    features = getattr(forest, "estimators_features_", [slice(None)] * 1000)
    trees = np.ravel(forest.estimators_)
    return np.column_stack([tree.apply(X[:, own]) for tree, own in zip(trees, features, strict=False)])


class TestLeaves:
    @pytest.mark.parametrize("missing", [0.0, 0.1])
    @pytest.mark.parametrize("name", FORESTS)
    def test_those_of_scikit_learn(self, name, missing, rng):
        X, y = problem(rng, missing)
        forest = FORESTS[name].fit(X[:500], y[:500])
        flat = forest_trees(forest)
        leaves = leaf_numbers(X, flat)
        np.testing.assert_array_equal(sources(flat)[leaves], applied(forest, X))
        np.testing.assert_array_equal(
            np.searchsorted(flat.leaf_offsets, leaves[0], side="right") - 1, range(len(forest))
        )
        assert flat.leaf_offsets[-1] == sum(tree.get_n_leaves() for tree in forest.estimators_)
        assert leaves.dtype == np.int32
        assert leaves.flags.c_contiguous

    @pytest.mark.parametrize("name", BOOSTED)
    def test_those_of_boosting(self, name, rng):
        X, y = problem(rng)
        forest = BOOSTED[name].fit(X[:500], y[:500])
        flat = forest_trees(forest)
        np.testing.assert_array_equal(sources(flat)[leaf_numbers(X, flat)], forest.apply(X).reshape(len(X), -1))

    def test_missing_values_that_no_tree_has_seen_go_the_way_of_scikit_learn(self, rng):
        """A tree that meets its first missing value sends it to the larger child."""
        X, y = problem(rng)
        X[:50, 0] = np.nan
        forest = RandomForestClassifier(10, random_state=0).fit(X, y)
        probe = np.where(rng.random(X.shape) < 0.5, np.nan, X)
        flat = forest_trees(forest)
        np.testing.assert_array_equal(sources(flat)[leaf_numbers(probe, flat)], forest.apply(probe))

    def test_thresholds_between_float32_numbers(self, rng):
        """Rows that lie on thresholds, as float32 sees them, take the side that scikit-learn takes."""
        values = np.float32(rng.normal(size=400))
        X = np.column_stack([values, np.nextafter(values, np.float32(np.inf))]).astype(np.float32)
        forest = RandomForestClassifier(10, random_state=0).fit(X, rng.integers(2, size=400))
        flat = forest_trees(forest)
        probes = np.concatenate([tree.tree_.threshold for tree in forest.estimators_])[:, None].repeat(2, axis=1)
        np.testing.assert_array_equal(sources(flat)[leaf_numbers(probes, flat)], forest.apply(probes))
        for shift in (-1, 1):
            probe = np.nextafter(np.float32(probes), np.float32(shift * np.inf))
            np.testing.assert_array_equal(sources(flat)[leaf_numbers(probe, flat)], forest.apply(probe))

    @pytest.mark.parametrize("n_rows", [1, 2, 699])
    def test_blocks_and_threads_change_nothing(self, n_rows, rng, monkeypatch):
        X, y = problem(rng, 0.05)
        forest = FORESTS["deep"].fit(X, y)
        flat = forest_trees(forest)
        table = csr_array(rng.random((flat.leaf_nodes.size, 3)))
        leaves, sums = leaf_numbers(X, flat), sum_over_trees(X, flat, table)
        monkeypatch.setattr(_trees, "ROWS_AT_ONCE", 100)
        for n_jobs in (None, 3):
            np.testing.assert_array_equal(leaf_numbers(X[:n_rows], flat, n_jobs), leaves[:n_rows])
            np.testing.assert_array_equal(sum_over_trees(X[:n_rows], flat, table, n_jobs), sums[:n_rows])

    def test_more_rows_than_a_block_holds(self, rng):
        X, y = problem(rng)
        flat = forest_trees(FORESTS["best first"].fit(X, y))
        many = np.tile(X, (100, 1))
        np.testing.assert_array_equal(leaf_numbers(many, flat), np.tile(leaf_numbers(X, flat), (100, 1)))

    def test_columns_in_any_order_in_memory(self, rng):
        X, y = problem(rng)
        flat = forest_trees(FORESTS["deep"].fit(X, y))
        np.testing.assert_array_equal(leaf_numbers(np.asfortranarray(X), flat), leaf_numbers(X, flat))


def test_sums_over_trees(rng):
    X, y = problem(rng)
    flat = forest_trees(FORESTS["deep"].fit(X, y))
    table = rng.random((flat.leaf_nodes.size, 4)) * (rng.random((flat.leaf_nodes.size, 4)) < 0.5)
    expected = table[leaf_numbers(X, flat)].sum(axis=1)
    np.testing.assert_allclose(sum_over_trees(X, flat, csr_array(table)), expected, rtol=1e-13)


class TestOutOfBag:
    @pytest.mark.parametrize(
        "forest",
        [
            RandomForestClassifier(10, random_state=0),
            RandomForestRegressor(10, max_samples=0.3, random_state=0),
            ExtraTreesClassifier(10, bootstrap=True, random_state=0),
            BaggingClassifier(n_estimators=10, random_state=0),
            BaggingRegressor(n_estimators=10, bootstrap=False, max_samples=0.5, random_state=0),
        ],
        ids=lambda forest: type(forest).__name__,
    )
    def test_rows_that_a_tree_was_not_given(self, forest, rng):
        X, y = problem(rng)
        forest.fit(X, y, sample_weight=rng.integers(0, 3, size=len(y)) if forest.bootstrap else None)
        unseen = out_of_bag(forest, len(X))
        expected = [[i not in seen for seen in map(set, forest.estimators_samples_)] for i in range(len(X))]
        np.testing.assert_array_equal(unseen, expected)
        assert unseen.dtype == bool

    def test_a_fully_grown_tree_errs_on_no_other_rows(self, rng):
        X, y = problem(rng)
        forest = RandomForestClassifier(10, random_state=0).fit(X, y)
        unseen = out_of_bag(forest, len(X))
        for tree, rows in zip(forest.estimators_, unseen.T, strict=True):
            wrong = tree.predict(X) != y
            assert wrong.any()
            assert rows[wrong].all()

    @pytest.mark.parametrize(
        "forest",
        [
            RandomForestClassifier(3, bootstrap=False),
            ExtraTreesClassifier(3),
            BaggingClassifier(n_estimators=3, bootstrap=False),
            GradientBoostingClassifier(n_estimators=3, subsample=0.5),
        ],
        ids=lambda forest: type(forest).__name__,
    )
    def test_trees_that_saw_everything(self, forest, rng):
        X, y = problem(rng)
        with pytest.raises(ValueError, match=f'no tree of this {type(forest).__name__}.*training_rows="holdout"'):
            out_of_bag(forest.fit(X, y), len(X))

    def test_other_rows(self, rng):
        X, y = problem(rng)
        with pytest.raises(ValueError, match='more than the 300 given: give the same rows, or use training_rows="hold'):
            out_of_bag(RandomForestClassifier(3, random_state=0).fit(X, y), 300)


class TestForests:
    @pytest.mark.parametrize(
        ("forest", "message"),
        [
            (
                HistGradientBoostingClassifier(max_iter=2),
                "Got HistGradientBoostingClassifier, which has no public trees",
            ),
            (AdaBoostClassifier(n_estimators=2), r"must be RandomForest\*, .* Got AdaBoostClassifier"),
            (DecisionTreeClassifier(), "Got DecisionTreeClassifier"),
            (BaggingClassifier(LogisticRegression(), 2), "Got BaggingClassifier of LogisticRegression"),
            (BaggingClassifier(RandomForestClassifier(2), 2), "Got BaggingClassifier of RandomForestClassifier"),
        ],
        ids=["hist", "ada", "tree", "linear", "forests"],
    )
    def test_others(self, forest, message, rng):
        X, y = problem(rng)
        forest.fit(X, y)
        for door in (forest_trees, lambda forest: out_of_bag(forest, len(X))):
            with pytest.raises(TypeError, match=message):
                door(forest)

    @pytest.mark.parametrize("forest", [RandomForestClassifier(), BaggingRegressor(), GradientBoostingClassifier()])
    def test_not_fitted(self, forest):
        with pytest.raises(NotFittedError, match=type(forest).__name__):
            forest_trees(forest)

    def test_several_outputs(self, rng):
        X, y = problem(rng)
        forest = RandomForestRegressor(2).fit(X, np.column_stack([y, y]))
        with pytest.raises(ValueError, match="must predict one output. Got RandomForestRegressor with 2 outputs"):
            trees_of(forest)

    def test_trees_of_boosting_stand_stage_by_stage(self, rng):
        X, y = problem(rng)
        forest = BOOSTED["boosting"].fit(X, y)
        assert [id(tree) for tree in trees_of(forest)] == [id(tree) for stage in forest.estimators_ for tree in stage]
