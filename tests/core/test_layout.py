"""What a layout record may say, and which genes take part."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graph_oracles as oracles
from cambrian import _core
from core.networks import convolutional, gathering, single
from core.words import OPERATIONS, Words
from layouts import LAYOUTS, mixed, nested, plain

ALL: dict[str, Callable[[], Words]] = {**LAYOUTS, "convolutional": convolutional}
RECORD = convolutional(3).words()
GATHERING = gathering().words()


def test_a_layout_says_what_its_record_says() -> None:
    layout = convolutional(4).layout()
    assert layout.n_genes == 1 + 1 + 4 * 8 + 1 + 2
    assert layout.dtype == np.uint8
    assert not layout.plain
    assert layout.options[:4].tolist() == [3, 4, 5, 4]
    assert layout.recipe.nonzero()[0].tolist() == [35, 36]
    assert plain().layout().plain
    assert ALL["wide"]().layout().dtype == np.uint16


def test_a_layout_keeps_its_record_and_can_be_copied() -> None:
    layout = convolutional().layout()
    words = layout.words
    assert np.array_equal(words, convolutional().words())
    assert not words.flags.writeable
    assert np.array_equal(copy.deepcopy(layout).words, words)


@pytest.mark.parametrize("name", ALL)
def test_active_and_normal_form_are_by_definition(name: str) -> None:
    layout = ALL[name]().layout()
    genomes = _core.sample(layout, 60, seed=4)
    flags = np.array([oracles.active(layout, genome) for genome in genomes])
    assert np.array_equal(_core.active(layout, genomes), flags)
    normal = _core.normalise(layout, genomes)
    assert np.array_equal(normal, np.where(flags, genomes, 0))
    assert np.array_equal(_core.normalise(layout, normal), normal)
    assert np.array_equal(_core.active(layout, normal), flags)
    _core.normalise(layout, genomes, out=genomes)
    assert np.array_equal(genomes, normal)


def test_normalise_refuses_an_overlapping_out() -> None:
    layout = plain(4).layout()
    memory = np.zeros(4 * 5, np.uint8)
    with pytest.raises(ValueError, match="out: overlaps genomes"):
        _core.normalise(layout, memory[:16].reshape(4, 4), out=memory[4:].reshape(4, 4))


def test_check_names_what_is_wrong() -> None:
    layout = mixed().layout()
    _core.check(layout, _core.sample(layout, 3, seed=0))
    with pytest.raises(TypeError, match=r"genomes: expected .*uint8.*got int64 array of shape"):
        _core.check(layout, np.zeros((2, layout.n_genes), np.int64))
    with pytest.raises(ValueError, match="genomes: row 1, column 0 holds 3"):
        _core.check(layout, np.array([[0] * 6, [3, 0, 0, 0, 0, 0]], np.uint8))


def test_every_truncated_record_is_refused() -> None:
    for end in range(len(RECORD)):
        with pytest.raises(ValueError, match=r"layout.*"):
            _core.Layout(RECORD[:end].copy())
    with pytest.raises(ValueError, match="words left after the end mark"):
        _core.Layout(np.append(RECORD, 0))
    with pytest.raises(TypeError, match="words: expected a C-contiguous int64 array"):
        _core.Layout(RECORD.astype(np.int32))  # type: ignore[arg-type]


def broken(change: Callable[[Words], Any], make: Callable[[], Words] = convolutional) -> Words:
    words = make()
    change(words)
    return words


def set_column(column: int, place: int, value: int) -> Callable[[Words], None]:
    def change(words: Words) -> None:
        words.columns[column][place] = value

    return change


def set_repeat(number: int, **values: int) -> Callable[[Words], None]:
    names = ("length", "min", "max", "first", "width", "parent", "parent_slot", "edges")

    def change(words: Words) -> None:
        repeat = dict(zip(names, words.repeats[number], strict=True)) | values
        words.repeats[number] = tuple(repeat[name] for name in names)

    return change


@pytest.mark.parametrize(
    ("change", "make", "message"),
    [
        (set_column(0, 1, 0), plain, "options: expected 1 … 65536, got 0"),
        (set_column(0, 0, 6), plain, "gene kind: expected 0 … 5, got 6"),
        (set_column(0, 0, 5), plain, "it and a mask have at least one input"),
        (set_column(3, 2, -1), convolutional, "column 3 says slot 0 of repeat -1"),
        (set_column(1, 1, 9), convolutional, "column 1 is not a length gene of repeat 0"),
        (set_column(0, 0, 4), plain, "column 0 is a length gene of no repeat"),
        (set_column(0, 5, 1), plain, "only a reference can be optional"),
        (set_column(0, 4, 1), plain, "a reference lives in a slot"),
        (set_column(2, 9, 77), mixed, "a condition allows option 77 of column 0, which has 3"),
        (set_column(2, 7, 4), mixed, "the order has column 2 before its condition"),
        (lambda w: setattr(w, "order", [1, 1, 2, 3, 4, 5]), mixed, "the order holds column 1 twice"),
        (lambda w: setattr(w, "order", [5, 4, 3, 2, 1, 0]), mixed, "before its condition"),
        (set_repeat(0, width=0), nested, "repeat 1 overlaps another or leaves its parent's slot"),
        (set_repeat(1, first=0), nested, "overlaps another or leaves"),
        (set_repeat(1, parent_slot=9), nested, "repeat 1 lies in slot 9 of a parent with 4"),
        (set_repeat(0, max=1 << 20), nested, "repeat max"),
        (set_repeat(0, length=-1), nested, "needs a length column where min and max differ"),
    ],
)
def test_bad_columns_are_named(
    change: Callable[[Words], None], make: Callable[[], Words], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        broken(change, make).layout()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_column(2, 1, 15), "with 2, 4, 8, … options"),
        (set_column(2, 0, 0), "other genes none"),
        (set_column(2, 4, 1), "masks of one repeat give it different numbers of inputs"),
        (set_repeat(0, edges=3), "can't limit its edges to 3"),
        (lambda w: w.masks.pop(), "a gene of kind mask that is no mask"),
        (lambda w: w.masks.reverse(), "masks stand by column"),
        (lambda w: w.masks.__setitem__(0, (2, 0, 1, 3, 1)), "only a mask beside its repeat can be loose"),
        (lambda w: w.masks.__setitem__(0, (2, 0, 4, 3, 0)), "most bits of a mask: expected 4 … 16, got 3"),
        (lambda w: w.masks.__setitem__(0, (2, 1, 1, 3, 0)), "repeat of a mask: expected 0 … 0, got 1"),
        (lambda w: w.procedures[0].blocks[0][2].__setitem__(4, 2), "is not a mask of these slots and inputs"),
        (lambda w: w.procedures[0].blocks[0][2].__setitem__(2, 1), "a mask gathers into add or concat"),
    ],
)
def test_bad_masks_are_named(change: Callable[[Words], None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        broken(change, gathering).layout()


def template(fill: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: single((3, 8, 8), fill)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (template(lambda p: p.op("norm", 1)), "input register|register 1 is read before it is written"),
        (template(lambda p: p.op("activation", 0, kind=p.gene(7))), "operand 7 is outside 0 … 0|column 7"),
        (template(lambda p: p.op("activation", 0, kind=p.gene(0, up=1))), "fewer frames above it"),
        (template(lambda p: p.op("activation", 0, kind=p.param(1))), "operand 1 is outside 0 … 0"),
        (
            template(lambda p: p.op("activation", 0, kind=p.expr("index", 0))),
            "asks for its slot but is in none",
        ),
        (template(lambda p: p.ref(0)), "asks for its slot but is in none"),
        (template(lambda p: p.instr(0, target=11)), "0 inputs, 0 arguments and 0 blocks, expected 1"),
        (
            template(lambda p: p.instr(0, target=len(OPERATIONS), inputs=[0])),
            f"operation: expected 1 … {len(OPERATIONS) - 1}, got {len(OPERATIONS)}",
        ),
        (template(lambda p: p.instr(1, args=[p.value(0)])), "0 inputs, 1 arguments and 0 blocks"),
        (template(lambda p: p.call(1, 0)), "procedure: expected 1 … 0, got 1"),
        (template(lambda p: p.slots(1, 0, first=0, low=1, high=1, width=1)), "procedure: expected"),
    ],
)
def test_bad_templates_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_register_of_a_branch_is_unknown_outside() -> None:
    def fill(p: Any) -> int:
        inner: list[int] = []
        p.switch(0, lambda: inner.append(p.op("flatten", 0)) or inner[0])
        return int(p.op("flatten", inner[0]))

    with pytest.raises(ValueError, match="is read before it is written"):
        single((3, 8, 8), fill)


@pytest.mark.parametrize("cycle", [1, 2, 3])
def test_a_template_that_calls_itself_is_refused(cycle: int) -> None:
    words = Words(input=(4,), outputs=2)
    words.gene(1)
    for i in range(cycle + 1):
        procedure = words.procedure()
        procedure.result(procedure.call(i + 1 if i < cycle else 1, 0))
    with pytest.raises(ValueError, match="calls itself"):
        words.layout()


def test_calls_and_blocks_nest_only_so_deep() -> None:
    words = Words(input=(4,), outputs=2)
    words.gene(1)
    for i in range(40):
        procedure = words.procedure()
        procedure.result(procedure.call(i + 1, 0) if i < 39 else 0)
    with pytest.raises(ValueError, match="call each other deeper than 32"):
        words.layout()

    def nest(p: Any, depth: int) -> int:
        return int(p.switch(0, lambda: nest(p, depth - 1))) if depth else 0

    single((4,), lambda p: nest(p, 16))
    with pytest.raises(ValueError, match="switches are nested deeper than 16"):
        single((4,), lambda p: nest(p, 17))


def test_expressions_stay_small() -> None:
    def doubled(p: Any) -> int:
        value = p.gene(0)
        for _ in range(20):
            value = p.expr("add", value, value)
        return int(p.op("linear", 0, features=value))

    with pytest.raises(ValueError, match=r"expression .* is too large"):
        single((4,), doubled)


def test_programs_that_take_long_to_check_are_refused() -> None:
    def fill(p: Any) -> int:
        value, x = p.gene(0), 0
        for _ in range(14):
            value = p.expr("add", value, value)
        for _ in range(3000):
            x = p.op("dropout", x, p=value)
        return x

    with pytest.raises(ValueError, match="layout: the programs are too large"):
        single((4,), fill)


def attempt(words: np.ndarray[Any, Any]) -> None:
    """A record is refused, or makes a layout all of whose genomes expand or are refused; nothing else."""
    try:
        layout = _core.Layout(words)
    except ValueError:
        return
    for seed in range(3):
        genomes = _core.sample(layout, 4, seed=seed)
        _core.normalise(layout, genomes)
        try:
            _core.hash(layout, genomes, recipe=True)
            _core.graphs(layout, genomes)
        except ValueError:
            continue


WORDS = st.one_of(
    st.integers(-2, 40), st.sampled_from([-(2**63), 2**63 - 1, 2**31, 2**31 - 1, 65_536, 1 << 40])
)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(RECORD) - 1), WORDS), min_size=1, max_size=4))
def test_a_changed_record_never_does_harm(changes: list[tuple[int, int]]) -> None:
    words = RECORD.copy()
    for place, value in changes:
        words[place] = value
    attempt(words)


@pytest.mark.parametrize("record", [RECORD, GATHERING], ids=["convolutional", "gathering"])
def test_every_word_can_be_changed(record: np.ndarray[Any, Any]) -> None:
    for place in range(len(record)):
        for step in (-1, 1, 1000):
            words = record.copy()
            words[place] += step
            attempt(words)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(WORDS, max_size=200))
def test_random_words_are_refused(values: list[int]) -> None:
    attempt(np.array([0x43414D42, 2, *values], np.int64))
