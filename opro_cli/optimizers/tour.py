"""What the tour heuristics share: a problem with distances, and a list of tours to propose."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Sequence
from typing import ClassVar

from opro_cli.errors import UsageError
from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings, Floats
from opro_cli.tours import TourProblem


class TourSettings(BaselineSettings, ABC):
    """A heuristic that builds tours from distances."""

    sees: ClassVar[str] = "distances"
    step_name: ClassVar[str] = "tour"

    def deterministic(self) -> bool:
        """Nothing is drawn at random."""
        return True


def distances_of(task: Task, name: str) -> Floats:
    """The distances of a problem of tours, (n, n). Raises UsageError for another problem."""
    if not isinstance(task.problem, TourProblem):
        raise UsageError(
            f"{name} builds tours from distances, and this problem has none.",
            f"leave {name} out of the baselines",
        )
    return task.problem.distances


class Construction:
    """Proposes one tour a step, whatever their lengths turn out to be, until there are no more."""

    def __init__(self, task: Task, tours: Iterator[list[int]], source: str) -> None:
        self._problem = task.problem
        self._randomness = task.randomness
        self._tours = list(tours)
        self._source = source

    def starts(self) -> list[Point]:
        """The problem's starting points; the heuristic makes no use of them."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Nothing to learn."""

    async def ask(self, step: int) -> Asked:
        """The next tour."""
        if step > len(self._tours):
            return Asked((), stop="exhausted")
        tour = self._problem.space.from_values(from_city_0(self._tours[step - 1]))
        return Asked((Proposal(tour, self._source),), in_turn=True)


def from_city_0(tour: Sequence[int]) -> list[int]:
    """The same round trip, written from city 0."""
    at = tour.index(0)
    return [*tour[at:], *tour[:at]]
