"""Contests: models, or optimizers, on the same targets, each against the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean, number, plural
from opro_cli.presets.spec import RunSpec, digest
from opro_cli.problems.settings import label
from opro_cli.report.groups import by_problem, fixed_settings, merge, models_of, optimizer_name
from opro_cli.report.judged import is_judged
from opro_cli.report.pairing import Pairing, compare, pool, same_target
from opro_cli.report.ranks import FEWEST, holm, least_wins, smallest_effect
from opro_cli.report.rows import Row
from opro_cli.report.statistics import Interval
from opro_cli.report.table import range_text, short_number, two_digits


@dataclass(frozen=True)
class Contender:
    """One model, or one optimizer, over all targets."""

    row: Row
    """The runs on all targets."""
    name: str
    pairing: Pairing | None = None
    """Its runs paired with those of the first contender; None for the first."""
    p: float = 1.0
    """Of the pairing; raised where there are several comparisons (Holm)."""

    @property
    def verdict(self) -> str:
        """Against the first contender; empty for the first."""
        return self.pairing.verdict(self.p) if self.pairing else ""


def contests(rows: Sequence[Row], *, everyone: bool = False) -> Iterator[list[Contender]]:
    """The contests of a report: at least two contenders each, the first being held against.

    Args:
        rows: of any problems whose points are no instructions.
        everyone: also optimizers against each other, and not only models.
    """
    for group in by_problem(rows):
        found = _by_contender(group)
        parts: dict[str, list[list[Row]]] = {}
        for mine in found:
            parts.setdefault("" if everyone else mine[0].optimizer, []).append(mine)
        for part in parts.values():
            several = len({mine[0].model for mine in part}) > 1
            if len(part) > 1 and (everyone or several):
                yield _contest(part)


def _by_contender(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows by optimizer, model and settings, whatever their target and swept settings."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        settings = {k: v for k, v in fixed_settings(row).items() if not k.startswith("problem.")}
        groups.setdefault(digest([row.optimizer, row.model, settings]), []).append(row)
    return list(groups.values())


def _contest(found: Sequence[Sequence[Row]]) -> list[Contender]:
    merged = [merge(rows) for rows in found]
    first, *others = [
        Contender(
            row, _name(row, merged), _paired(rows, found[0]) if rows is not found[0] else None
        )
        for i, (row, rows) in enumerate(zip(merged, found, strict=True))
    ]
    adjusted = holm([one.pairing.p for one in others if one.pairing])
    return [first, *(replace(one, p=p) for one, p in zip(others, adjusted, strict=True))]


def _name(row: Row, among: Sequence[Row]) -> str:
    """The model where these differ, else the optimizer with what distinguishes it."""
    same = [other for other in among if other.optimizer == row.optimizer]
    if row.model and len(models_of(same)) == len(same) > 1:
        others = {other.optimizer for other in among} - {row.optimizer}
        return clean(f"{row.optimizer} ({row.model})" if others else row.model, 80)
    return optimizer_name(row, among, model=len(models_of(same)) > 1)


def _paired(rows: Sequence[Row], bases: Sequence[Row]) -> Pairing:
    found = [
        compare(row, base)
        for row in rows
        for base in bases
        if same_target(row, base) and _shared(row, base)
    ]
    return pool(found) if found else Pairing((), rows[0].has_goal)


def _shared(row: Row, base: Row) -> bool:
    """Whether the swept settings that concern both are the same."""
    both = row.swept.keys() & base.swept.keys()
    return all(row.swept[key] == base.swept[key] for key in both)


def sentence(one: Contender, first: Contender) -> str:
    """The result of a contender against the first, in one sentence or two."""
    pairing = one.pairing
    if pairing is None or not pairing.outcomes:
        return f"{one.name} and {first.name} have no finished runs on the same targets."
    verdict, pairs = one.verdict, plural(pairing.repetitions, "pair")
    seen = "; ".join(_seen(one, first))
    if verdict == "too few":
        return (
            f"Too few to tell: {pairs} of runs, and at least {FEWEST} are needed (--reps). "
            f"So far {seen}."
        )
    holm = "" if one.p == pairing.p else " (Holm)"
    found = f"{seen}; p = {p_text(one.p)}{holm}, {pairs}."
    if verdict == "no evidence":
        return f"No evidence that {one.name} and {first.name} differ: {found}{_resolution(one)}"
    better, worse = (one, first) if verdict == "better" else (first, one)
    return f"{better.name} is better than {worse.name}: {found}"


def _seen(one: Contender, first: Contender) -> Iterator[str]:
    """What was seen: solved runs, and the typical difference with its interval."""
    pairing = one.pairing
    if pairing is None:
        return
    if pairing.goal:
        yield " and ".join(f"{c.name} solved {_solved(c.row)}" for c in (one, first))
    if pairing.typical is None:
        return
    middle, ends = pairing.typical
    if not pairing.goal:
        low = "lower" if (middle < 0) == pairing.higher else "higher"
        size, ends = _turned(middle, ends)
        value = clean(one.row.value_name, 40)
        if not size:
            yield f"the typical {value} is the same"
            return
        yield f"the {value} of {one.name} is {low} by {short_number(size)}{_interval(ends)}"
        return
    more, less = (one, first) if middle >= 1 else (first, one)
    if middle < 1:
        middle, ends = 1 / middle, (1 / ends[1], 1 / ends[0]) if ends else None
    ratio = f"{two_digits(middle)} times the evaluations of {less.name}"
    yield f"where both did, {more.name} took {ratio}{_interval(ends, two_digits)}"


def _turned(middle: float, ends: Interval | None) -> tuple[float, Interval | None]:
    """The same without a minus sign before the difference."""
    if middle >= 0:
        return middle, ends
    return -middle, (-ends[1], -ends[0]) if ends else None


def _solved(row: Row) -> str:
    return f"{len(row.solved)} of {len(row.finished)}"


def _interval(ends: Interval | None, form: Callable[[float], str] = short_number) -> str:
    return f" (95 % CI {range_text(ends, form)})" if ends else ""


def _resolution(one: Contender) -> str:
    pairing = one.pairing
    least = pairing.resolution if pairing else None
    if pairing is None or least is None:
        return ""
    size = f"{two_digits(least)} times the evaluations" if pairing.goal else short_number(least)
    return f" So many pairs show differences from about {size} on."


def p_text(p: float) -> str:
    """A p-value in three decimals, or ``<0.001``."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def to_json(contest: Sequence[Contender]) -> list[dict[str, Any]]:
    """A contest as JSON data: one object for each contender."""
    first = contest[0]
    return [
        {
            "name": one.name,
            "preset": one.row.preset,
            "optimizer": one.row.optimizer,
            "model": one.row.model,
            "runs": len(one.row.runs),
            "finished": len(one.row.finished),
            "solved": len(one.row.solved) if one.row.has_goal else None,
            "cost": one.row.cost,
            **(_against_json(one, first) if one.pairing else {}),
        }
        for one in contest
    ]


