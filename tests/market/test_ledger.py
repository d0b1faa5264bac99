"""Settlement of many rounds: the kernels against one round at a time, conservation, taxes, chunks, Bayes' rule."""

import numpy as np
import pytest

from statlearn.market import ConstantBetting, market_price, settle
from statlearn.market._kernels import sum_gains
from statlearn.market._ledger import LOSS_FLOOR, MIN_BUDGET, Ledger, mean_loss
from statlearn.market._rounds import Rounds

from .problems import BETTINGS, PlainBetting

every_betting = pytest.mark.parametrize("betting", BETTINGS, ids=repr)
N, M, K = 60, 5, 3


@pytest.fixture
def market(rng):
    """Beliefs, who is awake, codes, initial budgets."""
    beliefs = rng.dirichlet(np.ones(K), size=(N, M))
    return beliefs, rng.random((N, M)) < 0.8, rng.integers(K, size=N), rng.gamma(1.0, size=M)


def by_hand(market, rate, betting, order, tax=0.0):
    beliefs, awake, codes, initial = market
    budgets, losses = initial.copy(), np.full(N, np.nan)
    for i in order:
        if not awake[i].any():
            continue
        price = market_price(beliefs[i], budgets, awake[i], betting=betting)
        losses[i] = -np.log(price[codes[i]]) if price[codes[i]] > 0 else np.inf
        if price[codes[i]] == 0.0:
            continue
        budgets = settle(beliefs[i], budgets, price, codes[i], rate, awake[i], betting=betting)
        budgets = (1 - tax) * budgets + tax * initial
    return budgets, losses


@every_betting
@pytest.mark.parametrize("tax", [0.0, 0.02])
def test_rounds_are_settled_one_after_the_other(market, betting, tax, rng):
    beliefs, awake, codes, initial = market
    order = rng.permutation(N)
    expected, expected_losses = by_hand(market, 0.3, betting, order, tax)
    for function in (betting, PlainBetting(betting)):
        ledger = Ledger(initial, tax)
        losses = ledger.settle(Rounds.of_classifiers(beliefs, awake), codes, np.full(N, 0.3), function, order)
        np.testing.assert_allclose(ledger.budgets, expected, rtol=1e-8)
        np.testing.assert_allclose(losses, expected_losses[order], rtol=1e-8)
        assert ledger.budgets.sum() == pytest.approx(initial.sum(), rel=1e-12)


@pytest.mark.parametrize("tax", [0.0, 0.02])
def test_offers_alone_settle_constant_bets(market, tax):
    beliefs, awake, codes, initial = market
    rounds = Rounds.of_classifiers(beliefs, awake)
    offers = rounds.table[rounds.beliefs, np.repeat(codes, awake.sum(axis=1))][:, None]
    whole, alone = Ledger(initial, tax), Ledger(initial, tax)
    losses = whole.settle(rounds, codes, np.full(N, 0.2), ConstantBetting())
    np.testing.assert_allclose(alone.settle_offers(rounds, offers, np.full(N, 0.2)), losses, rtol=1e-10)
    np.testing.assert_allclose(alone.budgets, whole.budgets, rtol=1e-10)


@every_betting
@pytest.mark.parametrize("tax", [0.0, 0.02])
def test_chunks_change_no_bit(market, betting, tax):
    beliefs, awake, codes, initial = market
    rates = np.full(N, 0.1)
    whole, parts = Ledger(initial, tax), Ledger(initial, tax)
    whole.settle(Rounds.of_classifiers(beliefs, awake), codes, rates, betting)
    for begin in range(0, N, 7):
        part = slice(begin, begin + 7)
        parts.settle(Rounds.of_classifiers(beliefs[part], awake[part]), codes[part], rates[part], betting)
    np.testing.assert_array_equal(parts.budgets, whole.budgets)
    assert parts.n_settled == whole.n_settled
    assert parts.counts == whole.counts


def test_the_full_rate_is_bayes_rule(market):
    beliefs, _, codes, initial = market
    ledger = Ledger(initial)
    losses = ledger.settle(Rounds.of_classifiers(beliefs, np.ones((N, M), bool)), codes, np.ones(N), ConstantBetting())
    posterior = initial * np.prod(beliefs[np.arange(N), :, codes], axis=0)
    np.testing.assert_allclose(ledger.budgets, initial.sum() * posterior / posterior.sum(), rtol=1e-8, atol=1e-10)
    assert np.exp(-losses.sum()) == pytest.approx(posterior.sum() / initial.sum(), rel=1e-9)


def test_implicit_steps_solve_their_problem(rng):
    """argmin KL(new || old) - rate log(staked), over budgets with the same sum."""
    cp = pytest.importorskip("cvxpy")
    h, old, rate = rng.uniform(0.05, 1.0, size=4), rng.dirichlet(np.ones(4)), 0.7
    new = cp.Variable(4, nonneg=True)
    cp.Problem(cp.Minimize(cp.sum(cp.kl_div(new, old)) - rate * cp.log(h @ new)), [cp.sum(new) == 1]).solve()
    rounds = Rounds.of_classifiers(np.column_stack([h, 1 - h])[None], np.ones((1, 4), bool))
    ledger = Ledger(3.0 * old)
    ledger.settle_offers(rounds, h[:, None], np.array([rate]), implicit=True)
    found = ledger.budgets / 3.0
    np.testing.assert_allclose(found, new.value, atol=1e-4)
    objective = np.sum(found * np.log(found / old)) - rate * np.log(h @ found)
    best = np.sum(new.value * np.log(new.value / old)) - rate * np.log(h @ new.value)
    assert objective <= best + 1e-9  # cvxpy's solution is good to its tolerance
    tilted = old * np.exp(rate * h / (h @ found))
    np.testing.assert_allclose(found, tilted / tilted.sum(), rtol=1e-9)
    assert ledger.budgets.sum() == pytest.approx(3.0, rel=1e-12)


