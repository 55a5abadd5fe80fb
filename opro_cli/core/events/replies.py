"""What the events are about: points, and the replies of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

MAX_TEXT = 4_000_000
"""Characters of a reply that are kept: what is written must be readable as one line of a log."""

Point: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Usage:
    """Tokens of one reply, as the provider counts them. Thinking tokens are output tokens."""

    input: int = 0
    output: int = 0
    thinking: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Sum, field by field."""
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.thinking + other.thinking,
            self.cached + other.cached,
        )


@dataclass(frozen=True)
class Reply:
    """One sample from a model, as it came: the text is untrusted."""

    text: str
    finish: str
    """``stop``, ``length``, ``blocked``, ``empty``, or the provider's own word."""
    model: str
    """The model that the provider says has answered."""
    usage: Usage | None = None
    """None where the provider, or the recording, does not say."""
    calls: int = 1
    """Model calls this reply counts for: 0 for the further candidates of one call."""
    attempts: int = 1
    seconds: float = 0.0
    detail: str = ""
    troubles: tuple[str, ...] = ()
    """What went wrong in the attempts before, one message each."""
    cost: float | None = None
    """US dollars; None where the price is unknown, which is not free."""
    beside: str = ""
    """What came beside the text and is no part of the answer, such as thinking."""
