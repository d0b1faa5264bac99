"""Linear regression with few labels: rows, weights, labels on demand, theory, real pools, scikit-learn's manners."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.design import DPPLeastSquares, PoolDPPSampler, leverage_scores
from statlearn.design._pool import PLANS
from statlearn.exceptions import RankDeficientWarning

LEVEL = 1e-4
DESIGNS = sorted(PLANS)


@pytest.fixture
def pool():
    """Rows of very different leverage, and labels that no linear function gives; the same for every seed of a run."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(2.5, size=(200, 4))
    return X, X @ [1.0, -2.0, 0.5, 0.0] + np.cos(X[:, 0]) + 0.1 * rng.normal(size=200)


def least_squares(**parameters):
    return DPPLeastSquares(**{"random_state": 0, **parameters})


def rest_unlabeled(y, rows):
    known = np.full(y.shape, np.nan)
    known[rows] = y[rows]
    return known


def weighted(X, y, rows, weights):
    return LinearRegression().fit(X[rows], y[rows], sample_weight=weights)


def with_constant(X):
    return np.column_stack([X, np.ones(len(X))])


# The fit


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("design", DESIGNS)
def test_linear_labels_are_recovered(rng, design, fit_intercept):
    X = rng.standard_t(3, size=(500, 6)) + 2.0
    coef = rng.normal(size=(2, 6))
    intercept = np.array([3.0, -1.0]) * fit_intercept
    model = least_squares(design=design, fit_intercept=fit_intercept).fit(X, X @ coef.T + intercept)
    np.testing.assert_allclose(model.coef_, coef, atol=1e-11)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-11)
    np.testing.assert_allclose(model.predict(X), X @ coef.T + intercept, atol=1e-10)
    assert model.rank_ == 6 + fit_intercept


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("design", ["repeated_dpp", "volume", "christoffel", "iid"])
def test_the_fit_is_weighted_least_squares_on_the_picked_rows(pool, design, fit_intercept):
    X, y = pool
    model = least_squares(n_samples="3m", design=design, fit_intercept=fit_intercept).fit(X, y)
    rows, weights = model.selected_indices_, model.selected_weights_
    reference = LinearRegression(fit_intercept=fit_intercept).fit(X[rows], y[rows], sample_weight=weights)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-12)
    assert model.intercept_ == pytest.approx(reference.intercept_, abs=1e-12)
    assert (np.diff(rows) > 0).all()
    assert model.n_labels_ == rows.size


def test_rows_and_weights_are_those_of_the_sampler(pool):
    X, y = pool
    model = least_squares(n_samples="4m", random_state=3).fit(X, y)
    draw = PoolDPPSampler(n_samples="4m", random_state=3).fit(with_constant(X)).sample()
    np.testing.assert_array_equal(model.selected_indices_, np.unique(draw.indices))
    for row, weight in zip(model.selected_indices_, model.selected_weights_, strict=True):
        assert weight == pytest.approx(draw.weights[draw.indices == row].sum())
    scores = leverage_scores(with_constant(X))
    np.testing.assert_allclose(model.leverage_scores_, scores, atol=1e-12)
    counts = np.array([np.sum(draw.indices == row) for row in model.selected_indices_])
    np.testing.assert_allclose(model.selected_weights_, counts * 5.0 / (200 * scores[model.selected_indices_]))


def test_a_row_that_is_drawn_twice_is_labeled_once(pool):
    X, y = pool
    model = least_squares(n_samples="6m").fit(X, y)
    assert model.n_labels_ < 30
    asked = []
    least_squares(n_samples="6m").fit(X, lambda rows: asked.append(rows) or y[rows])
    assert len(np.unique(asked[0])) == asked[0].size == model.n_labels_


