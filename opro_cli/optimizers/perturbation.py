"""Points near good ones, drawn by code without a model: the local search that fills up a step."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set

import numpy as np

from opro_cli.core.events import Point
from opro_cli.core.problem import Continuous, Drawable
from opro_cli.optimizers.history import Pair

TRIES = 100
"""Draws for one point, before a space counts as used up."""

BEST = 0.6
"""Chance that the best point is the one to start from; else the next best, and so on."""

DIFFERENCE = 0.5
"""Chance of a step along the difference of two good points, where points have differences."""

GOOD = 10
"""The best points whose differences are taken."""

SHORTEST, LONGEST = 0.1, 1.0
"""Parts of a difference that a step can have, uniformly on a logarithmic scale."""


def perturb_points(
    ranked: Sequence[Pair], space: Drawable, count: int, tried: Set[Point], rng: np.random.Generator
) -> list[Point]:
    """New points near good ones: a step of any size away, or along the difference of two others.

    The first is :meth:`Drawable.neighbor`; the second is the mutation of differential evolution
    (Storn and Price 1997), which follows a valley in any direction.

    Args:
        ranked: the pairs so far, the best last; without any, points are drawn from all the space.
        space: the space of the points.
        count: points to draw.
        tried: points that are not new.
        rng: draws them.

    Returns:
        Different points, ``count`` of them, or fewer where no more new ones are found.
    """
    found: dict[Point, None] = {}
    for _ in range(TRIES * count):
        if len(found) >= count:
            break
        point = _draw(ranked, space, rng)
        if point not in tried:
            found.setdefault(point)
    return list(found)


def _draw(ranked: Sequence[Pair], space: Drawable, rng: np.random.Generator) -> Point:
    if not ranked:
        return space.sample(rng)
    start = ranked[-min(int(rng.geometric(BEST)), len(ranked))][0]
    good = [point for point, _ in ranked[-GOOD:]]
    if len(good) > 2 and isinstance(space, Continuous) and rng.random() < DIFFERENCE:
        here, there = rng.choice(len(good), 2, replace=False)
        part = math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST)))
        step = part * (space.to_unit(good[here]) - space.to_unit(good[there]))
        return space.nearest(space.from_unit(np.clip(space.to_unit(start) + step, 0, 1)))
    return space.neighbor(start, rng)
