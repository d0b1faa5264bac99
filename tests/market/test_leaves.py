"""Participants of forests: equal budgets are the forest, and totals, rounds and moments are those of slow loops."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import make_classification, make_friedman1
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from statlearn.market import ConstantBetting
from statlearn.market._leaves import (
    PARTICIPANT_KINDS,
    LeafTotals,
    forest_participants,
    node_distributions,
    node_frequencies,
    node_sums,
    pooled_moments,
    pooled_prices,
    tree_stakes,
)
from statlearn.market._trees import forest_trees, leaf_numbers, trees_of

ROUNDING = 1e-12
every_kind = pytest.mark.parametrize("kind", PARTICIPANT_KINDS)


def problem(rng, n_classes=4, missing=0.0):
    X, y = make_classification(
        400, 8, n_informative=6, n_classes=n_classes, flip_y=0.2, random_state=int(rng.integers(1000))
    )
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def small_market(rng, kind, n_trees=4):
    X, y = problem(rng, n_classes=3)
    forest = RandomForestClassifier(n_trees, max_depth=4, random_state=0).fit(X, y)
    flat = forest_trees(forest)
    return X[:60], y[:60], forest, flat, forest_participants(flat, kind, node_distributions(forest))


def offers_by_hand(forest, X, kind, offsets):
    """Owner and belief of every offer, by row and tree, in the order from the root to the leaf."""
    offers = []
    for x in X:
        of_row = []
        for t, tree in enumerate(forest.estimators_):
            path = np.sort(tree.decision_path(x[None]).indices)
            leaf, beliefs = path[-1], tree.tree_.value[path, 0]
            number_of_leaf = int((tree.tree_.children_left[:leaf] < 0).sum())
            if kind == "leaf":
                of_row.append([(offsets[t] + number_of_leaf, beliefs[-1])])
            elif kind == "tree":
                of_row.append([(t, beliefs[-1])])
            else:
                of_row.append([(offsets[t] + node, belief) for node, belief in zip(path, beliefs, strict=True)])
        offers.append(of_row)
    return offers


def node_means(forest):
    return np.concatenate([tree.tree_.value[:, 0, 0] for tree in forest.estimators_])


class TestEqualBudgets:
    @pytest.mark.parametrize("missing", [0.0, 0.1])
    @pytest.mark.parametrize(
        "forest",
        [
            RandomForestClassifier(15, random_state=0),
            RandomForestClassifier(15, min_samples_leaf=3, random_state=0),
            RandomForestClassifier(15, max_leaf_nodes=12, class_weight="balanced", random_state=0),
            RandomForestClassifier(
                15, max_depth=5, class_weight="balanced_subsample", criterion="entropy", random_state=0
            ),
            ExtraTreesClassifier(15, max_depth=6, random_state=0),
            BaggingClassifier(DecisionTreeClassifier(min_samples_leaf=4), 8, max_features=0.5, random_state=0),
        ],
        ids=["deep", "leaves of three", "best first", "class weights", "extra", "bagging"],
    )
    @pytest.mark.parametrize("kind", ["leaf", "tree"])
    def test_they_are_the_forest(self, kind, forest, missing, rng):
        X, y = problem(rng, missing=missing)
        labels = np.array(["d", "a", "c", "b"])[y]
        forest.fit(X[:300], labels[:300], sample_weight=rng.integers(1, 4, size=300))
        flat = forest_trees(forest)
        participants = forest_participants(flat, kind, node_distributions(forest))
        prices = pooled_prices(X, flat, participants.leaf_totals(participants.initial))
        np.testing.assert_allclose(prices, forest.predict_proba(X), rtol=0, atol=ROUNDING)

    def test_trees_that_lack_a_class(self, rng):
        """Without a request for weights, the trees are given rows, and some miss the rare class."""
        X, y = problem(rng, n_classes=3)
        y = np.where(np.arange(400) < 5, 1, np.where(y == 1, 2, y))
        with config_context(enable_metadata_routing=True):
            forest = BaggingClassifier(DecisionTreeClassifier(max_depth=4), 10, max_samples=0.3, random_state=0).fit(
                X, y
            )
        assert min(tree.classes_.size for tree in forest.estimators_) < 3
        flat = forest_trees(forest)
        participants = forest_participants(flat, "leaf", node_distributions(forest))
        prices = pooled_prices(X, flat, participants.leaf_totals(participants.initial))
        np.testing.assert_allclose(prices, forest.predict_proba(X), rtol=0, atol=ROUNDING)


class TestParticipants:
    @every_kind
    def test_budgets_at_the_start(self, kind, rng):
        *_, forest, flat, participants = small_market(rng, kind)
        trees = [tree.tree_ for tree in forest.estimators_]
        counts = {
            "leaf": [tree.n_leaves for tree in trees],
            "tree": [1] * 4,
            "node": [tree.node_count for tree in trees],
        }
        assert participants.n_participants == sum(counts[kind])
        np.testing.assert_array_equal(np.diff(participants.offsets), counts[kind])
        if kind == "node":
            is_leaf = np.concatenate([tree.children_left for tree in trees]) < 0
            np.testing.assert_array_equal(participants.initial, np.where(is_leaf, 1.0, 0.1))
        else:
            assert set(participants.initial) == {1.0}
        np.testing.assert_array_equal(participants.table, node_distributions(forest)[participants.nodes])

    @every_kind
    @pytest.mark.parametrize("some_sleep", [False, True])
    def test_rounds(self, kind, some_sleep, rng):
        X, _, forest, flat, participants = small_market(rng, kind)
        awake = rng.random((60, 4)) < 0.5
        awake[3] = False
        rounds = participants.rounds(leaf_numbers(X, flat), awake if some_sleep else None)
        assert rounds.n_rounds == 60
        assert rounds.starts[-1] == rounds.owners.size
        for i, of_row in enumerate(offers_by_hand(forest, X, kind, participants.offsets)):
            expected = [offer for t in range(4) if awake[i, t] or not some_sleep for offer in of_row[t][::-1]]
            offers = slice(rounds.starts[i], rounds.starts[i + 1])
            assert rounds.owners[offers].tolist() == [owner for owner, _ in expected]
            beliefs = np.reshape([belief for _, belief in expected], (-1, 3))
            np.testing.assert_array_equal(rounds.table[rounds.beliefs[offers]], beliefs)

    @every_kind
    def test_totals_at_leaves_are_prices_of_rounds(self, kind, rng):
        X, _, forest, flat, participants = small_market(rng, kind)
        budgets = rng.gamma(0.5, size=participants.n_participants)
        budgets[rng.random(budgets.size) < 0.2] = 0.0
        wealth, stakes = participants.leaf_totals(budgets)
        leaves = leaf_numbers(X, flat)
        prices = pooled_prices(X, flat, LeafTotals(wealth, stakes))
        for i, of_row in enumerate(offers_by_hand(forest, X, kind, participants.offsets)):
            for leaf, offers in zip(leaves[i], of_row, strict=True):
                assert wealth[leaf] == pytest.approx(sum(budgets[owner] for owner, _ in offers), rel=1e-13)
                staked = sum(budgets[owner] * belief for owner, belief in offers)
                np.testing.assert_allclose(stakes[[leaf]].toarray()[0], staked, rtol=1e-13, atol=0)
            everything = [offer for offers in of_row for offer in offers]
            staked = sum(budgets[owner] * belief for owner, belief in everything)
            with np.errstate(invalid="ignore"):  # nobody has a budget
                expected = staked / sum(budgets[owner] for owner, _ in everything)
            np.testing.assert_allclose(prices[i], expected, rtol=1e-12)
        by_kernel, _ = participants.rounds(leaves).price(budgets, ConstantBetting())
        np.testing.assert_allclose(prices, by_kernel, rtol=1e-12)

    def test_rows_without_budgets_have_no_price(self, rng):
        X, _, _, flat, participants = small_market(rng, "leaf")
        budgets, leaves = participants.initial.copy(), leaf_numbers(X, flat)
        budgets[leaves[7]] = 0.0
        totals = participants.leaf_totals(budgets)
        broke = np.isin(leaves, leaves[7]).all(axis=1)
        assert broke[7]
        np.testing.assert_array_equal(np.isnan(pooled_prices(X, flat, totals)).all(axis=1), broke)
        np.testing.assert_array_equal(np.isfinite(pooled_prices(X, flat, totals)).all(axis=1), ~broke)

    @every_kind
    def test_stakes_of_trees(self, kind, rng):
        X, y, forest, flat, participants = small_market(rng, kind)
        budgets = rng.gamma(0.5, size=participants.n_participants)
        totals = participants.leaf_totals(budgets)
        found = tree_stakes(X, flat, totals, y)
        for i, of_row in enumerate(offers_by_hand(forest, X, kind, participants.offsets)):
            expected = [sum(budgets[owner] * belief[y[i]] for owner, belief in offers) for offers in of_row]
            np.testing.assert_allclose(found[i], expected, rtol=1e-12)
        wealth = totals.wealth[leaf_numbers(X, flat)].sum(axis=1)
        prices = pooled_prices(X, flat, totals)[np.arange(60), y]
        np.testing.assert_allclose(found.sum(axis=1) / wealth, prices, rtol=1e-12)


class TestNodes:
    def test_sums_over_the_rows_that_reach_a_node(self, rng):
        X, y = problem(rng)
        forest = RandomForestClassifier(5, max_leaf_nodes=20, random_state=0).fit(X, y)
        flat, values = forest_trees(forest), rng.normal(size=(400, 3))
        paths = [tree.decision_path(X).toarray() for tree in forest.estimators_]
        expected = np.concatenate([path.T @ values for path in paths])
        np.testing.assert_allclose(node_sums(flat, leaf_numbers(X, flat), values), expected, atol=1e-11)

    def test_frequencies_of_all_rows_are_those_of_a_tree_without_bootstrap(self, rng):
        X, y = problem(rng)
        weight = rng.integers(1, 4, size=400).astype(float)
        forest = ExtraTreesClassifier(5, max_depth=5, random_state=0).fit(X, y, sample_weight=weight)
        flat = forest_trees(forest)
        frequencies = node_frequencies(flat, leaf_numbers(X, flat), y, 4, weight)
        np.testing.assert_allclose(frequencies, node_distributions(forest), atol=1e-13)

    def test_nodes_of_boosting_that_no_row_reaches_have_the_prior(self, rng):
        X, y = problem(rng, n_classes=3)
        boosting = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, y)
        flat, weight = forest_trees(boosting), (np.arange(30) < 20) * rng.gamma(1.0, size=30)
        frequencies = node_frequencies(flat, leaf_numbers(X[:30], flat), y[:30], 3, weight)
        prior = np.bincount(y[:30], weight, 3) / weight.sum()
        paths = np.hstack([tree.decision_path(np.float32(X[:30])).toarray() for tree in trees_of(boosting)]).astype(
            bool
        )
        unreached = 0
        for node, rows in enumerate(paths.T):
            reached = weight[rows].sum() > 0.0
            unreached += not reached
            expected = np.bincount(y[:30][rows], weight[rows], 3) / weight[rows].sum() if reached else prior
            np.testing.assert_allclose(frequencies[node], expected, atol=1e-14)
        assert unreached > 0


class TestMoments:
    @every_kind
    def test_of_mixtures_of_normals(self, kind, rng):
        X, y = make_friedman1(300, noise=1.0, random_state=int(rng.integers(1000)))
        forest = RandomForestRegressor(5, min_samples_leaf=5, max_depth=6, random_state=0).fit(X, y)
        flat = forest_trees(forest)
        means, variances = node_means(forest), np.concatenate([tree.tree_.impurity for tree in forest.estimators_])
        participants = forest_participants(flat, kind, np.column_stack([means, variances + means**2]))
        budgets = rng.gamma(1.0, size=participants.n_participants)
        moments = pooled_moments(X, flat, participants.leaf_totals(budgets))
        rounds = participants.rounds(leaf_numbers(X, flat))
        nodes = participants.nodes[rounds.beliefs]
        for i in range(300):
            offers = slice(rounds.starts[i], rounds.starts[i + 1])
            share, at = budgets[rounds.owners[offers]], nodes[offers]
            mean = (share * means[at]).sum() / share.sum()
            variance = (share * (variances[at] + (means[at] - mean) ** 2)).sum() / share.sum()
            np.testing.assert_allclose(moments[i], [mean, variance + mean**2], rtol=1e-11)

    def test_equal_budgets_are_the_forest(self, rng):
        X, y = make_friedman1(300, random_state=int(rng.integers(1000)))
        forest = RandomForestRegressor(10, random_state=0).fit(X[:200], y[:200])
        flat = forest_trees(forest)
        means = node_means(forest)
        participants = forest_participants(flat, "leaf", np.column_stack([means, means**2]))
        moments = pooled_moments(X, flat, participants.leaf_totals(participants.initial))
        np.testing.assert_allclose(moments[:, 0], forest.predict(X), rtol=ROUNDING)
        squares = np.mean([tree.predict(X) ** 2 for tree in forest.estimators_], axis=0)
        np.testing.assert_allclose(moments[:, 1], squares, rtol=ROUNDING)

    def test_rows_without_budgets_have_none(self, rng):
        X, y = make_friedman1(100, random_state=0)
        flat = forest_trees(RandomForestRegressor(2, random_state=0).fit(X, y))
        nothing = LeafTotals(np.zeros(flat.leaf_nodes.size), csr_array((flat.leaf_nodes.size, 2)))
        assert np.isnan(pooled_moments(X, flat, nothing)).all()
