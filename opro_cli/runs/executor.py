"""Runs the jobs of a command at the same time, as far as their models allow."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from opro_cli.core import engine
from opro_cli.core.errors import LogError, OproError, Paused, RunFailed, SearchEnded
from opro_cli.core.events import Failed, Point, Resumed, Stopped
from opro_cli.core.model import Model, ModelRequest
from opro_cli.core.problem import Evaluate, Measurement, OnValue, Problem
from opro_cli.core.sampler import Sampler
from opro_cli.core.totals import RoleTotals
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.provider import ModelChoice
from opro_cli.runs.answers import (
    AnswerBook,
    AnswerCache,
    AnsweringRecorder,
)
from opro_cli.runs.disk.answers import ANSWERS_FILE
from opro_cli.runs.disk.contents import model_identity, recorded
from opro_cli.runs.disk.log import EventLog
from opro_cli.runs.jobs import Job
from opro_cli.runs.lock import WriterLock
from opro_cli.runs.progress import Display
from opro_cli.runs.recorder import Recorder, redacted


class Executor:
    """Runs jobs in their order, each in a slot.

    Args:
        choices: the models of the jobs; each says how many runs may use it at once. Of jobs that
            ask no model, as many run at once as evaluations of their problem.
    """

    def __init__(self, choices: Mapping[ModelRequest, ModelChoice]) -> None:
        self._slots = {
            request: asyncio.Semaphore(choice.concurrency) for request, choice in choices.items()
        }
        self._without_model = Slots()

    async def run(self, jobs: Sequence[Job], make: Callable[[Job], Awaitable[None]]) -> None:
        """Make every job. One that raises RunFailed or Paused ends alone."""

        async def one(job: Job) -> None:
            async with contextlib.AsyncExitStack() as stack:
                for slot in self._slots_of(job):
                    await stack.enter_async_context(slot)
                with contextlib.suppress(RunFailed, Paused):  # it is in its log, and counted there
                    await make(job)

        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))

    def _slots_of(self, job: Job) -> list[asyncio.Semaphore]:
        """In the order of the models, the same for every job, so that no two wait in a circle."""
        needed = set(job.spec.model_requests().values())
        found = [slot for request, slot in self._slots.items() if request in needed]
        return found or [self._without_model[job.at_once]]


class Slots(dict[int, asyncio.Semaphore]):
    """Slots of the problems with so many evaluations at the same time."""

    def __missing__(self, at_once: int) -> asyncio.Semaphore:
        return self.setdefault(at_once, asyncio.Semaphore(at_once))


def open_shared(jobs: Sequence[Job], stack: contextlib.ExitStack) -> None:
    """Open what the evaluators of the jobs share, until the stack is closed.

    Raises UsageError where a problem cannot be evaluated, such as for want of its cluster.
    """
    at_once: dict[str, int] = {}
    for job in jobs:
        problem = job.spec.problem
        key = problem.model_dump_json()
        if key not in at_once:
            at_once[key] = stack.enter_context(problem.shared())
        job.at_once = at_once[key]


@dataclass(frozen=True)
class RunMaker:
    """Makes one run: its models, its recorder, the engine.

    Args:
        pool: the opened models, and the budget.
        opened: the models by request.
        choices: how each was chosen.
        lock: the command's claims.
        display: told of every event.
        redact: removes keys from a text.
    """

    pool: ModelPool
    opened: Mapping[ModelRequest, Model]
    choices: Mapping[ModelRequest, ModelChoice]
    lock: WriterLock
    display: Display
    redact: Callable[[str], str] = lambda text: text
    answers: AnswerCache = field(default_factory=AnswerCache)
    """The answers that problems got from models of their own, in all runs."""
    slots: Slots = field(default_factory=Slots)
    """Evaluations of costly problems at the same time, in all runs together."""

    async def make(self, job: Job) -> None:
        """Start or resume a run, up to its end. Raises RunFailed or Paused."""
        if job.run is None:
            raise AssertionError("claimed before")
        try:
            recorder = Recorder(job.run.open_log(), job.record, self.display, self.redact)
            recorder.emit(Resumed(self.lock.session))
            try:
                await self._run(job, recorder)
            finally:
                await recorder.flush()
                job.run.end_session(self.lock.session, recorder.end)
        except Paused:
            raise
        except Exception as error:  # of this run: the others go on
            self._show_failure(job, error)
            if isinstance(error, RunFailed):
                raise
            raise RunFailed(str(error)) from error
        finally:
            self.lock.release(job.run.path)
            job.forget_events()

    async def _run(self, job: Job, recorder: Recorder) -> None:
        record, spec = job.record, job.spec
        budget = self.pool.budget
        check_budget = budget.check_search if spec.model_requests() else budget.check_time
        try:
            _check_start(check_budget, recorder, record.totals.step)
            samplers = {
                role: Sampler(
                    self.opened[request],
                    recorder.emit,
                    record.replies,
                    self.pool.on_reply(self.choices[request]),
                )
                for role, request in spec.optimizer.model_requests().items()
            }
            problem, optimizer = spec.build(samplers, tuple(record.steps))
            limits = spec.effective_limits
            sink: engine.EventSink = recorder
            values, models = record.values, {}
            with contextlib.ExitStack() as stack:
                if spec.problem.model_requests():
                    answering = self._answering(job, recorder, problem)
                    stack.callback(answering.release)
                    sink, models, values = answering, answering.models, {}
                async with problem.evaluator(models) as evaluator:
                    evaluate = evaluator
                    if problem.costly and not models:
                        slots = self.slots[job.at_once]
                        evaluate = _one_by_one(evaluator, slots, budget.check_time)
                    can_judge = functools.partial(budget.can_end, job.run.id if job.run else "")
                    resources = engine.RunResources(values, check_budget, can_judge)
                    await engine.run(problem, optimizer, evaluate, limits, sink, resources)
        except SearchEnded as ended:
            budget.stop(ended.reason, "what is left is too little for a step and the final test")
            raise Paused(ended.reason) from ended
        except (Paused, RunFailed):
            raise
        except Exception as error:  # before the engine, which logs its own failures
            recorder.emit(_failed(error, record.totals.step))
            raise

    def _answering(self, job: Job, recorder: Recorder, problem: Problem) -> AnsweringRecorder:
        """The recorder of a run whose problem asks a model."""
        run = job.run
        if run is None:
            raise AssertionError("claimed before")
        ((role, request),) = job.spec.problem.model_requests().items()
        recorded_answers = job.record.answers
        log = EventLog(run.path / ANSWERS_FILE)
        book = AnswerBook(
            self.opened[request],
            role,
            model_identity(request, recorded(run.about), role),
            recorded_answers,
            self.answers,
            lambda event: log.append(redacted(event, self.redact)),
            run.id,
        )
        return AnsweringRecorder(
            recorder,
            log,
            book,
            job.record.totals.roles.get(role, RoleTotals()),
            recorded_answers,
            self.pool.budget,
            run.id,
            problem.final_evaluations,
        )

    def _show_failure(self, job: Job, error: Exception) -> None:
        """Show a failure that the log does not have."""
        view = job.record.view
        if isinstance(error, LogError):  # a reply bought now would be lost
            self.pool.budget.stop("", error.message)
        if not view.totals.error:
            failed = redacted(_failed(error, view.totals.step), self.redact)
            view.totals.add(failed)
            self.display.event(view, failed)


def _one_by_one(
    evaluate: Evaluate, slots: asyncio.Semaphore, check: Callable[[], None]
) -> Evaluate:
    """Evaluates each point on its own, so that after a stop no further one is begun.

    Args:
        evaluate: the problem's evaluator.
        slots: of the evaluations at the same time.
        check: raises Paused after a stop.
    """

    async def one(point: Point, on_value: OnValue) -> Measurement:
        async with slots:
            check()
            return (await evaluate([point], on_value))[0]

    async def evaluated(points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
        calls = (one(point, on_value) for point in points)
        found = await asyncio.gather(*calls, return_exceptions=True)
        for error in sorted(
            (f for f in found if isinstance(f, BaseException)), key=lambda e: isinstance(e, Paused)
        ):
            raise error  # after all others have ended; a failure says more than a pause
        return [value for value in found if isinstance(value, Measurement)]

    return evaluated


def _failed(error: Exception, step: int) -> Failed:
    hint = error.hint if isinstance(error, OproError) else ""
    return Failed(step, type(error).__name__, str(error), hint=hint)


def _check_start(check: Callable[[], None], recorder: Recorder, step: int) -> None:
    """Raises Paused where the run must not begin; its log says why."""
    try:
        check()
    except Paused as paused:
        if paused.reason:
            recorder.emit(Stopped(step, paused.reason))
        raise
