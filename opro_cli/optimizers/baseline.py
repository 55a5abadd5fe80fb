"""What the baselines share: limits counted in evaluations, and a table of what is known."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opro_cli.errors import UsageError
from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Limits, OptimizerSettings, Task
from opro_cli.problems.base import Continuous, Direction

Floats = NDArray[np.float64]

WORST = 1e300
"""Stands for a value that is not finite: worse than any other, and still a number to compare."""


class BaselineSettings(OptimizerSettings, ABC):
    """An optimizer whose steps are not OPRO's, so that its limits are counted in evaluations."""

    def limits(self, limits: Limits) -> Limits:
        """As many evaluations as OPRO may make, and patience in evaluations."""
        return limits.in_evaluations()


class Known:
    """The losses of all points evaluated so far; lower is better, whatever the direction."""

    def __init__(self, direction: Direction) -> None:
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._losses: dict[Point, float] = {}

    def __contains__(self, point: Point) -> bool:
        return point in self._losses

    def __len__(self) -> int:
        return len(self._losses)

    def add(self, pairs: Sequence[Scored]) -> None:
        """Remember these; a point that is known already keeps its loss."""
        for pair in pairs:
            loss = self._sign * pair.value if math.isfinite(pair.value) else WORST
            self._losses.setdefault(pair.point, loss)

    def loss(self, point: Point) -> float:
        """The loss of a known point. Raises KeyError for another."""
        return self._losses[point]

    def ranked(self) -> list[Point]:
        """All points, best first; equal ones in the order they were found."""
        return sorted(self._losses, key=lambda point: self._losses[point])

    def valid(self) -> list[tuple[Point, float]]:
        """The points whose value is finite, with their losses, in the order they were found."""
        return [(point, loss) for point, loss in self._losses.items() if loss < WORST]


def cube(task: Task, name: str) -> Continuous:
    """The problem's space as a cube to move through. Raises UsageError where it is none."""
    space = task.problem.space
    if not isinstance(space, Continuous):
        raise UsageError(
            f"{name} moves through numbers, and the points of this problem are none.",
            f"leave {name} out of the baselines; random takes every problem",
        )
    return space


def library(module: str, name: str) -> Any:
    """An optional package. Raises UsageError with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(
            f"{name} needs the package {module.partition('.')[0]}, which is not installed.",
            "pip install 'opro-cli[baselines]'",
        ) from None
