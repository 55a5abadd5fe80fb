"""One run: ask, evaluate, tell, until something says stop. And many runs at once.

The engine is the only place that emits events. It emits a prompt before it is sent, a reply
before it is parsed, and a step before the optimizer learns from it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from opro_cli.errors import OproError, Paused, RunFailed
from opro_cli.events import Failed, Point, Reading, Scored, Started, Stepped, Stopped
from opro_cli.llm.base import LLM
from opro_cli.optimizers import Asked, Limits, Proposal, Task
from opro_cli.problems import Problem, label
from opro_cli.randomness import Randomness
from opro_cli.recorder import Emit, Recorder, Replies
from opro_cli.spec import RunSpec

REASONS = {
    "converged": "found the target",
    "max_steps": "made all steps it was allowed",
    "patience": "no better value for as many steps as patience allows",
    "diverged": "the loss grew without bound",
    "max_iterations": "made all iterations it was allowed",
    "recording_ended": "the recording has no more steps",
}
"""Why a run stopped, in words."""


async def run(spec: RunSpec, llm: LLM | None, emit: Emit, recorded: Replies | None = None) -> None:
    """One run from its starting points to its end.

    Args:
        spec: what to run.
        llm: the model, for optimizers that need one.
        emit: where events go; an error it raises stops the run.
        recorded: replies that are known already and need not be asked for.

    Raises:
        RunFailed: after a Failed event, where the model, the optimizer or the log gave up.
        Paused: where somebody wants the run left as it is.
    """
    problem = spec.instance()
    randomness = Randomness(spec.seed, f"{label(spec.target)}/{spec.repetition}")
    recorder = Recorder(llm, emit, recorded) if llm is not None else None
    optimizer = spec.optimizer.build(Task(problem, randomness, recorder))
    book = _Book(problem, spec.effective_limits)

    started = book.score([Proposal(point, "start") for point in optimizer.starts()])
    emit(Started(started))
    optimizer.tell(started)
    reason = "converged" if any(problem.solved(pair.point) for pair in started) else None
    while reason is None:
        try:
            asked = await optimizer.ask(book.step + 1)
            stepped = book.take(asked)
        except RunFailed as error:
            emit(Failed(book.step, type(error).__name__, error.message))
            raise
        except (OproError, Paused):
            raise
        except Exception as error:  # a bug, ours or that of a problem: this run fails alone
            emit(Failed(book.step, type(error).__name__, str(error)))
            raise RunFailed(f"{type(error).__name__}: {error}") from error
        emit(stepped)
        optimizer.tell(stepped.pairs)
        reason = asked.stop or book.stop(stepped.pairs)
        await asyncio.sleep(0)  # a run that never waits must not starve the others
    emit(Stopped(book.step, reason))


class _Book:
    """What the engine keeps of a run: the values found, and how long without a better one."""

    def __init__(self, problem: Problem, limits: Limits) -> None:
        self._problem = problem
        self._limits = limits
        self._values: dict[Point, float] = {}
        self._best = math.inf
        self._best_step = 0
        self.step = 0

    def score(self, proposals: Iterable[Proposal]) -> tuple[Scored, ...]:
        """Evaluate each point, once in a run."""
        sign = 1 if self._problem.wording.direction == "minimize" else -1
        scored = []
        for proposal in proposals:
            point, known = proposal.point, proposal.point in self._values
            if not known:
                self._values[point] = self._problem.evaluate(point)
            value = self._values[point]
            if math.isfinite(value) and sign * value < self._best:
                self._best, self._best_step = sign * value, self.step
            scored.append(Scored(point, value, proposal.source, known))
        return tuple(scored)

    def take(self, asked: Asked) -> Stepped:
        """The step that these proposals make."""
        self.step += asked.steps
        known = {p.point for p in asked.proposals if p.point in self._values}
        pairs = self.score(asked.proposals)
        made = sum(not pair.known for pair in pairs)
        return Stepped(
            step=self.step,
            pairs=pairs,
            readings=tuple(_known(reading, known) for reading in asked.readings),
            evaluations=made if asked.evaluations is None else asked.evaluations,
        )

    def stop(self, pairs: Sequence[Scored]) -> str | None:
        """The reason to stop after a step, or None."""
        if any(self._problem.solved(pair.point) for pair in pairs):
            return "converged"
        if self.step >= self._limits.max_steps:
            return "max_steps"
        patience = self._limits.patience
        if patience is not None and self.step - self._best_step >= patience:
            return "patience"
        return None


def _known(reading: Reading, known: set[Point]) -> Reading:
    if reading.fate == "used" and reading.point in known:
        return replace(reading, fate="known")
    return reading


async def run_all(runs: Sequence[Callable[[], Awaitable[None]]], concurrency: int) -> None:
    """Run all of them, at most ``concurrency`` at a time, started in order.

    A run that raises RunFailed fails alone. Anything else ends them all.
    """
    slots = asyncio.Semaphore(concurrency)

    async def one(run: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            try:
                await run()
            except RunFailed:
                return  # it is in its log, and counted there

    async with asyncio.TaskGroup() as group:
        for item in runs:
            group.create_task(one(item))
