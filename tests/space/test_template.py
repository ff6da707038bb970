"""Templates: what recording leaves, what it means to the core, and what it refuses."""
# ruff: noqa: E501, RUF015, RUF034

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core

NAMES = [operation["name"] for operation in _core.operations()]


def network(space: cb.Space, config: dict) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """The canonical graph of a config: operation, shape, inputs."""
    graph = space.graphs(space.encode([config]))
    nodes = []
    for i, code in enumerate(graph["op"]):
        shape = tuple(graph["shape"][i][: graph["rank"][i]].tolist())
        inputs = tuple(graph["inputs"][graph["edges"][i] : graph["edges"][i + 1]].tolist())
        nodes.append((NAMES[code], shape, inputs))
    return nodes


def operations(space: cb.Space, config: dict) -> list[str]:
    return [name for name, _, _ in network(space, config)[1:]]


def dense(template, /, **members) -> cb.Space:
    """A space on 4 features with 2 outputs."""
    return cb.Space(template, input=(4,), outputs=2, **members)


def test_numbers_words_and_fractions_reach_the_attributes():
    def net(x, width, act, drop, outputs):
        return cb.nn.linear(cb.nn.dropout(cb.nn.activation(cb.nn.linear(x, width), act), drop), outputs)

    space = dense(net, width=cb.Choice(3, 7), act=cb.Choice("tanh", None), drop=cb.Choice(0.0, 0.25))
    graph = space.graphs(space.encode([{"width": 7, "act": "tanh", "drop": 0.25}]))
    assert [NAMES[code] for code in graph["op"]] == ["input", "linear", "activation", "dropout", "linear"]
    assert graph["attrs"][:, 0].tolist() == [0, 7, 8, 250_000, 2]
    assert operations(space, {"width": 3, "act": None, "drop": 0.0}) == ["linear", "linear"]


def test_integer_genes_and_arithmetic():
    def net(x, a, b, outputs):
        width = (a * 10 + b - 1) // 2 % 100 + (-b).at_least(-2) + a.ceil_div(2).at_most(9) + x.features
        return cb.nn.linear(cb.nn.linear(x, width), outputs)

    space = dense(net, a=cb.Int(1, 5), b=cb.Choice(3, 9))
    for a in range(1, 6):
        for b in (3, 9):
            width = (a * 10 + b - 1) // 2 % 100 + max(-b, -2) + min(-(-a // 2), 9) + 4
            assert network(space, {"a": a, "b": b})[1][1] == (width,)


def test_a_template_that_does_not_end_in_the_outputs_is_refused():
    with pytest.raises(ValueError, match=r"ends in shape \(3,\), not in outputs=2; let the space's template"):
        cb.Space(lambda x, w: cb.nn.linear(x, w), (4,), 2, w=cb.Choice(2, 3))
    unbound = cb.Space(lambda x, w: cb.nn.linear(x, w), w=cb.Choice(2, 3))
    with pytest.raises(ValueError, match="not in outputs=5"):
        unbound.bind((4,), 5)


def test_conditions_in_where_and_switch():
    def net(x, a, kind, outputs):
        width = cb.where((a > 2) & ~(kind == "y"), 5, cb.where((a >= 2) | (kind != "x"), 6, 7))
        y = cb.nn.linear(x, width)
        y = cb.switch(
            kind,
            {"x": lambda: cb.nn.activation(y, "relu"), "y": y},
            default=lambda: cb.nn.activation(y, "tanh"),
        )
        y = cb.switch(a == 1, {True: y, False: lambda: cb.nn.dropout(y, 0.5)})
        y = cb.nn.linear(y, cb.switch(kind, {"x": 11, "y": a + 1, "z": outputs}))
        return cb.nn.linear(y, outputs)

    space = dense(net, a=cb.Int(1, 3), kind=cb.Choice("x", "y", "z"))
    for a in (1, 2, 3):
        for kind in "xyz":
            nodes = network(space, {"a": a, "kind": kind})
            width = 5 if a > 2 and kind != "y" else 6 if a >= 2 or kind != "x" else 7
            assert nodes[1][1] == (width,)
            assert ("dropout" in [n[0] for n in nodes]) == (a != 1)
            assert ("activation" in [n[0] for n in nodes]) == (kind != "y")
            assert nodes[-2][1] == ({"x": 11, "y": a + 1, "z": 2}[kind],)


