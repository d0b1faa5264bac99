"""Defects that users would have met: wrong numbers, silent acceptance, misleading text."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from statlearn.certificate import Certificate, Check
from statlearn.debias import (
    DebiasedRegressor,
    GaussianMixtureScore,
    LinearCalibrationCorrector,
    RatledgeRegressor,
    TweedieCorrector,
    compare_correctors,
    debiased_ate,
    debiased_group_means,
    differential_error_test,
    estimate_ate,
    ppi_ate,
    shrinkage_report,
)
from statlearn.exceptions import SupportWarning


@pytest.fixture
def pairs(rng):
    """Calibrated predictions and the truth."""
    predictions = rng.normal(size=600)
    return predictions, predictions + 0.8 * rng.normal(size=600)


@pytest.fixture
def trial(rng):
    """Outcomes, or predictions of them, and a treatment at random."""
    return rng.normal(size=300), rng.permutation(np.arange(300) % 2)


def refused_or(compute, allowed):
    """Whether a call raises ValueError, or its result is allowed; warnings do not decide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = compute()
        except ValueError:
            return True
    return allowed(result)


# Wrong numbers


def test_means_of_a_group_far_from_zero_have_the_same_standard_error(pairs, trial):
    """Outcomes near 1e9, such as times in seconds: standard errors of group means are far too large, or NaN."""
    predictions, truth = pairs
    groups = np.repeat(["a", "b", "c"], 100)
    found = []
    for offset in (0.0, 1e9):
        corrector = LinearCalibrationCorrector().fit(predictions + offset, truth + offset)
        with np.errstate(invalid="ignore"):
            found.append(debiased_group_means(corrector, trial[0] + offset, groups).se_calibration)
    assert_allclose(found[1], found[0], rtol=1e-3)


@pytest.mark.parametrize("unit", [1e-150, 1e-90, 1e90, 1e150])
def test_the_standard_error_of_a_slope_has_no_unit(pairs, unit):
    """In very small units the slope is reported without error, in very large ones with an infinite one."""
    predictions, truth = pairs
    expected = LinearCalibrationCorrector().fit(predictions, truth).slope_se_
    assert refused_or(
        lambda: LinearCalibrationCorrector().fit(unit * predictions, unit * truth).slope_se_,
        lambda found: abs(found / expected - 1.0) < 1e-6,
    )


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_the_standard_error_of_a_slope_does_not_depend_on_the_scale_of_weights(pairs, scale):
    """Tiny weights, equal for all: the 95 % interval of the slope has the length 0, and huge ones make it infinite."""
    predictions, truth = pairs
    expected = shrinkage_report(truth, predictions).slope_ci
    assert refused_or(
        lambda: shrinkage_report(truth, predictions, sample_weight=np.full(600, scale)).slope_ci,
        lambda found: np.allclose(found, expected, rtol=1e-6),
    )


@pytest.mark.parametrize("unit", [1e-170, 1e170])
def test_the_standard_error_of_an_effect_scales_with_the_outcome(trial, unit):
    """In very small units an effect has the standard error 0 and an interval of no length."""
    y, treatment = trial
    expected = estimate_ate(y, treatment).se
    assert refused_or(
        lambda: estimate_ate(unit * y, treatment).se / unit, lambda found: abs(found / expected - 1.0) < 1e-6
    )


def test_outcome_models_predict_every_unit(trial, rng):
    """cv=ShuffleSplit(...): units that no fold holds out get whatever was in memory as their predicted outcomes."""
    y, treatment = trial
    X = rng.normal(size=(300, 2))
    cv = ShuffleSplit(1, test_size=0.3, random_state=0)
    with pytest.raises(ValueError, match="hold out"):
        estimate_ate(y, treatment, 0.5, estimator="aipw", covariates=X, cv=cv)


