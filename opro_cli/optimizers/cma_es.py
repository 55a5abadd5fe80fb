"""CMA-ES, by the package ``cmaes`` (N. Hansen, The CMA Evolution Strategy: A Tutorial,
arXiv 1604.00772)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Continuous
from opro_cli.core.settings import Integer, Number
from opro_cli.optimizers.base import (
    BaselineSettings,
    BaseOptimizer,
    Floats,
    continuous_space,
    import_package,
)
from opro_cli.optimizers.history import KnownValues

LABEL = "cma-es"


class CmaEsSettings(BaselineSettings):
    """The ``cma-es:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "evolution strategy with covariance matrix adaptation (cmaes)"
    step_name: ClassVar[str] = "generation"
    space: ClassVar[type] = Continuous

    population_size: Annotated[Integer, Field(ge=4, le=1000)] = 8
    """Points a generation."""
    sigma: Annotated[Number, Field(gt=0, le=0.5)] = 0.025
    """First step size, as a fraction of each coordinate's range."""
    first_seed: Annotated[Integer, Field(ge=0, lt=2**31)] | None = None
    """One seed a repetition (this, this + 1, …), to repeat figures made with the package alone;
    null derives one for every generation from the run's seed."""

    @override
    def build(self, context: OptimizerContext) -> CmaEs:
        return CmaEs(self, context, import_package("cmaes", LABEL).CMA)


class CmaEs(BaseOptimizer):
    """From the best starting point; after each search has ended, again from a random point."""

    def __init__(self, settings: CmaEsSettings, context: OptimizerContext, strategy: Any) -> None:
        super().__init__(context)
        self._settings = settings
        self._cube = continuous_space(context.problem, LABEL)
        if len(self._cube.names) < 2:
            raise UsageError(
                "cma-es needs two coordinates or more, and this problem has one.",
                "choose another optimizer, or leave cma-es out of the baselines",
            )
        self._strategy = strategy
        self._known = KnownValues(context.problem.text.direction)
        self._cma: Any = None
        self._generation = 0
        self._drawn: list[tuple[Floats, Point]] = []

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Learn the values of the starting points, then those of a generation."""
        self._known.add(pairs)
        if self._cma is None:
            self._begin(self._cube.to_unit(self._known.best))
            return
        drawn = self._draw()  # drawn again where another process has asked for the generation
        self._drawn = []
        if any(point not in self._known for _, point in drawn):
            return  # the generation was cut short: the run is over
        self._cma.tell([(unit, self._known.loss(point)) for unit, point in drawn])
        self._generation += 1
        if self._cma.should_stop():
            rng = self.randomness.generator(self._generation, "cma-es restart")
            self._begin(rng.random(len(self._cube.names)))

    @override
    async def ask(self, step: int) -> Batch:
        """The points of a generation."""
        points = dict.fromkeys(point for _, point in self._draw())
        return Batch(tuple(Proposal(point, LABEL) for point in points), in_turn=True)

    def _begin(self, mean: Floats) -> None:
        seed = self.randomness.number(self._generation, "cma-es seed")
        if self._settings.first_seed is not None and self._generation == 0:
            seed = self._settings.first_seed + self.repetition
        self._cma = self._strategy(
            mean=mean,
            sigma=self._settings.sigma,
            bounds=np.array([[0.0, 1.0]] * len(mean)),
            population_size=self._settings.population_size,
            seed=seed,
        )

    def _draw(self) -> list[tuple[Floats, Point]]:
        """The points of this generation, the same whenever they are drawn."""
        if not self._drawn:
            if self._settings.first_seed is None:
                self._cma.reseed_rng(self.randomness.number(self._generation, LABEL))
            units = [self._cma.ask() for _ in range(self._settings.population_size)]
            self._drawn = [(unit, self._cube.from_unit(unit)) for unit in units]
        return self._drawn
