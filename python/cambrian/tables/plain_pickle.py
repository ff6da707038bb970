"""Pickles of plain data: anything in them that could run is refused before it does."""

from __future__ import annotations

import bz2
import io
import pickle
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEGACY = 0x1950A86A20F9469CFC6C  # begins files of torch before 1.6: several pickles in a row
_SIMPLE = re.compile(r"[<>=|]?[biufSU]\d*")


class _Call:
    """What a pickle may call by a name. It has no attributes, so a pickle can't change it either."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"sets {name!r} of a function")

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class _Dtype:
    """The type of an array's numbers; only those of plain numbers and text."""

    __slots__ = ("value",)

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not _SIMPLE.fullmatch(code):
            raise pickle.UnpicklingError(f"holds an array of {code!r}; only numbers and text are read")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.value = self.value.newbyteorder(state[1])


class _Array:
    """An array that is filled from plain bytes. `value` is it, once it is there."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self.fill(data, dtype, shape, "F" if fortran else "C")

    def fill(self, data: object, dtype: object, shape: Iterable[int], order: Any) -> _Array:
        """Take bytes in, as numbers of a type."""
        if isinstance(data, str):
            data = data.encode("latin1")
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
            raise pickle.UnpicklingError("holds an array of objects")
        flat = np.frombuffer(data, dtype=dtype.value)
        self.value = flat.reshape(tuple(map(int, shape)), order=order)
        return self


class _Dict(dict[Any, Any]):
    """An ordered dict, without the attributes that some of torch's have."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Leave them out."""


def _scalar(dtype: object, data: object) -> Any:
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("holds a number that is none")
    return np.frombuffer(data, dtype=dtype.value, count=1)[0].item()


def _frombuffer(data: object, dtype: object, shape: Iterable[int], order: str) -> _Array:
    return _Array().fill(data, dtype, shape, order)


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, as protocols that have none write them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"holds bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _nothing(*_: object) -> None:
    """Trained weights, which a table has no use for."""


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    **{("builtins", kind.__name__): kind for kind in (set, frozenset, list, dict, int, float, bool, complex)},
    ("_codecs", "encode"): _encoded,
    ("collections", "OrderedDict"): _Dict,
    ("collections", "defaultdict"): lambda *_: {},
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _nothing,  # only named, as what is to be reconstructed
    **{
        (f"numpy.{core}.multiarray", name): function
        for core in ("core", "_core")
        for name, function in (("_reconstruct", lambda *_: _Array()), ("scalar", _scalar))
    },
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
    **{("torch._utils", name): _nothing for name in ("_rebuild_tensor", "_rebuild_tensor_v2")},
    ("torch._utils", "_rebuild_parameter"): _nothing,
    **{
        ("torch", f"{kind}Storage"): _nothing
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
    },
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # Files of the oldest protocols use the names that Python 2 had.
        function = _ALLOWED.get(("builtins" if module == "__builtin__" else module, name))
        if function is None:
            raise pickle.UnpicklingError(
                f"asks for {module}.{name}, and only plain data is read: numbers, text, lists, dicts, arrays"
            )
        return _Call(function)

    def persistent_load(self, pid: Any) -> None:
        """Weights lie outside of the pickle; they are left there."""


def load(path: Path) -> Any:
    """Read plain data from a pickle: bare, compressed by bz2, or in a file of torch, old or new.

    Tensors come out as None. Raises ValueError for anything else in it, and for what is no such file.

    >>> data = load(Path("NATS-tss-v1_0-3ffb9-simple/meta.pickle.pbz2"))
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start[:3] == b"BZh":
            with bz2.open(path, "rb") as packed:
                return _unpickled(io.BufferedReader(packed))
        if start == b"PK\x03\x04":
            return _from_zip(path)
        with path.open("rb") as file:
            return _unpickled(file)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise ValueError(f"{path} can't be read: {error}") from None
    except Exception as error:
        raise ValueError(f"{path} is refused or damaged: it {_why(error)}") from None


def _why(error: Exception) -> str:
    said = str(error) or type(error).__name__
    return said if isinstance(error, pickle.UnpicklingError) else f"can't be read as plain data: {said}"


def _from_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl"]
        if len(names) != 1:
            raise pickle.UnpicklingError("is a zip file without the data.pkl of torch")
        with archive.open(names[0]) as file:
            return _unpickled(io.BufferedReader(file))


def _unpickled(file: Any) -> Any:
    found = _Plain(file, encoding="latin1").load()
    if found != _LEGACY:
        return found
    for _ in range(2):  # the version of the protocol, and what system wrote it
        _Plain(file, encoding="latin1").load()
    return _Plain(file, encoding="latin1").load()


def number(value: object) -> float:
    """A number that a pickle held, NaN where it is none."""
    if isinstance(value, _Array):
        return float(value.value.reshape(-1)[0]) if value.value.size == 1 else float("nan")
    return float(value) if isinstance(value, (int, float)) else float("nan")
