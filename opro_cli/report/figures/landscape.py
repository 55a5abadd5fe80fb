"""The landscape of a problem of two numbers, with the points that runs proposed in it.

The ground and its contours, one a decade, are values of a formula of this package. A function of
the user's is never called for a picture: its points stand on empty ground.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from opro_cli.core.problem import Problem
from opro_cli.core.text import number, plural
from opro_cli.core.totals import MODEL, START
from opro_cli.report.figures.drawing.field import Field, field_of, viridis
from opro_cli.report.figures.drawing.marks import cut
from opro_cli.report.figures.drawing.panels import Panels
from opro_cli.report.figures.drawing.scales import Scale, label_text
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.figure import PAGE, Figure, Layout, Numbers, canvas
from opro_cli.report.figures.palette import paint
from opro_cli.report.figures.paths import Path, Visit, heading
from opro_cli.runs.progress import points_text

SHOWN = (1, 99)
"""Percentiles of the points that decide what is shown."""

MARGIN = 0.12

RED = "#b3203f"

MOST = 400
"""Points drawn of a run; of more, every second, third …"""


@dataclass(frozen=True)
class _Box:
    low: tuple[float, float]
    high: tuple[float, float]

    def holds(self, point: Sequence[float]) -> bool:
        pairs = zip(self.low, point, self.high, strict=True)
        return all(low <= value <= high for low, value, high in pairs)


def has_landscape(path: Path) -> bool:
    """Whether the points of a run are two numbers with names."""
    names = path.view.spec.build_problem().space.names
    return len(names) == 2 and all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for visit in path.visits[:20]
        for value in visit.point
    )


def landscape(paths: Sequence[Path], layout: Layout = PAGE) -> Figure:
    """Runs side by side on one scale.

    Args:
        paths: at least one, all with :func:`has_landscape` and on equal problems.
        layout: the size of all panels together.
    """
    problem = paths[0].view.spec.build_problem()
    box = _box_of(paths, problem)
    drawing = _Drawing(paths, problem, box, layout)
    names = " and ".join(problem.space.names)
    title = f"{heading(paths[0])}: {names} of the points"
    parts = [f"{p.name}: {_summary(p)}" for p in paths]
    ground = ", on contours of the value above the optimum, one a decade" if drawing.field else ""
    description = (
        f"The points of {plural(len(paths), 'run')}{ground}. Squares are starting points, circles "
        f"are proposed by a model, diamonds by an algorithm; later steps are lighter. "
        + "; ".join(parts) + "."
    )  # fmt: skip
    outside = sum(not box.holds(v.point) for p in paths for v in p.visits)
    notes = [f"{plural(outside, 'point')} outside of the box."] if outside else []
    if drawing.every > 1:
        notes.append(f"One of {drawing.every} points is drawn, and every one that was the best.")
    columns = ("run", "step", *problem.space.names, problem.text.value, "source")
    rows = tuple(
        (p.view.id, v.step, *v.point, v.value if math.isfinite(v.value) else None, v.source)
        for p in paths
        for v in p.visits
    )
    table = tuple(
        (p.view.id, v.step, *v.point, number(v.value), v.source) for p in paths for v in p.best
    )
    return Figure(
        "landscape", title, description, drawing.svg(title, description),
        Numbers(columns, table), Numbers(columns, rows), tuple(notes),
    )  # fmt: skip


def _summary(path: Path) -> str:
    best = path.best
    text = f"{points_text(path.view, len(path.visits))}, {path.state}"
    return f"{text}, best {number(best[-1].value)}" if best else text


def _box_of(paths: Sequence[Path], problem: Problem) -> _Box:
    """What all panels show: starts, a model's points, the best ones of all runs, and the target."""
    shown = [v for p in paths for v in p.visits if v.better or v.source in (START, MODEL)]
    points = np.array([v.point for v in shown], dtype=np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        points = np.zeros((1, 2))
    low, high = np.percentile(points, SHOWN, axis=0)
    if problem.target is not None:
        target = np.array(problem.target, dtype=np.float64)
        low, high = np.minimum(low, target), np.maximum(high, target)
    room = MARGIN * (high - low)
    room = np.where(room > 0, room, np.maximum(np.abs(high) * 0.1, 0.5))
    low, high = (low - room).tolist(), (high + room).tolist()
    return _Box((low[0], low[1]), (high[0], high[1]))


class _Drawing:
    def __init__(self, paths: Sequence[Path], problem: Problem, box: _Box, layout: Layout) -> None:
        self.paths, self.problem, self.box = paths, problem, box
        self.em = em = layout.font
        self.field: Field | None = field_of(
            problem, (box.low[0], box.high[0], box.low[1], box.high[1])
        )
        self.panels = Panels(len(paths), layout, (4.6, 1.8, 1.0, 3.0), 3.6)
        self.inner = self.panels.width, self.panels.height
        self.x = Scale(box.low[0], box.high[0], 0.0, self.inner[0])
        self.y = Scale(box.low[1], box.high[1], self.inner[1], 0.0)
        self.every = max(math.ceil(len(p.visits) / MOST) for p in paths)
        most = max(len(p.visits) for p in paths)
        self.radius = em * (0.36 if most < 60 else 0.28 if most < 200 else 0.2)
        seen = hashlib.sha256(repr((box, problem.target, self.inner)).encode()).hexdigest()[:8]
        self.ground, self.clip = f"ground-{seen}", f"clip-{seen}"

    def svg(self, title: str, description: str) -> Element:
        width, height = self.inner
        inside = Element("clipPath", Element("rect", width=width, height=height), id=self.clip)
        ground = Element("g", *self._ground(), id=self.ground)
        children: list[Child] = [Element("defs", inside, ground)]
        children += self.panels.place([self._panel(path) for path in self.paths])
        children += self._legend(self.panels.foot + 1.2 * self.em)
        return canvas(self.panels.layout, title, description, children)

    def _ground(self) -> Iterator[Element]:
        width, height = self.inner
        if self.field is not None:
            yield Element(
                "image", href=self.field.png(), width=width, height=height,
                preserveAspectRatio="none",
            )  # fmt: skip
            for level in self.field.levels:
                lines = [
                    "M" + "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in line)
                    for line in self.field.contours(level)
                ]
                if lines:
                    yield Element(
                        "path", d="".join(lines), fill="none", stroke="#8b94a3",
                        stroke_opacity=0.7, stroke_width=0.06 * self.em,
                    )  # fmt: skip
        yield Element(
            "rect", width=width, height=height, stroke_width=0.07 * self.em, **paint(stroke="axis")
        )

    def _panel(self, path: Path) -> Iterator[Element]:
        yield self.panels.heading(path.name, path.state)
        yield Element("use", href=f"#{self.ground}")
        yield from self._axes()
        yield Element("g", *self._points(path), clip_path=f"url(#{self.clip})")

    def _axes(self) -> Iterator[Element]:
        em = self.em
        width, height = self.inner
        first, second = self.problem.space.names
        ticks = self.x.ticks(max(2, int(width / (4 * em))))
        for tick, label in zip(ticks, self.x.labels(ticks), strict=True):
            yield Element("text", *label_text(label, em), x=self.x(tick), y=height + 1.2 * em,
                          text_anchor="middle", **paint(fill="muted"))  # fmt: skip
        ticks = self.y.ticks(max(2, int(height / (3 * em))))
        for tick, label in zip(ticks, self.y.labels(ticks), strict=True):
            yield Element("text", *label_text(label, em), x=-0.4 * em, y=self.y(tick) + 0.35 * em,
                          text_anchor="end", **paint(fill="muted"))  # fmt: skip
        yield Element("text", cut(first, 30), x=width / 2, y=height + 2.4 * em,
                      text_anchor="middle", **paint(fill="ink"))  # fmt: skip
        yield Element(
            "text", cut(second, 30), text_anchor="middle", **paint(fill="ink"),
            transform=f"translate({-3.1 * em:.2f} {height / 2:.2f}) rotate(-90)",
        )  # fmt: skip

    def _points(self, path: Path) -> Iterator[Element]:
        em = self.em
        for before, after in itertools.pairwise(path.best):
            (x1, y1), (x2, y2) = self._place(before), self._place(after)
            yield Element(
                "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke_width=0.1 * em, stroke="#1c1f24",
                stroke_opacity=0.75, data_step=str(after.step),
            )  # fmt: skip
        drawn = path.visits
        if self.every > 1:
            drawn = [v for i, v in enumerate(drawn) if v.better or i % self.every == 0]
        last = max((visit.step for visit in path.visits), default=0)
        for visit in drawn:
            x, y = self._place(visit)
            colour = viridis(visit.step / last if last else 0.0)
            yield _dot(visit.source, x, y, self.radius, colour, str(visit.step))
        if self.problem.target is not None:
            first, second = self.problem.target
            yield _cross(self.x(float(first)), self.y(float(second)), 0.7 * em)

    def _place(self, visit: Visit) -> tuple[float, float]:
        x, y = visit.point
        return self._outside(self.x, float(x)), self._outside(self.y, float(y))

    def _outside(self, scale: Scale, value: float) -> float:
        """A place that may be a little outside of the box, where it is cut off."""
        share = (value - scale.low) / (scale.high - scale.low)
        return scale.start + min(max(share, -1.0), 2.0) * (scale.end - scale.start)

    def _legend(self, y: float) -> Iterator[Element]:
        """What the marks and their colours say."""
        em = self.em
        x = 4.1 * em
        sources = {v.source for p in self.paths for v in p.visits}
        known = {START: "start", MODEL: "proposed by a model"}
        entries = [(s, known[s]) for s in (START, MODEL) if s in sources]
        if sources - set(known):
            entries.append(("algorithm", "by an algorithm"))
        for source, text in entries:
            yield _dot(source, x, y, 0.36 * em, viridis(0.45), None)
            yield Element("text", text, x=x + 0.8 * em, y=y + 0.35 * em, **paint(fill="muted"))
            x += (1.8 + 0.54 * len(text)) * em
        if self.problem.target is not None:
            yield _cross(x, y, 0.5 * em)
            yield Element("text", "target", x=x + 0.8 * em, y=y + 0.35 * em, **paint(fill="muted"))
        y += 1.35 * em
        x = 4.1 * em
        yield Element("text", "first step", x=x - 0.3 * em, y=y + 0.35 * em, **paint(fill="muted"))
        x += 4.6 * em
        for i in range(12):
            yield Element("rect", x=x + i * 0.6 * em, y=y - 0.35 * em, width=0.62 * em,
                          height=0.7 * em, fill=viridis(i / 11))  # fmt: skip
        yield Element("text", "last step of the run", x=x + 7.7 * em, y=y + 0.35 * em,
                      **paint(fill="muted"))  # fmt: skip


def _cross(x: float, y: float, r: float) -> Element:
    """The target."""
    return Element(
        "path", d=f"M{x - r:.2f} {y:.2f}h{2 * r:.2f}M{x:.2f} {y - r:.2f}v{2 * r:.2f}",
        stroke=RED, stroke_width=0.2 * r, fill="none",
    )  # fmt: skip


def _dot(source: str, x: float, y: float, r: float, colour: str, step: str | None) -> Element:
    """A square for a start, a circle for a model's point, a diamond for an algorithm's."""
    look = {"fill": colour, "stroke": "#ffffff"}
    if source == START:
        return Element("rect", x=x - r, y=y - r, width=2 * r, height=2 * r, data_step=step,
                       stroke_width=r / 4, **look)  # fmt: skip
    if source == MODEL:
        return Element("circle", cx=x, cy=y, r=r, data_step=step, stroke_width=r / 4, **look)
    d = 1.25 * r
    points = f"{x:.2f},{y - d:.2f} {x + d:.2f},{y:.2f} {x:.2f},{y + d:.2f} {x - d:.2f},{y:.2f}"
    return Element("polygon", points=points, data_step=step, stroke_width=r / 4, **look)
