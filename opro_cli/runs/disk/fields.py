"""Checks of JSON data that anybody may have written: each passes, or raises ValueError."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], object]

DEEPEST = 50
"""Levels of lists and mappings within each other."""
LARGEST = 10**15
"""The largest count and the largest amount that is believed."""


def text(longest: int = 1000) -> Check:
    """A text of at most so many characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("not a text")
        if len(value) > longest:
            raise ValueError(f"a text of more than {longest:,} characters")
        return value

    return check


def count(value: Any) -> int:
    """A whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError("not a count")
    return value


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    try:
        found = float(value)
    except OverflowError:
        raise ValueError("not a finite number") from None
    if not math.isfinite(found):
        raise ValueError("not a finite number")
    return found


def amount(value: Any) -> float:
    """A number from 0."""
    if not 0 <= number(value) <= LARGEST:
        raise ValueError("not an amount")
    return float(value)


def positive(value: Any) -> float:
    """An amount that is not 0."""
    if amount(value) == 0:
        raise ValueError("not above 0")
    return float(value)


def time(value: Any) -> datetime:
    """A time with its zone, of this age."""
    try:
        found = datetime.fromisoformat(text(60)(value))  # type: ignore[arg-type]
    except ValueError:
        raise ValueError("not a time") from None
    if found.tzinfo is None:
        raise ValueError("a time without a time zone")
    if not 2000 <= found.year < 3000:
        raise ValueError("a time of another age")
    return found.astimezone(UTC)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def optional(check: Check) -> Check:
    """Null, or what passes the check."""
    return lambda value: None if value is None else check(value)


def either(*checks: Check) -> Check:
    """What passes one of these checks."""

    def check(value: Any) -> object:
        for one in checks[:-1]:
            try:
                return one(value)
            except ValueError:
                continue
        return checks[-1](value)

    return check


def several(check: Check, most: int = 10_000) -> Check:
    """A list of such things."""

    def all_of(value: Any) -> object:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError("not a list" if not isinstance(value, list) else "too long a list")
        return [check(item) for item in value]

    return all_of


def mapping_of(check: Check, most: int = 10_000) -> Check:
    """A mapping from texts to such things."""

    def all_of(value: Any) -> object:
        if not isinstance(value, Mapping) or len(value) > most:
            raise ValueError("not a mapping" if not isinstance(value, Mapping) else "too large")
        for key, inner in value.items():
            text()(key)
            named(key, check, inner)
        return value

    return all_of


def fields(
    needed: Mapping[str, Check], possible: Mapping[str, Check], others: Check | None = None
) -> Check:
    """A mapping with these fields.

    Args:
        needed: they must be there.
        possible: they may be there.
        others: the check of all other fields; None where there may be none.
    """

    def check(value: Any) -> object:
        if not isinstance(value, Mapping):
            raise ValueError("not a mapping")
        for name in needed:
            if name not in value:
                raise ValueError(f"{name} is missing")
        for name, inner in value.items():
            found = needed.get(name) or possible.get(name) or others
            if found is None:
                raise ValueError(f"unknown field {str(name)[:40]!r}")
            named(name, found, inner)
        return value

    return check


def named(name: object, check: Check, value: Any) -> object:
    """The check of a field; its error begins with the field's name."""
    try:
        return check(value)
    except ValueError as error:
        inner = str(error)
        dot = "." if inner.partition(": ")[0].replace(".", "").replace("_", "").isalnum() else ": "
        joined = dot if ": " in inner or inner.endswith("is missing") else ": "
        raise ValueError(f"{str(name)[:60]}{joined}{inner}") from None


def plain(value: Any, depth: int = 0) -> object:
    """Any JSON data whose numbers are finite, and which is not nested without end."""
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            named(key, lambda v: plain(v, depth + 1), inner)
    elif isinstance(value, list):
        for inner in value:
            plain(inner, depth + 1)
    elif isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        number(value)
    return value
