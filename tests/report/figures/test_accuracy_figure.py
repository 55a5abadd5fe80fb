"""The accuracy of instructions: drawn as in the log, with Wilson's intervals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opro_cli.core.events import Evaluation, Failed, Stepped
from opro_cli.report.figures.accuracy import accuracy, graded, has_accuracy
from opro_cli.report.figures.comparisons import comparisons
from opro_cli.report.figures.curves import curves
from opro_cli.report.figures.paths import read_path
from opro_cli.report.statistics import wilson
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests.recording import add
from tests.report.figures.drawn import Drawn
from tests.report.test_accuracy import SPEC, found, scored, write_data


@pytest.fixture
def runs(tmp_path, monkeypatch) -> RunStore:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "data.jsonl", 140)
    return RunStore(tmp_path / "runs")


def path_of(runs: RunStore, *given, spec=SPEC):
    add(runs, spec, *given, model="optimizer")
    return read_path(runs.all()[0][-1])


def test_the_best_so_far_and_the_results_on_the_test_are_those_of_the_log(runs):
    path = path_of(runs, *found())
    assert has_accuracy(path)
    figure = accuracy([path])
    drawn = Drawn(figure.file())
    assert drawn.at(0, 20) == pytest.approx(8 / 20, abs=0.005)
    assert drawn.at(0, 60) == pytest.approx(19 / 20, abs=0.005)
    rows = {(row[2], row[3], row[7]): row for row in figure.data.rows}
    chosen = rows["test", "chosen", "Be exact."]
    assert chosen[4:7] == (0.9, *wilson(90, 100))
    assert rows["train", "scored", "Be exact."][4:7] == (0.9, *wilson(18, 20))
    assert "chosen 90.0% of 100" in figure.description
    intervals = [e for e in drawn.root.iter() if e.get("data-interval")]
    widths = [float(e.get("x2")) - float(e.get("x1")) for e in intervals]
    low, high = wilson(90, 100)
    start_low, start_high = wilson(50, 100)
    assert widths[1] / widths[0] == pytest.approx((high - low) / (start_high - start_low), rel=0.01)


def test_an_instruction_dropped_in_a_race_has_no_accuracy_to_draw(runs):
    dropped = Evaluation(("Dropped.",), float("nan"), detail="11" + "." * 18)
    given = list(found())
    given.insert(4, Stepped(2, (dropped, scored("Last.", "1" * 10 + "0" * 10)), (), 22))
    figure = accuracy([path_of(runs, *given)])
    texts = [row[7] for row in figure.data.rows]
    assert "Last." in texts
    assert "Dropped." not in texts


def test_a_run_that_failed_has_no_result_on_the_test_and_is_named(runs):
    given = [*found()[:4], Failed(2, "ModelUnavailable", "gone")]
    figure = accuracy([path_of(runs, *given)])
    assert "no results on a test" in figure.description
    assert any("failed" in note for note in figure.notes)


def test_every_graded_instruction_is_in_the_grid_of_examples(runs):
    path = path_of(runs, *found())
    rows = [(one.split, one.part, one.point[0], len(one.share.detail)) for one in
            graded(path.view.totals)]  # fmt: skip
    assert ("train", "scored", "Be exact.", 20) in rows
    assert ("dev", "finalist", "Be exact.", 20) in rows
    assert ("test", "chosen", "Be exact.", 100) in rows


def test_repetitions_have_a_line_each_up_to_the_number_of_colours(runs):
    paths = [path_of(runs, *found(), spec=replace(SPEC, repetition=i)) for i in range(9)]
    figure = accuracy(paths)
    assert len(figure.chart.lines) == 8
    assert "1 run more, not drawn." in figure.notes


def test_the_curves_of_instructions_are_accuracies_that_rise(runs):
    for i in range(2):
        path_of(runs, *found(), spec=replace(SPEC, repetition=i))
    (one,) = comparisons(summarize(*runs.all(), histories=True))
    figure = curves(one)
    assert figure.chart.share
    assert "best accuracy" in figure.title
    assert [row[3] for row in figure.data.rows] == pytest.approx([0.4, 0.95])
    drawn = Drawn(figure.file())
    assert drawn.at(0, 60) == pytest.approx(0.95, abs=0.005)
    assert "solved" not in figure.file()
