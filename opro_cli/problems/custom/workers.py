"""Calls of a user's function in processes of its own, which all runs of a command share.

A process is used for many calls, and replaced after a call that took too long or ended the process.
A call that fails is the result of one point, never an error of a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter, deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self, TypeAlias

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Measurement
from opro_cli.problems.custom.calls import Calls, ObjectiveCall, failed, measurement_of
from opro_cli.problems.custom.processes import Ended, Process

Place: TypeAlias = tuple[str, str, str]


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
        self.users: Counter[Place] = Counter()
        self._idle: list[tuple[Place, Process]] = []

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
        return await Process.start(call.objective, call.folder)

    async def leave(self, place: Place) -> None:
        """One user less; the last one ends the processes."""
        self.users -= Counter([place])
        if place not in self.users:
            ended = [process for used, process in self._idle if used == place]
            self._idle = [pair for pair in self._idle if pair[0] != place]
            for process in ended:
                await process.end()


_POOLS: dict[asyncio.AbstractEventLoop, Pool] = {}
"""A command has one event loop. A pool without users is forgotten."""


class Workers(Calls):
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

    @override
    async def measure(self, arguments: dict[str, Any]) -> Measurement:
        """The result of one call."""
        try:
            async with self._pool.process(self._call) as process:
                call = self._call
                answer = await process.call(arguments, call.timeout, graded=call.graded)
        except TimeoutError:
            return failed(f"no value after {self._call.timeout} seconds")
        except Ended as ended:
            return failed(str(ended))
        return measurement_of(answer)


@functools.cache
def check_objective(
    objective: str, folder: str, names: tuple[str, ...], setting: str = "problem.objective"
) -> None:
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
            f"{setting} {objective}: {ended}.",
            "as in `objective: my_module:loss` or --objective path/to/file.py:loss"
            if setting == "problem.objective"
            else "as in --metric path/to/file.py:right",
        ) from None


def once(call: ObjectiveCall, arguments: dict[str, Any]) -> Measurement:
    """One call, in a process started for it."""

    async def run() -> Measurement:
        async with Workers(call) as workers:
            return (await workers.evaluate([arguments]))[0]

    return asyncio.run(run())
