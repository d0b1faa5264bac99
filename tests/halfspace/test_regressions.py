"""Defects that were found by independent checks: each test states what a user sees."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz
from scipy.stats import norm

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import (
    TestableHalfspaceClassifier,
    band_test,
    gaussianity_test,
    massart_angle_bound,
    psgd_sphere,
    ramp_loss,
    ramp_loss_grad,
)
from statlearn.halfspace import _null_tables as null_tables
from statlearn.halfspace._angle_bounds import RIGHT_ANGLE
from statlearn.halfspace._examination import Bounded, Examiner, LinearRule
from statlearn.halfspace._marginal_tests import NullSource
from statlearn.halfspace._noise_tests import disagreement_in_slabs, noise_tests
from statlearn.halfspace._surrogates import RAMP
from statlearn.halfspace._universal import UniversalExaminer


def quiet(**params):
    return TestableHalfspaceClassifier(**{"random_state": 0, "on_reject": "ignore", "eta": 0.1, **params})


def labels(margins):
    return np.where(margins > 0.0, 1, -1)


# Wrong numbers


def test_bounds_hold_where_the_rows_of_the_tests_are_fewer_than_twenty_per_column():
    """Certified "at most .23 above the best" for 7 of 20 tables of 100 correlated columns, where the excess is .25.

    Below 20 rows per column the covariance that whitens is shrunk, so that whitened rows do not have unit variance, and
    the gradient is smaller than the inequality behind the angle takes it to be.
    """
    d = 100
    values, vectors = np.linalg.eigh(toeplitz(0.3 ** np.arange(d)))
    mix = vectors[:, ::-1] * np.sqrt(values[::-1])  # the first column of Z varies most, the last one least
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(20000, d))
    model = quiet(eta=0.0, width=2.5, center=False).fit(Z @ mix.T, labels(Z[:, 0]))
    target = np.zeros(d)
    target[[0, -1]] = np.sqrt(0.5)
    normal = mix.T @ model.coef_[0]
    excess = np.arccos(normal @ target / np.linalg.norm(normal)) / np.pi  # exact: labels are those of the target
    n_false = 0
    for _ in range(20):
        Z = rng.normal(size=(1990, d))
        certificate = model.certify(Z @ mix.T, labels(Z @ target))
        n_false += bool(certificate) and certificate.excess_error_bound < excess
    assert n_false <= 3  # more than 3 of 20 at level .05 have a probability of .016


def test_the_table_is_not_used_for_wide_bands(rng):
    """The table of null laws rejects 20 of 20 Gaussian samples of 1,000 rows and 60 columns in bands of width 4.

    The estimator takes such a width if nothing promises a bound.
    """
    w = np.eye(60)[0]
    tests = [band_test(rng.normal(size=(1000, 60)), w, 4.0, method="auto", n_null=99) for _ in range(20)]
    assert sum(test.passed is False for test in tests) <= 4  # more at level .05 have a probability of .003


def test_an_intercept_does_not_depend_on_units(rng):
    """Columns in other units (a factor of 1e5 up, one of 1e5 down): the error grows from .1 % to 3 %, silently."""
    X = rng.normal(size=(4000, 3))
    y = labels(X.sum(axis=1) - 1.0)
    units = np.array([1e5, 1.0, 1e-5])
    reference = quiet(fit_intercept=True).fit(X, y)
    model = quiet(fit_intercept=True).fit(X * units, y)
    assert_allclose(model.coef_ * units, reference.coef_, rtol=1e-4)
    assert_allclose(model.intercept_, reference.intercept_, rtol=1e-4)


def test_an_intercept_is_found_for_columns_far_from_zero(rng):
    """``fit_intercept=True, center=False`` on separable rows around 100: every row is put into the larger class."""
    X = rng.normal(size=(4000, 3))
    y = labels(X.sum(axis=1) - 1.0)
    assert quiet(fit_intercept=True, center=False).fit(X + 100.0, y).score(X + 100.0, y) > 0.95


def test_the_noise_test_knows_how_far_the_rule_is_from_the_mean():
    """A good rule from 2,000 rows, certified on 400,000 with a tenth flipped at random: "noise bound" fails, p = 0.

    The rows between the mean of the fresh rows and the rule's own hyperplane are errors that the bound of the excess
    error allows for, and the slabs do not.
    """
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(2000, 2))
        model = quiet().fit(X, labels(X[:, 0]))
        fresh = rng.normal(size=(400_000, 2))
        y = labels(fresh[:, 0]) * np.where(rng.random(len(fresh)) < 0.1, -1, 1)
        assert model.certify(fresh, y)["noise bound"].statistic > 1e-6, seed


def test_the_noise_test_does_not_depend_on_the_order_of_rows(rng):
    """A table that is sorted by its labels is refused (noise bound, p = 5e-50), the shuffled one is certified.

    Rows of one margin are put into different slabs by their order, which may be that of their labels.
    """
    X = rng.normal(size=(40000, 1)).round(1)
    y = labels(X[:, 0]) * np.where(rng.random(len(X)) < 0.35, -1, 1)
    order = np.argsort(y, kind="stable")
    statistics = [
        quiet(eta=0.4, width=1.5).fit(X[rows], y[rows]).certificate_["noise bound"].statistic
        for rows in (slice(None), order)
    ]
    assert min(statistics) > 0.05


def test_rows_of_one_margin_are_in_one_slab():
    """4,000 errors in 10,000 rows of one and the same margin are what eta = .4 allows, whatever row they are in."""
    wrong = np.arange(10000) < 4000
    assert noise_tests(np.zeros(10000), wrong, np.zeros(10000), 0.4).p_value > 0.05


def test_a_weighted_error_of_nine_tenths_is_not_said_to_be_small(rng):
    """Of weighted rows 91 % are errors: checks "error" and "no coin flips" hold, and the excess is "at most .03".

    The gradient and the error that is shown are weighted; those of the bounds and of the noise tests count rows.
    """
    X = rng.normal(size=(20000, 3))
    model = quiet().fit(X, labels(X[:, 0]))
    flipped = rng.random(len(X)) < 0.1
    fresh = rng.normal(size=X.shape)
    y = labels(fresh[:, 0]) * np.where(flipped, -1, 1)
    certificate = model.certify(fresh, y, sample_weight=np.where(flipped, 100.0, 1.0))
    assert certificate.error > 0.9
    assert certificate["error"].holds is not True
    assert certificate.excess_error_bound > 0.5  # of the rule turned around, 9 % are errors


def test_two_distances_from_the_origin_add_up_as_probabilities():
    """Parallel hyperplanes half a deviation to the left and one to the right: 53 % differ, the bound says 43 %."""
    examiner = Examiner(RAMP, 0.1, 0.0, 0.05, 0.1, 20000, NullSource())
    angle, _, excess = examiner.bounds(Bounded(gradient=0.0, error=0.0, offset=0.5, distance=1.0, rank=2))
    assert angle == 0.0
    assert excess >= norm.cdf(0.5) - norm.cdf(-1.0)


def test_disagreement_near_the_boundary_is_bounded_for_smaller_angles_too():
    """The "bound" for 45 degrees is below the disagreement with a hyperplane at 1 degree and the same offset."""
    margins, angle, offset = np.array([0.001]), 45.0, 0.01
    smaller = np.radians(np.linspace(0.1, angle, 500))
    exact = norm.cdf((offset - margins[0] * np.cos(smaller)) / np.sin(smaller))
    assert disagreement_in_slabs(margins, angle, offset=offset)[0] >= exact.max() - 1e-9


def test_the_universal_bound_of_a_gradient_is_one_given_the_rows():
    """Labels without noise: given the rows the gradient is what was measured, and its upper bound lies below that.

    The universal angle bound is an inequality about the very rows, so that only labels are random. The noise that rows
    add to a gradient must not be taken off.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 50))
    w = np.eye(50)[0]
    examiner = UniversalExaminer(RAMP, 1.0, 0.0, 0.05, 0.1, 2000, NullSource("auto"))
    signs = labels(X[:, 0]).astype(float)
    found = examiner.examine(LinearRule(w, 0.0, True), X, signs, np.ones(4000), np.arange(4000), rng)
    assert found.bounded.gradient >= found.gradient.norm


