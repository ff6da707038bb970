"""What every strategy of the registry promises, on every kind of space."""

from __future__ import annotations

import inspect
import io
import json
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import STRATEGIES, Strategy, make
from cambrian.strategies.rungs import Rungs

from .spaces import SPACES, costs, drive, tiny

pytestmark = pytest.mark.parametrize("name", STRATEGIES)
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
one_and_two = pytest.mark.parametrize("objectives", [1, 2])


def distinct(space: cb.Space, genomes: np.ndarray) -> int:
    return len(np.unique(_core.normalise(space.layout, np.ascontiguousarray(genomes)), axis=0))


def repeated(space: cb.Space, genomes: np.ndarray, fidelity: list[float]) -> int:
    """How many proposals are of a genome that came before at no lower fidelity."""
    rows = _core.normalise(space.layout, np.ascontiguousarray(genomes))
    highest: dict[bytes, float] = {}
    count = 0
    for row, part in zip(rows, fidelity, strict=True):
        count += highest.get(row.tobytes(), -1.0) >= part
        highest[row.tobytes()] = part
    return count


def small(name: str) -> dict[str, Any]:
    """Options that make for several generations in a short test."""
    options = {
        "random": {},
        "grid": {},
        "latin": {"points": 8},
        "sobol": {"points": 8},
        "local": {},
        "greedy": {},
        "annealing": {"starts": 5, "evaluations": 60},
        "aging": {"population": 10, "sample": 3},
        "plus": {"population": 5, "children": 7},
        "comma": {"population": 5, "children": 8},
        "successive_halving": {"n": 6, "proposer": {"name": "genetic", "population": 10}},
        "hyperband": {"proposer": {"name": "aging", "population": 10}},
        "predictor": {"startup": 6, "candidates": 60},
        "asha": {"proposer": {"name": "aging", "population": 10}},
        "tpe": {"startup": 10**6},  # slow once they have a model; test_bayesian.py goes on from there
        "gp": {"startup": 10**6},
    }
    return options.get(name, {"population": 10})


def new_ones(strategy: Strategy, n: int) -> np.ndarray:
    """The first `n` genomes that a strategy proposes, promotions left out; all are told 0 as they come."""
    found: dict[bytes, np.ndarray] = {}
    while len(found) < n:
        batch = strategy.ask(n - len(found))
        for genome in batch.genomes:
            found.setdefault(genome.tobytes(), genome)
        strategy.tell(batch.ids, np.zeros(len(batch)))
    return np.stack(list(found.values()))


@every_space
@one_and_two
def test_same_tells_give_the_same_asks(name, space, objectives):
    first, second = (make(name, space(), seed=5, objectives=objectives, **small(name)) for _ in range(2))
    other = make(name, space(), seed=6, objectives=objectives, **small(name))
    np.testing.assert_array_equal(drive(first, 40), drive(second, 40))
    assert not np.array_equal(first.ask(20).genomes, other.ask(20).genomes)


@every_space
@one_and_two
def test_tells_may_come_in_any_grouping(name, space, objectives):
    together, apart = (make(name, space(), seed=1, objectives=objectives, **small(name)) for _ in range(2))
    np.testing.assert_array_equal(drive(together, 40), drive(apart, 40, grouped=False))


@every_space
@one_and_two
def test_a_snapshot_goes_on_where_it_was_taken(name, space, objectives):
    first = np.zeros((4, space().n_genes), space().dtype)
    options = {"seed": 2**64 - 1, "objectives": objectives, "initial": first, **small(name)}
    straight = make(name, space(), **options)
    for pattern in range(4):
        waiting: dict[int, np.ndarray] = {}
        drive(straight, 5, pattern=pattern, waiting=waiting)
        resumed = make(name, space(), **options)
        resumed.restore(stored(straight.snapshot()))
        assert (resumed.pending, resumed.exhausted) == (straight.pending, straight.exhausted)
        again = dict(waiting)
        np.testing.assert_array_equal(
            drive(straight, 7, pattern=9, waiting=waiting), drive(resumed, 7, pattern=9, waiting=again)
        )
        ids = sorted(waiting)
        if ids:
            straight.tell(ids, costs(space(), np.stack([waiting[i] for i in ids]), objectives))


