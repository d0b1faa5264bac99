"""Correctors side by side: the figures by hand and by simulation, contrasts, what may not change them, bad input."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator
from sklearn.datasets import load_diabetes
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_val_predict

from statlearn.debias import (
    LinearCalibrationCorrector,
    SieveCorrector,
    TweedieCorrector,
    compare_correctors,
    conditional_bias,
    slope_on_truth,
)

from .samples import contrast, pairs

pytest.importorskip("pandas")

RTOL = 1e-9  # sums in another order
LINE = {"line": LinearCalibrationCorrector()}


class Refuses(BaseEstimator):
    """A regressor that never fits."""

    def fit(self, X, y):
        raise RuntimeError("no")

    def predict(self, X):
        return X[:, 0]


# ---- figures


def test_figures_by_hand(rng):
    """Over two given folds, for all kinds of contrasts."""
    y_pred, y_true = pairs(rng, 400, "gamma")
    rows = np.arange(400)
    folds = [(rows[rows % 2 == 1], rows[rows % 2 == 0]), (rows[rows % 2 == 0], rows[rows % 2 == 1])]
    corrected = np.empty(400)
    for train, test in folds:
        k, m = np.polyfit(y_true[train], y_pred[train], 1)
        corrected[test] = (y_pred[test] - m) / k
    groups = rows % 3
    table = compare_correctors(y_true, y_pred, LINE, cv=folds, contrasts="groups", groups=groups)
    for name, values in (("none", y_pred), ("line", corrected)):
        row = table.loc[name]
        assert_allclose(row["slope_on_truth"], slope_on_truth(y_true, values), rtol=RTOL)
        assert_allclose(row["conditional_bias"], conditional_bias(y_true, values), rtol=RTOL)
        assert_allclose(row["r2"], r2_score(y_true, values), rtol=RTOL)
        true, found = (
            np.array([each[groups == j].mean() - each[groups == i].mean() for i, j in ((0, 1), (0, 2), (1, 2))])
            for each in (y_true, values)
        )
        assert_allclose(row["contrast_ratio"], np.sum(true * found) / np.sum(true**2), rtol=1e-6)
        assert_allclose(row["contrast_error"], np.abs(true - found).mean(), rtol=1e-6)


def test_contrasts_of_quantile_groups_by_hand(rng):
    y_pred, y_true = pairs(rng, 500, "gamma")
    row = compare_correctors(y_true, y_pred, {}).loc["none"]
    order = np.argsort(y_true)
    true, found = (values[order].reshape(10, 50).mean(axis=1) for values in (y_true, y_pred))
    true, found = (np.subtract.outer(means, means)[np.tril_indices(10, -1)] for means in (true, found))
    assert_allclose(row["contrast_ratio"], np.sum(true * found) / np.sum(true**2), rtol=RTOL)
    assert_allclose(row["contrast_error"], np.abs(true - found).mean(), rtol=RTOL)


def test_random_treatments_are_likelier_where_the_truth_is_larger(rng):
    """A perfect prediction has every contrast; a prediction of the constant part of the treatment has none."""
    y_true = rng.normal(size=4000)
    table = compare_correctors(y_true, y_true + 5.0, {}, contrasts="random", n_contrasts=3, random_state=0)
    assert_allclose(table.loc["none", ["contrast_ratio", "contrast_error"]], [1.0, 0.0], atol=1e-9)
    unrelated = compare_correctors(
        y_true, rng.normal(size=4000), {}, contrasts="random", n_contrasts=20, random_state=0
    )
    assert unrelated.loc["none", "contrast_ratio"] == pytest.approx(0.0, abs=0.1)
    # The mean contrast of a normal truth: 2 E[z (2 logistic(1.5 z) - 1)], by quadrature 1.05
    assert unrelated.loc["none", "contrast_error"] == pytest.approx(1.05, abs=0.15)


def test_a_table_of_the_literature_for_skewed_predictions():
    """S1, gamma: naive .725, linear .952; the sieve, S2, 1.000. Here means of 5 runs, standard errors up to 0.01."""
    found = []
    for seed in range(5):
        y_pred, y_true = pairs(np.random.default_rng(seed), 2000, "gamma")
        correctors = {"linear": LinearCalibrationCorrector(), "sieve": SieveCorrector()}
        table = compare_correctors(y_true, y_pred, correctors, contrasts="random", random_state=seed)
        found.append(table["contrast_ratio"].to_numpy())
    assert_allclose(np.mean(found, axis=0), [0.725, 0.952, 1.0], atol=0.03)


def test_each_corrector_does_what_it_is_for():
    y_pred, y_true = pairs(np.random.default_rng(0), 4000, "gamma")
    table = compare_correctors(y_true, y_pred)
    assert table.index.tolist() == ["none", "linear", "tweedie", "sieve"]
    assert table.index.name == "corrector"
    bias = table["conditional_bias"]
    assert bias["none"] > 0.9 > bias["linear"] > bias["tweedie"] > 0.15 > bias["sieve"]
    assert (table["slope_on_truth"][1:] > 0.95).all() and table.loc["none", "slope_on_truth"] < 0.8
    assert (table["r2"][1:] < table["r2"].iloc[0] - 0.05).all()


# ---- real data: the same pairs, two ways of making groups


@pytest.fixture(scope="module")
def diabetes():
    """Progression of diabetes of 442 patients, predicted out of fold, and their body mass index."""
    X, y_true = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    return cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y_true, cv=folds), y_true, X[:, 2]


def test_groups_made_by_the_outcome_are_corrected(diabetes):
    y_pred, y_true, _ = diabetes
    ratio = compare_correctors(y_true, y_pred, contrasts="random", random_state=0)["contrast_ratio"]
    assert ratio["none"] == pytest.approx(0.49, abs=0.03)
    assert ratio["linear"] == pytest.approx(1.0, abs=0.06)


def test_groups_made_by_an_input_of_the_model_are_not(diabetes):
    y_pred, y_true, body_mass = diabetes
    heavy = body_mass > np.median(body_mass)
    table = compare_correctors(y_true, y_pred, contrasts="groups", groups=heavy)
    ratio = table["contrast_ratio"]
    assert ratio["none"] == pytest.approx(0.97, abs=0.05)
    assert ratio["linear"] == pytest.approx(1.92, abs=0.1)
    assert (ratio[["tweedie", "sieve"]] > 1.6).all()
    assert_allclose(ratio["none"], contrast(y_pred, heavy) / contrast(y_true, heavy), rtol=RTOL)
    assert table["contrast_error"].idxmin() == "none"


# ---- metamorphic


@pytest.mark.parametrize("contrasts", ["quantile", "groups"])
def test_the_order_of_rows_does_not_matter(rng, contrasts):
    y_pred, y_true = pairs(rng, 300, "gamma")
    weights, groups, order = rng.random(300) + 0.1, rng.choice(["a", "b"], size=300), rng.permutation(300)
    first, second = (
        compare_correctors(
            y_true[rows],
            y_pred[rows],
            contrasts=contrasts,
            groups=groups[rows] if contrasts == "groups" else None,
            sample_weight=weights[rows],
        )
        for rows in (np.arange(300), order)
    )
    assert_allclose(second, first, rtol=1e-6)


def test_a_weight_of_two_is_two_rows(rng):
    y_pred, y_true = pairs(rng, 300, "gamma")
    once = compare_correctors(y_true, y_pred, LINE)
    twice = compare_correctors(np.tile(y_true, 2), np.tile(y_pred, 2), LINE, sample_weight=np.full(600, 0.5))
    assert_allclose(twice, once, rtol=1e-6)


@pytest.mark.parametrize("cv", [4, KFold(4)])
def test_rows_of_weight_zero_are_as_absent(rng, cv):
    y_pred, y_true = pairs(rng, 400, "gamma")
    weights = np.where(np.arange(400) % 2 == 0, 1.0, 0.0)
    whole = compare_correctors(y_true, y_pred, LINE, cv=cv, sample_weight=weights)
    part = compare_correctors(y_true[::2], y_pred[::2], LINE, cv=cv)
    assert_allclose(whole, part, rtol=RTOL)


def test_units_change_errors_alone(rng):
    y_pred, y_true = pairs(rng, 400, "gamma")
    once = compare_correctors(y_true, y_pred)
    scaled = compare_correctors(10.0 * y_true - 3.0, 10.0 * y_pred - 3.0)
    expected = once.assign(
        conditional_bias=10.0 * once["conditional_bias"], contrast_error=10.0 * once["contrast_error"]
    )
    assert_allclose(scaled, expected, rtol=1e-4)


def test_the_same_random_state_gives_the_same_treatments(rng):
    y_pred, y_true = pairs(rng, 300)
    first, second, other = (
        compare_correctors(y_true, y_pred, {}, contrasts="random", random_state=seed).loc["none", "contrast_ratio"]
        for seed in (0, 0, 1)
    )
    assert first == second != other


# ---- folds and correctors of other kinds


def test_folds_may_keep_clusters_together(rng):
    """Copies of pairs, in folds of whole clusters, are compared as the pairs are."""
    y_pred, y_true = pairs(rng, 100)
    clusters = np.repeat(np.arange(100), 3)
    folds = list(GroupKFold(5).split(clusters, groups=clusters))
    copies = compare_correctors(np.repeat(y_true, 3), np.repeat(y_pred, 3), LINE, cv=folds)
    of_pairs = [tuple(np.unique(clusters[rows]) for rows in fold) for fold in folds]
    assert_allclose(copies, compare_correctors(y_true, y_pred, LINE, cv=of_pairs), rtol=RTOL)


def test_regressors_of_one_feature_are_compared_too(rng):
    """Regression of the truth on predictions, which is right for single units, shrinks."""
    y_pred, y_true = pairs(rng, 2000)
    regressors = {"line": LinearRegression(), "steps": IsotonicRegression(out_of_bounds="clip")}
    table = compare_correctors(y_true, y_pred, regressors, sample_weight=np.full(2000, 0.5))
    assert (table["slope_on_truth"] < 0.7).all()
    assert (table["r2"] > 0.5).all()


def test_correctors_are_left_as_they_are(rng):
    corrector = TweedieCorrector()
    compare_correctors(*pairs(rng, 300)[::-1], {"mine": corrector})
    assert not hasattr(corrector, "certificate_")


# ---- bad input


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y_pred": [np.nan] * 40}, ValueError, "Input y_pred contains NaN"),
        ({"y_true": np.zeros(40)}, ValueError, "must not be constant"),
        ({"y_true": np.arange(39.0)}, ValueError, "y_true and y_pred must have the same length"),
        ({"correctors": [LinearCalibrationCorrector()]}, ValueError, "The 'correctors' parameter"),
        ({"correctors": {"line": LinearCalibrationCorrector}}, TypeError, "provide an instance"),
        ({"correctors": {"line": None}}, TypeError, "Got the entry 'line': None"),
        ({"correctors": {1: LinearCalibrationCorrector()}}, TypeError, "Got the entry 1: LinearCalibrationCorrector()"),
        ({"correctors": {"none": LinearCalibrationCorrector()}}, ValueError, "must not have the name 'none'"),
        ({"correctors": {"steps": IsotonicRegression()}}, ValueError, "'steps' gave"),
        (
            {"cv": ShuffleSplit(2, random_state=0)},
            ValueError,
            "must hold out each row exactly once. Of 40 rows it holds out",
        ),
        ({"cv": 1}, ValueError, "The 'cv' parameter"),
        ({"contrasts": "groups"}, ValueError, "groups must be given for contrasts='groups'"),
        ({"groups": [0, 1] * 20}, ValueError, "groups is used by contrasts='groups' only. Got contrasts='quantile'"),
        ({"n_contrasts": 5}, ValueError, "n_contrasts is used by contrasts='random' only"),
        (
            {"contrasts": "groups", "groups": [0, 1]},
            ValueError,
            "groups must have one label per pair, 40 in all. Got 2",
        ),
        ({"contrasts": "groups", "groups": [0] * 40}, ValueError, "groups must have at least two labels"),
        ({"contrasts": "deciles"}, ValueError, "The 'contrasts' parameter"),
    ],
)
def test_bad_input(changes, error, message):
    y_true = np.arange(40.0)
    arguments = {"y_pred": y_true + np.arange(40) % 3, "y_true": y_true, "correctors": LINE} | changes
    with pytest.raises(error, match=re.escape(message)):
        compare_correctors(**arguments)


def test_groups_with_the_same_mean_truth_have_no_contrasts():
    y_true = np.repeat(np.arange(20.0), 2)
    with pytest.raises(ValueError, match="groups must differ in their mean truth. Got 2 groups with the same one"):
        compare_correctors(y_true, y_true + np.arange(40) % 3, LINE, contrasts="groups", groups=[0, 1] * 20)


def test_a_random_treatment_of_all_is_refused():
    with pytest.raises(ValueError, match="contrasts='random' needs more pairs: of 3"):
        compare_correctors([1.0, 3.0, 2.0], [1.0, 2.0, 4.0], {}, contrasts="random", random_state=0)


def test_errors_name_the_corrector(rng):
    y_pred, y_true = pairs(rng, 35)
    for name, corrector, error in (("mine", Refuses(), RuntimeError), ("curve", TweedieCorrector(), ValueError)):
        with pytest.raises(error) as caught:
            compare_correctors(y_true, y_pred, {name: corrector}, cv=KFold(6))
        assert f"It came from corrector '{name}', fitted to the 29 pairs outside a fold." in caught.value.__notes__
