"""
Which rows are worth a label?
=============================

A table has many rows, a label costs a survey, and a linear model is wanted. Rows at random are the usual
choice. `~statlearn.design.DPPLeastSquares` asks for the labels of rows that it picks, few more than there are columns,
and weighs them. Whether that pays depends on the table: on how uneven its leverage scores are.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import star98

from statlearn.design import DPPLeastSquares, PoolDPPSampler, leverage_scores

# %%
# Two tables
# ----------
# School districts of California: 20 columns about teachers, pupils and money, some of them products of others. The
# label is the share of pupils who are above the national median in mathematics. And the diabetes data of scikit-learn.

schools = star98.load_pandas()
above, below = schools.endog.to_numpy().T
pools = {
    "schools": (StandardScaler().fit_transform(schools.exog), above / (above + below)),
    "diabetes": load_diabetes(return_X_y=True),
}

# %%
# Labels on demand
# ----------------
# The labels may be a function, which is called with the rows that were picked, each once. ``3m`` is three times the
# number of coefficients.

X, shares = pools["schools"]
asked = []


def survey(rows):
    asked.extend(rows)
    return shares[rows]


model = DPPLeastSquares("3m", random_state=0).fit(X, survey)
print(f"{len(asked)} of {len(X)} labels for {model.rank_} coefficients, R2 over all rows {model.score(X, shares):.2f}")
print(model.certificate_)

# %%
# Error against number of labels
# ------------------------------
# Labels of all rows are known here, so that the mean squared error over the table can be compared with that of the fit
# to all labels. Three ways to draw rows: uniformly without replacement, by leverage scores, and by determinantal draws
# (DPP). A constant, which needs no labels to speak of, has an error of one over 1 - R2.

DESIGNS = {"uniform": "uniform", "christoffel": "leverage scores", "repeated_dpp": "repeated DPP"}
COLORS = dict(zip(DESIGNS, ("#999999", "#d55e00", "#0072b2"), strict=True))
MULTIPLES = (1, 1.25, 1.5, 2, 3, 4, 6)
N_DRAWS = 100


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


def pick(rows, design):
    """A function that draws rows and weights, many times."""
    if design == "uniform":
        return lambda n, rng: (rng.choice(len(rows), size=n, replace=False), np.ones(n))
    sampler = PoolDPPSampler(design).fit(rows)
    return lambda n, rng: sampler.sample(n, rng)[:2]


def error_ratios(X, y, design, multiple):
    """Mean squared errors of fits to few labels over that of the fit to all, in many draws."""
    rows, rng = with_constant(X), np.random.default_rng(0)
    full = np.linalg.lstsq(rows, y)[0]
    best, draw = np.mean((y - rows @ full) ** 2), pick(rows, design)
    for _ in range(N_DRAWS):
        picked, weights = draw(int(multiple * rows.shape[1]), rng)
        root = np.sqrt(weights)
        coef = np.linalg.lstsq(root[:, None] * rows[picked], root * y[picked])[0]
        yield 1 + np.mean((rows @ (coef - full)) ** 2) / best


ratios = {
    name: {
        design: np.array([list(error_ratios(X, y, design, multiple)) for multiple in MULTIPLES]) for design in DESIGNS
    }
    for name, (X, y) in pools.items()
}
for name, found in ratios.items():
    X, y = pools[name]
    constant = 1 / (1 - LinearRegression().fit(X, y).score(X, y))
    print(f"\n{name}: median of the squared error over that with all labels; of a constant {constant:.2f}")
    print(f"{'labels':<16}", *(f"{f'{multiple}m':>8}" for multiple in MULTIPLES))
    for design, values in found.items():
        print(f"{DESIGNS[design]:<16}", *(f"{middle:8.3g}" for middle in np.median(values, axis=1)))

# %%
# The picture
# -----------

figure, panels = plt.subplots(1, 3, figsize=(13.5, 4.6), layout="constrained")
for (name, (X, _)), style in zip(pools.items(), ("-", "--"), strict=True):
    scores = leverage_scores(with_constant(X))
    shares = np.arange(1, len(X) + 1) / len(X)
    panels[0].plot(shares, np.sort(scores)[::-1] / scores.mean(), style, color="black", label=name)
panels[0].set(xscale="log", yscale="log", xlabel="share of the rows, the largest scores first")
panels[0].set_title("leverage score over the mean")
panels[0].legend()
for panel, (name, found) in zip(panels[1:], ratios.items(), strict=True):
    for design, values in found.items():
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
        panel.plot(MULTIPLES, middle, "o-", ms=4, color=COLORS[design], label=DESIGNS[design])
        panel.fill_between(MULTIPLES, low, high, color=COLORS[design], alpha=0.15, lw=0)
    panel.axhline(1, color="black", lw=0.8)
    panel.set(xscale="log", yscale="log", ylim=(0.9, 1000), xticks=[1, 1.5, 2, 3, 4, 6], xlabel="labels")
    panel.set_xticks([], minor=True)
    panel.set_xticklabels(["m", "1.5m", "2m", "3m", "4m", "6m"])
    panel.set_title(f"{name}: squared error over\nthat with all labels")
panels[1].legend()
plt.show()

# %%
# A few districts are unlike all others, and what they are unlike in cannot be learned from the rest. Leverage scores
# find them, so that two labels per coefficient do for the schools what takes nearly three at random. At one and a
# half it is repulsion that helps. The bands say what matters as much: how bad luck can be.
#
# The scores of the diabetes data are more even. There the designs differ up to twice as many labels as coefficients,
# and hardly from three on. Nor is a linear model good there: below two labels per coefficient a constant does better
# than any of the fits.
