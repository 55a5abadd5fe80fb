"""The instruction of ours, its replies read as the recorded experiments did."""

from __future__ import annotations

import json
import re
from typing import Any

from opro_cli.events import Point
from opro_cli.metaprompt.base import bounded
from opro_cli.metaprompt.instruct import Instruct
from opro_cli.problems.base import Space, Unusable
from opro_cli.reading import integer


class Recorded(Instruct):
    """The same instruction, read as the recorded experiments did.

    The whole reply is JSON, fenced or not, or the last brackets in it hold the solution.
    """

    def read(self, text: str, space: Space, turn: int = 0) -> list[Point | Unusable]:
        """JSON if the reply is JSON, else the last bracketed numbers."""
        try:
            body = _unfenced(bounded(text))
            if not body.startswith("{"):
                return [_last_brackets(body, space)]
            values = _solutions(_json(body), space)
        except Unusable as unusable:
            return [unusable]
        return [_point(value, space) for value in values]


def _point(values: Any, space: Space) -> Point | Unusable:
    if not isinstance(values, dict | list):
        return Unusable("unparsable", "a solution is neither an object nor an array")
    try:
        return space.from_values(values)
    except Unusable as unusable:
        return unusable


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
