"""Numbers for the genomes of a space: each distinct one has one, and none has to be listed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_INACTIVE = -1
# What is known of the genes that decide over others makes at most this many states at one gene.
_MOST_STATES = 1 << 14
_ROUNDS = 6


class _Test(NamedTuple):
    """A column takes part only if another holds one of these options; `idle`: or is inactive."""

    decider: int
    allowed: frozenset[int]
    idle: bool


_Kind: TypeAlias = "frozenset[_Test]"  # the tests that an option passes
_Way: TypeAlias = tuple[tuple[int, ...], int]  # options, and where they lead: a kind, or the next state


class _Step(NamedTuple):
    """One way on from a state: options that lead to the same next state, all with `ways` genomes each."""

    options: tuple[int, ...]
    following: int
    ways: int


class Numbering:
    """The distinct genomes of a space, in normal form, numbered from 0 to `size` - 1.

    Inactive genes don't count; `options[c]` are those of column c that are used. Columns are decided one
    after another, each after those that decide whether it takes part; the later vary faster. What has to be
    remembered on the way are only the deciders of columns to come, so that genomes are counted without being
    listed: a decision diagram, as in Knuth, The Art of Computer Programming 4A, 7.1.4. Raises
    ValueError where that is too much.

    >>> numbering = Numbering(space, [range(n) for n in space.layout.options])
    >>> numbering.genomes(0, 10)  # the first ten
    """

    def __init__(self, space: Space, options: Sequence[Sequence[int]]) -> None:
        self._dtype = space.dtype
        self._tests = _tests(space)
        self._order = _order(self._tests)
        self._kinds = _kinds(self._tests, options)
        self._runs = [_runs(own, self._kinds.get(c, [frozenset()])) for c, own in enumerate(options)]
        self._steps = self._diagram()
        self.size = sum(len(step.options) * step.ways for step in self._steps[0][0])

    def genomes(self, first: int, n: int) -> Genomes:
        """Genomes number `first` … `first` + n - 1, ``(n, n_genes)``."""
        return self.at(range(first, first + n))

    def at(self, numbers: Sequence[int]) -> Genomes:
        """The genomes of these numbers, each of 0 … `size` - 1."""
        rows: Genomes = np.zeros((len(numbers), len(self._order)), dtype=self._dtype)
        left: NDArray[Any] = np.array(numbers, dtype=np.int64 if self.size < 2**63 else object)
        state = np.zeros(len(numbers), dtype=np.int64)
        for column, states in zip(self._order, self._steps, strict=True):
            following = state.copy()
            for node in np.unique(state).tolist():
                at = np.flatnonzero(state == node)
                rest = left[at]
                for step in states[node]:
                    weight = len(step.options) * step.ways
                    here = np.flatnonzero((rest >= 0) & (rest < weight))
                    chosen = (rest[here] // step.ways).astype(np.int64)
                    rows[at[here], column] = np.array(step.options)[chosen]
                    left[at[here]] = rest[here] % step.ways
                    following[at[here]] = step.following
                    rest = rest - weight  # below zero where it was found
            state = following
        return rows

    def _diagram(self) -> list[list[list[_Step]]]:
        """The steps of every state at every column, in order."""
        last = {test.decider: at for at, c in enumerate(self._order) for test in self._tests[c]}
        levels: list[list[list[_Way]]] = []
        known: list[dict[int, int]] = [{}]
        for at, column in enumerate(self._order):
            numbers: dict[tuple[tuple[int, int], ...], int] = {}
            following: list[dict[int, int]] = []
            level: list[list[_Way]] = []
            for state in known:
                ways = []
                for group, kind in self._ways(column, state):
                    after = {c: k for c, k in {**state, column: kind}.items() if last.get(c, -1) > at}
                    number = numbers.setdefault(tuple(after.items()), len(numbers))
                    if number == len(following):
                        following.append(after)
                    ways.append((group, number))
                level.append(ways)
            if len(following) > _MOST_STATES:
                raise ValueError(
                    "the space has too many genes that decide together which others take part, so they can't "
                    "be numbered; use strategy 'random', which takes any space"
                )
            levels.append(level)
            known = following
        return _counted(levels)

    def _ways(self, column: int, state: dict[int, int]) -> list[_Way]:
        """The options of a column by kind; an inactive column is 0."""
        for test in self._tests[column]:
            kind = state[test.decider]
            if not (test.idle if kind == _INACTIVE else test in self._kinds[test.decider][kind]):
                return [((0,), _INACTIVE)]
        return self._runs[column]


def _tests(space: Space) -> list[list[_Test]]:
    """What each column's taking part depends on: its conditions, and the lengths of the repeats around it."""
    columns = space.columns
    found: list[list[_Test]] = []
    for column in columns.columns:
        tests = [
            _Test(other, frozenset(np.flatnonzero(allowed).tolist()), False)
            for other, allowed in column.conditions
        ]
        repeat, slot = column.repeat, column.slot
        while repeat >= 0:
            slots = columns.repeats[repeat]
            if slots.length_column >= 0:
                enough = frozenset(range(max(0, slot + 1 - slots.min), slots.max - slots.min + 1))
                tests.append(_Test(slots.length_column, enough, slot < slots.min))
            repeat, slot = slots.parent, slots.parent_slot
        found.append(tests)
    return found


