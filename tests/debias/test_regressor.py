"""The regressor with corrected predictions: its parts, folds, metadata, certificate, and what it refuses."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import r2_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import estimator_checks, get_tags

from statlearn.debias import (
    DebiasedRegressor,
    LinearCalibrationCorrector,
    SieveCorrector,
    TweedieCorrector,
    conditional_bias_scorer,
    debiased_ate,
    slope_on_truth,
    slope_scorer,
)
from statlearn.exceptions import InSampleWarning, SupportWarning, WeakCalibrationWarning

from .samples import treat_by

N = 200
ON = {"enable_metadata_routing": True}


def table(rng, n=N, n_features=4, noise=1.0):
    """Rows and outcomes that a linear model explains half of, as the outcomes vary by 2."""
    X = rng.normal(size=(n, n_features))
    return X, X @ np.full(n_features, n_features**-0.5) + noise * rng.normal(size=n)


class SameRows:
    """Predicts the rows that a model was fitted to, so that even noise is predicted somewhat."""

    def __repr__(self):  # in names of tests, which must be the same in each process
        return "SameRows()"

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1

    def split(self, X, y=None, groups=None):
        yield np.arange(len(y)), np.arange(len(y))


# scikit-learn's checks fit noise, which no out-of-fold prediction rises with: that is refused, and rightly.
CHECKED = DebiasedRegressor(Ridge(), LinearCalibrationCorrector(min_slope=0.0), cv=SameRows())


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.InSampleWarning")
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.WeakCalibrationWarning")
@estimator_checks.parametrize_with_checks([CHECKED])
def test_sklearn_check(estimator, check):
    check(estimator)


EXTRA_CHECKS = ["check_dataframe_column_names_consistency", "check_inplace_ensure_writeable", "check_param_validation"]


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.WeakCalibrationWarning")
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("check", EXTRA_CHECKS)
def test_check_that_sklearn_does_not_run(check):
    getattr(estimator_checks, check)("DebiasedRegressor", clone(CHECKED))


# ---- what it is made of


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("corrector", [None, SieveCorrector(alpha=1e-3), TweedieCorrector("gmm")])
def test_it_is_out_of_fold_predictions_a_corrector_and_a_fit_to_all_rows(corrector, weighted, rng):
    X, y = table(rng)
    weights = rng.integers(1, 4, size=N).astype(float) if weighted else None
    folds = KFold(4, shuffle=True, random_state=0)
    model = DebiasedRegressor(Ridge(2.0), corrector, cv=folds).fit(X, y, sample_weight=weights)
    held_out = np.empty(N)
    for train, test in folds.split(X):
        part = Ridge(2.0).fit(X[train], y[train], None if weights is None else weights[train])
        held_out[test] = part.predict(X[test])
    np.testing.assert_allclose(model.oof_prediction_, held_out)
    expected = clone(corrector or LinearCalibrationCorrector()).fit(held_out, y, weights)
    assert type(model.corrector_) is type(expected)
    assert model.corrector_.slope_ == pytest.approx(expected.slope_)
    raw = Ridge(2.0).fit(X, y, weights).predict(X)
    np.testing.assert_allclose(model.predict_raw(X), raw)
    np.testing.assert_allclose(model.predict(X), expected.predict(raw))
    assert model.score(X, y) == pytest.approx(r2_score(y, model.predict(X)))
    assert model.score(X, y, weights) == pytest.approx(r2_score(y, model.predict(X), sample_weight=weights))


def test_defaults(rng):
    X, y = table(rng)
    model = DebiasedRegressor().fit(X, y)
    assert isinstance(model.estimator_, RidgeCV)
    assert isinstance(model.corrector_, LinearCalibrationCorrector)
    np.testing.assert_allclose(model.oof_prediction_, cross_val_predict(RidgeCV(), X, y, cv=KFold(5)))
    assert model.estimator is None
    assert model.corrector is None


def test_parameters_stay_unfitted(rng):
    X, y = table(rng)
    estimator, corrector = Ridge(), LinearCalibrationCorrector()
    model = DebiasedRegressor(estimator, corrector).fit(X, y)
    for part in (estimator, corrector, clone(model)):
        assert not [name for name in vars(part) if name.endswith("_")]


def test_it_does_not_shrink_new_rows_and_explains_less_of_them(rng):
    X, y = table(rng, 4000)
    X_new, y_new = table(rng, 4000)
    model = DebiasedRegressor().fit(X, y)
    assert slope_on_truth(y_new, model.predict_raw(X_new)) == pytest.approx(0.5, abs=0.05)
    assert slope_on_truth(y_new, model.predict(X_new)) == pytest.approx(1.0, abs=0.08)
    raw = r2_score(y_new, model.predict_raw(X_new))
    assert model.score(X_new, y_new) == pytest.approx(2.0 - 1.0 / raw, abs=0.1)


def test_correctors_and_raw_predictions_give_effects_with_both_errors(rng):
    X, y = load_diabetes(return_X_y=True)
    model = DebiasedRegressor().fit(X[::2], y[::2])
    treatment = treat_by(rng, (y[1::2] - y.mean()) / y.std())
    raw = model.predict_raw(X[1::2])
    result = debiased_ate(model.corrector_, raw, treatment)
    corrected = model.predict(X[1::2])
    assert result.estimate == pytest.approx(corrected[treatment].mean() - corrected[~treatment].mean())
    assert result.naive == pytest.approx(raw[treatment].mean() - raw[~treatment].mean())
    assert result.se_calibration > 0.0


@pytest.mark.parametrize(("n_folds", "factor"), [(2, 1.14), (5, 1.04), (10, 1.02)])
def test_penalized_models_of_few_folds_correct_too_much(n_folds, factor):
    slopes = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, y = table(rng, 150, n_features=30, noise=0.8)
        X_new, y_new = table(rng, 5000, n_features=30, noise=0.8)
        model = DebiasedRegressor(cv=n_folds).fit(X, y)
        slopes.append(slope_on_truth(y_new, model.corrector_._correction.evaluate(model.predict_raw(X_new))))
    assert np.mean(slopes) == pytest.approx(factor, abs=3.0 * np.std(slopes) / np.sqrt(30))


def test_trees_go_with_the_default_corrector(rng):
    X, y = table(rng, 1000)
    model = DebiasedRegressor(DecisionTreeRegressor(max_depth=3, random_state=0)).fit(X, y)
    assert np.unique(model.predict(X)).size <= 8


# ---- rows


def test_a_target_of_one_column_is_a_vector(rng):
    X, y = table(rng)
    expected = DebiasedRegressor().fit(X, y).predict(X)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        model = DebiasedRegressor().fit(X, y[:, None])
    np.testing.assert_array_equal(model.predict(X), expected)
    np.testing.assert_array_equal(DebiasedRegressor().fit(X.tolist(), y.tolist()).predict(X), expected)


def test_data_frames_are_passed_on(rng):
    pd = pytest.importorskip("pandas")
    X, y = table(rng)
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(N) + 7)
    model = DebiasedRegressor(make_pipeline(StandardScaler(), Ridge())).fit(frame, pd.Series(y, index=frame.index))
    assert list(model.feature_names_in_) == list(model.estimator_[0].feature_names_in_) == list("abcd")
    assert model.n_features_in_ == 4
    plain = DebiasedRegressor(make_pipeline(StandardScaler(), Ridge())).fit(X, y)
    np.testing.assert_allclose(model.predict(frame), plain.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])


def test_sparse_rows_and_texts_are_passed_on(rng):
    X, y = table(rng)
    sparse = csr_array(np.where(np.abs(X) > 0.5, X, 0.0))
    model = DebiasedRegressor(Ridge(solver="lsqr", tol=1e-12)).fit(sparse, y)
    twin = DebiasedRegressor(Ridge(solver="lsqr", tol=1e-12)).fit(sparse.toarray(), y)
    np.testing.assert_allclose(model.predict(sparse), twin.predict(sparse.toarray()))
    texts = ["good " * (1 + int(3 * value)) + "day" for value in rng.random(N)]
    counts = np.array([text.count("good") for text in texts])
    words = DebiasedRegressor(make_pipeline(CountVectorizer(), Ridge())).fit(texts, counts + rng.normal(size=N))
    assert words.predict(texts[:5]).shape == (5,)
    assert not hasattr(words, "n_features_in_")


def test_kernel_matrices_are_cut_in_both_directions(rng):
    X, y = table(rng)
    K = rbf_kernel(X, gamma=0.1)
    model = DebiasedRegressor(KernelRidge(0.1, kernel="precomputed")).fit(K, y)
    assert get_tags(model).input_tags.pairwise
    twin = DebiasedRegressor(KernelRidge(0.1, kernel="rbf", gamma=0.1)).fit(X, y)
    np.testing.assert_allclose(model.oof_prediction_, twin.oof_prediction_)
    np.testing.assert_allclose(model.predict(K), twin.predict(X))


def test_tags_are_those_of_the_regressor():
    for base in (Ridge(), KNeighborsRegressor(), DecisionTreeRegressor()):
        for name in ("sparse", "pairwise", "allow_nan", "string", "categorical"):
            found = getattr(get_tags(DebiasedRegressor(base)).input_tags, name)
            assert found == getattr(get_tags(base).input_tags, name)


def test_missing_values_are_left_to_the_regressor(rng):
    X, y = table(rng, 400)
    X[0, 0] = np.nan
    assert np.isfinite(DebiasedRegressor(DecisionTreeRegressor(max_depth=3)).fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="Input X contains NaN"):
        DebiasedRegressor().fit(X, y)


def test_workers_change_nothing(rng):
    X, y = table(rng)
    with joblib.parallel_config("threading"):
        serial, parallel = (DebiasedRegressor(Ridge(), n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    np.testing.assert_array_equal(serial.oof_prediction_, parallel.oof_prediction_)


# ---- fitted regressors


def test_a_frozen_regressor_is_calibrated_on_all_rows(rng):
    X, y = table(rng, 2 * N)
    fitted = make_pipeline(StandardScaler(), Ridge()).fit(X[:N], y[:N])
    raw = fitted.predict(X[N:])
    weights = rng.random(N)
    expected = LinearCalibrationCorrector().fit(raw, y[N:], weights)
    frozen = FrozenEstimator(fitted)
    for model in (DebiasedRegressor(frozen), DebiasedRegressor(fitted, cv="prefit")):
        model.fit(X[N:], y[N:], sample_weight=weights)
        assert model.estimator_ is model.estimator
        np.testing.assert_array_equal(model.oof_prediction_, raw)
        np.testing.assert_allclose(model.predict(X[N:]), expected.predict(raw))
        assert model.certificate_ == expected.certificate_
    search = GridSearchCV(DebiasedRegressor(frozen, SieveCorrector()), {"corrector__alpha": [1e-2, 1e3]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SupportWarning)
        assert search.fit(X[N:], y[N:]).best_estimator_.estimator_ is frozen


def test_a_regressor_taken_as_it_is_must_be_fitted(rng):
    X, y = table(rng)
    for model in (DebiasedRegressor(FrozenEstimator(Ridge())), DebiasedRegressor(Ridge(), cv="prefit")):
        with pytest.raises(NotFittedError, match=r"estimator is not fitted yet.*FrozenEstimator it stays fitted"):
            model.fit(X, y)
    with pytest.raises(NotFittedError):
        clone(DebiasedRegressor(Ridge().fit(X, y), cv="prefit")).fit(X, y)


def test_a_frozen_regressor_has_no_folds(rng):
    X, y = table(rng)
    with pytest.raises(ValueError, match="cv=3 and a FrozenEstimator contradict each other"):
        DebiasedRegressor(FrozenEstimator(Ridge().fit(X, y)), cv=3).fit(X, y)
    DebiasedRegressor(FrozenEstimator(Ridge().fit(X, y)), cv="prefit").fit(X, y)


def test_frozen_parts_of_a_pipeline_stay_what_they_are(rng):
    X, y = table(rng)
    scaler = StandardScaler().fit(X[:20])
    model = DebiasedRegressor(make_pipeline(FrozenEstimator(scaler), Ridge())).fit(X, y)
    expected = cross_val_predict(Ridge(), scaler.transform(X), y, cv=KFold(5))
    np.testing.assert_allclose(model.oof_prediction_, expected)


# ---- folds


def test_out_of_fold_predictions_are_in_the_order_of_the_rows(rng):
    X, y = table(rng)
    order = rng.permutation(N)
    parts = np.array_split(order, 4)
    folds = [(np.setdiff1d(order, part), part) for part in parts]
    expected = DebiasedRegressor(Ridge(), cv=folds).fit(X, y)
    masks = [(~np.isin(np.arange(N), part), np.isin(np.arange(N), part)) for part in parts]
    for given in (iter(folds), masks):
        model = DebiasedRegressor(Ridge(), cv=given).fit(X, y)
        np.testing.assert_array_equal(model.oof_prediction_, expected.oof_prediction_)
    # A mirror of the rows has mirrored folds.
    mirrored = DebiasedRegressor(Ridge(), cv=5).fit(X[::-1], y[::-1])
    np.testing.assert_allclose(mirrored.oof_prediction_[::-1], DebiasedRegressor(Ridge()).fit(X, y).oof_prediction_)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (ShuffleSplit(3, test_size=0.2, random_state=0), "Of 200 rows it holds out .* never, and .* more than once"),
        (
            TimeSeriesSplit(4),
            "it holds out 40 never, and 0 more than once. Use KFold or another splitter into parts, such as",
        ),
        (RepeatedKFold(n_splits=4, n_repeats=2, random_state=0), "it holds out 0 never, and 200 more than once"),
        ([(np.arange(100), np.arange(100, 200))], "it holds out 100 never, .*FrozenEstimator, and calibrate on others"),
        (iter([]), "cv gives no folds"),
        (201, "n_splits=201 greater"),
        ("holdout", "The 'cv' parameter of DebiasedRegressor must be"),
        (1, "The 'cv' parameter of DebiasedRegressor must be"),
    ],
)
def test_folds_must_hold_out_each_row_once(cv, message, rng):
    X, y = table(rng)
    with pytest.raises(ValueError, match=message):
        DebiasedRegressor(Ridge(), cv=cv).fit(X, y)


# ---- metadata


class Recorder(RegressorMixin, BaseEstimator):
    """Least squares that keeps the metadata of its fit."""

    def fit(self, X, y, sample_weight=None, *, ages=None):
        self.got_ = sample_weight, ages
        self.model_ = LinearRegression().fit(X, y, sample_weight)
        return self

    def predict(self, X):
        return self.model_.predict(X)


@sklearn.config_context(**ON)
def test_metadata_go_where_they_are_requested(rng):
    X, y = table(rng)
    weights, ages, groups = rng.random(N), rng.random(N), np.arange(N) // 10
    base = Recorder().set_fit_request(sample_weight=True, ages=True)
    model = DebiasedRegressor(base, cv=GroupKFold(4)).fit(X, y, sample_weight=weights, ages=ages, groups=groups)
    np.testing.assert_array_equal(model.estimator_.got_, (weights, ages))
    folds = list(GroupKFold(4).split(X, y, groups))
    twin = DebiasedRegressor(base, cv=folds).fit(X, y, sample_weight=weights, ages=ages)
    np.testing.assert_array_equal(model.oof_prediction_, twin.oof_prediction_)
    held_out = LinearRegression().fit(X[folds[0][0]], y[folds[0][0]], weights[folds[0][0]]).predict(X[folds[0][1]])
    np.testing.assert_allclose(model.oof_prediction_[folds[0][1]], held_out)
    assert model.corrector_.slope_ == pytest.approx(slope_on_truth(y, model.oof_prediction_, sample_weight=weights))
    refusing = Recorder().set_fit_request(sample_weight=False, ages=False)
    model = DebiasedRegressor(refusing).fit(X, y, sample_weight=weights)
    assert model.estimator_.got_ == (None, None)
    assert model.corrector_.slope_ == pytest.approx(slope_on_truth(y, model.oof_prediction_, sample_weight=weights))


@sklearn.config_context(**ON)
def test_metadata_that_nobody_requests_are_refused(rng):
    X, y = table(rng)
    with pytest.raises(TypeError, match="ages"):
        DebiasedRegressor(Ridge()).fit(X, y, ages=y)
    with pytest.raises(ValueError, match="sample_weight"):
        DebiasedRegressor(Ridge()).fit(X, y, sample_weight=np.ones(N))
    with pytest.raises(TypeError, match="groups"):
        DebiasedRegressor(FrozenEstimator(Ridge().fit(X, y))).fit(X, y, groups=y)
    DebiasedRegressor(FrozenEstimator(Ridge().fit(X, y))).fit(X, y, sample_weight=np.ones(N))
    DebiasedRegressor().fit(X, y, sample_weight=np.ones(N))


@sklearn.config_context(**ON)
def test_groups_reach_both_levels_of_a_search(rng):
    X, y = table(rng)
    groups = np.arange(N) // 10
    model = DebiasedRegressor(Ridge(), cv=GroupKFold(3))
    search = GridSearchCV(model, {"estimator__alpha": [1.0, 10.0]}, cv=GroupKFold(2), scoring=slope_scorer)
    search.fit(X, y, groups=groups)
    expected = DebiasedRegressor(search.best_estimator_.estimator, cv=list(GroupKFold(3).split(X, y, groups)))
    np.testing.assert_array_equal(search.best_estimator_.oof_prediction_, expected.fit(X, y).oof_prediction_)


def test_without_routing_metadata_are_refused_with_the_cure(rng):
    X, y = table(rng)
    with pytest.raises(TypeError, match=r"got \['groups'\].* the regressor or the splitter, enable metadata routing"):
        DebiasedRegressor(cv=GroupKFold(3)).fit(X, y, groups=y)
    for base in (KNeighborsRegressor(), make_pipeline(StandardScaler(), Ridge())):
        with pytest.raises(TypeError, match=r"does not take sample_weight.*set_fit_request"):
            DebiasedRegressor(base).fit(X, y, sample_weight=np.ones(N))


def test_bad_weights(rng):
    X, y = table(rng)
    for weights, message in (
        (np.r_[-1.0, np.ones(N - 1)], "Negative values"),
        (np.zeros(N), "zero"),
        (np.ones(3), "sample_weight.shape"),
    ):
        with pytest.raises(ValueError, match=message):
            DebiasedRegressor().fit(X, y, sample_weight=weights)


# ---- pipelines and searches


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")
def test_pipelines_and_searches_on_real_data():
    X, y = load_diabetes(return_X_y=True)
    inner = DebiasedRegressor(make_pipeline(StandardScaler(), Ridge()), TweedieCorrector("gmm"))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), inner),
        {
            "debiasedregressor__estimator__ridge__alpha": [1.0, 100.0],
            "debiasedregressor__corrector__recalibrate": ["linear", None],
        },
        scoring={"slope": slope_scorer, "bias": conditional_bias_scorer},
        refit="slope",
        cv=3,
        error_score="raise",
    ).fit(X[::2], y[::2])
    assert search.best_params_["debiasedregressor__corrector__recalibrate"] == "linear"
    assert slope_on_truth(y[1::2], search.predict(X[1::2])) == pytest.approx(1.0, abs=0.2)
    target = TransformedTargetRegressor(Ridge(0.1), func=np.log, inverse_func=np.exp)
    assert slope_on_truth(y[1::2], DebiasedRegressor(target).fit(X[::2], y[::2]).predict(X[1::2])) > 0.8


def test_pickles_and_skops_files(rng):
    X, y = table(rng)
    model = DebiasedRegressor(make_pipeline(StandardScaler(), Ridge()), SieveCorrector(alpha=1e-3)).fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    trusted = skops_io.get_untrusted_types(data=data)
    assert all(name.startswith("statlearn.") for name in trusted)
    np.testing.assert_array_equal(skops_io.loads(data, trusted=trusted).predict(X), model.predict(X))


class Listener:
    """A callback that counts finished tasks by their names."""

    def __init__(self):
        self.ended = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **shown):
        pass

    def on_fit_task_end(self, estimator, context, **shown):
        self.ended.append(context.task_name)

    def teardown(self, estimator, context):
        pass


def test_callbacks_hear_of_folds(rng):
    X, y = table(rng)
    listener = Listener()
    DebiasedRegressor(Ridge(), cv=3).set_callbacks(listener).fit(X, y)
    assert listener.ended == ["fold 0", "fold 1", "fold 2", "all rows", "fit"]
    listener = Listener()
    DebiasedRegressor(FrozenEstimator(Ridge().fit(X, y))).set_callbacks(listener).fit(X, y)
    assert listener.ended == ["predictions", "fit"]


# ---- certificate


def test_certificate_has_the_folds_and_what_they_assume(rng):
    X, y = table(rng)
    weights = rng.random(N)
    model = DebiasedRegressor(Ridge()).fit(X, y, sample_weight=weights)
    certificate, own = model.certificate_, model.corrector_.certificate_
    assert certificate.checks[:-1] == own.checks
    assert certificate.claim == own.claim
    slopes = [
        slope_on_truth(y[test], model.oof_prediction_[test], sample_weight=weights[test])
        for _, test in KFold(5).split(X)
    ]
    assert certificate["slope by fold"].statistic == pytest.approx(np.ptp(slopes))
    assert f"{min(slopes):.3g} to {max(slopes):.3g}" in certificate["slope by fold"].detail
    gone = set(own.assumptions) - set(certificate.assumptions)
    assert gone == {"the model was not fitted to the calibration pairs"}
    added = " ".join(set(certificate.assumptions) - set(own.assumptions))
    assert "the model fitted to all rows errs" in added
    assert "rows of different folds are independent" in added


def test_slopes_of_single_rows_are_left_out(rng):
    X, y = table(rng, 20)
    model = DebiasedRegressor(Ridge(), cv=20).fit(X, y)
    check = model.certificate_["slope by fold"]
    assert check.statistic is None
    assert "no fold of 20 has two outcomes" in check.detail


def test_rows_of_one_unit_in_several_folds_are_suspicious(rng):
    """Rows that occur five times are predicted by their twins, unless these share a fold."""
    X, y = table(rng)
    X, y, groups = np.tile(X, (5, 1)), np.tile(y, 5), np.tile(np.arange(N), 5)
    with pytest.warns(InSampleWarning, match="are these predictions out of sample"):
        DebiasedRegressor(KNeighborsRegressor(1), cv=5).fit(X, y)
    with sklearn.config_context(**ON):
        model = DebiasedRegressor(KNeighborsRegressor(1), cv=GroupKFold(5)).fit(X, y, groups=groups)
    assert model.corrector_.slope_ < 0.7


# ---- bad input


class Wrong(RegressorMixin, BaseEstimator):
    """Predicts what it is told to."""

    def __init__(self, values):
        self.values = values

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.broadcast_to(self.values, (len(X), *np.shape(self.values)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(2), r"estimator must predict one number per row. Wrong gave .*MultiOutputRegressor"),
        ("a", "estimator must be a regressor. Wrong predicts values of type <U1"),
        (np.nan, "estimator must predict finite numbers. Wrong gave nan, and 40 of 40 predictions"),
        (1.0, "calibration predictions are constant; the shrinkage slope is not identified"),
    ],
)
def test_predictions_that_are_none(values, message, rng):
    X, y = table(rng)
    with pytest.raises(ValueError, match=message):
        DebiasedRegressor(Wrong(values)).fit(X, y)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("pipeline", [False, True])
def test_classifiers_are_refused(frozen, pipeline, rng):
    """Their labels would pass for numbers where outcomes are boolean."""
    X, y = table(rng)
    above = y > np.median(y)
    classifier = make_pipeline(StandardScaler(), LogisticRegression()) if pipeline else LogisticRegression()
    classifier = FrozenEstimator(classifier.fit(X, above)) if frozen else classifier
    with pytest.raises(TypeError, match="estimator must be a regressor. Got the classifier "):
        DebiasedRegressor(classifier).fit(X, above)


def test_bad_targets(rng):
    X, y = table(rng)
    for bad, message in (
        (np.column_stack([y, y]), r"y must have one outcome per row. Got an array of shape \(200, 2\).*MultiOutput"),
        (np.r_[np.nan, y[1:]], "Input y contains NaN"),
        (y[:-1], "inconsistent numbers of samples"),
        (np.full(N, 3.0), "constant; the shrinkage slope is not identified"),
        (None, "requires y to be passed, but the target y is None"),
        (np.array(["a", "b"] * (N // 2)), "could not convert string to float"),
    ):
        with pytest.raises(ValueError, match=message):
            DebiasedRegressor().fit(X, bad)
    both = MultiOutputRegressor(DebiasedRegressor()).fit(X, np.column_stack([y, -y]))
    assert both.predict(X).shape == (N, 2)


def test_bad_parameters(rng):
    X, y = table(rng)
    for parameters, message in (
        ({"estimator": "ridge"}, "The 'estimator' parameter of DebiasedRegressor must be an object implementing"),
        ({"corrector": Ridge()}, "The 'corrector' parameter of DebiasedRegressor must be an instance of"),
        ({"corrector": LinearCalibrationCorrector}, "The 'corrector' parameter of DebiasedRegressor must be"),
        ({"n_jobs": 0.5}, "The 'n_jobs' parameter of DebiasedRegressor"),
        ({"estimator": Ridge(-1.0)}, "The 'alpha' parameter of Ridge"),
        ({"corrector": SieveCorrector(degree=-1)}, "The 'degree' parameter of SieveCorrector"),
    ):
        with pytest.raises(ValueError, match=message):
            DebiasedRegressor(**parameters).fit(X, y)


def test_noise_is_refused_and_changes_nothing(rng):
    X, y = table(rng)
    model = DebiasedRegressor().fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="hardly rise with the truth. Use better predictions"):
        model.fit(X[:, :2], np.random.default_rng(0).permutation(y))
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


def test_errors_of_folds_say_where_they_come_from(rng):
    X, y = table(rng)
    with pytest.raises(ValueError, match="alpha") as caught:
        DebiasedRegressor(Ridge(-1.0)).fit(X, y)
    assert "It came from fitting Ridge to the 160 rows of a fold." in caught.value.__notes__


def test_not_fitted(rng):
    X, _ = table(rng)
    for method in ("predict", "predict_raw"):
        with pytest.raises(NotFittedError):
            getattr(DebiasedRegressor(), method)(X)


def test_warnings_of_the_corrector_are_heard(rng):
    X, y = table(rng, 60)
    with pytest.warns(WeakCalibrationWarning, match="learned from 60 calibration pairs"):
        model = DebiasedRegressor(corrector=SieveCorrector(alpha=1e-2)).fit(X, y)
    with pytest.warns(SupportWarning, match="predictions .* lie outside"):
        model.predict(10.0 * X)
