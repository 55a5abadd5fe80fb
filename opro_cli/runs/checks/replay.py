"""Recomputes all results from recorded replies, with today's engine, parser and problem."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opro_cli.core import engine
from opro_cli.core.errors import OproError, ReplayMismatch, SearchEnded
from opro_cli.core.events import Event, Point, Prompted
from opro_cli.core.model import ModelInfo
from opro_cli.core.optimizer import Optimizer
from opro_cli.core.problem import Measurement, OnValue, Problem
from opro_cli.core.sampler import RecordedModel, RecordingEnded, Sampler
from opro_cli.core.text import clean, plural
from opro_cli.core.totals import RunTotals
from opro_cli.runs import recordings
from opro_cli.runs.answers import RecordedBook
from opro_cli.runs.checks.checkers import Checker, ForeignChecker, OwnChecker
from opro_cli.runs.disk.contents import model_identity
from opro_cli.runs.record import RunRecord, Unreadable
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
            "state": self._state,
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

    @property
    def _state(self) -> str:
        """As a report has it: an error of a model is in the log alone."""
        left = self.totals.reason is None and self.record.totals.error
        return "failed" if left else self.totals.state

    def line(self) -> str:
        """The results, in one line."""
        t = self.totals
        state = t.reason or self._state
        state = "unfinished: its log has no end" if state == "unfinished" else state
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
    checker: Checker = OwnChecker(record) if record.ours else ForeignChecker(record)
    try:
        with contextlib.suppress(RecordingEnded):
            asyncio.run(_run(record, checker))
        checker.finish()
    except ReplayMismatch:
        raise
    except OproError as error:
        raise checker.differs(f"it fails ({error.message})", "it did not") from error
    return Replayed(record, tuple(checker.events), checker.totals)


async def _run(record: RunRecord, checker: Checker) -> None:
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
    record: RunRecord, problem: Problem, optimizer: Optimizer, checker: Checker
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
