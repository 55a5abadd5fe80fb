"""The notes of a report, one or two sentences each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.errors import RunsError
from opro_cli.core.text import listed, plural
from opro_cli.report.groups import different_budgets
from opro_cli.report.judged import is_judged
from opro_cli.report.rows import Row
from opro_cli.runs.progress import RunView

FEW = 5
"""A row with fewer repetitions gets a note."""

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
    yield from _budgets(rows)
    yield from _information(rows)
    if baseline is not None and all(row.optimizer != baseline for row in rows):
        yield f"There are no runs of {baseline} to compare with: see `opro run-baseline`."


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


def _first(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
