"""Colours, dashes and shapes: every series differs in all three, and has its name beside it.

A drawing carries its light colours as attributes, so that a file stands alone; a page overrides
them by the classes in :func:`stylesheet`, in light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = {
    # name: (light, dark)
    "paper": ("#ffffff", "#14161a"),
    "ink": ("#1c1f24", "#eceff4"),
    "muted": ("#545b66", "#aab2bf"),
    "grid": ("#dfe3e8", "#2e343d"),
    "axis": ("#767d88", "#8b94a3"),
    "s0": ("#0a5fa8", "#62b5f2"),
    "s1": ("#ab4a00", "#f59a4a"),
    "s2": ("#00704f", "#3ecf9b"),
    "s3": ("#97328a", "#e79bd3"),
    "s4": ("#6b6100", "#e6d64a"),
    "s5": ("#006f80", "#54d3e3"),
    "s6": ("#b3203f", "#ff8f9c"),
    "s7": ("#59554f", "#c4bfb6"),
}
"""Text and lines. In the order of Okabe and Ito's hues, but dark enough for text on paper
(contrast of 4.5 or more, WCAG 2.2 AA), and light enough on dark paper."""

SERIES = 8
"""Series that can be told apart."""

DASHES = (None, "7 3", "2 2", "9 3 2 3", "4 2", "1 2", "12 4", "6 2 1 2 1 2")
"""Of the line of each series, in tenths of an em."""

SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle",
    "triangle-down",
    "plus",
    "cross",
    "bar",
)
"""Of the mark of each series."""


@dataclass(frozen=True)
class Style:
    """How one series is drawn."""

    number: int
    """Counted from 0; from ``SERIES`` on, colours come again with other dashes."""

    @property
    def colour(self) -> str:
        """Its name in ``COLOURS``."""
        return f"s{self.number % SERIES}"

    @property
    def dash(self) -> str | None:
        """Of its line."""
        return DASHES[(self.number + self.number // SERIES) % len(DASHES)]

    @property
    def shape(self) -> str:
        """Of its mark."""
        return SHAPES[(self.number + self.number // SERIES) % len(SHAPES)]


def paint(fill: str | None = None, stroke: str | None = None) -> dict[str, str]:
    """The attributes that colour an element.

    Args:
        fill: a name in ``COLOURS``; None for no fill.
        stroke: the same, for its outline.
    """
    classes = [f"f-{fill}"] if fill else []
    found = {"fill": COLOURS[fill][0] if fill else "none"}
    if stroke:
        classes.append(f"l-{stroke}")
        found["stroke"] = COLOURS[stroke][0]
    return {**({"class_": " ".join(classes)} if classes else {}), **found}


def stylesheet() -> str:
    """The colours as CSS: variables ``--ink``, ``--s0`` … in light and dark, and their classes."""
    light = "".join(f"--{name}:{pair[0]};" for name, pair in COLOURS.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in COLOURS.items())
    classes = "".join(
        f".f-{name}{{fill:var(--{name})}}.l-{name}{{stroke:var(--{name})}}" for name in COLOURS
    )
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{classes}"
    )
