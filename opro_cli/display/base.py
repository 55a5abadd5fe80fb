"""Events on a screen: the protocol, and the displays that need no more than a line."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from opro_cli import events
from opro_cli.events import Event, Failed, Started, Stepped, Stopped
from opro_cli.problems import label
from opro_cli.spec import RunSpec
from opro_cli.tally import Tally
from opro_cli.text import clean, duration, number, point


@dataclass
class Watched:
    """A run as a display sees it."""

    spec: RunSpec
    tally: Tally = field(default_factory=Tally)
    id: str = ""

    @property
    def name(self) -> str:
        """Target, repetition and, in a sweep, the cell."""
        axes = " ".join(
            f"{key.rpartition('.')[2]}={value}" for key, value in self.spec.axes.items()
        )
        parts = [label(self.spec.target), f"rep {self.spec.repetition + 1}", axes]
        if self.spec.optimizer.name != "opro":
            parts.insert(0, self.spec.optimizer.name)
        return clean(" ".join(part for part in parts if part), 60)

    def limit(self) -> str:
        """The most steps it may make."""
        return str(self.spec.effective_limits.max_steps)


class Display(Protocol):
    """Shows runs as they go. What it raises is ignored: a screen never stops a run."""

    def begin(self, runs: Sequence[Watched], at_once: int) -> None:
        """All runs, before the first starts, and how many run at the same time."""

    def event(self, run: Watched, event: Event) -> None:
        """Something happened; the run's tally has it already."""

    def tick(self, quiet: float) -> None:
        """Called a few times a second; ``quiet`` is how long the server wants no calls yet."""

    def notice(self, text: str) -> None:
        """Something the user should know, in one line."""

    def end(self) -> None:
        """No more events."""


class Silent:
    """Shows nothing."""

    def begin(self, runs: Sequence[Watched], at_once: int) -> None:
        """Nothing."""

    def event(self, run: Watched, event: Event) -> None:
        """Nothing."""

    def tick(self, quiet: float) -> None:
        """Nothing."""

    def notice(self, text: str) -> None:
        """Nothing but this, on stderr."""
        print(clean(text), file=sys.stderr)  # noqa: T201

    def end(self) -> None:
        """Nothing."""


class Plain(Silent):
    """One line a step, for logs and pipes."""

    SPACING = 0.5
    """Seconds between two lines of a run that makes many steps a second."""

    QUIET = 3.0
    """Seconds of a pause that are worth a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: dict[int, float] = {}
        self._quiet = 0.0

    def tick(self, quiet: float) -> None:
        """A line when the server asks for a longer pause."""
        if quiet > self._quiet and quiet > self.QUIET:
            print(f"the server wants a pause of {quiet:.0f}s", file=self._stream, flush=True)
        self._quiet = max(quiet, 0.0)

    def event(self, run: Watched, event: Event) -> None:
        """A line for a start, a step (thinned where there are very many) and an end."""
        t = run.tally
        best = f"best {point(t.best[0])} {number(t.best[1])}" if t.best else "no valid point yet"
        match event:
            case Started():
                text = f"started, {t.distinct_pairs} starting points, {best}"
            case Stepped():
                now = time.monotonic()
                if not t.calls and now - self._last.get(id(run), 0.0) < self.SPACING:
                    return
                self._last[id(run)] = now
                text = f"step {t.step}/{run.limit()}, {best}"
                if t.calls:
                    text += f", {t.distinct_pairs} pairs, {t.unusable} unusable, {t.calls} calls"
            case Stopped():
                text = f"{ended(run)}, {best}"
            case Failed():
                text = failed(run, event)
            case _:
                return
        print(f"{run.name}: {text}", file=self._stream, flush=True)


class JsonLines(Silent):
    """Every event, and every notice, as one JSON line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def event(self, run: Watched, event: Event) -> None:
        """The event, with the run's id."""
        line = json.dumps({"run": run.id, **events.to_json(event)})
        print(line, file=self._stream, flush=True)

    def notice(self, text: str) -> None:
        """The notice, as an object of its own."""
        print(json.dumps({"notice": text}), file=self._stream, flush=True)


class Guarded:
    """A display whose failures are nobody's business but its own."""

    def __init__(self, inner: Display) -> None:
        self._inner = inner

    def begin(self, runs: Sequence[Watched], at_once: int) -> None:
        """As the inner display, without its errors."""
        with contextlib.suppress(Exception):
            self._inner.begin(runs, at_once)

    def event(self, run: Watched, event: Event) -> None:
        """As the inner display, without its errors."""
        with contextlib.suppress(Exception):
            self._inner.event(run, event)

    def tick(self, quiet: float) -> None:
        """As the inner display, without its errors."""
        with contextlib.suppress(Exception):
            self._inner.tick(quiet)

    def notice(self, text: str) -> None:
        """As the inner display, without its errors."""
        with contextlib.suppress(Exception):
            self._inner.notice(text)

    def end(self) -> None:
        """As the inner display, without its errors."""
        with contextlib.suppress(Exception):
            self._inner.end()


def failed(run: Watched, event: Failed) -> str:
    """Where and why a run failed, and what may help."""
    hint = f" (hint: {clean(event.hint)})" if event.hint else ""
    return f"failed in step {run.tally.step + 1}: {clean(event.message)}{hint}"


def ended(run: Watched) -> str:
    """How a run ended, in a few words."""
    t = run.tally
    reason = "converged" if t.reason == "converged" else f"stopped ({t.reason})"
    steps = "step" if t.step == 1 else "steps"
    return f"{reason} after {t.step} {steps} in {duration(t.seconds)}"
