"""What a notebook shows of a result."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from opro_cli.core.text import clean, number


def table(*rows: Mapping[str, Any]) -> str:
    """A small table: one row's entries one below the other, or several rows with headings."""
    if len(rows) == 1:
        body = "".join(
            f"<tr><th>{_cell(k)}</th><td>{_cell(v)}</td></tr>" for k, v in rows[0].items()
        )
        return f"<table>{body}</table>"
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{_cell(name)}</th>" for name in names)
    lines = ("".join(f"<td>{_cell(row.get(name))}</td>" for name in names) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return html.escape(number(value))
    return html.escape(clean(str(value), 300))
