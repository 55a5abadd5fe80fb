"""Recorded replies through today's engine, parser and problem: does everything come out again?"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opro_cli import agree, engine
from opro_cli import recording as recordings
from opro_cli.errors import OproError, ReplayMismatch
from opro_cli.evaluation import Apart
from opro_cli.events import Event, Point, Prompted, Scored, Started, Stepped, Stopped
from opro_cli.llm.replay import RecordingEnded, Replay
from opro_cli.recording import Recording, Unreadable
from opro_cli.runs import Runs
from opro_cli.tally import Tally, tally_of
from opro_cli.text import clean, point

REPLAYED = " (replay)"


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
            given = engine.Surroundings(llm, recording.replies, _values(recording))
            asyncio.run(engine.run(spec, checker, given))
        checker.finish()
    except ReplayMismatch:
        raise
    except OproError as error:
        raise checker.differs(f"it fails ({error.message})", "it did not") from error
    return Replayed(recording, tuple(checker.events), checker.tally)


def _values(recording: Recording) -> dict[Point, Scored]:
    """The recorded values, where they came from somebody else's function: it may take hours, give
    another value each time, or be gone. All other values are computed again."""
    if not isinstance(recording.spec.instance(), Apart):
        return {}
    made = [recording.starts, *(step.pairs for step in recording.steps.values())]
    return {pair.point: pair for pairs in made for pair in pairs}


@dataclass(frozen=True)
class Result:
    """What came of one recording, fit to travel between processes."""

    facts: dict[str, Any]
    line: str

    @property
    def ok(self) -> bool:
        """Whether it came out as recorded."""
        return bool(self.facts["ok"])


def check(
    place: Path, root: Path | None = None, about: dict[str, Any] | None = None
) -> list[Result]:
    """Replay everything in one directory.

    Args:
        place: a run of ours, or a recorded experiment.
        root: runs directory to keep what comes out in; None to keep nothing.
        about: what ``run.json`` is to say of it.

    Raises:
        RunsError, LogError: it cannot be kept.
    """
    results = []
    for found in recordings.read(place):
        try:
            replayed = replay(found)
        except ReplayMismatch as mismatch:
            facts = {"recording": found.name, "ok": False, "difference": mismatch.message}
            results.append(Result(facts, clean(mismatch.message, 2000)))
            continue
        if root is not None:
            replayed.save(Runs(root), about or {})
        results.append(Result(replayed.facts(), replayed.line()))
    return results


FEW = 50
"""Directories that are replayed in this process: starting others takes a second."""


def check_all(
    places: Sequence[Path], root: Path | None = None, about: dict[str, Any] | None = None
) -> Iterator[Result]:
    """:func:`check` for many directories, in parallel where that pays, in their order."""
    workers = min(os.cpu_count() or 1, len(places) // FEW)
    if workers < 2:
        for place in places:
            yield from check(place, root, about)
        return
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        job = partial(check, root=root, about=about)
        for results in pool.map(job, places, chunksize=4):
            yield from results


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
        found = agree.pairs(ours, theirs)
        if found is not None:
            raise self.differs(*found, step)


class _Ours(_Checker):
    """A log of ours: event after event, to the last field."""

    def compare(self, event: Event) -> None:
        recorded, position = self.recording.events or [], len(self.events)
        if position >= len(recorded):
            raise RecordingEnded
        found = agree.difference(event, recorded[position], prompts=self.recording.same_version)
        if found is not None:
            raise self.differs(*found, getattr(event, "step", 0))

    def finish(self) -> None:
        rest = (self.recording.events or [])[len(self.events) :]
        if rest:
            step = getattr(rest[0], "step", 0)
            raise self.differs("nothing more happens", agree.what(rest[0]), step)
        if self.recording.changed:
            raise ReplayMismatch(f"{clean(self.recording.name)}: {self.recording.changed}")


class _Theirs(_Checker):
    """A recording of OPRO's own code: the history shown, the pairs and the counts."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        problem = recording.spec.instance()
        self._wording = problem.wording
        self._known: set[tuple[Point, str]] = set()
        if recording.optimum is not None and not agree.same(
            problem.optimum or 0.0, recording.optimum
        ):
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
                raise self.differs(agree.what(event), agree.what(r.stop), event.step)

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
            raise self.differs("the run goes on", agree.what(r.stop), t.step)
        recorded = [pair.point for pairs in self._all() for pair in pairs]
        for ours, theirs, name in (
            (t.recorded_pairs, len(recorded), "recorded pairs"),
            (t.distinct_pairs, len(set(recorded)), "distinct pairs"),
        ):
            if ours != theirs:
                raise self.differs(f"{ours} {name}", str(theirs), last)

    def _all(self) -> list[tuple[Scored, ...]]:
        return [self.recording.starts, *(step.pairs for step in self.recording.steps.values())]
