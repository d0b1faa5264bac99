"""Pictures of bias, shrinkage and correctors: what is drawn is what was computed."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge

from statlearn.debias import LinearCalibrationCorrector, SieveCorrector, TweedieCorrector
from statlearn.debias._calibration_sample import fit_slope
from statlearn.debias._displays import COLORS, QuantileBiasDisplay, ShrinkageDisplay
from statlearn.debias._regressor import DebiasedRegressor
from statlearn.debias._score_display import ScoreDisplay

from .samples import pairs


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def bars_of(curve):
    """Lower and upper ends of the bars of a curve."""
    return np.array([segment[:, 1] for segment in curve.lines[2][0].get_segments()])


def test_bias_by_quantile_is_drawn_with_its_errors(rng):
    y_pred, y_true = pairs(rng, 1000)
    corrected = LinearCalibrationCorrector().fit(y_pred, y_true).predict(y_pred)
    display = QuantileBiasDisplay.from_predictions(y_true, y_pred, corrected=corrected, n_bins=5)
    bins = np.split(np.argsort(y_true), 5)
    for curve, values in zip(display.curves_, (y_pred, corrected), strict=True):
        errors = [values[rows] - y_true[rows] for rows in bins]
        x, y = curve.lines[0].get_data()
        np.testing.assert_allclose(x, [y_true[rows].mean() for rows in bins])
        np.testing.assert_allclose(y, [e.mean() for e in errors])
        reach = [2.0 * e.std(ddof=1) / np.sqrt(200) for e in errors]
        np.testing.assert_allclose(bars_of(curve), np.add.outer([-1.0, 1.0], np.zeros(5)).T * np.c_[reach] + np.c_[y])
    assert labels(display.ax_) == display.names == ["predictions", "corrected"]
    assert display.figure_ is display.ax_.figure
    np.testing.assert_array_equal(display.zero_line_.get_ydata(), 0.0)


def test_curves_stand_a_little_apart_and_within_the_axes(rng):
    y_pred, y_true = pairs(rng, 500)
    display = QuantileBiasDisplay.from_predictions(
        y_true, y_pred, corrected={"half": 0.5 * y_pred, 2: 2.0 * y_pred}, capsize=5
    )
    assert display.names == ["predictions", "half", "2"]
    display.figure_.draw_without_rendering()
    box = display.ax_.get_window_extent()
    first = []
    for number, curve in enumerate(display.curves_):
        line = curve.lines[0]
        places = line.get_transform().transform(line.get_xydata())
        assert ((places > box.min) & (places < box.max)).all()
        first.append(places[0, 0])
        assert line.get_color() == COLORS[number]
    np.testing.assert_allclose(np.diff(first), 4.0 * display.figure_.dpi / 72.0)
    assert len({curve.lines[0].get_marker() for curve in display.curves_}) == 3


def test_bins_of_ties_and_of_one_unit(rng):
    y_true = np.array([1.0, 1.0, 1.0, 1.0, 2.0])
    display = QuantileBiasDisplay.from_predictions(y_true, y_true + [0.0, 0.0, 2.0, 2.0, 3.0], n_bins=5)
    np.testing.assert_allclose(display.truth_means, [1.0, 2.0])
    np.testing.assert_allclose(display.mean_errors, [[1.0, 3.0]])
    np.testing.assert_allclose(display.standard_errors, [[2.0 / np.sqrt(12.0), np.nan]])


def test_weights_count_units_but_not_in_standard_errors(rng):
    y_pred, y_true = pairs(rng, 300)
    weights = rng.integers(0, 3, size=300).astype(float)
    weighted = QuantileBiasDisplay.from_predictions(y_true, y_pred, sample_weight=weights)
    rows = np.repeat(np.arange(300), weights.astype(int))
    repeated = QuantileBiasDisplay.from_predictions(y_true[rows], y_pred[rows])
    np.testing.assert_allclose(weighted.truth_means, repeated.truth_means)
    np.testing.assert_allclose(weighted.mean_errors, repeated.mean_errors)
    doubled = QuantileBiasDisplay.from_predictions(y_true, y_pred, sample_weight=7.0 * weights)
    np.testing.assert_allclose(weighted.standard_errors, doubled.standard_errors)
    lines = [
        ShrinkageDisplay.from_predictions(y_true, y_pred, sample_weight=weights),
        ShrinkageDisplay.from_predictions(y_true[rows], y_pred[rows]),
    ]
    for name in ("slope", "intercept", "calibration_slope", "calibration_intercept"):
        assert getattr(lines[0], name) == pytest.approx(getattr(lines[1], name))


def test_bias_of_estimators(rng):
    X, y = load_diabetes(return_X_y=True)
    model = Ridge().fit(X[:200], y[:200])
    alone = QuantileBiasDisplay.from_estimator(model, X[200:], y[200:], n_bins=4)
    assert alone.names == ["predictions"]
    raw = model.predict(X)
    corrector = LinearCalibrationCorrector().fit(raw[200:300], y[200:300])
    both = QuantileBiasDisplay.from_estimator(corrector, raw[300:], y[300:], n_bins=4)
    expected = QuantileBiasDisplay.from_predictions(
        y[300:], raw[300:], corrected=corrector.predict(raw[300:]), n_bins=4
    )
    np.testing.assert_array_equal(both.mean_errors, expected.mean_errors)

    debiased = DebiasedRegressor(FrozenEstimator(model), LinearCalibrationCorrector()).fit(X[200:300], y[200:300])
    found = QuantileBiasDisplay.from_estimator(debiased, X[300:], y[300:], n_bins=4)
    np.testing.assert_allclose(found.mean_errors, expected.mean_errors)


def test_shrinkage_is_drawn_with_both_lines(rng):
    y_pred, y_true = pairs(rng, 400)
    display = ShrinkageDisplay.from_predictions(y_true, y_pred)
    np.testing.assert_array_equal(display.points_.get_offsets(), np.column_stack([y_true, y_pred]))
    k, intercept = np.polyfit(y_true, y_pred, 1)
    back, start = np.polyfit(y_pred, y_true, 1)
    np.testing.assert_allclose([display.slope, display.intercept], [k, intercept])
    np.testing.assert_allclose([display.calibration_slope, display.calibration_intercept], [back, start])
    for line, slope, point in (
        (display.identity_line_, 1.0, (0.0, 0.0)),
        (display.slope_line_, k, (0.0, intercept)),
        (display.calibration_line_, 1.0 / back, (start, 0.0)),
    ):
        assert line.get_slope() == pytest.approx(slope)
        x, y = line.get_xy1()
        assert y - point[1] == pytest.approx(slope * (x - point[0]))
    low, high = fit_slope(y_true, y_pred, np.ones(400)).interval()
    assert display.slope_interval == pytest.approx((low, high))
    assert labels(display.ax_)[1] == f"predictions on truth: slope k = {k:.2f} ({low:.2f} to {high:.2f})"
    assert labels(display.ax_)[2].startswith(f"truth on predictions: slope {back:.2f} (")
    assert display.ax_.get_xlim() == display.ax_.get_ylim()
    assert display.ax_.get_xlim()[0] < min(y_true.min(), y_pred.min())
    assert display.ax_.get_xlim()[1] > max(y_true.max(), y_pred.max())
    assert display.figure_ is display.ax_.figure


def test_many_points_become_hexagons_that_sum_the_weights(rng):
    y_pred, y_true = pairs(rng, 3001)
    weights = rng.uniform(0.5, 2.0, 3001)
    display = ShrinkageDisplay.from_predictions(y_true, y_pred, sample_weight=weights)
    assert display.points_.get_array().sum() == pytest.approx(weights.sum())
    assert display.points_.get_array().size < 3001
    again = display.plot(max_points=5000, s=3)
    assert len(again.points_.get_offsets()) == 3001
    assert again.points_.get_sizes().tolist() == [3]


def test_shrinkage_of_an_estimator(rng):
    X, y = load_diabetes(return_X_y=True)
    model = Ridge().fit(X[:200], y[:200])
    ax = plt.subplots()[1]
    display = ShrinkageDisplay.from_estimator(model, X[200:], y[200:], ax=ax)
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.y_pred, model.predict(X[200:]))


def test_the_line_of_uncorrelated_predictions_stands_upright():
    y_true, y_pred = [0.0, 0.0, 2.0, 2.0], [0.0, 2.0, 0.0, 2.0]
    display = ShrinkageDisplay.from_predictions(y_true, y_pred)
    assert display.slope == display.calibration_slope == 0.0
    assert display.calibration_line_.get_slope() == np.inf
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize(
    "corrector",
    [
        TweedieCorrector(),
        TweedieCorrector(recalibrate="isotonic", tails="clip"),
        TweedieCorrector.paper(),
        SieveCorrector(),
        LinearCalibrationCorrector(clip=(-1.0, 1.0)),
    ],
    ids=repr,
)
def test_the_correction_is_drawn_over_the_support(rng, corrector):
    X, y = pairs(rng, 500, "skewmix")
    corrector.fit(0.5 * X, y)
    display = ScoreDisplay.from_corrector(corrector, n_points=65)
    u, correction = display.correction_line_.get_data()
    assert (u[0], u[-1]) == corrector.support_
    np.testing.assert_allclose(correction, corrector.predict(u) - u)
    k, intercept = np.polyfit(y, 0.5 * X, 1)
    if isinstance(corrector, LinearCalibrationCorrector):
        assert display.linear_line_ is None
    else:
        np.testing.assert_allclose(display.linear_line_.get_ydata(), (u - intercept) / k - u)
    bottom, top = display.ax_.get_ylim()
    assert correction.min() > bottom + 0.18 * (top - bottom)  # above the strip of the histogram
    heights, edges, _ = display.histogram_.get_data()
    counts, _ = np.histogram(0.5 * X, edges)
    assert counts.sum() == 500
    np.testing.assert_allclose(heights / heights.sum(), counts / 500.0)
    assert 0.1 < heights.max() <= 0.18
    assert display.figure_ is display.ax_.figure
    assert display.ax_ is display.axes_[0]
    assert display.axes_[-1].get_xlabel() == "prediction"


def test_the_score_of_a_tweedie_corrector(rng):
    X, y = pairs(rng, 2000, "skewmix")
    corrector = TweedieCorrector().fit(0.5 * X, y)
    display = ScoreDisplay.from_corrector(corrector, color="red")
    assert display.axes_[1] is display.score_line_.axes
    assert display.score_line_.get_color() == display.correction_line_.get_color() == "red"
    u, scores = display.score_line_.get_data()
    np.testing.assert_array_equal(scores, corrector.score_function(u))
    recalibrated = corrector.recalibration_.evaluate(u)
    np.testing.assert_allclose(recalibrated - corrector.sigma_**2 * scores, display.corrections + u)
    sample = corrector.recalibration_.evaluate(0.5 * X)
    np.testing.assert_allclose(display.normal_line_.get_ydata(), (sample.mean() - recalibrated) / sample.var())
    assert np.trapezoid(display.density, u) == pytest.approx(1.0, abs=0.01)
    heights, edges, _ = display.histogram_.get_data()
    unit = display.density_line_.get_ydata().max() / display.density.max()
    assert (heights * np.diff(edges)).sum() / unit == pytest.approx(1.0)  # one scale for both
    np.testing.assert_array_equal(display.bulk, np.sort(0.5 * X)[[9, -10]])  # half a percent at either end, with them
    for ax in display.axes_:
        assert labels(ax).count("score continued") == 1


def test_what_is_not_drawn(rng):
    X, y = pairs(rng, 500, "skewmix")
    plain = ScoreDisplay.from_corrector(TweedieCorrector.paper().fit(X, y))
    assert plain.bulk is None
    assert "score continued" not in labels(plain.ax_)
    steps = ScoreDisplay.from_corrector(TweedieCorrector(recalibrate="isotonic").fit(X, y))
    assert steps.density is None
    assert steps.density_line_ is None
    sieve = ScoreDisplay.from_corrector(SieveCorrector().fit(X, y))
    assert len(sieve.axes_) == 1
    assert sieve.score_line_ is sieve.normal_line_ is sieve.density_line_ is None


def test_the_axes_that_are_given(rng):
    X, y = pairs(rng, 500)
    corrector = TweedieCorrector().fit(X, y)
    axes = plt.subplots(2, 2)[1]
    one = ScoreDisplay.from_corrector(corrector, ax=axes[0, 0])
    assert one.axes_ == [axes[0, 0]]
    assert one.score_line_ is None
    two = one.plot(ax=axes[1])
    assert two.axes_ == list(axes[1])
    assert [ax.get_xlabel() for ax in axes[1]] == ["prediction", "prediction"]
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes, or two of them. Got 4"):
        one.plot(ax=axes)
    with pytest.raises(ValueError, match="ax must be one matplotlib Axes: SieveCorrector has no score. Got 2"):
        ScoreDisplay.from_corrector(SieveCorrector().fit(X, y), ax=axes[1])
    ax = axes[0, 1]
    assert QuantileBiasDisplay.from_predictions(y, X, ax=ax).plot(ax=axes[0, 0]).ax_ is axes[0, 0]
    assert ShrinkageDisplay.from_predictions(y, X, ax=ax).plot().ax_ is not ax


def test_bad_input(rng):
    y_pred, y_true = pairs(rng, 50)
    with pytest.raises(ValueError, match=r"y_true has 50 entries, and corrected\['half'\] has 49"):
        QuantileBiasDisplay.from_predictions(y_true, y_pred, corrected={"half": y_pred[1:]})
    with pytest.raises(ValueError, match="y_true has 50 entries, and y_pred has 49"):
        QuantileBiasDisplay.from_predictions(y_true, y_pred[1:])
    with pytest.raises(ValueError, match="corrected contains NaN"):
        QuantileBiasDisplay.from_predictions(y_true, y_pred, corrected=np.full(50, np.nan))
    with pytest.raises(ValueError, match="corrected must not have the name 'predictions'.*Rename it"):
        QuantileBiasDisplay.from_predictions(y_true, y_pred, corrected={"predictions": y_pred})
    corrector = LinearCalibrationCorrector().fit(y_pred, y_true)
    for n_points in (0, 1, 2.5):
        with pytest.raises(ValueError, match="n_points must be an int that is at least 2"):
            ScoreDisplay.from_corrector(corrector, n_points=n_points)
    for n_bins in (0, 2.5):
        with pytest.raises(ValueError, match="n_bins must be an int that is at least 1"):
            QuantileBiasDisplay.from_predictions(y_true, y_pred, n_bins=n_bins)
    with pytest.raises(ValueError, match="sample_weight must have 50 entries. Got 49"):
        QuantileBiasDisplay.from_predictions(y_true, y_pred, sample_weight=np.ones(49))
    with pytest.raises(ValueError, match="same length. Got 50 outcomes and 49"):
        ShrinkageDisplay.from_predictions(y_true, y_pred[1:])
    with pytest.raises(ValueError, match="must not be constant"):
        ShrinkageDisplay.from_predictions(y_true, np.ones(50))
    with pytest.raises(TypeError, match="corrector must be a fitted corrector.*corrector_ of a DebiasedRegressor"):
        ScoreDisplay.from_corrector(Ridge())
    with pytest.raises(NotFittedError):
        ScoreDisplay.from_corrector(TweedieCorrector())
