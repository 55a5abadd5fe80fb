"""Tours: the shortest that a run found, over the shortest that it began with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.events import Point
from opro_cli.core.text import number, plural
from opro_cli.core.totals import START
from opro_cli.problems.tsp.problem import TspProblem
from opro_cli.report.figures.drawing.panels import Panels
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.figure import PAGE, Figure, Layout, Numbers, canvas
from opro_cli.report.figures.palette import paint
from opro_cli.report.figures.paths import Path, Visit, heading

Place = tuple[float, float]


def has_tours(path: Path) -> bool:
    """Whether the points of a run are tours through cities on a plane."""
    problem = path.view.spec.build_problem()
    on_plane = isinstance(problem, TspProblem) and problem.coordinates is not None
    return on_plane and bool(path.best)


def tour(paths: Sequence[Path], layout: Layout = PAGE) -> Figure:
    """The tours of runs, side by side.

    Args:
        paths: at least one, all with :func:`has_tours`.
        layout: the size of all panels together.
    """
    panels = Panels(len(paths), layout, (0.6, 1.8, 0.6, 2.8), 1.8, ratio=1.0)
    drawn = [_Tour(path, panels) for path in paths]
    title = f"{heading(paths[0])}: the shortest tours found"
    description = (
        f"The best tours of {plural(len(paths), 'run')}, as lines through the cities, over the "
        f"best starting tours, dashed. {'; '.join(d.caption for d in drawn)}."
    )
    columns = ("run", "optimizer", "state", "start", "length", "shortest", "gap %", "tour")
    rows = tuple(
        (d.path.view.id, d.path.name, d.path.state, d.start.value, d.best.value, d.shortest, d.gap,
         " ".join(map(str, d.best.point)))
        for d in drawn
    )  # fmt: skip
    table = Numbers(
        columns[1:7],
        tuple(
            (row[1], row[2], number(float(row[3])), number(float(row[4])),
             "unknown" if row[5] is None else number(row[5]),
             "" if row[6] is None else f"{row[6]:.2f}")
            for row in rows
        ),
    )  # fmt: skip
    children = [*panels.place([d.panel() for d in drawn]), *_legend(panels)]
    svg = canvas(panels.layout, title, description, children)
    return Figure("tour", title, description, svg, table, Numbers(columns, rows))


class _Tour:
    def __init__(self, path: Path, panels: Panels) -> None:
        problem = path.view.spec.build_problem()
        assert isinstance(problem, TspProblem)  # noqa: S101  # see has_tours
        assert problem.coordinates is not None  # noqa: S101
        self.path, self.panels = path, panels
        self.best = path.best[-1]
        starts = [visit for visit in path.best if visit.source == START]
        self.start: Visit = starts[-1] if starts else path.visits[0]
        self.shortest = problem.optimum
        self.gap: float | None = None
        if self.shortest:
            self.gap = max(100 * (self.best.value / self.shortest - 1), 0.0)
        self._places = _fitted(problem.coordinates.tolist(), panels.width, panels.height)

    @property
    def caption(self) -> str:
        """Optimizer, length and gap."""
        gap = "" if self.gap is None else f", {self.gap:.1f}% above the shortest"
        return f"{self.path.name}: length {number(self.best.value)}{gap}, {self.path.state}"

    def panel(self) -> Iterator[Child]:
        """The drawing of one run."""
        em, panels = self.panels.em, self.panels
        yield panels.heading(self.path.name, self.path.state)
        yield Element(
            "path", d=self._line(self.start.point), stroke_width=0.1 * em,
            stroke_dasharray=f"{0.3 * em:.2f} {0.3 * em:.2f}", data_tour="start",
            **paint(stroke="axis"),
        )  # fmt: skip
        yield Element(
            "path", d=self._line(self.best.point), stroke_width=0.18 * em, stroke_linejoin="round",
            data_tour="best", **paint(stroke="s0"),
        )  # fmt: skip
        for x, y in self._places:
            yield Element("circle", cx=x, cy=y, r=0.3 * em, stroke_width=0.08 * em,
                          **paint(fill="ink", stroke="paper"))  # fmt: skip
        below = panels.height + 1.4 * em
        gap = "" if self.gap is None else f", {self.gap:.1f}% above the shortest"
        yield Element("text", f"length {number(self.best.value)}{gap}", y=below,
                      **paint(fill="muted"))  # fmt: skip

    def _line(self, point: Point) -> str:
        corners = [self._places[city] for city in point]
        return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in corners) + "Z"


def _fitted(cities: Sequence[Sequence[float]], width: float, height: float) -> list[Place]:
    """The cities in a box, the same scale in both directions, the second coordinate upwards."""
    xs, ys = [x for x, _ in cities], [y for _, y in cities]
    across, up = max(xs) - min(xs), max(ys) - min(ys)
    scale = min(width / across if across else 1e9, height / up if up else 1e9)
    left, top = (width - scale * across) / 2, (height - scale * up) / 2
    return [(left + scale * (x - min(xs)), top + scale * (max(ys) - y)) for x, y in cities]


def _legend(panels: Panels) -> Iterator[Element]:
    em, y = panels.em, panels.foot + 0.6 * panels.em
    for i, (text, colour, dash) in enumerate(
        [("best tour", "s0", None), ("best starting tour", "axis", f"{0.3 * em:.2f}")]
    ):
        x = (0.6 + 8 * i) * em
        yield Element("line", x1=x, x2=x + 2 * em, y1=y, y2=y, stroke_dasharray=dash,
                      stroke_width=(0.18 - 0.08 * i) * em, **paint(stroke=colour))  # fmt: skip
        yield Element("text", text, x=x + 2.5 * em, y=y + 0.35 * em, **paint(fill="muted"))
