"""The travelling salesman problem: the shortest round trip through all cities (OPRO, section 3.2).

Cities have whole coordinates, drawn as in google-deepmind/opro's optimize_tsp.py: x, then y,
uniformly from −100 to 100, cut to integers; the generator is ``numpy.random.RandomState``. As
there, the meta-prompt states the coordinates. Each repetition is another instance, by its seed.

Points are permutations, see :mod:`opro_cli.problems.spaces.tours`; anything else is refused before
it is evaluated. The problem is solved by a tour as short as the shortest one, whose length is
stated in ``optima`` or computed when it is first needed.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.settings import (
    Decimals,
    NumStarts,
    ProblemSettings,
    Seed,
    SeedRule,
    Target,
)
from opro_cli.problems.spaces.tours import MAX_CITIES, Tours, normal
from opro_cli.problems.tsp import exact
from opro_cli.problems.tsp.heuristics import farthest_insertion, length, nearest_neighbour
from opro_cli.problems.tsp.instance import Floats, coordinates, distances_of

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
    """How the starting points are made; the heuristics begin at different cities."""
    num_starts: NumStarts = 5
    num_output_decimals: Decimals = 0
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

    @override
    def build(self, target: Target, repetition: int) -> TspProblem:
        return TspProblem(self, int(target["cities"]), self.seeds.at(repetition))

    @override
    def check(self, repetitions: int) -> None:
        """Raises UsageError where a shortest tour is not stated and cannot be computed."""
        sizes = {int(target["cities"]) for target in self.targets}
        if sizes - {optimum.cities for optimum in self.optima}:
            exact.check_solver()

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the optima, which follow from the rest."""
        return {k: v for k, v in super().summary_of_settings().items() if k != "optima"}

    @override
    def varies(self) -> bool:
        """Always: the starting tours differ, even where the cities do not."""
        return True


class TspProblem(Problem):
    """One instance. Points are tours."""

    space: Tours

    def __init__(self, settings: TspSettings, cities: int, seed: int) -> None:
        self.space = Tours(cities)
        self.coordinates = coordinates(cities, seed)
        """Shape (n, 2)."""
        self.distances = distances_of(self.coordinates)
        """Shape (n, n), symmetric."""
        self.text = ProblemText(
            task=f"the length of a round trip through {cities} cities",
            solution="tour",
            value="length",
            background=_describe(self.coordinates),
            value_decimals=settings.num_output_decimals,
        )
        self._settings = settings
        self._seed = seed

    @functools.cached_property
    def optimum(self) -> float:  # type: ignore[override]  # computed only where it is needed
        """Length of the shortest tour: stated in the settings, else computed now.

        Raises UsageError where that needs scipy and it is not installed.
        """
        for stated in self._settings.optima:
            if (stated.cities, stated.seed) == (self.space.cities, self._seed):
                return stated.length
        return exact.shortest_length(self.space.cities, self._seed)

    @override
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """Different tours, in the order in which they are made."""
        wanted, cities = self._settings.num_starts, self.space.cities
        tours: list[list[int]]
        if self._settings.starts == "random":
            tours = [rng.permutation(cities).tolist() for _ in range(wanted)]
        else:
            rule = nearest_neighbour
            if self._settings.starts == "farthest-insertion":
                rule = farthest_insertion
            tours = [rule(self.distances, first) for first in range(min(wanted, cities))]
        return list(dict.fromkeys(normal(tour) for tour in tours))

    @override
    def evaluate(self, point: Point) -> float:
        """Length of the tour."""
        return length(self.distances, point)

    @override
    def solved(self, point: Point, value: float) -> bool:
        """Whether no tour is shorter."""
        return value <= self.optimum * (1 + SAME)


def _describe(points: Floats) -> str:
    """The coordinates in words."""
    cities = ", ".join(f"{i}: ({x:.0f}, {y:.0f})" for i, (x, y) in enumerate(points))
    return f"The cities and their coordinates are {cities}."
