"""Training of a network on a penalized risk."""

import numpy as np
from scipy import sparse

from ._network import Network
from ._solver import descend, settle

__all__ = ["NetworkSolver"]

DENSE_NOISE = 1e-20  # a variance below this share of the squared mean is rounding
SPARSE_NOISE = 1e-12


class CenteredSparse:
    """A sparse table less its column means, for products with dense arrays from either side.

    Parameters
    ----------
    table : sparse array of shape (n_samples, n_features)
        The table.
    means : ndarray of shape (n_features,)
        What is subtracted from its columns.
    is_transposed : bool, default=False
        Whether products are those of the transpose.
    """

    def __init__(self, table, means, is_transposed=False):
        self._table, self._means, self._is_transposed = table, means, is_transposed

    @property
    def T(self):  # noqa: N802
        """The transpose."""
        return CenteredSparse(self._table, self._means, not self._is_transposed)

    def __matmul__(self, other):
        if self._is_transposed:
            return self._table.T @ other - np.outer(self._means, other.sum(axis=0))
        return self._table @ other - self._means @ other


class StandardColumns:
    """A table with columns of mean 0 and standard deviation 1; constant columns become 0.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The features.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Attributes
    ----------
    table : {ndarray, CenteredSparse} of shape (n_samples, n_features)
        The standardized features.
    """

    def __init__(self, X, weights):
        shares = weights / weights.sum()
        if sparse.issparse(X):
            self._means = shares @ X
            self._set_factors(np.maximum(shares @ X.power(2) - self._means**2, 0.0), SPARSE_NOISE)
            scaled = sparse.csr_array(X.multiply(self._factors))
            self.table = CenteredSparse(scaled, self._means * self._factors)
        else:
            X = np.ascontiguousarray(X)  # so that rounding, which training amplifies, does not depend on the layout
            self._means = shares @ X
            centered = X - self._means
            self._set_factors(np.einsum("i,ij,ij->j", shares, centered, centered), DENSE_NOISE)
            self.table = centered * self._factors

    def _set_factors(self, variances, noise):
        varies = variances > noise * self._means**2
        self._factors = np.where(varies, 1.0 / np.sqrt(np.where(varies, variances, 1.0)), 0.0)

    def to_original(self, W, b):
        """Weights and intercepts of a first layer for the features as they are."""
        W = self._factors[:, None] * W
        return W, b - self._means @ W


class NetworkSolver:
    """Fits of one network with increasing weights on its penalty, each started from the one before.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The features.
    risk : FairRisk
        The risk of the outputs.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    alpha : float
        Ridge penalty on the weights of all layers, for features and targets (of an identity link) of standard deviation
        1.
    tol : float
        See `descend`.
    max_iter : int
        Largest number of iterations of a descent.
    rng : numpy.random.Generator
        Draws the first weights.
    """

    def __init__(self, X, risk, *, hidden_layer_sizes, alpha, tol, max_iter, rng):
        self.risk, self._tol, self._max_iter = risk, tol, max_iter
        has_identity_link = np.isinf(risk.loss.limit)
        self._unit = float(np.sqrt(2.0 * risk.scale)) if has_identity_link else 1.0  # outputs are in units of this
        self._ridge = alpha * self._unit**2
        self._columns = StandardColumns(X, risk.weights)
        self._network = Network((X.shape[1], *hidden_layer_sizes, np.size(risk.constant)))
        self._constant = self._with_output_intercept(np.zeros(self._network.n_parameters))
        self._start = self._with_output_intercept(self._network.draw(rng))
        self._unpenalized = None

    def _with_output_intercept(self, theta):
        theta[theta.size - np.size(self.risk.constant) :] = self.risk.constant / self._unit
        return theta

    def unpenalized(self, on_step=None):
        """The fit without penalty, made once."""
        if self._unpenalized is None:
            self._unpenalized = self._descend(0.0, on_step)
        return self._unpenalized

    def solve(self, fairness_weight, on_step=None):
        """The fit with a given weight on the penalty.

        Parameters
        ----------
        fairness_weight : float
            Factor on the penalty.
        on_step : callable or None, default=None
            See `descend`.

        Returns
        -------
        solution : Solution
            The better one of a local solution and the constant model.
        """
        unpenalized = self.unpenalized(on_step)
        if fairness_weight == 0.0 or self.risk.protection is None or unpenalized.descent.stopped:
            return unpenalized
        self.risk.check_fairness_weight(fairness_weight)
        return self._descend(fairness_weight, on_step)

    def _descend(self, fairness_weight, on_step):
        scale = self.risk.scale

        def objective(theta):
            value, gradient = self.value_and_gradient(theta, fairness_weight)
            return value / scale, gradient / scale

        limits = {"tol": self._tol, "max_iter": self._max_iter}
        descent = descend(objective, self._start, scale=1.0, **limits, on_step=on_step)
        self._start = descent.theta
        constant = scale * objective(self._constant)[0]
        descent = descent._replace(value=scale * descent.value)
        return settle(descent, self._constant, constant, self.risk, fairness_weight)

    def value_and_gradient(self, theta, fairness_weight):
        """The penalized risk with the ridge penalty, and its gradient."""
        u, inputs = self._forward(theta)
        value, delta = self.risk.value_and_derivative(u, fairness_weight)
        weights = np.where(self._network.is_weight, theta, 0.0)
        gradient = self._network.gradient(theta, inputs, self._unit * delta.reshape(len(delta), -1))
        return value + 0.5 * self._ridge * float(weights @ weights), gradient + self._ridge * weights

    def _forward(self, theta):
        outputs, inputs = self._network.forward(theta, self._columns.table)
        return self._unit * (outputs[:, 0] if self.risk.n_outputs is None else outputs), inputs

    def predictor(self, solution):
        """The outputs of a solution."""
        return self._forward(solution.theta)[0]

    def layers(self, theta):
        """Weights and intercepts per layer, for features and outputs as they are."""
        coefs, intercepts = map(list, self._network.unpack(theta.copy()))
        coefs[0], intercepts[0] = self._columns.to_original(coefs[0], intercepts[0])
        coefs[-1], intercepts[-1] = self._unit * coefs[-1], self._unit * intercepts[-1]
        return coefs, intercepts
