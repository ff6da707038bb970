"""Trainings that stopped before their end, kept in files so that they can go on.

Nothing depends on them but time: what is missing, damaged or of another training is trained anew, and what
can't be written is left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambrian.errors import require
from cambrian.evaluate.outcome import is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "cambrian-training-1"
_PARTS = 16  # of what may be kept: after one of them is written, the folder is looked through


@dataclass(frozen=True)
class Progress:
    """Where a training stands: the steps it made, and what it has learned.

    ``tensors`` are by kind, then by the names of the module's tensors: "weights" (running statistics too),
    "first" and "second" moments and "count" of the optimizer, "averages", "random" states, "scaler". Those
    of the core are flat.
    """

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]


class Keeping:
    """A folder of kept trainings: at most about ``files``, and ``size`` bytes; the oldest go first.

    >>> TrainNetwork(task, epochs=9, keep=Keeping("digits.db.trainings"))
    """

    def __init__(self, folder: str | os.PathLike[str], *, files: int = 10_000, size: int = 4 * 2**30) -> None:
        for name, value in (("files", files), ("size", size)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value!r}")
        self.folder, self.files, self.size = Path(folder).absolute(), files, size
        self._files, self._size = files, size  # written since the folder was looked through

    def bookmark(self, key: Mapping[str, Any]) -> Bookmark:
        """Return the place of a training that a JSON-able key tells from all others."""
        return Bookmark(self, _digest(key))

    def folder_of(self, key: Mapping[str, Any]) -> Path:
        """Return a folder, made if need be, for what a user's function keeps under a JSON-able key."""
        folder = self.folder / _digest(key)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def wrote(self, size: int) -> None:
        """Make room if much was written."""
        self._files, self._size = self._files + 1, self._size + size
        if self._files * _PARTS >= self.files or self._size * _PARTS >= self.size:
            self._files = self._size = 0
            self._trim()

    def _trim(self) -> None:
        entries: list[tuple[int, int, str]] = []
        with os.scandir(self.folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):  # another worker may be at it
                    if entry.is_file(follow_symlinks=False):
                        stat = entry.stat()
                        entries.append((stat.st_mtime_ns, stat.st_size, entry.path))
        left, total = len(entries), sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if left <= self.files and total <= self.size:
                return
            left, total = left - 1, total - size
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


class Bookmark:
    """The place of one training in a folder: `read` before it, `put` where it stops, `settle` after it."""

    def __init__(self, keeping: Keeping, digest: str) -> None:
        self.path = keeping.folder / f"{digest}.safetensors"
        self._keeping, self._digest = keeping, digest
        self._put: Progress | None = None
        self._ahead = False  # another job of the same training has come further

    def read(self, most: int) -> Progress | None:
        """Return what is kept, unless it is damaged, of another training or beyond step ``most``."""
        try:
            found = self._decode(self.path.read_bytes())
        except Exception:  # whatever is wrong with a file: training anew gives the same
            return None
        self._ahead = found.step > most
        return None if self._ahead else found

    def put(self, step: int, progress: Callable[[int], Progress]) -> None:
        """Hold where a training stopped, as ``progress(step)`` says, until `settle`."""
        try:
            self._put = progress(step)
        except Exception as error:
            if not is_out_of_memory(error):
                raise

    def settle(self) -> None:
        """Write what was put; without that the training is over, and what was kept of it goes."""
        if self._put is None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        elif not self._ahead:
            self._write(self._put)
        self._put = None

    def discard(self) -> None:
        """Forget the training: it diverged."""
        self._put = None
        self.settle()

    def _write(self, progress: Progress) -> None:
        partial = self.path.with_name(f".{self._digest}.{os.getpid()}")
        try:
            data = self._encode(progress)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(data)
                partial.replace(self.path)  # a reader sees all of it or nothing
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            self._keeping.wrote(len(data))
        except Exception as error:
            if not isinstance(error, OSError) and not is_out_of_memory(error):
                raise

    def _encode(self, progress: Progress) -> bytes:
        safetensors = require("safetensors.torch", "train", "keeping trainings")
        tensors = {
            f"{kind}/{name}": tensor.detach().cpu().contiguous()
            for kind, of_kind in progress.tensors.items()
            for name, tensor in of_kind.items()
        }
        header = {
            "format": FORMAT,
            "training": self._digest,
            "step": str(progress.step),
            "crc32": str(_checksum(tensors)),
        }
        data: bytes = safetensors.save(tensors, header)
        return data

    def _decode(self, data: bytes) -> Progress:
        safetensors = require("safetensors.torch", "train", "keeping trainings")
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])["__metadata__"]
        loaded: dict[str, Tensor] = safetensors.load(data)
        if (header["format"], header["training"]) != (FORMAT, self._digest):
            raise ValueError("of another training")
        if int(header["crc32"]) != _checksum(loaded):  # a file system may lose what a name stood for already
            raise ValueError("damaged")
        tensors: dict[str, dict[str, Tensor]] = {}
        for name, tensor in loaded.items():
            kind, _, own = name.partition("/")
            tensors.setdefault(kind, {})[own] = tensor
        return Progress(int(header["step"]), tensors)


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(key, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    import torch

    crc = 0
    for name in sorted(tensors):
        numbers: Any = tensors[name].reshape(-1).view(torch.uint8).numpy()
        crc = zlib.crc32(numbers, zlib.crc32(name.encode(), crc))
    return crc
