"""The market of a forest's leaves: the forest itself at equal budgets, honest rows, streams, what it refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from statlearn.exceptions import SeenRowsWarning
from statlearn.market import MarketForestClassifier
from statlearn.market._forest_classifier import _tempered

from .problems import one_pass

FORESTS = [
    RandomForestClassifier(20, random_state=0),
    RandomForestClassifier(20, min_samples_leaf=4, class_weight="balanced", random_state=0),
    ExtraTreesClassifier(20, random_state=0),
    ExtraTreesClassifier(20, bootstrap=True, max_samples=0.5, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(), 20, max_features=0.6, random_state=0),
]
every_forest = pytest.mark.parametrize("forest", FORESTS, ids=lambda forest: type(forest).__name__)
every_kind = pytest.mark.parametrize("kind", ["leaf", "tree", "node"])
RATE = 0.3


@pytest.fixture
def rows():
    return make_classification(500, 8, n_informative=5, n_classes=3, flip_y=0.1, random_state=2)


def small_forest(**parameters):
    return RandomForestClassifier(20, random_state=0, **parameters)


# --- equal budgets, and how they move ---------------------------------------------------------------------------------


@every_forest
@pytest.mark.parametrize("kind", ["leaf", "tree"])
def test_equal_budgets_are_the_forest(rows, forest, kind):
    X, y = rows
    market = MarketForestClassifier(forest, participants=kind, n_epochs=0, random_state=0).fit(X, y)
    np.testing.assert_allclose(market.predict_proba(X), market.estimator_.predict_proba(X), atol=1e-12)
    np.testing.assert_array_equal(market.predict(X), market.estimator_.predict(X))
    assert (market.budgets_ == 1.0).all()
    assert market.n_iter_ == 0


def slow_pass(forest, X, y, awake, kind):
    """One pass at rate `RATE`, leaf by leaf of scikit-learn's own trees; budgets by (tree, node)."""
    budgets, trees = {}, [tree.tree_ for tree in forest.estimators_]
    for i in range(len(X)):
        bets = []
        for t, tree in enumerate(trees):
            if not awake[i, t]:
                continue
            path = forest.estimators_[t].decision_path(X[i : i + 1].astype(np.float32)).indices
            leaf = max(path, key=lambda node: tree.children_left[node] < 0)
            for node in path if kind == "node" else [leaf]:
                owner = (t, 0 if kind == "tree" else node)
                start = 0.1 if kind == "node" and node != leaf else 1.0
                bets.append((owner, budgets.setdefault(owner, start), tree.value[node, 0, y[i]]))
        if not bets or not any(h for _, _, h in bets):
            continue
        price = sum(b * h for _, b, h in bets) / sum(b for _, b, _ in bets)
        for owner, b, h in bets:
            budgets[owner] = b * (1 + RATE * (h / price - 1))
    return budgets


@every_kind
def test_one_pass_by_hand(kind):
    X, y = make_classification(120, 5, flip_y=0.2, random_state=0)
    forest = RandomForestClassifier(6, max_depth=4, random_state=0)
    market = MarketForestClassifier(forest, participants=kind, learning_rate=RATE, **one_pass()).fit(X, y)
    awake = np.ones((120, 6), dtype=bool)
    for t, seen in enumerate(market.estimator_.estimators_samples_):
        awake[seen, t] = False
    expected = slow_pass(market.estimator_, X, y, awake, kind)
    for (t, node), budget in expected.items():
        is_leaf = market.estimator_.estimators_[t].tree_.children_left < 0
        place = {"tree": 0, "node": node, "leaf": np.cumsum(is_leaf)[node] - 1}[kind]
        assert market.budgets_[market.tree_offsets_[t] + place] == pytest.approx(budget, rel=1e-9)
    assert market.budgets_.sum() == pytest.approx(market._ledger.initial.sum(), rel=1e-12)


