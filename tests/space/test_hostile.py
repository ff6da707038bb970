"""Spaces from files of any kind, and templates without an end: a space, or an error that says why not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cambrian as cb
from hostile import damaged, outcome


def tagged() -> cb.Space:
    """Genes of every kind, conditions and references, without templates."""
    slot = cb.Group(
        op=cb.Choice("max_pool", "avg_pool"),
        kernel=cb.Choice(1, 3),
        stride=cb.Choice(1),
        skip=cb.Reference(back=2, optional=True, when={"kernel": [3]}),
    )
    return cb.Space(
        layers=cb.Repeat(slot, 1, 3), w=cb.Choice(None, 1, "a", 2.5), n=cb.Int(1, 5),
        lr=cb.Float(0.1, 1, log=True, levels=4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def texts(suffix: str, folder: Path) -> tuple[str, ...]:
    found = []
    for space in (cb.spaces.mlp(input=(4,), outputs=2), tagged()):
        space.save(folder / f"sound.{suffix}")
        found.append((folder / f"sound.{suffix}").read_text(encoding="utf-8"))
    return tuple(found)


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_a_damaged_file_is_refused_or_a_space(suffix: str, folder: Path) -> None:
    path = folder / f"damaged.{suffix}"

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(damaged(texts(suffix, folder)))
    def read(text: str) -> None:
        path.write_bytes(text.encode("utf-8", "replace"))
        refused, space = outcome(cb.Space.load, path)
        if space is None:
            assert str(path) in refused
            assert len(refused) < 700 + len(str(path))
            return
        assert len(space.decode(space.sample(2, seed=0))) == 2
        str(space).encode("utf-8")

    read()


def document(**members: Any) -> str:
    return json.dumps({"format": "cambrian-space", "version": 1, "members": members})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(a={"kind": "choice", "options": [1, float("nan")]}), "NaN is not a JSON number"),
        (
            document(a={"kind": "choice", "options": [1, 10**300]}),
            "members.a: Choice takes no numbers of more",
        ),
        (document(a={"kind": "choice", "options": ["\ud800"]}), "text that UTF-8 can hold"),
        (document(a=1).replace(": 1,", ": true,"), "format version True; this Cambrian reads version 1$"),
        (document(a=1).replace(": 1,", ": 7,"), "it is newer, update cambrian"),
        ("{" + "".join(f'"k{i}":1,' for i in range(100_000)) + '"k7":2}', "the name 'k7' stands twice"),
        (document(a={"kind": "x" * 10_000}), r"unknown kind 'xxx"),
    ],
)
def test_hostile_files(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "space.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        cb.Space.load(path)
    assert len(str(caught.value)) < 700 + len(str(path))


def test_large_files_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "space.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="1099511627776 bytes are too many for a space"):
        cb.Space.load(tmp_path / "space.json")


def test_a_space_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "space.json"
    tagged().save(path)
    before = path.read_bytes()

    def fail(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        cb.spaces.mlp().save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["space.json"]


@cb.op
def endless(x, width):
    return endless(cb.nn.linear(x, width), width=width)


@cb.op
def tower(x, height):
    return x if height == 0 else tower(cb.nn.linear(x, 4), height=height - 1)


def doubled(times):
    step = cb.op(lambda x: cb.nn.linear(x, 4))
    for _ in range(times):
        step = cb.op(lambda x, inner=step: inner(inner(x)))
    return step


def unending(x, w, outputs):
    for _ in itertools.count():
        x = cb.nn.linear(x, 4)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (lambda x, w, outputs: endless(x, width=w), "endless is nested in 64 calls .*does it call itself"),
        (lambda x, w, outputs: doubled(60)(x), "records more than 65,536 values; does a loop or a call"),
        (unending, "records more than 65,536 values"),
    ],
)
def test_templates_without_an_end(template, message):
    with pytest.raises(TypeError, match=message):
        cb.Space(template, input=(4,), outputs=2, w=cb.Choice(1, 2))


def test_a_template_may_call_itself_a_given_number_of_times():
    space = cb.Space(
        lambda x, w, outputs: cb.nn.linear(cb.nn.linear(tower(x, height=5), w), outputs),
        (4,),
        2,
        w=cb.Choice(1, 2),
    )
    assert space.resources(space.sample(1, seed=0))["depth"][0] == 7


@pytest.mark.parametrize(
    ("template", "shape", "options", "message"),
    [
        (
            lambda x, w, outputs: cb.nn.linear(x, w - 3),
            (4,),
            (1, 9),
            "features must be 1 … 2147483647, got -2",
        ),
        (
            lambda x, w, outputs: cb.nn.linear(x, w - 1),
            (4,),
            (1, 9),
            "features must be 1 … 2147483647, got 0",
        ),
        (lambda x, w, outputs: cb.nn.linear(x, w * w * w), (4,), (2**40, 2), "leaves 64 bits"),
        (lambda x, w, outputs: cb.nn.linear(x, 8 // (w - 1)), (4,), (1, 2), "divides by zero"),
        (lambda x, w, outputs: cb.nn.conv2d(x, w, 1), (3, 2**30, 2**30), (1, 2), "is too large"),
    ],
)
def test_sizes_that_can_t_be(template, shape, options, message):
    with pytest.raises(ValueError, match=message):
        cb.Space(template, input=shape, outputs=2, w=cb.Choice(*options))


def steps(data: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first step of a kind in the recorded templates."""
    return next(
        step
        for procedure in data["templates"]["procedures"]
        for block in procedure["blocks"]
        for step in block["body"]
        if step["do"] == kind
    )


@pytest.mark.parametrize(
    ("kind", "field", "value", "message"),
    [
        ("call", "target", 0, "procedure: expected 1 … 2, got 0"),
        ("slots", "target", 0, "procedure: expected 1 …"),
        ("slots", "max", 10**9, "slots max: expected 1 … 65535"),
        ("ref", "offset", 10**7, "column offset: expected 0 …"),
        ("ref", "up", 50, "frames up: expected 0 … 32"),
        ("op", "inputs", [60_000], "register"),
        ("op", "target", "conv9d", "unknown operation 'conv9d'"),
        ("call", "target", 2**80, "does not fit 64 bits"),
    ],
)
def test_recorded_templates_that_recurse_or_reach_too_far(kind, field, value, message):
    data = json.loads(json.dumps(cb.spaces.convnet(input=(1, 8, 8), outputs=10).to_dict()))
    steps(data, kind)[field] = value
    with pytest.raises(ValueError, match=message):
        cb.Space.from_dict(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(-(2**70), 2**70))
def test_references_reach_back_only(back: int) -> None:
    if 1 <= back <= 65_535:
        assert cb.Reference(back=back).back == back
    else:
        with pytest.raises(ValueError, match="back= must be an integer from 1 to 65,535"):
            cb.Reference(back=back)
