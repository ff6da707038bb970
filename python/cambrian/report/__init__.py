"""A run as one self-contained HTML page: no network, no scripts, light and dark."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cambrian.report.markup import page
from cambrian.report.sections import SECTIONS

if TYPE_CHECKING:
    from cambrian.loop import Run

__all__ = ["SECTIONS", "render", "write"]


def render(run: Run) -> str:
    """Render a run, finished or not, as the text of an HTML page.

    >>> html = render(cb.load("digits.db"))
    """
    from cambrian.loop.parse import parse

    goals = parse(run.config["objectives"], run.config.get("constraints"), run.config.get("weights"))
    built = [(name, heading, make(run, goals)) for name, (heading, make) in SECTIONS.items()]
    return page(f"Cambrian: run {run.id}", [section for section in built if section[2]])


def write(run: Run, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path` (replacing a report that is there) and return it.

    Raises FileNotFoundError for a folder that is missing, IsADirectoryError for a folder in place of a file,
    other OSErrors where writing fails.

    >>> write(cb.load("digits.db"), "report.html")
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder for the report", str(target.parent))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file for the report", str(target))
    page = render(run)
    # Beside the target and then renamed: a reader never sees half a page.
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
