"""The fair linear models: scikit-learn's fits without penalty, exact solutions, invariances, certificates, warnings."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from statlearn.dependence import DistanceCovariancePenalty, distance_covariance
from statlearn.exceptions import ConstantAttributeWarning, SensitiveFeaturesWarning, ShrinkageWarning
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairRegressor,
    ProtectedEncoder,
    unfairness_ratio,
)

from .problems import LOSSES, encoded, fit, fitted, gerrymandered, largest_gap, make_data, make_model

KINDS = [*LOSSES, "binary", "multinomial"]
RTOL = 1e-6

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SensitiveFeaturesWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some checks feed separable classes
@parametrize_with_checks([DistanceCovarianceFairRegressor(), DistanceCovarianceFairClassifier()])
def test_sklearn_check_without_attributes(estimator, check):
    """With a sensitive column, the checks run in ``tests/test_common.py``."""
    check(estimator)


def peer(kind, alpha, weights):
    """scikit-learn's model of the same objective, solved tightly."""
    if kind == "squared_error":
        return Ridge(alpha=alpha * weights.sum()) if alpha else LinearRegression()
    if kind in LOSSES:
        tight = {"alpha": alpha, "tol": 1e-12, "solver": "newton-cholesky", "max_iter": 1000}
        return {
            "poisson": PoissonRegressor(**tight),
            "gamma": GammaRegressor(**tight),
            "tweedie": TweedieRegressor(power=1.5, **tight),
        }[kind]
    C = np.inf if alpha == 0.0 else 1.0 / (alpha * weights.sum())
    return LogisticRegression(C=C, tol=1e-12, solver="newton-cholesky", max_iter=1000)


class TestWithoutPenalty:
    """At fairness_weight=0 the fits are those of scikit-learn."""

    @every_kind
    @pytest.mark.parametrize("alpha", [0.0, 0.02])
    def test_coefficients_are_those_of_sklearn(self, rng, kind, alpha):
        data = make_data(rng, kind)
        X = data.X * [1.0, 100.0, 0.01] + [0.0, 50.0, 3.0]
        weights = rng.uniform(0.2, 3.0, size=len(X))
        ours = make_model(kind, 0.0, alpha=alpha).fit(X, data.y, data.S, sample_weight=weights)
        theirs = peer(kind, alpha, weights).fit(X, data.y, sample_weight=weights)
        units = X.std(axis=0)
        coef, intercept = theirs.coef_, theirs.intercept_
        if kind == "multinomial":  # some of scikit-learn's solvers leave the free direction where it was
            coef, intercept = coef - coef.mean(axis=0), intercept - intercept.mean()
        np.testing.assert_allclose(ours.coef_ * units, coef * units, rtol=RTOL, atol=RTOL)
        np.testing.assert_allclose(ours.intercept_, intercept, rtol=RTOL, atol=RTOL)
        assert ours.coef_.shape == theirs.coef_.shape
        assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)

    @pytest.mark.parametrize("kind", ["binary", "multinomial"])
    def test_probabilities_are_those_of_sklearn(self, rng, kind):
        data = make_data(rng, kind)
        ours = make_model(kind, 0.0).fit(data.X, data.y, data.S)
        theirs = peer(kind, 0.0, None).fit(data.X, data.y)
        for method in ("predict_proba", "predict_log_proba"):
            np.testing.assert_allclose(getattr(ours, method)(data.X), getattr(theirs, method)(data.X), atol=1e-6)
        np.testing.assert_array_equal(ours.predict(data.X), theirs.predict(data.X))
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_allclose(ours.predict_proba(data.X).sum(axis=1), 1.0, rtol=1e-12)

    def test_least_norm_among_equal_predictions(self, rng):
        X = np.column_stack([np.eye(4)[rng.integers(0, 4, 100)], np.full(100, 3.0), rng.normal(size=100)])
        y = X @ rng.normal(size=6) + rng.normal(size=100)
        ours = DistanceCovarianceFairRegressor(fairness_weight=0).fit(X, y)
        theirs = LinearRegression().fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-10)
        assert ours.intercept_ == pytest.approx(theirs.intercept_)

    def test_more_features_than_rows(self, rng):
        X, y = rng.normal(size=(20, 50)), rng.normal(size=20)
        ours = DistanceCovarianceFairRegressor(fairness_weight=0).fit(X, y)
        np.testing.assert_allclose(ours.coef_, LinearRegression().fit(X, y).coef_, atol=1e-8)

    def test_wide_tables_are_scaled_only(self, rng):
        X = sparse.random_array((400, 1200), density=0.05, rng=rng, format="csr")
        y = X @ rng.normal(size=1200) + 0.1 * rng.normal(size=400)
        ours = DistanceCovarianceFairRegressor(fairness_weight=0, alpha=0.1, tol=1e-9).fit(X, y)
        theirs = Ridge(alpha=0.1 * 400, solver="sparse_cg", tol=1e-12, fit_intercept=True).fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)

    def test_class_weight(self, rng):
        data = make_data(rng, "binary")
        ours = DistanceCovarianceFairClassifier(0, class_weight="balanced").fit(data.X, data.y)
        theirs = LogisticRegression(C=np.inf, tol=1e-12, class_weight="balanced").fit(data.X, data.y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4)
        loss = np.average(
            -np.log(ours.predict_proba(data.X)[np.arange(300), data.y]), weights=1.0 / np.bincount(data.y)[data.y]
        )
        assert ours.loss_ == pytest.approx(loss)


