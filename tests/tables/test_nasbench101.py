"""NAS-Bench-101: records, messages and graphs in small files that are written here byte by byte."""

from __future__ import annotations

import base64
import itertools
import json
import struct

import numpy as np
import pytest

import cambrian as cb
from cambrian.tables import tfrecord

OPERATIONS = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]


def slow_crc32c(data: bytes) -> int:
    """The checksum bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def slow_masked(data: bytes) -> bytes:
    crc = slow_crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + slow_masked(length) + record + slow_masked(record)


def test_checksums_are_the_published_ones():
    known = {b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, b"": 0}
    assert tfrecord.crc32c(list(known)).tolist() == list(known.values())
    random = np.random.default_rng(0)
    data = [random.bytes(int(n)) for n in random.integers(0, 70, 40)]
    assert tfrecord.crc32c(data).tolist() == [slow_crc32c(one) for one in data]


def test_records_come_back_and_damage_is_named(tmp_path):
    random = np.random.default_rng(1)
    data = [random.bytes(int(n)) for n in random.integers(0, 200, 50)]
    path = tmp_path / "x.tfrecord"
    whole = b"".join(map(framed, data))
    path.write_bytes(whole)
    assert list(tfrecord.records(path)) == data
    start = sum(len(framed(one)) for one in data[:7])
    for at, message in [
        (start + 9, "record 7: its checksum is wrong"),
        (start + 12 + len(data[7]), "record 7: its checksum is wrong"),
        (start + 7, "record 7: a length of .* damaged or no TFRecord file"),
    ]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(bytes(damaged))
        with pytest.raises(ValueError, match=message):
            list(tfrecord.records(path))
    for end in (len(whole) - 1, start + 5, start + 12):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="ends in the middle"):
            list(tfrecord.records(path))


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def inside(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def evaluation(epoch: float, seconds: float, valid: float, test: float) -> bytes:
    return (
        double(1, epoch)
        + double(2, seconds)
        + double(3, 1.0)
        + double(4, valid)
        + double(5, test)
        + inside(6, b"p")
    )


def metrics(epochs: int, seconds: float, valid: float, test: float, params: int) -> str:
    parts = [
        (0, 0.0, 0.1, 0.1),
        (epochs / 2, seconds / 2, valid / 2, test / 2),
        (epochs, seconds, valid, test),
    ]
    data = (
        b"".join(inside(1, evaluation(*part)) for part in parts)
        + varint(2 << 3)
        + varint(params)
        + double(3, 9.0)
    )
    return base64.b64encode(data).decode()


def test_messages():
    fields = tfrecord.message(base64.b64decode(metrics(108, 1000.0, 0.9, 0.8, 3_000_000)))
    assert (fields[2], fields[3], len(fields[1])) == ([3_000_000], [9.0], 3)
    assert tfrecord.message(fields[1][2])[4] == [0.9]
    assert tfrecord.message(b"\x0d\x01\x02\x03\x04") == {1: [b"\x01\x02\x03\x04"]}
    for bad in (b"\x08", b"\x0a\x05ab", b"\x09\x00", b"\x0b", b"\xff" * 12):
        with pytest.raises(ValueError, match="protobuf message"):
            tfrecord.message(bad)


def connected(matrix: np.ndarray) -> bool:
    """Whether every vertex lies on a path from the first to the last, by powers of the matrix."""
    reach = np.linalg.matrix_power(np.eye(len(matrix), dtype=np.int64) + matrix, len(matrix)) > 0
    return bool(reach[0].all() and reach[:, -1].all())


def cells(count: int) -> list[tuple[np.ndarray, list[str]]]:
    """Graphs of two to seven vertices and at most nine edges, as the benchmark has them."""
    random = np.random.default_rng(2)
    found = [(np.array([[0, 1], [0, 0]]), ["input", "output"])]
    while len(found) < count:
        size = int(random.integers(3, 8))
        matrix = np.triu(random.random((size, size)) < 0.45, 1).astype(np.int64)
        if connected(matrix) and matrix.sum() <= 9:
            inner = [OPERATIONS[i] for i in random.integers(0, 3, size - 2)]
            found.append((matrix, ["input", *inner, "output"]))
    return found


def read_back(config: dict) -> tuple[np.ndarray, list[str]]:
    """The graph that a config of cell101 names."""
    cell = config["cell"]
    vertices = cell.get("vertices", [])
    matrix = np.zeros((len(vertices) + 2,) * 2, dtype=np.int64)
    for to, vertex in enumerate([*vertices, {"edges": cell["output"]}], start=1):
        for distance in vertex["edges"]:
            if to - distance >= 0:
                matrix[to - distance, to] = 1
    return matrix, ["input", *(vertex["op"] for vertex in vertices), "output"]


def reordered(matrix: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]] | None:
    """Another order of the same graph's vertices, if there is one that leads forward."""
    for order in itertools.permutations(range(1, len(matrix) - 1)):
        whole = [0, *order, len(matrix) - 1]
        moved = matrix[np.ix_(whole, whole)]
        if list(order) != sorted(order) and not np.tril(moved).any():
            return moved, [names[i] for i in whole]
    return None