@pytest.fixture(scope="module")
def agnostic():
    X, y = make_massart_halfspace(20000, 3, recipe="adv-tail", random_state=0)
    return quiet(noise="agnostic").fit(X, y)


def test_an_excess_error_is_no_larger_than_the_error(agnostic):
    """A rule with an error of 5 % is certified to be "at most 18 %" above the best."""
    assert agnostic.excess_error_bound_ <= agnostic.test_error_ + 5.0 * np.sqrt(agnostic.test_error_ / 10000)


def test_an_excess_error_for_a_given_error_of_the_best_is_a_difference(agnostic):
    """``excess_error_bound(opt=0.05)`` is .16 for an error of .049; for ``opt=0.2`` it is 1."""
    largest = agnostic.test_error_ + 5.0 * np.sqrt(agnostic.test_error_ / 10000)
    assert agnostic.excess_error_bound(0.05) <= largest - 0.05
    assert agnostic.excess_error_bound(0.2) <= largest


def test_the_train_error_is_that_of_predict(rng):
    """All 2,000 predictions are right and ``train_error_`` is .26: rows on the boundary count as half an error."""
    X = rng.choice([-1.0, 0.0, 0.0, 1.0], size=(2000, 1))
    model = quiet(center=False).fit(X, labels(X[:, 0]))
    assert model.score(X, labels(X[:, 0])) == 1.0
    assert model.train_error_ == 0.0


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
def test_a_single_null_draw_gives_no_p_value_of_zero(rng):
    """``n_null=1`` is enough for ``level=0.5`` by the docstring, and the p-value is 0 instead of .5 or 1."""
    assert gaussianity_test(rng.normal(size=(100, 2)), level=0.5, n_null=1).p_value in (0.5, 1.0)


