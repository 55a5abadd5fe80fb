"""The notes of a report, one or two sentences each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.errors import RunsError
from opro_cli.core.events import USABLE, Point
from opro_cli.core.problem import nearest_point
from opro_cli.core.text import clean, listed, number, plural, source_text
from opro_cli.core.totals import MODEL, START
from opro_cli.report.cells import no_value_text
from opro_cli.report.groups import (
    by_problem,
    different_budgets,
    merge,
    optimizer_name,
    same_in_each,
    target_name,
)
from opro_cli.report.judged import is_judged
from opro_cli.report.pairing import opponents
from opro_cli.report.rows import Row
from opro_cli.runs.progress import RunView, by_name

FEWEST_USABLE = 0.1
"""A model of whose replies a smaller share could be used gets a note."""

FEW = 5
"""A row with fewer repetitions gets a note."""

MOST_POINTS = 5
"""Best points that are named."""

OWN_COMMAND = ("opro", "sgd")
"""Optimizers that have a command of their own."""

MODEL_ONLY = (
    "Random-search points are left out of the runs of a model; a run that one of them solved "
    "counts as stopped."
)


def left_out(
    kept: Sequence[RunView], superseded: Sequence[RunView], damaged: Sequence[RunsError]
) -> Iterator[str]:
    """Which runs are in no row, or in no mean."""
    if damaged:
        verb = "is" if len(damaged) == 1 else "are"
        messages = [error.message.rstrip(".") for error in damaged]
        yield f"{plural(len(damaged), 'damaged run')} {verb} left out: " + _first(messages)
    if superseded:
        verb = "is" if len(superseded) == 1 else "are"
        ids = [run.id for run in superseded]
        yield (
            f"{plural(len(superseded), 'earlier run')} with the same settings {verb} left out: "
            + _first(ids)
        )
    for state in ("failed", "unfinished"):
        found = [run for run in kept if run.totals.state == state]
        if found:
            verb = "is" if len(found) == 1 else "are"
            names = [f"{r.id} ({r.totals.error})" if r.totals.error else r.id for r in found]
            out = "left out of the means of steps and evaluations"
            if all(is_judged(run.spec) for run in found):
                out = "not counted"
            yield f"{plural(len(found), f'{state} run')} {verb} {out}: {_first(names)}"


def cautions(rows: Sequence[Row], baseline: str | None = None) -> Iterator[str]:
    """Reasons to be careful when rows are compared."""
    yield from _few_repetitions(rows)
    yield from _few_usable(rows)
    yield from _no_values(rows)
    yield from between_rows(rows)
    if baseline is not None:
        yield from _baseline(rows, baseline)


def between_rows(rows: Sequence[Row]) -> Iterator[str]:
    """In what the optimizers differ besides their results."""
    yield from _budgets(rows)
    yield from _information(rows)
    yield from _goals(rows)
    yield from _repeated(rows)


def _baseline(rows: Sequence[Row], baseline: str) -> Iterator[str]:
    """What is not compared with the baseline, and why."""
    bases = [row for row in rows if row.optimizer == baseline]
    if not rows:
        return
    if not bases:
        command = f"opro run-{baseline}" if baseline in OWN_COMMAND else "opro run-baseline"
        yield f"There are no runs of {baseline} to compare with: see `{command}`."
        return
    models = sorted({row.model for row in bases if row.model})
    others = [row for row in rows if row.optimizer != baseline]
    if not others:
        yield f"There are no runs of another optimizer to compare with {baseline}."
    elif not any(opponents(rows, baseline)):
        yield f"No other optimizer was run on the problems and targets of {baseline}."
    if len(models) > 1:
        yield (
            f"{baseline} was run with {listed(models)}: --baseline compares other optimizers with "
            "each of them, and not one model with another."
        )


def best_points(rows: Sequence[Row]) -> Iterator[str]:
    """The best point on each problem and target, unless the target says it."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if is_judged(row.spec):
            continue  # the best on train says little
        if row.best is not None:
            found.setdefault((row.problem_digest, target_name(row)), []).append(row)
    several = len({row.preset for row in rows}) > 1
    best = [_best_row(group) for group in found.values()]
    notes = [
        _best_point(row, point, value, rows, several=several)
        for row, (point, value) in best
        if not _is_target(row, point)
    ]
    yield from notes[:MOST_POINTS]
    if len(notes) > MOST_POINTS:
        yield f"{len(notes) - MOST_POINTS} more best points: see `opro report --format json`."


def _is_target(row: Row, point: Point) -> bool:
    space = row.runs[0].spec.build_problem().space
    return nearest_point(space, point) == tuple(row.target.values())


def _best_row(group: Sequence[Row]) -> tuple[Row, tuple[Point, float]]:
    """The row with the best value of some rows on one target, and its best point and value."""
    low = group[0].runs[0].totals.direction == "minimize"
    found = [(row, row.best) for row in group if row.best is not None and row.finished]
    found = found or [(row, row.best) for row in group if row.best is not None]
    return (min if low else max)(found, key=lambda pair: pair[1][1])


