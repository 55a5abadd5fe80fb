"""Gemini's dialect of JSON schema, and schemas with less in them for servers that refuse more."""

from __future__ import annotations

import json
from typing import Any

WHOLE, NO_BOUNDS, NO_SCHEMA, NOTHING = range(4)
"""How much of a schema is sent."""

LESS = {
    NO_BOUNDS: "the schema is sent without bounds",
    NO_SCHEMA: "JSON is asked for without a schema",
    NOTHING: "no schema is sent",
}

BOUNDS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"),
    *("pattern", "format", "uniqueItems"),
}
"""Keys that make the states of a schema many."""


def dialect(schema: Any, *, bounds: bool = True) -> Any:
    """A JSON schema as Gemini takes it: types in capitals, and choices as texts.

    Args:
        schema: the schema.
        bounds: whether to keep limits of numbers and of lengths.
    """
    if not isinstance(schema, dict):
        return schema
    found = {key: value for key, value in schema.items() if bounds or key not in BOUNDS}
    if isinstance(found.get("type"), str):
        found["type"] = found["type"].upper()
    if isinstance(found.get("enum"), list):
        found |= {"type": "STRING", "enum": [word(choice) for choice in found["enum"]]}
    if isinstance(found.get("properties"), dict):
        inner = found["properties"]
        found["properties"] = {k: dialect(v, bounds=bounds) for k, v in inner.items()}
    for key in ("items", "additionalProperties"):
        if key in found:
            found[key] = dialect(found[key], bounds=bounds)
    for key in ("anyOf", "prefixItems"):
        if isinstance(found.get(key), list):
            found[key] = [dialect(item, bounds=bounds) for item in found[key]]
    return found


def word(choice: Any) -> str:
    """A choice as a text: its JSON, except that a text is itself. Spaces read it back."""
    return choice if isinstance(choice, str) else json.dumps(choice)
