"""Image folders, and data sets of torchvision and Hugging Face as they lie on a disk."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

import cambrian as cb
from cambrian.errors import MissingExtraError

RNG = np.random.default_rng(0)


def draw(path: Path, shape: tuple[int, ...] = (9, 12, 3)) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 255, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def folder(root: Path, n: int = 8, shape: tuple[int, ...] = (9, 12, 3)) -> Path:
    for kind in ("rose", "daisy"):
        for k in range(n):
            draw(root / kind / f"{k}.png", shape)
    return root


def test_a_folder_a_class(tmp_path: Path) -> None:
    root = folder(tmp_path / "flowers")
    (root / "rose" / "notes.txt").write_text("no image")
    (root / ".cache").mkdir()
    task = cb.Task.images(root, size=(9, 12))
    assert (task.name, task.classes, task.input_shape) == ("flowers", ("daisy", "rose"), (3, 9, 12))
    assert task.augment == ("shift", "flip")
    files = [root / kind / f"{k}.png" for kind in ("daisy", "rose") for k in range(8)]
    pixels = np.stack([np.moveaxis(np.asarray(Image.open(f)), -1, 0) for f in files])
    labels = np.repeat(["daisy", "rose"], 8)
    assert task.fingerprint == cb.Task(pixels, labels, augment=["shift", "flip"]).fingerprint
    small = cb.Task.images(root, size=4, augment=[])
    assert (small.input_shape, small.augment) == ((3, 4, 4), ())


def test_grey_turned_and_deep_images(tmp_path: Path) -> None:
    root = folder(tmp_path / "grey", shape=(6, 6))
    assert cb.Task.images(root, size=6).input_shape == (1, 6, 6)
    assert cb.Task.images(root, size=6, colour=True).input_shape == (3, 6, 6)
    draw(root / "rose" / "9.jpg", (6, 6, 3))
    assert cb.Task.images(root, size=6).input_shape == (3, 6, 6)
    deep = np.linspace(0, 65535, 36).reshape(6, 6).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    from cambrian.evaluate.task.images import read_image

    np.testing.assert_array_equal(read_image(tmp_path / "deep.png", (6, 6), True)[0], deep >> 8)
    turned = Image.fromarray(RNG.integers(0, 255, (4, 8, 3), dtype=np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned right by a quarter
    turned.save(tmp_path / "turned.png", exif=exif)
    found = read_image(tmp_path / "turned.png", (8, 4), False)
    np.testing.assert_array_equal(np.moveaxis(found, 0, -1), np.rot90(np.asarray(turned), -1))


def test_parts_as_folders(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        folder(tmp_path / part, n=3 if part != "train" else 5)
    assert cb.Task.images(tmp_path, size=4).sizes == {"train": 10, "validation": 6, "test": 6}


def test_folders_that_can_t_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder of images at"):
        cb.Task.images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="must hold a folder of images for each class, but has no folders"):
        cb.Task.images(tmp_path)
    root = folder(tmp_path / "flowers")
    with pytest.raises(ValueError, match="size must be the side"):
        cb.Task.images(root, size=0)
    broken = root / "rose" / "3.png"
    whole = broken.read_bytes()
    for content in (b"", b"not an image", whole[: len(whole) // 2], whole[:200] + bytes(50) + whole[250:]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"image .*rose/3\.png can't be read: .*mend it or take it away"):
            cb.Task.images(root)
    broken.write_bytes(whole)
    (root / "tulip").mkdir()
    with pytest.raises(ValueError, match="tulip must hold images"):
        cb.Task.images(root)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[images\]'"):
        cb.Task.images(root)


class Pictures:
    """As torchvision's data sets are: samples by number, parts by `train`, and the data in a folder."""

    classes = ("cat - a", "dog - b")

    def __init__(self, root: str, train: bool = True, transform: Any = None, download: bool = False) -> None:
        self.file = Path(root) / ("train.npy" if train else "test.npy")
        if download:
            np.save(self.file, RNG.integers(0, 255, (20 if train else 8, 5, 6, 3), dtype=np.uint8))
        if not self.file.exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data = np.load(self.file)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, k: int) -> Any:
        return Image.fromarray(self.data[k]), k % 2


class Boxes(Pictures):
    """Samples that are no image and class."""

    def __getitem__(self, k: int) -> Any:
        return Image.fromarray(self.data[k]), {"boxes": []}


class Streets:
    """Has no training and test samples."""

    def __init__(self, root: str) -> None:
        self.root = root


