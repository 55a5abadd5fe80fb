"""A row of a report: the runs on one target that differ only in their repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from opro_cli.core.events import Point, Status, Usage
from opro_cli.core.totals import MODEL
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.base import OptimizerSettings
from opro_cli.presets.spec import RunSpec, digest
from opro_cli.problems import PROBLEMS
from opro_cli.problems.settings import Target
from opro_cli.report.statistics import Stat
from opro_cli.runs.disk.contents import PROBLEM, short
from opro_cli.runs.progress import RunView

FINISHED = ("converged", "stopped")
"""The states of a run that has ended, solved or not."""


@dataclass(frozen=True)
class Row:
    """The runs on one target that differ only in their repetition."""

    preset: str
    optimizer: str
    model: str | None
    target: Target
    settings: dict[str, Any]
    runs: tuple[RunView, ...]
    axes: dict[str, Any] = field(default_factory=dict)
    """The swept settings, as dotted keys with their values."""
    version: str = ""
    """What distinguishes its problem from others of its preset, in a few words."""
    apart: str = ""
    """The same with all that differs, and when it was run; empty where there is no other."""

    @property
    def swept(self) -> dict[str, Any]:
        """The swept settings but the model, which a table names for itself."""
        return {k: v for k, v in self.axes.items() if k != f"{self.optimizer}.model"}

    @property
    def problem(self) -> str:
        """The problem's kind."""
        return str(self.settings["problem"]["kind"])

    @property
    def problem_digest(self) -> str:
        """Equal for rows on the same problems, whatever their optimizer."""
        return digest([self.preset, self.settings["problem"], self.problem_contents])

    @property
    def problem_contents(self) -> dict[str, str]:
        """The decisive facts of the problem, such as the hash of its objective's file."""
        contents = self.runs[0].contents
        return {key: value for key, value in contents.items() if key.startswith(PROBLEM)}

    @property
    def kind(self) -> type[OptimizerSettings]:
        """The class of the optimizer's settings."""
        return OPTIMIZERS[self.optimizer]

    @property
    def spec(self) -> RunSpec:
        """The settings of the first run: those of all, but for the repetition."""
        return self.runs[0].spec

    @property
    def asks_model(self) -> bool:
        """Whether the optimizer asks a model."""
        return self.runs[0].spec.optimizer.asks_model

    @property
    def reports_every_point(self) -> bool:
        """Whether the optimizer proposes every point, so that points can be counted."""
        return self.kind.reports_every_point

    @property
    def deterministic(self) -> bool:
        """Whether another repetition would be the same run again."""
        spec = self.runs[0].spec
        return spec.optimizer.deterministic() and not spec.problem.varies()

    @property
    def states(self) -> Counter[str]:
        """How many runs are in each state."""
        return Counter(run.totals.state for run in self.runs)

    @property
    def solved(self) -> list[RunView]:
        """The runs that solved the problem."""
        return [run for run in self.runs if run.totals.state == "converged"]

    @property
    def finished(self) -> list[RunView]:
        """The runs that ended, whether they solved the problem or not."""
        return [run for run in self.runs if run.totals.state in FINISHED]

    @cached_property
    def has_goal(self) -> bool:
        """Whether a run can solve the problem: it has a goal, or its optimum is known."""
        return bool(self.solved) or self.runs[0].spec.problem.has_goal()

    @cached_property
    def value_name(self) -> str:
        """The problem's word for its value, such as "length"."""
        return self.runs[0].spec.build_problem().text.value

    @property
    def steps(self) -> Stat | None:
        """Steps of the solved runs, whatever the optimizer calls a step."""
        return _stat(run.totals.step for run in self.solved)

    @property
    def distinct_pairs(self) -> Stat | None:
        """Different points of the solved runs, the starting points included.

        None where the optimizer does not propose every point.
        """
        if not self.reports_every_point:
            return None
        return _stat(run.totals.distinct_pairs for run in self.solved)

    @property
    def recorded_pairs(self) -> Stat | None:
        """Points over all steps of the solved runs: one proposed in two steps counts twice."""
        if not self.reports_every_point:
            return None
        return _stat(run.totals.recorded_pairs for run in self.solved)

    @property
    def evaluations(self) -> Stat | None:
        """Evaluations of the objective in the solved runs."""
        return _stat(run.totals.evaluations for run in self.solved)

    @property
    def spent_evaluations(self) -> Stat | None:
        """Evaluations of the objective in the finished runs, solved or not."""
        return _stat(run.totals.evaluations for run in self.finished)

    @property
    def pooled(self) -> bool:
        """Whether its runs are on several targets."""
        return any(run.spec.target != self.runs[0].spec.target for run in self.runs)

    @property
    def gap(self) -> Stat | None:
        """Per cent between the best value and the optimum, over all finished runs.

        None where the problem does not use it.
        """
        if not PROBLEMS[self.problem].gap:
            return None
        gaps = [_gap(run) for run in self.finished]
        return _stat(gap for gap in gaps if gap is not None)

    @property
    def best_values(self) -> Stat | None:
        """The best value of each finished run that has one."""
        return _stat(run.totals.best[1] for run in self.finished if run.totals.best is not None)

    @property
    def budget(self) -> int | None:
        """Evaluations allowed to a run beyond its starting points; None for no such limit."""
        allowed = self.settings.get("max_evaluations")
        return allowed if isinstance(allowed, int) else None

    @property
    def calls(self) -> int:
        """Model calls of all runs."""
        return sum(run.totals.calls for run in self.runs)

    @property
    def usage(self) -> Usage | None:
        """Tokens of all runs; None where no reply came with a count."""
        metered = any(run.totals.replies > run.totals.unmetered for run in self.runs)
        return sum((run.totals.usage for run in self.runs), Usage()) if metered else None

    @property
    def cost(self) -> float | None:
        """US dollars of all runs; None where the price of any reply is unknown."""
        if any(run.totals.unpriced for run in self.runs):
            return None
        return sum(run.totals.cost for run in self.runs)

    @property
    def seconds(self) -> float:
        """Seconds from the first event to the last, summed over all runs."""
        return sum(run.totals.seconds for run in self.runs)

    @property
    def statuses(self) -> Counter[Status]:
        """How many replies of all runs have each status."""
        return sum((run.totals.statuses for run in self.runs), Counter())

    @property
    def lost(self) -> Counter[Status]:
        """Replies that were lost by accident, by status: see ``core.totals.LOST``."""
        return sum((Counter(run.totals.lost) for run in self.runs), Counter())

    @property
    def sources(self) -> Counter[str]:
        """Different points of all runs except the starting points, by source."""
        return sum((run.totals.sources for run in self.runs), Counter())

    @property
    def random_search_points(self) -> int:
        """The points of ``sources`` that no model proposed, where the optimizer asks one."""
        return sum(self.sources.values()) - self.sources[MODEL] if self.asks_model else 0

    @property
    def without_value(self) -> int:
        """The points of all runs whose evaluation gave no value, for a reason that is known."""
        return sum(run.totals.without_value for run in self.runs)

    @property
    def failures(self) -> Counter[str]:
        """The most frequent of these reasons."""
        return sum((run.totals.failures for run in self.runs), Counter())

    @property
    def solvers(self) -> Counter[str]:
        """Solved runs by the source of the point that solved them."""
        return Counter(run.totals.solver for run in self.solved if self.reports_every_point)

    @property
    def best(self) -> tuple[Point, float] | None:
        """The best point of the finished runs, with its value; of all where none is finished."""
        runs = self.finished or self.runs
        found = [run.totals.best for run in runs if run.totals.best is not None]
        if not found:
            return None
        low = self.runs[0].totals.direction == "minimize"
        return (min if low else max)(found, key=lambda pair: pair[1])

    @property
    def stop_reasons(self) -> dict[str, int]:
        """How many runs stopped for each reason."""
        return dict(Counter(run.totals.reason for run in self.runs if run.totals.reason))

    @property
    def published(self) -> list[dict[str, Any]]:
        """The published results for this target and these settings."""
        return [dict(row) for row in self.runs[0].spec.published]


