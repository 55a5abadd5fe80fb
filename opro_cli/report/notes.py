"""What has to be said about the rows of a report, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.errors import RunsError
from opro_cli.report.rows import Counted, Row

FEW = 5
"""Repetitions below this are said to be few."""


def left_out(
    kept: Sequence[Counted], superseded: Sequence[Counted], damaged: Sequence[RunsError]
) -> Iterator[str]:
    """What is in no row, or in no mean."""
    if damaged:
        said = [error.message.rstrip(".") for error in damaged]
        yield f"{len(said)} damaged, in no row: " + listed(said)
    if superseded:
        yield (
            f"{len(superseded)} earlier runs of the same specs are left out: "
            + listed([run.id for run in superseded])
        )
    for state in ("failed", "unfinished"):
        named = [run for run in kept if run.tally.state == state]
        if named:
            said = [f"{run.id} ({run.tally.error})" if run.tally.error else run.id for run in named]
            yield f"{len(named)} {state}, not in any mean: " + listed(said)


def cautions(rows: Sequence[Row], baseline: str | None = None) -> Iterator[str]:
    """What has to be known before rows are compared."""
    few = [row for row in rows if row.converged and 1 < len(row.runs) < FEW]
    alone = [row for row in rows if row.converged and len(row.runs) == 1 and not _settled(row)]
    if few or alone:
        yield (
            f"{len(few) + len(alone)} of {len(rows)} rows have fewer than {FEW} repetitions: too "
            "few to tell two optimizers apart, or to trust a spread or an interval. More with "
            "--reps."
        )
    arenas: dict[str, list[Row]] = {}
    for row in rows:
        arenas.setdefault(row.arena, []).append(row)
    said: dict[str, None] = {}
    for arena in arenas.values():
        budgets = {row.optimizer: row.budget for row in arena}
        if len(set(budgets.values())) > 1:
            words = [f"{n} {'by its own rule' if b is None else b}" for n, b in budgets.items()]
            said[f"{arena[0].preset}: budgets of evaluations differ: " + ", ".join(words)] = None
    yield from said
    seeing = {row.optimizer: row.kind.sees for row in rows if row.kind.sees != "values"}
    if seeing and len({row.optimizer for row in rows}) > 1:
        words = [f"{name} sees {what}" for name, what in seeing.items()]
        yield "Not like for like with optimizers that see values alone: " + ", ".join(words)
    if baseline is not None and all(row.optimizer != baseline for row in rows):
        yield f"There are no runs of {baseline} to compare with: see `opro run-baseline`."


def _settled(row: Row) -> bool:
    """Whether another repetition would be the same run again."""
    spec = row.runs[0].spec
    return spec.optimizer.deterministic() and not spec.problem.varies()


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
