"""A report as tables for a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from opro_cli.report.summary import Summary
from opro_cli.report.tables import tables
from opro_cli.text import clean


def render(summary: Summary, width: int | None = None) -> str:
    """Tables drawn with box characters, no wider than ``width`` where that is possible."""
    stream = io.StringIO()
    console = Console(file=stream, width=width or 200, highlight=False, color_system=None)
    for table in tables(summary):
        console.print(Text(clean(table.title), style="bold"))
        console.print(Text(clean(table.subtitle, 400), style="dim"))
        drawn = RichTable(show_lines=False)
        headings, rows = table.joined()
        for heading in headings:
            drawn.add_column(Text(clean(heading, 60)), overflow="fold")
        for row in rows:
            drawn.add_row(*(Text(clean(cell, 200)) for cell in row))
        console.print(drawn)
        console.print()
    for note in summary.notes:
        console.print(Text(clean(note, 2000)))
    return stream.getvalue()
