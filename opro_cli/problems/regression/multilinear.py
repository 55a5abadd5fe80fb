"""Linear regression with several features: y = w1·x1 + … + wd·xd + b, from the loss alone.

Data: features drawn uniformly from −``spread`` to ``spread``, and Gaussian noise of standard
deviation ``noise``, each from its own seed. Loss: the sum of squared errors. One feature on
x = 1 … n, the experiment of OPRO's section 3.1, is :mod:`opro_cli.problems.regression.linear`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

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
from opro_cli.problems.settings import Decimals, NumStarts, OutputDecimals, SeedRule, Target
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import within


class Seeds(Settings):
    """The seeds of the data."""

    features: SeedRule = SeedRule(first=0)
    noise: SeedRule = SeedRule(first=1)


class MultilinearSettings(RegressionSettings):
    """The ``problem:`` section of a linear regression with several features."""

    summary: ClassVar[str] = "a plane through noisy data: find its weights from the loss"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`num_features: 2` with `targets: [{w1: 3, w2: -7, b: 5}]`",
        "tolerance": "`tolerance: {w1: 0.1, w2: 0.1, b: 0.5}`",
    }

    kind: Literal["multilinear"] = "multilinear"
    num_features: Annotated[Integer, Field(ge=1, le=100)] = 2
    """Features of a data point."""
    num_points: Annotated[Integer, Field(ge=1, le=100_000)] = 50
    num_starts: NumStarts = 5
    num_input_decimals: Decimals = 0
    num_output_decimals: OutputDecimals = 0
    bounds: tuple[Number, Number] = (-20.0, 20.0)
    """The range of every weight: stated in the meta-prompt; starting points are drawn from it."""
    spread: Annotated[Number, Field(gt=0)] = 10.0
    """Standard deviation of the features."""
    noise: Annotated[Number, Field(ge=0)] = 1.0
    tolerance: Tolerance = None
    """Solved when every weight is this close to the target's; None: equal, at their decimals."""
    seeds: Seeds = Seeds()

    @property
    def names(self) -> tuple[str, ...]:
        """``w1`` … ``wd``, ``b``."""
        return (*(f"w{i + 1}" for i in range(self.num_features)), "b")

    @model_validator(mode="after")
    def _targets(self) -> Self:
        check_bounds(self.bounds)
        bounds = dict.fromkeys(self.names, self.bounds)
        check_targets(self.targets, bounds, self.num_input_decimals)
        check_tolerance(self.tolerance, self.names)
        return self

    @override
    def build(self, target: Target, repetition: int) -> MultilinearProblem:
        return MultilinearProblem(self, target, repetition)


class MultilinearProblem(RegressionProblem):
    """One plane. Points are (w1, …, wd, b)."""

    target: Point

    def __init__(self, settings: MultilinearSettings, target: Target, repetition: int) -> None:
        decimals = settings.num_input_decimals
        super().__init__(
            [Range(name, *settings.bounds, decimals) for name in settings.names],
            settings.num_starts,
            settings.num_output_decimals,
        )
        self._tolerances = tolerances(settings.tolerance, settings.names)
        self.target = self.space.from_values(target)
        features = np.random.RandomState(settings.seeds.features.at(repetition))
        noise = np.random.RandomState(settings.seeds.noise.at(repetition))
        shape = (settings.num_points, settings.num_features)
        x = features.uniform(-settings.spread, settings.spread, shape)
        self.x = np.column_stack([x, np.ones(len(x))])  # the last column is for b
        self.y = self.x @ np.array(self.target) + settings.noise * noise.randn(len(x))
        self.optimum = self.evaluate(self.target)

    @override
    def predict(self, point: Floats, x: Floats) -> Floats:
        outputs: Floats = x @ point
        return outputs

    @override
    def solved(self, point: Point, value: float) -> bool:
        """The target: exactly, at the space's decimals, or within the tolerance."""
        return within(point, self.target, self._tolerances)

    @override
    def _half_gradient(self, point: Floats, x: Floats, y: Floats) -> Floats:
        gradient: Floats = x.T @ (x @ point - y)
        return gradient

    def hessian(self) -> Floats:
        """Second derivative of half the loss, the same everywhere; shape (d + 1, d + 1)."""
        hessian: Floats = self.x.T @ self.x
        return hessian
