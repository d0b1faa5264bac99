"""Scores of corrected predictions: definitions, weights, and what a grid search chooses by them."""

import copy
import pickle

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_diabetes
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_validate, train_test_split

from statlearn.debias import (
    DebiasedRegressor,
    LinearCalibrationCorrector,
    TweedieCorrector,
    conditional_bias,
    conditional_bias_scorer,
    slope_on_truth,
    slope_scorer,
)

from .samples import pairs

METRICS = [conditional_bias, slope_on_truth]
SCORERS = {"bias": conditional_bias_scorer, "slope": slope_scorer}
every_metric = pytest.mark.parametrize("metric", METRICS)
every_scorer = pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS.keys())


def test_conditional_bias_is_the_largest_mean_error_of_a_tenth(rng):
    predictions, truth = pairs(rng, 1000)
    errors = (predictions - truth)[np.argsort(truth)].reshape(10, 100).mean(axis=1)
    assert conditional_bias(truth, predictions) == pytest.approx(np.abs(errors).max())
    assert conditional_bias(truth, predictions, n_bins=1) == pytest.approx(abs(np.mean(predictions - truth)))


def test_equal_truths_share_a_bin_whatever_their_order(rng):
    truth = np.repeat([0.0, 1.0, 2.0], 20)
    predictions = truth + rng.normal(size=60)
    expected = np.abs((predictions - truth).reshape(3, 20).mean(axis=1)).max()
    order = rng.permutation(60)
    for rows in (np.arange(60), order):
        assert conditional_bias(truth[rows], predictions[rows]) == pytest.approx(expected)


def test_slope_on_truth_is_that_of_least_squares(rng):
    predictions, truth = pairs(rng, 200)
    weights = rng.random(200)
    slope = np.polyfit(truth, predictions, 1, w=np.sqrt(weights))[0]
    assert slope_on_truth(truth, predictions, sample_weight=weights) == pytest.approx(slope)
    assert slope_on_truth(truth, truth) == pytest.approx(1.0)
    assert slope_on_truth(truth, np.ones(200)) == 0.0


def test_an_exact_correction_has_no_bias_and_a_calibrated_model_a_slope_of_r2(rng):
    predictions, truth = pairs(rng, 200_000)
    share = 1.0 / 1.64
    assert slope_on_truth(truth, predictions) == pytest.approx(share, abs=0.01)
    assert slope_on_truth(truth, predictions / share) == pytest.approx(1.0, abs=0.01)
    assert conditional_bias(truth, predictions / share) < 0.05 < 0.7 < conditional_bias(truth, predictions)


@every_metric
def test_a_weight_of_two_is_a_row_twice_and_one_of_zero_no_row(metric, rng):
    predictions, truth = pairs(rng, 200)
    weights = rng.integers(0, 4, size=200)
    repeated = metric(np.repeat(truth, weights), np.repeat(predictions, weights))
    for scale in (1.0, 1.0 / 3.0):
        assert metric(truth, predictions, sample_weight=scale * weights) == pytest.approx(repeated)
    halves = metric(np.tile(truth, 2), np.tile(predictions, 2), sample_weight=np.full(400, 0.5))
    assert halves == pytest.approx(metric(truth, predictions))


@every_metric
def test_units_do_not_matter(metric, rng):
    predictions, truth = pairs(rng, 200)
    factor = 3.0 if metric is conditional_bias else 1.0
    found = metric(3.0 * truth - 7.0, 3.0 * predictions - 7.0)
    assert found == pytest.approx(factor * metric(truth, predictions))


