"""Writes the events of one run: first to the log, whose errors stop the run, then to displays."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from opro_cli.core.errors import Disagreement
from opro_cli.core.events import Event
from opro_cli.core.text import clean
from opro_cli.runs import compare
from opro_cli.runs.disk.log import EventLog
from opro_cli.runs.disk.sessions import LogEnd
from opro_cli.runs.progress import Display, RunView
from opro_cli.runs.record import RunRecord, event_key

T = TypeVar("T")


def redacted(value: T, redact: Callable[[str], str]) -> T:
    """An event, or a part of one, with every text redacted; itself where none has changed."""
    new: object = value
    if isinstance(value, str):
        new = redact(value)
    elif isinstance(value, tuple):
        parts = [redacted(item, redact) for item in value]
        if any(a is not b for a, b in zip(parts, value, strict=True)):
            new = tuple(parts)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        changed = {
            name: part
            for name in names
            if (part := redacted(old := getattr(value, name), redact)) is not old
        }
        new = dataclasses.replace(value, **changed) if changed else value
    return new  # type: ignore[return-value]


class Recorder:
    """The recorder of a run, new or resumed.

    A resumed run makes its events again: those in the log are compared with it, and neither
    written nor shown a second time.

    Args:
        log: where events are appended.
        record: the run so far; its events are counted in its totals already.
        display: told of every new event.
        redact: removes keys from a text, before it is written or shown.
    """

    def __init__(
        self,
        log: EventLog,
        record: RunRecord,
        display: Display,
        redact: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._log = log
        self._recorded = dict(record.by_key)
        self._view: RunView = record.view
        self._display = display
        self._redact = redact
        self._unflushed = False

    def emit(self, event: Event) -> None:
        """Take one event. Raises LogError, or Disagreement with the log."""
        event = redacted(event, self._redact)
        found = event_key(event)
        recorded = None if found is None else self._recorded.pop(found, None)
        if recorded is not None:
            _check_same(event, recorded)
            return
        self._log.append(event)
        self._unflushed = True
        self._view.totals.add(event, datetime.now(UTC))
        self._display.event(self._view, event)

    @property
    def end(self) -> LogEnd:
        """How long the log is by now."""
        return self._log.end

    async def flush(self) -> None:
        """Return when everything emitted so far would survive a power cut. Raises LogError."""
        if self._unflushed:
            await asyncio.to_thread(self._log.sync)  # a disk takes its time, others can continue
            self._unflushed = False


def _check_same(event: Event, recorded: Event) -> None:
    """Raises Disagreement where a resumed run does not repeat an event of its log."""
    other = compare.first_difference(event, recorded)
    if other is not None:
        ours, theirs = (clean(text) for text in other)
        raise Disagreement(
            f"Step {getattr(event, 'step', 0)} differs from the log: {ours}; recorded: {theirs}.",
            "another version of opro began this run; finish it with that one, or --fresh",
        )
