"""Ctrl-C and its relatives: the first finishes what is in flight, the second leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from opro_cli.llm.budget import Budget

GRACE = 5.0
"""Seconds that calls in flight may take to end."""

SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]

INTERRUPTED = 130


class SignalHandler:
    """Turns signals into a stop.

    Args:
        budget: told to let nothing begin any more.
        notify: shows the user one line.
        leave: called before the process is ended with calls still in flight.
    """

    def __init__(
        self, budget: Budget, notify: Callable[[str], None], leave: Callable[[], None]
    ) -> None:
        self._budget = budget
        self._notify = notify
        self._leave = leave
        self.count = 0
        """Signals so far."""

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals for as long as this is open."""
        loop = asyncio.get_running_loop()
        taken = []
        for number in SIGNALS:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._signalled)
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        self.count += 1
        if self.count > 1:
            self._go()
        self._budget.stop("", "")
        self._notify(f"Finishing the current calls (up to {GRACE:g} s); Ctrl-C again quits now.")
        asyncio.get_running_loop().call_later(GRACE, self._go)

    def _go(self) -> None:
        try:
            self._leave()
        finally:
            os._exit(INTERRUPTED)  # every event is written; a model may take long to answer
