"""Invariances and bounds on drawn problems: ties, duplicates, few rows, extreme units, constant columns."""

import warnings

import numpy as np
import pytest

from statlearn.dependence import DistanceCovariancePenalty, distance_correlation, joint_distance_covariance
from statlearn.exceptions import ConstantAttributeWarning

from .oracles import MEASURES, PROBLEMS, Oracle, nominal, prediction, weights

pytest.importorskip("hypothesis")

from hypothesis import example, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

RTOL = 1e-10  # of the scales of the oracle

every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])
every_measure = pytest.mark.parametrize("measure", MEASURES)
few_examples = settings(max_examples=25)
ignoring_constants = pytest.mark.filterwarnings(
    f"ignore::{ConstantAttributeWarning.__module__}.{ConstantAttributeWarning.__name__}"
)


@st.composite
def problems(draw, n_blocks=(1, 3)):
    """A prediction and blocks of small integers in units from 1e-8 to 1e8, and integer weights of at least 4 in all."""
    n = draw(st.integers(4, 9))
    integers = st.lists(st.integers(-3, 3), min_size=n, max_size=n)
    units = st.sampled_from([1.0, 0.1, 1e-8, 1e8])
    f = np.array(draw(integers)) * draw(units)
    blocks = []
    for _ in range(draw(st.integers(*n_blocks))):
        columns = [draw(integers) for _ in range(draw(st.integers(1, 2)))]
        blocks.append(np.array(columns, dtype=float).T * draw(units))
    w = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=float)
    w[0] += max(0.0, 4 - w.sum())
    return f, blocks, w


def fitted(measure, blocks, w=None, **options):
    """A penalty, given one block if it takes no more."""
    blocks = [np.column_stack(blocks)] if measure == "dcov" else blocks
    return DistanceCovariancePenalty(measure, **options).fit(blocks, sample_weight=w)


