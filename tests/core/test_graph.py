"""What templates mean: primitives, shapes, repairs, simplification, expressions, frames."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graph_oracles as oracles
from cambrian import _core
from core.networks import convolutional, expand, genomes, single
from core.words import E, Procedure, Words
from graph_oracles import Node

Fill = Callable[[Procedure], int]


def nodes(shape: tuple[int, ...], fill: Fill, *, canonical: bool = False) -> list[Node]:
    (network,) = oracles.networks(expand(single(shape, fill), canonical=canonical))
    return network


def repairs(shape: tuple[int, ...], fill: Fill) -> list[tuple[str, int, int, int]]:
    return expand(single(shape, fill))["repairs"][0]


def refused(shape: tuple[int, ...], fill: Fill, message: str) -> None:
    layout = single(shape, fill)
    with pytest.raises(ValueError, match=f"genomes: row 0: {message}"):
        expand(layout)


def test_shapes() -> None:
    assert nodes((3, 9, 8), lambda p: p.op("conv2d", 0, channels=5, kernel=3, stride=2))[-1].shape == (
        5,
        5,
        4,
    )
    assert nodes((3, 9, 8), lambda p: p.op("max_pool", 0, kernel=2, stride=2))[-1].shape == (3, 5, 4)
    assert nodes((3, 9, 8), lambda p: p.op("avg_pool", 0, kernel=3, stride=2))[-1].shape == (3, 5, 4)
    assert nodes((3, 9, 8), lambda p: p.op("mean", 0))[-1].shape == (3,)
    assert nodes((3, 9, 8), lambda p: p.op("flatten", 0))[-1].shape == (216,)
    assert nodes((3, 9, 8), lambda p: p.op("resize", 0, height=4, width=12))[-1].shape == (3, 4, 12)
    assert nodes((7, 5), lambda p: p.op("mean", 0))[-1].shape == (5,)
    assert nodes((7, 5), lambda p: p.op("linear", 0, features=4))[-1].shape == (7, 4)
    assert nodes((3, 9, 8), lambda p: p.op("concat", 0, p.op("dropout", 0, p=5), 0))[-1].shape == (9, 9, 8)
    assert nodes((7, 5), lambda p: p.op("concat", 0, p.op("norm", 0, kind="layer")))[-1].shape == (7, 10)


@pytest.mark.parametrize(
    "fill",
    [
        lambda p: 0,
        lambda p: p.op("identity", 0),
        lambda p: p.op("norm", 0, kind="none"),
        lambda p: p.op("activation", 0, kind="none"),
        lambda p: p.op("dropout", 0, p=0),
        lambda p: p.op("max_pool", 0, kernel=1, stride=1),
        lambda p: p.op("resize", 0, height=8, width=8),
        lambda p: p.op("add", 0),
        lambda p: p.op("concat", 0),
        lambda p: p.op("add", 0, p.op("zero", 0)),
        lambda p: p.op("add", p.op("zero", 0), 0, p.op("max_pool", p.op("zero", 0), kernel=3)),
    ],
)
def test_what_changes_nothing_is_left_out(fill: Fill) -> None:
    assert [node.op for node in nodes((3, 8, 8), fill)] == ["input"]


@pytest.mark.parametrize("kind", _core.operations()[4]["kinds"]["kind"][1:])
def test_zeros_stay_zeros_where_they_do(kind: str) -> None:
    network = nodes((3, 8, 8), lambda p: p.op("activation", p.op("zero", 0), kind=kind))
    assert [node.op for node in network[1:]] == (
        ["zero", "activation"] if kind in ("sigmoid", "hardsigmoid") else ["zero"]
    )


def test_a_zero_has_its_own_shape_and_stands_on_the_input() -> None:
    def fill(p: Procedure) -> int:
        x = p.op("conv2d", 0, channels=7, kernel=3, stride=2)
        return p.op("concat", x, p.op("multiply", x, p.op("zero", x)), p.op("zero", p.op("zero", x)))

    network = nodes((3, 8, 8), fill)
    assert [(node.op, node.shape) for node in network] == [
        ("input", (3, 8, 8)),
        ("conv2d", (7, 4, 4)),
        ("zero", (7, 4, 4)),
        ("concat", (21, 4, 4)),
    ]
    assert network[2].inputs == (0,)
    assert [
        node.op for node in nodes((3, 8, 8), lambda p: p.op("add", p.op("zero", 0), p.op("zero", 0)))
    ] == [
        "input",
        "zero",
    ]


def test_what_has_no_weights_exists_once() -> None:
    def fill(p: Procedure) -> int:
        first = p.op("activation", p.op("max_pool", 0, kernel=3), kind="relu")
        second = p.op("activation", p.op("max_pool", 0, kernel=3), kind="relu")
        return p.op("multiply", p.op("add", first, 0), p.op("add", 0, second))

    assert [node.op for node in nodes((3, 8, 8), fill)] == [
        "input",
        "max_pool",
        "activation",
        "add",
        "multiply",
    ]


@pytest.mark.parametrize(
    ("op", "attrs"), [("conv2d", {"channels": 3}), ("norm", {"kind": "batch"}), ("dropout", {"p": 1})]
)
def test_what_has_weights_or_chance_is_never_merged(op: str, attrs: dict[str, Any]) -> None:
    network = nodes((3, 8, 8), lambda p: p.op("add", p.op(op, 0, **attrs), p.op(op, 0, **attrs)))
    assert [node.op for node in network] == ["input", op, op, "add"]


def test_dead_nodes_are_dropped() -> None:
    def fill(p: Procedure) -> int:
        p.op("conv2d", 0, channels=4)
        return p.op("mean", 0)

    assert [node.op for node in nodes((3, 8, 8), fill)] == ["input", "mean"]


def conv(p: Procedure, **attrs: int) -> int:
    return p.op("conv2d", 0, **{"channels": 4, "kernel": 3, **attrs})


@pytest.mark.parametrize(
    ("shape", "attrs", "expected", "made"),
    [
        ((3, 2, 8), {"stride": 4}, (4, 3, 2, 1, 1, 0), [("stride", 1, 4, 2)]),
        ((3, 4, 4), {"kernel": 5, "dilation": 2}, (4, 5, 1, 1, 1, 0), [("dilation", 1, 2, 1)]),
        ((3, 8, 8), {"kernel": 5, "dilation": 2}, (4, 5, 1, 2, 1, 0), []),
        ((3, 2, 2), {"kernel": 7}, (4, 3, 1, 1, 1, 0), [("kernel", 1, 7, 3)]),
        ((3, 1, 1), {"kernel": 3}, (4, 1, 1, 1, 1, 0), [("kernel", 1, 3, 1)]),
        ((6, 8, 8), {"groups": 6}, (4, 3, 1, 1, 2, 0), [("groups", 1, 6, 2)]),
        ((12, 8, 8), {"channels": 18, "groups": 4}, (18, 3, 1, 1, 3, 0), [("groups", 1, 4, 3)]),
        ((6, 8, 8), {"channels": 6, "groups": 6}, (6, 3, 1, 1, 6, 0), []),
        ((3, 8, 8), {"kernel": 1, "dilation": 2}, (4, 1, 1, 1, 1, 0), []),
    ],
)
def test_convolutions_are_repaired(
    shape: tuple[int, ...], attrs: dict[str, int], expected: tuple[int, ...], made: list[Any]
) -> None:
    assert nodes(shape, lambda p: conv(p, **attrs))[-1].attrs == expected
    assert repairs(shape, lambda p: conv(p, **attrs)) == made


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "expected"),
    [
        ((3, 8, 8), 3, 2, (3, 2)),
        ((3, 2, 2), 3, 2, (2, 2)),
        ((3, 2, 2), 3, 1, None),
        ((3, 4, 4), 5, 2, (3, 2)),
        ((3, 3, 9), 4, 4, (3, 3)),
        ((3, 1, 8), 3, 2, None),
    ],
)
def test_pools_are_repaired(
    shape: tuple[int, ...], kernel: int, stride: int, expected: tuple[int, int] | None
) -> None:
    network = nodes(shape, lambda p: p.op("max_pool", 0, kernel=kernel, stride=stride))
    assert len(network) == (1 if expected is None else 2)
    assert expected is None or network[-1].attrs[:2] == expected
    made = repairs(shape, lambda p: p.op("max_pool", 0, kernel=kernel, stride=stride))
    assert all(node == (-1 if expected is None else 1) for _, node, _, _ in made)
    assert [rule for rule, *_ in made] == [
        rule
        for rule, was, now in zip(("kernel", "stride"), (kernel, stride), expected or (1, 1), strict=True)
        if was != now
    ]


def added(first: Fill, second: Fill) -> Fill:
    return lambda p: p.op("add", first(p), second(p))


def conv_to(channels: int, stride: int = 1) -> Fill:
    return lambda p: p.op("conv2d", 0, channels=channels, stride=stride)


@pytest.mark.parametrize(
    ("first", "second", "inserted", "rules"),
    [
        (conv_to(5), conv_to(7), [("conv2d", (5, 1, 1, 1, 1, 0))], ["project"]),
        (conv_to(5, 2), conv_to(5), [("avg_pool", (2, 2, 0, 0, 0, 0))], ["pool"]),
        (conv_to(5, 3), conv_to(7), [("conv2d", (5, 1, 3, 1, 1, 0))], ["project"]),
        (conv_to(5), conv_to(5, 2), [("resize", (9, 9, 0, 0, 0, 0))], ["resize"]),
        (
            conv_to(5),
            conv_to(7, 2),
            [("resize", (9, 9, 0, 0, 0, 0)), ("conv2d", (5, 1, 1, 1, 1, 0))],
            ["resize", "project"],
        ),
        (
            lambda p: p.op("linear", p.op("mean", 0), features=6),
            conv_to(7),
            [("mean", (0,) * 6), ("linear", (6, 0, 0, 0, 0, 0))],
            ["mean", "project"],
        ),
    ],
)
def test_sums_take_the_shape_of_the_first(
    first: Fill, second: Fill, inserted: list[tuple[str, tuple[int, ...]]], rules: list[str]
) -> None:
    network = nodes((3, 9, 9), added(first, second))
    before = nodes((3, 9, 9), lambda p: p.op("dropout", first(p), p=1))
    assert network[-1].op == "add"
    assert network[-1].shape == before[-2].shape
    assert [(node.op, node.attrs) for node in network[-1 - len(inserted) : -1]] == inserted
    assert [rule for rule, *_ in repairs((3, 9, 9), added(first, second))] == rules


def test_concatenations_take_the_sides_of_the_first() -> None:
    network = nodes((3, 9, 9), lambda p: p.op("concat", conv_to(5, 2)(p), 0, conv_to(4, 4)(p)))
    assert [node.op for node in network] == ["input", "conv2d", "conv2d", "avg_pool", "resize", "concat"]
    assert network[-1].shape == (12, 5, 5)
    assert network[-1].inputs == (1, 3, 4)


def test_a_factor_a_channel_is_ordered() -> None:
    def scaled(p: Procedure) -> int:
        return p.op("multiply", 0, p.op("activation", p.op("mean", 0), kind="sigmoid"))

    assert nodes((3, 8, 8), scaled)[-1].shape == (3, 8, 8)
    refused((3, 8, 8), lambda p: p.op("multiply", p.op("mean", 0), 0), "multiply: takes equal shapes")
    refused((3, 8, 8), lambda p: p.op("multiply", 0, conv_to(4)(p)), "multiply: takes equal shapes")


@pytest.mark.parametrize(
    ("shape", "fill", "message"),
    [
        ((8,), lambda p: p.op("conv2d", 0, channels=3), "conv2d: takes an image .* got shape \\(8\\)"),
        ((8,), lambda p: p.op("max_pool", 0, kernel=3), "max_pool: takes an image"),
        ((3, 8, 8), lambda p: p.op("linear", 0, features=3), "linear: takes features or tokens"),
        (
            (3, 8, 8),
            lambda p: p.op("conv2d", 0, channels=0),
            "conv2d: channels must be 1 … 2147483647, got 0",
        ),
        ((3, 8, 8), lambda p: p.op("conv2d", 0, channels=3, kernel=2), "conv2d: kernel must be odd, got 2"),
        ((3, 8, 8), lambda p: p.op("conv2d", 0, channels=3, stride=-1), "conv2d: stride must be 1"),
        ((3, 8, 8), lambda p: p.op("conv2d", 0, channels=3, bias=2), "conv2d: bias must be 0 … 1, got 2"),
        (
            (3, 8, 8),
            lambda p: p.op("avg_pool", 0, kernel=2),
            "avg_pool: an even kernel must equal the stride",
        ),
        ((3, 8, 8), lambda p: p.op("activation", 0, kind=11), "activation: kind must be 0 … 10, got 11"),
        ((3, 8, 8), lambda p: p.op("dropout", 0, p=1_000_000), "dropout: p must be 0 … 999999"),
        ((3, 8, 8), lambda p: p.op("add", p.op("mean", 0), 0, p.op("mean", 0)), None),
        ((3, 8, 8), lambda p: p.op("add", 0, p.op("mean", 0)), "add: can't join shape \\(3\\)"),
        ((3, 8, 8), lambda p: p.op("concat", 0, p.op("mean", 0)), "concat: can't join shape"),
        ((7, 5), lambda p: p.op("add", 0, p.op("linear", 0, features=4)), None),
    ],
)
def test_what_is_no_network_is_refused(shape: tuple[int, ...], fill: Fill, message: str | None) -> None:
    if message is None:
        expand(single(shape, fill))
    else:
        refused(shape, fill, message)


def test_the_row_that_fails_is_named_whatever_the_threads() -> None:
    layout = single((4,), lambda p: p.op("linear", 0, features=p.gene(0)), genes=(2,))
    rows = np.ones((3000, 1), np.uint8)
    rows[[1700, 2900]] = 0
    for threads in (1, 2, 5):
        with pytest.raises(ValueError, match="genomes: row 1700: linear: features"):
            _core.hash(layout, rows, threads=threads)


def value_of(expression: Callable[[Procedure], E], shape: tuple[int, ...] = (4,)) -> int:
    """Read an expression's value off the graph: features = value + 1000."""
    network = nodes(
        shape, lambda p: p.op("linear", p.op("flatten", 0), features=p.expr("add", expression(p), 1000))
    )
    return network[-1].attrs[0] - 1000


