"""Runtime distributions: the share of targets that an optimizer has reached by a budget.

The targets of an instance are values between its start and its optimum (J. J. Moré, S. M. Wild,
"Benchmarking Derivative-Free Optimization Algorithms", SIAM J. Optim. 20, 2009): a run has reached
the one of precision τ when its value is at most f* + τ·(f(start) - f*).
"""

from __future__ import annotations

import math

import numpy as np

from opro_cli.core.text import plural
from opro_cli.report.figures.comparisons import (
    AXIS_TITLES,
    Axis,
    Comparison,
    Course,
    Floats,
    Instance,
    Series,
)
from opro_cli.report.figures.curves import CHECKPOINTS, at, thinned
from opro_cli.report.figures.drawing.chart import Chart, Line
from opro_cli.report.figures.drawing.lines import draw
from opro_cli.report.figures.drawing.scales import plain
from opro_cli.report.figures.figure import PAGE, Cell, Figure, Layout, Numbers

PRECISIONS: Floats = np.geomspace(0.3, 1e-6, 31)
"""τ of the targets of an instance."""


def ecdf(compared: Comparison, axis: Axis = "evaluations", layout: Layout = PAGE) -> Figure | None:
    """The share of targets reached, over one axis.

    Args:
        compared: the runs.
        axis: what the horizontal axis counts. Optimizers that took none of it are left out.
        layout: the size.

    Returns:
        None where no run took any of it, or no instance can be improved on.
    """
    spans = {i: span for i in compared.instances if (span := _span(compared, i)) is not None}
    lines = [line for s in compared.series if (line := _line(s, spans, axis)) is not None]
    if not spans or not lines:
        return None
    best = "the optimum" if compared.has_optimum else "the best value that any run found"
    instances = plural(len(spans), "instance")
    title = f"{compared.title}: targets reached by {AXIS_TITLES[axis]}"
    description = (
        f"Share of {len(PRECISIONS)} targets an instance, between its start and {best}, that each "
        f"optimizer has reached, over {instances} that all of them ran. "
        + "; ".join(f"{line.name}: {_percent(line.ys[-1])} in the end" for line in lines)
        + "."
    )
    chart = Chart(
        title, description, AXIS_TITLES[axis], "share of targets reached", tuple(lines), share=True
    )
    notes = (
        f"{instances}, which all of the optimizers ran; {len(PRECISIONS)} targets each: "
        f"f* + τ·(f(start) − f*), τ from 0.3 to 0.000001, f* {best}.",
        *compared.notes,
    )
    return Figure(
        "ecdf", title, description, draw(chart, layout), _table(chart), _data(chart, axis), notes,
        chart,
    )  # fmt: skip


def reached(course: Course, span: tuple[float, float], xs: Floats) -> Floats:
    """When a run reached each target: its place on the axis; infinity for never.

    Args:
        course: the run.
        span: the losses of optimum and start.
        xs: its moments on the axis, shape (n,).

    Returns:
        Of the shape of ``PRECISIONS``.
    """
    optimum, start = span
    losses = course.losses()
    targets = optimum + PRECISIONS * (start - optimum)
    below = losses[np.newaxis, :] <= targets[:, np.newaxis]
    first = below.argmax(axis=1)
    return np.where(below.any(axis=1), xs[first], math.inf)


def _span(compared: Comparison, instance: Instance) -> tuple[float, float] | None:
    """The losses of the optimum and of the start; None where the start is as good."""
    courses = [series.runs[instance] for series in compared.series]
    start = max(float(course.losses()[0]) for course in courses)
    optimum = 0.0
    if not compared.has_optimum:
        optimum = min(float(course.losses()[-1]) for course in courses)
    return (optimum, start) if optimum < start < math.inf else None


def _line(series: Series, spans: dict[Instance, tuple[float, float]], axis: Axis) -> Line | None:
    along = {i: series.runs[i].along(axis) for i in spans}
    times = [reached(series.runs[i], spans[i], xs) for i, xs in along.items() if xs is not None]
    if not times or len(times) < len(spans):
        return None
    found: Floats = np.sort(np.concatenate(times))
    ends = np.sort([xs[-1] for xs in along.values() if xs is not None])
    begins = min(float(xs[0]) for xs in along.values() if xs is not None)
    places = thinned(np.unique(np.concatenate([[begins], found[np.isfinite(found)]])))
    shares = np.searchsorted(found, places, side="right") / len(found)
    end = float(ends[max(math.ceil(len(ends) / 2) - 1, 0)])
    by_then = float(np.searchsorted(found, end, side="right") / len(found))
    return Line(
        series.name,
        f"{_percent(float(shares[-1]))} of targets",
        tuple(places.tolist()),
        tuple(shares.tolist()),
        end=(end, by_then),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _table(chart: Chart) -> Numbers:
    ticks = [t for t in chart.x_scale(0.0, 1.0).ticks(CHECKPOINTS) if t > 0][:CHECKPOINTS]
    columns = ("optimizer", *(f"after {plain(tick)}" for tick in ticks), "in the end")
    rows: list[tuple[Cell, ...]] = []
    for line in chart.lines:
        shares = at(np.array(line.xs), np.array(line.ys), np.array(ticks))
        cells = [_percent(s) if math.isfinite(s) else "0%" for s in shares.tolist()]
        rows.append((line.name, *cells, _percent(line.ys[-1])))
    return Numbers(columns, tuple(rows))


def _data(chart: Chart, axis: Axis) -> Numbers:
    rows = [
        (line.name, x, y) for line in chart.lines for x, y in zip(line.xs, line.ys, strict=True)
    ]
    return Numbers(("optimizer", axis, "share of targets"), tuple(rows))
