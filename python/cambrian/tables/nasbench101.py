"""NAS-Bench-101 (Ying et al., ICML 2019, arXiv 1902.09635): its published tfrecord files."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families import cell101
from cambrian.space.genes import Choice
from cambrian.space.groups import Group, Repeat
from cambrian.space.mask import Mask
from cambrian.space.space import Space

from .measured import Floats, Metric, Seconds
from .table import Table
from .tfrecord import message, records

_VERTICES = 7
_OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
# Fields of the messages ModelMetrics and EvaluationData.
_EVALUATIONS, _PARAMS = 1, 2
_SECONDS, _VALIDATION, _TEST = 2, 4, 5
_MEASURED = {"seconds": _SECONDS, "val": _VALIDATION, "test": _TEST}


def nasbench101(path: str | os.PathLike[str]) -> Table:
    """Read ``nasbench_full.tfrecord`` or ``nasbench_only108.tfrecord``, without TensorFlow.

    The table is on `cell101`; all genomes of a cell, isomorphic ones too, have its row, as published. Metrics
    are ``val`` and ``test`` (the accuracies at the end of training, each seed's; trainings of 4, 12 and 36
    epochs are the lower fidelities, each with its own schedule) and ``params``.
    Raises ValueError for damaged files (checksums are checked) and for files of other contents.

    >>> table = cb.tables.nasbench101("nasbench_only108.tfrecord")
    >>> len(table)
    423624
    """
    place = Path(path).expanduser()
    cells: dict[str, _Cell] = {}
    for number, record in enumerate(records(place)):
        try:
            name, epochs, adjacency, operations, metrics = json.loads(record)
            if name not in cells:
                cells[name] = _Cell(adjacency, operations)
            cells[name].add(int(epochs), metrics)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            why = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{place}, record {number}, is not of NAS-Bench-101: {why}") from None
    if not cells:
        raise ValueError(f"{place} holds no records")
    return _table(place.stem, list(cells.values()))


def _labelled() -> Space:
    """A space of the genes of `cell101` whose networks are the same just where labelled graphs are.

    In cell101's own networks the order of what a cell joins tells isomorphic cells apart.
    """
    inner = _VERTICES - 2

    def vertex(x: Any, op: Any, edges: Any) -> Any:
        return nn.dropout(nn.add(edges), op)

    def network(x: Any, vertices: Any, output: Any, outputs: Any) -> Any:
        return nn.linear(nn.add(vertices.each(x)[output]), outputs)

    slot = Group(vertex, op=Choice(0.1, 0.2, 0.3), edges=Mask(back=inner, min=1))
    vertices = Repeat(slot, 0, inner, edges=9)
    return Space(network, (1,), 1, vertices=vertices, output=Mask(back=inner + 1, min=1, of="vertices"))


class _Cell:
    """One cell: its graph, and what its trainings gave."""

    __slots__ = ("adjacency", "operations", "params", "runs")

    def __init__(self, adjacency: str, operations: str) -> None:
        self.operations = operations.split(",")
        count = len(self.operations)
        for operation in self.operations[1:-1]:
            if operation not in _OPERATIONS:
                raise unknown("operation", operation, _OPERATIONS)
        bits = np.array([int(digit) for digit in adjacency], dtype=np.int64)
        if len(bits) != count * count or not 2 <= count <= _VERTICES:
            raise ValueError(f"a graph of {count} vertices with {len(bits)} entries of adjacency")
        self.adjacency: NDArray[np.int64] = bits.reshape(count, count)
        self.params = 0.0
        self.runs: dict[int, list[dict[str, float]]] = {}

    def add(self, epochs: int, metrics: str) -> None:
        """Take in one training, whose last evaluation is the one that counts."""
        fields = message(base64.b64decode(metrics))
        last = message(fields[_EVALUATIONS][-1])  # type: ignore[arg-type]
        self.params = float(fields[_PARAMS][0])
        run = {name: float(last[number][0]) for name, number in _MEASURED.items()}
        self.runs.setdefault(epochs, []).append(run)


def _table(name: str, cells: list[_Cell]) -> Table:
    schedules = sorted({epochs for cell in cells for epochs in cell.runs})
    full = schedules[-1]

    def column(epochs: int, what: str) -> Floats:
        most = max(len(cell.runs.get(epochs, ())) for cell in cells)
        values = np.full((len(cells), most), np.nan)
        for row, cell in zip(values, cells, strict=True):
            runs = cell.runs.get(epochs, ())
            row[: len(runs)] = [run[what] for run in runs]
        return values

    metrics = {
        what: Metric({epochs / full: column(epochs, what) for epochs in schedules}, maximise=True)
        for what in ("val", "test")
    }
    params = np.array([cell.params for cell in cells])
    seconds = Seconds({epochs / full: _means(column(epochs, "seconds")) for epochs in schedules})
    space = cell101((3, 32, 32), 10, recipe=False)
    return Table(
        space,
        _genomes(space, cells),
        {**metrics, "params": Metric({1.0: params}, maximise=False)},
        seconds=seconds,
        by=_labelled(),
        name=name,
    )


def _means(values: Floats) -> Floats:
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _genomes(space: Space, cells: list[_Cell]) -> NDArray[Any]:
    """Genomes of cells: of every vertex its operation, and which vertices it reads, as bits."""
    columns = {path: i for i, path in enumerate(space.paths)}
    at = columns["cell.vertices[0].op"]
    codes = {space.meaning(at, value): value for value in range(int(space.layout.options[at]))}
    genomes: NDArray[Any] = np.zeros((len(cells), space.n_genes), dtype=space.dtype)
    for genome, cell in zip(genomes, cells, strict=True):
        inner = len(cell.operations) - 2
        genome[columns["cell.vertices"]] = inner
        for vertex in range(inner):
            genome[columns[f"cell.vertices[{vertex}].op"]] = codes[cell.operations[vertex + 1]]
            genome[columns[f"cell.vertices[{vertex}].edges"]] = _read_by(cell, vertex + 1)
        genome[columns["cell.output"]] = _read_by(cell, inner + 1)
    return genomes


def _read_by(cell: _Cell, vertex: int) -> int:
    """The vertices that one reads, bit 0 for the one before it, the last bit for the cell's input."""
    return sum(int(cell.adjacency[vertex - 1 - bit, vertex]) << bit for bit in range(vertex))
