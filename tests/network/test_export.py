"""Folders: what is written, what is refused, what a damaged one says."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
import torch
from torch import nn

from cambrian.network import build, export
from cambrian.network.architecture import Architecture
from network.examples import NETWORKS

ARCHITECTURE = Architecture(NETWORKS["image"], {"lr": 0.1, "optimizer": "sgd"}, "ab" * 16)
METADATA = {
    "accuracy": 0.5,
    "config": {"a": [{"b": 1}, None], "c": {}},
    "list": [{}, {"é": "\n"}],
    "none": [],
}
FILES = ["architecture.json", "model.py", "weights.safetensors"]


@pytest.fixture
def module() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build(ARCHITECTURE.graph)
        made(torch.randn(4, 2, 9, 8))
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_there_and_back(tmp_path: Path, module: nn.Module) -> None:
    folder = export.save(tmp_path / "best", ARCHITECTURE, module, METADATA)
    assert folder == tmp_path / "best"
    assert names(folder) == FILES
    assert names(tmp_path) == ["best"]
    described = json.loads((folder / "architecture.json").read_text(encoding="utf-8"))
    assert described["metadata"] == METADATA
    assert described["version"] == 1
    architecture, again = export.load(folder)
    assert architecture == ARCHITECTURE
    assert not again.training
    x = torch.randn(2, 2, 9, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(x), module.eval()(x))
    again.train()(x).sum().backward()
    assert all(weight.grad is not None and weight.device.type == "cpu" for weight in again.parameters())


def test_a_state_dict_will_do(tmp_path: Path, module: nn.Module) -> None:
    export.save(str(tmp_path / "best"), ARCHITECTURE, module.state_dict())
    state = export.load(tmp_path / "best")[1].state_dict()
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


def test_neither_saving_nor_loading_draws_random_numbers(tmp_path: Path, module: nn.Module) -> None:
    before = torch.random.get_rng_state(), random.getstate()
    export.save(tmp_path / "best", ARCHITECTURE, module)
    export.load(tmp_path / "best")
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_weights_in_any_memory_layout(tmp_path: Path, module: nn.Module) -> None:
    module.to(memory_format=torch.channels_last)
    export.save(tmp_path / "best", ARCHITECTURE, module)
    weight = export.load(tmp_path / "best")[1].get_parameter("conv2d_1.weight")
    assert torch.equal(weight, module.get_parameter("conv2d_1.weight"))


def test_weights_of_another_precision(tmp_path: Path, module: nn.Module) -> None:
    export.save(tmp_path / "best", ARCHITECTURE, module.half())
    again = export.load(tmp_path / "best")[1]
    assert torch.equal(
        again.get_parameter("linear_8.weight"), module.get_parameter("linear_8.weight").float()
    )


def test_a_model_of_the_users_own(tmp_path: Path) -> None:
    shared = nn.Linear(3, 3)
    export.save(tmp_path / "own", None, nn.Sequential(shared, shared), {"config": {"width": 3}})
    assert names(tmp_path / "own") == ["config.json", "weights.safetensors"]
    config = json.loads((tmp_path / "own/config.json").read_text())
    assert config["metadata"] == {"config": {"width": 3}}
    with pytest.raises(FileNotFoundError, match=r"model of your own.*config.json and load weights"):
        export.load(tmp_path / "own")


def test_an_empty_folder_is_used_a_full_one_refused(tmp_path: Path, module: nn.Module) -> None:
    folder = tmp_path / "best"
    folder.mkdir()
    export.save(folder, ARCHITECTURE, module)
    before = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match=r"is not empty; name another folder, or pass overwrite=True"):
        export.save(folder, ARCHITECTURE, build(ARCHITECTURE.graph))
    assert (folder / "weights.safetensors").read_bytes() == before
    (folder / "__pycache__").mkdir()
    export.save(folder, None, build(ARCHITECTURE.graph), overwrite=True)
    assert names(folder) == ["config.json", "weights.safetensors"]
    assert names(tmp_path) == ["best"]


def test_overwrite_spares_what_is_not_an_export(tmp_path: Path, module: nn.Module) -> None:
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(FileExistsError, match=r"holds other files than an export \('thesis.tex'\)"):
        export.save(tmp_path, ARCHITECTURE, module, overwrite=True)
    assert names(tmp_path) == ["thesis.tex"]


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, module: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export.save(tmp_path / "best", ARCHITECTURE, module)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename, calls = Path.rename, []

    def failing(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == 2:
            raise OSError("disk gone")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk gone"):
        export.save(folder, ARCHITECTURE, build(ARCHITECTURE.graph), overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names(tmp_path) == ["best"]
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        export.save(tmp_path / "new", ARCHITECTURE, module)
    assert names(tmp_path) == ["best"]


def test_bad_places(tmp_path: Path, module: nn.Module) -> None:
    with pytest.raises(FileNotFoundError, match=r"the folder .*missing does not exist"):
        export.save(tmp_path / "missing/best", ARCHITECTURE, module)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file; name a folder"):
        export.save(tmp_path / "file", ARCHITECTURE, module)
    with pytest.raises(FileNotFoundError, match=r"architecture.json is missing: .* not a folder that save"):
        export.load(tmp_path)


def test_a_read_only_parent(tmp_path: Path, module: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *rest: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match=r"can't write .*best: .* is read-only for this user"):
        export.save(tmp_path / "best", ARCHITECTURE, module)
    assert names(tmp_path) == []


def test_what_does_not_fit_is_refused(tmp_path: Path, module: nn.Module) -> None:
    state = module.state_dict()
    cases = [
        (ARCHITECTURE, {k: v for k, v in state.items() if k != "linear_8.bias"}, "lack 'linear_8.bias'"),
        (ARCHITECTURE, state | {"more": torch.zeros(1)}, "have an unknown 'more'"),
        (ARCHITECTURE, state | {"linear_8.bias": torch.zeros(7)}, r"must have the shape \(6,\), got \(7,\)"),
        (None, {"a": 1}, "holds 'a', which is int and not a tensor"),
    ]
    for architecture, weights, message in cases:
        with pytest.raises(ValueError, match=message):
            export.save(tmp_path / "best", architecture, weights)
    for metadata in ({"x": object()}, {"x": float("nan")}, {1: "x"}):
        with pytest.raises(ValueError, match="metadata must be JSON-able"):
            export.save(tmp_path / "best", ARCHITECTURE, module, metadata)
    assert names(tmp_path) == []


def test_damaged_folders(tmp_path: Path, module: nn.Module) -> None:
    folder = export.save(tmp_path / "best", ARCHITECTURE, module)
    weights, text = (folder / "weights.safetensors").read_bytes(), (folder / "architecture.json").read_bytes()

    def refused(message: str, weights: bytes = weights, text: bytes = text) -> None:
        (folder / "weights.safetensors").write_bytes(weights)
        (folder / "architecture.json").write_bytes(text)
        with pytest.raises(ValueError, match=message):
            export.load(folder)

    refused("weights.safetensors is damaged, or not a safetensors file", weights=weights[:-1])
    refused("weights.safetensors is damaged, or not a safetensors file", weights=b"")
    refused("weights.safetensors is damaged, or not a safetensors file", weights=b"\xff" * 100)
    refused("not JSON, or was cut off", text=text[:-20])
    refused("architecture.json is not text in UTF-8", text=b"\xff\xfe")
    refused("version 2 is newer", text=text.replace(b'"version": 1', b'"version": 2', 1))
    other = Architecture(NETWORKS["features"]).to_json().encode()
    refused("the weights", text=other)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"weights.safetensors is missing"):
        export.load(folder)
