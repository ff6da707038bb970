"""Operations that adjust to their input: what is skipped, what is learned, what it costs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.network import Graph, build, source
from cambrian.network.regions import regions

SHAPE, CLASSES = (3, 8, 8), 4


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def conv(x: Any, width: int, stride: int = 1) -> Any:
    y = cb.nn.norm(cb.nn.conv2d(x, width, 3, stride, bias=False), "batch")
    return cb.nn.activation(y, "relu")


def graph_of(template: Callable[..., Any]) -> Graph:
    space = cb.Space(template, SHAPE, CLASSES, t=cb.Choice(0.3, 0.5))
    return Graph.from_arrays(space.graphs(space.encode([{"t": 0.3}])))


def ended(x: Any, outputs: Any) -> Any:
    return cb.nn.linear(cb.nn.mean(x), outputs)


def exits(x: Any, outputs: Any, t: Any) -> Any:
    y = conv(x, 8)
    return cb.nn.exit(ended(y, outputs), ended(conv(y, 16), outputs), t)


def gates(x: Any, outputs: Any) -> Any:
    y = conv(x, 8)
    return ended(cb.nn.gate(y, conv(y, 8), cb.nn.linear(cb.nn.mean(y), 1)), outputs)


def slims(x: Any, outputs: Any) -> Any:
    return ended(cb.nn.slim(conv(x, 10), cb.nn.linear(cb.nn.mean(x), 4), 4), outputs)


def nested(x: Any, outputs: Any, t: Any) -> Any:
    y = cb.nn.slim(conv(x, 8), cb.nn.linear(cb.nn.mean(x), 2), 2)
    z = conv(y, 8)
    inner = cb.nn.gate(z, conv(z, 8), cb.nn.linear(cb.nn.mean(z), 1))
    outer = cb.nn.gate(y, inner, cb.nn.linear(cb.nn.mean(y), 1))
    late = cb.nn.exit(ended(outer, outputs), ended(conv(outer, 12, 2), outputs), t)
    return cb.nn.exit(ended(y, outputs), late, t)


TEMPLATES = {"exit": exits, "gate": gates, "slim": slims, "nested": nested}


def trained(graph: Graph) -> nn.Module:
    """Return a module whose batch norms have seen data, and whose decisions differ from sample to sample."""
    module = build(graph)
    for parameter in module.parameters():
        if parameter.dim() == 2:
            nn.init.normal_(parameter, std=1.0)
    for _ in range(5):
        module(2 * torch.randn(64, *SHAPE))
    module.eval()
    module.training = True  # of the network itself: every layer sees every sample
    for layer in module.children():
        if isinstance(layer, nn.Linear) and layer.out_features == 1:
            seen: list[torch.Tensor] = []
            handle = layer.register_forward_hook(lambda layer, x, y, seen=seen: seen.append(y))
            with torch.no_grad():
                module(2 * torch.randn(64, *SHAPE))
                layer.bias -= seen[0].median()
            handle.remove()
    return module.eval()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_sample_does_not_depend_on_the_others(name: str) -> None:
    module, x = trained(graph_of(TEMPLATES[name])), 2 * torch.randn(40, *SHAPE)
    with torch.no_grad():
        together = module(x)
        alone = torch.cat([module(sample[None]) for sample in x])
        assert torch.allclose(together, alone, atol=1e-5)
        assert module(x[:0]).shape == (0, CLASSES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_skipping_gives_what_choosing_afterwards_gives(name: str) -> None:
    module, x = trained(graph_of(TEMPLATES[name])), 2 * torch.randn(40, *SHAPE)
    exported = torch.export.export(module, (x,)).module()
    with torch.no_grad():
        assert torch.allclose(module(x), exported(x), atol=1e-5)


@pytest.mark.parametrize("name", TEMPLATES)
def test_source_decides_as_the_module_does(name: str) -> None:
    graph = graph_of(TEMPLATES[name])
    module, x = trained(graph), 2 * torch.randn(40, *SHAPE)
    names: dict[str, Any] = {"__name__": "found"}
    exec(source(graph), names)
    model = names["Model"]()
    model.load_state_dict(module.state_dict())
    with torch.no_grad():
        assert torch.equal(model.eval()(x), module(x))
    torch.manual_seed(1)
    a = model.train()(x)
    torch.manual_seed(1)
    assert torch.equal(a, module.train()(x))
    assert all(torch.equal(one, two) for one, two in zip(model.buffers(), module.buffers(), strict=True))


def values(module: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """All values of a network's graph, computed one after the other for every sample; decisions by hand."""
    graph: Graph = module.graph  # type: ignore[assignment]
    found = [x]
    for i, node in enumerate(graph.nodes[1:], start=1):
        read = [found[k] for k in node.inputs]
        if node.op == "exit":
            sure = torch.softmax(read[0], 1).max(1).values >= int(node.attrs["threshold"]) / 1e6
            found.append(torch.stack([read[0 if s else 1][k] for k, s in enumerate(sure)]))
        elif node.op == "gate":
            found.append(torch.stack([read[int(logit > 0)][k] for k, logit in enumerate(read[2])]))
        elif node.op == "slim":
            y, parts = read[0].clone(), read[1].shape[1]
            for k, logits in enumerate(read[1]):
                kept = (int(logits.argmax()) + 1) / parts * y.shape[1]
                y[k, int(np.ceil(kept - 1e-9)) :] = 0
            found.append(y)
        elif node.op == "mean":
            found.append(read[0].flatten(2).mean(2))
        else:
            found.append(module.get_submodule(f"{node.op}_{i}")(*read))
    return found


