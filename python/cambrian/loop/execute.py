"""From settings to a finished run: evaluator, strategy, drive, and the store that sees it all."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cambrian.evaluate.evaluation import Evaluation
from cambrian.evaluate.kept import Keeping
from cambrian.loop.bulk import Bulk
from cambrian.loop.drive import Drive
from cambrian.loop.evaluators import callable_of, check_levels, make_evaluator
from cambrian.loop.interrupt import Interrupt
from cambrian.loop.repeats import repeat
from cambrian.loop.run import Run
from cambrian.loop.settings import Settings
from cambrian.loop.trainings import Trainings
from cambrian.loop.watch import Watch
from cambrian.store import Store
from cambrian.strategies import Strategy

OnEvaluation = Callable[[Evaluation], object] | None


def execute(
    settings: Settings, store: Store, run: int | None, watch: Watch, on_evaluation: OnEvaluation
) -> Run:
    """Drive a run of the store to its end, and close the store. None begins a new run.

    Nothing is written before strategy and evaluator are there, and the past of the run is replayed. Ctrl-C
    ends it early; how to go on is said on stderr and in `Run.stopped`.
    """
    try:
        with Interrupt() as interrupt:
            run, stopped = (_bulk if settings.kind == "evaluate_batch" else _drive)(
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
    run: int | None,
    watch: Watch,
    interrupt: Interrupt,
    on_evaluation: OnEvaluation,
) -> tuple[int, str | None]:
    strategy = settings.make_strategy()
    check_levels(settings, strategy)
    with Trainings(strategy, store, run) as trainings:
        number, stopped = _driven(
            settings, strategy, trainings.keeping, store, run, watch, interrupt, on_evaluation
        )
        trainings.over = stopped != "interrupted"
    return number, stopped


def _driven(
    settings: Settings,
    strategy: Strategy,
    keep: Keeping | None,
    store: Store,
    run: int | None,
    watch: Watch,
    interrupt: Interrupt,
    on_evaluation: OnEvaluation,
) -> tuple[int, str | None]:
    try:
        with interrupt.breakable():
            evaluator = make_evaluator(settings, keep)
    except KeyboardInterrupt:
        if not interrupt.came:
            raise
        return _begun(settings, store, run), "interrupted"
    try:
        if settings.ordered and not strategy.synchronous and not settings.window:
            settings.window = evaluator.capacity
        number = _begun(settings, store, run)
        drive = Drive(settings, strategy, evaluator, store, number, watch, interrupt, on_evaluation)
        drive.replay()
        store.configure(number, settings.to_dict())
        with watch.looping():
            drive.run()
            if settings.repeats > 1 and drive.stopped != "interrupted":
                repeat(drive)
        return number, "interrupted" if interrupt.came else drive.stopped
    finally:
        evaluator.close()


def _bulk(
    settings: Settings, store: Store, run: int | None, watch: Watch, interrupt: Interrupt, _: OnEvaluation
) -> tuple[int, str | None]:
    strategy = settings.make_strategy()
    check_levels(settings, strategy)
    number = _begun(settings, store, run)
    bulk = Bulk(settings, strategy, callable_of(settings), store, number, watch, interrupt)
    bulk.replay()
    store.configure(number, settings.to_dict())
    with watch.looping():
        bulk.run()
    return number, bulk.stopped


def _begun(settings: Settings, store: Store, run: int | None) -> int:
    return store.add_run(settings.to_dict()) if run is None else run


def _how_to_go_on(settings: Settings, store: Store, run: int) -> str:
    if store.path is None:
        return "nothing was stored; give store='runs.db' to be able to go on"
    if settings.kind == "task" and settings.task_name is not None:
        return f"go on with: cambrian resume {store.path} --run {run}"
    given = "task=…" if settings.kind == "task" else f"{settings.kind}=…"
    if settings.tabled is not None:
        given = "evaluate=(the table)"
    return f"go on with: cambrian.resume({str(store.path)!r}, run={run}, {given})"
