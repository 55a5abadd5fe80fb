"""History → prompt, and reply → proposals. Pure functions, inverse to each other.

Two forms, after what a model can do:

``instruct``  for models that follow instructions: what is sought, the pairs from worst to best,
              the request for a better one, JSON out (our wording of OPRO's meta-prompt, section 3.1
              and appendix C of arXiv 2309.03409).
``list``      for models that only continue text: lines of ``value 12345: w=15, b=14``, the last
              one begun with the value aimed at and left open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opro_cli.events import Point
from opro_cli.history import Pair
from opro_cli.problems.base import Problem, Space, Unusable
from opro_cli.reading import integer, solutions

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


class MetaPrompt(Protocol):
    """One form of meta-prompt."""

    def write(
        self, problem: Problem, pairs: Sequence[Pair], aim: float | None, proposals: int = 1
    ) -> Prompt:
        """The meta-prompt that shows ``pairs``, worst first.

        Args:
            problem: words and space.
            pairs: what to show.
            aim: the value asked for, where the form asks for one.
            proposals: solutions wanted in one reply.
        """

    def read(self, text: str, space: Space) -> list[Point | Unusable]:
        """The solutions in one reply, usable or not; at least one."""


class Instruct:
    """An instruction with JSON out."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None = None,
        proposals: int = 1,
    ) -> Prompt:
        """The instruction; ``aim`` is not used."""
        w, space = problem.wording, problem.space
        better = "lower" if w.direction == "minimize" else "higher"
        shown = _shown(problem, pairs)
        listed = "\n\n".join(f"{space.render(p)}\n{w.value}: {value}" for p, value in shown)
        wanted = f"one {w.solution} that is"
        if proposals > 1:
            wanted = f"{proposals} of them, each different from the others and"
        found = f"the {w.value} found for each {w.solution} tried so far"
        told = f"Its formula is hidden; all there is to go by is {found}."
        if w.background:
            told = f"{w.background}\n\nThere is {found}."
        text = (
            f"Help to {w.direction} {w.task}. {told} They are listed from the "
            f"worst {w.value} to the best, and {better} is better.\n\n"
            f"{listed}\n\n"
            f"Propose {wanted} not in the list and should have a {better} {w.value} than all of "
            f"it. {_sentence(space.describe(), space.names)} Do not write code. "
            'Answer in JSON: first "reasoning", two or three sentences on what the list suggests, '
            f'then "{"solution" if proposals == 1 else "solutions"}".'
        )
        return Prompt(text, shown, schema=_schema(space, proposals))

    def read(self, text: str, space: Space) -> list[Point | Unusable]:
        """The solutions, wherever in the reply they are (see :mod:`opro_cli.reading`)."""
        try:
            return solutions(_bounded(text), space)
        except Unusable as unusable:
            return [unusable]


class Recorded(Instruct):
    """The same instruction, read as the recorded experiments did.

    The whole reply is JSON, fenced or not, or the last brackets in it hold the solution.
    """

    def read(self, text: str, space: Space) -> list[Point | Unusable]:
        """JSON if the reply is JSON, else the last bracketed numbers."""
        try:
            body = _unfenced(_bounded(text))
            if not body.startswith("{"):
                return [_last_brackets(body, space)]
            values = _solutions(_json(body), space)
        except Unusable as unusable:
            return [unusable]
        return [_point(value, space) for value in values]


class ContinueList:
    """A list to be continued, the value first."""

    def write(
        self,
        problem: Problem,
        pairs: Sequence[Pair],
        aim: float | None = None,
        proposals: int = 1,
    ) -> Prompt:
        """Lines of value and point, worst first, and one begun with ``aim``; one proposal."""
        w, space = problem.wording, problem.space
        shown = _shown(problem, pairs)
        lines = [w.background] if w.background else []
        lines += [f"{w.value} {value}: {space.render(point)}" for point, value in shown]
        goal = w.render_value(aim) if aim is not None else "0"
        lines.append(f"{w.value} {goal}: {space.lead}")
        return Prompt(
            "\n".join(lines),
            shown,
            max_tokens=space.max_chars + 2,
            grammar=f'root ::= {space.grammar()} "\\n"',
            stop=("\n",),
        )

    def read(self, text: str, space: Space) -> list[Point | Unusable]:
        """The rest of the line that the prompt has begun."""
        try:
            return [space.read(space.lead + _bounded(text).strip().partition("\n")[0])]
        except Unusable as unusable:
            return [unusable]


FORMS: dict[str, MetaPrompt] = {
    "instruct": Instruct(),
    "list": ContinueList(),
    "recorded": Recorded(),
}


def _schema(space: Space, proposals: int) -> dict[str, Any]:
    """JSON schema of a reply: the reasoning, then one solution or exactly so many."""
    key, solution = "solution", space.schema()
    if proposals > 1:
        key = "solutions"
        solution = {
            "type": "array",
            "items": solution,
            "minItems": proposals,
            "maxItems": proposals,
        }
    return {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, key: solution},
        "required": ["reasoning", key],
        "propertyOrdering": ["reasoning", key],
    }


def _shown(problem: Problem, pairs: Sequence[Pair]) -> tuple[tuple[Point, str], ...]:
    return tuple((point, problem.wording.render_value(value)) for point, value in pairs)


def _sentence(clause: str, names: Sequence[str]) -> str:
    """With a capital letter, unless it begins with a name, such as w."""
    named = clause.partition(" ")[0].rstrip(",") in names
    return (clause if named else clause[:1].upper() + clause[1:]) + "."


def _point(values: Any, space: Space) -> Point | Unusable:
    if not isinstance(values, dict | list):
        return Unusable("unparsable", "a solution is neither an object nor an array")
    try:
        return space.from_values(values)
    except Unusable as unusable:
        return unusable


def _bounded(text: str) -> str:
    if len(text) > MAX_REPLY:
        raise Unusable("unparsable", f"longer than {MAX_REPLY} characters")
    return text


def _unfenced(text: str) -> str:
    body = text.strip()
    if body.startswith("```"):
        body = body.partition("\n")[2].removesuffix("```").strip()
    return body


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_int=integer)
    except (ValueError, RecursionError) as error:
        raise Unusable("unparsable", "not valid JSON") from error
    if not isinstance(value, dict):
        raise Unusable("unparsable", "not a JSON object")
    return value


def _last_brackets(text: str, space: Space) -> Point:
    for inner in reversed(re.findall(r"\[([^\[\]\n]*)\]", text)):
        values = [item.rpartition("=")[2].strip() for item in inner.split(",")]
        if all(value not in space.names for value in values):  # no placeholder such as [w, b]
            return space.from_values(values)
    raise Unusable("unparsable", "neither JSON nor numbers in brackets")


def _solutions(reply: dict[str, Any], space: Space) -> list[Any]:
    """The proposals in a JSON reply: under any key, as an object or an array."""
    if space.names and all(name in reply for name in space.names):
        return [reply]
    for key, value in reply.items():
        if key == "solutions" and isinstance(value, list) and value:
            return value
        if isinstance(value, dict | list):
            return [value]
    raise Unusable("unparsable", "no solution in the JSON object")
