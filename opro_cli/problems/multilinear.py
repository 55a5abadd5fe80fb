"""Linear regression with several features: y = w1·x1 + … + wd·xd + b, from the loss alone.

Data: features drawn uniformly from −``spread`` to ``spread``, and Gaussian noise of standard
deviation ``noise``, each from its own seed. Loss: the sum of squared errors. One feature on
x = 1 … n, the experiment of OPRO's section 3.1, is :mod:`opro_cli.problems.linear`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

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
    Floats,
    SeedRule,
    Tolerance,
    check_target,
    check_tolerance,
    rounded_starts,
    squared_error,
    tolerances,
    within,
)
from opro_cli.problems.space import Box, Range
from opro_cli.problems.words import function_of, tuple_of


class Seeds(Settings):
    """Where the data come from."""

    features: SeedRule = SeedRule(first=0)
    noise: SeedRule = SeedRule(first=1)


class MultilinearSettings(ProblemSettings):
    """The ``problem:`` section of a linear regression with several features."""

    summary: ClassVar[str] = "a plane through noisy data: find its weights from the loss"
    target_suffix: ClassVar[str] = "_true"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`num_features: 2` with `targets: [{w1: 3, w2: -7, b: 5}]`",
        "tolerance": "`tolerance: {w1: 0.1, w2: 0.1, b: 0.5}`",
    }

    kind: Literal["multilinear"] = "multilinear"
    num_features: Annotated[Integer, Field(ge=1, le=100)] = 2
    num_points: Annotated[Integer, Field(ge=1, le=100_000)] = 50
    num_starts: Annotated[Integer, Field(ge=1, le=10_000)] = 5
    num_input_decimals: Annotated[Integer, Field(ge=0, le=6)] = 0
    num_output_decimals: Annotated[Integer, Field(ge=0, le=6)] = 0
    bounds: tuple[Number, Number] = (-20.0, 20.0)
    """The range of every weight: told to the model, drawn from for the starting points."""
    spread: Annotated[Number, Field(gt=0)] = 10.0
    noise: Annotated[Number, Field(ge=0)] = 1.0
    tolerance: Tolerance = None
    """Solved when every weight is this near the target's; None: exactly, at their decimals."""
    seeds: Seeds = Seeds()

    @property
    def names(self) -> tuple[str, ...]:
        """``w1`` … ``wd``, ``b``."""
        return (*(f"w{i + 1}" for i in range(self.num_features)), "b")

    @model_validator(mode="after")
    def _targets(self) -> Self:
        if self.bounds[0] >= self.bounds[1]:
            raise ValueError("bounds: the first must be below the second")
        for target in self.targets:
            check_target(target, dict.fromkeys(self.names, self.bounds), self.num_input_decimals)
        check_tolerance(self.tolerance, self.names)
        return self

    def build(self, target: Target, repetition: int) -> MultilinearProblem:
        """Data and target of one repetition."""
        return MultilinearProblem(self, target, repetition)

    def varies(self) -> bool:
        """Always: each repetition has starting points of its own."""
        return True


class MultilinearProblem:
    """One plane. Points are (w1, …, wd, b)."""

    def __init__(self, settings: MultilinearSettings, target: Target, repetition: int) -> None:
        low, high = settings.bounds
        decimals = settings.num_input_decimals
        names = settings.names
        self.space = Box([Range(name, low, high, decimals) for name in names])
        self.wording = Wording(
            task=function_of(names),
            solution=tuple_of(names),
            value_decimals=settings.num_output_decimals,
        )
        self._near = tolerances(settings.tolerance, names)
        self._settings = settings
        self._target = self.space.from_values(target)
        features = np.random.RandomState(settings.seeds.features.at(repetition))
        noise = np.random.RandomState(settings.seeds.noise.at(repetition))
        shape = (settings.num_points, settings.num_features)
        x = features.uniform(-settings.spread, settings.spread, shape)
        self.x = np.column_stack([x, np.ones(len(x))])  # the last column goes with b
        self.y = self.x @ np.array(self._target) + settings.noise * noise.randn(len(x))
        self.optimum = self.evaluate(self._target)

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """Points drawn uniformly within the bounds, rounded, made unique and sorted."""
        settings = self._settings
        bounds = [settings.bounds] * len(settings.names)
        number = count or settings.num_starts
        drawn = rounded_starts(rng, bounds, number, settings.num_input_decimals)
        return [self.space.from_values(point) for point in drawn]

    def evaluate(self, point: Point) -> float:
        """Sum of squared errors."""
        return squared_error(self.x @ np.array(point, dtype=np.float64) - self.y)

    def solved(self, point: Point, value: float) -> bool:
        """The target: exactly, at the space's decimals, or within the tolerance."""
        return within(point, self._target, self._near)

    # What gradient descent needs (see optimizers/sgd.py).

    @property
    def num_rows(self) -> int:
        """Number of data points."""
        return len(self.x)

    def gradient(self, point: Floats, rows: NDArray[np.intp] | slice = slice(None)) -> Floats:
        """Gradient of **half** the sum of squared errors over ``rows``; shape (d + 1,)."""
        x, y = self.x[rows], self.y[rows]
        gradient: Floats = x.T @ (x @ point - y)
        return gradient

    def hessian(self) -> Floats:
        """Second derivative of half the loss, the same everywhere; shape (d + 1, d + 1)."""
        hessian: Floats = self.x.T @ self.x
        return hessian