def stored(snapshot):
    """Through a file without pickle, and back."""
    file = io.BytesIO()
    np.savez(file, **{key: np.asarray(value) for key, value in snapshot.items()})
    file.seek(0)
    with np.load(file, allow_pickle=False) as data:
        back = {key: data[key] if np.ndim(snapshot[key]) else data[key].item() for key in snapshot}
    assert all(isinstance(value, (np.ndarray, int, float, str)) for value in snapshot.values())
    return back


def test_a_snapshot_is_not_changed_by_going_on(name):
    strategy = make(name, SPACES["plain"](), **small(name))
    drive(strategy, 8)
    snapshot = strategy.snapshot()
    before = stored(snapshot)
    drive(strategy, 1, pattern=3, waiting={})
    for key, value in before.items():
        np.testing.assert_array_equal(snapshot[key], value)


def test_a_snapshot_of_something_else_is_refused(name):
    strategy = make(name, SPACES["plain"](), **small(name))
    drive(strategy, 8)
    good = strategy.snapshot()
    for key, value, message in [
        ("strategy", "other", "another strategy"),
        ("seed", "1", "another seed"),
        ("objectives", 2, "another objectives"),
        ("options", "{}?", "another options"),
        ("next", -1, "next"),
        ("draws", 1.5, "draws"),
        ("seen", np.array([3, 2], np.uint64), "seen"),
        ("seen", None, "seen"),
        ("pending_genomes", np.zeros((1, 3), np.uint8), "pending_genomes"),
        ("pending_ids", np.array([10**9] * strategy.pending), "pending_ids"),
        ("first", np.full((1, 6), 200, np.uint8), "genomes"),
    ]:
        with pytest.raises(ValueError, match=message):
            make(name, SPACES["plain"](), **small(name)).restore({**good, key: value})
    for key in good:
        with pytest.raises(ValueError, match="snapshot"):
            make(name, SPACES["plain"](), **small(name)).restore({k: v for k, v in good.items() if k != key})


@one_and_two
def test_options_make_the_strategy_again(name, objectives):
    space = SPACES["repeats"]()
    strategy = make(name, space, seed=4, objectives=objectives, **small(name))
    options = json.loads(json.dumps(strategy.options))
    again = make(strategy.name, space, seed=4, objectives=objectives, **options)
    assert again.options == strategy.options
    np.testing.assert_array_equal(drive(strategy, 30), drive(again, 30))


@every_space
def test_batches_are_what_the_contract_says(name, space):
    space = space()
    strategy = make(name, space, seed=0, **small(name))
    last = 0
    for _ in range(12):
        batch = strategy.ask(7)
        assert 0 < len(batch) <= 7
        np.testing.assert_array_equal(batch.ids, np.arange(last, last + len(batch)))
        assert (batch.ids.dtype, batch.fidelity.dtype) == (np.int64, np.float64)
        assert ((batch.fidelity > 0) & (batch.fidelity <= 1)).all()
        if not issubclass(STRATEGIES[name], Rungs):
            np.testing.assert_array_equal(batch.fidelity, np.ones(len(batch)))
        _core.check(space.layout, batch.genomes)
        last += len(batch)
        assert strategy.pending == len(batch)
        cost = costs(space, batch.genomes)
        batch.genomes[:] = 0  # the caller's copy
        strategy.tell(batch.ids, cost)
        assert strategy.pending == 0
    assert len(make(name, space).ask()) >= 1


@every_space
def test_no_genome_is_proposed_twice(name, space):
    strategy = make(name, space(), seed=3, **small(name))
    fidelity: list[float] = []
    genomes = drive(strategy, 40, fidelity=fidelity)
    assert repeated(strategy.space, genomes, fidelity) == 0


def test_duplicates_may_be_allowed(name):
    options = small(name)
    if "duplicates" not in inspect.signature(STRATEGIES[name]).parameters and "proposer" not in options:
        with pytest.raises(ValueError, match="unknown option"):
            make(name, tiny(), duplicates=True)
        return
    if "proposer" in options:  # what proposes decides
        options["proposer"]["duplicates"] = True
    else:
        options["duplicates"] = True
    strategy = make(name, tiny(), **options)
    genomes = drive(strategy, 30)
    assert len(genomes) > 16
    assert not strategy.exhausted