class TestSoftThreshold:
    """One feature and squared loss: the slope is known in closed form."""

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_the_slope(self, rng, sign):
        data = make_data(rng, n_features=1, n_samples=200)
        x, y = 3.0 * data.X[:, 0] + 7.0, sign * data.y - 2.0
        c, v = np.cov(x, y, ddof=0)[0, 1], np.var(x)
        d = distance_covariance(x, np.hstack(encoded(data.S)))
        largest = abs(c) / d
        for share in (1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
            model = DistanceCovarianceFairRegressor(fairness_weight=share * largest)
            slope = fit(model, x[:, None], y, data.S).coef_[0]
            assert slope == pytest.approx(np.sign(c) * (1.0 - share) * abs(c) / v, rel=1e-6)
        for share in (1.0001, 1.01, 2.0, 1e3):
            model = DistanceCovarianceFairRegressor(fairness_weight=share * largest)
            fit(model, x[:, None], y, data.S)
            assert model.coef_[0] == 0.0
            assert model.intercept_ == pytest.approx(y.mean(), rel=1e-12)
            np.testing.assert_array_equal(model.predict(x[:, None]), model.intercept_)

    def test_it_warns_that_nothing_but_shrinking_happened(self, rng):
        data = make_data(rng, n_features=1)
        largest = abs(np.cov(data.X[:, 0], data.y, ddof=0)[0, 1]) / distance_covariance(
            data.X[:, 0], np.hstack(encoded(data.S))
        )
        model = DistanceCovarianceFairRegressor(fairness_weight=0.5 * largest)
        with pytest.warns(ShrinkageWarning, match=r"fell to 0.25 of what it was.*to 1\. Use normalize='dcor'"):
            model.fit(*data)
        check = model.certificate_["shrinkage"]
        assert check.statistic == pytest.approx(0.25, rel=1e-5)
        assert check.bound == pytest.approx(1.0, rel=1e-9)
        assert check.holds is False
        assert not model.certificate_

    def test_a_constant_model_is_shrinkage_too(self, rng):
        data = make_data(rng, n_features=1)
        model = DistanceCovarianceFairRegressor(fairness_weight=1e6)
        with pytest.warns(ShrinkageWarning, match="variance fell to nothing"):
            model.fit(*data)
        assert model.certificate_["shrinkage"].holds is False
        assert model.converged_
        assert "constant model" in model.certificate_.claim
        assert model.distance_correlation_ == model.unfairness_ratio_ == 0.0

    def test_it_says_nothing_when_dependence_fell_more(self):
        model = make_model("squared_error", 20.0).fit(*gerrymandered(0))  # a warning would be an error
        check = model.certificate_["shrinkage"]
        assert check.kind == "numerical"
        assert check.holds is True
        assert check.statistic > check.bound
        assert model.certificate_

    def test_correlation_does_not_shrink_a_single_slope(self, rng):
        data = make_data(rng, n_features=1)
        plain = fitted("squared_error", 0.0, data)
        model = DistanceCovarianceFairRegressor(fairness_weight=50.0, normalize="dcor").fit(*data)
        assert model.coef_[0] == pytest.approx(plain.coef_[0], rel=1e-6)


class TestPenalized:
    @every_kind
    @pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
    def test_dependence_falls_and_loss_rises(self, rng, kind, measure):
        data = make_data(rng, kind)
        plain = fitted(kind, 0.0, data, measure=measure)
        weight = 0.1 * abs(plain.loss_) / plain.penalty_excess_
        some, more = (fitted(kind, factor * weight, data, measure=measure) for factor in (0.1, 1.0))
        assert plain.penalty_excess_ > some.penalty_excess_ > more.penalty_excess_
        assert plain.loss_ < some.loss_ < more.loss_

    @every_kind
    def test_attributes_describe_the_training_predictions(self, rng, kind):
        data = make_data(rng, kind)
        model = fitted(kind, 1.0, data, measure="jdcov")
        f = model.predict(data.X) if kind in LOSSES else model.predict_proba(data.X)
        columns = [f] if f.ndim == 1 else [f[:, 1]] if f.shape[1] == 2 else list(f.T)
        penalty = DistanceCovariancePenalty("jdcov").fit(encoded(data.S))
        assert model.penalty_value_ == pytest.approx(sum(penalty.value(column) for column in columns), rel=1e-9)
        assert model.penalty_excess_ == pytest.approx(sum(penalty.excess(column) for column in columns), rel=1e-9)
        largest = max(penalty.distance_correlation(column) for column in columns)
        assert model.distance_correlation_ == pytest.approx(largest, rel=1e-9)
        ratio = max(unfairness_ratio(column, data.S) for column in columns)
        assert model.unfairness_ratio_ == pytest.approx(ratio, rel=1e-9)
        assert isinstance(model.encoder_, ProtectedEncoder)
        assert model.n_iter_ >= 1
        assert model.converged_ is True

    def test_a_perfect_proxy_is_not_used(self, rng):
        sex = rng.integers(0, 2, 2000)
        X = np.column_stack([sex, rng.normal(size=2000)])
        y = X.sum(axis=1) + rng.normal(size=2000)
        measure = DistanceCovariancePenalty(unbiased=False)
        slopes = [
            fit(make_model("squared_error", weight, measure=measure), X, y, sex).coef_ for weight in (0.0, 5.0, 100.0)
        ]
        assert slopes[0][0] == pytest.approx(1.0, abs=0.2)
        assert abs(slopes[1][0]) < 0.5
        # The other feature differs by chance between the sexes, 0.045 in standard deviation: the proxy makes up for it.
        assert abs(slopes[2][0]) < 0.2
        assert slopes[2][1] > 0.5

    def test_gerrymandering(self):
        """The sum of marginal penalties does not see it; the joint ones do."""
        data = gerrymandered(0)
        gaps = {
            measure: largest_gap(fitted("squared_error", 20.0, data, measure=measure).predict(data.X), data.S)
            for measure in ("sum", "ccdcov", "jdcov")
        }
        assert gaps["sum"] > 1.9
        assert 0.9 < gaps["ccdcov"] < 1.1
        assert 0.6 < gaps["jdcov"] < 0.8

    def test_penalty_objects(self, rng):
        data = make_data(rng)
        named = fitted("squared_error", 2.0, data, measure="jdcov")
        penalty = DistanceCovariancePenalty("jdcov")
        given = fitted("squared_error", 2.0, data, measure=penalty)
        np.testing.assert_array_equal(named.coef_, given.coef_)
        assert not hasattr(penalty, "n_samples_")  # a fit works on its own copy
        other = fitted("squared_error", 2.0, data, measure=DistanceCovariancePenalty("jdcov", c=3.0))
        assert np.abs(other.coef_ - named.coef_).max() > 1e-3
        biased = fitted("squared_error", 2.0, data, measure=DistanceCovariancePenalty(unbiased=False, normalize="dcor"))
        assert biased.penalty_value_ == pytest.approx(biased.distance_correlation_)

    def test_linear_predictors_can_be_penalized(self, rng):
        data = make_data(rng, "poisson")
        model = fitted("poisson", 0.5, data, penalize_on="linear")
        penalty = DistanceCovariancePenalty().fit(encoded(data.S))
        assert model.penalty_value_ == pytest.approx(penalty.value(np.log(model.predict(data.X))), rel=1e-9)
        classes = make_data(rng, "multinomial")
        model = fitted("multinomial", 0.1, classes, penalize_on="linear")
        u = model.decision_function(classes.X)
        penalty = DistanceCovariancePenalty().fit(encoded(classes.S))
        expected = sum(penalty.value(column) for column in (u - u.mean(axis=1, keepdims=True)).T)
        assert model.penalty_value_ == pytest.approx(expected, rel=1e-9)

    def test_expected_counts(self, rng):
        """Counts are exposure times rate, and every row counts once."""
        data = make_data(rng, "poisson")
        exposure = rng.uniform(0.2, 2.0, size=300) * (1 + data.S[:, 0])
        rate = data.y / exposure
        model = make_model("poisson", 5.0, penalize_on="count")
        fit(model, data.X, rate, data.S, sample_weight=exposure)
        penalty = DistanceCovariancePenalty().fit(encoded(data.S))
        assert model.penalty_value_ == pytest.approx(penalty.value(exposure * model.predict(data.X)), rel=1e-9)
        rates = fit(make_model("poisson", 5.0), data.X, rate, data.S, sample_weight=exposure)
        weighted = DistanceCovariancePenalty().fit(encoded(data.S), sample_weight=exposure)
        assert rates.penalty_value_ == pytest.approx(weighted.value(rates.predict(data.X)), rel=1e-9)
        assert penalty.value(exposure * rates.predict(data.X)) > 1.1 * model.penalty_value_

    def test_counts_without_exposure_are_means(self, rng):
        data = make_data(rng, "poisson")
        counts = fitted("poisson", 1.0, data, penalize_on="count")
        np.testing.assert_array_equal(counts.coef_, fitted("poisson", 1.0, data).coef_)

    def test_other_encoders(self, rng):
        data = make_data(rng)
        encoder = ProtectedEncoder(scaling="dvar")
        model = fitted("squared_error", 2.0, data, encoder=encoder)
        assert model.encoder_.scaling == "dvar"
        assert not hasattr(encoder, "blocks_")
        assert np.abs(model.coef_ - fitted("squared_error", 2.0, data).coef_).max() > 1e-3


class TestInvariances:
    """What must not matter does not, and units change what they should."""

    @pytest.mark.parametrize("unbiased", [True, False])
    @pytest.mark.parametrize("kind", ["squared_error", "poisson", "binary"])
    def test_weights_are_repetitions(self, rng, kind, unbiased):
        data = make_data(rng, kind, n_samples=120)
        copies = rng.integers(0, 4, size=120)
        parameters = {"tol": 1e-10, "measure": DistanceCovariancePenalty(unbiased=unbiased)}
        weighted = fit(make_model(kind, 1.0, **parameters), *data, sample_weight=copies)
        repeated = fit(make_model(kind, 1.0, **parameters), *(np.repeat(part, copies, axis=0) for part in data))
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-4)
        objectives = [model.loss_ + model.penalty_excess_ for model in (weighted, repeated)]
        assert objectives[0] == pytest.approx(objectives[1], rel=1e-8)

    def test_rows_in_another_order(self, rng):
        data = make_data(rng)
        order = rng.permutation(300)
        first = fitted("squared_error", 2.0, data)
        second = fit(make_model("squared_error", 2.0), *(part[order] for part in data))
        np.testing.assert_allclose(first.coef_, second.coef_, atol=1e-4)
        assert first.loss_ + 2.0 * first.penalty_value_ == pytest.approx(second.loss_ + 2.0 * second.penalty_value_)

    def test_other_names_of_levels(self, rng):
        data = make_data(rng)
        named = np.column_stack([np.array(["w", "m"])[data.S[:, 0]], np.array(["c", "a", "b"])[data.S[:, 1]]])
        first = fitted("squared_error", 2.0, data)
        second = fit(make_model("squared_error", 2.0), data.X, data.y, named)
        np.testing.assert_allclose(first.coef_, second.coef_, atol=1e-4)

    @pytest.mark.parametrize(("normalize", "power"), [(None, 1), ("dcor", 2)])
    def test_units_of_the_target(self, rng, normalize, power):
        data = make_data(rng)
        unit = 2.0**20
        small = fitted("squared_error", 2.0, data, normalize=normalize)
        model = make_model("squared_error", 2.0 * unit**power, normalize=normalize)
        large = fit(model, data.X, unit * data.y, data.S)
        np.testing.assert_allclose(large.coef_, unit * small.coef_, rtol=1e-6)
        assert large.distance_correlation_ == pytest.approx(small.distance_correlation_, rel=1e-6)

    def test_units_of_the_features(self, rng):
        data = make_data(rng)
        units = np.array([1e-6, 1.0, 1e6])
        first = fitted("squared_error", 2.0, data)
        second = fit(make_model("squared_error", 2.0), data.X * units + 5.0 * units, data.y, data.S)
        np.testing.assert_allclose(second.coef_ * units, first.coef_, atol=1e-4)

    @pytest.mark.parametrize("unbiased", [True, False])
    def test_an_attribute_that_is_constant_changes_nothing(self, rng, unbiased):
        data = make_data(rng)
        measure = DistanceCovariancePenalty(unbiased=unbiased)
        first = fitted("squared_error", 2.0, data, measure=measure)
        model = make_model("squared_error", 2.0, measure=measure)
        with pytest.warns(ConstantAttributeWarning):
            fit(model, data.X, data.y, np.column_stack([data.S, np.full(300, 7)]))
        np.testing.assert_allclose(model.coef_, first.coef_, atol=1e-4)

    def test_attributes_that_are_all_constant_protect_nothing(self, rng):
        data = make_data(rng)
        model = make_model("squared_error", 2.0)
        with pytest.warns(ConstantAttributeWarning):
            fit(model, data.X, data.y, np.full(300, "x"))
        np.testing.assert_allclose(model.coef_, LinearRegression().fit(data.X, data.y).coef_, atol=1e-6)
        assert model.penalty_value_ == 0.0

    @every_kind
    def test_sparse_features(self, rng, kind):
        data = make_data(rng, kind)
        X = np.where(rng.random(data.X.shape) < 0.5, 0.0, data.X)
        dense = fit(make_model(kind, 0.5), X, data.y, data.S)
        for make in (sparse.csr_array, sparse.csc_matrix):
            thin = fit(make_model(kind, 0.5), make(X), data.y, data.S)
            np.testing.assert_allclose(thin.coef_, dense.coef_, atol=1e-4)
            np.testing.assert_allclose(thin.predict(make(X)), thin.predict(X), atol=1e-12)

    def test_single_precision(self, rng):
        data = make_data(rng)
        single = data.X.astype(np.float32)
        model = fit(make_model("squared_error", 2.0), single, data.y, data.S)
        twin = fit(make_model("squared_error", 2.0), single.astype(float), data.y, data.S)
        np.testing.assert_array_equal(model.coef_, twin.coef_)
        assert model.coef_.dtype == np.float64

    def test_fortran_order(self, rng):
        data = make_data(rng)
        first = fitted("squared_error", 2.0, data)
        second = fit(make_model("squared_error", 2.0), np.asfortranarray(data.X), data.y, data.S)
        np.testing.assert_allclose(first.coef_, second.coef_, atol=1e-4)


