"""`cambrian search` and `cambrian resume`: run a search in sight of the user, then finish what it found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from cambrian.cli import values
from cambrian.cli.finalists import choose, finish, fresh, train_longer
from cambrian.cli.live import Progress, forget, metrics_line, shown
from cambrian.cli.show import described
from cambrian.errors import CambrianError, require, unknown

if TYPE_CHECKING:
    from cambrian.loop import Run
    from cambrian.loop.objectives import Goals

STRATEGY = "nsga2"
WITHIN = 0.005  # "close to the best": half a point of accuracy

Output = Annotated[
    Path | None, typer.Option("--output", help="Folder for the results; a fresh one if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document; progress goes to stderr.")]
Final = Annotated[
    bool,
    typer.Option(
        "--final/--no-final",
        help="Afterwards train the most promising longer; test and write the best and the smallest good one.",
    ),
]
Within = Annotated[
    float, typer.Option(help="How far from the best, in the first objective, the smallest network may be.")
]


def search(
    task: Annotated[str, typer.Argument(help="The task to search for.")] = "digits",
    space: Annotated[
        str, typer.Option(help="A family of networks, a space in a .json or .toml file, or auto.")
    ] = "auto",
    strategy: Annotated[
        str, typer.Option(help="NAME, or NAME:key=value,…; `cambrian strategies` lists them.")
    ] = STRATEGY,
    option: Annotated[
        list[str],
        typer.Option("--option", "-o", help="An option of the strategy, key=value; may be repeated."),
    ] = [],  # noqa: B006
    budget: Annotated[str, typer.Option(help="Of the search: 200, 90s, 2min, 2h, '50 epochs' …")] = "2min",
    objectives: Annotated[
        list[str], typer.Option(help="Metrics, best known first: accuracy,params or max:f1 …")
    ] = ["accuracy,params"],  # noqa: B006
    constraint: Annotated[list[str], typer.Option(help="A limit such as macs=2e6; may be repeated.")] = [],  # noqa: B006
    weight: Annotated[
        list[str], typer.Option(help="accuracy=1, one for each objective: search for the weighted sum.")
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Decides everything that is random.")] = 0,
    epochs: Annotated[float | None, typer.Option(help="Epochs each candidate is trained for.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that train side by side; 0: none.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="How networks are trained: auto, eager, native, grouped, graph.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    profile: Annotated[
        Path | None, typer.Option(help="The table of `cambrian profile` that predicts latency.")
    ] = None,
    any_device: Annotated[
        bool, typer.Option("--any-device", help="Take a profile that was measured on another device.")
    ] = False,
    speed: Annotated[
        str, typer.Option(help="How speed is measured and predicted: batch=8,within=0.01,threads=1 …")
    ] = "",
    store: Annotated[
        Path | None, typer.Option(help="The store; search.db in the output folder if left out.")
    ] = None,
    output: Output = None,
    final: Final = True,
    within: Within = WITHIN,
    as_json: AsJson = False,
) -> None:
    """Search for networks that solve a task; `cambrian search digits` needs nothing else.

    The budget is for the search. After it the most promising candidates are trained longer to find the best
    and the smallest that comes close; both are trained for use and tested: for digits on two cores, 3 to 4
    minutes in all. Writes the store, the report and a folder for each of the two under the output folder.
    """
    require("torch", "train", "searching for networks")
    from cambrian import loop
    from cambrian.evaluate.task import TASKS
    from cambrian.evaluate.train import resolve_device
    from cambrian.loop.arguments import EPOCHS
    from cambrian.loop.budget import Budget
    from cambrian.loop.parse import parse
    from cambrian.network.latency.profile import Profile
    from cambrian.network.latency.speed import Speed

    if task not in TASKS:  # before its name becomes that of a folder
        raise unknown("task", task, TASKS)
    values.tolerance(within)
    chosen = values.strategy(strategy, option)
    names, limits = values.names(objectives), values.constraints(constraint)
    weights = values.weights(weight)
    goals = parse(names, limits, weights)
    how = Speed.of(values.speed(speed))
    table = (
        None if profile is None else Profile.load(profile, threads=how.threads, allow_other_device=any_device)
    )
    spend = Budget.parse(values.budget(budget))
    require("safetensors", "train", "writing networks")
    resolve_device(device)  # refused before anything is written
    searched = space_of(space, task, seed)
    folder = output_folder(output, f"cambrian-{task}-seed{seed}")
    kept = store or folder / "search.db"
    screen = sys.stderr if as_json else sys.stdout
    shown_as = searched if isinstance(searched, str) else space
    aims, how_to = ", ".join(map(str, goals.objectives)), " ".join([strategy, *option])
    title = f"Searching {shown_as} on {task} for {aims}; {how_to}, seed {seed}"
    progress = Progress(title, goals, spend, epochs=epochs or EPOCHS)
    try:
        with heard(kept, screen), shown(progress, screen) as add:
            run = loop.search(
                searched,
                task=task,
                strategy=chosen,
                budget=spend,
                objectives=names,
                constraints=limits or None,
                weights=weights,
                store=kept,
                seed=seed,
                epochs=epochs,
                device=device,
                workers=workers,
                mode=mode,
                profile=table,
                speed=how,
                on_evaluation=add,
            )
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # only where nothing was written
        raise
    with heard(kept, screen):
        conclude(Ending(run, goals, kept, folder, screen, as_json), final, within)


def resume(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The store of the search (a .db file).")],
    run: Annotated[
        int | None, typer.Option("--run", help="The number of the run; the last one if left out.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="A new budget for the whole run.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the results; that of the store if left out.")
    ] = None,
    final: Final = True,
    within: Within = WITHIN,
    as_json: AsJson = False,
) -> None:
    """Go on with a search that was interrupted or killed, or give one that ended more budget."""
    from cambrian import loop
    from cambrian.loop.budget import Budget
    from cambrian.loop.parse import parse
    from cambrian.store import Store

    values.tolerance(within)
    with Store(store) as opened:
        row = opened.run(run)
        earlier = opened.evaluations(row.id)
    goals = parse(row.config["objectives"], row.config["constraints"], row.config.get("weights"))
    spend = Budget.parse(values.budget(budget) if budget else row.config["budget"])
    screen = sys.stderr if as_json else sys.stdout
    title = f"Resuming run {row.id} of {store}"
    progress = Progress(title, goals, spend, earlier, row.seconds, epochs=row.config["epochs"])
    with heard(store, screen), shown(progress, screen) as add:
        found = loop.resume(store, run=row.id, budget=spend if budget else None, on_evaluation=add)
    folder = store.parent if output is None else output_folder(output, "")
    with heard(store, screen):
        conclude(Ending(found, goals, store, folder, screen, as_json), final, within)


@contextmanager
def heard(store: Path, screen: TextIO) -> Iterator[None]:
    """Turn the loss of the reader of a search's output into an error that says how to go on."""
    try:
        yield
    except BrokenPipeError:
        if screen is not sys.stdout:
            raise  # the reader of the JSON document, at the very end
        forget(screen)
        raise CambrianError(
            f"nobody reads the output any more; go on with: cambrian resume {store}"
        ) from None


