"""Local search: points a step of any size away from good ones, drawn in code.

It draws as OPRO's adaptive strategy does where the model brings too little, and in the same numbers
a step: what that strategy comes to without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from opro_cli.events import Point, Scored
from opro_cli.history import History
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings
from opro_cli.optimizers.perturb import perturbed
from opro_cli.problems.base import Integer


class LocalSearchSettings(BaselineSettings):
    """The ``local-search:`` section."""

    name: ClassVar[str] = "local-search"
    summary: ClassVar[str] = "points a step of any size away from good ones, drawn in code"

    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Points drawn before the next values are looked at."""

    @property
    def evaluations_per_step(self) -> int:
        """Every point is evaluated."""
        return self.points_per_step

    def build(self, task: Task) -> LocalSearch:
        """Local search on any problem."""
        return LocalSearch(self, task)


class LocalSearch:
    """Perturbations of good points; see :func:`opro_cli.optimizers.perturb.perturbed`."""

    def __init__(self, settings: LocalSearchSettings, task: Task) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._history = History(task.problem.wording.direction)

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Add to the history."""
        self._history.add(pairs)

    async def ask(self, step: int) -> Asked:
        """New points near good ones; fewer where there are hardly any left."""
        points = perturbed(
            self._history.ranked(),
            self._problem.space,
            self._settings.points_per_step,
            self._history.tried,
            self._randomness.generator(step, "perturbed"),
        )
        return Asked(tuple(Proposal(point, "perturbed") for point in points))
