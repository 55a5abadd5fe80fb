"""Marks of series, and names that are kept apart."""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.core.text import clean
from opro_cli.report.figures.elements import Element
from opro_cli.report.figures.palette import Style, paint


def cut(text: str, limit: int) -> str:
    """A name on one line, with its middle left out where it is too long."""
    text = clean(text, 1000)
    if len(text) <= limit:
        return text
    end = max((limit - 1) // 3, 0)
    return text[: max(limit - 1 - end, 1)] + "…" + (text[-end:] if end else "")


def spread(wanted: Sequence[float], height: float, top: float, bottom: float) -> list[float]:
    """Places near the wanted ones, this far from each other, between top and bottom.

    Where there is no room for all, they are closer.
    """
    if not wanted:
        return []
    height = min(height, (bottom - top) / len(wanted))
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    low, high = top + height / 2, bottom - height / 2
    blocks: list[tuple[float, int]] = []  # the mean of what its members want, and their number
    for i in order:
        centre, count = wanted[i], 1
        while blocks and centre - count * height / 2 < blocks[-1][0] + blocks[-1][1] * height / 2:
            before, many = blocks.pop()
            centre, count = (centre * count + before * many) / (count + many), count + many
        half = (count - 1) * height / 2
        blocks.append((min(max(centre, low + half), high - half), count))
    places = [
        centre + (k - (count - 1) / 2) * height for centre, count in blocks for k in range(count)
    ]
    for k in range(len(places) - 2, -1, -1):  # what the lower end has pushed together
        places[k] = min(places[k], places[k + 1] - height)
    found = [0.0] * len(wanted)
    for i, place in zip(order, places, strict=True):
        found[i] = place
    return found


def mark(style: Style, x: float, y: float, r: float) -> Element:
    """The mark of a series: its colour in its shape."""
    both = paint(fill=style.colour, stroke="paper")
    thin = paint(stroke=style.colour)
    match style.shape:
        case "circle":
            return Element("circle", cx=x, cy=y, r=r, stroke_width=r / 4, **both)
        case "square":
            return Element("rect", x=x - r, y=y - r, width=2 * r, height=2 * r,
                           stroke_width=r / 4, **both)  # fmt: skip
        case "plus":
            return _strokes([(x - r, y, x + r, y), (x, y - r, x, y + r)], r, thin)
        case "cross":
            return _strokes([(x - r, y - r, x + r, y + r), (x - r, y + r, x + r, y - r)], r, thin)
        case "bar":
            return _strokes([(x, y - 1.2 * r, x, y + 1.2 * r)], r, thin)
    corners = {
        "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "triangle": [(0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
        "triangle-down": [(0, 1.3), (1.2, -0.9), (-1.2, -0.9)],
    }[style.shape]
    points = " ".join(f"{x + a * r:.2f},{y + b * r:.2f}" for a, b in corners)
    return Element("polygon", points=points, stroke_width=r / 4, **both)


def _strokes(
    lines: Sequence[tuple[float, float, float, float]], r: float, colours: dict[str, str]
) -> Element:
    path = "".join(f"M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}" for a, b, c, d in lines)
    return Element("path", d=path, stroke_width=r * 0.6, **colours)
