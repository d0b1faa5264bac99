"""Treatment effects: hand formulas, statsmodels, invariances, clusters, bad input."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, ttest_ind
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from statlearn.debias._effects import estimate_ate
from statlearn.debias._trial import check_trial

RTOL = 1e-10  # different orders of the same sums


def confounded_trial(rng, n=2000, effect=1.5):
    """Outcomes, treatment, propensities and covariates of an observational study."""
    X = rng.normal(size=(n, 2))
    propensity = 1.0 / (1.0 + np.exp(-0.8 * X[:, 0] + 0.3))
    treatment = (rng.random(n) < propensity).astype(int)
    y = effect * treatment + X @ [1.0, -0.5] + rng.normal(size=n)
    return y, treatment, propensity, X


def test_difference_is_that_of_means_with_the_standard_error_of_welch(rng):
    y, treatment, _, _ = confounded_trial(rng)
    y[treatment == 1] *= 3.0
    result = estimate_ate(y, treatment)
    welch = ttest_ind(y[treatment == 1], y[treatment == 0], equal_var=False)
    assert_allclose(result.estimate, y[treatment == 1].mean() - y[treatment == 0].mean(), rtol=RTOL)
    assert_allclose(result.estimate / result.se, welch.statistic, rtol=RTOL)
    half = norm.ppf(0.975) * result.se
    assert_allclose(result.ci, [result.estimate - half, result.estimate + half], rtol=RTOL)


def test_horvitz_thompson_and_hajek_by_hand(rng):
    y, treatment, propensity, _ = confounded_trial(rng)
    z = treatment * y / propensity - (1 - treatment) * y / (1 - propensity)
    result = estimate_ate(y, treatment, propensity, estimator="ipw")
    assert_allclose(result.estimate, z.mean(), rtol=RTOL)
    assert_allclose(result.se, z.std(ddof=1) / np.sqrt(y.size), rtol=RTOL)
    treated, control = treatment / propensity, (1 - treatment) / (1 - propensity)
    hajek = np.average(y, weights=treated) - np.average(y, weights=control)
    assert_allclose(estimate_ate(y, treatment, propensity, estimator="hajek").estimate, hajek, rtol=RTOL)


def test_augmented_estimate_by_hand(rng):
    y, treatment, propensity, X = confounded_trial(rng)
    m1 = LinearRegression().fit(X[treatment == 1], y[treatment == 1]).predict(X)
    m0 = LinearRegression().fit(X[treatment == 0], y[treatment == 0]).predict(X)
    z = m1 - m0 + treatment * (y - m1) / propensity - (1 - treatment) * (y - m0) / (1 - propensity)
    result = estimate_ate(y, treatment, propensity, estimator="aipw", covariates=X)
    assert_allclose(result.estimate, z.mean(), rtol=RTOL)
    assert_allclose(result.se, z.std(ddof=1) / np.sqrt(y.size), rtol=RTOL)


def test_folds_of_the_outcome_model_by_hand(rng):
    y, treatment, propensity, X = confounded_trial(rng, n=200)
    folds = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    m = np.empty((2, 200))
    for train, test in folds:
        for arm in (0, 1):
            rows = train[treatment[train] == arm]
            m[arm, test] = LinearRegression().fit(X[rows], y[rows]).predict(X[test])
    z = m[1] - m[0] + treatment * (y - m[1]) / propensity - (1 - treatment) * (y - m[0]) / (1 - propensity)
    result = estimate_ate(y, treatment, propensity, estimator="aipw", covariates=X, cv=folds)
    assert_allclose(result.estimate, z.mean(), rtol=RTOL)


def test_folds_refer_to_all_units_also_if_some_have_the_weight_zero(rng):
    y, treatment, propensity, X = confounded_trial(rng, n=200)
    weights = np.arange(200) % 4
    folds = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    rows = weights > 0
    halves = [(np.arange(75), np.arange(75, 150)), (np.arange(75, 150), np.arange(75))]  # of what is left
    options = {"estimator": "aipw"}
    kept = estimate_ate(y, treatment, propensity, covariates=X, weights=weights, cv=folds, **options)
    dropped = estimate_ate(
        y[rows], treatment[rows], propensity[rows], covariates=X[rows], weights=weights[rows], cv=halves, **options
    )
    assert_allclose([kept.estimate, kept.se], [dropped.estimate, dropped.se], rtol=RTOL)


def test_statsmodels_agrees(rng):
    sm = pytest.importorskip("statsmodels.api")
    effects = pytest.importorskip("statsmodels.treatment.treatment_effects")
    y, treatment, _, X = confounded_trial(rng, n=4000)
    design = sm.add_constant(X)
    propensity_model = sm.Logit(treatment, design).fit(disp=0)
    peer = effects.TreatmentEffect(sm.OLS(y, design), treatment, propensity_model)
    propensity = propensity_model.predict()
    hajek = estimate_ate(y, treatment, propensity, estimator="hajek")
    augmented = estimate_ate(y, treatment, propensity, estimator="aipw", covariates=X)
    peer_hajek, peer_augmented = peer.ipw(), peer.aipw()
    # theirs solves moment conditions by an optimizer with a tolerance of its own
    assert_allclose(hajek.estimate, peer_hajek.effect[0], rtol=1e-6)
    assert_allclose(augmented.estimate, peer_augmented.effect[0], rtol=1e-6)
    # their standard errors count the estimation of the propensities: no first-order difference for the augmented
    # estimate, and a smaller standard error for Hájek's
    assert_allclose(augmented.se, peer_augmented.results_gmm.bse[0], rtol=0.02)
    assert hajek.se > peer_hajek.results_gmm.bse[0]


@pytest.mark.parametrize("estimator", ["difference", "ipw", "hajek", "aipw"])
class TestEstimators:
    """What holds for each estimator."""

    def arguments(self, rng, estimator, n=600):
        y, treatment, propensity, X = confounded_trial(rng, n)
        options = {"estimator": estimator}
        if estimator != "difference":
            options["propensity"] = propensity
        if estimator == "aipw":
            options["covariates"] = X
        return y, treatment, options

    def test_scales_with_the_outcome(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        first, second = estimate_ate(y, treatment, **options), estimate_ate(-3.0 * y, treatment, **options)
        assert_allclose(second.estimate, -3.0 * first.estimate, rtol=RTOL)
        assert_allclose(second.se, 3.0 * first.se, rtol=RTOL)

    def test_order_of_units_does_not_matter(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        order = rng.permutation(y.size)
        shuffled = {name: value if isinstance(value, str) else value[order] for name, value in options.items()}
        first, second = estimate_ate(y, treatment, **options), estimate_ate(y[order], treatment[order], **shuffled)
        assert_allclose([second.estimate, second.se], [first.estimate, first.se], rtol=1e-9)

    def test_weights_are_repeated_units(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        repeats = rng.integers(0, 4, size=y.size)
        rows = np.repeat(np.arange(y.size), repeats)
        repeated = {name: value if isinstance(value, str) else value[rows] for name, value in options.items()}
        weighted = estimate_ate(y, treatment, weights=5.0 * repeats, **options)
        assert_allclose(weighted.estimate, estimate_ate(y[rows], treatment[rows], **repeated).estimate, rtol=1e-9)

    def test_equal_weights_are_none(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        first, second = (estimate_ate(y, treatment, weights=w, **options) for w in (None, np.full(y.size, 0.3)))
        assert_allclose([second.estimate, second.se], [first.estimate, first.se], rtol=RTOL)

    def test_clusters_of_copies_have_the_standard_error_of_one_copy(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        thrice = np.tile(np.arange(y.size), 3)
        copies = {name: value if isinstance(value, str) else value[thrice] for name, value in options.items()}
        once = estimate_ate(y, treatment, clusters=np.arange(y.size), **options)
        result = estimate_ate(y[thrice], treatment[thrice], clusters=thrice.astype(str), **copies)
        assert_allclose([result.estimate, result.se], [once.estimate, once.se], rtol=1e-9)
        assert result.certificate["clusters"].statistic == y.size

    def test_clusters_of_one_unit_are_none(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator)
        first, second = (estimate_ate(y, treatment, clusters=c, **options) for c in (None, np.arange(y.size)))
        assert_allclose([second.estimate, second.se], [first.estimate, first.se], rtol=RTOL)

    def test_units_of_weight_zero_are_left_out(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator, n=300)
        weights, clusters = rng.integers(3, size=300), np.arange(300) // 4
        weights[:40] = 0  # ten clusters of no weight
        rows = weights > 0
        left = {name: value if isinstance(value, str) else value[rows] for name, value in options.items()}
        kept = estimate_ate(y, treatment, weights=weights, clusters=clusters, **options)
        dropped = estimate_ate(y[rows], treatment[rows], weights=weights[rows], clusters=clusters[rows], **left)
        assert_allclose([kept.estimate, kept.se], [dropped.estimate, dropped.se], rtol=RTOL)
        assert kept.n == dropped.n
        assert kept.certificate == dropped.certificate

    def test_lists_and_booleans(self, rng, estimator):
        y, treatment, options = self.arguments(rng, estimator, n=50)
        plain = {name: value if isinstance(value, str) else value.tolist() for name, value in options.items()}
        first = estimate_ate(y, treatment, **options)
        assert estimate_ate(y.tolist(), treatment.astype(bool).tolist(), **plain).estimate == first.estimate

    def test_intervals_cover(self, rng, estimator):
        hits = []
        for _ in range(400):
            y, treatment, options = self.arguments(rng, estimator, n=400)
            if estimator == "difference":  # treatment is assigned at random
                untreated = y - 1.5 * treatment
                treatment = rng.permutation(treatment)
                y = untreated + 1.5 * treatment
            low, high = estimate_ate(y, treatment, **options).ci
            hits.append(low < 1.5 < high)
        assert 0.91 <= np.mean(hits) <= 0.985  # 95 %, and 3.5 standard errors of a share of 400


def test_random_treatment_of_clusters_needs_clusters(rng):
    # a treatment that is the same for a whole cluster: units by themselves promise too much
    cluster = np.repeat(np.arange(60), 20)
    errors_alone, errors_clustered, estimates = [], [], []
    for _ in range(200):
        treatment = rng.permutation(np.arange(60) % 2)[cluster]
        y = rng.normal(size=60)[cluster] + rng.normal(size=1200)
        estimates.append(estimate_ate(y, treatment).estimate)
        errors_alone.append(estimate_ate(y, treatment).se)
        errors_clustered.append(estimate_ate(y, treatment, clusters=cluster).se)
    spread = np.std(estimates)
    assert_allclose(np.mean(errors_clustered), spread, rtol=0.15)  # 3 standard errors of a standard deviation of 200
    assert np.mean(errors_alone) < 0.5 * spread


def test_arms_of_whole_clusters_have_the_standard_error_of_welch(rng):
    """Of their clusters: two treated villages vary as two, however many there are in the other arm."""
    cluster = np.repeat(np.arange(12), 5)
    means = rng.normal(size=12)
    welch = ttest_ind(means[:2], means[2:], equal_var=False)
    result = estimate_ate(means[cluster], cluster < 2, clusters=cluster)
    assert_allclose(result.estimate / result.se, welch.statistic, rtol=RTOL)


def test_augmented_estimate_is_doubly_robust(rng):
    y, treatment, propensity, X = confounded_trial(rng, n=20_000)
    wrong_model = estimate_ate(y, treatment, propensity, estimator="aipw", covariates=rng.normal(size=(y.size, 1)))
    wrong_propensity = estimate_ate(y, treatment, 0.5, estimator="aipw", covariates=X)
    for result in (wrong_model, wrong_propensity):
        assert abs(result.estimate - 1.5) < 4.0 * result.se
    assert abs(estimate_ate(y, treatment).estimate - 1.5) > 0.3


def test_flexible_outcome_model_with_folds_of_whole_clusters(rng):
    y, treatment, propensity, X = confounded_trial(rng, n=3000)
    model = HistGradientBoostingRegressor(max_iter=30)
    clusters = np.arange(3000) // 3
    options = {"estimator": "aipw", "outcome_model": model, "covariates": X}
    result = estimate_ate(y, treatment, propensity, cv=3, clusters=clusters, **options)
    assert abs(result.estimate - 1.5) < 4.0 * result.se
    folds = check_trial(treatment, propensity, cv=3, clusters=clusters, **options).folds
    assert all(not set(clusters[train]) & set(clusters[test]) for train, test in folds)


def test_covariates_of_a_data_frame_reach_the_outcome_model_as_they_are(rng):
    pd = pytest.importorskip("pandas")
    y, treatment, propensity, X = confounded_trial(rng, n=500)
    frame = pd.DataFrame({"age": X[:, 0], "dose": X[:, 1], "site": np.where(X[:, 0] > 0, "north", "south")})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["site"]), remainder="passthrough"), LinearRegression()
    )
    arguments = y, treatment, propensity
    by_name = estimate_ate(*arguments, estimator="aipw", outcome_model=model, covariates=frame, cv=3)
    indicators = np.column_stack([X[:, 0] > 0, X])
    assert_allclose(
        by_name.estimate, estimate_ate(*arguments, estimator="aipw", covariates=indicators, cv=3).estimate, rtol=1e-8
    )


def test_estimated_propensities_are_cautious(rng):
    """Estimated propensities make Hájek's estimate better than known ones, and the standard error does not count it."""
    estimates, errors = [], []
    for _ in range(200):
        y, treatment, _, X = confounded_trial(rng, n=500)
        propensity = LogisticRegression(C=1e6).fit(X, treatment).predict_proba(X)[:, 1]
        result = estimate_ate(y, treatment, propensity, estimator="hajek")
        estimates.append(result.estimate)
        errors.append(result.se)
    assert np.std(estimates) < np.mean(errors)


