"""Making the runs of a plan: directories, models, display, engine; and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opro_cli import engine
from opro_cli.display import Display, Watched
from opro_cli.errors import LLMError, OproError, RunFailed
from opro_cli.events import Event, Reply
from opro_cli.llm.base import LLM
from opro_cli.llm.budget import Budget
from opro_cli.llm.providers import Choice, Env, Models, bare, same_model
from opro_cli.plan import Plan, wanted
from opro_cli.provenance import provenance
from opro_cli.runlog import RunLog
from opro_cli.runs import Runs
from opro_cli.tally import tally_of
from opro_cli.text import clean

TICK = 0.25


@dataclass(frozen=True)
class Outcome:
    """What became of a plan's runs."""

    runs: tuple[Watched, ...]
    stopped: str = ""
    """Why nothing more was begun; empty where nothing stopped it."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 a run failed, 3 stopped by a cap or a quota."""
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
    """

    runs: Runs
    displays: Sequence[Display]
    env: Env
    notify: Callable[[str], None]

    def launch(self, plan: Plan) -> Outcome:
        """Make every run of the plan.

        Raises:
            OproError: before anything is started, where the runs directory or a model cannot be
                used.
        """
        self.runs.check_writable()
        for notice in plan.notices:
            self.notify(notice)
        return asyncio.run(self._launch(plan))

    async def _launch(self, plan: Plan) -> Outcome:
        general = plan.preset.general
        budget = Budget(general.budget)
        models = Models(self.env, general.limits, budget)
        try:
            for choice in plan.models.values():
                models.open(choice)  # what cannot be opened is said before anything starts
            return await self._make(plan, models)
        finally:
            await models.close()

    async def _make(self, plan: Plan, models: Models) -> Outcome:
        watched = tuple(Watched(spec, tally_of(spec)) for spec in plan.specs)
        about = provenance(plan)
        served = _Served(self._notice)
        at_once = min((c.concurrency for c in plan.models.values()), default=1)
        for display in self.displays:
            display.begin(watched, at_once)
        ticker = asyncio.create_task(self._tick(models))
        try:
            makers = [self._one(run, plan, models, served, about) for run in watched]
            await engine.run_all(makers, at_once)
        except* OproError as group:
            raise _first(group) from None
        finally:
            ticker.cancel()
            for display in self.displays:
                display.end()
        return Outcome(watched, models.budget.why)

    def _one(
        self, run: Watched, plan: Plan, models: Models, served: _Served, about: dict[str, Any]
    ) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            models.budget.check()
            want = wanted(run.spec)
            choice = plan.models[want] if want is not None else None
            llm = models.open(choice) if choice is not None else None
            recorded = self.runs.create(run.spec, about | _model(llm, choice))
            run.id = recorded.id
            journal = _Journal(recorded.append(), run, self.displays)
            inspect = served.inspector(choice, run) if choice is not None else None
            given = engine.Surroundings(llm, None, models.budget.check, inspect)
            try:
                await engine.run(run.spec, journal, given)
            except RunFailed as error:
                run.tally.error = run.tally.error or f"{type(error).__name__}: {error.message}"
                raise

        return make

    def _notice(self, text: str) -> None:
        for display in self.displays[:1]:  # the others are for data
            display.notice(text)

    async def _tick(self, models: Models) -> None:
        while True:
            await asyncio.sleep(TICK)
            for display in self.displays:
                display.tick(models.limiter.quiet_for())


class _Journal:
    """First the log, whose errors stop the run; then the tally and the screen."""

    def __init__(self, log: RunLog, run: Watched, displays: Sequence[Display]) -> None:
        self._log = log
        self._run = run
        self._displays = displays

    def emit(self, event: Event) -> None:
        self._log.append(event)
        self._run.tally.add(event, datetime.now(UTC))
        for display in self._displays:
            display.event(self._run, event)

    async def settle(self) -> None:
        await asyncio.to_thread(self._log.sync)  # a disk takes its time, and others can go on


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


def _model(llm: LLM | None, choice: Choice | None) -> dict[str, Any]:
    """What ``run.json`` says of the model."""
    if llm is None or choice is None:
        return {}
    price = choice.price
    return {
        "model": llm.name,
        "price": None if price is None else {"input": price.input, "output": price.output},
    }


def _first(group: BaseExceptionGroup[OproError]) -> OproError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def ending(outcome: Outcome) -> str:
    """How many steps were made, and why the runs stopped, in one line."""
    reasons: dict[str, int] = {}
    for run in outcome.runs:
        why = "failed" if run.tally.error else run.tally.reason or "not started"
        reasons[why] = reasons.get(why, 0) + 1
    steps = sum(run.tally.step for run in outcome.runs)
    said = ", ".join(f"{number} {why}" for why, number in sorted(reasons.items()))
    return f"{len(outcome.runs)} runs, {steps} steps: {said}."
