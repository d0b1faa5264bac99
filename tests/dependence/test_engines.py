"""Every engine, measure and version against the dense definition, with ties and weights; the choice of engines."""

import numpy as np
import pytest

from statlearn.dependence import DistanceCovariancePenalty

from .oracles import (
    MEASURES,
    PROBLEMS,
    Oracle,
    binary,
    distances,
    finite_differences,
    nominal,
    prediction,
    repeated,
    smallest_gap,
    tied,
    uniform,
    weights,
)

RTOL = 1e-10  # of the scales of the oracle: mean distance of f times size of the kernel

ONE_COLUMN = ("binary", "column", "tied column")
ONE_BLOCK = (*ONE_COLUMN, "nominal", "plane")
COLUMNS_ONLY = (*ONE_COLUMN, "columns")
MIXED = ("mixed", "mixed, tied")

every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])
every_kind = pytest.mark.parametrize("kind", [None, "integer", "fractional"], ids=["unit", "integer", "fractional"])
every_tie = pytest.mark.parametrize("ties", [True, False], ids=["ties", "distinct"])
CASES = [(name, measure) for name in PROBLEMS for measure in MEASURES if measure != "dcov" or name in ONE_BLOCK]
every_case = pytest.mark.parametrize(("name", "measure"), CASES)


def engines_of(name, measure):
    """The exact engines that must serve a problem."""
    engines = ["auto", "levels", "pairwise"]
    if name in ONE_COLUMN or (measure == "sum" and name in COLUMNS_ONLY):
        engines += ["column", "sliced"]  # in one dimension there is nothing to slice
    if name in MIXED and measure in ("ccdcov", "jdcov"):
        engines.append("mixed")
    return engines


def assert_agrees(penalty, oracle, f, label=""):
    """Value, constant and gradient are those of the definition, and the excess is ``f`` times the gradient."""
    value, gradient = penalty.value_and_grad(f)
    tolerance = RTOL * oracle.value_scale(f)
    assert abs(value - oracle.value(f)) <= tolerance, label
    assert abs(penalty.constant_ - oracle.constant) <= tolerance + RTOL * abs(oracle.constant), label
    assert np.abs(gradient - oracle.gradient(f)).max() <= RTOL * oracle.gradient_scale(f), label
    homogeneous = 0.0 if oracle.normalize else value - penalty.constant_
    assert abs(f @ gradient - homogeneous) <= tolerance, label


# ---------------------------------------------------------------------------------------------------- all against dense
@every_tie
@every_kind
@every_version
@every_case
def test_engines_are_the_definition(rng, name, measure, unbiased, kind, ties):
    for n in (4, 27) if ties else (11,):
        blocks, f, w = _with_variation(rng, name, n), prediction(rng, n, ties), weights(rng, n, kind)
        oracle = Oracle(measure, blocks, c=0.7, unbiased=unbiased, weight=w)
        for method in engines_of(name, measure):
            penalty = DistanceCovariancePenalty(measure, c=0.7, unbiased=unbiased, method=method)
            penalty.fit(blocks, sample_weight=w)
            assert penalty.relative_error_ == 0.0
            assert_agrees(penalty, oracle, f, label=f"{method}, n = {n}")


@every_kind
@every_version
@every_case
def test_normalized_engines_are_the_definition(rng, name, measure, unbiased, kind):
    n = 24
    blocks, f, w = _with_variation(rng, name, n), prediction(rng, n, ties=True), weights(rng, n, kind)
    oracle = Oracle(measure, blocks, c=0.7, unbiased=unbiased, weight=w, normalize="dcor")
    for method in engines_of(name, measure):
        options = {"c": 0.7, "unbiased": unbiased, "method": method}
        penalty = DistanceCovariancePenalty(measure, normalize="dcor", **options).fit(blocks, sample_weight=w)
        assert_agrees(penalty, oracle, f, label=method)
        plain = DistanceCovariancePenalty(measure, **options).fit(blocks, sample_weight=w)
        assert abs(plain.distance_correlation(f) - oracle.excess(f)) <= RTOL * oracle.value_scale(f), method


def _with_variation(rng, name, n):
    """A problem without constant blocks, whose warnings are tested elsewhere."""
    while True:
        blocks = PROBLEMS[name](rng, n)
        if all(distances(block).any() for block in blocks):
            return blocks


