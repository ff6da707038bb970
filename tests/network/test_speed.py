"""Measuring on this machine: that it works and says what it should, never how long anything takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cambrian as cb
from cambrian import _core
from cambrian.errors import MissingExtraError
from cambrian.network import build
from cambrian.network.latency import keys
from cambrian.network.latency import speed as speeds
from cambrian.network.latency.clock import Clock, measuring, middle
from cambrian.network.latency.energy import GpuMeter, NoMeterError, PackageMeter, meter_of
from cambrian.network.latency.nodes import Place, Setting, chunks, node_call

SPACE = cb.spaces.convnet(input=(1, 8, 8), outputs=10)
QUICK = cb.Speed(batch=2, batches=(1, 4), seconds=1e-3)


def network() -> Any:
    return build(cb.Architecture.of(SPACE, SPACE.sample(1, seed=1)[0]).graph)


def test_a_network_is_measured_and_left_as_it_was() -> None:
    module = network().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    drawn, threads = torch.random.get_rng_state(), torch.get_num_threads()
    found = cb.speed(module, torch.zeros(1, 1, 8, 8), ["throughput", "latency_p95", "latency_p50"], QUICK)
    assert list(found) == ["throughput", "latency_p95", "latency_p50"]
    assert all(value > 0 for value in found.values())
    assert found["latency_p50"] <= found["latency_p95"]
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert torch.get_num_threads() == threads


def test_batches_are_those_asked_for() -> None:
    seen = []

    class Watched(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((len(x), x.dtype, self.training))
            return x

    settings = {"batch": 3, "batches": [2, 5], "seconds": 1e-4, "precision": "bfloat16"}
    cb.speed(Watched(), torch.zeros(1, 4), ["latency_p50", "throughput"], settings)
    assert set(seen) == {(n, torch.bfloat16, False) for n in (3, 2, 5)}
    seen.clear()
    cb.speed(Watched(), torch.zeros(1, 4, dtype=torch.long), ["latency_p50"], settings)
    assert {dtype for _, dtype, _ in seen} == {torch.long}


def test_throughput_within_a_limit() -> None:
    medians = [(1, 0.1), (8, 0.4), (64, 6.4)]
    assert speeds.best_rate(medians, None) == pytest.approx(20)
    assert speeds.best_rate(medians, 0.1) == pytest.approx(10)
    assert speeds.best_rate(medians, 0.05) == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch": 0}, "batch"),
        ({"batches": []}, "batches"),
        ({"batches": "1,8"}, "batches"),
        ({"within": 0}, "within"),
        ({"within": float("nan")}, "within"),
        ({"within": "fast"}, "within"),
        ({"precision": "int8"}, "precision"),
        ({"threads": 0}, "threads"),
        ({"seconds": None}, "seconds"),
        ({"bacth": 1}, "did you mean 'batch'"),
    ],
)
def test_settings_that_cant_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        cb.Speed.of(fields)


def test_settings_survive_json() -> None:
    settings = cb.Speed(batch=4, batches=(8, 1, 8), within=0.5)
    assert cb.Speed.of(settings.to_dict()) == settings
    assert settings.batches == (1, 8)


def test_arguments_that_cant_be() -> None:
    with pytest.raises(ValueError, match="did you mean 'latency_p"):
        cb.speed(network(), torch.zeros(1, 1, 8, 8), ["latency_p"])
    with pytest.raises(ValueError, match="measured on cpu and cuda, not on meta"):
        cb.speed(network(), torch.zeros(1, 1, 8, 8), device="meta")


def powercap(root: Path, *counts: int) -> Path:
    for i, count in enumerate(counts):
        domain = root / f"intel-rapl:{i}"
        (root / f"intel-rapl:{i}:0").mkdir(parents=True)
        domain.mkdir()
        (domain / "name").write_text("psys\n" if i == 2 else f"package-{i}\n")
        (domain / "max_energy_range_uj").write_text("1000000\n")
        (domain / "energy_uj").write_text(f"{count}\n")
    return root


def test_energy_of_packages_adds_up_and_starts_over(tmp_path: Path) -> None:
    meter = PackageMeter(powercap(tmp_path, 100, 999_000, 5))
    assert meter.read() == 0
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("500100")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("1000")  # from 999,000 past 1,000,000
    (tmp_path / "intel-rapl:2" / "energy_uj").write_text("777")  # the whole system, packages included
    assert meter.read() == pytest.approx(0.502)
    assert meter.read() == pytest.approx(0.502)


def test_energy_that_isnt_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoMeterError, match="reports no processor energy"):
        PackageMeter(tmp_path)
    powercap(tmp_path, 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(NoMeterError, match="can't be read"):
        PackageMeter(tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MissingExtraError, match=r"cambrian\[energy\]"):
        GpuMeter("0000")


def test_energy_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Counted(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(len(x))
            return x

    class Meter:
        def read(self) -> float:
            return 6.0 * len(calls)  # joules a batch

    monkeypatch.setattr(speeds, "meter_of", lambda device: Meter())
    monkeypatch.setattr(speeds, "_METERED", 0.0)
    # `copy.deepcopy` of the module leaves `calls` shared: it is the closure's.
    assert cb.speed(Counted(), torch.zeros(1, 2), ["energy"], QUICK)["energy"] == pytest.approx(3.0)
    assert set(calls) == {2}


def test_a_gpus_meter_reads_its_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nvml:
        NVMLError = RuntimeError
        used = 5000

        def nvmlInit(self) -> None: ...

        def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
            if uuid != "GPU-12":
                raise RuntimeError("no such device")
            return uuid

        def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
            return self.used

    nvml = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    meter = GpuMeter("12")
    nvml.used += 2500
    assert meter.read() == 2.5
    with pytest.raises(NoMeterError, match="no such device"):
        GpuMeter("13")


def test_clocks_take_turns() -> None:
    order: list[int] = []
    calls = [lambda i=i: order.append(i) for i in range(3)]
    with measuring(torch.device("cpu"), 1) as clock:
        found = clock.in_turns(calls, lambda call: float(call() is None), 6, 0.0)  # type: ignore[arg-type]
        assert found.shape == (5, 3)  # no time, so as few rounds as there may be
        assert order[9:] == [0, 1, 2] * 5
        order.clear()
        clock.in_turns(calls, lambda call: float(call() is None), 5, 0.0, settle=True)  # type: ignore[arg-type]
        assert order[9:] == [0, 0, 1, 1, 2, 2] * 5
        assert clock.work(lambda: None) >= 0
        assert clock.chain(lambda: None) >= 0
        assert torch.is_inference_mode_enabled()
    median, spread = middle(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    assert median.tolist() == [2, 5]
    assert spread.tolist() == [1, 0]


@pytest.mark.parametrize("family", ["convnet", "mlp", "macro", "cell201", "transformer", "adaptive"])
def test_nodes_run_alone_as_in_their_network(family: str) -> None:
    space = cb.spaces.make(family, (64,) if family == "mlp" else (3, 16, 16), 10)
    genomes = space.sample(3, seed=2)
    listed = _core.node_list(space.layout, genomes)
    setting = Setting(Clock(torch.device("cpu"), 1), 2, "float32")
    arrays = space.graphs(genomes)
    for row in range(3):
        graph = cb.Graph.from_arrays(arrays, row)
        assert len(graph) == listed["offsets"][row + 1] - listed["offsets"][row] + 1
        places = [Place(graph, i) for i in range(1, len(graph))]
        assert [place for group in chunks(places, 2) for place in group] == places
        for place in places:
            result: Any = node_call(place, setting, {})()
            assert tuple(result.shape) == (2, *graph.nodes[place.number].shape)


def test_large_nodes_are_timed_by_themselves() -> None:
    graph = cb.Graph.from_arrays(SPACE.graphs(SPACE.sample(1, seed=1)))
    place = Place(graph, 1)
    assert [len(group) for group in chunks([place] * 5, 10**7)] == [1] * 5
    assert list(chunks([], 1)) == []


def test_a_profile_of_this_machine(tmp_path: Path) -> None:
    lines: list[str] = []
    space = cb.spaces.mlp(input=(16,), outputs=3)
    found = cb.profile(
        space, budget=0.5, batches=(1, 4, 4), precisions=("float32", "bfloat16"), networks=5, samples=40,
        heard=lines.append,
    )  # fmt: skip
    assert set(found.times) == {(b, p) for b in (1, 4) for p in ("float32", "bfloat16")}
    assert len(lines) == 8
    part = found.at(4, "bfloat16")
    assert len(part.seconds)
    assert (part.seconds > 0).all()
    assert part.correction is not None
    assert part.correction.networks == 5
    genomes = space.sample(50, seed=5)
    predicted = found.predict(space, genomes, 4, precision="bfloat16")
    assert np.isfinite(predicted).all()
    assert (predicted > 0).all()
    again = cb.Profile.load(found.save(tmp_path / "table.json"))
    assert np.array_equal(again.predict(space, genomes), found.predict(space, genomes))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 0}, "budget"),
        ({"budget": float("inf")}, "budget"),
        ({"batches": ()}, "at least one"),
        ({"batches": (0,)}, "batch"),
        ({"precisions": ("int4",)}, "precision"),
        ({"threads": 0}, "threads"),
        ({"networks": 2.5}, "networks"),
        ({"device": "tpu"}, "cpu or cuda"),
    ],
)
def test_a_profile_that_cant_be_made(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cb.profile(SPACE, **given)


def test_meters_of_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cambrian.network.latency.energy.POWERCAP", powercap(tmp_path, 7))
    assert meter_of("cpu").read() == 0


def test_users_modules_are_estimated() -> None:
    mine = cb.module(torch.nn.Softsign, shape=lambda x: (x.features,))
    space = cb.Space(None, (8,), 3, op=cb.Choice(mine=mine), width=cb.Int(1, 4))
    found = cb.profile(space, budget=0.2, networks=4, samples=4)
    assert [keys.describe(key)["op"] for key in found.at(1).keys] == ["linear"]
    assert (found.at(1).added(space, space.sample(4))[1] > 0).all()
    assert (found.predict(space, space.sample(4)) > 0).all()