@every_metric
def test_bad_input(metric):
    for arguments, message in (
        (([0.0, 1.0], [0.0, np.nan]), "Input y_pred contains NaN"),
        (([0.0, np.inf], [0.0, 1.0]), "Input y_true contains infinity"),
        (([0.0, 1.0], [0.0]), "must have the same length"),
        (([], []), "0 sample"),
        (([[0.0, 1.0], [0.0, 1.0]], [0.0, 1.0]), "y should be a 1d array"),
        ((3.0, [0.0]), "'y_true' parameter of"),
    ):
        with pytest.raises(ValueError, match=message):
            metric(*arguments)
    for weights, message in (
        ([-1.0, 1.0], "must be finite and non-negative"),
        ([0.0, 0.0], "zero"),
        ([1.0], "sample_weight must have 2 entries. Got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            metric([0.0, 1.0], [0.0, 1.0], sample_weight=weights)


def test_a_constant_truth_has_no_slope():
    with pytest.raises(ValueError, match="y_true is constant, so that predictions have no slope on it"):
        slope_on_truth([1.0, 1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="y_true is constant"):
        slope_on_truth([1.0, 1.0, 2.0], [0.0, 1.0, 2.0], sample_weight=[1.0, 1.0, 0.0])
    assert conditional_bias([1.0, 1.0], [0.0, 1.0]) == 0.5


def test_bad_number_of_bins():
    for n_bins in (0, 2.5):
        with pytest.raises(ValueError, match="'n_bins' parameter of conditional_bias"):
            conditional_bias([0.0, 1.0], [0.0, 1.0], n_bins=n_bins)


def test_scorers_negate(rng):
    X = rng.normal(size=(100, 2))
    y = X[:, 0] + rng.normal(size=100)
    weights = rng.random(100)
    model = LinearRegression().fit(X, y)
    raw = model.predict(X)
    assert conditional_bias_scorer(model, X, y) == -conditional_bias(y, raw)
    assert slope_scorer(model, X, y) == pytest.approx(slope_on_truth(y, raw) - 1.0)
    assert slope_scorer(model, X, -2.0 * raw) == pytest.approx(-1.5)
    assert slope_scorer(model, X, 0.5 * raw) == pytest.approx(-1.0)
    weighted = conditional_bias_scorer(model, X, y, sample_weight=weights)
    assert weighted == -conditional_bias(y, raw, sample_weight=weights)


@every_scorer
def test_scorers_are_documented_and_can_be_saved(scorer):
    twin = pickle.loads(pickle.dumps(scorer))
    for known in (scorer, twin, copy.deepcopy(scorer)):
        assert known.__doc__.startswith("Scorer of `")
        assert ">>> " in known.__doc__


@every_scorer
def test_scorers_get_weights(scorer, rng):
    X = rng.normal(size=(120, 2))
    y = X[:, 0] + rng.normal(size=120)
    weights = rng.integers(1, 4, size=120).astype(float)
    folds = list(KFold(2).split(X))
    expected = [
        scorer(
            LinearRegression().fit(X[train], y[train], weights[train]), X[test], y[test], sample_weight=weights[test]
        )
        for train, test in folds
    ]
    search = GridSearchCV(LinearRegression(), {}, scoring=scorer, cv=folds).fit(X, y, sample_weight=weights)
    assert [search.cv_results_[f"split{fold}_test_score"][0] for fold in (0, 1)] == pytest.approx(expected)
    with sklearn.config_context(enable_metadata_routing=True):
        requesting = copy.deepcopy(scorer).set_score_request(sample_weight=True)
        model = LinearRegression().set_fit_request(sample_weight=True)
        arguments = {"cv": folds, "params": {"sample_weight": weights}, "error_score": "raise"}
        scores = cross_validate(model, X, y, scoring=requesting, **arguments)["test_score"]
        np.testing.assert_allclose(scores, expected)
        with pytest.raises(UnsetMetadataPassedError):  # the object itself was not changed
            cross_validate(model, X, y, scoring=scorer, **arguments)


SETTINGS = {
    "noise": (DebiasedRegressor(Ridge(0.1), TweedieCorrector("gmm")), "corrector__sigma", [0.0, 20.0, "holdout"]),
    "bounds": (DebiasedRegressor(Ridge(0.1), LinearCalibrationCorrector()), "corrector__clip", [(100.0, 200.0), None]),
}


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SupportWarning")
@pytest.mark.parametrize("case", SETTINGS)
def test_searches_choose_corrections_where_r2_chooses_shrunken_predictions(case):
    """On real data; the truth of rows that no search saw is the judge."""
    model, name, values = SETTINGS[case]
    X, y = load_diabetes(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X, y, test_size=0.4, random_state=0)
    chosen = {}
    for scoring in ("r2", *SCORERS):
        search = GridSearchCV(model, {name: values}, scoring=SCORERS.get(scoring, scoring), cv=3, error_score="raise")
        chosen[scoring] = search.fit(X, y)
    assert chosen["r2"].best_params_[name] == values[0]
    for scoring in SCORERS:
        assert chosen[scoring].best_params_[name] == values[-1]
    shrunken, corrected = (chosen[scoring].predict(X_new) for scoring in ("r2", "slope"))
    assert slope_on_truth(y_new, shrunken) < 0.6 < 0.85 < slope_on_truth(y_new, corrected) < 1.15
    assert conditional_bias(y_new, corrected, n_bins=4) < 0.5 * conditional_bias(y_new, shrunken, n_bins=4)
    assert chosen["r2"].score(X_new, y_new) > 0.3
