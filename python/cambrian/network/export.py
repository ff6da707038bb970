"""Networks on disk: a folder with source, weights and architecture."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cambrian.errors import require
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.module import Network
from cambrian.network.parsing import MAX_TEXT, write_json
from cambrian.network.source import source

SOURCE, WEIGHTS, ARCHITECTURE, CONFIG = "model.py", "weights.safetensors", "architecture.json", "config.json"
CONFIG_FORMAT, CONFIG_VERSION = "cambrian-config", 1


def save(
    folder: str | os.PathLike[str],
    architecture: Architecture | None,
    module: nn.Module | Mapping[str, Tensor],
    metadata: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a network into a folder, all or nothing.

    The folder holds ``model.py`` (standalone source), ``weights.safetensors`` and ``architecture.json``,
    with `metadata` (JSON-able) under that name. Without an architecture, as for a model of the user's own,
    it holds the weights and ``config.json`` with the metadata. `module` is the trained module or its state
    dict.

    A folder that is not empty is refused, unless `overwrite` is true and it holds nothing but an earlier
    export. Raises FileExistsError, FileNotFoundError (no parent), PermissionError, NotADirectoryError;
    ValueError if the weights don't fit the architecture or the metadata is not JSON; MissingExtraError
    without safetensors.

    >>> save("best", architecture, module, {"accuracy": 0.99})
    >>> architecture, module = load("best")
    """
    target = Path(folder).resolve()
    _check_target(target, overwrite)
    files = _files(architecture, state_of(module), metadata)
    fresh = _sibling(target, "new")
    try:
        fresh.mkdir()
        for name, content in files.items():
            _write(fresh / name, content)
        _swap(fresh, target)
    except PermissionError as error:
        raise PermissionError(f"can't write {target}: {target.parent} is read-only for this user") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def load(folder: str | os.PathLike[str]) -> tuple[Architecture, Network]:
    """Read what `save` wrote: the architecture, and its module with the saved weights.

    The module is on the CPU and in eval mode. No code of the folder is run. Raises FileNotFoundError naming
    the file that is missing; ValueError where a file is damaged or the weights don't fit the architecture.

    >>> architecture, module = load("best")
    """
    path = Path(folder)
    if not (path / ARCHITECTURE).is_file():
        if (path / CONFIG).is_file():
            raise FileNotFoundError(
                f"{path} holds the weights of a model of your own, without an architecture; make the model "
                f"from {CONFIG} and load {WEIGHTS} with safetensors.torch.load_file"
            )
        raise FileNotFoundError(f"{path / ARCHITECTURE} is missing: {path} is not a folder that save() wrote")
    if not (path / WEIGHTS).is_file():
        raise FileNotFoundError(f"{path / WEIGHTS} is missing")
    architecture = Architecture.from_json(_read(path / ARCHITECTURE))
    state = _read_weights(path / WEIGHTS)
    with torch.device("meta"):
        module = build(architecture.graph)
    expected = module.state_dict()
    _check_state(state, expected)
    module.load_state_dict({k: v.to(expected[k].dtype) for k, v in state.items()}, assign=True)
    return architecture, module.eval()


def state_of(module: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights on the CPU, each with memory of its own, as safetensors wants them.

    Raises ValueError where a state dict holds anything but tensors.
    """
    state = module.state_dict() if isinstance(module, nn.Module) else module
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"the state dict holds {name!r}, which is {type(value).__name__} and not a tensor"
            )
    return {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in state.items()
    }


def _check_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for name in sorted(set(expected) ^ set(state)):
        raise ValueError(f"the weights {'lack' if name in expected else 'have an unknown'} {name!r}")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            wanted, got = tuple(expected[name].shape), tuple(tensor.shape)
            raise ValueError(f"the weights of {name!r} must have the shape {wanted}, got {got}")


def _files(
    architecture: Architecture | None, state: dict[str, Tensor], metadata: Mapping[str, Any] | None
) -> dict[str, bytes]:
    safetensors = require("safetensors.torch", "train", "saving weights")
    files = {WEIGHTS: safetensors.save(state)}
    if architecture is None:
        config = {"format": CONFIG_FORMAT, "version": CONFIG_VERSION, "metadata": dict(metadata or {})}
        return {**files, CONFIG: _json(config)}
    with torch.device("meta"):
        _check_state(state, build(architecture.graph).state_dict())
    described = architecture.to_dict() | {"metadata": dict(metadata or {})}
    return {**files, SOURCE: source(architecture.graph).encode(), ARCHITECTURE: _json(described)}


def _json(value: dict[str, Any]) -> bytes:
    try:
        return (write_json(value) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f"metadata must be JSON-able: {error}") from error


def _check_target(target: Path, overwrite: bool) -> None:
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; name a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"can't write {target}: the folder {target.parent} does not exist")
    found = {entry.name for entry in target.iterdir()} if target.is_dir() else set()
    if found and not overwrite:
        raise FileExistsError(f"{target} is not empty; name another folder, or pass overwrite=True")
    foreign = sorted(found - {SOURCE, WEIGHTS, ARCHITECTURE, CONFIG, "__pycache__"})
    if foreign:
        raise FileExistsError(
            f"{target} holds other files than an export ({foreign[0]!r}); name another folder"
        )


def _sibling(target: Path, word: str) -> Path:
    return target.parent / f".{target.name}.{word}-{secrets.token_hex(4)}"


def _swap(fresh: Path, target: Path) -> None:
    """Put the new folder in place; what stood there comes back if that fails."""
    if not target.exists():
        fresh.rename(target)
        return
    old = _sibling(target, "old")
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> str:
    if path.stat().st_size > 4 * MAX_TEXT:
        raise ValueError(f"{path} is too large for an architecture: {path.stat().st_size} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    safetensors = require("safetensors.torch", "train", "loading weights")
    errors = require("safetensors", "train", "loading weights")
    try:
        state: dict[str, Tensor] = safetensors.load_file(path)
    except errors.SafetensorError as error:
        raise ValueError(f"{path} is damaged, or not a safetensors file: {error}") from error
    return state