def _order(tests: list[list[_Test]]) -> list[int]:
    """Columns, each after its deciders and as soon after them as it can be, so that few are open."""
    waiting = [len({test.decider for test in own}) for own in tests]
    below: dict[int, list[int]] = {}
    for column, own in enumerate(tests):
        for decider in dict.fromkeys(test.decider for test in own):
            below.setdefault(decider, []).append(column)
    order: list[int] = []
    for root in [column for column, count in enumerate(waiting) if count == 0]:
        stack = [root]
        while stack:
            column = stack.pop()
            order.append(column)
            ready = []
            for other in below.get(column, []):
                waiting[other] -= 1
                if waiting[other] == 0:
                    ready.append(other)
            stack += reversed(ready)
    return order


def _kinds(tests: list[list[_Test]], options: Sequence[Sequence[int]]) -> dict[int, list[_Kind]]:
    """For each decider the kinds of its options: which tests they pass."""
    asked: dict[int, dict[_Test, None]] = {}
    for own in tests:
        for test in own:
            asked.setdefault(test.decider, {})[test] = None
    return {
        decider: list(dict.fromkeys(_passed(option, own) for option in options[decider]))
        for decider, own in asked.items()
    }


def _passed(option: int, tests: Iterable[_Test]) -> _Kind:
    return frozenset(test for test in tests if option in test.allowed)


def _runs(options: Sequence[int], kinds: list[_Kind]) -> list[_Way]:
    """Neighbouring options of one kind, with its number."""
    every = frozenset[_Test]().union(*kinds)
    numbered = [(option, kinds.index(_passed(option, every))) for option in options]
    return [
        (tuple(option for option, _ in run), kind) for kind, run in groupby(numbered, key=lambda one: one[1])
    ]


def _counted(levels: list[list[list[_Way]]]) -> list[list[list[_Step]]]:
    counts = [1]
    steps: list[list[list[_Step]]] = []
    for level in reversed(levels):
        steps.append([[_Step(group, to, counts[to]) for group, to in ways] for ways in level])
        counts = [sum(len(step.options) * step.ways for step in ways) for ways in steps[-1]]
    return steps[::-1]


class Shuffle:
    """A permutation of 0 … `size` - 1 that the seed decides, computed one number at a time.

    A Feistel network over the next even number of bits, walked until it comes back into the range: Black and
    Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002.

    >>> shuffle = Shuffle(10, seed=3); sorted(shuffle(i) for i in range(10)) == list(range(10))
    True
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)
        self._key = seed.to_bytes(8, "little")
        self._bytes = (self._half + 7) // 8

    def __call__(self, number: int) -> int:
        """Where `number` goes."""
        mask = (1 << self._half) - 1
        while True:
            high, low = number >> self._half, number & mask
            for turn in range(_ROUNDS):
                high, low = low, high ^ (self._scrambled(turn, low) & mask)
            number = high << self._half | low
            if number < self._size:
                return number

    def _scrambled(self, turn: int, half: int) -> int:
        word = turn.to_bytes(1, "little") + half.to_bytes(self._bytes, "little")
        return int.from_bytes(hashlib.shake_128(self._key + word).digest(self._bytes), "little")
