"""Joules, where a device counts them: GPUs through NVML, processors through Linux' powercap (RAPL)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

from cambrian.errors import CambrianError, require

POWERCAP = Path("/sys/class/powercap")


class NoMeterError(CambrianError):
    """This device doesn't report its energy, or not to this user."""


class Meter(Protocol):
    """A counter of energy."""

    def read(self) -> float:
        """Return the joules used since the meter was made."""


class PackageMeter:
    """The energy of all processor packages, whoever uses them, by RAPL's counters (Intel; AMD since Zen).

    Raises NoMeterError where the system has none or does not let this user read them.
    """

    def __init__(self, root: Path | None = None) -> None:
        root = POWERCAP if root is None else root
        domains = sorted(path for path in root.glob("*") if re.fullmatch(r"intel-rapl:\d+", path.name))
        try:
            self._domains = [
                (path / "energy_uj", int((path / "max_energy_range_uj").read_text()))
                for path in domains
                if (path / "name").read_text().startswith("package")
            ]
            self._last = [int(path.read_text()) for path, _ in self._domains]
        except (OSError, ValueError) as error:
            raise NoMeterError(
                f"energy: the processor's counters under {root} can't be read ({error}); let this user read "
                "energy_uj, or leave energy out"
            ) from None
        if not self._domains:
            raise NoMeterError(
                f"energy: this machine reports no processor energy (no intel-rapl package under {root}); "
                "leave energy out, or measure on a device that reports it"
            )
        self._used = 0

    def read(self) -> float:
        """Return the joules used since the meter was made; read it before a counter starts over twice."""
        for i, (path, largest) in enumerate(self._domains):
            now = int(path.read_text())
            self._used += now - self._last[i] if now >= self._last[i] else now + largest - self._last[i]
            self._last[i] = now
        return self._used / 1e6


class GpuMeter:
    """The energy of one NVIDIA GPU by NVML's counter (Volta and newer).

    `uuid` as torch tells it. Raises NoMeterError where NVML or the counter is missing, MissingExtraError
    without nvidia-ml-py.
    """

    def __init__(self, uuid: str) -> None:
        self._nvml: Any = require("pynvml", "energy", "measuring the energy of a GPU")
        try:
            self._nvml.nvmlInit()
            self._handle = self._nvml.nvmlDeviceGetHandleByUUID("GPU-" + uuid.removeprefix("GPU-"))
            self._first = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except self._nvml.NVMLError as error:
            raise NoMeterError(
                f"energy: the GPU doesn't report its energy ({error}); leave energy out"
            ) from None

    def read(self) -> float:
        """Return the joules used since the meter was made."""
        used: int = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) - self._first
        return used / 1e3


def meter_of(device: str) -> Meter:
    """Return the meter of a device ("cpu", "cuda:0"); raises as the meters do.

    >>> meter_of("cpu").read()
    """
    if not device.startswith("cuda"):
        return PackageMeter()
    import torch

    return GpuMeter(str(torch.cuda.get_device_properties(torch.device(device)).uuid))
