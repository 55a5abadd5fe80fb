"""Textbook heuristics that build and shorten tours from distances, as pure functions.

Distances are an array (n, n), symmetric, zero on its diagonal. A tour is a list of the n cities,
beginning with its first city; the return to it is not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from opro_cli.problems.tsp.instance import Floats


@runtime_checkable
class TourProblem(Protocol):
    """A problem whose points are tours, with the distances that heuristics need."""

    @property
    def distances(self) -> Floats:
        """Distances between cities, shape (n, n)."""


def nearest_neighbour(distances: Floats, start: int = 0) -> list[int]:
    """Go from ``start`` to the nearest city not yet visited, and so on; of equals, the first."""
    tour = [start]
    left = np.ones(len(distances), dtype=bool)
    left[start] = False
    while left.any():
        following = int(np.argmin(np.where(left, distances[tour[-1]], np.inf)))
        tour.append(following)
        left[following] = False
    return tour


def farthest_insertion(distances: Floats, start: int = 0) -> list[int]:
    """Insert the city whose cheapest insertion adds most, there (OPRO, section 3.2).

    That is the city k with the largest of the costs minᵢⱼ d(i, k) + d(k, j) − d(i, j), where the
    minimum is over the neighbours i, j in the tour so far.
    """
    tour, left = [start], [city for city in range(len(distances)) if city != start]
    while left:
        before, after = np.array(tour), np.roll(tour, -1)
        cities = np.array(left)[:, np.newaxis]
        added = distances[before, cities] + distances[cities, after] - distances[before, after]
        chosen = int(added.min(axis=1).argmax())
        tour.insert(int(added[chosen].argmin()) + 1, left.pop(chosen))
    return tour


def length(distances: Floats, tour: Sequence[int]) -> float:
    """Length of the round trip, the return to the first city included."""
    stops = np.array(tour)
    return float(distances[stops, np.roll(stops, -1)].sum())


def shortening(distances: Floats, tour: list[int]) -> list[int] | None:
    """The tour after the 2-opt move that shortens it most, or None where no move does.

    A move removes two roads and reverses the part between them (G. Croes, Operations Research 6,
    1958).
    """
    here = np.array(tour)
    following = np.roll(here, -1)
    roads = distances[here, following]
    change = (
        distances[np.ix_(here, here)]
        + distances[np.ix_(following, following)]
        - roads[:, np.newaxis]
        - roads[np.newaxis, :]
    )
    change = np.triu(change, 1)  # a road cannot be exchanged for itself
    i, j = np.unravel_index(int(np.argmin(change)), change.shape)
    if change[i, j] >= -1e-9 * float(roads.sum()):  # not by rounding alone
        return None
    return [*tour[: i + 1], *tour[i + 1 : j + 1][::-1], *tour[j + 1 :]]
