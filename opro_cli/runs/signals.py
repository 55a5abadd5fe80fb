"""Ctrl-C and its relatives: the first finishes what is in flight, the second leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from opro_cli.core.text import duration
from opro_cli.llm.budget import Budget

GRACE = 5.0
"""Seconds beyond the time that calls and evaluations in flight may take."""

SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]

INTERRUPTED = 130


class SignalHandler:
    """Turns signals into a stop.

    A signal that was ignored when the process began stays ignored: nohup works.

    Args:
        budget: told to let nothing begin any more.
        longest: seconds that a call or an evaluation in flight may take; None for any number.
        notify: shows the user one line.
        leave: called before the process is ended with calls still in flight.
    """

    def __init__(
        self,
        budget: Budget,
        longest: float | None,
        notify: Callable[[str], None],
        leave: Callable[[], None],
    ) -> None:
        self._budget = budget
        self._longest = longest
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
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
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
        self._notify(f"{self._waiting()}; Ctrl-C again leaves at once.")
        if self._longest is not None:
            asyncio.get_running_loop().call_later(self._longest + GRACE, self._go)

    def _waiting(self) -> str:
        if self._longest is None:
            return "Finishing what is in flight, however long it takes"
        return f"Finishing what is in flight (at most {duration(self._longest + GRACE)})"

    def _go(self) -> None:
        try:
            self._leave()
        finally:
            os._exit(INTERRUPTED)  # every event is written; a model may take long to answer
