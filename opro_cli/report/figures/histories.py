"""The course of a run: its best value so far, and what it had taken by then.

A second fold over the log, beside the totals: every number is one of the totals at that moment, so
that a picture shows what the tables say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from opro_cli.core.events import Event, Failed, Judged, Point, Started, Stepped, Stopped
from opro_cli.core.totals import RunTotals


class Moment(NamedTuple):
    """A run after one of its steps."""

    step: int
    """0 for the starting points."""
    evaluations: int
    """Evaluations of the objective, the starting points included."""
    calls: int
    """Calls of the optimizer's model."""
    cost: float | None
    """US dollars of all models; None where the price of a reply is unknown."""
    seconds: float
    """Since the first event, without the time between two sessions."""
    best: float
    """The best value so far."""


@dataclass
class History:
    """The best value so far as a step function: the moments at which it changed, and the last."""

    start: tuple[Point, float] | None = None
    """The best starting point, with its value."""
    _changes: list[Moment] = field(default_factory=list)
    _last: Moment | None = None

    @property
    def moments(self) -> list[Moment]:
        """In their order; none where no point has a value."""
        if self._last is None or self._last == self._changes[-1]:
            return list(self._changes)
        return [*self._changes, self._last]

    def add(self, event: Event, totals: RunTotals) -> None:
        """Take one event into account, once the totals have it."""
        if not isinstance(event, Started | Stepped | Judged | Stopped | Failed):
            return
        if totals.best is None:
            return
        if isinstance(event, Started):
            self.start = totals.best
        cost, best = totals.total_cost, totals.best[1]
        seen = (totals.step, totals.evaluations, totals.calls, cost, totals.seconds, best)
        self._last = Moment(*seen)
        if not self._changes or self._changes[-1].best != best:
            self._changes.append(self._last)
