"""A run read once from its log: for reports, for resuming it and for replaying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

from opro_cli.core.errors import OproError, RunsError
from opro_cli.core.events import (
    PAUSES,
    UNREPEATED,
    Evaluated,
    Evaluation,
    Event,
    Failed,
    Judged,
    Point,
    Prompted,
    Replied,
    Reply,
    Resumed,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.problem import InvalidSolution, Problem, Space, nearest_point
from opro_cli.core.totals import MODEL, START, RunTotals
from opro_cli.llm.budget import Amount
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.disk.answers import RecordedAnswers, read_answers
from opro_cli.runs.disk.contents import decisive, recorded
from opro_cli.runs.disk.log import LoggedEvent
from opro_cli.runs.disk.sessions import Session
from opro_cli.runs.disk.stored import DAMAGED, UNREADABLE, brief
from opro_cli.runs.progress import RunView
from opro_cli.runs.store import EVENTS_FILE, RUN_FILE, StoredRun

Key: TypeAlias = tuple[str, int, int]


@dataclass
class RunRecord:
    """A run so far.

    The events are all there, in their order, unless only the totals were asked for.
    """

    view: RunView
    events: list[Event] = field(default_factory=list)
    last: Event | None = None
    spans: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Of each session: from when to when."""
    optimum: float | None = None
    """The value at the target, where it was recorded."""
    ours: bool = True
    """Whether this tool recorded it, so that every field of every event can be compared."""
    same_version: bool = False
    """Whether this very version recorded it, so that prompts must be equal to the letter."""
    changed: str = ""
    """The first thing that is not as it was written, or does not follow from the rest."""
    answers: RecordedAnswers = field(default_factory=RecordedAnswers)
    """The answers of the problem's own model: read with the events, and of unfinished runs."""
    unchecked: tuple[str, ...] = ()
    """What a replay cannot check, in a few words each."""

    @property
    def spec(self) -> RunSpec:
        """The settings of the run."""
        return self.view.spec

    @property
    def totals(self) -> RunTotals:
        """The totals of the run."""
        return self.view.totals

    @property
    def spent(self) -> Amount:
        """What counts for caps: the optimizer's calls, and those of the problem."""
        of_answers, roles = self.answers.spending, self.totals.roles.values()
        asked = self.totals.spending
        return Amount(
            calls=asked.calls + max(of_answers.calls, sum(r.calls for r in roles)),
            tokens=asked.tokens
            + max(of_answers.tokens, sum(r.usage.input + r.usage.output for r in roles)),
            cost=asked.cost + max(of_answers.cost, sum(r.cost for r in roles)),
        )

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.totals.state in ("converged", "stopped")

    @property
    def resumable(self) -> bool:
        """Whether there is anything to go on with: no starting point without a value stops it."""
        last = self.last
        hopeless = isinstance(last, Failed) and last.permanent
        return not self.finished and not (hopeless and not self.totals.step)

    @cached_property
    def by_key(self) -> dict[Key, Event]:
        """The events that are not written again when the run is resumed."""
        return {found: event for event in self.events if (found := event_key(event)) is not None}

    @cached_property
    def replies(self) -> dict[tuple[int, int], Reply]:
        """Replies by step and sample: they are not asked for again."""
        return {(e.step, e.sample): e.reply for e in self.events if isinstance(e, Replied)}

    @cached_property
    def values(self) -> dict[Point, Evaluation]:
        """Points with their values: they are not evaluated again."""
        found: dict[Point, Evaluation] = {}
        for event in self.events:
            if isinstance(event, Started | Stepped):
                for pair in event.pairs:
                    found.setdefault(pair.point, pair)
            elif isinstance(event, Evaluated):
                pair = Evaluation(event.point, event.value, why=event.why, note=event.note)
                found.setdefault(event.point, pair)
        return found

    @cached_property
    def starts(self) -> tuple[Evaluation, ...]:
        """The starting points."""
        return next((event.pairs for event in self.events if isinstance(event, Started)), ())

    @cached_property
    def steps(self) -> dict[int, Stepped]:
        """The finished steps by number."""
        return {event.step: event for event in self.events if isinstance(event, Stepped)}

    @cached_property
    def shown(self) -> dict[int, tuple[tuple[Point, str], ...]]:
        """The pairs shown in each step's first meta-prompt."""
        return {
            event.step: event.shown
            for event in reversed(self.events)
            if isinstance(event, Prompted)
        }

    @property
    def stop(self) -> Stopped | None:
        """The last stop."""
        stops = [event for event in self.events if isinstance(event, Stopped)]
        return stops[-1] if stops else None

    def uninterrupted(self) -> list[Event]:
        """The events as a run without interruptions would have recorded them.

        The replies of a step are sorted by number, and pauses and failures that the run has
        outlived are left out.
        """
        return list(_uninterrupted(self.events))


@dataclass(frozen=True)
class Unreadable:
    """A recording that cannot be read."""

    name: str
    why: str


