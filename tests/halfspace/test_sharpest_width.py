"""The width at which a halfspace is examined, chosen on the rows that it was learned from."""

import functools

import numpy as np
import pytest

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import massart_angle_bound
from statlearn.halfspace._bands import band_half_widths, band_is_testable, band_mass
from statlearn.halfspace._sharpest_width import WIDTHS, sharpest_width
from statlearn.halfspace._sphere_gradient import LabeledRows
from statlearn.halfspace._surrogates import RAMP
from statlearn.halfspace._whitening import Whitening


def sample_of(n, d, recipe="rcn", **params):
    X, y = make_massart_halfspace(n, d, recipe=recipe, random_state=0, **params)
    return LabeledRows(X, y.astype(float), np.ones(n), Whitening.identity(d), np.arange(n))


def chosen(sample, w, eta, n_tests, n_marginal=20_000):
    bound = functools.partial(massart_angle_bound, eta=eta)
    return sharpest_width(sample, w, RAMP, bound, n_tests, n_marginal)


def test_more_rows_are_seen_through_a_narrower_band_and_more_columns_through_a_wider_one():
    sample, w = sample_of(50_000, 10, eta=0.4), np.eye(10)[0]
    width, angle = chosen(sample, w, 0.4, 50_000)
    assert 0.05 < width < 1.0
    assert 2.0 < angle < 15.0
    assert chosen(sample, w, 0.4, 500_000)[0] < width
    assert chosen(sample, w, 0.4, 500_000)[1] < angle
    assert chosen(sample_of(50_000, 40, eta=0.4), np.eye(40)[0], 0.4, 50_000)[0] > width
    assert chosen(sample_of(50_000, 10, eta=0.2), w, 0.2, 50_000)[1] < angle


def test_bands_hold_enough_rows_to_be_tested():
    """The smallest width at which the inner band of the rows that are tested holds enough of them."""
    width, _ = chosen(sample_of(50_000, 30, "clean"), np.eye(30)[0], 0.0, 10**9, n_marginal=20_000)
    assert band_is_testable(20_000 * band_mass(band_half_widths(width)[0]), 30)
    narrower = WIDTHS[width > WIDTHS]
    assert not any(band_is_testable(20_000 * band_mass(band_half_widths(s)[0]), 30) for s in narrower)


def test_wrong_labels_within_reach_keep_the_band_narrow():
    """Flips begin at a margin of .3: a band that reaches them has a gradient that does not vanish with more rows."""
    w = np.eye(3)[0]
    near, far = (chosen(sample_of(20_000, 3, r, eta=0.4), w, 0.4, 4_000)[0] for r in ("massart-far", "rcn"))
    assert near < far
    assert near < 1.0


def test_no_bound_is_to_be_had_from_few_rows():
    assert chosen(sample_of(300, 20, eta=0.4), np.eye(20)[0], 0.4, 300) == (pytest.approx(2.0), 90.0)
