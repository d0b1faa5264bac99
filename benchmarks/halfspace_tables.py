"""Tables of the user guide of statlearn.halfspace: ``python -m benchmarks.halfspace_tables [NAME ...]``.

It takes minutes for all. Labels are those of `make_massart_halfspace` with flips of 0.4 unless a table says otherwise.
Learners go through the origin or the mean, which is where the true rule goes. An excess error is exact given the rows:
the mean, over 100,000 fresh ones, of what a wrong side costs there.
"""

import sys
from functools import partial

import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.debias_tables import simple_table
from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier, band_test, gaussianity_test, massart_angle_bound
from tests.halfspace import marginals

__all__ = ["flipped_by_components", "real_tables"]

RECIPES = ("clean", "rcn", "massart-quadrant", "massart-far", "adv-tail", "adv-tail-laplace", "adv-far")
SEEDS = range(5)


def tester_learner(seed, **params):
    return TestableHalfspaceClassifier(**{"random_state": seed, "on_reject": "ignore", **params})


def learners(seed):
    return {
        "logistic": LogisticRegression(fit_intercept=False),
        "SVM": LinearSVC(fit_intercept=False, dual=False),
        "SGD": SGDClassifier(fit_intercept=False, random_state=seed),
        "perceptron": Perceptron(fit_intercept=False, random_state=seed),
        "ours": tester_learner(seed),
    }


def excess_error(model, study):
    """Error above that of the true rule: what the wrong side costs is 1 - 2 P[flip], which may be negative."""
    differs = model.predict(study.data) != study.clean_target
    return np.mean(differs * (1.0 - 2.0 * study.flip_probability))


def angle(model):
    """Degrees to the first axis."""
    normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
    return np.degrees(np.arccos(np.clip(normal[0], -1.0, 1.0)))


def fresh(recipe, d, seed):
    return make_massart_halfspace(100_000, d, recipe=recipe, random_state=1000 + seed, return_X_y=False)


# --- learners --------------------------------------------------------------------------------------------------------


def recipes(n=20_000, d=20):
    for recipe in RECIPES:
        found = {}
        for seed in SEEDS:
            X, y = make_massart_halfspace(n, d, recipe=recipe, random_state=seed)
            study = fresh(recipe, d, seed)
            for name, model in learners(seed).items():
                fitted = model.fit(X, y)
                found.setdefault(name, []).append((excess_error(fitted, study), angle(fitted)))
        means = {name: np.mean(values, axis=0) for name, values in found.items()}
        yield {"noise": recipe, **{name: f"{excess:.4f}, {degrees:.1f}°" for name, (excess, degrees) in means.items()}}


def sizes(d=20):
    for n in (500, 2000, 20_000, 100_000):
        row = {"rows": f"{n:,}"}
        for recipe in ("clean", "rcn", "massart-far"):
            found = {"logistic": [], "ours": []}
            for seed in SEEDS:
                X, y = make_massart_halfspace(n, d, recipe=recipe, random_state=seed)
                study = fresh(recipe, d, seed)
                for name, values in found.items():
                    values.append(excess_error(learners(seed)[name].fit(X, y), study))
            row[recipe] = " / ".join(f"{np.mean(values):.4f}" for values in found.values())
        yield row


# --- bounds ----------------------------------------------------------------------------------------------------------

BOUNDED = [
    ("massart-far", 0.4, 20_000, 5),
    ("massart-far", 0.4, 20_000, 20),
    ("massart-far", 0.4, 100_000, 20),
    ("massart-far", 0.4, 400_000, 20),
    ("massart-quadrant", 0.4, 100_000, 20),
    ("rcn", 0.4, 100_000, 20),
    ("rcn", 0.2, 100_000, 20),
    ("rcn", 0.1, 100_000, 20),
]


def bounds(target="gaussian"):
    for recipe, eta, n, d in BOUNDED:
        fits = []
        for seed in SEEDS:
            X, y = make_massart_halfspace(n, d, recipe=recipe, eta=eta, random_state=seed)
            fits.append(tester_learner(seed, eta=eta, target=target).fit(X, y))
        true, angles = (np.median([value(fit) for fit in fits]) for value in (angle, lambda fit: fit.angle_bound_))
        excess = np.median([fit.excess_error_bound_ for fit in fits])
        yield {
            "noise": f"{recipe}, {eta:g}",
            "rows": f"{n:,}",
            "columns": str(d),
            "width": f"{np.median([fit.width_ for fit in fits]):.2f}",
            "angle": f"{true:.1f}°",
            "bound": f"{angles:.1f}°",
            "excess bound": f"{excess:.3f}",
            "certified": f"{sum(fit.accepted_ for fit in fits)} of {len(fits)}",
        }


