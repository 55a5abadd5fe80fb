"""Models, or optimizers, side by side: a row for each, over all targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean
from opro_cli.report.cells import random_search_cell, solved_cell, solved_heading
from opro_cli.report.contest import Contender, contests, p_text, sentence
from opro_cli.report.groups import models_of
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Table, range_text, short_number, two_digits

SEARCHED = "random search"

FOLD = 18
"""Characters of a name beside the other columns: models have long names."""


def tables(rows: Sequence[Row], *, everyone: bool = False) -> Iterator[Table]:
    """A table for each contest, see :func:`contests`."""
    for contest in contests(rows, everyone=everyone):
        yield _table(contest)


def _table(contest: Sequence[Contender]) -> Table:
    first, *others = contest
    rows = [one.row for one in contest]
    goal = any(row.has_goal for row in rows)
    value = clean(rows[0].value_name, 40)
    done = solved_heading(rows)
    result = "evaluations" if goal else f"mean {value}"
    difference = "times" if goal else "better by"
    test = "Wilcoxon's signed-rank test, exact up to 60 pairs"
    if len(others) > 1:
        test += f", adjusted for {len(others)} comparisons (Holm)"
    models = models_of(rows)
    model = f"; {clean(models[0], 80)} is asked" if len(models) == 1 else ""
    return Table(
        title=clean(f"{rows[0].preset}: side by side"),
        subtitle=f"each against {first.name}, by target and repetition{model}",
        columns=("", result, difference, "95% CI", "p", "verdict", done, "W/L/T", SEARCHED, "cost"),
        rows=tuple(_cells(one, goal=goal) for one in contest),
        stats=frozenset({result}),
        values=frozenset(() if goal else {result}),
        keys=1,
        notes=tuple(sentence(one, first) for one in others),
        fold=FOLD,
        legend={
            result: f"mean±std of the {done} runs",
            difference: "the typical ratio of evaluations, where both solved it"
            if goal
            else f"the typical difference in {value}; below 0: worse by",
            "p": test,
            "W/L/T": "pairs won, lost and tied",
            SEARCHED: "share of the points that random search proposed, and no model",
            "cost": "of all runs",
        },
    )


def _cells(one: Contender, *, goal: bool) -> tuple[Cell, ...]:
    row, pairing = one.row, one.pairing
    searched = random_search_cell(row) if row.random_search_points else ""
    result = row.evaluations if goal else None if row.pooled else row.best_values
    if pairing is None:
        return (one.name, result, "", "", "", "first", solved_cell(row), "", searched, _cost(row))
    typical = pairing.typical
    middle, ends = typical if typical else (None, None)
    form = two_digits if goal else short_number
    return (
        one.name,
        result,
        "" if middle is None else form(middle),
        range_text(ends, form) if ends else "",
        p_text(one.p) if pairing.outcomes else "",
        one.verdict,
        solved_cell(row),
        f"{pairing.wins}/{pairing.losses}/{pairing.ties}",
        searched,
        _cost(row),
    )


def _cost(row: Row) -> str:
    """The cost of all runs."""
    if row.usage is None or row.cost == 0:
        return ""
    return "unknown" if row.cost is None else f"${row.cost:.4f}"
