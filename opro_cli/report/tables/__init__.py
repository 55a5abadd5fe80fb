"""The tables of a report, before any format."""

from __future__ import annotations

from collections.abc import Iterator

from opro_cli.report.summary import Summary
from opro_cli.report.table import Table
from opro_cli.report.tables import comparison, pairwise, published, replies


def tables(summary: Summary, *, brief: bool = False) -> Iterator[Table]:
    """The published layout, the comparison, the pairwise comparison, and the replies.

    Args:
        summary: the rows.
        brief: only as many tables as show every row once.
    """
    rows, baseline = summary.rows, summary.baseline
    made = [
        *published.tables(rows),
        *comparison.tables(rows, brief=brief),
        *(pairwise.tables(rows, baseline) if baseline else ()),
        *(() if brief else replies.tables(rows)),
    ]
    for table in made:
        yield table.without_empty_columns()
