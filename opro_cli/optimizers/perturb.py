"""Points near good ones, drawn in code: what a step is filled up with. No model is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set

import numpy as np

from opro_cli.history import Pair
from opro_cli.problems.base import Continuous, Point, Space

TRIES = 100
"""Draws for one point, before a space counts as used up."""
BEST = 0.6
"""Chance that the best point is the one to start from; else the next best, and so on."""
DIFFERENCE = 0.5
"""Chance of a step along the difference of two good points, where points have differences."""
GOOD = 10
"""As many of the best points have their differences taken."""
SHORTEST, LONGEST = 0.1, 1.0
"""Parts of a difference that a step can have, uniformly on a logarithmic scale."""


def perturbed(
    ranked: Sequence[Pair], space: Space, count: int, tried: Set[Point], rng: np.random.Generator
) -> list[Point]:
    """New points near good ones: a step of any size away, or along the difference of two others.

    The first is :meth:`Space.near`; the second is the mutation of differential evolution (Storn and
    Price 1997), which follows a valley whichever way it runs.

    Args:
        ranked: the pairs so far, the best last; with none, points are drawn from all over.
        space: where the points are from.
        count: how many are wanted.
        tried: points that are not new.
        rng: draws them.

    Returns:
        Different points, ``count`` of them, or fewer where no more new ones turn up.
    """
    found: list[Point] = []
    for _ in range(TRIES * count):
        if len(found) >= count:
            break
        point = _draw(ranked, space, rng)
        if point not in tried and point not in found:
            found.append(point)
    return found


def _draw(ranked: Sequence[Pair], space: Space, rng: np.random.Generator) -> Point:
    if not ranked:
        return space.sample(rng)
    start = ranked[-min(int(rng.geometric(BEST)), len(ranked))][0]
    good = [point for point, _ in ranked[-GOOD:]]
    if len(good) > 2 and isinstance(space, Continuous) and rng.random() < DIFFERENCE:
        here, there = rng.choice(len(good), 2, replace=False)
        part = math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST)))
        step = part * (space.to_unit(good[here]) - space.to_unit(good[there]))
        return space.nearest(space.from_unit(np.clip(space.to_unit(start) + step, 0, 1)))
    return space.near(start, rng)
