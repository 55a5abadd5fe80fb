"""Linear regression: find (w, b) of a line from the loss alone (OPRO, section 3.1).

Data: x = 1 … n, y = w·x + b + Gaussian noise of standard deviation 1. Loss: the sum of squared
errors. ``num_input_decimals`` are the decimals of w and b. More features than one:
:mod:`opro_cli.problems.multilinear`. Seeds are those of ``numpy.random.RandomState``, so that
published runs can be repeated
number for number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from opro_cli.errors import UsageError
from opro_cli.problems.base import (
    Integer,
    Number,
    Point,
    ProblemSettings,
    Settings,
    Target,
    Wording,
)
from opro_cli.problems.fitting import (
    SEEDS,
    SeedRule,
    Tolerance,
    check_target,
    check_tolerance,
    tolerances,
    within,
)
from opro_cli.problems.space import Box, Range
from opro_cli.problems.words import function_of, tuple_of

Floats = NDArray[np.float64]
NAMES = ("w", "b")
START_LOW, START_HIGH = 10.0, 20.0
"""Starting points are drawn uniformly from here (OPRO's optimize_linear_regression.py)."""

Bound = Annotated[Number, Field(ge=-1e12, le=1e12)]
"""Far enough for anything, and near enough that a loss cannot overflow."""


class Seeds(Settings):
    """Where noise and starting points come from; the defaults are the Gemini exploration's."""

    noise: SeedRule = SeedRule(first=0)
    w: SeedRule = SeedRule(first=42)
    b: SeedRule = SeedRule(first=54)


class Given(Settings):
    """Data and starting points given outright, instead of drawn from seeds."""

    x: tuple[Number, ...] = Field(min_length=1)
    y: tuple[Number, ...] = Field(min_length=1)
    starts: tuple[tuple[Number, Number], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} numbers and y has {len(self.y)}")
        return self


class LinearSettings(ProblemSettings):
    """The ``problem:`` section of a linear regression."""

    summary: ClassVar[str] = "a line through noisy data: find w and b from the loss"
    target_suffix: ClassVar[str] = "_true"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{w: 15, b: 14}]`, or --w-true 15 --b-true 14",
        "tolerance": "`tolerance: {w: 0.1, b: 0.5}`",
    }

    kind: Literal["linear"] = "linear"
    num_points: Annotated[Integer, Field(ge=1, le=1_000_000)] = 50
    num_starts: Annotated[Integer, Field(ge=1, le=10_000)] = 5
    num_input_decimals: Annotated[Integer, Field(ge=0, le=6)] = 0
    num_output_decimals: Annotated[Integer, Field(ge=0, le=6)] = 0
    bounds: tuple[Bound, Bound] = (-100.0, 100.0)
    """What is said of w and b in the meta-prompt, and enforced on every reply."""
    tolerance: Tolerance = Field(
        # Left out of a preset's hash where it is not used, so that older runs keep theirs.
        default=None,
        exclude_if=lambda value: value is None,
    )
    """Solved when w and b are this near the target, each; None: exactly, at their decimals."""
    seeds: Seeds = Seeds()
    data: Given | None = None

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, values: Any) -> Any:
        """With given data, the number of points is that of the data."""
        if not isinstance(values, Mapping) or "num_points" in values:
            return values
        data = values.get("data")
        if isinstance(data, Given):
            x: Any = data.x
        else:
            x = data.get("x") if isinstance(data, Mapping) else None
        return {**values, "num_points": len(x)} if isinstance(x, list | tuple) and x else values

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if self.data is not None and self.num_points != len(self.data.x):
            raise ValueError(
                f"num_points: {self.num_points}, but the given data has {len(self.data.x)} points"
            )
        return self

    @model_validator(mode="after")
    def _targets(self) -> Self:
        if self.bounds[0] >= self.bounds[1]:
            raise ValueError("bounds: the first must be below the second")
        for target in self.targets:
            check_target(target, dict.fromkeys(NAMES, self.bounds), self.num_input_decimals)
        check_tolerance(self.tolerance, NAMES)
        return self

    def build(self, target: Target, repetition: int) -> LinearProblem:
        """Data, starts and target of one repetition."""
        return LinearProblem(self, float(target["w"]), float(target["b"]), repetition)

    def summary_of_settings(self) -> dict[str, Any]:
        """Without the numbers of given data, which differ from target to target."""
        settings = super().summary_of_settings()
        return settings | {"data": "given" if self.data is not None else None}

    def varies(self) -> bool:
        """Whether any seed changes from one repetition to the next."""
        rules = (self.seeds.noise, self.seeds.w, self.seeds.b)
        return self.data is None and any(rule.step for rule in rules)

    def seeded(self) -> bool:
        """Data and starting points have seeds of their own."""
        return False

    def check(self, repetitions: int) -> None:
        """As every problem; drawn starting points within bounds need no drawing to see that.

        Raises:
            Unusable: a starting point is outside the bounds.
            UsageError: a repetition has no seed.
        """
        for name, rule in self.seeds:
            last = rule.at(repetitions - 1)
            if self.data is None and last >= SEEDS:
                raise UsageError(
                    f"problem.seeds.{name} comes to {last} in repetition {repetitions}, and seeds "
                    f"are below {SEEDS}.",
                    "choose a smaller first or step",
                )
        low, high = self.bounds
        if self.data is not None or not (low <= START_LOW and high >= START_HIGH):
            super().check(repetitions)


class LinearProblem:
    """One line. Points are (w, b)."""

    def __init__(
        self, settings: LinearSettings, w_true: float, b_true: float, repetition: int
    ) -> None:
        low, high = settings.bounds
        decimals = settings.num_input_decimals
        self.space = Box([Range(name, low, high, decimals) for name in NAMES])
        self.wording = Wording(
            task=function_of(NAMES),
            solution=tuple_of(NAMES),
            value_decimals=settings.num_output_decimals,
        )
        self._near = tolerances(settings.tolerance, NAMES)
        self._settings = settings
        self._repetition = repetition
        self._target = self.space.from_values((w_true, b_true))
        if settings.data is not None:
            self.x = np.array(settings.data.x, dtype=np.float64)
            self.y = np.array(settings.data.y, dtype=np.float64)
        else:
            self.x = np.arange(settings.num_points, dtype=np.float64) + 1
            noise = np.random.RandomState(settings.seeds.noise.at(repetition))
            self.y = self.x * w_true + b_true + noise.randn(settings.num_points)
        self.optimum = self.evaluate((w_true, b_true))

    def starts(
        self, rng: np.random.Generator | None = None, count: int | None = None
    ) -> list[Point]:
        """The starting points, rounded, made unique and sorted; ``rng`` is not used.

        ``count`` draws another number of them from the same seeds.
        """
        settings = self._settings
        if settings.data is not None:
            drawn = np.array(settings.data.starts[:count])
        else:
            seeds = (settings.seeds.w, settings.seeds.b)
            drawn = np.stack(
                [
                    np.random.RandomState(seed.at(self._repetition)).uniform(
                        START_LOW, START_HIGH, count or settings.num_starts
                    )
                    for seed in seeds
                ],
                axis=1,
            )
        rounded = np.round(drawn, settings.num_input_decimals).tolist()
        return [self.space.from_values(row) for row in sorted(set(map(tuple, rounded)))]

    def evaluate(self, point: Point) -> float:
        """Sum of squared errors."""
        w, b = point
        residual = self.y - (self.x * w + b)
        return float(np.linalg.norm(residual) ** 2)

    def solved(self, point: Point, value: float) -> bool:
        """The target: exactly, at the space's decimals, or within the tolerance."""
        return within(point, self._target, self._near)

    # What gradient descent needs (see optimizers/sgd.py).

    @property
    def num_rows(self) -> int:
        """Number of data points."""
        return len(self.x)

    def gradient(self, point: Floats, rows: NDArray[np.intp] | slice = slice(None)) -> Floats:
        """Gradient of **half** the sum of squared errors over ``rows``; shape (2,)."""
        x, y = self.x[rows], self.y[rows]
        error = x * point[0] + point[1] - y
        return np.array([x @ error, error.sum()])

    def hessian(self) -> Floats:
        """Second derivative of half the sum of squared errors, the same everywhere; (2, 2)."""
        return np.array([[self.x @ self.x, self.x.sum()], [self.x.sum(), float(len(self.x))]])
