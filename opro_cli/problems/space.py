"""Named coordinates: the space of every problem whose point is a row of values with names.

:class:`Named` writes and reads such points whatever their coordinates are; :class:`Box` is the
one whose coordinates are all numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from opro_cli.problems.base import Point, Unusable
from opro_cli.problems.words import listed

Floats = NDArray[np.float64]

SAME = 1e-12
"""Of the width of a range: what rounding may do to a number on its way through the cube."""

# ASCII digits only: "１２", "0x10", "1_000" and "--5" are no numbers here.
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


class Coordinate(Protocol):
    """One named coordinate: how its values are written and read."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered value."""

    def render(self, value: Any) -> str:
        """The value as text, without spaces and commas."""

    def parse(self, value: Any) -> Any:
        """A JSON value or a text as this coordinate's value. Raises Unusable."""

    def nearest(self, value: Any) -> Any:
        """The value of this coordinate that is nearest."""

    def sample(self, rng: np.random.Generator) -> Any:
        """A value drawn uniformly on its scale."""

    def to_unit(self, value: Any) -> float:
        """Its place between 0 and 1, on its scale."""

    def from_unit(self, unit: float) -> Any:
        """The value at a place between 0 and 1."""

    def schema(self) -> dict[str, Any]:
        """JSON schema of the value."""

    def grammar(self) -> str:
        """GBNF of the rendered value."""

    def describe(self) -> str:
        """The constraint in words, as a clause that begins with the name."""


C = TypeVar("C", bound=Coordinate)


