"""Doing the jobs of a command: models, display, engine; and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from opro_cli import engine
from opro_cli.display import Display, Watched
from opro_cli.errors import LLMError, LogError, OproError, Paused, RunFailed
from opro_cli.events import Failed, Reply, Stopped
from opro_cli.interrupt import Interrupt
from opro_cli.jobs import Job, Work
from opro_cli.journal import Journal
from opro_cli.llm.base import LLM
from opro_cli.llm.budget import Amount, Budget, BudgetSettings
from opro_cli.llm.providers import Choice, Env, Models, Wanted, bare, same_model
from opro_cli.past import Past
from opro_cli.plan import wanted
from opro_cli.runs import Runs
from opro_cli.text import clean, plural

TICK = 0.25
AGAIN = 30.0
"""Seconds before the same trouble is said again."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command's runs."""

    runs: tuple[Watched, ...]
    before: int = 0
    """How many of them were made before."""
    stopped: str = ""
    """Why nothing more was begun; empty where nothing stopped it."""
    reason: str = ""
    """The same in a word."""
    interrupted: bool = False
    spent: Amount = field(default_factory=Amount)
    """What was spent on these runs, earlier sessions included."""
    seconds: float = 0.0
    caps: BudgetSettings = field(default_factory=BudgetSettings)

    @property
    def exit_code(self) -> int:
        """0 done, 1 a run failed, 3 stopped by a cap or a quota, 130 interrupted."""
        if self.interrupted and any(run.tally.state == "unfinished" for run in self.runs):
            return 130
        if any(run.tally.error for run in self.runs):
            return 1
        return 3 if self.stopped else 0


@dataclass(frozen=True)
class Launcher:
    """What all runs of a command share.

    Args:
        runs: the runs directory.
        displays: where progress is shown.
        env: environment and ``.env``.
        notify: shows the user one line.
        leaving: called when the process is about to end in the middle of its work.
    """

    runs: Runs
    displays: Sequence[Display]
    env: Env
    notify: Callable[[str], None]
    leaving: Callable[[], None] = lambda: None

    def launch(self, find: Callable[[], Work]) -> Outcome:
        """Do every job that is not done.

        Args:
            find: looks for the jobs; no other command creates runs meanwhile.

        Raises:
            OproError: before anything is started, where the runs directory or a model cannot be
                used.
        """
        self.runs.check_writable()
        return asyncio.run(self._launch(find))

    async def _launch(self, find: Callable[[], Work]) -> Outcome:
        with self.runs.alone():
            work = find()
            for notice in work.notices:
                self.notify(notice)
            if not work.to_do:
                return self._nothing(work)
            budget = Budget(work.budget, work.spent, work.seconds)
            models = Models(self.env, work.limits, budget, self._trouble())
            try:
                needed = {want for job in work.to_do if (want := wanted(job.spec)) is not None}
                opened = {want: models.open(work.models[want]) for want in needed}
                work.claim(self.runs, {want: llm.name for want, llm in opened.items()})
            except OproError:
                await models.close()
                raise
        try:
            return await self._make(work, models, opened)
        finally:
            work.release()
            await models.close()

    def _nothing(self, work: Work) -> Outcome:
        watched = tuple(_watched(job) for job in work.jobs)
        self._show_done(work, watched)
        return Outcome(watched, len(watched))

    async def _make(self, work: Work, models: Models, opened: dict[Wanted, LLM]) -> Outcome:
        watched = tuple(_watched(job) for job in work.jobs)
        before = sum(job.done for job in work.jobs)
        at_once = sum(c.concurrency for w, c in work.models.items() if w in opened) or 1
        for display in self.displays:
            display.begin(watched, at_once)
        self._show_done(work, watched)
        interrupt = Interrupt(models.budget, self._notice, lambda: self._leave(work))
        ticker = asyncio.create_task(self._tick(models))
        served = _Served(self._notice)
        turns = {want: asyncio.Semaphore(work.models[want].concurrency) for want in opened}
        turns_without = asyncio.Semaphore(1)
        makers = [
            self._one(job, run, models, opened, served, work)
            for job, run in zip(work.jobs, watched, strict=True)
            if not job.done
        ]
        slots = [
            turns.get(want, turns_without) if (want := wanted(job.spec)) else turns_without
            for job in work.to_do
        ]
        try:
            with interrupt.installed():
                await engine.run_all(makers, slots)
        except* OproError as group:
            raise _first(group) from None
        finally:
            ticker.cancel()
            for display in self.displays:
                display.end()
        budget = models.budget
        return Outcome(
            runs=watched,
            before=before,
            stopped=budget.why,
            reason=budget.reason,
            interrupted=interrupt.count > 0,
            spent=budget.spent,
            seconds=budget.seconds,
            caps=work.budget,
        )

    def _one(
        self,
        job: Job,
        run: Watched,
        models: Models,
        opened: dict[Wanted, LLM],
        served: _Served,
        work: Work,
    ) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            if job.run is None:
                raise AssertionError("claimed before")
            want = wanted(job.spec)
            gate = models.budget.check_time if want is None else models.budget.check
            inspect = served.inspector(work.models[want], run) if want is not None else None
            journal = Journal(job.run.append(), job.past, run, self.displays)
            given = engine.Surroundings(
                llm=opened[want] if want is not None else None,
                recorded=job.past.replies,
                values=job.past.values,
                gate=gate,
                inspect=inspect,
            )
            try:
                _begin(gate, journal, run)
                await engine.run(job.spec, journal, given)
            except RunFailed as error:
                if isinstance(error, LogError):  # what is bought now would be lost
                    models.budget.stop("", error.message)
                if not run.tally.error:
                    kind = type(error).__name__
                    journal.show(Failed(run.tally.step, kind, error.message, hint=error.hint))
                raise
            finally:
                if job.lock is not None:
                    job.lock.release()
                job.past = Past(job.past.tally)  # its events are not needed any more

        return make

    def _show_done(self, work: Work, watched: Sequence[Watched]) -> None:
        for job, run in zip(work.jobs, watched, strict=True):
            if job.done and job.past.last is not None:
                for display in self.displays:
                    display.event(run, job.past.last)

    def _notice(self, text: str) -> None:
        for display in self.displays[:1]:  # the others are for data
            display.notice(text)

    def _trouble(self) -> Callable[[str], None]:
        """Says what keeps a call from coming back, the same thing not too often."""
        said: dict[str, float] = {}

        def tell(text: str) -> None:
            now = time.monotonic()
            if now - said.get(text, -AGAIN) >= AGAIN:
                said[text] = now
                self._notice(f"{text} Trying again.")

        return tell

    def _leave(self, work: Work) -> None:
        for display in self.displays:
            display.end()
        work.release()
        self.leaving()

    async def _tick(self, models: Models) -> None:
        while True:
            await asyncio.sleep(TICK)
            for display in self.displays:
                display.tick(models.limiter.quiet_for())


