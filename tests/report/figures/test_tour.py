"""Tours: the drawn ones are those of the log, with their length and the gap to the optimum."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from opro_cli.core.events import Evaluation, Failed, Started, Stepped, Stopped
from opro_cli.problems.tsp.problem import TspSettings
from opro_cli.report.figures.paths import read_path
from opro_cli.report.figures.tour import has_tours, tour
from opro_cli.runs.store import RunStore
from tests.recording import SPEC, STARTS, add

CITIES = ((0, 0), (0, 30), (40, 30), (40, 0))
TSP = replace(SPEC, problem=TspSettings(coordinates=CITIES, shortest=140))
CROSSED, ROUND = (0, 2, 1, 3), (0, 1, 2, 3)


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def path_of(runs: RunStore, *last, spec=TSP):
    starts = Started(
        (Evaluation(CROSSED, 180.0, "start"), Evaluation((0, 1, 3, 2), 160.0, "start"))
    )
    step = Stepped(1, (Evaluation((0, 2, 1, 3), 180.0), Evaluation(ROUND, 140.0)), (), 2)
    add(runs, spec, starts, step, *last, model="gemma")
    return read_path(runs.all()[0][-1])


def drawn(figure, which: str) -> list[np.ndarray]:
    root = ElementTree.fromstring(figure.file())
    paths = [e.get("d") for e in root.iter() if e.get("data-tour") == which]
    return [np.array(re.findall(r"([-\d.]+) ([-\d.]+)", d), dtype=float) for d in paths]


def test_the_best_tour_is_drawn_over_the_best_start(runs):
    figure = tour([path_of(runs, Stopped(1, "converged"))])
    (best,), (start,) = drawn(figure, "best"), drawn(figure, "start")
    scale = (best[2] - best[1])[0] / 40
    flipped = np.array(CITIES) * [scale, -scale]
    for corners, order in ((best, ROUND), (start, (0, 1, 3, 2))):
        expected = flipped[list(order)]
        assert corners - corners[0] == pytest.approx(expected - expected[0], abs=0.05)
    assert figure.data.rows[0][2:7] == ("solved", 160, 140, 140, 0)
    assert "length 140, 0.0% above the shortest" in figure.file()


def test_a_failed_run_is_named_as_such(runs):
    figure = tour([path_of(runs, Failed(2, "ModelUnavailable", "gone"))])
    assert "failed" in figure.file()
    assert "failed" in figure.description


def test_without_a_known_optimum_no_gap_is_stated(runs):
    settings = TspSettings(coordinates=CITIES)
    figure = tour([path_of(runs, Stopped(1, "max_steps"), spec=replace(TSP, problem=settings))])
    assert "above the shortest" not in figure.file()
    assert figure.table.rows[0][4] == "unknown"


def test_other_problems_have_no_tours(runs):
    add(runs, SPEC, STARTS, model="gemma")
    assert not has_tours(read_path(runs.all()[0][-1]))
