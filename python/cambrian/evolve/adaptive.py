"""Adaptive operator selection: mixtures whose weights follow what their operators earned.

Each is told which operator made which child and what the child was worth, and gives the mixture of now. They
draw no random numbers: a generation remains a function of its key and of what was told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve.checks import check_count, check_range
from cambrian.evolve.mixture import Mixture

MAX_WINDOW = 1 << 20
MAX_EXPLORATION = 1e6


def _several(operators: Iterable[Any]) -> tuple[Any, ...]:
    if not isinstance(operators, Iterable) or isinstance(operators, str | Mapping):
        raise TypeError(f"operators: expected a list of 2 or more to choose from, got {operators!r:.80}")
    several = tuple(operators)
    if len(several) < 2:
        raise ValueError(f"operators: expected 2 or more to choose from, got {len(several)}")
    Mixture([(one, 1.0) for one in several])  # refuses what no mixture takes
    return several


def _earned(choices: object, reward: object, operators: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many children each operator made, and their mean reward (0 where there are none)."""
    chosen, worth = np.asarray(choices), np.asarray(reward)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or worth.shape != chosen.shape:
        raise ValueError(
            f"choices, reward: expected integers and numbers of one shape (n,), got {chosen.dtype} of shape "
            f"{chosen.shape} and {worth.dtype} of shape {worth.shape}"
        )
    if worth.dtype.kind not in "iufb":
        raise TypeError(f"reward: expected numbers, got {worth.dtype}")
    if len(chosen) and not (int(chosen.min()) >= 0 and int(chosen.max()) < operators):
        raise ValueError(f"choices: expected numbers of operators, 0 to {operators - 1}, got others")
    worth = np.nan_to_num(worth.astype(np.float64), nan=0.0, posinf=math.inf, neginf=-math.inf)
    if not ((worth >= 0) & np.isfinite(worth)).all():
        row = int(np.flatnonzero(~((worth >= 0) & np.isfinite(worth)))[0])
        raise ValueError(f"reward: row {row} is {worth[row]}; expected 0 or more, such as max(0, the gain)")
    made = np.bincount(chosen, minlength=operators)
    return made, np.bincount(chosen, worth, minlength=operators) / np.maximum(made, 1)


def _saved(state: object, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if not isinstance(state, Mapping) or name not in state:
        raise ValueError(f"state: expected what snapshot() gave, with {name!r}, got {state!r:.80}")
    values = np.array(state[name], dtype=np.float64)
    if values.shape != shape or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"state: expected {name!r} of shape {shape} and 0 or more, got {state[name]!r:.80}")
    return values


