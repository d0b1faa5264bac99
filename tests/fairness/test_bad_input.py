"""Bad input of the fair linear models and the path is refused at the door: the argument, what was found, the cure."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from statlearn._support._sklearn import InvalidParameterError
from statlearn.dependence import DistanceCovariancePenalty
from statlearn.exceptions import SensitiveFeaturesWarning
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairRegressor,
    fairness_path,
)

from .problems import fit, make_data, make_model

ESTIMATORS = [DistanceCovarianceFairRegressor, DistanceCovarianceFairClassifier]
KIND_OF = {DistanceCovarianceFairRegressor: "squared_error", DistanceCovarianceFairClassifier: "binary"}

every = pytest.mark.parametrize("estimator", ESTIMATORS)


@pytest.fixture
def data(rng):
    return make_data(rng, n_samples=60)


def data_for(estimator, rng, n_samples=60):
    return make_data(rng, KIND_OF[estimator], n_samples=n_samples)


def test_dates_are_no_numbers(data):
    X, y, *rest = data
    days = np.datetime64("2024-01-01") + np.arange(len(y))
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations"):
        DistanceCovarianceFairRegressor().fit(X, days, *rest)
    with pytest.raises(TypeError, match="X must be numbers. Got dates or durations"):
        DistanceCovarianceFairRegressor().fit(np.broadcast_to(days[:, None], X.shape), y, *rest)


class TestParameters:
    @every
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("fairness_weight", -1.0),
            ("fairness_weight", np.nan),
            ("fairness_weight", "auto"),
            ("measure", "hsic"),
            ("measure", DistanceCovariancePenalty),
            ("normalize", "corr"),
            ("penalize_on", "median"),
            ("alpha", -0.1),
            ("sensitive_columns", 1.5),
            ("drop_sensitive", 1),
            ("encoder", "onehot"),
            ("max_iter", 0),
            ("tol", 0.0),
        ],
    )
    def test_out_of_range(self, rng, estimator, name, value):
        model = estimator().set_params(**{name: value})
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of {estimator.__name__} must be"):
            model.fit(*data_for(estimator, rng))

    @pytest.mark.parametrize(("name", "value"), [("loss", "huber"), ("power", 1.0), ("power", 2.0), ("power", 0.5)])
    def test_of_the_regressor(self, data, name, value):
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
            DistanceCovarianceFairRegressor().set_params(**{name: value}).fit(*data)

    def test_of_the_classifier(self, rng):
        data = make_data(rng, "binary", n_samples=60)
        with pytest.raises(InvalidParameterError, match="The 'penalize_on' parameter"):
            DistanceCovarianceFairClassifier(penalize_on="count").fit(*data)
        with pytest.raises(InvalidParameterError, match="The 'class_weight' parameter"):
            DistanceCovarianceFairClassifier(class_weight="even").fit(*data)
        with pytest.raises(ValueError, match=r"class_weight must be positive for every class. Got \[0.0, 1.0\]"):
            DistanceCovarianceFairClassifier(class_weight={0: 0.0, 1: 1.0}).fit(*data)

    def test_negative_c(self):
        with pytest.raises(InvalidParameterError, match="The 'c' parameter of DistanceCovariancePenalty"):
            DistanceCovariancePenalty(c=-1.0)

    @every
    def test_two_normalizations(self, rng, estimator):
        model = estimator(measure=DistanceCovariancePenalty(), normalize="dcor")
        with pytest.raises(ValueError, match="normalize='dcor' must be None when measure is a DistanceCovariancePenal"):
            model.fit(*data_for(estimator, rng))

    @every
    def test_one_block_only(self, rng, estimator):
        with pytest.raises(ValueError, match="measure='dcov' takes one block. S has 2"):
            estimator(measure="dcov").fit(*data_for(estimator, rng))

    def test_counts_need_a_log_link(self, data):
        with pytest.raises(ValueError, match="penalize_on='count' needs a loss with log link.*loss='squared_error'"):
            DistanceCovarianceFairRegressor(penalize_on="count").fit(*data)


class TestSensitiveFeatures:
    @every
    def test_given_twice(self, rng, estimator):
        with pytest.raises(ValueError, match="sensitive_features was given to fit although sensitive_columns.*one of"):
            estimator(sensitive_columns=[0]).fit(*data_for(estimator, rng))

    @every
    def test_another_number_of_rows(self, rng, estimator):
        X, y, S = data_for(estimator, rng)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            estimator().fit(X, y, S[:-1])

    @every
    @pytest.mark.parametrize("missing", [np.nan, None])
    def test_missing_values_name_the_column_and_the_cure(self, rng, estimator, missing):
        pd = pytest.importorskip("pandas")
        X, y, S = data_for(estimator, rng)
        frame = pd.DataFrame({"sex": S[:, 0], "race": np.array(["a", "b", "c"], dtype=object)[S[:, 1]]})
        frame.loc[3, "race"] = missing
        with pytest.raises(ValueError, match="Column 'race' contains.*make 'missing' a level"):
            estimator().fit(X, y, frame)

    @every
    def test_infinity(self, rng, estimator):
        X, y, S = data_for(estimator, rng)
        S = S.astype(float)
        S[0, 1] = np.inf
        with pytest.raises(ValueError, match="infinity"):
            estimator().fit(X, y, S)

    @every
    def test_rows_of_another_index(self, rng, estimator):
        pd = pytest.importorskip("pandas")
        X, y, S = data_for(estimator, rng)
        frame = pd.DataFrame(S, columns=["a", "b"], index=np.arange(60)[::-1])
        model = estimator(0.0) if estimator is DistanceCovarianceFairClassifier else estimator(fairness_weight=0.0)
        with pytest.warns(SensitiveFeaturesWarning, match="matched by their position"):
            model.fit(pd.DataFrame(X, columns=list("xyz")), y, frame)
        twin = model.__class__(**model.get_params()).fit(X, y, S)
        assert model.penalty_value_ == twin.penalty_value_

    @every
    def test_too_few_rows(self, rng, estimator):
        X, _, S = data_for(estimator, rng)
        with pytest.raises(ValueError, match="needs at least 4 samples, got n_samples = 3"):
            estimator().fit(X[:3], [0, 1, 0], S[:3])
        with pytest.raises(ValueError, match=r"must let the rows count as more than 3.* count as 3: raise the weights"):
            estimator().fit(X[:10], [0, 1] * 5, S[:10], sample_weight=np.full(10, 0.3))
        fit(estimator(measure=DistanceCovariancePenalty(unbiased=False), alpha=0.1), X[:3], [0, 1, 0], [1, 0, 0])


class TestSensitiveColumns:
    @every
    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ("sex", "sensitive_columns names 'sex', but X has no column names"),
            (3, "sensitive_columns has position 3, but X has 3 columns"),
            ([-4], "sensitive_columns has position -4"),
            ([], "sensitive_columns must name at least one column"),
            ([0, 0], "sensitive_columns must name each column once"),
        ],
    )
    def test_columns_that_do_not_exist(self, rng, estimator, columns, message):
        X, y, _ = data_for(estimator, rng)
        with pytest.raises(ValueError, match=message):
            estimator(sensitive_columns=columns).fit(X, y)

    @every
    def test_names_that_do_not_exist(self, rng, estimator):
        pd = pytest.importorskip("pandas")
        X, y, _ = data_for(estimator, rng)
        for columns in (["sex"], np.array(["sex"])):
            with pytest.raises(ValueError, match="sensitive_columns names 'sex', which is no column of X"):
                estimator(sensitive_columns=columns).fit(pd.DataFrame(X, columns=list("xyz")), y)

    @every
    def test_nothing_left_to_predict_from(self, rng, estimator):
        X, y, _ = data_for(estimator, rng)
        with pytest.raises(ValueError, match=r"X has 3 feature\(s\), and sensitive_columns=\[0, 1, 2\] drops all"):
            estimator(sensitive_columns=[0, 1, 2]).fit(X, y)

    @every
    def test_strings_among_the_predictors(self, rng, estimator):
        pd = pytest.importorskip("pandas")
        X, y, S = data_for(estimator, rng)
        frame = pd.DataFrame(X, columns=list("xyz")).assign(sex=np.array(["f", "m"])[S[:, 0]])
        with pytest.raises(ValueError, match="could not convert string to float"):
            estimator(sensitive_columns=["sex"], drop_sensitive=False).fit(frame, y)

    @every
    def test_columns_missing_at_prediction(self, rng, estimator):
        X, y, S = data_for(estimator, rng)
        model = fit(estimator(sensitive_columns=[3]), np.column_stack([X, S[:, 0]]), y)
        with pytest.raises(ValueError, match="X has 3 features, but .* is expecting 4 features"):
            model.predict(X)


class TestData:
    @every
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    @pytest.mark.parametrize("columns", [None, [2]])
    def test_features_that_are_not_finite(self, rng, estimator, value, columns):
        X, y, S = data_for(estimator, rng)
        bad = X.copy()
        bad[1, 0] = value
        sensitive = S if columns is None else None
        model = estimator(sensitive_columns=columns)
        with pytest.raises(ValueError, match="NaN" if np.isnan(value) else "infinity"):
            model.fit(bad, y, sensitive)
        fit(model, X, y, sensitive)
        with pytest.raises(ValueError, match="NaN" if np.isnan(value) else "infinity"):
            model.predict(bad)

    @pytest.mark.parametrize(("loss", "bad"), [("poisson", -1.0), ("gamma", 0.0), ("gamma", -1.0), ("tweedie", -1e-9)])
    def test_targets_out_of_range(self, rng, loss, bad):
        X, y, S = make_data(rng, loss, n_samples=60)
        y[7] = bad
        with pytest.raises(ValueError, match=r"Some value\(s\) of y are out of the valid range of the loss 'Half"):
            DistanceCovarianceFairRegressor(loss).fit(X, y, S)

    def test_nothing_happened(self, data):
        with pytest.raises(ValueError, match="y must have a mean between.*only zeros"):
            DistanceCovarianceFairRegressor("poisson").fit(data.X, np.zeros(60), data.S)

    def test_one_class(self, data):
        with pytest.raises(ValueError, match=r"y must have more than one class\. Got one class, 1: add rows of"):
            DistanceCovarianceFairClassifier().fit(data.X, np.ones(60, dtype=int), data.S)

    def test_a_class_without_weight(self, data):
        y = np.repeat([0, 1], 30)
        with pytest.raises(ValueError, match="more than one class among the rows of positive weight. Got one class, 0"):
            DistanceCovarianceFairClassifier().fit(data.X, y, data.S, sample_weight=1 - y)

    @pytest.mark.parametrize(("penalize_on", "total"), [("mean", "0.75"), ("count", "3")])
    def test_weights_that_leave_few_rows(self, rng, penalize_on, total):
        X, y, S = make_data(rng, "poisson", n_samples=60)
        weights = np.zeros(60)
        weights[:3] = 0.25
        model = DistanceCovarianceFairRegressor("poisson", penalize_on=penalize_on)
        y[:3] = 1.0
        message = rf"sample_weight must let the rows count .* Got 3 row\(s\) of positive weight that count as {total}:"
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, S, sample_weight=weights)

    @pytest.mark.parametrize("factor", [1e-150, 1e-30, 1e30, 1e150])
    def test_a_tiny_or_huge_unit_of_the_target_changes_nothing(self, data, factor):
        """The penalty has the unit of y, the loss its square."""
        expected = fit(DistanceCovarianceFairRegressor(fairness_weight=0.5), *data)
        model = fit(DistanceCovarianceFairRegressor(fairness_weight=0.5 * factor), data.X, factor * data.y, data.S)
        np.testing.assert_allclose(model.predict(data.X) / factor, expected.predict(data.X), atol=1e-4)

    @pytest.mark.parametrize(
        ("factor", "options", "message"),
        [
            (1e-100, {}, "fairness_weight must be at most .* for this y, .* Got 1: lower it, or measure y in"),
            (1e-60, {"normalize": "dcor"}, "fairness_weight must be at most .* Got 1: lower it, or measure y in"),
            (1e-160, {}, "y must have values up to 1e.152 and a range of at least 1e-152, .* Got a range of .*e-160"),
            (1e160, {}, "y must have values up to 1e.152 .* Got values up to .*: measure y in another unit"),
        ],
    )
    def test_units_of_the_target_out_of_range(self, data, factor, options, message):
        with pytest.raises(ValueError, match=message):
            DistanceCovarianceFairRegressor(fairness_weight=1.0, **options).fit(data.X, factor * data.y, data.S)

    def test_a_fairness_weight_out_of_range(self, rng):
        parts = data_for(DistanceCovarianceFairClassifier, rng)
        with pytest.raises(ValueError, match=r"fairness_weight must be at most .* Got 1e.200: lower it\."):
            DistanceCovarianceFairClassifier(fairness_weight=1e200).fit(*parts)

    @every
    def test_no_sensitive_column(self, rng, estimator):
        X, y, S = data_for(estimator, rng)
        with pytest.raises(ValueError, match=r"sensitive_features must have one column or more.*shape \(60, 0\)"):
            estimator().fit(X, y, np.empty((60, 0)))

    def test_numbers_are_no_classes(self, data):
        with pytest.raises(ValueError, match="Unknown label type"):
            DistanceCovarianceFairClassifier().fit(*data)

    @every
    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            (-np.ones(60), "Negative values in data passed to `sample_weight`"),
            (np.zeros(60), "zero"),
            (np.ones(59), "sample_weight.shape"),
            (np.full(60, np.nan), "NaN"),
        ],
    )
    def test_weights(self, rng, estimator, weights, message):
        with pytest.raises(ValueError, match=message):
            estimator().fit(*data_for(estimator, rng), sample_weight=weights)

    @every
    def test_not_fitted(self, data, estimator):
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            if hasattr(estimator, method):
                with pytest.raises(NotFittedError):
                    getattr(estimator(), method)(data.X)
        with pytest.raises(NotFittedError):
            estimator(sensitive_columns=[0]).predict(data.X)

    @every
    def test_a_failed_fit_changes_nothing(self, rng, estimator):
        X, y, S = data_for(estimator, rng)
        model = fit(estimator(), X, y, S)
        before = dict(vars(model))
        with pytest.raises(ValueError, match="inconsistent"):
            model.fit(X[:, :2], y, S[:-1])
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())

    @every
    def test_input_is_left_alone(self, rng, estimator):
        parts = data_for(estimator, rng)
        weights = rng.integers(0, 3, size=60).astype(float)
        copies = [part.copy() for part in (*parts, weights)]
        for array in (*parts, weights):
            array.setflags(write=False)
        fit(estimator(), *parts, sample_weight=weights)
        for array, copy in zip((*parts, weights), copies, strict=True):
            np.testing.assert_array_equal(array, copy)


class TestPath:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("estimator", "fair"),
            ("n_fairness_weights", 0),
            ("eps", 0.0),
            ("eps", 1.0),
            ("fairness_weights", 3.0),
        ],
    )
    def test_parameters(self, data, name, value):
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of fairness_path must be"):
            fairness_path(*data, **{name: value})

    @pytest.mark.parametrize("weights", [[-1.0, 1.0], [np.nan], []])
    def test_weights(self, data, weights):
        with pytest.raises(ValueError, match="fairness_weights must be"):
            fairness_path(*data, fairness_weights=weights)

    def test_no_attributes(self, data):
        with pytest.raises(
            ValueError, match="sensitive_features must be given, unless estimator has sensitive_columns"
        ):
            fairness_path(data.X, data.y)

    def test_parameters_of_the_estimator(self, data):
        with pytest.raises(InvalidParameterError, match="The 'alpha' parameter"):
            fairness_path(*data, estimator=DistanceCovarianceFairRegressor(alpha=-1))
        with pytest.raises(ValueError, match="out of the valid range"):
            fairness_path(data.X, -np.ones(60), data.S, estimator=make_model("poisson", 1.0))
