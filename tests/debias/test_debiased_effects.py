"""Effects on corrected predictions: hand formulas, both sources of error, resampling, when not to correct."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.exceptions import NotFittedError

from statlearn.debias._calibration_sample import CalibrationSample
from statlearn.debias._debiased_effects import debiased_ate
from statlearn.debias._delta_method import (
    fieller_interval,
    jackknife_covariance,
    least_squares_covariance,
    line_of,
)
from statlearn.debias._differential_errors import ALIKE
from statlearn.debias._effects import estimate_ate
from statlearn.debias._group_errors import group_errors
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._relearning import GridRelearner, LineRelearner, Relearner, relearner_of, tuned
from statlearn.debias._scores import KDEScore, SplineScore
from statlearn.debias._sieve import SieveCorrector
from statlearn.debias._tweedie import TweedieCorrector
from statlearn.exceptions import DifferentialErrorWarning, SupportWarning, WeakCalibrationWarning

from .samples import pairs, treat_by

RTOL = 1e-10  # different orders of the same sums
SHRINKAGE, NOISE = 0.6, 0.6


def predicted(y, rng):
    """Predictions that shrink the truth and are off by a constant."""
    return 0.3 + SHRINKAGE * y + NOISE * rng.normal(size=y.size)


def calibration_pairs(rng, n=1000):
    """Pairs that cover what the trial has."""
    y = 0.5 + 1.5 * rng.normal(size=n)
    return predicted(y, rng), y


def trial(rng, n=4000, effect=1.0):
    """Predictions and treatment of a randomized trial."""
    treatment = rng.integers(2, size=n)
    return predicted(effect * treatment + rng.normal(size=n), rng), treatment


def fitted(corrector, pairs):
    """A corrector after a fit without warnings about its diagnostics."""
    return corrector.fit(*pairs)


CORRECTORS = [LinearCalibrationCorrector(), TweedieCorrector(), SieveCorrector()]
all_correctors = pytest.mark.parametrize("corrector", CORRECTORS, ids=lambda corrector: type(corrector).__name__)


@all_correctors
def test_estimate_is_the_effect_on_corrected_predictions(rng, corrector):
    corrector = fitted(corrector, calibration_pairs(rng))
    y_pred, treatment = trial(rng)
    result = debiased_ate(corrector, y_pred, treatment, random_state=0)
    assert_allclose(result.estimate, estimate_ate(corrector.predict(y_pred), treatment).estimate, rtol=RTOL)
    assert_allclose(result.se_trial, estimate_ate(corrector.predict(y_pred), treatment).se, rtol=RTOL)
    assert_allclose(result.naive, estimate_ate(y_pred, treatment).estimate, rtol=RTOL)
    assert_allclose(result.se, np.hypot(result.se_trial, result.se_calibration), rtol=RTOL)
    assert abs(result.estimate - 1.0) < 4.0 * result.se
    assert abs(result.naive - SHRINKAGE) < 4.0 * 0.03
    assert result.method == f"difference, {type(corrector).__name__}"
    assert result.n == 4000


def test_linear_correction_divides_by_the_slope(rng):
    pairs = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    result = debiased_ate(LinearCalibrationCorrector().fit(*pairs), y_pred, treatment)
    assert_allclose(result.estimate, result.naive * result.lcc_factor, rtol=RTOL)
    k = np.polyfit(pairs[1], pairs[0], 1)[0]
    assert_allclose(result.lcc_factor, 1.0 / k, rtol=RTOL)


def test_delta_method_by_hand(rng):
    f, y = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    result = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment)
    k, m = np.polyfit(y, f, 1)
    residuals, deviations = f - m - k * y, y - y.mean()
    se_slope = np.sqrt(y.size / (y.size - 2) * np.sum((deviations * residuals) ** 2)) / np.sum(deviations**2)
    se_raw = estimate_ate(y_pred, treatment).se
    se = np.sqrt(se_raw**2 / k**2 + result.estimate**2 * se_slope**2 / k**2)
    assert_allclose(result.se, se, rtol=RTOL)
    assert_allclose(result.se_calibration, abs(result.estimate) * se_slope / k, rtol=RTOL)
    half = norm.ppf(0.975) * se
    assert_allclose(result.ci, [result.estimate - half, result.estimate + half], rtol=RTOL)


def test_errors_of_the_intercept_count_where_constants_have_an_effect(rng):
    """Horvitz and Thompson's effect on a constant is not 0: the derivative in the intercept by differences."""
    f, y = calibration_pairs(rng, n=60)
    y_pred, treatment = trial(rng, n=40)
    propensity = np.where(treatment == 1, 0.3, 0.6)
    result = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment, propensity, estimator="ipw")
    line = line_of(CalibrationSample(f, y, np.ones_like(y)))

    def effect(level, slope):
        corrected = line.center + (y_pred - level) / slope
        return estimate_ate(corrected, treatment, propensity, estimator="ipw").estimate

    step = 1e-6
    gradient = np.array(
        [
            effect(line.level + step, line.slope) - effect(line.level - step, line.slope),
            effect(line.level, line.slope + step) - effect(line.level, line.slope - step),
        ]
    ) / (2.0 * step)
    assert_allclose(result.se_calibration, np.sqrt(gradient @ line.covariance @ gradient), rtol=1e-6)  # differences
    assert abs(gradient[0]) > 0.1


