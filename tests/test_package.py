"""The package as a whole: who imports whom, what importing costs, that names and versions agree."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cambrian

ROOT = Path(cambrian.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# room -> the rooms it may import; `errors` and the room itself are open to all.
CORE = {"_core"}
TRAINING = {"network", "evaluate", "refine"}
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "space": CORE,
    "evolve": CORE | {"space"},
    "strategies": CORE | {"space", "evolve"},
    "network": CORE,
    "evaluate": CORE | {"network"},
    "refine": CORE | {"network", "evaluate"},
    "store": {"evaluate"},
    "tables": CORE | {"space", "strategies", "evaluate"},
}
ARROWS["loop"] = {"_core", "space", "evolve", "strategies", "store", "tables"} | TRAINING
ARROWS["report"] = ARROWS["loop"] | {"loop"}
ARROWS["bench"] = ARROWS["report"] | {"report", "tables"}
ARROWS["cli"] = ARROWS["report"] | {"report", "bench"}
ARROWS["__main__"] = {"cli"}
ARROWS["interop"] = ARROWS["cli"] | {"cli"}
# `run.report(path)` is the one call that goes up; it imports when it is called.
UPWARD_CALLS = {("loop", "report")}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, int]]:
    """Dotted names below `cambrian` that a file imports, anywhere in it, with their lines."""
    package = ["cambrian", *path.relative_to(ROOT).parts[:-1]]
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join(base + ([node.module] if node.module else []))
            names += [(f"{prefix}.{alias.name}", node.lineno) for alias in node.names]
    return [(name.removeprefix("cambrian."), line) for name, line in names if name.startswith("cambrian.")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    assert here in ARROWS, f"{here} is a new room: say in ARROWS what it may import"
    for name, line in imported(path):
        there = name.split(".")[0]
        if there in {here, "errors", "__version__"} or (here, there) in UPWARD_CALLS:
            continue
        assert there in ARROWS[here], f"{path.relative_to(ROOT)}:{line}: {here} must not import {there}"
        if (here, there) == ("store", "evaluate"):
            assert name.startswith("evaluate.evaluation"), f"{path.name}:{line}: the store knows results only"


def narrows(test: ast.expr) -> bool:
    """Whether an assert only tells the type checker what is known: `x is not None`, `isinstance(x, …)`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], ast.IsNot) and ast.unparse(test.comparators[0]) == "None"
    return isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_check_disappears_under_optimisation(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    checks = [node.lineno for node in nodes if isinstance(node, ast.Assert) and not narrows(node.test)]
    assert not checks, f"{path.relative_to(ROOT)}: assert in lines {checks}; raise an error instead"


def modules_after(code: str) -> set[str]:
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_is_light() -> None:
    heavy = {
        "torch",
        "sklearn",
        "safetensors",
        "cloudpickle",
        "pydantic",
        "typer",
        "rich",
        "sqlite3",
        "deap",
        "pymoo",
    }
    assert not modules_after("import cambrian") & heavy


def test_a_task_needs_no_more_than_its_data_do() -> None:
    extras = {"torch", "pandas", "pyarrow", "PIL", "datasets", "torchvision", "torchmetrics", "sklearn"}
    code = "import cambrian as cb\ncb.Task([[float(k)] for k in range(9)], [0, 1, 2] * 3)"
    assert not modules_after(code) & extras


def test_spaces_and_strategies_need_no_extra() -> None:
    code = (
        "import cambrian as cb\n"
        "space = cb.spaces.make('convnet', (1, 8, 8), 10)\n"
        "batch = cb.strategies.make('nsga2', space, objectives=2).ask(4)\n"
        "space.resources(batch.genomes)\n"
    )
    assert not modules_after(code) & {"torch", "scipy", "optuna"}


@pytest.mark.parametrize("name", cambrian.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(cambrian, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        cambrian.serach  # noqa: B018


def test_versions_agree() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1] == cambrian.__version__  # type: ignore[index]


def test_types_are_shipped() -> None:
    assert (ROOT / "py.typed").exists()
    stub = ast.parse((ROOT / "_core.pyi").read_text())
    declared = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)} | {"Layout", "Trainer"}
    declared |= {"MissingModulesError"}
    core = importlib.import_module("cambrian._core")
    assert {name for name in dir(core) if not name.startswith("_")} == declared
