"""Tables: columns of numbers, dates and words as the features of a network."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.arrays import Array

RAREST, SHARE, LEVELS = 3, 0.005, 64
"""A word has a feature of its own from 3 training samples on, or 0.5 % of them; at most 64 of a column do."""
_DAY = 86_400e9  # nanoseconds
_DATE = re.compile(r"\d{4}-\d\d-\d\d($|[T ]\d\d:\d\d)")


@dataclass(frozen=True)
class Column:
    """One column: its words, if it holds any, and what became of it.

    Raw values are float64: numbers, days since 1970, or places among `levels`; NaN where missing. `kept` are
    the words with features of their own, None for numbers; `other` and `missing` say whether there is a
    feature for all other words, and for absence.
    """

    name: str
    kind: str  # "number", "date" or "word"
    levels: tuple[Any, ...] = ()
    kept: tuple[int, ...] | None = None
    other: bool = False
    missing: bool = False
    dropped: str | None = None  # why

    @property
    def width(self) -> int:
        """How many features it becomes."""
        if self.dropped:
            return 0
        own = 1 if self.kept is None else len(self.kept)
        return own + self.other + self.missing

    def fitted(self, values: NDArray[np.float64]) -> Column:
        """Decide by training values what becomes of the column."""
        there = values[~np.isnan(values)]
        missing = len(there) < len(values)
        if not len(there):
            return replace(self, dropped="it is empty")
        if there.min() == there.max() and not missing:
            return replace(self, dropped="it is constant")
        if self.kind != "word":
            return replace(self, missing=missing)
        counts = np.bincount(there.astype(np.int64), minlength=len(self.levels))
        enough = max(RAREST, math.ceil(SHARE * len(values)))
        often = [int(k) for k in np.argsort(-counts, kind="stable")[:LEVELS] if counts[k] >= enough]
        if not often:
            return replace(self, dropped=f"its {len(self.levels)} words are all rare (an identifier?)")
        other = counts.sum() > counts[often].sum() or len(often) < len(self.levels)
        return replace(self, kept=tuple(sorted(often)), other=bool(other), missing=missing)

    def features(self, values: NDArray[np.float64], median: float) -> Iterator[NDArray[np.float64]]:
        """Yield the features (n,) of raw values."""
        absent = np.isnan(values)
        if self.kept is None:
            yield np.where(absent, median, values)
        else:
            yield from ((values == level).astype(np.float64) for level in self.kept)
            if self.other:
                # without a feature for absence, what is absent is as unknown as an unknown word
                rest = ~np.isin(values, self.kept) & ~(absent if self.missing else np.zeros_like(absent))
                yield rest.astype(np.float64)
        if self.missing:
            yield absent.astype(np.float64)


@dataclass(frozen=True)
class Columns:
    """The columns of a table, fitted to training samples; see `Task.table`."""

    columns: tuple[Column, ...]
    medians: tuple[float, ...] = ()
    mean: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None

    @property
    def width(self) -> int:
        """How many features the table becomes."""
        return sum(column.width for column in self.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and why."""
        return tuple(f"column {c.name!r} was left out: {c.dropped}" for c in self.columns if c.dropped)

    def fitted(self, raw: NDArray[np.float64]) -> Columns:
        """Decide by the raw training values (n, columns) what becomes of each column."""
        columns = tuple(c.fitted(raw[:, k]) for k, c in enumerate(self.columns))
        if not any(c.width for c in columns):
            why = "; ".join(f"{c.name!r}: {c.dropped}" for c in columns[:4])
            raise ValueError(f"X must have a column that says something; all are left out ({why})")
        return replace(self, columns=columns).measured(raw)

    def measured(self, raw: NDArray[np.float64]) -> Columns:
        """Take medians, means and deviations of raw training values (n, columns), the features being fixed.

        Only numbers are standardised; features that are 0 or 1 stay so.
        """
        medians = []
        for values in raw.T:
            there = values[~np.isnan(values)]
            medians.append(float(np.median(there)) if len(there) else 0.0)
        plain = replace(self, medians=tuple(medians), mean=None, scale=None)
        features = plain._features(raw)
        numbers = np.array([k == 0 and c.kept is None for c in self.columns for k in range(c.width)])
        mean = np.where(numbers, features.mean(axis=0), 0.0)
        deviation = np.where(numbers, features.std(axis=0), 1.0)
        flat = deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        return replace(plain, mean=mean, scale=np.where(flat, 1.0, deviation))

    def encode(self, raw: Array) -> NDArray[np.float32]:
        """Return the features (n, width) of raw values (n, columns)."""
        features = self._features(raw)
        if self.mean is not None and self.scale is not None:
            features = (features - self.mean) / self.scale
        return np.ascontiguousarray(features, dtype=np.float32)

    def read(self, frame: Any) -> NDArray[np.float64]:
        """Return the raw values (n, columns) of a data frame with these columns, in any order.

        Words that were not there before are unknown ones. ValueError where a column is absent.
        """
        if not is_frame(frame):
            raise ValueError(
                f"X must be a pandas DataFrame, as the task was made of a table; got {type(frame).__name__}"
            )
        absent = [c.name for c in self.columns if not c.dropped and c.name not in names_of(frame)]
        if absent:
            raise ValueError(f"X must have the columns of the table; {absent[0]!r} is not there")
        raw = np.full((len(frame), len(self.columns)), np.nan)
        for k, column in enumerate(self.columns):
            if not column.dropped:
                series = frame.iloc[:, names_of(frame).index(column.name)]
                raw[:, k] = _raw(series, column)
        return raw

    def _features(self, raw: Array) -> NDArray[np.float64]:
        parts = [
            feature
            for k, column in enumerate(self.columns)
            if not column.dropped
            for feature in column.features(raw[:, k], self.medians[k])
        ]
        return np.stack(parts, axis=1)