def test_numbers_about_the_fit(pool):
    X, y = pool
    model = least_squares(n_samples="4m").fit(X, y)
    rows, weights = model.selected_indices_, model.selected_weights_ / 20
    root = np.linalg.cholesky(np.linalg.inv(with_constant(X).T @ with_constant(X) / 200))
    phi = with_constant(X) @ root
    np.testing.assert_allclose(phi.T @ phi / 200, np.eye(5), atol=1e-12)
    eigenvalues = np.linalg.eigvalsh((weights[:, None] * phi[rows]).T @ phi[rows])
    assert model.lambda_min_ == pytest.approx(eigenvalues[0], rel=1e-9)
    certificate = model.certificate_
    assert certificate["smallest eigenvalue"].statistic == model.lambda_min_
    assert certificate["condition number"].statistic == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-9)
    assert certificate["labels"].statistic == model.n_labels_
    squares = []
    for place in range(rows.size):
        kept = np.arange(rows.size) != place
        left_out = weighted(X, y, rows[kept], weights[kept]).predict(X[rows[[place]]])
        squares.append((y[rows[place]] - left_out[0]) ** 2)
    assert model.loo_error_ == pytest.approx(np.sqrt(weights @ squares), rel=1e-9)
    spread = np.sqrt(weights @ (y[rows] - np.average(y[rows], weights=weights)) ** 2)
    assert certificate["leave-one-out error"].bound == pytest.approx(spread, rel=1e-9)


def test_many_outputs_are_fitted_each_for_itself(pool):
    X, y = pool
    both = least_squares().fit(X, np.column_stack([y, y**2]))
    assert both.coef_.shape == (2, 4)
    assert both.intercept_.shape == (2,)
    for output, labels in enumerate([y, y**2]):
        single = least_squares().fit(X, labels)
        np.testing.assert_allclose(both.coef_[output], single.coef_, atol=1e-12 * np.abs(labels).max())
        np.testing.assert_allclose(both.predict(X)[:, output], single.predict(X), atol=1e-11 * np.abs(labels).max())


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("design", DESIGNS)
def test_sparse_rows_are_rows(rng, design, fit_intercept, container):
    X = rng.standard_t(3, size=(300, 5)) * (rng.random((300, 5)) < 0.5)
    y = X.sum(axis=1) + rng.normal(size=300)
    dense = least_squares(design=design, fit_intercept=fit_intercept).fit(X, y)
    sparse = least_squares(design=design, fit_intercept=fit_intercept).fit(container(X), y)
    np.testing.assert_array_equal(dense.selected_indices_, sparse.selected_indices_)
    np.testing.assert_allclose(dense.coef_, sparse.coef_, atol=1e-10)
    np.testing.assert_allclose(dense.predict(X), sparse.predict(container(X)), atol=1e-10)


def test_mixing_and_scaling_columns_changes_no_prediction(pool, rng):
    X, y = pool
    A = rng.normal(size=(4, 4)) + 3.0 * np.eye(4)
    plain, mixed = least_squares(design="christoffel"), least_squares(design="christoffel")
    np.testing.assert_allclose(plain.fit(X, y).predict(X), mixed.fit(X @ A + 5.0, y).predict(X @ A + 5.0), atol=1e-9)
    scale = np.array([1e-150, 1.0, 1e150, 1e8])
    scaled = least_squares().fit(X * scale, y)
    np.testing.assert_allclose(scaled.coef_ * scale, least_squares().fit(X, y).coef_, rtol=1e-9)


def test_ill_conditioned_columns_are_fitted_in_full():
    x = np.linspace(-1.0, 1.0, 400)
    X = np.vander(x, 30, increasing=True)[:, 1:]  # a condition number of about 1e11
    model = least_squares(n_samples="3m").fit(X, np.exp(x))
    assert model.rank_ == 30
    np.testing.assert_allclose(model.predict(X), np.exp(x), atol=1e-10)


def test_single_precision_and_memory_maps(pool, tmp_path):
    X, y = pool
    expected = least_squares().fit(X.astype(np.float32).astype(np.float64), y)
    single = least_squares().fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(single.selected_indices_, expected.selected_indices_)
    np.testing.assert_allclose(single.coef_, expected.coef_, rtol=1e-9, atol=1e-9)
    np.save(tmp_path / "X.npy", X)
    mapped = least_squares().fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    np.testing.assert_array_equal(mapped.coef_, least_squares().fit(X, y).coef_)


