"""Plot and Markdown tables from results/operators.json: `python benchmarks/plot.py` (needs matplotlib)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import RESULTS

PLOT = RESULTS / "operators.svg"
OURS, OTHERS, BOUND = "#d9822b", "#6c8ebf", "#8a8a8a"  # told apart on white and on black
GREY = "#888888"


def bars(libraries: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Library and genes a second, slowest first; what was not installed when it was measured is left out."""
    rates = [
        (name, entry["genes_per_second"]) for name, entry in libraries.items() if isinstance(entry, dict)
    ]
    return sorted(rates, key=lambda pair: pair[1])


def short(rate: float) -> str:
    """A rate to two digits: 2.8 M, 7.1 G."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= limit:
            value = rate / limit
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{rate:.0f}"


def colour(name: str) -> str:
    if name == "Cambrian":
        return OURS
    return BOUND if name.startswith("copy") else OTHERS


def plot(results: Mapping[str, Any], path: Path) -> None:
    """Genes a second of the fused generation by library, logarithmic; transparent, readable on dark too."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cambrian"  # the same file from the same figures
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["font.family"] = "sans-serif"
    from matplotlib import pyplot as plt

    rates = bars(results["libraries"])
    n, genes = results["population"]
    figure, axes = plt.subplots(figsize=(7.5, 0.36 * len(rates) + 0.9))
    axes.barh(
        [name for name, _ in rates], [rate for _, rate in rates], color=[colour(name) for name, _ in rates]
    )
    axes.set_xscale("log")
    axes.set_xlim(left=min(rate for _, rate in rates) / 2, right=max(rate for _, rate in rates) * 4)
    for row, (_, rate) in enumerate(rates):
        axes.text(rate * 1.12, row, short(rate), va="center", color=GREY)
    axes.set_xlabel(f"genes/s, one thread, {n:,} x {genes} genes", color=GREY)
    axes.tick_params(colors=GREY, which="both")
    for side, spine in axes.spines.items():
        spine.set_color(GREY)
        spine.set_visible(side in ("left", "bottom"))
    figure.savefig(path, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})


def markdown(results: Mapping[str, Any]) -> str:
    """One row a library: time of a generation, genes a second, times Cambrian's."""
    lines = ["| library | ms a generation (quartiles) | genes/s | times Cambrian's |", "|---|---|---|---|"]
    for name, entry in results["libraries"].items():
        if not isinstance(entry, dict):
            lines.append(f"| {name} | {entry} | | |")
            continue
        ms = entry["ms"]
        time = f"{ms['median']:.3g} ({ms['q1']:.3g}–{ms['q3']:.3g})"
        ratio = (
            f"{entry['ratio']['median']:,.3g}"
            if entry["ratio"]["median"] < 1000
            else (f"{entry['ratio']['median']:,.0f}")
        )
        lines.append(f"| {name} | {time} | {short(entry['genes_per_second'])} | {ratio} |")
    return "\n".join(lines)


def parts_markdown(results: Mapping[str, Any]) -> str:
    """One row an operator: its time, NumPy's in multiples of it, and it in multiples of its bound."""
    lines = ["| operator | ms | NumPy, tuned | NumPy, plain | its bound | of it |", f"|{'---|' * 6}"]
    for name, entry in results["operators"].items():
        if "failed" in entry:
            lines.append(f"| {name} | failed: {entry['failed']} | | | | |")
            continue
        keys = ("tuned_ratio", "plain_ratio", "of_bound")
        tuned, plain, share = (f"{entry[key]['median']:.3g} x" if key in entry else "–" for key in keys)
        cells = [f"{entry['ms']['median']:.3g}", tuned, plain, entry["bound"], share]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    results = json.loads((RESULTS / "operators.json").read_text())["results"]
    plot(results["generation"], PLOT)
    print(f"wrote {PLOT}\n")
    print(markdown(results["generation"]))
    if "operators" in results:
        print(f"\n{parts_markdown(results['operators'])}")


if __name__ == "__main__":
    main()
