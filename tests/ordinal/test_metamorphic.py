"""Changes of the data that must not change the fit, and what must hold along the path."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from statlearn.ordinal import (
    PrestoClassifier,
    presto_alpha_max,
    presto_path,
)

from .helpers import DOMAINS, crossed, fit, parallel, probabilities
from .reference import objective

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

ATOL = 1e-6  # solutions, as two fits to tol=1e-9 may differ along flat directions
few = hypothesis.settings(max_examples=12)
seeds = st.integers(0, 10_000)


def assert_same_fit(model, other, X, Z=None, atol=ATOL):
    assert model.objective_ == pytest.approx(other.objective_, rel=1e-9)
    Z = X if Z is None else Z
    np.testing.assert_allclose(probabilities(other, Z), probabilities(model, X), rtol=0, atol=atol)


class TestInvariance:
    @few
    @given(
        seed=seeds,
        log_scales=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
        shifts=st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4),
        signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4),
        crossing=st.sampled_from(DOMAINS),
    )
    def test_affine_rescaling_of_columns(self, seed, log_scales, shifts, signs, crossing):
        X, y, weights = parallel(seed)
        scales = 10 ** np.array(log_scales) * signs
        Z = X * scales + shifts
        assert_same_fit(fit(X, y, weights, crossing=crossing), fit(Z, y, weights, crossing=crossing), X, Z)

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_shift_by_five(self, crossing):
        """Defect (ii) of the authors' code: intercepts un-centered with the wrong slopes."""
        X, y, weights = crossed()
        moved = fit(X + 5.0, y, weights, crossing=crossing)
        assert_same_fit(fit(X, y, weights, crossing=crossing), moved, X, X + 5.0, atol=1e-7)

    def test_large_scale_and_shift_leave_the_objective(self):
        X, y, weights = parallel()
        assert fit(1e6 * X + 1e7, y, weights).objective_ == pytest.approx(fit(X, y, weights).objective_, rel=1e-12)

    @pytest.mark.parametrize("crossing", DOMAINS)
    @pytest.mark.parametrize("base_penalty", [0.0, 1.0])
    def test_integer_weights_are_repeated_rows(self, base_penalty, crossing):
        X, y, weights = crossed(1)
        repeat = np.repeat(np.arange(len(y)), weights.astype(int))
        options = {"base_penalty": base_penalty, "crossing": crossing}
        weighted, repeated = fit(X, y, weights, **options), fit(X[repeat], y[repeat], **options)
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-6)
        np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-6)
        assert weighted.objective_ == pytest.approx(repeated.objective_, rel=1e-10)
        assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-7)
        np.testing.assert_allclose(weighted.mean_, repeated.mean_, rtol=1e-12)
        np.testing.assert_allclose(weighted.scale_, repeated.scale_, rtol=1e-12)

    def test_scaling_the_weights_changes_nothing_but_the_total_log_likelihood(self):
        X, y, weights = parallel()
        model, other = fit(X, y, weights), fit(X, y, 7.5 * weights)
        np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-7)
        assert other.log_likelihood_ == pytest.approx(7.5 * model.log_likelihood_, rel=1e-8)

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_rows_of_weight_zero_are_absent(self, crossing):
        X, y, weights = crossed(2)
        weights[::5] = 0.0
        X[::5] *= 50.0  # far outside the box and across every cut
        present = weights > 0
        model = fit(X, y, weights, crossing=crossing)
        other = fit(X[present], y[present], weights[present], crossing=crossing)
        np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-7)
        assert model.objective_ == pytest.approx(other.objective_, rel=1e-10)

    @few
    @given(seed=seeds, crossing=st.sampled_from(DOMAINS))
    def test_row_permutation(self, seed, crossing):
        X, y, weights = crossed(seed)
        order = np.random.default_rng(seed).permutation(len(y))
        model = fit(X, y, weights, crossing=crossing)
        other = fit(X[order], y[order], weights[order], crossing=crossing)
        np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=ATOL)

    @few
    @given(seed=seeds, alpha=st.sampled_from([0.002, 0.01, 0.05]), crossing=st.sampled_from(DOMAINS))
    def test_reversed_classes_without_base_penalty(self, seed, alpha, crossing):
        X, y, weights = crossed(seed)
        options = {"alpha": alpha, "base_penalty": 0.0, "crossing": crossing}
        model, mirrored = fit(X, y, weights, **options), fit(X, -y, weights, **options)
        np.testing.assert_allclose(mirrored.coef_, -model.coef_[::-1], rtol=0, atol=1e-5)
        np.testing.assert_allclose(mirrored.intercept_, -model.intercept_[::-1], rtol=0, atol=1e-5)
        assert mirrored.objective_ == pytest.approx(model.objective_, rel=1e-9)

    def test_reversed_classes_with_base_penalty_are_another_problem(self):
        X, y, weights = parallel()
        assert abs(fit(X, y, weights, alpha=0.05).objective_ - fit(X, -y, weights, alpha=0.05).objective_) > 1e-6

    @pytest.mark.parametrize("base_penalty", [0.0, 1.0])
    def test_duplicate_columns_share(self, base_penalty):
        X, y, weights = parallel()
        single = fit(X, y, weights, base_penalty=base_penalty)
        double = fit(np.column_stack([X, X[:, 1]]), y, weights, base_penalty=base_penalty)
        assert double.objective_ == pytest.approx(single.objective_, rel=1e-9)
        np.testing.assert_allclose(double.coef_[:, 1] + double.coef_[:, 4], single.coef_[:, 1], rtol=0, atol=1e-5)
        np.testing.assert_allclose(double.coef_[:, [0, 2, 3]], single.coef_[:, [0, 2, 3]], rtol=0, atol=1e-5)

    @pytest.mark.parametrize(
        "relabel",
        [lambda y: 10 * y - 7, lambda y: 3.0 * y - 2.0, lambda y: np.array(["a", "b", "c", "d"])[y]],
        ids=["integers", "floats", "strings"],
    )
    def test_increasing_labels(self, relabel):
        X, y, weights = parallel()
        labels = relabel(y)
        model, other = fit(X, y, weights), fit(X, labels, weights, classes=np.unique(labels))
        np.testing.assert_array_equal(other.coef_, model.coef_)
        np.testing.assert_array_equal(other.classes_, np.unique(labels))
        np.testing.assert_array_equal(other.predict(X), np.unique(labels)[model.predict(X)])

    @pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")
    def test_classes_argument_sets_the_order(self):
        X, y, weights = parallel()
        names = np.array(["none", "mild", "grave", "deadly"])
        model = fit(X, names[y], weights, classes=names)
        np.testing.assert_array_equal(model.coef_, fit(X, y, weights).coef_)
        np.testing.assert_array_equal(model.classes_, names)

    @pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")
    def test_ordered_categories_set_the_order(self):
        pd = pytest.importorskip("pandas")
        X, y, weights = parallel()
        names = ["none", "mild", "grave", "deadly"]
        labels = pd.Series(pd.Categorical.from_codes(y, names, ordered=True))
        model = fit(X, labels, weights)
        np.testing.assert_array_equal(model.coef_, fit(X, y, weights).coef_)
        assert list(model.classes_) == names

    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_constant_column_changes_nothing(self, crossing):
        X, y, weights = crossed(3)
        wide = np.column_stack([X, np.full(len(X), 3.7)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = fit(wide, y, weights, crossing=crossing)
        np.testing.assert_array_equal(model.coef_[:, 4], 0.0)
        np.testing.assert_allclose(model.coef_[:, :4], fit(X, y, weights, crossing=crossing).coef_, atol=1e-7)

    @pytest.mark.parametrize("crossing", DOMAINS)
    @pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array, sparse.coo_matrix])
    def test_sparse_input(self, kind, crossing):
        X, y, weights = crossed(4)
        X = np.where(X > 2.0, X, 0.0)
        model, other = fit(X, y, weights, crossing=crossing), fit(kind(X), y, weights, crossing=crossing)
        np.testing.assert_allclose(other.coef_, model.coef_, rtol=0, atol=1e-6)
        np.testing.assert_allclose(probabilities(other, kind(X)), probabilities(model, X), rtol=0, atol=1e-6)
        assert other.objective_ == pytest.approx(model.objective_, rel=1e-9)

    def test_balanced_class_weight_is_a_sample_weight(self):
        X, y, weights = parallel()
        share = np.bincount(y, weights=weights) / weights.sum()
        balanced = fit(X, y, weights, class_weight="balanced")
        np.testing.assert_allclose(balanced.coef_, fit(X, y, weights / share[y]).coef_, atol=1e-7)
        doubled = fit(X, y, weights, class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 0.5})
        factor = np.array([1.0, 2.0, 1.0, 0.5])
        np.testing.assert_allclose(doubled.coef_, fit(X, y, weights * factor[y]).coef_, atol=1e-7)

    def test_warm_start_reaches_the_same_minimum(self):
        X, y, weights = crossed()
        model = PrestoClassifier(0.05, warm_start=True, tol=1e-9).fit(X, y, sample_weight=weights)
        model.set_params(alpha=0.005).fit(X, y, sample_weight=weights)
        cold = fit(X, y, weights, alpha=0.005)
        assert model.objective_ == pytest.approx(cold.objective_, rel=1e-8)


