"""`explain` says every repair in words: which rule, where, what changed and why."""

from __future__ import annotations

import re

import pytest

import cambrian as cb
from cambrian.space.repairs import SETS, WORDS


def explained(template, shape, **genes):
    space = cb.Space(template, input=shape, outputs=2, w=cb.Choice(4, 5), **genes)
    genome = space.encode({"w": 4})
    text = space.explain(genome)
    return [line.strip() for line in text.split("repairs:")[1].split("network:")[0].strip().splitlines()]


def conv(**attrs):
    return lambda x, w, outputs: cb.nn.linear(cb.nn.mean(cb.nn.conv2d(x, w, **attrs)), outputs)


def joined(second):
    def template(x, w, outputs):
        total = cb.nn.add(cb.nn.conv2d(x, w, 3), second(x, w))
        return cb.nn.linear(cb.nn.mean(total), outputs)

    return template


def ended(body):
    return lambda x, w, outputs: cb.nn.linear(cb.nn.linear(cb.nn.mean(body(x, w)), w), outputs)


CASES = {
    "stride": (
        conv(kernel=1, stride=9),
        (3, 4, 6),
        "conv2d (node 1), stride 9 -> 4, for its input has no more",
    ),
    "dilation": (conv(kernel=3, dilation=8), (3, 4, 6), "dilation 8 -> 1, for the outer taps would only see"),
    "kernel": (conv(kernel=31), (3, 4, 6), "kernel 31 -> 11, for a wider one would only see more padding"),
    "groups": (conv(kernel=1, groups=3), (6, 4, 6), "groups 3 -> 2, the largest number that divides"),
    "project": (joined(lambda x, w: x), (3, 4, 6), "put in: takes 3 channels to 4"),
    "pool": (
        ended(lambda x, w: cb.nn.concat(cb.nn.max_pool(x, 2, 2), x)),
        (3, 4, 6),
        "put in: takes a side of 4 to 2",
    ),
    "resize": (
        ended(lambda x, w: cb.nn.concat(x, cb.nn.max_pool(x, 2, 2))),
        (3, 4, 6),
        "put in: takes a side of 2 to 4",
    ),
    "mean": (
        ended(lambda x, w: cb.nn.add(cb.nn.linear(cb.nn.mean(x), w), x)),
        (4, 4, 6),
        "mean (node 1), put in: averages over the positions",
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_repair_in_words(rule):
    template, shape, words = CASES[rule]
    lines = explained(template, shape)
    assert any(line.startswith(f"{rule}: ") and words in line for line in lines), lines


def test_a_clamped_reference_is_named_by_its_gene():
    slot = cb.Group(
        op=cb.Choice("max_pool"), kernel=cb.Choice(3), stride=cb.Choice(1), back=cb.Reference(back=4)
    )
    space = cb.Space(layers=cb.Repeat(slot, 2, 3), input=(3, 8, 8), outputs=2)
    genome = space.encode({"layers": [{"op": "max_pool", "kernel": 3, "stride": 1, "back": 4}] * 2})
    repairs = space.explain(genome).split("repairs:")[1].split("network:")[0]
    assert "clamp: layers[0].back reaches 4 before the first slot, takes input -1 (the last of the" in repairs
    assert "clamp: layers[1].back reaches 3 before" in repairs


@pytest.mark.parametrize("family", cb.spaces.FAMILIES)
def test_every_repair_of_the_families_has_words(family):
    space = next(space for shape in ((1, 8, 8), (6, 5), (12,)) if (space := made(family, shape)))
    seen = set()
    for genome in space.sample(60, seed=2):
        for line in space.explain(genome).split("repairs:")[1].split("network:")[0].splitlines()[1:]:
            rule = line.strip().split(":")[0]
            seen.add(rule)
            assert rule == "clamp" or rule in WORDS or rule in SETS, line
            assert re.search(r"[a-z]{3}", line.split(":")[1]), line


def made(family, shape):
    try:
        return cb.spaces.make(family, shape, 4)
    except (ValueError, TypeError):
        return None
