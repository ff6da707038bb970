"""Networks are what they are in whatever company they are decoded: alone, in any order, remembered or not."""

from __future__ import annotations

from typing import Any

import numpy as np

import cambrian as cb
from cambrian import _core

nn = cb.nn


def same_in_any_company(space: cb.Space, rows: Any) -> None:
    genomes = np.array(rows, dtype=space.dtype)
    whole = _core.decode(space.layout, genomes, fragments=False)
    for order in (np.arange(len(genomes)), np.arange(len(genomes))[::-1]):
        found = _core.decode(space.layout, np.ascontiguousarray(genomes[order]))
        for part in (0, 1):
            assert np.array_equal(found[part], whole[part][order])
        for name, values in whole[2].items():
            assert np.array_equal(found[2][name], values[order]), name  # type: ignore[literal-required]
    for i in range(len(genomes)):
        alone = _core.decode(space.layout, genomes[i : i + 1])
        assert np.array_equal(alone[0][0], whole[0][i])


@cb.op
def _plain(x: Any) -> Any:
    return nn.linear(x, 8)


def _block(x: Any, op: Any) -> Any:
    return op(x)


def test_a_tie_that_takes_exact_search_below_a_long_tail() -> None:
    @cb.op
    def ring(x: Any) -> Any:
        p, q, r = (nn.linear(x, 8) for _ in range(3))
        return nn.add(nn.multiply(p, q), nn.multiply(q, r), nn.multiply(r, p))

    def tail(y: Any, n: int) -> Any:
        for _ in range(n):
            y = nn.linear(y, 8)
        return y

    def network(x: Any, big: Any, outputs: Any) -> Any:
        twice = nn.add(ring(x), ring(x))
        return nn.linear(cb.switch(big, {0: lambda: tail(twice, 40), 1: lambda: tail(x, 300)}), outputs)

    # The last gene keeps the space from being decoded once a network.
    space = cb.Space(network, (8,), 3, big=cb.Choice(0, 1), lr=cb.Choice(*range(300)))
    same_in_any_company(space, [[1, 0], [0, 0], [0, 1]])


def test_zeros_stand_on_the_networks_input() -> None:
    @cb.op
    def bias(x: Any) -> Any:
        return nn.linear(nn.zero(x), 8)

    def network(x: Any, layers: Any, outputs: Any) -> Any:
        return nn.linear(layers(x), outputs)

    slot = cb.Group(_block, op=cb.Choice(bias=bias, plain=_plain))
    space = cb.Space(network, (8,), 3, layers=cb.Repeat(slot, 2, 3))
    same_in_any_company(space, [[0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0]])


def test_tied_weights_are_those_of_the_embedding_at_hand() -> None:
    @cb.op
    def head(x: Any) -> Any:
        return nn.unembed(nn.norm(nn.linear(x, 8), "layer"), x)

    def network(x: Any, vocab: Any, last: Any, outputs: Any) -> Any:
        return nn.linear(nn.mean(last(nn.embedding(x, vocab, 8))), outputs)

    last = cb.Group(_block, op=cb.Choice(head=head, plain=_plain))
    space = cb.Space(network, (8,), 3, vocab=cb.Choice(50, 60), last=last)
    same_in_any_company(space, [[0, 0], [1, 0], [0, 1]])


def _masked(**genes: Any) -> cb.Space:
    def network(x: Any, nodes: Any, outputs: Any, out: Any) -> Any:
        every = nodes.each(x)
        return nn.linear(nn.concat(x, nn.concat(every[out])), outputs)

    node = cb.Group(lambda x, k: nn.linear(x, k), k=cb.Choice(4, 8))
    return cb.Space(network, (8,), 3, nodes=cb.Repeat(node, 1, 3), **genes)


def test_a_mask_that_nothing_reads_counts_where_loose_ends_are_tied() -> None:
    space = _masked(out=cb.Mask(back=3, of="nodes", loose=True), other=cb.Mask(back=3, of="nodes"))
    same_in_any_company(space, [[2, 0, 0, 0, 1, 0], [2, 0, 0, 0, 1, 7]])


def test_the_recipe_of_a_genome_is_the_same_the_second_time() -> None:
    def network(x: Any, nodes: Any, outputs: Any) -> Any:
        return nn.linear(nodes(x), outputs)

    node = cb.Group(lambda x, k: nn.linear(x, k), k=cb.Choice(4, 8))
    unread = cb.Mask(back=4, of="nodes", min=2)
    space = cb.Space(network, (8,), 3, nodes=cb.Repeat(node, 1, 2), out=unread)
    genomes = np.zeros((2, space.n_genes), dtype=space.dtype)
    assert space.unique(genomes, recipe=True).tolist() == [0]
    same_in_any_company(space, genomes)


def test_what_earlier_calls_were_asked_changes_nothing() -> None:
    for space in (cb.spaces.cell201(), cb.spaces.convnet(), cb.spaces.cell101()):
        genomes = space.sample(600, seed=1)
        hashes = _core.hash(space.layout, genomes)
        first = _core.decode(space.layout, genomes[:300])
        again = _core.decode(space.layout, genomes, threads=2)
        whole = _core.decode(space.layout, genomes, fragments=False)
        assert np.array_equal(hashes, whole[0])
        assert np.array_equal(again[0], whole[0])
        assert np.array_equal(again[1], whole[1])
        for name, values in whole[2].items():
            assert np.array_equal(again[2][name], values), name  # type: ignore[literal-required]
            assert np.array_equal(first[2][name], values[:300]), name  # type: ignore[literal-required]
        large = space.resources(genomes, batch=7)
        one = space.resources(genomes)
        assert np.array_equal(large["memory"], 7 * one["memory"])
        assert np.array_equal(one["params"], whole[2]["params"])
