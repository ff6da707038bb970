"""From a graph to standalone Python text."""

from __future__ import annotations

import inspect
import re
import textwrap

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
from cambrian.network.ops import Shape, concat_axis, number

WIDTH = 100


def source(graph: Graph) -> str:
    """Return a Python module that imports only torch and holds the network as a class ``Model``.

    Its state dict has the keys of the module that `build` makes, and with the same weights its outputs are
    the same. Run as a script, it pushes a random batch through. Raises TypeError if `graph` is not a `Graph`.

    >>> open("model.py", "w").write(source(architecture.graph))
    """
    if not isinstance(graph, Graph):
        raise TypeError(
            f"graph must be a cambrian.Graph (of an Architecture: .graph), got {type(graph).__name__}"
        )
    return _TEMPLATE.format(
        inputs=_size(graph.input_shape),
        outputs=_size(graph.output_shape),
        params=f"{graph.params:,}",
        macs=f"{graph.macs:,}",
        functions=_functions(graph),
        layers=_indent(_layers(graph), 8),
        rectified=_indent(_rectified(graph), 8),
        forward=_indent(_forward(graph), 8),
        example=_example(graph),
    )


_TEMPLATE = '''\
"""A network found by Cambrian; needs torch only.

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

import torch
from torch import nn

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


def _forward(graph: Graph) -> list[str]:
    lines = [f"x{i} = {_expression(graph, i)}" for i in range(1, len(graph))]
    width = min(max(map(len, lines), default=0), WIDTH)
    sizes = [_size(node.shape) for node in graph.nodes[1:]]
    commented = [f"{line:<{width}}  # {size}" for line, size in zip(lines, sizes, strict=True)]
    return [*commented, f"return x{len(graph) - 1}"]


def _expression(graph: Graph, index: int) -> str:
    node, shapes = graph.nodes[index], graph.input_shapes(index)
    reads = [f"x{i}" for i in node.inputs]
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
