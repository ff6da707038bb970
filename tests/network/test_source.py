"""The standalone source, run where cambrian can't be imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cambrian.network import build, ops
from cambrian.network.graph import Graph
from cambrian.network.source import source
from network.examples import NETWORKS, Sketch, inputs_of, single, zero

RUNNER = """
import importlib.util, json, sys
from pathlib import Path
sys.modules["cambrian"] = None
import torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
for folder in map(Path, sys.argv[1:]):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(7)
    model = module.Model()
    fresh = {f"fresh {key}": value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    x = load_file(folder / "x.safetensors")["x"]
    model.double()
    torch.manual_seed(8)
    flat = lambda y: y.detach().flatten().clone()
    outputs = {"train": flat(model(x)), "eval": flat(model.eval()(x))}
    save_file(fresh | outputs, folder / "y.safetensors")
"""


def run_python(script: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-I", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def flat(y: torch.Tensor) -> torch.Tensor:
    return y.detach().flatten().clone()


def run_sources(graphs: dict[str, Graph], folder: Path) -> None:
    """Check each source against the module of its graph: first weights, outputs in both modes."""
    for name, graph in graphs.items():
        place = folder / name
        place.mkdir()
        torch.manual_seed(7)
        module = build(graph)
        expected = {f"fresh {key}": value.clone() for key, value in module.state_dict().items()}
        for key, weight in module.named_parameters():
            torch.nn.init.normal_(weight, 0.5 if "norm" in key else 0.0, 0.5)
        module.double()
        x = inputs_of(graph, 3, torch.float64)
        save_file(module.state_dict(), place / "weights.safetensors")
        save_file({"x": x}, place / "x.safetensors")
        (place / "model.py").write_text(source(graph), encoding="utf-8")
        torch.manual_seed(8)
        expected |= {"train": flat(module(x)), "eval": flat(module.eval()(x))}
        save_file(expected, place / "expected.safetensors")
    (folder / "runner.py").write_text(RUNNER, encoding="utf-8")
    places = [str(folder / name) for name in graphs]
    done = subprocess.run(
        [sys.executable, "-I", folder / "runner.py", *places], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in graphs:
        actual = load_file(folder / name / "y.safetensors")
        expected = load_file(folder / name / "expected.safetensors")
        assert list(actual) == list(expected), name
        for key, value in expected.items():
            if key.startswith("fresh"):
                assert torch.equal(actual[key], value), (name, key)
            else:  # the last bits depend on where in memory a matrix lies
                torch.testing.assert_close(actual[key], value, rtol=1e-10, atol=1e-10, msg=f"{name} {key}")


def one_of_each() -> dict[str, Graph]:
    """Return a network of each operation alone, with every word its attributes may be."""
    image = (4, 5, 6)
    graphs = {
        "conv2d-plain": single(image, "conv2d"),
        "conv2d-full": single(image, "conv2d", channels=6, kernel=5, stride=2, dilation=2, groups=2, bias=1),
        "linear": single((4,), "linear"),
        "linear-bare": single((4, 3), "linear", bias=0),
        "max_pool": single(image, "max_pool", kernel=2, stride=2),
        "avg_pool": single(image, "avg_pool", kernel=3, stride=2),
        "resize": single(image, "resize", height=2, width=7),
        "flatten": single(image, "flatten"),
        "dropout": single(image, "dropout", p=333_333),
        "zero": single(image, "zero"),
        "identity": single(image, "identity"),
        "input": Sketch(3).graph(),
    }
    net = Sketch(3, 4, 4)
    zero(net, 7)
    graphs["zero-features"] = net.graph()
    for shape in ((4,), (5, 4), image):
        rank = len(shape)
        graphs[f"mean-{rank}"] = single(shape, "mean")
        for kind in ops.table()["norm"].kinds["kind"]:
            graphs[f"norm-{kind}-{rank}"] = single(shape, "norm", kind=kind)
        for op in ("add", "concat", "multiply"):
            net = Sketch(*shape)
            net.add("activation", kind="tanh")
            net.add(op, 0, 1)
            graphs[f"{op}-{rank}"] = net.graph()
    for kind in ops.table()["activation"].kinds["kind"]:
        graphs[f"activation-{kind}"] = single((4,), "activation", kind=kind)
    return graphs


def test_source_equals_module(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        run_sources(one_of_each() | NETWORKS, tmp_path)


def test_source_runs_as_a_script(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(source(NETWORKS["image"]), encoding="utf-8")
    printed = run_python(tmp_path / "model.py")
    assert f"output: (2, 10) parameters: {NETWORKS['image'].params}" in printed


def test_source_reads_well() -> None:
    net = Sketch(1, 8, 8)
    net.add("conv2d", channels=16)
    net.add("activation", kind="relu")
    net.add("conv2d", 0, channels=16, kernel=1, bias=1)
    net.add("add", 2, 3)
    text = source(net.graph())
    head = text.split('"""')[1]
    for line in ("input   1 x 8 x 8", "output  16 x 8 x 8", "params  176", "MACs    10,240 a sample"):
        assert line in head
    assert "        self.conv2d_1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)\n" in text
    assert "        self.conv2d_3 = nn.Conv2d(1, 16, 1)\n" in text
    assert "        x1 = self.conv2d_1(x0)      # 16 x 8 x 8\n" in text
    assert "        x4 = x2 + x3                # 16 x 8 x 8\n        return x4\n" in text


@pytest.mark.parametrize("name", NETWORKS)
def test_source_imports_torch_only(name: str) -> None:
    tree = ast.parse(source(NETWORKS[name]))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    expected = {"adaptive": ["from collections.abc import Callable, Sequence", "from torch import Tensor, nn",
                             "from torch.nn import functional as F", "import torch"],
                "own": ["from torch import nn", "from torch.nn import PReLU", "import torch"]}  # fmt: skip
    plain = ["from torch import nn", "import torch"]
    assert sorted(ast.unparse(node) for node in imported) == expected.get(name, plain)


def test_source_wants_a_graph() -> None:
    with pytest.raises(TypeError, match="graph must be a cambrian"):
        source(json.loads("{}"))
