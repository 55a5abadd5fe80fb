"""Nested mappings under dotted keys: set one key, list them all, compare two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from opro_cli.core.errors import PresetError

Raw: TypeAlias = Mapping[str, Any]
"""A preset as a plain mapping."""


def dotted_keys(raw: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a preset, sections before what they hold."""
    for key, value in raw.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from dotted_keys(value, f"{prefix}{key}.")


Change: TypeAlias = tuple[str, Any, Any]
"""A dotted key, and its two values; MISSING where one has none."""

MISSING = "not set"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every key whose value differs, in the order of ``before``, then of ``after``."""
    old, new = dict(flat(before)), dict(flat(after))
    keys = dict.fromkeys([*old, *new])
    return [
        (key, old.get(key, MISSING), new.get(key, MISSING))
        for key in keys
        if old.get(key, MISSING) != new.get(key, MISSING)
    ]


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, with dotted keys; a list is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


MAX_DEPTH = 10
"""Dots in a key, at most."""


def assign(raw: Raw, dotted: str, value: Any) -> dict[str, Any]:
    """A copy of ``raw`` with one dotted key set. Raises PresetError where there is no section.

    An axis of a sweep is one key, dots and all: ``sweep.opro.temperature``.
    """
    head, _, rest = dotted.partition(".")
    if rest.count(".") > MAX_DEPTH:
        raise PresetError(f"{cut_text(dotted)} is not a setting.", "--print-config shows them all")
    copy = dict(raw)
    if rest:
        inner = copy.get(head)
        if inner is not None and not isinstance(inner, Mapping):
            raise PresetError(
                f"{dotted}: {head} is not a section but {shown_value(inner)}.",
                "--print-config shows them all",
            )
        inner = inner or {}
        copy[head] = {**inner, rest: value} if head == "sweep" else assign(inner, rest, value)
    else:
        copy[head] = value
    return copy


def shown_value(value: Any) -> str:
    """A value in a message, cut where it is long."""
    return cut_text(repr(value))


def cut_text(text: str, limit: int = 80) -> str:
    """A text in a message, cut where it is long."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
