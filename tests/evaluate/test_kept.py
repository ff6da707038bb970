"""Trainings that end early and go on: the same bits as without the break, whatever happens to the files."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate import kept, native
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import TrainNetwork, UserFunction
from cambrian.evaluate.kept import Bookmark, Keeping, Progress
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.train import randomness, train
from cambrian.evaluate.waves import Wave, run_wave
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.graph import Graph
from evaluate.native_cases import Sketch

CPU = torch.device("cpu")
RECIPES = [
    {"optimizer": "sgd", "lr": 0.05, "schedule": "linear", "weight_decay": 1e-3},  # Nesterov
    {"optimizer": "sgd", "lr": 0.05, "momentum": 0.0, "schedule": "constant", "batch_size": 40},
    {"optimizer": "adamw", "lr": 0.003, "schedule": "cosine", "label_smoothing": 0.1},
]
PARTS = (0.3, 0.9, 1.0, 2.5)  # epochs
EPOCHS = 2.5


def images(n: int = 700, *augment: str) -> cb.Task:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 10
    X = rng.normal(size=(10, 1, 6, 6))[labels] + 0.7 * rng.normal(size=(n, 1, 6, 6))
    return cb.Task(X, labels, augment=augment)


TASK, AUGMENTED = images(), images(700, "shift", "flip", "cutout", "affine")
MIXED = images(700, "shift", "mixup")


def network(p: int = 300_000) -> Graph:
    net = Sketch((1, 6, 6))
    net.conv(6, 3, stride=2, bias=0)
    net("norm", kind="batch")
    net("activation", kind="relu")
    net("flatten")
    net("dropout", p=p)
    return net.graph(10)


def trained(
    mode: str, bookmark: Bookmark | None, until: float | None, recipe: dict[str, Any], **settings: Any
) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    graph, task = network(), settings.pop("task", TASK)
    with randomness(3, "weights", CPU):
        module = build(graph)
    given = {"epochs": EPOCHS, "until": until, "seed": 3, "order": 5, "bookmark": bookmark, **settings}
    if mode == "native":
        metrics = native.train(module, task, recipe, graph=graph, **given)
    else:
        metrics = train(module, task, recipe, device="cpu", **given)
    if bookmark is not None:
        bookmark.settle()
    return metrics, module.state_dict()


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


def steps_made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the steps of eager training from now on."""
    made: list[int] = []
    clip = nn.utils.clip_grad_norm_

    def counting(*arguments: Any) -> Any:
        made.append(1)
        return clip(*arguments)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", counting)
    return made


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


# Through the function that evaluators run


def job(fidelity: float | None, **changes: Any) -> Job:
    recipe = changes.pop("recipe", RECIPES[2])
    return Job(0, architecture=Architecture(network(), recipe), fidelity=fidelity, seed=9, **changes)


def function(folder: Path | None, **changes: Any) -> TrainNetwork:
    keep = None if folder is None else Keeping(folder)
    return TrainNetwork(TASK, **{"epochs": EPOCHS, "device": "cpu", "keep": keep, **changes})


def run(function: TrainNetwork, mode: str, *jobs: Job) -> list[Evaluation]:
    return sorted(run_wave(function, Wave(mode, jobs)), key=lambda e: e.id)


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


# Files


def spoil(how: str, file: Path) -> None:
    data = file.read_bytes()
    if how == "empty":
        file.write_bytes(b"")
    elif how == "cut":
        file.write_bytes(data[:-100])
    elif how == "zeros":  # a file system may lose the end and keep the length
        file.write_bytes(data[:-100] + bytes(100))
    elif how == "noise":
        file.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)))
    elif how == "folder":
        file.unlink()
        file.mkdir()
    elif how == "huge":
        file.write_bytes((2**60).to_bytes(8, "little") + data)
    elif how == "unreadable link":
        file.unlink()
        file.symlink_to(file)


SPOILT = ("empty", "cut", "zeros", "noise", "folder", "huge", "unreadable link")


@pytest.mark.parametrize("how", SPOILT)
def test_damaged_files_cost_time_only(how: str, tmp_path: Path) -> None:
    keeping = function(tmp_path)
    perform(keeping, job(0.5))
    (file,) = tmp_path.iterdir()
    spoil(how, file)
    assert perform(keeping, job(2.0)).metrics == perform(function(None), job(2.0)).metrics


