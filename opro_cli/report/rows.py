"""A row of a report: the runs of one target that differ in nothing but their repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opro_cli import optimizers, problems
from opro_cli.events import Fate, Usage
from opro_cli.optimizers import OptimizerSettings
from opro_cli.problems import Target
from opro_cli.report.statistics import Stat
from opro_cli.spec import RunSpec, digest
from opro_cli.tally import MODEL, Tally


@dataclass(frozen=True)
class Counted:
    """One run: what was asked for and what it came to."""

    id: str
    spec: RunSpec
    tally: Tally
    model: str | None
    created: str


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
        """Steps of the converged runs, whatever the optimizer calls a step."""
        return _stat(run.tally.step for run in self.converged)

    @property
    def distinct_pairs(self) -> Stat | None:
        """Different points of the converged runs, starts included; None without proposals."""
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
    def gap(self) -> Stat | None:
        """Per cent between the best value and the optimum, of all finished runs; None where the
        problem does not count it."""
        if not problems.settings_of(self.problem).gap:
            return None
        finished = [run for run in self.runs if run.tally.state in ("converged", "stopped")]
        return _stat(_gap(run) for run in finished if run.tally.best is not None)

    @property
    def proposes(self) -> bool:
        """Whether the optimizer proposes points one by one, so that pairs can be counted."""
        return self.kind.proposes

    @property
    def kind(self) -> type[OptimizerSettings]:
        """What is known of the optimizer itself."""
        return optimizers.settings_of(self.optimizer)

    @property
    def budget(self) -> int | None:
        """Evaluations allowed to a run beyond its starting points; None where nothing says."""
        allowed = self.settings.get("max_evaluations")
        return allowed if isinstance(allowed, int) else None

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
    def seconds(self) -> float:
        """Seconds from the first event to the last, all runs together."""
        return sum(run.tally.seconds for run in self.runs)

    @property
    def fates(self) -> Counter[Fate]:
        """What became of the replies of all runs."""
        return sum((run.tally.fates for run in self.runs), Counter())

    @property
    def sources(self) -> Counter[str]:
        """Different points of all runs beyond the starts, by who proposed them."""
        return sum((run.tally.sources for run in self.runs), Counter())

    @property
    def drawn(self) -> int:
        """Of these, the points that no model proposed, where the optimizer asks one."""
        return sum(self.sources.values()) - self.sources[MODEL] if self.kind.needs_model else 0

    @property
    def solvers(self) -> Counter[str]:
        """Who proposed the point that solved it, of the converged runs that propose."""
        return Counter(run.tally.solver for run in self.converged if self.proposes)

    @property
    def lost(self) -> Counter[Fate]:
        """Replies that came to nothing for no reason of the search's: see ``tally.LOSSES``."""
        return sum((Counter(run.tally.lost) for run in self.runs), Counter())

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


def _gap(run: Counted) -> float:
    optimum, best = run.spec.instance().optimum, run.tally.best
    if optimum is None or best is None:
        raise ValueError("a gap needs an optimum and a value")
    return 100 * abs(best[1] - optimum) / abs(optimum)


def _stat(values: Iterable[float]) -> Stat | None:
    found = tuple(values)
    return Stat(found) if found else None
