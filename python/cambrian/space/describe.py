"""Spaces and genomes as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.space import nn
from cambrian.space.genes import Gene
from cambrian.space.places import Place
from cambrian.space.repairs import sentence

if TYPE_CHECKING:
    from cambrian._core import GraphArrays
    from cambrian.space.space import Space


def tree(space: Space) -> str:
    """Draw a space: a line for each gene and group, with conditions and sizes."""
    bound = f", input {space.input}, {space.outputs} outputs" if space.input else ""
    digits = str(space.size) if space.size < 10**9 else f"10^{space.log10_size:.1f}"
    lines = [f"Space: {space.n_genes} genes, {digits} configs{bound}"]
    _branch(space.root, "", lines)
    return "\n".join(lines)


def _branch(group: Place, indent: str, lines: list[str]) -> None:
    children = list(group.children.values())
    for child in children:
        last = child is children[-1]
        lines.append(f"{indent}{'└─' if last else '├─'} {child.name}: {_label(child)}{_when(child)}")
        _branch(child, indent + ("   " if last else "│  "), lines)


def _label(place: Place) -> str:
    if isinstance(place.item, Gene):
        text = repr(place.item)
        if len(text) > 80:
            text = text[:76] + " …)"
        return f"{text}  [{len(place.item.options)}]"
    if place.repeat:
        return f"{place.repeat.min} … {place.repeat.max} slots of {place.width} genes"
    return f"group of {place.width} genes" if place.is_group else repr(place.item)


def _when(place: Place) -> str:
    parts = []
    for other, allowed in place.conditions:
        names = [repr(o) for o, flag in zip(other.gene.options, allowed, strict=True) if flag]
        shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        parts.append(f"{other.name} in {{{shown}}}")
    return f"  when {' and '.join(parts)}" if parts else ""


def explain(space: Space, genome: NDArray[Any]) -> str:
    """Describe one genome: its config, and for a network the repairs and the canonical graph."""
    if not isinstance(genome, np.ndarray) or genome.ndim != 1:
        raise ValueError(f"explain takes one genome of shape ({space.n_genes},); got {_shape(genome)}")
    lines = ["config:", *(f"  {line}" for line in _config_lines(space.decode(genome)))]
    if space.layout.plain:
        unbound = ["network: none before the space is bound to an input"] if space.has_templates else []
        return "\n".join(lines + unbound)
    rows: Any = genome[np.newaxis, :]
    graph = space.graphs(rows)
    repairs = [f"  {sentence(space, graph, *repair)}" for repair in graph["repairs"][0]]
    lines += ["repairs:" if repairs else "repairs: none", *repairs, "network:", *_graph_lines(graph)]
    counts: Any = space.resources(rows)
    lines.append("resources: " + ", ".join(f"{name} {int(values[0]):,}" for name, values in counts.items()))
    return "\n".join(lines)


def _config_lines(config: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, value in config.items():
        if isinstance(value, list) and not all(isinstance(item, int) for item in value):
            lines += [f"{name}[{i}]: {json.dumps(slot)}" for i, slot in enumerate(value)]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return lines


def _graph_lines(graph: GraphArrays) -> list[str]:
    table = _core.operations()
    lines: list[str] = []
    for node in range(int(graph["nodes"][1])):
        row = table[graph["op"][node]]
        attrs = []
        for name, value in zip(row["attrs"], graph["attrs"][node].tolist(), strict=False):
            words = row["kinds"].get(name)
            shown = value / 1_000_000 if name in nn.MILLIONTHS else value
            attrs.append(f"{name}={words[value] if words else shown}")
        if row["name"] == "module":
            attrs = [graph["modules"].text(graph["attrs"][node].tolist())]
        inputs = graph["inputs"][graph["edges"][node] : graph["edges"][node + 1]].tolist()
        shape = tuple(graph["shape"][node].tolist()[: graph["rank"][node]])
        sources = f" <- {', '.join(map(str, inputs))}" if inputs else ""
        lines.append(f"  {node}: {row['name']}({', '.join(attrs)}) {shape}{sources}")
    return lines


def _shape(genome: object) -> str:
    return f"shape {genome.shape}" if isinstance(genome, np.ndarray) else type(genome).__name__
