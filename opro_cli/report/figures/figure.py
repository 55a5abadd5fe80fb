"""What a figure is: its numbers, and a drawing of them; on a page, in a file, in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from opro_cli.report.figures.drawing.chart import Chart
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.palette import COLOURS

Cell: TypeAlias = "str | float | int | None"

FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"

POINTS_A_MM = 72 / 25.4


@dataclass(frozen=True)
class Numbers:
    """The numbers of a figure as a table. Texts are not escaped for any format."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Layout:
    """The size of a drawing, in the unit of its coordinates."""

    width: float
    height: float
    font: float = 12.0


PAGE = Layout(680, 380)
"""A figure as wide as a page; it shrinks with the page."""

SMALL = Layout(340, 260, 11.0)
"""One of several side by side."""

COLUMN_MM = 89.0
"""The width of a column in most journals."""


def paper(width_mm: float = COLUMN_MM, ratio: float = 0.62) -> Layout:
    """A figure for a paper: this wide, text of 7 points.

    Args:
        width_mm: millimetres.
        ratio: height to width.
    """
    width = width_mm * POINTS_A_MM
    return Layout(width, width * ratio, 7.0)


@dataclass(frozen=True)
class Figure:
    """Numbers and their drawing."""

    kind: str
    """One of ``KINDS``."""
    title: str
    description: str
    """What is to be seen, in a sentence or two: for people who do not see it."""
    svg: Element
    """An element ``svg`` whose colours a page may override, see :mod:`.palette`."""
    table: Numbers
    """The numbers in few rows, for reading."""
    data: Numbers
    """Every number that is drawn."""
    notes: tuple[str, ...] = ()
    """What is left out, and why."""
    chart: Chart | None = None
    """The lines, for a terminal; None for a figure that has none."""

    def file(self, width_mm: float | None = None) -> str:
        """The figure as an SVG file.

        Args:
            width_mm: millimetres; None for as many pixels as its coordinates say.
        """
        box = str(self.svg.attributes["viewBox"]).split()
        width, height = float(box[2]), float(box[3])
        scale, unit = (width_mm / width, "mm") if width_mm else (1.0, "")
        background = Element("rect", width=width, height=height, fill=COLOURS["paper"][0])
        root = Element(
            "svg",
            Element("title", self.title),
            background,
            *self.svg.children,
            xmlns="http://www.w3.org/2000/svg",
            width=f"{width * scale:.2f}{unit}",
            height=f"{height * scale:.2f}{unit}",
            viewBox=" ".join(box),
            role="img",
            font_size=self.svg.attributes["font-size"],
            font_family=FONTS,
        )
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + root.render() + "\n"

    def html(self) -> str:
        """The figure with its notes, for a page that has no style for it."""
        svg = self.file().partition("\n")[2]  # without the declaration of XML
        notes = "".join(Element("p", Element("small", note)).render() for note in self.notes)
        return f"<figure>{svg}{notes}</figure>"

    def _repr_svg_(self) -> str:
        """For notebooks."""
        return self.file()


def canvas(layout: Layout, title: str, description: str, children: Sequence[Child]) -> Element:
    """The root of a drawing, with a title for people who do not see it."""
    return Element(
        "svg",
        Element("desc", description),
        *children,
        viewBox=f"0 0 {layout.width:.2f} {layout.height:.2f}",
        role="img",
        aria_label=title,
        font_size=layout.font,
        font_family=FONTS,
    )