def test_robust_least_squares_is_that_of_statsmodels(rng):
    sm = pytest.importorskip("statsmodels.api")
    design = np.column_stack([np.ones(200), rng.normal(size=(200, 2))])
    response = design @ [1.0, 2.0, -1.0] + design[:, 1] * rng.normal(size=200)
    codes = np.repeat(np.arange(40), 5)
    model = sm.OLS(response, design)
    for cluster_codes, peer in (
        (None, model.fit(cov_type="HC1")),
        (codes, model.fit(cov_type="cluster", cov_kwds={"groups": codes})),
    ):
        coefficients, covariance = least_squares_covariance(design, response, np.ones(200), cluster_codes)
        assert_allclose(coefficients, peer.params, rtol=1e-8)
        assert_allclose(covariance, peer.cov_params(), rtol=1e-8)


def test_weighted_line_does_not_depend_on_the_scale_of_weights_nor_on_the_place_of_the_data(rng):
    f, y = calibration_pairs(rng, n=100)
    w = rng.random(100)
    line = line_of(CalibrationSample(f, y, w))
    moved = line_of(CalibrationSample(f + 10.0, y - 1e3, 7.0 * w))
    assert_allclose(moved.slope, line.slope, rtol=1e-9)
    assert_allclose(moved.covariance, line.covariance, rtol=1e-8)
    assert_allclose([moved.center, moved.level], [line.center - 1e3, line.level + 10.0], rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-90, 1e90])
def test_unit_of_the_outcome(rng, unit):
    f, y = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    first = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment)
    second = debiased_ate(LinearCalibrationCorrector().fit(unit * f, unit * y), unit * y_pred, treatment)
    parts = [[result.estimate, result.se_trial, result.se_calibration, *result.ci] for result in (first, second)]
    assert_allclose(np.array(parts[1]) / unit, parts[0], rtol=1e-9)


def test_units_whose_squares_are_no_numbers_are_refused(rng):
    f, y = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    corrector = LinearCalibrationCorrector().fit(1e150 * f, 1e150 * y)
    with pytest.raises(ValueError, match="choose another unit of the outcome"):
        debiased_ate(corrector, 1e150 * y_pred, treatment)


@pytest.mark.parametrize("level", [2.0, "high"])
def test_options_of_effects_are_checked_by_their_name(rng, level):
    y_pred, treatment = trial(rng)
    with pytest.raises(ValueError, match="The 'level' parameter of debiased_ate"):
        debiased_ate(LinearCalibrationCorrector().fit(*calibration_pairs(rng)), y_pred, treatment, level=level)


@all_correctors
def test_affine_maps_of_the_outcome(rng, corrector):
    f, y = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    first = debiased_ate(corrector.fit(f, y), y_pred, treatment, random_state=0)
    second = debiased_ate(corrector.fit(5.0 - 2.0 * -f, 5.0 - 2.0 * -y), 5.0 + 2.0 * y_pred, treatment, random_state=0)
    assert_allclose(second.estimate, 2.0 * first.estimate, rtol=1e-6)  # scores are interpolated on a grid
    assert_allclose(second.se, 2.0 * first.se, rtol=1e-6)


@pytest.mark.parametrize("estimator", ["ipw", "hajek", "aipw"])
def test_other_estimators_remove_confounding(rng, estimator):
    X = rng.normal(size=(6000, 1))
    propensity = 1.0 / (1.0 + np.exp(-X[:, 0]))
    treatment = rng.random(6000) < propensity
    y_pred = predicted(treatment + X[:, 0] + rng.normal(size=6000), rng)
    y = 1.7 * rng.normal(size=2000)
    corrector = LinearCalibrationCorrector().fit(predicted(y, rng), y)
    options = {"covariates": X} if estimator == "aipw" else {}
    for se in ("delta", "bootstrap"):
        result = debiased_ate(
            corrector, y_pred, treatment, propensity, estimator=estimator, se=se, n_boot=100, random_state=0, **options
        )
        assert abs(result.estimate - 1.0) < 4.0 * result.se
    assert debiased_ate(corrector, y_pred, treatment).estimate > 1.3


