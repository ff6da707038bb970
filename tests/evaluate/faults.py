"""Functions for real workers: well-behaved ones, and each fault that a worker must survive.

Workers import this module when they load the functions; then they also know the mode "in_step".
"""

from __future__ import annotations

import ctypes
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from cambrian.evaluate.evaluation import DivergedError, Evaluation, Job
from cambrian.evaluate.kept import Bookmark, Keeping, Progress
from cambrian.evaluate.outcome import Function, outcome, perform
from cambrian.evaluate.waves import MODES


class UnpicklableError(Exception):
    """Raises again when it is printed, and can't be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __str__(self) -> str:
        raise RuntimeError("no text either")


def fine(config: dict[str, Any]) -> dict[str, float]:
    return {"value": config.get("x", 0.0), "pid": os.getpid()}


def fault(config: dict[str, Any]) -> Any:
    """Do what `config["do"]` says."""
    return DEEDS[config["do"]]()


@dataclass(frozen=True)
class Placed:
    """Says on which device of a list it runs, and in which process."""

    device: str = "none"

    def __call__(self, job: Job) -> dict[str, float]:
        """Return the number of the device."""
        return {"device": float(self.device.split(":")[1]), "pid": float(os.getpid())}


def in_step(function: Function, jobs: Sequence[Job]) -> Iterator[Evaluation]:
    """Run jobs as a mode that trains all together: nothing is there before all is done, or one fails all.

    Only a job that diverges is out early, and touches nobody.
    """
    done = []
    for job in jobs:
        result = perform(function, job)
        if result.status == "diverged":
            yield outcome(function, job, "diverged", {}, 0.0, result.error, "in_step")
        elif result.ok:
            done.append(outcome(function, job, "ok", result.metrics, 0.0, None, "in_step"))
        else:
            raise (
                MemoryError(result.error) if result.status == "out_of_memory" else RuntimeError(result.error)
            )
    yield from done


MODES["in_step"] = in_step


def _flood() -> dict[str, float]:
    for stream in (1, 2):
        for _ in range(100):  # 200 MB in all
            os.write(stream, (b"\x00\x01 noise\n" * 2**17)[: 2**20])
    print("printed")
    return {"value": 1.0}


def _hang() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def _hang_in_native_code() -> None:
    """Loop in C with the interpreter lock held, where no signal handler of Python's ever runs."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    ctypes.PyDLL(None).sleep(600)
    while True:
        ctypes.PyDLL(None).sleep(600)


def _step_to_nan() -> dict[str, float]:
    """Descend too fast: the loss overflows after some steps, as in a training that diverges."""
    weight, step = 1.0, 0
    while math.isfinite(loss := weight * weight):
        weight, step = weight - 1e3 * 2 * weight, step + 1
    raise DivergedError(f"the training loss was {loss} at step {step}", {"loss": math.nan})


def _native_segfault() -> None:
    ctypes.string_at(8)


def _leak() -> dict[str, float]:
    LEAKED.append(bytearray(os.urandom(1)) * (24 * 2**20))
    return {"value": float(len(LEAKED)), "pid": float(os.getpid())}


def _lose_device() -> None:
    """Leave the GPU as an illegal access does: from then on every call of CUDA fails, in this process."""

    def fail() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    cuda = SimpleNamespace(is_initialized=lambda: True, synchronize=fail)
    sys.modules["torch"] = SimpleNamespace(cuda=cuda, manual_seed=lambda seed: None)  # type: ignore[assignment]
    fail()


def _need_device() -> dict[str, float]:
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.synchronize()
    return {"value": 8.0}


def _set_clock_back() -> dict[str, float]:
    """Let this process, as far as Python knows, live in the past: the clock on the wall was set back."""
    now = time.time()
    time.time = lambda: now - 86_400.0
    return {"value": time.time() - now}


def _unloadable_exception() -> None:
    class LocalError(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("can't be pickled")

    raise LocalError("only here")


def _raise_unpicklable() -> None:
    raise UnpicklableError


def _recurse() -> None:
    _recurse()


def _allocate() -> dict[str, float]:
    return {"value": float(len(bytearray(4 * 2**30)))}


def _fork_and_return() -> dict[str, float]:
    os.fork()  # the child comes back into the worker's loop too
    return {"value": 2.0}


def _leave_child() -> dict[str, float]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"value": float(child.pid)}


def _leave_child_and_die() -> None:
    _leave_child()
    os.abort()


def _exhaust_descriptors() -> dict[str, float]:
    try:
        while True:
            os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return {"value": 3.0}


def _close_descriptors() -> dict[str, float]:
    os.closerange(3, 256)
    return {"value": 4.0}


def _move_and_reseed() -> dict[str, float]:
    os.chdir("/")
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    return {"value": 5.0}


def _thread_that_never_ends() -> dict[str, float]:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return {"value": 6.0}


def _die_when_done() -> dict[str, float]:
    threading.Timer(0.2, os.abort).start()  # by then the worker is idle
    return {"value": 7.0}


def _draw() -> dict[str, float]:
    numpy_draw = float(np.random.rand())  # noqa: NPY002
    return {"python": random.random(), "numpy": numpy_draw, "home": float(os.getcwd() == "/")}


LEAKED: list[bytearray] = []

DEEDS = {
    "hang_native": _hang_in_native_code,
    "nan_at_step": _step_to_nan,
    "native_segfault": _native_segfault,
    "leak": _leak,
    "clock": _set_clock_back,
    "lose_device": _lose_device,
    "need_device": _need_device,
    "local_error": _unloadable_exception,
    "abort": os.abort,
    "os_exit": lambda: os._exit(0),
    "sys_exit": lambda: sys.exit(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "nameless": lambda: os.kill(os.getpid(), signal.SIGRTMIN + 6),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": _hang,
    "flood": _flood,
    "unpicklable": _raise_unpicklable,
    "recurse": _recurse,
    "allocate": _allocate,
    "fork": _fork_and_return,
    "leave_child": _leave_child,
    "leave_child_and_die": _leave_child_and_die,
    "exhaust": _exhaust_descriptors,
    "close": _close_descriptors,
    "move": _move_and_reseed,
    "thread": _thread_that_never_ends,
    "die_when_done": _die_when_done,
    "draw": _draw,
    "fine": lambda: {"value": 0.0},
    "number": lambda: 0.5,
    "text": lambda: {"value": "0.5"},
    "empty": dict,
    "nan": lambda: {"value": 1.0, "loss": float("nan")},
}


class DyingInTheMiddle(Keeping):
    """Its process is killed at the first write, when half of the file is there."""

    def bookmark(self, key: Mapping[str, Any]) -> Bookmark:
        return _DyingBookmark(self, super().bookmark(key).path.stem)


class _DyingBookmark(Bookmark):
    def _encode(self, progress: Progress) -> bytes:
        data = super()._encode(progress)
        partial = self.path.with_name(f".{self.path.stem}.{os.getpid()}")
        if not any(self.path.parent.iterdir()):
            partial.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return data
