"""A small neural network on the data of the linear problem: its weights are the point.

One input, one hidden layer of tanh, one output: ŷ = d + Σⱼ vⱼ·tanh(uⱼ·x + cⱼ), with x and y
standardised (mean 0, standard deviation 1), so that weights of size 1 make sense. Loss: the sum
of squared errors over the standardised data, which is ``num_points`` for a network that says
nothing.

Weights have no target: many networks are the same function. Solved is a loss of at most
``factor`` times the noise floor, the loss of the line that the data were made from; ``optimum`` is
that floor, so that gradient descent's tolerance counts from it, too.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from opro_cli.problems.base import Integer, Number, Point, ProblemSettings, Target, Wording
from opro_cli.problems.fitting import (
    Floats,
    SeedRule,
    check_target,
    rounded_starts,
    squared_error,
)
from opro_cli.problems.space import Box, Range
from opro_cli.problems.words import function_of, tuple_of

ANYWHERE = (-1e6, 1e6)


class NetworkSettings(ProblemSettings):
    """The ``problem:`` section of a neural network."""

    summary: ClassVar[str] = "a small neural network on the data of a line: find its weights"
    target_suffix: ClassVar[str] = "_true"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{w: 15, b: 14}]`, the line that the data are made from",
    }

    kind: Literal["network"] = "network"
    hidden: Annotated[Integer, Field(ge=1, le=64)] = 2
    """Width of the hidden layer; a point has 3·hidden + 1 weights."""
    num_points: Annotated[Integer, Field(ge=2, le=100_000)] = 50
    num_starts: Annotated[Integer, Field(ge=1, le=10_000)] = 5
    num_input_decimals: Annotated[Integer, Field(ge=0, le=6)] = 1
    num_output_decimals: Annotated[Integer, Field(ge=0, le=6)] = 3
    bounds: tuple[Number, Number] = (-3.0, 3.0)
    """The range of every weight: told to the model, drawn from for the starting points."""
    factor: Annotated[Number, Field(gt=1)] = 10.0
    """Solved at this many times the noise floor."""
    seeds: SeedRule = SeedRule(first=0)
    """Of the noise, which has standard deviation 1 before standardising."""

    @model_validator(mode="after")
    def _targets(self) -> Self:
        if self.bounds[0] >= self.bounds[1]:
            raise ValueError("bounds: the first must be below the second")
        for target in self.targets:
            check_target(target, {"w": ANYWHERE, "b": ANYWHERE}, decimals=12)
        return self

    def build(self, target: Target, repetition: int) -> NetworkProblem:
        """Data of one repetition."""
        return NetworkProblem(self, float(target["w"]), float(target["b"]), repetition)

    def varies(self) -> bool:
        """Always: each repetition has starting points of its own."""
        return True


class NetworkProblem:
    """One network. Points are (u1 … uh, c1 … ch, v1 … vh, d)."""

    def __init__(
        self, settings: NetworkSettings, w_true: float, b_true: float, repetition: int
    ) -> None:
        low, high = settings.bounds
        hidden = range(1, settings.hidden + 1)
        names = [*(f"{letter}{j}" for letter in "ucv" for j in hidden), "d"]
        self.space = Box([Range(name, low, high, settings.num_input_decimals) for name in names])
        self.wording = Wording(
            task=function_of(names),
            solution=tuple_of(names),
            value_decimals=settings.num_output_decimals,
        )
        self._settings = settings
        x = np.arange(settings.num_points, dtype=np.float64) + 1
        noise = np.random.RandomState(settings.seeds.at(repetition)).randn(settings.num_points)
        line = w_true * x + b_true
        y = line + noise
        self.x = (x - x.mean()) / x.std()
        self.y = (y - y.mean()) / y.std()
        self.optimum = squared_error(noise) / float(y.var())

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """Weights drawn uniformly within the bounds, rounded, made unique and sorted."""
        settings = self._settings
        bounds = [settings.bounds] * len(self.space.ranges)
        number = count or settings.num_starts
        drawn = rounded_starts(rng, bounds, number, settings.num_input_decimals)
        return [self.space.from_values(point) for point in drawn]

    def evaluate(self, point: Point) -> float:
        """Sum of squared errors on the standardised data."""
        output, _ = self._forward(np.array(point, dtype=np.float64), self.x)
        return squared_error(output - self.y)

    def solved(self, point: Point, value: float) -> bool:
        """A loss of at most ``factor`` times the noise floor."""
        return value <= self._settings.factor * self.optimum

    # What gradient descent needs (see optimizers/sgd.py).

    @property
    def num_rows(self) -> int:
        """Number of data points."""
        return len(self.x)

    def gradient(self, point: Floats, rows: NDArray[np.intp] | slice = slice(None)) -> Floats:
        """Gradient of **half** the sum of squared errors over ``rows``; shape (3·hidden + 1,)."""
        x, y = self.x[rows], self.y[rows]
        output, active = self._forward(point, x)
        error = output - y
        _, _, v, _ = self._parts(point)
        back = error[:, np.newaxis] * v * (1 - active**2)  # (rows, hidden)
        return np.concatenate([x @ back, back.sum(axis=0), error @ active, [error.sum()]])

    def _forward(self, point: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Outputs, shape (rows,), and the hidden layer, shape (rows, hidden)."""
        u, c, v, d = self._parts(point)
        active = np.tanh(np.outer(x, u) + c)
        return active @ v + d, active

    def _parts(self, point: Floats) -> tuple[Floats, Floats, Floats, float]:
        h = self._settings.hidden
        return point[:h], point[h : 2 * h], point[2 * h : 3 * h], float(point[3 * h])
