"""The penalty as an object: outputs, constants, scale-free forms, copies, and fits that fail."""

import copy
import pickle

import numpy as np
import pytest

from statlearn.dependence import (
    DistanceCovariancePenalty,
    SlicedDistance,
    concatenated_distance_covariance,
    distance_correlation,
    joint_distance_covariance,
)

from .oracles import (
    MEASURES,
    PROBLEMS,
    Oracle,
    concatenated,
    dcor2,
    dvar2,
    finite_differences,
    joint_dcov2,
    prediction,
    smallest_gap,
    tied,
    weights,
    xor,
)

every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])
every_measure = pytest.mark.parametrize("measure", MEASURES)


def blocks_for(measure, rng, n):
    """Blocks that a measure takes."""
    return PROBLEMS["plane" if measure == "dcov" else "mixed"](rng, n)


# --------------------------------------------------------------------------------------------------- values and outputs
@every_version
@every_measure
@pytest.mark.parametrize("normalize", [None, "dcor"])
def test_several_outputs_are_summed(rng, measure, unbiased, normalize):
    n = 30
    blocks, F = blocks_for(measure, rng, n), np.column_stack([rng.normal(size=n), tied(rng, n), rng.random(n)])
    penalty = DistanceCovariancePenalty(measure, unbiased=unbiased, normalize=normalize).fit(blocks)
    value, gradient = penalty.value_and_grad(F)
    parts = [penalty.value_and_grad(column) for column in F.T]
    assert gradient.shape == F.shape
    assert value == pytest.approx(sum(part for part, _ in parts), rel=1e-12)
    np.testing.assert_allclose(gradient, np.column_stack([slopes for _, slopes in parts]), rtol=0, atol=1e-15)
    assert penalty.excess(F) == pytest.approx(value - 3 * penalty.constant_, rel=1e-9)
    one = penalty.value_and_grad(F[:, [0]])
    assert one[0] == pytest.approx(parts[0][0], rel=1e-12) and one[1].shape == (n, 1)
    for column in F.T:
        assert penalty.value(column) == penalty.value_and_grad(column)[0]
        assert penalty.excess(column) == pytest.approx(penalty.value(column) - penalty.constant_, rel=1e-9, abs=1e-12)


@every_version
def test_constant_is_that_of_the_attributes_alone(rng, unbiased):
    n, c = 30, 0.7
    blocks, f, w = PROBLEMS["mixed"](rng, n), rng.normal(size=n), weights(rng, n, "integer")
    penalty = DistanceCovariancePenalty("jdcov", c=c, unbiased=unbiased).fit(blocks)
    assert penalty.constant_ == pytest.approx(c * joint_dcov2(blocks, c, unbiased), rel=1e-9)
    assert penalty.value(f) == pytest.approx(joint_distance_covariance(f, *blocks, c=c, unbiased=unbiased), rel=1e-9)
    weighted = DistanceCovariancePenalty("jdcov", c=c, unbiased=unbiased).fit(blocks, sample_weight=w)
    expected = c * joint_distance_covariance(*blocks, c=c, unbiased=unbiased, sample_weight=w)
    assert weighted.constant_ == pytest.approx(expected, rel=1e-9)
    for measure in ("ccdcov", "sum"):
        assert DistanceCovariancePenalty(measure).fit(blocks).constant_ == 0.0


def test_columns_of_a_table_are_blocks(rng):
    table, f = np.column_stack([rng.normal(size=30), tied(rng, 30), rng.random(30)]), rng.normal(size=30)
    for measure in ("ccdcov", "jdcov", "sum"):
        penalty = DistanceCovariancePenalty(measure)
        expected = penalty.fit([table[:, 0], table[:, [1]], table[:, 2]]).value(f)
        assert penalty.fit(table).value(f) == pytest.approx(expected, rel=1e-12)
        assert penalty.fit(tuple(table.T)).value(f) == pytest.approx(expected, rel=1e-12)
    expected = concatenated_distance_covariance(f, table)
    assert DistanceCovariancePenalty("dcov").fit([table]).value(f) == pytest.approx(expected, rel=1e-12)


def test_gradient_has_the_weight_of_its_row(rng):
    """A row without weight has neither influence nor gradient."""
    n = 20
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    w = np.ones(n)
    w[[3, 11]] = 0.0
    kept = w > 0
    for measure in ("ccdcov", "jdcov", "sum"):
        penalty = DistanceCovariancePenalty(measure)
        value, gradient = penalty.fit(blocks, sample_weight=w).value_and_grad(f)
        expected, slopes = penalty.fit([block[kept] for block in blocks]).value_and_grad(f[kept])
        assert value == pytest.approx(expected, rel=1e-9)
        np.testing.assert_array_equal(gradient[~kept], 0)
        np.testing.assert_allclose(gradient[kept], slopes, rtol=0, atol=1e-13)