@every_kind
@every_forest
def test_budgets_are_kept_and_earned(rows, forest, kind):
    X, y = rows
    market = MarketForestClassifier(forest, participants=kind, n_epochs=3, early_stopping=False, random_state=0)
    market.fit(X, y)
    assert market.certificate_.holds
    assert market.certificate_["budget conservation"].holds
    assert market.certificate_["regret of the first pass"].holds
    np.testing.assert_allclose(market.tree_budgets_.sum(), market.budgets_.sum())
    np.testing.assert_allclose(market.predict_proba(X).sum(axis=1), 1.0)
    assert np.ptp(market.budgets_ / market._ledger.initial) > 0.01
    assert market.tree_offsets_.size == len(market.estimator_.estimators_) + 1


@pytest.mark.parametrize("update", ["online", "implicit", "batch", "likelihood"])
def test_every_update_lowers_the_loss_of_its_rows(rows, update):
    X, y = rows
    settings = {"update": update, "learning_rate": 0.5, "early_stopping": False, "n_epochs": 8}
    market = MarketForestClassifier(small_forest(), **settings, random_state=0).fit(X, y)
    assert market.loss_curve_[-1] < market.loss_curve_[0] - 0.002
    assert market.certificate_.holds


def test_out_of_bag_losses_are_those_of_scikit_learn(rows):
    """The first pass with a vanishing rate prices rows as the out-of-bag estimate of the forest does."""
    X, y = rows
    forest = RandomForestClassifier(60, oob_score=True, random_state=0)
    market = MarketForestClassifier(forest, learning_rate=1e-12, **one_pass()).fit(X, y)
    own = market.estimator_.oob_decision_function_[np.arange(500), y]
    assert market.loss_curve_[0] == pytest.approx(-np.log(np.maximum(own, 1e-6)).mean(), rel=1e-9)


# --- which rows -------------------------------------------------------------------------------------------------------


def test_nothing_moves_on_rows_that_were_seen(rows):
    """Fully grown trees without bootstrap are right on all their rows: the warning names the cure."""
    X, y = rows
    market = MarketForestClassifier(ExtraTreesClassifier(20, random_state=0), training_rows="train", random_state=0)
    with pytest.warns(SeenRowsWarning, match="this ExtraTreesClassifier was fitted to.*training_rows='holdout'"):
        market.fit(X, y)
    assert (market.budgets_ == 1.0).all()
    shallow = ExtraTreesClassifier(20, max_depth=3, random_state=0)
    with pytest.warns(SeenRowsWarning):
        MarketForestClassifier(shallow, training_rows="train", random_state=0).fit(X, y)
    fitted = ExtraTreesClassifier(20, random_state=0).fit(X, y)
    with pytest.warns(SeenRowsWarning):
        MarketForestClassifier(fitted, prefit=True, early_stopping=False, random_state=0).fit(X, y)


def test_training_rows_of_a_bootstrap(rows):
    X, y = rows
    for training_rows in ("auto", "oob", "holdout", "train"):
        market = MarketForestClassifier(small_forest(), training_rows=training_rows, random_state=0).fit(X, y)
        assert market.certificate_.holds
    assert MarketForestClassifier(small_forest())._training_rows() == "oob"
    assert MarketForestClassifier(ExtraTreesClassifier())._training_rows() == "holdout"


def test_held_out_rows_are_new_to_the_forest(rows):
    X, y = rows
    market = MarketForestClassifier(ExtraTreesClassifier(20, random_state=0), **one_pass(random_state=0)).fit(X, y)
    assert market.history_["rounds"][-1] == 100  # a fifth
    assert market.estimator_.estimators_[0].tree_.n_node_samples[0] == 400


def test_out_of_bag_needs_a_bootstrap(rows):
    X, y = rows
    with pytest.raises(ValueError, match='training_rows="holdout"'):
        MarketForestClassifier(ExtraTreesClassifier(10), training_rows="oob").fit(X, y)


def test_rows_that_every_tree_saw_are_counted(rows):
    X, y = rows
    market = MarketForestClassifier(RandomForestClassifier(2, random_state=0), **one_pass()).fit(X, y)
    seen = np.array([np.isin(np.arange(500), part) for part in market.estimator_.estimators_samples_]).all(axis=0)
    assert market.n_no_trade_ == seen.sum() > 50


