"""Models and requests for tests of everything but the models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set

from opro_cli.events import Reply, Usage
from opro_cli.llm.base import Form, Request
from opro_cli.optimizers.sieve import Sieve
from opro_cli.problems import Point, Space


class Scripted:
    """A model that answers from a function of the request: deterministic, and no network."""

    def __init__(
        self,
        answer: Callable[[Request, int], str | Reply],
        form: Form = "instruct",
        samples_per_call: int = 1,
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.form: Form = form
        self.samples_per_call = samples_per_call
        self.requests: list[Request] = []
        self.closed = False
        self._answer = answer

    async def sample(self, request: Request) -> list[Reply]:
        self.requests.append(request)
        await asyncio.sleep(0)
        replies = []
        for i in range(request.samples):
            answer = self._answer(request, request.first + i)
            if isinstance(answer, str):
                answer = Reply(answer, "stop", self.name, Usage(10, 5))
            replies.append(answer)
        return replies

    async def close(self) -> None:
        self.closed = True


def listed(texts: Sequence[str]) -> Callable[[Request, int], str]:
    """Answers by sample number, the same in every step."""
    return lambda request, sample: texts[sample % len(texts)]


def sifted(
    replies: Sequence[Reply],
    form: str,
    space: Space,
    tried: Set[Point] | None = None,
    wanted: int = 99,
) -> Sieve:
    """What these replies of one step come to."""
    sieve = Sieve(form, space, wanted, tried)
    sieve.take(replies)
    return sieve
