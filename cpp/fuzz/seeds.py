"""Inputs for the fuzz targets: python cpp/fuzz/seeds.py FOLDER makes FOLDER/layout and FOLDER/decode."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import cambrian as cb

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from core.networks import convolutional
from layouts import LAYOUTS

MOST = 6_000  # words: larger layouts are read and changed too slowly to be of use


def families() -> dict[str, cb.Space]:
    """Every family, on the first of some inputs that it works on."""
    found = {}
    for name in cb.spaces.FAMILIES:
        for shape in ((1, 8, 8), (6, 5), (12,)):
            try:
                found[name] = cb.spaces.make(name, shape, 4)
            except (ValueError, TypeError):
                continue
            break
    return found


folder = Path(sys.argv[1])
spaces = families()
layouts = {
    **{name: make().layout() for name, make in LAYOUTS.items()},
    "convolutional": convolutional(2, (3, 9, 9)).layout(),
    **{name: space.layout for name, space in spaces.items()},
}
for name in ("layout", "decode"):
    (folder / name).mkdir(parents=True, exist_ok=True)
for name, layout in layouts.items():
    if layout.words.size > MOST:
        continue
    (folder / "layout" / name).write_bytes(layout.words.tobytes())
    if name in spaces:
        genes = spaces[name].sample(3, seed=0).astype(np.uint16).ravel()
        genes = np.concatenate([genes, np.zeros(-len(genes) % 4, np.uint16)])
        head = np.array([layout.words.size], dtype=np.int64)
        (folder / "decode" / name).write_bytes(head.tobytes() + layout.words.tobytes() + genes.tobytes())
sizes = ", ".join(f"{name} {layout.words.size}" for name, layout in layouts.items())
print(f"layouts (words): {sizes}; those of at most {MOST} are in {folder}")
