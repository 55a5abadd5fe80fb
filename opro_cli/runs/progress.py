"""A run as displays and reports see it, and the protocol of a display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opro_cli.core.events import Event
from opro_cli.core.text import clean
from opro_cli.core.totals import RunTotals
from opro_cli.optimizers import DEFAULT
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import label


@dataclass
class RunView:
    """One run: its id, its settings, its totals so far."""

    id: str
    """Empty for a run that is not begun."""
    spec: RunSpec
    totals: RunTotals = field(default_factory=RunTotals)
    model: str | None = None
    """The model that was opened for it; None where it asks none."""
    created: str = ""

    @property
    def name(self) -> str:
        """Target, repetition and, in a sweep, the swept settings."""
        axes = " ".join(
            f"{key.rpartition('.')[2]}={value}" for key, value in self.spec.axes.items()
        )
        target = label(self.spec.target) if self.spec.target else self.spec.preset
        parts = [target, f"run {self.spec.repetition + 1}", axes]
        if self.spec.optimizer.name != DEFAULT:
            parts.insert(0, self.spec.optimizer.name)
        return clean(" ".join(part for part in parts if part), 60)

    def limit(self) -> str:
        """The largest number of steps it may make."""
        return str(self.spec.effective_limits.max_steps)


class Display(Protocol):
    """Shows runs as they go. An error it raises is ignored: a screen never stops a run."""

    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        """All runs, before the first starts, and how many run at the same time."""

    def event(self, run: RunView, event: Event) -> None:
        """One event; the run's totals include it already."""

    def tick(self, quiet: float) -> None:
        """Called a few times a second; ``quiet``: seconds for which the server wants no calls."""

    def notice(self, text: str) -> None:
        """A message to the user, in one line."""

    def end(self) -> None:
        """No more events."""
