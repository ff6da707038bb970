"""From a graph to standalone Python text."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

from cambrian.network.graph import Graph
from cambrian.network.layers import (
    WEIGHTED,
    channels_first,
    channels_last,
    feeds_rectifier,
    heads_of,
    layer_of,
    table_of,
)
from cambrian.network.ops import MILLION, Shape, concat_axis, number
from cambrian.network.regions import Region, members_of, regions

WIDTH = 100


def source(graph: Graph) -> str:
    """Return a Python module that imports only torch and holds the network as a class ``Model``.

    Users' own modules are imported from where they stand.
    Its state dict has the keys of the module that `build` makes, and with the same weights its outputs are
    the same. Run as a script, it pushes a random batch through. Raises TypeError if `graph` is not a `Graph`.

    >>> open("model.py", "w").write(source(architecture.graph))
    """
    if not isinstance(graph, Graph):
        raise TypeError(
            f"graph must be a cambrian.Graph (of an Architecture: .graph), got {type(graph).__name__}"
        )
    found = regions(graph)
    own = {str(node.attrs["module"]) for node in graph.nodes if node.op == "module"}
    return _TEMPLATE.format(
        inputs=_size(graph.input_shape),
        outputs=_size(graph.output_shape),
        params=f"{graph.params:,}",
        macs=f"{graph.macs:,}",
        functions=_functions(graph),
        layers=_indent(_layers(graph), 8),
        rectified=_indent(_rectified(graph), 8),
        forward=_indent(_forward(graph, found, None), 8),
        parts=_parts(graph, found),
        helpers=_helpers(graph),
        needs=f"torch, and your {', '.join(sorted(own))}" if own else "torch only",
        users="".join(f"\nfrom {path.replace(':', ' import ')}" for path in sorted(own)) + "\n" * bool(own),
        tensor="Tensor, " if found else "",
        typing="from collections.abc import Callable, Sequence\n\n" if found else "",
        example=_example(graph),
    )


_TEMPLATE = '''\
"""A network found by Cambrian; needs {needs}.

input   {inputs}, after the batch dimension
output  {outputs}
params  {params}
MACs    {macs} a sample

With the weights that were saved beside it:

    from safetensors.torch import load_file

    model = Model()
    model.load_state_dict(load_file("weights.safetensors"))
    model.eval()
