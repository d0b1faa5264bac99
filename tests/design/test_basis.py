"""Orthonormal bases: transformers, features of any size, supports, induced sampling."""

import pickle
from itertools import product

import mpmath
import numpy as np
import pytest
from scipy import special, stats
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from statlearn.design._basis import OrthonormalBasis
from statlearn.design._families import Chebyshev, Fourier, Hermite, Jacobi, Laguerre, Legendre
from statlearn.design._induced import induced_cdf
from statlearn.design._transformers import FourierBasis, PolynomialBasis
from statlearn.exceptions import ExtrapolationWarning

LEVEL = 1e-6
MIXED = [Legendre((0.0, 10.0)), Hermite(1.0, 2.0), Laguerre(0.5), Jacobi(a=1.0, b=-0.5)]


@parametrize_with_checks([PolynomialBasis(degree=2), PolynomialBasis("hermite", index_set="tensor"), FourierBasis()])
def test_sklearn_check(estimator, check):
    check(estimator)


def gauss_grid(families, n):
    """Points and probabilities of a product of Gauss rules from eigenvalues of Jacobi matrices."""
    rules = []
    for family in families:
        a, b = family.standard.recurrence(n - 1)
        nodes, vectors = np.linalg.eigh(np.diag(a) + np.diag(b[1:], 1) + np.diag(b[1:], -1))
        rules.append((family.origin + family.scale * nodes, vectors[0] ** 2))
    points = np.array(list(product(*(nodes for nodes, _ in rules))))
    return points, np.array([np.prod(weights) for weights in product(*(weights for _, weights in rules))])


@pytest.mark.parametrize("index_set", ["total_degree", "hyperbolic_cross", "tensor", "lq"])
def test_products_are_orthonormal(index_set):
    basis = PolynomialBasis(MIXED[:3], degree=4, index_set=index_set, q=0.7 if index_set == "lq" else 1.0).resolved()
    points, weights = gauss_grid(basis.families, 6)
    features = basis.features(points)
    gram = (features * weights[:, None]).T @ features
    np.testing.assert_allclose(gram, np.eye(basis.n_output_features_), atol=1e-12)


def test_fourier_products_are_orthonormal():
    basis = FourierBasis(2, 4, bounds=[(0.0, 1.0), (-2.0, 3.0)]).resolved()
    grid = np.array(list(product(np.arange(10) / 10.0, -2.0 + 5.0 * np.arange(10) / 10.0)))
    features = basis.features(grid)
    assert basis.n_output_features_ == 41  # of 1 + 2 f_0 + 2 f_1 + 4 f_0 f_1 for f_0 + f_1 <= 4
    np.testing.assert_allclose(features.T @ features / 100.0, np.eye(41), atol=1e-13)
    np.testing.assert_allclose((features**2).sum(axis=1), 41.0, rtol=1e-13)


def test_columns_are_products_of_known_functions(rng):
    X = np.column_stack([rng.uniform(0.0, 10.0, 30), rng.normal(1.0, 2.0, 30)])
    basis = PolynomialBasis(MIXED[:2], degree=5).fit(X)
    j, k = basis.multi_indices_.T
    legendre = special.eval_legendre(j, X[:, :1] / 5.0 - 1.0) * np.sqrt(2 * j + 1)
    hermite = special.eval_hermitenorm(k, (X[:, 1:] - 1.0) / 2.0) / np.sqrt(special.factorial(k))
    np.testing.assert_allclose(basis.transform(X), legendre * hermite, rtol=1e-12, atol=1e-12)


def test_fourier_columns(rng):
    X = rng.uniform(-3.0, 3.0, (30, 2))
    basis = FourierBasis(degree=3, index_set="tensor").fit(X)

    def factor(frequency, x):
        wave = np.where(frequency > 0, np.cos(2 * np.pi * frequency * x), np.sin(-2 * np.pi * frequency * x))
        return np.where(frequency == 0, 1.0, np.sqrt(2.0) * wave)

    j, k = basis.multi_indices_.T
    np.testing.assert_allclose(basis.transform(X), factor(j, X[:, :1]) * factor(k, X[:, 1:]), atol=1e-12)


def test_blocks_of_rows_change_nothing(rng, monkeypatch):
    X = rng.normal(size=(57, 3))
    expected = PolynomialBasis("hermite", degree=4).fit_transform(X)
    monkeypatch.setattr("statlearn.design._product_basis.TABLE_ENTRIES", 150)
    np.testing.assert_array_equal(PolynomialBasis("hermite", degree=4).fit_transform(X), expected)