@every_version
@pytest.mark.parametrize("n", [60, 200])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_engines_agree_on_more_rows(rng, n, measure, unbiased):
    for name in ("mixed", "columns", "cells", "space and cells"):
        blocks, f, w = PROBLEMS[name](rng, n), prediction(rng, n, ties=True), weights(rng, n, "fractional")
        oracle = Oracle(measure, blocks, unbiased=unbiased, weight=w)
        found = [
            DistanceCovariancePenalty(measure, unbiased=unbiased, method=method).fit(blocks, w).value_and_grad(f)
            for method in engines_of(name, measure)
        ]
        for value, gradient in found:
            assert abs(value - oracle.value(f)) <= RTOL * oracle.value_scale(f)
            np.testing.assert_allclose(gradient, found[0][1], rtol=0, atol=RTOL * oracle.gradient_scale(f))


@pytest.mark.parametrize("normalize", [None, "dcor"])
@every_version
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_gradients_are_derivatives(rng, measure, unbiased, normalize):
    """Central differences away from ties: exact for the piecewise linear measures."""
    for name in ("mixed", "cells", "columns", "space and cells"):
        blocks, f, w = (
            PROBLEMS[name](rng, 10),
            rng.permutation(10) + rng.uniform(-0.3, 0.3, 10),
            weights(rng, 10, "integer"),
        )
        oracle = Oracle(measure, blocks, unbiased=unbiased, weight=w, normalize=normalize)
        step = smallest_gap(f) * (1e-4 if normalize else 0.25)
        for method in engines_of(name, measure):
            penalty = DistanceCovariancePenalty(measure, unbiased=unbiased, normalize=normalize, method=method)
            penalty.fit(blocks, sample_weight=w)
            found = finite_differences(penalty.value, f, step)
            tolerance = (1e-6 if normalize else 1e-10) * oracle.gradient_scale(f)
            np.testing.assert_allclose(found, penalty.value_and_grad(f)[1], rtol=0, atol=tolerance, err_msg=method)


@every_version
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_integer_weights_are_copies(rng, measure, unbiased):
    for name in ("mixed", "cells", "columns", "plane"):
        blocks, f, w = PROBLEMS[name](rng, 40), prediction(rng, 40, ties=True), weights(rng, 40, "integer")
        copies, many = [repeated(w, block) for block in blocks], repeated(w, f)
        scale = Oracle(measure, blocks, unbiased=unbiased, weight=w)
        for method in engines_of(name, measure):
            penalty = DistanceCovariancePenalty(measure, unbiased=unbiased, method=method)
            value, gradient = penalty.fit(blocks, sample_weight=w).value_and_grad(f)
            correlation = penalty.distance_correlation(f)
            expected, of_copies = penalty.fit(copies).value_and_grad(many)
            assert abs(value - expected) <= RTOL * scale.value_scale(f)
            assert correlation == pytest.approx(penalty.distance_correlation(many), rel=1e-9, abs=1e-12)
            by_row = np.bincount(np.repeat(np.arange(40), w.astype(int)), weights=of_copies, minlength=40)
            np.testing.assert_allclose(gradient, by_row, rtol=0, atol=RTOL * scale.gradient_scale(f))


# ------------------------------------------------------------------------------------------------------------ the mixed
@every_version
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.4, 30.0])
def test_one_continuous_column_of_any_range(rng, scale, measure, unbiased):
    """Whether or not it was brought to [0, 1]; a long range costs more nodes, and "auto" may turn to all pairs."""
    n = 450  # more rows than the number of levels at which "auto" would stop looking
    blocks = [binary(rng, n), nominal(rng, n, 3), uniform(rng, n, scale) + 5]
    w, f = weights(rng, n, "fractional"), prediction(rng, n, ties=True)
    oracle = Oracle(measure, blocks, unbiased=unbiased, weight=w)
    methods = ["auto", "mixed"] if scale <= 3.4 or measure == "jdcov" else ["auto"]
    for method in methods:
        penalty = DistanceCovariancePenalty(measure, unbiased=unbiased, method=method).fit(blocks, sample_weight=w)
        assert penalty.method_ == ("mixed" if len(methods) == 2 else "pairwise")
        assert_agrees(penalty, oracle, f, label=method)


