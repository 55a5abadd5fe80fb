"""A report as tables for a terminal; of all columns, or of those that fit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich.box import SQUARE
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from opro_cli.core.text import clean
from opro_cli.report.formats import LONGEST_NOTE, RenderOptions
from opro_cli.report.formats.columns import BETWEEN, WIDEST, fitting, pages_of, widths_of
from opro_cli.report.summary import Summary
from opro_cli.report.table import Table
from opro_cli.report.tables import tables

NO_TERMINAL, NARROW = 200, 80
"""The width where the output is no terminal: of all tables, and of those for one screen."""


def render(summary: Summary, options: RenderOptions) -> str:
    """Tables and notes, no wider than the terminal where that is possible."""
    full = options.detail == "full"
    stream = io.StringIO()
    width = options.width or (NO_TERMINAL if full else NARROW)
    plain: dict[str, Any] = {"highlight": False, "color_system": None, "force_jupyter": False}
    console = Console(file=stream, width=width, **plain)
    for table in tables(summary, options.detail):
        headings, _ = table.joined()
        pages = list(pages_of(table, width)) if full else [fitting(table, width)]
        shown = dict.fromkeys(i for page in pages for i in page)
        console.print(Text(clean(table.title), style="bold"))
        if said := table.explained([headings[i] for i in shown]):
            console.print(Text(clean(said, 1000), style="dim"))
        for columns in pages:
            console.print(_rich_table(table, columns, None if full else width))
        for note in table.noted([headings[i] for i in shown]):
            console.print(Text(clean(note, LONGEST_NOTE)))
        console.print()
    for note in summary.notes:
        console.print(Text(clean(note, 2000)))
    return stream.getvalue()


def _rich_table(table: Table, columns: Sequence[int], room: int | None) -> RichTable:
    """A table with these columns; where they fit into the room, each has the width it needs."""
    headings, rows = table.joined()
    rich_table = RichTable(box=SQUARE, padding=(0, 1), pad_edge=False, show_edge=False)
    widths = widths_of(table, wrap=True)
    needed = sum(widths[i] + BETWEEN for i in columns) - BETWEEN
    fixed = room is not None and needed <= room
    for i in columns:
        heading = Text(clean(headings[i], 60))
        width = widths[i] if fixed else None
        rich_table.add_column(heading, overflow="fold", max_width=WIDEST, width=width)
    for row in rows:
        rich_table.add_row(*(Text(clean(row[i], 200)) for i in columns))
    return rich_table
