"""``minimize`` and ``maximize``, to be called or to be awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from typing_extensions import Unpack

from opro_cli.api.errors import python_words
from opro_cli.api.functions.objective import Function, Objective
from opro_cli.api.options import CallOptions, complete, documented
from opro_cli.api.result import Result
from opro_cli.api.search import Folder, search
from opro_cli.api.session import Session
from opro_cli.api.space import Space
from opro_cli.api.stored import Run
from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Direction, Measurement
from opro_cli.problems.custom.in_process import BoundFunction, Measure

MOST_WORKERS = 256


@documented(CallOptions)
def minimize(f: Function, space: Space, **options: Unpack[CallOptions]) -> Result:
    """Look for the parameters with which ``f`` is least.

    Args:
        f: called with the parameters as keywords. It returns a number, or a number and a text
            that may be shown to the model; an exception is a failure of that point. A coroutine
            function is awaited.
        space: each parameter with its values: ``opro.log(1e-5, 1)``, ``(0.0, 1.0)``, ``(1, 8)``,
            ``["rbf", "poly"]`` or ``opro.text()``.
        …
        workers: calls of ``f`` at the same time: one in the calling thread, more in threads.

    Raises:
        OproError: an argument is wrong, and nothing was started; or the run failed. What it has
            recorded is kept, as after Ctrl-C.
    """
    with python_words():
        return _Call(f, space, "minimize", options).run()


@documented(CallOptions)
def maximize(f: Function, space: Space, **options: Unpack[CallOptions]) -> Result:
    """Look for the parameters with which ``f`` is greatest; all as of :func:`minimize`."""
    with python_words():
        return _Call(f, space, "maximize", options).run()


@documented(CallOptions)
async def aminimize(f: Function, space: Space, **options: Unpack[CallOptions]) -> Result:
    """:func:`minimize`, awaited: a coroutine function runs in the caller's event loop, any other
    function in threads."""
    with python_words():
        return await _Call(f, space, "minimize", options).arun()


@documented(CallOptions)
async def amaximize(f: Function, space: Space, **options: Unpack[CallOptions]) -> Result:
    """:func:`maximize`, awaited; all as of :func:`aminimize`."""
    with python_words():
        return await _Call(f, space, "maximize", options).arun()


class _Call:
    """One call. Raises UsageError where an argument is wrong."""

    def __init__(
        self, f: Function, space: Space, direction: Direction, options: Mapping[str, Any]
    ) -> None:
        self._who = f"{direction}()"
        self._options = complete(options, CallOptions, self._who)
        names = list(map(str, space)) if isinstance(space, Mapping) else []
        self._objective = Objective(f, names)
        self._options["name"] = self._options["name"] or self._objective.name
        self._workers = workers = self._options.pop("workers")
        if isinstance(workers, bool) or workers not in range(1, MOST_WORKERS + 1):
            raise UsageError(
                f"workers is {workers!r}; it should be a number from 1 to {MOST_WORKERS}.",
                "as in workers=4",
            )
        self._space, self._direction = space, direction
        self._folder = Folder(self._options["runs"])

    def _session(self, measure: Callable[[Session], Measure]) -> Session:
        """The run, to be entered.

        Args:
            measure: gives what calls the function.
        """
        digests = self._objective.digests()
        session = search(
            self._space,
            self._direction,
            self._options,
            self._folder,
            lambda session: BoundFunction(measure(session), self._workers, digests),
            self._who,
        )
        session.not_compared = self._objective.not_compared
        return session

    def run(self) -> Result:
        """Make the run, with the function in this thread where one call is made at a time."""
        objective = self._objective
        if not objective.is_async and self._workers == 1:
            with self._noted(self._session(lambda session: session.ask)) as session:
                for trial in session.trials():
                    trial.settle(self._called_here(trial.values, session))
                return self._result(session)
        with self._threads() as in_thread:
            measure = objective.acall if objective.is_async else in_thread
            with self._noted(self._session(lambda _: measure)) as session:
                return self._result(session)

    @contextlib.contextmanager
    def _noted(self, session: Session) -> Iterator[Session]:
        """The session, entered; Ctrl-C gets a note with the best so far."""
        try:
            with session:
                yield session
        except KeyboardInterrupt as interrupt:
            for view in session.watch.runs:
                (stored,), _ = self._folder.store.select([view.id])
                run = Run(stored, self._folder)
                kept = self._options["runs"] is not None
                how = "The same call continues the run." if kept else "runs= would keep the run."
                interrupt.add_note(f"best so far: {run.value} at {run.best}. {how}")
            raise

    async def arun(self) -> Result:
        """Make the run, and let the caller's event loop go on meanwhile."""
        objective, here = self._objective, asyncio.get_running_loop()

        async def measure_here(arguments: dict[str, Any]) -> Measurement:
            made = asyncio.run_coroutine_threadsafe(objective.acall(arguments), here)
            return await asyncio.wrap_future(made)

        with self._threads() as in_thread:
            measure = measure_here if objective.is_async else in_thread
            session = self._session(lambda _: measure)
            await session.wait()
            return self._result(session)

    def _result(self, session: Session) -> Result:
        return Result(session.outcome(), session.notices(), self._folder)

    def _called_here(self, arguments: dict[str, Any], session: Session) -> Measurement:
        """Call the function in this thread; what it returns may have to be awaited."""
        result = self._objective.call(arguments)
        if isinstance(result, Measurement):
            return result
        waiting = self._objective.settled(result)
        return asyncio.run_coroutine_threadsafe(waiting, session.loop).result()

    @contextlib.contextmanager
    def _threads(self) -> Iterator[Measure]:
        """Calls of the function in threads."""
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="opro-objective")

        async def measure(arguments: dict[str, Any]) -> Measurement:
            return await self._objective.in_thread(arguments, pool)

        try:
            yield measure
        finally:  # after Ctrl-C, a call goes on until it ends by itself
            pool.shutdown(wait=False, cancel_futures=True)
