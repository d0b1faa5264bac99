"""
What mislabeled points do to convex losses
==========================================

Some labels are wrong, and which ones depends on the row. Where such rows lie far from the boundary, a convex loss pays
for each of them in proportion to its distance, and turns the boundary to please them. More rows do not help. A bounded
loss pays at most one for a row, and nothing for moving it: :class:`~statlearn.halfspace.TestableHalfspaceClassifier`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier, ramp_loss

# %%
# Labels that are wrong far away
# ------------------------------
# The true rule is the sign of the first of five columns. Four in ten labels are wrong where the second column has the
# other sign, unless the row is near the boundary. There are rows, then, for which a label is hardly better than a coin,
# but none for which it is worse.

study = make_massart_halfspace(20_000, 5, recipe="massart-far", random_state=0, return_X_y=False)
X, y = study.data, study.target
print(f"{np.mean(y != study.clean_target):.0%} of the labels are wrong")

models = {
    "LogisticRegression": LogisticRegression(fit_intercept=False),
    "LinearSVC": LinearSVC(fit_intercept=False, dual=False),
    "TestableHalfspaceClassifier": TestableHalfspaceClassifier(random_state=0),
}


def angle_of(model):
    """Degrees to the true normal, the first axis."""
    normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
    return np.degrees(np.arccos(normal[0]))


for name, model in models.items():
    model.fit(X, y)
    right = np.mean(model.predict(X) == study.clean_target)
    print(f"{name:<28} {angle_of(model):5.1f} degrees off, {right:.1%} of the true labels")

# %%
# Every column but the second has a coefficient near zero. The boundary in the plane of the first two is what matters:

COLORS = {"LogisticRegression": "#d55e00", "LinearSVC": "#cc79a7", "TestableHalfspaceClassifier": "#0072b2"}
figure, (plane, losses, growth) = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
shown = slice(0, 2500)
wrong = (y != study.clean_target)[shown]
plane.plot(*X[shown][~wrong, :2].T, ".", color="#bbbbbb", ms=3, label="label right")
plane.plot(*X[shown][wrong, :2].T, "x", color="black", ms=4, label="label wrong")
heights = np.array([-3.5, 3.5])
plane.axvline(0.0, color="black", ls="--", lw=1.2, label="true boundary")
for name, model in models.items():
    first, second = model.coef_[0, :2]
    style = "--" if name == "LinearSVC" else "-"  # nearly the line of logistic regression
    plane.plot(-second / first * heights, heights, style, color=COLORS[name], lw=2.5, label=name)
plane.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xlabel="$x_1$", ylabel="$x_2$", title="Boundaries")
plane.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=2, fontsize="small")

# %%
# Why
# ---
# A loss is a function of how far a row is on the wrong side. The ramp counts wrong sides, but for a band around the
# boundary, where it is smooth. Its slope, which is all that a descent sees, is zero outside the band: a wrong label
# beyond does not pull at all. The slope of a convex loss is largest there.

distance = np.linspace(-3.0, 3.0, 601)  # to the wrong side
losses.plot(distance, np.log1p(np.exp(distance)) / np.log(2.0), color=COLORS["LogisticRegression"], label="logistic")
losses.plot(distance, np.maximum(1.0 + distance, 0.0) ** 2, color=COLORS["LinearSVC"], label="squared hinge")
for width in (2.0, 0.5):
    style = {"color": COLORS["TestableHalfspaceClassifier"], "lw": 2.5 if width < 1.0 else 1.2}
    losses.plot(distance, ramp_loss(distance, width), label=f"ramp of width {width:g}", **style)
losses.set(ylim=(-0.1, 4.5), xlabel="distance to the wrong side", ylabel="loss", title="What a row costs")
losses.legend(loc="upper left", fontsize="small")

# %%
# More rows do not help
# ---------------------
# What is wrong is the limit, not the estimate: the minimum of the convex risk is tilted. The bounded loss comes nearer
# to the truth with every row.

SIZES = [500, 2000, 8000, 32_000, 128_000]
for name, model in models.items():
    off = []
    for n in SIZES:
        rows, labels = make_massart_halfspace(n, 5, recipe="massart-far", random_state=1)
        if name == "TestableHalfspaceClassifier":
            model.set_params(on_reject="ignore")  # small samples certify nothing, which is another page
        off.append(angle_of(model.fit(rows, labels)))
    growth.loglog(SIZES, off, "o-", color=COLORS[name], lw=2, label=name)
    print(f"{name:<28}", *(f"{angle:6.2f}" for angle in off))
growth.set(xlabel="rows", ylabel="degrees to the true normal", title="Sample size")
growth.set_xticks(SIZES, [f"{n:,}" for n in SIZES])
growth.minorticks_off()
growth.legend(fontsize="small")
plt.show()

# %%
# On labels without errors, logistic regression is the better one, since it learns from all rows rather than from those
# near the boundary: see :ref:`the user guide <halfspace_where_not>`.
