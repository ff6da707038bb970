"""Functions for real workers: well-behaved ones, and each fault that a worker must survive."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np


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


def _flood() -> dict[str, float]:
    for stream in (1, 2):
        for _ in range(25):
            os.write(stream, b"\x00\x01 noise\n" * 2**17)
    print("printed")
    return {"value": 1.0}


def _hang() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


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


DEEDS = {
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
