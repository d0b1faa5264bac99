"""The descent on the sphere: the promise against logistic regression, optimality, exact symmetries, bad input."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace._sphere_descent import DescentSettings, descend, psgd_sphere, width_ladder
from statlearn.halfspace._sphere_gradient import LabeledRows
from statlearn.halfspace._surrogates import RAMP, SIGMOID, SURROGATES
from statlearn.halfspace._whitening import Whitening

STRUCTURED = ["massart-quadrant", "massart-far", "adv-tail", "adv-tail-laplace", "adv-far"]
SHORT = {"max_iter": 100}  # steps of stages in tests of symmetries


def unit(v):
    return v / np.linalg.norm(v)


def angle(u, v):
    return np.degrees(np.arccos(np.clip(unit(u) @ unit(v), -1, 1)))


def excess_errors(recipe, n_samples, n_features, seed, **options):
    """Test errors of ours and of logistic regression beyond that of the true rule."""
    X, y = make_massart_halfspace(n_samples, n_features, recipe=recipe, random_state=seed)
    test = make_massart_halfspace(200000, n_features, recipe=recipe, random_state=1000 + seed, return_X_y=False)
    best = np.mean(test.clean_target != test.target)
    ours = psgd_sphere(X, y, random_state=seed, **options).coef
    convex = LogisticRegression(fit_intercept=False).fit(X, y).coef_[0]
    return [np.mean(np.where(test.data @ w >= 0, 1, -1) != test.target) - best for w in (ours, convex)]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", STRUCTURED)
@pytest.mark.parametrize("run", range(5))
def test_excess_error_is_a_fifth_of_that_of_logistic_regression(recipe, run, seed):
    """n = 20,000 rows, 20 columns. Seen: at most 0.12."""
    ours, convex = excess_errors(recipe, 20000, 20, 10 * seed + run)
    assert 0 < ours <= convex / 5


@pytest.mark.parametrize("recipe", ["massart-quadrant", "adv-tail"])
def test_excess_error_at_fewer_rows_and_columns(recipe, seed):
    ours, convex = excess_errors(recipe, 10000, 8, seed)
    assert ours <= convex / 5


@pytest.mark.slow
def test_logistic_regression_wins_without_noise(seed):
    """Means of five samples: the price of looking at the rows near the boundary alone."""
    ours, convex = np.mean([excess_errors("clean", 20000, 20, 10 * seed + run) for run in range(5)], axis=0)
    assert convex < ours < 0.01


@pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda surrogate: surrogate.name)
@pytest.mark.parametrize("recipe", ["clean", "massart-quadrant", "adv-far"])
def test_the_minimum_is_that_of_a_search_over_all_angles(recipe, surrogate, seed):
    """Two columns: the risk at the last polish is the least on a grid of the circle, to the grid's accuracy."""
    X, y = make_massart_halfspace(1000, 2, recipe=recipe, random_state=seed)
    descent = psgd_sphere(X, y, width=0.3, surrogate=surrogate.name, random_state=seed)
    angles = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    margins = X @ np.array([np.cos(angles), np.sin(angles)])
    risks = surrogate.loss(-y[:, None] * margins, 0.3).mean(axis=0)
    assert risks.min() - 5e-6 <= descent.stages[-1].loss <= risks.min() + 1e-9
    found = angles[np.argmin(risks)]
    assert angle(descent.candidates[-1], np.array([np.cos(found), np.sin(found)])) < 0.1


