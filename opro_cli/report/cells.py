"""Headings and cells that several tables share: solved runs, and lost replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from opro_cli.core.text import clean, listed, plural
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


def random_search_note(rows: Sequence[Row], names: Sequence[str]) -> str:
    """What :func:`random_search_cell` says of each row, where there is no room for a column.

    Args:
        rows: of one problem; those without such points are left out.
        names: of the rows.
    """
    named: dict[str, list[Row]] = {}
    for row, name in zip(rows, names, strict=True):
        if row.random_search_points:
            named.setdefault(name, []).append(row)
    parts = []
    for name, mine in named.items():
        drawn = sum(row.random_search_points for row in mine)
        parts.append(f"{100 * drawn / sum(sum(r.sources.values()) for r in mine):.0f}% ({name})")
    return f"Points that random search proposed, and no model: {listed(parts)}." if parts else ""


def no_value_text(rows: Sequence[Row], names: Sequence[str] = ()) -> str:
    """How many points of these rows have no value, and the most frequent reason; empty for none.

    Args:
        rows: on one problem.
        names: of the rows, where each is counted for itself too.
    """
    failures = sum((row.failures for row in rows), Counter[str]())
    if not failures:
        return ""
    without = sum(row.without_value for row in rows)
    points = sum(run.totals.distinct_pairs for row in rows for run in row.runs)
    counted = [f"{name} {row.without_value}" for name, row in zip(names, rows, strict=False)]
    each = f" ({', '.join(counted)})" if len(counted) > 1 else ""
    why, times = failures.most_common(1)[0]
    often = f": {clean(why, 200)}"
    if len(failures) > 1:
        often = f"; most often{often}, {plural(times, 'time')}"
    return f"{without} of {plural(points, 'point')} had no value{each}{often}"


def lost_reply_notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The footnote that explains ``LOST_MARK``; none where no reply was lost."""
    keys = swept_keys(rows)
    parts = []
    for row in rows:
        if row.lost:
            swept = zip(swept_headings(keys), swept_cells(row, keys), strict=True)
            name = [target_name(row), *(f"{key}={value}" for key, value in swept if value)]
            parts.append(f"{' '.join(name)}: {lost_replies(row)}")
    if not parts:
        return ()
    explained = f"{LOST_MARK} Replies were lost, which could have changed the result: "
    return (explained + "; ".join(parts),)


def lost_replies(row: Row) -> str:
    """Which replies of a row were lost, and of how many: ``2 cut-off, of 40 replies``."""
    replies = sum(run.totals.replies for run in row.runs)
    lost = ", ".join(f"{n} {status.replace('_', '-')}" for status, n in row.lost.items())
    return f"{lost}, of {plural(replies, 'reply', 'replies')}"
