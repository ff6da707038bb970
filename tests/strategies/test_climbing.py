"""Hill climbing, greedy search and annealing: where they go, and when they stop."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import make
from cambrian.strategies.archive import Archive
from cambrian.strategies.climb import beats
from cambrian.strategies.draws import uniform
from cambrian.strategies.neighbours import around, one_gene, step_up

from .spaces import SPACES, conditional, plain, repeats


def row(space: cb.Space, config: dict) -> np.ndarray:
    return space.encode(config)[None]


def rugged(space: cb.Space, genomes: np.ndarray) -> np.ndarray:
    """A cost without structure, the same for equal normal forms: most genomes in 25 are local optima."""
    keys = _core.keys(space.layout, genomes)
    return (keys % np.uint64(10_007)).astype(float)


def slow_changes(space: cb.Space, genome: np.ndarray) -> set[bytes]:
    """Changes of one gene that takes part, from configs alone."""
    active = _core.active(space.layout, genome)[0]
    found = set()
    for column in range(space.n_genes):
        for option in range(int(space.layout.options[column])):
            if active[column] and option != genome[0, column]:
                changed = genome.copy()
                changed[0, column] = option
                found.add(space.encode(space.decode(changed[0])).tobytes())
    return found


@pytest.mark.parametrize("name", ["plain", "conditional", "repeats"])
def test_changes_of_one_gene_are_all_there(name):
    space = SPACES[name]()
    for genome in _core.normalise(space.layout, space.sample(5, seed=1)):
        found = [one.tobytes() for one in one_gene(space.layout, genome[None])]
        assert len(found) == len(set(found))
        assert set(found) == slow_changes(space, genome[None])


def slots(config: dict) -> list[tuple]:
    """Each slot with what it names: the slot's place, or None."""
    blocks = config["blocks"]
    return [
        (one["op"], one["size"], None if one["skip"] is None else max(i - one["skip"], -1))
        for i, one in enumerate(blocks)
    ]


def test_slots_are_deleted_copied_and_exchanged():
    """What slots name moves with them."""
    space = repeats()
    config = {
        "blocks": [
            {"op": "a", "size": 1, "skip": None},
            {"op": "b", "size": 2, "skip": 1},
            {"op": "c", "size": 3, "skip": 2},
        ],
        "head": "y",
    }
    found = [space.decode(one) for one in _core.slot_edits(space.layout, row(space, config))]
    assert all(one["head"] == "y" for one in found)
    a, b, c = ("a", 1, None), ("b", 2, 0), ("c", 3, 0)
    assert [slots(one) for one in found] == [
        [("b", 2, -1), ("c", 3, -1)],  # what named the deleted one names what stood before it
        [a, ("c", 3, 0)],
        [a, b],
        [a, a, ("b", 2, 0), ("c", 3, 0)],
        [a, b, b, ("c", 3, 0)],
        [a, b, c, c],
        [("b", 2, -1), a, ("c", 3, 1)],
        [a, ("c", 3, 0), ("b", 2, 0)],
    ]
    shortest = row(space, {"blocks": config["blocks"][:1], "head": "x"})
    assert len(_core.slot_edits(space.layout, shortest)) == 1  # a copy; the last one can't go
    with pytest.raises(ValueError, match="one row, got 2"):
        _core.slot_edits(space.layout, np.repeat(shortest, 2, axis=0))


def test_what_is_around_is_there_once_and_is_not_the_genome():
    for make_space in SPACES.values():
        space = make_space()
        genome = _core.normalise(space.layout, space.sample(1, seed=3))
        rows = around(space.layout, genome)
        np.testing.assert_array_equal(_core.normalise(space.layout, rows), rows)
        assert len(np.unique(rows, axis=0)) == len(rows)
        assert not (rows == genome).all(axis=1).any()
        assert {one.tobytes() for one in one_gene(space.layout, genome)} <= {one.tobytes() for one in rows}


def test_a_step_up_is_the_next_option():
    space = conditional()
    genome = row(space, {"kind": "b", "size": 9, "rate": 1e-4, "last": 2})
    rows = step_up(space.layout, genome, np.array([1, 2]))
    assert [space.decode(one)["size"] for one in rows] == [9]  # at its end already
    assert space.decode(rows[0])["rate"] > 1e-4


def test_what_beats_what():
    cost, violation = np.array([[1.0], [2.0], [3.0], [np.nan], [1.0]]), np.array([0.0, 0.0, 0.0, 0.0, 0.5])
    assert beats(cost, violation, np.array([2.0]), 0.0).tolist() == [True, False, False, False, False]
    assert beats(cost, violation, np.array([2.0]), 0.7).tolist() == [True, True, True, False, True]
    assert beats(cost, violation, np.array([0.0]), 0.5).tolist() == [True, True, True, False, False]
    two = np.array([[1.0, 1.0], [1.0, 3.0], [0.0, 9.0]])
    assert beats(two, np.zeros(3), np.array([1.0, 2.0]), 0.0).tolist() == [True, False, False]


