"""Linear calibration correction against its formula, and its invariances."""

import numpy as np
import pytest

from statlearn.debias._linear_correction import LinearCalibrationCorrector, LinearCorrection
from statlearn.exceptions import WeakCalibrationWarning

from .samples import contrast, pairs

EXACT = 1e-12


def test_example_by_hand():
    # The regression of (0, 1, 1, 2) on (0, 1, 2, 3) is 0.1 + 0.6 y.
    model = LinearCalibrationCorrector().fit([0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0])
    assert (model.slope_, model.intercept_) == pytest.approx((0.6, 0.1))
    np.testing.assert_allclose(model.predict([0.1, 0.7, 1.3]), [0.0, 1.0, 2.0], atol=EXACT)
    np.testing.assert_allclose(model.jacobian([0.1, 0.7]), 1.0 / 0.6)
    assert model.monotone_
    assert model.support_ == (0.0, 2.0)
    # Residuals -0.1, 0.3, -0.3, 0.1; deviations of y -1.5, -0.5, 0.5, 1.5; sum of squares 5; HC1 factor 4 / 2.
    assert model.slope_se_ == pytest.approx(np.sqrt(2 * (2 * 0.15**2 + 2 * 0.15**2)) / 5)


def test_corrected_calibration_pairs_have_slope_one_and_the_mean_of_the_truth(rng):
    x, y = pairs(rng, 500, "skewmix")
    weights = rng.random(500)
    corrected = LinearCalibrationCorrector().fit(x, y, weights).predict(x)
    slope, intercept = np.polyfit(y, corrected, 1, w=np.sqrt(weights))
    assert (slope, intercept) == pytest.approx((1.0, 0.0), abs=1e-10)


def test_calibrated_predictions_shrink_by_their_coefficient_of_determination(rng):
    x, y = pairs(rng, 100_000)
    model = LinearCalibrationCorrector().fit(x, y)
    assert model.slope_ == pytest.approx(1.0 / 1.64, abs=0.01)
    assert model.calibration_slope_ == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 5.0), (2.0, -1.0)])
def test_recalibration_changes_nothing(rng, scale, shift):
    x, y = pairs(rng, 300)
    first = LinearCalibrationCorrector().fit(x, y).predict(x)
    second = LinearCalibrationCorrector().fit(shift + scale * x, y).predict(shift + scale * x)
    np.testing.assert_allclose(second, first, rtol=1e-10, atol=1e-10)


def test_a_contrast_is_divided_by_the_slope(rng):
    x, y = pairs(rng, 300)
    model = LinearCalibrationCorrector().fit(x, y)
    treated = rng.random(300) < 0.5
    assert contrast(model.predict(x), treated) == pytest.approx(contrast(x, treated) / model.slope_)


def test_repeated_rows_are_weights_in_everything(rng):
    x, y = pairs(rng, 60)
    weights = rng.integers(0, 4, size=60).astype(float)
    weighted = LinearCalibrationCorrector().fit(x, y, weights)
    repeated = LinearCalibrationCorrector().fit(np.repeat(x, weights.astype(int)), np.repeat(y, weights.astype(int)))
    for name in ("slope_", "intercept_", "calibration_slope_"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=EXACT)
    scaled = LinearCalibrationCorrector().fit(x, y, weights / weights.sum())
    assert scaled.slope_se_ == pytest.approx(weighted.slope_se_)


def test_a_small_slope_is_refused_with_the_smallest_one_allowed(rng):
    y = rng.normal(size=5000)
    x = 0.1 * y + 0.2 * rng.normal(size=5000)
    with pytest.warns(WeakCalibrationWarning, match="times the raw ones"):
        LinearCalibrationCorrector().fit(x, y)
    with pytest.raises(ValueError, match=r"at most 0\.15 nothing can be corrected"):
        LinearCalibrationCorrector(min_slope=0.15).fit(x, y)
    with pytest.raises(ValueError, match=r"95 % interval .*at most 0 nothing can be corrected"):
        LinearCalibrationCorrector(min_slope=0).fit(-x, y)


def test_the_certificate_notices_a_bent_mean():
    rng = np.random.default_rng(0)
    x, y = pairs(rng, 2000, "gamma")
    certificate = LinearCalibrationCorrector().fit(x, y).certificate_
    assert certificate["slope after"].statistic == pytest.approx(1.0, abs=0.01)  # by construction
    assert certificate["straight after"].holds is False
    assert certificate.holds is False
    assert certificate["bias given the truth"].statistic > 0.4


def test_the_test_of_a_straight_mean_has_its_level():
    rejected = 0
    for seed in range(200):
        x, y = pairs(np.random.default_rng(seed), 150)
        rejected += LinearCalibrationCorrector().fit(x, y).certificate_["straight after"].holds is False
    assert rejected <= 8  # expected 2; 8 or fewer with probability 0.9997


def test_binary_truth_leaves_the_bend_undecided(rng):
    y = (rng.random(300) < 0.5).astype(float)
    x = 0.5 * y + 0.3 * rng.normal(size=300)
    certificate = LinearCalibrationCorrector().fit(x, y).certificate_
    assert certificate["straight after"].holds is None
    assert certificate["slope after"].holds


def test_correction_object():
    line = LinearCorrection(slope=0.5, intercept=1.0)
    np.testing.assert_array_equal(line.evaluate(np.array([1.0, 2.0])), [0.0, 2.0])
    np.testing.assert_array_equal(line.derivative(np.array([1.0, 2.0])), [2.0, 2.0])