@dataclass(frozen=True)
class Range:
    """One numeric coordinate: ``low`` to ``high``, rounded to ``decimals`` (0: whole numbers)."""

    name: str
    low: float
    high: float
    decimals: int = 0

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered number."""
        return max(len(self.render(self.low)), len(self.render(self.high)))

    def render(self, value: float) -> str:
        """The number as text, always with its decimals."""
        return f"{value:.{self.decimals}f}"

    def parse(self, value: Any) -> float | int:
        """A JSON value or a text as this coordinate's number. Raises Unusable."""
        number = finite(value)
        if not self.low - 1 <= number <= self.high + 1:  # rounding 1e308 would overflow
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        rounded = float(np.round(number, self.decimals)) + 0.0  # no negative zero
        if not self.low <= rounded <= self.high:
            raise Unusable("out_of_range", f"{self.name} is outside {self.span()}")
        return int(rounded) if self.decimals == 0 else rounded

    def nearest(self, value: float) -> float | int:
        """The number of this coordinate that is nearest."""
        rounded = float(np.round(min(max(value, self.low), self.high), self.decimals)) + 0.0
        return int(rounded) if self.decimals == 0 else rounded

    def sample(self, rng: np.random.Generator) -> float | int:
        """A number drawn uniformly from those there are."""
        scale = 10**self.decimals
        low, high = math.ceil(self.low * scale), math.floor(self.high * scale)
        return self.nearest(int(rng.integers(low, high, endpoint=True)) / scale)

    def to_unit(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        return (value - self.low) / self._width

    def from_unit(self, unit: float) -> float:
        """The number there, unrounded: a sum of squares is defined between grid points, too.

        What is a grid point but for the last bits is that grid point.
        """
        there = self.low + unit * self._width
        nearest = float(self.nearest(there))
        return nearest if abs(nearest - there) <= SAME * self._width else there

    @property
    def _width(self) -> float:
        """From low to high; 1 for a range of one number, which has no width to divide by."""
        return (self.high - self.low) or 1.0

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
        most = int(max(abs(self.low), abs(self.high)))
        whole = f'("0" | [1-9] [0-9]{{0,{len(str(most)) - 1}}})' if most > 99 else up_to(most)
        sign = '"-"? ' if self.low < 0 else ""
        fraction = f' "." [0-9]{{{self.decimals}}}' if self.decimals else ""
        return sign + whole + fraction

    def describe(self) -> str:
        """The range in words."""
        return f"{self.name} is {_kind(self, one=True)} from {self.span()}"


class Named(Generic[C]):
    """Points with named coordinates, written ``w=15, b=14``."""

    what: ClassVar[str] = "values"
    """What the coordinates hold, for messages."""

    def __init__(self, coordinates: Sequence[C]) -> None:
        self.coordinates = tuple(coordinates)
        values = ", *".join(rf"{re.escape(c.name)} *= *([^,\s]+)" for c in self.coordinates)
        self._line = re.compile(rf"\s*{values}\s*")

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates' names."""
        return tuple(c.name for c in self.coordinates)

    @property
    def lead(self) -> str:
        """The first coordinate's name and an equals sign."""
        return f"{self.coordinates[0].name}="

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""
        return len(self.render_names()) + sum(c.max_chars for c in self.coordinates)

    def render(self, point: Point) -> str:
        """One line, such as ``w=15, b=14``."""
        pairs = zip(self.coordinates, point, strict=True)
        return ", ".join(f"{c.name}={c.render(value)}" for c, value in pairs)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`, spaces apart. Raises Unusable."""
        match = self._line.fullmatch(text)
        if match is None:
            raise Unusable("unparsable", "not a line of the form " + self.render_names())
        return self.from_values(match.groups())

    def nearest(self, point: Point) -> Point:
        """Every coordinate brought to its nearest value; a point that is not finite stays."""
        if any(isinstance(value, float) and not math.isfinite(value) for value in point):
            return point
        return tuple(c.nearest(value) for c, value in zip(self.coordinates, point, strict=True))

    def sample(self, rng: np.random.Generator) -> Point:
        """A point drawn uniformly, each coordinate on its scale."""
        return tuple(c.sample(rng) for c in self.coordinates)

    def to_unit(self, point: Point) -> Floats:
        """The point in the unit cube, shape (d,)."""
        pairs = zip(self.coordinates, point, strict=True)
        return np.array([c.to_unit(value) for c, value in pairs], dtype=np.float64)

    def from_unit(self, unit: Floats) -> Point:
        """The point at a place of the unit cube."""
        return tuple(c.from_unit(float(u)) for c, u in zip(self.coordinates, unit, strict=True))

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
        if isinstance(values, str | bytes) or len(values) != len(self.coordinates):
            raise Unusable("unparsable", f"not {len(self.coordinates)} {self.what}")
        return tuple(c.parse(value) for c, value in zip(self.coordinates, values, strict=True))

    def schema(self) -> dict[str, Any]:
        """An object with one value a name, all required."""
        return {
            "type": "object",
            "properties": {c.name: c.schema() for c in self.coordinates},
            "required": list(self.names),
        }

    def grammar(self) -> str:
        """GBNF of a rendered point after its lead."""
        first, *rest = self.coordinates
        parts = [first.grammar()]
        for c in rest:
            parts += [f'", {c.name}="', c.grammar()]
        return " ".join(parts)

    def describe(self) -> str:
        """The constraints in words."""
        return listed([c.describe() for c in self.coordinates])


class Box(Named[Range]):
    """Points whose coordinates are all numbers."""

    what = "numbers"

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The coordinates."""
        return self.coordinates

    def describe(self) -> str:
        """The ranges in words, those that are the same in one clause."""
        alike: dict[tuple[float, float, int], list[Range]] = {}
        for r in self.ranges:
            alike.setdefault((r.low, r.high, r.decimals), []).append(r)
        clauses = []
        for first, *more in alike.values():
            if not more:
                clauses.append(first.describe())
                continue
            names = listed([r.name for r in (first, *more)])
            clauses.append(f"{names} are {_kind(first)} from {first.span()}")
        return listed(clauses) if len(alike) == len(self.ranges) else "; ".join(clauses)


def up_to(last: int, first: int = 0) -> str:
    """GBNF of the whole numbers from ``first`` (0 or 1) to ``last``, which is below 100."""
    if last < 10:
        return f"[{first}-{last}]"
    tens, ones = divmod(last, 10)
    below = f"[1-{tens - 1}] [0-9] | " if tens > 1 else ""
    return f'({below}"{tens}" [0-{ones}] | [{first}-9])'


def finite(value: Any) -> float:
    """A JSON number, or a text that is one, as a finite number. Raises Unusable."""
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
    decimals = f"{r.decimals} decimal{'s' * (r.decimals > 1)}"
    return f"{'a number' if one else 'numbers'} with {decimals}"
