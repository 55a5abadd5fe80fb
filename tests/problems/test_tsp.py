"""Only permutations are tours; the shortest one is the shortest."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.core.events import Reply
from opro_cli.core.problem import InvalidSolution
from opro_cli.core.text import point
from opro_cli.presets.resolve import resolve
from opro_cli.problems.spaces.tours import Tours, normal
from opro_cli.problems.tsp import exact
from opro_cli.problems.tsp.heuristics import farthest_insertion, length, nearest_neighbour
from opro_cli.problems.tsp.instance import coordinates, distances_of
from opro_cli.problems.tsp.problem import TspSettings
from opro_cli.problems.tsp.tsplib import instance_in
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


SQUARE = [[0, 0], [0, 6.5], [6.5, 6.5], [6.5, 0], [3, 3]]


def test_cities_of_ones_own_are_the_instance_of_every_repetition():
    settings = TspSettings(coordinates=SQUARE, targets=[{"cities": 99}]).located("")
    assert settings.targets == ({"cities": 5},)
    first, second = (settings.build(settings.targets[0], r) for r in (0, 1))
    assert first.coordinates.tolist() == second.coordinates.tolist() == SQUARE
    assert "1: (0, 6.5), 2: (6.5, 6.5)" in first.text.background
    best = normal(exact.shortest_tour(first.distances))
    assert first.solved(best, first.evaluate(best))
    assert settings.shortest == pytest.approx(first.evaluate(best))
    assert TspSettings.model_validate(settings.model_dump(mode="json")) == settings
    other = TspSettings(coordinates=[*SQUARE[:4], [4, 3]])
    assert settings.summary_of_settings() != other.summary_of_settings()


def test_of_own_cities_the_shortest_tour_need_not_be_known(monkeypatch):
    stated = TspSettings(coordinates=SQUARE, shortest=20).located("")
    assert stated.shortest == 20
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    exact._length_if_soon.cache_clear()
    settings = TspSettings(coordinates=SQUARE).located("")
    settings.check(3)
    problem = settings.build(settings.targets[0], 0)
    assert settings.shortest is None and problem.optimum is None
    assert not problem.solved((0, 1, 2, 3, 4), 1e-9)


def test_a_large_instance_is_not_solved_exactly(monkeypatch):
    monkeypatch.setattr(exact, "SOON", 4)
    exact._length_if_soon.cache_clear()
    assert TspSettings(coordinates=SQUARE).located("").shortest is None


TSPLIB = """NAME : five
TYPE : TSP
DIMENSION : 5
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
 1 0 0
 2 3.0e0 4.5
 3 3 0
 4 9 0.25
 5 9 9
