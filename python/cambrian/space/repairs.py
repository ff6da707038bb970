"""What the core changed so that a network runs, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import GraphArrays
    from cambrian.space.space import Space

# What each rule changes, and why; {a} and {b} are before and after.
WORDS = {
    "stride": "stride {a} -> {b}, for its input has no more positions than that",
    "dilation": "dilation {a} -> {b}, for the outer taps would only see padding",
    "kernel": "kernel {a} -> {b}, for a wider one would only see more padding",
    "groups": "groups {a} -> {b}, the largest number that divides the channels before and after it",
    "pool": "put in: takes a side of {a} to {b}, so that what is joined has one size",
    "resize": "put in: takes a side of {a} to {b}, so that what is joined has one size",
    "project": "put in: takes {a} channels to {b}, so that what is added has one shape",
    "mean": "put in: averages over the positions of what is joined to features",
    "heads": "heads {a} -> {b}, the largest number that divides the width",
    "kv_heads": "key-value heads {a} -> {b}, the largest number that divides the heads",
    "position": "positions left out, for rope turns pairs of features and a head has an odd number",
}
SETS = {  # of rules that change a mask
    "drop": "for it may have no more, or its Repeat has a limit of edges",
    "connect": "for it needs more, or something would be used by nothing",
}


def sentence(space: Space, graph: GraphArrays, rule: str, place: int, before: int, after: int) -> str:
    """Return a line for a repair: its rule, where it is, what changed and why.

    A reference and a mask are named by their gene, the others by the node that they changed or put in.
    """
    if rule == "clamp":
        which = "the last" if after == -1 else f"number {after} from the end"
        return (
            f"clamp: {space.paths[place]} reaches {-before} before the first slot, takes input {after} "
            f"({which} of the values that its Repeat works on)"
        )
    if rule in SETS:
        sets = [[bit + 1 for bit in range(16) if value >> bit & 1] for value in (before, after)]
        return f"{rule}: {space.paths[place]} {sets[0]} -> {sets[1]} (slots back), {SETS[rule]}"
    words = WORDS.get(rule, "{a} -> {b}").format(a=before, b=after)
    if place < 0:
        return f"{rule}: {before} -> {after}; the operation falls away, for it does nothing then"
    return f"{rule}: {_core.operations()[graph['op'][place]]['name']} (node {place}), {words}"
