"""Repeats a call after a passing fault: for a limited time, and not before the server's wait is
over."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from opro_cli.core.errors import LLMError, QuotaError, TransientError
from opro_cli.core.events import Reply
from opro_cli.core.model import Model, Request, Wrapper
from opro_cli.llm.limiter import Limiter

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the second attempt, and before any later one, where the server names no wait."""

REPEAT_AFTER = 30.0
"""Seconds before the user sees the same notice again."""


class Retry(Wrapper):
    """A model whose calls pass the limiter and are repeated after passing faults.

    After a 429 all calls of the process wait; after any other passing fault, only this call.

    Args:
        inner: the model.
        limiter: shared by all models of a process.
        notify: called with the message of every fault after which the call is repeated.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        inner: Model,
        limiter: Limiter,
        notify: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._limiter = limiter
        self._notify = notify
        self._clock = clock

    async def sample(self, request: Request) -> list[Reply]:
        """Replies, with the number of attempts and the faults of the failed ones.

        Raises LLMError, with its attempts, after the last attempt or a fault that does not pass.
        """
        troubles: list[str] = []
        attempt, limits, failing_since = 0, self._limiter.settings, math.inf
        while True:
            attempt += 1
            began = self._clock()
            try:
                async with self._limiter.call():
                    replies = await self.inner.sample(request)
            except TransientError as error:
                troubles += [*error.troubles, error.message]
                failing_since = min(failing_since, began)
                failing = self._clock() - failing_since
                if attempt >= (limits.attempts or math.inf) or failing > limits.outlast:
                    raise _given_up(error, len(troubles)) from error
                self._notify(error.message)
                if error.late or error.too_many:
                    reason = "too late" if error.late else "refused"
                    self._limiter.slow_down(f"Calls of {self.info.name} are {reason}")
                await self._wait(attempt, error, troubles)
            except LLMError as error:
                self._note(error, troubles)
                raise
            else:
                usage = [reply.usage for reply in replies if reply.usage is not None]
                self._limiter.used(sum(u.input + u.output for u in usage))
                return [_after(reply, troubles) for reply in replies]

    def _note(self, error: LLMError, troubles: Sequence[str]) -> None:
        error.attempts += len(troubles)
        if isinstance(error, QuotaError):
            self._limiter.shut(error.message)

    async def _wait(self, attempt: int, error: TransientError, troubles: Sequence[str]) -> None:
        seconds = backoff(attempt) if error.wait is None else error.wait
        if not seconds <= self._limiter.settings.longest_wait:
            quota = QuotaError(
                f"{error.message.rstrip('.')}. It wants a pause of {seconds:g} seconds, which is "
                "longer than limits.longest_wait"
            )
            self._note(quota, troubles[:-1])
            raise quota from error
        if attempt > 1 and seconds < 0.1:  # a server may name no time, again and again
            seconds = max(seconds, backoff(1))
        if error.too_many:
            self._limiter.quiet(seconds)  # the next attempt waits there, with all other calls
        else:
            await self._limiter.wait(seconds)


def _after(reply: Reply, troubles: Sequence[str]) -> Reply:
    """The reply, with the faults of the attempts before."""
    attempts = reply.attempts + len(troubles)
    return replace(reply, attempts=attempts, troubles=(*troubles, *reply.troubles))


def _given_up(error: TransientError, attempts: int) -> LLMError:
    said = error.message.rstrip(".")
    hint = error.hint or (
        "fewer calls at once may help: --concurrency 4, or a longer limits.timeout"
        if error.late or error.too_many
        else "limits.outlast is the time for which faults are repeated; opro resume tries again"
    )
    noun = "attempt" if attempts == 1 else "attempts"
    return LLMError(f"{said} (after {attempts} {noun}).", hint, attempts=attempts)


def backoff(attempt: int) -> float:
    """Seconds before the next attempt where the server names no wait: doubled each time, with
    jitter, so that many callers do not return at once."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 (jitter, not a secret)


def throttled(
    notify: Callable[[str], None],
    seconds: float = REPEAT_AFTER,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[str], None]:
    """The same function, which ignores a text that it got less than ``seconds`` ago."""
    last: dict[str, float] = {}

    def notify_throttled(text: str) -> None:
        now = clock()
        if now - last.get(text, -seconds) >= seconds:
            last[text] = now
            notify(text)

    return notify_throttled
