"""Slow, obvious versions of the crossovers, which use the same words of the generator in the same order."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from oracles import Key, Rows, Space, Stream, height, units

FEW = 14  # bits of the weight of an arithmetic crossover


def cross_rows(
    space: Space, children: Rows, second: Rows, operator: tuple[Any, ...], purpose: int, rows: list[int],
    key: Key,
) -> None:  # fmt: skip
    """Cross the rows of `children`, which hold the first parents, in place."""
    name, rate, *parameters = operator
    tall = height(space)
    for start in range(0, len(children), tall):
        block = [i for i in rows if start <= i < start + tall]
        if name in ("blend", "arithmetic"):
            by_row(space, children, second, operator, block, partial(key.stream, purpose, start))
            continue
        stream = key.stream(purpose, start)
        for i in block:
            if stream.chance(rate):
                children[i] = ONE_BY_ONE[name](space, children[i], second[i], parameters, stream)


def taken(parts: list[list[int]], chosen: list[int], first: list[int], second: list[int]) -> list[int]:
    child = list(first)
    for u in chosen:
        for c in parts[u]:
            child[c] = second[c]
    return child


def subset(low: int, high: int, k: int, stream: Stream) -> set[int]:
    """A uniform subset of k of low … high - 1 (Floyd)."""
    chosen: set[int] = set()
    for last in range(high - low - k, high - low):
        pick = low + stream.below(last + 1)
        chosen.add(low + last if pick in chosen else pick)
    return chosen


def k_point(space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream) -> list[int]:
    k, by = parameters
    parts = units(space, by)
    low, most = (1, len(parts) - 1) if k % 2 else (0, len(parts) // 2 * 2)
    cuts = subset(low, len(parts), min(k, most), stream)
    chosen = [u for u in range(len(parts)) if sum(cut <= u for cut in cuts) % 2]
    return taken(parts, chosen, first, second)


def bits(count: int, probability: float, stream: Stream) -> list[bool]:
    """Bernoulli variables, 32 at a time, by comparing their bits with the probability's from the top."""
    threshold, found = int(probability * 2**32 + 0.5), []
    while len(found) < count:
        values: list[bool | None] = [threshold == 2**32 or None] * 32
        left = threshold % 2**32
        while left and None in values:
            word, top = stream.word(), left >> 31
            for j, value in enumerate(values):
                if value is None and word >> j & 1 != top:
                    values[j] = bool(top)
            left = left * 2 % 2**32
        found += [bool(value) for value in values]
    return found[:count]


def half_uniform(
    space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream
) -> list[int]:
    parts = units(space, *parameters)
    differ = [u for u, part in enumerate(parts) if any(first[c] != second[c] for c in part)]
    if not differ:
        return list(first)
    half = len(differ) // 2 + (stream.word() >> 31 if len(differ) % 2 else 0)
    coins = stream.words((len(parts) + 31) // 32)
    chosen = {u for u in differ if coins[u // 32] >> u % 32 & 1}
    while len(chosen) > half:
        chosen.remove(sorted(chosen)[stream.below(len(chosen))])
    while len(chosen) < half:
        others = [u for u in differ if u not in chosen]
        chosen.add(others[stream.below(len(others))])
    return taken(parts, sorted(chosen), first, second)


ONE_BY_ONE: dict[str, Callable[..., list[int]]] = {
    "one_point": lambda space, first, second, by, stream: k_point(space, first, second, [1, *by], stream),
    "two_point": lambda space, first, second, by, stream: k_point(space, first, second, [2, *by], stream),
    "k_point": k_point,
    "half_uniform": half_uniform,
}


def by_row(
    space: Space, children: Rows, second: Rows, operator: tuple[Any, ...], rows: list[int],
    stream: Callable[[int], Stream],
) -> None:  # fmt: skip
    """Words 0 … 127 of a block of rows say which are crossed; then comes a word a gene, row after row."""
    name, rate, parameter = operator
    tall, n = height(space), len(space.genes)
    gene = {"blend": blend_gene, "arithmetic": arithmetic_gene}[name]
    for i in rows:
        if stream(0).words(128)[i % tall] >= int(rate * 2**32 + 0.5):
            continue
        words = stream(32 + i % tall * ((n + 3) // 4)).words(n)
        most = 255 if space.layout.dtype.itemsize == 1 else 65_535
        children[i] = [
            gene(space.genes[c], children[i][c], second[i][c], parameter, words[c], most) for c in range(n)
        ]


def blend_gene(gene: Any, a: int, b: int, alpha: float, word: int, most: int) -> int:
    if not gene.ordered:
        return b if word >= 2**31 else a
    # Alpha in as fine a fraction as fits into 31 bits beside the widest interval.
    one = 2 ** (31 - int(most * (1 + 2 * alpha) + 2).bit_length())
    share = Fraction(int(alpha * one + 0.5), one)
    wide = share * abs(a - b)
    room = abs(a - b) + 1 + 2 * wide
    value = min(a, b) - wide + Fraction(math.floor(Fraction(word, 2**32) * room * one), one)
    return min(max(math.floor(value), 0), gene.options - 1)


def arithmetic_gene(gene: Any, a: int, b: int, weight: float, word: int, most: int) -> int:
    weight, draw = Fraction(int(weight * 2**FEW + 0.5), 2**FEW), Fraction(word >> (32 - FEW), 2**FEW)
    if not gene.ordered:
        return b if draw < weight else a
    return math.floor(a + weight * (b - a) + draw)
