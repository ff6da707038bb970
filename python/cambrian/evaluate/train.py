"""The training loop: one network, eagerly, from the first step to its metrics."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from cambrian.evaluate.augment import catch_up, drawer, loss_of_batch
from cambrian.evaluate.curve import curve_of
from cambrian.evaluate.draws import Dropout, batches, derive_seed, keyed_dropout
from cambrian.evaluate.evaluation import DeadlineError, DivergedError, Trained
from cambrian.evaluate.kept import Bookmark
from cambrian.evaluate.length import length_of
from cambrian.evaluate.losses import loss_function, metrics_of
from cambrian.evaluate.optimizers import Optimizer
from cambrian.evaluate.recipe import Recipe, check_settings, learning_rates
from cambrian.evaluate.standing import Standing
from cambrian.evaluate.task import Task

CHECK_EVERY = 25
"""Steps between looks at the loss; each look makes a GPU wait."""
_MEASURED = 2**16  # input numbers measured in one go: enough to keep a core busy, few enough for its caches
_BLOCK = 1024  # losses that are put together
_Split = tuple[Tensor, Tensor]
_resident: WeakKeyDictionary[Task, dict[tuple[str, torch.device], _Split]] = WeakKeyDictionary()


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the torch device for "auto" (cuda, else mps, else cpu) or for a device's name.

    Raises ValueError for a name that torch does not know or that this machine does not have.
    """
    if str(device) == "auto":
        gpu = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return resolve_device(gpu)
    try:
        place = torch.device(device)
        if place.type == "cuda" and place.index is None:
            place = torch.device("cuda", torch.cuda.current_device() if torch.cuda.is_available() else 0)
    except RuntimeError as error:
        raise ValueError(f"device must be auto, cpu, cuda or mps, got {device!r}: {error}") from None
    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if place.type not in here:
        raise ValueError(f"device must be auto, cpu, cuda or mps, got {device!r}")
    if (place.index or 0) >= here[place.type]:
        raise ValueError(f"device {str(device)!r} is not available to torch {torch.__version__} here")
    return place


@contextlib.contextmanager
def randomness(seed: int, purpose: str, device: torch.device) -> Iterator[None]:
    """Make torch's own generators a function of the seed inside the block, and leave no trace after it.

    >>> with randomness(seed, "weights", torch.device("cpu")):
    ...     module = build()
    """
    value = derive_seed(seed, purpose)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(value)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(value)
        state = torch.mps.get_rng_state() if device.type == "mps" else None
        if device.type == "mps":
            torch.mps.manual_seed(value)
        try:
            yield
        finally:
            if state is not None:
                torch.mps.set_rng_state(state)


