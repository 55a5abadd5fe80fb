"""Checks of a log that need no engine: what one part of it says must follow from the others.

The engine makes prompts, points and values again (:mod:`opro_cli.runs.checks.replay`). Calls,
attempts, costs, times and the end of the log are compared here. What only a server knows is named.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from opro_cli.core.errors import OproError
from opro_cli.core.events import (
    Answers,
    Called,
    CallFailed,
    Evaluated,
    Event,
    Point,
    Replied,
    Reply,
    Resumed,
    Started,
    Stepped,
)
from opro_cli.core.model import Price
from opro_cli.core.text import clean, plural, point
from opro_cli.core.totals import RoleTotals
from opro_cli.llm.provider import bare_name, same_model
from opro_cli.presets import files
from opro_cli.presets.resolve import resolve
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.checks.answers import wrong_answers
from opro_cli.runs.compare import same_value
from opro_cli.runs.disk.fields import time as checked_time
from opro_cli.runs.disk.log import LoggedEvent, end_of
from opro_cli.runs.store import EVENTS_FILE, RUN_FILE, StoredRun

VALUES = "values (an objective is not run again)"
"""Unchecked where values come from a function of the user's."""
AHEAD = timedelta(days=2)
"""How far a clock may be ahead of this one."""
SLACK = timedelta(seconds=1)
"""How far two times may be in the wrong order: they are rounded, and a clock is corrected."""


@dataclass(frozen=True)
class Audit:
    """The result for one run."""

    wrong: str = ""
    """The first thing that does not follow from the rest; empty if there is none."""
    unchecked: tuple[str, ...] = ()
    """What cannot be checked."""


def audit(run: StoredRun) -> Audit:
    """Check a run of this tool, whatever its checksums say. Raises RunsError: it is unreadable."""
    spec = run.spec()
    log = _Log(run, spec)
    for logged in run.log(checked=False):
        log.add(logged)
    found = (*log.wrong, *_wrong_end(run), *_wrong_about(run, spec))
    wrong = next(iter(found), "") or next(wrong_answers(run, spec, log.answers), "")
    return Audit(wrong, tuple(_unchecked(run, spec, log)))


class _Log:
    """Follows the events of one log."""

    def __init__(self, run: StoredRun, spec: RunSpec) -> None:
        self.wrong: list[str] = []
        self.served: Counter[str] = Counter()
        """Replies of other models than the one that was asked for."""
        self.answers = RoleTotals()
        """The sums of a problem's own answers."""
        self.replies = 0
        self.unpriced = 0
        self.has_calls = False
        self._asked = str(run.about.get("model") or "")
        self._local = (spec.model or "").startswith("local")
        self._strict = bool(getattr(spec.optimizer, "strict_model", False))
        price = run.about.get("price")
        self._price = None if price is None else Price(price["input"], price["output"])
        self._times = _Times(run)
        self._calls: dict[tuple[int, int], _Call] = {}
        self._of_sample: dict[tuple[int, int], _Call] = {}
        self._values: dict[Point, float] = {}

    def add(self, logged: LoggedEvent) -> None:
        """Take one event into account."""
        if not self.wrong:
            try:
                self._times.add(logged)
                self._add(logged.event)
            except _Wrong as wrong:
                self.wrong.append(f"line {logged.number}: {wrong}")

    def _add(self, event: Event) -> None:
        match event:
            case Answers():
                self.answers.add(event)
            case Resumed():
                self._calls, self._of_sample = {}, {}
            case Called(step, sample):
                self.has_calls = True
                call = self._calls.setdefault((step, sample), _Call())
                call.begin(event)
                self._of_sample |= {(step, sample + i): call for i in range(event.samples)}
            case CallFailed(step, sample):
                if (step, sample) not in self._calls:
                    raise _Wrong("a call has failed that did not begin")
                self._calls[step, sample].failed += 1
            case Replied(step, sample, reply):
                self.replies += 1
                self._check_cost(reply)
                if reply.attempts != 1 + len(reply.troubles):
                    raise _Wrong(
                        f"{plural(reply.attempts, 'attempt')}, and {len(reply.troubles)} of them "
                        "failed"
                    )
                if self.has_calls:
                    self._check_call(self._of_sample.get((step, sample)), reply)
            case Evaluated(_, at, value):
                self._values[at] = value
            case Started(pairs) | Stepped(pairs=pairs):
                for pair in pairs:
                    if not same_value(self._values.get(pair.point, pair.value), pair.value):
                        raise _Wrong(
                            f"the value of {point(pair.point)} is {pair.value!r}, and was "
                            f"{self._values[pair.point]!r}"
                        )

    def _check_cost(self, reply: Reply) -> None:
        if not self._is_asked(reply.model):
            self.served[reply.model] += 1
            if self._strict or self._local:
                raise _Wrong(
                    f"a reply of {clean(reply.model, 80)}; the run's model is "
                    f"{clean(self._asked, 80)}"
                )
            return
        if reply.usage is None or self._price is None:
            self.unpriced += 1
            if reply.cost:
                raise _Wrong(f"a cost of ${reply.cost:g}, without tokens or a price")
            return
        cost = self._price.of(reply.usage.input, reply.usage.output)
        if not math.isclose(reply.cost or 0.0, cost, rel_tol=1e-9, abs_tol=1e-12):
            raise _Wrong(
                f"the cost of the reply is ${reply.cost or 0:g}; its tokens at the price in "
                f"{RUN_FILE} cost ${cost:g}"
            )

    def _is_asked(self, served: str) -> bool:
        if self._local:
            return served == self._asked
        return same_model(bare_name(self._asked), served) or served == self._asked

    def _check_call(self, call: _Call | None, reply: Reply) -> None:
        if call is None:
            raise _Wrong("a reply to a call that did not begin")
        if call.begun < reply.attempts:
            attempts, calls = plural(reply.attempts, "attempt"), plural(call.begun, "call")
            raise _Wrong(f"the reply says {attempts}, and the log has {calls}")
        call.replies += 1
        call.counted += reply.calls
        if call.replies == call.event.samples and call.counted != call.event.calls:
            raise _Wrong(
                f"the replies count {plural(call.counted, 'call')}, and the call counted "
                f"{call.event.calls}"
            )


