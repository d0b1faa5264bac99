"""Calibration of the fairness weight: its rules on an estimator whose figures are known, and fits of real ones."""

import re
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.certificate import Certificate, Check
from statlearn.datasets import make_motor_claims
from statlearn.dependence import DistanceCovariancePenalty
from statlearn.exceptions import ShrinkageWarning
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairRegressor,
    ProtectedEncoder,
    calibrate_fairness_weight,
    jensen_shannon_divergence,
    unfairness_ratio,
    wasserstein_disparity,
)
from statlearn.fairness._calibration import FairnessCalibration, _pareto

pytestmark = pytest.mark.filterwarnings(f"ignore::{ShrinkageWarning.__module__}.{ShrinkageWarning.__name__}")

N = 60
GRID = [0.0, 0.25, 0.5, 1.0, 2.0]


class Shrinker(RegressorMixin, BaseEstimator):
    """Predicts the first column times ``exp(-fairness_weight)``, whatever it is fitted to."""

    def __init__(self, fairness_weight=1.0):
        self.fairness_weight = fairness_weight

    def fit(self, X, y, sensitive_features=None, sample_weight=None):
        assert sensitive_features is not None and len(sensitive_features) == len(X)
        self.n_fitted_, self.weights_ = len(X), sample_weight
        return self

    def predict(self, X):
        return X[:, 0] * np.exp(-self.fairness_weight)


def spread(y_pred, sensitive_features):
    assert len(y_pred) == len(sensitive_features)
    return float(np.abs(y_pred).mean())


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(N, 2))
    return X, X[:, 0].copy(), rng.integers(2, size=N)


@pytest.fixture(scope="module")
def motor():
    motor = make_motor_claims(800, random_state=5)
    motor.data = motor.data / motor.data.std(axis=0)
    return motor


def whole(n=N):
    """One split that trains and tests on everything."""
    return np.arange(n), np.arange(n)


def calibrate(problem, **arguments):
    arguments = {"fairness_weights": GRID, "cv": whole(), "criterion": spread, **arguments}
    return calibrate_fairness_weight(Shrinker(), *problem, **arguments)


def exact(problem):
    """Loss and criterion along the grid."""
    x, factors = problem[0][:, 0], np.exp(-np.array(GRID))
    return 0.5 * (1 - factors) ** 2 * np.mean(x**2), factors * np.abs(x).mean()


def test_results_are_the_figures_of_held_out_rows(problem):
    calibration = calibrate(problem)
    loss, criterion = exact(problem)
    np.testing.assert_allclose(calibration.mean("loss"), loss, atol=1e-14)
    np.testing.assert_allclose(calibration.mean("criterion"), criterion, rtol=1e-12)
    np.testing.assert_allclose(calibration.mean("sd"), np.exp(-np.array(GRID)) * problem[0][:, 0].std(), rtol=1e-12)
    assert np.isnan(calibration.sd("loss")).all()
    np.testing.assert_array_equal(calibration.fairness_weights, GRID)
    assert calibration.criterion == "criterion" and calibration.pareto.all()


def test_folds_are_those_of_the_splitter(problem):
    X, y, S = problem
    calibration = calibrate(problem, cv=KFold(3, shuffle=True, random_state=1))
    for fold, (_, test) in enumerate(KFold(3, shuffle=True, random_state=1).split(X)):
        expected = 0.5 * np.mean(((1.0 - np.exp(-2.0)) * X[test, 0]) ** 2)
        assert calibration.results["loss"][-1, fold] == pytest.approx(expected)
    np.testing.assert_allclose(calibration.sd("loss"), np.std(calibration.results["loss"], axis=1, ddof=1))
    splits = list(KFold(3, shuffle=True, random_state=1).split(X))
    for cv in (splits, tuple(splits), iter(splits)):
        np.testing.assert_array_equal(calibrate(problem, cv=cv).results["loss"], calibration.results["loss"])
    two = [tuple(map(list, split)) for split in splits[:2]]
    np.testing.assert_array_equal(calibrate(problem, cv=tuple(two)).results["loss"], calibration.results["loss"][:, :2])


def test_target_takes_the_smallest_weight_that_meets_it(problem):
    _, criterion = exact(problem)
    for position, value in enumerate(criterion):
        calibration = calibrate(problem, target=value * (1 + 1e-9))
        assert calibration.best_fairness_weight == GRID[position]
        assert calibration.certificate["criterion"].holds is True and calibration.certificate.holds is True
    both = calibrate(problem, target=criterion[3] * 1.01, max_loss_increase=0.0)
    assert both.best_fairness_weight == 1.0
    assert both.certificate["loss increase"].holds is False and both.certificate.holds is False


