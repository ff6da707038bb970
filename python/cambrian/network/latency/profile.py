"""The table of a device: times at several batch sizes and precisions, in one file."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.network.latency.device import Device, OtherDeviceError, this_device
from cambrian.network.latency.fit import Floats
from cambrian.network.latency.table import Countable, Times, check_batch
from cambrian.network.parsing import MAX_TEXT, check_header, expect_keys, parse_json, shown

FORMAT = "cambrian-profile"
VERSION = 1


class Profile:
    """What the operations of a family take on one device, made by `cambrian.profile` or `load`.

    Predicts the latency of networks from their genomes: the core adds up the times of their nodes, and a
    correction that was fitted on whole networks makes up for what a sum can't know.

    >>> profile = cb.profile(space, budget=60)
    >>> profile.save("laptop.json")
    >>> cb.Profile.load("laptop.json").predict(space, genomes)
    array([0.00031, 0.00118, …])
    """

    def __init__(self, device: Device, times: Iterable[Times]) -> None:
        self.device = device
        self.source: Path | None = None  # the file it was loaded from
        self.times = {(part.batch, part.precision): part for part in times}
        if not self.times:
            raise ValueError("a profile needs the times of at least one batch size")

    def __repr__(self) -> str:
        tables = ", ".join(f"{b} × {p}: {len(t.seconds):,}" for (b, p), t in self.times.items())
        return f"Profile({self.device.kind} {self.device.name!r}, {self.device.threads} threads; {tables})"

    def at(self, batch: int = 1, precision: str = "float32") -> Times:
        """Return the times at a batch size and precision; ValueError naming those that are here."""
        found = self.times.get((check_batch(batch), precision))
        if found is None:
            have = ", ".join(f"{b} in {p}" for b, p in self.times)
            raise ValueError(f"the profile has no times at batch {batch} in {precision}; it has: {have}")
        return found

    def predict(
        self,
        space: Countable,
        genomes: NDArray[Any],
        batch: int = 1,
        *,
        precision: str = "float32",
        threads: int = 1,
    ) -> Floats:
        """Predict the seconds that networks take for one batch, (n,), lower is better.

        `genomes` (n, n_genes) of a space that is bound to an input; `threads` of the prediction itself.
        Raises ValueError for a batch size or precision that wasn't measured, and for spaces without networks.

        >>> fast = genomes[profile.predict(space, genomes) < 1e-3]
        """
        return self.at(batch, precision).predict(space, genomes, threads)

    def throughput(
        self,
        space: Countable,
        genomes: NDArray[Any],
        *,
        within: float | None = None,
        precision: str = "float32",
        threads: int = 1,
    ) -> Floats:
        """Predict samples a second at the best of the measured batch sizes, (n,), higher is better.

        `within`: most seconds that a batch may take; 0 where no batch size keeps it. Raises as `predict`.
        """
        batches = sorted(b for b, p in self.times if p == precision)
        self.at(batches[0] if batches else 1, precision)
        best = np.zeros(len(genomes))
        for batch in batches:
            seconds = self.predict(space, genomes, batch, precision=precision, threads=threads)
            rate = batch / np.maximum(seconds, 1e-12)
            best = np.maximum(best, rate if within is None else np.where(seconds <= within, rate, 0.0))
        return best

    def check(self, threads: int | None = 1, device: str | None = None) -> None:
        """Raise OtherDeviceError unless this is the device, torch and number of threads of the table.

        `threads=None` takes any number; `device` names the GPU where there are several.
        """
        kind = self.device.kind if device is None else device
        here = this_device(kind, self.device.threads if threads is None else threads)
        reasons = self.device.differs(here)
        if reasons:
            raise OtherDeviceError(
                f"the profile is of another device: {'; '.join(reasons)}. Measure here: `cambrian profile`; "
                "or use it all the same: cb.Profile.load(path, allow_other_device=True), or --any-device"
            )

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that tell this table from others."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as JSON-able data, with the version of the format."""
        tables = [part.to_dict() for part in self.times.values()]
        return {"format": FORMAT, "version": VERSION, "device": self.device.to_dict(), "tables": tables}

    @classmethod
    def from_dict(cls, data: object) -> Profile:
        """Read what `to_dict` returned; everything is checked, so `data` may come from anywhere.

        Raises ValueError saying what is wrong.
        """
        fields = check_header(data, FORMAT, VERSION)
        expect_keys("a profile", fields, {"format", "version", "device", "tables"})
        if not isinstance(fields["tables"], list) or not fields["tables"]:
            raise ValueError(f"tables must be a list of at least one, got {shown(fields['tables'])}")
        device = Device.from_dict(fields["device"])
        times = [Times.from_dict(part) for part in fields["tables"]]
        profile = cls(device, times)
        if len(profile.times) < len(times):
            raise ValueError("tables: a batch size comes twice in the same precision")
        return profile

    def to_json(self) -> str:
        """Return the profile as JSON text, an operation a line."""
        lines = json.dumps(self.to_dict(), allow_nan=False, separators=(", ", ": "))
        return lines.replace('{"op": ', '\n{"op": ') + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the profile to a JSON file, whole or not at all, replacing what was there.

        Raises OSError, and ValueError for more operations than `load` would read.
        """
        target, text = Path(path).expanduser(), self.to_json()
        if len(text) > MAX_TEXT:
            raise ValueError(
                f"the profile would be {len(text):,} characters, at most {MAX_TEXT:,} can be read back; "
                "measure fewer batch sizes"
            )
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        threads: int | None = 1,
        allow_other_device: bool = False,
    ) -> Profile:
        """Read a profile from a file that may come from anywhere.

        Raises OSError, ValueError (not a profile, damaged, newer) and OtherDeviceError: it was measured on
        another device, with another major version of torch or, unless None, another number of `threads`;
        `allow_other_device` takes it as it is.

        >>> cb.Profile.load("table.json")
        """
        source = Path(path).expanduser()
        with source.open("rb") as file:
            raw = file.read(MAX_TEXT + 1)
        try:
            profile = cls.from_dict(parse_json(raw.decode("utf-8")))
        except ValueError as error:  # not UTF-8 is one too
            raise ValueError(f"{source} is no profile: {error}") from None
        if not allow_other_device:
            profile.check(threads)
        profile.source = source.absolute()
        return profile
