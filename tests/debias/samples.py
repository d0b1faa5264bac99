"""Calibrated predictions of several shapes, and trials in which a model sees the treatment through the truth alone."""

import numpy as np

SIGMA = 0.8


def normal(rng, n):
    return rng.normal(size=n)


def mix3(rng, n):
    return np.array([-2.2, -0.3, 1.9])[rng.choice(3, size=n, p=[0.22, 0.43, 0.35])] + 0.35 * rng.normal(size=n)


def gamma(rng, n):
    return rng.gamma(2.0, size=n)


def skewmix(rng, n):
    return np.where(rng.random(n) < 0.7, -1.0 + 0.5 * rng.normal(size=n), 2.0 + 1.2 * rng.normal(size=n))


LAWS = {"normal": normal, "mix3": mix3, "gamma": gamma, "skewmix": skewmix}


def even(rng, predictions):
    """Normal noise of standard deviation 0.8."""
    return SIGMA * rng.normal(size=predictions.size)


def uneven(rng, predictions):
    """Normal noise whose variance grows with the size of the prediction."""
    return np.sqrt(0.3 + 0.25 * np.abs(predictions)) * rng.normal(size=predictions.size)


def laplace(rng, predictions):
    """Noise with heavy tails, of the same standard deviation."""
    return SIGMA / np.sqrt(2.0) * rng.laplace(size=predictions.size)


def pairs(rng, n, law="normal", noise=even):
    """Predictions, and truth that differs from them by noise independent of them."""
    predictions = LAWS[law](rng, n)
    return predictions, predictions + noise(rng, predictions)


def contrast(values, treated):
    """Difference of means between treated units and others."""
    return values[treated].mean() - values[~treated].mean()


def treat_by(rng, values):
    """Treatment that is the likelier the larger a value."""
    return rng.random(values.size) < 1.0 / (1.0 + np.exp(-1.5 * (values - np.median(values))))
