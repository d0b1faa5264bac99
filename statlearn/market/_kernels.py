"""Prices and settlements of many rounds: one round of trading per row, its awake participants side by side.

The offers of round i are ``j in range(starts[i], starts[i + 1])``: participant ``owners[j]`` believes in the classes as
row ``beliefs[j]`` of ``table`` says. Participants of a forest are its leaves, which share a row of the table among
rounds; fitted classifiers have a row of their own per round.

Kernels know three betting functions by their codes; `_linear_volume` and `_aggressive_volume` solve their price
equations ``F_k(c) = n c_k`` (equation 2) for the volume n.
"""

import numpy as np

from .._support.jit import njit

__all__ = [
    "AGGRESSIVE",
    "CONSTANT",
    "LINEAR",
    "NO_EQUILIBRIUM",
    "NO_TRADE",
    "SHORT_OF_ONE",
    "TRADED",
    "UNSETTLED",
    "price_rounds",
    "settle_offers",
    "settle_rounds",
    "sum_gains",
    "taxed",
]

CONSTANT, LINEAR, AGGRESSIVE = 0, 1, 2
TRADED, NO_TRADE, NO_EQUILIBRIUM = 0, 1, 2
UNSETTLED = 3
MAX_STEPS = 200
ULP = 2.220446049250313e-16
PRECISION = 1e-14  # of the sum of the prices
SMALLEST_PRICE = 1e-290  # whose inverse is a number
SHORT_OF_ONE = 1e-9  # best offers that sum to less have no equilibrium: beliefs are no distributions


@njit
def price_rounds(starts, owners, beliefs, table, budgets, betting, epsilon, prices, volumes, outcomes):
    """Price of every round into ``prices`` of shape (n, K), its volume, and what became of it.

    Rounds in which nobody has anything to bet are ``NO_TRADE``, and their prices are left alone.
    """
    longest, n_classes = _longest(starts), table.shape[1]
    wealth, totals = np.empty(longest), np.empty(n_classes)
    work = _workspace(longest, n_classes, betting)
    for i in range(starts.size - 1):
        start, stop = starts[i], starts[i + 1]
        for j in range(start, stop):
            wealth[j - start] = budgets[owners[j]]
        outcomes[i], volumes[i] = _price(start, stop, beliefs, table, wealth, betting, epsilon, totals, work, prices[i])


@njit
def settle_rounds(
    order,
    starts,
    owners,
    beliefs,
    table,
    codes,
    rates,
    budgets,
    settled_at,
    clock,
    initial,
    tax,
    min_budget,
    lifted,
    betting,
    epsilon,
    losses,
    outcomes,
):
    """Price the rounds of ``order`` one after the other, reveal their class and settle (equation 1), in place.

    ``rates`` are the learning rates of the rounds; a round with rate 0 is skipped. A tax moves all budgets after every
    settled round; it is collected when a participant next trades: ``settled_at`` holds the value of ``clock``, the
    number of settled rounds, up to which a budget has been taxed. `taxed` brings all of them up to date. ``losses``, in
    the order of ``order``, are minus the log of the price of the true class, NaN without trade. ``lifted[0]`` adds up
    the logarithms of the factors by which wealth was scaled down for those who would have fallen below ``min_budget``.

    Returns the clock.
    """
    longest, n_classes = _longest(starts), table.shape[1]
    wealth, gains = np.empty(longest), np.empty(longest)
    totals, price = np.empty(n_classes), np.empty(n_classes)
    work = _workspace(longest, n_classes, betting)
    for p in range(order.size):
        i = order[p]
        if rates[i] == 0.0:
            continue
        start, stop, y = starts[i], starts[i + 1], codes[i]
        _gather(start, stop, owners, budgets, initial, tax, clock, settled_at, wealth)
        outcome, _ = _price(start, stop, beliefs, table, wealth, betting, epsilon, totals, work, price)
        losses[p] = np.nan if outcome == NO_TRADE else -np.log(price[y])
        outcomes[p] = UNSETTLED if outcome == TRADED and price[y] == 0.0 else outcome
        if outcomes[p] == TRADED:
            for j in range(start, stop):
                gains[j - start] = _gain(table[beliefs[j]], price, y, betting, epsilon)
            clock += 1
            state = min_budget, lifted, initial, tax, clock, budgets, settled_at
            _settle(start, stop, owners, wealth, gains, rates[i], *state)
    return clock