def test_small_directions_can_be_dropped(pool):
    """What remains is a function of the pool all the same, and its values on picked rows are those of its formula."""
    X, y = pool
    with pytest.warns(RankDeficientWarning, match="of m=5 dimensions only"):
        model = least_squares(rcond=0.7).fit(X, y)
    rows, weights = model.selected_indices_, model.selected_weights_
    root = np.linalg.cholesky(np.linalg.inv(with_constant(X).T @ with_constant(X) / 200))
    phi, roots = with_constant(X) @ root, np.sqrt(weights)
    expected = phi @ np.linalg.lstsq(roots[:, None] * phi[rows], roots * y[rows], rcond=0.7)[0]
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-9)


# Labels on demand


@pytest.mark.parametrize("design", DESIGNS)
def test_labels_are_asked_for_once_and_only_where_rows_are_picked(pool, design):
    X, y = pool
    calls = []

    def labels(rows):
        calls.append(rows.copy())
        values = y[rows]
        rows[:] = 0  # which must not matter
        return values

    model = least_squares(design=design).fit(X, labels)
    assert len(calls) == 1
    np.testing.assert_array_equal(calls[0], model.selected_indices_)
    known = least_squares(design=design).fit(X, rest_unlabeled(y, calls[0]))
    np.testing.assert_array_equal(model.coef_, known.coef_)
    np.testing.assert_array_equal(model.coef_, least_squares(design=design).fit(X, y).coef_)
    np.testing.assert_array_equal(least_squares(design=design).query(X), calls[0])


def test_queries_take_sizes_and_weights_and_leave_the_model_alone(pool, rng):
    X, y = pool
    model = least_squares(n_samples="2m")
    rows = model.query(X, "5m")
    np.testing.assert_array_equal(rows, least_squares(n_samples="5m").fit(X, y).selected_indices_)
    weights = rng.gamma(0.2, size=200)
    np.testing.assert_array_equal(
        model.query(X, sample_weight=weights), model.fit(X, y, sample_weight=weights).selected_indices_
    )
    before = dict(vars(model))
    assert model.query(rng.normal(size=(50, 2))).size <= 6
    assert vars(model).keys() == before.keys()
    assert not [name for name in vars(clone(model)) if name.endswith("_")]


def test_a_picked_row_without_a_label_is_named(pool):
    X, y = pool
    rows = least_squares().query(X)
    unknown = y.copy()
    unknown[rows[[1, 4]]] = np.nan
    with pytest.raises(
        ValueError, match=rf"2 of {rows.size} values .* NaN or infinite: those of row {rows[1]}, {rows[4]}\. Label"
    ):
        least_squares().fit(X, unknown)
    unknown[rows[1]] = np.inf
    with pytest.raises(ValueError, match=rf"those of row {rows[1]}, {rows[4]}\."):
        least_squares().fit(X, lambda picked: unknown[picked])
    with pytest.raises(ValueError, match=r"those of row (\d+, ){5}\.\.\."):
        least_squares().fit(X, np.full((200, 2), np.nan))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones(199), r"each of 200 rows. Got shape \(199,\)"),
        (np.ones((200, 2, 1)), r"Got shape \(200, 2, 1\)"),
        (3.0, r"Got shape \(\)"),
        (["high"] * 200, "must be real numbers. Got an array of type <U4"),
        (["1.0"] * 200, "must be real numbers"),
        (np.ones(200, dtype=complex), "must be real numbers. Got an array of type complex128"),
        ([object()] * 200, "y must have a real number"),
        (lambda rows: np.ones(rows.size + 1), r"for each of \d+ rows. Got an array of shape \(\d+,\)"),
        (lambda rows: 1.0, r"for each of \d+ rows. Got an array of shape \(\)"),
        (lambda rows: None, r"for each of \d+ rows. Got an array of shape \(\)"),
        (lambda rows: [None] * rows.size, r"(\d+) of \1 values that are needed are NaN"),
        (None, "requires y to be passed"),
    ],
)
def test_bad_labels(pool, labels, message):
    model = least_squares()
    with pytest.raises(ValueError, match=message):
        model.fit(pool[0], labels)
    assert vars(model) == vars(least_squares())


