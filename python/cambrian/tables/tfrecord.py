"""TFRecord files and the protobuf messages in them, read without TensorFlow or protobuf."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_BATCH = 4096  # records whose checksums are worked out side by side
_LARGEST = 1 << 26  # bytes of one record; more is a damaged length
_POLYNOMIAL = 0x82F63B78  # of CRC-32C (Castagnoli), bits reversed


def _table() -> NDArray[np.uint32]:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(_POLYNOMIAL), values >> 1)
    return values


_TABLE = _table()


def crc32c(messages: Sequence[bytes]) -> NDArray[np.uint32]:
    """CRC-32C of several messages at a time, (n,) uint32.

    >>> crc32c([b"123456789"])  # 0xE3069283
    array([3808858755], dtype=uint32)
    """
    lengths = np.array([len(message) for message in messages], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    width = int(lengths.max(initial=0))
    rows = np.zeros((width, len(messages)), dtype=np.uint8)
    for column, i in enumerate(order):
        rows[: lengths[i], column] = np.frombuffer(messages[i], dtype=np.uint8)
    state = np.full(len(messages), 0xFFFFFFFF, dtype=np.uint32)
    # How many of the messages, the longest first, still have a byte at each place.
    going = np.searchsorted(-lengths[order], -np.arange(width), side="left")
    for place in range(width):
        part = state[: going[place]]
        part[:] = _TABLE[(part ^ rows[place, : going[place]]) & np.uint32(0xFF)] ^ (part >> np.uint32(8))
    found = np.empty_like(state)
    found[order] = ~state
    return found


def masked(crc: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """What the format stores of a checksum, as a record may hold checksums itself."""
    turned: NDArray[np.uint32] = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    stored: NDArray[np.uint32] = turned + np.uint32(0xA282EAD8)
    return stored


def records(path: Path) -> Iterator[bytes]:
    """The records of a file, each checked against its checksums. Raises ValueError for a damaged file.

    >>> for record in records(Path("nasbench_only108.tfrecord")): json.loads(record)
    """
    with path.open("rb") as file:
        number = 0
        while batch := _read(file, path, number):
            lengths, bodies = zip(*((head[:8], body) for head, body in batch), strict=True)
            stored = np.array([struct.unpack("<I", head[8:]) for head, _ in batch], dtype=np.uint32)[:, 0]
            _check(path, number, stored, masked(crc32c(lengths)))
            data = [body[:-4] for body in bodies]
            stored = np.array([struct.unpack("<I", body[-4:]) for body in bodies], dtype=np.uint32)[:, 0]
            _check(path, number, stored, masked(crc32c(data)))
            yield from data
            number += len(batch)


def _read(file: BinaryIO, path: Path, number: int) -> list[tuple[bytes, bytes]]:
    """Up to a batch of records: length with its checksum, data with its own."""
    batch: list[tuple[bytes, bytes]] = []
    while len(batch) < _BATCH and (head := file.read(12)):
        where = f"{path}, record {number + len(batch)}"
        if len(head) < 12:
            raise ValueError(f"{where}: the file ends in the middle of it")
        (length,) = struct.unpack("<Q", head[:8])
        if length > _LARGEST:
            raise ValueError(f"{where}: a length of {length:,} bytes, so it is damaged or no TFRecord file")
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise ValueError(f"{where}: the file ends in the middle of it")
        batch.append((head, body))
    return batch


def _check(path: Path, first: int, stored: NDArray[np.uint32], found: NDArray[np.uint32]) -> None:
    wrong = np.flatnonzero(stored != found)
    if len(wrong):
        raise ValueError(f"{path}, record {first + wrong[0]}: its checksum is wrong, so it is damaged")


Field = int | float | bytes


def message(data: bytes) -> dict[int, list[Field]]:
    """The fields of a protobuf message by their numbers, in order: integers, doubles, bytes.

    Raises ValueError for what is no message. Fields of 4 bytes come as bytes.

    >>> message(bytes([0x08, 0x96, 0x01]))
    {1: [150]}
    """
    fields: dict[int, list[Field]] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: Field
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 2, 5):
            length = {1: 8, 5: 4}.get(kind, 0)
            if kind == 2:
                length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a protobuf message ends in the middle of a field")
            value = data[at : at + length]
            at += length
            if kind == 1:
                (value,) = struct.unpack("<d", value)
        else:
            raise ValueError(f"a protobuf message has a field of the unknown kind {kind}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise ValueError("a protobuf message ends in the middle of a number")
