"""Named coordinates: the space of every problem whose point is a row of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opro_cli.problems.base import Point, Unusable

Floats = NDArray[np.float64]

FINER = 10
"""Decimals kept beyond the grid's between its points."""

# ASCII digits only: "１２", "0x10", "1_000" and "--5" are no numbers here.
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Range:
    """One numeric coordinate: ``low`` to ``high``, rounded to ``decimals`` (0: whole numbers)."""

    name: str
    low: float
    high: float
    decimals: int = 0

    def render(self, value: float) -> str:
        """The number as text, always with its decimals."""
        return f"{value:.{self.decimals}f}"

    def parse(self, value: Any) -> float | int:
        """A JSON value or a text as this coordinate's number. Raises Unusable."""
        number = _finite(value)
        rounded = float(np.round(number, self.decimals)) + 0.0  # no negative zero
        if not self.low <= rounded <= self.high:
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        return int(rounded) if self.decimals == 0 else rounded

    @property
    def width(self) -> float:
        """From low to high; 1 for a range of one number, which has no width to divide by."""
        return (self.high - self.low) or 1.0

    def nearest(self, value: float) -> float | int:
        """The number of this coordinate that is nearest."""
        rounded = float(np.round(min(max(value, self.low), self.high), self.decimals)) + 0.0
        return int(rounded) if self.decimals == 0 else rounded

    def sample(self, rng: np.random.Generator) -> float | int:
        """A number drawn uniformly from those there are."""
        scale = 10**self.decimals
        low, high = math.ceil(self.low * scale), math.floor(self.high * scale)
        return self.nearest(int(rng.integers(low, high, endpoint=True)) / scale)

    def span(self) -> str:
        """The range in words."""
        return f"{self.render(self.low)} to {self.render(self.high)}"

    def schema(self) -> dict[str, Any]:
        """JSON schema of the number."""
        kind = "integer" if self.decimals == 0 else "number"
        low, high = (int(v) if self.decimals == 0 else v for v in (self.low, self.high))
        return {"type": kind, "minimum": low, "maximum": high}

    def grammar(self) -> str:
        """GBNF of the number: a sign where the range has one, and no more digits than it has."""
        digits = len(str(int(max(abs(self.low), abs(self.high)))))
        more = f"[0-9]{{0,{digits - 1}}}" if digits > 1 else ""
        sign = '"-"? ' if self.low < 0 else ""
        fraction = f' "." [0-9]{{{self.decimals}}}' if self.decimals else ""
        return f'{sign}("0" | [1-9] {more}){fraction}'


class Box:
    """Points with named numeric coordinates, written ``w=15, b=14``."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self.ranges = tuple(ranges)
        numbers = ", *".join(rf"{re.escape(r.name)} *= *([^,\s]+)" for r in self.ranges)
        self._line = re.compile(rf"\s*{numbers}\s*")

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates' names."""
        return tuple(r.name for r in self.ranges)

    @property
    def lead(self) -> str:
        """The first coordinate's name and an equals sign."""
        return f"{self.ranges[0].name}="

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""
        widths = (max(len(r.render(r.low)), len(r.render(r.high))) for r in self.ranges)
        return len(self.render_names()) + sum(widths)

    def render(self, point: Point) -> str:
        """One line, such as ``w=15, b=14``."""
        pairs = zip(self.ranges, point, strict=True)
        return ", ".join(f"{r.name}={r.render(value)}" for r, value in pairs)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`, spaces apart. Raises Unusable."""
        match = self._line.fullmatch(text)
        if match is None:
            raise Unusable("unparsable", "not a line of the form " + self.render_names())
        return self.from_values(match.groups())

    def nearest(self, point: Point) -> Point:
        """Every coordinate brought into its range and rounded; a point that is not finite stays."""
        if not all(math.isfinite(value) for value in point):
            return point
        return tuple(r.nearest(value) for r, value in zip(self.ranges, point, strict=True))

    def sample(self, rng: np.random.Generator) -> Point:
        """A point drawn uniformly from all there are."""
        return tuple(r.sample(rng) for r in self.ranges)

    def to_unit(self, point: Point) -> Floats:
        """The point in the unit cube, shape (d,)."""
        pairs = zip(self.ranges, point, strict=True)
        return np.array([(value - r.low) / r.width for r, value in pairs], dtype=np.float64)

    def from_unit(self, unit: Floats) -> Point:
        """The point there, unrounded: a sum of squares is defined between grid points, too.

        Ten decimals beyond the grid's are kept, so that a grid point comes out as itself.
        """
        pairs = zip(self.ranges, unit, strict=True)
        return tuple(
            float(np.round(r.low + float(u) * r.width, r.decimals + FINER)) + 0.0 for r, u in pairs
        )

    def render_names(self) -> str:
        """The form of a line, such as ``w=…, b=…``."""
        return ", ".join(f"{name}=…" for name in self.names)

    def to_values(self, point: Point) -> dict[str, Any]:
        """``{"w": 15, "b": 14}``."""
        return dict(zip(self.names, point, strict=True))

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """A point from an object with these names or an array of this length. Raises Unusable."""
        if isinstance(values, Mapping):
            missing = [name for name in self.names if name not in values]
            if missing:
                raise Unusable("unparsable", f"no value for {', '.join(missing)}")
            values = [values[name] for name in self.names]
        if isinstance(values, str | bytes) or len(values) != len(self.ranges):
            raise Unusable("unparsable", f"not {len(self.ranges)} numbers")
        return tuple(r.parse(value) for r, value in zip(self.ranges, values, strict=True))

    def schema(self) -> dict[str, Any]:
        """An object with one bounded number a name, all required."""
        return {
            "type": "object",
            "properties": {r.name: r.schema() for r in self.ranges},
            "required": list(self.names),
        }

    def grammar(self) -> str:
        """GBNF of a rendered point after its lead."""
        first, *rest = self.ranges
        parts = [first.grammar()]
        for r in rest:
            parts += [f'", {r.name}="', r.grammar()]
        return " ".join(parts)

    def describe(self) -> str:
        """The ranges in words."""
        spans = {(r.low, r.high, r.decimals) for r in self.ranges}
        if len(spans) == 1 and len(self.ranges) > 1:
            r = self.ranges[0]
            return f"{_and(self.names)} are {_kind(r)} from {r.span()}"
        return _and([f"{r.name} is {_kind(r, one=True)} from {r.span()}" for r in self.ranges])


def _finite(value: Any) -> float:
    if isinstance(value, str):
        text = value.strip()
        if _NOT_FINITE.fullmatch(text):
            raise Unusable("non_finite", "a number that is not finite")
        if not _NUMBER.fullmatch(text):
            raise Unusable("unparsable", "not a number")
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable("unparsable", "not a number")
    try:
        number = float(value)
    except OverflowError:
        raise Unusable("out_of_range", "an astronomically large number") from None
    if not math.isfinite(number):
        raise Unusable("non_finite", "a number that is not finite")
    return number


def _kind(r: Range, one: bool = False) -> str:
    if r.decimals == 0:
        return "a whole number" if one else "whole numbers"
    return f"{'a number' if one else 'numbers'} with {r.decimals} decimals"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
