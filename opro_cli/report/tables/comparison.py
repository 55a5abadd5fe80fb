"""Compare all optimizers on a problem: what they found, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from opro_cli.core.text import clean, count, duration, number, plural
from opro_cli.core.totals import MODEL
from opro_cli.presets.spec import digest
from opro_cli.problems import PROBLEMS
from opro_cli.report.cells import (
    lost_reply_notes,
    random_search_cell,
    random_search_note,
    solved_cell,
    solved_heading,
)
from opro_cli.report.groups import (
    by_problem,
    different_budgets,
    merge,
    models_of,
    optimizer_name,
    swept_cells,
    swept_headings,
    swept_keys,
    target_name,
)
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Detail, Table, range_text, short_number, two_decimals
from opro_cli.report.tables.published import short_published
from opro_cli.runs.progress import by_name

Column: TypeAlias = tuple[str, Callable[[Row], Cell], str]
"""A heading, the cell of a row, and what the numbers are."""

SEARCHED = "random-search points"

MOST_ROWS = 14
"""Rows of a summary; where there are more, those of all targets are put together."""

MOST_SHOWN = 20
"""Rows of a summary that are shown even so."""


def tables(rows: Sequence[Row], detail: Detail = "full") -> Iterator[Table]:
    """For each problem one table with a row for each target and optimizer."""
    for group in by_problem(rows):
        ordered = by_target(group)
        if detail == "summary" and len(ordered) > MOST_ROWS:
            yield _shortened(comparison(over_targets(ordered)))
        else:
            yield comparison(ordered)


def by_target(rows: Sequence[Row]) -> list[Row]:
    """Rows on the same target next to each other, otherwise in the order they were run."""
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(target_name(row), len(order))
    return sorted(rows, key=lambda row: order[target_name(row)])


def over_targets(rows: Sequence[Row]) -> list[Row]:
    """The rows that differ in their target alone, each as one row without a target."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        key = digest([row.optimizer, row.model, row.settings, row.problem_contents])
        groups.setdefault(key, []).append(row)
    return [merge(group) for group in groups.values()]


def _shortened(table: Table) -> Table:
    left = len(table.rows) - MOST_SHOWN
    if left <= 0:
        return table
    note = f"{plural(left, 'more row')}: see `opro report`."
    return replace(table, rows=table.rows[:MOST_SHOWN], notes=(*table.notes, note))


def comparison(rows: Sequence[Row]) -> Table:
    """One table of rows on the same problem."""
    keys, columns = list(key_columns(rows)), list(_columns(rows))
    budget = "" if any(different_budgets(rows)) else ", same budget"
    mean = _mean_heading(rows)
    searched = random_search_note(rows, [optimizer_name(row, rows) for row in rows])
    return Table(
        title=clean(f"{rows[0].preset}: comparison (same problem{budget})"),
        subtitle="; ".join(_common(rows)),
        columns=(*(name for name, _ in keys), *(name for name, _, _ in columns)),
        rows=tuple(
            (*(cell(row) for _, cell in keys), *(cell(row) for _, cell, _ in columns))
            for row in rows
        ),
        stats=frozenset({"gap %", "evaluations", "steps", mean}),
        values=frozenset({mean}),
        keys=len(keys),
        legend={name: legend for name, _, legend in columns if legend},
        notes=lost_reply_notes(rows),
        instead={SEARCHED: searched} if searched else {},
    )


def key_columns(rows: Sequence[Row]) -> Iterator[tuple[str, Callable[[Row], str]]]:
    """The columns that name a row: target, swept settings, model, optimizer, where they differ."""
    if any(row.target for row in rows):
        yield "target", target_name
    keys = swept_keys(rows)
    for key, heading in zip(keys, swept_headings(keys), strict=True):
        yield heading, lambda row, key=key: swept_cells(row, [key])[0]  # type: ignore[misc]
    if len(models_of(rows)) > 1:
        yield "model", lambda row: clean(row.model or "", 80)
    yield "optimizer", lambda row: optimizer_name(row, rows, model=False)


def _common(rows: Sequence[Row]) -> Iterator[str]:
    """What all rows share."""
    if rows[0].apart:
        yield rows[0].apart
    models = models_of(rows)
    if len(models) == 1:
        asking = dict.fromkeys(row.optimizer for row in rows if row.model)
        yield f"{', '.join(asking)} with {clean(models[0], 80)}"
    published = dict.fromkeys(p["model"] for row in rows if row.target for p in row.published)
    if published:
        yield f"published: {clean(', '.join(published), 200)}"