def wrong_eta(repeats=10):
    """A bound of the noise that is too small: flips of .4 on one side of a second column, .2 on average."""
    for eta in (0.2, 0.25, 0.3, 0.4):
        fits = []
        for seed in range(repeats):
            X, y = make_massart_halfspace(60_000, 10, recipe="massart-quadrant", random_state=seed)
            fits.append(tester_learner(seed, eta=eta).fit(X, y))
        accepted = [fit for fit in fits if fit.accepted_]
        yield {
            "assumed eta": f"{eta:g}",
            "certified": f"{len(accepted)} of {repeats}",
            "certified, and the angle is larger than its bound": str(
                sum(angle(fit) > fit.angle_bound_ for fit in accepted)
            ),
            "certified, and more rows are on the other side than the excess bound says": str(
                sum(angle(fit) / 180.0 > fit.excess_error_bound_ for fit in accepted)
            ),
        }


def best_possible():
    """Angles that a gradient of zero leaves open."""
    for width in (0.05, 0.1, 0.2, 0.5, 1.0):
        row = {"width": f"{width:g}"}
        for eta in (0.1, 0.2, 0.3, 0.4, 0.45):
            row[f"η = {eta:g}"] = f"{massart_angle_bound(0.0, width, eta):.2f}°"
        needed = [5 * d / (2.0 * norm.cdf(width / 6.0) - 1.0) for d in (5, 20, 100)]
        yield {**row, **{f"rows, d = {d}": f"{size:,.0f}" for d, size in zip((5, 20, 100), needed, strict=True)}}


OPTS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05)


def any_noise():
    for recipe, n, d in [("massart-far", 100_000, 5), ("massart-far", 400_000, 20), ("adv-tail", 100_000, 5)]:
        fits = []
        for seed in SEEDS:
            X, y = make_massart_halfspace(n, d, recipe=recipe, random_state=seed)
            fits.append(tester_learner(seed, noise="agnostic").fit(X, y))
        row = {"noise": recipe, "rows": f"{n:,}", "columns": str(d), "error": f"{fits[0].test_error_:.3f}"}
        for opt in OPTS:
            row[f"{opt:g}"] = f"{np.median([fit.excess_error_bound(opt) for fit in fits]):.3f}"
        bound = np.median([fit.excess_error_bound_ for fit in fits])
        yield {**row, "no opt": f"{bound:.3f}", "certified": f"{sum(fit.accepted_ for fit in fits)} of {len(fits)}"}


# --- tests of the rows -----------------------------------------------------------------------------------------------

LAWS = {
    "Gaussian": marginals.gaussian,
    "Gaussian, any axes": marginals.affine_gaussian,
    "Student, 3": marginals.student(3),
    "Student, 10": marginals.student(10),
    "Student, 30": marginals.student(30),
    "Laplace": marginals.laplace,
    "uniform": marginals.uniform_cube,
    "signs": marginals.hypercube,
    "sphere": marginals.sphere,
    "1 row in 20 three times as large": marginals.scale_mixture,
    "two clusters, 2.7 sd apart": marginals.two_clusters(0.64),
    "two clusters, 1.6 sd apart": marginals.two_clusters(0.4),
    "two clusters, 1 sd apart": marginals.two_clusters(0.2),
    "signs along (1, ..., 1)": marginals.hidden_sign,
    "5 % in the band, at x2 = ±2": marginals.gross_band,
    "1 % moved into the band": marginals.pure_band,
}


def power(n=10_000, d=10, width=0.2, repeats=20):
    rng = np.random.default_rng(0)
    axis = np.eye(d)[0]
    for name, draw in LAWS.items():
        counts = np.zeros(4, dtype=int)
        for _ in range(repeats):
            X = draw(rng, n, d)
            for k, tolerance in ((0, 0.0), (2, 0.1)):
                counts[k] += gaussianity_test(X, tolerance=tolerance, method="auto").passed is False
                counts[k + 1] += band_test(X, axis, width, tolerance=tolerance, method="auto").passed is False
        cells = dict(zip(("all rows", "bands", "all, tolerance .1", "bands, tolerance .1"), counts, strict=True))
        yield {"rows": name, **{key: str(count) for key, count in cells.items()}}


