"""The tables of a report, before any format."""

from __future__ import annotations

from collections.abc import Iterator

from opro_cli.report.judged import is_judged
from opro_cli.report.summary import Summary
from opro_cli.report.table import Detail, Table
from opro_cli.report.tables import (
    accuracy,
    budgets,
    comparison,
    contest,
    intervals,
    pairwise,
    paper,
    published,
    replies,
)


def tables(
    summary: Summary, detail: Detail = "full", *, for_paper: bool = False
) -> Iterator[Table]:
    """For each problem one table of results; then, in full, all others.

    Args:
        summary: the rows.
        detail: which tables.
        for_paper: contests as a paper has them.
    """
    baseline, side_by_side = summary.baseline, summary.side_by_side
    rows = [row for row in summary.rows if not is_judged(row.spec)]
    side = paper if for_paper else contest
    full = detail == "full" and not side_by_side
    made = [
        *accuracy.tables(summary.rows, baseline, detail, first=side_by_side),
        *(() if side_by_side else comparison.tables(rows, detail)),
        *side.tables(rows, everyone=side_by_side),
        *(pairwise.tables(rows, baseline) if baseline else ()),
        *(published.tables(rows) if full else ()),
        *(intervals.tables(rows) if full else ()),
        *(budgets.tables(rows, summary.histories) if full else ()),
        *(replies.tables(summary.rows) if full else ()),
    ]
    for table in made:
        yield table.without_empty_columns()