def test_rows_along_the_boundary_bound_no_angle(rng):
    """Fresh rows that vary only along the hyperplane, labels from an axis at a right angle: "at most 1.3 degrees"."""
    X = np.column_stack([rng.normal(size=2000), np.ones(2000)])
    model = quiet().fit(X, labels(X[:, 0]))
    assert model.coef_[0, 1] == 0.0
    fresh = np.column_stack([np.ones(2000), rng.normal(size=2000)])
    assert model.certify(fresh, labels(fresh[:, 1])).angle_bound == RIGHT_ANGLE


def test_one_column_has_no_angle(rng):
    """One column: an angle of some degrees is left open and paid for, where ``target="universal"`` has 0."""
    X = rng.normal(size=(4000, 1))
    assert quiet().fit(X, labels(X[:, 0])).angle_bound_ == 0.0


# Crashes


@pytest.mark.parametrize("n_samples", [2, 3])
@pytest.mark.parametrize("target", ["gaussian", "universal"])
def test_very_few_rows_are_not_decided(rng, n_samples, target):
    """Two rows: AttributeError ('int' object has no attribute 'size'). Three: RuntimeWarning (invalid value)."""
    X, y = rng.normal(size=(n_samples, 3)), np.arange(n_samples) % 2
    assert not quiet(target=target).fit(X, y).accepted_


def test_a_share_of_the_tests_that_rounds_to_no_row_is_not_decided(rng):
    """``test_size=0.01`` and 60 rows: AttributeError ('int' object has no attribute 'size')."""
    try:
        model = quiet(test_size=0.01).fit(rng.normal(size=(60, 3)), np.arange(60) % 2)
    except ValueError as error:
        assert "test_size" in str(error)
    else:
        assert not model.accepted_


@pytest.mark.parametrize("n_rows", [1, 100])
def test_fresh_rows_that_do_not_vary_are_not_decided(rng, n_rows):
    """``certify`` on 100 equal rows: IndexError (index 0 is out of bounds). On one row: RuntimeWarning."""
    X = rng.normal(size=(1000, 3))
    model = quiet().fit(X, labels(X[:, 0]))
    certificate = model.certify(np.ones((n_rows, 3)), np.ones(n_rows, dtype=int))
    assert certificate.angle_bound == RIGHT_ANGLE
    assert not certificate


def test_a_column_that_varies_in_one_row_is_not_decided():
    """A column that is 0 but in one row: IndexError, if that row is one to learn from."""
    X = np.zeros((100, 1))
    X[0] = 1.0
    for seed in range(4):
        try:
            assert not quiet(random_state=seed).fit(X, np.arange(100) < 50).accepted_
        except ValueError as error:  # nothing to learn from
            assert "X has no" in str(error) or "vary" in str(error) or "varies" in str(error)


def test_a_small_level_is_simulated_if_there_are_draws_enough():
    """``delta=0.001, n_null=1999``: ValueError, use ``method='simulate'``, which the estimator does not have."""
    X, y = make_massart_halfspace(4000, 2, random_state=0)
    assert quiet(eta=0.4, delta=0.001, n_null=1999).fit(X, y).p_value_ > 0.001


