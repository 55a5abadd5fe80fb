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

from opro_cli.cli.progress import texts
from opro_cli.cli.progress.lines import Silent, cause, ended, failed, pause_text, value_name
from opro_cli.cli.progress.time_left import TimeLeft
from opro_cli.core.events import Event, Failed, Status, Stopped
from opro_cli.core.text import clean, count, duration, number, plural, point
from opro_cli.report.judged import is_judged
from opro_cli.report.rows import FINISHED
from opro_cli.runs.progress import RunView

ROWS = 8
"""Running runs that are shown at once."""

BARS = "▁▂▃▄▅▆▇█"

SPARK = 8

NARROW = 92
"""Columns of a terminal below which the calls of each run are left out: the total stays."""

NARROWER = 76
"""Columns below which the rejected proposals and the money of each run are left out, too."""

JUDGED_HEADINGS = (
    *("step", "train", "dev", "test", "answers", "rejected"),
    *(texts.CALLS, texts.MONEY, "time"),
)
"""The columns of runs that look for an instruction; calls and cost of optimizer + scorer."""

NARROW_CELLS = 50
"""The columns that the cells beside a name take then."""

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
        self._judged = False

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        self._runs, self._began = runs, time.monotonic()
        self._calls_before = sum(_calls(run) for run in runs)
        self._left = TimeLeft(runs)
        self._height = min(ROWS, at_once, len(runs))
        self._value = value_name(runs)
        self._judged = all(is_judged(run.spec) for run in runs)
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
        below = [self.best()] if self._judged else []
        shown = Group(self.table(), *below, self.footer(), self.causes())
        self._live.update(shown, refresh=True)

    def table(self) -> Table:
        """A row a running run."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
        width = self._console.width
        narrow = max(width - NARROW_CELLS, 8) if self._judged else 26
        table.add_column("run", no_wrap=True, overflow="ellipsis", max_width=min(26, narrow))
        headings = self._headings()
        for heading in headings:
            right = heading != "curve"
            table.add_column(heading, justify="right" if right else "left", no_wrap=True)
        shown = list(self._running.values())[: self._height]
        for run in shown:
            cells = self._cells(run)
            table.add_row(Text(run.name), *(Text(cells[heading]) for heading in headings))
        for _ in range(self._height - len(shown)):
            table.add_row("")  # the height never changes
        return table

    def _headings(self) -> list[str]:
        """The columns beside the name, as many as fit."""
        narrow = self._console.width < NARROW
        if not self._judged:
            shown = ["step", "best", self._value, "points", "rejected", "calls", "tokens", "time"]
            return [*(h for h in shown if h != "calls" or not narrow), "curve"]
        left_out = {texts.CALLS} if narrow else set()
        left_out |= {"rejected", texts.MONEY} if self._console.width < NARROWER else set()
        return [h for h in JUDGED_HEADINGS if h not in left_out]

    def _cells(self, run: RunView) -> dict[str, str]:
        t = run.totals
        now = t.seconds + max(time.time() - t.last.timestamp(), 0.0) if t.last else 0.0
        steps = run.spec.effective_limits.max_steps
        if self._judged:
            return {**texts.columns(t, steps), "time": duration(now)}
        return {
            "step": f"{count(t.step)}/{count(steps)}",
            "best": point(t.best[0]) if t.best else "",
            self._value: number(t.best[1]) if t.best else "",
            "points": str(t.distinct_pairs),
            "rejected": str(t.unusable),
            "calls": count(t.calls),
            "tokens": count(_tokens(run)),
            "time": duration(now),
            "curve": sparkline([value for _, value in t.curve]),
        }

    def best(self) -> Text:
        """The best instruction of the running runs; none for other problems."""
        found = [run.totals for run in self._running.values() if run.totals.best]
        if not self._judged or not found:
            return Text("")
        best = max(found, key=lambda t: t.best[1] if t.best else 0.0)
        return Text(texts.best_line(best), no_wrap=True, overflow="ellipsis")

    def footer(self) -> Text:
        """A bar of finished runs, totals, the money spent, and the time left."""
        total, done = len(self._runs), self._done
        elapsed = time.monotonic() - self._began
        calls = sum(_calls(run) for run in self._runs)
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
        if self._judged:
            kinds: Counter[Status] = Counter()
            for run in self._running.values():
                kinds.update(run.totals.statuses)
            text = texts.rejected_text(kinds)
            shown = f"rejected: {text}" if text else ""
            return Text(shown, style="dim", no_wrap=True, overflow="ellipsis")
        found: Counter[str] = Counter()
        for run in self._running.values():
            found.update(run.totals.causes)
        why = f"rejected{cause(found)}" if found else ""
        return Text(why, style="dim", no_wrap=True, overflow="ellipsis")


def spent(runs: Sequence[RunView]) -> str:
    """Money so far; empty for free models."""
    roles = [role for run in runs for role in run.totals.roles.values()]
    cost = sum(run.totals.cost for run in runs) + sum(role.cost for role in roles)
    unpriced = any(run.totals.unpriced for run in runs) or any(role.unpriced for role in roles)
    if not cost:
        return "cost unknown" if unpriced else ""
    return f"${cost:.4f}" + (" and an unknown part" if unpriced else "")


def ending(run: RunView, event: Event, value: str = "value") -> Text:
    """The line of a finished run."""
    t = run.totals
    if isinstance(event, Failed):
        return Text(f"✗ {run.name}: {failed(run, event)}", style="red")
    style, mark = ("green", "✓") if t.reason == "converged" else ("yellow", "·")
    if is_judged(run.spec):
        style, mark = ("green", "✓") if t.state in FINISHED else ("yellow", "·")
        return Text(f"{mark} {run.name}: {ended(run)}, {texts.ending_line(t)}", style=style)
    found = f"{point(t.best[0])} {value} {number(t.best[1])}" if t.best else "no valid point"
    points = f", {plural(t.distinct_pairs, 'point')}" if t.calls else ""
    return Text(f"{mark} {run.name}: {ended(run)}, best {found}{points}", style=style)


def _tokens(run: RunView) -> int:
    used = sum((role.usage for role in run.totals.roles.values()), run.totals.usage)
    return used.input + used.output


def _calls(run: RunView) -> int:
    return run.totals.calls + texts.scorer_calls(run.totals)


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
