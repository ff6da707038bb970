"""A mutation that always leads to another network, with equal chances over networks instead of genomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import check_count, check_number
from cambrian.evolve.custom import Custom
from cambrian.evolve.mixture import Mixture
from cambrian.evolve.mutations import PointMutation, SelfAdaptiveMutation

MAX_TRIES = 4096


@dataclass(frozen=True)
class NewNetwork:
    """With probability `rate`, the network becomes another one: each that `mutation` leads to, as likely.

    Many genomes are the same network, so a mutation often changes nothing that counts, and leads to some
    networks more often than to others. Here mutants are decoded, those with the graph hash of the genome that
    is mutated are dropped, and one of the distinct networks among the others is drawn uniformly, then one of
    its mutants. Where `mutation` changes one gene to any other option (`PointMutation`, `ExactMutation(1)`,
    `OperationMutation`, `EdgeMutation`) these are all mutants, up to 4,096, without those of genes that only
    training reads; its own rate doesn't count. Else they are `tries` random ones (1 to 4,096), and chances
    are equal only as far as all networks in reach are met. `mutation` may be a `Mixture`, but none of your
    own, and none with own rates. If no other network is found, the genome stays as it is. In a space without
    templates each other normal form is another network. It takes about as long as hashing all these mutants.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.NewNetwork(cb.OperationMutation()))
    >>> cb.NewNetwork(cb.Mixture([(cb.VertexMutation(), 1), (cb.EdgeMutation(), 1)]), tries=100)
    """

    mutation: Any = PointMutation()  # noqa: RUF009
    tries: int = 64
    rate: float = 1.0
    name: ClassVar[str] = "new_network"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        members = [self.mutation]
        if isinstance(self.mutation, Mixture):
            members = [one for one, _ in self.mutation.members]
        if any(not _fits(one) for one in members):
            raise TypeError(
                "NewNetwork: mutation must be one of Cambrian's mutations without own rates, such as "
                f"cb.PointMutation(), or a Mixture of some, got {self.mutation!r}"
            )
        check_count(self, "tries", 1, MAX_TRIES)
        check_number(self, "rate", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.mutation.native(), self.rate, self.tries)


def _fits(mutation: object) -> bool:
    refused = isinstance(mutation, type | Custom | NewNetwork | SelfAdaptiveMutation)
    return getattr(mutation, "kind", None) == "mutation" and not refused


def places(operator: Any) -> int:
    """How many operators it counts for: a mixture for each of its members."""
    if isinstance(operator, NewNetwork):
        return places(operator.mutation)
    return len(operator.members) if isinstance(operator, Mixture) else 1
