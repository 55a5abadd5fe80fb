"""Calls of a user's function in processes of its own, which all runs of a command share.

A process is used for many calls, and replaced after a call that took too long or ended the process.
A call that fails is the result of one point, never an error of a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Measurement
from opro_cli.problems.custom.processes import Ended, Process


@dataclass(frozen=True)
class ObjectiveCall:
    """A function to be called in another process, and how.

    Args:
        objective: ``module:function`` or ``path/to/file.py:function``.
        folder: where a relative path or a module is looked for first; empty for the current folder.
        workers: calls at the same time, at most, in all runs of a command together.
        timeout: seconds that a call may take; None for any number.
    """

    objective: str
    folder: str = ""
    workers: int = 1
    timeout: float | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What a process loads."""
        return self.objective, self.folder


OnResult: TypeAlias = Callable[[int, Measurement], None]
"""Called with the number of a call and its result."""


def ignore(index: int, measurement: Measurement) -> None:
    """Do nothing with a result."""


class Slots:
    """Calls at the same time; the one that has waited longest is the next."""

    def __init__(self) -> None:
        self.taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def one(self, limit: int) -> AsyncIterator[None]:
        """A slot, where fewer than ``limit`` are taken."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((limit, turn))
        self._next()
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # given, and cancelled at the same time
                self.taken -= 1
            self._next()
            raise
        try:
            yield
        finally:
            self.taken -= 1
            self._next()

    def _next(self) -> None:
        while self._waiting:
            limit, turn = self._waiting[0]
            if not turn.done():
                if self.taken >= limit:
                    break
                self.taken += 1
                turn.set_result(None)
            self._waiting.popleft()


class Pool:
    """The processes of all objectives of a command."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.users: Counter[tuple[str, str]] = Counter()
        self._idle: list[tuple[tuple[str, str], Process]] = []

    @contextlib.asynccontextmanager
    async def process(self, call: ObjectiveCall) -> AsyncIterator[Process]:
        """A process that is ready. It is kept for the next call if this one does not fail."""
        async with self.slots.one(call.workers):
            process = await self._ready(call)
            try:
                yield process
            except BaseException:  # after a timeout or a cancellation it is still busy
                await process.end()
                raise
            self._idle.append((call.place, process))

    async def _ready(self, call: ObjectiveCall) -> Process:
        for i, (place, process) in enumerate(self._idle):
            if place == call.place:
                del self._idle[i]
                return process
        while self._idle and self.slots.taken + len(self._idle) > call.workers:
            await self._idle.pop(0)[1].end()  # of another objective
        return await Process.start(*call.place)

    async def leave(self, place: tuple[str, str]) -> None:
        """One user less; the last one ends the processes."""
        self.users -= Counter([place])
        if place not in self.users:
            ended = [process for used, process in self._idle if used == place]
            self._idle = [pair for pair in self._idle if pair[0] != place]
            for process in ended:
                await process.end()


_POOLS: dict[asyncio.AbstractEventLoop, Pool] = {}
"""A command has one event loop. A pool without users is forgotten."""


class Workers:
    """Calls of one function for as long as the context is open."""

    def __init__(self, call: ObjectiveCall) -> None:
        self._call = call

    async def __aenter__(self) -> Self:
        self._pool = _POOLS.setdefault(asyncio.get_running_loop(), Pool())
        self._pool.users[self._call.place] += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._pool.leave(self._call.place)
        finally:
            if not self._pool.users:
                _POOLS.pop(asyncio.get_running_loop(), None)

    async def evaluate(
        self, calls: Sequence[dict[str, Any]], on_result: OnResult = ignore
    ) -> list[Measurement]:
        """The values for all these arguments, in their order. A call that fails is a result.

        ``on_result`` is called as soon as each call ends, while others still run. An error that it
        raises ends the other calls.
        """

        async def one(index: int, arguments: dict[str, Any]) -> Measurement:
            measurement = await self._measure(arguments)
            on_result(index, measurement)
            return measurement

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(*numbered)) for numbered in enumerate(calls)]
        except BaseExceptionGroup as errors:
            error = errors.exceptions[0]
            raise error from error.__cause__
        return [task.result() for task in tasks]

    async def _measure(self, arguments: dict[str, Any]) -> Measurement:
        try:
            async with self._pool.process(self._call) as process:
                answer = await process.call(arguments, self._call.timeout)
        except TimeoutError:
            return _failed(f"no value after {self._call.timeout} seconds")
        except Ended as ended:
            return _failed(str(ended))
        value = answer.get("value")
        if isinstance(value, float) and math.isfinite(value):
            return Measurement(value)
        return _failed(str(answer.get("why", "no value")))


def _failed(why: str) -> Measurement:
    return Measurement(math.nan, why)


@functools.cache
def check_objective(objective: str, folder: str, names: tuple[str, ...]) -> None:
    """Load the function once, in a process that then ends.

    Raises:
        UsageError: there is no such function, it cannot be imported, or it does not take these
            arguments.
    """

    async def load() -> None:
        process = await Process.start(objective, folder, names)
        await process.end()

    try:
        asyncio.run(load())
    except Ended as ended:
        raise UsageError(
            f"problem.objective {objective}: {ended}.",
            "as in `objective: my_module:loss` or --objective path/to/file.py:loss",
        ) from None


def once(call: ObjectiveCall, arguments: dict[str, Any]) -> Measurement:
    """One call, in a process started for it."""

    async def run() -> Measurement:
        async with Workers(call) as workers:
            return (await workers.evaluate([arguments]))[0]

    return asyncio.run(run())
