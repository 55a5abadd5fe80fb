"""2-opt: the best exchange of two roads, repeated until none shortens the tour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.optimizers.base import BaseOptimizer
from opro_cli.optimizers.history import KnownValues
from opro_cli.optimizers.tours.construction import TourSettings, distances_of, from_city_0
from opro_cli.problems.tsp.heuristics import shortening

LABEL = "two-opt"


class TwoOptSettings(TourSettings):
    """The ``two-opt:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the best exchange of two roads, until none shortens the tour"
    step_name: ClassVar[str] = "exchange"

    @override
    def build(self, context: OptimizerContext) -> TwoOpt:
        return TwoOpt(context)


class TwoOpt(BaseOptimizer):
    """From the best starting tour; when that cannot be shortened further, from the next best.

    The best exchange is computed from the distances, and counts as no evaluation; each shortened
    tour counts as one.
    """

    def __init__(self, context: OptimizerContext) -> None:
        super().__init__(context)
        self._distances = distances_of(context.problem, LABEL)
        self._known = KnownValues(context.problem.text.direction)
        self._queue: list[Point] | None = None

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Learn the starting tours, then each shortened one, which is to be shortened next."""
        self._known.add(pairs)
        if self._queue is None:
            self._queue = self._known.ranked()
        elif pairs:
            self._queue = [pairs[-1].point, *self._remaining()[1:]]

    @override
    async def ask(self, step: int) -> Batch:
        """The tour after the best exchange."""
        shorter = [self._shorter(tour) for tour in self._remaining()[:1]]
        proposals = tuple(Proposal(tour, LABEL) for tour in shorter if tour is not None)
        return Batch(proposals, in_turn=True, stop=None if proposals else "exhausted")

    def _remaining(self) -> list[Point]:
        """The tours to be shortened, without those at the front that cannot be."""
        queue = self._queue or []
        while queue and self._shorter(queue[0]) is None:
            queue = queue[1:]
        return queue

    def _shorter(self, tour: Point) -> Point | None:
        shorter = shortening(self._distances, list(tour))
        return None if shorter is None else self.space.from_values(from_city_0(shorter))
