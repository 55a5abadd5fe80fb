"""One run in full, as texts for its own page: result, settings, steps, meta-prompts, replies.

Everything is text when it leaves this file: the script of the page only puts it in its place.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opro_cli.core.events import (
    Evaluation,
    Event,
    Failed,
    ParsedSolution,
    Point,
    Prompted,
    Replied,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.text import (
    clean,
    duration,
    number,
    plural,
    source_text,
    status_text,
    visible,
)
from opro_cli.presets.spec import RunSpec
from opro_cli.report.judged import JudgedRun, is_judged
from opro_cli.report.page.states import state_text
from opro_cli.report.verdicts import quoted, share_of
from opro_cli.runs.disk.sources import ValueSources, settings_of
from opro_cli.runs.progress import RunView, by_name, reason_of, value_text
from opro_cli.runs.store import StoredRun

LONGEST_POINT = 300
"""Characters of a point, other than a text, in a list of points."""

Json = dict[str, Any]


def run_details(run: StoredRun, view: RunView, *, whole: bool) -> Json:
    """What the page of a run shows.

    Args:
        run: on disk.
        view: its totals.
        whole: the steps too, with meta-prompts and replies, which are read from the log.

    Raises:
        RunsError: the log is damaged.
    """
    words = _Words(view.spec)
    found: Json = {
        "facts": list(_facts(run, view, words)),
        "settings": list(_settings(run, view)),
    }
    if not whole:
        return found
    steps, ends = _steps(logged.event for logged in run.log())
    if view.spec.optimizer.asks_model:
        found["steps"] = [words.step(step) for step in steps]
    else:
        found["points"] = [
            [step.number, *words.pair(pair)] for step in steps for pair in step.pairs
        ]
    found["ends"] = [words.end(event) for event in ends]
    return found


def _facts(run: StoredRun, view: RunView, words: _Words) -> Iterator[tuple[str, str]]:
    totals = view.totals
    yield "result", state_text(view)
    yield from _found(view, words)
    yield "steps", f"{totals.step:,}"
    yield "evaluations", f"{totals.evaluations:,}"
    if view.model is not None:
        cost = totals.total_cost
        yield "model", clean(view.model)
        yield "model calls", f"{totals.calls:,}"
        used = (f"{n:,} {status_text(status)}" for status, n in totals.statuses.most_common())
        yield "how the replies were used", clean(", ".join(used) or "no reply", 1000)
        tokens = f"{totals.usage.input:,} in, {totals.usage.output:,} out"
        yield "tokens", tokens if totals.replies > totals.unmetered else "unknown"
        yield "cost", "unknown" if cost is None else f"${cost:.4g}"
    yield "time", duration(totals.seconds)
    yield "created", clean(view.created)
    if run.about.get("command"):
        yield "command", clean(str(run.about["command"]), 1000)
    versions = run.about.get("versions")
    if isinstance(versions, dict) and versions:
        yield "versions", clean(", ".join(f"{k} {v}" for k, v in versions.items()), 1000)


def _found(view: RunView, words: _Words) -> Iterator[tuple[str, str]]:
    """The best point, or the instruction that was chosen."""
    totals, spec = view.totals, view.spec
    if is_judged(spec):
        run = JudgedRun(totals)
        if run.chosen is not None:
            yield "chosen instruction", quoted(run.chosen)
            for split in ("train", "dev", "test"):
                on_train = split == "train"
                share = run.train(run.chosen) if on_train else run.on(split, run.chosen)
                if share is not None:
                    yield split, share_of(share, interval=True)
            return
    if totals.best is not None:
        yield f"best {clean(words.value_name, 40)}", value_text(spec, totals.best[1])
        yield "at", words.point(totals.best[0])


def _settings(run: StoredRun, view: RunView) -> Iterator[tuple[str, str, str]]:
    told = ValueSources(run.about, view.spec.optimizer.name)
    for key, value in settings_of(run.about).items():
        shown = clean(json.dumps(value, ensure_ascii=False), 1000)
        yield clean(key), shown, clean(told.of(key, value))


@dataclass
class _Step:
    """What belongs to one step."""

    number: int
    prompts: list[Prompted] = field(default_factory=list)
    replies: list[Replied] = field(default_factory=list)
    pairs: tuple[Evaluation, ...] = ()
    solutions: tuple[ParsedSolution, ...] = ()


def _steps(events: Iterable[Event]) -> tuple[list[_Step], list[Stopped | Failed]]:
    """The steps in their order, and how the run ended (and paused, or failed, before)."""
    steps: dict[int, _Step] = {}
    ends: list[Stopped | Failed] = []

    def of(number: int) -> _Step:
        return steps.setdefault(number, _Step(number))

    for event in events:
        match event:
            case Started(pairs):
                of(0).pairs = pairs
            case Prompted(step):
                of(step).prompts.append(event)
            case Replied(step):
                of(step).replies.append(event)
            case Stepped():
                of(event.step).pairs = event.pairs
                of(event.step).solutions = event.solutions
            case Stopped() | Failed():
                ends.append(event)
    return sorted(steps.values(), key=lambda step: step.number), ends


class _Words:
    """Points, values and steps of one run as text."""

    def __init__(self, spec: RunSpec) -> None:
        problem = spec.build_problem()
        self._spec, self._space = spec, problem.space
        self.value_name = problem.text.value
        self._best = min if problem.text.direction == "minimize" else max

    def point(self, point: Point) -> str:
        if self._spec.problem.free_text:
            return visible(str(point[0])) or "(empty)"
        named = self._space.names
        return clean(
            by_name(self._space, point) if named else self._space.render(point), LONGEST_POINT
        )

    def pair(self, pair: Evaluation) -> tuple[str, str, str]:
        """The point, its value, and who proposed it."""
        value = value_text(self._spec, pair.value)
        why = f" ({clean(pair.why)})" if pair.why else ""
        return self.point(pair.point), value + why, clean(source_text(pair.source), 40)

    def step(self, step: _Step) -> Json:
        values = {pair.point: pair.value for pair in step.pairs}
        by_sample: dict[int, list[ParsedSolution]] = {}
        for solution in step.solutions:
            by_sample.setdefault(solution.sample, []).append(solution)
        replies = sorted(step.replies, key=lambda event: event.sample)
        return {
            "step": step.number,
            "line": self._line(step),
            "prompts": [[self._asked(prompt), visible(prompt.prompt)] for prompt in step.prompts],
            "replies": [
                [
                    self._answered(replied),
                    visible(replied.reply.text),
                    visible(replied.reply.beside),
                    [clean(trouble, 1000) for trouble in replied.reply.troubles],
                    [self._used(s, values) for s in by_sample.get(replied.sample, ())],
                ]
                for replied in replies
            ],
            "points": [self.pair(pair) for pair in step.pairs],
        }

    def end(self, event: Stopped | Failed) -> str:
        """Why the run stopped or failed."""
        if isinstance(event, Failed):
            return clean(f"failed in step {event.step + 1}: {event.said}", 2000)
        return clean(f"stopped after step {event.step}: {reason_of(self._spec, event.reason)}")

    def _line(self, step: _Step) -> str:
        """The step in a few words."""
        new = sum(not pair.known for pair in step.pairs)
        parts = [plural(new, "new point") if step.number else plural(new, "starting point")]
        used = Counter(solution.status for solution in step.solutions)
        if step.replies:
            statuses = ", ".join(f"{n} {status_text(s)}" for s, n in used.most_common())
            shown = f" ({statuses})" if statuses else ""
            parts.append(plural(len(step.replies), "reply", "replies") + shown)
        values = [pair.value for pair in step.pairs if math.isfinite(pair.value)]
        if values:
            parts.insert(0, f"best of the step {value_text(self._spec, self._best(values))}")
        return clean("; ".join(parts))

    @staticmethod
    def _asked(prompt: Prompted) -> str:
        facts = [plural(prompt.samples, "sample"), f"form {prompt.form}"]
        if prompt.temperature is not None:
            facts.append(f"temperature {number(prompt.temperature)}")
        return clean(", ".join(facts), 200)

    @staticmethod
    def _answered(replied: Replied) -> str:
        reply = replied.reply
        facts = [f"reply {replied.sample + 1}: {clean(reply.model, 100)}", clean(reply.finish, 40)]
        if reply.usage:
            facts.append(f"{reply.usage.input:,} tokens in, {reply.usage.output:,} out")
        if reply.attempts > 1:
            facts.append(f"{reply.attempts} attempts")
        if reply.seconds:
            facts.append(duration(reply.seconds))
        if reply.detail:
            facts.append(clean(reply.detail))
        return ", ".join(facts)

    def _used(self, solution: ParsedSolution, values: dict[Point, float]) -> tuple[str, str]:
        """The status of a solution in a reply, and the solution with its value."""
        parts = []
        if solution.point is not None:
            parts.append(self.point(solution.point))
            value = values.get(solution.point)
            parts += [f"value {value_text(self._spec, value)}"] if value is not None else []
        parts += [clean(solution.why)] if solution.why else []
        return status_text(solution.status), ": ".join(parts)
