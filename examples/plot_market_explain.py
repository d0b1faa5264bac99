"""
Who set the price, and was it a fair one?
=========================================

The predicted probability of a market is a price, and every price can be taken apart: ``explain`` says which share of
the stakes on the predicted class came from whom. Here two specialists, which know one half of a plane each, trade with
a forest and with naive Bayes, which bet everywhere. Then the leaves of the forest trade with each other, and their
prices are compared with what came true.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from statlearn.market import MarketForestClassifier, MarketHistoryDisplay, PredictionMarketClassifier

# %%
# The data
# --------
# On the left of the plane the log odds are linear, on the right they are a checkerboard. Four more features are noise.


def draw(n_samples, rng):
    plane, noise = rng.uniform(-2, 2, size=(n_samples, 2)), rng.normal(size=(n_samples, 4))
    board = 4 * np.sign(np.sin(np.pi * plane[:, 0]) * np.sin(np.pi * plane[:, 1]))
    log_odds = np.where(plane[:, 0] < 0, 3 * plane[:, 1], board)
    return np.hstack([plane, noise]), (rng.random(n_samples) < 1 / (1 + np.exp(-log_odds))).astype(int)


rng = np.random.default_rng(0)
X, y = draw(1500, rng)
X_test, y_test = draw(6000, rng)

# %%
# A market with specialists
# -------------------------
# A participant with a domain is fitted to the rows of its domain, and bets on no other. One is at home on the left, one
# in a corner of the right half, where it knows which two features matter; the other two bet everywhere.

domains = {"left": lambda X: X[:, 0] < 0, "corner": lambda X: (X[:, 0] >= 0) & (X[:, 1] >= 0)}
participants = [
    ("left", LogisticRegression()),
    ("corner", make_pipeline(make_column_transformer(("passthrough", [0, 1])), KNeighborsClassifier(20))),
    ("forest", RandomForestClassifier(random_state=0)),
    ("bayes", GaussianNB()),
]
market = PredictionMarketClassifier(participants, domains=domains, random_state=0).fit(X, y)
print(f"{'budget':>14} {'log loss':>9} where awake")
for name, budget in zip(market.participants_, market.budgets_, strict=True):
    awake = domains.get(name, lambda X: np.full(len(X), True))(X_test)
    loss = log_loss(y_test[awake], market.named_estimators_[name].predict_proba(X_test[awake]))
    print(f"{name:<7} {budget:6.3f} {loss:9.3f}")
print(f"{'market':<7} {market.budgets_.sum():6.3f} {log_loss(y_test, market.predict_proba(X_test)):9.3f}")

shares = market.explain(X_test)

# %%
# A market of leaves
# ------------------
# All leaves have the same budget in the forest. Those that earn more are trusted more.

forests = {
    "forest": MarketForestClassifier(n_epochs=0, random_state=0),
    "temperature": MarketForestClassifier(n_epochs=0, calibrate="temperature", random_state=0),
    "market": MarketForestClassifier(random_state=0),
}
right = X_test[:, 0] >= 0
for name, forest in forests.items():
    probabilities = forest.fit(X, y).predict_proba(X_test)
    wrong = forest.predict(X_test) != y_test
    errors = f"error {wrong[~right].mean():.3f} on the left, {wrong[right].mean():.3f} on the right"
    print(f"{name:<12} log loss {log_loss(y_test, probabilities):.3f}, {errors}")

# %%
# The picture
# -----------

COLORS = {"left": "#0072b2", "corner": "#d55e00", "forest": "#009e73", "bayes": "#f0e442"}
figure, (price_panel, who_panel, calibration_panel) = plt.subplots(1, 3, figsize=(13.5, 4.9), layout="constrained")
x1, x2 = X_test[:, 0], X_test[:, 1]

price = market.predict_proba(X_test)[:, 1]
dots = price_panel.scatter(x1, x2, s=5, c=price, cmap="RdBu_r", vmin=0, vmax=1)
figure.colorbar(dots, ax=price_panel, location="bottom", label="price of class 1")
price_panel.set(title="prices of the market with specialists", aspect="equal")

mixed = shares @ np.array([to_rgb(COLORS[name]) for name in market.participants_])
who_panel.scatter(x1, x2, s=5, c=mixed)
patches = [Patch(color=COLORS[name], label=name) for name in market.participants_]
who_panel.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=4, frameon=False)
who_panel.set(title="who set them", aspect="equal")

options = {"X": X_test, "y": y_test, "kind": "calibration", "ax": calibration_panel}
tempered, forest_again = MarketHistoryDisplay.from_estimator(forests["temperature"], **options).lines_
forest_again.remove()
MarketHistoryDisplay.from_estimator(forests["market"], **options)
tempered.set(label="forest with temperature", linestyle="--")
calibration_panel.legend()
calibration_panel.set(title="forest and market of its leaves")
plt.show()

# %%
# Each specialist sets nearly all prices at home. In the last corner, where both sleep, the forest sets them: with the
# fiftieth part of the money, since nobody bids against it but naive Bayes, which lost everything. A budget says how a
# participant did against those who were awake with it, and nothing about how good it is where it is alone.
#
# The market of leaves is the better forest here, and not only a bolder one, as that with a temperature is: on the right
# its error is a third, while on the left it is no better. Greedy splits cannot see a checkerboard, so that some trees
# came upon it and others did not. Leaves that did earn the budgets of those that did not. Real tables are rarely like
# that, and on most of them the temperature does as well or better: see :ref:`the user guide <market_where_not>`. None
# of the three curves is on the diagonal: all are too cautious where they are least sure, and the one with a temperature
# is too bold where it is surest.
