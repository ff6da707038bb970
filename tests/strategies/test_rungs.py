"""Rungs: bracket sizes as published, promotions as a plain simulation has them, what the proposer is told."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian.strategies import ASHA, STRATEGIES, Aging, Batch, Hyperband, Strategy, SuccessiveHalving, make
from cambrian.strategies.rungs import Rungs, levels

SPACE = cb.Space.plain(genes=8, choices=6)
NAMES = ("successive_halving", "hyperband", "asha")


def value(genome: np.ndarray, fidelity: float) -> float:
    """A learning curve: falls with the fidelity to where the genes say, crossing others on the way."""
    end = float(genome[:4].sum())
    return end + float(genome[4:].sum()) * (1.0 - fidelity) + 3.0 * (1.0 - fidelity) ** 2


def values(batch: Batch) -> np.ndarray:
    return np.array([value(genome, part) for genome, part in zip(batch.genomes, batch.fidelity, strict=True)])


def told_whole(strategy: Strategy, asks: int) -> list[Batch]:
    batches = []
    for _ in range(asks):
        batches.append(strategy.ask())
        strategy.tell(batches[-1].ids, values(batches[-1]))
    return batches


def sizes(batches: list[Batch]) -> list[tuple[int, Fraction]]:
    return [(len(b), Fraction(b.fidelity[0]).limit_denominator(1000)) for b in batches]


def test_brackets_are_those_of_the_paper():
    """Table 1 of Li et al. 2018: R = 81, eta = 3, resources as parts of 81."""
    table = [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(27, 3), (9, 9), (3, 27), (1, 81)],
        [(9, 9), (3, 27), (1, 81)],
        [(6, 27), (2, 81)],
        [(5, 81)],
    ]
    strategy = Hyperband(SPACE, minimum=1 / 81)
    wanted = [(n, Fraction(part, 81)) for bracket in table for n, part in bracket]
    assert sizes(told_whole(strategy, 2 * len(wanted))) == 2 * wanted


def test_rounds_of_successive_halving():
    third = Fraction(1, 3)
    assert sizes(told_whole(SuccessiveHalving(SPACE), 6)) == [(9, third**2), (3, third), (1, Fraction(1))] * 2
    strategy = SuccessiveHalving(SPACE, n=11, eta=2, minimum=0.25)
    assert sizes(told_whole(strategy, 3)) == [(11, Fraction(1, 4)), (5, Fraction(1, 2)), (2, Fraction(1))]
    strategy = SuccessiveHalving(SPACE, eta=4, fidelities=[0.06, 1])
    assert sizes(told_whole(strategy, 3)) == [(4, Fraction(3, 50)), (1, Fraction(1)), (4, Fraction(3, 50))]
    strategy = SuccessiveHalving(
        SPACE, n=2, minimum=1 / 27
    )  # too few to leave one in three: the best goes on
    assert [n for n, _ in sizes(told_whole(strategy, 5))] == [2, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("minimum", "eta", "wanted"),
    [
        (1 / 81, 3, [1 / 81, 1 / 27, 1 / 9, 1 / 3, 1]),
        (0.1, 3, [0.1, 0.3, 1]),
        (0.05, 3, [0.05, 0.15, 0.45, 1]),
        (0.2, 2, [0.2, 0.4, 1]),
        (0.25, 4, [0.25, 1]),
        (0.9, 3, [1]),
        (1.0, 3, [1]),
    ],
)
def test_levels(minimum, eta, wanted):
    found = levels(minimum, eta)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert found[-1] == 1.0


class PlainASHA:
    """Algorithm 2 of Li et al. 2020 with lists and dicts, one job at a time."""

    def __init__(self, genomes: list[bytes], parts: list[float], eta: int) -> None:
        self.genomes, self.parts, self.eta = genomes, parts, eta
        self.rungs: list[dict[int, float]] = [{} for _ in parts]
        self.promoted: list[set[int]] = [set() for _ in parts]
        self.started = 0

    def get_job(self) -> tuple[bytes, float, int, int]:
        for k in reversed(range(len(self.parts) - 1)):
            good = [(cost, who) for who, cost in self.rungs[k].items() if cost == cost]
            top = [who for _, who in sorted(good)[: len(self.rungs[k]) // self.eta]]
            for who in top:
                if who not in self.promoted[k]:
                    self.promoted[k].add(who)
                    return self.genomes[who], self.parts[k + 1], who, k + 1
        self.started += 1
        return self.genomes[self.started - 1], self.parts[0], self.started - 1, 0


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 10**6), st.booleans()), min_size=20, max_size=80
    ),
    eta=st.integers(2, 4),
    seed=st.integers(0, 5),
)
def test_asha_is_the_plain_one_whatever_the_order_of_results(moves, eta, seed):
    """Workers of any speed, some of which fail: asks of any size, results in any order."""
    random = make("random", SPACE, seed=seed).ask(400)
    strategy = ASHA(SPACE, eta=eta, minimum=0.1, seed=seed)
    plain = PlainASHA([g.tobytes() for g in random.genomes], strategy.fidelities.tolist(), eta)
    running: dict[int, tuple[int, int, float]] = {}
    for n, pick, fails in moves:
        batch = strategy.ask(n)
        assert len(batch) == n
        for number, genome, part in zip(batch.ids.tolist(), batch.genomes, batch.fidelity, strict=True):
            wanted, level, who, rung = plain.get_job()
            assert (genome.tobytes(), part) == (wanted, level)
            running[number] = who, rung, np.nan if fails else value(genome, part)
        number = sorted(running)[pick % len(running)]
        who, rung, cost = running.pop(number)
        plain.rungs[rung][who] = cost
        strategy.tell(number, cost)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("proposer", ["random", "aging", {"name": "genetic", "population": 8}, "nsga2"])
@pytest.mark.parametrize("objectives", [1, 2])
def test_promotions_repeat_a_genome_at_the_next_level(name, proposer, objectives):
    strategy = make(name, SPACE, seed=1, proposer=proposer, objectives=objectives, minimum=1 / 27)
    reached: dict[bytes, int] = {}
    rungs: Counter[int] = Counter()
    first = 0
    for _ in range(150):
        batch = strategy.ask(7)
        assert len(batch)
        for genome, part in zip(batch.genomes, batch.fidelity, strict=True):
            rung = strategy.fidelities.tolist().index(part)
            rungs[rung] += 1
            if genome.tobytes() in reached:
                assert rung == reached[genome.tobytes()] + 1
            else:
                first += rung == 0
                assert rung == 0 or name == "hyperband"
            reached[genome.tobytes()] = rung
        cost = np.stack([values(batch), batch.genomes.max(axis=1)], axis=1)[:, :objectives]
        strategy.tell(batch.ids, cost)
    assert first
    assert set(rungs) == {0, 1, 2, 3}
    if name == "asha":
        assert rungs[0] > rungs[1] > rungs[2] > rungs[3]


def plain_brackets(
    genomes: list[np.ndarray], parts: list[float], eta: int, asks: int
) -> list[set[tuple[bytes, float]]]:
    """Hyperband with lists: what each rung asks for, one after the other."""
    rungs: list[set[tuple[bytes, float]]] = []
    bracket = begun = 0
    while len(rungs) < asks:
        first = bracket % len(parts)
        s = len(parts) - 1 - first
        n = len(parts) // (s + 1) * eta**s
        members = genomes[begun : begun + n]
        begun += n
        for part in parts[first:]:
            rungs.append({(genome.tobytes(), part) for genome in members})
            told = [(value(genome, part), i) for i, genome in enumerate(members) if not fails(genome, part)]
            members = [members[i] for _, i in sorted(told)[: max(1, len(members) // eta)]]
            if not members:
                break
        bracket += 1
    return rungs[:asks]


def fails(genome: np.ndarray, fidelity: float) -> bool:
    return bool((genome.sum() + round(27 * fidelity)) % 5 == 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.sampled_from([0.02, 0.1, 0.3, 1.0]))
def test_hyperband_is_the_plain_one_however_it_is_asked_and_told(pattern, eta, minimum):
    rng = np.random.default_rng(pattern)
    strategy = Hyperband(SPACE, eta=eta, minimum=minimum, seed=4)
    wanted = plain_brackets(
        list(make("random", SPACE, seed=4).ask(3000).genomes), strategy.fidelities.tolist(), eta, 12
    )
    for rung in wanted:
        asked: set[tuple[bytes, float]] = set()
        waiting: dict[int, float] = {}
        while len(asked) < len(rung):
            batch = strategy.ask(int(rng.integers(1, 9)))
            assert len(batch)
            for number, genome, part in zip(
                batch.ids.tolist(), batch.genomes, batch.fidelity.tolist(), strict=True
            ):
                asked.add((genome.tobytes(), part))
                waiting[number] = np.nan if fails(genome, part) else value(genome, part)
            for number in rng.permutation(sorted(waiting))[: int(rng.integers(0, 3))].tolist():
                if len(asked) < len(rung):
                    strategy.tell(number, waiting.pop(number))
        assert asked == rung
        assert len(strategy.ask(5)) == 0 or not waiting
        strategy.tell(list(waiting), list(waiting.values()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("minimum", [1 / 9, 1 / 81])
def test_a_space_that_is_smaller_than_a_rung(name, minimum):
    """Even then somebody is evaluated in full, the next if the first of them fails, and the search ends."""
    for failures in (False, True):
        strategy = make(name, cb.Space.plain(genes=1, choices=3), minimum=minimum)
        top: list[float] = []
        for _ in range(60):
            batch = strategy.ask(2)
            cost = batch.genomes[:, 0].astype(float)
            if failures:
                cost[(batch.fidelity == 1.0) & (cost < 1)] = np.nan
            top += cost[batch.fidelity == 1.0].tolist()
            strategy.tell(batch.ids, cost)
        assert strategy.exhausted
        assert len(strategy.ask(3)) == 0
        assert len(top) >= 1
        assert name != "asha" or np.isfinite(top).any()


PROPOSERS = [name for name, kind in STRATEGIES.items() if not issubclass(kind, Rungs)]


# A fit of gp takes long, and what wraps it makes no difference to it.
@pytest.mark.parametrize(
    ("name", "proposer"), [(n, p) for n in NAMES for p in PROPOSERS if p != "gp" or n == "hyperband"]
)
def test_any_strategy_proposes(name, proposer):
    """Results in any order, some of them failed: nothing is lost, nothing stands still, all is repeatable."""

    def asked() -> list[tuple[bytes, float]]:
        strategy, found, waiting = make(name, SPACE, seed=2, proposer=proposer), [], {}
        rng = np.random.default_rng(0)
        for _ in range(12):
            batch = strategy.ask(4)
            found += [(g.tobytes(), f) for g, f in zip(batch.genomes, batch.fidelity, strict=True)]
            waiting.update(zip(batch.ids.tolist(), values(batch), strict=True))
            assert waiting
            told = rng.permutation(sorted(waiting))[: max(1, len(waiting) - 2)]
            cost = np.array([waiting.pop(number) for number in told.tolist()])
            strategy.tell(told, np.where(rng.random(len(told)) < 0.1, np.nan, cost))
        return found

    first = asked()
    assert len(set(first)) == len(first)
    assert {fidelity for _, fidelity in first} == {1 / 9, 3 / 9, 1.0}
    assert asked() == first


def spied(strategy: Any) -> list[tuple[str, list[int], list[float]]]:
    """What the proposer hears from now on."""
    heard: list[tuple[str, list[int], list[float]]] = []
    for name in ("tell", "revise"):
        method = getattr(strategy.proposer, name)

        def spy(ids: Any, cost: Any, violation: Any = None, name: str = name, method: Any = method) -> None:
            heard.append((name, ids.tolist(), cost[:, 0].tolist()))
            method(ids, cost, violation)

        setattr(strategy.proposer, name, spy)
    return heard


def test_the_proposer_hears_of_costs_on_the_scale_of_the_top():
    strategy = SuccessiveHalving(SPACE, proposer="aging", n=4, eta=2, minimum=0.25)
    heard = spied(strategy)
    batch = strategy.ask()
    strategy.tell(batch.ids, [10.0, 20.0, 30.0, 40.0])
    second = strategy.ask()
    np.testing.assert_array_equal(second.genomes, batch.genomes[:2])
    assert heard == []  # a promotion is none of its business
    strategy.tell(second.ids[::-1], [17.0, 6.0])  # steps of -4 and -3
    third = strategy.ask()
    strategy.tell(third.ids, [5.0])  # a step of -1
    strategy.ask(1)
    steps = -3.5 - 1.0
    assert heard == [("tell", [0, 1, 2, 3], [5.0, 17.0 - 1.0, 30.0 + steps, 40.0 + steps])]


def test_earlier_costs_are_moved_with_what_is_learned_later():
    strategy = ASHA(SPACE, proposer="aging", eta=2, minimum=0.5)
    heard = spied(strategy)
    batch = strategy.ask(3)
    strategy.tell([0, 1], [4.0, 1.0])
    promoted = strategy.ask(2)
    assert promoted.fidelity.tolist() == [1.0, 0.5]
    assert heard.pop() == ("tell", [0, 1], [4.0, 1.0])
    np.testing.assert_array_equal(promoted.genomes[0], batch.genomes[1])
    strategy.tell(promoted.ids[0], 0.5)
    strategy.tell(2, 3.0)
    strategy.ask(1)
    assert heard == [("tell", [2], [2.5]), ("revise", [0, 1], [3.5, 0.5])]
    heard.clear()
    strategy.revise(promoted.ids[0], np.nan)  # it failed after all
    strategy.ask(1)
    assert [(name, ids, np.isnan(cost).all()) for name, ids, cost in heard] == [("revise", [1], True)]


def test_feasible_ones_are_promoted_first_and_failures_never():
    strategy = SuccessiveHalving(SPACE, n=9)
    batch = strategy.ask()
    cost = np.arange(9.0)
    cost[8] = np.nan
    strategy.tell(batch.ids, cost, [3.0, 0, 2.0, 0, 1.0, 5.0, 1.0, 1.0, 0])
    promoted = strategy.ask()
    np.testing.assert_array_equal(promoted.genomes, batch.genomes[[1, 3, 4]])
    strategy.tell(promoted.ids, np.full(3, np.nan))
    assert strategy.ask().fidelity.tolist() == [1 / 9] * 9


def test_several_objectives_by_rank_and_crowding():
    strategy = ASHA(SPACE, eta=2, minimum=0.5, objectives=2)
    batch = strategy.ask(6)
    front = np.array([[0.0, 4.0], [4.0, 0.0], [1.9, 2.0], [2.0, 1.9], [5.0, 5.0], [6.0, 6.0]])
    strategy.tell(batch.ids, front)
    promoted = strategy.ask(3)
    assert promoted.fidelity.tolist() == [1.0] * 3
    ends = {genome.tobytes() for genome in batch.genomes[:2]}
    assert ends <= {genome.tobytes() for genome in promoted.genomes}


def test_a_generation_that_ends_inside_a_rung():
    """The proposer has 10 children, rungs take 9: what is missing comes when it was told of the others."""
    strategy = SuccessiveHalving(SPACE, proposer={"name": "genetic", "population": 10, "elites": 0})
    for _ in range(40):
        batch = strategy.ask()
        assert len(batch)
        strategy.tell(batch.ids, values(batch))
    assert strategy.proposer.generation >= 8


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"eta": 1}, ValueError, "eta must be at least 2"),
        ({"eta": 2.5}, TypeError, "eta must be an int"),
        ({"minimum": 0.0}, ValueError, "minimum must be at least 1e-6"),
        ({"minimum": float("nan")}, ValueError, "minimum must be 0 to 1"),
        ({"minimum": 2}, ValueError, "minimum must be 0 to 1"),
        ({"fidelities": [0.5, 0.2, 1]}, ValueError, "fidelities must rise to 1"),
        ({"fidelities": [0.0, 1]}, ValueError, "fidelities must rise to 1"),
        ({"fidelities": [0.1, 0.5]}, ValueError, "fidelities must rise to 1"),
        ({"fidelities": []}, ValueError, "fidelities must rise to 1"),
        ({"fidelities": 0.5}, TypeError, "fidelities must rise to 1"),
        ({"fidelities": ["1"]}, TypeError, "fidelities must be a number"),
        ({"proposer": "agin"}, ValueError, "did you mean 'aging'"),
        ({"proposer": {"name": "aging", "populaton": 5}}, ValueError, "did you mean 'population'"),
        ({"proposer": {"name": "aging", "seed": 5}}, ValueError, "give seed= to the strategy around it"),
        ({"proposer": {"population": 5}}, TypeError, "proposer must be a strategy's name"),
        ({"proposer": 3}, TypeError, "proposer must be a strategy's name"),
        ({"proposer": "hyperband"}, ValueError, "has rungs itself; take one of random"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        make(name, SPACE, **options)


def test_options_of_the_proposer_are_kept():
    strategy = make("asha", SPACE, proposer={"name": "aging", "population": 7})
    assert strategy.options["proposer"]["population"] == 7
    assert isinstance(strategy.proposer, Aging)
    with pytest.raises(ValueError, match="n must be at least 1"):
        make("successive_halving", SPACE, n=0)


def epochs_to_reach(make_strategy: Any, aim: float, seed: int, limit: float) -> float:
    """Full evaluations' worth of training until a full evaluation is as good as `aim`, at most `limit`."""
    strategy, spent, paid = make_strategy(seed), 0.0, {}
    while spent < limit:
        batch = strategy.ask(4)
        cost = values(batch)
        for genome, part, one in zip(batch.genomes, batch.fidelity, cost, strict=True):
            spent += part - paid.get(genome.tobytes(), 0.0)
            paid[genome.tobytes()] = part
            if part == 1.0 and one <= aim:
                return spent
        strategy.tell(batch.ids, cost)
    return limit


@pytest.mark.parametrize("name", NAMES)
def test_fewer_epochs_than_without_rungs(name):
    """At equal training rungs find as good a candidate sooner, and with evolution sooner than by chance."""

    def mean(kind: str, **options: Any) -> float:
        reached = [
            epochs_to_reach(lambda s: make(kind, SPACE, seed=s, **options), 4.0, s, 400) for s in range(30)
        ]
        return float(np.mean(reached))

    plain, evolved = mean("random"), mean("aging")
    assert mean(name) < 0.6 * plain
    assert mean(name, proposer="aging") < 0.8 * evolved