def test_a_target_that_nothing_meets(problem):
    calibration = calibrate(problem, target=1e-9)
    assert calibration.best_fairness_weight == 2.0
    assert calibration.certificate["criterion"].holds is False and calibration.certificate.holds is False


def test_max_loss_increase_takes_the_largest_weight_within_it(problem):
    X, y, S = problem
    grid = [0.1, 0.2, 0.4, 0.8]  # the loss at the smallest weight is positive
    loss = 0.5 * (1 - np.exp(-np.array(grid))) ** 2 * np.mean(y**2)
    for position, value in enumerate(loss):
        calibration = calibrate(problem, fairness_weights=grid, max_loss_increase=value / loss[0] - 1 + 1e-9)
        assert calibration.best_fairness_weight == grid[position]
        assert calibration.certificate["loss increase"].holds is True
    fallback = calibrate(problem, fairness_weights=grid, target=1e-9, max_loss_increase=loss[2] / loss[0] - 1 + 1e-9)
    assert fallback.best_fairness_weight == 0.4 and fallback.certificate["criterion"].holds is False


def test_knee(problem):
    loss, criterion = exact(problem)
    scaled = (loss - loss.min()) / np.ptp(loss) + (criterion - criterion.min()) / np.ptp(criterion)
    calibration = calibrate(problem)
    assert calibration.best_fairness_weight == GRID[int(np.argmin(scaled))]
    assert calibration.best_fairness_weight not in (GRID[0], GRID[-1])
    assert calibration.certificate.holds is True and "knee" in calibration.certificate.claim