def test_the_archive_against_a_dict():
    rng = np.random.default_rng(0)
    archive, slow, by_id = Archive(2), {}, {}
    for number in range(200):
        key = rng.integers(1, 80, 1, dtype=np.uint64)
        cost, violation = rng.random((1, 2)), rng.random(1)
        archive.add(np.array([number]), key, cost, violation)
        slow[int(key[0])] = by_id[number] = [cost[0], violation[0]]
        if number % 7 == 0:
            old = int(rng.integers(0, number + 1))
            archive.revise(np.array([old, 10**6]), np.ones((2, 2)), np.zeros(2))
            by_id[old][:] = [np.ones(2), 0.0]
    again = Archive(2)
    again.load(archive.state())
    for one in (archive, again):
        rows = one.find(np.arange(1, 90, dtype=np.uint64))
        assert [row >= 0 for row in rows] == [key in slow for key in range(1, 90)]
        for key, (cost, violation) in slow.items():
            found = rows[key - 1]
            np.testing.assert_array_equal(one.cost[found], cost)
            assert one.violation[found] == violation


def climb(strategy, cost, *, step=1, until=10**9, asks=400):
    """Ask and tell until so many optima are met; gives what was asked, in order, with costs."""
    genomes, told = [], []
    for _ in range(asks):
        if strategy.optima >= until or strategy.exhausted:
            break
        batch = strategy.ask(step)
        value = cost(batch.genomes)
        strategy.tell(batch.ids, value)
        genomes.append(batch.genomes)
        told.append(value)
    return np.concatenate(genomes), np.concatenate(told)


@pytest.mark.parametrize("improvement", ["first", "best"])
@pytest.mark.parametrize("step", [1, 6])
@pytest.mark.parametrize("make_space", [plain, conditional, repeats])
def test_a_climb_ends_where_nothing_around_is_better(make_space, step, improvement):
    space = make_space()
    strategy = make("local", space, seed=1, improvement=improvement)
    tops, go_on = [], strategy._go_on
    strategy._go_on = lambda: (tops.append(strategy._here), go_on())[1]
    climb(strategy, lambda genomes: rugged(space, genomes), step=step, until=3)
    assert strategy.optima == len(tops) == 3
    for top in tops:
        assert (rugged(space, around(space.layout, top)) >= rugged(space, top)[0]).all()


def test_first_improvement_moves_at_once_and_best_waits_for_all():
    space = plain()
    genome = np.full((1, 6), 2, np.uint8)
    for improvement in ("first", "best"):
        strategy = make("local", space, seed=2, improvement=improvement, initial=genome)
        strategy.tell(strategy.ask(1).ids, [10.0])
        batch = strategy.ask(24)
        assert {one.tobytes() for one in batch.genomes} == {
            one.tobytes() for one in around(space.layout, genome)
        }
        assert len(strategy.ask(3)) == 0  # all of it is out
        strategy.tell(batch.ids[:2], [9.0, 8.0])
        following = strategy.ask(30)
        if improvement == "best":
            assert len(following) == 0
            strategy.tell(batch.ids[2:], np.where(np.arange(22) == 7, 1.0, 9.5))
            following = strategy.ask(30)
            middle = batch.genomes[9]
        else:
            middle = batch.genomes[1]  # the better of both, as it was told last
        assert len(following)
        np.testing.assert_array_equal((following.genomes != middle).sum(axis=1), 1)


def test_neighbours_come_in_another_order_for_another_seed():
    genome = np.full((1, 6), 2, np.uint8)
    orders = []
    for seed in (0, 1):
        strategy = make("local", plain(), seed=seed, initial=genome)
        strategy.tell(strategy.ask(1).ids, [10.0])
        orders.append(strategy.ask(24).genomes)
    assert not np.array_equal(*orders)


def test_local_search_takes_better_known_costs():
    """The top of the climb turns out to be bad: the search moves on to a neighbour that was worse."""
    strategy = make("local", plain(), seed=2, initial=np.full((1, 6), 2, np.uint8), improvement="best")
    strategy.tell(strategy.ask(1).ids, [1.0])
    batch = strategy.ask(24)
    strategy.tell(batch.ids, np.arange(5.0, 29.0))
    strategy.revise([0], [7.5])
    following = strategy.ask(10).genomes
    np.testing.assert_array_equal((following != batch.genomes[0]).sum(axis=1), 1)
    with pytest.raises(ValueError, match="unknown improvement 'last'"):
        make("local", plain(), improvement="last")