def test_clipped_propensities_are_reported(rng):
    y, treatment, propensity, _ = confounded_trial(rng)
    propensity[:3] = 1e-9
    result = estimate_ate(y, treatment, propensity, estimator="hajek", clip=0.01)
    check = result.certificate["propensities clipped"]
    assert check.statistic == np.mean((propensity < 0.01) | (propensity > 0.99))
    assert check.holds is False
    assert not result.certificate


def test_wrong_propensities_are_noticed(rng):
    y, treatment, propensity, _ = confounded_trial(rng)
    right = estimate_ate(y, treatment, propensity, estimator="hajek").certificate
    wrong = estimate_ate(y, treatment, 1.0 - propensity, estimator="hajek").certificate
    assert right["propensities"].holds and not wrong["propensities"].holds


def test_certificate_of_a_difference_is_undecided(rng):
    y, treatment, _, _ = confounded_trial(rng)
    certificate = estimate_ate(y, treatment).certificate
    assert certificate.holds is None
    assert "treatment is assigned independently" in str(certificate)
    assert certificate["units"].detail == f"{treatment.sum()} treated, {(1 - treatment).sum()} not"


def test_input_is_not_changed(rng):
    y, treatment, propensity, _ = confounded_trial(rng, n=100)
    for array in (y, treatment, propensity):
        array.flags.writeable = False
    estimate_ate(y, treatment, propensity, estimator="ipw", clip=0.4, weights=y**2)