EOF
"""


def test_a_tsplib_file_beside_the_preset_brings_the_cities(tmp_path, opro):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "five.tsp").write_text(TSPLIB)
    (folder / "mine.yaml").write_text("problem: {kind: tsp, cities: five.tsp}\nmax_steps: 3\n")
    problem = resolve(str(folder / "mine.yaml")).base.problem
    assert problem.coordinates == ((0, 0), (3, 4.5), (3, 0), (9, 0.25), (9, 9))
    built = problem.build(problem.targets[0], 0)
    assert built.distances[0].tolist() == [0, 5, 3, 9, 13]  # 5.41 and 12.73, rounded
    done = opro("run-baseline", "-p", folder / "mine.yaml", "-O", "two-opt", "--display", "none")
    assert done.exit_code == 0, done.output
    (folder / "five.tsp").unlink()
    for command in (("report",), ("replay", "runs")):
        assert opro(*command).exit_code == 0


EXPLICIT = """TYPE: TSP
DIMENSION: 4
EDGE_WEIGHT_TYPE: EXPLICIT
EDGE_WEIGHT_FORMAT: {}
EDGE_WEIGHT_SECTION
{}
EOF
"""
TABLE = [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]


@pytest.mark.parametrize(
    ("form", "numbers"),
    [
        ("FULL_MATRIX", "0 1 2 3\n1 0 4 5\n2 4 0 6 3 5 6 0"),
        ("UPPER_ROW", "1 2 3 4 5 6"),
        ("LOWER_COL", "1 2 3\n4 5 6"),
        ("LOWER_ROW", "1\n2 4\n3 5 6"),
        ("UPPER_COL", "1 2 4 3 5 6"),
        ("UPPER_DIAG_ROW", "0 1 2 3 0 4 5 0 6 0"),
        ("LOWER_DIAG_COL", "0 1 2 3 0 4 5 0 6 0"),
        ("LOWER_DIAG_ROW", "0 1 0 2 4 0 3 5 6 0"),
        ("UPPER_DIAG_COL", "0 1 0 2 4 0 3 5 6 0"),
    ],
)
def test_every_form_of_explicit_distances_is_the_same_table(form, numbers):
    assert instance_in(EXPLICIT.format(form, numbers)) == {"distances": TABLE}


def test_explicit_distances_are_told_and_their_shortest_tour_is_found():
    settings = TspSettings(distances=TABLE).located("")
    problem = settings.build(settings.targets[0], 0)
    assert problem.coordinates is None and settings.targets == ({"cities": 4},)
    assert "1: 1; 2: 2 4; 3: 3 5 6" in problem.text.background
    every = [problem.evaluate((0, *rest)) for rest in itertools.permutations((1, 2, 3))]
    assert settings.shortest == min(every)
    shown = {"distances": TABLE, "coordinates": [(1, 1), (1, 2), (2, 2), (2, 1)]}
    text = EXPLICIT.format("UPPER_ROW", "1 2 3 4 5 6").replace("EOF", "DISPLAY_DATA_SECTION\n")
    assert instance_in(text + "1 1 1\n2 1 2\n3 2 2\n4 2 1\nEOF\n") == shown
    both = TspSettings(**shown)
    assert both.build(both.targets[0], 0).distances.tolist() == TABLE


def test_distances_are_those_that_tsplib_defines():
    near = np.array([[0.0, 0.0], [3.0, 4.4], [1.0, 0.0]])  # 5.325 and 4.833 apart
    assert distances_of(near, "EUC_2D")[1].tolist() == [5, 0, 5]
    assert distances_of(near, "CEIL_2D")[1].tolist() == [6, 0, 5]
    # 5.325 and 4.833 by the root of ten are 1.68 and 1.53, the city beside 0.316: upwards.
    assert distances_of(near, "ATT").tolist() == [[0, 2, 1], [2, 0, 2], [1, 2, 0]]
    # The first cities of burma14, and their published distances in kilometres.
    burma = np.array([[16.47, 96.10], [16.47, 94.44], [20.09, 92.54], [22.39, 93.37]])
    assert distances_of(burma, "GEO")[0].tolist() == [0, 153, 510, 706]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "0,0\n0,6.5\n6.5,6.5\n6.5,0\n3,3\n"),
        ("a.csv", "name,y,x\nA,0,0\nB,6.5,0\nC,6.5,6.5\n\nD,0,6.5\nE,3,3\n"),
        ("a.csv", "A,0,0\nB,0,6.5\nC,6.5,6.5\nD,6.5,0\nE,3,3\n"),
        ("a.tsv", "lat\tlon\n0\t0\n6.5\t0\n6.5\t6.5\n0\t6.5\n3\t3\n"),
        ("a.json", "[[0, 0], [0, 6.5], [6.5, 6.5], [6.5, 0], [3, 3]]"),
        ("a.json", '[{"x": 0, "Y": 0}, [0, 6.5], [6.5, 6.5], [6.5, 0], [3, 3]]'),
    ],
)
def test_cities_are_read_from_a_table_or_a_list(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    settings = TspSettings(cities=name, coordinates=[[9, 9]] * 3 + [[8, 8]]).located(str(tmp_path))
    assert [list(city) for city in settings.coordinates] == SQUARE
    assert settings.cities is None and settings.targets == ({"cities": 5},)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "name,left,top\nA,0,0\n", "its columns are name, left, top"),
        ("a.csv", "0,0\n0\n", "line 2 has no x and y"),
        ("a.csv", "0,0\n0,far\n", "line 2: x and y should be numbers"),
        ("a.json", "{}", "a list of cities is wanted"),
        ("a.json", "[[0, 0], [0, true]]", "city 1: x and y should be numbers"),
        ("a.json", "[[0, 0], [0]]", "city 1 has no x and y"),
        ("a.json", "[" * 100_000, "cannot be read"),
        ("a.json", "[[0, 0], [1, 1]]", "2 cities, and 4 to 100 are wanted"),
    ],
)
def test_a_table_that_makes_no_sense_is_a_sentence(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(PresetError) as caught:
        TspSettings(cities=name).located(str(tmp_path))
    assert said in caught.value.message and caught.value.hint


def test_older_runs_have_other_names_for_the_same(tmp_path):
    old = {"kind": "tsp", "coordinates": SQUARE, "tsplib": "gone.tsp", "rounded": True}
    settings = TspSettings.model_validate(old).located(str(tmp_path))
    assert settings.distance == "EUC_2D" and settings.cities is None
    assert [list(city) for city in settings.coordinates] == SQUARE


def test_the_option_brings_cities_into_the_preset_for_them(tmp_path, opro, monkeypatch):
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    exact._length_if_soon.cache_clear()
    (tmp_path / "five.tsp").write_text(TSPLIB)
    words = ("-O", "two-opt", "--reps", "1", "--display", "none")
    done = opro("run-baseline", "-p", "tour", "--cities", "five.tsp", *words)
    assert done.exit_code == 0, done.output
    assert "finished" in done.stdout and "did not" not in done.output
    assert "5 cities" in opro("check", "tour", "--cities", "five.tsp", "--model", "local").stdout
    refused = opro("run-baseline", "-p", "exp1", "--cities", "five.tsp", *words)
    assert refused.exit_code == 2 and "--preset tour" in refused.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TSPLIB.replace("EUC_2D", "XRAY1"), "its distances are XRAY1, and known here are EUC_2D,"),
        (TSPLIB.replace("NODE_COORD", "EDGE_WEIGHT"), "it has no NODE_COORD_SECTION"),
        (TSPLIB.replace(": TSP", ": ATSP"), "of the type ATSP, and symmetric ones"),
        (TSPLIB.replace("EUC_2D", "EXPLICIT"), "it has no EDGE_WEIGHT_SECTION"),
        (TSPLIB.replace("9 9", "9 x"), "'5 9 x' is no line of numbers"),
        (EXPLICIT.format("LOWER_ROW", "1 2 3"), "it has 3 distances, and LOWER_ROW takes 6"),
        (EXPLICIT.format("FUNCTION", "1 2 3"), "EDGE_WEIGHT_FORMAT is FUNCTION"),
        (EXPLICIT.replace("4", "9" * 9).format("LOWER_ROW", "1"), "its DIMENSION is '999999999'"),
        (EXPLICIT.format("FULL_MATRIX", "0 1 2 3 9 0 4 5 2 4 0 6 3 5 6 0"), "as long"),
        (TSPLIB.replace("3 3 0", "3 3"), "'3 3' is no number of a city with two coordinates"),
        (TSPLIB.replace("9 9", "9 nan"), "has a number that is not finite"),
        (TSPLIB.replace("9 9", "9 9e12"), "less than or equal to"),
        (TSPLIB[:110], "3 cities, and 4 to 100 are wanted"),
        (None, "there is no file five.tsp in"),
    ],
)
def test_another_file_is_a_sentence(text, said, tmp_path):
    if text is not None:
        (tmp_path / "five.tsp").write_text(text)
    with pytest.raises(PresetError) as caught:
        TspSettings(cities="five.tsp").located(str(tmp_path))
    assert said in caught.value.message
    assert "coordinates" in caught.value.hint


@pytest.mark.parametrize(
    ("cities", "said"),
    [
        ([[0, 0]] * 5, "all cities are in one place"),
        ([[0, 0], [1, 1], [2, 0]], "3 cities, and 4 to 100 are wanted"),
        ([[0, 0], [1, 1], [2, 0], [3]], "coordinates.3"),
        ([[0, 0], [1, 1], [2, 0], [3, "x"]], "no decimal number"),
        ([[0, 0], [1, 1], [2, 0], [3, 1e12]], "less than or equal"),
    ],
)
def test_cities_that_make_no_sense_are_refused(cities, said):
    with pytest.raises(ValidationError, match=said):
        TspSettings(coordinates=cities)


@pytest.mark.parametrize("target", [{"cities": 3}, {"cities": 101}, {"cities": 5.5}, {"w": 1}, {}])
def test_other_targets_are_refused(target):
    with pytest.raises(ValidationError, match="cities"):
        TspSettings(targets=[target])
