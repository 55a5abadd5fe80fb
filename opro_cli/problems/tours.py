"""Tours made by rules: the heuristics that the travelling salesman problem starts from.

``distances`` is a symmetric matrix of shape (n, n). Every tour begins at city 0, or at the city
given, and is a list of all n cities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def length(distances: Floats, tour: Sequence[int]) -> float:
    """Length of the round trip, the way home included."""
    stops = np.array(tour)
    return float(distances[stops, np.roll(stops, -1)].sum())


def nearest_neighbour(distances: Floats, start: int = 0) -> list[int]:
    """Go to the nearest city not visited yet; of equally near ones, to that of lowest number."""
    tour, left = [start], [city for city in range(len(distances)) if city != start]
    while left:
        nearest = min(left, key=lambda city: distances[tour[-1], city])
        tour.append(nearest)
        left.remove(nearest)
    return tour


def farthest_insertion(distances: Floats, start: int = 0) -> list[int]:
    """Put in, where it adds least, the city that then adds most (OPRO, section 3.2).

    That is the city k with the largest of the costs minᵢⱼ d(i, k) + d(k, j) − d(i, j), the minimum
    being over the neighbours i, j of the tour so far.
    """
    tour, left = [start], [city for city in range(len(distances)) if city != start]
    while left:
        before, after = np.array(tour), np.roll(tour, -1)
        cities = np.array(left)[:, np.newaxis]
        added = distances[before, cities] + distances[cities, after] - distances[before, after]
        chosen = int(added.min(axis=1).argmax())
        tour.insert(int(added[chosen].argmin()) + 1, left.pop(chosen))
    return tour
