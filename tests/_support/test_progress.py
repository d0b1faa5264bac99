"""Progress reports of a toy estimator: serial, by workers, inside a grid search, and without callbacks."""

import threading
from numbers import Real
from time import perf_counter

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import RegressorMixin
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted, validate_data

from statlearn._support._sklearn import Interval, _check_sample_weight, _fit_context
from statlearn._support.base import StatlearnEstimator, unchanged_on_error
from statlearn._support.parallel import run_parallel
from statlearn._support.progress import CallbackSupportMixin, fit_progress, with_callbacks

N_STEPS = 4
N_MEMBERS = 3


class Recorder:
    """Writes down every event: (event, name of the task, path of task ids, thread)."""

    def __init__(self, stop_at=None):
        self.events = []
        self.states = []
        self.stop_at = stop_at

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name, (0,)))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name, (0,)))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, self.path(context)))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(("end", context.task_name, self.path(context)))
        self.states.append(None if fitted_estimator is None else fitted_estimator.slope_)
        return context.task_id == self.stop_at and context.parent is not None

    @staticmethod
    def path(context):
        path = [context.task_id]
        while context.parent is not None:
            context = context.parent
            path.insert(0, context.task_id)
        return tuple(path)


class SlopeRegressor(CallbackSupportMixin, RegressorMixin, StatlearnEstimator):
    """Slope through the origin by gradient steps: one step is reported as one piece of work."""

    _parameter_constraints = {"rate": [Interval(Real, 0, 1, closed="right")], "fail": ["boolean"]}

    def __init__(self, rate=0.5, fail=False):
        self.rate = rate
        self.fail = fail

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, dtype=np.float64)
        weights = _check_sample_weight(sample_weight, X)
        self.n_steps_, slope = 0, 0.0
        target = (weights * X[:, 0]) @ y / ((weights * X[:, 0]) @ X[:, 0])
        with fit_progress(self, X, y, max_subtasks=N_STEPS, sample_weight=sample_weight) as progress:
            self.listened_to_ = progress.active
            for _ in range(N_STEPS):
                slope += self.rate * (target - slope)
                self.n_steps_ += 1
                if self.fail:
                    raise RuntimeError("the fit failed")
                if progress.step(state=lambda slope=slope: {"slope_": slope}):
                    break
        self.slope_ = slope
        return self

    def predict(self, X):
        check_is_fitted(self)
        return self.slope_ * validate_data(self, X, dtype=np.float64, reset=False)[:, 0]


class AveragedSlope(SlopeRegressor):
    """Members fitted by workers, each with a report of its own."""

    def __init__(self, rate=0.5, n_jobs=None):
        self.rate = rate
        self.n_jobs = n_jobs

    @with_callbacks
    def fit(self, X, y):
        X, y = validate_data(self, X, y, dtype=np.float64)
        with fit_progress(self, X, y, max_subtasks=N_MEMBERS, sequential=False) as progress:
            tasks = [(progress.subtask("member", N_STEPS), X, y, self.rate) for _ in range(N_MEMBERS)]
            self.slopes_ = run_parallel(fit_member, tasks, n_jobs=self.n_jobs)
            self.slope_ = float(np.mean(self.slopes_))
            progress.end(state=lambda: {"slope_": self.slope_})
        return self


def fit_member(progress, X, y, rate):
    slope = 0.0
    with progress:
        for _ in range(N_STEPS):
            slope += rate * ((X[:, 0] @ y) / (X[:, 0] @ X[:, 0]) - slope)
            if progress.step(state=lambda slope=slope: {"slope_": slope}):
                break
    return slope


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 1))
    return X, 2.0 * X[:, 0] + 0.1 * rng.normal(size=60)


def names(events):
    return [event[:2] for event in events]


def test_serial_events_in_their_order(data):
    recorder = Recorder()
    model = SlopeRegressor().set_callbacks(recorder).fit(*data)
    steps = [pair for i in range(N_STEPS) for pair in (("begin", "step", (0, i)), ("end", "step", (0, i)))]
    root = (0,)
    assert recorder.events == [
        ("setup", "fit", root),
        ("begin", "fit", root),
        *steps,
        ("end", "fit", root),
        ("teardown", "fit", root),
    ]
    assert recorder.states[-2] == model.slope_
    assert recorder.states[-1] is None
    assert model.listened_to_
    assert not hasattr(model, "_callback_fit_ctx")


def test_a_callback_stops_the_loop(data):
    assert SlopeRegressor().set_callbacks(Recorder(stop_at=1)).fit(*data).n_steps_ == 2
    assert SlopeRegressor().set_callbacks(Recorder()).fit(*data).n_steps_ == N_STEPS


