"""Events as JSON objects, written and read strictly. All logs are read through this module.

Whatever :func:`to_json` writes, :func:`from_json` reads; anything else, such as a log of another
program, a changed line or a number beyond all reason, is a ValueError that names the field.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from opro_cli.core.events import (
    JSON_NAMES,
    MAX_TEXT,
    REASONS,
    STATUSES,
    Called,
    CallFailed,
    Evaluated,
    Evaluation,
    Event,
    Failed,
    ParsedSolution,
    Point,
    Prompted,
    Replied,
    Reply,
    Resumed,
    Started,
    Stepped,
    Stopped,
    Usage,
)

T = TypeVar("T")
LARGEST = 10**15
"""The largest count and the largest amount that is believed."""
LONGEST_POINT = 10_000
"""Coordinates of a point."""


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, default values left out."""
    return {"type": type(event).__name__.lower(), **_dump(event)}


def from_json(data: Mapping[str, Any]) -> Event:
    """Inverse of :func:`to_json`. Raises ValueError on anything else."""
    fields = _Fields(data, "t")
    kind = fields.take("type", _text, None)
    if kind not in _READERS:
        raise ValueError(f"an event of type {str(kind)[:40]!r}")
    event = _READERS[kind](fields)
    fields.finish()
    return event


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            JSON_NAMES.get(f.name, f.name): _dump(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple | list):
        return [_dump(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no nan and no inf
    return value


MISSING: Any = object()


class _Fields:
    """The fields of a JSON object, each taken once and checked."""

    def __init__(self, data: Any, *ignored: str) -> None:
        if not isinstance(data, Mapping):
            raise ValueError("not an object")
        self._left = {key: value for key, value in data.items() if key not in ignored}

    def take(self, name: str, read: Callable[[Any], T], default: T = MISSING) -> T:
        """A field's value; its default where the object has none."""
        if name not in self._left:
            if default is MISSING:
                raise ValueError(f"{name} is missing")
            return default
        try:
            return read(self._left.pop(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def finish(self) -> None:
        """Raises ValueError for fields that were not taken."""
        if self._left:
            raise ValueError(f"unknown field {str(next(iter(self._left)))[:40]!r}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    if len(value) > 2 * MAX_TEXT:
        raise ValueError("too long a text")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError("not a count")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _amount(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= LARGEST:
        raise ValueError("not an amount")
    return number


def _number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("too large a number") from None
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _value(value: Any) -> float:
    """The value of a point: finite, or one of the texts for a number that is not."""
    return float(value) if value in ("nan", "inf", "-inf") else _number(value)


def _optional(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else read(value)


def _several(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    def all_of(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError("not a list")
        return tuple(read(item) for item in value)

    return all_of


def _point(value: Any) -> Point:
    if not isinstance(value, list) or len(value) > LONGEST_POINT:
        raise ValueError("not a point")
    for item in value:
        if isinstance(item, int | float) and not isinstance(item, bool):
            _number(item)
        elif not isinstance(item, str | bool | None):
            raise ValueError("not a coordinate of a point")
    return tuple(value)


def _shown(value: Any) -> tuple[Point, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("not a point and its value")
    return _point(value[0]), _text(value[1])


def _one_of(names: Any) -> Callable[[Any], Any]:
    def known(value: Any) -> Any:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"{str(value)[:40]!r} is not known")
        return value

    return known


def _usage(value: Any) -> Usage:
    fields = _Fields(value)
    names = [field.name for field in dataclasses.fields(Usage)]
    usage = Usage(**{name: fields.take(name, _count, 0) for name in names})
    fields.finish()
    return usage


def _reply(value: Any) -> Reply:
    fields = _Fields(value)
    reply = Reply(
        text=fields.take("text", _text),
        finish=fields.take("finish", _text),
        model=fields.take("model", _text),
        usage=fields.take("usage", _optional(_usage), None),
        calls=fields.take("calls", _count, 1),
        attempts=fields.take("attempts", _count, 1),
        seconds=fields.take("seconds", _amount, 0.0),
        detail=fields.take("detail", _text, ""),
        troubles=fields.take("troubles", _several(_text), ()),
        cost=fields.take("cost", _optional(_amount), None),
        beside=fields.take("beside", _text, ""),
    )
    fields.finish()
    return reply


def _evaluation(value: Any) -> Evaluation:
    fields = _Fields(value)
    evaluation = Evaluation(
        point=fields.take("point", _point),
        value=fields.take("value", _value),
        source=fields.take("source", _text, "model"),
        known=fields.take("known", _flag, False),
        why=fields.take("why", _text, ""),
    )
    fields.finish()
    return evaluation


def _solution(value: Any) -> ParsedSolution:
    fields = _Fields(value)
    solution = ParsedSolution(
        sample=fields.take("sample", _count),
        status=fields.take("fate", _one_of(STATUSES)),
        point=fields.take("point", _optional(_point), None),
        why=fields.take("why", _text, ""),
    )
    fields.finish()
    return solution


def _prompted(fields: _Fields) -> Prompted:
    return Prompted(
        step=fields.take("step", _count),
        prompt=fields.take("prompt", _text),
        shown=fields.take("shown", _several(_shown)),
        samples=fields.take("samples", _count),
        form=fields.take("form", _text),
        temperature=fields.take("temperature", _optional(_amount), None),
        seed=fields.take("seed", _optional(_count), None),
        first=fields.take("first", _count, 0),
    )


def _stepped(fields: _Fields) -> Stepped:
    return Stepped(
        step=fields.take("step", _count),
        pairs=fields.take("pairs", _several(_evaluation)),
        solutions=fields.take("readings", _several(_solution), ()),
        evaluations=fields.take("evaluations", _count, 0),
    )


def _called(fields: _Fields) -> Called:
    return Called(
        step=fields.take("step", _count),
        sample=fields.take("sample", _count),
        samples=fields.take("samples", _count, 1),
        calls=fields.take("calls", _count, 1),
        tokens=fields.take("tokens", _count, 0),
        cost=fields.take("cost", _amount, 0.0),
    )


_READERS: dict[str, Callable[[_Fields], Event]] = {
    "started": lambda f: Started(f.take("pairs", _several(_evaluation))),
    "prompted": _prompted,
    "called": _called,
    "callfailed": lambda f: CallFailed(
        f.take("step", _count),
        f.take("sample", _count),
        f.take("message", _text),
        f.take("free", _flag, False),
    ),
    "replied": lambda f: Replied(
        f.take("step", _count), f.take("sample", _count), f.take("reply", _reply)
    ),
    "evaluated": lambda f: Evaluated(
        f.take("step", _count),
        f.take("point", _point),
        f.take("value", _value),
        f.take("why", _text, ""),
    ),
    "stepped": _stepped,
    "stopped": lambda f: Stopped(f.take("step", _count), f.take("reason", _one_of(REASONS))),
    "failed": lambda f: Failed(
        f.take("step", _count),
        f.take("error", _text),
        f.take("message", _text),
        f.take("attempts", _count, 1),
        f.take("hint", _text, ""),
    ),
    "resumed": lambda f: Resumed(f.take("session", _text)),
}