def is_frame(value: Any) -> bool:
    """Whether a value is a pandas DataFrame, told without importing pandas."""
    return hasattr(value, "iloc") and hasattr(value, "columns")


def names_of(frame: Any) -> list[str]:
    """Return the names of a frame's columns, as strings."""
    return [str(name) for name in frame.columns]


def read_table(frame: Any) -> tuple[NDArray[np.float64], Columns]:
    """Return a data frame's raw values (n, columns) and its columns, not fitted to anything yet.

    Raises ValueError for columns of one name, and for values that no feature can be made of.
    """
    names = names_of(frame)
    twice = [name for name in names if names.count(name) > 1]
    if twice or not names:
        problem = f"two are named {twice[0]!r}" if twice else "it has none"
        raise ValueError(f"X must have columns with different names; {problem}")
    columns, raw = [], np.full((len(frame), len(names)), np.nan)
    for k, name in enumerate(names):
        series = frame.iloc[:, k]
        if _are_dates(series):
            columns.append(Column(name, "date"))
            raw[:, k] = _days(_stamps(series))
        elif _holds_words(series):
            levels = _levels(series)
            columns.append(Column(name, "word", levels))
            raw[:, k] = _words(series, levels)
        else:
            columns.append(Column(name, "date" if series.dtype.kind == "M" else "number"))
            raw[:, k] = _raw(series, columns[-1])
    return raw, Columns(tuple(columns))


def _holds_words(series: Any) -> bool:
    if hasattr(series.dtype, "categories"):
        return True
    if series.dtype.kind in "biufMm":
        return False
    return not all(isinstance(v, (int, float)) for v in series.dropna())


def _are_dates(series: Any) -> bool:
    """Whether a column of text holds dates as ISO 8601 writes them, and nothing else."""
    there = series.dropna()
    if not len(there) or not all(isinstance(v, str) and _DATE.match(v) for v in there):
        return False
    try:
        _stamps(series)
    except ValueError:
        return False
    return True


def _stamps(series: Any) -> Array:
    """Return dates, written or not, as datetime64; those of a time zone in UTC."""
    if series.dtype.kind == "M":
        zone = getattr(series.dt, "tz", None)
        return np.asarray((series if zone is None else series.dt.tz_convert(None)).to_numpy("datetime64[ns]"))
    gone = series.isna().to_numpy()
    texts = ["NaT" if absent else str(v) for v, absent in zip(series, gone, strict=True)]
    return np.array(texts, dtype="datetime64[ns]")


def _levels(series: Any) -> tuple[Any, ...]:
    there = series.dropna()
    odd = next((v for v in there if not isinstance(v, (str, bytes, bool, int, float, np.generic))), None)
    if odd is not None:
        raise ValueError(
            f"column {str(series.name)!r} must hold numbers, dates or words, got {type(odd).__name__}: "
            "make columns of its parts, or drop it"
        )
    return tuple(sorted({str(v) for v in there}))


def _words(series: Any, levels: tuple[Any, ...]) -> NDArray[np.float64]:
    """Return the places of words among the levels; -1 for words that are none of them."""
    place = {level: float(k) for k, level in enumerate(levels)}
    missing = series.isna().to_numpy()
    return np.array(
        [np.nan if gone else place.get(str(v), -1.0) for v, gone in zip(series, missing, strict=True)]
    )


def _raw(series: Any, column: Column) -> NDArray[np.float64]:
    """Return the raw values of new samples of a column."""
    if column.kind == "word":
        return _words(series, column.levels)
    if column.kind == "number":
        return _numbers(series)
    try:
        return _days(_stamps(series))
    except ValueError as error:
        raise ValueError(f"column {column.name!r} must hold dates, as in training: {error}") from None


def _days(stamps: Array) -> NDArray[np.float64]:
    return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / _DAY)


def _numbers(series: Any) -> NDArray[np.float64]:
    if series.dtype.kind == "m":
        return _days(series.to_numpy("timedelta64[ns]"))
    try:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {str(series.name)!r} must hold numbers: {error}") from None
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise ValueError(f"column {str(series.name)!r} must be finite, got {values[row]} in row {row}")
    return np.asarray(values, dtype=np.float64)
