"""Slow, obvious versions of what the native core does fast. They share no code with it.

The numbers of the generator, and the order in which they are used, are part of what is promised, so these
give the same genomes, bit by bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

import mutation_oracles
from core.words import KINDS, Words

WORD = 1 << 32
SAMPLE, SAMPLE_AGAIN, SELECT, CROSS, MUTATE = 0, 1, 2, 0x100, 0x200
AGAIN, CHOOSE, TRY = 0x10000, 0x20000, 0x40000  # added to a purpose


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-7, from the paper (Salmon et al., SC 2011)."""
    for _ in range(7):
        left, right = divmod(0xD2511F53 * counter[0], WORD), divmod(0xCD9E8D57 * counter[2], WORD)
        counter = [right[0] ^ counter[1] ^ key[0], right[1], left[0] ^ counter[3] ^ key[1], left[1]]
        key = [(key[0] + 0x9E3779B9) % WORD, (key[1] + 0xBB67AE85) % WORD]
    return counter


def splitmix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@dataclass(frozen=True)
class Key:
    seed: int
    run: int = 0
    generation: int = 0

    def stream(self, purpose: int, individual: int, block: int = 0) -> Stream:
        """The words of an individual for a purpose, from a block of four on."""
        high, low = divmod(splitmix((splitmix(self.seed) + self.run) % 2**64), WORD)
        return Stream([low, high], [block, purpose, individual, self.generation])


class Stream:
    def __init__(self, key: list[int], counter: list[int]) -> None:
        self.key, self.counter, self.left = key, counter, list[int]()

    def word(self) -> int:
        if not self.left:
            self.left = philox(self.counter, self.key)
            self.counter[0] += 1
        return self.left.pop(0)

    def words(self, count: int) -> list[int]:
        return [self.word() for _ in range(count)]

    def below(self, bound: int) -> int:
        while True:
            value, low = divmod(self.word() * bound, WORD)
            if low >= WORD % bound:
                return value

    def chance(self, probability: float) -> bool:
        return self.word() < int(probability * WORD + 0.5)


@dataclass(frozen=True)
class Gene:
    kind: str
    options: int
    repeat: int
    slot: int
    inputs: int
    optional: bool
    when: tuple[tuple[int, frozenset[int]], ...]

    @property
    def ordered(self) -> bool:
        return self.kind in ("int", "float", "length")


@dataclass(frozen=True)
class Slots:
    length: int
    low: int
    high: int
    first: int
    width: int
    parent: int
    parent_slot: int
    edges: int = 0


class Space:
    """What a record of layout words says, as objects."""

    def __init__(self, words: Words) -> None:
        self.layout = words.layout()
        self.genes = [self._gene(list(column)) for column in words.columns]
        self.repeats = [Slots(*repeat) for repeat in words.repeats]
        self.beside = [(of, column) for column, of, *_ in words.masks if self.genes[column].repeat != of]
        self.operations = words.operations

    @staticmethod
    def _gene(column: list[int]) -> Gene:
        kind, options, repeat, slot, inputs, optional, conditions = column[:7]
        rest, when = column[7:], []
        for _ in range(conditions):
            when.append((rest[0], frozenset(rest[2 : 2 + rest[1]])))
            rest = rest[2 + rest[1] :]
        name = {code: name for name, code in KINDS.items()}[kind]
        return Gene(name, options, repeat, slot, inputs, bool(optional), tuple(when))

    def slots(self, genome: list[int], repeat: int) -> int:
        r = self.repeats[repeat]
        return r.low if r.length < 0 else r.low + genome[r.length]

    def active(self, genome: list[int], column: int) -> bool:
        gene = self.genes[column]
        repeat, slot = gene.repeat, gene.slot
        while repeat >= 0:
            r = self.repeats[repeat]
            if r.length >= 0 and not self.active(genome, r.length):
                return False
            if slot >= self.slots(genome, repeat):
                return False
            repeat, slot = r.parent, r.parent_slot
        return all(self.active(genome, c) and genome[c] in allowed for c, allowed in gene.when)

    @property
    def most(self) -> int:
        return sum(gene.options > 1 for gene in self.genes)

    @property
    def conditional(self) -> bool:
        """Some gene takes part in some genomes only."""

        def slots_stay(gene: Gene) -> bool:
            repeat, slot = gene.repeat, gene.slot
            while repeat >= 0:
                r = self.repeats[repeat]
                if slot >= r.low:
                    return False
                repeat, slot = r.parent, r.parent_slot
            return True

        return not all(slots_stay(gene) and not gene.when for gene in self.genes if gene.options > 1)

    def changeable(self, genome: list[int]) -> list[int]:
        return [c for c in range(len(genome)) if self.active(genome, c) and self.genes[c].options > 1]


