"""Headings and cells that several tables share: solved runs, and lost replies."""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.core.text import plural
from opro_cli.report.groups import swept_cells, swept_headings, swept_keys, target_name
from opro_cli.report.rows import Row

LOST_MARK = "†"
"""Marks a row whose result might have been another, had no reply been lost."""


def solved_heading(rows: Sequence[Row]) -> str:
    """``solved``, or ``finished`` where there is no goal."""
    return "solved" if any(row.has_goal for row in rows) else "finished"


def solved_cell(row: Row) -> str:
    """How many runs solved the problem (without a goal: finished), and how many did not end."""
    done = row.solved if row.has_goal else row.finished
    text = f"{len(done)}/{len(row.runs)}"
    if row.lost:
        text += f" {LOST_MARK}"
    for state in ("failed", "unfinished"):
        if row.states[state]:
            text += f", {row.states[state]} {state}"
    return text


def random_search_cell(row: Row) -> str:
    """The share of a run's points that random search found, beside a model's."""
    if not row.asks_model or not row.sources:
        return ""
    return f"{100 * row.random_search_points / sum(row.sources.values()):.0f}%"


def lost_reply_notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The footnote that explains ``LOST_MARK``; none where no reply was lost."""
    keys = swept_keys(rows)
    parts = []
    for row in rows:
        if row.lost:
            swept = zip(swept_headings(keys), swept_cells(row, keys), strict=True)
            name = [target_name(row), *(f"{key}={value}" for key, value in swept if value)]
            parts.append(f"{' '.join(name)}: {_lost_replies(row)}")
    if not parts:
        return ()
    explained = f"{LOST_MARK} Replies were lost, which could have changed the result: "
    return (explained + "; ".join(parts),)


def _lost_replies(row: Row) -> str:
    replies = sum(run.totals.replies for run in row.runs)
    lost = ", ".join(f"{n} {status.replace('_', '-')}" for status, n in row.lost.items())
    return f"{lost}, of {plural(replies, 'reply', 'replies')}"
