"""The loader: class order, shapes, names, and the message when statsmodels is absent."""

import sys

import numpy as np
import pytest

from statlearn.datasets import load_marriage


def test_statsmodels_absent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(ImportError, match=r"load_marriage .*statsmodels is not installed.*statlearn\[examples\]"):
        load_marriage()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="'return_X_y' parameter of load_marriage must be"):
        load_marriage(return_X_y="yes")


class TestWithStatsmodels:
    @pytest.fixture(autouse=True)
    def _data(self):
        pytest.importorskip("statsmodels")

    def test_classes_run_from_very_good_to_the_rare_very_poor(self):
        marriage = load_marriage()
        assert np.bincount(marriage.target).tolist() == [2684, 2242, 993, 348, 99]
        assert marriage.target_names == ["very good", "good", "fair", "poor", "very poor"]
        assert (marriage.target == 4).mean() == pytest.approx(0.0156, abs=5e-5)

    def test_target_is_the_survey_rating_reversed(self):
        from statsmodels.datasets import fair

        rating = fair.load_pandas().data["rate_marriage"].to_numpy()
        np.testing.assert_array_equal(load_marriage().target, 5 - rating)

    def test_bunch(self):
        marriage = load_marriage()
        assert marriage.data.shape == (6366, 8) and marriage.data.dtype == np.float64
        assert marriage.target.shape == (6366,) and marriage.target.dtype == np.int64
        assert len(marriage.feature_names) == 8 and "rate_marriage" not in marriage.feature_names
        assert np.isfinite(marriage.data).all()
        assert marriage.frame is None
        assert "Fair (1978)" in marriage.DESCR

    def test_frame(self):
        pandas = pytest.importorskip("pandas")
        marriage, plain = load_marriage(as_frame=True), load_marriage()
        assert isinstance(marriage.data, pandas.DataFrame) and isinstance(marriage.target, pandas.Series)
        assert list(marriage.data.columns) == plain.feature_names
        assert list(marriage.frame.columns) == [*plain.feature_names, "marriage"]
        np.testing.assert_array_equal(marriage.data.to_numpy(), plain.data)
        np.testing.assert_array_equal(marriage.frame["marriage"], plain.target)

    def test_pair(self):
        X, y = load_marriage(return_X_y=True)
        np.testing.assert_array_equal(X, load_marriage().data)
        np.testing.assert_array_equal(y, load_marriage().target)
        X, y = load_marriage(return_X_y=True, as_frame=True)
        assert list(X.columns) == load_marriage().feature_names and y.name == "marriage"
