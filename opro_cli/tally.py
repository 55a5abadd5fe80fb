"""The running totals of one run, folded from its events: for the screen and for reports."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from opro_cli.events import (
    PAUSES,
    USABLE,
    Event,
    Failed,
    Fate,
    Point,
    Prompted,
    Replied,
    Scored,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.problems.base import Direction
from opro_cli.spec import RunSpec

LOSSES: tuple[Fate, ...] = ("blocked", "truncated", "empty", "unparsable", "non_finite")
"""Fates that say nothing of the search: with other luck the reply would have held a point."""
START, MODEL = "start", "model"
"""Sources of the points that a run begins with, and of those that a model proposes."""
CURVE = 64
"""Points kept of the curve of the best value."""


@dataclass
class Tally:
    """What a run has come to so far."""

    direction: Direction = "minimize"
    counts: Callable[[Scored], bool] = lambda pair: True
    """Which pairs count; the others are left out, as if nobody had proposed them."""
    solves: Callable[[Scored], bool] = lambda pair: True
    """Whether a pair that counts solves the problem; asked where others do not count."""
    step: int = 0
    best: tuple[Point, float] | None = None
    recorded_pairs: int = 0
    """Pairs recorded over all steps and the starts: a point proposed in two steps counts twice."""
    points: set[Point] = field(default_factory=set)
    sources: Counter[str] = field(default_factory=Counter)
    """Different points beyond the starts, by who proposed them first."""
    solver: str = ""
    """Who proposed the best point."""
    evaluations: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    idle: int = 0
    """Steps that brought no new point."""
    replies: int = 0
    calls: int = 0
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    """US dollars, as far as prices are known."""
    unpriced: int = 0
    """Replies of unknown price."""
    unmetered: int = 0
    """Replies whose tokens nobody counted."""
    models: Counter[str] = field(default_factory=Counter)
    form: str = ""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """(step, best value so far), thinned."""
    reason: str | None = None
    error: str | None = None
    hint: str = ""
    """What may help, where it failed."""
    seconds: float = 0.0
    """From the first event to the last, without the time between two sessions."""
    last: datetime | None = None
    """When the last event was."""
    _left_out: bool = False
    """Whether pairs of the last step do not count, and none that does is a solution."""

    @property
    def distinct_pairs(self) -> int:
        """Different points, the starts included."""
        return len(self.points)

    @property
    def unusable(self) -> int:
        """Replies (or solutions in them) that were no point."""
        return sum(count for fate, count in self.fates.items() if fate not in USABLE)

    @property
    def lost(self) -> dict[Fate, int]:
        """Replies (or solutions in them) that came to nothing for no reason of the search's."""
        return {fate: self.fates[fate] for fate in LOSSES if self.fates[fate]}

    @property
    def retries(self) -> int:
        """Attempts beyond the one that each reply takes."""
        return max(self.attempts - self.replies, 0)

    @property
    def state(self) -> str:
        """``converged``, ``stopped``, ``failed`` or ``unfinished`` (a pause included)."""
        if self.error is not None:
            return "failed"
        if self.reason is None or self.reason in PAUSES:
            return "unfinished"
        return "converged" if self.reason == "converged" else "stopped"

    def resumed(self, time: datetime) -> None:
        """A new session began: the time before it does not count."""
        self.last = None if self.last is None else max(self.last, time)

    def add(self, event: Event, time: datetime | None = None) -> None:
        """Take one event into account."""
        if time is not None:
            if self.last is not None:
                self.seconds += max((time - self.last).total_seconds(), 0.0)
            self.last = time
        match event:
            case Started(pairs):
                self._pairs(pairs)
                self.evaluations += len(pairs)
            case Prompted(form=form):
                self.form = form
            case Replied(reply=reply):
                self.replies += 1
                self.calls += reply.calls
                self.attempts += reply.attempts
                if reply.usage is None:
                    self.unmetered += 1
                else:
                    self.usage += reply.usage
                self.models[reply.model] += 1
                self.cost += reply.cost or 0.0
                self.unpriced += reply.cost is None
            case Stepped():
                self.step, self.reason, self.error = event.step, None, None  # it went on
                pairs = tuple(pair for pair in event.pairs if self.counts(pair))
                left_out = sum(not p.known for p in event.pairs) - sum(not p.known for p in pairs)
                self.evaluations += event.evaluations - left_out
                self.fates.update(reading.fate for reading in event.readings)
                self.idle += all(pair.known for pair in pairs)
                self._pairs(pairs)
                self._left_out = len(pairs) < len(event.pairs) and not any(map(self.solves, pairs))
            case Stopped(step, reason):
                by_code = reason == "converged" and self._left_out
                self.step, self.reason = step, "by_code" if by_code else reason
            case Failed():
                self.attempts += event.attempts
                self.error, self.hint = f"{event.error}: {event.message}", event.hint

    def better(self, value: float) -> bool:
        """Whether a value beats the best so far."""
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        return value < self.best[1] if self.direction == "minimize" else value > self.best[1]

    def _pairs(self, pairs: tuple[Scored, ...]) -> None:
        self.recorded_pairs += len(pairs)
        for pair in pairs:
            self.sources[pair.source] += pair.point not in self.points and pair.source != START
            self.points.add(pair.point)
            if self.better(pair.value):
                self.best, self.solver = (pair.point, pair.value), pair.source
        if self.best is not None:
            self.curve.append((self.step, self.best[1]))
            if len(self.curve) > CURVE:
                self.curve = [*self.curve[:-1:2], self.curve[-1]]


def tally_of(spec: RunSpec, *, model_only: bool = False) -> Tally:
    """An empty tally that knows which way is better.

    Args:
        spec: of the run.
        model_only: where a model proposes, count nobody else's points but the starts.
    """
    problem = spec.instance()
    tally = Tally(direction=problem.wording.direction)
    if model_only and spec.optimizer.needs_model:
        tally.counts = lambda pair: pair.source in (START, MODEL)
        tally.solves = lambda pair: problem.solved(problem.space.nearest(pair.point), pair.value)
    return tally
