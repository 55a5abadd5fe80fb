"""Solutions in the reply of an instructed model: JSON, alone or among words, or in brackets.

Models wrap their answer: in a Markdown fence, in words before and after, behind a first draft.
These are read, in this order: the last JSON object that holds a solution; where there is no JSON
object at all, the last brackets that hold one.

The work is bounded for every reply: JSON is tried at no more than ``MAX_TRIES`` places that
turn out to be none, and everything else is one pass over the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Space

MAX_TRIES = 50
"""Places that look like the beginning of a JSON object and are none, until the search ends."""

MAX_SOLUTIONS = 100
"""Solutions in one reply that are read, at most: as many as can be asked for."""

KEYS = ("solution", "solutions")
"""The keys that the instruction asks for (see :mod:`.instruction`)."""

_OBJECT = re.compile(r'\{\s*["}]')
_MEANT_AS_JSON = re.compile(r"\s*(?:```\w*\s*)?\{")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def parse_solutions(text: str, space: Space) -> list[Point | InvalidSolution]:
    """The solutions in a reply, valid or not; at least one.

    Args:
        text: the reply, of bounded length.
        space: the space of the points.
    """
    objects, cut_off = _objects(text)
    for solutions_in in (_asked_for, _under_any_key):
        for reply in reversed(objects):
            found = solutions_in(reply, space)
            if found:
                return found
    if objects:
        return [InvalidSolution("unparsable", "no solution in the JSON object")]
    if cut_off or _MEANT_AS_JSON.match(text):
        return [InvalidSolution("unparsable", "not valid JSON")]
    return [_bracketed(text, space)]


def integer(digits: str) -> float | int:
    """A whole number in JSON of any length: Python refuses to convert thousands of digits."""
    return int(digits) if len(digits) < 30 else float(digits)


_DECODER = json.JSONDecoder(parse_int=integer, strict=False)  # a line break in a text is forgiven


def _objects(text: str) -> tuple[list[dict[str, Any]], bool]:
    """The JSON objects in a text, outermost ones in their order; and whether the last is cut off.

    Where JSON fails, the search continues one character later: an unescaped quotation mark in the
    reasoning does not hide the solution. An object without an end is not searched.
    """
    found: list[dict[str, Any]] = []
    at, tries = 0, 0
    while tries < MAX_TRIES:
        begin = _OBJECT.search(text, at)
        if begin is None:
            break
        at = begin.start()
        try:
            value, at = _DECODER.raw_decode(text, at)
            found.append(value)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated") or not text[error.pos :].strip():
                return found, True
            at, tries = at + 1, tries + 1
        except (ValueError, RecursionError):
            return found, True
    return found, False


def _asked_for(reply: Mapping[str, Any], space: Space) -> list[Point | InvalidSolution]:
    """The value under the key that was asked for, or the reply itself if it is a solution."""
    for key in KEYS:
        if key in reply:
            return list(_each(reply[key], space))
    if space.names and all(name in reply for name in space.names):
        return [_point(reply, space)]
    return []


def _under_any_key(reply: Mapping[str, Any], space: Space) -> list[Point | InvalidSolution]:
    """The first value under any key that is valid, else the first."""
    read = [list(_each(value, space)) for value in reply.values() if _is_solution(value)]
    valid = (found for found in read if not isinstance(found[0], InvalidSolution))
    return next(valid, read[0] if read else [])


def _each(value: Any, space: Space) -> Iterator[Point | InvalidSolution]:
    """One solution, or each of a list of them."""
    if isinstance(value, list) and any(_is_solution(item) for item in value):
        for item in value[:MAX_SOLUTIONS]:
            yield _point(item, space)
    else:
        yield _point(value, space)


def _is_solution(value: Any) -> bool:
    return isinstance(value, dict | list)


def _point(value: Any, space: Space) -> Point | InvalidSolution:
    try:
        if isinstance(value, str):
            return _from_text(value, space)
        if not _is_solution(value):
            raise InvalidSolution("unparsable", "a solution is neither an object nor an array")
        return space.from_values(value)
    except InvalidSolution as invalid:
        return invalid


def _from_text(text: str, space: Space) -> Point:
    """A solution as a text: as the list shows it, or in brackets. Raises InvalidSolution."""
    try:
        return space.read(text)
    except InvalidSolution as invalid:
        found = _bracketed(text, space)
        if isinstance(found, InvalidSolution):
            raise invalid from None
        return found


def _bracketed(text: str, space: Space) -> Point | InvalidSolution:
    """The last brackets that hold a solution; else the error for the first of them."""
    problem = InvalidSolution("unparsable", "neither JSON nor numbers in brackets")
    for inner in reversed(_BRACKETS.findall(text)):
        values = [item.rpartition("=")[2].strip().strip("\"'") for item in inner.split(",")]
        if any(value in space.names for value in values):
            continue  # a placeholder such as [w, b]
        try:
            return space.from_values(values)
        except InvalidSolution as invalid:
            problem = invalid
    return problem
