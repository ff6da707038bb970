"""What `import cambrian` costs on top of `import numpy`: python benchmarks/import_time.py [repeats]."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys

CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for module in ("numpy", "cambrian"):
        seconds(module)  # the first import reads files from disk and may compile them
    # Alternating, so that a busy moment of the machine falls on both.
    pairs = [(seconds("numpy"), seconds("cambrian")) for _ in range(repeats)]
    numpy = statistics.median(a for a, _ in pairs)
    cambrian = statistics.median(b for _, b in pairs)
    figures = {
        "numpy_s": round(numpy, 4),
        "cambrian_s": round(cambrian, 4),
        "difference_s": round(cambrian - numpy, 4),
        "ratio": round(cambrian / numpy, 3),
        "repeats": repeats,
        "python": platform.python_version(),
        "machine": platform.platform(),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
