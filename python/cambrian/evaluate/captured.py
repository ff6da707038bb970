"""Training by CUDA graphs: a whole step is captured once for each candidate, then replayed.

A small network's step is dozens of kernels that take less time than Python needs to launch them. A captured
step is launched as one; several candidates are in flight, each on a stream of its own, with a pool of memory
that the next candidate there takes over. Elsewhere than on CUDA the same steps run uncaptured.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from cambrian.evaluate import draws
from cambrian.evaluate.curve import curve_of
from cambrian.evaluate.evaluation import DivergedError, Evaluation, Job, Trained
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.length import length_of
from cambrian.evaluate.losses import loss_function, one_by_one
from cambrian.evaluate.optimizers import Optimizer
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.recipe import Recipe, check_settings, learning_rates
from cambrian.evaluate.standing import Standing
from cambrian.evaluate.train import (
    CHECK_EVERY,
    measure,
    precision,
    randomness,
    repeatable,
    resident,
    resolve_device,
)

IN_FLIGHT = 4  # candidates at a time, each on its own stream
_WARM = 3  # steps before the capture: libraries choose their algorithms, and allocate, in the first ones
_CONSTANT = ("clip", "label_smoothing", "warmup")  # settings of `train` that a captured step can take
_BY_DATA = ("exit", "gate", "slim", "module")


def refuses(function: TrainNetwork, job: Job) -> str | None:
    """Say why a job can't be trained so, or None: what depends on data or on torch's generators can't.

    >>> refuses(TrainNetwork(task, build=make), job)
    "a user's own network may do what can't be captured"
    """
    if function.build is not None or job.architecture is None:
        return "a user's own network may do what can't be captured"
    if (reason := one_by_one(function.task)) is not None:
        return reason
    if function.measured or function.expected or function.timeout is not None:
        return "speeds, expected multiply-adds and time limits are for networks that train alone"
    for name, value in function.settings.items():
        if name not in _CONSTANT and value:
            return f"{name}={value!r} can't be captured"
    for node in job.architecture.graph.nodes:
        if node.op in _BY_DATA:
            return f"what {node.op} does depends on the data"
    place = resolve_device(function.device)
    if place.type == "cuda" and precision(place)[1].is_enabled():
        return "float16 needs a loss scale, which waits for the device"
    return None


class _Dropout(draws.Dropout):
    """Dropout that reads its step, and the keys of all steps, from the device."""

    def __init__(self, noise: int, steps: int, now: Tensor) -> None:
        super().__init__(noise)
        self._steps, self._now = steps, now
        self._words: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def keeps(self, node: int, millionths: int, n: int, device: torch.device) -> Tensor:
        """As without capture, in operations of the device only."""
        index = torch.arange(n, dtype=torch.int32, device=device)
        if node not in self._words:  # in the steps before the capture
            keys = [draws.key(self.noise, node, step) for step in range(self._steps)]
            words = draws.words(keys, device)
            self._words[node] = *words, draws.limits([millionths], device)
        low, high, limits = self._words[node]
        return draws.kept(low.index_select(0, self._now), high.index_select(0, self._now), index, limits)


class Training:
    """One candidate in training: `advance` makes steps, `check` waits for them and looks at the losses.

    All that a step reads and writes stays where it is, and its number is on the device.
    """

    def __init__(self, function: TrainNetwork, job: Job, lane: Lane) -> None:
        settings = dict(function.settings)
        recipe = function.recipe(job).smoothed(settings.get("label_smoothing"))
        epochs, until = function.length(job)
        self.warmup, self.clip = settings.get("warmup", 0.05), settings.get("clip", 5.0)
        check_settings(epochs=epochs, augment=0.0, warmup=self.warmup, ema=0.0, clip=self.clip)
        self.place = resolve_device(function.device)
        self.function, self.task, self.lane = function, function.task, lane
        self.inputs, self.targets = resident(self.task, "train", self.place)
        self.length = length_of(len(self.inputs), recipe.batch_size, epochs, until)
        batch, _, self.whole, self.steps = self.length
        self.module = function.network(job).to(self.place).train()
        order = draws.order_seed(self.task.fingerprint, job.repeat)
        rows = draws.batches(len(self.inputs), batch, self.steps, order, self.place)
        self.order = torch.stack(list(rows))
        self.now = torch.zeros(1, dtype=torch.int64, device=self.place)
        self.losses = torch.zeros(self.steps, device=self.place)
        self._prepare(recipe, draws.derive_seed(job.seed, "noise"))
        self.bookmark = function.bookmark(job)
        self.standing = Standing(self.module, self.optimizer)
        progress = None if self.bookmark is None else self.bookmark.read(self.steps)
        self.first = self.done = self.standing.take_up(progress)
        self.now.fill_(self.first)
        lane.follow()
        self._replay: Callable[[], None] | None = None

    def _prepare(self, recipe: Recipe, noise: int) -> None:
        self.optimizer = Optimizer(
            self.module.parameters(), recipe.optimizer, lr=recipe.lr, weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
        )  # fmt: skip
        rates = learning_rates(recipe, float(self.optimizer.lr), self.whole, self.warmup)
        self.rates = torch.tensor(rates, device=self.place)
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.loss_of = loss_function(self.task, recipe.label_smoothing)
        self.dropout = _Dropout(noise, self.steps, self.now)

    def step(self) -> None:
        """Make the step whose number is on the device."""
        index = self.order.index_select(0, self.now)[0]
        autocast, _ = precision(self.place)
        with autocast():
            loss = self.loss_of(self.module(self.inputs[index]), self.targets[index])
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.lr = self.rates.index_select(0, self.now)[0]
        self.optimizer.step()
        self.losses.index_copy_(0, self.now, loss.detach().float().view(1))
        self.now += 1

    def advance(self, steps: int) -> None:
        """Start up to so many steps; nothing waits for them."""
        with self.lane.active(), repeatable(self.place), draws.keyed_dropout(self.module, self.dropout):
            for _ in range(min(steps, self.steps - self.done)):
                if self._replay is None and self.done - self.first >= _WARM and self.place.type == "cuda":
                    self.optimizer.zero_grad()
                    self._replay = self.lane.capture(self.step)
                if self._replay is None:
                    self.optimizer.zero_grad()
                    self.step()
                else:
                    self._replay()
                self.done += 1

    def check(self) -> Trained | None:
        """Return the metrics if all steps are made; DivergedError where a loss is not finite."""
        if self.done % CHECK_EVERY == 0 or self.done == self.steps:
            last = self.done - self.done % CHECK_EVERY
            loss = float(self.losses[last - 1]) if last > self.first else 0.0
            if not math.isfinite(loss):
                raise DivergedError(f"the training loss was {loss} at step {last} of {self.steps}")
        if self.done < self.steps:
            return None
        with self.lane.active():
            metrics = measure(self.module, self.task, "validation", self.place)
            if self.bookmark is not None and self.steps < self.whole:
                self.bookmark.put(self.steps, self.standing.progress)
        return Trained(metrics, curve_of(self.losses[self.first :].cpu().numpy(), self.first, self.length))


class Lane:
    """A stream, and the memory of the graph that is captured on it; on a CPU neither."""

    def __init__(self, device: torch.device) -> None:
        cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]
        self._pool: Any = torch.cuda.graph_pool_handle() if cuda else None

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """Run what is started inside the block on this lane."""
        return contextlib.nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def follow(self) -> None:
        """Let the lane wait for what was started outside of it."""
        if self._stream is not None:
            self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        """Capture a step, without making it, and return what makes it."""
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            step()
        replay: Callable[[], None] = graph.replay
        return replay


def run(function: TrainNetwork, jobs: Sequence[Job]) -> Iterator[Evaluation]:
    """Train jobs, several in flight; one evaluation each as it is done. What is refused trains eagerly.

    >>> for evaluation in run(TrainNetwork(task, device="cuda"), jobs): ...
    """
    place = resolve_device(function.device)
    waiting, lanes = list(jobs)[::-1], [Lane(place) for _ in range(min(IN_FLIGHT, len(jobs)))]
    flights: list[_Flight] = []
    while waiting or flights:
        while waiting and lanes:
            job = waiting.pop()
            if refuses(function, job) is None:
                flights.append(_Flight(function, job, lanes.pop()))
            else:
                yield perform(replace(function, mode="eager"), job)
        for flight in flights:
            flight.start()
        for flight in list(flights):
            evaluation = flight.land()
            if evaluation is not None:
                flights.remove(flight)
                lanes.append(flight.lane)
                yield evaluation


class _Flight:
    """A job on a lane; what happens to it, failure included, ends in its evaluation."""

    def __init__(self, function: TrainNetwork, job: Job, lane: Lane) -> None:
        self.function, self.job, self.lane = function, job, lane
        self._begun = time.perf_counter()
        self._training: Training | None = None
        self._failure: Exception | None = None
        self._metrics: Trained | None = None

    def start(self) -> None:
        """Make the next steps."""
        try:
            if self._training is None:
                with randomness(self.job.seed, "noise", resolve_device(self.function.device)):
                    self._training = Training(self.function, self.job, self.lane)
            self._training.advance(CHECK_EVERY)
        except Exception as error:
            self._failure = error

    def land(self) -> Evaluation | None:
        """Return the evaluation if the job is over."""
        if self._failure is None and self._training is not None:
            try:
                self._metrics = self._training.check()
            except Exception as error:
                self._failure = error
        if self._failure is None and self._metrics is None:
            return None
        bookmark = None if self._training is None else self._training.bookmark
        if bookmark is not None and self._metrics is not None:
            bookmark.settle()
        elif bookmark is not None and isinstance(self._failure, DivergedError):
            bookmark.discard()
        self._training = None  # its memory is for whoever comes next
        evaluation = perform(self._outcome, self.job)
        fidelity = self.function.epochs if self.job.fidelity is None else self.job.fidelity
        seconds = time.perf_counter() - self._begun
        return replace(evaluation, seconds=seconds, mode="graph", fidelity=float(fidelity))

    def _outcome(self, job: Job) -> dict[str, float]:
        if self._failure is not None:
            raise self._failure
        return self._metrics or Trained({})
