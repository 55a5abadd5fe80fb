"""Fields of a JSON object, each read strictly: a wrong one is a ValueError that names it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from opro_cli.core.events.replies import MAX_TEXT, Point

T = TypeVar("T")
LARGEST = 10**15
"""The largest count and the largest amount that is believed."""
LONGEST_POINT = 10_000
"""Coordinates of a point."""

MISSING: Any = object()


class Fields:
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


def read_text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    if len(value) > 2 * MAX_TEXT:
        raise ValueError("too long a text")
    return value


def read_count(value: Any) -> int:
    """A whole number, zero or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError("not a count")
    return value


def read_flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def read_amount(value: Any) -> float:
    """A finite number, zero or more."""
    number = read_number(value)
    if not 0 <= number <= LARGEST:
        raise ValueError("not an amount")
    return number


def read_number(value: Any) -> float:
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


def read_value(value: Any) -> float:
    """The value of a point: finite, or one of the texts for a number that is not."""
    return float(value) if value in ("nan", "inf", "-inf") else read_number(value)


def read_optional(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A reader that also takes null."""
    return lambda value: None if value is None else read(value)


def read_several(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """A reader of a list."""

    def all_of(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ValueError("not a list")
        return tuple(read(item) for item in value)

    return all_of


def read_point(value: Any) -> Point:
    """A point."""
    if not isinstance(value, list) or len(value) > LONGEST_POINT:
        raise ValueError("not a point")
    for item in value:
        if isinstance(item, int | float) and not isinstance(item, bool):
            read_number(item)
        elif not isinstance(item, str | bool | None):
            raise ValueError("not a coordinate of a point")
    return tuple(value)


def read_shown(value: Any) -> tuple[Point, str]:
    """A point and its value as text."""
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("not a point and its value")
    return read_point(value[0]), read_text(value[1])


def read_one_of(names: Any) -> Callable[[Any], Any]:
    """A reader of one of these texts."""

    def known(value: Any) -> Any:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"{str(value)[:40]!r} is not known")
        return value

    return known
