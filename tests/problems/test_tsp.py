"""Only permutations are tours; the shortest one is the shortest."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Reply
from opro_cli.core.problem import InvalidSolution
from opro_cli.core.text import point
from opro_cli.presets.resolve import resolve
from opro_cli.problems.spaces.tours import Tours, normal
from opro_cli.problems.tsp import exact
from opro_cli.problems.tsp.heuristics import farthest_insertion, length, nearest_neighbour
from opro_cli.problems.tsp.instance import coordinates, distances_of
from opro_cli.problems.tsp.problem import TspSettings
from tests.doubles import collect_replies

TARGET = {"cities": 8}
FIVE = Tours(5)


def made(**more):
    return TspSettings(targets=[TARGET], **more).build(TARGET, 0)


@given(st.permutations(range(7)), st.integers(0, 6))
def test_the_same_round_trip_is_the_same_point(tour, turn):
    turned = [*tour[turn:], *tour[:turn]]
    assert normal(turned) == normal(tour) == normal(turned[::-1])
    assert normal(tour)[0] == 0


@given(st.permutations(range(8)))
def test_normalising_changes_no_length(tour):
    distances = made().distances
    assert length(distances, normal(tour)) == pytest.approx(length(distances, tour))


@pytest.mark.parametrize(
    ("values", "status", "why"),
    [
        ([0, 1, 2, 3, 3], "out_of_range", "city 3 is visited twice"),
        ([0, 1, 2, 3], "out_of_range", "city 4 is not visited"),
        ([0, 1, 2, 3, 5], "out_of_range", "there is no city 5"),
        ([0, 1, 2, 3, -1], "out_of_range", "there is no city -1"),
        ([0, 1, 2, 3, 4, 2], "out_of_range", "city 2 is visited twice"),
        ([0, 1, 2, 3, 3.5], "unparsable", "a city number with decimals"),
        ([0, 1, 2, 3, True], "unparsable", "not a number"),
        ([0, 1, 2, 3, "x"], "unparsable", "not a number"),
        ([0, 1, 2, 3, float("nan")], "non_finite", "not finite"),
        ([], "out_of_range", "city 0 is not visited"),
        ({"tour": [0]}, "unparsable", "not an array"),
    ],
)
def test_values_that_are_no_permutation_are_refused_with_a_reason(values, status, why):
    with pytest.raises(InvalidSolution, match=why) as caught:
        FIVE.from_values(values)
    assert caught.value.status == status


def test_a_long_tour_is_cut_on_a_screen():
    assert point(tuple(range(20))).endswith("18, 19)")
    assert point(tuple(range(50))).endswith("18, 19, … 50 in all)")


def test_the_return_to_the_first_city_may_be_written():
    assert FIVE.from_values([2, 1, 0, 4, 3, 2]) == (0, 1, 2, 3, 4)


def test_replies_that_are_no_tours_are_counted_and_never_evaluated():
    texts = ["[0, 1, 2, 3, 4]", "[4, 3, 2, 1, 0]", "[0, 1, 1, 3, 4]", "no idea"]
    found = collect_replies([Reply(t, "stop", "m") for t in texts], "instruct", FIVE)
    assert [p.point for p in found.proposals] == [(0, 1, 2, 3, 4)]
    statuses = [solution.status for solution in found.solutions]
    assert statuses == ["used", "duplicate", "out_of_range", "unparsable"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shortest_tour_is_that_of_trying_them_all(seed):
    distances = distances_of(coordinates(7, seed))
    every = min(length(distances, (0, *rest)) for rest in itertools.permutations(range(1, 7)))
    found = exact.shortest_tour(distances)
    assert sorted(found) == list(range(7))
    assert length(distances, found) == pytest.approx(every)


def test_separate_round_trips_are_joined():
    """Two far groups of cities: the relaxation without cuts would leave them separate."""
    points = np.array([[0, 0], [1, 0], [0, 1], [100, 0], [101, 0], [100, 1]], dtype=float)
    assert length(distances_of(points), exact.shortest_tour(distances_of(points))) > 198


def test_heuristics_make_tours_that_are_no_shorter_than_the_shortest():
    problem = made()
    for rule in (nearest_neighbour, farthest_insertion):
        for start in range(8):
            tour = rule(problem.distances, start)
            assert sorted(tour) == list(range(8))
            assert problem.evaluate(normal(tour)) >= problem.optimum * (1 - 1e-9)


def test_nearest_neighbour_goes_to_the_nearest():
    points = np.array([[0, 0], [10, 0], [1, 0], [3, 0]], dtype=float)
    assert nearest_neighbour(distances_of(points)) == [0, 2, 3, 1]


def test_farthest_insertion_takes_the_city_that_adds_most_where_it_adds_least():
    points = np.array([[0, 0], [10, 0], [5, 1], [5, 30]], dtype=float)
    # 3 first, then 1, then 2 between 0 and 1.
    assert normal(farthest_insertion(distances_of(points))) == (0, 2, 1, 3)


@pytest.mark.parametrize("starts", ["random", "nearest-neighbour", "farthest-insertion"])
def test_starts_are_different_tours(starts):
    problem = made(starts=starts)
    found = problem.starts(np.random.default_rng(0))
    assert 1 <= len(found) <= 5
    assert len(set(found)) == len(found)
    if starts != "random":
        assert found == problem.starts(np.random.default_rng(1))


def test_solved_is_a_tour_as_short_as_the_shortest():
    problem = made()
    best = normal(exact.shortest_tour(problem.distances))
    assert problem.solved(best, problem.evaluate(best))
    assert not problem.solved(best, problem.optimum * 1.001)


def test_cities_are_drawn_from_the_seed_of_the_repetition():
    settings = TspSettings(targets=[TARGET])
    first, second = (settings.build(TARGET, r).coordinates for r in (0, 1))
    assert first.shape == (8, 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, coordinates(8, 2))
    assert np.array_equal(first, np.trunc(first))
    assert np.abs(first).max() <= 100


@pytest.mark.parametrize("name", ["tsp10", "tsp15", "tsp20", "tsp50"])
def test_the_presets_state_the_optima_of_their_instances(name):
    base = resolve(name).base
    for repetition in range(base.general.reps if name != "tsp50" else 1):
        problem = base.problem.build(base.problem.targets[0], repetition)
        stated = {(o.cities, o.seed): o.length for o in base.problem.optima}
        key = (problem.space.cities, repetition + 1)
        assert problem.optimum == stated[key]
        assert exact.shortest_length(*key) == pytest.approx(stated[key], abs=1e-6)


def test_a_missing_solver_is_an_error_before_anything_starts(monkeypatch):
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        TspSettings(targets=[TARGET]).check(1)
    assert "opro-cli[tsp]" in caught.value.hint
    stated = {"cities": 8, "seed": 1, "length": 1.0}
    TspSettings(targets=[TARGET], optima=[stated]).check(1)


def test_every_repetition_without_a_stated_optimum_is_refused(monkeypatch):
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    optima = [{"cities": 8, "seed": seed, "length": 1.0} for seed in (1, 2)]
    settings = TspSettings(targets=[TARGET], optima=optima)
    settings.check(2)
    with pytest.raises(UsageError, match="of 8 cities with seed 3 is not in problem.optima"):
        settings.check(3)


def test_an_optimum_that_cannot_be_had_is_none_to_a_reader_and_an_error_to_a_run(monkeypatch):
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    exact.shortest_length.cache_clear()
    problem = made()
    assert problem.optimum is None
    with pytest.raises(UsageError, match="needs scipy"):
        problem.solved(problem.starts(np.random.default_rng(0))[0], 100.0)


@pytest.mark.parametrize("target", [{"cities": 3}, {"cities": 101}, {"cities": 5.5}, {"w": 1}, {}])
def test_other_targets_are_refused(target):
    with pytest.raises(ValidationError, match="cities"):
        TspSettings(targets=[target])
