"""Bounds of the angle, with the classifier as the learner: they say something, and they hold."""

import numpy as np
import pytest

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import TestableHalfspaceClassifier


def angles(n, d, eta, seed):
    """The bound of the angle, and the angle."""
    X, y = make_massart_halfspace(n, d, recipe="rcn", eta=eta, random_state=seed)
    model = TestableHalfspaceClassifier(eta=eta, on_reject="ignore", random_state=seed, n_null=19).fit(X, y)
    normal = model.coef_[0] / np.linalg.norm(model.coef_[0])
    return model.angle_bound_, np.degrees(np.arccos(np.clip(normal[0], -1.0, 1.0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "eta", "most"), [(200_000, 10, 0.4, 6.27), (400_000, 20, 0.2, 3.43)], ids=["eta=.4", "eta=.2"]
)
def test_bounds_say_something(n, d, eta, most):
    """Half of the rows are tested; ``most`` is the bound from as many by the simpler inequality of the sources."""
    bounds, true = np.transpose([angles(n, d, eta, seed) for seed in range(9)])
    assert np.median(bounds) < most
    assert np.mean(true <= bounds) == 1.0


def test_coins_are_not_certified(rng):
    for seed in range(10):
        X, y = rng.normal(size=(4000, 5)), rng.integers(2, size=4000)
        model = TestableHalfspaceClassifier(eta=0.4, on_reject="ignore", random_state=seed, n_null=19, delta=0.1)
        assert not model.fit(X, y).accepted_
