"""Grouped training: many candidates of any mix in lock-step, their operations stacked.

Nodes of different candidates with the same signature run as one operation over a candidate axis; candidates
of one structure need no copies between operations at all (*fused*), a mixture some (*routed*).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.evaluation import Curve, DeadlineError, Evaluation, Job
from cambrian.evaluate.grouped.going_on import Entrant, entrant, put, state_of

if TYPE_CHECKING:
    from cambrian.evaluate.functions import TrainNetwork
    from cambrian.evaluate.grouped.lockstep import Lockstep
    from cambrian.evaluate.grouped.stack import State
    from cambrian.network.graph import Graph

_LONELY = ("exit", "gate", "slim", "module")
_SETTINGS = ("augment", "label_smoothing", "warmup", "ema", "clip", "data")
_FEW = 0.6  # of a wave: when no more are left, it is made anew without the others


def refuses(function: Any, job: Job) -> str | None:
    """Say why a job can't be trained in a group, or return None where it can.

    >>> refuses(TrainNetwork(task, build=MyNet), job)
    'the network is built by a function of the user'
    """
    from cambrian.evaluate.functions import TrainNetwork

    if not isinstance(function, TrainNetwork):
        return "the job is not the training of a network"
    if function.build is not None or job.architecture is None:
        return "the network is built by a function of the user"
    from cambrian.evaluate.losses import one_by_one

    if (reason := one_by_one(function.task)) is not None:
        return reason
    if function.measured or function.expected:
        return "speed and expected multiply-adds are measured on one network at a time"
    other = sorted(set(function.settings) - set(_SETTINGS))
    if other:
        return f"settings that hold for one network only: {', '.join(other)}"
    graph = job.architecture.graph
    lonely = sorted({node.op for node in graph.nodes if node.op in _LONELY})
    if lonely:
        return f"operations that each network runs in its own way: {', '.join(lonely)}"
    wanted = (*(function.task.input_shape if function.task.follows else ()), function.task.outputs)
    if graph.input_shape != function.task.input_shape or graph.output_shape != wanted:
        return "the network does not fit the task"
    return "the network has no parameters to train" if graph.params == 0 else _precision(function)


def _precision(function: TrainNetwork) -> str | None:
    import torch

    from cambrian.evaluate.train import precision, resolve_device

    device = resolve_device(function.device)
    if device.type == "cuda" and precision(device)[1].is_enabled():
        return f"losses are scaled for each network by itself on {torch.cuda.get_device_name(device)}"
    return None


def signature(function: TrainNetwork, job: Job) -> Hashable:
    """Return what is equal for jobs that run without any copies in between.

    >>> signature(function, job) == signature(function, job_with_another_learning_rate)
    True
    """
    nodes = tuple(
        (node.op, node.inputs, tuple(sorted(node.attrs.items())) if node.op != "dropout" else (), node.shape)
        for node in _graph(job).nodes
    )
    recipe = function.recipe(job)
    return nodes, int(recipe.batch_size), job.fidelity, job.repeat


def memory(function: TrainNetwork, jobs: Sequence[Job]) -> int:
    """Return about how many bytes a wave of these jobs takes in training.

    What the forward pass keeps (twice: stacked values are copied where mixtures part), and weights with
    gradient, two moments and averages.
    """
    total = 0
    for job in jobs:
        graph = _graph(job)
        batch = min(int(function.recipe(job).batch_size), function.task.sizes["train"])
        values = sum(math.prod(node.shape) for node in graph.nodes if node.op not in ("identity", "zero"))
        total += 4 * (2 * batch * values + 6 * graph.params)
    return total


def _graph(job: Job) -> Graph:
    if job.architecture is None:
        raise ValueError(f"job {job.id} has no architecture")
    return job.architecture.graph


def run(function: TrainNetwork, jobs: Sequence[Job]) -> Iterator[Evaluation]:
    """Train jobs together and yield each one's evaluation as it is done; what eager training gives.

    Jobs of another batch size or repeat, and those that go on from another step, train one wave after the
    other. Raises what a failure of the wave as
    a whole raises (memory, above all): then nothing is known of the jobs that were not yielded.

    >>> for evaluation in run(TrainNetwork(task, epochs=10), jobs): print(evaluation.metrics)
    """
    alike: dict[Hashable, list[Entrant]] = {}
    for job in jobs:
        found = entrant(function, job)
        key = int(function.recipe(job).batch_size), job.repeat, found.first
        alike.setdefault(key, []).append(found)
    for some in alike.values():
        yield from _run(function, some)


def _run(function: TrainNetwork, entrants: list[Entrant]) -> Iterator[Evaluation]:
    from cambrian.evaluate.outcome import outcome

    start, count, jobs = time.monotonic(), len(entrants), [e.job for e in entrants]

    def done(
        job: Job, status: str, metrics: dict[str, float], error: str | None, curve: Curve = ()
    ) -> Evaluation:
        seconds = (time.monotonic() - start) / count
        return outcome(function, job, status, metrics, seconds, error, "grouped", curve)

    wave, todo = _begin(function, entrants), list(range(count))  # of the wave, and their jobs
    while jobs:
        until = min(steps for i, steps in enumerate(wave.steps) if i in todo)
        try:
            wave.advance(until)
        except DeadlineError as error:
            yield from (done(jobs[i], "timeout", {}, str(error)) for i in todo)
            return
        for i in [i for i in todo if wave.errors[i]]:
            todo.remove(i)
            entrants[i].settle(ok=False)
            yield done(jobs[i], "diverged", {}, wave.errors[i])
        ready = [i for i in todo if wave.steps[i] == wave.step]
        for i, metrics in zip(ready, _metrics(wave, ready), strict=True):
            todo.remove(i)
            fine = all(math.isfinite(value) for value in metrics.values())
            wrong = None if fine else f"the metrics of the trained network are not finite: {metrics}"
            put(wave, i, entrants[i].bookmark)
            entrants[i].settle(fine)
            yield done(jobs[i], "ok" if fine else "diverged", metrics, wrong, tuple(wave.curves[i]))
        if not todo:
            return
        if len(todo) <= _FEW * len(jobs):
            wave, jobs = wave.kept(todo), [jobs[i] for i in todo]
            entrants = [entrants[i] for i in todo]
            todo = list(range(len(jobs)))


def _begin(function: TrainNetwork, entrants: Sequence[Entrant]) -> Lockstep:
    """Return the wave at the step where all its jobs were left; untrained where what is kept is no use."""
    jobs, first = [e.job for e in entrants], entrants[0].first
    if first:
        with contextlib.suppress(KeyError, RuntimeError):
            return begin(function, jobs, [state_of(e.progress) for e in entrants if e.progress], first)
    return begin(function, jobs)


def begin(
    function: TrainNetwork, jobs: Sequence[Job], states: Sequence[State] = (), first: int = 0
) -> Lockstep:
    """Return the wave of these jobs, untrained, or with their states at step ``first``.

    With a timeout all of them together have as long as each.

    >>> wave = begin(function, jobs); wave.advance(100)
    """
    from cambrian.evaluate.draws import order_seed
    from cambrian.evaluate.grouped.lockstep import Candidate, Lockstep, Settings
    from cambrian.evaluate.train import resolve_device

    deadline = None if function.timeout is None else time.monotonic() + function.timeout * len(jobs)
    lengths = [function.length(job) for job in jobs]
    candidates = [
        Candidate(_graph(job), function.recipe(job), float(whole), job.seed, until)
        for job, (whole, until) in zip(jobs, lengths, strict=True)
    ]
    return Lockstep(
        function.task,
        candidates,
        states or [dict(function.network(job).state_dict()) for job in jobs],
        order=order_seed(function.task.fingerprint, jobs[0].repeat),
        device=resolve_device(function.device),
        settings=Settings(**function.settings, deadline=deadline),
        first=first,
    )


def _metrics(wave: Lockstep, ready: Sequence[int]) -> list[dict[str, float]]:
    from cambrian.evaluate.grouped.measure import measure

    if not ready:
        return []
    split = "validation" if wave.settings.data == "train" else wave.settings.data
    with wave.stack.averaged():
        found = measure(wave, split)
    return [found[i] for i in ready]
