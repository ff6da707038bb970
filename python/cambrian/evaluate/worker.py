"""A worker process: ``python -m cambrian.evaluate.worker``, started and supervised by `workers`.

It reads jobs from one pipe and writes results to another; what user code prints goes elsewhere and can't
get in between. A guard, forked before anything else is loaded, ends the worker's process group when the
coordinator dies: it needs neither the worker's cooperation nor its interpreter lock, and takes along what
user code has started.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import random
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.messages import Reader, encode
from cambrian.evaluate.outcome import is_out_of_memory

if TYPE_CHECKING:
    from cambrian.evaluate.outcome import Function


def main(jobs: int, results: int, function: int, lifeline: int) -> None:
    """Serve jobs from file descriptors until the pipe of jobs ends."""
    for fd in (jobs, results, function, lifeline):
        os.set_inheritable(fd, False)
    _fork_guard(lifeline, close=(jobs, results, function, 1, 2))
    os.close(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's business
    faulthandler.enable()
    reader = Reader(jobs)
    settings = _next(reader)
    if settings is None:
        return
    try:
        run = _load(function, settings)
        here = _place(run) if settings["measures"] else {}
    except BaseException:
        _send(results, {"failed": traceback.format_exc()[-10_000:].encode("utf-8", "replace").decode()})
        return
    _send(results, {"ready": True, **here})
    own, started = os.getpid(), _held()
    while (message := _next(reader)) is not None:
        _send(results, {"begun": True})
        last: dict[str, Any] = {"done": "the mode gave no evaluation of it"}
        try:
            for answer in _serve(run, message, settings["cwd"]):
                if os.getpid() != own:  # user code forked, and its child came back here
                    os._exit(0)
                _send(results, answer)
        except BaseException as error:
            last = _failure(error)
        if os.getpid() != own:
            os._exit(0)
        if settings["measures"]:
            last |= _report()
        worn = _lost_device() or _grown(started + settings["growth"])
        _send(results, {**last, "worn": worn})


def _place(run: Function) -> dict[str, Any]:
    from cambrian.evaluate.calibration import place

    return place(getattr(run, "device", "auto"))


def _report() -> dict[str, Any]:
    from cambrian.evaluate.calibration import report

    return report()


def _serve(run: Function, message: dict[str, Any], cwd: str) -> Iterator[dict[str, Any]]:
    """Run a wave; yield what is sent of each of its evaluations."""
    from cambrian.evaluate.evaluation import Job
    from cambrian.evaluate.waves import Wave, run_wave

    jobs = tuple(Job.from_dict(job) for job in message["jobs"])
    places: dict[tuple[int, int], list[int]] = {}
    for place, job in enumerate(jobs):
        places.setdefault((job.id, job.repeat), []).append(place)
    evaluations = run_wave(run, Wave(message["mode"], jobs))
    for upcoming in (*jobs, jobs[-1]):  # in modes that run them one by one
        with contextlib.suppress(OSError):
            os.chdir(cwd)
        _seed(upcoming.seed)
        if (e := next(evaluations, None)) is None:
            return
        if e.status == "error" and len(jobs) > 1 and _lost_device():
            raise RuntimeError(f"the device was lost: {e.error}")  # perhaps by another job of the wave
        place = places[e.id, e.repeat].pop(0)
        answer = {"job": place, "status": e.status, "metrics": e.metrics, "seconds": e.seconds}
        yield {**answer, "error": e.error, "mode": e.mode, "curve": e.curve}


def _failure(error: BaseException) -> dict[str, Any]:
    """Say why a wave was broken off; nothing of what its frames hold is kept."""
    starved = is_out_of_memory(error)
    text = repr(error) if starved else "".join(traceback.format_exception(error))
    traceback.clear_frames(error.__traceback__)
    if starved and "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        sys.modules["torch"].cuda.empty_cache()
    return {"done": text[-10_000:].encode("utf-8", "replace").decode(), "starved": starved}


def _lost_device() -> bool:
    """Whether nothing works any more on the GPU: some errors of CUDA stay until the process ends."""
    if "torch" not in sys.modules or not (cuda := sys.modules["torch"].cuda).is_initialized():
        return False
    try:
        cuda.synchronize()
    except Exception as error:
        return not is_out_of_memory(error)
    return False


def _held() -> int:
    """Return how many bytes this process holds in memory; 0 where the system doesn't tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _grown(limit: int) -> bool:
    """Whether this process holds more than it may, though it gives back what it can."""
    if _held() <= limit:
        return False
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what was freed in small pieces
    return _held() > limit


def _seed(seed: int) -> None:
    """Make user code that draws from global generators depend on its job, not on what ran here before."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _load(fd: int, settings: dict[str, Any]) -> Function:
    sys.path[:] = settings["path"]
    os.chdir(settings["cwd"])
    if settings["memory"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (settings["memory"],) * 2)
    size = os.fstat(fd).st_size
    # pread, because the file and its position are shared with the other workers
    blob = b"".join(os.pread(fd, 2**24, start) for start in range(0, size, 2**24))
    os.close(fd)
    function: Function = pickle.loads(blob)
    if settings["device"] is not None:
        function = replace(function, device=settings["device"])  # type: ignore[type-var]
    warm_up = getattr(function, "warm_up", None)
    if warm_up is not None:
        warm_up()
    return function


def _next(reader: Reader) -> dict[str, Any] | None:
    while (message := reader.take()) is None:
        if not reader.read():
            return None
    return message


def _send(fd: int, message: dict[str, Any]) -> None:
    frame = memoryview(encode(message))
    while frame:
        frame = frame[os.write(fd, frame) :]


def _fork_guard(lifeline: int, close: tuple[int, ...]) -> None:
    worker = os.getpid()
    if os.fork() != 0:
        return
    for fd in close:
        os.close(fd)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # The lifeline ends with the coordinator. Nothing is ever written to it.
    while os.getppid() == worker and not select.select([lifeline], [], [], 1.0)[0]:
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:5]))
