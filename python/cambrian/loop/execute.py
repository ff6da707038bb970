"""From settings to a finished run: evaluator, strategy, drive, and the store that sees it all."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.bulk import Bulk
from cambrian.loop.drive import Drive
from cambrian.loop.evaluators import callable_of, make_evaluator
from cambrian.loop.interrupt import Interrupt
from cambrian.loop.repeats import repeat
from cambrian.loop.run import Run
from cambrian.loop.settings import Settings
from cambrian.loop.watch import Watch
from cambrian.store import Store

OnEvaluation = Callable[[Evaluation], object] | None


def execute(settings: Settings, store: Store, run: int, watch: Watch, on_evaluation: OnEvaluation) -> Run:
    """Drive a run of the store, new or begun before, to its end, and close the store.

    Ctrl-C ends it early; how to go on is said on stderr and in `Run.stopped`.
    """
    try:
        with Interrupt() as interrupt:
            stopped = (_bulk if settings.kind == "evaluate_batch" else _drive)(
                settings, store, run, watch, interrupt, on_evaluation
            )
        if stopped == "interrupted":
            stopped = f"interrupted; {_how_to_go_on(settings, store, run)}"
            print(f"cambrian: {stopped}", file=sys.stderr)
        store.clock(run, seconds=watch.seconds, overhead=watch.overhead, stopped=stopped)
        found = Run(store, run, settings)
    except BaseException:
        store.close()
        raise
    if store.path is not None:
        store.close()
    return found


def _drive(
    settings: Settings,
    store: Store,
    run: int,
    watch: Watch,
    interrupt: Interrupt,
    on_evaluation: OnEvaluation,
) -> str | None:
    strategy = settings.make_strategy()
    evaluator = make_evaluator(settings)
    try:
        if settings.ordered and not strategy.synchronous and not settings.window:
            settings.window = evaluator.capacity
            store.configure(run, settings.to_dict())
        drive = Drive(settings, strategy, evaluator, store, run, watch, interrupt, on_evaluation)
        drive.replay()
        with watch.looping():
            drive.run()
            if settings.repeats > 1 and drive.stopped != "interrupted":
                repeat(drive)
        return "interrupted" if interrupt.came else drive.stopped
    finally:
        evaluator.close()


def _bulk(
    settings: Settings, store: Store, run: int, watch: Watch, interrupt: Interrupt, _: OnEvaluation
) -> str | None:
    bulk = Bulk(settings, settings.make_strategy(), callable_of(settings), store, run, watch, interrupt)
    bulk.replay()
    with watch.looping():
        bulk.run()
    return bulk.stopped


def _how_to_go_on(settings: Settings, store: Store, run: int) -> str:
    if store.path is None:
        return "nothing was stored; give store='runs.db' to be able to go on"
    if settings.kind == "task" and settings.task_name is not None:
        return f"go on with: cambrian resume {store.path} --run {run}"
    given = "task=…" if settings.kind == "task" else f"{settings.kind}=…"
    return f"go on with: cambrian.resume({str(store.path)!r}, run={run}, {given})"