class TestEdges:
    @every_kind
    def test_targets_that_do_not_vary(self, rng, kind):
        data = make_data(rng, kind)
        if kind in ("binary", "multinomial"):
            pytest.skip("one class is an error: test_bad_input.py")
        model = make_model(kind, 1.0).fit(data.X, np.full(300, 2.5), data.S)
        np.testing.assert_array_equal(model.coef_, 0.0)
        np.testing.assert_allclose(model.predict(data.X), 2.5, rtol=1e-12)
        assert model.penalty_excess_ == 0.0
        assert model.certificate_["shrinkage"].holds is None

    def test_every_row_a_level_of_its_own(self, rng):
        data = make_data(rng, n_samples=80)
        model = fit(make_model("squared_error", 1.0), data.X, data.y, rng.normal(size=(80, 2)))
        assert model.converged_
        continuous = fit(make_model("squared_error", 1.0), data.X, data.y, data.X[:, 0])
        assert continuous.coef_[0] < 0.9 * LinearRegression().fit(data.X, data.y).coef_[0]

    def test_large_exposures_do_not_overflow(self, rng):
        data = make_data(rng, "poisson")
        model = make_model("poisson", 1e-9, penalize_on="count")
        fit(model, data.X, data.y, data.S, sample_weight=np.full(300, 1e8))
        assert np.isfinite(model.coef_).all()

    def test_an_outlier_in_new_rows_does_not_overflow(self, rng):
        data = make_data(rng, "poisson")
        model = fitted("poisson", 0.0, data)
        assert model.predict(np.full((1, 3), 1e4) * np.sign(model.coef_))[0] == pytest.approx(np.exp(30.0))

    def test_separable_classes(self, rng):
        X = rng.normal(size=(100, 2))
        model = DistanceCovarianceFairClassifier(0.0, tol=1e-12)
        with pytest.warns(UserWarning, match=r"the risk has no minimum.*training rows left the range.*Set alpha > 0"):
            model.fit(X, X[:, 0] > 0)
        assert not model.converged_
        assert model.certificate_["rows at the limit"].holds is False
        ridge = DistanceCovarianceFairClassifier(0.0, alpha=0.01).fit(X, X[:, 0] > 0)
        assert ridge.certificate_

    def test_a_negative_penalty_that_rewards_growth(self):
        """Two groups that are alike by more than chance: the unbiased penalty pays for a larger slope without end."""
        x = np.tile([0.0, 1.0, 2.0, 3.0], 4)
        y = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 2.0, 1.0] * 2) + 0.1
        group = np.repeat([0, 1], 8)
        model = make_model("poisson", 1e3)
        with pytest.warns(UserWarning, match=r"penalty is negative.*unbiased=False"):
            model.fit(x[:, None], y, group)
        assert model.penalty_excess_ < 0.0
        biased = make_model("poisson", 1e3, measure=DistanceCovariancePenalty(unbiased=False))
        assert fit(biased, x[:, None], y, group).converged_


