"""A report as data: JSON (a list of objects, one per row) and CSV (the same, flat)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opro_cli.core.events import STATUSES
from opro_cli.core.totals import MODEL
from opro_cli.problems.settings import label
from opro_cli.report.budgets import to_json
from opro_cli.report.contest import contests
from opro_cli.report.contest import to_json as contest_json
from opro_cli.report.figures.histories import Moment
from opro_cli.report.formats import RenderOptions
from opro_cli.report.formats.accuracy import accuracy_of, against_json
from opro_cli.report.formats.sheets import csv_text
from opro_cli.report.judged import JudgedRow, is_judged
from opro_cli.report.pairing import compare, opponents, same_target
from opro_cli.report.rows import Row
from opro_cli.report.statistics import wilson
from opro_cli.report.summary import Summary
from opro_cli.report.tables import accuracy


def render_json(summary: Summary, options: RenderOptions) -> str:
    """The rows as a JSON list."""
    rows = list(_objects(summary))
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"


def render_csv(summary: Summary, options: RenderOptions) -> str:
    """The rows with nested keys joined by dots; the items of a list are separated by spaces."""
    if options.curves:
        return csv_text(CURVES, _curves(summary))
    flat = [dict(_flat(row)) for row in _objects(summary)]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    return csv_text(columns, ([row.get(column, "") for column in columns] for row in flat))


CURVES = ("run", "preset", "target", "optimizer", "model", "repetition", "state", *Moment._fields)
"""The columns of the courses of runs: a line for each moment at which the best value changed, and
for the last."""


def _curves(summary: Summary) -> Iterator[Sequence[Any]]:
    for row in summary.rows:
        for run in row.runs:
            spec = run.spec
            target = label(row.target) if row.target else ""
            facts = (run.id, row.preset, target, row.optimizer, row.model,
                     spec.repetition + 1, run.totals.state)  # fmt: skip
            moments = summary.histories[run.id].moments
            if (
                len(moments) > 1
                and moments[-1]._replace(seconds=moments[-2].seconds) == moments[-2]
            ):
                moments = moments[:-1]  # the end of the run, which says nothing new
            for moment in moments:
                yield (*facts, *moment._replace(seconds=round(moment.seconds, 3)))


def to_object(row: Row, paired: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """One row as a JSON object, with its comparisons against a baseline."""
    best, usage = row.best, row.usage
    space = row.runs[0].spec.build_problem().space
    rate = wilson(len(row.solved), len(row.runs))
    stats = {
        "steps": row.steps,
        "distinct_pairs": row.distinct_pairs,
        "recorded_pairs": row.recorded_pairs,
        "evaluations": row.evaluations,
        "gap": row.gap,
        "best_value": row.best_values,
    }
    return {
        "preset": row.preset,
        "problem": row.problem,
        "optimizer": row.optimizer,
        "model": row.model,
        "target": row.target,
        "axes": row.swept,
        "settings": row.settings,
        "reps": len(row.runs),
        "converged": len(row.solved),
        "failed": row.states["failed"],
        "unfinished": row.states["unfinished"],
        **{name: stat.to_json() if stat else None for name, stat in stats.items()},
        "calls": row.calls,
        "tokens": {
            "input": usage.input if usage else None,
            "output": usage.output if usage else None,
        },
        "thinking_tokens": usage.thinking if usage else None,
        "cost": row.cost,
        "seconds": round(row.seconds, 3),
        "max_evaluations": row.budget,
        "sees": row.kind.information,
        "statistics": {
            "converged": {"rate": len(row.solved) / len(row.runs), "interval": list(rate)},
            **{name: stat.more_json() if stat else None for name, stat in stats.items()},
        },
        "replies": {
            "received": sum(run.totals.replies for run in row.runs),
            **{status: row.statuses[status] for status in STATUSES},
            "retries": sum(run.totals.retries for run in row.runs),
            "idle_steps": sum(run.totals.idle for run in row.runs),
            "lost": sum(row.lost.values()),
        },
        "points": {"model": row.sources[MODEL], "code": row.random_search_points},
        "without_value": {"points": row.without_value, "why": dict(row.failures)},
        "solved_by": dict(row.solvers),
        "best": {
            "point": space.to_values(best[0]) if best else None,
            "value": best[1] if best else None,
        },
        "stop_reasons": row.stop_reasons,
        "published": row.published,
        "runs": [run.id for run in row.runs],
        **({"paired": list(paired)} if paired else {}),
    }


def _objects(summary: Summary) -> Iterator[dict[str, Any]]:
    judged = {id(row): JudgedRow(row) for row in summary.rows if is_judged(row.spec)}
    held = list(accuracy.opponents(list(judged.values()), summary.baseline))
    rows = [row for row in summary.rows if id(row) not in judged]
    pairs = list(opponents(rows, summary.baseline)) if summary.baseline else []
    held_against = _contest_of(rows) if summary.side_by_side else {}
    for row in summary.rows:
        one = judged.get(id(row))
        if one is None:
            bases = [base for mine, base in pairs if mine is row]
            paired = [compare(row, base).to_json(base.optimizer) for base in bases]
            side = held_against.get(row.runs[0].id, {})
            yield {**to_object(row, paired), **side, **_at_budgets(row, summary)}
            continue
        found = [against_json(base, pair) for mine, base, pair in held if mine is one]
        yield {**to_object(row, found), "accuracy": accuracy_of(one)}


def _contest_of(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By the run of a row: how its contender does against the first, over all targets."""
    found: dict[str, dict[str, Any]] = {}
    for contest in contests(rows, everyone=True):
        for facts, one in zip(contest_json(contest), contest, strict=True):
            kept = {k: facts[k] for k in ("name", "verdict", "p_adjusted", "against") if k in facts}
            found |= {run.id: {"side_by_side": kept} for run in one.row.runs}
    return found


def _at_budgets(row: Row, summary: Summary) -> dict[str, Any]:
    """The best values after given numbers of evaluations, where there is no goal."""
    if row.has_goal or not summary.histories:
        return {}
    same = [other for other in summary.rows if same_target(row, other)]
    return {"at_budgets": list(to_json(row, same, summary.histories))}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and cells. A list that holds objects is numbered, any other is one cell."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for i, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{i}")
    elif isinstance(value, list):
        one_number = len(value) == 1 and _is_number(value[0])
        yield prefix, value[0] if one_number else " ".join(str(item) for item in value)
    else:
        yield prefix, value


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)
