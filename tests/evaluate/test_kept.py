"""Trainings that end early and go on: the same bits as without the break."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate import curve
from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.functions import UserFunction
from cambrian.evaluate.kept import Keeping
from cambrian.evaluate.length import Length
from cambrian.evaluate.outcome import perform
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from evaluate.kept_cases import (
    AUGMENTED,
    EPOCHS,
    MIXED,
    PARTS,
    RECIPES,
    function,
    job,
    network,
    run,
    steps_made,
    trained,
)
from evaluate.native_cases import trainer_of


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def check_chain(folder: Path, mode: str, recipe: dict[str, Any], **settings: Any) -> None:
    keeping = Keeping(folder)
    for until in PARTS:
        alone = trained(mode, None, until, recipe, **settings)
        chain = trained(mode, keeping.bookmark({}), until, recipe, **settings)
        assert alone[0] == chain[0]
        assert same(alone[1], chain[1])
        assert len(os.listdir(folder)) == (until < EPOCHS)


@pytest.mark.parametrize("mode", ["eager", "native"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_going_on_gives_the_same_bits(mode: str, recipe: dict[str, Any], tmp_path: Path) -> None:
    check_chain(tmp_path, mode, recipe)


@pytest.mark.parametrize("mode", ["eager", "native"])
def test_augmentation_averages_and_warm_up_go_on_too(mode: str, tmp_path: Path) -> None:
    for i, recipe in enumerate(RECIPES[1:]):
        check_chain(tmp_path / str(i), mode, recipe, task=AUGMENTED, augment=1.0, ema=0.9, warmup=0.4)


def test_mixup_goes_on_too(tmp_path: Path) -> None:
    check_chain(tmp_path, "eager", RECIPES[2], task=MIXED, augment=1.0)


def test_a_part_of_a_training_is_the_beginning_of_the_whole(tmp_path: Path) -> None:
    """Not a shorter training: its learning rates are those of the whole one."""
    part = trained("eager", None, 1.0, RECIPES[0])
    short = trained("eager", None, None, RECIPES[0], epochs=1.0)
    assert not same(part[1], short[1])
    constant = RECIPES[1]
    part = trained("eager", None, 1.0, constant, warmup=0.0)
    assert same(part[1], trained("eager", None, None, constant, warmup=0.0, epochs=1.0)[1])


def test_only_the_missing_steps_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = steps_made(monkeypatch)
    counts = []
    for until in PARTS:
        trained("eager", Keeping(tmp_path).bookmark({}), until, RECIPES[0])
        counts.append(len(made))
        made.clear()
    assert counts == [2, 3, 1, 9]  # an epoch has 6 steps


@pytest.mark.parametrize("recipe", RECIPES)
def test_eager_and_native_go_on_from_one_another(recipe: dict[str, Any], tmp_path: Path) -> None:
    whole = trained("eager", None, None, recipe, ema=0.5)[1]
    for first, second in (("eager", "native"), ("native", "eager")):
        bookmark = Keeping(tmp_path).bookmark({})
        trained(first, bookmark, 1.0, recipe, ema=0.5)
        found = trained(second, bookmark, None, recipe, ema=0.5)[1]
        assert all(torch.allclose(whole[name], found[name], rtol=1e-3, atol=1e-4) for name in whole)


def test_a_trainer_takes_over_whole_states_only() -> None:
    with torch.random.fork_rng():
        trainer = trainer_of(network(), 8, build(network()))
    state = {kind: trainer.state(kind) for kind in ("weights", "first", "second", "averages")}
    trainer.restore(7, state)
    assert trainer.step == 7
    assert all(array is None for kind in ("second", "averages") for array in state[kind])  # sgd, no averages
    with pytest.raises(ValueError, match="expected weights, first, second, averages or gradients, got third"):
        trainer.state("third")
    with pytest.raises(ValueError, match="first are missing"):
        trainer.restore(7, {"weights": state["weights"]})
    with pytest.raises(ValueError, match=r"arrays: expected \d+, got 1"):
        trainer.restore(7, {**state, "first": state["first"][:1]})
    with pytest.raises((TypeError, ValueError), match="first"):
        trainer.restore(7, {**state, "first": [None] * len(state["first"])})
    with pytest.raises(ValueError, match="step"):
        trainer.restore(-1, state)


# Through the function that evaluators run


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("mode", ["eager", "grouped", "graph"])
def test_on_a_gpu_too(mode: str, tmp_path: Path) -> None:
    for until in PARTS:
        (alone,) = run(function(None, device="cuda"), mode, job(until))
        (found,) = run(function(tmp_path, device="cuda"), mode, job(until))
        assert (found.status, found.mode) == ("ok", mode)
        assert found.metrics == pytest.approx(alone.metrics, rel=1e-2)


@pytest.mark.parametrize("mode", ["eager", "native", "grouped", "graph"])
def test_every_mode_keeps_and_goes_on(mode: str, tmp_path: Path) -> None:
    fresh, keeping = function(None), function(tmp_path)
    for until in PARTS:
        (alone,), (found,) = run(fresh, mode, job(until)), run(keeping, mode, job(until))
        assert (found.status, found.mode, found.fidelity) == ("ok", mode, until)
        assert found.metrics == pytest.approx(alone.metrics, rel=1e-4)
        assert len(os.listdir(tmp_path)) == (until < EPOCHS)


def test_a_wave_of_promotions_and_newcomers(tmp_path: Path) -> None:
    jobs = [
        Job(i, architecture=Architecture(network(), RECIPES[i % 3]), fidelity=0.5, seed=i) for i in range(6)
    ]
    later = [Job(e.id, architecture=e.architecture, fidelity=2.0, seed=e.seed) for e in jobs]
    run(function(tmp_path), "grouped", *jobs[:4])
    assert len(os.listdir(tmp_path)) == 4
    found = run(function(tmp_path), "grouped", *later)
    wanted = run(function(None), "eager", *later)
    for a, b in zip(found, wanted, strict=True):
        assert a.metrics["loss"] == pytest.approx(b.metrics["loss"], rel=1e-3)


def test_other_trainings_are_not_gone_on_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = Architecture(network(p=100_000), RECIPES[2])
    others = [
        (function(tmp_path), job(1.0, repeat=1)),
        (function(tmp_path), job(1.0, recipe=RECIPES[0])),
        (function(tmp_path), Job(0, architecture=other, fidelity=1.0, seed=9)),
        (function(tmp_path, epochs=2.0), job(1.0)),
        (function(tmp_path, settings={"clip": 1.0}), job(1.0)),
        (function(tmp_path, settings={"ema": 0.9}), job(1.0)),
    ]
    made = steps_made(monkeypatch)
    perform(function(None, mode="eager"), job(1.0))
    whole = len(made)
    perform(function(tmp_path, mode="eager"), job(0.5))
    for number, (one, asked) in enumerate(others):
        made.clear()
        assert perform(cb.evaluate.waves.in_mode(one, "eager"), asked).ok
        assert len(made) >= whole, number
    assert len(os.listdir(tmp_path)) == 1 + len(others)


def test_longer_trainings_than_the_usual_are_of_their_own(tmp_path: Path) -> None:
    keeping = function(tmp_path)
    perform(keeping, job(1.0))
    assert perform(keeping, job(2 * EPOCHS)).metrics == perform(function(None), job(2 * EPOCHS)).metrics
    assert len(os.listdir(tmp_path)) == 1


class Noisy(nn.Module):
    """A user's module: torch's own dropout, tied weights, a buffer that changes, another that isn't saved."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(36, 36)
        self.again = nn.Linear(36, 36)
        self.again.weight = self.first.weight
        self.last = nn.Linear(36, 10)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("factor", torch.ones(()), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen += 1
            self.factor *= 0.99
        x = nn.functional.dropout(self.first(x.flatten(1)).relu(), 0.3, self.training)
        return self.last(self.again(x).relu() * self.factor) / (1 + 0.01 * self.seen)


def test_users_modules_go_on_with_their_own_draws(tmp_path: Path) -> None:
    fresh, keeping = (function(folder, build=lambda config: Noisy()) for folder in (None, tmp_path))
    for until in PARTS:
        asked = Job(0, {"lr": 0.01}, fidelity=until, seed=1)
        assert perform(keeping, asked).metrics == perform(fresh, asked).metrics


# Curves


@pytest.mark.parametrize("mode", ["eager", "native", "grouped", "graph"])
def test_curves_are_means_of_the_losses_that_training_saw(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve, "_POINTS", 5)
    (whole,) = run(function(None), mode, job(None))  # 15 steps, 6 in an epoch
    assert [epochs for epochs, _ in whole.curve] == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert whole.curve[0][1] > whole.curve[-1][1] > 0
    monkeypatch.setattr(curve, "_POINTS", 50)
    (fine,) = run(function(None), mode, job(None))
    losses = [loss for _, loss in fine.curve]
    assert len(losses) == 15
    means = [sum(losses[i : i + 3]) / 3 for i in range(0, 15, 3)]
    assert [loss for _, loss in whole.curve] == pytest.approx(means, rel=1e-4)
    parts = [run(function(tmp_path), mode, job(until))[0] for until in PARTS]
    assert [len(part.curve) for part in parts] == [2, 3, 1, 9]
    assert np.allclose(curve.joined(parts[::-1]), fine.curve, rtol=1e-3)
    assert curve.joined([parts[0], fine]) == fine.curve


def test_curves_have_few_points_at_the_same_epochs_wherever_a_training_went_on() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        steps = int(rng.integers(1, 400))
        losses = rng.random(steps)
        first, stop = sorted(rng.integers(0, steps + 1, 2).tolist())
        length = Length(64, 7, steps, stop)
        whole = curve.curve_of(losses, 0, length._replace(stop=steps))
        part = curve.curve_of(losses[first:stop], first, length)
        assert len(whole) <= 50
        assert {epochs for epochs, _ in part} <= {epochs for epochs, _ in whole} | {
            curve.point(stop / 7, 0.0)[0]
        }
        if stop > first:
            weights = np.diff([first / 7, *(epochs for epochs, _ in part)])
            mean = np.average([loss for _, loss in part], weights=weights)
            assert mean == pytest.approx(losses[first:stop].mean(), rel=1e-3)
        else:
            assert part == ()


# Users' functions


def counter(config: dict[str, Any], fidelity: float, checkpoint: Path) -> dict[str, float]:
    file = checkpoint / "done"
    before = float(file.read_text()) if file.exists() else 0.0
    file.write_text(str(fidelity))
    return {"before": before}


def test_users_functions_have_a_folder_for_each_candidate(tmp_path: Path) -> None:
    evaluate = UserFunction(counter, Keeping(tmp_path))

    def before(fidelity: float, **changes: Any) -> float:
        return perform(evaluate, Job(0, fidelity=fidelity, **changes)).metrics["before"]

    assert before(0.25, config={"a": 1}) == 0.0
    assert before(1.0, config={"a": 1}) == 0.25
    assert before(1.0, config={"a": 2}) == 0.0
    assert before(1.0, config={"a": 1}, repeat=1) == 0.0
    assert before(1.0, config={"a": 1}, seed=1) == 0.0


def test_without_fidelities_there_is_no_folder() -> None:
    def evaluate(config: dict[str, Any], checkpoint: Path | None) -> dict[str, float]:
        return {"none": float(checkpoint is None)}

    assert perform(UserFunction(evaluate), Job(0)).metrics == {"none": 1.0}
