"""The recipes of noisy halfspaces: where labels are flipped, how often, and that convex losses fall for it."""

import numpy as np
import pytest
from scipy.stats import binom, laplace, norm
from sklearn.linear_model import LogisticRegression

from statlearn.datasets import make_massart_halfspace

LEVEL = 1e-6  # of each statistical test: seeds fail once in a million
N = 40000
WITH_ETA = ["rcn", "massart-quadrant", "massart-far"]
WITHOUT_ETA = ["clean", "adv-tail", "adv-tail-laplace", "adv-far"]
FAR = 2 * norm.sf(0.3)  # share of rows with |x1| > 0.3
SHARE_OF_NOISY_ROWS = {
    "clean": 0.0,
    "rcn": 1.0,
    "massart-quadrant": 0.5,
    "massart-far": FAR / 2,
    "adv-tail": 0.05,
    "adv-tail-laplace": 0.05,
    "adv-far": 0.1,
}


def noisy_rows(recipe, x1, x2):
    """Rows whose labels may be flipped, written down once more."""
    opposite = x1 * x2 < 0
    return {
        "clean": x1 != x1,
        "rcn": x1 == x1,
        "massart-quadrant": opposite,
        "massart-far": opposite & (abs(x1) > 0.3),
        "adv-tail": opposite & (abs(x2) > norm.isf(0.05)),
        "adv-tail-laplace": opposite & (abs(x2) > laplace.isf(0.05, scale=np.sqrt(0.5))),
        "adv-far": (x2 > 0) & (x1 > norm.isf(0.2)),
    }[recipe]


@pytest.mark.parametrize("recipe", WITH_ETA + WITHOUT_ETA)
def test_labels_are_flipped_where_the_recipe_says(recipe, seed):
    study = make_massart_halfspace(N, 4, recipe=recipe, random_state=seed, return_X_y=False)
    X, noisy = study.data, noisy_rows(recipe, *study.data[:, :2].T)
    chance = 0.4 if recipe in WITH_ETA else 1.0
    np.testing.assert_array_equal(study.flip_probability, chance * noisy)
    np.testing.assert_array_equal(study.clean_target, np.where(X[:, 0] > 0, 1, -1))
    np.testing.assert_array_equal(study.coef, [1.0, 0.0, 0.0, 0.0])
    flipped = study.target != study.clean_target
    assert not flipped[~noisy].any()
    assert binom.ppf(LEVEL, noisy.sum(), chance) <= flipped.sum() <= binom.ppf(1 - LEVEL, noisy.sum(), chance)
    share = SHARE_OF_NOISY_ROWS[recipe]
    assert binom.ppf(LEVEL, N, share) <= noisy.sum() <= binom.ppf(1 - LEVEL, N, share)


@pytest.mark.parametrize("recipe", ["clean", "adv-tail-laplace"])
def test_columns_have_mean_0_and_variance_1(recipe, seed):
    X, y = make_massart_halfspace(N, 5, recipe=recipe, random_state=seed)
    assert X.shape == (N, 5) and X.dtype == np.float64 and set(y.tolist()) == {-1, 1}
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=6 / np.sqrt(N))
    np.testing.assert_allclose(np.cov(X.T), np.eye(5), atol=6 * np.sqrt(5 / N))  # 5: variance of a squared Laplace
    kurtosis = np.mean(X**4)
    assert abs(kurtosis - (6.0 if "laplace" in recipe else 3.0)) < 0.6


@pytest.mark.parametrize("recipe", ["massart-quadrant", "massart-far", "adv-tail", "adv-tail-laplace", "adv-far"])
def test_logistic_regression_is_tilted(recipe, seed):
    coef = LogisticRegression(fit_intercept=False).fit(*make_massart_halfspace(N, 3, recipe=recipe, random_state=seed))
    angle = np.degrees(np.arctan2(*np.abs(coef.coef_[0, 1::-1])))
    assert angle > 10


def test_eta_is_the_chance_of_a_flip(seed):
    study = make_massart_halfspace(N, 2, recipe="rcn", eta=0.1, random_state=seed, return_X_y=False)
    assert set(study.flip_probability.tolist()) == {0.1}
    calm = make_massart_halfspace(N, 2, recipe="rcn", eta=0.0, random_state=seed, return_X_y=False)
    np.testing.assert_array_equal(calm.target, calm.clean_target)


def test_same_seed_same_data(seed):
    first, second = (make_massart_halfspace(50, 3, random_state=seed) for _ in range(2))
    bunch = make_massart_halfspace(50, 3, random_state=seed, return_X_y=False)
    for a, b, c in zip(first, second, (bunch.data, bunch.target), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("recipe", WITHOUT_ETA)
def test_eta_of_a_recipe_without_one_is_an_error(recipe):
    with pytest.raises(ValueError, match=f'eta=0.4 has no meaning for recipe="{recipe}"; leave it None'):
        make_massart_halfspace(recipe=recipe, eta=0.4)


@pytest.mark.parametrize(
    ("argument", "value"), [("recipe", "massart"), ("eta", 0.5), ("eta", -0.1), ("n_features", 1), ("n_samples", 0)]
)
def test_bad_arguments(argument, value):
    with pytest.raises(ValueError, match=f"The '{argument}' parameter of make_massart_halfspace must be"):
        make_massart_halfspace(**{"recipe": "rcn", argument: value})