@pytest.fixture
def vision(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in the place of torchvision, whose wheels need the torch they were built with."""
    fake = types.ModuleType("torchvision.datasets")
    fake.__dict__.update(
        __all__=("Pictures", "Boxes", "Streets"), Pictures=Pictures, Boxes=Boxes, Streets=Streets
    )
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", fake)


@pytest.mark.usefixtures("vision")
def test_data_sets_of_torchvision(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="download=True fetches it"):
        cb.Task.torchvision("Pictures", tmp_path)
    task = cb.Task.torchvision("Pictures", tmp_path, download=True)
    assert (task.name, task.classes, task.input_shape) == ("pictures", Pictures.classes, (3, 5, 6))
    assert task.sizes["test"] == 8
    assert 4 <= task.sizes["validation"] <= 6
    pixels = np.moveaxis(np.load(tmp_path / "test.npy"), -1, 1)
    mean, scale = (task.prepare(np.full((1, 3, 5, 6), v))[0, :, 0, 0] for v in (0.0, 1.0))
    raw = (task.test_arrays()[0] - mean[:, None, None]) / (scale - mean)[:, None, None]
    np.testing.assert_allclose(np.sort(raw[:, 0, 0, 0]), np.sort(pixels[:, 0, 0, 0]), atol=1e-3)
    assert cb.Task.torchvision("Pictures", tmp_path, size=4, limit=12).sizes["test"] == 3
    with pytest.raises(
        ValueError, match="unknown data set of torchvision 'Picture'; did you mean 'Pictures'"
    ):
        cb.Task.torchvision("Picture", tmp_path)
    with pytest.raises(ValueError, match="must be an image and its class"):
        cb.Task.torchvision("Boxes", tmp_path)
    with pytest.raises(ValueError, match="Streets has no training and test samples"):
        cb.Task.torchvision("Streets", tmp_path)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for load in (cb.Task.torchvision, cb.Task.huggingface):
        with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[hub\]'"):
            load("CIFAR10")


def test_images_of_hugging_face(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 255, (24, 5, 6), dtype=np.uint8)
    labels = np.arange(24) % 3
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])}
    )
    rows = {"image": [Image.fromarray(p) for p in pixels], "label": labels.tolist()}
    whole = datasets.Dataset.from_dict(rows, features=features)
    parts = datasets.DatasetDict({"train": whole.select(range(18)), "test": whole.select(range(18, 24))})
    parts.save_to_disk(tmp_path / "pictures")
    task = cb.Task.huggingface(tmp_path / "pictures", size=(5, 6), augment=[])
    assert (task.name, task.classes, task.input_shape) == ("pictures", ("a", "b", "c"), (1, 5, 6))
    names = np.array(["a", "b", "c"])[labels]
    split = ["train"] * 18 + ["test"] * 6
    like = cb.Task(pixels[:, None], names, split=split, augment=[])
    assert task.fingerprint == like.fingerprint
    whole.save_to_disk(tmp_path / "whole")
    alone = cb.Task.huggingface(tmp_path / "whole", size=(5, 6), limit=18)
    assert sum(alone.sizes.values()) == 18


def test_text_and_tables_of_hugging_face(tmp_path: Path) -> None:
    texts = ["so good"] * 10 + ["oh no"] * 10
    data = datasets.Dataset.from_dict(
        {"text": texts, "stars": [0.5 + k for k in range(20)], "label": [0, 1] * 10}
    )
    data.save_to_disk(tmp_path / "words")
    task = cb.Task.huggingface(tmp_path / "words", inputs="text", length=8)
    assert (task.vocab, task.input_shape, task.outputs) == (257, (8,), 2)
    rows = {bytes(int(v) - 1 for v in row if v).decode() for row in task.arrays("train")[0]}
    assert rows == {"so good", "oh no"}
    table = cb.Task.huggingface(tmp_path / "words")
    assert table.input_shape == (3,)
    assert (
        cb.Task.huggingface(tmp_path / "words", target="stars", inputs=["text", "label"]).kind == "regression"
    )
    with pytest.raises(ValueError, match="unknown column 'star'; did you mean 'stars'"):
        cb.Task.huggingface(tmp_path / "words", target="star")
    data.rename_column("label", "mood").save_to_disk(tmp_path / "moods")
    with pytest.raises(ValueError, match="say which column is to be predicted"):
        cb.Task.huggingface(tmp_path / "moods")
    data.to_parquet(tmp_path / "hub" / "words.parquet")
    by_name = cb.Task.huggingface(tmp_path / "hub", inputs="text", length=8)
    assert by_name.fingerprint == task.fingerprint
