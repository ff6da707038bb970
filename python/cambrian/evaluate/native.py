"""Training on the CPU in the core: forward, backward, loss and optimizer as one program.

It gives what `cambrian.evaluate.train.train` gives, within floating-point tolerance, in a fraction of the
time: calls into torch cost more than the arithmetic of small networks.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cambrian import _core
from cambrian.evaluate.augment import drawer
from cambrian.evaluate.curve import curve_of
from cambrian.evaluate.draws import batches, derive_seed
from cambrian.evaluate.evaluation import Curve, DeadlineError, DivergedError, Trained
from cambrian.evaluate.kept import Bookmark
from cambrian.evaluate.length import Length, length_of
from cambrian.evaluate.losses import metrics_of, one_by_one
from cambrian.evaluate.optimizers import OPTIMIZERS
from cambrian.evaluate.recipe import Recipe, check_settings, learning_rates
from cambrian.evaluate.task import Task
from cambrian.evaluate.train import CHECK_EVERY, resident, resolve_device
from cambrian.evaluate.trainer_state import load, progress_of, store, take_up, tensors_of
from cambrian.evaluate.weights import first_weights
from cambrian.network.graph import Graph, Node
from cambrian.network.ops import table

_CPU = torch.device("cpu")
_DRAWN = 2**24  # numbers of augmented samples at a time
_PATIENCE = 0.5  # seconds in the core at a time, in which nobody hears Ctrl-C
_Array = NDArray[Any]
_Floats = NDArray[np.float32]
_kept: WeakKeyDictionary[Task, dict[str, tuple[_Floats, _Array]]] = WeakKeyDictionary()


def refuses(
    graph: Graph, task: Task, recipe: Recipe, settings: Mapping[str, Any], device: str | torch.device = "auto"
) -> str | None:
    """Return why `train` can't train a graph, or None if it can.

    ``settings`` are keywords of `cambrian.evaluate.train.train`.

    >>> refuses(architecture.graph, task, Recipe(), {})
    """
    reason = _mismatch(graph, task, device)
    if reason is not None:
        return reason
    return (
        _core.train_refuses(_nodes(graph), _length(task, recipe, str(settings.get("data", "train"))).batch)
        or None
    )


def _mismatch(graph: Graph, task: Task, device: str | torch.device) -> str | None:
    if resolve_device(device).type != "cpu":
        return f"it is for the CPU, not for device {device}"
    shape = (*(task.input_shape if task.follows else ()), task.outputs)
    if graph.input_shape != task.input_shape or graph.output_shape != shape:
        return f"the graph is not of the task's shapes {task.input_shape} and {shape}"
    if any(node.op == "module" for node in graph.nodes):
        return "the graph has modules of users"
    if (reason := one_by_one(task)) is not None:
        return reason
    if task.kind == "multilabel":
        return "the task's samples have several labels"
    if "mixup" in task.augment:
        return "the task's mixup blends losses too"
    return None if graph.params else "the graph has nothing to train"


def _length(task: Task, recipe: Recipe, data: str, epochs: float = 1.0, until: float | None = None) -> Length:
    return length_of(len(_arrays(task, data)[0]), recipe.batch_size, epochs, until)


def train(
    module: nn.Module | None,
    task: Task,
    recipe: Recipe | Mapping[str, Any],
    *,
    graph: Graph,
    epochs: float,
    until: float | None = None,
    seed: int,
    order: int | None = None,
    device: str | torch.device = "cpu",
    data: str = "train",
    augment: float = 0.0,
    label_smoothing: float | None = None,
    warmup: float = 0.05,
    ema: float = 0.0,
    clip: float = 5.0,
    deadline: float | None = None,
    bookmark: Bookmark | None = None,
) -> Trained:
    """Train the module that `cambrian.network.build` made of a graph; see `cambrian.evaluate.train.train`.

    Without module the weights begin as those of one that is built under the seed, and are forgotten: only the
    metrics are wanted then. Raises ValueError, with what `refuses` says, for what can't be trained so.

    >>> train(build(graph), task, {"lr": 0.01}, graph=graph, epochs=10, seed=0)
    {'accuracy': 0.97..., 'loss': 0.1...}
    """
    recipe = (recipe if isinstance(recipe, Recipe) else Recipe.of(recipe)).smoothed(label_smoothing)
    check_settings(epochs=epochs, augment=augment, warmup=warmup, ema=ema, clip=clip)
    reason = _mismatch(graph, task, device)
    if reason is not None:
        raise ValueError(f"native training: {reason}")
    length = _length(task, recipe, data, epochs, until)
    batch, _, steps, stop = length
    lr = OPTIMIZERS[recipe.optimizer].lr if recipe.lr is None else recipe.lr
    rates = np.asarray(learning_rates(recipe, lr, steps, warmup))
    trainer = _trainer(graph, task, recipe, batch, clip=clip, ema=ema, seed=seed)

    curve: Curve = ()

    def run() -> None:
        nonlocal curve
        progress = None if bookmark is None else bookmark.read(stop)
        first = 0 if progress is None else take_up(trainer, graph, progress)
        blocks = _blocks(task, data, augment, batch, (first, stop), seed if order is None else order)
        curve = curve_of(_run(trainer, blocks, rates[:stop], first, deadline), first, length)
        if bookmark is not None and stop < steps:
            bookmark.put(stop, functools.partial(progress_of, trainer, graph))
        trainer.finish()

    if module is None:
        weights = first_weights(graph, trainer.arrays, derive_seed(seed, "weights"))
        load(trainer, weights)
        run()
    else:
        _train_module(module, graph, trainer, run)
    return Trained(_measure(trainer, graph, task, "validation" if data == "train" else data), curve)


def _train_module(module: nn.Module, graph: Graph, trainer: _core.Trainer, run: Callable[[], None]) -> None:
    tensors = tensors_of(module, graph, trainer)
    load(trainer, tensors)
    try:
        run()
    finally:
        store(trainer, tensors)
    for name, tensor in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            tensor += trainer.step
    module.train()


def _measure(trainer: _core.Trainer, graph: Graph, task: Task, split: str) -> dict[str, float]:
    outputs = torch.from_numpy(trainer.evaluate(_arrays(task, split)[0]))
    targets = resident(task, split, _CPU)[1]
    return metrics_of(outputs.view(len(outputs), *graph.output_shape), targets, task)


def _run(
    trainer: _core.Trainer,
    blocks: Iterator[tuple[_Floats, _Array, _Array]],
    rates: NDArray[np.float64],
    first: int,
    deadline: float | None,
) -> list[float]:
    """Make all steps from the first on, a block at a time; return their losses. See `train` for errors."""
    step, steps, made = first, len(rates), []
    for inputs, targets, order in blocks:
        end = step + len(order)
        while step < end:
            left = _PATIENCE if deadline is None else min(_PATIENCE, deadline - time.monotonic())
            losses = trainer.run(inputs, targets, order[step - end :], rates[step:end], seconds=left)
            step += len(losses)
            made += losses.tolist()
            if deadline is not None and time.monotonic() > deadline:
                raise DeadlineError(f"training was at step {step} of {steps} at its deadline")
        if step % CHECK_EVERY == 0 and not math.isfinite(losses[-1]):
            raise DivergedError(f"the training loss was {losses[-1]} at step {step} of {steps}")
    return made


def _blocks(
    task: Task, data: str, augment: float, batch: int, steps: tuple[int, int], order: int
) -> Iterator[tuple[_Floats, _Array, _Array]]:
    """Yield inputs, targets and sample numbers (steps, batch) of the steps up to a look at the loss."""
    inputs, targets = _arrays(task, data)
    done, stop = steps
    indices = iter(batches(len(inputs), batch, stop, order, _CPU, done))
    if augment == 0 or not task.augment:
        while rows := list(islice(indices, CHECK_EVERY - done % CHECK_EVERY)):
            yield inputs, targets, torch.stack(rows).numpy()
            done += len(rows)
        return
    draw = drawer(resident(task, data, _CPU)[0], task, augment, derive_seed(order, "augment"))
    at_once = max(1, min(CHECK_EVERY, _DRAWN // (batch * inputs.shape[1])))
    for row in batches(len(inputs), batch, done, order, _CPU):
        draw(row)
    while done < stop:
        rows = list(islice(indices, min(at_once, CHECK_EVERY - done % CHECK_EVERY)))
        drawn = channels_last(torch.cat([draw(row) for row in rows]))
        chosen = targets[torch.cat(rows).numpy()]
        yield drawn, chosen, np.arange(len(drawn)).reshape(len(rows), batch)
        done += len(rows)


def channels_last(inputs: Tensor) -> _Floats:
    """Return samples as the core lays them out: (n, numbers), images with their channels last."""
    moved = inputs.movedim(1, -1) if inputs.ndim == 4 else inputs
    flat: _Floats = moved.reshape(len(inputs), -1).numpy()
    return flat


def _arrays(task: Task, split: str) -> tuple[_Floats, _Array]:
    """Return inputs and targets of a split in the core's layout, kept for as long as the task lives."""
    kept = _kept.setdefault(task, {})
    if split not in kept:
        inputs, targets = resident(task, split, _CPU)
        kept[split] = channels_last(inputs), targets.reshape(len(targets), -1).numpy()
    return kept[split]


