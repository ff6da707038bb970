"""Slow, obvious tournaments. They share no code with the core, and give the same winners, bit by bit."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import Any

from evolve.oracles_selection import GROUP, costs, in_groups
from oracles import SELECT, Key, integers


def tournament(key: Any, n: int, size: int, replace: bool, p: float, source: Key) -> list[int]:
    cost = costs(key)

    def winner(number: int) -> int:
        stream = source.stream(SELECT, number)
        place, left = 0, 1.0
        if p < 1:
            word = stream.word()
            while place + 1 < size:
                left *= 1.0 - p
                if word < int((1.0 - left) * 2**32 + 0.5):
                    break
                place += 1
        drawn: list[int] = []
        while len(drawn) < size:
            one = stream.below(len(cost))
            if replace or one not in drawn:
                drawn.append(one)
        return sorted(drawn, key=cost.__getitem__)[place]

    return [winner(number) for number in range(n)]


def double_tournament(
    key: Any, sizes: Any, n: int, size: int, parsimony: float, fitness_first: bool, source: Key
) -> list[int]:
    cost = costs(key)

    def smaller(coin: int, a: int, b: int) -> int:
        if math.isnan(key[a]) != math.isnan(key[b]):
            return b if math.isnan(key[a]) else a
        little, big = (b, a) if sizes[b] < sizes[a] else (a, b)
        return little if coin < int(parsimony / 2 * 2**32 + 0.5) else big

    def group(number: int) -> list[int]:
        rounds = itertools.count(0, 64)

        def draws() -> list[int]:
            return integers(source, SELECT, number, next(rounds), len(cost), GROUP)

        def by_size(first: list[int], second: list[int]) -> list[int]:
            coins = source.stream(SELECT, number, next(rounds)).words(GROUP)
            return [smaller(*one) for one in zip(coins, first, second, strict=True)]

        def fittest() -> list[int]:
            drawn = [draws() if fitness_first else by_size(draws(), draws()) for _ in range(size)]
            return [min(rivals, key=cost.__getitem__) for rivals in zip(*drawn, strict=True)]

        return by_size(fittest(), fittest()) if fitness_first else fittest()

    return in_groups(n, group)


def niche_tournament(rank: Any, niche: Any, distance: Any, failed: Any, n: int, source: Key) -> list[int]:
    def merit(i: int) -> tuple[float, float]:
        return (math.inf, 0) if failed[i] else (rank[i], distance[i])

    def group(number: int) -> list[int]:
        if len(rank) == 1:
            return [0] * GROUP
        first = integers(source, SELECT, number, 0, len(rank), GROUP)
        second = integers(source, SELECT, number, 64, len(rank) - 1, GROUP)
        winners = []
        for a, b in zip(first, second, strict=True):
            b += b >= a
            apart = niche[a] != niche[b] and niche[a] >= 0 and niche[b] >= 0
            winners.append(a if apart else min(a, b, key=lambda i: (merit(i), i != a)))
        return winners

    return in_groups(n, group)


def deviation(values: list[float]) -> float:
    """Median absolute deviation of those that are finite."""
    fine = [value for value in values if value < math.inf]
    if not fine:
        return 0.0
    median = statistics.median(fine)
    return statistics.median([abs(value - median) for value in fine])


def lexicase(cost: Any, cases: Any, n: int, epsilon: float | None, source: Key) -> list[int]:
    everyone = [i for i in range(len(cost)) if not math.isnan(cost[i])] or list(range(len(cost)))
    rows = [costs(row) for row in cases]
    columns = [[rows[i][c] for i in everyone] for c in range(len(cases[0]))]
    within = [deviation(column) if epsilon is None else epsilon for column in columns]

    def winner(number: int) -> int:
        stream, left, order = source.stream(SELECT, number), everyone, list(range(len(columns)))
        for step in range(len(order)):
            if len({tuple(rows[i]) for i in left}) == 1:
                break
            other = step + stream.below(len(order) - step)
            order[step], order[other] = order[other], order[step]
            case = order[step]
            best = min(rows[i][case] for i in left)
            left = [i for i in left if rows[i][case] <= best + within[case]]
        return left[stream.below(len(left))] if len(left) > 1 else left[0]

    return [winner(number) for number in range(n)]
