"""Means of groups: formulas, shared errors, index kept, bad input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from statlearn.debias._debiased_effects import debiased_ate
from statlearn.debias._delta_method import line_of
from statlearn.debias._group_means import debiased_group_means
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._sieve import SieveCorrector
from statlearn.debias._tweedie import TweedieCorrector
from statlearn.exceptions import DifferentialErrorWarning

from .test_debiased_effects import all_correctors, calibration_pairs, predicted

RTOL = 1e-10  # different orders of the same sums
CENTERS = np.array([-0.5, 0.3, 1.2])


def regions(rng, n=3000):
    """Predictions of units in three regions, and their labels."""
    region = rng.integers(3, size=n)
    return predicted(CENTERS[region] + rng.normal(size=n), rng), np.array(["north", "east", "west"])[region], region


@all_correctors
def test_means_of_corrected_predictions(rng, corrector):
    corrector.fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng)
    means = debiased_group_means(corrector, y_pred, labels, random_state=0)
    assert_array_equal(means.groups, ["east", "north", "west"])
    corrected = corrector.predict(y_pred)
    for position, label in enumerate(means.groups):
        members = labels == label
        assert means.n[position] == members.sum()
        assert_allclose(means.naive[position], y_pred[members].mean(), rtol=RTOL)
        assert_allclose(means.estimate[position], corrected[members].mean(), rtol=RTOL)
        assert_allclose(means.se_trial[position], corrected[members].std(ddof=1) / np.sqrt(members.sum()), rtol=RTOL)
    assert_allclose(means.se, np.hypot(means.se_trial, means.se_calibration), rtol=RTOL)
    assert_allclose(np.diag(means.covariance), means.se**2, rtol=RTOL)
    assert np.all(np.abs(means.estimate - CENTERS[[1, 0, 2]]) < 4.0 * means.se)
    assert_allclose((means.upper - means.lower) / means.se, 2 * 1.959963984540054, rtol=RTOL)


def test_errors_of_the_line_by_hand(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng)
    means = debiased_group_means(corrector, y_pred, labels)
    line = line_of(corrector._sample)
    # center + (mean - level) / slope: derivatives -1 / slope and -(estimate - center) / slope
    gradient = -np.column_stack([np.ones(3), means.estimate - line.center]) / line.slope
    shared = gradient @ line.covariance @ gradient.T
    assert_allclose(means.se_calibration, np.sqrt(np.diag(shared)), rtol=RTOL)
    assert_allclose(means.covariance, shared + np.diag(means.se_trial**2), rtol=RTOL)


@all_correctors
def test_difference_of_two_groups_is_the_effect(rng, corrector):
    """The covariance has what the standard error of a difference needs."""
    corrector.fit(*calibration_pairs(rng))
    y_pred, _, region = regions(rng)
    y_pred, treatment = y_pred[region < 2], region[region < 2]
    means = debiased_group_means(corrector, y_pred, treatment, random_state=0)
    effect = debiased_ate(corrector, y_pred, treatment, random_state=0)
    contrast = np.array([-1.0, 1.0])
    assert_allclose(contrast @ means.estimate, effect.estimate, rtol=1e-9)
    assert_allclose(np.sqrt(contrast @ means.covariance @ contrast), effect.se, rtol=1e-9)


@all_correctors
def test_bootstrap_agrees_with_the_delta_method(rng, corrector):
    corrector.fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng)
    delta = debiased_group_means(corrector, y_pred, labels, random_state=0)
    bootstrap = debiased_group_means(corrector, y_pred, labels, se="bootstrap", n_boot=400, random_state=1)
    # standard errors of 400 replicates are off by 3.5 %, those of 100 jackknife blocks by 7 %
    assert_allclose(bootstrap.se_trial, delta.se_trial, rtol=0.13)
    assert_allclose(bootstrap.se_calibration, delta.se_calibration, rtol=0.3)
    assert bootstrap.covariance.shape == (3, 3)


def test_clusters_and_weights(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, labels, region = regions(rng, n=600)
    copies = np.repeat(np.arange(600), 3)
    once = debiased_group_means(corrector, y_pred, labels)
    clustered = debiased_group_means(corrector, y_pred[copies], labels[copies], clusters=copies)
    assert_allclose(clustered.estimate, once.estimate, rtol=RTOL)
    assert_allclose(clustered.se_trial, once.se_trial, rtol=RTOL)
    bootstrap = debiased_group_means(
        corrector, y_pred[copies], labels[copies], clusters=copies, se="bootstrap", n_boot=2000, random_state=0
    )
    assert_allclose(bootstrap.se_trial, once.se_trial, rtol=0.06)  # 3.5 standard errors of 2000 replicates
    weights = rng.integers(1, 4, size=600)
    weighted = debiased_group_means(corrector, y_pred, labels, weights=weights)
    repeated = debiased_group_means(corrector, np.repeat(y_pred, weights), np.repeat(labels, weights))
    assert_allclose(weighted.estimate, repeated.estimate, rtol=RTOL)
    assert_array_equal(weighted.n, np.bincount(region)[[1, 0, 2]])


def test_clusters_across_groups_correlate_them(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng, n=100_000))
    cluster = np.repeat(np.arange(200), 10)
    shared = rng.normal(size=200)[cluster]
    means = debiased_group_means(corrector, shared + 0.1 * rng.normal(size=2000), np.arange(2000) % 2, clusters=cluster)
    assert means.covariance[0, 1] / np.sqrt(np.prod(np.diag(means.covariance))) > 0.9


def test_no_standard_errors(rng):
    corrector = TweedieCorrector().fit(*calibration_pairs(rng))
    means = debiased_group_means(corrector, [0.0, 1.0, 0.5], ["a", "b", "b"], se="none")
    assert means.se is means.lower is means.covariance is None
    assert "interval" not in means.certificate.claim
    assert_array_equal(means.n, [1, 2])
    assert str(means).splitlines()[0].split() == ["group", "n", "naive", "estimate"]


def test_groups_of_calibration_pairs(rng):
    f = 0.8 * rng.normal(size=3000)
    y = f + 0.6 * rng.normal(size=3000)
    corrector = SieveCorrector().fit(f, y)
    by_prediction = np.digitize(f + 0.1 * rng.normal(size=3000), [-0.5, 0.5])
    with pytest.warns(DifferentialErrorWarning):
        means = debiased_group_means(
            corrector, f, by_prediction, calibration_groups=by_prediction.astype(str), random_state=0
        )
    assert means.certificate["non-differential errors"].holds is False
    assert means.certificate["groups"].statistic == 3
    assert "units are a random sample" in str(means.certificate)


class TestSeries:
    """Labels of data frames."""

    def test_index_and_name_are_kept(self, rng):
        pd = pytest.importorskip("pandas")
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
        y_pred, labels, _ = regions(rng, n=300)
        frame = pd.DataFrame({"prediction": y_pred, "region": labels}, index=rng.permutation(300))
        means = debiased_group_means(corrector, frame["prediction"], frame["region"])
        table = means.to_frame()
        assert table.index.tolist() == ["east", "north", "west"]
        assert table.index.name == "region"
        assert table.columns.tolist() == [
            "n", "naive", "estimate", "se", "lower", "upper", "se_trial", "se_calibration"
        ]  # fmt: skip
        assert_allclose(table["naive"], frame.groupby("region")["prediction"].mean(), rtol=RTOL)

    def test_categories_and_numbers(self, rng):
        pd = pytest.importorskip("pandas")
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
        y_pred, _, region = regions(rng, n=300)
        categories = debiased_group_means(corrector, y_pred, pd.Series(region).astype("category"))
        numbers = debiased_group_means(corrector, y_pred, region)
        assert_array_equal(categories.groups, numbers.groups)
        assert_allclose(categories.se, numbers.se, rtol=RTOL)

    def test_polars(self, rng):
        pl = pytest.importorskip("polars")
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
        y_pred, labels, _ = regions(rng, n=300)
        means = debiased_group_means(corrector, pl.Series("prediction", y_pred), pl.Series("region", labels.tolist()))
        assert means.name == "region"
        assert means.groups.tolist() == ["east", "north", "west"]

    def test_other_index_is_refused(self, rng):
        pd = pytest.importorskip("pandas")
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
        y_pred, labels, _ = regions(rng, n=300)
        with pytest.raises(ValueError, match="y_pred and groups must have the same index"):
            debiased_group_means(corrector, pd.Series(y_pred), pd.Series(labels, index=np.arange(300)[::-1]))

    def test_missing_labels_are_refused(self, rng):
        pd = pytest.importorskip("pandas")
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
        for missing in (None, np.nan, pd.NA):
            with pytest.raises(ValueError, match="groups must not have missing labels. Got 1"):
                debiased_group_means(corrector, [0.0, 1.0, 2.0, 3.0], pd.Series(["a", "a", "b", missing], dtype=object))


def test_labels_of_several_types_are_refused(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    with pytest.raises(TypeError, match="groups must have labels of one type"):
        debiased_group_means(corrector, [0.0, 1.0, 2.0, 3.0], np.array(["a", "a", 1, 1], dtype=object))


def test_printed_table(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    lines = str(debiased_group_means(corrector, [0.0, 1.0, 0.0, 1.0], ["a", "b", "b", "a"])).splitlines()
    assert lines[0].split()[:5] == ["group", "n", "naive", "estimate", "se"]
    assert lines[2].split()[:3] == ["a", "2", "0.5"]


@pytest.mark.parametrize(
    ("y_pred", "groups", "options", "message"),
    [
        ([0.0, 1.0], ["a"], {}, "groups must have one label per prediction, 2 in all. Got 1"),
        ([0.0, np.nan], ["a", "a"], {}, "Input y_pred contains NaN"),
        (
            [0.0, 1.0, 1.0],
            ["a", "a", "b"],
            {},
            "groups must have at least 2 units of positive weight each. Got 1 in b",
        ),
        ([0.0, 1.0], ["a", "b"], {"se": "none", "weights": [0, 1]}, "at least 1 units of positive weight each. Got 0"),
        ([0.0, 1.0], ["a", "a"], {"level": 1.5}, "level"),
        ([0.0, 1.0], ["a", "a"], {"clusters": [1, 1]}, "clusters must have at least two labels"),
        (
            [0.0, 1.0, 0.0, 1.0],
            ["a", "a", "b", "b"],
            {"clusters": [1, 2, 3, 3]},
            "groups must have at least 2 clusters of positive weight each. Got 1 in b",
        ),
        (
            [0.0, 1.0],
            ["a", "a"],
            {"calibration_groups": ["a"]},
            "calibration_groups must have one label per",
        ),
    ],
)
def test_bad_input(rng, y_pred, groups, options, message):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    with pytest.raises(ValueError, match=message):
        debiased_group_means(corrector, y_pred, groups, **options)


def test_bootstrap_of_small_groups(rng):
    """Groups are resampled by themselves: none is left empty, and two units have the variance of two units."""
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng, n=100)
    labels[:2], labels[2:5], labels[5:] = "two", "three", "large"
    delta = debiased_group_means(corrector, y_pred, labels)
    bootstrap = debiased_group_means(corrector, y_pred, labels, se="bootstrap", n_boot=2000, random_state=0)
    assert_allclose(bootstrap.se_trial, delta.se_trial, rtol=0.06)  # 3.5 standard errors of 2000 replicates


def test_bootstrap_of_groups_in_a_few_clusters_of_their_own(rng):
    """Clusters are resampled with those of groups that share some with theirs."""
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    clusters = np.arange(600) // 6
    y_pred = rng.normal(size=100)[clusters] + 0.3 * rng.normal(size=600)
    labels = np.where(np.arange(600) < 12, "small", np.where(np.arange(600) % 2, "odd", "even"))
    delta = debiased_group_means(corrector, y_pred, labels, clusters=clusters)
    bootstrap = debiased_group_means(
        corrector, y_pred, labels, clusters=clusters, se="bootstrap", n_boot=2000, random_state=0
    )
    assert_allclose(bootstrap.se_trial, delta.se_trial, rtol=0.06)  # 3.5 standard errors of 2000 replicates


def test_too_few_clusters_to_resample(rng):
    """A group in a few of the clusters that it shares with others."""
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng, n=100)
    labels[:], labels[[0, 50]] = "large", "tiny"
    with pytest.raises(ValueError, match="leaves a group empty"):
        debiased_group_means(corrector, y_pred, labels, clusters=np.arange(100) // 5, se="bootstrap", random_state=0)


def test_units_of_weight_zero_are_left_out(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, labels, _ = regions(rng, n=300)
    weights, clusters = rng.integers(3, size=300), np.arange(300) // 4
    weights[:40] = 0
    rows = weights > 0
    for se in ("delta", "bootstrap"):
        options = {"se": se, "n_boot": 20, "random_state": 0}
        kept = debiased_group_means(corrector, y_pred, labels, weights=weights, clusters=clusters, **options)
        dropped = debiased_group_means(
            corrector, y_pred[rows], labels[rows], weights=weights[rows], clusters=clusters[rows], **options
        )
        assert_array_equal(kept.n, dropped.n)
        assert_allclose(kept.naive, dropped.naive, rtol=RTOL)
        assert_allclose(kept.covariance, dropped.covariance, rtol=1e-9)


def test_clusters_within_groups_count_for_their_group(rng):
    """Two villages of one region vary as two, however many there are in others."""
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng, n=5000))
    labels, clusters = np.repeat(["a", "b"], [20, 300]), np.arange(320) // 10
    values = rng.normal(size=32)[clusters]
    means = debiased_group_means(corrector, values, labels, clusters=clusters)
    corrected = corrector.predict(values)[::10]
    assert_allclose(means.se_trial[0], corrected[:2].std(ddof=1) / np.sqrt(2), rtol=RTOL)
    assert_allclose(means.se_trial[1], corrected[2:].std(ddof=1) / np.sqrt(30), rtol=RTOL)
