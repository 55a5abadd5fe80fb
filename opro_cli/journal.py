"""Where the events of one run go: to the log first, whose errors stop the run; then to be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from opro_cli import agree
from opro_cli.display import Display, Watched
from opro_cli.errors import Disagreement
from opro_cli.events import Event
from opro_cli.past import Past, key
from opro_cli.runlog import RunLog
from opro_cli.text import clean


class Journal:
    """The journal of a run, begun or gone on with.

    What the log holds already is made again by the engine, held against the log, and not written
    or shown a second time.

    Args:
        log: where events are appended.
        past: what the log holds; what it tells of has been added to the run's tally.
        run: as the displays know it.
        displays: told of every new event.
    """

    def __init__(self, log: RunLog, past: Past, run: Watched, displays: Sequence[Display]) -> None:
        self._log = log
        self._past = past
        self._run = run
        self._displays = displays
        self._unsettled = False

    def emit(self, event: Event) -> None:
        """Take one event. Raises LogError, or Disagreement with what the log holds."""
        found = key(event)
        recorded = None if found is None else self._past.events.pop(found, None)
        if recorded is not None:
            self._hold_against(event, recorded)
            return
        self._log.append(event)
        self._unsettled = True
        self.show(event)

    def show(self, event: Event) -> None:
        """Count and display an event, whether or not it could be written."""
        self._run.tally.add(event, datetime.now(UTC))
        for display in self._displays:
            display.event(self._run, event)

    async def settle(self) -> None:
        """Return when everything emitted so far would survive a power cut. Raises LogError."""
        if self._unsettled:
            await asyncio.to_thread(self._log.sync)  # a disk takes its time, others can go on
            self._unsettled = False

    def _hold_against(self, event: Event, recorded: Event) -> None:
        other = agree.difference(event, recorded)
        if other is not None:
            ours, theirs = (clean(text) for text in other)
            raise Disagreement(
                f"Step {getattr(event, 'step', 0)} does not come out as recorded: {ours}; "
                f"recorded: {theirs}.",
                "another version of opro began this run; finish it with that one, or --fresh",
            )