@pytest.mark.parametrize("step", [1, 5, 100])
def test_greedy_search_solves_a_separable_cost_in_one_round(step):
    """After the start, and each gene's other options once, the optimum is known."""
    rng = np.random.default_rng(4)
    options = [5, 3, 7, 2, 4]
    space = cb.Space.plain(genes=5, choices=options)
    tables = [rng.permutation(n).astype(float) for n in options]

    def cost(genomes):
        return sum(table[column] for table, column in zip(tables, genomes.T, strict=True))

    start = np.array([[0, 0, 0, 0, 0]], np.uint8)
    strategy = make("greedy", space, seed=0, initial=start)
    first = strategy.ask(1)
    strategy.tell(first.ids, cost(first.genomes))
    _, told = climb(strategy, cost, step=step, until=1)
    needed = sum(n - 1 for n in options)
    assert (told[:needed] == 0.0).any()
    # A second round finds nothing better; what it shares with the first is not asked again.
    ended = len(told) - (step if step > 1 else 1)
    assert ended <= 2 * needed


def test_greedy_search_keeps_a_gene_before_it_goes_to_the_next():
    space = cb.Space.plain(genes=4, choices=4)
    strategy = make("greedy", space, seed=0, initial=np.zeros((1, 4), np.uint8))
    strategy.tell(strategy.ask(1).ids, [100.0])
    here = np.zeros(4, np.uint8)
    for gene in range(4):
        batch = strategy.ask(50)
        changed = np.flatnonzero((batch.genomes != here).any(axis=0))
        assert changed.tolist() == [gene]
        assert sorted(batch.genomes[:, gene].tolist()) == [1, 2, 3]
        assert len(strategy.ask(1)) == 0
        strategy.tell(batch.ids, np.where(batch.genomes[:, gene] == 2, 50.0 - gene, 200.0))
        here[gene] = 2


def layers() -> cb.Space:
    block = cb.Group(op=cb.Choice("a", "b"), width=cb.Int(1, 6))
    return cb.Space(blocks=cb.Repeat(block, 1, 6), head=cb.Choice("x", "y"))


@pytest.mark.parametrize(("start", "goal"), [(1, [3, 3, 3, 3]), (6, [5, 5])])
def test_greedy_search_grows_and_shrinks_while_that_pays(start, goal):
    """Wanted are so many layers of that width: the first round gets there by adding, widening, removing."""
    space = layers()

    def cost(genomes):
        found = []
        for config in space.decode(genomes):
            widths = [block["width"] for block in config["blocks"]]
            short = abs(len(widths) - len(goal)) * 10
            found.append(short + sum(abs(w - goal[0]) for w in widths) / len(widths))
        return np.array(found)

    initial = [{"blocks": [{"op": "a", "width": 3}] * start, "head": "x"}]
    strategy = make("greedy", space, seed=0, initial=initial)
    genomes, told = climb(strategy, cost, step=8, until=1)
    best = space.decode(genomes[told.argmin()])
    assert [block["width"] for block in best["blocks"]] == goal


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_annealing_moves_to_worse_ones_by_the_metropolis_rule(temperature):
    """From every place the same rise of 1: moves are a sample of exp(-1 / T), within four of its errors."""
    space = cb.Space.plain(genes=40, choices=4)
    strategy = make("annealing", space, temperature=temperature, final=1.0, starts=2, seed=3, duplicates=True)
    strategy.tell(strategy.ask(2).ids, [0.0, 0.0])
    moved, asked, height = 0, 500, 0.0
    for _ in range(asked):
        batch = strategy.ask(1)
        before = strategy.snapshot()["here"][0]
        strategy.tell(batch.ids, [height + 1.0])
        if not np.array_equal(before, strategy.snapshot()["here"][0]):
            moved += 1
            height += 1.0
    expected = math.exp(-1 / temperature)
    assert abs(moved / asked - expected) < 4 * math.sqrt(expected * (1 - expected) / asked)


def test_annealing_cools_with_the_number_of_results():
    """The same rise is taken nearly always at first, and never after the last evaluation of the schedule."""
    space = cb.Space.plain(genes=40, choices=4)
    strategy = make("annealing", space, temperature=20.0, final=1e-3, starts=2, evaluations=400, seed=1)
    strategy.tell(strategy.ask(2).ids, [0.0, 0.0])
    height, moves = 0.0, []
    for _ in range(500):
        batch = strategy.ask(1)
        before = strategy.snapshot()["here"][0]
        strategy.tell(batch.ids, [height + 1.0])
        moves.append(not np.array_equal(before, strategy.snapshot()["here"][0]))
        height += moves[-1]
    assert np.mean(moves[:60]) > 0.75
    assert not any(moves[400:])
    assert strategy._warmth() == pytest.approx(1e-3)


