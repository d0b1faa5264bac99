"""Every door: what is refused, in words that name the argument and the cure; and tables of other libraries."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from statlearn.dependence import (
    DistanceCovariancePenalty,
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    distance_covariance_test,
    joint_distance_covariance,
)
from statlearn.exceptions import ConstantAttributeWarning

N = 12
GOOD = np.linspace(-1, 1, N)
OTHER = np.cos(7 * GOOD)

# name: (call with the variable and options, name of the variable in messages)
DOORS = {
    "dcov x": (lambda bad, **options: distance_covariance(bad, GOOD, **options), "x"),
    "dcov y": (lambda bad, **options: distance_covariance(GOOD, bad, **options), "y"),
    "dcor x": (lambda bad, **options: distance_correlation(bad, GOOD, **options), "x"),
    "dcor y": (lambda bad, **options: distance_correlation(GOOD, bad, **options), "y"),
    "jdcov": (lambda bad, **options: joint_distance_covariance(GOOD, OTHER, bad, **options), "block 2"),
    "ccdcov": (lambda bad, **options: concatenated_distance_covariance(GOOD, OTHER, bad, **options), "block 1"),
    "ccdcov f": (lambda bad, **options: concatenated_distance_covariance(bad, OTHER, GOOD, **options), ""),
    "fit block": (lambda bad: DistanceCovariancePenalty().fit([OTHER, bad]), "block 1 of S"),
    "fit table": (lambda bad: DistanceCovariancePenalty().fit(bad.reshape(N, -1)), "S"),
    "value": (lambda bad: DistanceCovariancePenalty().fit([GOOD]).value(bad), "f"),
    "test f": (lambda bad: distance_covariance_test(bad, [GOOD], n_permutations=1), "f"),
}
every_door = pytest.mark.parametrize("door", DOORS)
WEIGHTED = {
    "dcov": lambda w, **options: distance_covariance(GOOD, OTHER, sample_weight=w, **options),
    "dcor": lambda w, **options: distance_correlation(GOOD, OTHER, sample_weight=w, **options),
    "jdcov": lambda w, **options: joint_distance_covariance(GOOD, OTHER, sample_weight=w, **options),
    "ccdcov": lambda w, **options: concatenated_distance_covariance(GOOD, OTHER, sample_weight=w, **options),
    "fit": lambda w, **options: DistanceCovariancePenalty(**options).fit([GOOD], sample_weight=w),
}
every_weighted_door = pytest.mark.parametrize("door", WEIGHTED)


def replaced(value, dtype=float):
    bad = GOOD.astype(dtype)
    bad[3] = value
    return bad


# ------------------------------------------------------------------------------------------------------------ variables
@every_door
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replaced(np.nan), "NaN"),
        (replaced(np.inf), "infinity"),
        (replaced(-np.inf), "infinity"),
        (replaced("green", object), "green"),
        (replaced(1j, complex), "[Cc]omplex"),
    ],
    ids=["nan", "inf", "-inf", "string", "complex"],
)
def test_entries_that_are_refused(door, bad, message):
    call, name = DOORS[door]
    with pytest.raises(ValueError, match=message) as caught:
        call(bad)
    if "N" in message or "inf" in message:
        assert f"Input {name}".rstrip() in str(caught.value)


@pytest.mark.parametrize("door", [name for name in DOORS if name not in ("fit table", "value", "test f")])
def test_numbers_of_rows_that_differ(door):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DOORS[door][0](GOOD[:-1])


@pytest.mark.parametrize("door", ["value", "test f"])
def test_predictions_of_wrong_length(door):
    with pytest.raises(ValueError, match=r"f must have .*12.*Got shape \(11,\)"):
        DOORS[door][0](GOOD[:-1])


@pytest.mark.parametrize("door", [name for name in DOORS if name != "fit table"])
def test_shapes_that_are_refused(door):
    call = DOORS[door][0]
    with pytest.raises(ValueError, match="dim|shape"):
        call(np.zeros((N, 2, 2)))
    with pytest.raises(ValueError, match="[Ff]ound array with 0|empty|minimum of 1|inconsistent|Got shape"):
        call(np.empty((0, 2)))
    with pytest.raises((TypeError, ValueError), match="[Ss]parse"):
        call(sparse.csr_array(np.eye(N)))
    with pytest.raises((TypeError, ValueError)):
        call(None)
    with pytest.raises((TypeError, ValueError)):
        call(3.0)


@pytest.mark.parametrize("door", ["dcov x", "dcov y", "jdcov", "fit block"])
def test_masked_arrays_are_refused(door):
    call, name = DOORS[door]
    with pytest.raises(TypeError, match=f"{name} must not be a masked array.*filled"):
        call(np.ma.masked_greater(GOOD, 0.5))


@pytest.mark.parametrize("door", ["dcov x", "dcov y", "dcor x", "dcor y", "jdcov", "fit block", "fit table"])
def test_numbers_whose_squares_overflow(door):
    call, name = DOORS[door]
    with pytest.raises(ValueError, match=f"{name} has entries above 1e.150, whose squares overflow: divide"):
        call(1e160 * GOOD)


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
def test_predictions_whose_squares_are_no_numbers(scale):
    """The scale-free form is what it is in other units, or refuses with a cure: no 0 and no NaN in silence."""
    penalty = DistanceCovariancePenalty("dcov", normalize="dcor").fit([GOOD])
    expected = penalty.value(OTHER)
    for call in (penalty.value, penalty.distance_correlation):
        try:
            found = call(scale * OTHER)
        except ValueError as error:
            assert "f has entries" in str(error) and ("divide" in str(error) or "multiply" in str(error))
        else:
            assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_rows(n):
    x, y, message = GOOD[:n], OTHER[:n], f"needs at least 4 samples, got n_samples = {n}"
    for call in (
        lambda: distance_covariance(x, y),
        lambda: distance_correlation(x, y),
        lambda: joint_distance_covariance(x, y),
        lambda: concatenated_distance_covariance(x, y),
        lambda: DistanceCovariancePenalty().fit([x]),
        lambda: distance_covariance_test(x, [y]),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    if n > 1:
        assert distance_covariance(x, y, unbiased=False) > 0


@pytest.mark.parametrize("door", ["dcov x", "dcov y", "dcor x", "jdcov", "ccdcov"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "fastest"}, "'method' parameter"),
        ({"method": 3}, "'method' parameter"),
        ({"unbiased": "yes"}, "'unbiased' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
    ],
    ids=str,
)
def test_options_that_are_refused(door, options, message):
    with pytest.raises(ValueError, match=message):
        DOORS[door][0](OTHER, **options)


def test_options_without_meaning():
    for function in (distance_covariance, distance_correlation):
        with pytest.raises(ValueError, match="squared=False needs unbiased=False.*can be negative"):
            function(GOOD, OTHER, squared=False)
    plane = np.column_stack([GOOD, OTHER])
    with pytest.raises(ValueError, match="return_grad=True needs an x of one column"):
        distance_covariance(plane, GOOD, return_grad=True)
    with pytest.raises(ValueError, match="return_grad=True needs .*squared=True"):
        distance_covariance(GOOD, OTHER, return_grad=True, squared=False, unbiased=False)
    with pytest.raises(ValueError, match="'c' parameter"):
        joint_distance_covariance(GOOD, OTHER, c=-0.5)
    with pytest.raises(ValueError, match="at least two variables. Got 1"):
        joint_distance_covariance(GOOD)
    with pytest.raises(ValueError, match="at least one block"):
        concatenated_distance_covariance(GOOD)
    with pytest.raises(TypeError):
        distance_covariance(GOOD, OTHER, False)  # options have names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "hsic"}, "'measure' parameter"),
        ({"measure": None}, "'measure' parameter"),
        ({"c": -1}, "'c' parameter"),
        ({"c": "1"}, "'c' parameter"),
        ({"unbiased": 2}, "'unbiased' parameter"),
        ({"normalize": "dcov"}, "'normalize' parameter"),
        ({"normalize": True}, "'normalize' parameter"),
        ({"method": "fast"}, "'method' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter"),
    ],
    ids=str,
)
def test_parameters_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DistanceCovariancePenalty(**options)


def test_not_a_number_is_no_constant():
    with pytest.raises(ValueError, match="'?c'?.*nan"):
        DistanceCovariancePenalty(c=float("nan"))


# --------------------------------------------------------------------------------------------------------------- blocks
def test_engines_that_do_not_fit():
    cases = [
        ("column", [GOOD, OTHER], "ccdcov", "method='column' takes one column. Got 2"),
        ("column", [GOOD, OTHER], "jdcov", "method='column' takes one column. Got 2"),
        ("mixed", [GOOD], "ccdcov", "method='mixed' takes one continuous column beside"),
        ("mixed", [np.column_stack([GOOD, OTHER]), GOOD], "jdcov", "method='mixed' takes one continuous column beside"),
        ("sliced", [GOOD, OTHER], "jdcov", "method='sliced' approximates Euclidean distances"),
    ]
    for method, blocks, measure, message in cases:
        with pytest.raises(ValueError, match=f"{message}.*[Uu]se method='auto'"):
            DistanceCovariancePenalty(measure, method=method).fit(blocks)


def test_too_many_levels_for_a_table(rng):
    with pytest.raises(ValueError, match="method='levels' takes up to .*distinct rows. Got 5000.*method='auto'"):
        DistanceCovariancePenalty(method="levels").fit([rng.random(5000)])


def test_dcov_takes_one_block(rng):
    S = rng.normal(size=(10, 2))
    for blocks in (S, [GOOD, OTHER]):
        with pytest.raises(ValueError, match="measure='dcov' takes one block. S has 2.*ccdcov"):
            DistanceCovariancePenalty("dcov").fit(blocks)
    assert DistanceCovariancePenalty("dcov").fit(S[:, [0]]).n_samples_ == 10


@pytest.mark.parametrize("S", [[], (), np.empty((5, 0)), np.empty((0, 3))], ids=["list", "tuple", "columns", "rows"])
def test_empty_attributes(S):
    with pytest.raises(ValueError):
        DistanceCovariancePenalty().fit(S)


def test_constant_attributes_are_named():
    blocks = [GOOD, np.full(N, 0.3), OTHER, np.full((N, 2), [1e6, 0.1])]
    with pytest.warns(ConstantAttributeWarning, match="block 1.*block 3.*constant"):
        DistanceCovariancePenalty().fit(blocks)
    with pytest.warns(ConstantAttributeWarning, match="block 1"):
        DistanceCovariancePenalty("jdcov").fit(np.column_stack([GOOD, np.zeros(N)]))


# -------------------------------------------------------------------------------------------------------------- weights
@every_weighted_door
@pytest.mark.parametrize(
    ("w", "error", "message"),
    [
        (-np.ones(N), ValueError, "sample_weight must be finite and non-negative. Got -1"),
        (np.full(N, np.nan), ValueError, "sample_weight must be finite and non-negative. Got nan"),
        (np.full(N, np.inf), ValueError, "sample_weight must be finite and non-negative. Got inf"),
        (np.ones(N - 1), ValueError, "sample_weight must have 12 entries. Got 11"),
        (np.ones((N, 1)), ValueError, "sample_weight must be a vector"),
        (np.array(["a"] * N), TypeError, "sample_weight must be a vector of real numbers"),
        (np.zeros(N), ValueError, "sample_weight must not be all zero"),
        (np.full(N, 3 / N), ValueError, r"weights that sum to .*3.*mean 1"),
    ],
    ids=["negative", "nan", "inf", "short", "column", "strings", "zero", "sum of 3"],
)
def test_weights_that_are_refused(door, w, error, message):
    with pytest.raises(error, match=message):
        WEIGHTED[door](w)


@every_weighted_door
def test_small_weights_have_a_version_v(door):
    assert WEIGHTED[door](np.full(N, 1e-3), unbiased=False) is not None
    with pytest.raises(ValueError, match="sample_weight must not be all zero"):
        WEIGHTED[door](np.zeros(N), unbiased=False)


# ------------------------------------------------------------------------------------------------------------ the state
def test_before_fit():
    penalty = DistanceCovariancePenalty()
    for call in (penalty.value, penalty.excess, penalty.value_and_grad, penalty.distance_correlation):
        with pytest.raises(NotFittedError, match="fit"):
            call(GOOD)


def test_correlation_of_several_outputs_is_refused():
    penalty = DistanceCovariancePenalty().fit([GOOD])
    with pytest.raises(ValueError, match="f must have one column here. Got 2"):
        penalty.distance_correlation(np.column_stack([GOOD, OTHER]))
    assert penalty.distance_correlation(OTHER[:, None]) == penalty.distance_correlation(OTHER)


# ---------------------------------------------------------------------------------------------------- tables and series
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_of_other_libraries(rng, library):
    module = pytest.importorskip(library)
    table, f, w = rng.normal(size=(N, 3)), rng.normal(size=N), rng.uniform(1, 2, N)
    table[:, 2] = rng.integers(0, 3, N)
    frame = module.DataFrame({"age": table[:, 0], "income": table[:, 1], "children": table[:, 2].astype(int)})
    series, weight = module.Series(f), module.Series(w)
    for measure in ("ccdcov", "jdcov", "sum"):
        expected, slopes = DistanceCovariancePenalty(measure).fit(table, sample_weight=w).value_and_grad(f)
        value, gradient = DistanceCovariancePenalty(measure).fit(frame, sample_weight=weight).value_and_grad(series)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-15)
        assert isinstance(gradient, np.ndarray)
    blocks = [frame[["age", "income"]], frame["children"]]
    expected = DistanceCovariancePenalty("jdcov").fit([table[:, :2], table[:, 2]]).value(f)
    assert DistanceCovariancePenalty("jdcov").fit(blocks).value(series) == pytest.approx(expected, rel=1e-12)
    assert distance_covariance(series, frame) == distance_covariance(f, table)
    assert distance_correlation(frame["age"], series) == distance_correlation(table[:, 0], f)
    found = distance_covariance_test(series, frame, n_permutations=9, random_state=0)
    expected = distance_covariance_test(f, table, n_permutations=9, random_state=0)
    np.testing.assert_array_equal(found.null_distribution, expected.null_distribution)


def test_index_of_a_frame_does_not_matter(rng):
    """Rows are matched by position."""
    pandas = pytest.importorskip("pandas")
    table, f = rng.normal(size=(N, 2)), rng.normal(size=N)
    frame, series = pandas.DataFrame(table, index=np.arange(N)[::-1]), pandas.Series(f, index=np.arange(N) + 100)
    assert DistanceCovariancePenalty().fit(frame).value(series) == DistanceCovariancePenalty().fit(table).value(f)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_text_in_a_frame_is_refused(library):
    """Labels need an encoding first, and no order of theirs is invented."""
    module = pytest.importorskip(library)
    frame = module.DataFrame({"age": GOOD, "region": ["north", "south"] * (N // 2)})
    with pytest.raises(ValueError, match="north|string|[Ee]ncod"):
        DistanceCovariancePenalty().fit(frame)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_values_of_a_frame_are_refused(missing):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [*GOOD[:-1], missing], "children": 1.0 * np.arange(N)})
    with pytest.raises(ValueError, match="NaN"):
        DistanceCovariancePenalty().fit(frame)


def test_nested_lists_are_tables():
    """A list of lists of numbers holds rows; only arrays, and lists of rows, are blocks."""
    assert distance_covariance(list(GOOD), [[v] for v in OTHER]) == distance_covariance(GOOD, OTHER)
    table = np.column_stack([GOOD, OTHER])
    expected = DistanceCovariancePenalty("jdcov").fit(table).value(GOOD)
    assert DistanceCovariancePenalty("jdcov").fit(table.tolist()).value(list(GOOD)) == expected
    expected = DistanceCovariancePenalty("jdcov").fit([table, GOOD]).value(OTHER)
    assert DistanceCovariancePenalty("jdcov").fit([table.tolist(), GOOD]).value(OTHER) == expected
