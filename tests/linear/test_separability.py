"""Verdicts about separability, the objects behind them, and the certificate."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.preprocessing import StandardScaler

from statlearn.linear import _separability_evidence
from statlearn.linear._separability import separability

EXACT = ("auto", "lp")
METHODS = (*EXACT, "perceptron")

MIXING = np.array([[2.0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 2, 1], [1, 0, 0, 2]])

every_method = pytest.mark.parametrize("method", METHODS)
exact_methods = pytest.mark.parametrize("method", EXACT)


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def iris_pair(first, second):
    X, y = load_iris(return_X_y=True)
    chosen = (y == first) | (y == second)
    return StandardScaler().fit_transform(X[chosen]), y[chosen]


def digits_pair(positive, negative):
    X, y = load_digits(return_X_y=True)
    chosen = (y == positive) | (y == negative)
    return X[chosen] / 16.0, y[chosen] == positive


def clouds(seed=0, n=200, d=3, shift=0.5):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.5
    return rng.normal(size=(n, d)) + shift * y[:, None], y


def with_indicator(seed=0):
    """Clouds with an indicator that is 1 in one class only, and its rows."""
    X, y = clouds(seed)
    indicator = y & (np.random.default_rng(seed + 1).random(200) < 0.1)
    return np.column_stack([X, indicator]), y, indicator


def assert_consistent(result, X, y):
    """Every statement of a result against the data, by plain linear algebra."""
    signs = np.where(y == result.classes[1], 1.0, -1.0)
    Z = signs[:, None] * np.column_stack([X, np.full(len(X), result.intercept_scaling)])
    Z = Z if result.intercept_scaling else Z[:, :-1]
    assert result.radius == pytest.approx(np.linalg.norm(Z, axis=1).max(), rel=1e-12)
    assert result.margin_lower <= result.margin_upper
    if result.dual_weights is not None:
        assert result.dual_weights.min() >= 0.0 and result.dual_weights.sum() == pytest.approx(1.0, rel=1e-12)
        assert np.linalg.norm(Z.T @ result.dual_weights) <= result.margin_upper + 1e-12 * result.radius
    if result.direction is not None:
        assert np.linalg.norm(result.direction) == pytest.approx(1.0, rel=1e-12)
        margins = Z @ result.direction
        assert np.allclose(signs * (X @ result.coef + result.intercept), margins, atol=1e-12 * result.radius)
        if result.status == "not separable":
            assert margins.min() > -1e-12 * result.radius and margins.max() > 1e-9
        else:
            assert margins.min() == pytest.approx(result.margin_lower, abs=1e-12 * result.radius)
    if result.status == "separable":
        assert result.margin_lower > 0.0 and result.quasi is False and not result.overlapping.any()
    if result.status == "not separable":
        assert result.margin_lower <= 0.0 and result.margin_upper < 1e-10 * result.radius
        assert (result.direction is not None) == bool(result.quasi)
    assert result.certificate.holds is (None if result.status == "undetermined" else True)


@exact_methods
def test_breast_cancer_is_separable(method):
    X, y = breast_cancer()
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.mle_exists) == ("separable", False)
    assert result.margin_lower == pytest.approx(0.0013925, abs=5e-8)
    assert result.margin_upper == pytest.approx(result.margin_lower, rel=1e-9)
    assert result.certificate["separating direction"].kind == "proof"
    assert "StandardScaler" in result.certificate["scale"].detail


def test_first_order_steps_leave_breast_cancer_undetermined():
    X, y = breast_cancer()
    result = separability(X, y, "perceptron", max_iter=2000)
    assert_consistent(result, X, y)
    assert (result.status, result.quasi, result.mle_exists, result.overlapping) == ("undetermined", None, None, None)
    assert result.margin_lower < 0.0 and 0.0013925 < result.margin_upper < 0.1
    assert "exact methods of separability" in result.certificate["separating direction"].detail


@exact_methods
def test_iris(method):
    X, y = iris_pair(1, 2)
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.quasi, result.mle_exists) == ("not separable", False, True)
    assert result.margin_upper == 0.0 and result.overlapping.all() and result.columns == ()
    assert [result.certificate[name].kind for name in ("rows combine to zero", "no weak separation")] == ["proof"] * 2
    X, y = iris_pair(0, 1)
    assert separability(X, y, method).status == "separable"


@every_method
@pytest.mark.parametrize("pair, margin", [((0, 1), 0.591676), ((3, 8), 0.207727), ((1, 8), 0.110538)])
def test_digits(method, pair, margin):
    X, y = digits_pair(*pair)
    result = separability(X, y, method, tol=0.05)
    assert_consistent(result, X, y)
    assert result.status == "separable"
    assert result.margin_lower <= margin + 5e-7 and result.margin_upper >= margin - 5e-7
    assert result.margin_lower >= margin * (0.94 if method == "perceptron" else 1.0 - 1e-5)


def test_first_order_steps_can_prove_an_overlap():
    X, y = clouds(n=500, shift=0.0)
    result = separability(X, y, "perceptron")
    assert_consistent(result, X, y)
    assert (result.status, result.quasi) == ("not separable", False)
    assert result.certificate["rows combine to zero"].kind == "proof"


@exact_methods
def test_an_indicator_of_one_class(method):
    X, y, indicator = with_indicator()
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.quasi, result.mle_exists) == ("not separable", True, False)
    assert result.columns == (3,)
    assert result.overlapping.tolist() == (~indicator).tolist()
    assert result.certificate["weak separation"].kind == "proof"


@exact_methods
def test_weak_separation_that_no_single_feature_shows(method):
    X, y, indicator = with_indicator()
    X = X @ MIXING
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.quasi, result.columns) == ("not separable", True, ())
    assert result.overlapping.tolist() == (~indicator).tolist()
    assert result.certificate["weak separation"].kind == "numerical"


@every_method
def test_opposite_duplicates(method):
    X, y = digits_pair(0, 1)
    X, y = np.vstack([X, X[7]]), np.append(y, ~y[7])
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.margin_upper) == ("not separable", 0.0)
    assert sorted(result.duplicates.ravel().tolist()) == [7, len(X) - 1]
    assert np.flatnonzero(result.dual_weights).tolist() == [7, len(X) - 1]
    assert "opposite labels" in result.certificate["rows combine to zero"].detail
    if method != "perceptron":
        assert result.quasi is True  # 0 and 1 are separated but for these two


@every_method
def test_rows_of_zeros_without_an_intercept(method):
    X, y = np.vstack([np.eye(3), np.zeros(3)]), [1, 1, 0, 0]
    result = separability(X, y, method, fit_intercept=False)
    assert (result.status, result.margin_upper, result.intercept_scaling) == ("not separable", 0.0, 0.0)
    assert result.dual_weights.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert "rows of zeros" in result.certificate["rows combine to zero"].detail
    assert separability(X, y, method).status == "separable"


@exact_methods
@pytest.mark.parametrize("X", [[[1.0, 2.0], [2.0, 4.0]], [[0.1, 0.7], [0.3, 2.1]]])  # the latter up to rounding
def test_rows_equal_up_to_their_length_without_an_intercept(method, X):
    result = separability(X, [0, 1], method, fit_intercept=False)
    assert_consistent(result, np.array(X), np.array([0, 1]))
    assert result.status == "not separable"
    assert separability(X, [0, 1], method).status == "separable"


def brute_force(Z):
    """Whether some direction in the plane is strictly separating, and whether one is weakly."""
    edges = [edge for a, b in Z for edge in ((-b, a), (b, -a))]
    candidates = np.array([*edges, *[(a + c, b + d) for a, b in edges for c, d in edges], *Z.tolist()])
    margins = candidates @ Z.T
    weak = (margins >= 0).all(axis=1) & (margins > 0).any(axis=1)
    return bool((margins > 0).all(axis=1).any()), bool(weak.any())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=2, max_size=7),
    st.integers(0, 127),
    st.sampled_from(EXACT),
    st.sampled_from([np.asarray, sparse.csr_array]),
)
def test_points_in_the_plane(points, labels, method, form):
    X = np.array(points, dtype=float)
    y = labels >> np.arange(len(X)) & 1
    if np.unique(y).size < 2:
        return
    result = separability(form(X), y, method, fit_intercept=False)
    strict, weak = brute_force(np.array(points) * np.where(y == 1, 1, -1)[:, None])
    assert result.status == ("separable" if strict else "not separable")
    assert result.quasi == (weak and not strict)
    assert result.mle_exists == (not weak)
    assert_consistent(result, X, y)


@exact_methods
def test_indicators_of_all_levels_are_no_obstacle_to_a_proof(method):
    rng = np.random.default_rng(0)
    X = np.column_stack([np.eye(4)[rng.integers(0, 4, 200)], rng.normal(size=200)])
    y = rng.random(200) < 0.5
    result = separability(X, y, method)
    assert_consistent(result, X, y)
    assert (result.status, result.quasi) == ("not separable", False)
    assert [check.kind for check in result.certificate.checks] == ["proof", "proof"]
    scaled = separability(StandardScaler().fit_transform(X), y, method)  # the relations hold up to rounding only
    assert (scaled.status, scaled.quasi) == ("not separable", False)
    assert "numerical" in [check.kind for check in scaled.certificate.checks]


@exact_methods
def test_sparse_float32_and_read_only(method):
    X, y = digits_pair(3, 8)
    dense = separability(X, y, method)
    X32 = X.astype(np.float32)
    X32.flags.writeable = False
    for table in (sparse.csr_array(X), sparse.csr_matrix(X), sparse.coo_array(X), np.asfortranarray(X), X32):
        other = separability(table, y, method)
        assert other.status == dense.status
        assert other.margin_lower == pytest.approx(dense.margin_lower, rel=1e-9)  # sixteenths are exact in float32
        assert np.allclose(other.dual_weights, dense.dual_weights, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_weight_zero_are_left_out(method):
    X, y = digits_pair(0, 1)
    weights = np.random.default_rng(0).integers(0, 3, size=len(y)).astype(float)
    wrong = np.append(y, ~y[7])
    result = separability(np.vstack([X, X[7]]), wrong, method, sample_weight=np.append(weights, 0.0), max_iter=50)
    kept = separability(X[weights > 0], y[weights > 0], method, max_iter=50)
    assert result.status == kept.status == "separable"
    if method != "perceptron":
        assert result.margin_lower == pytest.approx(kept.margin_lower, rel=1e-10)
        assert np.allclose(result.dual_weights[:-1][weights > 0], kept.dual_weights, atol=1e-10)
    assert not result.dual_weights[np.append(weights, 0.0) == 0.0].any()
    assert result.overlapping.shape == (len(X) + 1,)


def test_duplicates_are_positions_in_all_rows():
    result = separability([[9.0], [1.0], [1.0], [3.0]], [0, 1, 0, 1], sample_weight=[0, 1, 1, 1])
    assert result.duplicates.tolist() == [[1, 2]]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_features(frame):
    X, y, _ = with_indicator()
    table = frame({name: X[:, place] for place, name in enumerate(["age", "dose", "weight", "rare"])})
    result = separability(table, np.where(y, "case", "control"))
    assert result.columns == ("rare",)
    assert result.classes.tolist() == ["case", "control"]
    assert "rare" in result.certificate["weak separation"].detail


def barely_separable(seed, gap):
    """Rows with a margin of gap along a direction that is no axis."""
    rng = np.random.default_rng(seed)
    y = rng.random(200) < 0.5
    X = rng.normal(size=(200, 5))
    X[:, 0] = np.where(y, gap, -gap)
    return X @ np.linalg.qr(rng.normal(size=(5, 5)))[0], y


@exact_methods
@pytest.mark.parametrize("seed", range(5))
def test_margins_down_to_rounding(method, seed):
    for gap in (1e-4, 1e-8, 1e-11):
        result = separability(*barely_separable(seed, gap), method)
        assert result.status == "separable"
        assert result.margin_lower == pytest.approx(gap, rel=1e-15 / gap * 200.0)
    for gap in (1e-14, 1e-15, 1e-16):
        result = separability(*barely_separable(seed, gap), method)
        if result.status == "not separable":
            assert result.certificate["rows combine to zero"].kind == "numerical"
            assert result.margin_upper >= gap * 0.5


def test_labels_set_the_sign_alone():
    X, y = digits_pair(3, 8)
    plain, flipped = separability(X, y), separability(X, ~y)
    assert flipped.margin_lower == pytest.approx(plain.margin_lower, rel=1e-11)
    assert np.allclose(flipped.direction, -plain.direction, atol=1e-9)


def test_intercept_scaling_changes_the_margin_not_the_verdict():
    X, y = digits_pair(3, 8)
    margins = [separability(X, y, intercept_scaling=scaling).margin_lower for scaling in (0.1, 1.0, 10.0)]
    assert 0.0 < margins[0] < margins[1] < margins[2]
    X, y = iris_pair(1, 2)
    assert {separability(X, y, intercept_scaling=scaling).status for scaling in (0.1, 1.0, 10.0)} == {"not separable"}


@pytest.mark.parametrize("seed", range(3))
def test_large_tables_take_linear_programs_in_rounds(seed, monkeypatch):
    monkeypatch.setattr(_separability_evidence, "PROGRAM_ENTRIES", 900)
    monkeypatch.setattr(_separability_evidence, "FIRST_PROGRAM_ROWS", 60)
    X, y, indicator = with_indicator(seed)
    X = np.vstack([X, X + 0.01 * np.random.default_rng(seed).normal(size=X.shape) * [1, 1, 1, 0]])
    y = np.tile(y, 2)
    result = separability(X @ MIXING, y)
    assert (result.status, result.quasi, result.columns) == ("not separable", True, ())
    assert result.overlapping is None  # a direction of some rows is not one of all rows that have one
    duplicated = separability(np.vstack([X[:, :3], X[:1, :3]]), np.append(y, ~y[0]))
    assert (duplicated.status, duplicated.quasi) == ("not separable", False)


def test_more_rows_and_features_than_the_exact_methods_take():
    rng = np.random.default_rng(0)
    X = sparse.random_array((700, 900), density=0.02, rng=rng, format="csr")
    y = rng.random(700) < 0.5
    result = separability(X, y, max_iter=5)
    assert result.status == "separable"
    assert_consistent(result, X.toarray(), y)


@every_method
def test_repeated_calls_agree(method):
    X, y = clouds(shift=3.0)
    first, second = (separability(X, y, method, max_iter=100) for _ in range(2))
    assert first.margin_lower == second.margin_lower and first.margin_upper == second.margin_upper


def test_one_row_of_each_class():
    result = separability([[0.0], [1.0]], [0, 1])
    # (0, 1) against (1, 1): the hull of (-0, -1) and (1, 1)
    assert result.margin_lower == pytest.approx(5**-0.5, rel=1e-12)


def test_certificate_tells_what_is_open():
    X, y, _ = with_indicator()
    result = separability(np.vstack([X[:, :3], X[:1, :3]]), np.append(y, ~y[0]), "perceptron")
    assert (result.status, result.quasi, result.mle_exists) == ("not separable", None, None)
    assert 'method="lp"' in result.certificate["weak separation"].detail
    assert bool(result.certificate)
    open_result = separability(X, y, "perceptron", max_iter=20)
    assert open_result.status == "undetermined"
    assert open_result.mle_exists is False  # the indicator alone says so
    assert re.search("at most", open_result.certificate.claim)


BAD = [
    ({"y": [0, 0, 0]}, "two classes. Got the one label"),
    ({"y": [0, 1, 2]}, "OneVsRestClassifier"),
    ({"y": [0.5, 0.1, 0.2]}, "Unknown label type"),
    ({"y": [0, 1]}, "inconsistent numbers of samples"),
    ({"X": [[np.nan], [1.0], [2.0]]}, "X contains NaN"),
    ({"X": [[np.inf], [1.0], [2.0]]}, "X contains infinity"),
    ({"X": np.empty((0, 2)), "y": []}, "minimum of 1 is required"),
    ({"sample_weight": [1.0, 1.0, 0.0]}, "two classes"),
    ({"sample_weight": [0.0, 0.0, 0.0]}, "."),
    ({"sample_weight": [1.0, -1.0, 1.0]}, "[Nn]egative"),
    ({"method": "simplex"}, "'method' parameter"),
    ({"intercept_scaling": 0.0}, "'intercept_scaling' parameter"),
    ({"max_iter": 0}, "'max_iter' parameter"),
    ({"tol": 0.0}, "'tol' parameter"),
    ({"X": [[1e200], [1.0], [2.0]]}, "StandardScaler"),
]


@pytest.mark.parametrize("change, match", BAD)
def test_bad_input(change, match):
    arguments = {"X": [[0.0], [1.0], [2.0]], "y": [0, 0, 1]} | change
    with pytest.raises(ValueError, match=match):
        separability(**arguments)
