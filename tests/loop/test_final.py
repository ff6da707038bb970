from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cambrian as cb
from cambrian.errors import CambrianError
from cambrian.loop.final import FINAL_EPOCHS, shortlist
from cambrian.store import Store


@dataclass
class Row:
    id: int
    cost: np.ndarray[Any, Any]

    @property
    def feasible(self) -> bool:
        return bool(np.isfinite(self.cost).all())


def rows(*costs: tuple[float, float]) -> list[Any]:
    return [Row(i, np.array(cost)) for i, cost in enumerate(costs)]


def picked(among: list[Any], front: list[int], n: int) -> list[int]:
    return [c.id for c in shortlist(among, [among[i] for i in front], n)]


def test_the_shortlist_takes_turns_between_the_front_and_the_best() -> None:
    among = rows((0.1, 9.0), (0.2, 9.0), (0.3, 9.0), (0.4, 2.0), (0.5, 9.0), (np.nan, 1.0))
    assert picked(among, [0, 3], 4) == [0, 3, 1, 2]
    assert picked(among, [0, 3], 1) == [0]
    assert picked(among, [0, 3], 99) == [0, 3, 1, 2, 4]
    assert picked([], [], 3) == []


def test_the_shortlist_leaves_out_what_is_small_and_bad() -> None:
    among = rows(*[(0.01 * i, 100.0 - i) for i in range(100)])
    assert max(picked(among, list(range(100)), 40)) == 39
    assert max(picked(among, [0, 10, 20, 99], 6)) < 25


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> cb.Run:
    store = tmp_path_factory.mktemp("final") / "runs.db"
    return cb.search(
        cb.spaces.convnet(max_depth=2, widths=(4, 8)),
        task="digits",
        strategy="random",
        objectives=["accuracy", "params"],
        budget=6,
        epochs=0.25,
        workers=0,
        store=store,
    )


def test_finalists_are_trained_longer_and_name_the_best(run: cb.Run) -> None:
    assert run.store is not None
    assert all(c.final is None for c in run.candidates)
    finalists = run.finalists(3)
    assert len(finalists) == 3
    accuracies = [(c.final or {})["accuracy"] for c in finalists]
    assert accuracies == sorted(accuracies, reverse=True)
    again = cb.load(run.store)
    assert again.best is not None
    assert run.best is not None
    assert again.best.id == run.best.id == finalists[0].id
    assert again.best.final == finalists[0].final
    with Store(run.store) as store:
        finals = store.finals(run.id)
    assert set(finals) == {c.id for c in finalists}
    more = run.finalists(4)
    with Store(run.store) as store:
        assert {k: v for k, v in store.finals(run.id).items() if k in finals} == finals
    assert len(more) == 4


def test_trained_candidates_need_no_training_any_more(run: cb.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.store is not None
    chosen = run.front[:2]
    run.train(chosen)
    monkeypatch.setattr("cambrian.loop.final.trainer", lambda settings: pytest.fail("trained again"))
    loaded = {c.id: c for c in cb.load(run.store).candidates}
    for candidate in chosen:
        assert set(candidate.test) == {"accuracy", "loss"}
        assert loaded[candidate.id].test == candidate.test
        assert loaded[candidate.id].module().state_dict().keys() == candidate.module().state_dict().keys()


def test_the_long_training_is_longer(run: cb.Run) -> None:
    from cambrian.loop.final import train_longer

    (evaluation,) = train_longer(run.settings, run.candidates[:1])
    assert evaluation.fidelity == FINAL_EPOCHS * 0.25
    assert list(train_longer(run.settings, [])) == []


def test_a_long_training_that_fails_is_left_out_and_says_why(tmp_path: Path) -> None:
    def build(config: dict[str, Any]) -> Any:
        import torch

        if (tmp_path / "broken").exists():
            raise RuntimeError("no more")
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    space = cb.Space(width=cb.Choice(1, 2, 3))
    run = cb.search(space, task="digits", build=build, budget=2, epochs=0.25, workers=0, strategy="random")
    (tmp_path / "broken").touch()
    assert run.best is not None
    searched = run.best.id
    assert run.finalists(2) == []
    assert run.best.id == searched
    with pytest.raises(CambrianError, match="no more"):
        run.train(run.candidates[:1])


def test_searches_that_train_nothing_have_no_finalists() -> None:
    run = cb.search(
        cb.Space.plain(genes=4, choices=3),
        evaluate=lambda config: {"loss": 1.0},
        objectives=["min:loss"],
        budget=3,
    )
    with pytest.raises(ValueError, match="trains no networks"):
        run.finalists()
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        run.finalists(0)


def test_networks_with_shared_weights_are_kept(tmp_path: Path) -> None:
    def tied(config: dict[str, Any]) -> torch.nn.Module:
        first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
        second.weight = first.weight
        return torch.nn.Sequential(first, torch.nn.ReLU(), second)

    task = cb.Task(np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 4)
    space = cb.Space(lr=cb.Float(1e-3, 1e-2))
    run = cb.search(space, build=tied, task=task, budget=2, epochs=0.5, workers=0, store=tmp_path / "runs.db")
    assert run.best is not None
    module = run.best.module()
    assert isinstance(module, torch.nn.Sequential)
    assert module[0].weight is module[2].weight
