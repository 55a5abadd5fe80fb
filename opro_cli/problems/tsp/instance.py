"""The cities of an instance and the distances between them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

REACH = 100.0
"""The largest coordinate of a city; the smallest is its negative."""


def coordinates(cities: int, seed: int) -> Floats:
    """Whole coordinates of an instance, shape (n, 2)."""
    rng = np.random.RandomState(seed)
    return np.trunc(rng.uniform(-REACH, REACH, (2, cities))).T + 0.0  # no negative zero


def distances_of(points: Floats, rounded: bool = False) -> Floats:
    """Euclidean distances, shape (n, n); rounded to whole numbers as TSPLIB's EUC_2D."""
    difference = points[:, np.newaxis] - points
    distances: Floats = np.sqrt((difference**2).sum(axis=-1))
    return np.floor(distances + 0.5) if rounded else distances
