"""Run logs → rows: one row a group of comparable runs and target. Reads logs and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from opro_cli import past
from opro_cli.errors import RunsError
from opro_cli.events import Usage
from opro_cli.problems import Target
from opro_cli.runs import Recorded
from opro_cli.spec import RunSpec, digest
from opro_cli.tally import Tally

FINISHED = ("converged", "stopped")


@dataclass(frozen=True)
class Counted:
    """One run: what was asked for and what it came to."""

    id: str
    spec: RunSpec
    tally: Tally
    model: str | None
    created: str


@dataclass(frozen=True)
class Stat:
    """Values with their mean and population standard deviation."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Arithmetic mean."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Population standard deviation, as in the published tables (``numpy.std``)."""
        return float(np.std(self.values))

    def to_json(self) -> dict[str, Any]:
        """Mean, std and the values."""
        return {"mean": self.mean, "std": self.std, "values": list(self.values)}


@dataclass(frozen=True)
class Row:
    """All runs of one target that differ in nothing but their repetition."""

    preset: str
    optimizer: str
    model: str | None
    target: Target
    settings: dict[str, Any]
    runs: tuple[Counted, ...]
    axes: dict[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """The problem's kind."""
        return str(self.settings["problem"]["kind"])

    @property
    def group(self) -> str:
        """Equal for rows that belong in one table."""
        return digest([self.preset, self.optimizer, self.model, self.settings])

    @property
    def arena(self) -> str:
        """Equal for rows that solve the same problems, whoever solves them."""
        return digest([self.preset, self.settings["problem"]])

    @property
    def states(self) -> Counter[str]:
        """How many runs are in which state."""
        return Counter(run.tally.state for run in self.runs)

    @property
    def converged(self) -> list[Counted]:
        """The runs that found the target."""
        return [run for run in self.runs if run.tally.state == "converged"]

    @property
    def steps(self) -> Stat | None:
        """Steps (for gradient descent: iterations) of the converged runs."""
        return _stat(run.tally.step for run in self.converged)

    @property
    def distinct_pairs(self) -> Stat | None:
        """Different points of the converged runs, starts included; None for gradient descent."""
        if not self.proposes:
            return None
        return _stat(run.tally.distinct_pairs for run in self.converged)

    @property
    def recorded_pairs(self) -> Stat | None:
        """Points over all steps of the converged runs: one proposed in two steps counts twice."""
        if not self.proposes:
            return None
        return _stat(run.tally.recorded_pairs for run in self.converged)

    @property
    def evaluations(self) -> Stat | None:
        """Evaluations of the objective in the converged runs."""
        return _stat(run.tally.evaluations for run in self.converged)

    @property
    def proposes(self) -> bool:
        """Whether the optimizer proposes points one by one, so that pairs can be counted."""
        return self.optimizer != "sgd"

    @property
    def calls(self) -> int:
        """Model calls of all runs."""
        return sum(run.tally.calls for run in self.runs)

    @property
    def usage(self) -> Usage | None:
        """Tokens of all runs; None where no reply came with a count."""
        metered = any(run.tally.replies > run.tally.unmetered for run in self.runs)
        return sum((run.tally.usage for run in self.runs), Usage()) if metered else None

    @property
    def cost(self) -> float | None:
        """US dollars of all runs; None where the price of any reply is unknown."""
        if any(run.tally.unpriced for run in self.runs):
            return None
        return sum(run.tally.cost for run in self.runs)

    @property
    def best(self) -> tuple[tuple[Any, ...], float] | None:
        """The best pair of all runs."""
        found = [run.tally.best for run in self.runs if run.tally.best is not None]
        if not found:
            return None
        low = self.runs[0].tally.direction == "minimize"
        return (min if low else max)(found, key=lambda pair: pair[1])

    @property
    def stop_reasons(self) -> dict[str, int]:
        """Why the runs stopped."""
        return dict(Counter(run.tally.reason for run in self.runs if run.tally.reason))

    @property
    def published(self) -> list[dict[str, Any]]:
        """What was published for this target and these settings."""
        return [dict(row) for row in self.runs[0].spec.published]


@dataclass(frozen=True)
class Summary:
    """The rows of a report, and what has to be said about them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    damaged: tuple[RunsError, ...] = ()
    """Runs that could not be read, and are in no row."""


def count(recorded: Recorded) -> Counted:
    """Fold one run's events. Raises RunsError where its log is damaged."""
    spec = recorded.spec()
    tally = past.read(recorded, whole=False).tally
    model = recorded.about.get("model") if spec.optimizer.needs_model else None
    return Counted(recorded.id, spec, tally, model, recorded.created)


def summarize(recorded: Iterable[Recorded], damaged: Sequence[RunsError] = ()) -> Summary:
    """Rows in the order their runs were made, and notes.

    Args:
        recorded: the runs.
        damaged: why further runs cannot be read; they are named, as those of ``recorded`` are
            whose logs turn out to be damaged.
    """
    runs: list[Counted] = []
    problems = list(damaged)
    for candidate in recorded:
        try:
            runs.append(count(candidate))
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
    return Summary(rows, tuple(_notes(kept, superseded, problems)), tuple(problems))


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


def _notes(
    kept: Sequence[Counted], superseded: Sequence[Counted], damaged: Sequence[RunsError]
) -> Iterable[str]:
    if damaged:
        said = [error.message.rstrip(".") for error in damaged]
        yield f"{len(said)} damaged, in no row: " + _listed(said)
    if superseded:
        yield (
            f"{len(superseded)} earlier runs of the same specs are left out: "
            + _listed([run.id for run in superseded])
        )
    for state in ("failed", "unfinished"):
        named = [run for run in kept if run.tally.state == state]
        if named:
            said = [f"{run.id} ({run.tally.error})" if run.tally.error else run.id for run in named]
            yield f"{len(named)} {state}, not in any mean: " + _listed(said)


def _listed(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _stat(values: Iterable[float]) -> Stat | None:
    found = tuple(values)
    return Stat(found) if found else None