@all_correctors
def test_bootstrap_agrees_with_the_delta_method(rng, corrector):
    corrector = fitted(corrector, calibration_pairs(rng))
    y_pred, treatment = trial(rng, n=2000)
    delta = debiased_ate(corrector, y_pred, treatment, random_state=0)
    bootstrap = debiased_ate(corrector, y_pred, treatment, se="bootstrap", n_boot=400, random_state=1)
    assert bootstrap.estimate == delta.estimate
    # standard errors of 400 replicates are off by 3.5 %, those of 100 jackknife blocks by 7 %: three of both together
    assert_allclose(bootstrap.se_trial, delta.se_trial, rtol=0.11)
    assert_allclose(bootstrap.se_calibration, delta.se_calibration, rtol=0.24)
    assert_allclose(bootstrap.se, np.hypot(bootstrap.se_trial, bootstrap.se_calibration), rtol=0.1)


def test_percentile_interval_has_the_quantiles_of_the_bootstrap(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, treatment = trial(rng)
    options = {"se": "bootstrap", "n_boot": 1000, "random_state": 0}
    percentile = debiased_ate(corrector, y_pred, treatment, ci="percentile", level=0.9, **options)
    normal = debiased_ate(corrector, y_pred, treatment, level=0.9, **options)
    assert percentile.se == normal.se
    assert percentile.ci != normal.ci
    assert_allclose(percentile.ci, normal.ci, atol=0.2 * normal.se)  # tails of 1000 replicates of a near-normal


@all_correctors
def test_result_does_not_depend_on_the_number_of_threads(rng, corrector):
    corrector = fitted(corrector, calibration_pairs(rng, n=300))
    y_pred, treatment = trial(rng, n=300)
    first, second, other = (
        debiased_ate(corrector, y_pred, treatment, se="bootstrap", n_boot=120, random_state=seed, n_jobs=n_jobs)
        for seed, n_jobs in ((3, 1), (3, 2), (4, 1))
    )
    assert (first.se, first.ci) == (second.se, second.ci)
    assert first.se != other.se


def test_no_standard_error(rng):
    y_pred, treatment = trial(rng)
    result = debiased_ate(TweedieCorrector().fit(*calibration_pairs(rng)), y_pred, treatment, se="none")
    assert (result.se, result.ci, result.se_trial, result.se_calibration) == (None, None, None, None)
    assert "standard error" not in str(result)
    assert "interval" not in result.certificate.claim


class TestRelearners:
    """Fast ways to learn from resampled pairs against learning from scratch."""

    def counts(self, rng, n_pairs, n_samples=5):
        return np.stack([np.bincount(rng.integers(n_pairs, size=n_pairs), minlength=n_pairs) for _ in range(n_samples)])

    def test_line(self, rng):
        f, y = calibration_pairs(rng, n=200)
        corrector = LinearCalibrationCorrector(clip=(-1.0, 2.0)).fit(f + 100.0, y - 50.0, rng.random(200))
        y_pred = trial(rng, n=50)[0] + 100.0
        counts = self.counts(rng, 200)
        fast = relearner_of(corrector, y_pred)
        assert isinstance(fast, LineRelearner)
        slow = Relearner(corrector, corrector._sample, y_pred)
        assert_allclose(list(fast.corrected(counts)), list(slow.corrected(counts)), rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize("tails", ["linear", "clip", "none"])
    @pytest.mark.parametrize("recalibrate", ["linear", None])
    @pytest.mark.parametrize("variance_preserving", [True, False])
    def test_grid_on_the_sample_itself(self, rng, tails, recalibrate, variance_preserving):
        f, y = calibration_pairs(rng, n=500)
        score = KDEScore(variance_preserving=variance_preserving)
        corrector = TweedieCorrector(score, tails=tails, recalibrate=recalibrate).fit(f, y)
        y_pred = np.linspace(f.min(), f.max(), 400)
        fast = relearner_of(corrector, y_pred)
        assert isinstance(fast, GridRelearner)
        corrected = next(iter(fast.corrected(np.ones((1, 500)))))
        assert_allclose(corrected, corrector.predict(y_pred), atol=2e-4)  # lines, where the score has cubics

    def test_grid_with_tied_predictions_at_an_end(self, rng):
        f, y = calibration_pairs(rng, n=500)
        f = np.maximum(f, np.quantile(f, 0.1))
        corrector = TweedieCorrector().fit(f, y)
        y_pred = np.linspace(f.min() - 0.5, f.max(), 100)
        fast = relearner_of(corrector, y_pred)
        assert isinstance(fast, GridRelearner)
        assert_allclose(
            next(iter(fast.corrected(np.ones((1, 500))))), corrector._correction.evaluate(y_pred), atol=1e-3
        )

    def test_grid_on_resampled_pairs(self, rng):
        f, y = calibration_pairs(rng, n=2000)
        corrector = TweedieCorrector(sigma="holdout").fit(f, y, rng.random(2000) + 0.5)
        y_pred = trial(rng, n=500)[0]
        counts = self.counts(rng, 2000, n_samples=20)
        fast = relearner_of(corrector, y_pred)
        assert isinstance(fast, GridRelearner)
        slow = Relearner(tuned(corrector), corrector._sample, y_pred)
        fast_values, slow_values = (np.stack(list(r.corrected(counts))) for r in (fast, slow))
        inside = (y_pred > np.quantile(f, 0.01)) & (y_pred < np.quantile(f, 0.99))
        changes, difference = slow_values.std(axis=0), np.abs(fast_values - slow_values).mean(axis=0)
        # where kernels are drawn to, and the bandwidth relative to the recalibration, are those of the whole sample
        assert np.all(difference[inside] < 0.3 * changes[inside])
        assert np.mean(difference[inside] / changes[inside]) < 0.1

    def test_given_sigma_stays(self, rng):
        f, y = calibration_pairs(rng, n=500)
        corrector = TweedieCorrector(sigma=0.0).fit(f, y)
        fast = relearner_of(corrector, f[:10])
        line = np.polyval(np.polyfit(f, y, 1), f[:10])
        assert_allclose(next(iter(fast.corrected(np.ones((1, 500))))), line, rtol=1e-8)

    @pytest.mark.parametrize(
        "corrector",
        [
            TweedieCorrector(KDEScore(0.3), scale="moment"),  # of a rule, folds would have other bandwidths
            TweedieCorrector(recalibrate="isotonic"),
            TweedieCorrector(noise="heteroscedastic"),
            TweedieCorrector(SplineScore()),
            TweedieCorrector(KDEScore(algorithm="exact")),
            SieveCorrector(),
        ],
        ids=lambda corrector: repr(corrector).replace(" ", ""),
    )
    def test_others_learn_from_scratch(self, rng, corrector):
        f, y = calibration_pairs(rng, n=200)
        corrector.fit(f, y)
        relearner = relearner_of(corrector, f)
        assert type(relearner) is Relearner
        assert_allclose(next(iter(relearner.corrected(np.ones((1, 200))))), corrector.predict(f), rtol=1e-8)

    def test_predictions_off_the_grid_are_learned_from_scratch(self, rng):
        f, y = calibration_pairs(rng, n=200)
        corrector = TweedieCorrector(tails="none").fit(f, y)
        assert type(relearner_of(corrector, np.array([f.max() + 100.0]))) is Relearner

    def test_tuning_is_kept(self, rng):
        f, y = calibration_pairs(rng, n=200)
        assert tuned(SieveCorrector().fit(f, y)).alpha > 0.0
        corrector = TweedieCorrector(KDEScore("isj")).fit(f, y)
        assert tuned(corrector).score.bandwidth == corrector.score_.bandwidth_

    def test_falling_line_is_refused(self, rng):
        f, y = np.array([0.0, 1.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.0, 3.0])
        relearner = LineRelearner(CalibrationSample(f, y, np.ones(4)), f, None)
        with pytest.raises(ValueError, match="do not rise with the truth"):
            list(relearner.corrected(np.array([[0, 0, 1, 1]])))
        with pytest.raises(ValueError, match="do not rise with the truth"), np.errstate(invalid="ignore"):
            list(relearner.corrected(np.array([[4, 0, 0, 0]])))


class TestJackknife:
    """The jackknife against formulas."""

    def test_mean(self, rng):
        """With one pair per block it is the textbook variance of a mean."""
        y = rng.normal(size=80)
        covariance = jackknife_covariance(lambda kept: kept @ y[:, None] / 79.0, 80, None, rng)
        assert_allclose(covariance, [[y.var(ddof=1) / 80.0]], rtol=1e-9)

    def test_line(self, rng):
        f, y = calibration_pairs(rng, n=5000)
        sample = CalibrationSample(f, y, np.ones_like(y))
        relearner = LineRelearner(sample, np.array([0.0, 1.0]), None)
        # the corrected contrast of these two is 1 / k
        covariance = jackknife_covariance(
            lambda kept: (np.diff(values) for values in relearner.corrected(kept)), 5000, None, rng
        )
        line = line_of(sample)
        assert_allclose(np.sqrt(covariance[0, 0]), np.sqrt(line.covariance[1, 1]) / line.slope**2, rtol=0.25)

    def test_clusters_stay_together(self, rng):
        codes = np.repeat(np.arange(30), 4)
        y = rng.normal(size=30)[codes]
        covariance = jackknife_covariance(lambda kept: kept @ y[:, None] / 116.0, 120, codes, rng)
        assert_allclose(covariance, [[y[::4].var(ddof=1) / 30.0]], rtol=1e-9)


class TestFieller:
    """Fieller intervals."""

    def test_ends_are_where_the_test_turns(self, rng):
        numerator, denominator, covariance = 1.2, 0.6, np.array([[0.02, 0.004], [0.004, 0.01]])
        for ratio in fieller_interval(numerator, denominator, covariance, 0.95):
            contrast = np.array([1.0, -ratio])
            z = (numerator - ratio * denominator) / np.sqrt(contrast @ covariance @ contrast)
            assert_allclose(abs(z), norm.ppf(0.975), rtol=1e-8)

    def test_approaches_the_delta_method(self, rng):
        f, y = calibration_pairs(rng, n=200_000)
        y_pred, treatment = trial(rng, n=20_000)
        corrector = LinearCalibrationCorrector().fit(f, y)
        delta, fieller = (debiased_ate(corrector, y_pred, treatment, ci=ci) for ci in ("normal", "fieller"))
        assert_allclose(fieller.ci, delta.ci, rtol=1e-3)
        assert fieller.se == delta.se

    def test_is_skewed_where_the_slope_is_uncertain(self, rng):
        f, y = calibration_pairs(rng, n=60)
        y_pred, treatment = trial(rng)
        result = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment, ci="fieller")
        assert result.ci[1] - result.estimate > 1.1 * (result.estimate - result.ci[0]) > 0.0

    def test_is_unbounded_where_the_slope_may_be_zero(self, rng):
        y = np.repeat(np.linspace(-1.5, 1.5, 20), 2)
        f = y + np.tile([8.0, -8.0], 20)  # a slope of 1, with a standard error of about that
        with pytest.warns(WeakCalibrationWarning):
            corrector = LinearCalibrationCorrector().fit(f, y)
        y_pred, treatment = trial(rng, n=200)
        with pytest.warns(WeakCalibrationWarning, match="effect has an unbounded interval"):
            result = debiased_ate(corrector, y_pred, treatment, ci="fieller")
        assert result.ci == (-np.inf, np.inf)

    def test_errors_of_the_intercept_count(self, rng):
        """With Horvitz and Thompson's estimator numerator and denominator are correlated."""
        f, y = calibration_pairs(rng, n=20_000)
        y_pred, treatment = trial(rng, n=400)
        corrector = LinearCalibrationCorrector().fit(f, y)
        options = {"propensity": np.where(treatment == 1, 0.3, 0.6), "estimator": "ipw"}
        delta, fieller = (debiased_ate(corrector, y_pred, treatment, ci=ci, **options) for ci in ("normal", "fieller"))
        assert_allclose(fieller.ci, delta.ci, rtol=0.01)


class TestClusters:
    """Clusters of the trial and of the calibration sample."""

    def test_copies(self, rng):
        """Copies of a cluster add nothing: the standard error of one copy, but for degrees of freedom."""
        f, y = calibration_pairs(rng, n=300)
        y_pred, treatment = trial(rng, n=400)
        pairs, units = np.repeat(np.arange(300), 3), np.repeat(np.arange(400), 3)
        once = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment)
        corrector = LinearCalibrationCorrector().fit(f[pairs], y[pairs])
        arguments = corrector, y_pred[units], treatment[units]
        clustered = debiased_ate(*arguments, clusters=units, calibration_clusters=pairs)
        assert_allclose(clustered.se_trial, once.se_trial, rtol=0.01)
        assert_allclose(clustered.se_calibration, once.se_calibration, rtol=0.01)
        bootstrap = debiased_ate(
            *arguments, clusters=units, calibration_clusters=pairs, se="bootstrap", n_boot=2000, random_state=0
        )
        assert_allclose(bootstrap.se_trial, once.se_trial, rtol=0.06)  # 3.5 standard errors of 2000 replicates
        assert_allclose(bootstrap.se_calibration, once.se_calibration, rtol=0.06)
        assert debiased_ate(*arguments).se < 0.7 * once.se

    @pytest.mark.parametrize("corrector", CORRECTORS[1:], ids=lambda corrector: type(corrector).__name__)
    def test_copies_of_curves(self, rng, corrector):
        f, y = calibration_pairs(rng, n=300)
        y_pred, treatment = trial(rng, n=400)
        pairs = np.repeat(np.arange(300), 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tied predictions
            once = debiased_ate(corrector.fit(f, y), y_pred, treatment, random_state=0).se_calibration
            corrector.fit(f[pairs], y[pairs])
        clustered = debiased_ate(corrector, y_pred, treatment, calibration_clusters=pairs, random_state=0)
        assert_allclose(clustered.se_calibration, once, rtol=0.35)  # two jackknives of other blocks, another bandwidth

    def test_certificate_names_clusters(self, rng):
        corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng, n=100))
        y_pred, treatment = trial(rng, n=100)
        clusters = np.arange(100) // 5
        text = str(
            debiased_ate(corrector, y_pred, treatment, clusters=clusters, calibration_clusters=clusters).certificate
        )
        assert "calibration clusters are independent" in text and "- clusters are independent" in text


