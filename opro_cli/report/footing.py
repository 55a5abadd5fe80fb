"""All optimizers on one footing: what each needed, every currency in a column of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opro_cli.report import marks
from opro_cli.report.groups import axes, axis_cells, axis_names, rivals, where, who
from opro_cli.report.published import converged
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Stat, wilson
from opro_cli.report.tables import Cell, Table, two
from opro_cli.tally import MODEL
from opro_cli.text import clean, count, duration, number

Measure = Callable[[Row], Stat | None]


def tables(rows: Sequence[Row], *, brief: bool = False) -> Iterator[Table]:
    """For each problem: what was spent, then what can be trusted of the means.

    Args:
        rows: of all problems.
        brief: only what was spent, and only by optimizers that no other table has.
    """
    for group in rivals(rows):
        ordered = _by_target(group)
        alone = all(row.kind.needs_model or row.kind.column for row in ordered)
        if not alone or (not brief and len({(row.optimizer, row.model) for row in ordered}) > 1):
            yield _spent(ordered)
        if brief or all(len(row.runs) == 1 for row in ordered):
            continue  # of one run there is nothing to say
        yield _trusted(ordered, "evaluations", lambda row: row.evaluations)
        asking = [row for row in ordered if row.kind.needs_model]
        if asking:
            yield _trusted(asking, "steps", lambda row: row.steps)


def _by_target(rows: Sequence[Row]) -> list[Row]:
    """Rivals next to each other; targets and cells in the order they were run."""
    order: dict[str, int] = {}
    for row in rows:
        order.setdefault(where(row), len(order))
    return sorted(rows, key=lambda row: order[where(row)])


def _spent(rows: Sequence[Row]) -> Table:
    swept = axes(rows)
    missed = any(len(row.converged) < len(row.runs) for row in rows)
    helped = any(row.kind.needs_model and row.drawn for row in rows)
    body = []
    for row in rows:
        runs, usage, best = len(row.runs), row.usage, row.best
        cells: list[Cell] = [where(row), *axis_cells(row, swept), who(row, rows)]
        cells += [converged(row), row.gap, row.evaluations, row.steps]
        cells += _drawn(row) if helped else []
        cells.append(two(row.calls / runs) if row.calls else "")
        tokens = (usage.input, usage.output) if usage else ()
        cells += [count(round(n / runs)) for n in tokens] or ["", ""]
        cells += [_cost(row), duration(row.seconds / runs)]
        cells.append(number(best[1]) if best and missed else "")
        body.append(tuple(cells))
    drawn = ("points by code", "solved by code") if helped else ()
    own = ("converged", "gap %", "evaluations", "steps", *drawn)
    spent = ("calls", "tokens in", "tokens out", "cost", "time", "best")
    return Table(
        title=clean(f"{rows[0].preset}: on one footing"),
        subtitle=(
            "evaluations (starting points included) and steps: mean and std of the converged "
            f"runs; calls, tokens, cost and time: mean of all runs; best: of all runs{_steps(rows)}"
        ),
        columns=("target", *axis_names(swept), "optimizer", *own, *spent),
        rows=tuple(body),
        stats=frozenset({"gap %", "evaluations", "steps"}),
        keys=2 + len(swept),
        notes=marks.notes(rows),
    )


def _trusted(rows: Sequence[Row], name: str, measure: Measure) -> Table:
    swept = axes(rows)
    body = []
    for row in rows:
        stat = measure(row)
        low, high = wilson(len(row.converged), len(row.runs))
        cells: list[Cell] = [where(row), *axis_cells(row, swept), who(row, rows)]
        cells += [f"{len(row.converged)}/{len(row.runs)}", f"{100 * low:.0f}–{100 * high:.0f}%"]
        cells += _spread(stat) if stat else ["", "", "", ""]
        body.append(tuple(cells))
    statistics = ("mean", "95% of mean", "median", "quartiles")
    return Table(
        title=clean(f"{rows[0].preset}: {name}, and what can be trusted"),
        subtitle="intervals: Wilson's for the rate, bootstrap (percentile) for the mean",
        columns=(
            "target",
            *axis_names(swept),
            "optimizer",
            "converged",
            "95% of rate",
            *statistics,
        ),
        rows=tuple(body),
        keys=2 + len(swept),
    )


def _spread(stat: Stat) -> list[str]:
    ends = stat.interval
    interval = f"{two(ends[0])}–{two(ends[1])}" if ends else ""
    low, high = stat.quartiles
    return [two(stat.mean), interval, two(stat.median), f"{two(low)}–{two(high)}"]


def _drawn(row: Row) -> list[Cell]:
    """The share of points that code has drawn, and of solutions, where a model proposes too."""
    if not row.kind.needs_model or not row.sources:
        return ["", ""]
    share = f"{100 * row.drawn / sum(row.sources.values()):.0f}%"
    return [share, f"{sum(n for s, n in row.solvers.items() if s != MODEL)}/{len(row.converged)}"]


def _steps(rows: Sequence[Row]) -> str:
    """What a step is to those optimizers that call it something else."""
    names = {row.optimizer: row.kind.step_name for row in rows if row.kind.step_name != "step"}
    said = ", ".join(f"{step} ({optimizer})" for optimizer, step in names.items())
    return f"; a step is: {said}" if said else ""


def _cost(row: Row) -> str:
    if row.usage is None or row.cost == 0:
        return ""
    return "unknown" if row.cost is None else f"${row.cost / len(row.runs):.4f}"
