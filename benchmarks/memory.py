"""Section of operators.py: memory of a generation beyond parents, children and cost.

Run by itself, `python benchmarks/memory.py 10000000 1` makes one generation and prints what it took as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from timing import Clock, Result, table


def resident(field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process in bytes; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def measure(n: int, threads: int) -> dict[str, int]:
    """The peak during one generation, above what stood before it; the children's pages are touched before."""
    from generation import fused, population

    fused(*population(1_000), threads=threads)(0)
    genomes, cost, space = population(n)
    out = np.ones_like(genomes)
    task = fused(genomes, cost, space, threads=threads, out=out)
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to VmRSS
    before = resident("VmRSS")
    task(0)
    return {"before": before, "peak": resident("VmHWM"), "population": genomes.nbytes}


def memory(clock: Clock, quick: bool) -> Result:
    """10,000,000 x 64, each measurement in a process of its own."""
    del clock
    n = 1_000_000 if quick else 10_000_000
    if not Path("/proc/self/clear_refs").exists():
        print("\nMemory: not measured, as this system has no /proc/self/clear_refs")
        return {"not measured": "no /proc/self/clear_refs"}
    results: Result = {"genomes": n}
    rows = []
    for threads in (1, 2):
        command = [sys.executable, __file__, str(n), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout)
        found["beyond"] = found["peak"] - found["before"]
        found["share"] = found["beyond"] / found["population"]
        results[f"{threads} thread" + "s" * (threads > 1)] = found
        rows.append([str(threads), f"{found['beyond'] / 1e6:.1f} MB", f"{found['share']:.2%}"])
    table(
        f"Memory beyond parents, children and cost, {n:,} x 64", ["threads", "beyond", "of population"], rows
    )
    return results


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
