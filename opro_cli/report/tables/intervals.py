"""Means, medians and quartiles with confidence intervals, where runs were repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from opro_cli.core.text import clean
from opro_cli.report.cells import solved_cell
from opro_cli.report.groups import by_problem
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Interval, Stat, wilson
from opro_cli.report.table import Cell, Table, range_text, short_number, two_decimals
from opro_cli.report.tables.comparison import by_target, key_columns

Measure: TypeAlias = Callable[[Row], Stat | None]


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """For each problem: of evaluations and steps; without a goal, of the best values."""
    for group in by_problem(rows):
        ordered = by_target(group)
        if not any(len(row.runs) > 1 for row in ordered):
            continue
        if not any(row.has_goal for row in ordered):
            value = clean(ordered[0].value_name, 40)
            yield _intervals(ordered, f"best {value} of a run", lambda row: row.best_values)
            continue
        yield _intervals(ordered, "evaluations", lambda row: row.evaluations)
        asking = [row for row in ordered if row.asks_model]
        if asking:
            yield _intervals(asking, "steps", lambda row: row.steps)


def _intervals(rows: Sequence[Row], name: str, measure: Measure) -> Table:
    keys = list(key_columns(rows))
    goal = any(row.has_goal for row in rows)
    body = []
    for row in rows:
        stat = measure(row)
        cells: list[Cell] = [cell(row) for _, cell in keys]
        cells += _success(row) if goal else [solved_cell(row)]
        cells += _spread(stat, goal=goal) if stat else [""] * 5
        body.append(tuple(cells))
    rate = "Wilson's for the success rate, " if goal else ""
    of = "solved" if goal else "finished"
    return Table(
        title=clean(f"{rows[0].preset}: {name}: confidence intervals"),
        subtitle=(
            f"{rows[0].apart}{'; ' if rows[0].apart else ''}"
            f"CI: confidence interval, {rate}bootstrap (percentile) for the mean, order statistics "
            f"for the median (six runs or more); mean, median and quartiles: of the {of} runs"
        ),
        columns=(
            *(heading for heading, _ in keys),
            *(("solved", "success rate, 95% CI") if goal else ("finished",)),
            "mean",
            "mean, 95% CI",
            "median",
            "median, 95% CI",
            "quartiles",
        ),
        rows=tuple(body),
        keys=len(keys),
    )


def _success(row: Row) -> list[Cell]:
    low, high = wilson(len(row.solved), len(row.runs))
    return [f"{len(row.solved)}/{len(row.runs)}", f"{100 * low:.0f}–{100 * high:.0f}%"]


def _spread(stat: Stat, *, goal: bool) -> list[Cell]:
    """Mean and median with their intervals, and the quartiles."""
    form = two_decimals if goal else short_number
    mean, median = form(stat.mean), form(stat.median)
    ends = [stat.interval, stat.median_interval]
    first, second = (_range(interval, form) for interval in ends)
    return [mean, first, median, second, _range(stat.quartiles, form)]


def _range(ends: Interval | None, form: Callable[[float], str]) -> str:
    return range_text(ends, form) if ends else ""