def test_folds_that_can_be_read_once_are_read_once(pairs, trial, rng):
    """cv=splitter.split(X), a generator: debiased_ate finds no folds the second time and uses uninitialized memory."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    y_pred, treatment = trial
    X = rng.normal(size=(300, 2))
    folds = list(KFold(3).split(X))
    options = {"estimator": "aipw", "covariates": X}
    expected = debiased_ate(corrector, y_pred, treatment, 0.5, cv=folds, **options)
    found = debiased_ate(corrector, y_pred, treatment, 0.5, cv=iter(folds), **options)
    assert_allclose([found.estimate, found.se], [expected.estimate, expected.se], rtol=1e-10)


def test_a_group_in_one_cluster_has_no_standard_error_of_zero(pairs, trial):
    """A region with a single village as its cluster: its mean is reported as if the units had no chance in them."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    groups = np.where(np.arange(300) < 50, "a", "b")
    clusters = np.where(groups == "a", 0, 1 + np.arange(300) // 50)
    assert refused_or(
        lambda: debiased_group_means(corrector, trial[0], groups, clusters=clusters).se_trial[0],
        lambda found: np.isnan(found) or found > 1e-3,
    )


def test_an_arm_in_one_cluster_is_refused_as_one_of_one_unit_is(trial):
    """One treated village: the standard error is that of the control mean alone, as if the treated mean were known."""
    y, treatment = trial
    clusters = np.where(treatment == 1, 0, 1 + np.arange(300) % 7)
    control = np.where(treatment == 1, 0.0, y)  # the treated mean has no chance here
    assert refused_or(
        lambda: (estimate_ate(y, treatment, clusters=clusters).se, estimate_ate(control, treatment, clusters=clusters)),
        lambda found: np.isnan(found[0]) or found[0] > 1.001 * found[1].se,
    )


def test_one_cluster_of_positive_weight_is_no_sample(trial):
    """A second cluster whose units have the weight 0: an effect with the standard error 0."""
    y, treatment = trial
    clusters = np.arange(300) // 150
    with pytest.raises(ValueError, match="clusters"):
        estimate_ate(y, treatment, clusters=clusters, weights=np.where(clusters == 0, 1.0, 0.0))


def test_clusters_of_weight_zero_do_not_count(trial):
    """Units outside a subpopulation, kept with the weight 0 in clusters of their own, make standard errors smaller."""
    y, treatment = trial
    clusters = np.arange(300) // 15
    inside = clusters < 4
    kept = estimate_ate(y, treatment, clusters=clusters, weights=inside.astype(float))
    dropped = estimate_ate(y[inside], treatment[inside], clusters=clusters[inside])
    assert_allclose(kept.se, dropped.se, rtol=1e-10)


def test_clusters_of_weight_zero_are_not_resampled(pairs, trial):
    """The same units: the bootstrap draws their clusters, and gives up on samples that have no others."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    y_pred, treatment = trial
    clusters = np.arange(300) // 15
    inside = clusters < 4
    options = {"se": "bootstrap", "n_boot": 400, "random_state": 0}
    kept = debiased_ate(corrector, y_pred, treatment, clusters=clusters, weights=inside.astype(float), **options)
    dropped = debiased_ate(corrector, y_pred[inside], treatment[inside], clusters=clusters[inside], **options)
    assert_allclose(kept.se_trial, dropped.se_trial, rtol=0.2)


@pytest.mark.parametrize("value", [0.1, 0.3, 1e9 + 0.1])
def test_a_constant_feature_gets_no_coefficient(rng, value):
    """RatledgeRegressor on a column of 0.1: the coefficient is 1e14, with a warning to lower lambda_b."""
    for n_samples in (7, 50, 501):
        X, y = np.full((n_samples, 1), value), rng.normal(size=n_samples)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = RatledgeRegressor().fit(X, y)
        assert_allclose(model.coef_, 0.0, atol=1e-6)
        assert_allclose(model.predict(X), model.predict(X)[0])


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1])
def test_a_constant_feature_beside_others_gets_no_coefficient(rng, value):
    """The same beside a feature that varies: predictions of rows with another value are off by orders of magnitude."""
    X = np.column_stack([np.full(501, value), np.linspace(0.0, 1.0, 501)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = RatledgeRegressor().fit(X, rng.normal(size=501))
    assert_allclose(model.coef_[0], 0.0, atol=1e-6)


def test_the_tuned_weight_of_predictions_has_the_smallest_variance(rng):
    """ppi_ate with weights and predictions on another scale, 10 higher: the tuned weight makes the error larger."""
    treatment = np.arange(400) % 2
    y = rng.normal(size=400)
    predictions = 10.0 + 0.8 * y + 0.3 * rng.normal(size=400)
    lab, unl, weights = slice(0, 100), slice(100, None), rng.uniform(0.1, 3.0, size=100)
    data = y[lab], predictions[lab], treatment[lab], predictions[unl], treatment[unl]
    least = min(ppi_ate(*data, w_lab=weights, lam=lam).se for lam in np.linspace(0.0, 1.0, 21))
    assert ppi_ate(*data, w_lab=weights).se < 1.02 * least


def test_both_tails_are_treated_alike(rng):
    """Predictions and truth with the opposite sign: corrections of extremes are not those with the opposite sign."""
    predictions = rng.gamma(2.0, size=200)
    truth = predictions + 0.6 * rng.normal(size=200)
    corrected = TweedieCorrector().fit(predictions, truth).predict(predictions)
    mirrored = TweedieCorrector().fit(-predictions, -truth).predict(-predictions)
    assert_allclose(mirrored, -corrected, atol=1e-4)


# Crashes and silent acceptance


def test_a_missing_label_in_a_list_of_strings_is_missing(pairs, trial):
    """groups=["a", nan, ...]: the missing label becomes a group that is called "nan"."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    with pytest.raises(ValueError, match="missing"):
        debiased_group_means(corrector, trial[0], ["a", "b", float("nan")] * 100)


def test_a_missing_cluster_in_a_list_of_strings_is_missing(trial):
    """clusters=["a", nan, ...]: units of unknown clusters are taken for one cluster."""
    with pytest.raises(ValueError, match="missing"):
        estimate_ate(*trial, clusters=["a", "b", "c", float("nan")] * 75)


def test_a_missing_date_is_missing(pairs):
    """groups of dates with NaT: the pairs without a date are compared as a group."""
    predictions, truth = pairs
    dates = np.array(["2020-01-01", "2021-01-01", "NaT"] * 200, dtype="datetime64[D]")
    with pytest.raises(ValueError, match="missing"):
        differential_error_test(truth, predictions, dates)


def test_masked_labels_are_not_used(pairs, trial):
    """groups as a masked array: labels that were masked out count nevertheless; weights of this kind are refused."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    groups = np.ma.masked_array(["a", "b"] * 150, mask=[True, False, False, False, False, False] * 50)
    with pytest.raises((TypeError, ValueError), match="mask|missing"):
        debiased_group_means(corrector, trial[0], groups)


def test_predictions_of_an_outcome_model_are_finite(trial, rng):
    """An outcome model that predicts NaN outside its training range: the effect and its interval are NaN, silently."""
    y, treatment = trial
    x = rng.normal(size=(300, 1))
    with pytest.raises(ValueError, match="outcome_model"):
        estimate_ate(y, treatment, 0.5, estimator="aipw", covariates=x, outcome_model=IsotonicRegression(), cv=KFold(5))


def test_few_pairs_do_not_hide_extrapolation():
    """With 9 pairs, a thousand predictions far outside theirs are corrected without SupportWarning."""
    truth = np.arange(9.0)
    predictions = 0.6 * truth + np.array([0.5, -0.4, 0.3, -0.6, 0.2, 0.1, -0.3, 0.4, -0.2])
    corrector = LinearCalibrationCorrector().fit(predictions, truth)
    with pytest.warns(SupportWarning):
        corrector.predict(np.linspace(1000.0, 2000.0, 1000))


def test_folds_without_a_slope_do_not_divide_by_zero():
    """A few pairs of small integers: a RuntimeWarning about a division, from the checks of the certificate."""
    predictions = [2.0, 2.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0]
    truth = [2.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        LinearCalibrationCorrector().fit(predictions, truth)


@pytest.mark.parametrize("n_components", [1, 2])
def test_scores_of_mixtures_are_finite_anywhere(rng, n_components):
    """At 1e200 a mixture of Gaussians has the score NaN, with RuntimeWarning, though it is said to be finite there."""
    score = GaussianMixtureScore(n_components).fit(rng.normal(size=500))
    with np.errstate(all="ignore"):
        assert np.isfinite(score.score_function([-1e200, 1e200])).all()
        assert np.isfinite(score.score_derivative([-1e200, 1e200])).all()


# Misleading text and certificates


@pytest.mark.parametrize("kind", ["effect", "means"])
def test_no_interval_is_claimed_where_there_is_none(pairs, trial, kind):
    """se="none": the certificate says how often an interval covers the effect that was not computed."""
    corrector = LinearCalibrationCorrector().fit(*pairs)
    y_pred, treatment = trial
    function = debiased_ate if kind == "effect" else debiased_group_means
    certificate = function(corrector, y_pred, treatment, se="none").certificate
    assert "interval" not in certificate.claim


def test_few_pairs_are_said_to_be_few():
    """Five pairs with the slope 0.8 and a wide interval: predictions that "hardly move with the truth: by 0.8"."""
    report = shrinkage_report([0.0, 1.0, 2.0, 3.0, 4.0], [1.9, -0.5, 2.5, 1.2, 3.9])
    assert report.slope > 0.5
    assert "hardly move" not in report.reasons[0]


def test_predictions_of_the_wrong_sign_are_said_to_be_such(pairs):
    """Predictions that fall as the truth rises, by 0.6 per unit, are reported to "hardly move" with it."""
    predictions, truth = pairs
    report = shrinkage_report(truth, -predictions)
    assert "hardly move" not in report.reasons[0]


@pytest.mark.parametrize("dtype", ["object with booleans", "object with None"])
def test_treatments_of_python_objects(trial, dtype):
    """treatment=[True, False, ...] as objects is refused with "Got the values False, True", and None with a riddle."""
    y, treatment = trial
    objects = treatment.astype(bool).astype(object)
    if dtype == "object with booleans":
        assert estimate_ate(y, objects).estimate == estimate_ate(y, treatment).estimate
        return
    objects[0] = None
    with pytest.raises((TypeError, ValueError), match="treatment"):
        estimate_ate(y, objects)


def test_the_advice_about_folds_can_be_followed(pairs):
    """compare_correctors says to use GroupKFold, which it cannot give its groups to."""
    predictions, truth = pairs
    with pytest.raises(ValueError, match="exactly once") as caught:
        compare_correctors(truth, predictions, cv=ShuffleSplit(2))
    if "GroupKFold" in str(caught.value):
        compare_correctors(truth, predictions, cv=GroupKFold(3), contrasts="groups", groups=np.arange(600) % 7)


# What certificates left unsaid


def test_errors_that_nobody_tested_are_said_to_be_untested(pairs, trial):
    """Without groups of the pairs, the certificate had no line about what a correction stands or falls with."""
    predictions, truth = pairs
    y_pred, treatment = trial
    corrector = LinearCalibrationCorrector().fit(predictions, truth)
    groups = np.arange(600) % 2
    for estimate in (debiased_ate, debiased_group_means):
        check = estimate(corrector, y_pred, treatment).certificate["non-differential errors"]
        assert (check.kind, check.statistic, check.holds) == ("reported", None, None)
        assert check.detail == "not tested: give calibration_groups"
        tested = estimate(corrector, y_pred, treatment, calibration_groups=groups).certificate
        assert tested["non-differential errors"].kind == "test"
        assert estimate(corrector, y_pred, treatment).certificate.holds  # it has no vote


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_swapped_arguments_are_asked_about(pairs, scale):
    """fit(truth, predictions) of a calibrated model passed without a word: its slope is 1."""
    predictions, truth = pairs
    right, swapped = (
        LinearCalibrationCorrector().fit(*order).certificate_["slope before"].detail
        for order in ((predictions, truth), (scale * truth, predictions))
    )
    assert "swapped" not in right
    assert "predictions vary more than the truth: are the two arguments swapped" in swapped
    remarks = " ".join(shrinkage_report(predictions, scale * truth).reasons)
    assert "Are truth and predictions swapped" in remarks
    assert "swapped" not in " ".join(shrinkage_report(truth, predictions).reasons)
    assert "or the two are swapped" in " ".join(shrinkage_report(truth, 0.3 * predictions).reasons)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")
@pytest.mark.parametrize("estimate", [debiased_ate, debiased_group_means])
def test_predictions_that_were_corrected_already_are_asked_about(pairs, trial, rng, estimate):
    """Predictions of DebiasedRegressor.predict are corrected once more, and their spread tells."""
    _, treatment = trial
    corrector = LinearCalibrationCorrector().fit(*pairs)
    y_pred = rng.normal(size=300)
    details = [
        estimate(corrector, values, treatment).certificate["spread"].detail
        for values in (y_pred, corrector.predict(y_pred), 5.0 * y_pred)
    ]
    assert ["predict_raw" in detail for detail in details] == [False, True, False]


class VouchedRegression(LinearRegression):
    """A linear regression whose certificate does not hold."""

    def fit(self, X, y):
        self.certificate_ = Certificate("It is fitted.", [Check("gap", 1.0, 0.0, False, "proof")])
        return super().fit(X, y)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_certificate_of_the_regressor_is_reported(rng, frozen):
    """A regressor whose own certificate fails left no trace in that of DebiasedRegressor."""
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + rng.normal(size=200)

    def certificate(regressor):
        ready = FrozenEstimator(regressor.fit(X[:100], y[:100])) if frozen else regressor
        return DebiasedRegressor(ready).fit(X[100:], y[100:]).certificate_

    plain, vouched = certificate(LinearRegression()), certificate(VouchedRegression())
    expected = Check("certificate of the regressor", 1, 0, None, "reported", "does not hold (failed: gap)")
    assert vouched.checks == (*plain.checks, expected)
    assert vouched.holds is plain.holds
