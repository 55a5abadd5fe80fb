"""Cities of one's own: points, a table of distances, or a file, with a shortest tour or without."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from opro_cli.core.errors import PresetError
from opro_cli.presets.resolve import resolve
from opro_cli.problems.spaces.tours import normal
from opro_cli.problems.tsp import exact
from opro_cli.problems.tsp.instance import distances_of
from opro_cli.problems.tsp.problem import TspSettings
from opro_cli.problems.tsp.tsplib import instance_in

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
