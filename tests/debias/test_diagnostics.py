"""The report on shrinkage: its numbers by hand, the rule of its recommendation, its text, bad input."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict

from statlearn.debias import LinearCalibrationCorrector, TweedieCorrector, shrinkage_report

from .samples import contrast, even, laplace, pairs, treat_by, uneven

RTOL = 1e-9  # sums in another order


# ---- numbers


def test_numbers_by_hand(rng):
    y_pred, y_true = pairs(rng, 500)
    report = shrinkage_report(y_true, y_pred)
    assert report.n == 500
    assert_allclose(report.r2, r2_score(y_true, y_pred), rtol=RTOL)
    assert_allclose(report.slope, np.polyfit(y_true, y_pred, 1)[0], rtol=RTOL)
    assert_allclose(report.calibration_slope, np.polyfit(y_pred, y_true, 1)[0], rtol=RTOL)
    assert_allclose(report.bias, np.mean(y_pred - y_true), rtol=1e-6)
    assert report.slope_ci[0] < report.slope < report.slope_ci[1]
    assert (report.n_distinct, report.tied_share, report.outside_share, report.differential) == (500, 0.0, None, None)


def test_errors_by_tenths_of_the_truth_by_hand(rng):
    y_pred, y_true = pairs(rng, 500, "gamma")
    table = shrinkage_report(y_true, y_pred).quantiles
    order = np.argsort(y_true)
    truth, errors = (values[order].reshape(10, 50) for values in (y_true, y_pred - y_true))
    assert_array_equal(table["n"], 50)
    assert_array_equal(table["smallest"], truth[:, 0])
    assert_array_equal(table["largest"], truth[:, -1])
    assert_allclose(table["bias"], errors.mean(axis=1), rtol=RTOL)
    assert_allclose(table["se"], errors.std(axis=1, ddof=1) / np.sqrt(50), rtol=RTOL)


def test_residual_tests_and_slopes_are_those_of_the_correctors(rng):
    y_pred, y_true = pairs(rng, 500, "skewmix")
    report, corrector = shrinkage_report(y_true, y_pred), TweedieCorrector().fit(y_pred, y_true)
    for name in ("normal residuals", "homoscedastic residuals"):
        assert report.certificate[name] == corrector.certificate_[name]
    assert report.normality_p_value == corrector.certificate_["normal residuals"].statistic
    assert report.homoscedasticity_p_value == corrector.certificate_["homoscedastic residuals"].statistic
    assert report.calibration_slope == corrector.calibration_slope_
    assert report.slope == LinearCalibrationCorrector().fit(y_pred, y_true).slope_


@pytest.mark.parametrize("swapped", [False, True])
def test_straightness_is_tested_at_its_level_and_with_power(swapped):
    """Of 100 samples 1 is rejected on average, more than 6 with probability 0.0001; a curve is always seen."""
    name = "straight_calibration_p_value" if swapped else "straight_p_value"
    straight, curved = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1000)
        noise = (0.3 + 0.3 * np.abs(x)) * rng.normal(size=1000)
        for found, y in ((straight, 0.5 * x + noise), (curved, 0.5 * x + 0.2 * x**2 + noise)):
            arguments = (y, x) if swapped else (x, y)
            found.append(getattr(shrinkage_report(*arguments), name) < 0.01)
    assert sum(straight) <= 6
    assert sum(curved) == 100


def test_share_of_a_trial_beyond_the_pairs(rng):
    y_pred, y_true = pairs(rng, 500)
    trial = np.concatenate([y_pred[:6], [y_pred.max() + 1.0, y_pred.min() - 1.0]])
    report = shrinkage_report(y_true, y_pred, y_pred_trial=trial)
    assert report.outside_share == report.certificate["outside calibration"].statistic == 0.25
    assert any(reason.startswith("25 % of the predictions of the trial") for reason in report.reasons)
    inside = shrinkage_report(y_true, y_pred, y_pred_trial=y_pred)
    assert inside.outside_share == 0.0
    assert not any("extrapolated" in reason for reason in inside.reasons)


# ---- the rule


@pytest.mark.parametrize(
    ("law", "noise", "recommended"),
    [
        ("normal", even, "linear"),
        ("gamma", even, "tweedie"),
        ("mix3", even, "tweedie"),
        ("gamma", uneven, "sieve"),
        ("mix3", laplace, "sieve"),
    ],
)
def test_the_shape_of_predictions_and_noise_decides(law, noise, recommended):
    """Of four tests at 0.01 some reject by chance: at most 4 of 100 runs each on average, and here at most 8 of 50."""
    found = [shrinkage_report(*pairs(np.random.default_rng(seed), 4000, law, noise)[::-1]) for seed in range(50)]
    assert sum(report.recommended == recommended for report in found) >= 42


@pytest.mark.parametrize("law", ["normal", "gamma"])
def test_groups_decide_before_that(law):
    rng = np.random.default_rng(0)
    y_pred, y_true = pairs(rng, 4000, law)
    by_prediction = shrinkage_report(y_true, y_pred, groups=treat_by(rng, y_pred))
    by_both = shrinkage_report(y_true, y_pred, groups=treat_by(rng, y_true + y_pred))
    assert (by_prediction.recommended, by_prediction.differential.verdict) == ("none", "do not correct")
    assert (by_both.recommended, by_both.differential.verdict) == ("labels", "neither")
    assert by_both.reasons[0] == by_both.differential.reason


def test_what_groups_allow_is_the_rest_of_the_rule():
    rng = np.random.default_rng(0)
    y_pred, y_true = pairs(rng, 4000)
    report = shrinkage_report(y_true, y_pred, groups=treat_by(rng, y_true))
    assert (report.recommended, report.differential.verdict) == ("linear", "correct")
    assert report.reasons[-1] == report.differential.reason
    assert not any("non-differential error" in text for text in report.certificate.assumptions)


def test_predictions_that_are_off_are_recalibrated_where_groups_are_made_by_them():
    rng = np.random.default_rng(0)
    y_pred, y_true = pairs(rng, 4000)
    groups = treat_by(rng, y_pred)
    calibrated, stretched = (shrinkage_report(y_true, values, groups=groups) for values in (y_pred, 2.0 * y_pred))
    assert (calibrated.recommended, stretched.recommended) == ("none", "recalibrate")
    assert len(calibrated.reasons) == 1
    assert "the truth moves by 0.5" in stretched.reasons[0]
    assert "Regress the truth on predictions" in stretched.reasons[0]
    assert "swapped, in other units, or corrected already" in stretched.reasons[1]
    assert stretched.reasons[2:] == (stretched.differential.reason,)
    true = contrast(y_true, groups)
    assert contrast(2.0 * y_pred, groups) / true > 1.8
    recalibrated = LinearRegression().fit(2.0 * y_pred[:, None], y_true).predict(2.0 * y_pred[:, None])
    assert contrast(recalibrated, groups) / true == pytest.approx(1.0, abs=0.05)


def test_predictions_of_training_rows_are_said_to_be_timid_or_in_sample(rng):
    X = rng.normal(size=(1000, 5))
    y = X[:, 0] + rng.normal(size=1000)
    y_pred = RandomForestRegressor(50, random_state=0).fit(X, y).predict(X)
    assert any("or it was fitted to these rows" in reason for reason in shrinkage_report(y, y_pred).reasons)


def test_predictions_that_are_noise_are_not_compared_as_they_are():
    """Groups that are made by predictions which have nothing to do with the truth do not differ in it."""
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(2, 2000))
    groups = treat_by(rng, y_pred)
    report = shrinkage_report(y_true, y_pred, groups=groups)
    assert report.differential.verdict == "do not correct"
    assert report.recommended == "recalibrate"
    recalibrated = LinearRegression().fit(y_pred[:, None], y_true).predict(y_pred[:, None])
    assert contrast(y_pred, groups) > 0.9
    assert abs(contrast(recalibrated, groups)) < 0.1


def test_a_curved_mean_truth_calls_for_recalibration():
    rng = np.random.default_rng(0)
    y_pred = rng.normal(size=4000)
    y_true = y_pred + 0.3 * (y_pred**2 - 1.0) + 0.8 * rng.normal(size=4000)
    report = shrinkage_report(y_true, y_pred, groups=treat_by(rng, y_pred))
    assert report.recommended == "recalibrate"
    assert report.calibration_slope_ci[0] < 1.0 < report.calibration_slope_ci[1]
    assert report.reasons[0].startswith("These predictions are not calibrated: the mean truth is no linear function")


def test_predictions_that_do_not_move_with_the_truth_call_for_labels():
    rng = np.random.default_rng(0)
    y_true, unrelated = rng.normal(size=(2, 400))
    reasons = {}
    for name, y_pred, n in (
        ("wrong sign", unrelated - y_true, 400),
        ("small slope", 0.04 * y_true + 0.001 * unrelated, 400),
        ("none", 0.1 * unrelated, 400),
        ("few", y_true + 2.0 * unrelated, 10),
    ):
        report = shrinkage_report(y_true[:n], y_pred[:n])
        assert report.recommended == "labels"
        assert "ppi_ate" in report.reasons[0]
        reasons[name] = report.reasons[0]
    assert reasons["wrong sign"].startswith("Predictions fall as the truth rises: by -")
    assert reasons["few"].startswith("10 pairs are too few to tell")
    for name in ("small slope", "none"):
        assert reasons[name].startswith("Predictions hardly move with the truth: by 0.0")


def test_predictions_that_are_too_good_need_nothing_or_are_in_sample(rng):
    X, y_true = load_diabetes(return_X_y=True)
    X = np.hstack([X, rng.normal(size=(442, 430))])
    report = shrinkage_report(y_true, LinearRegression().fit(X, y_true).predict(X))
    assert report.recommended == "none"
    assert min(report.slope, report.calibration_slope) > 0.98
    assert "the model was fitted to these rows" in report.reasons[0]


def test_few_pairs_give_a_line(rng):
    y_pred, y_true = pairs(rng, 29, "gamma")
    report = shrinkage_report(y_true, y_pred)
    assert report.recommended == "linear"
    assert report.reasons[0].startswith("A line is all that 29 pairs can tell")


def test_a_curve_from_few_pairs_comes_with_a_remark(rng):
    x = np.linspace(-2.0, 2.0, 60)
    y_pred = np.where(x < 0.0, 0.2 * x, 2.0 * x) + 0.05 * rng.normal(size=60)
    report = shrinkage_report(x, y_pred)
    assert report.recommended in ("tweedie", "sieve")
    assert "A curve from 60 pairs is noisy: compare it with the line, or use more pairs." in report.reasons


def test_discrete_predictions_have_no_score(rng):
    y_pred, y_true = pairs(rng, 4000, "gamma")
    report = shrinkage_report(y_true, np.round(y_pred))
    assert report.n_distinct < 20
    assert report.tied_share > 0.9
    assert report.recommended == "sieve"
    assert "predictions are discrete" in report.reasons[0]


def test_without_groups_the_assumption_is_named(rng):
    y_pred, y_true = pairs(rng, 500)
    report = shrinkage_report(y_true, y_pred)
    assert report.reasons[-1].startswith("That groups differ in predictions through the truth alone was not tested")
    assert any("non-differential error" in text for text in report.certificate.assumptions)


def test_diabetes_by_body_mass_needs_no_correction():
    X, y_true = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    y_pred = cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y_true, cv=folds)
    report = shrinkage_report(y_true, y_pred, groups=X[:, 2] > np.median(X[:, 2]))
    assert report.slope == pytest.approx(0.5, abs=0.03)
    assert report.recommended == "none"
    assert shrinkage_report(y_true, y_pred).recommended == "linear"


# ---- metamorphic


def figures(report):
    numbers = [report.r2, report.slope, report.calibration_slope, report.bias, report.tied_share, *report.slope_ci]
    tests = [report.straight_p_value, report.straight_calibration_p_value, report.normality_p_value]
    table = [report.quantiles[name] for name in ("smallest", "largest", "bias", "se")]
    return np.concatenate([numbers, tests, [report.homoscedasticity_p_value], *table])


def test_order_of_rows_and_scale_of_weights_do_not_matter(rng):
    y_pred, y_true = pairs(rng, 300, "gamma")
    y_true, weights, order = np.round(y_true, 1), rng.random(300) + 0.1, rng.permutation(300)
    once = shrinkage_report(y_true, y_pred, sample_weight=weights)
    shuffled = shrinkage_report(y_true[order], y_pred[order], sample_weight=7.0 * weights[order])
    assert_allclose(figures(shuffled), figures(once), rtol=1e-6)
    assert_array_equal(shuffled.quantiles["n"], once.quantiles["n"])
    assert shuffled.recommended == once.recommended


def test_doubled_rows_are_rows_of_twice_the_weight(rng):
    """But for intervals and tests, for which equal rows count as independent ones."""
    y_pred, y_true = pairs(rng, 500, "gamma")
    once = shrinkage_report(y_true, y_pred)
    twice = shrinkage_report(np.tile(y_true, 2), np.tile(y_pred, 2), sample_weight=np.full(1000, 0.5))
    for name in ("r2", "slope", "calibration_slope", "bias", "n_distinct", "tied_share"):
        assert_allclose(getattr(twice, name), getattr(once, name), rtol=RTOL)
    for name in ("smallest", "largest", "bias"):
        assert_allclose(twice.quantiles[name], once.quantiles[name], rtol=RTOL)


def test_rows_of_weight_zero_are_as_absent(rng):
    y_pred, y_true = pairs(rng, 400)
    weights, groups = np.repeat([1.0, 0.0], 200), treat_by(rng, y_true)
    whole = shrinkage_report(y_true, y_pred, groups=groups, sample_weight=weights)
    part = shrinkage_report(y_true[:200], y_pred[:200], groups=groups[:200])
    assert_allclose(figures(whole), figures(part), rtol=RTOL)
    assert str(whole) == str(part)


def test_units_do_not_matter_to_the_recommendation(rng):
    for law in ("normal", "gamma"):
        y_pred, y_true = pairs(rng, 2000, law)
        once = shrinkage_report(y_true, y_pred)
        scaled = shrinkage_report(10.0 * y_true - 3.0, 10.0 * y_pred - 3.0)
        assert scaled.recommended == once.recommended
        assert_allclose(scaled.r2, once.r2, rtol=RTOL)
        assert_allclose(scaled.quantiles["bias"], 10.0 * once.quantiles["bias"], rtol=1e-6)


# ---- what is said, and edge cases


def test_text_and_table():
    rng = np.random.default_rng(0)
    y_pred, y_true = pairs(rng, 4000)
    report = shrinkage_report(y_true, y_pred, groups=treat_by(rng, y_true), y_pred_trial=y_pred)
    lines = str(report).splitlines()
    assert lines[0] == "ShrinkageReport of 4000 pairs; recommended: linear"
    assert max(map(len, lines)) <= 100
    for start in (
        "R2 of predictions",
        "slope of predictions on the truth",
        "normal residuals",
        "trial beyond the pairs",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert any(re.fullmatch(r"groups +correct", line) for line in lines)
    assert len(lines[lines.index("Mean error of predictions by the truth:") :]) == 3 + 10
    assert "ShrinkageReport(recommended='linear', n=4000" in repr(report)
    pytest.importorskip("pandas")
    frame = report.to_frame()
    assert frame.columns.tolist() == ["smallest", "largest", "n", "bias", "se"]
    assert_array_equal(frame["bias"], report.quantiles["bias"])


def test_the_certificate_holds_in_the_simplest_case_alone():
    found = [[], []]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for law, outcomes in zip(("normal", "gamma"), found, strict=True):
            y_pred, y_true = pairs(rng, 4000, law)
            outcomes.append(bool(shrinkage_report(y_true, y_pred).certificate))
    assert sum(found[0]) >= 16  # 1 false rejection is expected, more than 4 have probability 0.003
    assert sum(found[1]) == 0


def test_exact_predictions_leave_nothing_to_test():
    y_true = np.arange(50.0)
    report = shrinkage_report(y_true, 0.5 * y_true + 3.0)
    assert report.recommended == "linear"
    assert report.reasons[0] == "The mean prediction is a linear function of the truth, which a line undoes."
    tests = ("straight_p_value", "straight_calibration_p_value", "normality_p_value", "homoscedasticity_p_value")
    assert [getattr(report, name) for name in tests] == [None] * 4
    assert "not tested" in str(report)
    assert report.certificate.holds is False  # not calibrated


def test_a_truth_of_two_values_is_undone_by_a_line(rng):
    y_true = np.repeat([0.0, 1.0], 100)
    report = shrinkage_report(y_true, 0.3 + 0.4 * y_true + 0.1 * rng.normal(size=200))
    assert report.recommended == "linear"
    assert report.straight_p_value is None
    assert_array_equal(report.quantiles["n"], [100, 100])


def test_a_bin_of_one_pair_has_no_standard_error():
    y_true = np.concatenate([np.zeros(20), [1.0]])
    table = shrinkage_report(y_true, y_true + np.arange(21.0) % 2).quantiles
    assert_array_equal(table["n"], [21] if table["n"].size == 1 else [20, 1])
    assert_array_equal(np.isnan(table["se"]), table["n"] == 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_true": [1.0, np.nan, 2.0, 3.0]}, "Input y_true contains NaN"),
        ({"y_pred": [[1.0, 2.0]] * 4}, "y should be a 1d array"),
        ({"y_pred": [1.0, 2.0, 3.0]}, "y_true and y_pred must have the same length"),
        ({"y_pred": [1.0] * 4}, "must not be constant"),
        ({"groups": [0, 1, 0]}, "groups must have one label per pair"),
        ({"y_pred_trial": [np.nan]}, "Input y_pred_trial contains NaN"),
        ({"y_pred_trial": []}, "minimum of 1 is required"),
        ({"sample_weight": [0, 0, 0, 0]}, "At least 3 pairs of positive weight are needed. Got 0"),
    ],
)
def test_bad_input(changes, message):
    arguments = {"y_true": [1.0, 2.0, 4.0, 3.0], "y_pred": [1.0, 3.0, 2.0, 2.5]} | changes
    with pytest.raises(ValueError, match=re.escape(message)):
        shrinkage_report(**arguments)
