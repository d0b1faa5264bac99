"""Cells and metrics: definitions, closed forms, other implementations, and what must not change them."""

import numpy as np
import pytest
from scipy.stats import entropy, gaussian_kde, norm, wasserstein_distance

from statlearn.fairness import jensen_shannon_divergence, unfairness_ratio, wasserstein_disparity
from statlearn.fairness._cells import attribute_cells, intersection_cells
from statlearn.fairness._densities import density_grid, group_densities

hypothesis = pytest.importorskip("hypothesis")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
st = hypothesis.strategies

KERNEL_RTOL = 1e-9  # products along up to 1000 grid points against exponentials
METRICS = [jensen_shannon_divergence, unfairness_ratio, wasserstein_disparity]
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)


@pytest.fixture
def frame(rng):
    n = 200
    return pd.DataFrame(
        {"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n), "age": rng.uniform(18, 80, n)}
    )


def shares_of(labels):
    return np.unique(labels, return_counts=True)[1] / len(labels)


def plain_divergence(f, labels, bandwidth, grid_size=1000, base=2):
    """The definition, with a sum of normal densities per grid point."""
    grid = np.linspace(f.min(), f.max(), grid_size)
    estimates = []
    for label in np.unique(labels):
        density = norm.pdf(grid[:, None], loc=f[labels == label], scale=bandwidth).sum(axis=1)
        estimates.append(np.maximum(density / density.sum(), 1e-10))
    shares = shares_of(labels)
    mixture = shares @ np.array(estimates)
    plain = [-(p * np.log(p)).sum() / np.log(base) for p in (mixture, *estimates)]
    return plain[0] - shares @ plain[1:]


class TestCells:
    def test_intersections_have_readable_names(self, frame):
        cells = intersection_cells(frame, bins={"age": [18, 40, 80]})
        assert cells.names[0] == "sex=f, race=a, age=[18, 40)"
        assert cells.names[-1] == "sex=m, race=c, age=[40, 80]"
        assert cells.n_cells == 12
        for code, name in enumerate(cells.names):
            sex, race, age = (part.split("=")[1] for part in name.split(", ", 2))
            young = age.startswith("[18")
            expected = (frame["sex"] == sex) & (frame["race"] == race) & ((frame["age"] < 40) == young)
            np.testing.assert_array_equal(cells.codes == code, expected)

    def test_arrays_have_positions_for_names(self):
        cells = intersection_cells(np.array([[0, 1], [1, 1], [0, 0]]))
        assert cells.names == (
            "attribute 0=0, attribute 1=0",
            "attribute 0=0, attribute 1=1",
            "attribute 0=1, attribute 1=1",
        )
        assert cells.codes.tolist() == [1, 2, 0]

    def test_names_of_series(self):
        assert intersection_cells(pd.Series(["f", "m"], name="sex")).names == ("sex=f", "sex=m")
        assert intersection_cells(pl.Series("sex", ["f", "m"])).names == ("sex=f", "sex=m")
        for unnamed in (pd.Series(["f", "m"]), pl.Series(["f", "m"]), ["f", "m"]):
            assert intersection_cells(unnamed).names == ("attribute 0=f", "attribute 0=m")

    def test_only_occupied_cells(self):
        assert intersection_cells([["a", "x"], ["b", "y"], ["b", "y"]]).n_cells == 2

    def test_quantile_bins_hold_equal_shares(self, rng):
        values = rng.permutation(100).astype(float)
        for n_bins in (1, 2, 3, 4, 7):
            cells = intersection_cells(values, bins=n_bins)
            counts = np.bincount(cells.codes)
            assert counts.size == n_bins
            assert np.ptp(counts) <= 1
        assert intersection_cells(values, bins=2).names == ("attribute 0=[0, 50)", "attribute 0=[50, 99]")

    def test_quantile_bins_of_ties(self):
        values = np.array([0.0] * 90 + [1.5, 2.5, 3.5, 4.5, 5.5] * 2)
        cells = intersection_cells(values, bins=4)
        assert cells.names == ("attribute 0=[0, 5.5]",)
        cells = intersection_cells(values, bins=20)
        assert np.bincount(cells.codes)[0] == 90
        assert len(set(cells.codes[values > 0])) > 1

    def test_values_beyond_the_edges_have_their_own_cells(self):
        cells = intersection_cells([10.5, 20.0, 30.0, 40.0, 55.5], bins=[20, 30, 40])
        assert cells.names == (
            "attribute 0<20",
            "attribute 0=[20, 30)",
            "attribute 0=[30, 40]",
            "attribute 0>40",
        )
        assert cells.codes.tolist() == [0, 1, 2, 2, 3]

    def test_named_bins_cut_integers_that_would_be_levels(self):
        frame = pd.DataFrame({"children": [0, 1, 2, 3, 4, 5], "sex": list("fmfmfm")})
        cells = intersection_cells(frame, bins={"children": [0, 1, 5]})
        assert cells.n_cells == 3
        assert intersection_cells(frame, bins=2).n_cells == 6

    def test_one_integer_attribute_without_bins_is_a_label(self):
        assert intersection_cells(np.arange(50)).n_cells == 50
        assert intersection_cells(np.arange(50.0)).n_cells == 50

    def test_continuous_attributes_need_bins(self, frame):
        with pytest.raises(ValueError, match=r"Column 'age' of the groups is continuous \(200 distinct.*Give bins"):
            intersection_cells(frame)
        with pytest.raises(ValueError, match="Column 0 of the groups is continuous"):
            intersection_cells(frame["age"].to_numpy())
        with pytest.raises(ValueError, match="Column 'age'"):
            intersection_cells(frame, bins={})

    @pytest.mark.parametrize(
        ("bins", "error", "message"),
        [
            (0, ValueError, "at least 1"),
            ([30], ValueError, "at least two edges"),
            ([30, 20], ValueError, "which increase"),
            ([20, np.nan, 30], ValueError, "which increase"),
            ("quartiles", TypeError, "a number, a vector of edges, or a dictionary"),
            ({"age": 2, "income": 3}, ValueError, "'income', which is no attribute. There are"),
            ({"age": 2, "sex": 3}, ValueError, "cannot cut column 'sex': it holds"),
        ],
    )
    def test_bad_bins(self, frame, bins, error, message):
        with pytest.raises(error, match=f"bins .*{message}"):
            intersection_cells(frame, bins=bins)

    def test_cells_of_single_attributes(self, frame):
        parts = dict(attribute_cells(frame, bins=3))
        assert list(parts) == ["sex", "race", "age"]
        assert [cells.n_cells for cells in parts.values()] == [2, 3, 3]
        np.testing.assert_array_equal(parts["sex"].codes, frame["sex"] == "m")

    @hypothesis.given(st.data())
    def test_weights_move_quantiles_as_repetition_does(self, data):
        values = np.array(data.draw(st.lists(st.integers(-5, 5), min_size=1, max_size=12)), dtype=float) + 0.5
        weights = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values))))
        n_bins = data.draw(st.integers(1, 6))
        weighted = intersection_cells(values, bins=n_bins, sample_weight=weights.astype(float))
        repeated = intersection_cells(np.repeat(values, weights), bins=n_bins)
        assert weighted.names == repeated.names
        np.testing.assert_array_equal(np.repeat(weighted.codes, weights), repeated.codes)


