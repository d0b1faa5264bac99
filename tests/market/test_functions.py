"""Prices and settlements: price equations, closed forms, conservation, Bayes' rule, the regret bound, invariances."""

import numpy as np
import pytest
from scipy.optimize import brentq

from statlearn.market import (
    AggressiveBetting,
    BettingFunction,
    LinearBetting,
    linear_opinion_pool,
    market_price,
    settle,
)

from .problems import BETTINGS, PlainBetting, random_round, stakes

every_betting = pytest.mark.parametrize("betting", BETTINGS, ids=repr)


class TestPrice:
    @every_betting
    @pytest.mark.parametrize("zeros", [False, True])
    def test_the_price_equations(self, rng, betting, zeros):
        for _ in range(200):
            n_participants, n_classes = rng.integers(1, 8), rng.integers(2, 6)
            beliefs, budgets = random_round(rng, n_participants, n_classes, 10 ** rng.uniform(-1, 1), zeros)
            price, volume = market_price(beliefs, budgets, betting=betting, return_volume=True)
            assert abs(price.sum() - 1.0) <= 1e-12
            assert price.min() >= 0.0
            residual = stakes(betting, beliefs, budgets, price) - volume * price
            assert np.abs(residual).max() <= 1e-12 * budgets.sum() / min(1.0, getattr(betting, "epsilon", 1.0))

    @every_betting
    def test_bisection_finds_the_same_price(self, rng, betting):
        for _ in range(20):
            beliefs, budgets = random_round(rng, rng.integers(2, 6), rng.integers(2, 5))
            price, volume = market_price(beliefs, budgets, betting=betting, return_volume=True)
            plain, plain_volume = market_price(beliefs, budgets, betting=PlainBetting(betting), return_volume=True)
            np.testing.assert_allclose(plain, price, atol=1e-9)
            assert plain_volume == pytest.approx(volume, rel=1e-9, abs=1e-9)
            named = market_price(beliefs, budgets, betting=betting, solver="bisection")
            np.testing.assert_allclose(named, price, atol=1e-9)

    @pytest.mark.parametrize(("betting", "error"), [(LinearBetting(), 1e-3), (AggressiveBetting(0.3), 1e-2)], ids=repr)
    def test_averaged_steps_come_near(self, rng, betting, error):
        beliefs, budgets = random_round(rng)
        slow = market_price(beliefs, budgets, betting=betting, solver="mann")
        np.testing.assert_allclose(slow, market_price(beliefs, budgets, betting=betting), atol=error)

    def test_constant_bets_are_a_linear_pool(self, rng):
        beliefs, budgets = random_round(rng, 5, 4)
        np.testing.assert_allclose(
            market_price(beliefs, budgets), linear_opinion_pool(beliefs, budgets), rtol=0, atol=1e-15
        )

    def test_linear_bets_on_two_classes_have_a_closed_form(self, rng):
        for _ in range(50):
            beliefs, budgets = random_round(rng, 3, 2, 10 ** rng.uniform(-2, 1))
            first, second = np.sqrt(budgets @ beliefs)
            price, volume = market_price(beliefs, budgets, betting="linear", return_volume=True)
            np.testing.assert_allclose(price, np.array([first, second]) / (first + second), rtol=1e-12)
            assert volume == pytest.approx(first * second, rel=1e-13)

    def test_linear_bets_are_tempered_and_keep_the_order(self, rng):
        p = 0.9
        price = market_price([[p, 1 - p]] * 3, [1.0, 2.0, 3.0], betting="linear")
        assert price[0] == pytest.approx(np.sqrt(p) / (np.sqrt(p) + np.sqrt(1 - p)))
        for _ in range(50):
            beliefs, budgets = random_round(rng, 4, 5)
            linear, constant = (market_price(beliefs, budgets, betting=name) for name in ("linear", "constant"))
            np.testing.assert_array_equal(np.argsort(linear), np.argsort(constant))

    def test_two_classes_by_a_search_over_one_number(self, rng):
        """``(1 - c) F_1(c) = c F_2(1 - c)``."""
        for betting in (LinearBetting(), AggressiveBetting(0.5)):
            for _ in range(20):
                beliefs, budgets = random_round(rng, 4, 2)

                def excess(c, betting=betting, beliefs=beliefs, budgets=budgets):
                    first, second = stakes(betting, beliefs, budgets, np.array([c, 1 - c]))
                    return (1 - c) * first - c * second

                price = brentq(excess, 0.0, 1.0, xtol=1e-15)
                assert market_price(beliefs, budgets, betting=betting)[0] == pytest.approx(price, abs=1e-12)

    def test_aggressive_participants_who_agree_do_not_trade(self):
        price, volume = market_price([[0.3, 0.7]] * 4, np.ones(4), betting="aggressive", return_volume=True)
        np.testing.assert_allclose(price, [0.3, 0.7], rtol=1e-12)
        assert volume == 0.0

    @every_betting
    def test_many_classes_with_degenerate_shares(self, rng, betting):
        beliefs, budgets = random_round(rng, 3, 30, 0.02)
        price, volume = market_price(beliefs, budgets, betting=betting, return_volume=True)
        residual = stakes(betting, beliefs, budgets, price) - volume * price
        assert np.abs(residual).max() <= 1e-12 * budgets.sum() / min(1.0, getattr(betting, "epsilon", 1.0))

    @every_betting
    def test_a_class_that_nobody_believes_in_costs_nothing(self, betting):
        price = market_price([[0.5, 0.0, 0.5], [0.2, 0.0, 0.8]], [1.0, 1.0], betting=betting)
        assert price[1] == 0.0
        assert market_price([[0.0, 1.0]], [2.0], betting=betting).tolist() == [0.0, 1.0]

    def test_rows_and_sleepers(self, rng):
        beliefs = rng.dirichlet(np.ones(3), size=(4, 5))
        budgets, awake = rng.gamma(1.0, size=5), rng.random((4, 5)) < 0.6
        awake[0] = False
        awake[1] = True
        for betting in BETTINGS:
            prices, volumes = market_price(beliefs, budgets, awake, betting=betting, return_volume=True)
            assert np.isnan(prices[0]).all()
            assert volumes[0] == 0.0
            for i in range(1, 4):
                alone = market_price(beliefs[i, awake[i]], budgets[awake[i]], betting=betting)
                np.testing.assert_allclose(prices[i], alone, rtol=1e-13)
            np.testing.assert_array_equal(prices[1], market_price(beliefs[1], budgets, betting=betting))

    def test_budgets_of_zero_are_no_bets(self):
        beliefs = [[[0.5, 0.5], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]
        prices = market_price(beliefs, [1.0, 0.0])
        np.testing.assert_array_equal(prices[0], [0.5, 0.5])
        assert np.isnan(prices[1]).all()

    @every_betting
    def test_invariances(self, rng, betting):
        beliefs, budgets = random_round(rng, 5, 4)
        price = market_price(beliefs, budgets, betting=betting)
        order, labels = rng.permutation(5), rng.permutation(4)

        def close(*arguments, **options):
            np.testing.assert_allclose(market_price(*arguments, betting=betting, **options), price, rtol=1e-9)

        close(beliefs[order], budgets[order])
        np.testing.assert_allclose(market_price(beliefs[:, labels], budgets, betting=betting), price[labels], rtol=1e-9)
        close(np.vstack([beliefs, beliefs[:1]]), np.append(budgets, budgets[0]) * np.array([0.5, 1, 1, 1, 1, 0.5]))
        close(beliefs, 1e9 * budgets)
        close(np.vstack([beliefs, [[1, 0, 0, 0]]]), np.append(budgets, 3.0), awake=[True] * 5 + [False])

    def test_bets_on_all_prices_are_found_by_averaging(self):
        class OnRank(BettingFunction):
            separable = False

            def bets(self, beliefs, price):
                return beliefs * (1.0 - 0.5 * price.max())

        price = market_price([[0.2, 0.8], [0.6, 0.4]], [1.0, 1.0], betting=OnRank())
        np.testing.assert_allclose(price, [0.4, 0.6], atol=1e-3)

    def test_beliefs_that_leave_a_gap_have_no_equilibrium(self):
        class Timid(BettingFunction):
            def bets(self, beliefs, price):
                return beliefs * (price < 0.4 * beliefs)

        price, volume = market_price([[0.5, 0.5]], [1.0], betting=Timid(), return_volume=True)
        np.testing.assert_allclose(price, [0.5, 0.5])
        assert np.isnan(volume)


class TestSettle:
    @every_betting
    def test_all_contracts_are_paid_for(self, rng, betting):
        for _ in range(100):
            beliefs, budgets = random_round(rng, rng.integers(1, 7), rng.integers(2, 6))
            price = market_price(beliefs, budgets, betting=betting)
            rate = rng.uniform(0.01, 1.0)
            for y in np.flatnonzero(price > 1e-6):
                after = settle(beliefs, budgets, price, y, rate, betting=betting)
                assert after.min() >= 0.0
                assert after.sum() == pytest.approx(budgets.sum(), rel=1e-9 if price[y] < 1e-3 else 1e-11)

    def test_the_full_rate_is_bayes_rule(self, rng):
        """Budgets are posterior weights, and the product of the prices is the marginal likelihood."""
        beliefs, prior = rng.dirichlet(np.ones(3), size=(40, 4)), rng.dirichlet(np.ones(4))
        codes = rng.integers(3, size=40)
        budgets, likelihood = prior, 1.0
        for row, y in zip(beliefs, codes, strict=True):
            price = market_price(row, budgets)
            likelihood *= price[y]
            budgets = settle(row, budgets, price, y)
        posterior = prior * np.prod(beliefs[np.arange(40), :, codes], axis=0)
        assert likelihood == pytest.approx(posterior.sum(), rel=1e-12)
        np.testing.assert_allclose(budgets, posterior / posterior.sum(), rtol=1e-11)

    def test_regret_on_adversarial_sequences_with_sleepers(self, rng):
        """sum of losses - those of any m, over the rounds in which m is awake, is at most log(B / budget_m) / rate."""
        worst = -np.inf
        for _ in range(1000):
            n_participants, n_classes = rng.integers(2, 6), rng.integers(2, 4)
            start, rate = rng.dirichlet(np.ones(n_participants)), rng.choice([0.1, 0.3, 1.0])
            budgets, regret = start, np.zeros(n_participants)
            for _ in range(20):
                beliefs = rng.dirichlet(np.full(n_classes, 0.5), size=n_participants)
                awake = rng.random(n_participants) < 0.7
                if not awake.any():
                    continue
                price = market_price(beliefs, budgets, awake)
                own = np.maximum(beliefs, 1e-300)
                y = int(np.argmin(price)) if rng.random() < 0.7 else int(np.argmax((own / price).max(axis=0)))
                regret += np.where(awake, np.log(own[:, y]) - np.log(price[y]), 0.0)
                budgets = settle(beliefs, budgets, price, y, rate, awake)
            worst = max(worst, np.max(regret - np.log(1.0 / start) / rate))
        assert worst <= 1e-9

    def test_sleepers_keep_their_budget(self):
        after = settle([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]], [1.0, 1.0, 1.0], [0.7, 0.3], 0, 0.5, [True, True, False])
        assert after[2] == 1.0
        assert after[:2].sum() == pytest.approx(2.0)

    def test_equal_beliefs_change_nothing(self):
        for betting in BETTINGS:
            beliefs, budgets = np.array([[0.3, 0.7]] * 3), np.array([1.0, 2.0, 3.0])
            price = market_price(beliefs, budgets, betting=betting)
            np.testing.assert_allclose(settle(beliefs, budgets, price, 1, betting=betting), budgets, rtol=1e-12)

    def test_the_truth_wins_everything(self, rng):
        budgets = np.ones(3)
        for _ in range(300):
            y = int(rng.integers(2))
            beliefs = np.array([np.eye(2)[y], [0.5, 0.5], rng.dirichlet([1, 1])])
            budgets = settle(beliefs, budgets, market_price(beliefs, budgets), y, 0.5)
        np.testing.assert_allclose(budgets, [3.0, 0.0, 0.0], atol=1e-9)


