"""The approximator: evaluation, laboratory work, given data, moments, errors, scikit-learn's manners."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

from statlearn.design import (
    ChristoffelSampler,
    FourierBasis,
    Hermite,
    Jacobi,
    OrthonormalBasis,
    PolynomialBasis,
    RepeatedDPP,
    WeightedLeastSquaresApproximator,
)
from statlearn.design._samplers import SAMPLERS
from statlearn.exceptions import EvaluationError, ExtrapolationWarning, RankDeficientWarning

from .problems import runge

LINE = PolynomialBasis(n_dims=1, degree=6)
PLANE = PolynomialBasis(n_dims=2, degree=3)
MIXED = PolynomialBasis([Hermite(1.0, 2.0), Jacobi((0.0, 3.0), a=1.0)], degree=4)
BASES = {"line": LINE, "plane": PLANE, "mixed": MIXED, "torus": FourierBasis(n_dims=2, degree=2)}
DESIGNS = sorted(SAMPLERS)


def steep(x):
    return np.exp(x.sum(axis=-1))


def two_outputs(x):
    return np.column_stack([steep(x), x[:, 0] ** 2])


def approximator(basis=LINE, **parameters):
    return WeightedLeastSquaresApproximator(basis, **{"random_state": 0, **parameters})


class Halves(OrthonormalBasis):
    """Indicators of the two halves of the unit interval."""

    n_dims, n_output_features_ = 1, 2

    def scaled_features(self, X):
        right = np.asarray(X) >= 0.5
        return np.sqrt(2.0) * np.hstack([~right, right]), np.zeros(len(right))

    def sample_measure(self, n, rng):
        return rng.uniform(size=(n, 1))

    sample_induced = sample_measure


# Fits


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", BASES)
def test_functions_of_the_space_are_recovered(rng, name, design):
    basis = BASES[name].resolved()
    coef = rng.normal(size=basis.n_output_features_)
    model = approximator(BASES[name], design=design, n_samples=None if design == "dpp" else "4m")
    model.fit_function(lambda x: basis.features(x) @ coef)
    np.testing.assert_allclose(model.coef_, coef, atol=1e-12 * model.condition_number_**0.5)
    assert model.condition_number_ < 1e6
    x = basis.sample_measure(50, rng)
    np.testing.assert_allclose(model.predict(x), basis.features(x) @ coef, atol=1e-9)


@pytest.mark.parametrize("design", ["repeated_dpp", "volume", "christoffel", "dpp"])
def test_a_thousand_functions_on_the_whole_line(design):
    """Values at the outermost points have weights that underflow, and count nonetheless where there are no others."""
    basis = PolynomialBasis("hermite", n_dims=1, degree=999)
    model = approximator(basis, design=design)
    model.fit_function(lambda x: 3.0 - 2.0 * x[:, 0] + 0.5 * (x[:, 0] ** 2 - 1.0))
    assert np.isfinite(model.design_.log_weights).all()
    assert np.isfinite(model.design_.features).all()
    expected = np.zeros(1000)
    expected[:3] = 3.0, -2.0, 0.5 * np.sqrt(2.0)
    np.testing.assert_allclose(model.coef_, expected, atol=1e-13 * model.condition_number_**0.5)


def test_coefficients_minimize_the_weighted_error():
    model = approximator().fit_function(steep)
    points, weights = model.design_.points, model.design_.weights
    roots = np.sqrt(weights)
    phi = LINE.resolved().features(points)
    expected = np.linalg.lstsq(roots[:, None] * phi, roots * steep(points))[0]
    np.testing.assert_allclose(model.coef_, expected, atol=1e-13)
    eigenvalues = np.linalg.eigvalsh((weights[:, None] * phi).T @ phi / len(points))
    assert model.lambda_min_ == pytest.approx(eigenvalues[0], rel=1e-10)
    assert model.condition_number_ == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-10)
    assert model.lambda_min_ == pytest.approx(model.design_.gram_lambda_min, rel=1e-12)


@pytest.mark.parametrize("design", ["repeated_dpp", "volume", "iid"])
@pytest.mark.parametrize("function", [steep, two_outputs])
def test_leave_one_out_error_is_that_of_fits_without_a_point(design, function):
    model = approximator(PLANE, design=design, n_samples="3m").fit_function(function)
    points, weights = model.design_.points, model.design_.weights
    phi, roots, values = PLANE.resolved().features(points), np.sqrt(weights), function(points)
    squares = []
    for left_out in range(len(points)):
        kept = np.arange(len(points)) != left_out
        coef = np.linalg.lstsq(roots[kept, None] * phi[kept], (roots[kept] * values[kept].T).T)[0]
        squares.append(weights[left_out] * (values[left_out] - phi[left_out] @ coef) ** 2)
    np.testing.assert_allclose(model.loo_error_, np.sqrt(np.mean(squares, axis=0)), rtol=1e-9, atol=1e-14)


def test_the_leave_one_out_error_estimates_the_error():
    problem = runge()
    ratios = []
    for seed in range(100):
        model = approximator(problem.basis, n_samples="4m", random_state=seed).fit_function(problem.function)
        ratios.append(model.loo_error_**2 / (problem.least * problem.ratio(model.coef_)))
    assert 0.7 < np.median(ratios) < 1.8


def test_an_interpolant_cannot_leave_a_point_out():
    model = approximator(design="dpp").fit_function(steep)
    assert len(model.design_) == 7
    assert model.loo_error_ == np.inf
    assert model.certificate_["leave-one-out error"].holds is None


def test_many_outputs_are_fitted_each_for_itself():
    both = approximator(PLANE).fit_function(two_outputs)
    assert both.coef_.shape == (2, 10)
    assert both.predict(np.zeros((3, 2))).shape == (3, 2)
    assert both.mean_.shape == both.variance_.shape == (2,)
    assert both.sobol_first_.shape == both.sobol_total_.shape == (2, 2)
    for output, function in enumerate([steep, lambda x: x[:, 0] ** 2]):
        single = approximator(PLANE).fit_function(function)
        np.testing.assert_allclose(both.coef_[output], single.coef_, atol=1e-14)
        assert both.mean_[output] == pytest.approx(single.mean_)
        np.testing.assert_allclose(both.sobol_total_[output], single.sobol_total_, atol=1e-13)


# Moments and Sobol indices


def test_ishigami():
    """Variance and indices of sin x_1 + a sin^2 x_2 + b x_3^4 sin x_1 for uniform angles."""
    a, b, pi = 7.0, 0.1, np.pi

    def ishigami(x):
        return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])

    basis = PolynomialBasis(n_dims=3, degree=12, bounds=(-pi, pi))
    model = approximator(basis, n_samples="1.5m").fit_function(ishigami)
    alone = np.array([0.5 * (1.0 + b * pi**4 / 5.0) ** 2, a**2 / 8.0, 0.0])
    together = b**2 * pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    variance = alone.sum() + together
    assert model.mean_ == pytest.approx(a / 2.0, abs=1e-3)
    assert model.variance_ == pytest.approx(variance, rel=1e-3)
    np.testing.assert_allclose(model.sobol_first_, alone / variance, atol=1e-3)
    np.testing.assert_allclose(model.sobol_total_, (alone + [together, 0.0, together]) / variance, atol=1e-3)


def test_sobol_g():
    """prod_j (|4 x_j - 2| + a_j) / (1 + a_j) on the unit cube, whose kinks polynomials approximate slowly."""
    a = np.array([0.0, 1.0, 9.0])
    basis = PolynomialBasis(n_dims=3, degree=16, bounds=(0.0, 1.0), index_set="hyperbolic_cross")
    model = approximator(basis, n_samples="3m")
    model.fit_function(lambda x: np.prod((np.abs(4.0 * x - 2.0) + a) / (1.0 + a), axis=1))
    parts = 1.0 / (3.0 * (1.0 + a) ** 2)
    variance = np.prod(1.0 + parts) - 1.0
    total = [parts[j] * np.prod(1.0 + np.delete(parts, j)) / variance for j in range(3)]
    assert model.mean_ == pytest.approx(1.0, abs=0.01)
    assert model.variance_ == pytest.approx(variance, rel=0.05)
    np.testing.assert_allclose(model.sobol_first_, parts / variance, atol=0.02)
    np.testing.assert_allclose(model.sobol_total_, total, atol=0.02)


def test_moments_of_polynomials_are_exact():
    """Of x + 2 z + 3 x z with x of mean 1 and variance 4, and z of a beta distribution."""
    model = approximator(MIXED).fit_function(lambda x: x[:, 0] + 2.0 * x[:, 1] + 3.0 * x[:, 0] * x[:, 1])
    mean, variance = np.array([1.0, 1.0]), np.array([4.0, 0.5])  # of 3 Beta(1, 2), whose mean is 1/3 and variance 1/18
    slopes = np.array([1.0 + 3.0 * mean[1], 2.0 + 3.0 * mean[0]])
    alone, together = slopes**2 * variance, 9.0 * variance.prod()
    assert model.mean_ == pytest.approx(1.0 + 2.0 + 3.0, abs=1e-11)
    assert model.variance_ == pytest.approx(alone.sum() + together, rel=1e-11)
    np.testing.assert_allclose(model.sobol_first_, alone / model.variance_, rtol=1e-11)
    np.testing.assert_allclose(model.sobol_total_, (alone + together) / model.variance_, rtol=1e-11)


def test_sines_vary_and_have_mean_zero():
    model = approximator(BASES["torus"], n_samples="3m")
    model.fit_function(lambda x: 5.0 + np.sin(2 * np.pi * x[:, 0]) + np.cos(2 * np.pi * x.sum(axis=1)))
    assert model.mean_ == pytest.approx(5.0, abs=1e-12)
    assert model.variance_ == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(model.sobol_first_, [0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(model.sobol_total_, [1.0, 0.5], atol=1e-12)


def test_a_constant_has_no_shares_of_variance():
    model = approximator(PolynomialBasis(n_dims=2, degree=0), n_samples=5).fit_function(lambda x: np.full(len(x), 3.0))
    assert model.mean_ == pytest.approx(3.0)
    assert model.variance_ == 0.0
    assert np.isnan(model.sobol_first_).all()
    assert np.isnan(model.sobol_total_).all()
    assert model.certificate_["smallest eigenvalue"].holds


def test_moments_belong_to_the_latest_fit():
    model = approximator().fit_function(steep)
    assert hasattr(model, "mean_")
    model.set_params(basis=Halves()).fit_function(lambda x: x[:, 0])
    for name in ("mean_", "variance_", "sobol_first_", "sobol_total_"):
        assert not hasattr(model, name)


# Evaluation, here and elsewhere


def norm_of(x):
    assert x.ndim == 1
    return float(np.exp(-np.sum(x**2)))


def pair_of(x):
    return [x[0], x[1] ** 2]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_one_point_at_a_time(n_jobs):
    model = approximator(PLANE).fit_function(norm_of, vectorized=False, n_jobs=n_jobs)
    together = approximator(PLANE).fit_function(lambda x: np.exp(-np.sum(x**2, axis=1)))
    np.testing.assert_allclose(model.coef_, together.coef_, atol=1e-14)
    assert approximator(PLANE).fit_function(pair_of, vectorized=False, n_jobs=n_jobs).coef_.shape == (2, 10)


def test_points_are_evaluated_in_parallel_in_other_processes():
    model = approximator(PLANE, n_samples="4m").fit_function(lambda x: os.getpid(), vectorized=False, n_jobs=2)
    assert model.mean_ != pytest.approx(os.getpid())


def test_the_function_is_called_once_with_all_points_and_may_overwrite_them():
    calls = []

    def function(x):
        calls.append(x.copy())
        x *= 0.0
        return steep(calls[-1])

    model = approximator(PLANE).fit_function(function)
    (points,) = calls
    np.testing.assert_array_equal(points, model.design_.points)
    np.testing.assert_array_equal(model.coef_, approximator(PLANE).fit_function(steep).coef_)


@pytest.mark.parametrize("design", DESIGNS)
def test_asking_and_telling_is_evaluating(design):
    model = approximator(PLANE, design=design)
    asked = model.ask()
    told = model.tell(steep(asked.points))
    assert told is model
    np.testing.assert_array_equal(model.coef_, approximator(PLANE, design=design).fit_function(steep).coef_)
    np.testing.assert_array_equal(model.design_.points, asked.points)


@pytest.mark.parametrize("design", DESIGNS)
def test_extension_keeps_all_that_was_told(design):
    model = approximator(PLANE, design=design).fit_function(steep)
    first = model.design_
    second = model.extend("2m")
    assert len(second) == 20
    np.testing.assert_array_equal(model.design_.points, first.points)  # until the values are told
    third = model.tell(steep(second.points)).extend(11)
    model.tell(steep(third.points))
    points = np.concatenate([first.points, second.points, third.points])
    weights = np.concatenate([first.weights, second.weights, third.weights])
    np.testing.assert_array_equal(model.design_.points, points)
    np.testing.assert_array_equal(model.design_.weights, weights)
    assert len(np.unique(points, axis=0)) == len(points)  # no stream of random numbers is used twice
    phi, roots = PLANE.resolved().features(points), np.sqrt(weights)
    np.testing.assert_allclose(model.coef_, np.linalg.lstsq(roots[:, None] * phi, roots * steep(points))[0], atol=1e-12)
    assert model.certificate_["points"].statistic == len(points)


def test_further_points_follow_the_design():
    kinds = {"volume": False, "christoffel": False, "iid": False}
    kinds |= {"repeated_dpp": True, "repeated_volume": True, "dpp": True}
    for design, is_determinantal in kinds.items():
        model = approximator(PLANE, design=design).fit_function(steep)
        further = model.extend("2m")
        assert (further.block >= 0).all() == is_determinantal
        np.testing.assert_allclose(further.weights, 1.0) if design == "iid" else None
    model = approximator(PLANE).fit_function(steep)
    assert model.tell(steep(model.extend("2m").points)).design_.block.tolist() == np.repeat(range(4), 10).tolist()


def test_extension_after_a_condition():
    model = approximator(LINE, delta=0.7).fit_function(steep)
    assert model.design_.conditioned is True
    assert model.lambda_min_ >= 0.3
    assert model.certificate_["smallest eigenvalue"].bound == pytest.approx(0.3)
    assert model.certificate_["designs drawn"].statistic == model.design_.n_drawn
    model.tell(steep(model.extend().points))
    assert model.design_.conditioned is None
    assert "designs drawn" not in [check.name for check in model.certificate_.checks]
    assert model.certificate_["smallest eigenvalue"].holds is (model.lambda_min_ >= 1.0 - 0.7)


def test_a_new_question_drops_the_old_one():
    model = approximator(PLANE)
    model.ask()
    asked = model.set_params(n_samples="3m").ask()
    assert len(model.tell(steep(asked.points)).design_) == 30
    model.extend("m")
    further = model.extend("2m")
    assert len(model.tell(steep(further.points)).design_) == 50


def test_parameters_that_change_while_values_are_away_do_not_count():
    model = approximator(PLANE)
    points = model.ask().points
    model.set_params(basis=LINE, design="iid")
    model.tell(steep(points))
    assert model.n_features_in_ == 2
    np.testing.assert_array_equal(model.coef_, approximator(PLANE).fit_function(steep).coef_)
    assert (model.extend().block >= 0).all()


def test_a_question_survives_storage():
    skops_io = pytest.importorskip("skops.io")
    model = approximator(PLANE)
    points = model.ask().points
    data = skops_io.dumps(model)
    copies = [pickle.loads(pickle.dumps(model)), skops_io.loads(data, skops_io.get_untrusted_types(data=data))]
    model.tell(steep(points))
    further = model.extend().points
    for twin in copies:
        np.testing.assert_array_equal(twin.tell(steep(points)).coef_, model.coef_)
        np.testing.assert_array_equal(twin.extend().points, further)


def test_questions_in_the_wrong_order():
    model = approximator(PLANE)
    with pytest.raises(ValueError, match="Call ask or extend first"):
        model.tell([1.0])
    with pytest.raises(ValueError, match="Call fit_function, or ask and tell, first"):
        model.extend()
    model.ask()
    with pytest.raises(ValueError, match="Call fit_function, or ask and tell, first"):
        model.extend()
    x = np.random.default_rng(0).uniform(-1, 1, size=(30, 2))
    model.fit(x, steep(x))
    with pytest.raises(ValueError, match="Call ask or extend first"):
        model.tell(np.ones(20))
    with pytest.raises(ValueError, match="Call fit_function, or ask and tell, first"):
        model.extend()
    model.fit_function(steep)
    with pytest.raises(ValueError, match="Call ask or extend first"):
        model.tell(np.ones(20))
    with pytest.raises(ValueError, match="n_samples"):
        model.extend(0)
    assert len(model.tell(steep(model.extend(3).points)).design_) == 23
    assert len(model.tell(steep(model.extend().points)).design_) == 33
    model.fit(x, steep(x))
    with pytest.raises(ValueError, match="Call fit_function, or ask and tell, first"):
        model.extend()


def test_random_states():
    def points(seed):
        return approximator(PLANE, random_state=seed).ask().points

    np.testing.assert_array_equal(points(5), points(5))
    np.testing.assert_array_equal(points(np.random.default_rng(5)), points(np.random.default_rng(5)))
    np.testing.assert_array_equal(points(np.random.RandomState(5)), points(np.random.RandomState(5)))
    assert not (points(5) == points(6)).any()
    assert not (points(None) == points(None)).any()
    for seed in (5, np.random.default_rng(5), np.random.RandomState(5), None):
        model = approximator(PLANE, random_state=seed).fit_function(steep)
        assert not np.isin(model.extend("2m").points, model.design_.points).any()


def test_the_design_of_a_seed_is_that_of_the_sampler():
    (rng,) = [np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0])]
    np.testing.assert_array_equal(
        approximator(PLANE, n_samples="3m", random_state=7).ask().points, RepeatedDPP(PLANE).sample("3m", rng).points
    )


# Functions and values that are not right


def nan_at_some(x):
    return np.where(x[:, 0] > 0.5, np.nan, 1.0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (nan_at_some, r"of 20 points \(rows \d+, .*\) have no finite value. The error holds points and values"),
        (lambda x: np.full(len(x), np.inf), r"20 of 20 points \(rows 0, 1, 2, 3, 4, ...\) have no finite value"),
        (lambda x: np.ones(len(x) + 1), r"for each of 20 points. Got an array of shape \(21,\)"),
        (lambda x: 1.0, r"for each of 20 points. Got an array of shape \(\)"),
        (lambda x: np.ones((len(x), 2, 2)), r"Got an array of shape \(20, 2, 2\)"),
        (lambda x: np.ones(len(x), dtype=complex), "must be real numbers. Got an array of type complex128"),
        (lambda x: ["high"] * len(x), "must be real numbers. Got an array of type <U4"),
        (lambda x: [None] * len(x), "have no finite value"),
        (lambda x: [object()] * len(x), "values must have a real number, or a vector of as many, for every point"),
        (lambda x: [[1.0], *[[1.0, 2.0]] * (len(x) - 1)], "values must have a real number, or a vector of as many"),
    ],
)
def test_functions_that_return_something_else(function, message):
    model = approximator(PLANE)
    with pytest.raises(ValueError, match=message):
        model.fit_function(function)
    assert vars(model) == vars(approximator(PLANE))


def test_the_point_of_a_bad_value_is_named():
    model = approximator(PLANE)
    points = model.ask().points
    values = steep(points)
    values[3] = np.nan
    with pytest.raises(ValueError) as caught:
        model.tell(values)
    assert f"1 of 20 values that are needed are NaN or infinite: those of point {points[3].tolist()}." in str(
        caught.value
    )
    model.tell(steep(points))  # the question is still there


def test_errors_of_the_function_are_passed_on():
    def broken(x):
        raise ZeroDivisionError("the simulator is down")

    model = approximator(PLANE).fit_function(steep)
    before = dict(vars(model))
    with pytest.raises(ZeroDivisionError, match="the simulator is down"):
        model.fit_function(broken)
    assert all(vars(model)[name] is value for name, value in before.items())


def test_values_of_other_kinds_are_numbers_too():
    points = approximator(PLANE).ask().points
    expected = approximator(PLANE).fit_function(lambda x: np.round(5 * x[:, 0])).coef_
    for values in (
        pd.Series(np.round(5 * points[:, 0])),
        np.round(5 * points[:, 0]).astype(int),
        np.round(5 * points[:, 0]).astype(object),
        np.round(5 * points[:, 0]).astype(np.float32).tolist(),
    ):
        model = approximator(PLANE)
        model.ask()
        np.testing.assert_allclose(model.tell(values).coef_, expected, atol=1e-14)


def test_a_column_of_values_is_a_vector():
    model, expected = approximator(PLANE), approximator(PLANE).fit_function(steep).coef_
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model.fit_function(lambda x: steep(x)[:, None])
    np.testing.assert_array_equal(model.coef_, expected)
    x = np.random.default_rng(0).uniform(-1, 1, size=(30, 2))
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model.fit(x, steep(x)[:, None])
    assert model.coef_.shape == (10,)


def test_further_values_are_like_the_earlier_ones():
    model = approximator(PLANE).fit_function(two_outputs)
    points = model.extend().points
    with pytest.raises(ValueError, match=r"like the earlier ones, of shape \(20, 2\). Got \(10,\)"):
        model.tell(steep(points))
    assert model.tell(two_outputs(points)).coef_.shape == (2, 10)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"design": "sobol"}, "'design' parameter"),
        ({"n_samples": 9}, "n_samples=9 is smaller than the dimension of the approximation space m=10"),
        ({"n_samples": 0.5}, "there is no pool"),
        ({"n_samples": "a lot"}, "no multiple"),
        ({"n_samples": 0}, "'n_samples' parameter"),
        ({"delta": 1.0}, "'delta' parameter"),
        ({"basis": "legendre"}, "'basis' parameter"),
        ({"weights": "optimal"}, "'weights' parameter"),
        ({"design": "dpp", "n_samples": "2m"}, "exactly m=10 points"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        approximator(**{"basis": PLANE, **parameters}).fit_function(steep)


def test_a_basis_must_know_its_dimensions():
    with pytest.raises(NotFittedError, match="Give n_dims, or call fit"):
        approximator(PolynomialBasis(degree=2)).ask()


# Given data


def test_default_sizes():
    assert len(approximator(PLANE, design="dpp").ask()) == 10
    for design in ("repeated_dpp", "volume", "christoffel", "iid"):
        assert len(approximator(PLANE, design=design).ask()) == 20


@pytest.mark.parametrize("weights", ["christoffel", "uniform"])
def test_given_data_are_weighted_as_the_density_says(rng, weights):
    x = rng.uniform(-1, 1, size=(40, 2))
    model = approximator(PLANE, weights=weights).fit(x, steep(x))
    phi = PLANE.resolved().features(x)
    w = 10.0 / np.sum(phi**2, axis=1) if weights == "christoffel" else np.ones(40)
    np.testing.assert_allclose(model.design_.weights, w, rtol=1e-12)
    expected = np.linalg.lstsq(np.sqrt(w)[:, None] * phi, np.sqrt(w) * steep(x))[0]
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-9)
    assert model.lambda_min_ == pytest.approx(np.linalg.eigvalsh((w[:, None] * phi).T @ phi / 40)[0], rel=1e-9)


def test_points_of_another_density(rng):
    """Weights of any scale are those of the measure over the density."""
    x = rng.beta(2.0, 2.0, size=(400, 1))
    basis = PolynomialBasis(n_dims=1, degree=3, bounds=(0.0, 1.0))
    weights = 1.0 / (6.0 * x[:, 0] * (1.0 - x[:, 0]))
    models = [
        approximator(basis, weights="uniform").fit(x, steep(x), sample_weight=scale * weights) for scale in (1.0, 1e6)
    ]
    roots, phi = np.sqrt(weights), basis.resolved().features(x)
    expected = np.linalg.lstsq(roots[:, None] * phi, roots * steep(x))[0]
    for model in models:
        np.testing.assert_allclose(model.coef_, expected, rtol=1e-9)
        assert model.lambda_min_ == pytest.approx(models[0].lambda_min_, rel=1e-10)
        assert model.loo_error_ == pytest.approx(models[0].loo_error_, rel=1e-10)


@pytest.mark.parametrize("weights", ["christoffel", "uniform"])
def test_weights_of_given_data_repeat_rows(rng, weights):
    x, counts = rng.uniform(-1, 1, size=(40, 2)), rng.integers(4, size=40)
    y = steep(x) + rng.normal(size=40)
    weighted = approximator(PLANE, weights=weights).fit(x, y, sample_weight=counts)
    repeated = approximator(PLANE, weights=weights).fit(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9)
    assert weighted.lambda_min_ == pytest.approx(repeated.lambda_min_, rel=1e-9)
    assert len(weighted.design_) == np.count_nonzero(counts)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ExtrapolationWarning")
def test_sklearn_weights_check_with_as_many_functions_as_rows_allow():
    check_sample_weight_equivalence_on_dense_data("approximator", approximator(PolynomialBasis(degree=0)))


def test_far_points_of_given_data(rng):
    """Features at 60 overflow for degree 999, weighted ones do not."""
    basis = PolynomialBasis("hermite", n_dims=1, degree=999)
    x = RepeatedDPP(basis).sample("2m", rng).points
    y = 1.0 + x[:, 0]
    model = approximator(basis).fit(x, y)
    np.testing.assert_allclose(model.coef_[:2], 1.0, atol=1e-10)
    np.testing.assert_allclose(model.coef_[2:], 0.0, atol=1e-10)
    with pytest.raises(ValueError, match="overflow there"):
        approximator(basis, weights="uniform").fit(x, y)
    with pytest.raises(ValueError, match="exceed the largest float"):
        model.predict(np.full((1, 1), 60.0))


def test_columns_and_ranges_of_given_data_settle_the_basis(rng):
    x = rng.uniform(2.0, 5.0, size=(60, 3))
    y = np.log(x.sum(axis=1))
    model = approximator(PolynomialBasis(degree=2), weights="uniform").fit(x, y)
    assert model.n_features_in_ == 3
    assert model.basis_.families[0].bounds == (x[:, 0].min(), x[:, 0].max())
    assert model.score(x, y) > 0.99


def test_points_outside_the_support_are_extrapolated_with_a_warning(rng):
    model = approximator(PLANE).fit_function(lambda x: x[:, 0] * x[:, 1] ** 2)
    with pytest.warns(ExtrapolationWarning, match=r"2 of 3 points \(rows 0, 2\) outside the support"):
        values = model.predict([[2.0, 0.5], [0.5, 0.5], [0.0, -3.0]])
    np.testing.assert_allclose(values, [0.5, 0.125, 0.0], atol=1e-11)
    x = rng.uniform(-1.5, 1.5, size=(50, 2))
    with pytest.warns(ExtrapolationWarning, match="outside the support"):
        approximator(PLANE).fit(x, steep(x))


def test_points_that_do_not_determine_the_fit():
    x = np.tile([[0.1, 0.2], [0.3, -0.5]], (10, 1))
    model = approximator(PLANE)
    with pytest.warns(RankDeficientWarning, match="determine the fit in 2 of m=10 dimensions only"):
        model.fit(x, steep(x))
    np.testing.assert_allclose(model.predict(x), steep(x), rtol=1e-9)
    assert model.lambda_min_ == pytest.approx(0.0, abs=1e-12)
    assert model.certificate_.holds is False


@pytest.mark.parametrize("n_samples", [1, 9])
def test_too_few_given_points(rng, n_samples):
    x = rng.uniform(-1, 1, size=(n_samples, 2))
    with pytest.raises(ValueError, match=f"n_samples={n_samples}, .* smaller than the dimension .* m=10"):
        approximator(PLANE).fit(x, steep(x))
    x = rng.uniform(-1, 1, size=(20, 2))
    with pytest.raises(ValueError, match="n_samples=5, the number of points with a weight"):
        approximator(PLANE).fit(x, steep(x), sample_weight=np.arange(20) < 5)


def test_bad_given_data(rng):
    x = rng.uniform(-1, 1, size=(30, 2))
    y = steep(x)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="(?i)nan|infinity"):
            approximator(PLANE).fit(np.where(x == x[3, 1], bad, x), y)
        with pytest.raises(ValueError, match="(?i)nan|infinity"):
            approximator(PLANE).fit(x, np.where(y == y[3], bad, y))
    days = np.datetime64("2024-01-01") + np.arange(30)
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations"):
        approximator(PLANE).fit(x, days)
    with pytest.raises(TypeError, match="values must be numbers. Got dates or durations"):
        approximator(PLANE).fit_function(lambda x: days[: len(x)])
    with pytest.raises(ValueError, match="X has 3 columns, but the parameters declare 2 dimensions"):
        approximator(PLANE).fit(np.column_stack([x, y]), y)
    with pytest.raises(ValueError, match="X must have 1 columns"):
        approximator(Halves()).fit(x, y)
    with pytest.raises(ValueError, match="(?i)negative"):
        approximator(PLANE).fit(x, y, sample_weight=-np.ones(30))
    with pytest.raises(ValueError, match="non-zero"):
        approximator(PLANE).fit(x, y, sample_weight=np.zeros(30))


# Bases of the user


@pytest.mark.parametrize("design", DESIGNS)
def test_a_basis_of_the_user(design):
    model = approximator(Halves(), design=design, n_samples=None if design == "dpp" else 8)
    model.fit_function(lambda x: np.where(x[:, 0] < 0.5, 3.0, 7.0))
    np.testing.assert_allclose(model.predict([[0.2], [0.9]]), [3.0, 7.0], rtol=1e-12)
    np.testing.assert_allclose(model.coef_, np.array([3.0, 7.0]) / np.sqrt(2.0), rtol=1e-12)
    twin = pickle.loads(pickle.dumps(clone(model)))
    assert twin.ask().points.shape == model.design_.points.shape


class Doubled(Halves):
    def scaled_features(self, X):
        rows, log_scale = super().scaled_features(X)
        return 2.0 * rows, log_scale


def test_a_basis_of_the_user_is_checked_if_asked():
    model = approximator(Halves(), validate_basis=True).fit_function(steep)
    np.testing.assert_array_equal(model.coef_, approximator(Halves()).fit_function(steep).coef_)
    approximator(Doubled()).ask()
    with pytest.raises(ValueError, match="functions of Doubled are not orthonormal, or sample_induced"):
        approximator(Doubled(), validate_basis=True).ask()


def test_periodic_functions():
    def wave(x):
        return np.exp(np.sin(2 * np.pi * x[:, 0] / 24.0))

    model = approximator(FourierBasis(degree=8, bounds=[(0.0, 24.0)]), n_samples="1.5m").fit_function(wave)
    x = np.linspace(-24.0, 48.0, 100)[:, None]
    np.testing.assert_allclose(model.predict(x), wave(x), atol=1e-6)


# Certificates


def test_the_certificate_says_what_was_computed():
    model = approximator(LINE, n_samples="4m").fit_function(steep)
    certificate = model.certificate_
    assert certificate.holds is True
    assert certificate["smallest eigenvalue"].statistic == model.lambda_min_
    assert certificate["smallest eigenvalue"].bound == 0.1
    assert certificate["condition number"].statistic == model.condition_number_
    assert certificate["leave-one-out error"].statistic == model.loo_error_
    values, weights = steep(model.design_.points), model.design_.weights
    spread = np.sqrt(np.mean(weights * (values - np.average(values, weights=weights)) ** 2))
    assert certificate["leave-one-out error"].bound == pytest.approx(spread, rel=1e-12)
    assert certificate["points"].statistic == 28
    assert "at most 10 times" in certificate.claim


def test_the_claim_is_true(rng):
    """Mean squares over the measure are at most 1 / lambda_min times the weighted ones at the points."""
    for design in DESIGNS:
        model = approximator(MIXED, design=design).fit_function(steep)
        coefs = np.vstack([rng.normal(size=(100, 15)), np.linalg.svd(model.design_.features)[2]])
        at_points = np.sum((model.design_.features @ coefs.T) ** 2, axis=0)
        ratios = np.sum(coefs**2, axis=1) / at_points
        assert ratios.max() == pytest.approx(1.0 / model.lambda_min_, rel=1e-6)


def test_a_certificate_fails_where_it_should():
    rng = np.random.default_rng(0)  # noise may look like a function by chance
    assert approximator(LINE, design="iid", n_samples="m").fit_function(steep).certificate_.holds is False
    model = approximator(LINE, n_samples="3m")
    points = model.ask().points
    noise = model.tell(rng.normal(size=len(points)))
    assert noise.certificate_["smallest eigenvalue"].holds
    assert noise.certificate_["leave-one-out error"].holds is False
    assert noise.certificate_.holds is False


def test_the_factor_is_the_one_that_is_proved():
    def factor(**parameters):
        return approximator(LINE, **parameters).fit_function(steep).certificate_["expected error factor"].statistic

    assert factor(design="dpp") == factor(design="volume", n_samples="3m") == 8.0
    assert factor() == factor(design="christoffel") == pytest.approx(1.0 + 0.5 / 0.1**2)
    assert factor(n_samples="4m", delta=0.5) is None
    assert factor(design="iid") is None
    model = approximator(LINE, design="dpp").fit_function(steep)
    model.tell(steep(model.extend("3m").points))
    assert model.certificate_["expected error factor"].statistic == pytest.approx(1.0 + 0.25 / 0.1**2)
    x = model.design_.points
    assert model.fit(x, steep(x)).certificate_["expected error factor"].statistic is None


@pytest.mark.parametrize("design", ["repeated_dpp", "christoffel"])
def test_errors_of_stable_draws_stay_within_the_factor(design):
    problem, bound = runge(), 0.3
    errors = []
    for seed in range(150):
        model = approximator(problem.basis, design=design, n_samples="2.5m", random_state=seed)
        model.fit_function(problem.function)
        errors.append(problem.ratio(model.coef_) if model.lambda_min_ >= bound else 0.0)
    assert np.mean(errors) < 1.0 + 0.4 / bound**2


# scikit-learn


def test_degrees_are_chosen_by_cross_validation(rng):
    x = rng.uniform(-1, 1, size=(120, 2))
    y = 1.0 + x[:, 0] ** 3 - x[:, 0] * x[:, 1] ** 2 + 0.05 * rng.normal(size=120)
    search = GridSearchCV(
        approximator(PolynomialBasis(n_dims=2), weights="uniform"), {"basis__degree": [1, 2, 3, 6]}, cv=5
    ).fit(x, y)
    assert search.best_params_ == {"basis__degree": 3}
    assert search.best_score_ > 0.9


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ExtrapolationWarning")
def test_in_a_pipeline(rng):
    frame = pd.DataFrame(rng.gamma(2.0, size=(150, 2)), columns=["pressure", "temperature"])
    y = np.log1p(frame["pressure"] * frame["temperature"])
    model = make_pipeline(
        MinMaxScaler((-1.0, 1.0)).set_output(transform="pandas"), approximator(PLANE, weights="uniform")
    )
    assert model.fit(frame, y).score(frame, y) > 0.9
    assert model[-1].feature_names_in_.tolist() == ["pressure", "temperature"]
    model[-1].fit_function(steep)
    assert not hasattr(model[-1], "feature_names_in_")
    assert model[-1].predict(np.zeros((1, 2))).shape == (1,)


def test_refit_clone_and_pickle(rng):
    model = approximator(PLANE).fit_function(steep)
    first = model.coef_.copy()
    twin = pickle.loads(pickle.dumps(model))
    x = rng.uniform(-1, 1, size=(20, 2))
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert twin.certificate_ == model.certificate_
    np.testing.assert_array_equal(model.fit_function(steep).coef_, first)
    assert not [name for name in vars(clone(model)) if name.endswith("_") or name.startswith("_")]
    with pytest.raises(NotFittedError):
        clone(model).predict(x)


# Evaluations that fail, and points that are moved


def test_points_that_failed_are_left_out_and_may_be_added_to():
    model = approximator(LINE, n_samples="4m")
    points = model.ask().points
    ok = points[:, 0] < 0.9
    assert not ok.all()
    with pytest.raises(ValueError, match=r"tell\(values, points=...\)"):
        model.tell(np.where(ok, steep(points), np.nan))
    model.tell(steep(points[ok]), points=points[ok])
    given = approximator(LINE, weights="christoffel").fit(points[ok], steep(points[ok]))
    np.testing.assert_allclose(model.coef_, given.coef_, rtol=1e-10)
    factor = model.certificate_["expected error factor"]
    assert (factor.statistic, factor.detail) == (None, "none is proved")
    assert any("left out or moved" in assumption for assumption in model.certificate_.assumptions)
    more = model.extend("m")
    assert len(model.tell(steep(more.points)).design_) == ok.sum() + 7
    assert any("left out or moved" in assumption for assumption in model.certificate_.assumptions)
    model.ask()
    model.tell(steep(points))
    assert not any("left out or moved" in assumption for assumption in model.certificate_.assumptions)


def test_points_that_were_rounded_have_the_weights_of_where_they_are():
    model = approximator(LINE, design="iid", n_samples="4m")
    rounded = model.ask().points.round(1)
    model.tell(steep(rounded), points=rounded)
    np.testing.assert_array_equal(model.design_.weights, 1.0)
    np.testing.assert_array_equal(model.design_.points, rounded)


def test_the_points_asked_for_are_not_moved():
    model = approximator(LINE)
    points = model.ask().points.copy()
    assert model.tell(steep(points), points=points).certificate_["expected error factor"].statistic is not None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_no_value_is_lost_when_an_evaluation_fails(n_jobs):
    def fragile(x):
        if x[0] > 0.5:
            raise ArithmeticError("diverged")
        return steep(x[None])[0]

    model = approximator(LINE, n_samples="4m")
    with pytest.raises(EvaluationError, match="ArithmeticError: diverged") as raised:
        model.fit_function(fragile, vectorized=False, n_jobs=n_jobs)
    points, values = raised.value.points, raised.value.values
    np.testing.assert_array_equal(points, model.ask().points)
    np.testing.assert_array_equal(values, np.where(points[:, 0] > 0.5, np.nan, steep(points)))
    assert not hasattr(model, "coef_")


def test_values_of_a_vectorized_function_are_kept_too():
    model = approximator(LINE, n_samples="4m")
    with pytest.raises(EvaluationError) as raised:
        model.fit_function(lambda x: np.where(x[:, 0] > 0.5, np.inf, 1.0)[:, None] * [1.0, 2.0])
    assert raised.value.values.shape == (28, 2)
    copy = pickle.loads(pickle.dumps(raised.value))
    np.testing.assert_array_equal(copy.values, raised.value.values)


def test_callbacks_are_told_of_evaluations():
    told = []

    class Listener:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **shown):
            pass

        def on_fit_task_end(self, estimator, context, **shown):
            told.append(context.task_name)

    model = approximator(LINE).set_callbacks(Listener())
    model.fit_function(lambda x: steep(x[None])[0], vectorized=False)
    assert told.count("evaluation") == 14


# What a certificate owes to several outputs, to the design, and to constants


def test_every_output_has_an_error_of_its_own(rng):
    model = approximator(LINE, n_samples="4m")
    points = model.ask().points
    values = np.column_stack([1e6 * steep(points), rng.normal(size=len(points))])
    model.tell(values)
    alone = [approximator(LINE, n_samples="4m").fit(points, column).loo_error_ for column in values.T]
    np.testing.assert_allclose(model.loo_error_, alone, rtol=1e-9)
    check = model.certificate_["leave-one-out error"]
    assert check.holds is False
    assert check.statistic == model.loo_error_[1]
    assert "output 1" in check.detail


def test_a_constant_has_no_shares_and_no_prediction_to_judge():
    model = approximator(MIXED).fit_function(lambda x: np.full(len(x), 3.0))
    assert np.isnan(model.sobol_first_).all()
    assert np.isnan(model.sobol_total_).all()
    assert model.certificate_["leave-one-out error"].holds is None


@pytest.mark.parametrize(
    ("design", "delta", "factor", "detail"),
    [
        ("dpp", None, 8.0, "of the least mean squared error, on average over designs"),
        ("volume", None, 8.0, "of the least mean squared error, on average over designs"),
        ("repeated_dpp", None, 51.0, "below the bound count as 0"),
        ("repeated_volume", None, 51.0, "below the bound count as 0"),
        ("repeated_dpp", 0.9, None, "1 + 50 over the chance"),
        ("volume", 0.9, None, "1 + 50 over the chance"),
        ("iid", None, None, "none is proved"),
        ("iid", 0.99, None, "none is proved"),
    ],
)
def test_what_is_proved_of_each_design(design, delta, factor, detail):
    check = approximator(LINE, design=design, delta=delta).fit_function(steep).certificate_["expected error factor"]
    assert check.statistic == (factor and pytest.approx(factor))
    assert detail in check.detail


def test_nothing_is_proved_of_a_design_below_the_bound():
    model = approximator(LINE, design="christoffel", n_samples="m")
    for seed in range(50):
        certificate = model.set_params(random_state=seed).fit_function(steep).certificate_
        if not certificate["smallest eigenvalue"].holds:
            break
    assert certificate["smallest eigenvalue"].holds is False
    assert certificate["expected error factor"].statistic is None


def test_weights_of_the_wrong_density_are_noticed(rng):
    points = rng.uniform(-1, 1, size=(400, 2))
    basis = PolynomialBasis(degree=6, n_dims=2)
    values = np.exp(points[:, 0])
    assert approximator(basis).fit(points, values).certificate_["weights of the points"].holds is False
    uniform = approximator(basis, weights="uniform").fit(points, values).certificate_
    assert "weights of the points" not in [check.name for check in uniform.checks]
    drawn = ChristoffelSampler(basis).sample(400, rng).points
    assert approximator(basis).fit(drawn, values).certificate_["weights of the points"].holds is True
    assert approximator(basis).fit(drawn[:39], values[:39]).certificate_["weights of the points"].holds is None
