"""
Steps, loss and progress: why a high loss can be good news
==========================================================

Logistic regression of two classes that a hyperplane separates has no solution: the loss tends to zero, and the
coefficients to infinity. What can be asked of gradient descent is how soon nothing is on the wrong side. Small steps
decrease the loss at every step and take long. Large ones increase it first, by a factor of hundreds, and are there
sooner. The interval of the margin, which each step bounds from both sides, shows progress where the loss does not.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from statlearn.linear import LargeStepLogisticClassifier, StepHistoryDisplay, separability

# %%
# Threes and eights
# -----------------
# First the facts: the classes are separable, and the margin is known to many digits.

images, digits = load_digits(return_X_y=True)
chosen = np.isin(digits, [3, 8])
X, y = images[chosen] / 16, digits[chosen]
facts = separability(X, y)
print(facts.certificate)

# %%
# Now three ways to step there. Each stops as soon as nothing is on the wrong side.

models = {
    "gradient descent, step 1": LargeStepLogisticClassifier(1.0),
    "gradient descent, step 100": LargeStepLogisticClassifier(100.0),
    "normalized, step 100": LargeStepLogisticClassifier("normalized", gamma=100.0),
    "safe radius": LargeStepLogisticClassifier("safe-radius"),
}
colors = dict(zip(models, ["#0072b2", "#d55e00", "#009e73", "#cc79a7"], strict=True))
print(f"{'':<28}steps  largest loss  steps that increased it")
for name, model in models.items():
    loss = model.fit(X, y).history_["loss"]
    print(f"{name:<28}{model.n_iter_:5}  {loss.max():12.2f}  {np.sum(np.diff(loss) > 0):5} of {loss.size - 1}")

# %%
# The picture
# -----------
# On the left the loss, in the middle the rows on the wrong side, by steps. On the right normalized steps of 10 that go
# on: the interval of the margin closes around the value found above.

longer = LargeStepLogisticClassifier(gamma=10.0, stop="margin", fallback="pocket").fit(X, y)  # steps alone
figure, panels = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
for name, model in models.items():
    history, style = model.history_, {"color": colors[name], "label": name}
    panels[0].plot(history["iteration"], history["loss"], **style)
    panels[1].plot(history["iteration"], history["n_errors"], **style)
    panels[1].plot(history["iteration"][-1:], [0], "o", color=colors[name], clip_on=False)
panels[0].set(xscale="symlog", yscale="log", ylim=(1e-3, 1e3), xlabel="steps", ylabel="mean loss", title="loss")
panels[1].set(xscale="symlog", xlabel="steps", ylabel="rows", title="rows on the wrong side")
panels[1].set_ylim(bottom=0)
panels[1].legend()
StepHistoryDisplay.from_estimator(longer, kind="margin", ax=panels[2])
panels[2].axhline(facts.margin_lower, color="black", lw=0.8, ls="--", label="margin, by separability")
panels[2].set(xscale="log", title="interval of the margin")
panels[2].legend()
plt.show()

# %%
# Which rows decide?
# ------------------
# The weights that prove the margin from above are on few rows: the threes and eights that are most like each other.

order = np.argsort(-facts.dual_weights)[:10]
figure, panels = plt.subplots(1, 10, figsize=(14, 1.9), layout="constrained")
for panel, row in zip(panels, order, strict=True):
    panel.imshow(X[row].reshape(8, 8), cmap="gray_r")
    panel.set(xticks=[], yticks=[], title=f"{y[row]}, weight {facts.dual_weights[row]:.2f}")
plt.show()

# %%
# The coefficients of all of these have no scale that means anything, so that there are no probabilities; and that a
# direction separates the rows it was fitted to does not make it a good one for others: see :ref:`the user guide
# <linear_where_not>`.
