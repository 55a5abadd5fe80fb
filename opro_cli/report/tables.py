"""Rows → tables in the layout of the published ones, before any format: headings and cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opro_cli import problems
from opro_cli.report.summary import Row, Stat, Summary
from opro_cli.text import clean, count, number, point


@dataclass(frozen=True)
class Table:
    """One table of a report. Cells are plain text, not escaped for any format."""

    title: str
    subtitle: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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
        beside = {i: row for i, row in enumerate(descents) if row.arena == rows[0].arena}
        joined |= {row.group for row in beside.values()}
        yield _opro(rows, list(beside.values()))
    for group, rows in groups.items():
        if rows[0].optimizer == "sgd" and group not in joined:
            yield _sgd(rows)


def _opro(rows: Sequence[Row], descents: Sequence[Row]) -> Table:
    names = list(rows[0].target)
    published = [p for row in rows for p in row.published]
    columns = ["steps mean", "steps std", "converged"]
    columns += ["SGD count"] if descents else []
    columns += [
        "distinct pairs mean",
        "distinct pairs std",
        "recorded pairs mean",
        "recorded pairs std",
        "calls",
        "tokens in",
        "tokens out",
    ]
    models = list(dict.fromkeys(p["model"] for p in published))
    columns += [f"published: {model}" for model in models]
    body = []
    for row in rows:
        cells = [str(row.target[name]) for name in names]
        cells += [_steps(row), _std(row.steps), _converged(row)]
        if descents:
            cells.append(", ".join(_count(d) for d in descents if d.target == row.target))
        cells += [_mean(row.distinct_pairs), _std(row.distinct_pairs)]
        cells += [_mean(row.recorded_pairs), _std(row.recorded_pairs)]
        usage = row.usage
        cells += [count(row.calls)]
        cells += [count(usage.input), count(usage.output)] if usage else ["-", "-"]
        for model in models:
            cells.append("; ".join(_published(p) for p in row.published if p["model"] == model))
        body.append(tuple(cells))
    title = f"{rows[0].preset}: {rows[0].optimizer} with {rows[0].model or 'no model'}"
    return Table(
        clean(title), _subtitle(rows[0]), (*_targets(rows[0], names), *columns), tuple(body)
    )


def _sgd(rows: Sequence[Row]) -> Table:
    names = list(rows[0].target)
    published = any(row.published for row in rows)
    headings = [*_targets(rows[0], names), "SGD count", "std", "converged", "best", "loss"]
    body = []
    for row in rows:
        best = row.best
        cells = [str(row.target[name]) for name in names]
        cells += [_count(row), _std(row.steps), _converged(row)]
        cells += [point(best[0]), number(best[1])] if best else ["", ""]
        if published:
            cells.append("; ".join(str(p.get("iterations", "")) for p in row.published))
        body.append(tuple(cells))
    headings += ["published count"] if published else []
    return Table(
        clean(f"{rows[0].preset}: gradient descent"),
        _subtitle(rows[0]),
        tuple(headings),
        tuple(body),
    )


def _targets(row: Row, names: Sequence[str]) -> list[str]:
    suffix = problems.settings_of(row.problem).target_suffix
    return [clean(f"{name}{suffix}", 40) for name in names]


def _subtitle(row: Row) -> str:
    """The settings in words, those that matter most first."""
    section = row.settings[row.optimizer]
    problem = row.settings["problem"]
    words = [f"{key}={value}" for key, value in section.items() if value is not None]
    shown = [f"{key}={value}" for key, value in problem.items() if key in ("num_points", "kind")]
    limits = [f"max_steps={row.settings['max_steps']}"]
    if row.settings["patience"] is not None:
        limits.append(f"patience={row.settings['patience']}")
    return clean(", ".join([*shown, *words, *limits]), 400)


def _steps(row: Row) -> str:
    if row.steps is not None:
        return _mean(row.steps)
    finished = row.states["stopped"]
    if not finished:
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
    if row.steps is not None:
        return number(row.steps.mean)
    return " ".join(row.stop_reasons) or "no finished run"


def _mean(stat: Stat | None) -> str:
    return two(stat.mean) if stat else "-"


def _std(stat: Stat | None) -> str:
    return two(stat.std) if stat else "-"


def two(value: float) -> str:
    """At most two decimals: 1.6, 10.67, 24."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


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
