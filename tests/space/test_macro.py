"""The macro family: blocks mean what the papers say; shapes follow the stages."""

from __future__ import annotations

import pytest

import cambrian as cb

C = 8  # the stem's width, and that of every stage here


def space(**options):
    return cb.spaces.macro((3, 16, 16), 10, widths=[(8, 16), (8, 16)], max_depth=2, recipe=False, **options)


def config(*blocks, width=8, head=None):
    plain = {"op": "basic", "kernel": 3, "squeeze": None, "activation": "relu"}
    return {
        "stem": {"width": C, "activation": "relu"},
        "stages": {
            "stage1": {"width": width, "blocks": [{**plain, **block} for block in blocks]},
            "stage2": {"width": 8, "blocks": [plain]},
        },
        "head": {"width": head, "activation": "relu"},
        "dropout": 0.0,
    }


def params(*blocks, **options):
    return space().resources(space().encode([config(*blocks, **options)]))["params"][0]


BASIC = 2 * (C * C * 9 + 2 * C)
REST = 3 * 9 * C + 2 * C + BASIC + C * C + 2 * C + C * 10 + 10  # stem, stage 2 with its projection, outputs


@pytest.mark.parametrize(
    ("block", "weights"),
    [
        ({}, BASIC),
        ({"kernel": 5}, 2 * (C * C * 25 + 2 * C)),
        ({"squeeze": 4}, BASIC + (C * 2 + 2) + (2 * C + C)),
        ({"op": "bottleneck"}, (C * 4 + 8) + (4 * 4 * 9 + 8) + (4 * C + 2 * C)),
        ({"op": "inverted", "expansion": 1}, (C * 9 + 2 * C) + (C * C + 2 * C)),
        (
            {"op": "inverted", "expansion": 4, "kernel": 7},
            (C * 32 + 64) + (32 * 49 + 64) + (32 * C + 2 * C),
        ),
        (
            {"op": "inverted", "expansion": 4, "squeeze": 4},
            (C * 32 + 64) + (32 * 9 + 64) + (32 * 2 + 2 + 2 * 32 + 32) + (32 * C + 2 * C),
        ),
    ],
)
def test_blocks_have_the_weights_of_their_papers(block, weights):
    assert params(block) == REST + weights
    assert params(block, {}) == REST + weights + BASIC


def test_the_head_may_widen():
    assert params({}, head=128) == REST + BASIC + C * 128 + 256 + (128 - C) * 10


def test_stages_halve_the_sides_and_blocks_keep_them():
    graphs = space().graphs(space().encode([config({}, {"op": "inverted", "expansion": 3}, width=16)]))
    convolutions = graphs["op"] == 1
    sides = graphs["shape"][convolutions, 1].tolist()
    assert set(sides) == {16, 8}
    assert {8, 16, 48} == set(graphs["shape"][convolutions, 0].tolist())


def test_blocks_add_their_input_where_it_fits():
    adds = {
        ("inverted", 8): 1, ("inverted", 16): 0, ("basic", 8): 1, ("basic", 16): 1, ("bottleneck", 16): 1
    }  # fmt: skip
    for (op, width), expected in adds.items():
        block = {"op": op, **({"expansion": 3} if op == "inverted" else {})}
        genome = space().encode([config(block, width=width)])
        assert (space().graphs(genome)["op"] == 10).sum() == expected + 1, (op, width)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": ("basics",)}, "unknown block of macro 'basics'; did you mean 'basic'"),
        ({"blocks": ()}, "at least one option"),
        ({"widths": (16, 24)}, r"such as \[\(16, 24\), \(32, 48\)\] for two stages; got \(16, 24\)"),
        ({"widths": ()}, "macro widths= lists"),
        ({"max_depth": 0}, "Repeat needs"),
        ({"input": (64,)}, r"macro works on images: .* got \(64,\)"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        cb.spaces.macro(**options)


def test_one_kind_of_block_is_enough():
    only = cb.spaces.macro(blocks=("basic",), widths=[(8,)], max_depth=1, recipe=False)
    assert "expansion" not in only.decode(only.sample(1))[0]["stages"]["stage1"]["blocks"][0]
