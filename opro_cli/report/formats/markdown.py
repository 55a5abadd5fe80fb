"""A report as Markdown."""

from __future__ import annotations

import re

from opro_cli.core.text import clean
from opro_cli.report.formats import LONGEST_NOTE, RenderOptions
from opro_cli.report.summary import Summary
from opro_cli.report.tables import tables

ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\`*[]<>|#~$!"} | {"&": "&amp;"})


def render(summary: Summary, options: RenderOptions) -> str:
    """Headings, tables and notes. Every cell is escaped: it may hold text from a model."""
    parts = []
    for table in tables(summary):
        lines = [f"### {escape(table.title)}", "", escape(table.explained(table.columns)), ""]
        headings, rows = table.split()
        lines.append("| " + " | ".join(escape(h) for h in headings) + " |")
        lines.append("|" + " --- |" * len(headings))
        lines += ["| " + " | ".join(escape(c) for c in row) + " |" for row in rows]
        parts.append("\n".join(lines))
        parts += [escape(note, LONGEST_NOTE) for note in table.notes]
    parts += [f"*{escape(note)}*" for note in summary.notes]
    return "\n\n".join(parts) + "\n" if parts else ""


def escape(text: str, limit: int = 2000) -> str:
    """Text that Markdown and HTML show as it is, on one line."""
    escaped = clean(text, limit).translate(ESCAPED)
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", escaped)  # not in snake_case