def test_dates_are_no_labels(pool):
    days = np.datetime64("2024-01-01") + np.arange(200)
    for labels in (days, pd.Series(days), lambda rows: days[rows]):
        with pytest.raises(TypeError, match="y must be numbers. Got dates or durations"):
            least_squares().fit(pool[0], labels)


def test_labels_of_other_kinds_are_numbers_too(pool):
    X, y = pool
    rounded = np.round(y)
    expected = least_squares().fit(X, rounded).coef_
    for labels in (rounded.tolist(), rounded.astype(int), rounded.astype(object), pd.Series(rounded)):
        np.testing.assert_allclose(least_squares().fit(X, labels).coef_, expected, atol=1e-13)
    unknown = rest_unlabeled(rounded, least_squares().query(X)).astype(object)
    unknown[np.isnan(unknown.astype(float))] = "not measured"
    np.testing.assert_allclose(least_squares().fit(X, unknown).coef_, expected, atol=1e-13)


def test_a_column_of_labels_is_a_vector(pool):
    X, y = pool
    for labels in (y[:, None], lambda rows: y[rows, None]):
        model = least_squares()
        with pytest.warns(DataConversionWarning, match="column-vector"):
            model.fit(X, labels)
        np.testing.assert_array_equal(model.coef_, least_squares().fit(X, y).coef_)


# Theory


def test_fits_to_one_draw_are_unbiased_with_m_plus_1_times_the_least_error():
    rng = np.random.default_rng(0)  # a pool on which errors have no heavy tail
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    full = LinearRegression(fit_intercept=False).fit(X, y)
    least = np.sum((y - full.predict(X)) ** 2)
    model = least_squares(design="dpp", fit_intercept=False, random_state=np.random.default_rng(1))
    fits = [clone(model).set_params(random_state=seed).fit(X, y) for seed in range(1500)]
    coefs = np.array([fit.coef_ for fit in fits])
    z = np.abs(coefs.mean(axis=0) - full.coef_) / (coefs.std(axis=0) / np.sqrt(1500))
    assert z.max() < norm.isf(LEVEL / 4)
    ratios = np.array([np.sum((y - fit.predict(X)) ** 2) for fit in fits]) / least
    error = ratios.std() / np.sqrt(1500)
    assert abs(ratios.mean() - 3.0) < norm.isf(LEVEL / 2) * error
    assert error < 0.2


def test_fits_to_a_volume_sample_are_unbiased(rng):
    X = rng.normal(size=(8, 2)) * np.array([1.0, 1.0, 1.0, 1.0, 3.0, 1.0, 8.0, 1.0])[:, None]
    y = rng.normal(size=8)
    full = LinearRegression(fit_intercept=False).fit(X, y).coef_
    models = (least_squares(design="volume", n_samples=4, fit_intercept=False, random_state=s) for s in range(1500))
    coefs = np.array([model.fit(X, y).coef_ for model in models])
    z = np.abs(coefs.mean(axis=0) - full) / (coefs.std(axis=0) / np.sqrt(1500))
    assert z.max() < norm.isf(LEVEL / 4)


@pytest.mark.parametrize("design", ["repeated_dpp", "volume", "christoffel", "iid"])
def test_many_draws_converge_to_the_fit_to_all_labels(pool, design):
    X, y = pool
    fits = (least_squares(design=design, n_samples="20m", random_state=seed).fit(X, y) for seed in range(60))
    predictions = np.mean([fit.predict(X) for fit in fits], axis=0)
    full = LinearRegression().fit(X, y)
    wrong = LinearRegression().fit(X, y, sample_weight=leverage_scores(with_constant(X)))  # without weights
    size = np.sum((wrong.predict(X) - full.predict(X)) ** 2)
    assert np.sum((predictions - full.predict(X)) ** 2) < 0.25 * size


