"""The logistic market: constrained logistic regression by cvxpy, the bets of the paper one by one, and streams."""

import numpy as np
import pytest
from scipy.special import expit, log_expit
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.market import LogisticMarketClassifier
from statlearn.market._logistic_solver import duality_gap, fit_logistic

# cvxpy's solver says so near its last digit; tests compare with it to a stated one.
pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")


def make_rows(rng, n_samples=200, n_features=6, noise=1.0):
    X = rng.normal(size=(n_samples, n_features))
    signal = X @ np.linspace(1.5, -1.0, n_features) - 0.5 + noise * rng.logistic(size=n_samples)
    return X, (signal > 0.0).astype(int)


def mean_log_likelihood(X, y, slopes, weights=None):
    logits = X @ slopes
    return np.average(log_expit(np.where(y == 1, logits, -logits)), weights=weights)


def best_slopes(X, y, total, signed, weights=None):
    """Solution of the constrained problem by cvxpy, and its mean log likelihood."""
    cp = pytest.importorskip("cvxpy")
    weights = np.ones(len(y)) if weights is None else weights
    slopes = cp.Variable(X.shape[1])
    ball = [cp.norm1(slopes) <= total] if signed else [slopes >= 0, cp.sum(slopes) == total]
    logits = cp.multiply(2 * y - 1, X @ slopes)
    problem = cp.Problem(cp.Maximize(-weights @ cp.logistic(-logits)), ball)
    problem.solve(solver=cp.CLARABEL)
    return slopes.value, problem.value / weights.sum()


def slopes_of(model):
    return np.append(model.coef_[0], model.intercept_)


# --- batch ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("total", [0.3, 2.0, 4.0, 50.0])
def test_batch_is_constrained_logistic_regression(rng, total, signed, weighted):
    X, y = make_rows(rng)
    weights = rng.gamma(1.0, size=len(y)) if weighted else None
    rows = np.column_stack([X, np.ones(len(X))])
    expected, value = best_slopes(rows, y, total, signed, weights)
    model = LogisticMarketClassifier(total, signed=signed, tol=1e-10).fit(X, y, weights)
    found = slopes_of(model)
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1.0, total / 10.0))
    assert abs(mean_log_likelihood(rows, y, found, weights) - value) <= 1e-7
    assert -model.loss_curve_[-1] == pytest.approx(mean_log_likelihood(rows, y, found, weights), abs=1e-12)
    assert model.certificate_["duality gap"].statistic <= 1e-10
    assert bool(model.certificate_)


@pytest.mark.parametrize("signed", [True, False])
def test_budgets_are_the_coefficients_and_sum_to_the_total(rng, signed):
    X, y = make_rows(rng)
    for total in (1.0, 100.0):
        model = LogisticMarketClassifier(total, signed=signed).fit(X, y)
        assert model.budgets_.shape == (14 if signed else 7,)
        assert (model.budgets_ >= 0.0).all()
        assert model.budgets_.sum() == pytest.approx(total, rel=1e-12)
        wagers = model.budgets_.reshape(-1, 7)
        np.testing.assert_allclose(slopes_of(model), wagers[0] - wagers[1] if signed else wagers[0], atol=1e-12 * total)
        norm = np.abs(slopes_of(model)).sum()
        assert norm < 50.0 if signed and total == 100.0 else norm == pytest.approx(total, rel=1e-9)


def test_a_budget_that_does_not_bind_changes_nothing(rng):
    X, y = make_rows(rng)
    free = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y)
    norm = np.abs(slopes_of(free)).sum()
    for factor in (1.01, 10.0, 1000.0):
        model = LogisticMarketClassifier(factor * norm, tol=1e-11).fit(X, y)
        np.testing.assert_allclose(slopes_of(model), slopes_of(free), atol=1e-4)
    model = LogisticMarketClassifier(0.9 * norm).fit(X, y)
    assert np.abs(slopes_of(model)).sum() == pytest.approx(0.9 * norm, rel=1e-9)


