"""The values of a problem of two numbers on a grid: a small picture, and contours."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from opro_cli.core.problem import Problem

Floats: TypeAlias = NDArray[np.float64]

Place: TypeAlias = tuple[float, float]

SIZE = 72
"""Rows and columns of a grid."""

LIGHT, DARK = 246, 186
"""Greys of the worst and the best values: light enough for marks of any colour."""

SHADES = 24
"""Greys of a picture; few, so that it is small."""


@dataclass(frozen=True)
class Field:
    """Values of a formula over a box.

    Args:
        values: gaps to the optimum, shape (SIZE, SIZE): rows by the second coordinate, ascending.
        box: the low and high ends of the first coordinate, then of the second.
    """

    values: Floats
    box: tuple[float, float, float, float]

    @cached_property
    def decades(self) -> Floats:
        """The logarithms of the gaps (base 10); of no gap, that of the least other one."""
        known = self.values[np.isfinite(self.values) & (self.values > 0)]
        least = float(known.min()) if known.size else 1.0
        filled = np.where(np.isfinite(self.values), self.values, known.max(initial=1.0))
        logs: Floats = np.log10(np.maximum(filled, least))
        return logs

    @property
    def levels(self) -> list[float]:
        """The gaps of the contours: powers of ten within the values."""
        low, high = float(self.decades.min()), float(self.decades.max())
        return [10.0**e for e in range(int(np.ceil(low)), int(np.floor(high)) + 1)]

    def contours(self, level: float) -> list[list[Place]]:
        """The lines on which the gap has this value, in the coordinates of the box."""
        x0, x1, y0, y1 = self.box
        rows, columns = self.values.shape
        wide, high = (x1 - x0) / (columns - 1), (y1 - y0) / (rows - 1)
        return [
            [(x0 + x * wide, y0 + y * high) for x, y in line]
            for line in chained(marching_squares(self.decades, float(np.log10(level))))
        ]

    def png(self) -> str:
        """The picture as the address of a PNG, the second coordinate upwards; logarithmic."""
        low, high = np.percentile(self.decades, (1, 99)).tolist()
        share = np.clip((self.decades - low) / (high - low or 1.0), 0.0, 1.0)
        steps = np.round(share * (SHADES - 1)) / (SHADES - 1)
        greys = (DARK + steps * (LIGHT - DARK)).round().astype(np.uint8)
        return "data:image/png;base64," + base64.b64encode(png(greys[::-1])).decode()


def field_of(problem: Problem, box: tuple[float, float, float, float]) -> Field | None:
    """The values of a problem of two numbers; None for a function of the user's.

    Args:
        problem: whose formula is known, see :attr:`Problem.target`.
        box: where.
    """
    if problem.target is None or problem.optimum is None or len(problem.target) != 2:
        return None
    sign = -1 if problem.text.direction == "maximize" else 1
    xs, ys = np.linspace(box[0], box[1], SIZE), np.linspace(box[2], box[3], SIZE)
    values = [[problem.evaluate((x, y)) for x in xs.tolist()] for y in ys.tolist()]
    gaps: Floats = sign * (np.array(values, dtype=np.float64) - problem.optimum)
    return Field(gaps, box)


def png(greys: NDArray[np.uint8]) -> bytes:
    """A PNG of 8-bit greys, shape (rows, columns) (W3C, PNG Specification, third edition)."""
    rows, columns = greys.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    filtered = np.hstack([np.zeros((rows, 1), dtype=np.uint8), greys])
    chunks = (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(filtered.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def marching_squares(values: Floats, level: float) -> Iterator[tuple[Place, Place]]:
    """Straight pieces of the line on which a grid has this value, as (column, row) places.

    W. E. Lorensen, H. E. Cline, "Marching Cubes", SIGGRAPH 1987, in two dimensions. Where a cell
    has two pieces, its mean says which corners they cut off.
    """
    above = values > level
    corners = above[:-1, :-1], above[:-1, 1:], above[1:, 1:], above[1:, :-1]
    mixed = sum(corner.astype(int) for corner in corners) % 4
    for row, column in np.argwhere(mixed > 0).tolist():
        four = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
        cut = []
        for i in range(4):
            (x1, y1), (x2, y2) = four[i], four[(i + 1) % 4]
            a, b = float(values[y1, x1]), float(values[y2, x2])
            if (a > level) != (b > level):
                t = (level - a) / (b - a)
                cut.append((x1 + t * (x2 - x1), y1 + t * (y2 - y1)))
        if len(cut) == 4:
            mean = float(values[row : row + 2, column : column + 2].mean())
            if (mean > level) == (values[row, column] > level):
                cut = [cut[0], cut[1], cut[2], cut[3]]
            else:
                cut = [cut[3], cut[0], cut[1], cut[2]]
            yield cut[2], cut[3]
        yield cut[0], cut[1]


def chained(pieces: Iterable[tuple[Place, Place]]) -> list[list[Place]]:
    """Pieces that meet, joined to lines; a closed line ends where it begins."""
    near: dict[Place, list[Place]] = {}
    for a, b in pieces:
        if a != b:
            near.setdefault(_rounded(a), []).append(_rounded(b))
            near.setdefault(_rounded(b), []).append(_rounded(a))
    lines = []
    ends = [place for place, others in near.items() if len(others) == 1]
    for first in [*ends, *near]:
        line = [first]
        while near.get(line[-1]):
            then = near[line[-1]].pop()
            near[then].remove(line[-1])
            line.append(then)
        if len(line) > 1:
            lines.append(line)
    return lines


def _rounded(place: Place) -> Place:
    return round(place[0], 6), round(place[1], 6)


def viridis(share: float) -> str:
    """A colour from dark blue (0) to yellow (1), lighter all the way.

    Interpolated between nine colours of the map viridis (S. van der Walt, N. Smith, matplotlib,
    CC0).
    """
    place = min(max(share, 0.0), 1.0) * (len(VIRIDIS) - 1)
    i = min(int(place), len(VIRIDIS) - 2)
    mixed = [a + (place - i) * (b - a) for a, b in zip(VIRIDIS[i], VIRIDIS[i + 1], strict=True)]
    return "#" + "".join(f"{round(c):02x}" for c in mixed)


VIRIDIS: Sequence[tuple[int, int, int]] = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