class TestCertificate:
    def test_of_a_fair_fit(self, rng):
        data = make_data(rng, n_samples=1000)
        model = make_model("squared_error", 10.0, normalize="dcor").fit(*data)
        certificate = model.certificate_
        assert certificate
        assert "local solution" in certificate.claim
        assert certificate["penalty"].statistic == model.penalty_excess_
        assert certificate["distance correlation"].statistic == model.distance_correlation_
        assert certificate["unfairness ratio"].statistic == model.unfairness_ratio_
        plain = fitted("squared_error", 0.0, data, normalize="dcor")
        for name in ("penalty", "distance correlation", "unfairness ratio"):
            check = certificate[name]
            assert (check.kind, check.holds) == ("reported", None)
            assert f"{plain.certificate_[name].statistic:.4g} without penalty" in check.detail
        shrinkage = certificate["shrinkage"]
        assert (shrinkage.kind, shrinkage.holds) == ("reported", None)  # shrinking does not pay
        assert shrinkage.statistic == pytest.approx(np.var(model.predict(data.X)) / np.var(plain.predict(data.X)))
        assert shrinkage.bound == pytest.approx(model.distance_correlation_ / plain.distance_correlation_)
        assert any("demographic parity" in text for text in certificate.assumptions)

    def test_says_when_the_penalty_can_be_negative(self, rng):
        data = make_data(rng)
        for unbiased in (True, False):
            model = fitted("squared_error", 1.0, data, measure=DistanceCovariancePenalty(unbiased=unbiased))
            assert ("negative" in model.certificate_["penalty"].detail) is unbiased

    def test_without_penalty_claims_a_minimum(self, rng):
        data = make_data(rng, "poisson")
        model = fitted("poisson", 0.0, data)
        assert "minimize the mean loss without fairness penalty" in model.certificate_.claim
        assert "shrinkage" not in [check.name for check in model.certificate_.checks]
        check = model.certificate_["optimality"]
        assert check.holds
        assert check.statistic <= check.bound

    def test_a_fit_that_did_not_finish(self, rng):
        data = make_data(rng, "poisson")
        model = make_model("poisson", 1.0, max_iter=1)
        with pytest.warns(UserWarning, match=r"stopped after 1 iterations.*Increase max_iter or tol"):
            fit(model, *data)
        assert not model.converged_
        assert model.certificate_["optimality"].holds is False
        assert model.n_iter_ == 1


