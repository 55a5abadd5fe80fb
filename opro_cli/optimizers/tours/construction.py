"""Construction heuristics: nearest neighbour and farthest insertion, and what all of them need."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Problem
from opro_cli.core.settings import Integer
from opro_cli.optimizers.base import BaselineSettings, BaseOptimizer, Floats
from opro_cli.problems.tsp.heuristics import TourProblem, farthest_insertion, nearest_neighbour


class TourSettings(BaselineSettings, ABC):
    """A heuristic that builds tours from distances."""

    information: ClassVar[str] = "distances"
    step_name: ClassVar[str] = "tour"

    @override
    def check_space(self, problem: Problem) -> None:
        distances_of(problem, self.name)

    @override
    def deterministic(self) -> bool:
        return True


def distances_of(problem: Problem, name: str) -> Floats:
    """The distances of a problem of tours, (n, n). Raises UsageError for another problem."""
    if not isinstance(problem, TourProblem):
        raise UsageError(
            f"{name} builds tours from distances, and this problem has none.",
            f"choose another optimizer, or leave {name} out of the baselines",
        )
    return problem.distances


class ConstructionSettings(TourSettings, ABC):
    """A heuristic that builds one tour from each of some cities."""

    cities: Annotated[Integer, Field(ge=1)] = 1
    """Cities to start a tour from: the first ones; 1 is the textbook's heuristic."""


class NearestNeighbourSettings(ConstructionSettings):
    """The ``nearest-neighbour:`` section."""

    name: ClassVar[str] = "nearest-neighbour"
    summary: ClassVar[str] = "tours that go on to the nearest city each time"

    @override
    def build(self, context: OptimizerContext) -> Construction:
        return Construction(self, context, nearest_neighbour)


class FarthestInsertionSettings(ConstructionSettings):
    """The ``farthest-insertion:`` section."""

    name: ClassVar[str] = "farthest-insertion"
    summary: ClassVar[str] = "a tour grown by the city farthest from it"

    @override
    def build(self, context: OptimizerContext) -> Construction:
        return Construction(self, context, farthest_insertion)


class Construction(BaseOptimizer):
    """Proposes one tour a step, from each city in turn; their lengths have no influence.

    Args:
        settings: the cities to start from, and the name of the heuristic.
        context: problem and randomness.
        construct: builds a tour from distances, (n, n), and the city to start from.
    """

    def __init__(
        self,
        settings: ConstructionSettings,
        context: OptimizerContext,
        construct: Callable[[Floats, int], list[int]],
    ) -> None:
        super().__init__(context)
        distances = distances_of(context.problem, settings.name)
        cities = range(min(settings.cities, len(distances)))
        self._tours = [construct(distances, city) for city in cities]
        self._source = settings.name

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Do nothing: the tours are built from the distances."""

    @override
    async def ask(self, step: int) -> Batch:
        """The next tour."""
        if step > len(self._tours):
            return Batch((), stop="exhausted")
        tour = self.space.from_values(from_city_0(self._tours[step - 1]))
        return Batch((Proposal(tour, self._source),), in_turn=True)


def from_city_0(tour: Sequence[int]) -> list[int]:
    """The same round trip, written from city 0."""
    at = tour.index(0)
    return [*tour[at:], *tour[:at]]
