"""Named coordinates: the space of every problem whose point is a row of values with names.

:class:`Named` writes and reads such points whatever their coordinates are; the coordinates of
:class:`Box` are all numbers. :class:`Row` is the compact notation, without names: ``15 14``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution
from opro_cli.core.text import listed
from opro_cli.problems.spaces.coordinates import Coordinate, Range

Floats: TypeAlias = NDArray[np.float64]

C = TypeVar("C", bound=Coordinate)


class Row:
    """The values of named coordinates with spaces between them, beginning with any coordinate.

    Args:
        coordinates: in the order of a point.
        first: the coordinate that comes first, modulo their number; the others follow, and go
            round.
    """

    prefix = ""

    def __init__(self, coordinates: Sequence[Coordinate], first: int = 0) -> None:
        count = len(coordinates)
        self._order = [(first + i) % count for i in range(count)]
        self._written = [coordinates[i] for i in self._order]

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""
        return sum(c.max_chars + 1 for c in self._written) - 1

    def render(self, point: Point) -> str:
        """One line, such as ``15 14``."""
        pairs = zip(self._written, self._order, strict=True)
        return " ".join(c.render(point[i]) for c, i in pairs)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`, with any number of spaces. Raises InvalidSolution."""
        words = text.split()
        if len(words) != len(self._written):
            raise InvalidSolution(
                "unparsable", f"not {len(self._written)} values with spaces between"
            )
        values = zip(self._order, self._written, words, strict=True)
        found = {i: c.parse(word) for i, c, word in values}
        return tuple(found[i] for i in sorted(found))

    def grammar(self) -> str:
        """GBNF of a rendered point."""
        return ' " " '.join(c.grammar() for c in self._written)


class Named(Generic[C]):
    """Points with named coordinates, written ``w=15, b=14``."""

    noun: ClassVar[str] = "values"
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
    def prefix(self) -> str:
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
        """Inverse of :meth:`render`; spaces do not matter. Raises InvalidSolution."""
        match = self._line.fullmatch(text)
        if match is None:
            raise InvalidSolution("unparsable", "not a line of the form " + self.render_names())
        return self.from_values(match.groups())

    def nearest(self, point: Point) -> Point:
        """Every coordinate at its nearest value; a point that is not finite is left as it is."""
        if any(isinstance(value, float) and not math.isfinite(value) for value in point):
            return point
        return tuple(c.nearest(value) for c, value in zip(self.coordinates, point, strict=True))

    def sample(self, rng: np.random.Generator) -> Point:
        """A point drawn uniformly, each coordinate on its scale."""
        return tuple(c.sample(rng) for c in self.coordinates)

    def neighbor(self, point: Point, rng: np.random.Generator) -> Point:
        """The point with one coordinate or more changed to a neighbor."""
        dimension = len(self.coordinates)
        changed = rng.choice(dimension, int(rng.integers(1, dimension + 1)), replace=False)
        values = list(point)
        for i in changed:
            values[i] = self.coordinates[i].neighbor(values[i], rng)
        return tuple(values)

    def compact(self, first: int = 0) -> Row:
        """The values alone, with spaces between them: ``15 14``."""
        return Row(self.coordinates, first)

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
        """A point from an object with these names, or an array of this length.

        Raises InvalidSolution.
        """
        values = in_order(values, self.names, self.noun)
        return tuple(c.parse(value) for c, value in zip(self.coordinates, values, strict=True))

    def schema(self) -> dict[str, Any]:
        """An object with one value a name, all required."""
        return object_schema(self.coordinates)

    def grammar(self) -> str:
        """GBNF of a rendered point after its prefix."""
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

    noun = "numbers"

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The coordinates."""
        return self.coordinates

    def random_points(self, rng: np.random.Generator, count: int) -> list[Point]:
        """``count`` points drawn uniformly, rounded, without repetitions, sorted."""
        low = np.array([r.low for r in self.ranges], dtype=np.float64)
        high = np.array([r.high for r in self.ranges], dtype=np.float64)
        drawn = rng.uniform(low, high, (count, len(low)))
        columns = zip(drawn.T, self.ranges, strict=True)
        rounded = np.stack([np.round(column, r.decimals) for column, r in columns], axis=1)
        return [self.from_values(row) for row in np.unique(rounded, axis=0).tolist()]

    @override
    def describe(self) -> str:
        """The ranges in words, equal ranges in one clause."""
        alike: dict[tuple[float, float, int], list[Range]] = {}
        for r in self.ranges:
            alike.setdefault((r.low, r.high, r.decimals), []).append(r)
        clauses = []
        for first, *more in alike.values():
            if not more:
                clauses.append(first.describe())
                continue
            names = listed([r.name for r in (first, *more)])
            clauses.append(f"{names} are {first.noun()} from {first.span()}")
        return listed(clauses) if len(alike) == len(self.ranges) else "; ".join(clauses)


def within(point: Point, target: Sequence[float], near: Sequence[float] | None) -> bool:
    """Whether every coordinate is as close to the target's as ``near`` says; None: equal to it."""
    if near is None:
        return point == tuple(target)
    # A difference of decimals, such as 3.8 - 3.7, is never exact.
    return all(
        abs(a - b) <= most or math.isclose(abs(a - b), most)
        for a, b, most in zip(point, target, near, strict=True)
    )


class NamedPart(Protocol):
    """A part of a point with a name and a JSON schema."""

    @property
    def name(self) -> str:
        """Its name."""

    def schema(self) -> dict[str, Any]:
        """Of its values."""


def in_order(
    values: Mapping[str, Any] | Sequence[Any], names: Sequence[str], noun: str
) -> Sequence[Any]:
    """The values of a point in the order of their names. Raises InvalidSolution.

    Args:
        values: an object with these names, or an array of this length.
        names: of all values.
        noun: what they are called.
    """
    if isinstance(values, Mapping):
        missing = [name for name in names if name not in values]
        if missing:
            raise InvalidSolution("unparsable", f"no value for {', '.join(missing)}")
        return [values[name] for name in names]
    if isinstance(values, str | bytes) or len(values) != len(names):
        raise InvalidSolution("unparsable", f"not {len(names)} {noun}")
    return values


def object_schema(parts: Sequence[NamedPart]) -> dict[str, Any]:
    """The schema of an object with one value a part, all required."""
    return {
        "type": "object",
        "properties": {part.name: part.schema() for part in parts},
        "required": [part.name for part in parts],
    }
