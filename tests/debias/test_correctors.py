"""What every corrector does: input, output, weights, warnings, certificates."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from statlearn.debias._calibration_checks import check_clip
from statlearn.debias._calibration_sample import CalibrationSample, fit_slope, folds_of
from statlearn.debias._correction_certificate import NON_DIFFERENTIAL, cross_fitted, residual_checks
from statlearn.debias._linear_correction import LinearCalibrationCorrector
from statlearn.debias._scores import KDEScore
from statlearn.debias._sieve import SieveCorrector
from statlearn.debias._tweedie import TweedieCorrector
from statlearn.exceptions import InSampleWarning, SupportWarning, TiedPredictionsWarning, WeakCalibrationWarning

from .samples import pairs

EXACT = 1e-9  # other orders of sums
CORRECTORS = {
    "linear": LinearCalibrationCorrector(),
    "tweedie": TweedieCorrector(),
    "tweedie of the paper": TweedieCorrector.paper(),
    "tweedie by moments": TweedieCorrector("spline", scale="moment"),
    "tweedie isotonic": TweedieCorrector(recalibrate="isotonic", tails="clip"),
    "tweedie uneven": TweedieCorrector("gmm", noise="heteroscedastic"),
    "sieve": SieveCorrector(),
    "sieve with a ridge": SieveCorrector(alpha=1e-3),
}
CURVES = [name for name in CORRECTORS if name != "linear"]
every_corrector = pytest.mark.parametrize("corrector", CORRECTORS.values(), ids=CORRECTORS.keys())
every_curve = pytest.mark.parametrize("corrector", [CORRECTORS[name] for name in CURVES], ids=CURVES)


@every_corrector
def test_tags_are_those_of_isotonic_regression(corrector):
    tags = get_tags(corrector)
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert tags.estimator_type == "regressor"
    assert tags.transformer_tags is not None


@every_corrector
def test_input_may_be_a_vector_a_column_a_list_or_a_series(corrector, rng):
    pd = pytest.importorskip("pandas")
    x, y = pairs(rng, 200)
    expected = clone(corrector).fit(x, y).predict(x)
    assert expected.shape == (200,)
    for given in (x[:, None], x.tolist(), pd.Series(x), pd.DataFrame({"prediction": x})):
        model = clone(corrector).fit(given, y)
        np.testing.assert_array_equal(model.predict(given), expected)
        np.testing.assert_array_equal(model.transform(given), expected)
    single = clone(corrector).fit(x.astype(np.float32), y.astype(np.float32)).predict(x)
    np.testing.assert_allclose(single, expected, atol=1e-3)


@every_corrector
def test_output_may_be_a_frame(corrector, rng):
    x, y = pairs(rng, 200)
    model = clone(corrector).fit(x, y)
    expected = model.predict(x)
    assert model.get_feature_names_out().tolist() == ["debiased"]
    for library in ("pandas", "polars"):
        pytest.importorskip(library)
        frame = model.set_output(transform=library).transform(x)
        assert list(frame.columns) == ["debiased"]
        np.testing.assert_array_equal(frame["debiased"].to_numpy(), expected)
    np.testing.assert_array_equal(model.set_output(transform="default").fit_transform(x, y), expected)


@every_corrector
def test_rows_one_by_one_are_the_batch(corrector, rng):
    x, y = pairs(rng, 200)
    model = clone(corrector).fit(x, y)
    one_by_one = np.concatenate([model.predict([value]) for value in x])
    np.testing.assert_allclose(one_by_one, model.predict(x), rtol=EXACT, atol=EXACT)


@every_corrector
def test_the_jacobian_is_the_derivative(corrector, rng):
    x, y = pairs(rng, 400, "skewmix")
    model = clone(corrector).fit(x, y)
    points, step = np.linspace(*np.quantile(x, [0.02, 0.98]), 41), 1e-5
    differences = (model.predict(points + step) - model.predict(points - step)) / (2.0 * step)
    # At a knot of isotonic recalibration the two sides differ: leave such points out.
    kinks = np.abs(model.jacobian(points + step) - model.jacobian(points - step)) > 1e-2
    assert kinks.sum() <= 2
    np.testing.assert_allclose(model.jacobian(points)[~kinks], differences[~kinks], rtol=1e-4, atol=1e-4)
    bounded = clone(corrector).set_params(clip=(-1.0, 1.0)).fit(x, y)
    free, cut = model.predict(points), bounded.predict(points)
    np.testing.assert_array_equal(cut, np.clip(free, -1.0, 1.0))
    np.testing.assert_array_equal(bounded.jacobian(points), np.where(cut == free, model.jacobian(points), 0.0))
    assert (cut != free).any()


@every_corrector
def test_the_order_of_rows_does_not_matter(corrector, rng):
    x, y = pairs(rng, 300)
    order = rng.permutation(300)
    first, second = clone(corrector).fit(x, y), clone(corrector).fit(x[order], y[order])
    np.testing.assert_allclose(second.predict(x), first.predict(x), rtol=EXACT, atol=EXACT)
    assert second.certificate_["slope after"].statistic == pytest.approx(
        first.certificate_["slope after"].statistic, abs=EXACT
    )


@every_corrector
def test_halved_weights_of_doubled_pairs_change_nothing(corrector, rng):
    x, y = pairs(rng, 300)
    weights = rng.integers(0, 3, size=300)
    weighted = clone(corrector).fit(x, y, weights)
    assert weighted.n_calibration_ == np.count_nonzero(weights)
    kept = weights > 0
    assert weighted.support_ == (x[kept].min(), x[kept].max())
    halves = clone(corrector).fit(np.tile(x, 2), np.tile(y, 2), np.full(600, 0.5))
    plain = clone(corrector).fit(x, y)
    np.testing.assert_allclose(halves.predict(x), plain.predict(x), rtol=1e-7, atol=1e-7)
    assert halves.slope_ == pytest.approx(plain.slope_, rel=EXACT)
    assert halves.certificate_["slope after"].statistic == pytest.approx(
        plain.certificate_["slope after"].statistic, abs=1e-7
    )


# Kernel estimates count observations for their bandwidth, not rows (see KDEScore), and so differ a little.
REPEATABLE = ["linear", "tweedie by moments", "tweedie uneven", "sieve", "sieve with a ridge"]


@pytest.mark.parametrize("name", REPEATABLE)
def test_a_weight_of_two_is_a_row_twice(name, rng):
    x, y = pairs(rng, 300)
    weights = rng.integers(1, 3, size=300)
    weighted = clone(CORRECTORS[name]).fit(x, y, weights)
    repeated = clone(CORRECTORS[name]).fit(np.repeat(x, weights), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.predict(x), repeated.predict(x), rtol=1e-7, atol=1e-7)


@every_corrector
def test_units_do_not_matter(corrector, rng):
    x, y = pairs(rng, 400, "gamma")
    model = clone(corrector).fit(x, y)
    other = clone(corrector).fit(3.0 * x - 7.0, 3.0 * y - 7.0)
    np.testing.assert_allclose(other.predict(3.0 * x - 7.0), 3.0 * model.predict(x) - 7.0, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.jacobian(3.0 * x - 7.0), model.jacobian(x), rtol=1e-4, atol=1e-4)
    assert other.slope_ == pytest.approx(model.slope_, rel=EXACT)


@every_corrector
def test_fitted_attributes(corrector, rng):
    x, y = pairs(rng, 300)
    model = clone(corrector).fit(x, y)
    assert model.n_calibration_ == 300
    assert model.support_ == (x.min(), x.max())
    assert model.calibration_slope_ == pytest.approx(np.polyfit(x, y, 1)[0])
    grid = np.linspace(*model.support_, 2001)
    if model.monotone_:
        assert (np.diff(model.predict(grid)) >= -1e-3).all()
    else:
        assert model.jacobian(grid).min() < 0.0


@every_corrector
def test_pickles_and_skops_files(corrector, rng):
    x, y = pairs(rng, 200)
    model = clone(corrector).fit(x, y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert twin.certificate_ == model.certificate_
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    trusted = skops_io.get_untrusted_types(data=data)
    assert all(name.startswith("statlearn.") for name in trusted)
    np.testing.assert_array_equal(skops_io.loads(data, trusted=trusted).predict(x), model.predict(x))


@every_corrector
def test_input_is_left_alone(corrector, rng):
    x, y = pairs(rng, 200)
    own_x, own_y = x.copy(), y.copy()
    for array in (own_x, own_y):
        array.setflags(write=False)
    model = clone(corrector).fit(own_x, own_y)
    before = set(vars(model))
    model.predict(own_x)
    assert set(vars(model)) == before


def test_a_grid_search_walks_over_correctors(rng):
    x, y = pairs(rng, 300)
    search = GridSearchCV(SieveCorrector(alpha=1e-3), {"n_knots": [3, 6]}, cv=3, error_score="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SupportWarning)
        search.fit(x, y)
    assert search.best_params_["n_knots"] in (3, 6)


# ---- bad input


BAD_PAIRS = {
    "two columns": (np.ones((50, 2)), None, r"one column of them\. Got an array of shape \(50, 2\)"),
    "missing prediction": (np.r_[np.nan, np.arange(49.0)], None, "Input X contains NaN"),
    "infinite prediction": (np.r_[np.inf, np.arange(49.0)], None, "Input X contains infinity"),
    "missing truth": (None, np.r_[np.nan, np.arange(49.0)], "Input y contains NaN"),
    "other length": (None, np.arange(49.0), "inconsistent numbers of samples"),
    "constant predictions": (
        np.full(50, 0.1),
        None,
        "calibration predictions are constant; the shrinkage",
    ),
    "constant truth": (
        None,
        np.full(50, 0.1),
        "calibration targets are constant; the shrinkage slope is",
    ),
    "negative slope": (np.arange(50.0), -np.arange(50.0), "hardly rise with the truth. Use better predictions"),
}


@every_corrector
@pytest.mark.parametrize("case", BAD_PAIRS)
def test_bad_pairs_are_refused_and_change_nothing(corrector, case, rng):
    x, y = pairs(rng, 50)
    bad_x, bad_y, message = BAD_PAIRS[case]
    model = clone(corrector)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakCalibrationWarning)
        model.fit(x, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(x if bad_x is None else bad_x, y if bad_y is None else bad_y)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


@every_corrector
@pytest.mark.parametrize("missing", [False, True])
def test_dates_are_no_predictions_and_no_truth(corrector, missing, rng):
    x, y = pairs(rng, 200)
    days = np.datetime64("2024-01-01") + np.arange(200)
    if missing:
        days[3] = np.datetime64("NaT")
    model = clone(corrector).fit(x, y)
    for call, name in (
        (lambda: clone(corrector).fit(days, y), "X"),
        (lambda: clone(corrector).fit(x, days), "y"),
        (lambda: clone(corrector).fit(x, y, days - days[0]), "sample_weight"),
        (lambda: model.predict(days.astype("M8[s]")), "X"),
    ):
        with pytest.raises(TypeError, match=f"{name} must be numbers. Got dates or durations.*such as days since"):
            call()


@every_corrector
def test_bad_weights_are_refused(corrector, rng):
    x, y = pairs(rng, 50)
    for weights, message in (
        (np.r_[-1.0, np.ones(49)], "Negative values in data"),
        (np.zeros(50), "weight.*zero"),
        (np.ones(49), "inconsistent numbers of samples|sample_weight.shape"),
        (np.r_[1.0, 1.0, np.zeros(48)], "calibration pairs of positive weight are needed. Got n_samples=2"),
    ):
        with pytest.raises(ValueError, match=message):
            clone(corrector).fit(x, y, weights)


@every_curve
def test_curves_need_pairs(corrector, rng):
    x, y = pairs(rng, 60)
    with pytest.raises(ValueError, match=r"At least 30 calibration pairs .* Got n_samples=29"):
        clone(corrector).fit(x[:29], y[:29])
    with pytest.warns(
        WeakCalibrationWarning, match="learned from 60 calibration pairs, and is noisy with fewer than 100"
    ):
        clone(corrector).fit(x, y)


@every_corrector
@pytest.mark.parametrize("clip", [(1.0, 0.0), (0.0, 0.0), (0.0,), (np.nan, 1.0), ("a", "b")])
def test_bad_bounds_are_refused(corrector, clip, rng):
    with pytest.raises(ValueError, match="clip must be None or a pair of bounds"):
        clone(corrector).set_params(clip=clip).fit(*pairs(rng, 200))


def test_bounds_may_be_infinite():
    assert check_clip((0, np.inf)) == (0.0, np.inf)
    assert check_clip(None) is None


@every_corrector
def test_not_fitted(corrector):
    for method in ("predict", "transform", "jacobian"):
        with pytest.raises(ValueError, match="not fitted"):
            getattr(clone(corrector), method)([0.0])


# ---- warnings


@every_corrector
def test_predictions_that_are_too_good_are_suspicious(corrector, rng):
    x = rng.normal(size=300)
    with pytest.warns(InSampleWarning, match="are these predictions out of sample"):
        clone(corrector).fit(x, x + 0.05 * rng.normal(size=300))


@every_corrector
def test_weak_predictions_are_warned_about(corrector, rng):
    y = rng.normal(size=2000)
    with pytest.warns(WeakCalibrationWarning, match="corrected effects, and their noise, are .* times the raw ones"):
        clone(corrector).fit(0.12 * y + 0.3 * rng.normal(size=2000), y)


@every_corrector
def test_a_slope_that_may_be_zero_is_warned_about(corrector):
    y = np.random.default_rng(3).normal(size=150)
    noise = np.random.default_rng(4).normal(size=150)
    noise -= np.polyval(np.polyfit(y, noise, 1), y)
    with pytest.warns(WeakCalibrationWarning, match=r"which contains 0: .* unbounded \(Fieller\) interval"):
        clone(corrector).fit(0.1 * y + noise, y)


@every_corrector
def test_extrapolation_is_warned_about_with_its_share(corrector, rng):
    x, y = pairs(rng, 300)
    model = clone(corrector).fit(x, y)
    model.predict(np.clip(rng.normal(size=1000), -2.0, 2.0))
    beyond = np.r_[np.zeros(90), np.full(10, x.max() + 1.0)]
    with pytest.warns(SupportWarning, match=r"10 of 100 predictions \(10 %\) lie outside"):
        corrected = model.predict(beyond)
    assert np.isfinite(corrected).all()
    with pytest.warns(SupportWarning, match="1 of 1 predictions"):
        model.predict([x.min() - 0.1])


@pytest.mark.parametrize("n", [100, 2000])
def test_another_sample_of_the_same_distribution_is_no_extrapolation(n):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        LinearCalibrationCorrector().fit(*pairs(rng, n)).predict(rng.normal(size=4000))


def test_discrete_predictions_have_no_score(rng):
    x = np.repeat(np.arange(10.0), 30)
    y = x + rng.normal(size=300)
    with pytest.warns(TiedPredictionsWarning, match="10 distinct values among 300 predictions, 100 % of them tied"):
        TweedieCorrector().fit(x, y)
    x = np.r_[rng.normal(size=140), np.repeat(rng.normal(size=80), 2)]
    with pytest.warns(TiedPredictionsWarning, match="53.3 % of them tied"):
        TweedieCorrector().fit(x, x + rng.normal(size=300))
    SieveCorrector().fit(x, x + rng.normal(size=300))


# ---- certificates


@every_corrector
def test_certificate_of_normal_pairs(corrector):
    x, y = pairs(np.random.default_rng(1), 1000)
    certificate = clone(corrector).fit(x, y).certificate_
    assert certificate.holds, str(certificate)
    before = certificate["slope before"]
    assert before.statistic == pytest.approx(np.polyfit(y, x, 1)[0])
    assert "95 % interval" in before.detail
    assert certificate["slope after"].kind == "test"
    assert certificate["R2"].statistic < 1.0 - np.mean((y - x) ** 2) / y.var()
    assert certificate["calibration pairs"].statistic == 1000
    assert NON_DIFFERENTIAL in certificate.assumptions
    assert "clipped" not in [check.name for check in certificate.checks]


@every_corrector
def test_certificate_reports_what_is_clipped(corrector, rng):
    x, y = pairs(rng, 400)
    model = clone(corrector).set_params(clip=(-1.0, 1.0)).fit(x, y)
    corrected = clone(corrector).fit(x, y).predict(x)
    assert model.certificate_["clipped"].statistic == pytest.approx(np.mean(np.abs(corrected) > 1.0))
    assert model.certificate_.holds is False
    assert model.certificate_["slope after"].statistic < 0.9


def test_slope_and_its_error_agree_with_statsmodels(rng):
    models = pytest.importorskip("statsmodels.api")
    x, y = pairs(rng, 200, "gamma")
    weights = rng.random(200)
    fit = fit_slope(y, x, np.ones(200))
    oracle = models.OLS(x, models.add_constant(y)).fit(cov_type="HC1", use_t=True)
    assert (fit.intercept, fit.slope) == pytest.approx(tuple(oracle.params), rel=1e-10)
    assert fit.se == pytest.approx(oracle.bse[1], rel=1e-10)
    assert fit.interval() == pytest.approx(tuple(oracle.conf_int()[1]), rel=1e-8)
    assert fit.p_value(0.0) == pytest.approx(oracle.pvalues[1], rel=1e-6)
    weighted = fit_slope(y, x, weights)
    oracle = models.WLS(x, models.add_constant(y), weights=weights).fit(cov_type="HC1")
    assert (weighted.slope, weighted.se) == pytest.approx((oracle.params[1], oracle.bse[1]), rel=1e-10)
    assert fit_slope(y, x, 10.0 * weights).se == pytest.approx(weighted.se)


def test_a_perfect_line_has_no_error():
    fit = fit_slope(np.arange(5.0), 2.0 * np.arange(5.0), np.ones(5))
    assert fit.se == pytest.approx(0.0, abs=1e-12)
    exact = fit._replace(slope=2.0, se=0.0)
    assert (exact.p_value(2.0), exact.p_value(1.0)) == (1.0, 0.0)


def test_folds_hold_out_each_row_once_and_keep_equal_pairs_together(rng):
    x, y = pairs(rng, 53)
    sample = CalibrationSample(np.tile(x, 2), np.tile(y, 2), np.ones(106))
    folds = folds_of(5, sample)
    np.testing.assert_array_equal(np.sort(np.concatenate([held_out for _, held_out in folds])), np.arange(106))
    for train, held_out in folds:
        assert np.intersect1d(train, held_out).size == 0
        assert not set(sample.truth[train]) & set(sample.truth[held_out])
        assert abs(held_out.size - 106 / 5) < 2
    few = CalibrationSample(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.ones(2))
    assert len(folds_of(5, few)) == 2


def test_cross_fitting_leaves_the_pair_out(rng):
    x, y = pairs(rng, 100)
    sample = CalibrationSample(x, y, np.ones(100))
    folds = folds_of(5, sample)
    found = cross_fitted(LinearCalibrationCorrector()._learn, sample, folds)
    for train, held_out in folds:
        slope, intercept = np.polyfit(y[train], x[train], 1)
        np.testing.assert_allclose(found[held_out], (x[held_out] - intercept) / slope)


def test_too_few_pairs_leave_the_slope_undecided():
    certificate = LinearCalibrationCorrector().fit([0.0, 1.0, 1.5, 2.5], [0.0, 1.0, 2.0, 3.0]).certificate_
    assert certificate["slope after"].holds is None
    assert certificate.holds is None


def test_residual_checks_have_their_level():
    accepted = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x, y = pairs(rng, 200)
        checks = residual_checks(CalibrationSample(x, y, rng.random(200)))
        accepted.append([check.holds for check in checks])
    assert (np.mean(accepted, axis=0) > 0.96).all()


def test_residual_checks_have_power():
    rng = np.random.default_rng(0)
    x, y = pairs(rng, 2000)
    weights = np.ones(2000)
    skewed = CalibrationSample(x, x + rng.gamma(2.0, size=2000), weights)
    assert [check.holds for check in residual_checks(skewed)] == [False, True]
    uneven = CalibrationSample(x, x + np.sqrt(0.3 + 0.2 * x**2) * rng.normal(size=2000), weights)
    assert residual_checks(uneven)[1].holds is False
    assert residual_checks(uneven, decides=False)[1].holds is None
    assert residual_checks(CalibrationSample(x, x, weights)) == []
    assert [check.holds for check in residual_checks(CalibrationSample(x, y, weights))] == [True, True]


def test_a_corrector_of_ones_own_kde_is_cloned(rng):
    score = KDEScore()
    model = TweedieCorrector(score).fit(*pairs(rng, 200))
    assert not [name for name in vars(score) if name.endswith("_")]
    assert model.score_ is not score