# ------------------------------------------------------------------------------------------------------ against oracles
@ignoring_constants
@every_version
@every_measure
@few_examples
@given(problem=problems(), weighted=st.booleans(), c=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
@example(problem=(np.full(5, 0.1), [np.array([1.0, 0, 1, 0, 1])], np.ones(5)), weighted=False, c=1.0)
@example(problem=(np.arange(5) * 1.0, [np.full(5, 0.1), np.full((5, 2), 7.0)], np.ones(5)), weighted=True, c=1.0)
@example(problem=(np.arange(4) * 1.0, [np.arange(4) * 1.0], np.array([4.0, 0, 0, 0])), weighted=True, c=1.0)
def test_drawn_problems(measure, unbiased, problem, weighted, c):
    f, blocks, w = problem
    w = w if weighted else None
    given = [np.column_stack(blocks)] if measure == "dcov" else blocks
    oracle = Oracle(measure, given, c=c, unbiased=unbiased, weight=w)
    for method in ("auto", "levels", "pairwise"):
        penalty = fitted(measure, blocks, w, c=c, unbiased=unbiased, method=method)
        value, gradient = penalty.value_and_grad(f)
        size = RTOL * oracle.value_scale(f)
        assert abs(penalty.excess(f) - oracle.excess(f)) <= size
        assert value == pytest.approx(penalty.excess(f) + penalty.constant_, rel=1e-14)
        assert abs(penalty.constant_ - oracle.constant) <= RTOL * oracle.c * max(oracle.kernel_scale, 1e-300)
        np.testing.assert_allclose(gradient, oracle.gradient(f), rtol=0, atol=RTOL * oracle.gradient_scale(f))


@ignoring_constants
@every_version
@every_measure
@few_examples
@given(problem=problems(), a=st.sampled_from([-1e8, -2.0, -0.3, 1e-8, 3.0]), b=st.sampled_from([0.0, -7.0, 1e3]))
def test_shift_and_scale_of_predictions(measure, unbiased, problem, a, b):
    """``P(a f + b) = |a| P(f)``, and the scale-free form does not change at all."""
    f, blocks, w = problem
    penalty = fitted(measure, blocks, w, unbiased=unbiased)
    oracle = Oracle(measure, blocks, unbiased=unbiased, weight=w)
    f = f / max(np.abs(f).max(), 1e-300)
    moved = a * (f + b)  # so that the shift costs no more digits than b has
    tolerance = 1e-12 * (1 + abs(b)) * oracle.value_scale(np.array([0.0, 1]))
    assert abs(penalty.excess(moved) - abs(a) * penalty.excess(f)) <= abs(a) * tolerance
    correlation, again = penalty.distance_correlation(f), penalty.distance_correlation(moved)
    if unbiased and min(Oracle("dcov", [f], weight=w).pairs.variance(v) for v in (f, *blocks)) < 1e-9 * f.std() ** 2:
        return  # nothing but rounding to divide by
    assert again == pytest.approx(correlation, abs=1e-9 * len(blocks) * (1 + abs(b)) + 1e-9 * abs(correlation))


@ignoring_constants
@every_version
@few_examples
@given(problem=problems(), scale=st.sampled_from([1e-8, 0.5, 1e8]))
def test_correlation_lies_between_bounds(unbiased, problem, scale):
    """Both versions are correlations of matrices; the V-version is not negative."""
    f, blocks, w = problem
    table = np.column_stack(blocks)
    found = distance_correlation(f, table, unbiased=unbiased, sample_weight=w)
    assert (-1.0 if unbiased else -1e-12) - 1e-9 <= found <= 1.0 + 1e-9
    assert distance_correlation(table, table, unbiased=unbiased, sample_weight=w) in (0.0, pytest.approx(1.0, abs=1e-9))
    opposite = distance_correlation(f, -scale * f, unbiased=unbiased, sample_weight=w)
    assert opposite in (0.0, pytest.approx(1.0, abs=1e-9))


@ignoring_constants
@every_measure
@few_examples
@given(problem=problems(), c=st.sampled_from([0.0, 1.0, 2.0]))
def test_version_v_is_not_negative(measure, problem, c):
    """Products of positive semi-definite kernels are so as well: there is nothing to gain from spurious dependence."""
    f, blocks, w = problem
    penalty = fitted(measure, blocks, w, unbiased=False, c=c)
    oracle = Oracle(measure, blocks, unbiased=False, weight=w, c=c)
    assert penalty.excess(f) >= -1e-11 * oracle.value_scale(f)


@every_version
@every_measure
def test_constant_predictions_are_free(rng, measure, unbiased):
    """Nothing to differ, nothing to descend: the sign of 0 is 0."""
    blocks, w = PROBLEMS["mixed"](rng, 30), weights(rng, 30, "fractional")
    for normalize in (None, "dcor"):
        penalty = fitted(measure, blocks, w, unbiased=unbiased, normalize=normalize)
        for constant in (0.0, 0.1, -1e6 / 3):
            f = np.full(30, constant)
            value, gradient = penalty.value_and_grad(f)
            assert value == pytest.approx(penalty.constant_, abs=1e-16 * max(1, abs(constant)))
            assert np.abs(gradient).max() <= 1e-15
            assert penalty.distance_correlation(f) == 0.0


# -------------------------------------------------------------------------------------------- metamorphic (section 6 E)
ENGINES = [("cells", "levels"), ("mixed", "mixed"), ("space and cells", "pairwise")]
every_engine = pytest.mark.parametrize(("name", "method"), ENGINES, ids=[method for _, method in ENGINES])
concatenated_or_joint = pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])


@every_version
@concatenated_or_joint
@every_engine
def test_order_of_rows_does_not_matter(rng, name, method, measure, unbiased):
    n = 60
    blocks, f, w = PROBLEMS[name](rng, n), prediction(rng, n, ties=True), weights(rng, n, "fractional")
    order = rng.permutation(n)
    options = {"unbiased": unbiased, "method": method}
    value, gradient = fitted(measure, blocks, w, **options).value_and_grad(f)
    again, permuted = fitted(measure, [block[order] for block in blocks], w[order], **options).value_and_grad(f[order])
    assert again == pytest.approx(value, rel=1e-9, abs=1e-14)
    np.testing.assert_allclose(permuted, gradient[order], rtol=0, atol=1e-12 * np.abs(gradient).max() * n)


@every_version
@concatenated_or_joint
@pytest.mark.parametrize("method", ["levels", "mixed", "pairwise"])
def test_names_of_levels_do_not_matter(rng, method, measure, unbiased):
    """A permutation of one-hot columns, and 1 - s for a binary attribute."""
    n = 70
    blocks, f = [rng.integers(0, 2, n) * 1.0, nominal(rng, n, 4), rng.random(n)], prediction(rng, n, ties=True)
    renamed = [1 - blocks[0], blocks[1][:, [2, 0, 3, 1]], blocks[2]]
    options = {"unbiased": unbiased, "method": method}
    expected = fitted(measure, blocks, **options).value(f)
    assert fitted(measure, renamed, **options).value(f) == pytest.approx(expected, rel=1e-9)


