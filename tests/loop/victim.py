"""A search in a process of its own, to be interrupted or killed: python victim.py FOLDER NAME [resume]."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import cambrian as cb
from cambrian.errors import StoreError

SPACE = cb.Space(layers=cb.Int(1, 8), width=cb.Choice(32, 64, 128), act=cb.Choice("relu", "gelu", "tanh"))
BULK = cb.Space.plain(genes=12, choices=6)
OPTIONS: dict[str, dict[str, Any]] = {
    "genetic": {"strategy": {"name": "genetic", "population": 14, "duplicates": True}, "budget": 50},
    "nsga2": {"strategy": {"name": "nsga2", "population": 10}, "budget": 50, "repeats": 3},
    "aging": {"strategy": {"name": "aging", "population": 10, "sample": 4}, "budget": 50, "ordered": True},
    "workers": {"strategy": {"name": "aging", "population": 10}, "budget": 40, "ordered": True, "workers": 2},
    "asha": {
        "strategy": {"name": "asha", "proposer": {"name": "aging", "population": 10, "duplicates": True}},
        "budget": 20,
        "ordered": True,
    },
    "hyperband": {"strategy": {"name": "hyperband", "proposer": "genetic"}, "budget": 24, "repeats": 2},
    "bulk": {"strategy": {"name": "genetic", "population": 300, "duplicates": True}, "budget": 20_050},
}  # fmt: skip
FOLDER = Path()
PAUSE = 0.004


def append(name: str, line: str) -> None:
    """One write, so that a kill leaves whole lines."""
    file = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (line + "\n").encode())
    os.close(file)


def pause() -> None:
    if PAUSE > 1:
        append("paused", "")
    try:
        time.sleep(PAUSE)
    except KeyboardInterrupt:
        if "stubborn" not in sys.argv:
            raise
        append("paused", "still")
        time.sleep(PAUSE)


def part(config: dict[str, Any], seed: int, fidelity: float) -> dict[str, float]:
    pause()
    append("evaluated", f"{config['layers']} {config['width']} {config['act']} {seed} {fidelity}")
    if config["layers"] == 3:
        raise RuntimeError("three")
    value = config["layers"] * 0.1 + len(config["act"]) * 0.013 - (1.0 - fidelity) * config["width"] * 0.01
    return {"accuracy": value + seed % 1000 * 1e-5, "size": float(config["layers"] * config["width"])}


def evaluate(config: dict[str, Any], seed: int) -> dict[str, float]:
    pause()
    append("evaluated", f"{config['layers']} {config['width']} {config['act']} {seed}")
    if config["layers"] == 3:
        raise RuntimeError("three")
    value = config["layers"] * 0.1 - abs(config["width"] - 64) * 0.01 + len(config["act"]) * 0.013
    return {"accuracy": value + seed % 1000 * 1e-5, "size": float(config["layers"] * config["width"])}


def fitness(genomes: Any) -> dict[str, Any]:
    pause()
    append("evaluated", str(len(genomes)))
    return {"accuracy": (genomes * (genomes + 1.5)).sum(axis=1), "size": genomes.max(axis=1).astype(float)}


def acknowledged(evaluation: Any) -> None:
    append("acknowledged", f"{evaluation.id} {evaluation.repeat}")


def has_run(store: Path) -> bool:
    try:
        return cb.load(store).id > 0
    except StoreError:
        return False


def main() -> None:
    global FOLDER, PAUSE
    FOLDER = Path(sys.argv[1])
    name, store = sys.argv[2], FOLDER / "runs.db"
    bulk = name == "bulk"
    given: dict[str, Any] = {"evaluate_batch": fitness} if bulk else {"evaluate": evaluate}
    if name in ("asha", "hyperband"):
        given["evaluate"] = part
    if not bulk:
        given["on_evaluation"] = acknowledged
    if "slow" in sys.argv:
        PAUSE = 60.0
    print("ready", flush=True)
    if "resume" in sys.argv and has_run(store):
        run = cb.resume(store, **given)
    else:
        run = cb.search(
            BULK if bulk else SPACE,
            objectives=["accuracy", "min:size"],
            seed=7,
            store=store,
            **given,
            **OPTIONS[name],
        )
    print(run.stopped, flush=True)


if __name__ == "__main__":
    main()
