"""Every bad input is refused at the door, in words: the argument, what was found, the cure."""

import numpy as np
import pytest

from statlearn.exceptions import ClassOrderWarning, RareClassWarning
from statlearn.ordinal import (
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    ordinal_log_likelihood,
    parallelism_test,
    presto_alpha_max,
    presto_path,
    rearrange_cumulative,
)

from .reference import parallel_data

ESTIMATORS = [PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier]
FUNCTIONS = [presto_path, presto_alpha_max, parallelism_test]


@pytest.fixture(scope="module")
def data():
    X, y, _ = parallel_data(np.random.default_rng(0), 120, 3, 4)
    assert np.bincount(y).min() >= 5
    return X, y


def fit_or_call(subject, X, y, **arguments):
    """Fit an estimator class or call a function, with constructor arguments told from fit arguments."""
    if not isinstance(subject, type):
        return subject(X, y, **arguments)
    weights = arguments.pop("sample_weight", None)
    return subject(**arguments).fit(X, y, sample_weight=weights)


def name(subject):
    return subject.__name__


every = pytest.mark.parametrize("subject", ESTIMATORS + FUNCTIONS, ids=name)
every_estimator = pytest.mark.parametrize("subject", ESTIMATORS, ids=name)


class TestClasses:
    @every
    def test_one_class(self, subject, data):
        with pytest.raises(ValueError, match=r"y must have more than one class\. Got one class, 3: add rows of"):
            fit_or_call(subject, data[0], np.full(120, 3))

    @every_estimator
    def test_weights_that_leave_one_class(self, subject, data):
        X, y = data
        weights = (y == y[0]).astype(float)
        with pytest.raises(ValueError, match=r"among the rows of positive weight\. Got one class, .* sample_weight"):
            subject().fit(X, y, sample_weight=weights)

    @every
    def test_declared_class_that_is_absent(self, subject, data):
        X, y = data
        with pytest.raises(
            ValueError, match=r"no rows of positive weight for \[9\] of classes.*Remove them from classes"
        ):
            fit_or_call(subject, X, y, classes=[0, 1, 2, 3, 9])

    @every
    def test_class_that_has_only_zero_weight(self, subject, data):
        X, y = data
        with pytest.raises(ValueError, match=r"no rows of positive weight for \[2\] of classes.*or add rows"):
            fit_or_call(subject, X, y, classes=[0, 1, 2, 3], sample_weight=(y != 2).astype(float))

    @every
    def test_label_that_is_not_declared(self, subject, data):
        X, y = data
        with pytest.raises(ValueError, match=r"y contains labels \[3\] that are not in classes=\[0, 1, 2\]. Add them"):
            fit_or_call(subject, X, y, classes=[0, 1, 2])

    @every
    def test_class_declared_twice(self, subject, data):
        with pytest.raises(
            ValueError, match=r"classes of .* must be a 1-D sequence of distinct labels. Got \[0, 1, 1, 2, 3\]"
        ):
            fit_or_call(subject, *data, classes=[0, 1, 1, 2, 3])

    @every
    def test_regression_target(self, subject, data):
        X, y = data
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            fit_or_call(subject, X, y + np.linspace(0, 0.5, 120))

    @every_estimator
    def test_strings_without_an_order_warn(self, subject, data):
        X, y = data
        with pytest.warns(ClassOrderWarning, match=r"alphabetical.*classes="):
            model = subject().fit(X, np.array(["low", "mid", "high", "top"])[y])
        assert list(model.classes_) == ["high", "low", "mid", "top"]

    def test_two_strings_have_no_middle_to_misplace(self, data):
        PrestoClassifier().fit(data[0], np.where(data[1] > 1, "yes", "no"))  # warnings are errors in this suite


class TestRows:
    @every
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite(self, subject, value, data):
        X, y = data
        X = X.copy()
        X[3, 1] = value
        with pytest.raises(ValueError, match="NaN" if np.isnan(value) else "infinity"):
            fit_or_call(subject, X, y)

    @every
    def test_missing_labels(self, subject, data):
        y = data[1].astype(float)
        y[0] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            fit_or_call(subject, data[0], y)

    @every
    def test_lengths_that_differ(self, subject, data):
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[120, 119\]"):
            fit_or_call(subject, data[0], data[1][:-1])

    @every
    def test_one_dimensional_rows(self, subject, data):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
            fit_or_call(subject, data[0][:, 0], data[1])

    @every
    def test_no_rows(self, subject):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            fit_or_call(subject, np.empty((0, 3)), np.empty(0, dtype=int))

    @every
    def test_no_columns(self, subject, data):
        with pytest.raises(ValueError, match=r"0 feature\(s\)"):
            fit_or_call(subject, np.empty((120, 0)), data[1])

    @every
    def test_two_targets(self, subject, data):
        with pytest.raises(ValueError, match=r"1d array|label type"):
            fit_or_call(subject, data[0], np.column_stack([data[1], data[1]]))


