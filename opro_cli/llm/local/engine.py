"""llama.cpp, the engine of local models: whether it has a wheel here, and how it takes a schema."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from typing import Any

WHEELS = {
    ("darwin", "arm64"),
    ("darwin", "x86_64"),
    ("linux", "aarch64"),
    ("linux", "x86_64"),
    ("win32", "AMD64"),
}
"""Systems and processors with a wheel of ``xllamacpp``: the markers of the extra ``engine``."""


def missing_wheel() -> str:
    """A sentence for a system without a wheel; empty for the others."""
    system, processor = sys.platform, platform.machine()
    if (system, processor) in WHEELS:
        return ""
    name = f"{system}, {processor}"
    return f"The engine of local models, llama.cpp, has no wheel for this system ({name})."


def schema_grammar(schema: Mapping[str, Any]) -> str:
    """The grammar of the JSON values that fit a schema, as the engine takes it.

    Numbers may be written as JSON allows (RFC 8259, section 6), so also with a zero before the
    digit of an exponent. The engine's own use of a schema refuses it: a model that is shown
    1.12e-03 could then only answer 1.12e-0. Bounds of floats are left to the reader of the reply,
    because a grammar with them has no exponents, and a model that must write out the zeros
    miscounts them.
    """
    import xllamacpp

    return str(xllamacpp.json_schema_to_grammar(_unbounded(schema)))


def _unbounded(schema: Any) -> Any:
    """The schema without the bounds of floats."""
    if isinstance(schema, list):
        return [_unbounded(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    left_out = ("minimum", "maximum") if schema.get("type") == "number" else ()
    return {key: _unbounded(value) for key, value in schema.items() if key not in left_out}
