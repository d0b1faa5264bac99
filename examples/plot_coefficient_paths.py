"""
Which feature acts differently at which step?
=============================================

`~statlearn.ordinal.PrestoClassifier` gives each cut between neighboring classes its own slopes and penalizes
the *changes* from cut to cut. As the penalty weakens, features enter one change at a time. Here the truth is
known, so that the path can be compared with it.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.datasets import make_rare_ordinal
from statlearn.ordinal import PrestoClassifierCV, presto_path

# %%
# The data
# --------
# Three cuts, ten features; each coefficient of the first cut and each later change is zero with probability
# 2/3.

study = make_rare_ordinal(10_000, density=1 / 3, random_state=4, return_X_y=False)
X, y = study.data, study.target
true_changes = np.diff(study.coef, axis=0, prepend=0.0)
print("rows per class:", np.bincount(y))

# %%
# The path
# --------
# 60 penalties, from the one that leaves only the intercepts down to a thousandth of it, with the proof of how
# close each fit is to its optimum.

path = presto_path(X, y, n_alphas=60, eps=1e-3)
changes = np.diff(path.coefs, axis=1, prepend=0.0)
print(f"largest duality gap on the path: {path.dual_gaps.max():.1e}")

search = PrestoClassifierCV(alphas=path.alphas, random_state=0).fit(X, y)
print(f"penalty chosen by cross-validation: {search.alpha_:.2e}")
print(search.deviating_transitions())
found, real = search.coef_diff_[1:] != 0, true_changes[1:] != 0
print(f"changes after the first cut: {(found & real).sum()} of {real.sum()} true ones found,", end=" ")
print(f"{(found & ~real).sum()} others, the largest {np.abs(search.coef_diff_[1:][~real]).max():.2f}")

# %%
# The picture
# -----------
# One panel per cut: the slopes of the first cut, then what changes at the second and at the third.

TRUTHS = {0: ("0.7", "truly zero"), -1: ("#0072b2", "truly negative"), 1: ("#d55e00", "truly positive")}
titles = ("slopes of the first cut", "change at the second cut", "change at the third cut (rare class)")
figure, panels = plt.subplots(1, 3, figsize=(12, 4.4), sharey=True, layout="constrained")
for panel, title, truth, lines in zip(panels, titles, true_changes, changes.swapaxes(0, 1), strict=True):
    for value in np.unique(truth[truth != 0]):
        panel.axhline(value, color="0.3", ls="--", lw=1, label="true value")
    for sign, (color, label) in TRUTHS.items():
        drawn = panel.plot(path.alphas, lines[:, np.sign(truth) == sign], color=color, lw=2 if sign else 1)
        plt.setp(drawn[:1], label=label)
    panel.axvline(search.alpha_, color="0.3", ls=":", lw=1.5, label="chosen by cross-validation")
    panel.set(xscale="log", title=title, xlabel=r"penalty $\alpha$ (weaker to the right)")
    panel.invert_xaxis()
panels[0].set_ylabel("log-odds per unit of the feature")
legend = {label: line for panel in panels for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
legend = dict(sorted(legend.items(), reverse=True))
figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=len(legend))
plt.show()

# %%
# The slopes of the first cut come in first, then the changes at the second cut. The one true change at the
# third cut comes last, since only 69 rows speak about it, and where cross-validation stops it has reached a
# good third of its true size: shrinkage is the price for the stability of the rare cut. All true changes are
# found; the few false ones that cross-validation lets in are small. It picks the penalty that predicts best,
# which is usually weaker than the one that would separate true changes from false ones.
