"""The network: its map by hand, its derivative, and its flat vector of parameters."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.dependence import DistanceCovariancePenalty
from statlearn.fairness._losses import HalfBinomialLoss, HalfMultinomialLoss, HalfPoissonLoss, HalfSquaredError
from statlearn.fairness._network import Network
from statlearn.fairness._objective import FairRisk, Protection

SIZES = [(3, 1), (3, 4, 1), (3, 4, 2, 1), (3, 5, 3)]


@pytest.mark.parametrize("sizes", SIZES)
def test_parameters_go_into_one_vector_and_back(rng, sizes):
    network = Network(sizes)
    theta = rng.normal(size=network.n_parameters)
    coefs, intercepts = network.unpack(theta)
    assert [W.shape for W in coefs] == list(zip(sizes[:-1], sizes[1:], strict=True))
    assert [b.shape for b in intercepts] == [(size,) for size in sizes[1:]]
    np.testing.assert_array_equal(network.pack(coefs, intercepts), theta)
    marked = network.pack([np.ones_like(W) for W in coefs], [np.zeros_like(b) for b in intercepts])
    np.testing.assert_array_equal(network.is_weight, marked == 1.0)


def test_the_map_by_hand(rng):
    network = Network((3, 4, 2))
    theta, X = rng.normal(size=network.n_parameters), rng.normal(size=(5, 3))
    (W1, W2), (b1, b2) = network.unpack(theta)
    outputs, inputs = network.forward(theta, X)
    np.testing.assert_allclose(outputs, np.tanh(X @ W1 + b1) @ W2 + b2, rtol=1e-13)
    assert inputs[0] is X
    np.testing.assert_allclose(inputs[1], np.tanh(X @ W1 + b1), rtol=1e-13)


@pytest.mark.parametrize("sizes", SIZES)
def test_gradient_of_the_outputs(rng, sizes):
    network = Network(sizes)
    theta, X, delta = rng.normal(size=network.n_parameters), rng.normal(size=(6, 3)), rng.normal(size=(6, sizes[-1]))
    gradient = network.gradient(theta, network.forward(theta, X)[1], delta)
    step = 1e-6
    differences = [
        np.sum(delta * (network.forward(theta + step * e, X)[0] - network.forward(theta - step * e, X)[0])) / (2 * step)
        for e in np.eye(network.n_parameters)
    ]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
@pytest.mark.parametrize("penalize_on", ["mean", "linear"])
@pytest.mark.parametrize(
    "loss",
    [HalfSquaredError(), HalfPoissonLoss(), HalfBinomialLoss(), HalfMultinomialLoss(3)],
    ids=lambda x: type(x).__name__,
)
def test_gradient_of_the_penalized_risk(rng, loss, penalize_on, measure):
    n, n_outputs = 15, getattr(loss, "n_classes", 1)
    S, X, weights = rng.integers(2, size=(n, 2)), rng.normal(size=(n, 3)), rng.uniform(0.5, 2.0, size=n)
    y = np.arange(n) % n_outputs if n_outputs > 1 else rng.integers(2, size=n)
    protection = Protection(DistanceCovariancePenalty(measure).fit(S, weights), None, weights)
    risk = FairRisk(loss, y, weights, protection, penalize_on)
    network = Network((3, 4, n_outputs))

    def value_and_gradient(theta):
        u, inputs = network.forward(theta, X)
        value, delta = risk.value_and_derivative(u if n_outputs > 1 else u[:, 0], 5.0)
        return value, network.gradient(theta, inputs, delta.reshape(n, n_outputs))

    def smallest_gap(theta):
        u = network.forward(theta, X)[0]
        return np.diff(np.sort(risk.penalized(u if n_outputs > 1 else u[:, 0]), axis=0), axis=0).min()

    draws = (rng.normal(size=network.n_parameters) for _ in range(1000))
    theta = next(theta for theta in draws if smallest_gap(theta) > 2e-3)  # differences must not cross a kink
    step = 1e-4  # the risk rounds what it penalizes to about 1e-11
    differences = [
        (value_and_gradient(theta + step * e)[0] - value_and_gradient(theta - step * e)[0]) / (2 * step)
        for e in np.eye(network.n_parameters)
    ]
    np.testing.assert_allclose(value_and_gradient(theta)[1], differences, rtol=1e-5, atol=2e-6)


def test_sparse_rows(rng):
    network = Network((3, 4, 1))
    X = rng.normal(size=(6, 3)) * (rng.random((6, 3)) < 0.5)
    theta, delta = rng.normal(size=network.n_parameters), rng.normal(size=(6, 1))
    outputs, inputs = network.forward(theta, X)
    sparse_outputs, sparse_inputs = network.forward(theta, sparse.csr_array(X))
    np.testing.assert_allclose(sparse_outputs, outputs, rtol=1e-13)
    np.testing.assert_allclose(
        network.gradient(theta, sparse_inputs, delta), network.gradient(theta, inputs, delta), rtol=1e-12
    )


def test_draws_have_the_range_of_glorot_and_bengio(rng):
    network = Network((30, 50, 1))
    coefs, intercepts = network.unpack(network.draw(rng))
    for W in coefs:
        bound = np.sqrt(6.0 / sum(W.shape))
        assert 0.8 * bound < np.abs(W).max() <= bound and abs(W.mean()) < 0.2 * bound
    assert not np.concatenate(intercepts).any()