def test_options_that_are_operations_find_their_attributes_by_name():
    @cb.op
    def wide(x, width, factor=2):
        return cb.nn.linear(x, width * factor)

    def net(x, op, outputs):
        return cb.nn.linear(op(x), outputs)

    space = dense(net, op=cb.Choice(wide=wide, linear="linear", none=cb.nn.identity), width=cb.Choice(5, 8))
    assert network(space, {"op": "wide", "width": 8})[1][1] == (16,)
    assert network(space, {"op": "linear", "width": 8})[1][1] == (8,)
    assert operations(space, {"op": "none", "width": 8}) == ["linear"]

    def given(x, op, outputs):
        return cb.nn.linear(op(x, factor=3, width=x.features), outputs)

    space = dense(given, op=cb.Choice(wide=wide, linear="linear"), width=cb.Choice(5, 8))
    assert network(space, {"op": "wide", "width": 8})[1][1] == (12,)
    assert network(space, {"op": "linear", "width": 8})[1][1] == (4,)


def test_a_stamped_group_has_one_set_of_genes_and_takes_parameters():
    def cell(x, width, act):
        return cb.nn.activation(cb.nn.linear(x, width), act)

    def net(x, cell, outputs):
        return cb.nn.linear(cell(cell(x, width=16), width=32), outputs)

    space = dense(net, cell=cb.Group(cell, act=cb.Choice("relu", "tanh")))
    assert space.n_genes == 1
    nodes = network(space, {"cell": {"act": "tanh"}})
    assert [shape for _, shape, _ in nodes] == [(4,), (16,), (16,), (32,), (32,), (2,)]
    assert len(space.program.procedures) == 2


def test_a_switch_on_a_gene_of_one_word_may_give_a_number():
    def net(x, kind, outputs):
        return cb.nn.linear(cb.nn.linear(x, cb.switch(kind, {"only": 5})), outputs)

    assert network(dense(net, kind=cb.Choice("only")), {"kind": "only"})[-2][1] == (5,)


def test_names_are_found_outwards_and_parameters_are_handed_down():
    def inner(
        x, act, width, outputs
    ):  # act: root; width: handed down by the caller; outputs: the root's parameter
        return cb.nn.activation(cb.nn.linear(x, width + outputs), act)

    def outer(x, inner, width):
        return inner(x)

    def net(x, outer, outputs):
        return cb.nn.linear(outer(x, width=5), outputs)

    space = dense(
        net, act=cb.Choice("relu", "tanh"), outer=cb.Group(outer, inner=cb.Group(inner, k=cb.Int(1, 2)))
    )
    assert network(space, {"act": "tanh", "outer": {"inner": {"k": 1}}})[1][1] == (7,)


def test_slots_know_their_index_and_count():
    def slot(x, extra, index, count):
        return cb.nn.linear(x, index * 10 + count + extra)

    def net(x, layers, outputs):
        return cb.nn.linear(layers(x), outputs)

    space = dense(net, layers=cb.Repeat(cb.Group(slot, extra=cb.Choice(0, 5)), 1, 3))
    shapes = [n[1] for n in network(space, {"layers": [{"extra": 5}, {"extra": 0}, {"extra": 5}]})]
    assert shapes == [(4,), (8,), (13,), (28,), (2,)]
    assert [n[1] for n in network(space, {"layers": [{"extra": 0}]})] == [(4,), (1,), (2,)]


def test_references_point_at_earlier_slots_and_inputs():
    def slot(x, ref):
        y = cb.nn.linear(x, 4)
        return cb.switch(cb.exists(ref), {True: lambda: cb.nn.concat(y, ref), False: y})

    def net(x, layers, outputs):
        return cb.nn.linear(layers(x), outputs)

    space = dense(net, layers=cb.Repeat(cb.Group(slot, ref=cb.Reference(2, optional=True)), 2, 2))
    assert operations(space, {"layers": [{"ref": None}, {"ref": None}]}) == ["linear"] * 3
    nodes = network(space, {"layers": [{"ref": None}, {"ref": 2}]})
    assert nodes[3] == ("concat", (8,), (2, 0))
    nodes = network(space, {"layers": [{"ref": None}, {"ref": 1}]})
    assert nodes[3] == ("concat", (8,), (2, 1))
    assert nodes == network(space, {"layers": [{"ref": None}, {"ref": 1}]})