@pytest.mark.parametrize("name", TEMPLATES)
def test_decisions_are_those_of_the_papers(name: str) -> None:
    module, x = trained(graph_of(TEMPLATES[name])), 2 * torch.randn(60, *SHAPE)
    with torch.no_grad():
        assert torch.allclose(module(x), values(module, x)[-1], atol=1e-5)


def executed(module: nn.Module, x: torch.Tensor) -> float:
    """Multiply-adds by hand: a node counts for the samples that ask for it, a narrowed one for its part."""
    graph: Graph = module.graph  # type: ignore[assignment]
    found, known = regions(graph), values(module, x)
    asked = np.ones((len(graph), len(x)))
    for i in sorted(found, reverse=True):
        node = graph.nodes[i]
        if node.op == "exit":
            logits = known[node.inputs[0]]
            share = (logits.softmax(1).amax(1) < int(node.attrs["threshold"]) / 1e6).numpy().astype(float)
        elif node.op == "gate":
            share = (known[node.inputs[2]][:, 0] > 0).numpy().astype(float)
        else:
            parts, channels = int(node.attrs["parts"]), node.shape[0]
            kept = (known[node.inputs[1]].argmax(1).numpy() + 1) * channels
            share = np.ceil(kept / parts - 1e-9) / channels
        for k in found[i].nodes:
            asked[k] *= share
    return float(sum(graph.node_macs(i) * asked[i].mean() for i in range(1, len(graph))))


@pytest.mark.parametrize("name", TEMPLATES)
def test_expected_macs_count_what_runs(name: str) -> None:
    graph = graph_of(TEMPLATES[name])
    module, x = trained(graph), 2 * torch.randn(60, *SHAPE)
    with torch.no_grad():
        by_hand = executed(module, x)
    assert 0 < by_hand < graph.macs
    for batch in (7, 256):
        assert cb.expected_macs(module, x, batch_size=batch) == pytest.approx(by_hand, rel=1e-9)
    assert cb.expected_macs(module, x.numpy()) == pytest.approx(by_hand, rel=1e-9)
    assert not module.training
    module.train()
    cb.expected_macs(module, x)
    assert all(part.training for part in module.modules())


def test_expected_macs_of_what_does_not_adjust() -> None:
    space = cb.spaces.convnet((1, 8, 8), 10, recipe=False)
    for genome in space.sample(5, seed=2):
        architecture = cb.Architecture.of(space, genome)
        assert cb.expected_macs(architecture, np.zeros((3, 1, 8, 8))) == architecture.graph.macs
    assert cb.expected_macs(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(2, 2, 2)) == 12


@pytest.mark.parametrize("name", TEMPLATES)
def test_training_reaches_every_weight(name: str) -> None:
    module = trained(graph_of(TEMPLATES[name])).train()
    module(2 * torch.randn(64, *SHAPE)).square().sum().backward()
    for key, weight in module.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.abs().sum() > 0, key


def test_an_exit_learns_at_both_ends() -> None:
    module = trained(graph_of(exits))
    x = 2 * torch.randn(400, *SHAPE)
    with torch.no_grad():
        found = values(copy.deepcopy(module), x)
        early, late = (found[i] for i in module.graph.nodes[-1].inputs)
        module.training = True  # batch norms stay as they are
        y = module(x)
    first, second = (torch.isclose(y, end, atol=1e-5).all(1) for end in (early, late))
    assert (first | second).all()
    assert 120 < int(first.sum()) < 280


def test_what_they_cannot_take_is_refused() -> None:
    nodes = {
        "exit": lambda x: cb.nn.exit(cb.nn.mean(x), cb.nn.linear(cb.nn.mean(x), 4), 0.5),
        "an early and a late end": lambda x: cb.nn.exit(x, x, 0.5),
        "gate: takes one logit": lambda x: cb.nn.gate(x, conv(x, 8), cb.nn.linear(cb.nn.mean(x), 2)),
        "a logit for each of 3 parts": lambda x: cb.nn.slim(x, cb.nn.linear(cb.nn.mean(x), 2), 3),
        "parts must be 1": lambda x: cb.nn.slim(x, cb.nn.linear(cb.nn.mean(x), 2), 0),
    }
    for message, make in nodes.items():
        with pytest.raises(ValueError, match=message):
            cb.Space(lambda x, outputs, make=make: ended(make(x), outputs), SHAPE, 4, g=cb.Choice(1, 2))


def test_decisions_that_change_nothing_fall_away() -> None:
    def network(x: Any, outputs: Any, g: Any) -> Any:
        x = cb.nn.slim(x, cb.nn.linear(cb.nn.mean(x), 1), 1)
        x = cb.nn.gate(x, x, cb.nn.linear(cb.nn.mean(x), 1))
        y = ended(x, outputs)
        return cb.nn.exit(y, ended(conv(x, 8), outputs), 0.0)

    space = cb.Space(network, SHAPE, 4, g=cb.Choice(1, 2))
    graph = Graph.from_arrays(space.graphs(space.sample(1)))
    assert [node.op for node in graph.nodes] == ["input", "mean", "linear"]


def test_graphs_with_decisions_are_data() -> None:
    graph = graph_of(nested)
    assert Graph.from_json(graph.to_json()) == graph
    for name, text in (('"parts": 2', '"parts": 3'), ('"threshold": 300000', '"threshold": 1000000')):
        assert name in graph.to_json()
        with pytest.raises(ValueError, match="node"):
            Graph.from_json(graph.to_json().replace(name, text))
