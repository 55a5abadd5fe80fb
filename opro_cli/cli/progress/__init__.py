"""Displays of progress: a live table, plain lines, JSON lines, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from opro_cli.core.registry import Registry

if TYPE_CHECKING:
    from opro_cli.runs.progress import Display

AUTO = "auto"
"""The live table on a terminal, else plain lines."""

DISPLAYS: Registry[Callable[[TextIO], Display]] = Registry(
    "display",
    {
        "rich": "opro_cli.cli.progress.live:LiveTable",
        "plain": "opro_cli.cli.progress.lines:PlainLines",
        "json": "opro_cli.cli.progress.lines:JsonLines",
        "none": "opro_cli.cli.progress.lines:Silent",
    },
)


VARIABLE = "OPRO_DISPLAY"


def choose(kind: str | None, stream: TextIO, env: Mapping[str, str]) -> Display:
    """A display whose errors stop no run. Raises UsageError for an unknown kind.

    Args:
        kind: ``auto``, or one of ``DISPLAYS``; None for what ``OPRO_DISPLAY`` says.
        stream: where it writes.
        env: environment variables, which tell whether a terminal can show a table.
    """
    from opro_cli.cli.progress.safe import SafeDisplay

    label = VARIABLE if kind is None else "--display"
    kind = kind or env.get(VARIABLE, "").strip() or AUTO
    if kind == AUTO:
        live = stream.isatty() and env.get("TERM") != "dumb" and not env.get("CI")
        kind = "rich" if live else "plain"
    DISPLAYS.check(kind, label)
    return SafeDisplay(DISPLAYS[kind](stream))
