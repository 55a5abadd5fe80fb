"""Where two sets of settings differ, by dotted key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

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
