"""The parts of a generation alone, what stands beside the genes, and every form that an array may have."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from cambrian.evolve.operators import OPERATORS
from core.words import Words
from evolve.test_operators import of_kind, with_operator
from layouts import LAYOUTS, plain

LAYOUT = plain(6, 8).layout()
GENOMES = _core.sample(LAYOUT, 30, seed=0)
COST = np.random.default_rng(0).random(30)
RATES = np.random.default_rng(1).random(30) * 0.4
SOURCE = {"seed": 2**63, "run": 5, "generation": 2**32 - 1}
BRED = of_kind("selection", "crossover", "mutation")


def by_parts(
    genomes: Any, cost: Any, layout: Any, n: int, threads: int, operators: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """A generation, made of the public parts: children, parents, own rates."""
    source = SOURCE | {"threads": threads}
    crossover, columns = operators["crossover"], operators.get("columns") or {}
    each = 1 if crossover == cb.NoCrossover() else 2
    own = {name: columns[name] for name in getattr(operators["selection"], "columns", ()) if name in columns}
    winners = cb.select(cost, n=each * n, by=operators["selection"], columns=own, **source).reshape(n, each)
    first, second = genomes[winners[:, 0]], genomes[winners[:, -1]]
    crossed = cb.cross(first, second, layout, by=crossover, **source)
    after: dict[str, Any] = {}
    rates = {"rate": columns["rate"][winners[:, 0]]} if "rate" in columns else {}
    children = cb.mutate(
        crossed, layout, by=operators["mutation"], columns=rates, out_columns=after, **source
    )
    return children, winners, after.get("rate")


def all_at_work(name: str, rows: int) -> dict[str, Any]:
    """Arguments of breed with this operator among others."""
    others = {
        "selection": cb.Tournament(2),
        "crossover": cb.TwoPointCrossover(0.7),
        "mutation": [cb.PointMutation(), cb.StructuralMutation(0.5)],
    }
    arguments = others | with_operator(name, rows)
    for kind, other in others.items():
        if OPERATORS[name].kind != kind:
            arguments[kind] = other
    if OPERATORS[name].kind == "mutation":
        arguments["mutation"] = [cb.PointMutation(), arguments["mutation"], cb.ResetMutation()]
    return arguments


@pytest.mark.parametrize("name", BRED)
@pytest.mark.parametrize("space", ["mixed", "nested", "wide"])
def test_the_parts_alone_are_breed(name: str, space: str) -> None:
    layout = LAYOUTS[space]().layout()
    genomes = _core.sample(layout, 90, seed=0)
    cost = np.random.default_rng(0).random(90)
    cost[::7] = np.nan
    arguments = all_at_work(name, 90)
    beside: dict[str, Any] = {}
    children = cb.breed(genomes, cost, layout, n=300, out_columns=beside, threads=2, **SOURCE, **arguments)
    again, winners, rates = by_parts(genomes, cost, layout, 300, 3, arguments)
    np.testing.assert_array_equal(children, again)
    np.testing.assert_array_equal(beside["parents"][:, : winners.shape[1]], winners)
    if rates is None:
        assert set(beside) == {"parents"}
    else:
        np.testing.assert_array_equal(beside["rate"], rates)


def test_lineage_names_the_parents() -> None:
    beside: dict[str, Any] = {}
    children = cb.breed(
        GENOMES, COST, LAYOUT, n=50, crossover="none", mutation=[], out_columns=beside, **SOURCE
    )
    np.testing.assert_array_equal(children, GENOMES[beside["parents"][:, 0]])
    assert (beside["parents"][:, 1] == -1).all()
    crossing = cb.UniformCrossover(1.0)
    children = cb.breed(
        GENOMES, COST, LAYOUT, n=50, crossover=crossing, mutation=[], out_columns=beside, **SOURCE
    )
    first, second = beside["parents"].T
    assert ((children == GENOMES[first]) | (children == GENOMES[second])).all()
    assert (first != second).any()


class TestElite:
    @pytest.mark.parametrize("mutation", ["point", "self_adaptive"])
    def test_the_best_come_first_and_the_others_as_without(self, mutation: str) -> None:
        arguments: dict[str, Any] = {"mutation": mutation, **SOURCE}
        if mutation == "self_adaptive":
            arguments["columns"] = {"rate": RATES}
        beside: dict[str, Any] = {}
        alone: dict[str, Any] = {}
        children = cb.breed(GENOMES, COST, LAYOUT, n=40, elite=4, out_columns=beside, **arguments)
        others = cb.breed(GENOMES, COST, LAYOUT, n=36, out_columns=alone, **arguments)
        best = np.argsort(COST)[:4]
        np.testing.assert_array_equal(children[:4], GENOMES[best])
        np.testing.assert_array_equal(children[4:], others)
        np.testing.assert_array_equal(beside["parents"][:4], np.column_stack([best, [-1] * 4]))
        np.testing.assert_array_equal(beside["parents"][4:], alone["parents"])
        if mutation == "self_adaptive":
            np.testing.assert_array_equal(beside["rate"][:4], RATES[best])
            np.testing.assert_array_equal(beside["rate"][4:], alone["rate"])

    @pytest.mark.parametrize("elite", [0, 1, 5, 30])
    def test_of_equals_the_earlier_and_the_failed_last(self, elite: int) -> None:
        cost = np.round(COST * 4)
        cost[::3] = np.nan
        best = np.argsort(cost, kind="stable")[:elite]
        children = cb.breed(GENOMES, cost, LAYOUT, elite=elite)
        np.testing.assert_array_equal(children[:elite], GENOMES[best])
        assert children.shape == GENOMES.shape

    def test_by_rank_and_crowding_with_several_objectives(self) -> None:
        cost = np.random.default_rng(3).random((30, 2))
        children = cb.breed(GENOMES, cost, LAYOUT, elite=6)
        np.testing.assert_array_equal(children[:6], GENOMES[cb.survive(cost, n=6)])

    @pytest.mark.parametrize("elite", [0, 3, 30])
    def test_out_is_filled(self, elite: int) -> None:
        out = np.empty_like(GENOMES)
        parents = np.empty((30, 2), np.int64)
        beside = {"parents": parents}
        assert cb.breed(GENOMES, COST, LAYOUT, elite=elite, out=out, out_columns=beside) is out
        assert beside["parents"] is parents
        np.testing.assert_array_equal(out, cb.breed(GENOMES, COST, LAYOUT, elite=elite))

    @pytest.mark.parametrize(
        ("elite", "n", "error", "message"),
        [
            (-1, 30, ValueError, "elite: expected an integer from 0 to 30, got -1"),
            (11, 10, ValueError, "elite: expected an integer from 0 to 10, got 11"),
            (31, 99, ValueError, "elite: expected an integer from 0 to 30, got 31"),
            (1.0, 30, TypeError, "elite: expected an integer"),
            (True, 30, TypeError, "elite: expected an integer"),
            (None, 30, TypeError, "elite: expected an integer"),
        ],
    )
    def test_bad_numbers_are_named(self, elite: Any, n: int, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            cb.breed(GENOMES, COST, LAYOUT, n=n, elite=elite)


SELF = cb.SelfAdaptiveMutation()


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"rat": RATES}, ValueError, "columns: unknown column .* 'rat'; did you mean 'rate'"),
        ({}, ValueError, "SelfAdaptiveMutation needs columns={'rate': ...}"),
        (None, ValueError, "SelfAdaptiveMutation needs columns={'rate': ...}"),
        ({"rate": RATES[:29]}, ValueError, r"columns\['rate'\]: expected 30 rows, one a genome, got 29"),
        ({"rate": RATES.tolist()}, TypeError, r"columns\['rate'\]: expected an array, got list"),
        ({"rate": RATES.reshape(30, 1)}, ValueError, r"columns\['rate'\]: expected 1 dimensions"),
        ({"rate": RATES.astype(complex)}, TypeError, r"columns\['rate'\]: expected float64, got complex128"),
        ({"rate": RATES.astype(np.longdouble)}, TypeError, r"columns\['rate'\]: expected float64, got float"),
        ({"rate": RATES.astype(">f8")}, TypeError, r"columns\['rate'\]: expected float64, got >f8"),
        ({"rate": RATES > 0.5}, TypeError, r"columns\['rate'\]: expected float64, got bool"),
        ({"rate": np.where(RATES > 0.1, np.nan, RATES)}, ValueError, r"columns\['rate'\]: row \d+ is nan"),
        ({"rate": np.full(30, np.inf)}, ValueError, r"columns\['rate'\]: row 0 is inf"),
        ([RATES], TypeError, "columns: expected a dict of arrays by name, got list"),
    ],
)
def test_bad_columns_are_named(columns: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cb.breed(GENOMES, COST, LAYOUT, mutation=SELF, columns=columns)
    with pytest.raises(error, match=message):
        cb.mutate(GENOMES, LAYOUT, by=cb.Mixture([(SELF, 1), (cb.PointMutation(), 1)]), columns=columns)


def test_columns_of_no_use_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown column \(of no use to these operators\) 'rate'"):
        cb.breed(GENOMES, COST, LAYOUT, mutation="point", columns={"rate": RATES})


def read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


PARENTS = np.zeros((30, 2), np.int64)


@pytest.mark.parametrize(
    ("out_columns", "error", "message"),
    [
        ({"parnts": PARENTS}, ValueError, "unknown out_columns name .* 'parnts'; did you mean 'parents'"),
        ({"rate": RATES.copy()}, ValueError, "unknown out_columns name .* 'rate'"),
        (
            {"parents": PARENTS[1:]},
            ValueError,
            r"out_columns\['parents'\]: .*\(30, 2\), .*\(29, 2\)",
        ),
        ({"parents": PARENTS.astype(np.int32)}, TypeError, r"out_columns\['parents'\]: .*int64 .*got int32"),
        ({"parents": PARENTS.astype(">i8")}, TypeError, r"out_columns\['parents'\]: .*got >i8"),
        ({"parents": PARENTS.tolist()}, TypeError, r"out_columns\['parents'\]: .*got list"),
        ({"parents": np.asfortranarray(PARENTS)}, ValueError, r"out_columns\['parents'\]: .*other strides"),
        ({"parents": PARENTS[::-1]}, ValueError, r"out_columns\['parents'\]: .*other strides"),
        ({"parents": read_only(PARENTS.copy())}, ValueError, r"out_columns\['parents'\]: .*read-only"),
        ([PARENTS], TypeError, "out_columns: expected a dict of arrays by name, got list"),
    ],
)
def test_bad_out_columns_are_named_and_nothing_is_written(
    out_columns: Any, error: type[Exception], message: str
) -> None:
    out = np.full_like(GENOMES, 77)
    for elite in (0, 2):
        with pytest.raises(error, match=message):
            cb.breed(GENOMES, COST, LAYOUT, out=out, out_columns=out_columns, elite=elite)
    assert (out == 77).all()


def own(name: str, function: Callable[..., Any], kind: str = "mutation") -> Any:
    """A user's operator that is not in the registry afterwards."""
    try:
        return cb.operator(kind, name)(function)()
    finally:
        del OPERATORS[name]


