"""Drawn shapes to be told apart: colour images of 32 × 32 pixels, made and not downloaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

SIDE, SAMPLES = 32, 8000
_BLOCK = 100  # images drawn at a time
_RADIUS = (7.0, 12.0)  # of the shape, in pixels
_STRETCH = 0.2  # of one axis against the other, at most
_SHIFT = 4.0  # of its middle, in pixels
_BARS, _BAR = 1, (1.0, 2.0)  # bars that may hide a part of it; half their widths in pixels
_SPECKS, _SPECK = 2, (1.5, 3.0)  # discs elsewhere, and their radii
_WAVES, _DEPTH = 2, 0.12  # plane waves of a texture, and how deep they go
_CONTRAST = 0.35  # between the colours of shape and ground, at least
_NOISE = (0.01, 0.06)


def _polygon(x: Field, y: Field, sides: int, apothem: float) -> Field:
    turns = 2 * np.pi * np.arange(sides) / sides
    edges = [np.cos(turn) * x + np.sin(turn) * y - apothem for turn in turns]
    return np.asarray(np.maximum.reduce(edges))


def _star(x: Field, y: Field) -> Field:
    wedge = 2 * np.pi / 5
    angle = np.abs(np.mod(np.arctan2(y, x), wedge) - wedge / 2)
    radius = np.hypot(x, y)
    tip, dent = np.array([np.cos(wedge / 2), np.sin(wedge / 2)]), np.array([0.45, 0.0])
    normal = np.array([tip[1] - dent[1], dent[0] - tip[0]]) / np.hypot(*(tip - dent))
    along, across = radius * np.cos(angle) - dent[0], radius * np.sin(angle) - dent[1]
    return np.asarray(along * normal[0] + across * normal[1])


def _box(x: Field, y: Field, width: float, height: float) -> Field:
    return np.maximum(np.abs(x) - width, np.abs(y) - height)


def _heart(x: Field, y: Field) -> Field:
    lobes = np.hypot(np.abs(x) - 0.42, y - 0.3) - 0.5
    return np.minimum(lobes, np.maximum((np.abs(x) * 0.8 - y * 0.6) - 0.56, y - 0.35))


# How far a point (x, y) lies outside of the shape, in its radii; negative inside.
SHAPES: dict[str, Callable[[Field, Field], Field]] = {
    "disc": lambda x, y: np.hypot(x, y) - 0.9,
    "square": lambda x, y: _box(x, y, 0.78, 0.78),
    "triangle": lambda x, y: _polygon(x, y, 3, 0.55),
    "star": _star,
    "cross": lambda x, y: np.minimum(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95)),
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.72) - 0.22,
    "crescent": lambda x, y: np.maximum(np.hypot(x, y) - 0.95, 0.75 - np.hypot(x - 0.45, y)),
    "angle": lambda x, y: np.minimum(_box(x + 0.55, y, 0.3, 0.9), _box(x, y - 0.6, 0.85, 0.3)),
    "heart": _heart,
    "hourglass": lambda x, y: np.maximum(np.abs(x) - 0.15 - 0.75 * np.abs(y), np.abs(y) - 0.9),
}


def draw_shapes(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw n images (n, 3, 32, 32) and return them with the number of each one's shape, all equally often.

    >>> images, labels = draw_shapes(100, seed=0)
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(32,)))
    labels = rng.permutation(np.arange(n) % len(SHAPES))
    blocks = [_draw(labels[start : start + _BLOCK], rng) for start in range(0, n, _BLOCK)]
    return np.concatenate(blocks), labels.astype(np.int64)


def _draw(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    n = len(labels)
    place = np.arange(SIDE) - (SIDE - 1) / 2
    column, row = np.meshgrid(place, place)
    ground, colour = _colours(n, rng)
    image = _textured(ground, column, row, rng)
    image = _over(image, _specks(n, column, row, rng), _flat(rng.random((n, 3))))
    image = _over(image, _shapes(labels, column, row, rng), _textured(colour, column, row, rng))
    for _ in range(_BARS):
        image = _over(image, _bar(n, column, row, rng), _flat(rng.random((n, 3))))
    image += rng.uniform(*_NOISE, (n, 1, 1, 1)) * rng.standard_normal(image.shape)
    pixels: NDArray[np.uint8] = np.rint(255 * image.clip(0, 1)).astype(np.uint8)
    return pixels


def _colours(n: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return colours of ground and shape (n, 3) that differ enough."""
    ground, colour = rng.random((2, n, 3))
    for _ in range(64):
        alike = np.abs(ground - colour).mean(axis=1) < _CONTRAST
        colour[alike] = rng.random((int(alike.sum()), 3))
    return ground, colour


