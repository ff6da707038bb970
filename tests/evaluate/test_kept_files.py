"""Files of kept trainings: whatever happens to them costs time only."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cambrian.evaluate import kept
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.kept import Keeping, Progress
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.workers import Workers
from evaluate.faults import DyingInTheMiddle
from evaluate.kept_cases import EPOCHS, PARTS, TASK, function, job, run, steps_made


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


def test_workers_go_on_with_what_others_kept_even_after_one_was_killed_while_writing(tmp_path: Path) -> None:
    dying = TrainNetwork(TASK, epochs=EPOCHS, device="cpu", keep=DyingInTheMiddle(tmp_path))
    with Workers(dying, 1) as evaluator:
        (first,) = evaluator.evaluate([job(0.5)])
        assert (first.status, len(os.listdir(tmp_path))) == ("crashed", 1)
        (again,) = evaluator.evaluate([job(0.5)])
        (later,) = evaluator.evaluate([job(2.0)])
        assert evaluator.pending == 0
    fresh = function(None)
    assert [again.metrics, later.metrics] == [perform(fresh, job(part)).metrics for part in (0.5, 2.0)]
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".safetensors")]) == 1


@pytest.mark.parametrize(("name", "value"), [("files", 0), ("size", 0)])
def test_limits_are_checked(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        Keeping("folder", **{name: value})


@pytest.mark.parametrize("fidelity", [0.0, -1.0, float("nan")])
def test_a_fidelity_must_be_above_0(fidelity: float) -> None:
    for mode in ("eager", "native"):
        found = perform(function(None, mode=mode), job(fidelity))
        assert (found.status, "above 0" in str(found.error)) == ("error", True)
