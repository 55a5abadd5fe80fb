"""Caps on what a process may spend, kept before every call and not noticed after it.

Before a call begins, what it can cost at most is set aside: its prompt at one token a byte, and
as many output tokens as it is allowed. It begins if everything spent and set aside, and itself,
stays within the cap; or, where no other call is in flight, if anything is left at all. So a cap is
never passed by more than the price of one call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from opro_cli.errors import Paused, QuotaError
from opro_cli.events import Reply
from opro_cli.llm.base import LLM, Form, Price, Request
from opro_cli.problems.base import Integer, Number, Settings


class BudgetSettings(Settings):
    """The ``budget:`` section: caps for everything one command does."""

    max_cost: Annotated[Number, Field(gt=0)] | None = None
    """US dollars."""
    max_calls: Annotated[Integer, Field(gt=0)] | None = None
    max_tokens: Annotated[Integer, Field(gt=0)] | None = None
    """Input and output tokens, thinking included."""
    max_time: Annotated[Number, Field(gt=0)] | None = None
    """Seconds."""


@dataclass(frozen=True)
class Amount:
    """What has been spent, or may be."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Sum."""
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: Amount) -> Amount:
        """Difference."""
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.cost - other.cost)


class Budget:
    """What one command may spend, shared by all its runs.

    Args:
        settings: the caps.
        spent: what earlier sessions of the same runs have spent.
        seconds: how long they took.
        clock: seconds that only go forward.
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
        """What to tell the user about the stop; empty as long as there is something left."""
        self._clock = clock
        self._began = clock() - seconds
        self._reserved = Amount()
        self._in_flight = 0
        self._changed = asyncio.Condition()
        self._stop: str | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning, earlier sessions included."""
        return self._clock() - self._began

    @property
    def reason(self) -> str:
        """Why nothing may begin any more, in a word; empty where nobody has said, or nothing has
        stopped."""
        return self._stop or ""

    def check_time(self) -> None:
        """Raises Paused where even what asks no model must not begin: time is over, or the user
        wants an end."""
        try:
            self.check()
        except Paused as paused:
            if paused.reason in ("", "max_time"):
                raise

    def check(self) -> None:
        """Raises Paused if nothing may begin any more."""
        most = self.settings.max_time
        if self._stop is None and most is not None and self.seconds >= most:
            self.stop("max_time", f"the {most:g} seconds allowed are over")
        if self._stop is not None:
            raise Paused(self._stop)

    def stop(self, reason: str, why: str) -> None:
        """Let nothing begin any more; ``reason`` as of :class:`Paused`. The first one stands."""
        if self._stop is None:
            self._stop, self.why = reason, why

    @asynccontextmanager
    async def call(self, most: Amount) -> AsyncIterator[Callable[[Amount], None]]:
        """Set ``most`` aside for one call; tell the function it gives what the call took.

        Raises Paused where a cap is reached.
        """
        async with self._changed:
            try:
                while not self._room(most):
                    if not self._in_flight:
                        self._reached(most)
                    await self._changed.wait()
            except Paused:
                self._changed.notify_all()  # nobody need wait any longer
                raise
            self._reserved += most
            self._in_flight += 1
            self._changed.notify(1)  # there may be room for one more
        took = Amount()

        def settle(amount: Amount) -> None:
            nonlocal took
            took = amount

        try:
            yield settle
        finally:
            self._reserved -= most
            self._in_flight -= 1
            self.spent += took
            async with self._changed:
                self._changed.notify_all() if self._stop is not None else self._changed.notify(1)

    def _room(self, most: Amount) -> bool:
        self.check()
        caps, total = self.settings, self.spent + self._reserved + most
        if caps.max_calls is not None and total.calls > caps.max_calls:
            return False
        alone = not self._in_flight
        for cap, would_be, is_spent in (
            (caps.max_cost, total.cost, self.spent.cost),
            (caps.max_tokens, total.tokens, self.spent.tokens),
        ):
            if cap is not None and would_be > cap and not (alone and is_spent < cap):
                return False
        return True

    def _reached(self, most: Amount) -> None:
        caps, spent = self.settings, self.spent
        if caps.max_calls is not None and spent.calls + most.calls > caps.max_calls:
            self.stop("max_calls", f"{spent.calls:,} of {caps.max_calls:,} calls are made")
        elif caps.max_cost is not None and spent.cost >= caps.max_cost:
            self.stop("max_cost", f"${spent.cost:.4f} of ${caps.max_cost:g} are spent")
        else:
            self.stop("max_tokens", f"{spent.tokens:,} of {caps.max_tokens:,} tokens are used")
        self.check()


class Budgeted:
    """A model that asks the budget before every call, and prices every reply.

    Args:
        llm: the model, retries included.
        budget: shared by all models of a process.
        price: of a model, asked for or answering in its place; None where it is unknown.
        calls: how many calls a request counts for.
    """

    def __init__(
        self,
        llm: LLM,
        budget: Budget,
        price: Callable[[str], Price | None],
        calls: Callable[[Request], int] = lambda request: 1,
    ) -> None:
        self._llm = llm
        self._budget = budget
        self._price = price
        self._calls = calls

    @property
    def name(self) -> str:
        """The model's name."""
        return self._llm.name

    @property
    def form(self) -> Form:
        """The model's form of meta-prompt."""
        return self._llm.form

    @property
    def samples_per_call(self) -> int:
        """As the model's."""
        return self._llm.samples_per_call

    async def sample(self, request: Request) -> list[Reply]:
        """Priced replies. Raises Paused where a cap is reached or a quota spent."""
        async with self._budget.call(self._most(request)) as settle:
            try:
                replies = await self._llm.sample(request)
            except QuotaError as error:
                self._budget.stop("quota", error.message)
                raise Paused("quota") from error
            priced = [self._priced(reply) for reply in replies]
            settle(took(priced))
        return priced

    def _most(self, request: Request) -> Amount:
        prompt, output = len(request.prompt.encode()), request.max_tokens * request.samples
        price = self._price(self.name)
        cost = 0.0 if price is None else price.of(prompt, output)
        return Amount(self._calls(request), prompt + output, cost)

    def _priced(self, reply: Reply) -> Reply:
        price = self._price(reply.model or self.name)
        if price is None or reply.usage is None:
            return reply
        return replace(reply, cost=price.of(reply.usage.input, reply.usage.output))

    async def close(self) -> None:
        """Close the model."""
        await self._llm.close()


def took(replies: Sequence[Reply]) -> Amount:
    """What these replies took."""
    used = [reply.usage for reply in replies if reply.usage is not None]
    return Amount(
        calls=sum(reply.calls for reply in replies),
        tokens=sum(usage.input + usage.output for usage in used),
        cost=sum(reply.cost or 0.0 for reply in replies),
    )
