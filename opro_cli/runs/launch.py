"""Does the jobs of a command: claims runs, opens models, shows progress, returns the outcome."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

from opro_cli.core.errors import OproError
from opro_cli.core.events import GAVE_UP
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm import secret_names
from opro_cli.llm.budget import Amount, Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter
from opro_cli.llm.model_pool import Account, ModelPool
from opro_cli.llm.provider import Env
from opro_cli.llm.redaction import HIDDEN, key_forms
from opro_cli.runs.answers import AnswerCache, known_answers
from opro_cli.runs.disk.contents import problem_facts, recorded
from opro_cli.runs.disk.files import reserve_handles
from opro_cli.runs.executor import Executor, RunMaker, open_shared
from opro_cli.runs.jobs import Jobs
from opro_cli.runs.lock import WriterLock, store_lock
from opro_cli.runs.progress import Display, Displays, RunView
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
    least_calls: int = 0
    """The least cap on calls with which the next call could begin, where that cap is reached."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 a run failed, 3 stopped by a cap or a quota, 130 interrupted."""
        if self.interrupted and any(run.totals.state == "unfinished" for run in self.runs):
            return 130
        if any(run.totals.error or run.totals.reason in GAVE_UP for run in self.runs):
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
        account: budget and limiter that others of this process share; None for those of the jobs.
    """

    store: RunStore
    displays: Sequence[Display]
    env: Env
    notify: Callable[[str], None]
    leaving: Callable[[], None] = lambda: None
    account: Account | None = None

    def launch(self, find: Callable[[], Jobs]) -> Outcome:
        """Do every job that is not done; signals end it in order.

        Args:
            find: looks for the jobs; no other command looks for runs meanwhile.

        Raises:
            OproError: before anything is started, where the runs directory or a model cannot be
                used.
        """
        return asyncio.run(self.run(find, signals=True))

    async def run(self, find: Callable[[], Jobs], *, signals: bool = False) -> Outcome:
        """As :meth:`launch`, in a running event loop. A run that is cancelled can be resumed.

        Args:
            find: as above.
            signals: whether to install signal handlers meanwhile.
        """
        self.store.check_writable()
        reserve_handles()
        lock = WriterLock(self.store.root)
        with ExitStack() as stack:
            stack.callback(lock.close)
            async with store_lock(self.store.root, self.notify):
                jobs = find()
                for notice in (*jobs.notices, *jobs.replace_changed({})):
                    self.notify(notice)
                if not jobs.to_do and not jobs.to_check:
                    return self._nothing_to_do(jobs)
                account = self.account or Account(
                    Budget(jobs.budget, jobs.spent, jobs.seconds), Limiter(jobs.limits)
                )
                pool = ModelPool(self.env, account.limiter, account.budget, self._display.notice)
                opened = await self._claimed(jobs, lock, pool, stack)
            if not jobs.to_do:
                await pool.close()
                return self._nothing_to_do(jobs)
            return await self._run(jobs, lock, pool, opened, signals=signals)

    @cached_property
    def _display(self) -> Displays:
        return Displays(self.displays)

    @cached_property
    def _redact(self) -> Callable[[str], str]:
        """Removes every key of the environment, in any form, from a text."""
        return redactor(key_forms(self.env, secret_names()))

    async def _claimed(
        self, jobs: Jobs, lock: WriterLock, pool: ModelPool, stack: ExitStack
    ) -> dict[ModelRequest, Model]:
        """Open what the runs need, then claim them. Raises OproError, with no model left open."""
        try:
            choices = {**jobs.needed, **jobs.to_check}
            opened = {request: pool.open(choice) for request, choice in choices.items()}
            notices = jobs.replace_changed(opened)
            open_shared(jobs.to_do, stack)
            for notice in [*notices, *jobs.claim(self.store, lock, opened, self._redact)]:
                self.notify(notice)
        except OproError:
            await pool.close()
            raise
        return opened

    def _nothing_to_do(self, jobs: Jobs) -> Outcome:
        self._show_done(jobs)
        self._check_displays()
        views = tuple(job.record.view for job in jobs.jobs)
        return Outcome(views, len(views))

    async def _run(
        self,
        jobs: Jobs,
        lock: WriterLock,
        pool: ModelPool,
        opened: dict[ModelRequest, Model],
        *,
        signals: bool,
    ) -> Outcome:
        views = tuple(job.record.view for job in jobs.jobs)
        finished = sum(job.done for job in jobs.jobs)
        at_once = sum(choice.concurrency for choice in jobs.needed.values()) or max(
            job.at_once for job in jobs.to_do
        )
        display, budget = self._display, pool.budget
        display.failed = lambda error: budget.stop("", error.message)
        display.begin(views, at_once)
        self._show_done(jobs)
        leave = functools.partial(self._leave, jobs, lock)
        handler = SignalHandler(budget, jobs.longest, display.notice, leave)
        ticker = asyncio.create_task(self._tick(pool))
        answers = self._known_answers(jobs)
        maker = RunMaker(pool, opened, jobs.needed, lock, display, self._redact, answers)
        try:
            with handler.installed() if signals else nullcontext():
                await Executor(jobs.needed).run(jobs.to_do, maker.make)
        except* OproError as group:
            raise _first(group) from None
        finally:
            ticker.cancel()
            display.end()
            jobs.release(lock)
            await pool.close()
        self._check_displays()
        return Outcome(
            runs=views,
            already_finished=finished,
            stopped=budget.why,
            reason=budget.reason,
            interrupted=handler.count > 0,
            spent=budget.spent,
            seconds=budget.seconds,
            caps=budget.settings,
            least_calls=budget.least_calls,
        )

    def _known_answers(self, jobs: Jobs) -> AnswerCache:
        """The answers of earlier runs that may serve again."""
        asking = [job for job in jobs.to_do if job.spec.problem.model_requests() and job.run]
        facts = {problem_facts(recorded(job.run.about)) for job in asking if job.run} - {""}
        return known_answers(self.store, set() if jobs.fresh else facts)

    def _show_done(self, jobs: Jobs) -> None:
        for job in jobs.jobs:
            if job.done and job.record.last is not None:
                self._display.event(job.record.view, job.record.last)

    def _check_displays(self) -> None:
        """Raises the first error of a display, now that everything is written."""
        error = self._display.error
        if error is not None:
            error.hint = error.hint or "the runs are kept: opro runs list, opro resume"
            raise error

    def _leave(self, jobs: Jobs, lock: WriterLock) -> None:
        self._display.end()
        jobs.release(lock)
        lock.close()
        self.leaving()

    async def _tick(self, pool: ModelPool) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._display.tick(pool.limiter.quiet_for())


def _first(group: BaseExceptionGroup[OproError]) -> OproError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def redactor(secrets: Sequence[str]) -> Callable[[str], str]:
    """A function that removes these texts from any text."""

    def redact(text: str) -> str:
        for secret in secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

    return redact