class TestWithoutAttributes:
    @pytest.mark.parametrize("kind", ["squared_error", "binary"])
    def test_it_says_so(self, rng, kind):
        data = make_data(rng, kind)
        model = make_model(kind, 1.0)
        with pytest.warns(SensitiveFeaturesWarning, match="sensitive_features not given; fitted without a fairness"):
            model.fit(data.X, data.y)
        np.testing.assert_array_equal(model.coef_, make_model(kind, 0.0).fit(data.X, data.y).coef_)
        assert model.encoder_ is None
        assert np.isnan([model.penalty_value_, model.penalty_excess_, model.distance_correlation_]).all()
        assert model.certificate_
        assert "demographic" not in str(model.certificate_)


class Recorder:
    """A callback that counts the steps of a fit and may stop it."""

    def __init__(self, stop_at=None):
        self.stop_at, self.steps, self.states = stop_at, 0, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "fit":
            return False
        self.steps += 1
        return self.steps == self.stop_at


class TestCallbacks:
    def test_they_see_every_step(self, rng):
        data = make_data(rng, "poisson", n_samples=1000)
        recorder = Recorder()
        model = fit(make_model("poisson", 1.0).set_callbacks(recorder), *data)
        plain = fitted("poisson", 1.0, data)
        assert recorder.steps > model.n_iter_  # those of the fit without penalty come before
        np.testing.assert_array_equal(model.coef_, plain.coef_)

    def test_they_can_stop_the_fit(self, rng):
        data = make_data(rng, "poisson", n_samples=1000)
        model = fit(make_model("poisson", 1.0).set_callbacks(Recorder(stop_at=2)), *data)
        assert model.n_iter_ == 2
        assert not model.converged_
        assert model.certificate_["optimality"].holds is False
