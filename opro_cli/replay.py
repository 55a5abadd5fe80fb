"""Recorded replies through today's engine, parser and problem: does everything come out again?"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from opro_cli import engine
from opro_cli.errors import OproError, ReplayMismatch
from opro_cli.events import Event, Point, Prompted, Replied, Scored, Started, Stepped, Stopped
from opro_cli.llm.replay import RecordingEnded, Replay
from opro_cli.recording import Recording, Unreadable
from opro_cli.runs import Runs
from opro_cli.tally import Tally, tally_of
from opro_cli.text import clean, point

REPLAYED = " (replay)"
TOLERANCE = 1e-9
"""Relative difference between a value and the recorded one."""


@dataclass(frozen=True)
class Replayed:
    """A recording that came out as recorded."""

    recording: Recording
    events: tuple[Event, ...]
    tally: Tally

    def facts(self) -> dict[str, Any]:
        """What came out, as a JSON object."""
        t = self.tally
        return {
            "recording": self.recording.name,
            "ok": True,
            "steps": t.step,
            "reason": t.reason,
            "recorded_pairs": t.recorded_pairs,
            "distinct_pairs": t.distinct_pairs,
        }

    def save(self, runs: Runs, about: dict[str, Any]) -> None:
        """Keep the events as a run. Raises RunsError or LogError."""
        recording = self.recording
        source = recording.spec.source or recording.name
        suffix = "" if recording.spec.preset.endswith(REPLAYED) else REPLAYED
        spec = replace(recording.spec, source=source, preset=recording.spec.preset + suffix)
        log = runs.create(spec, {**about, "model": recording.model}).append()
        for event in self.events:
            log.append(event)
        log.sync()

    def line(self) -> str:
        """What came out, in one line."""
        t = self.tally
        state = "unfinished" if t.reason is None else t.reason
        return (
            f"{clean(self.recording.name)}: ok, {t.step} steps ({state}), "
            f"{t.recorded_pairs} recorded pairs, {t.distinct_pairs} distinct"
        )


def replay(recording: Recording | Unreadable) -> Replayed:
    """Feed the recorded replies through the engine and compare.

    Raises:
        ReplayMismatch: at the first difference, or where the recording cannot be read.
    """
    if isinstance(recording, Unreadable):
        raise ReplayMismatch(f"{recording.name} cannot be read: {recording.why}")
    checker = _Ours(recording) if recording.events is not None else _Theirs(recording)
    spec = recording.spec
    llm = Replay(recording.model or "") if spec.optimizer.needs_model else None
    try:
        with contextlib.suppress(RecordingEnded):
            given = engine.Surroundings(llm, recording.replies)
            asyncio.run(engine.run(spec, checker, given))
        checker.finish()
    except ReplayMismatch:
        raise
    except OproError as error:
        raise checker.differs(f"it fails ({error.message})", "it did not") from error
    return Replayed(recording, tuple(checker.events), checker.tally)


class _Checker:
    """Takes the engine's events, and holds each against the recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.events: list[Event] = []
        self.tally = tally_of(recording.spec)

    def emit(self, event: Event) -> None:
        """Compare one event. Raises ReplayMismatch, or RecordingEnded past the last one."""
        self.compare(event)
        self.events.append(event)
        self.tally.add(event)

    async def settle(self) -> None:
        """Nothing is written."""

    def compare(self, event: Event) -> None:
        """Raises ReplayMismatch where the recording says otherwise."""
        raise NotImplementedError

    def finish(self) -> None:
        """Compare what there is at the end. Raises ReplayMismatch."""
        raise NotImplementedError

    def differs(self, ours: str, recorded: str, step: int | None = None) -> ReplayMismatch:
        """The first difference, as a sentence."""
        step = self.tally.step + 1 if step is None else step
        where = f"step {step}" if step else "starting points"
        return ReplayMismatch(
            f"{clean(self.recording.name)}, {where}: {clean(ours)}; recorded: {clean(recorded)}."
        )

    def pairs(self, step: int, ours: Sequence[Scored], theirs: Sequence[Scored]) -> None:
        """Compare points and values, in whatever order."""
        mine, recorded = (sorted(pairs, key=_point_key) for pairs in (ours, theirs))
        for a, b in zip(mine, recorded, strict=False):
            if a.point != b.point:
                raise self.differs(f"evaluated {point(a.point)}", point(b.point), step)
            if not _same(a.value, b.value):
                said = f"the value of {point(a.point)} is {a.value!r}"
                raise self.differs(said, repr(b.value), step)
        if len(mine) != len(recorded):
            raise self.differs(f"{len(mine)} pairs evaluated", str(len(recorded)), step)


