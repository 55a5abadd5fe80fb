"""One run in the background, and the trials that it waits for."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from opro_cli.api.account import Account, shared_by
from opro_cli.api.background import TICK, Work
from opro_cli.api.errors import python_words
from opro_cli.api.functions.objective import Result, failure, measured
from opro_cli.api.progress import Watch
from opro_cli.core.errors import RunFailed, UsageError
from opro_cli.core.events import GAVE_UP
from opro_cli.core.problem import Measurement
from opro_cli.core.text import listed
from opro_cli.llm.provider import Env
from opro_cli.presets.plan import Plan
from opro_cli.report.closing import share_by_code
from opro_cli.runs.jobs import jobs_for_plan
from opro_cli.runs.launch import Launcher, Outcome
from opro_cli.runs.store import RunStore


class Trial:
    """A point that waits for its value.

    Its ``values`` are by name, as in ``f(**trial.values)``.
    """

    def __init__(
        self, number: int, values: dict[str, Any], finish: Callable[[Measurement], None]
    ) -> None:
        self.number = number
        """As in :meth:`opro_cli.Run.trials`: counted from 0, and on where a run is continued."""
        self.values = values
        self.done = False
        """Whether its value is there."""
        self._finish = finish

    def tell(self, value: Result, text: str = "") -> None:
        """Give its value; it is in the log when this returns.

        Args:
            value: a finite number, alone or with a text; anything else is a failure.
            text: may be shown to the model.

        Raises:
            OproError: it has a value already.
        """
        self.settle(measured((value, text) if text else value))

    def fail(self, why: str | BaseException = "no value") -> None:
        """Say that it has no value. Raises OproError where it has one already."""
        self.settle(failure(why))

    def settle(self, measurement: Measurement) -> None:
        """Give a measurement. Raises OproError where there is one already."""
        with python_words():
            if self.done:
                said = f"Trial {self.number} has its value already."
                raise UsageError(said, "tell each trial once")
            self._finish(measurement)
        self.done = True

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.values})"


class Session(Work[Outcome]):
    """One run in the background.

    Args:
        plan: plans the run, whose function may wait for this session.
        store: where it is kept.
        env: environment variables.
        watch: is told what happens.
        account: shared with other calls, or None.
        fresh: whether earlier runs are left out of account.

    Raises:
        OproError: the plan is wrong; nothing was started.
    """

    def __init__(
        self,
        plan: Callable[[Session], Plan],
        store: RunStore,
        env: Env,
        watch: Watch,
        account: Account | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self._trials: queue.SimpleQueue[Trial | None] = queue.SimpleQueue()
        self._recorded = threading.Event()
        self._number = 0
        self.not_compared: Sequence[str] = ()
        """The values that the function captures and whose content is not compared."""
        self.watch = watch
        watch.on_value = self._recorded.set
        made = plan(self)
        background, shared = shared_by(account)
        launcher = Launcher(store, [watch], env, watch.notice, account=shared)

        def run() -> Coroutine[Any, Any, Outcome]:
            return launcher.run(lambda: jobs_for_plan(made, store, fresh=fresh))

        super().__init__(background, run, self._no_more)

    def _no_more(self) -> None:
        self._recorded.set()
        self._trials.put(None)

    async def ask(self, values: dict[str, Any]) -> Measurement:
        """Let a point wait for its value; as of :class:`.in_process.BoundFunction`."""
        answer: asyncio.Future[Measurement] = self.loop.create_future()

        def settle(measurement: Measurement) -> None:
            if not answer.done():
                answer.set_result(measurement)

        def finish(measurement: Measurement) -> None:
            self._recorded.clear()
            if self.ended.done():
                raise UsageError(
                    "The run of this trial was left, so its value is not kept.",
                    "go over the study again: the point comes again",
                )
            self.loop.call_soon_threadsafe(settle, measurement)
            while not self._recorded.wait(TICK):
                pass

        number = self.watch.measured + self._number
        self._number += 1
        self._trials.put(Trial(number, values, finish))
        return await answer

    def trials(self) -> Iterator[Trial]:
        """The points that wait for values, one after the other, until the run ends.

        Raises:
            OproError: the run failed, or the trial before has no value.
        """
        trial: Trial | None = None
        while True:
            if trial is not None and not trial.done:
                raise UsageError(
                    f"Trial {trial.number} has no value yet.",
                    "call its tell(value) or fail(why) before the next one",
                )
            try:
                trial = self._trials.get(timeout=TICK)
            except queue.Empty:
                continue
            if trial is None:
                self.outcome()
                return
            yield trial

    def outcome(self) -> Outcome:
        """Wait for the end. Raises OproError where the run failed."""
        outcome = self.result()
        for view in outcome.runs:
            totals = view.totals
            if totals.error or (totals.reason in GAVE_UP and totals.best is None):
                said = totals.error or ""
                said = said if totals.permanent else said.partition(": ")[2]
                raise RunFailed(
                    said or "There is no value.", totals.hint or "the log of the run says more"
                )
        return outcome

    def notices(self) -> list[str]:
        """What a command would have said on the way, and what was not done again."""
        found, (view,) = list(self.watch.notices), self.outcome().runs
        if share := share_by_code(view.totals.sources, asks_model=view.spec.optimizer.asks_model):
            how = 'settings={"opro.strategy": "paper"}'
            found.append(
                f"{share} of the proposed points came from random search; {how} switches it off."
            )
        returned = bool(self.outcome().already_finished)
        if returned:
            found.append(
                f"Finished run {view.id} was returned without a call; fresh=True calls again."
            )
        if self.not_compared and (returned or self.watch.continued):
            names = listed(self.not_compared)
            found.append(f"The function captures {names}: not compared with the run's.")
        return found
