"""One run: ask, evaluate, tell, until something says stop. And many runs at once.

The engine is the only place that emits events. It emits a prompt before it is sent, a reply
before it is parsed, and a step before the optimizer learns from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from opro_cli.errors import LLMError, OproError, Paused, RunFailed
from opro_cli.events import (
    Event,
    Failed,
    Point,
    Reading,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.llm.base import LLM
from opro_cli.optimizers import Asked, Limits, Proposal, Task
from opro_cli.problems import Problem, label
from opro_cli.randomness import Randomness
from opro_cli.recorder import Recorder, Replies
from opro_cli.spec import RunSpec


class Journal(Protocol):
    """Where the events of a run go."""

    def emit(self, event: Event) -> None:
        """Take one event. An error stops the run."""

    async def settle(self) -> None:
        """Return when everything emitted so far would survive a power cut."""


@dataclass(frozen=True)
class Surroundings:
    """What a run is given beside its spec.

    Args:
        llm: the model, for optimizers that need one.
        recorded: replies that are known already and need not be asked for.
        gate: called before every step; raises Paused to leave the run where it is.
        inspect: called with each new reply after it is recorded.
    """

    llm: LLM | None = None
    recorded: Replies | None = None
    gate: Callable[[], None] = lambda: None
    inspect: Callable[[Reply], None] | None = None


async def run(spec: RunSpec, journal: Journal, given: Surroundings) -> None:
    """One run from its starting points to its end.

    Raises:
        RunFailed: after a Failed event, where the model, the optimizer or the log gave up.
        Paused: where the run is left as it is; after a Stopped event if there is a reason.
    """
    problem = spec.instance()
    randomness = Randomness(spec.seed, f"{label(spec.target)}/{spec.repetition}")
    recorder = None
    if given.llm is not None:
        recorder = Recorder(given.llm, journal.emit, given.recorded, given.inspect)
    optimizer = spec.optimizer.build(Task(problem, randomness, recorder, spec.repetition))
    book = _Book(problem, spec.effective_limits, proposes=spec.optimizer.proposes)

    started = book.start([Proposal(point, "start") for point in optimizer.starts()])
    journal.emit(Started(started))
    optimizer.tell(started)
    reason = "converged" if any(problem.solved(pair.point) for pair in started) else book.spent()
    while reason is None:
        try:
            given.gate()
            asked = await optimizer.ask(book.step + 1)
            stepped = book.take(asked)
        except Paused as paused:
            if paused.reason:
                journal.emit(Stopped(book.step, paused.reason))
            raise
        except LLMError as error:
            journal.emit(Failed(book.step, _kind(error), error.message, error.attempts))
            raise
        except OproError:
            raise
        except Exception as error:  # a bug, ours or that of a problem: this run fails alone
            journal.emit(Failed(book.step, _kind(error), str(error)))
            raise RunFailed(f"{_kind(error)}: {error}") from error
        journal.emit(stepped)
        await journal.settle()
        optimizer.tell(stepped.pairs)
        reason = asked.stop or book.stop(stepped.pairs)
    journal.emit(Stopped(book.step, reason))
    await journal.settle()


def _kind(error: Exception) -> str:
    return type(error).__name__


class _Book:
    """What the engine keeps of a run: the values found, and how long without a better one."""

    def __init__(self, problem: Problem, limits: Limits, *, proposes: bool) -> None:
        self._problem = problem
        self._limits = limits
        self._proposes = proposes
        self._budget: int | None = None
        self._values: dict[Point, float] = {}
        self._best = math.inf
        self._best_step = self._best_evaluations = 0
        self.step = self._evaluations = 0

    def start(self, proposals: Sequence[Proposal]) -> tuple[Scored, ...]:
        """Evaluate the starting points, which the budget includes."""
        started = self._score(proposals, in_turn=False)
        self._budget = self._limits.budget(len(started))
        return started

    def take(self, asked: Asked) -> Stepped:
        """The step that these proposals make."""
        self.step += asked.steps
        known = {p.point for p in asked.proposals if p.point in self._values}
        before = self._evaluations
        pairs = self._score(asked.proposals, in_turn=asked.in_turn)
        if asked.evaluations is not None:
            self._evaluations = before + asked.evaluations
        scored = {pair.point for pair in pairs}
        return Stepped(
            step=self.step,
            pairs=pairs,
            readings=tuple(_fate(reading, known, scored) for reading in asked.readings),
            evaluations=self._evaluations - before,
        )

    def _score(self, proposals: Iterable[Proposal], *, in_turn: bool) -> tuple[Scored, ...]:
        """Evaluate each point, once in a run, as far as the budget goes."""
        sign = 1 if self._problem.wording.direction == "minimize" else -1
        scored = []
        for proposal in proposals:
            point, known = proposal.point, proposal.point in self._values
            if not known:
                if self.spent():
                    continue
                self._values[point] = self._problem.evaluate(point)
                self._evaluations += 1
            value = self._values[point]
            if math.isfinite(value) and sign * value < self._best:
                self._best, self._best_step = sign * value, self.step
                self._best_evaluations = self._evaluations
            scored.append(Scored(point, value, proposal.source, known))
            if in_turn and self._solved(point):
                break
        return tuple(scored)

    def stop(self, pairs: Sequence[Scored]) -> str | None:
        """The reason to stop after a step, or None."""
        limits = self._limits
        if any(self._solved(pair.point) for pair in pairs):
            return "converged"
        if limits.counts == "evaluations" and self.spent():
            return self.spent()
        if self.step >= limits.max_steps:
            return "max_steps"
        waited = self.step - self._best_step
        if limits.counts == "evaluations":
            waited = self._evaluations - self._best_evaluations
        if limits.patience is not None and waited >= limits.patience:
            return "patience"
        return self.spent()

    def spent(self) -> str | None:
        """The reason to stop where no more evaluations are allowed, or None."""
        made_all = self._budget is not None and self._evaluations >= self._budget
        return "max_evaluations" if made_all else None

    def _solved(self, point: Point) -> bool:
        """Whether a proposal is the target, or lies between grid points and is nearest to it."""
        return self._proposes and self._problem.solved(self._problem.space.nearest(point))


def _fate(reading: Reading, known: set[Point], scored: set[Point]) -> Reading:
    """Tell a ``used`` point that was known, or was not evaluated for lack of budget."""
    if reading.fate == "used" and reading.point in known:
        return replace(reading, fate="known")
    if reading.fate == "used" and reading.point not in scored:
        return replace(reading, fate="unevaluated")
    return reading


async def run_all(runs: Sequence[Callable[[], Awaitable[None]]], concurrency: int) -> None:
    """Run all of them, at most ``concurrency`` at a time, started in order.

    A run that raises RunFailed or Paused ends alone. Anything else ends them all.
    """
    slots = asyncio.Semaphore(concurrency)

    async def one(run: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            with contextlib.suppress(RunFailed, Paused):  # it is in its log, and counted there
                await run()

    async with asyncio.TaskGroup() as group:
        for item in runs:
            group.create_task(one(item))
