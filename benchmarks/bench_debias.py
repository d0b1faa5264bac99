"""Scores, corrections and effects against what else estimates them: one thread, same task, answers compared first.

Run with ``python -m pytest benchmarks -k bench_debias --benchmark-only``. What corrections are worth is in the tables
that ``python -m benchmarks.debias_tables`` prints.
"""

import json
import sys
from functools import cache, partial
from statistics import median

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.base import clone

from benchmarks.fresh_process import run_fresh
from benchmarks.side_by_side import side_by_side, time_call
from statlearn.debias import (
    KDEScore,
    LinearCalibrationCorrector,
    SieveCorrector,
    TweedieCorrector,
    debiased_ate,
    debiased_group_means,
    estimate_ate,
    ppi_ate,
)
from statlearn.debias._binned_density import bin_moments, cubic_counts, density_grid, grid_scores
from statlearn.debias._bootstrap import Units, draw_counts
from statlearn.debias._relearning import GridRelearner, Relearner, tuned

SIGMA = 0.8
CORRECTORS = {
    "LinearCalibrationCorrector": LinearCalibrationCorrector(),
    "TweedieCorrector": TweedieCorrector(),
    "SieveCorrector": SieveCorrector(),
}
PLAIN = KDEScore("scott", variance_preserving=False)  # what the peers estimate
STEP = 1e-5  # of the authors' central difference
SCORE_ERROR = 1e-4  # absolute, of scores up to 15
N_BOOT = 500


@cache
def pairs(n, seed=0):
    """Calibrated predictions with two modes, one of them wide, and a truth that differs from them by normal noise."""
    rng = np.random.default_rng(seed)
    first = rng.random(n) < 0.7
    predictions = np.where(first, -1.0 + 0.5 * rng.normal(size=n), 2.0 + 1.2 * rng.normal(size=n))
    return predictions, predictions + SIGMA * rng.normal(size=n)


@cache
def trial(n, seed=1):
    """Predictions of the units of a trial, and a treatment that is the likelier the larger the truth."""
    predictions, truth = pairs(n, seed)
    rng = np.random.default_rng(seed)
    return predictions, (rng.random(n) < 1.0 / (1.0 + np.exp(-truth))).astype(int)


@pytest.fixture
def compare(benchmark, report):
    """Function that times both in turn; a target that is missed is said, and does not end the run."""

    def keep(task, ours, peer, *, peer_name, rounds=5, target=None, **fields):
        comparison = side_by_side(task, ours, peer, peer_name=peer_name, rounds=rounds)
        benchmark.pedantic(ours, rounds=rounds)
        if target is not None:
            fields |= {"wanted": f"{target:g}x", "met": comparison.ratio >= target}
        report(task, comparison.ours_seconds, comparison, **fields)

    return keep


# --- scores ----------------------------------------------------------------------------------------------------------


def binned_scores(sample):
    """Density and scores, of a sample at its own values."""
    return clone(PLAIN).fit(sample).score_function(sample)


def scipy_scores(sample):
    """The authors' way: two densities of every value, each a sum over all values."""
    density = gaussian_kde(sample)
    return (density.logpdf(sample + STEP) - density.logpdf(sample - STEP)) / (2.0 * STEP)