class TestPath:
    @few
    @given(seed=seeds, base_penalty=st.sampled_from([0.0, 0.3, 1.0]), crossing=st.sampled_from(DOMAINS))
    def test_monotone(self, seed, base_penalty, crossing):
        X, y, weights = crossed(seed)
        path = presto_path(
            X, y, n_alphas=15, base_penalty=base_penalty, crossing=crossing, sample_weight=weights, tol=1e-8
        )
        assert (np.diff(path.alphas) < 0).all()
        assert (np.diff(path.objectives) <= 1e-9).all()
        assert (np.diff(path.log_likelihood) >= -1e-6 * np.abs(path.log_likelihood[1:])).all()
        assert np.max(path.dual_gaps) <= 1e-5

    def test_runs_without_options(self):
        """Defect (i) of the authors' code: its top-level function stops with an error."""
        X, y, _ = parallel()
        path = presto_path(X, y)
        assert path.coefs.shape == (50, 3, 4) and path.intercepts.shape == (50, 3)
        assert path.alphas[0] == pytest.approx(presto_alpha_max(X, y), rel=1e-9)
        assert path.alphas[-1] == pytest.approx(0.01 * path.alphas[0])
        ratios = path.alphas[1:] / path.alphas[:-1]
        np.testing.assert_allclose(ratios, ratios[0], rtol=1e-9)

    def test_never_stalls_at_the_first_crossing(self):
        """Defect (iv): every alpha below the first crossing returned one and the same fit."""
        X, y, weights = crossed()
        observed = presto_path(X, y, crossing="observed", sample_weight=weights)
        first = int(np.flatnonzero(np.asarray(observed.n_crossing) > 0)[0])
        assert first < 40
        path = presto_path(X, y, sample_weight=weights)
        assert (np.diff(path.log_likelihood[first:]) > 0).all()
        assert path.log_likelihood[-1] > path.log_likelihood[first] + 1.0

    def test_equals_separate_fits(self):
        X, y, weights = crossed(5)
        alphas = [0.05, 0.01, 0.002]
        path = presto_path(X, y, alphas=alphas, sample_weight=weights, tol=1e-9)
        for i, alpha in enumerate(alphas):
            model = fit(X, y, weights, alpha=alpha)
            np.testing.assert_allclose(path.coefs[i], model.coef_, rtol=0, atol=1e-5)
            assert path.objectives[i] == pytest.approx(model.objective_, rel=1e-8)
            assert path.log_likelihood[i] == pytest.approx(model.log_likelihood_, rel=1e-6)
            assert path.df[i] == model.df_

    def test_descending_whatever_the_order_given(self):
        X, y, _ = parallel()
        path = presto_path(X, y, alphas=[0.01, 0.1, 0.03])
        np.testing.assert_array_equal(path.alphas, [0.1, 0.03, 0.01])

    @few
    @given(seed=seeds, base_penalty=st.sampled_from([0.0, 0.3, 1.0]), l1_ratio=st.sampled_from([1.0, 0.5]))
    def test_alpha_max_is_exact(self, seed, base_penalty, l1_ratio):
        X, y, weights = parallel(seed)
        options = {"base_penalty": base_penalty, "l1_ratio": l1_ratio}
        largest = presto_alpha_max(X, y, sample_weight=weights, **options)
        penalized = slice(1, None) if base_penalty == 0 else slice(None)
        above = fit(X, y, weights, alpha=1.0001 * largest, **options)
        below = fit(X, y, weights, alpha=0.999 * largest, **options)
        np.testing.assert_array_equal(above.coef_diff_[penalized], 0.0)
        assert np.count_nonzero(below.coef_diff_[penalized]) >= 1

    def test_alpha_max_with_penalty_factors(self):
        X, y, weights = parallel(1)
        factor = np.array([0.0, 1.0, 3.0, 0.2])
        largest = presto_alpha_max(X, y, penalty_factor=factor, sample_weight=weights)
        above = fit(X, y, weights, alpha=1.0001 * largest, penalty_factor=factor)
        below = fit(X, y, weights, alpha=0.999 * largest, penalty_factor=factor)
        assert (above.coef_diff_[:, 0] != 0).all() and not above.coef_diff_[:, 1:].any()
        assert below.coef_diff_[:, 1:].any()

    def test_newton_steps_never_raise_the_objective(self):
        X, y, weights = crossed(6)
        values = []
        for max_iter in range(1, 9):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = fit(X, y, weights, alpha=0.003, max_iter=max_iter, crossing="observed")
            values.append(objective(X, y, model.intercept_, model.coef_, alpha=0.003, weights=weights))
        assert (np.diff(values) <= 1e-12).all()
        assert values[-1] < values[0] - 1e-4
