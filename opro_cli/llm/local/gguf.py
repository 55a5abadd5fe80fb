"""Reads the head of a GGUF file, and reads and writes whole ones.

The format is version 3 of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, little-endian:
magic, version, number of tensors, number of values, values, places of the tensors, tensors.
(Version 2 is the same; version 1 had shorter numbers.) A count in a file is never believed: what is
read is bounded, and nothing is allocated that the file does not hold.
"""

from __future__ import annotations

import contextlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAGIC, VERSION = b"GGUF", 3

VERSIONS = (2, 3)
"""Versions whose head can be read."""

MOST_VALUES, MOST_ITEMS, MOST_TENSORS = 10_000, 4_000_000, 100_000
"""Values in a head, items of an array, and tensors, at most: far more than any model has."""

MOST_DIMENSIONS = 4

ALIGNMENT = 32
"""Bytes to which tensors are aligned, unless the file names another number."""

ALIGNMENT_KEY = "general.alignment"

STRING, ARRAY = 8, 9

NUMBERS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Types of numbers: in GGUF, and in :mod:`struct`."""

Q5_0, Q8_0 = 6, 8

BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    Q5_0: (32, 22),
    7: (32, 24),  # Q5_1
    Q8_0: (32, 34),
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}
"""The common types of tensors: values in a block, and bytes of a block."""

MOST_KIND = 255
"""Types of tensors are small numbers. Only the engine knows all of them."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Tensor:
    """A tensor in the encoding of the file.

    Attributes:
        shape: values along each dimension, the row first.
        kind: the type of its values, a key of ``BLOCKS``.
        rows: (rows, bytes in a row).
    """

    shape: tuple[int, ...]
    kind: int
    rows: Bytes


@dataclass(frozen=True)
class Array:
    """A value with many items of type ``of``: an array of numbers, or a list of UTF-8 strings."""

    of: int
    items: Any


