"""The snippets of the design run as they stand there."""
# ruff: noqa: E501

from __future__ import annotations

import numpy as np

import cambrian as cb
from cambrian import _core


@cb.op
def separable(x, width, kernel, stride):
    return cb.nn.conv2d(cb.nn.conv2d(x, x.channels, kernel, stride, groups=x.channels), width, 1)


@cb.op
def conv(x, width, kernel, stride):
    return cb.nn.activation(cb.nn.norm(cb.nn.conv2d(x, width, kernel, stride), "batch"), "relu")


@cb.op
def max_pool(x, stride):
    return cb.nn.max_pool(x, 3, stride)


@cb.op
def stem(x):
    return cb.nn.conv2d(x, 16, 3)


def test_the_space_of_the_design():
    block = cb.Group(op=cb.Choice(conv=conv, separable=separable, max_pool=max_pool, identity="identity"),
                     kernel=cb.Choice(1, 3, 5, when={"op": ["conv", "separable"]}),
                     width=cb.Choice(8, 16, 32, when={"op": ["conv", "separable"]}), stride=cb.Choice(1, 2),
                     skip=cb.Reference(back=4, optional=True), merge=cb.Choice("add", "concat", when="skip"))  # fmt: skip
    convnet = cb.Space(stem=stem, layers=cb.Repeat(block, 1, 12), head=cb.Choice("mean", "flatten"),
                       lr=cb.Float(1e-4, 1e-1, log=True))  # fmt: skip
    slot = (2 * 3 * 3 + 2) * 2 * (1 + 4 * 2)
    assert convnet.size == sum(slot**n for n in range(1, 13)) * 2 * 256
    for shape in ((1, 8, 8), (3, 32, 32)):
        space = convnet.bind(shape, 10)
        genomes = space.sample(2000, seed=0)
        assert space.resources(genomes)["params"].min() > 0
        assert np.array_equal(
            space.encode(list(space.decode(genomes))), _core.normalise(space.layout, genomes)
        )
        assert space.layout.recipe.tolist() == [path == "lr" for path in space.paths]


def test_primitives_as_options_take_the_width_of_the_group():
    block = cb.Group(op=cb.Choice(conv=cb.nn.conv2d, depthwise=separable), kernel=cb.Choice(1, 3), width=cb.Choice(8, 16),
                     stride=cb.Choice(1, 2))  # fmt: skip
    space = cb.Space(input=(1, 8, 8), outputs=10, layers=cb.Repeat(block, 1, 1))
    genome = space.encode([{"layers": [{"op": "conv", "kernel": 3, "width": 16, "stride": 1}]}])
    assert space.resources(genome)["params"][0] == 9 * 16 + 16 + 170


def test_a_space_for_a_model_of_ones_own_is_plain():
    space = cb.Space(layers=cb.Int(1, 8), width=cb.Choice(32, 64, 128), act=cb.Choice("relu", "gelu"),
                     lr=cb.Float(1e-4, 1e-1, log=True))  # fmt: skip
    assert space.layout.plain
    assert not space.has_templates
    assert space.size == 8 * 3 * 2 * 256
    config = space.decode(space.sample(1)[0])
    assert list(config) == ["layers", "width", "act", "lr"]


def test_the_engine_room_of_the_design():
    space = cb.Space.plain(genes=64, choices=8)
    genomes = space.sample(10_000, seed=0)
    assert genomes.shape == (10_000, 64)
    assert genomes.max() == 7
    assert np.array_equal(space.encode(list(space.decode(genomes[:5]))), genomes[:5])
    assert space.hash(genomes).shape == (10_000, 2)


def test_a_stamped_cell_as_in_cell201():
    options = {"none": "zero", "skip": "identity", "pool": lambda x: cb.nn.avg_pool(x, 3),
               "conv": lambda x: cb.nn.norm(cb.nn.conv2d(cb.nn.activation(x, "relu"), x.channels, 3), "batch")}  # fmt: skip
    edges = {name: cb.Choice(**options) for name in ("e01", "e02", "e12", "e03", "e13", "e23")}

    def cell(x, e01, e02, e12, e03, e13, e23):
        n1 = e01(x)
        n2 = e02(x) + e12(n1)
        return e03(x) + e13(n1) + e23(n2)

    def network(x, cell, outputs):
        y = cb.nn.conv2d(x, 16, 3)
        for width in (16, 32):
            y = cell(cell(cb.nn.conv2d(y, width, 3)))
        return cb.nn.linear(cb.nn.mean(y), outputs)

    space = cb.Space(network, input=(3, 32, 32), outputs=10, cell=cb.Group(cell, **edges))
    assert (space.n_genes, space.size) == (6, 4**6)
    assert len(space.program.procedures) == 2
    every = np.stack(np.meshgrid(*[np.arange(4, dtype=np.uint8)] * 6, indexing="ij"), -1).reshape(-1, 6)
    genomes = np.ascontiguousarray(every)
    distinct = len(np.unique(space.hash(genomes), axis=0))
    assert 500 < distinct < 4**6
