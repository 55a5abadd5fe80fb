"""One gate for all calls of a process: so many at once, so many a minute, and none while the
server asks for quiet.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from opro_cli.errors import ModelUnavailable, QuotaError
from opro_cli.problems.base import Integer, Number, Settings

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

WINDOW = 5.0
"""Seconds over which a rate is evened out: a minute's calls are not made in its first second."""


class LimitSettings(Settings):
    """The ``limits:`` section: what the account, and the machine, can take."""

    concurrency: Annotated[Integer, Field(ge=1, le=10_000)] = 64
    """Calls in flight at once."""
    requests_per_minute: Annotated[Number, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[Number, Field(gt=0)] | None = None
    """Input and output tokens; a call counts with what the calls before it took on average."""
    timeout: Annotated[Number, Field(gt=0)] = 120.0
    """Seconds for one call, thinking included."""
    longest_wait: Annotated[Number, Field(gt=0)] = 600.0
    """Seconds that a server may ask to wait; beyond it, this is a quota and the process stops."""
    attempts: Annotated[Integer, Field(ge=1, le=100)] = 6
    """Calls at most for one reply, the first included."""


class Limiter:
    """Shared by every model of a process.

    Args:
        settings: how much is allowed.
        clock: seconds that only go forward; with ``sleep``, a test's own time.
        sleep: how to wait.

    Raises:
        ModelUnavailable: a rate is set, and the package that keeps it is not installed.
    """

    def __init__(
        self,
        settings: LimitSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.sleep = sleep
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._requests = _rate(settings.requests_per_minute)
        self._tokens = _rate(settings.tokens_per_minute)
        self._expected = 0.0
        self._quiet_until = 0.0
        self._shut: str | None = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Hold one place for one call, from when the gate is open.

        Raises QuotaError if it has been shut for good.
        """
        async with self._slots:
            self._check()
            await _take(self._requests, 1)
            await _take(self._tokens, self._expected)
            while self.quiet_for() > 0:
                # Not all at the same moment afterwards.
                await self.sleep(self.quiet_for() + random.uniform(0, 1))  # noqa: S311
            self._check()
            yield

    def _check(self) -> None:
        if self._shut is not None:
            raise QuotaError(self._shut)

    def shut(self, why: str) -> None:
        """Let no call begin any more: a quota is spent that no waiting renews."""
        self._shut = why

    def used(self, tokens: int) -> None:
        """Learn what a call took, for the ones to come."""
        self._expected = tokens if not self._expected else 0.9 * self._expected + 0.1 * tokens

    def quiet(self, seconds: float) -> None:
        """Let no call begin for so long: the server has said that there are too many."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)

    def quiet_for(self) -> float:
        """Seconds until calls may begin again; not above 0 if they may."""
        return self._quiet_until - self._clock()


async def _take(rate: AsyncLimiter | None, amount: float) -> None:
    while rate is not None and amount > 0:
        part = min(amount, rate.max_rate)
        await rate.acquire(part)
        amount -= part


def _rate(per_minute: float | None) -> AsyncLimiter | None:
    if per_minute is None:
        return None
    try:
        from aiolimiter import AsyncLimiter
    except ImportError:
        raise ModelUnavailable(
            "Limits a minute need a package that is not installed.",
            "pip install 'opro-cli[limits]'",
        ) from None
    burst = per_minute * WINDOW / 60
    if burst < 1:
        return AsyncLimiter(1, 60 / per_minute)
    return AsyncLimiter(burst, WINDOW)
