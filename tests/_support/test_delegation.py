"""What wrappers say of the certificates of what they fitted, and how they hand labels on."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn._support.delegation import certificate_checks, ordered_labels, rows_of_labels
from statlearn.certificate import Certificate, Check

NAMES = ["low", "medium", "high"]


class Vouched(LogisticRegression):
    """A logistic regression with a certificate whose outcome is a parameter."""

    def __init__(self, holds=True, C=1.0):
        super().__init__(C=C)
        self.holds = holds

    def fit(self, X, y):
        gap = Check("gap", 1.0, 1.0, self.holds, "numerical")
        other = Check("other", 1.0, 1.0, None if self.holds is None else True, "numerical")
        self.certificate_ = Certificate("It is fitted.", [gap, other, Check("n", 2, None, None, "reported")])
        return super().fit(X, y)


@pytest.fixture
def fitted(rng):
    """Fits to the same rows, of estimators that are given."""
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    return lambda estimator: estimator.fit(X, y)


# ---- certificates


@pytest.mark.parametrize(
    ("holds", "failed", "detail"),
    [(True, 0, "holds"), (False, 1, "does not hold (failed: gap)"), (None, 0, "not decided (gap, other)")],
)
def test_the_certificate_of_the_only_one(fitted, holds, failed, detail):
    (check,) = certificate_checks("its certificate", fitted(Vouched(holds)))
    assert check == Check("its certificate", failed, 0, None, "reported", detail)


@pytest.mark.parametrize(
    ("outcomes", "failed", "detail"),
    [
        ({"a": True}, 0, "1 of 1 holds"),
        ({"a": True, "b": True}, 0, "2 of 2 hold"),
        ({"a": True, "b": False}, 1, "1 of 2 does not hold: 'b' (failed: gap)"),
        ({"a": False, "b": False}, 2, "2 of 2 do not hold: 'a' (failed: gap), 'b' (failed: gap)"),
        (
            {"a": False, "b": None, "c": True},
            1,
            "1 of 3 does not hold: 'a' (failed: gap); 1 of 3 is not decided: 'b' (gap, other)",
        ),
    ],
)
def test_certificates_of_several(fitted, outcomes, failed, detail):
    members = {name: fitted(Vouched(holds)) for name, holds in outcomes.items()}
    (check,) = certificate_checks("certificates", members)
    assert check == Check("certificates", failed, 0, None, "reported", detail)
    (check,) = certificate_checks("certificates", {**members, "plain": fitted(LogisticRegression())})
    assert (check.statistic, check.detail) == (failed, f"{detail}; 1 more has none")


def test_no_check_where_nobody_has_a_certificate(fitted):
    plain = fitted(LogisticRegression())
    plain_pipeline = fitted(make_pipeline(StandardScaler(), LogisticRegression()))
    assert certificate_checks("certificates", {"plain": plain, "pipeline": plain_pipeline}) == []
    assert certificate_checks("certificate", plain) == []
    plain.certificate_ = "signed"  # another library's
    assert certificate_checks("certificate", plain) == []


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: make_pipeline(StandardScaler(), "passthrough", inner),
        lambda inner: GridSearchCV(inner, {"C": [1.0]}, cv=2),
        lambda inner: CalibratedClassifierCV(inner, cv=2),
        lambda inner: make_pipeline(StandardScaler(), GridSearchCV(inner, {"C": [1.0]}, cv=2)),
    ],
)
def test_certificates_within_what_is_wrapped(fitted, wrap):
    for found in (fitted(wrap(Vouched(False))), FrozenEstimator(fitted(wrap(Vouched(False))))):
        (check,) = certificate_checks("certificate", found)
        assert (check.statistic, check.detail) == (1, "does not hold (failed: gap)")


# ---- labels


def ordered(kind, codes):
    """Labels of three steps, by the type that carries their order."""
    categories = pd.Categorical.from_codes(codes, NAMES, ordered=True)
    if kind == "categorical":
        return categories
    if kind == "pandas":
        return pd.Series(categories, index=np.arange(len(codes))[::-1])
    polars = pytest.importorskip("polars")
    return polars.Series([NAMES[code] for code in codes], dtype=polars.Enum(NAMES))


@pytest.mark.parametrize("kind", ["categorical", "pandas", "polars"])
def test_rows_of_ordered_labels_keep_the_order_of_what_occurs(kind):
    codes = np.array([2, 0, 1, 0, 2])
    labels = ordered_labels(ordered(kind, codes), np.array(NAMES)[codes])
    for rows in ([0, 1, 2, 3], [0, 3], [3, 1]):
        part = rows_of_labels(labels, np.array(rows))
        assert_array_equal(np.asarray(part), np.array(NAMES)[codes[rows]])
        assert list(part.dtype.categories) == [NAMES[code] for code in np.unique(codes[rows])]


@pytest.mark.parametrize("kind", ["categorical", "pandas", "polars"])
def test_categories_that_never_occur_are_dropped(kind):
    labels = ordered_labels(ordered(kind, [2, 0]), np.array(["high", "low"]))
    assert list(labels.dtype.categories) == ["low", "high"]


def test_labels_without_order_are_the_checked_ones():
    checked = np.array(["b", "a", "b"])
    for given in (["b", "a", "b"], checked[:, None], pd.Series(checked), pd.Series(checked, dtype="category")):
        assert ordered_labels(given, checked) is checked
    assert_array_equal(rows_of_labels(checked, np.array([1, 2])), ["a", "b"])