BINARY: dict[str, Callable[[int, int], int]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "ceildiv": lambda a, b: -(-a // b), "mod": operator.mod, "min": min, "max": max, "eq": operator.eq,
    "ne": operator.ne, "lt": operator.lt, "le": operator.le, "and": lambda a, b: bool(a and b),
    "or": lambda a, b: bool(a or b),
}  # fmt: skip


@pytest.mark.parametrize("op", BINARY)
def test_arithmetic_is_python_s(op: str) -> None:
    for a, b in itertools.product((-7, -2, -1, 0, 1, 2, 3, 7), repeat=2):
        if b == 0 and op in ("floordiv", "ceildiv", "mod"):
            refused((4,), lambda p, a=a: p.op("linear", 0, features=p.expr(op, a, 0)), ".*divi")  # type: ignore[misc]
            continue
        assert value_of(lambda p, a=a, b=b: p.expr(op, a, b)) == int(BINARY[op](a, b))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("op", "a", "b"),
    [
        ("add", 2**63 - 1, 1),
        ("sub", -(2**63), 1),
        ("mul", 2**62, 2),
        ("mul", -1, -(2**63)),
        ("floordiv", -(2**63), -1),
        ("ceildiv", -(2**63), -1),
    ],
)
def test_overflow_is_refused(op: str, a: int, b: int) -> None:
    refused((4,), lambda p: p.op("linear", 0, features=p.expr(op, a, b)), "a number leaves 64 bits")


