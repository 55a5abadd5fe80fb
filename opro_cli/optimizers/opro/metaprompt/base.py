"""The protocol of a meta-prompt's form, and the options of a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from opro_cli.core.events import Point
from opro_cli.core.problem import GradedAnswer, InvalidSolution, Problem, Space
from opro_cli.optimizers.history import Pair, Progress

MAX_REPLY = 200_000
"""Characters of a reply that are read; a longer reply is invalid."""


@dataclass(frozen=True)
class Prompt:
    """A meta-prompt, and the shape of its replies."""

    text: str
    shown: tuple[tuple[Point, str], ...]
    """The pairs in it, with their values as text."""
    max_tokens: int | None = None
    """Tokens that the longest right reply can have; None where that is not known."""
    schema: dict[str, Any] | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class PromptOptions:
    """The content of a prompt besides its pairs; a form uses the parts that it has words for.

    Args:
        proposals: solutions asked for in one reply.
        selection: whether the pairs shown are a selection with bad ones in it, not the best.
        progress: the progress of the search; None to leave it out.
        steps_without_gain: steps without a better value, where the model is to be asked to try
            something else; else 0.
        proposed: points of this step's replies so far, known ones among them.
        first: number of the coordinate that is written first, modulo their number, from 0.
        exemplars: examples of the data, shown with their right answers.
        mistakes: examples that the last pair's point gets wrong, or right, with the replies.
        scores: whether the values of the pairs are shown.
        notes: what the objective says of points beside their values.
    """

    proposals: int = 1
    selection: bool = False
    progress: Progress | None = None
    steps_without_gain: int = 0
    proposed: tuple[Point, ...] = ()
    first: int = 0
    exemplars: tuple[GradedAnswer, ...] = ()
    mistakes: tuple[GradedAnswer, ...] = ()
    scores: bool = True
    notes: Mapping[Point, str] = field(default_factory=dict)


PLAIN = PromptOptions()


class MetaPrompt(Protocol):
    """One form of meta-prompt."""

    continues: ClassVar[bool] = False
    """Whether a reply continues a line of the prompt, and so is one proposal."""

    def check(self, space: Space) -> None:
        """Raises UsageError where the form cannot write the points of this space."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None,
        options: PromptOptions = PLAIN,
    ) -> Prompt:
        """The meta-prompt that shows ``pairs``, worst first.

        Args:
            problem: words and space.
            pairs: to be shown.
            aim: the value asked for; None for any better one than the best.
            options: the rest of the prompt's content.
        """

    def read(self, text: str, space: Space, first: int = 0) -> list[Point | InvalidSolution]:
        """The solutions in one reply, valid or not; at least one.

        Args:
            text: the reply.
            space: the space of its points.
            first: as in the options of its prompt.
        """


def shown(problem: Problem, pairs: Sequence[Pair]) -> tuple[tuple[Point, str], ...]:
    """The pairs with their values as text."""
    values = problem.text.render_values([value for _, value in pairs])
    return tuple((point, value) for (point, _), value in zip(pairs, values, strict=True))


def note_line(options: PromptOptions, point: Point) -> str:
    """A further line with what the objective says of a point; empty where it says nothing."""
    note = options.notes.get(point)
    return f"\nnote: {note}" if note else ""


def bounded(text: str) -> str:
    """The text of a reply. Raises InvalidSolution where it is too long."""
    if len(text) > MAX_REPLY:
        raise InvalidSolution("unparsable", f"longer than {MAX_REPLY} characters")
    return text
