"""Tables of the user guide of statlearn.frechet: ``python -m benchmarks.frechet_tables``, some minutes."""

import itertools
import warnings

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.frechet import (
    ChainMetric,
    EmbeddingMetric,
    LeaveClassesOut,
    LokiClassifier,
    TreeMetric,
    frechet_predict,
    hierarchical_prf,
    loki_report,
    mean_squared_distance,
    metric_scorer,
)

SEGMENTS = (
    "1110111",
    "0010010",
    "1011101",
    "1011011",
    "0111010",
    "1101011",
    "1101111",
    "1010010",
    "1111111",
    "1111011",
)
SHAPES = [
    ("loops", "one loop", "0"),
    ("loops", "one loop", "6"),
    ("loops", "one loop", "9"),
    ("loops", "two loops", "8"),
    ("strokes", "straight", "1"),
    ("strokes", "straight", "4"),
    ("strokes", "straight", "7"),
    ("strokes", "bent", "2"),
    ("strokes", "bent", "3"),
    ("strokes", "bent", "5"),
]
LEVELS = {20: [0, 3, 7, 11, 15, 18], 10: [0, 2, 4, 6, 8]}


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression())


def diabetes_splits(n_levels, n_splits, *, stratified):
    X, y = load_diabetes(return_X_y=True)
    y = np.digitize(y, np.linspace(25, 346, n_levels + 1)[1:-1])
    for split in range(n_splits):
        parts = train_test_split(X, y, test_size=0.4, random_state=split, stratify=y if stratified else None)
        yield parts, np.isin(parts[2], LEVELS[n_levels])


def argmax(model, X):
    return model.observed_classes_[model.predict_observed_proba(X).argmax(axis=1)]


def calibration():
    """Mean squared distances by calibration; ten levels, every other seen."""
    scale = ChainMetric(range(10))
    for (X, X_test, y, y_test), seen in diabetes_splits(10, 10, stratified=True):
        row = {}
        for name, base in {"naive Bayes": GaussianNB(), "logistic": linear()}.items():
            for method in (None, "sigmoid", "isotonic"):
                for temperature in (1.0, "auto"):
                    model = LokiClassifier(base, metric=scale, temperature=temperature, calibration=method)
                    model.fit(X[seen], y[seen])
                    row[f"{name} {method} {temperature}"] = mean_squared_distance(y_test, model.predict(X_test), scale)
                    row[f"{name} {method} argmax"] = mean_squared_distance(y_test, argmax(model, X_test), scale)
        yield row


def scale_of_levels():
    """Estimates and truth on 20 levels, and regressions."""
    scale, scorer = ChainMetric(range(20)), metric_scorer(ChainMetric(range(20)))
    for (X, X_test, y, y_test), seen in diabetes_splits(20, 20, stratified=False):
        model, known = LokiClassifier(linear(), metric=scale).fit(X[seen], y[seen]), np.isin(y_test, LEVELS[20])
        predicted, every = model.predict(X_test), LokiClassifier(linear(), metric=scale).fit(X, y)
        row = {
            "argmax": mean_squared_distance(y_test, argmax(model, X_test), scale),
            "Loki": mean_squared_distance(y_test, predicted, scale),
            "seen": mean_squared_distance(y_test[known], predicted[known], scale),
            "unseen": mean_squared_distance(y_test[~known], predicted[~known], scale),
            "5 folds": -cross_val_score(model, X[seen], y[seen], cv=5, scoring=scorer).mean(),
            "classes out": -cross_val_score(model, X[seen], y[seen], cv=LeaveClassesOut(5), scoring=scorer).mean(),
            "argmax, all levels": mean_squared_distance(y_test, argmax(every, X_test), scale),
            "Loki, all levels": mean_squared_distance(y_test, every.predict(X_test), scale),
        }
        for name, rows in {"ridge": seen, "ridge, all levels": slice(None)}.items():
            fitted = RidgeCV(np.logspace(-3, 3, 13)).fit(X[rows], y[rows]).predict(X_test)
            row[name] = np.mean((np.clip(np.rint(fitted), 0, 19) - y_test) ** 2)
        yield row


