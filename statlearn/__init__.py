"""Statistical learning with certificates.

statlearn offers scikit-learn estimators for methods of the statistical literature. Every fit leaves a certificate: what
was proved about the result, what was tested, and what was only assumed.

The sub-modules load on first use, so ``import statlearn`` is cheap:

- `statlearn.debias`: predictions used as outcomes, without shrunken effects,
- `statlearn.dependence`: distance covariance, exact at a million rows, with its gradient,
- `statlearn.design`: where to evaluate an expensive function, which rows to label,
- `statlearn.fairness`: predictions independent of mixed, intersecting protected attributes,
- `statlearn.frechet`: labels never seen in training, predicted by the distances between labels,
- `statlearn.graph`: kernels between the nodes of one graph, and clustering and classification on them,
- `statlearn.gromov`: how far apart two relational objects are, with a proved interval around the answer,
- `statlearn.halfspace`: a linear rule under heavy label noise, and whether to believe it,
- `statlearn.linear`: separable classes, their margin, and which linear classifier suits the sample size,
- `statlearn.market`: prediction markets that fuse the beliefs of many into one probability,
- `statlearn.ordinal`: probabilities of ordered outcomes with a rare last step,
- `statlearn.datasets`: generators and loaders,
- `statlearn.certificate`: what a fit may claim,
- `statlearn.exceptions`: warnings of the library.
"""

import importlib

__version__ = "0.1.0"

_SUBMODULES = (
    "certificate",
    "datasets",
    "debias",
    "dependence",
    "design",
    "exceptions",
    "fairness",
    "frechet",
    "graph",
    "gromov",
    "halfspace",
    "linear",
    "market",
    "ordinal",
)

__all__ = [*_SUBMODULES, "__version__"]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
