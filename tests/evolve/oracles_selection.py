"""Slow, obvious selections. They share no code with the core, and give the same winners, bit by bit.

`key`: one number a parent, lower is better, NaN loses to everything. Of 256 winners the draws are made
together, so winner w belongs to group w // 256.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from oracles import AGAIN, SELECT, WORD, Key, Stream, integers

GROUP = 256


def costs(key: Any) -> list[float]:
    return [math.inf if math.isnan(value) else float(value) for value in key]


def in_groups(n: int, make: Callable[[int], Sequence[int]]) -> list[int]:
    return [winner for group in range((n + GROUP - 1) // GROUP) for winner in make(group)][:n]


def below_wide(stream: Stream, bound: int) -> int:
    while True:
        value, low = divmod(((stream.word() << 32) | stream.word()) * bound, 2**64)
        if low >= 2**64 % bound:
            return value


def on_wheel(weights: Sequence[float]) -> list[int]:
    """Where the parents end on a wheel of whole positions."""
    whole = [int(weight * (WORD - 1) + 0.5) for weight in weights]
    if not any(whole):
        whole = [1] * len(whole)
    return [sum(whole[: i + 1]) for i in range(len(whole))]


def owner(ends: Sequence[int], position: int) -> int:
    return next(i for i, end in enumerate(ends) if position < end)


def wheel(weights: Sequence[float], n: int, source: Key) -> list[int]:
    ends = on_wheel(weights)

    def group(number: int) -> list[int]:
        stream, again = source.stream(SELECT, number), source.stream(SELECT + AGAIN, number)
        winners = []
        for _ in range(GROUP):
            value, low = divmod(((stream.word() << 32) | stream.word()) * ends[-1], 2**64)
            position = value if low >= 2**64 % ends[-1] else below_wide(again, ends[-1])
            winners.append(owner(ends, position))
        return winners

    return in_groups(n, group)


def roulette_weights(key: Any, floor: float) -> list[float]:
    fine = [float(value) for value in key if not math.isnan(value)]
    if not fine or 0.5 * max(fine) == 0.5 * min(fine):
        return [0.0 if math.isnan(value) else 1.0 for value in key]
    worst, span = 0.5 * max(fine), 0.5 * max(fine) - 0.5 * min(fine)
    return [
        0.0 if math.isnan(value) else floor + (1.0 - floor) * ((worst - 0.5 * float(value)) / span)
        for value in key
    ]


def roulette(key: Any, n: int, floor: float, source: Key) -> list[int]:
    return wheel(roulette_weights(key, floor), n, source)


def boltzmann_weights(key: Any, temperature: float) -> list[float]:
    best = min(costs(key))
    return [0.0 if math.isnan(v) else math.exp(-((float(v) - best) / temperature)) for v in key]


def rank_weights(key: Any, of_rank: Callable[[int], float]) -> list[float]:
    """What each parent gets if a rank gets so much: equal ones the mean."""
    cost = costs(key)
    shares = []
    for mine in cost:
        first = sum(other < mine for other in cost)
        equal = sum(other == mine for other in cost)
        shares.append(math.fsum(of_rank(first + i) for i in range(equal)) / equal)
    return shares


def exponential_rank_weights(key: Any, base: float) -> list[float]:
    failed = [math.isnan(value) and not all(map(math.isnan, key)) for value in key]
    weights = rank_weights(key, lambda rank: base**rank)
    return [0.0 if lost else weight for lost, weight in zip(failed, weights, strict=True)]


def linear_rank(key: Any, n: int, pressure: float, source: Key) -> list[int]:
    cost = costs(key)
    parents = [i for i, value in enumerate(key) if not math.isnan(value)] or list(range(len(cost)))

    def group(number: int) -> list[int]:
        if len(parents) == 1:
            return parents * GROUP
        first = integers(source, SELECT, number, 0, len(parents), GROUP)
        second = integers(source, SELECT, number, 64, len(parents) - 1, GROUP)
        coins = source.stream(SELECT, number, 128)
        winners = []
        for place, rest in zip(first, second, strict=True):
            a, other = parents[place], parents[rest if rest < place else rest + 1]
            better, worse = (other, a) if cost[other] < cost[a] else (a, other)
            winners.append(better if coins.chance(pressure / 2) else worse)
        return winners

    return in_groups(n, group)


def truncation(key: Any, n: int, share: float, source: Key) -> list[int]:
    cost = costs(key)
    many = min(max(math.ceil(share * len(cost)), 1), len(cost))
    last = sorted(cost)[many - 1]
    better = [i for i, value in enumerate(cost) if value < last]
    equal = [i for i, value in enumerate(cost) if value == last]

    def group(number: int) -> list[int]:
        places = integers(source, SELECT, number, 0, many, GROUP)
        others = integers(source, SELECT, number, 64, len(equal), GROUP)
        return [
            better[place] if place < len(better) else equal[other]
            for place, other in zip(places, others, strict=True)
        ]

    return in_groups(n, group)


def scatter(x: int, bound: int) -> int:
    """Wellons' hash "lowbias32", as a number below the bound."""
    x ^= x >> 16
    x = x * 0x7FEB352D % WORD
    x ^= x >> 15
    x = x * 0x846CA68B % WORD
    x ^= x >> 16
    return x * bound // WORD


def shuffled(n: int, stream: Stream) -> list[int]:
    """0 … n - 1 by a Feistel network on pairs, those beyond the end sent round again."""
    a = math.isqrt(n - 1) + 1
    b = -(-n // a)
    keys = stream.words(6)

    def once(place: int) -> int:
        high, low = divmod(place, a)
        for i in range(0, 6, 2):
            low = (low + scatter(high ^ keys[i], a)) % a
            high = (high + scatter(low ^ keys[i + 1], b)) % b
        return high * a + low

    order = []
    for place in range(n):
        place = once(place)
        while place >= n:
            place = once(place)
        order.append(place)
    return order


def stochastic_universal(key: Any, n: int, floor: float, source: Key) -> list[int]:
    ends = on_wheel(roulette_weights(key, floor))
    turn = below_wide(source.stream(SELECT, 0), ends[-1])
    return [
        owner(ends, (pointer * ends[-1] + turn) // n) for pointer in shuffled(n, source.stream(SELECT, 1))
    ]