def test_a_fitted_forest(rows):
    X, y = rows
    forest = small_forest().fit(X[:250], y[:250])
    market = MarketForestClassifier(forest, prefit=True, **one_pass()).fit(X[250:], y[250:])
    assert market.estimator_ is forest
    assert market.history_["rounds"][-1] + market.n_unsettled_ == 250
    same = MarketForestClassifier(forest, prefit=True, training_rows="oob", **one_pass()).fit(X[:250], y[:250])
    other = MarketForestClassifier(small_forest(), **one_pass()).fit(X[:250], y[:250])
    np.testing.assert_array_equal(same.budgets_, other.budgets_)


# --- streams ----------------------------------------------------------------------------------------------------------


@every_kind
def test_chunks_of_a_stream_are_one_pass_bit_for_bit(rows, kind):
    X, y = rows
    forest = small_forest().fit(X[:200], y[:200])
    settings = {"prefit": True, "participants": kind, "tax": 0.01}
    whole = MarketForestClassifier(forest, **settings, **one_pass()).fit(X[200:], y[200:])
    stream = MarketForestClassifier(forest, **settings)
    for part in np.array_split(np.arange(200, 500), 7):
        stream.partial_fit(X[part], y[part])
    np.testing.assert_array_equal(stream.budgets_, whole.budgets_)
    np.testing.assert_array_equal(stream.predict_proba(X), whole.predict_proba(X))
    assert stream.certificate_.holds


def test_the_first_chunk_may_grow_the_forest(rows):
    X, y = rows
    stream = MarketForestClassifier(small_forest(), random_state=0)
    with pytest.raises(ValueError, match="classes must be given"):
        stream.partial_fit(X[:200], y[:200])
    stream.partial_fit(X[:200], y[:200], classes=[0, 1, 2, 3])
    fitted = MarketForestClassifier(small_forest(), random_state=0).fit(X[:200], y[:200])
    np.testing.assert_array_equal(stream.budgets_, fitted.budgets_)
    assert stream.predict_proba(X).shape == (500, 4)
    assert (stream.predict_proba(X)[:, 3] == 0).all()
    for market in (stream, fitted):
        market.partial_fit(X[200:], y[200:])
    np.testing.assert_array_equal(stream.budgets_, fitted.budgets_)


def test_streams_refuse_what_they_cannot_do(rows):
    X, y = rows
    market = MarketForestClassifier(small_forest(), random_state=0).fit(X, y)
    before = market.budgets_.copy()
    with pytest.raises(ValueError, match=r"labels \[9\]"):
        market.partial_fit(X[:2], [0, 9])
    with pytest.raises(ValueError, match=r"since the first call. Got \[0, 9\]"):
        market.partial_fit(X[:2], [0, 1], classes=np.array([0, 9]))
    with pytest.raises(ValueError, match="features"):
        market.partial_fit(X[:2, :3], [0, 1])
    with pytest.raises(ValueError, match="update='batch'"):
        clone(market).set_params(update="batch").fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(market.budgets_, before)
    boosting = GradientBoostingClassifier(n_estimators=5).fit(X, y)
    with pytest.raises(ValueError, match="call fit"):
        MarketForestClassifier(boosting, prefit=True).partial_fit(X, y)


# --- probabilities ----------------------------------------------------------------------------------------------------


def test_temperature_is_the_best_power(rows):
    X, y = rows
    market = MarketForestClassifier(small_forest(), n_epochs=0, calibrate="temperature", random_state=0).fit(X, y)
    plain = MarketForestClassifier(small_forest(oob_score=True), n_epochs=0, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        market.predict_proba(X), _tempered(plain.predict_proba(X), market.temperature_), rtol=1e-12
    )
    np.testing.assert_array_equal(market.predict(X), plain.predict(X))
    prices = plain.estimator_.oob_decision_function_

    def loss(temperature):
        own = _tempered(prices, temperature)[np.arange(500), y]
        return -np.log(np.maximum(own, 1e-6)).mean()

    grid = np.exp(np.linspace(-1.5, 1.5, 400))
    assert loss(market.temperature_) <= min(loss(t) for t in grid) + 1e-6
    assert market.temperature_ != 1.0