class TestWeights:
    @every
    def test_negative(self, subject, data):
        weights = np.ones(120)
        weights[5] = -1.0
        with pytest.raises(ValueError, match="Negative values in data passed to `?sample_weight"):
            fit_or_call(subject, *data, sample_weight=weights)

    @every
    def test_all_zero(self, subject, data):
        with pytest.raises(ValueError, match="(?i)sample weights.*zero"):
            fit_or_call(subject, *data, sample_weight=np.zeros(120))

    @every
    def test_wrong_length(self, subject, data):
        with pytest.raises(ValueError, match=r"sample_weight.shape == \(119,\), expected \(120,\)"):
            fit_or_call(subject, *data, sample_weight=np.ones(119))

    @every
    def test_not_finite(self, subject, data):
        weights = np.ones(120)
        weights[5] = np.nan
        with pytest.raises(ValueError, match="sample_weight contains NaN"):
            fit_or_call(subject, *data, sample_weight=weights)


PARAMETERS = [
    (PrestoClassifier, {"alpha": -0.1}, r"'alpha' parameter of PrestoClassifier must be .*Got -0.1 instead"),
    (PrestoClassifier, {"alpha": "strong"}, "'alpha' parameter of PrestoClassifier"),
    (PrestoClassifier, {"alpha": np.nan}, "'alpha' parameter of PrestoClassifier"),
    (PrestoClassifier, {"base_penalty": -1.0}, "'base_penalty' parameter of PrestoClassifier"),
    (PrestoClassifier, {"l1_ratio": 1.5}, "'l1_ratio' parameter of PrestoClassifier"),
    (PrestoClassifier, {"crossing": "never"}, "'crossing' parameter of PrestoClassifier.*Got 'never' instead"),
    (PrestoClassifier, {"repair": "clip"}, "'repair' parameter of PrestoClassifier.*Got 'clip' instead"),
    (PrestoClassifier, {"max_iter": 0}, "'max_iter' parameter of PrestoClassifier"),
    (PrestoClassifier, {"tol": 0.0}, "'tol' parameter of PrestoClassifier"),
    (PrestoClassifier, {"standardize": "yes"}, "'standardize' parameter of PrestoClassifier"),
    (PrestoClassifier, {"penalty_factor": [1.0, 2.0]}, "penalty_factor must have 3 entries. Got 2 instead"),
    (PrestoClassifier, {"penalty_factor": [1.0, -2.0, 1.0]}, r"penalty_factor must be .*non-negative. Got -2.0"),
    (PrestoClassifier, {"penalty_factor": [1.0, np.nan, 1.0]}, "penalty_factor must be finite .*Got nan"),
    (PrestoClassifierCV, {"alphas": 0}, "alphas"),
    (PrestoClassifierCV, {"alphas": [0.1, -0.1]}, r"alphas.*-0.1"),
    (PrestoClassifierCV, {"alphas": []}, "alphas"),
    (PrestoClassifierCV, {"eps": 0.0}, "'eps' parameter of PrestoClassifierCV"),
    (PrestoClassifierCV, {"selection": "max"}, "'selection' parameter of PrestoClassifierCV.*Got 'max' instead"),
    (PrestoClassifierCV, {"scoring": "beauty"}, "beauty"),
    (PrestoClassifierCV, {"cv": 1}, r"n_splits=1|cv"),
    (ProportionalOddsClassifier, {"alpha": -1.0}, "'alpha' parameter of ProportionalOddsClassifier"),
    (ProportionalOddsClassifier, {"l1_ratio": -0.5}, "'l1_ratio' parameter of ProportionalOddsClassifier"),
    (presto_path, {"alphas": [0.1, -0.1]}, r"alphas.*-0.1"),
    (presto_path, {"n_alphas": 0}, "'n_alphas' parameter of presto_path"),
    (presto_path, {"eps": 2.0}, "'eps' parameter of presto_path"),
    (presto_path, {"crossing": "never"}, "'crossing' parameter of presto_path"),
    (presto_alpha_max, {"l1_ratio": 0.0}, "l1_ratio"),
    (parallelism_test, {"method": "bootstrap"}, "'method' parameter of parallelism_test"),
    (parallelism_test, {"features": {"a": [7]}}, r"features.*7"),
    (parallelism_test, {"features": {"a": ["age"]}}, r"features.*age"),
    (parallelism_test, {"features": {"a": []}}, r"features.*a"),
]


@pytest.mark.parametrize(
    ("subject", "arguments", "message"), PARAMETERS, ids=[f"{name(s)}-{a}" for s, a, _ in PARAMETERS]
)
def test_parameters_out_of_range(subject, arguments, message, data):
    with pytest.raises(ValueError, match=message):
        fit_or_call(subject, *data, **arguments)


