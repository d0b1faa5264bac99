"""Pictures of learning curves and of steps: what is drawn is what was computed."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from statlearn.linear import LargeStepLogisticClassifier
from statlearn.linear._displays import GenerativeDiscriminativeDisplay, StepHistoryDisplay
from statlearn.linear._learning_curves import generative_discriminative_curve

from .naive_bayes_designs import equicorrelated_design


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def crossing():
    X, y, *_ = equicorrelated_design(np.random.default_rng(0), 8000, 0.05)
    sizes = [32, 64, 1024, 2048]
    return generative_discriminative_curve(X, y, train_sizes=sizes, n_repeats=12, random_state=0)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_bands_and_crossing_are_drawn(crossing):
    display = GenerativeDiscriminativeDisplay.from_result(crossing, names=("naive Bayes", "logistic"))
    errors = (crossing.generative_errors, crossing.discriminative_errors)
    for line, band, values in zip(display.lines_, display.bands_, errors, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [32, 64, 1024, 2048])
        np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
        reach = 2.0 * values.std(axis=0, ddof=1) / np.sqrt(12)
        heights = band.get_paths()[0].get_extents()
        np.testing.assert_allclose(heights.max[1], (values.mean(axis=0) + reach).max())
        np.testing.assert_allclose(heights.min[1], (values.mean(axis=0) - reach).min())
    np.testing.assert_array_equal(display.crossing_line_.get_xdata(), crossing.crossing_)
    assert display.crossing_band_ is not None
    low, high = crossing.crossing_ci_
    label = f"crossing at {crossing.crossing_:.0f} ({low:.0f} to {high:.0f})"
    assert legend(display.ax_) == ["naive Bayes", "logistic", label]
    assert display.ax_.get_xscale() == "log"
    assert display.figure_ is display.ax_.figure


def test_an_open_interval_ends_at_the_axes(crossing):
    display = GenerativeDiscriminativeDisplay(
        train_sizes=np.array([8, 16, 32]),
        generative_errors=crossing.generative_errors[:, :3],
        discriminative_errors=crossing.discriminative_errors[:, :3],
        crossing=12.0,
        crossing_ci=(0.0, np.inf),
        names=("a", "b"),
    ).plot()
    left, right = display.ax_.get_xlim()
    assert 4.0 < left < 8.0 and 32.0 < right < 64.0
    assert legend(display.ax_)[-1] == "crossing at 12 (below to above)"


def test_without_a_crossing_there_is_no_line():
    X, y = load_iris(return_X_y=True)
    _, ax = plt.subplots()
    options = {"train_sizes": [10, 15, 17, 30], "n_repeats": 3, "random_state": 0}
    display = GenerativeDiscriminativeDisplay.from_estimators(
        GaussianNB(), LogisticRegression(), X, y, ax=ax, line_options={"linestyle": ":"}, **options
    )
    expected = generative_discriminative_curve(X, y, GaussianNB(), LogisticRegression(), **options)
    assert display.ax_ is ax
    assert display.crossing_line_ is display.crossing_band_ is None
    np.testing.assert_array_equal(display.generative_errors, expected.generative_errors)
    np.testing.assert_array_equal(display.discriminative_errors, expected.discriminative_errors)
    assert [line.get_linestyle() for line in display.lines_] == [":", ":"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10", "17", "30"]  # 15 would touch 17


@pytest.mark.parametrize(
    ("options", "getter", "value"),
    [({"lw": 3.0}, "get_linewidth", 3.0), ({"c": "black"}, "get_color", "black"), ({"ls": ":"}, "get_linestyle", ":")]
    + [({"ms": 9.0}, "get_markersize", 9.0), ({"alpha": 0.5}, "get_alpha", 0.5)],
)
def test_short_and_long_names_of_options(crossing, options, getter, value):
    curves = GenerativeDiscriminativeDisplay.from_result(crossing, **options)
    steps = StepHistoryDisplay.from_history(HISTORY, **options)
    assert {getattr(line, getter)() for line in (*curves.lines_, *steps.lines_)} == {value}


def test_an_option_that_is_given_twice():
    with pytest.raises(TypeError, match="linewidth"):
        StepHistoryDisplay.from_history(HISTORY, lw=1.0, linewidth=2.0)


def test_bad_names(crossing):
    with pytest.raises(ValueError, match="names must be two names"):
        GenerativeDiscriminativeDisplay.from_result(crossing, names="ab")
    with pytest.raises(ValueError, match="names must be two names"):
        GenerativeDiscriminativeDisplay.from_result(crossing, names=["one"])


HISTORY = {
    "iteration": np.array([0, 1, 10, 100]),
    "loss": np.array([0.69, 3.0, 0.1, 0.0]),
    "n_errors": np.array([12, 7, 1, 0]),
    "margin_lower": np.array([-np.inf, -0.2, 0.1, 0.19]),
    "margin_upper": np.array([0.9, 0.6, 0.3, 0.21]),
    "step": np.array([0.5, 2.0, 1.0, 0.5]),
}


def structured(history):
    array = np.empty(4, dtype=[(name, values.dtype) for name, values in history.items()])
    for name, values in history.items():
        array[name] = values
    return array


@pytest.mark.parametrize("given", [HISTORY, structured(HISTORY)], ids=["dict", "structured array"])
def test_the_margin_is_drawn_where_it_is_positive(given):
    display = StepHistoryDisplay.from_history(given)
    upper, lower = display.lines_
    np.testing.assert_array_equal(upper.get_xdata(), HISTORY["iteration"])
    np.testing.assert_array_equal(upper.get_ydata(), HISTORY["margin_upper"])
    np.testing.assert_array_equal(lower.get_ydata(), [np.nan, np.nan, 0.1, 0.19])
    assert display.band_ is not None
    assert legend(display.ax_) == ["upper bound of the margin", "lower bound of the margin"]
    assert display.ax_.get_yscale() == "log"
    left, right = display.ax_.get_xlim()
    assert left <= 0.0 and right >= 100.0
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    ("kind", "values"),
    [("loss", [0.69, 3.0, 0.1, np.nan]), ("errors", [12, 7, 1, 0]), ("step", [0.5, 2.0, 1.0, 0.5])],
)
def test_other_kinds(kind, values):
    _, ax = plt.subplots()
    display = StepHistoryDisplay.from_history(HISTORY, kind=kind, ax=ax, linewidth=3.0)
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_ydata(), values)
    assert line.get_linewidth() == 3.0
    assert display.band_ is None
    assert display.ax_ is ax
    assert ax.get_ylabel()
    again = display.plot()
    assert again is display
    assert display.ax_ is not ax


def test_a_single_point_and_nothing_positive_can_be_seen():
    history = {"iteration": [1], "margin_lower": [-0.3], "margin_upper": [0.5]}
    display = StepHistoryDisplay.from_history(history)
    assert display.lines_[0].get_marker() == "o"
    nothing = {"iteration": [0, 1], "margin_lower": [-1.0, -0.5], "margin_upper": [0.0, 0.0]}
    StepHistoryDisplay.from_history(nothing).figure_.draw_without_rendering()


def test_a_history_is_taken_from_an_estimator():
    class Fitted(LogisticRegression):
        def __sklearn_is_fitted__(self):
            return True

    model = Fitted()
    model.history_ = HISTORY
    display = StepHistoryDisplay.from_estimator(model, kind="errors")
    np.testing.assert_array_equal(display.history["n_errors"], HISTORY["n_errors"])
    with pytest.raises(TypeError, match="estimator must have a history_ of its steps. Got Fitted"):
        StepHistoryDisplay.from_estimator(Fitted())
    with pytest.raises(NotFittedError):
        StepHistoryDisplay.from_estimator(LogisticRegression())


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"kind": "speed"}, r"kind must be one of \['errors', 'loss', 'margin', 'step'\]. Got 'speed'"),
        ({"iteration": np.arange(3)}, {}, "history must have vectors of one length"),
        ({"margin_upper": np.ones((4, 1))}, {}, "history must have vectors of one length"),
    ],
)
def test_bad_history(change, options, message):
    with pytest.raises(ValueError, match=message):
        StepHistoryDisplay.from_history(HISTORY | change, **options)


def test_missing_arrays():
    partial = {name: HISTORY[name] for name in ("iteration", "loss")}
    with pytest.raises(ValueError, match=r"for kind='margin'. Got none for \['margin_upper', 'margin_lower'\]"):
        StepHistoryDisplay.from_history(partial)
    assert len(StepHistoryDisplay.from_history(partial, kind="loss").lines_) == 1


def test_the_steps_of_one_class_among_several(rng):
    X, y = rng.normal(size=(90, 2)), np.arange(90) % 3
    model = LargeStepLogisticClassifier().fit(X + 5.0 * np.eye(3)[y][:, :2], y)
    display = StepHistoryDisplay.from_estimator(model, label=1)
    np.testing.assert_array_equal(display.history["iteration"], model.history_[1]["iteration"])
    with pytest.raises(ValueError, match="label must be one of the classes"):
        StepHistoryDisplay.from_estimator(model)
