"""Compare all optimizers: evaluations, steps, calls, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from opro_cli.core.text import clean, count, duration, number
from opro_cli.core.totals import MODEL
from opro_cli.problems import PROBLEMS
from opro_cli.report.cells import lost_reply_notes, solved_cell, solved_heading
from opro_cli.report.groups import (
    by_problem,
    different_budgets,
    optimizer_name,
    problem_contents,
    swept_cells,
    swept_headings,
    swept_keys,
    target_name,
)
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Stat, wilson
from opro_cli.report.table import Cell, Table, two_decimals

Measure: TypeAlias = Callable[[Row], Stat | None]


def tables(rows: Sequence[Row], *, brief: bool = False) -> Iterator[Table]:
    """For each problem: what was spent, then the confidence intervals of the means.

    Args:
        rows: of all problems.
        brief: only what was spent, and only by optimizers that no other table shows.
    """
    for group in by_problem(rows):
        ordered = _by_target(group)
        shown = all(row.asks_model or row.kind.column for row in ordered)
        if not shown or (not brief and len({(row.optimizer, row.model) for row in ordered}) > 1):
            yield _comparison(ordered)
        repeated = any(len(row.runs) > 1 for row in ordered)
        if brief or not repeated or not any(row.has_goal for row in ordered):
            continue  # there is no rate and no mean to give an interval for
        yield _intervals(ordered, "evaluations", lambda row: row.evaluations)
        asking = [row for row in ordered if row.asks_model]
        if asking:
            yield _intervals(asking, "steps", lambda row: row.steps)


def _by_target(rows: Sequence[Row]) -> list[Row]:
    """Rows on the same target next to each other, otherwise in the order they were run."""
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(target_name(row), len(order))
    return sorted(rows, key=lambda row: order[target_name(row)])


def _comparison(rows: Sequence[Row]) -> Table:
    swept = swept_keys(rows)
    all_solved = all(len(row.solved) == len(row.runs) for row in rows)
    random_search = any(row.random_search_points for row in rows)
    value = clean(rows[0].value_name, 40)
    budget = "" if any(different_budgets(rows)) else ", same budget"
    body = []
    for row in rows:
        runs, usage, best = len(row.runs), row.usage, row.best
        cells: list[Cell] = [target_name(row), *swept_cells(row, swept), optimizer_name(row, rows)]
        cells += [solved_cell(row), row.gap, row.evaluations, row.steps]
        cells += _random_search(row) if random_search else []
        cells.append(two_decimals(row.calls / runs) if row.calls else "")
        tokens = (usage.input, usage.output) if usage else ()
        cells += [count(round(n / runs)) for n in tokens] or ["", ""]
        cells += [_cost(row), duration(row.seconds / runs)]
        cells.append("" if all_solved or best is None else number(best[1]))
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: comparison (same problem{budget})"),
        subtitle=_explanation(rows, value),
        columns=(
            "target",
            *swept_headings(swept),
            "optimizer",
            solved_heading(rows),
            "gap %",
            "evaluations",
            "steps",
            *(("random-search points", "solved by random search") if random_search else ()),
            "calls per run",
            "tokens in",
            "tokens out",
            "cost",
            "time",
            f"best {value}",
        ),
        rows=tuple(body),
        stats=frozenset({"gap %", "evaluations", "steps"}),
        keys=2 + len(swept),
        notes=lost_reply_notes(rows),
    )


def _explanation(rows: Sequence[Row], value: str) -> str:
    """What the numbers of a comparison are, of the columns that it has."""
    contents = problem_contents(rows[0])
    parts = [f"contents: {contents}"] if contents else []
    if any(row.solved for row in rows):
        parts.append("evaluations (with starting points) and steps: mean±std of the solved runs")
        parts += _step_names(rows)
    if PROBLEMS[rows[0].problem].gap:
        parts.append("gap: distance of the best value from the optimum, mean±std of finished runs")
    spent = "calls, tokens, cost and time" if any(row.calls for row in rows) else "time"
    parts.append(f"{spent}: mean of all runs")
    if not all(len(row.solved) == len(row.runs) for row in rows):
        parts.append(f"best {value}: of all runs")
    return "; ".join(parts)


def _intervals(rows: Sequence[Row], name: str, measure: Measure) -> Table:
    swept = swept_keys(rows)
    body = []
    for row in rows:
        stat = measure(row)
        low, high = wilson(len(row.solved), len(row.runs))
        cells: list[Cell] = [target_name(row), *swept_cells(row, swept), optimizer_name(row, rows)]
        cells += [f"{len(row.solved)}/{len(row.runs)}", f"{100 * low:.0f}–{100 * high:.0f}%"]
        cells += _spread(stat) if stat else ["", "", "", ""]
        body.append(tuple(cells))
    return Table(
        title=clean(f"{rows[0].preset}: {name}: confidence intervals"),
        subtitle=(
            "CI: confidence interval, Wilson's for the success rate, bootstrap (percentile) for "
            "the mean; mean, median and quartiles: of the solved runs"
        ),
        columns=(
            "target",
            *swept_headings(swept),
            "optimizer",
            "solved",
            "success rate, 95% CI",
            "mean",
            "mean, 95% CI",
            "median",
            "quartiles",
        ),
        rows=tuple(body),
        keys=2 + len(swept),
    )


def _spread(stat: Stat) -> list[str]:
    """Mean, its interval, median and quartiles."""
    interval = _range(*stat.interval) if stat.interval else ""
    return [two_decimals(stat.mean), interval, two_decimals(stat.median), _range(*stat.quartiles)]


def _range(low: float, high: float) -> str:
    return f"{two_decimals(low)}–{two_decimals(high)}"


def _random_search(row: Row) -> list[Cell]:
    """The share of points and of solutions that random search found, beside a model's."""
    if not row.asks_model or not row.sources:
        return ["", ""]
    share = f"{100 * row.random_search_points / sum(row.sources.values()):.0f}%"
    solved = sum(n for source, n in row.solvers.items() if source != MODEL)
    return [share, f"{solved}/{len(row.solved)}" if row.solved else ""]


def _step_names(rows: Sequence[Row]) -> list[str]:
    """What a step is for the optimizers that have another word for it."""
    names = {row.optimizer: row.kind.step_name for row in rows if row.kind.step_name != "step"}
    parts = ", ".join(f"one {name} ({optimizer})" for optimizer, name in names.items())
    return [f"one step is {parts}"] if parts else []


def _cost(row: Row) -> str:
    """The mean cost of a run."""
    if row.usage is None or row.cost == 0:
        return ""
    return "unknown" if row.cost is None else f"${row.cost / len(row.runs):.4f}"
