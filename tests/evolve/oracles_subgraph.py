"""Sub-graph crossover, slow and obvious: it draws the same words in the same order."""

from __future__ import annotations

import math
from typing import Any

from oracles import Space, Stream, mask_of, named_by

WINDOW = 64
Joined = dict[int, set[int]]


def most_of(share: float, n: int) -> int:
    return max(math.ceil(share * n), 1)


def neighbours(space: Space, genome: list[int], number: int) -> Joined:
    """Each slot with those that it reads, or that read it; of a space without templates, also the next."""
    r = space.repeats[number]
    n = space.slots(genome, number)
    joined: Joined = {s: set() for s in range(n)}
    for s in range(n):
        reads = {s - 1}
        for c in range(r.first + s * r.width, r.first + (s + 1) * r.width):
            gene = space.genes[c]
            if gene.repeat != number or not holds(space, genome, c):
                continue
            if gene.kind == "reference":
                reads.add(s - genome[c] - (0 if gene.optional else 1))
        for other in reads:
            if 0 <= other < s:
                joined[s].add(other)
                joined[other].add(s)
    return joined


def holds(space: Space, genome: list[int], column: int) -> bool:
    """Whether the conditions of a column hold, whatever slot it is in."""
    return all(genome[c] in allowed and holds(space, genome, c) for c, allowed in space.genes[column].when)


def grow(joined: Joined, around: int, count: int, least: int, stream: Stream) -> list[int]:
    n = len(joined)
    low = min(max(around - WINDOW // 2, 0), max(n - WINDOW, 0))
    seen = range(low, min(low + WINDOW, n))
    part = {around}
    while len(part) < count:
        border = {other for s in part for other in joined[s] if other in seen} - part
        if not border:
            if len(part) >= least:
                break
            border = set(seen) - part
        part.add(sorted(border)[stream.below(len(border))])
    return sorted(part)


def active(space: Space, genome: list[int], number: int) -> bool:
    r = space.repeats[number]
    if r.length >= 0:
        return space.active(genome, r.length)
    return any(space.active(genome, c) for c in range(r.first, r.first + r.width))


def alike(space: Space, one: int, other: int) -> bool:
    """The same repeat, or the same one in another slot of the repeat around it."""
    a, b = space.repeats[one], space.repeats[other]
    if one == other:
        return True
    if a.parent < 0 or a.parent != b.parent or a.width != b.width:
        return False
    outer = space.repeats[a.parent].width
    return a.first - a.parent_slot * outer == b.first - b.parent_slot * outer


def subgraph(space: Space, first: list[int], second: list[int], parameters: Any, stream: Stream) -> list[int]:
    (share,) = parameters
    child = list(first)
    if not space.repeats:
        count = 1 + stream.below(most_of(share, len(first)))
        start = stream.below(len(first) - count + 1)
        child[start : start + count] = second[start : start + count]
        return child
    open_first = [k for k in range(len(space.repeats)) if active(space, first, k)]
    if not open_first:
        return child
    one = open_first[stream.below(len(open_first))]
    open_second = [k for k in range(len(space.repeats)) if alike(space, one, k) and active(space, second, k)]
    if not open_second:
        return child
    two = open_second[stream.below(len(open_second))]
    r = space.repeats[one]
    n, m = space.slots(first, one), space.slots(second, two)
    if m == 0:
        return child
    wanted = 1 + stream.below(min(most_of(share, m), WINDOW, r.high))
    given = grow(neighbours(space, second, two), stream.below(m), wanted, 1, stream)
    taken: list[int] = []
    if n:
        least = max(n + len(given) - r.high, 1)
        limit = max(least, min(n + len(given) - r.low, most_of(share, n), n, WINDOW))
        count = least + stream.below(limit - least + 1)
        taken = grow(neighbours(space, first, one), stream.below(n), count, least, stream)
    start = min(taken, default=0)
    homes = [(0, s) for s in range(start)] + [(1, s) for s in given]
    homes += [(0, s) for s in range(start, n) if s not in taken]
    place = {home: k for k, home in enumerate(homes)}
    for rank, s in enumerate(taken):
        place[0, s] = place[1, given[min(rank, len(given) - 1)]]
    for rank, s in enumerate(s for s in range(m) if s not in given):
        place[1, s] = min(rank, start - 1)
    for k, (parent, s) in enumerate(homes):
        source, number = ((first, one), (second, two))[parent]
        r_from = space.repeats[number]
        for offset in range(r.width):
            c = r.first + k * r.width + offset
            value, gene = source[r_from.first + s * r.width + offset], space.genes[c]
            if gene.kind == "reference" and gene.repeat == one:
                value = named(gene, value, s, k, {t: place[parent, t] for t in range((n, m)[parent])})
            if gene.kind == "mask" and gene.repeat == one:
                places = [place[parent, t] if t >= 0 else t for t in named_by(value, s)]
                value = mask_of(places, k, gene.options)
            child[c] = value
    for c in (c for of, c in space.beside if of == one):
        places = [place[0, t] if t >= 0 else t for t in named_by(child[c], n)]
        child[c] = mask_of(places, len(homes), space.genes[c].options)
    if r.length >= 0:
        child[r.length] = len(homes) - r.low
    return child


def named(gene: Any, value: int, old: int, new: int, place: dict[int, int]) -> int:
    """The distance of what it named, or the nearest to it that can be said."""
    distance = value + (0 if gene.optional else 1)
    if distance == 0:
        return value
    target = max(old - distance, -gene.inputs)
    target = place[target] if target >= 0 else target
    if max(new - distance, -gene.inputs) == target:
        return value
    most = gene.options - (1 if gene.optional else 0)
    return min(max(new - target, 1), most) - (0 if gene.optional else 1)
