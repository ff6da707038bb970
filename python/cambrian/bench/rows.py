"""The folder of a comparison: what was asked, every row of every search, which searches are done.

``bench.json`` is the configuration. ``rows.csv`` has one row an evaluation, ``searches.csv`` one a search,
written after its rows and with the place where they end: what a kill has cut off is seen by that, and
dropped.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cambrian.errors import CambrianError, require
from cambrian.store.lock import WriterLock

from .statistics import Floats

FORMAT = 1
_NAMED = ("arms", "tables")  # may grow; what is there must stay the same
_MOST_DIFFERENCES = 5


class BenchError(CambrianError, ValueError):
    """A folder can't be used as asked: of another comparison, or damaged."""


@dataclass(frozen=True)
class Done:
    """One search that came to its end: `status` is "ok", or how it failed.

    `evaluations` and simulated `seconds` are what it spent, `wall` the real seconds it took, `end` the bytes
    of ``rows.csv`` up to its last row.
    """

    arm: str
    table: str
    seed: int
    status: str
    evaluations: int
    seconds: float
    wall: float
    end: int
    error: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """Which search it is."""
        return self.arm, self.table, self.seed


def columns(objectives: int) -> list[str]:
    """The head of ``rows.csv``. `part` is how much of a whole evaluation a row paid for."""
    costs = [f"cost_{i + 1}" for i in range(objectives)] if objectives > 1 else ["cost"]
    timed = ["evaluation", "unique", "started", "finished", "fidelity", "part"]
    return ["arm", "table", "seed", *timed, *costs, "value", "test", "genome"]


def line(cells: list[object]) -> str:
    """One line of CSV."""
    return ",".join(_cell(str(cell)) for cell in cells) + "\n"


def _cell(text: str) -> str:
    return f'"{text.replace(chr(34), 2 * chr(34))}"' if set(text) & set(',"\r\n') else text