def space_of(name: str, task: str, seed: int) -> Any:
    """Return the name of a family as it is, that which suits the task, or the space that a file holds."""
    if name != "auto" and not name.endswith((".json", ".toml")):
        return name
    from cambrian.evaluate.task import make_task
    from cambrian.space import families
    from cambrian.space.space import Space

    made = make_task(task, seed)
    if name == "auto":
        return families.suggest(made).name
    return Space.load(name).bind(made.input_shape, made.outputs)


def output_folder(asked: Path | None, default: str) -> Path:
    """Make the folder for the results: the one asked for if it is new or empty, else a fresh default."""
    if asked is None:
        return fresh(Path(default))
    if asked.exists() and (not asked.is_dir() or any(asked.iterdir())):
        raise ValueError(f"--output {asked}: already there and not an empty folder; choose another one")
    return fresh(asked)


@dataclass(frozen=True)
class Ending:
    """A search that came to its end, and where its results belong."""

    run: Run
    goals: Goals
    store: Path
    folder: Path
    screen: TextIO
    as_json: bool

    def say(self, text: str) -> None:
        """Print a line for people."""
        print(text, file=self.screen, flush=True)


def conclude(ending: Ending, final: bool, within: float) -> None:
    """Train and write the finalists, write the report, say where everything is; sets the exit code."""
    run = ending.run
    ending.say(f"ended: {run.stopped}")
    if run.stopped is not None and run.stopped.startswith("interrupted"):
        raise typer.Exit(130)
    rows: list[dict[str, Any]] = []
    failed: Exception | None = None
    if run.best is not None:
        metrics = {**run.best.metrics, **(run.best.final or {})}
        found = metrics_line(metrics, list(ending.goals.metrics))
        part = f" after {run.best.fidelity:.0%} of its training" if run.best.fidelity < 1.0 else ""
        ending.say(f"best so far{part}: candidate {run.best.id}, validation {found}")
        if final:
            try:
                chosen = choose(train_longer(run, ending.goals, ending.say), ending.goals, within)
                rows = finish(run, chosen, ending.folder, ending.say)
            except KeyboardInterrupt:
                ending.say(f"interrupted; train the rest with: cambrian resume {ending.store} --run {run.id}")
                raise typer.Exit(130) from None
            except (CambrianError, LookupError) as error:
                failed = error  # what the search found is reported all the same
    page = ending.folder / "report.html"
    run.report(page)
    ending.say(f"report: {page}\nstore: {ending.store}")
    if ending.as_json:
        typer.echo(values.document(summary(ending, rows, page)))
    if run.best is None:
        raise LookupError(f"no candidate succeeded; `cambrian show {ending.store}` counts the failures")
    if failed is not None:
        raise failed


def summary(ending: Ending, rows: list[dict[str, Any]], page: Path) -> dict[str, Any]:
    """What `--json` prints."""
    run = ending.run
    return {
        "store": ending.store,
        "run": run.id,
        "stopped": run.stopped,
        "seconds": run.seconds,
        "counts": run.counts,
        "best": None if run.best is None else described(run.best, whole=True),
        "overhead": run.overhead,
        "front": [described(candidate) for candidate in run.front],
        "finalists": rows,
        "report": page,
    }
