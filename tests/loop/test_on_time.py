"""A run whose candidates crash, hang and leak still ends on time, with a result for each that it began."""

from __future__ import annotations

from typing import Any

import cambrian as cb
from evaluate.faults import fault

DEEDS = ["fine"] * 16 + ["abort", "native_segfault", "unpicklable", "hang"]
SPACE = cb.Space(number=cb.Int(0, 255), deed=cb.Choice(*range(len(DEEDS))))


def evaluate(config: dict[str, Any]) -> dict[str, float]:
    return {"accuracy": fault({"do": DEEDS[config["deed"]]})["value"]}


def test_a_timed_search_of_faulty_candidates_ends_on_time() -> None:
    run = cb.search(
        SPACE, evaluate=evaluate, objectives=["accuracy"], budget="4s", strategy="random", workers=2, seed=1
    )
    # Both workers may hang; whoever holds one then waits as long as the longest evaluation took, no longer.
    longest = max((e.seconds for e in run.evaluations), default=0.0)
    assert run.seconds < 4 + longest + 20  # the rest is for a machine that has other things to do
    assert run.stopped == "the budget of 4s is used"
    wanted = {"abort": "crashed", "native_segfault": "crashed", "unpicklable": "error", "fine": "ok"}
    deeds = {c.id: DEEDS[c.config["deed"]] for c in run.candidates}
    assert {(deeds[e.id], e.status) for e in run.evaluations} <= set(wanted.items())