def _best_point(
    row: Row, point: Point, value: float, among: Sequence[Row], *, several: bool
) -> str:
    """The best point on one target, in one sentence."""
    swept = [f"{key}={v}" for key, v in row.axes.items() if key.startswith("problem.")]
    target = [target_name(row)] if row.target else []
    version = [f"({row.version})"] if row.version else []
    preset = [row.preset] if several or version else []
    where = " ".join([*preset, *version, *target, *swept])
    on = f" on {clean(where, 200)}" if where else ""
    shown = clean(by_name(row.spec.build_problem().space, point), 300)
    name = f"{optimizer_name(row, among)}{_proposed_by(row, point)}"
    return f"Best {clean(row.value_name, 40)}{on}: {number(value)} at {shown} ({name})."


def _proposed_by(row: Row, point: Point) -> str:
    """Who proposed the best point, where a model was asked: it may not be the model."""
    if not row.asks_model:
        return ""
    source = next(run.totals.solver for run in row.runs if _has(run, point))
    words = {MODEL: "by the model", START: "a starting point"}
    return f", {words.get(source) or f'by {source_text(source)}'}"


def _has(run: RunView, point: Point) -> bool:
    return run.totals.best is not None and run.totals.best[0] == point


def _few_usable(rows: Sequence[Row]) -> Iterator[str]:
    """Models of whose replies hardly any could be used: others found their values."""
    for row in rows:
        where = f" on {target_name(row)}" if row.target else ""
        if said := few_usable(row, f" of {clean(row.model or 'the model', 80)}{where}"):
            yield f"Note: {said}."


def few_usable(row: Row, whose: str = "") -> str:
    """That hardly any of a model's replies could be used; empty where more could."""
    replies = sum(row.statuses.values())
    used = sum(n for status, n in row.statuses.items() if status in USABLE)
    if not row.asks_model or not replies or used >= FEWEST_USABLE * replies:
        return ""
    counted = f"{used} of {plural(replies, 'reply', 'replies')}{whose} could be used"
    return f"{counted}: its result says little of the model"


def _no_values(rows: Sequence[Row]) -> Iterator[str]:
    """For each problem how many points had no value, and why most of them."""
    held = [row for row in rows if not is_judged(row.spec)]
    groups = by_problem(held)
    several = len(groups) > 1
    for group in groups:
        by_name: dict[str, list[Row]] = {}
        for row in group:
            by_name.setdefault(optimizer_name(row, group), []).append(row)
        merged = [merge(mine) for mine in by_name.values()]
        if said := no_value_text(merged, list(by_name)):
            version = f" ({group[0].version})" if group[0].version else ""
            where = f" on {clean(group[0].preset, 80)}{version}" if several else ""
            yield f"Note{where}: {said}."


def _few_repetitions(rows: Sequence[Row]) -> Iterator[str]:
    few = [
        row
        for row in rows
        if row.solved
        and not is_judged(row.spec)
        and len(row.runs) < FEW
        and not (len(row.runs) == 1 and row.deterministic)
    ]
    if few:
        verb = "has" if len(few) == 1 else "have"
        yield (
            f"{len(few)} of {plural(len(rows), 'row')} {verb} fewer than {FEW} repetitions: too "
            "few to say which optimizer is better, or to trust a spread or an interval. Run more "
            "with --reps."
        )


def _budgets(rows: Sequence[Row]) -> Iterator[str]:
    """Which optimizers may use which number of evaluations, where these differ."""
    several = len({row.preset for row in rows}) > 1
    notes: dict[str, None] = {}
    for preset, budgets in different_budgets(rows):
        parts = [
            f"{name} may use {plural(n, 'evaluation')}" if n else f"{name} has no such limit"
            for name, n in sorted(budgets.items(), key=lambda item: item[1] is None)
        ]
        where = f" on {preset}" if several else ""
        notes[f"Note{where}: {'; '.join(parts)}."] = None
    yield from notes


def _information(rows: Sequence[Row]) -> Iterator[str]:
    """Which optimizers see more of the problem than values, where several are compared."""
    optimizers: dict[str, dict[str, None]] = {}
    for row in rows:
        optimizers.setdefault(row.kind.information, {})[row.optimizer] = None
    others = optimizers.pop("values", {})
    if not optimizers or len({row.optimizer for row in rows}) == 1:
        return
    parts = [
        f"{listed(list(names))} also {'sees' if len(names) == 1 else 'see'} the {information}"
        for information, names in optimizers.items()
    ]
    if others:
        parts.append("the others only the values")
    yield f"Note: {', '.join(parts)}."


def _goals(rows: Sequence[Row]) -> Iterator[str]:
    """What it means that a problem is solved, where it means two things in one report."""
    solved = [row for row in rows if row.has_goal and not is_judged(row.spec)]
    own = {row.optimizer: row.kind.solved_by for row in solved if row.kind.solved_by}
    if own and any(not row.kind.solved_by for row in solved):
        parts = [f"{name} reaches {goal}" for name, goal in own.items()]
        yield f"Note: solved means that {'; '.join(parts)}, the others the target's point."


def _repeated(rows: Sequence[Row]) -> Iterator[str]:
    """Which runs stand for every repetition, as each would be the same."""
    same: dict[str, list[Row]] = {}
    for row in rows:
        most = max(len(o.runs) for o in rows if o.problem_digest == row.problem_digest)
        if row.deterministic and len(row.runs) == 1 < most:
            same.setdefault(row.optimizer, []).append(row)
    for name, group in same.items():
        yield same_in_each(name, len(group))


def _first(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