def test_names():
    X = np.zeros((2, 2))
    families = [Chebyshev(), Jacobi()]
    names = PolynomialBasis(families, degree=2, index_set="hyperbolic_cross").fit(X).get_feature_names_out(["u", "v"])
    assert names.tolist() == ["1", "T1(u)", "J1(v)", "T2(u)", "J2(v)"]
    names = FourierBasis(degree=1, index_set="tensor").fit(X).get_feature_names_out()
    assert names.tolist()[:5] == ["1", "cos1(x0)", "sin1(x0)", "cos1(x1)", "sin1(x1)"]
    assert PolynomialBasis("laguerre", degree=1).fit(X).get_feature_names_out().tolist() == ["1", "L1(x0)", "L1(x1)"]


class TestSizeOfValues:
    """Where plain values would overflow, scaled ones are exact."""

    def test_unit_features_in_one_dimension(self):
        basis = PolynomialBasis("hermite", 1, 999).resolved()
        rows, log_christoffel = basis.unit_features([[64.0], [-64.0], [0.0], [1e5]])
        np.testing.assert_allclose((rows**2).sum(axis=1), 1.0, rtol=1e-13)
        with mpmath.workdps(40):
            previous, current, squares = mpmath.mpf(0), mpmath.mpf(1), mpmath.mpf(1)
            for k in range(999):
                following = (64 * current - mpmath.sqrt(k) * previous) / mpmath.sqrt(k + 1)
                previous, current = current, following
                squares += current**2
            expected = float(mpmath.log(squares))
        assert expected > 2.0 * np.log(np.finfo(float).max)
        np.testing.assert_allclose(log_christoffel[:2], expected, rtol=1e-13)
        np.testing.assert_allclose(np.abs(rows[0, -1]), float(current / mpmath.sqrt(squares)), rtol=1e-11)

    def test_a_cross_has_no_product_of_the_largest_factors(self):
        basis = PolynomialBasis("hermite", 2, 999, index_set="hyperbolic_cross").resolved()
        rows, log_christoffel = basis.unit_features([[64.0, 64.0], [64.0, 0.0]])
        single = PolynomialBasis("hermite", 1, 999).resolved()
        values, exponents = basis.families[0].standard.table(np.array([64.0]), 1000)
        logs = np.log(np.abs(values[0])) + exponents[0] * np.log(2.0)
        expected = special.logsumexp(2.0 * logs[basis.multi_indices].sum(axis=1))
        assert log_christoffel[0] == pytest.approx(expected, rel=1e-13)
        np.testing.assert_allclose((rows**2).sum(axis=1), 1.0, rtol=1e-13)
        assert log_christoffel[0] > single.unit_features([[64.0]])[1][0]

    @pytest.mark.parametrize("n_dims", [1, 6])
    def test_scaled_features_are_moderate(self, n_dims, rng):
        basis = PolynomialBasis("hermite", n_dims, 5, index_set="tensor").resolved()
        X = rng.normal(size=(100, n_dims)) * 10.0 ** rng.uniform(-2, 40, (100, 1))
        features, log_scale = basis.scaled_features(X)
        largest = np.abs(features).max(axis=1)
        assert (largest > 1e-9).all()
        assert (largest < 1e11).all()
        assert log_scale.max() > 400.0 * n_dims
        np.testing.assert_allclose(
            np.log(np.abs(features[:, -1])) + log_scale,
            sum(np.log(np.abs(special.eval_hermitenorm(5, x) / np.sqrt(120.0))) for x in X.T),
            rtol=1e-12,
            atol=1e-8,  # near zeros of the polynomial
        )

    def test_overflow_is_an_error_that_names_the_points(self):
        basis = PolynomialBasis("hermite", degree=999).fit([[0.0]])
        assert np.isfinite(basis.transform([[0.0], [30.0]])).all()
        with pytest.raises(ValueError, match=r"at 2 of 3 points \(rows 0, 2\) exceed the largest float. Use sc"):
            basis.transform([[64.0], [1.0], [-64.0]])

    def test_the_largest_floats_are_no_overflow(self):
        basis = PolynomialBasis("hermite", degree=1).fit([[0.0]])
        assert basis.transform([[1.7e308]])[0, 1] == pytest.approx(1.7e308, rel=1e-12)


