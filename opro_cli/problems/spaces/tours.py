"""Round trips through numbered cities: the space of the travelling salesman problem.

A tour is the same point from whichever city it begins, and in both directions: the point begins
at city 0, and its second city has a lower number than its last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution
from opro_cli.problems.spaces.coordinates import finite, up_to

MAX_CITIES = 100

WORD = "tour="
"""The beginning of a rendered tour."""


class Tours:
    """Every order in which ``cities`` cities can be visited, written ``tour=0,3,1,2``."""

    def __init__(self, cities: int) -> None:
        self.cities = cities

    @property
    def names(self) -> tuple[str, ...]:
        """None: the coordinates of a tour have no names."""
        return ()

    @property
    def prefix(self) -> str:
        """Every tour begins at city 0."""
        return f"{WORD}0,"

    @property
    def max_chars(self) -> int:
        """Length of a rendered tour; all are equally long."""
        return len(self.render(tuple(range(self.cities))))

    def render(self, point: Point) -> str:
        """One line, such as ``tour=0,3,1,2``."""
        return WORD + ",".join(str(city) for city in point)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`; spaces do not matter. Raises InvalidSolution."""
        match = re.fullmatch(r"\s*tour *= *([0-9]+(?: *, *[0-9]+)*)\s*", text)
        if match is None:
            raise InvalidSolution("unparsable", f"not a line of the form {WORD}0,…")
        return self.from_values(match.group(1).split(","))

    def nearest(self, point: Point) -> Point:
        """The tour itself: there is nothing between tours."""
        return point

    def sample(self, rng: np.random.Generator) -> Point:
        """A tour drawn uniformly."""
        return normal(rng.permutation(self.cities).tolist())

    def neighbor(self, point: Point, rng: np.random.Generator) -> Point:
        """The tour with a part of it reversed (2-opt) or moved elsewhere (or-opt)."""
        tour = list(point)
        first, last = sorted(rng.choice(range(1, self.cities), 2, replace=False).tolist())
        if rng.random() < 0.5:
            return normal([*tour[:first], *reversed(tour[first : last + 1]), *tour[last + 1 :]])
        last = min(last, first + 2)  # three cities at most, as in Or's move
        part, rest = tour[first : last + 1], [*tour[:first], *tour[last + 1 :]]
        at = int(rng.integers(1, len(rest) + 1))
        return normal([*rest[:at], *part, *rest[at:]])

    def compact(self, first: int = 0) -> TourRow:
        """The city numbers alone. Every tour begins at city 0, so ``first`` changes nothing."""
        return TourRow(self)

    def to_values(self, point: Point) -> list[int]:
        """``[0, 3, 1, 2]``."""
        return list(point)

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """A tour from an array of city numbers, normalised. Raises InvalidSolution."""
        if isinstance(values, Mapping | str | bytes):
            raise InvalidSolution("unparsable", "not an array of city numbers")
        tour = [_city(value) for value in values]
        if len(tour) > 1 and tour[0] == tour[-1] and len(tour) == self.cities + 1:
            tour.pop()  # the return to the first city
        unknown = [city for city in tour if not 0 <= city < self.cities]
        if unknown:
            raise InvalidSolution("out_of_range", f"there is no city {unknown[0]}")
        seen: set[int] = set()
        for city in tour:
            if city in seen:
                raise InvalidSolution("out_of_range", f"city {city} is visited twice")
            seen.add(city)
        if len(tour) < self.cities:
            missing = min(set(range(self.cities)) - seen)
            raise InvalidSolution("out_of_range", f"city {missing} is not visited")
        return normal(tour)

    def schema(self) -> dict[str, Any]:
        """An array of all city numbers."""
        return {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": self.cities - 1},
            "minItems": self.cities,
            "maxItems": self.cities,
        }

    def grammar(self) -> str:
        """GBNF of a tour after its prefix: the right number of cities, perhaps some twice.

        A grammar that excludes repeated cities would be too large; :meth:`read` refuses them.
        """
        city = up_to(self.cities - 1, first=1)
        return f'{city} ("," {city}){{{self.cities - 2}}}'

    def describe(self) -> str:
        """What a tour is, in words."""
        return (
            f"a tour is an array of all {self.cities} city numbers, 0 to {self.cities - 1}, "
            "each exactly once, beginning with 0"
        )


class TourRow:
    """The compact notation of tours: ``0,3,1,2``."""

    prefix = "0,"

    def __init__(self, space: Tours) -> None:
        self._space = space
        self.max_chars = space.max_chars - len(WORD)
        self.grammar = space.grammar

    def render(self, point: Point) -> str:
        """One line, such as ``0,3,1,2``."""
        return self._space.render(point).removeprefix(WORD)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`; spaces do not matter. Raises InvalidSolution."""
        return self._space.read(WORD + text)


def normal(tour: Sequence[int]) -> tuple[int, ...]:
    """The same round trip from city 0, in the direction whose second city is the lower."""
    at = list(tour).index(0)
    turned = [*tour[at:], *tour[:at]]
    if len(turned) > 2 and turned[1] > turned[-1]:
        turned[1:] = reversed(turned[1:])
    return tuple(turned)


def _city(value: Any) -> int:
    number = finite(value)
    if number != int(number):
        raise InvalidSolution("unparsable", "a city number with decimals")
    return int(number)
