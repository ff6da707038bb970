"""A search whose trainings go on, in a process of its own, to be killed: python training_victim.py FOLDER."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import cambrian as cb
from cambrian.errors import StoreError

SPACE = cb.spaces.mlp(input=(6,), outputs=2, widths=(8, 16, 24))
ASHA = {"name": "asha", "minimum": 1 / 9}


def data() -> cb.Task:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6)).astype(np.float32)
    return cb.Task(X, (X[:, 0] * X[:, 1] > 0).astype(np.int64), name="xor")


def search(**options: Any) -> cb.Run:
    given = {"task": data(), "strategy": ASHA, "budget": 10, "epochs": 9, "workers": 0, "device": "cpu"}
    return cb.search(SPACE, **{"seed": 7, **given, **options})


def has_run(store: Path) -> bool:
    try:
        return cb.load(store).id > 0
    except StoreError:
        return False


def main() -> None:
    folder = Path(sys.argv[1])
    store = folder / "runs.db"

    def acknowledged(evaluation: Any) -> None:
        file = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{evaluation.id}\n".encode())
        os.close(file)

    print("ready", flush=True)
    if has_run(store):
        cb.resume(store, task=data(), on_evaluation=acknowledged)
    else:
        search(store=store, workers=1, ordered=True, on_evaluation=acknowledged)


if __name__ == "__main__":
    main()