class TestDeclaredOrLearned:
    def test_learned_ranges(self, rng):
        X = rng.uniform([0.0, -5.0], [10.0, 5.0], (40, 2))
        basis = PolynomialBasis("chebyshev").fit(X)
        assert [family.bounds for family in basis.basis_.families] == list(
            zip(X.min(axis=0), X.max(axis=0), strict=True)
        )
        assert basis.certificate_.holds
        with pytest.warns(ExtrapolationWarning, match=r"1 of 2 points \(rows 1\) outside the support"):
            basis.transform([[5.0, 0.0], [11.0, 0.0]])

    def test_a_constant_column_has_a_range(self):
        basis = PolynomialBasis().fit([[3.0, 1.0], [3.0, 2.0]])
        assert basis.basis_.families[0].bounds == (0.0, 6.0)
        np.testing.assert_array_equal(basis.transform([[3.0, 1.5]])[0, 1], 0.0)

    @pytest.mark.parametrize(
        ("basis", "bounds"),
        [
            (PolynomialBasis(n_dims=2), [(-1.0, 1.0)] * 2),
            (PolynomialBasis(["legendre", "jacobi"]), [(-1.0, 1.0)] * 2),
            (PolynomialBasis(bounds=[(0.0, 1.0), (2.0, 3.0)]), [(0.0, 1.0), (2.0, 3.0)]),
            (PolynomialBasis(n_dims=2, bounds=(0.0, 4.0)), [(0.0, 4.0)] * 2),
            (PolynomialBasis(Jacobi((0.0, 9.0), a=1.0), n_dims=2), [(0.0, 9.0)] * 2),
            (FourierBasis(n_dims=2), [(0.0, 1.0)] * 2),
            (FourierBasis(bounds=[(0.0, 1.0), (2.0, 3.0)]), [(0.0, 1.0), (2.0, 3.0)]),
        ],
    )
    def test_a_declared_basis_does_not_depend_on_fit(self, basis, bounds, rng):
        X = rng.random((20, 2)) * 0.1
        before = basis.resolved()
        assert [family.bounds for family in before.families] == bounds
        assert before.resolved() is before
        assert (before.n_dims, before.n_output_features_) == (2, before.multi_indices.shape[0])
        fitted = clone(basis).fit(X)
        assert fitted.resolved().families == before.families
        assert fitted.n_output_features_ == before.n_output_features_

    def test_declared_bases_transform_without_fit(self):
        np.testing.assert_allclose(PolynomialBasis(n_dims=1, degree=1).transform([[1.0]]), [[1.0, np.sqrt(3.0)]])

    @pytest.mark.parametrize("basis", [PolynomialBasis(), PolynomialBasis(bounds=(0.0, 1.0)), FourierBasis()])
    def test_an_open_basis_needs_fit(self, basis):
        with pytest.raises(NotFittedError, match="leave the number of dimensions open. Give n_dims, or call fit"):
            basis.resolved()

    def test_bounds_for_all_columns_leave_their_number_open(self):
        basis = PolynomialBasis(bounds=(0.0, 1.0)).fit([[0.5, 0.5]])
        assert [family.bounds for family in basis.basis_.families] == [(0.0, 1.0)] * 2

    def test_mixed_names_and_objects(self):
        families = PolynomialBasis(["legendre", "hermite", Laguerre(2.0)], bounds=[(0.0, 1.0), None, None]).resolved()
        assert families.families == (Legendre((0.0, 1.0)), Hermite(), Laguerre(2.0))


class TestSupport:
    def test_bounded_columns(self):
        basis = PolynomialBasis(MIXED).resolved()
        X = np.array([[0.0, -99.0, 0.0, 1.0], [10.1, 0.0, 1.0, 0.0], [1.0, 0.0, -0.1, 0.0], [1.0, 0.0, 1.0, -1.1]])
        np.testing.assert_array_equal(basis.in_support(X), [True, False, False, False])

    def test_fit_outside_is_in_the_certificate(self):
        basis = PolynomialBasis(n_dims=1).fit([[0.0], [2.0]])
        assert basis.certificate_.holds is False
        assert basis.certificate_["rows outside the support"].statistic == 1

    def test_a_torus_has_no_outside(self):
        basis = FourierBasis(degree=2).fit([[0.3]])
        assert basis.resolved().in_support([[-7.0], [0.5]]).all()
        np.testing.assert_allclose(basis.transform([[0.3]]), basis.transform([[-6.7]]), atol=1e-13)


