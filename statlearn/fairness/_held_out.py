"""The fair estimator within an estimator, and what is measured on the rows that a fit did not see."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.metrics import log_loss, mean_tweedie_deviance
from sklearn.pipeline import Pipeline

from .._support._sklearn import _num_samples, _safe_indexing
from ..dependence import DistanceCovariancePenalty
from ._cells import N_BINS, intersection_cells
from ._criteria import disparity, encode, fit_penalty, largest, levels_of
from ._responses import responses
from ._sensitive import read_sensitive, split_sensitive

__all__ = ["FAIRNESS_WEIGHT", "OWN_CRITERION", "FairPart", "Folds", "take_rows"]

FAIRNESS_WEIGHT = "fairness_weight"
BETWEEN_CELLS = ("uf", "wasserstein")  # always measured; "jsd" only if asked for: its bandwidth suits few scales
DEVIANCE_POWERS = {"squared_error": 0, "poisson": 1, "gamma": 2}
OWN_CRITERION = "criterion"  # the name of a criterion that is a function


def take_rows(values, indices):
    """Some rows of a table or vector; None stays None."""
    return None if values is None else _safe_indexing(values, indices)


class FairPart:
    """The fair estimator within an estimator, and how sensitive features reach it.

    Parameters
    ----------
    estimator : estimator
        The fair estimator itself, or one that holds it.
    with_weights : bool
        Whether sample weights will be passed.
    """

    def __init__(self, estimator, with_weights):
        names = [name for name in estimator.get_params() if name.rpartition("__")[2] == FAIRNESS_WEIGHT]
        if len(names) != 1:
            raise ValueError(
                f"estimator must have one parameter {FAIRNESS_WEIGHT}, its own or that of one step. "
                f"{type(estimator).__name__} has {len(names)}{': ' + ', '.join(names) if names else ''}."
            )
        self._estimator, self._parameter = estimator, names[0]
        self._prefix = names[0].removesuffix(FAIRNESS_WEIGHT)
        self._routed = bool(self._prefix) and get_config()["enable_metadata_routing"]
        self.settings = self.of(estimator).get_params(deep=False)
        self._changes = {}  # parameters of all clones
        takes_columns = self.settings.get("sensitive_columns") is not None
        self._share_attributes = not takes_columns  # the fits and the criteria
        self._metadata = ([] if takes_columns else ["sensitive_features"]) + (["sample_weight"] if with_weights else [])
        if self._metadata and self._prefix and not (self._routed or isinstance(estimator, Pipeline)):
            raise TypeError(
                f"{type(estimator).__name__} does not pass {' and '.join(self._metadata)} on. Use a Pipeline, or "
                "enable metadata routing by sklearn.set_config(enable_metadata_routing=True)."
            )

    def of(self, estimator):
        """The fair estimator within the estimator or a clone of it."""
        return estimator.get_params()[self._prefix.removesuffix("__")] if self._prefix else estimator

    def read_sensitive(self, sensitive_features, X):
        """The table of raw attributes, given or taken out of ``X``."""
        if sensitive_features is not None:
            return read_sensitive(sensitive_features, _num_samples(X), X)
        columns = self.settings.get("sensitive_columns")
        if columns is None or self._prefix:
            raise ValueError(
                "sensitive_features must be given, unless estimator itself (not a step of it) has sensitive_columns: "
                "the criteria need them."
            )
        self._share_attributes = True
        return split_sensitive(X, columns)[0]

    def keep_levels(self, encoder):
        """Let every fit read those attributes as categorical that a fitted encoder does, whatever its own rows hold."""
        names, is_categorical = encoder.get_params(), levels_of(encoder)
        can_be_told = "encoder" in self.settings and "categorical_features" in names and is_categorical is not None
        if self._share_attributes and can_be_told:
            encoder = clone(encoder).set_params(categorical_features=is_categorical)
            self._changes = {f"{self._prefix}encoder": encoder}

    def fit(self, fairness_weight, X, y, sensitive, sample_weight):
        """A fitted clone with another fairness weight."""
        model = clone(self._estimator).set_params(**self._changes, **{self._parameter: float(fairness_weight)})
        if self._routed and self._metadata:
            self.of(model).set_fit_request(**dict.fromkeys(self._metadata, True))
        prefix = "" if self._routed else self._prefix
        values = {"sensitive_features": sensitive, "sample_weight": sample_weight}
        return model.fit(X, y, **{prefix + name: values[name] for name in self._metadata})


class HeldOut(NamedTuple):
    """The held-out rows of a fold: what the criteria need of them, and the penalty, for all models."""

    rows: np.ndarray
    sensitive: object
    cells: np.ndarray
    weights: np.ndarray | None
    penalty: DistanceCovariancePenalty


class Folds:
    """The data, and what is measured on the held-out rows of a split."""

    def __init__(self, fair, X, y, sensitive, sample_weight, criterion):
        self.fair, self.X, self.y, self.sensitive, self.sample_weight = fair, X, y, sensitive, sample_weight
        self._criterion = criterion
        self._counts = fair.settings.get("penalize_on") == "count" and sample_weight is not None
        self._weights = None if self._counts else sample_weight
        encoder, self._blocks = encode(sensitive, fair.settings.get("encoder"))
        fair.keep_levels(encoder)
        cells = intersection_cells(sensitive, bins=N_BINS, sample_weight=self._weights, is_nominal=levels_of(encoder))
        self._cells = cells.codes

    def held_out(self, test):
        """What of the criteria does not depend on the model."""
        weights = take_rows(self._weights, test)
        penalty = DistanceCovariancePenalty("ccdcov", **_engine(self.fair.settings.get("measure")))
        fit_penalty(penalty, self.sensitive, [take_rows(block, test) for block in self._blocks], weights)
        return HeldOut(test, take_rows(self.sensitive, test), take_rows(self._cells, test), weights, penalty)

    def measure(self, model, held_out):
        """Loss and criteria of a fitted model."""
        rows, sensitive, cells, weights, penalty = held_out
        prediction = responses(model, take_rows(self.X, rows))
        exposures = take_rows(self.sample_weight, rows)
        results = {"loss": self._loss(model, take_rows(self.y, rows), prediction, exposures)}
        if self._counts:
            prediction = prediction * exposures
        results["sd"] = largest(lambda f: np.sqrt(np.cov(f, aweights=weights, ddof=0)), prediction)
        results["dcor"] = largest(penalty.distance_correlation, prediction)
        names = BETWEEN_CELLS + (("jsd",) if self._criterion == "jsd" else ())
        results |= {name: disparity(name, prediction, cells, weights, bins=None) for name in names}
        if not isinstance(self._criterion, str):
            results[OWN_CRITERION] = disparity(self._own, prediction, sensitive, weights)
        return results

    def _loss(self, model, y, prediction, weights):
        if is_classifier(model):
            return log_loss(y, prediction, sample_weight=weights, labels=model.classes_)
        loss = self.fair.settings.get("loss", "squared_error")
        power = DEVIANCE_POWERS.get(loss, self.fair.settings.get("power"))
        return 0.5 * mean_tweedie_deviance(y, prediction, sample_weight=weights, power=power)

    def _own(self, prediction, sensitive, **weights):
        value = self._criterion(prediction, sensitive, **weights)
        if not isinstance(value, Real) or not np.isfinite(value):
            raise ValueError(f"criterion must return a finite number. Got {value!r} instead.")
        return float(value)


def _engine(measure):
    """How the distances of concatenated attributes are computed, by the measure of the fair estimator."""
    if not isinstance(measure, DistanceCovariancePenalty):
        return {}
    is_sliced = measure.method == "sliced" or not isinstance(measure.method, str)
    fits = is_sliced or measure.measure in ("ccdcov", "dcov")  # exact engines of other measures need not
    return {"method": measure.method if fits else "auto", "n_jobs": measure.n_jobs}
