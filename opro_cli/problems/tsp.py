"""The travelling salesman problem: the shortest round trip through all cities (OPRO, section 3.2).

Cities have whole coordinates, drawn as in google-deepmind/opro's optimize_tsp.py: x, then y,
uniformly from −100 to 100, cut to integers; the generator is ``numpy.random.RandomState``. As
there, the model is told the coordinates. Each repetition is another instance, by its seed.

Points are permutations, see :mod:`opro_cli.problems.tour`; anything else is refused before it is
scored. Solved is a tour as short as the shortest one, whose length is stated in ``optima`` or
computed when it is first needed.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from opro_cli.problems import shortest
from opro_cli.problems.base import (
    Integer,
    Number,
    Point,
    ProblemSettings,
    Settings,
    Target,
    Wording,
)
from opro_cli.problems.fitting import Floats, Seed, SeedRule
from opro_cli.problems.tour import MAX_CITIES, Tours, normal
from opro_cli.tours import farthest_insertion, length, nearest_neighbour

REACH = 100.0
SAME = 1e-6
"""Two tours whose lengths differ by less, relative to them, are equally long."""


class Optimum(Settings):
    """The length of an instance's shortest tour (``python benchmarks/optima.py``)."""

    cities: Integer
    seed: Seed
    length: Annotated[Number, Field(gt=0)]


class TspSettings(ProblemSettings):
    """The ``problem:`` section of a travelling salesman problem."""

    summary: ClassVar[str] = "the shortest round trip through cities on a plane"
    examples: ClassVar[dict[str, str]] = {"targets": "`targets: [{cities: 10}]`"}

    gap: ClassVar[bool] = True

    kind: Literal["tsp"] = "tsp"
    starts: Literal["random", "nearest-neighbour", "farthest-insertion"] = "random"
    """What the first points are; the heuristics begin at as many different cities."""
    num_starts: Annotated[Integer, Field(ge=1, le=10_000)] = 5
    num_output_decimals: Annotated[Integer, Field(ge=0, le=6)] = 0
    seeds: SeedRule = SeedRule(first=1, step=1)
    """Of the coordinates: by default another instance in each repetition."""
    optima: tuple[Optimum, ...] = ()

    @model_validator(mode="after")
    def _targets(self) -> Self:
        for target in self.targets:
            cities = target.get("cities")
            if set(target) != {"cities"} or not isinstance(cities, int | float):
                raise ValueError("targets: a target is a number of cities, as in {cities: 10}")
            if cities != int(cities) or not 4 <= cities <= MAX_CITIES:
                raise ValueError(f"targets: cities={cities} is no whole number, 4 to {MAX_CITIES}")
        return self

    def build(self, target: Target, repetition: int) -> TspProblem:
        """The instance of one repetition."""
        return TspProblem(self, int(target["cities"]), self.seeds.at(repetition))

    def check(self, repetitions: int) -> None:
        """Raises UsageError where a shortest tour is not stated and cannot be computed."""
        sizes = {int(target["cities"]) for target in self.targets}
        if sizes - {optimum.cities for optimum in self.optima}:
            shortest.check()

    def summary_of_settings(self) -> dict[str, Any]:
        """Without the optima, which follow from the rest."""
        return {k: v for k, v in super().summary_of_settings().items() if k != "optima"}

    def varies(self) -> bool:
        """Always: starting tours are drawn anew, if the cities are not."""
        return True


class TspProblem:
    """One instance. Points are tours."""

    def __init__(self, settings: TspSettings, cities: int, seed: int) -> None:
        self.space = Tours(cities)
        self.coordinates = coordinates(cities, seed)
        """Shape (n, 2)."""
        self.distances = distances_of(self.coordinates)
        """Shape (n, n), symmetric."""
        self.wording = Wording(
            task=f"the length of a round trip through {cities} cities",
            solution="tour",
            value="length",
            background=_told(self.coordinates),
            value_decimals=settings.num_output_decimals,
        )
        self._settings = settings
        self._seed = seed

    @functools.cached_property
    def optimum(self) -> float:
        """Length of the shortest tour: stated in the settings, else computed now.

        Raises UsageError where that needs scipy and it is not installed.
        """
        for stated in self._settings.optima:
            if (stated.cities, stated.seed) == (self.space.cities, self._seed):
                return stated.length
        return shortest.shortest_length(self.space.cities, self._seed)

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """Different tours, in the order they are drawn or made."""
        wanted, cities = count or self._settings.num_starts, self.space.cities
        tours: list[list[int]]
        if self._settings.starts == "random":
            tours = [rng.permutation(cities).tolist() for _ in range(wanted)]
        else:
            rule = nearest_neighbour
            if self._settings.starts == "farthest-insertion":
                rule = farthest_insertion
            tours = [rule(self.distances, first) for first in range(min(wanted, cities))]
        return list(dict.fromkeys(normal(tour) for tour in tours))

    def evaluate(self, point: Point) -> float:
        """Length of the tour."""
        return length(self.distances, point)

    def solved(self, point: Point, value: float) -> bool:
        """Whether no tour is shorter."""
        return value <= self.optimum * (1 + SAME)


def coordinates(cities: int, seed: int) -> Floats:
    """Whole coordinates of an instance, shape (n, 2)."""
    rng = np.random.RandomState(seed)
    return np.trunc(rng.uniform(-REACH, REACH, (2, cities))).T + 0.0  # no negative zero


def distances_of(points: NDArray[np.float64]) -> Floats:
    """Euclidean distances, shape (n, n)."""
    difference = points[:, np.newaxis] - points
    distances: Floats = np.sqrt((difference**2).sum(axis=-1))
    return distances


def _told(points: Floats) -> str:
    """The coordinates in words."""
    cities = ", ".join(f"{i}: ({x:.0f}, {y:.0f})" for i, (x, y) in enumerate(points))
    return f"The cities and their coordinates are {cities}."
