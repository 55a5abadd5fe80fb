"""Convergence curves: the best value so far, or its gap to the optimum, over what it took.

A line is the median run, its band the middle half: at least half of the runs (a quarter, three
quarters) are as good as that or better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from opro_cli.core.text import plural
from opro_cli.report.figures.comparisons import (
    AXIS_TITLES,
    Axis,
    Comparison,
    Floats,
    Series,
)
from opro_cli.report.figures.drawing.chart import Chart, Line
from opro_cli.report.figures.drawing.lines import draw
from opro_cli.report.figures.drawing.scales import plain
from opro_cli.report.figures.figure import PAGE, Cell, Figure, Layout, Numbers

QUARTILES = (0.25, 0.5, 0.75)

GRID = 200
"""Places on the horizontal axis at which a line is computed, at most."""

CHECKPOINTS = 6
"""Columns of the table of medians, at most."""


def curves(
    compared: Comparison, axis: Axis = "evaluations", layout: Layout = PAGE
) -> Figure | None:
    """The curves of all optimizers over one axis.

    Args:
        compared: the runs.
        axis: what the horizontal axis counts. Optimizers that took none of it are left out.
        layout: the size.

    Returns:
        None where no run took any of it.
    """
    courses = {s.name: _along(s, axis) for s in compared.series}
    shown = [s for s in compared.series if courses[s.name]]
    if not shown:
        return None
    lines = tuple(_line(s, courses[s.name], compared) for s in shown)
    gap, value = compared.has_optimum, compared.value_name
    measured = f"{value} above the optimum" if gap else f"best {value}"
    if gap and compared.direction == "maximize":
        measured = f"{value} below the optimum"
    chart = Chart(
        title=f"{compared.title}: {measured} by {AXIS_TITLES[axis]}",
        description=_description(compared, lines, axis),
        x_title=AXIS_TITLES[axis],
        y_title=measured,
        lines=lines,
        gap=gap,
        share=compared.share,
    )
    left_out = [s.name for s in compared.series if not courses[s.name]]
    notes = compared.notes
    if left_out:
        notes += (f"Without {AXIS_TITLES[axis]}: {', '.join(left_out)}.",)
    return Figure(
        "curves",
        chart.title,
        chart.description,
        draw(chart, layout),
        _table(chart, shown),
        _data(chart, axis),
        notes,
        chart,
    )


def quantiles(values: Floats, shares: Sequence[float] = QUARTILES) -> Floats:
    """The least loss that at least these shares of the runs reach.

    Args:
        values: losses, shape (runs, places); infinite ones are compared as numbers.
        shares: above 0, up to 1.

    Returns:
        Losses, shape (shares, places).
    """
    ranked: Floats = np.sort(values, axis=0)
    ranks = [max(math.ceil(share * len(ranked) - 1e-9) - 1, 0) for share in shares]
    return ranked[ranks]


def at(xs: Floats, values: Floats, places: Floats) -> Floats:
    """A step function at these places; infinity before its first moment.

    Args:
        xs: when each value was there, ascending, shape (n,).
        values: shape (n,).
        places: shape (m,).
    """
    index = np.searchsorted(xs, places, side="right") - 1
    return np.where(index < 0, math.inf, values[np.maximum(index, 0)])


def _along(series: Series, axis: Axis) -> list[tuple[Floats, Floats]]:
    """The runs as step functions; none where one of them has no number for the axis."""
    found = [(run.along(axis), run.losses()) for run in series.runs.values()]
    known = [(xs, losses) for xs, losses in found if xs is not None]
    return known if len(known) == len(found) else []


def _line(series: Series, courses: Sequence[tuple[Floats, Floats]], compared: Comparison) -> Line:
    places = thinned(np.unique(np.concatenate([xs for xs, _ in courses])))
    good, median, bad = quantiles(np.stack([at(xs, ys, places) for xs, ys in courses]))
    ends: Floats = np.sort([xs[-1] for xs, _ in courses])
    end = float(ends[max(math.ceil(len(ends) / 2) - 1, 0)])
    last = float(quantiles(np.stack([at(xs, ys, np.array([end])) for xs, ys in courses]))[1, 0])
    sign = -1 if not compared.has_optimum and compared.direction == "maximize" else 1
    several = len(courses) > 1
    low, high = (good, bad) if sign > 0 else (bad, good)
    return Line(
        series.name,
        _remark(series, compared),
        tuple(places.tolist()),
        tuple((sign * median).tolist()),
        tuple((sign * low).tolist()) if several else (),
        tuple((sign * high).tolist()) if several else (),
        (end, sign * last),
    )


def _remark(series: Series, compared: Comparison) -> str:
    runs = len(series.made)
    return f"{series.solved} of {runs} solved" if compared.has_goal else plural(runs, "run")


def thinned(places: Floats) -> Floats:
    """At most ``GRID`` of these places, the first and the last among them, evenly by rank."""
    if len(places) <= GRID:
        return places
    kept: Floats = places[np.unique(np.linspace(0, len(places) - 1, GRID).round().astype(int))]
    return kept


def _description(compared: Comparison, lines: Sequence[Line], axis: Axis) -> str:
    runs = plural(len(compared.instances), "instance")
    parts = [f"{line.name}: {line.remark}" for line in lines]
    band = " Bands show the middle half of the runs." if any(line.low for line in lines) else ""
    return (
        f"Median of {runs}, the same for all optimizers, by {AXIS_TITLES[axis]}.{band} "
        f"{'; '.join(parts)}."
    )


def _table(chart: Chart, shown: Sequence[Series]) -> Numbers:
    scale = chart.x_scale(0.0, 1.0)
    ticks = [t for t in scale.ticks(CHECKPOINTS) if t > 0][:CHECKPOINTS]
    columns = (
        "optimizer", "runs", "solved",
        *(f"median after {plain(tick)}" for tick in ticks), "median at the end", "quartiles",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for series, line in zip(shown, chart.lines, strict=True):
        xs, ys = np.array(line.xs), np.array(line.ys)
        medians = [_shown(float(at(xs, ys, np.array([tick]))[0]), chart) for tick in ticks]
        last = _shown(line.ys[-1], chart)
        low, high = line.low or line.ys, line.high or line.ys
        spread = f"{_shown(low[-1], chart)} to {_shown(high[-1], chart)}"
        rows.append((line.name, len(series.made), series.solved, *medians, last, spread))
    return Numbers(columns, tuple(rows))


def _shown(value: float, chart: Chart) -> str:
    if value == -math.inf:
        return "solved"
    if not math.isfinite(value):
        return "–"
    if chart.share:
        return f"{100 * value:.1f}%"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def _data(chart: Chart, axis: Axis) -> Numbers:
    columns = ("optimizer", axis, "first quartile", "median", "third quartile")
    return Numbers(columns, tuple(_rows(chart)))


def _rows(chart: Chart) -> Iterator[tuple[Cell, ...]]:
    for line in chart.lines:
        low, high = line.low or line.ys, line.high or line.ys
        for x, a, b, c in zip(line.xs, low, line.ys, high, strict=True):
            yield (line.name, x, _number(a), _number(b), _number(c))


def _number(value: float) -> Cell:
    """A number for programs; "solved", or None where there is no value yet."""
    if value == -math.inf:
        return "solved"
    return value if math.isfinite(value) else None