def test_temperatures_need_honest_prices(rows):
    X, y = rows
    for settings in ({"early_stopping": False}, {"training_rows": "train"}):
        with pytest.raises(ValueError, match="calibrate='temperature' needs prices that budgets were not trained on"):
            MarketForestClassifier(small_forest(), calibrate="temperature", **settings).fit(X, y)
    market = MarketForestClassifier(small_forest(), calibrate="temperature", random_state=0).fit(X, y)
    assert 0.2 < market.temperature_ < 5.0


def test_smoothing_leaves_no_price_at_zero(rows):
    X, y = rows
    market = MarketForestClassifier(small_forest(), leaf_smoothing=1.0, n_epochs=0).fit(X, y)
    assert market.predict_proba(X).min() > 0.0
    tree = market.estimator_.estimators_[0].tree_
    leaf = np.flatnonzero(tree.children_left < 0)[0]
    n = tree.weighted_n_node_samples[leaf]
    expected = (n * tree.value[leaf, 0] + market.prior_) / (n + 1)
    np.testing.assert_allclose(market._participants.table[0], expected)


def test_leaves_of_boosting_bet_frequencies(rows):
    """One stage of one tree per class: class frequencies of the rows it was grown on, by leaf."""
    X, y = rows
    forest = GradientBoostingClassifier(n_estimators=1, max_depth=2, random_state=0)
    market = MarketForestClassifier(forest, n_epochs=0, random_state=0).fit(X, y)
    ids = market.estimator_.apply(X)[:, 0].astype(int)
    table = market._participants.table
    assert table.shape == (market.tree_offsets_[-1], 3)
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    prices = market.predict_proba(X)
    for leaf in np.unique(ids, axis=0):
        same = (ids == leaf).all(axis=1)
        assert np.ptp(prices[same], axis=0).max() == 0.0
    assert log_loss(y, prices) < log_loss(y, np.tile(market.prior_, (500, 1))) - 0.05


def test_explanations_are_shares_of_trees(rows):
    X, y = rows
    market = MarketForestClassifier(small_forest(), random_state=0).fit(X, y)
    shares, prices = market.explain(X), market.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)
    i, k = 17, prices[17].argmax()
    stakes = np.zeros(20)
    for t, tree in enumerate(market.estimator_.estimators_):
        leaf = tree.apply(X[i : i + 1].astype(np.float32))[0]
        number = np.flatnonzero(np.flatnonzero(tree.tree_.children_left < 0) == leaf)[0]
        stakes[t] = market.budgets_[market.tree_offsets_[t] + number] * tree.tree_.value[leaf, 0, k]
    np.testing.assert_allclose(shares[i], stakes / stakes.sum(), rtol=1e-10)


def test_log_loss_of_digits_falls():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[:1200], order[1200:]
    market = MarketForestClassifier(RandomForestClassifier(50, random_state=0), random_state=0).fit(X[train], y[train])
    losses = [log_loss(y[test], model.predict_proba(X[test])) for model in (market, market.estimator_)]
    assert losses[0] < losses[1] - 0.05
    assert market.certificate_["held-out loss"].statistic == market.validation_loss_.min() < market.validation_loss_[0]


# --- bad input, and in scikit-learn -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(),
        LogisticRegression(),
        AdaBoostClassifier(),
        BaggingClassifier(LogisticRegression(), 5),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_forests_without_public_trees(rows, estimator):
    with pytest.raises(TypeError, match="estimator must be RandomForest"):
        MarketForestClassifier(estimator).fit(*rows)


