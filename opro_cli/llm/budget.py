"""Caps on the spending of a process, checked before every call.

Before a call begins, the budget reserves the most that the call can cost: its prompt at one token a
byte, and all output tokens it is allowed. A call begins beside others if the cap has room for
:data:`MARGIN` times what they and it have reserved, because some servers take more than they were
allowed, such as tokens of thinking; and where no other call is in flight, if anything is left. So a
cap is never exceeded by more than the price of one call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from opro_cli.core.errors import Paused, SearchEnded
from opro_cli.core.settings import Integer, Number, Settings

MARGIN = 8.0
"""How many times its reserved amount a call may take without passing a cap together with others."""


class BudgetSettings(Settings):
    """The ``budget:`` section: caps for everything one command does."""

    max_cost: Annotated[Number, Field(gt=0)] | None = None
    """US dollars."""
    max_calls: Annotated[Integer, Field(gt=0)] | None = None
    """Calls of models."""
    max_tokens: Annotated[Integer, Field(gt=0)] | None = None
    """Input and output tokens, thinking included."""
    max_time: Annotated[Number, Field(gt=0)] | None = None
    """Seconds."""


@dataclass(frozen=True)
class Amount:
    """Calls, tokens and US dollars: spent or reserved."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.cost - other.cost)


@dataclass
class Reservation:
    """What one call has reserved, and what it has used."""

    most: Amount
    used: Amount
    """As reserved, until something better is known."""