def test_defaults_of_the_check_are_those_of_the_function():
    public, private = (inspect.signature(function).parameters for function in (estimate_ate, check_trial))
    assert {name: p.default for name, p in private.items()} == {
        name: p.default for name, p in public.items() if name != "y"
    }


Y, A = [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0, np.nan, 2.0, 3.0], A), {}, "Input y contains NaN"),
        ((Y[:3], A), {}, "inconsistent numbers of samples"),
        ((Y, [1, 2, 1, 2]), {}, "treatment must be 1 for treated units and 0 for the others. Got the values 1, 2"),
        ((Y, list("abab")), {}, "treatment must be 1 for treated"),
        ((Y, [1, 0, 0, 0]), {}, "at least two treated units of positive weight. Got 1"),
        ((Y, A), {"weights": [1, 1, 1, 0]}, "at least two control units of positive weight. Got 1"),
        ((Y, A), {"weights": [1, 1, 1, -1]}, "weights must be finite and non-negative"),
        ((Y, A), {"weights": [1, 1, 1]}, "weights must have 4 entries"),
        ((Y, A), {"weights": [0, 0, 0, 0]}, "weights must not sum to zero"),
        ((Y, A), {"propensity": 0.5}, "propensity is not used by estimator='difference'"),
        ((Y, A), {"estimator": "ipw"}, "propensity must be given for estimator='ipw'"),
        ((Y, A, [0.5, 0.5, 0.5, 1.0]), {"estimator": "ipw"}, "propensity must be strictly between 0 and 1. Got 1"),
        ((Y, A, [0.5, 0.5, 0.5, 0.0]), {"estimator": "ipw"}, "propensity must be strictly between 0 and 1. Got 0"),
        ((Y, A, [0.5, 0.5, 0.5]), {"estimator": "ipw"}, "propensity must have one entry per unit, 4 in all. Got 3"),
        ((Y, A, 0.5), {"estimator": "aipw"}, "covariates must be given for estimator='aipw'"),
        ((Y, A), {"covariates": np.ones((4, 1))}, "used by estimator='aipw' only"),
        ((Y, A), {"clusters": [1, 1, 2]}, "clusters must have one label per unit, 4 in all. Got 3"),
        ((Y, A), {"clusters": [1, 1, 1, 1]}, "clusters must have at least two labels"),
        ((Y, A), {"clusters": [1, 1, 2, 3]}, "clusters must have at least two labels among the treated units"),
        (
            (Y, A),
            {"clusters": [1, 2, 3, None]},
            "clusters must not have missing labels. Got 1, the first at position 3",
        ),
        ((Y, [1, 1, 0, None]), {}, "treatment must not have missing values. Got 1, the first at position 3"),
        ((Y, [1, 1, 0, np.nan]), {}, "treatment must not have missing values"),
        ((Y, A, 0.5), {"estimator": "aipw", "covariates": np.eye(4), "cv": [(A, [0, 1])]}, "hold out each row exactly"),
        ((Y, A), {"level": 1.0}, "level"),
        ((Y, A), {"estimator": "matching"}, "estimator"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        estimate_ate(*arguments, **options)


def test_outcome_model_without_weights_is_refused_where_weights_differ(rng):
    y, treatment, propensity, X = confounded_trial(rng, n=100)
    options = {"estimator": "aipw", "outcome_model": KNeighborsRegressor(), "covariates": X}
    assert estimate_ate(y, treatment, propensity, **options).se > 0.0
    with pytest.raises(ValueError, match="outcome_model must take sample_weight in fit"):
        estimate_ate(y, treatment, propensity, weights=np.arange(1, 101), **options)


def test_masked_arrays_are_refused():
    masked = np.ma.masked_array(Y, mask=[True, False, False, False])
    for arguments, options in (((masked, A), {}), ((Y, masked), {}), ((Y, A), {"clusters": masked})):
        with pytest.raises(TypeError, match="must not be a masked array. Got one with 1 masked entries"):
            estimate_ate(*arguments, **options)


def test_series_of_other_units_are_refused():
    pd = pytest.importorskip("pandas")
    treatment = pd.Series(A, index=[3, 2, 1, 0])
    with pytest.raises(ValueError, match="y and treatment must have the same index"):
        estimate_ate(pd.Series(Y), treatment)
    assert estimate_ate(pd.Series(Y, index=treatment.index), treatment).estimate == estimate_ate(Y, A).estimate


def test_printed_result():
    text = str(estimate_ate([3.0, 4.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0], level=0.9))
    assert text == "Effect (difference): 3, standard error 0.8165, 90 % interval (1.657, 4.343), 6 units"