@pytest.mark.parametrize("total", [0.5, 2.0])
def test_a_penalty_of_the_size_of_the_multiplier_is_the_same(rng, total):
    X, y = make_rows(rng, n_features=10)
    model = LogisticMarketClassifier(total, fit_intercept=False, tol=1e-12).fit(X, y)
    multiplier = np.abs(X.T @ (y - model.predict_proba(X)[:, 1])).max()
    rival = LogisticRegression(
        l1_ratio=1.0, C=1.0 / multiplier, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=10_000
    ).fit(X, y)
    assert np.abs(rival.coef_).sum() == pytest.approx(total, abs=1e-5)
    np.testing.assert_allclose(model.coef_, rival.coef_, atol=1e-5)


@pytest.mark.parametrize("signed", [True, False])
def test_the_gap_is_a_proof_at_any_slopes(rng, signed):
    X, y = make_rows(rng)
    weights, total = np.full(len(y), 1.0 / len(y)), 3.0
    best = -fit_logistic(X, y, weights, total, signed, tol=1e-12).losses[-1]
    for _ in range(50):
        slopes = total * rng.dirichlet(np.full(6, 0.5)) * (rng.choice([-1.0, 1.0], size=6) if signed else 1.0)
        missing = best - mean_log_likelihood(X, y, slopes)
        assert -1e-12 <= missing <= duality_gap(X, y, weights, slopes, total, signed)
    early = fit_logistic(X, y, weights, total, signed, tol=1e-12, on_step=lambda slopes: True)
    assert early.n_iter == 1
    assert 0.0 < best + early.losses[-1] <= early.gap


def test_steps_never_lose(rng):
    X, y = make_rows(rng, noise=0.2)
    for signed in (True, False):
        curve = LogisticMarketClassifier(200.0, signed=signed, tol=1e-11).fit(X, y).loss_curve_
        assert len(curve) > 3
        assert (np.diff(curve) <= 1e-14).all()


@pytest.mark.parametrize("signed", [True, False])
def test_rows_far_on_the_wrong_side_where_no_row_has_curvature(rng, signed):
    X = np.abs(rng.normal(size=(60, 4))) + 100.0
    y = rng.integers(0, 2, size=60)
    rows = np.column_stack([X, np.ones(60)])
    model = LogisticMarketClassifier(10.0, signed=signed).fit(X, y)
    assert np.isfinite(model.loss_curve_).all()
    assert model.certificate_["duality gap"].statistic <= 1e-6
    if not signed:  # every slope makes class 1 certain, and all but the intercept make the loss larger
        np.testing.assert_allclose(slopes_of(model), [0, 0, 0, 0, 10.0], atol=1e-9)
        assert model.loss_curve_[-1] == pytest.approx(-mean_log_likelihood(rows, y, [0, 0, 0, 0, 10.0]), rel=1e-12)


def test_separable_classes(rng):
    X = rng.normal(size=(80, 3))
    y = (X[:, 0] > 0.0).astype(int)
    X[:, 0] += np.where(y == 1, 1.0, -1.0)
    for total in (5.0, 1e4):
        model = LogisticMarketClassifier(total, fit_intercept=False).fit(X, y)
        assert model.certificate_["duality gap"].holds
        assert model.score(X, y) == 1.0
    assert np.abs(model.coef_).sum() < 1e3  # certain enough long before the budget is spent


def test_columns_that_depend_on_each_other(rng):
    X, y = make_rows(rng, n_features=3)
    doubled = np.hstack([X, X, X[:, :1] + X[:, 1:2]])
    for total in (1.0, 100.0):
        plain, other = (LogisticMarketClassifier(total, tol=1e-11).fit(rows, y) for rows in (X, doubled))
        assert bool(other.certificate_)
        gained = plain.loss_curve_[-1] - other.loss_curve_[-1]
        assert gained >= -1e-10  # the sum of two features is a cheaper way to the same slopes
        assert total == 1.0 or gained <= 1e-10


def test_more_features_than_rows(rng):
    X = rng.normal(size=(30, 100))
    y = rng.integers(0, 2, size=30)
    rows = np.column_stack([X, np.ones(30)])
    model = LogisticMarketClassifier(3.0, tol=1e-9).fit(X, y)
    value = best_slopes(rows, y, 3.0, True)[1]
    assert abs(-model.loss_curve_[-1] - value) <= 1e-8


