"""Tours through cities from their distances, as the textbooks build them. Pure.

Distances are an array (n, n), symmetric, zero on its diagonal. A tour is a list of the n cities,
beginning with the city it starts from; the way back is not written.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@runtime_checkable
class TourProblem(Protocol):
    """What tour heuristics ask of a problem, beyond :class:`~opro_cli.problems.Problem`."""

    @property
    def distances(self) -> Floats:
        """Distances between cities, shape (n, n)."""


def nearest_neighbour(distances: Floats, start: int = 0) -> list[int]:
    """From ``start`` to the nearest city not yet visited, and so on; of equals, the first."""
    tour = [start]
    left = np.ones(len(distances), dtype=bool)
    left[start] = False
    while left.any():
        following = int(np.argmin(np.where(left, distances[tour[-1]], np.inf)))
        tour.append(following)
        left[following] = False
    return tour


def farthest_insertion(distances: Floats, start: int = 0) -> list[int]:
    """The city farthest from the tour, put where it lengthens it least, until all are in it.

    D. Rosenkrantz, R. Stearns and P. Lewis, SIAM Journal on Computing 6, 1977.
    """
    tour = [start]
    apart = distances[start].copy()  # of each city to its nearest one in the tour
    apart[start] = -1.0
    while len(tour) < len(distances):
        city = int(np.argmax(apart))
        ends = tour[1:] + tour[:1]
        longer = distances[tour, city] + distances[city, ends] - distances[tour, ends]
        tour.insert(int(np.argmin(longer)) + 1, city)
        apart = np.where(apart < 0, -1.0, np.minimum(apart, distances[city]))
        apart[city] = -1.0
    return tour


def shortening(distances: Floats, tour: list[int]) -> list[int] | None:
    """The tour after the 2-opt move that shortens it most, or None where none does.

    A move takes out two roads and turns round the part between them (G. Croes, Operations
    Research 6, 1958).
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
