"""Meta-prompts for models that only continue text: lines, the last one begun and left open.

The value comes first, so that a line can be begun with the value aimed at: which input gives such a
value? (LLAMBO, arXiv 2402.03921, asks so too.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Notation, Problem, Rowed, Space
from opro_cli.optimizers.history import Pair
from opro_cli.optimizers.opro.metaprompt.base import (
    PLAIN,
    MetaPrompt,
    Prompt,
    PromptOptions,
    bounded,
    shown,
)


@dataclass(frozen=True)
class Continuation:
    """Lines of ``value 12345: w=15, b=14``, or bare ones of ``12345: 15 14``: half as many tokens.

    The coordinates of bare lines change their order from step to step: a model chooses the value
    that it writes first from the value aimed at alone.
    """

    bare: bool
    continues: ClassVar[bool] = True

    def check(self, space: Space) -> None:
        """Raises UsageError where points are no lines of a list."""
        rowed(space)

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None,
        options: PromptOptions = PLAIN,
    ) -> Prompt:
        """Lines of value and point, worst first, and one begun with ``aim``; one proposal."""
        before = "" if self.bare else f"{problem.text.value} "
        return _lines(problem, pairs, aim, self._notation(problem.space, options.first), before)

    def read(self, text: str, space: Space, first: int = 0) -> list[Point | InvalidSolution]:
        """The rest of the line that the prompt has begun."""
        return _rest(text, self._notation(space, first))

    def _notation(self, space: Space, first: int) -> Notation:
        return rowed(space).compact(first) if self.bare else rowed(space)


LIST: MetaPrompt = Continuation(bare=False)
ROWS: MetaPrompt = Continuation(bare=True)


def rowed(space: Space) -> Rowed:
    """The space as one whose points are lines. Raises UsageError where it is none."""
    if not isinstance(space, Rowed):
        raise UsageError(
            "The points of this problem cannot be lines of a list, which the list and rows forms "
            "of meta-prompt need.",
            "choose a model that follows instructions, and set opro.metaprompt=instruct",
        )
    return space


def _lines(
    problem: Problem,
    pairs: Sequence[Pair],
    aim: float | None,
    notation: Notation,
    before: str,
) -> Prompt:
    words = problem.text
    listed = shown(problem, pairs)
    lines = [words.background] if words.background else []
    lines += [f"{before}{value}: {notation.render(point)}" for point, value in listed]
    goal = words.render_value(aim) if aim is not None else "0"
    # Without a prefix, the model writes the space: it is one token with the sign.
    prefix, space = (f" {notation.prefix}", "") if notation.prefix else ("", '" " ')
    lines.append(f"{before}{goal}:{prefix}")
    return Prompt(
        "\n".join(lines),
        listed,
        max_tokens=notation.max_chars + 2 + bool(space),
        grammar=f'root ::= {space}{notation.grammar()} "\\n"',
        stop=("\n",),
    )


def _rest(text: str, notation: Notation) -> list[Point | InvalidSolution]:
    try:
        return [notation.read(notation.prefix + bounded(text).strip().partition("\n")[0])]
    except InvalidSolution as invalid:
        return [invalid]