def _trainer(
    graph: Graph, task: Task, recipe: Recipe, batch: int, *, clip: float, ema: float, seed: int
) -> _core.Trainer:
    return _core.Trainer(
        _nodes(graph),
        batch,
        optimizer=recipe.optimizer,
        classes=task.kind == "classification",
        weight_decay=float(recipe.weight_decay),
        momentum=float(recipe.momentum),
        label_smoothing=float(recipe.label_smoothing),
        clip=float(clip),
        ema=float(ema),
        noise=derive_seed(seed, "noise"),
    )


def _nodes(graph: Graph) -> list[tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Return the nodes as the core reads them: operation code, attributes, shape, inputs."""
    rows = _rows()
    return [
        (rows[node.op][0], _attributes(node, rows[node.op][1]), node.shape, node.inputs)
        for node in graph.nodes
    ]


_Words = tuple[tuple[str, dict[str, int] | None], ...]


@functools.cache
def _rows() -> dict[str, tuple[int, _Words]]:
    """Return the code of every operation, its attributes, and the numbers of those that are words."""
    return {
        name: (code, tuple((a, _numbered(row.kinds[a]) if a in row.kinds else None) for a in row.attrs))
        for code, (name, row) in enumerate(table().items())
    }


def _numbered(words: tuple[str, ...]) -> dict[str, int]:
    return {word: i for i, word in enumerate(words)}


def _attributes(node: Node, words: _Words) -> tuple[int, ...]:
    attrs: Any = node.attrs
    return tuple([attrs[name] if known is None else known[attrs[name]] for name, known in words])
