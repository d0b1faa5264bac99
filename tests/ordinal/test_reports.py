"""The relaxed refit: which data it takes, what it claims, and what it leaves behind."""

import numpy as np
import pytest

from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier

from .reference import crossing_data, parallel_data

ORDER = ["mild", "bad", "worse", "awful"]  # not alphabetical


@pytest.fixture(scope="module")
def data():
    X, y, _ = parallel_data(np.random.default_rng(0), 200, 3, 4)
    assert np.bincount(y).min() >= 10
    return X, y


@pytest.fixture(scope="module")
def model(data):
    fitted = PrestoClassifier(0.03).fit(*data)
    assert 0 < np.count_nonzero(fitted.coef_diff_) < fitted.coef_diff_.size
    return fitted


class TestDataOfTheRefit:
    def test_other_number_of_features(self, model, data):
        with pytest.raises(ValueError, match="X has 2 features, but PrestoClassifier is expecting 3 features"):
            model.relaxed_fit(data[0][:, :2], data[1])

    def test_other_feature_names(self, data):
        pd = pytest.importorskip("pandas")
        X, y = data
        frame = pd.DataFrame(X, columns=["a", "b", "c"])
        model = PrestoClassifierCV(alphas=3).fit(frame, y)
        with pytest.raises(ValueError, match="(?s)feature names.*should match those that were passed during fit.*- z"):
            model.relaxed_fit(frame.rename(columns={"c": "z"}), y)
        with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
            model.relaxed_fit(frame[["b", "a", "c"]], y)
        with pytest.warns(UserWarning, match="X does not have valid feature names, but PrestoClassifierCV was fitted"):
            relaxed = model.relaxed_fit(X, y)
        assert relaxed.estimator.feature_names_in_.tolist() == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda y: y[::-1] + 1, r"y has other labels \[4\], and no rows of \[0\]"),
            (lambda y: np.minimum(y, 2), r"y has other labels \[\], and no rows of \[3\]"),
            (lambda y: y.astype(str), r"y has other labels \['0', '1', '2', '3'\], and no rows of \[0, 1, 2, 3\]"),
        ],
        ids=["shifted", "merged", "text"],
    )
    def test_other_classes(self, model, data, change, message):
        with pytest.raises(ValueError, match=rf"relaxed_fit needs .*with classes \[0, 1, 2, 3\]. {message}"):
            model.relaxed_fit(data[0], change(data[1]))

    def test_class_without_weight(self, model, data):
        with pytest.raises(ValueError, match=r"y has other labels \[\], and no rows of \[2\]"):
            model.relaxed_fit(*data, sample_weight=(data[1] != 2).astype(float))

    def test_labels_of_weight_zero_do_not_count(self, data):
        X, y = data
        weights = np.where(y == 0, 0.0, 1.0)
        model = PrestoClassifier(0.03).fit(X, y, sample_weight=weights)
        relaxed = model.relaxed_fit(X, y, sample_weight=weights)
        assert relaxed.differences == model.relaxed_fit(X[y > 0], y[y > 0]).differences

    def test_lengths_that_differ(self, model, data):
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[200, 199\]"):
            model.relaxed_fit(data[0], data[1][:-1])

    @pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")
    def test_labels_keep_the_order_of_the_fit(self, data):
        pd = pytest.importorskip("pandas")
        X, y = data
        labels = np.array(ORDER)[y]
        model = PrestoClassifier(0.03).fit(X, pd.Series(pd.Categorical(labels, ORDER, ordered=True)))
        relaxed = model.relaxed_fit(X, labels)  # a ClassOrderWarning would be an error
        assert relaxed.estimator.classes_.tolist() == ORDER
        assert relaxed.differences == PrestoClassifier(0.03).fit(X, y).relaxed_fit(X, y).differences


