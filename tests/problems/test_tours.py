"""Tours from distances: known tours on known cities."""

from __future__ import annotations

import numpy as np
import pytest

from opro_cli.problems.tsp.heuristics import farthest_insertion, nearest_neighbour, shortening

LINE = np.abs(np.subtract.outer([0.0, 1.0, 3.0, 6.0], [0.0, 1.0, 3.0, 6.0]))
"""Four cities on a line."""


def cities(n: int, seed: int):
    places = np.random.default_rng(seed).uniform(0, 1, (n, 2))
    return np.linalg.norm(places[:, np.newaxis] - places, axis=2)


def length(distances, tour) -> float:
    return float(sum(distances[a, b] for a, b in zip(tour, [*tour[1:], tour[0]], strict=True)))


def test_nearest_neighbour_takes_the_nearest_each_time():
    assert nearest_neighbour(LINE) == [0, 1, 2, 3]
    assert nearest_neighbour(LINE, 1) == [1, 0, 2, 3]
    assert nearest_neighbour(LINE, 3) == [3, 2, 1, 0]


def test_farthest_insertion_begins_with_the_ends():
    assert farthest_insertion(LINE)[0] == 0
    assert length(LINE, farthest_insertion(LINE)) == 12


@pytest.mark.parametrize("n", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("build", [nearest_neighbour, farthest_insertion])
def test_every_city_is_visited_once(build, n):
    for start in {0, n - 1}:
        tour = build(cities(n, n), start)
        assert sorted(tour) == list(range(n))
        assert tour[0] == start


def test_farthest_insertion_is_shorter_on_average_as_in_the_paper():
    pairs = [
        (length(d, nearest_neighbour(d)), length(d, farthest_insertion(d)))
        for d in (cities(30, seed) for seed in range(20))
    ]
    assert np.mean([near for near, _ in pairs]) > 1.05 * np.mean([far for _, far in pairs])


def test_exchanges_shorten_a_tour_until_none_can():
    d = cities(25, 3)
    tour = list(range(25))
    lengths = [length(d, tour)]
    while (shorter := shortening(d, tour)) is not None:
        assert sorted(shorter) == list(range(25))
        tour = shorter
        lengths.append(length(d, tour))
    assert lengths == sorted(lengths, reverse=True)
    assert len(lengths) > 5
    for i in range(25):  # no exchange of two roads is left that shortens it
        for j in range(i + 1, 25):
            other = [*tour[: i + 1], *tour[i + 1 : j + 1][::-1], *tour[j + 1 :]]
            assert length(d, other) >= lengths[-1] - 1e-9


def test_crossing_roads_are_uncrossed():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    d = np.linalg.norm(square[:, np.newaxis] - square, axis=2)
    assert length(d, shortening(d, [0, 2, 1, 3])) == 4
    assert shortening(d, [0, 1, 2, 3]) is None
