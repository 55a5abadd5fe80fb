"""Ask again after a passing fault: bounded, and no sooner than the server says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from opro_cli.errors import LLMError, QuotaError, TransientError
from opro_cli.events import Reply
from opro_cli.llm.base import LLM, Form, Request
from opro_cli.llm.limiter import Limiter

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Retry:
    """A model behind the process's limiter, asked again when it fails in passing.

    A 429 quiets the whole process, not just the chain that met it; any other passing fault is
    waited out by the call alone.

    Args:
        llm: the model.
        limiter: the gate every call goes through.
        notify: told of every fault that is waited out.
    """

    def __init__(
        self, llm: LLM, limiter: Limiter, notify: Callable[[str], None] = lambda text: None
    ) -> None:
        self._notify = notify
        self._llm = llm
        self._limiter = limiter

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
        """Replies, with the attempts they took and what went wrong before.

        Raises LLMError, with its attempts, when they are used up or asking again is no use.
        """
        troubles: list[str] = []
        while True:
            attempt = len(troubles) + 1
            try:
                async with self._limiter.call():
                    replies = await self._llm.sample(request)
            except TransientError as error:
                troubles.append(error.message)
                if attempt >= self._limiter.settings.attempts:
                    said = error.message.rstrip(".")
                    raise LLMError(
                        f"{said} (after {attempt} attempts).", error.hint, attempts=attempt
                    ) from error
                self._notify(error.message)
                await self._wait(attempt, error)
            except LLMError as error:
                self._note(error, attempt)
                raise
            else:
                usage = [reply.usage for reply in replies if reply.usage is not None]
                self._limiter.used(sum(u.input + u.output for u in usage))
                return [replace(r, attempts=attempt, troubles=tuple(troubles)) for r in replies]

    def _note(self, error: LLMError, attempt: int) -> None:
        error.attempts = attempt
        if isinstance(error, QuotaError):
            self._limiter.shut(error.message)

    async def _wait(self, attempt: int, error: TransientError) -> None:
        seconds = backoff(attempt) if error.wait is None else error.wait
        if not seconds <= self._limiter.settings.longest_wait:
            quota = QuotaError(
                f"{error.message.rstrip('.')}. It wants a pause of {seconds:g} seconds, which is "
                "longer than limits.longest_wait"
            )
            self._note(quota, attempt)
            raise quota from error
        if error.too_many:
            self._limiter.quiet(seconds)  # the next attempt waits at the gate, with all others
        else:
            await self._limiter.sleep(seconds)

    async def close(self) -> None:
        """Close the model."""
        await self._llm.close()


def backoff(attempt: int) -> float:
    """Seconds before the next attempt where the server names none: doubling, with jitter so that
    many callers do not return at once."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 (jitter, not a secret)
