"""Fréchet-mean prediction over a metric label space: labels never seen in training, and errors that are near misses."""

from ._classifier import LokiClassifier
from ._covers import minimum_locus_cover
from ._decision import frechet_predict, frechet_scores
from ._displays import LocusDisplay, SimplexRegionDisplay
from ._embedding_metric import EmbeddingMetric
from ._graph_metric import GraphMetric
from ._grid_metric import GridMetric
from ._label_metric import LabelMetric
from ._leave_classes_out import LeaveClassesOut
from ._locus import is_locus_cover, locus
from ._metrics import ChainMetric, DiscreteMetric, PrecomputedMetric
from ._report import LokiReport, loki_report
from ._scores import hierarchical_prf, mean_squared_distance, metric_scorer
from ._selection import next_class_order, selection_curve
from ._tree_metric import TreeMetric

__all__ = [
    "ChainMetric",
    "DiscreteMetric",
    "EmbeddingMetric",
    "GraphMetric",
    "GridMetric",
    "LabelMetric",
    "LeaveClassesOut",
    "LocusDisplay",
    "LokiClassifier",
    "LokiReport",
    "PrecomputedMetric",
    "SimplexRegionDisplay",
    "TreeMetric",
    "frechet_predict",
    "frechet_scores",
    "hierarchical_prf",
    "is_locus_cover",
    "locus",
    "loki_report",
    "mean_squared_distance",
    "metric_scorer",
    "minimum_locus_cover",
    "next_class_order",
    "selection_curve",
]
