"""Published fits: R's ordinal::clm, VGAM::vglm and MASS::polr on soup, wine and housing; constrained soup optima."""

import numpy as np
import pytest

from statlearn.ordinal import (
    PrestoClassifier,
    ProportionalOddsClassifier,
    parallelism_test,
    presto_alpha_max,
    presto_path,
)

from .reference import ConvexProgram, information, loss_gradient

pytestmark = pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")

pd = pytest.importorskip("pandas")

SOUP_REFERENCES = {
    "PROD": "Ref",
    "DAY": 1,
    "SOUPTYPE": "Self-made",
    "SOUPFREQ": ">1/week",
    "COLD": "No",
    "EASY": 1,
    "GENDER": "Male",
    "AGEGROUP": "18-30",
    "LOCATION": "Region 1",
}
HOUSING_LEVELS = {
    "Infl": ["Low", "Medium", "High"],
    "Type": ["Tower", "Apartment", "Atrium", "Terrace"],
    "Cont": ["Low", "High"],
}
AUTHORS_STALL = 0.01137  # below this alpha the authors' code returns one and the same fit


def dummies(frame, references):
    """0/1 columns of every level but the reference, named ``column=level``."""
    columns = {
        f"{name}={level}": (frame[name] == level).astype(float)
        for name, reference in references.items()
        for level in sorted(frame[name].unique())
        if level != reference
    }
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def soup(shared_data):
    """22 dummies; classes from surest (0) to "not sure at all" (5), 228 of 1847 rows."""
    frame = pd.read_csv(shared_data / "ordinal" / "soup.csv")
    X = dummies(frame, SOUP_REFERENCES)
    assert X.shape == (1847, 22)
    return X.to_numpy(), 6 - frame["SURENESS"].to_numpy()


@pytest.fixture(scope="module")
def wine(shared_data):
    frame = pd.read_csv(shared_data / "ordinal" / "wine.csv")
    return dummies(frame, {"temp": "cold", "contact": "no"}), frame["rating"]


@pytest.fixture(scope="module")
def housing(shared_data):
    frame = pd.read_csv(shared_data / "ordinal" / "housing.csv")
    X = dummies(frame, {name: levels[0] for name, levels in HOUSING_LEVELS.items()})
    y = pd.Categorical(frame["Sat"], categories=["Low", "Medium", "High"], ordered=True)
    return X, y, frame["Freq"].to_numpy(dtype=float)