class _Ours(_Checker):
    """A log of ours: event after event, to the last field."""

    def compare(self, event: Event) -> None:
        recorded = (self.recording.events or [])[len(self.events) :]
        if not recorded:
            raise RecordingEnded
        self._event(event, recorded[0])

    def _event(self, ours: Event, theirs: Event) -> None:
        step = getattr(ours, "step", 0)
        if type(ours) is not type(theirs) or step != getattr(theirs, "step", 0):
            raise self.differs(_what(ours), _what(theirs), step)
        if isinstance(ours, Started | Stepped) and isinstance(theirs, Started | Stepped):
            self.pairs(step, ours.pairs, theirs.pairs)
        for field in dataclasses.fields(ours):
            a, b = getattr(ours, field.name), getattr(theirs, field.name)
            if field.name == "prompt" and not self.recording.same_version:
                continue
            if field.name != "pairs" and a != b:
                raise self.differs(*_first_other(field.name, a, b), step)
            if field.name == "pairs" and list(map(_aside, a)) != list(map(_aside, b)):
                raise self.differs("the pairs come from elsewhere", "otherwise", step)

    def finish(self) -> None:
        rest = (self.recording.events or [])[len(self.events) :]
        if rest:
            step = getattr(rest[0], "step", 0)
            raise self.differs("nothing more happens", _what(rest[0]), step)
        if self.recording.changed:
            raise ReplayMismatch(f"{clean(self.recording.name)}: {self.recording.changed}")


class _Theirs(_Checker):
    """A recording of OPRO's own code: the history shown, the pairs and the counts."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        problem = recording.spec.instance()
        self._wording = problem.wording
        self._known: set[tuple[Point, str]] = set()
        if recording.optimum is not None and not _same(problem.optimum or 0.0, recording.optimum):
            raise self.differs(
                f"the loss at the true values is {problem.optimum!r}", repr(recording.optimum), 0
            )

    def compare(self, event: Event) -> None:
        r = self.recording
        match event:
            case Started(pairs):
                self._pairs(0, pairs, r.starts)
            case Prompted() if event.step not in r.shown:
                raise RecordingEnded
            case Prompted():
                replies = sum(step == event.step for step, _ in r.replies)
                if replies != event.samples:
                    said = f"{event.samples} replies are asked for"
                    raise self.differs(said, str(replies), event.step)
                self._shown(event)
            case Stepped():
                self._pairs(event.step, event.pairs, r.steps[event.step].pairs)
            case Stopped() if event != r.stop:
                raise self.differs(_what(event), _what(r.stop), event.step)

    def _pairs(self, step: int, ours: Sequence[Scored], theirs: Sequence[Scored]) -> None:
        self.pairs(step, ours, theirs)
        self._known |= {(p.point, self._wording.render_value(p.value)) for p in ours}

    def _shown(self, event: Prompted) -> None:
        theirs = self.recording.shown[event.step]
        # Pairs of equal value stood in no particular order in the recorded prompts.
        ours, recorded = ([value for _, value in pairs] for pairs in (event.shown, theirs))
        if ours != recorded:
            raise self.differs(f"values shown: {ours}", str(recorded), event.step)
        for pair in theirs:
            if pair not in self._known or theirs.count(pair) > 1:
                said = f"{point(pair[0])} with value {pair[1]}"
                raise self.differs("the history shown", said, event.step)

    def finish(self) -> None:
        r, t = self.recording, self.tally
        last = max(r.steps, default=0)
        if t.step != last:
            raise self.differs(f"{t.step} steps in all", str(last), t.step)
        if r.stop is not None and t.reason is None:
            raise self.differs("the run goes on", _what(r.stop), t.step)
        recorded = [pair.point for pairs in self._all() for pair in pairs]
        for ours, theirs, name in (
            (t.recorded_pairs, len(recorded), "recorded pairs"),
            (t.distinct_pairs, len(set(recorded)), "distinct pairs"),
        ):
            if ours != theirs:
                raise self.differs(f"{ours} {name}", str(theirs), last)

    def _all(self) -> list[tuple[Scored, ...]]:
        return [self.recording.starts, *(step.pairs for step in self.recording.steps.values())]


def _same(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def _point_key(pair: Scored) -> tuple[str, ...]:
    """An order for points of any kind, numbers by size."""
    return tuple(f"{v:030.9f}" if isinstance(v, int | float) else str(v) for v in pair.point)


def _aside(pair: Scored) -> tuple[Point, str, bool]:
    """All of a pair but its value."""
    return pair.point, pair.source, pair.known


def _what(event: Event | None) -> str:
    match event:
        case None:
            return "it does not stop"
        case Stopped(step, reason):
            return f"it stops at step {step} ({reason})"
        case Replied(step, sample):
            return f"reply {sample + 1} of step {step}"
    return f"{type(event).__name__.lower()} {getattr(event, 'step', '')}".strip()


def _first_other(name: str, ours: Any, theirs: Any) -> tuple[str, str]:
    """The first difference between two values of a field, in words."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            if a != b:
                return f"{name} {i + 1}: {a}", str(b)
        return f"{len(ours)} {name}", str(len(theirs))
    return f"{name}: {ours}", str(theirs)