def test_the_edges_of_64_bits() -> None:
    low, high = -(2**63), 2**63 - 1
    assert value_of(lambda p: p.expr("mod", low, -1)) == 0
    assert value_of(lambda p: p.expr("mod", low, 3)) == low % 3
    assert value_of(lambda p: p.expr("add", p.expr("floordiv", low, 2**60), 8)) == 0
    assert value_of(lambda p: p.expr("sub", p.expr("ceildiv", high, 2**62), 2)) == 0


def test_leaves_of_expressions() -> None:
    image = (3, 6, 5)
    assert [value_of(lambda p, k=k: p.dim(0, k), image) for k in range(6) if k != 3] == [3, 6, 5, 3, 90]  # type: ignore[misc]
    refused(
        image, lambda p: p.op("linear", p.op("mean", 0), features=p.dim(0, 3)), ".*dimension 3 of a value"
    )
    assert value_of(lambda p: p.param(0)) == 10
    assert value_of(lambda p: p.expr("not", 0)) == 1
    assert value_of(lambda p: p.expr("same", 0, 0)) == 1
    assert value_of(lambda p: p.expr("same", 0, p.op("norm", 0, kind="none"))) == 1
    assert value_of(lambda p: p.expr("same", 0, p.op("norm", 0, kind="layer"))) == 0
    # Only the chosen branch is evaluated.
    assert value_of(lambda p: p.expr("where", 1, 5, p.expr("floordiv", 1, 0))) == 5