class _Wrong(Exception):
    """A line that does not follow from the others."""


@dataclass
class _Call:
    """A call with its attempts."""

    event: Called = field(default_factory=lambda: Called(0, 0))
    begun: int = 0
    failed: int = 0
    replies: int = 0
    counted: int = 0

    def begin(self, event: Called) -> None:
        """Another attempt."""
        self.event = event
        self.begun += 1


class _Times:
    """The times of a log: in order, within their sessions, and not in the future."""

    def __init__(self, run: StoredRun) -> None:
        self._began = {session.name: session.began for session in run.sessions()}
        self._latest = datetime.now(UTC) + AHEAD
        self._before = checked_time(run.created)
        """No line of this session may be earlier."""

    def add(self, logged: LoggedEvent) -> None:
        """Raises _Wrong."""
        if isinstance(logged.event, Resumed):
            self._before = self._began.get(logged.event.session, logged.time)
        if logged.time > self._latest:
            raise _Wrong(f"its time is in the future ({logged.time:%Y-%m-%d})")
        if logged.time < self._before - SLACK:
            raise _Wrong("its time is before that of the line before, or of its session")
        self._before = max(self._before, logged.time)


def _wrong_end(run: StoredRun) -> Iterator[str]:
    """That the log is not as the last command that wrote it has left it."""
    noted = next((s.end for s in reversed(run.sessions()) if s.end is not None), None)
    if noted is None:
        return
    found = end_of(run.path / EVENTS_FILE)
    if found.lines != noted.lines:
        lines = plural(found.lines, "line")
        yield f"the log has {lines}, and the command that wrote it left {noted.lines}"
    elif found != noted:
        yield "the log is not as the command that wrote it left it"


def _wrong_about(run: StoredRun, spec: RunSpec) -> Iterator[str]:
    """What is wrong in ``run.json``."""
    about = run.about
    asked, opened = spec.model, about.get("model")
    if asked is not None and opened is not None and not asked.startswith("local"):
        names = (asked, bare_name(asked))
        if opened not in names and not same_model(bare_name(asked), opened):
            yield f"{RUN_FILE}: the model is {clean(opened, 80)}, and the settings ask for {asked}"
    if checked_time(run.created) > datetime.now(UTC) + AHEAD:
        yield f"{RUN_FILE}: created is in the future"
    sessions = run.sessions()
    if sessions and sessions[0].began < checked_time(run.created) - SLACK:
        yield f"{RUN_FILE}: created is after the first command began to write it"
    published = _shipped(run, spec)
    if published is not None and spec.published and tuple(spec.published) != published:
        yield f"{RUN_FILE}: the published figures are not those of the preset {spec.preset}"


def _shipped(run: StoredRun, spec: RunSpec) -> tuple[Mapping[str, object], ...] | None:
    """The published figures of the packaged preset of a run; None where it comes from another."""
    about = run.about.get("preset", {})
    path = files.folders()[-1] / f"{spec.preset}.yaml"
    if not path.is_file() or about.get("file") != str(path.absolute()):
        return None
    try:
        preset = resolve(str(path)).base
    except OproError:
        return None
    if spec.optimizer.name not in preset.sections:
        return ()
    return tuple(preset.published_for(spec.optimizer.name, spec.target))


def _unchecked(run: StoredRun, spec: RunSpec, log: _Log) -> Iterator[str]:
    """What cannot be checked, in a few words each."""
    if log.replies:
        yield "the tokens of replies, and which model has answered (the server's word)"
    for model, number in log.served.items():
        yield (
            f"the cost of {plural(number, 'reply', 'replies')} of {clean(model, 80)}, which "
            "was not asked for"
        )
    if log.unpriced:
        yield "the cost of replies without tokens or a known price"
    if log.replies and not log.has_calls:
        yield "calls that brought no reply (an older log)"
    if spec.build_problem().costly and not spec.problem.model_requests():
        yield VALUES
    if not any(session.end for session in run.sessions()):
        yield "whether the log was cut at its end (no command has ended regularly)"
    if spec.published and _shipped(run, spec) is None:
        yield "published figures of a preset that is not a packaged one"
