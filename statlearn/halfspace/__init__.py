"""A linear classifier that survives label noise and says whether to believe it."""

from ._angle_bounds import massart_angle_bound
from ._certificate import HalfspaceCertificate
from ._classifier import TestableHalfspaceClassifier
from ._marginal_tests import MarginalStatistic, MarginalTestResult, band_test, gaussianity_test
from ._sphere_descent import SphereDescent, psgd_sphere
from ._surrogates import ramp_loss, ramp_loss_grad

__all__ = [
    "HalfspaceCertificate",
    "MarginalStatistic",
    "MarginalTestResult",
    "SphereDescent",
    "TestableHalfspaceClassifier",
    "band_test",
    "gaussianity_test",
    "massart_angle_bound",
    "psgd_sphere",
    "ramp_loss",
    "ramp_loss_grad",
]
