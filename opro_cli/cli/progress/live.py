"""The live table: one row a running run, of fixed height; finished runs are lines above it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from opro_cli.cli.columns import fitting
from opro_cli.cli.progress import texts
from opro_cli.cli.progress.lines import Silent, cause, ended, failed, pause_text, value_name
from opro_cli.cli.progress.time_left import Left, TimeLeft
from opro_cli.core.events import Event, Failed, Status, Stopped
from opro_cli.core.text import clean, count, duration, number, plural, point
from opro_cli.report.judged import is_judged
from opro_cli.report.rows import FINISHED
from opro_cli.runs.progress import RunView, reason_of

ROWS = 8
"""Running runs that are shown at once."""

BARS = "▁▂▃▄▅▆▇█"

SPARK = 8

GAP = 1
"""Characters between two columns."""

DROPPED = ("tokens", "calls", "curve", "points", "rejected", "best", "time")
"""Columns that are left out where there is no room, in this order."""

JUDGED_DROPPED = (texts.CALLS, texts.MONEY, "rejected", "time", "answers", "test", "dev")
"""The same for runs that look for an instruction."""

FOOTER_DROPPED = ("bar", "tokens", "running", "elapsed", "calls", "cost")

BURST = 2.0
"""Seconds within which runs without a model that end are one line."""

JUDGED_HEADINGS = (
    *("step", "train", "dev", "test", "answers", "rejected"),
    *(texts.CALLS, texts.MONEY, "time"),
)
"""The columns of runs that look for an instruction; calls and cost of optimizer + scorer."""

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
        self._value = ""
        self._judged = False
        self._widths: dict[str, int] = {}
        self._ended: list[RunView] = []
        self._burst = 0.0

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        self._runs, self._began = runs, time.monotonic()
        self._calls_before = sum(_calls(run) for run in runs)
        self._left = TimeLeft(runs)
        self._height = min(ROWS, at_once, len(runs))
        self._value = value_name(runs)
        self._judged = all(is_judged(run.spec) for run in runs)
        self._widths = {"run": max((len(run.name) for run in runs), default=0)}
        self._live.start()
        self._draw()

    @override
    def event(self, run: RunView, event: Event) -> None:
        self._value = self._value or value_name([run])  # of runs that were done, none begins
        if isinstance(event, Stopped | Failed):
            self._running.pop(id(run), None)
            self._done += 1
            self._end_of(run, event)
        else:
            self._running.setdefault(id(run), run)
        if time.monotonic() - self._drawn > REFRESH or isinstance(event, Stopped | Failed):
            self._draw()

    def _end_of(self, run: RunView, event: Stopped | Failed) -> None:
        """Print a line for the end of a run; runs without a model wait for others to share it."""
        if isinstance(event, Stopped) and not run.spec.model_requests():
            self._burst = self._burst if self._ended else time.monotonic()
            self._ended.append(run)
            return
        self._print_ended()
        self._live.console.print(ending(run, event, self._value))

    def _print_ended(self) -> None:
        """Print the runs without a model that have ended, in one line."""
        if self._ended:
            self._live.console.print(endings(self._ended, self._value))
            self._ended = []

    @override
    def tick(self, quiet: float) -> None:
        self._quiet = quiet
        if time.monotonic() - self._burst > BURST:
            self._print_ended()
        self._draw()

    @override
    def notice(self, text: str) -> None:
        self._live.console.print(Text(clean(text), style="yellow"))

    @override
    def end(self) -> None:
        self._print_ended()
        self._live.stop()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._left.tick(self._drawn, list(self._running.values()))
        below = [self.best()] if self._judged else []
        shown = Group(self.table(), *below, self.footer(), self.causes())
        self._live.update(shown, refresh=True)

    def table(self) -> Table:
        """A row a running run, with the columns that fit."""
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), expand=False)
        runs = list(self._running.values())[: self._height]
        rows = [{"run": run.name, **self._cells(run)} for run in runs]
        for heading in ("run", *self._all_headings()):
            seen = max((len(row[heading]) for row in rows), default=0)
            self._widths[heading] = max(self._widths.get(heading, 0), len(heading), seen)
        dropped = JUDGED_DROPPED if self._judged else DROPPED
        shown = fitting(self._widths, self._console.width, dropped, GAP)
        for heading in shown:
            left = heading in ("run", "curve")
            table.add_column(heading, justify="left" if left else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(row[heading]) for heading in shown))
        for _ in range(self._height - len(rows)):
            table.add_row("")  # the height never changes
        return table

    def _all_headings(self) -> Sequence[str]:
        """The columns beside the name."""
        if self._judged:
            return JUDGED_HEADINGS
        names = ("step", "best", self._value, "points", "rejected", "calls", "tokens", "time")
        return (*names, "curve")

    def _cells(self, run: RunView) -> dict[str, str]:
        t = run.totals
        now = t.seconds + max(time.time() - t.last.timestamp(), 0.0) if t.last else 0.0
        steps = max(run.spec.most_steps, t.step)
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
        """A bar of finished runs, totals, the money spent, and the time left; what fits."""
        done, total = self._done, len(self._runs)
        elapsed = time.monotonic() - self._began
        calls = sum(_calls(run) for run in self._runs)
        filled = 20 * done // total if total else 0
        parts = {
            "bar": f"{'━' * filled}{'╌' * (20 - filled)}",
            "runs": f"{done}/{total} runs",
            "running": f"{len(self._running)} running",
        }
        if calls:
            rate = 60 * (calls - self._calls_before) / max(elapsed, 1e-9)
            parts["calls"] = f"{count(calls)} calls ({rate:.0f}/min)"
            parts["tokens"] = f"{count(sum(_tokens(run) for run in self._runs))} tokens"
            parts |= {"cost": spent(self._runs)} if spent(self._runs) else {}
        parts["elapsed"] = duration(elapsed)
        if left := left_text(self._left.by_optimizer()):
            parts["left"] = left
        if self._quiet > 0:
            parts["quiet"] = pause_text(self._quiet)
        room = {name: len(text) for name, text in parts.items()}
        shown = fitting(room, self._console.width, FOOTER_DROPPED)
        bar = parts["bar"] + " " if "bar" in shown else ""
        said = bar + ", ".join(parts[name] for name in shown if name != "bar")
        return Text(said, style="dim", no_wrap=True, overflow="ellipsis")

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


def endings(runs: Sequence[RunView], value: str = "value") -> Text:
    """One line for finished runs without a model: ``sgd: 7 solved; random: 35 out of steps``."""
    if len(runs) == 1:
        return ending(runs[0], Stopped(runs[0].totals.step, runs[0].totals.reason or ""), value)
    parts = []
    for name in dict.fromkeys(run.spec.optimizer.name for run in runs):
        own = [run for run in runs if run.spec.optimizer.name == name]
        reasons = Counter(reason_of(run.spec, run.totals.reason or "unfinished") for run in own)
        said = ", ".join(f"{number} {why}" for why, number in reasons.most_common())
        parts.append(f"{clean(name, 40)}: {said}")
    solved = all(run.totals.reason == "converged" for run in runs)
    style, mark = ("green", "✓") if solved else ("yellow", "·")
    return Text(f"{mark} {plural(len(runs), 'run')} ended; {'; '.join(parts)}", style=style)


def left_text(left: Mapping[str, Left]) -> str:
    """``about 2m05s left``, or of each optimizer: ``left: opro about 2m05s, tpe at most 1m00s``."""
    said = {
        n: f"{'at most' if t.at_most else 'about'} {duration(t.seconds)}" for n, t in left.items()
    }
    if len(said) == 1:
        return f"{next(iter(said.values()))} left"
    return "left: " + ", ".join(f"{clean(n, 40)} {t}" for n, t in said.items()) if said else ""


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