def test_without_weights_many_draws_converge_to_the_wrong_fit(rng):
    X = np.concatenate([rng.normal(size=(60, 1)), [[12.0], [-11.0]]])
    y = np.abs(X[:, 0]) * (X[:, 0] > 0)
    draw = PoolDPPSampler(n_samples="3000m", random_state=0).fit(with_constant(X)).sample()
    counts = np.bincount(draw.indices, minlength=62)
    weights = np.bincount(draw.indices, draw.weights, minlength=62)
    full = LinearRegression().fit(X, y)
    wrong = LinearRegression().fit(X, y, sample_weight=leverage_scores(with_constant(X)))
    assert abs(wrong.intercept_ - full.intercept_) > 0.3
    assert LinearRegression().fit(X, y, sample_weight=weights).intercept_ == pytest.approx(full.intercept_, abs=0.05)
    assert LinearRegression().fit(X, y, sample_weight=counts).intercept_ == pytest.approx(wrong.intercept_, abs=0.05)
    # The estimator labels all rows of a pool of fewer rows than draws; with fewer draws it uses the weights.
    fits = [least_squares(n_samples=60, random_state=seed).fit(X, y).intercept_ for seed in range(200)]
    assert np.mean(fits) == pytest.approx(full.intercept_, abs=0.1)


@pytest.mark.parametrize("design", ["repeated_dpp", "dpp", "volume"])
def test_a_row_that_alone_determines_a_direction_is_always_picked(rng, design):
    X = np.column_stack([rng.normal(size=100), np.arange(100) == 37])
    for seed in range(20):
        model = least_squares(design=design, random_state=seed).fit(X, X @ [2.0, 5.0])
        assert 37 in model.selected_indices_
        np.testing.assert_allclose(model.coef_, [2.0, 5.0], rtol=1e-10)
        assert model.loo_error_ == np.inf
        assert model.certificate_["leave-one-out error"].holds is None


# Pools with weights, small pools, dependent columns


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n_samples", [12, 30, 1.0])
def test_small_pools_are_labeled_entirely(rng, design, n_samples):
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    if design == "dpp":
        with pytest.raises(ValueError, match="exactly m=4 rows"):
            least_squares(design=design, n_samples=n_samples).fit(X, y)
        return
    model = least_squares(design=design, n_samples=n_samples).fit(X, y)
    np.testing.assert_array_equal(model.selected_indices_, np.arange(12))
    np.testing.assert_allclose(model.selected_weights_, 1.0, rtol=1e-14)
    full = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, full.coef_, rtol=1e-10)
    assert model.intercept_ == pytest.approx(full.intercept_, rel=1e-10)
    assert model.lambda_min_ == pytest.approx(1.0)
    assert model.certificate_["expected error factor"].statistic == 1.0


def test_a_pool_of_m_rows_is_interpolated(rng):
    X, y = rng.normal(size=(4, 3)), rng.normal(size=4)
    for design in DESIGNS:
        np.testing.assert_allclose(least_squares(design=design, n_samples="m").fit(X, y).predict(X), y, atol=1e-12)


def test_entire_pools_have_their_weights(rng):
    X, y, weights = rng.normal(size=(30, 3)), rng.normal(size=(30, 2)), rng.gamma(0.5, size=30)
    weights[[3, 17]] = 0.0
    y[17] = np.nan  # of a row that does not count
    kept = weights > 0.0
    full = LinearRegression().fit(X[kept], y[kept], sample_weight=weights[kept])
    for scale in (1.0, 1e-9):
        model = least_squares(n_samples=28).fit(X, y, sample_weight=scale * weights)
        np.testing.assert_array_equal(model.selected_indices_, np.flatnonzero(kept))
        np.testing.assert_allclose(model.selected_weights_, weights[kept] / weights[kept].mean(), rtol=1e-12)
        np.testing.assert_allclose(model.coef_, full.coef_, rtol=1e-9)
        np.testing.assert_allclose(model.intercept_, full.intercept_, rtol=1e-9)