@every_version
@pytest.mark.parametrize("measure", ["dcov", "ccdcov"])
def test_rotations_do_not_matter(rng, measure, unbiased):
    n, p = 60, 4
    S, f = rng.normal(size=(n, p)), prediction(rng, n, ties=True)
    rotation = np.linalg.qr(rng.normal(size=(p, p)))[0]
    expected = fitted(measure, [S], unbiased=unbiased).value(f)
    turned = fitted(measure, [S @ rotation + rng.normal(size=p)], unbiased=unbiased).value(f)
    assert turned == pytest.approx(expected, rel=1e-9)


@every_measure
@every_engine
def test_copies_of_all_rows_do_not_change_version_v(rng, name, method, measure):
    if measure == "sum" and method == "mixed":
        method = "auto"
    n = 40
    blocks, f = PROBLEMS[name](rng, n), prediction(rng, n, ties=True)
    once = fitted(measure, blocks, unbiased=False, method=method)
    thrice = fitted(measure, [np.concatenate([block] * 3) for block in blocks], unbiased=False, method=method)
    (value, gradient), (again, slopes) = once.value_and_grad(f), thrice.value_and_grad(np.tile(f, 3))
    assert again == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(3 * slopes[:n], gradient, rtol=0, atol=1e-10 * np.abs(gradient).max())
    weighted = fitted(measure, blocks, np.full(n, 0.2), unbiased=False, method=method)
    assert weighted.value(f) == pytest.approx(value, rel=1e-9)  # the V-version knows shares alone


@every_version
@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_a_constant_attribute(rng, unbiased, constant):
    """It adds nothing to a concatenation or a sum, and a factor c to the excess of the joint measure."""
    n, c = 50, 0.7
    blocks, f = PROBLEMS["mixed"](rng, n), prediction(rng, n, ties=True)
    for measure, factor in [("ccdcov", 1.0), ("sum", 1.0), ("jdcov", c)]:
        expected = fitted(measure, blocks, c=c, unbiased=unbiased)
        with pytest.warns(ConstantAttributeWarning, match="block 3"):
            found = fitted(measure, [*blocks, np.full(n, constant)], c=c, unbiased=unbiased)
        assert found.excess(f) == pytest.approx(factor * expected.excess(f), rel=1e-9)
        np.testing.assert_allclose(
            found.value_and_grad(f)[1], factor * expected.value_and_grad(f)[1], rtol=1e-8, atol=1e-13
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantAttributeWarning)
        joint = joint_distance_covariance(f, *blocks, np.full(n, constant), c=c, unbiased=unbiased)
    assert joint == pytest.approx(c * joint_distance_covariance(f, *blocks, c=c, unbiased=unbiased), rel=1e-9)


@every_measure
def test_constant_attributes_alone(rng, measure):
    f = rng.normal(size=20)
    with pytest.warns(ConstantAttributeWarning):
        penalty = DistanceCovariancePenalty(measure).fit([np.full((20, 2), 0.3)])
    value, gradient = penalty.value_and_grad(f)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)
    assert penalty.distance_correlation(f) == 0.0


@every_version
@every_measure
def test_units_of_attributes(rng, measure, unbiased):
    """Concatenations and sums are homogeneous in the attributes; the scale-free forms do not change."""
    n = 40
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    for scale in (1e-8, 1e8):
        one, other = (
            fitted(measure, blocks, unbiased=unbiased),
            fitted(measure, [scale * block for block in blocks], unbiased=unbiased),
        )
        assert other.distance_correlation(f) == pytest.approx(one.distance_correlation(f), rel=1e-9)
        if measure != "jdcov":
            assert other.value(f) == pytest.approx(scale * one.value(f), rel=1e-9)


@pytest.mark.parametrize("measure", ["jdcov", "sum"])
def test_standardized_measures_take_each_attribute_in_its_own_unit(rng, measure):
    n = 40
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    mixed_units = [scale * block for scale, block in zip([1e3, 1e-5, 30.0], blocks, strict=True)]
    expected = fitted(measure, blocks, normalize="dcor").value(f)
    assert fitted(measure, mixed_units, normalize="dcor").value(f) == pytest.approx(expected, rel=1e-9)


@every_version
def test_sum_is_a_sum(rng, unbiased):
    n = 40
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    value, gradient = fitted("sum", blocks, unbiased=unbiased).value_and_grad(f)
    parts = [fitted("dcov", [block], unbiased=unbiased).value_and_grad(f) for block in blocks]
    assert value == pytest.approx(sum(part for part, _ in parts), rel=1e-12)
    np.testing.assert_allclose(gradient, sum(slopes for _, slopes in parts), rtol=0, atol=1e-14)
