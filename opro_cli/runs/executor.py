"""Runs the jobs of a command at the same time, as far as their models allow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from opro_cli.core import engine
from opro_cli.core.errors import LogError, OproError, Paused, RunFailed
from opro_cli.core.events import Failed, Resumed, Stopped
from opro_cli.core.model import Model, ModelRequest
from opro_cli.core.sampler import Sampler
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.provider import ModelChoice
from opro_cli.runs.jobs import Job
from opro_cli.runs.lock import WriterLock
from opro_cli.runs.progress import Display
from opro_cli.runs.recorder import Recorder


class Executor:
    """Runs jobs in their order, each in a slot.

    Args:
        choices: the models of the jobs; each says how many runs may use it at once. Jobs that ask
            no model run one after the other.
    """

    def __init__(self, choices: Mapping[ModelRequest, ModelChoice]) -> None:
        self._slots = {
            request: asyncio.Semaphore(choice.concurrency) for request, choice in choices.items()
        }
        self._one_by_one = asyncio.Semaphore(1)

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
        return found or [self._one_by_one]


@dataclass(frozen=True)
class RunMaker:
    """Makes one run: its models, its recorder, the engine.

    Args:
        pool: the opened models, and the budget.
        opened: the models by request.
        choices: how each was chosen.
        lock: the command's claims.
        displays: told of every event.
    """

    pool: ModelPool
    opened: Mapping[ModelRequest, Model]
    choices: Mapping[ModelRequest, ModelChoice]
    lock: WriterLock
    displays: Sequence[Display] = field(default_factory=tuple)

    async def make(self, job: Job) -> None:
        """Start or resume a run, up to its end. Raises RunFailed or Paused."""
        if job.run is None:
            raise AssertionError("claimed before")
        try:
            recorder = Recorder(job.run.open_log(), job.record, self.displays)
            recorder.emit(Resumed(self.lock.session))
            await self._run(job, recorder)
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
        check_budget = budget.check if spec.model_requests() else budget.check_time
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
            asked = spec.problem.model_requests().items()
            models = {role: self.opened[request] for role, request in asked}
            problem, optimizer = spec.build(samplers, tuple(record.steps))
            resources = engine.RunResources(record.values, check_budget)
            limits = spec.effective_limits
            async with problem.evaluator(models) as evaluate:
                await engine.run(problem, optimizer, evaluate, limits, recorder, resources)
        except (Paused, RunFailed):
            raise
        except Exception as error:  # before the engine, which logs its own failures
            recorder.emit(_failed(error, record.totals.step))
            raise

    def _show_failure(self, job: Job, error: Exception) -> None:
        """Show a failure that the log does not have."""
        view = job.record.view
        if isinstance(error, LogError):  # a reply bought now would be lost
            self.pool.budget.stop("", error.message)
        if not view.totals.error:
            failed = _failed(error, view.totals.step)
            view.totals.add(failed)
            for display in self.displays:
                display.event(view, failed)


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