def test_genes_and_tables() -> None:
    words = Words(input=(4,), outputs=3)
    first, second = words.gene(3), words.gene(4)
    table = words.table(5, 60, 700, 8000)
    main = words.procedure()
    x = main.op("linear", 0, features=main.expr("add", main.gene(first), 1))
    main.result(main.op("linear", x, features=main.gene(second, table=table)))
    layout = words.layout()
    for a, b in itertools.product(range(3), range(4)):
        (network,) = oracles.networks(expand(layout, a, b))
        assert [node.attrs[0] for node in network[1:]] == [a + 1, (5, 60, 700, 8000)[b]]
    words.tables[0] = (1, 2, 3)
    with pytest.raises(ValueError, match="table 0 is shorter than the 4 options of column 1"):
        words.layout()


def chain(
    reference: int, inputs: int, *, optional: bool, slots: int = 4, options: int = 6
) -> list[list[int]]:
    """Slots of `add(linear(x), ref)`; gives for each slot the target of its reference, inputs as -1, -2, …"""
    words = Words(input=(4,), outputs=3)

    def slot(repeat: int, s: int) -> None:
        words.gene(options, "reference", repeat=repeat, slot=s, inputs=inputs, optional=optional)

    _, first = words.repeat(slots, slots, slot)
    main, body = words.procedure(), words.procedure(inputs)
    given = [main.op("linear", 0, features=4) for _ in range(inputs)]
    main.result(main.slots(1, *given, first=first, low=slots, high=slots, width=1))
    x = body.op("linear", 0, features=4)
    body.result(body.op("concat", x, body.ref(0), x))
    arrays = expand(words.layout(), *[reference] * slots, canonical=False)
    (network,) = oracles.networks(arrays)
    weights = [i for i, node in enumerate(network) if node.op == "linear" and node.inputs == (0,)]
    places = {node: -1 - k for k, node in enumerate(reversed(weights))}
    joins = [i for i, node in enumerate(network) if node.op == "concat"]
    places |= {node: k for k, node in enumerate(joins)}
    targets = [[places[j] for j in network[i].inputs[1:-1]] for i in joins]
    assert len(arrays["repairs"][0]) == sum(
        s - (reference if optional else reference + 1) < -inputs
        for s in range(slots)
        if reference or not optional
    )
    return targets


