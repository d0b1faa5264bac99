"""Training: the bound on the regret against adversaries, passes, rounds that are taken out, histories."""

import numpy as np
import pytest

from statlearn.market import ConstantBetting, LinearBetting
from statlearn.market._books import BeliefBook, OfferBook, book_of_classifiers
from statlearn.market._certificates import regret
from statlearn.market._ledger import Ledger, mean_loss
from statlearn.market._rounds import Rounds
from statlearn.market._training import MAX_HISTORY, FirstPass, History, rates_of, train

from .problems import PlainBetting

N, M, K = 60, 4, 3
SETTINGS = {
    "update": "online",
    "learning_rate": 0.1,
    "n_epochs": 3,
    "tax": 0.0,
    "validation_fraction": None,
    "shuffle": False,
    "summarize": lambda budgets: budgets,
    "points_per_pass": 5,
    "step": lambda ledger: False,
}


def adversarial_sequence(rng, n_rounds, n_participants, n_classes, rate):
    """Sleeping participants, and classes chosen against the market by someone who sees its budgets."""
    beliefs = rng.dirichlet(np.full(n_classes, rng.choice([0.2, 1.0])), size=(n_rounds, n_participants))
    awake = rng.random((n_rounds, n_participants)) < 0.7
    awake[:, 0] |= ~awake.any(axis=1)
    initial = rng.gamma(1.0, size=n_participants) + 0.01
    hero, budgets, codes = rng.integers(n_participants), initial.copy(), np.zeros(n_rounds, dtype=np.int64)
    for i in range(n_rounds):
        wealth = budgets * awake[i]
        price = wealth @ beliefs[i] / wealth.sum()
        against = beliefs[i, hero] if awake[i, hero] else np.ones(n_classes)
        codes[i] = np.argmax(against / price)  # dear for the market, and cheap for the hero
        y = codes[i]
        moved = np.maximum(budgets * (1 + rate * (beliefs[i, :, y] / price[y] - 1)), 1e-200)
        budgets = np.where(awake[i], moved, budgets)
    return beliefs, awake, codes, initial


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0])
def test_regret_bound_against_adversaries(rng, rate):
    """The sum of log losses is at most that of any participant while it is awake plus log(B / budget) / rate."""
    closest = -np.inf
    for _ in range(350):
        beliefs, awake, codes, initial = adversarial_sequence(rng, 40, M, K, rate)
        book = book_of_classifiers(beliefs, awake, codes, ConstantBetting())
        losses = book.settle(Ledger(initial), np.full(40, rate))
        for m in range(M):
            rounds = awake[:, m]
            own = -np.log(beliefs[rounds, m, codes[rounds]]).sum()
            slack = losses[rounds].sum() - own - np.log(initial.sum() / initial[m]) / rate
            assert slack <= 1e-9
            closest = max(closest, slack)
        assert regret(book, FirstPass(np.arange(40), losses, 0.0), initial, rate, None).holds
    assert closest > -0.5 / rate  # the adversary comes near the bound, so that a smaller one would fail


def test_the_check_of_the_regret_can_fail(rng):
    beliefs, awake, codes, initial = adversarial_sequence(rng, 40, M, K, 0.3)
    book = book_of_classifiers(beliefs, awake, codes, ConstantBetting())
    losses = book.settle(Ledger(initial), np.full(40, 0.3)) + 1.0
    assert not regret(book, FirstPass(np.arange(40), losses, 0.0), initial, 0.3, None).holds


def random_market(rng):
    beliefs = rng.dirichlet(np.ones(K), size=(N, M))
    return beliefs, rng.random((N, M)) < 0.7, rng.integers(K, size=N)


@pytest.mark.parametrize("betting", [ConstantBetting(), LinearBetting(), PlainBetting(LinearBetting())], ids=repr)
def test_some_rounds_of_a_book(rng, betting):
    beliefs, awake, codes = random_market(rng)
    rows, budgets = rng.permutation(N)[:25], rng.gamma(1.0, size=M)
    whole = book_of_classifiers(beliefs, awake, codes, betting)
    part = book_of_classifiers(beliefs[rows], awake[rows], codes[rows], betting)
    assert isinstance(whole, OfferBook if betting.code == 0 else BeliefBook)
    np.testing.assert_allclose(whole.take(rows).losses(budgets), part.losses(budgets), rtol=1e-12)
    np.testing.assert_allclose(whole.losses(budgets)[rows], part.losses(budgets), rtol=1e-12)
    assert whole.take(rows[:0]).n_rounds == 0