class TestDensities:
    @pytest.mark.parametrize("bandwidth", [0.002, 0.05, 0.15, 3.0, 100.0])
    def test_against_sums_of_normal_densities(self, rng, bandwidth):
        values, weights, codes = rng.normal(size=80), rng.uniform(0.5, 2.0, 80), np.arange(80) % 3
        grid = density_grid(values, 1000)
        found = group_densities(values, codes, 3, weights, grid, bandwidth)
        for group in range(3):
            inside = codes == group
            terms = norm.pdf(grid[:, None], loc=values[inside], scale=bandwidth)
            expected = terms @ weights[inside] / weights[inside].sum()
            np.testing.assert_allclose(found[group], expected, rtol=KERNEL_RTOL, atol=1e-17 / bandwidth)

    def test_against_scipy(self, rng):
        values, weights = rng.normal(size=50), rng.uniform(0.5, 2.0, 50)
        scipys = gaussian_kde(values, weights=weights, bw_method=0.3)
        grid = np.linspace(-4.0, 4.0, 333)
        found = group_densities(values, np.zeros(50, dtype=int), 1, weights, grid, np.sqrt(scipys.covariance[0, 0]))
        np.testing.assert_allclose(found[0], scipys(grid), rtol=KERNEL_RTOL, atol=1e-15)

    def test_integrates_to_one(self, rng):
        values = rng.normal(size=50)
        grid = np.linspace(-8.0, 8.0, 4000)
        found = group_densities(values, np.arange(50) % 2, 2, np.ones(50), grid, 0.4)
        np.testing.assert_allclose(found.sum(axis=1) * (grid[1] - grid[0]), 1.0, rtol=1e-9)


