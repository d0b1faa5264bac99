"""Defects that users could meet; each test says what they saw."""

import math
import warnings

import numpy as np
import pytest
from scipy.special import gammainc

from statlearn.design import (
    DPPLeastSquares,
    FourierBasis,
    Laguerre,
    OrthonormalBasis,
    PolynomialBasis,
    PoolDPPSampler,
    RepeatedDPP,
    WeightedLeastSquaresApproximator,
    induced_cdf,
    induced_ppf,
    recommended_n_samples,
)
from statlearn.exceptions import RankDeficientWarning

LINE = PolynomialBasis(n_dims=1, degree=4)
PLANE = PolynomialBasis(n_dims=2, degree=4)


def wave(x):
    return np.exp(x[:, 0]) * np.sin(3.0 * x[:, 1])


class Halves(OrthonormalBasis):
    """Indicators of the two halves of the unit interval."""

    n_dims, n_output_features_ = 1, 2

    def scaled_features(self, X):
        right = np.asarray(X) >= 0.5
        return np.sqrt(2.0) * np.hstack([~right, right]), np.zeros(len(right))

    def sample_measure(self, n, rng):
        return rng.uniform(size=(n, 1))

    def sample_induced(self, n, rng):
        return rng.uniform(size=(n, 1))


# wrong numbers


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.RankDeficientWarning")
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_dependent_columns_of_very_different_scales_are_fitted(fit_intercept):
    """Labels that are exactly linear were predicted with errors of several standard deviations, and no warning of it,
    if two columns were equal and another one small. The same pool without the copy was fitted exactly."""
    a, b = np.random.default_rng(0).normal(size=(2, 200))
    X, y = np.column_stack([1e10 * a, 1e10 * a, 1e-10 * b]), a + b
    model = DPPLeastSquares(fit_intercept=fit_intercept, random_state=0).fit(X, y)
    assert model.rank_ == 2 + fit_intercept
    np.testing.assert_allclose(model.predict(X), y, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_sobol_indices_do_not_depend_on_the_unit_of_the_values(scale):
    """Indices were NaN, in silence for small values, though all coefficients were right."""

    def fit(unit):
        model = WeightedLeastSquaresApproximator(PLANE, random_state=0)
        return model.fit_function(lambda x: unit * wave(x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of an overflow, which there should not be either
        model = fit(scale)
    np.testing.assert_allclose(model.coef_ / scale, fit(1.0).coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.sobol_first_, fit(1.0).sobol_first_, rtol=1e-9)
    np.testing.assert_allclose(model.sobol_total_, fit(1.0).sobol_total_, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_leave_one_out_errors_have_the_unit_of_the_values(scale):
    """The error of labels of order 1e-200 was stated as 0, and the certificate held; that of 1e200 as infinite."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = X.sum(axis=1) + rng.normal(size=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        model = DPPLeastSquares("3m", random_state=0).fit(X, scale * y)
    expected = DPPLeastSquares("3m", random_state=0).fit(X, y).loo_error_
    assert float(model.loo_error_) / scale == pytest.approx(float(expected))


@pytest.mark.parametrize(("criterion", "factor"), [("lambda_min", 1.0), ("spectral", 2.0)])
def test_small_deltas_need_many_points(criterion, factor):
    """A negative number of points was recommended: both constants are delta^2 / 2 for small delta, lost by rounding."""
    delta, m = 1e-8, 10
    expected = 2.0 * m * math.log(factor * m / 0.01) / delta**2
    assert recommended_n_samples(m, delta=delta, criterion=criterion) == pytest.approx(expected, rel=1e-6)


def test_chances_below_the_smallest_normal_float_need_finitely_many_points():
    """``eta=1e-320`` was an OverflowError about an infinity."""
    c = 0.9 + 0.1 * math.log(0.1)
    assert recommended_n_samples(10, eta=1e-320) == math.ceil(10 * (math.log(10) - math.log(1e-320)) / c)


@pytest.mark.parametrize("function", [induced_cdf, induced_ppf])
def test_degrees_beyond_int64_are_refused(function):
    """2^63 became a negative degree, and the distribution of the measure itself was returned."""
    with pytest.raises(ValueError, match="degree"):
        function(0.3, 2**63)


@pytest.mark.parametrize(("shape", "error"), [(1e3, 1e-12), (1e6, 1e-9)])
def test_induced_distribution_of_a_gamma_distribution_with_a_large_shape(shape, error):
    """The error was 2e-10 for a shape of a million, where some roundings were promised: logarithms of 1e7 cancel. The
    docstring states it now."""
    t = shape + np.array([-2.0, -1.0, 0.5, 1.3]) * np.sqrt(shape)
    flux = shape * (gammainc(shape, t) - gammainc(shape + 1.0, t))  # t times the density
    expected = gammainc(shape, t) + flux * (shape - 1.0 - t) / shape  # (t - shape)^2 / shape, by parts
    np.testing.assert_allclose(induced_cdf(t, 1, Laguerre(alpha=shape - 1.0)), expected, rtol=0.0, atol=error)


# bad input in silence, or crashes that do not say why


class NotANumber(Halves):
    """NaN at one point in a hundred."""

    def scaled_features(self, X):
        features, log_scale = super().scaled_features(X)
        return np.where(np.asarray(X) < 0.01, np.nan, features), log_scale


class Vanishing(Halves):
    """All functions are 0 at one point in five hundred, where no point can be drawn from k / m."""

    def scaled_features(self, X):
        features, log_scale = super().scaled_features(X)
        return np.where(np.asarray(X) < 0.002, 0.0, features), log_scale


@pytest.mark.parametrize("basis", [NotANumber(), Vanishing()], ids=["nan", "zero"])
def test_the_check_of_a_basis_finds_values_that_are_no_numbers(basis):
    """``validate_basis=True`` passed the basis, since NaN is not larger than what is allowed."""
    model = WeightedLeastSquaresApproximator(basis, validate_basis=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match="orthonormal|finite|sample_induced"):
            model.ask()


class OtherMeasure(Halves):
    """The measure is not the one for which the functions are orthonormal."""

    def sample_measure(self, n, rng):
        return rng.uniform(size=(n, 1)) ** 3


def test_the_check_of_a_basis_covers_the_measure_that_points_come_from():
    """With ``design="iid"`` points come from ``sample_measure`` alone, which the check never called."""
    model = WeightedLeastSquaresApproximator(OtherMeasure(), design="iid", validate_basis=True, random_state=0)
    with pytest.raises(ValueError, match="sample_measure|orthonormal"):
        model.ask()


class Miscounted(Halves):
    """Two functions that are said to be three."""

    n_output_features_ = 3


@pytest.mark.parametrize("design", ["iid", "christoffel", "repeated_dpp"])
def test_a_basis_has_as_many_columns_as_it_says(design):
    """Independent designs were fitted with weights for three functions; the others failed in a product of matrices."""
    model = WeightedLeastSquaresApproximator(Miscounted(), design=design, n_samples=9, random_state=0)
    with pytest.raises(ValueError, match="n_output_features_|columns"):
        model.fit_function(lambda x: x[:, 0])


def test_parameters_of_a_basis_that_was_fitted_are_not_ignored():
    """``set_params(basis__degree=5)`` changed nothing in `fit_function`, though it did in `fit`, if the basis had been
    fitted before."""
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    model = WeightedLeastSquaresApproximator(PolynomialBasis(n_dims=1, degree=2).fit(x), random_state=0)
    model.set_params(basis__degree=5)
    assert len(model.fit(x, x[:, 0]).coef_) == 6
    assert len(model.fit_function(lambda x: x[:, 0]).coef_) == 6


def test_large_sample_weights_are_weights_on_any_scale():
    """The mean of the weights overflowed, all features became 0, and the error was about a check of a certificate."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, size=(60, 2))
    model = WeightedLeastSquaresApproximator(PLANE, weights="uniform")
    expected = model.fit(X, wave(X), sample_weight=np.full(60, 1.0)).coef_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        coef = model.fit(X, wave(X), sample_weight=np.full(60, 1e308)).coef_
    np.testing.assert_allclose(coef, expected, rtol=1e-9)


def test_values_of_no_output_are_refused():
    """A function that returned an array of shape (n, 0) gave a fit with NaN in its certificate."""
    model = WeightedLeastSquaresApproximator(PLANE, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match="value"):
            model.fit_function(lambda x: np.empty((len(x), 0)))


def test_masked_values_are_not_values():
    """What lies under the mask, here labels that are known to be missing, was fitted."""
    X = np.random.default_rng(0).normal(size=(50, 2))
    labels = np.ma.masked_array(X.sum(axis=1), mask=True)
    with pytest.raises((TypeError, ValueError), match="mask|NaN"):
        DPPLeastSquares(random_state=0).fit(X, labels)
    with pytest.raises((TypeError, ValueError), match="mask|NaN|finite"):
        WeightedLeastSquaresApproximator(PLANE).fit_function(lambda x: np.ma.masked_greater(wave(x), 0.0))


@pytest.mark.parametrize("basis", [PolynomialBasis, FourierBasis])
def test_absurd_degrees_are_refused_before_memory_is_asked_for(basis):
    """A MemoryError, or with a degree of 10^9 a machine that swaps, in place of the error about too many members."""
    with pytest.raises(ValueError, match="degree"):
        basis(n_dims=1, degree=10**15).resolved()


@pytest.mark.parametrize("parameters", [{"mixing": 1.5}, {"design": "boosted"}, {"algorithm": "typo"}])
def test_parameters_of_a_pool_are_checked_when_they_are_used(parameters):
    """After `fit`, a share of 1.5 gave rows from one density and weights of another, an unknown algorithm was taken for
    "rejection", and an unknown design was a KeyError."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    sampler = PoolDPPSampler("christoffel", random_state=0).fit(X).set_params(**parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        sampler.sample()


def test_a_function_that_is_none_is_named():
    """``'NoneType' object is not callable``, after a design had been drawn."""
    with pytest.raises((TypeError, ValueError), match=r"\bf\b"):
        WeightedLeastSquaresApproximator(PLANE).fit_function(None)


@pytest.mark.parametrize("bounds", [("a", "b"), [["a", 1.0]]])
def test_bounds_that_are_no_numbers_are_named(bounds):
    """``could not convert string to float: 'a'``."""
    with pytest.raises((TypeError, ValueError), match="bounds"):
        PolynomialBasis(n_dims=len(bounds), bounds=bounds).resolved()


def test_random_states_of_samplers_are_named():
    """``'a' cannot be used to seed a numpy.random.RandomState instance`` says not which argument is meant."""
    pool = PoolDPPSampler().fit(np.random.default_rng(0).normal(size=(50, 3)))
    for sampler in (RepeatedDPP(LINE), pool):
        with pytest.raises((TypeError, ValueError), match="random_state"):
            sampler.sample(random_state="a")


def test_a_declared_basis_has_names_before_it_is_fitted():
    """`transform` worked without `fit`, but not if its output was to be a table."""
    X = np.random.default_rng(0).uniform(-1.0, 1.0, size=(5, 2))
    plain = PolynomialBasis(n_dims=2).transform(X)
    table = PolynomialBasis(n_dims=2).set_output(transform="pandas").transform(X)
    np.testing.assert_array_equal(table, plain)


@pytest.mark.parametrize("weights", [2.0, np.r_[-1.0, np.ones(9)], np.zeros(10)], ids=["scalar", "negative", "zeros"])
def test_other_weights_of_a_design_are_checked(weights):
    """A number gave a design with a single log weight, and others an error about functions that overflow."""
    design = RepeatedDPP(LINE).sample("2m", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match="weights must"):
            design.reweighted(weights)


# certificates that say more than is true


def test_noise_around_a_large_constant_is_not_predicted():
    """The certificate of a fit to pure noise held, with a bound nine times the spread of the values: the spread was
    raised to 1e-10 of their size, a million times what rounding leaves."""
    rng = np.random.default_rng(3)
    model = WeightedLeastSquaresApproximator(LINE, n_samples="3m", random_state=0)
    model.fit_function(lambda x: rng.normal(size=len(x)) + 1e11)
    check = model.certificate_["leave-one-out error"]
    assert check.statistic > 1.3  # the spread is 1.17, and rounding matters in the fifth digit
    assert check.holds is not True
    assert not model.certificate_


def test_an_output_that_is_noise_is_not_hidden_by_another():
    """The certificate said that left-out points are predicted, where one of two outputs was noise in a smaller unit."""
    rng = np.random.default_rng(3)
    model = WeightedLeastSquaresApproximator(PLANE, n_samples="3m", random_state=0)
    model.fit_function(lambda x: np.column_stack([1e6 * x[:, 0], rng.normal(size=len(x))]))
    assert not model.certificate_


def test_no_factor_is_stated_for_a_fit_that_drops_directions():
    """With ``rcond`` the certificate stated the factor of plain least squares. Labels here are linear, so that the
    least error is 0, whatever the factor, and that of the fit is not."""
    X = np.random.default_rng(0).normal(size=(500, 4))
    y = X @ np.ones(4)
    with pytest.warns(RankDeficientWarning):
        model = DPPLeastSquares("4m", rcond=0.9, random_state=0).fit(X, y)
    assert model.certificate_["smallest eigenvalue"].holds  # so that the draw counts
    assert np.mean((model.predict(X) - y) ** 2) > 0.1
    assert model.certificate_["expected error factor"].statistic is None


ANGLES = np.deg2rad([0.0, 60.0, 120.0, 15.0, 105.0])
PLACES = np.sqrt(2.0) * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
CHANCES = np.array([4.0, 4.0, 4.0, 1.5, 1.5]) / 15.0


class FivePlaces(OrthonormalBasis):
    """Two functions on five places, of which the last two, which are rare, alone are orthogonal."""

    n_dims, n_output_features_ = 1, 2

    def scaled_features(self, X):
        return PLACES[np.asarray(X)[:, 0].astype(int)], np.zeros(len(X))

    def sample_measure(self, n, rng):
        return rng.choice(5, size=(n, 1), p=CHANCES).astype(float)

    def sample_induced(self, n, rng):
        return self.sample_measure(n, rng)  # k is constant


@pytest.mark.parametrize("design", ["dpp", "repeated_dpp"])
def test_the_factor_of_redrawn_designs_is_not_that_of_single_draws(design):
    """With ``delta`` the certificate stated a factor below the error of every single fit that could come out: the
    chance of a draw to pass was left out."""
    np.testing.assert_allclose((PLACES.T * CHANCES) @ PLACES, np.eye(2), atol=1e-12)  # an orthonormal basis
    rest = np.eye(5)[3] - PLACES @ (PLACES[3] * CHANCES[3])  # orthogonal to the space
    for seed in range(5):
        model = WeightedLeastSquaresApproximator(
            FivePlaces(), design=design, n_samples="m", delta=0.1, random_state=seed
        )
        model.fit_function(lambda x: rest[x[:, 0].astype(int)])
        assert model.design_.conditioned
        errors = (rest - model.predict(np.arange(5.0)[:, None])) ** 2
        ratio = CHANCES @ errors / (CHANCES @ rest**2)
        assert ratio == pytest.approx(5.0)
        factor = model.certificate_["expected error factor"].statistic
        assert factor is None or factor >= ratio


def test_the_certificate_knows_that_the_design_was_redrawn():
    """After ``delta`` was taken back while values were away, a redrawn design had the factor of single draws."""
    rest = np.eye(5)[3] - PLACES @ (PLACES[3] * CHANCES[3])
    model = WeightedLeastSquaresApproximator(FivePlaces(), design="dpp", delta=0.1, random_state=0)
    values = rest[model.ask().points[:, 0].astype(int)]
    model.set_params(delta=None).tell(values)
    errors = (rest - model.predict(np.arange(5.0)[:, None])) ** 2
    assert CHANCES @ errors / (CHANCES @ rest**2) == pytest.approx(5.0)  # of every design that passes
    factor = model.certificate_["expected error factor"].statistic
    assert factor is None or factor >= 5.0


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: float(np.exp(x[0])), TypeError),
        (lambda x: math.exp(x[0]), TypeError),
        (lambda x: 1.0 if x[0] > 0.0 else x[1], ValueError),
        (lambda x: np.exp(x[0]) * x[1], ValueError),
        (lambda x: float(np.exp(x[0, 0])), ValueError),
        (lambda x: np.float32(1.0), ValueError),
    ],
)
def test_a_function_of_one_point_that_is_given_all_says_vectorized(function, error):
    with pytest.raises(
        error, match="called with all 30 points at once; a function of one point needs vectorized=False"
    ):
        WeightedLeastSquaresApproximator(PLANE, random_state=0).fit_function(function)


def test_errors_that_are_not_of_the_shape_get_no_advice():
    def broken(x):
        raise KeyError("speed")

    with pytest.raises(KeyError) as caught:
        WeightedLeastSquaresApproximator(PLANE, random_state=0).fit_function(broken)
    assert not hasattr(caught.value, "__notes__")
