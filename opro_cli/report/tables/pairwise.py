"""Compare every optimizer with a baseline, repetition by repetition: see ``report/pairing.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean, number, plural
from opro_cli.report.groups import (
    by_problem,
    optimizer_name,
    swept_cells,
    swept_headings,
    swept_keys,
    target_name,
)
from opro_cli.report.pairing import compare, have_goal, opponents
from opro_cli.report.rows import Row
from opro_cli.report.statistics import LEVEL, sign_test
from opro_cli.report.table import Cell, Table, two_decimals

WITH_GOAL = (
    "evaluations until the problem was solved, repetition by repetition; not solved loses to "
    "solved; difference: where both solved it"
)
WITHOUT_GOAL = (
    "of each finished run, repetition by repetition (there is no goal); difference: the best value "
    "minus the baseline's"
)


def tables(rows: Sequence[Row], baseline: str) -> Iterator[Table]:
    """One table for each problem that the baseline was run on."""
    for group in by_problem(rows):
        pairs = list(opponents(group, baseline))
        if pairs:
            yield _table(pairs, group, baseline)


def _table(pairs: Sequence[tuple[Row, Row]], group: Sequence[Row], baseline: str) -> Table:
    swept = swept_keys([row for row, _ in pairs])
    several = len({optimizer_name(base, group) for _, base in pairs}) > 1
    body, most = [], 0
    for row, base in pairs:
        pairing = compare(row, base)
        most = max(most, pairing.repetitions)
        stat = pairing.difference
        ends = stat.interval if stat else None
        cells: list[Cell] = [target_name(row), *swept_cells(row, swept)]
        cells += [optimizer_name(row, group), optimizer_name(base, group) if several else ""]
        cells += [str(pairing.repetitions), f"{pairing.wins}/{pairing.losses}/{pairing.ties}"]
        form = _evaluations if have_goal(row, base) else _value
        cells += [form(stat.mean) if stat else ""]
        cells += [f"{form(ends[0])} to {form(ends[1])}" if ends else "", two_decimals(pairing.p)]
        body.append(tuple(cells))
    goal = any(have_goal(row, base) for row, base in pairs)
    compared = WITH_GOAL if goal else f"best {clean(group[0].value_name, 40)} {WITHOUT_GOAL}"
    apart = f"{group[0].apart}; " if group[0].apart else ""
    return Table(
        title=clean(f"{group[0].preset}: against {baseline}"),
        subtitle=f"{apart}{compared}; p: Wilcoxon's signed-rank test, two-sided",
        columns=(
            "target",
            *swept_headings(swept),
            "optimizer",
            "against",
            "repetitions compared",
            "wins/losses/ties",
            "difference",
            "difference, 95% CI",
            "p",
        ),
        rows=tuple(body),
        keys=2 + len(swept),
        notes=_too_few(most),
    )


def _evaluations(difference: float) -> str:
    return f"{difference:+.1f}"


def _value(difference: float) -> str:
    return f"{'+' if difference > 0 else ''}{number(difference)}"


def _too_few(repetitions: int) -> tuple[str, ...]:
    """A note where the test cannot become significant, which is then that of the signs."""
    least = sign_test(repetitions, 0)
    if least <= 1 - LEVEL:
        return ()
    verb = "is" if repetitions == 1 else "are"
    return (
        f"{plural(repetitions, 'repetition')} {verb} too few for this test: with wins only, p "
        f"would be {two_decimals(least)}. At least 6 are needed for p below "
        f"{two_decimals(1 - LEVEL)}.",
    )
