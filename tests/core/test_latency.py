"""Adding up times in the core, against dictionaries in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core

CLASSES = 16 * len(_core.operations())
SPACES = {
    "convnet": cb.spaces.convnet(input=(3, 16, 16), outputs=7),
    "mlp": cb.spaces.mlp(input=(20,), outputs=3),
    "cell201": cb.spaces.make("cell201", (3, 32, 32), 10),
    "darts": cb.spaces.make("darts", (3, 32, 32), 10),
    "transformer": cb.spaces.make("transformer", (3, 16, 16), 10),
    "macro": cb.spaces.make("macro", (3, 32, 32), 10),
}


def slow_keys(space: cb.Space, genomes: Any) -> list[list[tuple[int, ...]]]:
    """The key of every node but the input, from the graphs that Python sees."""
    arrays = space.graphs(genomes)
    networks = []
    for first, last in zip(arrays["nodes"][:-1], arrays["nodes"][1:], strict=True):
        keys = []
        for i in range(first, last):
            inputs = [first + int(j) for j in arrays["inputs"][arrays["edges"][i] : arrays["edges"][i + 1]]]
            if not inputs:
                continue
            words = [int(arrays["op"][i]), len(inputs), *arrays["attrs"][i].tolist()]
            for node in [i, *inputs[:2]]:
                words += [int(arrays["rank"][node]), *arrays["shape"][node].tolist()]
            keys.append(tuple(words + [0] * (23 - len(words))))
        networks.append(keys)
    return networks


def table(keys: Any, times: Any, estimates: Any = None) -> dict[str, Any]:
    return {
        "keys": np.array(keys, dtype=np.int32).reshape(-1, 23),
        "picoseconds": np.array(times, dtype=np.int64),
        "estimates": np.zeros((CLASSES, 4)) if estimates is None else estimates,
    }


@pytest.mark.parametrize("name", SPACES)
def test_sums_are_those_of_a_dictionary(name: str) -> None:
    space = SPACES[name]
    genomes = space.sample(60, seed=11)
    networks = slow_keys(space, genomes)
    distinct = sorted({key for keys in networks for key in keys})
    rng = np.random.default_rng(0)
    known = {key: int(t) for key, t in zip(distinct, rng.integers(0, 10**9, len(distinct)), strict=True)}
    for key in distinct[::3]:
        del known[key]
    estimates = np.zeros((CLASSES, 4))
    estimates[:, 0] = 1_000_000 + np.arange(CLASSES)  # so that a wrong class shows
    found = _core.latency(space.layout, genomes, **table(list(known), list(known.values()), estimates))
    listed = _core.node_list(space.layout, genomes)
    for row, keys in enumerate(networks):
        classes = listed["classes"][listed["offsets"][row] : listed["offsets"][row + 1]].tolist()
        guessed = [1_000_000 + c for key, c in zip(keys, classes, strict=True) if key not in known]
        assert found["nodes"][row] == len(keys)
        assert found["estimated"][row] == sum(guessed)
        assert found["picoseconds"][row] == sum(guessed) + sum(known.get(key, 0) for key in keys)


@pytest.mark.parametrize("name", SPACES)
def test_nodes_are_those_of_the_graphs(name: str) -> None:
    space = SPACES[name]
    genomes = space.sample(40, seed=2)
    listed = _core.node_list(space.layout, genomes)
    flat = [key for keys in slow_keys(space, genomes) for key in keys]
    assert [tuple(key) for key in listed["keys"].tolist()] == flat
    resources: Any = space.resources(genomes)
    sums = np.add.reduceat(listed["work"], listed["offsets"][:-1], axis=0)
    assert np.array_equal(sums[:, 0], resources["macs"])
    assert np.array_equal(sums[:, 1], resources["elementwise"])
    assert np.array_equal(sums[:, 3], resources["params"])


def test_estimates_scale_with_the_batch() -> None:
    space = SPACES["convnet"]
    genomes = space.sample(50, seed=4)
    listed = _core.node_list(space.layout, genomes)
    macs, elements, values, params = listed["work"].T.astype(float)
    estimates = np.tile([3.0, 0.25, 2.0, 0.5], (CLASSES, 1))
    found = _core.latency(space.layout, genomes, **table([], [], estimates), batch=8)
    nodes = 3.0 + 0.25 * 8 * macs + 2.0 * 4 * (8 * values + params) + 0.5 * 8 * elements
    expected = np.add.reduceat(np.floor(nodes + 0.5), listed["offsets"][:-1])
    assert np.array_equal(found["picoseconds"], expected.astype(np.int64))
    assert np.array_equal(found["picoseconds"], found["estimated"])


def test_threads_give_the_same() -> None:
    space = SPACES["convnet"]
    genomes = space.sample(3000, seed=5)
    estimates = np.ones((CLASSES, 4))
    one = _core.latency(space.layout, genomes, **table([], [], estimates))
    two = _core.latency(space.layout, genomes, **table([], [], estimates), threads=3)
    assert all(np.array_equal(one[name], two[name]) for name in ("picoseconds", "estimated", "nodes"))


def test_estimates_stay_within_their_limits() -> None:
    space = SPACES["mlp"]
    genomes = space.sample(5, seed=0)
    huge = _core.latency(space.layout, genomes, **table([], [], np.full((CLASSES, 4), 1e300)))
    assert np.array_equal(huge["picoseconds"], huge["nodes"] * 10**14)
    negative = _core.latency(space.layout, genomes, **table([], [], np.full((CLASSES, 4), -1.0)))
    assert not negative["picoseconds"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": np.zeros((2, 23), np.int64)}, "keys"),
        ({"keys": np.zeros((2, 22), np.int32)}, "keys"),
        ({"keys": np.zeros((2, 23), np.int32), "picoseconds": np.zeros(2, np.int64)}, "row 1 comes twice"),
        ({"picoseconds": np.zeros(3, np.int64)}, "picoseconds"),
        ({"picoseconds": np.array([-1])}, "within 0 and"),
        ({"picoseconds": np.array([10**14 + 1])}, "within 0 and"),
        ({"estimates": np.full((CLASSES, 4), np.nan)}, "finite"),
        ({"estimates": np.zeros((CLASSES - 1, 4))}, "estimates"),
        ({"batch": 0}, "batch"),
    ],
)
def test_bad_tables_are_refused(change: dict[str, Any], message: str) -> None:
    space = SPACES["mlp"]
    whole = table([[0] * 23], [0])
    with pytest.raises((ValueError, TypeError), match=message):
        _core.latency(space.layout, space.sample(2), **{**whole, **change})


def test_a_plain_space_has_no_latency() -> None:
    plain = cb.Space.plain(genes=3)
    with pytest.raises(ValueError, match="plain"):
        _core.latency(plain.layout, plain.sample(2), **table([], []))
    with pytest.raises(ValueError, match="plain"):
        _core.node_list(plain.layout, plain.sample(2))
