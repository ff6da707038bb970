"""What the core remembers of parts of networks changes no digest and no count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from core import networks

nn = cb.nn


def same_without_fragments(layout: _core.Layout, genomes: np.ndarray[Any, Any]) -> None:
    known = _core.decode(layout, genomes)
    whole = _core.decode(layout, genomes, fragments=False)
    assert np.array_equal(known[0], whole[0])
    assert np.array_equal(known[1], whole[1])
    for name, values in whole[2].items():
        assert np.array_equal(known[2][name], values), name  # type: ignore[literal-required]


@pytest.mark.parametrize("name", cb.spaces.FAMILIES)
def test_families(name: str) -> None:
    space = cb.spaces.FAMILIES[name]()
    genomes = space.sample(2000, seed=3)
    same_without_fragments(space.layout, genomes)
    # Neighbours share nearly all parts.
    some = np.repeat(genomes[:40], 25, axis=0)
    options = space.layout.options
    columns = np.random.default_rng(0).integers(0, space.layout.n_genes, len(some))
    rows = np.arange(len(some))
    some[rows, columns] = (some[rows, columns] + 1) % options[columns]
    same_without_fragments(space.layout, some)


def test_layouts_of_conditions_and_references() -> None:
    for depth in (1, 2, 3):
        layout = networks.convolutional(depth, (2, 8, 8)).layout()
        same_without_fragments(layout, networks.genomes(layout, 2000))


@cb.op
def _excite(x: Any) -> Any:
    """Stands on its input with an operation that others may share, and reads it twice."""
    return nn.multiply(x, nn.activation(nn.linear(nn.mean(x), x.channels), "sigmoid"))


@cb.op
def _twins(x: Any, kernel: Any) -> Any:
    """Two equal branches of their own."""
    return nn.add(nn.conv2d(x, x.channels, kernel), nn.conv2d(x, x.channels, kernel), x)


@cb.op
def _crossed(x: Any, kernel: Any) -> Any:
    """Equal operands of which one is read again: which comes first matters."""
    a, b = nn.conv2d(x, x.channels, kernel), nn.conv2d(x, x.channels, kernel)
    return nn.add(nn.multiply(a, b), nn.conv2d(a, x.channels, 3))


@cb.op
def _relu_first(x: Any, kernel: Any, width: Any) -> Any:
    return nn.norm(nn.conv2d(nn.activation(x, "relu"), width, kernel), "batch")


@cb.op
def _two_first(x: Any, width: Any) -> Any:
    return nn.conv2d(nn.max_pool(nn.activation(x, "relu"), 3), width, 1)


@cb.op
def _residual(x: Any, kernel: Any, width: Any) -> Any:
    return nn.add(nn.conv2d(x, x.channels, kernel), _relu_first(x, kernel=kernel, width=width))


@cb.op
def _nothing_left(x: Any) -> Any:
    return nn.add(x, nn.zero(nn.conv2d(x, x.channels, 3)))


@cb.op
def _flat(x: Any, kernel: Any) -> Any:
    """A view whose memory is kept, a value read last inside."""
    return nn.add(nn.linear(nn.flatten(nn.conv2d(x, x.channels, kernel)), 12), nn.linear(nn.mean(x), 12))


def _branching(x: Any, first: Any, second: Any, third: Any, merge: Any) -> Any:
    y = first(x)
    return merge(y, second(x), third(y))


def _space(depth: int, seed: int) -> cb.Space:
    random = np.random.default_rng(seed)
    known = {
        "excite": _excite, "twins": _twins, "crossed": _crossed, "relu_first": _relu_first,
        "two_first": _two_first, "residual": _residual, "nothing_left": _nothing_left,
        "conv": nn.conv2d, "identity": nn.identity, "pool": nn.max_pool,
    }  # fmt: skip

    def operation() -> cb.Choice:
        names = random.choice(sorted(known), size=4, replace=False)
        return cb.Choice(**{str(name): known[str(name)] for name in names})

    def block() -> cb.Group:
        return cb.Group(
            _branching, first=operation(), second=operation(), third=operation(), merge=cb.Choice("add"),
            kernel=cb.Choice(1, 3), width=cb.Choice(4, 6), stride=cb.Choice(1, 2),
        )  # fmt: skip

    stamped = block()

    def network(x: Any, stem: Any, layers: Any, stamp: Any, outputs: Any) -> Any:
        y = stamp(layers(stamp(stem(x))))
        y = stamp(stamp(nn.add(y, stamp(y))))
        return nn.linear(_flat(y, kernel=3), outputs)

    def stem(x: Any, width: Any) -> Any:
        return nn.norm(nn.conv2d(x, width, 3), "batch")

    return cb.Space(
        network, (3, 8, 8), 10,
        stem=cb.Group(stem, width=cb.Choice(4, 8)),
        layers=cb.Repeat(block(), 1, depth),
        stamp=stamped,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_random_spaces(seed: int) -> None:
    """Stamped and repeated groups of operations that share, tie, fall away or read their input twice."""
    space = _space(3, seed)
    same_without_fragments(space.layout, space.sample(1500, seed=seed))


def test_threads_and_blocks_change_nothing() -> None:
    space = _space(3, 100)
    genomes = space.sample(1500, seed=0)
    one, many = _core.decode(space.layout, genomes), _core.decode(space.layout, genomes, threads=3)
    parts = [_core.decode(space.layout, genomes[i : i + 100]) for i in range(0, 1500, 100)]
    assert np.array_equal(one[0], many[0])
    assert np.array_equal(one[0], np.concatenate([part[0] for part in parts]))
    for name, values in one[2].items():
        assert np.array_equal(values, many[2][name])  # type: ignore[literal-required]


def test_networks_that_are_too_large_are_refused_alike() -> None:
    names = [f"more{i}" for i in range(10)]

    def block(x: Any, kernel: Any) -> Any:
        for _ in range(70):
            x = nn.activation(nn.conv2d(x, 4, kernel), "relu")
        return x

    def often(y: Any, block: Any) -> Any:
        for _ in range(15):
            y = block(y)
        return y

    def main(x: Any, block: Any, outputs: Any, genes: tuple[Any, ...]) -> Any:
        for gene in genes:
            x = cb.switch(gene, {False: x, True: lambda x=x: often(x, block)})
        return nn.linear(nn.mean(x), outputs)

    arguments = ", ".join(names)
    scope: dict[str, Any] = {"main": main}
    exec(f"def network(x, block, outputs, {arguments}): return main(x, block, outputs, ({arguments}))", scope)
    genes = {name: cb.Choice(False, True) for name in names}
    space = cb.Space(scope["network"], (3, 8, 8), 10, block=cb.Group(block, kernel=cb.Choice(1, 3)), **genes)
    genomes = np.ones((3, space.layout.n_genes), space.dtype)
    for fragments in (True, False):
        with pytest.raises(ValueError, match="more than 20000 nodes"):
            _core.decode(space.layout, genomes, fragments=fragments)
        genomes[:, -1] = 0
        _core.decode(space.layout, genomes, fragments=fragments)
        genomes[:, -1] = 1
