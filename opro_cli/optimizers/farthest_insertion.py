"""Farthest insertion: the city farthest from the tour comes next, where it costs least."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from opro_cli.optimizers.base import Task
from opro_cli.optimizers.tour import Construction, TourSettings, distances_of
from opro_cli.problems.base import Integer
from opro_cli.tours import farthest_insertion

LABEL = "farthest-insertion"


class FarthestInsertionSettings(TourSettings):
    """The ``farthest-insertion:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "a tour grown by the city farthest from it"

    cities: Annotated[Integer, Field(ge=1)] = 1
    """Cities to grow a tour from: the first so many; 1 is the textbook's heuristic."""

    def build(self, task: Task) -> Construction:
        """The tours of this problem. Raises UsageError where there are no distances."""
        distances = distances_of(task, LABEL)
        cities = range(min(self.cities, len(distances)))
        return Construction(task, (farthest_insertion(distances, city) for city in cities), LABEL)
