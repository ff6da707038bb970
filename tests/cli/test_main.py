"""The command as a user meets it: exit codes, one-line errors, JSON, piped output, Ctrl-C and resume."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cambrian
from cambrian import cli
from cambrian.cli.app import FAILED, STORE, USAGE
from cambrian.errors import MissingExtraError, StoreError

QUICK = ["--budget", "6", "--epochs", "1", "--workers", "0"]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cambrian", *map(str, arguments)]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    root = str(Path(cambrian.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "FORCE_COLOR": "1"}


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, str]:
    """The folder and the output of a short search with its finalists, run as a user would."""
    folder = tmp_path_factory.mktemp("searched")
    done = subprocess.run(
        command("search", "digits", *QUICK), cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "cambrian-digits-seed0", done.stdout


@pytest.fixture
def store(searched: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the store of that search."""
    return Path(shutil.copy(searched[0] / "search.db", tmp_path / "search.db"))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def data(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_search_piped(searched: tuple[Path, str]) -> None:
    folder, output = searched
    assert all(line.isprintable() for line in output.splitlines())
    assert "best: test accuracy" in output
    assert len(re.findall(r"^  candidate \d+: validation accuracy", output, re.MULTILINE)) >= 1
    assert "report.html" in output
    assert "search.db" in output
    assert sorted(path.name for path in (folder / "best").iterdir()) == [
        "architecture.json", "model.py", "weights.safetensors"
    ]  # fmt: skip


def test_model_runs_without_cambrian(searched: tuple[Path, str], tmp_path: Path) -> None:
    code = (
        "import sys, torch, safetensors.torch\n"
        "sys.path.insert(0, '.')\n"
        "import model\n"
        "network = model.Model()\n"
        "network.load_state_dict(safetensors.torch.load_file('weights.safetensors'))\n"
        "print(tuple(network.eval()(torch.zeros(2, 1, 8, 8)).shape), 'cambrian' in sys.modules)\n"
    )
    folder = shutil.copytree(searched[0] / "best", tmp_path / "best")
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "(2, 10) False"


def test_search_json_and_fresh_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("cambrian-digits-seed3", "cambrian-digits-seed3-2"):
        arguments = [
            "--seed",
            "3",
            "--no-final",
            "--objectives",
            "accuracy,params",
            "--constraint",
            "macs=1e6",
        ]
        code, out, err = run(capsys, "search", "digits", *QUICK, *arguments, "--json")
        assert code == 0, err
        found = json.loads(out)
        assert found["report"] == f"{folder}/report.html"
        assert Path(found["store"]).exists()
        assert found["counts"]["ok"] >= 1
        assert all(row["metrics"]["macs"] <= 1e6 for row in found["front"])
        assert found["finalists"] == []
        assert "best accuracy" in err


def test_show(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "show", store)
    assert len(found["runs"]) == 1
    assert sum(found["counts"].values()) >= 6
    assert data(capsys, "show", store, "--best")["id"] == found["best"]["id"]
    assert [row["id"] for row in data(capsys, "show", store, "--front")] == [
        row["id"] for row in found["front"]
    ]
    one = data(capsys, "show", store, "--candidate", found["best"]["id"], "--run", 1)
    assert one["config"] == found["best"]["config"]
    for flags in ([], ["--best"], ["--front"], ["--candidate", "0"]):
        code, out, _ = run(capsys, "show", store, *flags)
        assert code == 0
        assert "accuracy" in out


def test_show_draws_the_network(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = data(capsys, "show", store, "--best")["id"]
    code, out, err = run(capsys, "show", store, "--svg", tmp_path / "a.svg", "--dot", tmp_path / "a.gv")
    assert (code, out) == (0, "")
    assert err.splitlines() == [f"candidate {best}: {tmp_path / name}" for name in ("a.svg", "a.gv")]
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")
    assert (tmp_path / "a.gv").read_text(encoding="utf-8").startswith("digraph")
    found = data(capsys, "show", store, "--candidate", 0, "--svg", tmp_path / "b.svg")
    assert found["id"] == 0
    assert (tmp_path / "b.svg").exists()
    for flags, message in (
        (["--svg", tmp_path / "a.png"], "name a file that ends in .svg"),
        (["--front", "--dot", tmp_path / "a.dot"], "choose it with --best or --candidate"),
    ):
        code, _, err = run(capsys, "show", store, *flags)
        assert (code, message in err) == (USAGE, True), err
    code, _, err = run(capsys, "show", store, "--svg", tmp_path / "none" / "a.svg")
    assert code == FAILED
    assert "No such file" in err


def test_export_and_report(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "export", store, "--to", tmp_path / "net")
    assert code == 0, err
    assert "model.py" in out
    assert (tmp_path / "net" / "weights.safetensors").exists()
    code, _, err = run(capsys, "export", store, "--to", tmp_path / "net")
    assert (code, "not an empty folder" in err) == (USAGE, True)
    code, _, err = run(capsys, "report", store, "--to", tmp_path / "page.html")
    assert code == 0, err
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_resume_with_more_budget(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = data(capsys, "show", store)["counts"]
    found = data(capsys, "resume", store, "--budget", "9", "--no-final", "--output", tmp_path / "more")
    assert sum(found["counts"].values()) >= sum(before.values()) + 3
    assert (tmp_path / "more" / "report.html").exists()


def test_interrupt_and_resume(
    tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "out" / "search.db"
    with subprocess.Popen(
        command("search", "--budget", 60, "--epochs", 1, "--output", kept.parent, "--strategy", "random"),
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        wait_for_evaluations(kept, 3, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"cambrian resume {kept}" in out
    assert 3 <= sum(data(capsys, "show", kept)["counts"].values()) < 60
    found = data(capsys, "resume", kept, "--no-final", "--budget", "20")
    assert sum(found["counts"].values()) >= 20


def wait_for_evaluations(store: Path, n: int, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        if store.exists():
            with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
                try:
                    if connection.execute("SELECT count(*) FROM evaluation").fetchone()[0] >= n:
                        return
                except sqlite3.OperationalError:
                    continue  # the tables aren't there yet
    pytest.fail("no evaluations within a minute")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serach"], "serach"),
        (["search", "digit"], "did you mean 'digits'"),
        (["search", "--space", "convnets"], "did you mean 'convnet'"),
        (["search", "--strategy", "agin"], "did you mean 'aging'"),
        (["search", "--strategy", "aging:x"], "expected key=value"),
        (["search", "--strategy", "aging", "-o", "sampel=3"], "did you mean 'sample'"),
        (["search", "--option", "population=x"], "population takes a whole number"),
        (["search", "--weight", "accuracy=1"], "'params' is missing"),
        (["search", "--weight", "accuracy=1", "--weight", "parms=1"], "did you mean 'params'"),
        (["strategies", "agin"], "did you mean 'aging'"),
        (["search", "--objectives", "acuracy"], "acuracy"),
        (["search", "--constraint", "macs"], "expected key=value"),
        (["search", "--budget", "soon"], "budget 'soon' can't be read"),
        (["search", "--budget", "0"], "budget must be more than 0"),
        (["search", "--seed", "x"], "seed"),
        (["search", "--device", "abacus"], "abacus"),
        (["search", "--within", "nan"], "--within must be"),
        (["search", "--within", "-1"], "--within must be"),
        (["search", "../../x"], "unknown task"),
        (["search", "--nothing"], "--nothing"),
        (["search", "--space", "none.json"], "none.json"),
        (["show"], "STORE"),
        (["show", "x.db", "--best", "--front"], "choose one"),
    ],
)
def test_bad_usage_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == (USAGE if "none.json" not in arguments else FAILED)
    assert words in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("mine")
    code, _, err = run(capsys, "search", "--output", tmp_path)
    assert (code, "not an empty folder" in err) == (USAGE, True)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("name", ["show", "resume", "report", "doctor"])
def test_store_that_cannot_be_used(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to look at its head\n" * 10)
    for path in (text, tmp_path / "none.db", tmp_path):
        code, _, err = run(capsys, name, path)
        assert code == STORE
        assert str(path) in err
        assert len(err.splitlines()) == 1


def test_candidate_and_run_that_are_not_there(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "show", store, "--candidate", 99999)
    assert (code, "no candidate 99999" in err) == (USAGE, True)
    code, _, err = run(capsys, "show", store, "--run", 5)
    assert (code, "no run 5" in err) == (STORE, True)


def test_doctor(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = data(capsys, "doctor", store)
    assert facts["versions"]["cambrian"] == cambrian.__version__
    assert facts["core"]["compiler"]
    assert "-ffp-contract=off" in facts["core"]["flags"] or os.name == "nt"
    assert "-march" not in facts["core"]["flags"]
    assert facts["devices"]["auto"]
    assert facts["store"]["state"] == "sound"
    assert facts["store"]["runs"] == 1
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    assert "simd" in out


def test_doctor_finds_damage(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(store.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    content[page : 3 * page] = b"\xa5" * (2 * page)
    store.write_bytes(content)
    code, _, err = run(capsys, "doctor", store)
    assert code == STORE
    assert "damaged" in err


def test_failed_run_has_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--constraint", "params=1", "--output", tmp_path / "out", "--json"]
    code, out, err = run(capsys, "search", *QUICK, *arguments)
    assert code == FAILED
    assert json.loads(out)["best"] is None
    assert "no candidate succeeded" in err.splitlines()[-1]


def test_missing_extra_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(module: str, extra: str, purpose: str) -> None:
        raise MissingExtraError(f"{purpose} needs {module!r}; run: pip install 'cambrian[{extra}]'")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cambrian.cli.search.require", missing)
    code, _, err = run(capsys, "search")
    assert code == FAILED
    assert "pip install 'cambrian[train]'" in err
    assert len(err.splitlines()) == 1


def test_debug_shows_the_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        cli.main(["show", str(tmp_path / "none.db"), "--debug"])


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert all(
        name in out for name in ("search", "resume", "show", "export", "report", "doctor", "Exit codes")
    )
    assert run(capsys, "--version")[1] == f"cambrian {cambrian.__version__}\n"
    assert "--constraint" in run(capsys, "search", "--help")[1]


def test_search_whose_reader_leaves(tmp_path: Path, environment: dict[str, str]) -> None:
    line = f"{' '.join(command('search', *QUICK, '--output', 'out'))} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == FAILED
    assert done.stderr.splitlines() == [
        "cambrian: error: nobody reads the output any more; go on with: cambrian resume out/search.db"
    ]


def test_closed_output(store: Path, environment: dict[str, str]) -> None:
    line = f"{' '.join(command('show', store))} >&- 2>&-"
    assert subprocess.run(["bash", "-c", line], env=environment, timeout=60, check=False).returncode == 0


def test_reader_that_leaves(store: Path, environment: dict[str, str]) -> None:
    line = f"{' '.join(command('show', store, '--json'))} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")
