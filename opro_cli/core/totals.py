"""The running totals of one run, folded from its events: for the screen and for reports."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opro_cli.core.events import (
    PAUSES,
    USABLE,
    Answers,
    Evaluated,
    Evaluation,
    Event,
    Failed,
    Judged,
    Point,
    Prompted,
    Replied,
    Started,
    Status,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.core.events.spending import Spending
from opro_cli.core.problem import Direction

LOST: tuple[Status, ...] = ("blocked", "truncated", "empty", "unparsable", "non_finite")
"""Statuses of replies that were lost by chance: another try might have brought a point."""

START, MODEL = "start", "model"
"""Sources of the points that a run begins with, and of those that a model proposes."""

MOST_CAUSES = 100
"""Causes that are counted at the same time: each may be another text, so the rarest are dropped."""

CURVE = 64
"""Points kept of the curve of the best value."""


@dataclass
class RoleTotals:
    """The answers of a problem's own model."""

    answers: int = 0
    cached: int = 0
    """Answers taken from other runs."""
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    """US dollars, as far as prices are known."""
    unpriced: int = 0

    def add(self, event: Answers) -> None:
        """Take one sum into account."""
        self.answers += event.answers
        self.cached += event.cached
        self.calls += event.calls
        self.usage += event.usage
        self.cost += event.cost
        self.unpriced += event.unpriced


