"""The market of a list of classifiers: soft voting, Bayes, mixtures, streams, domains, scikit-learn's manners."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from statlearn.exceptions import RareClassWarning, SleepingParticipantWarning
from statlearn.market import AggressiveBetting, PredictionMarketClassifier, market_price, settle

from .problems import BETTINGS, PlainBetting, market_of_tables, one_pass, row_numbers

N, M, K = 80, 4, 3
UPDATES = ["online", "implicit", "batch", "likelihood", "em"]
every_betting = pytest.mark.parametrize("betting", BETTINGS, ids=repr)
every_update = pytest.mark.parametrize("update", UPDATES)


@pytest.fixture
def beliefs(rng):
    return rng.dirichlet(np.ones(K), size=(N, M))


@pytest.fixture
def codes(rng, beliefs):
    """Classes drawn from the beliefs of the first participant, mostly."""
    truth = 0.8 * beliefs[:, 0] + 0.2 * beliefs[:, 1]
    return np.array([rng.choice(K, p=row) for row in truth])


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


def participants():
    return [
        ("bayes", GaussianNB()),
        ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
        ("neighbors", KNeighborsClassifier(5)),
    ]


# --- what prices and budgets are --------------------------------------------------------------------------------------


def test_without_passes_it_is_soft_voting(iris):
    X, y = iris
    market = PredictionMarketClassifier(participants(), n_epochs=0).fit(X, y)
    voting = VotingClassifier(participants(), voting="soft").fit(X, y)
    np.testing.assert_allclose(market.predict_proba(X), voting.predict_proba(X), atol=1e-15)
    np.testing.assert_array_equal(market.predict(X), voting.predict(X))
    weighted = PredictionMarketClassifier(participants(), n_epochs=0, initial_budgets=[1, 2, 3]).fit(X, y)
    voting = VotingClassifier(participants(), voting="soft", weights=[1, 2, 3]).fit(X, y)
    np.testing.assert_allclose(weighted.predict_proba(X), voting.predict_proba(X), atol=1e-15)


def test_budgets_come_from_bets_on_left_out_rows(iris):
    """One pass by hand over cross-validated probabilities; then fits to all rows."""
    X, y = iris
    market = PredictionMarketClassifier(participants(), cv=3, learning_rate=0.5, **one_pass()).fit(X, y)
    beliefs = [cross_val_predict(known, X, y, cv=3, method="predict_proba") for _, known in participants()]
    budgets = np.full(3, 1 / 3)
    for i, row in enumerate(np.stack(beliefs, axis=1)):
        budgets = settle(row, budgets, market_price(row, budgets), int(y[i]), 0.5)
    np.testing.assert_allclose(market.budgets_, budgets, rtol=1e-10)
    for name, known in participants():
        expected = known.fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(market.named_estimators_[name].predict_proba(X), expected)


@every_betting
def test_prices_solve_the_market(beliefs, codes, betting):
    market = market_of_tables(beliefs, betting=betting, **one_pass()).fit(row_numbers(N), codes)
    found = market.predict_proba(row_numbers(N))
    np.testing.assert_allclose(found, market_price(beliefs, market.budgets_, betting=betting), atol=1e-12)
    assert market.certificate_.holds
    assert market.budgets_.sum() == pytest.approx(1.0, rel=1e-12)
    volumes = market_price(beliefs, market.budgets_, betting=betting, return_volume=True)[1]
    assert market.volume_ == pytest.approx(volumes.mean(), rel=1e-9)


def test_bayes_rule_at_the_full_rate(beliefs, codes):
    market = market_of_tables(beliefs, learning_rate=1.0, **one_pass()).fit(row_numbers(N), codes)
    likelihoods = np.prod(beliefs[np.arange(N), :, codes] * 3.0, axis=0)
    np.testing.assert_allclose(market.budgets_, likelihoods / likelihoods.sum(), rtol=1e-8, atol=1e-11)
    evidence = np.log(likelihoods.mean()) - N * np.log(3.0)
    assert market.loss_curve_[0] * N == pytest.approx(-evidence, rel=1e-10)


def test_the_limit_is_the_mixture_of_greatest_likelihood(beliefs, codes):
    cp = pytest.importorskip("cvxpy")
    own = beliefs[np.arange(N), :, codes]
    b = cp.Variable(M, nonneg=True)
    best = cp.Problem(cp.Maximize(cp.sum(cp.log(own @ b)) / N), [cp.sum(b) == 1]).solve()
    em = market_of_tables(beliefs, update="em", n_epochs=50).fit(row_numbers(N), codes)
    assert np.log(own @ em.budgets_).mean() == pytest.approx(best, abs=1e-7)
    np.testing.assert_allclose(em.budgets_, b.value, atol=1e-3)
    assert em.certificate_["missing log likelihood"].holds
    assert em.loss_curve_[1] == pytest.approx(-best, abs=1e-7)
    batch = market_of_tables(beliefs, update="batch", learning_rate=1.0, n_epochs=3000, early_stopping=False)
    assert np.log(own @ batch.fit(row_numbers(N), codes).budgets_).mean() == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("learning_rate", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("update", ["batch", "likelihood"])
def test_passes_over_all_rows_never_lose_likelihood(beliefs, codes, update, learning_rate):
    settings = {"learning_rate": learning_rate, "n_epochs": 60, "early_stopping": False}
    market = market_of_tables(beliefs, update=update, **settings).fit(row_numbers(N), codes)
    assert np.diff(market.loss_curve_).max() <= 1e-13
    assert market.loss_curve_[-1] < market.loss_curve_[0] - 0.01


def test_likelihood_and_settlements_differ_when_participants_sleep(rng, beliefs, codes):
    """Section 2.6 of the paper speaks of participants that are always awake: with sleepers, settlements come to rest
    elsewhere than the maximum of the likelihood of the prices."""
    masks = {f"p{m}": (lambda X, m=m: (X[:, 0].astype(int) * 7 + m) % 3 > 0) for m in range(M)}
    settings = {"domains": masks, "early_stopping": False, "n_epochs": 2000, "learning_rate": 1.0}
    losses = {}
    for update in ("batch", "likelihood"):
        market = market_of_tables(beliefs, update=update, **settings).fit(row_numbers(N), codes)
        losses[update] = log_loss(codes, market.predict_proba(row_numbers(N)), labels=np.arange(K))
    assert losses["likelihood"] < losses["batch"] - 1e-6


def test_who_always_tells_the_truth_gets_everything(beliefs, codes):
    beliefs[:, 2] = np.eye(K)[codes]
    market = market_of_tables(beliefs, learning_rate=0.5, n_epochs=5, early_stopping=False).fit(row_numbers(N), codes)
    assert market.budgets_[2] > 1 - 1e-9
    np.testing.assert_array_equal(market.predict(row_numbers(N)), codes)


@every_betting
def test_equal_beliefs_move_nothing(beliefs, codes, betting):
    beliefs[:] = beliefs[:, :1]
    market = market_of_tables(beliefs, betting=betting, **one_pass(initial_budgets=[1, 2, 3, 4]))
    market.fit(row_numbers(N), codes)
    np.testing.assert_allclose(market.budgets_, [1, 2, 3, 4], rtol=1e-9)


@pytest.mark.parametrize("update", ["online", "em"])
def test_overconfident_participants_lose_their_say(update):
    """Two of four classifiers are far too sure: their budgets go, and the loss falls well below that of soft voting."""
    X, y = make_classification(3000, 20, n_informative=6, n_redundant=6, flip_y=0.2, random_state=0)
    train, test = np.arange(1500), np.arange(1500, 3000)
    mixed = [
        ("logistic", LogisticRegression()),
        ("forest", RandomForestClassifier(50, min_samples_leaf=5, random_state=0)),
        ("bayes", GaussianNB()),
        ("deep tree", DecisionTreeClassifier(random_state=0)),
    ]
    market = PredictionMarketClassifier(mixed, update=update, random_state=0).fit(X[train], y[train])
    voting = VotingClassifier(mixed, voting="soft").fit(X[train], y[train])
    assert market.budgets_[2:].sum() < 0.2
    losses = [log_loss(y[test], model.predict_proba(X[test])) for model in (market, voting, *market.estimators_)]
    assert losses[0] < losses[1] - 0.015
    assert losses[0] < min(losses[2:]) + 0.005


# --- invariances ------------------------------------------------------------------------------------------------------


@every_betting
def test_the_order_of_participants_is_irrelevant(beliefs, codes, betting):
    order = np.array([2, 0, 3, 1])
    first = market_of_tables(beliefs, betting=betting, **one_pass()).fit(row_numbers(N), codes)
    second = market_of_tables(beliefs[:, order], betting=betting, **one_pass()).fit(row_numbers(N), codes)
    np.testing.assert_allclose(second.budgets_, first.budgets_[order], rtol=1e-8)


@every_betting
def test_a_participant_may_be_two(beliefs, codes, betting):
    whole = market_of_tables(beliefs, betting=betting, **one_pass()).fit(row_numbers(N), codes)
    halves = np.concatenate([beliefs, beliefs[:, :1]], axis=1)
    start = [0.125, 0.25, 0.25, 0.25, 0.125]
    split = market_of_tables(halves, betting=betting, **one_pass(initial_budgets=start)).fit(row_numbers(N), codes)
    np.testing.assert_allclose(split.budgets_[[0, 4]].sum(), whole.budgets_[0], rtol=1e-8)
    np.testing.assert_allclose(split.predict_proba(row_numbers(N)), whole.predict_proba(row_numbers(N)), atol=1e-9)


@every_update
def test_the_unit_of_budgets_is_irrelevant(beliefs, codes, update):
    first = market_of_tables(beliefs, update=update, random_state=0).fit(row_numbers(N), codes)
    second = market_of_tables(beliefs, update=update, initial_budgets=np.full(M, 7.0), random_state=0)
    second.fit(row_numbers(N), codes)
    np.testing.assert_allclose(second.budgets_, 28.0 * first.budgets_, rtol=1e-8)


def test_who_always_sleeps_changes_nothing(beliefs, codes):
    first = market_of_tables(beliefs[:, :3], **one_pass(initial_budgets=[1, 1, 1])).fit(row_numbers(N), codes)
    sleeper = {"p3": lambda X: np.zeros(len(X), dtype=bool)}
    second = market_of_tables(beliefs, **one_pass(initial_budgets=[1, 1, 1, 1], domains=sleeper))
    with pytest.warns(SleepingParticipantWarning, match="'p3'"):
        second.fit(row_numbers(N), codes)
    np.testing.assert_allclose(second.budgets_[:3], first.budgets_, rtol=1e-12)
    assert second.budgets_[3] == 1.0
    np.testing.assert_allclose(second.predict_proba(row_numbers(N)), first.predict_proba(row_numbers(N)), rtol=1e-12)


def test_labels_are_only_names(beliefs, codes):
    names = np.array(["ox", "ape", "cow"])
    first = market_of_tables(beliefs, **one_pass()).fit(row_numbers(N), codes)
    second = market_of_tables(beliefs, classes=names, **one_pass()).fit(row_numbers(N), names[codes])
    np.testing.assert_allclose(second.budgets_, first.budgets_, rtol=1e-12)
    order = np.argsort(names)
    np.testing.assert_array_equal(second.classes_, names[order])
    np.testing.assert_allclose(second.predict_proba(row_numbers(N)), first.predict_proba(row_numbers(N))[:, order])


# --- streams ----------------------------------------------------------------------------------------------------------


@every_betting
@pytest.mark.parametrize("update", ["online", "implicit"])
def test_chunks_of_a_stream_are_one_pass_bit_for_bit(beliefs, codes, betting, update):
    if update == "implicit" and repr(betting) != "ConstantBetting()":
        pytest.skip("implicit steps need constant bets")
    settings = {"betting": betting, "update": update, "tax": 0.01}
    whole = market_of_tables(beliefs, **one_pass(), **settings).fit(row_numbers(N), codes)
    stream = market_of_tables(beliefs, **settings)
    for rows in np.array_split(np.arange(N), 7):
        stream.partial_fit(row_numbers(N)[rows], codes[rows], classes=np.arange(K))
    np.testing.assert_array_equal(stream.budgets_, whole.budgets_)
    np.testing.assert_allclose(stream.prior_, whole.prior_, rtol=1e-12)
    assert stream.certificate_.holds


def test_a_stream_goes_on_after_fit(beliefs, codes):
    half = N // 2
    market = market_of_tables(beliefs, **one_pass()).fit(row_numbers(half), codes[:half])
    before = market.budgets_.copy()
    market.partial_fit(row_numbers(N)[half:], codes[half:])
    whole = market_of_tables(beliefs, **one_pass()).fit(row_numbers(N), codes)
    np.testing.assert_array_equal(market.budgets_, whole.budgets_)
    assert not np.array_equal(before, market.budgets_)


def test_taxes_follow_a_drift(rng):
    """The good participant turns bad half way: with a tax the other one comes back sooner."""
    n = 4000
    good, bad = np.array([0.9, 0.1]), np.array([0.3, 0.7])
    beliefs = np.empty((n, 2, 2))
    beliefs[: n // 2], beliefs[n // 2 :] = [good, bad], [bad, good]
    y = (rng.random(n) < 0.1).astype(int)
    losses = [
        market_of_tables(beliefs, tax=tax, **one_pass()).fit(row_numbers(n), y).loss_curve_[0] for tax in (0.0, 0.001)
    ]
    assert losses[1] < losses[0] - 0.003


def test_participants_learn_from_the_stream():
    X, y = make_classification(2000, 10, flip_y=0.05, random_state=3)
    known = [("bayes", GaussianNB()), ("linear", SGDClassifier(loss="log_loss", random_state=0))]
    market = PredictionMarketClassifier(known, refit_participants=True)
    for rows in np.array_split(np.arange(1500), 15):
        market.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert market.n_no_trade_ == 100  # nobody had learned anything when the first rows came
    alone = clone(known[0][1])
    for rows in np.array_split(np.arange(1500), 15):
        alone.partial_fit(X[rows], y[rows], classes=[0, 1])
    np.testing.assert_allclose(market.estimators_[0].predict_proba(X[1500:]), alone.predict_proba(X[1500:]))
    assert market.score(X[1500:], y[1500:]) > 0.8


def test_streams_refuse_what_they_cannot_do(iris, beliefs, codes):
    X, y = iris
    with pytest.raises(ValueError, match="classes must be given"):
        market_of_tables(beliefs).partial_fit(row_numbers(N), codes)
    with pytest.raises(ValueError, match="cannot bet before they are fitted.*refit_participants"):
        PredictionMarketClassifier(participants()).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(NotFittedError, match="'bayes' is not fitted.*prefit"):
        PredictionMarketClassifier(participants(), cv="prefit").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="update='em'"):
        market_of_tables(beliefs, update="em").partial_fit(row_numbers(N), codes, classes=[0, 1, 2])
    with pytest.raises(TypeError, match="'tree'.*no partial_fit"):
        PredictionMarketClassifier(participants(), refit_participants=True).fit(X, y).partial_fit(X, y)
    market = market_of_tables(beliefs).partial_fit(row_numbers(N), codes, classes=[0, 1, 2])
    before = market.budgets_.copy()
    with pytest.raises(ValueError, match=r"labels \[7\].*\[0, 1, 2\]"):
        market.partial_fit(row_numbers(2), [0, 7])
    with pytest.raises(ValueError, match="since the first call"):
        market.partial_fit(row_numbers(2), [0, 1], classes=[0, 1])
    np.testing.assert_array_equal(market.budgets_, before)


def test_weights_of_a_stream_are_factors_of_the_rate(beliefs, codes):
    double = market_of_tables(beliefs, learning_rate=0.2).partial_fit(row_numbers(N), codes, classes=[0, 1, 2])
    weighted = market_of_tables(beliefs, learning_rate=0.1)
    weighted.partial_fit(row_numbers(N), codes, classes=[0, 1, 2], sample_weight=np.full(N, 2.0))
    np.testing.assert_array_equal(double.budgets_, weighted.budgets_)


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["batch", "likelihood", "em"])
def test_weights_are_repetitions(beliefs, codes, update, rng):
    weights = rng.integers(0, 4, size=N)
    repeated = np.repeat(np.arange(N), weights)
    settings = {"update": update, "early_stopping": False, "learning_rate": 0.5, "shuffle": False}
    first = market_of_tables(beliefs, **settings).fit(row_numbers(N), codes, sample_weight=weights)
    second = market_of_tables(beliefs[repeated], **settings).fit(row_numbers(repeated.size), codes[repeated])
    np.testing.assert_allclose(first.budgets_, second.budgets_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(first.prior_, second.prior_, rtol=1e-12)


def test_rows_without_weight_are_skipped_online(beliefs, codes, rng):
    weights = (rng.random(N) < 0.6).astype(float)
    kept = np.flatnonzero(weights)
    first = market_of_tables(beliefs, **one_pass(learning_rate=0.2)).fit(row_numbers(N), codes, weights)
    second = market_of_tables(beliefs[kept], **one_pass(learning_rate=0.2)).fit(row_numbers(kept.size), codes[kept])
    np.testing.assert_allclose(first.budgets_, second.budgets_, rtol=1e-9)


def test_early_stopping_keeps_the_best_number_of_passes(beliefs, codes):
    market = market_of_tables(beliefs, n_epochs=15, random_state=0).fit(row_numbers(N), codes)
    assert market.n_iter_ == np.argmin(market.validation_loss_) == market.loss_curve_.size
    assert market.validation_loss_.size in (16, market.n_iter_ + 4)
    free = market_of_tables(beliefs, n_epochs=15, early_stopping=False, random_state=0).fit(row_numbers(N), codes)
    assert free.n_iter_ == 15
    assert free.validation_loss_ is None
    few = market_of_tables(beliefs, n_epochs=15, random_state=0).fit(row_numbers(40), codes[:40])
    assert few.validation_loss_ is None  # fewer than ten rows would be held out
    forced = market_of_tables(beliefs, n_epochs=15, early_stopping=True, random_state=0).fit(
        row_numbers(40), codes[:40]
    )
    assert forced.validation_loss_ is not None


def test_useless_passes_are_not_made(rng):
    """The truth is a coin, and one participant knows: nothing can be gained by early bets of the others."""
    beliefs = np.tile([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]], (400, 1, 1))
    beliefs[:, 0] = 0.5
    market = market_of_tables(beliefs, learning_rate=1.0, initial_budgets=[1.0, 0.0, 0.0], random_state=0)
    market.fit(row_numbers(400), rng.integers(2, size=400))
    assert market.n_iter_ == 0
    np.testing.assert_array_equal(market.budgets_, [1.0, 0.0, 0.0])


def test_history_and_counts(beliefs, codes):
    beliefs[0] = [1.0, 0.0, 0.0]
    codes[0] = 1
    market = market_of_tables(beliefs, n_epochs=40, early_stopping=False, random_state=0).fit(row_numbers(N), codes)
    assert market.n_unsettled_ == 40
    assert "40 unsettled" in market.certificate_["rounds not settled"].detail
    history = market.history_
    assert history["budgets"].shape == (history["rounds"].size, M)
    assert history["rounds"][0] == 0
    assert history["rounds"].size <= 1001
    assert (np.diff(history["rounds"]) >= 0).all()
    np.testing.assert_allclose(history["budgets"].sum(axis=1), 1.0, rtol=1e-9)


def test_regret_is_certified(beliefs, codes):
    market = market_of_tables(beliefs, random_state=0, early_stopping=False).fit(row_numbers(N), codes)
    check = market.certificate_["regret of the first pass"]
    assert check.kind == "proof"
    assert check.holds
    assert check.bound == pytest.approx(np.log(M) / 0.1)
    linear = market_of_tables(beliefs, betting="linear").fit(row_numbers(N), codes).certificate_
    assert "regret of the first pass" not in [part.name for part in linear.checks]
    assert linear["price equation"].holds


def test_a_betting_function_of_ones_own(beliefs, codes):
    """One that the kernels do not know is called row by row, and agrees."""
    settings = one_pass(n_epochs=2)
    compiled = market_of_tables(beliefs, betting=AggressiveBetting(0.3), **settings).fit(row_numbers(N), codes)
    plain = market_of_tables(beliefs, betting=PlainBetting(AggressiveBetting(0.3)), **settings)
    plain.fit(row_numbers(N), codes)
    np.testing.assert_allclose(plain.budgets_, compiled.budgets_, rtol=1e-7)
    for method in ("predict_proba", "transform", "explain"):
        found, expected = (getattr(market, method)(row_numbers(N)) for market in (plain, compiled))
        np.testing.assert_allclose(found, expected, atol=1e-7)


# --- domains ----------------------------------------------------------------------------------------------------------


def test_specialists_bet_in_their_domain_only(iris):
    X, y = iris
    domains = {"tree": lambda X: X[:, 2] < 4.9}
    market = PredictionMarketClassifier(participants(), domains=domains, random_state=0).fit(X, y)
    inside = X[:, 2] < 4.9
    bets = market.transform(X).reshape(len(X), 3, 3)
    assert (bets[~inside, 1] == 0).all()
    np.testing.assert_allclose(bets[inside].sum(axis=2), 1.0)
    expected = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X[inside], y[inside]).predict_proba(X[inside])
    np.testing.assert_allclose(bets[inside, 1], expected)


def test_a_domain_may_be_a_column(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd")).assign(small=X[:, 2] < 4.9)
    by_name = PredictionMarketClassifier(participants(), domains={"tree": "small"}, random_state=0).fit(frame, y)
    by_mask = PredictionMarketClassifier(participants(), domains={"tree": lambda X: X["small"]}, random_state=0)
    np.testing.assert_array_equal(by_name.budgets_, by_mask.fit(frame, y).budgets_)
    np.testing.assert_array_equal(by_name.predict_proba(frame), by_mask.predict_proba(frame))


def test_a_domain_of_a_dropped_participant_waits(iris):
    domains = {"tree": lambda X: X[:, 2] < 4.9}
    market = PredictionMarketClassifier(participants(), domains=domains, random_state=0).set_params(tree="drop")
    plain = PredictionMarketClassifier(participants(), random_state=0).set_params(tree="drop")
    np.testing.assert_array_equal(market.fit(*iris).budgets_, plain.fit(*iris).budgets_)


def test_the_prior_where_everybody_sleeps(beliefs, codes):
    domains = {f"p{m}": lambda X: X[:, 0] >= 10 for m in range(M)}
    market = market_of_tables(beliefs, domains=domains, **one_pass()).fit(row_numbers(N), codes)
    prices = market.predict_proba(row_numbers(12))
    np.testing.assert_allclose(prices[:10], np.tile(np.bincount(codes, minlength=K) / N, (10, 1)))
    assert market.n_no_trade_ == 10
    assert (market.explain(row_numbers(12))[:10] == 0).all()
    np.testing.assert_allclose(market.explain(row_numbers(12))[10:].sum(axis=1), 1.0)


def test_domains_are_checked(iris, beliefs, codes):
    X, y = iris
    with pytest.raises(ValueError, match=r"domains names \['shrub'\]"):
        PredictionMarketClassifier(participants(), domains={"shrub": lambda X: X[:, 0] > 0}).fit(X, y)
    with pytest.raises(ValueError, match=r"domains\['tree'\] must give one boolean per row"):
        PredictionMarketClassifier(participants(), domains={"tree": lambda X: X[:3, 0] > 0}).fit(X, y)
    with pytest.raises(ValueError, match=r"domains\['tree'\] has no training row"):
        PredictionMarketClassifier(participants(), domains={"tree": lambda X: X[:, 0] > 99}).fit(X, y)
    with pytest.raises(ValueError, match="always awake.*'likelihood'"):
        market_of_tables(beliefs, update="em", domains={"p0": lambda X: X[:, 0] > 3}).fit(row_numbers(N), codes)


# --- explanations -----------------------------------------------------------------------------------------------------


@every_betting
def test_explanations_are_shares_of_the_stakes(beliefs, codes, betting):
    market = market_of_tables(beliefs, betting=betting, **one_pass()).fit(row_numbers(N), codes)
    shares, prices = market.explain(row_numbers(N)), market.predict_proba(row_numbers(N))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)
    for i in range(N):
        k = prices[i].argmax()
        stakes = market.budgets_ * betting.bets(beliefs[i], prices[i])[:, k]
        np.testing.assert_allclose(shares[i], stakes / stakes.sum(), rtol=1e-9)


def test_explanations_without_trade(beliefs, codes):
    beliefs[:] = beliefs[:, :1]  # aggressive participants that agree do not trade
    market = market_of_tables(beliefs, betting="aggressive", **one_pass(initial_budgets=[1, 2, 3, 4]))
    shares = market.fit(row_numbers(N), codes).explain(row_numbers(N))
    np.testing.assert_allclose(shares, np.tile([0.1, 0.2, 0.3, 0.4], (N, 1)), rtol=1e-9)


# --- bad input --------------------------------------------------------------------------------------------------------


def test_participants_are_checked(iris):
    X, y = iris
    with pytest.raises(ValueError, match="Invalid 'estimators' attribute"):
        PredictionMarketClassifier([]).fit(X, y)
    with pytest.raises(ValueError, match="Names provided are not unique"):
        PredictionMarketClassifier([("a", GaussianNB()), ("a", GaussianNB())]).fit(X, y)
    with pytest.raises(ValueError, match="All estimators are dropped"):
        PredictionMarketClassifier([("a", "drop")]).fit(X, y)
    with pytest.raises(TypeError, match="'machine', a SVC, has no predict_proba.*CalibratedClassifierCV"):
        PredictionMarketClassifier([("machine", SVC())]).fit(X, y)
    cured = PredictionMarketClassifier([("machine", CalibratedClassifierCV(SVC())), ("bayes", GaussianNB())])
    assert cured.fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("learning_rate", [0.0, 1.5, -0.1])
def test_learning_rates_outside_their_range(iris, learning_rate):
    with pytest.raises(ValueError, match=r"'learning_rate'.*\(0.0, 1.0\]|'learning_rate'.*\(0, 1\]"):
        PredictionMarketClassifier(participants(), learning_rate=learning_rate).fit(*iris)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "not finite"), (-0.5, "negative"), (2.0, "do not sum to 1")], ids=str
)
def test_beliefs_that_are_no_distributions(beliefs, codes, value, message):
    beliefs[5, 1, 0] = value
    with pytest.raises(ValueError, match=f"participant 'p1' has .*{message}.* in row 5"):
        market_of_tables(beliefs).fit(row_numbers(N), codes)


@pytest.mark.parametrize("budgets", [[1, -1, 1, 1], [1, np.nan, 1, 1], [0, 0, 0, 0], [1, 1]], ids=str)
def test_initial_budgets_are_checked(beliefs, codes, budgets):
    with pytest.raises(ValueError, match="initial_budgets"):
        market_of_tables(beliefs, initial_budgets=budgets).fit(row_numbers(N), codes)


@every_update
def test_a_budget_of_zero_stays_zero(beliefs, codes, update):
    market = market_of_tables(beliefs, initial_budgets=[1, 0, 1, 1], update=update, random_state=0)
    assert market.fit(row_numbers(N), codes).budgets_[1] == 0.0


def test_updates_that_need_constant_bets(beliefs, codes):
    with pytest.raises(ValueError, match="update='batch' needs betting='constant'"):
        market_of_tables(beliefs, update="batch", betting="linear").fit(row_numbers(N), codes)
    with pytest.raises(ValueError, match="early_stopping=True"):
        market_of_tables(beliefs, update="em", early_stopping=True).fit(row_numbers(N), codes)


def test_labels_are_checked(iris, beliefs, codes):
    X, y = iris
    with pytest.raises(ValueError, match="one class"):
        PredictionMarketClassifier(participants()).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="Unknown label type|continuous"):
        PredictionMarketClassifier(participants()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="multilabel|1d array"):
        PredictionMarketClassifier(participants()).fit(X, np.eye(3)[y])
    with pytest.raises(ValueError, match=r"participant 'p0' knows the labels \[2\].*partial_fit"):
        market_of_tables(beliefs).fit(row_numbers(N), np.minimum(codes, 1))
    with pytest.raises(NotFittedError, match="'bayes' is not fitted"):
        PredictionMarketClassifier(participants(), cv="prefit").fit(X, y)


def test_prefit_participants_may_know_fewer_labels(iris):
    X, y = iris
    two = GaussianNB().fit(X[50:], y[50:])
    market = PredictionMarketClassifier([("two", two), ("three", GaussianNB().fit(X, y))], cv="prefit", n_epochs=0)
    expected = np.column_stack([np.zeros(150), two.predict_proba(X)]) + GaussianNB().fit(X, y).predict_proba(X)
    np.testing.assert_allclose(market.fit(X, y).predict_proba(X), expected / 2, atol=1e-15)


def test_a_fold_without_a_class_warns_once(iris):
    X, y = iris
    with pytest.warns(RareClassWarning, match="1 of 3 training folds lack a class") as caught:
        PredictionMarketClassifier(
            [("bayes", GaussianNB())], cv=[(np.r_[0:100], np.r_[100:150]), *KFold(2, shuffle=True).split(X)]
        ).fit(X, y)
    assert len(caught) == 1


# --- in scikit-learn --------------------------------------------------------------------------------------------------


def test_grid_searches_and_pipelines():
    X, y = load_breast_cancer(return_X_y=True)
    market = PredictionMarketClassifier([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), market),
        {
            "predictionmarketclassifier__learning_rate": [0.05, 0.5],
            "predictionmarketclassifier__tree__max_depth": [2, None],
            "predictionmarketclassifier__betting": ["constant", "linear"],
        },
        scoring="neg_log_loss",
        cv=3,
    ).fit(X, y)
    assert search.best_estimator_[-1].certificate_.holds
    assert search.best_score_ > -0.3


def test_dropped_participants(iris):
    market = PredictionMarketClassifier(participants(), random_state=0).set_params(tree="drop").fit(*iris)
    assert market.participants_ == ["bayes", "neighbors"]
    assert market.budgets_.shape == (2,)


def test_weights_reach_the_participants(iris, rng):
    X, y = iris
    weights = rng.random(150)
    market = PredictionMarketClassifier([("bayes", GaussianNB())], random_state=0).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(market.estimators_[0].theta_, GaussianNB().fit(X, y, weights).theta_)
    with pytest.raises(TypeError, match="'neighbors'.*does not take sample_weight.*metadata routing"):
        PredictionMarketClassifier(participants()).fit(X, y, sample_weight=weights)
    with pytest.raises(TypeError, match="groups"):
        PredictionMarketClassifier(participants()).fit(X, y, groups=y)


def test_metadata_routing(iris, rng):
    X, y = iris
    weights = rng.random(150)
    with sklearn.config_context(enable_metadata_routing=True):
        known = [("bayes", GaussianNB().set_fit_request(sample_weight=True)), ("neighbors", KNeighborsClassifier())]
        market = PredictionMarketClassifier(known, random_state=0).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(market.estimators_[0].theta_, GaussianNB().fit(X, y, weights).theta_)


def test_rows_need_not_be_numbers():
    texts = ["good fine nice", "bad poor awful", "nice good", "awful bad"] * 15
    y = np.array([1, 0, 1, 0] * 15)
    market = PredictionMarketClassifier([("words", make_pipeline(CountVectorizer(), MultinomialNB()))])
    assert market.fit(texts, y).score(texts, y) == 1.0


def test_folds_without_a_row_of_a_domain():
    X, y = make_classification(150, 4, random_state=0)
    X = X[np.argsort(X[:, 0])]
    known = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
    market = PredictionMarketClassifier(known, cv=KFold(5), domains={"tree": lambda X: X[:, 0] < -0.5}, random_state=0)
    assert market.fit(X, y).certificate_.holds


def test_splitters_that_leave_rows_out_once_or_never(iris):
    X, y = iris
    order = np.random.default_rng(0).permutation(150)
    market = PredictionMarketClassifier(participants(), cv=TimeSeriesSplit(4), random_state=0).fit(X[order], y[order])
    assert market.history_["rounds"][-1] <= 120 * max(market.n_iter_, 1)
    assert market.certificate_.holds


def test_output_frames(iris):
    X, y = iris
    market = PredictionMarketClassifier(participants(), random_state=0).set_output(transform="pandas").fit(X, y)
    frame = market.transform(X)
    assert list(frame.columns[:4]) == ["bayes_0", "bayes_1", "bayes_2", "tree_0"]


def test_decisions_and_logs(beliefs, codes):
    market = market_of_tables(beliefs, **one_pass()).fit(row_numbers(N), codes)
    prices = market.predict_proba(row_numbers(N))
    np.testing.assert_allclose(np.exp(market.predict_log_proba(row_numbers(N))), prices)
    np.testing.assert_allclose(market.decision_function(row_numbers(N)), np.log(prices))
    sure = market_of_tables(np.tile([1.0, 0.0], (4, 1, 1)), n_epochs=0).fit(row_numbers(4), [0, 1, 0, 1])
    assert np.isfinite(sure.decision_function(row_numbers(4))).all()
    np.testing.assert_array_equal(sure.predict_log_proba(row_numbers(1)), [[0.0, -np.inf]])


def test_workers_and_progress(iris, capsys):
    X, y = iris
    one = PredictionMarketClassifier(participants(), random_state=0).fit(X, y)
    market = PredictionMarketClassifier(participants(), n_jobs=2, random_state=0)
    two = market.set_callbacks(ProgressBar()).fit(X, y)
    np.testing.assert_array_equal(one.budgets_, two.budgets_)


def test_honest_against_a_split(iris):
    """Budgets of left-out bets differ from those of bets on the rows that were fitted."""
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    known = [("tree", DecisionTreeClassifier(random_state=0)), ("bayes", GaussianNB())]
    honest = PredictionMarketClassifier(known, random_state=0).fit(X_train, y_train)
    fitted = [(name, clone(model).fit(X_train, y_train)) for name, model in known]
    naive = PredictionMarketClassifier(fitted, cv="prefit", random_state=0).fit(X_train, y_train)
    assert naive.budgets_[0] > 0.99 > honest.budgets_[0]
    losses = [log_loss(y_test, market.predict_proba(X_test)) for market in (honest, naive)]
    assert losses[0] < losses[1]
