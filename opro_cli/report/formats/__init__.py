"""The formats of a report, and the options they share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RenderOptions:
    """How a report is rendered. A format ignores the options that do not concern it."""

    width: int | None = None
    """Columns of the terminal; None where the output is no terminal."""
    brief: bool = False
    """Only the first tables: each row once."""
