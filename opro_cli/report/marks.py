"""The mark on a row whose result might be another, had no reply been lost."""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.report.groups import axes, axis_cells, axis_names, where
from opro_cli.report.rows import Row

MARK = "†"


def mark(row: Row) -> str:
    """A space and the mark, or nothing."""
    return f" {MARK}" if row.lost else ""


def notes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The footnote of a table with these rows; none where no reply was lost."""
    swept = axes(rows)
    said = []
    for row in rows:
        if row.lost:
            cell = zip(axis_names(swept), axis_cells(row, swept), strict=True)
            words = [where(row), *(f"{name}={value}" for name, value in cell if value)]
            said.append(f"{' '.join(words)}: {_lost(row)}")
    if not said:
        return ()
    return (f"{MARK} Replies were lost, which could have changed the result: " + "; ".join(said),)


def _lost(row: Row) -> str:
    replies = sum(run.tally.replies for run in row.runs)
    fates = ", ".join(f"{n} {fate.replace('_', '-')}" for fate, n in row.lost.items())
    return f"{fates}, of {replies}"