# ----------------------------------------------------------------------------------------------------- scale-free forms
@every_version
def test_distance_correlation(rng, unbiased):
    n = 40
    blocks, f = PROBLEMS["mixed"](rng, n), prediction(rng, n, ties=True)
    options = {"unbiased": unbiased}
    expected = dcor2(f, concatenated(blocks), unbiased)
    assert DistanceCovariancePenalty("ccdcov", **options).fit(blocks).distance_correlation(f) == pytest.approx(expected)
    assert distance_correlation(f, concatenated(blocks), **options) == pytest.approx(expected, rel=1e-9)
    expected = sum(dcor2(f, block, unbiased) for block in blocks)
    assert DistanceCovariancePenalty("sum", **options).fit(blocks).distance_correlation(f) == pytest.approx(expected)
    joint = DistanceCovariancePenalty("jdcov", c=0.7, **options).fit(blocks)
    standard = [block / np.sqrt(dvar2(block, unbiased)) for block in blocks]
    expected = joint_dcov2([f, *blocks], 0.7, unbiased, standardize=True) - 0.7 * joint_dcov2(standard, 0.7, unbiased)
    assert joint.distance_correlation(f) == pytest.approx(expected, rel=1e-9)


@every_version
@every_measure
def test_normalized_measures(rng, measure, unbiased):
    """Of degree 0 in f: no gradient along f, none from a shrunken f, and differences agree."""
    n = 12
    blocks, f, w = blocks_for(measure, rng, n), rng.normal(size=n), weights(rng, n, "fractional")
    penalty = DistanceCovariancePenalty(measure, unbiased=unbiased, normalize="dcor").fit(blocks, sample_weight=w)
    value, gradient = penalty.value_and_grad(f)
    assert value - penalty.constant_ == pytest.approx(penalty.distance_correlation(f), rel=1e-9)
    assert f @ gradient == pytest.approx(0, abs=1e-12)
    for scale in (1e-120, 1e-3, 1e120):
        again, slopes = penalty.value_and_grad(scale * f)
        assert again == pytest.approx(value, rel=1e-9)
        np.testing.assert_allclose(scale * slopes, gradient, rtol=1e-9, atol=1e-12 * np.abs(gradient).max())
    found = finite_differences(penalty.value, f, smallest_gap(f) * 1e-3)
    oracle = Oracle(measure, blocks, unbiased=unbiased, weight=w, normalize="dcor")
    np.testing.assert_allclose(gradient, found, rtol=0, atol=1e-6 * oracle.gradient_scale(f))
    np.testing.assert_allclose(gradient, oracle.gradient(f), rtol=0, atol=1e-10 * oracle.gradient_scale(f))


@every_version
def test_normalized_measure_of_a_copy_of_the_attribute_is_one(rng, unbiased):
    s = tied(rng, 30)
    penalty = DistanceCovariancePenalty("dcov", unbiased=unbiased, normalize="dcor").fit([s])
    value, gradient = penalty.value_and_grad(5 - 3 * s)
    assert value == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-13)  # the largest value there is


# ------------------------------------------------------------------------------------------------- known in closed form
def test_order_of_terms_of_the_joint_measure():
    """On the exclusive or, pairs count with c and the triple alone: the excess does not depend on c."""
    f, first, second = xor()
    for c in (0.0, 1.0, 4.0):
        penalty = DistanceCovariancePenalty("jdcov", c=c, unbiased=False).fit([first, second])
        assert penalty.excess(f) == pytest.approx(0.125, rel=1e-13)
        assert penalty.excess(first) == pytest.approx(0.25 * c, rel=1e-13, abs=1e-15)
        assert penalty.constant_ == pytest.approx(0, abs=1e-15)


def test_gradient_of_two_groups():
    """Two groups of two rows, their means apart: the V-covariance is their distance over 4, shared by the rows."""
    penalty = DistanceCovariancePenalty("dcov", unbiased=False).fit([np.array([0.0, 0, 1, 1])])
    value, gradient = penalty.value_and_grad([0.0, 0, 2, 2])
    assert value == pytest.approx(0.5, rel=1e-14)
    np.testing.assert_allclose(gradient, [-0.125, -0.125, 0.125, 0.125], rtol=1e-13)


