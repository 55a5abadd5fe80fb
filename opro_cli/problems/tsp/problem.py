"""The travelling salesman problem: the shortest round trip through all cities (OPRO, section 3.2).

Cities have whole coordinates, drawn as in google-deepmind/opro's optimize_tsp.py: x, then y,
uniformly from −100 to 100, cut to integers; the generator is ``numpy.random.RandomState``. As
there, the meta-prompt states the coordinates. Each repetition is another instance, by its seed.
Cities of one's own can be given instead.

Points are permutations, see :mod:`opro_cli.problems.spaces.tours`; anything else is refused before
it is evaluated. The problem is solved by a tour as short as the shortest one, whose length is
stated in ``optima`` or computed when it is first needed.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, Self

import numpy as np
from pydantic import ValidationError
from typing_extensions import override

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.core.events import Point
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.text import clean, number, plural
from opro_cli.problems.settings import Target
from opro_cli.problems.spaces.tours import Tours, normal
from opro_cli.problems.tsp import city_files, exact
from opro_cli.problems.tsp.fields import TspFields
from opro_cli.problems.tsp.heuristics import farthest_insertion, length, nearest_neighbour
from opro_cli.problems.tsp.instance import Floats, coordinates, distances_of

SAME = 1e-6
"""Two tours whose lengths differ by less, relative to them, are equally long."""


class TspSettings(TspFields):
    """The ``problem:`` section of a travelling salesman problem."""

    @override
    def located(self, folder: str) -> Self:
        """With the cities of the file, and with the length of the shortest tour through one's own.

        Both are then in the recording: reading it takes neither the file nor a solver.
        """
        made = self
        if self.cities is not None:
            found = city_files.read_cities(self.cities, folder)
            own = {"cities", "coordinates", "distances"}
            try:
                made = self.model_validate({**self.model_dump(exclude=own), **found})
            except ValidationError as error:
                first = error.errors()[0]
                why = first.get("ctx", {}).get("error", first["msg"])
                where = f"problem.cities: {clean(self.cities, 200)}"
                raise PresetError(f"{where}: {why}.", city_files.HINT) from None
        if not made.own_cities or made.shortest is not None:
            return made
        length = exact.length_if_soon(made.build(made.targets[0], 0).distances)
        return made.model_copy(update={"shortest": length})

    @override
    def has_goal(self) -> bool:
        """Always, but for cities of one's own whose shortest tour is not known."""
        return not self.own_cities or self.shortest is not None

    @override
    def facts(self) -> list[tuple[str, str]]:
        """Of one's own cities: how many, and whether the shortest tour is known."""
        if not self.own_cities:
            return []
        known = "not known, so a run ends by its limits (it is computed with opro-cli[tsp])"
        if self.shortest is not None:
            known = f"{number(self.shortest)} long"
        measured = "given distances" if self.distances is not None else f"distances {self.distance}"
        cities = plural(int(self.targets[0]["cities"]), "city", "cities")
        return [("cities", f"{cities}, {measured}; the shortest tour is {known}")]

    @override
    def files(self, folder: str) -> list[str]:
        path = city_files.find_cities(self.cities, folder) if self.cities else ""
        return [path] if path else []

    @override
    def build(self, target: Target, repetition: int) -> TspProblem:
        return TspProblem(self, int(target["cities"]), self.seeds.at(repetition))

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError where a shortest tour is not stated and cannot be computed."""
        if self.own_cities or exact.installed():
            return
        stated = {(optimum.cities, optimum.seed) for optimum in self.optima}
        for target in self.targets:
            for repetition in range(repetitions):
                cities, seed = int(target["cities"]), self.seeds.at(repetition)
                if (cities, seed) not in stated:
                    raise exact.missing(f" of {cities} cities with seed {seed}")

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the optima, which follow from the rest, and with cities as a digest."""
        settings = super().summary_of_settings()
        for name in ("coordinates", "distances"):
            if (given := getattr(self, name)) is not None:
                digest = hashlib.sha256(repr(given).encode()).hexdigest()
                settings[name] = f"given ({digest[:8]})"
        return {k: v for k, v in settings.items() if k not in ("optima", "shortest")}

    @override
    def varies(self) -> bool:
        """Always: the starting tours differ, even where the cities do not."""
        return True


class TspProblem(Problem):
    """One instance. Points are tours."""

    space: Tours

    def __init__(self, settings: TspFields, cities: int, seed: int) -> None:
        self.space = Tours(cities)
        own, table = settings.coordinates, settings.distances
        self.coordinates: Floats | None = np.array(own) if own is not None else None
        """Shape (n, 2); None where the distances alone are given."""
        if not settings.own_cities:
            self.coordinates = coordinates(cities, seed)
        if table is not None:
            self.distances = np.array(table)
        elif self.coordinates is not None:
            self.distances = distances_of(self.coordinates, settings.distance)
        """Shape (n, n), symmetric."""
        self.text = ProblemText(
            task=f"the length of a round trip through {cities} cities",
            solution="tour",
            value="length",
            background=_describe(self.coordinates, settings),
            value_decimals=settings.num_output_decimals,
        )
        self._settings = settings
        self._seed = seed

    @functools.cached_property
    def optimum(self) -> float | None:  # type: ignore[override]  # computed only where needed
        """Length of the shortest tour: stated in the settings, else computed now.

        None where it cannot be had, so that what is recorded can be read anywhere.
        """
        try:
            return self._shortest()
        except (UsageError, RuntimeError):
            return None

    def _shortest(self) -> float | None:
        """None for cities of one's own, where it is not known. Raises as exact.shortest_length."""
        if self._settings.own_cities:
            return self._settings.shortest
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
        """Whether no tour is shorter; never where the shortest is not known.

        Raises UsageError where it is neither stated nor can be computed here.
        """
        shortest = self.optimum
        if shortest is None:
            shortest = self._shortest()
        return shortest is not None and value <= shortest * (1 + SAME)


def _describe(points: Floats | None, settings: TspFields) -> str:
    """The coordinates in words, or the distances."""
    if points is None or settings.distances is not None:
        rows = settings.distances or ()
        listed = "; ".join(
            f"{i}: {' '.join(f'{d:.9g}' for d in row[:i])}" for i, row in enumerate(rows) if i
        )
        return (
            f"The distances from each city to those before it, beginning with city 0, are {listed}."
        )
    cities = ", ".join(f"{i}: ({x:.9g}, {y:.9g})" for i, (x, y) in enumerate(points))
    if settings.distance == "GEO":
        return f"The cities and their latitudes and longitudes (degrees.minutes) are {cities}."
    return f"The cities and their coordinates are {cities}."
