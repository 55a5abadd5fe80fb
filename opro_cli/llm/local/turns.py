"""Who may use the engine: one request alone, or several beside each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """A lock that one holds alone, or several together. They come in the order of asking."""

    def __init__(self) -> None:
        self._door = asyncio.Lock()
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until all others have left, and keep them out meanwhile."""
        async with self._door:
            await self._empty.wait()
            yield

    @contextlib.asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Go in beside others that do the same."""
        async with self._door:
            self._inside += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()
