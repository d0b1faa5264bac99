"""Long experiments: intervals cover as often as they say if both samples count, and much less if one does not."""

import warnings

import numpy as np
import pytest

from statlearn.debias._debiased_effects import debiased_ate
from statlearn.debias._effects import estimate_ate, normal_interval
from statlearn.debias._group_means import debiased_group_means
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._sieve import SieveCorrector
from statlearn.debias._tweedie import TweedieCorrector

from .samples import gamma, normal

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")]

EFFECT, SLOPE, NOISE = 1.0, 0.6, 0.6
N_TRIAL = 4000


def predicted(y, rng):
    return SLOPE * y + NOISE * rng.normal(size=y.size)


def calibrated(rng, n):
    """A linear correction from n pairs."""
    y = rng.normal(size=n)
    return LinearCalibrationCorrector().fit(predicted(y, rng), y)


def trial(rng):
    """Predictions and treatment of a trial with an effect of 1."""
    treatment = np.arange(N_TRIAL) % 2
    return predicted(EFFECT * treatment + rng.normal(size=N_TRIAL), rng), treatment


def covers(interval, truth=EFFECT):
    return interval[0] <= truth <= interval[1]


def share(make_hit, n_repeats):
    """Share of repetitions, or shares if each has several outcomes."""
    return np.mean([make_hit() for _ in range(n_repeats)], axis=0)


@pytest.mark.parametrize(("n_pairs", "ignoring"), [(200, 0.70), (1000, 0.89)])
def test_linear_correction(rng, n_pairs, ignoring):
    """Experiment S5: without the error of the slope, 95 % intervals cover 70 % (200 pairs) and 89 % (1000 pairs)."""

    def one():
        y_pred, treatment = trial(rng)
        corrector = calibrated(rng, n_pairs)
        delta = debiased_ate(corrector, y_pred, treatment)
        fieller = debiased_ate(corrector, y_pred, treatment, ci="fieller")
        alone = estimate_ate(corrector.predict(y_pred), treatment)
        return covers(alone.ci), covers(delta.ci), covers(fieller.ci)

    alone, delta, fieller = share(one, 800)
    assert abs(alone - ignoring) <= 0.05  # three standard errors of a share of 800
    assert abs(delta - 0.95) <= 0.023
    assert abs(fieller - 0.95) <= 0.023


@pytest.mark.parametrize(("n_pairs", "ci"), [(200, "normal"), (200, "percentile"), (1000, "percentile")])
def test_bootstrap_of_the_linear_correction(rng, n_pairs, ci):
    def one():
        y_pred, treatment = trial(rng)
        options = {"se": "bootstrap", "ci": ci, "n_boot": 200, "random_state": rng}
        return covers(debiased_ate(calibrated(rng, n_pairs), y_pred, treatment, **options).ci)

    covered = share(one, 400)
    assert abs(covered - 0.95) <= 0.033  # three standard errors of a share of 400


def test_fieller_holds_its_level_where_the_slope_is_hardly_known(rng):
    """With 30 weak pairs the slope is about 2.2 standard errors from 0, and a normal interval covers too rarely."""

    def weak(y):
        return 0.3 * y + 0.75 * rng.normal(size=y.size)

    def one():
        y = rng.normal(size=30)
        treatment = np.arange(N_TRIAL) % 2
        y_pred = weak(EFFECT * treatment + rng.normal(size=N_TRIAL))
        corrector = LinearCalibrationCorrector(min_slope=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                corrector.fit(weak(y), y)
            except ValueError:  # a falling line is refused
                return np.nan, np.nan
            intervals = (debiased_ate(corrector, y_pred, treatment, ci=ci).ci for ci in ("normal", "fieller"))
            return tuple(map(covers, intervals))

    hits = np.array([one() for _ in range(1000)], dtype=float)
    normal_share, fieller = np.nanmean(hits, axis=0)
    # the share of 1000 is off by 0.02 at most, and robust standard errors of 30 pairs are somewhat too small
    assert abs(fieller - 0.95) <= 0.025
    assert normal_share < 0.91


def treated_by(truth, rng):
    """Treatment that reaches predictions through the truth alone."""
    return truth + rng.normal(size=truth.size) > 0.5


@pytest.mark.parametrize(
    ("corrector", "law"),
    [(TweedieCorrector(), normal), (SieveCorrector(), normal), (SieveCorrector(), gamma)],
    ids=["Tweedie-normal", "sieve-normal", "sieve-gamma"],
)
def test_standard_errors_of_curves(rng, corrector, law):
    """The spread of estimates over both samples is what the standard error says, and more than that of the trial."""

    def draw(n):
        f = law(rng, n)
        return f, f + 0.8 * rng.normal(size=n)

    def effect(truth, treatment):
        return truth[treatment].mean() - truth[~treatment].mean()

    population = draw(2_000_000)[1]
    target = effect(population, treated_by(population, rng))
    results = []
    for _ in range(120):
        f, y = draw(1000)
        y_pred, truth = draw(N_TRIAL)
        results.append(debiased_ate(corrector.fit(f, y), y_pred, treated_by(truth, rng), random_state=rng))
    spread = np.std([result.estimate for result in results])
    assert abs(np.mean([result.se for result in results]) / spread - 1.0) <= 0.2  # 3 standard errors of the spread
    assert spread > 1.2 * np.mean([result.se_trial for result in results])
    assert np.mean([covers(result.ci, target) for result in results]) >= 0.88  # 3.5 standard errors below 95 %


def test_covariance_of_group_means(rng):
    """Differences of group means are covered as often as the covariance says, and more than if it were diagonal."""
    contrast = np.array([-1.0, 1.0])

    def one():
        group = np.arange(N_TRIAL) % 2
        y_pred = predicted(2.0 + EFFECT * group + rng.normal(size=N_TRIAL), rng)
        means = debiased_group_means(calibrated(rng, 400), y_pred, group)
        se = np.sqrt(contrast @ means.covariance @ contrast)
        alone = covers(normal_interval(means.estimate[1], means.se[1], 0.95), 2.0 + EFFECT)
        independent = np.sqrt(np.sum(means.se**2))
        return covers(normal_interval(contrast @ means.estimate, se, 0.95)), alone, independent > 1.5 * se

    difference, alone, too_wide = share(one, 600)
    assert abs(difference - 0.95) <= 0.027  # three standard errors of a share of 600
    assert abs(alone - 0.95) <= 0.027
    assert too_wide == 1.0
