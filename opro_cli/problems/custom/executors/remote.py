"""What runs on a worker of an executor: calls of a function, in processes of their own.

They are the processes of :mod:`opro_cli.problems.custom.workers`. So a crash, a call that takes too
long and whatever the function starts end there as they do on one machine, and the function's module
is loaded once. The processes are kept for the next call, and end with the worker.

Requests and answers are plain data, and nothing of the environment is among them.
"""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import signal
import threading
from collections.abc import Mapping
from typing import Any

from opro_cli.core import __version__
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.processes import Ended, Process
from opro_cli.problems.custom.workers import Workers

MOST = 10_000
"""Calls at the same time on one worker: the executor decides how many there are."""

IDLE = 60.0
"""Seconds without a call after which the processes of an objective end."""


def serve(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request.

    Args:
        request: ``version`` and ``digests`` that the worker must have, ``objective``, ``folder``,
            ``timeout``, and either ``arguments`` of a call, or ``names`` of arguments that the
            function must take.

    Returns:
        ``{"value": …}``, ``{"why": …}`` for a call that fails, ``{"ready": true}`` for a function
        that takes the names, ``{"refused": …}`` for a worker that must not be used.
    """
    if request["version"] != __version__:
        return {"refused": f"has opro {__version__}, and not {request['version']}"}
    return asyncio.run_coroutine_threadsafe(_answer(request), _loop()).result()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """An event loop in a thread of its own: processes are kept from one request to the next."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for opro, which ends its workers
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="objective", daemon=True).start()
    return loop


async def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    objective, folder, digests = (request[key] for key in ("objective", "folder", "digests"))
    contents = json.dumps(digests, sort_keys=True)
    call = ObjectiveCall(objective, folder, MOST, request["timeout"], contents=contents)
    if call not in _KEPT:
        refused = _difference(digests, sources.digests(objective, folder))
        if refused:
            return {"refused": refused}
        if "names" in request:
            return await _load(call, request["names"])
        _KEPT[call] = _Kept(call)
    if "names" in request:
        return {"ready": True}
    return await _KEPT[call].answer(request["arguments"])


def _difference(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """The first file that is another one here; empty where there is none."""
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            return f"has another {name}" if name in found else f"does not have the {name}"
    return ""


async def _load(call: ObjectiveCall, names: list[str]) -> dict[str, Any]:
    try:
        await (await Process.start(call.objective, call.folder, names)).end()
    except Ended as ended:
        return {"why": str(ended)}
    return {"ready": True}


class _Kept:
    """The processes of one objective, until no call has come for a while."""

    def __init__(self, call: ObjectiveCall) -> None:
        self._call = call
        self._workers = Workers(call)
        self._opened = False
        self._running = 0
        self._end: asyncio.Task[None] | None = None

    async def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer to one call."""
        if not self._opened:
            self._opened = True
            await self._workers.__aenter__()
        if self._end is not None:
            self._end.cancel()
        self._running += 1
        try:
            found = await self._workers.measure(arguments)
        finally:
            self._running -= 1
            if not self._running:
                self._end = asyncio.get_running_loop().create_task(self._end_later())
        return {"why": found.why} if found.why else {"value": found.value}

    async def _end_later(self) -> None:
        await asyncio.sleep(IDLE)
        del _KEPT[self._call]
        await self._workers.__aexit__(None, None, None)


_KEPT: dict[ObjectiveCall, _Kept] = {}