class TestSampling:
    @pytest.mark.parametrize("index_set", ["total_degree", "hyperbolic_cross"])
    def test_marginals_of_the_induced_distribution(self, index_set, rng):
        basis = PolynomialBasis(MIXED, degree=3, index_set=index_set).resolved()
        points = basis.sample_induced(4000, rng)
        assert basis.in_support(points).all()
        for column, family in enumerate(MIXED):
            degrees = basis.multi_indices[:, column]

            def cdf(x, degrees=degrees, family=family):
                return induced_cdf(x[:, None], degrees, family).mean(axis=1)

            assert stats.kstest(points[:, column], cdf).pvalue > LEVEL
            measure = basis.sample_measure(4000, rng)[:, column]
            assert stats.kstest(measure, lambda x, family=family: induced_cdf(x, 0, family)).pvalue > LEVEL
            assert stats.kstest(measure, cdf).pvalue < LEVEL

    @pytest.mark.parametrize(
        "basis",
        [
            PolynomialBasis(MIXED, degree=2),
            PolynomialBasis("laguerre", 3, 3),
            FourierBasis(2, 2),
            PolynomialBasis("hermite", 2, 6),
        ],
        ids=repr,
    )
    def test_weighted_gram_matrix_is_the_identity(self, basis, rng):
        basis = basis.resolved()
        m, n = basis.n_output_features_, 20_000
        rows = basis.unit_features(basis.sample_induced(n, rng))[0]
        # Entries of m psi psi' have mean I and second moments of at most m^2 E[psi_j^2] = m.
        assert np.abs(m * rows.T @ rows / n - np.eye(m)).max() < 5.0 * np.sqrt(m / n)

    def test_rounding_does_not_leave_the_support(self, rng):
        bounds = np.sort(rng.normal(size=(50, 2)), axis=1)
        families = [Jacobi(tuple(pair), a=-0.99, b=-0.99) for pair in bounds]  # draws the ends themselves
        beyond = np.array([family.origin + family.scale > family.support[1] for family in families])
        assert beyond.any()
        basis = PolynomialBasis(families, degree=1).resolved()
        for method in (basis.sample_measure, basis.sample_induced):
            points = method(200, rng)
            assert basis.in_support(points).all()
            assert (points == bounds[:, 1])[:, beyond].any()

    def test_the_same_stream_gives_the_same_points(self):
        basis = PolynomialBasis(MIXED).resolved()
        for method in (basis.sample_induced, basis.sample_measure):
            first, second, other = (method(5, np.random.default_rng(seed)) for seed in (3, 3, 4))
            np.testing.assert_array_equal(first, second)
            assert not np.isin(first, other).any()
            assert first.shape == (5, 4)

    def test_degree_zero_draws_from_the_measure(self, rng):
        basis = PolynomialBasis("laguerre", 2, 0).resolved()
        assert basis.n_output_features_ == 1
        assert stats.kstest(basis.sample_induced(2000, rng)[:, 1], stats.expon.cdf).pvalue > LEVEL

    def test_many_dimensions(self, rng):
        basis = PolynomialBasis("legendre", 50, 2).resolved()
        points = basis.sample_induced(200, rng)
        rows, log_christoffel = basis.unit_features(points)
        assert rows.shape == (200, 1326)
        assert (log_christoffel > 0.0).all()
        x = points[:, [7, 31]]
        column = basis.multi_indices.tolist().index([int(j in (7, 31)) for j in range(50)])
        expected = 3.0 * x[:, 0] * x[:, 1] / np.exp(0.5 * log_christoffel)
        np.testing.assert_allclose(rows[:, column], expected, rtol=1e-12, atol=1e-15)


