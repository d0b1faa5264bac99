"""Pairs whose rows are not those of one another are refused, not paired by position."""

import numpy as np
import pytest

from statlearn.debias import (
    LinearCalibrationCorrector,
    SieveCorrector,
    TweedieCorrector,
    compare_correctors,
    conditional_bias,
    differential_error_test,
    shrinkage_report,
    slope_on_truth,
)

from .samples import pairs

pd = pytest.importorskip("pandas")


def shuffled(column):
    return column.sample(frac=1.0, random_state=0)


@pytest.fixture
def columns(rng):
    x, y = map(pd.Series, pairs(rng, 400))
    return x, y, pd.Series(rng.random(400) < 1.0 / (1.0 + np.exp(-y.to_numpy()))), pd.Series(np.arange(400) % 80)


@pytest.mark.parametrize("corrector", [LinearCalibrationCorrector, SieveCorrector, TweedieCorrector])
def test_correctors(corrector, columns):
    x, y, *_ = columns
    for bad in ((x, shuffled(y)), (x.to_frame(), shuffled(y)), (x, y, shuffled(pd.Series(np.ones(400))))):
        with pytest.raises(ValueError, match="must have the same index"):
            corrector().fit(*bad)
    expected = corrector().fit(x.to_numpy(), y.to_numpy()).slope_
    assert corrector().fit(shuffled(x), shuffled(y)).slope_ == pytest.approx(expected)


@pytest.mark.parametrize("function", [shrinkage_report, compare_correctors, conditional_bias, slope_on_truth])
def test_functions_of_pairs(function, columns):
    x, y, *_ = columns
    with pytest.raises(ValueError, match="must have the same index"):
        function(shuffled(y), x)


def test_groups_and_clusters(columns):
    x, y, groups, clusters = columns
    differential_error_test(y, x, groups, clusters=clusters)
    for arguments in ({"groups": shuffled(groups)}, {"groups": groups, "clusters": shuffled(clusters)}):
        with pytest.raises(ValueError, match="must have the same index"):
            differential_error_test(y, x, **arguments)
    with pytest.raises(ValueError, match="y_true and groups must have the same index"):
        shrinkage_report(y, x, groups=shuffled(groups))
