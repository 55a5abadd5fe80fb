"""Recomputes all results from recorded replies, with today's engine, parser and problem."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opro_cli.core import engine
from opro_cli.core.errors import OproError, ReplayMismatch, SearchEnded
from opro_cli.core.events import Evaluation, Event, Point, Prompted, Started, Stepped, Stopped
from opro_cli.core.model import ModelInfo
from opro_cli.core.optimizer import Optimizer
from opro_cli.core.problem import Measurement, OnValue, Problem
from opro_cli.core.sampler import RecordedModel, RecordingEnded, Sampler
from opro_cli.core.text import clean, plural, point
from opro_cli.core.totals import RunTotals
from opro_cli.runs import compare, recordings
from opro_cli.runs.answers import RecordedBook
from opro_cli.runs.disk.contents import model_identity
from opro_cli.runs.record import RunRecord, Unreadable, empty_totals
from opro_cli.runs.store import RunStore

REPLAYED = " (replay)"


@dataclass(frozen=True)
class Replayed:
    """A recording whose results were all recomputed as recorded."""

    record: RunRecord
    events: tuple[Event, ...]
    totals: RunTotals

    def facts(self) -> dict[str, Any]:
        """The results, as a JSON object."""
        t = self.totals
        return {
            "recording": self.record.view.id,
            "ok": True,
            "steps": t.step,
            "reason": t.reason,
            "state": t.state,
            "recorded_pairs": t.recorded_pairs,
            "distinct_pairs": t.distinct_pairs,
            "unchecked": list(self.record.unchecked),
        }

    def save(self, store: RunStore, about: dict[str, Any]) -> None:
        """Keep the events as a run. Raises RunsError or LogError."""
        spec = self.record.spec
        suffix = "" if spec.preset.endswith(REPLAYED) else REPLAYED
        source = spec.source or self.record.view.id
        kept = replace(spec, source=source, preset=spec.preset + suffix)
        log = store.create(kept, {**about, "model": self.record.view.model}).open_log()
        for event in self.events:
            log.append(event)
        log.sync()

    def line(self) -> str:
        """The results, in one line."""
        t = self.totals
        state = "unfinished: its log has no end" if t.reason is None else t.reason
        return (
            f"{clean(self.record.view.id)}: ok, {plural(t.step, 'step')} ({state}), "
            f"{t.recorded_pairs} points proposed, {t.distinct_pairs} different"
        )


def replay(record: RunRecord | Unreadable) -> Replayed:
    """Feed the recorded replies through the engine and compare.

    Raises:
        ReplayMismatch: at the first difference, or where the recording cannot be read.
    """
    if isinstance(record, Unreadable):
        raise ReplayMismatch(f"{record.name} cannot be read: {record.why}")
    checker: _Checker = _OwnChecker(record) if record.ours else _ForeignChecker(record)
    try:
        with contextlib.suppress(RecordingEnded):
            asyncio.run(_run(record, checker))
        checker.finish()
    except ReplayMismatch:
        raise
    except OproError as error:
        raise checker.differs(f"it fails ({error.message})", "it did not") from error
    return Replayed(record, tuple(checker.events), checker.totals)


async def _run(record: RunRecord, checker: _Checker) -> None:
    spec = record.spec
    model = RecordedModel(ModelInfo(record.view.model or ""))
    models = {
        role: Sampler(model, checker.emit, record.replies)
        for role in spec.optimizer.model_requests()
    }
    problem, optimizer = spec.build(models, tuple(record.steps))
    limits = spec.effective_limits
    if spec.problem.model_requests():
        await _run_with_answers(record, problem, optimizer, checker)
        return
    if problem.costly:  # a recording is looked at without running anybody's code
        known = engine.RunResources(record.values)
        await engine.run(problem, optimizer, _evaluate_nothing, limits, checker, known)
        return
    async with problem.evaluator({}) as evaluate:
        await engine.run(problem, optimizer, evaluate, limits, checker)


async def _run_with_answers(
    record: RunRecord, problem: Problem, optimizer: Optimizer, checker: _Checker
) -> None:
    """Replay a run whose problem asks a model: its recorded answers are graded again."""
    ((role, request),) = record.spec.problem.model_requests().items()
    stop = record.stop
    last = stop.step if stop is not None and stop.reason == "reserve" else None
    asked = {event.step for event in record.events if isinstance(event, Prompted)}

    def check_budget() -> None:
        if last is not None and checker.totals.step == last and last + 1 not in asked:
            raise SearchEnded

    identity = model_identity(request, record.view.contents, role)
    model = RecordedModel(ModelInfo(request.name))
    book = RecordedBook(model, identity, record.answers, ended=last is not None)
    async with problem.evaluator({role: book}) as evaluate:
        resources = engine.RunResources(check_budget=check_budget)
        limits = record.spec.effective_limits
        await engine.run(problem, optimizer, evaluate, limits, checker, resources)


async def _evaluate_nothing(points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
    """The evaluator of a costly problem: a point without a recorded value ends the replay."""
    raise RecordingEnded


@dataclass(frozen=True)
class Result:
    """The result of one recording, in a form that can be sent between processes."""

    facts: dict[str, Any]
    line: str

    @property
    def ok(self) -> bool:
        """Whether everything was recomputed as recorded."""
        return bool(self.facts["ok"])


def check(
    place: Path, root: Path | None = None, about: dict[str, Any] | None = None
) -> list[Result]:
    """Replay everything in one directory.

    Args:
        place: a run of ours, or a recorded experiment.
        root: runs directory for the results; None to keep nothing.
        about: facts for ``run.json``.

    Raises:
        RunsError, LogError: it cannot be kept.
    """
    results = []
    for found in recordings.read_directory(place):
        try:
            replayed = replay(found)
        except ReplayMismatch as mismatch:
            name = found.name if isinstance(found, Unreadable) else found.view.id
            facts = {"recording": name, "ok": False, "difference": mismatch.message}
            results.append(Result(facts, clean(mismatch.message, 2000)))
            continue
        if root is not None:
            replayed.save(RunStore(root), about or {})
        results.append(Result(replayed.facts(), replayed.line()))
    return results


FEW = 50
"""Directories that are replayed in this process: starting others takes a second."""


def check_all(
    places: Sequence[Path], root: Path | None = None, about: dict[str, Any] | None = None
) -> Iterator[Result]:
    """:func:`check` for many directories, in parallel where that pays, in their order."""
    workers = min(os.cpu_count() or 1, len(places) // FEW)
    done = 0
    if workers > 1:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from functools import partial
        from multiprocessing import get_context

        # The processes import nothing from the current folder.
        os.environ.setdefault("PYTHONSAFEPATH", "1")
        # Without shared memory there are no processes, and with little memory they are ended.
        with (
            contextlib.suppress(OSError, ImportError, BrokenProcessPool),
            ProcessPoolExecutor(workers, get_context("spawn")) as pool,
        ):
            job = partial(check, root=root, about=about)
            for results in pool.map(job, places, chunksize=4):
                done += 1
                yield from results
    for place in places[done:]:
        yield from check(place, root, about)


class _Checker:
    """Takes the engine's events, and holds each against the recording."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.events: list[Event] = []
        self.totals = empty_totals(record.spec)

    def emit(self, event: Event) -> None:
        """Compare one event. Raises ReplayMismatch, or RecordingEnded past the last one."""
        self.compare(event)
        self.events.append(event)
        self.totals.add(event)

    async def flush(self) -> None:
        """Nothing is written."""

    def compare(self, event: Event) -> None:
        """Raises ReplayMismatch where the recording says otherwise."""
        raise NotImplementedError

    def finish(self) -> None:
        """Compare what there is at the end. Raises ReplayMismatch."""
        raise NotImplementedError

    def differs(self, ours: str, recorded: str, step: int | None = None) -> ReplayMismatch:
        """The first difference, as a sentence."""
        step = self.totals.step + 1 if step is None else step
        where = f"step {step}" if step else "starting points"
        return ReplayMismatch(
            f"{clean(self.record.view.id)}, {where}: {clean(ours)}; recorded: {clean(recorded)}."
        )

    def compare_pairs(
        self, step: int, ours: Sequence[Evaluation], theirs: Sequence[Evaluation]
    ) -> None:
        """Compare points and values, in whatever order."""
        found = compare.first_difference_of_pairs(ours, theirs)
        if found is not None:
            raise self.differs(*found, step)


