"""Layouts with templates, written by hand: a small convolutional family, single operations, random graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cambrian import _core
from core.words import E, Procedure, Words


def convolutional(slots: int = 6, input: tuple[int, ...] = (3, 16, 16)) -> Words:
    """Slots of a convolution, a pool, nothing or zeros, with a skip that is added or joined in."""
    words = Words(input=input, outputs=10)
    stem = words.gene(3)

    def slot(repeat: int, s: int) -> None:
        op = words.gene(5, repeat=repeat, slot=s)
        words.gene(4, repeat=repeat, slot=s, when=[(op, [0])])
        words.gene(3, repeat=repeat, slot=s, when=[(op, [0, 1, 2])])
        words.gene(2, repeat=repeat, slot=s, when=[(op, [0, 1, 2])])
        words.gene(11, repeat=repeat, slot=s)
        skip = words.gene(4, "reference", repeat=repeat, slot=s, inputs=1, optional=True)
        words.gene(2, repeat=repeat, slot=s, when=[(skip, [1, 2, 3])])
        words.gene(2, repeat=repeat, slot=s, when=[(op, [0])])

    length, first = words.repeat(1, slots, slot)
    head = words.gene(2)
    words.gene(256, "float", recipe=True)
    words.gene(3, recipe=True)
    widths, kernels = words.table(6, 8, 12, 16), words.table(1, 3, 5)

    main, block = words.procedure(), words.procedure()
    x = main.op("conv2d", 0, channels=main.gene(stem, table=widths), kernel=3)
    x = main.slots(1, x, first=first, low=1, high=slots, width=8, length=length)
    x = main.switch(main.gene(head), lambda: main.op("mean", x), lambda: main.op("flatten", x))
    main.result(main.op("linear", x, features=main.param(0), bias=1))
    convolution_block(block, widths, kernels)
    return words


def gathering() -> Words:
    """Slots that add what a mask names, at most 5 edges; the end joins those that another mask names."""
    words = Words(input=(3,), outputs=2)

    def slot(repeat: int, s: int) -> None:
        words.gene(3, repeat=repeat, slot=s)
        words.mask(4, repeat, repeat=repeat, slot=s, inputs=2, least=1, most=3)

    length, first = words.repeat(1, 3, slot, edges=5)
    end = words.mask(5, 0, inputs=2, loose=True)
    main, node = words.procedure(), words.procedure(inputs=2)
    x = main.op("linear", 0, features=4)
    last = main.each(1, 0, x, first=first, low=1, high=3, width=2, length=length)
    values = [0, x, *range(last + 1, last + 4)]
    bit = main.expr("bit", main.gene(end), 1)
    y = main.gather("concat", end, *values, length=length, low=1, high=3)
    y = main.switch(main.expr("exists", y), lambda: last, lambda: y)
    main.result(main.op("linear", y, features=main.param(0), bias=bit))
    z = node.gather("add", 1)
    node.result(node.op("activation", z, kind=node.gene(0)))
    return words


def convolution_block(block: Procedure, widths: int, kernels: int) -> None:
    def convolution() -> int:
        stride = block.expr("add", block.gene(3), 1)
        groups = block.expr("where", block.gene(7), block.dim(0, 0), 1)
        y = block.op(
            "conv2d", 0, channels=block.gene(1, table=widths), kernel=block.gene(2, table=kernels),
            stride=stride, groups=groups, dilation=2,
        )  # fmt: skip
        return block.op("norm", y, kind="batch")

    def pool(name: str) -> Callable[[], int]:
        def fill() -> int:
            stride = block.expr("add", block.gene(3), 1)
            return block.op(name, 0, kernel=block.gene(2, table=kernels), stride=stride)

        return fill

    y = block.switch(
        block.gene(0), convolution, pool("max_pool"), pool("avg_pool"), lambda: 0, lambda: block.op("zero", 0)
    )
    y = block.op("activation", y, kind=block.gene(4))
    skip = block.ref(5)
    merged = block.switch(
        block.gene(6), lambda: block.op("add", y, skip), lambda: block.op("concat", y, skip, y)
    )
    block.result(merged)


def single(
    shape: tuple[int, ...], fill: Callable[[Procedure], int], outputs: int = 10, genes: tuple[int, ...] = (1,)
) -> _core.Layout:
    """A space whose template is `fill`, a function of the recorder that returns the result register."""
    words = Words(input=shape, outputs=outputs)
    for options in genes:
        words.gene(options)
    main = words.procedure()
    main.result(fill(main))
    return words.layout()


def expand(layout: _core.Layout, *genome: int, canonical: bool = True) -> _core.GraphArrays:
    genome = genome or (0,) * layout.n_genes
    return _core.graphs(layout, np.array([genome], layout.dtype), canonical=canonical)


def digest(layout: _core.Layout, *genome: int) -> tuple[int, int]:
    genome = genome or (0,) * layout.n_genes
    low, high = _core.hash(layout, np.array([genome], layout.dtype))[0]
    return int(low), int(high)


# A network as data: (operation, numbers of earlier entries or -1 for the input, an attribute).
Entries = list[tuple[str, list[int], int]]


def random_entries(random: np.random.Generator, n: int) -> Entries:
    """A random graph with few kinds of nodes, so that isomorphic ones and near misses are common."""
    entries: Entries = []
    for i in range(n):
        op = random.choice(["conv2d", "conv2d", "activation", "add", "add", "multiply", "concat"])
        count = {"add": int(random.integers(2, 4)), "multiply": 2, "concat": 2}.get(str(op), 1)
        inputs = [int(j) for j in random.integers(-1, i, count)]
        entries.append((str(op), inputs, int(random.integers(0, 2))))
    entries.append(("add", list(range(max(0, n - 3), n)), 0))
    return entries


def shuffled(random: np.random.Generator, entries: Entries) -> Entries:
    """The same graph in another topological order, with the operands of sums and products shuffled."""
    number: dict[int, int] = {-1: -1}
    result: Entries = []
    left = set(range(len(entries)))
    while left:
        ready = [i for i in left if all(j in number for j in entries[i][1])]
        ready = [i for i in ready if i != len(entries) - 1 or len(left) == 1]
        i = int(random.choice(ready))
        op, inputs, value = entries[i]
        renamed = [number[j] for j in inputs]
        if op in ("add", "multiply"):
            renamed = [int(j) for j in random.permutation(renamed)]
        number[i] = len(result)
        result.append((op, renamed, value))
        left.remove(i)
    return result


def from_entries(entries: Entries) -> _core.Layout:
    def fill(main: Procedure) -> int:
        registers = {-1: 0}
        for i, (op, inputs, value) in enumerate(entries):
            attrs: dict[str, int | str | E] = {}
            if op == "conv2d":
                attrs = {"channels": 4, "kernel": 2 * value + 1}
            elif op == "activation":
                attrs = {"kind": ("relu", "tanh")[value]}
            x = main.op(op, *[registers[j] for j in inputs], **attrs)
            registers[i] = main.op("conv2d", x, channels=4) if op == "concat" else x
        return registers[len(entries) - 1]

    return single((4, 5, 5), fill)


def genomes(layout: _core.Layout, n: int, seed: int = 0) -> Any:
    return _core.sample(layout, n, seed=seed)
