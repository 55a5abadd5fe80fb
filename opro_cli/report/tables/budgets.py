"""The best values after given numbers of evaluations, where there is no goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opro_cli.core.text import clean, plural
from opro_cli.report.budgets import budgets_of, values_at
from opro_cli.report.figures.histories import History
from opro_cli.report.groups import by_problem
from opro_cli.report.rows import Row
from opro_cli.report.table import Table
from opro_cli.report.tables.comparison import by_target, key_columns

SUBTITLE = "mean±std of finished runs; a run that ended before keeps its last value"


def tables(rows: Sequence[Row], histories: Mapping[str, History]) -> Iterator[Table]:
    """One for each problem without a goal whose runs were followed."""
    for group in by_problem(rows):
        followed = any(run.id in histories for row in group for run in row.runs)
        if followed and not any(row.has_goal for row in group):
            yield _table(by_target(group), histories)


def _table(rows: Sequence[Row], histories: Mapping[str, History]) -> Table:
    keys, budgets = list(key_columns(rows)), budgets_of(rows)
    columns = [f"after {plural(budget, 'evaluation')}" for budget in budgets]
    value = clean(rows[0].value_name, 40)
    return Table(
        title=clean(f"{rows[0].preset}: best {value} by evaluations"),
        subtitle="; ".join([*filter(None, [rows[0].apart]), SUBTITLE]),
        columns=(*(name for name, _ in keys), *columns),
        rows=tuple(
            (
                *(cell(row) for _, cell in keys),
                *(values_at(row, histories, budget) for budget in budgets),
            )
            for row in rows
        ),
        stats=frozenset(columns),
        values=frozenset(columns),
        keys=len(keys),
    )
