"""Damages valid text, for the tests of what reads files: the same for the same draws."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# What may stand where a value stood: numbers out of every range, other types, names that try to be paths.
SOUND = (
    "0", "-1", "1", "2", "3", "7", "-0", "1.5", "1e999", "-1e400", "65537", "1000000000", "2147483647",
    "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 400,
    "1e-400", "null", "true", "false", '""', '"\\ud800"', '"../../etc/passwd"', '"a\\u0000b"', '"__class__"',
    '"relu"', '"gene"', '"x"', '"' + "x" * 3000 + '"', "[]", "{}", "[[]]", "[" * 60 + "]" * 60,
    '{"a":' * 40 + "1" + "}" * 40, "[0,0,0,0,0]", "[1]", "[-1]", '{"op":"add"}', '{"none":true}',
)  # fmt: skip
BROKEN = (
    "NaN", "Infinity", "-Infinity", "9" * 5000, "[" * 3000, '{"a":' * 200, '{"a":1,"a":2}', "01", "+1", "'x'",
    "1_000", "0x10", "\x00", "\ufeff", "//", "1979-05-27", "nan", "inf",
)  # fmt: skip
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|[\[\]{},:=]')


def outcome(read: Callable[[Any], Any], what: Any) -> tuple[str, Any]:
    """What reading gives: ("", the result), or (why it was refused, None); other errors come through."""
    try:
        return "", read(what)
    except ValueError as error:
        return str(error) or "refused without a word", None


@st.composite
def damaged(draw: Any, texts: tuple[str, ...]) -> str:
    """One of the texts after one to three changes: tokens replaced, left out, doubled or swapped; cut off."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 3))):
        text = _change(draw, text)
    return text


def _change(draw: Any, text: str) -> str:
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    if not tokens:
        return text + draw(st.sampled_from(SOUND))
    start, end = tokens[draw(st.integers(0, len(tokens) - 1))]
    kind = draw(st.integers(5, 9) if text[start] in "[]{},:=" else st.integers(0, 6))
    if kind <= 4:
        return (
            text[:start]
            + draw(st.sampled_from(BROKEN if draw(st.integers(0, 9)) == 0 else SOUND))
            + text[end:]
        )
    other, last = tokens[draw(st.integers(0, len(tokens) - 1))]
    if kind == 5:
        return text[:start] + text[end:]
    if kind == 6:  # what stands somewhere else in the same text
        return text[:start] + text[other:last] + text[end:]
    if kind == 7:  # a stretch again, or left out
        low, high = min(start, other), max(end, last)
        return text[:high] + text[low:] if draw(st.booleans()) else text[:low] + text[high:]
    if kind == 8:
        return text[:end]
    return text[:start] + draw(st.text(max_size=3)) + text[start:]
