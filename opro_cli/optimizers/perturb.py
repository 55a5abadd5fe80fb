"""Points near good ones, drawn in code: what a step is filled up with. No model is asked."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from opro_cli.history import Pair
from opro_cli.problems.base import Point, Space

TRIES = 100
"""Draws for one point, before a space counts as used up."""
BEST = 0.6
"""Chance that the best point is the one to start from; else the next best, and so on."""


def perturbed(
    ranked: Sequence[Pair], space: Space, count: int, tried: Set[Point], rng: np.random.Generator
) -> list[Point]:
    """New points near good ones, each a step of any size away (:meth:`Space.near`).

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
        if ranked:
            rank = min(int(rng.geometric(BEST)), len(ranked))
            point = space.near(ranked[-rank][0], rng)
        else:
            point = space.sample(rng)
        if point not in tried and point not in found:
            found.append(point)
    return found
