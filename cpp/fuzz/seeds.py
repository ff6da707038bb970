"""Writes layouts of many kinds as inputs for the fuzz target: python cpp/fuzz/seeds.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import cambrian as cb

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from core.networks import convolutional
from layouts import LAYOUTS

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
layouts = {
    **{name: make().layout() for name, make in LAYOUTS.items()},
    "convolutional": convolutional(2, (3, 9, 9)).layout(),
    "mlp": cb.spaces.mlp(input=(16,), outputs=4).layout,
    "convnet": cb.spaces.convnet(input=(1, 8, 8), outputs=10).layout,
}
for name, layout in layouts.items():
    (folder / f"layout-{name}").write_bytes(layout.words.tobytes())
print(f"wrote {len(layouts)} layouts to {folder}")
