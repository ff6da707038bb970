"""Genes a second: whole generations and single operators against other libraries, NumPy and their bounds.

    pip install deap pygad pymoo pygmo torch      # a library that is missing is reported as such
    python benchmarks/operators.py
    python benchmarks/operators.py --only generation,large
    python benchmarks/operators.py --quick        # small populations, few rounds: does it run?
    python benchmarks/plot.py                     # plot and Markdown table from results/operators.json

One process, one thread unless said; the tasks of a section run in turns, and ratios are taken round by round.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and torch are imported

import argparse
import time

from common import load, save
from generation import generation, large
from memory import memory
from parts import operators
from structure import structure
from timing import Clock, keep_memory

SECTIONS = {
    "generation": generation,
    "large": large,
    "operators": operators,
    "structure": structure,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", help=f"sections, with commas: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small and few; writes no results")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="count processor time: for a machine in use; not for section large, where threads count",
    )
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(SECTIONS)
    for name in names:
        if name not in SECTIONS:
            parser.error(f"unknown section {name!r}; there are {', '.join(SECTIONS)}")
    if not keep_memory():
        print("Freed memory goes back to the system here, which slows tasks with large temporaries")
    timer = time.process_time if arguments.cpu_time else time.perf_counter
    clock = Clock(3, 0.002, timer) if arguments.quick else Clock(15, 0.02, timer)
    results = {} if arguments.quick else load("operators")
    for name in names:
        start = time.perf_counter()
        results[name] = SECTIONS[name](clock, arguments.quick)
        print(f"({name}: {time.perf_counter() - start:.0f} s)")
    if not arguments.quick:
        save("operators", results)


if __name__ == "__main__":
    main()
