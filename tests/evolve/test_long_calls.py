"""Long calls: Ctrl-C ends them, and other Python threads run meanwhile."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from layouts import plain

LAYOUT = plain(64, 8).layout()
FOREVER = cb.Tournament(2**20)  # a call of thousands of these takes minutes


def genomes(n: int) -> Any:
    return _core.sample(LAYOUT, n, seed=0)


def simplex(n: int, objectives: int) -> np.ndarray:
    """Costs of which each is in the front, so that each is compared with all before it."""
    cost = np.random.default_rng(0).random((n, objectives))
    return cost / cost.sum(1, keepdims=True)


def mutations() -> Callable[[], Any]:
    population = genomes(400_000)
    return lambda: cb.mutate(population, LAYOUT, by=[cb.StepMutation(1.0)] * 64, out=population)


def survivors() -> Callable[[], Any]:
    cost = simplex(400_000, 8)
    return lambda: cb.survive(cost, n=200_000)


def fronts() -> Callable[[], Any]:
    population, cost = genomes(400_000), simplex(400_000, 8)
    return lambda: cb.breed(population, cost, LAYOUT)


def distances() -> Callable[[], Any]:
    population = genomes(150_000)
    return lambda: cb.nearest_distance(population, LAYOUT)


def elites() -> Callable[[], Any]:
    population = genomes(20_000)
    return lambda: cb.breed(population, np.zeros(20_000), LAYOUT, selection=FOREVER, elite=5)


CALLS: dict[str, Callable[[], Callable[[], Any]]] = {
    "select": lambda: lambda: cb.select(np.zeros(10), n=2_000_000, by=FOREVER, threads=2),
    "breed": lambda: lambda: cb.breed(genomes(10), np.zeros(10), LAYOUT, n=200_000, selection=FOREVER),
    "breed, elite": elites,
    "breed, several objectives": fronts,
    "mutate": mutations,
    "survive": survivors,
    "nearest_distance": distances,
}


@pytest.fixture
def ticks() -> Iterator[list[float]]:
    """When another thread had its turns."""
    turns, done = [time.monotonic()], threading.Event()

    def count() -> None:
        while not done.wait(0.001):
            turns.append(time.monotonic())

    thread = threading.Thread(target=count)
    thread.start()
    yield turns
    done.set()
    thread.join()


@contextlib.contextmanager
def interrupted(seconds: float) -> Iterator[None]:
    """Ctrl-C comes after so long and must show."""
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_it_and_threads_run_meanwhile(name: str, ticks: list[float]) -> None:
    call = CALLS[name]()
    before = len(ticks)
    with interrupted(0.2):
        call()
    assert len(ticks) > before + 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_ends_cross_before_its_last_row() -> None:
    layout = plain(2000, 8).layout()
    first, second = np.zeros((60_000, 2000), np.uint8), np.full((60_000, 2000), 7, np.uint8)
    with interrupted(0.05):
        cb.cross(first, second, layout, by=cb.UniformCrossover(1.0, 0.3), out=first)
    assert first[0].any()
    assert not first[-1].any()
