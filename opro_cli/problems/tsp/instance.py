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


def distances_of(points: Floats) -> Floats:
    """Euclidean distances, shape (n, n)."""
    difference = points[:, np.newaxis] - points
    distances: Floats = np.sqrt((difference**2).sum(axis=-1))
    return distances
