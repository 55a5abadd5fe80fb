"""A sine curve through noisy data: y = a·sin(ω·x + φ) + c, from the loss alone.

Data: ``num_points`` values of x, evenly from 0 to ``span``, and Gaussian noise of standard
deviation ``noise``. Loss: the sum of squared errors. Names in targets and meta-prompts: ``a``
(amplitude), ``omega`` (angular frequency, radians per unit of x), ``phi`` (phase, radians) and
``c`` (offset).
"""

from __future__ import annotations

import math
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
    check_target,
    rounded_starts,
    squared_error,
)
from opro_cli.problems.space import Box, Range
from opro_cli.problems.words import function_of, tuple_of

NAMES = ("a", "omega", "phi", "c")
Span = tuple[Number, Number]
Positive = Annotated[Number, Field(gt=0)]


class Bounds(Settings):
    """The range of each coordinate: told to the model, drawn from for the starting points."""

    a: Span = (-10.0, 10.0)
    omega: Span = (-5.0, 5.0)
    phi: Span = (-7.0, 7.0)
    c: Span = (-10.0, 10.0)


class Tolerances(Settings):
    """How near the target is solved, coordinate by coordinate, in their own units."""

    a: Positive = 0.25
    omega: Positive = 0.05
    phi: Positive = 0.25
    c: Positive = 0.25


class SineSettings(ProblemSettings):
    """The ``problem:`` section of a sine curve."""

    summary: ClassVar[str] = "a sine curve through noisy data: amplitude, frequency, phase, offset"
    target_suffix: ClassVar[str] = "_true"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{a: 3, omega: 1.5, phi: 0.5, c: 2}]`",
    }

    kind: Literal["sine"] = "sine"
    num_points: Annotated[Integer, Field(ge=4, le=100_000)] = 50
    num_starts: Annotated[Integer, Field(ge=1, le=10_000)] = 5
    num_input_decimals: Annotated[Integer, Field(ge=0, le=6)] = 1
    num_output_decimals: Annotated[Integer, Field(ge=0, le=6)] = 1
    span: Positive = 10.0
    """The data reach from x = 0 to here."""
    noise: Annotated[Number, Field(ge=0)] = 0.1
    bounds: Bounds = Bounds()
    tolerance: Tolerances = Tolerances()
    seeds: SeedRule = SeedRule(first=0)
    """Of the noise."""

    @model_validator(mode="after")
    def _targets(self) -> Self:
        bounds = {name: getattr(self.bounds, name) for name in NAMES}
        for name, (low, high) in bounds.items():
            if low >= high:
                raise ValueError(f"bounds: the first of {name} must be below the second")
        for target in self.targets:
            check_target(target, bounds, self.num_input_decimals)
            if not target["a"] or not target["omega"]:
                raise ValueError("targets: with a=0 or omega=0 the curve has no phase to be found")
        return self

    def build(self, target: Target, repetition: int) -> SineProblem:
        """Data and target of one repetition."""
        return SineProblem(self, target, repetition)

    def varies(self) -> bool:
        """Always: each repetition has starting points of its own."""
        return True


class SineProblem:
    """One curve. Points are (a, omega, phi, c)."""

    def __init__(self, settings: SineSettings, target: Target, repetition: int) -> None:
        decimals = settings.num_input_decimals
        self._bounds = [getattr(settings.bounds, name) for name in NAMES]
        ranges = zip(NAMES, self._bounds, strict=True)
        self.space = Box([Range(name, low, high, decimals) for name, (low, high) in ranges])
        self.wording = Wording(
            task=function_of(NAMES),
            solution=tuple_of(NAMES),
            value_decimals=settings.num_output_decimals,
        )
        self._settings = settings
        self._target = self.space.from_values(target)
        self.x = np.linspace(0.0, settings.span, settings.num_points)
        noise = np.random.RandomState(settings.seeds.at(repetition)).randn(settings.num_points)
        a, omega, phi, c = self._target
        self.y = a * np.sin(omega * self.x + phi) + c + settings.noise * noise
        self.optimum = self.evaluate(self._target)

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """Points drawn uniformly within the bounds, rounded, made unique and sorted."""
        number, decimals = count or self._settings.num_starts, self._settings.num_input_decimals
        drawn = rounded_starts(rng, self._bounds, number, decimals)
        return [self.space.from_values(point) for point in drawn]

    def evaluate(self, point: Point) -> float:
        """Sum of squared errors."""
        a, omega, phi, c = point
        return squared_error(a * np.sin(omega * self.x + phi) + c - self.y)

    def solved(self, point: Point, value: float) -> bool:
        """Whether the point is the target's curve, in whichever way it is written."""
        near = self._settings.tolerance
        a, omega, phi, c = (
            abs(x - y) for x, y in zip(canonical(point), canonical(self._target), strict=True)
        )
        phi = min(phi, 2 * math.pi - phi)  # the way round the circle that is shorter
        return a <= near.a and omega <= near.omega and phi <= near.phi and c <= near.c

    # What gradient descent needs (see optimizers/sgd.py).

    @property
    def num_rows(self) -> int:
        """Number of data points."""
        return len(self.x)

    def gradient(self, point: Floats, rows: NDArray[np.intp] | slice = slice(None)) -> Floats:
        """Gradient of **half** the sum of squared errors over ``rows``; shape (4,)."""
        a, omega, phi, c = point
        x, y = self.x[rows], self.y[rows]
        sine, cosine = np.sin(omega * x + phi), np.cos(omega * x + phi)
        error = a * sine + c - y
        slope = a * cosine * error
        return np.array([error @ sine, slope @ x, slope.sum(), error.sum()])


def canonical(point: Point) -> tuple[float, float, float, float]:
    """The same curve with a ≥ 0, ω ≥ 0 and 0 ≤ φ < 2π.

    sin(−ω·x + φ) = −sin(ω·x − φ), and −sin(z) = sin(z + π).
    """
    a, omega, phi, c = (float(v) for v in point)
    if omega < 0:
        a, omega, phi = -a, -omega, -phi
    if a < 0:
        a, phi = -a, phi + math.pi
    return a, omega, phi % (2 * math.pi), c
