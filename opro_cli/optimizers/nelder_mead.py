"""Nelder–Mead, by scipy (J. A. Nelder and R. Mead, A simplex method for function minimization,
The Computer Journal 7, 1965).

scipy calls the objective itself. So every ``ask`` runs its minimisation again from the start, on
the values known so far, until it needs one that is not known: that point is the proposal. The
method keeps no state between two steps, so a resumed run continues exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Continuous
from opro_cli.core.settings import Number
from opro_cli.optimizers.base import (
    BaselineSettings,
    BaseOptimizer,
    Floats,
    continuous_space,
    import_package,
)
from opro_cli.optimizers.history import KnownValues

LABEL = "nelder-mead"

UNLIMITED = 10**9


class NelderMeadSettings(BaselineSettings):
    """The ``nelder-mead:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the simplex method of Nelder and Mead (scipy)"
    step_name: ClassVar[str] = "evaluation"
    space: ClassVar[type] = Continuous

    edge: Annotated[Number, Field(gt=0, le=0.5)] = 0.04
    """Edges of the first simplex, as a fraction of each coordinate's range."""
    tolerance: Annotated[Number, Field(gt=0)] = 1e-8
    """A simplex no larger than this (in the unit cube), with values that differ by no more, is
    finished; the next starting point follows."""

    @override
    def build(self, context: OptimizerContext) -> NelderMead:
        return NelderMead(self, context, import_package("scipy.optimize", LABEL).minimize)

    @override
    def deterministic(self) -> bool:
        return True


class _Unknown(Exception):
    """scipy needs the value of a point that is not known."""

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self.point = point


class NelderMead(BaseOptimizer):
    """From the best starting point; when that simplex is finished, from the next best."""

    def __init__(
        self, settings: NelderMeadSettings, context: OptimizerContext, minimize: Any
    ) -> None:
        super().__init__(context)
        self._settings = settings
        self._cube = continuous_space(context.problem, LABEL)
        self._minimize = minimize
        self._known = KnownValues(context.problem.text.direction)
        self._left: list[Point] | None = None

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Learn the values; the first are those of the starting points."""
        self._known.add(pairs)
        if self._left is None:
            self._left = self._known.ranked()

    @override
    async def ask(self, step: int) -> Batch:
        """The next point whose value scipy needs."""
        while self._left:
            point = self._next_point(self._left[0])
            if point is not None:
                return Batch((Proposal(point, "simplex"),), in_turn=True)
            self._left = self._left[1:]  # this simplex is finished, and stays finished
        return Batch((), stop="exhausted")

    def _next_point(self, start: Point) -> Point | None:
        """The first point without a known value in a minimisation from ``start``; None at its
        end."""

        def loss(unit: Floats) -> float:
            point = self._cube.from_unit(unit)
            if point not in self._known:
                raise _Unknown(point)
            return self._known.loss(point)

        first = self._cube.to_unit(start)
        tolerance = self._settings.tolerance
        try:
            self._minimize(
                loss,
                first,
                method="Nelder-Mead",
                bounds=[(0.0, 1.0)] * len(first),
                options={
                    "initial_simplex": _simplex(first, self._settings.edge),
                    "xatol": tolerance,
                    "fatol": tolerance,
                    "maxiter": UNLIMITED,
                    "maxfev": UNLIMITED,
                },
            )
        except _Unknown as unknown:
            return unknown.point
        return None


def _simplex(first: Floats, edge: float) -> Floats:
    """``first`` and one step along every coordinate, turned back at the cube's wall; (d+1, d)."""
    steps = np.where(first + edge <= 1.0, edge, -edge)
    return np.vstack([first, first + np.diag(steps)])
