"""Frames on the pipes between a coordinator and its workers: a length, then JSON."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from typing import Any

_HEADER = struct.Struct(">I")
_LIMIT = 64 * 2**20  # bytes; a longer frame is not one of ours
LIMIT = 32 * 2**20
"""Characters of the texts in a bundle, at most."""
_CHUNK = 2**16


class FrameError(ValueError):
    """The other side sent what is not a frame."""


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as a frame; TypeError or ValueError where it is not JSON-able."""
    return _frame(json.dumps(message))


def text_of(data: dict[str, Any]) -> str:
    """Return JSON text for a `bundle`; TypeError or ValueError where there is none, or it is too long."""
    text = json.dumps(data)
    if len(text) > LIMIT:
        raise ValueError(f"a job must have at most {LIMIT} characters as JSON, got {len(text)}")
    return text


def bundle(mode: str, jobs: Sequence[str]) -> bytes:
    """Return the frame ``{"mode": mode, "jobs": [...]}`` of jobs that are JSON text already."""
    return _frame(f'{{"mode": {json.dumps(mode)}, "jobs": [{", ".join(jobs)}]}}')


def _frame(text: str) -> bytes:
    body = text.encode()
    if len(body) > _LIMIT:
        raise ValueError(f"a message must have at most {_LIMIT} bytes, got {len(body)}")
    return _HEADER.pack(len(body)) + body


class Reader:
    """Puts frames together from the bytes of one pipe; ``ended`` says that no more will come."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self.ended = False

    def read(self) -> bool:
        """Read what is there; False at the end of the pipe or (non-blocking) when there is nothing more."""
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return False
        self._buffer += chunk
        self.ended = not chunk
        return bool(chunk)

    def take(self) -> dict[str, Any] | None:
        """Return the next whole message, or None; FrameError for what is no message."""
        if len(self._buffer) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._buffer)
        if length > _LIMIT:
            raise FrameError(f"a frame of {length} bytes")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FrameError(f"not JSON: {error}") from None
        if not isinstance(message, dict):
            raise FrameError(f"not an object: {type(message).__name__}")
        return message