class Folder:
    """A comparison's folder, open for writing by one process at a time.

    Raises BenchError where the folder holds another comparison (naming what differs) or something else,
    StoreError while another process writes to it.

    >>> with Folder(path, config) as folder:
    ...     folder.add(done, rows)
    """

    def __init__(self, path: Path, config: Mapping[str, Any], head: list[str]) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        strange = [p.name for p in path.iterdir()] if not (path / "bench.json").exists() else []
        if any(name not in ("rows.csv.lock", "parts") for name in strange):
            raise BenchError(f"{path} is neither empty nor the folder of a comparison; choose another one")
        self._lock = WriterLock(path / "rows.csv")
        try:
            self.config = self._agree(config)
            self.done = self._go_on(head)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._rows.close()
        self._searches.close()
        self._lock.release()

    @property
    def parts(self) -> Path:
        """Where searches leave their rows until they are added."""
        made = self.path / "parts"
        made.mkdir(exist_ok=True)
        return made

    def add(self, done: Done, rows: bytes) -> None:
        """Append a search and its rows; `done.end` is set here."""
        self._rows.write(rows)
        self._rows.flush()
        done = Done(**{**asdict(done), "end": self._rows.tell()})
        self._searches.write(line(list(astuple(done))))
        self._searches.flush()
        self.done[done.key] = done

    def _agree(self, config: Mapping[str, Any]) -> dict[str, Any]:
        path = self.path / "bench.json"
        asked = json.loads(json.dumps(config))
        if path.exists():
            there = read_config(self.path)
            changed = list(differences(there, asked))
            if changed:
                more = len(changed) - _MOST_DIFFERENCES
                shown = "; ".join(changed[:_MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
                raise BenchError(f"{self.path} holds another comparison: {shown}. Choose another folder")
            for name in _NAMED:
                asked[name] = {**there[name], **asked[name]}
        partial = path.with_name("bench.json.partial")
        partial.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
        return dict(asked)

    def _go_on(self, head: list[str]) -> dict[tuple[str, str, int], Done]:
        """Open both files where the last search that is whole ends."""
        rows, searches = self.path / "rows.csv", self.path / "searches.csv"
        kept = whole(self.path)
        start = line(list(head)).encode()
        names = line([field.name for field in fields(Done)])
        end = kept[-1].end if kept else len(start)
        if not kept:
            rows.write_bytes(start)
        os.truncate(rows, end)
        text = names + "".join(line(list(astuple(done))) for done in kept)
        partial = searches.with_name("searches.csv.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(searches)
        self._rows = open(rows, "ab")  # noqa: SIM115
        self._searches = open(searches, "a", encoding="utf-8", newline="")  # noqa: SIM115
        return {done.key: done for done in kept}


def differences(there: Any, asked: Any, name: str = "") -> Iterator[str]:
    """What of a configuration is not as it was; new arms and tables are none."""
    if isinstance(there, Mapping) and isinstance(asked, Mapping):
        grows = name in _NAMED
        for key in dict.fromkeys([*there, *asked]):
            inner = f"{name}.{key}" if name else str(key)
            if key in there and key in asked:
                yield from differences(there[key], asked[key], inner)
            elif not grows:
                yield f"{inner} is {_shown(there.get(key))} there, {_shown(asked.get(key))} now"
    elif there != asked:
        yield f"{name} is {_shown(there)} there, {_shown(asked)} now"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a folder; BenchError where there is none that can be read."""
    path = folder / "bench.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        known = config["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{folder} is not the folder of a comparison: {path.name}: {error}") from error
    if not known:
        raise BenchError(f"{path} has format {config['format']!r}; this version reads {FORMAT}")
    return dict(config)


def whole(folder: Path) -> list[Done]:
    """The searches whose rows are all there, in the order of finishing; of several tries the last one."""
    path, rows = folder / "searches.csv", folder / "rows.csv"
    if not path.exists() or not rows.exists():
        return []
    size = rows.stat().st_size
    found: list[Done] = []
    text = path.read_text(encoding="utf-8")
    lines = text[: text.rfind("\n") + 1].split("\n")  # the last one may be cut off
    for record in csv.DictReader(lines):
        try:
            done = Done(
                record["arm"],
                record["table"],
                int(record["seed"]),
                record["status"],
                int(record["evaluations"]),
                float(record["seconds"]),
                float(record["wall"]),
                int(record["end"]),
                record["error"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BenchError(f"{path}: {record} is no record of a search: {error}") from error
        if done.end > size or (found and done.end < found[-1].end):
            break
        found.append(done)
    return found


def read_rows(folder: Path, done: list[Done]) -> Iterator[tuple[Done, Mapping[str, Floats]]]:
    """The numbers of each search's rows by column, searches that failed left out."""
    path = folder / "rows.csv"
    with open(path, encoding="utf-8", newline="") as file:
        head = next(csv.reader(file))
    names = [name for name in head if name not in ("arm", "table", "genome")]
    count = sum(one.evaluations for one in done if one.status == "ok")
    if not count:
        return
    try:
        table = np.loadtxt(
            path,
            delimiter=",",
            skiprows=1,
            usecols=[head.index(name) for name in names],
            quotechar='"',
            comments=None,
            encoding="utf-8",
            max_rows=count,
            ndmin=2,
        )
    except ValueError as error:
        raise BenchError(f"{path}: {error}") from error
    start = 0
    for one in done:
        if one.status == "ok":
            part = table[start : start + one.evaluations]
            start += one.evaluations
            if len(part) < one.evaluations or (part[:, 0] != one.seed).any():
                raise BenchError(f"{path} does not hold the rows that searches.csv tells of")
            yield one, {name: part[:, i] for i, name in enumerate(names)}


def write_parquet(folder: Path) -> Path:
    """Write ``rows.parquet`` beside ``rows.csv``; MissingExtraError without pyarrow.

    >>> write_parquet(Path("out"))
    """
    reader = require("pyarrow.csv", "parquet", "writing parquet")
    parquet = require("pyarrow.parquet", "parquet", "writing parquet")
    target = folder / "rows.parquet"
    partial = folder / ".rows.parquet"
    text = {"arm": "string", "table": "string", "genome": "string"}
    options = reader.ConvertOptions(column_types=text)
    parquet.write_table(reader.read_csv(folder / "rows.csv", convert_options=options), partial)
    partial.replace(target)
    return target
