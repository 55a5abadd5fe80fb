"""Ask again after a passing fault: bounded, and no sooner than the server says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from opro_cli.errors import LLMError, TransientError
from opro_cli.events import Reply
from opro_cli.llm.base import LLM, Form, Request

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Retry:
    """A model that is asked again when it fails in passing.

    Args:
        llm: the model.
        attempts: calls at most for one request, the first included.
        sleep: how to wait; tests pass one that does not.
    """

    def __init__(
        self,
        llm: LLM,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._llm = llm
        self._attempts = attempts
        self._sleep = sleep

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
        """Replies, with the attempts they took. Raises LLMError when attempts are used up."""
        attempt = 1
        while True:
            try:
                replies = await self._llm.sample(request)
            except TransientError as error:
                if attempt == self._attempts:
                    raise LLMError(
                        f"{error.message} (after {attempt} attempts)", error.hint
                    ) from error
                await self._sleep(wait(attempt, error.wait))
                attempt += 1
            else:
                return [replace(reply, attempts=attempt) for reply in replies]

    async def close(self) -> None:
        """Close the model."""
        await self._llm.close()


def wait(attempt: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the server asked for and a little more, or a backoff
    that doubles, with jitter so that many callers do not return at once."""
    if asked is not None:
        return asked + random.uniform(0, 1)  # noqa: S311 (jitter, not a secret)
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return backoff * random.uniform(0.5, 1)  # noqa: S311 (jitter, not a secret)
