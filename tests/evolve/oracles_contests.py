"""Slow, obvious tournaments. They share no code with the core, and give the same winners, bit by bit."""

from __future__ import annotations

import math
from typing import Any

from evolve.oracles_selection import GROUP, costs, in_groups
from oracles import SELECT, Key, Stream, integers


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

    def smaller(stream: Stream, a: int, b: int) -> int:
        holds = stream.chance(parsimony / 2)
        if math.isnan(key[a]) != math.isnan(key[b]):
            return b if math.isnan(key[a]) else a
        little, big = (b, a) if sizes[b] < sizes[a] else (a, b)
        return little if holds else big

    def fittest(drawn: list[int]) -> int:
        return min(drawn, key=cost.__getitem__)

    def winner(number: int) -> int:
        stream = source.stream(SELECT, number)
        if fitness_first:
            first = fittest([stream.below(len(cost)) for _ in range(size)])
            return smaller(stream, first, fittest([stream.below(len(cost)) for _ in range(size)]))
        return fittest(
            [smaller(stream, stream.below(len(cost)), stream.below(len(cost))) for _ in range(size)]
        )

    return [winner(number) for number in range(n)]


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
