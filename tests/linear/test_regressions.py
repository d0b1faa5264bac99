"""Defects that a review found, each by the smallest table that shows it."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning

from statlearn.linear import LargeStepLogisticClassifier, StepHistoryDisplay, separability


def has_positive_margins(X, y, theta):
    """Whether whole coefficients separate the rows, in exact arithmetic."""
    signs = [1 if label else -1 for label in y]
    margins = [
        sign * sum(Fraction(value) * weight for value, weight in zip(row, theta, strict=True))
        for sign, row in zip(signs, X.tolist(), strict=True)
    ]
    return all(margin > 0 for margin in margins)


@pytest.mark.xfail(strict=True, reason="margins below 1e-13 of the longest row are numerically zero, as the Notes say")
@pytest.mark.parametrize("method", ["auto", "lp"])
def test_two_rows_that_are_not_parallel_are_never_called_inseparable(method):
    """Two distinct directions of whole numbers come back as not separable, with a maximum-likelihood estimate."""
    numbers = [1, 1]
    while len(numbers) < 40:
        numbers.append(numbers[-1] + numbers[-2])
    a, b, c = numbers[36:39]
    X = np.array([[a, b], [b, c]], dtype=np.float64)
    determinant = a * c - b * b
    # theta with <row 0, theta> = -determinant**2 and <row 1, theta> = determinant**2
    theta = [-determinant * (c + b), determinant * (a + b)]
    assert has_positive_margins(X, [0, 1], theta)
    result = separability(X, [0, 1], method, fit_intercept=False)
    assert result.status != "not separable"
    assert result.mle_exists is not True


def test_probabilities_of_three_classes_are_finite_far_away():
    """predict_proba of three overlapping classes is NaN where every score is below -745."""
    X = np.random.default_rng(0).uniform(0.5, 1.0, size=(90, 1))
    model = LargeStepLogisticClassifier(fit_intercept=False).fit(X, np.arange(90) % 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        probabilities = model.predict_proba([[1e4]])
    assert np.all(np.isfinite(probabilities))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_the_penalty_is_not_ignored_where_steps_minimize_the_loss():
    """alpha=10 with stop="loss" silently returns the coefficients without a penalty."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 2)), rng.integers(0, 2, 60)
    penalized = LargeStepLogisticClassifier(alpha=10.0).fit(X, y)
    by_steps = LargeStepLogisticClassifier(alpha=10.0, gamma=1.0, stop="loss").fit(X, y)
    np.testing.assert_allclose(by_steps.coef_, penalized.coef_, atol=1e-4)


def test_certificate_claims_no_lower_bound_of_the_steps_that_a_perceptron_undercuts():
    """The certificate says a perceptron takes (R / margin)**2 = 5 steps or more where it takes 2."""
    X, y = np.array([[0.5, -1.0]] + [[-0.5, -1.0]] * 9), np.array([1] + [0] * 9)
    model = LargeStepLogisticClassifier("normalized-perceptron", fit_intercept=False).fit(X, y)
    result = separability(X, y, fit_intercept=False)
    scale = next(check for check in result.certificate.checks if check.name == "scale")
    assert model.n_iter_ < scale.statistic**2
    assert "bounds the steps of a perceptron from below" not in scale.detail


def test_steps_towards_the_greatest_margin_are_not_set_against_a_bound_of_the_steps_to_a_separation():
    """With stop="margin" the certificate shows 10000 steps beside 72.6, "the bound of the theorem", as if refuted."""
    X, y = load_digits(n_class=2, return_X_y=True)
    model = LargeStepLogisticClassifier(gamma=10.0, stop="margin", margin_tol=1e-4).fit(X / 16.0, y)
    steps = next(check for check in model.certificate_.checks if check.name == "steps")
    assert steps.bound is None or steps.statistic <= steps.bound


