"""Models, or optimizers, side by side: a row for each, over all targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean
from opro_cli.report.cells import solved_cell, solved_heading
from opro_cli.report.contest import Contender, contests, p_text, sentence
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Table, range_text, short_number


def tables(rows: Sequence[Row], *, everyone: bool = False) -> Iterator[Table]:
    """A table for each contest, see :func:`contests`."""
    for contest in contests(rows, everyone=everyone):
        yield _table(contest)


def _table(contest: Sequence[Contender]) -> Table:
    first, *others = contest
    rows = [one.row for one in contest]
    goal = any(row.has_goal for row in rows)
    value = clean(rows[0].value_name, 40)
    result = "evaluations" if goal else f"mean {value}"
    difference = "times the evaluations" if goal else "better by"
    p = "p (Holm)" if len(others) > 1 else "p"
    test = "Wilcoxon's signed-rank test, two-sided, exact up to 60 pairs"
    if len(others) > 1:
        test += f", {len(others)} comparisons (Holm)"
    return Table(
        title=clean(f"{rows[0].preset}: side by side"),
        subtitle=f"each against {first.name}, by target and repetition",
        columns=(
            "",
            solved_heading(rows),
            result,
            "wins/losses/ties",
            difference,
            "95% CI",
            p,
            "verdict",
            "cost",
        ),
        rows=tuple(_cells(one, goal=goal) for one in contest),
        stats=frozenset({result}),
        values=frozenset(() if goal else {result}),
        keys=1,
        notes=tuple(sentence(one, first) for one in others),
        legend={
            result: f"mean±std of the {solved_heading(rows)} runs",
            difference: (
                f"those that {first.name} took, typical ratio where both solved it"
                if goal
                else f"the typical {value} than {first.name}; below 0: worse by"
            ),
            p: test,
            "cost": "of all runs",
        },
    )


def _cells(one: Contender, *, goal: bool) -> tuple[Cell, ...]:
    row, pairing = one.row, one.pairing
    result = row.evaluations if goal else None if row.pooled else row.best_values
    cells: list[Cell] = [one.name, solved_cell(row), result]
    if pairing is None:
        return (*cells, "", "", "", "", "first", _cost(row))
    typical = pairing.typical
    middle, ends = typical if typical else (None, None)
    form = (lambda ratio: f"{ratio:.2f}") if goal else short_number
    cells.append(f"{pairing.wins}/{pairing.losses}/{pairing.ties}")
    cells.append("" if middle is None else form(middle))
    cells.append(range_text(ends, form) if ends else "")
    return (*cells, p_text(one.p), one.verdict, _cost(row))


def _cost(row: Row) -> str:
    """The cost of all runs."""
    if row.usage is None or row.cost == 0:
        return ""
    return "unknown" if row.cost is None else f"${row.cost:.4f}"