def test_what_is_returned(seed):
    X, y = make_massart_halfspace(4000, 6, random_state=seed)
    descent = psgd_sphere(X, y, width=0.15, random_state=seed)
    np.testing.assert_allclose(np.linalg.norm(descent.candidates, axis=1), 1.0, rtol=1e-12)
    errors = np.mean(np.sign(X @ descent.candidates.T) != y[:, None], axis=0)
    np.testing.assert_allclose(descent.errors, errors, atol=1e-12)
    assert (descent.errors <= 0.5).all() and descent.error in descent.errors
    assert descent.error <= descent.errors.min() + 0.01
    margins = X @ descent.coef
    pull = RAMP.slope(margins, 0.15) * y
    gradient = -(pull[:, None] * (X - margins[:, None] * descent.coef)).mean(axis=0)
    assert descent.gradient_norm == pytest.approx(np.linalg.norm(gradient), abs=1e-10)
    standard_error = np.sqrt(np.mean(pull**2) * 6 / 4000)
    assert descent.gradient_norm < 0.1 * standard_error
    assert descent.width == 0.15
    np.testing.assert_allclose(sorted({stage.width for stage in descent.stages}), [0.15, 0.25, 0.5, 1.0], rtol=0.1)
    assert descent.n_iter == sum(stage.n_iter for stage in descent.stages) >= 4 * 300
    assert {stage.start for stage in descent.stages} == {0, 1, 2}


def test_widths(seed):
    X, y = make_massart_halfspace(600, 3, random_state=seed)
    listed = psgd_sphere(X, y, width=[0.8, 0.3], random_state=seed, **SHORT)
    assert [stage.width for stage in listed.stages if stage.start == 0] == [0.8, 0.3] and listed.width == 0.3
    alone = psgd_sphere(X, y, width=5.0, random_state=seed, **SHORT)
    assert {stage.width for stage in alone.stages} == {5.0}
    assert width_ladder(0.1, 2.0) == (2.0, 1.0, 0.5, 0.1) and width_ladder(0.5, 1.0) == (1.0, 0.5)


class TestSymmetries:
    @pytest.mark.parametrize("n_samples", [200, 3000])  # nothing random; random batches
    @pytest.mark.parametrize("surrogate", SURROGATES)
    def test_flipping_all_labels_flips_the_result_exactly(self, n_samples, surrogate, seed):
        X, y = make_massart_halfspace(n_samples, 5, recipe="massart-quadrant", random_state=seed)
        X[:20] = 0.0  # rows on every boundary
        options = {"surrogate": surrogate, "random_state": seed, **SHORT}
        here, there = psgd_sphere(X, y, **options), psgd_sphere(X, -y, **options)
        np.testing.assert_array_equal(here.coef, -there.coef)
        np.testing.assert_array_equal(here.candidates, -there.candidates)
        assert here.error == there.error and here.gradient_norm == there.gradient_norm

    def test_rotation(self, rng, seed):
        X, y = make_massart_halfspace(3000, 5, random_state=seed)
        Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
        here, there = (psgd_sphere(table, y, random_state=seed, **SHORT) for table in (X, X @ Q))
        np.testing.assert_allclose(here.coef @ Q, there.coef, atol=1e-8)
        np.testing.assert_array_equal(here.errors, there.errors)

    def test_units(self, seed):
        X, y = make_massart_halfspace(3000, 5, random_state=seed)
        here = psgd_sphere(X, y, width=0.125, random_state=seed, **SHORT)
        there = psgd_sphere(64 * X, y, width=8.0, random_state=seed, **SHORT)
        np.testing.assert_array_equal(here.coef, there.coef)

    def test_order_of_rows_if_nothing_is_random(self, rng, seed):
        X, y = make_massart_halfspace(250, 4, random_state=seed)
        order = rng.permutation(250)
        here, there = psgd_sphere(X, y, random_state=0), psgd_sphere(X[order], y[order], random_state=1)
        np.testing.assert_allclose(here.coef, there.coef, atol=1e-8)

    def test_weights_are_repetitions_if_nothing_is_random(self, rng, seed):
        X, y = make_massart_halfspace(60, 3, random_state=seed)
        counts = rng.integers(0, 4, 60)
        weighted = psgd_sphere(X, y, sample_weight=counts)
        repeated = psgd_sphere(np.repeat(X, counts, axis=0), np.repeat(y, counts))
        np.testing.assert_allclose(weighted.coef, repeated.coef, atol=1e-8)
        assert weighted.error == pytest.approx(repeated.error)

    def test_rows_of_weight_0_are_left_out(self, seed):
        X, y = make_massart_halfspace(1500, 3, random_state=seed)
        weights = np.ones(1500)
        weights[1000:] = 0.0
        X[1000:] *= 1e5
        weighted = psgd_sphere(X, y, sample_weight=weights, random_state=seed, **SHORT)
        kept = psgd_sphere(X[:1000], y[:1000], random_state=seed, **SHORT)
        np.testing.assert_allclose(weighted.coef, kept.coef, atol=1e-12)

    def test_whitening_without_a_copy(self, rng, seed):
        """The descent through a whitening is that on whitened rows."""
        X, y = make_massart_halfspace(3000, 5, random_state=seed)
        X = X @ rng.standard_normal((5, 5)) + 2.0
        rows, weights = np.arange(3000), np.ones(3000)
        whitening = Whitening.of_rows(X, weights, rows)
        settings = DescentSettings(RAMP, max_iter=200)
        sample = LabeledRows(X, y.astype(float), weights, whitening, rows)
        through = descend(sample, (1.0, 0.2), settings, np.random.default_rng(seed))
        plain = sample._replace(X=whitening.apply(X), whitening=Whitening.identity(5))
        direct = descend(plain, (1.0, 0.2), settings, np.random.default_rng(seed))
        np.testing.assert_allclose(through.coef, direct.coef, atol=1e-8)
        np.testing.assert_allclose(through.errors, direct.errors, atol=1e-3)