class TestProportionalOdds:
    def test_soup(self, soup):
        model = ProportionalOddsClassifier().fit(*soup)
        assert model.log_likelihood_ == pytest.approx(-2664.745582, abs=2e-6)

    def test_soup_reversed(self, soup):
        X, y = soup
        assert ProportionalOddsClassifier().fit(X, -y).log_likelihood_ == pytest.approx(-2664.745582, abs=2e-6)

    def test_soup_as_the_limit_of_presto(self, soup):
        model = PrestoClassifier(np.inf, base_penalty=0.0).fit(*soup)
        assert model.log_likelihood_ == pytest.approx(-2664.745582, abs=2e-6)
        np.testing.assert_array_equal(model.coef_diff_[1:], 0.0)

    def test_wine(self, wine):
        model = ProportionalOddsClassifier().fit(*wine)
        assert model.log_likelihood_ == pytest.approx(-86.491923, abs=1e-6)
        np.testing.assert_allclose(model.thresholds_, [-1.344383, 1.250809, 3.466887, 5.006404], rtol=0, atol=2e-6)
        np.testing.assert_allclose(model.slopes_, [2.503102, 1.527798], rtol=0, atol=2e-6)
        np.testing.assert_allclose(model.standard_errors_[4:], [0.528680, 0.476623], rtol=0, atol=2e-6)
        np.testing.assert_array_equal(model.intercept_, -model.thresholds_)
        np.testing.assert_array_equal(model.coef_, np.tile(model.slopes_, (4, 1)))
        assert model.cov_params_.shape == (6, 6)
        np.testing.assert_allclose(np.sqrt(np.diag(model.cov_params_)), model.standard_errors_, rtol=1e-12)

    def test_wine_information_criteria(self, wine):
        model = ProportionalOddsClassifier().fit(*wine)
        assert model.aic_ == pytest.approx(2 * 86.491923 + 2 * 6, abs=1e-5)
        assert model.bic_ == pytest.approx(2 * 86.491923 + np.log(72) * 6, abs=1e-5)

    def test_wine_intervals(self, wine):
        model = ProportionalOddsClassifier().fit(*wine)
        interval = np.asarray(model.conf_int(level=0.95))
        estimate = np.append(model.thresholds_, model.slopes_)
        half = 1.959963984540054 * model.standard_errors_
        np.testing.assert_allclose(interval, np.column_stack([estimate - half, estimate + half]), rtol=1e-9)
        assert (np.diff(np.asarray(model.conf_int(level=0.5))) < np.diff(interval)).all()

    def test_housing(self, housing):
        X, y, weights = housing
        model = ProportionalOddsClassifier().fit(X, y, sample_weight=weights)
        assert model.log_likelihood_ == pytest.approx(-1739.574650, abs=1e-6)
        assert list(model.classes_) == ["Low", "Medium", "High"]

    def test_housing_grouped_equals_repeated_rows(self, housing):
        X, y, weights = housing
        repeat = np.repeat(np.arange(len(y)), weights.astype(int))
        assert len(repeat) == 1681
        grouped = ProportionalOddsClassifier().fit(X, y, sample_weight=weights)
        repeated = ProportionalOddsClassifier().fit(X.iloc[repeat], y[repeat])
        np.testing.assert_allclose(grouped.slopes_, repeated.slopes_, atol=1e-8)
        np.testing.assert_allclose(grouped.standard_errors_, repeated.standard_errors_, rtol=1e-7)


class TestNonParallel:
    def test_housing_without_penalty(self, housing):
        X, y, weights = housing
        model = PrestoClassifier(0.0, base_penalty=0.0, crossing="observed").fit(X, y, sample_weight=weights)
        assert model.log_likelihood_ == pytest.approx(-1735.289350, abs=1e-6)
        assert model.coef_diff_.shape == (2, 6) and (model.coef_diff_ != 0).all()

    def test_housing_tests_of_parallelism(self, housing):
        X, y, weights = housing
        terms = {name: [c for c in X.columns if c.startswith(f"{name}=")] for name in HOUSING_LEVELS}
        result = parallelism_test(X, y, features=terms, method="lr", sample_weight=weights)
        assert tuple(result.groups) == ("Infl", "Type", "Cont")
        np.testing.assert_allclose(result.statistic, [1.1065, 5.7337, 2.4446], rtol=0, atol=6e-5)
        assert list(result.df) == [2, 3, 1]
        assert result.global_statistic == pytest.approx(8.5706, abs=6e-5)
        assert result.global_df == 6

    def test_housing_p_values(self, housing):
        from scipy.stats import chi2

        X, y, weights = housing
        result = parallelism_test(X, y, method="lr", sample_weight=weights)
        assert tuple(result.groups) == tuple(X.columns)
        np.testing.assert_allclose(result.p_value, chi2.sf(result.statistic, result.df), rtol=1e-12)
        assert result.global_p_value == pytest.approx(chi2.sf(8.5706, 6), abs=1e-5)

    def test_housing_score_and_wald_tests(self, housing):
        """Both from their definitions, with the observed information by central differences."""
        X, y, weights = housing
        table, codes, total = X.to_numpy(), y.codes, weights.sum()
        terms = {name: [i for i, c in enumerate(X.columns) if c.startswith(f"{name}=")] for name in HOUSING_LEVELS}
        found = {
            method: parallelism_test(X, y, features=terms, method=method, sample_weight=weights)
            for method in ("score", "wald")
        }
        null = ProportionalOddsClassifier().fit(X, y, sample_weight=weights)
        score = -total * loss_gradient(table, codes, null.intercept_, null.coef_, weights)[1]
        for group, columns in enumerate(terms.values()):
            support = np.zeros((2, 6), dtype=bool)
            support[0], support[1, columns] = True, True
            tested = np.r_[np.zeros(2 + 6, dtype=bool), np.ones(len(columns), dtype=bool)]
            covariance = np.linalg.inv(information(table, codes, null.intercept_, null.coef_, support, weights))
            expected = score[1, columns] @ covariance[np.ix_(tested, tested)] @ score[1, columns]
            assert found["score"].statistic[group] == pytest.approx(expected, rel=1e-5)

            factor = np.ones(6)
            factor[columns] = 0.0  # only the tested columns are free to differ between the cuts
            free = PrestoClassifier(1e6, base_penalty=0.0, penalty_factor=factor, crossing="observed", tol=1e-9)
            free.fit(X, y, sample_weight=weights)
            estimate = (free.coef_diff_ * free.scale_)[1, columns]
            covariance = np.linalg.inv(information(table, codes, free.intercept_, free.coef_, support, weights))
            expected = estimate @ np.linalg.solve(covariance[np.ix_(tested, tested)], estimate)
            assert found["wald"].statistic[group] == pytest.approx(expected, rel=1e-5)


