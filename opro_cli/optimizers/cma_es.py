"""CMA-ES, by the package ``cmaes`` (N. Hansen, The CMA Evolution Strategy: A Tutorial,
arXiv 1604.00772)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from opro_cli.errors import UsageError
from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings, Floats, Known, cube, library
from opro_cli.problems.base import Integer, Number

LABEL = "cma-es"


class CmaEsSettings(BaselineSettings):
    """The ``cma-es:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "evolution strategy with covariance matrix adaptation (cmaes)"
    step_name: ClassVar[str] = "generation"

    population_size: Annotated[Integer, Field(ge=4, le=1000)] = 8
    """Points a generation."""
    sigma: Annotated[Number, Field(gt=0, le=0.5)] = 0.025
    """First step size, as a fraction of each coordinate's range."""
    first_seed: Annotated[Integer, Field(ge=0, lt=2**31)] | None = None
    """One seed a repetition (this, this + 1, …), to repeat figures made with the package alone;
    null derives one for every generation from the run's seed."""

    def build(self, task: Task) -> CmaEs:
        """The strategy on this problem. Raises UsageError without cmaes or two coordinates."""
        return CmaEs(self, task, library("cmaes", LABEL).CMA)


class CmaEs:
    """From the best starting point; where a search has come to rest, again from a random one."""

    def __init__(self, settings: CmaEsSettings, task: Task, strategy: Any) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._repetition = task.repetition
        self._space = cube(task, LABEL)
        if len(self._space.names) < 2:
            raise UsageError(
                "cma-es needs two coordinates or more, and this problem has one.",
                "leave cma-es out of the baselines",
            )
        self._strategy = strategy
        self._known = Known(task.problem.wording.direction)
        self._cma: Any = None
        self._generation = 0
        self._drawn: list[tuple[Floats, Point]] = []

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """The values of the starting points, then those of a generation."""
        self._known.add(pairs)
        if self._cma is None:
            self._begin(self._space.to_unit(self._known.ranked()[0]))
            return
        drawn = self._draw()  # drawn again where the generation was asked for in another process
        self._drawn = []
        if any(point not in self._known for _, point in drawn):
            return  # cut short: the run is over
        self._cma.tell([(unit, self._known.loss(point)) for unit, point in drawn])
        self._generation += 1
        if self._cma.should_stop():
            rng = self._randomness.generator(self._generation, "cma-es restart")
            self._begin(rng.random(len(self._space.names)))

    async def ask(self, step: int) -> Asked:
        """A generation."""
        points = dict.fromkeys(point for _, point in self._draw())
        return Asked(tuple(Proposal(point, LABEL) for point in points), in_turn=True)

    def _begin(self, mean: Floats) -> None:
        seed = self._randomness.number(self._generation, "cma-es seed")
        if self._settings.first_seed is not None and self._generation == 0:
            seed = self._settings.first_seed + self._repetition
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
                self._cma.reseed_rng(self._randomness.number(self._generation, LABEL))
            units = [self._cma.ask() for _ in range(self._settings.population_size)]
            self._drawn = [(unit, self._space.from_unit(unit)) for unit in units]
        return self._drawn
