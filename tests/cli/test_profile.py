"""`cambrian profile`, and a search with what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cambrian as cb
from cambrian.cli import main, values
from profiles import OTHER, profile

QUICK = ["profile", "mlp", "--input", "64", "--budget", "0.3s", "--networks", "4"]


def test_a_table_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "table.json"
    assert main([*QUICK, "--batch", "1,2", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert str(out) in captured.out
    assert "operations" in captured.err
    found = cb.Profile.load(out)
    assert set(found.times) == {(1, "float32"), (2, "float32")}
    assert json.loads(out.read_text())["version"] == 1


def test_a_space_of_a_file_is_measured(tmp_path: Path) -> None:
    cb.spaces.mlp(input=(8,), outputs=2).save(tmp_path / "space.json")
    given = ["profile", str(tmp_path / "space.json"), *QUICK[2:], "--out", str(tmp_path / "t.json")]
    assert main(given) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--batch", "0"], "--batch"),
        (["--batch", "1,x"], "--batch"),
        (["--input", "3,-1"], "--input"),
        (["--budget", "100"], "such as 90s"),
        (["--precision", "int8"], "precision"),
        (["--device", "tpu"], "cpu or cuda"),
        (["--out", "/nowhere/at/all.json"], "--out"),
    ],
)
def test_bad_usage(given: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, *given]) == 2
    assert message in capsys.readouterr().err


def test_unknown_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "convent"]) == 2
    assert "did you mean 'convnet'" in capsys.readouterr().err


def test_a_search_takes_the_table_of_another_device_only_if_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = cb.spaces.convnet(input=(1, 8, 8), outputs=10)
    table = profile(space, device=OTHER).save(tmp_path / "other.json")
    asked = [
        "search", "digits", "--budget", "1", "--epochs", "0.1", "--workers", "0", "--no-final", "--json",
        "--objectives", "accuracy,predicted_latency", "--output", str(tmp_path / "out"),
        "--profile", str(table), "--speed", "batch=1,seconds=0.001",
    ]  # fmt: skip
    assert main(asked) == 2
    assert "--any-device" in capsys.readouterr().err
    assert main([*asked, "--any-device"]) == 0
    assert "predicted_latency" in json.loads(capsys.readouterr().out)["best"]["metrics"]


def test_speed_on_the_command_line() -> None:
    assert values.speed("") == {}
    assert values.speed("batch=8,within=0.5,batches=1+8") == {"batch": 8, "within": 0.5, "batches": [1, 8]}
    with pytest.raises(ValueError, match="more than once"):
        values.speed("batch=8,batch=1")
    assert values.seconds("2min") == 120
