"""Progress of calls from Python: nothing unless it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from typing_extensions import override

from opro_cli.core.events import Evaluated, Event
from opro_cli.core.text import clean
from opro_cli.runs.progress import Display, RunView


class Watch(Display):
    """Keeps what a call wants to know of its runs, and passes it on to a display.

    Args:
        inner: shows progress; None for nothing.
    """

    def __init__(self, inner: Display | None = None) -> None:
        self._inner = inner
        self.runs: Sequence[RunView] = ()
        self.notices: list[str] = []
        self.continued = False
        """Whether a run goes on that was begun before."""
        self.measured = 0
        """The points that have been measured before."""
        self.on_value: Callable[[], None] = lambda: None
        """Called when a value is in the log."""

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        self.runs = runs
        self.continued = any(run.totals.last is not None for run in runs)
        self.measured = sum(run.totals.distinct_pairs for run in runs)
        if self._inner is not None:
            self._inner.begin(runs, at_once)

    @override
    def event(self, run: RunView, event: Event) -> None:
        if isinstance(event, Evaluated):
            self.on_value()
        if self._inner is not None:
            self._inner.event(run, event)

    @override
    def tick(self, quiet: float) -> None:
        if self._inner is not None:
            self._inner.tick(quiet)

    @override
    def notice(self, text: str) -> None:
        self.notices.append(clean(text, 2000))
        if self._inner is not None:
            self._inner.notice(text)

    @override
    def end(self) -> None:
        if self._inner is not None:
            self._inner.end()


def display_for(progress: bool | str) -> Display | None:
    """The display for ``progress=``: None for False, the one that fits for True, or one by name.

    Raises UsageError for an unknown name.
    """
    if progress is False:
        return None
    from opro_cli.cli.progress import choose

    kind = None if progress is True else progress
    stream = sys.stderr
    if kind is None and _in_notebook():
        # The live table needs ipywidgets to be drawn again at its place.
        kind = "rich" if find_spec("ipywidgets") else "plain"
        stream = sys.stdout  # a notebook shows stderr as if it were an error
    return choose(kind, stream, os.environ)


def _in_notebook() -> bool:
    from rich.console import Console

    return Console().is_jupyter
