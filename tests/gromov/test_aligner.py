"""Alignment of point clouds: known isometries, definitions of the outputs, real data against POT, and bad input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from statlearn.exceptions import ScaleWarning
from statlearn.gromov import GromovAligner, gromov_wasserstein_bounds

from .oracles import objective_by_loops, permutation_optimum

ATOL = 1e-9  # products of matrices with entries of order 1, against the same sums in another order


def random_isometry(rng, X, n_dimensions):
    """Turn a cloud into a space of more dimensions, move it, and return the map too."""
    frame = np.linalg.qr(rng.normal(size=(n_dimensions, X.shape[1])))[0]
    shift = rng.normal(size=n_dimensions)
    return lambda points: points @ frame.T + shift


# Known answers


def test_triangle_by_hand():
    plane = [[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]
    space = [[1.0, 1.0, 5.0], [1.0, 1.0, 1.0], [1.0, 4.0, 1.0]]  # the corner with the right angle is the second one
    model = GromovAligner().fit(plane, space)
    assert_array_equal(model.matching_, [1, 2, 0])
    assert model.result_.upper == 0.0
    assert_allclose(model.transform(plane), np.array(space)[[1, 2, 0]])


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize(("n", "d1", "d2"), [(5, 1, 1), (12, 2, 2), (40, 2, 3), (60, 3, 10)])
def test_isometries_are_recovered(rng, cost, n, d1, d2):
    X = rng.normal(size=(n, d1))
    move, order = random_isometry(rng, X, d2), rng.permutation(n)
    model = GromovAligner(cost).fit(X, move(X)[order])
    assert_array_equal(order[model.matching_], np.arange(n))
    assert_allclose(model.transform(X), move(X), atol=ATOL)
    assert_allclose(model.result_.upper, 0.0, atol=ATOL)
    assert model.certificate_


@pytest.mark.parametrize("n", [4, 5, 6, 9])
def test_symmetric_clouds_are_aligned_up_to_a_symmetry(rng, n):
    angles = 2.0 * np.pi * np.arange(n) / n
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    order = rng.permutation(n)
    model = GromovAligner().fit(X, X[order])
    matched = order[model.matching_]
    assert_allclose(cdist(X[matched], X[matched]), cdist(X, X), atol=ATOL)
    assert_array_equal(np.sort(matched), np.arange(n))


def test_a_cloud_and_its_doubled_copy(rng):
    X = rng.normal(size=(15, 2))
    order = rng.permutation(np.tile(np.arange(15), 2))
    model = GromovAligner().fit(X, X[order])
    assert_array_equal(order[model.matching_], np.arange(15))
    assert_allclose(model.transform(X), X, atol=ATOL)
    assert_allclose(model.result_.upper, 0.0, atol=ATOL)


@pytest.mark.parametrize("trial", range(4))
def test_the_interval_holds_the_best_permutation(rng, trial):
    # For distances the objective is concave, so that no coupling is better than all permutations.
    X, Y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2 + trial))
    best = permutation_optimum(cdist(X, X), cdist(Y, Y))
    result = GromovAligner().fit(X, Y).result_
    assert result.lower * (1.0 - ATOL) <= best <= result.upper * (1.0 + ATOL)


def test_one_point_each():
    model = GromovAligner().fit([[1.0, 2.0]], [[5.0]])
    assert_array_equal(model.plan_, [[1.0]])
    assert_array_equal(model.transform([[7.0, 7.0]]), [[5.0]])


# What the outputs are


@pytest.mark.parametrize(("n", "m"), [(6, 6), (5, 8), (8, 5), (1, 4)])
def test_the_plan_is_a_coupling_with_the_reported_value(rng, n, m):
    X, Y = rng.normal(size=(n, 2)), rng.normal(size=(m, 3))
    model = GromovAligner().fit(X, Y)
    assert model.plan_.shape == (n, m)
    assert model.plan_.min() >= 0.0
    assert_allclose(model.plan_.sum(axis=1), 1.0 / n)
    assert_allclose(model.plan_.sum(axis=0), 1.0 / m)
    assert_allclose(objective_by_loops(cdist(X, X), cdist(Y, Y), model.plan_), model.result_.upper, rtol=1e-10)
    assert model.result_.lower <= model.result_.upper
    assert model.certificate_ is model.result_.certificate
    assert model.n_iter_ == model.result_.n_iter >= 1


def test_matching_of_equal_and_unequal_sizes(rng):
    X = rng.normal(size=(30, 2))
    square = GromovAligner().fit(X, rng.normal(size=(30, 2)))
    assert_array_equal(np.sort(square.matching_), np.arange(30))
    mass = square.plan_[np.arange(30), square.matching_].sum()
    assert_allclose(mass, square.plan_[linear_sum_assignment(-square.plan_)].sum())
    wide = GromovAligner().fit(X, rng.normal(size=(47, 2)))
    assert_array_equal(wide.plan_[np.arange(30), wide.matching_], wide.plan_.max(axis=1))


def test_costs_are_those_of_the_function(rng):
    X, Y = rng.normal(size=(20, 2)), rng.normal(size=(25, 3))
    for metric in ("euclidean", "sqeuclidean"):
        C1, C2 = cdist(X, X, metric), cdist(Y, Y, metric)
        expected = gromov_wasserstein_bounds(C1, C2)
        from_points, from_costs = GromovAligner(metric).fit(X, Y), GromovAligner("precomputed").fit(C1, C2)
        assert_allclose(from_costs.plan_, expected.plan)
        assert_allclose(from_points.result_.lower, expected.lower, rtol=1e-9)
        assert_allclose(from_points.result_.upper, expected.upper, rtol=1e-6)


def test_asymmetric_precomputed_costs_of_any_sign(rng):
    C = rng.normal(size=(9, 9))
    order = rng.permutation(9)
    model = GromovAligner("precomputed").fit(C, C[np.ix_(order, order)])
    assert_array_equal(order[model.matching_], np.arange(9))


def test_a_vector_is_a_cloud_on_the_line(rng):
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    vector, column = GromovAligner().fit(X, y), GromovAligner().fit(X, y[:, None])
    assert_array_equal(vector.plan_, column.plan_)
    assert vector.transform(X).shape == (12, 1)


def test_both_clouds_may_be_scaled(rng):
    X = rng.normal(size=(25, 2))
    order = rng.permutation(25)
    Y = 5000.0 * X[order]
    for how in ("max", "mean"):
        model = GromovAligner(scale=how).fit(X, Y)
        assert_array_equal(order[model.matching_], np.arange(25))
        assert_allclose(model.result_.upper, 0.0, atol=ATOL)
    with pytest.warns(ScaleWarning, match="differ in scale"):
        GromovAligner().fit(X, Y)


def test_transform_is_the_barycentric_projection(rng):
    X, Y = rng.normal(size=(10, 2)), rng.normal(size=(16, 3))
    model = GromovAligner().fit(X, Y)
    images = 10 * model.plan_ @ Y
    assert_allclose(model.transform(X), images, atol=ATOL)
    new = rng.normal(size=(50, 2))
    assert_array_equal(model.transform(new), model.transform(X)[cdist(new, X).argmin(axis=1)])


def test_coinciding_rows_share_their_image(rng):
    X = rng.normal(size=(8, 2))[[0, 1, 2, 3, 4, 5, 6, 7, 0, 0]]
    Y = rng.normal(size=(10, 2))
    model = GromovAligner().fit(X, Y)
    images = 10 * model.plan_ @ Y
    assert_allclose(model.transform(X[:1]), images[[0, 8, 9]].mean(axis=0)[None], atol=ATOL)
    assert_allclose(model.transform(X)[1:8], images[1:8], atol=ATOL)
    assert_allclose(model.transform(X).mean(axis=0), Y.mean(axis=0), atol=ATOL)


def test_transform_of_precomputed_costs_gives_costs_to_the_nodes_of_y(rng):
    X = rng.normal(size=(20, 2))
    order = rng.permutation(20)
    C = cdist(X, X)
    model = GromovAligner("precomputed").fit(C, C[np.ix_(order, order)])
    assert_allclose(model.transform(C), C[:, order], atol=ATOL)
    near = X + 1e-6 * rng.normal(size=X.shape)
    assert_allclose(model.transform(cdist(near, X)), C[:, order], atol=ATOL)


def test_score_is_minus_the_value_of_the_pair(rng):
    X, Y = rng.normal(size=(15, 2)), rng.normal(size=(12, 3))
    model = GromovAligner().fit(X, Y)
    assert model.score(X, Y) == -model.result_.upper
    assert -1e-25 < model.score(X, X[::-1] + 1.0) <= 0.0  # the square of the rounding of distances
    assert model.score(X, 2.0 * Y) == -GromovAligner().fit(X, 2.0 * Y).result_.upper


# Real data

DIGITS_ROWS = 150


def digits():
    X = load_digits().data
    return X[np.random.default_rng(0).choice(len(X), DIGITS_ROWS, replace=False)]


def reduced(X, n_components):
    return PCA(n_components, random_state=0).fit_transform(X), X


def turned(X):
    rng = np.random.default_rng(0)
    return X, random_isometry(rng, X, X.shape[1])(X) + rng.normal(size=X.shape)


def halves(X):
    half = X.shape[1] // 2
    return X[:, :half], X[:, half:]


# Two embeddings of the same samples, in the same order, and the share of samples that must find themselves.
EMBEDDINGS = {
    "iris, 2 of 4 components": (lambda: reduced(scale(load_iris().data), 2), 0.8),
    "iris, 3 of 4 components": (lambda: reduced(scale(load_iris().data), 3), 0.95),
    "wine, 5 of 13 components": (lambda: reduced(scale(load_wine().data), 5), 0.95),
    "digits, 10 of 64 components": (lambda: reduced(digits(), 10), 0.95),
    "digits, 20 of 64 components": (lambda: reduced(digits(), 20), 0.95),
    "digits, turned with noise": (lambda: turned(digits()), 0.95),
}
# Disjoint features: who is who cannot be told from distances (documented), and only the value is compared.
HALVES = {
    "iris, sepals and petals": lambda: halves(scale(load_iris().data)),
    "iris, lengths and widths": lambda: (scale(load_iris().data)[:, ::2], scale(load_iris().data)[:, 1::2]),
    "wine, halves": lambda: halves(scale(load_wine().data)),
    "digits, halves": lambda: halves(digits()),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_samples_find_themselves_in_another_embedding(rng, name):
    make, share = EMBEDDINGS[name]
    X, Y = make()
    order = rng.permutation(len(Y))
    model = GromovAligner().fit(X, Y[order])
    assert np.mean(order[model.matching_] == np.arange(len(X))) >= share


@pytest.mark.parametrize("name", [*EMBEDDINGS, *HALVES])
def test_never_worse_than_pot_from_its_default_start(name):
    gromov = pytest.importorskip("ot.gromov")
    X, Y = HALVES[name]() if name in HALVES else EMBEDDINGS[name][0]()
    plan = gromov.gromov_wasserstein(cdist(X, X), cdist(Y, Y))
    C1, C2 = cdist(X, X), cdist(Y, Y)
    value = np.mean(C1**2) + np.mean(C2**2) - 2.0 * np.sum((C1 @ plan @ C2) * plan)
    assert GromovAligner().fit(X, Y).result_.upper <= value * (1.0 + ATOL)


def test_overlapping_samples_of_unequal_sizes_are_aligned():
    X = digits()
    model = GromovAligner().fit(X[:60], X)
    assert np.mean(model.matching_ == np.arange(60)) > 0.2  # 0.007 by chance
    assert_allclose(model.plan_.sum(axis=0), 1.0 / len(X))


# In scikit-learn


def test_pipeline_and_data_frames(rng):
    frames = pytest.importorskip("pandas")
    X = frames.DataFrame(rng.normal(size=(30, 4)) * [3.0, 2.0, 1.0, 0.5], columns=list("abcd"))
    target = X.to_numpy()[:, ::-1] @ np.eye(4, 5)
    model = make_pipeline(PCA(3), GromovAligner()).set_output(transform="pandas").fit(X, target)
    images = model.transform(X)
    assert list(images.columns) == [f"gromovaligner{i}" for i in range(5)]
    assert list(images.index) == list(X.index)
    assert list(GromovAligner().fit(X, target).feature_names_in_) == list("abcd")
    assert_array_equal(GromovAligner().fit(X, frames.DataFrame(target)).plan_, GromovAligner().fit(X, target).plan_)


def test_grid_search_scores_pairs_of_rows(rng):
    X = rng.normal(size=(24, 2))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GromovAligner()), {"gromovaligner__init": ["structured", "product"]}, cv=3
    )
    search.fit(X, random_isometry(rng, StandardScaler().fit_transform(X), 3)(X))
    assert np.all(search.cv_results_["mean_test_score"] <= 0.0)
    assert search.best_estimator_.transform(X).shape == (24, 3)


def test_clone_pickle_and_single_precision(rng):
    X, Y = rng.normal(size=(20, 2)), rng.normal(size=(20, 3))
    model = GromovAligner(n_random=2, random_state=0).fit(X, Y)
    assert clone(model).get_params() == model.get_params()
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.transform(X), model.transform(X))
    assert twin.result_.upper == model.result_.upper
    single = GromovAligner().fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.plan_.dtype == single.transform(X).dtype == np.float64


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_the_number_of_workers_changes_nothing(rng, n_jobs):
    X, Y = rng.normal(size=(25, 2)), rng.normal(size=(30, 3))
    serial = GromovAligner(n_random=4, random_state=1).fit(X, Y)
    parallel = GromovAligner(n_random=4, random_state=1, n_jobs=n_jobs).fit(X, Y)
    assert_array_equal(parallel.plan_, serial.plan_)
    assert parallel.result_.start_name == serial.result_.start_name


def test_the_arguments_are_left_alone(rng):
    X, Y = rng.normal(size=(10, 2)), rng.normal(size=(10, 3))
    copies = X.copy(), Y.copy()
    model = GromovAligner().fit(X, Y)
    images = model.transform(X)
    X *= 2.0
    assert_array_equal(model.transform(copies[0]), images)
    assert_array_equal(Y, copies[1])


# Bad input

SQUARE = np.ones((3, 3)) - np.eye(3)


@pytest.mark.parametrize(
    ("parameters", "X", "y", "message"),
    [
        ({}, [[1.0], [np.nan]], [1.0, 2.0], "X contains NaN"),
        ({}, [[1.0], [2.0]], [1.0, np.inf], "y contains infinity"),
        ({}, [[1.0], [2.0]], None, "pass the second cloud"),
        ({}, [1.0, 2.0], [1.0, 2.0], "Expected 2D array"),
        ({}, [[1.0], [2.0]], [[[1.0]]], "dim 3"),
        ({}, [[1.0], [2.0]], [], "0 sample"),
        ({"cost": "precomputed"}, np.ones((3, 2)), SQUARE, "X must be square"),
        ({"cost": "precomputed"}, SQUARE, np.ones((3, 2)), "y must be square"),
        ({"cost": "hop"}, SQUARE, SQUARE, "'cost' parameter"),
        ({"scale": "median"}, SQUARE, SQUARE, "'scale' parameter"),
        ({"init": "random"}, SQUARE, SQUARE, "'init' parameter"),
        ({"n_random": -1}, SQUARE, SQUARE, "'n_random' parameter"),
        ({"max_iter": 0}, SQUARE, SQUARE, "'max_iter' parameter"),
    ],
)
def test_bad_input_is_refused(parameters, X, y, message):
    model = GromovAligner(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert vars(model) == vars(GromovAligner(**parameters))


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("n_columns", [1, 2])
def test_a_table_in_an_extreme_unit_is_named(rng, cost, n_columns):
    X, y = rng.normal(size=(5, n_columns)), rng.normal(size=(6, n_columns))
    for factor, found in ((1e151, "overflow"), (1e-151, "vanish")):
        with pytest.raises(ValueError, match=f"^X gives costs .*, whose squares {found}"):
            GromovAligner(cost=cost).fit(factor * X, y)
        with pytest.raises(ValueError, match=f"^y gives costs .*, whose squares {found}"):
            GromovAligner(cost=cost).fit(X, factor * y)


def test_methods_that_need_a_fit_and_the_right_columns(rng):
    X = rng.normal(size=(5, 2))
    for method in (lambda model: model.transform(X), lambda model: model.score(X, X)):
        with pytest.raises(NotFittedError):
            method(GromovAligner())
    with pytest.raises(ValueError, match="X has 1 features"):
        GromovAligner().fit(X, X).transform(X[:, :1])


def test_a_search_cut_short_warns(rng):
    X, Y = rng.normal(size=(40, 2)), rng.normal(size=(33, 2))
    with pytest.warns(ConvergenceWarning, match="max_iter=1 "):
        model = GromovAligner(max_iter=1).fit(X, Y)
    assert not model.result_.converged
    assert pdist(model.transform(X)).max() > 0.0