class TestJensenShannon:
    @pytest.mark.parametrize("bandwidth", [0.05, 0.15, 2.0])
    @pytest.mark.parametrize("base", [2, np.e])
    def test_definition(self, rng, bandwidth, base):
        labels = rng.choice(list("abc"), 150, p=[0.6, 0.3, 0.1])
        f = rng.normal(size=150) + (labels == "b")
        found = jensen_shannon_divergence(f, labels, bandwidth=bandwidth, base=base)
        assert found == pytest.approx(plain_divergence(f, labels, bandwidth, base=base), rel=1e-9, abs=1e-12)

    def test_grid_size(self, rng):
        labels = rng.choice(list("ab"), 60)
        f = rng.normal(size=60) + (labels == "b")
        found = jensen_shannon_divergence(f, labels, grid_size=77)
        assert found == pytest.approx(plain_divergence(f, labels, 0.15, 77), rel=1e-9)
        assert found != jensen_shannon_divergence(f, labels)

    @pytest.mark.parametrize("counts", [[50, 50], [80, 20], [60, 30, 10]])
    def test_groups_that_do_not_overlap_reach_the_bound(self, counts):
        labels = np.repeat(np.arange(len(counts)), counts)
        f = 100.0 * labels
        bound = entropy(np.array(counts) / sum(counts), base=2)
        found = jensen_shannon_divergence(f, labels, bandwidth=0.2)
        assert found == pytest.approx(bound, abs=1e-5)  # the floor of 1e-10 at 1000 points costs about 1e-6
        assert found <= bound
        equal = jensen_shannon_divergence(f, labels, bandwidth=0.2, weights="equal")
        assert equal == pytest.approx(np.log2(len(counts)), abs=1e-5)

    def test_same_distribution(self):
        f = np.tile([0.1, 0.2, 0.7], 40)
        assert jensen_shannon_divergence(f, np.repeat(["f", "m"], 60)) == pytest.approx(0.0, abs=1e-12)

    def test_two_normal_groups_against_integration(self):
        quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)
        f, labels = np.concatenate([quantiles, quantiles + 1.0]), np.repeat([0, 1], 4000)
        x = np.linspace(-8.0, 9.0, 20001)
        densities = np.array([norm.pdf(x), norm.pdf(x, loc=1.0)])
        mixture = densities.mean(axis=0)
        terms = densities * np.log2(densities / mixture)
        expected = terms.sum() * (x[1] - x[0]) / 2
        assert jensen_shannon_divergence(f, labels) == pytest.approx(expected, rel=0.05)  # smoothing by 0.15 lowers it
        assert jensen_shannon_divergence(f, labels, bandwidth=0.03) == pytest.approx(expected, rel=0.005)

    @pytest.mark.parametrize(("rule", "factor"), [("scott", 100**-0.2), ("silverman", 75**-0.2)])
    def test_rules_take_the_deviation_of_all_predictions(self, rng, rule, factor):
        labels = np.repeat([0, 1], [70, 30])
        f = rng.normal(size=100) + labels
        width = factor * f.std(ddof=1)
        assert width == pytest.approx(gaussian_kde(f, bw_method=rule).factor * f.std(ddof=1), rel=1e-12)
        found = jensen_shannon_divergence(f, labels, bandwidth=rule)
        assert found == pytest.approx(jensen_shannon_divergence(f, labels, bandwidth=width), rel=1e-9)
        scaled = jensen_shannon_divergence(1000.0 * f + 7.0, labels, bandwidth=rule)
        assert scaled == pytest.approx(found, rel=1e-6)

    def test_a_fixed_bandwidth_rewards_shrinking(self, rng):
        labels = np.repeat([0, 1], 100)
        f = rng.normal(size=200) + labels
        assert jensen_shannon_divergence(0.1 * f, labels) < 0.5 * jensen_shannon_divergence(f, labels)

    def test_a_bandwidth_that_misses_predictions_is_refused(self, rng):
        f, labels = 1e5 * rng.random(100), np.repeat([0, 1], 50)
        with pytest.raises(ValueError, match=r"bandwidth=0.15 \(0.15\) is less than half of the distance.*'scott'"):
            jensen_shannon_divergence(f, labels)
        assert jensen_shannon_divergence(f, labels, bandwidth="scott") >= 0.0

    def test_predictions_that_differ_by_next_to_nothing(self):
        assert jensen_shannon_divergence([0.0, 1e-308], ["a", "b"]) == pytest.approx(0.0, abs=1e-12)

    @hypothesis.given(st.data())
    def test_bounds(self, data):
        n = data.draw(st.integers(2, 15))
        f = np.array(data.draw(st.lists(st.floats(-5.0, 5.0), min_size=n, max_size=n)))
        labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
        found = jensen_shannon_divergence(f, labels, grid_size=200)
        assert 0.0 <= found <= entropy(shares_of(labels), base=2) + 1e-15