@pytest.mark.parametrize("design", DESIGNS)
def test_weights_of_a_pool_are_its_population(pool, design):
    """Fits are to the weighted pool, in which a weight of two is a row that is there twice."""
    X, y = pool
    counts = np.where(X[:, 0] > 0.0, 4, 1)
    full, plain = LinearRegression().fit(X, y, sample_weight=counts), LinearRegression().fit(X, y)
    X_repeated, y_repeated = np.repeat(X, counts, axis=0), np.repeat(y, counts)

    def mean_prediction(*data):
        fits = (least_squares(design=design, n_samples=n_samples, random_state=seed) for seed in range(200))
        return np.median([fit.fit(*data).predict(X) for fit in fits], axis=0)

    n_samples = None if design == "dpp" else 40
    by_weights, by_rows = mean_prediction(X, y, counts), mean_prediction(X_repeated, y_repeated)
    size = np.mean((full.predict(X) - plain.predict(X)) ** 2)
    allowed = {"dpp": 1.0, "iid": 0.6}.get(design, 0.3)
    assert np.mean((by_weights - by_rows) ** 2) < allowed * size
    assert np.mean((by_weights - full.predict(X)) ** 2) < allowed * size


def test_rows_without_weight_are_never_picked(pool):
    X, y = pool
    weights = (np.arange(200) % 2).astype(float)
    for design in DESIGNS:
        assert (least_squares(design=design).fit(X, y, sample_weight=weights).selected_indices_ % 2 == 1).all()


@pytest.mark.parametrize("n_samples", ["2m", 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_dependent_columns_give_the_coefficients_of_smallest_norm(rng, fit_intercept, n_samples):
    X = rng.normal(size=(80, 3))
    X = np.column_stack([X, X[:, 0] - 2.0 * X[:, 1], np.full(80, 3.0), np.zeros(80)])
    y = X[:, :3] @ [1.0, 2.0, 3.0] + 0.5 + (0.1 * rng.normal(size=80) if n_samples == 1.0 else 0.0)
    model = least_squares(n_samples=n_samples, fit_intercept=fit_intercept)
    with pytest.warns(RankDeficientWarning) as caught:
        model.fit(X, y)
    assert len(caught) == 1
    full = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    assert model.rank_ == 4
    np.testing.assert_allclose(model.predict(X), full.predict(X), atol=1e-11)
    np.testing.assert_allclose(model.coef_, full.coef_, atol=1e-11)
    assert model.intercept_ == pytest.approx(full.intercept_, abs=1e-11)


def test_more_columns_than_rows(rng):
    X, y = rng.normal(size=(10, 30)), rng.normal(size=10)
    with pytest.warns(RankDeficientWarning, match="rank 10"):
        model = least_squares().fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-10)
    np.testing.assert_allclose(model.coef_, LinearRegression().fit(X, y).coef_, atol=1e-10)


def test_rows_that_do_not_determine_the_fit(rng):
    X = np.zeros((500, 2))
    X[:490, 0], X[490:, 1] = rng.normal(size=490), 1.0
    with pytest.warns(RankDeficientWarning, match="determine the fit in 2 of m=3 dimensions"):
        model = least_squares(design="iid", n_samples=8, random_state=1).fit(X, X.sum(axis=1))
    assert model.lambda_min_ == pytest.approx(0.0, abs=1e-12)
    assert model.certificate_.holds is False
    assert least_squares(n_samples=8).fit(X, X.sum(axis=1)).certificate_["smallest eigenvalue"].holds


def test_constant_and_zero_columns_alone(rng):
    with pytest.warns(RankDeficientWarning):
        model = least_squares().fit(np.full((50, 2), 4.0), np.full(50, 7.0))
    np.testing.assert_allclose(model.predict(np.full((3, 2), 4.0)), 7.0)
    assert model.rank_ == 1
    with pytest.raises(ValueError, match="nothing to choose between"):
        least_squares(fit_intercept=False).fit(np.zeros((50, 2)), np.ones(50))


# Sizes, seeds and bad input


@pytest.mark.parametrize(
    ("n_samples", "expected"), [(12, 12), (np.int64(12), 12), (0.1, 20), ("2m", 10), ("2.5m", 13), (None, 10)]
)
def test_sizes(pool, n_samples, expected):
    X, y = pool
    model = least_squares(n_samples=n_samples, design="christoffel").fit(X, y)
    draw = PoolDPPSampler("christoffel", random_state=0).fit(with_constant(X)).sample(expected)
    np.testing.assert_array_equal(model.selected_indices_, np.unique(draw.indices))
    assert least_squares(design="dpp").fit(X, y).n_labels_ == 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 4}, "n_samples=4 is smaller than the dimension of the approximation space m=5"),
        ({"n_samples": 0.01}, r"n_samples=0.01 \(2 samples\) is smaller"),
        ({"n_samples": "0.5m"}, "smaller than the dimension"),
        ({"n_samples": "some"}, "no multiple of the dimension"),
        ({"n_samples": 1.5}, "'n_samples' parameter"),
        ({"n_samples": 0}, "'n_samples' parameter"),
        ({"design": "dpp", "n_samples": "2m"}, "exactly m=5 rows"),
        ({"design": "greedy"}, "'design' parameter"),
        ({"rcond": 2.0}, "'rcond' parameter"),
        ({"fit_intercept": "yes"}, "'fit_intercept' parameter"),
    ],
)
def test_bad_parameters(pool, parameters, message):
    X, y = pool
    with pytest.raises(ValueError, match=message):
        least_squares(**parameters).fit(X, y)
    with pytest.raises(ValueError, match=message):
        least_squares(**parameters).query(X)


