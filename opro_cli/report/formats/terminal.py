"""A report as tables for a terminal; a table that is too wide continues below with more columns."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.box import SQUARE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from opro_cli.core.text import clean
from opro_cli.report.formats import LONGEST_NOTE, RenderOptions
from opro_cli.report.summary import Summary
from opro_cli.report.table import Table
from opro_cli.report.tables import tables

NO_TERMINAL = 200
"""The width where the output is no terminal."""

WIDEST = 36
"""Cells wider than this are folded."""

BETWEEN = 3
"""Characters between two columns: a line, and a space on either side."""


def render(summary: Summary, options: RenderOptions) -> str:
    """Tables and notes, no wider than the terminal where that is possible."""
    stream = io.StringIO()
    width = options.width or NO_TERMINAL
    console = Console(file=stream, width=width, highlight=False, color_system=None)
    for table in tables(summary, brief=options.brief):
        console.print(Text(clean(table.title), style="bold"))
        console.print(Text(clean(table.subtitle, 1000), style="dim"))
        for columns in _pages(table, console.width):
            console.print(_rich_table(table, columns))
        for note in table.notes:
            console.print(Text(clean(note, LONGEST_NOTE)))
        console.print()
    for note in summary.notes:
        console.print(Text(clean(note, 2000)))
    return stream.getvalue()


def _pages(table: Table, width: int) -> Iterator[list[int]]:
    """The columns that fit side by side; the key columns are repeated on every page."""
    headings, rows = table.joined()
    widths = [
        min(WIDEST, max(cell_len(clean(row[i], 200)) for row in [headings, *rows])) + BETWEEN
        for i in range(len(headings))
    ]
    keys = list(range(table.keys))
    page = list(keys)
    for i in range(table.keys, len(headings)):
        if len(page) > len(keys) and sum(widths[j] for j in [*page, i]) > width:
            yield page
            page = list(keys)
        page.append(i)
    yield page


def _rich_table(table: Table, columns: Sequence[int]) -> RichTable:
    headings, rows = table.joined()
    rich_table = RichTable(box=SQUARE, padding=(0, 1), pad_edge=False, show_edge=False)
    for i in columns:
        rich_table.add_column(Text(clean(headings[i], 60)), overflow="fold", max_width=WIDEST)
    for row in rows:
        rich_table.add_row(*(Text(clean(row[i], 200)) for i in columns))
    return rich_table
