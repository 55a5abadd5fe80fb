"""Optimizers on one problem, as figures compare them: only on what all of them ran to its end.

An instance is a target with its data and starting points: one repetition of it. A run that failed
or is not finished is no result, and is named instead of drawn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from opro_cli.core.text import clean, plural
from opro_cli.presets.spec import RunSpec
from opro_cli.report.figures.histories import History, Moment
from opro_cli.report.figures.palette import SERIES
from opro_cli.report.groups import (
    by_problem,
    optimizer_name,
    same_in_each,
    swept_cells,
    target_name,
)
from opro_cli.report.rows import FINISHED, Row
from opro_cli.report.summary import Summary
from opro_cli.runs.progress import RunView, is_share

Floats: TypeAlias = NDArray[np.float64]

Instance: TypeAlias = tuple[str, str, int, int]
"""Target, swept settings of the problem, seed (0 where data and starts have none), repetition."""

Axis: TypeAlias = Literal["evaluations", "calls", "cost", "seconds"]

AXES: tuple[Axis, ...] = get_args(Axis)

AXIS_TITLES: dict[Axis, str] = {
    "evaluations": "evaluations",
    "calls": "model calls",
    "cost": "US dollars",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class Course:
    """A finished run on one instance."""

    view: RunView
    moments: tuple[Moment, ...]
    """At least one."""
    optimum: float | None

    @property
    def solved(self) -> bool:
        """Whether it solved the problem."""
        return self.view.totals.state == "converged"

    @property
    def sign(self) -> int:
        """-1 where higher values are better."""
        return -1 if self.view.totals.direction == "maximize" else 1

    def along(self, axis: Axis) -> Floats | None:
        """What had been taken by each moment; None where that is unknown, or nothing at all."""
        found = [getattr(moment, axis) for moment in self.moments]
        if None in found or not found[-1] > 0:
            return None
        return np.array(found, dtype=np.float64)

    def losses(self) -> Floats:
        """The distance to the optimum at each moment, minus infinity once it is solved.

        Where no optimum is known: the value, with its sign changed if higher ones are better.
        """
        best = self.sign * np.array([moment.best for moment in self.moments], dtype=np.float64)
        if self.optimum is None:
            return best
        gaps: Floats = best - self.sign * self.optimum
        if self.solved:
            gaps[-1] = -math.inf
        return gaps


@dataclass(frozen=True)
class Series:
    """The runs of one optimizer, with its model and settings."""

    name: str
    runs: Mapping[Instance, Course]
    """One an instance."""

    @property
    def made(self) -> list[Course]:
        """Its runs, each once: one that is the same in every repetition is on several instances."""
        return list({run.view.id: run for run in self.runs.values()}.values())

    @property
    def solved(self) -> int:
        """How many runs solved their problem."""
        return sum(run.solved for run in self.made)


@dataclass(frozen=True)
class Comparison:
    """Several optimizers on the same instances of one problem."""

    title: str
    series: tuple[Series, ...]
    """At least one, all with runs on the same instances."""
    has_goal: bool
    value_name: str
    share: bool
    """Whether values are shares, shown in per cent."""
    notes: tuple[str, ...] = ()
    """What is left out, and why."""

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Of every series."""
        return tuple(self.series[0].runs)

    @property
    def has_optimum(self) -> bool:
        """Whether the optimum of every instance is known."""
        return all(run.optimum is not None for run in self.series[0].runs.values())

    @property
    def direction(self) -> str:
        """``minimize`` or ``maximize``."""
        return next(iter(self.series[0].runs.values())).view.totals.direction

    def by_target(self) -> Iterator[Comparison]:
        """The same for each target alone."""
        targets = dict.fromkeys(_target(i) for i in self.instances)
        for target in targets:
            series = tuple(
                Series(s.name, {i: run for i, run in s.runs.items() if _target(i) == target})
                for s in self.series
            )
            yield replace(self, title=f"{self.title} {target}", series=series, notes=())


def comparisons(summary: Summary) -> list[Comparison]:
    """One for each problem that has finished runs.

    Args:
        summary: with histories.
    """
    found = (_compared(rows, summary.histories) for rows in by_problem(summary.rows))
    return [one for one in found if one is not None]


def series_name(row: Row, among: Sequence[Row]) -> str:
    """The optimizer, its model, and the settings in which it differs from others."""
    keys = [key for key in row.swept if not key.startswith("problem.")]
    swept = zip(keys, swept_cells(row, keys), strict=True)
    parts = [f"{key.rpartition('.')[2]}={value}" for key, value in swept]
    return " ".join([optimizer_name(row, among), *parts])