def test_bad_pools(pool):
    X, y = pool
    for bad in (np.nan, np.inf):
        spoiled = X.copy()
        spoiled[5, 2] = bad
        with pytest.raises(ValueError, match="(?i)nan|infinity"):
            least_squares().fit(spoiled, y)
        with pytest.raises(ValueError, match="(?i)nan|infinity"):
            least_squares().query(spoiled)
    with pytest.raises(ValueError, match="1 sample"):
        least_squares().fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="(?i)negative"):
        least_squares().fit(X, y, sample_weight=-np.ones(200))
    with pytest.raises(ValueError, match="non-zero"):
        least_squares().query(X, sample_weight=np.zeros(200))
    with pytest.raises(ValueError, match="features"):
        least_squares().fit(X, y).predict(X[:, :3])
    with pytest.raises(NotFittedError):
        least_squares().predict(X)


def test_random_states(pool):
    X, y = pool

    def rows(seed):
        return least_squares(random_state=seed).fit(X, y).selected_indices_.tolist()

    assert rows(2) == rows(2) == least_squares(random_state=2).query(X).tolist()
    assert rows(np.random.default_rng(2)) == rows(np.random.default_rng(2))
    assert rows(np.random.RandomState(2)) == rows(np.random.RandomState(2))
    assert rows(2) != rows(3)
    assert rows(None) != rows(None)
    generator = np.random.default_rng(2)
    assert rows(generator) != rows(generator)


# Certificates


def test_a_certificate_holds_where_it_should(pool):
    (X, y), rng = pool, np.random.default_rng(0)  # noise may look like a function by chance
    good = least_squares(n_samples="4m").fit(X, y).certificate_
    assert good.holds is True
    assert good["expected error factor"].statistic == pytest.approx(1.0 + 0.25 / 0.1**2)
    assert "over the pool is at most 10 times" in good.claim
    noise = least_squares(n_samples="2m").fit(X, rng.normal(size=200)).certificate_
    assert noise["leave-one-out error"].holds is False
    assert noise.holds is False
    single = least_squares(design="dpp").fit(X, y).certificate_
    assert single["expected error factor"].statistic == 6.0
    assert single["leave-one-out error"].holds is None
    assert not single
    assert least_squares(design="iid").fit(X, y).certificate_["expected error factor"].statistic is None


@pytest.mark.parametrize("design", ["repeated_dpp", "christoffel"])
def test_errors_of_stable_draws_stay_within_the_factor(pool, design):
    X, y = pool
    least = np.mean((y - LinearRegression().fit(X, y).predict(X)) ** 2)
    errors, factor = [], None
    for seed in range(200):
        model = least_squares(design=design, random_state=seed).fit(X, y)
        check = model.certificate_["smallest eigenvalue"]
        errors.append(np.mean((y - model.predict(X)) ** 2) / least if check.holds else 0.0)
        factor = model.certificate_["expected error factor"].statistic if check.holds else factor
    assert 0.5 < np.mean(errors) < factor


# scikit-learn


