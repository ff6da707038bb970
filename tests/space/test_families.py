"""Families: every genome is a network, on every input."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian.space.families.recipe import recipe_genes

INPUTS = {
    "adaptive": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 224, 224), 1000)],
    "mlp": [((16,), 3), ((1, 8, 8), 10), ((3, 32, 32), 100), ((3, 224, 224), 1000)],
    "cell101": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100)],
    "darts": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100)],
    "cell201": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100)],
    "convnet": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100), ((3, 224, 224), 1000)],
    "macro": [((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100), ((3, 224, 224), 1000)],
    "transformer": [
        *(((1, 1, 1), 2), ((1, 8, 8), 10), ((2, 5, 17), 3), ((3, 32, 32), 100), ((3, 224, 224), 1000)),
        *(((1, 1), 2), ((40, 3), 5)),
    ],
}
# Least share of different networks among sampled genomes, where it is below 0.8.
DIFFERENT = {"cell101": 0.2, "cell201": 0.02}
# Smaller networks of the same make, where the default ones are deep.
SIZES: dict[str, dict[str, int]] = {"cell101": {"width": 8}, "cell201": {"cells": 2}}
CASES = [(name, *case) for name, cases in INPUTS.items() for case in cases]


@pytest.mark.parametrize(("name", "shape", "outputs"), CASES)
def test_every_sampled_genome_is_a_network(name, shape, outputs):
    space = cb.spaces.make(name, shape, outputs, **SIZES.get(name, {}))
    genomes = space.sample(3000, seed=11)
    decoded = space.decode(genomes)
    resources = decoded.resources
    for key in ("params", "macs", "elementwise", "memory", "kernels", "depth"):
        assert resources[key].min() > 0, key
    assert (resources["memory"] >= 4 * np.prod(shape)).all()
    graphs = space.graphs(genomes[:200])
    last = graphs["nodes"][1:] - 1
    assert (graphs["rank"][last] == 1).all()
    assert (graphs["shape"][last, 0] == outputs).all()
    assert len(np.unique(decoded.hashes, axis=0)) > DIFFERENT.get(name, 0.8) * len(genomes)


@pytest.mark.parametrize("name", cb.spaces.FAMILIES)
def test_recipe_genes_are_left_out_on_request_and_never_change_the_network(name):
    with_recipe, without = cb.spaces.FAMILIES[name](), cb.spaces.FAMILIES[name](recipe=False)
    assert [g for g in with_recipe.members if g not in without.members] == list(recipe_genes())
    assert without.layout.recipe.sum() == 0
    recipe = np.array([path in recipe_genes() for path in with_recipe.paths])
    assert np.array_equal(with_recipe.layout.recipe, recipe)
    genomes = with_recipe.sample(50, seed=1)
    other = with_recipe.sample(50, seed=2)
    other[:, ~recipe] = genomes[:, ~recipe]
    assert np.array_equal(with_recipe.hash(genomes), with_recipe.hash(other))
    assert not np.array_equal(with_recipe.hash(genomes, recipe=True), with_recipe.hash(other, recipe=True))


def test_sampled_convnets_are_reasonable():
    space = cb.spaces.convnet((1, 8, 8), 10)
    resources = space.resources(space.sample(2000, seed=5))
    assert 3_000 < np.median(resources["params"]) < 60_000
    assert 5 <= np.median(resources["depth"]) <= 12
    graphs = space.graphs(space.sample(300, seed=5))
    images = graphs["rank"] == 3
    sides = graphs["shape"][images, 1]
    assert (sides >= 2).mean() > 0.9


def test_large_images_are_brought_down_by_the_stem():
    small = cb.spaces.convnet((3, 32, 32), 10)
    large = cb.spaces.convnet((3, 224, 224), 10)
    median = [np.median(s.resources(s.sample(500, seed=1))["macs"]) for s in (small, large)]
    assert median[1] < 6 * median[0]


def config(**slot):
    base = {"kernel": 3, "width": 8, "norm": "batch", "activation": "relu", "squeeze": None, "stride": 1}
    return {"stem": {"width": 8, "activation": "relu"}, "layers": [{**base, "links": "none", **slot}],
            "head": "mean", "dropout": 0.0}  # fmt: skip


@pytest.mark.parametrize(
    ("slot", "params"),
    [
        ({"op": "conv"}, 8 * 8 * 9 + 16),
        ({"op": "conv", "kernel": 5, "norm": "none"}, 8 * 8 * 25 + 8),
        ({"op": "conv", "kernel": 5, "norm": "layer", "width": 16}, 8 * 16 * 25 + 32),
        ({"op": "separable", "kernel": 7}, 8 * 49 + 64 + 16),
        ({"op": "dilated"}, 8 * 8 * 9 + 16),
        ({"op": "max_pool", "stride": 2}, 0),
        ({"op": "avg_pool"}, 0),
        ({"op": "identity"}, 0),
        ({"op": "conv", "kernel": 1, "squeeze": 4}, 64 + 16 + (8 * 2 + 2) + (2 * 8 + 8)),
        ({"op": "conv", "links": "skip", "skip": 1, "merge": "add"}, 8 * 8 * 9 + 16),
        ({"op": "conv", "links": "skip", "skip": 1, "merge": "concat"}, 8 * 8 * 9 + 16 + 16 * 8),
        ({"op": "conv", "links": "source", "source": 1, "merge": "concat"}, 8 * 8 * 9 + 16),
        ({"op": "identity", "links": "skip", "skip": 1, "merge": "add"}, 0),
    ],
)
def test_slots_of_convnet_mean_what_they_say(slot, params):
    space = cb.spaces.convnet((1, 8, 8), 10, recipe=False)
    stem, head = 9 * 8 + 16, (slot.get("width", 8) if slot["op"] == "conv" else 8) * 10 + 10
    counted = space.resources(space.encode([config(**slot)]))["params"][0]
    assert counted == stem + params + head


def test_options_of_families_are_used():
    space = cb.spaces.convnet(
        max_depth=3, operations=("conv", "identity"), widths=(4,), norms=("none",), kernels=(3,)
    )
    assert space.members["layers"].max == 3
    assert space.members["layers"].group.members["op"].options == ("conv", "identity")
    for genome in space.sample(20):
        network = space.explain(genome).split("network:")[1]
        assert network.count("norm(") == 1  # the stem's
        assert "max_pool" not in network
    assert (
        cb.spaces.mlp(max_depth=2, widths=(5,))
        .resources(cb.spaces.mlp(max_depth=2, widths=(5,)).sample(9))["depth"]
        .max()
        <= 3
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cb.spaces.make("convnte", (1, 8, 8), 10), "unknown space 'convnte'; did you mean 'convnet'"),
        (
            lambda: cb.spaces.convnet((64,), 10),
            r"works on images: input= must be \(channels, height, width\); got \(64,\)",
        ),
        (lambda: cb.spaces.convnet((1, 8.5, 8), 10), r"positive integers; got \(1, 8.5, 8\)"),
        (lambda: cb.spaces.make(["convnet"], (1, 8, 8), 10), r"unknown space \['convnet'\]"),
        (lambda: cb.spaces.convnet(operations=("max_pool",)), "needs a convolution among its operations"),
        (lambda: cb.spaces.convnet(operations=("convolution",)), "unknown operation of convnet"),
        (lambda: cb.spaces.convnet(activations=("rel",)), "did you mean 'relu'"),
        (lambda: cb.spaces.convnet(kernels=(2,)), "don't give a network"),
        (lambda: cb.spaces.convnet(max_depth=0), "Repeat needs"),
        (lambda: cb.spaces.mlp(widths=()), "at least one option"),
        (lambda: cb.spaces.mlp(widths=(0,)), "don't give a network"),
        (lambda: cb.spaces.mlp((64,), 0), "outputs="),
    ],
)
def test_wrong_options_of_families_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_explain_shows_config_repairs_and_network():
    space = cb.spaces.convnet(recipe=False)
    text = space.explain(space.encode(config(op="conv", width=16, links="skip", skip=4, merge="add")))
    assert '"op": "conv"' in text
    assert "clamp: layers[0].skip reaches 4 before the first slot, takes input -1" in text
    assert "project: conv2d" in text
    assert "linear(features=10, bias=1) (10,)" in text
    assert "params" in text
    pooled = config(op="max_pool", stride=2)
    text = space.explain(space.encode({**pooled, "layers": pooled["layers"] * 4, "dropout": 0.3}))
    assert "kernel: 3 -> 1; the operation falls away" in text
    assert "dropout(p=0.3)" in text


def test_explain_says_where_a_space_has_no_network_yet():
    space = cb.Space(head=cb.Choice("mean", "flatten"))
    assert space.explain(space.sample(1)[0]).endswith("network: none before the space is bound to an input")