def test_weights_are_repetitions(rng):
    X, y = make_rows(rng, 80)
    counts = rng.integers(0, 4, size=80)
    weighted = LogisticMarketClassifier(2.0).fit(X, y, counts)
    repeated = LogisticMarketClassifier(2.0).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(slopes_of(weighted), slopes_of(repeated), atol=1e-10)


def test_order_names_and_signs(rng):
    X, y = make_rows(rng)
    model = LogisticMarketClassifier(2.0, tol=1e-11).fit(X, y)
    order = rng.permutation(6)
    shuffled = LogisticMarketClassifier(2.0, tol=1e-11).fit(X[:, order], y)
    np.testing.assert_allclose(shuffled.coef_[0], model.coef_[0, order], atol=1e-6)
    swapped = LogisticMarketClassifier(2.0, tol=1e-11).fit(X, np.where(y == 1, "a", "b"))
    assert swapped.classes_.tolist() == ["a", "b"]
    np.testing.assert_allclose(slopes_of(swapped), -slopes_of(model), atol=1e-6)
    assert swapped.predict(X).tolist() == np.where(model.predict(X) == 1, "a", "b").tolist()
    halved = LogisticMarketClassifier(1.0, fit_intercept=False, tol=1e-11).fit(2.0 * X, y)
    plain = LogisticMarketClassifier(2.0, fit_intercept=False, tol=1e-11).fit(X, y)
    np.testing.assert_allclose(2.0 * halved.coef_, plain.coef_, atol=1e-6)


def test_prices(rng):
    X, y = make_rows(rng)
    model = LogisticMarketClassifier().fit(X, y)
    log_odds = X @ model.coef_[0] + model.intercept_[0]
    np.testing.assert_allclose(model.decision_function(X), log_odds, rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expit(log_odds), rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-12)
    far = 1e4 * model.coef_
    log_price = model.predict_log_proba(far)[0, 0]
    assert log_price == pytest.approx(-model.decision_function(far)[0])
    assert model.predict_proba(far)[0, 0] == 0.0


# --- online -----------------------------------------------------------------------------------------------------------


def settled_by_the_bets_of_the_paper(budgets, bets, outcome, rate):
    """Equation (1) with the logistic betting function: shares of the budgets that are staked on the two classes."""
    total = budgets.sum()
    price = np.array([expit(-(budgets @ bets)), expit(budgets @ bets)])
    for_it = price[1] * (np.maximum(bets, 0.0) - np.log(price[1]) / total)
    against = price[0] * (-np.minimum(bets, 0.0) - np.log(price[0]) / total)
    shares = np.column_stack([against, for_it])
    np.testing.assert_allclose(budgets @ shares, price * (budgets @ shares).sum(), rtol=1e-12)  # equation (2)
    return budgets + rate * budgets * (shares[:, outcome] / price[outcome] - shares.sum(axis=1))


@pytest.mark.parametrize("signed", [True, False])
def test_online_steps_settle_the_bets_of_the_paper(rng, signed):
    X, y = make_rows(rng, 30)
    model = LogisticMarketClassifier(3.0, signed=signed, learning_rate=0.1)
    expected = np.full(14 if signed else 7, 3.0 / (14 if signed else 7))
    for i in range(30):
        row = np.append(X[i], 1.0)
        bets = np.append(row, -row) if signed else row
        expected = settled_by_the_bets_of_the_paper(expected, bets, y[i], 0.1)
        model.partial_fit(X[i : i + 1], y[i : i + 1], classes=[0, 1])
        np.testing.assert_allclose(model.budgets_, expected, rtol=1e-10)
        assert model.budgets_.sum() == pytest.approx(3.0, rel=1e-14)
    assert model.n_clipped_steps_ == 0


def test_rates_are_lowered_where_a_budget_would_turn_negative():
    X, y = np.array([[50.0, -30.0], [0.5, 1.0]]), np.array([0, 1])
    model = LogisticMarketClassifier(1.0, signed=False, fit_intercept=False, learning_rate=1.0)
    model.partial_fit(X, y, classes=[0, 1])
    assert model.n_clipped_steps_ == 1
    assert (model.budgets_ > 0.0).all()
    assert model.certificate_["clipped steps"].statistic == 1
    first = settled_by_the_bets_of_the_paper(np.array([0.5, 0.5]), X[0], 0, 1.0 / 80.0)
    np.testing.assert_allclose(model.budgets_, settled_by_the_bets_of_the_paper(first, X[1], 1, 1.0), rtol=1e-12)
    plain = settled_by_the_bets_of_the_paper(np.array([0.5, 0.5]), X[0], 0, 1.0)
    assert (plain < 0.0).any()


