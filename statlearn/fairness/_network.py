"""A feed-forward network with hyperbolic tangents, as a function of one flat vector of parameters.

Symbols of the code: ``H`` is the output of a layer, ``W`` its weights and ``b`` its intercepts, so that a hidden layer
maps ``H`` to ``tanh(H @ W + b)`` and the last one to ``H @ W + b``. ``delta`` is the derivative of a scalar with
respect to what enters the nonlinearity of a layer.
"""

from itertools import pairwise

import numpy as np

__all__ = ["Network", "forward"]


def forward(coefs, intercepts, X):
    """Outputs of a network, and what each layer takes in.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_in, n_out)
        Weights of the layers.
    intercepts : list of ndarray of shape (n_out,)
        Intercepts of the layers.
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        Output of the last layer.
    inputs : list
        ``X`` and the outputs of the hidden layers.
    """
    H, inputs = X, []
    for W, b in zip(coefs, intercepts, strict=True):
        if inputs:
            np.tanh(H, out=H)
        inputs.append(H)
        H = np.asarray(H @ W)
        H += b
    return H, inputs


class Network:
    """Shapes of the layers, and the map from parameters to outputs with its derivative.

    The hyperbolic tangent is smooth, as the quasi-Newton method that trains the network needs; rectifiers are not.

    Parameters
    ----------
    sizes : sequence of int
        Number of features, widths of the hidden layers, number of outputs.

    Attributes
    ----------
    n_parameters : int
        Length of the flat vector: weights and intercepts of the first layer, of the second layer, and so on.
    is_weight : ndarray of shape (n_parameters,), bool
        Which parameters are weights rather than intercepts.
    """

    def __init__(self, sizes):
        self.sizes = tuple(sizes)
        self._shapes = list(pairwise(self.sizes))
        counts = [count for n_in, n_out in self._shapes for count in (n_in * n_out, n_out)]
        self._ends = np.cumsum(counts)
        self.n_parameters = int(self._ends[-1])
        self.is_weight = np.repeat(np.arange(len(counts)) % 2 == 0, counts)

    def unpack(self, theta):
        """Weights and intercepts per layer, as views of the flat vector."""
        parts = np.split(theta, self._ends[:-1])
        coefs = [part.reshape(shape) for part, shape in zip(parts[::2], self._shapes, strict=True)]
        return coefs, parts[1::2]

    def pack(self, coefs, intercepts):
        """The flat vector of weights and intercepts per layer."""
        return np.concatenate([part.ravel() for layer in zip(coefs, intercepts, strict=True) for part in layer])

    def draw(self, rng):
        """Uniform weights with the range of Glorot and Bengio (2010), which suits the tangent; zero intercepts."""
        theta = np.zeros(self.n_parameters)
        for W in self.unpack(theta)[0]:
            bound = np.sqrt(6.0 / sum(W.shape))
            W[:] = rng.uniform(-bound, bound, size=W.shape)
        return theta

    def forward(self, theta, X):
        """Outputs of the network with these parameters, and what each layer takes in, as `forward` gives them."""
        return forward(*self.unpack(theta), X)

    def gradient(self, theta, inputs, delta):
        """Derivative of a scalar with respect to the parameters, from its derivative with respect to the outputs.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            The parameters of the call of `forward`.
        inputs : list
            Of that call.
        delta : ndarray of shape (n_samples, n_outputs)
            Derivative of the scalar with respect to the outputs.

        Returns
        -------
        gradient : ndarray of shape (n_parameters,)
            In the order of ``theta``.
        """
        gradient = np.empty(self.n_parameters)
        weights, intercepts = self.unpack(gradient)
        coefs = self.unpack(theta)[0]
        for layer in reversed(range(len(coefs))):
            H = inputs[layer]
            weights[layer][:] = H.T @ delta
            intercepts[layer][:] = delta.sum(axis=0)
            if layer > 0:
                delta = delta @ coefs[layer].T
                delta *= 1.0 - np.square(H)
        return gradient
