"""A report as tables for a terminal, cut by columns where they are too wide for it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.box import SQUARE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from opro_cli.report.summary import Summary
from opro_cli.report.tables import Table, tables
from opro_cli.text import clean

WIDEST = 36
"""Cells wider than this are folded."""
BETWEEN = 3
"""Between two columns: a line, and a space on either side."""


def render(summary: Summary, width: int | None = None, *, brief: bool = False) -> str:
    """Tables no wider than ``width`` where that is possible."""
    stream = io.StringIO()
    console = Console(file=stream, width=width or 200, highlight=False, color_system=None)
    for table in tables(summary, brief=brief):
        console.print(Text(clean(table.title), style="bold"))
        console.print(Text(clean(table.subtitle, 1000), style="dim"))
        for columns in _pages(table, console.width):
            console.print(_drawn(table, columns))
        for note in table.notes:
            console.print(Text(clean(note, 2000)))
        console.print()
    for note in summary.notes:
        console.print(Text(clean(note, 2000)))
    return stream.getvalue()


def _pages(table: Table, width: int) -> Iterator[list[int]]:
    """Columns that fit side by side, the first ``keys`` on every page."""
    headings, rows = table.joined()
    wide = [
        min(WIDEST, max(cell_len(clean(row[i], 200)) for row in [headings, *rows])) + BETWEEN
        for i in range(len(headings))
    ]
    keys = list(range(table.keys))
    page = list(keys)
    for i in range(table.keys, len(headings)):
        if len(page) > len(keys) and sum(wide[j] for j in [*page, i]) > width:
            yield page
            page = list(keys)
        page.append(i)
    yield page


def _drawn(table: Table, columns: Sequence[int]) -> RichTable:
    headings, rows = table.joined()
    drawn = RichTable(box=SQUARE, padding=(0, 1), pad_edge=False, show_edge=False)
    for i in columns:
        drawn.add_column(Text(clean(headings[i], 60)), overflow="fold", max_width=WIDEST)
    for row in rows:
        drawn.add_row(*(Text(clean(row[i], 200)) for i in columns))
    return drawn