def berkson_pairs(rng, n=4000):
    """Calibrated predictions and the truth."""
    y_pred = 0.8 * rng.normal(size=n)
    y = y_pred + 0.6 * rng.normal(size=n)
    return y_pred, y


def unexplained(errors, x, group):
    """What x and the group leave of errors: a null hypothesis that no seed rejects."""
    design = np.column_stack([np.ones_like(x), x, group])
    return errors - design @ np.linalg.lstsq(design, errors, rcond=None)[0]


class TestWhenNotToCorrect:
    """Groups that are made by what the model sees (S6 of the literature's two error models)."""

    def test_group_by_predictions(self, rng):
        """Raw predictions are right and a correction is too large by 1 / k."""
        f, y = berkson_pairs(rng)
        group = (rng.random(f.size) < 1.0 / (1.0 + np.exp(-2.0 * f))).astype(int)
        y = f + unexplained(y - f, f, group)
        corrector = LinearCalibrationCorrector().fit(f, y)
        y_pred, truth = berkson_pairs(rng, n=20_000)
        treatment = (rng.random(y_pred.size) < 1.0 / (1.0 + np.exp(-2.0 * y_pred))).astype(int)
        with pytest.warns(DifferentialErrorWarning, match="Compare the raw predictions"):
            result = debiased_ate(corrector, y_pred, treatment, calibration_groups=group)
        right = truth[treatment == 1].mean() - truth[treatment == 0].mean()
        assert_allclose(result.naive / right, 1.0, atol=0.03)
        assert_allclose(result.estimate / right, result.lcc_factor, atol=0.05)
        assert result.lcc_factor > 1.4
        assert result.certificate["non-differential errors"].holds is False
        assert not result.certificate

    def test_group_by_truth(self, rng):
        f, y = berkson_pairs(rng)
        group = (rng.random(f.size) < 1.0 / (1.0 + np.exp(-2.0 * y))).astype(int)
        f = 0.64 * y + unexplained(f, y, group)
        y_pred, truth = berkson_pairs(rng, n=20_000)
        treatment = (rng.random(y_pred.size) < 1.0 / (1.0 + np.exp(-2.0 * truth))).astype(int)
        result = debiased_ate(LinearCalibrationCorrector().fit(f, y), y_pred, treatment, calibration_groups=group)
        right = truth[treatment == 1].mean() - truth[treatment == 0].mean()
        assert_allclose(result.estimate / right, 1.0, atol=0.06)
        assert result.certificate["non-differential errors"].holds
        assert result.certificate["raw predictions suffice"].statistic < 1e-4
        assert not any("non-differential error" in text for text in result.certificate.assumptions)
        assert ALIKE in result.certificate.assumptions

    def test_group_by_both(self, rng):
        f, y = berkson_pairs(rng)
        group = (y + f + rng.normal(size=f.size) > 0.0).astype(int)
        with pytest.warns(DifferentialErrorWarning, match="Neither raw nor corrected predictions"):
            debiased_ate(
                LinearCalibrationCorrector().fit(f, y), f, rng.integers(2, size=f.size), calibration_groups=group
            )

    def test_level_and_power(self, rng):
        """The wrong null is rejected always, the right one about as often as the level says."""
        rejected = np.zeros((2, 2))
        for _ in range(100):
            f, y = berkson_pairs(rng, n=2000)
            sample = CalibrationSample(f, y, np.ones_like(y))
            for kind, source in enumerate((y, f)):
                group = (rng.random(y.size) < 1.0 / (1.0 + np.exp(-2.0 * source))).astype(int)
                rejected[kind] += np.array(group_errors(sample, group).p_values()) < 0.05
        assert_array_equal(rejected[[0, 1], [1, 0]], 100)
        assert rejected[[0, 1], [0, 1]].max() <= 13  # 5 of 100 are expected; more has probability 0.0005

    @pytest.mark.parametrize(("n", "n_knots"), [(29, None), (30, 2), (60, 4), (300, 6)])
    def test_coefficients_are_those_of_least_squares(self, rng, n, n_knots):
        """With few pairs on a line, with more on a cubic spline with knots at quantiles."""
        f, y = berkson_pairs(rng, n=n)
        codes = np.arange(n) % 3
        errors = group_errors(CalibrationSample(f, y, np.ones(n)), codes)
        for found, response, x in ((errors.of_predictions, f, y), (errors.of_truth, y, f)):
            columns = [np.ones(n), x]
            if n_knots is not None:
                inner = np.quantile(x, np.linspace(0, 1, n_knots)[1:-1] - 1e-9, method="inverted_cdf")
                columns += [x**2, x**3, *np.maximum(x - inner[:, None], 0.0) ** 3]
            design = np.column_stack([*columns, codes == 1, codes == 2])
            assert_allclose(found, np.linalg.lstsq(design, response, rcond=None)[0][-2:], rtol=1e-6)

    @pytest.mark.parametrize("law", ["mix3", "gamma", "skewmix"])
    def test_curved_means_are_no_differential_errors(self, law):
        """A line in the truth would leave its curvature to groups that depend on the truth alone, and reject always."""
        rejected = 0
        for seed in range(40):
            rng = np.random.default_rng(seed)
            f, y = pairs(rng, 4000, law)
            rejected += group_errors(CalibrationSample(f, y, np.ones(4000)), treat_by(rng, y)).p_values()[0] < 0.05
        assert rejected <= 7  # 2 are expected; more has probability 0.003

    def test_errors_that_do_not_vary_are_refused(self, rng):
        y = rng.normal(size=60)
        for f, clusters in ((2.0 * y + 1.0, None), (y + rng.normal(size=60), np.arange(60) % 2)):
            with pytest.raises(ValueError, match="do not vary enough"):
                group_errors(CalibrationSample(f, y, np.ones(60)), np.arange(60) % 3, clusters)

    def test_group_that_is_a_function_of_the_truth_is_refused(self, rng):
        y = np.repeat([0.0, 1.0], 20)
        f = y + 0.1 * rng.normal(size=40)
        with pytest.raises(ValueError, match="a function of the truth or of the predictions"):
            group_errors(CalibrationSample(f, y, np.ones(40)), y.astype(int))


