"""A sine curve through noisy data: y = a·sin(ω·x + φ) + c, from the loss alone.

Data: ``num_points`` values of x, evenly from 0 to ``span``, and Gaussian noise of standard
deviation ``noise``. Loss: the sum of squared errors. Names in targets and meta-prompts: ``a``
(amplitude), ``omega`` (angular frequency, radians per unit of x), ``phi`` (phase, radians) and
``c`` (offset).
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.problems.regression.base import (
    Floats,
    RegressionProblem,
    RegressionSettings,
    check_targets,
)
from opro_cli.problems.settings import Decimals, NumStarts, OutputDecimals, SeedRule, Target
from opro_cli.problems.spaces.coordinates import Range

NAMES = ("a", "omega", "phi", "c")

Span: TypeAlias = tuple[Number, Number]

Positive: TypeAlias = Annotated[Number, Field(gt=0)]


class Bounds(Settings):
    """The range of each coordinate: stated in the meta-prompt, drawn from for starting points."""

    a: Span = (-10.0, 10.0)
    """Of the amplitude."""
    omega: Span = (-5.0, 5.0)
    """Of the frequency."""
    phi: Span = (-7.0, 7.0)
    """Of the phase."""
    c: Span = (-10.0, 10.0)
    """Of the offset."""


class Tolerances(Settings):
    """How close to the target counts as solved, for each coordinate in its own unit."""

    a: Positive = 0.25
    """Of the amplitude."""
    omega: Positive = 0.05
    """Of the frequency."""
    phi: Positive = 0.25
    """Of the phase."""
    c: Positive = 0.25
    """Of the offset."""


class SineSettings(RegressionSettings):
    """The ``problem:`` section of a sine curve."""

    summary: ClassVar[str] = "a sine curve through noisy data: amplitude, frequency, phase, offset"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{a: 3, omega: 1.5, phi: 0.5, c: 2}]`",
    }

    kind: Literal["sine"] = "sine"
    num_points: Annotated[Integer, Field(ge=4, le=100_000)] = 50
    num_starts: NumStarts = 5
    num_input_decimals: Decimals = 1
    num_output_decimals: OutputDecimals = 1
    span: Positive = 10.0
    """The largest x of the data; the smallest is 0."""
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
            check_targets([target], bounds, self.num_input_decimals)
            if not target["a"] or not target["omega"]:
                raise ValueError("targets: with a=0 or omega=0 the curve has no phase to find")
        return self

    @override
    def build(self, target: Target, repetition: int) -> SineProblem:
        return SineProblem(self, target, repetition)


class SineProblem(RegressionProblem):
    """One curve. Points are (a, omega, phi, c)."""

    target: Point

    def __init__(self, settings: SineSettings, target: Target, repetition: int) -> None:
        decimals = settings.num_input_decimals
        super().__init__(
            [Range(name, low, high, decimals) for name, (low, high) in settings.bounds],
            settings.num_starts,
            settings.num_output_decimals,
        )
        self._tolerance = settings.tolerance
        self.target = self.space.from_values(target)
        self.x = np.linspace(0.0, settings.span, settings.num_points)
        noise = np.random.RandomState(settings.seeds.at(repetition)).randn(settings.num_points)
        exact = self.predict(np.array(self.target, dtype=np.float64), self.x)
        self.y = exact + settings.noise * noise
        self.optimum = self.evaluate(self.target)

    @override
    def predict(self, point: Floats, x: Floats) -> Floats:
        a, omega, phi, c = point
        outputs: Floats = a * np.sin(omega * x + phi) + c
        return outputs

    @override
    def solved(self, point: Point, value: float) -> bool:
        """Whether the point's curve is the target's, in any of the ways to write a curve."""
        near = self._tolerance
        a, omega, phi, c = (
            abs(x - y) for x, y in zip(canonical(point), canonical(self.target), strict=True)
        )
        phi = min(phi, 2 * math.pi - phi)  # the shorter way round the circle
        return a <= near.a and omega <= near.omega and phi <= near.phi and c <= near.c

    @override
    def _half_gradient(self, point: Floats, x: Floats, y: Floats) -> Floats:
        a, omega, phi, c = point
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
