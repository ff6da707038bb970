from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cambrian as cb
from cambrian.evaluate.evaluation import Evaluation
from cambrian.network.graph import Graph, Node
from cambrian.report import SECTIONS, render, write
from cambrian.report.markup import number, pairs, seconds, table, text
from cambrian.report.svg import Axis, ticks
from cambrian.store import Usage

HOSTILE = "<script>alert('1')</script>\"&\x00\x1b[31m\ud800<img src=http://example.org/x onerror=y>"
NETWORK = cb.Architecture(
    Graph((Node("input", (), {}, (4,)), Node("linear", (0,), {"features": 2, "bias": 1}, (2,))))
)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags, text and attributes, and fails where tags don't nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@dataclass
class FakeCandidate:
    id: int
    metrics: dict[str, float]
    config: dict[str, Any] = field(default_factory=dict)
    architecture: object | None = None
    status: str = "ok"
    final: dict[str, float] | None = None
    fidelity: float = 1.0
    trained: bool = False
    test: dict[str, float] = field(default_factory=dict)

    def source(self) -> str:
        return f"class Model: '{HOSTILE}'"


@dataclass
class FakeRun:
    """The attributes of a run that the report reads."""

    evaluations: list[Evaluation]
    best: FakeCandidate | None
    front: list[FakeCandidate]
    config: dict[str, Any]
    id: int = 1
    seconds: float = 75.0
    overhead: float = 1.5
    stopped: str = "budget spent"
    bulk: bool = False
    settings: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(space=HOSTILE))
    workers: list[Usage] = field(
        default_factory=lambda: [Usage("cuda:0", 30.0, 60.0), Usage(None, 9.0, 60.0)]
    )

    @property
    def candidates(self) -> list[FakeCandidate]:
        return self.front

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for evaluation in self.evaluations:
            counts[evaluation.status] = counts.get(evaluation.status, 0) + 1
        return counts


def evaluation(i: int, **changes: Any) -> Evaluation:
    metrics = {"accuracy": 0.5 + 0.4 * math.sin(i) ** 2, "params": 100.0 + (i * 7919) % 5000}
    values: dict[str, Any] = {
        "id": i, "status": "ok", "metrics": metrics, "seconds": 0.5, "seed": i, "fidelity": 1.0
    }  # fmt: skip
    return Evaluation(**{**values, **changes})


def fake(n: int, objectives: tuple[str, ...] = ("accuracy", "params"), word: str = "relu") -> FakeRun:
    evaluations = [evaluation(i) for i in range(n)]
    evaluations.append(evaluation(n, status="error", metrics={}, error=f"Traceback\nValueError: {word}"))
    evaluations.append(evaluation(n + 1, status="diverged", metrics={"accuracy": math.nan}))
    candidates = [FakeCandidate(e.id, e.metrics, {"act": word, word: 1}, NETWORK) for e in evaluations[:n]]
    front = sorted(candidates, key=lambda c: -c.metrics["accuracy"])[:9]
    for candidate in front[:3]:
        candidate.final = {"accuracy": 0.75 + candidate.id / 1e4, "loss": 0.5}
    for candidate in front[:1]:
        candidate.trained, candidate.test = True, {"accuracy": 0.7125}
    config = {"objectives": list(objectives), "constraints": {"macs": 2e6}, "seed": 0, "note": {"by": word}}
    return FakeRun(evaluations, front[0] if front else None, front, config)


def test_page_is_well_formed_and_holds_every_section() -> None:
    page = render(fake(50))  # type: ignore[arg-type]
    parsed = Page(page)
    for name, (heading, _) in SECTIONS.items():
        assert f"id='{name}'" in page
        assert heading in parsed.words
    assert parsed.tags["svg"] == 4


