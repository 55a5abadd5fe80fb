"""The layout of the published tables: a row a target, the published figures beside ours.

An optimizer that has a column of its own there (gradient descent) is a column beside the rows of
the optimizer that asks a model, where both were run on the same problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opro_cli import problems
from opro_cli.report import marks
from opro_cli.report.groups import axes, axis_cells, axis_names, subtitle, together
from opro_cli.report.rows import Row
from opro_cli.report.tables import Cell, Table, two
from opro_cli.text import clean, count, number, point


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """One table a group of like settings."""
    columns = [row for row in rows if row.kind.column]
    joined: set[str] = set()
    groups = together(rows)
    for group in groups:
        if group[0].kind.needs_model:
            arenas = {row.arena for row in group}
            beside = [row for row in columns if row.arena in arenas]
            joined |= {row.arena for row in beside}
            yield _table(group, beside, rows)
    for group in groups:
        if group[0].kind.column and not all(row.arena in joined for row in group):
            yield _alone(group, rows)


def _table(rows: Sequence[Row], beside: Sequence[Row], among: Sequence[Row]) -> Table:
    names = list(rows[0].target)
    swept = axes(rows)
    headings = list(dict.fromkeys(row.kind.column for row in beside))
    models = list(dict.fromkeys(p["model"] for row in rows for p in row.published))
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        cells += axis_cells(row, swept)
        cells += [row.steps or _not_converged(row), converged(row)]
        for heading in headings:
            counts = [_count(b) for b in beside if b.kind.column == heading and _same(b, row)]
            cells.append(", ".join(counts))
        cells += [row.gap, row.distinct_pairs, row.recorded_pairs, *_spent(row)]
        for model in models:
            cells.append("; ".join(_published(p) for p in row.published if p["model"] == model))
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: {rows[0].optimizer} with {rows[0].model or 'no model'}"),
        subtitle=subtitle(rows, among),
        columns=(
            *_targets(rows[0], names),
            *axis_names(swept),
            "steps",
            "converged",
            *headings,
            "gap %",
            "distinct pairs",
            "recorded pairs",
            "calls",
            "tokens in",
            "tokens out",
            "cost",
            *(f"published: {model}" for model in models),
        ),
        rows=tuple(body),
        stats=frozenset({"steps", "gap %", "distinct pairs", "recorded pairs"}),
        keys=len(names) + len(swept),
        notes=marks.notes(rows),
    )


def _alone(rows: Sequence[Row], among: Sequence[Row]) -> Table:
    names, swept = list(rows[0].target), axes(rows)
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        best = row.best
        cells += [*axis_cells(row, swept), _count(row), converged(row)]
        cells += [point(best[0]), number(best[1])] if best else ["", ""]
        cells.append("; ".join(str(p.get("iterations", "")) for p in row.published))
        body.append(tuple(cells))
    own = ("converged", "best", "value", "published count")
    return Table(
        title=clean(f"{rows[0].preset}: {rows[0].optimizer}"),
        subtitle=subtitle(rows, among),
        columns=(*_targets(rows[0], names), *axis_names(swept), rows[0].kind.column, *own),
        rows=tuple(body),
        keys=len(names) + len(swept),
    )


def _spent(row: Row) -> list[Cell]:
    """Calls, tokens and money of all runs together."""
    usage, cost = row.usage, row.cost
    tokens: list[Cell] = [count(usage.input), count(usage.output)] if usage else ["", ""]
    price = "" if not usage or cost == 0 else "unknown" if cost is None else f"${cost:.4f}"
    return [count(row.calls) if row.calls else "", *tokens, price]


def _same(one: Row, other: Row) -> bool:
    return one.arena == other.arena and one.target == other.target


def _targets(row: Row, names: Sequence[str]) -> list[str]:
    suffix = problems.settings_of(row.problem).target_suffix
    return [clean(f"{name}{suffix}", 40) for name in names]


def converged(row: Row) -> str:
    """How many runs found the target, how many did not end, and a mark where replies were lost."""
    said = f"{len(row.converged)}/{len(row.runs)}{marks.mark(row)}"
    for state in ("failed", "unfinished"):
        if row.states[state]:
            said += f", {row.states[state]} {state}"
    return said


def _not_converged(row: Row) -> str:
    if not row.states["stopped"]:
        return "no finished run"
    best = row.best
    found = f": best {point(best[0])}, loss {number(best[1])}" if best else ""
    return f"did not converge{found}"


def _count(row: Row) -> str:
    if row.steps is None:
        return " ".join(row.stop_reasons) or "no finished run"
    spread = f"±{two(row.steps.std)}" if row.steps.std else ""
    return number(row.steps.mean) + spread


def _published(row: dict[str, Any]) -> str:
    """A published row in one cell."""
    if row.get("steps") is None:
        gap = f"gap {_plus_minus(row['gap'])} %" if row.get("gap") else ""
        return gap or str(row.get("note") or "did not converge")
    parts = [f"{_plus_minus(row['steps'])} steps"]
    for key, name in (("distinct_pairs", "distinct pairs"), ("recorded_pairs", "recorded pairs")):
        if row.get(key):
            parts.append(f"{_plus_minus(row[key])} {name}")
    return ", ".join(parts)


def _plus_minus(stat: dict[str, Any]) -> str:
    std = stat.get("std")
    return two(stat["mean"]) + (f" ± {two(std)}" if std is not None else "")
