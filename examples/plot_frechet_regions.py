"""
Which probabilities predict which label?
========================================

A classifier knows three labels, so that what it says about a row is a point in a triangle: a corner where it is sure of
one of them, the middle where it cannot tell. The most probable label cuts the triangle into three. With a distance
between labels, `~statlearn.frechet.frechet_predict` cuts it finer: labels that the classifier has never seen have
regions of their own, or have none, and which it is follows from the distance alone.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    GridMetric,
    LokiClassifier,
    SimplexRegionDisplay,
    TreeMetric,
    frechet_predict,
    locus,
    loki_report,
)

# %%
# Six label spaces
# ----------------
# Three labels of each are observed. The taxonomy is there twice: once all its nodes may be predicted, once its leaves
# only, which are equally deep. The grid is a map of nine cells, of which two opposite corners and a third one are
# observed, with two distances: that of a walk along the streets, *l1*, and as the crow flies, *l2*.

breeds = [("pet", "dog", "poodle"), ("pet", "dog", "beagle"), ("pet", "cat", "siamese"), ("pet", "cat", "manx")]
cells = ["NW", "N", "NE", "W", "C", "E", "SW", "S", "SE"]
spaces = {
    "no distances: argmax": (DiscreteMetric(["red", "green", "blue", "black"]), ["red", "green", "blue"]),
    "a scale from 0 to 10": (ChainMetric(range(11)), [0, 5, 10]),
    "a taxonomy, all nodes": (TreeMetric.from_paths(breeds), ["poodle", "beagle", "siamese"]),
    "a taxonomy, leaves only": (
        TreeMetric.from_paths(breeds, label_nodes="leaves"),
        ["poodle", "beagle", "siamese"],
    ),
    "a map, l2": (GridMetric((3, 3), norm="l2", labels=cells), ["NW", "SW", "SE"]),
    "a map, l1": (GridMetric((3, 3), norm="l1", labels=cells), ["NW", "SW", "SE"]),
}

figure, panels = plt.subplots(2, 3, figsize=(13, 8.4), layout="constrained")
for panel, (title, (metric, labels)) in zip(panels.flat, spaces.items(), strict=True):
    observed = metric.index_of(labels)
    SimplexRegionDisplay.from_metric(metric, observed, ax=panel)
    panel.set_title(title, pad=14)
    by_ties, alone = (metric.labels_[locus(metric, observed, strict=strict)] for strict in (False, True))
    print(f"{title:<24} {len(alone)} of {metric.n_labels_} labels have a region", end="")
    print(f", {len(by_ties) - len(alone)} more can tie" if len(by_ties) > len(alone) else "")
plt.show()

# %%
# On the scale every level between the outer ones is the answer to some probabilities. In the taxonomy "dog" is
# predicted where the classifier hesitates between two breeds, and "pet" where it hesitates between dogs and cats. If
# only the leaves may be predicted, *manx* is never: siamese is at least as close to every breed that was observed. The
# map has regions for the cells inside the triangle of the observed ones; with l1 some of the cells only tie with
# others, on lines that have no area.
#
# The temperature
# ---------------
# Probabilities are taken to the power of one over the temperature before they are weights. It moves the borders:
# towards 0 only the most probable label counts, and for large temperatures all rows have one answer. Below, a logistic
# regression has seen three of 20 levels of the progression of diabetes. Dots are what it says about patients of all
# levels, none of whom it was fitted to.

X, progression = load_diabetes(return_X_y=True)
level = np.digitize(progression, np.linspace(25, 346, 21)[1:-1])
X_train, X_test, y_train, y_test = train_test_split(X, level, test_size=0.5, random_state=0)
scale, known = ChainMetric(range(20)), [2, 8, 15]
seen = np.isin(y_train, known)
classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
model = LokiClassifier(classifier, metric=scale).fit(X_train[seen], y_train[seen])
P = model.predict_observed_proba(X_test)
print(f"{seen.sum()} rows of {len(known)} levels to train, {len(P)} rows of all levels to judge")
print(loki_report(y_test, P, scale, model.observed_indices_, y_train=y_train[seen]))

CORNERS = np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])
TEMPERATURES = (0.2, 1, 3)

figure, panels = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
for panel, temperature in zip(panels, TEMPERATURES, strict=True):
    SimplexRegionDisplay.from_metric(scale, model.observed_indices_, temperature=temperature, ax=panel)
    panel.plot(*(P @ CORNERS).T, ".", ms=3, color="black", alpha=0.6)
    predicted = frechet_predict(P, scale, model.observed_indices_, temperature=temperature)
    error = np.mean((predicted - y_test) ** 2)
    panel.set_title(f"temperature {temperature}: mean squared distance {error:.1f}", pad=14)
plt.show()

# %%
# Labels without a region are no matter of probabilities, nor of the temperature. Which labels have one can be told
# before anything is fitted: by `~statlearn.frechet.locus`.