def test_offers_in_units(rng):
    """Losses are those of the unscaled offers."""
    beliefs, awake, codes = random_market(rng)
    book = book_of_classifiers(beliefs, awake, codes, ConstantBetting())
    units, budgets = rng.normal(size=N), np.ones(M)
    scaled = book.offers * np.exp(-np.repeat(units, book.rounds.lengths))[:, None]
    rescaled = OfferBook(book.rounds, scaled, log_units=units)
    np.testing.assert_allclose(rescaled.losses(budgets), book.losses(budgets), rtol=1e-12)
    order = rng.permutation(N)
    found = rescaled.settle(Ledger(budgets), np.full(N, 0.3), order)
    np.testing.assert_allclose(found, book.settle(Ledger(budgets), np.full(N, 0.3), order), rtol=1e-9)
    np.testing.assert_allclose(rescaled.take(order).losses(budgets), book.losses(budgets)[order], rtol=1e-12)


def test_likelihoods_are_the_offers(rng):
    offers, shares = rng.random((N * M, 2)), np.array([0.3, 0.7])
    rounds = Rounds.of_classifiers(rng.dirichlet(np.ones(K), size=(N, M)), np.ones((N, M), dtype=bool))
    likelihoods = OfferBook(rounds, offers, shares).likelihoods(M)
    assert likelihoods.shape == (2 * N, M)
    np.testing.assert_array_equal(likelihoods[2 * 7 + 1], offers[7 * M : 8 * M, 1])


@pytest.mark.parametrize("update", ["online", "implicit", "batch", "likelihood"])
def test_pieces_of_a_pass_change_nothing(rng, update):
    book = book_of_classifiers(*random_market(rng), ConstantBetting())
    weights, initial = rng.random(N), np.ones(M)
    runs = [
        train(book, weights, initial, rng=None, **{**SETTINGS, "update": update, "points_per_pass": pieces})
        for pieces in (1, 7, 1000)
    ]
    for run in runs[1:]:
        np.testing.assert_array_equal(run.ledger.budgets, runs[0].ledger.budgets)
        np.testing.assert_array_equal(run.loss_curve, runs[0].loss_curve)
    assert runs[0].n_iter == 3


def test_held_out_rounds_are_the_last_of_a_stream(rng):
    beliefs, awake, codes = random_market(rng)
    book = book_of_classifiers(beliefs, awake, codes, ConstantBetting())
    settings = {**SETTINGS, "validation_fraction": 0.25}
    curve = train(book, np.ones(N), np.ones(M), rng=None, **settings).held_out.curve
    ledger = Ledger(np.ones(M))
    expected = [mean_loss(book.losses(ledger.budgets)[45:])]
    for _ in range(curve.size - 1):
        book.take(np.arange(45)).settle(ledger, np.full(45, 0.1))
        expected.append(mean_loss(book.losses(ledger.budgets)[45:]))
    np.testing.assert_allclose(curve, expected, rtol=1e-12)


def test_a_callback_may_stop_training(rng):
    book = book_of_classifiers(*random_market(rng), ConstantBetting())
    stopped = train(book, np.ones(N), np.ones(M), rng=None, **{**SETTINGS, "step": lambda ledger: True})
    assert stopped.n_iter == 1


def test_histories_are_thinned():
    history = History()
    for n in range(10 * MAX_HISTORY):
        history.record(n, np.array([n]))
    kept = history.to_dict()
    assert MAX_HISTORY / 2 <= kept["rounds"].size <= MAX_HISTORY
    np.testing.assert_array_equal(np.diff(kept["rounds"])[:-1], kept["rounds"][1])
    assert kept["rounds"][-1] == 10 * MAX_HISTORY - 1
    np.testing.assert_array_equal(kept["budgets"][:, 0], kept["rounds"])


def test_rates_follow_weights():
    np.testing.assert_allclose(rates_of(0.5, np.array([0.0, 1.0, 2.0, 6.0])), [0.0, 1 / 6, 1 / 3, 1.0])
    np.testing.assert_array_equal(rates_of(0.5, np.zeros(3)), np.zeros(3))


def test_losses_without_trade_have_no_mean():
    assert np.isnan(mean_loss(np.array([np.nan])))
    assert np.isnan(mean_loss(np.array([1.0, 2.0]), np.zeros(2)))
    assert mean_loss(np.array([100.0, 2.0]), np.array([1.0, 3.0]), floor=0.0) == pytest.approx(26.5)
