"""One worker process as its coordinator sees it: its pipes, its last words, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cambrian
from cambrian.errors import require
from cambrian.evaluate.messages import Reader, encode
from cambrian.evaluate.outcome import Function

_GRACE = 1.0  # seconds between SIGTERM and SIGKILL
_TAIL = 8_000  # bytes kept of what a worker printed
_HOME = str(Path(cambrian.__file__).parent.parent)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerProcess:
    """A worker in its own session and process group: Ctrl-C passes it by, and all of it can be ended."""

    def __init__(self, function_fd: int, settings: Mapping[str, Any], threads: int) -> None:
        jobs, self._jobs = os.pipe()
        self.results, results = os.pipe()
        lifeline, self._lifeline = os.pipe()
        self.output, output = os.pipe()
        given = (jobs, results, function_fd, lifeline)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cambrian.evaluate.worker", *map(str, given)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=given,
                cwd=_HOME,  # where this package is found, however the caller found it
                env={**os.environ, **dict.fromkeys(_THREADS, str(threads))},
                start_new_session=True,
            )
        except BaseException:
            self._close(self._jobs, self.results, self._lifeline, self.output)
            raise
        finally:
            self._close(jobs, results, lifeline, output)
        for fd in (self._jobs, self.results, self.output):
            os.set_blocking(fd, False)
        self.exit = _pidfd(self._process.pid)
        self._reader = Reader(self.results)
        self._outgoing = bytearray()
        self._tail = bytearray()
        self._kill_at: float | None = None
        self.send(encode(dict(settings)))

    @property
    def pid(self) -> int:
        """Process number, and number of the process group."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the worker has closed the pipe of results."""
        return self._reader.ended

    @property
    def tail(self) -> str:
        """The end of what the worker printed, to either stream."""
        return self._tail.decode("utf-8", "replace").strip()

    def send(self, frame: bytes) -> None:
        """Send a frame; what the pipe does not take now goes out with later calls of `flush`."""
        self._outgoing += frame
        self.flush()

    def flush(self) -> bool:
        """Send on what is waiting; True when nothing is left. A closed pipe takes all: the exit will show."""
        if self._jobs < 0:
            self._outgoing.clear()
        while self._outgoing:
            try:
                del self._outgoing[: os.write(self._jobs, self._outgoing)]
            except BlockingIOError:
                return False
            except BrokenPipeError:
                self._outgoing.clear()
        return True

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that have arrived; FrameError for what is no message."""
        while self._reader.read():
            pass
        messages = []
        while (message := self._reader.take()) is not None:
            messages.append(message)
        return messages

    def drain(self) -> bool:
        """Take what the worker printed, keeping its end; False once the pipe has ended."""
        for _ in range(64):  # a worker that floods its output must not keep us here
            try:
                chunk = os.read(self.output, 2**16)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self._tail += chunk
            del self._tail[:-_TAIL]
        return True

    def exited(self) -> bool:
        """Whether the process has ended; then its whole group is killed and it is reaped."""
        if self._process.returncode is None and _is_over(self._process):
            self._signal(signal.SIGKILL)  # before reaping: until then the number can't be another's
            self._process.wait()
        return self._process.returncode is not None

    def why(self) -> str:
        """Say how the process ended, with its last words."""
        code = self._process.returncode
        if code is not None and code < 0:
            known = {int(number): number.name for number in signal.Signals}
            name = known.get(-code, f"signal {-code}")
            hint = " (by the system, where memory ran out?)" if -code == signal.SIGKILL else ""
            how = f"the worker was killed by {name}{hint}"
        else:
            how = f"the worker ended with exit code {code}"
        return f"{how}; its last output:\n{self.tail}" if self.tail else how

    def terminate(self) -> None:
        """Ask the group to end; `enforce` kills it after the grace."""
        # Of one that was reaped the number may be another's by now.
        if self._kill_at is None and self._process.returncode is None:
            self._kill_at = time.monotonic() + _GRACE
            self._signal(signal.SIGTERM)

    def dismiss(self) -> None:
        """Let an idle worker end by itself; `enforce` kills it after the grace."""
        self._kill_at = time.monotonic() + _GRACE
        self._close(self._jobs)
        self._jobs = -1

    def enforce(self) -> None:
        """Kill the group if its grace is over."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """Kill the group now and wait for the process."""
        if self._process.returncode is None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def release(self) -> None:
        """Close every descriptor; only for a process that has ended."""
        self._close(self._jobs, self.results, self._lifeline, self.output, self.exit)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # macOS: the latter for a group of zombies
            os.killpg(self.pid, number)

    @staticmethod
    def _close(*fds: int) -> None:
        for fd in fds:
            if fd >= 0:
                os.close(fd)


def _pidfd(pid: int) -> int:
    """Return a descriptor that becomes readable when the process ends; -1 where there is none (macOS)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended, without reaping it where the system can tell."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # reaped already, where the program around us ignores SIGCHLD
        return True


def usable_cores() -> int:
    """Return how many cores this process may use: its CPU affinity, or less where a container has a quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return cores


def write_function(function: Function) -> int:
    """Pickle the function into a nameless file that all workers read; return its descriptor."""
    cloudpickle = require("cloudpickle", "train", "sending a function to worker processes")
    with tempfile.TemporaryFile() as file:
        try:
            cloudpickle.dump(function, file)
        except Exception as error:
            raise TypeError(
                f"the function can't be sent to worker processes ({type(error).__name__}: {error}); "
                "leave out what can't be pickled (open files, locks), or evaluate in this process"
            ) from error
        file.flush()
        return os.dup(file.fileno())
