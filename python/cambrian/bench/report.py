"""The report of a comparison: the same sections as one self-contained page and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.report import markup
from cambrian.report.markup import number, seconds

from . import figures
from .figures import Figure
from .render import Block, Section, Table, html, markdown, plural

if TYPE_CHECKING:
    from .results import Comparison

_POINTS = 120  # of a curve
_MOST_FAILURES = 20


def write(found: Comparison) -> Path:
    """Write ``report.html``, ``report.md``, ``figures/*.svg`` and ``summary.json`` into the folder."""
    summary = found.summary()
    sections = build(found, summary)
    folder = found.folder
    (folder / "figures").mkdir(exist_ok=True)
    for _, _, blocks in sections:
        for block in blocks:
            if isinstance(block, Figure):
                _put(folder / "figures" / f"{block.name}.svg", block.file())
    _put(folder / "summary.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    _put(folder / "report.md", markdown(sections))
    _put(folder / "report.html", html(sections))
    return folder / "report.html"


def _put(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")  # a reader never sees half a file
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def build(found: Comparison, summary: dict[str, Any]) -> list[Section]:
    """All sections: an anchor, a heading, blocks."""
    sections = [("summary", "Summary", overview(found)), ("ranks", "Ranks", ranks(found, summary))]
    for i, (name, arms) in enumerate(found.traces.items()):
        if arms:
            body = one_table(found, name, summary["tables"][name], f"table{i + 1}")
            sections.append((f"table{i + 1}", name, body))
    for count in found.tested:
        sections.append((f"pairs{count}", f"Pairs after {count:,} evaluations", pairs(summary, count)))
    sections.append(("failures", "Failures", failures(found)))
    sections.append(("configuration", "Configuration", configuration(found)))
    return [section for section in sections if section[2]]


def overview(found: Comparison) -> list[Block]:
    """What was compared and how to read it."""
    config = found.config
    budget = [f"{config['evaluations']:,} evaluations"] if config["evaluations"] else []
    budget += [f"{seconds(config['seconds'])} of simulated time"] if config["seconds"] else []
    wall = sum(done.wall for done in found.done)
    lines = [
        f"{plural(len(config['arms']), 'arm')} on {plural(len(found.facts), 'table')}: "
        f"{plural(len(found.done), 'search', 'es')} of "
        f"{' or '.join(budget)}, {plural(config['workers'], 'simulated worker')}; "
        f"{seconds(wall)} of computing. {len(found.failed):,} failed.",
        "Every arm is run with the same seeds"
        + (f", and begins with the same {config['design']} genomes" if config["design"] else "")
        + ". Regret is what the chosen candidate (the best by what the search was told, at the highest "
        "fidelity so far) lacks to the best of the table, by the table's mean over training seeds. With "
        "several objectives it is the part of the hypervolume of the table's front that is missing.",
        "Bands and brackets: 95 % intervals of the mean over seeds, by the percentile bootstrap (2,000 "
        "resamples of whole searches).",
    ]
    own = [arm for arm, what in config["arms"].items() if not what.get("common", True)]
    if own and config["design"]:
        lines.append(f"Not given the common first genomes, as they take no initial=: {', '.join(own)}.")
    traces = (trace for arms in found.traces.values() for searches in arms.values() for trace in searches)
    if any(trace.spent[-1] < len(trace) - 1e-6 for trace in traces):
        lines.append("Evaluations at lower fidelities count as the parts of whole ones that they are.")
    return list(lines)


def ranks(found: Comparison, summary: dict[str, Any]) -> list[Block]:
    """Mean ranks after several budgets; diagrams of critical differences."""
    known = summary["ranks"]
    if not known:
        return []
    several = sum(bool(arms) for arms in found.traces.values()) > 1
    what = "tables, by their mean regrets" if several else "seeds"
    arms = list(next(iter(known.values()))["mean"])
    last = list(known.values())[-1]["mean"]
    rows: list[list[object]] = [
        [arm, *(round(known[c]["mean"][arm], 2) for c in known)]
        for arm in sorted(arms, key=lambda a: last[a])
    ]
    blocks: list[Block] = [
        f"Mean rank of each arm over {next(iter(known.values()))['blocks']:,} {what}; 1 is the best.",
        Table(["arm", *(f"after {int(c):,}" for c in known)], rows),
    ]
    left = [arm for arm in found.config["arms"] if arm not in found.ranked]
    if left:
        blocks.append(f"Not ranked, with less than half as many searches as others: {', '.join(left)}.")
    for count in found.tested:
        ranking = found.ranking(count)
        if ranking is None:
            continue
        names, result = ranking
        caption = (
            f"After {count:,} evaluations: Friedman's test p = {number(result.p)}; arms joined by a bar "
            f"differ by less than Nemenyi's critical difference ({number(result.critical)}) at the level "
            "0.05 (Demšar 2006)."
        )
        title = f"mean ranks after {count} evaluations with critical differences"
        blocks.append(figures.critical(f"ranks-{count}", title, names, result, caption))
    return blocks


def one_table(found: Comparison, name: str, summary: dict[str, Any], anchor: str) -> list[Block]:
    """Curves, regrets, targets and test values on one table."""
    arms = list(found.traces[name])
    metrics, facts = summary["metrics"], found.facts[name]
    what = "missing hypervolume" if facts.reference else f"regret of {metrics[0]}"
    best = (
        f"best {metrics[0]} {number(facts.best)}"
        if facts.reference is None
        else f"front of {', '.join(metrics)}"
    )
    blocks: list[Block] = [f"{facts.size:,} rows with values; {best}."]
    counts = sorted({int(c) for c in np.geomspace(1, found.width, _POINTS)})
    counts = [c for c in counts if c >= min(5, found.width)]
    bands = {arm: found.band(name, arm, counts) for arm in arms}
    note = "Mean over searches with its 95 % interval."
    x = np.array(counts, np.float64)
    blocks.append(
        figures.curves(
            f"{anchor}-evaluations", f"{what} against evaluations", ("evaluations", what), x, bands, note
        )
    )
    times = common_times(found, name)
    if times is not None:
        timed = {arm: found.band_at(name, arm, times) for arm in arms}
        axes = ("simulated seconds", what)
        blocks.append(
            figures.curves(f"{anchor}-seconds", f"{what} against seconds", axes, times, timed, note)
        )
    blocks.append(regret_table(found, summary, what))
    hits = {arm: found.hits(name, arm, facts.levels) for arm in arms}
    caption = f"{len(facts.levels)} targets " + (
        "from half to a thousandth of the hypervolume missing."
        if facts.reference
        else "from the best tenth of the table to its best, evenly over the decades of ranks."
    )
    title = "share of searches and targets reached within a number of evaluations"
    blocks.append(figures.shares(f"{anchor}-targets", title, hits, found.width, caption))
    blocks += [target_table(summary), *test_table(summary)]
    return blocks


def common_times(found: Comparison, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Simulated seconds from where every search has a result to where the first arm's searches end."""
    searches = found.traces[name]
    start = max(t.finished[0] for all_ in searches.values() for t in all_)
    end = min(float(np.median([t.finished[-1] for t in all_])) for all_ in searches.values())
    end = found.config["seconds"] or end
    return np.geomspace(start, end, _POINTS) if end > start > 0 else None


def regret_table(found: Comparison, summary: dict[str, Any], what: str) -> Table:
    """Mean regrets with intervals after round numbers of evaluations."""
    rows: list[list[object]] = []
    for arm, known in summary["arms"].items():
        cells = [bracket(at["mean"], at["interval"]) for at in known["gap"].values()]
        rows.append([arm, known["searches"], *cells])
    return Table([what, "searches", *(f"after {count:,}" for count in found.checkpoints)], rows)


def bracket(mean: float, interval: Sequence[float]) -> str:
    """A mean with its interval.

    >>> bracket(0.5, [0.25, 0.75])
    '0.5 [0.25, 0.75]'
    """
    return f"{number(mean)} [{number(interval[0])}, {number(interval[1])}]"


def target_table(summary: dict[str, Any]) -> Table:
    """Expected running times and success rates."""
    first = next(iter(summary["arms"].values()))["targets"]
    head = ["target"]
    for target in first:
        head += [f"{target['target']}: ERT", "success"]
    rows: list[list[object]] = []
    for arm, known in summary["arms"].items():
        row: list[object] = [arm]
        for target in known["targets"]:
            ert = target["ert"]
            row += ["never" if ert is None else number(round(ert, 1)), f"{target['success']:.0%}"]
        rows.append(row)
    return Table(head, rows)


def test_table(summary: dict[str, Any]) -> list[Block]:
    """Test values of what the searches chose."""
    rows: list[list[object]] = [
        [arm, bracket(known["test"]["mean"], known["test"]["interval"]), number(known["test"]["deviation"])]
        for arm, known in summary["arms"].items()
        if known["test"]
    ]
    if not rows:
        return []
    best = "" if summary["test"] is None else f" The table's best is {number(summary['test'])}."
    text = f"Test value of the candidate that each search chose by what it was told, at its end.{best}"
    return [text, Table(["arm", "test", "standard deviation"], rows)]


def pairs(summary: dict[str, Any], count: int) -> list[Block]:
    """Wilcoxon's signed-rank tests between arms on each table."""
    blocks: list[Block] = []
    for name, known in summary["tables"].items():
        found = known["pairs"][str(count)]
        if found:
            rows: list[list[object]] = [
                [*row["arms"], number(row["difference"]), number(row["p"]), number(row["holm"])]
                for row in found
            ]
            blocks += [
                f"{name}:",
                Table(["arm", "against", "mean difference of regret", "p", "Holm's p"], rows),
            ]
    if blocks:
        text = (
            "Two-sided signed-rank tests of Wilcoxon over seeds, adjusted by Holm for all pairs of a table. "
            "A negative difference speaks for the first arm."
        )
        blocks.insert(0, text)
    return blocks


def failures(found: Comparison) -> list[Block]:
    """Searches that did not come to their end; nothing above counts them."""
    if not found.failed:
        return []
    rows: list[list[object]] = [
        [done.arm, done.table, str(done.seed), done.status, done.error]
        for done in found.failed[:_MOST_FAILURES]
    ]
    left = len(found.failed) - len(rows)
    text = "Not counted above; run the comparison again to try them once more."
    more = [f"{left:,} more are left out here."] if left > 0 else []
    return [text, Table(["arm", "table", "seed", "status", "error"], rows), *more]


def configuration(found: Comparison) -> list[Block]:
    """What decides the searches."""
    config = {key: value for key, value in found.config.items() if key not in ("tables", "arms")}
    config["arms"] = {arm: json.dumps(what) for arm, what in found.config["arms"].items()}
    config["tables"] = {
        name: {
            **{key: value for key, value in what.items() if key != "facts"},
            "fingerprint": what["facts"]["fingerprint"],
        }
        for name, what in found.config["tables"].items()
    }
    return [Table(["setting", "value"], [[name, str(value)] for name, value in markup.pairs(config)])]
