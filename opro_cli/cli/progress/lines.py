"""Displays that write lines: a line a step, a JSON object an event, a JSON object a run."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from typing_extensions import override

from opro_cli.cli.console import print_out
from opro_cli.cli.progress import texts
from opro_cli.core.events import (
    GAVE_UP,
    Answers,
    Event,
    Failed,
    Judged,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.events.json_form import to_json
from opro_cli.core.text import clean, duration, number, plural, point, status_text
from opro_cli.report.formats.accuracy import run_accuracy
from opro_cli.report.judged import JudgedRun, is_judged
from opro_cli.runs.progress import Display, RunView, is_share, reason_of


class Silent(Display):
    """Shows only notices; also the base of displays that leave some methods out."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        pass

    @override
    def event(self, run: RunView, event: Event) -> None:
        pass

    @override
    def tick(self, quiet: float) -> None:
        pass

    @override
    def notice(self, text: str) -> None:
        self._print(clean(text))

    @override
    def end(self) -> None:
        pass

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class PlainLines(Silent):
    """One line a step, for logs and pipes."""

    SPACING = 0.5
    """Seconds between two lines of a run that makes many steps a second."""

    QUIET = 3.0
    """The shortest pause, in seconds, that is worth a line."""

    PASS = 15.0
    """Seconds without a line, in a long pass over a data set, after which there is one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._last: dict[int, float] = {}
        self._quiet = 0.0
        self._value = ""
        """The word for values; empty before any run is known."""

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        self._value = value_name(runs)

    @override
    def tick(self, quiet: float) -> None:
        if quiet > self._quiet and quiet > self.QUIET:
            self._print(pause_text(quiet))
        self._quiet = max(quiet, 0.0)

    @override
    def event(self, run: RunView, event: Event) -> None:
        if is_judged(run.spec):
            self._judged_event(run, event)
            return
        t = run.totals
        self._value = self._value or value_name([run])  # of runs that were done, none begins
        best = "no valid point yet"
        if t.best:
            best = f"best {point(t.best[0])} {self._value} {number(t.best[1])}"
        match event:
            case Started():
                text = f"started, {plural(t.distinct_pairs, 'starting point')}, {best}"
            case Stepped():
                now = time.monotonic()
                if not t.calls and now - self._last.get(id(run), 0.0) < self.SPACING:
                    return
                self._last[id(run)] = now
                text = f"step {t.step}/{run.limit()}, {best}"
                if t.calls:
                    text += f", {plural(t.distinct_pairs, 'point')}, {t.unusable} rejected"
                    text += f", {t.without_value} failed" if t.without_value else ""
                    text += f"{cause(t.causes)}, {plural(t.calls, 'call')}"
                elif t.without_value:
                    text += f", {t.without_value} without a value{cause(t.causes)}"
            case Stopped():
                text = f"{ended(run)}, {best}"
            case Failed():
                text = failed(run, event)
            case _:
                return
        self._print(f"{run.name}: {text}")

    def _judged_event(self, run: RunView, event: Event) -> None:
        """A line for an event of a run that looks for an instruction."""
        t, now = run.totals, time.monotonic()
        match event:
            case Started():
                text = f"started, {texts.best_train(t)}, {plural(texts.answers(t), 'answer')}"
            case Answers():
                if now - self._last.setdefault(id(run), now) < self.PASS:
                    return
                text = f"{plural(texts.answers(t), 'answer')} so far"
            case Stepped():
                text = f"step {t.step}/{run.limit()}, {texts.step_line(t)}"
            case Judged():
                text = texts.judged_line(event)
            case Stopped():
                text = f"{ended(run)}, {texts.ending_line(t)}"
            case Failed():
                text = failed(run, event)
            case _:
                return
        self._last[id(run)] = now
        self._print(f"{run.name}: {text}")


class JsonLines(Silent):
    """Every event, and every notice, as one JSON line."""

    @override
    def event(self, run: RunView, event: Event) -> None:
        self._print(json.dumps({"run": run.id, **to_json(event)}))

    @override
    def notice(self, text: str) -> None:
        self._print(json.dumps({"notice": text}))


class Results(Silent):
    """One JSON line on stdout for every run that ends."""

    @override
    def event(self, run: RunView, event: Event) -> None:
        if isinstance(event, Stopped | Failed):
            facts = {
                "run": run.id,
                "preset": run.spec.preset,
                "optimizer": run.spec.optimizer.name,
                "model": run.spec.model,
                "target": run.spec.target,
                "repetition": run.spec.repetition + 1,
                **run.result_json(),
            }
            if is_judged(run.spec):
                facts["accuracy"] = run_accuracy(JudgedRun(run.totals))
            print_out(json.dumps(facts) + "\n")


def value_name(runs: Sequence[RunView]) -> str:
    """The word of the problem for its value; "value" for several problems."""
    if len({run.spec.problem.kind for run in runs}) == 1:
        with contextlib.suppress(Exception):  # the problem may be a user's own
            return clean(runs[0].spec.build_problem().text.value, 20)
    return "value"


def pause_text(quiet: float) -> str:
    """That the server wants no calls for a while."""
    return f"the server asks for a pause of {quiet:.0f}s"


def failed(run: RunView, event: Failed) -> str:
    """Where and why a run failed, and the hint."""
    hint = f" (hint: {clean(event.hint)})" if event.hint else ""
    return f"failed in step {run.totals.step + 1}: {clean(event.message)}{hint}"


def cause(causes: Counter[str]) -> str:
    """Why most of the replies or values were of no use, to be put behind a word; or empty."""
    if not causes:
        return ""
    why, count = causes.most_common(1)[0]
    return f" ({f'{count} times: ' if count > 1 else ''}{clean(status_text(why))})"


def ended(run: RunView) -> str:
    """How a run ended, in a few words."""
    t = run.totals
    after = f"after {plural(t.step, 'step')} in {duration(t.seconds)}"
    if t.reason == "converged" and not is_share(run.spec):
        return f"solved {after}"
    why = reason_of(run.spec, t.reason or "unfinished")
    return f"stopped {after} ({why}){cause(t.causes) if t.reason in GAVE_UP else ''}"
