"""
An expert turns bad in mid-stream: how soon does a market notice?
=================================================================

Three classifiers watch a machine, each through sensors of its own, and a
`~statlearn.market.PredictionMarketClassifier` makes one probability of theirs. It trades on a stream: rows are priced
before their class is known, and then settled one after the other. Half way, the sensors of the best classifier break.
Nobody tells the market.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from statlearn.market import MarketHistoryDisplay, PredictionMarketClassifier

# %%
# The data
# --------
# Six sensors, which tell two classes apart more or less well. The classifiers are fitted to 500 rows from before the
# stream. In its second half the two best sensors show nothing but noise.

N_TRAIN, N_STREAM = 500, 4000
BREAK = N_STREAM // 2
SENSORS = {"best sensors": [0, 1], "good sensors": [2, 3], "poor sensors": [4, 5]}

rng = np.random.default_rng(0)
y = rng.integers(2, size=N_TRAIN + N_STREAM)
X = np.outer(2 * y - 1, [1.2, 1.2, 0.8, 0.8, 0.5, 0.5]) + rng.normal(size=(y.size, 6))
X[N_TRAIN + BREAK :, :2] = 2 * rng.normal(size=(N_STREAM - BREAK, 2))
X_train, X_stream, y_train, y_stream = X[:N_TRAIN], X[N_TRAIN:], y[:N_TRAIN], y[N_TRAIN:]

experts = [
    (name, make_pipeline(make_column_transformer(("passthrough", columns)), LogisticRegression()))
    for name, columns in SENSORS.items()
]

# %%
# The stream
# ----------
# One market keeps all that was earned. The other has a tax: after every row, each budget moves half a percent of the
# way back to what it was at the start, so that nobody is ever too poor to return. Both start with equal budgets
# (``n_epochs=0``) and get chunks of 20 rows, all priced before the first of them is settled.

CHUNK = 20
AFTER = 200  # rows that a market may need to notice
TAXES = {"no tax": 0.0, "tax of 0.5 % per row": 0.005}

markets, prices = {}, {}
for name, tax in TAXES.items():
    market = PredictionMarketClassifier(experts, n_epochs=0, tax=tax).fit(X_train, y_train)
    prices["equal budgets"], price = market.predict_proba(X_stream), []
    for start in range(0, N_STREAM, CHUNK):
        chunk = slice(start, start + CHUNK)
        price.append(market.predict_proba(X_stream[chunk]))
        market.partial_fit(X_stream[chunk], y_stream[chunk])
    markets[name], prices[name] = market, np.concatenate(price)
prices |= {name: expert.predict_proba(X_stream) for name, expert in market.named_estimators_.items()}
prices["one classifier of all sensors"] = LogisticRegression().fit(X_train, y_train).predict_proba(X_stream)
losses = {name: -np.log(price[np.arange(N_STREAM), y_stream]) for name, price in prices.items()}

print(f"mean log loss                   before   first {AFTER} rows after   the rest")
for name, loss in losses.items():
    before, after, rest = (part.mean() for part in np.split(loss, [BREAK, BREAK + AFTER]))
    print(f"{name:<29} {before:8.3f} {after:22.3f} {rest:10.3f}")

# %%
# The certificate of a stream says that no money was lost, what the last rows cost, and for how many rows nobody could
# be paid:

print(markets["no tax"].certificate_)

# %%
# The picture
# -----------

COLORS = dict(zip(SENSORS, ("#0072b2", "#d55e00", "#009e73"), strict=True))
STYLES = {"equal budgets": ("0.6", ":"), "no tax": ("black", "-"), "tax of 0.5 % per row": ("#cc79a7", "-")}
WINDOW = 100

figure, panels = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
for panel, (name, market) in zip(panels, markets.items(), strict=False):
    display = MarketHistoryDisplay.from_estimator(market, ax=panel)
    for line in display.lines_:
        line.set_color(COLORS[line.get_label()])
    panel.legend(loc="center left")
    panel.set(title=f"budgets, {name}", ylim=(-0.03, 1.03))
for name, (color, line) in STYLES.items():
    smooth = np.convolve(losses[name], np.full(WINDOW, 1 / WINDOW), mode="valid")
    panels[2].plot(np.arange(WINDOW, N_STREAM + 1), smooth, line, color=color, label=name)
panels[2].set(title=f"log loss, mean of the last {WINDOW} rows", xlabel="rows", ylim=(0, None))
panels[2].legend(loc="lower right")
for panel in panels:
    panel.axvline(BREAK, color="0.8", lw=1, zorder=0)
plt.show()

# %%
# Without tax the best classifier owns nearly everything after a few hundred rows, and the loss is nearly its own. When
# it breaks it takes its fortune down with it: for 200 rows the market is no better than equal budgets. The second best
# had kept a percent or so, without which it would have taken longer, and then owns everything in turn.
#
# With the tax the first 200 rows after the break are cheaper, since the others had kept enough to take over. It has its
# price in all other rows, where those who know less are subsidized. A stream that does not change needs no tax, and how
# much is right for one that does depends on how often it changes.
#
# No budgets make a market better than its participants together: a price is a mean of beliefs. Here all sensors are
# independent, so that a single classifier that reads all six has less than half the loss, until the break.