def test_workers_are_shown_with_how_busy_they_were() -> None:
    run = fake(3)
    run.config["device"] = "cpu"
    run.evaluations[0] = evaluation(0, mode="native")
    section = render(run).split("<section id='workers'>")[1].split("</section>")[0]  # type: ignore[arg-type]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", section)
    assert cells[:8] == ["1", "cuda:0", "30 s", "50%", "2", "cpu", "9 s", "15%"]
    assert cells[8:] == ["eager", "4", "native", "1"]
    run.workers = []
    assert "id='workers'" not in render(run)  # type: ignore[arg-type]


def test_finalists_are_shown_best_first_with_what_they_came_to() -> None:
    run = fake(50)
    page = render(run)  # type: ignore[arg-type]
    section = page.split("<section id='finalists'>")[1].split("</section>")[0]
    expected = sorted((c for c in run.front if c.final), key=lambda c: -(c.final or {})["accuracy"])
    assert [int(i) for i in re.findall(r"<tr><td>(\d+)</td>", section)] == [c.id for c in expected]
    assert section.count("0.7125") == 1
    for candidate in expected:
        assert number((candidate.final or {})["accuracy"]) in section
    assert "on the test samples: accuracy 0.7125" in page
    for candidate in run.front:
        candidate.final, candidate.trained = None, False
    page = render(run)  # type: ignore[arg-type]
    assert "id='finalists'" not in page
    assert "test samples" not in page


def test_columns_of_numbers_are_aligned_right() -> None:
    page = table(["name", "count", "mixed"], [("a", 1234, 5), ("b", "", "none")])
    assert "<th scope='col' class='n'>count</th>" in page
    assert "<td class='n'>1,234</td>" in page
    assert "<td class='n'></td>" in page
    assert page.count("class='n'") == 3
    assert "<th scope='col'>mixed</th>" in table(["mixed"], [])


def test_nothing_is_loaded_from_anywhere() -> None:
    page = render(fake(50))  # type: ignore[arg-type]
    parsed = Page(page)
    assert not re.search(r"https?:|//|url\(|@import", page.split("<section", 1)[0])
    assert not {"script", "img", "link", "iframe", "object", "embed"} & set(parsed.tags)
    assert all((value or "").startswith("#") for key, value in parsed.attributes if key in ("href", "src"))


def test_the_best_network_is_drawn() -> None:
    run = fake(20)
    page = render(run)  # type: ignore[arg-type]
    section = page.split("<section id='network'>")[1].split("</section>")[0]
    assert "linear → 2" in section
    assert "Layer by layer" in section
    too_deep = [Node("input", (), {}, (4,))]
    too_deep += [Node("linear", (i,), {"features": i + 1, "bias": 1}, (i + 1,)) for i in range(2000)]
    assert run.best is not None
    run.best.architecture = cb.Architecture(Graph(tuple(too_deep)))
    section = render(run).split("<section id='network'>")[1]  # type: ignore[arg-type]
    assert "Not drawn: the network has 2001 boxes to draw" in section
    run.best.architecture = None
    assert "<section id='network'>" not in render(run)  # type: ignore[arg-type]


def test_hostile_names_are_text() -> None:
    run = fake(20, word=HOSTILE)
    run.stopped = HOSTILE
    parsed = Page(render(run))  # type: ignore[arg-type]
    assert not {"script", "img"} & set(parsed.tags)
    assert not any(key.startswith("on") for key, _ in parsed.attributes)
    joined = " ".join(parsed.words)
    assert joined.count("<script>alert('1')</script>") >= 4
    assert "\x00" not in joined
    assert "\x1b" not in joined


def test_hostile_metric_names_are_text() -> None:
    run = fake(20)
    run.config["objectives"] = [f"max:{HOSTILE}", "params"]
    for candidate in run.front:
        candidate.metrics[HOSTILE] = candidate.metrics["accuracy"]
    parsed = Page(render(run))  # type: ignore[arg-type]
    assert not {"script", "img"} & set(parsed.tags)


def test_size_for_a_thousand_evaluations() -> None:
    assert len(render(fake(1000)).encode()) < 1_000_000  # type: ignore[arg-type]


def test_many_evaluations_are_thinned() -> None:
    assert len(render(fake(20_000)).encode()) < 1_000_000  # type: ignore[arg-type]


