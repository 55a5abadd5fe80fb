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
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator
from typing_extensions import override

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.core.events import Point
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.settings import (
    NumStarts,
    OutputDecimals,
    ProblemSettings,
    Seed,
    SeedRule,
    Target,
)
from opro_cli.problems.spaces.tours import MAX_CITIES, Tours, normal
from opro_cli.problems.tsp import exact, tsplib
from opro_cli.problems.tsp.heuristics import farthest_insertion, length, nearest_neighbour
from opro_cli.problems.tsp.instance import Floats, coordinates, distances_of

LEAST_CITIES = 4

Place: TypeAlias = Annotated[Number, Field(ge=-1e9, le=1e9)]

Cities: TypeAlias = tuple[tuple[Place, Place], ...]

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
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{cities: 10}]`, or cities of your own: "
        "`coordinates: [[0, 0], [0, 9], [9, 9], [9, 0]]`",
        "coordinates": "`coordinates: [[0, 0], [0, 9], [9, 9], [9, 0]]`",
    }

    gap: ClassVar[bool] = True

    kind: Literal["tsp"] = "tsp"
    starts: Literal["random", "nearest-neighbour", "farthest-insertion"] = "random"
    """How the starting points are made; the heuristics begin at different cities."""
    num_starts: NumStarts = 5
    num_output_decimals: OutputDecimals = 0
    """By default, lengths are cut to whole numbers; with cities of your own, they are shown in
    significant digits (null)."""
    seeds: SeedRule = SeedRule(first=1, step=1)
    """Of the coordinates: by default another instance in each repetition."""
    optima: tuple[Optimum, ...] = ()
    coordinates: Cities | None = Field(None, exclude_if=lambda value: value is None)
    """Cities of your own, instead of drawn ones; the target is their number."""
    tsplib: str | None = Field(None, exclude_if=lambda value: value is None)
    """A TSPLIB file to take them from, beside the preset or in the current folder."""
    rounded: bool = Field(False, exclude_if=lambda value: not value)
    """Whether distances are rounded to whole numbers, as those of a TSPLIB file are."""
    shortest: Annotated[Number, Field(gt=0)] | None = Field(
        None, exclude_if=lambda value: value is None
    )
    """The length of the shortest tour through your own cities. Left out, it is computed where
    scipy is installed and there are 50 cities or fewer; else a run ends by its limits."""

    @model_validator(mode="before")
    @classmethod
    def _own(cls, values: Any) -> Any:
        """Set the target to the number of one's own cities."""
        if not isinstance(values, Mapping):
            return values
        given = values.get("coordinates")
        if isinstance(given, list | tuple):
            own: dict[str, Any] = {"targets": [{"cities": len(given)}]}
        elif values.get("tsplib"):
            own = {"targets": [{"cities": LEAST_CITIES}]}  # until the file is read
        else:
            return values
        return {"num_output_decimals": None, **values, **own}

    @field_validator("coordinates")
    @classmethod
    def _coordinates(cls, cities: Cities | None) -> Cities | None:
        if cities is not None and not LEAST_CITIES <= len(cities) <= MAX_CITIES:
            raise ValueError(f"{len(cities)} cities, and {LEAST_CITIES} to {MAX_CITIES} are wanted")
        if cities is not None and len(set(cities)) == 1:
            raise ValueError("all cities are in one place")
        return cities

    @model_validator(mode="after")
    def _targets(self) -> Self:
        for target in self.targets:
            cities = target.get("cities")
            if set(target) != {"cities"} or not isinstance(cities, int | float):
                raise ValueError("targets: a target is a number of cities, as in {cities: 10}")
            if cities != int(cities) or not LEAST_CITIES <= cities <= MAX_CITIES:
                raise ValueError(
                    f"targets: cities={cities} is no whole number, {LEAST_CITIES} to {MAX_CITIES}"
                )
        return self

    @override
    def located(self, folder: str) -> Self:
        """With the cities of the file, and with the length of the shortest tour through one's own.

        Both are then in the recording: reading it takes neither the file nor a solver.
        """
        found: dict[str, Any] = {}
        if self.tsplib and self.coordinates is None:
            found |= {"coordinates": tsplib.read_cities(self.tsplib, folder), "rounded": True}
        elif self.coordinates is None or self.shortest is not None:
            return self
        try:
            made = self.model_validate({**self.model_dump(), **found})
        except ValidationError as error:
            first = error.errors()[0]
            why = first.get("ctx", {}).get("error", first["msg"])
            raise PresetError(f"problem.tsplib: {self.tsplib}: {why}.", tsplib.HINT) from None
        if made.shortest is None and made.coordinates is not None:
            length = exact.length_through(made.coordinates, made.rounded)
            made = made.model_copy(update={"shortest": length})
        return made

    @override
    def build(self, target: Target, repetition: int) -> TspProblem:
        return TspProblem(self, int(target["cities"]), self.seeds.at(repetition))

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """Raises UsageError where a shortest tour is not stated and cannot be computed."""
        if self.coordinates is not None or exact.installed():
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
        if self.coordinates is not None:
            digest = hashlib.sha256(repr(self.coordinates).encode()).hexdigest()
            settings["coordinates"] = f"given ({digest[:8]})"
        return {k: v for k, v in settings.items() if k not in ("optima", "shortest")}

    @override
    def varies(self) -> bool:
        """Always: the starting tours differ, even where the cities do not."""
        return True


class TspProblem(Problem):
    """One instance. Points are tours."""

    space: Tours

    def __init__(self, settings: TspSettings, cities: int, seed: int) -> None:
        self.space = Tours(cities)
        own = settings.coordinates
        self.coordinates = coordinates(cities, seed) if own is None else np.array(own)
        """Shape (n, 2)."""
        self.distances = distances_of(self.coordinates, settings.rounded)
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
        if self._settings.coordinates is not None:
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


def _describe(points: Floats) -> str:
    """The coordinates in words."""
    cities = ", ".join(f"{i}: ({x:.9g}, {y:.9g})" for i, (x, y) in enumerate(points))
    return f"The cities and their coordinates are {cities}."