def test_annealing_always_takes_what_is_better_and_never_what_failed():
    strategy = make("annealing", plain(), temperature=1e-6, starts=2, seed=1)
    strategy.tell(strategy.ask(2).ids, [9.0, 8.0])
    for cost, taken in [(7.0, True), (np.nan, False), (6.0, True), (7.5, False)]:
        batch = strategy.ask(1)
        strategy.tell(batch.ids, [cost])
        assert np.array_equal(strategy.snapshot()["here"][0], batch.genomes[0]) == taken
    batch = strategy.ask(1)
    strategy.tell(batch.ids, [1.0], [0.5])  # good, but it breaks a constraint
    assert not np.array_equal(strategy.snapshot()["here"][0], batch.genomes[0])


def test_annealing_has_as_many_chains_as_are_awaited():
    strategy = make("annealing", plain(), starts=4, seed=0)
    strategy.tell(strategy.ask(4).ids, [3.0, 1.0, 2.0, 4.0])
    first = strategy.ask(3)
    second = strategy.ask(2)
    assert len(strategy.snapshot()["waits"]) == 5
    strategy.tell(np.concatenate([first.ids, second.ids]), np.zeros(5))
    strategy.ask(4)
    assert len(strategy.snapshot()["waits"]) == 5
    limited = make("annealing", plain(), starts=4, chains=2, seed=0)
    limited.tell(limited.ask(4).ids, [3.0, 1.0, 2.0, 4.0])
    assert len(limited.ask(10)) == 2
    assert len(limited.ask(1)) == 0


def test_annealing_begins_at_the_spread_of_the_first_costs():
    strategy = make("annealing", plain(), starts=4, seed=0)
    strategy.tell(strategy.ask(4).ids, [3.0, 1.0, np.nan, 5.0])
    strategy.tell(strategy.ask(1).ids, [7.0])
    np.testing.assert_allclose(strategy._units(), np.std([3.0, 1.0, 5.0, 7.0]) / 10)
    again = make("annealing", plain(), starts=4, seed=0, temperature=0.25)
    np.testing.assert_array_equal(again._units(), 0.25)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"starts": 1}, ValueError, "starts must be at least 2"),
        ({"evaluations": 0}, ValueError, "evaluations must be at least 1"),
        ({"temperature": 0}, ValueError, "temperature must be above 0"),
        ({"temperature": "hot"}, TypeError, "temperature must be a number"),
        ({"final": 0}, ValueError, "final must be above 0"),
        ({"final": 2}, ValueError, "final must be 0 to 1"),
        ({"chains": 0}, ValueError, "chains must be at least 1"),
        ({"structural": -1}, ValueError, "structural must be 0 to 1"),
    ],
)
def test_bad_options_of_annealing(options, error, message):
    with pytest.raises(error, match=message):
        make("annealing", plain(), **options)


def test_uniform_draws_are_uniform():
    draws = np.array([uniform(seed, draw) for seed in (0, 2**64 - 1) for draw in range(5000)])
    assert ((draws >= 0) & (draws < 1)).all()
    counts = np.histogram(draws, bins=20, range=(0, 1))[0]
    assert ((counts - 500) ** 2 / 500).sum() < 45  # chi-squared, 19 degrees: 1 in 1,000 is 43.8
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["local", "greedy", "annealing"])
def test_they_are_far_ahead_of_chance(name):
    """In 400 evaluations of 20 genes random search leaves 8 wrong."""
    space = cb.Space.plain(genes=20, choices=4)
    for seed in range(3):
        strategy = make(name, space, seed=seed)
        best = np.inf
        asked = 0
        while asked < 400:
            batch = strategy.ask(4)
            cost = (batch.genomes != 0).sum(axis=1).astype(float)
            strategy.tell(batch.ids, cost)
            best, asked = min(best, cost.min()), asked + len(batch)
        assert best <= 3


@pytest.mark.parametrize("name", ["local", "greedy", "annealing"])
def test_the_infeasible_are_left(name):
    strategy = make(name, plain(), seed=3)
    found = []
    for _ in range(150):
        batch = strategy.ask(4)
        total = batch.genomes.sum(axis=1).astype(float)
        strategy.tell(batch.ids, total, np.maximum(0.0, 9.0 - total))
        found.append(total)
    found = np.concatenate(found)
    assert found[found >= 9].min() == 9.0
    assert np.mean(found >= 9) > 0.4
