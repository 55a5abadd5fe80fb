"""The formats of a report, and the options they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.report.table import Detail

LONGEST_NOTE = 110_000
"""Characters of a note under a table, which may hold an instruction: none is cut."""

Replies: TypeAlias = Literal["none", "best", "all"]
"""Whose replies a page holds: of no run, of the best run of each row, of all runs."""


@dataclass(frozen=True)
class RenderOptions:
    """How a report is rendered. A format ignores the options that do not concern it."""

    width: int | None = None
    """Columns of the terminal; None where the output is no terminal."""
    detail: Detail = "full"
    """Which tables, where people read them: data has all."""
    replies: Replies | None = None
    """For a page; None for all, or the best where that would be too large."""
    curves: bool = False
    """For CSV: the course of each run instead of the rows."""


def check_replies(given: str | None) -> Replies | None:
    """The choice as it was given; None for no choice. Raises UsageError."""
    choices: tuple[Replies, ...] = get_args(Replies)
    for choice in choices:
        if given == choice:
            return choice
    if given is None:
        return None
    raise UsageError(
        f"--replies {clean(given, 40)}: this is not a choice.",
        f"give one of {', '.join(choices)}",
    )
