"""The fields of the ``problem:`` section of tours: drawn cities, or cities of one's own."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, field_validator, model_validator

from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.settings import NumStarts, OutputDecimals, ProblemSettings, Seed, SeedRule
from opro_cli.problems.spaces.tours import MAX_CITIES
from opro_cli.problems.tsp.instance import Distance

LEAST_CITIES = 4

Place: TypeAlias = Annotated[Number, Field(ge=-1e9, le=1e9)]

Cities: TypeAlias = tuple[tuple[Place, Place], ...]

Distances: TypeAlias = tuple[tuple[Annotated[Number, Field(ge=0, le=1e12)], ...], ...]


class Optimum(Settings):
    """The length of an instance's shortest tour (``python benchmarks/optima.py``)."""

    cities: Integer
    """Their number."""
    seed: Seed
    """The seed of the instance."""
    length: Annotated[Number, Field(gt=0)]
    """The length of its shortest tour."""


class TspFields(ProblemSettings, ABC):
    """The fields of the ``problem:`` section of a travelling salesman problem."""

    summary: ClassVar[str] = "the shortest round trip through cities on a plane"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{cities: 10}]`, or cities of your own: "
        "`coordinates: [[0, 0], [0, 9], [9, 9], [9, 0]]` or `cities: FILE`",
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
    distance: Distance = Field("plane", exclude_if=lambda value: value == "plane")
    """How distances follow from coordinates: on a plane, or EUC_2D, CEIL_2D, ATT or GEO, which
    give whole numbers as in TSPLIB."""
    distances: Distances | None = Field(None, exclude_if=lambda value: value is None)
    """The distances themselves, a symmetric table; coordinates are then only for pictures."""
    cities: str | None = Field(None, exclude_if=lambda value: value is None)
    """A file to take the cities from (TSPLIB, CSV, TSV or JSON), beside the preset or in the
    current folder; it replaces coordinates and distances."""
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
        values = _renamed(values)
        given = values.get("distances") or values.get("coordinates")
        if values.get("cities"):
            own: dict[str, Any] = {"targets": [{"cities": LEAST_CITIES}]}  # until it is read
        elif isinstance(given, list | tuple):
            own = {"targets": [{"cities": len(given)}]}
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

    @field_validator("distances")
    @classmethod
    def _distances(cls, rows: Distances | None) -> Distances | None:
        if rows is None:
            return None
        if not LEAST_CITIES <= len(rows) <= MAX_CITIES:
            raise ValueError(f"{len(rows)} cities, and {LEAST_CITIES} to {MAX_CITIES} are wanted")
        if any(len(row) != len(rows) for row in rows):
            raise ValueError(f"a table of {len(rows)} rows needs {len(rows)} numbers in each")
        table = np.array(rows)
        if table.diagonal().any() or not np.array_equal(table, table.T):
            raise ValueError("the way back should be as long, and from a city to itself 0")
        if not table.any():
            raise ValueError("all cities are in one place")
        return rows

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if self.distances and self.coordinates and len(self.distances) != len(self.coordinates):
            raise ValueError("coordinates: their number is not that of the distances")
        return self

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

    @property
    def own_cities(self) -> bool:
        """Whether the cities are given, not drawn."""
        return self.coordinates is not None or self.distances is not None


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings under today's names: older runs have ``tsplib`` and ``rounded``."""
    found = dict(values)
    if found.pop("rounded", False):
        found["distance"] = "EUC_2D"
    file = found.pop("tsplib", None)
    if file is not None and not found.get("coordinates"):
        found["cities"] = file
    return found