def make_rows(runs: Sequence[RunView]) -> tuple[Row, ...]:
    """Group runs that differ only in their repetition; rows in the order of their first run.

    Runs of one name and other contents (an objective, a model's file, a server) are apart: the
    settings of their rows then say which.
    """
    groups: dict[tuple[str, str], list[RunView]] = {}
    for run in runs:
        key = digest([run.spec.preset, run.model, run.spec.settings(), run.spec.target])
        groups.setdefault((key, digest(dict(run.contents))), []).append(run)
    named = Counter(key for key, _ in groups)
    return tuple(_row(group, apart=named[key] > 1) for (key, _), group in groups.items())


def _row(group: Sequence[RunView], *, apart: bool) -> Row:
    first = group[0]
    contents = {key: short(value) for key, value in first.contents.items()} if apart else {}
    return Row(
        preset=first.spec.preset,
        optimizer=first.spec.optimizer.name,
        model=first.model,
        target=first.spec.target,
        settings={**first.spec.settings(), **({"contents": contents} if contents else {})},
        runs=tuple(sorted(group, key=lambda run: (run.spec.seed, run.spec.repetition))),
        axes=dict(first.spec.axes),
    )


def _gap(run: RunView) -> float | None:
    """None where there is no value, or the optimum cannot be had here."""
    optimum, best = run.spec.build_problem().optimum, run.totals.best
    if not optimum or best is None:
        return None
    return 100 * abs(best[1] - optimum) / abs(optimum)


def _stat(values: Iterable[float]) -> Stat | None:
    found = tuple(values)
    return Stat(found) if found else None
