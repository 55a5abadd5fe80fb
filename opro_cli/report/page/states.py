"""How a run ended, in words."""

from __future__ import annotations

from opro_cli.core.text import clean
from opro_cli.runs.progress import RunView, reason_of


def state_text(view: RunView) -> str:
    """``solved``, ``finished: out of steps``, ``failed: …`` or ``unfinished``."""
    totals = view.totals
    if totals.state == "failed":
        return f"failed: {clean(totals.error or '')}"
    reason = reason_of(view.spec, totals.reason) if totals.reason else ""
    if totals.state == "converged":
        return reason
    word = "finished" if totals.state == "stopped" else "unfinished"
    return f"{word}: {reason}" if reason else word
