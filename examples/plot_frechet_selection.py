"""
Which class should be labeled next?
===================================

A classifier that knows some nodes of a taxonomy can, by `~statlearn.frechet.frechet_predict`, predict others: all that
lie on the paths between those it knows, which are called the *locus*. To know one class more adds the path from it to
the locus. So the classes to collect examples of next are told by the taxonomy alone, and on trees the greedy choice is
the best one for every number of classes.
"""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.frechet import (
    ChainMetric,
    LocusDisplay,
    LokiClassifier,
    TreeMetric,
    frechet_predict,
    loki_report,
    next_class_order,
    selection_curve,
)

# %%
# A small taxonomy
# ----------------
# Paths may differ in length, and every node may be predicted. A classifier knows three of the animals.

animals = TreeMetric.from_newick(
    "((((cat,dog,bear)carnivore,(mouse,beaver)rodent,orca,gorilla)mammal,(owl,duck)bird,(python,turtle)reptile,"
    "(shark,salmon)fish)vertebrate,((ladybird,ant)insect,(snail,octopus)mollusk,jellyfish)invertebrate)animal;"
)
known = animals.index_of(["cat", "mouse", "owl"])
order = next_class_order(animals, known)
curve = selection_curve(animals, known, order)
print(f"{animals.n_labels_} labels, {len(known)} of them known: {curve[0]} can be predicted")
for label, size in zip(animals.labels_[order], curve[1:], strict=True):
    print(f"  with {label:<10} {size}")

# %%
# The first choice has the longest way to the locus, into the other half of the taxonomy: the ladybird, and with it all
# inner nodes between, from insects up to the root. Brothers and sisters of what can be predicted come last, as they add
# nothing but themselves.

figure, panels = plt.subplots(2, 1, figsize=(13, 9), layout="constrained")
LocusDisplay.from_metric(animals, known, ax=panels[0])
panels[0].set_title("what can be predicted: three animals are known")
LocusDisplay.from_metric(animals, np.append(known, order[:3]), ax=panels[1])
panels[1].set_title("three more, the best ones")
plt.show()

# %%
# A larger one, and chance
# ------------------------
# A random tree with 500 labels, of which 10 are known. The order against random ones: each time any label is taken that
# cannot be predicted yet, or any leaf.

N_DRAWS = 200
ADDED = (0, 10, 30, 100, 179)
rng = np.random.default_rng(0)
tree = TreeMetric.from_networkx(nx.random_labeled_tree(500, seed=1))
start = rng.choice(tree.n_labels_, size=10, replace=False)
best = selection_curve(tree, start, next_class_order(tree, start))
degrees = np.bincount(tree.parents_[tree.parents_ >= 0], minlength=tree.n_labels_) + (tree.parents_ >= 0)
pools = {"a random label": np.arange(tree.n_labels_), "a random leaf": np.flatnonzero(degrees == 1)}


def random_curve(pool):
    """Sizes of the locus as labels outside it are added at random."""
    sizes = np.unique(selection_curve(tree, start, rng.permutation(np.setdiff1d(pool, start))))
    return np.pad(sizes, (0, best.size), mode="edge")[: best.size]


draws = {name: np.array([random_curve(pool) for _ in range(N_DRAWS)]) for name, pool in pools.items()}
print(f"{'labels added':<16}", *(f"{added:>6}" for added in ADDED))
for name, sizes in {"the best order": best[None], **draws}.items():
    print(f"{name:<16}", *(f"{mean:6.0f}" for mean in sizes.mean(axis=0)[list(ADDED)]))

# %%
# The temperature
# ---------------
# The other thing to choose is the temperature. The progression of diabetes on a scale of 20 levels, six of which are
# seen in training; all levels are judged, in 20 random splits. Small temperatures give the most probable label, and
# large ones a constant; the best one is in between, and is above 1 for classifiers that are too sure of themselves.

TEMPERATURES = np.logspace(-1.5, 2, 29)
N_SPLITS = 20
scale, levels = ChainMetric(range(20)), [0, 3, 7, 11, 15, 18]
X, progression = load_diabetes(return_X_y=True)
level = np.digitize(progression, np.linspace(25, 346, 21)[1:-1])
classifiers = {
    "naive Bayes": GaussianNB(),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
}


def errors_by_temperature(classifier, split):
    """Mean squared distances at each temperature; of argmax and the best constant; of the chosen temperature."""
    X_train, X_test, y_train, y_test = train_test_split(X, level, test_size=0.4, random_state=split)
    seen = np.isin(y_train, levels)
    model = LokiClassifier(classifier, metric=scale, temperature="auto").fit(X_train[seen], y_train[seen])
    P = model.predict_observed_proba(X_test)
    curve = [
        np.mean((frechet_predict(P, scale, model.observed_indices_, temperature=T) - y_test) ** 2) for T in TEMPERATURES
    ]
    report = loki_report(y_test, P, scale, model.observed_indices_, y_train=y_train[seen])
    argmax, _, constant = report.rules["mean_distance"]
    chosen = np.mean((model.predict(X_test) - y_test) ** 2)
    return np.array([*curve, argmax, constant, model.temperature_, chosen])


found = {
    name: np.mean([errors_by_temperature(classifier, split) for split in range(N_SPLITS)], axis=0)
    for name, classifier in classifiers.items()
}
print(f"{'mean squared distance':<22}  argmax  T = 1  best T  chosen T  constant")
for name, (*errors, argmax, constant, _, chosen) in found.items():
    at_one = np.interp(0.0, np.log(TEMPERATURES), errors)
    print(f"{name:<22} {argmax:7.2f} {at_one:6.2f} {min(errors):7.2f} {chosen:9.2f} {constant:9.2f}")

# %%
# The picture
# -----------

figure, panels = plt.subplots(1, 2, figsize=(13, 4.8), layout="constrained")
for (name, sizes), color in zip(draws.items(), ("#999999", "#d55e00"), strict=True):
    panels[0].plot(sizes.mean(axis=0), color=color, label=name)
    panels[0].fill_between(np.arange(best.size), sizes.min(axis=0), sizes.max(axis=0), color=color, alpha=0.15, lw=0)
panels[0].plot(best, color="#0072b2", label="the best order")
panels[0].axhline(tree.n_labels_, color="black", lw=0.8)
panels[0].set(xlabel="labels added to 10", title="labels that can be predicted, of 500")
panels[0].legend(loc="lower right")
for (name, (*errors, argmax, _, temperature, chosen)), color in zip(found.items(), ("#d55e00", "#0072b2"), strict=True):
    panels[1].plot(TEMPERATURES, errors, color=color, label=name)
    panels[1].plot(TEMPERATURES[0], argmax, "<", color=color, clip_on=False)
    panels[1].plot(temperature, chosen, "o", color=color)
panels[1].axhline(constant, color="black", lw=0.8, ls="--", label="best constant level")
panels[1].set(xscale="log", xlabel="temperature", title="mean squared distance to the true level")
panels[1].legend()
plt.show()

# %%
# Triangles are the most probable label, dots the temperatures that cross-validation chose on the six levels, without a
# row of the others. Naive Bayes is far too sure of itself, for it counts features that repeat each other as
# independent; so it gains from a temperature above 1. The logistic regression hardly does.