def least_form(matrix: np.ndarray, names: list[str]) -> str:
    """The same for isomorphic graphs, by trying every order."""
    forms = []
    for order in itertools.permutations(range(1, len(matrix) - 1)):
        whole = [0, *order, len(matrix) - 1]
        forms.append((matrix[np.ix_(whole, whole)].tolist(), [names[i] for i in whole]))
    return str(min(forms))


def genome_of(space: cb.Space, matrix: np.ndarray, names: list[str]) -> np.ndarray:
    last = len(matrix) - 1
    reads = [[to - u for u in range(to) if matrix[u, to]] for to in range(1, last + 1)]
    vertices = [{"op": names[v], "edges": reads[v - 1]} for v in range(1, last)]
    return space.encode([{"cell": {"vertices": vertices, "output": reads[-1]}}])


def test_nasbench101(tmp_path):
    written = []
    graphs: dict[str, tuple[np.ndarray, list[str]]] = {}
    for matrix, names in cells(60):
        graphs.setdefault(least_form(matrix, names), (matrix, names))
    for i, (matrix, names) in enumerate(graphs.values()):
        bits = "".join(map(str, matrix.ravel()))
        for epochs, run in itertools.product((4, 108), range(3)):
            value = 0.5 + 0.001 * i + 0.1 * run + (0.2 if epochs == 108 else 0)
            record = [
                f"{i:032x}",
                epochs,
                bits,
                ",".join(names),
                metrics(epochs, 10.0 * epochs + run, value, value / 2, 1000 + i),
            ]
            written.append(framed(json.dumps(record).encode()))
    np.random.default_rng(0).shuffle(written)
    path = tmp_path / "nasbench_small.tfrecord"
    path.write_bytes(b"".join(written))
    table = cb.tables.nasbench101(path)
    assert (len(table), table.seeds(), table.fidelities("val")) == (len(graphs), 3, (4 / 108, 1.0))
    moved = 0
    for i, (matrix, names) in enumerate(graphs.values()):
        genome = genome_of(table.space, matrix, names)
        assert table.values(genome, "params") == 1000 + i
        np.testing.assert_allclose(table.values(genome, "val"), 0.8 + 0.001 * i)
        np.testing.assert_allclose(table.values(genome, "test", fidelity=0.01), (0.6 + 0.001 * i) / 2)
        np.testing.assert_allclose(table.seconds(genome), 1081.0)
        np.testing.assert_allclose(table.seconds(genome, 0.03), 41.0)
        back, words = read_back(table.space.decode(table.genomes[table.rows(genome)[0]]))
        assert (back.tolist(), words) == (matrix.tolist(), names)
        if other := reordered(matrix, names):
            moved += 1
            assert table.rows(genome_of(table.space, *other)) == table.rows(genome)
    assert moved > 5
    history = cb.tables.simulate(cb.strategies.make("random", table.space), table, evaluations=200)
    assert history.unique[-1] == len(set(history.rows.tolist()))


def test_bad_files_of_nasbench101(tmp_path):
    path = tmp_path / "x.tfrecord"
    good = [f"{0:032x}", 108, "0100", "input,output", metrics(108, 1.0, 0.5, 0.5, 7)]
    for change, message in [
        ({2: "01"}, "record 1, is not of NAS-Bench-101: a graph of 2 vertices with 2 entries"),
        ({2: "0x00"}, "is not of NAS-Bench-101"),
        ({2: "0" * 9, 3: "input,conv,output"}, "unknown operation 'conv'"),
        ({4: "AAAA"}, "is not of NAS-Bench-101"),
        ({4: 3}, "is not of NAS-Bench-101"),
    ]:
        bad = [f"{1:032x}", *good[1:]]
        for place, value in change.items():
            bad[place] = value
        path.write_bytes(framed(json.dumps(good).encode()) + framed(json.dumps(bad).encode()))
        with pytest.raises(ValueError, match=message):
            cb.tables.nasbench101(path)
    path.write_bytes(framed(b'{"a": 1}'))
    with pytest.raises(ValueError, match="record 0, is not of NAS-Bench-101"):
        cb.tables.nasbench101(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="no records"):
        cb.tables.nasbench101(path)