class _OwnChecker(_Checker):
    """Compares with a log of this tool: event after event, to the last field."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__(record)
        self._recorded = record.uninterrupted()

    def compare(self, event: Event) -> None:
        recorded, position = self._recorded, len(self.events)
        if position >= len(recorded):
            raise RecordingEnded
        found = compare.first_difference(
            event, recorded[position], prompts=self.record.same_version
        )
        if found is not None:
            raise self.differs(*found, getattr(event, "step", 0))

    def finish(self) -> None:
        rest = self._recorded[len(self.events) :]
        if rest:
            step = getattr(rest[0], "step", 0)
            raise self.differs("nothing more happens", compare.describe_event(rest[0]), step)
        if self.record.changed:
            raise ReplayMismatch(f"{clean(self.record.view.id)}: {self.record.changed}")


class _ForeignChecker(_Checker):
    """Compares with a recording of OPRO's own code: the pairs shown, the values, the counts."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__(record)
        problem = record.spec.build_problem()
        self._text = problem.text
        self._known: set[tuple[Point, str]] = set()
        self._replies = Counter(step for step, _ in record.replies)
        if record.optimum is not None and not compare.same_value(
            problem.optimum or 0.0, record.optimum
        ):
            raise self.differs(
                f"the loss at the true values is {problem.optimum!r}", repr(record.optimum), 0
            )

    def compare(self, event: Event) -> None:
        r = self.record
        match event:
            case Started(pairs):
                self._pairs(0, pairs, r.starts)
            case Prompted() if event.step not in r.shown:
                raise RecordingEnded
            case Prompted():
                replies = self._replies[event.step]
                if replies != event.samples:
                    said = f"{event.samples} replies are asked for"
                    raise self.differs(said, str(replies), event.step)
                self._shown(event)
            case Stepped():
                self._pairs(event.step, event.pairs, r.steps[event.step].pairs)
            case Stopped() if event != r.stop:
                raise self.differs(
                    compare.describe_event(event), compare.describe_event(r.stop), event.step
                )

    def _pairs(self, step: int, ours: Sequence[Evaluation], theirs: Sequence[Evaluation]) -> None:
        self.compare_pairs(step, ours, theirs)
        self._known |= {(p.point, self._text.render_value(p.value)) for p in ours}

    def _shown(self, event: Prompted) -> None:
        theirs = self.record.shown[event.step]
        # Pairs of equal value stood in no particular order in the recorded prompts.
        ours, recorded = ([value for _, value in pairs] for pairs in (event.shown, theirs))
        if ours != recorded:
            raise self.differs(f"values shown: {ours}", str(recorded), event.step)
        for pair, number in Counter(theirs).items():
            if pair not in self._known or number > 1:
                said = f"{point(pair[0])} with value {pair[1]}"
                raise self.differs("the history shown", said, event.step)

    def finish(self) -> None:
        r, t = self.record, self.totals
        last = max(r.steps, default=0)
        if t.step != last:
            raise self.differs(f"{t.step} steps in all", str(last), t.step)
        if r.stop is not None and t.reason is None:
            raise self.differs("the run goes on", compare.describe_event(r.stop), t.step)
        recorded = [pair.point for pairs in self._all() for pair in pairs]
        for ours, theirs, name in (
            (t.recorded_pairs, len(recorded), "recorded pairs"),
            (t.distinct_pairs, len(set(recorded)), "distinct pairs"),
        ):
            if ours != theirs:
                raise self.differs(f"{ours} {name}", str(theirs), last)

    def _all(self) -> list[tuple[Evaluation, ...]]:
        return [self.record.starts, *(step.pairs for step in self.record.steps.values())]
