"""Events on a screen: a live table, plain lines, JSON lines, or nothing."""

from __future__ import annotations

from typing import TextIO

from opro_cli.display.base import Display, Guarded, JsonLines, Plain, Silent, Watched
from opro_cli.errors import UsageError

__all__ = ["KINDS", "Display", "Guarded", "Silent", "Watched", "choose"]

KINDS = ("auto", "rich", "plain", "json", "none")


def choose(kind: str, stream: TextIO, env: dict[str, str]) -> Display:
    """The display asked for; ``auto`` is the live table on a terminal, else plain lines.

    Raises UsageError for an unknown kind.
    """
    if kind not in KINDS:
        raise UsageError(f"--display {kind}: no such display.", "displays: " + ", ".join(KINDS))
    if kind == "auto":
        live = stream.isatty() and env.get("TERM") != "dumb" and not env.get("CI")
        kind = "rich" if live else "plain"
    if kind == "rich":
        from opro_cli.display.live import Live

        return Guarded(Live(stream))
    chosen: Display = {"plain": Plain(stream), "json": JsonLines(stream)}.get(kind, Silent())
    return Guarded(chosen)