def test_budgets_do_not_die():
    X, y = np.tile([[1.0, -1.0]], (5000, 1)), np.ones(5000, dtype=int)
    market = LogisticMarketClassifier(0.1, signed=False, fit_intercept=False, learning_rate=0.5)
    market.partial_fit(X, y, classes=[0, 1])
    assert market.budgets_[1] == pytest.approx(1e-12 * 0.05, rel=1e-6)
    market.partial_fit(X, 1 - y)
    assert market.budgets_[1] > 0.09


def test_an_unshuffled_pass_is_a_stream_bit_for_bit(rng):
    X, y = make_rows(rng, 101)
    whole = LogisticMarketClassifier(update="online", n_epochs=1, shuffle=False).fit(X, y)
    stream = LogisticMarketClassifier()
    for start in range(0, 101, 17):
        stream.partial_fit(X[start : start + 17], y[start : start + 17], classes=[0, 1])
    np.testing.assert_array_equal(stream.budgets_, whole.budgets_)
    np.testing.assert_array_equal(stream.coef_, whole.coef_)
    twice = LogisticMarketClassifier(update="online", n_epochs=2, shuffle=False).fit(X, y)
    np.testing.assert_array_equal(stream.partial_fit(X, y).budgets_, twice.budgets_)


@pytest.mark.parametrize("signed", [True, False])
def test_many_small_steps_end_at_the_batch_solution(rng, signed):
    X, y = make_rows(rng)
    batch = LogisticMarketClassifier(3.0, signed=signed).fit(X, y)
    gaps = []
    for rate, n_epochs in ((0.05, 50), (0.005, 500)):
        online = LogisticMarketClassifier(
            3.0, signed=signed, update="online", learning_rate=rate, n_epochs=n_epochs, random_state=0
        ).fit(X, y)
        rows = np.column_stack([X, np.ones(len(X))])
        missing = mean_log_likelihood(rows, y, slopes_of(batch)) - mean_log_likelihood(rows, y, slopes_of(online))
        gap = online.certificate_["duality gap"]
        assert gap.holds is None
        assert -1e-6 <= missing <= gap.statistic
        gaps.append(missing)
    assert gaps[1] < 1e-3
    assert gaps[1] < 0.5 * gaps[0]
    np.testing.assert_allclose(slopes_of(online), slopes_of(batch), atol=0.1)


def test_epochs_are_shuffled_by_the_random_state(rng):
    X, y = make_rows(rng)
    fits = [LogisticMarketClassifier(update="online", n_epochs=3, random_state=seed).fit(X, y) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].budgets_, fits[1].budgets_)
    assert (fits[0].budgets_ != fits[2].budgets_).any()
    assert fits[0].n_iter_ == len(fits[0].loss_curve_) == 3


def test_weights_of_online_rows(rng):
    X, y = make_rows(rng, 50)
    settings = {"update": "online", "n_epochs": 1, "shuffle": False}
    plain = LogisticMarketClassifier(**settings).fit(X, y)
    same = LogisticMarketClassifier(**settings).fit(X, y, np.full(50, 7.0))
    np.testing.assert_allclose(same.budgets_, plain.budgets_, rtol=1e-12)
    weights = np.where(np.arange(50) < 25, 0.0, 1.0)
    absent = LogisticMarketClassifier().partial_fit(X, y, [0, 1], weights)
    np.testing.assert_array_equal(
        absent.budgets_, LogisticMarketClassifier().partial_fit(X[25:], y[25:], [0, 1]).budgets_
    )
    doubled = LogisticMarketClassifier(learning_rate=0.01).partial_fit(X, y, [0, 1], np.full(50, 2.0))
    faster = LogisticMarketClassifier(learning_rate=0.02).partial_fit(X, y, [0, 1])
    np.testing.assert_array_equal(doubled.budgets_, faster.budgets_)


