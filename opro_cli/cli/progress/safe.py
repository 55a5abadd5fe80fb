"""A display whose errors are ignored: a screen never stops a run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from typing_extensions import override

from opro_cli.core.events import Event
from opro_cli.runs.progress import Display, RunView


class SafeDisplay(Display):
    """Passes everything on to a display, and ignores its exceptions."""

    def __init__(self, inner: Display) -> None:
        self.inner = inner

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        with contextlib.suppress(Exception):
            self.inner.begin(runs, at_once)

    @override
    def event(self, run: RunView, event: Event) -> None:
        with contextlib.suppress(Exception):
            self.inner.event(run, event)

    @override
    def tick(self, quiet: float) -> None:
        with contextlib.suppress(Exception):
            self.inner.tick(quiet)

    @override
    def notice(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self.inner.notice(text)

    @override
    def end(self) -> None:
        with contextlib.suppress(Exception):
            self.inner.end()