@dataclass
class RunTotals:
    """The totals of a run so far."""

    direction: Direction = "minimize"
    counts: Callable[[Evaluation], bool] = lambda pair: True
    """Which pairs count; the others are left out, as if they had not been proposed."""
    solves: Callable[[Evaluation], bool] = lambda pair: True
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
    statuses: Counter[Status] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    """The most frequent reasons why solutions in replies were rejected, or points have no value."""
    without_value: int = 0
    """Evaluated points without a value, for which a reason is known."""
    failures: Counter[str] = field(default_factory=Counter)
    """The most frequent of these reasons; they are in ``causes`` too."""
    idle: int = 0
    """Steps that brought no new point."""
    replies: int = 0
    calls: int = 0
    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    spending: Spending = field(default_factory=Spending)
    """The amounts that count for caps: also of calls that brought no reply."""
    cost: float = 0.0
    """US dollars of the replies, as far as prices are known."""
    unpriced: int = 0
    """Replies of unknown price."""
    unmetered: int = 0
    """Replies without a count of their tokens."""
    models: Counter[str] = field(default_factory=Counter)
    form: str = ""
    roles: dict[str, RoleTotals] = field(default_factory=dict)
    """The answers of the problem's own models, by role."""
    judged: dict[str, Judged] = field(default_factory=dict)
    """The finalists by data set."""
    scored: dict[Point, Evaluation] = field(default_factory=dict)
    """The pairs whose answers, one an example, are recorded."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """(step, best value so far), thinned."""
    reason: str | None = None
    error: str | None = None
    permanent: bool = False
    """Whether going on after the error cannot help."""
    hint: str = ""
    """What may help, where it failed."""
    seconds: float = 0.0
    """From the first event to the last, without the time between two sessions."""
    last: datetime | None = None
    """When the last event was."""
    _open: set[Point] = field(default_factory=set)
    """The new points of a step that has not ended."""
    _forgotten: int = 0
    """Points that are counted, and no longer kept."""
    _left_out: bool = False
    """Whether pairs of the last step do not count, and none that does is a solution."""

    @property
    def distinct_pairs(self) -> int:
        """Different points, the starts included."""
        return len(self.points) + len(self._open) + self._forgotten

    def forget_points(self) -> None:
        """Give back the memory of a run's points, once no more events come: the counts stay."""
        self._forgotten = self.distinct_pairs
        self.points, self._open = set(), set()

    @property
    def unusable(self) -> int:
        """Replies (or solutions in them) that were no point."""
        return sum(count for fate, count in self.statuses.items() if fate not in USABLE)

    @property
    def lost(self) -> dict[Status, int]:
        """Replies (or solutions in them) that were lost by chance, by status."""
        return {status: self.statuses[status] for status in LOST if self.statuses[status]}

    @property
    def retries(self) -> int:
        """Attempts beyond the one that each reply takes."""
        return max(self.attempts - self.replies, 0)

    @property
    def total_cost(self) -> float | None:
        """US dollars of all models; None where the price of any reply is unknown."""
        roles = self.roles.values()
        unknown = self.unpriced or any(role.unpriced for role in roles)
        return None if unknown else self.cost + sum(role.cost for role in roles)

    @property
    def state(self) -> str:
        """``converged``, ``stopped``, ``failed`` or ``unfinished`` (a pause included)."""
        if self.error is not None:
            return "failed"
        if self.reason is None or self.reason in PAUSES:
            return "unfinished"
        return "converged" if self.reason == "converged" else "stopped"

    def result_json(self) -> dict[str, Any]:
        """The result of the run as a JSON object, the same wherever a run is printed as JSON."""
        best = {"point": list(self.best[0]), "value": self.best[1]} if self.best else None
        return {
            "state": self.state,
            "reason": self.reason,
            "error": self.error,
            "steps": self.step,
            "best": best,
            "distinct_pairs": self.distinct_pairs,
            "recorded_pairs": self.recorded_pairs,
            "evaluations": self.evaluations,
            "calls": self.calls,
            "retries": max(self.attempts - self.calls, 0),
            "replies": dict(self.statuses),
            "tokens": {"input": self.usage.input, "output": self.usage.output},
            "cost": self.total_cost,
            "seconds": round(self.seconds, 3),
        }

    def resumed(self, time: datetime) -> None:
        """A new session began: the time before it does not count."""
        self.last = None if self.last is None else max(self.last, time)

    def add(self, event: Event, time: datetime | None = None) -> None:
        """Take one event into account."""
        if time is not None:
            if self.last is not None:
                self.seconds += max((time - self.last).total_seconds(), 0.0)
            self.last = time
        self.spending.add(event)
        self._add_answers(event)
        self._add_values(event)
        match event:
            case Started(pairs):
                self._pairs(pairs)
                made = event.evaluations
                self.evaluations += len(pairs) if made is None else made
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
                self.step, self.reason, self.error = event.step, None, None  # it was resumed
                pairs = tuple(pair for pair in event.pairs if self.counts(pair))
                left_out = sum(not p.known for p in event.pairs) - sum(not p.known for p in pairs)
                self.evaluations += event.evaluations - left_out
                self.statuses.update(solution.status for solution in event.solutions)
                self.idle += all(pair.known for pair in pairs)
                for solution in event.solutions:
                    if solution.status not in USABLE:
                        _note(self.causes, solution.why or solution.status)
                self._pairs(pairs)
                self._left_out = len(pairs) < len(event.pairs) and not any(map(self.solves, pairs))
            case Stopped(step, reason):
                by_code = reason == "converged" and self._left_out
                self.step, self.reason = step, "by_code" if by_code else reason
                self.error = None  # it was resumed, and had nothing more to do
            case Failed():
                self.attempts += event.attempts
                self.error, self.hint = event.said, event.hint
                self.permanent = event.permanent and not self.step

    def _add_answers(self, event: Event) -> None:
        match event:
            case Answers():
                self.roles.setdefault(event.role, RoleTotals()).add(event)
            case Judged(split):
                self.judged[split] = event

    def better(self, value: float) -> bool:
        """Whether a value beats the best so far."""
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        return value < self.best[1] if self.direction == "minimize" else value > self.best[1]

    def _add_values(self, event: Event) -> None:
        """Count the values of a step that has not ended; its end counts them with their sources."""
        if isinstance(event, Started | Stepped):
            self.evaluations -= len(self._open)
            self._open = set()
        if not isinstance(event, Evaluated):
            return
        if event.point in self.points or not self.counts(Evaluation(event.point, event.value, "")):
            return
        self.evaluations += event.point not in self._open
        self._open.add(event.point)
        if self.better(event.value):
            self.best, self.solver = (event.point, event.value), ""

    def _pairs(self, pairs: tuple[Evaluation, ...]) -> None:
        self.recorded_pairs += len(pairs)
        for pair in pairs:
            self.sources[pair.source] += pair.point not in self.points and pair.source != START
            self.points.add(pair.point)
            if pair.detail:
                self.scored.setdefault(pair.point, pair)
            if pair.why and not pair.known:
                self.without_value += 1
                _note(self.causes, pair.why)
                _note(self.failures, pair.why)
            same = self.best == (pair.point, pair.value) and not self.solver
            if same or self.better(pair.value):
                self.best, self.solver = (pair.point, pair.value), pair.source
        if self.best is not None:
            self.curve.append((self.step, self.best[1]))
            if len(self.curve) > CURVE:
                self.curve = [*self.curve[:-1:2], self.curve[-1]]


def _note(causes: Counter[str], why: str) -> None:
    """Count a cause, and forget the rarest where there are too many."""
    causes[why] += 1
    if len(causes) > MOST_CAUSES:
        for rare, _ in causes.most_common()[MOST_CAUSES // 2 :]:
            del causes[rare]