def test_references_count_back_and_are_clamped() -> None:
    assert chain(0, 1, optional=True) == [[], [], [], []]
    assert chain(1, 1, optional=True) == [[-1], [0], [1], [2]]
    assert chain(2, 1, optional=True) == [[-1], [-1], [0], [1]]
    assert chain(0, 1, optional=False) == [[-1], [0], [1], [2]]
    assert chain(2, 1, optional=False) == [[-1], [-1], [-1], [0]]


def test_absent_values() -> None:
    words = Words(input=(4,), outputs=3)
    words.repeat(1, 1, lambda r, s: words.gene(2, "reference", repeat=r, slot=s, inputs=1, optional=True))  # type: ignore[arg-type, func-returns-value]
    main, body = words.procedure(), words.procedure()
    main.result(main.slots(1, 0, first=0, low=1, high=1, width=1))
    skip = body.ref(0)
    nothing = body.op("linear", skip, features=body.expr("max", body.dim(skip, 0), 7))
    exists = body.expr("add", body.expr("exists", nothing), 1)
    body.result(
        body.op("linear", body.op("multiply", body.op("norm", 0, kind="layer"), skip), features=exists)
    )
    layout = words.layout()
    (absent,), (present,) = (list(oracles.networks(expand(layout, value))) for value in (0, 1))
    assert [node.op for node in absent] == ["input", "norm", "linear"]
    assert absent[-1].attrs[0] == 1
    assert [node.op for node in present] == ["input", "norm", "multiply", "linear"]
    assert present[-1].attrs[0] == 2