class TestBadArguments:
    @pytest.mark.parametrize(
        ("basis", "message"),
        [
            (PolynomialBasis("monomials"), "The 'family' parameter of PolynomialBasis must be"),
            (PolynomialBasis(["legendre", "monomials"]), "family must hold polynomials, .* Got 'monomials' instead"),
            (PolynomialBasis(["legendre", Fourier()]), r"family must hold polynomials, .* Got Fourier\("),
            (PolynomialBasis(n_dims=3), "X has 2 columns, but the parameters declare 3 dimensions"),
            (
                PolynomialBasis(["legendre"], n_dims=2),
                "disagree about the .*: 2 by n_dims, 1 by family",
            ),
            (PolynomialBasis(n_dims=2, bounds=[(0, 1)]), "disagree .*: 2 by n_dims, 1 by bounds"),
            (
                PolynomialBasis("hermite", bounds=(0, 1)),
                r"families, which 'hermite' .* Hermite\(\.\.\.\)",
            ),
            (PolynomialBasis(Legendre(), bounds=(0, 1)), "bounds are for families given by name"),
            (PolynomialBasis(bounds=(1, 0)), "bounds must be a pair"),
            (PolynomialBasis(bounds=[(1, 0, 3), (0, 1)]), "bounds must be a pair"),
            (FourierBasis(bounds=(1, 0)), "bounds must be a pair"),
            (PolynomialBasis(q=0.5), "q=0.5 is for index_set='lq'. Got index_set='total_degree'"),
            (PolynomialBasis(q=0.0, index_set="lq"), "The 'q' parameter of PolynomialBasis"),
            (PolynomialBasis(degree=-1), "The 'degree' parameter of PolynomialBasis"),
            (PolynomialBasis(anisotropy=[1.0]), "anisotropy must have 2 entries"),
            (PolynomialBasis(anisotropy=[1.0, 0.5]), "anisotropy must be at least 1 everywhere. Got 0.5"),
            (PolynomialBasis(degree=2000), r"has more than 1000000 members; 1000000 are the most"),
        ],
    )
    def test_parameters(self, basis, message):
        with pytest.raises(ValueError, match=message):
            basis.fit([[0.1, 0.2], [0.3, 0.4]])

    def test_points(self):
        basis = PolynomialBasis(n_dims=2).resolved()
        for method in (basis.scaled_features, basis.in_support, basis.features, basis.unit_features):
            with pytest.raises(ValueError, match="X must have 2 columns, one per dimension of the basis. Got 1"):
                method([[0.0]])
            with pytest.raises(ValueError, match="NaN"):
                method([[0.0, np.nan]])


def test_anisotropy_lowers_degrees():
    basis = PolynomialBasis(degree=6, anisotropy=[1.0, 3.0]).fit([[0.0, 0.0]])
    assert basis.multi_indices_.max(axis=0).tolist() == [6, 2]


def test_grid_search_over_the_degree():
    X, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(MinMaxScaler((-1, 1), clip=True), PolynomialBasis(n_dims=10), Ridge(10.0))
    grid = {"polynomialbasis__degree": [0, 1, 2], "polynomialbasis__index_set": ["total_degree", "hyperbolic_cross"]}
    search = GridSearchCV(pipeline, grid, cv=5).fit(X, y)
    assert search.best_params_["polynomialbasis__degree"] > 0
    assert search.best_score_ > 0.45


def test_pickle(rng):
    X = rng.normal(size=(20, 2))
    basis = PolynomialBasis([Legendre((-9.0, 9.0)), "hermite"]).fit(X)
    twin = pickle.loads(pickle.dumps(basis))
    np.testing.assert_array_equal(twin.transform(X), basis.transform(X))


class Indicators(OrthonormalBasis):
    """Of intervals of length 1/m, but for the last, which is missing."""

    n_dims = 1
    n_output_features_ = 4

    def scaled_features(self, X):
        return np.sqrt(5.0) * (np.floor(5.0 * np.asarray(X)) == np.arange(4)), np.zeros(len(X))

    def sample_measure(self, n, rng):
        return rng.random((n, 1))

    def sample_induced(self, n, rng):
        return 0.8 * self.sample_measure(n, rng)


class TestOwnBasis:
    def test_defaults(self, rng):
        basis = Indicators()
        assert basis.resolved() is basis
        assert basis.sample_dpp(rng) is None
        assert basis.in_support([[0.1], [9.0]]).all()
        np.testing.assert_array_equal(basis.features([[0.3]]), [[0.0, np.sqrt(5.0), 0.0, 0.0]])

    def test_points_where_all_functions_vanish(self):
        rows, log_christoffel = Indicators().unit_features([[0.1], [0.9]])
        np.testing.assert_array_equal(rows, [[1.0, 0.0, 0.0, 0.0], [0.0] * 4])
        np.testing.assert_allclose(log_christoffel, [np.log(5.0), -np.inf], rtol=1e-15)

    def test_the_interface_must_be_complete(self):
        with pytest.raises(TypeError, match="abstract"):
            type("Incomplete", (OrthonormalBasis,), {})()