def test_a_stream_goes_on_after_a_batch_fit(rng):
    X, y = make_rows(rng)
    model = LogisticMarketClassifier(2.0).fit(X, y)
    before = model.budgets_
    model.partial_fit(X[:20], 1 - y[:20])
    assert (model.budgets_ != before).any()
    assert (model.budgets_ > 0.0).all()
    assert model.budgets_.sum() == pytest.approx(2.0, rel=1e-12)
    assert "duality gap" not in [check.name for check in model.certificate_.checks]


# --- what a user meets ------------------------------------------------------------------------------------------------


def test_search_for_the_budget_on_real_data():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticMarketClassifier())
    grid = {"logisticmarketclassifier__total_budget": [0.1, 10.0]}
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3).fit(X, y)
    assert search.best_params_ == {"logisticmarketclassifier__total_budget": 10.0}
    assert search.best_score_ > -0.1
    assert search.best_estimator_.score(X, y) > 0.97


def test_more_classes_by_one_versus_rest(rng):
    X = rng.normal(size=(150, 2))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    with pytest.raises(ValueError, match="Only binary classification is supported.*OneVsRestClassifier"):
        LogisticMarketClassifier().fit(X, y)
    assert OneVsRestClassifier(LogisticMarketClassifier()).fit(X, y).score(X, y) > 0.7


class Listener:
    """A callback that counts what is reported, scores the model as it is and asks to stop."""

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


def test_callbacks_hear_every_step_and_may_stop(rng):
    X, y = make_rows(rng)
    for settings in ({"tol": 1e-9}, {"update": "online", "n_epochs": 4}):
        listener = Listener(stop_after=100)
        model = LogisticMarketClassifier(**settings).set_callbacks(listener).fit(X, y)
        assert len(listener.scores) in (model.n_iter_, model.n_iter_ - 1)  # none when the last step ends the search
        assert min(listener.scores) > 0.5
    listener = Listener(stop_after=2)
    stopped = LogisticMarketClassifier(update="online", n_epochs=4).set_callbacks(listener).fit(X, y)
    assert stopped.n_iter_ == 2


def test_units_that_leave_too_few_digits(rng):
    X, y = make_rows(rng)
    with pytest.warns(ConvergenceWarning, match="duality gap of .* above tol=1e-12. Scale the features"):
        model = LogisticMarketClassifier(tol=1e-12).fit(X * [1, 1, 1, 1, 1e7, 1e7], y)
    assert model.certificate_["duality gap"].holds is False
    assert not bool(model.certificate_)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(10)}, "two classes. Got 1 class"),
        ({"y": np.arange(10) % 2, "sample_weight": np.zeros(10)}, "at least one non-zero number"),
        ({"y": np.arange(10) % 2, "sample_weight": np.full(10, -1.0)}, "Negative values in data"),
    ],
)
def test_bad_training_data(rng, arguments, message):
    with pytest.raises(ValueError, match=message):
        LogisticMarketClassifier().fit(rng.normal(size=(10, 2)), **arguments)


def test_bad_streams(rng):
    X, y = rng.normal(size=(10, 2)), np.arange(10) % 2
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        LogisticMarketClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y has labels \[1\]"):
        LogisticMarketClassifier().partial_fit(X, y, classes=[0, 2])
    model = LogisticMarketClassifier().partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes must stay \[0, 1\]. Got \[1, 2\]"):
        model.partial_fit(X, y, classes=[2, 1])
    with pytest.raises(ValueError, match=r"y has labels \[3\]"):
        model.partial_fit(X, np.full(10, 3))
    before = model.budgets_.copy()
    for change in ({"total_budget": 3.0}, {"signed": False}, {"fit_intercept": False}):
        other = LogisticMarketClassifier().partial_fit(X, y, classes=[0, 1]).set_params(**change)
        with pytest.raises(ValueError, match="was changed since the market began: call fit"):
            other.partial_fit(X, y)
        np.testing.assert_array_equal(other.budgets_, before)


@pytest.mark.parametrize("change", [{"total_budget": 0.0}, {"learning_rate": 1.5}, {"n_epochs": 0}, {"update": "em"}])
def test_bad_parameters(rng, change):
    with pytest.raises(ValueError, match=f"The '{next(iter(change))}' parameter"):
        LogisticMarketClassifier(**change).fit(rng.normal(size=(10, 2)), np.arange(10) % 2)
