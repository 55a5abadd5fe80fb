"""Named coordinates: the space of every problem whose point is a row of values with names.

:class:`Named` writes and reads such points whatever their coordinates are; :class:`Box` is the
one whose coordinates are all numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from opro_cli.problems.base import Point, Unusable
from opro_cli.problems.coordinate import Coordinate, Range, kind
from opro_cli.problems.row import Row
from opro_cli.problems.words import listed

__all__ = ["Box", "Coordinate", "Named", "Range"]

Floats = NDArray[np.float64]

C = TypeVar("C", bound=Coordinate)


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

    def near(self, point: Point, rng: np.random.Generator) -> Point:
        """One coordinate or more changed, each as it can be."""
        dimension = len(self.coordinates)
        changed = rng.choice(dimension, int(rng.integers(1, dimension + 1)), replace=False)
        values = list(point)
        for i in changed:
            values[i] = self.coordinates[i].near(values[i], rng)
        return tuple(values)

    def row(self, turn: int = 0) -> Row:
        """The values alone, with spaces between: ``15 14``."""
        return Row(self.coordinates, turn)

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
            clauses.append(f"{names} are {kind(first)} from {first.span()}")
        return listed(clauses) if len(alike) == len(self.ranges) else "; ".join(clauses)
