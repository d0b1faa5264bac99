"""The generator: the paper's designs, the truth that it reports, and its messages."""

import numpy as np
import pytest
from scipy.special import expit

from statlearn.datasets import make_rare_ordinal

DESIGNS = [("sparse", 1 / 2), ("sparse", 1 / 3), ("dense", None)]
RARE_SHARES = {(0.0, 3.0, 5.0): 0.011, (0.0, 3.5, 5.5): 0.0066, (0.0, 4.0, 6.0): 0.0039}  # spec 6.1, mean over designs


def draw(**arguments):
    return make_rare_ordinal(return_X_y=False, **arguments)


def test_default_is_a_pair_and_the_bunch_holds_the_same_pair():
    X, y = make_rare_ordinal(random_state=3)
    study = draw(random_state=3)
    np.testing.assert_array_equal(X, study.data)
    np.testing.assert_array_equal(y, study.target)
    assert X.shape == (2500, 10) and y.shape == (2500,)
    assert y.dtype == np.int64 and set(np.unique(y)) == {0, 1, 2, 3}


def test_random_state_decides_everything():
    np.testing.assert_array_equal(make_rare_ordinal(random_state=5)[0], make_rare_ordinal(random_state=5)[0])
    assert not np.array_equal(make_rare_ordinal(random_state=5)[1], make_rare_ordinal(random_state=6)[1])


@pytest.mark.parametrize(("design", "density"), DESIGNS)
@pytest.mark.parametrize("intercepts", list(RARE_SHARES))
def test_the_truth_is_the_documented_model(design, density, intercepts):
    study = draw(design=design, density=density, intercepts=intercepts, random_state=11)
    exceedance = expit(study.data @ study.coef.T + study.intercept)  # P(y > k)
    direct = -np.diff(np.column_stack([np.ones(len(exceedance)), exceedance, np.zeros(len(exceedance))]), axis=1)
    np.testing.assert_allclose(study.probabilities, direct, rtol=0, atol=1e-14)
    np.testing.assert_allclose(study.probabilities.sum(axis=1), 1.0, rtol=0, atol=1e-14)
    assert (study.probabilities >= 0).all()
    np.testing.assert_array_equal(study.rare_probability, study.probabilities[:, 3])
    np.testing.assert_array_equal(study.intercept, -np.array(intercepts))
    assert np.abs(study.data).max() <= 1


@pytest.mark.parametrize("intercepts", list(RARE_SHARES))
def test_rare_share_is_the_one_of_the_paper(intercepts):
    share = np.mean([draw(intercepts=intercepts, random_state=seed).rare_probability.mean() for seed in range(20)])
    assert share == pytest.approx(RARE_SHARES[intercepts], rel=0.2)


@pytest.mark.parametrize("density", [1 / 3, 1 / 2])
def test_sparse_coefficients_take_the_documented_values_at_the_documented_rate(density):
    studies = [draw(density=density, n_samples=200, scale=0.25, random_state=seed) for seed in range(80)]
    first = -np.concatenate([study.coef[0] for study in studies])
    later = -np.concatenate([np.diff(study.coef, axis=0).ravel() for study in studies])
    assert set(first) == {0.0, 0.25}
    assert set(later) == {-0.25, 0.0, 0.25}
    # 800 and 1600 draws: standard errors at most 0.018 and 0.0125; four of them
    assert np.mean(first != 0) == pytest.approx(density, abs=0.072)
    assert np.mean(later != 0) == pytest.approx(density, abs=0.05)
    assert np.mean(later[later != 0] > 0) == pytest.approx(0.5, abs=0.09)


def test_dense_coefficients_are_uniform():
    studies = [draw(design="dense", n_samples=200, random_state=seed) for seed in range(80)]
    differences = np.concatenate([np.vstack([s.coef[:1], np.diff(s.coef, axis=0)]).ravel() for s in studies])
    assert np.abs(differences).max() <= 0.5
    quantiles = np.quantile(differences, [0.1, 0.25, 0.5, 0.75, 0.9])
    np.testing.assert_allclose(quantiles, [-0.4, -0.25, 0.0, 0.25, 0.4], atol=0.045)


def test_classes_follow_their_probabilities():
    study = draw(n_samples=200_000, intercepts=(-1.0, 1.0), scale=0.2, random_state=2)
    observed = np.bincount(study.target) / len(study.target)
    np.testing.assert_allclose(observed, study.probabilities.mean(axis=0), atol=4 * 0.5 / np.sqrt(200_000))


def test_rows_are_redrawn_until_every_class_occurs():
    expected_rare_rows = []
    for seed in range(30):
        study = draw(n_samples=300, intercepts=(0.0, 4.0, 6.0), random_state=seed)
        expected_rare_rows.append(study.rare_probability.sum())
        assert np.bincount(study.target, minlength=4).min() >= 1
    assert np.mean(expected_rare_rows) < 2  # so that a single draw of y would often have missed the class


def test_number_of_classes_follows_the_intercepts():
    assert set(make_rare_ordinal(500, 2, intercepts=[1.0], random_state=0)[1]) == {0, 1}
    assert set(make_rare_ordinal(900, 2, intercepts=[-2, -1, 0, 1, 2], scale=0.1, random_state=0)[1]) == set(range(6))


def test_scale_zero_gives_constant_probabilities():
    study = draw(scale=0.0, random_state=0)
    assert not study.coef.any()
    assert np.ptp(study.probabilities, axis=0).max() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"intercepts": (0.0, 0.0, 1.0)}, r"intercepts must be finite and strictly increasing.*got \[0.0, 0.0, 1.0\]"),
        ({"intercepts": (0.0, np.nan)}, r"intercepts must be finite"),
        ({"intercepts": ()}, r"intercepts must be a sequence of numbers.*got shape \(0,\)"),
        ({"intercepts": [[0.0, 1.0]]}, r"got shape \(1, 2\)"),
        ({"n_samples": 3}, r"n_samples=3 is less than the 4 classes.*raise n_samples"),
        ({"n_samples": 0}, r"'n_samples' parameter of make_rare_ordinal must be an int"),
        ({"n_features": 0}, r"'n_features' parameter"),
        ({"design": "wide"}, r"'design' parameter.*'wide'"),
        ({"density": 1.5}, r"'density' parameter"),
        ({"design": "dense", "density": 0.5}, r'density=0.5 has no meaning for design="dense"; leave it None'),
        ({"scale": -0.1}, r"'scale' parameter"),
        ({"scale": 40.0, "random_state": 0}, r"1000 draws of rows and coefficients.*too close for scale=40.0.*lower"),
        (
            {"n_samples": 10, "intercepts": (0.0, 60.0), "random_state": 0},
            r"1000 draws of y all missed a class \(the last one: \[2\]\) with n_samples=10; raise n_samples",
        ),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_rare_ordinal(**arguments)
