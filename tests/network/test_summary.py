"""The table of a network: every layer once, repeats with what they cost, long texts cut."""

from __future__ import annotations

import numpy as np
import pytest

from cambrian.network.graph import Graph
from cambrian.network.summary import stretches, table
from network.examples import NETWORKS, Sketch, random_graph


def cells(times: int, swap: bool = False) -> Graph:
    """A stem, the same cell again and again, a head; with `swap` every other cell has another order."""
    net = Sketch(8, 6, 6)
    net.add("conv2d", channels=8)
    for number in range(times):
        x = len(net.nodes) - 1
        if swap and number % 2:
            b = net.add("avg_pool", x, kernel=3, stride=1)
            a = net.add("activation", net.add("conv2d", x, channels=8), kind="relu")
        else:
            a = net.add("activation", net.add("conv2d", x, channels=8), kind="relu")
            b = net.add("avg_pool", x, kernel=3, stride=1)
        net.add("add", min(a, b), max(a, b))
    net.add("mean")
    net.add("linear", features=3)
    return net.graph()


@pytest.mark.parametrize("swap", [False, True])
def test_cells_that_repeat_stand_there_once(swap: bool) -> None:
    graph = cells(5, swap)
    repeated = [stretch for stretch in stretches(graph) if stretch.times > 1]
    assert repeated == [(2, 6, 5)]
    lines = table(graph).splitlines()
    again = next(line for line in lines if "⋮" in line)
    params, macs = 5 * (8 * 8 * 9), 5 * (8 * 8 * 9 * 36)
    assert (
        again == f"  ⋮ these 4 layers 4 times more, up to layer 21: {params:,} params, {macs:,} macs in all 5"
    )
    names = [line.split()[0] for line in lines[2:-2] if "⋮" not in line]
    assert names[-2:] == ["mean_22", "linear_23"]
    assert len(names) == 8
    assert lines[-1].split() == ["total", f"{graph.params:,}", f"{graph.macs:,}"]
    whole = table(graph, fold=False).splitlines()
    assert len(whole) == len(graph) + 4
    assert not any("⋮" in line for line in whole)


def test_different_cells_are_not_folded() -> None:
    net = Sketch(8, 6, 6)
    for kernel in (3, 3, 5, 3):
        x = len(net.nodes) - 1
        branch = net.add("conv2d", x, channels=8, kernel=kernel)
        net.add("add", branch, net.add("activation", x, kind="relu"))
    graph = net.graph()
    assert all(stretch.times == 1 for stretch in stretches(graph))


def test_cells_that_read_two_before_them() -> None:
    net = Sketch(8, 6, 6)
    net.add("conv2d", 0, channels=8)
    for _ in range(4):
        one, two = len(net.nodes) - 2, len(net.nodes) - 1
        net.add("conv2d", one, channels=8)
        net.add("add", len(net.nodes) - 1, two)
    assert (2, 4, 4) in stretches(net.graph())


def test_stretches_hold_every_node_once() -> None:
    generator = np.random.default_rng(2)
    for graph in [*NETWORKS.values(), *(random_graph(generator, 20) for _ in range(60))]:
        at = 0
        for first, last, times in stretches(graph):
            assert first == at
            for again in range(1, times):  # a copy has the same operations, in whatever order
                shift = again * (last - first)
                ops = [sorted(graph.nodes[i + by].op for i in range(first, last)) for by in (0, shift)]
                assert ops[0] == ops[1]
            at = first + (last - first) * times
        assert at == len(graph)


def test_long_texts_are_cut() -> None:
    net = Sketch(4)
    for _ in range(30):
        net.add("mean")
    net.add("concat", *range(31))
    lines = table(net.graph()).splitlines()
    row = next(line for line in lines if line.startswith("concat"))
    assert row.split()[1:] == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9…", "124"]
    assert max(map(len, lines)) < 100