@pytest.mark.parametrize("scale", [1e-17, 1e17])
@pytest.mark.parametrize("method", ["auto", "lp"])
def test_a_feature_with_a_gap_between_the_classes_separates_in_any_unit(method, scale):
    """1, 2 | 3, 4 are separable; in units 1e17 times smaller or larger "no rule has every row strictly on its side"."""
    X, y = np.array([[1.0], [2.0], [3.0], [4.0]]) * scale, [0, 0, 1, 1]
    assert X[:2].max() < X[2:].min()  # a threshold in between separates strictly, by comparisons alone
    result = separability(X, y, method)
    assert result.status != "not separable"
    assert not result.quasi


def test_a_quasi_separation_warns_although_logistic_regression_was_fitted():
    """The estimate is infinite, coefficients stop where the solver gave up, and fit says nothing."""
    X, y = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [1.5, 1.0]], [0, 1, 0, 1, 1]
    with pytest.warns(ConvergenceWarning):
        model = LargeStepLogisticClassifier().fit(X, y)
    assert model.quasi_


def test_the_message_of_a_step_size_that_overflows_names_step_size():
    """step_size=1e200 is refused by a message about gamma, which was not given."""
    with pytest.raises(ValueError, match="step_size=1e") as caught:
        LargeStepLogisticClassifier(1e200).fit([[0.0], [1.0]], [0, 1])
    assert "gamma=" not in str(caught.value)


def test_class_weights_that_overflow_are_named():
    """Weights of classes that overflow are blamed on sample_weight, after a RuntimeWarning."""
    with warnings.catch_warnings(), pytest.raises(ValueError, match="class_weight"):
        warnings.simplefilter("ignore", RuntimeWarning)
        LargeStepLogisticClassifier(class_weight={0: 1e308, 1: 1e308}).fit(
            [[0.0], [1.0]], [0, 1], sample_weight=[10.0, 10.0]
        )


def test_the_picture_of_two_classes_refuses_a_label_that_is_no_class():
    """StepHistoryDisplay takes label="nonsense" without a word if there are two classes."""
    pytest.importorskip("matplotlib").use("agg")
    model = LargeStepLogisticClassifier().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="label"):
        StepHistoryDisplay.from_estimator(model, label="nonsense")


@pytest.mark.parametrize("method", ["auto", "lp"])
def test_times_in_seconds_since_1970_are_separable_by_a_threshold(method):
    """Six Unix times in a row, early against late, are "not separable"; the certificate holds."""
    X = 1.7e9 + np.arange(6.0)[:, None]
    assert np.array_equal(np.diff(X[:, 0]), np.ones(5))  # stored exactly
    result = separability(X, [0, 0, 0, 1, 1, 1], method)
    assert result.status != "not separable"


def test_classifier_does_not_deny_the_separation_that_it_finds():
    """All six Unix times are classified right, and ``separable_`` is False."""
    X, y = 1.7e9 + np.arange(6.0)[:, None], [0, 0, 0, 1, 1, 1]
    assert LargeStepLogisticClassifier().fit(X, y).separable_ is not False


def test_proportional_features_of_different_scale_do_not_warn():
    """A LinAlgWarning of scipy comes out of separability where a small feature is a multiple of a large one."""
    X = [[-3.0, -5.55111512e-22], [-3.0, -5.55111512e-22]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = separability(X, [0, 1])
    assert result.status == "not separable"


@pytest.mark.parametrize("separation", [0.0, 3.0])
def test_calibration_gives_what_needs_probabilities_of_every_fit(rng, separation):
    """Voting by probabilities accepts the classifier for some tables and refuses it for others."""
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    X[:, 0] += separation * (2 * y - 1)
    assert hasattr(LargeStepLogisticClassifier().fit(X, y), "predict_proba") is (separation == 0.0)
    member = CalibratedClassifierCV(LargeStepLogisticClassifier(), cv=3)
    voting = VotingClassifier([("member", member)], voting="soft").fit(X, y)
    np.testing.assert_allclose(voting.predict_proba(X).sum(axis=1), 1.0)
