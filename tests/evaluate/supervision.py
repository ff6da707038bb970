"""What becomes of every fault, and which processes there are."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

# fault -> (status, part of the error text)
OUTCOMES = {
    "abort": ("crashed", "SIGABRT"),
    "segfault": ("crashed", "SIGSEGV"),
    "kill": ("crashed", "SIGKILL"),
    "os_exit": ("crashed", "exit code 0"),
    "sys_exit": ("crashed", "sys.exit(0)"),
    "close": ("crashed", "Bad file descriptor"),
    "unpicklable": ("error", "UnpicklableError"),
    "recurse": ("error", "RecursionError"),
    "number": ("error", "must return a dict like {'accuracy': 0.93}, got float 0.5"),
    "text": ("error", "metric 'value' is str '0.5'"),
    "empty": ("error", "at least one metric"),
    "nan": ("diverged", "not finite"),
    "flood": ("ok", None),
    "fork": ("ok", None),
    "exhaust": ("ok", None),
    "nan_at_step": ("diverged", "at step"),
    "native_segfault": ("crashed", "SIGSEGV"),
    "local_error": ("error", "only here"),
    "clock": ("ok", None),
    "interrupt": ("error", "must return a dict"),  # Ctrl-C is ignored: the function goes on, and returns None
}
if hasattr(signal, "SIGRTMIN"):  # not on macOS
    OUTCOMES["nameless"] = ("crashed", f"signal {signal.SIGRTMIN + 6}")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    return state != "Z"


def wait_until_dead(pids: list[int], seconds: float = 20.0) -> list[int]:
    """Give processes time to end; return those that did not."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def group(pids: list[int]) -> list[int]:
    """All processes in the groups of the given leaders."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) in pids and fields[0] != "Z":
                members.append(int(entry.name))
    return members