def test_an_absent_network_is_refused() -> None:
    words = Words(input=(4,), outputs=3)
    words.repeat(1, 1, lambda r, s: words.gene(1, "reference", repeat=r, slot=s, inputs=1, optional=True))  # type: ignore[arg-type, func-returns-value]
    main, body = words.procedure(), words.procedure()
    main.result(main.slots(1, 0, first=0, low=1, high=1, width=1))
    body.result(body.ref(0))
    with pytest.raises(ValueError, match="row 0: the space's template returns an absent value"):
        expand(words.layout())


def test_frames_nested_slots_and_calls() -> None:
    """Outer slots hold a gene and inner slots; every linear layer's width says who ran it."""
    words = Words(input=(4,), outputs=3)
    words.gene(10)

    def outer(repeat: int, s: int) -> None:
        words.gene(10, repeat=repeat, slot=s)
        words.repeat(
            0,
            2,
            lambda number, t: words.gene(10, repeat=number, slot=t) and None,
            parent=repeat,
            parent_slot=s,
        )

    length, first = words.repeat(1, 3, outer)
    main, body, inner, helper = (words.procedure(1, params) for params in (1, 0, 1, 2))
    main.result(main.slots(1, 0, first=first, low=1, high=3, width=4, length=length))
    x = body.call(3, 0, args=[body.gene(0), 7])
    body.result(body.slots(2, x, first=2, low=0, high=2, width=1, length=1, args=[body.gene(0, up=1)]))
    # inner: base is its own gene; one frame up is the outer slot, two up the root
    here = inner.expr(
        "add", inner.expr("mul", inner.gene(0), 100), inner.expr("mul", inner.gene(0, up=1), 10)
    )
    place = inner.expr("add", inner.expr("mul", inner.expr("index", 0), 10), inner.expr("index", 1))
    inner.op("linear", 0, features=1)
    inner.result(inner.call(3, 0, up=1, args=[inner.expr("add", here, inner.param(0)), place]))
    # helper is called in the outer slot's frame both times: offset 0 is the outer slot's gene
    marked = helper.op("linear", 0, features=helper.expr("add", helper.param(0), 1000))
    helper.result(
        helper.op(
            "linear", marked,
            features=helper.expr("add", helper.param(1), helper.expr("mul", helper.gene(0), 100)),
        )
    )  # fmt: skip
    layout = words.layout()
    #         root length | gene len t t | gene len t t
    genome = [3, 1, 5, 2, 8, 9, 6, 1, 4, 0, 0, 0, 0, 0]
    (network,) = oracles.networks(expand(layout, *genome, canonical=False))
    assert [node.attrs[0] for node in network[1:]] == [
        1000 + 5, 500 + 7,
        1000 + 850 + 3, 500 + 0, 1000 + 950 + 3, 500 + 10,
        1000 + 6, 600 + 7,
        1000 + 460 + 3, 600 + 1,
    ]  # fmt: skip


