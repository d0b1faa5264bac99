"""`statlearn.design` as a type checker sees it; run by mypy, never by pytest."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from statlearn.design import (
    ChristoffelSampler,
    ConditionedSampler,
    Design,
    DPPLeastSquares,
    FourierBasis,
    Legendre,
    OrthonormalBasis,
    PolynomialBasis,
    PoolDPPSampler,
    ProjectionDPP,
    WeightedLeastSquaresApproximator,
    induced_cdf,
    leverage_scores,
    recommended_n_samples,
    sample_projection_dpp,
)


def accepted() -> None:
    basis = PolynomialBasis(["legendre", Legendre((0.0, 2.0))], degree=3, bounds=[(0.0, 1.0), None])
    assert_type(basis.resolved(), OrthonormalBasis)
    assert_type(basis.resolved().n_output_features_, int)
    design = ChristoffelSampler(basis, mixing=0.1).sample("2m", random_state=np.random.default_rng(0))
    assert_type(design, Design)
    assert_type(design.gram_lambda_min, float)
    assert_type(design.take(np.arange(3)), Design)
    assert_type(Design.join(design, design), Design)
    assert_type(ConditionedSampler(ProjectionDPP(basis.resolved())).sample(20), Design)

    model = WeightedLeastSquaresApproximator(FourierBasis(2, bounds=(0.0, 1.0)), design="christoffel", n_samples="3m")
    assert_type(model.fit_function(lambda points: points.sum(axis=1)), WeightedLeastSquaresApproximator)
    assert_type(model.predict([[0.1, 0.2]]), NDArray[np.float64])
    assert_type(model.ask(), Design)

    X, y = np.ones((20, 2)), np.arange(20.0)
    assert_type(DPPLeastSquares(10).fit(sparse.csr_array(X), y).predict(X), NDArray[np.float64])
    assert_type(PoolDPPSampler(random_state=0).fit(X).sample().weights, NDArray[np.float64])
    assert_type(leverage_scores(X), NDArray[np.float64])
    assert_type(sample_projection_dpp(X, size=3), NDArray[np.integer])
    assert_type(recommended_n_samples(10, delta=0.5), int)
    induced_cdf(0.5, 3, "hermite")


def mistakes() -> None:
    PolynomialBasis("bernstein")  # type: ignore[arg-type]
    FourierBasis(degree="high")  # type: ignore[arg-type]
    ChristoffelSampler("legendre")  # type: ignore[arg-type]
    WeightedLeastSquaresApproximator(PolynomialBasis(), design="sobol")  # type: ignore[arg-type]
    WeightedLeastSquaresApproximator(PolynomialBasis(), n_samples=0.5)  # type: ignore[arg-type]
    DPPLeastSquares().fit([[1.0]])  # type: ignore[call-arg]
    sample_projection_dpp(np.eye(3), algorithm="exact")  # type: ignore[arg-type]
    induced_cdf(0.5, 3, "bernstein")  # type: ignore[arg-type]