def test_pareto_front(rng):
    loss, dependence = np.array([1.0, 2.0, 3.0, 3.0, 2.5]), np.array([5.0, 3.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(_pareto(loss, dependence), [True, True, True, False, False])
    np.testing.assert_array_equal(_pareto(np.ones(3), np.ones(3)), [True] * 3)
    loss, dependence = rng.integers(6, size=(2, 40)).astype(float)
    for i, efficient in enumerate(_pareto(loss, dependence)):
        beaten = any(
            a <= loss[i] and b <= dependence[i] and (a < loss[i] or b < dependence[i])
            for a, b in zip(loss, dependence, strict=True)
        )
        assert bool(efficient) != beaten


def test_weights_are_sorted_and_distinct(problem):
    calibration = calibrate(problem, fairness_weights=[2.0, 0.0, 2, 1])
    np.testing.assert_array_equal(calibration.fairness_weights, [0.0, 1.0, 2.0])


def test_one_weight(problem):
    calibration = calibrate(problem, fairness_weights=[0.5])
    assert calibration.best_fairness_weight == 0.5 and calibration.pareto.tolist() == [True]


def test_estimator_is_left_alone(problem):
    X, y, S = problem
    estimator = Shrinker(fairness_weight=7.0)
    calibrate_fairness_weight(estimator, X, y, S, fairness_weights=[0, 1], cv=2, criterion="uf")
    assert vars(estimator) == {"fairness_weight": 7.0}


def test_figures_of_a_fair_glm_by_hand(motor):
    weights, y = motor.exposure, motor.target / motor.exposure
    estimator = DistanceCovarianceFairRegressor(loss="poisson")
    calibration = calibrate_fairness_weight(
        estimator,
        motor.data,
        y,
        motor.sensitive,
        fairness_weights=[0.0, 0.5],
        cv=2,
        criterion="jsd",
        sample_weight=weights,
    )
    age = motor.sensitive[:, 2].astype(float)
    order = np.argsort(age)
    reached = np.cumsum(weights[order]) / weights.sum()
    cuts = [age[order][np.argmax(reached > share)] for share in (0.25, 0.5, 0.75)]
    quartile = np.searchsorted(cuts, age, side="right")
    cells = np.unique(np.column_stack([motor.sensitive[:, :2].astype(str), quartile]), axis=0, return_inverse=True)[1]
    encoder = ProtectedEncoder()
    encoded = encoder.fit_transform(motor.sensitive)
    for fold, (train, test) in enumerate(KFold(2).split(y)):
        for row, fairness_weight in enumerate([0.0, 0.5]):
            model = clone(estimator).set_params(fairness_weight=fairness_weight)
            model.fit(motor.data[train], y[train], motor.sensitive[train], sample_weight=weights[train])
            f, w = model.predict(motor.data[test]), weights[test]
            found = {name: values[row, fold] for name, values in calibration.results.items()}
            assert found["loss"] == pytest.approx(mean_poisson_deviance(y[test], f, sample_weight=w) / 2)
            penalty = DistanceCovariancePenalty().fit(encoder.split(encoded[test]), w)
            assert found["dcor"] == pytest.approx(penalty.distance_correlation(f))
            assert found["uf"] == pytest.approx(unfairness_ratio(f, cells[test], sample_weight=w))
            assert found["jsd"] == pytest.approx(jensen_shannon_divergence(f, cells[test], sample_weight=w))
            assert found["wasserstein"] == pytest.approx(wasserstein_disparity(f, cells[test], sample_weight=w))


def test_expected_counts_are_compared_if_they_are_penalized(motor):
    weights, y = motor.exposure, motor.target / motor.exposure
    estimator = DistanceCovarianceFairRegressor(loss="poisson", penalize_on="count")
    everything = whole(len(y))
    calibration = calibrate_fairness_weight(
        estimator, motor.data, y, motor.sensitive, fairness_weights=[0.5], cv=everything, sample_weight=weights
    )
    model = clone(estimator).set_params(fairness_weight=0.5)
    counts = model.fit(motor.data, y, motor.sensitive, sample_weight=weights).predict(motor.data) * weights
    assert calibration.mean("sd")[0] == pytest.approx(counts.std())
    encoder = ProtectedEncoder()
    penalty = DistanceCovariancePenalty().fit(encoder.split(encoder.fit_transform(motor.sensitive)))
    assert calibration.mean("dcor")[0] == pytest.approx(penalty.distance_correlation(counts))


def test_weights_are_repetitions(motor):
    n = 200
    X, y, S = motor.data[:n], motor.target[:n], motor.sensitive[:n, :2]
    repetitions = np.arange(n) % 3
    rows = np.repeat(np.arange(n), repetitions)
    estimator = DistanceCovarianceFairRegressor(loss="poisson", tol=1e-10)
    options = {"fairness_weights": [0.0, 1.0], "criterion": "wasserstein"}
    weighted = calibrate_fairness_weight(
        estimator, X, y, S, cv=whole(n), sample_weight=repetitions.astype(float), **options
    )
    repeated = calibrate_fairness_weight(estimator, X[rows], y[rows], S[rows], cv=whole(len(rows)), **options)
    for name, values in weighted.results.items():
        # With the penalty a fit ends within a kink's width, which is some 1e-4 at 200 rows; without it, at one point.
        for row, rtol in ((0, 1e-7), (1, 1e-3)):
            np.testing.assert_allclose(values[row], repeated.results[name][row], rtol=rtol, err_msg=name)


class TestPipelines:
    @pytest.fixture
    def data(self, motor):
        return {"X": motor.data, "y": motor.target / motor.exposure, "sensitive_features": motor.sensitive}

    @pytest.fixture
    def bare(self, data):
        X = StandardScaler().fit_transform(data["X"])
        estimator = DistanceCovarianceFairRegressor(loss="poisson")
        return self.run(estimator, {**data, "X": X})

    def run(self, estimator, data, **options):
        cv = whole(len(data["y"]))
        return calibrate_fairness_weight(
            estimator, **data, fairness_weights=[0.0, 0.5], cv=cv, criterion="dcor", **options
        )

    def test_pipeline(self, data, bare):
        pipeline = make_pipeline(StandardScaler(), DistanceCovarianceFairRegressor(loss="poisson"))
        found = self.run(pipeline, data)
        np.testing.assert_allclose(found.results["dcor"], bare.results["dcor"], rtol=1e-6)
        nested = self.run(make_pipeline("passthrough", pipeline), data)
        np.testing.assert_array_equal(nested.results["dcor"], found.results["dcor"])

    def test_metadata_routing(self, data, bare):
        pipeline = make_pipeline(StandardScaler(), DistanceCovarianceFairRegressor(loss="poisson"))
        with config_context(enable_metadata_routing=True):
            found = self.run(pipeline, data)
            np.testing.assert_allclose(found.results["dcor"], bare.results["dcor"], rtol=1e-6)
            around = TransformedTargetRegressor(DistanceCovarianceFairRegressor(loss="poisson"))
            self.run(around, data)

    def test_weights_reach_the_fair_step(self, data, motor):
        pipeline = make_pipeline("passthrough", DistanceCovarianceFairRegressor(loss="poisson"))
        found = self.run(pipeline, data, sample_weight=motor.exposure)
        bare = self.run(pipeline[-1], data, sample_weight=motor.exposure)
        np.testing.assert_array_equal(found.results["loss"], bare.results["loss"])

    def test_what_does_not_pass_sensitive_features_on(self, data):
        around = TransformedTargetRegressor(DistanceCovarianceFairRegressor(loss="poisson"))
        with pytest.raises(
            TypeError, match="TransformedTargetRegressor does not pass sensitive_features on. Use a Pipe"
        ):
            self.run(around, data)

    def test_sensitive_columns(self, data, motor):
        pandas = pytest.importorskip("pandas")
        X = pandas.DataFrame(motor.data, columns=motor.feature_names)
        table = X.assign(**dict(zip(motor.sensitive_names, motor.sensitive.T, strict=True)))
        table["age"] = table["age"].astype(float)
        estimator = DistanceCovarianceFairRegressor(loss="poisson", sensitive_columns=motor.sensitive_names)
        from_columns = self.run(estimator, {**data, "X": table, "sensitive_features": None})
        given = self.run(DistanceCovarianceFairRegressor(loss="poisson"), {**data, "X": X})
        np.testing.assert_allclose(from_columns.results["loss"], given.results["loss"], rtol=1e-9)
        np.testing.assert_allclose(from_columns.results["dcor"], given.results["dcor"], rtol=1e-6)
        both = self.run(estimator, {**data, "X": table})
        np.testing.assert_array_equal(both.results["dcor"], from_columns.results["dcor"])

    def test_columns_of_a_step_do_not_tell_the_criteria(self, data):
        step = DistanceCovarianceFairRegressor(sensitive_columns=[0])
        with pytest.raises(ValueError, match="sensitive_features must be given, unless estimator itself"):
            self.run(make_pipeline("passthrough", step), {**data, "sensitive_features": None})


class TestClassifiers:
    def test_two_classes(self, rng):
        X, S = rng.normal(size=(200, 2)), rng.integers(2, size=200)
        y = np.where(X[:, 0] + S + rng.normal(size=200) > 0.5, "yes", "no")
        X[:, 1] += S
        estimator = DistanceCovarianceFairClassifier()
        calibration = calibrate_fairness_weight(estimator, X, y, S, fairness_weights=[0.0, 1.0], cv=2, criterion="uf")
        for fold, (train, test) in enumerate(StratifiedKFold(2).split(X, y)):
            model = clone(estimator).set_params(fairness_weight=1.0).fit(X[train], y[train], S[train])
            p = model.predict_proba(X[test])
            assert calibration.results["loss"][1, fold] == pytest.approx(log_loss(y[test], p))
            assert calibration.results["uf"][1, fold] == pytest.approx(unfairness_ratio(p[:, 1], S[test]))

    def test_three_classes_count_by_the_worst(self, rng):
        X, S = rng.normal(size=(150, 2)), rng.integers(2, size=150)
        y = np.digitize(X[:, 0] + S + rng.normal(size=150), [0.0, 1.0])
        estimator = DistanceCovarianceFairClassifier()
        calibration = calibrate_fairness_weight(
            estimator, X, y, S, fairness_weights=[0.1], cv=whole(150), criterion="uf"
        )
        p = clone(estimator).set_params(fairness_weight=0.1).fit(X, y, S).predict_proba(X)
        expected = max(unfairness_ratio(column, S) for column in p.T)
        assert calibration.mean("uf")[0] == pytest.approx(expected)
        assert calibration.mean("loss")[0] == pytest.approx(log_loss(y, p))


def test_parallel_fits_change_nothing(motor):
    options = {"fairness_weights": [0.0, 0.5], "cv": 2, "criterion": "dcor"}
    data = motor.data, motor.target, motor.sensitive
    first, second = (
        calibrate_fairness_weight(DistanceCovarianceFairRegressor(loss="poisson"), *data, n_jobs=n_jobs, **options)
        for n_jobs in (1, 2)
    )
    for name, values in first.results.items():
        np.testing.assert_array_equal(values, second.results[name])


def test_fits_without_certificate_are_counted(problem):
    class Doubtful(Shrinker):
        def fit(self, X, y, sensitive_features=None, sample_weight=None):
            checks = [Check("shrinkage", None, None, self.fairness_weight < 0.5, "numerical")]
            self.certificate_ = Certificate("It does not shrink.", checks)
            return super().fit(X, y, sensitive_features, sample_weight)

    X, y, S = problem
    options = {"cv": 3, "criterion": "uf"}
    certified, doubtful = (
        calibrate_fairness_weight(Doubtful(), X, y, S, fairness_weights=[weight], **options) for weight in (0.0, 1.0)
    )
    assert certified.certificate["fits not certified"].statistic == 0
    check = doubtful.certificate["fits not certified"]
    assert check.statistic == 3 and check.detail.endswith("3 were paid for by shrinking")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_shrinkage_is_counted_and_does_not_warn(rng, n_jobs):
    S = rng.integers(2, size=100)
    X = rng.normal(size=(100, 1)) + S[:, None]
    model = DistanceCovarianceFairRegressor()
    with pytest.warns(ShrinkageWarning):
        clone(model).fit(X, X[:, 0], S)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibration = calibrate_fairness_weight(model, X, X[:, 0], S, fairness_weights=[1.0], cv=2, n_jobs=n_jobs)
    check = calibration.certificate["fits not certified"]
    assert check.statistic == 2 and check.detail.endswith("2 were paid for by shrinking")


def test_table_and_text(problem):
    pytest.importorskip("pandas")
    calibration = calibrate(problem, cv=3)
    frame = calibration.to_frame()
    names = ["loss", "sd", "dcor", "uf", "wasserstein", "criterion"]
    assert list(frame) == ["fairness_weight", *(part for name in names for part in (name, f"{name}_sd")), "pareto"]
    np.testing.assert_array_equal(frame["loss"], calibration.results["loss"].mean(axis=1))
    lines = str(calibration).splitlines()
    assert len(lines) == 2 + len(GRID)
    assert sum("(best)" in line for line in lines) == 1


def test_plot(problem):
    pytest.importorskip("matplotlib").use("Agg")
    display = calibrate(problem).plot(criterion="uf")
    assert display.ax_.get_xlabel()


def test_frames_with_an_index(problem):
    pandas = pytest.importorskip("pandas")
    X, y, S = problem
    index = np.arange(N) * 2 + 7
    frame, target = pandas.DataFrame(X, index=index, columns=["a", "b"]), pandas.Series(y, index=index)
    model = DistanceCovarianceFairRegressor()
    options = {"fairness_weights": [0.1], "cv": 3, "criterion": "uf"}
    found = calibrate_fairness_weight(model, frame, target, pandas.Series(S, index=index, name="sex"), **options)
    expected = calibrate_fairness_weight(model, X, y, S, **options)
    np.testing.assert_allclose(found.results["loss"], expected.results["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"fairness_weights": []}, "fairness_weights must be a vector with at least one entry"),
        ({"fairness_weights": [-1.0]}, "fairness_weights must be finite and non-negative"),
        ({"cv": 1}, "'cv' parameter of calibrate_fairness_weight"),
        ({"criterion": "gini"}, "'criterion' parameter of calibrate_fairness_weight"),
        ({"criterion": lambda f, S: np.nan}, "criterion must return a finite number. Got nan"),
        ({"criterion": lambda f, S: f}, "criterion must return a finite number"),
        ({"target": "low"}, "'target' parameter of calibrate_fairness_weight"),
        ({"max_loss_increase": -0.1}, "'max_loss_increase' parameter of calibrate_fairness_weight"),
        ({"sample_weight": np.ones(3)}, "sample_weight.shape"),
        ({"n_jobs": 0.5}, "'n_jobs' parameter of calibrate_fairness_weight"),
    ],
)
def test_bad_arguments(problem, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        calibrate(problem, **arguments)


def test_bad_data(problem):
    X, y, S = problem
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        calibrate((X, y[:-1], S))
    with pytest.raises(ValueError, match="inconsistent numbers of samples: sensitive_features has 59 rows"):
        calibrate((X, y, S[:-1]))
    with pytest.raises(ValueError, match="sensitive_features must be given"):
        calibrate((X, y, None))
    with pytest.raises(ValueError, match="estimator must have one parameter fairness_weight.*LinearRegression has 0"):
        calibrate_fairness_weight(LinearRegression(), X, y, S, fairness_weights=[1])
    twice = make_pipeline(Shrinker(), Shrinker())
    with pytest.raises(ValueError, match="has 2: shrinker-1__fairness_weight, shrinker-2__fairness_weight"):
        calibrate_fairness_weight(twice, X, y, S, fairness_weights=[1])


def test_result_is_a_record(problem):
    calibration = calibrate(problem)
    assert isinstance(calibration, FairnessCalibration)
    with pytest.raises(AttributeError):
        calibration.best_fairness_weight = 3.0
