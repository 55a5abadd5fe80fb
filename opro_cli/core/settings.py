"""Sections of a preset: frozen, strict, with numbers as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from opro_cli.core.mappings import cut_text

_PLAIN = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")

LARGEST_INTEGER = 10**15
"""What a setting may count to: beyond any use, and exact as a float."""


def plain_number(value: Any) -> Any:
    """Let ``"1e-6"`` be a number (YAML 1.1 reads it as text), and true, 0x10 and 010 be none."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 100 or not _PLAIN.fullmatch(text):
            raise ValueError(
                f"{cut_text(text)!r} is no decimal number (as in 15, 0.5 or 1e-6; no leading zero)"
            )
        return float(text)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError(f"a number beyond {LARGEST_INTEGER:.0e}")
    return value


def plain_integer(value: Any) -> Any:
    """As :func:`plain_number`, for whole numbers: ``5`` and ``5.0``, but not ``5.5``."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value.strip()[:101]):
        raise ValueError(f"{cut_text(value.strip())!r} is no whole number (as in 15)")
    value = plain_number(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER:
        return int(value)
    return value


Number: TypeAlias = Annotated[
    float, BeforeValidator(plain_number), Field(allow_inf_nan=False), Strict()
]

Integer: TypeAlias = Annotated[int, BeforeValidator(plain_integer), Strict()]


class Settings(BaseModel):
    """A frozen section of a preset. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")
