from __future__ import annotations

import itertools
import json

import pytest

pytest.importorskip("scipy", reason="statistics need the extra stats")

from cambrian.cli.app import main
from cambrian.cli.bench import tables


@pytest.fixture
def table(tmp_path):
    """A file of 64 rows with its description beside it."""
    lines = ["a,b,c,val,test"]
    lines += [f"{a},{b},{c},{a + 2 * b - c},{a}" for a, b, c in itertools.product(range(4), repeat=3)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    described = {
        "genes": {name: {"column": name} for name in "abc"},
        "metrics": {name: {"column": name, "direction": "max"} for name in ("val", "test")},
        "reward": "val",
    }
    (tmp_path / "rows.json").write_text(json.dumps(described))
    return tmp_path / "rows.csv"


def run(table, *words):
    given = ["--table", str(table), "--evaluations", "20", "--seeds", "2", "--processes", "0", *words]
    return main(["bench", "strategies", "random", "aging:population=5,sample=2", *given])


def test_a_comparison_from_the_command_line(table, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(table, "--out", str(out)) == 0
    said = capsys.readouterr()
    assert f"report: {out / 'report.html'}" in said.out
    assert "4 of 4 searches" in said.err
    assert (out / "report.md").exists()
    assert run(table, "--out", str(out), "--json") == 0
    said = capsys.readouterr()
    summary = json.loads(said.out)
    assert set(summary["tables"]["rows"]["arms"]) == {"random", "aging:population=5,sample=2"}
    assert summary["tables"]["rows"]["arms"]["random"]["searches"] == 2
    assert summary["tables"]["rows"]["test"] == 3
    assert "of 4 searches" not in said.err  # everything was there


def test_the_report_of_what_is_done(table, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(table, "--out", str(out)) == 0
    page = (out / "report.html").read_text()
    (out / "report.html").unlink()
    capsys.readouterr()
    assert main(["bench", "report", str(out)]) == 0
    assert f"report: {out / 'report.html'}" in capsys.readouterr().out
    assert (out / "report.html").read_text() == page
    assert main(["bench", "report", str(tmp_path)]) == 2
    assert "not the folder of a comparison" in capsys.readouterr().err


def test_interrupted(table, tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cambrian.bench.strategies", stopped)
    assert run(table, "--out", str(tmp_path / "out")) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--design", "3"], 2, "design is 10 there, 3 now"),
        (["--metric", "vla"], 2, "did you mean 'val'"),
        (["--objectives", "val,test", "--metric", "val"], 2, "not both"),
        (["--table", "missing.csv"], 2, "missing"),
    ],
)
def test_what_goes_wrong_is_one_line(table, tmp_path, capsys, words, code, message):
    out = tmp_path / "out"
    assert run(table, "--out", str(out)) == 0
    assert run(table, "--out", str(out), *words) == code
    said = capsys.readouterr().err
    assert message in said.splitlines()[-1]


def test_unknown_strategy_and_no_table(table, tmp_path, capsys):
    given = ["--table", str(table), "--out", str(tmp_path / "out")]
    assert main(["bench", "strategies", "agin", *given]) == 2
    assert "did you mean 'aging'" in capsys.readouterr().err
    assert main(["bench", "strategies", "random", "--out", str(tmp_path / "out")]) == 2
    assert main(["bench", "strategies", *given]) == 2
    assert not (tmp_path / "out").exists()


def test_tables_with_options(tmp_path):
    odd = tmp_path / "odd:name=1.csv"
    odd.touch()
    assert tables(["x/fcnet.npz:metric=naval,values=1", "x/b.npz:objectives=a+b,name=two", str(odd)]) == {
        "fcnet naval": {"table": "x/fcnet.npz", "metric": "naval", "values": 1},
        "two": {"table": "x/b.npz", "objectives": ["a", "b"]},
        "odd:name=1": {"table": str(odd)},
    }
    with pytest.raises(ValueError, match="rows is there more than once"):
        tables(["a/rows.csv", "b/rows.csv"])
    with pytest.raises(ValueError, match="key=value"):
        tables(["a.csv:metric=a,b"])
    with pytest.raises(ValueError, match="metric is given more than once"):
        tables(["a.csv:metric=a,metric=b"])
