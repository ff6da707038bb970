"""Where a run of several fidelities keeps trainings that may go on, and for how long."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from cambrian.evaluate.kept import Keeping
from cambrian.store import Store
from cambrian.strategies import Strategy


class Trainings:
    """A context: ``keeping`` is for the evaluator, None where the strategy asks for whole evaluations only.

    The folder is ``<store>.trainings/<run>`` beside the store, a temporary one for a store in memory. It is
    removed at the end unless the run can go on from it: `over` says that it came to its own end.
    """

    def __init__(self, strategy: Strategy, store: Store, run: int | None) -> None:
        self.over = False
        self.keeping: Keeping | None = None
        self._lasting = store.path is not None
        if strategy.partial:
            self.keeping = Keeping(self._folder(store, run))

    def _folder(self, store: Store, run: int | None) -> Path:
        if store.path is None:
            return Path(tempfile.mkdtemp(prefix="cambrian-"))
        if run is not None:
            return folder_of(store.path, run)
        folder = folder_of(store.path, 1 + max((row.id for row in store.runs()), default=0))
        shutil.rmtree(folder, ignore_errors=True)  # of a store of this name that is no more
        return folder

    def __enter__(self) -> Trainings:
        return self

    def __exit__(self, *error: object) -> None:
        if self.keeping is None or (self._lasting and not self.over):
            return
        shutil.rmtree(self.keeping.folder, ignore_errors=True)
        if self._lasting:
            with contextlib.suppress(OSError):  # other runs may have theirs
                self.keeping.folder.parent.rmdir()


def folder_of(store: Path, run: int) -> Path:
    """Return the folder of the trainings of a stored run.

    >>> folder_of(Path("digits.db"), 1)
    PosixPath('digits.db.trainings/1')
    """
    return store.with_name(f"{store.name}.trainings") / str(run)
