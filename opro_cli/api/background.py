"""An event loop in a thread of its own: calls that wait work inside a running loop as well."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

TICK = 1.0
"""Seconds after which a wait looks round: where a wait cannot be interrupted, Ctrl-C is seen."""


class Background:
    """An event loop whose thread lives as long as somebody uses it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None
        weakref.finalize(self, _close, self.loop)

    def enter(self) -> None:
        """Begin to use it; from any thread."""
        with self._lock:
            self._users += 1
            if self._thread is None:
                run = self.loop.run_forever
                self._thread = threading.Thread(target=run, name="opro", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        """Use it no longer."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._thread is not None:
                self.loop.call_soon_threadsafe(self.loop.stop)
                self._thread.join()
                self._thread = None


def _close(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_running():
        loop.close()


class Work(Generic[T]):
    """A coroutine in the background, while this context is open: leaving it cancels the rest.

    Args:
        background: where it runs.
        make: makes the coroutine.
        on_end: called in the background when it has ended.
    """

    def __init__(
        self,
        background: Background,
        make: Callable[[], Coroutine[Any, Any, T]],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.ended: Future[T] = Future()
        self.loop = background.loop
        self._background, self._make, self._on_end = background, make, on_end
        self._task: asyncio.Task[T] | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Begin."""
        self._background.enter()
        self.loop.call_soon_threadsafe(self._begin)

    def close(self) -> None:
        """Cancel what has not ended, and wait until it is cleared away."""
        try:
            self.loop.call_soon_threadsafe(self._cancel)
            self._wait()
        finally:
            self._background.leave()

    async def wait(self) -> None:
        """Begin, wait for the end in another event loop, and clear away."""
        self.open()
        try:
            await asyncio.shield(asyncio.wrap_future(self.ended))
        except Exception:  # noqa: BLE001, S110 (the result raises it)
            pass
        finally:  # what is in flight may need this loop to end
            await asyncio.to_thread(self.close)

    def result(self) -> T:
        """Wait for the end. Raises what the coroutine raises."""
        self._wait()
        return self.ended.result()

    def _wait(self) -> None:
        while not wait([self.ended], TICK).done:
            pass

    def _begin(self) -> None:
        self._task = self.loop.create_task(self._make())
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.ended.cancel()
            self.ended.set_running_or_notify_cancel()
        elif error := task.exception():
            self.ended.set_exception(error)
        else:
            self.ended.set_result(task.result())
        self._on_end()
