"""
When a correction does harm
===========================

Two groups differ in the predictions of a model. Either they differ in the truth, and predictions follow it, shrunken:
then a correction is right. Or the groups were made by what the model sees: then raw predictions are right already, and
the same correction makes the difference about twice as large. Predictions and truth by themselves look the same in both
cases.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict

from statlearn.debias import LinearCalibrationCorrector, differential_error_test, shrinkage_report

# %%
# One model
# ---------
# The progression of diabetes in a year, predicted from ten measurements; each patient by a model that did not see them.

X, y = load_diabetes(return_X_y=True, as_frame=True)
y = y.to_numpy()
predicted = cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y, cv=KFold(5, shuffle=True, random_state=0))
corrector = LinearCalibrationCorrector().fit(predicted, y)
print(f"slope of predictions on the truth {corrector.slope_:.2f}: effects shrink by about a half")
print(f"slope of the truth on predictions {corrector.calibration_slope_:.2f}: the model is calibrated")

# %%
# Two ways to make groups
# -----------------------
# Those who seek help, by how bad it is for them and by chance; and those with a body mass above the median, which is a
# column of the table.

rng = np.random.default_rng(0)
groups = {
    "seeks help": y + 75 * rng.normal(size=y.size) > 150,
    "high body mass": X["bmi"].to_numpy() > X["bmi"].median(),
}
corrected = corrector.predict(predicted)


def difference(values, group):
    return values[group].mean() - values[~group].mean()


gaps = {name: [difference(values, group) for values in (y, predicted, corrected)] for name, group in groups.items()}
tests = {name: differential_error_test(y, predicted, group) for name, group in groups.items()}
print(f"{'difference in':<16} {'truth':>6} {'raw':>6} {'corrected':>10}  verdict of the test")
for name, (true, raw, after) in gaps.items():
    print(f"{name:<16} {true:6.0f} {raw:6.0f} {after:10.0f}  {tests[name].verdict}")

# %%
# The report on the second group says why:

print(shrinkage_report(y, predicted, groups=groups["high body mass"]))

# %%
# The picture
# -----------
# The test compares two pairs of lines. At the same truth, do predictions of the groups differ (upper row)? At the same
# prediction, does the truth (lower row)? A correction needs lines in the upper row to coincide; raw predictions are
# right where those in the lower row do.

COLORS = {False: "#0072b2", True: "#d55e00"}


def draw_groups(ax, x, values, group):
    """Points of two groups, and means of fifths of each."""
    for member, color in COLORS.items():
        rows = group == member
        ax.plot(x[rows], values[rows], ".", color=color, alpha=0.4, ms=5, mec="none")
        fifths = np.array_split(np.flatnonzero(rows)[np.argsort(x[rows])], 5)
        means = [[v[part].mean() for part in fifths] for v in (x, values)]
        ax.plot(*means, "o-", color=color, lw=2, label="in the group" if member else "others")


figure, panels = plt.subplots(2, 3, figsize=(13.5, 8.2), layout="constrained")
for column, (name, group) in enumerate(groups.items()):
    draw_groups(panels[0, column], y, predicted, group)
    panels[0, column].set(xlabel="truth", ylabel="prediction", title=f"{name}: predictions, given the truth")
    draw_groups(panels[1, column], predicted, y, group)
    panels[1, column].set(xlabel="prediction", ylabel="truth", title=f"{name}: the truth, given predictions")
    panels[0, column].legend(loc="upper left")
for ax, (name, values) in zip(panels[:, 2], gaps.items(), strict=True):
    bars = ax.barh(["truth", "raw", "corrected"], values, color=["black", "#999999", "#009e73"])
    ax.bar_label(bars, fmt="%.0f", padding=3)
    ax.axvline(values[0], color="black", lw=0.8, ls="--")
    ax.invert_yaxis()
    ax.set(xlim=(0, 170), xlabel="difference of the groups", title=f"{name}: {tests[name].verdict}")
plt.show()

# %%
# Patients who seek help differ through the truth: given the truth predictions are the same, and the correction finds
# the difference. Body mass differs through what the model sees: given the prediction the truth is the same, raw
# predictions have the difference, and corrected ones have twice as much.
#
# The test needs pairs with their groups. Where a program is new there are none, and what is known about how places were
# chosen has to decide: see :ref:`the user guide <debias_whether>`.
