"""Which device a time was taken on: what has to be equal for the time to mean anything."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cambrian.errors import CambrianError
from cambrian.network.parsing import expect_keys, shown

KINDS = ("cpu", "cuda")


class OtherDeviceError(CambrianError, ValueError):
    """A table of times comes from another device, another number of threads or another torch."""


@dataclass(frozen=True)
class Device:
    """What a time depends on beside the network.

    `kind` is "cpu" or "cuda", `name` that of the processor or GPU, `threads` how many of torch's threads one
    operation may use, `torch` the version.
    """

    kind: str
    name: str
    threads: int
    torch: str

    def differs(self, other: Device) -> list[str]:
        """Say in what another device is another one; of torch only the major version counts."""
        reasons = []
        if (self.kind, self.name) != (other.kind, other.name):
            reasons.append(
                f"it was measured on {self.kind} {self.name!r}, this is {other.kind} {other.name!r}"
            )
        if self.threads != other.threads:
            reasons.append(f"it was measured with {self.threads} threads, {other.threads} are asked for")
        if self.torch.split(".")[0] != other.torch.split(".")[0]:
            reasons.append(f"it was measured with torch {self.torch}, here is {other.torch}")
        return reasons

    def to_dict(self) -> dict[str, Any]:
        """Return the device as JSON-able data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Device:
        """Read what `to_dict` returned; ValueError saying what is wrong."""
        if not isinstance(data, dict):
            raise ValueError(f"device must be an object, got {shown(data)}")
        expect_keys("device", data, {"kind", "name", "threads", "torch"})
        for name in ("kind", "name", "torch"):
            if not isinstance(data[name], str) or not data[name]:
                raise ValueError(f"device: {name} must be a text, got {shown(data[name])}")
        if data["kind"] not in KINDS:
            raise ValueError(f"device: kind must be one of {', '.join(KINDS)}, got {shown(data['kind'])}")
        if type(data["threads"]) is not int or not 1 <= data["threads"] <= 2**16:
            raise ValueError(f"device: threads must be from 1 to 65536, got {shown(data['threads'])}")
        return cls(**data)


def this_device(kind: str = "cpu", threads: int = 1) -> Device:
    """Describe this machine's CPU, or its current GPU; only for a GPU is torch imported.

    Raises CambrianError where there is no such device or no torch, ValueError for another kind.

    >>> this_device("cpu", threads=1).name
    """
    place = kind.split(":")[0]
    if place not in KINDS:
        raise ValueError(f"device must be cpu or cuda (cuda:1, …), got {kind!r}")
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise CambrianError(
            "times are those of torch, which is not installed; run: pip install 'cambrian[train]'"
        ) from None
    name = cpu_name() if place == "cpu" else _gpu_name(kind)
    return Device(place, name, threads, version)


def _gpu_name(kind: str) -> str:
    import torch

    if not torch.cuda.is_available():
        raise CambrianError(f"device {kind!r}: torch {torch.__version__} sees no CUDA device here")
    return str(torch.cuda.get_device_name(torch.device(kind)))


def cpu_name(info: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the processor as the system tells it."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return (names and names[0]) or platform.processor() or platform.machine() or "unknown"
