"""
Where may cut logits cross?
===========================

Slopes that differ between the cuts of an ordered outcome must meet somewhere, and beyond that point a class
probability is negative. `~statlearn.ordinal.PrestoClassifier` lets you say where that is forbidden: nowhere
(``crossing="observed"``), at the training rows (``"train"``, the default), or in the whole bounding box of
the training rows (``"box"``).
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from statlearn.exceptions import CrossingWarning
from statlearn.ordinal import PrestoClassifier

# %%
# The data
# --------
# An outcome whose *spread* grows with the first feature: at one end most rows sit in the middle classes, at
# the other they sit at the extremes. The true probabilities are proper everywhere, but straight lines that
# follow the cut logits must cross. The second feature is correlated with the first and does nothing by
# itself.


def make_growing_spread(n_samples=400, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=n_samples)
    second = 0.85 * first + np.sqrt(1 - 0.85**2) * rng.normal(size=n_samples)
    score = np.exp(1.2 * first) * rng.logistic(size=n_samples)
    return np.column_stack([first, second]), np.digitize(score, [-1.0, 0.0, 1.0])


warnings.simplefilter("ignore", CrossingWarning)  # crossing is what the figure shows
X, y = make_growing_spread()
print("rows per class:", np.bincount(y))

# %%
# Three domains
# -------------
# ``repair="none"`` shows the probabilities as the fit has them. With a single feature, straight lines that do
# not cross at the outermost rows do not cross in between: ``"train"`` and ``"box"`` are then the same
# problem.


def fit(features, crossing):
    model = PrestoClassifier(alpha=1e-3, crossing=crossing, repair="none").fit(X[:, features], y)
    print(
        f"{len(features)} feature(s), {crossing:>8}: objective {model.objective_:.4f}, "
        f"training rows that cross {model.n_crossing_train_:2d}, duality gap {model.dual_gap_:.1e}"
    )
    return model


one = {crossing: fit([0], crossing) for crossing in ("observed", "train", "box")}
two = {crossing: fit([0, 1], crossing) for crossing in ("observed", "train", "box")}

# %%
# The objective of ``"observed"`` is lower because it is not a likelihood: a row may give a class that was not
# observed there a negative probability, and the classes that were observed more than one in total.
two["train"].certificate_

# %%
# The picture
# -----------
# Left and middle: one feature, with the training rows as ticks along the axis. Right: the plane of both
# features, with the training rows and their bounding box. Cuts cross in the pink regions.

CLASS_COLORS = ("#0072b2", "#56b4e9", "#e69f00", "#d55e00")
CROSSING = {"color": "#cc79a7", "alpha": 0.3}
UNIT = "(standard deviations)"


def crosses(cut_logits):
    return (np.diff(cut_logits, axis=1) > 0).any(axis=1)


def draw_line(panels, model, title):
    grid = np.linspace(-4.5, 4.5, 600)[:, None]
    cut_logits = model.cut_logits(grid)
    for cut, line in enumerate(cut_logits.T):
        panels[0].plot(grid, line, color=f"{0.1 + 0.25 * cut}", lw=2, label=f"logit $P(y > {cut})$")
    for label, curve in enumerate(model.predict_proba(grid).T):
        panels[1].plot(grid, curve, color=CLASS_COLORS[label], lw=2, label=f"$P(y = {label})$")
    for panel in panels:
        bottom = panel.get_xaxis_transform()
        panel.fill_between(grid[:, 0], 0, 1, where=crosses(cut_logits), lw=0, transform=bottom, **CROSSING)
        panel.plot(X[:, 0], np.zeros(len(X)), "|", color="0.4", ms=8, transform=bottom)
    panels[1].axhline(0, color="0.2", lw=0.8)
    panels[0].set(title=title, ylabel="cut logit (log-odds)", ylim=(-6, 6))
    panels[1].set(xlabel=f"first feature {UNIT}", ylabel="class probability", ylim=(-0.5, 1.3))


def draw_plane(panel, model, title):
    axis = np.linspace(-4.5, 4.5, 301)
    first, second = np.meshgrid(axis, axis)
    region = crosses(model.cut_logits(np.column_stack([first.ravel(), second.ravel()]))).reshape(first.shape)
    panel.contourf(first, second, region, levels=[0.5, 1.5], colors=[CROSSING["color"]], alpha=CROSSING["alpha"])
    panel.scatter(*X.T, s=8, color="0.3", lw=0)
    low, high = X.min(axis=0), X.max(axis=0)
    panel.add_patch(plt.Rectangle(low, *(high - low), fill=False, ls="--", lw=1.5))
    panel.set(title=title, xlabel=f"first feature {UNIT}", ylabel=f"second feature {UNIT}")


figure, panels = plt.subplots(2, 3, figsize=(12, 7.2), layout="constrained")
draw_line(panels[:, 0], one["observed"], 'one feature, "observed"')
draw_line(panels[:, 1], one["train"], 'one feature, "train" = "box"')
draw_plane(panels[0, 2], two["train"], 'two features, "train"')
draw_plane(panels[1, 2], two["box"], 'two features, "box"')
panels[0, 1].legend(loc="upper right")
panels[1, 1].legend(loc="upper left", ncols=2)
plt.show()

# %%
# Under ``"observed"`` the cuts cross inside the data and two class probabilities turn negative there.
# ``"train"`` moves the crossing to the outermost row: with one feature that is the edge of the box, with two
# it can lie in a corner of the box that holds no rows. ``"box"`` pushes it out of the whole rectangle, at a
# slightly higher objective. Predictions at crossing rows are repaired unless ``repair="none"`` asks to see
# them as they are, as here.