def _flat(colour: Field) -> Field:
    return colour[:, :, None, None]


def _textured(colour: Field, column: Field, row: Field, rng: np.random.Generator) -> Field:
    """Return colours (n, 3) as images (n, 3, side, side) with some plane waves on them."""
    n = len(colour)
    image: Field = np.broadcast_to(_flat(colour), (n, 3, SIDE, SIDE)).copy()
    for _ in range(_WAVES):
        turn, phase = rng.uniform(0, 2 * np.pi, (2, n, 1, 1))
        length = rng.uniform(3, 40, (n, 1, 1))
        along = (np.cos(turn) * column + np.sin(turn) * row) * (2 * np.pi / length)
        depth = _flat(rng.uniform(-_DEPTH, _DEPTH, (n, 3)))
        image += depth * np.sin(along + phase)[:, None]
    return image


def _over(image: Field, cover: Field, paint: Field) -> Field:
    """Paint where it covers: shares (n, side, side) of each pixel."""
    return image + cover[:, None] * (paint - image)


def _share(outside: Field) -> Field:
    """Return which share of a pixel is covered, from how many pixels it lies outside."""
    return (0.5 - outside).clip(0, 1)


def _shapes(labels: NDArray[np.int64], column: Field, row: Field, rng: np.random.Generator) -> Field:
    n = len(labels)
    radius, turn = rng.uniform(*_RADIUS, (n, 1, 1)), rng.uniform(0, 2 * np.pi, (n, 1, 1))
    right, down = rng.uniform(-_SHIFT, _SHIFT, (2, n, 1, 1))
    stretch = 1 + rng.uniform(-_STRETCH, _STRETCH, (n, 1, 1))
    mirror = rng.choice([-1.0, 1.0], (n, 1, 1))
    across, along = column - right, row - down
    x = (np.cos(turn) * across + np.sin(turn) * along) / radius * stretch * mirror
    y = (np.cos(turn) * along - np.sin(turn) * across) / radius / stretch
    cover = np.empty((n, SIDE, SIDE))
    for number, outside in enumerate(SHAPES.values()):
        own = labels == number
        cover[own] = _share(outside(x[own], y[own]) * radius[own])
    return cover


def _bar(n: int, column: Field, row: Field, rng: np.random.Generator) -> Field:
    turn, width = rng.uniform(0, np.pi, (n, 1, 1)), rng.uniform(*_BAR, (n, 1, 1))
    offset = rng.uniform(-SIDE / 2, SIDE / 2, (n, 1, 1))
    return _share(np.abs(np.cos(turn) * column + np.sin(turn) * row - offset) - width)


def _specks(n: int, column: Field, row: Field, rng: np.random.Generator) -> Field:
    cover = np.zeros((n, SIDE, SIDE))
    for _ in range(_SPECKS):
        right, down = rng.uniform(-SIDE / 2, SIDE / 2, (2, n, 1, 1))
        size = rng.uniform(*_SPECK, (n, 1, 1))
        cover = np.maximum(cover, _share(np.hypot(column - right, row - down) - size))
    return cover
