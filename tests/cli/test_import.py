"""Spaces that use a user's own classes, from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cambrian
from cambrian import cli

_CLASSES = """
import torch

class Widen(torch.nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.layer = torch.nn.Conv2d(channels, width, 1)

    def forward(self, x):
        return self.layer(x)
"""
_SPACE = """
import cambrian as cb
from myclasses import Widen

widen = cb.module(Widen, channels=lambda x: x.channels, shape=lambda x, width: (width, x.height, x.width))
slot = cb.Group(op=cb.Choice(widen=widen), width=cb.Choice(4, 6))
cb.Space(None, (1, 8, 8), 10, layers=cb.Repeat(slot, 1, 2), head=cb.Choice("mean")).save("space.json")
"""


def test_modules_are_loaded_when_asked_for(tmp_path: Path) -> None:
    root = str(Path(cambrian.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, text=True, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
        )  # fmt: skip

    (tmp_path / "myclasses.py").write_text(_CLASSES)
    made = call("-c", _SPACE)
    assert made.returncode == 0, made.stderr
    search = (
        "search",
        "digits",
        "--space",
        "space.json",
        "--budget",
        "2",
        "--epochs",
        "1",
        "--output",
        "out",
    )
    refused = call("-m", "cambrian", *search)
    assert refused.returncode != 0
    assert "cambrian --import myclasses" in refused.stderr
    found = call("-m", "cambrian", "--import", "myclasses", *search)
    assert found.returncode == 0, found.stderr


def test_a_module_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--import", "nosuchmodule", "doctor"]) == 2
    assert "--import nosuchmodule: ModuleNotFoundError" in capsys.readouterr().err
