"""Servers with the same protocol take different parameters, and name the one that they refuse.

A client keeps a :class:`Shape` for each of its models. Where a server refuses a parameter, the
client changes the shape and raises :class:`Renegotiated`; :class:`Negotiated` asks again at once.
It is outside the budget, so that each of these calls counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from typing_extensions import override

from opro_cli.core.errors import LLMError
from opro_cli.core.events import Reply
from opro_cli.core.model import Model, Request, Wrapper
from opro_cli.llm.faults import Fault

MOST = 12
"""Calls for one reply because of refused parameters, at most."""

UNSUPPORTED = re.compile(
    r"not support|n.t support|unsupported|unknown|unrecogni[sz]ed|unexpected|not (?:be )?permitted"
    r"|not (?:be )?allowed|forbidden|cannot find|invalid (?:argument|parameter|field)|no such"
    r"|instead|deprecated|not available|not enabled|does not accept|only the default|extra inputs"
    r"|cannot be used|removed|disabled|only works|only [\d.]+ is|may only be"
    r"|must be (?:exactly )?1\b"
    r"|please use|should be omitted|must be (?:omitted|null|unset)",
    re.I,
)
"""Words for a parameter that a server does not know, unlike one whose value is out of range."""


class Renegotiated(LLMError):
    """The server has refused a part of the request, and the client now asks without it.

    Args:
        message: what was refused, in the server's words, and what the client does now.
        change: the same without the server's words.
    """

    def __init__(self, message: str, change: str) -> None:
        super().__init__(message, free=True)
        self.change = change


@dataclass
class Shape:
    """What a server takes for one model, as far as its refusals have told."""

    left_out: set[str] = field(default_factory=set)
    """Parameters that are no longer sent."""
    swapped: bool = False
    """Whether the limit of tokens goes by its other name."""
    swaps: int = 0
    """How often that name has changed."""
    schema: int = 0
    """How much of a schema is sent: 0 for all, and less with every refusal."""

    def copy(self) -> Shape:
        """The shape of one request, to be compared with what it has become meanwhile."""
        return replace(self, left_out=set(self.left_out))


@dataclass(frozen=True)
class Parameter:
    """A parameter that can be left out.

    Args:
        name: as it is sent.
        words: other names by which servers mean it.
        any_word: whether naming it is enough; else the server must say that it does not know it.
    """

    name: str
    words: tuple[str, ...] = ()
    any_word: bool = False

    def refused(self, fault: Fault) -> bool:
        """Whether the server refuses it."""
        if not any(fault.named(word) for word in (self.name, *self.words)):
            return False
        said = f"{fault.code} {fault.words}"
        return self.any_word or UNSUPPORTED.search(said) is not None


def refused(fault: Fault, sent: Sequence[str], parameters: Sequence[Parameter]) -> Parameter | None:
    """The first parameter of those sent that the server refuses; None where it names none."""
    said = UNSUPPORTED.search(f"{fault.code} {fault.words}") is not None
    if fault.status not in (400, 404, 405, 415, 422, 501) and not (
        said and fault.status in (403, 500)
    ):
        return None
    return next((p for p in parameters if p.name in sent and p.refused(fault)), None)


class Negotiated(Wrapper):
    """A model that is asked again at once where its client has changed the shape of a request.

    Args:
        inner: the model, with its budget.
        notify: shows the user one sentence.
    """

    def __init__(self, inner: Model, notify: Callable[[str], None] = lambda text: None) -> None:
        super().__init__(inner)
        self._notify = notify
        self._told: set[str] = set()

    @override
    async def sample(self, request: Request) -> list[Reply]:
        """Replies, with the refusals among their troubles."""
        troubles: list[str] = []
        while True:
            try:
                replies = await self.inner.sample(request)
            except Renegotiated as error:
                troubles.append(error.message)
                if error.change not in self._told:
                    self._told.add(error.change)
                    self._notify(error.message)
                if len(troubles) >= MOST:
                    error.attempts = len(troubles)
                    raise
            except LLMError as error:
                error.attempts += len(troubles)
                error.troubles = (*troubles, *error.troubles)
                raise
            else:
                return [self._with(reply, troubles) for reply in replies]

    def _with(self, reply: Reply, troubles: Sequence[str]) -> Reply:
        if not troubles:
            return reply
        attempts = reply.attempts + len(troubles)
        return replace(reply, attempts=attempts, troubles=(*troubles, *reply.troubles))
