"""Every point that a run evaluated, in its order: for the pictures of a landscape and of tours."""

from __future__ import annotations

from dataclasses import dataclass, field

from opro_cli.core.events import Event, Point, Started, Stepped
from opro_cli.core.text import clean
from opro_cli.core.totals import RunTotals
from opro_cli.problems.settings import label
from opro_cli.runs.progress import RunView
from opro_cli.runs.record import read_record
from opro_cli.runs.store import StoredRun

STATES = {
    "converged": "solved",
    "stopped": "not solved",
    "failed": "failed",
    "unfinished": "unfinished",
}


@dataclass(frozen=True)
class Visit:
    """One evaluated point."""

    step: int
    """0 for a starting point."""
    point: Point
    value: float
    source: str
    """Who proposed it: ``start``, ``model``, or the name of an algorithm."""
    better: bool
    """Whether it is the best so far."""
    evaluations: int
    """Made by the end of its step."""
    detail: str = ""
    """How each example of a data set was answered, as of :class:`.events.Evaluation`."""


@dataclass
class Path:
    """A run and its points."""

    view: RunView
    visits: list[Visit] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The optimizer, and its model."""
        name = self.view.spec.optimizer.name
        return f"{name} ({self.view.model})" if self.view.model else name

    @property
    def state(self) -> str:
        """How it ended, in a word or two."""
        return STATES[self.view.totals.state]

    @property
    def best(self) -> list[Visit]:
        """Those that were the best so far, in their order."""
        return [visit for visit in self.visits if visit.better]


def heading(path: Path) -> str:
    """Preset, target and repetition: what runs on one instance have in common."""
    spec = path.view.spec
    target = label(spec.target) if spec.target else ""
    parts = [spec.preset, target, f"run {spec.repetition + 1}"]
    return clean(" ".join(part for part in parts if part), 120)


def read_path(run: StoredRun) -> Path:
    """The points of a run. Raises RunsError where its log is damaged."""
    visits: list[Visit] = []
    best: list[float] = []

    def watch(event: Event, totals: RunTotals) -> None:
        if not isinstance(event, Started | Stepped):
            return
        sign = -1 if totals.direction == "maximize" else 1
        for pair in event.pairs:
            if pair.known:
                continue
            better = pair.value == pair.value and (not best or sign * pair.value < best[-1])
            if better:
                best.append(sign * pair.value)
            seen = (totals.step, pair.point, pair.value, pair.source, better, totals.evaluations)
            visits.append(Visit(*seen, pair.detail))

    return Path(read_record(run, whole=False, watch=watch).view, visits)