def test_run_without_success() -> None:
    page = render(fake(0))  # type: ignore[arg-type]
    parsed = Page(page)
    assert "No candidate succeeded" in page
    assert "svg" in parsed.tags  # where the time went
    assert "id='front'" not in page


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_one_value_only(value: float) -> None:
    run = fake(3, objectives=("accuracy",))
    for e in run.evaluations[:3]:
        e.metrics["accuracy"] = value
    Page(render(run))  # type: ignore[arg-type]


def test_best_line_follows_the_direction() -> None:
    run = fake(0, objectives=("min:error",))
    run.evaluations = [evaluation(i, metrics={"error": v}) for i, v in enumerate([0.5, 0.7, 0.2, 0.2, 0.4])]
    steps = re.search(r"<path class='one' d='([^']*)'", render(run))  # type: ignore[arg-type]
    assert steps is not None
    assert steps[1].count("V") == 1  # one improvement after the first value


def test_real_run(tmp_path: Path) -> None:
    space = cb.Space(layers=cb.Int(1, 8), act=cb.Choice("relu", HOSTILE.replace("\ud800", "")))
    run = cb.search(
        space,
        evaluate=lambda c: {"score": 1 / c["layers"], "size": c["layers"]} if c["layers"] > 1 else {},
        objectives=["max:score", "min:size"],
        budget=30,
        store=tmp_path / "x.db",
    )
    page = cb.load(tmp_path / "x.db").report(tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Page(page)
    assert "script" not in parsed.tags
    assert f"candidate {run.best.id}" in page if run.best else False


def test_bulk_run(tmp_path: Path) -> None:
    space = cb.Space.plain(genes=16, choices=4)
    run = cb.search(
        space,
        evaluate_batch=lambda genomes: {"a": genomes.sum(axis=1), "b": -genomes[:, 0].astype(float)},
        objectives=["min:a", "min:b"],
        budget=2000,
    )
    page = run.report(tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Page(page)
    assert parsed.tags["svg"] == 3
    assert "the best of a generation" in page
    assert "2,000 evaluations" in page


def test_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    assert write(fake(5), target) == target  # type: ignore[arg-type]
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [target]


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder for the report: .*none'"):
        write(fake(5), tmp_path / "none" / "report.html")  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError, match="a folder, not a file"):
        write(fake(5), tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("low", "high", "log", "expected"),
    [
        (0, 10, False, [0, 2, 4, 6, 8, 10]),
        (0.98, 1.0, False, [0.98, 0.985, 0.99, 0.995, 1.0]),
        (10, 10_000, True, [10, 100, 1000, 10_000]),
        (30, 700, True, [50, 100, 200, 500]),
    ],
)
def test_ticks(low: float, high: float, log: bool, expected: list[float]) -> None:
    assert ticks(low, high, log) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[1.0], [0.0], [-2.0, 5.0], [1e-9, 1.0], [1e12, 1e12 + 1], [3.0, 400.0]])
def test_axis_holds_its_values(values: list[float]) -> None:
    axis = Axis.over("x", values)
    assert all(0 <= axis.place(value) <= 1 for value in values)
    assert 2 <= len(ticks(axis.low, axis.high, axis.log)) <= 12


def test_words() -> None:
    assert text("\x00<'\"") == " &lt;&#x27;&quot;"
    assert number(1234567) == "1,234,567"
    assert number(0.123456) == "0.1235"
    assert number(math.inf) == "–"
    assert number(True) == "True"
    assert (seconds(0.5), seconds(75), seconds(7260)) == ("0.5 s", "1 min 15 s", "2 h 1 min")
    slots = {"layers": [{"op": "conv", "kernel": 3}, {"op": "mean"}]}
    assert pairs(slots) == [("layers[0]", "op conv, kernel 3"), ("layers[1]", "op mean")]
    assert pairs({"a": {"b": 1}, "c": [], "d": None}) == [("a.b", 1), ("c", "none"), ("d", "none")]
