"""
Where to evaluate an expensive function
=======================================

A function is to be approximated by a polynomial, and every value costs an hour. Random points leave gaps and clump.
Points of a determinantal process repel each other: they are drawn at random all the same, with a law for which errors
can be computed. Here are the points, in one and two dimensions, and what they buy.
"""

import matplotlib.pyplot as plt
import numpy as np

from statlearn.design import ChristoffelSampler, PolynomialBasis, RepeatedDPP

COLORS = {"uniform": "#999999", "optimal density": "#d55e00", "repeated DPP": "#0072b2"}


def samplers(basis):
    return {
        "uniform": ChristoffelSampler(basis, mixing=1.0),
        "optimal density": ChristoffelSampler(basis),
        "repeated DPP": RepeatedDPP(basis),
    }


# %%
# The points
# ----------
# *Optimal* is the density of independent points that needs the fewest of them. It is large at the ends, where
# polynomials can be large. The points of a projection DPP have the same density, and no two of them are close.

line = PolynomialBasis("legendre", n_dims=1, degree=19)
plane = PolynomialBasis("legendre", n_dims=2, degree=14)  # 120 polynomials
points = {name: sampler.sample("m", random_state=1).points for name, sampler in samplers(line).items()}
for name, x in points.items():
    gaps = np.diff(np.sort(np.concatenate([[-1.0], x.ravel(), [1.0]])))
    print(f"{name:<16} smallest gap {gaps.min():.4f}, largest {gaps.max():.2f}")

# %%
# The errors
# ----------
# Runge's function and the polynomials of degree 10, of which there are m = 11. All fits are weighted least squares.
# What a fit with few values loses, against the best polynomial of this degree, is known from quadrature.

basis = PolynomialBasis("legendre", n_dims=1, degree=10)
SIZES = (11, 14, 18, 22, 28, 33, 44, 66)
N_DESIGNS = 100


def runge(x):
    return 1 / (1 + 5 * x[:, 0] ** 2)


nodes, masses = np.polynomial.legendre.leggauss(200)
features, values = basis.resolved().features(nodes[:, None]), runge(nodes[:, None])
best_coef = features.T @ (masses / 2 * values)
best = masses / 2 @ (values - features @ best_coef) ** 2

errors = {name: np.empty((len(SIZES), N_DESIGNS)) for name in COLORS}
for name, sampler in samplers(basis).items():
    rng = np.random.default_rng(0)
    for place, size in enumerate(SIZES):
        for number in range(N_DESIGNS):
            design = sampler.sample(size, rng)
            roots = np.sqrt(design.weights / size)
            coef = np.linalg.lstsq(design.features, roots * runge(design.points))[0]
            errors[name][place, number] = 1 + np.sum((coef - best_coef) ** 2) / best

print("median of the squared error over the best one:")
print(f"{'values':<16}", *(f"{size:>8}" for size in SIZES))
for name, found in errors.items():
    print(f"{name:<16}", *(f"{middle:8.3g}" for middle in np.median(found, axis=1)))

# %%
# The picture
# -----------

figure, panels = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
for height, (name, x) in enumerate(points.items()):
    panels[0].plot(x, np.full(x.shape, -height), "|", ms=22, mew=1.8, color=COLORS[name])
    panels[0].text(0, 0.33 - height, name, ha="center", color=COLORS[name])
panels[0].set(title="20 points on a line", xlabel="x", yticks=[], ylim=(-2.6, 0.7))

titles = {"optimal density": "120 independent points", "repeated DPP": "120 points of one DPP"}
for panel, (name, title) in zip(panels[1:3], titles.items(), strict=True):
    x = samplers(plane)[name].sample("m", random_state=0).points
    panel.plot(x[:, 0], x[:, 1], ".", color=COLORS[name])
    panel.set(title=title, aspect="equal")

error_panel = panels[3]
for name, found in errors.items():
    low, middle, high = np.quantile(found, [0.05, 0.5, 0.95], axis=1)
    error_panel.plot(SIZES, middle, "o-", ms=4, color=COLORS[name], label=name)
    error_panel.fill_between(SIZES, low, high, color=COLORS[name], alpha=0.15, lw=0)
error_panel.axhline(1, color="black", lw=0.8)
error_panel.set(xscale="log", yscale="log", xticks=[11, 22, 33, 44, 66], ylim=(0.8, 1e5), xlabel="values, m = 11")
error_panel.set_xticks([], minor=True)
error_panel.set_xticklabels(["m", "2m", "3m", "4m", "6m"])
error_panel.set_title("squared error over the best one")
error_panel.legend()
plt.show()

# %%
# With as many values as polynomials, independent points leave the fit all but undetermined: errors are hundreds of
# times the best one, or more. Points of one DPP are off by a factor of five in the median. With twice as many values
# repeated DPPs are well within a factor of two, for which the optimal density takes three times and uniform points
# six times as many. What the points cannot do is to choose the degree: all is relative to the best polynomial *of
# this degree*.
