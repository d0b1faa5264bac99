"""The Tweedie corrector against the authors' formula, and each fix against the case it repairs."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.isotonic import IsotonicRegression

from statlearn.debias._calibration_sample import CalibrationSample, folds_of
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._recalibration import LinearRecalibration, recalibrate
from statlearn.debias._residual_noise import EvenNoise, fit_uneven_noise, residual_sd
from statlearn.debias._scores import FunctionScore, GaussianMixtureScore, KDEScore, SplineScore
from statlearn.debias._tweedie import TweedieCorrector
from statlearn.exceptions import InSampleWarning, SupportWarning

from .samples import LAWS, contrast, gamma, pairs, skewmix, treat_by

ATTENUATED = ["mix3", "gamma", "skewmix"]


def slope_on_truth(values, truth):
    return np.polyfit(truth, values, 1)[0]


def authors_correction(x, y, points, step=1e-5):
    """The authors' algorithm: scipy's kernel density estimate and a central difference of its logarithm."""
    density = gaussian_kde(x)
    score = (density.logpdf(points + step) - density.logpdf(points - step)) / (2.0 * step)
    return points - np.var(x - y) * score


@pytest.mark.parametrize("law", LAWS)
def test_preset_of_the_paper_is_the_authors_algorithm(rng, law):
    x, y = pairs(rng, 500, law)
    model = TweedieCorrector.paper().fit(x, y)
    points = np.linspace(*model.support_, 200)
    np.testing.assert_allclose(model.predict(points), authors_correction(x, y, points), atol=1e-4)
    assert model.sigma_ == pytest.approx(np.std(x - y))
    assert model.scale_ == pytest.approx(np.var(x - y))


@pytest.mark.parametrize("scale", ["sigma2", "moment"])
def test_one_gaussian_is_linear_calibration_correction(rng, scale):
    x, y = pairs(rng, 400, "skewmix")
    weights = rng.random(400)
    line = LinearCalibrationCorrector().fit(0.3 + 2.0 * x, y, weights)
    model = TweedieCorrector("gmm", tails="none").fit(0.3 + 2.0 * x, y, weights)
    np.testing.assert_allclose(model.predict(0.3 + 2.0 * x), line.predict(0.3 + 2.0 * x), rtol=1e-8, atol=1e-8)
    by_moments = TweedieCorrector("gmm", scale="moment", tails="linear").fit(x, y)
    assert slope_on_truth(by_moments.predict(x), y) == pytest.approx(1.0, abs=0.02)


def test_attributes_and_scores(rng):
    x, y = pairs(rng, 500, "gamma")
    model = TweedieCorrector().fit(3.0 * x, y)
    slope, intercept = np.polyfit(3.0 * x, y, 1)
    recalibrated = slope * 3.0 * x + intercept
    np.testing.assert_allclose(model.recalibration_.evaluate(3.0 * x), recalibrated)
    assert model.sigma_ == pytest.approx(np.std(y - recalibrated))
    assert model.scale_ == model.sigma_**2
    assert model.slope_ == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert model.calibration_slope_ == pytest.approx(slope)
    assert isinstance(model.score_, KDEScore)
    np.testing.assert_allclose(
        model.predict(3.0 * x), recalibrated - model.scale_ * model.score_function(3.0 * x), rtol=1e-12, atol=1e-12
    )
    inside = (x > np.quantile(x, 0.01)) & (x < np.quantile(x, 0.99))
    np.testing.assert_array_equal(
        model.score_function(3.0 * x)[inside],
        model.score_.score_function(model.recalibration_.evaluate(3.0 * x))[inside],
    )
    np.testing.assert_allclose(model.grid_[[0, -1]], [recalibrated.min(), recalibrated.max()])
    assert 0.9 < np.trapezoid(np.exp(model.log_density_), model.grid_) < 1.02  # a part of the kernels is outside


@pytest.mark.parametrize(
    ("score", "kind"),
    [
        ("kde", KDEScore),
        ("spline", SplineScore),
        ("gmm", GaussianMixtureScore),
        (SplineScore(df=5), SplineScore),
        (lambda u: -u, FunctionScore),
    ],
)
def test_scores_by_name_object_or_function(rng, score, kind):
    x, y = pairs(rng, 300)
    model = TweedieCorrector(score, tails="none").fit(x, y)
    assert isinstance(model.score_, kind)
    u = np.polyval(np.polyfit(x, y, 1), x)
    by_hand = u - np.var(y - u) * model.score_.score_function(u)
    np.testing.assert_allclose(model.predict(x), by_hand, rtol=1e-9, atol=1e-9)
    assert slope_on_truth(by_hand, y) > slope_on_truth(u, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"score": "parzen"}, "'score' parameter"),
        ({"score": KDEScore(bandwidth="wide")}, "'bandwidth' parameter of KDEScore"),
        ({"sigma": -1.0}, "'sigma' parameter"),
        ({"scale": "free"}, "'scale' parameter"),
        ({"recalibrate": "cubic"}, "'recalibrate' parameter"),
        ({"noise": "white"}, "'noise' parameter"),
        ({"tails": "kde"}, "'tails' parameter"),
        ({"cv": 1}, "'cv' parameter"),
    ],
)
def test_bad_parameters_are_refused(rng, parameters, message):
    with pytest.raises(ValueError, match=message):
        TweedieCorrector(**parameters).fit(*pairs(rng, 200))


@pytest.mark.parametrize("recalibrate", ["linear", "isotonic"])
@pytest.mark.parametrize("scale", [1e150, 1e-150])
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.WeakCalibrationWarning")
def test_a_unit_that_is_out_of_range_is_that_of_the_truth(rng, recalibrate, scale):
    x, y = pairs(rng, 200)
    with pytest.raises(ValueError, match="predictions spans .*out of range: choose another unit for y, or leave out"):
        TweedieCorrector(recalibrate=recalibrate).fit(x, scale * y)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.WeakCalibrationWarning")
def test_a_unit_that_is_out_of_range_is_that_of_the_predictions(rng):
    x, y = pairs(rng, 200)
    with pytest.raises(ValueError, match="X spans .*out of range: choose another unit for X, or leave out"):
        TweedieCorrector(recalibrate=None).fit(1e145 * x, y)


# ---- F1: density estimates attenuate the score


@pytest.mark.parametrize("law", ATTENUATED)
def test_kernels_that_preserve_the_variance_narrower_ones_and_moments_reduce_the_bias_of_density_estimates(law):
    scott = KDEScore("scott")
    plain = KDEScore("scott", variance_preserving=False)
    models = [TweedieCorrector(plain), TweedieCorrector(scott), TweedieCorrector(), TweedieCorrector(scale="moment")]
    ratios = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, y = pairs(rng, 2000, law)
        raw, truth = pairs(rng, 8000, law)
        treated = treat_by(rng, truth)
        ratios.append([contrast(model.fit(x, y).predict(raw), treated) / contrast(truth, treated) for model in models])
    kernels, preserving, narrower, moments = np.mean(ratios, axis=0)
    assert kernels < 0.96
    assert kernels < preserving < narrower
    assert abs(narrower - 1.0) < 0.04
    assert abs(moments - 1.0) < 0.04


def test_moment_scale_makes_the_slope_one(rng):
    x, y = pairs(rng, 2000, "gamma")
    model = TweedieCorrector(scale="moment").fit(x, y)
    assert model.scale_ > model.sigma_**2
    assert model.certificate_["slope after"].statistic == pytest.approx(1.0, abs=0.01)


def test_moment_scale_does_not_depend_on_the_size_of_the_score(rng):
    x, y = pairs(rng, 300)
    first = TweedieCorrector(lambda u: -u, scale="moment").fit(x, y)
    second = TweedieCorrector(lambda u: -7.0 * u, scale="moment").fit(x, y)
    np.testing.assert_allclose(first.predict(x), second.predict(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rising", [lambda u: u, np.zeros_like])
def test_moment_scale_needs_a_score_that_falls(rng, rising):
    with pytest.raises(ValueError, match="needs a score that falls as the truth rises"):
        TweedieCorrector(rising, scale="moment", tails="none").fit(*pairs(rng, 300))


# ---- F2: predictions that are not calibrated


def uncalibrated(rng, n):
    truth = 0.2 + 1.1 * rng.normal(size=n)
    return 0.15 + 0.62 * truth + 0.12 * rng.normal(size=n), truth


def test_recalibration_repairs_predictions_that_are_not_calibrated(rng):
    x, y = uncalibrated(rng, 20_000)
    raw, truth = uncalibrated(rng, 20_000)
    raw = np.clip(raw, x.min(), x.max())
    slopes, means = [], []
    for method in (None, "linear", "isotonic"):
        corrected = TweedieCorrector(recalibrate=method).fit(x, y).predict(raw)
        slopes.append(slope_on_truth(corrected, truth))
        means.append(corrected.mean() - truth.mean())
    assert slopes[0] == pytest.approx(0.86, abs=0.02)
    assert slopes[1] == pytest.approx(1.0, abs=0.01)
    assert slopes[2] == pytest.approx(1.0, abs=0.01)
    assert abs(means[0]) > 0.05  # a score has mean zero: without recalibration the overall mean stays wrong
    assert max(np.abs(means[1:])) < 0.02


def test_isotonic_recalibration_of_a_bent_prediction():
    rng = np.random.default_rng(5)

    def bent(n):
        x, y = pairs(rng, n)
        return np.sinh(x), y

    x, y = bent(20_000)
    raw, truth = bent(20_000)
    raw = np.clip(raw, x.min(), x.max())
    slopes = [
        slope_on_truth(TweedieCorrector(recalibrate=method).fit(x, y).predict(raw), truth)
        for method in ("linear", "isotonic")
    ]
    assert abs(slopes[0] - 1.0) > 0.05
    assert slopes[1] == pytest.approx(1.0, abs=0.03)


def test_isotonic_recalibration_passes_through_the_centers_of_the_steps(rng):
    x, y = pairs(rng, 200)
    weights = rng.integers(1, 4, size=200).astype(float)
    curve = recalibrate("isotonic", CalibrationSample(x, y, weights))
    steps = IsotonicRegression().fit(x, y, weights).predict(x)
    levels = np.unique(steps)
    np.testing.assert_allclose(curve.levels, levels)
    centers = [np.average(x[steps == level], weights=weights[steps == level]) for level in levels]
    np.testing.assert_allclose(curve.centers, centers)
    np.testing.assert_allclose(curve.evaluate(curve.centers), levels)
    points = np.linspace(x.min() - 1.0, x.max() + 1.0, 999)
    assert (np.diff(curve.evaluate(points)) > 0.0).all()
    differences = (curve.evaluate(points + 1e-7) - curve.evaluate(points - 1e-7)) / 2e-7
    assert np.mean(np.isclose(curve.derivative(points), differences, rtol=1e-4)) > 0.99


def test_equal_predictions_share_a_step():
    sample = CalibrationSample(np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 2.0, 3.0, 2.0]), np.ones(4))
    curve = recalibrate("isotonic", sample)
    np.testing.assert_allclose(curve.centers, [0.0, 1.5])
    np.testing.assert_allclose(curve.levels, [1.0, 2.5])


# ---- F3: which sample gives the score


def test_score_of_the_calibration_sample_survives_a_shift_of_the_outcomes():
    biases = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = pairs(rng, 10_000, "skewmix")
        raw, truth = pairs(rng, 60_000, "skewmix")
        tilted = rng.choice(truth.size, size=8000, p=np.exp(0.6 * truth) / np.exp(0.6 * truth).sum())
        raw, truth = raw[tilted], truth[tilted]
        of_trial = TweedieCorrector(KDEScore().fit(raw).score_function, recalibrate=None, tails="none")
        models = TweedieCorrector().fit(x, y), of_trial.fit(x, y)
        corrected = [model._correction.evaluate(raw) for model in models]
        biases.append([np.mean(raw - truth), *(np.mean(values - truth) for values in corrected)])
    naive, calibration, trial = np.mean(biases, axis=0)
    assert naive == pytest.approx(-0.386, abs=0.02)
    assert trial == pytest.approx(naive, abs=0.02)
    assert abs(calibration) < 0.06


# ---- F4: tails


def test_linear_tails_do_not_run_away():
    rng = np.random.default_rng(0)
    x, y = pairs(rng, 2000, "gamma")
    far = x.max() + 5.0
    corrected = {}
    for tails in ("none", "linear", "clip"):
        with pytest.warns(SupportWarning):
            corrected[tails] = TweedieCorrector(tails=tails).fit(x, y).predict([far])[0]
    assert corrected["none"] > far + 10.0
    assert abs(corrected["linear"] - far) < 3.0
    assert abs(corrected["clip"] - far) < 3.0
    clipped = TweedieCorrector(tails="clip", recalibrate=None).fit(x, y)
    np.testing.assert_array_equal(clipped.jacobian([x.max() - 0.01, far]), 1.0)


# ---- F5 and noise-free predictions


def test_sigma_of_training_residuals_corrects_too_little(rng):
    x, y = pairs(rng, 4000)
    model = TweedieCorrector("gmm").fit(x, y)
    small = TweedieCorrector("gmm", sigma=0.6).fit(x, y)
    assert (small.sigma_, small.scale_) == (0.6, pytest.approx(0.36))
    assert slope_on_truth(small.predict(x), y) < 0.9 < slope_on_truth(model.predict(x), y)


def test_without_noise_nothing_is_corrected(rng):
    x, y = pairs(rng, 300)
    np.testing.assert_allclose(TweedieCorrector(sigma=0, recalibrate=None).fit(x, y).predict(x), x, rtol=1e-15)
    with pytest.warns(InSampleWarning):
        model = TweedieCorrector().fit(x, x)
    np.testing.assert_allclose(model.predict(x), x, atol=1e-9)
    assert "normal residuals" not in [check.name for check in model.certificate_.checks]


def test_isotonic_residuals_are_cross_fitted(rng):
    x, y = pairs(rng, 500)
    sample = CalibrationSample(x, y, np.ones(500))
    fitted = recalibrate("isotonic", sample)
    folds = folds_of(5, sample)
    sd = residual_sd("isotonic", sample, sample.with_predictions(fitted.evaluate(x)), folds)
    assert np.std(y - fitted.evaluate(x)) < sd
    residuals = np.empty(500)
    for train, held_out in folds:
        residuals[held_out] = y[held_out] - recalibrate("isotonic", sample.take(train)).evaluate(x[held_out])
    assert sd == pytest.approx(residuals.std())


# ---- F6: noise whose variance depends on the prediction


@pytest.mark.parametrize("curvature", [0.1, 0.25])
def test_uneven_noise_needs_the_derivative_of_its_variance(curvature):
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    y = x + np.sqrt(0.3 + curvature * x**2) * rng.normal(size=x.size)
    model = TweedieCorrector("gmm", noise="heteroscedastic").fit(x, y)
    u = model.recalibration_.evaluate(x)
    noise = model._correction.noise
    np.testing.assert_allclose(
        model.predict(x), u - model.scale_ * (noise.ratio(u) * model.score_function(x) + noise.ratio(u, 1)), rtol=1e-10
    )
    without_derivative = u - model.scale_ * noise.ratio(u) * model.score_function(x)
    assert slope_on_truth(without_derivative, y) > (1.08 if curvature == 0.1 else 1.2)
    assert slope_on_truth(model.predict(x), y) == pytest.approx(1.0, abs=0.03)
    assert slope_on_truth(TweedieCorrector("gmm").fit(x, y).predict(x), y) == pytest.approx(1.0, abs=0.01)


def test_variance_curve_finds_the_variance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50_000)
    variance = np.exp(0.5 * x)
    y = x + np.sqrt(variance) * rng.normal(size=x.size)
    sample = CalibrationSample(x, y, np.ones(x.size))
    noise = fit_uneven_noise(sample)
    points = np.linspace(-2.0, 2.0, 41)
    np.testing.assert_allclose(noise.ratio(points), np.exp(0.5 * points) / variance.mean(), rtol=0.06)
    assert noise.ratio(x).mean() == pytest.approx(1.0)
    for order in (1, 2):
        differences = (noise.ratio(points + 1e-6, order - 1) - noise.ratio(points - 1e-6, order - 1)) / 2e-6
        np.testing.assert_allclose(noise.ratio(points, order), differences, rtol=1e-5, atol=1e-5)


def test_variance_curve_is_stationary(rng):
    """The gradient of the quasi-likelihood vanishes, up to the factor that gives the ratio the mean one."""
    x, y = pairs(rng, 400)
    weights = rng.random(400)
    noise = fit_uneven_noise(CalibrationSample(x, y, weights))
    residuals = y - x
    squares = (residuals - np.average(residuals, weights=weights)) ** 2
    relative = squares / noise.ratio(x)
    relative /= np.average(relative, weights=weights)
    gradient = noise.basis.evaluate(x).T @ (weights * (1.0 - relative)) / weights.sum()
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    assert np.ptp(noise.ratio(x)) > 0.01


def test_no_noise_is_even():
    x = np.arange(40.0)
    assert isinstance(fit_uneven_noise(CalibrationSample(x, x, np.ones(40))), EvenNoise)
    np.testing.assert_array_equal(EvenNoise().ratio(x, 2), 0.0)


def test_identity_recalibration():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(LinearRecalibration().evaluate(x), x)


# ---- shape


def test_between_modes_the_correction_may_fall(rng):
    x, y = pairs(rng, 4000, "mix3")
    assert not TweedieCorrector().fit(x, y).monotone_
    assert TweedieCorrector("gmm").fit(x, y).monotone_


def test_certificate_notices_attenuation_and_bad_noise():
    rng = np.random.default_rng(0)
    x, y = pairs(rng, 4000, "mix3")
    certificate = TweedieCorrector.paper().fit(x, y).certificate_
    assert certificate["slope after"].holds is False
    assert certificate["normal residuals"].holds
    x = gamma(rng, 4000)
    certificate = TweedieCorrector().fit(x, x + rng.exponential(size=4000)).certificate_
    assert certificate["normal residuals"].holds is False
    assert certificate.holds is False


def test_a_shift_of_the_law_of_predictions_is_seen_in_the_support(rng):
    x, y = pairs(rng, 500, "normal")
    with pytest.warns(SupportWarning, match="Calibrate on units like these"):
        TweedieCorrector().fit(x, y).predict(5.0 + skewmix(rng, 500))
