"""The best value after given numbers of evaluations, for objectives without a goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opro_cli.report.figures.histories import History
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Stat

MOST = 6
"""Budgets that are shown: the largest ones."""


def budgets_of(rows: Sequence[Row]) -> list[int]:
    """1, 2 and 5 times the powers of ten below what the longest run took, and that number."""
    most = max((run.totals.evaluations for row in rows for run in row.finished), default=0)
    found = [factor * 10**power for power in range(len(str(most))) for factor in (1, 2, 5)]
    return [*(budget for budget in found if 10 <= budget < most), *([most] if most else [])][-MOST:]


def values_at(row: Row, histories: Mapping[str, History], budget: int) -> Stat | None:
    """The best value of each finished run after so many evaluations, counted in whole steps.

    A run that ended before keeps its last value; one without a value by then is left out.
    """
    found = [
        value
        for run in row.finished
        if run.id in histories
        if (value := _best_by(histories[run.id], budget)) is not None
    ]
    return Stat(tuple(found)) if found else None


def _best_by(history: History, budget: int) -> float | None:
    reached = [moment.best for moment in history.moments if moment.evaluations <= budget]
    return reached[-1] if reached else None


def to_json(
    row: Row, among: Sequence[Row], histories: Mapping[str, History]
) -> Iterator[dict[str, Any]]:
    """The best values of a row at the budgets of all rows of its problem."""
    for budget in budgets_of(among):
        stat = values_at(row, histories, budget)
        if stat is not None:
            yield {"evaluations": budget, **stat.to_json(), **stat.more_json()}
