"""The kernel market: kernel densities of scikit-learn at equal budgets, and settlements one participant at a time."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn._support.random_streams import spawn_generators
from statlearn.market import KernelMarketClassifier, _kernel_bets
from statlearn.market._kernel_bets import draw_participants, scale_gamma, settle_rows
from statlearn.market._ledger import MIN_BUDGET


def make_rows(rng, n_samples=60, n_features=3):
    X = rng.normal(size=(n_samples, n_features))
    return X, np.digitize(X[:, 0] + 0.5 * rng.normal(size=n_samples), [-0.5, 0.7])


def bayes_rule(X, y, rows, weights=None, **density):
    """Posterior log-probabilities of kernel densities of the classes and their shares."""
    weights = np.ones(len(y)) if weights is None else weights
    logs = []
    for label in np.unique(y):
        own = y == label
        estimate = KernelDensity(rtol=1e-12, **density).fit(X[own], sample_weight=weights[own])
        logs.append(estimate.score_samples(rows) + np.log(weights[own].sum() / weights.sum()))
    logs = np.column_stack(logs)
    return logs - logsumexp(logs, axis=1, keepdims=True)


def prices_of_others(budgets, bets, labels, asleep=None):
    """Stakes on every class, of the participants that are awake."""
    stakes = np.zeros(3)
    for m in range(len(budgets)):
        if m != asleep:
            stakes[labels[m]] += budgets[m] * bets[m]
    return stakes


def settled(budgets, bets, labels, truth, rate, asleep):
    """Equation (1), one participant after the other."""
    stakes = prices_of_others(budgets, bets, labels, asleep)
    price = stakes[truth] / stakes.sum()
    after = budgets.copy()
    for m in range(len(budgets)):
        if m != asleep:
            after[m] += rate * budgets[m] * bets[m] * ((labels[m] == truth) / price - 1.0)
    return after, -np.log(price)


# --- equal budgets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_budgets_are_bayes_rule_with_kernel_densities(rng, gamma, weighted):
    X, y = make_rows(rng)
    rows, weights = rng.normal(size=(40, 3)), rng.gamma(1.0, size=60) if weighted else None
    gaussian = bayes_rule(X, y, rows, weights, kernel="gaussian", bandwidth=1.0 / np.sqrt(2.0 * gamma))
    model = KernelMarketClassifier(gamma=gamma).fit(X, y, weights)
    np.testing.assert_allclose(model.predict_log_proba(rows), gaussian, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(model.predict_proba(rows), np.exp(gaussian), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(model.predict(rows), gaussian.argmax(axis=1))
    exponential = bayes_rule(X, y, rows, weights, kernel="exponential", metric="manhattan", bandwidth=1.0 / gamma)
    model = KernelMarketClassifier("laplacian", gamma).fit(X, y, weights)
    np.testing.assert_allclose(model.predict_log_proba(rows), exponential, rtol=1e-9, atol=1e-10)


def test_participants_are_the_rows_class_after_class(rng):
    X, y = make_rows(rng)
    model = KernelMarketClassifier().fit(X, np.array(["c", "a", "b"])[y])
    np.testing.assert_array_equal(model.participant_classes_, np.sort(np.array(["c", "a", "b"])[y]))
    np.testing.assert_array_equal(model.X_fit_, X[model.participants_])
    np.testing.assert_array_equal(np.sort(model.participants_), np.arange(60))
    np.testing.assert_allclose(model.budgets_, 1.0 / 60.0, rtol=1e-12)
    np.testing.assert_allclose(model.prior_, np.bincount(y)[[1, 2, 0]] / 60.0)
    assert model.n_iter_ == len(model.loss_curve_) == 0
    assert bool(model.certificate_)


def test_the_nearest_participants_price_rows_that_are_far_from_all(rng):
    X, y = make_rows(rng)
    model = KernelMarketClassifier(gamma=10.0).fit(X, y)
    far = 1e4 * rng.normal(size=(20, 3))
    nearest = np.argmin(((far[:, None] - X) ** 2).sum(axis=2), axis=1)
    np.testing.assert_array_equal(model.predict(far), y[nearest])
    np.testing.assert_allclose(model.predict_proba(far).sum(axis=1), 1.0)
    assert np.isfinite(model.predict_log_proba(far)).all()
    assert (model.predict_log_proba(far) < -745.0).any()  # the logarithm of the smallest positive number


def test_invariances_of_equal_budgets(rng):
    X, y = make_rows(rng)
    rows, order = rng.normal(size=(10, 3)), rng.permutation(60)
    prices = KernelMarketClassifier().fit(X, y).predict_proba(rows)
    shuffled = KernelMarketClassifier().fit(X[order], y[order]).predict_proba(rows)
    np.testing.assert_allclose(shuffled, prices, rtol=1e-12)
    moved = KernelMarketClassifier(gamma=0.7).fit(X + 1e6, y).predict_proba(rows + 1e6)
    np.testing.assert_allclose(moved, KernelMarketClassifier(gamma=0.7).fit(X, y).predict_proba(rows), rtol=1e-7)
    in_other_units = KernelMarketClassifier().fit(100.0 * X, y).predict_proba(100.0 * rows)
    np.testing.assert_allclose(in_other_units, prices, rtol=1e-10)
    renamed = KernelMarketClassifier().fit(X, np.array([7, 5, 6])[y]).predict_proba(rows)
    np.testing.assert_allclose(renamed, prices[:, [1, 2, 0]], rtol=1e-12)


def test_weights_are_repetitions_at_equal_budgets(rng):
    X, y = make_rows(rng)
    rows, counts = rng.normal(size=(10, 3)), rng.integers(0, 4, size=60)
    weighted = KernelMarketClassifier().fit(X, y, counts)
    repeated = KernelMarketClassifier().fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_array_equal(np.sort(weighted.participants_), np.flatnonzero(counts))
    assert weighted.gamma_ == pytest.approx(repeated.gamma_, rel=1e-12)
    np.testing.assert_allclose(weighted.predict_proba(rows), repeated.predict_proba(rows), rtol=1e-10)


def test_gamma_of_scale(rng):
    X = rng.gamma(1.0, size=(20, 4))
    assert scale_gamma(X, np.full(20, 0.05)) == pytest.approx(1.0 / (4.0 * X.var()), rel=1e-12)
    assert scale_gamma(np.ones((5, 2)), np.full(5, 0.2)) == 1.0


def test_gamma_of_values_that_vary_by_the_rounding_of_their_mean_only(rng):
    weights = rng.dirichlet(np.ones(30))
    values = np.full((30, 3), 1e5 / 3.0)
    assert weights @ np.mean((values - weights @ values.mean(axis=1)) ** 2, axis=1) > 0.0
    assert scale_gamma(values, weights) == 1.0
    assert scale_gamma(1e-160 * rng.normal(size=(30, 3)), weights) == 1.0  # one over the variance is infinite
    assert np.isfinite(scale_gamma(1e-153 * rng.normal(size=(30, 3)), weights))


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1.0])
def test_prices_sum_to_one_however_far_rows_are(rng, kernel, scale):
    X, y = make_rows(rng)
    model = KernelMarketClassifier(kernel).fit(scale * X, y)
    for factor in (1e-30, 1.0, 1e30, 1e149):
        prices = model.predict_proba(factor * X)
        np.testing.assert_allclose(prices.sum(axis=1), 1.0, rtol=1e-12)


def test_far_participants_at_one_place_share_by_their_budgets():
    X, y = np.array([[0.0], [0.0], [0.0], [-1.0]]), np.array([0, 0, 1, 1])
    near = KernelMarketClassifier(gamma=1.0).fit(X, y).predict_proba([[1.0]])
    np.testing.assert_allclose(near, np.array([[2.0, 1.0 + np.exp(-3.0)]]) / (3.0 + np.exp(-3.0)), rtol=1e-12)
    same = KernelMarketClassifier(gamma=1.0).fit(X[:3], y[:3]).predict_proba([[1e30]])
    np.testing.assert_allclose(same, [[2.0 / 3.0, 1.0 / 3.0]], rtol=1e-12)


def test_blocks_of_rows_do_not_matter(rng, monkeypatch):
    X, y = make_rows(rng)
    settings = {"n_epochs": 2, "random_state": 0}
    whole = KernelMarketClassifier(**settings).fit(X, y)
    prices = whole.predict_proba(X)
    monkeypatch.setattr(_kernel_bets, "BLOCK_SIZE", 60)
    monkeypatch.setattr(_kernel_bets, "FEWEST_ROWS", 7)
    np.testing.assert_allclose(whole.predict_proba(X), prices, rtol=1e-12)
    np.testing.assert_allclose(KernelMarketClassifier(**settings).fit(X, y).budgets_, whole.budgets_, rtol=1e-9)


# --- learned budgets --------------------------------------------------------------------------------------------------


def test_settlements_one_participant_at_a_time(rng):
    labels = np.repeat([0, 1, 2], [5, 3, 4])
    bets, budgets = rng.uniform(size=(25, 12)), rng.dirichlet(np.ones(12))
    truths, rates, own = rng.integers(0, 3, size=25), rng.uniform(size=25), rng.integers(0, 12, size=25)
    expected, losses = budgets.copy(), []
    for i in range(25):
        expected, loss = settled(expected, bets[i], labels, truths[i], rates[i], own[i])
        losses.append(loss)
        assert expected.sum() == pytest.approx(1.0, rel=1e-12)
    asleep = np.log(bets)
    asleep[np.arange(25), own] = -np.inf
    found = settle_rows(asleep, truths, rates, budgets, np.array([0, 5, 8, 12]), 1e-16)
    np.testing.assert_allclose(found, losses, rtol=1e-9)
    np.testing.assert_allclose(budgets, expected, rtol=1e-9)


def test_a_fit_settles_its_rows_while_their_own_participants_sleep(rng):
    X, y = make_rows(rng, 30)
    weights = rng.integers(1, 3, size=30).astype(float)
    gamma, rate = 2.0, 0.4
    model = KernelMarketClassifier(gamma=gamma, n_epochs=2, learning_rate=rate, random_state=3).fit(X, y, weights)
    bets = np.exp(-gamma * ((X[:, None] - X) ** 2).sum(axis=2))
    budgets, curve, orders = weights / weights.sum(), [], spawn_generators(3, 2)[1]
    for n_pass in range(3):
        losses = np.empty(30)
        for i in orders.permutation(30):
            own_rate = min(1.0, rate * weights[i] / weights.mean()) if n_pass else 0.0
            budgets, losses[i] = settled(budgets, bets[i], y, y[i], own_rate, i)
        curve.append(weights @ np.minimum(losses, -np.log(1e-6)) / weights.sum())
    np.testing.assert_allclose(model.budgets_, budgets[model.participants_], rtol=1e-7)
    np.testing.assert_allclose(model.loss_curve_, curve, rtol=1e-9)
    assert model.n_iter_ == 2
    assert model.certificate_["loss at equal budgets"].statistic == pytest.approx(curve[0])
    assert model.certificate_["loss in the first pass"].statistic == pytest.approx(curve[1])
    assert model.certificate_["loss in the last pass"].statistic == pytest.approx(curve[2])


def test_a_row_says_nothing_about_its_own_label():
    X, y = np.array([[0.0], [1.0], [1.1], [5.0], [5.1]]), np.array([0, 0, 0, 1, 1])
    alone = KernelMarketClassifier(gamma=1.0, n_epochs=1, random_state=0).fit(X[[0, 1, 2, 3]], y[[0, 1, 2, 3]])
    assert alone.n_unsettled_ == 1  # nobody else bets on the only row of class 1
    assert alone.certificate_["rounds not settled"].statistic == 1
    assert alone.loss_curve_[0] > 0.25 * -np.log(1e-6)
    joined = KernelMarketClassifier(gamma=1.0, n_epochs=1, random_state=0).fit(X, y)
    assert joined.n_unsettled_ == 0
    assert joined.loss_curve_[0] < 0.1


def test_a_mislabeled_participant_loses_its_budget(rng):
    X = np.concatenate([rng.normal(-2.0, 1.0, size=(50, 2)), rng.normal(2.0, 1.0, size=(50, 2))])
    y = np.repeat([0, 1], 50)
    X[0], y[0] = [-2.0, -2.0], 1
    model = KernelMarketClassifier(gamma=0.5, n_epochs=20, random_state=0).fit(X, y)
    budgets = np.empty(100)
    budgets[model.participants_] = model.budgets_
    assert budgets[0] < 0.02 * np.median(budgets)
    assert model.budgets_.sum() == pytest.approx(1.0, rel=1e-12)
    assert (model.budgets_ >= MIN_BUDGET * 0.01 * (1.0 - 1e-9)).all()


def test_far_rows_teach_next_to_nothing_and_break_nothing(rng):
    X, y = make_rows(rng)
    X[0] = 1e3
    model = KernelMarketClassifier(gamma=1.0, n_epochs=5, random_state=0).fit(X, y)
    budgets = np.empty(60)
    budgets[model.participants_] = model.budgets_
    assert np.isfinite(model.budgets_).all()
    assert budgets[0] == pytest.approx(1.0 / 60.0, rel=1e-9)  # its bets are nothing elsewhere
    assert (model.budgets_ != model.budgets_[0]).any()


def test_narrow_kernels_keep_their_budgets(rng):
    X, y = make_rows(rng)
    model = KernelMarketClassifier(gamma=1e6, n_epochs=2, learning_rate=1.0, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.budgets_, 1.0 / 60.0, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), y)


def test_random_streams(rng):
    X, y = make_rows(rng)
    budgets = [KernelMarketClassifier(n_epochs=2, random_state=seed).fit(X, y).budgets_ for seed in (0, 0, 1)]
    np.testing.assert_array_equal(budgets[0], budgets[1])
    assert (budgets[0] != budgets[2]).any()


def test_learning_undoes_the_smoothing_of_wide_kernels():
    X, y = load_breast_cancer(return_X_y=True)
    scores = [
        cross_val_score(
            make_pipeline(StandardScaler(), KernelMarketClassifier(n_epochs=n_epochs, random_state=0)),
            X,
            y,
            scoring="neg_log_loss",
            cv=3,
        ).mean()
        for n_epochs in (0, 5)
    ]
    assert scores[1] > scores[0] + 0.1


# --- participants -----------------------------------------------------------------------------------------------------


def test_participants_are_drawn_in_equal_shares_from_all_classes(rng):
    codes = rng.permutation(np.repeat([0, 1, 2], [60, 30, 2]))
    for size, counts in ((3, [1, 1, 1]), (46, [30, 15, 1]), (92, [60, 30, 2]), (200, [60, 30, 2])):
        drawn = draw_participants(codes, size, rng)
        assert len(np.unique(drawn)) == len(drawn) == min(size, 92)
        np.testing.assert_array_equal(np.bincount(codes[drawn]), counts)
        assert (np.diff(codes[drawn]) >= 0).all()
    often = np.bincount(np.concatenate([draw_participants(codes, 46, rng) for _ in range(400)]), minlength=92)
    assert often.min() > 120  # of 200 expected
    assert often.max() < 280


def test_some_rows_are_participants_and_all_settle(rng):
    X, y = make_rows(rng)
    weights = rng.gamma(2.0, size=60)
    equal = KernelMarketClassifier(max_participants=10, random_state=0).fit(X, y, weights)
    np.testing.assert_allclose(
        np.bincount(equal.participant_classes_, equal.budgets_), np.bincount(y, weights) / weights.sum(), rtol=1e-12
    )
    np.testing.assert_array_equal(y[equal.participants_], equal.participant_classes_)
    model = KernelMarketClassifier(n_epochs=1, max_participants=10, random_state=0).fit(X, y, weights)
    np.testing.assert_array_equal(model.participants_, equal.participants_)
    bets = np.exp(-model.gamma_ * ((X[:, None] - X[model.participants_]) ** 2).sum(axis=2))
    budgets, orders = equal.budgets_, spawn_generators(0, 2)[1]
    orders.permutation(60)
    own = {row: position for position, row in enumerate(model.participants_)}
    for i in orders.permutation(60):
        rate = min(1.0, 0.1 * weights[i] / weights.mean())
        if prices_of_others(budgets, bets[i], model.participant_classes_, own.get(i))[y[i]] > 0.0:
            budgets, _ = settled(budgets, bets[i], model.participant_classes_, y[i], rate, own.get(i))
    np.testing.assert_allclose(model.budgets_, budgets, rtol=1e-7)


# --- kernels of the user ----------------------------------------------------------------------------------------------


def indicator(X, Y):
    """1 where rows are within a distance of 1."""
    return (((X[:, None] - Y) ** 2).sum(axis=2) < 1.0).astype(float)


def shifted_cosine(X, Y):
    return 0.5 + 0.5 * cosine_similarity(X, Y)


def test_a_callable_kernel(rng):
    X, y = make_rows(rng)
    rows = rng.normal(size=(15, 3))
    stakes = shifted_cosine(rows, X) @ np.eye(3)[y]
    model = KernelMarketClassifier(shifted_cosine).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(rows), stakes / stakes.sum(axis=1, keepdims=True), rtol=1e-10)
    assert model.gamma_ is None
    learned = KernelMarketClassifier(shifted_cosine, n_epochs=3, random_state=0).fit(X, y)
    assert learned.budgets_.sum() == pytest.approx(1.0, rel=1e-12)
    assert np.ptp(learned.budgets_) > 1e-3


def test_rows_in_which_nobody_bets_have_the_prior(rng):
    X, y = make_rows(rng)
    model = KernelMarketClassifier(indicator, n_epochs=1, random_state=0).fit(
        np.vstack([X, [[50.0, 0.0, 0.0]]]), [*y, 0]
    )
    assert model.n_no_trade_ >= 1
    prices = model.predict_proba([[-50.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    np.testing.assert_allclose(prices[0], model.prior_, rtol=1e-12)
    np.testing.assert_allclose(prices[1], [1.0, 0.0, 0.0])
    assert np.isfinite(model.decision_function([[-50.0, 0.0, 0.0], [50.0, 0.0, 0.0]])).all()


def half(X, Y):
    return np.full((len(X), 2), 0.5)


def twice(X, Y):
    return np.full((len(X), len(Y)), 2.0)


def missing(X, Y):
    return np.full((len(X), len(Y)), np.nan)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (cosine_similarity, r"kernel cosine_similarity must return values in \[0, 1\], .* Got -"),
        (twice, r"kernel twice must return values in \[0, 1\], .* Got 2.0"),
        (missing, r"kernel missing must return values in \[0, 1\], .* Got nan"),
        (half, r"kernel half must return an array of shape \(60, 60\). Got \(60, 2\)"),
    ],
)
def test_kernels_that_are_none(rng, kernel, message):
    X, y = make_rows(rng)
    with pytest.raises(ValueError, match=message):
        KernelMarketClassifier(kernel, n_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=message):
        KernelMarketClassifier(kernel).fit(X, y).predict(X)


# --- what a user meets ------------------------------------------------------------------------------------------------


def test_search_for_the_kernel_on_real_data():
    X, y = load_iris(return_X_y=True)
    grid = {"gamma": [0.01, 5.0], "n_epochs": [0, 5]}
    search = GridSearchCV(KernelMarketClassifier(random_state=0), grid, scoring="neg_log_loss", cv=5).fit(X, y)
    assert search.best_params_["gamma"] == 5.0
    assert search.best_score_ > -0.2
    assert search.score(X, y) > -0.2


class Listener:
    """A callback that scores the model after each pass, and may stop it."""

    def __init__(self, stop_after):
        self.stop_after, self.scores = stop_after, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) >= self.stop_after


def test_callbacks_hear_every_pass_and_may_stop(rng):
    X, y = make_rows(rng)
    listener = Listener(stop_after=100)
    model = KernelMarketClassifier(n_epochs=3, random_state=0).set_callbacks(listener).fit(X, y)
    assert len(listener.scores) == len(model.loss_curve_) == 4
    assert listener.scores[-1] == model.score(X, y)
    for stop_after in (1, 2):
        stopped = KernelMarketClassifier(n_epochs=3).set_callbacks(Listener(stop_after)).fit(X, y)
        assert stopped.n_iter_ == stop_after - 1
        assert bool(stopped.certificate_)


@pytest.mark.parametrize(
    ("change", "labels", "message"),
    [
        ({}, [1] * 6, "y must have more than one class. Got one class, 1: add rows"),
        ({"max_participants": 2}, [0, 1, 2] * 2, "max_participants must be at least 3, the number of classes. Got 2"),
        ({"kernel": indicator, "gamma": 1.0}, [0, 1] * 3, "gamma must be 'scale', which is not used"),
        ({"gamma": 0.0}, [0, 1] * 3, "The 'gamma' parameter"),
        ({"kernel": "poly"}, [0, 1] * 3, "The 'kernel' parameter"),
        ({"learning_rate": 2.0}, [0, 1] * 3, "The 'learning_rate' parameter"),
    ],
)
def test_bad_arguments(rng, change, labels, message):
    with pytest.raises(ValueError, match=message):
        KernelMarketClassifier(**change).fit(rng.normal(size=(6, 2)), labels)


def test_weights_that_leave_one_class(rng):
    weights = np.array([1.0, 0.0] * 3)
    with pytest.raises(ValueError, match=r"rows of positive weight\. Got one class, 0: .* a positive sample_weight"):
        KernelMarketClassifier().fit(rng.normal(size=(6, 2)), [0, 1] * 3, sample_weight=weights)


def test_values_whose_distances_overflow(rng):
    X, y = make_rows(rng)
    with pytest.raises(ValueError, match="X has values above 1e.150.*Scale the features"):
        KernelMarketClassifier().fit(1e200 * X, y)
    with pytest.raises(ValueError, match="Scale the features"):
        KernelMarketClassifier().fit(X, y).predict(1e200 * X)
