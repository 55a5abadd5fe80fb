"""The layout of the published tables: a row per target, published figures beside ours.

An optimizer that has a column of its own there (gradient descent) is a column beside the rows of
the optimizers that ask a model, where both were run on the same problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opro_cli.core.text import clean, count, number, point, reason_text
from opro_cli.problems import PROBLEMS
from opro_cli.report.cells import lost_reply_notes, solved_cell, solved_heading
from opro_cli.report.groups import (
    by_settings,
    describe_settings,
    swept_cells,
    swept_headings,
    swept_keys,
)
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Table, two_decimals

DIFFERENT = "different points"
WITH_REPEATS = "points proposed (with repeats)"

PUBLISHED_POINTS = {"distinct_pairs": DIFFERENT, "recorded_pairs": "points with repeats"}


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """One table for each group of equal settings."""
    columns = [row for row in rows if row.kind.column]
    joined: set[str] = set()
    groups = by_settings(rows)
    for group in groups:
        if group[0].asks_model:
            problems = {row.problem_digest for row in group}
            beside = [row for row in columns if row.problem_digest in problems]
            joined |= {row.problem_digest for row in beside}
            yield _model_table(group, beside, rows)
    for group in groups:
        if group[0].kind.column and not all(row.problem_digest in joined for row in group):
            yield _column_table(group, rows)


def _model_table(rows: Sequence[Row], beside: Sequence[Row], among: Sequence[Row]) -> Table:
    """The rows of an optimizer that asks a model, with the columns of others beside them."""
    names, swept = list(rows[0].target), swept_keys(rows)
    headings = list(dict.fromkeys(row.kind.column for row in beside))
    models = list(dict.fromkeys(p["model"] for row in rows for p in row.published))
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        cells += swept_cells(row, swept)
        cells += [row.steps or _not_solved(row), solved_cell(row)]
        for heading in headings:
            same = [b for b in beside if b.kind.column == heading and _same_problem(b, row)]
            cells.append(", ".join(_step_count(b) for b in same))
        cells += [row.gap, row.distinct_pairs, row.recorded_pairs, *_spent(row)]
        for model in models:
            cells.append("; ".join(_published(p) for p in row.published if p["model"] == model))
        body.append(tuple(cells))
    settings = describe_settings(rows, among)
    return Table(
        title=clean(f"{rows[0].preset}: {rows[0].optimizer} with {rows[0].model or 'no model'}"),
        subtitle=f"{settings}; calls, tokens and cost: total of all runs",
        columns=(
            *_target_headings(rows[0], names),
            *swept_headings(swept),
            "steps",
            solved_heading(rows),
            *headings,
            "gap %",
            DIFFERENT,
            WITH_REPEATS,
            "calls (total)",
            "tokens in",
            "tokens out",
            "cost",
            *(f"published: {model}" for model in models),
        ),
        rows=tuple(body),
        stats=frozenset({"steps", "gap %", DIFFERENT, WITH_REPEATS}),
        keys=len(names) + len(swept),
        notes=lost_reply_notes(rows),
    )


def _column_table(rows: Sequence[Row], among: Sequence[Row]) -> Table:
    """The rows of an optimizer that has a column, where there is no table to put it into."""
    names, swept = list(rows[0].target), swept_keys(rows)
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        best = row.best
        cells += [*swept_cells(row, swept), _step_count(row), solved_cell(row)]
        cells += [point(best[0]), number(best[1])] if best else ["", ""]
        cells.append("; ".join(str(p.get("iterations", "")) for p in row.published))
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: {rows[0].optimizer}"),
        subtitle=describe_settings(rows, among),
        columns=(
            *_target_headings(rows[0], names),
            *swept_headings(swept),
            rows[0].kind.column,
            solved_heading(rows),
            "best point",
            clean(rows[0].value_name, 40),
            "published steps",
        ),
        rows=tuple(body),
        keys=len(names) + len(swept),
    )


def _spent(row: Row) -> list[Cell]:
    """Calls, tokens and cost of all runs together."""
    usage, cost = row.usage, row.cost
    tokens: list[Cell] = [count(usage.input), count(usage.output)] if usage else ["", ""]
    price = "" if not usage or cost == 0 else "unknown" if cost is None else f"${cost:.4f}"
    return [count(row.calls) if row.calls else "", *tokens, price]


def _same_problem(one: Row, other: Row) -> bool:
    return one.problem_digest == other.problem_digest and one.target == other.target


def _target_headings(row: Row, names: Sequence[str]) -> list[str]:
    suffix = PROBLEMS[row.problem].target_suffix
    return [clean(f"{name}{suffix}", 40) for name in names]


def _not_solved(row: Row) -> str:
    """The cell instead of a number of steps."""
    if not row.finished:
        return "no finished run"
    state, best = "not solved" if row.has_goal else "finished", row.best
    if best is None:
        return state
    return f"{state}: best {point(best[0])}, {clean(row.value_name, 40)} {number(best[1])}"


def _step_count(row: Row) -> str:
    """The steps of the solved runs, or why none was solved."""
    if row.steps is None:
        reasons = ", ".join(reason_text(reason) for reason in row.stop_reasons)
        return reasons or "no finished run"
    spread = f"±{two_decimals(row.steps.std)}" if row.steps.std else ""
    return number(row.steps.mean) + spread


def _published(row: dict[str, Any]) -> str:
    """A published result in one cell."""
    if row.get("steps") is None:
        gap = f"gap {_plus_minus(row['gap'])} %" if row.get("gap") else ""
        return gap or str(row.get("note") or "not solved")
    parts = [f"{_plus_minus(row['steps'])} steps"]
    for key, name in PUBLISHED_POINTS.items():
        if row.get(key):
            parts.append(f"{_plus_minus(row[key])} {name}")
    return ", ".join(parts)


def short_published(row: Row, *, model: bool) -> str:
    """The published steps or gaps of a row; with the model where several were published."""
    cells = []
    for p in row.published:
        name = f" ({clean(str(p['model']), 40)})" if model and row.asks_model else ""
        cells.append(_figure(p) + name)
    return "; ".join(cells)


def _figure(row: dict[str, Any]) -> str:
    if row.get("iterations") is not None:
        return str(row["iterations"])
    if row.get("steps"):
        return _plus_minus(row["steps"])
    return f"gap {_plus_minus(row['gap'])} %" if row.get("gap") else "not solved"


def _plus_minus(stat: dict[str, Any]) -> str:
    std = stat.get("std")
    return two_decimals(stat["mean"]) + (f" ± {two_decimals(std)}" if std is not None else "")
