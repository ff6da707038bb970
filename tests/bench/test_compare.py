from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="statistics need the extra stats")
pytest.importorskip("cloudpickle", reason="searches reach processes by cloudpickle")

import cambrian as cb
from cambrian.bench import BenchError, Comparison

from .small import table

ARMS = ["random", "aging:population=8,sample=3", "genetic:population=8"]


def compare(folder, arms=ARMS, tables=None, seeds=4, **options):
    options = {"evaluations": 40, "processes": 0, **options}
    tables = [table(), table("other", genes=3)] if tables is None else tables
    return cb.bench.strategies(arms, tables, seeds, folder=folder, **options)


def searches(folder):
    with open(folder / "searches.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_and_figures_are_what_the_searches_gave(tmp_path):
    seen = []
    found = compare(tmp_path / "out", on_done=lambda done, count, of: seen.append((done.key, count, of)))
    assert [count for _, count, _ in seen] == list(range(1, 25))
    assert {of for _, _, of in seen} == {24}
    assert len({key for key, _, _ in seen}) == 24
    with open(tmp_path / "out" / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    small, best = table(), table().best("val")
    gaps = {arm: [] for arm in ARMS}
    for arm in ARMS:
        for seed in range(4):
            mine = [r for r in rows if (r["arm"], r["table"], r["seed"]) == (arm, "small", str(seed))]
            assert [int(r["evaluation"]) for r in mine] == list(range(1, len(mine) + 1))
            genomes = np.array([r["genome"].split() for r in mine]).astype(small.space.dtype)
            np.testing.assert_array_equal([float(r["value"]) for r in mine], small.values(genomes, "val"))
            np.testing.assert_array_equal([float(r["test"]) for r in mine], small.values(genomes, "test"))
            np.testing.assert_array_equal([float(r["cost"]) for r in mine], -small.values(genomes, "val"))
            values = [float(r["value"]) for r in mine]
            gaps[arm].append([best - np.nanmax(values[: k + 1]) for k in range(40)])
        np.testing.assert_allclose(found.gaps("small", arm), gaps[arm], atol=1e-12)
    summary = found.summary()
    known = summary["tables"]["small"]["arms"][ARMS[1]]
    assert known["gap"]["40"]["mean"] == pytest.approx(np.mean([g[39] for g in gaps[ARMS[1]]]))
    assert known["gap"]["25"]["median"] == pytest.approx(np.median([g[24] for g in gaps[ARMS[1]]]))
    assert (known["searches"], known["failed"]) == (4, 0)
    hits = [next((k + 1 for k in range(40) if g[k] <= 1e-9), None) for g in gaps[ARMS[1]]]
    target = known["targets"][-1]
    assert target["success"] == sum(hit is not None for hit in hits) / 4
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert list(summary["ranks"]) == ["10", "25", "40"]
    assert summary["ranks"]["40"]["blocks"] == 2
    assert {len(summary["tables"][name]["pairs"]["40"]) for name in ("small", "other")} == {3}


def test_test_values_are_those_of_what_was_chosen(tmp_path):
    found = compare(tmp_path, arms=["random"], tables={"noisy": {"table": table(), "values": "seeds"}})
    small = table()
    for trace, seed in zip(found.traces["noisy"]["random"], range(4), strict=True):
        with open(tmp_path / "rows.csv", newline="") as file:
            mine = [r for r in csv.DictReader(file) if r["seed"] == str(seed)]
        genomes = np.array([r["genome"].split() for r in mine]).astype(small.space.dtype)
        told = small.values(genomes, "val", seed=seed % 2)
        np.testing.assert_array_equal([float(r["cost"]) for r in mine], -told)
        chosen = int(np.nanargmax(told))
        assert trace.test[-1] == small.values(genomes[chosen : chosen + 1], "test")[0]
        assert trace.gap[-1] == small.best("val") - small.values(genomes[chosen : chosen + 1], "val")[0]


def test_several_processes_give_the_same_figures(tmp_path):
    alone, together = compare(tmp_path / "a"), compare(tmp_path / "b", processes=2)
    assert alone.summary() == together.summary()
    assert not (tmp_path / "b" / "parts").exists()


def test_seconds_and_workers(tmp_path):
    found = compare(tmp_path, seconds=300.0, evaluations=None, workers=3)
    for trace in found.traces["small"]["random"]:
        assert trace.finished[-1] <= 300
        assert len(trace) > 40
    assert (found.band_at("small", "random", np.array([1.0])).mean == found.facts["small"].first).all()


def test_lower_fidelities_are_parts(tmp_path):
    arms = {"asha": "asha:minimum=0.1,eta=10", "random": "random"}
    for name, continues in (("apart", False), ("on", True)):
        small = table(continues=continues)
        found = compare(tmp_path / name, arms=arms, tables=[small], seeds=2, evaluations=None, seconds=400.0)
        with open(tmp_path / name / "rows.csv", newline="") as file:
            rows = [r for r in csv.DictReader(file) if r["arm"] == "asha" and r["seed"] == "0"]
        best: dict[str, float] = {}
        for row in rows:
            before = best.get(row["genome"], 0.0) if continues else 0.0
            assert float(row["part"]) == pytest.approx(float(row["fidelity"]) - before)
            best[row["genome"]] = float(row["fidelity"])
        trace = found.traces["small"]["asha"][0]
        np.testing.assert_allclose(trace.spent, np.cumsum([float(row["part"]) for row in rows]))
        assert trace.spent[-1] < len(trace) / 2
        assert "parts of whole ones" in (tmp_path / name / "report.html").read_text()


def test_two_objectives(tmp_path):
    small = table()
    arms = ["random", "nsga2:population=8"]
    found = compare(
        tmp_path, arms=arms, tables=[small], objectives=["val", "params"], evaluations=250, design=4
    )
    for arm in arms:
        gaps = found.gaps("small", arm)
        assert (np.diff(gaps, axis=1) <= 1e-12).all()
        assert (gaps >= 0).all()
    assert found.gaps("small", "random")[:, -1].max() < 0.1  # nearly all of the table was seen
    page = (tmp_path / "report.html").read_text()
    assert "missing hypervolume" in page


def test_going_on_does_what_is_missing(tmp_path):
    compare(tmp_path, arms=ARMS[:2], seeds=2)
    before = (tmp_path / "rows.csv").read_bytes()
    seen = []
    found = compare(tmp_path, seeds=3, on_done=lambda done, count, of: seen.append(done.key))
    assert len(seen) == 18 - 8
    assert (tmp_path / "rows.csv").read_bytes().startswith(before)
    fresh = compare(tmp_path / "fresh", seeds=3)
    assert found.summary() == fresh.summary()
    compare(tmp_path, seeds=3, on_done=lambda done, count, of: pytest.fail("nothing is missing"))


def test_an_arm_with_few_searches_is_not_ranked(tmp_path):
    compare(tmp_path, arms=["random"], seeds=1)
    found = compare(tmp_path, arms=ARMS[1:], seeds=4)
    assert found.ranked == ARMS[1:]
    assert found.ranking(40)[0] == ARMS[1:]
    assert "searches as others: random." in (tmp_path / "report.html").read_text()
    pairs = {tuple(pair["arms"]): pair["seeds"] for pair in found.pairs("small", 40)}
    assert pairs == {("random", ARMS[1]): 1, ("random", ARMS[2]): 1, (ARMS[1], ARMS[2]): 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evaluations": 41}, "evaluations is 40 there, 41 now"),
        ({"workers": 2}, "workers is 1 there, 2 now"),
        ({"design": 0}, "design is 10 there, 0 now"),
        ({"metric": "test"}, r"tables.small.metrics is \[\"val\"\] there, \[\"test\"\] now"),
        ({"tables": [table(), table("other", genes=3, shift=1.0)]}, "tables.other.facts.*best is"),
        ({"arms": {"random": "genetic"}}, 'arms.random.name is "random" there, "genetic" now'),
        ({"objectives": ["val", "params"]}, "costs is 1 there, 2 now"),
    ],
)
def test_another_comparison_is_refused(tmp_path, change, message):
    compare(tmp_path, seeds=1)
    before = (tmp_path / "rows.csv").read_bytes()
    with pytest.raises(BenchError, match=message):
        compare(tmp_path, seeds=1, **change)
    assert (tmp_path / "rows.csv").read_bytes() == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BenchError, match="neither empty nor"):
        compare(tmp_path)
    with pytest.raises(BenchError, match="not the folder"):
        Comparison(tmp_path)
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(BenchError, match="not the folder"):
        compare(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("damage", [b"", b"garbage,of,half", b'"open'])
def test_what_a_kill_cut_off_is_dropped(tmp_path, damage):
    expected = compare(tmp_path / "whole", seeds=2).summary()
    cut = tmp_path / "cut"
    compare(cut, seeds=1)
    with open(cut / "rows.csv", "ab") as file:
        file.write(b"random,small,1,1,1,0.0," + damage)
    with open(cut / "searches.csv", "ab") as file:
        file.write(b"random,small,1,ok,40," + damage)
    assert compare(cut, seeds=2).summary() == expected
    records = searches(cut)
    # rows that a crash of the machine has lost
    os.truncate(cut / "rows.csv", int(records[-2]["end"]) + 10)
    seen = []
    again = compare(cut, seeds=2, on_done=lambda done, count, of: seen.append(done.seed))
    assert again.summary() == expected
    assert seen == [1]
    assert searches(cut)[:-1] == records[:-1]


def test_a_failed_search_is_its_own_failure(tmp_path):
    marker = str(tmp_path / "fixed")

    def deadly(space, seed, objectives, initial):
        if seed == 1 and not os.path.exists(marker):
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 2 and not os.path.exists(marker):
            raise ValueError('no\nsuch, "thing" <here>')
        return cb.strategies.Random(space, seed=seed, initial=initial)

    arms = {"deadly": deadly, "random": "random"}
    out = tmp_path / "out"
    found = compare(out, arms=arms, tables=[table()], processes=2)
    assert {(d.seed, d.status) for d in found.failed} == {(1, "crashed"), (2, "error")}
    assert {d.error for d in found.failed if d.seed == 2} == {'such, "thing" <here>'}
    known = found.summary()["tables"]["small"]
    assert (known["arms"]["deadly"]["searches"], known["arms"]["deadly"]["failed"]) == (2, 2)
    assert known["pairs"]["40"][0]["seeds"] == 2
    assert "&lt;here&gt;" in (out / "report.html").read_text()
    Path(marker).touch()
    again = compare(out, arms=arms, tables=[table()], processes=2)
    assert not again.failed
    assert len(again.done) == 8
    np.testing.assert_array_equal(again.gaps("small", "deadly"), again.gaps("small", "random"))


def test_every_search_fails(tmp_path):
    def broken(space, seed):
        raise RuntimeError("never")

    found = compare(tmp_path, arms={"broken": broken}, seeds=2)
    assert (len(found.failed), found.done) == (16 // 4, [])
    with pytest.raises(BenchError, match="no search"):
        found.summary()


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
import cambrian as cb
from bench.small import table

def slow(space, seed, objectives, initial):
    time.sleep(0.1)
    return cb.strategies.Random(space, seed=seed, initial=initial)

cb.bench.strategies({{"slow": slow, "random": "random"}}, [table()], 6, evaluations=30, folder={folder!r},
                    processes=2, on_done=lambda done, count, of: print(count, flush=True))
"""


def start(tmp_path, folder):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1]), folder=str(folder)))
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_gone_on_with(tmp_path, number):
    killed = tmp_path / "killed"
    process = start(tmp_path, killed)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 3:
            process.send_signal(number)
            break
    process.stdout.close()
    assert process.wait(timeout=60) != 0
    assert 3 <= len(searches(killed)) < 12
    kept = (killed / "searches.csv").read_text()
    again = start(tmp_path, killed)
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert (killed / "searches.csv").read_text().startswith(kept)
    straight = compare(
        tmp_path / "straight", {"slow": "random", "random": "random"}, [table()], 6, evaluations=30
    )
    assert Comparison(killed).summary() == straight.summary()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"evaluations": None}, ValueError, "evaluations= or seconds="),
        ({"evaluations": 0}, ValueError, "evaluations must be at least 1"),
        ({"evaluations": 1.5}, TypeError, "evaluations must be a whole number"),
        ({"seconds": float("nan")}, ValueError, "seconds must be more than 0"),
        ({"seconds": "1h"}, TypeError, "seconds must be a number"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"seeds": []}, TypeError, "how many, or a list"),
        ({"seeds": [1, 1]}, ValueError, "each there once"),
        ({"seeds": [-1]}, ValueError, "at least 0"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"design": -1}, ValueError, "design must be at least 0"),
        ({"processes": -1}, ValueError, "processes must be at least 0"),
        ({"arms": ["agin"]}, ValueError, "did you mean 'aging'"),
        ({"arms": ["random", "aging:populaton=3"]}, ValueError, "did you mean 'population'"),
        ({"arms": ["aging:population=1"]}, ValueError, "population must be at least 2"),
        ({"metric": "vla"}, ValueError, "did you mean 'val'"),
    ],
)
def test_bad_arguments_leave_no_folder(tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        compare(tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


def test_parquet_holds_the_same_rows(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    compare(tmp_path, seeds=1, parquet=True)
    with open(tmp_path / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert len(kept) == len(rows)
    assert [row["genome"] for row in kept] == [row["genome"] for row in rows]
    np.testing.assert_array_equal([row["value"] for row in kept], [float(row["value"]) for row in rows])


def test_the_best_is_the_best_however_bad_the_worst(tmp_path):
    space = cb.Space(a=cb.Int(0, 9))
    genomes = np.arange(10, dtype=space.dtype)[:, None]
    loss = 1.0 + 1e-9 * np.arange(10)
    loss[9] = 1e12
    steep = cb.tables.Table(space, genomes, {"loss": cb.tables.Metric({1.0: loss}, maximise=False)})
    found = compare(tmp_path, arms=["random"], tables=[steep], seeds=20, evaluations=3, design=0)
    for trace, hit in zip(found.traces["table"]["random"], found.hits("table", "random", [0.0]), strict=True):
        assert np.isfinite(hit[0]) == (trace.gap == 0).any()
    assert 0 < np.isfinite(found.hits("table", "random", [0.0])).mean() < 1
