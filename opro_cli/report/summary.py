"""Run logs → rows: one row a group of comparable runs and target. Reads logs and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opro_cli import past
from opro_cli.errors import RunsError
from opro_cli.report.notes import cautions, left_out
from opro_cli.report.rows import Counted, Row
from opro_cli.report.statistics import Stat
from opro_cli.runs import Recorded
from opro_cli.spec import digest

__all__ = ["Counted", "Row", "Stat", "Summary", "count", "summarize"]

MODEL_ONLY = (
    "Points drawn in code are left out of the runs of a model, and a run that one of them has "
    "solved counts as stopped."
)
FINISHED = ("converged", "stopped")


@dataclass(frozen=True)
class Summary:
    """The rows of a report, and what has to be said about them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    damaged: tuple[RunsError, ...] = ()
    """Runs that could not be read, and are in no row."""
    baseline: str | None = None
    """The optimizer that the others are compared with in pairs."""


def count(recorded: Recorded, *, model_only: bool = False) -> Counted:
    """Fold one run's events. Raises RunsError where its log is damaged."""
    spec = recorded.spec()
    tally = past.read(recorded, whole=False, model_only=model_only).tally
    model = recorded.about.get("model") if spec.optimizer.needs_model else None
    return Counted(recorded.id, spec, tally, model, recorded.created)


def summarize(
    recorded: Iterable[Recorded],
    damaged: Sequence[RunsError] = (),
    baseline: str | None = None,
    *,
    model_only: bool = False,
) -> Summary:
    """Rows in the order their runs were made, and notes.

    Args:
        recorded: the runs.
        baseline: an optimizer to compare the others with.
        damaged: why further runs cannot be read; they are named, as those of ``recorded`` are
            whose logs turn out to be damaged.
        model_only: leave out points that code has drawn in the runs of a model.
    """
    runs: list[Counted] = []
    problems = list(damaged)
    for candidate in recorded:
        try:
            runs.append(count(candidate, model_only=model_only))
        except RunsError as error:
            problems.append(error)
    kept, superseded = _latest(runs)
    grouped: dict[str, list[Counted]] = {}
    for run in kept:
        key = digest([run.spec.preset, run.model, run.spec.settings(), run.spec.target])
        grouped.setdefault(key, []).append(run)
    rows = tuple(
        Row(
            preset=group[0].spec.preset,
            optimizer=group[0].spec.optimizer.name,
            model=group[0].model,
            target=group[0].spec.target,
            settings=group[0].spec.settings(),
            runs=tuple(sorted(group, key=lambda run: (run.spec.seed, run.spec.repetition))),
            axes=dict(group[0].spec.axes),
        )
        for group in grouped.values()
    )
    notes = (*left_out(kept, superseded, problems), *cautions(rows, baseline))
    if model_only and any(row.kind.needs_model for row in rows):
        notes = (MODEL_ONLY, *notes)
    return Summary(rows, notes, tuple(problems), baseline)


def _latest(runs: Sequence[Counted]) -> tuple[list[Counted], list[Counted]]:
    """Of runs made from the same spec, the last that finished (or the last); and the others."""
    last: dict[str, Counted] = {}
    for run in runs:
        key = run.spec.sha256() + (run.model or "")
        earlier = last.get(key)
        if earlier is None or not _finished(earlier) or _finished(run):
            last[key] = run
    chosen = {run.id for run in last.values()}
    return [r for r in runs if r.id in chosen], [r for r in runs if r.id not in chosen]


def _finished(run: Counted) -> bool:
    return run.tally.state in FINISHED
