"""Landscapes: the points of a log at their places, and a ground that no user's function makes."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from opro_cli.core.events import Evaluation, Started, Stepped, Stopped
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.report.figures.drawing.field import Field, chained, field_of, marching_squares, png
from opro_cli.report.figures.landscape import has_landscape, landscape
from opro_cli.report.figures.paths import read_path
from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.figures.comparing import OPRO, events

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def path_of(runs: RunStore, spec, *given):
    add(runs, spec, *given, model="gemma")
    return read_path(runs.all()[0][-1])


def test_every_point_of_the_log_is_in_the_numbers_and_drawn(runs):
    path = path_of(runs, OPRO, *events([900.0, 500.0, 700.0]))
    figure = landscape([path])
    assert [(row[1], row[2:4], row[5]) for row in figure.data.rows] == [
        *((0, (i, 0), "start") for i in range(5)),
        *((i, (i, i), "model") for i in (1, 2, 3)),
    ]
    assert [row[1] for row in figure.table.rows] == [0, 1, 2]  # those that were the best
    root = ElementTree.fromstring(figure.file())
    drawn = [e for e in root.iter() if e.get("data-step") and not e.tag.endswith("line")]
    assert [e.get("data-step") for e in drawn] == ["0"] * 5 + ["1", "2", "3"]
    squares, circles = drawn[:5], drawn[5:]
    assert all(e.tag == f"{SVG}rect" for e in squares)
    assert all(e.tag == f"{SVG}circle" for e in circles)
    steps = [float(b.get("cx")) - float(a.get("cx")) for a, b in pairwise(circles)]
    assert steps[0] == pytest.approx(steps[1], abs=0.02)
    assert steps[0] > 0


def test_points_far_outside_are_counted(runs):
    far = Evaluation((-100, -100), 1e9, "random")
    path = path_of(runs, replace(OPRO, repetition=1), *events([900.0], None), Stepped(2, (far,)))
    figure = landscape([path])
    assert "1 point outside of the box." in figure.notes
    assert figure.data.rows[-1][2:4] == (-100, -100)


def test_a_function_of_the_users_is_not_called_and_has_no_ground(runs, monkeypatch):
    numbers = {name: {"low": 0, "high": 9, "digits": 2} for name in ("x", "y")}
    settings = CustomSettings(objective="evil.py:explode", parameters=numbers)
    spec = replace(OPRO, problem=settings)
    monkeypatch.setattr("opro_cli.core.problem.Problem.evaluate", lambda *_: 1 / 0)
    starts = Started(tuple(Evaluation((float(i), 2.0), 3.0 + i, "start") for i in range(3)))
    path = path_of(runs, spec, starts, Stopped(0, "max_steps"))
    assert has_landscape(path)
    figure = landscape([path])
    assert "<image" not in figure.file()
    assert "contours" not in figure.description
    assert len(figure.data.rows) == 3


def test_tours_and_texts_have_no_landscape(runs):
    from opro_cli.problems.tsp.problem import TspSettings

    spec = replace(OPRO, problem=TspSettings(targets=[{"cities": 4}]))
    path = path_of(runs, spec, Started((Evaluation((0, 1, 2, 3), 9.0, "start"),)))
    assert not has_landscape(path)


def test_panels_have_one_scale_and_one_ground(runs):
    paths = [
        path_of(runs, replace(OPRO, repetition=i), *events([900.0, 10.0 * i])) for i in range(3)
    ]
    root = ElementTree.fromstring(landscape(paths).file())
    assert len(list(root.iter(f"{SVG}image"))) == 1
    assert len(list(root.iter(f"{SVG}use"))) == 3
    places = [
        [(e.get("x"), e.get("y")) for e in root.iter(f"{SVG}rect") if e.get("data-step") == "0"][
            i::5
        ]
        for i in range(5)
    ]
    assert all(len(set(same)) == 1 for same in places)


def test_the_values_of_the_ground_are_those_of_the_problem():
    problem = OPRO.build_problem()
    field = field_of(problem, (0.0, 30.0, 0.0, 30.0))
    x, y = np.linspace(0, 30, len(field.values))[[10, 40]]
    assert field.values[40, 10] == problem.evaluate((x, y)) - problem.optimum


def test_contours_lie_where_the_value_is():
    xs = np.linspace(-4, 4, 72)
    field = Field(xs[np.newaxis, :] ** 2 + xs[:, np.newaxis] ** 2, (-4.0, 4.0, -4.0, 4.0))
    assert 1.0 in field.levels
    (circle,) = field.contours(1.0)
    assert circle[0] == circle[-1]
    assert np.hypot(*np.array(circle).T) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("corners", range(16))
def test_a_cell_is_cut_between_corners_on_different_sides(corners):
    grid = np.array([[corners & 1, corners & 2], [corners & 8, corners & 4]], dtype=float) > 0
    pieces = list(marching_squares(grid.astype(float), 0.5))
    wanted = {0: 0, 15: 0, 5: 2, 10: 2}.get(corners, 1)
    assert len(pieces) == wanted
    assert len(chained(pieces)) == wanted


def test_the_ground_is_a_png_of_its_greys():
    greys = np.arange(6, dtype=np.uint8).reshape(2, 3)
    data = png(greys)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    assert zlib.decompress(body) == b"\0\x00\x01\x02\0\x03\x04\x05"
    field = Field(np.arange(1.0, 5.0).reshape(2, 2), (0, 1, 0, 1))
    assert base64.b64decode(field.png().partition(",")[2]).startswith(b"\x89PNG")
