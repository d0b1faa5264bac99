"""What markets of a list of named estimators share: who is in it, folds, domains, weights."""

import numpy as np
import sklearn
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import _BaseHeterogeneousEnsemble
from .._support.base import StatlearnEstimator
from .._support.delegation import certificate_checks, folds_of, refuse_unrouted
from .._support.progress import CallbackSupportMixin
from .._support.user_warnings import warn_user
from ..exceptions import SleepingParticipantWarning
from ._checks import check_budgets
from ._market import SAME, UNSEEN, TrainedMarket
from ._participants import (
    awake_rows,
    check_weights_supported,
    fit_all,
    out_of_fold,
    predictions,
    warn_of_missing_classes,
)

__all__ = ["ListMarket"]

REFITTED = "participants fitted to all rows bet like those fitted to the folds"


class ListMarket(TrainedMarket, CallbackSupportMixin, _BaseHeterogeneousEnsemble, StatlearnEstimator):
    """A market of a list of named estimators, with the parameters ``estimators``, ``cv``, ``domains`` and
    ``initial_budgets``."""

    def _participants(self):
        """Names and estimators that take part."""
        names, estimators = self._validate_estimators()
        unknown = set(self.domains or {}) - set(names)
        if unknown:
            raise ValueError(f"domains names {sorted(unknown)}, and the participants are {list(names)}.")
        pairs = [(name, known) for name, known in zip(names, estimators, strict=True) if not _is_dropped(known)]
        return [name for name, _ in pairs], [known for _, known in pairs]

    def _initial_budgets(self, names):
        if self.initial_budgets is None:
            return np.full(len(names), 1.0 / len(names))
        return check_budgets(self.initial_budgets, len(names), "initial_budgets")

    def _left_out_bets(self, names, estimators, X, y, targets, awake, predict, shape, sample_weight, params, progress):
        """Bets on rows that the participants were not fitted to; then they are fitted to all rows.

        Parameters
        ----------
        names, estimators, X, targets, awake, predict, shape
            See `out_of_fold`.
        y : ndarray of shape (n_samples,)
            Labels or values, which folds are made by.
        sample_weight, params
            What ``fit`` got for the participants.
        progress : FitProgress
            Told when bets are made and participants fitted.

        Returns
        -------
        rows : ndarray of int
            The rows, in their order.
        beliefs : ndarray of shape (n_rows, n_participants, *shape)
            What was believed of them.
        """
        if self._is_prefit():
            if params:
                raise TypeError(f"cv='prefit' fits nothing, and fit got {sorted(params)} for the participants.")
            self._check_prefit(names, estimators)
            self.estimators_ = estimators
            return np.arange(len(y)), predictions(names, estimators, X, awake, predict, shape)
        fit_params = self._fit_params(names, estimators, sample_weight, params)
        splits = folds_of(check_cv(self.cv, y, classifier=is_classifier(self)), X, y)
        if is_classifier(self):
            warn_of_missing_classes(y, splits)
        common = names, estimators, X, targets, fit_params, awake
        rows, beliefs = out_of_fold(*common, splits, predict, shape, self.n_jobs)
        progress.step(name="bets on left-out rows")
        self.estimators_ = fit_all(*common, self.n_jobs)
        progress.step(name="fits to all rows")
        return rows, beliefs

    def _train_list(self, book, weights, initial, rng, progress, claim, assumptions=()):
        """Train the budgets of the participants."""
        prefit = self._is_prefit()
        self._train(
            book,
            weights,
            initial,
            rng,
            progress,
            claim=claim,
            assumptions=(SAME, UNSEEN if prefit else REFITTED, *assumptions),
            unseen=not prefit,
            names=self.participants_,
        )

    def _reported_checks(self):
        fitted = dict(zip(self.participants_, self.estimators_, strict=True))
        return certificate_checks("certificates of the participants", fitted)

    def _store_losses(self, losses, awake, weights):
        """Mean losses of the participants in the rows in which they were awake."""
        weights = weights[:, None] * awake
        totals, sums = weights.sum(axis=0), np.sum(np.where(awake, losses, 0.0) * weights, axis=0)
        self.participant_losses_ = np.divide(sums, totals, out=np.full(totals.size, np.nan), where=totals > 0.0)

    def _check_always_awake(self, awake):
        if self.update == "em" and not awake.all():
            raise ValueError("update='em' needs participants that are always awake. Choose 'likelihood' or 'batch'.")

    def _is_prefit(self):
        return isinstance(self.cv, str)

    def _check_prefit(self, names, estimators):
        for name, estimator in zip(names, estimators, strict=True):
            check_is_fitted(
                estimator,
                msg=f"participant {name!r} is not fitted yet, and cv='prefit' takes it as it is. Fit it, or choose "
                "another cv.",
            )

    def _fit_params(self, names, estimators, sample_weight, params):
        """Arguments of ``fit`` for each participant."""
        if sklearn.get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return {name: routed[name].fit for name in names}
        refuse_unrouted(self, params, "participants")
        if sample_weight is None:
            return dict.fromkeys(names, {})
        check_weights_supported(names, estimators)
        return dict.fromkeys(names, {"sample_weight": sample_weight})

    def _awake(self, X):
        return awake_rows(self.domains, self.participants_, X)

    def _warn_of_sleepers(self, awake, weights):
        asleep = ~awake[weights > 0.0].any(axis=0)
        if asleep.any():
            sleepers = [name for name, sleeps in zip(self.participants_, asleep, strict=True) if sleeps]
            warn_user(
                f"participants {sleepers} are awake in no training row, so that their budgets stay what they were: see "
                "domains.",
                SleepingParticipantWarning,
            )

    @property
    def named_estimators_(self) -> Bunch:
        """The fitted participants by name."""
        return Bunch(**dict(zip(self.participants_, self.estimators_, strict=True)))

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of metadata to the participants.

        Returns
        -------
        router : MetadataRouter
            What ``fit`` passes on.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, estimator in self.estimators:
            if not _is_dropped(estimator):
                router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        return router


def _is_dropped(estimator):
    return isinstance(estimator, str) and estimator == "drop"