@dataclass(frozen=True)
class Gguf:
    """The content of a file.

    Attributes:
        values: key → (type, value).
        tensors: name → tensor, in the order of the file.
    """

    values: dict[str, tuple[int, Any]]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Place:
    """Where a tensor is.

    Attributes:
        name: of the tensor.
        shape: as of :class:`Tensor`.
        kind: the type of its values.
        start: its first byte in the file.
        size: bytes; None for a type that is not in ``BLOCKS``.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    start: int
    size: int | None


@dataclass(frozen=True)
class Head:
    """A file without its tensors.

    Attributes:
        version: of the format.
        alignment: bytes to which tensors are aligned.
        values: key → (type, value).
        tensors: in the order of the file.
        length: bytes of the file.
    """

    version: int
    alignment: int
    values: dict[str, tuple[int, Any]]
    tensors: list[Place]
    length: int


def read_head(path: Path | IO[bytes]) -> Head:
    """Values and places of the tensors.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not GGUF, is cut short, or has numbers that no model has.
    """
    return _Reader(_mapped(path)).head()


def read(path: Path | IO[bytes]) -> Gguf:
    """The content of a file; its tensors are mapped into memory.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not GGUF 3, is cut short, or has an unknown type.
    """
    data = _mapped(path)
    head = _Reader(data).head()
    if (head.version, head.alignment) != (VERSION, ALIGNMENT):
        raise ValueError(f"it is not version {VERSION}, or has an alignment other than {ALIGNMENT}")
    return Gguf(head.values, {place.name: _tensor(data, place) for place in head.tensors})


def write(model: Gguf, path: Path | IO[bytes]) -> None:
    """Write the file. Raises OSError."""
    with path.open("wb") if isinstance(path, Path) else contextlib.nullcontext(path) as file:
        file.write(MAGIC + struct.pack("<IQQ", VERSION, len(model.tensors), len(model.values)))
        for key, (kind, value) in model.values.items():
            file.write(_string(key.encode()) + struct.pack("<I", kind) + _packed(kind, value))
        offset = 0
        for name, tensor in model.tensors.items():
            shape = tensor.shape
            file.write(_string(name.encode()) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
            file.write(struct.pack("<IQ", tensor.kind, offset))
            offset = _aligned(offset + tensor.rows.size)
        for tensor in model.tensors.values():
            _pad(file)
            file.write(np.ascontiguousarray(tensor.rows).data)
        _pad(file)


def _mapped(path: Path | IO[bytes]) -> Bytes:
    try:
        return np.memmap(path, np.uint8, "r")
    except ValueError:
        raise ValueError("the file is empty") from None  # and cannot be mapped


def _tensor(data: Bytes, place: Place) -> Tensor:
    if place.size is None:
        raise ValueError(f"its tensor {place.name[:60]!r} has type {place.kind}")
    if place.start + place.size > len(data):
        raise ValueError(f"the file ends before its tensor {place.name[:60]!r} does")
    rows = math.prod(place.shape[1:])
    whole = data[place.start : place.start + place.size]
    return Tensor(place.shape, place.kind, whole.reshape(rows, -1))


class _Reader:
    """Reads a file from front to back."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._view = data.data
        self._at = 0

    def head(self) -> Head:
        if self._take(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._number("I")
        if version not in VERSIONS:
            raise ValueError(f"it has version {version} of the format, not 2 or 3")
        tensors = self._count("Q", MOST_TENSORS, "tensors")
        values = {}
        for _ in range(self._count("Q", MOST_VALUES, "values")):
            key = self._name()
            if key in values:
                raise ValueError(f"it has the key {key[:60]!r} twice")
            values[key] = self._value()
        alignment = values.get(ALIGNMENT_KEY, (0, ALIGNMENT))[1]
        if not isinstance(alignment, int) or alignment not in {2**i for i in range(3, 21)}:
            raise ValueError(f"its {ALIGNMENT_KEY} is no power of two")
        heads = [
            (self._name(), self._shape(), self._number("I"), self._number("Q"))
            for _ in range(tensors)
        ]
        if len({name for name, *_ in heads}) != len(heads):
            raise ValueError("it has two tensors of one name")
        start = _aligned(self._at, alignment)
        places = [
            Place(name, shape, kind, start + offset, _size(name, shape, kind))
            for name, shape, kind, offset in heads
        ]
        return Head(version, alignment, values, places, len(self._data))

    def _take(self, size: int) -> memoryview:
        if self._at + size > len(self._view):
            raise ValueError("the file is cut short")
        self._at += size
        return self._view[self._at - size : self._at]

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))
        return value

    def _count(self, form: str, most: int, what: str) -> int:
        count = int(self._number(form))
        if count > most:
            raise ValueError(f"it claims to have {count:,} {what}")
        return count

    def _string(self) -> bytes:
        return bytes(self._take(self._number("Q")))

    def _name(self) -> str:
        try:
            return self._string().decode()
        except UnicodeDecodeError:
            raise ValueError("a name in it is not UTF-8") from None

    def _shape(self) -> tuple[int, ...]:
        return tuple(
            self._number("Q") for _ in range(self._count("I", MOST_DIMENSIONS, "dimensions"))
        )

    def _value(self) -> tuple[int, Any]:
        kind = self._number("I")
        if kind == STRING:
            return kind, self._string()
        if kind != ARRAY:
            return kind, self._number(_form(kind))
        of, count = self._number("I"), self._count("Q", MOST_ITEMS, "items of one array")
        if of == STRING:
            return kind, Array(of, [self._string() for _ in range(count)])
        form = np.dtype("<" + _form(of))
        return kind, Array(of, np.frombuffer(self._take(count * form.itemsize), form))


def _form(kind: int) -> str:
    if kind not in NUMBERS:
        raise ValueError(f"a value in it has type {kind}")
    return NUMBERS[kind]


def _size(name: str, shape: tuple[int, ...], kind: int) -> int | None:
    """Bytes of a tensor; None where its type is not in ``BLOCKS``. Raises ValueError."""
    if not shape or not all(0 < n < 2**40 for n in shape) or math.prod(shape) > 2**50:
        raise ValueError(f"the dimensions of its tensor {name[:60]!r} are wrong")
    if kind > MOST_KIND:
        raise ValueError(f"its tensor {name[:60]!r} has type {kind}")
    if kind not in BLOCKS:
        return None
    values, size = BLOCKS[kind]
    if shape[0] % values:
        raise ValueError(f"the rows of its tensor {name[:60]!r} are no whole blocks")
    return math.prod(shape) // values * size


def _packed(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _string(value)
    if kind != ARRAY:
        return struct.pack("<" + NUMBERS[kind], value)
    head = struct.pack("<IQ", value.of, len(value.items))
    if value.of == STRING:
        return head + b"".join(map(_string, value.items))
    return head + bytes(value.items.astype("<" + NUMBERS[value.of]).data)


def _string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _aligned(offset: int, to: int = ALIGNMENT) -> int:
    return -(-offset // to) * to


def _pad(file: IO[bytes]) -> None:
    file.write(b"\0" * (_aligned(file.tell()) - file.tell()))
