"""Where to evaluate an expensive function, and which rows to label: designs for weighted least squares."""

from ._approximator import WeightedLeastSquaresApproximator
from ._basis import OrthonormalBasis
from ._design import Design
from ._families import Chebyshev, Fourier, Hermite, Jacobi, Laguerre, Legendre
from ._induced import induced_cdf, induced_ppf
from ._least_squares import DPPLeastSquares
from ._leverage import leverage_scores
from ._pool import PoolDPPSampler, PoolDraw
from ._pool_functions import projection_dpp_logpdf, sample_projection_dpp, volume_sample
from ._samplers import ChristoffelSampler, ConditionedSampler, ProjectionDPP, RepeatedDPP, VolumeRescaledSampler
from ._sizes import recommended_n_samples
from ._transformers import FourierBasis, PolynomialBasis

__all__ = [
    "Chebyshev",
    "ChristoffelSampler",
    "ConditionedSampler",
    "DPPLeastSquares",
    "Design",
    "Fourier",
    "FourierBasis",
    "Hermite",
    "Jacobi",
    "Laguerre",
    "Legendre",
    "OrthonormalBasis",
    "PolynomialBasis",
    "PoolDPPSampler",
    "PoolDraw",
    "ProjectionDPP",
    "RepeatedDPP",
    "VolumeRescaledSampler",
    "WeightedLeastSquaresApproximator",
    "induced_cdf",
    "induced_ppf",
    "leverage_scores",
    "projection_dpp_logpdf",
    "recommended_n_samples",
    "sample_projection_dpp",
    "volume_sample",
]
