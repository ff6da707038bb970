"""Many candidates in training at once, step by step, each with its own recipe: what `train` does for one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from cambrian.evaluate.augment import catch_up, drawer, loss_of_batch
from cambrian.evaluate.curve import point, spacing
from cambrian.evaluate.draws import batches, derive_seed
from cambrian.evaluate.evaluation import DeadlineError
from cambrian.evaluate.grouped.context import Context
from cambrian.evaluate.grouped.dropping import Keys
from cambrian.evaluate.grouped.optimize import stepper
from cambrian.evaluate.grouped.planning import plan
from cambrian.evaluate.grouped.program import Program
from cambrian.evaluate.grouped.stack import Stack, State
from cambrian.evaluate.length import length_of
from cambrian.evaluate.optimizers import OPTIMIZERS
from cambrian.evaluate.recipe import Recipe, check_settings, learning_rates
from cambrian.evaluate.task import Task
from cambrian.evaluate.train import CHECK_EVERY, precision, repeatable, resident
from cambrian.network.graph import Graph


@dataclass(frozen=True)
class Candidate:
    """A network to train: its recipe, the epochs its schedule is made for, and the seed of its dropout.

    It is trained until so many epochs (None: all).
    """

    graph: Graph
    recipe: Recipe
    epochs: float
    seed: int
    until: float | None = None


@dataclass(frozen=True)
class Settings:
    """Keywords of `train` that hold for all candidates of a wave."""

    augment: float = 0.0
    label_smoothing: float | None = None
    warmup: float = 0.05
    ema: float = 0.0
    clip: float = 5.0
    data: str = "train"
    deadline: float | None = None


class Lockstep:
    """Candidates of one task, batch size and order of samples, all at the same step.

    ``starts`` are the tensors of each untrained module (its state_dict), or states of the same candidates
    that stood at step ``first``. ``errors`` says of a candidate what was wrong with its loss, ``curves`` has
    pairs of epochs and its mean training loss since the pair before (from ``first`` on).

    >>> wave = Lockstep(task, candidates, starts, order=5, device=torch.device("cpu"))
    >>> wave.advance(wave.steps[0]); wave.state(0)
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Candidate],
        starts: Sequence[dict[str, Tensor] | State],
        *,
        order: int,
        device: torch.device,
        settings: Settings | None = None,
        first: int = 0,
    ) -> None:
        self.settings = settings = Settings() if settings is None else settings
        chosen = {name: getattr(settings, name) for name in ("augment", "warmup", "ema", "clip")}
        for candidate in candidates:
            check_settings(epochs=candidate.epochs, **chosen)
        self.task, self.candidates, self.order, self.device = task, list(candidates), order, device
        self.inputs, self.targets = resident(task, settings.data, device)
        self.recipes = [c.recipe.smoothed(settings.label_smoothing) for c in candidates]
        size = self.recipes[0].batch_size
        lengths = [length_of(len(self.inputs), size, c.epochs, c.until) for c in candidates]
        self.batch, self.per_epoch = lengths[0].batch, lengths[0].per_epoch
        self.steps = [length.stop for length in lengths]
        self.whole = [length.steps for length in lengths]
        self._every = spacing(max(self.whole))
        self.step = first
        self.errors: list[str | None] = [None] * len(self.candidates)
        self.curves: list[list[tuple[float, float]]] = [[] for _ in candidates]
        graphs = [c.graph for c in candidates]
        shape = (*(task.input_shape if task.follows else ()), task.outputs)
        self.plan = plan(graphs, shape, self.batch, device.type)
        self._prepare(graphs, starts)

    def _prepare(self, graphs: Sequence[Graph], starts: Sequence[dict[str, Tensor] | State]) -> None:
        settings, device = self.settings, self.device
        self.stack = stack = Stack(self.plan, graphs, device, settings.ema > 0)
        for number, start in enumerate(starts):
            if isinstance(start, State):
                stack.put(number, start)
            else:
                stack.load(number, start)
        noise = [derive_seed(c.seed, "noise") for c in self.candidates]
        self.context = Context(graphs, device, stack.leaves_of, stack.buffers_of, noise)
        self.program = Program(self.plan, self.context)
        self._keys = Keys(self.context, self.plan.groups)
        self._optimize = stepper(stack, self.recipes, settings.clip)
        self._rates = self._all_rates()
        augmenting = derive_seed(self.order, "augment")
        losses = losses_of(self.task, [r.label_smoothing for r in self.recipes], device)
        self._draw = drawer(self.inputs, self.task, settings.augment, augmenting)
        self._loss = loss_of_batch(losses, self.task, settings.augment, augmenting, device)
        self._catch_up()

    def _catch_up(self) -> None:
        """Draw what was augmented before the first step of this wave, so that the streams go on."""
        if not (self.settings.augment and self.task.augment):
            return
        rows = batches(len(self.inputs), self.batch, self.step, self.order, self.device)
        nothing = torch.zeros(1, self.batch, *self.plan.outputs.shape, device=self.device)
        catch_up(self._draw, self._loss, nothing, self.targets, rows)

    def _all_rates(self) -> Tensor:
        """Return learning rates (steps, candidates); 0 after a candidate's last step."""
        rates = torch.zeros(max(self.steps), len(self.candidates))
        for number, (recipe, stop) in enumerate(zip(self.recipes, self.steps, strict=True)):
            base = OPTIMIZERS[recipe.optimizer].lr if recipe.lr is None else float(recipe.lr)
            own = learning_rates(recipe, base, self.whole[number], self.settings.warmup)
            rates[:stop, number] = torch.tensor(own[:stop], dtype=torch.float64).float()
        return rates.to(self.device)

    def advance(self, until: int) -> None:
        """Train up to a step; ends earlier, after a look at the losses, where one is found not finite.

        Raises DeadlineError.
        """
        if self.step >= until:
            return
        self.context.training = True
        autocast, _ = precision(self.device)
        total = torch.zeros(len(self.candidates), device=self.device)
        since, curve = self.step, []
        indices = batches(len(self.inputs), self.batch, until, self.order, self.device, first=self.step)
        with repeatable(self.device):
            for index in indices:
                losses = self._train(index, autocast)
                total += losses
                if self.step % self._every == 0 or self.step == until:
                    curve.append((self.step / self.per_epoch, total / (self.step - since)))
                    total, since = torch.zeros_like(total), self.step
                deadline = self.settings.deadline
                if deadline is not None and time.monotonic() > deadline:
                    raise DeadlineError(f"training was at step {self.step} of {until} at its deadline")
                if self.step % CHECK_EVERY == 0 and self._look(losses):
                    break
        for epochs, means in curve:
            for own, mean in zip(self.curves, means.tolist(), strict=True):
                own.append(point(epochs, mean))

    def _train(self, index: Tensor, autocast: Callable[[], Any]) -> Tensor:
        """Make one step of all candidates; return their losses."""
        self._keys.set(self.step)
        drawn = self._draw(index)
        with autocast():
            losses = self._loss(lambda x: self.program(x[None]), drawn, self.targets[index])
        found = torch.autograd.grad(losses.sum(), self.stack.leaves)
        torch._foreach_copy_(self.stack.gradients, list(found))
        self._optimize(self.step, self._rates[self.step])
        self.stack.average(self.step, self.settings.ema)
        self.step += 1
        return losses.detach()

    def _look(self, losses: Tensor) -> bool:
        found = False
        for number, loss in enumerate(losses.tolist()):
            over = self.step > self.steps[number]
            if not math.isfinite(loss) and self.errors[number] is None and not over:
                at = f"at step {self.step} of {self.steps[number]}"
                self.errors[number] = f"the training loss was {loss} {at}"
                found = True
        return found

    def state(self, number: int) -> State:
        """Return copies of a candidate's weights, moments and statistics, to go on with it later."""
        return self.stack.state(number)

    def write(self, number: int, module: nn.Module) -> None:
        """Put a candidate's weights and statistics (averaged ones, with ``ema``) into its module.

        >>> wave.write(0, function.network(job))
        """
        with self.stack.averaged():
            state = self.stack.state(number)
        found = {**state.weights, **state.buffers}
        with torch.no_grad():
            for name, tensor in module.state_dict().items():
                if name in found:
                    tensor.copy_(found[name].view(tensor.shape))
                elif name.endswith("num_batches_tracked"):
                    tensor.fill_(self.step)

    def kept(self, numbers: Sequence[int]) -> Lockstep:
        """Return a wave of some of the candidates, at the same step."""
        smaller = Lockstep(
            self.task,
            [self.candidates[i] for i in numbers],
            [self.state(i) for i in numbers],
            order=self.order,
            device=self.device,
            settings=self.settings,
            first=self.step,
        )
        smaller.curves = [self.curves[i] for i in numbers]
        return smaller


def losses_of(
    task: Task, smoothing: Sequence[float], device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what gives each candidate's mean loss from outputs (candidates, batch, …) and targets."""
    if task.kind == "multilabel":
        towards = torch.tensor(smoothing, device=device).view(-1, 1, 1)

        def of_labels(outputs: Tensor, targets: Tensor) -> Tensor:
            wanted = torch.lerp(targets.expand(len(towards), -1, -1), targets.new_tensor(0.5), towards)
            each = F.binary_cross_entropy_with_logits(outputs.float(), wanted, reduction="none")
            return each.flatten(1).mean(1)

        return of_labels
    if task.kind != "classification":
        return lambda outputs, targets: (outputs.float() - targets).square().flatten(1).mean(1)
    even = torch.tensor(smoothing, device=device)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        logs = F.log_softmax(outputs.float(), -1).flatten(1, -2)
        wanted = targets.flatten()[None, :, None].expand(len(logs), -1, 1)
        own = -logs.gather(2, wanted).flatten(1).mean(1)
        return torch.lerp(own, -logs.mean((1, 2)), even) if any(smoothing) else own

    return loss
