"""Dropout's draws in the core against the same arithmetic in Python's integers."""

from __future__ import annotations

import numpy as np
import pytest

from cambrian import _core

WORD = 2**32 - 1


def slow_word(key: int, place: int) -> int:
    x = (place * 0x9E3779B1 + (key & WORD)) & WORD
    for addend in (0, key >> 32):
        x = (x + addend) & WORD
        x ^= x >> 16
        x = x * 0x7FEB352D & WORD
        x ^= x >> 15
        x = x * 0x846CA68B & WORD
        x ^= x >> 16
    return x


@pytest.mark.parametrize("key", [0, 1, 2**64 - 1, 0x0123456789ABCDEF])
@pytest.mark.parametrize("p", [0, 1, 250_000, 500_000, 999_999])
def test_keep_is_its_formula(key: int, p: int) -> None:
    wanted = [slow_word(key, i) >= (p << 32) // 10**6 for i in range(300)]
    assert _core.keep(key, 300, p).tolist() == wanted


def test_keep_drops_its_part_whatever_the_place() -> None:
    kept = np.stack([_core.keep(key, 1000, 300_000) for key in range(2000)])
    assert abs(kept.mean() - 0.7) < 0.002
    assert np.abs(kept.mean(0) - 0.7).max() < 0.06  # five deviations
    assert np.abs(np.corrcoef(kept[:, :50].T) - np.eye(50)).max() < 0.12


@pytest.mark.parametrize("bad", [(-1, 4, 0), (2**64, 4, 0), (0, -1, 0), (0, 4, 10**6), (0, 4, -1)])
def test_keep_refuses_what_is_out_of_range(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"key|n:|p_millionths"):
        _core.keep(*bad)


@pytest.mark.parametrize("bad", [(0.5, 4, 0), (0, True, 0), (0, 4, "1")])
def test_keep_refuses_other_types(bad: tuple[object, object, object]) -> None:
    with pytest.raises(TypeError):
        _core.keep(*bad)  # type: ignore[arg-type]
