"""Slow, obvious versions of the crossovers, which use the same words of the generator in the same order."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from evolve.oracles_subgraph import subgraph
from oracles import Key, Rows, Space, Stream, height, integers, mask_of, named_by, units

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
        if name.endswith("_point"):
            by_cuts(space, children, second, operator, purpose, start, block, key)
            continue
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


def by_cuts(
    space: Space, children: Rows, second: Rows, operator: tuple[Any, ...], purpose: int, start: int,
    block: list[int], key: Key,
) -> None:  # fmt: skip
    """Words 0 … 127 of a block of rows say which are crossed; then come as many for each cut, one a row."""
    name, rate, *parameters, by = operator
    parts = units(space, by)
    k = {"one_point": 1, "two_point": 2}.get(name) or parameters[0]
    low, most = (1, len(parts) - 1) if k % 2 else (0, len(parts) // 2 * 2)
    k, joints, tall = min(k, most), len(parts) - low, max(height(space), 4)
    crossed = [word < int(rate * 2**32 + 0.5) for word in key.stream(purpose, start).words(128)]
    lasts = range(joints - k, joints)
    draws = [integers(key, purpose, start, 32 + 32 * j, last + 1, tall) for j, last in enumerate(lasts)]
    for i in block:
        if not crossed[i - start]:
            continue
        cuts: set[int] = set()  # a uniform subset (Floyd)
        for last, drawn in zip(lasts, draws, strict=True):
            pick = low + drawn[i - start]
            cuts.add(low + last if pick in cuts else pick)
        chosen = [u for u in range(len(parts)) if sum(cut <= u for cut in cuts) % 2]
        children[i] = taken(parts, chosen, children[i], second[i])


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


def matches(first: list[int], second: list[int]) -> list[tuple[int, int]]:
    """A longest common subsequence, from the end: towards the diagonal where it costs nothing, else a match,
    else past the first's, or the second's if that costs a match."""
    n, m = len(first), len(second)
    most = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            same = most[i - 1][j - 1] + 1 if first[i - 1] == second[j - 1] else 0
            most[i][j] = max(same, most[i - 1][j], most[i][j - 1])
    found, i, j = [], n, m
    while i and j:
        left, up = most[i][j - 1] == most[i][j], most[i - 1][j] == most[i][j]
        if j > i and left:
            j -= 1
        elif i > j and up:
            i -= 1
        elif first[i - 1] == second[j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif up:
            i -= 1
        else:
            j -= 1
    return found[::-1]


Home = tuple[int, int]  # which parent (0 or 1), and its slot


def homologous(
    space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream
) -> list[int]:
    parents, swap = (first, second), parameters[0]
    from_second = bits(len(first), swap, stream)
    child = [(second if s else first)[c] for c, s in enumerate(from_second)]
    for number, r in enumerate(space.repeats):
        if r.parent >= 0:
            continue
        n, m = (space.slots(genome, number) for genome in parents)
        region = slice(r.first, r.first + r.high * r.width)
        child[region] = first[region]
        if r.length >= 0:
            child[r.length] = first[r.length]
        choice = [i for i in range(r.width) if space.genes[r.first + i].kind == "choice"]
        op = choice[0] if choice else None
        does = [
            [0 if op is None else genome[r.first + s * r.width + op] for s in range(k)]
            for genome, k in zip(parents, (n, m), strict=True)
        ]
        if does[0] == does[1]:
            pairs = [(i, i) for i in range(n)]
            stays = True
        else:
            pairs, stays = matches(*does), False
        # The runs: a matched pair, or what lies unmatched between two.
        runs: list[list[list[Home]]] = []
        chosen: list[int | None] = []
        coins = [False] * (len(pairs) + 1) if stays else bits(len(pairs) + 1, swap, stream)
        i = j = 0
        for (a, b), coin in zip([*pairs, (n, m)], coins, strict=True):
            if a > i or b > j:
                runs.append([[(0, s) for s in range(i, a)], [(1, s) for s in range(j, b)]])
                chosen.append(int(coin))
            if (a, b) != (n, m):
                runs.append([[(0, a)], [(1, b)]])
                chosen.append(None)
            i, j = a + 1, b + 1
        for k in range(len(runs) - 1, -1, -1):
            if r.low <= sum(len(run[c or 0]) for run, c in zip(runs, chosen, strict=True)) <= r.high:
                break
            chosen[k] = chosen[k] and 0
        place: dict[Home, int] = {}
        homes: list[list[Home]] = []
        for run, c in zip(runs, chosen, strict=True):
            kept = (
                [list(pair) for pair in zip(*run, strict=True)] if c is None else [[home] for home in run[c]]
            )
            for home in run[0] + run[1]:
                place[home] = len(homes) - 1
            for s, these in enumerate(kept):
                for home in these:
                    place[home] = len(homes) + s
            homes += kept
        write_homes(space, child, number, parents, homes, place, from_second, stays)
        for c in (c for of, c in space.beside if of == number):
            parent = int(from_second[c])
            child[c] = renamed(space.genes[c], child[c], (n, m)[parent], len(homes), parent, place)
    return child


def write_homes(
    space: Space, child: list[int], number: int, parents: Any, homes: list[list[Home]],
    place: dict[Home, int], from_second: list[bool], stays: bool = False,
) -> None:  # fmt: skip
    """Slots that come from these homes; a slot with two takes each gene by `from_second`."""
    r = space.repeats[number]
    for s, these in enumerate(homes):
        for offset in range(r.width):
            c = r.first + s * r.width + offset
            parent, slot = these[int(from_second[c])] if len(these) == 2 else these[0]
            value, gene = parents[parent][r.first + slot * r.width + offset], space.genes[c]
            if gene.kind == "reference" and gene.repeat == number and not stays:
                value = named(gene, value, slot, s, parent, place)
            if gene.kind == "mask" and gene.repeat == number and not stays:
                value = renamed(gene, value, slot, s, parent, place)
            child[c] = value
    if r.length >= 0:
        child[r.length] = len(homes) - r.low


def renamed(gene: Any, value: int, old: int, new: int, parent: int, place: dict[Home, int]) -> int:
    """A mask that names in the child what it named in its parent."""
    places = [place[parent, t] if t >= 0 else t for t in named_by(value, old)]
    return mask_of(places, new, gene.options)


def named(gene: Any, value: int, old: int, new: int, parent: int, place: dict[Home, int]) -> int:
    distance = value + (0 if gene.optional else 1)
    if distance == 0:
        return value
    target = max(old - distance, -gene.inputs)
    target = place[parent, target] if target >= 0 else target
    if max(new - distance, -gene.inputs) == target:
        return value
    most = gene.options - (1 if gene.optional else 0)
    return min(max(new - target, 1), most) - (0 if gene.optional else 1)


def unequal(space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream) -> list[int]:
    outer = [number for number, r in enumerate(space.repeats) if r.parent < 0]
    if not outer:
        return list(first)
    number = outer[stream.below(len(outer))]
    r = space.repeats[number]
    n, m = space.slots(first, number), space.slots(second, number)
    head = stream.below(n + 1)
    cuts = [cut for cut in range(m + 1) if r.low <= head + m - cut <= r.high]
    cut = cuts[stream.below(len(cuts))]
    end = r.first + r.high * r.width
    child = first[:end] + second[end:]
    homes = [[(0, s)] for s in range(head)] + [[(1, s)] for s in range(cut, m)]
    place = {(0, s): s for s in range(head)}
    place |= {(1, s): s - cut + head if s >= cut else head - 1 for s in range(m)}
    write_homes(space, child, number, (first, second), homes, place, [False] * len(child))
    place |= {(0, s): min(s, head - 1) for s in range(n)}
    for c in (c for of, c in space.beside if of == number):
        parent = int(c >= end)
        child[c] = renamed(space.genes[c], child[c], (n, m)[parent], len(homes), parent, place)
    return child


def power(odd: int, exponent: float) -> float:
    """(odd / 2**31) ** exponent, linear between 256 steps from a power of two to the next."""
    bit = odd.bit_length() - 1
    step, part = divmod(Fraction(odd - 2**bit, 2**bit) * 256, 1)
    low, high = ((1 + (int(step) + k) / 256) ** exponent for k in range(2))
    return float((2.0 ** (bit - 31)) ** exponent * (low + float(part) * (high - low)))


def sbx(space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream) -> list[int]:
    eta, genes = parameters
    chosen, child, left = bits(len(first), genes, stream), list(first), []
    for c, gene in enumerate(space.genes):
        if chosen[c] and not gene.ordered:
            child[c] = second[c]
        elif chosen[c] and first[c] != second[c]:
            left.append(c)
    while left:  # those that were drawn outside, again after the others
        for c in left:
            a, b = first[c], second[c]
            side, rest = divmod(stream.word(), 2**31)
            beyond, rest = divmod(rest, 2**30)
            reach = power(2 * rest + 1, (-1 if beyond else 1) / (eta + 1)) * abs(a - b)
            child[c] = math.floor((a + b + (reach if side else -reach)) / 2 + 0.5)
        left = [c for c in left if not 0 <= child[c] < space.genes[c].options]
    return child


ONE_BY_ONE: dict[str, Callable[..., list[int]]] = {
    "half_uniform": half_uniform,
    "sbx": sbx,
    "homologous": homologous,
    "unequal": unequal,
    "subgraph": subgraph,
}


def by_row(
    space: Space, children: Rows, second: Rows, operator: tuple[Any, ...], rows: list[int],
    stream: Callable[[int], Stream],
) -> None:  # fmt: skip
    """Words 0 … 127 of a block of rows say which are crossed; then comes a word a gene, row after row, or
    a bit a gene for equal weights."""
    name, rate, parameter = operator
    tall, n = height(space), len(space.genes)
    even = name == "arithmetic" and int(parameter * 2**FEW + 0.5) == 2 ** (FEW - 1)
    gene = {"blend": blend_gene, "arithmetic": arithmetic_gene}[name]
    for i in rows:
        if stream(0).words(128)[i % tall] >= int(rate * 2**32 + 0.5):
            continue
        if even:
            each = (n + 31) // 32
            words = stream(32).words((i % tall + 1) * each)[i % tall * each :]
            words = [0 if words[c // 32] >> c % 32 & 1 == 0 else 2**31 for c in range(n)]
        else:
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
        return b if (draw > 0 if weight == Fraction(1, 2) else draw < weight) else a
    return math.floor(a + weight * (b - a) + draw)
