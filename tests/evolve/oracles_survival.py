"""Slow, obvious survival. It shares no code with the core; the draws are part of what is promised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import oracles

NICHE, NICHE_ROW = 12, 13


def dominates(a: Any, b: Any) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def fronts(rows: list[int], cost: np.ndarray) -> list[list[int]]:
    found = []
    while rows:
        front = [i for i in rows if not any(dominates(cost[j], cost[i]) for j in rows)]
        found.append(front)
        rows = [i for i in rows if i not in front]
    return found


def normalised(rows: list[int], first: list[int], cost: np.ndarray) -> dict[int, list[float]]:
    """Deb and Jain 2014, algorithm 2; where the plane is of no use, the worst costs of the first front."""
    m = cost.shape[1]
    ideal = [min(cost[i][j] for i in rows) for j in range(m)]
    moved = {i: [cost[i][j] - ideal[j] for j in range(m)] for i in rows}

    def achievement(point: list[float], axis: int) -> float:
        return max(x if j == axis else x / 1e-6 for j, x in enumerate(point))

    extremes = [min(moved.values(), key=lambda p, axis=axis: (achievement(p, axis), p)) for axis in range(m)]
    worst = [max(moved[i][j] for i in rows) for j in range(m)]
    scale = [max(moved[i][j] for i in first) for j in range(m)]
    if np.linalg.matrix_rank(np.array(extremes)) == m:
        cuts = np.linalg.solve(np.array(extremes), np.ones(m))
        if (cuts > 0).all():
            scale = [min(1 / cut, high) for cut, high in zip(cuts, worst, strict=True)]
    scale = [s if s > 1e-9 else w if w > 1e-9 else 1.0 for s, w in zip(scale, worst, strict=True)]
    return {i: [x / s for x, s in zip(point, scale, strict=True)] for i, point in moved.items()}


def associated(point: list[float], points: np.ndarray) -> tuple[int, float]:
    """The nearest line through the origin and a reference point, and how far it is."""

    def away(direction: np.ndarray) -> float:
        unit = direction / np.linalg.norm(direction)
        return float(np.linalg.norm(np.array(point) - np.dot(point, unit) * unit))

    distances = [away(direction) for direction in points]
    return int(np.argmin(np.round(distances, 9))), min(distances)


def key64(key: oracles.Key, purpose: int, individual: int, block: int) -> int:
    stream = key.stream(purpose, individual)
    words = [stream.word() for _ in range(4 * block + 2)]
    return words[-2] << 32 | words[-1]


def nsga3(cost: np.ndarray, n: int, points: np.ndarray, seed: int, generation: int) -> set[int]:
    """Who lives on, of finite costs: algorithms 1 to 4 of Deb and Jain 2014."""
    key = oracles.Key(seed, 0, generation)
    sorted_fronts = fronts(list(range(len(cost))), cost)
    chosen: list[int] = []
    for last in sorted_fronts:
        if len(chosen) + len(last) > n:
            break
        chosen = chosen + last
    else:
        return set(chosen)
    if len(chosen) == n:
        return set(chosen)
    unit = normalised(chosen + last, sorted_fronts[0], cost)
    place = {i: associated(unit[i], points) for i in chosen + last}
    while len(chosen) < n:
        open_niches = {place[i][0] for i in last}
        members = {niche: [i for i in chosen if place[i][0] == niche] for niche in open_niches}
        fewest = min(len(rows) for rows in members.values())
        niche = min(
            (niche for niche in open_niches if len(members[niche]) == fewest),
            key=lambda niche: key64(key, NICHE, niche, fewest),
        )
        waiting = [i for i in last if place[i][0] == niche]
        if fewest == 0:
            take = min(waiting, key=lambda i: (round(place[i][1], 9), key64(key, NICHE_ROW, i, 0)))
        else:
            take = min(waiting, key=lambda i: key64(key, NICHE_ROW, i, 0))
        chosen.append(take)
        last = [i for i in last if i != take]
    return set(chosen)


def before(a: Any, b: Any) -> bool:
    """Deb 2000: does (cost, violation) a win against b? One objective, nothing failed."""
    if a[1] > 0 or b[1] > 0:
        return max(a[1], 0) < max(b[1], 0)
    return bool(a[0] < b[0])


def das_dennis(objectives: int, divisions: int) -> set[tuple[int, ...]]:
    """Every way to share the divisions out."""
    if objectives == 1:
        return {(divisions,)}
    return {
        (first, *rest)
        for first in range(divisions + 1)
        for rest in das_dennis(objectives - 1, divisions - first)
    }


def hypervolume(cost: np.ndarray, reference: list[float]) -> float:
    """By inclusion and exclusion of boxes."""
    total = 0.0
    for subset in range(1, 1 << len(cost)):
        rows = [i for i in range(len(cost)) if subset >> i & 1]
        sides = [max(0.0, r - max(cost[i][j] for i in rows)) for j, r in enumerate(reference)]
        total += (-1) ** (len(rows) + 1) * math.prod(sides)
    return total
