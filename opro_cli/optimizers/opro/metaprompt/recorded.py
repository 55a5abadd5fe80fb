"""The same instruction, its replies read as the recorded experiments did."""

from __future__ import annotations

import json
import re
from typing import Any

from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Space
from opro_cli.optimizers.opro.metaprompt.base import MetaPrompt, bounded
from opro_cli.optimizers.opro.metaprompt.instruction import Instruction
from opro_cli.optimizers.opro.metaprompt.parsing import integer


class RecordedInstruction(Instruction):
    """The instruction, read as the recorded experiments did.

    The whole reply is JSON, fenced or not, or the last brackets in it hold the solution.
    """

    @override
    def read(self, text: str, space: Space, first: int = 0) -> list[Point | InvalidSolution]:
        """The solutions: of JSON if the reply is JSON, else the last numbers in brackets."""
        try:
            body = _unfenced(bounded(text))
            if not body.startswith("{"):
                return [_last_brackets(body, space)]
            values = _solutions(_json(body), space)
        except InvalidSolution as invalid:
            return [invalid]
        return [_point(value, space) for value in values]


RECORDED: MetaPrompt = RecordedInstruction()


def _point(values: Any, space: Space) -> Point | InvalidSolution:
    if not isinstance(values, dict | list):
        return InvalidSolution("unparsable", "a solution is neither an object nor an array")
    try:
        return space.from_values(values)
    except InvalidSolution as invalid:
        return invalid


def _unfenced(text: str) -> str:
    body = text.strip()
    if body.startswith("```"):
        body = body.partition("\n")[2].removesuffix("```").strip()
    return body


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_int=integer)
    except (ValueError, RecursionError) as error:
        raise InvalidSolution("unparsable", "not valid JSON") from error
    if not isinstance(value, dict):
        raise InvalidSolution("unparsable", "not a JSON object")
    return value


def _last_brackets(text: str, space: Space) -> Point:
    for inner in reversed(re.findall(r"\[([^\[\]\n]*)\]", text)):
        values = [item.rpartition("=")[2].strip() for item in inner.split(",")]
        if all(value not in space.names for value in values):  # no placeholder such as [w, b]
            return space.from_values(values)
    raise InvalidSolution("unparsable", "neither JSON nor numbers in brackets")


def _solutions(reply: dict[str, Any], space: Space) -> list[Any]:
    """The proposals in a JSON reply: under any key, as an object or an array."""
    if space.names and all(name in reply for name in space.names):
        return [reply]
    for key, value in reply.items():
        if key == "solutions" and isinstance(value, list) and value:
            return value
        if isinstance(value, dict | list):
            return [value]
    raise InvalidSolution("unparsable", "no solution in the JSON object")