def balanced(n_children=4, depth=3):
    parent, level = [-1], [0]
    for _ in range(depth):
        added = []
        for node in level:
            for _ in range(n_children):
                parent.append(node)
                added.append(len(parent) - 1)
        level = added
    return np.array(parent), np.array(level)


def taxonomy(n_seen):
    """A taxonomy with 64 leaves, of which some are seen."""
    parent, leaves = balanced()
    tree, flat = TreeMetric(parent), TreeMetric(parent, label_nodes="leaves")
    base = LogisticRegression(max_iter=1000)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        center = np.zeros((parent.size, 5))
        for node in range(1, parent.size):
            center[node] = center[parent[node]] + rng.normal(size=5)
        y = rng.choice(leaves, 3000)
        X = center[y] + rng.normal(size=(3000, 5))
        known = rng.choice(leaves, n_seen, replace=False)
        train, test = np.flatnonzero(np.isin(y[:1500], known)), np.arange(1500, 3000)
        model = LokiClassifier(base, metric=tree).fit(X[train], y[train])
        P, observed = model.predict_observed_proba(X[test]), model.observed_indices_
        rules = loki_report(y[test], P, tree, observed, y_train=y[train]).rules
        names = ("argmax", "Loki", "constant node", "root")
        row = dict(zip(names, rules["mean_distance"], strict=True))
        row["depth"], row["error argmax"], row["error Loki"] = rules["depth"][1], *rules["error_rate"][:2]
        row["T = 2"] = loki_report(y[test], P, tree, observed, temperature=2.0).rules["mean_distance"][1]
        leaf_rules = loki_report(y[test], P, flat, flat.index_of(model.observed_classes_), y_train=y[train]).rules
        row["leaves"], row["constant leaf"] = leaf_rules["mean_distance"][1:3]
        for name, cv in {"5 folds": 5, "classes out": LeaveClassesOut(5)}.items():
            auto = LokiClassifier(base, metric=tree, temperature="auto", cv=cv).fit(X[train], y[train])
            row[f"auto, {name}"] = mean_squared_distance(y[test], auto.predict(X[test]), tree)
            for kind, metric in {"nodes": tree, "leaves": flat}.items():
                wrapped = LokiClassifier(base, metric=metric)
                scores = cross_val_score(wrapped, X[train], y[train], cv=cv, scoring=metric_scorer(metric))
                row[f"estimate {kind}, {name}"] = -scores.mean()
        seen = np.isin(y[test], known)
        for kind, metric in {"nodes": tree, "leaves": flat}.items():
            predicted = LokiClassifier(base, metric=metric).fit(X[train], y[train]).predict(X[test])
            row[f"seen {kind}"] = mean_squared_distance(y[test][seen], predicted[seen], metric)
            if not seen.all():
                row[f"unseen {kind}"] = mean_squared_distance(y[test][~seen], predicted[~seen], metric)
        for name, labels in {"argmax": argmax(model, X[test]), "Loki": model.predict(X[test])}.items():
            row[f"precision {name}"], row[f"recall {name}"], _ = hierarchical_prf(y[test], labels, tree)
        yield row


def digits():
    """Hidden pairs of digits, whose distances are segments of a display."""
    X, y = load_digits(return_X_y=True)
    segments = EmbeddingMetric(np.array([[float(on) for on in code] for code in SEGMENTS]), range(10))
    train, test = train_test_split(np.arange(y.size), test_size=0.4, random_state=0, stratify=y)
    bases = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "15 neighbors": KNeighborsClassifier(15),
    }
    for hidden in itertools.combinations(range(10), 2):
        rows, row, out = train[~np.isin(y[train], hidden)], {}, np.isin(y[test], hidden)
        for name, base in bases.items():
            model = LokiClassifier(base, metric=segments).fit(X[rows], y[rows])
            P, usual = model.predict_observed_proba(X[test]), argmax(model, X[test])
            row[f"{name}: argmax"] = mean_squared_distance(y[test], usual, segments)
            row[f"{name}: error of argmax"] = np.mean(usual != y[test])
            for temperature in (1.0, 4.0):
                labels = frechet_predict(P, segments, model.observed_indices_, temperature=temperature)
                row[f"{name}: Loki, T = {temperature:g}"] = mean_squared_distance(y[test], labels, segments)
                row[f"{name}: error, T = {temperature:g}"] = np.mean(labels != y[test])
                row[f"{name}: recognized, T = {temperature:g}"] = np.mean(labels[out] == y[test][out])
        yield row


