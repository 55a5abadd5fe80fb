"""The cities of an instance and the distances between them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

Distance: TypeAlias = Literal["plane", "EUC_2D", "CEIL_2D", "ATT", "GEO"]
"""How distances follow from coordinates: on a plane, or as TSPLIB names it."""

REACH = 100.0
"""The largest coordinate of a city; the smallest is its negative."""

PI, EARTH = 3.141592, 6378.388
"""As TSPLIB has them: π, and the radius of the earth in kilometres."""


def coordinates(cities: int, seed: int) -> Floats:
    """Whole coordinates of an instance, shape (n, 2)."""
    rng = np.random.RandomState(seed)
    return np.trunc(rng.uniform(-REACH, REACH, (2, cities))).T + 0.0  # no negative zero


def distances_of(points: Floats, kind: Distance = "plane") -> Floats:
    """Distances between all cities, shape (n, n), zero on the diagonal.

    Args:
        points: coordinates, shape (n, 2).
        kind: ``plane`` is Euclidean; the others are whole numbers, as TSPLIB defines them (G.
            Reinelt, TSPLIB 95, section 2).
    """
    difference = points[:, np.newaxis] - points
    squares = (difference**2).sum(axis=-1)
    distances: Floats
    match kind:
        case "EUC_2D":
            distances = np.floor(np.sqrt(squares) + 0.5)
        case "CEIL_2D":
            distances = np.ceil(np.sqrt(squares))
        case "ATT":  # rounded, and one more where that has made it less
            exact = np.sqrt(squares / 10)
            near = np.floor(exact + 0.5)
            distances = near + (near < exact)
        case "GEO":
            distances = _geographical(points)
        case _:
            distances = np.sqrt(squares)
    np.fill_diagonal(distances, 0.0)
    return distances


def _geographical(points: Floats) -> Floats:
    """Kilometres on a sphere between latitudes and longitudes, both written DDD.MM."""
    degrees = np.trunc(points)
    latitude, longitude = (PI * (degrees + 5 * (points - degrees) / 3) / 180).T
    q1 = np.cos(longitude[:, np.newaxis] - longitude)
    q2 = np.cos(latitude[:, np.newaxis] - latitude)
    q3 = np.cos(latitude[:, np.newaxis] + latitude)
    cosine = np.clip(0.5 * ((1 + q1) * q2 - (1 - q1) * q3), -1.0, 1.0)
    distances: Floats = np.trunc(EARTH * np.arccos(cosine) + 1.0)
    return distances
