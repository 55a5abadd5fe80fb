"""One process of an objective, as ``opro`` sees it: started, asked, ended.

:mod:`opro_cli.problems.custom.worker` runs in it. Both sides exchange JSON lines; an answer counts
only with the token of its request, so that nothing that the function writes becomes a value.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opro_cli.problems.custom import guard, worker

LOADING = 120.0
"""Seconds that importing the function's module may take."""

ENDING = 5.0
"""Seconds that a process may take to end by itself, with all that it has started."""

MAX_LINE = 2**20
"""Bytes of an answer, at most."""


class Ended(Exception):
    """The process has ended without an answer, or could not be started."""


class Process:
    """A process that has loaded the function, see :meth:`start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, objective: str, folder: str, names: Sequence[str] = ()) -> Process:
        """Start a process and load the function. Raises Ended where that fails.

        Args:
            objective: ``module:function`` or ``file.py:function``.
            folder: where it is looked for first.
            names: keyword arguments that the function must take.
        """
        try:
            started = cls(await _spawn())
        except OSError as error:
            raise Ended(f"no process can be started ({error.strerror})") from error
        request = {"objective": objective, "folder": folder, "names": list(names)}
        try:
            answer = await started._ask(request, LOADING)
            if "ready" not in answer:
                raise Ended(str(answer.get("error", "it cannot be loaded")))
        except TimeoutError:
            await started.end()
            raise Ended(f"not imported after {LOADING:g} seconds") from None
        except BaseException:
            await started.end()
            raise
        return started

    async def call(
        self, arguments: dict[str, Any], timeout: float | None, *, graded: bool = False
    ) -> dict[str, Any]:
        """The answer to a call. Raises TimeoutError or Ended.

        Args:
            arguments: of the function, by name.
            timeout: in seconds.
            graded: whether a grade is wanted: see :func:`opro_cli.problems.custom.worker.grade`.
        """
        return await self._ask({"arguments": arguments, "graded": graded}, timeout)

    async def end(self) -> None:
        """End the process and all that it has started, and wait until that is done."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(ENDING):
                await self._process.wait()
        except TimeoutError:
            _kill(self._process.pid)
            await self._process.wait()

    async def _ask(self, request: dict[str, Any], timeout: float | None) -> dict[str, Any]:
        process, token = self._process, secrets.token_hex(16)
        if process.stdin is None or process.stdout is None:
            raise Ended("the process has no pipes")
        async with asyncio.timeout(timeout):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(json.dumps({**request, "token": token}).encode() + b"\n")
                await process.stdin.drain()
                while line := await _line(process.stdout):
                    answer = _answer(line, token)
                    if answer is not None:
                        return answer
        try:
            async with asyncio.timeout(ENDING):
                code = await process.wait()
        except TimeoutError:
            raise Ended("the process has closed the pipe of its answers") from None
        raise Ended(f"the process ended with {_exit(code)}")


async def _spawn() -> asyncio.subprocess.Process:
    """A process with its own group, so that Ctrl-C at a terminal does not reach it."""
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # no module is looked for in the current folder
        str(Path(worker.__file__).absolute()),
        guard.HOW,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=MAX_LINE,
        **apart,
    )


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end. A line that is too long is left out."""
    while True:
        try:
            return await stream.readline()
        except ValueError:
            continue


def _answer(line: bytes, token: str) -> dict[str, Any] | None:
    """The answer in a line, None where it is not the one to this request."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("token") == token else None


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(pid, signal.SIGKILL)  # start_new_session: the group has the id of the process
        else:
            os.kill(pid, signal.SIGTERM)