class TestPrediction:
    METHODS = (
        "predict",
        "predict_median",
        "predict_proba",
        "predict_log_proba",
        "cumulative_proba",
        "cut_logits",
        "decision_function",
    )

    @pytest.mark.parametrize("method", METHODS)
    def test_before_fit(self, method, data):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError, match="This PrestoClassifier instance is not fitted yet"):
            getattr(PrestoClassifier(), method)(data[0])

    @pytest.mark.parametrize("method", METHODS)
    def test_other_number_of_features(self, method, data):
        model = PrestoClassifier().fit(*data)
        with pytest.raises(ValueError, match="X has 2 features, but PrestoClassifier is expecting 3 features"):
            getattr(model, method)(data[0][:, :2])

    @pytest.mark.parametrize("method", METHODS)
    def test_values_that_are_not_finite(self, method, data):
        model = PrestoClassifier().fit(*data)
        with pytest.raises(ValueError, match="NaN"):
            getattr(model, method)(np.full((2, 3), np.nan))

    def test_level_of_the_intervals(self, data):
        model = ProportionalOddsClassifier().fit(*data)
        with pytest.raises(ValueError, match="level.*1.5"):
            model.conf_int(level=1.5)


class TestFunctions:
    def test_log_likelihood_needs_one_row_of_logits_per_label(self):
        with pytest.raises(ValueError, match=r"3.*2|2.*3"):
            ordinal_log_likelihood([0, 1, 2], np.array([[1.0, 0.0], [1.0, 0.0]]))

    def test_log_likelihood_needs_one_logit_per_cut(self):
        with pytest.raises(ValueError, match=r"cut_logits.*4.*2|cut_logits.*2.*4"):
            ordinal_log_likelihood([0, 1, 2, 3], np.zeros((4, 2)) - [[0.0, 1.0]])

    def test_rearrangement_needs_a_table(self):
        with pytest.raises(ValueError, match=r"2D|two-dimensional|shape"):
            rearrange_cumulative(np.array([0.1, 0.2]))

    def test_rearrangement_refuses_nan(self):
        with pytest.raises(ValueError, match="NaN"):
            rearrange_cumulative(np.array([[0.1, np.nan]]))


BAD_REFITS = [
    ("NaN in X", lambda X, y: (np.where(X.mean() > X, np.nan, X), y, None), {}),
    ("one class", lambda X, y: (X, np.zeros_like(y), None), {}),
    ("negative weight", lambda X, y: (X, y, -np.ones(len(y))), {}),
    ("other columns, one class", lambda X, y: (X[:, :1], np.zeros_like(y), None), {}),
    ("absent class", lambda X, y: (X, y, None), {"classes": [0, 1, 2, 3, 4]}),
    ("undeclared class", lambda X, y: (X[:, :2], y, None), {"classes": [0, 1]}),
]


@pytest.mark.parametrize(("change", "parameters"), [r[1:] for r in BAD_REFITS], ids=[r[0] for r in BAD_REFITS])
@every_estimator
def test_a_failing_fit_leaves_the_estimator_as_it_was(subject, change, parameters, data):
    X, y = data
    model = subject().fit(X, y)
    before, probabilities = dict(vars(model)), model.predict_proba(X)
    model.set_params(**parameters)
    bad_X, bad_y, weights = change(X, y)
    with pytest.raises(ValueError, match=r"\w"):
        model.fit(bad_X, bad_y, sample_weight=weights)
    fitted = {key: value for key, value in vars(model).items() if key not in model.get_params()}
    assert fitted.keys() == {key for key in before if key not in model.get_params()}
    for key, value in fitted.items():
        assert value is before[key], key
    np.testing.assert_array_equal(model.predict_proba(X), probabilities)


@pytest.mark.parametrize("parameters", [{"penalty_factor": [1.0]}, {"alpha": -1.0}], ids=str)
def test_a_refused_parameter_leaves_the_estimator_as_it_was(parameters, data):
    X, y = data
    model = PrestoClassifier().fit(X, y)
    coef, features = model.coef_, model.n_features_in_
    with pytest.raises(ValueError, match=next(iter(parameters))):
        model.set_params(**parameters).fit(X[:, :2], y)
    assert model.coef_ is coef and model.n_features_in_ == features


class TestRareClassesInCrossValidation:
    @pytest.mark.parametrize("n_rare", [1, 2, 4])
    def test_every_fold_keeps_every_class(self, n_rare, data):
        X, y = data
        y = np.minimum(y, 2)
        y[:n_rare] = 3
        with pytest.warns(RareClassWarning, match=rf"3.*\b{n_rare}\b.*5|\b{n_rare}\b.*3.*5"):
            model = PrestoClassifierCV(alphas=5, random_state=0).fit(X, y)
        assert list(model.classes_) == [0, 1, 2, 3]
        assert model.coef_.shape == (3, 3)
        assert np.isfinite(model.cv_scores_).all()

    def test_enough_rows_are_no_reason_to_warn(self, data):
        PrestoClassifierCV(alphas=5, random_state=0).fit(*data)  # warnings are errors in this suite