class TestRefit:
    def test_feature_names(self, data):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame(data[0], columns=["a", "b", "c"])
        refit = PrestoClassifier(0.03).fit(frame, data[1]).relaxed_fit(frame, data[1]).estimator
        assert refit.feature_names_in_.tolist() == ["a", "b", "c"] and refit.n_features_in_ == 3
        refit.predict(frame)  # a warning about missing names would be an error
        assert set(refit.deviating_transitions().parallel) <= {"a", "b", "c"}

    def test_without_names(self, model, data):
        refit = model.relaxed_fit(*data).estimator
        assert refit.n_features_in_ == 3 and not hasattr(refit, "feature_names_in_")
        assert refit.get_params() == model.get_params()

    @pytest.mark.parametrize("crossing", ["observed", "train", "box"])
    def test_nothing_selected(self, data, crossing):
        """The refit is the model of the class shares."""
        X, y = data
        model = PrestoClassifier(np.inf, crossing=crossing).fit(X, y)
        relaxed = model.relaxed_fit(X, y)
        assert relaxed.features == relaxed.cuts == relaxed.differences == relaxed.standard_errors == ()
        assert "Nothing was selected" in str(relaxed) and "not valid inference" in str(relaxed)
        shares = np.bincount(y) / len(y)
        np.testing.assert_allclose(relaxed.estimator.predict_proba(X[:2]), [shares, shares], atol=1e-9)
        assert relaxed.estimator.log_likelihood_ == pytest.approx(len(y) * (shares * np.log(shares)).sum())

    def test_table_of_nothing(self, data):
        pytest.importorskip("pandas")
        frame = PrestoClassifier(np.inf).fit(*data).relaxed_fit(*data).to_frame()
        assert frame.shape == (0, 4)

    def test_separable_along_the_support(self, data):
        X, y = data
        apart = np.column_stack([X, np.where(y == 3, 5.0, 0.0) + 0.01 * X[:, 0]])
        model = PrestoClassifier(0.01).fit(apart, y)
        assert model.coef_diff_[:, 3].any()
        with pytest.warns(UserWarning, match="relaxed_fit: the data are separable"):
            relaxed = model.relaxed_fit(apart, y)
        assert not relaxed.certificate and np.isinf(relaxed.standard_errors).all()


class TestCertificate:
    def test_claim_is_about_the_support_and_the_likelihood(self, model, data):
        relaxed = model.relaxed_fit(*data)
        claim = relaxed.certificate.claim
        assert claim.startswith(
            "Among all coefficients that are zero outside the selected support and whose cuts cross at"
        )
        assert (
            "penalized" not in claim
            and f"mean negative log-likelihood smaller than the fitted {-relaxed.estimator.log_likelihood_ / 200:.6g}"
            in claim
        )
        assert "fixed in advance (they were not)" in relaxed.certificate.assumptions[0]
        assert relaxed.estimator.certificate_.claim == claim

    @pytest.mark.parametrize(
        ("crossing", "words"),
        [("observed", "support, none"), ("train", "at no training row, none"), ("box", "in the bounding box")],
    )
    def test_claim_names_the_domain(self, crossing, words):
        X, y, _ = crossing_data(np.random.default_rng(1), 150, 3, 3)
        model = PrestoClassifier(0.02, crossing=crossing).fit(X, y)
        assert words in model.relaxed_fit(X, y).certificate.claim

    def test_claim_is_true_where_the_support_is_known_to_another_fit(self, data):
        """Proportional odds is the refit of a support that is the first block; the wider model fits better."""
        X, y = data
        rival = ProportionalOddsClassifier().fit(X, y)
        model = PrestoClassifier(1e3, base_penalty=0.0).fit(X, y)
        refit = model.relaxed_fit(X, y).estimator
        assert (model.coef_diff_[0] != 0).all() and not model.coef_diff_[1:].any()
        assert refit.log_likelihood_ == pytest.approx(rival.log_likelihood_, rel=1e-9)
        assert PrestoClassifier(0.0).fit(X, y).log_likelihood_ > refit.log_likelihood_ + 1.0
