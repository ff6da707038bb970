"""What a drawing of a network shows: a box for an operation and what follows it alone, and the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cambrian.network.graph import Graph, Node
from cambrian.network.ops import MILLION, Shape

_FOLDED = ("norm", "activation", "dropout", "identity")
_QUIET = {"dilation": 1, "stride": 1, "groups": 1, "bias": None}  # left out of a label
_MOST = 34  # characters of a line


@dataclass(frozen=True)
class Box:
    """One box: the numbers of its nodes in order, and the lines that it shows.

    `kind` is the operation that the box is coloured by; `note` the output shape and the parameters; `details`
    says everything, a line a node. Boxes with the same `run` are drawn once for `times` copies in all.
    """

    nodes: tuple[int, ...]
    kind: str
    title: str
    folded: str
    note: str
    details: str
    run: int = 0
    times: int = 1


def boxes(graph: Graph, *, fold: bool = True) -> tuple[list[Box], list[tuple[int, int]]]:
    """Return the boxes of a graph in order, and the edges between them, one for each value read.

    With `fold`, normalisation, activation and dropout stand in the box of the node before them, where nothing
    else reads that node; and of a stretch that comes again at once, as stamped cells do, only the first copy
    is there, with `times` in its boxes.

    >>> [box.title for box in boxes(graph)[0]]
    ['input', 'conv 3×3 → 16', 'mean', 'linear → 10']
    """
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for number, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers[source].append(number)
    like, runs = _copies(graph) if fold else (list(range(len(graph))), [(0, 1)] * len(graph))
    owner: list[int] = []
    groups: list[list[int]] = []
    for number, node in enumerate(graph.nodes):
        source = node.inputs[0] if len(node.inputs) == 1 else 0
        alone = source and node.op in _FOLDED and len(readers[source]) == 1
        if like[number] != number:
            owner.append(owner[like[number]])
        elif fold and alone and like[source] == source and runs[source] == runs[number]:
            owner.append(owner[source])
            groups[owner[source]].append(number)
        else:
            owner.append(len(groups))
            groups.append([number])
    edges = [
        (owner[source], box) for box, group in enumerate(groups) for source in graph.nodes[group[0]].inputs
    ]
    # A box ends with its last node, so in the order of first nodes every box still reads earlier ones.
    return [_box(graph, group, runs[group[0]]) for group in groups], edges


def _copies(graph: Graph) -> tuple[list[int], list[tuple[int, int]]]:
    """Return for each node the one of the first copy that stands for it; where that begins, and its times."""
    from cambrian.network.summary import stretches

    like, runs = [], []
    for first, last, count in stretches(graph):
        period = last - first
        like += [first + i % period for i in range(period * count)]
        runs += [(first if count > 1 else 0, count)] * (period * count)
    return like, runs


def _box(graph: Graph, group: list[int], run: tuple[int, int]) -> Box:
    first, last = graph.nodes[group[0]], graph.nodes[group[-1]]
    params = sum(graph.node_params(number) for number in group)
    note = size(last.shape) + (f" · {short(params)} params" if params else "")
    folded = " · ".join(label(graph.nodes[number], graph.input_shapes(number)) for number in group[1:])
    details = "\n".join(f"{number}: {describe(graph.nodes[number])}" for number in group)
    title = label(first, graph.input_shapes(group[0]))
    return Box(tuple(group), first.op, cut(title, _MOST), cut(folded, _MOST), note, details, *run)


def label(node: Node, inputs: list[Shape]) -> str:
    """Return a node in a few words.

    >>> label(Node("activation", (1,), {"kind": "relu"}, (8,)), [(8,)])
    'relu'
    """
    special = _LABELS.get(node.op)
    if special is not None:
        return special(node, inputs)
    name = node.op.replace("_", " ")
    return " ".join(
        [name, *(_said(k, v) for k, v in node.attrs.items() if _QUIET.get(k, -1) not in (v, None))]
    )


def _said(name: str, value: int | str) -> str:
    return value if isinstance(value, str) else f"{name} {value}"


def _convolution(node: Node, inputs: list[Shape]) -> str:
    channels, groups, kernel = (node.attrs[name] for name in ("channels", "groups", "kernel"))
    depthwise = groups == inputs[0][0 if len(inputs[0]) == 3 else -1] and groups != 1
    words = [
        "depthwise" if depthwise else "conv",
        f"{kernel}×{kernel}" if len(inputs[0]) == 3 else str(kernel),
    ]
    if node.attrs["dilation"] != 1:
        words.append(f"dilated {node.attrs['dilation']}")
    if groups != 1 and not depthwise:
        words.append(f"{groups} groups")
    return " ".join([*words, *_strided(node), f"→ {channels}"])


def _strided(node: Node) -> list[str]:
    return [f"/{node.attrs['stride']}"] if node.attrs["stride"] != 1 else []


def _pool(node: Node, inputs: list[Shape]) -> str:
    kernel = node.attrs["kernel"]
    return " ".join([node.op.replace("_", " "), f"{kernel}×{kernel}", *_strided(node)])


_LABELS: dict[str, Callable[[Node, list[Shape]], str]] = {
    "conv2d": _convolution,
    "conv1d": _convolution,
    "linear": lambda node, inputs: f"linear → {node.attrs['features']}",
    "max_pool": _pool,
    "avg_pool": _pool,
    "norm": lambda node, inputs: f"{node.attrs['kind']} norm",
    "activation": lambda node, inputs: str(node.attrs["kind"]),
    "dropout": lambda node, inputs: f"dropout {int(node.attrs['p']) / MILLION:g}",
    "resize": lambda node, inputs: f"resize {node.attrs['height']}×{node.attrs['width']}",
}


def describe(node: Node) -> str:
    """Return a node in full: ``linear(features=10, bias=1) <- 3, (10)``."""
    attrs = ", ".join(f"{name}={value}" for name, value in node.attrs.items())
    reads = f" <- {', '.join(map(str, node.inputs))}" if node.inputs else ""
    return f"{node.op}({attrs}) {size(node.shape)}{reads}"


def size(shape: Shape) -> str:
    """Return a shape as ``64×8×8``."""
    return "×".join(map(str, shape))


def short(count: int) -> str:
    """Return a count in at most four digits and a letter.

    >>> short(999), short(36_864), short(1_500_000)
    ('999', '36.9k', '1.5M')
    """
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if 2000 * count >= 1999 * unit:  # what rounds to the unit
            return f"{count / unit:.3g}{letter}" if count < 999 * unit else f"{count / unit:,.0f}{letter}"
    return str(count)


def cut(text: str, most: int) -> str:
    """Return text of at most `most` characters, with an ellipsis where some are left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
