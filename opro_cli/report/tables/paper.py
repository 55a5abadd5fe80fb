"""A contest as a table for a paper: the same columns for any number of pairs, and short notes.

What qualifies a result, such as points that no model proposed, is a note with a mark at the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opro_cli.core.text import clean, plural
from opro_cli.report.cells import lost_replies, no_value_text, random_search_cell
from opro_cli.report.contest import Contender, contests, p_text
from opro_cli.report.notes import between_rows, few_usable
from opro_cli.report.ranks import FEWEST
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Interval, Stat
from opro_cli.report.table import Table, same_digits, two_decimals, two_digits
from opro_cli.report.tables.contest import estimate, subtitle, test_of

MARKS = "†‡§¶"
"""Of the contenders with a note, from the first; then each twice, and so on."""

NONE = "—"
"""A cell that has no number."""

Form = Callable[[float], str]


def tables(rows: Sequence[Row], *, everyone: bool = False) -> Iterator[Table]:
    """A table for each contest, see :func:`opro_cli.report.contest.contests`."""
    for contest in contests(rows, everyone=everyone):
        yield _table(contest)


def _table(contest: Sequence[Contender]) -> Table:
    first = contest[0]
    goal = any(one.row.has_goal for one in contest)
    value = clean(first.row.value_name, 40)
    result, difference = ("evaluations", "times") if goal else (value, "better by")
    noted = [(one, "; ".join(found)) for one in contest if (found := list(_remarks(one.row)))]
    marks = {one.name: _mark(i) for i, (one, _) in enumerate(noted)}
    spread, ratio = _forms(contest, goal=goal)
    return Table(
        title=clean(f"{first.row.preset}: side by side"),
        subtitle=subtitle(contest),
        columns=(
            "",
            *(["solved"] if goal else []),
            f"{result}, mean±sd",
            difference,
            "95% CI",
            "p",
            "W/L/T",
        ),
        rows=tuple(
            (
                f"{one.name}{marks.get(one.name, '')}",
                *([f"{len(one.row.solved)}/{len(one.row.runs)}"] if goal else []),
                _mean(one.row, spread, goal=goal),
                *_against(one, ratio),
            )
            for one in contest
        ),
        keys=1,
        fixed=True,
        notes=(
            _explained(contest, difference, goal=goal),
            *(f"{marks[one.name]} {clean(one.name, 80)}: {said}." for one, said in noted),
            *(note.removeprefix("Note: ") for note in between_rows([c.row for c in contest])),
        ),
    )


def _mark(place: int) -> str:
    return MARKS[place % len(MARKS)] * (1 + place // len(MARKS))


def _measured(row: Row, *, goal: bool) -> Stat | None:
    """Evaluations of the solved runs, else the best values; those of several targets have no
    mean."""
    return row.evaluations if goal else None if row.pooled else row.best_values


def _forms(contest: Sequence[Contender], *, goal: bool) -> tuple[Form, Form]:
    """How means and differences are written: with the same decimals in all rows."""
    stats = [stat for one in contest if (stat := _measured(one.row, goal=goal))]
    spread = same_digits([s.mean for s in stats], [s.std for s in stats])
    typical = [one.pairing.typical for one in contest if one.pairing and one.pairing.typical]
    if goal:
        return two_decimals if not stats else spread, two_digits
    halves = [(ends[1] - ends[0]) / 2 for _, ends in typical if ends]
    return spread, same_digits([middle for middle, _ in typical], halves)


def _mean(row: Row, form: Form, *, goal: bool) -> str:
    stat = _measured(row, goal=goal)
    if stat is None:
        return NONE
    return f"{form(stat.mean)}±{form(stat.std)}" if len(stat.values) > 1 else form(stat.mean)


def _against(one: Contender, form: Form) -> tuple[str, str, str, str]:
    """The estimate, its interval, p, and the pairs won, lost and tied."""
    pairing = one.pairing
    if pairing is None or not pairing.outcomes:
        return NONE, NONE, NONE, NONE
    middle, ends = pairing.typical or (None, None)
    return (
        NONE if middle is None else form(middle),
        _interval(ends, form),
        p_text(one.p),
        f"{pairing.wins}/{pairing.losses}/{pairing.ties}",
    )


def _interval(ends: Interval | None, form: Form) -> str:
    return f"[{form(ends[0])}, {form(ends[1])}]" if ends else NONE


def _explained(contest: Sequence[Contender], difference: str, *, goal: bool) -> str:
    """What the columns hold, in one note."""
    rows = [one.row for one in contest]
    counts = {len(row.solved if goal else row.finished) for row in rows}
    each = f"{plural(counts.pop(), 'run')} each" if len(counts) == 1 and not goal else "runs"
    of = "solved runs" if goal else f"finished runs ({each})" if each != "runs" else "finished runs"
    parts = [
        f"mean±sd: of the {of}, sd with divisor n",
        f"{difference}: {estimate(contest)}",
        f"p: {test_of(contest)}",
        "W/L/T: pairs won, lost and tied",
    ]
    few = [one for one in contest if one.pairing and one.pairing.repetitions < FEWEST]
    if few:
        parts.append(f"no CI with fewer than {FEWEST} pairs")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def _remarks(row: Row) -> Iterator[str]:
    """What qualifies the result of a contender."""
    for state in ("failed", "unfinished"):
        if row.states[state]:
            yield f"{plural(row.states[state], f'{state} run')} left out"
    if row.random_search_points:
        yield f"random search, and not the model, proposed {random_search_cell(row)} of its points"
    if said := few_usable(row):
        yield said
    if row.lost:
        yield f"replies were lost, which could have changed the result ({lost_replies(row)})"
    if said := no_value_text([row]):
        yield said
