"""Pickles that are read without being run."""

from __future__ import annotations

import bz2
import io
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

import cambrian as cb
from cambrian.tables import plain_pickle


class Runs:
    """What runs a command while it is read."""

    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


class Reaches:
    """What would get at anything through attributes."""

    def __reduce__(self):
        return getattr, (dict, "fromkeys")


MARK = ""


@pytest.mark.parametrize("how", ["bare", "bz2", "zip", "legacy"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_something_is_refused(tmp_path, monkeypatch, how, protocol):
    mark = tmp_path / "it ran"
    monkeypatch.setitem(globals(), "MARK", f"'{mark}'")
    bad = pickle.dumps({"meta_archs": [Runs()], "arch2infos": {}}, protocol=protocol)
    path = tmp_path / "bad.pth"
    if how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", bad)
    elif how == "legacy":
        start = [pickle.dumps(one, protocol=2) for one in (0x1950A86A20F9469CFC6C, 1001, {})]
        path.write_bytes(b"".join(start) + bad)
    else:
        path.write_bytes(bz2.compress(bad) if how == "bz2" else bad)
    with pytest.raises(ValueError, match=r"bad.pth is refused or damaged: it asks for (posix|nt)\.system"):
        cb.tables.nasbench201(path)
    assert not mark.exists()
    pickle.loads(bad)  # as a check that it would have
    assert mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        Reaches(),
        np.array([{}, 1], object),
        np.zeros(2, [("a", "O"), ("b", "i4")]),
        os.path,
        print,
        type,
        io.BytesIO(b"x"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_only_plain_data_is_read(tmp_path, data):
    try:
        written = pickle.dumps([1, data])
    except TypeError:
        written = b"cos\npath\n."
    (tmp_path / "x").write_bytes(written)
    with pytest.raises(ValueError, match="refused or damaged"):
        plain_pickle.load(tmp_path / "x")


# setattr of a function that may be called; new without init; a setstate that isn't a tuple; ends too early.
CRAFTED = [
    b"cbuiltins\ndict\n}(V__call__\nI1\nud.",
    b"cbuiltins\ndict\n(N}V_function\ncbuiltins\nset\nstb.",
    b"\x80\x02cnumpy\nndarray\n)\x81.",
    b"cnumpy\ndtype\n(Vf8\nI0\nI1\ntRI3\nb.",
    b"cnumpy\ndtype\n(Vf8,O\nI0\nI1\ntR.",
    b"cnumpy.core.multiarray\nscalar\n(I1\nI2\ntR.",
    b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"",
    b"not a pickle",
]


@pytest.mark.parametrize("data", CRAFTED)
def test_crafted_pickles_end_in_an_error(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match="refused or damaged"):
        plain_pickle.load(tmp_path / "x")


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_comes_back(tmp_path, protocol):
    torch = pytest.importorskip("torch")
    data = {"a": [1, 2.5, "text", None, True, (1, 2)], "s": {3, 4}, "o": OrderedDict(x=1), "b": b"bytes",
            "n": np.float32(1.5), "i": np.int64(7), "c": 2 + 1j, "big": 2**100}  # fmt: skip
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["a", "bc"]),
    ]
    (tmp_path / "x").write_bytes(pickle.dumps([data, arrays], protocol=protocol))
    back, read = plain_pickle.load(tmp_path / "x")
    assert back == data
    for array, expected in zip(read, arrays, strict=True):
        np.testing.assert_array_equal(array.value, expected)
    torch.save({"w": torch.ones(3), "half": torch.ones(2, dtype=torch.bfloat16), "x": 1}, tmp_path / "t.pth")
    assert plain_pickle.load(tmp_path / "t.pth") == {"w": None, "half": None, "x": 1}