class TestTables:
    def test_sparse(self, rng, seed):
        X, y = make_massart_halfspace(2000, 6, random_state=seed)
        X[rng.random(X.shape) < 0.5] = 0.0
        dense = psgd_sphere(X, y, random_state=seed, **SHORT)
        for table in (sparse.csr_array(X), sparse.csc_matrix(X)):
            np.testing.assert_allclose(psgd_sphere(table, y, random_state=seed, **SHORT).coef, dense.coef, atol=1e-8)

    def test_float32_and_lists(self, seed):
        X, y = make_massart_halfspace(400, 4, random_state=seed)
        expected = psgd_sphere(X, y, random_state=seed, **SHORT).coef
        single = psgd_sphere(X.astype(np.float32), y.astype(np.int8), random_state=seed, **SHORT).coef
        assert angle(single, expected) < 0.5
        np.testing.assert_array_equal(psgd_sphere(X.tolist(), y.tolist(), random_state=seed, **SHORT).coef, expected)

    def test_one_column(self):
        descent = psgd_sphere([[1.0], [2.0], [-1.0], [0.5]], [-1, -1, 1, 1])
        assert descent.coef.tolist() == [-1.0] and descent.error == 0.25 and descent.gradient_norm == 0.0

    def test_few_rows_of_many_columns(self, rng):
        X = rng.standard_normal((8, 40))
        y = np.array([1, -1] * 4)
        assert psgd_sphere(X, y).error == 0.0

    def test_labels_that_no_mean_sees(self, rng, seed):
        """Each row beside its mirror image with the same label: the mean of y x is 0, so that a start is drawn."""
        half = rng.standard_normal((300, 2))
        X, y = np.vstack([half, -half]), np.tile(np.where(half[:, 0] * half[:, 1] > 0, 1, -1), 2)
        descent = psgd_sphere(X, y, random_state=seed, **SHORT)
        assert descent.error == 0.5

    def test_no_row_near_any_boundary(self):
        """All gradients are 0 from the start on."""
        X = np.array([[1.0, 0.0], [-1.0, 0.0]] * 200)
        descent = psgd_sphere(X, X[:, 0], width=0.001)
        np.testing.assert_allclose(descent.coef, [1.0, 0.0], atol=1e-12)
        assert descent.error == 0.0 and descent.gradient_norm == 0.0

    def test_copied_part_of_many_rows(self, monkeypatch, seed):
        """With few of many rows in the stages, the last polish sees all."""
        monkeypatch.setattr("statlearn.halfspace._sphere_descent.STAGE_ROWS", 1000)
        X, y = make_massart_halfspace(8000, 5, random_state=seed)
        descent = psgd_sphere(X, y, random_state=seed)
        last = descent.stages[-1]
        assert last.n_iter == 0 and last.n_polish > 0 and last.width == 0.1
        assert descent.gradient_norm < 1e-3
        assert angle(descent.coef, np.eye(5)[0]) < 2


