"""Graphs and architectures as data: what is accepted, what is refused and how, JSON there and back."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from cambrian.network import graph as graph_module
from cambrian.network.architecture import Architecture
from cambrian.network.graph import Graph, Node
from network.examples import NETWORKS, Sketch, single

IMAGE = NETWORKS["image"]


@pytest.mark.parametrize("name", NETWORKS)
def test_json_there_and_back(name: str) -> None:
    graph = NETWORKS[name]
    assert Graph.from_json(graph.to_json()) == graph
    recipe = {"lr": 0.1, "optimizer": "sgd", "nesterov": True, "batch_size": 32, "schedule": None}
    architecture = Architecture(graph, recipe, "0123456789abcdef" * 2)
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture
    assert dict(again.recipe) == recipe
    assert type(again.recipe["nesterov"]) is bool


def test_graphs_are_values() -> None:
    assert pickle.loads(pickle.dumps(IMAGE)) == IMAGE
    assert copy.deepcopy(IMAGE) == IMAGE
    assert len({IMAGE, Graph.from_json(IMAGE.to_json())}) == 1
    assert NETWORKS["tokens"] != IMAGE
    architecture = Architecture(IMAGE, {"lr": 0.1})
    assert pickle.loads(pickle.dumps(architecture)) == architecture
    assert len({architecture, copy.deepcopy(architecture)}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        IMAGE.nodes = ()  # type: ignore[misc]
    with pytest.raises(TypeError, match="does not support item assignment"):
        IMAGE.nodes[1].attrs["channels"] = 7  # type: ignore[index]
    with pytest.raises(TypeError, match="does not support item assignment"):
        architecture.recipe["lr"] = 1  # type: ignore[index]


def test_repr_can_be_evaluated() -> None:
    assert eval(repr(IMAGE), {"Graph": Graph, "Node": Node}) == IMAGE


def test_params_and_macs_by_hand() -> None:
    net = Sketch(3, 8, 8)
    net.add("conv2d", channels=16, kernel=3, stride=2, bias=1)
    net.add("norm", kind="batch")
    net.add("conv2d", channels=16, kernel=5, groups=16)
    net.add("flatten")
    net.add("linear", features=10)
    graph = net.graph()
    assert graph.params == (3 * 9 * 16 + 16) + 32 + 25 * 16 + (256 * 10 + 10)
    assert graph.macs == 3 * 9 * 16 * 16 + 25 * 16 * 16 + 2560


def node(**change: Any) -> dict[str, Any]:
    """Return an `activation` after the input of 4 features, changed."""
    return {"op": "activation", "inputs": [0], "attrs": {"kind": "relu"}, "shape": [4]} | change


def document(*nodes: Any) -> dict[str, Any]:
    first = {"op": "input", "inputs": [], "attrs": {}, "shape": [4]}
    return {"format": "cambrian-graph", "version": 1, "nodes": [first, *nodes]}


def conv(shape: list[int], **change: int) -> list[dict[str, Any]]:
    attrs = {"channels": 4, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": 0} | change
    first = {"op": "input", "inputs": [], "attrs": {}, "shape": [4, 6, 6]}
    return [first, {"op": "conv2d", "inputs": [0], "attrs": attrs, "shape": shape}]


BAD_DOCUMENTS: dict[str, tuple[Any, str]] = {
    "list": ([], "expected an object of the format 'cambrian-graph', got list"),
    "no format": ({"version": 1, "nodes": []}, "expected an object of the format"),
    "other format": (document() | {"format": "onnx"}, "got 'onnx'"),
    "newer": (document() | {"version": 2}, "version 2 is newer than 1"),
    "far newer": (document() | {"version": 10**400}, "a number of 1329 bits is newer"),
    "version 0": (document() | {"version": 0}, "version must be a whole number from 1, got 0"),
    "version true": (document() | {"version": True}, "version must be a whole number from 1, got True"),
    "extra entry": (document() | {"code": "x"}, "a graph has unknown entries: 'code'"),
    "no nodes entry": ({"format": "cambrian-graph", "version": 1}, "a graph lacks nodes"),
    "nodes object": (document() | {"nodes": {}}, "nodes must be a list, got dict"),
    "no node": (document() | {"nodes": []}, "node 0 must be the input, got no nodes"),
    "no input": (document() | {"nodes": [node()]}, "node 0 must be the input, got activation"),
    "node number": (document(3), "node 1 must be an object, got int"),
    "node lacks": (document({"op": "mean"}), "node 1 lacks attrs, inputs, shape"),
    "node extra": (document(node(name="x")), "node 1 has unknown entries: 'name'"),
    "op number": (document(node(op=3)), "node 1: op must be a str, got int"),
    "inputs text": (document(node(inputs="0")), "node 1: inputs must be a list, got str"),
    "attrs list": (document(node(attrs=[])), "node 1: attrs must be a dict, got list"),
    "shape null": (document(node(shape=None)), "node 1: shape must be a list, got NoneType"),
    "unknown op": (document(node(op="activaton")), "did you mean 'activation'"),
    "op is code": (document(node(op="__import__('os')")), "unknown operation"),
    "second input": (document(node(op="input", attrs={}, inputs=[])), "the input is node 0"),
    "input reads": (document() | {"nodes": [node(op="input", attrs={})]}, "reads only earlier ones"),
    "no attr": (document(node(attrs={})), "activation takes kind; got none"),
    "other attr": (document(node(attrs={"kind": "relu", "x": 1})), "activation takes kind; got"),
    "unknown kind": (document(node(attrs={"kind": "rely"})), "did you mean 'relu'"),
    "kind number": (document(node(attrs={"kind": 1})), "unknown activation kind"),
    "kind list": (document(node(attrs={"kind": ["relu"]})), "unknown activation kind"),
    "itself": (document(node(inputs=[1])), "node 1 .*reads node 1; a node reads only earlier ones"),
    "forward": (document(node(inputs=[2]), node(inputs=[1])), "node 1 .*reads node 2; a node"),
    "negative": (document(node(inputs=[-1])), "an input must be a whole number from 0"),
    "fraction": (document(node(inputs=[0.0])), "an input must be a whole number from 0 .* got 0.0"),
    "bool input": (document(node(inputs=[False])), "an input must be a whole number from 0"),
    "nested input": (document(node(inputs=[[0]])), "an input must be a whole number"),
    "huge input": (document(node(inputs=[10**5000])), "got a number of 16610 bits"),
    "no inputs": (document(node(inputs=[])), "takes 1 inputs, got 0"),
    "two inputs": (document(node(inputs=[0, 0])), "takes 1 inputs, got 2"),
    "add of one": (document(node(op="add", attrs={})), "takes at least 2 inputs, got 1"),
    "shape wrong": (document(node(shape=[5])), r"the shape must be \(4,\) by its inputs, got \(5,\)"),
    "shape empty": (document(node(shape=[])), "shape must have 1 to 4 dimensions, got 0"),
    "shape long": (document(node(shape=[4] * 5)), "shape must have 1 to 4 dimensions, got 5"),
    "side 0": (document(node(shape=[0])), "every side of the shape must be a whole number from 1"),
    "side text": (document(node(shape=["4"])), "every side of the shape must be .* got '4'"),
    "side fraction": (document(node(shape=[4.0])), "every side of the shape must be .* got 4.0"),
    "side NaN": (document(node(shape=[float("nan")])), "every side of the shape must be .* got nan"),
    "loose": (document(node(), node()), r"node 1 \(activation\) is read by nothing"),
    "even kernel": (document() | {"nodes": conv([4, 6, 6], kernel=2)}, "kernel must be odd, got 2"),
    "groups": (document() | {"nodes": conv([4, 6, 6], groups=3)}, "groups=3 must divide the channels 4 → 4"),
    "stride 0": (document() | {"nodes": conv([4, 6, 6], stride=0)}, "conv2d stride must be .* got 0"),
    "bias 2": (document() | {"nodes": conv([4, 6, 6], bias=2)}, "bias must be a whole number from 0 to 1"),
    "huge kernel": (
        document() | {"nodes": conv([4, 6, 6], kernel=10**30)},
        "conv2d kernel must be .* to 2147",
    ),
    "many params": (
        document() | {"nodes": conv([2**31 - 1, 6, 6], channels=2**31 - 1, kernel=2**31 - 1)},
        "more than 9223372036854775807 parameters",
    ),
    "huge input shape": (
        document() | {"nodes": [node(op="input", attrs={}, inputs=[], shape=[2**31 - 1] * 3)]},
        "the output has more than 9223372036854775807 elements",
    ),
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_hostile_graphs_are_refused(name: str) -> None:
    data, message = BAD_DOCUMENTS[name]
    with pytest.raises(ValueError, match=message) as caught:
        Graph.from_dict(data)
    assert len(str(caught.value)) < 500


def test_too_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "MAX_NODES", 3)
    nodes = [node(inputs=[i]) for i in range(3)]
    assert len(Graph.from_dict(document(*nodes[:2]))) == 3
    with pytest.raises(ValueError, match="at most 3 nodes, got 4"):
        Graph.from_dict(document(*nodes))
    with pytest.raises(ValueError, match="at most 3 nodes, got 4"):
        Graph((NETWORKS["features"].nodes[0],) * 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON, or was cut off"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ("{}" + " " * (16 * 2**20), "16777218 characters"),
        ('{"version": NaN}', "holds NaN"),
        ('{"version": -Infinity}', "holds -Infinity"),
        ('{"version": 1, "version": 2}', "an object has 'version' twice"),
        ("null", "got NoneType"),
        ("1" * 5000, "Exceeds the limit|expected an object"),
    ],
)
def test_hostile_text_is_refused(text: str, message: str) -> None:
    for reader in (Graph.from_json, Architecture.from_json):
        with pytest.raises(ValueError, match=message):
            reader(text)


def test_text_must_be_text() -> None:
    with pytest.raises(TypeError, match="text must be a str of JSON, got bytes"):
        Graph.from_json(b"{}")  # type: ignore[arg-type]


def test_text_cut_off_anywhere_is_refused() -> None:
    text = Architecture(NETWORKS["tokens"], {"lr": 0.1}).to_json()
    for end in range(len(text)):
        with pytest.raises(ValueError, match="not JSON, or was cut off"):
            Architecture.from_json(text[:end])


JUNK = [
    None,
    True,
    -1,
    0,
    1,
    2,
    3,
    7,
    2**31,
    10**40,
    0.5,
    float("nan"),
    "",
    "relu",
    "input",
    "add",
    [],
    [0],
    {},
    [[]],
]


def positions(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a document."""
    keys = value if isinstance(value, dict) else range(len(value))
    found = []
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += positions(value[key])
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_a_damaged_document_is_refused_or_a_sound_graph(name: str) -> None:
    generator = np.random.default_rng(1)
    refused = 0
    for _ in range(1500):
        data = NETWORKS[name].to_dict()
        for _ in range(generator.integers(1, 3)):
            places = positions(data)
            holder, key = places[generator.integers(len(places))]
            if generator.random() < 0.2:
                del holder[key]
            else:
                holder[key] = JUNK[generator.integers(len(JUNK))]
        try:
            graph = Graph.from_dict(data)
        except ValueError:
            refused += 1
        else:
            assert Graph.from_json(graph.to_json()) == graph
    assert refused > 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hash": "xyz"}, "hash must be 32 lower-case hex digits or None, got 'xyz'"),
        ({"hash": 3}, "hash must be 32"),
        ({"recipe": []}, "recipe must map names to values, got list"),
        ({"recipe": {"lr": [1]}}, r"recipe: 'lr' must be a string, a finite number.* got \[1\]"),
        ({"recipe": {"lr": float("inf")}}, "recipe: 'lr' must be .* got inf"),
        ({"graph": None}, "expected an object of the format 'cambrian-graph', got NoneType"),
        ({"code": ""}, "unknown entries: 'code'"),
        ({"version": 3}, "version 3 is newer than 1, .*update cambrian"),
    ],
)
def test_hostile_architectures_are_refused(change: dict[str, Any], message: str) -> None:
    data = Architecture(IMAGE).to_dict() | change
    with pytest.raises(ValueError, match=message):
        Architecture.from_dict(data)


