"""Tables of times: what they predict, and what happens to files that are not as they should be."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.network.latency import keys
from cambrian.network.latency.device import Device, OtherDeviceError, cpu_name, this_device
from cambrian.network.latency.fit import (
    FEATURES,
    Correction,
    features,
    fit_correction,
    fit_estimates,
    nonnegative,
    spread_estimates,
)
from profiles import OTHER, profile, times

SPACE = cb.spaces.convnet(input=(1, 8, 8), outputs=10)
GENOMES = SPACE.sample(150, seed=9)
SMALL = cb.Profile(this_device(), [times(SPACE, n=3)]).to_dict()


def test_prediction_is_overhead_and_nodes() -> None:
    found = profile(SPACE)
    part = found.at(1)
    known = {tuple(k): s for k, s in zip(part.keys.tolist(), part.seconds.tolist(), strict=True)}
    listed = _core.node_list(SPACE.layout, GENOMES)
    predicted = found.predict(SPACE, GENOMES)
    checked = 0
    for row, (first, last) in enumerate(zip(listed["offsets"][:-1], listed["offsets"][1:], strict=True)):
        nodes = [tuple(key) for key in listed["keys"][first:last].tolist()]
        if all(node in known for node in nodes):
            expected = 2e-6 + sum(known[node] + 5e-7 for node in nodes)
            assert predicted[row] == pytest.approx(expected, rel=1e-6)
            checked += 1
    assert checked > 20


def test_what_was_not_measured_is_estimated() -> None:
    few, all_of_them = times(SPACE, n=8), times(SPACE, n=2000)
    seconds, share, _ = few.added(SPACE, GENOMES)
    exact, none, _ = all_of_them.added(SPACE, GENOMES)
    assert share.max() > 0.2
    assert none.max() < share.max()
    # The made-up times follow the formula that is fitted, up to what few nodes can tell.
    assert np.abs(seconds / exact - 1).max() < 0.2


def test_more_work_takes_longer() -> None:
    found = profile(SPACE, (1, 8, 64))
    latencies = [found.predict(SPACE, GENOMES, batch) for batch in (1, 8, 64)]
    assert (latencies[0] < latencies[1]).all()
    assert (latencies[1] < latencies[2]).all()
    assert np.corrcoef(latencies[2], SPACE.resources(GENOMES)["macs"])[0, 1] > 0.9


def test_throughput_is_that_of_the_best_batch_within_the_limit() -> None:
    found = profile(SPACE, (1, 8))
    one, eight = (found.predict(SPACE, GENOMES, batch) for batch in (1, 8))
    assert np.allclose(found.throughput(SPACE, GENOMES), np.maximum(1 / one, 8 / eight))
    limit = float(np.median(eight))
    expected = np.maximum(np.where(one <= limit, 1 / one, 0), np.where(eight <= limit, 8 / eight, 0))
    assert np.allclose(found.throughput(SPACE, GENOMES, within=limit), expected)
    assert not found.throughput(SPACE, GENOMES, within=1e-9).any()


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    before = profile(SPACE, (1, 4))
    part = before.at(1)
    seconds, estimated, nodes = part.added(SPACE, GENOMES)
    found = features(seconds, estimated, nodes, SPACE.resources(GENOMES))
    correction = fit_correction(found, seconds * 1.3, seconds)
    corrected = type(part)(**{**vars_of(part), "correction": correction})
    before = cb.Profile(before.device, [corrected, before.at(4)])
    path = before.save(tmp_path / "table.json")
    assert [file.name for file in tmp_path.iterdir()] == ["table.json"]
    after = cb.Profile.load(path)
    assert after.fingerprint == before.fingerprint
    assert np.array_equal(after.predict(SPACE, GENOMES), before.predict(SPACE, GENOMES))
    assert np.allclose(after.predict(SPACE, GENOMES), 1.3 * seconds, rtol=1e-6)
    assert "1 × float32" in repr(after)


def vars_of(part: Any) -> dict[str, Any]:
    return {name: getattr(part, name) for name in type(part).__dataclass_fields__}


def test_keys_survive_words() -> None:
    for space in (SPACE, cb.spaces.make("macro", (3, 32, 32), 10)):
        for key in np.unique(_core.node_list(space.layout, space.sample(50))["keys"], axis=0):
            assert keys.key_of(json.loads(json.dumps(keys.describe(key)))) == key.tolist()


def test_batch_and_precision_must_have_been_measured() -> None:
    found = profile(SPACE, (1, 8))
    with pytest.raises(
        ValueError, match="no times at batch 4 in float32; it has: 1 in float32, 8 in float32"
    ):
        found.predict(SPACE, GENOMES, 4)
    with pytest.raises(ValueError, match="bfloat16"):
        found.throughput(SPACE, GENOMES, precision="bfloat16")
    with pytest.raises(ValueError, match="batch must be"):
        found.predict(SPACE, GENOMES, 0)
    with pytest.raises(ValueError, match="a plain space has no networks"):
        found.predict(cb.Space.plain(), cb.Space.plain().sample(2))


def small(device: Device) -> cb.Profile:
    return cb.Profile(device, cb.Profile.from_dict(SMALL).times.values())


def test_other_devices_are_refused(tmp_path: Path) -> None:
    path = small(OTHER).save(tmp_path / "other.json")
    with pytest.raises(OtherDeviceError, match=r"nobody has.*--any-device"):
        cb.Profile.load(path)
    assert cb.Profile.load(path, allow_other_device=True).device == OTHER
    here = this_device("cpu", 4)
    path = small(here).save(tmp_path / "threads.json")
    with pytest.raises(OtherDeviceError, match="with 4 threads, 1 are asked for"):
        cb.Profile.load(path)
    assert cb.Profile.load(path, threads=4).device == cb.Profile.load(path, threads=None).device == here
    old = Device(here.kind, here.name, 1, "1.13.1")
    path = small(old).save(tmp_path / "torch.json")
    with pytest.raises(OtherDeviceError, match=r"torch 1\.13\.1"):
        cb.Profile.load(path)
    minor = Device(here.kind, here.name, 1, here.torch.split(".")[0] + ".0.0")
    assert cb.Profile.load(small(minor).save(tmp_path / "minor.json")).device == minor


def test_devices_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="cpu or cuda"):
        this_device("tpu")
    assert cpu_name(Path("/nowhere"))


def _set(*path: Any) -> Callable[[Any, Any], None]:
    def change(document: Any, value: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


ENTRY = ("tables", 0, "entries", 0)
HOSTILE = [
    (("format",), "cambrian-graph", "format"),
    (("version",), 2, "newer"),
    (("version",), True, "version"),
    (("device",), None, "device"),
    (("device", "threads"), 0, "threads"),
    (("device", "kind"), "abacus", "kind"),
    (("device", "name"), "", "name"),
    (("tables",), [], "tables"),
    (("tables",), {}, "tables"),
    (("tables", 0), 7, "a table"),
    (("tables", 0, "batch"), -1, "batch"),
    (("tables", 0, "batch"), 1.5, "batch"),
    (("tables", 0, "batch"), 2**40, "batch"),
    (("tables", 0, "precision"), "float8", "precision"),
    (("tables", 0, "overhead", "call"), -1e-6, "seconds"),
    (("tables", 0, "overhead"), [], "overhead"),
    (("tables", 0, "entries"), {}, "entries"),
    ((*ENTRY, "op"), "../../etc/passwd", "unknown operation"),
    ((*ENTRY, "seconds"), 1e300, "finite numbers"),
    ((*ENTRY, "seconds"), 10**400, "finite numbers"),
    ((*ENTRY, "seconds"), 1000, "from 0 to 100"),
    ((*ENTRY, "seconds"), "1e-6", "numbers"),
    ((*ENTRY, "seconds"), True, "numbers"),
    ((*ENTRY, "spread"), -1.0, "from 0 to 100"),
    ((*ENTRY, "inputs"), [], "inputs"),
    ((*ENTRY, "inputs"), [[0, 1]], "side"),
    ((*ENTRY, "inputs"), [[1] * 9], "shape"),
    ((*ENTRY, "output"), [2**31], "side"),
    ((*ENTRY, "reads"), 10**30, "reads"),
    ((*ENTRY, "attrs"), {"kind": "batch", "x": 1}, "attrs"),
    ((*ENTRY, "more"), 1, "unknown entries"),
    (("tables", 0, "estimates"), [], "all operations"),
    (("tables", 0, "estimates", 0, "kind"), 99, "kind"),
    (("tables", 0, "estimates", 0, "seconds"), [1, 2], "list of 4"),
    (("tables", 0, "correction"), {"features": []}, "correction"),
    (("tables", 0, "correction"), [], "correction"),
]


@pytest.mark.parametrize(("path", "value", "message"), HOSTILE)
def test_hostile_tables_are_refused(path: tuple[Any, ...], value: Any, message: str, tmp_path: Path) -> None:
    document = copy.deepcopy(SMALL)
    _set(*path)(document, value)
    file = tmp_path / "table.json"
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=message) as error:
        cb.Profile.load(file)
    assert len(str(error.value)) < 1000


def test_tables_that_repeat_themselves_are_refused() -> None:
    document = copy.deepcopy(SMALL)
    document["tables"].append(document["tables"][0])
    with pytest.raises(ValueError, match="twice"):
        cb.Profile.from_dict(document)
    document = copy.deepcopy(SMALL)
    document["tables"][0]["entries"].append(document["tables"][0]["entries"][0])
    with pytest.raises(ValueError, match="comes twice"):
        cb.Profile.from_dict(document)


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    text = cb.Profile.from_dict(SMALL).to_json()
    file = tmp_path / "table.json"
    for length in [0, 1, 10, *range(100, len(text) - 2, len(text) // 15)]:
        file.write_text(text[:length])
        with pytest.raises(ValueError, match="is no profile"):
            cb.Profile.load(file)
    file.write_bytes(b"\xff\xfe" + text.encode())
    with pytest.raises(ValueError, match="is no profile"):
        cb.Profile.load(file)
    file.write_text(text.replace('"seconds": ', '"seconds": NaN, "x": ', 1))
    with pytest.raises(ValueError, match="NaN"):
        cb.Profile.load(file)
    with pytest.raises(FileNotFoundError):
        cb.Profile.load(tmp_path / "nothing.json")


def test_nonnegative_finds_what_made_the_times() -> None:
    rng = np.random.default_rng(1)
    rows = np.concatenate([np.ones((60, 1)), 10.0 ** rng.uniform(0, 6, (60, 3))], axis=1)
    made = np.array([2.0, 0.0, 3e-4, 1e-3])
    assert np.allclose(nonnegative(rows, rows @ made), made, rtol=1e-6, atol=1e-9)
    # Whatever the times are, nothing gets faster with more work.
    for _ in range(20):
        found = nonnegative(rows[:5], rng.uniform(1, 2, 5))
        assert (found >= 0).all()
    # What one measurement can't tell apart is taken for overhead.
    for seconds in (5.0, 1 / 3, 1e-6):
        assert nonnegative(rows[:1], np.array([seconds])) == pytest.approx([seconds, 0, 0, 0])
    same = np.tile(rows[:1], (7, 1))
    assert nonnegative(same, np.full(7, 3.0)) @ rows[0] == pytest.approx(3.0)


def test_classes_without_measurements_use_those_of_their_operation() -> None:
    rows = np.array([[1.0, 10, 0, 0], [1.0, 20, 0, 0], [1.0, 30, 5, 0]])
    formulas = fit_estimates(rows, np.array([16, 16, 40], np.int32), np.array([1e-3, 2e-3, 5e-3]))
    table = spread_estimates(formulas)
    assert not spread_estimates(fit_estimates(rows[:0], np.empty(0, np.int32), np.empty(0))).any()
    assert np.allclose(table[16], [0, 1e-4, 0, 0])
    assert np.array_equal(table[17], formulas[1, -1])
    assert np.array_equal(table[41], formulas[2, -1])
    assert np.array_equal(table[100], formulas[-1, -1])


def test_correction_learns_and_stays_within_what_it_saw() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(80, len(FEATURES)))
    added = np.exp(found[:, 0])
    truth = added * np.exp(0.2 + 0.1 * found[:, 2])
    correction = fit_correction(found[:60], truth[:60], added[:60])
    assert isinstance(correction, Correction)
    error = np.abs(added[60:] * correction.factor(found[60:]) / truth[60:] - 1)
    assert np.median(error) < 0.01
    far = correction.factor(np.full((1, len(FEATURES)), 1e6))
    ratios = truth[:60] / added[:60]
    assert ratios.min() * 0.9 < far[0] < ratios.max() * 1.1
    assert Correction.from_dict(json.loads(json.dumps(correction.to_dict()))).factor(found) == pytest.approx(
        correction.factor(found), abs=0
    )
    assert fit_correction(found[:3], truth[:3], added[:3]) is None
    constant = fit_correction(np.ones((10, len(FEATURES))), np.full(10, 2.0), np.ones(10))
    assert constant is not None
    assert constant.factor(np.ones((1, len(FEATURES))))[0] == pytest.approx(2.0)
