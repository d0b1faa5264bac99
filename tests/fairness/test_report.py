"""The report: its figures from other sources, its tables, and what it does with small groups."""

import re

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from statlearn.dependence import (
    concatenated_distance_covariance,
    distance_correlation,
    joint_distance_covariance,
)
from statlearn.exceptions import ConstantAttributeWarning, SensitiveFeaturesWarning
from statlearn.fairness import (
    ProtectedEncoder,
    fairness_report,
    jensen_shannon_divergence,
    unfairness_ratio,
    wasserstein_disparity,
)

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

RTOL = 1e-10


@pytest.fixture
def audit(rng):
    """Outcomes, predictions and attributes of 400 rows; three are of a rare level."""
    n = 400
    sensitive = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": np.r_[["rare"] * 3, rng.choice(["a", "b"], n - 3)],
            "age": rng.uniform(18, 80, n),
        }
    )
    y_pred = 1.0 / (1.0 + np.exp(-rng.normal(size=n) - (sensitive["sex"] == "m")))
    return (rng.random(n) < y_pred).astype(int), y_pred.to_numpy(), sensitive


class TestFigures:
    def test_groups_against_plain_formulas(self, audit):
        y_true, y_pred, sensitive = audit
        frame = fairness_report(y_true, y_pred, sensitive, bins=[18, 40, 80]).to_frame()
        assert frame["attribute"].unique().tolist() == ["sex", "race", "age", "intersection"]
        for row in frame.itertuples():
            inside = np.ones(len(y_pred), dtype=bool)
            for name, level in re.findall(r"(\w+)=(\[[^\])]*[\])]|\w+)", row.group):
                if name == "age":
                    inside &= (sensitive["age"] < 40) == level.startswith("[18")
                else:
                    inside &= sensitive[name] == level
            assert row.n == inside.sum()
            assert row.mean_prediction == pytest.approx(y_pred[inside].mean(), rel=RTOL)
            assert row.mean_outcome == pytest.approx(y_true[inside].mean(), rel=RTOL)
            assert row.ratio == pytest.approx(y_pred[inside].mean() / y_pred.mean(), rel=RTOL)
            assert row.wasserstein == pytest.approx(wasserstein_distance(y_pred[inside], y_pred[~inside]), rel=RTOL)
            assert row.ks == pytest.approx(ks_2samp(y_pred[inside], y_pred[~inside]).statistic, rel=RTOL)
            assert row.small == (inside.sum() < 30)
        for attribute, rows in frame.groupby("attribute"):
            assert rows["n"].sum() == len(y_pred), attribute

    def test_overall_figures_against_the_functions(self, audit):
        y_true, y_pred, sensitive = audit
        overall = fairness_report(y_true, y_pred, sensitive, min_group=0).overall
        encoder = ProtectedEncoder().fit(sensitive)
        blocks = encoder.split(encoder.transform(sensitive))
        free = joint_distance_covariance(*blocks)
        expected = {
            "distance_correlation": distance_correlation(y_pred, np.hstack(blocks)),
            "ccdcov": concatenated_distance_covariance(y_pred, *blocks),
            "jdcov_excess": joint_distance_covariance(y_pred, *blocks) - free,
            "jsd": jensen_shannon_divergence(y_pred, sensitive, bins=4),
            "jsd_scott": jensen_shannon_divergence(y_pred, sensitive, bins=4, bandwidth="scott"),
            "unfairness_ratio": unfairness_ratio(y_pred, sensitive, bins=4),
            "unfairness_ratio_large": unfairness_ratio(y_pred, sensitive, bins=4),
            "wasserstein": wasserstein_disparity(y_pred, sensitive, bins=4),
        }
        gap = overall.pop("mean_gap")
        assert overall == pytest.approx(expected, rel=1e-9)
        frame = fairness_report(y_true, y_pred, sensitive).to_frame()
        means = frame.loc[frame["attribute"] == "intersection", "mean_prediction"]
        assert gap == pytest.approx(np.ptp(means), rel=RTOL)

    def test_ties(self, rng):
        y_pred, sex = rng.integers(0, 4, 200).astype(float), rng.choice(["f", "m"], 200)
        groups = fairness_report(y_pred, y_pred, sex).groups
        inside = sex == "f"
        assert groups["ks"][0] == pytest.approx(ks_2samp(y_pred[inside], y_pred[~inside]).statistic, rel=RTOL)
        expected = wasserstein_distance(y_pred[inside], y_pred[~inside])
        assert groups["wasserstein"] == pytest.approx([expected, expected], rel=RTOL)

    def test_one_attribute_has_no_intersections(self, audit):
        y_true, y_pred, sensitive = audit
        report = fairness_report(y_true, y_pred, sensitive["sex"])
        assert report.groups["group"].tolist() == ["sex=f", "sex=m"]
        assert report.overall["ccdcov"] == pytest.approx(report.overall["jdcov_excess"], rel=1e-9)

    def test_weights_are_repetitions(self, audit, rng):
        y_true, y_pred, sensitive = audit
        weights = rng.integers(0, 4, len(y_pred))
        weighted = fairness_report(y_true, y_pred, sensitive, bins=2, sample_weight=weights)
        rows = np.repeat(np.arange(len(y_pred)), weights)
        repeated = fairness_report(y_true[rows], y_pred[rows], sensitive.iloc[rows], bins=2)
        assert weighted.overall == pytest.approx(repeated.overall, rel=1e-9)
        pd.testing.assert_frame_equal(weighted.to_frame(), repeated.to_frame(), check_exact=False, rtol=1e-9)
        assert weighted.n_samples == weights.sum()

    def test_order_of_rows_and_kind_of_table(self, audit, rng):
        y_true, y_pred, sensitive = audit
        expected = fairness_report(y_true, y_pred, sensitive, bins=2)
        order = rng.permutation(len(y_pred))
        for table in (sensitive, sensitive.to_numpy()):
            table = table[order] if isinstance(table, np.ndarray) else table.iloc[order]
            found = fairness_report(y_true[order], y_pred[order], table, bins=2)
            assert found.overall == pytest.approx(expected.overall, rel=1e-9)
        assert fairness_report(y_true, y_pred, pl.from_pandas(sensitive), bins=2).overall == expected.overall