def level(repeats=100):
    for n, d in [(4000, 2), (20_000, 5), (20_000, 20), (100_000, 20)]:
        counts = np.zeros(3, dtype=int)
        for seed in range(repeats):
            X, y = make_massart_halfspace(n, d, recipe="rcn", eta=0.1, random_state=seed)
            certificate = tester_learner(seed, eta=0.1, max_iter=50, n_init=1).fit(X, y).certificate_
            outcome = certificate.holds
            counts += [outcome is True, outcome is False, certificate["Gaussian, exactly"].statistic <= 0.05]
        columns = ("certified", "refused", "exact p-value at most .05")
        yield {
            "rows": f"{n:,}",
            "columns": str(d),
            **{column: f"{count} of {repeats}" for column, count in zip(columns, counts, strict=True)},
        }


# --- real tables -----------------------------------------------------------------------------------------------------


def real_tables():
    """Two tables with two classes, by name."""
    X, y = load_breast_cancer(return_X_y=True)
    yield "breast cancer", X, y
    X, y = load_digits(return_X_y=True)
    rows = np.isin(y, [3, 8])
    yield "digits, 3 or 8", X[rows], (y[rows] == 8).astype(int)


def flipped_by_components(X, y, rng):
    """Labels of which four in ten are wrong where two principal components have different signs, away from 0."""
    first, second = PCA(2, whiten=True).fit_transform(StandardScaler().fit_transform(X)).T
    flipped = (first * second < 0.0) & (np.abs(first) > 0.3) & (rng.random(y.size) < 0.4)
    return np.where(flipped, 1 - y, y)


def real(repeats=20):
    for name, X, y in real_tables():
        for n_components in (None, 5):
            for noisy in (False, True):
                found, refused = {}, 0
                for seed in range(repeats):
                    labels = flipped_by_components(X, y, np.random.default_rng(seed)) if noisy else y
                    train, test = train_test_split(np.arange(y.size), test_size=0.3, random_state=seed)
                    models = {
                        "logistic": LogisticRegression(),
                        "ours": tester_learner(seed),
                        "ours, intercept, test_size=0.2": tester_learner(seed, fit_intercept=True, test_size=0.2),
                    }
                    for key, model in models.items():
                        steps = [StandardScaler(), *([PCA(n_components)] if n_components else []), model]
                        fitted = make_pipeline(*steps).fit(X[train], labels[train])
                        found.setdefault(key, []).append(fitted.score(X[test], y[test]))
                        refused += key == "ours" and model.certificate_.holds is not True
                yield {
                    "table": name,
                    "columns": f"{n_components or X.shape[1]}",
                    "labels": "noisy" if noisy else "clean",
                    **{key: f"{np.mean(values):.3f} ± {np.std(values):.3f}" for key, values in found.items()},
                    "not certified": f"{refused} of {repeats}",
                }


TABLES = {
    "recipes": ("Excess error and angle to the truth; 20,000 rows, 20 columns, means of 5 seeds", recipes),
    "sizes": ("Excess error, logistic regression / ours; 20 columns, means of 5 seeds", sizes),
    "bounds": ("Angle and its bound, bound of the excess error; medians of 5 seeds", bounds),
    "universal": ("The same with target='universal'", partial(bounds, "universal")),
    "wrong eta": ("Flips of probability .4, and smaller assumptions; 60,000 rows, 10 columns, 10 seeds", wrong_eta),
    "best possible": (
        "Angles that a gradient of 0 leaves open, and rows of tests that a width needs",
        best_possible,
    ),
    "any noise": ("Bound of the excess error if the best halfspace errs on a share; medians of 5 seeds", any_noise),
    "power": ("Samples found not to be Gaussian, of 20; 10,000 rows, 10 columns, width 0.2, level 5 %", power),
    "level": ("Certificates of Gaussian rows whose labels are flipped with probability .1", level),
    "real": ("Accuracy on true labels of held-out rows, 20 splits", real),
}


if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        title, rows = TABLES[name]
        print(f"\n{name}. {title}\n\n{simple_table(list(rows()))}", flush=True)
