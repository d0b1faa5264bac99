"""Do bounds of certified halfspaces hold? ``python -m benchmarks.halfspace_soundness``, a quarter of an hour.

Labels are those of `make_massart_halfspace`, the flip probability is told to the fit as it is, and recipes whose wrong
labels are no coin flips are fitted with ``noise="agnostic"``. Every fit has a table of its own. The excess error is
that over the rule behind the labels, on 100,000 fresh rows, and its bound one over the best halfspace: for flips these
are the same.
"""

import sys
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from benchmarks.debias_tables import simple_table
from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier

__all__ = ["NOISES", "Fit", "coin_fits", "fits", "least_plausible_count"]

NOISES = (  # recipe, and bound of the flip probabilities, if labels are wrong by chance
    ("clean", 0.0),
    ("rcn", 0.1),
    ("rcn", 0.4),
    ("massart-quadrant", 0.2),
    ("massart-quadrant", 0.4),
    ("massart-far", 0.2),
    ("massart-far", 0.4),
    ("adv-tail", None),
    ("adv-tail-laplace", None),
    ("adv-far", None),
)
SIZES = ((20_000, 5), (20_000, 20), (100_000, 5), (100_000, 20))
N_FITS, N_FRESH = 10, 100_000
CONFIDENCE = 0.95
WITHOUT_ETA = ("clean", "adv-tail", "adv-tail-laplace", "adv-far")


class Fit(NamedTuple):
    """What one fit claimed, and what is true.

    Attributes
    ----------
    accepted : bool
        Whether the certificate holds.
    excess, excess_bound : float
        Error above that of the rule behind the labels, and its bound.
    angle, angle_bound : float
        Degrees to the normal of that rule, and their bound.
    exact_p_value : float
        Of all tests of Gaussian rows together, without tolerance.
    is_gaussian : bool or None
        Outcome of the same tests with it.
    """

    accepted: bool
    excess: float
    excess_bound: float
    angle: float
    angle_bound: float
    exact_p_value: float
    is_gaussian: bool | None

    @property
    def is_sound(self):
        return self.excess <= self.excess_bound and self.angle <= self.angle_bound


def fitted(X, y, eta, seed):
    params = {"noise": "agnostic"} if eta is None else {"eta": eta}
    return TestableHalfspaceClassifier(**params, on_reject="ignore", random_state=seed).fit(X, y)


def fit_once(recipe, eta, n, d, seed):
    """One fit to rows of its own, judged on others."""
    options = {"recipe": recipe, "eta": None if recipe in WITHOUT_ETA else eta}
    X, y = make_massart_halfspace(n, d, **options, random_state=seed)
    model = fitted(X, y, eta, seed)
    fresh = make_massart_halfspace(N_FRESH, d, **options, random_state=10**6 + seed, return_X_y=False)
    differs = model.predict(fresh.data) != fresh.clean_target
    normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
    return Fit(
        model.accepted_,
        float(np.mean(differs * (1.0 - 2.0 * fresh.flip_probability))),
        model.excess_error_bound_,
        float(np.degrees(np.arccos(np.clip(normal[0], -1.0, 1.0)))),
        model.angle_bound_,
        model.certificate_["Gaussian, exactly"].statistic,
        model.certificate_["Gaussian"].holds,
    )


def fits(recipe, eta, n, d, n_fits=N_FITS, first_seed=0):
    """Fits to independent tables."""
    return [fit_once(recipe, eta, n, d, first_seed + k) for k in range(n_fits)]


def coin_fits(n, d, n_fits, first_seed=0):
    """Whether fits to labels that are coin flips are accepted, for noise of either kind."""
    accepted = []
    for seed in range(first_seed, first_seed + n_fits):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(n, d)), rng.integers(2, size=n)
        accepted += [fitted(X, y, eta, seed).accepted_ for eta in (0.4, None)]
    return accepted


def least_plausible_count(n, confidence=CONFIDENCE, level=0.001):
    """The smallest number of bounds, of ``n`` that hold with this confidence, that is no surprise at the level."""
    return int(binom.ppf(level, n, confidence))


def row(recipe, eta, n, d, found):
    """A line of the table: medians are of the certified fits."""
    certified = [fit for fit in found if fit.accepted]
    cells = {
        "noise": recipe if eta is None or recipe in WITHOUT_ETA else f"{recipe}, {eta:g}",
        "rows": f"{n:,}",
        "columns": str(d),
        "certified": f"{len(certified)} of {len(found)}",
    }
    if not certified:
        return {**cells, "bounds hold": "", "excess": "", "bound": "", "ratio": ""}
    excess = np.array([fit.excess for fit in certified])
    bounds = np.array([fit.excess_bound for fit in certified])
    return {
        **cells,
        "bounds hold": f"{sum(fit.is_sound for fit in certified)} of {len(certified)}",
        "excess": f"{np.median(excess):.4f}",
        "bound": f"{np.median(bounds):.3f}",
        "ratio": f"{np.median(bounds / np.maximum(excess, 1.0 / N_FRESH)):.1f}",
    }


def main(n_fits=N_FITS):
    everything, lines = {}, []
    for number, (recipe, eta, n, d) in enumerate((*noise, *size) for noise in NOISES for size in SIZES):
        found = fits(recipe, eta, n, d, n_fits, first_seed=1000 * number)
        everything[recipe, eta, n, d] = found
        lines.append(row(recipe, eta, n, d, found))
        print(lines[-1], file=sys.stderr, flush=True)
    print(simple_table(lines))
    certified = [fit for found in everything.values() for fit in found if fit.accepted]
    gaussian = [fit for key, found in everything.items() if key[0] != "adv-tail-laplace" for fit in found]
    sound = sum(fit.is_sound for fit in certified)
    print(f"\nbounds of excess and angle hold in {sound} of {len(certified)} certified fits")
    sound = sum(fit.is_sound for found in everything.values() for fit in found)
    print(f"bounds of excess and angle hold in {sound} of {n_fits * len(everything)} fits, certified or not")
    for name, count in (
        ("exact p-value at most .05", sum(fit.exact_p_value <= 0.05 for fit in gaussian)),
        ("found not to be, with tolerance", sum(fit.is_gaussian is False for fit in gaussian)),
    ):
        print(f"Gaussian rows, {name}: {count} of {len(gaussian)}")
    coins = [accepted for n, d in SIZES[:2] for accepted in coin_fits(n, d, n_fits)]
    print(f"coin flips certified: {sum(coins)} of {len(coins)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
