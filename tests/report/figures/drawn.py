"""Reads numbers back from a drawing, by its axes."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


class Drawn:
    """A chart in an SVG file."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)
        self.x = self._axis("x")
        self.y = self._axis("y")

    def _axis(self, name: str):
        """Inverse of a scale: from a place to a number, found from two ticks of the axis."""
        ticks = [
            (
                float(e.get(name)) - (0 if name == "x" else 0.35 * self.em),
                float(e.get(f"data-{name}")),
            )
            for e in self.root.iter(f"{SVG}text")
            if e.get(f"data-{name}") is not None
        ]
        (p, a), (q, b) = ticks[0], ticks[-1]
        middle, value = ticks[len(ticks) // 2]
        log = a > 0 and len(ticks) > 2 and not math.isclose(
            a + (middle - p) / (q - p) * (b - a), value, rel_tol=1e-3
        )  # fmt: skip

        def number(place: float) -> float:
            share = (place - p) / (q - p)
            return a * (b / a) ** share if log else a + share * (b - a)

        return number

    @property
    def em(self) -> float:
        return float(self.root.get("font-size"))

    @property
    def solved(self) -> float | None:
        """The place of the row "solved"."""
        rows = [e for e in self.root.iter(f"{SVG}text") if e.text == "solved"]
        return float(rows[0].get("y")) - 0.35 * self.em if rows else None

    def line(self, number: int) -> list[tuple[float, float]]:
        """The corners of a line as numbers; minus infinity in the row "solved"."""
        (path,) = (e for e in self.root.iter(f"{SVG}path") if e.get("data-line") == str(number))
        places = [tuple(map(float, p)) for p in re.findall(r"([-\d.]+) ([-\d.]+)", path.get("d"))]
        return [(self.x(x), self._value(y)) for x, y in places]

    def _value(self, place: float) -> float:
        on_row = self.solved is not None and math.isclose(place, self.solved, abs_tol=0.02)
        return -math.inf if on_row else self.y(place)

    def at(self, number: int, x: float) -> float:
        """The value of a line at x."""
        return [y for place, y in self.line(number) if place <= x * (1 + 1e-3) + 1e-6][-1]
