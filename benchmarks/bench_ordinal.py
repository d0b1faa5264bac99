"""The ordinal family against its peers: same data, one thread, answers compared before seconds count.

Run with ``python -m pytest benchmarks --benchmark-only``. Comparisons on the soup study need the shared data and are
skipped without them.
"""

import warnings
from statistics import median

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks.fresh_process import first_call, run_fresh, wide_path
from benchmarks.ordinal_data import data_folder, load_soup, make_cumulative_logit
from benchmarks.plain_presto import plain_presto_path
from benchmarks.side_by_side import time_call
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier, presto_path

SOUP_LOG_LIKELIHOOD = -2664.745582  # of proportional odds, from R's ordinal::clm
BIG = {"n_samples": 100_000, "n_features": 20, "n_classes": 5}


@pytest.fixture(scope="module")
def soup():
    if not (data_folder() / "ordinal" / "soup.csv").exists():
        pytest.skip("the shared data set ordinal/soup.csv is not there: set STATLEARN_DATA to its folder")
    return load_soup()


@pytest.fixture(scope="module")
def big():
    return make_cumulative_logit(**BIG)


def proportional_odds(X, y):
    return ProportionalOddsClassifier().fit(X, y)


def statsmodels_proportional_odds(X, y):
    model = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    return model.OrderedModel(y, X, distr="logit").fit(method="bfgs", disp=0)


# --- soup: 1847 rows, 22 indicators, 6 classes -----------------------------------------------------------------------


@pytest.mark.parametrize("crossing", ["train", "observed"])
@pytest.mark.parametrize("base_penalty", [1.0, 0.0])
def test_soup_path_of_20_against_one_statsmodels_fit(soup, versus, base_penalty, crossing):
    """A whole path against one proportional-odds fit of statsmodels; with ``base_penalty=0`` it starts there.

    More coordinates are then non-zero along the way and more penalties cross, so less is asked.
    """
    X, y = soup

    def ours():
        return presto_path(X, y, n_alphas=20, base_penalty=base_penalty, crossing=crossing)

    peer = statsmodels_proportional_odds(X, y)
    assert peer.llf == pytest.approx(SOUP_LOG_LIKELIHOOD, abs=1e-4)
    if base_penalty == 0.0:
        assert ours().log_likelihood[0] == pytest.approx(peer.llf, abs=1e-3)
    versus(
        f"soup, path of 20, base_penalty={base_penalty:g}, crossing={crossing!r}",
        ours,
        lambda: statsmodels_proportional_odds(X, y),
        peer_name="one statsmodels OrderedModel fit",
        distribution="statsmodels",
        target=15 if base_penalty else 10,
    )


@pytest.mark.parametrize("base_penalty", [1.0, 0.0])
def test_soup_path_of_20_against_plain_proximal_newton(soup, versus, base_penalty):
    X, y = soup
    peer = plain_presto_path(X, y, n_alphas=20, base_penalty=base_penalty)

    def ours():
        return presto_path(X, y, alphas=peer.alphas, base_penalty=base_penalty, crossing="observed")

    np.testing.assert_allclose(ours().objectives, peer.objectives, rtol=1e-6)
    versus(
        f"soup, path of 20, base_penalty={base_penalty:g}, crossing='observed'",
        ours,
        lambda: plain_presto_path(X, y, alphas=peer.alphas, base_penalty=base_penalty),
        peer_name="plain proximal Newton",
    )


def test_soup_path_of_20_seconds(soup, within):
    within("soup, path of 20, defaults", lambda: presto_path(*soup, n_alphas=20), 0.1)


def test_soup_proportional_odds_against_statsmodels(soup, versus):
    X, y = soup
    ours, peer = proportional_odds(X, y), statsmodels_proportional_odds(X, y)
    assert ours.log_likelihood_ == pytest.approx(SOUP_LOG_LIKELIHOOD, abs=1e-6)
    assert ours.log_likelihood_ >= peer.llf - 1e-7
    versus(
        "soup, proportional odds with standard errors",
        lambda: proportional_odds(X, y),
        lambda: statsmodels_proportional_odds(X, y).bse,
        peer_name="statsmodels OrderedModel",
        distribution="statsmodels",
    )


