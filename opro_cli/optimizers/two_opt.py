"""2-opt: the best exchange of two roads, again and again, until none shortens the tour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import Floats, Known
from opro_cli.optimizers.tour import TourSettings, distances_of, from_city_0
from opro_cli.tours import shortening

LABEL = "two-opt"


class TwoOptSettings(TourSettings):
    """The ``two-opt:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the best exchange of two roads, until none shortens the tour"
    step_name: ClassVar[str] = "exchange"

    def build(self, task: Task) -> TwoOpt:
        """2-opt on this problem. Raises UsageError where there are no distances."""
        return TwoOpt(task, distances_of(task, LABEL))


class TwoOpt:
    """From the best starting tour; where that can be shortened no more, from the next best.

    Which exchange is best is read from the distances, and counts as no evaluation; each
    shortened tour does.
    """

    def __init__(self, task: Task, distances: Floats) -> None:
        self._problem = task.problem
        self._randomness = task.randomness
        self._distances = distances
        self._known = Known(task.problem.wording.direction)
        self._queue: list[Point] | None = None

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """The starting tours, then each shortened one, which is the next to be shortened."""
        self._known.add(pairs)
        if self._queue is None:
            self._queue = self._known.ranked()
        elif pairs:
            self._queue = [pairs[-1].point, *self._remaining()[1:]]

    async def ask(self, step: int) -> Asked:
        """The tour after the best exchange."""
        shorter = [self._shorter(tour) for tour in self._remaining()[:1]]
        proposals = tuple(Proposal(tour, LABEL) for tour in shorter if tour is not None)
        return Asked(proposals, in_turn=True, stop=None if proposals else "exhausted")

    def _remaining(self) -> list[Point]:
        """The tours to be shortened, without those at the front that cannot be."""
        queue = self._queue or []
        while queue and self._shorter(queue[0]) is None:
            queue = queue[1:]
        return queue

    def _shorter(self, tour: Point) -> Point | None:
        shorter = shortening(self._distances, list(tour))
        return None if shorter is None else self._problem.space.from_values(from_city_0(shorter))