class TestSoupPath:
    """Defects (ii) and (iv) of the authors' code: wrong intercepts, and a stall at the first crossing."""

    def test_goes_past_the_fit_at_which_the_authors_solver_stalls(self, soup):
        """Their fit has -2617.580; the minimum there, by the convex program, has -2616.7446 and 1.44497089."""
        model = PrestoClassifier(AUTHORS_STALL).fit(*soup)
        assert model.log_likelihood_ == pytest.approx(-2616.7446, abs=0.005)
        assert model.objective_ == pytest.approx(1.44497089, abs=2e-8)

    def test_intercepts_belong_to_the_solution(self, soup):
        """The authors' intercepts give a mean rare probability of 0.086 and a log-likelihood of -2694.4 here."""
        X, y = soup
        model = PrestoClassifier(AUTHORS_STALL).fit(X, y)
        probabilities = model.predict_proba(X)
        assert probabilities[:, 5].mean() == pytest.approx(0.126, abs=5e-4)
        assert np.log(probabilities[np.arange(len(y)), y]).sum() == pytest.approx(model.log_likelihood_, abs=1e-6)

    def test_constrained_optimum(self, soup):
        model = PrestoClassifier(0.0016355).fit(*soup)
        assert model.log_likelihood_ == pytest.approx(-2590.31, abs=0.005)
        assert model.n_crossing_train_ == 0
        oracle = ConvexProgram(*soup, crossing="train").solve(0.0016355)[0]
        assert model.objective_ == pytest.approx(oracle, rel=1e-7)
        free = PrestoClassifier(0.0016355, crossing="observed").fit(*soup)
        assert free.n_crossing_train_ > 0 and free.objective_ < model.objective_

    def test_no_stall(self, soup):
        alphas = AUTHORS_STALL * np.array([1.0, 0.9, 0.7, 0.5, 0.3, 0.2, 0.0016355 / AUTHORS_STALL])
        path = presto_path(*soup, alphas=alphas)
        np.testing.assert_allclose(path.alphas, alphas, rtol=1e-12)
        assert (np.diff(path.log_likelihood) > 0.5).all()
        assert (np.diff(path.objectives) < 0).all()
        assert np.asarray(path.n_crossing).max() == 0
        assert path.log_likelihood[-1] == pytest.approx(-2590.31, abs=0.005)

    def test_alpha_max(self, soup):
        """All slopes vanish at the largest gradient of the closed-form intercept-only fit."""
        X, y = soup
        below = np.cumsum(np.bincount(y))[:-1] / len(y)
        intercepts_only = -np.log(below / (1 - below))
        gradient, slope_gradient = loss_gradient(X, y, intercepts_only, np.zeros((5, 22)))
        assert np.abs(gradient).max() < 1e-14
        assert presto_alpha_max(X, y) == pytest.approx(np.abs(slope_gradient).max(), rel=1e-10)
        halved = np.abs(slope_gradient / np.array([0.5, 1, 1, 1, 1])[:, None]).max()
        assert presto_alpha_max(X, y, base_penalty=0.5) == pytest.approx(halved, rel=1e-10)
