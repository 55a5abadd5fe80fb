"""Run logs → rows and notes. Reads logs and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opro_cli.core.errors import RunsError
from opro_cli.presets.spec import digest
from opro_cli.report.figures.histories import History
from opro_cli.report.groups import told_apart
from opro_cli.report.notes import MODEL_ONLY, best_points, cautions, left_out
from opro_cli.report.rows import FINISHED, Row, make_rows
from opro_cli.runs.progress import RunView
from opro_cli.runs.record import read_record
from opro_cli.runs.store import StoredRun


@dataclass(frozen=True)
class Summary:
    """The rows of a report, and its notes."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    damaged: tuple[RunsError, ...] = ()
    """Errors of runs that could not be read; they are in no row."""
    baseline: str | None = None
    """The optimizer that the others are compared with, repetition by repetition."""
    histories: Mapping[str, History] = field(default_factory=dict)
    """The course of each run in the rows, by its id; none where they were not asked for."""
    stored: Mapping[str, StoredRun] = field(default_factory=dict)
    """The runs of the rows as they are on disk, by id: for what the totals do not hold."""
    cautions: tuple[str, ...] = ()
    """Those of the notes that qualify the numbers."""
    side_by_side: bool = False
    """Whether it is a contest of the rows alone: each model or optimizer against the first."""


def summarize(
    stored: Iterable[StoredRun],
    damaged: Sequence[RunsError] = (),
    baseline: str | None = None,
    *,
    model_only: bool = False,
    histories: bool = False,
    side_by_side: bool = False,
) -> Summary:
    """Rows in the order their runs were made, and notes.

    Args:
        stored: the runs. Those whose logs are damaged are left out, with a note.
        damaged: errors of further runs that could not be read, for the same note.
        baseline: an optimizer to compare the others with.
        model_only: leave random-search points out of the runs of a model.
        histories: keep the course of each run, for figures.
        side_by_side: hold each model or optimizer against the first, and show nothing else.
    """
    courses: dict[str, History] = {}
    views: list[RunView] = []
    errors = list(damaged)
    by_id: dict[str, StoredRun] = {}
    for run in stored:
        try:
            course = courses.setdefault(run.id, History()) if histories else History()
            record = read_record(run, whole=False, model_only=model_only, watch=course.add)
            views.append(record.view)
        except RunsError as error:
            errors.append(error)
        else:
            by_id[run.id] = run
    kept, superseded = _latest(views)
    rows = told_apart(make_rows(kept))
    only = (MODEL_ONLY,) if model_only and any(row.asks_model for row in rows) else ()
    careful = tuple(cautions(rows, baseline))
    notes = (*only, *best_points(rows), *left_out(kept, superseded, errors), *careful)
    shown = {view.id: by_id[view.id] for view in kept}
    return Summary(
        rows,
        notes,
        tuple(errors),
        baseline,
        courses,
        shown,
        cautions=(*only, *careful),
        side_by_side=side_by_side,
    )


def _latest(runs: Sequence[RunView]) -> tuple[list[RunView], list[RunView]]:
    """Of the runs of one spec, the last that finished, else the last; and all other runs."""
    last: dict[str, RunView] = {}
    for run in runs:
        key = digest([run.spec.sha256(), run.model, dict(run.contents)])
        earlier = last.get(key)
        if earlier is None or not _finished(earlier) or _finished(run):
            last[key] = run
    chosen = {run.id for run in last.values()}
    return [r for r in runs if r.id in chosen], [r for r in runs if r.id not in chosen]


def _finished(run: RunView) -> bool:
    return run.totals.state in FINISHED