def test_a_reward_spread_over_points_keeps_the_budgets(rng):
    offers, shares = rng.gamma(1.0, size=(N * M, 5)), rng.dirichlet(np.ones(5))
    rounds = Rounds.of_classifiers(rng.dirichlet(np.ones(2), size=(N, M)), np.ones((N, M), bool))
    ledger = Ledger(np.ones(M))
    ledger.settle_offers(rounds, offers, np.full(N, 0.5), shares=shares)
    assert ledger.budgets.sum() == pytest.approx(M, rel=1e-12)
    one, many = Ledger(np.ones(M)), Ledger(np.ones(M))
    one.settle_offers(rounds, offers[:, :1], np.full(N, 0.5))
    many.settle_offers(rounds, np.repeat(offers[:, :1], 5, axis=1), np.full(N, 0.5), shares=shares)
    np.testing.assert_allclose(many.budgets, one.budgets, rtol=1e-12)


def test_rounds_that_cannot_be_settled_are_counted():
    beliefs = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[0.5, 0.5]], [[0.5, 0.5]]])
    awake = np.array([[True], [True], [False], [True]])
    ledger = Ledger(np.ones(1))
    losses = ledger.settle(
        Rounds.of_classifiers(beliefs, awake), np.array([0, 1, 0, 1]), np.array([1.0, 1.0, 1.0, 0.0]), ConstantBetting()
    )
    np.testing.assert_array_equal(losses, [0.0, np.inf, np.nan, np.nan])
    assert ledger.counts == {"no_trade": 1, "no_equilibrium": 0, "unsettled": 1}
    assert ledger.n_settled == 1
    assert mean_loss(losses) == pytest.approx(-np.log(LOSS_FLOOR) / 2)


def test_losers_stay_above_the_smallest_budget_and_come_back():
    always_wrong = np.tile(np.array([[0.999, 0.001], [0.001, 0.999]]), (2000, 1, 1))
    rounds = Rounds.of_classifiers(always_wrong, np.ones((2000, 2), bool))
    ledger = Ledger(np.ones(2))
    ledger.settle(rounds, np.zeros(2000, int), np.full(2000, 0.5), ConstantBetting())
    assert 0.9 * MIN_BUDGET <= ledger.budgets[1] <= 1.1 * MIN_BUDGET
    assert ledger.budgets.sum() == pytest.approx(2.0, rel=1e-14)
    ledger.settle(rounds, np.ones(2000, int), np.full(2000, 0.5), ConstantBetting())
    assert ledger.budgets[1] > 1.99


def test_a_budget_of_zero_stays_zero(market):
    beliefs, awake, codes, initial = market
    initial[2] = 0.0
    ledger = Ledger(initial)
    ledger.settle(Rounds.of_classifiers(beliefs, awake), codes, np.full(N, 0.5), ConstantBetting())
    assert ledger.budgets[2] == 0.0


@pytest.mark.parametrize("per_wealth", [False, True])
def test_gains_of_all_rounds_at_once(market, rng, per_wealth):
    """The sum of what `settle` would add to each budget, in units of it; or the gradient of the log likelihood."""
    beliefs, awake, codes, budgets = market
    rounds = Rounds.of_classifiers(beliefs, awake)
    offers = rounds.table[rounds.beliefs, np.repeat(codes, awake.sum(axis=1))][:, None]
    weights, gains = rng.integers(0, 3, size=N).astype(float), np.zeros(M)
    losses, outcomes = np.empty(N), np.empty(N, dtype=np.int64)
    arguments = rounds.starts, rounds.owners, offers, np.ones(1), weights, budgets, per_wealth
    sum_gains(*arguments, gains, losses, outcomes)

    def log_likelihood(budgets):
        wealth = awake @ budgets
        own = beliefs[np.arange(N), :, codes] * awake
        return np.sum(weights[wealth > 0] * np.log((own @ budgets)[wealth > 0] / wealth[wealth > 0]))

    if per_wealth:
        step = 1e-6
        rises = [log_likelihood(budgets + step * unit) - log_likelihood(budgets - step * unit) for unit in np.eye(M)]
        np.testing.assert_allclose(gains, np.array(rises) / (2 * step), rtol=1e-6, atol=1e-7)
        return
    expected = np.zeros(M)
    for i in np.flatnonzero(awake.any(axis=1)):
        price = market_price(beliefs[i], budgets, awake[i])
        expected += weights[i] * (settle(beliefs[i], budgets, price, codes[i], 1.0, awake[i]) / budgets - 1.0)
    np.testing.assert_allclose(gains, expected, rtol=1e-10, atol=1e-10)
