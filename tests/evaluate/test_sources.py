"""Where samples come from: torch data sets and loaders, tables, and what is refused of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

import cambrian as cb
from cambrian.errors import MissingExtraError

RNG = np.random.default_rng(0)
N = 90
X = RNG.normal(size=(N, 5)).astype(np.float32)
LABELS = np.arange(N) % 3
PLAIN = cb.Task(X, LABELS)
PAIRS = TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))


class Listed(Dataset[Any]):
    """Whatever samples a test wants."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, k: int) -> Any:
        return self.samples[k]


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([(x, int(y)) for x, y in zip(X, LABELS, strict=True)])


def collated(samples: list[Any]) -> Any:
    return torch.stack([x for x, _ in samples]), [int(y) for _, y in samples]


class Noisy(Listed):
    def __getitem__(self, k: int) -> Any:
        x, y = self.samples[k]
        return x + RNG.normal(size=x.shape), y


@pytest.mark.parametrize(
    "source",
    [
        PAIRS,
        Listed([(x, int(y)) for x, y in zip(X, LABELS, strict=True)]),
        Listed([[torch.from_numpy(x), torch.tensor(y)] for x, y in zip(X, LABELS, strict=True)]),
        Listed([(x, torch.tensor([y])) for x, y in zip(X, LABELS, strict=True)]),
        Streamed(),
        DataLoader(PAIRS, batch_size=7),
        DataLoader(PAIRS, batch_size=16, shuffle=True, drop_last=True),
        DataLoader(PAIRS, batch_size=4, collate_fn=collated),
        DataLoader(Streamed(), batch_size=8),
        DataLoader(Listed([(X[:50], LABELS[:50]), (X[50:], LABELS[50:])]), batch_size=None),
    ],
    ids=range(10),
)  # fmt: skip
def test_data_sets_and_loaders_are_read_once_and_in_order(source: Any) -> None:
    assert cb.Task(source).fingerprint == PLAIN.fingerprint


def test_a_loader_of_some_samples() -> None:
    some = list(range(0, N, 2))
    task = cb.Task(DataLoader(PAIRS, batch_size=8, sampler=SubsetRandomSampler(some)))
    assert task.fingerprint == cb.Task(X[some], LABELS[some]).fingerprint


def test_images_of_a_data_set() -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 255, (N, 6, 4, 3), dtype=np.uint8)
    task = cb.Task(Listed([(image.fromarray(p), int(y)) for p, y in zip(pixels, LABELS, strict=True)]))
    assert task.fingerprint == cb.Task(np.moveaxis(pixels, -1, 1), LABELS).fingerprint


