"""Drawings: every node and edge is in them, boxes keep apart, text is escaped, DOT can be read."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import cambrian as cb
from cambrian.network.boxes import Box, boxes, cut, label, short
from cambrian.network.drawing import _drawn, _quoted, dot, svg
from cambrian.network.graph import Graph, Node
from cambrian.network.layered import arrange
from network.examples import NETWORKS, Sketch, random_graph

SVG = "{http://www.w3.org/2000/svg}"


def graphs() -> list[Graph]:
    generator = np.random.default_rng(5)
    return [*NETWORKS.values(), *(random_graph(generator, 14) for _ in range(20))]


def through(graph: Graph, groups: list[Box]) -> set[tuple[int, int]]:
    """All edges of the graph between boxes, found node by node."""
    owner = {number: i for i, box in enumerate(groups) for number in box.nodes}
    return {
        (owner[source], owner[number])
        for number, node in enumerate(graph.nodes)
        for source in node.inputs
        if owner[source] != owner[number]
    }


@pytest.mark.parametrize("fold", [True, False])
def test_boxes_hold_every_node_and_edge_once(fold: bool) -> None:
    for graph in graphs():
        found, edges = boxes(graph, fold=fold)
        if any(box.times > 1 for box in found):
            continue
        assert sorted(number for box in found for number in box.nodes) == list(range(len(graph)))
        assert set(edges) == through(graph, found)
        assert all(source < target for source, target in edges)
        inner = sum(len(box.nodes) - 1 for box in found)
        assert len(edges) + inner == sum(len(node.inputs) for node in graph.nodes)
        assert fold or inner == 0


def test_what_others_read_is_not_folded() -> None:
    net = Sketch(4, 8, 8)
    conv = net.add("conv2d")
    net.add("norm", kind="batch")
    act = net.add("activation", kind="relu")
    net.add("add", act, conv)
    assert [box.nodes for box in boxes(net.graph())[0]] == [(0,), (1,), (2, 3), (4,)]


@pytest.mark.parametrize(
    ("op", "attrs", "shape", "words"),
    [
        ("conv2d", {"channels": 8, "groups": 2, "stride": 2}, (4, 9, 9), "conv 3×3 2 groups /2 → 8"),
        ("conv2d", {"channels": 4, "groups": 4, "dilation": 3}, (4, 9, 9), "depthwise 3×3 dilated 3 → 4"),
        ("max_pool", {"kernel": 3, "stride": 2}, (4, 9, 9), "max pool 3×3 /2"),
        ("norm", {"kind": "layer"}, (4,), "layer norm"),
        ("dropout", {"p": 250_000}, (4,), "dropout 0.25"),
        ("flatten", {}, (4, 2, 2), "flatten"),
    ],
)
def test_labels(op: str, attrs: dict[str, int | str], shape: tuple[int, ...], words: str) -> None:
    net = Sketch(*shape)
    number = net.add(op, **attrs)
    assert label(net.nodes[number], [shape]) == words


def test_label_of_an_operation_nobody_thought_of() -> None:
    node = Node("fold_up", (0,), {"kind": "left", "parts": 3, "groups": 1, "bias": 1}, (4,))
    assert label(node, [(4,)]) == "fold up left parts 3"


def test_short_counts() -> None:
    counts = [0, 999, 1000, 36_864, 999_499, 999_500, 1_500_000, 10**9, 5 * 10**15]
    assert [short(n) for n in counts] == ["0", "999", "1k", "36.9k", "999k", "1M", "1.5M", "1G", "5,000T"]
    assert cut("abcdef", 4) == "abc…"


def test_boxes_keep_apart_and_edges_go_down() -> None:
    generator = np.random.default_rng(1)
    for n in (1, 2, 5, 12, 30):
        for _ in range(10):
            sizes = [(float(w), float(h)) for w, h in generator.integers(10, 120, size=(n, 2))]
            edges = [
                (int(generator.integers(v)), v) for v in range(1, n) for _ in range(generator.integers(1, 4))
            ]
            layout = arrange(sizes, edges)
            places = list(zip(layout.centres, sizes, strict=True))
            for ((x, y), (w, h)), ((a, b), (v, g)) in itertools.combinations(places, 2):
                assert abs(x - a) >= (w + v) / 2 + 20 or abs(y - b) >= (h + g) / 2 + 20
            for (x, y), (w, h) in places:
                assert w / 2 - 1e-6 <= x <= layout.width - w / 2 + 1e-6
                assert h / 2 - 1e-6 <= y <= layout.height - h / 2 + 1e-6
            for (source, target), route in zip(edges, layout.routes, strict=True):
                assert route[0] == (
                    layout.centres[source][0],
                    layout.centres[source][1] + sizes[source][1] / 2,
                )
                assert route[-1] == (
                    layout.centres[target][0],
                    layout.centres[target][1] - sizes[target][1] / 2,
                )
                assert all(b[1] >= a[1] for a, b in itertools.pairwise(route))
                assert len(route) % 2 == 0


def crossings(layers: list[list[int]], edges: list[tuple[int, int]]) -> int:
    place = {v: (r, i) for r, layer in enumerate(layers) for i, v in enumerate(layer)}
    return sum(
        (place[a][0], place[b][0]) == (place[c][0], place[d][0])
        and (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
        for (a, b), (c, d) in itertools.combinations(edges, 2)
    )


def test_two_chains_don_t_cross() -> None:
    """0 → 1, 2; then chains that were numbered crosswise."""
    edges = [(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 6), (5, 7), (6, 7)]
    layout = arrange([(20.0, 20.0)] * 8, edges)
    rows: dict[float, list[int]] = {}
    for v in sorted(range(8), key=lambda v: layout.centres[v]):
        rows.setdefault(layout.centres[v][1], []).append(v)
    assert crossings([rows[y] for y in sorted(rows)], edges) == 0


def test_a_chain_is_straight() -> None:
    layout = arrange([(20.0, 20.0), (80.0, 20.0), (30.0, 20.0)], [(0, 1), (1, 2), (0, 2)])
    assert len({round(x, 6) for x, _ in layout.centres}) == 1


@pytest.mark.parametrize("fold", [True, False])
def test_svg_shows_every_node(fold: bool) -> None:
    for graph in graphs():
        root = ElementTree.fromstring(svg(graph, fold=fold))
        assert root.tag == f"{SVG}svg"
        found, edges = boxes(graph, fold=fold)
        assert len(root.findall(f"{SVG}path[@class='edge']")) == len(edges)
        titles = (group.find(f"{SVG}title") for group in root.iter(f"{SVG}g"))
        shown = [title.text for title in titles if title is not None]  # a frame has none
        assert shown == [box.details for box in found]
        numbers = [int(line.split(":")[0]) for text in shown for line in str(text).splitlines()]
        assert any(box.times > 1 for box in found) or sorted(numbers) == list(range(len(graph)))


def test_cells_that_repeat_are_drawn_once() -> None:
    net = Sketch(4, 8, 8)
    net.add("conv2d")
    for _ in range(5):
        x = len(net.nodes) - 1
        pool = net.add("avg_pool", x, kernel=3, stride=1)
        net.add("conv2d", x)
        net.add("norm", kind="batch")
        net.add("add", pool, len(net.nodes) - 1)
    net.add("mean")
    found, edges = boxes(net.graph())
    assert [(box.nodes, box.times) for box in found] == [
        ((0,), 1), ((1,), 1), ((2,), 5), ((3, 4), 5), ((5,), 5), ((22,), 1),
    ]  # fmt: skip
    assert sorted(edges) == [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]
    drawn = net.graph().svg()
    assert drawn.count("class='frame'") == 1
    assert "× 5</text>" in drawn
    assert net.graph().dot().count("one of 5 copies") == 3


def test_runs_of_as_many_copies_one_after_the_other_are_apart() -> None:
    net = Sketch(4, 8, 8)
    for kernel in (3, 5):
        for _ in range(6):
            net.add("conv2d", kernel=kernel)
    found, edges = boxes(net.graph())
    assert [(box.nodes, box.times) for box in found] == [((0,), 1), ((1,), 6), ((7,), 6)]
    assert edges == [(0, 1), (1, 2)]
    assert net.graph().svg().count("class='frame'") == 2


def test_text_is_escaped() -> None:
    hostile = "</text><script>alert(1)</script>&\"'\x00\x1b\ud800\uffff\\"
    box = Box((0,), "conv2d", hostile, hostile, hostile, hostile)
    element = ElementTree.fromstring(_drawn(box, (0.0, 0.0)))
    assert [child.tag for child in element] == ["title", "rect", "text", "text", "text"]
    assert "<script>alert(1)</script>&\"'" in str(element[2].text)
    assert _quoted('a"\\\n\x00') == '"a\\"\\\\\\n "'


def test_dot_names_every_box_and_edge() -> None:
    for graph in graphs():
        found, edges = boxes(graph)
        text = dot(graph)
        assert text.startswith('digraph "network" {')
        assert len(re.findall(r"^  n\d+ \[label=", text, re.MULTILINE)) == len(found)
        arrows = re.findall(r"^  n(\d+) -> n(\d+);$", text, re.MULTILINE)
        assert [(int(a), int(b)) for a, b in arrows] == edges
        outside = re.sub(r'"(\\.|[^"\\])*"', "", text)
        assert outside.count('"') == 0
        assert outside.count("{") == outside.count("}") == 1


def test_the_same_graph_is_drawn_the_same() -> None:
    for graph in graphs():
        assert svg(graph) == svg(Graph.from_json(graph.to_json()))


def test_too_large_to_draw() -> None:
    net = Sketch(4)
    for _ in range(2000):
        net.add("mean")
    graph = net.graph()
    with pytest.raises(ValueError, match="2001 boxes to draw; at most 2000"):
        graph.svg(fold=False)
    assert "n1999 -> n2000;" in graph.dot(fold=False)
    assert len(boxes(graph)[0]) == 2
    wide = Sketch(4)
    for _ in range(500):
        wide.add("mean")
    wide.add("add", *range(501))
    with pytest.raises(ValueError, match="edges pass 125250 layers; at most 20000"):
        wide.graph().svg(fold=False)


def test_draw_writes_by_suffix(tmp_path: Path) -> None:
    architecture = cb.Architecture(NETWORKS["image"])
    for name, text in (
        ("a.svg", architecture.svg()),
        ("a.dot", architecture.dot()),
        ("b.gv", architecture.dot()),
    ):
        assert architecture.draw(tmp_path / name).read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match=r"as \.svg or \.dot \(\.gv\); got .*a\.png"):
        architecture.draw(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