@njit
def settle_offers(
    order,
    starts,
    owners,
    offers,
    shares,
    rates,
    budgets,
    settled_at,
    clock,
    initial,
    tax,
    min_budget,
    lifted,
    implicit,
    losses,
    outcomes,
):
    """The same for constant bets, of which only those on the outcome matter.

    ``offers[j, q]`` is what a participant staked on the q-th point that is paid, per unit of budget: one point, the
    true class or value, unless the reward is spread over several, with ``shares`` that sum to one. With ``implicit``,
    there is one point, and the update is that of implicit online learning.
    """
    longest, n_points = _longest(starts), offers.shape[1]
    wealth, gains = np.empty(longest), np.empty(longest)
    for p in range(order.size):
        i = order[p]
        if rates[i] == 0.0:
            continue
        start, stop = starts[i], starts[i + 1]
        total = _gather(start, stop, owners, budgets, initial, tax, clock, settled_at, wealth)
        losses[p], outcomes[p] = np.nan, NO_TRADE
        if not total > 0.0:
            continue
        losses[p], outcomes[p] = 0.0, TRADED
        gains[: stop - start] = -1.0
        for q in range(n_points):
            staked = 0.0
            for j in range(start, stop):
                staked += wealth[j - start] * offers[j, q]
            losses[p] -= shares[q] * np.log(staked / total)
            if staked == 0.0:
                outcomes[p] = UNSETTLED
                break
            unit, factor = _payout(staked / total, shares[q])
            for j in range(start, stop):
                gains[j - start] += factor * (offers[j, q] * unit)
        if outcomes[p] == TRADED:
            if implicit:
                _implicit_gains(start, stop, offers, wealth, total, rates[i], gains)
            clock += 1
            rate = 1.0 if implicit else rates[i]
            state = min_budget, lifted, initial, tax, clock, budgets, settled_at
            _settle(start, stop, owners, wealth, gains, rate, *state)
    return clock


@njit
def sum_gains(starts, owners, offers, shares, weights, budgets, per_wealth, gains, losses, outcomes):
    """Add the weighted gains of all rounds at the same budgets to ``gains`` of the participants (equation 3).

    With ``per_wealth``, each is divided by the wealth of its round: the gradient of the log likelihood of the prices.
    """
    n_points = offers.shape[1]
    staked = np.empty(n_points)
    for i in range(starts.size - 1):
        start, stop = starts[i], starts[i + 1]
        total = 0.0
        for j in range(start, stop):
            total += budgets[owners[j]]
        losses[i], outcomes[i] = np.nan, NO_TRADE
        if not total > 0.0 or weights[i] == 0.0:
            continue
        losses[i], outcomes[i] = 0.0, TRADED
        for q in range(n_points):
            staked[q] = 0.0
            for j in range(start, stop):
                staked[q] += budgets[owners[j]] * offers[j, q]
            losses[i] -= shares[q] * np.log(staked[q] / total)
            if staked[q] == 0.0:
                outcomes[i] = UNSETTLED
        if outcomes[i] == UNSETTLED:
            continue
        weight = weights[i] / total if per_wealth else weights[i]
        for q in range(n_points):
            unit, factor = _payout(staked[q] / total, shares[q])
            for j in range(start, stop):
                gains[owners[j]] += weight * (factor * (offers[j, q] * unit) - shares[q])


@njit
def _payout(price, share):
    """Two factors whose product with an offer is what it is paid; a tiny price has no inverse."""
    if price > SMALLEST_PRICE:
        return 1.0, share / price
    return 1.0 / SMALLEST_PRICE, share * (SMALLEST_PRICE / price)


@njit
def taxed(budgets, settled_at, clock, initial, tax):
    """All budgets after the taxes that are due."""
    result = np.empty_like(budgets)
    for m in range(budgets.size):
        result[m] = _after_tax(budgets[m], initial[m], tax, clock - settled_at[m])
    return result


@njit
def _gather(start, stop, owners, budgets, initial, tax, clock, settled_at, wealth):
    """Budgets of the participants of a round, after tax, into ``wealth``; returns their sum."""
    total = 0.0
    for j in range(start, stop):
        owner = owners[j]
        wealth[j - start] = _after_tax(budgets[owner], initial[owner], tax, clock - settled_at[owner])
        total += wealth[j - start]
    return total


@njit
def _settle(start, stop, owners, wealth, gains, rate, min_budget, lifted, initial, tax, clock, budgets, settled_at):
    """Multiply budgets by ``1 + rate * gain``, keep those that are not 0 from falling below ``min_budget``, and tax.

    Their sum is kept: rounding, and what the smallest budget gives away, is taken from all alike.
    """
    before, after, given = 0.0, 0.0, 0.0
    for t in range(stop - start):
        before += wealth[t]
        if wealth[t] > 0.0:
            wealth[t] *= 1.0 + rate * gains[t]
            if wealth[t] < min_budget:
                given += min_budget - wealth[t]
                wealth[t] = min_budget
        after += wealth[t]
    if given > 0.0:
        lifted[0] -= np.log1p(-given / after)
    scale = before / after
    for t in range(stop - start):
        owner = owners[start + t]
        budgets[owner] = _after_tax(wealth[t] * scale, initial[owner], tax, 1)
        settled_at[owner] = clock