def test_bad_input(rows):
    X, y = rows
    with pytest.raises(NotFittedError, match="prefit=True needs a fitted estimator"):
        MarketForestClassifier(small_forest(), prefit=True).fit(X, y)
    for label in (1, "spam"):
        with pytest.raises(ValueError, match=f"y has only one class, {label!r}: there is nothing to bet on"):
            MarketForestClassifier(small_forest()).fit(X, np.full(500, label))
    with pytest.raises(ValueError, match="Unknown label type|continuous"):
        MarketForestClassifier(small_forest()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="1d array"):
        MarketForestClassifier(small_forest()).fit(X, np.eye(3)[y])
    with pytest.raises(ValueError, match=r"labels \[2\]"):
        fitted = small_forest().fit(X[y < 2], y[y < 2])
        MarketForestClassifier(fitted, prefit=True).fit(X, y)
    with pytest.raises(ValueError, match="'learning_rate'"):
        MarketForestClassifier(small_forest(), learning_rate=1.5).fit(X, y)


def test_missing_values_pass_through(rows):
    X, y = rows
    X = X.copy()
    X[::7, 2] = np.nan
    market = MarketForestClassifier(small_forest(), n_epochs=0).fit(X, y)
    np.testing.assert_allclose(market.predict_proba(X), market.estimator_.predict_proba(X), atol=1e-12)
    with pytest.raises(ValueError, match="NaN"):
        MarketForestClassifier(GradientBoostingClassifier(n_estimators=3)).fit(X, y)


def test_rare_classes_stay_with_the_forest(rows):
    X, y = rows
    y = y.copy()
    y[3] = 7
    market = MarketForestClassifier(ExtraTreesClassifier(10, random_state=0), random_state=0).fit(X, y)
    np.testing.assert_array_equal(market.estimator_.classes_, [0, 1, 2, 7])
    labels = np.array(["a", "b", "c"])[rows[1]]
    named = MarketForestClassifier(small_forest(), random_state=0).fit(X, labels)
    plain = MarketForestClassifier(small_forest(), random_state=0).fit(X, rows[1])
    np.testing.assert_array_equal(named.budgets_, plain.budgets_)


def test_weights_without_effect_and_with(rows, rng):
    X, y = rows
    settings = {"random_state": 0, "n_epochs": 2, "early_stopping": False}
    fitted = small_forest().fit(X[:200], y[:200])
    plain = MarketForestClassifier(fitted, prefit=True, **settings).fit(X[200:], y[200:])
    equal = MarketForestClassifier(fitted, prefit=True, **settings).fit(X[200:], y[200:], np.full(300, 3.0))
    np.testing.assert_allclose(plain.budgets_, equal.budgets_, rtol=1e-12)
    weights = (rng.random(300) < 0.5).astype(float)
    skipped = MarketForestClassifier(fitted, prefit=True, learning_rate=0.1, **one_pass())
    skipped.fit(X[200:], y[200:], weights)
    kept = MarketForestClassifier(fitted, prefit=True, learning_rate=0.1, **one_pass())
    kept.fit(X[200:][weights > 0], y[200:][weights > 0])
    np.testing.assert_allclose(skipped.budgets_, kept.budgets_, rtol=1e-9)


def test_grid_search_and_frames():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler().set_output(transform="pandas"), MarketForestClassifier(small_forest())),
        {
            "marketforestclassifier__learning_rate": [0.05, 0.3],
            "marketforestclassifier__estimator__max_depth": [3, None],
            "marketforestclassifier__participants": ["leaf", "node"],
        },
        scoring="neg_log_loss",
        cv=3,
    ).fit(X, y)
    assert search.best_estimator_[-1].certificate_.holds
    assert search.best_score_ > -0.25
    assert list(search.best_estimator_[-1].feature_names_in_) == list(X.columns)


def test_threads_change_no_bit(rows):
    X, y = rows
    one = MarketForestClassifier(random_state=0, n_jobs=1).fit(X, y)
    two = MarketForestClassifier(random_state=0, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.budgets_, two.budgets_)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_progress(rows):
    X, y = rows
    with_bar = MarketForestClassifier(small_forest(), random_state=0).set_callbacks(ProgressBar()).fit(X, y)
    without = MarketForestClassifier(small_forest(), random_state=0).fit(pd.DataFrame(X), y)
    np.testing.assert_array_equal(with_bar.budgets_, without.budgets_)