def test_a_reference_in_a_nested_group_belongs_to_the_slot_around_it():
    def inner(x, ref):
        return cb.nn.add(cb.nn.linear(x, 4), ref)

    def slot(x, inner):
        return inner(x)

    def net(x, layers, outputs):
        return cb.nn.linear(layers(x), outputs)

    group = cb.Group(slot, pad=cb.Int(1, 2), inner=cb.Group(inner, pad=cb.Int(1, 3), ref=cb.Reference(3)))
    space = dense(net, first=cb.Int(1, 2), layers=cb.Repeat(group, 1, 3))
    config = {"first": 1, "layers": [{"pad": 1, "inner": {"pad": 2, "ref": r}} for r in (1, 2, 2)]}
    nodes = network(space, config)
    adds = [set(n[2]) for n in nodes if n[0] == "add"]
    assert [0 in a for a in adds] == [True, True, False]


def test_same_tells_a_reference_to_the_slot_before():
    def slot(x, source):
        y = cb.nn.linear(x, 4)
        return cb.switch(cb.same(source, x), {True: y, False: lambda: cb.nn.add(y, source)})

    def net(x, layers, outputs):
        return cb.nn.linear(layers(x), outputs)

    space = dense(net, layers=cb.Repeat(cb.Group(slot, source=cb.Reference(2)), 2, 2))
    assert operations(space, {"layers": [{"source": 2}, {"source": 1}]}) == ["linear"] * 3
    assert "add" in operations(space, {"layers": [{"source": 1}, {"source": 2}]})


def test_a_repeat_may_take_several_values_which_its_references_can_reach():
    def slot(x, other, ref):
        return cb.nn.concat(x, other, ref)

    def net(x, layers, outputs):
        a, b = cb.nn.linear(x, 3), cb.nn.linear(x, 5)
        return cb.nn.linear(layers(a, b), outputs)

    space = dense(net, layers=cb.Repeat(cb.Group(slot, ref=cb.Reference(3)), 1, 2))
    widths = [network(space, {"layers": [{"ref": r}]})[-2][1][0] for r in (1, 2)]
    assert widths == [13, 11]  # distance 1 is the last input, 2 the first


def test_inactive_members_are_skipped_by_the_default_template():
    space = cb.Space(
        input=(4,),
        outputs=2,
        on=cb.Choice(False, True),
        act=cb.Group(lambda x, kind: cb.nn.activation(x, kind), kind=cb.Choice("relu", "tanh"), when="on"),
    )
    assert operations(space, {"on": False}) == ["linear"]
    assert operations(space, {"on": True, "act": {"kind": "tanh"}}) == ["activation", "linear"]


def test_the_default_template_merges_references():
    def layer(x):
        return cb.nn.linear(x, 4)

    group = cb.Group(
        op=cb.Choice(layer=layer),
        skip=cb.Reference(2, optional=True),
        merge=cb.Choice("add", "concat", when="skip"),
    )
    space = cb.Space(input=(4,), outputs=2, layers=cb.Repeat(group, 2, 2))
    none = {"op": "layer", "skip": None}
    assert operations(space, {"layers": [none, none]}) == ["linear"] * 3
    last = {"op": "layer", "skip": 2, "merge": "concat"}
    assert operations(space, {"layers": [none, last]}) == ["linear", "linear", "concat", "linear"]
    bare = cb.Group(op=cb.Choice(layer=layer), skip=cb.Reference(2, optional=True))
    space = cb.Space(input=(4,), outputs=2, layers=cb.Repeat(bare, 2, 2))
    assert "add" in operations(space, {"layers": [{"op": "layer", "skip": None}, {"op": "layer", "skip": 1}]})


def test_genes_no_template_reads_are_flagged_recipe():
    space = dense(
        lambda x, width, outputs: cb.nn.linear(cb.nn.linear(x, width), outputs),
        width=cb.Choice(3, 4), lr=cb.Float(1e-4, 1e-1), extra=cb.Group(a=cb.Choice(1, 2)),
    )  # fmt: skip
    assert space.layout.recipe.tolist() == [False, True, True]
    genomes = np.array([[0, 3, 0], [0, 9, 0], [1, 3, 0]], dtype=np.uint8)
    decoded = space.decode(genomes)
    assert (decoded.hashes[0] == decoded.hashes[1]).all()
    assert (decoded.hashes[0] != decoded.hashes[2]).any()
    assert len(np.unique(decoded.recipe_hashes, axis=0)) == 3


