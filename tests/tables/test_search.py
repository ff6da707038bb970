"""`cb.search` on a table: the same search as a simulated one, stored, resumed and reported."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import StoreError
from cambrian.strategies import make
from cambrian.tables import Metric, Seconds, Table, simulate


def grid(*, holes: int = 0, continues: bool = False, pool: bool = False, shift: float = 0.0) -> Table:
    """Losses of three seeds of a space of 256 genomes, some of them missing."""
    space = cb.Space.plain(genes=4, choices=4)
    rows = np.array(list(itertools.product(range(4), repeat=4)), space.dtype)
    random = np.random.default_rng(1)
    seeds = ((rows - 1.3) ** 2).sum(axis=1)[:, None] + random.normal(0, 0.3, (256, 3)) + shift
    seeds[::5, 2] = np.nan
    kept = np.sort(random.permutation(256)[holes:])
    metrics = {
        "loss": Metric({1.0: seeds[kept], 0.2: seeds[kept] + 1}, maximise=False),
        "good": Metric({1.0: rows[kept].sum(axis=1)}, maximise=True),
        "params": Metric({1.0: 100.0 + rows[kept, 0]}, maximise=False),
    }
    time = Seconds({1.0: random.integers(1, 20, 256).astype(float)[kept]})
    return Table(space, rows[kept], metrics, seconds=time, continues=continues, pool=pool, name="grid")


def shown(run: cb.Run) -> list[tuple]:
    return [(e.id, e.repeat, e.status, e.metrics, e.seconds, e.fidelity, e.seed) for e in run.evaluations]


@pytest.mark.parametrize("workers", [1, 5, 100])
@pytest.mark.parametrize("name", ["random", "aging", "genetic"])
@pytest.mark.parametrize("holes", [0, 40])
def test_it_is_the_search_that_simulate_makes(workers, name, holes):
    known = grid(holes=holes)
    run = cb.search(known.space, evaluate=known, strategy=name, budget="300s", workers=workers, seed=7)
    history = simulate(make(name, known.space, seed=7), known, seconds=300, workers=workers)
    assert [e.id for e in run.evaluations] == history.ids.tolist()
    np.testing.assert_allclose([e.seconds for e in run.evaluations], history.finished - history.started)
    np.testing.assert_array_equal(
        [e.metrics.get("loss", np.nan) for e in run.evaluations], history.cost[:, 0]
    )
    failed = [e for e in run.evaluations if not e.ok]
    assert [e.status for e in failed] == ["error"] * int((history.rows < 0).sum())
    assert all("grid has no row for {'g0'" in e.error for e in failed)
    if history.stopped.startswith("the space"):
        assert run.stopped == history.stopped
    else:
        assert (run.stopped, run.seconds) == ("the budget of 300s is used", 300.0)
    assert run.best.metrics["loss"] == np.nanmin(history.cost)


def test_evaluations_are_counted_and_time_is_simulated(tmp_path):
    known = grid()
    run = cb.search(evaluate=known, budget=30, workers=4)
    assert "the run, simulated" in run.report(tmp_path / "report.html").read_text(encoding="utf-8")
    history = simulate(make("aging", known.space), known, evaluations=30, workers=4)
    assert run.counts == {"ok": 30}
    assert run.seconds == history.finished.max()


def test_a_genome_that_is_proposed_again_is_paid_again():
    known = grid()
    strategy = {"name": "aging", "population": 4, "sample": 2, "duplicates": True}
    run = cb.search(known.space, evaluate=known, strategy=strategy, budget=300)
    assert run.counts == {"ok": 300}
    assert len({c.hash for c in run.candidates}) < 200


class StopError(Exception):
    """What ends a run in the middle."""


def stop_after(count):
    """What raises at the count-th evaluation that it is shown."""
    seen = itertools.count(1)

    def stop(evaluation):
        if next(seen) == count:
            raise StopError

    return stop


@pytest.mark.parametrize("name", ["aging", "genetic", "nsga2"])
@pytest.mark.parametrize("limit", ["400s", 90])
@pytest.mark.parametrize("continues", [False, True])
def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path, name, limit, continues):
    known = grid(holes=30, continues=continues)
    said = {"strategy": name, "budget": limit, "workers": 6, "seed": 3, "objectives": ["loss"]}
    whole = cb.search(known.space, evaluate=known, **said)
    for after in (1, 43):
        store = tmp_path / f"{after}.db"
        with pytest.raises(StopError):
            cb.search(known.space, evaluate=known, store=store, on_evaluation=stop_after(after), **said)
        run = cb.resume(store, evaluate=known)
        assert shown(run) == shown(whole)
        assert (run.seconds, run.stopped) == (whole.seconds, whole.stopped)


def test_more_budget_goes_on_where_the_first_ended(tmp_path):
    known = grid()
    said = {"strategy": "aging", "workers": 3, "seed": 5}
    whole = cb.search(known.space, evaluate=known, budget="400s", **said)
    cb.search(known.space, evaluate=known, budget="150s", store=tmp_path / "time.db", **said)
    assert shown(cb.resume(tmp_path / "time.db", evaluate=known, budget="400s")) == shown(whole)
    # Workers stand idle at the end of a counted budget, so what comes after that is another search.
    first = cb.search(known.space, evaluate=known, budget=40, store=tmp_path / "count.db", **said)
    before = shown(first)
    run = cb.resume(tmp_path / "count.db", evaluate=known, budget=110)
    assert sorted(e.id for e in run.evaluations) == list(range(110))
    assert shown(run)[:40] == before
    assert run.seconds > first.seconds


def test_costs_may_be_told_in_the_order_of_asking(tmp_path):
    known = grid()
    said = {"evaluate": known, "budget": "300s", "workers": 5, "ordered": True, "seed": 1}
    whole = cb.search(**said)
    with pytest.raises(StopError):
        cb.search(**said, store=tmp_path / "o.db", on_evaluation=stop_after(30))
    assert shown(cb.resume(tmp_path / "o.db", evaluate=known)) == shown(whole)


def test_repeats_are_seeds_of_the_table(tmp_path):
    known = grid()
    store = tmp_path / "r.db"
    run = cb.search(known.space, evaluate=known, budget="500s", repeats=3, workers=2, store=store)
    again = [e for e in run.evaluations if e.repeat]
    assert {e.repeat for e in again} == {1, 2}
    genomes = {c.id: c.genome[None] for c in run.candidates}
    for e in run.evaluations:
        seeds = [known.values(genomes[e.id], "loss", seed=k)[0] for k in range(3)]
        there = [value for value in seeds if not np.isnan(value)]
        assert e.metrics["loss"] == there[e.repeat % len(there)]
    assert run.seconds <= 500
    assert len([e for e in run.evaluations if e.id == run.best.id]) == 3
    more = cb.resume(store, evaluate=known, budget="700s")
    assert shown(more)[: len(run.evaluations)] == shown(run)
    assert 500 < more.seconds <= 700


def test_objectives_and_constraints_have_the_tables_directions():
    known = grid()
    run = cb.search(
        known.space, evaluate=known, strategy="nsga2", budget=120, objectives=["loss", "good"],
        constraints={"params": 101},
    )  # fmt: skip
    assert [str(goal) for goal in run.settings.goals.objectives] == ["min:loss", "max:good"]
    assert all(c.metrics["params"] <= 101 for c in run.front)
    assert {c.feasible for c in run.candidates} == {True, False}
    assert cb.search(known.space, evaluate=known, budget=3).config["objectives"] == ["min:loss"]


def test_a_pool_is_searched_among_its_rows():
    known = grid(holes=120, pool=True)
    run = cb.search(known.space, evaluate=known, strategy="aging", budget=100)
    assert run.counts == {"ok": 100}


def test_resources_of_a_family_are_known_too(tmp_path):
    space = cb.spaces.cell201(cells=1, recipe=False)
    genomes = np.unique(space.sample(200, seed=0), axis=0)
    loss = np.arange(len(genomes), dtype=float)
    known = Table(space, genomes, {"loss": Metric({1.0: loss}, maximise=False)}, pool=True)
    run = cb.search(space, evaluate=known, objectives=["loss", "macs"], strategy="nsga2", budget=60)
    assert run.best.metrics["macs"] == space.resources(run.best.genome[None])["macs"][0]
    assert run.best.architecture is not None
    # Genomes of equal networks are looked up each for itself.
    assert run.counts == {"ok": 60}
    assert "NaN" not in run.report(tmp_path / "report.html").read_text(encoding="utf-8")


def test_another_table_is_refused(tmp_path):
    known, store = grid(), tmp_path / "run.db"
    cb.search(known.space, evaluate=known, budget=5, store=store)
    with pytest.raises(StoreError, match="needs its function again: pass evaluate="):
        cb.resume(store)
    with pytest.raises(StoreError, match="searched on the table grid, and this is not it"):
        cb.resume(store, evaluate=grid(shift=1e-9), budget=10)
    with pytest.raises(StoreError, match="searched on the table grid"):
        cb.resume(store, evaluate=lambda config: {"loss": 0.0}, budget=10)
    assert len(cb.resume(store, evaluate=grid(), budget=10).evaluations) == 10
    assert cb.load(store).best.metrics["loss"] >= known.best()
    cb.search(known.space, evaluate=lambda config: {"loss": 0.0}, objectives=["loss"], budget=5, store=store)
    with pytest.raises(StoreError, match="searched with a function, not with a table"):
        cb.resume(store, evaluate=known)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objectives": ["los"]}, "did you mean 'loss'"),
        ({"objectives": ["max:accuracy"]}, "unknown metric of grid: 'accuracy'"),
        ({"constraints": {"macs": 3}}, "unknown metric of grid: 'macs'"),
        ({"budget": "20 epochs"}, "a table counts no epochs"),
        ({"epochs": 3}, "epochs means nothing with a table"),
        ({"mode": "eager"}, "mode means nothing"),
        ({"task": "digits"}, "leave out task="),
        ({"space": cb.Space.plain(genes=4, choices=5)}, "measured on another space"),
    ],
)
def test_what_a_table_cannot_do(given, message):
    known = grid()
    with pytest.raises(ValueError, match=message):
        cb.search(**{"space": known.space, "evaluate": known, "budget": 5, **given})


def test_one_config_by_hand():
    known = grid(holes=100)
    config = known.space.decode(known.genomes[4])
    assert known(config)["good"] == known.column("good")[4]
    every = np.array(list(itertools.product(range(4), repeat=4)), known.space.dtype)
    hole = every[~known.has(every)][0]
    with pytest.raises(ValueError, match="grid has no row for"):
        known(known.space.decode(hole))


@pytest.mark.parametrize("name", ["successive_halving", "hyperband", "asha"])
def test_rungs_are_fidelities_of_the_table(name):
    known = grid(continues=True)
    run = cb.search(known.space, evaluate=known, strategy=name, budget="200s", workers=4, seed=2)
    history = simulate(make(name, known.space, seed=2), known, seconds=200, workers=4)
    assert [e.id for e in run.evaluations] == history.ids.tolist()
    np.testing.assert_allclose([e.seconds for e in run.evaluations], history.finished - history.started)
    assert [e.fidelity for e in run.evaluations] == history.fidelity.tolist()
    assert {0.2, 1.0} <= set(history.fidelity.tolist())
    whole = [e.metrics["loss"] for e in run.evaluations if e.fidelity == 1.0]
    assert run.best.metrics["loss"] in whole
    metrics = {"loss": Metric({1.0: known.column("loss")}, maximise=False)}
    with pytest.raises(ValueError, match="asks for parts of an evaluation; table has 'loss' of whole ones"):
        cb.search(known.space, evaluate=Table(known.space, known.genomes, metrics), strategy=name, budget=5)
