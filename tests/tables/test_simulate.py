"""Simulated searches, against a slow and obvious clock."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian.strategies import Strategy, make
from cambrian.tables import Metric, Seconds, Table, simulate

from .small import DESCRIPTION, DESCRIPTIONS, FOLDER, columns, published, table


def grid(*, continues: bool = False, repeated: bool = False) -> Table:
    """Every genome of a space of 64, with times that often are the same; a few rows are missing or NaN."""
    space = cb.Space.plain(genes=3, choices=4)
    rows = (
        np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).astype(space.dtype)
    )
    random = np.random.default_rng(3)
    loss = random.random(64)
    loss[5] = np.nan
    time = np.ones(64) if repeated else random.integers(1, 6, 64).astype(float)
    kept = np.delete(np.arange(64), [7, 21])
    half = loss[kept] + 0.1
    metrics = {
        "loss": Metric({1.0: loss[kept], 0.5: half}, maximise=False),
        "size": Metric({1.0: rows[kept].sum(axis=1)}, maximise=True),
    }
    return Table(space, rows[kept], metrics, seconds=Seconds({1.0: time[kept]}), continues=continues)


def by_hand(
    strategy: Strategy, known: Table, *, evaluations: int, seconds: float, workers: int
) -> list[tuple]:
    """Walk over all moments and look every genome up by itself; a list of (id, cost, start, finish)."""
    free, running, done, now, asked = workers, [], [], 0.0, 0
    typical = float(np.median(known.price()))
    while True:
        if free and asked < evaluations and now < seconds:
            batch = strategy.ask(min(free, evaluations - asked))
            for number, genome in zip(batch.ids.tolist(), batch.genomes, strict=True):
                took = float(known.seconds(genome[None])[0])
                finish = now + (typical if np.isnan(took) else took)
                running.append((finish, number, float(known.values(genome[None], "loss")[0]), now))
                free -= 1
                asked += 1
        if not running or min(running)[0] > seconds:
            return done
        now = min(running)[0]
        ready = sorted(one for one in running if one[0] == now)
        running = [one for one in running if one[0] != now]
        strategy.tell([one[1] for one in ready], [one[2] for one in ready])
        done += [(number, cost, start, finish) for finish, number, cost, start in ready]
        free += len(ready)


@pytest.mark.parametrize("workers", [1, 3, 20, 1000])
@pytest.mark.parametrize("limits", [(40, 1e9), (10**6, 37.0), (30, 25.5)])
@pytest.mark.parametrize("repeated", [False, True])
def test_the_clock_is_that_of_a_slow_one(workers, limits, repeated):
    known = grid(repeated=repeated)
    fast, slow = (make("aging", known.space, seed=4, population=8, sample=3) for _ in range(2))
    history = simulate(fast, known, evaluations=limits[0], seconds=limits[1], workers=workers)
    expected = by_hand(slow, known, evaluations=limits[0], seconds=limits[1], workers=workers)
    ids, cost, started, finished = (np.array(column) for column in zip(*expected, strict=True))
    np.testing.assert_array_equal(history.ids, ids)
    np.testing.assert_array_equal(history.cost[:, 0], cost)
    np.testing.assert_array_equal(history.started, started)
    np.testing.assert_array_equal(history.finished, finished)
    seen: set[bytes] = set()
    for genome, row, unique in zip(history.genomes, history.rows, history.unique, strict=True):
        seen.add(genome.tobytes())
        assert unique == len(seen)
        assert row == known.rows(genome[None])[0]
    assert (history.fidelity == 1.0).all()


def test_holes_and_failures_take_time_and_cost_nothing_else():
    known = grid()
    history = simulate(make("random", known.space, seed=0), known, evaluations=64)
    assert len(history) == history.unique[-1] == 64
    assert np.isnan(history.cost[:, 0]).sum() == 3
    holes = history.rows < 0
    assert holes.sum() == 2
    np.testing.assert_allclose((history.finished - history.started)[holes], np.median(known.price()))
    assert history.stopped == "the budget of 64 evaluations is used"


def test_an_exhausted_space_ends_the_search():
    known = grid()
    history = simulate(make("random", known.space), known, evaluations=1000, workers=7)
    assert (len(history), history.stopped) == (
        64,
        "the space is exhausted: the strategy has nothing new to propose",
    )


@pytest.mark.parametrize("workers", [1, 4, 50])
def test_synchronous_strategies_are_told_whole_batches(workers):
    known = grid()
    tells: list[list[int]] = []

    class Watched(cb.strategies.Genetic):
        def tell(self, ids, cost, *more):
            tells.append(np.asarray(ids).tolist())
            super().tell(ids, cost, *more)

    strategy = Watched(known.space, population=10, elites=2, seed=1)
    history = simulate(strategy, known, evaluations=35, workers=workers)
    assert [len(ids) for ids in tells[:3]] == [10, 8, 8]
    assert [number for ids in tells for number in ids] == list(range(34))
    assert len(history) == 35
    # Nothing of a batch starts before all of the one before is done; no more run than there are workers.
    for first in (10, 18, 26):
        assert history.started[history.ids >= first].min() >= history.finished[history.ids < first].max()
    for moment in history.started:
        assert ((history.started <= moment) & (history.finished > moment)).sum() <= workers


def test_what_would_finish_too_late_does_not_count():
    known = grid()
    strategy = make("random", known.space, seed=2)
    history = simulate(strategy, known, seconds=10.0, workers=3)
    assert history.finished.max() <= 10.0
    assert strategy.pending > 0
    assert history.stopped == "the budget of 10 simulated seconds is used"
    longer = simulate(make("random", known.space, seed=2), known, evaluations=60, workers=3)
    np.testing.assert_array_equal(longer.ids[: len(history)], history.ids)
    assert longer.finished[len(history)] > 10.0


class Promoting(cb.strategies.Random):
    """Proposes each genome at a third of the evaluation first, then in full, then in full again."""

    def ask(self, n=None):
        batch = super().ask(n)
        return cb.strategies.Batch(
            batch.ids, batch.genomes, np.full(len(batch), 0.3 if batch.ids[0] % 3 == 0 else 1.0)
        )

    def _propose(self, n):
        if self._next % 3 == 0:
            self.kept = super()._propose(1)
        return self.kept


@pytest.mark.parametrize("continues", [False, True])
def test_a_promotion_pays_what_is_missing(continues):
    known = grid(continues=continues)
    # a half, and what is missing to a whole or a whole, and another whole
    history = simulate(Promoting(known.space, seed=0), known, evaluations=20 if continues else 25)
    assert history.fidelity.tolist() == [0.5, 1.0, 1.0] * 10  # the nearest at or above
    spent = history.finished - history.started
    for i in range(0, 30, 3):
        full = float(known.seconds(history.genomes[[i]])[0])
        if not np.isnan(full):
            np.testing.assert_allclose(spent[i : i + 3], [full / 2, full / 2 if continues else full, full])
            np.testing.assert_allclose(history.cost[i, 0], history.cost[i + 1, 0] + 0.1)
    assert history.unique.tolist() == np.repeat(np.arange(1, 11), 3).tolist()


def test_several_objectives_and_one_seed(tmp_path):
    small, data = table(tmp_path), columns()
    history = simulate(
        make("nsga2", small.space, population=6, objectives=2), small, evaluations=6, seed=1,
        objectives=["max:accuracy", "params"],
    )  # fmt: skip
    rows = history.rows
    np.testing.assert_allclose(history.cost[:, 1][rows != 5], data["params"][rows[rows != 5]])
    first = dict(zip(rows.tolist(), history.cost[:, 0].tolist(), strict=True))
    assert (first[0], first[2], first[3]) == (-0.3, -0.5, -0.6)
    assert np.isnan(history.cost[rows == 5]).all()


def test_one_metric_of_a_shorter_training(tmp_path):
    metrics = {**DESCRIPTION["metrics"], "short": {"column": "short", "at": 0.25}}
    small = table(tmp_path, metrics=metrics)
    history = simulate(make("random", small.space), small, evaluations=6, metric="short")
    np.testing.assert_allclose(history.finished - history.started, columns()["time"][history.rows] / 4)
    np.testing.assert_array_equal(-history.cost[:, 0], columns()["short"][history.rows])


def test_a_table_without_times_takes_a_second_each(tmp_path):
    small = table(tmp_path, seconds=None)
    assert simulate(make("random", small.space), small, seconds=4.5).finished.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_nothing_in_time():
    known = grid()
    history = simulate(make("random", known.space), known, seconds=0.5)
    assert (len(history), history.genomes.shape, history.cost.shape) == (0, (0, 3), (0, 1))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "give evaluations= or seconds="),
        ({"evaluations": 0}, ValueError, "evaluations must be 1"),
        ({"evaluations": 1.5}, TypeError, "evaluations must be a whole number"),
        ({"seconds": 0}, ValueError, "seconds must be more than 0"),
        ({"seconds": float("nan")}, ValueError, "seconds must be more than 0"),
        ({"evaluations": 1, "workers": 0}, ValueError, "workers must be 1"),
        ({"evaluations": 1, "metric": "los"}, ValueError, "did you mean 'loss'"),
        ({"evaluations": 1, "objectives": ["max:loss"]}, ValueError, "'loss' is to be minimised"),
        ({"evaluations": 1, "objectives": "loss"}, TypeError, "must be a list"),
        ({"evaluations": 1, "objectives": ["loss", "size"]}, ValueError, "made for 1 objectives"),
        ({"evaluations": 1, "objectives": ["loss"], "metric": "loss"}, ValueError, "not both"),
        ({"evaluations": 1, "seed": -1}, ValueError, "seed must be"),
    ],
)
def test_bad_arguments(given, error, message):
    known = grid()
    with pytest.raises(error, match=message):
        simulate(make("random", known.space), known, **given)


def test_a_strategy_of_another_space():
    known = grid()
    with pytest.raises(ValueError, match="made for another space"):
        simulate(make("random", cb.Space.plain(genes=3, choices=5)), known, evaluations=3)
    with pytest.raises(TypeError, match="table must be"):
        simulate(make("random", known.space), "table.npz", evaluations=3)


@published
def test_published_searches_in_simulated_seconds():
    """Random search, 12,000 seconds, rewarded by 12 epochs: test accuracy 93.70, std 0.36 over 500 runs."""
    known = cb.tables.load(FOLDER, DESCRIPTIONS / "nasbench201_c10.json")
    test = known.column("test200")
    found, counts = [], []
    for seed in range(100):
        history = simulate(make("random", known.space, seed=seed), known, seconds=12_000, metric="val12")
        found.append(test[history.rows[np.argmin(history.cost[:, 0])]])
        counts.append(len(history))
    assert np.mean(counts) == pytest.approx(106, abs=2)
    assert np.mean(found) == pytest.approx(93.70, abs=4 * 0.36 * np.sqrt(1 / 100 + 1 / 500))
