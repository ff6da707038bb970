"""A user's own module as an operation: recorded, counted, hashed, saved, built and searched."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.network import Graph, build

SHAPE = (3, 8, 8)


class Block(nn.Module):
    """Two convolutions with a word, a count and a constant among its arguments."""

    def __init__(self, channels: int, width: int, kernel: int = 3, act: str = "relu", scale: float = 1.0):
        super().__init__()
        self.first = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
        self.second = nn.Conv2d(width, width, 1, bias=False)
        self.act = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[act]
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * self.second(self.act(self.first(x)))


class Halve(nn.Module):
    """Without parameters or arguments."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x, 2, ceil_mode=True)


class Raises(nn.Module):
    """A constructor that raises for some arguments."""

    def __init__(self, width: int):
        super().__init__()
        if width > 4:
            raise RuntimeError("too wide for me")
        self.conv = nn.Conv2d(3, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def block(**options: Any) -> Any:
    given: dict[str, Any] = {
        "channels": lambda x: x.channels,
        "shape": lambda x, width: (width, x.height, x.width),
    }
    return cb.module(Block, **{**given, **options})


def halve() -> Any:
    return cb.module(Halve, shape=lambda x: (x.channels, x.height.ceil_div(2), x.width.ceil_div(2)))


def space(**options: Any) -> cb.Space:
    slot = cb.Group(
        op=cb.Choice(mine=block(**options), half=halve(), conv="conv2d"),
        width=cb.Choice(4, 6, when={"op": ["mine", "conv"]}),
        kernel=cb.Choice(1, 3, when={"op": ["mine", "conv"]}),
        act=cb.Choice("relu", "tanh", when={"op": "mine"}),
    )
    return cb.Space(None, SHAPE, 5, layers=cb.Repeat(slot, 1, 3), head=cb.Choice("mean"))


def one(**slot: Any) -> dict[str, Any]:
    return {"layers": [slot], "head": "mean"}


MINE = {"op": "mine", "width": 4, "kernel": 3, "act": "relu"}


def counted(name: str, genome: Any, of: cb.Space) -> int:
    return int(of.resources(genome[None])[name][0])


def test_resources_are_those_of_the_built_network() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    found = space()
    genomes = found.sample(60, seed=4)
    resources = found.resources(genomes)
    for i, genome in enumerate(genomes):
        graph = cb.Architecture.of(found, genome).graph
        module = build(graph).eval()
        params = sum(p.numel() for p in module.parameters())
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            y = module(torch.zeros(1, *SHAPE))
        assert y.shape == (1, 5)
        assert (resources["params"][i], resources["macs"][i]) == (params, counter.get_total_flops() // 2)
        assert (graph.params, graph.macs) == (params, counter.get_total_flops() // 2)


def test_formulas_stand_for_counting() -> None:
    calls: list[tuple[Any, ...]] = []

    def params(x: Any, width: int, kernel: int, act: str) -> int:
        calls.append((x.channels, x.height, x.width, width, kernel, act))
        return 1000 * width

    found = space(params=params, macs=lambda x, width: x.size * width)
    genome = found.encode(one(**MINE))
    head = 4 * 5 + 5
    assert counted("params", genome, found) == 4000 + head
    assert counted("macs", genome, found) == 3 * 64 * 4 + 4 * 5
    assert (3, 8, 8, 4, 3, "relu") in calls
    before = len(calls)
    found.resources(found.sample(500, seed=3))
    known = len(calls)
    found.resources(found.sample(500, seed=3))
    assert len(calls) == known >= before  # each arguments and input shape is asked for once
    assert len(set(calls)) == len(calls)


def test_hashes_tell_names_and_arguments_apart() -> None:
    found = space()
    changed = [{}, {"act": "tanh"}, {"kernel": 1}, {"width": 6}]
    configs = [one(**{**MINE, **change}) for change in changed]
    configs += [one(op="conv", width=4, kernel=3), one(op="half")]
    hashes = found.hash(found.encode(configs))
    assert len(np.unique(hashes, axis=0)) == len(configs)
    again = space().hash(space().encode(configs))
    assert np.array_equal(hashes, again)
    scaled = space(scale=0.5)
    assert not np.array_equal(scaled.hash(scaled.encode(configs[:1])), hashes[:1])
    slot = dict(space().members["layers"].group.members)
    slot["op"] = cb.Choice(conv="conv2d", half=halve(), mine=block())
    other = cb.Space(None, SHAPE, 5, layers=cb.Repeat(cb.Group(**slot), 1, 3), head=cb.Choice("mean"))
    assert np.array_equal(other.hash(other.encode(configs)), hashes)


def test_two_uses_keep_weights_of_their_own() -> None:
    mine = block(width=4)

    def network(x: Any, outputs: Any) -> Any:
        return cb.nn.linear(cb.nn.mean(cb.nn.add(mine(x), mine(x))), outputs)

    found = cb.Space(network, SHAPE, 5, kernel=cb.Choice(1, 3))
    graph = cb.Architecture.of(found, found.sample(1)[0]).graph
    assert [node.op for node in graph.nodes].count("module") == 2


def test_saved_spaces_and_architectures_mean_the_same(tmp_path: Path) -> None:
    found = space()
    genomes = found.sample(100, seed=1)
    for name in ("space.json", "space.toml"):
        found.save(tmp_path / name)
        loaded = cb.Space.load(tmp_path / name)
        assert np.array_equal(loaded.hash(genomes), found.hash(genomes))
        assert np.array_equal(loaded.resources(genomes)["params"], found.resources(genomes)["params"])
    architecture = cb.Architecture.of(found, found.encode(one(**MINE)))
    again = cb.Architecture.from_json(architecture.to_json())
    assert again == architecture
    module = build(again.graph)
    assert module.get_submodule("module_1").act.__class__ is nn.ReLU
    assert "Block(act='relu', channels=3, kernel=3, width=4)" in found.explain(found.encode(one(**MINE)))


def test_source_imports_the_class(tmp_path: Path) -> None:
    architecture = cb.Architecture.of(space(), space().encode(one(**MINE)))
    text = architecture.source()
    assert f"from {Block.__module__} import Block" in text
    assert f"needs torch, and your {Block.__module__}:Block" in text
    names: dict[str, Any] = {"__name__": "found"}
    exec(text, names)
    module = build(architecture.graph)
    model = names["Model"]()
    model.load_state_dict(module.state_dict())
    x = torch.randn(2, *SHAPE)
    assert torch.equal(model(x), module(x))


def test_spaces_of_modules_breed_and_copy() -> None:
    found = space()
    genomes = found.sample(200, seed=5)
    cost = found.resources(genomes)["params"].astype(float)
    children = cb.breed(genomes, cost, found.layout, n=200, seed=1, generation=1)
    assert found.resources(children)["params"].min() > 0
    twin = copy.deepcopy(found)
    assert np.array_equal(twin.hash(genomes), found.hash(genomes))
    wider = found.bind((3, 12, 12), 7)
    assert wider.resources(genomes)["macs"].min() > 0


@pytest.mark.parametrize("workers", [0, 1])
def test_searched_in_this_process_and_in_workers(workers: int) -> None:
    rng = np.random.default_rng(0)
    y = np.tile(np.arange(5), 24)
    X = (rng.normal(size=(120, *SHAPE)) + y[:, None, None, None]).astype(np.float32)
    slot = cb.Group(op=cb.Choice(mine=block()), width=cb.Choice(4, 6), kernel=cb.Choice(1, 3))
    found = cb.Space(None, SHAPE, 5, layers=cb.Repeat(slot, 1, 2), head=cb.Choice("mean"))
    run = cb.search(
        found,
        task=cb.Task(X, y),
        budget=4,
        epochs=1,
        workers=workers,
        objectives=["accuracy", "params"],
        seed=1,
    )
    assert len(run.evaluations) == 4 if hasattr(run, "evaluations") else True
    assert run.best.metrics["params"] > 0
    assert any("module" in name for name, _ in run.best.module().named_modules())


def wrong_shape() -> cb.Space:
    wrong = cb.module(Block, channels=3, shape=lambda x, width: (width, x.height, 2))
    return cb.Space(None, SHAPE, 5, op=cb.Choice(wrong=wrong), width=cb.Choice(4, 6), head=cb.Choice("mean"))


def raising() -> cb.Space:
    raises = cb.module(Raises, shape=lambda x, width: (width, x.height, x.width))
    return cb.Space(None, SHAPE, 5, op=cb.Choice(raises), width=cb.Choice(4, 6), head=cb.Choice("mean"))


def local() -> None:
    class Inner(nn.Module):
        pass

    cb.module(Inner, shape=lambda x: (1,))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (wrong_shape, ValueError, r"gives \(\d, 8, 8\), but its shape= says \(\d, 8, 2\)"),
        (raising, ValueError, r"Raises\(width=6\) can't be counted .* RuntimeError: too wide for me"),
        (local, TypeError, "defined inside a function"),
        (lambda: cb.module(print, shape=lambda x: (1,)), TypeError, "takes a class of torch.nn.Module"),
        (lambda: block(widht=3), ValueError, "unknown argument of Block 'widht'; did you mean 'width'"),
        (lambda: block(shape=lambda x, wide: (1,)), ValueError, "unknown argument of Block in shape= 'wide'"),
        (lambda: block(shape=3), TypeError, "shape= of Block must be a function"),
        (lambda: space(shape=lambda x, width: width), TypeError, "must return"),
        (
            lambda: space(params=lambda x: 1.5, macs=lambda x: 1),
            ValueError,
            "params= of Block.* whole number",
        ),
    ],
)
def test_what_cannot_work_is_refused(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_file_cannot_run_code_of_its_choice() -> None:
    architecture = cb.Architecture.of(space(), space().encode(one(**MINE)))
    text = architecture.graph.to_json()
    path = f"{Block.__module__}:Block"
    for other, message in [
        ("antigravity:fly", "has not loaded; import antigravity first"),
        ("os:system", "no torch.nn.Module"),
        ("subprocess:Popen", "no torch.nn.Module"),
    ]:
        graph = Graph.from_json(text.replace(path, other))
        with pytest.raises(ValueError, match=message):
            build(graph)
    for damage, message in [
        (("../x:y", path), "module must name a class"),
        (('"params": -1', f'"params": {architecture.graph.nodes[1].attrs["params"]}'), "params must be"),
        (('"arguments": "[]"', f'"arguments": {json.dumps(architecture.graph.nodes[1].attrs["arguments"])}'),
         "arguments must be"),
    ]:  # fmt: skip
        assert damage[1] in text
        with pytest.raises(ValueError, match=message):
            Graph.from_json(text.replace(damage[1], damage[0]))
    lied = Graph.from_json(text.replace('"params": ', '"params": 1'))
    with pytest.raises(ValueError, match="parameters, but was counted with"):
        build(lied)
    assert build(Graph.from_json(text.replace(path, "my:Block")), {"my:Block": Block})


def test_five_arguments_may_vary() -> None:
    options: dict[str, tuple[Any, ...]] = {
        "channels": (3,), "width": (4, 6), "kernel": (1, 3), "act": ("relu", "tanh"), "scale": (0.5, 1.0)
    }  # fmt: skip
    members: dict[str, Any] = {name: cb.Choice(*values) for name, values in options.items()}
    mine = cb.module(Block, shape=lambda x, width: (width, x.height, x.width))
    found = cb.Space(None, SHAPE, 5, op=cb.Choice(mine=mine), head=cb.Choice("mean"), **members)
    assert len(np.unique(found.hash(found.sample(200)), axis=0)) == 16
    network = build(
        cb.Architecture.of(found, found.encode({**found.decode(found.sample(1)[0]), "scale": 0.5})).graph
    )
    assert network.get_submodule("module_1").scale == 0.5


class Many(nn.Module):
    """More arguments than a node holds."""

    def __init__(self, a: int, b: int, c: int, d: int, e: int, f: int):
        super().__init__()
        self.sum = a + b + c + d + e + f

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.sum


def test_more_than_five_must_be_constants() -> None:
    members: dict[str, Any] = {name: cb.Choice(1, 2) for name in "abcdef"}
    same = {"shape": lambda x: (x.channels, x.height, x.width)}
    with pytest.raises(TypeError, match="at most 5 arguments from genes; got a, b, c, d, e, f"):
        cb.Space(None, SHAPE, 5, op=cb.Choice(many=cb.module(Many, **same)), **members)
    found = cb.Space(None, SHAPE, 5, op=cb.Choice(many=cb.module(Many, f=3, **same)), **members)
    assert len(np.unique(found.hash(found.sample(500)), axis=0)) == 32