def test_long_ranges_are_refused(rng):
    """Where the interpolation needs many nodes: a range of 30 beside labels at distance 1, or labels almost alike."""
    n = 450
    for blocks in ([nominal(rng, n, 3), uniform(rng, n, 30.0)], [0.01 * binary(rng, n), uniform(rng, n)]):
        with pytest.raises(ValueError, match="range is not far above the distances"):
            DistanceCovariancePenalty(method="mixed").fit(blocks)
        assert DistanceCovariancePenalty().fit(blocks).method_ == "pairwise"


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
def test_mixed_engine_has_the_digits_of_all_pairs(rng, measure):
    n = 3000
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    found = DistanceCovariancePenalty(measure, method="mixed").fit(blocks)
    expected = DistanceCovariancePenalty(measure, method="pairwise").fit(blocks)
    (value, gradient), (of_pairs, slopes) = found.value_and_grad(f), expected.value_and_grad(f)
    assert abs(value - of_pairs) <= 1e-12
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-12 / n)


def test_position_of_the_continuous_column_does_not_matter(rng):
    n = 80
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    for measure in ("ccdcov", "jdcov"):
        values = [
            DistanceCovariancePenalty(measure, method="mixed").fit([blocks[m] for m in order]).value(f)
            for order in ([0, 1, 2], [2, 0, 1], [0, 2, 1])
        ]
        np.testing.assert_allclose(values, values[0], rtol=1e-11)


def test_mixed_columns_within_one_block(rng):
    """Concatenation forgets the blocks, so that one block of all columns is the same."""
    n = 80
    blocks, f = PROBLEMS["mixed"](rng, n), rng.normal(size=n)
    one = [np.column_stack(blocks)]
    apart = DistanceCovariancePenalty(method="mixed").fit(blocks).value(f)
    assert DistanceCovariancePenalty("dcov", method="mixed").fit(one).value(f) == pytest.approx(apart, rel=1e-12)


# ----------------------------------------------------------------------------------------------------- choice of engine
def test_auto_takes_the_cheapest_engine(rng):
    n = 1200

    def engine(measure, blocks):
        return DistanceCovariancePenalty(measure).fit(blocks).method_

    cells, column = [binary(rng, n), nominal(rng, n, 3)], rng.random(n)
    assert engine("ccdcov", cells) == engine("jdcov", cells) == engine("sum", cells) == "levels"
    assert engine("ccdcov", [tied(rng, n)]) == "levels"
    assert engine("dcov", [column]) == "column"
    assert engine("ccdcov", [*cells, column]) == engine("jdcov", [*cells, column]) == "mixed"
    assert set(engine("sum", [*cells, column]).split("+")) == {"levels", "column"}
    assert engine("dcov", [rng.normal(size=(n, 2))]) == "pairwise"
    assert engine("jdcov", [column, rng.normal(size=n)]) == "pairwise"


def test_engines_choose_among_many_rows_as_they_agree(rng):
    """Above the size where the choice of engine changes: the chosen one gives what all pairs give."""
    n = 1200
    f = prediction(rng, n, ties=True)
    for name in PROBLEMS:
        blocks = PROBLEMS[name](rng, n)
        for measure in ("ccdcov", "jdcov"):
            chosen = DistanceCovariancePenalty(measure).fit(blocks)
            every = DistanceCovariancePenalty(measure, method="pairwise").fit(blocks)
            (value, gradient), (expected, slopes) = chosen.value_and_grad(f), every.value_and_grad(f)
            size = np.abs(slopes).max()
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-12), name
            np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9 * size, err_msg=name)


def test_levels_are_distinct_rows(rng):
    blocks = PROBLEMS["cells"](rng, 500)
    penalty = DistanceCovariancePenalty().fit(blocks)
    assert penalty.n_levels_ == len(np.unique(np.column_stack(blocks), axis=0)) == 6
    assert penalty.n_samples_ == 500


@pytest.mark.parametrize("method", ["pairwise"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
def test_sums_do_not_depend_on_threads(rng, measure, method):
    n = 700
    blocks, f = PROBLEMS["space and cells"](rng, n), rng.normal(size=n)
    one, two = (
        DistanceCovariancePenalty(measure, method=method, n_jobs=n_jobs).fit(blocks).value_and_grad(f)
        for n_jobs in (1, 2)
    )
    assert one[0] == two[0]
    np.testing.assert_array_equal(one[1], two[1])
