"""Nelder–Mead, by scipy (J. A. Nelder and R. Mead, A simplex method for function minimization,
The Computer Journal 7, 1965).

scipy calls the objective itself. So at every ``ask`` its minimisation is run anew from the start,
on the values known so far, until it needs one that is not known: that point is the proposal. There
is nothing to keep between two steps, and so nothing to lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings, Floats, Known, cube, library
from opro_cli.problems.base import Number

LABEL = "nelder-mead"
UNLIMITED = 10**9


class NelderMeadSettings(BaselineSettings):
    """The ``nelder-mead:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the simplex method of Nelder and Mead (scipy)"
    step_name: ClassVar[str] = "evaluation"

    edge: Annotated[Number, Field(gt=0, le=0.5)] = 0.04
    """Edges of the first simplex, as a fraction of each coordinate's range."""
    tolerance: Annotated[Number, Field(gt=0)] = 1e-8
    """A simplex no larger than this (in the unit cube), with values no further apart, is done;
    the next starting point has its turn."""

    def build(self, task: Task) -> NelderMead:
        """The method on this problem. Raises UsageError without scipy or without numbers."""
        return NelderMead(self, task, library("scipy.optimize", LABEL).minimize)

    def deterministic(self) -> bool:
        """Nothing is drawn at random."""
        return True


class _Unknown(Exception):
    """A point whose value scipy wants and nobody knows."""

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self.point = point


class NelderMead:
    """From the best starting point; when that simplex is done, from the next best."""

    def __init__(self, settings: NelderMeadSettings, task: Task, minimize: Any) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._space = cube(task, LABEL)
        self._minimize = minimize
        self._known = Known(task.problem.wording.direction)
        self._left: list[Point] | None = None

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Learn the values; the first told are those of the starting points."""
        self._known.add(pairs)
        if self._left is None:
            self._left = self._known.ranked()

    async def ask(self, step: int) -> Asked:
        """The next point scipy wants the value of."""
        while self._left:
            wanted = self._wanted(self._left[0])
            if wanted is not None:
                return Asked((Proposal(wanted, "simplex"),), in_turn=True)
            self._left = self._left[1:]  # done: it needs no more values, and never will
        return Asked((), stop="exhausted")

    def _wanted(self, start: Point) -> Point | None:
        """The first point without a known value on the way from ``start``; None at its end."""

        def loss(unit: Floats) -> float:
            point = self._space.from_unit(unit)
            if point not in self._known:
                raise _Unknown(point)
            return self._known.loss(point)

        first = self._space.to_unit(start)
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
