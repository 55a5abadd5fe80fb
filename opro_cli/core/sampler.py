"""A model as an optimizer sees it: every prompt and reply is an event before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from opro_cli.core.errors import Paused
from opro_cli.core.events import Called, CallFailed, Event, Point, Prompted, Replied, Reply
from opro_cli.core.model import Model, ModelInfo, Request

Emit: TypeAlias = Callable[[Event], None]
Replies: TypeAlias = Mapping[tuple[int, int], Reply]
"""Recorded replies by (step, sample)."""


class Sampler:
    """Emits the prompts and replies of a model, and never buys a recorded reply again.

    Args:
        model: the model to ask.
        emit: where events go. A reply is emitted before the optimizer gets it.
        recorded: replies of an earlier session; they are given again, not asked for.
        on_reply: called with each new reply after it is emitted; an error it raises ends the step.
    """

    def __init__(
        self,
        model: Model,
        emit: Emit,
        recorded: Replies | None = None,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> None:
        self._model = model
        self._on_reply = on_reply
        self._emit = emit
        self._recorded = recorded or {}

    @property
    def info(self) -> ModelInfo:
        """As of the model. A request for more samples than a call brings is split into calls."""
        return self._model.info

    async def sample(
        self, request: Request, shown: tuple[tuple[Point, str], ...] = (), form: str = ""
    ) -> list[Reply]:
        """All replies of a request, its calls in flight together; each is emitted as it comes.

        Args:
            request: the prompt.
            shown: the solution–score pairs in the prompt, for the log.
            form: the meta-prompt's form, for the log.

        Raises the first error, after every other call has ended and been recorded.
        """
        self._emit(
            Prompted(
                step=request.step,
                prompt=request.prompt,
                shown=shown,
                samples=request.samples,
                form=form,
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
        whole = (request.first, request.samples)
        calls = [
            self._call(replace(request, first=first, samples=count, whole=whole), replies)
            for first, count in consecutive(missing, self._model.info.samples_per_call)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for error in sorted(errors, key=lambda e: isinstance(e, Paused)):
            raise error  # a failure says more than a pause
        return [replies[sample] for sample in sorted(replies)]

    async def _call(self, request: Request, replies: dict[int, Reply]) -> None:
        new = await self._model.sample(replace(request, observer=self))
        for offset, reply in enumerate(new):
            self._keep(request.step, request.first + offset, reply, replies)
        if self._on_reply is not None:
            for reply in new:
                self._on_reply(reply)

    def called(self, request: Request, calls: int, tokens: int, cost: float) -> None:
        """Emit that a call begins."""
        step, first = request.step, request.first
        self._emit(Called(step, first, request.samples, calls, tokens, cost))

    def failed(self, request: Request, message: str, *, free: bool) -> None:
        """Emit that a call has brought no reply."""
        self._emit(CallFailed(request.step, request.first, message, free))

    def _keep(self, step: int, sample: int, reply: Reply, replies: dict[int, Reply]) -> None:
        self._emit(Replied(step, sample, reply))
        replies[sample] = reply


def consecutive(samples: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Groups of consecutive numbers, as (first, length), each at most ``most`` long."""
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


class RecordingEnded(Paused):
    """There is nothing recorded for this step. Not a failure: every recording ends somewhere."""


class RecordedModel:
    """The model behind a :class:`Sampler` that has all recorded replies: it has none itself."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    async def sample(self, request: Request) -> list[Reply]:
        """Raises RecordingEnded."""
        raise RecordingEnded

    async def close(self) -> None:
        """Nothing to close."""