@pytest.mark.parametrize(("n", "n_peer", "target"), [(5_000, 5_000, None), (20_000, 5_000, 500)])
def test_scores_against_scipy(n, n_peer, target, compare):
    """The scores of a sample at its own values; in the second comparison the peer has a quarter of them."""
    small, sample = pairs(n_peer)[0], pairs(n)[0]
    np.testing.assert_allclose(binned_scores(small), scipy_scores(small), atol=SCORE_ERROR)
    some = np.sort(sample)[:: n // 500]
    exact = clone(PLAIN).set_params(algorithm="exact").fit(sample).score_function(some)
    error = np.max(np.abs(clone(PLAIN).fit(sample).score_function(some) - exact))
    assert error < SCORE_ERROR
    task = f"scores of {n:,} values at themselves" + (f", the peer's of {n_peer:,}" if n_peer != n else "")
    compare(
        task,
        lambda: binned_scores(sample),
        lambda: scipy_scores(small),
        peer_name="scipy gaussian_kde, central difference",
        rounds=3,
        target=target,
        note=f"largest error {error:.1g}, of scores up to {np.max(np.abs(exact)):.3g}",
    )


@pytest.mark.parametrize(("n_fit", "n_points"), [(20_000, 10_000_000), (10_000_000, 10_000_000)])
def test_scores_of_many_points(n_fit, n_points, within):
    sample, points = pairs(n_fit)[0], pairs(n_points, 1)[0]
    task = f"density of {n_fit:,} values and scores at {n_points:,} points"
    scores = within(task, lambda: clone(PLAIN).fit(sample).score_function(points), 1.0, rounds=3)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("n", [20_000, 1_000_000])
@pytest.mark.parametrize("bandwidth", ["scott", "isj", "auto", "cv"])
def test_bandwidths(n, bandwidth, benchmark, report):
    """The density alone, without scores at points."""
    sample = pairs(n)[0]
    model = KDEScore(bandwidth, variance_preserving=False)
    benchmark.pedantic(model.fit, [sample], rounds=3)
    seconds = median(time_call(lambda: model.fit(sample)) for _ in range(3))
    report(f'density of {n:,} values, bandwidth="{bandwidth}"', seconds, note=f"bandwidth {model.bandwidth_:.4f}")


def test_plug_in_bandwidth_against_kdepy(compare):
    """Theirs is that of ours once the width of the grid, in which it is found, stands for that of the data."""
    rule = pytest.importorskip("KDEpy.bw_selection").improved_sheather_jones
    autogrid = pytest.importorskip("KDEpy.utils").autogrid
    sample = pairs(20_000)[0]
    column = sample[:, None]
    model = KDEScore("isj", variance_preserving=False).fit(sample)
    widths = [np.ptp(values) for values in (autogrid(column, boundary_abs=6, num_points=1024), sample)]
    assert model.bandwidth_ == pytest.approx(rule(column) * widths[0] / widths[1], rel=0.01)
    compare(
        'density of 20,000 values, bandwidth="isj"; the peer\'s bandwidth alone',
        lambda: model.fit(sample),
        lambda: rule(column),
        peer_name="KDEpy improved_sheather_jones",
        distribution="KDEpy",
        rounds=3,
        note=f"bandwidth {model.bandwidth_:.4f}, peer's {rule(column):.4f} for it takes the wrong width",
    )


# --- densities on a grid ---------------------------------------------------------------------------------------------

N_GRID = 4096


def kdepy_density(sample, bandwidth):
    fft_kde = pytest.importorskip("KDEpy").FFTKDE
    return lambda: fft_kde(bw=bandwidth).fit(sample).evaluate(N_GRID)


def statsmodels_density(sample, bandwidth):
    nonparametric = pytest.importorskip("statsmodels.nonparametric.kde")

    def estimate():
        kde = nonparametric.KDEUnivariate(sample)
        kde.fit(kernel="gau", bw=bandwidth, fft=True, gridsize=N_GRID)
        return kde.support, kde.density

    return estimate


DENSITIES = {  # name, distribution, what makes it, and its largest error as a share of the peak
    "KDEpy FFTKDE": ("KDEpy", kdepy_density, 1e-3),
    "statsmodels KDEUnivariate(fft=True)": ("statsmodels", statsmodels_density, 1e-2),
}


@pytest.mark.parametrize("n", [20_000, 1_000_000])
@pytest.mark.parametrize("peer_name", DENSITIES)
def test_density_on_a_grid(n, peer_name, compare):
    """A density at the 4096 points of the peer's grid, from the same bandwidth; ours has its score as well."""
    distribution, make, tolerance = DENSITIES[peer_name]
    sample = pairs(n)[0]
    bandwidth = clone(PLAIN).fit(sample).bandwidth_
    peer = make(sample, bandwidth)
    grid, density = peer()

    def ours():
        return np.exp(KDEScore(bandwidth, variance_preserving=False).fit(sample).log_density(grid))

    some = np.linspace(0, len(grid) - 1, 50).astype(int)
    exact = KDEScore(bandwidth, variance_preserving=False, algorithm="exact").fit(sample).log_density(grid[some])
    errors = [np.max(np.abs(values[some] - np.exp(exact))) / density.max() for values in (ours(), density)]
    assert errors[0] < SCORE_ERROR
    assert errors[1] < tolerance
    compare(
        f"density of {n:,} values at {len(grid):,} grid points",
        ours,
        peer,
        peer_name=peer_name,
        distribution=distribution,
        rounds=3,
        note=f"largest error, as a share of the peak: {errors[0]:.1g}, peer's {errors[1]:.1g}",
    )


# --- correctors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2_000, 100_000, 1_000_000])
@pytest.mark.parametrize("name", CORRECTORS)
def test_fit(name, m, benchmark, report):
    """All of a fit, which cross-fits the correction for its certificate, and the correction alone."""
    x, y = pairs(m)
    model = clone(CORRECTORS[name])
    benchmark.pedantic(model.fit, [x, y], rounds=3)
    seconds = median(time_call(lambda: model.fit(x, y)) for _ in range(3))
    alone = median(time_call(lambda: model._learn(model._sample)) for _ in range(3))
    report(f"{name}, fit to {m:,} pairs with its certificate", seconds, note=f"{alone:.2g} s without certificate")


@pytest.mark.parametrize("name", CORRECTORS)
def test_predict(name, benchmark, report):
    model, raw = clone(CORRECTORS[name]).fit(*pairs(100_000)), pairs(1_000_000, 1)[0]
    corrected = benchmark.pedantic(model.predict, [raw], rounds=3)
    assert np.isfinite(corrected).all()
    report(f"{name}, 1,000,000 corrected predictions", median(time_call(lambda: model.predict(raw)) for _ in range(3)))


def test_paper_against_the_authors_way(compare):
    """Fit and corrected predictions, ours with a certificate."""
    x, y = pairs(5_000)

    def ours():
        return TweedieCorrector.paper().fit(x, y).predict(x)

    def peer():
        return x - np.var(x - y) * scipy_scores(x)

    np.testing.assert_allclose(ours(), peer(), atol=SCORE_ERROR)
    task = "TweedieCorrector.paper(), fit to 5,000 pairs with its certificate and 5,000 predictions"
    compare(task, ours, peer, peer_name="scipy gaussian_kde, central difference", rounds=3)


# --- bootstrap -------------------------------------------------------------------------------------------------------


def test_scores_of_bootstrap_samples(within):
    """Densities and scores on one grid, from the counts of its points."""
    rng, sample = np.random.default_rng(0), pairs(20_000)[0]
    bandwidth = clone(PLAIN).fit(sample).bandwidth_
    grid = density_grid(sample.min(), sample.max(), bandwidth)
    shares = np.maximum(cubic_counts(bin_moments(sample, None, grid)), 0.0)
    counts = rng.multinomial(sample.size, shares / shares.sum(), size=N_BOOT).astype(float)
    task = f"scores of {N_BOOT} bootstrap samples of 20,000 values, on the grid"
    scores = within(task, lambda: grid_scores(counts, grid.step, bandwidth), 0.2, rounds=3)
    assert scores.shape == (N_BOOT, grid.size)


def resampled_pairs(m):
    rng = np.random.default_rng(0)
    return np.stack([draw_counts(rng, Units(m, None)) for _ in range(N_BOOT)])


@pytest.mark.parametrize(("m", "n"), [(2_000, 8_000), (20_000, 20_000)])
def test_replicates_of_a_correction(m, n, compare):
    """Predictions as corrected by what bootstrap samples of the pairs teach, against as many fits."""
    model, raw = TweedieCorrector().fit(*pairs(m)), trial(n)[0]
    fast, slow = GridRelearner(model, raw), Relearner(tuned(model), model._sample, raw)
    assert fast.covers_predictions()
    counts = resampled_pairs(m)
    for quick, fitted in zip(fast.corrected(counts[:10]), slow.corrected(counts[:10]), strict=True):
        # theirs move the mean that kernels are drawn to and the points where tails begin with the sample
        assert np.mean(np.abs(quick - fitted)) < 0.02 * np.std(raw)
    compare(
        f"TweedieCorrector, {m:,} pairs and {n:,} predictions, {N_BOOT} replicates",
        lambda: sum(1 for _ in fast.corrected(counts)),
        lambda: sum(1 for _ in slow.corrected(counts)),
        peer_name=f"{N_BOOT} fits without certificates, binned as well",
        rounds=3,
    )


@pytest.mark.parametrize(("m", "n"), [(2_000, 8_000), (20_000, 20_000)])
@pytest.mark.parametrize("name", CORRECTORS)
def test_debiased_effect(name, m, n, benchmark, report):
    """The whole call; both samples are resampled. Beside it the standard error without resampling."""
    model, (raw, treatment) = clone(CORRECTORS[name]).fit(*pairs(m)), trial(n)
    call = partial(debiased_ate, model, raw, treatment, se="bootstrap", n_boot=N_BOOT, random_state=0)
    result = benchmark.pedantic(call, rounds=1)
    delta = debiased_ate(model, raw, treatment, random_state=0)
    assert result.se == pytest.approx(delta.se, rel=0.25)
    by_delta = median(time_call(lambda: debiased_ate(model, raw, treatment, random_state=0)) for _ in range(3))
    wanted = {"wanted": "0.2 s"} if name != "SieveCorrector" else {}
    seconds = median(time_call(call) for _ in range(3))
    if wanted:
        wanted["met"] = seconds <= 0.2
    report(
        f"{name}, {m:,} pairs, trial of {n:,}, effect with {N_BOOT} replicates of both samples",
        seconds,
        note=f'se {result.se:.4f}; se="delta" {delta.se:.4f} in {by_delta:.2g} s',
        **wanted,
    )


def test_group_means(benchmark, report):
    model, raw = TweedieCorrector().fit(*pairs(20_000)), pairs(1_000_000, 1)[0]
    groups = np.random.default_rng(0).integers(1000, size=raw.size)
    call = partial(debiased_group_means, model, raw, groups, random_state=0)
    table = benchmark.pedantic(call, rounds=1)
    assert len(table.estimate) == 1000
    report("TweedieCorrector, means of 1,000 groups of 1,000,000 predictions with covariance", time_call(call))


# --- effects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_unlabeled", [20_000, 1_000_000])
def test_ppi_against_ppi_python(n_unlabeled, compare):
    """The effect and its interval; theirs are two means with theirs."""
    ppi_py = pytest.importorskip("ppi_py")
    predictions, treatment = trial(n_unlabeled)
    f, y = pairs(1_000, 2)
    a = np.arange(y.size) % 2

    def ours():
        result = ppi_ate(y, f, a, predictions, treatment)
        return result.estimate, result.se

    def peer():
        arms = [(y[a == arm], f[a == arm], predictions[treatment == arm]) for arm in (1, 0)]
        intervals = np.array([np.ravel(ppi_py.ppi_mean_ci(*arm, alpha=0.05)) for arm in arms])
        means, halves = intervals.mean(axis=1), np.diff(intervals, axis=1)[:, 0] / 2.0
        return means[0] - means[1], np.sqrt(np.sum(halves**2)) / 1.959963984540054

    np.testing.assert_allclose(ours(), peer(), rtol=1e-9)
    task = f"effect from 1,000 labels and {n_unlabeled:,} predictions, PPI++"
    compare(task, ours, peer, peer_name="ppi-python ppi_mean_ci, by arm", distribution="ppi-python")


@pytest.mark.parametrize(("estimator", "method"), [("hajek", "ipw"), ("aipw", "aipw")])
@pytest.mark.parametrize("n", [4_000, 100_000])
def test_effect_against_statsmodels(estimator, method, n, compare):
    """With propensities from the same logistic regression; theirs count its chance in the standard error."""
    api = pytest.importorskip("statsmodels.api")
    effects = pytest.importorskip("statsmodels.treatment.treatment_effects")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    treatment = (rng.random(n) < 1.0 / (1.0 + np.exp(-X[:, 0]))).astype(int)
    y = treatment + X @ [1.0, 0.5, 0.0] + rng.normal(size=n)
    design = api.add_constant(X)

    def ours():
        propensity = api.Logit(treatment, design).fit(disp=0).predict()
        options = {"covariates": X} if estimator == "aipw" else {}
        result = estimate_ate(y, treatment, propensity, estimator=estimator, **options)
        return result.estimate, result.se

    def peer():
        model = effects.TreatmentEffect(api.OLS(y, design), treatment, api.Logit(treatment, design).fit(disp=0))
        result = getattr(model, method)()
        return result.effect[0], result.results_gmm.bse[0]

    (effect, se), (peer_effect, peer_se) = ours(), peer()
    assert effect == pytest.approx(peer_effect, rel=1e-6)
    if estimator == "aipw":  # no first-order difference
        assert se == pytest.approx(peer_se, rel=0.02)
    task = f"estimate_ate, {estimator}, {n:,} units, with the logistic regression of both"
    note = f"standard error {se:.4f}, peer's {peer_se:.4f}"
    peer_name = f"statsmodels TreatmentEffect.{method}"
    compare(task, ours, peer, peer_name=peer_name, distribution="statsmodels", rounds=3, note=note)


# --- first call ------------------------------------------------------------------------------------------------------


def first_effect():
    """Processor seconds of the first and of the second correction and effect in a process."""
    x, y = pairs(2_000)
    raw, treatment = trial(2_000)

    def effect():
        debiased_ate(TweedieCorrector().fit(x, y), raw, treatment, random_state=0)

    return {"first_s": time_call(effect), "second_s": time_call(effect)}


def test_first_call(benchmark, report, tmp_path):
    """Compilation with an empty cache, then a new process that finds it full."""
    cache_folder = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = benchmark.pedantic(lambda: run_fresh(first_effect, **cache_folder), rounds=1)
    warm = run_fresh(first_effect, **cache_folder)
    for state, figures, wanted in (("empty", cold, 5.0), ("full", warm, 0.3)):
        report(
            f"first TweedieCorrector and effect in a new process, {state} cache",
            figures["first_s"],
            wanted=f"{wanted:g} s",
            met=figures["first_s"] <= wanted,
            note=f"second time {1e3 * figures['second_s']:.2g} ms",
        )
    assert cold["first_s"] > warm["first_s"]


MEASURES = {measure.__name__: measure for measure in (first_effect,)}

if __name__ == "__main__":
    for measure in sys.argv[1:]:
        print(json.dumps(MEASURES[measure]()))