"""

{typing}import torch
from torch import {tensor}nn
{users}{helpers}
{functions}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
{layers}
        self.initialise()

    def initialise(self):
        # He et al. 2015: weights in front of a rectifier have twice the variance; biases start at 0.
{rectified}
        for name, layer in self.named_children():
            if isinstance(layer, nn.Embedding):
                nn.init.normal_(layer.weight, std=0.02)
            if isinstance(layer, (nn.Conv2d, nn.Conv1d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if name in rectified else "linear")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x0):
{forward}
{parts}

if __name__ == "__main__":
    model = Model().eval()
    with torch.no_grad():
        y = model({example})
    print(model)
    print("output:", tuple(y.shape), "parameters:", sum(p.numel() for p in model.parameters()))
'''


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _indent(lines: list[str], spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in lines)


def _name(graph: Graph, index: int) -> str:
    return f"{graph.nodes[index].op}_{index}"


def _layers(graph: Graph) -> list[str]:
    lines = []
    for index in range(len(graph)):
        layer, table = layer_of(graph, index), table_of(graph, index)
        if layer:
            lines.append(f"self.{_name(graph, index)} = {layer}")
        if table:
            lines.append(f'self.register_buffer("table_{index}", {table}, persistent=False)')
    return lines


def _functions(graph: Graph) -> str:
    """Text of the functions that the network calls."""
    needed = {table.function for i in range(len(graph)) if (table := table_of(graph, i))}
    if any(node.op == "attention" for node in graph.nodes):
        needed |= {"attention", "rotate"}
    if not needed:
        return ""
    from cambrian.network import sequences  # imports torch

    ordered = [name for name in sequences.__dict__ if name in needed]
    texts = [inspect.getsource(getattr(sequences, name)) for name in ordered]
    return re.sub("  # type: ignore.*", "", "".join(f"\n{text}\n" for text in texts))


def _example(graph: Graph) -> str:
    """An expression for a random batch; ids where the network embeds its input."""
    size = ", ".join(map(str, (2, *graph.input_shape)))
    vocab = [number(node.attrs, "vocab") for node in graph.nodes if node.op == "embedding"]
    return f"torch.randint({min(vocab)}, ({size}))" if vocab else f"torch.randn({size})"


def _rectified(graph: Graph) -> list[str]:
    """Lines of a set: the layers that `build` draws for a rectifier."""
    feeds = feeds_rectifier(graph)
    names = [f'"{_name(graph, i)}"' for i, node in enumerate(graph.nodes) if node.op in WEIGHTED and feeds[i]]
    if not names:
        return ["rectified = set()"]
    return [
        "rectified = {",
        *textwrap.wrap(", ".join(names) + ",", WIDTH, initial_indent="    ", subsequent_indent="    "),
        "}",
    ]


def _forward(graph: Graph, found: dict[int, Region], index: int | None) -> list[str]:
    """Lines of the network, or of the region of adaptive node `index`."""
    inside = members_of(found, index)
    nodes = range(1, len(graph)) if index is None else found[index].nodes
    result = len(graph) - 1 if index is None else found[index].result
    order = [i for i in nodes if i not in inside]
    lines = [f"x{i} = {_expression(graph, i, found)}" for i in order]
    if index is not None and graph.nodes[index].op == "slim":
        reads = found[index].reads[0]
        lines = [
            f"x{i} = narrow(self.{_name(graph, i)}, x{graph.nodes[i].inputs[0]}, first)" for i in order
        ] or [f"x{reads} = x{reads}[:, :first]"]
    width = min(max(map(len, lines), default=0), WIDTH)
    sizes = [_size(graph.nodes[i].shape) for i in order] or [""] * len(lines)
    commented = [f"{line:<{width}}  # {size}".rstrip(" #") for line, size in zip(lines, sizes, strict=True)]
    return [*commented, f"return x{result}"]


_PARTS = {"exit": "late", "gate": "block", "slim": "wide"}


def _parts(graph: Graph, found: dict[int, Region]) -> str:
    """Methods that compute what an adaptive node may leave out."""
    text = ""
    for index, region in found.items():
        node = graph.nodes[index]
        given = [*(f"x{i}" for i in region.reads), *(["first"] if node.op == "slim" else [])]
        text += f"\n    def {_PARTS[node.op]}_{index}(self, {', '.join(given)}):\n"
        text += _indent(_forward(graph, found, index), 8) + "\n"
    return text


_HELPERS = {"exit": ("leave",), "gate": ("gate",), "slim": ("slim", "narrow")}


def _helpers(graph: Graph) -> str:
    """Text of the functions that adaptive nodes call, from the file that `build` uses them from."""
    wanted = {name for node in graph.nodes for name in _HELPERS.get(node.op, ())}
    if not wanted:
        return ""
    text = Path(__file__).with_name("adaptive.py").read_text(encoding="utf-8")
    functions = [
        ast.get_source_segment(text, item)
        for item in ast.parse(text).body
        if isinstance(item, ast.FunctionDef) and item.name in {"dense", *wanted}
    ]
    imports = "from torch.nn import functional as F\n" if "slim" in wanted else ""
    return imports + "".join(f"\n\n{function}\n" for function in functions)


def _expression(graph: Graph, index: int, found: dict[int, Region]) -> str:
    node, shapes = graph.nodes[index], graph.input_shapes(index)
    reads = [f"x{i}" for i in node.inputs]
    if index in found:
        return _adapted(graph, index, found[index])
    if layer_of(graph, index) is not None:
        layer = f"self.{_name(graph, index)}"
        if channels_first(node):
            return f"{layer}({reads[0]}.transpose(1, 2)).transpose(1, 2).contiguous()"
        if channels_last(node):
            return f"{layer}({reads[0]}.movedim(1, -1)).movedim(-1, 1)"
        if node.op == "position":
            return f"{reads[0]} + {layer}.weight"
        return f"{layer}({reads[0]}.long())" if node.op == "embedding" else f"{layer}({reads[0]})"
    if node.op == "add":
        return " + ".join(reads)
    if node.op == "concat":
        return f"torch.cat(({', '.join(reads)}), {1 + concat_axis(node.shape)})"
    if node.op == "multiply":
        return f"{reads[0]} * {reads[1]}" + ("" if shapes[0] == shapes[1] else "[:, :, None, None]")
    if node.op == "mean":
        return reads[0] + {1: "", 2: ".mean(1)", 3: ".mean((2, 3))"}[len(shapes[0])]
    if node.op == "zero":
        return f"{reads[0]}.new_zeros({', '.join([f'{reads[0]}.shape[0]', *map(str, node.shape)])})"
    if node.op in _EXPRESSIONS:
        return _EXPRESSIONS[node.op].format(*reads)
    if node.op == "attention":
        return _attention(graph, index)
    if node.op == "unembed":
        return f"nn.functional.linear({reads[0]}, self.embedding_{node.inputs[1]}.weight)"
    return f"{reads[0]} + self.table_{index}" if table_of(graph, index) else reads[0]


_EXPRESSIONS = {
    "flatten": "{0}.flatten(1)",
    "tokens": "{0}.flatten(2).transpose(1, 2).contiguous()",
    "last": "{0}[:, -1].clone()",
}


def _attention(graph: Graph, index: int) -> str:
    node = graph.nodes[index]
    heads, kv_heads, causal = heads_of(node)
    words = [*(f"x{i}" for i in node.inputs), f"heads={heads}", f"kv_heads={kv_heads}"]
    words += ["causal=True"] if causal else []
    word = {"rope": "rotation", "alibi": "bias"}.get(str(node.attrs["position"]))
    words += [f"{word}=self.table_{index}"] if word else []
    return f"attention({', '.join(words)})"


def _adapted(graph: Graph, index: int, region: Region) -> str:
    node = graph.nodes[index]
    part = f"self.{_PARTS[node.op]}_{index}"
    values = f"({', '.join(f'x{i}' for i in region.reads)}{',' if len(region.reads) == 1 else ''})"
    first, last = (f"x{node.inputs[i]}" for i in (0, -1))
    if node.op == "exit":
        return f"leave({first}, {part}, {values}, {number(node.attrs, 'threshold') / MILLION}, self.training)"
    if node.op == "gate":
        return f"gate({first}, {part}, {values}, {last}, self.training)"
    return f"slim({part}, {values}, {last}, {node.shape[0]}, self.training)"