class TestSmallGroups:
    def test_they_are_listed_and_left_out_of_maxima(self, audit):
        y_true, y_pred, sensitive = audit
        extreme = np.where(sensitive["race"] == "rare", 9.0, y_pred)
        attributes = sensitive[["race"]]
        report = fairness_report(y_true, extreme, attributes)
        position = report.groups["group"].tolist().index("race=rare")
        assert report.groups["small"].tolist().count(True) == 1
        assert report.groups["small"][position]
        assert report.groups["mean_prediction"][position] == 9.0
        assert report.overall["mean_gap"] < 1.0
        assert report.overall["wasserstein"] < 1.0
        others = (sensitive["race"] != "rare").to_numpy()
        expected = unfairness_ratio(extreme[others], attributes[others])
        assert report.overall["unfairness_ratio_large"] == pytest.approx(expected, rel=1e-9)
        assert report.overall["unfairness_ratio"] > 1.0
        everyone = fairness_report(y_true, extreme, attributes, min_group=3)
        assert everyone.overall["mean_gap"] > 8.0
        assert everyone.overall["wasserstein"] > 8.0
        assert report.certificate["small groups"].statistic == 1
        assert "1 with fewer than 30 rows" in str(report)

    def test_fewer_than_two_large_groups(self, audit):
        y_true, y_pred, sensitive = audit
        overall = fairness_report(y_true, y_pred, sensitive["sex"], min_group=1000).overall
        for name in ("mean_gap", "wasserstein", "unfairness_ratio_large"):
            assert overall[name] is None
        assert overall["unfairness_ratio"] is not None

    def test_weights_decide_what_is_small(self, audit):
        y_true, y_pred, sensitive = audit
        weights = np.where(sensitive["race"] == "rare", 20.0, 1.0)
        assert not fairness_report(y_true, y_pred, sensitive["race"], sample_weight=weights).groups["small"].any()


