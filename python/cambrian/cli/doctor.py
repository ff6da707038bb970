"""`cambrian doctor`: what this installation can do here, and whether a store is sound."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from cambrian import __version__
from cambrian.cli.values import document

OPTIONAL = ("torch", "safetensors", "scikit-learn", "cloudpickle")


def doctor(
    store: Annotated[Path | None, typer.Argument(help="A store to check as well.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show versions, devices, SIMD, threads and how the core was compiled; check a store."""
    facts: dict[str, dict[str, Any]] = {"versions": versions(), "core": core(), "devices": devices()}
    if store is not None:
        facts["store"] = health(store)
    if as_json:
        typer.echo(document(facts))
        return
    for heading, rows in facts.items():
        typer.echo(heading)
        for name, value in rows.items():
            typer.echo(f"  {name:<14}{value}")


def versions() -> dict[str, Any]:
    """Versions of this package, of Python and of what it works with; "not installed" where it isn't."""
    found: dict[str, Any] = {"cambrian": __version__, "python": platform.python_version()}
    for name in ("numpy", *OPTIONAL):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed (pip install 'cambrian[train]')"
    found["platform"] = platform.platform()
    return found


def core() -> dict[str, Any]:
    """How the native core was compiled, what it uses of the processor, how many threads there are."""
    from cambrian import _core

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        **_core.build(),
        "simd": _core.simd(),
        "threads": _core.hardware_threads(),
        "usable cores": usable,
    }


def devices() -> dict[str, Any]:
    """The devices that torch can train on, and which of them `auto` means."""
    if importlib.util.find_spec("torch") is None:
        return {"auto": "none: torch is not installed"}
    import torch

    found: dict[str, Any] = {"cpu": f"{torch.get_num_threads()} threads"}
    for i in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(i).total_memory / 2**30
        found[f"cuda:{i}"] = f"{torch.cuda.get_device_name(i)}, {memory:.1f} GiB"
    if torch.backends.mps.is_available():
        found["mps"] = "available"
    cuda = "cuda" if torch.cuda.is_available() else ""
    found["auto"] = cuda or ("mps" if "mps" in found else "cpu")
    return found


def health(path: Path) -> dict[str, Any]:
    """Read a whole store and say what is in it; StoreError where it is damaged or none of ours."""
    from cambrian.store import FORMAT, Store

    with Store(path) as store:
        store.check()
        runs = store.runs()
        unfinished = [str(run.id) for run in runs if run.stopped is None]
    return {
        "path": str(path),
        "state": "sound",
        "format": FORMAT,
        "bytes": path.stat().st_size,
        "runs": len(runs),
        "unfinished": ", ".join(unfinished) or "none",
    }
