"""The live table: one row a running run, of fixed height; finished runs are lines above it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from opro_cli.cli.progress.lines import Silent, cause, ended, failed, pause_text, value_name
from opro_cli.cli.progress.time_left import TimeLeft
from opro_cli.core.events import Event, Failed, Stopped
from opro_cli.core.text import clean, count, duration, number, plural, point
from opro_cli.runs.progress import RunView

ROWS = 8
"""Running runs that are shown at once."""

BARS = "▁▂▃▄▅▆▇█"

SPARK = 8

NARROW = 92
"""Columns of a terminal below which the calls of each run are left out: the total stays."""

REFRESH = 0.1


class LiveTable(Silent):
    """A rich table on stderr."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = Console(file=stream, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._runs: Sequence[RunView] = ()
        self._running: dict[int, RunView] = {}
        self._done = self._height = self._calls_before = 0
        self._began = self._drawn = self._quiet = 0.0
        self._left = TimeLeft(())
        self._value = "value"

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        self._runs, self._began = runs, time.monotonic()
        self._calls_before = sum(run.totals.calls for run in runs)
        self._left = TimeLeft(runs)
        self._height = min(ROWS, at_once, len(runs))
        self._value = value_name(runs)
        self._live.start()
        self._draw()

    @override
    def event(self, run: RunView, event: Event) -> None:
        if isinstance(event, Stopped | Failed):
            self._running.pop(id(run), None)
            self._done += 1
            self._live.console.print(ending(run, event, self._value))
        else:
            self._running.setdefault(id(run), run)
        if time.monotonic() - self._drawn > REFRESH or isinstance(event, Stopped | Failed):
            self._draw()

    @override
    def tick(self, quiet: float) -> None:
        self._quiet = quiet
        self._draw()

    @override
    def notice(self, text: str) -> None:
        self._live.console.print(Text(clean(text), style="yellow"))

    @override
    def end(self) -> None:
        self._live.stop()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._left.tick(self._drawn, list(self._running.values()))
        self._live.update(Group(self.table(), self.footer(), self.causes()), refresh=True)

    def table(self) -> Table:
        """A row a running run."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
        table.add_column("run", no_wrap=True, overflow="ellipsis", max_width=26)
        headings = ["step", "best", self._value, "points", "rejected", "calls", "tokens", "time"]
        left_out = headings.index("calls") + 1 if self._console.width < NARROW else None
        for heading in headings:
            if heading != "calls" or left_out is None:
                table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("curve", no_wrap=True)
        shown = list(self._running.values())[: self._height]
        for run in shown:
            table.add_row(*(c for i, c in enumerate(_cells(run)) if i != left_out))
        for _ in range(self._height - len(shown)):
            table.add_row("")  # the height never changes
        return table

    def footer(self) -> Text:
        """A bar of finished runs, totals, the money spent, and the time left."""
        total, done = len(self._runs), self._done
        elapsed = time.monotonic() - self._began
        calls = sum(run.totals.calls for run in self._runs)
        filled = 20 * done // total if total else 0
        parts = [
            f"{'━' * filled}{'╌' * (20 - filled)} {done}/{total} runs",
            f"{len(self._running)} running",
        ]
        if calls:
            rate = 60 * (calls - self._calls_before) / max(elapsed, 1e-9)
            parts.append(f"{count(calls)} calls ({rate:.0f}/min)")
            parts.append(f"{count(sum(_tokens(run) for run in self._runs))} tokens")
            parts += [spent(self._runs)] if spent(self._runs) else []
        parts.append(duration(elapsed))
        left = self._left.seconds()
        if left is not None:
            parts.append(f"about {duration(left)} left")
        if self._quiet > 0:
            parts.append(pause_text(self._quiet))
        return Text(", ".join(parts), style="dim")

    def causes(self) -> Text:
        """Why most replies or points of the running runs were of no use, in one line."""
        found: Counter[str] = Counter()
        for run in self._running.values():
            found.update(run.totals.causes)
        why = f"rejected{cause(found)}" if found else ""
        return Text(why, style="dim", no_wrap=True, overflow="ellipsis")


def spent(runs: Sequence[RunView]) -> str:
    """Money so far; empty for free models."""
    cost = sum(run.totals.cost for run in runs)
    unpriced = any(run.totals.unpriced for run in runs)
    if not cost:
        return "cost unknown" if unpriced else ""
    return f"${cost:.4f}" + (" and an unknown part" if unpriced else "")


def _cells(run: RunView) -> list[Text]:
    t = run.totals
    now = t.seconds + max(time.time() - t.last.timestamp(), 0.0) if t.last else 0.0
    cells = [
        run.name,
        f"{count(t.step)}/{count(run.spec.effective_limits.max_steps)}",
        point(t.best[0]) if t.best else "",
        number(t.best[1]) if t.best else "",
        str(t.distinct_pairs),
        str(t.unusable),
        count(t.calls),
        count(_tokens(run)),
        duration(now),
        sparkline([value for _, value in t.curve]),
    ]
    return [Text(cell) for cell in cells]


def ending(run: RunView, event: Event, value: str = "value") -> Text:
    """The line of a finished run."""
    t = run.totals
    if isinstance(event, Failed):
        return Text(f"✗ {run.name}: {failed(run, event)}", style="red")
    found = f"{point(t.best[0])} {value} {number(t.best[1])}" if t.best else "no valid point"
    style, mark = ("green", "✓") if t.reason == "converged" else ("yellow", "·")
    points = f", {plural(t.distinct_pairs, 'point')}" if t.calls else ""
    return Text(f"{mark} {run.name}: {ended(run)}, best {found}{points}", style=style)


def _tokens(run: RunView) -> int:
    return run.totals.usage.input + run.totals.usage.output


def sparkline(values: Sequence[float], width: int = SPARK) -> str:
    """Falling values as falling bars, on a logarithmic scale where all are positive."""
    if not values:
        return ""
    picked = [values[i * (len(values) - 1) // max(width - 1, 1)] for i in range(width)]
    scaled = [math.log10(v) for v in picked] if min(picked) > 0 else list(picked)
    low, high = min(scaled), max(scaled)
    if high == low:
        return BARS[0] * width
    return "".join(BARS[round((v - low) / (high - low) * (len(BARS) - 1))] for v in scaled)
