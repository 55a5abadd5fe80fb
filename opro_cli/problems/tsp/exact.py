"""The shortest tour, exactly, by integer programming (HiGHS, through scipy).

Dantzig, Fulkerson and Johnson's formulation: a variable for each pair of cities, two roads at each
city, and for each set of cities that a solution cuts off, a constraint that roads leave the set.
Constraints are added when a solution breaks them, so that few are needed.
``benchmarks/optima.py`` prints the lengths for a preset.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from opro_cli.core.errors import UsageError
from opro_cli.problems.tsp.heuristics import length
from opro_cli.problems.tsp.instance import Floats, coordinates, distances_of

SOON, SECONDS = 50, 30.0
"""The cities of an instance of one's own whose shortest tour is computed, and the time for it."""


def installed() -> bool:
    """Whether the solver is."""
    return find_spec("scipy") is not None


def missing(what: str = "") -> UsageError:
    """The error where the solver is not installed.

    Args:
        what: the instance, as in " of 10 cities with seed 6".
    """
    return UsageError(
        f"The length of the shortest tour{what} is not in problem.optima, and computing it needs "
        "scipy.",
        "pip install 'opro-cli[tsp]'",
    )


def shortest_tour(distances: Floats, seconds: float = math.inf) -> list[int]:
    """The shortest tour through all cities, beginning at city 0.

    Args:
        distances: symmetric, shape (n, n), with n at least 3.
        seconds: how long the solver may take.

    Raises:
        UsageError: scipy is not installed.
        RuntimeError: the solver found none, or not in time.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array
    except ImportError:
        raise missing() from None

    deadline = time.monotonic() + seconds
    n = len(distances)
    roads = np.array(list(itertools.combinations(range(n), 2)))
    cost = distances[roads[:, 0], roads[:, 1]]
    numbers = np.arange(len(roads))
    ones = np.ones(2 * len(roads))
    ends = csr_array((ones, (roads.T.ravel(), np.tile(numbers, 2))), shape=(n, len(roads)))
    constraints = [LinearConstraint(ends, 2, 2)]
    while True:
        found = milp(
            cost,
            integrality=np.ones(len(roads)),
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"mip_rel_gap": 0, "time_limit": max(deadline - time.monotonic(), 0.0)},
        )
        if found.x is None or not found.success:
            raise RuntimeError(f"no shortest tour: {found.message}")
        rounds = _rounds(n, roads[found.x > 0.5])
        if len(rounds) == 1:
            return rounds[0]
        inside = np.zeros((len(rounds), n), dtype=bool)
        for row, cities in zip(inside, rounds, strict=True):
            row[cities] = True
        leaving = inside[:, roads[:, 0]] != inside[:, roads[:, 1]]
        constraints.append(LinearConstraint(csr_array(leaving.astype(float)), 2, np.inf))


def _rounds(n: int, roads: NDArray[np.intp]) -> list[list[int]]:
    """The round trips that the roads form; each city has two roads."""
    beside: list[list[int]] = [[] for _ in range(n)]
    for a, b in roads.tolist():
        beside[a].append(b)
        beside[b].append(a)
    left, rounds = set(range(n)), []
    while left:
        tour = [min(left)]
        left.remove(tour[0])
        while ahead := [city for city in beside[tour[-1]] if city in left]:
            tour.append(ahead[0])
            left.remove(ahead[0])
        rounds.append(tour)
    return rounds


@functools.cache
def shortest_length(cities: int, seed: int) -> float:
    """Length of the shortest tour of an instance, computed once. Raises as shortest_tour."""
    distances = distances_of(coordinates(cities, seed))
    return length(distances, shortest_tour(distances))


def length_if_soon(distances: Floats) -> float | None:
    """Length of the shortest tour of one's own cities; None where it is not had, or not soon."""
    if len(distances) > SOON or not installed():
        return None
    return _length_if_soon(distances.tobytes(), len(distances))


@functools.cache
def _length_if_soon(distances: bytes, cities: int) -> float | None:
    given = np.frombuffer(distances, dtype=np.float64).reshape(cities, cities)
    try:
        found = length(given, shortest_tour(given, SECONDS))
    except (UsageError, RuntimeError):
        return None
    return float(f"{found:.9g}")  # equally short tours differ in their last digits