@one_and_two
def test_a_small_space_is_swept_and_then_exhausted(name, objectives):
    space = tiny()
    strategy = make(name, space, seed=1, objectives=objectives, **small(name))
    fidelity: list[float] = []
    genomes = drive(strategy, 60, fidelity=fidelity)
    assert distinct(space, genomes) == space.size == 14
    assert repeated(space, genomes, fidelity) == 0
    assert strategy.exhausted
    assert len(strategy.ask(5)) == 0
    assert strategy.pending == 0


def test_exhausted_while_results_are_awaited(name):
    strategy = make(name, tiny(), **small(name))
    asked = []
    while not strategy.exhausted:
        batch = strategy.ask(100)
        asked.append(batch.genomes)
        pending = batch.ids
        if not strategy.exhausted:
            strategy.tell(batch.ids, np.zeros(len(batch)))
            pending = pending[:0]
    assert distinct(strategy.space, np.concatenate(asked)) == 14
    assert len(strategy.ask(1)) == 0
    strategy.tell(pending, np.zeros(len(pending)))
    assert strategy.exhausted


def test_initial_genomes_come_first(name):
    space = SPACES["conditional"]()
    configs = [
        {"kind": "c", "last": 2},
        {"kind": "a", "size": 3, "last": 1},
        {"kind": "c", "last": 2},
        {"kind": "b", "size": 9, "rate": 1e-4, "last": 4},
    ]
    wanted = space.encode([configs[0], configs[1], configs[3]])
    for initial in (configs, space.encode(configs)):
        strategy = make(name, space, seed=0, initial=initial, **small(name))
        np.testing.assert_array_equal(
            np.concatenate([strategy.ask(2).genomes, strategy.ask(1).genomes]), wanted
        )
        fidelity = [0.0] * 3
        rest = drive(strategy, 10, waiting={i: wanted[i] for i in range(3)}, fidelity=fidelity)
        assert repeated(space, np.concatenate([wanted, rest]), fidelity) == 0


def test_more_initial_genomes_than_fit(name):
    space = SPACES["plain"]()
    initial = np.unique(space.sample(64, seed=9), axis=0)
    strategy = make(name, space, seed=0, initial=initial, **small(name))
    np.testing.assert_array_equal(new_ones(strategy, len(initial)), initial)
    assert 0 < len(strategy.ask(3)) <= 3


@pytest.mark.parametrize(
    ("initial", "error"),
    [
        ("cells", TypeError),
        (3, TypeError),
        (np.zeros((2, 5), np.uint8), ValueError),
        (np.zeros((2, 6), np.int64), TypeError),
        (np.full((2, 6), 5, np.uint8), ValueError),
        ([{"nonsense": 1}], ValueError),
    ],
)
def test_bad_initial(name, initial, error):
    with pytest.raises(error):
        make(name, SPACES["plain"](), initial=initial)


@every_space
def test_only_valid_genomes_where_that_is_possible(name, space):
    space = space()

    def valid(genomes):
        return genomes[:, 0] > 0

    strategy = make(name, space, seed=0, valid=valid, **small(name))
    assert valid(drive(strategy, 20)).all()


def test_an_impossible_rule_does_not_hang(name):
    never = make(name, tiny(), valid=lambda genomes: np.zeros(len(genomes), bool), **small(name))
    assert distinct(never.space, drive(never, 60)) == 14
    assert never.exhausted
    never = make(name, SPACES["wide"](), valid=lambda genomes: np.zeros(len(genomes), bool), **small(name))
    assert len(never.ask(5)) == 5


@pytest.mark.parametrize("answer", [None, [1, 0], True, np.ones(3, bool), np.ones(4)])
def test_bad_valid(name, answer):
    with pytest.raises(TypeError, match="valid must"):
        make(name, tiny(), valid=lambda genomes: answer).ask(4)
    with pytest.raises(TypeError, match="valid must"):
        make(name, tiny(), valid=3)


@one_and_two
def test_failures_only_do_not_stop_a_strategy(name, objectives):
    strategy = make(name, SPACES["repeats"](), objectives=objectives, **small(name))
    for _ in range(20):
        batch = strategy.ask(5)
        assert len(batch)
        strategy.tell(batch.ids, np.full((len(batch), objectives), np.nan))


