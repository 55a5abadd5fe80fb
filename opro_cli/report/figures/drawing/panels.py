"""Small pictures side by side, all of one size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from opro_cli.report.figures.drawing.marks import cut
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.figure import Layout
from opro_cli.report.figures.palette import paint

CHARACTER = 0.56
"""The mean width of a character, in ems."""


class Panels:
    """Where so many pictures have their places.

    Args:
        count: of the pictures.
        layout: the width of all, the height of one at most, and the size of text.
        margins: of each, in ems: left, top, right, below.
        foot: room below all, in ems.
        ratio: height to width of a picture.
    """

    def __init__(
        self,
        count: int,
        layout: Layout,
        margins: tuple[float, float, float, float],
        foot: float,
        ratio: float = 0.9,
    ) -> None:
        self.em = em = layout.font
        left, top, right, below = (margin * em for margin in margins)
        rows = math.ceil(count / max(1, round(layout.width / (18 * em))))
        columns = math.ceil(count / rows)
        pitch = layout.width / columns
        self.width = pitch - left - right
        self.height = min(ratio * self.width, layout.height)
        """Of one picture, without its margins."""
        down = self.height + top + below
        self.places = [
            ((i % columns) * pitch + left, (i // columns) * down + top) for i in range(count)
        ]
        self.foot = rows * down
        """Where the room below begins."""
        self.layout = replace(layout, height=self.foot + foot * em)

    def place(self, drawn: Sequence[Iterator[Child]]) -> Iterator[Element]:
        """The pictures at their places."""
        for (x, y), children in zip(self.places, drawn, strict=True):
            yield Element("g", *children, transform=f"translate({x:.2f} {y:.2f})")

    def heading(self, name: str, remark: str) -> Element:
        """A name above a picture, and a few words after it."""
        fits = int(self.width / (CHARACTER * self.em)) - len(remark) - 1
        return Element(
            "text",
            Element("tspan", cut(name, max(fits, 8)), font_weight="bold"),
            f" {remark}",
            y=-0.6 * self.em,
            **paint(fill="ink"),
        )
