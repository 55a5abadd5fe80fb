"""Recorded replies through today's engine, parser and problem: does everything come out again?"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from opro_cli import engine
from opro_cli.errors import ReplayMismatch
from opro_cli.events import Event, Point, Prompted, Reading, Scored, Started, Stepped, Stopped
from opro_cli.llm.replay import RecordingEnded, Replay
from opro_cli.recording import Recording
from opro_cli.runs import RunLog, Runs
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
        created = runs.create(spec, {**about, "model": recording.model})
        log = RunLog(created.path)
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


def replay(recording: Recording) -> Replayed:
    """Feed the recorded replies through the engine and compare.

    Raises:
        ReplayMismatch: at the first difference.
    """
    checker = _Checker(recording)
    settings = recording.spec.optimizer
    llm = Replay(recording.model or "") if settings.needs_model else None
    with contextlib.suppress(RecordingEnded):
        given = engine.Surroundings(llm, recording.replies)
        asyncio.run(engine.run(recording.spec, checker, given))
    checker.finish()
    return Replayed(recording, tuple(checker.events), checker.tally)


class _Checker:
    """Takes the engine's events and holds each against the recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._known: set[tuple[Point, str]] = set()
        self._wording = recording.spec.instance().wording
        self.events: list[Event] = []
        self.tally = tally_of(recording.spec)

    async def settle(self) -> None:
        """Nothing is written."""

    def emit(self, event: Event) -> None:
        """Compare one event. Raises ReplayMismatch, or RecordingEnded past the last step."""
        r = self._recording
        match event:
            case Started(pairs):
                self._pairs(0, pairs, r.starts)
            case Prompted():
                if event.step not in r.shown:
                    raise RecordingEnded
                self._shown(event)
            case Stepped():
                if event.step not in r.steps:
                    if r.stop is None and event.step > max(r.steps, default=0):
                        raise RecordingEnded
                    raise self._differs(event.step, "this step", "none")
                self._pairs(event.step, event.pairs, r.steps[event.step].pairs)
                if r.ours and event.readings != r.steps[event.step].readings:
                    raise self._differs(
                        event.step, *_first_other(event.readings, r.steps[event.step].readings)
                    )
            case Stopped():
                if event != r.stop:
                    raise self._differs(
                        event.step, f"the run stops ({event.reason})", _stop(r.stop)
                    )
        self.events.append(event)
        self.tally.add(event)

    def finish(self) -> None:
        """Compare the totals. Raises ReplayMismatch."""
        r, t = self._recording, self.tally
        last = max(r.steps, default=0)
        if t.step < last and r.spec.optimizer.needs_model:
            replies = sum(step == t.step + 1 for step, _ in r.replies)
            raise self._differs(t.step + 1, f"only {replies} replies are there", "a finished step")
        if t.step != last:
            raise self._differs(t.step, f"{t.step} steps in all", f"{last}")
        if r.stop is not None and t.reason is None:
            raise self._differs(t.step, "the run goes on", f"it stops ({r.stop.reason})")
        recorded = [
            pair.point
            for pairs in (r.starts, *(s.pairs for s in r.steps.values()))
            for pair in pairs
        ]
        if t.recorded_pairs != len(recorded):
            raise self._differs(last, f"{t.recorded_pairs} recorded pairs", f"{len(recorded)}")
        if t.distinct_pairs != len(set(recorded)):
            raise self._differs(last, f"{t.distinct_pairs} distinct pairs", f"{len(set(recorded))}")

    def _pairs(self, step: int, ours: Sequence[Scored], theirs: Sequence[Scored]) -> None:
        mine, recorded = (sorted(pairs, key=lambda p: p.point) for pairs in (ours, theirs))
        for a, b in zip(mine, recorded, strict=False):
            if a.point != b.point:
                raise self._differs(step, f"evaluated {point(a.point)}", point(b.point))
            same = a.value == b.value or math.isclose(a.value, b.value, rel_tol=TOLERANCE)
            if not same and not (math.isnan(a.value) and math.isnan(b.value)):
                raise self._differs(
                    step, f"the value of {point(a.point)} is {a.value!r}", repr(b.value)
                )
        if len(mine) != len(recorded):
            raise self._differs(step, f"{len(mine)} pairs evaluated", str(len(recorded)))
        self._known |= {(p.point, self._wording.render_value(p.value)) for p in ours}

    def _shown(self, event: Prompted) -> None:
        theirs = self._recording.shown[event.step]
        if self._recording.ours:
            if list(event.shown) != theirs:
                raise self._differs(event.step, *_first_difference(event.shown, theirs))
            if event.prompt != self._recording.prompts.get(event.step, event.prompt):
                raise self._differs(event.step, "the meta-prompt has another text", "its own")
            return
        # Pairs of equal value stood in no particular order in the recorded prompts.
        ours, recorded = ([value for _, value in pairs] for pairs in (event.shown, theirs))
        if ours != recorded:
            raise self._differs(event.step, f"values shown: {ours}", str(recorded))
        for pair in theirs:
            if pair not in self._known or theirs.count(pair) > 1:
                raise self._differs(
                    event.step, "the history shown", f"{point(pair[0])} with value {pair[1]}"
                )

    def _differs(self, step: int, ours: str, recorded: str) -> ReplayMismatch:
        where = f"step {step}" if step else "starting points"
        return ReplayMismatch(
            f"{clean(self._recording.name)}, {where}: {clean(ours)}; recorded: {clean(recorded)}."
        )


def _stop(stop: Stopped | None) -> str:
    return f"it stops at step {stop.step} ({stop.reason})" if stop else "it does not stop"


def _first_other(ours: Sequence[Reading], theirs: Sequence[Reading]) -> tuple[str, str]:
    for a, b in zip(ours, theirs, strict=False):
        if a != b:
            return f"reply {a.sample + 1} is {a.fate}", f"reply {b.sample + 1} is {b.fate}"
    return f"{len(ours)} replies read", str(len(theirs))


def _first_difference(
    ours: Sequence[tuple[Point, str]], theirs: Sequence[tuple[Point, str]]
) -> tuple[str, str]:
    for a, b in zip(ours, theirs, strict=False):
        if a != b:
            return f"shown {point(a[0])} with value {a[1]}", f"{point(b[0])} with value {b[1]}"
    return f"{len(ours)} pairs shown", str(len(theirs))
