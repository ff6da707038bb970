"""Configs: genomes in the user's words and back, and what is said about wrong ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from space.random_spaces import spaces


@settings(max_examples=150, deadline=None)
@given(spaces(), st.integers(0, 2**32))
def test_encode_and_decode_are_inverse_on_normal_forms(space, seed):
    genomes = _core.normalise(space.layout, space.sample(8, seed=seed))
    configs = list(space.decode(genomes))
    assert np.array_equal(space.encode(configs), genomes)
    assert list(space.decode(space.encode(configs))) == configs
    assert np.array_equal(space.encode(configs[0]), genomes[0])


@settings(max_examples=80, deadline=None)
@given(spaces(limit=10**9), st.integers(0, 2**32))
def test_genomes_decode_alike_exactly_if_their_normal_forms_are_equal(space, seed):
    rng = np.random.default_rng(seed)
    genomes = rng.integers(0, space.layout.options, size=(30, space.n_genes)).astype(space.dtype)
    normal = [tuple(row) for row in _core.normalise(space.layout, genomes).tolist()]
    texts = [repr(config) for config in space.decode(genomes)]
    assert len(set(zip(normal, texts, strict=True))) == len(set(normal)) == len(set(texts))


def example() -> cb.Space:
    block = cb.Group(
        op=cb.Choice("conv", "pool"),
        kernel=cb.Choice(1, 3, 5, when={"op": "conv"}),
        skip=cb.Reference(2, optional=True),
    )
    return cb.Space(
        stem=cb.Group(width=cb.Choice(16, 32)),
        layers=cb.Repeat(block, 1, 4),
        lr=cb.Float(1e-4, 1e-1, log=True),
        depth=cb.Int(1, 1000, log=True, levels=4),
    )


GOOD = {
    "stem": {"width": 32},
    "layers": [{"op": "pool", "skip": None}, {"op": "conv", "kernel": 5, "skip": 2}],
    "lr": 0.001,
    "depth": 10,
}


def test_a_config_leaves_out_what_is_inactive():
    space = example()
    genome = space.encode(GOOD)
    assert genome.shape == (space.n_genes,)
    config = space.decode(genome)
    assert config["layers"] == GOOD["layers"]
    assert config["stem"] == {"width": 32}


def test_ranges_take_the_nearest_level_and_inactive_values_are_left_out():
    space = example()
    config = {**GOOD, "lr": 0.00101, "depth": 9, "layers": [{"op": "pool", "kernel": 3, "skip": None}]}
    decoded = space.decode(space.encode(config))
    assert decoded["lr"] == pytest.approx(0.001, rel=0.02)
    assert decoded["depth"] == 10
    assert decoded["layers"] == [{"op": "pool", "skip": None}]


def test_numpy_values_are_understood():
    config = {**GOOD, "stem": {"width": np.int64(16)}, "lr": np.float32(0.01)}
    assert example().decode(example().encode(config))["stem"]["width"] == 16


def change(**parts):
    return {**GOOD, **parts}


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (change(stem={"width": 33}), ValueError, r"stem\.width: 33 is not an option; did you mean 32"),
        (change(stem={"widht": 32}), ValueError, r"unknown key 'stem\.widht'; did you mean 'stem\.width'"),
        (change(stem=32), TypeError, "stem must be a dict of width; got 32"),
        (
            change(layers=[{"op": "conv", "skip": None}]),
            ValueError,
            r"layers\[0\]\.kernel is missing; options: 1, 3, 5",
        ),
        (change(layers=[{"op": "pool"}]), ValueError, r"layers\[0\]\.skip is missing"),
        (
            change(layers=[{"op": "cnv", "skip": None}]),
            ValueError,
            r"layers\[0\]\.op: 'cnv'.*did you mean 'conv'",
        ),
        (change(layers=[]), ValueError, "layers takes 1 … 4 slots; got 0"),
        (change(layers="conv"), TypeError, "layers must be a list of dicts"),
        (change(layers=[3]), TypeError, r"layers\[0\] must be a dict of op, kernel, skip; got 3"),
        (change(lr=1.0), ValueError, "lr: 1.0 is outside the range 0.0001 … 0.1"),
        (change(lr="fast"), TypeError, "lr: 'fast' is not a number"),
        (change(lr=float("nan")), ValueError, "lr: nan is outside"),
        (change(depth=2.5), TypeError, "depth: 2.5 is not a whole number"),
        (change(depth=float("inf")), TypeError, "depth: inf is not a whole number"),
        (change(learning_rate=1), ValueError, "unknown key 'learning_rate'"),
        ({k: v for k, v in GOOD.items() if k != "stem"}, ValueError, "stem is missing; it holds width"),
        ({k: v for k, v in GOOD.items() if k != "layers"}, ValueError, "layers is missing"),
        ({k: v for k, v in GOOD.items() if k != "lr"}, ValueError, "lr is missing"),
        (3, TypeError, "encode takes a config"),
        ([GOOD, 3], TypeError, "must be a dict"),
    ],
)
def test_wrong_configs_are_refused_with_the_path(config, error, message):
    with pytest.raises(error, match=message):
        example().encode(config)


def test_the_row_of_a_wrong_config_is_named():
    bad = {k: v for k, v in GOOD.items() if k != "lr"}
    with pytest.raises(ValueError, match="config 1: lr is missing"):
        example().encode([GOOD, bad])
    with pytest.raises(ValueError, match="config 1: stem"):
        example().encode([GOOD, change(stem={"width": 3})])


def test_decoded_is_a_lazy_sequence_over_a_copy():
    space = cb.spaces.mlp()
    genomes = space.sample(20, seed=3)
    decoded = space.decode(genomes)
    first = decoded[0]
    genomes[:] = 0
    assert decoded[0] == first
    assert len(decoded) == 20
    assert decoded[-1] == list(decoded)[19]
    assert list(decoded[5:8]) == [decoded[i] for i in range(5, 8)]
    assert next(iter(decoded[::-1])) == decoded[19]
    with pytest.raises(IndexError):
        decoded[20]
    assert decoded.hashes.shape == (20, 2)
    assert decoded.hashes.dtype == np.uint64
    assert np.array_equal(decoded.hashes, space.hash(decoded.genomes))
    assert np.array_equal(decoded.recipe_hashes, space.hash(decoded.genomes, recipe=True))
    assert np.array_equal(decoded.resources["macs"], space.resources(decoded.genomes)["macs"])


def test_threads_change_nothing():
    space = cb.spaces.convnet()
    genomes = space.sample(300, seed=1, threads=1)
    assert np.array_equal(genomes, space.sample(300, seed=1, threads=3))
    one, three = space.decode(genomes), space.decode(genomes, threads=3)
    assert np.array_equal(one.hashes, three.hashes)
    assert all(np.array_equal(one.resources[k], three.resources[k]) for k in one.resources)


def test_plain_spaces_hash_their_normal_forms():
    space = cb.Space(on=cb.Choice(False, True), a=cb.Choice(1, 2, 3, when="on"))
    genomes = np.array([[0, 0], [0, 2], [1, 0], [1, 2]], dtype=np.uint8)
    decoded = space.decode(genomes)
    assert len(np.unique(decoded.hashes, axis=0)) == 3
    assert np.array_equal(decoded.hashes, decoded.recipe_hashes)
    with pytest.raises(ValueError, match="resources need templates"):
        _ = decoded.resources


METHODS = ["decode", "hash", "resources", "graphs"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda g: g[:, :-1].copy(), ValueError, "37"),
        (lambda g: g.astype(np.int64), TypeError, "uint8"),
        (lambda g: g.astype(np.uint16), TypeError, "uint8"),
        (lambda g: g.astype(float), TypeError, "uint8"),
        (lambda g: g[:, ::-1], ValueError, "contiguous"),
        (lambda g: g[::2], ValueError, "contiguous"),
        (lambda g: np.asfortranarray(g), ValueError, "contiguous"),
        (lambda g: g.tolist(), TypeError, "array"),
        (lambda g: np.full_like(g, 200), ValueError, "200"),
        (lambda g: None, TypeError, "genomes"),
    ],
)
def test_wrong_genomes_are_refused(method, make, error, message):
    space = cb.spaces.mlp()
    with pytest.raises(error, match=message):
        getattr(space, method)(make(space.sample(6)))


def test_wide_genomes_of_the_other_byte_order_are_refused():
    space = cb.Space(a=cb.Choice(*range(1000)))
    genomes = space.sample(3)
    assert genomes.dtype == np.uint16
    with pytest.raises(TypeError, match=r"byte order|uint16"):
        space.decode(genomes.astype(genomes.dtype.newbyteorder()))


def test_one_genome_must_fit_too():
    space = cb.spaces.mlp()
    with pytest.raises(ValueError, match="37"):
        space.decode(np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"explain takes one genome of shape \(37,\); got shape \(6, 37\)"):
        space.explain(space.sample(6))
    with pytest.raises(TypeError):
        space.decode(np.zeros(37))


def test_unique_keeps_the_first_genome_of_each_network():
    space = cb.spaces.cell201(input=(3, 8, 8), cells=1, recipe=True)
    genomes = space.sample(3000, seed=5)
    for recipe in (False, True):
        seen: set[tuple[int, ...]] = set()
        first = []
        for row, words in enumerate(space.hash(genomes, recipe=recipe).tolist()):
            if tuple(words) not in seen:
                seen.add(tuple(words))
                first.append(row)
        assert space.unique(genomes, recipe=recipe).tolist() == first
    assert len(space.unique(genomes)) < len(genomes) == len(space.unique(genomes, recipe=True))
    assert space.unique(genomes[:0]).shape == (0,)
