from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("scipy", reason="statistics need the extra stats")

import cambrian as cb
from cambrian.bench import figures
from cambrian.bench.render import escaped
from cambrian.bench.statistics import Ranking

from .small import table

HOSTILE = "<script>alert('1')</script>|`\"&*_[x](http://example.org)"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags and attributes, and fails where tags don't nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    arms = {HOSTILE: "random", "b": "aging:population=8", **{f"arm {i}": "random" for i in range(9)}}
    tables = {HOSTILE: table(), "other": table(genes=3)}
    cb.bench.strategies(arms, tables, 3, evaluations=30, folder=out, processes=0)
    return out


def test_the_page_is_well_formed_and_loads_nothing(folder):
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert {"svg", "table", "figure", "details"} <= page.tags  # 55 pairs are folded
    assert not page.tags & {"script", "img", "link", "iframe", "object", "a "}
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert not (value or "").startswith("http")
        assert name != "src"
        if name == "href":
            assert (value or "").startswith("#")
    assert "<script" not in text
    assert "url(" not in text


def test_every_anchor_is_there(folder):
    page = Page((folder / "report.html").read_text())
    targets = {value for name, value in page.attributes if name == "id"}
    links = {value[1:] for name, value in page.attributes if name == "href"}
    assert {"summary", "ranks", "table1", "table2", "pairs7", "pairs30", "configuration"} == links == targets


def test_figures_are_documents_of_their_own(folder):
    text = (folder / "report.md").read_text()
    linked = re.findall(r"\]\((figures/[^)]+)\)", text)
    assert len(linked) == 8
    assert sorted(linked) == sorted(f"figures/{path.name}" for path in (folder / "figures").iterdir())
    for path in (folder / "figures").iterdir():
        root = ET.fromstring(path.read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "nan" not in path.read_text()


def test_names_are_only_text_in_markdown(folder):
    text = (folder / "report.md").read_text()
    assert not re.search(r"(?<!\\)[<>]", text)
    assert not re.search(r"(?<!\\)\]\(http", text)
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert tables
    for block in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1
    assert escaped("a|b<c>\n") == "a\\|b\\<c\\> "


def test_one_arm_and_one_evaluation(tmp_path):
    out = cb.bench.strategies("random", table(), 1, evaluations=1, folder=tmp_path, processes=0)
    Page((tmp_path / "report.html").read_text())
    assert out.summary()["ranks"] == {}
    assert out.checkpoints == [1]


def test_nothing_but_failures_at_first(tmp_path):
    small = table()

    def hole(space, seed):
        zeros = np.zeros((1, space.n_genes), space.dtype)
        return cb.strategies.Random(space, seed=seed, initial=zeros)

    found = cb.bench.strategies(
        {"hole": hole, "random": "random"}, small, 2, evaluations=20, folder=tmp_path, processes=0, design=0
    )
    gaps = found.gaps("small", "hole")
    facts = found.facts["small"]
    np.testing.assert_array_equal(gaps[:, 0], abs(facts.worst - facts.best))
    assert np.isnan(found.traces["small"]["hole"][0].test[0])
    Page((tmp_path / "report.html").read_text())


def test_the_diagram_joins_what_is_not_told_apart():
    ranking = Ranking(np.array([1.2, 3.1, 1.7]), 10, 9.0, 0.01, 1.0)
    figure = figures.critical("x", "ranks", ["a", "b & c", "d"], ranking, "caption")
    root = ET.fromstring(figure.file())
    bars = [e for e in root.iter() if "stroke-width:5" in e.attrib.get("style", "")]
    assert len(bars) == 1  # a and d
    words = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"aa 1.20", "dd 1.70", "b & cb & c 3.10", "CD 1"} <= set(words)