def test_in_cross_validation_and_grid_search(pool):
    X, y = pool
    scores = cross_val_score(least_squares(n_samples="4m"), X, y, cv=4)
    assert scores.mean() > 0.8
    grid = {"dppleastsquares__n_samples": ["2m", 0.2, 40], "dppleastsquares__design": ["repeated_dpp", "iid"]}
    search = GridSearchCV(make_pipeline(StandardScaler(), least_squares()), grid, cv=3).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.8


def test_weights_are_routed(pool):
    import sklearn

    X, y = pool
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(StandardScaler(), least_squares().set_fit_request(sample_weight=True))
        model[0].set_fit_request(sample_weight=False)
        model.fit(X, y, sample_weight=np.arange(200.0))
    direct = least_squares().fit(StandardScaler().fit_transform(X), y, sample_weight=np.arange(200.0))
    np.testing.assert_array_equal(model[-1].coef_, direct.coef_)


def test_refit_clone_and_pickle(pool):
    X, y = pool
    model = least_squares().fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert len(pickle.dumps(model)) < 20_000  # the pool is not kept
    first = model.coef_.copy()
    np.testing.assert_array_equal(model.fit(X, y).coef_, first)
    assert not [name for name in vars(clone(model)) if name.endswith("_") or name.startswith("_")]


# Real pools: mean squared error over the least one, at n = m and 2m, or 2m and 3m


def mean_ratio(X, y, design, n_samples, n_draws):
    X = with_constant(X) if not (X[0] == X).all(axis=0).any() else X
    least = np.sum((y - LinearRegression(fit_intercept=False).fit(X, y).predict(X)) ** 2)
    models = (
        least_squares(design=design, n_samples=n_samples, fit_intercept=False, random_state=seed)
        for seed in range(n_draws)
    )
    return np.array([np.sum((y - model.fit(X, y).predict(X)) ** 2) for model in models]) / least


def assert_mean(ratios, stated, n_stated=400):
    error = ratios.std() * np.sqrt(1.0 / len(ratios) + 1.0 / n_stated)
    assert abs(ratios.mean() - stated) < norm.isf(LEVEL / 2) * error + 0.005 * stated


@pytest.mark.parametrize(
    ("design", "stated"), [("iid", 2.31), ("christoffel", 2.12), ("volume", 1.97), ("repeated_dpp", 1.85)]
)
def test_diabetes(design, stated):
    X, y = load_diabetes(return_X_y=True)
    assert_mean(mean_ratio(X, y, design, "2m", 300), stated)


@pytest.mark.slow
def test_diabetes_with_as_many_labels_as_dimensions():
    X, y = load_diabetes(return_X_y=True)
    for design in ("volume", "repeated_dpp"):
        ratios = mean_ratio(X, y, design, "m", 2000)
        assert abs(ratios.mean() - 12.0) < norm.isf(LEVEL / 2) * ratios.std() / np.sqrt(2000)  # m + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RankDeficientWarning)  # random rows may be too alike
        assert mean_ratio(X, y, "iid", "m", 400).mean() > 100.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.RankDeficientWarning")  # independent rows may be too alike
def test_visits_to_the_doctor():
    """Few rows of this pool matter: random ones need three times as many labels."""
    randhie = pytest.importorskip("statsmodels.datasets.randhie")
    frame = randhie.load_pandas().data
    y = frame["mdvis"].to_numpy(float)
    X = with_constant(frame.drop(columns="mdvis").to_numpy(float))
    stated = {"christoffel": (2.37, 1.67), "volume": (1.99, 1.42), "repeated_dpp": (1.84, 1.42)}
    for design, means in stated.items():
        for n_samples, mean in zip(("2m", "3m"), means, strict=True):
            assert_mean(mean_ratio(X, y, design, n_samples, 300), mean)
    assert np.mean(mean_ratio(X, y, "iid", "2m", 300)) > 2.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.RankDeficientWarning")
def test_digits():
    """Pixels that are dark but in one image give rows of leverage 1."""
    X, y = load_digits(return_X_y=True)
    X = X[:, X.any(axis=0)]
    stated = {"christoffel": 2.27, "volume": 2.05, "repeated_dpp": 1.96}
    for design, mean in stated.items():
        assert_mean(mean_ratio(X, y.astype(float), design, "2m", 100), mean)
