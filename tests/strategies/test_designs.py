"""Strategies that don't look at costs: grids and initial designs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import qmc

import cambrian as cb
from cambrian import _core
from cambrian.strategies import make
from cambrian.strategies.numbering import Numbering, Shuffle

from .spaces import SPACES, plain, repeats, tiny


def nested() -> cb.Space:
    """A repeat in a repeat that is there only now and then, with conditions of every sort."""
    inner = cb.Group(op=cb.Choice("a", "b"), rate=cb.Choice(1, 2, when={"op": "b"}))
    outer = cb.Group(inner=cb.Repeat(inner, 0, 2), last=cb.Choice(1, 2, when="deep"))
    return cb.Space(
        blocks=cb.Repeat(outer, 1, 2, when={"kind": ["x", "z"]}),
        kind=cb.Choice("x", "y", "z"),
        deep=cb.Choice(False, True, when={"kind": "z"}),
        alone=cb.Choice(7),
    )


def forms(space: cb.Space, options: list[list[int]]) -> np.ndarray:
    raw = np.array(list(itertools.product(*options)), dtype=space.dtype)
    return np.unique(_core.normalise(space.layout, raw), axis=0)


def every_option(space: cb.Space) -> list[list[int]]:
    return [list(range(n)) for n in space.layout.options]


@pytest.mark.parametrize("make_space", [tiny, SPACES["conditional"], nested])
def test_numbers_are_those_of_the_distinct_genomes(make_space):
    space = make_space()
    numbering = Numbering(space, every_option(space))
    listed = numbering.genomes(0, numbering.size)
    assert listed.dtype == space.dtype
    np.testing.assert_array_equal(np.unique(listed, axis=0), forms(space, every_option(space)))
    assert len(listed) == numbering.size == space.size
    picked = [3, 0, 3, numbering.size - 1]
    np.testing.assert_array_equal(numbering.at(picked), listed[picked])


@pytest.mark.parametrize("family", ["convnet", "darts", "cell101", "macro"])
def test_numbers_of_enormous_spaces(family):
    """As many as the space counts by another method; the ends are there and nothing is listed."""
    space = cb.spaces.make(family, (1, 8, 8), 10)
    numbering = Numbering(space, every_option(space))
    assert numbering.size == space.size
    ends = numbering.at([0, numbering.size // 2, numbering.size - 1])
    np.testing.assert_array_equal(_core.normalise(space.layout, ends), ends)
    assert not ends[0].any()
    assert len(np.unique(ends, axis=0)) == 3


def test_a_space_that_cannot_be_numbered_is_refused():
    genes = {f"g{i}": cb.Choice(0, 1) for i in range(40)}
    pairs = {f"h{i}": cb.Choice(0, 1, when={f"g{i}": 1, f"g{(i + 20) % 40}": 0}) for i in range(40)}
    with pytest.raises(ValueError, match="use strategy 'random'"):
        make("grid", cb.Space(**genes, **pairs, last=cb.Choice(0, 1, when=dict.fromkeys(genes, 1))))


@pytest.mark.parametrize("size", [1, 2, 3, 16, 17, 1000])
def test_a_shuffle_is_a_permutation(size):
    found = [Shuffle(size, 5)(i) for i in range(size)]
    assert sorted(found) == list(range(size))
    if size > 10:
        assert found != list(range(size))
        assert found != [Shuffle(size, 6)(i) for i in range(size)]


def test_a_shuffle_of_a_huge_range_spreads():
    size = 10**60
    found = [Shuffle(size, 1)(i) for i in range(200)]
    assert len(set(found)) == 200
    assert 70 < sum(number < size // 2 for number in found) < 130


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("make_space", [tiny, SPACES["conditional"], nested])
def test_a_grid_is_every_config_once(make_space, shuffle):
    space = make_space()
    strategy = make("grid", space, shuffle=shuffle, seed=3)
    genomes = []
    while not strategy.exhausted:
        genomes.append(strategy.ask(7).genomes)
    found = np.concatenate(genomes)
    assert strategy.size == len(found) == space.size
    np.testing.assert_array_equal(np.unique(found, axis=0), forms(space, every_option(space)))
    in_order = Numbering(space, every_option(space)).genomes(0, space.size)
    assert np.array_equal(found, in_order) != shuffle


def test_levels_are_evenly_spread_with_both_ends():
    space = cb.Space(
        wide=cb.Int(0, 99),
        rate=cb.Float(1e-4, 1.0, log=True, levels=5),
        few=cb.Int(1, 3),
        kind=cb.Choice(*range(9)),
    )
    strategy = make("grid", space, levels=4)
    batch = strategy.ask(10_000)
    used = [np.unique(column).tolist() for column in batch.genomes.T]
    assert used == [[0, 33, 66, 99], [0, 1, 3, 4], [0, 1, 2], list(range(9))]
    assert len(batch) == strategy.size == 4 * 4 * 3 * 9
    assert strategy.exhausted
    assert make("grid", space, levels={"wide": 2}).size == 2 * 5 * 3 * 9
    slots = cb.Space(layers=cb.Repeat(cb.Group(width=cb.Int(1, 8)), 1, 2))
    assert make("grid", slots, levels={"layers[].width": 3}).size == 3 + 9


@pytest.mark.parametrize(
    ("levels", "error", "message"),
    [
        (1, ValueError, "levels must be at least 2"),
        (2.0, TypeError, "levels must be an int"),
        ({"size": 1}, ValueError, r"levels\['size'\] must be at least 2"),
        ({"siz": 2}, ValueError, "did you mean 'size'"),
        ({"kind": 2}, ValueError, "unknown Int or Float in levels: 'kind'"),
    ],
)
def test_bad_levels(levels, error, message):
    with pytest.raises(error, match=message):
        make("grid", SPACES["conditional"](), levels=levels)
    with pytest.raises(TypeError, match="shuffle must be True or False"):
        make("grid", tiny(), shuffle=1)


def test_a_grid_of_an_enormous_space_goes_on_where_it_was():
    space = cb.spaces.convnet((1, 8, 8), 10)
    for shuffle in (False, True):
        straight = make("grid", space, shuffle=shuffle, levels=3)
        straight.ask(1000)
        snapshot = straight.snapshot()
        assert (snapshot["position"], len(snapshot["seen"])) == (1000, 0)
        straight.tell(np.arange(1000), np.zeros(1000))
        resumed = make("grid", space, shuffle=shuffle, levels=3)
        resumed.restore(straight.snapshot())
        rest = straight.ask(50).genomes
        np.testing.assert_array_equal(rest, resumed.ask(50).genomes)
        apart = np.concatenate([make("grid", space, shuffle=shuffle, levels=3).ask(1050).genomes[1000:]])
        np.testing.assert_array_equal(rest, apart)


def test_a_grid_leaves_what_is_not_valid_to_the_end():
    space = plain()

    def valid(genomes):
        return (genomes.astype(int).sum(axis=1) % 5) == 3

    strategy = make("grid", space, valid=valid, initial=space.sample(3, seed=1))
    genomes = []
    while not strategy.exhausted:
        genomes.append(strategy.ask(100).genomes)
    found = np.concatenate(genomes)
    assert len(found) == len(np.unique(found, axis=0)) == space.size
    kept = valid(found[3:])
    assert kept[: kept.sum()].all()
    assert kept.sum() + valid(found[:3]).sum() == space.size // 5


@pytest.mark.parametrize("name", ["latin", "sobol"])
def test_options_of_a_gene_are_proposed_equally_often(name):
    space = cb.Space.plain(genes=12, choices=[2, 4, 8, 16] * 3)
    strategy = make(name, space, points=32, seed=3)
    for _ in range(3):
        batch = strategy.ask()
        assert len(batch) == 32
        for column, options in zip(batch.genomes.T, space.layout.options, strict=True):
            np.testing.assert_array_equal(np.bincount(column, minlength=options), 32 // options)


def test_sobol_spreads_over_pairs_of_genes_and_goes_on_with_its_sequence():
    space = cb.Space.plain(genes=2, choices=[256, 256])
    genomes = np.concatenate([make("sobol", space, points=16, seed=1).ask(64).genomes])
    found = qmc.discrepancy(genomes / 255.0)
    chance = [qmc.discrepancy(make("random", space, seed=s).ask(64).genomes / 255.0) for s in range(10)]
    assert found < 0.3 * min(chance)
    # 64 points of one sequence: each of 8 × 8 boxes holds one, which four designs of 16 don't make true.
    assert len(np.unique(genomes // 32, axis=0)) == 64


def test_latin_designs_differ_and_follow_the_seed():
    space = cb.Space.plain(genes=6, choices=8)
    strategy, other = make("latin", space, points=8, seed=1), make("latin", space, points=8, seed=2)
    first, second = strategy.ask().genomes, strategy.ask().genomes
    for design in (first, second):
        np.testing.assert_array_equal(np.sort(design, axis=0), np.arange(8)[:, None] * np.ones(6))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other.ask().genomes)


@pytest.mark.parametrize("name", ["latin", "sobol"])
def test_designs_repair_what_repeats(name):
    """Most coordinates are unused in most candidates, and still none comes twice."""
    space = repeats()
    genomes = make(name, space, points=64, seed=0).ask(640).genomes
    np.testing.assert_array_equal(_core.normalise(space.layout, genomes), genomes)
    assert len(np.unique(genomes, axis=0)) == 640


@pytest.mark.parametrize(
    ("name", "points", "message"),
    [("latin", 1, "at least 2|2 to"), ("sobol", 24, "power of two"), ("sobol", 1, "2 to")],
)
def test_bad_points(name, points, message):
    with pytest.raises(ValueError, match=message):
        make(name, plain(), points=points)
    with pytest.raises(TypeError, match="points must be an int"):
        make(name, plain(), points=8.0)


def test_sobol_has_a_limit():
    with pytest.raises(ValueError, match="21202 genes"):
        make("sobol", cb.Space.plain(genes=21_202, choices=2))
