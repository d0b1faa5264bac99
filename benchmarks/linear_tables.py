"""Tables of the user guide of statlearn.linear: ``python -m benchmarks.linear_tables [NAME ...]``, minutes for all.

Counts are the numbers of steps from zero to the first iterate with every row strictly on its side. Pixels of digits are
divided by 16, and have a constant column.
"""

import sys
import warnings

import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from benchmarks.debias_tables import simple_table
from statlearn.linear import DiagonalLDA, LargeStepLogisticClassifier, generative_discriminative_curve, separability

__all__ = ["correlated", "uncorrelated"]

MOST_STEPS = 20_000
N_TEST = 20_000

# --- steps to a separation -------------------------------------------------------------------------------------------


def step_rules():
    """Classifiers that only take steps, by the names of columns."""
    rules = {f"GD {gamma:g}": {"step_size": gamma} for gamma in (0.1, 1.0, 10.0, 100.0, 1000.0)}
    rules |= {f"normalized {gamma:g}": {"gamma": gamma} for gamma in (0.1, 1.0, 10.0, 100.0)}
    rules |= {name: {"step_size": name} for name in ("perceptron", "normalized-perceptron")}
    rules |= {f"radius {r:g}": {"step_size": "safe-radius", "r": r} for r in (0.5, 1.0)}
    return rules


def n_steps(X, y, options):
    """Number of steps to a separation, as text."""
    model = LargeStepLogisticClassifier(**options, max_iter=MOST_STEPS, fallback="pocket")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table says so
        model.fit(X, y)
    return f"{model.n_iter_}" if model.n_iter_ < MOST_STEPS else f"> {MOST_STEPS}"


def counts(problems):
    """One row per rule, one column per problem."""
    for name, options in step_rules().items():
        yield {"step": name, **{key: n_steps(X, y, options | more) for key, (X, y, more) in problems.items()}}


def worst_cases():
    """One row against n - 1 copies of another."""
    found = {}
    for n in (10, 100, 1000):
        X = np.tile([-0.5, -1.0], (n, 1))
        X[0, 0] = 0.5
        found[f"n = {n}"] = X, (np.arange(n) == 0).astype(int), {"fit_intercept": False}
    return found


def two_digits(positive, negative, n_positive=None):
    """Pixels of two digits, and whether they are the first one."""
    X, y = load_digits(return_X_y=True)
    chosen = np.concatenate([np.flatnonzero(y == positive)[:n_positive], np.flatnonzero(y == negative)])
    chosen.sort()
    return X[chosen] / 16.0, (y[chosen] == positive).astype(int)


PAIRS = [(0, 1), (3, 8), (1, 8), (4, 9)]


def digits_problems():
    found = {f"{a} or {b}": (*two_digits(a, b), {}) for a, b in PAIRS}
    return found | {"3 or 8, nine 3s": (*two_digits(3, 8, 9), {})}


# --- margins ---------------------------------------------------------------------------------------------------------


def margins():
    for a, b in PAIRS:
        X, y = two_digits(a, b)
        result = separability(X, y)
        row = {"digits": f"{a} or {b}", "margin": f"{result.margin_lower:.6f}"}
        row["(R / margin)²"] = f"{(result.radius / result.margin_lower) ** 2:.0f}"
        row["rows that prove it"] = f"{np.count_nonzero(result.dual_weights)}"
        model = LargeStepLogisticClassifier(gamma=10.0, stop="margin", margin_tol=1e-9, fallback="pocket")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for max_iter in (100, 1000, 10_000):
                found = model.set_params(max_iter=max_iter).fit(X, y)
                low = f"{found.margin_lower_:.4f}" if found.margin_lower_ > 0.0 else "?"
                row[f"{max_iter} steps"] = f"{low} to {found.margin_upper_:.4f}"
        yield row


# --- rows that were held out -----------------------------------------------------------------------------------------


def held_out(n_repeats=20):
    """Accuracy on the other half of the rows."""
    X, y = load_digits(return_X_y=True)
    tables = {f"{a} or {b}": two_digits(a, b) for a, b in PAIRS[1:]} | {"ten digits": (X / 16.0, y)}
    X, y = load_breast_cancer(return_X_y=True)
    tables["breast cancer"] = StandardScaler().fit_transform(X), y
    models = {
        "separated": LargeStepLogisticClassifier(),
        "radius": LargeStepLogisticClassifier("safe-radius"),
        "margin": LargeStepLogisticClassifier(stop="margin"),
        "LogisticRegression": LogisticRegression(max_iter=1000),
        "DiagonalLDA": DiagonalLDA(var_smoothing=0.1),
    }
    for title, (X, y) in tables.items():
        row = {"rows": title}
        for name, model in models.items():
            scores = []
            for seed in range(n_repeats):
                parts = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
                scores.append(model.fit(parts[0], parts[2]).score(parts[1], parts[3]))
            row[name] = f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"
        yield row


# --- generative and discriminative classifiers -----------------------------------------------------------------------


