"""A run read once from its log, moment by moment, with the totals at each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from opro_cli.core.events import Called, CallFailed, Event, Prompted, Replied, Started, Stepped
from opro_cli.core.totals import RunTotals
from opro_cli.runs.record import RunRecord, read_record
from opro_cli.runs.store import StoredRun


@dataclass(frozen=True)
class Moment:
    """A recorded event that an export shows.

    Args:
        number: of the event in the log, from 1.
        time: when it was recorded.
        event: the event.
        best: the best value so far; None where there is none.
        evaluations: made so far.
        calls: of models, made so far.
        cost: of the replies so far, in US dollars, as far as prices are known.
    """

    number: int
    time: datetime
    event: Event
    best: float | None
    evaluations: int
    calls: int
    cost: float


@dataclass
class Course:
    """A run with its moments."""

    run: StoredRun
    record: RunRecord
    moments: list[Moment] = field(default_factory=list)
    events: int = 0
    """Events in the log, those that are no moment included."""

    @property
    def began(self) -> datetime:
        """When the first event was, or the run was created."""
        return self.moments[0].time if self.moments else datetime.fromisoformat(self.run.created)

    @property
    def ended(self) -> datetime:
        """When the last event was."""
        return self.record.totals.last or self.began


SHOWN = (Started, Prompted, Called, CallFailed, Replied, Stepped)


def read_course(run: StoredRun) -> Course:
    """The course of a run. Raises RunsError where its log is damaged."""
    moments: list[Moment] = []
    count = 0

    def watch(event: Event, totals: RunTotals) -> None:
        nonlocal count
        count += 1
        if isinstance(event, SHOWN) and totals.last is not None:
            best = None if totals.best is None else totals.best[1]
            moments.append(
                Moment(
                    count, totals.last, event, best, totals.evaluations, totals.calls, totals.cost
                )
            )

    record = read_record(run, whole=False, watch=watch)
    return Course(run, record, moments, count)
