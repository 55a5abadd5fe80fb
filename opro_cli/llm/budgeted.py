"""A model that asks the budget before every call, and one whose spent quota pauses all runs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from typing_extensions import override

from opro_cli.core.errors import LLMError, Paused, QuotaError
from opro_cli.core.events import Reply
from opro_cli.core.model import Model, Price, Request, Wrapper
from opro_cli.llm.budget import Amount, Budget


class Budgeted(Wrapper):
    """A model that asks the budget before every call, and adds its cost to every reply.

    The amount reserved for a call stays spent until something better is known: the usage in a
    reply, or a refusal. It is inside the retries, so that every attempt counts.

    Args:
        inner: the model.
        budget: shared by all models of a process.
        price: gives the price of the requested model, or of another that answers in its place;
            None where it is unknown.
        calls: the number of calls that a request counts for.
        notify: shows the user one sentence.
    """

    def __init__(
        self,
        inner: Model,
        budget: Budget,
        price: Callable[[str], Price | None],
        calls: Callable[[Request], int] = lambda request: 1,
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        super().__init__(inner)
        self._budget = budget
        self._price = price
        self._calls = calls
        self._notify = notify
        self._excess = 1.0
        """How many times the reserved amount a call has taken at most: later ones reserve more."""
        self._changed = asyncio.Condition()
        self._measured = not budget.counts_tokens
        self._measuring = False
        """Whether the first call is in flight, which shows how much a call takes: until then, one
        at a time."""

    @override
    async def sample(self, request: Request) -> list[Reply]:
        """Replies with their cost. Raises Paused where a cap is reached."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._measured or not self._measuring)
            self._measuring = not self._measured
        try:
            return await self._sample(request)
        finally:
            if self._measuring:
                self._measuring = False
                async with self._changed:
                    self._changed.notify_all()

    async def _sample(self, request: Request) -> list[Reply]:
        call_of = self._budget.call(lambda: self._most(request, self._excess), request.held)
        async with call_of as call:
            most = call.most
            if request.observer is not None:
                request.observer.called(request, most.calls, most.tokens, most.cost)
            try:
                replies = [self._priced(reply) for reply in await self.inner.sample(request)]
            except LLMError as error:
                if error.free:
                    call.used = Amount(most.calls)
                if request.observer is not None:
                    request.observer.failed(request, error.message, free=error.free)
                raise
            call.used = self._used(replies, request, most)
        return replies

    def _used(self, replies: Sequence[Reply], request: Request, most: Amount) -> Amount:
        """The amount a call has taken; as reserved where the server does not say."""
        if any(reply.usage is None for reply in replies):
            if self._budget.counts_tokens:
                self._notify(
                    f"{self.info.name} does not report its tokens: each call counts with the most "
                    "that it could take."
                )
            return most
        used = amount_of(replies)
        self._measured = True
        expected = self._most(request)
        for taken, most_of_it in ((used.tokens, expected.tokens), (used.cost, expected.cost)):
            if most_of_it:  # the cost says more where a dearer model has answered
                self._excess = max(self._excess, taken / most_of_it)
        return Amount(most.calls, used.tokens, used.cost)

    def _most(self, request: Request, excess: float = 1.0) -> Amount:
        prompt = len(request.system.encode()) + len(request.prompt.encode())
        prompt, output = (
            math.ceil(excess * n) for n in (prompt, request.max_tokens * request.samples)
        )
        price = self._price(self.info.name)
        cost = 0.0 if price is None else price.of(prompt, output)
        return Amount(self._calls(request), prompt + output, cost)

    def _priced(self, reply: Reply) -> Reply:
        price = self._price(reply.model or self.info.name)
        if price is None or reply.usage is None:
            return reply
        return replace(reply, cost=price.of(reply.usage.input, reply.usage.output))


class StopsOnQuota(Wrapper):
    """A model whose spent quota pauses all runs, instead of failing one after the other.

    Args:
        inner: the model, retries included.
        budget: stopped when a quota is spent.
    """

    def __init__(self, inner: Model, budget: Budget) -> None:
        super().__init__(inner)
        self._budget = budget

    @override
    async def sample(self, request: Request) -> list[Reply]:
        """Replies. Raises Paused where a quota is spent."""
        try:
            return await self.inner.sample(request)
        except QuotaError as error:
            self._budget.stop("quota", error.message)
            raise Paused("quota") from error


def amount_of(replies: Sequence[Reply]) -> Amount:
    """The calls, tokens and cost of these replies."""
    used = [reply.usage for reply in replies if reply.usage is not None]
    return Amount(
        calls=sum(reply.calls for reply in replies),
        tokens=sum(usage.input + usage.output for usage in used),
        cost=sum(reply.cost or 0.0 for reply in replies),
    )
