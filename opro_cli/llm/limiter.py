"""Limits all calls of a process: calls in flight, calls and tokens a minute, and a pause for as
long as the server asks.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from opro_cli.core.errors import ModelUnavailable, QuotaError
from opro_cli.core.settings import Integer, Number, Settings

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

WINDOW = 5.0
"""Seconds over which a rate is averaged: the calls of a minute are not all made in its first
second."""
SLOW_AGAIN = 10.0
"""Seconds before the calls in flight are halved again."""


class LimitSettings(Settings):
    """The ``limits:`` section: the limits of the account and of this machine."""

    concurrency: Annotated[Integer, Field(ge=1, le=10_000)] = 64
    """Calls in flight at once."""
    requests_per_minute: Annotated[Number, Field(gt=0)] | None = None
    """Calls a minute, at most; null: no limit."""
    tokens_per_minute: Annotated[Number, Field(gt=0)] | None = None
    """Input and output tokens; a call counts as the average of the calls before it."""
    timeout: Annotated[Number, Field(gt=0)] = 120.0
    """Seconds for one call, thinking included."""
    longest_wait: Annotated[Number, Field(gt=0)] = 600.0
    """Seconds that a server may ask to wait; a longer wait means a spent quota, and the command
    stops."""
    outlast: Annotated[Number, Field(ge=0)] = 300.0
    """Seconds for which the passing faults of one reply are repeated, from the first on."""
    attempts: Annotated[Integer, Field(ge=1, le=10_000)] | None = None
    """Calls for one reply at most, the first included; null for as many as ``outlast`` allows."""


class Limiter:
    """Limits the calls of every model of a process.

    Args:
        settings: the limits.
        clock: a monotonic clock, in seconds.
        sleep: waits for a number of seconds.

    The number of calls in flight adapts: it is halved when calls are late or refused, and grows
    again, by about one for each round of calls that succeed, up to ``concurrency``.

    Raises:
        ModelUnavailable: there is a limit a minute, and the package for it is not installed.
    """

    def __init__(
        self,
        settings: LimitSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[Any, Any, Any]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.sleep = sleep
        self.guard: Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, None]] = _unguarded
        """Waits, but ends when the command stops: ``Budget.unless_stopped``."""
        self._clock = clock
        self.notify: Callable[[str], None] = lambda text: None
        self._allowed = float(settings.concurrency)
        self._in_flight = 0
        self._slowed = -math.inf
        self._freed = asyncio.Condition()
        self._requests = _rate(settings.requests_per_minute)
        self._tokens = _rate(settings.tokens_per_minute)
        self._expected = 0.0
        self._quiet_until = 0.0
        self._shut: str | None = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Wait until one call may begin, and count it as in flight.

        Raises QuotaError after :meth:`shut`, and what ``guard`` raises.
        """
        async with self._freed:
            while self._in_flight >= max(int(self._allowed), 1):
                await self._freed.wait()
            self._in_flight += 1
        try:
            self._check()
            await self._take(self._requests, 1)
            await self._take(self._tokens, self._expected)
            while self.quiet_for() > 0:
                # Random, so that the calls do not all begin at the same moment.
                await self.wait(self.quiet_for() + random.uniform(0, 1))  # noqa: S311
            self._check()
            yield
        finally:
            self._in_flight -= 1
            async with self._freed:
                self._freed.notify_all() if self._shut else self._freed.notify(2)

    async def wait(self, seconds: float) -> None:
        """Wait, unless the command stops. Raises what ``guard`` raises."""
        await self.guard(self.sleep(seconds))

    async def _take(self, rate: AsyncLimiter | None, amount: float) -> None:
        while rate is not None and amount > 0:
            part = min(amount, rate.max_rate)
            await self.guard(rate.acquire(part))
            amount -= part

    def _check(self) -> None:
        if self._shut is not None:
            raise QuotaError(self._shut)

    def shut(self, why: str) -> None:
        """Let no call begin any more: a quota is spent, and waiting does not renew it soon."""
        self._shut = why

    def slow_down(self, why: str) -> None:
        """Halve the calls in flight, at most once in a time-out: they are too many.

        Args:
            why: as a phrase for the user.
        """
        now = self._clock()
        if now - self._slowed < min(self.settings.timeout, SLOW_AGAIN):
            return
        self._slowed = now
        before, self._allowed = int(self._allowed), max(min(self._allowed, self._in_flight) / 2, 1)
        if int(self._allowed) < before:
            self.notify(
                f"{why}: now at most {max(int(self._allowed), 1)} calls at once, down from "
                f"{before}; --concurrency sets a number to begin with."
            )

    def used(self, tokens: int) -> None:
        """Take the tokens of a call into the average that later calls count as."""
        self._allowed = min(self._allowed + 1 / self._allowed, self.settings.concurrency)
        self._expected = tokens if not self._expected else 0.9 * self._expected + 0.1 * tokens

    def quiet(self, seconds: float) -> None:
        """Let no call begin for this time: the server has said that there are too many calls."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)

    def quiet_for(self) -> float:
        """Seconds until calls may begin again; 0 or less if they may now."""
        return self._quiet_until - self._clock()


async def _unguarded(wait: Coroutine[Any, Any, Any]) -> None:
    await wait


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
