"""The pictures: what is drawn, from where, and that matplotlib stays optional."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression, LogisticRegression

from statlearn.fairness import FairnessPathDisplay, GroupDensityDisplay, fairness_path

plt = pytest.importorskip("matplotlib.pyplot")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def groups(rng):
    """Predictions of 120 rows in two groups, and five rows of a rare level."""
    sensitive = pd.DataFrame({"sex": ["f"] * 60 + ["m"] * 60 + ["d"] * 5})
    return rng.normal(size=125) + (sensitive["sex"] == "m").to_numpy(), sensitive


@pytest.fixture
def path():
    return SimpleNamespace(
        fairness_weights=np.array([0.0, 0.1, 1.0, 10.0]),
        losses=np.array([0.50, 0.51, 0.55, 0.70]),
        distance_correlations=np.array([0.10, 0.08, 0.03, 0.0]),
        unfairness_ratios=np.array([0.30, 0.25, 0.10, 0.0]),
        penalty_excesses=np.array([0.020, 0.010, 0.002, 0.0]),
        deviations=np.array([0.20, 0.19, 0.15, 0.0]),
    )


class Calibration:
    """The part of a calibration that pictures read."""

    def __init__(self, n_folds=4):
        rng = np.random.default_rng(0)
        self.fairness_weights = np.array([0.0, 1.0, 2.0])
        self.results = {"loss": rng.random((3, n_folds)), "dcor": rng.random((3, n_folds)), "uf": np.ones((3, n_folds))}
        self.criterion = "dcor"
        self.best_fairness_weight = 1.0

    def mean(self, name):
        return self.results[name].mean(axis=1)

    def sd(self, name):
        return self.results[name].std(axis=1, ddof=1)


class TestGroupDensity:
    def test_lines_are_densities(self, groups):
        y_pred, sensitive = groups
        display = GroupDensityDisplay.from_predictions(y_pred, sensitive)
        assert [line.get_label() for line in display.lines_] == ["sex=d (n=5, few)", "sex=f (n=60)", "sex=m (n=60)"]
        for line, sex in zip(display.lines_, "dfm", strict=True):
            x, y = line.get_data()
            terms = norm.pdf(x[:, None], loc=y_pred[sensitive["sex"] == sex], scale=display.bandwidth)
            np.testing.assert_allclose(y, terms.mean(axis=1), rtol=1e-8, atol=1e-14)
        assert display.bandwidth == pytest.approx(y_pred.std(ddof=1) * 125**-0.2)

    def test_small_groups_are_dashed_and_do_not_set_the_scale(self, groups):
        y_pred, sensitive = groups
        y_pred = np.where(sensitive["sex"] == "d", 0.0, y_pred)
        display = GroupDensityDisplay.from_predictions(y_pred, sensitive)
        assert [line.get_linestyle() for line in display.lines_] == ["--", "-", "-"]
        heights = display.densities.max(axis=1)
        assert heights[0] > display.ax_.get_ylim()[1] > heights[1:].max()
        everyone = GroupDensityDisplay.from_predictions(y_pred, sensitive, min_group=1)
        assert everyone.ax_.get_ylim()[1] > heights[0]

    def test_weights(self, groups):
        y_pred, sensitive = groups
        weights = np.arange(125) % 3
        weighted = GroupDensityDisplay.from_predictions(y_pred, sensitive, sample_weight=weights)
        rows = np.repeat(np.arange(125), weights)
        repeated = GroupDensityDisplay.from_predictions(y_pred[rows], sensitive.iloc[rows])
        np.testing.assert_allclose(weighted.densities, repeated.densities, rtol=1e-9, atol=1e-14)
        np.testing.assert_array_equal(weighted.counts, repeated.counts)

    def test_many_groups_have_a_legend_beside_the_axes(self, rng):
        display = GroupDensityDisplay.from_predictions(rng.normal(size=600), rng.integers(0, 15, 600))
        colors = {tuple(np.atleast_1d(line.get_color())) for line in display.lines_}
        assert len(colors) == 15
        display.figure_.canvas.draw()
        legend = display.ax_.get_legend().get_window_extent()
        assert legend.x0 > display.ax_.get_window_extent().x1

    def test_axes_and_options_are_used(self, groups):
        _, ax = plt.subplots()
        display = GroupDensityDisplay.from_predictions(*groups, ax=ax, linewidth=3.5)
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
        assert {line.get_linewidth() for line in display.lines_} == {3.5}
        again = display.plot()
        assert again is display
        assert display.ax_ is not ax

    def test_constant_predictions(self, groups):
        display = GroupDensityDisplay.from_predictions(np.full(125, 0.4), groups[1])
        assert np.isfinite(display.densities).all()

    def test_estimators(self, groups):
        y_pred, sensitive = groups
        X = pd.DataFrame({"x": y_pred, "sex": (sensitive["sex"] == "m").astype(int)})
        model = LinearRegression().fit(X, y_pred)
        expected = GroupDensityDisplay.from_predictions(model.predict(X), X[["sex"]]).densities
        by_features = GroupDensityDisplay.from_estimator(model, X, X[["sex"]])
        by_columns = GroupDensityDisplay.from_estimator(model, X, sensitive_columns="sex")
        np.testing.assert_array_equal(by_features.densities, expected)
        np.testing.assert_array_equal(by_columns.densities, expected)
        classifier = LogisticRegression().fit(X, y_pred > 0)
        display = GroupDensityDisplay.from_estimator(classifier, X, X["sex"], bandwidth=0.1)
        probabilities = classifier.predict_proba(X)[:, 1]
        expected = GroupDensityDisplay.from_predictions(probabilities, X["sex"], bandwidth=0.1)
        np.testing.assert_array_equal(display.densities, expected.densities)

    def test_bad_input(self, groups):
        y_pred, sensitive = groups
        X = y_pred[:, None]
        model = LogisticRegression().fit(X, np.digitize(y_pred, [0.0, 1.0]))
        with pytest.raises(ValueError, match="3 classes: use from_predictions"):
            GroupDensityDisplay.from_estimator(model, X, sensitive)
        for both in ({}, {"sensitive_features": sensitive, "sensitive_columns": [0]}):
            with pytest.raises(ValueError, match="either sensitive_features or sensitive_columns"):
                GroupDensityDisplay.from_estimator(model, X, **both)
        with pytest.raises(ValueError, match="sensitive_features has 125 rows for 124"):
            GroupDensityDisplay.from_predictions(y_pred[1:], sensitive)


class TestFairnessPath:
    @pytest.mark.parametrize(
        ("criterion", "field", "title"),
        [
            ("dcor", "distance_correlations", "squared distance correlation"),
            ("uf", "unfairness_ratios", "unfairness ratio"),
            ("excess", "penalty_excesses", "penalty above its constant"),
            ("sd", "deviations", "standard deviation of predictions"),
        ],
    )
    def test_price_of_a_path(self, path, criterion, field, title):
        display = FairnessPathDisplay.from_path(path, criterion=criterion, name="law school")
        x, y = display.lines_[0].get_data()
        np.testing.assert_array_equal(x, getattr(path, field))
        np.testing.assert_array_equal(y, path.losses)
        assert display.ax_.get_xlabel() == title
        assert display.ax_.get_ylabel() == "loss"
        assert display.lines_[0].get_label() == "law school"
        assert display.best_line_ is None
        assert [text.get_text() for text in display.ax_.texts] == ["0", "0.1", "1", "10"]

    def test_a_path_of_fits(self, rng):
        sex = rng.integers(0, 2, 200)
        X = rng.normal(size=(200, 1)) + sex[:, None]
        fits = fairness_path(X, X[:, 0] + rng.normal(size=200), sex, fairness_weights=[0, 1, 2])
        display = FairnessPathDisplay.from_path(fits, criterion="sd")
        np.testing.assert_array_equal(display.lines_[0].get_xydata(), np.column_stack([fits.deviations, fits.losses]))

    def test_close_points_share_a_label(self, path):
        path.losses, path.distance_correlations = np.array([0.5, 0.5, 0.5, 0.7]), np.array([0.1, 0.1, 0.0999, 0.0])
        display = FairnessPathDisplay.from_path(path)
        assert [text.get_text() for text in display.ax_.texts] == ["0", "10"]

    def test_everything_against_the_weight(self, path):
        display = FairnessPathDisplay.from_path(path, view="weight")
        assert [line.get_label() for line in display.lines_][:3] == [
            "loss",
            "squared distance correlation",
            "unfairness ratio",
        ]
        for line, values in zip(
            display.lines_,
            [
                path.losses,
                path.distance_correlations,
                path.unfairness_ratios,
                path.penalty_excesses,
                path.deviations,
            ],
            strict=True,
        ):
            np.testing.assert_array_equal(line.get_xdata(), path.fairness_weights)
            np.testing.assert_allclose(line.get_ydata(), values / values.max())
        assert display.ax_.get_xscale() == "symlog"

    def test_calibration_marks_the_choice(self):
        calibration = Calibration()
        display = FairnessPathDisplay.from_calibration(calibration)
        x, y = display.lines_[0].get_data()
        np.testing.assert_array_equal(x, calibration.mean("dcor"))
        np.testing.assert_array_equal(y, calibration.mean("loss"))
        assert display.best_line_.get_xdata() == x[1]
        assert display.best_line_.get_ydata() == y[1]
        np.testing.assert_allclose(display.spreads["loss"], calibration.sd("loss") / 2.0)
        against_weight = FairnessPathDisplay.from_calibration(calibration, view="weight")
        assert against_weight.best_line_.get_xdata() == [1.0, 1.0]
        other = FairnessPathDisplay.from_calibration(calibration, criterion="uf")
        np.testing.assert_array_equal(other.lines_[0].get_xdata(), 1.0)

    def test_one_fold_has_no_bars(self):
        display = FairnessPathDisplay.from_calibration(Calibration(n_folds=1))
        assert display.spreads is None
        assert not display.ax_.containers

    def test_bad_input(self, path):
        with pytest.raises(ValueError, match=r"criterion must be one of \['dcor', 'uf', 'excess', 'sd'\]. Got 'jsd'"):
            FairnessPathDisplay.from_path(path, criterion="jsd")
        with pytest.raises(ValueError, match="view must be 'price' or 'weight'. Got 'both'"):
            FairnessPathDisplay.from_path(path, view="both")


def test_one_axes_can_hold_several_paths(path):
    first = FairnessPathDisplay.from_path(path, name="one")
    second = FairnessPathDisplay.from_path(path, ax=first.ax_, name="two", linestyle=":")
    assert [text.get_text() for text in second.ax_.get_legend().get_texts()] == ["one", "two"]


def test_matplotlib_is_optional(path, groups, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="FairnessPathDisplay.plot requires matplotlib"):
        FairnessPathDisplay.from_path(path)
    with pytest.raises(ImportError, match="GroupDensityDisplay.from_predictions requires matplotlib"):
        GroupDensityDisplay.from_predictions(*groups)
