"""Standard test functions of any dimension, shifted, and under neutral names.

Language models know the textbook minima. So by default the minimum is moved to a random point
(another one in each repetition), and the meta-prompt names neither function nor formula.
Formulas and customary domains: Surjanovic and Bingham, Virtual Library of Simulation Experiments,
https://www.sfu.ca/~ssurjano/optimization.html. All have the minimum 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from typing_extensions import override

from opro_cli.core.events import Point
from opro_cli.core.problem import Problem, ProblemText
from opro_cli.core.settings import Number
from opro_cli.core.text import function_of, tuple_of
from opro_cli.problems.settings import (
    Decimals,
    NumStarts,
    OutputDecimals,
    ProblemSettings,
    SeedRule,
    Target,
)
from opro_cli.problems.spaces.coordinates import Range
from opro_cli.problems.spaces.named import Box, within

Floats: TypeAlias = NDArray[np.float64]

MIDDLE = 0.6
"""The minimum is moved within this part of each range, about its centre."""

MAX_DIM = 100


def sphere(z: Floats) -> float:
    """Σ zᵢ²."""
    return float((z**2).sum())


def rosenbrock(z: Floats) -> float:
    """Σ 100·(zᵢ₊₁ − zᵢ²)² + (1 − zᵢ)²: a curved valley."""
    return float((100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum())


def rastrigin(z: Floats) -> float:
    """10·d + Σ zᵢ² − 10·cos(2π·zᵢ): a bowl with a regular pattern of dents."""
    return float((z**2 - 10 * np.cos(2 * np.pi * z) + 10).sum())


def ackley(z: Floats) -> float:
    """A nearly flat plain with many dents, and a deep hole (a = 20, b = 0.2, c = 2π)."""
    root = np.sqrt((z**2).mean())
    waves = np.cos(2 * np.pi * z).mean()
    return float(20 - 20 * np.exp(-0.2 * root) + np.e - np.exp(waves))


def griewank(z: Floats) -> float:
    """1 + Σ zᵢ²/4000 − Π cos(zᵢ/√i): a wide bowl, rippled."""
    waves = np.cos(z / np.sqrt(np.arange(1, len(z) + 1)))
    return float(1 + (z**2).sum() / 4000 - waves.prod())


def zakharov(z: Floats) -> float:
    """Σ zᵢ² + s² + s⁴ with s = Σ i·zᵢ/2: a plate."""
    s = (0.5 * np.arange(1, len(z) + 1) * z).sum()
    return float((z**2).sum() + s**2 + s**4)


@dataclass(frozen=True)
class Function:
    """A test function and its customary domain."""

    formula: Callable[[Floats], float]
    bounds: tuple[float, float]
    minimum: float = 0.0
    """Every coordinate of the textbook minimum."""
    least_dim: int = 1


FUNCTIONS = {
    "sphere": Function(sphere, (-5.0, 5.0)),
    "rosenbrock": Function(rosenbrock, (-5.0, 10.0), minimum=1.0, least_dim=2),
    "rastrigin": Function(rastrigin, (-5.0, 5.0)),
    "ackley": Function(ackley, (-32.0, 32.0)),
    "griewank": Function(griewank, (-600.0, 600.0)),
    "zakharov": Function(zakharov, (-5.0, 10.0)),
}


class BenchmarkFunctionSettings(ProblemSettings):
    """The ``problem:`` section of test functions."""

    summary: ClassVar[str] = "a standard test function, its minimum moved and its name hidden"
    examples: ClassVar[dict[str, str]] = {
        "targets": "`targets: [{function: rosenbrock, dim: 2}]`; functions: "
        + ", ".join(FUNCTIONS),
    }

    kind: Literal["functions"] = "functions"
    num_starts: NumStarts = 5
    num_input_decimals: Decimals = 1
    num_output_decimals: OutputDecimals = 2
    bounds: tuple[Number, Number] | None = None
    """The range of every coordinate; None: the function's customary one."""
    shifted: bool = True
    """Whether the minimum is moved to a random point, drawn from the seed."""
    neutral: bool = True
    """Whether the meta-prompt states the number of inputs only."""
    tolerance: Annotated[Number, Field(gt=0)] | None = None
    """Solved when every coordinate is this close to the minimum; None: equal, at their decimals."""
    seeds: SeedRule = SeedRule(first=1, step=1)
    """Of the new minimum: by default another in each repetition."""

    @model_validator(mode="after")
    def _targets(self) -> Self:
        for target in self.targets:
            name, dim = target.get("function"), target.get("dim")
            if set(target) != {"function", "dim"}:
                raise ValueError("targets: a target is a function and a dim")
            if name not in FUNCTIONS:
                raise ValueError(f"targets: {name} is no function known here")
            least = FUNCTIONS[str(name)].least_dim
            whole = isinstance(dim, int | float) and dim == int(dim)
            if not whole or not least <= int(dim or 0) <= MAX_DIM:
                raise ValueError(f"targets: dim of {name} is a whole number, {least} to {MAX_DIM}")
            low, high = self.bounds_of(str(name))
            if low >= high:
                raise ValueError("bounds: the first must be below the second")
            if not self.shifted and not low <= FUNCTIONS[str(name)].minimum <= high:
                raise ValueError(f"bounds: the minimum of {name} is outside of them")
        return self

    def bounds_of(self, name: str) -> tuple[float, float]:
        """The range of every coordinate of a function."""
        return self.bounds or FUNCTIONS[name].bounds

    @override
    def build(self, target: Target, repetition: int) -> BenchmarkFunction:
        return BenchmarkFunction(self, str(target["function"]), int(target["dim"]), repetition)

    @override
    def varies(self) -> bool:
        """Always: the starting points differ."""
        return True


