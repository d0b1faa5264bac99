"""
Reading a certificate
=====================

A fit of :class:`~statlearn.halfspace.TestableHalfspaceClassifier` comes with a certificate: what was tested on rows
that had no part in learning, a bound of the error above that of the best rule, and what nobody tested. Here is one that
holds, one that does not, and how the bound depends on the number of rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier, massart_angle_bound

# %%
# One that holds
# --------------
# 40,000 Gaussian rows of five columns. Four in ten labels are wrong in a part of the plane.

X, y = make_massart_halfspace(40_000, 5, recipe="massart-far", random_state=0)
model = TestableHalfspaceClassifier(eta=0.4, random_state=0).fit(X, y)
print(model.certificate_)

# %%
# The first lines are about rows: moments of all of them, and of those in two bands around the hyperplane, against
# Gaussian ones. Then comes the angle. The gradient of the smoothed error would be large if the hyperplane were far from
# the right one; that it is small excludes all larger angles. The error says on which side of the hyperplane the
# positive class is. The last two lines look for more errors than the assumed noise explains.
#
# The largest angle that a bound of the gradient leaves open:

normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
print(f"measured gradient {model.gradient_norm_:.4f}, upper confidence bound {model.gradient_ucb_:.4f}")
print(f"bound of the angle {model.angle_bound_:.1f} degrees, true angle {np.degrees(np.arccos(normal[0])):.1f}")

# %%
# One that does not
# -----------------
# Measurements of tumors. The rule is a good one. That does not follow from its certificate, which says that rows are
# not Gaussian, and in which moments that shows.

X_cancer, y_cancer = load_breast_cancer(return_X_y=True)
refused = TestableHalfspaceClassifier(eta=0.4, on_reject="ignore", random_state=0).fit(X_cancer, y_cancer)
for check in refused.certificate_.checks:
    if check.holds is not True and check.kind == "test":
        print(f"{check.name:<32} {'failed' if check.holds is False else 'not decided'}")
print(f"error on the rows of the tests: {refused.test_error_:.3f}")

# %%
# The picture
# -----------
# On the left how far statistics of the rows are from their Gaussian means, in standard deviations, on a scale on which
# Gaussian samples rarely go beyond three. In the middle how the gradient bounds the angle, and where the first model
# is. On the right that bound for more and more rows, from the rows of the tests, which are half of all.

fresh = make_massart_halfspace(20_000, 5, recipe="massart-far", random_state=1)
cubed = model.certify(np.sign(fresh[0]) * np.abs(fresh[0]) ** 1.2, fresh[1])


def distances(certificate):
    """Distances from the null means, by name of the statistic."""
    return {
        check.name: float(check.detail.split(" sd")[0])
        for check in certificate.checks
        if " sd from the null mean" in check.detail
    }


figure, (rows, gradient, growth) = plt.subplots(1, 3, figsize=(15.5, 5), layout="constrained")
for certificate, color, label in (
    (model.certificate_, "#0072b2", "Gaussian rows"),
    (cubed, "#d55e00", "their powers of 1.2"),
):
    found = distances(certificate)
    rows.plot(list(found.values()), list(found), "o", color=color, label=label)
rows.axvspan(-3.0, 3.0, color="#dddddd", zorder=0)
rows.invert_yaxis()
rows.set(xlabel="standard deviations from the null mean", title="Tests of the rows")
rows.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=2)

grid = np.linspace(0.0, 0.2, 101)
for eta, style in ((0.1, ":"), (0.3, "--"), (0.4, "-")):
    angles = np.array([massart_angle_bound(g, model.width_, eta) for g in grid])
    gradient.plot(grid[angles < 90.0], angles[angles < 90.0], style, color="black", label=f"eta = {eta:g}")
gradient.plot(model.gradient_ucb_, model.angle_bound_, "o", color="#0072b2", ms=9, label="first model")
gradient.set(
    ylim=(0.0, 90.0), xlabel="bound of the gradient", ylabel="degrees", title=f"Angles left, width {model.width_:.2f}"
)
gradient.legend()

SIZES = [10_000, 20_000, 40_000, 80_000, 160_000, 320_000]
bounds, true = [], []
for n in SIZES:
    data = make_massart_halfspace(n, 5, recipe="massart-far", random_state=2)
    one = TestableHalfspaceClassifier(eta=0.4, on_reject="ignore", random_state=2).fit(*data)
    bounds.append(one.angle_bound_)
    true.append(np.degrees(np.arccos(one.coef_[0, 0] / np.linalg.norm(one.coef_[0]))))
growth.loglog(SIZES, bounds, "o-", color="#0072b2", label="bound")
growth.loglog(SIZES, true, "o-", color="black", label="true angle")
growth.set_xticks(SIZES, [f"{n // 1000:,} k" for n in SIZES])
growth.minorticks_off()
growth.set(xlabel="rows", ylabel="degrees", title="More rows")
growth.legend()
plt.show()

# %%
# Angles are half-turn fractions of disagreements: five degrees are an excess error of at most 5/180, or 3 %. The bound
# is about a hyperplane through the mean, under noise that flips each label with a probability of at most eta. What
# nobody tested is at the end of the certificate; :ref:`the user guide <halfspace_certificate>` goes through it.