def uncorrelated(rng, n_rows, n_features):
    """Independent normal features, of which the first half vary n_features times as much as the others."""
    variances = np.where(np.arange(n_features) < n_features // 2, float(n_features), 1.0)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, n_features)) * np.sqrt(variances) + np.where(y, 1.0, -1.0)[:, None]
    return X, y, norm.cdf(-np.sqrt(np.sum(1.0 / variances)))


def correlated(rng, n_rows, correlation, n_features=30):
    """Normal features with one correlation, whose means differ more from feature to feature.

    Also the error of the best rule, and that to which naive Bayes tends.
    """
    shift = np.linspace(0.0, 0.5, n_features)
    y = np.arange(n_rows) % 2
    common, own = rng.normal(size=(n_rows, 1)), rng.normal(size=(n_rows, n_features))
    noise = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own
    covariance = (1.0 - correlation) * np.eye(n_features) + correlation
    best = norm.cdf(-np.sqrt(shift @ np.linalg.solve(covariance, shift)))
    naive = norm.cdf(-(shift @ shift) / np.sqrt(shift @ covariance @ shift))
    return noise + np.where(y, 1.0, -1.0)[:, None] * shift, y, best, naive


def percent(value):
    return f"{100.0 * value:.2f}"


def naive_bayes_true():
    """Errors where naive Bayes is the true model."""
    sizes = [4, 8, 32, 128, 512, 4096]
    for n_features in (10, 100):
        X, y, best = uncorrelated(np.random.default_rng(0), max(sizes) + N_TEST, n_features)
        options = {"train_sizes": sizes, "test_size": N_TEST, "n_repeats": 10, "random_state": 0, "n_jobs": 2}
        pooled = generative_discriminative_curve(X, y, **options)
        separate = generative_discriminative_curve(X, y, GaussianNB(), **options)
        errors = {
            "DiagonalLDA": pooled.table["generative_error"],
            "GaussianNB": separate.table["generative_error"],
            "LogisticRegression": pooled.table["discriminative_error"],
        }
        for name, values in errors.items():
            row = {"features": f"{n_features}", "best": percent(best), "classifier": name}
            yield row | {f"{m}": percent(value) for m, value in zip(sizes, values, strict=True)}


def crossings():
    """Where logistic regression overtakes naive Bayes, by the correlation of features."""
    sizes = [8, 16, 32, 64, 128, 256, 512, 1024, 4096]
    for correlation in (0.0, 0.05, 0.1, 0.2):
        X, y, best, naive = correlated(np.random.default_rng(0), max(sizes) + N_TEST, correlation)
        result = generative_discriminative_curve(
            X, y, train_sizes=sizes, test_size=N_TEST, random_state=0, n_repeats=20, n_jobs=2
        )
        errors = [result.table[f"{name}_error"] for name in ("generative", "discriminative")]
        row = {"correlation": f"{correlation:g}", "best": percent(best), "naive": percent(naive)}
        for m, *pair in zip(sizes, *errors, strict=True):
            row[f"{m}"] = " / ".join(f"{100.0 * value:.1f}" for value in pair)
        yield row | {"crossing": crossing_of(result)}


def crossing_of(result):
    """The conclusion of a curve in few words."""
    if result.crossing_ is None:
        return f"none: {result.dominant}" if result.dominant else "undecided"
    return f"{result.crossing_:.0f} ({result.crossing_ci_[0]:.0f} to {result.crossing_ci_[1]:.0f})"


def digits_curve():
    X, y = load_digits(return_X_y=True)
    result = generative_discriminative_curve(
        X / 16.0,
        y,
        DiagonalLDA(var_smoothing=0.1),
        train_sizes=[20, 40, 80, 160, 320, 640, 1200],
        test_size=597,
        random_state=0,
        n_jobs=2,
    )
    for name in ("generative", "discriminative"):
        values = zip(result.table["train_size"], result.table[f"{name}_error"], strict=True)
        yield {"classifier": name} | {f"{m}": percent(value) for m, value in values} | {"crossing": crossing_of(result)}


TABLES = {
    "worst case": ("Steps to a separation, one row against n - 1 copies of another", lambda: counts(worst_cases())),
    "digits": ("Steps to a separation, two digits", lambda: counts(digits_problems())),
    "margins": ("Margins of two digits, and their intervals by normalized steps of gamma = 10", margins),
    "held out": ("Accuracy on the other half of the rows, 20 splits", held_out),
    "naive Bayes true": ("Test errors in per cent, independent features, means of 10 repeats", naive_bayes_true),
    "crossings": ("Test errors in per cent, DiagonalLDA / LogisticRegression, means of 20 repeats", crossings),
    "digits curve": ("Test errors in per cent, ten digits, means of 20 repeats", digits_curve),
}


if __name__ == "__main__":
    for table in sys.argv[1:] or TABLES:
        title, rows = TABLES[table]
        print(f"\n{table}. {title}\n\n{simple_table(list(rows()))}", flush=True)
