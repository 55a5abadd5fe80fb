"""What problems that fit a curve to data share: data, loss, starting points, checks of settings.

The value of a point is the sum of squared errors of its curve at the data.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.settings import Number
from opro_cli.core.text import function_of, listed, tuple_of
from opro_cli.problems.settings import ProblemSettings, Target
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import Box

Floats: TypeAlias = NDArray[np.float64]

Rows: TypeAlias = NDArray[np.intp] | slice
"""Which data points to use."""

Bounds: TypeAlias = tuple[float, float]

Tolerance: TypeAlias = dict[str, Annotated[Number, Field(gt=0)]] | None
"""How close each coordinate must be to the target's, by name; None: equal to it."""


class RegressionSettings(ProblemSettings):
    """The ``problem:`` section of a problem that fits a curve to data."""

    target_suffix: ClassVar[str] = "_true"

    @override
    def varies(self) -> bool:
        """Always: the starting points differ."""
        return True

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """As for every problem. Raises UsageError, too, where its values are too large for one."""
        super().check(repetitions, dry=dry)
        for target in self.targets:
            problem = self.build(target, 0)
            ranges = getattr(problem.space, "ranges", ())
            ends = [tuple(r.low for r in ranges), tuple(r.high for r in ranges)]
            if not all(math.isfinite(problem.evaluate(end)) for end in ends):
                raise UsageError(
                    "The values of this problem are beyond the largest number, at the ends of its "
                    "bounds.",
                    "choose smaller numbers for the data, or smaller bounds",
                )


class RegressionProblem(Problem):
    """One data set. A point holds the coefficients of a curve.

    Args:
        ranges: the coefficients.
        num_starts: starting points to draw.
        value_decimals: decimals of a shown loss; None for significant digits.
    """

    space: Box
    optimum: float
    x: Floats
    """The inputs, one row for each data point."""
    y: Floats
    """The outputs, shape (n,)."""

    def __init__(
        self, ranges: Sequence[Range], num_starts: int, value_decimals: int | None
    ) -> None:
        self.space = Box(ranges)
        names = self.space.names
        self.text = ProblemText(
            task=function_of(names), solution=tuple_of(names), value_decimals=value_decimals
        )
        self._num_starts = num_starts

    @override
    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """Points drawn uniformly within the bounds, rounded, made unique and sorted.

        ``count`` draws another number of them than the settings say.
        """
        return self.space.random_points(rng, count or self._num_starts)

    @override
    def evaluate(self, point: Point) -> float:
        """Sum of squared errors."""
        with np.errstate(over="ignore", invalid="ignore"):  # a value that is not finite is one
            return squared_error(self.predict(np.array(point, dtype=np.float64), self.x) - self.y)

    @abstractmethod
    def predict(self, point: Floats, x: Floats) -> Floats:
        """Outputs of the curve at these inputs."""

    # For gradient descent (optimizers/gradient_descent.py).

    @property
    def num_rows(self) -> int:
        """Number of data points."""
        return len(self.x)

    def gradient(self, point: Floats, rows: Rows = slice(None)) -> Floats:
        """Gradient of **half** the sum of squared errors over ``rows``, one number a coordinate."""
        return self._half_gradient(point, self.x[rows], self.y[rows])

    @abstractmethod
    def _half_gradient(self, point: Floats, x: Floats, y: Floats) -> Floats:
        """Gradient of half the sum of squared errors over these data."""


def squared_error(residual: Floats) -> float:
    """Sum of squares."""
    return float(residual @ residual)


def check_bounds(bounds: Bounds) -> None:
    """Raises ValueError, as a settings' validator does, for bounds in the wrong order."""
    if bounds[0] >= bounds[1]:
        raise ValueError("bounds: the first must be below the second")


def check_targets(targets: Iterable[Target], bounds: Mapping[str, Bounds], decimals: int) -> None:
    """Raises ValueError, as a settings' validator does, for a target that cannot be proposed.

    Args:
        targets: the targets.
        bounds: the names that a target must have, each with the range of its value.
        decimals: decimals that a value may have.
    """
    for target in targets:
        if set(target) != set(bounds):
            wanted, found = listed(list(bounds)), " and ".join(target) or "empty"
            raise ValueError(f"targets: a target is {wanted}, not {found}")
        for name, (low, high) in bounds.items():
            value = target[name]
            if isinstance(value, str):
                raise ValueError(f"targets: {name} must be a number, not {value!r}")
            if not low <= value <= high:
                raise ValueError(f"targets: {name}={value} is outside bounds ({low:g} to {high:g})")
            if round(float(value), decimals) != value:
                raise ValueError(
                    f"targets: {name}={value} has more decimals than "
                    f"num_input_decimals={decimals} allows"
                )


def check_tolerance(tolerance: Tolerance, names: Sequence[str]) -> None:
    """Raises ValueError, as a settings' validator does, unless every name has its tolerance."""
    if tolerance is not None and set(tolerance) != set(names):
        raise ValueError(f"tolerance: one for each of {listed(names)} is wanted")


def tolerances(tolerance: Tolerance, names: Sequence[str]) -> tuple[float, ...] | None:
    """The tolerances in the order of the coordinates; None for an exact target."""
    return None if tolerance is None else tuple(tolerance[name] for name in names)
