"""The main job, measured: `cambrian search digits` over several seeds, each with its own split.

    python benchmarks/digits.py --seeds 5

Runs the command as a user would, with `--json`, and collects what it prints: test accuracy and parameters
of the best and of the smallest network that comes close to it, and the time spent outside evaluation.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from common import save, spread


def one(seed: int, extra: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cambrian", "search", "digits", "--seed", str(seed), "--json"]
        start = time.perf_counter()
        done = subprocess.run([*command, *extra], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        document: dict[str, Any] = json.loads(done.stdout)
    finalists = {row["name"]: row for row in document["finalists"]}
    best = finalists["best"]
    small = finalists.get("smallest", best)
    return {
        "seed": seed,
        "seconds": time.perf_counter() - start,
        "evaluations": sum(
            n for status, n in document["counts"].items() if status not in ("cached", "rejected")
        ),
        "overhead_share": document["overhead"] / document["seconds"],
        "best_test": 100 * best["test"]["accuracy"],
        "best_params": best["params"],
        "small_test": 100 * small["test"]["accuracy"],
        "small_params": small["params"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    options, extra = parser.parse_known_args()
    rows = []
    for seed in range(options.seeds):
        rows.append(one(seed, extra))
        print(rows[-1], flush=True)
    names = [name for name in rows[0] if name != "seed"]
    save("digits", {"rows": rows, "spread": {name: spread([row[name] for row in rows]) for name in names}})


if __name__ == "__main__":
    main()
