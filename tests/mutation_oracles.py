"""Slow, obvious versions of the mutations of genes: which are found, then what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oracles import Gene, Space, Stream

WORD = 1 << 32
Rows = dict[int, list[int]]
Words = Callable[[int], "Stream"]
Hits = list[tuple[int, int]]  # rows and columns, in order
WITH_RATE = {
    "at_least_one": 1,
    "reset": 1,
    "step": 1,
    "gaussian": 2,
    "polynomial": 2,
}  # where the rate stands


def uniform(stream: Stream) -> float:
    high, low = stream.word(), stream.word()
    return ((high << 20 | low >> 12) + 0.5) / 2**52


def alias(weights: list[int]) -> tuple[list[int], list[int]]:
    """Which first bits of a word keep it in a column, and the column it goes to otherwise (Vose)."""
    column, weight = WORD // len(weights), list(weights)
    share, other = list(weights), list(range(len(weights)))
    poor = [j for j in other if weight[j] < column]
    rich = [j for j in other if weight[j] >= column]
    while poor:
        j = poor.pop()
        other[j] = rich[-1]
        weight[rich[-1]] -= column - weight[j]
        if weight[rich[-1]] < column:
            poor.append(rich.pop())
        share[j] = weight[j]
    for j in rich:
        share[j] = column
    return share, other


class Gaps:
    """Genes passed over before the next hit: geometric, 255 standing for more; by an alias table."""

    def __init__(self, rate: float) -> None:
        tails = [1.0]
        while len(tails) < 256:
            tails.append(tails[-1] * (1.0 - rate))
        left = [int(tail * WORD + 0.5) for tail in tails]
        self.share, self.other = alias([a - b for a, b in zip(left, [*left[1:], 0], strict=True)])

    def next(self, stream: Stream, limit: int) -> int:
        gone = 0
        while True:
            high, j = divmod(stream.word(), 256)
            gap = j if high < self.share[j] else self.other[j]
            if gap < 255 or gone + 255 >= limit:
                return gone + gap
            gone += 255

    def hits(self, stream: Stream, total: int, at: int = -1) -> list[int]:
        """Of 0 ... total - 1, those after `at`."""
        found = []
        while total and (at := at + 1) < total:
            at += self.next(stream, total - at)
            found += [at] * (at < total)
        return found


def subset(n: int, count: int, stream: Stream) -> list[int]:
    chosen: list[int] = []
    for last in range(n - count, n):
        pick = stream.below(last + 1)
        chosen.append(last if pick in chosen else pick)
    return chosen


def binomial(n: int, p: float, u: float) -> int:
    at_most, count = 0.0, 0
    for j in range(n):
        at_most += math.comb(n, j) * p**j * (1 - p) ** (n - j)
        count += u >= at_most
    return count


def pick(weights: list[float], u: float) -> int:
    place, end = u * sum(weights), 0.0
    for k, weight in enumerate(weights):
        end += weight
        if place < end:
            return k
    return len(weights) - 1


def at_rate(genes: list[int], rate: float, stream: Stream) -> list[int]:
    """Each with one probability: of 256 at a time, how many, then which."""
    found = []
    for start in range(0, len(genes), 256):
        part, u = genes[start : start + 256], uniform(stream)
        count = binomial(len(part), rate, u) if rate <= 0.5 else len(part) - binomial(len(part), 1 - rate, u)
        found += [part[place] for place in subset(len(part), count, stream)]
    return found


def find(space: Space, rows: Rows, operator: tuple[Any, ...], words: Words, rates: Any) -> Hits:
    """Of the rows of a block, whose words from a place on `words` gives; `rates` are replaced."""
    name, stream = operator[0], words(0)
    if name == "per_gene":
        return per_gene(space, rows, operator[1], words)
    rate = operator[WITH_RATE[name]] if name in WITH_RATE else None
    if rate is None and name in WITH_RATE and not space.conditional and space.most:
        rate = 1 / space.most
    if rate is not None:
        columns = [c for c, gene in enumerate(space.genes) if gene.options > 1]
        hits = along(space, rows, columns, Gaps(rate).hits(stream, len(rows) * len(columns))) if rate else []
        if name == "at_least_one":
            second = words(2**23)
            for i in [i for i in rows if i not in dict(hits)]:
                hits += [(i, c) for c in first_and_more(space.changeable(rows[i]), rate, second)]
        return hits
    if name == "self_adaptive":
        normal, second = NormalDist(), words(2**23)
        steps = {i: math.exp(-operator[1] * normal.inv_cdf(uniform(second))) for i in rows}
    hits = []
    for i, genome in rows.items():
        genes = space.changeable(genome)
        if name == "operation":
            genes = [c for c in genes if c in space.operations]
        if not genes:
            continue
        if name == "self_adaptive":
            rates[i] = adapted(rates[i], steps[i], operator, len(genes))
            found = at_rate(genes, rates[i], stream)
        else:
            found = of_one(space, genes, operator, stream)
        hits += [(i, c) for c in found]
    return hits


def along(space: Space, rows: Rows, columns: list[int], places: list[int]) -> Hits:
    """Places along the columns of one row after the other; without those that aren't active."""
    numbers = list(rows)
    hits = [(numbers[at // len(columns)], columns[at % len(columns)]) for at in places]
    return [(i, c) for i, c in hits if space.active(rows[i], c)]


def of_one(space: Space, genes: list[int], operator: tuple[Any, ...], stream: Stream) -> list[int]:
    name, k = operator[0], len(genes)
    if name == "operation":
        return [genes[place] for place in subset(k, 1, stream)] if stream.chance(operator[1]) else []
    if name in ("point", "exact"):
        count = 1 if name == "point" else operator[1]
        return genes if count >= k else [genes[place] for place in subset(k, count, stream)]
    if name == "heavy_tailed":
        means = list(range(1, max(k // 2, 1) + 1))
        weights = [a ** -operator[1] for a in means]
        u = uniform(stream)
        if not space.conditional and k <= 256:
            chances = [
                sum(
                    w * math.comb(k, j) * (a / k) ** j * (1 - a / k) ** (k - j)
                    for a, w in zip(means, weights, strict=True)
                )
                for j in range(k)
            ]
            count = sum(u < 1 - sum(chances[: c + 1]) / sum(weights) for c in range(k))
            return [genes[place] for place in subset(k, count, stream)]
        mean = means[pick(weights, u)]
        return at_rate(genes, mean / k, stream)
    word, tails = stream.word(), [0.0]
    for j in range(min(k, 16)):
        tails.append(tails[-1] + math.comb(k, j) * (1 / k) ** j * (1 - 1 / k) ** (k - j))
    if name == "at_least_one":
        none = int(tails[1] * WORD)
        word = none + word * (WORD - none) // WORD
    count = sum(word >= tail * WORD for tail in tails[1:])
    return [genes[place] for place in subset(k, count, stream)]


def first_and_more(genes: list[int], rate: float, stream: Stream) -> list[int]:
    if not genes:
        return []
    first = pick([(1 - rate) ** j for j in range(len(genes))], uniform(stream))
    return [genes[place] for place in [first, *Gaps(rate).hits(stream, len(genes), first)]]


def adapted(rate: float, step: float, operator: tuple[Any, ...], k: int) -> float:
    low = 1 / k if operator[2] is None else operator[2]

    def bounded(p: float) -> float:
        return min(low if math.isnan(p) else max(p, low), operator[3])

    p = bounded(rate)
    return bounded(0.0 if p == 0 else 1 / (1 + (1 - p) / p * step))


def per_gene(space: Space, rows: Rows, rates: float | tuple[float, ...], words: Words) -> Hits:
    rate = dict(enumerate(rates if isinstance(rates, tuple) else [rates] * len(space.genes)))
    hits = []
    for k in range(33):
        low, high = (0.0 if k == 32 else 0.5 ** (k + 1)), 0.5**k
        columns = [c for c, gene in enumerate(space.genes) if gene.options > 1 and low < rate[c] <= high]
        if not columns:
            continue
        most, stream = max(rate[c] for c in columns), words(2**25 + k * 2**18)
        for at in Gaps(most).hits(words(k * 2**18), len(rows) * len(columns)):
            c = columns[at % len(columns)]
            if stream.chance(rate[c] / most):
                hits.append((list(rows)[at // len(columns)], c))
    if not space.conditional:
        return hits
    return sorted((i, c) for i, c in hits if space.active(rows[i], c))


def change(
    space: Space,
    genomes: list[list[int]],
    operator: tuple[Any, ...],
    hits: Hits,
    values: Stream,
    again: Stream,
) -> None:
    each = 1
    if operator[0] in CHANCES:
        moved = [gene for gene in space.genes if gene.ordered and gene.options > 1]
        each = 1 if all(tabled(gene, operator) for gene in moved) else 2
    for i, c in hits:
        gene, old = space.genes[c], genomes[i][c]
        words = [values.word() for _ in range(each)]
        if CHANCES.get(operator[0]) and tabled(gene, operator):
            genomes[i][c] = by_alias(CHANCES[operator[0]](gene, old, operator[1]), words[0])
        elif operator[0] == "gaussian" and gene.ordered:
            genomes[i][c] = gaussian(gene, old, operator[1], words, again)
        elif operator[0] == "polynomial" and gene.ordered:
            genomes[i][c] = polynomial(gene, old, operator[1], words)
        else:
            reach = operator[2] if operator[0] == "step" and gene.ordered else gene.options
            others = [v for v in range(gene.options) if v != old and abs(v - old) <= reach]
            place, low = divmod(words[0] * len(others), WORD)
            genomes[i][c] = others[place if low >= WORD % len(others) else again.below(len(others))]


def tabled(gene: Gene, operator: tuple[Any, ...]) -> bool:
    """Of few options it is tabulated what becomes of each."""
    steps = 9 * operator[1] * (gene.options - 1) if operator[0] == "gaussian" else 0
    return gene.ordered and gene.options <= 32 and steps <= 64


def by_alias(chances: list[float], word: int) -> int:
    bits = (len(chances) - 1).bit_length()
    ends = [int(sum(chances[: v + 1]) / sum(chances) * WORD + 0.5) for v in range(len(chances))]
    share = [b - a for a, b in zip([0, *ends], ends, strict=False)]
    share += [0] * (2**bits - len(share))
    share, other = alias(share)
    high, option = divmod(word, 2**bits)
    return option if high < share[option] else other[option]


def gaussian_chances(gene: Gene, old: int, sigma: float) -> list[float]:
    sigma *= gene.options - 1
    chances, n = [0.0] * gene.options, gene.options
    for step in range(-200, 201):
        ends = [(abs(step) - 0.5), (abs(step) + 0.5)]
        if sigma > 0.07:
            near, far = (math.erfc(end / sigma / math.sqrt(2)) for end in ends)
        else:
            near, far = float(abs(step) == 1), 0.0
        place = (old + step) % (2 * n)
        chances[min(place, 2 * n - 1 - place)] += near - far
    return [chance * (v != old) for v, chance in enumerate(chances)]


def polynomial_chances(gene: Gene, old: int, eta: float) -> list[float]:
    powers = [(1 - (i + 0.5) / gene.options) ** (eta + 1) for i in range(gene.options)]

    def chance(v: int) -> float:
        step, end = abs(v - old), old if v < old else gene.options - 1 - old
        return (powers[step - 1] - powers[step]) / (1 - powers[end]) if step else 0.0

    return [chance(v) for v in range(gene.options)]


CHANCES = {"gaussian": gaussian_chances, "polynomial": polynomial_chances}


def gaussian(gene: Gene, old: int, sigma: float, words: list[int], again: Stream) -> int:
    sigma *= gene.options - 1
    while True:
        u = ((words[0] << 20 | words[1] >> 12) + 0.5) / 2**52
        step = 1
        if sigma > 0.07:  # where less, two options would be more than 20 standard deviations
            tail = 0.5 * math.erfc(0.5 / sigma / math.sqrt(2))
            step = max(int(0.5 - NormalDist().inv_cdf(tail * u) * sigma), 1)
        place = old + step if words[1] % 2 else old - step
        while not 0 <= place < gene.options:
            place = -1 - place if place < 0 else 2 * gene.options - 1 - place
        if place != old:
            return place
        words = [again.word(), again.word()]


def polynomial(gene: Gene, old: int, eta: float, words: list[int]) -> int:
    def power(i: int) -> float:
        return (1 - (i + 0.5) / gene.options) ** (eta + 1)

    u = ((words[0] << 20 | words[1] >> 12) + 0.5) / 2**52
    room = [old, gene.options - 1 - old]
    side = [(power(0) - power(end)) / (1 - power(end)) for end in room]
    place = u * sum(side)
    up = int(place >= side[0])
    share = (place - side[0] * up) / side[up]
    inside = power(room[up]) + share * (power(0) - power(room[up]))
    step = min(max(int((1 - inside ** (1 / (eta + 1))) * gene.options + 0.5), 1), room[up])
    return old + step if up else old - step