@njit
def _implicit_gains(start, stop, offers, wealth, total, rate, gains):
    """Gains of ``argmin KL(new || old) - rate log(staked by new)``: new budgets are ``exp(rate h / s)`` times the old
    ones and have the same sum, where s is the price after the update. That price is the root of a decreasing function.
    """
    low, high, best = 0.0, 1.0, 0.0  # prices are in units of the best offer
    for j in range(start, stop):
        if wealth[j - start] > 0.0:
            best = max(best, offers[j, 0])
    for j in range(start, stop):
        low += wealth[j - start] / total * (offers[j, 0] / best)
    for _ in range(MAX_STEPS):
        price = 0.5 * (low + high)
        if price <= low or price >= high:
            break
        if _tilted_price(start, stop, offers, wealth, rate / price, best) > price:
            low = price
        else:
            high = price
    tilt = rate / (0.5 * (low + high))
    norm = 0.0
    for j in range(start, stop):
        norm += wealth[j - start] / total * np.exp(tilt * (offers[j, 0] / best - 1.0))
    for j in range(start, stop):
        gains[j - start] = np.exp(tilt * (offers[j, 0] / best - 1.0)) / norm - 1.0


@njit
def _tilted_price(start, stop, offers, wealth, tilt, best):
    staked, total = 0.0, 0.0
    for j in range(start, stop):
        tilted = wealth[j - start] * np.exp(tilt * (offers[j, 0] / best - 1.0))
        staked += tilted * (offers[j, 0] / best)
        total += tilted
    return staked / total


@njit
def _after_tax(budget, initial, tax, n_rounds):
    if tax == 0.0 or n_rounds == 0:
        return budget
    return initial + (1.0 - tax) ** n_rounds * (budget - initial)


