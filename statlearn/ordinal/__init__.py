"""Ordinal regression that finds rare events: PRESTO, proportional odds, and tests of parallel slopes."""

from ._parallelism import ParallelismTestResult, parallelism_test
from ._path import ordinal_log_likelihood, presto_alpha_max, presto_path
from ._presto import PrestoClassifier
from ._presto_cv import PrestoClassifierCV
from ._probabilities import rearrange_cumulative
from ._proportional_odds import ProportionalOddsClassifier
from ._reports import DeviatingTransitions, RelaxedFit

__all__ = [
    "DeviatingTransitions",
    "ParallelismTestResult",
    "PrestoClassifier",
    "PrestoClassifierCV",
    "ProportionalOddsClassifier",
    "RelaxedFit",
    "ordinal_log_likelihood",
    "parallelism_test",
    "presto_alpha_max",
    "presto_path",
    "rearrange_cumulative",
]