class TestBadInput:
    @pytest.mark.parametrize(
        ("bets", "message"),
        [
            ([[0.5, 0.6], [0.5, 0.5]], "participant 0 has class probabilities that do not sum to 1 in row 0"),
            ([[0.5, 0.5], [1.5, -0.5]], "participant 1 has a negative class probability in row 0"),
            ([[0.5, 0.5], [np.nan, 0.5]], "participant 1 has a class probability that is not finite in row 0"),
            ([0.5, 0.5], "bets must have two or three dimensions"),
        ],
    )
    def test_beliefs(self, bets, message):
        with pytest.raises(ValueError, match=message):
            market_price(bets, [1.0, 1.0])

    @pytest.mark.parametrize(
        ("budgets", "message"), [([0, 0], "must not be all zero"), ([1, -1], "budgets"), ([1], "must have 2 entries")]
    )
    def test_budgets(self, budgets, message):
        with pytest.raises(ValueError, match=message):
            market_price([[0.5, 0.5], [1.0, 0.0]], budgets)

    def test_who_is_awake(self):
        with pytest.raises(ValueError, match=r"awake must have shape \(2,\) or \(1, 2\)"):
            market_price([[0.5, 0.5], [1.0, 0.0]], [1, 1], [True])
        with pytest.raises(ValueError, match="awake must hold booleans"):
            market_price([[0.5, 0.5], [1.0, 0.0]], [1, 1], [0.5, 1])

    @pytest.mark.parametrize("y", [2, -1, True, 0.5, [0]])
    def test_outcomes(self, y):
        with pytest.raises(ValueError, match="y"):
            settle([[0.5, 0.5]], [1.0], [0.5, 0.5], y)

    def test_an_outcome_that_nobody_bet_on(self):
        with pytest.raises(ValueError, match="the price of class 1 is 0"):
            settle([[1.0, 0.0]], [1.0], [1.0, 0.0], 1)

    @pytest.mark.parametrize("rate", [0.0, -0.1, 1.5])
    def test_learning_rates(self, rate):
        with pytest.raises(ValueError, match="'learning_rate' parameter"):
            settle([[0.5, 0.5]], [1.0], [0.5, 0.5], 0, rate)

    def test_betting(self):
        with pytest.raises(ValueError, match="'betting' parameter"):
            market_price([[0.5, 0.5]], [1.0], betting="bold")
        with pytest.raises(ValueError, match="'epsilon' parameter"):
            AggressiveBetting(0.0)
        with pytest.raises(NotImplementedError, match="BettingFunction has no method bets"):
            market_price([[0.5, 0.5]], [1.0], betting=BettingFunction())
