"""
Can predictions be fair to women and fair to the young, and unfair to young women?
==================================================================================

Yes, and a penalty that looks at one protected attribute at a time does not notice. This is called fairness
gerrymandering. Three measures of dependence are penalized here by
`~statlearn.fairness.DistanceCovarianceFairRegressor`: the *sum* of the distance covariances with each attribute, the
distance covariance with the *concatenated* attributes (``"ccdcov"``), and the *joint* distance covariance
(``"jdcov"``), see :ref:`dependence_several`.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.dependence import DistanceCovariancePenalty, distance_covariance_test
from statlearn.fairness import DistanceCovarianceFairRegressor, fairness_path

# %%
# The data
# --------
# Two protected attributes are fair coins. The feature :math:`x_1` is higher by 2 where they differ, and tells nothing
# of each of them; :math:`x_2` has nothing to do with them. The outcome is the sum of the two and noise.

n = 2000
rng = np.random.default_rng(0)
sex, young = rng.integers(2, size=(2, n))
x1 = 2.0 * (sex != young) - 1 + rng.normal(size=n)
x2 = rng.normal(size=n)
y = x1 + x2 + rng.normal(size=n)
X, S = np.column_stack([x1, x2]), np.column_stack([sex, young])

# %%
# What the measures see
# ---------------------
# Ordinary least squares, and the p-value of a permutation test of its predictions with each of the measures.

MEASURES = {"sum": "one attribute at a time", "ccdcov": "concatenated", "jdcov": "joint"}
plain = DistanceCovarianceFairRegressor(fairness_weight=0).fit(X, y, S).predict(X)
for measure, name in MEASURES.items():
    excess = DistanceCovariancePenalty(measure).fit(S).excess(plain)
    pvalue = distance_covariance_test(plain, S, statistic=measure, random_state=0).p_value
    print(f"{name:<24} {excess:8.5f}   p = {pvalue:.3f}")

# %%
# What the penalties do
# ---------------------
# The same model with each penalty, along increasing weights. The cells are the four combinations of the attributes.

weights = np.concatenate([[0.0], np.geomspace(0.1, 100, 31)])
cells = {(a, b): (sex == a) & (young == b) for a in (0, 1) for b in (0, 1)}
paths, means = {}, {}
for measure in MEASURES:
    path = fairness_path(X, y, S, estimator=DistanceCovarianceFairRegressor(measure=measure), fairness_weights=weights)
    fitted = path.coefs @ X.T + path.intercepts[:, None]
    paths[measure] = path
    means[measure] = np.array([fitted[:, rows].mean(axis=1) for rows in cells.values()])
gaps = {measure: np.ptp(values, axis=0) for measure, values in means.items()}
shown = (0, 11, 21, 31)
print(f"{'largest gap between cells at weight':<36}", *(f"{weights[i]:6.0f}" for i in shown))
for measure, gap in gaps.items():
    print(f"{MEASURES[measure]:<36}", *(f"{gap[i]:6.2f}" for i in shown))

# %%
# The picture
# -----------
# Above: mean prediction of each cell along the weight of each penalty. Below: the largest gap between two cells, and
# the slopes of the two features.

COLORS = {"sum": "#0072b2", "ccdcov": "#d55e00", "jdcov": "#009e73"}
CELLS = ("#e69f00", "#56b4e9", "#0072b2", "#d55e00")
figure, panels = plt.subplot_mosaic([[*MEASURES], ["gap", "x1", "x2"]], figsize=(12, 7.2), layout="constrained")
for measure, values in means.items():
    for cell, mean, color, style in zip(cells, values, CELLS, ("-", "-", "--", "--"), strict=True):
        panels[measure].plot(weights, mean, style, color=color, lw=2, label=f"sex {cell[0]}, young {cell[1]}")
    panels[measure].set(title=f"penalty: {MEASURES[measure]}", ylim=(-1.25, 1.25))
panels["sum"].set_ylabel("mean prediction of the cell")
panels["sum"].legend(frameon=False, loc="center left")
for measure, path in paths.items():
    panels["gap"].plot(weights, gaps[measure], color=COLORS[measure], lw=2, label=MEASURES[measure])
    for name, slope in zip(("x1", "x2"), path.coefs.T, strict=True):
        panels[name].plot(weights, slope, color=COLORS[measure], lw=2)
panels["gap"].set(ylabel="largest gap between cells", ylim=(0, 2.4))
panels["gap"].legend(frameon=False, loc="lower left")
panels["x1"].set(ylabel="slope of $x_1$, the proxy", ylim=(0, 1.3))
panels["x2"].set(ylabel="slope of $x_2$, independent of both", ylim=(0, 1.3))
for name in ("x1", "x2"):
    panels[name].axhline(1.0, color="0.5", lw=1, ls=":")
for panel in panels.values():
    panel.set(xscale="log", xlabel="fairness weight", xlim=(weights[1], weights[-1]))
plt.show()

# %%
# The sum of the marginal measures finds nothing, because there is nothing to find in the margins. Its penalty leaves
# the gap of two where it was; what it does at the largest weights is a reaction to chance. The other two see the
# combination and close the gap as their weight grows.
#
# They pay for it in two ways. The proxy :math:`x_1` gets a smaller and smaller slope, of which even the largest weight
# here leaves something. And the slope of :math:`x_2`, independent of both attributes, rises above the truth: noise
# that is added to a prediction dilutes its dependence, and the penalty rewards that.
