"""Local search: points a step of any size away from good ones, drawn by code.

It draws its points as OPRO's adaptive strategy fills up its steps, and as many a step: that
strategy without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from opro_cli.core.events import Evaluation
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Drawable
from opro_cli.core.settings import Integer
from opro_cli.optimizers.base import BaselineSettings, BaseOptimizer, drawable_space
from opro_cli.optimizers.history import History
from opro_cli.optimizers.perturbation import perturb_points

LABEL = "local-search"


class LocalSearchSettings(BaselineSettings):
    """The ``local-search:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "points a step of any size away from good ones, drawn in code"
    space: ClassVar[type] = Drawable

    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Points drawn before the next values are looked at."""

    @property
    @override
    def evaluations_per_step(self) -> int:
        return self.points_per_step

    @override
    def build(self, context: OptimizerContext) -> LocalSearch:
        return LocalSearch(self, context)


class LocalSearch(BaseOptimizer):
    """Perturbations of good points; see :func:`opro_cli.optimizers.perturbation.perturb_points`."""

    def __init__(self, settings: LocalSearchSettings, context: OptimizerContext) -> None:
        super().__init__(context)
        self._settings = settings
        self._drawable = drawable_space(context.problem, LABEL)
        self._history = History(context.problem.text.direction)

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        self._history.add(pairs)

    @override
    async def ask(self, step: int) -> Batch:
        """New points near good ones; fewer where there are hardly any left."""
        points = perturb_points(
            self._history.ranked(),
            self._drawable,
            self._settings.points_per_step,
            self._history.tried,
            self.randomness.generator(step, "perturbed"),
        )
        return Batch(tuple(Proposal(point, "perturbed") for point in points))