def test_architecture_wants_a_graph() -> None:
    with pytest.raises(TypeError, match=r"graph must be a cambrian\.Graph, got dict"):
        Architecture(IMAGE.to_dict())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="recipe: every name must be a str, got 1"):
        Architecture(IMAGE, {1: 2})  # type: ignore[dict-item]


def test_summary() -> None:
    net = Sketch(1, 8, 8)
    net.add("conv2d", channels=1000, kernel=1, bias=1)
    net.add("mean")
    text = Architecture(net.graph(), {"lr": 0.1, "optimizer": "adamw"}).summary()
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "attributes", "from", "output", "params", "macs"]
    assert lines[3].startswith("conv2d_1  channels=1000 kernel=1 stride=1 bias=1  0     1000×8×8 ")
    assert lines[3].split()[-2:] == ["2,000", "64,000"]
    assert lines[4].split() == ["mean_2", "1", "1000"]
    assert lines[6].split() == ["total", "2,000", "64,000"]
    assert lines[7] == "recipe: lr=0.1, optimizer=adamw"
    assert len({len(line) for line in (lines[0], lines[3], lines[6])}) == 1


def test_words_of_the_core() -> None:
    """Arrays as the core gives them, two graphs in one, written by hand."""
    arrays = {
        "nodes": np.array([0, 3, 5]),
        "op": np.array([0, 3, 2, 0, 4], np.uint8),
        "attrs": np.array([[0, 0], [1, 0], [5, 1], [0, 0], [1, 0]]),
        "shape": np.array([[4, 0, 0, 0], [4, 0, 0, 0], [5, 0, 0, 0], [2, 3, 3, 0], [2, 3, 3, 0]]),
        "rank": np.array([1, 1, 1, 3, 3], np.uint8),
        "edges": np.array([0, 0, 1, 2, 2, 3]),
        "inputs": np.array([0, 1, 0], np.int32),
    }
    first = Sketch(4)
    first.add("norm", kind="batch")
    first.add("linear", features=5)
    assert Graph.from_arrays(arrays) == first.graph()
    assert Graph.from_arrays(arrays, 1) == single((2, 3, 3), "activation", kind="relu")
    made = Architecture.from_arrays(arrays, 1, recipe={"lr": 1}, digest=np.array([1, 2**64 - 1], np.uint64))
    assert made.hash == "0000000000000001ffffffffffffffff"
    with pytest.raises(ValueError, match="index must be from 0 to 1"):
        Graph.from_arrays(arrays, 2)
    with pytest.raises(ValueError, match="unknown operation code 200"):
        Graph.from_arrays(arrays | {"op": np.array([0, 200, 2], np.uint8)})
    with pytest.raises(ValueError, match="norm kind: no word has the number 9"):
        Graph.from_arrays(arrays | {"attrs": np.array([[0, 0], [9, 0], [5, 1]])})
