"""Random search: points drawn uniformly from the space, independent of the values found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Drawable
from opro_cli.core.settings import Integer
from opro_cli.optimizers.base import BaselineSettings, BaseOptimizer, drawable_space

LABEL = "random"

TRIES = 20
"""Draws for each new point of a step."""


class RandomSettings(BaselineSettings):
    """The ``random:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "points drawn uniformly from the space"
    space: ClassVar[type] = Drawable

    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Points a step; the points drawn next do not depend on it."""

    @property
    @override
    def evaluations_per_step(self) -> int:
        return self.points_per_step

    @override
    def build(self, context: OptimizerContext) -> RandomSearch:
        return RandomSearch(self, context)


class RandomSearch(BaseOptimizer):
    """Uniform draws, seeded by step; as far as possible, no point is proposed twice in a run."""

    def __init__(self, settings: RandomSettings, context: OptimizerContext) -> None:
        super().__init__(context)
        self._settings = settings
        self._drawable = drawable_space(context.problem, LABEL)
        self._known: set[Point] = set()

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        self._known.update(pair.point for pair in pairs)

    @override
    async def ask(self, step: int) -> Batch:
        """New points; fewer, and then none, where the space has hardly any left."""
        rng = self.randomness.generator(step, "random")
        count = self._settings.points_per_step
        drawn: dict[Point, Proposal] = {}
        for _ in range(TRIES * count):
            point = self._drawable.sample(rng)
            if point not in self._known:
                drawn.setdefault(point, Proposal(point, LABEL))
            if len(drawn) == count:
                break
        return Batch(tuple(drawn.values()), in_turn=True)
