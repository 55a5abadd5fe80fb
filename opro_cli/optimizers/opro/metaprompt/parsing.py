"""Solutions in the reply of an instructed model: JSON, alone or among words, or words alone.

Models wrap their answer: in a Markdown fence, in words before and after, behind a first draft.
These are read, in this order: the last object in JSON, or almost in JSON (:mod:`.parsing_loose`),
that holds a solution; where there is no JSON object at all, the answer in words
(:mod:`.parsing_words`).

The work is bounded for every reply: JSON is tried at no more than ``MAX_TRIES`` places that
turn out to be none, and everything else is one pass over the text.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution, Space
from opro_cli.optimizers.opro.metaprompt.parsing_loose import CutOff, LooseReader, NotRead
from opro_cli.optimizers.opro.metaprompt.parsing_words import (
    any_case,
    in_words,
    line,
    plain,
    without_thoughts,
)

MAX_TRIES = 50
"""Places that look like the beginning of a JSON object and are none, until the search ends."""

MAX_SOLUTIONS = 100
"""Solutions in one reply that are read, at most: as many as can be asked for."""

KEYS = ("solution", "solutions")
"""The keys that the instruction asks for (see :mod:`.instruction`)."""

MAX_OBJECTS = 1_000
"""Objects in one reply that are looked at, at most: the last ones."""

MAX_LEVELS = 4
"""Levels of objects in an object in which a solution is looked for."""

REASONING = "reasoning"

_OBJECT = re.compile(r"""\{\s*(?:["'“‘}]|//|/\*|\#|[A-Za-z_][\w.-]*+\s*[:=])""")
_MEANT_AS_JSON = re.compile(r"\s*(?:```\w*\s*)?\{")


def parse_solutions(text: str, space: Space) -> list[Point | InvalidSolution]:
    """The solutions in a reply, valid or not; at least one.

    Args:
        text: the reply, of bounded length.
        space: the space of the points.
    """
    text = without_thoughts(text)
    objects = _Objects(text)
    for solutions_in in (_asked_for, _asked_for_inside, _under_any_key):
        for reply in reversed(objects.found):
            found = solutions_in(reply, space)
            if found:
                return found
    if objects.strict:
        return [InvalidSolution("unparsable", "no solution in the JSON object")]
    if objects.cut_off:
        return [InvalidSolution("unparsable", "not valid JSON")]
    return [in_words(text, space, marked=_MEANT_AS_JSON.match(text) is not None)]


def integer(digits: str) -> float | int:
    """A whole number in JSON of any length: Python refuses to convert thousands of digits."""
    return int(digits) if len(digits) < 30 else float(digits)


_DECODER = json.JSONDecoder(parse_int=integer, strict=False)  # a line break in a text is forgiven


class _Objects:
    """The objects in a text, outermost ones in their order.

    Where JSON fails, almost-JSON is tried; where that fails, too, the search continues one
    character later. An object that may lack more than its last brackets is not looked into.
    """

    def __init__(self, text: str) -> None:
        self.found: deque[dict[str, Any]] = deque(maxlen=MAX_OBJECTS)
        self.strict = False
        """Whether one of them is JSON."""
        self.cut_off = False
        """Whether the last one is cut off."""
        loose = LooseReader(text)
        at, tries = 0, 0
        while tries < MAX_TRIES and not self.cut_off:
            begin = _OBJECT.search(text, at)
            if begin is None:
                break
            at = begin.start()
            try:
                value, at = _DECODER.raw_decode(text, at)
                self.found.append(value)
                self.strict = True
                continue
            except json.JSONDecodeError as error:
                ends = error.msg.startswith("Unterminated") or not text[error.pos :].strip()
            except (ValueError, RecursionError):
                self.cut_off = True
                break
            tries += 1
            try:
                value, end = loose.read(at)
            except NotRead as error:
                self.cut_off = ends or isinstance(error, CutOff)
                at += 1
                continue
            if loose.complete or _key(value) is not None:
                self.found.append(value)
            self.cut_off = not loose.complete
            at = end


def _asked_for(reply: Mapping[str, Any], space: Space) -> list[Point | InvalidSolution]:
    """The value under the key that was asked for, or the reply itself if it is a solution."""
    key = _key(reply)
    if key is not None:
        return list(_each(reply[key], space))
    if space.names and all(name in _renamed(reply, space) for name in space.names):
        return [_point(reply, space)]
    return []


def _asked_for_inside(reply: Mapping[str, Any], space: Space) -> list[Point | InvalidSolution]:
    """The same of an object in the reply: as in the arguments of a call, or in an echoed schema."""
    level: list[Any] = [reply]
    for _ in range(MAX_LEVELS):
        level = [inner for outer in level for inner in outer.values() if isinstance(inner, dict)]
        for inner in reversed(level):
            if _key(inner) is not None:
                return _asked_for(inner, space)
    return []


def _key(reply: Mapping[str, Any]) -> str | None:
    """The key that was asked for, as the reply writes it."""
    for wanted in KEYS:
        for key in (wanted, *reply):
            if key in reply and key.strip().lower() == wanted:
                return key
    return None


def _renamed(reply: Mapping[str, Any], space: Space) -> Mapping[str, Any]:
    """The values under the space's names, where the reply writes these with other letters."""
    if all(name in reply for name in space.names):
        return reply
    known = any_case(space.names)
    names = {key: known.get(key.strip().lower(), key) for key in reply}
    return {names[key]: value for key, value in reply.items()}


def _under_any_key(reply: Mapping[str, Any], space: Space) -> list[Point | InvalidSolution]:
    """The first value under any key that is valid, else the first."""
    read = [list(_each(value, space)) for value in reply.values() if _is_solution(value)]
    for key, value in reply.items():
        if isinstance(value, str) and key.strip().lower() != REASONING:
            with contextlib.suppress(InvalidSolution):
                read.append([_as_such(value, space)])
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
        return _from_values(value, space)
    except InvalidSolution as invalid:
        return invalid


def _from_values(value: dict[str, Any] | list[Any], space: Space) -> Point:
    """A solution as an object or an array. Raises InvalidSolution."""
    if isinstance(value, dict):
        value = dict(_renamed(value, space))
    try:
        return space.from_values(value)
    except InvalidSolution:
        again: dict[str, Any] | list[Any]
        if isinstance(value, dict):
            again = {key: plain(item) for key, item in value.items()}
        else:
            again = [plain(item) for item in value]
        if again == value:
            raise
        return space.from_values(again)


def _from_text(text: str, space: Space) -> Point:
    """A solution as a text: as such, or in words. Raises InvalidSolution."""
    try:
        return _as_such(text, space)
    except InvalidSolution:
        found = in_words(text, space)
        if isinstance(found, InvalidSolution):
            raise
        return found


def _as_such(text: str, space: Space) -> Point:
    """A text that is a solution: as the list shows it, or as an object. Raises InvalidSolution."""
    for value in list(_Objects(text).found)[-1:]:
        key = _key(value)
        solution = value if key is None else value[key]
        if _is_solution(solution):
            return _from_values(solution, space)
    return line(text, space)
