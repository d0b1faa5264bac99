"""The identities behind the corrections, and simulations: when they help, and when they harm."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict

from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._scores import FunctionScore, GaussianMixtureScore, KDEScore
from statlearn.debias._sieve import SieveCorrector
from statlearn.debias._tweedie import TweedieCorrector

from .samples import LAWS, contrast, pairs, treat_by

MODES = np.array([-2.2, -0.3, 1.9])
SHARES = np.array([0.22, 0.43, 0.35])
WIDTH = 0.35


def true_score(u):
    """Score of the mixture of three normal distributions that `samples.mix3` draws from."""
    distances = (MODES - u[:, None]) / WIDTH
    terms = SHARES * np.exp(-0.5 * (distances**2 - (distances**2).min(axis=1, keepdims=True)))
    return np.sum(terms * distances, axis=1) / (WIDTH * terms.sum(axis=1))


def decile_errors(values, truth):
    tenth = np.searchsorted(np.quantile(truth, np.linspace(0, 1, 11)[1:-1]), truth)
    return np.bincount(tenth, values - truth) / np.bincount(tenth)


# ---- 2.3: identities, with the true score (S3)


def test_true_score_undoes_shrinkage_given_any_outcome():
    x, y = pairs(np.random.default_rng(0), 1_600_000, "mix3")
    corrector = TweedieCorrector(true_score, sigma=0.8, recalibrate=None, tails="none").fit(x[:1000], y[:1000])
    corrected = corrector._correction.evaluate(x)
    score = corrector._correction.score.score_function(x)
    assert np.polyfit(y, corrected, 1)[0] == pytest.approx(1.0, abs=0.003)
    assert np.mean(score) == pytest.approx(0.0, abs=0.02)
    assert np.mean(score * x) == pytest.approx(-1.0, abs=0.01)
    assert np.mean(corrected) == pytest.approx(np.mean(x), abs=0.01)
    assert np.abs(decile_errors(corrected, y)).max() < 0.02  # standard errors are up to 0.005
    assert np.abs(decile_errors(x, y)).max() > 0.8


@pytest.mark.parametrize("law", LAWS)
def test_mean_of_an_estimated_score_is_zero_and_that_of_its_product_minus_one(law):
    x, y = pairs(np.random.default_rng(0), 20_000, law)
    model = TweedieCorrector().fit(x, y)
    score, u = model.score_function(x), model.recalibration_.evaluate(x)
    assert np.mean(score) == pytest.approx(0.0, abs=0.05)
    assert -1.0 <= np.mean(score * (u - u.mean())) <= -0.85  # kernels attenuate the score


def test_reverse_tweedie_has_a_minus_sign():
    """The usual formula, with a plus sign, shrinks."""
    x, y = pairs(np.random.default_rng(0), 4000)
    model = TweedieCorrector("gmm").fit(x, y)
    assert np.std(model.predict(x)) > np.std(x)
    assert np.std(x + model.scale_ * model.score_function(x)) < np.std(x)


def test_a_correction_costs_accuracy():
    """Coefficient of determination 2 - 1 / R2 of a calibrated model after correction."""
    x, y = pairs(np.random.default_rng(0), 100_000)
    model = LinearCalibrationCorrector().fit(x, y)
    before = 1.0 - np.mean((y - x) ** 2) / y.var()
    assert model.score(x, y) == pytest.approx(2.0 - 1.0 / before, abs=0.01)
    assert model.certificate_["R2"].statistic == pytest.approx(model.score(x, y), abs=1e-3)


# ---- metamorphic


@pytest.mark.parametrize("corrector", [LinearCalibrationCorrector(), TweedieCorrector(), SieveCorrector()])
def test_a_corrected_contrast_is_linear_in_weights(corrector, rng):
    x, y = pairs(rng, 300)
    corrected = corrector.fit(x, y).predict(x)
    first, second = rng.random((2, 300))
    assert (first + 2.0 * second) @ corrected == pytest.approx(first @ corrected + 2.0 * second @ corrected)


def test_a_mixture_of_one_is_a_function_of_two_moments(rng):
    x, y = pairs(rng, 300, "gamma")
    by_name = TweedieCorrector(GaussianMixtureScore(1), recalibrate=None, tails="none").fit(x, y)
    by_hand = TweedieCorrector(lambda u: -(u - x.mean()) / x.var(), recalibrate=None, tails="none").fit(x, y)
    np.testing.assert_allclose(by_name.predict(x), by_hand.predict(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_name.jacobian(x), 1.0 + np.var(y - x) / x.var())


def test_exact_and_binned_scores_correct_alike(rng):
    x, y = pairs(rng, 1000, "skewmix")
    binned = TweedieCorrector(KDEScore(algorithm="binned")).fit(x, y)
    exact = TweedieCorrector(KDEScore(algorithm="exact")).fit(x, y)
    np.testing.assert_allclose(binned.predict(x), exact.predict(x), atol=1e-4)


# ---- S1: ratio of corrected to true contrasts, by law of the predictions

# naive, LCC, Tweedie with Scott's kernels, Tweedie by moments; 2000 pairs, 20 seeds
TABLE = {
    "normal": (0.614, 1.013, 1.000, 1.025),
    "mix3": (0.821, 1.032, 0.916, 0.998),
    "gamma": (0.725, 0.952, 0.945, 1.006),
    "skewmix": (0.761, 0.949, 0.935, 0.986),
}
CORRECTORS = (
    LinearCalibrationCorrector(),
    TweedieCorrector(KDEScore("scott", variance_preserving=False), recalibrate=None, tails="none"),
    TweedieCorrector(KDEScore("scott", variance_preserving=False), recalibrate=None, tails="none", scale="moment"),
)


def ratios(seed, law, correctors, n_pairs, n_trial=8000):
    rng = np.random.default_rng(seed)
    x, y = pairs(rng, n_pairs, law)
    raw, truth = pairs(rng, n_trial, law)
    treated = treat_by(rng, truth)
    values = [raw, *(model.fit(x, y)._correction.evaluate(raw) for model in correctors)]
    return [contrast(each, treated) / contrast(truth, treated) for each in values]


@pytest.mark.parametrize("law", TABLE)
def test_table_of_contrasts(law):
    found = np.mean([ratios(seed, law, CORRECTORS, 2000) for seed in range(20)], axis=0)
    # Both sides are means of 20 runs with standard deviations up to 0.035, the naive one up to 0.01.
    np.testing.assert_allclose(found, TABLE[law], atol=0.025)


@pytest.mark.slow
def test_more_pairs_leave_less_attenuation():
    expected = {"normal": 0.987, "mix3": 0.935, "gamma": 0.960, "skewmix": 0.970}
    for law, ratio in expected.items():
        found = np.mean([ratios(seed, law, CORRECTORS[1:2], 10_000) for seed in range(20)], axis=0)[1]
        assert found == pytest.approx(ratio, abs=0.025), law
        assert found < 1.01


# ---- S6: when not to correct


def test_where_groups_are_made_by_predictions_a_correction_inflates():
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        model = LinearCalibrationCorrector().fit(*pairs(rng, 2000))
        raw, truth = pairs(rng, 8000)
        treated = treat_by(rng, raw)
        found.append(
            [
                contrast(raw, treated) / contrast(truth, treated),
                contrast(model._correction.evaluate(raw), treated) / contrast(truth, treated),
                1.0 / model.slope_,
            ]
        )
    naive, corrected, factor = np.mean(found, axis=0)
    assert naive == pytest.approx(1.0, abs=0.02)
    assert corrected == pytest.approx(factor, abs=0.03)
    assert corrected == pytest.approx(1.64, abs=0.05)


# ---- real data: the same model and pairs, two ways of making groups


@pytest.fixture(scope="module")
def diabetes():
    """Progression of diabetes of 442 patients, predicted out of fold, and their body mass index."""
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    return cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y, cv=folds), y, X[:, 2]


def test_groups_made_by_outcomes_are_corrected(diabetes):
    predictions, truth, _ = diabetes
    model = LinearCalibrationCorrector().fit(predictions, truth)
    assert model.slope_ == pytest.approx(0.51, abs=0.04)
    z = (truth - truth.mean()) / truth.std()
    found = []
    for seed in range(50):
        treated = np.random.default_rng(seed).random(z.size) < 1.0 / (1.0 + np.exp(-z))
        true = contrast(truth, treated)
        found.append([contrast(predictions, treated) / true, contrast(model.predict(predictions), treated) / true])
    naive, corrected = np.mean(found, axis=0)
    assert naive == pytest.approx(0.5, abs=0.05)
    assert corrected == pytest.approx(1.0, abs=0.06)


def test_groups_made_by_an_input_of_the_model_are_not(diabetes):
    predictions, truth, body_mass = diabetes
    heavy = body_mass > np.median(body_mass)
    true = contrast(truth, heavy)
    assert contrast(predictions, heavy) / true == pytest.approx(0.97, abs=0.04)
    for corrector in (LinearCalibrationCorrector(), TweedieCorrector(), SieveCorrector()):
        assert contrast(corrector.fit(predictions, truth).predict(predictions), heavy) / true > 1.6


def test_predictions_in_sample_hide_that_they_are_not_calibrated():
    X, y = load_diabetes(return_X_y=True)
    products = (X[:, :, None] * X[:, None, :])[:, *np.triu_indices(10)]
    X, y = np.hstack([X, products])[:150], y[:150]
    in_sample = LinearRegression().fit(X, y).predict(X)
    out_of_fold = cross_val_predict(LinearRegression(), X, y, cv=KFold(5, shuffle=True, random_state=0))
    models = [LinearCalibrationCorrector().fit(values, y) for values in (in_sample, out_of_fold)]
    assert models[0].calibration_slope_ == pytest.approx(1.0, abs=1e-6)
    assert models[1].calibration_slope_ < 0.5
    assert models[0].certificate_["R2"].statistic > models[1].certificate_["R2"].statistic + 0.3


def test_function_scores_keep_their_function(rng):
    model = TweedieCorrector(FunctionScore(true_score)).fit(*pairs(rng, 300, "mix3"))
    assert model.score_.function is true_score
