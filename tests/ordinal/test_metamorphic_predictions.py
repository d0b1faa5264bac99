"""Predictions, summaries of the fit and cross-validation, recomputed by hand."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold

from statlearn.exceptions import CrossingWarning
from statlearn.ordinal import (
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    ordinal_log_likelihood,
    rearrange_cumulative,
)

from .helpers import DOMAINS, crossed, fit, parallel, probabilities
from .reference import class_probabilities, information, kkt_violation, loss_gradient

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

few = hypothesis.settings(max_examples=12)


class TestProbabilities:
    @pytest.mark.parametrize("repair", ["sort", "isotonic"])
    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_repaired_rows_are_distributions(self, crossing, repair):
        X, y, weights = crossed()
        model = fit(X, y, weights, alpha=0.003, crossing=crossing, repair=repair)
        wild = 4.0 * X
        with pytest.warns(CrossingWarning):
            proba = model.predict_proba(wild)
            cumulative = model.cumulative_proba(wild)
        assert proba.min() >= 0.0
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        assert np.diff(cumulative, axis=1).min() >= -1e-15
        np.testing.assert_allclose(np.cumsum(proba, axis=1)[:, :-1], cumulative, rtol=0, atol=1e-12)

    def test_without_repair_rows_sum_to_one_and_may_be_negative(self):
        X, y, weights = crossed()
        model = fit(X, y, weights, alpha=0.003, crossing="observed", repair="none")
        with pytest.warns(CrossingWarning):
            proba = model.predict_proba(X)
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        assert proba.min() < -0.01
        np.testing.assert_allclose(proba, class_probabilities(model.cut_logits(X)), rtol=0, atol=1e-12)

    def test_repairs_are_the_identity_where_nothing_crosses(self):
        X, y, weights = parallel()
        with warnings.catch_warnings():
            warnings.simplefilter("error", CrossingWarning)
            sort, isotonic, none = (
                fit(X, y, weights, alpha=0.05, repair=repair).predict_proba(X)
                for repair in ("sort", "isotonic", "none")
            )
        np.testing.assert_array_equal(sort, none)
        np.testing.assert_allclose(isotonic, none, rtol=0, atol=1e-14)

    def test_warning_counts_the_crossing_rows_once(self):
        X, y, weights = crossed()
        model = fit(X, y, weights, alpha=0.003, crossing="observed")
        count = int((np.diff(model.cut_logits(X), axis=1) > 0).any(axis=1).sum())
        assert count > 0
        with pytest.warns(CrossingWarning, match=rf"\b{count}\b") as caught:
            model.predict_proba(X)
        assert len(caught) == 1

    def test_prediction_methods_agree(self):
        X, y, weights = parallel()
        model = fit(X, y, weights)
        proba, logits = model.predict_proba(X), model.cut_logits(X)
        np.testing.assert_allclose(logits, X @ model.coef_.T + model.intercept_, rtol=1e-12)
        np.testing.assert_allclose(proba, class_probabilities(logits), rtol=1e-9)
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba), rtol=1e-9)
        np.testing.assert_allclose(model.cumulative_proba(X), 1 / (1 + np.exp(logits)), rtol=1e-12)
        np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
        np.testing.assert_array_equal(model.decision_function(X).argmax(axis=1), proba.argmax(axis=1))
        medians = (np.cumsum(proba, axis=1)[:, :-1] < 0.5).sum(axis=1)
        np.testing.assert_array_equal(model.predict_median(X), model.classes_[medians])
        total = ordinal_log_likelihood(y, logits, sample_weight=weights)
        assert model.log_likelihood_ == pytest.approx(total, rel=1e-10)

    @few
    @given(rows=st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=6))
    def test_rearrangement_never_moves_away_from_a_monotone_truth(self, rows):
        F = np.array(rows)
        G = rearrange_cumulative(F)
        truth = np.sort(np.random.default_rng(0).random(F.shape), axis=1)
        assert (np.diff(G, axis=1) >= 0).all()
        np.testing.assert_array_equal(np.sort(F, axis=1), G)
        for power in (1, 2, 6):
            before, after = np.abs(F - truth) ** power, np.abs(G - truth) ** power
            assert (after.sum(axis=1) <= before.sum(axis=1) + 1e-12).all()

    def test_rearrangement_leaves_its_input(self):
        F = np.array([[0.5, 0.2, 0.9]])
        rearrange_cumulative(F)
        np.testing.assert_array_equal(F, [[0.5, 0.2, 0.9]])


class TestSummaries:
    def test_coefficient_differences_and_degrees_of_freedom(self):
        X, y, weights = parallel()
        model = fit(X, y, weights, alpha=0.03)
        np.testing.assert_allclose(np.cumsum(model.coef_diff_, axis=0), model.coef_, rtol=0, atol=1e-12)
        assert model.df_ == np.count_nonzero(model.coef_diff_) + 3
        assert 0 < np.count_nonzero(model.coef_diff_[1:]) < 8

    def test_deviating_transitions_are_the_differences_after_the_first_cut(self):
        X, y, weights = parallel()
        model = fit(X, y, weights, alpha=0.03)
        later = model.coef_diff_[1:]
        transitions = model.deviating_transitions(feature_names_out=["a", "b", "c", "d"])
        named = {
            ("abcd"[feature], f"{cut + 1}|{cut + 2}"): later[cut, feature]
            for cut, feature in zip(*np.nonzero(later), strict=True)
        }
        found = zip(transitions.features, transitions.cuts, transitions.differences, strict=True)
        assert {(feature, cut): difference for feature, cut, difference in found} == named
        assert set(transitions.parallel) == {"abcd"[feature] for feature in np.flatnonzero(~later.any(axis=0))}
        assert 0 < len(transitions.parallel) < 4
        assert "x0" in str(model.deviating_transitions())

    def test_relaxed_fit_is_the_unpenalized_fit_of_the_support(self):
        X, y, weights = parallel(8)
        model = fit(X, y, weights, alpha=0.03, crossing="observed")
        support = model.coef_diff_ != 0
        assert 0 < np.count_nonzero(support) < support.size
        relaxed = model.relaxed_fit(X, y, sample_weight=weights)
        refit = relaxed.estimator
        np.testing.assert_array_equal(refit.coef_diff_ != 0, support)
        intercept_gradient, gradient = loss_gradient(X, y, refit.intercept_, refit.coef_, weights)
        assert np.abs(intercept_gradient).max() < 1e-8 and np.abs(gradient[support]).max() < 1e-8
        assert np.abs(gradient[~support]).max() > 1e-4
        assert refit.log_likelihood_ > model.log_likelihood_
        np.testing.assert_array_equal(relaxed.differences, refit.coef_diff_[support])
        covariance = np.linalg.inv(information(X, y, refit.intercept_, refit.coef_, support, weights))
        errors = np.sqrt(np.diag(covariance))[3:] / refit.scale_[np.nonzero(support)[1]]
        np.testing.assert_allclose(relaxed.standard_errors, errors, rtol=1e-5)
        assert "not valid inference" in str(relaxed)


class TestCertificate:
    @pytest.mark.parametrize("crossing", DOMAINS)
    def test_checks_repeat_what_the_fit_found(self, crossing):
        X, y, weights = crossed()
        model = fit(X, y, weights, crossing=crossing)
        certificate = model.certificate_
        assert bool(certificate) and certificate.holds
        assert certificate["duality gap"].kind == "proof"
        assert certificate["duality gap"].statistic == model.dual_gap_
        assert certificate["KKT violation"].kind == "numerical"
        assert certificate["training rows that cross"].kind == "reported"
        assert certificate["training rows that cross"].statistic == model.n_crossing_train_
        assert len(certificate.assumptions) > 0

    def test_violation_is_that_of_the_formulas(self):
        X, y, weights = crossed()
        model = fit(X, y, weights, crossing="observed", tol=1e-5)
        expected = kkt_violation(X, y, model.intercept_, model.coef_, alpha=0.01, weights=weights)
        assert model.certificate_["KKT violation"].statistic == pytest.approx(expected, rel=1e-3, abs=1e-12)

    def test_does_not_hold_after_too_few_steps(self):
        X, y, weights = crossed()
        with pytest.warns(ConvergenceWarning, match="stopped after 1 Newton steps.*Increase max_iter"):
            model = fit(X, y, weights, max_iter=1, crossing="observed")
        assert not model.certificate_
        assert model.certificate_["duality gap"].holds is False

    def test_proportional_odds_claims_no_more_than_parallel_slopes(self):
        """Coefficients that are not parallel do better here, so the claim must not speak of all coefficients."""
        X, y, weights = crossed()
        model = ProportionalOddsClassifier().fit(X, y, sample_weight=weights)
        assert fit(X, y, weights, alpha=0.0).objective_ < model.objective_ - 0.05
        assert model.certificate_ and "parallel" in model.certificate_.claim


class TestCrossValidation:
    def brier(self, proba, codes, weights):
        hot = np.eye(proba.shape[1])[codes]
        return np.average(((proba - hot) ** 2).sum(axis=1), weights=weights)

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("scoring", ["brier", "neg_log_loss"])
    def test_scores_are_those_of_refits_per_fold(self, scoring, weighted):
        """Defect (iii) of the authors' code: its scores belong to another model than the one that is fitted."""
        X, y, weights = parallel(9, n_samples=240)
        weights = weights if weighted else None
        splitter = StratifiedKFold(4, shuffle=True, random_state=3)
        model = PrestoClassifierCV(alphas=12, cv=splitter, scoring=scoring).fit(X, y, sample_weight=weights)
        assert model.cv_scores_.shape == (4, 12)
        for fold, (train, test) in enumerate(splitter.split(X, y)):
            inner = None if weights is None else weights[train]
            outer = None if weights is None else weights[test]
            refit = PrestoClassifier(model.alpha_).fit(X[train], y[train], sample_weight=inner)
            held_out = probabilities(refit, X[test])
            if scoring == "brier":
                score = -self.brier(held_out, y[test], outer)
            else:
                score = np.average(np.log(held_out[np.arange(len(test)), y[test]]), weights=outer)
            assert model.cv_scores_[fold, model.best_index_] == pytest.approx(score, abs=1e-5)

    def test_choice_and_refit(self):
        X, y, _ = parallel(10, n_samples=240)
        model = PrestoClassifierCV(alphas=20, random_state=0).fit(X, y)
        mean = model.cv_scores_.mean(axis=0)
        assert model.best_index_ == np.argmax(mean)
        assert model.alpha_ == model.alphas_[model.best_index_]
        best = mean.argmax()
        error = model.cv_scores_[:, best].std(ddof=1) / np.sqrt(len(model.cv_scores_))
        assert model.alpha_1se_ == model.alphas_[np.flatnonzero(mean >= mean[best] - error)[0]]
        np.testing.assert_allclose(model.coef_, PrestoClassifier(model.alpha_).fit(X, y).coef_, atol=1e-4)
        np.testing.assert_allclose(model.coefs_path_[best], model.coef_, atol=1e-4)
        assert model.intercepts_path_.shape == (20, 3)
        careful = PrestoClassifierCV(alphas=20, random_state=0, selection="1se").fit(X, y)
        assert careful.alpha_ == careful.alpha_1se_ == model.alpha_1se_ >= model.alpha_

    def test_same_result_for_any_number_of_jobs(self):
        X, y, weights = parallel(11, n_samples=200)
        runs = [
            PrestoClassifierCV(alphas=8, random_state=1, n_jobs=n_jobs).fit(X, y, sample_weight=weights)
            for n_jobs in (1, 2)
        ]
        np.testing.assert_array_equal(runs[0].cv_scores_, runs[1].cv_scores_)
        np.testing.assert_array_equal(runs[0].coef_, runs[1].coef_)

    def test_random_state_shuffles_folds_only(self):
        X, y, _ = parallel(12, n_samples=200)
        one, two, again = (PrestoClassifierCV(alphas=6, random_state=seed).fit(X, y) for seed in (1, 2, 1))
        np.testing.assert_array_equal(one.cv_scores_, again.cv_scores_)
        assert not np.array_equal(one.cv_scores_, two.cv_scores_)
        np.testing.assert_array_equal(one.alphas_, two.alphas_)

    def test_alphas_may_be_given(self):
        X, y, _ = parallel(13, n_samples=200)
        model = PrestoClassifierCV(alphas=[0.001, 0.1, 0.01]).fit(X, y)
        np.testing.assert_array_equal(model.alphas_, [0.1, 0.01, 0.001])