LEAK: list = []


def _leak(x, outputs):
    LEAK.append(x)
    return cb.nn.linear(x, outputs)


def _escape(x, a, outputs):
    made = []
    cb.switch(a, {1: lambda: made.append(cb.nn.linear(x, 3)) or made[0], 2: x})
    return cb.nn.linear(made[0], outputs)


def _recurse(x, g):
    return g(x)


def _two_widths(x, g, outputs):
    return cb.nn.linear(cb.nn.add(g(x), g(x, x)), outputs)


@pytest.mark.parametrize(
    ("template", "members", "error", "message"),
    [
        (lambda x, a: cb.nn.linear(x, 3 if a else 4), {}, TypeError, "the gene 'a' is only known.*cb.switch.*cb.where"),
        (lambda x, a: cb.nn.linear(x, 3) if a == 1 else x, {}, TypeError, "only known when a genome is decoded"),
        (lambda x, a: cb.nn.linear(x, max(a, 3)), {}, TypeError, "cb.where"),
        (lambda x, a: [cb.nn.linear(x, 3) for _ in range(a)][0], {}, TypeError, "Python integer"),
        (lambda x, widht: cb.nn.linear(x, widht), {"width": cb.Int(1, 2)}, TypeError, "did you mean 'width'"),
        (lambda x: 3, {}, TypeError, r"must return a value .* returned 3 \(int\)"),
        (lambda x: None, {}, TypeError, "must return a value"),
        (lambda x, a: a, {}, TypeError, "must return a value"),
        (lambda x, lr: cb.nn.linear(x, lr), {"lr": cb.Float(1, 2)}, TypeError, "whole number.*float can only be dropout's p"),
        (lambda x, w: cb.nn.linear(x, w), {"w": cb.Choice("a", "b")}, TypeError, "'a' is one of its options; compare"),
        (lambda x: cb.nn.linear(x, 2.5), {}, TypeError, "features= of cb.nn.linear must be a whole number"),
        (lambda x: cb.nn.linear(x), {}, TypeError, "needs features="),
        (lambda x: cb.nn.linear(x, widht=3), {}, ValueError, "unknown attribute of cb.nn.linear 'widht'"),
        (lambda x: cb.nn.linear(3, 4), {}, TypeError, r"works on values inside a template; got int \(3\)"),
        (lambda x, a: cb.nn.linear(a, 4), {}, TypeError, "got the gene 'a' as an input"),
        (lambda x: cb.nn.activation(x, "rellu"), {}, ValueError, "did you mean 'relu'"),
        (lambda x, k: cb.nn.norm(x, k), {"k": cb.Choice("batch", "lyer")}, ValueError, "did you mean 'layer'"),
        (lambda x, a: cb.nn.activation(x, a + 1), {}, TypeError, "takes a gene or a plain value"),
        (lambda x: cb.nn.dropout(x, 1.0), {}, ValueError, "at least 0 and less than 1; got 1.0"),
        (lambda x, a: a(x), {}, TypeError, "can't be called: its options are not operations"),
        (lambda x, a: cb.switch(a, {1: x}), {}, TypeError, r"no case for \[2\]"),
        (lambda x, a: cb.switch(a, {1: x, 3: x}), {}, TypeError, "3 is not an option; did you mean 2"),
        (lambda x, a: cb.switch(a, {1: x, 2: 4}), {}, TypeError, "values in all cases, or integers in all"),
        (lambda x, a: cb.switch(a, {1: x, 2: "y"}), {}, TypeError, "must be a value or an integer; got 'y'"),
        (lambda x: cb.switch(3, {1: x}), {}, TypeError, "chooses by a gene or a condition"),
        (lambda x, a: cb.switch(a + 1, {1: x}), {}, TypeError, "chooses by a gene or a condition"),
        (lambda x, a: cb.switch(a == 1, {1: x, 2: x}), {}, TypeError, "cases True and False; got 2"),
        (lambda x, a: cb.where(a == 1, x, x), {}, TypeError, "use cb.switch"),
        (lambda x, a: cb.where(True, 1, 2), {}, TypeError, "needs a condition"),
        (lambda x, a: x if a == 7 else x, {}, TypeError, "7 is not an option; did you mean 2"),
        (lambda x: x if x == x else x, {}, TypeError, "use cb.same"),
        (lambda x: cb.same(x, 3), {}, TypeError, "compares two values"),
        (lambda x: cb.exists(3), {}, TypeError, "takes a reference"),
        (_escape, {}, TypeError, "outside the case of cb.switch"),
        (lambda x, outputs: cb.nn.linear(cb.nn.add(x, LEAK[0]), outputs), {}, TypeError, "belongs to"),
        (lambda x, g: g(x), {"g": cb.Group(_recurse, b=cb.Int(1, 2))}, TypeError, "calls itself"),
        (lambda x, g: g(x, b=3, c=1), {"g": cb.Group(lambda x, b: x, b=cb.Int(1, 2))}, TypeError, "unknown parameter 'c'"),
        (lambda x, g: g(), {"g": cb.Group(lambda x: x, b=cb.Int(1, 2))}, TypeError, "called without a value"),
        (lambda x, g: g(3), {"g": cb.Group(lambda x: x, b=cb.Int(1, 2))}, TypeError, "works on values; got 3"),
        (lambda x, g: g(x, b=x), {"g": cb.Group(lambda x, b: x)}, TypeError, "Values are passed by position"),
        (_two_widths, {"g": cb.Repeat(cb.Group(lambda x, y=None: x, b=cb.Int(1, 2)), 1, 2)}, TypeError, "another number"),
        (lambda x, index: x, {}, TypeError, "unknown name 'index'"),
        (lambda x: cb.nn.conv2d(x, 3, 3), {}, ValueError, "don't give a network for every genome"),
    ],
)  # fmt: skip
def test_templates_that_cannot_work_are_refused_at_the_door(template, members, error, message):
    dense(_leak, a=cb.Int(1, 2))
    with pytest.raises(error, match=message):
        dense(template, a=cb.Int(1, 2), **members)


