"""Users' own functions as operators: alone, in breed, in mixtures, in a stored search; and bad functions."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.evolve.custom import Custom
from cambrian.evolve.operators import OPERATORS, make_operator, operator_dict
from evolve import test_operators as contract
from layouts import LAYOUTS, plain

LAYOUT = plain(8, 4).layout()
GENOMES = _core.sample(LAYOUT, 60, seed=0)
COST = np.random.default_rng(0).random(60)
BUILT_IN = dict(OPERATORS)


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """What a test registers is gone after it."""
    for kind, function in (
        ("selection", better_of_two),
        ("crossover", halves),
        ("mutation", mirror),
        ("survival", cheapest),
    ):
        cb.operator(kind)(function)
    yield
    OPERATORS.clear()
    OPERATORS.update(BUILT_IN)


def better_of_two(cost: Any, n: int, columns: Any, key: cb.Key) -> Any:
    """Of two at random."""
    drawn = key.generator().integers(0, len(cost), (2, n))
    keys = np.where(np.isnan(cost[:, 0]), np.inf, cost[:, 0])[drawn]
    return np.where(keys[0] <= keys[1], drawn[0], drawn[1])


def halves(first: Any, second: Any, layout: Any, key: cb.Key) -> Any:
    """Each gene from either."""
    return np.where(key.generator().random(first.shape) < 0.5, first, second)


def mirror(genomes: Any, layout: Any, key: cb.Key, *, rate: float = 0.1) -> Any:
    """The option at the other end."""
    hit = key.generator().random(genomes.shape) < rate
    return np.where(hit, layout.options - 1 - genomes, genomes).astype(genomes.dtype)


def cheapest(cost: Any, n: int, columns: Any) -> Any:
    """By the first objective."""
    return np.argsort(cost[:, 0], kind="stable")[:n]


def made(name: str, **parameters: Any) -> Any:
    return OPERATORS[name](**parameters)


MINE = {
    "better_of_two": "selection",
    "halves": "crossover",
    "mirror": "mutation",
    "cheapest": "survival",
}


class TestContract:
    @pytest.mark.parametrize("name", MINE)
    @pytest.mark.parametrize(
        "check",
        [
            "is_a_frozen_description_under_its_name",
            "goes_through_json",
            "is_refused_as_another_kind",
        ],
    )
    def test_of_every_operator(self, check: str, name: str) -> None:
        getattr(contract.TestContract(), f"test_{check}")(name)

    @pytest.mark.parametrize("name", [name for name, kind in MINE.items() if kind != "survival"])
    @pytest.mark.parametrize("space", LAYOUTS)
    @pytest.mark.parametrize(
        "check", [name for name in vars(contract.TestBreedingContract) if name.startswith("test_")]
    )
    def test_of_breeding(self, check: str, name: str, space: str) -> None:
        getattr(contract.TestBreedingContract(), check)(name, space)

    @pytest.mark.parametrize(
        "check",
        [
            "takes_n_different_rows_the_failed_last",
            "keeps_the_best_of_one_objective",
            "is_a_function_of_its_arguments_and_leaves_them_alone",
        ],
    )
    def test_of_survival(self, check: str) -> None:
        getattr(contract.TestSurvivalContract(), f"test_{check}")("cheapest")


def test_alone_it_is_the_function_at_its_key() -> None:
    source = {"seed": 5, "run": 6, "generation": 7}
    column = COST.reshape(-1, 1)
    np.testing.assert_array_equal(
        cb.select(COST, n=9, by="better_of_two", **source),
        better_of_two(column, 9, {}, cb.Key(**source, place=0)),
    )
    np.testing.assert_array_equal(
        cb.cross(GENOMES, GENOMES[::-1].copy(), LAYOUT, by="halves", **source),
        halves(GENOMES, GENOMES[::-1], LAYOUT, cb.Key(**source, place=1)),
    )
    np.testing.assert_array_equal(
        cb.mutate(GENOMES, LAYOUT, by=made("mirror", rate=0.5), **source),
        mirror(GENOMES, LAYOUT, cb.Key(**source, place=65), rate=0.5),
    )
    np.testing.assert_array_equal(cb.survive(COST, n=9, by=made("cheapest")), np.argsort(COST)[:9])


@pytest.mark.parametrize("selection", ["tournament", "better_of_two"])
@pytest.mark.parametrize("crossover", ["none", "uniform", "halves"])
@pytest.mark.parametrize("mutation", ["reset", "mirror"])
def test_breed_is_its_parts(selection: str, crossover: str, mutation: str) -> None:
    source = {"seed": 5, "run": 6, "generation": 7}
    lineage: dict[str, Any] = {}
    children = cb.breed(
        GENOMES, COST, LAYOUT, n=40, selection=selection, crossover=crossover, mutation=mutation,
        out_columns=lineage, **source,
    )  # fmt: skip
    each = 1 if crossover == "none" else 2
    winners = cb.select(COST, n=each * 40, by=selection, **source).reshape(40, each)
    crossed = cb.cross(GENOMES[winners[:, 0]], GENOMES[winners[:, -1]], LAYOUT, by=crossover, **source)
    np.testing.assert_array_equal(children, cb.mutate(crossed, LAYOUT, by=mutation, **source))
    np.testing.assert_array_equal(lineage["parents"][:, 0], winners[:, 0])
    np.testing.assert_array_equal(lineage["parents"][:, 1], winners[:, 1] if each == 2 else -1)


def test_a_mixture_leaves_the_rows_of_other_members_as_they_were() -> None:
    pair = GENOMES, GENOMES[::-1].copy()
    for kind, mine, call in (
        ("mutation", "mirror", lambda by: cb.mutate(GENOMES, LAYOUT, by=by, seed=3)),
        ("crossover", "halves", lambda by: cb.cross(*pair, LAYOUT, by=by, seed=3)),
    ):
        native = cb.ResetMutation(0.5) if kind == "mutation" else cb.UniformCrossover(1.0)
        other = cb.PointMutation() if kind == "mutation" else cb.NoCrossover()
        mixed = cb.Mixture([(native, 1), (made(mine), 1), (other, 1)])
        chosen = mixed.choices(len(GENOMES), seed=3)
        assert set(chosen) == {0, 1, 2}
        replaced = cb.Mixture([(native, 1), (other, 1), (other, 1)])
        np.testing.assert_array_equal(call(mixed)[chosen != 1], call(replaced)[chosen != 1])
        rows = np.flatnonzero(chosen == 1)
        if kind == "mutation":
            own = mirror(GENOMES[rows], LAYOUT, cb.Key(3, place=66))
        else:
            own = halves(pair[0][rows], pair[1][rows], LAYOUT, cb.Key(3, place=2))
        np.testing.assert_array_equal(call(mixed)[rows], own)
        assert make_operator(json.loads(json.dumps(operator_dict(mixed))), kind) == mixed


def test_two_functions_of_one_generation_draw_from_different_keys() -> None:
    seen: list[cb.Key] = []

    def watch_cross(first: Any, second: Any, layout: Any, key: cb.Key) -> Any:
        seen.append(key)
        return first

    def watch(genomes: Any, layout: Any, key: cb.Key) -> Any:
        seen.append(key)
        return genomes

    def watch_select(cost: Any, n: int, columns: Any, key: cb.Key) -> Any:
        seen.append(key)
        return np.zeros(n, int)

    one = cb.operator("crossover", "watch_cross")(watch_cross)()
    two = cb.operator("mutation", "watch")(watch)()
    choose = cb.operator("selection", "watch_select")(watch_select)()
    crossing = cb.Mixture([(one, 1), (one, 1)])
    mutations = [cb.Mixture([(two, 1), (cb.PointMutation(), 1), (two, 1)]), "reset", two]
    cb.breed(GENOMES, COST, LAYOUT, selection=choose, crossover=crossing, mutation=mutations, seed=9)
    assert len(set(seen)) == len(seen) == 6
    assert {(key.seed, key.run, key.generation) for key in seen} == {(9, 0, 0)}
    draws = [key.generator().integers(0, 2**62) for key in seen]
    assert len(set(draws)) == 6


def test_columns_that_it_asks_for_are_given() -> None:
    def youngest(cost: Any, n: int, columns: Any, key: cb.Key) -> Any:
        return np.argsort(columns["age"], kind="stable")[:n]

    def oldest(cost: Any, n: int, columns: Any) -> Any:
        return np.argsort(-columns["age"], kind="stable")[:n]

    by = cb.operator("selection", "youngest", columns=["age"])(youngest)()
    age = np.random.default_rng(1).permutation(60)
    chosen = cb.select(COST, n=5, by=by, columns={"age": age})
    np.testing.assert_array_equal(age[chosen], range(5))
    children = cb.breed(
        GENOMES, COST, LAYOUT, n=5, selection=by, crossover="none", mutation=[], columns={"age": age}
    )
    np.testing.assert_array_equal(children, GENOMES[chosen])
    with pytest.raises(ValueError, match=r"youngest needs columns=\{'age': ...\}"):
        cb.select(COST, n=5, by=by)
    with pytest.raises(ValueError, match=r"unknown column .* 'aeg'; did you mean 'age'"):
        cb.select(COST, n=5, by=by, columns={"aeg": age})
    keep = cb.operator("survival", "oldest", columns=("age",))(oldest)()
    np.testing.assert_array_equal(age[cb.survive(COST, n=3, by=keep, columns={"age": age})], [59, 58, 57])
    with pytest.raises(ValueError, match="oldest needs columns="):
        cb.survive(COST, n=3, by=keep)
    with pytest.raises(ValueError, match="columns: a mutation is given none"):
        cb.operator("mutation", columns=["age"])
    with pytest.raises(TypeError, match="columns: expected a list of names, got 'age'"):
        cb.operator("selection", columns="age")


def test_parameters_are_its_keyword_arguments() -> None:
    assert repr(made("mirror")) == "mirror(rate=0.1)"
    assert made("mirror", rate=np.float64(0.5)) == made("mirror", rate=0.5)
    assert operator_dict(made("mirror", rate=0.5)) == {"name": "mirror", "rate": 0.5}
    with pytest.raises(ValueError, match="unknown parameter of mirror 'rat'; did you mean 'rate'"):
        make_operator({"name": "mirror", "rat": 1}, "mutation")
    with pytest.raises(TypeError, match=r"mirror: rate must be None, a bool, a number, .*, got int64 array"):
        made("mirror", rate=np.arange(3))

    @cb.operator("mutation")
    def several(genomes: Any, layout: Any, key: Any, *, rates: Any = [0.1, [1, "a"]]) -> Any:  # noqa: B006
        assert rates == (0.2, None)
        return genomes

    assert several().rates == (0.1, (1, "a"))  # type: ignore[call-arg, attr-defined]
    back = make_operator(json.loads(json.dumps(operator_dict(several(rates=[0.2, None])))), "mutation")  # type: ignore[call-arg]
    assert back == several(rates=(0.2, None))  # type: ignore[call-arg]
    assert hash(back) == hash(several(rates=(0.2, None)))  # type: ignore[call-arg]
    cb.mutate(GENOMES, LAYOUT, by=back)


def test_it_is_not_called_for_nothing() -> None:
    never = cb.operator("mutation", "never")(_raises)()
    none = GENOMES[:0]
    assert cb.mutate(none, LAYOUT, by=never).shape == (0, 8)
    rare = cb.Mixture([(cb.NoCrossover(), 1), (made("halves"), 0)])
    np.testing.assert_array_equal(cb.cross(GENOMES, GENOMES, LAYOUT, by=rare), GENOMES)
    assert cb.mutate(GENOMES, LAYOUT, by=cb.Mixture([(never, 0), (cb.PointMutation(), 1)])).shape
    assert cb.breed(GENOMES, COST, LAYOUT, n=0, mutation=never).shape == (0, 8)
    assert cb.select(COST, n=0, by="better_of_two").shape == (0,)
    assert cb.survive(COST, n=0, by=made("cheapest")).shape == (0,)


def test_it_may_return_its_argument_which_is_copied() -> None:
    same = cb.operator("mutation", "same")(lambda genomes, layout, key: genomes)()
    out = cb.mutate(GENOMES, LAYOUT, by=same)
    assert not np.shares_memory(out, GENOMES)
    assert out.flags.writeable
    genomes = GENOMES.copy()
    assert cb.mutate(genomes, LAYOUT, by=same, out=genomes) is genomes
    np.testing.assert_array_equal(genomes, GENOMES)


def _changes(genomes: Any, layout: Any, key: Any) -> Any:
    genomes[0] = 0
    return genomes


def _raises(genomes: Any, layout: Any, key: Any) -> Any:
    raise RuntimeError("mine")


BAD_RESULTS: list[tuple[str, Callable[..., Any], type[Exception], str]] = [
    ("mutation", lambda genomes, layout, key: None, ValueError, "bad: expected a uint8 array .*, got None"),
    ("mutation", lambda genomes, layout, key: genomes[1:], ValueError, r"shape \(60, 8\), got .*\(59, 8\)"),
    ("mutation", lambda genomes, layout, key: genomes.tolist(), ValueError, "bad: .*, got list of 60"),
    (
        "mutation",
        lambda genomes, layout, key: genomes.astype(int),
        TypeError,
        "bad: .* got int64 array .*; use .astype",
    ),
    (
        "mutation",
        lambda genomes, layout, key: genomes + np.uint8(9),
        ValueError,
        "bad: its result is not a population: genomes: row 0, column 0 holds",
    ),
    ("mutation", _changes, ValueError, "read-only"),
    ("mutation", _raises, RuntimeError, "mine"),
    ("crossover", lambda first, second, layout, key: first[:, :3], ValueError, "bad: expected a uint8"),
    ("selection", lambda cost, n, columns, key: 3, ValueError, "bad: expected 60 integer indices, got int"),
    ("selection", lambda cost, n, columns, key: [0.5] * n, ValueError, "60 integer indices, got list of 60"),
    ("selection", lambda cost, n, columns, key: np.zeros(n, bool), ValueError, "got bool array"),
    ("selection", lambda cost, n, columns, key: np.zeros((n, 1), int), ValueError, "got int64 array of"),
    (
        "selection",
        lambda cost, n, columns, key: np.full(n, -1),
        ValueError,
        "got -1 at place 0",
    ),
    ("selection", lambda cost, n, columns, key: np.arange(n) + 1, ValueError, "got 60 at place 59"),
    (
        "selection",
        lambda cost, n, columns, key: np.full(n, 2**64 - 1, np.uint64),
        ValueError,
        "from 0 to 59, got 18446744073709551615",
    ),
    ("selection", lambda cost, n, columns, key: cost.sort() or [0] * n, ValueError, "read-only"),
]


@pytest.mark.parametrize(("kind", "function", "error", "message"), BAD_RESULTS)
def test_bad_results_are_refused_and_nothing_is_written(
    kind: str, function: Callable[..., Any], error: type[Exception], message: str
) -> None:
    bad = cb.operator(kind, "bad")(function)()
    out, parents = np.full_like(GENOMES, 77), np.full((60, 2), 77)
    lineage: dict[str, Any] = {"parents": parents}
    genomes, cost = GENOMES.copy(), COST.copy()
    arguments: dict[str, Any] = {"crossover": "none"} | {kind: bad}
    with pytest.raises(error, match=message):
        cb.breed(genomes, cost, LAYOUT, out=out, out_columns=lineage, elite=0, **arguments)
    assert (out == 77).all()
    assert (parents == 77).all()
    np.testing.assert_array_equal(genomes, GENOMES)
    np.testing.assert_array_equal(cost, COST)


def test_survivors_are_different_rows() -> None:
    twice = cb.operator("survival", "twice")(lambda cost, n, columns: np.zeros(n, int))()
    with pytest.raises(ValueError, match="twice: expected 3 different rows"):
        cb.survive(COST, n=3, by=twice)


@pytest.mark.parametrize(
    ("kind", "name", "function", "error", "message"),
    [
        ("mutator", None, mirror, ValueError, "kind: expected one of selection, "),
        ("mutation", "", mirror, TypeError, "name: expected the operator's name, got ''"),
        ("mutation", None, lambda genomes, layout, key: 0, TypeError, "name: <lambda> needs one"),
        ("mutation", 3, mirror, TypeError, "name: expected the operator's name, got 3"),
        ("mutation", "reset", mirror, ValueError, "name: there is an operator 'reset' already"),
        ("mutation", "mixture", mirror, ValueError, "there is an operator 'mixture' already"),
        ("mutation", "halves", mirror, ValueError, "there is an operator 'halves' already"),
        ("mutation", "new", 3, TypeError, "operator: expected a function, got int"),
        ("mutation", "new", halves, TypeError, r"halves: a mutation takes \(genomes, layout, key, \*, ...\)"),
        ("mutation", "new", lambda genomes, layout: 0, TypeError, r"got \(genomes, layout\)"),
        ("mutation", "new", lambda *args: 0, TypeError, r"got \(\*args\)"),
        ("mutation", "new", lambda genomes, layout, key, **more: 0, TypeError, r"key, \*\*more\)"),
        ("mutation", "new", lambda genomes, layout, key, *, rate: 0, TypeError, "rate needs a default"),
        ("mutation", "new", lambda genomes, layout, key, *, name=1: 0, TypeError, "can't be called name"),
        ("mutation", "new", lambda genomes, layout, key, *, mutate=1: 0, TypeError, "be called mutate"),
        ("mutation", "new", lambda genomes, layout, key, *, a={}: 0, TypeError, "a must be None, .*dict"),
    ],
)  # fmt: skip
def test_bad_definitions_are_refused(
    kind: Any, name: Any, function: Any, error: type[Exception], message: str
) -> None:
    before = dict(OPERATORS)
    with pytest.raises(error, match=message):
        cb.operator(kind, name)(function)
    assert before == OPERATORS


def test_a_function_takes_the_place_of_its_former_self() -> None:
    old = made("mirror", rate=1.0)
    new = cb.operator("mutation")(mirror)
    assert OPERATORS["mirror"] is new
    assert type(old) is not new
    assert cb.mutate(GENOMES, LAYOUT, by=old).shape == GENOMES.shape


def test_bad_keys_are_refused_though_nobody_draws() -> None:
    same = cb.operator("mutation", "same")(lambda genomes, layout, key: genomes)()
    for changed, message in (
        ({"seed": -1}, "seed: expected an integer from 0 to"),
        ({"seed": 2**64}, "seed: expected"),
        ({"run": 2**32}, "run: expected"),
        ({"generation": -1}, "generation: expected"),
        ({"threads": -1}, "threads: expected an integer from 0 to 1024"),
    ):
        with pytest.raises(ValueError, match=message):
            cb.mutate(GENOMES, LAYOUT, by=same, **changed)
        with pytest.raises(ValueError, match=message):
            cb.breed(GENOMES, COST, LAYOUT, n=0, mutation=same, **changed)
    with pytest.raises(TypeError, match="seed: expected an integer"):
        cb.Key(1.5)  # type: ignore[arg-type]


class TestPickle:
    def test_by_its_place_in_a_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = sys.modules[__name__]
        monkeypatch.setattr(module, "mirror", OPERATORS["mirror"])  # as the decorator does
        one = made("mirror", rate=0.25)
        assert pickle.loads(pickle.dumps(one)) == one

    def test_to_another_process_that_never_heard_of_it(self, tmp_path: Path) -> None:
        local = cb.operator("mutation", "local")(
            lambda genomes, layout, key, *, by=1: (genomes + by).astype(genomes.dtype) % 4
        )
        path = tmp_path / "operator"
        path.write_bytes(cloudpickle.dumps((local(by=2), cb.Mixture([(local(by=2), 1)]), LAYOUT.words)))  # type: ignore[call-arg]
        code = (
            "import pickle, numpy as np, cambrian as cb\n"
            f"one, mixed, words = pickle.load(open({str(path)!r}, 'rb'))\n"
            "layout = cb._core.Layout(words)\n"
            "genomes = np.zeros((3, 8), np.uint8)\n"
            "for by in (one, mixed, [one, 'point']):\n"
            "    children = cb.breed(genomes, np.zeros(3), layout, mutation=by)\n"
            "    print(children.sum())\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.stdout.split()[:2] == ["48", "48"], result.stderr


SPACE = cb.Space(a=cb.Int(0, 9), b=cb.Int(0, 9), c=cb.Int(0, 9))


def _search(store: Any, budget: int, **options: Any) -> cb.Run:
    strategy = {"name": "genetic", "population": 8, "duplicates": True, **options}
    return cb.search(
        SPACE, evaluate=_score, objectives=["loss"], budget=budget, strategy=strategy, store=store, seed=3
    )


def _score(config: dict[str, Any]) -> dict[str, float]:
    return {"loss": float((config["a"] - 3) ** 2 + (config["b"] - 7) ** 2 + config["c"])}


class TestSearch:
    def options(self) -> dict[str, Any]:
        return {
            "selection": made("better_of_two"),
            "crossover": cb.Mixture([(made("halves"), 2), (cb.NoCrossover(), 1)]),
            "mutation": [cb.Mixture([(made("mirror", rate=0.3), 1), (cb.PointMutation(), 2)])],
        }

    def test_is_stored_and_resumed(self, tmp_path: Path) -> None:
        whole = _search(tmp_path / "whole.db", 60, **self.options())
        _search(tmp_path / "part.db", 31, **self.options())
        rest = cb.resume(tmp_path / "part.db", evaluate=_score, budget=60)
        assert [e.metrics for e in rest.evaluations] == [e.metrics for e in whole.evaluations]
        assert rest.best is not None
        assert rest.best.metrics["loss"] < 10

    def test_says_at_resume_which_operator_is_missing(self, tmp_path: Path) -> None:
        _search(tmp_path / "part.db", 20, mutation=made("mirror"))
        del OPERATORS["mirror"]
        with pytest.raises(
            ValueError, match=r"unknown mutation operator 'mirror'.*defined by cambrian.operator first"
        ):
            cb.resume(tmp_path / "part.db", evaluate=_score, budget=40)

    @pytest.mark.parametrize("name", ["aging", "nsga2", "genetic"])
    def test_every_strategy_that_varies_takes_it(self, name: str) -> None:
        run = cb.search(
            SPACE, evaluate=_score, objectives=["loss"], budget=40, seed=1,
            strategy={"name": name, "population": 8, "mutation": made("mirror"), "crossover": "halves"},
        )  # fmt: skip
        assert run.counts["ok"] > 8

    def test_a_strategy_goes_on_from_its_options(self) -> None:
        strategy = cb.strategies.Genetic(SPACE, population=6, seed=0, **self.options())
        again = cb.strategies.Genetic(SPACE, seed=0, **json.loads(json.dumps(strategy.options)))
        for _ in range(4):
            batch, same = strategy.ask(), again.ask()
            np.testing.assert_array_equal(batch.genomes, same.genomes)
            for one in (strategy, again):
                one.tell(batch.ids, batch.genomes.sum(1).astype(float))


def test_its_takeover_time_can_be_told() -> None:
    # A tournament of two in Python takes over as fast as ours: 5 standard errors of both means.
    mine, ours = (
        np.array([cb.takeover_time(by, 200, seed=seed) for seed in range(40)])
        for by in (made("better_of_two"), cb.Tournament(2))
    )
    bound = 5 * np.sqrt(np.nanvar(mine) / np.isfinite(mine).sum() + np.nanvar(ours) / np.isfinite(ours).sum())
    assert abs(np.nanmean(mine) - np.nanmean(ours)) < bound


def test_the_class_says_what_it_is() -> None:
    cls = OPERATORS["mirror"]
    assert issubclass(cls, Custom)
    assert cls.__doc__ == "The option at the other end."
    assert (cls.__module__, cls.__qualname__) == (__name__, "mirror")