@pytest.mark.parametrize(("tol", "shortfall"), [(1e-5, 0.2), (1e-12, 1e-4)], ids=["default tol", "equal accuracy"])
def test_soup_proportional_odds_against_skordinal(soup, versus, tol, shortfall):
    """skordinal stops early at its default tolerance; at equal accuracy it is given a tighter one."""
    classifiers = pytest.importorskip("skordinal.classifiers")
    X, y = soup

    def peer():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return classifiers.POM(tol=tol, max_iter=10_000).fit(X, y)

    reached = -peer().loss_ * len(y)
    assert SOUP_LOG_LIKELIHOOD - shortfall <= reached <= SOUP_LOG_LIKELIHOOD + 1e-5
    versus(
        f"soup, proportional odds (skordinal tol={tol:g} stops {SOUP_LOG_LIKELIHOOD - reached:.1g} short)",
        lambda: proportional_odds(X, y),
        peer,
        peer_name="skordinal POM",
        distribution="skordinal",
    )


def test_soup_cross_validation_seconds(soup, within):
    X, y = soup
    model = within(
        "soup, 5-fold cross-validation of 50 penalties",
        lambda: PrestoClassifierCV(alphas=50, random_state=0).fit(X, y),
        1.5,
        rounds=3,
    )
    assert model.cv_scores_.shape == (5, 50)
    path = presto_path(X, y, alphas=model.alphas_)
    np.testing.assert_allclose(model.coefs_path_, path.coefs, atol=1e-3)


# --- large tables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crossing", ["train", "observed"])
def test_large_path_of_20_against_plain_proximal_newton(big, versus, crossing):
    X, y = big
    peer = plain_presto_path(X, y, n_alphas=20)

    def ours():
        return presto_path(X, y, n_alphas=20, crossing=crossing)

    path = ours()
    np.testing.assert_allclose(path.alphas, peer.alphas, rtol=1e-8)
    np.testing.assert_allclose(path.objectives, peer.objectives, rtol=1e-8)
    np.testing.assert_allclose(path.coefs, peer.coefs, atol=1e-4)
    assert not path.n_crossing.any()
    versus(
        f"n=100000, p=20, K=5, path of 20, crossing={crossing!r}",
        ours,
        lambda: plain_presto_path(X, y, n_alphas=20),
        peer_name="plain proximal Newton",
        target=4,
    )


def test_large_path_of_20_seconds(big, within):
    within("n=100000, p=20, K=5, path of 20, defaults", lambda: presto_path(*big, n_alphas=20), 4.0, rounds=3)


def test_large_proportional_odds_seconds(big, within):
    X, y = big
    model = within("n=100000, p=20, K=5, proportional odds", lambda: proportional_odds(X, y), 0.3)
    peer = plain_presto_path(X, y, n_alphas=1, base_penalty=0.0, tol=1e-8)
    assert model.log_likelihood_ == pytest.approx(-peer.objectives[0] * len(y), rel=1e-9)


def test_large_proportional_odds_against_skordinal(big, versus):
    classifiers = pytest.importorskip("skordinal.classifiers")
    X, y = big
    tol = 1e-12
    reached = -classifiers.POM(tol=tol).fit(X, y).loss_ * len(y)
    assert proportional_odds(X, y).log_likelihood_ == pytest.approx(reached, abs=1e-2)
    versus(
        f"n=100000, p=20, K=5, proportional odds, skordinal tol={tol:g}",
        lambda: proportional_odds(X, y),
        lambda: classifiers.POM(tol=tol).fit(X, y),
        peer_name="skordinal POM",
        distribution="skordinal",
        rounds=3,
    )


@pytest.mark.parametrize("n_classes", [3, 5, 9, 17])
def test_cost_by_number_of_classes(n_classes, benchmark, report):
    """Seconds per Newton step hardly depend on the number of classes: each row meets at most two cuts."""
    X, y = make_cumulative_logit(20_000, 20, n_classes)
    path = presto_path(X, y, n_alphas=20, crossing="observed")
    plain = plain_presto_path(X, y, n_alphas=20)
    np.testing.assert_allclose(path.objectives, plain.objectives, rtol=1e-8)

    def ours():
        return presto_path(X, y, n_alphas=20, crossing="observed")

    benchmark.pedantic(ours, rounds=5)
    seconds, steps = median(time_call(ours) for _ in range(5)), int(np.sum(path.n_iter))
    note = f"{steps} Newton steps, {1e3 * seconds / steps:.3g} ms each"
    report(f"n=20000, p=20, K={n_classes}, path of 20, crossing='observed'", seconds, note=note)


