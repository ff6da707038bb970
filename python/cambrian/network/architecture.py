"""A graph and its training recipe: what a genome means, all that is needed to train it again."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cambrian.network.graph import Graph
from cambrian.network.parsing import (
    Scalar,
    check_header,
    check_scalars,
    expect_keys,
    parse_json,
    shown,
    write_json,
)
from cambrian.network.source import source
from cambrian.network.summary import table

FORMAT = "cambrian-architecture"
VERSION = 1
RECIPE_FIELDS = ("optimizer", "lr", "weight_decay", "batch_size", "schedule", "momentum", "label_smoothing")
"""Members at the root of a space that say how to train; the rest says what."""


class Describing(Protocol):
    """What is asked of a space whose genomes mean networks, as those of `cambrian.Space` do."""

    def graphs(self, genomes: NDArray[Any], /) -> Any:
        """Return the canonical graphs as the core's arrays."""

    def hash(self, genomes: NDArray[Any], /) -> NDArray[np.uint64]:
        """Return the 128-bit hashes of the graphs, (n, 2)."""

    def decode(self, genomes: NDArray[Any], /) -> Any:
        """Return the configs, one a genome."""


@dataclass(frozen=True)
class Architecture:
    """A network and how it is trained.

    `recipe` maps names ("lr", "optimizer", …) to JSON scalars. `hash` is the core's 128-bit digest of the
    canonical graph as 32 hex digits, or None where the graph did not come from a genome.
    Raises ValueError for a recipe or hash of another kind, TypeError for a graph that is not a `Graph`.

    >>> architecture = Architecture(graph, {"lr": 0.1})
    >>> architecture.params, architecture.recipe["lr"]
    (650, 0.1)
    """

    graph: Graph
    recipe: Mapping[str, Scalar] = field(default_factory=dict, hash=False)
    hash: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.graph, Graph):
            raise TypeError(f"graph must be a cambrian.Graph, got {type(self.graph).__name__}")
        object.__setattr__(self, "recipe", MappingProxyType(check_scalars("recipe", self.recipe)))
        if self.hash is not None and not (
            isinstance(self.hash, str) and re.fullmatch("[0-9a-f]{32}", self.hash)
        ):
            raise ValueError(f"hash must be 32 lower-case hex digits or None, got {shown(self.hash)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Architecture, (self.graph, dict(self.recipe), self.hash)

    @classmethod
    def of(cls, space: Describing, genome: NDArray[Any]) -> Architecture:
        """Make the architecture of one genome (n_genes,): canonical graph, hash, and the recipe in its genes.

        The recipe is what the config has under the names of `RECIPE_FIELDS`. Raises ValueError for a space
        without templates or not bound to an input, and for genomes that are not its own or more than one;
        TypeError for another dtype, and for a config (`space.encode` makes its genome).

        >>> space = cb.spaces.convnet(input=(1, 8, 8), outputs=10)
        >>> cb.Architecture.of(space, space.sample(1, seed=0)[0]).macs
        """
        if not isinstance(genome, np.ndarray):
            raise TypeError(
                f"genome must be an array as from space.sample(…)[0], got {type(genome).__name__}; "
                "space.encode(config) makes the genome of a config"
            )
        if genome.ndim != 1:
            raise ValueError(f"genome must be one row of shape (n_genes,), got shape {genome.shape}")
        row = genome[None]
        config = space.decode(row)[0]
        recipe = {name: config[name] for name in RECIPE_FIELDS if name in config}
        return cls.from_arrays(space.graphs(row), recipe=recipe, digest=space.hash(row)[0])

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, Any],
        index: int = 0,
        *,
        recipe: Mapping[str, Scalar] | None = None,
        digest: NDArray[np.uint64] | None = None,
    ) -> Architecture:
        """Make an architecture from what the core returns for genomes.

        `arrays` as from `space.graphs`, `digest` a row (two uint64) of `space.hash`.

        >>> Architecture.from_arrays(space.graphs(genomes), 0, digest=space.hash(genomes)[0])
        """
        text = None if digest is None else "".join(f"{int(word):016x}" for word in digest)
        return cls(Graph.from_arrays(arrays, index), recipe or {}, text)

    @property
    def params(self) -> int:
        """Number of trainable parameters."""
        return self.graph.params

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions and linear layers for one sample."""
        return self.graph.macs

    def summary(self, *, fold: bool = True) -> str:
        """Return a table as text: layer, what it reads, output shape, parameters, MACs; totals and recipe.

        A stretch of layers that comes again at once, as stamped cells do, stands there once with how often it
        comes; `fold=False` lists every layer.

        >>> print(architecture.summary())
        """
        lines = [table(self.graph, fold=fold)]
        if self.recipe:
            values = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in self.recipe.items())
            lines.append("recipe: " + ", ".join(values))
        return "\n".join(lines)

    def svg(self, *, fold: bool = True) -> str:
        """Draw the network as SVG, from top to bottom; see `cambrian.network.drawing.svg`.

        >>> Path("network.svg").write_text(architecture.svg(), encoding="utf-8")
        """
        return self.graph.svg(fold=fold)

    def dot(self, *, fold: bool = True) -> str:
        """Return the network in the language of Graphviz; see `cambrian.network.drawing.dot`."""
        return self.graph.dot(fold=fold)

    def draw(self, path: str | os.PathLike[str], *, fold: bool = True) -> Path:
        """Write a drawing, ``.svg`` or ``.dot`` by the suffix; see `cambrian.network.drawing.draw`.

        >>> architecture.draw("network.svg")
        """
        return self.graph.draw(path, fold=fold)

    def source(self) -> str:
        """Return standalone Python text of the network; see `cambrian.network.source.source`."""
        return source(self.graph)

    def to_dict(self) -> dict[str, Any]:
        """Return the architecture as JSON-able values, with the version of the format."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "hash": self.hash,
            "recipe": dict(self.recipe),
            "graph": self.graph.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: object) -> Architecture:
        """Read what `to_dict` returned; everything is checked, so `data` may come from anywhere.

        Raises ValueError saying what is wrong.

        >>> Architecture.from_dict(architecture.to_dict()) == architecture
        True
        """
        fields = check_header(data, FORMAT, VERSION)
        expect_keys(
            "an architecture",
            fields,
            {"format", "version", "hash", "recipe", "graph"},
            frozenset({"metadata"}),
        )
        return cls(Graph.from_dict(fields["graph"]), fields["recipe"], fields["hash"])

    def to_json(self) -> str:
        """Return the architecture as JSON text."""
        return write_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Read what `to_json` returned.

        Raises ValueError on text that is truncated, not JSON, newer, or not a sound architecture.

        >>> Architecture.from_json(architecture.to_json()) == architecture
        True
        """
        return cls.from_dict(parse_json(text))