class TestUnfairnessRatio:
    def test_definition(self, rng):
        labels = rng.choice(list("abcd"), 90)
        f = rng.normal(size=90)
        means = [f[labels == label].mean() for label in "abcd"]
        expected = np.var(means, ddof=1) / np.var(f, ddof=1)
        assert unfairness_ratio(f, labels) == pytest.approx(expected, rel=1e-12)

    def test_scale_and_shift(self, rng):
        labels, f = rng.choice(list("abc"), 90), rng.normal(size=90)
        assert unfairness_ratio(-3.0 * f + 5.0, labels) == pytest.approx(unfairness_ratio(f, labels), rel=1e-12)

    def test_large_offsets(self, rng):
        labels, f = rng.choice(list("abc"), 90), rng.integers(0, 9, 90).astype(float)
        assert unfairness_ratio(f + 2.0**40, labels) == pytest.approx(unfairness_ratio(f, labels), rel=1e-9)


class TestWasserstein:
    def test_against_scipy(self, rng):
        labels = rng.choice(list("abcd"), 90)
        f = rng.normal(size=90).round(1)
        parts = [f[labels == label] for label in "abcd"]
        pairs = max(wasserstein_distance(first, second) for first in parts for second in parts)
        pooled = max(wasserstein_distance(part, f) for part in parts)
        assert wasserstein_disparity(f, labels) == pytest.approx(pairs, rel=1e-12)
        assert wasserstein_disparity(f, labels, reference="pooled") == pytest.approx(pooled, rel=1e-12)

    def test_weights_against_scipy(self, rng):
        labels, f, w = np.arange(60) % 2, rng.normal(size=60), rng.uniform(0.1, 3.0, 60)
        expected = wasserstein_distance(f[::2], f[1::2], w[::2], w[1::2])
        assert wasserstein_disparity(f, labels, sample_weight=w) == pytest.approx(expected, rel=1e-12)

    def test_shift(self):
        f = np.arange(10.0)
        found = wasserstein_disparity(np.concatenate([f, f + 2.5]), np.repeat([0, 1], 10))
        assert found == pytest.approx(2.5, rel=1e-12)