def test_certificate_carries_that_of_the_corrector(rng):
    corrector = TweedieCorrector().fit(*calibration_pairs(rng))
    y_pred, treatment = trial(rng)
    result = debiased_ate(corrector, y_pred, treatment, random_state=0)
    names = [check.name for check in result.certificate.checks]
    assert [check.name for check in corrector.certificate_.checks] == [
        name for name in names if name in {check.name for check in corrector.certificate_.checks}
    ]
    share = result.certificate["variance from calibration"].statistic
    assert_allclose(share, result.se_calibration**2 / result.se**2, rtol=1e-9)
    low, high = corrector.support_
    outside = np.mean((y_pred < low) | (y_pred > high))
    assert result.certificate["outside calibration"].statistic == outside
    assert set(corrector.certificate_.assumptions) <= set(result.certificate.assumptions)


def test_constant_predictions_have_no_effect_and_no_error(rng):
    result = debiased_ate(LinearCalibrationCorrector().fit(*calibration_pairs(rng)), np.zeros(8), [0, 1] * 4)
    assert_allclose([result.estimate, result.se], 0.0, atol=1e-12)


def test_predictions_beyond_the_calibration_sample_are_warned_about_once(rng):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, treatment = trial(rng, n=200)
    with pytest.warns(SupportWarning) as caught:
        debiased_ate(corrector, y_pred + 6.0, treatment, se="bootstrap", n_boot=20, random_state=0)
    assert len(caught) == 1