def test_same_result_for_any_number_of_threads(seed):
    X, y = make_massart_halfspace(2000, 5, random_state=seed)
    here, there = (psgd_sphere(X, y, n_jobs=n_jobs, random_state=seed, **SHORT) for n_jobs in (1, 2))
    np.testing.assert_array_equal(here.candidates, there.candidates)
    other = psgd_sphere(X, y, random_state=seed + 1, **SHORT)
    assert not np.array_equal(here.candidates, other.candidates)


def test_localized_starts_find_what_the_mean_misses():
    """An example, four clusters with two wedges relabeled: the mean of y x leads to a minimum that is not the least.

    In about 110 of 120 samples of this kind nothing is gained, and in none is anything lost.
    """
    rng = np.random.default_rng(13)
    X = 0.5 * rng.standard_normal((4000, 2)) + 1.5 * rng.standard_normal((4, 2))[rng.integers(0, 4, 4000)]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.where(X @ rng.standard_normal(2) > 0, 1, -1)
    for _ in range(2):
        along = X @ rng.standard_normal(2)
        y[along > np.quantile(along, 0.87)] = rng.choice([-1, 1])
    one, four = (psgd_sphere(X, y, n_init=n, random_state=0, **SHORT).error for n in (1, 4))
    assert four < one - 0.1


def test_progress_counts_widths(seed):
    class Steps:
        n = 0

        def step(self):
            self.n += 1

    X, y = make_massart_halfspace(300, 3, random_state=seed)
    sample = LabeledRows(X, y.astype(float), np.ones(300), Whitening.identity(3), np.arange(300))
    steps = Steps()
    descend(sample, (1.0, 0.5, 0.1), DescentSettings(RAMP, max_iter=50), np.random.default_rng(0), progress=steps)
    assert steps.n == 4


def test_it_prints_in_a_line(rng):
    X = rng.standard_normal((200, 30))
    descent = psgd_sphere(X, np.where(X[:, 0] > 0, 1, -1), random_state=0)
    assert re.fullmatch(
        r"SphereDescent\(error=\S+, gradient_norm=\S+, width=\S+, n_candidates=\d+, n_iter=\d+\)", repr(descent)
    )


class TestBadInput:
    X = np.random.default_rng(0).standard_normal((40, 3))
    y = np.where(X[:, 0] > 0, 1, -1)

    @pytest.mark.parametrize("y", [np.zeros(40), np.ones(40), np.arange(40) % 3 - 1, np.repeat(["a", "b"], 20)])
    def test_labels(self, y):
        with pytest.raises(ValueError, match="y must hold the labels 1 and -1, both of them. Got \\["):
            psgd_sphere(self.X, y)

    @pytest.mark.parametrize("width", [[0.1, 0.2], [0.2, 0.2], [0.1, -0.1]])
    def test_widths(self, width):
        with pytest.raises(ValueError, match="width must be a positive number or a decreasing sequence of such. Got"):
            psgd_sphere(self.X, self.y, width=width)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            ("width", 0.0),
            ("n_init", 0),
            ("max_iter", 1),
            ("batch_size", 0),
            ("learning_rate", 0),
            ("surrogate", "hinge"),
        ],
    )
    def test_arguments(self, argument, value):
        with pytest.raises(ValueError, match=f"The '{argument}' parameter of psgd_sphere must be"):
            psgd_sphere(self.X, self.y, **{argument: value})

    def test_rows(self):
        with pytest.raises(ValueError, match="X has no direction to search in: all rows are at the origin"):
            psgd_sphere(np.zeros((40, 3)), self.y)
        with pytest.raises(ValueError, match="NaN"):
            psgd_sphere(np.full((40, 3), np.nan), self.y)

    def test_weights(self):
        with pytest.raises(ValueError, match="at least one non-zero number"):
            psgd_sphere(self.X, self.y, sample_weight=np.zeros(40))
        with pytest.raises(ValueError, match="[Nn]egative"):
            psgd_sphere(self.X, self.y, sample_weight=-np.ones(40))
        with pytest.raises(ValueError, match="y must hold the labels 1 and -1, both of them"):
            psgd_sphere(self.X, self.y, sample_weight=self.y > 0)
