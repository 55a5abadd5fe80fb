"""What problems that fit a curve to data share: seeds, targets, tolerances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from opro_cli.problems.base import Integer, Number, Point, Settings, Target
from opro_cli.problems.words import listed

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
SEEDS = 2**32
"""Seeds of ``RandomState`` are below this."""
Seed = Annotated[Integer, Field(ge=0, lt=SEEDS)]

Tolerance: TypeAlias = dict[str, Annotated[Number, Field(gt=0)]] | None
"""How near each coordinate must be to the target's, by name; None: equal to it."""


class SeedRule(Settings):
    """A seed for each repetition: ``first``, ``first + step``, ``first + 2·step`` …"""

    first: Seed
    step: Annotated[Integer, Field(ge=0, lt=SEEDS)] = 0

    def at(self, repetition: int) -> int:
        """The seed of one repetition, counted from 0."""
        return self.first + self.step * repetition


def check_target(target: Target, bounds: Mapping[str, Bounds], decimals: int) -> None:
    """Raises ValueError, as a settings' validator does, for a target that cannot be proposed.

    Args:
        target: the target.
        bounds: the names it must have, each with the range of its value.
        decimals: decimals it may have.
    """
    if set(target) != set(bounds):
        raise ValueError(
            f"targets: a target is {listed(list(bounds))}, not {' and '.join(target) or 'empty'}"
        )
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


def within(point: Point, target: Sequence[float], near: Sequence[float] | None) -> bool:
    """Whether every coordinate is as near the target's as ``near`` says; None: equal to it."""
    if near is None:
        return point == tuple(target)
    # A difference of decimals, such as 3.8 - 3.7, is never exact.
    return all(
        abs(a - b) <= most or math.isclose(abs(a - b), most)
        for a, b, most in zip(point, target, near, strict=True)
    )


def tolerances(tolerance: Tolerance, names: Sequence[str]) -> tuple[float, ...] | None:
    """The tolerances in the order of the coordinates; None for an exact target."""
    return None if tolerance is None else tuple(tolerance[name] for name in names)


def squared_error(residual: Floats) -> float:
    """Sum of squares."""
    return float(residual @ residual)


def rounded_starts(
    rng: np.random.Generator, bounds: Sequence[Bounds], count: int, decimals: int
) -> list[tuple[float, ...]]:
    """``count`` points drawn uniformly from a box, rounded, without repetitions, sorted."""
    low, high = np.array(bounds, dtype=np.float64).T
    drawn = np.round(rng.uniform(low, high, (count, len(low))), decimals)
    return [tuple(float(v) for v in row) for row in np.unique(drawn, axis=0)]
