"""The tables of a report, before any format."""

from __future__ import annotations

from collections.abc import Iterator

from opro_cli.report.judged import is_judged
from opro_cli.report.summary import Summary
from opro_cli.report.table import Table
from opro_cli.report.tables import accuracy, comparison, pairwise, published, replies


def tables(summary: Summary, *, brief: bool = False) -> Iterator[Table]:
    """Instructions; of other problems the published layout and comparisons; and the replies.

    Args:
        summary: the rows.
        brief: only as many tables as show every row once.
    """
    baseline = summary.baseline
    rows = [row for row in summary.rows if not is_judged(row.spec)]
    made = [
        *accuracy.tables(summary.rows, baseline, brief=brief),
        *published.tables(rows),
        *comparison.tables(rows, brief=brief),
        *(pairwise.tables(rows, baseline) if baseline else ()),
        *(() if brief else replies.tables(summary.rows)),
    ]
    for table in made:
        yield table.without_empty_columns()