def _begin(gate: Callable[[], None], journal: Journal, run: Watched) -> None:
    """Raises Paused where the run must not begin; its log says why."""
    try:
        gate()
    except Paused as paused:
        if paused.reason:
            journal.emit(Stopped(run.tally.step, paused.reason))
        raise


def _watched(job: Job) -> Watched:
    return Watched(job.spec, job.past.tally, job.run.id if job.run is not None else "")


class _Served:
    """Watches which model answers: another than the one asked for is said once, or is an error."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._said: set[tuple[str, str]] = set()

    def inspector(self, choice: Choice, run: Watched) -> Callable[[Reply], None] | None:
        """What to call with each reply; None for a model that is no server's."""
        asked, strict = bare(choice.spec), bool(getattr(run.spec.optimizer, "strict_model", False))
        if choice.spec.startswith("local"):
            return None

        def inspect(reply: Reply) -> None:
            if same_model(asked, reply.model):
                return
            said = f"{asked} was asked for, and {clean(reply.model, 80)} has answered"
            if strict:
                raise LLMError(f"{said}.", "leave out --strict-model to accept it")
            if (asked, reply.model) not in self._said:
                self._said.add((asked, reply.model))
                self._notify(f"{said}; every reply is recorded with the model that served it.")

        return inspect


def _first(group: BaseExceptionGroup[OproError]) -> OproError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def ending(outcome: Outcome) -> str:
    """How many steps were made, and why the runs stopped, in one line."""
    reasons: dict[str, int] = {}
    for run in outcome.runs:
        why = "failed" if run.tally.error else run.tally.reason or "unfinished"
        reasons[why] = reasons.get(why, 0) + 1
    steps = sum(run.tally.step for run in outcome.runs)
    said = ", ".join(f"{number} {why}" for why, number in sorted(reasons.items()))
    before = f" ({outcome.before} made before)" if outcome.before else ""
    runs = plural(len(outcome.runs), "run")
    return f"{runs}{before}, {plural(steps, 'step')}: {said}."
