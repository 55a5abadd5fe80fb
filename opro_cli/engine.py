"""One run: ask, evaluate, tell, until something says stop. And many runs at once.

The engine is the only place that emits events. It emits a prompt before it is sent, a reply
before it is parsed, and a step before the optimizer learns from it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opro_cli import evaluation
from opro_cli.book import Book
from opro_cli.errors import LLMError, OproError, Paused, RunFailed
from opro_cli.evaluation import Evaluate
from opro_cli.events import (
    Event,
    Failed,
    Point,
    Reply,
    Scored,
    Started,
    Stopped,
)
from opro_cli.llm.base import LLM
from opro_cli.optimizers import Proposal, Task
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
        values: points that were evaluated already, and need not be again.
        gate: called before every step; raises Paused to leave the run where it is.
        inspect: called with each new reply after it is recorded.
    """

    llm: LLM | None = None
    recorded: Replies | None = None
    values: Mapping[Point, Scored] = field(default_factory=dict)
    gate: Callable[[], None] = lambda: None
    inspect: Callable[[Reply], None] | None = None


async def run(spec: RunSpec, journal: Journal, given: Surroundings) -> None:
    """One run from its starting points to its end.

    Raises:
        RunFailed: after a Failed event, where the model, the optimizer or the log gave up.
        Paused: where the run is left as it is; after a Stopped event if there is a reason.
    """
    step = 0
    try:
        async for made in _steps(spec, journal, given):
            step = made
    except Paused as paused:
        if paused.reason:
            journal.emit(Stopped(step, paused.reason))
        raise
    except LLMError as error:
        failed = Failed(step, _kind(error), error.message, error.attempts, error.hint)
        journal.emit(failed)
        raise
    except OproError:
        raise
    except Exception as error:  # a bug, ours or that of a problem: this run fails alone
        journal.emit(Failed(step, _kind(error), str(error)))
        raise RunFailed(f"{_kind(error)}: {error}") from error


async def _steps(spec: RunSpec, journal: Journal, given: Surroundings) -> AsyncIterator[int]:
    """Make a run, step by step; yields the number of steps made so far."""
    problem = spec.instance()
    async with evaluation.of(problem) as evaluate:
        async for step in _made(spec, problem, evaluate, journal, given):
            yield step


async def _made(
    spec: RunSpec, problem: Problem, evaluate: Evaluate, journal: Journal, given: Surroundings
) -> AsyncIterator[int]:
    randomness = Randomness(spec.seed, f"{label(spec.target)}/{spec.repetition}")
    recorder = None
    if given.llm is not None:
        recorder = Recorder(given.llm, journal.emit, given.recorded, given.inspect)
    optimizer = spec.optimizer.build(Task(problem, randomness, recorder, spec.repetition))
    proposes = spec.optimizer.proposes
    book = Book(problem, evaluate, spec.effective_limits, given.values, proposes=proposes)

    started = await book.start([Proposal(point, "start") for point in optimizer.starts()])
    journal.emit(Started(started))
    optimizer.tell(started)
    reason = "converged" if book.solved(started) else book.spent()
    while reason is None:
        yield book.step
        given.gate()
        asked = await optimizer.ask(book.step + 1)
        stepped = await book.take(asked)
        journal.emit(stepped)
        await journal.settle()
        optimizer.tell(stepped.pairs)
        reason = asked.stop or book.stop(stepped.pairs)
    journal.emit(Stopped(book.step, reason))
    await journal.settle()


def _kind(error: Exception) -> str:
    return type(error).__name__


async def run_all(
    runs: Sequence[Callable[[], Awaitable[None]]], slots: Sequence[asyncio.Semaphore]
) -> None:
    """Run all of them, each in its slot, started in order.

    A run that raises RunFailed or Paused ends alone. Anything else ends them all.

    Args:
        runs: what to run.
        slots: one for each, shared by those that must not all run at once.
    """

    async def one(run: Callable[[], Awaitable[None]], slot: asyncio.Semaphore) -> None:
        async with slot:
            with contextlib.suppress(RunFailed, Paused):  # it is in its log, and counted there
                await run()

    async with asyncio.TaskGroup() as group:
        for run, slot in zip(runs, slots, strict=True):
            group.create_task(one(run, slot))
