"""The door to scikit-learn's private names: it exports what it says, and no name twice."""

from sklearn.base import BaseEstimator
from sklearn.callback import ProgressBar

from statlearn._support import _sklearn as door
from statlearn._support.progress import CallbackSupportMixin, fit_progress, with_callbacks


def test_every_name_is_there_once():
    assert len(set(door.__all__)) == len(door.__all__)
    assert all(hasattr(door, name) for name in door.__all__)
    objects = [getattr(door, name) for name in door.__all__ if name != "HELD_DURING_FIT"]
    assert all(thing.__module__.startswith("sklearn.") for thing in objects)


def test_attributes_that_are_held_during_a_fit():
    """They are there while callbacks are at work, and gone afterwards."""

    class Looker(CallbackSupportMixin, BaseEstimator):
        @with_callbacks
        def fit(self, X, y=None):
            with fit_progress(self, X, y, max_subtasks=1) as progress:
                progress.step()
                self.seen_ = set(vars(self))
            return self

    looker = Looker().set_callbacks(ProgressBar()).fit([[0.0]])
    assert set(door.HELD_DURING_FIT) <= looker.seen_
    assert not set(door.HELD_DURING_FIT) & set(vars(looker))