def test_a_failing_fit_tears_its_callbacks_down(data):
    recorder = Recorder()
    model = SlopeRegressor(fail=True).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="the fit failed"):
        model.fit(*data)
    assert vars(model) == {"rate": 0.5, "fail": True, "_skl_callbacks": [recorder]}
    assert names(recorder.events) == [("setup", "fit"), ("begin", "fit"), ("teardown", "fit")]


def test_too_many_steps_is_an_error(data):
    model = SlopeRegressor().set_callbacks(Recorder())
    progress = fit_progress(model, *data, max_subtasks=1)
    progress.step()
    with pytest.raises(ValueError, match="maximum number of children"):
        progress.step()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_members_in_threads(data, n_jobs):
    recorder = Recorder()
    model = AveragedSlope(n_jobs=n_jobs).set_callbacks(recorder).fit(*data)
    paths = {event[2] for event in recorder.events if event[0] == "end"}
    members = {(0, i) for i in range(N_MEMBERS)}
    assert paths == {(0,)} | members | {(*member, i) for member in members for i in range(N_STEPS)}
    assert names(recorder.events).count(("end", "fit")) == 1  # ended inside the block, not again at its end
    assert recorder.states[-1] == model.slope_
    assert model.slope_ == AveragedSlope().fit(*data).slope_


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_scores_arrive_from_workers(data, backend):
    monitor = ScoringMonitor(scoring="neg_mean_squared_error")
    with parallel_config(backend=backend, n_jobs=2):
        model = AveragedSlope().set_callbacks(monitor).fit(*data)
    log = monitor.get_logs().data
    assert len(log) == N_MEMBERS * N_STEPS + 1
    final = next(row for row in log if row["task_name"] == "fit")
    assert final["neg_mean_squared_error"] == pytest.approx(-mean_squared_error(data[1], model.predict(data[0])))
    model.set_callbacks()


def test_scores_use_the_weights(data, rng):
    X, y = data
    weights = rng.integers(0, 3, size=len(y)).astype(float)
    monitor = ScoringMonitor(scoring="neg_mean_squared_error")
    model = SlopeRegressor().set_callbacks(monitor).fit(X, y, sample_weight=weights)
    log = monitor.get_logs().data
    assert [row["task_id"] for row in log] == list(range(N_STEPS))
    expected = -mean_squared_error(y, model.predict(X), sample_weight=weights)
    assert log[-1]["neg_mean_squared_error"] == pytest.approx(expected)
    assert log[0]["neg_mean_squared_error"] < log[-1]["neg_mean_squared_error"]
    model.set_callbacks()


@pytest.mark.parametrize("model", [SlopeRegressor(), AveragedSlope(n_jobs=2)])
def test_progress_bar(data, model, capsys):
    pytest.importorskip("rich")
    model.set_callbacks(ProgressBar()).fit(*data)
    assert f"{type(model).__name__} - fit" in capsys.readouterr().out
    drawing = [thread for thread in threading.enumerate() if type(thread).__name__ == "RichProgressMonitor"]
    assert not drawing  # it would keep the process from exiting


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_and_monitor_in_a_grid_search(data, n_jobs, capsys):
    pytest.importorskip("rich")
    monitor = ScoringMonitor(scoring="r2")
    search = GridSearchCV(SlopeRegressor().set_callbacks(monitor), {"rate": [0.1, 0.5]}, cv=3, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar()).fit(*data)
    assert search.best_params_ == {"rate": 0.5}
    printed = capsys.readouterr().out
    assert "GridSearchCV - fit" in printed
    assert "SlopeRegressor - fit" in printed
    log = monitor.get_logs().data
    assert len(log) == (2 * 3 + 1) * N_STEPS  # candidates by folds, and the refit
    search.estimator.set_callbacks()


def test_without_callbacks_nothing_is_built(data):
    model = SlopeRegressor().fit(*data)
    assert not model.listened_to_
    progress = fit_progress(model, *data)
    with progress as entered:
        assert entered is progress
        assert progress.subtask("member", 3).begin() is progress
        assert progress.step(state=pytest.fail) is False
        assert progress.end(state=pytest.fail) is False


def test_without_callbacks_a_report_costs_microseconds(data):
    model = SlopeRegressor()

    def report():
        begin = perf_counter()
        with fit_progress(model, *data, max_subtasks=10) as progress:
            for _ in range(10):
                progress.step()
        return perf_counter() - begin

    assert min(report() for _ in range(50)) < 50e-6
