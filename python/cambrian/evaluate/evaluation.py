"""What goes into an evaluator (a job) and what comes out (an evaluation), whatever happens in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cambrian.errors import CambrianError

if TYPE_CHECKING:
    from cambrian.network.architecture import Architecture

Curve = tuple[tuple[float, float], ...]
"""(epochs, mean training loss since the point before) of a training."""
STATUSES = ("ok", "diverged", "out_of_memory", "timeout", "crashed", "rejected", "error")


class DivergedError(CambrianError):
    """Training met a loss or metric that is not finite; ``metrics`` holds what was measured."""

    def __init__(self, message: str, metrics: Mapping[str, float] | None = None) -> None:
        super().__init__(message)
        self.metrics = dict(metrics or {})


class DeadlineError(CambrianError):
    """Training was not done at its deadline."""


class Trained(dict[str, float]):
    """The metrics of a training, and its curve.

    >>> Trained({"loss": 0.2}, ((1.0, 0.7), (2.0, 0.3))).curve
    ((1.0, 0.7), (2.0, 0.3))
    """

    def __init__(self, metrics: Mapping[str, float], curve: Curve = ()) -> None:
        super().__init__(metrics)
        self.curve = curve


@dataclass(frozen=True)
class Job:
    """One candidate to evaluate.

    ``fidelity`` is the number of epochs to train (None: as the function has it), ``repeat`` numbers further
    seeds of the same candidate. ``config`` must be JSON-able.

    >>> Job(id=7, config={"lr": 0.01}, seed=1)
    """

    id: int
    config: dict[str, Any] = field(default_factory=dict)
    architecture: Architecture | None = None
    fidelity: float | None = None
    seed: int = 0
    repeat: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the job as JSON-able data.

        >>> Job.from_dict(job.to_dict()) == job
        """
        architecture = None if self.architecture is None else self.architecture.to_dict()
        return {
            "id": self.id,
            "config": self.config,
            "architecture": architecture,
            "fidelity": self.fidelity,
            "seed": self.seed,
            "repeat": self.repeat,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Job:
        """Rebuild a job from the data of `to_dict`; the architecture in it is validated."""
        fields = dict(data)
        if fields.get("architecture") is not None:
            from cambrian.network.architecture import Architecture

            fields["architecture"] = Architecture.from_dict(fields["architecture"])
        return cls(**fields)


@dataclass(frozen=True)
class Evaluation:
    """The typed outcome of one candidate at one fidelity and repeat. A failure is a result too.

    ``status`` is one of `STATUSES`; ``seconds`` is wall-clock time spent on the candidate, its part of it
    where several trained together; ``fidelity`` counts epochs; ``error`` says what went wrong (the traceback
    where there is one); ``cached`` marks an answer that came from the store; ``mode`` says what trained it
    (see `cambrian.evaluate.waves.MODES`); ``curve`` has pairs of epochs and the mean training loss since the
    pair before, from where a training went on that was broken off; () where nothing was recorded.

    >>> Evaluation(id=7, status="ok", metrics={"accuracy": 0.98}, seconds=1.2, seed=0, fidelity=10.0)
    """

    id: int
    status: str
    metrics: dict[str, float]
    seconds: float
    seed: int
    fidelity: float
    repeat: int = 0
    error: str | None = None
    cached: bool = False
    mode: str = "eager"
    curve: Curve = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {self.status!r}")

    @property
    def ok(self) -> bool:
        """Whether the candidate was evaluated without failure."""
        return self.status == "ok"