def resident(task: Task, split: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of a split on the device, kept there for as long as the task lives."""
    kept = _resident.setdefault(task, {})
    if (split, device) not in kept:
        inputs, targets = task.arrays(split)
        kept[split, device] = torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)
    return kept[split, device]


def train(
    module: nn.Module,
    task: Task,
    recipe: Recipe | Mapping[str, Any],
    *,
    epochs: float,
    until: float | None = None,
    seed: int,
    order: int | None = None,
    device: str | torch.device = "auto",
    data: str = "train",
    augment: float = 0.0,
    label_smoothing: float | None = None,
    warmup: float = 0.05,
    ema: float = 0.0,
    clip: float = 5.0,
    deadline: float | None = None,
    bookmark: Bookmark | None = None,
) -> Trained:
    """Train a network in place and return its metrics on the validation samples, and its curve.

    With ``data="train+validation"`` (for what is returned to the user) the metrics are of the samples it was
    trained on. ``epochs`` may be a fraction; at least one step is made. A training that ends earlier, after
    ``until`` epochs, is the first part of the whole one: its learning rates, order and draws. ``bookmark``
    is where it goes on from, if anything is kept there, and where it is put if it ends earlier (then the
    caller settles it). ``seed`` decides what dropout keeps, ``order`` (default: the seed) the order of the
    samples and their augmentation. ``augment`` scales what the
    task allows to be done to images: 1 is the usual strength, 0 none. ``label_smoothing`` overrules the
    recipe, ``warmup`` is the fraction of steps in which the learning rate rises, ``ema`` the decay per step
    of the averaged weights that replace the trained ones at the end (0: none), ``clip`` the largest norm of
    the gradient, ``deadline`` a moment of `time.monotonic`.

    The same weights, seed and machine give the same bits. No global generator is touched.

    Raises DivergedError when the loss is not finite, DeadlineError at the deadline, ValueError for bad
    arguments.

    >>> train(module, cb.evaluate.make_task("digits"), {"lr": 0.01}, epochs=10, seed=0)
    {'accuracy': 0.97..., 'loss': 0.1...}
    """
    recipe = (recipe if isinstance(recipe, Recipe) else Recipe.of(recipe)).smoothed(label_smoothing)
    check_settings(epochs=epochs, augment=augment, warmup=warmup, ema=ema, clip=clip)
    place = resolve_device(device)
    inputs, targets = resident(task, data, place)
    length = length_of(len(inputs), recipe.batch_size, epochs, until)
    batch, _, steps, stop = length

    module.to(place).train()
    optimizer = Optimizer(
        module.parameters(),
        recipe.optimizer,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
    )
    rates = learning_rates(recipe, optimizer.lr, steps, warmup)
    order = seed if order is None else order
    augmenting = derive_seed(order, "augment")
    draw = drawer(inputs, task, augment, augmenting)
    loss_of = loss_of_batch(loss_function(task, recipe.label_smoothing), task, augment, augmenting, place)
    parameters = [p for p in module.parameters() if p.requires_grad]
    tensors = {n: t for n, t in module.state_dict().items() if t.is_floating_point()} if ema else {}
    averages = {name: t.clone() for name, t in tensors.items()}
    averaged = list(tensors.values()), list(averages.values())
    autocast, scaler = precision(place)
    scaled: Any = optimizer  # the scaler's types know torch's own optimizers only
    dropout = Dropout(derive_seed(seed, "noise"))
    standing = Standing(module, optimizer, averages, scaler)
    with randomness(seed, "noise", place), repeatable(place), keyed_dropout(module, dropout):
        first = standing.take_up(None if bookmark is None else bookmark.read(stop))
        if augment and task.augment:
            shape = (batch, *(task.input_shape if task.follows else ()), task.outputs)
            nothing = torch.zeros(shape, device=place)
            catch_up(draw, loss_of, nothing, targets, batches(len(inputs), batch, first, order, place))
        losses = _Losses()
        for step, index in enumerate(batches(len(inputs), batch, stop, order, place, first), first):
            optimizer.lr, dropout.step = rates[step], step
            drawn = draw(index)  # not in half precision: that would misplace pixels
            with autocast():
                loss = loss_of(module, drawn, targets[index])
            losses.add(loss)
            torch.autograd.backward(scaler.scale(loss))
            scaler.unscale_(scaled)
            nn.utils.clip_grad_norm_(parameters, clip)
            scaler.step(scaled)
            scaler.update()
            optimizer.zero_grad()
            if averages:  # early on the average follows quickly, else it would remember the untrained weights
                torch._foreach_lerp_(averaged[1], averaged[0], 1 - min(ema, (1 + step) / (10 + step)))
            if deadline is not None and time.monotonic() > deadline:
                raise DeadlineError(f"training was at step {step + 1} of {stop} at its deadline")
            if (step + 1) % CHECK_EVERY == 0 and not math.isfinite(loss.item()):
                raise DivergedError(f"the training loss was {loss.item()} at step {step + 1} of {stop}")
        if bookmark is not None and stop < steps:
            bookmark.put(stop, standing.progress)
    if averages:
        torch._foreach_copy_(*averaged)
    metrics = measure(module, task, "validation" if data == "train" else data, place)
    return Trained(metrics, curve_of(losses.all(), first, length))


class _Losses:
    """The losses of all steps, without waiting for them, in few tensors."""

    def __init__(self) -> None:
        self._blocks: list[Tensor] = []
        self._last: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        self._last.append(loss.detach())
        if len(self._last) == _BLOCK:
            self._blocks.append(torch.stack(self._last))
            self._last.clear()

    def all(self) -> list[float]:
        blocks = [*self._blocks, *([torch.stack(self._last)] if self._last else [])]
        return torch.cat(blocks).tolist() if blocks else []


def measure(
    module: nn.Module, task: Task, split: str, device: str | torch.device = "auto"
) -> dict[str, float]:
    """Return the task's metrics of a network on "train", "validation" or "train+validation".

    Raises DivergedError, with the metrics, where one of them is not finite; ValueError or TypeError where the
    network returns anything but ``(n, task.outputs)``.

    >>> measure(module, task, "validation")
    {'accuracy': 0.97..., 'loss': 0.1...}
    """
    place = resolve_device(device)
    return _measure(module, task, *resident(task, split, place))


def measure_test(module: nn.Module, task: Task, device: str | torch.device = "auto") -> dict[str, float]:
    """Return the metrics on the test samples: for what is returned to the user, and only then.

    Raises as `measure`.

    >>> measure_test(module, task)["accuracy"]
    """
    place = resolve_device(device)
    inputs, targets = task.test_arrays()
    return _measure(module, task, torch.from_numpy(inputs).to(place), torch.from_numpy(targets).to(place))


def _measure(module: nn.Module, task: Task, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    rows = max(128, _MEASURED // math.prod(task.input_shape))
    was_training = module.training
    module.to(inputs.device).eval()
    autocast, _ = precision(inputs.device)
    with torch.inference_mode(), autocast():
        outputs = torch.cat([module(block).float() for block in torch.split(inputs, rows)])
    module.train(was_training)
    return metrics_of(outputs, targets, task)


def precision(device: torch.device) -> tuple[Callable[[], Any], torch.amp.GradScaler]:
    """Return autocast and loss scaling: bfloat16 on GPUs that have it, else float16; none elsewhere."""
    if device.type != "cuda":
        return contextlib.nullcontext, torch.amp.GradScaler(enabled=False)
    with torch.cuda.device(device):
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    scaler = torch.amp.GradScaler("cuda", enabled=dtype == torch.float16)
    return lambda: torch.autocast("cuda", dtype=dtype), scaler


def repeatable(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Keep cuDNN to algorithms that give the same bits each time."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    flags: contextlib.AbstractContextManager[Any] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=True
    )
    return flags
