"""The picture of README.md: ``python docs/readme_picture.py`` writes ``docs/_static/intervals.svg``."""

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from ot.gromov import gromov_wasserstein2
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from statlearn.datasets import make_graph_families
from statlearn.gromov import gromov_wasserstein_bounds
from statlearn.linear import (
    GenerativeDiscriminativeDisplay,
    LargeStepLogisticClassifier,
    StepHistoryDisplay,
    generative_discriminative_curve,
    separability,
)

TARGET = pathlib.Path(__file__).parent / "_static" / "intervals.svg"
N_PAIRS = 12


def draw_margin(ax):
    """The interval of the margin of two digits, step by step."""
    X, y = load_digits(return_X_y=True)
    rows = np.isin(y, (3, 8))
    steps = LargeStepLogisticClassifier(gamma=10.0, stop="margin", fallback="pocket").fit(X[rows] / 16, y[rows])
    StepHistoryDisplay.from_estimator(steps, kind="margin", ax=ax)
    ax.axhline(separability(X[rows] / 16, y[rows]).margin_lower, color="black", lw=0.8, ls="--", label="exact")
    ax.set(title="linear: the margin is in the band, at every step")
    ax.legend(fontsize="small")


def draw_distances(ax):
    """Intervals of the Gromov-Wasserstein distance of pairs of graphs, beside a local optimum of another package."""
    graphs = [graph.toarray() for graph in make_graph_families(16, n_replicates=4, random_state=0)[0]]
    rng = np.random.default_rng(0)
    pairs = [rng.choice(len(graphs), 2, replace=False) for _ in range(N_PAIRS)]
    found = [gromov_wasserstein_bounds(graphs[i], graphs[j]) for i, j in pairs]
    order = np.argsort([result.upper for result in found])
    for place, k in enumerate(order):
        ax.plot([place, place], [found[k].lower, found[k].upper], color="#1f77b4", lw=5, solid_capstyle="butt")
    values = [gromov_wasserstein2(graphs[i], graphs[j]) for i, j in (pairs[k] for k in order)]
    ax.plot(np.arange(N_PAIRS), values, "o", color="#d62728", ms=4, label="POT, from its default start")
    ax.plot([], [], color="#1f77b4", lw=5, label="proved interval")
    ax.set(title="gromov: the distance is on the bar", xlabel="pair of graphs", ylabel="squared distance", ylim=0)
    ax.legend(fontsize="small")


def draw_curves(ax):
    """Which of two classifiers is better, by the number of rows."""
    X, y = load_breast_cancer(return_X_y=True)
    curve = generative_discriminative_curve(StandardScaler().fit_transform(X), y, random_state=0)
    GenerativeDiscriminativeDisplay.from_result(curve, ax=ax)
    ax.set(title="linear: how many rows logistic regression needs")


def main():
    """Draw the three panels."""
    figure, panels = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained")
    for panel, draw in zip(panels, (draw_margin, draw_distances, draw_curves), strict=True):
        draw(panel)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
