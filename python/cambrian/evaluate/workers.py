"""The evaluator that runs jobs in supervised processes: a job can take its worker down, never the run."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cambrian.errors import CambrianError
from cambrian.evaluate.crew import Crew
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.limits import Limits, at_least_one, check_bytes, growth_of
from cambrian.evaluate.messages import LIMIT, FrameError, bundle, text_of
from cambrian.evaluate.outcome import NO_MEMORY, Function, clean
from cambrian.evaluate.plan import Fixed, Planner
from cambrian.evaluate.process import usable_cores
from cambrian.evaluate.seat import START_LIMIT, Seat
from cambrian.evaluate.waves import Wave

_START_TRIES = 3


class WorkerError(CambrianError):
    """Workers can't be started: the function fails to load in them, or they die before their first job."""


class Workers:
    """Evaluates jobs in ``n`` supervised processes; each failure of one is one typed evaluation.

    ``function`` reaches the workers once, by cloudpickle. ``n`` defaults to the usable cores (or the
    ``devices``, names that take the place of the function's own, one worker after another), ``threads`` (of
    torch and BLAS, per worker) to the cores divided by n. A job that takes longer than ``timeout`` seconds
    has status "timeout", one whose worker dies "crashed"; the worker is ended with all it started (SIGTERM,
    a second later SIGKILL) and replaced. Without ``timeout``, ``patience`` is how many times longer than
    others of its size, and at least two minutes, a job may take (None: for ever). ``memory`` limits the data
    of each worker in bytes (Linux): a job beyond it has status "out_of_memory". A worker that after a job
    holds ``growth`` bytes more than at its start is replaced (Linux; None: an eighth of the machine's memory
    divided by n, at least 1 GiB). Workers end within seconds when this process dies.

    ``planner`` decides which jobs run together (None: each alone). When a wave of several fails (its worker
    dies, it takes longer than its members may together, memory runs out), what it had not yet given goes on
    in halves, until the guilty job stands alone.

    Before each job Python's, NumPy's and torch's global generators are seeded with the job's seed (jobs that
    run in step share the first one's), and the working directory is set back.

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
        patience: float | None = None,
        memory: int | None = None,
        growth: int | None = None,
        threads: int | None = None,
        devices: Sequence[str] = (),
        planner: Planner | None = None,
    ) -> None:
        if os.name != "posix":
            raise WorkerError("worker processes need Linux or macOS; evaluate in this process (Inline)")
        cores = usable_cores()
        n = at_least_one("n", (len(devices) or cores) if n is None else n)
        threads = at_least_one("threads", max(1, cores // n) if threads is None else threads)
        self._function, self._limits = function, Limits(timeout, patience)
        self._memory = check_bytes("memory", memory)
        self._planner: Planner = planner or Fixed()
        self.capacity = n * self._planner.size
        self.devices = [devices[i % len(devices)] if devices else None for i in range(n)]
        self._queue: deque[Job] = deque()
        self._again: deque[Wave] = deque()  # what others had to leave, ahead of the queue
        self._texts: dict[int, str] = {}  # of the jobs in the queue, by their identity
        self._done: list[Evaluation] = []
        self._planned: list[Wave] = []
        self._failed_starts = 0
        self._ever_ready = False
        self._closed = False
        self.longest = 0.0  # seconds that a worker has had a wave
        settings = {
            "path": [os.path.abspath(p) for p in sys.path],
            "cwd": os.getcwd(),
            "memory": self._memory,
            "measures": self._planner.measures,
            "growth": check_bytes("growth", growth) or growth_of(n),
        }
        places = [{"device": device} for device in self.devices]
        self._crew = Crew(function, settings, places, threads, self)
        try:
            for number in range(n):
                self._crew.start(number)
            while not self._ever_ready:
                self._step(None)
        except BaseException:
            self.close()
            raise

    @property
    def pending(self) -> int:
        """Number of jobs submitted and not yet returned."""
        waiting = len(self._queue) + sum(len(wave) for wave in self._again)
        return waiting + len(self._done) + sum(len(seat.left) for seat in self._crew.seats)

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [seat.process.pid for seat in self._crew.seats]

    @property
    def busy(self) -> list[float]:
        """For each worker, how many seconds it has held jobs so far."""
        busy = list(self._crew.busy)
        for seat in self._crew.seats:
            busy[seat.number] += seat.held if seat.wave is not None else 0.0
        return busy

    def submit(self, jobs: Iterable[Job]) -> None:
        """Queue jobs, and give the first ones to idle workers.

        Raises TypeError for a config that is not JSON-able; then no job of this call is queued.
        """
        if self._closed:
            raise ValueError("the workers are closed")
        given = [(job, _text(job)) for job in jobs]
        for job, text in given:
            self._queue.append(job)
            self._texts[id(job)] = text
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
        self._again.clear()
        self._texts.clear()

    def planned(self) -> list[Wave]:
        """Return the waves of several jobs that workers were given since the last call, in order."""
        planned, self._planned = self._planned, []
        return planned

    def evaluate(self, jobs: Iterable[Job]) -> Iterator[Evaluation]:
        """Submit jobs and yield evaluations as they finish, until nothing is pending."""
        self.submit(jobs)
        while self.pending:
            yield from self.poll()

    def close(self) -> None:
        """End all workers and what they started; jobs in work are dropped. Takes at most about a second."""
        self._closed = True
        self.withdraw()
        self._crew.close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _step(self, until: float | None) -> None:
        self._assign()
        self._crew.step(until)

    def _assign(self) -> None:
        if self._done and self._planner.size > 1:
            return  # whoever takes these results may have jobs that belong into the next wave
        for seat in self._crew.seats:
            if not seat.free:
                continue
            if self._again:
                self._give(seat, self._again.popleft())
            elif self._queue:
                self._give(seat, self._planner.take(self._queue))

    def _give(self, seat: Seat, wave: Wave) -> None:
        texts = [self._texts.pop(id(job), "") or _text(job) for job in wave.jobs]
        if len(wave) > 1 and sum(map(len, texts)) > LIMIT:
            self._again.extendleft(reversed(wave.halves()))
            self._give(seat, self._again.popleft())
            return
        seat.give(wave, bundle(wave.mode, texts), self._limits.of(wave))
        if len(wave) > 1:
            self._planned.append(wave)

    # What happens to workers (see `Listener`)

    def heard(self, seat: Seat, message: dict[str, Any]) -> None:
        """Take a worker's message in."""
        if "failed" in message:
            why = f"the function can't be loaded in a worker:\n{message['failed']}"
            if not self._ever_ready:
                raise WorkerError(why)
            self._start_failed(seat, why)  # perhaps a device that was full for the moment
        elif "ready" in message:
            seat.ready = self._ever_ready = True
            self._failed_starts = 0
            self._learn(None, message)
        elif "begun" in message:
            seat.begun = True
        elif "job" in message:
            self._answered(seat, message)
        elif "done" in message and seat.wave is not None:
            why = clean(str(message["done"]))
            self._learn(seat.wave, message)
            self._over(seat, "out_of_memory" if message.get("starved") else "error", why)
            if message.get("worn"):
                self._crew.replace(seat, gently=True)

    def _answered(self, seat: Seat, message: dict[str, Any]) -> None:
        job, evaluation = seat.answer(self._function, message)
        self._done.append(evaluation)
        if self._limits.learn(job, evaluation):
            for other in self._crew.seats:
                if other.wave is not None and other.left:
                    other.limit = self._limits.of(other.wave)

    def _learn(self, wave: Wave | None, message: dict[str, Any]) -> None:
        try:
            self._planner.learn(wave, message)
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise FrameError(f"{type(error).__name__}: {error}") from None

    def lost(self, seat: Seat, why: str) -> None:
        """Replace a worker that is dead or damaged; a job that stood alone in its wave has crashed it."""
        if not seat.ready:
            self._start_failed(seat, f"a worker died before its first job: {why}")
            return
        if seat.wave is not None and not seat.begun:
            self._again.appendleft(seat.wave)
            seat.release()
        starved = self._memory is not None and any(hint in why.lower() for hint in NO_MEMORY)
        self._over(seat, "out_of_memory" if starved else "crashed", clean(why))
        self._crew.replace(seat)

    def late(self, seat: Seat) -> None:
        """Replace a worker that takes too long."""
        if not seat.ready:
            why = f"a worker was not ready in {START_LIMIT:.0f} s: {seat.process.tail}"
            self._start_failed(seat, why)
        else:
            self._over(seat, "timeout", f"not done after {seat.limit or 0:g} s")
            self._crew.replace(seat)

    def _over(self, seat: Seat, status: str, why: str) -> None:
        """Take from a worker what it will not evaluate: a job that stood alone is to blame, others go on."""
        seconds = seat.held
        wave, left = seat.release()
        if wave is None:
            return
        self._crew.busy[seat.number] += seconds
        self.longest = max(self.longest, seconds)
        if len(wave) > 1:
            self._planner.failed(wave, status)
        blamed, smaller = wave.broken(self._function, left, status, why, seconds)
        self._done += blamed
        self._again.extendleft(reversed(smaller))

    def _start_failed(self, seat: Seat, why: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _START_TRIES:
            raise WorkerError(why)
        self._crew.replace(seat)


def _text(job: Job) -> str:
    try:
        return text_of(job.to_dict())
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"job {job.id} can't be sent to a worker: {error}; its config is {job.config!r}"
        ) from None
