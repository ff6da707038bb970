"""Searches that train networks: constraints before training, equal networks, the network that is returned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import CambrianError, StoreError
from cambrian.evaluate.task import Task
from cambrian.network import load as load_network
from cambrian.store import Store, Tell

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def data(seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(90, 6)).astype(np.float32)
    return Task(X, (X[:, 0] * X[:, 1] > 0).astype(np.int64), name="xor")


TASK = data()
SPACE = cb.spaces.mlp(input=(6,), outputs=2)


def begin(**options: Any) -> cb.Run:
    given = {
        "task": TASK,
        "budget": 6,
        "strategy": "random",
        "epochs": 2,
        "workers": 0,
        "device": "cpu",
        **options,
    }
    return cb.search(given.pop("space", SPACE), **given)


def outcome(run: cb.Run) -> list[Any]:
    return [(e.id, e.status, e.metrics, e.seed, e.fidelity) for e in run.evaluations]


def test_a_search_trains_networks_and_counts_them() -> None:
    run = begin(objectives=["accuracy", "params"])
    assert run.counts == {"ok": 6}
    best = run.best
    assert best is not None
    assert best.architecture is not None
    assert best.metrics["params"] == best.architecture.params
    assert best.metrics["macs"] == best.architecture.macs
    assert 0 <= best.metrics["accuracy"] <= 1
    assert {e.fidelity for e in run.evaluations} == {2.0}
    assert outcome(run) == outcome(begin(objectives=["accuracy", "params"]))


def test_the_default_objective_is_the_metric_of_the_task() -> None:
    assert begin(budget=1).config["objectives"] == ["max:accuracy"]


def test_a_family_takes_its_input_and_outputs_from_the_task() -> None:
    run = begin(space="mlp", budget=2)
    assert run.best is not None
    assert run.best.architecture is not None
    assert run.best.architecture.graph.nodes[0].shape == (6,)
    assert run.best.architecture.graph.nodes[-1].shape == (2,)


def test_rule_breakers_are_rejected_untrained_and_free_of_budget() -> None:
    sizes = SPACE.resources(SPACE.sample(200, seed=1))["params"]
    limit = float(np.quantile(sizes, 0.3))
    initial = SPACE.sample(40, seed=2)
    broken = int((SPACE.resources(initial)["params"] > limit).sum())
    run = begin(budget=15, initial=initial, constraints={"params": limit}, strategy="aging")
    assert run.counts["ok"] == 15
    assert run.counts["rejected"] >= min(broken, 5)
    told = {}
    with run.opened() as store:
        for event in store.events(run.id, np.dtype(SPACE.dtype)):
            if isinstance(event, Tell):
                told.update(zip(event.ids.tolist(), event.cost[:, 0].tolist(), strict=True))
    for evaluation in run.evaluations:
        if evaluation.status == "rejected":
            assert evaluation.metrics["params"] > limit
            assert f"params <= {limit:g}" in str(evaluation.error)
            assert np.isnan(told[evaluation.id])
            assert evaluation.seconds == 0
        else:
            assert evaluation.metrics["params"] <= limit
    assert run.best is not None
    assert run.best.metrics["params"] <= limit


def test_constraints_that_nothing_keeps_end_the_run() -> None:
    run = begin(constraints={"params": 1})
    assert set(run.counts) == {"rejected"}
    assert run.stopped is not None
    assert "against the constraints" in run.stopped
    assert run.best is None


def test_equal_networks_are_trained_once() -> None:
    space = cb.Space(first=cb.Choice("identity", "flatten"), lr=cb.Choice(0.01, 0.05), input=(6,), outputs=2)
    genomes = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=space.dtype)
    assert len(np.unique(space.hash(genomes, recipe=True), axis=0)) == 2
    run = begin(space=space, budget=2, initial=genomes, strategy={"name": "genetic", "population": 4})
    assert run.counts == {"ok": 2, "cached": 2}
    metrics = [c.metrics for c in run.candidates]
    assert metrics[0] == metrics[1] != metrics[2] == metrics[3]
    assert len(run.front) == 1


def test_another_run_of_the_store_is_answered_from_it(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first = begin(store=path)
    again = begin(store=path, budget=3)
    assert again.counts["cached"] == 6
    assert again.counts["ok"] == 3
    assert [e.metrics for e in again.evaluations[:6]] == [e.metrics for e in first.evaluations]
    assert outcome(again) == outcome(begin(budget=9))
    assert all(e.seconds == 0 for e in again.evaluations if e.cached)
    repeated = [begin(store=path, budget=8, repeats=2) for _ in range(2)]
    assert repeated[0].best is not None
    assert repeated[1].best is not None
    assert repeated[0].counts["cached"] == 9
    # The second goes on beyond what the first found, and may have other finalists.
    searched = [[e for e in run.evaluations if e.repeat == 0] for run in repeated]
    assert sum(e.cached for e in searched[1]) == len(searched[0]) > 9
    assert sum(e.repeat for e in repeated[1].evaluations) == 5
    longer = begin(store=path, epochs=3)
    assert longer.counts == {"ok": 6}
    other = begin(store=path, task=data(1))
    assert other.counts == {"ok": 6}


def test_a_resumed_search_trains_the_same(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "strategy": {"name": "genetic", "population": 4},
        "objectives": ["accuracy", "params"],
    }
    begin(store=tmp_path / "runs.db", budget=5, **options)
    with pytest.raises(StoreError, match="data that isn't stored"):
        cb.resume(tmp_path / "runs.db", budget=10)
    with pytest.raises(StoreError, match="other data"):
        cb.resume(tmp_path / "runs.db", budget=10, task=data(1))
    resumed = cb.resume(tmp_path / "runs.db", budget=10, task=TASK)
    assert outcome(resumed) == outcome(begin(budget=10, **options))


def test_the_network_is_trained_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    best = begin(store=path).best
    assert best is not None
    module = best.module()
    assert best.module() is module
    assert not module.training
    assert set(best.test) == {"accuracy", "loss"}
    inputs = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    found = cb.load(path).best
    assert found is not None
    assert found.test == best.test
    assert torch.equal(found.module()(inputs), module(inputs))
    folder = found.save(tmp_path / "best")
    architecture, loaded = load_network(folder)
    assert torch.equal(loaded(inputs), module(inputs))
    assert architecture.params == best.metrics["params"]
    assert found.source() == (folder / "model.py").read_text()


def test_a_network_can_be_trained_while_a_run_holds_the_store(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    begin(store=path)
    found = cb.load(path, task=TASK).best
    assert found is not None
    with Store(path, write=True):
        found.module()
    again = cb.load(path).best
    assert again is not None
    assert again.test == found.test


def test_data_that_is_not_at_hand_is_asked_for(tmp_path: Path) -> None:
    begin(store=tmp_path / "runs.db")
    best = cb.load(tmp_path / "runs.db").best
    assert best is not None
    with pytest.raises(CambrianError, match=r"pass the same cb\.Task"):
        best.module()


def make(config: dict[str, Any]) -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(6, config["width"]), torch.nn.ReLU(), torch.nn.Linear(config["width"], 2)
    )


def test_networks_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    space = cb.Space(width=cb.Choice(4, 8, 16, 32), lr=cb.Float(1e-3, 1e-1, log=True))
    run = begin(space=space, build=make, store=path, budget=5)
    assert run.counts == {"ok": 5}
    best = run.best
    assert best is not None
    assert best.architecture is None
    module = best.module()
    with pytest.raises(CambrianError, match="no architecture"):
        best.source()
    found = cb.load(path).best
    assert found is not None
    assert found.test == best.test
    with pytest.raises(CambrianError, match="pass the same function to"):
        found.module()
    found = cb.load(path, build=make).best
    assert found is not None
    inputs = torch.ones(2, 6)
    assert torch.equal(found.module()(inputs), module(inputs))
    assert (best.save(tmp_path / "best") / "weights.safetensors").exists()


def test_a_build_that_fails_is_a_result() -> None:
    space = cb.Space(width=cb.Choice(4, 8, 16, 32), depth=cb.Choice(1, 2))

    def build(config: dict[str, Any]) -> Any:
        if config["depth"] == 2:
            raise RuntimeError("too deep")
        return make(config)

    run = begin(space=space, build=build, budget=8)
    assert run.counts == {"ok": 4, "error": 4}
    assert any("too deep" in str(e.error) for e in run.evaluations)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": cb.Space(a=cb.Int(1, 3))}, "says nothing about networks"),
        ({"space": cb.spaces.mlp(input=(7,), outputs=2)}, "made for input"),
        ({"space": "convnt"}, "did you mean 'convnet'"),
        ({"task": "digit"}, "did you mean 'digits'"),
        ({"objectives": ["acuracy"]}, "did you mean 'accuracy'"),
        ({"objectives": ["max:f1"]}, "f1"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or mps"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        begin(**given, store=tmp_path / "runs.db")
    assert list(tmp_path.iterdir()) == []


def test_workers_train_what_this_process_trains() -> None:
    inline = begin(strategy={"name": "genetic", "population": 4})
    workers = begin(strategy={"name": "genetic", "population": 4}, workers=2)
    assert sorted(outcome(workers), key=lambda row: row[0]) == outcome(inline)