BAD_SETS: list[tuple[Any, str]] = [
    (Noisy(list(zip(X, LABELS, strict=True))), "the data set changes: its sample 0 .* augment="),
    (DataLoader(Noisy(list(zip(X, LABELS, strict=True))), batch_size=8), "the data set changes"),
    (Listed([]), "the data set is empty"),
    (Listed([(X[0], 1)]), "at least 6 samples .* got 1"),
    (Listed([(x[: 3 + k // 80], 1) for k, x in enumerate(X)]), r"sample 80 has \(4,\) and sample 0 \(3,\)"),
    (Listed(list(X)), "must be a pair .input, target., got ndarray"),
    (Listed([(x, 1, 2) for x in X]), "must be a pair .input, target., got 3 values"),
]


@pytest.mark.parametrize(("source", "text"), BAD_SETS, ids=[text[:30] for _, text in BAD_SETS])
def test_bad_data_sets_are_refused(source: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task(source)


def test_targets_are_asked_for_once() -> None:
    with pytest.raises(ValueError, match="y must be left out"):
        cb.Task(PAIRS, LABELS)
    with pytest.raises(ValueError, match="y must be an array of targets"):
        cb.Task(X)


def frame(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "size": rng.normal(10, 3, n),
            "count": rng.integers(0, 9, n),
            "town": rng.choice(["Oslo", "Rome", "Bern"], n),
            "open": rng.random(n) < 0.5,
            "when": pd.date_range("2024-01-01", periods=n, freq="D"),
            "kind": np.where(np.arange(n) % 3 == 0, "big", "small"),
        }
    )
    table.loc[4:20, "size"] = np.nan
    table.loc[10:30, "town"] = None
    return table


def of_training(task: cb.Task, table: pd.DataFrame) -> np.ndarray:
    """Which rows were trained on, told by their dates."""
    inputs = task.arrays("train")[0]
    rows = task.prepare(table)
    return np.array([(np.abs(inputs - row).max(1) < 1e-6).any() for row in rows])


def test_columns_of_all_sorts_become_features() -> None:
    table = frame()
    task = cb.Task(table, "kind")
    assert task.classes == ("big", "small")
    # size and that it lacks; count; three towns and none; open; when
    assert task.input_shape == (2 + 1 + 4 + 1 + 1,)
    trained = of_training(task, table)
    assert trained.sum() == task.sizes["train"]
    size = table["size"].to_numpy()
    median = np.nanmedian(size[trained])
    filled = np.where(np.isnan(size), median, size)
    features = task.prepare(table)
    mean, scale = filled[trained].mean(), filled[trained].std()
    np.testing.assert_allclose(features[:, 0], (filled - mean) / scale, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(features[:, 1], np.isnan(size))
    for column, town in enumerate(("Bern", "Oslo", "Rome")):
        np.testing.assert_array_equal(features[:, 3 + column], table["town"] == town)
    np.testing.assert_array_equal(features[:, 6], table["town"].isna())
    days = (table["when"] - pd.Timestamp("1970-01-01")).dt.days.to_numpy()
    np.testing.assert_allclose(
        features[:, 8], (days - days[trained].mean()) / days[trained].std(), rtol=1e-4, atol=1e-4
    )


def test_a_table_as_a_file_is_the_same_task(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "t.parquet")
    tasks = [cb.Task.table(tmp_path / name, target="kind") for name in ("t.csv", "t.tsv", "t.parquet")]
    tasks.append(cb.Task.table(table, "kind"))
    assert len({task.fingerprint for task in tasks}) == 1
    assert tasks[0].name == "t"
    read = pd.read_csv(tmp_path / "t.csv").iloc[::-1]
    np.testing.assert_array_equal(tasks[0].prepare(read), tasks[3].prepare(table.iloc[::-1]))


def test_what_training_has_not_seen_is_like_what_is_rare() -> None:
    table = frame()
    table.loc[0:1, "town"] = ["Ulm", "Ulm"]
    task = cb.Task(table, "kind")
    assert task.input_shape == (10,)
    new = table.tail(3).assign(town=["Paris", "Ulm", None], size=np.nan)
    features = task.prepare(new)
    np.testing.assert_array_equal(features[:, 3:8], [[0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
    assert np.isfinite(features).all()


def test_columns_that_say_nothing_are_left_out() -> None:
    table = frame().assign(name=[f"n{i}" for i in range(N)], one=1, none=np.nan)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        task = cb.Task.table(table, "kind")
    assert [str(w.message) for w in warned] == list(task.notes)
    assert task.notes[0] == "column 'name' was left out: its 90 words are all rare (an identifier?)"
    assert [note.split("'")[1] for note in task.notes] == ["name", "one", "none"]
    assert task.input_shape == cb.Task(frame(), "kind").input_shape
    assert task.prepare(frame()).shape == (N, 9)
    with pytest.raises(ValueError, match=r"all are left out \('one': it is constant\)"):
        cb.Task(table[["one", "kind"]], "kind")


def test_pandas_own_types_and_folds_of_a_table() -> None:
    table = frame()
    own = table.convert_dtypes().assign(town=table["town"].astype("category"))
    own["count"] = own["count"].astype("Int64")
    assert cb.Task(own, "kind").fingerprint == cb.Task(table, "kind").fingerprint
    folded = cb.Task(table, "kind", folds=3)
    assert {folded.fold(k).arrays("train")[0].shape[1] for k in range(3)} == {9}
    for k in range(3):
        np.testing.assert_allclose(folded.fold(k).arrays("train")[0][:, 0].mean(), 0, atol=1e-5)
    two = cb.Task.table(table.assign(a=np.arange(N) % 2, b=np.arange(N) % 3 == 0), ["a", "b"], drop=["kind"])
    assert (two.kind, two.classes) == ("multilabel", ("a", "b"))
    numbers = cb.Task.table(table, ["count", "when"][:1], drop=["kind"], kind="regression")
    assert numbers.kind == "regression"
    by = cb.Task.table(table, "kind", time="when", drop=["open"])
    assert by.input_shape == (7,)


def test_a_csv_file_to_a_trained_network_in_four_lines(tmp_path: Path) -> None:
    frame(150).to_csv(tmp_path / "shops.csv", index=False)
    task = cb.Task.table(tmp_path / "shops.csv", target="kind")
    run = cb.search("mlp", task=task, budget=2, strategy="random", epochs=2, workers=0, device="cpu")
    assert run.best is not None
    folder = run.best.save(tmp_path / "best")
    assert (folder / "weights.safetensors").exists()


BAD: list[tuple[Any, str, dict[str, Any], str]] = [
    (frame(), "knd", {}, "unknown column 'knd'; did you mean 'kind'"),
    (frame(), "kind", {"drop": ["sizes"]}, "unknown column 'sizes'; did you mean 'size'"),
    (frame(), "town", {}, "column 'town' must say .* 21 have no value, the first of them row 10"),
    (frame().assign(size=np.inf), "kind", {}, "column 'size' must be finite, got inf in row 0"),
    (
        frame().assign(size=[[1, 2]] * N),
        "kind",
        {},
        "column 'size' must hold numbers, dates or words, got list",
    ),
    (frame()[["kind"]], "kind", {}, "must have columns beside 'kind'"),
    (frame().head(2), "kind", {}, "at least 6 samples"),
    (frame().rename(columns={"open": "size"}), "kind", {}, "two are named 'size'"),
    ("a.xlsx", "kind", {}, "must end in one of .csv"),
]


@pytest.mark.parametrize(("table", "target", "options", "text"), BAD, ids=[text[:30] for *_, text in BAD])
def test_bad_tables_are_refused(table: Any, target: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task.table(table, target, **options)


def test_files_that_are_not_there_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="there is no table at"):
        cb.Task.table(tmp_path / "a.csv", "y")
    for name in ("a.csv", "a.parquet"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(ValueError, match="can't be read as a table"):
            cb.Task.table(tmp_path / name, "y")
    with pytest.raises(TypeError, match="must be a pandas DataFrame or the path"):
        cb.Task.table(3, "y")
    task = cb.Task(frame(), "kind")
    with pytest.raises(ValueError, match="X must be a pandas DataFrame"):
        task.prepare(np.zeros((2, 9)))
    with pytest.raises(ValueError, match="'town' is not there"):
        task.prepare(frame().drop(columns="town"))
    with pytest.raises(ValueError, match="column 'when' must hold dates"):
        task.prepare(frame().assign(when="soon"))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[data\]'"):
        cb.Task.table(tmp_path / "a.csv", "y")
