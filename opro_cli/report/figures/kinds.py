"""The kinds of figure, and which of them a set of runs can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from opro_cli.core.registry import Registry
from opro_cli.report.figures.comparisons import Axis, comparisons, series_name
from opro_cli.report.figures.figure import PAGE, Figure, Layout
from opro_cli.report.figures.paths import Path, read_path
from opro_cli.report.groups import by_problem, target_name
from opro_cli.report.judged import is_judged
from opro_cli.report.rows import Row
from opro_cli.report.summary import Summary, summarize
from opro_cli.runs.progress import RunView
from opro_cli.runs.store import StoredRun

Draw: TypeAlias = Callable[[Summary, Axis, Layout], list[Figure]]
"""All figures of a kind, one for each problem or target."""

PANELS = 12
"""Runs side by side, at most."""

KINDS: Registry[Draw] = Registry(
    "kind of figure",
    {
        "curves": "opro_cli.report.figures.kinds:draw_curves",
        "ecdf": "opro_cli.report.figures.kinds:draw_ecdf",
        "landscape": "opro_cli.report.figures.kinds:draw_landscapes",
        "tour": "opro_cli.report.figures.kinds:draw_tours",
        "accuracy": "opro_cli.report.figures.kinds:draw_accuracies",
    },
)


def default_kind(summary: Summary, *, lines: bool = False) -> str:
    """The kind that says most: of one run its picture, of several the comparison.

    Args:
        summary: with at least one row.
        lines: whether only lines can be shown, as in a terminal.
    """
    if all(is_judged(row.spec) for row in summary.rows):
        return "accuracy"
    if lines or len(summary.rows) > 1 or len(summary.rows[0].runs) > 1:
        return "curves"
    return next((kind for kind in ("tour", "landscape") if KINDS[kind](*_any(summary))), "curves")


def figures_of(runs: Sequence[StoredRun]) -> list[Figure]:
    """What says most of these runs, at the size of a page; nothing for none that can be read."""
    summary = summarize(runs, histories=True)
    return KINDS[default_kind(summary)](*_any(summary)) if summary.rows else []


def _any(summary: Summary) -> tuple[Summary, Axis, Layout]:
    return summary, "evaluations", PAGE


def draw_curves(summary: Summary, axis: Axis = "evaluations", layout: Layout = PAGE
                ) -> list[Figure]:  # fmt: skip
    """Convergence curves, one for each problem."""
    from opro_cli.report.figures.curves import curves

    found = (curves(compared, axis, layout) for compared in comparisons(summary))
    return [figure for figure in found if figure is not None]


def draw_ecdf(summary: Summary, axis: Axis = "evaluations", layout: Layout = PAGE
              ) -> list[Figure]:  # fmt: skip
    """Runtime distributions, one for each problem."""
    from opro_cli.report.figures.ecdf import ecdf

    found = (ecdf(compared, axis, layout) for compared in comparisons(summary))
    return [figure for figure in found if figure is not None]


def draw_landscapes(summary: Summary, axis: Axis = "evaluations", layout: Layout = PAGE
                    ) -> list[Figure]:  # fmt: skip
    """Landscapes, one for each target of a problem of two numbers."""
    from opro_cli.report.figures.landscape import has_landscape, landscape

    several = (_with(paths, has_landscape) for paths in side_by_side(summary))
    return [landscape(paths, layout) for paths in several if paths]


def draw_tours(summary: Summary, axis: Axis = "evaluations", layout: Layout = PAGE
               ) -> list[Figure]:  # fmt: skip
    """Tours, one figure for each target."""
    from opro_cli.report.figures.tour import has_tours, tour

    several = (_with(paths, has_tours) for paths in side_by_side(summary))
    return [tour(paths, layout) for paths in several if paths]


def draw_accuracies(summary: Summary, axis: Axis = "evaluations", layout: Layout = PAGE
                    ) -> list[Figure]:  # fmt: skip
    """Accuracies of instructions, one figure for each problem."""
    from opro_cli.report.figures.accuracy import accuracy, has_accuracy

    figures = []
    for rows in by_problem([row for row in summary.rows if is_judged(row.spec)]):
        paths = [read_path(summary.stored[run.id]) for row in rows for run in row.runs]
        if found := _with(paths, has_accuracy):
            figures.append(accuracy(found, layout))
    return figures


def side_by_side(summary: Summary) -> Iterator[list[Path]]:
    """The runs of all optimizers on one instance of each target: the first that most of them ran.

    Args:
        summary: whose logs are still there.
    """
    for views in instances(summary):
        yield [read_path(summary.stored[view.id]) for view in views[:PANELS]]


def instances(summary: Summary) -> Iterator[list[RunView]]:
    """As :func:`side_by_side`, without reading the logs again."""
    for rows in by_problem(summary.rows):
        by_target: dict[str, list[Row]] = {}
        for row in rows:
            axes = " ".join(f"{k}={v}" for k, v in row.axes.items() if k.startswith("problem."))
            by_target.setdefault(f"{target_name(row)} {axes}", []).append(row)
        for mine in by_target.values():
            yield _on_one_instance(mine)


def _on_one_instance(rows: Sequence[Row]) -> list[RunView]:
    found: dict[int, dict[str, RunView]] = {}
    for row in rows:
        for run in row.runs:
            found.setdefault(run.spec.repetition, {}).setdefault(series_name(row, rows), run)
    return list(max(found.values(), key=len).values())


def _with(paths: Sequence[Path], has: Callable[[Path], bool]) -> list[Path]:
    return [path for path in paths if has(path)]
