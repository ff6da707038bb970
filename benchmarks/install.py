"""From a fresh clone to a working import, and what importing costs.

    python benchmarks/install.py

Clones this repository, makes a virtual environment and times `pip install .` in it (isolated build, no
torch); then times `import cambrian` against `import numpy` in alternating processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import save, spread

ROOT = Path(__file__).parent.parent


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone, venv = Path(folder, "clone"), Path(folder, "venv")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        python = str(venv / "bin" / "python")
        install = seconds([python, "-m", "pip", "install", "--quiet", str(clone)])
        install += seconds(
            [python, "-c", "import cambrian; cambrian.Space.plain(genes=4, choices=2).sample(3)"]
        )
        numpy, cambrian = [], []
        for _ in range(21):
            numpy.append(seconds([python, "-c", "import numpy"]))
            cambrian.append(seconds([python, "-c", "import numpy, cambrian"]))
        extra = [b - a for a, b in zip(numpy, cambrian, strict=True)]
    print(f"install to working import {install:.1f} s; import: {spread(extra)['median']:.3f} s over numpy")
    save("install", {"install_seconds": install, "import_over_numpy_seconds": spread(extra)})


if __name__ == "__main__":
    main()
