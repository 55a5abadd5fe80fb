"""Models, or optimizers, side by side: a row for each, over all targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opro_cli.core.text import clean
from opro_cli.report.cells import (
    random_search_cell,
    random_search_note,
    solved_cell,
    solved_heading,
)
from opro_cli.report.contest import Contender, contests, p_text, sentence
from opro_cli.report.groups import models_of
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Table, range_text, same_digits, two_digits

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
    left_out = random_search_note(rows, [one.name for one in contest])
    form = two_digits if goal else _same_digits(contest)
    return Table(
        title=clean(f"{rows[0].preset}: side by side"),
        subtitle=subtitle(contest),
        columns=("", result, difference, "95% CI", "p", "verdict", done, "W/L/T", SEARCHED, "cost"),
        rows=tuple(_cells(one, form, goal=goal) for one in contest),
        stats=frozenset({result}),
        values=frozenset(() if goal else {result}),
        keys=1,
        notes=tuple(sentence(one, first) for one in others),
        fold=FOLD,
        instead={SEARCHED: left_out} if left_out else {},
        legend={
            result: f"mean±std of the {done} runs",
            difference: estimate(contest),
            "p": test_of(contest),
            "W/L/T": "pairs won, lost and tied",
            SEARCHED: "share of the points that random search proposed, and no model",
            "cost": "of all runs",
        },
    )


def subtitle(contest: Sequence[Contender]) -> str:
    """Who is held against whom."""
    models = models_of([one.row for one in contest])
    model = f"; {clean(models[0], 80)} is asked" if len(models) == 1 else ""
    apart = f"{contest[0].row.apart}; " if contest[0].row.apart else ""
    return f"{apart}each against {contest[0].name}, by target and repetition{model}"


def estimate(contest: Sequence[Contender]) -> str:
    """How a difference is computed, see :func:`opro_cli.report.ranks.typical_difference`."""
    if any(one.row.has_goal for one in contest):
        return "Hodges–Lehmann estimate of the paired ratios of evaluations, where both solved it"
    value = clean(contest[0].row.value_name, 40)
    return f"Hodges–Lehmann estimate of the paired differences in {value} (below 0: worse)"


def test_of(contest: Sequence[Contender]) -> str:
    """Which test p belongs to."""
    test = "Wilcoxon's signed-rank test, exact up to 60 pairs"
    others = len(contest) - 1
    return f"{test}, adjusted for {others} comparisons (Holm)" if others > 1 else test


def _same_digits(contest: Sequence[Contender]) -> Callable[[float], str]:
    """The differences of all rows with the same decimals."""
    typical = [one.pairing.typical for one in contest if one.pairing and one.pairing.typical]
    halves = [(ends[1] - ends[0]) / 2 for _, ends in typical if ends]
    return same_digits([middle for middle, _ in typical], halves)


def _cells(one: Contender, form: Callable[[float], str], *, goal: bool) -> tuple[Cell, ...]:
    row, pairing = one.row, one.pairing
    searched = random_search_cell(row) if row.random_search_points else ""
    result = row.evaluations if goal else None if row.pooled else row.best_values
    if pairing is None:
        return (one.name, result, "", "", "", "first", solved_cell(row), "", searched, _cost(row))
    typical = pairing.typical
    middle, ends = typical if typical else (None, None)
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
