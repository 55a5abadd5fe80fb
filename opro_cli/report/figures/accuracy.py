"""Instructions: their accuracy over the answers that it took, with intervals.

Above, on train: each instruction as it was scored, and the best so far. Below, on the test: the
start and what was chosen. Intervals are Wilson's, of 95 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from opro_cli.core.events import Point
from opro_cli.core.text import plural
from opro_cli.core.totals import RunTotals
from opro_cli.report.figures.drawing.chart import Chart, Line
from opro_cli.report.figures.drawing.lines import draw
from opro_cli.report.figures.drawing.marks import cut, mark
from opro_cli.report.figures.drawing.scales import Scale
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.figures.figure import PAGE, Cell, Figure, Layout, Numbers, canvas
from opro_cli.report.figures.palette import SERIES, Style, paint
from opro_cli.report.figures.paths import Path, Visit
from opro_cli.report.judged import JudgedRun, Share, is_judged
from opro_cli.report.rows import FINISHED
from opro_cli.report.statistics import wilson

ASKED = "."
"""The character of an example that was not asked."""

APART = 0.012
"""Between the marks of one step, as a share of the axis."""


@dataclass(frozen=True)
class Graded:
    """An instruction on a data set, as a row of the grid of examples."""

    split: str
    """``train``, ``dev`` or ``test``."""
    part: str
    """``scored`` on train; else as of :class:`.events.Verdict`."""
    point: Point
    share: Share


def graded(totals: RunTotals) -> list[Graded]:
    """Every instruction that was scored, on each data set, in the order of the log."""
    found = [
        Graded("train", "scored", point, Share(pair.value, pair.detail))
        for point, pair in totals.scored.items()
    ]
    for split, judged in totals.judged.items():
        found += [Graded(split, v.part, v.point, Share(v.value, v.detail)) for v in judged.verdicts]
    return found


def has_accuracy(path: Path) -> bool:
    """Whether the points of a run are instructions, of which one has been scored."""
    return is_judged(path.view.spec) and bool(path.best)


@dataclass(frozen=True)
class _Result:
    """One line of the lower part."""

    run: int
    name: str
    share: Share


def accuracy(paths: Sequence[Path], layout: Layout = PAGE) -> Figure:
    """The accuracy of the instructions of runs.

    Args:
        paths: at least one, all with :func:`has_accuracy`. Of more than ``SERIES``, the first.
        layout: the size.
    """
    shown = list(paths)[:SERIES]
    lines = tuple(_line(path) for path in shown)
    points = tuple(_points(shown[0])) if len(shown) == 1 else ()
    preset = shown[0].view.spec.preset
    results = [r for i, path in enumerate(shown) for r in _results(i, path)]
    parts = [f"{r.name} {_percent(r.share)} of {r.share.examples}" for r in results]
    title = f"{preset}: accuracy by answers"
    description = (
        f"Best accuracy on train so far, of {plural(len(shown), 'run')}, over the answers it took. "
        + (f"On the test: {'; '.join(parts)}." if parts else "There are no results on a test.")
    )
    chart = Chart(title, description, "answers of the scorer", "accuracy on train", lines,
                  share=True, log_x=False, points=points)  # fmt: skip
    notes = tuple(
        f"{path.view.name}: {path.view.totals.state}, not chosen from, and not on the test."
        for path in shown
        if path.view.totals.state not in FINISHED
    )
    if len(paths) > len(shown):
        notes += (f"{plural(len(paths) - len(shown), 'run')} more, not drawn.",)
    return Figure(
        "accuracy", title, description, _composed(chart, results, layout), _table(shown, results),
        _data(shown), notes, chart,
    )  # fmt: skip


def _line(path: Path) -> Line:
    best = path.best
    last = path.view.totals.evaluations
    remark = f"{100 * best[-1].value:.1f}% on train"
    xs = tuple(float(v.evaluations) for v in best)
    return Line(path.name, remark, xs, tuple(v.value for v in best),
                end=(float(max(last, best[-1].evaluations)), best[-1].value))  # fmt: skip


def _points(path: Path) -> Iterator[tuple[float, float, float, float]]:
    """Each scored instruction; those of one step a little apart, before its end."""
    scored = [v for v in path.visits if math.isfinite(v.value) and _asked(v)]
    total = max((v.evaluations for v in scored), default=0)
    several = Counter(v.evaluations for v in scored)
    for visit in reversed(scored):
        asked = _asked(visit)
        low, high = wilson(visit.value * asked, asked)
        several[visit.evaluations] -= 1
        apart = APART * total * several[visit.evaluations]
        yield visit.evaluations - apart, visit.value, low, high


def _asked(visit: Visit) -> int:
    """Examples that were answered under an instruction."""
    return len(visit.detail) - visit.detail.count(ASKED)


def _results(number: int, path: Path) -> Iterator[_Result]:
    """The start and the chosen instruction on the test, where the run is finished."""
    if path.view.totals.state not in FINISHED:
        return
    judged = JudgedRun(path.view.totals)
    name = f"{path.name}: " if number else ""
    for part, point in (("start", judged.start), ("chosen", judged.chosen)):
        share = judged.on("test", point)
        if share is not None:
            yield _Result(number, f"{name}{part}", share)


def _composed(chart: Chart, results: Sequence[_Result], layout: Layout) -> Element:
    """The chart, and below it the results on the test."""
    above = draw(chart, layout)
    if not results:
        return above
    em = layout.font
    whole = replace(layout, height=layout.height + (1.7 * len(results) + 3.4) * em)
    children: list[Child] = [
        *above.children[1:],
        Element(
            "g", *_forest(results, layout.width, em),
            transform=f"translate(0 {layout.height + 1.2 * em:.2f})",
        ),
    ]  # fmt: skip
    return canvas(whole, chart.title, chart.description, children)


def _forest(results: Sequence[_Result], width: float, em: float) -> Iterator[Element]:
    names = [cut(r.name, 34) for r in results]
    left = min((max(map(len, names)) * 0.56 + 1) * em + 4.4 * em, 0.45 * width)
    scale = Scale(0.0, 1.0, left, width - 9 * em)
    yield Element("text", "on the test", y=0.2 * em, x=4.4 * em, font_weight="bold",
                  **paint(fill="ink"))  # fmt: skip
    bottom = (1.7 * len(results) + 0.4) * em
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = scale(tick)
        yield Element("line", x1=x, x2=x, y1=0.8 * em, y2=bottom, stroke_width=0.06 * em,
                      **paint(stroke="grid"))  # fmt: skip
        yield Element("text", f"{100 * tick:.0f}%", x=x, y=bottom + 1.3 * em,
                      text_anchor="middle", **paint(fill="muted"))  # fmt: skip
    for i, (result, name) in enumerate(zip(results, names, strict=True)):
        y, style = (1.7 * i + 1.6) * em, Style(result.run)
        low, high = result.share.interval
        yield Element("text", name, x=left - 0.8 * em, y=y + 0.35 * em, text_anchor="end",
                      **paint(fill="ink"))  # fmt: skip
        yield Element("line", x1=scale(low), x2=scale(high), y1=y, y2=y, stroke_width=0.16 * em,
                      data_interval=str(i), **paint(stroke=style.colour))  # fmt: skip
        yield mark(style, scale(result.share.value), y, 0.4 * em)
        yield Element("text", f"{_percent(result.share)} of {result.share.examples}",
                      x=width - 8.2 * em, y=y + 0.35 * em, **paint(fill="muted"))  # fmt: skip


def _percent(share: Share) -> str:
    return f"{100 * share.value:.1f}%"


def _table(paths: Sequence[Path], results: Sequence[_Result]) -> Numbers:
    columns = ("run", "instruction", "data", "accuracy", "95% CI")
    rows: list[tuple[Cell, ...]] = []
    for i, path in enumerate(paths):
        best = path.best[-1]
        asked = len(best.detail) or 1
        low, high = wilson(best.value * asked, asked)
        rows.append(
            (path.name, "best on train", "train", f"{100 * best.value:.1f}%",
             f"{100 * low:.0f}–{100 * high:.0f}%")
        )  # fmt: skip
        for result in results:
            if result.run == i:
                low, high = result.share.interval
                rows.append(
                    (path.name, result.name.rpartition(": ")[2], "test", _percent(result.share),
                     f"{100 * low:.0f}–{100 * high:.0f}%")
                )  # fmt: skip
    return Numbers(columns, tuple(rows))


def _data(paths: Sequence[Path]) -> Numbers:
    columns = ("run", "answers", "data", "part", "accuracy", "low", "high", "instruction")
    rows: list[tuple[Cell, ...]] = []
    for path in paths:
        for visit in path.visits:
            asked = _asked(visit)
            if asked and math.isfinite(visit.value):
                interval = wilson(visit.value * asked, asked)
                rows.append((path.view.id, visit.evaluations, "train", "scored", visit.value,
                             *interval, str(visit.point[0])))  # fmt: skip
        for one in graded(path.view.totals):
            if one.split != "train":
                rows.append((path.view.id, None, one.split, one.part, one.share.value,
                             *one.share.interval, str(one.point[0])))  # fmt: skip
    return Numbers(columns, tuple(rows))
