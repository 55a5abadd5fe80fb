"""Reads and writes a whole GGUF file.

The format is version 3 of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, little-endian:
magic, version, number of tensors, number of values, values, places of the tensors, tensors.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

MAGIC, VERSION = b"GGUF", 3

ALIGNMENT = 32
"""Bytes to which tensors are aligned. A file may name another number, which is refused."""

ALIGNMENT_KEY = "general.alignment"

STRING, ARRAY = 8, 9

NUMBERS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Types of numbers: in GGUF, and in :mod:`struct`."""

Q5_0, Q8_0 = 6, 8

BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    Q5_0: (32, 22),
    Q8_0: (32, 34),
    12: (256, 144),  # Q4_K
    14: (256, 210),  # Q6_K
}
"""Types of tensors: values in a block, and bytes of a block."""

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


def read(path: Path) -> Gguf:
    """The content of a file; its tensors are mapped into memory.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not GGUF 3, is cut short, or has an unknown type.
    """
    if not path.stat().st_size:
        raise ValueError("an empty file")  # which cannot be mapped
    try:
        return _Reader(np.memmap(path, np.uint8, "r")).whole()
    except (KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"no GGUF file of a known kind: {error}") from None


def write(model: Gguf, path: Path) -> None:
    """Write the file. Raises OSError."""
    with path.open("wb") as file:
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


class _Reader:
    """Reads a file from front to back."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._view = data.data
        self._at = 0

    def whole(self) -> Gguf:
        if self._take(4) != MAGIC or self._number("I") != VERSION:
            raise ValueError("no GGUF file of version 3")
        tensors, values = self._number("Q"), self._number("Q")
        meta = {self._string().decode(): self._value() for _ in range(values)}
        if meta.get(ALIGNMENT_KEY, (0, ALIGNMENT))[1] != ALIGNMENT:
            raise ValueError(f"an alignment other than {ALIGNMENT}")
        heads = [
            (self._string().decode(), self._shape(), self._number("I"), self._number("Q"))
            for _ in range(tensors)
        ]
        start = _aligned(self._at)
        return Gguf(
            meta,
            {
                name: self._tensor(shape, kind, start + offset)
                for name, shape, kind, offset in heads
            },
        )

    def _tensor(self, shape: tuple[int, ...], kind: int, start: int) -> Tensor:
        values, size = BLOCKS[kind]
        row, rows = shape[0] // values * size, math.prod(shape[1:])
        if shape[0] % values or start + row * rows > len(self._data):
            raise ValueError("a tensor that does not fit")
        return Tensor(shape, kind, self._data[start : start + row * rows].reshape(rows, row))

    def _take(self, size: int) -> memoryview:
        if self._at + size > len(self._view):
            raise ValueError("a file cut short")
        self._at += size
        return self._view[self._at - size : self._at]

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))
        return value

    def _string(self) -> bytes:
        return bytes(self._take(self._number("Q")))

    def _shape(self) -> tuple[int, ...]:
        return tuple(self._number("Q") for _ in range(self._number("I")))

    def _value(self) -> tuple[int, Any]:
        kind = self._number("I")
        if kind == STRING:
            return kind, self._string()
        if kind != ARRAY:
            return kind, self._number(NUMBERS[kind])
        of, count = self._number("I"), self._number("Q")
        if of == STRING:
            return kind, Array(of, [self._string() for _ in range(count)])
        form = np.dtype("<" + NUMBERS[of])
        return kind, Array(of, np.frombuffer(self._take(count * form.itemsize), form))


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


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _pad(file: BinaryIO) -> None:
    file.write(b"\0" * (_aligned(file.tell()) - file.tell()))
