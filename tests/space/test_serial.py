"""Spaces as JSON and TOML: nothing is lost, nothing hostile gets in."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from space.random_spaces import spaces

SPACES = {
    "convnet": lambda: cb.spaces.convnet(),
    "mlp": lambda: cb.spaces.mlp(recipe=False),
    "plain": lambda: cb.Space.plain(genes=5, choices=[2, 3, 4, 5, 300]),
    "words": lambda: cb.Space(
        pool=cb.Choice("mean", "flatten"),
        odd=cb.Choice('a "quoted"\nline', "ünïcode 🦋", "\x7f", "\\", None, when={"pool": "mean"}),
    ),
    "unbound": lambda: cb.Space(
        lambda x, w, outputs: cb.nn.linear(cb.nn.linear(x, outputs + w), outputs), w=cb.Choice(None, 1)
    ),
}


@pytest.mark.parametrize("suffix", ["json", "toml"])
@pytest.mark.parametrize("name", SPACES)
def test_a_saved_space_is_the_same_space(name, suffix, tmp_path):
    space = SPACES[name]()
    path = tmp_path / f"space.{suffix}"
    space.save(path)
    loaded = cb.Space.load(path)
    assert np.array_equal(loaded.layout.words, space.layout.words)
    assert (loaded.size, loaded.paths, loaded.input, loaded.outputs) == (
        space.size, space.paths, space.input, space.outputs,
    )  # fmt: skip
    genomes = space.sample(50, seed=2)
    assert list(loaded.decode(genomes)) == list(space.decode(genomes))
    assert np.array_equal(loaded.hash(genomes, recipe=True), space.hash(genomes, recipe=True))
    normal = _core.normalise(space.layout, genomes)
    assert np.array_equal(loaded.encode(list(space.decode(genomes))), normal)
    assert loaded.to_dict() == space.to_dict()
    loaded.save(tmp_path / f"again.{suffix}")
    assert (tmp_path / f"again.{suffix}").read_bytes() == path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(spaces(), st.sampled_from(["json", "toml"]))
def test_random_spaces_survive(tmp_path_factory, space, suffix):
    path = tmp_path_factory.mktemp("spaces") / f"space.{suffix}"
    space.save(path)
    assert np.array_equal(cb.Space.load(path).layout.words, space.layout.words)


def test_a_loaded_space_can_be_bound_again(tmp_path):
    space = SPACES["unbound"]()
    space.save(tmp_path / "space.json")
    bound = cb.Space.load(tmp_path / "space.json").bind((7,), 3)
    assert np.array_equal(bound.layout.words, space.bind((7,), 3).layout.words)


def test_a_loaded_group_is_not_taken_for_another_space():
    loaded = cb.Space.from_dict(cb.spaces.mlp().to_dict())
    with pytest.raises(TypeError, match="can't be used in another space"):
        cb.Space(input=(4,), outputs=2, layers=loaded.members["layers"])


def damaged(change):
    data = json.loads(json.dumps(cb.spaces.mlp().to_dict()))
    change(data)
    return data


def _set(*path_and_value):
    *path, last, value = path_and_value

    def change(data):
        for key in path:
            data = data[key]
        data[last] = value

    return change


LAYERS = ("members", "layers", "group", "members")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("format", "other"), "not a space"),
        (_set("version", 2), "format version 2; this Cambrian reads version 1"),
        (_set("extra", 2), "unknown key of a space 'extra'"),
        (_set("members", 3), "members: expected a dict"),
        (_set("members", {}), "no genes"),
        (_set("input", 5), "input= must be a shape"),
        (_set("input", [1, "a", 3]), "positive integers; got"),
        (_set("members", "lr", "kind", []), r"members\.lr: unknown kind \[\]"),
        (
            _set("members", "lr", {"kind": "choice", "options": "abc"}),
            r"members\.lr: options: expected a list",
        ),
        (_set("members", "lr", 3), r"members\.lr: expected a dict with a kind; got 3"),
        (_set("members", "lr", "kind", "flaot"), r"members\.lr: unknown kind 'flaot'; did you mean 'float'"),
        (_set("members", "lr", "hihg", 3), r"members\.lr: unknown key 'hihg'; did you mean 'high'"),
        (_set("members", "lr", "low", 3.0), r"members\.lr: Float needs low <= high"),
        (_set("members", "lr", "low", None), r"members\.lr: Float low= must be a finite float"),
        (_set("members", "lr", {"kind": "float", "low": 1.0}), r"members\.lr: .*high"),
        (_set("members", "layers", "max", 10**9), r"members\.layers: Repeat needs"),
        (_set("members", "layers", "group", {"kind": "int", "low": 1, "high": 2}), "repeats a Group"),
        (_set("members", "../x", {"kind": "int", "low": 1, "high": 2}), "must be an identifier"),
        (_set(*LAYERS, "width", "options", []), r"members\.layers\.group\.width: Choice needs at least"),
        (_set(*LAYERS, "width", "options", [[1]]), "Choice options are"),
        (_set(*LAYERS, "width", "options", list(range(1, 30))), "table"),
        (_set("templates", 3), "templates: expected a dict"),
        (_set("templates", {}), "templates are damaged: KeyError: 'tables'"),
        (_set("templates", "tables", [["a"]]), "damaged: TypeError: expected an integer, got 'a'"),
        (_set("templates", "tables", [[2**70]]), "does not fit 64 bits"),
        (_set("templates", "procedures", 0, "registers", -1), "register"),
        (_set("templates", "procedures", 0, "exprs", 0, ["gone", 1]), "damaged: KeyError: 'gone'"),
        (_set("templates", "procedures", 0, "exprs", 0, ["gene", 0, 10**6, -1]), "operand"),
        (_set("templates", "procedures", 0, "blocks", 0, "body", 0, "do", "run"), "unknown step 'run'"),
        (
            _set("templates", "procedures", 0, "blocks", 0, "body", 0, "target", "conv"),
            "unknown operation 'conv'",
        ),
        (_set("templates", "procedures", 0, "blocks", 0, "body", 0, "inputs", [99]), "register"),
        (_set("input", [0]), "positive integers"),
        (_set("input", None), "belong together"),
        (_set("outputs", "10"), "outputs= must be"),
    ],
)
def test_damaged_spaces_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        cb.Space.from_dict(damaged(change))


def test_deep_nesting_is_refused(tmp_path):
    group = {"kind": "group", "members": {"a": {"kind": "int", "low": 1, "high": 2}}}
    for _ in range(100):
        group = {"kind": "group", "members": {"g": copy.copy(group)}}
    with pytest.raises(ValueError, match="deeper than 32"):
        cb.Space.from_dict({"format": "cambrian-space", "version": 1, "members": {"g": group}})
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deep"):
        cb.Space.load(tmp_path / "deep.json")


def test_files_that_are_no_spaces(tmp_path):
    (tmp_path / "a.json").write_text('{"format": "cambrian-space", "version": 1, "mem')
    with pytest.raises(ValueError, match=r"a\.json"):
        cb.Space.load(tmp_path / "a.json")
    (tmp_path / "b.toml").write_text("a = = 3")
    with pytest.raises(ValueError, match=r"b\.toml"):
        cb.Space.load(tmp_path / "b.toml")
    (tmp_path / "c.json").write_text('{"format": "cambrian-space", "members": {"a": 1, "a": 2}}')
    with pytest.raises(ValueError, match="the name 'a' stands twice"):
        cb.Space.load(tmp_path / "c.json")
    (tmp_path / "d.yaml").write_text("")
    with pytest.raises(ValueError, match=r"read from \.json or \.toml"):
        cb.Space.load(tmp_path / "d.yaml")
    with pytest.raises(ValueError, match=r"saved as \.json or \.toml"):
        cb.Space.plain().save(tmp_path / "d.yaml")
    with pytest.raises(FileNotFoundError):
        cb.Space.load(tmp_path / "none.json")


def test_the_file_can_be_read_by_people(tmp_path):
    cb.spaces.convnet().save(tmp_path / "space.toml")
    text = (tmp_path / "space.toml").read_text()
    assert "[members.layers]" in text
    assert 'options = ["conv", "separable", "dilated", "max_pool", "avg_pool", "identity"]' in text
