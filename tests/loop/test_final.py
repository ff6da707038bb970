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


def test_the_shortlist_gives_large_ones_their_chance() -> None:
    small = [(0.001 * i, 10.0 + i) for i in range(36)]
    among = rows(*small, (0.1, 900.0), (0.2, 700.0), (0.3, 800.0), (0.4, 5.0))
    assert picked(among, [0], 6) == [0, 35, 1, 36, 2, 37]
    assert picked([Row(i, np.array([0.1 * i])) for i in range(8)], [0], 3) == [0, 1, 2]


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
    with pytest.raises(CambrianError, match=r"could not be trained; error: (?s:.*)no more"):
        run.finalists(2)
    assert [c.final for c in run.candidates] == [{}, {}]
    assert run.best.id == searched
    with pytest.raises(CambrianError, match="no more"):
        run.train(run.candidates[:1])
    (tmp_path / "broken").unlink()
    assert len(run.finalists(2)) == 2


SPACE = cb.Space(width=cb.Choice(1, 2, 3, 4))


def linear(config: dict[str, Any]) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, config["width"]), torch.nn.Linear(config["width"], 10)
    )


def begin(store: Path | None, **options: Any) -> cb.Run:
    given: dict[str, Any] = {"task": "digits", "build": linear, "epochs": 0.25, "workers": 0, "budget": 2}
    return cb.search(SPACE, strategy="random", store=store, **{**given, **options})


def test_a_build_function_that_was_not_given_again_is_asked_for_before_anything_is_noted(
    tmp_path: Path,
) -> None:
    begin(tmp_path / "runs.db")
    loaded = cb.load(tmp_path / "runs.db")
    for act in (loaded.finalists, lambda: loaded.train(loaded.candidates)):
        with pytest.raises(CambrianError, match=r"pass the same function to cambrian\.load"):
            act()
    with Store(tmp_path / "runs.db") as store:
        assert store.finals(1) == {}
    assert len(cb.load(tmp_path / "runs.db", build=linear).finalists()) == 2


def test_loading_a_network_touches_no_generator(tmp_path: Path) -> None:
    best = begin(tmp_path / "runs.db").best
    assert best is not None
    before = torch.get_rng_state()
    module = best.module()
    again = cb.load(tmp_path / "runs.db", build=linear).best
    assert again is not None
    inputs = torch.ones(3, 1, 8, 8)
    assert torch.equal(again.module()(inputs), module(inputs))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_training_that_fails_costs_no_other(tmp_path: Path) -> None:
    run = begin(tmp_path / "runs.db", budget=3)
    first = run.candidates[0].config["width"]

    def one_fails(config: dict[str, Any]) -> Any:
        if config["width"] == first:
            raise RuntimeError("no more")
        return linear(config)

    one_fails.__name__ = "linear"
    loaded = cb.load(tmp_path / "runs.db", build=one_fails)
    with pytest.raises(CambrianError, match=r"candidate 0 could not be trained; error: (?s:.*)no more"):
        loaded.train([*loaded.candidates, loaded.candidates[1]])
    with Store(tmp_path / "runs.db") as store:
        assert [store.weights(1, number) is None for number in range(3)] == [True, False, False]
    assert len(loaded.finalists()) == 2


def test_trainings_go_on_beside_a_run_that_holds_the_store_and_after_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tmp_path / "runs.db", budget=3)
    add_final, left = Store.add_final, iter(range(1))

    def interrupted(store: Store, number: int, evaluation: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        add_final(store, number, evaluation)

    with Store(tmp_path / "runs.db", write=True):
        monkeypatch.setattr(Store, "add_final", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.finalists(3)
        monkeypatch.setattr(Store, "add_final", add_final)
        with Store(tmp_path / "runs.db") as store:
            kept = store.finals(1)
        assert len(kept) == 1
        assert len(run.finalists(3)) == 3
    with Store(tmp_path / "runs.db") as store:
        assert kept.items() <= store.finals(1).items()


def test_a_resumed_run_that_found_better_is_not_bound_to_old_finalists(tmp_path: Path) -> None:
    run = begin(tmp_path / "runs.db", budget=1)
    run.finalists()
    longer = cb.resume(tmp_path / "runs.db", build=linear, budget=4)
    assert longer.best is not None
    searched = max(longer.candidates, key=lambda c: (c.metrics["accuracy"], -c.id))
    assert longer.best.id == searched.id
    assert [c.final is not None for c in longer.candidates] == [True, False, False, False]
    finalists = longer.finalists()
    assert longer.best is finalists[0]


def test_candidates_of_another_run_are_refused(tmp_path: Path) -> None:
    first, second = begin(None), begin(None)
    with pytest.raises(ValueError, match="is of another run"):
        first.train(second.candidates)


def test_repeats_choose_who_is_a_finalist_for_certain() -> None:
    run = begin(None, budget=8, repeats=2)
    best = run.best
    assert best is not None
    run.finalists(1)
    assert [c.id for c in run.candidates if c.final] == [best.id]
    assert run.best is best


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
    with pytest.raises(TypeError, match="n must be a whole number, got '3'"):
        run.finalists("3")  # type: ignore[arg-type]


def test_a_search_that_found_nothing_says_that_it_trains_no_networks() -> None:
    options: dict[str, Any] = {"objectives": ["min:loss"], "constraints": {"min:loss": 0.5}, "budget": 3}
    run = cb.search(cb.Space.plain(genes=4, choices=3), evaluate=lambda config: {"loss": 1.0}, **options)
    with pytest.raises(ValueError, match="trains no networks"):
        run.finalists()


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
