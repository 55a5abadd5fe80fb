"""Does the jobs of a command: claims runs, opens models, shows progress, returns the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opro_cli.core.errors import OproError
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.budget import Amount, Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter
from opro_cli.llm.model_pool import ModelPool
from opro_cli.llm.provider import Env
from opro_cli.runs.executor import Executor, RunMaker
from opro_cli.runs.jobs import Jobs
from opro_cli.runs.lock import WriterLock, store_lock
from opro_cli.runs.progress import Display, RunView
from opro_cli.runs.signals import SignalHandler
from opro_cli.runs.store import RunStore

TICK = 0.25


@dataclass(frozen=True)
class Outcome:
    """The runs of a command after it, and why it stopped."""

    runs: tuple[RunView, ...]
    already_finished: int = 0
    """How many of them were finished before the command."""
    stopped: str = ""
    """Why nothing more was begun; empty where nothing stopped it."""
    reason: str = ""
    """The same in a word."""
    interrupted: bool = False
    spent: Amount = field(default_factory=Amount)
    """Calls, tokens and dollars spent on these runs, earlier sessions included."""
    seconds: float = 0.0
    caps: BudgetSettings = field(default_factory=BudgetSettings)

    @property
    def exit_code(self) -> int:
        """0 done, 1 a run failed, 3 stopped by a cap or a quota, 130 interrupted."""
        if self.interrupted and any(run.totals.state == "unfinished" for run in self.runs):
            return 130
        if any(run.totals.error for run in self.runs):
            return 1
        return 3 if self.stopped else 0


@dataclass(frozen=True)
class Launcher:
    """The surroundings that all runs of a command share.

    Args:
        store: the runs directory.
        displays: where progress is shown.
        env: environment and ``.env``.
        notify: shows the user one line.
        leaving: called when the process is about to end with calls in flight.
    """

    store: RunStore
    displays: Sequence[Display]
    env: Env
    notify: Callable[[str], None]
    leaving: Callable[[], None] = lambda: None

    def launch(self, find: Callable[[], Jobs]) -> Outcome:
        """Do every job that is not done.

        Args:
            find: looks for the jobs; no other command looks for runs meanwhile.

        Raises:
            OproError: before anything is started, where the runs directory or a model cannot be
                used.
        """
        self.store.check_writable()
        lock = WriterLock(self.store.root)
        try:
            with store_lock(self.store.root, self.notify):
                jobs = find()
                for notice in jobs.notices:
                    self.notify(notice)
                if not jobs.to_do:
                    return self._nothing_to_do(jobs)
                budget = Budget(jobs.budget, jobs.spent, jobs.seconds)
                pool = ModelPool(self.env, Limiter(jobs.limits), budget, self._notice)
                opened = self._claimed(jobs, lock, pool)
            return asyncio.run(self._run(jobs, lock, pool, opened))
        finally:
            lock.close()

    def _claimed(self, jobs: Jobs, lock: WriterLock, pool: ModelPool) -> dict[ModelRequest, Model]:
        """Open the models, then claim the runs. Raises OproError, with nothing left open."""
        try:
            opened = {request: pool.open(choice) for request, choice in jobs.needed.items()}
            jobs.claim(self.store, lock, opened)
        except OproError:
            asyncio.run(pool.close())
            raise
        return opened

    def _nothing_to_do(self, jobs: Jobs) -> Outcome:
        self._show_done(jobs)
        views = tuple(job.record.view for job in jobs.jobs)
        return Outcome(views, len(views))

    async def _run(
        self, jobs: Jobs, lock: WriterLock, pool: ModelPool, opened: dict[ModelRequest, Model]
    ) -> Outcome:
        views = tuple(job.record.view for job in jobs.jobs)
        finished = sum(job.done for job in jobs.jobs)
        at_once = sum(choice.concurrency for choice in jobs.needed.values()) or 1
        for display in self.displays:
            display.begin(views, at_once)
        self._show_done(jobs)
        signals = SignalHandler(pool.budget, self._notice, lambda: self._leave(jobs, lock))
        ticker = asyncio.create_task(self._tick(pool))
        maker = RunMaker(pool, opened, jobs.needed, lock, self.displays)
        try:
            with signals.installed():
                await Executor(jobs.needed).run(jobs.to_do, maker.make)
        except* OproError as group:
            raise _first(group) from None
        finally:
            ticker.cancel()
            for display in self.displays:
                display.end()
            jobs.release(lock)
            await pool.close()
        budget = pool.budget
        return Outcome(
            runs=views,
            already_finished=finished,
            stopped=budget.why,
            reason=budget.reason,
            interrupted=signals.count > 0,
            spent=budget.spent,
            seconds=budget.seconds,
            caps=jobs.budget,
        )

    def _show_done(self, jobs: Jobs) -> None:
        for job in jobs.jobs:
            if job.done and job.record.last is not None:
                for display in self.displays:
                    display.event(job.record.view, job.record.last)

    def _notice(self, text: str) -> None:
        for display in self.displays[:1]:  # the others are for data
            display.notice(text)

    def _leave(self, jobs: Jobs, lock: WriterLock) -> None:
        for display in self.displays:
            display.end()
        jobs.release(lock)
        lock.close()
        self.leaving()

    async def _tick(self, pool: ModelPool) -> None:
        while True:
            await asyncio.sleep(TICK)
            for display in self.displays:
                display.tick(pool.limiter.quiet_for())


def _first(group: BaseExceptionGroup[OproError]) -> OproError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