def _against_json(one: Contender, first: Contender) -> dict[str, Any]:
    if one.pairing is None:
        return {}
    return {
        "against": one.pairing.to_json(first.name),
        "p_adjusted": one.p,
        "verdict": one.verdict,
        "sentence": sentence(one, first),
    }


def summary_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The contests of all rows as JSON data; instructions are compared in ``accuracy``."""
    held = [row for row in rows if not is_judged(row.spec)]
    return [{"contenders": to_json(contest)} for contest in contests(held, everyone=True)]


def check_contest(specs: Iterable[RunSpec]) -> None:
    """Raises UsageError where there is one contender only."""
    found = {(spec.optimizer.name, spec.model) for spec in specs}
    if len(found) < 2:
        only = " with ".join(filter(None, next(iter(found), ("nothing", None))))
        raise UsageError(
            f"There is nothing to compare {clean(only)} with.",
            "give --model twice, or --optimizer twice: the others are held against the first",
        )


def resolution_of_plan(specs: Iterable[RunSpec], *, optimizers: bool = False) -> str:
    """What the repetitions of a plan can show, in a sentence; empty where nothing is compared.

    Instructions are compared by their test examples: a plan has that among its facts.

    Args:
        specs: of all runs, those that are finished already included.
        optimizers: whether optimizers are compared too, and not only models.
    """
    runs: dict[tuple[str, str | None], set[str]] = {}
    for spec in specs:
        if not is_judged(spec):
            place = [label(spec.target), spec.repetition, spec.problem.model_dump_json()]
            runs.setdefault((spec.optimizer.name, spec.model), set()).add(digest(place))
    models = {model for _, model in runs if model}
    if len(runs if optimizers else models) < 2:
        return ""
    pairs = max(len(found) for found in runs.values())  # one run of a baseline serves for all
    effect, wins = smallest_effect(pairs), least_wins(pairs)
    if effect is None or wins is None:
        return (
            f"{plural(pairs, 'pair')} of runs cannot show a difference, whatever the results: at "
            f"least {FEWEST} are needed (--reps)."
        )
    return (
        f"{plural(pairs, 'pair')} of runs show a difference from about {number(round(effect, 1))} "
        f"standard deviations of the paired differences on, such as {wins} wins of {pairs}."
    )