@njit
def _longest(starts):
    longest = 0
    for i in range(starts.size - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    return longest


@njit
def _gain(row, price, y, betting, epsilon):
    """What a unit of budget wins: its contracts of the true class less its stakes, ``phi_y / c_y - sum_k phi_k``."""
    staked = 0.0
    for k in range(row.size):
        staked += _bet(row[k], price[k], betting, epsilon)
    return _bet(row[y], price[y], betting, epsilon) / price[y] - staked


@njit
def _bet(belief, price, betting, epsilon):
    if betting == CONSTANT:
        return belief
    if betting == LINEAR:
        return (1.0 - price) * belief
    return belief * min(1.0, max(0.0, (belief - price) / epsilon))


@njit
def _price(start, stop, beliefs, table, wealth, betting, epsilon, totals, work, price):
    """Equilibrium price of a round into ``price``; returns what became of it and the volume."""
    totals[:] = 0.0
    for j in range(start, stop):
        row, budget = table[beliefs[j]], wealth[j - start]
        for k in range(totals.size):
            totals[k] += budget * row[k]
    total = totals.sum()
    if not total > 0.0:
        return NO_TRADE, 0.0
    if betting == CONSTANT:
        for k in range(totals.size):
            price[k] = totals[k] / total
        return TRADED, total
    if betting == LINEAR:
        volume = _linear_volume(totals)
        for k in range(totals.size):
            price[k] = totals[k] / (volume + totals[k]) if totals[k] > 0.0 else 0.0
        outcome = TRADED
    else:
        outcome, volume = _aggressive_volume(start, stop, beliefs, table, wealth, epsilon, total, work, price)
    price /= price.sum()
    return outcome, volume


# --- linear bets ------------------------------------------------------------------------------------------------------


@njit
def _linear_volume(totals):
    """Root n of ``sum_k H_k / (n + H_k) = 1``, by Newton's method from below, which a convex function needs no guard
    for. The start is exact for two classes."""
    first, second = 0.0, 0.0
    for total in totals:
        if total > first:
            first, second = total, first
        elif total > second:
            second = total
    volume = np.sqrt(first) * np.sqrt(second)
    if volume == 0.0:
        return 0.0
    for _ in range(MAX_STEPS):
        excess, slope = -1.0, 0.0
        for total in totals:
            share = total / (volume + total)
            excess += share
            slope += share / (volume + total)
        step = excess / slope
        if not step > 4.0 * ULP * volume:
            break
        volume += step
    return volume


# --- aggressive bets --------------------------------------------------------------------------------------------------


@njit
def _workspace(longest, n_classes, betting):
    """Room for the break points of all classes: their places, and level and slope of the stakes right of each."""
    if betting == AGGRESSIVE:
        return np.empty((3, n_classes, 2 * longest + 1))
    return np.empty((3, n_classes, 0))


@njit
def _aggressive_volume(start, stop, beliefs, table, wealth, epsilon, total, work, price):
    """Root n of ``sum_k c_k(n) = 1`` with prices into ``price``, where ``F_k(c_k(n)) = n c_k(n)``.

    The stakes F_k are piecewise linear and decrease in the price: ``level - slope c`` between break points. Their
    equations have closed solutions, and the sum of those decreases in n.
    """
    places, levels, slopes = work[0], work[1], work[2]
    n_classes = price.size
    sizes = np.empty(n_classes, dtype=np.int64)
    best = 0.0
    for k in range(n_classes):
        sizes[k] = _break_points(k, start, stop, beliefs, table, wealth, epsilon, places[k], levels[k], slopes[k])
        price[k] = places[k, sizes[k] - 1] if sizes[k] > 1 else 0.0  # the best offer
        best += price[k]
    if best < 1.0 - SHORT_OF_ONE:
        return NO_EQUILIBRIUM, 0.0
    if best <= 1.0 + PRECISION:
        return TRADED, 0.0
    low, high, volume = 0.0, total, 0.5 * total
    for _ in range(MAX_STEPS):
        excess, slope = -1.0, 0.0
        for k in range(n_classes):
            segment = _segment(volume, sizes[k], places[k], levels[k], slopes[k])
            price[k], per_price = _class_price(
                k, volume, sizes[k], places[k], segment, start, stop, beliefs, table, wealth, epsilon
            )
            excess += price[k]
            slope += price[k] / per_price
        if abs(excess) <= PRECISION:
            break
        if excess > 0.0:
            low = volume
        else:
            high = volume
        step = volume + excess / slope
        if not (low < step < high):
            step = 0.5 * (low + high) if low > 0.0 else 0.1 * high
        if step == volume or high - low <= 2.0 * ULP * high:
            break
        volume = step
    return TRADED, volume


@njit
def _break_points(k, start, stop, beliefs, table, wealth, epsilon, places, levels, slopes):
    """Break points of the stakes on class k, sorted; the first one is no break point and left of all. Their number."""
    size, level = 1, 0.0
    for j in range(start, stop):
        belief, budget = table[beliefs[j], k], wealth[j - start]
        if belief > 0.0 and budget > 0.0:
            places[size], places[size + 1] = belief - epsilon, belief
            slopes[size] = budget * belief / epsilon
            slopes[size + 1] = -slopes[size]
            levels[size] = slopes[size] * (belief - epsilon)
            levels[size + 1] = -slopes[size] * belief
            level += budget * belief
            size += 2
    order = np.argsort(places[1:size])
    sorted_places, sorted_levels, sorted_slopes = places[1:size][order], levels[1:size][order], slopes[1:size][order]
    places[0], levels[0], slopes[0] = -np.inf, level, 0.0
    for position in range(size - 1):
        places[position + 1] = sorted_places[position]
        levels[position + 1] = levels[position] + sorted_levels[position]
        slopes[position + 1] = slopes[position] + sorted_slopes[position]
    return size


@njit
def _segment(volume, size, places, levels, slopes):
    """The last break point that is not right of the price at which the stakes on a class are ``volume`` times it."""
    low, high = 0, size - 1
    while high - low > 1:
        middle = (low + high) // 2
        place = places[middle]
        if place <= 0.0 or levels[middle] - (slopes[middle] + volume) * place > 0.0:
            low = middle
        else:
            high = middle
    return low


@njit
def _class_price(k, volume, size, places, segment, start, stop, beliefs, table, wealth, epsilon):
    """Price at which the stakes on class k are ``volume`` times the price, and ``volume`` plus the slope there.

    Level and slope of the segment are added up afresh, and the segment is corrected: differences of running sums lose
    digits if epsilon is small.
    """
    if size == 1:
        return 0.0, 1.0
    while segment < size - 2 and _exceeds(k, volume, places[segment + 1], start, stop, beliefs, table, wealth, epsilon):
        segment += 1
    while segment > 0 and not _exceeds(k, volume, places[segment], start, stop, beliefs, table, wealth, epsilon):
        segment -= 1
    place, level, slope = places[segment], 0.0, 0.0
    for j in range(start, stop):
        belief, budget = table[beliefs[j], k], wealth[j - start]
        if belief - epsilon > place:
            level += budget * belief
        elif belief > place:
            level += budget * belief * (belief / epsilon)
            slope += budget * belief / epsilon
    return min(max(level / (volume + slope), place), places[segment + 1]), volume + slope


@njit
def _exceeds(k, volume, price, start, stop, beliefs, table, wealth, epsilon):
    """Whether the stakes on class k are above ``volume`` times the price, where it is positive."""
    if price <= 0.0:
        return True
    staked = 0.0
    for j in range(start, stop):
        staked += wealth[j - start] * _bet(table[beliefs[j], k], price, AGGRESSIVE, epsilon)
    return staked > volume * price
