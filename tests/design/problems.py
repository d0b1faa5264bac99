"""Functions whose best approximation is known by quadrature, and errors of fits in multiples of the best one."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from statlearn.design import OrthonormalBasis, PolynomialBasis

RULES = {"legendre": np.polynomial.legendre.leggauss, "hermite": np.polynomial.hermite_e.hermegauss}


@dataclass
class Problem:
    """A function to approximate in the span of a basis, with the best coefficients and the least squared error."""

    basis: OrthonormalBasis
    function: callable
    n_nodes: int
    coef: np.ndarray = field(init=False)
    least: float = field(init=False)

    def __post_init__(self):
        rules = [RULES[type(family).__name__.lower()](self.n_nodes) for family in self.basis.families]
        points = np.array(list(product(*(nodes for nodes, _ in rules))))
        weights = np.prod(list(product(*(weights / weights.sum() for _, weights in rules))), axis=1)
        values, features = self.function(points), self.basis.features(points)
        self.coef = features.T @ (weights * values)
        self.least = weights @ (values - features @ self.coef) ** 2

    @property
    def m(self):
        return self.basis.n_output_features_

    def fit(self, design):
        """Coefficients of weighted least squares."""
        return weighted_fit(design, self.function(design.points))

    def ratio(self, coef):
        """Squared error over the least one."""
        return 1.0 + np.sum((coef - self.coef) ** 2, axis=-1) / self.least


def weighted_fit(design, values):
    return np.linalg.lstsq(design.features, np.sqrt(design.weights / len(design)) * values)[0]


def runge():
    return Problem(PolynomialBasis(n_dims=1, degree=10).resolved(), lambda x: 1.0 / (1.0 + 5.0 * x[:, 0] ** 2), 200)


def bump():
    basis = PolynomialBasis("hermite", n_dims=1, degree=10).resolved()
    return Problem(basis, lambda x: np.exp(-((x[:, 0] - 1.0) ** 2) / 4.0), 100)


def plane_total_degree():
    basis = PolynomialBasis(n_dims=2, degree=8).resolved()
    return Problem(basis, lambda x: 1.0 / (1.0 + 2.0 * np.sum(x**2, axis=1)), 60)


def plane_hyperbolic_cross():
    basis = PolynomialBasis(n_dims=2, degree=15, index_set="hyperbolic_cross").resolved()
    return Problem(basis, lambda x: 1.0 / (1.0 + 2.0 * np.sum(x**2, axis=1)), 60)


def four_dims():
    basis = PolynomialBasis(n_dims=4, degree=4).resolved()
    return Problem(basis, lambda x: 1.0 / (1.0 - 0.2 * np.sum(x, axis=1)), 12)
