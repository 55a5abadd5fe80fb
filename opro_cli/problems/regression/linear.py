"""Linear regression: find (w, b) of a line from the loss alone (OPRO, section 3.1).

Data: x = 1 … n, y = w·x + b + Gaussian noise of standard deviation 1. Loss: the sum of squared
errors. ``num_input_decimals`` are the decimals of w and b. More features than one:
:mod:`opro_cli.problems.regression.multilinear`. Seeds are those of ``numpy.random.RandomState``, so
that published runs can be repeated number for number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.regression.base import (
    Floats,
    RegressionProblem,
    RegressionSettings,
    Tolerance,
    check_bounds,
    check_targets,
    check_tolerance,
    tolerances,
)
from opro_cli.problems.settings import (
    SEEDS,
    Decimals,
    NumStarts,
    OutputDecimals,
    SeedRule,
    Target,
)
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import within

NAMES = ("w", "b")

START_LOW, START_HIGH = 10.0, 20.0
"""Starting points are drawn uniformly from here (OPRO's optimize_linear_regression.py)."""

Bound: TypeAlias = Annotated[Number, Field(ge=-1e12, le=1e12)]
"""So large that no loss overflows."""


class Seeds(Settings):
    """The seeds of noise and starting points; the defaults are those of the Gemini exploration."""

    noise: SeedRule = SeedRule(first=0)
    w: SeedRule = SeedRule(first=42)
    b: SeedRule = SeedRule(first=54)


class Given(Settings):
    """Data and starting points as numbers, instead of seeds to draw them from."""

    x: tuple[Number, ...] = Field(min_length=1)
    y: tuple[Number, ...] = Field(min_length=1)
    starts: tuple[tuple[Number, Number], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} numbers and y has {len(self.y)}")
        return self


class LinearSettings(RegressionSettings):
    """The ``problem:`` section of a linear regression."""

    summary: ClassVar[str] = "a line through noisy data: find w and b from the loss"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{w: 15, b: 14}]`, or --w-true 15 --b-true 14",
        "tolerance": "`tolerance: {w: 0.1, b: 0.5}`",
    }

    kind: Literal["linear"] = "linear"
    num_points: Annotated[Integer, Field(ge=1, le=1_000_000)] = 50
    num_starts: NumStarts = 5
    num_input_decimals: Decimals = 0
    num_output_decimals: OutputDecimals = 0
    bounds: tuple[Bound, Bound] = (-100.0, 100.0)
    """The range of w and b: stated in the meta-prompt, and enforced on every reply."""
    tolerance: Tolerance = Field(
        # Left out where it is not used, so that older runs keep their hash.
        default=None,
        exclude_if=lambda value: value is None,
    )
    """Solved when w and b are each this close to the target; None: equal, at their decimals."""
    seeds: Seeds = Seeds()
    data: Given | None = None
    """The data themselves, instead of drawn ones."""

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, values: Any) -> Any:
        """Set the number of points to that of the given data."""
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
        check_bounds(self.bounds)
        bounds = dict.fromkeys(NAMES, self.bounds)
        check_targets(self.targets, bounds, self.num_input_decimals)
        check_tolerance(self.tolerance, NAMES)
        return self

    @override
    def build(self, target: Target, repetition: int) -> LinearProblem:
        return LinearProblem(self, float(target["w"]), float(target["b"]), repetition)

    @override
    def summary_of_settings(self) -> dict[str, Any]:
        """Without the numbers of given data, which differ from target to target."""
        settings = super().summary_of_settings()
        return settings | {"data": "given" if self.data is not None else None}

    @override
    def varies(self) -> bool:
        """Whether any seed changes from one repetition to the next."""
        rules = (self.seeds.noise, self.seeds.w, self.seeds.b)
        return self.data is None and any(rule.step for rule in rules)

    @override
    def seeded(self) -> bool:
        """Never: data and starting points have their own seeds."""
        return False

    @override
    def check(self, repetitions: int, *, dry: bool = False) -> None:
        """As for every problem, but without instances where the bounds hold all starting points.

        Raises:
            InvalidSolution: a starting point is outside the bounds.
            UsageError: a seed is too large.
        """
        for name, rule in self.seeds:
            last = rule.at(repetitions - 1)
            if self.data is None and last >= SEEDS:
                raise UsageError(
                    f"problem.seeds.{name} is {last} in repetition {repetitions}, and seeds must "
                    f"be below {SEEDS}.",
                    "choose a smaller first or step",
                )
        low, high = self.bounds
        if self.data is not None or not (low <= START_LOW and high >= START_HIGH):
            super().check(repetitions, dry=dry)


class LinearProblem(RegressionProblem):
    """One line. Points are (w, b)."""

    target: Point

    def __init__(
        self, settings: LinearSettings, w_true: float, b_true: float, repetition: int
    ) -> None:
        decimals = settings.num_input_decimals
        super().__init__(
            [Range(name, *settings.bounds, decimals) for name in NAMES],
            settings.num_starts,
            settings.num_output_decimals,
        )
        self._tolerances = tolerances(settings.tolerance, NAMES)
        self._settings = settings
        self._repetition = repetition
        self.target = self.space.from_values((w_true, b_true))
        if settings.data is not None:
            self.x = np.array(settings.data.x, dtype=np.float64)
            self.y = np.array(settings.data.y, dtype=np.float64)
        else:
            self.x = np.arange(settings.num_points, dtype=np.float64) + 1
            noise = np.random.RandomState(settings.seeds.noise.at(repetition))
            self.y = self.x * w_true + b_true + noise.randn(settings.num_points)
        self.optimum = self.evaluate((w_true, b_true))

    @override
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

    @override
    def evaluate(self, point: Point) -> float:
        """Sum of squared errors, to the last bit as in the published runs."""
        w, b = point
        with np.errstate(over="ignore", invalid="ignore"):  # a value that is not finite is one
            residual = self.y - (self.x * w + b)
            return float(np.linalg.norm(residual) ** 2)

    @override
    def predict(self, point: Floats, x: Floats) -> Floats:
        outputs: Floats = x * point[0] + point[1]
        return outputs

    @override
    def solved(self, point: Point, value: float) -> bool:
        """The target: exactly, at the space's decimals, or within the tolerance."""
        return within(point, self.target, self._tolerances)

    @override
    def _half_gradient(self, point: Floats, x: Floats, y: Floats) -> Floats:
        error = self.predict(point, x) - y
        return np.array([x @ error, error.sum()])

    def hessian(self) -> Floats:
        """Second derivative of half the sum of squared errors, the same everywhere; (2, 2)."""
        return np.array([[self.x @ self.x, self.x.sum()], [self.x.sum(), float(len(self.x))]])
