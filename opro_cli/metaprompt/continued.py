"""Meta-prompts for models that only continue text: lines, the last one begun and left open.

The value comes first, so that a line can be begun with the value aimed at: what input gives such a
value? (LLAMBO, arXiv 2402.03921, asks so too.)
"""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.history import Pair
from opro_cli.metaprompt.base import PLAIN, Asking, Prompt, bounded, shown
from opro_cli.problems.base import Notation, Point, Problem, Space, Unusable


class ContinueList:
    """Lines of ``value 12345: w=15, b=14``."""

    def write(
        self, problem: Problem, pairs: Sequence[Pair], aim: float | None, asking: Asking = PLAIN
    ) -> Prompt:
        """Lines of value and point, worst first, and one begun with ``aim``; one proposal."""
        w, space = problem.wording, problem.space
        return _lines(problem, pairs, aim, space, before=f"{w.value} ")

    def read(self, text: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
        """The rest of the line that the prompt has begun."""
        return _rest(text, space)


class ContinueRows:
    """Lines of ``12345: 15 14``: the bare values, half as many tokens.

    The coordinates stand in an order that turns from step to step: what a model writes first, it
    chooses with nothing to go by but the value aimed at.
    """

    def write(
        self, problem: Problem, pairs: Sequence[Pair], aim: float | None, asking: Asking = PLAIN
    ) -> Prompt:
        """As the longer form, without names."""
        return _lines(problem, pairs, aim, problem.space.row(asking.turn))

    def read(self, text: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
        """The rest of the line that the prompt has begun."""
        return _rest(text, space.row(turn))


def _lines(
    problem: Problem,
    pairs: Sequence[Pair],
    aim: float | None,
    notation: Notation,
    before: str = "",
) -> Prompt:
    w = problem.wording
    listed = shown(problem, pairs)
    lines = [w.background] if w.background else []
    lines += [f"{before}{value}: {notation.render(point)}" for point, value in listed]
    goal = w.render_value(aim) if aim is not None else "0"
    # Without a lead, the space is left to the model: it goes with the sign in one token.
    lead, space = (f" {notation.lead}", "") if notation.lead else ("", '" " ')
    lines.append(f"{before}{goal}:{lead}")
    return Prompt(
        "\n".join(lines),
        listed,
        max_tokens=notation.max_chars + 2 + bool(space),
        grammar=f'root ::= {space}{notation.grammar()} "\\n"',
        stop=("\n",),
    )


def _rest(text: str, notation: Notation) -> list[Point | Unusable]:
    try:
        return [notation.read(notation.lead + bounded(text).strip().partition("\n")[0])]
    except Unusable as unusable:
        return [unusable]
