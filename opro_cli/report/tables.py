"""Rows → tables in the layout of the published ones, before any format: headings and cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opro_cli import problems
from opro_cli.report.summary import Row, Stat, Summary
from opro_cli.text import clean, count, number, point

Cell: TypeAlias = "str | Stat | None"


@dataclass(frozen=True)
class Table:
    """One table of a report. Texts are not escaped for any format."""

    title: str
    subtitle: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    stats: frozenset[str] = frozenset()
    """The columns that hold a mean and a standard deviation."""

    def split(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean and standard deviation in columns of their own."""
        headings = []
        for column in self.columns:
            headings += [f"{column} mean", f"{column} std"] if column in self.stats else [column]
        rows = []
        for row in self.rows:
            cells: list[str] = []
            for column, cell in zip(self.columns, row, strict=True):
                cells += _two_cells(cell) if column in self.stats else [str(cell)]
            rows.append(cells)
        return headings, rows

    def joined(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows with mean ± standard deviation in one column."""
        rows = [[_one_cell(cell) for cell in row] for row in self.rows]
        return list(self.columns), rows


def tables(summary: Summary) -> Iterator[Table]:
    """One table for each group of settings; gradient descent is a column where OPRO has rows."""
    joined: set[str] = set()
    groups: dict[str, list[Row]] = {}
    for row in summary.rows:
        groups.setdefault(row.group, []).append(row)
    descents = [row for row in summary.rows if row.optimizer == "sgd"]
    for rows in groups.values():
        if rows[0].optimizer == "sgd":
            continue
        beside = [row for row in descents if row.arena == rows[0].arena]
        joined |= {row.group for row in beside}
        yield _opro(rows, beside)
    for group, rows in groups.items():
        if rows[0].optimizer == "sgd" and group not in joined:
            yield _sgd(rows)


def _opro(rows: Sequence[Row], descents: Sequence[Row]) -> Table:
    names = list(rows[0].target)
    columns = [*_targets(rows[0], names), "steps", "converged"]
    columns += ["SGD count"] if descents else []
    columns += ["distinct pairs", "recorded pairs", "calls", "tokens in", "tokens out"]
    priced = any(row.cost != 0 for row in rows if row.usage)
    columns += ["cost"] if priced else []
    models = list(dict.fromkeys(p["model"] for row in rows for p in row.published))
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        cells += [row.steps or _not_converged(row), _converged(row)]
        if descents:
            cells.append(", ".join(_count(d) for d in descents if d.target == row.target))
        cells += [row.distinct_pairs, row.recorded_pairs, count(row.calls)]
        usage = row.usage
        cells += [count(usage.input), count(usage.output)] if usage else ["-", "-"]
        cells += [_cost(row)] if priced else []
        for model in models:
            cells.append("; ".join(_published(p) for p in row.published if p["model"] == model))
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: {rows[0].optimizer} with {rows[0].model or 'no model'}"),
        subtitle=_subtitle(rows[0]),
        columns=(*columns, *(f"published: {model}" for model in models)),
        rows=tuple(body),
        stats=frozenset({"steps", "distinct pairs", "recorded pairs"}),
    )


def _sgd(rows: Sequence[Row]) -> Table:
    names = list(rows[0].target)
    published = any(row.published for row in rows)
    columns = [*_targets(rows[0], names), "SGD count", "converged", "best", "loss"]
    body = []
    for row in rows:
        cells: list[Cell] = [str(row.target[name]) for name in names]
        best = row.best
        cells += [_count(row), _converged(row)]
        cells += [point(best[0]), number(best[1])] if best else ["", ""]
        if published:
            cells.append("; ".join(str(p.get("iterations", "")) for p in row.published))
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: gradient descent"),
        subtitle=_subtitle(rows[0]),
        columns=(*columns, *(["published count"] if published else [])),
        rows=tuple(body),
    )


def _targets(row: Row, names: Sequence[str]) -> list[str]:
    suffix = problems.settings_of(row.problem).target_suffix
    return [clean(f"{name}{suffix}", 40) for name in names]


def _subtitle(row: Row) -> str:
    """The settings in words, those that matter most first."""
    section = row.settings[row.optimizer]
    problem = row.settings["problem"]
    words = [f"{k}={v}" for k, v in section.items() if v is not None and k != "model"]
    shown = [f"{key}={value}" for key, value in problem.items() if key in ("num_points", "kind")]
    limits = [f"max_steps={row.settings['max_steps']}"] if row.proposes else []
    if row.settings["patience"] is not None:
        limits.append(f"patience={row.settings['patience']}")
    return clean(", ".join([*shown, *words, *limits]), 400)


def _not_converged(row: Row) -> str:
    if not row.states["stopped"]:
        return "no finished run"
    best = row.best
    found = f": best {point(best[0])}, loss {number(best[1])}" if best else ""
    return f"did not converge{found}"


def _converged(row: Row) -> str:
    said = f"{len(row.converged)}/{len(row.runs)}"
    for state in ("failed", "unfinished"):
        if row.states[state]:
            said += f", {row.states[state]} {state}"
    return said


def _count(row: Row) -> str:
    if row.steps is None:
        return " ".join(row.stop_reasons) or "no finished run"
    spread = f" ± {two(row.steps.std)}" if row.steps.std else ""
    return number(row.steps.mean) + spread


def _two_cells(cell: Cell) -> list[str]:
    if isinstance(cell, Stat):
        return [two(cell.mean), two(cell.std)]
    return [cell or "-", "-"]


def _one_cell(cell: Cell) -> str:
    if isinstance(cell, Stat):
        return f"{two(cell.mean)} ± {two(cell.std)}" if len(cell.values) > 1 else two(cell.mean)
    return cell or "-"


def two(value: float) -> str:
    """At most two decimals: 1.6, 10.67, 24."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _cost(row: Row) -> str:
    if row.usage is None:
        return "-"
    return "unknown" if row.cost is None else f"${row.cost:.4f}"


def _published(row: dict[str, Any]) -> str:
    """A published row in one cell."""
    if row.get("steps") is None:
        return str(row.get("note") or "did not converge")
    parts = [f"{_plus_minus(row['steps'])} steps"]
    for key, name in (("distinct_pairs", "distinct pairs"), ("recorded_pairs", "recorded pairs")):
        if row.get(key):
            parts.append(f"{_plus_minus(row[key])} {name}")
    return ", ".join(parts)


def _plus_minus(stat: dict[str, Any]) -> str:
    std = stat.get("std")
    return two(stat["mean"]) + (f" ± {two(std)}" if std is not None else "")
