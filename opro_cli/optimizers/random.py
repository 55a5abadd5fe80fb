"""Random search: points drawn uniformly from the space, whatever was found before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings
from opro_cli.problems.base import Integer

TRIES = 20
"""Draws for each proposal of a step that is to be a new one."""


class RandomSettings(BaselineSettings):
    """The ``random:`` section."""

    name: ClassVar[str] = "random"
    summary: ClassVar[str] = "points drawn uniformly from the space"

    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Points a step; it has no bearing on which points are drawn next."""

    def build(self, task: Task) -> RandomSearch:
        """Random search on any problem."""
        return RandomSearch(self, task)


class RandomSearch:
    """Uniform draws, seeded by step, none proposed twice in a run where that can be helped."""

    def __init__(self, settings: RandomSettings, task: Task) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._known: set[Point] = set()

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Remember which points are known; their values are of no use here."""
        self._known.update(pair.point for pair in pairs)

    async def ask(self, step: int) -> Asked:
        """New points; fewer, and then none, where the space has hardly any left."""
        rng = self._randomness.generator(step, "random")
        wanted = self._settings.points_per_step
        drawn: dict[Point, Proposal] = {}
        for _ in range(TRIES * wanted):
            point = self._problem.space.sample(rng)
            if point not in self._known:
                drawn.setdefault(point, Proposal(point, "random"))
            if len(drawn) == wanted:
                break
        return Asked(tuple(drawn.values()), in_turn=True)