@pytest.mark.parametrize("crossing", ["train", "observed"])
def test_wide_path_seconds_and_memory(crossing, benchmark, report):
    figures = benchmark.pedantic(lambda: run_fresh(wide_path, crossing), rounds=1)
    seconds, memory = figures["seconds"], figures["peak_gib"]
    report(
        f"p=2000, n=2000, K=5, path of 20 to 1 %, crossing={crossing!r}",
        seconds,
        wanted="10 s in less than 2 GiB",
        met=seconds <= 10.0 and memory < 2.0,
        note=f"peak memory {memory:.2f} GiB, of which {figures['peak_before_gib']:.2f} before the path; "
        f"{figures['n_iter']} Newton steps, {figures['df']} non-zero at the end",
    )
    assert figures["largest_gap"] <= 1e-5
    assert memory < 2.0


# --- two classes -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def binary():
    X, y = make_cumulative_logit(20_000, 100, 2)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def binary_objective(X, y, coef, intercept, alpha):
    signs = np.where(y == 1, 1.0, -1.0)
    return np.logaddexp(0.0, -signs * (X @ np.ravel(coef) + intercept)).mean() + alpha * np.abs(coef).sum()


def largest_binary_alpha(X, y):
    return np.abs(X.T @ (y - y.mean())).max() / len(y)


@pytest.mark.parametrize("share", [0.3, 0.03])
def test_two_classes_against_skglm(binary, versus, share):
    """Same standardized table, same penalty, same tolerance on the optimality conditions."""
    skglm = pytest.importorskip("skglm")
    X, y = binary
    alpha, tol = share * largest_binary_alpha(X, y), 1e-6
    by_column = np.asfortranarray(X)  # the order skglm is fastest in

    def ours():
        return PrestoClassifier(alpha, standardize=False, tol=tol).fit(X, y)

    def peer():
        return skglm.SparseLogisticRegression(alpha, tol=tol).fit(by_column, y)

    _same_binary_answer(X, y, alpha, ours(), peer())
    versus(
        f"K=2, n=20000, p=100, alpha={share:g} of the largest, tol={tol:g}",
        ours,
        peer,
        peer_name="skglm SparseLogisticRegression",
        distribution="skglm",
    )


def test_two_classes_against_saga(binary, versus):
    X, y = binary
    alpha = 0.1 * largest_binary_alpha(X, y)

    def ours():
        return PrestoClassifier(alpha, standardize=False).fit(X, y)

    def peer():
        return LogisticRegression(
            l1_ratio=1.0, solver="saga", C=1 / (alpha * len(y)), tol=1e-6, max_iter=1000, random_state=0
        ).fit(X, y)

    _same_binary_answer(X, y, alpha, ours(), peer())
    versus(
        "K=2, n=20000, p=100, alpha=0.1 of the largest, tol=1e-06",
        ours,
        peer,
        peer_name="scikit-learn saga",
        rounds=3,
    )


def _same_binary_answer(X, y, alpha, ours, peer):
    reached = binary_objective(X, y, ours.coef_, ours.intercept_, alpha)
    assert reached == pytest.approx(binary_objective(X, y, peer.coef_, peer.intercept_, alpha), rel=1e-8)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-4)


# --- the first call --------------------------------------------------------------------------------------------------


def test_first_call(benchmark, report, tmp_path):
    """Compilation with an empty cache, then a new process that finds it full."""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold = benchmark.pedantic(lambda: run_fresh(first_call, **cache), rounds=1)
    warm = run_fresh(first_call, **cache)
    for state, figures, wanted in (("empty", cold, 5.0), ("full", warm, 0.3)):
        seconds = figures["first_s"]
        report(
            f"first fit of a small PrestoClassifier in a new process, {state} cache",
            seconds,
            wanted=f"{wanted:g} s",
            met=seconds <= wanted,
            note=f"second fit {1e3 * figures['second_s']:.2g} ms; import before it {figures['import_s']:.2g} s",
        )
    assert cold["first_s"] > warm["first_s"]