def test_one_told_at_a_time_by_its_number(name):
    for objectives, cost in [(1, 0.5), (1, [0.5]), (2, [1.0, 2.0]), (2, [[1.0, 2.0]])]:
        strategy = make(name, tiny(), objectives=objectives)
        batch = strategy.ask(3)
        strategy.tell(int(batch.ids[1]), cost)
        assert strategy.pending == 2


@pytest.mark.parametrize(
    ("ids", "cost", "error", "message"),
    [
        ([0, 1], [1.0], ValueError, r"shape \(2,\)"),
        ([0, 1], [[1.0, 1.0], [1.0, 1.0]], ValueError, r"shape \(2,\)"),
        ([0, 1], 1.0, ValueError, r"shape \(2,\)"),
        ([0, 1], [1.0, np.inf], ValueError, r"cost\[1\].*use NaN"),
        ([0, 1], [-np.inf, 0], ValueError, r"cost\[0\]"),
        ([0, 1], [1.0, None], TypeError, "real numbers.*NaN"),
        ([0, 1], None, TypeError, "real numbers"),
        ([0, 1], [1.0, 1j], TypeError, "complex"),
        ([0, 1], ["1", "2"], TypeError, "real numbers"),
        ([0, 1], [True, False], TypeError, "bool"),
        ([0, 1], [[1.0], [1.0, 2.0]], ValueError, "differ in length"),
        ([0, 0], [1.0, 1.0], ValueError, "0 is there more than once"),
        ([3, 4], [1.0, 1.0], ValueError, "unknown id 4; ids 0 to 3"),
        ([-1], [1.0], ValueError, "unknown id -1"),
        ([2**63], [1.0], ValueError, "unknown id"),
        ([2**80], [1.0], TypeError, "ids"),
        ([0.0], [1.0], TypeError, "ids must be integers"),
        ([True], [1.0], TypeError, "ids must be integers"),
        ("0", [1.0], TypeError, "ids must be integers"),
        (None, [1.0], TypeError, "ids must be integers"),
        ([[0, 1]], [[1.0, 1.0]], ValueError, r"shape \(k,\)"),
    ],
)
def test_bad_tells_change_nothing(name, ids, cost, error, message):
    strategy = make(name, SPACES["plain"]())
    strategy.ask(4)
    before = strategy.snapshot()
    with pytest.raises(error, match=message):
        strategy.tell(ids, cost)
    for key, value in strategy.snapshot().items():
        np.testing.assert_array_equal(value, before[key])


def test_tell_before_ask_and_tell_twice(name):
    strategy = make(name, SPACES["plain"]())
    with pytest.raises(ValueError, match="unknown id 0; nothing was asked"):
        strategy.tell([0], [1.0])
    batch = strategy.ask(4)
    strategy.tell([1], [1.0])
    with pytest.raises(ValueError, match="id 1, which was told before"):
        strategy.tell(batch.ids, np.ones(4))
    strategy.tell([], [])
    strategy.tell([0, 2, 3], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="id 3, which was told before"):
        strategy.tell(3, 1.0)


def test_two_objectives_need_two_columns(name):
    strategy = make(name, SPACES["plain"](), objectives=2)
    strategy.ask(4)
    for cost in ([1.0, 2.0], [[1.0], [2.0]], [[1.0, 2.0, 3.0]] * 2):
        with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
            strategy.tell([0, 1], cost)
    with pytest.raises(ValueError, match=r"cost\[1\]"):
        strategy.tell([0, 1], [[1.0, 2.0], [np.inf, np.nan]])
    strategy.tell([0, 1], [[1.0, 2.0], [1.0, np.nan]])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**64}, ValueError, "seed"),
        ({"seed": 1.0}, TypeError, "seed"),
        ({"seed": None}, TypeError, "seed"),
        ({"objectives": 0}, ValueError, "objectives"),
        ({"objectives": True}, TypeError, "objectives"),
        ({"populaton": 3}, ValueError, "unknown option"),
    ],
)
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        make(name, tiny(), **options)


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_bad_ask(name, n, error):
    with pytest.raises(error, match="n must be"):
        make(name, tiny()).ask(n)
