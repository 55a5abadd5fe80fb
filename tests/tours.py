"""A small problem of tours, for optimizers that build them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Notation, Problem, ProblemText


class Tours:
    """All tours through n cities that start at city 0."""

    names: tuple[str, ...] = ()
    prefix = "0"

    def __init__(self, n: int) -> None:
        self.n = n
        self.max_chars = 3 * n

    def render(self, point: Point) -> str:
        return ",".join(map(str, point))

    def read(self, text: str) -> Point:
        return self.from_values([int(part) for part in text.split(",")])

    def to_values(self, point: Point) -> Any:
        return list(point)

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        if sorted(values) != list(range(self.n)) or values[0] != 0:
            raise InvalidSolution("unparsable", "no tour from city 0")
        return tuple(values)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer"}}

    def grammar(self) -> str:
        return '("," [0-9]+)+'

    def describe(self) -> str:
        return f"a tour through cities 0 to {self.n - 1}"

    def nearest(self, point: Point) -> Point:
        return point

    def neighbor(self, point: Point, rng: np.random.Generator) -> Point:
        i, j = rng.choice(range(1, self.n), 2, replace=False)
        swapped = list(point)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        return tuple(swapped)

    def compact(self, first: int = 0) -> Notation:
        return self

    def sample(self, rng: np.random.Generator) -> Point:
        return (0, *(int(i) + 1 for i in rng.permutation(self.n - 1)))


class TourProblem(Problem):
    """Cities drawn from a seed; the optimum by trying every tour."""

    def __init__(self, n: int = 7, seed: int = 0) -> None:
        cities = np.random.default_rng(seed).uniform(-100, 100, (n, 2))
        self.distances = np.linalg.norm(cities[:, np.newaxis] - cities, axis=2)
        self.space = Tours(n)
        self.text = ProblemText(task="a round trip", solution="tour", value="length")
        tours = permutations(range(1, n)) if n <= 8 else ()
        self.optimum = min((self.evaluate((0, *rest)) for rest in tours), default=None)

    def starts(self, rng: np.random.Generator) -> list[Point]:
        return [self.space.sample(rng) for _ in range(5)]

    def evaluate(self, point: Point) -> float:
        here = np.array(point)
        return float(self.distances[here, np.roll(here, -1)].sum())

    def solved(self, point: Point, value: float) -> bool:
        return self.optimum is not None and self.evaluate(point) <= self.optimum + 1e-9