class BenchmarkFunction(Problem):
    """One function. Points are (x1, …, xd)."""

    space: Box
    target: Point
    optimum = 0.0

    def __init__(
        self, settings: BenchmarkFunctionSettings, name: str, dim: int, repetition: int
    ) -> None:
        low, high = settings.bounds_of(name)
        decimals = settings.num_input_decimals
        names = [f"x{i + 1}" for i in range(dim)]
        self.space = Box([Range(coordinate, low, high, decimals) for coordinate in names])
        task = function_of(names)
        if not settings.neutral:
            moved = ", its minimum moved" if settings.shifted else ""
            task = f"the {name.capitalize()} function of {dim} inputs{moved}"
        self.text = ProblemText(
            task=task,
            solution=tuple_of(names),
            background="" if settings.neutral else "The formula is the textbook's.",
            value_decimals=settings.num_output_decimals,
        )
        tolerance = settings.tolerance
        self._tolerances = None if tolerance is None else [tolerance] * dim
        self._num_starts = settings.num_starts
        self._function = FUNCTIONS[name]
        self._minimum = np.full(dim, self._function.minimum)
        if settings.shifted:
            centre, reach = (low + high) / 2, MIDDLE * (high - low) / 2
            rng = np.random.RandomState(settings.seeds.at(repetition))
            # Rounded, so that the minimum is a point of the space.
            self._minimum = np.round(centre + rng.uniform(-reach, reach, dim), decimals)
        self.target = tuple(float(v) for v in self._minimum)

    @override
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """Points drawn uniformly within the bounds, rounded, made unique and sorted."""
        return self.space.random_points(rng, self._num_starts)

    @override
    def evaluate(self, point: Point) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # a value that is not finite is one
            moved = np.array(point, dtype=np.float64) - self._minimum
            return self._function.formula(moved + self._function.minimum)

    @override
    def solved(self, point: Point, value: float) -> bool:
        """The minimum: exactly, at the space's decimals, or within the tolerance."""
        return within(point, self.target, self._tolerances)