@st.composite
def problems(draw):
    """Predictions with ties, labels, and integer weights of which some may be zero."""
    n = draw(st.integers(3, 12))
    f = np.array(draw(st.lists(st.integers(-6, 6), min_size=n, max_size=n))) / 4.0
    labels = np.array(draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    hypothesis.assume(weights.sum() > 1)
    return f, labels, weights


@every_metric
class TestEveryMetric:
    @hypothesis.given(problem=problems())
    def test_weights_are_repetitions(self, metric, problem):
        f, labels, weights = problem
        weighted = metric(f, labels, sample_weight=weights)
        repeated = metric(np.repeat(f, weights), np.repeat(labels, weights))
        assert weighted == pytest.approx(repeated, rel=1e-9, abs=1e-12)

    @hypothesis.given(problem=problems(), seed=st.integers(0, 1000))
    def test_order_of_rows_and_names_of_groups_do_not_matter(self, metric, problem, seed):
        f, labels, _ = problem
        order = np.random.default_rng(seed).permutation(f.size)
        renamed = np.array([{"a": 7, "b": 1, "c": 30}[label] for label in labels])
        assert metric(f[order], renamed[order]) == pytest.approx(metric(f, labels), rel=1e-9, abs=1e-12)

    def test_weights_move_the_bins_too(self, metric, rng):
        f, ages, weights = rng.normal(size=40), rng.uniform(18, 80, 40), rng.integers(0, 4, 40)
        weighted = metric(f, ages, bins=3, sample_weight=weights)
        repeated = metric(np.repeat(f, weights), np.repeat(ages, weights), bins=3)
        assert weighted == pytest.approx(repeated, rel=1e-9)

    def test_intersections_are_groups(self, metric, frame, rng):
        f = rng.normal(size=len(frame))
        labels = frame["sex"] + frame["race"] + (frame["age"] >= 40).map({True: "o", False: "y"})
        bins = [18, 40, 80]
        expected = metric(f, labels.to_numpy())
        for table in (frame, pl.from_pandas(frame), frame.to_numpy(), frame.to_numpy().tolist()):
            assert metric(f, table, bins=bins) == pytest.approx(expected, rel=1e-9)

    def test_gerrymandering_is_seen(self, metric):
        table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
        f = (table[:, 0] != table[:, 1]).astype(float)
        assert metric(f, table[:, 0]) == pytest.approx(0.0, abs=1e-12)
        assert metric(f, table) > 0.5

    def test_one_group_and_constant_predictions(self, metric):
        assert metric([1.0, 2.0, 3.0], ["a", "a", "a"]) == 0.0
        assert metric([0.1, 0.1, 0.1], ["a", "b", "b"]) == pytest.approx(0.0, abs=1e-15)
        assert metric([0.1, 0.1, 0.1], ["a", "b", "b"], sample_weight=[0.3, 0.7, 5.1]) == pytest.approx(0.0, abs=1e-15)

    def test_input_is_left_alone(self, metric, rng):
        f, labels = rng.normal(size=20), rng.choice(list("ab"), 20)
        for array in (f, labels):
            array.setflags(write=False)
        first = metric(f, labels)
        assert metric(f.astype(np.float32), labels) == pytest.approx(first, rel=1e-4)
        assert metric(f.tolist(), labels.tolist()) == first
        assert metric(pd.Series(f), pd.Series(labels)) == first

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([1.0, np.nan, 2.0], list("aab")), "y_pred contains NaN"),
            (([1.0, 3.0, 2.0], list("aa")), "inconsistent numbers of samples: groups has 2 rows for 3"),
            (
                ([[1.0, 2.0], [3.0, 4.0]], list("ab")),
                r"one value per row. Got an array of shape \(2, 2\)",
            ),
            (([1.0, 3.0, 2.0], ["a", None, "b"]), "Column 0 contains None"),
        ],
    )
    def test_bad_input(self, metric, arguments, message):
        with pytest.raises(ValueError, match=message):
            metric(*arguments)

    def test_bad_weights(self, metric):
        with pytest.raises(ValueError, match="(?i)negative"):
            metric([1.0, 2.0], ["a", "b"], sample_weight=[1.0, -1.0])
        with pytest.raises(ValueError, match="(?i)zero"):
            metric([1.0, 2.0], ["a", "b"], sample_weight=[0.0, 0.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "rows"}, "The 'weights' parameter"),
        ({"bandwidth": 0.0}, "The 'bandwidth' parameter"),
        ({"bandwidth": "normal"}, "The 'bandwidth' parameter"),
        ({"grid_size": 1}, "The 'grid_size' parameter"),
        ({"base": 1}, "The 'base' parameter"),
        ({"bins": 1.5}, "The 'bins' parameter"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        jensen_shannon_divergence([1.0, 2.0], ["a", "b"], **options)


def test_weights_that_mean_less_than_two_rows():
    with pytest.raises(ValueError, match="must sum to at least 2: weights mean repetition"):
        unfairness_ratio([1.0, 2.0], ["a", "b"], sample_weight=[0.4, 0.5])
