"""The metric ``json``: the reply is JSON (RFC 8259) and equal to the target's, value by value."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from opro_cli.core.text import clean
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.metrics import Grade, unread
from opro_cli.problems.instructions.reading import MOST_CHARS, joined

_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*)\n\s*```", re.DOTALL)

_MOST_DIGITS = 60

_MOST_DEPTH = 100


@dataclass(frozen=True)
class Json:
    """The whole reply, but for a fence of code round it, is JSON equal to the target.

    The order of keys does not matter. Types do: ``3`` is not ``"3"``, but it is ``3.0``.
    """

    name: ClassVar[str] = "json"
    version: ClassVar[int] = 1

    def grade(self, example: Example, reply: str) -> Grade:
        """The feedback names the keys that differ."""
        if len(reply) > MOST_CHARS:
            return unread("The reply is too long to be the JSON that is wanted.")
        try:
            found = _parse(reply)
            read = _written(found)
        except (ValueError, RecursionError):
            return unread("The reply is not JSON and nothing else.")
        try:
            wanted = _parse(example.target)
        except (ValueError, RecursionError):
            return Grade(read, 0.0, "read", "The target is not JSON.")
        feedback = _difference(found, wanted)
        return Grade(read, float(not feedback), "read", feedback)


def _parse(text: str) -> Any:
    """Strict JSON with exact numbers. Raises ValueError or RecursionError."""
    text = text.strip()
    depth = 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if depth > _MOST_DEPTH:  # the same on every stack, unlike a RecursionError
            raise ValueError("nested too deeply")
    fenced = _FENCED.fullmatch(text)
    return json.loads(
        fenced[1] if fenced else text,
        parse_float=_number,
        parse_int=_number,
        parse_constant=_refuse,
        object_pairs_hook=_object,
    )


def _number(text: str) -> Decimal:
    if len(text) > _MOST_DIGITS or len(text.lower().partition("e")[2].lstrip("+-")) > 2:
        raise ValueError("a number with too many digits")
    return Decimal(text)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _written(value: Any) -> str:
    """One form for equal values."""
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(k, ensure_ascii=False)}: {_written(value[k])}" for k in sorted(value)
        ]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    return json.dumps(value, ensure_ascii=False)


def _difference(found: Any, wanted: Any) -> str:
    """What differs, as a sentence; empty for nothing."""
    if _written(found) == _written(wanted):
        return ""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return "The value differs."
    parts = {
        "missing": [key for key in wanted if key not in found],
        "not wanted": [key for key in found if key not in wanted],
        "wrong": [k for k in wanted if k in found and _written(found[k]) != _written(wanted[k])],
    }
    said = [f"{what}: {joined(clean(k, 40) for k in keys)}" for what, keys in parts.items() if keys]
    return "Keys " + "; ".join(said) + "."
