"""A chart of lines in a terminal: dots of braille, or ASCII."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from opro_cli.report.figures.drawing.chart import Chart, Line
from opro_cli.report.figures.drawing.marks import cut
from opro_cli.report.figures.drawing.scales import Label

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column."""

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "white", "bright_black")

LETTERS = "ox+*#@%&"
"""Stand at the end of the median run and before the names: never colour alone."""

END = -1
"""In place of the bits of a character: a letter stands there."""

RAISED = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

LEAST = 20
"""Columns of the plot, at least."""


def draw(chart: Chart, width: int = 80, height: int = 16, *, ascii_only: bool = False,
         colour: bool = False) -> str:  # fmt: skip
    """The chart as lines of text, with a legend.

    Args:
        chart: the lines.
        width: columns in all.
        height: rows of the plot.
        ascii_only: whether only ASCII characters are used.
        colour: whether escape codes for colours are used.
    """
    canvas = _Canvas(chart, width, height, ascii_only)
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, highlight=False, force_terminal=colour,
        color_system="standard" if colour else None, force_jupyter=False,
    )  # fmt: skip
    for line in canvas.lines():
        console.print(line, soft_wrap=True)
    return stream.getvalue()


class _Canvas:
    def __init__(self, chart: Chart, width: int, height: int, ascii_only: bool) -> None:
        self.chart, self.ascii = chart, ascii_only
        self.height = height
        solved = 1 if chart.gap else 0
        self.across, self.down = (1, 1) if ascii_only else (2, 4)
        rows = height * self.down
        self.y = chart.y_scale(rows - 1, 0.0, 1.5 * solved * self.down)
        ticks = self.y.ticks(max(2, height // 3))
        labels = {round(self.y(t)) // self.down: self._label(lb)
                  for t, lb in zip(ticks, chart.y_labels(self.y, ticks), strict=True)}  # fmt: skip
        if solved:
            labels[height - 1] = "solved"
        self.margin = max(map(cell_len, labels.values()), default=0)
        self.columns = max(width - self.margin - 3, LEAST)
        self.x = chart.x_scale(0.0, self.columns * self.across - 1.0)
        self.labels = labels
        self.cells: dict[tuple[int, int], tuple[int, int]] = {}
        """By row and column: the bits, and the number of the line that was drawn last."""

    def lines(self) -> Iterator[Text]:
        yield Text(cut(self.chart.title, self.margin + self.columns + 3), style="bold")
        for number, line in reversed(list(enumerate(self.chart.lines))):
            self._draw(number, line)
        for number, line in enumerate(self.chart.lines):
            if line.end is not None and line.end[1] != math.inf:
                x, y = round(self.x(line.end[0])), round(self.y(line.end[1]))
                self.cells[y // self.down, x // self.across] = END, number
        bar = "|" if self.ascii else "│"
        for row in range(self.height):
            text = Text(f"{self.labels.get(row, ''):>{self.margin}} {bar}", style="dim")
            text.append_text(self._row(row))
            yield text
        yield from self._x_axis()
        for number, line in enumerate(self.chart.lines):
            text = Text(f"  {LETTERS[number % len(LETTERS)]} ", style=self._style(number))
            text.append(cut(line.name, self.columns), style=self._style(number))
            text.append(f"  {line.remark}", style="dim")
            yield text

    def _x_axis(self) -> Iterator[Text]:
        ticks = self.x.ticks(max(2, self.columns // 12))
        labels = [self._label(label) for label in self.x.labels(ticks)]
        row = [" "] * (self.columns + 8)
        rule = ["-" if self.ascii else "─"] * self.columns
        free = 0
        for tick, label in zip(ticks, labels, strict=True):
            place = min(int(self.x(tick)) // self.across, self.columns - 1)
            rule[place] = "+" if self.ascii else "┬"
            start = max(place - len(label) // 2, 0)
            if start >= free:
                row[start : start + len(label)] = label
                free = start + len(label) + 1
        corner = "+" if self.ascii else "└"
        yield Text(" " * (self.margin + 1) + corner + "".join(rule), style="dim")
        yield Text(" " * (self.margin + 2) + "".join(row).rstrip(), style="dim")
        scale = ", log scale" if self.x.log else ""
        yield Text(" " * (self.margin + 2) + self.chart.x_title + scale, style="dim")

    def _row(self, row: int) -> Text:
        text = Text()
        for column in range(self.columns):
            bits, number = self.cells.get((row, column), (0, 0))
            if not bits:
                text.append(" ")
            elif self.ascii or bits == END:
                text.append(LETTERS[number % len(LETTERS)], style=self._style(number))
            else:
                text.append(chr(BRAILLE + bits), style=self._style(number))
        return text

    def _draw(self, number: int, line: Line) -> None:
        """The steps of a line, dot by dot."""
        places = [
            (round(self.x(x)), round(self.y(y)))
            for x, y in zip(line.xs, line.ys, strict=True)
            if y != math.inf
        ]
        if not places:
            return
        places.append((self.columns * self.across - 1, places[-1][1]))
        self._dot(number, *places[0])
        for (x1, y1), (x2, y2) in itertools.pairwise(places):
            for x in range(x1, x2 + 1):
                self._dot(number, x, y1)
            for y in range(min(y1, y2), max(y1, y2) + 1):
                self._dot(number, x2, y)

    def _dot(self, number: int, x: int, y: int) -> None:
        place = y // self.down, x // self.across
        bit = 1 if self.ascii else DOTS[y % 4][x % 2]
        self.cells[place] = self.cells.get(place, (0, 0))[0] | bit, number

    def _label(self, label: Label) -> str:
        text, raised = label
        if not raised:
            return text.replace("−", "-") if self.ascii else text
        if self.ascii:
            return f"{text.replace('·', 'x')}^{raised}".replace("−", "-")
        return text + raised.translate(RAISED)

    def _style(self, number: int) -> str:
        return COLOURS[number % len(COLOURS)]
