"""Which columns of a table fit side by side, in characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from opro_cli.core.text import clean
from opro_cli.report.table import Table

WIDEST = 36
"""Cells wider than this are folded."""

BETWEEN = 3
"""Characters between two columns: a line, and a space on either side."""


def pages_of(table: Table, width: int) -> Iterator[list[int]]:
    """The columns that fit side by side; the key columns are repeated on every page."""
    headings, rows = table.joined()
    widths = [width_of(headings, rows, i, wrap=False) for i in range(len(headings))]
    keys = list(range(table.keys))
    page = list(keys)
    for i in range(table.keys, len(headings)):
        if len(page) > len(keys) and sum(widths[j] for j in [*page, i]) > width:
            yield page
            page = list(keys)
        page.append(i)
    yield page


def fitting(table: Table, width: int) -> list[int]:
    """The key columns, and as many others, from the first on, as fit beside them."""
    headings, rows = table.joined()
    page = list(range(table.keys))
    room = width + BETWEEN - sum(width_of(headings, rows, i, wrap=True) for i in page)
    for i in range(table.keys, len(headings)):
        needed = width_of(headings, rows, i, wrap=True)
        if needed <= room:
            page.append(i)
            room -= needed
    return page


def width_of(headings: Sequence[str], rows: Sequence[Sequence[str]], i: int, *, wrap: bool) -> int:
    """Characters of a column; where headings are wrapped, that of their longest word."""
    heading = clean(headings[i], 60)
    words = heading.split() if wrap and rows else [heading]
    longest = max((cell_len(word) for word in words), default=0)
    cells = (cell_len(clean(row[i], 200)) for row in rows)
    return min(WIDEST, max([longest, *cells])) + BETWEEN