def test_a_level_that_no_draws_reach_is_called_by_its_name(rng):
    """``delta=1e-4``: the message is about a "level", of which the estimator has none."""
    X = rng.normal(size=(200, 2))
    with pytest.raises(ValueError, match="delta"):
        quiet(delta=1e-4).fit(X, labels(X[:, 0]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("weight", [1e-200, 1e200])
def test_units_of_weights_do_not_matter(rng, weight):
    """Equal weights of 1e200 or 1e-200: LinAlgError (Eigenvalues did not converge)."""
    X = rng.normal(size=(1000, 3))
    y = labels(X[:, 0])
    reference = quiet().fit(X, y)
    model = quiet().fit(X, y, sample_weight=np.full(1000, weight))
    assert_allclose(model.gradient_ucb_, reference.gradient_ucb_, rtol=0.5)


def test_a_hyperplane_far_away_leaves_every_angle_open():
    """``massart_angle_bound(..., offset=40)``: OverflowError (math range error)."""
    assert massart_angle_bound(0.01, width=0.1, eta=0.1, offset=40.0) == RIGHT_ANGLE


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_half_a_file_of_null_draws_is_called_by_its_name(rng, tmp_path, monkeypatch, share):
    """A file of ``cache_dir`` that was cut off: BadZipFile (File is not a zip file), which file is not said."""
    X = rng.normal(size=(60, 2))
    gaussianity_test(X, n_null=19, cache_dir=tmp_path)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    monkeypatch.setattr(null_tables, "_recent_tables", null_tables._RecentTables(4))
    with pytest.raises(ValueError, match="cache_dir"):
        gaussianity_test(X, n_null=19, cache_dir=tmp_path)


def test_a_file_in_place_of_the_folder_of_null_draws_is_called_by_its_name(rng, tmp_path):
    """``cache_dir`` is a file: FileExistsError after all draws were made, no word of ``cache_dir``."""
    path = tmp_path / "file"
    path.touch()
    with pytest.raises((ValueError, OSError), match="cache_dir"):
        gaussianity_test(rng.normal(size=(61, 2)), n_null=19, cache_dir=path)


@pytest.mark.parametrize("width", [20.0, 100.0, 1e200])
def test_a_width_beyond_all_rows_is_called_by_its_name(width):
    """``width=1e200``: OverflowError (Numerical result out of range); 20: math domain error."""
    X, y = make_massart_halfspace(4000, 2, random_state=0)
    with pytest.raises(ValueError, match="'width' parameter"):
        quiet(width=width).fit(X, y)


def test_a_share_that_is_no_number_is_called_by_its_name(agnostic):
    """``excess_error_bound("0.1")``: '<=' not supported between instances of 'float' and 'str'."""
    with pytest.raises((TypeError, ValueError), match="opt"):
        agnostic.excess_error_bound("0.1")


@pytest.mark.parametrize("function, value", [(ramp_loss, 1.0), (ramp_loss_grad, 0.0)])
def test_large_margins_do_not_overflow(function, value):
    """``ramp_loss(1e308, 0.1)`` warns of an overflow on its way to 1."""
    assert function(1e308, 0.1) == value


# Misleading words


def test_an_error_that_decides_nothing_is_not_called_small_enough():
    """The check "error" is not decided, and its remark says "small enough that ... lies on the right side"."""
    X, y = make_massart_halfspace(2000, 4, random_state=0)
    check = quiet(eta=0.4).fit(X, y).certificate_["error"]
    assert check.holds is None
    assert "small enough" not in check.detail


def test_a_plane_through_the_origin_is_not_said_to_go_through_the_mean(rng):
    """``center=False, fit_intercept=True``: "bounds are about one through the mean"; they are about the origin."""
    X = rng.normal(size=(1000, 2))
    certificate = quiet(center=False, fit_intercept=True).fit(X, labels(X[:, 0])).certificate_
    names = [check.name for check in certificate.checks]
    assert "through the mean" not in names
    assert not any("through the mean" in assumption for assumption in certificate.assumptions)


def test_one_class_is_not_sent_to_a_wrapper_for_many(rng):
    """One class: "Use OneVsRestClassifier for more", which does not help."""
    with pytest.raises(ValueError, match="y must have more than one class. Got one class, 1.0: add rows") as caught:
        quiet().fit(rng.normal(size=(50, 2)), np.ones(50))
    assert "OneVsRestClassifier" not in str(caught.value)


def test_equal_rows_are_not_said_to_be_at_the_origin():
    """Rows that are all (1, 1): "all rows are at the origin. Check the table."; no column varies."""
    with pytest.raises(ValueError) as caught:
        quiet().fit(np.ones((100, 2)), np.arange(100) % 2)
    assert "at the origin" not in str(caught.value)


def test_an_empty_ladder_of_widths_is_called_by_its_name(rng):
    """``width=[]``: "Found array with 0 sample(s)", as if rows were missing."""
    with pytest.raises(ValueError, match="width"):
        psgd_sphere(rng.normal(size=(50, 2)), np.where(np.arange(50) % 2, 1, -1), width=[])


@pytest.mark.parametrize("other", [7, "up"])
def test_a_label_that_was_not_in_the_fit_is_shown_as_it_was_given(rng, other):
    """A label of 7 is called np.int64(7)."""
    X = rng.normal(size=(200, 2))
    y = np.where(X[:, 0] > 0.0, 1, 0) if other == 7 else np.where(X[:, 0] > 0.0, "right", "left")
    model = quiet().fit(X, y)
    with pytest.raises(ValueError, match=f"of the fit. Got {other!r}"):
        model.certify(X, np.full(200, other))
