"""Worker processes that call a user's function, and that can be killed.

:mod:`opro_cli.problems.custom.worker` runs in each of them; both sides exchange JSON lines. A
process is used for many calls, and replaced after a call that took too long or ended the process.
Each has its own process group, so that processes that the function has started are killed with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Measurement


@dataclass(frozen=True)
class ObjectiveCall:
    """A function to be called in another process, and how.

    Args:
        objective: ``module:function`` or ``path/to/file.py:function``.
        folder: where a relative path or a module is looked for first; empty for the current folder.
        workers: calls at the same time, at most.
        timeout: seconds that a call may take; None for any number.
    """

    objective: str
    folder: str = ""
    workers: int = 1
    timeout: float | None = None


WORKER = "opro_cli.problems.custom.worker"

LOADING = 120.0
"""Seconds that importing the function's module may take."""

MAX_LINE = 2**20
"""Bytes of an answer, at most."""

OnResult: TypeAlias = Callable[[int, Measurement], None]
"""Called with the number of a call and its result."""


def ignore(index: int, measurement: Measurement) -> None:
    """Do nothing with a result."""


class Workers:
    """Up to ``call.workers`` processes, started when they are needed; the context ends them."""

    def __init__(self, call: ObjectiveCall) -> None:
        self._call = call
        self._slots = asyncio.Semaphore(call.workers)
        self._idle: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._idle:
            await _end(self._idle.pop())

    async def evaluate(
        self, calls: Sequence[dict[str, Any]], on_result: OnResult = ignore
    ) -> list[Measurement]:
        """The values for all these arguments, in their order. A call that fails is a result.

        ``on_result`` is called as soon as each call ends, while others still run. An error that it
        raises ends the other calls.
        """

        async def one(index: int, arguments: dict[str, Any]) -> Measurement:
            measurement = await self._call_function(arguments)
            on_result(index, measurement)
            return measurement

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(*numbered)) for numbered in enumerate(calls)]
        except BaseExceptionGroup as errors:
            error = errors.exceptions[0]
            raise error from error.__cause__
        return [task.result() for task in tasks]

    async def _call_function(self, arguments: dict[str, Any]) -> Measurement:
        try:
            async with self._slots, self._process() as process:
                line = json.dumps(arguments).encode() + b"\n"
                answer = await _exchange(process, line, self._call.timeout)
        except TimeoutError:
            return _failed(f"no value after {self._call.timeout} seconds")
        except _Ended as ended:
            return _failed(str(ended))
        if "value" in answer:
            return Measurement(float(answer["value"]))
        return _failed(str(answer.get("why", "no value")))

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that is ready. It is kept for the next call if this one does not fail."""
        process = self._idle.pop() if self._idle else await self._start()
        try:
            yield process
        except BaseException:  # after a timeout or a cancellation it is still busy
            await _end(process)
            raise
        self._idle.append(process)

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(self._call),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                limit=MAX_LINE,
            )
        except OSError as error:
            raise _Ended(f"no process can be started ({error.strerror})") from error
        try:
            answer = await _exchange(process, b"", LOADING)
        except TimeoutError:
            await _end(process)
            raise _Ended(f"not imported after {LOADING:g} seconds") from None
        except BaseException:
            await _end(process)
            raise
        if "ready" not in answer:
            await _end(process)
            raise _Ended(str(answer.get("error", "it cannot be loaded")))
        return process


class _Ended(Exception):
    """The process has ended without an answer, or could not be started."""


async def _exchange(
    process: asyncio.subprocess.Process, line: bytes, timeout: float | None
) -> dict[str, Any]:
    """Send a line and read one. Raises TimeoutError or _Ended."""
    if process.stdin is None or process.stdout is None:
        raise _Ended("the process has no pipes")
    try:
        async with asyncio.timeout(timeout):
            process.stdin.write(line)
            await process.stdin.drain()
            answer = await process.stdout.readline()
    except (BrokenPipeError, ConnectionResetError):
        answer = b""
    if not answer.endswith(b"\n"):
        code = await process.wait()
        raise _Ended(f"the process ended with {_exit(code)}")
    found: dict[str, Any] = json.loads(answer)
    return found


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the process and all processes of its group, and wait until it has ended."""
    _kill(process.pid)
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)  # start_new_session: the group has the id of the process
        else:
            os.kill(pid, signal.SIGTERM)


def _failed(why: str) -> Measurement:
    return Measurement(math.nan, why)


def _command(call: ObjectiveCall, names: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-m", WORKER, call.objective, call.folder, *names]


@functools.cache
def check_objective(objective: str, folder: str, names: tuple[str, ...]) -> None:
    """Load the function once, in a process that then ends.

    Raises:
        UsageError: there is no such function, it cannot be imported, or it does not take these
            arguments.
    """
    hint = "as in `objective: my_module:loss` or --objective path/to/file.py:loss"
    try:
        done = subprocess.run(
            _command(ObjectiveCall(objective, folder), names),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOADING,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"problem.objective {objective}: not imported after {LOADING:g} seconds.", hint
        ) from None
    first = done.stdout.partition(b"\n")[0]
    answer = json.loads(first) if first else {"error": f"importing it ends with {done.returncode}"}
    if "ready" not in answer:
        raise UsageError(f"problem.objective {objective}: {answer['error']}.", hint)


def once(call: ObjectiveCall, arguments: dict[str, Any]) -> Measurement:
    """One call, in a process started for it."""

    async def run() -> Measurement:
        async with Workers(call) as workers:
            return (await workers.evaluate([arguments]))[0]

    return asyncio.run(run())