class TestEdges:
    def test_predictions_on_a_scale_that_the_fixed_bandwidth_misses(self, audit):
        y_true, y_pred, sensitive = audit
        report = fairness_report(y_true, 1e5 * y_pred, sensitive)
        assert report.overall["jsd"] is None
        assert report.certificate["jsd"].statistic is None
        small = fairness_report(y_true, y_pred, sensitive).overall
        for name in ("jsd_scott", "unfairness_ratio", "distance_correlation"):
            assert report.overall[name] == pytest.approx(small[name], rel=1e-6)

    def test_constant_predictions(self, audit):
        y_true, _, sensitive = audit
        report = fairness_report(y_true, np.full(400, 0.3), sensitive, bins=2)
        assert report.overall == pytest.approx(dict.fromkeys(report.overall, 0.0), abs=1e-15)
        np.testing.assert_array_equal(report.groups["ks"], 0.0)

    def test_a_mean_of_zero_has_no_ratio(self):
        report = fairness_report([0, 1, 0, 1], [-1.0, 1.0, -2.0, 2.0], ["f", "f", "m", "m"])
        assert np.isnan(report.groups["ratio"]).all()
        assert "nan" not in str(report)

    def test_constant_attribute(self, audit):
        y_true, y_pred, _ = audit
        with pytest.warns(ConstantAttributeWarning):
            report = fairness_report(y_true, y_pred, ["all"] * 400)
        assert report.groups["wasserstein"].tolist() == report.groups["ks"].tolist() == [0.0]
        assert report.overall["unfairness_ratio"] == 0.0

    def test_too_few_rows(self):
        with pytest.raises(ValueError, match="at least 4 samples"):
            fairness_report([0, 1, 0], [0.1, 0.2, 0.3], ["f", "m", "m"])

    def test_bad_input(self, audit):
        y_true, y_pred, sensitive = audit
        with pytest.raises(ValueError, match="inconsistent numbers of samples: y_true has 399 and y_pred 400"):
            fairness_report(y_true[1:], y_pred, sensitive)
        with pytest.raises(ValueError, match="sensitive_features has 399 rows for 400"):
            fairness_report(y_true, y_pred, sensitive[1:])
        with pytest.raises(ValueError, match="y_true contains NaN"):
            fairness_report(np.full(400, np.nan), y_pred, sensitive)
        with pytest.raises(ValueError, match="Column 'age' of the groups is continuous"):
            fairness_report(y_true, y_pred, sensitive, bins=None)
        with pytest.raises(ValueError, match="n_permutations must be 0 with sample_weight"):
            fairness_report(y_true, y_pred, sensitive, n_permutations=9, sample_weight=np.ones(400))
        with pytest.raises(ValueError, match="The 'min_group' parameter"):
            fairness_report(y_true, y_pred, sensitive, min_group=-1)
        with pytest.warns(SensitiveFeaturesWarning, match="index of sensitive_features differs"):
            fairness_report(y_true, pd.Series(y_pred), sensitive.set_index(np.arange(400) + 5))


class TestCertificate:
    def test_without_a_test_nothing_is_decided(self, audit):
        certificate = fairness_report(*audit).certificate
        assert certificate.holds is None
        assert certificate["ccdcov"].kind == "reported"

    def test_dependence_is_found(self, audit):
        certificate = fairness_report(*audit, n_permutations=99, random_state=0).certificate
        assert certificate["independence"].statistic == 0.01
        assert certificate.holds is False

    def test_independent_predictions_pass(self, audit, rng):
        y_true, _, sensitive = audit
        pvalues = [
            fairness_report(y_true, rng.normal(size=400), sensitive, n_permutations=19, random_state=seed)
            .certificate["independence"]
            .statistic
            for seed in range(20)
        ]
        assert sum(pvalue <= 0.05 for pvalue in pvalues) <= 5  # 20 tests at level 1/20: more than 5 has p = 3e-4

    def test_random_state(self, audit):
        y_true, _, sensitive = audit
        y_pred = np.random.default_rng(1).normal(size=400)
        reports = [fairness_report(y_true, y_pred, sensitive, n_permutations=49, random_state=3) for _ in range(2)]
        assert reports[0].certificate == reports[1].certificate


class TestShown:
    def test_text_has_every_group_and_measure(self, audit):
        report = fairness_report(*audit)
        text = str(report)
        for name in [*report.groups["group"], *report.overall, "few rows"]:
            assert name in text
        assert not any(line.endswith(" ") for line in text.splitlines())

    def test_html_is_escaped(self, audit):
        y_true, y_pred, sensitive = audit
        shown = fairness_report(y_true, y_pred, sensitive.replace({"sex": {"f": "<b>"}}))._repr_html_()
        assert "sex=&lt;b&gt;" in shown
        assert shown.count("<table>") == 5


def test_compas(shared_data):
    compas = pd.read_csv(shared_data / "fairness" / "compas_two_years.csv.gz")
    compas = compas[
        compas["days_b_screening_arrest"].between(-30, 30)
        & (compas["is_recid"] != -1)
        & (compas["c_charge_degree"] != "O")
        & compas["score_text"].notna()
    ]
    y_true, y_pred = compas["two_year_recid"], compas["decile_score"] / 10.0
    report = fairness_report(y_true, y_pred, compas[["sex", "race", "age"]], n_permutations=99, random_state=0)
    frame = report.to_frame().set_index("group")
    assert report.n_samples == 6172
    assert frame.loc["race=African-American", "ratio"] > 1.1 > 0.9 > frame.loc["race=Caucasian", "ratio"]
    expected = compas.groupby("race")["two_year_recid"].mean()
    assert frame.loc["race=Caucasian", "mean_outcome"] == pytest.approx(expected["Caucasian"], rel=RTOL)
    assert frame.loc["race=Native American", "small"]
    assert report.overall["mean_gap"] < np.ptp(frame.loc[frame["attribute"] == "intersection", "mean_prediction"])
    assert report.certificate.holds is False