def timid():
    """Classifiers that are less sure than right; digits in a taxonomy of their shapes, all seen."""
    X, y = load_digits(return_X_y=True)
    tree = TreeMetric.from_paths(SHAPES)
    bases = {
        "forest": RandomForestClassifier(random_state=0),
        "C = 0.001": make_pipeline(StandardScaler(), LogisticRegression(C=0.001)),
    }
    ways = {
        "T = 1": {},
        "auto": {"temperature": "auto"},
        "sigmoid": {"calibration": "sigmoid"},
        "isotonic": {"calibration": "isotonic"},
    }
    for split in range(10):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y.astype(str), test_size=0.5, random_state=split, stratify=y
        )
        row = {}
        for name, base in bases.items():
            for way, parameters in ways.items():
                model = LokiClassifier(base, metric=tree, **parameters).fit(X_train, y_train)
                P = model.predict_observed_proba(X_test)
                report = loki_report(
                    y_test, P, tree, model.observed_indices_, y_train=y_train, temperature=model.temperature_
                ).rules
                if way == "T = 1":
                    row[f"{name}: argmax"], row[f"{name}: error of argmax"] = (
                        report[column][0] for column in ("mean_distance", "error_rate")
                    )
                    row[f"{name}: largest probability"] = P.max(axis=1).mean()
                row[f"{name}: {way}"], row[f"{name}: depth, {way}"], row[f"{name}: error, {way}"] = (
                    report[column][1] for column in ("mean_distance", "depth", "error_rate")
                )
                row[f"{name}: temperature, {way}"] = model.temperature_
        row["best constant node"] = report["mean_distance"][2]
        yield row


def zero_shot():
    """40 classes with embeddings in 20 dimensions, 10 of them unseen; 50 features that follow the embedding."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        embeddings = rng.normal(size=(40, 20))
        y = rng.integers(40, size=6000)
        X = embeddings[y] @ rng.normal(size=(20, 50)) / 20**0.5 + rng.normal(size=(6000, 50))
        unseen = rng.choice(40, 10, replace=False)
        train = np.flatnonzero(~np.isin(y[:3000], unseen))
        base, metric = LogisticRegression(max_iter=500), EmbeddingMetric(embeddings)
        model = LokiClassifier(base, metric=metric).fit(X[train], y[train])
        X_test, y_test = X[3000:], y[3000:]
        out = np.isin(y_test, unseen)
        top = model.predict_top_k(X_test, 5)
        among = frechet_predict(
            model.predict_observed_proba(X_test[out]), metric, model.observed_indices_, label_space=unseen
        )
        yield {
            "seen rows: right": np.mean(top[~out, 0] == y_test[~out]),
            "unseen rows: right": np.mean(top[out, 0] == y_test[out]),
            "unseen rows: among the first five": np.mean((top[out] == y_test[out, None]).any(axis=1)),
            "unseen rows: right among the unseen": np.mean(among == y_test[out]),
        }


def show(title, rows):
    rows = list(rows)
    print(f"\n{title}: mean, standard error, largest of {len(rows)}")
    for name in rows[0]:
        values = np.array([row[name] for row in rows if name in row])
        print(f"  {name:<38} {values.mean():8.3f} {values.std(ddof=1) / values.size**0.5:8.3f} {values.max():8.3f}")


if __name__ == "__main__":
    # Classes with fewer rows than folds, which the splits of small classes bring.
    warnings.filterwarnings("ignore", message="The least populated class")
    show("calibration", calibration())
    show("scale", scale_of_levels())
    for n_seen in (8, 16, 32, 64):
        show(f"taxonomy, {n_seen} of 64", taxonomy(n_seen))
    show("digits", digits())
    show("timid classifiers", timid())
    show("zero-shot", zero_shot())
