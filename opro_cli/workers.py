"""Processes that call somebody else's function, and that can be killed.

The other end is :mod:`opro_cli.worker`; the two speak JSON lines. A process is used again and
again, and replaced after a call that took too long or ended the process. Each has a process group
of its own, so that what the function started dies with it.
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
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self

from opro_cli.errors import UsageError
from opro_cli.evaluation import Call, Evaluated

LOADING = 120.0
"""Seconds that importing the function's module may take."""
MAX_LINE = 2**20


class Workers:
    """Up to ``call.workers`` processes, started when they are needed, ended on leaving."""

    def __init__(self, call: Call) -> None:
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

    async def evaluate(self, calls: Sequence[dict[str, Any]]) -> list[Evaluated]:
        """The values of all these arguments, in their order. Never raises for a call that fails."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(arguments)) for arguments in calls]
        return [task.result() for task in tasks]

    async def _one(self, arguments: dict[str, Any]) -> Evaluated:
        try:
            async with self._slots, self._process() as process:
                line = json.dumps(arguments).encode() + b"\n"
                answer = await _exchange(process, line, self._call.timeout)
        except TimeoutError:
            return _failed(f"no value after {self._call.timeout} seconds")
        except _Ended as ended:
            return _failed(str(ended))
        if "value" in answer:
            return Evaluated(float(answer["value"]))
        return _failed(str(answer.get("why", "no value")))

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that is ready. It is kept for the next call if this one goes well."""
        process = self._idle.pop() if self._idle else await self._started()
        try:
            yield process
        except BaseException:  # a timeout and a cancellation leave it busy
            await _end(process)
            raise
        self._idle.append(process)

    async def _started(self) -> asyncio.subprocess.Process:
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
    """The process has ended without an answer, or could not begin."""


async def _exchange(
    process: asyncio.subprocess.Process, line: bytes, timeout: float | None
) -> dict[str, Any]:
    """Send a line and take one. Raises TimeoutError or _Ended."""
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
    """Kill the process and all it has started, and wait until it is gone."""
    _kill(process.pid)
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)  # start_new_session: the group has the process's id
        else:
            os.kill(pid, signal.SIGTERM)


def _failed(why: str) -> Evaluated:
    return Evaluated(math.nan, why)


def _command(call: Call, names: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-m", "opro_cli.worker", call.objective, call.folder, *names]


@functools.cache
def check(objective: str, folder: str, names: tuple[str, ...]) -> None:
    """Load the function in a process and let go of it.

    Raises:
        UsageError: it is not there, cannot be imported, or does not take these arguments.
    """
    hint = "as in `objective: my_module:loss` or --objective path/to/file.py:loss"
    try:
        done = subprocess.run(
            _command(Call(objective, folder), names),
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


def once(call: Call, arguments: dict[str, Any]) -> Evaluated:
    """One call in a process of its own, waited for."""

    async def run() -> Evaluated:
        async with Workers(call) as workers:
            return (await workers.evaluate([arguments]))[0]

    return asyncio.run(run())