def _compared(rows: Sequence[Row], histories: Mapping[str, History]) -> Comparison | None:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(series_name(row, rows), []).append(row)
    everything = dict.fromkeys(
        _instance(row, run) for row in rows for run in row.runs if not row.deterministic
    ) or dict.fromkeys(_instance(row, run) for row in rows for run in row.runs)
    optima: dict[Instance, float | None] = {}
    all_series: list[Series] = []
    notes: list[str] = []
    for name, mine in grouped.items():
        runs: dict[Instance, Course] = {}
        for row in mine:
            runs |= _courses(row, histories, list(everything), optima)
        if runs:
            all_series.append(Series(name, runs))
        notes += _not_results(name, mine)
    kept, common = _on_common(all_series)
    if not kept:
        return None
    notes += _left_out(all_series, kept, common)
    repeated = [series for series in kept if len(series.made) < len(series.runs)]
    notes += [same_in_each(series.name, len(series.made)) for series in repeated]
    best = sorted(kept, key=lambda s: _rank(s, common))[:SERIES]
    if len(best) < len(kept):
        notes.append(f"{len(kept) - len(best)} more are not drawn, which did worse in the end.")
        kept = [s for s in kept if s in best]
    first = rows[0]
    return Comparison(
        clean(f"{first.preset} ({first.version})" if first.version else first.preset, 160),
        tuple(Series(s.name, {i: s.runs[i] for i in common}) for s in kept),
        any(row.has_goal for row in rows) and not is_share(first.spec),
        first.value_name,
        is_share(first.spec),
        tuple(notes),
    )


def _courses(
    row: Row,
    histories: Mapping[str, History],
    everything: Sequence[Instance],
    optima: dict[Instance, float | None],
) -> Iterator[tuple[Instance, Course]]:
    """The finished runs of a row. The one run of a deterministic optimizer stands for all."""
    for run in row.runs:
        history = histories.get(run.id)
        moments = tuple(history.moments) if history else ()
        if run.totals.state not in FINISHED or not moments:
            continue
        own = _instance(row, run)
        same = [own]
        if row.deterministic and len(row.runs) == 1:
            same = [i for i in everything if i[:2] == own[:2]] or same
        for instance in same:
            if instance not in optima:
                optima[instance] = _optimum(run.spec)
            yield instance, Course(run, moments, optima[instance])


def _optimum(spec: RunSpec) -> float | None:
    """The value at the target, where the distance to it is of interest; no accuracy has one."""
    return None if is_share(spec) else spec.build_problem().optimum


def _instance(row: Row, run: RunView) -> Instance:
    """Equal for runs with the same data and starting points."""
    axes = " ".join(f"{k}={v}" for k, v in row.axes.items() if k.startswith("problem."))
    seed = run.spec.seed if run.spec.problem.seeded() else 0
    return target_name(row), axes, seed, run.spec.repetition


def _target(instance: Instance) -> str:
    target, axes, *_ = instance
    return " ".join(filter(None, (target if target != "-" else "", axes)))


def _on_common(series: Sequence[Series]) -> tuple[list[Series], list[Instance]]:
    """The series that share instances, in their order, and these; the widest ones first."""
    common: dict[Instance, None] = {}
    kept: list[Series] = []
    for one in sorted(series, key=lambda s: -len(s.runs)):
        shared = {i: None for i in (common or one.runs) if i in one.runs}
        if shared:
            common = shared
            kept.append(one)
    return [s for s in series if s in kept], list(common)


def _rank(series: Series, common: Sequence[Instance]) -> tuple[int, float]:
    """Smaller for a series that solved more, then for one whose median run ends better."""
    runs = [series.runs[i] for i in common]
    ends = sorted(float(run.losses()[-1]) for run in runs)
    return -sum(run.solved for run in runs), ends[(len(ends) - 1) // 2]


def _not_results(name: str, rows: Sequence[Row]) -> Iterator[str]:
    states = sum((row.states for row in rows), Counter[str]())
    parts = [f"{states[s]} {s}" for s in ("failed", "unfinished") if states[s]]
    if parts:
        yield f"{name}: {' and '.join(parts)}, not drawn."


def _left_out(
    series: Sequence[Series], kept: Sequence[Series], common: Sequence[Instance]
) -> Iterator[str]:
    for one in series:
        more = len(one.runs) - len(common)
        if one not in kept:
            yield f"{one.name}: not drawn, as it ran none of the instances of the others."
        elif more:
            yield f"{one.name}: {plural(more, 'run')} not drawn, as not all ran that instance."
