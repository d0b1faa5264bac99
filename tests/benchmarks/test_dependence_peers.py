"""What ours is compared with must be right, or the seconds of the peers mean nothing."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from benchmarks.dependence_peers import (
    DENSE_PEERS,
    FAST_PEERS,
    PlainPenalty,
    fit_plain_poisson,
    hyppo_chi_square,
    plain_value,
    u_centered,
)
from benchmarks.fairness_data import DEPENDENCE_KINDS, load_compas, load_motor, make_dependent, one_hot, standardize
from benchmarks.fairness_peers import PEERS, audit
from statlearn.dependence import (
    DistanceCovariancePenalty,
    distance_correlation,
    distance_covariance,
    distance_covariance_test,
    joint_distance_covariance,
)
from statlearn.fairness import DistanceCovarianceFairRegressor

from ..compiled_peers import load_peer

ROUNDING = 1e-10  # of sums of a few thousand terms, relative


def by_definition(matrices, c):
    """Joint distance covariance: the mean over pairs of products of minus the centered distances plus c."""
    n, total = len(matrices[0]), 0.0
    for i, k in itertools.permutations(range(n), 2):
        product = 1.0
        for matrix in matrices:
            product *= c - matrix[i, k]
        total += product - c ** len(matrices)
    return total / (n * (n - 3))


def centered_by_definition(points):
    n, b = len(points), cdist(points, points)
    result = np.zeros((n, n))
    for i, k in itertools.permutations(range(n), 2):
        result[i, k] = b[i, k] - b[i].sum() / (n - 2) - b[k].sum() / (n - 2) + b.sum() / ((n - 1) * (n - 2))
    return result


@pytest.fixture
def small(rng):
    """Predictions with ties, and three blocks."""
    blocks = [rng.integers(2, size=(15, 1)).astype(float), one_hot(rng.integers(3, size=15)), rng.uniform(size=(15, 1))]
    return np.round(rng.normal(size=15), 1), blocks


# --- peers -----------------------------------------------------------------------------------------------------------


def test_u_centering_is_that_of_the_definition(small):
    _, blocks = small
    for block in blocks:
        np.testing.assert_allclose(u_centered(cdist(block, block)), centered_by_definition(block), atol=1e-14)


@pytest.mark.parametrize("c", [0.5, 1.0, 2.0])
def test_plain_joint_measure_is_that_of_the_definition(small, c):
    f, blocks = small
    matrices = [centered_by_definition(points) for points in (f[:, None], *blocks)]
    value, _ = PlainPenalty(blocks, "jdcov", c).value_and_grad(f)
    assert value == pytest.approx(by_definition(matrices, c), rel=ROUNDING)
    assert value == pytest.approx(joint_distance_covariance(f, *blocks, c=c), rel=ROUNDING)


def test_plain_concatenated_measure_is_that_of_the_definition(small):
    f, blocks = small
    matrices = [centered_by_definition(points) for points in (f[:, None], np.hstack(blocks))]
    value, _ = PlainPenalty(blocks).value_and_grad(f)
    assert value == pytest.approx(by_definition(matrices, 0.0), rel=ROUNDING)
    assert value == pytest.approx(plain_value(f, np.hstack(blocks)), rel=ROUNDING)


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
def test_plain_gradient_matches_finite_differences(measure, small, rng):
    _, blocks = small
    f, step = rng.normal(size=15), 1e-6
    plain = PlainPenalty(blocks, measure)
    _, gradient = plain.value_and_grad(f)
    for i, direction in enumerate(np.eye(15)):
        difference = plain.value_and_grad(f + step * direction)[0] - plain.value_and_grad(f - step * direction)[0]
        assert gradient[i] == pytest.approx(difference / (2.0 * step), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
@pytest.mark.parametrize("kind", DEPENDENCE_KINDS)
def test_plain_penalty_is_that_of_the_library(kind, measure):
    f, blocks = make_dependent(kind, 200)
    value, gradient = DistanceCovariancePenalty(measure).fit(blocks).value_and_grad(f)
    plain_value, plain_gradient = PlainPenalty(blocks, measure).value_and_grad(f)
    assert plain_value == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(plain_gradient, gradient, atol=1e-9 * np.abs(gradient).max())


@pytest.mark.slow  # dcor and hyppo compile for half a minute
@pytest.mark.parametrize("name", FAST_PEERS)
@pytest.mark.parametrize("kind", ["cells, codes", "column"])
def test_fast_peers_compute_the_same_value(kind, name):
    peer = FAST_PEERS[name]
    load_peer(peer.module)
    f, (column,) = make_dependent(kind, 300)
    assert peer.value(f, column.ravel()) == pytest.approx(distance_covariance(f, column), rel=ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize("name", DENSE_PEERS)
def test_dense_peers_compute_the_same_value(name):
    peer = DENSE_PEERS[name]
    load_peer(peer.module)
    f, blocks = make_dependent("column and cells", 300)
    S = np.hstack(blocks)
    assert peer.value(f, S) == pytest.approx(distance_covariance(f, S), rel=ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["column", "columns"])
@pytest.mark.filterwarnings("ignore")  # of the peer
def test_hyppo_computes_the_same_test(kind):
    load_peer("hyppo")
    f, (S,) = make_dependent(kind, 300)
    correlation, pvalue = hyppo_chi_square(f, S)
    assert correlation == pytest.approx(distance_correlation(f, S), rel=1e-9)
    assert pvalue == pytest.approx(distance_covariance_test(f, [S], method="chi2").p_value, rel=1e-9)


def test_plain_fit_reaches_the_objective_of_the_library(rng):
    X = rng.normal(size=(300, 2))
    sex = (X[:, 0] + rng.normal(size=300) > 0.0).astype(float)
    y = rng.poisson(np.exp(0.5 * X[:, 0] + 0.3 * X[:, 1]))
    objective, theta = fit_plain_poisson(X, y, [sex[:, None]], 2.0)
    model = DistanceCovarianceFairRegressor("poisson", fairness_weight=2.0).fit(X, y, sex)
    assert objective == pytest.approx(model.loss_ + 2.0 * model.penalty_excess_, rel=1e-6)
    np.testing.assert_allclose(theta, [*model.coef_, model.intercept_], atol=1e-2)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore")  # of the peer
def test_fair_peers_predict_probabilities_and_decisions(name, rng):
    pytest.importorskip(PEERS[name].module)
    pd = pytest.importorskip("pandas")
    n = 400
    sensitive = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(["a", "b"], n)})
    encoded = np.column_stack([sensitive["sex"] == "m", sensitive["race"] == "b"]).astype(float)
    X = rng.normal(size=(n, 2)) + encoded[:, :1]
    y = (X.sum(axis=1) + rng.normal(size=n) > 0.5).astype(int)
    scores, decisions = PEERS[name]().fit(X, y, sensitive, encoded).predict(X, encoded)
    for values in (scores, decisions):
        assert values.shape == (n,)
        assert values.min() >= 0.0 and values.max() <= 1.0 + 1e-12
    assert audit(scores, decisions, y, sensitive, encoded).accuracy > 0.5


# --- figures of a classifier -----------------------------------------------------------------------------------------


def test_audit_of_known_predictions():
    pd = pytest.importorskip("pandas")
    sensitive = pd.DataFrame({"sex": ["f"] * 40 + ["m"] * 40, "race": ["a"] * 80})
    encoded = np.repeat([0.0, 1.0], 40)[:, None]
    y = np.tile([0, 1], 40)
    unfair = audit(encoded.ravel(), encoded.ravel(), y, sensitive, encoded)
    assert (unfair.accuracy, unfair.auc, unfair.gap) == (0.5, 0.5, 1.0)
    assert unfair.correlation == pytest.approx(1.0)
    fair = audit(y.astype(float), np.full(80, 0.25), y, sensitive, encoded)
    assert (fair.accuracy, fair.auc, fair.gap, fair.unfairness_ratio) == (0.5, 1.0, 0.0, 0.0)
    assert abs(fair.correlation) < 0.05


def test_audit_leaves_small_cells_out_of_the_gap():
    pd = pytest.importorskip("pandas")
    sensitive = pd.DataFrame({"sex": ["f"] * 40 + ["m"] * 40 + ["x"] * 5})
    encoded, y = one_hot(sensitive["sex"]), np.tile([0, 1, 1, 0, 1], 17)
    decisions = np.repeat([0.2, 0.5, 1.0], [40, 40, 5])
    assert audit(decisions, decisions, y, sensitive, encoded).gap == pytest.approx(0.3)


# --- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "shapes", "n_levels"),
    [
        ("cells, codes", [(1000, 1)], 20),
        ("cells, one-hot", [(1000, 20)], 20),
        ("cells, two attributes", [(1000, 10), (1000, 1)], 20),
        ("column", [(1000, 1)], 1000),
        ("column and cells", [(1000, 4), (1000, 1)], 1000),
        ("columns", [(1000, 2)], 1000),
    ],
)
def test_generated_attributes(kind, shapes, n_levels):
    f, blocks = make_dependent(kind, 1000)
    assert [block.shape for block in blocks] == shapes
    assert len(np.unique(np.hstack(blocks), axis=0)) == n_levels
    assert np.unique(f).size == 1000


@pytest.mark.parametrize("kind", ["cells, codes", "cells, one-hot", "cells, two attributes", "column"])
def test_generated_predictions_depend_on_the_attributes(kind):
    f, blocks = make_dependent(kind, 10_000)
    assert distance_covariance_test(f, blocks, method="chi2").p_value < 0.01


def test_cells_are_the_same_in_every_form():
    f, (codes,) = make_dependent("cells, codes", 1000)
    g, (columns,) = make_dependent("cells, one-hot", 1000)
    np.testing.assert_array_equal(f, g)
    np.testing.assert_array_equal(columns @ np.arange(20.0), codes.ravel())


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        make_dependent("stars", 10)


def test_compas_has_the_rows_of_the_published_filter(shared_data):
    X, y, sensitive = load_compas()
    assert X.shape == (6172, 5)
    assert y.mean() == pytest.approx(0.4551, abs=1e-4)
    assert sensitive["race"].nunique() == 4
    assert (sensitive["sex"] == "Female").sum() == 1175
    assert sensitive["age"].between(18, 96).all()


def test_motor_split_keeps_the_shares_of_cells_and_all_claims(shared_data):
    train, test = load_motor()
    assert (len(train.y), len(test.y)) == (80_000, 20_000)
    claims = sum(np.sum(part.y * part.exposure) for part in (train, test))
    assert claims == pytest.approx(14_724.0)
    np.testing.assert_allclose(train.X.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(train.X.std(axis=0), 1.0, rtol=1e-9)
    shares = [
        (part.sensitive["Gender"] + part.sensitive["Group2"]).value_counts(normalize=True) for part in (train, test)
    ]
    assert len(shares[0]) == 20
    assert (shares[0] - shares[1]).abs().max() < 1e-4


def test_columns_are_standardized_by_the_training_rows(rng):
    X = rng.normal(size=(50, 3)) * [1.0, 10.0, 0.1] + 5.0
    scaled = standardize(X, np.arange(30))
    np.testing.assert_allclose(scaled[:30].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled[:30].std(axis=0), 1.0)
    np.testing.assert_allclose(np.diff(scaled, axis=0) * X[:30].std(axis=0), np.diff(X, axis=0))
