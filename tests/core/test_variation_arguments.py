"""What the core's variation refuses, and what it must survive."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cambrian as cb
from cambrian import _core
from cambrian._core import Layout
from layouts import LAYOUTS, mixed, plain

LAYOUT = plain(6, 8).layout()
WIDE = LAYOUTS["wide"]().layout()
GENOMES = _core.sample(LAYOUT, 10, seed=0)
KEY = np.arange(10.0)
MEMORY = KEY.copy()


def breed(**changed: Any) -> Any:
    arguments: dict[str, Any] = {
        "layout": LAYOUT,
        "genomes": GENOMES,
        "key": KEY,
        "n": 10,
        "selection": ("tournament", 2),
        "crossover": ("uniform", 0.9, 0.5, "gene"),
        "mutation": [("reset", None)],
        "seed": 0,
    }
    return _core.breed(**(arguments | changed))


def crossover(**changed: Any) -> Any:
    arguments = {"layout": LAYOUT, "first": GENOMES, "second": GENOMES, "operator": ("none",), "seed": 0}
    return _core.crossover(**(arguments | changed))


def mutate(**changed: Any) -> Any:
    return _core.mutate(
        **({"layout": LAYOUT, "genomes": GENOMES, "operators": [("reset", None)], "seed": 0} | changed)
    )


def sample(**changed: Any) -> Any:
    return _core.sample(**({"layout": LAYOUT, "n": 10, "seed": 0} | changed))


def tournament(size: Any = 2, **changed: Any) -> Any:
    return _core.select(**({"key": KEY, "n": 10, "operator": ("tournament", size), "seed": 0} | changed))


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


def unaligned(array: np.ndarray) -> np.ndarray:
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    return buffer[1:].view(array.dtype).reshape(array.shape)


OUT_OF_RANGE = GENOMES.copy()
OUT_OF_RANGE[3, 4] = 8

BAD: list[tuple[Callable[..., Any], dict[str, Any], type[Exception], str]] = [
    (sample, {"n": -1}, ValueError, "n: expected an integer from 0 to 2147483647, got int -1"),
    (sample, {"n": 2**31}, ValueError, "n: expected"),
    (sample, {"n": 10**30}, ValueError, "n: expected"),
    (sample, {"n": 2.0}, TypeError, "n: expected an integer .*, got float 2.0"),
    (sample, {"n": True}, TypeError, "n: expected"),
    (sample, {"n": None}, TypeError, "n: expected .*, got NoneType"),
    (sample, {"seed": -1}, ValueError, r"seed: expected an integer from 0 to 2\*\*64 - 1, got int -1"),
    (sample, {"seed": 2**64}, ValueError, "seed: expected"),
    (sample, {"seed": 0.5}, TypeError, "seed: expected"),
    (sample, {"run": 2**32}, ValueError, "run: expected an integer from 0 to 4294967295"),
    (sample, {"generation": -1}, ValueError, "generation: expected"),
    (sample, {"threads": -1}, ValueError, "threads: expected an integer from 0 to 1024, got int -1"),
    (sample, {"threads": "all"}, TypeError, "threads: expected"),
    (
        sample,
        {"out": np.zeros((9, 6), np.uint8)},
        ValueError,
        r"out: expected .* shape \(10, 6\), got .*\(9, 6\)",
    ),
    (sample, {"out": read_only(GENOMES)}, ValueError, "out: the array is read-only"),
    (sample, {"seed": 10**5000}, ValueError, "seed: expected .*, got int of many digits"),
    (sample, {"seed": "é" * 80}, TypeError, "seed: expected .*, got str 'ééé"),
    (sample, {"n": np.array([1, 2])}, TypeError, r"n: expected .*, got int64 array of shape \(2,\)"),
    (sample, {"layout": None}, TypeError, "layout: expected a space's .layout, got NoneType"),
    (mutate, {"layout": "convnet"}, TypeError, "layout: expected a space's .layout, got str 'convnet'"),
    (breed, {"layout": Layout.__new__(Layout)}, TypeError, "layout: it was never initialised"),
    (tournament, {"key": KEY.astype(np.float32)}, TypeError, "key: expected .*float64.* got float32"),
    (tournament, {"key": KEY[::2]}, ValueError, "key: .*ascontiguousarray"),
    (
        tournament,
        {"key": KEY.reshape(5, 2)},
        ValueError,
        r"key: expected .*, got float64 array of shape \(5, 2\)",
    ),
    (tournament, {"key": KEY.astype(">f8")}, TypeError, "key: .*native byte order, got >f8"),
    (tournament, {"key": KEY.astype(complex)}, TypeError, "key: expected"),
    (tournament, {"key": KEY.astype(object)}, TypeError, "key: expected"),
    (tournament, {"key": None}, TypeError, "key: .*got NoneType"),
    (tournament, {"key": unaligned(KEY)}, ValueError, "key: .*aligned"),
    (tournament, {"key": KEY[:0]}, ValueError, "key: expected at least one parent"),
    (tournament, {"size": 0}, ValueError, "operator: tournament size: expected an integer from 1"),
    (tournament, {"size": 2**20 + 1}, ValueError, "tournament size"),
    (tournament, {"size": 2.5}, TypeError, "tournament size"),
    (mutate, {"genomes": GENOMES.tolist()}, TypeError, "genomes: expected .*uint8.*, got list"),
    (mutate, {"genomes": GENOMES.astype(np.int64)}, TypeError, "genomes: expected .*uint8.*, got int64"),
    (
        mutate,
        {"genomes": GENOMES[0]},
        ValueError,
        r"genomes: expected .*\(n, 6\), got uint8 array of shape \(6,\)",
    ),
    (
        mutate,
        {"genomes": GENOMES[:, :5].copy()},
        ValueError,
        r"genomes: expected .*\(n, 6\), got .*\(10, 5\)",
    ),
    (mutate, {"genomes": np.asfortranarray(GENOMES)}, ValueError, "genomes: .*ascontiguousarray"),
    (
        mutate,
        {"genomes": OUT_OF_RANGE},
        ValueError,
        "row 3, column 4 holds 8, but that gene has options 0 to 7",
    ),
    (mutate, {"out": GENOMES.astype(np.uint16)}, TypeError, "out: expected"),
    (mutate, {"operators": ("reset", None)}, TypeError, "operators: expected a list"),
    (mutate, {"operators": ["reset"]}, TypeError, "operators: expected a tuple"),
    (mutate, {"operators": [()]}, TypeError, "operators: expected a tuple"),
    (mutate, {"operators": [(1,)]}, TypeError, "operators: expected the operator's name first"),
    (
        mutate,
        {"operators": [("rest", 1)]},
        ValueError,
        "operators: unknown operator 'rest' .choose from: reset",
    ),
    (mutate, {"operators": [("reset",)]}, ValueError, "operators: reset takes 1 parameters, got 0"),
    (
        mutate,
        {"operators": [("reset", 1.5)]},
        ValueError,
        "operators: reset rate: expected a number from 0 to 1",
    ),
    (mutate, {"operators": [("reset", np.nan)]}, ValueError, "reset rate"),
    (mutate, {"operators": [("reset", "0.5")]}, TypeError, "reset rate"),
    (mutate, {"operators": [("reset", 10**400)]}, ValueError, "reset rate: expected a number from 0 to 1"),
    (mutate, {"operators": [("\ud800",)]}, ValueError, r"unknown operator '\\ud800'"),
    (
        mutate,
        {"operators": [("step", None, 0)]},
        ValueError,
        "step step: expected an integer from 1 to 65535",
    ),
    (
        mutate,
        {"operators": [("structural", 0.5, 1, 1, 1, 1, -1, 1, 1, 1, 0, 0)]},
        ValueError,
        "structural rewire",
    ),
    (mutate, {"operators": [("reset", None)] * 65}, ValueError, "operators: expected at most 64 operators"),
    (crossover, {"second": GENOMES[:9]}, ValueError, "second: expected as many rows as first, 10, got 9"),
    (crossover, {"operator": ("uniform", 0.9, 0.5, "genes")}, ValueError, "operator: uniform by: .*'genes'"),
    (crossover, {"operator": ("uniform", -0.1, 0.5, "gene")}, ValueError, "operator: uniform rate"),
    (
        breed,
        {"genomes": OUT_OF_RANGE},
        ValueError,
        "genomes: row 3, column 4 holds 8, but that gene has options 0 to 7",
    ),
    (breed, {"genomes": OUT_OF_RANGE, "n": 0}, ValueError, "genomes: row 3, column 4 holds 8"),
    (breed, {"key": KEY[:9].copy()}, ValueError, r"key: expected .*\(10,\), got .*\(9,\)"),
    (breed, {"genomes": GENOMES[:0], "key": KEY[:0]}, ValueError, "key: expected at least one parent"),
    (breed, {"out": GENOMES}, ValueError, "out: shares memory with genomes"),
    (
        breed,
        {"n": 10, "key": MEMORY, "out": MEMORY.view(np.uint8)[:60].reshape(10, 6)},
        ValueError,
        "out: shares memory with key",
    ),
    (breed, {"selection": ("wheel",)}, ValueError, "selection: unknown operator 'wheel'"),
    (breed, {"crossover": None}, TypeError, "crossover: expected a tuple"),
    (breed, {"mutation": [("none",)]}, ValueError, "mutation: unknown operator 'none'"),
]


@pytest.mark.parametrize(
    ("call", "changed", "error", "message"), BAD, ids=[f"{c.__name__}-{i}" for i, (c, *_) in enumerate(BAD)]
)
def test_bad_arguments_are_named(
    call: Callable[..., Any], changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(**changed)


def test_wide_genomes_in_foreign_byte_order_are_refused() -> None:
    genomes = _core.sample(WIDE, 5, seed=0)
    with pytest.raises(TypeError, match="native byte order, got >u2"):
        _core.mutate(WIDE, genomes.astype(">u2"), operators=[], seed=0)
    with pytest.raises(TypeError, match="uint16"):
        _core.mutate(WIDE, genomes.astype(np.uint8), operators=[], seed=0)


def test_shifted_out_is_refused() -> None:
    memory = np.zeros((11, 6), np.uint8)
    with pytest.raises(ValueError, match="out: overlaps genomes"):
        mutate(genomes=memory[:10], out=memory[1:])
    with pytest.raises(ValueError, match="out: overlaps second"):
        crossover(second=memory[:10], out=memory[1:])


def test_empty_populations() -> None:
    none = GENOMES[:0]
    assert sample(n=0).shape == (0, 6)
    assert mutate(genomes=none).shape == (0, 6)
    assert crossover(first=none, second=none).shape == (0, 6)
    assert tournament(n=0).shape == (0,)
    assert tournament(n=0, key=KEY[:0]).shape == (0,)
    assert breed(n=0, genomes=none, key=KEY[:0]).shape == (0, 6)


def test_population_of_one() -> None:
    children = breed(genomes=GENOMES[:1], key=KEY[:1], n=20, mutation=[], selection=("tournament", 50))
    np.testing.assert_array_equal(children, np.repeat(GENOMES[:1], 20, axis=0))


def test_out_is_returned_and_may_be_the_input() -> None:
    expected, genomes = mutate(), GENOMES.copy()
    assert mutate(genomes=genomes, out=genomes) is genomes
    np.testing.assert_array_equal(genomes, expected)
    out = np.empty_like(GENOMES)
    assert breed(out=out) is out
    np.testing.assert_array_equal(out, breed())


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    name=st.sampled_from(sorted(LAYOUTS)),
    n=st.integers(0, 40),
    seed=st.integers(0, 2**64 - 1),
)
def test_any_population_in_any_form_is_taken_or_refused(data: Any, name: str, n: int, seed: int) -> None:
    layout = LAYOUTS[name]().layout()
    dtype = data.draw(st.sampled_from([layout.dtype, np.uint8, np.uint16, np.int64, ">u2", np.bool_]))
    width = layout.n_genes + data.draw(st.sampled_from([0, 0, 0, 1, -1]))
    step = data.draw(st.sampled_from([1, 1, 2, -1]))
    whole = data.draw(hnp.arrays(np.dtype(dtype), (2 * n, width), elements=st.integers(0, 1)))
    genomes = whole[::step][:n]
    genomes.setflags(write=data.draw(st.booleans()))
    in_range = genomes.shape == (n, layout.n_genes) and (genomes < layout.options).all()
    good = np.dtype(dtype) == layout.dtype and in_range and genomes.flags.c_contiguous
    operators = [("reset", None), ("step", 0.5, 2), ("structural", 0.9, *[1] * 10)]
    before = whole.copy()
    if good:
        children = _core.mutate(layout, genomes, operators=operators, seed=seed, threads=2)
        assert children.shape == genomes.shape
        assert (children < layout.options).all()
    else:
        with pytest.raises((TypeError, ValueError), match="genomes"):
            _core.mutate(layout, genomes, operators=operators, seed=seed)
    np.testing.assert_array_equal(whole, before)


def test_a_population_changed_meanwhile_gives_genomes_in_range() -> None:
    layout = LAYOUTS["nested"]().layout()
    genomes = _core.sample(layout, 20_000, seed=0)
    original, key, done = genomes.copy(), np.zeros(20_000), threading.Event()

    def disturb() -> None:
        while not done.wait(
            0.0005
        ):  # so that some calls find nothing wrong at the door, however busy the machine
            genomes[:] = 255
            genomes[:] = original

    thread = threading.Thread(target=disturb)
    thread.start()
    taken = 0
    try:
        for generation in range(300):
            try:
                children = breed(
                    layout=layout, genomes=genomes, key=key, n=2000, generation=generation, threads=2,
                    mutation=[("structural", 1.0, *[1] * 10), ("reset", None)],
                )  # fmt: skip
            except ValueError:
                continue  # seen by the check at the door
            assert (children < layout.options).all()
            taken += 1
    finally:
        done.set()
        thread.join()
    assert taken > 0


def test_other_threads_run_meanwhile() -> None:
    ticks, done = 0, threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    _core.sample(plain(1000, 8).layout(), 100_000, seed=0)
    seen = ticks
    done.set()
    thread.join()
    assert seen > 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize(
    "prepare",
    [
        lambda: partial(_core.select, KEY, 2_000_000, operator=("tournament", 2**20), seed=0, threads=2),
        # Every row is in the front, so each is compared with all before it.
        lambda: partial(_core.nondominated_rank, simplex(400_000, 8)),
    ],
    ids=["tournament", "nondominated_rank"],
)
def test_ctrl_c_stops_a_long_call(prepare: Callable[[], Callable[[], Any]]) -> None:
    call = prepare()
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def simplex(n: int, objectives: int) -> np.ndarray:
    cost = np.random.default_rng(0).random((n, objectives))
    return cost / cost.sum(1, keepdims=True)


@pytest.mark.parametrize("value", [None, 1, 0.0, "no", [], np.True_], ids=repr)
def test_flags_are_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match="recipe: expected True or False, got "):
        _core.hash(LAYOUT, GENOMES, recipe=value)
    with pytest.raises(TypeError, match="canonical: expected True or False, got "):
        _core.graphs(LAYOUT, GENOMES, canonical=value)


def test_a_layout_that_was_never_initialised_is_refused() -> None:
    empty = Layout.__new__(Layout)
    for name in ("words", "n_genes", "dtype", "options", "plain", "recipe"):
        with pytest.raises(TypeError, match="layout: it was never initialised"):
            getattr(empty, name)


def test_a_parameter_that_changes_the_list_of_operators_does_no_harm() -> None:
    operators: list[Any] = []

    class Clears:
        def __index__(self) -> int:
            operators.clear()
            return 1

    operators += [("step", None, Clears())] * 5
    expected = mutate(operators=[("step", None, 1)] * 5)
    np.testing.assert_array_equal(mutate(operators=operators), expected)


def test_facts_about_the_machine() -> None:
    assert _core.simd() in ("scalar", "avx2", "avx512")
    assert _core.hardware_threads() >= 1


def test_genes_of_one_option_are_never_hit() -> None:
    layout = mixed().layout()
    genomes = _core.sample(layout, 2000, seed=0)
    assert (_core.mutate(layout, genomes, operators=[("reset", 1.0)], seed=0)[:, 1] == 0).all()
    only = plain(3, 1).layout()
    fixed = _core.sample(only, 10, seed=0)
    for rate in (None, 1.0):
        np.testing.assert_array_equal(_core.mutate(only, fixed, operators=[("reset", rate)], seed=0), fixed)


@pytest.mark.parametrize("threads", [1, 3])
def test_values_are_looked_at_wherever_they_stand_and_in_place_nothing_is_written(threads):
    space = cb.Space.plain(genes=5, choices=4)
    sound = space.sample(5000, seed=1)
    for row in (0, 127, 2500, 4999):
        broken = sound.copy()
        broken[row, 3] = 9
        said = f"row {row}, column 3 holds 9, but that gene has options 0 to 3"
        for first, second, name in ((broken, sound, "first"), (sound, broken, "second")):
            for out in (None, first, second):
                before = first.copy(), second.copy()
                with pytest.raises(ValueError, match=f"^{name}: {said}"):
                    cb.cross(first, second, space.layout, by="uniform", seed=0, threads=threads, out=out)
                assert np.array_equal(first, before[0])
                assert np.array_equal(second, before[1])
        for out in (None, broken):
            before = broken.copy()
            with pytest.raises(ValueError, match=f"^genomes: {said}"):
                cb.mutate(broken, space.layout, by="reset", seed=0, threads=threads, out=out)
            assert np.array_equal(broken, before)
