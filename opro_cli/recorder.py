"""Between an optimizer and its model: every reply is an event before anybody reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from opro_cli.errors import Paused
from opro_cli.events import Event, Prompted, Replied, Reply
from opro_cli.llm.base import LLM, Form, Request

Emit: TypeAlias = Callable[[Event], None]
Replies: TypeAlias = Mapping[tuple[int, int], Reply]
"""Recorded replies by (step, sample)."""


class Recorder:
    """A model whose prompts and replies are emitted, and which does not buy a reply twice.

    Args:
        llm: the model to ask.
        emit: where events go. The event is out before the reply is handed on.
        recorded: replies an earlier session has recorded; they are given again, not asked for.
        inspect: called with each new reply after it is emitted; what it raises ends the step.
    """

    def __init__(
        self,
        llm: LLM,
        emit: Emit,
        recorded: Replies | None = None,
        inspect: Callable[[Reply], None] | None = None,
    ) -> None:
        self._llm = llm
        self._inspect = inspect
        self._emit = emit
        self._recorded = recorded or {}

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
        """As many as asked for: the splitting into calls happens here."""
        return 1_000_000

    async def sample(self, request: Request) -> list[Reply]:
        """All calls of a step in flight together; each reply is emitted as it comes.

        Raises the first error, after every other call has ended and been recorded.
        """
        self._emit(
            Prompted(
                step=request.step,
                prompt=request.prompt,
                shown=request.shown,
                samples=request.samples,
                form=request.form,
                temperature=request.temperature,
                seed=request.seed,
                first=request.first,
            )
        )
        replies: dict[int, Reply] = {}
        missing: list[int] = []
        for sample in range(request.first, request.first + request.samples):
            recorded = self._recorded.get((request.step, sample))
            if recorded is None:
                missing.append(sample)
            else:
                self._keep(request.step, sample, recorded, replies)
        calls = [
            self._call(replace(request, first=first, samples=count), replies)
            for first, count in _runs(missing, self._llm.samples_per_call)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for error in sorted(errors, key=lambda e: isinstance(e, Paused)):
            raise error  # a failure says more than a pause
        return [replies[sample] for sample in sorted(replies)]

    async def _call(self, request: Request, replies: dict[int, Reply]) -> None:
        new = await self._llm.sample(request)
        for offset, reply in enumerate(new):
            self._keep(request.step, request.first + offset, reply, replies)
        if self._inspect is not None:
            for reply in new:
                self._inspect(reply)

    def _keep(self, step: int, sample: int, reply: Reply, replies: dict[int, Reply]) -> None:
        self._emit(Replied(step, sample, reply))
        replies[sample] = reply

    async def close(self) -> None:
        """Close the model."""
        await self._llm.close()


def _runs(samples: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Runs of consecutive numbers, as (first, length), each at most ``most`` long."""
    first = 0
    while first < len(samples):
        length = 1
        while (
            length < most
            and first + length < len(samples)
            and samples[first + length] == samples[first] + length
        ):
            length += 1
        yield samples[first], length
        first += length
