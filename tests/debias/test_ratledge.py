"""The loss that charges for bias given the truth, and the linear model that minimizes it exactly."""

import itertools
import warnings

import cvxpy as cp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from statlearn.debias._ratledge import RatledgeRegressor, TrainingRows, _gap_check, ratledge_loss
from statlearn.debias._ratledge_solver import whiten
from statlearn.debias._truth_bins import bin_means, bin_numbers, quantile_edges

EXACT = 1e-9  # other orders of sums
ORACLE = 1e-8  # tolerance of the interior-point solver


def problem(rng, n=200, p=4, noise=2.0):
    X = rng.normal(size=(n, p))
    return X, X @ rng.normal(size=p) + noise * rng.gumbel(size=n)


def weighted_objective(model, X, y, weights):
    loss = ratledge_loss(y, model.predict(X), lambda_b=model.lambda_b, edges=model.edges_, sample_weight=weights)
    return loss + model.alpha * np.sum(model.coef_**2)


def solve_by_cvxpy(model, X, y, weights):
    """Least objective, and coefficients, of the program as it is written down, from quantiles of sorted outcomes."""
    weights = weights / weights.sum()
    order = np.argsort(y)
    shares = np.cumsum(weights[order])
    first = [np.argmax(shares >= j / model.n_bins - 1e-12) for j in range(1, model.n_bins)]
    rows = np.split(order, np.array(first) + 1)
    means = np.zeros((model.n_bins, len(y)))
    for number, members in enumerate(rows):
        means[number, members] = weights[members] / weights[members].sum()
    w, b = cp.Variable(X.shape[1]), cp.Variable() if model.fit_intercept else 0.0
    errors = X @ w + b - y
    objective = cp.sum_squares(cp.multiply(np.sqrt(weights), errors)) + model.alpha * cp.sum_squares(w)
    objective += model.lambda_b * cp.square(cp.norm_inf(means @ errors))
    tight = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}
    value = cp.Problem(cp.Minimize(objective)).solve(solver=cp.CLARABEL, **tight)
    return value, w.value


CASES = {
    "default": ({}, {}),
    "no constant": ({"fit_intercept": False}, {}),
    "ridge": ({"alpha": 0.3, "lambda_b": 2.0}, {}),
    "many bins": ({"n_bins": 20, "lambda_b": 100.0}, {}),
    "more bins than coefficients": ({"n_bins": 20, "lambda_b": 50.0}, {"p": 1}),
    "one bin": ({"n_bins": 1, "fit_intercept": False}, {}),
    "large penalty": ({"lambda_b": 1e3}, {"p": 10}),
    "wide, ridge": ({"alpha": 0.5}, {"n": 30, "p": 50}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_minimizes_the_objective(rng, case, weighted):
    parameters, size = CASES[case]
    X, y = problem(rng, **size)
    weights = rng.uniform(0.5, 2.0, len(y)) if weighted else np.ones(len(y))
    model = RatledgeRegressor(**parameters).fit(X, y, sample_weight=weights)
    least, coef = solve_by_cvxpy(model, X, y, weights)
    found = weighted_objective(model, X, y, weights)
    np.testing.assert_allclose(found, least, rtol=ORACLE)
    np.testing.assert_allclose(model.coef_, coef, atol=1e-6 * np.abs(coef).max())
    gap = model.certificate_["duality gap"]
    assert gap.kind == "proof"
    assert gap.holds
    assert abs(gap.statistic) <= 1e-9 * found
    assert model.certificate_.holds


def test_small_features_beside_large_constants_are_kept(rng):
    X, y = problem(rng)
    expected = RatledgeRegressor().fit(X, y)
    beside = np.column_stack([1e-9 * X, np.full(len(y), 1e9 + 0.1)])
    found = RatledgeRegressor().fit(beside, y)
    np.testing.assert_allclose(1e-9 * found.coef_[:-1], expected.coef_, rtol=1e-6)
    assert found.coef_[-1] == 0.0
    assert found.certificate_["rank"].statistic == X.shape[1]


def test_a_feature_and_the_same_from_another_origin_are_one(rng):
    X, y = problem(rng)
    found = RatledgeRegressor().fit(np.column_stack([X, X[:, 0] + 2.0**30 / 3.0]), y)
    assert found.certificate_["rank"].statistic == X.shape[1]
    np.testing.assert_allclose(found.coef_[0], found.coef_[-1], rtol=1e-5)
    np.testing.assert_allclose(found.coef_[1:-1], RatledgeRegressor().fit(X, y).coef_[1:], rtol=1e-5)


def test_the_duality_gap_notices_coefficients_that_do_not_minimize(rng):
    X, y = problem(rng)
    weights = np.full(len(y), 1.0 / len(y))
    X, centered = X - weights @ X, y - weights @ y
    rows = TrainingRows(X, centered, weights, bin_numbers(y, quantile_edges(y, weights, 5)))
    whitened = whiten(*rows, 5, rounding=np.zeros(X.shape[1]), alpha=0.0, fit_intercept=True)
    z, bound = whitened.solve(5.0)
    shift, coef = whitened.coefficients(z)
    for change, holds in ((0.0, True), (0.01, False)):
        errors = rows.errors(shift, coef + change)
        assert _gap_check(rows, rows.objective(errors, 5.0), bound).holds is holds


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_without_the_penalty_it_is_ridge_regression(rng, fit_intercept, alpha):
    X, y = problem(rng)
    weights = rng.uniform(0.5, 2.0, len(y))
    model = RatledgeRegressor(lambda_b=0.0, alpha=alpha, fit_intercept=fit_intercept).fit(X, y, weights)
    peer = Ridge(alpha=weights.sum() * alpha, fit_intercept=fit_intercept).fit(X, y, weights)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=EXACT)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=EXACT, atol=EXACT)


