"""Nearest neighbour: always on to the nearest city not yet visited."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from opro_cli.optimizers.base import Task
from opro_cli.optimizers.tour import Construction, TourSettings, distances_of
from opro_cli.problems.base import Integer
from opro_cli.tours import nearest_neighbour

LABEL = "nearest-neighbour"


class NearestNeighbourSettings(TourSettings):
    """The ``nearest-neighbour:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "tours that go on to the nearest city each time"

    cities: Annotated[Integer, Field(ge=1)] = 1
    """Cities to start a tour from: the first so many; 1 is the textbook's heuristic."""

    def build(self, task: Task) -> Construction:
        """The tours of this problem. Raises UsageError where there are no distances."""
        distances = distances_of(task, LABEL)
        cities = range(min(self.cities, len(distances)))
        return Construction(task, (nearest_neighbour(distances, city) for city in cities), LABEL)
