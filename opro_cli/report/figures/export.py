"""A figure as the contents of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

from opro_cli.core.errors import UsageError
from opro_cli.report.figures.figure import Figure
from opro_cli.report.formats.sheets import csv_text

DOTS_AN_INCH = 300
"""Of a PNG."""

CSS_DOTS, POINTS = 96, 72
"""An inch in the units of SVG and of PDF."""


def to_svg(figure: Figure, width_mm: float) -> bytes:
    """SVG, of this width."""
    return figure.file(width_mm).encode()


def to_png(figure: Figure, width_mm: float) -> bytes:
    """PNG of 300 dots an inch. Raises UsageError where the package for it is missing."""
    made: bytes = _converter("PNG").svg_to_png(figure.file(width_mm), scale=DOTS_AN_INCH / CSS_DOTS)
    return made


def to_pdf(figure: Figure, width_mm: float) -> bytes:
    """PDF, of this width. Raises UsageError where the package for it is missing."""
    # It takes a dot of CSS (1/96 inch) for a point (1/72 inch).
    made: bytes = _converter("PDF").svg_to_pdf(figure.file(width_mm * POINTS / CSS_DOTS))
    return made


def to_csv(figure: Figure, width_mm: float) -> bytes:
    """The drawn numbers, one row a number and its line."""
    return csv_text(figure.data.columns, figure.data.rows).encode()


def to_json(figure: Figure, width_mm: float = 0) -> bytes:
    """The drawn numbers with the words of the figure, as one line of JSON."""
    found = {
        "kind": figure.kind,
        "title": figure.title,
        "description": figure.description,
        "columns": figure.data.columns,
        "rows": figure.data.rows,
        "notes": figure.notes,
    }
    return json.dumps(found, allow_nan=False).encode() + b"\n"


ENDINGS: dict[str, Callable[[Figure, float], bytes]] = {
    ".svg": to_svg,
    ".png": to_png,
    ".pdf": to_pdf,
    ".csv": to_csv,
    ".json": to_json,
}
"""The forms of a file, by the ending of its name."""


def _converter(form: str) -> ModuleType:
    """The package that turns SVG into other forms, with fonts of its own."""
    try:
        import vl_convert
    except ImportError:
        raise UsageError(
            f"A figure as {form} needs the package vl-convert-python.",
            "pip install 'opro-cli[plot]'; SVG needs none: -o figure.svg",
        ) from None
    found: ModuleType = vl_convert
    return found
