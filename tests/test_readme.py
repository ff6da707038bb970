"""Every Python snippet of the README is run as a script of its own, with smaller budgets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cambrian

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"<!-- snippet: ([a-z ]+) -->\n```python\n(.*?)```", README, re.DOTALL))

# What is made smaller, per snippet, so that the tests stay short; each must be there.
SMALLER = {
    "one call": [('budget="2min"', "budget=6, epochs=1")],
    "your own": [("task=cb.Task(X, y), budget=200", "task=cb.Task(X, y), budget=3, epochs=1"),
                 ("10_000_000", "10_000")],
    "ask and tell": [],
    "engine room": [],
    "operators": [],
    "strategies": [],
    "own table": [],
    "networks": [],
    "evaluator": [("space.sample(16", "space.sample(4"), ("epochs=2", "epochs=0.5")],
}  # fmt: skip


def test_every_snippet_is_known() -> None:
    assert README.count("```python") == len(SNIPPETS)
    assert set(SNIPPETS) == set(SMALLER)


@pytest.mark.parametrize("name", SMALLER)
def test_snippet_runs(name: str, tmp_path: Path) -> None:
    code = SNIPPETS[name]
    for written, smaller in SMALLER[name]:
        assert written in code
        code = code.replace(written, smaller)
    script = tmp_path / "snippet.py"
    script.write_text(code, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(cambrian.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:cambrian", str(script)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if name == "one call":
        assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
            "architecture.json", "model.py", "weights.safetensors"
        ]  # fmt: skip
        assert (tmp_path / "report.html").stat().st_size > 1000


def test_commands_of_the_readme_are_the_commands() -> None:
    from cambrian.cli import app

    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    names |= {group.name for group in app.registered_groups}
    assert set(re.findall(r"^\| `cambrian (\w+)", README, re.MULTILINE)) == names


def test_ci_finds_both_commands() -> None:
    for name in ("search", "test"):
        assert re.search(rf"^<!-- command: {name} -->\n```sh\n\S", README, re.MULTILINE)
