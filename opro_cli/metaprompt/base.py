"""What a meta-prompt is: the protocol, and what one is written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opro_cli.events import Point
from opro_cli.history import Pair, Progress
from opro_cli.problems.base import Problem, Space, Unusable

MAX_REPLY = 200_000
"""Characters of a reply that are looked at; a longer one is unusable."""


@dataclass(frozen=True)
class Prompt:
    """A meta-prompt, and how its replies are to look."""

    text: str
    shown: tuple[tuple[Point, str], ...]
    max_tokens: int | None = None
    """Tokens that the longest right reply can have; None where nobody can tell."""
    schema: dict[str, Any] | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asking:
    """What is asked for beside the pairs; a form takes of it what it has words for.

    Args:
        proposals: solutions wanted in one reply.
        selection: whether the pairs shown are a selection with bad ones in it, not the best.
        progress: what the search has come to; None to say nothing of it.
        stuck: steps without a better value, where the model is to be told to try something else.
        proposed: points of this step's replies so far, known ones among them.
        turn: number of the coordinate that is written first, modulo their number, from 0.
    """

    proposals: int = 1
    selection: bool = False
    progress: Progress | None = None
    stuck: int = 0
    proposed: tuple[Point, ...] = ()
    turn: int = 0


PLAIN = Asking()


class MetaPrompt(Protocol):
    """One form of meta-prompt."""

    def write(
        self, problem: Problem, pairs: Sequence[Pair], aim: float | None, asking: Asking = PLAIN
    ) -> Prompt:
        """The meta-prompt that shows ``pairs``, worst first.

        Args:
            problem: words and space.
            pairs: what to show.
            aim: the value asked for; None for a better one than the best, whatever it is.
            asking: what else is to be said.
        """

    def read(self, text: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
        """The solutions in one reply, usable or not; at least one.

        Args:
            text: the reply.
            space: what its points are of.
            turn: as it was asked, see :class:`Asking`.
        """


def shown(problem: Problem, pairs: Sequence[Pair]) -> tuple[tuple[Point, str], ...]:
    """The pairs with their values as text."""
    return tuple((point, problem.wording.render_value(value)) for point, value in pairs)


def bounded(text: str) -> str:
    """A reply of reasonable length. Raises Unusable."""
    if len(text) > MAX_REPLY:
        raise Unusable("unparsable", f"longer than {MAX_REPLY} characters")
    return text