def test_files_that_do_not_fit_the_network_cost_time_only(tmp_path: Path) -> None:
    """As another version of the package might have written them, under the same key."""
    one = torch.ones(1)
    for mode in ("eager", "native", "grouped"):
        keeping = function(tmp_path)
        bookmark = keeping.bookmark(job(2.0))
        assert bookmark is not None
        for kinds in (
            {},
            {"weights": {"x": one}},
            {"first": {"y": one}},
            {"weights": {"conv2d_1.weight": one}},
        ):
            bookmark.put(4, lambda step, kinds=kinds: Progress(step, kinds))  # type: ignore[misc]
            bookmark.settle()
            (found,) = run(keeping, mode, job(2.0))
            assert found.metrics == run(function(None), mode, job(2.0))[0].metrics


def test_files_under_another_name_are_not_read(tmp_path: Path) -> None:
    keeping = function(tmp_path)
    perform(keeping, job(0.5))
    (file,) = tmp_path.iterdir()
    bookmark = keeping.bookmark(job(0.5, repeat=1))
    assert bookmark is not None
    file.rename(bookmark.path)
    assert bookmark.read(100) is None


def test_further_trainings_are_neither_used_nor_replaced(tmp_path: Path) -> None:
    keeping = function(tmp_path)
    wanted = perform(keeping, job(0.5)).metrics
    perform(keeping, job(2.0))
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    assert perform(keeping, job(0.5)).metrics == wanted
    assert file.read_bytes() == data


def test_the_same_fidelity_again_needs_no_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keeping = function(tmp_path, mode="eager")
    wanted = perform(keeping, job(1.0)).metrics
    made = steps_made(monkeypatch)
    assert perform(keeping, job(1.0)).metrics == wanted
    assert not made
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("mode", ["eager", "native", "grouped", "graph"])
def test_a_diverged_training_keeps_nothing(mode: str, tmp_path: Path) -> None:
    keeping = function(tmp_path)
    wild = job(2.0, recipe={"optimizer": "sgd", "lr": 1e30})
    (found,) = run(keeping, mode, wild)
    assert found.status == "diverged"
    assert not os.listdir(tmp_path)


def test_a_folder_that_can_not_be_written_to_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keeping = function(tmp_path / "file" / "folder")
    for until in PARTS:
        assert perform(keeping, job(until)).metrics == perform(function(None), job(until)).metrics


def test_a_full_disk_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(path: Path, data: bytes) -> int:
        with open(path, "wb") as file:
            file.write(data[:50])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    keeping = function(tmp_path)
    for until in PARTS[:2]:
        assert perform(keeping, job(until)).metrics == perform(function(None), job(until)).metrics
        assert not os.listdir(tmp_path)


def test_no_memory_for_it_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def starved(tensors: Any) -> int:
        raise MemoryError

    monkeypatch.setattr(kept, "_checksum", starved)
    assert perform(function(tmp_path), job(0.5)).metrics == perform(function(None), job(0.5)).metrics
    assert not os.listdir(tmp_path)


def test_the_oldest_go_first(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, files=16)

    def write(number: int, size: int = 10) -> Path:
        bookmark = keeping.bookmark({"number": number})
        bookmark.put(1, lambda step: Progress(step, {"weights": {"w": torch.zeros(size)}}))
        bookmark.settle()
        os.utime(bookmark.path, (number, number))
        return bookmark.path

    files = [write(number) for number in range(40)]
    there = [file.exists() for file in files]
    assert sum(there) <= 17  # the folder is looked through now and then only
    assert there == sorted(there)
    keeping = Keeping(tmp_path, size=16_000)
    files = [write(1000 + number, 500) for number in range(20)]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 20_000
    assert files[-1].exists()


def test_many_writers_of_one_training_do_no_harm(tmp_path: Path) -> None:
    """Whoever reads finds one of the states, whole, or nothing."""
    key = {"of": "all"}

    def write(number: int) -> None:
        bookmark = Keeping(tmp_path, files=20).bookmark(key)
        for _ in range(30):
            full = torch.full((3000,), float(number))
            bookmark.put(number, lambda step, full=full: Progress(step, {"weights": {"w": full}}))  # type: ignore[misc]
            bookmark.settle()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found = Keeping(tmp_path).bookmark(key).read(10)
        if found is not None:
            assert found.tensors["weights"]["w"].eq(found.step).all()
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


@pytest.mark.parametrize(("name", "value"), [("files", 0), ("size", 0)])
def test_limits_are_checked(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        Keeping("folder", **{name: value})


@pytest.mark.parametrize("fidelity", [0.0, -1.0, float("nan")])
def test_a_fidelity_must_be_above_0(fidelity: float) -> None:
    for mode in ("eager", "native"):
        found = perform(function(None, mode=mode), job(fidelity))
        assert (found.status, "above 0" in str(found.error)) == ("error", True)


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
