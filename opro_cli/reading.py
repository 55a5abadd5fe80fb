"""Solutions in what an instructed model has written: JSON, alone or among words, or in brackets.

Models wrap their answer: in a Markdown fence, in words before and after, behind a first draft.
What is read, in this order: the last JSON object that holds a solution; where there is no JSON
object at all, the last brackets that hold one.

The work is bounded whatever the reply: JSON is tried at no more than ``MAX_TRIES`` places that
turn out to be none, and everything else is one pass over the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from opro_cli.events import Point
from opro_cli.problems.base import Space, Unusable

MAX_TRIES = 50
"""Places that look like the beginning of a JSON object and are none, until we stop looking."""
MAX_SOLUTIONS = 100
"""Solutions in one reply that are read, at most: as many as can be asked for."""
KEYS = ("solution", "solutions")
"""What the instruction asks for (see :mod:`opro_cli.metaprompt`)."""

_OBJECT = re.compile(r'\{\s*["}]')
_MEANT_AS_JSON = re.compile(r"\s*(?:```\w*\s*)?\{")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def solutions(text: str, space: Space) -> list[Point | Unusable]:
    """The solutions in a reply, usable or not; at least one.

    Args:
        text: the reply, of bounded length.
        space: what is a solution.
    """
    objects, cut_off = _objects(text)
    for wanted in (_asked_for, _any):
        for reply in reversed(objects):
            found = wanted(reply, space)
            if found:
                return found
    if objects:
        return [Unusable("unparsable", "no solution in the JSON object")]
    if cut_off or _MEANT_AS_JSON.match(text):
        return [Unusable("unparsable", "not valid JSON")]
    return [_bracketed(text, space)]


def integer(digits: str) -> float | int:
    """A whole number in JSON, however long: Python refuses to convert thousands of digits."""
    return int(digits) if len(digits) < 30 else float(digits)


_DECODER = json.JSONDecoder(parse_int=integer, strict=False)  # a line break in a text is forgiven


def _objects(text: str) -> tuple[list[dict[str, Any]], bool]:
    """The JSON objects in a text, outermost ones in their order; and whether the last is cut off.

    A place where JSON fails is passed over, and what is inside it looked at: an unescaped quotation
    mark in the reasoning does not hide the solution. What has no end is not looked into.
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


def _asked_for(reply: Mapping[str, Any], space: Space) -> list[Point | Unusable]:
    """What stands under the key that was asked for, or the reply itself if it is a solution."""
    for key in KEYS:
        if key in reply:
            return list(_several(reply[key], space))
    if space.names and all(name in reply for name in space.names):
        return [_point(reply, space)]
    return []


def _any(reply: Mapping[str, Any], space: Space) -> list[Point | Unusable]:
    """What stands under any key: the first that is usable, else the first."""
    read = [list(_several(value, space)) for value in reply.values() if _is_solution(value)]
    usable = (found for found in read if not isinstance(found[0], Unusable))
    return next(usable, read[0] if read else [])


def _several(value: Any, space: Space) -> Iterator[Point | Unusable]:
    """One solution, or each of a list of them."""
    if isinstance(value, list) and any(_is_solution(item) for item in value):
        for item in value[:MAX_SOLUTIONS]:
            yield _point(item, space)
    else:
        yield _point(value, space)


def _is_solution(value: Any) -> bool:
    return isinstance(value, dict | list)


def _point(value: Any, space: Space) -> Point | Unusable:
    try:
        if isinstance(value, str):
            return _written(value, space)
        if not _is_solution(value):
            raise Unusable("unparsable", "a solution is neither an object nor an array")
        return space.from_values(value)
    except Unusable as unusable:
        return unusable


def _written(text: str, space: Space) -> Point:
    """A solution as a text: as the list shows it, or in brackets. Raises Unusable."""
    try:
        return space.read(text)
    except Unusable as unusable:
        found = _bracketed(text, space)
        if isinstance(found, Unusable):
            raise unusable from None
        return found


def _bracketed(text: str, space: Space) -> Point | Unusable:
    """The last brackets that hold a solution; else what is wrong with the last of them."""
    problem = Unusable("unparsable", "neither JSON nor numbers in brackets")
    for inner in reversed(_BRACKETS.findall(text)):
        values = [item.rpartition("=")[2].strip().strip("\"'") for item in inner.split(",")]
        if any(value in space.names for value in values):
            continue  # a placeholder such as [w, b]
        try:
            return space.from_values(values)
        except Unusable as unusable:
            problem = unusable
    return problem
