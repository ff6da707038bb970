"""Spaces that users make of groups, references and operations take part in everything."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.space.families.recipe import recipe_genes


@cb.op
def separable(x: Any, width: Any, kernel: Any, stride: Any) -> Any:
    y = cb.nn.conv2d(x, x.channels, kernel, stride, groups=x.channels)
    return cb.nn.activation(cb.nn.norm(cb.nn.conv2d(y, width, 1), "batch"), "relu")


@cb.op
def joined(x: Any, other: Any) -> Any:
    return cb.nn.conv2d(cb.nn.concat(x, other), x.channels, 1)


def branching() -> cb.Space:
    """Slots with an operation, an optional skip and a way of merging; default templates throughout."""
    slot = cb.Group(
        op=cb.Choice(separable=separable, pool="max_pool", same="identity"),
        width=cb.Choice(4, 8, when={"op": "separable"}),
        kernel=cb.Choice(1, 3, when={"op": ["separable", "pool"]}),
        stride=cb.Choice(1, 2, when={"op": ["separable", "pool"]}),
        skip=cb.Reference(back=3, optional=True),
        merge=cb.Choice(add="add", joined=joined, when="skip"),
    )
    return cb.Space(
        None, (1, 8, 8), 10, layers=cb.Repeat(slot, 1, 4), head=cb.Choice("mean", "flatten"), **recipe_genes()
    )


def towers() -> cb.Space:
    """A stamped group inside slots of slots, with parameters that are passed and conditions on groups."""

    def unit(x: Any, kernel: Any, width: Any, activation: Any) -> Any:
        return cb.nn.activation(cb.nn.conv2d(x, width, kernel), activation)

    def tower(x: Any, unit: Any, scale: Any, steps: Any) -> Any:
        return steps(cb.nn.conv2d(x, 4 * scale, 1), width=4 * scale)

    def step(x: Any, unit: Any, twice: Any, width: Any) -> Any:
        y = unit(x, width=width)
        return cb.switch(twice, {False: y, True: lambda: cb.nn.add(unit(y, width=width), x)})

    def network(x: Any, towers: Any, outputs: Any, depth: Any) -> Any:
        y = cb.switch(depth, {"shallow": lambda: cb.nn.resize(x, 4, 4), "deep": x})
        return cb.nn.linear(cb.nn.mean(towers(y)), outputs)

    steps = cb.Repeat(cb.Group(step, twice=cb.Choice(False, True)), 0, 2)
    inner = cb.Group(tower, scale=cb.Int(1, 3), steps=steps)
    return cb.Space(
        network, (1, 8, 8), 10,
        unit=cb.Group(unit, kernel=cb.Choice(1, 3), activation=cb.Choice("relu", "silu")),
        towers=cb.Repeat(inner, 1, 2), depth=cb.Choice("shallow", "deep"), **recipe_genes(),
    )  # fmt: skip


def nested() -> cb.Space:
    """A family whose block is a group of the user's."""
    block = cb.Group(op=cb.Choice(separable=separable, same="identity"), kernel=cb.Choice(1, 3))
    return cb.spaces.convnet((1, 8, 8), 10, max_depth=3, widths=(4, 8), block=block, shared=True)


SPACES = {"branching": branching, "towers": towers, "nested": nested}


@pytest.mark.parametrize("name", SPACES)
def test_from_genomes_to_files_and_back(name: str, tmp_path: Path) -> None:
    space = SPACES[name]()
    genomes = space.sample(500, seed=2)
    decoded = space.decode(genomes)
    hashes = space.hash(genomes)
    assert np.array_equal(space.hash(space.encode(list(decoded))), hashes)
    assert len(np.unique(hashes, axis=0)) > 50
    cost = space.resources(genomes)["macs"].astype(float)
    for crossover in (cb.UniformCrossover(0.9), cb.SubgraphCrossover(), cb.HomologousCrossover()):
        if name == "towers" and not isinstance(crossover, cb.UniformCrossover):
            continue
        mutation = (cb.ResetMutation(), cb.StructuralMutation(0.5))
        children = cb.breed(
            genomes, cost, space.layout, n=300, crossover=crossover, mutation=mutation, seed=1, generation=1
        )
        assert space.resources(children)["params"].min() > 0
    for file in ("space.json", "space.toml"):
        space.save(tmp_path / file)
        assert np.array_equal(cb.Space.load(tmp_path / file).hash(genomes), hashes)
    twin = copy.deepcopy(space)
    assert twin.decode(genomes[0]) == space.decode(genomes[0])
    assert np.array_equal(twin.hash(genomes), hashes)
    for genome in genomes[:5]:
        architecture = cb.Architecture.of(space, genome)
        assert cb.Architecture.from_json(architecture.to_json()) == architecture
        assert str(architecture.params) in architecture.summary().replace(",", "")
        assert "class Model" in architecture.source()


@pytest.mark.parametrize("name", SPACES)
def test_searched_stored_and_reported(name: str, tmp_path: Path) -> None:
    space = SPACES[name]()
    run = cb.search(
        space, task="digits", budget=4, epochs=0.2, workers=0, seed=3, objectives=["accuracy", "params"],
        constraints={"params": 50_000}, store=str(tmp_path / "run.db"),
    )  # fmt: skip
    assert 0 < run.best.metrics["params"] <= 50_000
    assert run.best.architecture.params == run.best.metrics["params"]
    run.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 1000
    again = cb.load(str(tmp_path / "run.db"))
    assert again.best.config == run.best.config


def test_expected_macs_are_searched_where_networks_adjust() -> None:
    space = cb.spaces.adaptive((1, 8, 8), 10, widths=[(4, 8), (8,)], max_depth=1, thresholds=(0.3, 0.5))
    run = cb.search(
        space, task="digits", budget=4, epochs=0.2, workers=0, seed=3,
        objectives=["accuracy", "expected_macs"], constraints={"macs": 1e6},
    )  # fmt: skip
    for candidate in run.front:
        assert 0 < candidate.metrics["expected_macs"] <= candidate.metrics["macs"]
