"""Figures and tables that a notebook shows in the place of an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opro_cli.core.text import clean, number
from opro_cli.report.figures.elements import Element
from opro_cli.report.figures.kinds import figures_of
from opro_cli.runs.store import StoredRun

MOST = 6
"""Figures under each other."""


def html_figures(*runs: StoredRun) -> str:
    """The figures that say most of these runs: of one its picture, of several the comparison."""
    return "".join(figure.html() for figure in figures_of(runs)[:MOST])


def html_table(*rows: Mapping[str, Any]) -> str:
    """A table for a notebook: one row's entries one below the other, several with headings."""
    if len(rows) == 1:
        lines = [
            Element("tr", Element("th", _cell(name)), Element("td", _cell(value)))
            for name, value in rows[0].items()
        ]
        return Element("table", Element("tbody", *lines)).render()
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = Element("thead", Element("tr", *(Element("th", _cell(name)) for name in names)))
    lines = [
        Element("tr", *(Element("td", _cell(row.get(name))) for name in names)) for row in rows
    ]
    return Element("table", head, Element("tbody", *lines)).render()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else clean(str(value))