@pytest.mark.parametrize("se", ["delta", "bootstrap"])
@pytest.mark.parametrize("estimator", ["difference", "aipw"])
def test_units_of_weight_zero_are_left_out(rng, se, estimator):
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, treatment = trial(rng, n=300)
    y_pred[:20] = 100.0  # far outside the calibration sample
    columns = {"clusters": np.arange(300) // 4, "weights": rng.integers(3, size=300)}
    columns["weights"][:20] = 0
    options = {"se": se, "n_boot": 20, "random_state": 0, "estimator": estimator}
    if estimator == "aipw":
        options["propensity"], columns["covariates"] = 0.5, rng.normal(size=(300, 2))
    rows = columns["weights"] > 0
    kept = debiased_ate(corrector, y_pred, treatment, **columns, **options)
    columns = {name: column[rows] for name, column in columns.items()}
    dropped = debiased_ate(corrector, y_pred[rows], treatment[rows], **columns, **options)
    assert_allclose([kept.estimate, kept.se, kept.naive], [dropped.estimate, dropped.se, dropped.naive], rtol=1e-9)
    assert kept.n == dropped.n == rows.sum()
    assert kept.certificate == dropped.certificate


def test_series_of_other_units_are_refused(rng):
    pd = pytest.importorskip("pandas")
    corrector = LinearCalibrationCorrector().fit(*calibration_pairs(rng))
    y_pred, treatment = trial(rng, n=100)
    reversed_rows = np.arange(100)[::-1]
    with pytest.raises(ValueError, match="y_pred and treatment must have the same index"):
        debiased_ate(corrector, pd.Series(y_pred), pd.Series(treatment, index=reversed_rows))
    with pytest.raises(ValueError, match="y_pred and weights must have the same index"):
        debiased_ate(corrector, pd.Series(y_pred), treatment, weights=pd.Series(np.ones(100), index=reversed_rows))


def test_input_is_not_changed(rng):
    f, y = calibration_pairs(rng, n=200)
    corrector = TweedieCorrector().fit(f, y)
    y_pred, treatment = trial(rng, n=100)
    before = {name: repr(value) for name, value in vars(corrector).items()}
    for array in (y_pred, treatment):
        array.flags.writeable = False
    debiased_ate(corrector, y_pred, treatment, se="bootstrap", n_boot=20, random_state=0)
    assert {name: repr(value) for name, value in vars(corrector).items()} == before


class TestBadInput:
    """Messages name the argument and the cure."""

    @pytest.fixture
    def corrector(self, rng):
        return LinearCalibrationCorrector().fit(*calibration_pairs(rng, n=100))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ci": "percentile"}, "ci='percentile' needs se='bootstrap'"),
            ({"ci": "fieller", "se": "bootstrap"}, "ci='fieller' needs se='delta'"),
            ({"se": "jackknife"}, "se"),
            ({"n_boot": 1}, "n_boot"),
            ({"calibration_groups": [0, 1]}, "calibration_groups must have one label per calibration pair, 100 in all"),
            ({"calibration_groups": np.arange(100)}, "calibration_groups must be 1 for treated units and 0"),
            ({"calibration_groups": np.zeros(100)}, "calibration_groups must have at least two labels. Got 1"),
            ({"calibration_groups": np.arange(100) == 0}, "calibration_groups must have each label at least twice"),
            ({"calibration_clusters": [0, 1]}, "calibration_clusters must have one label per calibration pair, 100"),
            ({"propensity": 0.5}, "propensity is not used by estimator='difference'"),
            ({"level": 2.0}, "level"),
        ],
    )
    def test_options(self, rng, corrector, options, message):
        y_pred, treatment = trial(rng, n=50)
        with pytest.raises(ValueError, match=message):
            debiased_ate(corrector, y_pred, treatment, **options)

    def test_unknown_option(self, rng, corrector):
        with pytest.raises(TypeError, match="unexpected keyword argument 'cluster'"):
            debiased_ate(corrector, *trial(rng, n=50), cluster=np.arange(50))

    def test_no_corrector(self, rng):
        with pytest.raises(TypeError, match="corrector must be a TweedieCorrector"):
            debiased_ate(lambda y_pred: y_pred, *trial(rng, n=50))

    def test_not_fitted(self, rng):
        with pytest.raises(NotFittedError):
            debiased_ate(LinearCalibrationCorrector(), *trial(rng, n=50))

    def test_fieller_of_a_clipped_line(self, rng):
        corrector = LinearCalibrationCorrector(clip=(-1.0, 1.0)).fit(*calibration_pairs(rng, n=100))
        with pytest.raises(ValueError, match="LinearCalibrationCorrector without clip"):
            debiased_ate(corrector, *trial(rng, n=50), ci="fieller")

    def test_predictions(self, corrector):
        with pytest.raises(ValueError, match="Input y_pred contains NaN"):
            debiased_ate(corrector, [1.0, np.nan, 2.0, 3.0], [0, 1, 0, 1])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            debiased_ate(corrector, [1.0, 2.0, 3.0], [0, 1, 0, 1])

    def test_too_few_units_to_resample(self, rng, corrector):
        y_pred, treatment = trial(rng, n=40)
        treatment[:] = 0
        treatment[:2] = 1
        with pytest.raises(ValueError, match="no treated or no control units"):
            debiased_ate(corrector, y_pred, treatment, se="bootstrap", random_state=0)


def test_clipped_line_takes_the_jackknife(rng):
    pairs = calibration_pairs(rng)
    y_pred, treatment = trial(rng)
    wide = debiased_ate(LinearCalibrationCorrector(clip=(-99.0, 99.0)).fit(*pairs), y_pred, treatment, random_state=0)
    free = debiased_ate(LinearCalibrationCorrector().fit(*pairs), y_pred, treatment)
    assert_allclose(wide.estimate, free.estimate, rtol=RTOL)
    assert_allclose(wide.se_calibration, free.se_calibration, rtol=0.25)  # 100 blocks: 7 %, and some more for luck