SAME = own("same", lambda genomes, layout, key: genomes)
FIRST = own("first", lambda first, second, layout, key: first, "crossover")


@pytest.mark.parametrize("mutation", [SELF, [SELF, SAME], cb.Mixture([(SELF, 1), (SAME, 1)])], ids=str)
@pytest.mark.parametrize("elite", [0, 3])
def test_memory_that_is_shared_is_refused_before_anything_is_written(mutation: Any, elite: int) -> None:
    memory = np.zeros(2048)

    def array(start: int, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return memory.view(np.uint8)[start : start + size].view(dtype).reshape(shape)

    forms: dict[str, tuple[Any, tuple[int, ...]]] = {
        "genomes": (np.uint8, (30, 6)),
        "cost": (np.float64, (30,)),
        "columns['rate']": (np.float64, (30,)),
        "out": (np.uint8, (30, 6)),
        "out_columns['rate']": (np.float64, (30,)),
        "out_columns['parents']": (np.int64, (30, 2)),
    }
    read, written = list(forms)[:3], list(forms)[3:]
    for a, b in ((a, b) for a in written for b in (*read, *written) if a != b):
        given = {name: array(1024 * i, *form) for i, (name, form) in enumerate(forms.items()) if i < 4}
        for i, name in enumerate(list(forms)[4:]):
            given[name] = array(4096 + 1024 * i, *forms[name])
        given[b] = array(8192, *forms[b])
        size = given[b].nbytes // 8 * 8 - 8  # they share the last word
        given[a] = array(8192 + size, *forms[a])
        given["cost"][:] = COST
        given["columns['rate']"][:] = 0.25
        before = memory.copy()
        with pytest.raises(ValueError, match="shares memory with"):
            cb.breed(
                given["genomes"], given["cost"], LAYOUT, mutation=mutation, elite=elite, out=given["out"],
                columns={"rate": given["columns['rate']"]},
                out_columns={
                    "rate": given["out_columns['rate']"],
                    "parents": given["out_columns['parents']"],
                },
            )  # fmt: skip
        np.testing.assert_array_equal(memory, before)


@pytest.mark.parametrize("by", [cb.PointMutation(), [SAME], cb.Mixture([(SAME, 1), (SAME, 1)])], ids=str)
def test_a_shifted_out_of_mutate_is_refused(by: Any) -> None:
    memory = _core.sample(LAYOUT, 31, seed=1)
    before = memory.copy()
    with pytest.raises(ValueError, match=r"out: (overlaps|shares memory with) genomes"):
        cb.mutate(memory[:30], LAYOUT, by=by, out=memory[1:])
    np.testing.assert_array_equal(memory, before)
    expected = cb.mutate(memory[:30], LAYOUT, by=by)
    assert np.shares_memory(cb.mutate(memory[:30], LAYOUT, by=by, out=memory[:30]), memory)
    np.testing.assert_array_equal(memory[:30], expected)


@pytest.mark.parametrize("by", [cb.UniformCrossover(), FIRST, cb.Mixture([(FIRST, 1), (FIRST, 2)])], ids=str)
def test_out_of_cross_may_be_either_parent_and_no_part_of_one(by: Any) -> None:
    memory = _core.sample(LAYOUT, 31, seed=1)
    for first, second, name in ((memory[:30], GENOMES, "first"), (GENOMES, memory[:30], "second")):
        with pytest.raises(ValueError, match=f"out: (overlaps|shares memory with) {name}"):
            cb.cross(first, second, LAYOUT, by=by, out=memory[1:])
        expected = cb.cross(first, second, LAYOUT, by=by)
        out = memory[:30]
        assert cb.cross(first.copy() if name == "second" else first, second, LAYOUT, by=by, out=out) is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("elite", [0, 3])
def test_children_are_not_written_over_the_costs(objectives: int, elite: int) -> None:
    memory = np.random.default_rng(0).random(100)
    before = memory.copy()
    cost = memory[: 30 * objectives].reshape(30, objectives)
    out = memory[20:].view(np.uint8)[:180].reshape(30, 6)
    with pytest.raises(ValueError, match="out: shares memory with cost"):
        cb.breed(GENOMES, cost, LAYOUT, out=out, elite=elite)
    np.testing.assert_array_equal(memory, before)


def test_rates_may_be_changed_in_place_by_mutate_alone() -> None:
    for by in (SELF, [SELF, SAME], cb.Mixture([(SELF, 1), (SAME, 1)])):
        after: dict[str, Any] = {}
        expected = cb.mutate(GENOMES, LAYOUT, by=by, columns={"rate": RATES}, out_columns=after)
        rates = RATES.copy()
        beside = {"rate": rates}
        children = cb.mutate(GENOMES, LAYOUT, by=by, columns={"rate": rates}, out_columns=beside)
        np.testing.assert_array_equal(children, expected)
        np.testing.assert_array_equal(rates, after["rate"])
        assert beside["rate"] is rates
        assert (rates != RATES).any()


def test_own_rates_pass_a_users_mutation_unchanged() -> None:
    place = {"seed": 3}
    for by in ([SAME, SELF], [SELF, SAME]):
        after: dict[str, Any] = {}
        cb.mutate(GENOMES, LAYOUT, by=by, columns={"rate": RATES}, out_columns=after, **place)
        alone: dict[str, Any] = {}
        other = [cb.ResetMutation(0.0) if one is SAME else one for one in by]
        cb.mutate(GENOMES, LAYOUT, by=other, columns={"rate": RATES}, out_columns=alone, **place)
        np.testing.assert_array_equal(after["rate"], alone["rate"])
        made: list[dict[str, Any]] = [{}, {}]
        for beside, mutation in zip(made, (by, other), strict=True):
            cb.breed(
                GENOMES, COST, LAYOUT, elite=3, mutation=mutation, columns={"rate": RATES},
                out_columns=beside, **place,
            )  # fmt: skip
        np.testing.assert_array_equal(made[0]["rate"], made[1]["rate"])
        np.testing.assert_array_equal(made[0]["parents"], made[1]["parents"])
    mixed = cb.Mixture([(SELF, 1), (SAME, 1)])
    cb.mutate(GENOMES, LAYOUT, by=mixed, columns={"rate": RATES}, out_columns=after, seed=4)
    chosen = mixed.choices(30, seed=4)
    np.testing.assert_array_equal(after["rate"][chosen == 1], RATES[chosen == 1])
    assert (after["rate"] != RATES)[chosen == 0].any()


def test_empty_populations_and_one_parent() -> None:
    none, no_cost = GENOMES[:0], COST[:0]
    assert cb.cross(none, none, LAYOUT).shape == (0, 6)
    assert cb.mutate(none, LAYOUT).shape == (0, 6)
    assert cb.select(no_cost, n=0).shape == (0,)
    assert cb.survive(no_cost, n=0).shape == (0,)
    with pytest.raises(ValueError, match="cost: expected at least one row to choose from, got none"):
        cb.select(no_cost, n=1)
    with pytest.raises(ValueError, match="genomes: expected at least one parent, got none"):
        cb.breed(none, no_cost, LAYOUT, n=0)
    one = cb.breed(GENOMES[:1], COST[:1], LAYOUT, n=9, elite=1, mutation=[])
    np.testing.assert_array_equal(one, np.repeat(GENOMES[:1], 9, axis=0))
    for n in (0, 7):
        beside: dict[str, Any] = {}
        assert cb.breed(GENOMES, COST, LAYOUT, n=n, out_columns=beside).shape == (n, 6)
        assert beside["parents"].shape == (n, 2)


@pytest.mark.parametrize("n", [2**31, 2**63, 10**30, 10**5000], ids=lambda n: str(n.bit_length()))
@pytest.mark.parametrize("mutation", ["point", SAME], ids=str)
def test_huge_numbers_are_refused(n: int, mutation: Any) -> None:
    for elite in (0, 1):
        with pytest.raises(ValueError, match="n: expected an integer from 0 to 2147483647"):
            cb.breed(GENOMES, COST, LAYOUT, n=n, mutation=mutation, elite=elite)
    with pytest.raises(ValueError, match="n: expected an integer from 0 to 4294967295"):
        cb.select(COST, n=n << 1)


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda a: a.copy(),
    "read-only": lambda a: read_only(a.copy()),
    "Fortran": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "wide": lambda a: np.concatenate([a, a], axis=-1)[..., : a.shape[-1]],
    "foreign": lambda a: a.astype(a.dtype.newbyteorder()),
    "int64": lambda a: a.astype(np.int64),
    "float32": lambda a: a.astype(np.float32),
    "object": lambda a: a.astype(object),
    "bool": lambda a: a.astype(bool),
    "flat": lambda a: a.reshape(-1),
    "deep": lambda a: a[None],
    "unaligned": lambda a: np.frombuffer(b" " + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    "list": lambda a: a.tolist(),
}
OPERATOR_SETS: list[dict[str, Any]] = [
    {},
    {"mutation": SAME},
    {"crossover": FIRST},
    {"crossover": cb.Mixture([(FIRST, 1), (cb.OnePointCrossover(), 1)]), "mutation": []},
]


@settings(max_examples=200, deadline=None)
@given(
    space=st.sampled_from(["mixed", "wide", "slots"]),
    rows=st.integers(1, 20),
    n=st.integers(0, 20),
    forms=st.tuples(*[st.sampled_from([*FORMS, "as it is", "as it is"])] * 3),
    elite=st.integers(0, 2),
    operators=st.sampled_from(OPERATOR_SETS),
)
def test_arrays_of_any_form_are_taken_or_refused_whole(
    space: str, rows: int, n: int, forms: tuple[str, str, str], elite: int, operators: dict[str, Any]
) -> None:
    layout = LAYOUTS[space]().layout()
    plain_genomes, plain_cost = _core.sample(layout, rows, seed=3), np.random.default_rng(rows).random(rows)
    plain_out = np.full((n, layout.n_genes), 1, layout.dtype)
    genomes, cost, out = (
        FORMS[form](array) for form, array in zip(forms, (plain_genomes, plain_cost, plain_out), strict=True)
    )
    before = [np.array(array) for array in (genomes, cost, out)]
    try:
        children = cb.breed(genomes, cost, layout, n=n, elite=min(elite, n, rows), out=out, **operators)
    except (TypeError, ValueError) as error:
        assert str(error).startswith(("genomes: ", "cost: ", "out: "))  # noqa: PT017
        for array, was in zip((genomes, cost, out), before, strict=True):
            np.testing.assert_array_equal(np.array(array), was)
        assert set(forms) != {"as it is"}
    else:
        assert children is out
        expected = cb.breed(plain_genomes, plain_cost, layout, n=n, elite=min(elite, n, rows), **operators)
        np.testing.assert_array_equal(children, expected)
        for array, was in zip((genomes, cost), before, strict=False):
            np.testing.assert_array_equal(np.array(array), was)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("argument", ["first", "second", "out"])
@pytest.mark.parametrize("by", [cb.UniformCrossover(), FIRST, cb.Mixture([(FIRST, 1), (FIRST, 2)])], ids=str)
def test_cross_takes_or_refuses_an_array_whole(by: Any, argument: str, form: str) -> None:
    arrays = {"first": GENOMES, "second": GENOMES[::-1].copy(), "out": np.full_like(GENOMES, 1)}
    expected = cb.cross(arrays["first"], arrays["second"], LAYOUT, by=by)
    arrays[argument] = FORMS[form](arrays[argument])
    before = {name: np.array(array) for name, array in arrays.items()}
    # Bytes have one order, and any address will do; what `unaligned` makes is read-only.
    taken = (
        ("as it is", "foreign") if argument == "out" else ("as it is", "read-only", "foreign", "unaligned")
    )
    if form in taken:
        np.testing.assert_array_equal(cb.cross(**arrays, layout=LAYOUT, by=by), expected)
    else:
        with pytest.raises((TypeError, ValueError), match=f"^{argument}: "):
            cb.cross(**arrays, layout=LAYOUT, by=by)
        np.testing.assert_array_equal(np.array(arrays["out"]), before["out"])
    for name in ("first", "second"):
        np.testing.assert_array_equal(np.array(arrays[name]), before[name])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("argument", ["genomes", "out"])
@pytest.mark.parametrize("by", ["step", SAME, cb.Mixture([(SAME, 1), (cb.PointMutation(), 2)])], ids=str)
def test_mutate_takes_or_refuses_an_array_whole(by: Any, argument: str, form: str) -> None:
    layout = LAYOUTS["wide"]().layout()
    genomes = _core.sample(layout, 20, seed=0)
    arrays = {"genomes": genomes, "out": np.full_like(genomes, 1)}
    expected = cb.mutate(genomes, layout, by=by)
    arrays[argument] = FORMS[form](arrays[argument])
    before = {name: np.array(array) for name, array in arrays.items()}
    if form == "as it is" or (form == "read-only" and argument != "out"):
        np.testing.assert_array_equal(cb.mutate(**arrays, layout=layout, by=by), expected)
    else:
        with pytest.raises((TypeError, ValueError), match=f"^{argument}: "):
            cb.mutate(**arrays, layout=layout, by=by)
        np.testing.assert_array_equal(np.array(arrays["out"]), before["out"])
    np.testing.assert_array_equal(np.array(arrays["genomes"]), before["genomes"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("objectives", [1, 2])
def test_select_and_survive_take_or_refuse_costs_whole(objectives: int, form: str) -> None:
    plain_cost = np.random.default_rng(0).random((20, objectives)).squeeze()
    cost = FORMS[form](plain_cost)
    before = np.array(cost)
    strided = ("as it is", "read-only", "Fortran", "every other", "backwards", "wide")
    another = form == "flat" or (form == "deep" and objectives == 1)  # a cost of another shape
    for call in (lambda cost: cb.select(cost, n=9), lambda cost: cb.survive(cost, n=min(9, len(cost)))):
        if another or form in strided:
            given = np.array(cost) if another else plain_cost
            np.testing.assert_array_equal(call(cost), call(given))
        else:
            with pytest.raises((TypeError, ValueError), match=r"^cost: "):
                call(cost)
    np.testing.assert_array_equal(np.array(cost), before)


@contextlib.contextmanager
def disturbed(arrays: Sequence[np.ndarray]) -> Iterator[None]:
    """Another thread overwrites them with any bytes and puts the old values back, again and again."""
    original, done = [array.copy() for array in arrays], threading.Event()

    def disturb() -> None:
        rng = np.random.default_rng(0)
        while not done.wait(0.0005):  # so that some calls find nothing wrong at the door
            for array in arrays:
                array.view(np.uint8)[...] = rng.integers(0, 256, dtype=np.uint8)
            for array, good in zip(arrays, original, strict=True):
                array[...] = good

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def results(call: Callable[[int], Any]) -> Iterator[Any]:
    """What calls give that find nothing wrong at the door: 30 of them, of at most 1000."""
    taken = 0
    for generation in range(1000):
        try:
            result = call(generation)
        except ValueError:
            continue
        yield result
        taken += 1
        if taken == 30:
            return
    assert taken > 0


@pytest.mark.parametrize("name", BRED)
def test_arrays_that_change_meanwhile_give_genomes_in_range(name: str) -> None:
    layout = LAYOUTS["nested"]().layout()
    genomes = _core.sample(layout, 4000, seed=0)
    cost = np.random.default_rng(0).random(4000)
    arguments = all_at_work(name, 4000)
    columns = {who: values.copy() for who, values in (arguments.pop("columns", None) or {}).items()}

    def breed(generation: int) -> Any:
        return cb.breed(
            genomes, cost, layout, n=1000, generation=generation, threads=2, columns=columns,
            elite=generation % 3, **arguments,
        )  # fmt: skip

    with disturbed([genomes, cost, *columns.values()]):
        for children in results(breed):
            assert (children < layout.options).all()


def tagged_slots() -> Words:
    words = Words()
    words.repeat(1, 8, lambda repeat, s: [words.gene(250, repeat=repeat, slot=s) for _ in range(40)])
    return words


@pytest.mark.parametrize("name", of_kind("crossover"))
def test_children_that_change_while_they_are_made_do_no_harm(name: str) -> None:
    layout = tagged_slots().layout()
    genomes, cost = _core.sample(layout, 50, seed=0), np.random.default_rng(0).random(50)
    out, done = np.empty((1000, genomes.shape[1]), np.uint8), threading.Event()

    def breed(out: np.ndarray | None = None) -> np.ndarray:
        return cb.breed(genomes, cost, layout, n=1000, crossover=OPERATORS[name](), mutation=[], out=out)

    def spoil() -> None:
        while not done.is_set():
            out.fill(255)

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        for _ in range(300):
            breed(out)
    finally:
        done.set()
        thread.join()
    np.testing.assert_array_equal(breed(out), breed())


@pytest.mark.parametrize("name", of_kind("survival"))
@pytest.mark.parametrize("objectives", [1, 3])
def test_costs_that_change_meanwhile_give_rows_in_range(name: str, objectives: int) -> None:
    if name == "truncation" and objectives > 1:
        pytest.skip("takes one objective")
    cost = np.random.default_rng(0).random((3000, objectives))
    columns = {"birth": np.arange(3000) // 2000, "violation": np.maximum(0, cost[:, ::-1] - 0.5)}
    given = {known: columns[known] for known in OPERATORS[name].columns}
    with disturbed([cost, *given.values()]):
        for keep in results(lambda _: cb.survive(cost, n=900, by=OPERATORS[name](), columns=given)):
            assert keep.shape == (900,)
            assert keep.min() >= 0
            assert keep.max() < 3000
