"""What an evaluator runs on each job: a training, or the user's own function; and its typed outcome."""

from __future__ import annotations

import copy
import inspect
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.evaluation import DeadlineError, DivergedError, Evaluation, Job
from cambrian.evaluate.recipe import Recipe
from cambrian.evaluate.task import Task
from cambrian.network.latency.speed import Speed
from cambrian.network.latency.speed import speed as measure_speed

if TYPE_CHECKING:
    from torch import nn

Function = Callable[[Job], dict[str, float]]
NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "out of memory",
)
"""What errors and last words say where memory ran out, in lower case."""
_TEXT = 10_000  # characters kept of an error


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

        from cambrian.evaluate.train import randomness, resolve_device

        with randomness(job.seed, "weights", torch.device("cpu")):
            if self.build is not None:
                module = self.build(copy.deepcopy(job.config))
                if not isinstance(module, torch.nn.Module):
                    raise TypeError(f"build must return a torch.nn.Module, got {type(module).__name__}")
                return module
            if job.architecture is None:
                raise ValueError(f"job {job.id} has no architecture; give TrainNetwork a build function")
            from cambrian.network.build import build

            module = build(job.architecture.graph, self.modules)
        # On a CPU this takes a third less time (measured on random convnets, 8 × 8 images); a user's own
        # module may count on the usual layout.
        on_cpu = resolve_device(self.device).type == "cpu"
        return _with_layout(module, torch.channels_last) if on_cpu else module

    def recipe(self, job: Job) -> Recipe:
        """Return how the job's network is to be trained; ValueError for genes that make no recipe."""
        if self.build is None and job.architecture is not None:
            return Recipe.of(job.architecture.recipe)
        return Recipe.from_config(job.config)

    def __call__(self, job: Job) -> dict[str, float]:
        """Train the job's network; see `train` for the metrics and what is raised."""
        from cambrian.evaluate.draws import order_seed
        from cambrian.evaluate.train import resident, resolve_device, train

        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        epochs = self.epochs if job.fidelity is None else job.fidelity
        module = self.network(job)
        found = self._measure(module) if self.measured else {}
        trained = train(
            module,
            self.task,
            self.recipe(job),
            epochs=epochs,
            seed=job.seed,
            order=order_seed(self.task.fingerprint, job.repeat),
            device=self.device,
            deadline=deadline,
            **self.settings,
        )
        inputs, _ = resident(self.task, "validation", resolve_device(self.device))
        return {**self._with_expected(trained, module, inputs), **found}

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

        from cambrian.evaluate.draws import order_seed
        from cambrian.evaluate.train import measure_test, train

        module = self.network(job)
        order = order_seed(self.task.fingerprint, job.repeat)
        given: dict[str, Any] = {"seed": job.seed, "order": order, "device": self.device}
        given["data"] = "train+validation"
        epochs = self.epochs if job.fidelity is None else job.fidelity
        chosen = {"epochs": epochs, **self.settings, **settings}
        train(module, self.task, self.recipe(job), **chosen, **given)
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

    A parameter of it named ``seed`` or ``fidelity`` (epochs; None where the job names none) gets the job's.

    >>> UserFunction(lambda config: {"accuracy": 1 - config["x"] ** 2})(Job(0, {"x": 0.5}))
    {'accuracy': 0.75}
    """

    evaluate: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.evaluate):
            raise TypeError(f"evaluate must be callable, got {type(self.evaluate).__name__}")

    def __call__(self, job: Job) -> dict[str, float]:
        """Run the user's function; TypeError or ValueError where it does not return metrics."""
        offered = {"seed": job.seed, "fidelity": job.fidelity}
        wanted = _named_parameters(self.evaluate)
        named = {name: value for name, value in offered.items() if name in wanted}
        return check_metrics(self.evaluate(copy.deepcopy(job.config), **named))


def _named_parameters(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins have no signature
        return []
    # The first parameter is the config, whatever its name.
    return [p.name for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def check_metrics(metrics: Any) -> dict[str, float]:
    """Return metrics as plain floats; TypeError or ValueError naming what an evaluate function got wrong."""
    if not isinstance(metrics, Mapping):
        got = f"{type(metrics).__name__} {metrics!r:.80}"
        raise TypeError(f"evaluate must return a dict like {{'accuracy': 0.93}}, got {got}")
    if not metrics:
        raise ValueError("evaluate must return at least one metric, got an empty dict")
    return {_check_name(name): _number(name, value) for name, value in metrics.items()}


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"evaluate must name its metrics by non-empty strings, got {name!r}")
    return name


def _number(name: str, value: Any) -> float:
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a NumPy scalar, a tensor of one number
        value = value.item()
    if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
        raise TypeError(
            f"evaluate must return numbers, but metric {name!r} is {type(value).__name__} {value!r}"
        )
    if getattr(value, "ndim", 0):
        raise TypeError(f"evaluate must return numbers, but metric {name!r} has shape {tuple(value.shape)}")
    return float(value)


def perform(function: Function, job: Job) -> Evaluation:
    """Run a function on a job and return what happened, whatever happened, as an evaluation.

    Only KeyboardInterrupt gets through.
    """
    start = time.perf_counter()
    status, metrics, error = _outcome(function, job)
    return outcome(function, job, status, metrics, time.perf_counter() - start, error)


def outcome(
    function: Function, job: Job, status: str, metrics: dict[str, float], seconds: float, error: str | None
) -> Evaluation:
    """Build the evaluation of a job; a job without fidelity has that of the function (1 if it has none)."""
    fidelity = float(getattr(function, "epochs", 1.0)) if job.fidelity is None else float(job.fidelity)
    return Evaluation(
        id=job.id,
        status=status,
        metrics=metrics,
        seconds=seconds,
        seed=job.seed,
        fidelity=fidelity,
        repeat=job.repeat,
        error=error,
    )


def _outcome(function: Function, job: Job) -> tuple[str, dict[str, float], str | None]:
    try:
        metrics = check_metrics(function(job))
    except DivergedError as error:
        return "diverged", error.metrics, str(error)
    except DeadlineError as error:
        return "timeout", {}, str(error)
    except SystemExit as error:
        return "crashed", {}, f"the function ended its process: sys.exit({error.code!r})"
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            error.__traceback__ = None  # lets go of what the frames hold before anything else needs memory
            return "out_of_memory", {}, clean(f"{type(error).__name__}: {error}")
        return "error", {}, clean("".join(traceback.format_exception(error)))
    bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    if bad:
        return "diverged", metrics, f"metrics that are not finite: {bad}"
    return "ok", metrics, None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch on the CPU says so with a plain RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(hint in str(error).lower() for hint in NO_MEMORY)


def clean(text: str) -> str:
    """Return the end of a text, in valid Unicode, short enough for messages and stores."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _TEXT else "…" + text[-_TEXT:]
