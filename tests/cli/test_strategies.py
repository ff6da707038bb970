"""What the command line says of strategies, and what it passes on to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cambrian as cb
from cambrian import cli
from cambrian.strategies import STRATEGIES, Aging, Strategy, make, options, summary
from cambrian.strategies.described import split

by_name = pytest.mark.parametrize("name", STRATEGIES)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(list(arguments)) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_every_strategy_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "strategies")
    heads = [line.split()[0] for line in out.splitlines() if line[:1].strip()]
    assert heads[: len(STRATEGIES)] == list(STRATEGIES)
    for kind in STRATEGIES.values():
        assert summary(kind).split()[0] in out


@by_name
def test_the_page_of_a_strategy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "strategies", name)
    assert summary(STRATEGIES[name]) in " ".join(out.split())
    for option in options(STRATEGIES[name]).values():
        assert f" {option.name}={option.shown} (" in " ".join(out.split())
    assert all(len(line) <= 110 for line in out.splitlines())


@by_name
def test_every_option_is_explained(name: str) -> None:
    for option in options(STRATEGIES[name]).values():
        assert option.help, f"the docstring of {name} does not say what `{option.name}` does"
        assert option.takes


@by_name
def test_defaults_as_they_are_shown_make_the_same_strategy(name: str) -> None:
    space = cb.Space.plain(genes=5, choices=4)
    kind = STRATEGIES[name]
    given = {option.name: option.read(option.shown) for option in options(kind).values()}
    assert make(name, space, **given).options == make(name, space).options


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    every = json.loads(told(capsys, "strategies", "--json"))
    assert list(every) == list(STRATEGIES)
    one = json.loads(told(capsys, "strategies", "aging", "--json"))
    assert one == every["aging"]
    assert one["asynchronous"] is True
    assert one["options"]["population"]["default"] == "20"
    assert one["options"]["sample"]["takes"] == "a whole number or none"
    assert "`sample`" in one["options"]["sample"]["help"]


def test_a_strategy_of_a_user_is_described_like_ours() -> None:
    class Mine(Aging):
        """Aging with a twist: `twist` turns it."""

        def __init__(self, space: cb.Space, *, twist: str = "left", seed: int = 0) -> None:
            super().__init__(space, seed=seed)

    assert isinstance(Mine(cb.Space.plain(2, 2)), Strategy)
    (twist,) = options(Mine).values()
    assert (twist.name, twist.shown, twist.takes) == ("twist", "left", "text")
    assert twist.help == "Aging with a twist: `twist` turns it."
    assert twist.read(" 5 ") == "5"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("a=1,b=2", ["a=1", "b=2"]),
        ('a=[1,2],b={"x": "},{", "y": [3,4]},c=5', ["a=[1,2]", 'b={"x": "},{", "y": [3,4]}', "c=5"]),
    ],
)
def test_parts_between_commas(text: str, parts: list[str]) -> None:
    assert split(text) == parts


def test_options_and_weights_arrive_in_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told(
        capsys, "search", "digits", "--strategy", "aging:population=4", "-o", "sample=2", "-o",
        'mutation={"name": "reset", "rate": 0.5}', "--weight", "accuracy=1", "--weight", "params=1e-6",
        "--budget", "3", "--epochs", "0.2", "--workers", "0", "--no-final",
    )  # fmt: skip
    run = cb.load(tmp_path / "cambrian-digits-seed0" / "search.db")
    assert run.config["weights"] == {"accuracy": 1.0, "params": 1e-6}
    asked = run.config["strategy"]["options"]
    assert (asked["population"], asked["sample"]) == (4, 2)
    assert asked["mutation"] == [{"name": "reset", "rate": 0.5}]
