"""One run: ask, evaluate, tell, until a reason to stop.

The engine emits a prompt before it is sent, a reply before it is parsed, and a step before the
optimizer learns from it. It knows no preset, no file and no screen.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opro_cli.core.errors import LLMError, NoValues, OproError, Paused, RunFailed, SearchEnded
from opro_cli.core.evaluations import Evaluations
from opro_cli.core.events import Evaluated, Evaluation, Event, Failed, Point, Started, Stopped
from opro_cli.core.optimizer import Limits, Optimizer, Proposal
from opro_cli.core.problem import Evaluate, Judge, Measurement, Problem
from opro_cli.core.stopping import StopRule


class EventSink(Protocol):
    """Where the events of a run go."""

    def emit(self, event: Event) -> None:
        """Take one event. An error stops the run."""

    async def flush(self) -> None:
        """Return when everything emitted so far would survive a power cut."""


@dataclass(frozen=True)
class RunResources:
    """What a run may be given besides its problem and its optimizer.

    Args:
        values: points that an earlier session has evaluated.
        check_budget: called before every step; raises Paused to leave the run where it is, and
            SearchEnded to judge what was found so far.
        can_judge: whether enough is left for that, after SearchEnded.
    """

    values: Mapping[Point, Evaluation] = field(default_factory=dict)
    check_budget: Callable[[], None] = lambda: None
    can_judge: Callable[[], bool] = lambda: True


class Run:
    """One run, step by step.

    Args:
        problem: what is optimized.
        optimizer: who proposes.
        evaluate: gives the values of points.
        limits: when to stop.
        sink: where events go.
        resources: values of an earlier session, and the budget.
    """

    def __init__(
        self,
        problem: Problem,
        optimizer: Optimizer,
        evaluate: Evaluate,
        limits: Limits,
        sink: EventSink,
        resources: RunResources,
    ) -> None:
        self._optimizer = optimizer
        self._sink = sink
        self._resources = resources
        self._rule = StopRule(problem, limits, reports_every_point=optimizer.reports_every_point)
        self._evaluations = Evaluations(
            evaluate, self._rule, resources.values, self._note_value, problem.evaluations_per_point
        )
        self._judge = evaluate if isinstance(evaluate, Judge) else None
        self._pairs: list[Evaluation] = []
        """All pairs, where they are to be judged."""
        self._costly = problem.costly
        self.reason: str | None = None
        """Why the run has stopped; None while it goes on."""
        self.steps = 0
        """Steps made so far; one that ends with an error is not among them."""

    def _note_value(self, step: int, point: Point, measurement: Measurement) -> None:
        """Keep a value that was costly at once: the step it belongs to may take hours."""
        if self._costly and self._judge is None:
            self._sink.emit(_evaluated(step, point, measurement))

    async def start(self) -> None:
        """Evaluate the starting points."""
        points = self._rule.affordable(self._optimizer.starts())
        starts = [Proposal(point, "start") for point in points]
        started = await self._evaluations.start(starts)
        made = self._evaluations.made
        self._sink.emit(Started(started, None if made == len(started) else made))
        self._tell(started)
        _check_values(started)
        solved = self._rule.solved(started)
        self.reason = "converged" if solved else self._rule.spent(self._evaluations.made)

    async def step(self) -> None:
        """Ask, evaluate, tell: one step. Raises Paused where the budget allows no more."""
        self._resources.check_budget()
        batch = await self._optimizer.ask(self.steps + 1)
        stepped = await self._evaluations.take(batch)
        self._rule.note_replies(stepped.solutions)
        self._sink.emit(stepped)
        await self._sink.flush()
        self._tell(stepped.pairs)
        rule, made = self._rule, self._evaluations.made
        self.reason = batch.stop or rule.reason(stepped.pairs, stepped.step, made)
        self.steps = stepped.step

    async def search(self) -> None:
        """From the starting points to a reason to stop."""
        with self._ending():
            await self.start()
        while self.reason is None:
            with self._ending():
                await self.step()

    async def judge(self) -> None:
        """Judge the finalists, where the problem does that."""
        if self._judge is not None:
            async for judged in self._judge.judge(self._pairs):
                self._sink.emit(judged)
            await self._sink.flush()

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """Let a search that a cap has ended go on to its finalists."""
        try:
            yield
        except SearchEnded:
            if self._judge is None or not self._pairs or not self._resources.can_judge():
                raise
            self.reason = "reserve"

    def _tell(self, pairs: Sequence[Evaluation]) -> None:
        if self._judge is not None:
            self._pairs += pairs
        self._optimizer.tell(pairs)


def _evaluated(step: int, point: Point, measurement: Measurement) -> Evaluated:
    return Evaluated(step, point, measurement.value, measurement.why, measurement.note)


def _check_values(started: Sequence[Evaluation]) -> None:
    """Raises NoValues where no starting point has a value: nothing can be learned from them."""
    if not started or any(math.isfinite(pair.value) for pair in started):
        return
    why = next((pair.why for pair in started if pair.why), f"it is {started[0].value}")
    raise NoValues(
        f"No starting point has a value: {why.rstrip('.')}.",
        "the objective must return one finite number; no step was begun",
    )


NO_RESOURCES = RunResources()


async def run(
    problem: Problem,
    optimizer: Optimizer,
    evaluate: Evaluate,
    limits: Limits,
    sink: EventSink,
    resources: RunResources = NO_RESOURCES,
) -> None:
    """One run from its starting points to its end; arguments as of :class:`Run`.

    Raises:
        RunFailed: after a Failed event, where the model, the optimizer or the log gave up.
        Paused: where the run is left as it is; after a Stopped event if there is a reason.
    """
    current = Run(problem, optimizer, evaluate, limits, sink, resources)
    try:
        await current.search()
        await current.judge()
        sink.emit(Stopped(current.steps, current.reason or ""))
        await sink.flush()
    except Paused as paused:
        if paused.reason:
            sink.emit(Stopped(current.steps, paused.reason))
        raise
    except LLMError as error:
        kind = type(error).__name__
        sink.emit(Failed(current.steps, kind, error.message, error.attempts, error.hint))
        raise
    except NoValues as error:
        sink.emit(Failed(current.steps, type(error).__name__, error.message, 0, error.hint))
        raise
    except OproError:
        raise
    except Exception as error:  # a bug, ours or that of a problem: this run fails alone
        kind = type(error).__name__
        sink.emit(Failed(current.steps, kind, str(error)))
        raise RunFailed(f"{kind}: {error}") from error
