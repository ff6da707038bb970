"""Mutations of a network as a graph: of its vertices, its edges and its operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import check_number
from cambrian.evolve.structural import CHANGES, MAX_WEIGHT, StructuralMutation


@dataclass(frozen=True)
class VertexMutation:
    """With probability `rate`, a slot of a Repeat is inserted in the middle of an edge, or deleted.

    `insert` and `delete` are weights; of these only what is possible there (length between min and max). The
    edge, uniformly chosen, is an active reference, an edge of a mask, or a slot's reading of the one before:
    the fresh random slot reads what was read there, and is read instead. What named a deleted slot names what
    that named by the same gene, else the slot before it. A space without Repeats is left as it is. These are
    the changes `splice` and `bypass` of `StructuralMutation`. Adding a node by splitting a connection: NEAT,
    Stanley and Miikkulainen, "Evolving Neural Networks through Augmenting Topologies", 2002.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.VertexMutation(0.5, insert=2))
    """

    rate: float = 1.0
    insert: float = 1
    delete: float = 1
    name: ClassVar[str] = "vertex"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "insert", MAX_WEIGHT)
        check_number(self, "delete", MAX_WEIGHT)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return _only(self.rate, splice=self.insert, bypass=self.delete)


@dataclass(frozen=True)
class EdgeMutation:
    """With probability `rate`, an active reference or mask of a Repeat changes by one edge, uniformly.

    A reference names something else; an optional one may come to name nothing, or something. Of a mask an
    edge is set or cleared, or moved where its `min` and `max` allow no other. The Repeat is uniformly chosen
    among those that take part, then the gene in it or beside it. A space without references and masks is left
    as it is: where edges carry genes, as in the cells of NAS-Bench-201, `OperationMutation` changes them.
    This is the change `rewire` of `StructuralMutation`, and the hidden-state mutation of Real et al.,
    "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.EdgeMutation())
    """

    rate: float = 1.0
    name: ClassVar[str] = "edge"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return _only(self.rate, rewire=1)


@dataclass(frozen=True)
class OperationMutation:
    """With probability `rate`, one active gene that chooses an operation gets another one, uniformly.

    Such genes are Choices whose options are operations: ``cb.op`` functions, primitives of ``cb.nn``, or the
    words of such primitives. A space without any is left as it is. The op mutation of Real et al.,
    "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.OperationMutation())
    """

    rate: float = 1.0
    name: ClassVar[str] = "operation"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate)


def _only(rate: float, **weights: float) -> tuple[Any, ...]:
    """A structural mutation of these changes alone."""
    none = dict.fromkeys(CHANGES, 0.0)
    return StructuralMutation(rate, **{**none, **weights}).native()
