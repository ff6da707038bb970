"""Tasks of image folders: one folder a class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require

if TYPE_CHECKING:
    from cambrian.evaluate.task.task import Task

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_PARTS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def images(
    folder: str | os.PathLike[str],
    *,
    size: int | Sequence[int] = 32,
    colour: bool | None = None,
    **options: Any,
) -> Task:
    """Make a task of a folder of images: a folder in it for each class, named after it.

    Where it has folders `train` and `test` (and `val` or `validation`) instead, with the classes in them,
    they are the parts of the task. ``size`` is the side that images are scaled to, or (height, width).
    ``colour`` says whether they have three channels or one (default: three unless all are grey). ``options``
    are those of `Task`; without ``augment`` images are shifted and flipped in training. Needs Pillow.

    Raises ValueError for a folder without images, and naming the file for an image that can't be read.

    >>> task = cb.Task.images("flowers", size=32)
    >>> task.input_shape, task.classes
    ((3, 32, 32), ('daisy', 'rose'))
    """
    from cambrian.evaluate.task.task import Task

    require("PIL", "images", "reading images")
    sides = check_size(size)
    root = Path(folder).expanduser()
    files = list(_files(root))
    grey = not colour if colour is not None else all(_is_grey(path) for path, _, _ in files)
    pixels = np.stack([read_image(path, sides, grey) for path, _, _ in files])
    classes = sorted({label for _, label, _ in files})
    given: dict[str, Any] = {"name": root.name, "classes": classes, "augment": ["shift", "flip"], **options}
    if files[0][2] is not None:
        given.setdefault("split", [part for _, _, part in files])
    return Task(pixels, np.array([label for _, label, _ in files]), **given)


def check_size(size: Any) -> tuple[int, int]:
    """Return height and width; ValueError for what can't be."""
    sides = (size, size) if isinstance(size, (int, np.integer)) else tuple(size) if np.iterable(size) else ()
    if len(sides) != 2 or not all(isinstance(s, (int, np.integer)) and 1 <= s <= 4096 for s in sides):
        raise ValueError(f"size must be the side of images in pixels, or (height, width), got {size!r}")
    return int(sides[0]), int(sides[1])


def _files(root: Path) -> list[tuple[Path, str, str | None]]:
    """Return images with their classes and parts, in the order of their names."""
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder of images at {root}")
    folders = _folders(root)
    parted = {"train", "test"} <= {f.name.lower() for f in folders} <= set(_PARTS)
    found: list[tuple[Path, str, str | None]] = []
    for top in folders if parted else [root]:
        for kind in _folders(top):
            inside = sorted(p for p in kind.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
            part = _PARTS[top.name.lower()] if parted else None
            shown = [p for p in inside if not p.name.startswith(".")]
            if not shown:
                raise ValueError(f"{kind} must hold images ({', '.join(ENDINGS)}), but there are none")
            found += [(path, kind.name, part) for path in shown]
    if not found:
        raise ValueError(f"{root} must hold a folder of images for each class, but has no folders")
    return found


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _opened(path: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as file:
            image = Image.open(file)
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"image {path} can't be read: {error}; mend it or take it away") from error
    return image


def _is_grey(path: Path) -> bool:
    return _opened(path).mode in ("1", "L") or _opened(path).mode.startswith("I")


def read_image(path: Path, sides: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """Read an image file as bytes (channels, height, width), turned as its camera says."""
    return pixels_of(_opened(path), sides, grey)


def pixels_of(image: Any, sides: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """Scale a Pillow image to (height, width) and return its bytes (channels, height, width)."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip them
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    image = image.convert("L" if grey else "RGB")
    if image.size != (sides[1], sides[0]):
        image = image.resize((sides[1], sides[0]), Image.Resampling.BILINEAR)
    array = np.asarray(image, dtype=np.uint8)
    return array[None] if grey else np.ascontiguousarray(np.moveaxis(array, -1, 0))
