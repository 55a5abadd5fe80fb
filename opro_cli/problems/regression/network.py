"""A small neural network on the data of the linear problem: its weights are the point.

One input, one hidden layer of tanh, one output: ŷ = d + Σⱼ vⱼ·tanh(uⱼ·x + cⱼ), with x and y
standardised (mean 0, standard deviation 1), so that weights of size 1 make sense. Loss: the sum
of squared errors over the standardised data; it is ``num_points`` for a network whose output is
always 0.

Weights have no target, as many networks are the same function. The problem is solved by a loss of
at most ``factor`` times the noise floor, which is the loss of the line that the data were made
from. ``optimum`` is that floor; gradient descent's tolerance refers to it, too.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.settings import Integer, Number
from opro_cli.problems.regression.base import (
    Floats,
    RegressionProblem,
    RegressionSettings,
    check_bounds,
    check_targets,
    squared_error,
)
from opro_cli.problems.settings import Decimals, NumStarts, OutputDecimals, SeedRule, Target
from opro_cli.problems.spaces.coordinates import Range

ANYWHERE = (-1e6, 1e6)
"""The range of w and b of the line that the data are made from."""


class NetworkSettings(RegressionSettings):
    """The ``problem:`` section of a neural network."""

    summary: ClassVar[str] = "a small neural network on the data of a line: find its weights"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{w: 15, b: 14}]`, the line that the data are made from",
    }

    kind: Literal["network"] = "network"
    hidden: Annotated[Integer, Field(ge=1, le=64)] = 2
    """Width of the hidden layer; a point has 3·hidden + 1 weights."""
    num_points: Annotated[Integer, Field(ge=2, le=100_000)] = 50
    num_starts: NumStarts = 5
    num_input_decimals: Decimals = 1
    num_output_decimals: OutputDecimals = 3
    bounds: tuple[Number, Number] = (-3.0, 3.0)
    """The range of every weight: stated in the meta-prompt; starting points are drawn from it."""
    factor: Annotated[Number, Field(gt=1)] = 10.0
    """Solved at this multiple of the noise floor."""
    seeds: SeedRule = SeedRule(first=0)
    """Of the noise, which has standard deviation 1 before standardising."""

    @model_validator(mode="after")
    def _targets(self) -> Self:
        check_bounds(self.bounds)
        check_targets(self.targets, {"w": ANYWHERE, "b": ANYWHERE}, decimals=12)
        return self

    @override
    def build(self, target: Target, repetition: int) -> NetworkProblem:
        return NetworkProblem(self, float(target["w"]), float(target["b"]), repetition)


class NetworkProblem(RegressionProblem):
    """One network. Points are (u1 … uh, c1 … ch, v1 … vh, d)."""

    def __init__(
        self, settings: NetworkSettings, w_true: float, b_true: float, repetition: int
    ) -> None:
        hidden = range(1, settings.hidden + 1)
        names = [*(f"{letter}{j}" for letter in "ucv" for j in hidden), "d"]
        super().__init__(
            [Range(name, *settings.bounds, settings.num_input_decimals) for name in names],
            settings.num_starts,
            settings.num_output_decimals,
        )
        self._hidden = settings.hidden
        self._factor = settings.factor
        x = np.arange(settings.num_points, dtype=np.float64) + 1
        noise = np.random.RandomState(settings.seeds.at(repetition)).randn(settings.num_points)
        line = w_true * x + b_true
        y = line + noise
        self.x = (x - x.mean()) / x.std()
        self.y = (y - y.mean()) / y.std()
        self.optimum = squared_error(noise) / float(y.var())

    @override
    def predict(self, point: Floats, x: Floats) -> Floats:
        return self._forward(point, x)[0]

    @override
    def solved(self, point: Point, value: float) -> bool:
        """A loss of at most ``factor`` times the noise floor."""
        return value <= self._factor * self.optimum

    @override
    def _half_gradient(self, point: Floats, x: Floats, y: Floats) -> Floats:
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
        h = self._hidden
        return point[:h], point[h : 2 * h], point[2 * h : 3 * h], float(point[3 * h])