class Budget:
    """Caps, and the amount spent, of all runs of a command.

    Args:
        settings: the caps.
        spent: the amount that earlier sessions of the same runs have spent.
        seconds: the duration of these sessions.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        settings: BudgetSettings,
        spent: Amount | None = None,
        seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.spent = spent or Amount()
        self.why = ""
        """The reason of the stop as a phrase for the user; empty before the stop."""
        self.least_calls = 0
        """The least cap on calls with which the call that met the cap could begin; else 0."""
        self._clock = clock
        self._began = clock() - seconds
        self._reserved = Amount()
        self._held: dict[str, Amount] = {}
        """Held back for the ends of runs, by run."""
        self._in_flight = 0
        self._changed = asyncio.Condition()
        self._stop: str | None = None
        self._stopped = asyncio.Event()

    @property
    def seconds(self) -> float:
        """Seconds since the start, earlier sessions included."""
        return self._clock() - self._began

    @property
    def reason(self) -> str:
        """The reason of the stop, as of :class:`Paused`; empty for none, and before the stop."""
        return self._stop or ""

    @property
    def counts_tokens(self) -> bool:
        """Whether a cap depends on the tokens that calls take."""
        return self.settings.max_cost is not None or self.settings.max_tokens is not None

    def check_time(self) -> None:
        """Raises Paused where not even a step without a model may begin: the time is over, or the
        user stops the command."""
        try:
            self.check()
        except Paused as paused:
            if paused.reason in ("", "max_time"):
                raise

    def check(self) -> None:
        """Raises Paused after the stop, or where the time is over."""
        most = self.settings.max_time
        if self._stop is None and most is not None and self.seconds >= most:
            self.stop("max_time", f"the {most:g} seconds allowed are over")
        if self._stop is not None:
            raise Paused(self._stop)

    def stop(self, reason: str, why: str) -> None:
        """Let no call and no step begin any more. Only the first stop of a budget counts.

        Args:
            reason: as of :class:`Paused`.
            why: the reason as a phrase for the user.
        """
        if self._stop is None:
            self._stop, self.why = reason, why
            self._stopped.set()

    async def unless_stopped(self, wait: Coroutine[Any, Any, Any]) -> None:
        """Wait for something that takes no money. Raises Paused at the stop, and when the time is
        over.
        """
        most = self.settings.max_time
        left = None if most is None else max(most - self.seconds, 0.0)
        tasks = [asyncio.ensure_future(wait), asyncio.ensure_future(self._stopped.wait())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        self.check()
        if tasks[0] in done:
            tasks[0].result()

    @asynccontextmanager
    async def call(self, most: Callable[[], Amount], held: str = "") -> AsyncIterator[Reservation]:
        """Reserve an amount for one call.

        Args:
            most: gives the most that it can take; asked again while it waits for others.
            held: the run for whose end it is, which may take what is held back for that.

        Raises:
            Paused: a cap is reached.
            SearchEnded: only what is held back is left.
        """
        async with self._changed:
            try:
                while not self._room(amount := most(), held):
                    if not self._in_flight:
                        if self._held and not held:
                            raise SearchEnded(self._nearest())
                        self._reached(amount, held)
                    await self._changed.wait()
            except Paused:
                self._changed.notify_all()  # no call needs to wait any longer
                raise
            self._reserved += amount
            self._in_flight += 1
            self._changed.notify(1)  # there may be room for one more
        reservation = Reservation(amount, amount)
        try:
            yield reservation
        finally:
            self._reserved -= amount
            self._in_flight -= 1
            self.spent += reservation.used
            async with self._changed:
                self._changed.notify_all() if self._stop is not None else self._changed.notify(1)

    def hold(self, run: str, amount: Amount | None) -> None:
        """Hold an amount back for the end of a run; None to hold nothing back any longer."""
        self._held.pop(run, None)
        if amount is not None:
            self._held[run] = amount

    def check_search(self) -> None:
        """Raises SearchEnded where only what is held back is left, and Paused as :meth:`check`."""
        self.check()
        if self._held and not self._room(Amount(calls=1, tokens=1)):
            raise SearchEnded(self._nearest())

    def can_end(self, run: str) -> bool:
        """Whether about enough is left for the end of a run: half of what is held back for it."""
        held = self._held.get(run, Amount())
        caps, spent = self.settings, self.spent
        return all(
            cap is None or amount / 2 <= cap - used
            for cap, amount, used in (
                (caps.max_cost, held.cost, spent.cost),
                (caps.max_tokens, held.tokens, spent.tokens),
                (caps.max_calls, held.calls, spent.calls),
            )
        )

    def _nearest(self) -> str:
        """The cap of which, with what is held back, the largest share is spent."""
        caps, total = self.settings, self.spent + self._reserved + self._kept()
        shares = {
            name: amount / cap
            for name, cap, amount in (
                ("max_cost", caps.max_cost, total.cost),
                ("max_tokens", caps.max_tokens, total.tokens),
                ("max_calls", caps.max_calls, total.calls),
            )
            if cap is not None
        }
        return max(shares, key=lambda name: shares[name], default="")

    def _kept(self, but: str = "") -> Amount:
        """What is held back, but for one run."""
        return sum((held for run, held in self._held.items() if run != but), Amount())

    def _room(self, most: Amount, held: str = "") -> bool:
        self.check()
        caps, spent, reserved = self.settings, self.spent + self._kept(held), self._reserved + most
        if caps.max_calls is not None and spent.calls + reserved.calls > caps.max_calls:
            return False
        for cap, is_spent, more in (
            (caps.max_cost, spent.cost, reserved.cost),
            (caps.max_tokens, spent.tokens, reserved.tokens),
        ):
            if cap is None:
                continue
            if is_spent >= cap or (self._in_flight and is_spent + MARGIN * more > cap):
                return False
        return True

    def _reached(self, most: Amount, held: str) -> None:
        caps, spent = self.settings, self.spent
        if caps.max_calls is not None and spent.calls + most.calls > caps.max_calls:
            self.least_calls = (spent + self._kept(held) + most).calls
            next_one = f", and the next request counts as {most.calls:,}" * (most.calls > 1)
            self.stop(
                "max_calls", f"{spent.calls:,} of {caps.max_calls:,} calls are made{next_one}"
            )
        elif caps.max_cost is not None and spent.cost >= caps.max_cost:
            self.stop("max_cost", f"${spent.cost:.4f} of ${caps.max_cost:g} are spent")
        else:
            self.stop("max_tokens", f"{spent.tokens:,} of {caps.max_tokens:,} tokens are used")
        self.check()