def test_the_penalty_is_not_convex():
    """Section 2.4: two fair predictions whose mean is not fair."""
    S = np.array([0.0, 0, 1, 1])
    penalty = DistanceCovariancePenalty("dcov", unbiased=False).fit([S])
    first, second = np.array([0.0, 2, 0, 2]), np.array([0.0, 2, 2, 0])
    assert penalty.value(first) == pytest.approx(0, abs=1e-15)
    assert penalty.value(second) == pytest.approx(0, abs=1e-15)
    assert penalty.value((first + second) / 2) == pytest.approx(0.125, rel=1e-13)


# --------------------------------------------------------------------------------------------------------- as an object
@pytest.mark.parametrize("method", ["levels", "mixed", "pairwise", "auto"])
@every_measure
def test_copies_and_pickles(rng, measure, method):
    blocks, f = blocks_for(measure, rng, 30), rng.normal(size=30)
    if measure == "sum" or (measure == "dcov" and method == "mixed"):
        method = "auto"
    penalty = DistanceCovariancePenalty(measure, method=method, normalize="dcor").fit(blocks)
    for twin in (copy.deepcopy(penalty), pickle.loads(pickle.dumps(penalty))):
        assert twin.value(f) == penalty.value(f)
        assert twin.distance_correlation(f) == penalty.distance_correlation(f)
        assert twin.method_ == penalty.method_
    unfitted = copy.deepcopy(DistanceCovariancePenalty(measure))
    assert not hasattr(unfitted, "n_samples_")


def test_repr_holds_the_parameters():
    penalty = DistanceCovariancePenalty("jdcov", c=0.5, method=SlicedDistance(7, random_state=3))
    for part in ("'jdcov'", "c=0.5", "SlicedDistance(n_directions=7, random_state=3)"):
        assert part in repr(penalty)


def test_fit_returns_itself_and_forgets(rng):
    penalty = DistanceCovariancePenalty()
    assert penalty.fit(rng.normal(size=(10, 2))) is penalty
    S = rng.normal(size=(20, 1))
    penalty.fit(S)
    assert (penalty.n_samples_, penalty.n_levels_, penalty.method_) == (20, 20, "levels")
    assert penalty.value(np.arange(20.0)) == DistanceCovariancePenalty().fit(S).value(np.arange(20.0))


def test_a_fit_that_fails_changes_nothing(rng):
    S, f = rng.normal(size=(20, 2)), rng.normal(size=20)
    penalty = DistanceCovariancePenalty().fit(S)
    before = (penalty.value(f), penalty.constant_, penalty.method_, penalty.n_levels_)
    for bad in (S[:3], np.full((20, 2), np.nan), np.array([["a", "b"]] * 20)):
        with pytest.raises(ValueError):
            penalty.fit(bad)
    with pytest.raises(ValueError):
        penalty.fit(S[:10], sample_weight=np.full(10, -1.0))
    assert (penalty.value(f), penalty.constant_, penalty.method_, penalty.n_levels_) == before
    assert penalty.n_samples_ == 20


@pytest.mark.parametrize("method", ["levels", "column", "mixed", "pairwise", "sliced"])
def test_inputs_are_not_written_to(rng, method):
    n = 30
    table = {
        "column": rng.normal(size=(n, 1)),
        "mixed": np.column_stack([rng.integers(0, 2, n), rng.random(n)]),
    }.get(method, rng.normal(size=(n, 2)))
    f, w = prediction(rng, n, ties=True), rng.uniform(1, 2, n)
    before = [array.copy() for array in (table, f, w)]
    for array in (table, f, w):
        array.flags.writeable = False
    penalty = DistanceCovariancePenalty(method=method, normalize="dcor").fit(table, sample_weight=w)
    penalty.value_and_grad(f)
    penalty.distance_correlation(f)
    for array, copied in zip((table, f, w), before, strict=True):
        np.testing.assert_array_equal(array, copied)


def test_input_that_changes_later_does_not_matter(rng):
    S, f, w = rng.normal(size=(30, 2)), rng.normal(size=30), rng.uniform(1, 2, 30)
    penalty = DistanceCovariancePenalty("dcov", method="pairwise").fit([S], sample_weight=w)
    expected = penalty.value(f)
    S[:], w[:] = 0.0, 1.0
    assert penalty.value(f) == expected


def test_arrays_in_any_layout(rng):
    S, f = rng.normal(size=(30, 3)), rng.normal(size=60)
    expected = DistanceCovariancePenalty().fit(S).value(f[::2].copy())
    assert DistanceCovariancePenalty().fit(np.asfortranarray(S)).value(f[::2]) == pytest.approx(expected, rel=1e-12)
    reverse = DistanceCovariancePenalty().fit(S[::-1])
    assert reverse.value(f[::2][::-1]) == pytest.approx(expected, rel=1e-11)
