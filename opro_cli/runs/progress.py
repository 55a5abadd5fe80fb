"""A run as displays and reports see it, and the protocol of a display."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from typing_extensions import override

from opro_cli.core.errors import OproError
from opro_cli.core.events import Event, Point
from opro_cli.core.problem import Space
from opro_cli.core.text import clean, coordinate, number, plural, reason_text
from opro_cli.core.text import point as point_text
from opro_cli.core.totals import RunTotals
from opro_cli.optimizers import DEFAULT
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.settings import label

STATES = ("converged", "stopped", "failed", "unfinished", "running")
"""The states of a stored run; it is running while a command writes it."""


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
    contents: Mapping[str, str] = field(default_factory=dict)
    """The decisive facts of what it was made from, see :mod:`opro_cli.runs.disk.contents`."""

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

    def result_json(self) -> dict[str, Any]:
        """The result as JSON data, with the coordinates of the best point by name."""
        return result_json(self.spec, self.totals)

    def limit(self) -> str:
        """The largest number of steps it may make."""
        return str(max(self.spec.most_steps, self.totals.step))


def result_json(spec: RunSpec, totals: RunTotals) -> dict[str, Any]:
    """The result of a run as JSON data, with the coordinates of the best point by name."""
    result = totals.result_json()
    space = spec.build_problem().space
    if totals.best is not None and space.names:
        result["best"]["parameters"] = space.to_values(totals.best[0])
    return result


def is_share(spec: RunSpec) -> bool:
    """Whether the values of a run are shares of a data set, such as the accuracy of a text."""
    return spec.problem.free_text and spec.build_problem().text.percent


def value_text(spec: RunSpec, value: float) -> str:
    """A value as people read it: a share in per cent, any other as a number."""
    if not is_share(spec) or not math.isfinite(value):
        return number(value)
    return f"{round(100 * value, 1):g}%"


def by_name(space: Space, point: Point) -> str:
    """``w = 15, b = 14``, in six digits; a point without names as it is."""
    values = space.to_values(point)
    if not isinstance(values, Mapping):
        return point_text(point)
    named = (f"{name} = {coordinate(value)}" for name, value in values.items())
    return clean(", ".join(named), 1000)


def points_text(view: RunView, points: int) -> str:
    """``13 points``; of an optimizer that records some of its points: ``8 of 122 points``."""
    if type(view.spec.optimizer).reports_every_point:
        return plural(points, "point")
    return f"{points:,} of {plural(view.totals.evaluations, 'point')} recorded"


def reason_of(spec: RunSpec, reason: str) -> str:
    """Why a run stopped; the goal on training examples does not solve a problem."""
    if reason == "converged" and is_share(spec):
        return "goal on train reached"
    return reason_text(reason, spec.effective_limits)


class Display(Protocol):
    """Shows runs as they go."""

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


class Displays(Display):
    """Several displays as one, whose errors end no run: paid replies are kept first.

    Args:
        displays: the first is for people, the others are for data.
        failed: told of the first error of a display, such as a full disk behind standard output.
    """

    def __init__(
        self, displays: Sequence[Display], failed: Callable[[OproError], None] = lambda error: None
    ) -> None:
        self._displays = displays
        self.failed = failed
        self.error: OproError | None = None
        """The first error of a display."""

    @override
    def begin(self, runs: Sequence[RunView], at_once: int) -> None:
        for display in self._displays:
            with self._remembered():
                display.begin(runs, at_once)

    @override
    def event(self, run: RunView, event: Event) -> None:
        for display in self._displays:
            with self._remembered():
                display.event(run, event)

    @override
    def tick(self, quiet: float) -> None:
        for display in self._displays:
            with self._remembered():
                display.tick(quiet)

    @override
    def notice(self, text: str) -> None:
        for display in self._displays[:1]:
            with self._remembered():
                display.notice(text)

    @override
    def end(self) -> None:
        for display in self._displays:
            with self._remembered():
                display.end()

    @contextlib.contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except OproError as error:
            if self.error is None:
                self.error = error
                self.failed(error)
