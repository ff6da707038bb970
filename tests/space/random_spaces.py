"""Random trees for Hypothesis: genes of all kinds, conditions, references, nested groups and repeats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

import cambrian as cb
from cambrian.space.genes import Gene

WORDS = ("red", "green", "blue", "grey", "7", "none")


@st.composite
def _gene(draw: Any, known: dict[str, Gene], in_repeat: bool) -> Gene:
    when = draw(_when(known))
    kind = draw(
        st.sampled_from(["scalar", "word", "bool", "int", "float", *(["reference"] if in_repeat else [])])
    )
    if kind == "scalar":
        options = draw(
            st.lists(
                st.sampled_from([None, 0, 1, 2.5, -3, True, "a"]), min_size=1, max_size=4, unique_by=repr
            )
        )
        return cb.Choice(*options, when=when)
    if kind == "word":
        return cb.Choice(
            *draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True)), when=when
        )
    if kind == "bool":
        return cb.Choice(False, True, when=when)
    if kind == "int":
        low = draw(st.integers(1, 5))
        return cb.Int(low, low + draw(st.integers(0, 4)), log=draw(st.booleans()), levels=3, when=when)
    if kind == "float":
        return cb.Float(0.5, 8.0, log=draw(st.booleans()), levels=draw(st.integers(2, 4)), when=when)
    return cb.Reference(draw(st.integers(1, 3)), optional=draw(st.booleans()), when=when)


@st.composite
def _when(draw: Any, known: dict[str, Gene]) -> Any:
    if not known or draw(st.integers(0, 2)) == 0:
        return None
    parts: list[Any] = []
    for name in draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=2, unique=True)):
        options = known[name].options
        present = [option for option in options if option is not None and option is not False]
        if 0 < len(present) < len(options) and draw(st.booleans()):
            parts.append(name)
        else:
            chosen = draw(st.lists(st.sampled_from(options), min_size=1, max_size=3, unique_by=repr))
            parts.append({name: chosen})
    return parts


@st.composite
def _members(
    draw: Any, names: Iterator[int], known: dict[str, Gene], depth: int, in_repeat: bool
) -> dict[str, Any]:
    members: dict[str, Any] = {}
    known = dict(known)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["gene", "gene", "gene", "group", "repeat"] if depth < 2 else ["gene"]))
        name = f"m{next(names)}"
        if kind == "gene":
            members[name] = known[name] = draw(_gene(known, in_repeat))
            continue
        when = draw(_when(known))
        inner = draw(_members(names, known, depth + 1, in_repeat or kind == "repeat"))
        members[name] = cb.Group(when=when, **inner)
        if kind == "repeat":
            low = draw(st.integers(0, 1))
            members[name] = cb.Repeat(
                cb.Group(when=draw(_when(known)), **inner),
                low,
                max(1, low + draw(st.integers(0, 1))),
                when=when,
            )
    return members


@st.composite
def spaces(draw: Any, limit: int | None = None) -> cb.Space:
    """Draw a plain space; with `limit`, one whose genomes can be enumerated."""
    space = cb.Space(**draw(_members(itertools.count(), {}, 0, False)))
    if limit is not None:
        from hypothesis import assume

        assume(n_genomes(space) <= limit)
    return space


def n_genomes(space: cb.Space) -> int:
    """How many genomes there are, normal form or not."""
    return int(np.prod(space.layout.options.astype(object)))


def all_genomes(space: cb.Space) -> np.ndarray:
    """Every genome, normal form or not."""
    rows = list(itertools.product(*(range(n) for n in space.layout.options)))
    return np.array(rows, dtype=space.dtype)
