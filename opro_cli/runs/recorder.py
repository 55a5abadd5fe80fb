"""Writes the events of one run: first to the log, whose errors stop the run, then to displays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from opro_cli.core.errors import Disagreement
from opro_cli.core.events import Event
from opro_cli.core.text import clean
from opro_cli.runs import compare
from opro_cli.runs.log import EventLog
from opro_cli.runs.progress import Display, RunView
from opro_cli.runs.record import RunRecord, event_key


class Recorder:
    """The recorder of a run, new or resumed.

    A resumed run makes its events again: those in the log are compared with it, and neither
    written nor shown a second time.

    Args:
        log: where events are appended.
        record: the run so far; its events are counted in its totals already.
        displays: told of every new event.
    """

    def __init__(self, log: EventLog, record: RunRecord, displays: Sequence[Display]) -> None:
        self._log = log
        self._recorded = dict(record.by_key)
        self._view: RunView = record.view
        self._displays = displays
        self._unflushed = False

    def emit(self, event: Event) -> None:
        """Take one event. Raises LogError, or Disagreement with the log."""
        found = event_key(event)
        recorded = None if found is None else self._recorded.pop(found, None)
        if recorded is not None:
            _check_same(event, recorded)
            return
        self._log.append(event)
        self._unflushed = True
        self.show(event)

    def show(self, event: Event) -> None:
        """Count and display an event, whether or not it could be written."""
        self._view.totals.add(event, datetime.now(UTC))
        for display in self._displays:
            display.event(self._view, event)

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
