"""What an evaluator runs on each job: a training, or the user's own function."""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cambrian.errors import unknown
from cambrian.evaluate.evaluation import DivergedError, Job, Trained
from cambrian.evaluate.kept import Bookmark, Keeping
from cambrian.evaluate.outcome import check_metrics
from cambrian.evaluate.recipe import Recipe
from cambrian.evaluate.task import Task
from cambrian.network.latency.speed import Speed
from cambrian.network.latency.speed import speed as measure_speed

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class TrainNetwork:
    """Trains a job's network on a task and returns its validation metrics.

    The network is the job's architecture, or ``build(config)`` for a user's own `torch.nn.Module`; the
    recipe is the architecture's, or what the config has under the names of recipe fields. ``epochs`` is for
    jobs that name no fidelity. ``timeout`` (seconds) ends a training with status "timeout". ``measured``
    names metrics of the built network's ``speed`` on the device (latency_p50, …). ``settings`` are further
    keywords of `cambrian.evaluate.train.train`. With ``expected`` there is one
    more metric, ``expected_macs``: what a sample really takes on average (see `cambrian.expected_macs`).
    ``modules`` are the classes of users' own modules by their paths, as `Space.modules` gives them.
    ``mode`` says how to train: "auto" (as is fastest here) or one of `cambrian.evaluate.waves.MODES`.

    A job of fewer than ``epochs`` is trained for the first part of the whole training: with its learning
    rates, order of samples and draws. A job of more has a training of its own. ``keep`` is where trainings
    that end early are kept, so that a later job of the same goes on, in any mode; without, or when nothing is
    found, it begins anew and comes to the same (bit for bit in modes "eager" and "native" on one machine).
    What a user's own module learns elsewhere than in its parameters and buffers is not kept.

    >>> TrainNetwork(make_task("digits"), epochs=10)(Job(0, architecture=architecture))
    {'accuracy': 0.97..., 'loss': 0.1...}
    """

    task: Task
    epochs: float = 10.0
    device: str = "auto"
    build: Callable[[dict[str, Any]], nn.Module] | None = None
    timeout: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    measured: tuple[str, ...] = ()
    speed: Speed = field(default_factory=Speed)
    expected: bool = False
    modules: Mapping[str, type] = field(default_factory=dict)
    mode: str = "auto"
    keep: Keeping | None = None

    def __post_init__(self) -> None:
        from cambrian.evaluate.waves import MODES

        if self.mode not in MODES:
            raise unknown("mode", self.mode, MODES)

    def of_repeat(self, repeat: int) -> TrainNetwork:
        """Return the function for a repeat: on another fold, where the task has any."""
        return self if self.task.folds == 1 else replace(self, task=self.task.fold(repeat))

    def mode_of(self, job: Job) -> str:
        """Return the mode in which the job is trained when it comes alone."""
        if self.mode not in ("auto", "native") or self.build is not None or job.architecture is None:
            return "eager"
        from cambrian.evaluate.native import refuses

        reason = refuses(job.architecture.graph, self.task, self.recipe(job), self.settings, self.device)
        return "native" if reason is None else "eager"

    def length(self, job: Job) -> tuple[float, float]:
        """Return the epochs of the job's whole training, and after how many of them it ends."""
        wanted = self.epochs if job.fidelity is None else job.fidelity
        return max(self.epochs, wanted), wanted

    def bookmark(self, job: Job) -> Bookmark | None:
        """Return where the job's training is kept if it ends early; None where nothing is."""
        whole, wanted = self.length(job)
        if self.keep is None or wanted > self.epochs:
            return None
        alone = self.build is None and job.architecture is not None
        key = {
            "network": job.architecture.graph.to_dict() if alone and job.architecture else job.config,
            "recipe": asdict(self.recipe(job)),
            "seed": job.seed,
            "repeat": job.repeat,
            "task": self.task.fingerprint,
            "epochs": whole,
            "settings": dict(self.settings),
        }
        return self.keep.bookmark(key)

    def warm_up(self) -> None:
        """Load torch and put the data onto the device before the first job."""
        from cambrian.evaluate.train import resident, resolve_device

        place = resolve_device(self.device)
        resident(self.task, "train", place)
        resident(self.task, "validation", place)

    def network(self, job: Job) -> nn.Module:
        """Build the job's untrained network; its weights are a function of the job's seed.

        Raises ValueError for a job without architecture (and no ``build``), TypeError where ``build`` returns
        anything but a module.
        """
        import torch

        from cambrian.evaluate.train import resolve_device

        module = self._built(job)
        # On a CPU this takes a third less time (measured on random convnets, 8 × 8 images); a user's own
        # module may count on the usual layout.
        fast = self.build is None and resolve_device(self.device).type == "cpu"
        return _with_layout(module, torch.channels_last) if fast else module

    def _built(self, job: Job) -> nn.Module:
        import torch

        from cambrian.evaluate.train import randomness

        with randomness(job.seed, "weights", torch.device("cpu")):
            if self.build is not None:
                module = self.build(copy.deepcopy(job.config))
                if not isinstance(module, torch.nn.Module):
                    raise TypeError(f"build must return a torch.nn.Module, got {type(module).__name__}")
                return module
            if job.architecture is None:
                raise ValueError(f"job {job.id} has no architecture; give TrainNetwork a build function")
            from cambrian.network.build import build

            return build(job.architecture.graph, self.modules)

    def recipe(self, job: Job) -> Recipe:
        """Return how the job's network is to be trained; ValueError for genes that make no recipe."""
        if self.build is None and job.architecture is not None:
            return Recipe.of(job.architecture.recipe)
        return Recipe.from_config(job.config)

    def __call__(self, job: Job) -> Trained:
        """Train the job's network; see `train` for the metrics and what is raised."""
        from cambrian.evaluate.train import resident, resolve_device

        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        native = self.mode_of(job) == "native"
        if native and not self.measured and not self.expected:  # then nobody sees the module
            return self._kept(None, job, native, deadline)
        module = self._built(job) if native else self.network(job)
        found = self._measure(module) if self.measured else {}
        trained = self._kept(module, job, native, deadline)
        inputs, _ = resident(self.task, "validation", resolve_device(self.device))
        return Trained({**self._with_expected(trained, module, inputs), **found}, trained.curve)

    def _kept(self, module: nn.Module | None, job: Job, native: bool, deadline: float | None) -> Trained:
        """Train, from where the training was left and keeping it where it ends early."""
        bookmark = self.bookmark(job)
        given = {**self.settings, "deadline": deadline, "bookmark": bookmark}
        try:
            trained = self._train(module, job, native, given)
        except DivergedError:
            if bookmark is not None:
                bookmark.discard()
            raise
        if bookmark is not None:
            bookmark.settle()
        return trained

    def _train(
        self, module: nn.Module | None, job: Job, native: bool, settings: Mapping[str, Any]
    ) -> Trained:
        from cambrian.evaluate.draws import order_seed

        whole, wanted = self.length(job)
        given: dict[str, Any] = {
            "epochs": whole,
            "until": None if "epochs" in settings else wanted,
            **settings,
            "seed": job.seed,
            "order": order_seed(self.task.fingerprint, job.repeat),
            "device": self.device,
        }
        if native and job.architecture is not None:
            from cambrian.evaluate.native import train as train_natively

            graph = job.architecture.graph
            return train_natively(module, self.task, self.recipe(job), graph=graph, **given)
        from cambrian.evaluate.train import train

        return train(module or self.network(job), self.task, self.recipe(job), **given)

    def _with_expected(self, metrics: dict[str, float], module: nn.Module, inputs: Any) -> dict[str, float]:
        if not self.expected:
            return metrics
        from cambrian.network.expected import expected_macs

        return {**metrics, "expected_macs": expected_macs(module, inputs)}

    def _measure(self, module: nn.Module) -> dict[str, float]:
        """Measure the speed of a network as it will be returned: in torch's usual layout."""
        import torch

        from cambrian.evaluate.train import resident, resolve_device

        place = resolve_device(self.device)
        if self.build is None:
            module = _with_layout(copy.deepcopy(module), torch.contiguous_format)
        sample = resident(self.task, "train", place)[0][:1]
        return measure_speed(module, sample, self.measured, self.speed, device=str(place))

    def finish(self, job: Job, **settings: Any) -> tuple[nn.Module, dict[str, float]]:
        """Train the job's network on training and validation samples, for what is returned to the user.

        Returns the module (on the CPU, in eval mode) and its metrics on the test samples. Further
        ``settings`` are keywords of `cambrian.evaluate.train.train`, before the function's own.

        >>> module, test = function.finish(job, epochs=80)
        """
        import torch

        from cambrian.evaluate.train import measure_test

        native = self.mode_of(job) == "native"
        module = self._built(job) if native else self.network(job)
        self._train(module, job, native, {**self.settings, **settings, "data": "train+validation"})
        module = _with_layout(
            module, torch.contiguous_format
        )  # before the test: what is measured is returned
        metrics = measure_test(module, self.task, self.device)
        inputs = self.task.test_arrays()[0] if self.expected else None
        return module.cpu().eval(), self._with_expected(metrics, module, inputs)


