"""The formats of a report, and the options they share."""

from __future__ import annotations

from dataclasses import dataclass

from opro_cli.report.table import Detail

LONGEST_NOTE = 110_000
"""Characters of a note under a table, which may hold an instruction: none is cut."""


@dataclass(frozen=True)
class RenderOptions:
    """How a report is rendered. A format ignores the options that do not concern it."""

    width: int | None = None
    """Columns of the terminal; None where the output is no terminal."""
    detail: Detail = "full"
    """Which tables, where people read them: data has all."""
