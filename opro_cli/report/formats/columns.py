"""Which columns of a table fit side by side, in characters."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from opro_cli.core.text import clean
from opro_cli.report.table import Table

WIDEST = 36
"""Cells wider than this are folded."""

BETWEEN = 3
"""Characters between two columns: a line, and a space on either side."""


def pages_of(table: Table, width: int) -> Iterator[list[int]]:
    """The columns that fit side by side; the key columns are repeated on every page."""
    widths = widths_of(table, wrap=False)
    keys = list(range(table.keys))
    page = list(keys)
    for i in range(table.keys, len(widths)):
        if len(page) > len(keys) and sum(widths[j] + BETWEEN for j in [*page, i]) > width:
            yield page
            page = list(keys)
        page.append(i)
    yield page


def fitting(table: Table, width: int) -> list[int]:
    """The key columns, and as many others, from the first on, as fit beside them."""
    widths = widths_of(table, wrap=True)
    page = list(range(table.keys))
    room = width + BETWEEN - sum(widths[i] + BETWEEN for i in page)
    for i in range(table.keys, len(widths)):
        if widths[i] + BETWEEN <= room:
            page.append(i)
            room -= widths[i] + BETWEEN
    return page


def widths_of(table: Table, *, wrap: bool) -> list[int]:
    """Characters of each column.

    Args:
        table: the table.
        wrap: break headings between words, and fold the names of rows.
    """
    headings, rows = table.joined()
    widths = []
    for i, heading in enumerate(headings):
        words = clean(heading, 60).split() if wrap else [clean(heading, 60)]
        cells = (clean(row[i], 200) for row in rows)
        most = table.fold if wrap and i < table.keys else WIDEST
        widths.append(min(most, max(map(cell_len, [*words, *cells]), default=0)))
    return widths