def sample(space: Space, n: int, key: Key) -> list[list[int]]:
    genomes = []
    narrow = space.layout.dtype == np.uint8
    for i in range(n):
        stream, again = key.stream(SAMPLE, i), key.stream(SAMPLE_AGAIN, i)
        draws: list[int] = []
        while len(draws) < len(space.genes):
            word = stream.word()
            draws += [word % 2**16, word >> 16] if narrow else [word]
        size = 2**16 if narrow else WORD
        genome = []
        for gene, draw in zip(space.genes, draws, strict=False):
            value, low = divmod(draw * gene.options, size)
            genome.append(value if low >= size % gene.options else again.below(gene.options))
        genomes.append(genome)
    return genomes


def integers(key: Key, purpose: int, individual: int, block: int, bound: int, count: int) -> list[int]:
    """`count` integers below `bound`; those whose word is refused come from a stream of their own."""
    stream, again = key.stream(purpose, individual, block), key.stream(purpose + AGAIN, individual, block)
    values = []
    for _ in range(count):
        value, low = divmod(stream.word() * bound, WORD)
        values.append(value if low >= WORD % bound else again.below(bound))
    return values


def three_integers(key: Key, individual: int, block: int, bound: int, count: int) -> list[list[int]]:
    """Three integers from the 64 bits of words i and count + i: the digits of a fraction to base `bound`."""
    words = key.stream(SELECT, individual, block).words(2 * count)
    again = key.stream(SELECT + AGAIN, individual, block)
    draws: list[list[int]] = [[], [], []]
    for high, low in zip(words[:count], words[count:], strict=True):
        while True:
            digits, rest = divmod((high * WORD + low) * bound**3, WORD**2)
            if rest >= WORD**2 % bound**3:
                break
            high, low = again.word(), again.word()
        for place in range(3):
            draws[place].append(digits // bound ** (2 - place) % bound)
    return draws


def draws_of_group(source: Key, group: int, size: int, population: int) -> list[list[int]]:
    """Six draws are made at a time, three of them together if the population is small enough."""
    draws: list[list[int]] = []
    while len(draws) < size:
        d = len(draws)
        if population <= 2**19 and d + 3 <= min(size, d - d % 6 + 6):
            draws += three_integers(source, group, 64 * d, population, 256)
        else:
            draws.append(integers(source, SELECT, group, 64 * d, population, 256))
    return draws


def tournament(key: Any, n: int, size: int, source: Key) -> list[int]:
    """Of 256 winners each, draw d of all is made before draw d + 1 of any."""
    cost = [math.inf if math.isnan(value) else value for value in key]
    winners: list[int] = []
    for group in range((n + 255) // 256):
        draws = draws_of_group(source, group, size, len(cost))
        winners += [min(drawn, key=cost.__getitem__) for drawn in zip(*draws, strict=True)]
    return winners[:n]


def height(space: Space) -> int:
    """Rows of a block: as many as take 256 KiB, a power of two up to 128."""
    row = space.layout.dtype.itemsize * max(len(space.genes), 1)
    rows = 1
    while 2 * rows * row <= 2**18 and rows < 128:
        rows *= 2
    return rows


def choices(weights: tuple[float, ...], purpose: int, n: int, key: Key) -> list[int]:
    ends = [int(end / sum(weights) * WORD + 0.5) for end in np.cumsum(weights)]
    return [
        next(k for k, end in enumerate(ends) if word < end or end >= WORD)
        for word in (key.stream(purpose + CHOOSE, i).word() for i in range(n))
    ]


def mixed(operator: tuple[Any, ...], purpose: int, n: int, key: Key) -> list[tuple[Any, int, list[int]]]:
    """Members of a mixture (or the operator alone), their purposes and the rows that each gets."""
    if operator[0] != "mixture":
        return [(operator, purpose, list(range(n)))]
    chosen = choices(operator[2], purpose, n, key)
    return [(m, purpose + k, [i for i in range(n) if chosen[i] == k]) for k, m in enumerate(operator[1])]


def units(space: Space, by: str) -> list[list[int]]:
    """Columns that stay together."""
    if by == "gene":
        return [[c] for c in range(len(space.genes))]
    together: dict[Any, list[int]] = {}
    for c in range(len(space.genes)):
        name: Any = c
        for number, r in enumerate(space.repeats):
            if r.parent < 0 and r.first <= c < r.first + r.high * r.width:
                name = (number, (c - r.first) // r.width)
        together.setdefault(name, []).append(c)
    return list(together.values())


Rows = list[list[int]]


def crossover(space: Space, first: Rows, second: Rows, operator: tuple[Any, ...], key: Key) -> Rows:
    from evolve.oracles_crossover import cross_rows

    children = [list(genome) for genome in first]
    for member, purpose, rows in mixed(operator, CROSS, len(first), key):
        name, *parameters = member
        if name == "none":
            continue
        if name != "uniform":
            cross_rows(space, children, second, member, purpose, rows, key)
            continue
        parts = units(space, parameters[-1])
        for i in rows:
            if parameters[-1] == "gene":
                swapped = gene_swaps(space, parameters, i, purpose, key)
            else:
                swapped = slot_swaps(parameters, len(parts), key.stream(purpose, i))
            for u in swapped:
                for c in parts[u]:
                    children[i][c] = second[i][c]
    return children


def slot_swaps(parameters: list[Any], n: int, stream: Stream) -> list[int]:
    if not stream.chance(parameters[0]):
        return []
    return [u for u in range(n) if stream.chance(parameters[1])]


def gene_swaps(space: Space, parameters: list[Any], i: int, purpose: int, key: Key) -> list[int]:
    """Words 0 … 127 of a block of rows say which are crossed; then a bit or a byte a gene, row after row."""
    rate, swap, _ = parameters
    n, rows = len(space.genes), height(space)
    first, row = i - i % rows, i % rows
    crossed = [key.stream(purpose, first).words(128)[row]]
    if crossed[0] >= int(rate * WORD + 0.5):
        return []
    if swap == 0.5:
        per_row = (n + 31) // 32
        words = key.stream(purpose, first, 32).words((row + 1) * per_row)[row * per_row :]
        return [c for c in range(n) if words[c // 32] >> c % 32 & 1]
    blocks = ((n + 3) // 4 + 3) // 4
    words = key.stream(purpose, first, 32 + row * blocks).words(4 * blocks)
    again, threshold = key.stream(purpose + AGAIN, i), int(swap * WORD + 0.5)

    def swapped(byte: int) -> bool:
        if byte != threshold >> 24:
            return byte < threshold >> 24
        return again.word() < threshold % 2**24 << 8

    return [c for c in range(n) if swapped(words[c // 4] >> 8 * (c % 4) & 0xFF)]


def gene_mutation(
    space: Space, genomes: Rows, operator: tuple[Any, ...], purpose: int, rows: list[int], key: Key,
    rates: list[float] | None = None,
) -> None:  # fmt: skip
    """In a block of rows all genes are found first; the new values have words of their own."""
    tall = height(space)
    for first in range(0, len(genomes), tall):
        block = {i: genomes[i] for i in rows if first <= i < first + tall}
        if block:
            words = partial(key.stream, purpose, first)
            hits = mutation_oracles.find(space, block, operator, words, rates)
            values, again = words(2**24), key.stream(purpose + AGAIN, first)
            mutation_oracles.change(space, genomes, operator, hits, values, again)


def mutate(
    space: Space, genomes: Rows, operators: list[tuple[Any, ...]], key: Key, rates: list[float] | None = None
) -> Rows:
    genomes = [list(genome) for genome in genomes]
    place = MUTATE
    for operator in operators:
        mutate_rows(space, genomes, operator, place, key, rates)
        inner = operator[1] if operator[0] == "new_network" else operator
        place += len(inner[1]) if inner[0] == "mixture" else 1
    return genomes


def mutate_rows(
    space: Space, genomes: Rows, operator: tuple[Any, ...], place: int, key: Key,
    rates: list[float] | None = None,
) -> None:  # fmt: skip
    for member, purpose, rows in mixed(operator, place, len(genomes), key):
        if member[0] == "new_network":
            for i in rows:
                genomes[i] = new_network(space, genomes[i], member, purpose, i, key)
        elif member[0] == "structural":
            tall = height(space)
            streams = {first: key.stream(purpose, first) for first in range(0, len(genomes), tall)}
            for i in rows:
                genomes[i] = structural_mutation(space, genomes[i], member, streams[i - i % tall])
        else:
            gene_mutation(space, genomes, member, purpose, rows, key, rates)


@dataclass(frozen=True)
class OneRow(Key):
    """The streams of one row alone."""

    row: int = 0

    def stream(self, purpose: int, individual: int, block: int = 0) -> Stream:
        return super().stream(purpose, individual + self.row, block)


def new_network(
    space: Space, genome: list[int], operator: tuple[Any, ...], purpose: int, row: int, key: Key
) -> list[int]:
    """In a space without templates, whose networks are its normal forms."""
    inner, rate, tries = operator[1:]
    stream = key.stream(purpose, row)
    if not stream.chance(rate):
        return genome
    mutants = neighbours(space, genome, inner)
    if mutants is None or len(mutants) > 4096:
        mutants = []
        for t in range(1, tries + 1):
            mutant = [list(genome)]
            own = OneRow(key.seed, key.run, key.generation, row)
            mutate_rows(space, mutant, inner, purpose + t * TRY, own)
            mutants += mutant
    networks: dict[tuple[int, ...], Rows] = {}
    for mutant in mutants:
        networks.setdefault(normal(space, mutant), []).append(mutant)
    networks.pop(normal(space, genome), None)
    if not networks:
        return genome
    chosen = list(networks.values())[stream.below(len(networks))]
    return chosen[stream.below(len(chosen))]


def normal(space: Space, genome: list[int]) -> tuple[int, ...]:
    return tuple(value if space.active(genome, c) else 0 for c, value in enumerate(genome))


def neighbours(space: Space, genome: list[int], operator: tuple[Any, ...]) -> Rows | None:
    """All that an operator can make of a genome, if it gives one gene any other option."""
    rewires = operator[0] == "structural" and operator[6] > 0 and not any(operator[2:6] + operator[7:])
    if operator not in (("point",), ("exact", 1)) and operator[0] != "operation" and not rewires:
        return None
    columns = space.changeable(genome)
    if operator[0] == "operation":
        columns = [c for c in columns if c in space.operations]
    if rewires:
        columns = [c for c in columns if space.genes[c].kind == "reference"]
    values = [(c, v) for c in columns for v in range(space.genes[c].options) if v != genome[c]]
    return [[*genome[:c], v, *genome[c + 1 :]] for c, v in values]


def breed(
    space: Space, genomes: Rows, key: Any, n: int, selection: tuple[Any, ...],
    crossing: tuple[Any, ...], mutation: list[tuple[Any, ...]], source: Key,
) -> Rows:  # fmt: skip
    each = 1 if crossing[0] == "none" else 2
    winners = tournament(key, each * n, selection[1], source)
    first, second = ([genomes[w] for w in winners[k::each]] for k in (0, each - 1))
    return mutate(space, crossover(space, first, second, crossing, source), mutation, source)


@dataclass(eq=False)
class Slot:
    """Its genes, what each reference names (a Slot, or an input below 0), and how far back (0: nothing)."""

    genes: list[int]
    targets: dict[int, Any]
    distances: dict[int, int]
    sets: dict[int, list[Any]] = field(default_factory=dict)  # what masks name

    def copy(self) -> Slot:
        return Slot(list(self.genes), dict(self.targets), dict(self.distances), dict(self.sets))


def named_by(mask: int, place: int) -> list[int]:
    return [place - 1 - b for b in range(mask.bit_length()) if mask >> b & 1]


def mask_of(places: list[int], place: int, options: int) -> int:
    """The mask that names these; what can't be named is left out."""
    bits = {place - p - 1 for p in places}
    return sum(1 << b for b in bits if b >= 0 and 2 << b <= options)


def read_ends(space: Space, genome: list[int], number: int, chain: list[Slot]) -> dict[int, list[Any]]:
    """What the masks beside a repeat name, by column."""
    return {
        c: [chain[p] if p >= 0 else p for p in named_by(genome[c], len(chain))]
        for of, c in space.beside
        if of == number
    }


def write_ends(space: Space, genome: list[int], ends: dict[int, list[Any]], chain: list[Slot]) -> None:
    for c, named in ends.items():
        places = [t if isinstance(t, int) else chain.index(t) for t in named]
        genome[c] = mask_of(places, len(chain), space.genes[c].options)


def read_slots(space: Space, genome: list[int], number: int) -> list[Slot]:
    r, chain = space.repeats[number], []
    for s in range(space.slots(genome, number)):
        start = r.first + s * r.width
        slot = Slot(genome[start : start + r.width], {}, {})
        for offset in range(r.width):
            gene = space.genes[start + offset]
            if gene.kind == "mask" and gene.repeat == number:
                named = named_by(genome[start + offset], s)
                slot.sets[offset] = [chain[p] if p >= 0 else p for p in named]
            if gene.kind != "reference" or gene.repeat != number:
                continue
            distance = genome[start + offset] + (0 if gene.optional else 1)
            target = max(s - distance, -gene.inputs)
            slot.distances[offset] = distance
            slot.targets[offset] = None if distance == 0 else chain[target] if target >= 0 else target
        chain.append(slot)
    return chain


def write_slots(space: Space, genome: list[int], number: int, chain: list[Slot]) -> None:
    """References that don't name their target any more get the value that names it, or the nearest to it."""
    r = space.repeats[number]
    for s, slot in enumerate(chain):
        start = r.first + s * r.width
        genome[start : start + r.width] = slot.genes
        for offset, named in slot.sets.items():
            places = [t if isinstance(t, int) else chain.index(t) for t in named]
            genome[start + offset] = mask_of(places, s, space.genes[start + offset].options)
        for offset, target in slot.targets.items():
            gene = space.genes[start + offset]
            if target is None:
                continue
            place = target if isinstance(target, int) else chain.index(target)
            if max(s - slot.distances[offset], -gene.inputs) == place:
                continue
            reach = gene.options - (1 if gene.optional else 0)
            genome[start + offset] = min(max(s - place, 1), reach) - (0 if gene.optional else 1)
    if r.length >= 0:
        genome[r.length] = len(chain) - r.low


def possible_changes(space: Space, genome: list[int], number: int) -> dict[str, bool]:
    r, length = space.repeats[number], space.slots(genome, number)
    return {
        "insert": length < r.high,
        "delete": length > r.low,
        "duplicate": 0 < length < r.high,
        "move": length > 1,
        "rewire": bool(rewirable(space, genome, number)),
        "swap": length > 1,
        "split": 0 < length < r.high,
        "merge": length > max(r.low, 1),
        "splice": length < r.high,
        "bypass": length > r.low,
    }


def rewirable(space: Space, genome: list[int], number: int) -> list[int]:
    def fits(c: int) -> bool:
        gene = space.genes[c]
        return (
            gene.kind == "reference"
            and gene.repeat == number
            and gene.options > 1
            and space.active(genome, c)
        )

    return [c for c in range(len(genome)) if fits(c)]


def active_repeats(space: Space, genome: list[int]) -> list[int]:
    def active(number: int) -> bool:
        r = space.repeats[number]
        columns = [r.length] if r.length >= 0 else range(r.first, r.first + r.width)
        return any(space.active(genome, c) for c in columns)

    return [number for number in range(len(space.repeats)) if active(number)]


def structural_mutation(
    space: Space, genome: list[int], operator: tuple[Any, ...], stream: Stream
) -> list[int]:
    genome = list(genome)
    if not space.repeats or not stream.chance(operator[1]):
        return genome
    active = active_repeats(space, genome)
    if not active:
        return genome
    number = active[stream.below(len(active))]
    largest = max(operator[2:]) or 1
    names = tuple(possible_changes(space, genome, number))
    possible = possible_changes(space, genome, number)
    weights = {
        n: int(w / largest * 2**24 + 0.5) * possible[n] for n, w in zip(names, operator[2:], strict=True)
    }
    if sum(weights.values()) == 0:
        return genome
    pick = stream.below(sum(weights.values()))
    ends = np.cumsum(list(weights.values()))
    name = names[int(np.searchsorted(ends, pick, side="right"))]
    apply_change(space, genome, number, name, stream)
    return genome


def apply_change(space: Space, genome: list[int], number: int, name: str, stream: Stream) -> None:
    if name == "rewire":
        columns = rewirable(space, genome, number)
        c = columns[stream.below(len(columns))]
        others = [v for v in range(space.genes[c].options) if v != genome[c]]
        genome[c] = others[stream.below(len(others))]
        return
    r, chain = space.repeats[number], read_slots(space, genome, number)
    ends = read_ends(space, genome, number, chain)
    if name in ("splice", "bypass"):
        change = splice if name == "splice" else bypass
        write_slots(space, genome, number, change(space, genome, number, chain, stream))
        return
    at = stream.below(len(chain) + {"insert": 1, "merge": -1}.get(name, 0))
    options = [gene.options for gene in space.genes[r.first + at * r.width :][: r.width]]
    if name == "insert":
        chain.insert(at, Slot([stream.below(n) for n in options], {}, {}, {}))
    elif name == "duplicate":
        chain.insert(at + 1, chain[at].copy())
    elif name == "move":
        to = stream.below(len(chain) - 1)
        chain.insert(to + (to >= at), chain.pop(at))
    elif name == "swap":
        other = stream.below(len(chain) - 1)
        other += other >= at
        chain[at], chain[other] = chain[other], chain[at]
    elif name == "split":
        chain.insert(at + 1, chain[at].copy())
        for offset, second in enumerate(coins(r.width, stream)):
            fresh = chain[at] if second else chain[at + 1]
            fresh.genes[offset] = stream.below(options[offset])
            fresh.targets.pop(offset, None)
            fresh.sets.pop(offset, None)
    elif name == "merge":
        for offset, second in enumerate(coins(r.width, stream)):
            if second:
                for part in ("genes", "targets", "distances"):
                    if part == "genes" or offset in chain[at + 1].targets:
                        getattr(chain[at], part)[offset] = getattr(chain[at + 1], part)[offset]
                if offset in chain[at + 1].sets:
                    chain[at].sets[offset] = chain[at + 1].sets[offset]
        forget(chain, ends, at + 1, chain[at])
    else:
        forget(chain, ends, at, chain[at - 1] if at > 0 else -1)
    write_slots(space, genome, number, chain)
    write_ends(space, genome, ends, chain)


def reads(space: Space, genome: list[int], number: int, s: int) -> list[int]:
    """The offsets of the references by which a slot reads anything."""
    r, found = space.repeats[number], []
    for offset in range(r.width):
        c = r.first + s * r.width + offset
        gene = space.genes[c]
        none = gene.optional and genome[c] == 0
        if gene.kind == "reference" and gene.repeat == number and space.active(genome, c) and not none:
            found.append(offset)
    return found


def splice(space: Space, genome: list[int], number: int, chain: list[Slot], stream: Stream) -> list[Slot]:
    """A fresh slot in an edge; in a space without templates each slot reads the one before it."""
    r, edges = space.repeats[number], []
    for s in range(len(chain)):
        edges += [(s, None), *[(s, offset) for offset in reads(space, genome, number, s)]]
    edges.append((len(chain), None))
    s, by = edges[stream.below(len(edges))]
    options = [gene.options for gene in space.genes[r.first + s * r.width :][: r.width]]
    fresh = Slot([stream.below(n) for n in options], {}, {}, {})
    if by is not None:
        reader = chain[s]
        gates, left = set(), [r.first + s * r.width + by]
        while left:
            when = space.genes[left.pop()].when
            gates |= {c for c, _ in when}
            left += [c for c, _ in when]
        for c in gates:
            if 0 <= c - r.first - s * r.width < r.width:
                fresh.genes[c - r.first - s * r.width] = reader.genes[c - r.first - s * r.width]
        fresh.genes[by] = reader.genes[by]
        reader.targets[by] = fresh
        reader.distances[by] = -(10**6)  # no value that it had names it
    return [*chain[:s], fresh, *chain[s:]]


def bypass(space: Space, genome: list[int], number: int, chain: list[Slot], stream: Stream) -> list[Slot]:
    at = stream.below(len(chain))
    gone, before = chain[at], chain[at - 1] if at > 0 else -1
    by = reads(space, genome, number, at)
    left = [slot for slot in chain if slot is not gone]
    for slot in left:
        for offset, target in slot.targets.items():
            if target is gone:
                slot.targets[offset] = gone.targets[offset] if offset in by else before
    return left


def coins(count: int, stream: Stream) -> list[bool]:
    words = stream.words((count + 31) // 32)
    return [words[i // 32] >> i % 32 & 1 == 1 for i in range(count)]


def forget(chain: list[Slot], ends: dict[int, list[Any]], at: int, instead: Any) -> None:
    gone = chain.pop(at)
    for sets in [ends, *(slot.sets for slot in chain)]:
        for key, named in sets.items():
            sets[key] = [instead if target is gone else target for target in named]
    for slot in chain:
        for offset, target in slot.targets.items():
            if target is gone:
                slot.targets[offset] = instead


def nondominated_rank(cost: np.ndarray[Any, Any], stop: int = 0) -> list[int]:
    """Fronts peeled off one after the other."""
    finite = [i for i in range(len(cost)) if np.isfinite(cost[i]).all()]
    nowhere_worse = (cost[:, None] <= cost[None]).all(2)
    dominates = nowhere_worse & ~nowhere_worse.T
    rank, front, left = [-1] * len(cost), 0, finite
    while left and (stop == 0 or len(finite) - len(left) < stop):
        beaten = [i for i in left if dominates[left, i].any()]
        for i in set(left) - set(beaten):
            rank[i] = front
        left, front = beaten, front + 1
    for i in left:
        rank[i] = front
    return [r if r >= 0 else front + bool(left) for r in rank]


def crowding(cost: np.ndarray[Any, Any], rank: Any) -> list[float]:
    """Deb et al. 2002, as printed."""
    distance = [0.0] * len(cost)
    finite = [i for i in range(len(cost)) if np.isfinite(cost[i]).all()]
    for front in {rank[i] for i in finite}:
        members = [i for i in finite if rank[i] == front]
        for j in range(cost.shape[1]):
            members.sort(key=lambda i: (cost[i, j], i))
            span = cost[members[-1], j] - cost[members[0], j]
            for before, i, after in zip(members, members[1:], members[2:], strict=False):
                distance[i] += (cost[after, j] - cost[before, j]) / span if span else 0.0
            distance[members[0]] = distance[members[-1]] = math.inf
    return distance
