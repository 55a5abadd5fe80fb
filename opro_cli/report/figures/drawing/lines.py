"""The drawing of a chart of lines in SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from opro_cli.report.figures.drawing.chart import Chart, Line
from opro_cli.report.figures.drawing.marks import cut, mark, spread
from opro_cli.report.figures.drawing.scales import label_text
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.figure import Layout, canvas
from opro_cli.report.figures.palette import Style, paint

WIDE = 0.56
"""The mean width of a character, in ems."""

LONGEST_NAME = 60


def draw(chart: Chart, layout: Layout) -> Element:
    """The chart as an element ``svg``; names stand at the right ends of their lines."""
    return _Drawing(chart, layout).svg()


class _Drawing:
    def __init__(self, chart: Chart, layout: Layout) -> None:
        self.chart, self.layout, self.em = chart, layout, layout.font
        em = self.em
        names = [cut(line.name, LONGEST_NAME) for line in chart.lines]
        longest = max((len(t) for t in [*names, *(ln.remark for ln in chart.lines)]), default=0)
        self.room = min(longest * WIDE * em, 0.36 * layout.width)
        self.left, self.right = 4.4 * em, layout.width - self.room - 2.2 * em
        self.top, self.bottom = 1.1 * em, layout.height - 3.2 * em
        self.x = chart.x_scale(self.left, self.right)
        self.y = chart.y_scale(self.bottom - (0.8 * em if chart.gap else 0), self.top, 1.6 * em)

    def svg(self) -> Element:
        chart = self.chart
        children: list[Child] = [*self._y_axis(), *self._x_axis()]
        drawn = [(Style(i), line) for i, line in enumerate(chart.lines)]
        children += [band for style, line in drawn for band in self._band(style, line)]
        children += [part for style, line in drawn for part in self._line(style, line)]
        children += self._points()
        children += self._names(drawn)
        return canvas(self.layout, chart.title, chart.description, children)

    def _y_axis(self) -> Iterator[Element]:
        em, y = self.em, self.y
        ticks = y.ticks(max(3, int((self.bottom - self.top) / (2.6 * em))))
        labels = self.chart.y_labels(y, ticks)
        for tick, label in zip(ticks, labels, strict=True):
            place = y(tick)
            yield self._grid(self.left, place, self.right, place)
            yield self._text(
                label_text(label, em), self.left - 0.5 * em, place + 0.35 * em, anchor="end",
                data_y=repr(tick),
            )  # fmt: skip
        if y.floor is not None:
            yield self._grid(self.left, y.floor, self.right, y.floor)
            yield self._text(["solved"], self.left - 0.5 * em, y.floor + 0.35 * em, anchor="end")
        middle = (self.top + self.bottom) / 2
        yield Element(
            "text",
            self.chart.y_title,
            transform=f"translate({0.95 * em:.2f} {middle:.2f}) rotate(-90)",
            text_anchor="middle",
            **paint(fill="ink"),
        )

    def _x_axis(self) -> Iterator[Element]:
        em, x = self.em, self.x
        ticks = x.ticks(max(2, int((self.right - self.left) / (4.5 * em))))
        yield Element(
            "line", x1=self.left, x2=self.right, y1=self.bottom + 0.3 * em,
            y2=self.bottom + 0.3 * em, stroke_width=0.08 * em, **paint(stroke="axis"),
        )  # fmt: skip
        for tick, label in zip(ticks, x.labels(ticks), strict=True):
            place = x(tick)
            yield Element(
                "line", x1=place, x2=place, y1=self.bottom + 0.3 * em, y2=self.bottom + 0.6 * em,
                stroke_width=0.08 * em, **paint(stroke="axis"),
            )  # fmt: skip
            yield self._text(
                label_text(label, em), place, self.bottom + 1.6 * em, anchor="middle",
                data_x=repr(tick),
            )  # fmt: skip
        middle = (self.left + self.right) / 2
        title = self.chart.x_title + (" (log scale)" if x.log else "")
        yield self._text([title], middle, self.layout.height - 0.3 * em, "middle", colour="ink")

    def _grid(self, x1: float, y1: float, x2: float, y2: float) -> Element:
        return Element(
            "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke_width=0.06 * self.em, **paint(stroke="grid")
        )

    def _text(
        self,
        children: list[Child],
        x: float,
        y: float,
        anchor: str = "start",
        *,
        colour: str = "muted",
        data_x: str | None = None,
        data_y: str | None = None,
    ) -> Element:
        return Element(
            "text", *children, x=x, y=y, text_anchor=anchor, data_x=data_x, data_y=data_y,
            **paint(fill=colour),
        )  # fmt: skip

    def _band(self, style: Style, line: Line) -> Iterator[Element]:
        known = [i for i, high in enumerate(line.high) if high != math.inf]
        if len(known) < 2:
            return
        xs = [line.xs[i] for i in known]
        above = self._steps(xs, [line.high[i] for i in known])
        below = list(self._steps(xs, [line.low[i] for i in known]))
        path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in [*above, *reversed(below)]) + "Z"
        yield Element(
            "path", d=path, fill_opacity=0.14, data_band=str(style.number),
            **paint(fill=style.colour),
        )  # fmt: skip

    def _line(self, style: Style, line: Line) -> Iterator[Element]:
        known = [i for i, y in enumerate(line.ys) if y != math.inf]
        if known:
            places = self._steps([line.xs[i] for i in known], [line.ys[i] for i in known])
            dash = style.dash and " ".join(
                f"{float(d) * self.em / 12:.2f}" for d in style.dash.split()
            )
            yield Element(
                "path", d="M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in places),
                stroke_width=0.15 * self.em, stroke_dasharray=dash, stroke_linejoin="round",
                data_line=str(style.number), **paint(stroke=style.colour),
            )  # fmt: skip
        if line.end is not None and line.end[1] != math.inf:
            yield mark(style, self.x(line.end[0]), self.y(line.end[1]), 0.34 * self.em)

    def _steps(self, xs: Sequence[float], ys: Sequence[float]) -> Iterator[tuple[float, float]]:
        """The corners of a step function, to the right end of the axis."""
        places = [(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)]
        yield places[0]
        for (_, before), (x, y) in itertools.pairwise(places):
            if y != before:
                yield x, before
                yield x, y
        yield max(self.right, places[-1][0]), places[-1][1]

    def _points(self) -> Iterator[Element]:
        for x, y, low, high in self.chart.points:
            place = self.x(x)
            yield Element(
                "line", x1=place, x2=place, y1=self.y(low), y2=self.y(high),
                stroke_width=0.08 * self.em, stroke_opacity=0.7, **paint(stroke="axis"),
            )  # fmt: skip
            yield Element(
                "circle", cx=place, cy=self.y(y), r=0.24 * self.em, stroke_width=0.08 * self.em,
                **paint(fill="paper", stroke="axis"),
            )  # fmt: skip

    def _names(self, drawn: Sequence[tuple[Style, Line]]) -> Iterator[Element]:
        em = self.em
        lines = [(s, ln) for s, ln in drawn if ln.ys and ln.ys[-1] != math.inf]
        height = 2.35 * em if any(line.remark for _, line in lines) else 1.3 * em
        wanted = [self.y(line.ys[-1]) for _, line in lines]
        places = spread(wanted, height, self.top, self.layout.height - 0.4 * em)
        fits = int(self.room / (WIDE * em) + 0.5)
        for (style, line), place, at in zip(lines, places, wanted, strict=True):
            x = self.right + 0.9 * em
            if abs(place - at) > 0.4 * em:
                yield Element(
                    "line", x1=self.right + 0.15 * em, y1=at, x2=x - 0.3 * em, y2=place,
                    stroke_width=0.06 * em, stroke_opacity=0.6, **paint(stroke=style.colour),
                )  # fmt: skip
            yield mark(style, x + 0.1 * em, place, 0.34 * em)
            first = place + (0.35 * em if not line.remark else -0.1 * em)
            name = cut(line.name, fits)
            yield Element("text", name, x=x + 0.75 * em, y=first, font_weight="bold",
                          **paint(fill=style.colour))  # fmt: skip
            if line.remark:
                yield self._text([line.remark], x + 0.75 * em, first + 1.05 * em)