def test_of_several_minima_it_takes_the_one_of_smallest_norm(rng):
    X, y = problem(rng, n=20, p=40)
    model, peer = RatledgeRegressor().fit(X, y), LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=EXACT)  # no errors, and so no bias
    assert "smallest norm" in model.certificate_["rank"].detail
    X, y = problem(rng, p=2)
    twice, once = RatledgeRegressor().fit(np.hstack([X, X]), y), RatledgeRegressor().fit(X, y)
    np.testing.assert_allclose(twice.coef_, np.tile(once.coef_, 2) / 2.0, rtol=EXACT)
    assert twice.certificate_["rank"].statistic == 2
    assert "only ones" in once.certificate_["rank"].detail


@pytest.mark.parametrize("p", [1, 4, 12])
def test_a_larger_penalty_never_makes_the_largest_bias_larger(rng, p):
    X, y = problem(rng, p=p)
    models = [RatledgeRegressor(lambda_b=value).fit(X, y) for value in (0.0, 0.1, 1.0, 5.0, 20.0, 1e3, 1e6)]
    bias = [np.abs(model.bin_errors_).max() for model in models]
    error = [np.mean((model.predict(X) - y) ** 2) for model in models]
    assert all(after <= before * (1.0 + EXACT) for before, after in itertools.pairwise(bias))
    assert all(after >= before * (1.0 - EXACT) for before, after in itertools.pairwise(error))
    assert bias[-1] < 0.9 * bias[0]