def _value_name(rows: Sequence[Row]) -> str:
    return clean(rows[0].value_name, 40)


def _mean_heading(rows: Sequence[Row]) -> str:
    return f"mean {_value_name(rows)}"


def _columns(rows: Sequence[Row]) -> Iterator[Column]:
    """The columns of the numbers, the most important first."""
    goal = any(row.has_goal for row in rows)
    yield solved_heading(rows), solved_cell, ""
    if goal:
        steps = "; ".join(["mean±std of the solved runs", *_step_names(rows)])
        yield "steps", lambda row: row.steps, steps
    if PROBLEMS[rows[0].problem].gap:
        yield "gap %", lambda row: row.gap, "of the best value over the optimum, finished runs"
    pooled = any(row.pooled for row in rows)
    if not pooled:
        yield from _values(rows, goal=goal)
        several = len({p["model"] for row in rows if row.asks_model for p in row.published}) > 1
        yield "published", lambda row: short_published(row, model=several), ""
    if goal:
        yield (
            "evaluations",
            lambda row: row.evaluations,
            "mean±std of the solved runs, starting points included",
        )
    else:
        yield "evaluations", lambda row: row.spent_evaluations, "mean±std of finished runs"
    if not pooled and not _all_solved(rows):
        yield "best point", _best_point, ""
    yield from _spent(rows)


def _all_solved(rows: Sequence[Row]) -> bool:
    return all(len(row.solved) == len(row.runs) for row in rows)


def _values(rows: Sequence[Row], *, goal: bool) -> Iterator[Column]:
    """What was found: for all runs where there is no goal, else the best where not all reach it."""
    value = _value_name(rows)
    if not goal:
        yield _mean_heading(rows), lambda row: row.best_values, "mean±std of finished runs"
        yield "median", _median, ""
        yield "quartiles", _quartiles, ""
    if not _all_solved(rows):
        yield f"best {value}", _best, "of all runs"


def _spent(rows: Sequence[Row]) -> Iterator[Column]:
    """Money, calls, tokens and time; and what random search did in their place."""
    yield "cost", _cost, "mean of all runs"
    if any(row.random_search_points for row in rows):
        yield SEARCHED, random_search_cell, "share of the points"
        yield "solved by random search", _solved_by_random_search, ""
    calls = "mean of all runs, as tokens and time"
    yield "calls per run", lambda row: _per_run(row.calls, row), calls
    yield "tokens in", lambda row: _tokens(row, "input"), ""
    yield "tokens out", lambda row: _tokens(row, "output"), ""
    yield "time", lambda row: duration(row.seconds / len(row.runs)), "mean of all runs"


def _step_names(rows: Sequence[Row]) -> list[str]:
    """What a step is for the optimizers that have another word for it."""
    names = {row.optimizer: row.kind.step_name for row in rows if row.kind.step_name != "step"}
    parts = ", ".join(f"one {name} ({optimizer})" for optimizer, name in names.items())
    return [f"one step is {parts}"] if parts else []


def _median(row: Row) -> str:
    return short_number(row.best_values.median) if row.best_values else ""


def _quartiles(row: Row) -> str:
    return range_text(row.best_values.quartiles) if row.best_values else ""


def _best(row: Row) -> str:
    return number(row.best[1]) if row.best else ""


def _best_point(row: Row) -> str:
    """With the names of its coordinates."""
    if row.best is None:
        return ""
    return clean(by_name(row.spec.build_problem().space, row.best[0]), 200)


def _solved_by_random_search(row: Row) -> str:
    if not row.asks_model or not row.sources or not row.solved:
        return ""
    solved = sum(n for source, n in row.solvers.items() if source != MODEL)
    return f"{solved}/{len(row.solved)}"


def _per_run(total: int, row: Row) -> str:
    return two_decimals(total / len(row.runs)) if total else ""


def _tokens(row: Row, direction: Literal["input", "output"]) -> str:
    if row.usage is None:
        return ""
    return count(round(getattr(row.usage, direction) / len(row.runs)))


def _cost(row: Row) -> str:
    """The mean cost of a run."""
    if row.usage is None or row.cost == 0:
        return ""
    return "unknown" if row.cost is None else f"${row.cost / len(row.runs):.4f}"