class ProbabilityMatching:
    """Each operator's share follows the mean reward of its children, and never falls below a minimum.

    After each generation the quality q of an operator that made children becomes decay * q + (1 - decay) *
    their mean reward; its share is minimum + (1 - K * minimum) * q / sum of all q, for K operators. `minimum`
    is a fifth of an equal share if None. `decay` is from 0 (only the last generation counts) to below 1.

    Goldberg, "Probability Matching, the Magnitude of Reinforcement, and Classifier System Bidding", Machine
    Learning 5, 1990; Thierens, "An Adaptive Pursuit Strategy for Allocating Operator Probabilities", GECCO
    2005 (equations 1 and 3).

    >>> some = cb.ProbabilityMatching([cb.ResetMutation(0.01), cb.ResetMutation(0.1), cb.PointMutation()])
    >>> children = cb.breed(genomes, cost, space.layout, mutation=some.mixture(), seed=0, generation=7)
    >>> chosen = some.mixture().choices(len(children), seed=0, generation=7)
    >>> some.tell(chosen, np.maximum(0, cost_of_parents - cost_of_children))
    """

    def __init__(self, operators: Iterable[Any], minimum: float | None = None, decay: float = 0.8) -> None:
        self.operators = _several(operators)
        count = len(self.operators)
        self.minimum = 0.2 / count if minimum is None else minimum
        self.decay = decay
        check_range(self, "minimum", 0, 1 / count)
        check_range(self, "decay", 0, math.nextafter(1, 0))
        self._quality = np.ones(count)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Each operator's share of the next children, float64 `(operators,)`."""
        count, total = len(self.operators), self._quality.sum()
        shares = self._quality / total if total > 0 else np.full(count, 1 / count)
        probabilities: NDArray[np.float64] = self.minimum + (1 - count * self.minimum) * shares
        return probabilities

    def mixture(self) -> Mixture:
        """The operators with the shares of now.

        >>> cb.mutate(genomes, space.layout, by=some.mixture())
        """
        return Mixture(zip(self.operators, self.probabilities.tolist(), strict=True))

    def tell(self, choices: Any, reward: Any) -> None:
        """Learn from children: which operator made each (`Mixture.choices`), and what it was worth.

        Both `(n,)`; a reward is 0 or more, NaN (a failed child) counts as 0. Raises TypeError or ValueError
        for others.

        >>> some.tell(chosen, np.maximum(0, cost_of_parents - cost_of_children))
        """
        made, mean = _earned(choices, reward, len(self.operators))
        learnt = self.decay * self._quality + (1 - self.decay) * mean
        self._quality = np.where(made > 0, learnt, self._quality)

    def snapshot(self) -> dict[str, Any]:
        """What was learnt, as JSON-able values.

        >>> text = json.dumps(some.snapshot())
        """
        return {"quality": self._quality.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot; raises ValueError if it is not one of as many operators.

        >>> some.restore(json.loads(text))
        """
        self._quality = _saved(state, "quality", (len(self.operators),))


class UpperConfidence:
    """A bandit: each generation by the operator whose reward may be the highest, as far as one can tell.

    Over the last `window` generations that an operator was told of, its bound is mean reward / highest mean
    reward + exploration * sqrt(log(generations) / its generations); one that was not used among them comes
    first. So an operator that was bad early on is tried again when its time may have come.

    Garivier and Moulines, "On Upper-Confidence Bound Policies for Switching Bandit Problems", ALT 2011
    (sliding-window UCB); the scaling by the highest reward is as in Fialho, Da Costa, Schoenauer and Sebag,
    "Analyzing Bandit-Based Adaptive Operator Selection Mechanisms", Annals of Mathematics and Artificial
    Intelligence 60, 2010.

    >>> some = cb.UpperConfidence([cb.ResetMutation(0.01), cb.ResetMutation(0.1)], window=50)
    >>> children = cb.breed(genomes, cost, space.layout, mutation=some.mixture(), seed=0, generation=7)
    >>> chosen = some.mixture().choices(len(children), seed=0, generation=7)
    >>> some.tell(chosen, np.maximum(0, cost_of_parents - cost_of_children))
    """

    def __init__(self, operators: Iterable[Any], window: int = 50, exploration: float = 0.5) -> None:
        self.operators = _several(operators)
        self.window = window
        self.exploration = exploration
        check_count(self, "window", len(self.operators), MAX_WINDOW)
        check_range(self, "exploration", 0, MAX_EXPLORATION)
        self._chosen = np.empty(0, np.int64)  # operators of the last plays, in order
        self._reward = np.empty(0)

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Each operator's upper confidence bound, float64 `(operators,)`; infinite if it is to be tried."""
        count = len(self.operators)
        plays = np.bincount(self._chosen, minlength=count)
        mean = np.bincount(self._chosen, self._reward, minlength=count) / np.maximum(plays, 1)
        scale = mean.max() if mean.max() > 0 else 1.0
        spread = np.sqrt(math.log(max(len(self._chosen), 1)) / np.maximum(plays, 1))
        return np.where(plays > 0, mean / scale + self.exploration * spread, np.inf)

    def mixture(self) -> Mixture:
        """All weight on the operator of the highest bound, the first of several.

        >>> cb.mutate(genomes, space.layout, by=some.mixture())
        """
        best = int(np.argmax(self.bounds))
        return Mixture([(one, float(i == best)) for i, one in enumerate(self.operators)])

    def tell(self, choices: Any, reward: Any) -> None:
        """Learn from children: which operator made each (`Mixture.choices`), and what it was worth.

        Both `(n,)`; a reward is 0 or more, NaN (a failed child) counts as 0. Each operator among the choices
        has been played once. Raises TypeError or ValueError for others.

        >>> some.tell(chosen, np.maximum(0, cost_of_parents - cost_of_children))
        """
        made, mean = _earned(choices, reward, len(self.operators))
        played = np.flatnonzero(made)
        self._chosen = np.concatenate([self._chosen, played])[-self.window :]
        self._reward = np.concatenate([self._reward, mean[played]])[-self.window :]

    def snapshot(self) -> dict[str, Any]:
        """What was learnt, as JSON-able values.

        >>> text = json.dumps(some.snapshot())
        """
        return {"chosen": self._chosen.tolist(), "reward": self._reward.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot; raises ValueError if it is not one of as many operators.

        >>> some.restore(json.loads(text))
        """
        plays = len(state["chosen"]) if isinstance(state, Mapping) and "chosen" in state else 0
        chosen, reward = _saved(state, "chosen", (plays,)), _saved(state, "reward", (plays,))
        if plays > self.window or (chosen != np.floor(chosen)).any() or (chosen >= len(self.operators)).any():
            raise ValueError(
                f"state: expected {len(self.operators)} operators and at most {self.window} plays"
            )
        self._chosen, self._reward = chosen.astype(np.int64), reward
