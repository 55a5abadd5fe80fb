"""What a log holds of a run, in the form in which the run is gone on with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from opro_cli.events import (
    PAUSES,
    Event,
    Failed,
    Point,
    Prompted,
    Replied,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.runs import Recorded
from opro_cli.tally import Tally, tally_of

Key: TypeAlias = tuple[str, int, int]


@dataclass
class Past:
    """A run so far."""

    tally: Tally
    events: dict[Key, Event] = field(default_factory=dict)
    """What is not to be written again."""
    replies: dict[tuple[int, int], Reply] = field(default_factory=dict)
    """By step and sample: what is not to be asked again."""
    values: dict[Point, Scored] = field(default_factory=dict)
    """What is not to be evaluated again."""
    last: Event | None = None
    spans: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """Of each session: from when to when."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing to go on with."""
        return self.tally.state in ("converged", "stopped")


def key(event: Event) -> Key | None:
    """What makes an event the same one when it is made again; None for what may happen again."""
    match event:
        case Started():
            return ("started", 0, 0)
        case Prompted(step=step, first=first):
            return ("prompted", step, first)
        case Replied(step, sample):
            return ("replied", step, sample)
        case Failed():
            return None
        case Stopped(_, reason):
            return None if reason in PAUSES else ("stopped", 0, 0)
    return (type(event).__name__.lower(), event.step, 0)


def read(run: Recorded, *, whole: bool = True, model_only: bool = False) -> Past:
    """A run's past, from its log. Raises RunsError where that is damaged.

    Args:
        run: the run.
        whole: keep events, replies and values too, and not just the totals.
        model_only: count only what a model proposed, where one does.
    """
    past = Past(tally_of(run.spec(), model_only=model_only))
    coming = run.sessions()
    session = coming.pop(0) if coming else None
    for logged in run.log():
        while coming and logged.time >= coming[0].began:
            session = coming.pop(0)
            past.tally.resumed(session.began)
        if session is not None:
            past.spans[session.name] = (session.began, logged.time)
        past.tally.add(logged.event, logged.time)
        past.last = logged.event
        if whole:
            _keep(past, logged.event)
    return past


def _keep(past: Past, event: Event) -> None:
    found = key(event)
    if found is not None:
        past.events[found] = event
    match event:
        case Replied(step, sample, reply):
            past.replies[step, sample] = reply
        case Started(pairs) | Stepped(pairs=pairs):
            for pair in pairs:
                past.values.setdefault(pair.point, pair)
