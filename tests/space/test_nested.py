"""Families inside families: what is nested is decoded, hashed, bred and saved like everything else."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb


@cb.op
def plain(x, kernel):
    return cb.nn.activation(cb.nn.conv2d(x, x.channels, kernel), "relu")


@cb.op
def wide(x, width, stride, kernel):
    return cb.nn.conv2d(x, width, kernel, stride)


def own_width():
    return cb.Group(op=cb.Choice("conv2d"), width=cb.Choice(6, 7), kernel=cb.Choice(1, 3))


BLOCKS = {
    "cell201": cb.spaces.cell201_cell,
    "macro": cb.spaces.macro_block,
    "keeps its input's shape": lambda: cb.Group(plain, kernel=cb.Choice(3, 5)),
    "takes width and stride": lambda: cb.Group(wide, kernel=cb.Choice(3, 5)),
    "operations take them": lambda: cb.Group(op=cb.Choice(wide, plain), kernel=cb.Choice(3, 5)),
    "has a width of its own": own_width,
    "repeats": lambda: cb.Group(deep=cb.Repeat(cb.Group(plain, kernel=cb.Choice(3, 5)), 0, 3)),
}
SPACES = {
    "convnet": lambda block, shared: cb.spaces.convnet(
        (2, 9, 9), 5, max_depth=3, widths=(4, 8), block=block, shared=shared
    ),
    "macro": lambda block, shared: cb.spaces.macro(
        (2, 9, 9), 5, widths=[(4, 8), (8, 12)], max_depth=2, block=block, shared=shared
    ),
}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("family", SPACES)
def test_nested_blocks_take_part_in_everything(family, block, shared, tmp_path):
    space = SPACES[family](BLOCKS[block](), shared)
    genomes = space.sample(200, seed=3)
    decoded = space.decode(genomes)
    resources = decoded.resources
    assert resources["params"].min() > 0
    hashes = space.hash(genomes)
    assert np.array_equal(np.stack([space.encode(c) for c in decoded]), space.encode(list(decoded)))
    assert np.array_equal(space.hash(space.encode(list(decoded))), hashes)
    children = cb.breed(genomes, resources["params"].astype(float), space.layout, n=200, seed=1, generation=1)
    assert len(np.unique(space.hash(children), axis=0)) > 20
    space.save(tmp_path / "space.json")
    loaded = cb.Space.load(tmp_path / "space.json")
    assert np.array_equal(loaded.hash(genomes), hashes)
    assert np.array_equal(loaded.resources(genomes)["macs"], resources["macs"])
    assert "network" in space.explain(genomes[0])


@pytest.mark.parametrize("family", SPACES)
def test_a_shared_block_has_one_set_of_genes(family):
    apart, shared = (SPACES[family](cb.spaces.cell201_cell(), flag) for flag in (False, True))
    assert sum("e01" in path for path in shared.paths) == 1
    assert sum("e01" in path for path in apart.paths) > 2
    config = shared.decode(shared.sample(1))[0]
    assert set(config["block"]) == {"e01", "e02", "e12", "e03", "e13", "e23"}


def test_a_stamped_cell_means_the_same_as_equal_cells_apart():
    apart, shared = (SPACES["convnet"](cb.spaces.cell201_cell(), flag) for flag in (False, True))
    genomes = shared.sample(300, seed=9)
    configs = list(shared.decode(genomes))
    for config in configs:
        cell = config.pop("block")
        for slot in config["layers"]:
            slot["block"] = cell
    assert np.array_equal(shared.hash(genomes), apart.hash(apart.encode(configs)))


@pytest.mark.parametrize("make", [cb.spaces.convnet, cb.spaces.macro])
@pytest.mark.parametrize("block", [3, "cell201", cb.Group(width=cb.Choice(1, 2)), cb.spaces.cell201])
def test_what_is_no_block_is_refused(make, block):
    with pytest.raises(TypeError, match=r"block= must be a cb\.Group that can be called"):
        make(block=block)
