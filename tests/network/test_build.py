"""The module as a whole: naming, printing, copying, running, weights at the start."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn

from cambrian import network
from cambrian.network import build
from network.examples import NETWORKS, Sketch, inputs_of, single


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def batch(name: str, n: int = 3) -> torch.Tensor:
    return inputs_of(NETWORKS[name], n)


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_backward(name: str) -> None:
    graph = NETWORKS[name]
    module, x = build(graph), batch(name).requires_grad_()
    y = module(x)
    assert y.shape == (3, *graph.output_shape)
    y.square().sum().backward()
    for key, weight in module.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key
    assert x.grad is not None or graph.nodes[1].op == "embedding"


@pytest.mark.parametrize("name", NETWORKS)
def test_one_sample_alone_gives_what_it_gives_in_a_batch(name: str) -> None:
    module, x = build(NETWORKS[name]), batch(name)
    module(x)
    module.eval()
    alone = torch.cat([module(sample[None]) for sample in x])
    torch.testing.assert_close(alone, module(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_copies_compute_the_same(name: str) -> None:
    module, x = build(NETWORKS[name]).eval(), batch(name)
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    for other in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(stream, weights_only=False),
    ):
        assert torch.equal(other(x), module(x))
        for weight in other.parameters():
            nn.init.zeros_(weight)
        assert not torch.equal(other(x), module(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_compiles_in_one_piece(name: str) -> None:
    module, x = build(NETWORKS[name]).eval(), batch(name)
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), module(x))


def test_channels_last() -> None:
    module, x = build(NETWORKS["image"]).eval(), batch("image")
    expected = module(x)
    module.to(memory_format=torch.channels_last)
    torch.testing.assert_close(module(x.to(memory_format=torch.channels_last)), expected)


def test_layers_are_named_by_operation_and_number() -> None:
    names = [name for name, _ in build(NETWORKS["features"]).named_children()]
    assert names == ["linear_1", "norm_2", "activation_3", "norm_4", "linear_9"]


def test_prints_how_it_is_joined() -> None:
    net = Sketch(2, 4, 4)
    net.add("conv2d", channels=2)
    net.add("add", 0, 1)
    text = repr(build(net.graph()))
    assert "x0: input 2×4×4" in text
    assert "x1 = conv2d_1(x0)  # 2×4×4" in text
    assert "x2 = add(x0, x1)  # 2×4×4" in text
    assert "(conv2d_1): Conv2d(2, 2, kernel_size=(3, 3)" in text


def test_a_layer_can_be_replaced() -> None:
    module = build(single((4,), "linear", features=2))
    module.linear_1 = nn.Linear(4, 7)
    assert module(torch.zeros(1, 4)).shape == (1, 7)


def test_values_are_freed_after_their_last_use() -> None:
    net = Sketch(2, 4, 4)
    for _ in range(5):
        net.add("conv2d", channels=2)
    net.add("add", 3, 5)
    module = build(net.graph())
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def watch(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        alive.append(sum(ref() is not None for ref in made))
        made.append(weakref.ref(output))

    for layer in module.children():
        layer.register_forward_hook(watch)
    with torch.no_grad():
        module(torch.zeros(1, 2, 4, 4))
    assert alive == [0, 1, 1, 1, 2]  # the one being read; value 3 waits for the add


def test_weights_come_from_torchs_generator_alone() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([weight.flatten() for weight in build(NETWORKS["image"]).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_signal_keeps_its_size_through_many_layers() -> None:
    net = Sketch(64)
    for _ in range(15):
        net.add("linear", features=64)
        net.add("activation", kind="relu")
    net.add("linear", features=64)
    last = net.add("linear", features=64)
    module = build(net.graph())
    y = module(torch.randn(256, 64))
    assert 0.2 < y.square().mean().sqrt().item() < 5
    assert module.linear_1.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.1)
    assert getattr(module, f"linear_{last}").weight.std().item() == pytest.approx((1 / 64) ** 0.5, rel=0.1)
    assert not module.linear_1.bias.any()


def test_a_network_of_the_input_alone_returns_it() -> None:
    x = torch.randn(2, 3)
    assert build(Sketch(3).graph())(x) is x


def test_build_wants_a_graph() -> None:
    with pytest.raises(
        TypeError, match=r"graph must be a cambrian.Graph \(of an Architecture: .graph\), got dict"
    ):
        build({})  # type: ignore[arg-type]


def test_networks_as_data_need_no_torch() -> None:
    code = (
        "import sys, cambrian as cb\n"
        "from cambrian.network import Architecture, build, source\n"
        "graph = cb.Graph.from_json(sys.argv[1])\n"
        "cb.Architecture(graph).summary(), source(graph)\n"
        "assert 'torch' not in sys.modules\n"
        "sys.modules['torch'] = None\n"
        "build(graph)\n"
    )
    command = [sys.executable, "-c", code, NETWORKS["features"].to_json()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "cambrian.errors.MissingExtraError: building a network needs 'torch', which is not installed; "
        "run: pip install 'cambrian[train]'"
    )


def test_the_rooms_names_are_there() -> None:
    for name in network.__all__:
        assert callable(getattr(network, name))
    with pytest.raises(AttributeError, match="has no attribute 'biuld'"):
        network.biuld  # noqa: B018