def _with_layout(module: Any, layout: Any) -> nn.Module:
    """Change the memory format of a module's kernels; torch's types leave this keyword of ``to`` out."""
    changed: nn.Module = module.to(memory_format=layout)
    return changed


@dataclass(frozen=True)
class UserFunction:
    """Runs the user's ``evaluate(config) -> metrics`` on a copy of the job's config.

    A parameter of it named ``seed`` or ``fidelity`` gets the job's. In a search a fidelity is the part of the
    whole evaluation that is asked for, 0 to 1 (None where the job names none). One named ``checkpoint`` gets
    a folder of the candidate that is the same for all its fidelities, as the seed is (None without ``keep``):
    what lies there is the function's own business, so that it can go on from what it kept.

    >>> UserFunction(lambda config: {"accuracy": 1 - config["x"] ** 2})(Job(0, {"x": 0.5}))
    {'accuracy': 0.75}
    """

    evaluate: Callable[..., Any]
    keep: Keeping | None = None

    def __post_init__(self) -> None:
        if not callable(self.evaluate):
            raise TypeError(f"evaluate must be callable, got {type(self.evaluate).__name__}")

    def __call__(self, job: Job) -> dict[str, float]:
        """Run the user's function; TypeError or ValueError where it does not return metrics."""
        named: dict[str, Any] = {name: getattr(job, name) for name in ("seed", "fidelity")}
        named["checkpoint"] = None
        wanted = self.takes
        if self.keep is not None and "checkpoint" in wanted:
            key = {"config": job.config, "seed": job.seed, "repeat": job.repeat}
            named["checkpoint"] = self.keep.folder_of(key)
        named = {name: named[name] for name in wanted}
        return check_metrics(self.evaluate(_copied(job.config), **named))

    @cached_property
    def takes(self) -> list[str]:
        """What the function takes besides the config."""
        wanted = _named_parameters(self.evaluate)
        return [name for name in ("seed", "fidelity", "checkpoint") if name in wanted]


_NESTED = (dict, list)


def _copied(config: Any) -> Any:
    """A config of its own for the user's function; its values can't change."""
    if isinstance(config, dict):
        return {n: _copied(value) if isinstance(value, _NESTED) else value for n, value in config.items()}
    return [_copied(value) for value in config] if isinstance(config, list) else config


def _named_parameters(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins have no signature
        return []
    # The first parameter is the config, whatever its name.
    return [p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