def test_stamped_groups_read_the_same_genes_wherever_they_are_called() -> None:
    words = Words(input=(4,), outputs=3)
    words.gene(5)
    words.gene(50)
    main, cell = words.procedure(), words.procedure(1, 1)
    x = main.call(1, 0, offset=1, args=[100])
    main.result(main.call(1, x, offset=1, args=[200]))
    cell.result(cell.op("linear", 0, features=cell.expr("add", cell.gene(0), cell.param(0))))
    (network,) = oracles.networks(expand(words.layout(), 1, 42))
    assert [node.attrs[0] for node in network[1:]] == [142, 242]


def test_a_selector_outside_its_switch_is_refused() -> None:
    refused((4,), lambda p: p.switch(2, lambda: 0, lambda: 0), "a switch over 2 options got 2")
    refused((4,), lambda p: p.switch(-1, lambda: 0, lambda: 0), "a switch over 2 options got -1")


def test_calls_that_multiply_are_stopped() -> None:
    words = Words(input=(4,), outputs=2)
    words.gene(1)
    for i in range(30):
        procedure = words.procedure()
        x = procedure.call(i + 1, 0) if i < 29 else procedure.op("identity", 0)
        procedure.result(procedure.call(i + 1, x) if i < 29 else x)
    layout = words.layout()
    with pytest.raises(ValueError, match="row 0: the templates run for too long"):
        expand(layout)


def test_conditions_that_multiply_are_stopped() -> None:
    def fill(p: Procedure) -> int:
        value, x = p.value(1), 0
        for _ in range(14):
            value = p.expr("where", value, value, 0)
        for _ in range(100):
            x = p.op("dropout", x, p=value)
        return x

    with pytest.raises(ValueError, match="the templates run for too long"):
        expand(single((4,), fill))


def test_networks_have_a_largest_size() -> None:
    words = Words(input=(4,), outputs=2)
    words.gene(1)
    for i in range(15):
        procedure = words.procedure()
        x = procedure.call(i + 1, 0) if i < 14 else procedure.op("linear", 0, features=4)
        procedure.result(procedure.call(i + 1, x) if i < 14 else procedure.op("linear", x, features=4))
    with pytest.raises(ValueError, match="row 0: the network has more than 20000 nodes"):
        expand(words.layout())


def test_program_order_and_canonical_order_are_the_same_network() -> None:
    layout = convolutional().layout()
    rows = genomes(layout, 60)
    for first, second in zip(
        oracles.networks(_core.graphs(layout, rows)),
        oracles.networks(_core.graphs(layout, rows, canonical=False)),
        strict=True,
    ):
        assert oracles.isomorphic(first, second)


def test_repairs_name_nodes_of_the_result() -> None:
    layout = convolutional(8, (3, 5, 5)).layout()
    rows = genomes(layout, 200)
    for canonical in (True, False):
        arrays = _core.graphs(layout, rows, canonical=canonical)
        inserts = {"project": ("conv2d", "linear"), "pool": ("avg_pool",), "resize": ("resize",)}
        seen = set()
        for network, made in zip(oracles.networks(arrays), arrays["repairs"], strict=True):
            for rule, node, before, after in made:
                seen.add(rule)
                assert before != after
                if rule in inserts:
                    assert network[node].op in inserts[rule]
                elif rule == "clamp":
                    assert 0 <= node < layout.n_genes
                elif node >= 0:
                    assert network[node].op in ("conv2d", "max_pool", "avg_pool")
        assert seen >= {"clamp", "pool", "project", "kernel", "stride"}