def test_templates_and_primitives_only_work_inside_templates():
    with pytest.raises(TypeError, match="only be called inside another template"):
        cb.op(lambda x: x)(3)
    with pytest.raises(TypeError, match="works on values inside a template"):
        cb.nn.linear(np.zeros(3), 4)


def test_a_template_that_fails_for_some_genomes_only_is_refused_too():
    def net(x, bad, outputs):
        y = cb.switch(bad, {True: lambda: cb.nn.linear(x, x.features - 4), False: x})
        return cb.nn.linear(y, outputs)

    with pytest.raises(ValueError, match=r"don't give a network for every genome on the input \(4,\)"):
        dense(net, bad=cb.Choice(False, True))


def test_an_unbound_space_samples_and_is_bound_later():
    space = cb.Space(
        lambda x, width, outputs: cb.nn.linear(cb.nn.linear(x, width), outputs), width=cb.Choice(3, 4)
    )
    genomes = space.sample(4)
    assert space.has_templates
    with pytest.raises(ValueError, match="resources need a space bound to an input"):
        space.resources(genomes)
    bound = space.bind((6,), 5)
    assert bound.resources(bound.encode([{"width": 3}]))["params"].tolist() == [6 * 3 + 3 + 3 * 5 + 5]
    assert bound.program is space.program
    assert bound.bind((7,), 5).resources(genomes)["params"].min() > 0


def test_words_that_name_operations_mean_nothing_until_a_space_is_bound():
    space = cb.Space(schedule=cb.Choice("linear", "identity"), pool=cb.Choice("mean", "flatten"))
    assert space.layout.plain
    assert space.size == 4


def test_nothing_is_left_out_of_sums_and_passes_through_operations() -> None:
    def model(x, edge, outputs):
        y = cb.nn.activation(edge(x), "relu")
        total = cb.nn.add(cb.nn.avg_pool(x, 3), y, edge(x))
        kept = cb.switch(cb.exists(y), {True: lambda: cb.nn.linear(cb.nn.mean(total), 7), False: total})
        return cb.nn.linear(cb.nn.mean(kept), outputs)

    space = cb.Space(model, (2, 4, 4), 3, edge=cb.Choice(none=cb.nothing, same="identity"))
    none, same = (space.graphs(np.array([[k]], dtype=np.uint8)) for k in (0, 1))
    assert [NAMES[op] for op in none["op"]] == ["input", "avg_pool", "mean", "linear"]
    assert sorted(NAMES[op] for op in same["op"]) == sorted(
        ["input", "avg_pool", "activation", "add", "mean", "linear", "linear"]
    )