def test_it_moves_and_scales_with_the_outcomes_and_the_features(rng):
    X, y = problem(rng)
    model = RatledgeRegressor().fit(X, y)
    moved = RatledgeRegressor().fit(X + 100.0, 10.0 * y + 1000.0)
    np.testing.assert_allclose(moved.predict(X + 100.0), 10.0 * model.predict(X) + 1000.0, rtol=EXACT)
    np.testing.assert_allclose(moved.bin_errors_, 10.0 * model.bin_errors_, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(moved.edges_, 10.0 * model.edges_ + 1000.0)
    mixed = rng.normal(size=(4, 4))
    np.testing.assert_allclose(RatledgeRegressor().fit(X @ mixed, y).predict(X @ mixed), model.predict(X), rtol=1e-7)
    mirrored = RatledgeRegressor().fit(X, -y)
    np.testing.assert_allclose(mirrored.predict(X), -model.predict(X), rtol=EXACT, atol=EXACT)


def test_weights_count_rows_and_only_their_ratios_matter(rng):
    X, y = problem(rng, n=103)
    counts = rng.integers(0, 4, size=103)
    parameters = {"alpha": 0.1, "n_bins": 7}
    repeated = RatledgeRegressor(**parameters).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    order = rng.permutation(103)
    for weights in (counts, 0.1 * counts):
        model = RatledgeRegressor(**parameters).fit(X[order], y[order], sample_weight=weights[order])
        np.testing.assert_array_equal(model.edges_, repeated.edges_)
        np.testing.assert_allclose(model.coef_, repeated.coef_, rtol=EXACT)
        np.testing.assert_allclose(model.intercept_, repeated.intercept_, rtol=EXACT)
        np.testing.assert_allclose(model.bin_errors_, repeated.bin_errors_, rtol=EXACT)


def test_what_it_says_of_the_training_rows(rng):
    X, y = problem(rng)
    model, least_squares = RatledgeRegressor().fit(X, y), LinearRegression().fit(X, y)
    number = np.digitize(y, np.sort(y)[39:-1:40], right=True)
    errors = [[np.mean((m.predict(X) - y)[number == j]) for j in range(5)] for m in (model, least_squares)]
    np.testing.assert_allclose(model.bin_errors_, errors[0], rtol=EXACT)
    bias = model.certificate_["largest bias"]
    np.testing.assert_allclose(bias.statistic, np.abs(errors[0]).max(), rtol=EXACT)
    assert bias.detail.endswith(f"without the penalty of bias {np.abs(errors[1]).max():.3g}")
    slopes = [np.polyfit(y, m.predict(X), 1)[0] for m in (model, least_squares)]
    np.testing.assert_allclose(model.certificate_["slope"].statistic, slopes[0], rtol=EXACT)
    assert model.certificate_["slope"].detail.endswith(f"{slopes[1]:.3g}")
    squared = np.mean((model.predict(X) - y) ** 2)
    np.testing.assert_allclose(model.certificate_["mean squared error"].statistic, squared, rtol=EXACT)
    assert squared > np.mean((least_squares.predict(X) - y) ** 2)
    assert any("outside the training rows" in text for text in model.certificate_.assumptions)


def test_a_part_of_the_bias_comes_back_on_other_rows():
    """The figures of the docstring: 0.35 in sample, 1.2 and 2.2 out of it."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(20_200, 30))
        y = X.sum(axis=1) / np.sqrt(10.0) + 2.0 * rng.normal(size=20_200)
        row = []
        for lambda_b in (5.0, 0.0):
            model = RatledgeRegressor(lambda_b=lambda_b).fit(X[:200], y[:200])
            errors, numbers = (model.predict(X) - y)[200:], bin_numbers(y[200:], model.edges_)
            row += [np.abs(model.bin_errors_).max(), np.abs(bin_means(errors, np.ones(20_000), numbers, 5)).max()]
        found.append(row)
    inside, outside, _, least_squares = np.mean(found, axis=0)
    assert abs(inside - 0.35) < 0.05
    assert abs(outside - 1.2) < 0.1
    assert abs(least_squares - 2.2) < 0.1


def test_tied_and_constant_outcomes(rng):
    X, y = problem(rng)
    tied = np.round(y / 4.0)
    model = RatledgeRegressor(n_bins=20).fit(X, tied)
    assert model.bin_errors_.size == model.edges_.size + 1 <= np.unique(tied).size
    assert np.isfinite(model.bin_errors_).all()
    assert set(model.edges_) < set(tied)
    constant = RatledgeRegressor().fit(X, np.full(200, 0.1))
    np.testing.assert_allclose(constant.predict(X), 0.1)
    assert constant.edges_.size == 0
    assert constant.certificate_.holds


def test_a_penalty_beyond_rounding_is_warned_about(rng):
    X, y = problem(rng, p=1)
    model = RatledgeRegressor(lambda_b=1e16, n_bins=20)
    with pytest.warns(ConvergenceWarning, match=r"duality gap .* lambda_b=1e\+16 is too large.*Lower it"):
        model.fit(X, y)
    assert model.certificate_.holds is False


def test_bad_input_of_the_regressor(rng):
    X, y = problem(rng, n=30)
    with pytest.raises(ValueError, match=r"y must be one outcome.*\(30, 2\).*MultiOutputRegressor"):
        RatledgeRegressor().fit(X, np.column_stack([y, y]))
    assert MultiOutputRegressor(RatledgeRegressor()).fit(X, np.column_stack([y, y])).predict(X).shape == (30, 2)
    for parameters in ({"lambda_b": -1.0}, {"n_bins": 0}, {"alpha": -1.0}, {"fit_intercept": "yes"}):
        with pytest.raises(ValueError, match=f"The {next(iter(parameters))!r} parameter of RatledgeRegressor must be"):
            RatledgeRegressor(**parameters).fit(X, y)
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations, of type datetime64"):
        RatledgeRegressor().fit(X, np.datetime64("2024-01-01") + np.arange(30))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        RatledgeRegressor().fit(X, y, sample_weight=-np.ones(30))
    model = RatledgeRegressor().fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X[:, :2], np.where(y == y.max(), np.nan, y))
    assert vars(model) == before


@parametrize_with_checks([RatledgeRegressor(), RatledgeRegressor(lambda_b=0.5, n_bins=3, alpha=0.1)])
def test_checks_of_sklearn(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping check check_array_api_input")
        check(estimator)


def test_in_a_pipeline_and_a_search_on_real_data():
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), RatledgeRegressor()),
        {"ratledgeregressor__lambda_b": [0.0, 5.0], "ratledgeregressor__alpha": [0.0, 0.01]},
        cv=folds,
    ).fit(X, y)
    assert search.best_params_["ratledgeregressor__lambda_b"] == 0.0  # R² is what the penalty costs
    biased, balanced = (
        clone(search.best_estimator_).set_params(ratledgeregressor__lambda_b=value).fit(X, y)[-1]
        for value in (0.0, 5.0)
    )
    assert np.abs(balanced.bin_errors_).max() < 0.3 * np.abs(biased.bin_errors_).max()


def test_the_loss_by_hand():
    y_true, y_pred = np.arange(10.0), np.array([2.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0, 8.0])
    assert ratledge_loss(y_true, y_pred, lambda_b=0.0) == pytest.approx(0.7)
    assert ratledge_loss(y_true, y_pred) == pytest.approx(0.7 + 5.0 * 1.5**2)  # the first bin has the errors 2 and 1
    assert ratledge_loss(y_true, y_pred, lambda_b=1.0, n_bins=1) == pytest.approx(0.7 + 0.1**2)
    assert ratledge_loss(y_true, y_pred, lambda_b=1.0, n_bins=10) == pytest.approx(0.7 + 2.0**2)
    assert ratledge_loss(y_true, y_pred, lambda_b=1.0, edges=[3.0]) == pytest.approx(0.7 + 0.75**2)
    assert ratledge_loss(y_true, y_pred, lambda_b=1.0, edges=[-5.0, 3.0, 100.0]) == pytest.approx(0.7 + 0.75**2)
    assert ratledge_loss(y_true, y_pred, lambda_b=1.0, edges=[]) == pytest.approx(0.7 + 0.1**2)
    doubled = ratledge_loss(np.repeat(y_true, 2), np.repeat(y_pred, 2))
    assert doubled == pytest.approx(ratledge_loss(y_true, y_pred, sample_weight=np.full(10, 2.0)))
    assert ratledge_loss([0.0, 1.0, 9.0], [0.0, 2.0, 0.0], sample_weight=[1.0, 1.0, 0.0], n_bins=2) == 0.5 + 5.0


@pytest.mark.parametrize("name", ["y_true", "y_pred", "edges"])
def test_dates_have_no_loss(name):
    arguments = {"y_true": [1.0, 2.0, 3.0], "y_pred": [1.0, 2.0, 3.0], name: np.datetime64("2024-01-01") + np.arange(3)}
    with pytest.raises(TypeError, match=f"{name} must be numbers. Got dates"):
        ratledge_loss(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_pred": [1.0, 2.0]}, "inconsistent numbers of samples"),
        ({"y_true": [1.0, np.nan, 3.0]}, "y_true contains NaN"),
        ({"y_pred": [1.0, np.inf, 3.0]}, "y_pred contains infinity"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "sample_weight must be finite and non-negative"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight must not sum to zero"),
        ({"edges": [2.0, 1.0]}, "edges must be finite numbers in increasing order"),
        ({"edges": [[1.0]]}, "edges must be finite numbers in increasing order"),
        ({"lambda_b": -1.0}, "The 'lambda_b' parameter of ratledge_loss must be"),
        ({"n_bins": 2.5}, "The 'n_bins' parameter of ratledge_loss must be"),
    ],
)
def test_bad_input_of_the_loss(arguments, message):
    with pytest.raises(ValueError, match=message):
        ratledge_loss(**{"y_true": [1.0, 2.0, 3.0], "y_pred": [1.0, 2.0, 3.0], **arguments})
