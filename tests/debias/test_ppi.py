"""Prediction-powered effects: ppi-python, hand formulas, limits, coverage, bad input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from statlearn.debias._effects import estimate_ate
from statlearn.debias._ppi import ppi_ate

RTOL = 1e-10  # different orders of the same sums

# What ppi-python 0.2.3 gives for `fixed_arms`, arm by arm: ppi_mean_pointestimate, with half the width of ppi_mean_ci
# at alpha=0.05 divided by the 97.5 % normal quantile as standard error.
FROM_PPI_PYTHON = {
    # lam: (treated mean, treated se, control mean, control se)
    None: (0.47103814718904835, 0.11066518162441345, 0.5804110875559593, 0.11299890568928413),
    1.0: (0.43864706909797196, 0.11251109580721444, 0.564302704400622, 0.1144036176653153),
}


def fixed_arms():
    """Outcomes and predictions of a small trial by closed formulas, so that any package sees the same numbers."""
    i = np.arange(60.0)
    y = np.sin(i) + 0.02 * i
    predictions = 0.6 * np.sin(i) + 0.5 * np.cos(3.0 * i) + 0.5
    j = np.arange(300.0)
    unlabeled = 0.6 * np.sin(j + 0.5) + 0.5 * np.cos(2.0 * j) + 0.4
    return y, predictions, (i % 2 == 0).astype(int), unlabeled, (j % 3 == 0).astype(int)


def trial_with_labels(rng, n_labeled=300, n_unlabeled=3000, effect=1.0, quality=0.6):
    """A randomized trial: labels of some units, biased predictions of all."""
    n = n_labeled + n_unlabeled
    treatment = rng.integers(2, size=n)
    y = effect * treatment + rng.normal(size=n)
    predictions = quality * y + 0.4 * treatment + 0.3 * rng.normal(size=n) + 2.0
    lab, unl = slice(n_labeled), slice(n_labeled, None)
    return y[lab], predictions[lab], treatment[lab], predictions[unl], treatment[unl]


@pytest.mark.parametrize("lam", [None, 1.0])
def test_numbers_of_ppi_python(lam):
    treated, treated_se, control, control_se = FROM_PPI_PYTHON[lam]
    result = ppi_ate(*fixed_arms(), lam=lam)
    assert_allclose(result.estimate, treated - control, rtol=RTOL)
    assert_allclose(result.se, np.hypot(treated_se, control_se), rtol=RTOL)


@pytest.mark.parametrize("lam", [None, 0.0, 0.4, 1.0])
def test_ppi_python_agrees(rng, lam):
    ppi_py = pytest.importorskip("ppi_py")
    y, f, a, f_unl, a_unl = trial = trial_with_labels(rng)
    means, variances = [], []
    for arm in (1, 0):
        arguments = y[a == arm], f[a == arm], f_unl[a_unl == arm]
        low, high = ppi_py.ppi_mean_ci(*arguments, alpha=0.05, lam=lam)
        means.append((low + high).item() / 2.0)
        variances.append(((high - low).item() / 2.0 / 1.959963984540054) ** 2)
    result = ppi_ate(*trial, lam=lam)
    assert_allclose(result.estimate, means[0] - means[1], rtol=RTOL)
    assert_allclose(result.se, np.sqrt(sum(variances)), rtol=RTOL)


@pytest.mark.parametrize("lam", [0.4, 1.0])
def test_ppi_python_agrees_on_weighted_estimates(rng, lam):
    """With a given weight of predictions: the one that theirs tunes depends on the origin of the predictions."""
    ppi_py = pytest.importorskip("ppi_py")
    y, f, a, f_unl, a_unl = trial = trial_with_labels(rng)
    w, w_unl = rng.random(a.size) + 0.2, rng.random(a_unl.size) + 0.2
    means = [
        ppi_py.ppi_mean_pointestimate(
            y[a == arm], f[a == arm], f_unl[a_unl == arm], lam=lam, w=w[a == arm], w_unlabeled=w_unl[a_unl == arm]
        ).item()
        for arm in (1, 0)
    ]
    assert_allclose(ppi_ate(*trial, w_lab=w, w_unl=w_unl, lam=lam).estimate, means[0] - means[1], rtol=RTOL)


def test_without_predictions_it_is_the_effect_on_labels(rng):
    y, f, a, f_unl, a_unl = trial_with_labels(rng)
    result, labels = ppi_ate(y, f, a, f_unl, a_unl, lam=0.0), estimate_ate(y, a)
    assert_allclose(result.estimate, labels.estimate, rtol=RTOL)
    naive = estimate_ate(np.append(f, f_unl), np.append(a, a_unl))
    assert_allclose(result.naive, naive.estimate, rtol=RTOL)
    assert result.se_trial == 0.0
    assert_allclose(result.se, labels.se, rtol=0.01)  # theirs has n - 1 as divisor


def test_perfect_predictions_count_as_labels(rng):
    y, _, a, y_unl, a_unl = trial_with_labels(rng, quality=1.0)
    result = ppi_ate(y, y, a, y_unl, a_unl, lam=1.0)
    assert_allclose(result.estimate, estimate_ate(y_unl, a_unl).estimate, rtol=RTOL)
    assert result.se_calibration == 0.0


def test_useless_predictions_get_no_weight(rng):
    y, f, a, f_unl, a_unl = trial_with_labels(rng)
    constant = ppi_ate(y, np.ones_like(f), a, np.ones_like(f_unl), a_unl)
    assert constant.lam == (0.0, 0.0)
    assert_allclose(constant.estimate, estimate_ate(y, a).estimate, rtol=RTOL)
    assert_allclose(constant.naive, 0.0, atol=1e-12)
    opposed = ppi_ate(y, -f, a, -f_unl, a_unl)
    assert opposed.lam == (0.0, 0.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_shift_and_order_of_predictions_do_not_matter(rng, weighted):
    y, f, a, f_unl, a_unl = trial_with_labels(rng)
    w = rng.exponential(size=y.size) if weighted else np.ones(y.size)
    first = ppi_ate(y, f, a, f_unl, a_unl, w_lab=w)
    order = rng.permutation(y.size)
    second = ppi_ate(y[order], f[order] + 5.0, a[order], f_unl[::-1] + 5.0, a_unl[::-1], w_lab=w[order])
    assert_allclose([second.estimate, second.se, *second.lam], [first.estimate, first.se, *first.lam], rtol=1e-9)


def test_repeated_units_are_weights(rng):
    y, f, a, f_unl, a_unl = trial_with_labels(rng, n_labeled=100, n_unlabeled=400)
    w, w_unl = rng.integers(1, 4, size=100), rng.integers(1, 4, size=400)
    lab, unl = np.repeat(np.arange(100), w), np.repeat(np.arange(400), w_unl)
    weighted = ppi_ate(y, f, a, f_unl, a_unl, w_lab=w, w_unl=w_unl, lam=1.0)
    repeated = ppi_ate(y[lab], f[lab], a[lab], f_unl[unl], a_unl[unl], lam=1.0)
    assert_allclose(weighted.estimate, repeated.estimate, rtol=RTOL)


def test_tuned_weight_of_predictions_of_weighted_units_has_the_smallest_standard_error(rng):
    trial = trial_with_labels(rng, quality=1.0)
    w, w_unl = 0.1 + trial[1] ** 2, rng.exponential(size=trial[3].size)  # that go with the predictions
    tuned = ppi_ate(*trial, w_lab=w, w_unl=w_unl)
    assert 0.0 < min(tuned.lam) <= max(tuned.lam) < 1.0
    errors = [ppi_ate(*trial, w_lab=w, w_unl=w_unl, lam=lam).se for lam in np.linspace(0.0, 1.0, 41)]
    assert tuned.se <= min(errors)


def test_units_of_weight_zero_are_left_out(rng):
    y, f, a, f_unl, a_unl = trial_with_labels(rng, n_labeled=100, n_unlabeled=400)
    w, w_unl = rng.integers(3, size=100), rng.integers(3, size=400)
    lab, unl = w > 0, w_unl > 0
    kept = ppi_ate(y, f, a, f_unl, a_unl, w_lab=w, w_unl=w_unl)
    dropped = ppi_ate(y[lab], f[lab], a[lab], f_unl[unl], a_unl[unl], w_lab=w[lab], w_unl=w_unl[unl])
    assert_allclose([kept.estimate, kept.se, kept.naive], [dropped.estimate, dropped.se, dropped.naive], rtol=RTOL)
    assert kept.n == dropped.n == lab.sum() + unl.sum()


@pytest.mark.parametrize("unit", [1e-170, 1e170])
def test_unit_of_the_outcome(rng, unit):
    y, f, a, f_unl, a_unl = trial_with_labels(rng)
    first = ppi_ate(y, f, a, f_unl, a_unl)
    second = ppi_ate(unit * y, unit * f, a, unit * f_unl, a_unl)
    assert_allclose([second.estimate / unit, second.se / unit], [first.estimate, first.se], rtol=1e-9)
    assert_allclose(second.lam, first.lam, rtol=1e-9)


def test_series_of_other_units_are_refused(rng):
    pd = pytest.importorskip("pandas")
    y, f, a, f_unl, a_unl = trial_with_labels(rng, n_labeled=100, n_unlabeled=400)
    with pytest.raises(ValueError, match="y_lab and a_lab must have the same index"):
        ppi_ate(pd.Series(y), f, pd.Series(a, index=np.arange(100)[::-1]), f_unl, a_unl)
    with pytest.raises(ValueError, match="pred_unl and w_unl must have the same index"):
        ppi_ate(y, f, a, pd.Series(f_unl), a_unl, w_unl=pd.Series(np.ones(400), index=np.arange(1, 401)))


def test_tuned_weight_has_about_the_smallest_standard_error(rng):
    trial = trial_with_labels(rng, n_labeled=5000, n_unlabeled=20_000, quality=1.0)
    tuned = ppi_ate(*trial)
    # the variance of predictions is that of all units, not of each sample by itself: the minimum is not exact
    assert all(tuned.se <= 1.01 * ppi_ate(*trial, lam=lam).se for lam in np.linspace(0.0, 1.2, 25))
    assert 0.5 < min(tuned.lam) <= max(tuned.lam) < 1.0


def test_shrunken_predictions_would_deserve_more_than_the_largest_tuned_weight(rng):
    trial = trial_with_labels(rng, n_labeled=1000, quality=0.4)
    tuned = ppi_ate(*trial)
    assert tuned.lam == (1.0, 1.0)
    assert ppi_ate(*trial, lam=1.3).se < tuned.se


@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_cover(rng, weighted):
    hits, errors, estimates = [], [], []
    for _ in range(400):
        y, f, a, f_unl, a_unl = trial_with_labels(rng, n_labeled=200, n_unlabeled=1000)
        w = rng.exponential(size=a.size) if weighted else None
        w_unl = rng.exponential(size=a_unl.size) if weighted else None
        result = ppi_ate(y, f, a, f_unl, a_unl, w_lab=w, w_unl=w_unl)
        hits.append(result.ci[0] < 1.0 < result.ci[1])
        estimates.append(result.estimate)
        errors.append(result.se)
    assert 0.91 <= np.mean(hits) <= 0.985  # 95 %, and 3.5 standard errors of a share of 400
    assert_allclose(np.mean(errors), np.std(estimates), rtol=0.12)  # 3.5 standard errors of a standard deviation


def test_printed_result_and_certificate(rng):
    result = ppi_ate(*trial_with_labels(rng), level=0.8)
    assert str(result).startswith("Effect (prediction-powered inference): ") and "80 % interval" in str(result)
    assert result.certificate["units"].detail == "300 labeled, 3000 not"
    assert result.certificate["weight of predictions, treated"].statistic == result.lam[0]
    assert "labeled units are a random sample of their arm" in str(result.certificate)
    assert_allclose(result.se, np.hypot(result.se_trial, result.se_calibration), rtol=RTOL)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({0: [1.0, 2.0, 3.0]}, {}, "inconsistent numbers of samples"),
        ({1: [1.0, np.inf, 2.0, 3.0]}, {}, "Input pred_lab contains infinity"),
        ({2: [0, 1, 2, 1]}, {}, "a_lab must be 1 for treated units and 0 for the others"),
        ({2: [0, 0, 0, 1]}, {}, "Each arm must have at least 2 labeled units of positive weight. Got 1 of treatment 1"),
        ({4: [1, 1, 1, 0]}, {}, "at least 2 unlabeled units of positive weight. Got 1 of treatment 0"),
        ({}, {"w_lab": [1, 1, 0, 1]}, "at least 2 labeled units"),
        ({}, {"w_unl": [1, 1, -1, 1]}, "w_unl must be finite and non-negative"),
        ({}, {"lam": np.nan}, "lam"),
        ({}, {"level": 0}, "level"),
    ],
)
def test_bad_input(change, options, message):
    arguments = [[1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 2.0, 4.0], [0, 1, 0, 1], [1.0, 2.0, 3.0, 3.0], [0, 1, 0, 1]]
    for position, value in change.items():
        arguments[position] = value
    with pytest.raises(ValueError, match=message):
        ppi_ate(*arguments, **options)


def test_labels_that_are_not_a_random_sample_are_found(rng):
    y, f, a, f_unl, a_unl = trial_with_labels(rng)
    assert ppi_ate(y, f, a, f_unl, a_unl).certificate.holds
    high = f > np.median(f)
    certificate = ppi_ate(y[high], f[high], a[high], f_unl, a_unl).certificate
    assert certificate["labeled at random"].holds is False
    assert not certificate


def test_random_labels_are_refused_as_often_as_the_level_says(seed):
    found = []
    for run in range(200):
        y, f, a, f_unl, a_unl = trial_with_labels(np.random.default_rng([seed, run]))
        found.append(ppi_ate(y, f, a, f_unl, a_unl).certificate["labeled at random"].statistic)
    assert np.mean(np.array(found) < 0.05) <= 0.10
    assert np.mean(np.array(found) < 0.5) > 0.2
