"""The evaluator that runs jobs in supervised processes: a job can take its worker down, never the run."""

from __future__ import annotations

import os
import selectors
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from cambrian.errors import CambrianError
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.messages import FrameError, encode
from cambrian.evaluate.outcome import NO_MEMORY, Function, clean
from cambrian.evaluate.process import WorkerProcess, usable_cores, write_function
from cambrian.evaluate.seat import START_LIMIT, Seat

_START_TRIES = 3
_TICK = 0.05  # seconds between looks at what no descriptor tells: graces, and exits where there are no pidfds


class WorkerError(CambrianError):
    """Workers can't be started: the function fails to load in them, or they die before their first job."""


class Workers:
    """Evaluates jobs in ``n`` supervised processes; each failure of one is one typed evaluation.

    ``function`` reaches the workers once, by cloudpickle. ``n`` defaults to the usable cores, ``threads``
    (of torch and BLAS, per worker) to the cores divided by n. A job that takes longer than ``timeout``
    seconds has status "timeout", one whose worker dies "crashed"; the worker is ended with all it started
    (SIGTERM, a second later SIGKILL) and replaced. ``memory`` limits the data of each worker in bytes
    (Linux): a job beyond it has status "out_of_memory". Workers end within seconds when this process dies.

    Before each job Python's, NumPy's and torch's global generators are seeded with the job's seed, and the
    working directory is set back.

    Raises WorkerError when the function can't be loaded in a worker (with the traceback), TypeError when it
    can't be sent, ValueError for bad numbers.

    >>> with Workers(UserFunction(evaluate), n=2, timeout=60) as evaluator:
    ...     results = list(evaluator.evaluate(jobs))
    """

    def __init__(
        self,
        function: Function,
        n: int | None = None,
        *,
        timeout: float | None = None,
        memory: int | None = None,
        threads: int | None = None,
    ) -> None:
        if os.name != "posix":
            raise WorkerError("worker processes need Linux or macOS; evaluate in this process (Inline)")
        cores = usable_cores()
        self.capacity = _at_least_one("n", cores if n is None else n)
        self._threads = _at_least_one(
            "threads", max(1, cores // self.capacity) if threads is None else threads
        )
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout must be a number of seconds above 0, got {timeout!r}")
        if memory is not None and not memory >= 2**20:
            raise ValueError(f"memory must be a number of bytes of at least 2**20, got {memory!r}")
        self._function, self._timeout = function, timeout
        limit = None if memory is None else int(memory)
        self._settings = {"path": [os.path.abspath(p) for p in sys.path], "cwd": os.getcwd(), "memory": limit}
        self._queue: deque[tuple[Job, bytes]] = deque()
        self._done: list[Evaluation] = []
        self._seats: list[Seat] = []
        self._ending: list[WorkerProcess] = []
        self._failed_starts = 0
        self._ever_ready = False
        self._closed = False
        self._file = write_function(function)
        self._selector = selectors.DefaultSelector()
        try:
            for _ in range(self.capacity):
                self._start()
            while not self._ever_ready:
                self._step(None)
        except BaseException:
            self.close()
            raise

    @property
    def pending(self) -> int:
        """Number of jobs submitted and not yet returned."""
        return len(self._queue) + len(self._done) + sum(seat.job is not None for seat in self._seats)

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [seat.process.pid for seat in self._seats]

    def submit(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, and give the first ones to idle workers.

        Raises TypeError for a config that is not JSON-able; then no job of this call is queued.
        """
        if self._closed:
            raise ValueError("the workers are closed")
        self._queue.extend([(job, _frame(job)) for job in jobs])
        self._assign()

    def poll(self, timeout: float | None = None) -> list[Evaluation]:
        """Return the evaluations that have finished, waiting up to ``timeout`` seconds for the first.

        None waits until there is one; an empty list means that the time is over or nothing is pending. Raises
        WorkerError when workers can't be replaced any more.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while self.pending and not self._done:
            self._step(until)
            if until is not None and time.monotonic() >= until:
                break
        self._assign()
        done, self._done = self._done, []
        return done

    def withdraw(self) -> None:
        """Drop the jobs that wait for a worker; those that one has stay pending."""
        self._queue.clear()

    def evaluate(self, jobs: Iterable[Job]) -> Iterator[Evaluation]:
        """Submit jobs and yield evaluations as they finish, until nothing is pending."""
        self.submit(jobs)
        while self.pending:
            yield from self.poll()

    def close(self) -> None:
        """End all workers and what they started; jobs in work are dropped. Takes at most about a second."""
        if self._closed:
            return
        self._closed = True
        for seat in list(self._seats):
            self._retire(seat, gently=seat.ready and seat.job is None)
        self._queue.clear()
        try:
            while self._ending:
                self._reap()
                time.sleep(0.005 if self._ending else 0)
        finally:
            for process in self._ending:  # only where an interrupt cut the graces short
                process.kill()
                process.release()
            self._ending.clear()
            self._selector.close()
            os.close(self._file)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self) -> None:
        process = WorkerProcess(self._file, self._settings, self._threads)
        seat = Seat(process, since=time.monotonic())
        self._seats.append(seat)
        for fd, react in (
            (process.results, self._receive),
            (process.output, self._drain),
            (process.exit, self._check),
        ):
            if fd >= 0:
                self._selector.register(fd, selectors.EVENT_READ, (react, seat))

    def _step(self, until: float | None) -> None:
        """Wait for something to happen, up to a moment, and deal with it."""
        self._assign()
        for key, _ in self._selector.select(self._patience(until)):
            react, seat = key.data
            if seat in self._seats:  # else an event before this one has ended it
                react(seat)
        now = time.monotonic()
        for seat in list(self._seats):
            seat.process.enforce()
            if seat.process.exit < 0:
                self._check(seat)
            due = seat.due(self._timeout)
            if seat in self._seats and due is not None and now >= due:
                self._late(seat)
        self._reap()

    def _patience(self, until: float | None) -> float | None:
        """Seconds until something is due that no descriptor tells."""
        now = time.monotonic()
        due = [] if until is None else [until]
        for seat in self._seats:
            if (limit := seat.due(self._timeout)) is not None:
                due.append(limit)
            if not seat.process.flush():
                due.append(now + 0.001)
        if self._ending or any(seat.process.exit < 0 or seat.process.ended for seat in self._seats):
            due.append(now + _TICK)
        return max(0.0, min(due) - now) if due else None

    def _assign(self) -> None:
        for seat in self._seats:
            if self._queue and seat.free:
                seat.give(*self._queue.popleft())

    def _receive(self, seat: Seat) -> None:
        try:
            messages = seat.process.receive()
            for message in messages:
                self._take(seat, message)
        except FrameError as error:
            self._lost(seat, f"the worker's answer is damaged: {error}")
            return
        if seat.process.ended and seat in self._seats:
            self._unwatch(seat.process.results)
            seat.process.dismiss()  # it can't answer any more; how it ends will show why

    def _take(self, seat: Seat, message: dict[str, Any]) -> None:
        if "failed" in message:
            why = f"the function can't be loaded in a worker:\n{message['failed']}"
            if not self._ever_ready:
                raise WorkerError(why)
            self._start_failed(seat, why)  # perhaps a device that was full for the moment
        elif "ready" in message:
            seat.ready = self._ever_ready = True
            self._failed_starts = 0
        elif "begun" in message:
            seat.begun = True
        elif seat.job is not None:
            self._done += seat.answer(self._function, message)

    def _drain(self, seat: Seat) -> None:
        if not seat.process.drain():
            self._unwatch(seat.process.output)

    def _check(self, seat: Seat) -> None:
        if not seat.process.exited():
            return
        self._receive(seat)  # a result may have been sent just before the end
        if seat in self._seats:
            seat.process.drain()
            self._lost(seat, seat.process.why())

    def _lost(self, seat: Seat, why: str) -> None:
        """Replace a worker that is dead or damaged; the job that it held has crashed it."""
        if not seat.ready:
            self._start_failed(seat, f"a worker died before its first job: {why}")
            return
        if seat.job is not None and not seat.begun:
            self._queue.appendleft((seat.job, seat.frame))
        elif seat.job is not None:
            starved = self._settings["memory"] is not None and any(hint in why.lower() for hint in NO_MEMORY)
            self._done += seat.finish(self._function, "out_of_memory" if starved else "crashed", clean(why))
        self._replace(seat)

    def _late(self, seat: Seat) -> None:
        if not seat.ready:
            self._start_failed(seat, f"a worker was not ready in {START_LIMIT:.0f} s: {seat.process.tail}")
        else:
            self._done += seat.finish(self._function, "timeout", f"not done after {self._timeout:g} s")
            self._replace(seat)

    def _start_failed(self, seat: Seat, why: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _START_TRIES:
            raise WorkerError(why)
        self._replace(seat)

    def _replace(self, seat: Seat) -> None:
        self._retire(seat)
        self._start()

    def _retire(self, seat: Seat, gently: bool = False) -> None:
        self._seats.remove(seat)
        for fd in (seat.process.results, seat.process.output, seat.process.exit):
            self._unwatch(fd)
        if gently:
            seat.process.dismiss()
        else:
            seat.process.terminate()
        self._ending.append(seat.process)

    def _unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _reap(self) -> None:
        for process in list(self._ending):
            process.enforce()
            process.drain()
            if process.exited():
                process.release()
                self._ending.remove(process)


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def _frame(job: Job) -> bytes:
    try:
        return encode(job.to_dict())
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"job {job.id} can't be sent to a worker: {error}; its config is {job.config!r}"
        ) from None