def event_key(event: Event) -> Key | None:
    """The identity of an event that is made again; None for one that may happen again."""
    match event:
        case Started():
            return ("started", 0, 0)
        case Prompted(step=step, first=first):
            return ("prompted", step, first)
        case Replied(step, sample):
            return ("replied", step, sample)
        case Stepped():
            return ("stepped", event.step, 0)
        case Stopped(_, reason) if reason not in PAUSES:
            return ("stopped", 0, 0)
    return None


def empty_totals(
    spec: RunSpec, problem: Problem | None = None, *, model_only: bool = False
) -> RunTotals:
    """Totals of no events, for a problem with this direction.

    Args:
        spec: of the run.
        problem: of the run; None builds it.
        model_only: where a model proposes, count only its points and the starting points.
    """
    problem = problem or spec.build_problem()
    totals = RunTotals(direction=problem.text.direction)
    if model_only and spec.optimizer.asks_model:
        totals.counts = lambda pair: pair.source in (START, MODEL)
        totals.solves = lambda pair: problem.solved(
            nearest_point(problem.space, pair.point), pair.value
        )
    return totals


def new_record(spec: RunSpec) -> RunRecord:
    """The record of a run that is not begun."""
    return RunRecord(RunView("", spec, empty_totals(spec)))


def read_record(
    run: StoredRun,
    *,
    whole: bool = True,
    model_only: bool = False,
    checked: bool = True,
    watch: Callable[[Event, RunTotals], None] = lambda event, totals: None,
) -> RunRecord:
    """A run from its log.

    Args:
        run: the run.
        whole: keep the events too, not only the totals.
        model_only: count only the points that a model proposed, where one does.
        checked: whether a wrong checksum is an error.
        watch: told of each event, once the totals have it.

    Raises:
        RunsError: the log is damaged.
    """
    spec = run.spec()
    named = run.about.get("model")
    model = named if isinstance(named, str) and spec.optimizer.asks_model else None
    try:
        problem = spec.build_problem()
    except (*UNREADABLE, OproError, InvalidSolution) as error:
        raise RunsError(
            f"{run.path / RUN_FILE}: its problem cannot be built ({brief(error)}).", DAMAGED
        ) from error
    totals = empty_totals(spec, problem, model_only=model_only)
    contents = decisive(recorded(run.about))
    record = RunRecord(RunView(run.id, spec, totals, model, run.created, contents))
    sessions = _Sessions(run.sessions())
    for logged in run.log(checked=checked):
        session, new = sessions.of(logged)
        if session is not None:
            began = record.spans.get(session.name, (session.began, None))[0]
            record.spans[session.name] = (began, max(began, logged.time))
            if new:
                totals.resumed(logged.time)
        try:
            totals.add(logged.event, logged.time)
        except UNREADABLE as error:
            raise _no_point(run, error) from error
        watch(logged.event, totals)
        if not isinstance(logged.event, UNREPEATED) or isinstance(logged.event, Failed):
            record.last = logged.event
        if whole:
            record.events.append(logged.event)
    if spec.problem.model_requests() and (whole or not record.finished):
        record.answers = read_answers(run.path)
    _check_best(run, problem.space, totals)
    if not whole:
        totals.forget_points()
    return record


def _check_best(run: StoredRun, space: Space, totals: RunTotals) -> None:
    """Raises RunsError where the best point, which every report shows, is none of the problem."""
    if totals.best is None:
        return
    try:
        space.render(nearest_point(space, totals.best[0]))
        space.render(totals.best[0])
    except (*UNREADABLE, InvalidSolution) as error:
        raise _no_point(run, error) from error


def _no_point(run: StoredRun, error: Exception) -> RunsError:
    return RunsError(
        f"{run.path / EVENTS_FILE}: it holds a point that is none of its problem ({brief(error)}).",
        DAMAGED,
    )


class _Sessions:
    """Finds the session that wrote each event.

    A session of format 2 begins with a Resumed event. Older ones are told by the clock.
    """

    def __init__(self, sessions: list[Session]) -> None:
        self._by_name = {session.name: session for session in sessions}
        self._by_clock = list(sessions)
        self._current: Session | None = None  # the first runs have no list of sessions
        self._marked = False

    def of(self, logged: LoggedEvent) -> tuple[Session | None, bool]:
        """The session of an event, and whether it is another one than that of the event before."""
        before = self._current
        if isinstance(logged.event, Resumed):
            self._marked = True
            self._current = self._by_name.get(logged.event.session, before)
        while not self._marked and self._by_clock and logged.time >= self._by_clock[0].began:
            self._current = self._by_clock.pop(0)
        return self._current, self._current is not before


def _uninterrupted(events: list[Event]) -> Iterator[Event]:
    replies: list[Replied] = []
    judged: list[Judged] = []
    for event in events:
        if isinstance(event, Replied):
            replies.append(event)
            continue
        if isinstance(event, Judged):  # those of an interrupted end are made again
            judged = [*(j for j in judged if j.split != event.split), event]
            continue
        if isinstance(event, UNREPEATED):
            continue
        if isinstance(event, Stopped) and event.reason in PAUSES:
            judged = []
            continue
        yield from sorted(replies, key=lambda r: (r.step, r.sample))
        replies = []
        if isinstance(event, Stopped):
            yield from judged
        yield event
    yield from sorted(replies, key=lambda r: (r.step, r.sample))
