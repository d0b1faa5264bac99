"""The test that decides whether to correct: both nulls, verdicts, what may not change them."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict

from statlearn.debias import LinearCalibrationCorrector, debiased_ate, differential_error_test
from statlearn.exceptions import DifferentialErrorWarning

from .samples import LAWS, pairs, treat_by

RTOL = 1e-8  # sums in another order, through a spline basis


# ---- S6


def test_the_right_null_is_rejected_always_and_the_other_never():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y_pred, y_true = pairs(rng, 4000)
        by_truth = differential_error_test(y_true, y_pred, treat_by(rng, y_true))
        by_prediction = differential_error_test(y_true, y_pred, treat_by(rng, y_pred))
        assert by_truth.p_value_predictions > 0.01 > by_truth.p_value_truth
        assert by_prediction.p_value_truth > 0.01 > by_prediction.p_value_predictions


@pytest.mark.parametrize("law", LAWS)
def test_verdicts_by_what_makes_the_groups(law):
    """Of 40 runs each, 2 false rejections are expected; more than 7 have probability 0.003."""
    found = {"correct": 0, "do not correct": 0, "neither": 0, "undecided": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y_pred, y_true = pairs(rng, 2000, law)
        sources = {
            "correct": y_true,
            "do not correct": y_pred,
            "neither": y_true + y_pred,
            "undecided": rng.normal(size=2000),
        }
        for verdict, source in sources.items():
            found[verdict] += differential_error_test(y_true, y_pred, treat_by(rng, source)).verdict == verdict
    assert min(found["correct"], found["do not correct"]) >= 33
    assert found["neither"] == 40
    assert found["undecided"] >= 29  # either null may be rejected by chance: 4 of 40 are expected, 11 have p = 0.002


def test_a_model_input_makes_groups_that_need_no_correction():
    """Progression of diabetes, predicted out of fold; heavier and lighter patients."""
    X, y_true = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    y_pred = cross_val_predict(RidgeCV(np.logspace(-3, 3, 13)), X, y_true, cv=folds)
    result = differential_error_test(y_true, y_pred, X[:, 2] > np.median(X[:, 2]))
    assert result.verdict == "do not correct"
    assert abs(result.truth_gap) < 2.0 * result.truth_gap_se
    assert result.prediction_gap > 10.0 * result.prediction_gap_se


# ---- by hand


def test_of_few_pairs_the_regressions_are_those_by_hand(rng):
    y_pred, y_true = pairs(rng, 24)
    groups = np.array(["b", "a", "c", "a"] * 6)
    result = differential_error_test(y_true, y_pred, groups)
    assert_array_equal(result.labels, ["a", "b", "c"])
    for gap, se, response, x in (
        (result.prediction_gap, result.prediction_gap_se, y_pred, y_true),
        (result.truth_gap, result.truth_gap_se, y_true, y_pred),
    ):
        design = np.column_stack([np.ones(24), x, groups == "b", groups == "c"])
        bread = np.linalg.inv(design.T @ design)
        coefficients = bread @ design.T @ response
        scores = design * (response - design @ coefficients)[:, None]
        covariance = 24 / 20 * bread @ scores.T @ scores @ bread
        assert_allclose(gap, coefficients[2:], rtol=RTOL)
        assert_allclose(se, np.sqrt(np.diag(covariance))[2:], rtol=RTOL)


def test_two_groups_give_numbers(rng):
    y_pred, y_true = pairs(rng, 200)
    result = differential_error_test(y_true, y_pred, treat_by(rng, y_true))
    for name in ("prediction_gap", "prediction_gap_se", "truth_gap", "truth_gap_se"):
        assert type(getattr(result, name)) is float
    assert result.n == 200
    assert result.level == 0.05


def test_statsmodels_gives_the_same_p_values(rng):
    api = pytest.importorskip("statsmodels.api")
    y_pred, y_true = pairs(rng, 28)
    groups, clusters = np.arange(28) % 2, np.arange(28) // 2
    for labels, options in ((None, {"cov_type": "HC1"}), (clusters, {"cov_type": "cluster"})):
        result = differential_error_test(y_true, y_pred, groups, clusters=labels)
        if labels is not None:
            options["cov_kwds"] = {"groups": labels}
        for found, response, x in (
            (result.p_value_predictions, y_pred, y_true),
            (result.p_value_truth, y_true, y_pred),
        ):
            fit = api.OLS(response, np.column_stack([np.ones(28), x, groups])).fit(**options)
            assert_allclose(found, fit.pvalues[2], rtol=1e-6)


# ---- metamorphic


@pytest.fixture
def three_groups(rng):
    y_pred, y_true = pairs(rng, 300, "gamma")
    return y_true, y_pred, rng.choice(["x", "y", "z"], size=300), rng.random(300) + 0.1


def figures(result):
    return np.concatenate(
        [
            [result.p_value_predictions, result.p_value_truth],
            result.prediction_gap,
            result.prediction_gap_se,
            result.truth_gap,
            result.truth_gap_se,
        ]
    )


def test_order_of_rows_and_scale_of_weights_do_not_matter(three_groups, rng):
    y_true, y_pred, groups, weights = three_groups
    expected = figures(differential_error_test(y_true, y_pred, groups, sample_weight=weights))
    order = rng.permutation(300)
    shuffled = differential_error_test(y_true[order], y_pred[order], groups[order], sample_weight=7.0 * weights[order])
    assert_allclose(figures(shuffled), expected, rtol=1e-6)


def test_doubled_rows_are_rows_of_twice_the_weight(three_groups):
    """But for standard errors, for which equal rows count as independent ones, unless they are a cluster."""
    y_true, y_pred, groups, _ = three_groups
    once = differential_error_test(y_true, y_pred, groups)
    twice = np.tile(np.arange(300), 2)
    copies = differential_error_test(
        y_true[twice], y_pred[twice], groups[twice], sample_weight=np.full(600, 0.5), clusters=twice
    )
    assert_allclose(copies.prediction_gap, once.prediction_gap, rtol=1e-6)
    assert_allclose(copies.truth_gap, once.truth_gap, rtol=1e-6)
    assert_allclose(copies.truth_gap_se, once.truth_gap_se, rtol=0.03)  # corrections of few degrees of freedom


def test_rows_of_weight_zero_are_as_absent(three_groups):
    y_true, y_pred, groups, weights = three_groups
    weights[::3] = 0.0
    kept = weights > 0.0
    whole = differential_error_test(y_true, y_pred, groups, sample_weight=weights, clusters=np.arange(300) // 5)
    part = differential_error_test(
        y_true[kept], y_pred[kept], groups[kept], sample_weight=weights[kept], clusters=(np.arange(300) // 5)[kept]
    )
    assert whole.n == part.n == 200
    assert_allclose(figures(whole), figures(part), rtol=RTOL)


def test_units_do_not_matter(three_groups):
    y_true, y_pred, groups, _ = three_groups
    once = differential_error_test(y_true, y_pred, groups)
    scaled = differential_error_test(3.0 * y_true + 1.0, 5.0 * y_pred - 2.0, groups)
    assert_allclose(scaled.p_value_predictions, once.p_value_predictions, rtol=1e-6)
    assert_allclose(scaled.truth_gap, 3.0 * once.truth_gap, rtol=1e-6)
    assert_allclose(scaled.prediction_gap_se, 5.0 * once.prediction_gap_se, rtol=1e-6)


def test_errors_that_clusters_share_widen_standard_errors(rng):
    clusters = np.repeat(np.arange(60), 20)
    groups, shared = clusters % 2, rng.normal(size=60)[clusters]
    y_true = rng.normal(size=1200)
    y_pred = 0.6 * y_true + 0.5 * shared + 0.3 * rng.normal(size=1200)
    alone = differential_error_test(y_true, y_pred, groups)
    together = differential_error_test(y_true, y_pred, groups, clusters=clusters)
    assert together.prediction_gap == alone.prediction_gap
    assert together.prediction_gap_se > 2.0 * alone.prediction_gap_se
    assert "clusters are independent" in together.certificate.assumptions


# ---- what is said


def test_the_verdict_is_that_of_the_certificate_of_an_effect(rng):
    y_pred, y_true = pairs(rng, 2000)
    groups = treat_by(rng, y_pred).astype(int)
    result = differential_error_test(y_true, y_pred, groups)
    corrector = LinearCalibrationCorrector().fit(y_pred, y_true)
    with pytest.warns(DifferentialErrorWarning):
        effect = debiased_ate(corrector, y_pred, groups, calibration_groups=groups)
    for check in result.certificate.checks:
        assert effect.certificate[check.name] == check
    assert result.certificate.holds is False


def test_text():
    rng = np.random.default_rng(0)  # one verdict
    y_pred, y_true = pairs(rng, 4000)
    groups = np.where(treat_by(rng, y_true), "treated", "control")
    result = differential_error_test(y_true, y_pred, groups)
    text = str(result)
    assert text.startswith("DifferentialErrorResult of 4000 pairs in 2 groups: correct\n")
    assert "as a correction needs" in " ".join(text.split())
    assert "less control" in text
    assert re.search(rf"^treated +{result.prediction_gap:.3g} ", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100
    assert "DifferentialErrorResult(verdict='correct'" in repr(result)
    assert result.certificate.holds


# ---- bad input


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y_true": [1.0, np.nan, 2.0, 3.0]}, ValueError, "Input y_true contains NaN"),
        ({"y_pred": [1.0, np.inf, 2.0, 3.0]}, ValueError, "Input y_pred contains infinity"),
        ({"y_pred": [1.0, 2.0, 3.0]}, ValueError, "y_true and y_pred must have the same length. Got 4 outcomes and 3"),
        ({"y_true": [1.0] * 4}, ValueError, "must not be constant"),
        ({"groups": [0, 1, 0]}, ValueError, "groups must have one label per pair, 4 in all. Got 3"),
        ({"groups": [0, 0, 0, 0]}, ValueError, "groups must have at least two labels. Got 1"),
        ({"groups": [0, 0, 0, 1]}, ValueError, "groups must have each label at least twice. Got 1 once"),
        ({"groups": ["a", None, "b", "a"]}, ValueError, "groups must not have missing labels"),
        ({"groups": "ab"}, ValueError, "The 'groups' parameter"),
        ({"clusters": [0, 0, 0, 0]}, ValueError, "clusters must have at least two labels"),
        ({"sample_weight": [1, 1, -1, 1]}, ValueError, "sample_weight must be finite and non-negative"),
        ({"sample_weight": [1, 1, 0, 0]}, ValueError, "At least 3 pairs of positive weight are needed. Got 2"),
        ({"sample_weight": [1, 1, 1]}, ValueError, "sample_weight must have 4 entries"),
        ({"clusters": [0, 1, 1, 2], "sample_weight": [0, 1, 1, 0]}, ValueError, "At least 3 pairs"),
    ],
)
def test_bad_input(changes, error, message):
    arguments = {"y_true": [1.0, 2.0, 4.0, 3.0], "y_pred": [1.0, 3.0, 2.0, 2.5], "groups": [0, 0, 1, 1]} | changes
    with pytest.raises(error, match=re.escape(message)):
        differential_error_test(**arguments)


def test_a_cluster_that_weights_leave_alone_is_refused(rng):
    y_pred, y_true = pairs(rng, 20)
    weights = np.repeat([1.0, 0.0], 10)
    with pytest.raises(ValueError, match="clusters must have at least two labels"):
        differential_error_test(
            y_true, y_pred, np.arange(20) % 2, sample_weight=weights, clusters=np.repeat([0, 1], 10)
        )


def test_groups_that_the_truth_makes_alone_are_refused(rng):
    y_true = np.repeat([0.0, 1.0], 30)
    with pytest.raises(ValueError, match="a function of the truth or of the predictions"):
        differential_error_test(y_true, y_true + rng.normal(size=60), y_true)
    with pytest.raises(ValueError, match="do not vary enough"):
        differential_error_test(np.arange(60.0), 2.0 * np.arange(60), np.arange(60) % 2)
